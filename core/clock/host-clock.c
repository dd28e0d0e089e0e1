/* SPDX-License-Identifier: MIT */
/*
 * The host's monotonic clock from its time stamp counter: guests that ask for the time mostly wait for
 * clock_gettime otherwise.
 *
 * A line through a point of both clocks gives the time for as many ticks as a span has. Who comes
 * later finds a new line under a lock. It begins no lower than the last one may have told at its end,
 * so that nobody sees time go back, whatever line he used; where that is ahead of the clock, it is
 * flatter, to be level with it one span on.
 *
 * Only where the kernel itself takes the counter for its clock is it one for all processors and of
 * a rate that stays.
 */
#include "clock/host-clock.h"

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "tenon/clock.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define CLOCK_SOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

enum {
    RATE_BITS = 32,          /* behind the point, in ns a tick */
    SPAN = 1 << 21,          /* ticks; about a millisecond */
    FIRST = 1 << 22,         /* ticks to measure the rate by, at least */
    STRAY = 64,              /* part by which a rate that is right does not change */
    AT_ONCE = 1024,          /* ticks that asking for both takes, unless something comes between */
    MOST_TRIES = 8,
};
static const uint64_t LONG = UINT64_C(1) << 32; /* ticks to measure it by, in the long run */

typedef struct Point {
    uint64_t tick;
    int64_t ns;
} Point;

static struct {
    GMutex lock;
    atomic_uint sequence; /* odd while the line changes */
    /* The line: from a tick, for `span` more; 0: there is none. */
    _Atomic(uint64_t) tick, span, rate;
    _Atomic(int64_t) ns;
    atomic_bool plain; /* the host's clock itself is to be asked */
    /* With the lock held. */
    bool asked;
    Point anchor, next_anchor; /* that the rate is measured from, from some time on */
    uint64_t measured;         /* rate; 0: not known yet */
    int64_t floor;             /* no less may be told */
} line;

static int64_t slow_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * TN_NS_PER_SECOND + now.tv_nsec;
}

#if defined(__x86_64__)
static uint64_t ticks(bool early)
{
    if (!early)
        _mm_lfence();
    return __rdtsc();
}

static bool may_trust(void)
{
    g_autofree char *name = NULL;

    return g_file_get_contents(CLOCK_SOURCE, &name, NULL, NULL) && !strcmp(g_strstrip(name), "tsc");
}
#else
static uint64_t ticks(bool early)
{
    return 0;
}

static bool may_trust(void)
{
    return false;
}
#endif

static int64_t along(uint64_t distance, uint64_t rate)
{
    return (int64_t)((unsigned __int128)distance * rate >> RATE_BITS);
}

static void set_line(const Point *from, uint64_t rate, uint64_t span)
{
    atomic_fetch_add_explicit(&line.sequence, 1, memory_order_acq_rel);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&line.tick, from->tick, memory_order_relaxed);
    atomic_store_explicit(&line.ns, from->ns, memory_order_relaxed);
    atomic_store_explicit(&line.rate, rate, memory_order_relaxed);
    atomic_store_explicit(&line.span, span, memory_order_relaxed);
    atomic_fetch_add_explicit(&line.sequence, 1, memory_order_release);
    line.floor = from->ns + along(span, rate);
}

/* ---- The rate ---------------------------------------------------------------------------- */

static void measure_from(const Point *now)
{
    line.anchor = line.next_anchor = *now;
    line.measured = 0;
}

/* False: not known. */
static bool measure(const Point *now)
{
    uint64_t ticks = now->tick - line.anchor.tick, was = line.measured;

    if (!line.anchor.tick || now->tick <= line.anchor.tick || now->ns <= line.anchor.ns) {
        measure_from(now);
        return false;
    }
    if (ticks < FIRST)
        return false;
    line.measured = (uint64_t)(((unsigned __int128)(now->ns - line.anchor.ns) << RATE_BITS) / ticks);
    if (was && (line.measured > was + was / STRAY || line.measured < was - was / STRAY)) {
        measure_from(now);
        return false;
    }
    if (now->tick - line.next_anchor.tick > LONG) {
        line.anchor = line.next_anchor;
        line.next_anchor = *now;
    }
    return line.measured != 0;
}

/* ---- The next line ----------------------------------------------------------------------- */

static int64_t next_line(const Point *now)
{
    Point from = { .tick = now->tick, .ns = MAX(now->ns, line.floor) };
    uint64_t rate;
    int64_t length, ahead;

    if (!measure(now)) {
        set_line(&from, 0, 0);
        return from.ns;
    }
    rate = line.measured;
    length = along(SPAN, rate);
    ahead = MIN(from.ns - now->ns, length / 2);
    set_line(&from, rate - (uint64_t)((unsigned __int128)rate * (uint64_t)ahead / (uint64_t)length),
             SPAN);
    return from.ns;
}

/* Both clocks at one time. */
static Point ask(void)
{
    Point now;
    uint64_t before, after = ticks(false);
    int tries = 0;

    do {
        before = after;
        now.ns = slow_now();
        after = ticks(false);
    } while (after - before > AT_ONCE && ++tries < MOST_TRIES);
    now.tick = before + (after - before) / 2;
    return now;
}

static int64_t now_locked(void)
{
    Point now;

    if (!line.asked) {
        line.asked = true;
        line.plain = !may_trust();
    }
    if (line.plain)
        return slow_now();
    now.tick = ticks(false);
    if (now.tick - line.tick < line.span)
        return line.ns + along(now.tick - line.tick, line.rate);
    now = ask();
    return next_line(&now);
}

static int64_t line_ended(void)
{
    int64_t ns;

    if (atomic_load_explicit(&line.plain, memory_order_relaxed))
        return slow_now();
    g_mutex_lock(&line.lock);
    ns = now_locked();
    g_mutex_unlock(&line.lock);
    return ns;
}

int64_t tn_host_clock_now(bool early)
{
    unsigned before = atomic_load_explicit(&line.sequence, memory_order_acquire);
    uint64_t distance = ticks(early) - atomic_load_explicit(&line.tick, memory_order_relaxed);
    int64_t ns;

    if (distance >= atomic_load_explicit(&line.span, memory_order_relaxed))
        return line_ended();
    ns = atomic_load_explicit(&line.ns, memory_order_relaxed) +
         (int64_t)(distance * atomic_load_explicit(&line.rate, memory_order_relaxed) >> RATE_BITS);
    atomic_thread_fence(memory_order_acquire);
    if ((before & 1) || before != atomic_load_explicit(&line.sequence, memory_order_relaxed))
        return line_ended();
    return ns;
}
