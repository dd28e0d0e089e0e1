/* SPDX-License-Identifier: MIT */
/*
 * The three clocks. The virtual clock is the host's monotonic clock minus an offset while the
 * machine runs, and a constant while it stands; readers see both through a sequence counter, without
 * locks.
 */
#include "clock/clock-internal.h"

#include <stdatomic.h>
#include <time.h>

#include "clock/host-clock.h"

typedef struct VirtualClock {
    atomic_uint sequence;      /* odd while a writer is inside */
    _Atomic(int64_t) offset;   /* monotonic minus virtual, while running */
    _Atomic(int64_t) standing; /* the time, while not running */
    atomic_bool running;
    atomic_bool manual;
} VirtualClock;

static VirtualClock virtual_clock;

static int64_t wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * TN_NS_PER_SECOND + now.tv_nsec;
}

static inline int64_t virtual_time(bool early)
{
    for (;;) {
        unsigned before = atomic_load_explicit(&virtual_clock.sequence, memory_order_acquire);
        int64_t now = atomic_load_explicit(&virtual_clock.running, memory_order_relaxed)
            ? tn_host_clock_now(early) -
                  atomic_load_explicit(&virtual_clock.offset, memory_order_relaxed)
            : atomic_load_explicit(&virtual_clock.standing, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        if (!(before & 1) &&
            before == atomic_load_explicit(&virtual_clock.sequence, memory_order_relaxed)) {
            return now;
        }
    }
}

static int64_t virtual_now(void)
{
    return virtual_time(false);
}

int64_t tn_clock_virtual_early(void)
{
    return virtual_time(true);
}

int64_t tn_clock_now(TnClock clock)
{
    switch (clock) {
    case TN_CLOCK_VIRTUAL:
        return virtual_now();
    case TN_CLOCK_HOST:
        return wall_clock();
    default:
        return tn_host_clock_now(false);
    }
}

/* Writers are the main loop only, so the counter needs no lock of its own. */
static void virtual_write(bool running, int64_t offset, int64_t standing)
{
    atomic_fetch_add_explicit(&virtual_clock.sequence, 1, memory_order_acq_rel);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&virtual_clock.running, running, memory_order_relaxed);
    atomic_store_explicit(&virtual_clock.offset, offset, memory_order_relaxed);
    atomic_store_explicit(&virtual_clock.standing, standing, memory_order_relaxed);
    atomic_fetch_add_explicit(&virtual_clock.sequence, 1, memory_order_release);
}

void tn_clock_set_running(bool running)
{
    if (running == virtual_clock.running || virtual_clock.manual) {
        return;
    }
    int64_t now = virtual_now();
    virtual_write(running, tn_host_clock_now(false) - now, now);
    tn_timers_rearm();
}

bool tn_clock_running(void)
{
    return virtual_clock.running;
}

void tn_clock_set_manual(void)
{
    virtual_write(false, 0, virtual_now());
    virtual_clock.manual = true;
}

void tn_clock_step_to(int64_t when)
{
    for (;;) {
        int64_t next = tn_clock_next_deadline();
        int64_t now = virtual_now();
        int64_t stop = next >= 0 && next < when ? next : when;
        virtual_write(false, 0, stop > now ? stop : now);
        tn_timers_run(TN_CLOCK_VIRTUAL);
        if (stop == when) {
            return;
        }
    }
}
