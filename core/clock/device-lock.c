/* SPDX-License-Identifier: MIT */
/*
 * The device lock. Who comes while it is free takes it, even before those that sleep: handing it
 * from sleeper to sleeper would cost a switch of threads each time, and with many vCPUs on few host
 * processors nobody would get anything done. A sleeper that has waited for long is hungry: while
 * there are hungry ones, only they take the lock, so nobody is shut out.
 *
 * `word` holds HELD, WOKEN and the number of sleepers of both classes. WOKEN says that a sleeper
 * was woken and has not looked yet, so that an unlock need not wake another; each sleeper takes
 * the bit back before it looks. `turn` is what a class sleeps on: it changes before a wake-up.
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock/clock-internal.h"
#include "tenon/memory.h"

enum { HELD = 1u << 0, WOKEN = 1u << 1, SLEEPER = 1u << 2 };
enum { PATIENT, HUNGRY, CLASSES };
enum { LOCK_SPINS = 200, PATIENCE_US = 2000 };

static atomic_uint word, turn[CLASSES], hungry;
static TnAfterUnlock *after; /* under the lock */
static __thread __attribute__((tls_model("initial-exec"))) bool lock_mine;

static void futex_wait(unsigned class, unsigned seen)
{
    syscall(SYS_futex, &turn[class], FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void wake_one(unsigned class)
{
    atomic_fetch_add(&turn[class], 1);
    syscall(SYS_futex, &turn[class], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static bool try_lock(unsigned class)
{
    unsigned seen = atomic_load(&word);

    if (class == PATIENT && atomic_load(&hungry))
        return false;
    while (!(seen & HELD))
        if (atomic_compare_exchange_weak(&word, &seen, seen | HELD))
            return true;
    return false;
}

static bool spin(void)
{
    for (int i = 0; i < LOCK_SPINS; i++)
        if (!(atomic_load_explicit(&word, memory_order_relaxed) & HELD) && try_lock(PATIENT))
            return true;
    return false;
}

/* An unlock that comes after `seen` was read changes the turn, so that the wait ends at once. */
static void sleep_until_locked(void)
{
    int64_t start = g_get_monotonic_time();
    unsigned class = PATIENT;

    atomic_fetch_add(&word, SLEEPER);
    for (;;) {
        unsigned seen = atomic_load(&turn[class]);
        atomic_fetch_and(&word, ~(unsigned)WOKEN);
        if (try_lock(class))
            break;
        futex_wait(class, seen);
        if (class == PATIENT && g_get_monotonic_time() - start > PATIENCE_US) {
            class = HUNGRY;
            atomic_fetch_add(&hungry, 1);
        }
    }
    if (class == HUNGRY)
        atomic_fetch_sub(&hungry, 1);
    atomic_fetch_sub(&word, SLEEPER);
}

void tn_device_lock(void)
{
    g_assert(!lock_mine);
    if (!try_lock(PATIENT) && !spin())
        sleep_until_locked();
    lock_mine = true;
}

static void release(void)
{
    unsigned seen = atomic_fetch_and(&word, ~(unsigned)HELD) & ~(unsigned)HELD;

    while (seen >= SLEEPER && !(seen & HELD)) {
        if (atomic_load(&hungry)) {
            wake_one(HUNGRY);
            return;
        }
        if (seen & WOKEN)
            return;
        if (atomic_compare_exchange_weak(&word, &seen, seen | WOKEN)) {
            wake_one(PATIENT);
            return;
        }
    }
}

void tn_device_after_unlock(TnAfterUnlock *item)
{
    g_assert(lock_mine);
    if (item->queued)
        return;
    item->queued = true;
    item->next = after;
    after = item;
}

/* Items may be queued again as soon as the lock is free, so they are copied before. */
void tn_device_unlock(void)
{
    enum { AT_ONCE = 64 };
    TnAfterUnlock *items[AT_ONCE];
    unsigned n = 0;

    g_assert(lock_mine);
    for (; after; after = after->next) {
        after->queued = false;
        if (n < AT_ONCE)
            items[n++] = after;
        else
            after->fn(after);
    }
    lock_mine = false;
    release();
    for (unsigned i = 0; i < n; i++)
        items[i]->fn(items[i]);
}

bool tn_device_lock_held(void)
{
    return lock_mine;
}
