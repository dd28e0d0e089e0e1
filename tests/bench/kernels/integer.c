/* SPDX-License-Identifier: MIT */
/* Integer arithmetic in registers and small tables. */
#include "bench.h"

#include <string.h>

enum { SLOTS = 4096, SIEVE = 32768, BLOCK = 4096 };

BENCH(hash, "integer/hash", 40000000, 0, "open-addressing hash table of 4096 slots")
{
    static uint64_t keys[SLOTS];
    uint64_t found = 0;
    uint32_t x = 1;

    for (uint64_t i = 0; i < count; i++) {
        x = bench_next(x);
        uint64_t key = x % (SLOTS / 2) + 1, at = key * UINT64_C(0x9e3779b97f4a7c15) >> 52;
        while (keys[at] && keys[at] != key)
            at = (at + 1) % SLOTS;
        found += keys[at] == key ? at : 1;
        keys[at] = key;
    }
    return found;
}

BENCH(sieve, "integer/sieve", 1200, 0, "sieve of Eratosthenes up to 32768")
{
    static uint8_t composite[SIEVE];
    uint64_t sum = 0;

    for (uint64_t round = 0; round < count; round++) {
        memset(composite, 0, sizeof(composite));
        for (uint32_t i = 2; i < SIEVE; i++) {
            if (composite[i])
                continue;
            sum += i;
            for (uint32_t n = i * 2; n < SIEVE; n += i)
                composite[n] = 1;
        }
    }
    return sum;
}

BENCH(mix, "integer/mix", 60000000, 0, "64-bit mixing: shifts, rotates, multiplications")
{
    uint64_t a = 1, b = 2, c = 3;

    for (uint64_t i = 0; i < count; i++) {
        a = (a ^ a >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        b = (b << 23 | b >> 41) + a;
        c ^= b + (i & a);
    }
    return a + b + c;
}

BENCH(divide, "integer/divide", 12000000, 0, "division, remainder and the high half of products")
{
    uint64_t sum = 0, x = UINT64_C(0x123456789abcdef);

    for (uint64_t i = 1; i <= count; i++) {
        uint32_t low = (uint32_t)i | 1;
        sum += x / i + (uint32_t)x % low;
        sum += (int64_t)sum / (int32_t)(low + 2);
        x = (uint64_t)((unsigned __int128)x * UINT64_C(0xda942042e4dd58b5) >> 32) + i;
    }
    return sum;
}

BENCH(branches, "integer/branches", 20000000, 0, "branches that cannot be predicted")
{
    uint32_t x = 12345;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < count; i++) {
        x = bench_next(x);
        if (x & 1) {
            sum += x & 0xff;
            BENCH_TOUCH(&sum);
        } else if (x & 6) {
            sum ^= x;
            BENCH_TOUCH(&sum);
        } else {
            sum -= 3;
        }
    }
    return sum;
}

BENCH(bits, "integer/bits", 40000000, 0, "bit scans, bit tests, byte swaps")
{
    uint64_t sum = 0, x = UINT64_C(0x9e3779b97f4a7c15);

    for (uint64_t i = 0; i < count; i++) {
        sum += (uint64_t)__builtin_ctzll(x) + (uint64_t)__builtin_clzll(x | 1);
        sum ^= __builtin_bswap64(x) >> (x & 31);
        x = x * 5 + (x >> (i & 63) & 1) + 1;
        x |= UINT64_C(1) << 63;
    }
    return sum;
}

BENCH(crc, "integer/crc", 12000, 0, "CRC-32 with a table, byte by byte")
{
    static uint32_t table[256];
    static uint8_t data[BLOCK];
    uint32_t crc = 0;

    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (unsigned bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? UINT32_C(0xedb88320) : 0);
    }
    bench_noise(data, sizeof(data), 7);
    for (uint64_t round = 0; round < count; round++) {
        for (uint32_t i = 0; i < BLOCK; i++)
            crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xff];
    }
    return crc;
}
