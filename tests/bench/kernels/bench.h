/* SPDX-License-Identifier: MIT */
/*
 * A kernel of the benchmark: a function that does `count` units of work and returns a sum of what
 * it computed, the same on every processor that computes rightly. BENCH defines one:
 *
 *     BENCH(sieve, "integer/sieve", 900, 0, "sieve of Eratosthenes")
 *     {
 *         ... count ...
 *     }
 *
 * The number is the count for a run of about a quarter of a second on a processor of 2022, less
 * where emulators take a hundred times as long.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

/* What a kernel needs of the processor; without it, it is left out. */
enum {
    NEEDS_SSSE3 = 1u << 0,
    NEEDS_AVX = 1u << 1,
    NEEDS_AVX2 = 1u << 2,
    NEEDS_FMA = 1u << 3,
    NEEDS_AES = 1u << 4,
    NEEDS_SHA = 1u << 5,
    NEEDS_PCLMUL = 1u << 6,
    NEEDS_TWO_CPUS = 1u << 7,
};

typedef struct Bench {
    const char *name; /* group/kernel */
    uint64_t count;
    unsigned needs;
    const char *about;
    uint64_t (*run)(uint64_t count);
} Bench;

#define BENCH_AS(declaration, id, name, passes, needs, about)                                      \
    declaration uint64_t id(uint64_t);                                                             \
    static const Bench bench_of_##id = { name, passes, needs, about, id };                         \
    static const Bench *const pointer_to_##id __attribute__((section("benches"), used)) =          \
        &bench_of_##id;                                                                            \
    declaration uint64_t id(uint64_t count)

#define BENCH(...) BENCH_AS(static, __VA_ARGS__)

/* The same for instructions of the extensions `isa`, as the attribute "target" names them. */
#define BENCH_FOR(isa, ...) BENCH_AS(static __attribute__((target(isa))), __VA_ARGS__)

/* Starts the clock anew: what the kernel did until now was preparation. */
void bench_start(void);

/* Ends the program with a message: the kernel cannot do its work. */
_Noreturn void bench_fail(const char *what);

/* A page-aligned piece of fresh zeroed memory; `protection` as for mmap. */
void *bench_map(uint64_t size, int protection);

/* Restricts the calling thread to CPU `index`. */
void bench_pin(unsigned index);

static inline uint32_t bench_next(uint32_t x)
{
    x ^= x << 13;
    x ^= x >> 17;
    return x ^ x << 5;
}

/* Fills memory with bytes that are the same everywhere. */
static inline void bench_noise(void *to, uint64_t size, uint32_t seed)
{
    uint8_t *at = to;
    uint32_t x = seed | 1;
    for (uint64_t i = 0; i < size; i++) {
        x = bench_next(x);
        at[i] = (uint8_t)(x >> 11);
    }
}

/* Sum of bytes in which order counts. */
static inline uint64_t bench_sum(const void *of, uint64_t size)
{
    const uint8_t *at = of;
    uint64_t sum = size;
    for (uint64_t i = 0; i < size; i++)
        sum = sum * 31 + at[i];
    return sum;
}

/* Makes the compiler believe that `memory` was read and written here. */
#define BENCH_TOUCH(memory) __asm__ volatile("" : : "r"(memory) : "memory")

#endif
