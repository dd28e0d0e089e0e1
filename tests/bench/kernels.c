/* SPDX-License-Identifier: MIT */
/*
 * Work for the benchmark, one named kernel for each thing that emulation makes slow. A kernel does
 * a fixed amount of work, about a tenth of a second on a processor of 2020; the driver takes the
 * time between the lines "bench-begin NAME" and "bench-end NAME SUM", so that no clock of the guest
 * is trusted. The sum shows that the work was done, and done alike.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, TABLE = 1 << 12, LARGE = 64 << 20 };

typedef uint64_t (*kernel)(void);

static uint32_t table[TABLE];

static uint32_t next(uint32_t x)
{
    x ^= x << 13;
    x ^= x >> 17;
    return x ^ x << 5;
}

static uint64_t integer(void)
{
    uint64_t a = 1, b = 2, c = 3;
    for (uint32_t i = 0; i < 40000000; i++) {
        a = a * 5 + b;
        b = (b ^ a >> 7) + i;
        c += a & b;
    }
    return a + b + c;
}

static uint64_t branches(void)
{
    uint32_t x = 12345;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 12000000; i++) {
        x = next(x);
        if (x & 1) {
            sum += x & 0xff;
        } else if (x & 6) {
            sum ^= x;
        } else {
            sum -= 3;
        }
    }
    return sum;
}

static __attribute__((noinline)) uint32_t fibonacci(uint32_t n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t calls(void)
{
    return fibonacci(32);
}

static __attribute__((noinline)) uint64_t plus(uint64_t x)
{
    return x + 3;
}
static __attribute__((noinline)) uint64_t times(uint64_t x)
{
    return x * 7;
}
static __attribute__((noinline)) uint64_t mix(uint64_t x)
{
    return x ^ x >> 9;
}

static uint64_t indirect(void)
{
    static uint64_t (*volatile const functions[4])(uint64_t) = { plus, times, mix, plus };
    uint64_t sum = 1;
    for (uint32_t i = 0; i < 20000000; i++) {
        sum = functions[(i ^ i >> 3) & 3](sum);
    }
    return sum;
}

static uint64_t memory_small(void)
{
    uint64_t sum = 0;
    for (uint32_t round = 0; round < 15000; round++) {
        for (uint32_t i = 0; i < TABLE; i += 2) {
            sum += table[i];
            table[i + 1] += (uint32_t)sum;
        }
    }
    return sum;
}

static uint64_t memory_wide(void)
{
    uint32_t *at = malloc(LARGE);
    uint64_t sum = 0;
    uint32_t x = 1;
    memset(at, 1, LARGE);
    for (uint32_t i = 0; i < 6000000; i++) {
        x = next(x);
        sum += at[x % (LARGE / 4)]++;
    }
    free(at);
    return sum;
}

static uint64_t scalar_double(void)
{
    double a = 1.0, b = 0.5;
    for (uint32_t i = 0; i < 25000000; i++) {
        a = a * 0.999999 + b;
        b = b / 1.0000001 + 0.000001 * a;
    }
    return (uint64_t)(a * 1000) + (uint64_t)(b * 1000);
}

typedef float packed __attribute__((vector_size(16)));
typedef int32_t packed_int __attribute__((vector_size(16)));

static uint64_t packed_float(void)
{
    packed a = { 1, 2, 3, 4 }, b = { 0.5f, 0.25f, 0.125f, 1 },
           c = { 0.999f, 0.998f, 0.997f, 0.996f };
    for (uint32_t i = 0; i < 30000000; i++) {
        a = a * c + b;
        b = b * c + a * 0.0001f;
    }
    return (uint64_t)(a[0] + a[1] + a[2] + a[3]);
}

static uint64_t packed_integer(void)
{
    packed_int a = { 1, 2, 3, 4 }, b = { 5, 6, 7, 8 };
    for (uint32_t i = 0; i < 40000000; i++) {
        a = (a + b) ^ (b << 3);
        b = (b - a) & (a | 0x55);
    }
    return (uint32_t)(a[0] ^ a[1] ^ b[2] ^ b[3]);
}

static uint64_t x87(void)
{
    long double a = 1.0L, b = 0.5L;
    for (uint32_t i = 0; i < 10000000; i++) {
        a = a * 0.999999L + b;
        b = b / 1.0000001L + 0.000001L * a;
    }
    return (uint64_t)(a * 1000) + (uint64_t)(b * 1000);
}

static uint64_t strings(void)
{
    static uint8_t from[PAGE * 4], to[PAGE * 4];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 60000; i++) {
        void *target = to;
        const void *source = from;
        size_t count = sizeof(from) / 2;
        __asm__ volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(count) : : "memory");
        target = from;
        count = sizeof(from) / 8;
        __asm__ volatile("rep stosq" : "+D"(target), "+c"(count) : "a"((uint64_t)i) : "memory");
        sum += to[i % sizeof(to)];
    }
    return sum;
}

static uint64_t page_faults(void)
{
    uint64_t sum = 0;
    for (uint32_t round = 0; round < 20; round++) {
        uint8_t *at =
            mmap(NULL, 2000 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (uint32_t i = 0; i < 2000; i++) {
            at[i * PAGE] = (uint8_t)i;
            sum += at[i * PAGE];
        }
        munmap(at, 2000 * PAGE);
    }
    return sum;
}

static uint64_t system_calls(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 400000; i++) {
        sum += (uint64_t)syscall(SYS_getppid) != 0;
    }
    return sum;
}

/* Functions written one after another: each is code never seen before. */
static uint64_t fresh_code(void)
{
    static const uint8_t text[] = { 0xb8, 0, 0, 0, 0, 0x05, 1, 0, 0, 0, 0x35, 2, 0, 0, 0, 0xc3 };
    uint8_t *at = mmap(NULL, PAGE * 64, PROT_READ | PROT_WRITE | PROT_EXEC,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 4000; i++) {
        uint8_t *function = at + i % 4096 * 64;
        memcpy(function, text, sizeof(text));
        memcpy(function + 1, &i, sizeof(i));
        sum += ((uint32_t(*)(void))(void *)function)();
    }
    munmap(at, PAGE * 64);
    return sum;
}

static const struct {
    const char *name;
    kernel run;
} kernels[] = {
    { "integer", integer },
    { "branches", branches },
    { "calls", calls },
    { "indirect-calls", indirect },
    { "memory-small", memory_small },
    { "memory-wide", memory_wide },
    { "sse-scalar", scalar_double },
    { "sse-packed-float", packed_float },
    { "sse-packed-integer", packed_integer },
    { "x87", x87 },
    { "strings", strings },
    { "page-faults", page_faults },
    { "system-calls", system_calls },
    { "fresh-code", fresh_code },
};

int main(int argc, char **argv)
{
    for (unsigned i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        if (argc > 1 && strcmp(argv[1], "all") != 0 && strcmp(argv[1], kernels[i].name) != 0) {
            continue;
        }
        printf("bench-begin %s\n", kernels[i].name);
        fflush(stdout);
        printf("bench-end %s %llu\n", kernels[i].name, (unsigned long long)kernels[i].run());
        fflush(stdout);
    }
    puts("bench-done");
    return 0;
}
