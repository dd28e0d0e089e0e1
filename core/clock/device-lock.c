/* SPDX-License-Identifier: MIT */
/*
 * The device lock: a futex mutex that remembers its owner and does not starve anyone.
 *
 * Whoever finds it free takes it, which suits vCPUs that do one short access after the other. A
 * thread that has waited for longer than LOCK_PATIENCE_NS becomes "starving": until it got the lock
 * nobody else may take it, so that neither the main loop nor a vCPU is shut out by a busy one.
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tenon/clock.h"
#include "tenon/memory.h"

enum {
    LOCK_FREE = 0,
    LOCK_TAKEN = 1,
    LOCK_CONTENDED = 2, /* taken, and somebody sleeps */
    LOCK_SPINS = 64,
    LOCK_PATIENCE_NS = 100000,
};

static atomic_uint lock_state;
static atomic_uint lock_starving; /* threads that must get it next */
static __thread bool lock_mine;

static void futex_wait(atomic_uint *word, unsigned value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word, int n)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

static bool lock_try(unsigned to)
{
    unsigned expected = LOCK_FREE;
    return atomic_compare_exchange_strong_explicit(&lock_state, &expected, to, memory_order_acquire,
                                                   memory_order_relaxed);
}

static bool lock_spin(void)
{
    for (int i = 0; i < LOCK_SPINS; i++) {
        if (atomic_load_explicit(&lock_state, memory_order_relaxed) == LOCK_FREE &&
            atomic_load_explicit(&lock_starving, memory_order_relaxed) == 0 &&
            lock_try(LOCK_TAKEN)) {
            return true;
        }
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }
    return false;
}

static void lock_wait(void)
{
    int64_t start = tn_clock_now(TN_CLOCK_REALTIME);
    bool starving = false;
    for (;;) {
        unsigned others = atomic_load(&lock_starving);
        if (others && !starving) {
            futex_wait(&lock_starving, others);
        } else if (atomic_exchange_explicit(&lock_state, LOCK_CONTENDED, memory_order_acquire) ==
                   LOCK_FREE) {
            break;
        } else {
            futex_wait(&lock_state, LOCK_CONTENDED);
        }
        if (!starving && tn_clock_now(TN_CLOCK_REALTIME) - start > LOCK_PATIENCE_NS) {
            starving = true;
            atomic_fetch_add(&lock_starving, 1);
        }
    }
    if (starving) {
        atomic_fetch_sub(&lock_starving, 1);
        futex_wake(&lock_starving, INT32_MAX);
    }
}

void tn_device_lock(void)
{
    g_assert(!lock_mine);
    if (atomic_load_explicit(&lock_starving, memory_order_relaxed) || !lock_try(LOCK_TAKEN)) {
        if (!lock_spin()) {
            lock_wait();
        }
    }
    lock_mine = true;
}

void tn_device_unlock(void)
{
    g_assert(lock_mine);
    lock_mine = false;
    if (atomic_exchange(&lock_state, LOCK_FREE) == LOCK_CONTENDED) {
        /* Who is woken may have to stand back for one that starves: then that one must wake too. */
        futex_wake(&lock_state, atomic_load(&lock_starving) ? INT32_MAX : 1);
    }
}

bool tn_device_lock_held(void)
{
    return lock_mine;
}
