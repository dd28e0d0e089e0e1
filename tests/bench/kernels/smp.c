/* SPDX-License-Identifier: MIT */
/*
 * One thread and two threads that do the same work each, with and without atomics: twice the time
 * of the first over that of the second says how well two processors run side by side.
 */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LINE = 64, TABLE = 4096 };

typedef struct Worker {
    uint64_t count, sum;
    uint32_t table[TABLE];
    unsigned index;
    void (*work)(struct Worker *);
} Worker;

static Worker workers[2];
static _Alignas(LINE) atomic_uint lock;
static _Alignas(LINE) uint64_t guarded;
static _Alignas(LINE) atomic_ullong apart[2][LINE / 8];

static void work_alone(Worker *w)
{
    uint32_t x = 1 + w->index;
    for (uint64_t i = 0; i < w->count; i++) {
        x = bench_next(x);
        w->table[x % TABLE] += x;
        w->sum += w->table[(x >> 8) % TABLE];
    }
}

static void work_atomically(Worker *w)
{
    for (uint64_t i = 0; i < w->count; i++)
        atomic_fetch_add(&apart[w->index][0], i);
    w->sum = atomic_load(&apart[w->index][0]);
}

static void work_locked(Worker *w)
{
    for (uint64_t i = 0; i < w->count; i++) {
        while (atomic_exchange(&lock, 1))
            __builtin_ia32_pause();
        guarded++;
        atomic_store_explicit(&lock, 0, memory_order_release);
        for (uint32_t k = 0; k < 32; k++)
            w->sum = w->sum * 31 + k;
    }
}

static void *start(void *worker)
{
    Worker *w = worker;
    bench_pin(w->index);
    w->work(w);
    return NULL;
}

static uint64_t run(unsigned threads, uint64_t count, void (*work)(Worker *))
{
    pthread_t thread[2];
    uint64_t sum = 0;

    for (unsigned i = 0; i < threads; i++) {
        workers[i].index = i;
        workers[i].count = count;
        workers[i].work = work;
        if (pthread_create(&thread[i], NULL, start, &workers[i]) != 0)
            bench_fail("no thread");
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        sum = sum * 3 + workers[i].sum;
    }
    return sum + guarded;
}

BENCH(alone_one, "smp/apart-one", 30000000, NEEDS_TWO_CPUS, "one thread with data of its own")
{
    return run(1, count, work_alone);
}
BENCH(alone_two, "smp/apart-two", 30000000, NEEDS_TWO_CPUS, "two threads with data of their own")
{
    return run(2, count, work_alone);
}
BENCH(atomic_one, "smp/atomic-one", 20000000, NEEDS_TWO_CPUS, "one thread that adds atomically")
{
    return run(1, count, work_atomically);
}
BENCH(atomic_two, "smp/atomic-two", 20000000, NEEDS_TWO_CPUS, "two threads that add atomically")
{
    return run(2, count, work_atomically);
}
BENCH(locked_one, "smp/locked-one", 6000000, NEEDS_TWO_CPUS, "one thread that takes a lock")
{
    return run(1, count, work_locked);
}
BENCH(locked_two, "smp/locked-two", 6000000, NEEDS_TWO_CPUS, "two threads that take one lock")
{
    return run(2, count, work_locked);
}
