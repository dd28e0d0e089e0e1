/* SPDX-License-Identifier: MIT */
/*
 * The device lock: a ticket lock on a futex, so that threads get it in the order they came and
 * neither the main loop nor a vCPU is shut out by a busy one.
 *
 * `next` gives out tickets, `serving` is the ticket whose turn it is. A waiter spins for a while
 * when it is the very next, then sleeps on `serving` with the bit of its ticket, so that only it is
 * woken. `sleepers` spares the system call where nobody sleeps.
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tenon/memory.h"

enum { LOCK_SPINS = 200, LOCK_BITS = 32 };

static atomic_uint next, serving, sleepers;
static __thread __attribute__((tls_model("initial-exec"))) bool lock_mine;

static void futex_wait(unsigned seen, unsigned ticket)
{
    syscall(SYS_futex, &serving, FUTEX_WAIT_BITSET_PRIVATE, seen, NULL, NULL,
            1u << ticket % LOCK_BITS);
}

static void futex_wake(unsigned ticket)
{
    syscall(SYS_futex, &serving, FUTEX_WAKE_BITSET_PRIVATE, INT32_MAX, NULL, NULL,
            1u << ticket % LOCK_BITS);
}

static bool spin(unsigned ticket)
{
    for (int i = 0; i < LOCK_SPINS; i++) {
        unsigned seen = atomic_load_explicit(&serving, memory_order_acquire);
        if (seen == ticket)
            return true;
        if (ticket - seen > 1)
            return false;
    }
    return false;
}

/* A sleeper announces itself before it looks at `serving` again: the owner changes that first. */
static void sleep_until(unsigned ticket)
{
    unsigned seen;
    atomic_fetch_add(&sleepers, 1);
    while ((seen = atomic_load(&serving)) != ticket)
        futex_wait(seen, ticket);
    atomic_fetch_sub(&sleepers, 1);
}

void tn_device_lock(void)
{
    g_assert(!lock_mine);
    unsigned ticket = atomic_fetch_add(&next, 1);
    if (!spin(ticket))
        sleep_until(ticket);
    lock_mine = true;
}

void tn_device_unlock(void)
{
    g_assert(lock_mine);
    lock_mine = false;
    unsigned ticket = atomic_fetch_add(&serving, 1) + 1;
    if (atomic_load(&sleepers))
        futex_wake(ticket);
}

bool tn_device_lock_held(void)
{
    return lock_mine;
}
