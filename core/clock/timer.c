/* SPDX-License-Identifier: MIT */
/*
 * Timers: one binary heap per clock, under one mutex. Two timerfds wake the main loop: GLib's own
 * deadlines are rounded to milliseconds, guests program microseconds. The monotonic one serves the
 * virtual and the realtime clock, the wall clock's one also wakes when the host's time is set.
 *
 * Only an earlier deadline re-arms a timerfd: a cancelled one costs a spurious wake-up instead of a
 * system call for each cancel.
 */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock/clock-internal.h"
#include "clock/owned.h"

#ifndef TFD_TIMER_CANCEL_ON_SET
#define TFD_TIMER_CANCEL_ON_SET (1 << 1)
#endif

enum { TIMER_CLOCKS = TN_CLOCK_HOST + 1, TIMER_IDLE = -1 };

struct TnTimer {
    TnObject *owner; /* borrowed */
    TnClock clock;
    int index;       /* in the heap, or TIMER_IDLE */
    int64_t when;
    uint64_t order;  /* of setting: equal deadlines fire in it */
    void (*fn)(void *opaque);
    void *opaque;
};

typedef struct TimerFd {
    int fd;
    int64_t armed; /* in the fd's own clock; INT64_MAX: not armed */
} TimerFd;

static GMutex timer_mutex;
static GPtrArray *timer_heaps[TIMER_CLOCKS]; /* of TnTimer *, the earliest first */
static uint64_t timer_order;
static TimerFd timer_monotonic = { .fd = -1, .armed = INT64_MAX };
static TimerFd timer_wall = { .fd = -1, .armed = INT64_MAX };
static bool timer_virtual_stands = true;

/* ---- Heap -------------------------------------------------------------------------------- */

static TnTimer *heap_at(GPtrArray *heap, int i)
{
    return heap->pdata[i];
}

static void heap_put(GPtrArray *heap, int i, TnTimer *timer)
{
    heap->pdata[i] = timer;
    timer->index = i;
}

static bool timer_before(const TnTimer *a, const TnTimer *b)
{
    return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static void heap_up(GPtrArray *heap, int i)
{
    TnTimer *timer = heap_at(heap, i);
    while (i > 0 && timer_before(timer, heap_at(heap, (i - 1) / 2))) {
        heap_put(heap, i, heap_at(heap, (i - 1) / 2));
        i = (i - 1) / 2;
    }
    heap_put(heap, i, timer);
}

static void heap_down(GPtrArray *heap, int i)
{
    TnTimer *timer = heap_at(heap, i);
    for (;;) {
        int child = 2 * i + 1;
        if (child + 1 < (int)heap->len &&
            timer_before(heap_at(heap, child + 1), heap_at(heap, child))) {
            child++;
        }
        if (child >= (int)heap->len || !timer_before(heap_at(heap, child), timer)) {
            break;
        }
        heap_put(heap, i, heap_at(heap, child));
        i = child;
    }
    heap_put(heap, i, timer);
}

static GPtrArray *heap_of(TnClock clock)
{
    if (!timer_heaps[clock]) {
        timer_heaps[clock] = g_ptr_array_new();
    }
    return timer_heaps[clock];
}

static void heap_remove(TnTimer *timer)
{
    GPtrArray *heap = heap_of(timer->clock);
    int i = timer->index;
    TnTimer *last = heap_at(heap, heap->len - 1);
    g_ptr_array_set_size(heap, heap->len - 1);
    timer->index = TIMER_IDLE;
    if (last != timer) {
        heap_put(heap, i, last);
        heap_down(heap, i);
        heap_up(heap, last->index);
    }
}

/* ---- The timerfds ------------------------------------------------------------------------ */

static int64_t heap_deadline(TnClock clock)
{
    GPtrArray *heap = heap_of(clock);
    return heap->len ? heap_at(heap, 0)->when : INT64_MAX;
}

/* The earliest deadline of virtual and realtime, on the host's monotonic clock. */
static int64_t monotonic_deadline(void)
{
    int64_t deadline = heap_deadline(TN_CLOCK_REALTIME);
    int64_t guest = heap_deadline(TN_CLOCK_VIRTUAL);
    if (guest != INT64_MAX && !timer_virtual_stands) {
        int64_t offset = tn_clock_now(TN_CLOCK_REALTIME) - tn_clock_now(TN_CLOCK_VIRTUAL);
        int64_t when;
        if (!__builtin_add_overflow(guest, offset, &when) && when < deadline) {
            deadline = when;
        }
    }
    return deadline;
}

static void timerfd_arm(TimerFd *timer, int64_t when, int flags)
{
    if (timer->fd < 0) {
        return;
    }
    int64_t at = when < 1 ? 1 : when; /* zero would disarm */
    struct itimerspec spec = { 0 };
    if (when != INT64_MAX) {
        spec.it_value.tv_sec = at / TN_NS_PER_SECOND;
        spec.it_value.tv_nsec = at % TN_NS_PER_SECOND;
    } else if (flags & TFD_TIMER_CANCEL_ON_SET) {
        spec.it_value.tv_sec = INT32_MAX; /* armed all the same, to hear of the host's clock */
    }
    timerfd_settime(timer->fd, TFD_TIMER_ABSTIME | flags, &spec, NULL);
    timer->armed = when;
}

static void timers_arm(TnClock clock, bool always)
{
    if (clock == TN_CLOCK_HOST) {
        int64_t when = heap_deadline(TN_CLOCK_HOST);
        if (always || when < timer_wall.armed) {
            timerfd_arm(&timer_wall, when, TFD_TIMER_CANCEL_ON_SET);
        }
        return;
    }
    int64_t when = monotonic_deadline();
    if (always || when < timer_monotonic.armed) {
        timerfd_arm(&timer_monotonic, when, 0);
    }
}

static void timerfd_drain(TimerFd *timer)
{
    uint64_t count;
    ssize_t n;
    do {
        n = read(timer->fd, &count, sizeof(count));
    } while (n < 0 && errno == EINTR);
    timer->armed = INT64_MAX;
}

/* ---- Firing ------------------------------------------------------------------------------ */

static TnTimer *timer_pop_due(TnClock clock, int64_t now, uint64_t up_to)
{
    g_mutex_lock(&timer_mutex);
    GPtrArray *heap = heap_of(clock);
    TnTimer *timer = heap->len ? heap_at(heap, 0) : NULL;
    if (timer && timer->when <= now && timer->order <= up_to) {
        heap_remove(timer);
    } else {
        timer = NULL;
    }
    g_mutex_unlock(&timer_mutex);
    return timer;
}

void tn_timers_run(TnClock clock)
{
    int64_t now = tn_clock_now(clock);
    /* A timer that a callback sets into the past waits for the next round, or none would end. */
    g_mutex_lock(&timer_mutex);
    uint64_t up_to = timer_order;
    g_mutex_unlock(&timer_mutex);
    TnTimer *timer;
    while ((timer = timer_pop_due(clock, now, up_to))) {
        timer->fn(timer->opaque);
    }
}

static gboolean timer_source_dispatch(GSource *source, GSourceFunc fn, gpointer data)
{
    g_mutex_lock(&timer_mutex);
    timerfd_drain(&timer_monotonic);
    timerfd_drain(&timer_wall);
    bool stands = timer_virtual_stands;
    g_mutex_unlock(&timer_mutex);
    if (!stands) {
        tn_timers_run(TN_CLOCK_VIRTUAL);
    }
    tn_timers_run(TN_CLOCK_REALTIME);
    tn_timers_run(TN_CLOCK_HOST);
    g_mutex_lock(&timer_mutex);
    timers_arm(TN_CLOCK_REALTIME, true);
    timers_arm(TN_CLOCK_HOST, true);
    g_mutex_unlock(&timer_mutex);
    return G_SOURCE_CONTINUE;
}

static void timer_source_finalize(GSource *source)
{
    close(timer_monotonic.fd);
    close(timer_wall.fd);
    timer_monotonic.fd = timer_wall.fd = -1;
}

static GSourceFuncs timer_source_funcs = {
    .dispatch = timer_source_dispatch,
    .finalize = timer_source_finalize,
};

GSource *tn_timers_source(void)
{
    g_mutex_lock(&timer_mutex);
    GSource *source = g_source_new(&timer_source_funcs, sizeof(GSource));
    timer_monotonic.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    timer_wall.fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    g_source_add_unix_fd(source, timer_monotonic.fd, G_IO_IN);
    g_source_add_unix_fd(source, timer_wall.fd, G_IO_IN);
    g_source_set_name(source, "timers");
    timers_arm(TN_CLOCK_REALTIME, true);
    timers_arm(TN_CLOCK_HOST, true);
    g_mutex_unlock(&timer_mutex);
    return source;
}

void tn_timers_rearm(void)
{
    g_mutex_lock(&timer_mutex);
    timer_virtual_stands = !tn_clock_running();
    timers_arm(TN_CLOCK_VIRTUAL, true);
    g_mutex_unlock(&timer_mutex);
}

int64_t tn_clock_next_deadline(void)
{
    g_mutex_lock(&timer_mutex);
    int64_t when = heap_deadline(TN_CLOCK_VIRTUAL);
    g_mutex_unlock(&timer_mutex);
    return when == INT64_MAX ? -1 : when;
}

/* ---- Public ------------------------------------------------------------------------------ */

static void timer_free_owned(void *opaque)
{
    TnTimer *timer = opaque;
    tn_timer_cancel(timer);
    g_free(timer);
}

TnTimer *tn_timer_new(TnObject *owner, TnClock clock, void (*fn)(void *opaque), void *opaque)
{
    g_return_val_if_fail(fn && (unsigned)clock < TIMER_CLOCKS, NULL);
    TnTimer *timer = g_new0(TnTimer, 1);
    timer->owner = owner;
    timer->clock = clock;
    timer->index = TIMER_IDLE;
    timer->fn = fn;
    timer->opaque = opaque;
    tn_owned_add(owner, timer, timer_free_owned);
    return timer;
}

void tn_timer_free(TnTimer *timer)
{
    if (timer) {
        tn_owned_remove(timer->owner, timer);
        timer_free_owned(timer);
    }
}

void tn_timer_set(TnTimer *timer, int64_t when)
{
    g_return_if_fail(timer);
    g_mutex_lock(&timer_mutex);
    GPtrArray *heap = heap_of(timer->clock);
    if (timer->index != TIMER_IDLE) {
        heap_remove(timer);
    }
    timer->when = when < 0 ? 0 : when;
    timer->order = ++timer_order;
    g_ptr_array_add(heap, timer);
    heap_up(heap, heap->len - 1);
    if (timer->index == 0) {
        timers_arm(timer->clock, false);
    }
    g_mutex_unlock(&timer_mutex);
}

void tn_timer_cancel(TnTimer *timer)
{
    if (!timer) {
        return;
    }
    g_mutex_lock(&timer_mutex);
    if (timer->index != TIMER_IDLE) {
        heap_remove(timer);
    }
    g_mutex_unlock(&timer_mutex);
}

bool tn_timer_armed(const TnTimer *timer)
{
    return timer && __atomic_load_n(&timer->index, __ATOMIC_RELAXED) != TIMER_IDLE;
}

int64_t tn_timer_when(const TnTimer *timer)
{
    return tn_timer_armed(timer) ? timer->when : -1;
}
