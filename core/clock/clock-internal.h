/* SPDX-License-Identifier: MIT */
/* What the main loop, run states, the RTC options and qtest use of clocks. */
#ifndef TN_CLOCK_CLOCK_INTERNAL_H
#define TN_CLOCK_CLOCK_INTERNAL_H

#include <glib.h>

#include "tenon/clock.h"

/* Makes the guest's time run or stand. It stands at first. [main +lock] */
void tn_clock_set_running(bool running);
bool tn_clock_running(void); /* [any] */
/* The virtual clock, perhaps while instructions before this call still run. [any] */
int64_t tn_clock_virtual_early(void);

/* ---- The device lock ---------------------------------------------------------------------- */

/*
 * What is to be done once the device lock is free: waking somebody who would want it. fn runs on the
 * thread that unlocks, mostly without the lock; it must not take it, and may run for an item that
 * was queued again meanwhile. Part of a larger struct, zeroed at first.
 */
typedef struct TnAfterUnlock {
    struct TnAfterUnlock *next;
    void (*fn)(struct TnAfterUnlock *item);
    bool queued;
} TnAfterUnlock;

/* Queues an item, once. [any +lock] */
void tn_device_after_unlock(TnAfterUnlock *item);

/* ---- qtest: the virtual clock by hand ---------------------------------------------------- */

/* From now on virtual time moves only by the calls below. Before the first timer. [main] */
void tn_clock_set_manual(void);
/* Moves virtual time to `when` (never back), firing the timers on the way in order. [main +lock] */
void tn_clock_step_to(int64_t when);
/* The next deadline of the virtual clock, or -1 when no timer is armed. [any] */
int64_t tn_clock_next_deadline(void);

/* ---- Timers ------------------------------------------------------------------------------ */

/* Fires every timer of `clock` that is due. [main +lock] */
void tn_timers_run(TnClock clock);
/* Frees a timer before its owner ends. [main +lock] */
void tn_timer_free(TnTimer *timer);
/* Tells the timers that the relation of a clock to the host's changed: deadlines move. [main] */
void tn_timers_rearm(void);
/* The source that fires timers; made once, attached by the main loop. */
GSource *tn_timers_source(void);

/* ---- -rtc -------------------------------------------------------------------------------- */

/* base: "utc", "localtime" or a date "2006-06-17T16:01:21" or "2006-06-17"; clock: "host", "rt" or
 * "vm". NULL leaves the default (utc, host). Before the machine starts. */
bool tn_rtc_configure(const char *base, const char *clock, GError **error);

#endif
