/* SPDX-License-Identifier: MIT */
/* Loads and stores: chains of pointers through working sets of several sizes, and sweeps. */
#include "bench.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { KIB = 1024, MIB = 1024 * 1024, LINE = 64, SWEEP = 1 * MIB, MATRIX = 192 };

/* ---- Pointer chases ---------------------------------------------------------------------- */

/* One cycle through all places `stride` bytes apart (Sattolo's shuffle). */
static uint8_t *chain(uint64_t size, uint64_t stride)
{
    uint8_t *at = bench_map(size, PROT_READ | PROT_WRITE);
    uint64_t n = size / stride, x = 88172645463325252u;
    uint32_t *order = bench_map(n * sizeof(*order), PROT_READ | PROT_WRITE);

    for (uint64_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (uint64_t i = n - 1; i > 0; i--) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        uint64_t other = x % i;
        uint32_t swap = order[i];
        order[i] = order[other];
        order[other] = swap;
    }
    for (uint64_t i = 0; i < n; i++)
        *(void **)(void *)(at + order[i] * stride) = at + order[(i + 1) % n] * stride;
    munmap(order, n * sizeof(*order));
    return at;
}

static uint64_t chase(uint64_t size, uint64_t stride, uint64_t count)
{
    uint8_t *start = chain(size, stride);
    void **at = (void **)(void *)start;

    bench_start();
    for (uint64_t i = 0; i < count; i += 4)
        at = (void **)***(void ****)*at;
    return (uint64_t)((uint8_t *)at - start);
}

BENCH(chase_16k, "chase/16K", 120000000, 0, "chain of pointers through 16 KiB")
{
    return chase(16 * KIB, LINE, count);
}
BENCH(chase_256k, "chase/256K", 50000000, 0, "chain of pointers through 256 KiB")
{
    return chase(256 * KIB, LINE, count);
}
BENCH(chase_4m, "chase/4M", 2000000, 0, "chain of pointers through 4 MiB")
{
    return chase(4 * MIB, LINE, count);
}
BENCH(chase_64m, "chase/64M", 1000000, 0, "chain of pointers through 64 MiB")
{
    return chase(64 * MIB, 4 * LINE, count);
}
BENCH(chase_256m, "chase/256M", 1000000, 0, "chain of pointers through 256 MiB")
{
    return chase(256 * MIB, 4 * LINE, count);
}

/* ---- Sweeps ------------------------------------------------------------------------------ */

static uint64_t from[SWEEP / 8], to[SWEEP / 8];

BENCH(copy, "memory/copy", 1600, 0, "copy 1 MiB, word by word")
{
    bench_noise(from, sizeof(from), 5);
    bench_start();
    for (uint64_t round = 0; round < count; round++) {
        for (uint32_t i = 0; i < SWEEP / 8; i++)
            to[i] = from[i];
        from[round % (SWEEP / 8)]++;
        BENCH_TOUCH(to);
    }
    return bench_sum(to, sizeof(to));
}

BENCH(fill, "memory/fill", 2400, 0, "fill 1 MiB, word by word")
{
    for (uint64_t round = 0; round < count; round++) {
        for (uint32_t i = 0; i < SWEEP / 8; i++)
            to[i] = round;
        BENCH_TOUCH(to);
    }
    return bench_sum(to, sizeof(to));
}

BENCH(update, "memory/update", 30000, 0, "add to neighbours in 16 KiB")
{
    static uint32_t table[4096];
    uint64_t sum = 0;

    for (uint64_t round = 0; round < count; round++) {
        for (uint32_t i = 0; i < 4096; i += 2) {
            sum += table[i];
            table[i + 1] += (uint32_t)sum + 1;
            table[i] ^= table[i + 1];
        }
    }
    return sum;
}

BENCH(scatter, "memory/scatter", 10000000, 0, "random updates over 64 MiB")
{
    uint32_t *at = bench_map(64 * MIB, PROT_READ | PROT_WRITE), x = 1;
    uint64_t sum = 0;

    for (uint32_t i = 0; i < 64 * MIB / 4; i += KIB)
        at[i] = i;
    bench_start();
    for (uint64_t i = 0; i < count; i++) {
        x = bench_next(x);
        sum += at[x % (64 * MIB / 4)]++;
    }
    return sum;
}

BENCH(transpose, "memory/transpose", 2400, 0, "transpose a matrix of 192 x 192 words")
{
    static uint32_t a[MATRIX][MATRIX], b[MATRIX][MATRIX];

    bench_noise(a, sizeof(a), 11);
    for (uint64_t round = 0; round < count; round++) {
        for (uint32_t i = 0; i < MATRIX; i++) {
            for (uint32_t j = 0; j < MATRIX; j++)
                b[j][i] = a[i][j];
        }
        a[round % MATRIX][0]++;
        BENCH_TOUCH(b);
    }
    return bench_sum(b, sizeof(b));
}
