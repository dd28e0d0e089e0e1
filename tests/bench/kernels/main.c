/* SPDX-License-Identifier: MIT */
/*
 * Runs the kernels of a plan, a file of lines "NAME COUNT", each in a process of its own, and tells
 * on the standard output
 *
 *     bench-begin NAME               the clock starts (again, after preparations) when a line has
 *                                    come on the standard input
 *     bench-end NAME NS CPU-NS SUM   it is done: time passed, processor time, sum
 *     bench-skip NAME                the processor lacks what the kernel needs
 *     bench-fail NAME WHY            it could not be run
 *     bench-done                     the plan is done
 *
 * "--list" prints every kernel's name, count and description instead.
 */
#include "bench.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { NAME_MAX_LENGTH = 64, BILLION = 1000000000, THOUSAND = 1000 };

extern const Bench *const __start_benches[], *const __stop_benches[];

static const char *current;
static uint64_t start_time, start_cpu;

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * BILLION + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_of(int who)
{
    struct rusage use;
    getrusage(who, &use);
    return (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * BILLION +
           (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * THOUSAND;
}

static uint64_t cpu_now(void)
{
    return cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN);
}

void bench_start(void)
{
    int c;
    printf("bench-begin %s\n", current);
    fflush(stdout);
    tcdrain(STDOUT_FILENO);
    do
        c = getchar();
    while (c != '\n' && c != EOF);
    start_cpu = cpu_now();
    start_time = now();
}

void bench_fail(const char *what)
{
    printf("bench-fail %s %s\n", current, what);
    fflush(stdout);
    _exit(0);
}

void *bench_map(uint64_t size, int protection)
{
    void *at = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        bench_fail("no memory");
    return at;
}

void bench_pin(unsigned index)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(index, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        bench_fail("cannot be bound to a processor");
}

/* ---- The plan ---------------------------------------------------------------------------- */

static unsigned present(void)
{
    unsigned has = 0;
    __builtin_cpu_init();
    has |= __builtin_cpu_supports("ssse3") ? NEEDS_SSSE3 : 0;
    has |= __builtin_cpu_supports("avx") ? NEEDS_AVX : 0;
    has |= __builtin_cpu_supports("avx2") ? NEEDS_AVX2 : 0;
    has |= __builtin_cpu_supports("fma") ? NEEDS_FMA : 0;
    has |= __builtin_cpu_supports("aes") ? NEEDS_AES : 0;
    has |= __builtin_cpu_supports("pclmul") ? NEEDS_PCLMUL : 0;
    has |= sysconf(_SC_NPROCESSORS_ONLN) > 1 ? NEEDS_TWO_CPUS : 0;

    /* SDM Vol. 2A, CPUID leaf 7: EBX bit 29 is SHA. */
    uint32_t a = 7, b, c = 0, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return has | (b >> 29 & 1 ? NEEDS_SHA : 0);
}

static void run_here(const Bench *bench, uint64_t count)
{
    bench_start();
    uint64_t sum = bench->run(count);
    uint64_t took = now() - start_time, cpu = cpu_now() - start_cpu;
    printf("bench-end %s %llu %llu %llu\n", bench->name, (unsigned long long)took,
           (unsigned long long)cpu, (unsigned long long)sum);
    fflush(stdout);
}

static void run(const Bench *bench, uint64_t count)
{
    int status = 0;

    current = bench->name;
    if (bench->needs & ~present()) {
        printf("bench-skip %s\n", bench->name);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        run_here(bench, count);
        _exit(0); /* exit() would move the plan's file back */
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        printf("bench-fail %s ended with wait status %#x\n", bench->name, (unsigned)status);
}

static const Bench *find(const char *name)
{
    for (const Bench *const *b = __start_benches; b < __stop_benches; b++) {
        if (strcmp((*b)->name, name) == 0)
            return *b;
    }
    return NULL;
}

static int run_plan(const char *path)
{
    char name[NAME_MAX_LENGTH];
    unsigned long long count;
    FILE *plan = fopen(path, "r");

    if (!plan) {
        perror(path);
        return 1;
    }
    while (fscanf(plan, "%63s %llu", name, &count) == 2) {
        const Bench *bench = find(name);
        if (bench)
            run(bench, count);
        else
            printf("bench-fail %s is unknown\n", name);
        fflush(stdout);
    }
    puts("bench-done");
    return fclose(plan);
}

static int list(void)
{
    for (const Bench *const *b = __start_benches; b < __stop_benches; b++)
        printf("%s %llu %s\n", (*b)->name, (unsigned long long)(*b)->count, (*b)->about);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--child") == 0)
        return 0; /* what system/fork-exec runs */
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    if (argc == 2)
        return run_plan(argv[1]);
    fprintf(stderr, "usage: %s PLAN | --list\n", argv[0]);
    return 2;
}
