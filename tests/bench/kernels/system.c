/* SPDX-License-Identifier: MIT */
/* What passes through the operating system: calls, faults, signals, processes, switches. */
#include "bench.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 512 };

BENCH(getpid_calls, "system/getpid", 1000000, 0, "a system call that does nothing")
{
    uint64_t same = 0, pid = (uint64_t)syscall(SYS_getpid);
    for (uint64_t i = 0; i < count; i++)
        same += (uint64_t)syscall(SYS_getpid) == pid;
    return same;
}

BENCH(faults, "system/faults", 150, 0, "map 512 pages, touch and unmap them")
{
    uint64_t sum = 0;
    for (uint64_t round = 0; round < count; round++) {
        uint8_t *at = bench_map(PAGES * PAGE, PROT_READ | PROT_WRITE);
        madvise(at, PAGES * PAGE, MADV_NOHUGEPAGE);
        for (uint32_t i = 0; i < PAGES; i++) {
            at[i * PAGE] = (uint8_t)i;
            sum += at[i * PAGE];
        }
        munmap(at, PAGES * PAGE);
    }
    return sum;
}

BENCH(protect, "system/protect", 40000, 0, "take the right to write from a page, give it back")
{
    uint8_t *at = bench_map(PAGE, PROT_READ | PROT_WRITE);
    for (uint64_t i = 0; i < count; i++) {
        mprotect(at, PAGE, PROT_READ);
        mprotect(at, PAGE, PROT_READ | PROT_WRITE);
        at[0]++;
    }
    return at[0];
}

/* ---- Signals ----------------------------------------------------------------------------- */

static volatile sig_atomic_t caught;
static uint8_t *guarded;

static void on_signal(int number)
{
    caught++;
    if (number == SIGSEGV)
        mprotect(guarded, PAGE, PROT_READ | PROT_WRITE);
}

static void handle(int number)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(number, &action, NULL);
}

BENCH(signals, "system/signals", 60000, 0, "signals sent to the program itself")
{
    pid_t pid = getpid();
    handle(SIGUSR1);
    for (uint64_t i = 0; i < count; i++)
        syscall(SYS_tgkill, pid, pid, SIGUSR1);
    return (uint64_t)caught;
}

BENCH(segv, "system/segv", 30000, 0, "faults caught by a signal handler")
{
    guarded = bench_map(PAGE, PROT_READ | PROT_WRITE);
    handle(SIGSEGV);
    for (uint64_t i = 0; i < count; i++) {
        mprotect(guarded, PAGE, PROT_NONE);
        *(volatile uint8_t *)guarded = 1;
    }
    return (uint64_t)caught;
}

/* ---- Processes --------------------------------------------------------------------------- */

static void exchange(int from, int to, uint64_t count)
{
    char byte = 1;
    for (uint64_t i = 0; i < count; i++) {
        if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1)
            bench_fail("the pipe broke");
    }
}

BENCH(pipes, "system/pipe", 40000, 0, "a byte through pipes to another process and back")
{
    int there[2], back[2];

    bench_pin(0);
    if (pipe(there) != 0 || pipe(back) != 0)
        bench_fail("no pipe");
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(there[1]);
        while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
            ;
        _exit(0);
    }
    exchange(back[0], there[1], count);
    close(there[1]);
    waitpid(child, NULL, 0);
    return count;
}

static uint64_t children(uint64_t count, int run)
{
    uint64_t ended = 0;
    for (uint64_t i = 0; i < count; i++) {
        int status = 1;
        pid_t child = fork();
        if (child == 0) {
            if (run)
                execl("/proc/self/exe", "bench", "--child", (char *)0);
            _exit(run);
        }
        waitpid(child, &status, 0);
        ended += status == 0;
    }
    return ended;
}

BENCH(forks, "system/fork", 1000, 0, "fork and wait")
{
    bench_pin(0);
    return children(count, 0);
}

BENCH(execs, "system/fork-exec", 400, 0, "fork, run a program, wait")
{
    bench_pin(0);
    return children(count, 1);
}

/* ---- Threads that take turns ------------------------------------------------------------- */

static atomic_uint turn;

static void take_turns(uint32_t mine, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        while (atomic_load(&turn) != mine)
            syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !mine, NULL);
        atomic_store(&turn, !mine);
        syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1);
    }
}

static void *second(void *count)
{
    take_turns(1, *(uint64_t *)count);
    return NULL;
}

BENCH(switches, "system/switch", 50000, 0, "two threads on one processor take turns by futex")
{
    pthread_t other;

    bench_pin(0);
    atomic_store(&turn, 0);
    if (pthread_create(&other, NULL, second, &count) != 0)
        bench_fail("no thread");
    take_turns(0, count);
    pthread_join(other, NULL);
    return count;
}

BENCH(clocks, "system/clock", 4000000, 0, "clock_gettime, for which Linux needs no system call")
{
    struct timespec t = { 0, 0 };
    uint64_t backwards = 0, last = 0;
    for (uint64_t i = 0; i < count; i++) {
        clock_gettime(CLOCK_MONOTONIC, &t);
        uint64_t now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
        backwards += now < last;
        last = now;
    }
    return backwards;
}
