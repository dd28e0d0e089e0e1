/* SPDX-License-Identifier: MIT */
/* Strings: byte loops as a simple C library has them, and the processor's string instructions. */
#include "bench.h"

#define OUTLINE __attribute__((noinline, noclone))

enum { LENGTH = 4000, LARGE = 65536, SMALL = 48 };

static uint8_t one[LARGE + SMALL], two[LARGE + SMALL];

static void letters(uint8_t *at, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        at[i] = (uint8_t)('a' + i * 7 % 26);
    at[size] = 0;
}

/* ---- Byte loops -------------------------------------------------------------------------- */

static OUTLINE uint64_t length(const uint8_t *s)
{
    const uint8_t *at = s;
    while (*at)
        at++;
    return (uint64_t)(at - s);
}

static OUTLINE const uint8_t *find(const uint8_t *s, uint8_t c, uint64_t n)
{
    for (; n && *s != c; n--)
        s++;
    return n ? s : 0;
}

static OUTLINE int order(const uint8_t *a, const uint8_t *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a - *b;
}

BENCH(lengths, "string/strlen", 100000, 0, "length of 4000 bytes, byte by byte")
{
    uint64_t sum = 0;
    letters(one, LENGTH);
    for (uint64_t i = 0; i < count; i++)
        sum += length(one + i % 64);
    return sum;
}

BENCH(finds, "string/memchr", 80000, 0, "a byte among 4000, byte by byte")
{
    uint64_t sum = 0;
    letters(one, LENGTH);
    for (uint64_t i = 0; i < count; i++)
        sum += (uint64_t)(find(one + i % 64, 0, LARGE) - one);
    return sum;
}

BENCH(orders, "string/strcmp", 80000, 0, "compare 4000 bytes, byte by byte")
{
    uint64_t sum = 0;
    letters(one, LENGTH);
    letters(two, LENGTH);
    two[LENGTH - 1]++;
    for (uint64_t i = 0; i < count; i++)
        sum += (uint64_t)(int64_t)order(one + i % 64, two + i % 64);
    return sum;
}

/* ---- String instructions ----------------------------------------------------------------- */

static inline void movsb(void *to, const void *from, uint64_t n)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static inline void stosb(void *to, uint8_t value, uint64_t n)
{
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
}

BENCH(movs, "string/rep-movs", 50000, 0, "REP MOVSB of 64 KiB")
{
    letters(one, LARGE);
    for (uint64_t i = 0; i < count; i++)
        movsb(two + i % 32, one, LARGE);
    return bench_sum(two, sizeof(two));
}

BENCH(movs_short, "string/rep-movs-short", 10000000, 0, "REP MOVSB of 1 to 48 bytes")
{
    uint64_t sum = 0;
    letters(one, LARGE);
    for (uint64_t i = 0; i < count; i++) {
        movsb(two + i % LENGTH, one + (i * 5) % LENGTH, i % SMALL + 1);
        sum += two[i % LENGTH];
    }
    return sum;
}

BENCH(movsq, "string/rep-movsq", 50000, 0, "REP MOVSQ of 64 KiB")
{
    letters(one, LARGE);
    for (uint64_t i = 0; i < count; i++) {
        void *to = two + i % 32;
        const void *from = one;
        uint64_t n = LARGE / 8;
        __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    }
    return bench_sum(two, sizeof(two));
}

BENCH(stos, "string/rep-stos", 80000, 0, "REP STOSB of 64 KiB")
{
    for (uint64_t i = 0; i < count; i++)
        stosb(two + i % 32, (uint8_t)i, LARGE);
    return bench_sum(two, sizeof(two));
}

BENCH(stos_short, "string/rep-stos-short", 10000000, 0, "REP STOSB of 1 to 48 bytes")
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        stosb(two + i % LENGTH, (uint8_t)i, i % SMALL + 1);
        sum += two[i % LENGTH + i % SMALL];
    }
    return sum;
}

BENCH(scas, "string/rep-scas", 100000, 0, "REPNE SCASB over 4000 bytes")
{
    uint64_t sum = 0;
    letters(one, LENGTH);
    for (uint64_t i = 0; i < count; i++) {
        const void *at = one + i % 64;
        uint64_t n = LARGE;
        __asm__ volatile("repne scasb" : "+D"(at), "+c"(n) : "a"(0) : "memory", "cc");
        sum += LARGE - n;
    }
    return sum;
}

BENCH(cmps, "string/rep-cmps", 60000, 0, "REPE CMPSB over 4000 bytes")
{
    uint64_t sum = 0;
    letters(one, LENGTH);
    letters(two, LENGTH);
    two[LENGTH - 1]++;
    for (uint64_t i = 0; i < count; i++) {
        const void *a = one + i % 64, *b = two + i % 64;
        uint64_t n = LARGE;
        __asm__ volatile("repe cmpsb" : "+S"(a), "+D"(b), "+c"(n) : : "memory", "cc");
        sum += LARGE - n;
    }
    return sum;
}

/* How far the bytes at `at` are in the ranges, of which there are up to eight; ends at a zero byte. */
static inline uint64_t span(const uint8_t *at, const uint8_t ranges[16])
{
    const uint8_t *start = at;
    uint64_t left;

    __asm__("movdqu (%2), %%xmm0\n"
            "1: movdqu (%0), %%xmm1\n"
            "add $16, %0\n"
            "pcmpistri $0x14, %%xmm1, %%xmm0\n" /* bytes, ranges, negated: the first outside */
            "ja 1b\n"
            : "+r"(at), "=c"(left) : "r"(ranges) : "xmm0", "xmm1", "memory", "cc");
    return (uint64_t)(at - start) - 16 + left;
}

BENCH(spans, "string/span", 60000, 0, "PCMPISTRI over 4000 bytes: letters")
{
    static const uint8_t ranges[16] = { 'a', 'z', 'A', 'Z' };
    uint64_t sum = 0;

    letters(one, LENGTH);
    for (uint64_t i = 0; i < count; i++)
        sum += span(one + i % 64, ranges);
    return sum;
}
