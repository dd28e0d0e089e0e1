/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's timer (SDM vol. 3A, 11.5.4): one-shot, periodic, TSC deadline. The bus clock is
 * 1 GHz, so that a count is a nanosecond before the divider.
 *
 * Periods that end while the vector of one before still waits (the host was busy) are owed to the
 * guest, and follow at a higher rate, each after the one before was taken.
 */
#include "apic.h"

enum {
    PAY_FASTER = 8,      /* owed ticks come at this multiple of the set rate at most */
    PAY_NS_MIN = 20000,  /* and no faster than the host can follow */
};

/* Divide configuration: bits 0, 1 and 3 choose 2, 4, ... 128, 1. */
static uint32_t divider_shift(const Apic *s)
{
    uint32_t code = (s->dcr & 3) | (s->dcr >> 1 & 4);
    return (code + 1) & 7;
}

static bool periodic(const Apic *s)
{
    return (s->lvt[LVT_TIMER] & LVT_TIMER_MODE) == LVT_TIMER_PERIODIC;
}

static bool tsc_mode(const Apic *s)
{
    return (s->lvt[LVT_TIMER] & LVT_TIMER_MODE) == LVT_TIMER_TSC;
}

static int64_t period_ns(const Apic *s)
{
    return (int64_t)s->initial_count << divider_shift(s);
}

uint32_t apic_timer_count(const Apic *s)
{
    if (!s->initial_count || tsc_mode(s))
        return 0;
    uint64_t passed = (uint64_t)(tn_clock_now(TN_CLOCK_VIRTUAL) - s->count_start) >> divider_shift(s);
    if (periodic(s))
        return s->initial_count - (uint32_t)(passed % s->initial_count);
    return passed >= s->initial_count ? 0 : s->initial_count - (uint32_t)passed;
}

/* Arms the host timer for the next time the count reaches zero. */
static void arm(Apic *s)
{
    if (!s->initial_count || tsc_mode(s)) {
        tn_timer_cancel(s->timer);
        return;
    }
    int64_t now = tn_clock_now(TN_CLOCK_VIRTUAL), period = period_ns(s);
    int64_t passed = now - s->count_start;
    if (periodic(s)) {
        s->due = s->count_start + (passed / period + 1) * period;
        int64_t pay = s->owed ? now + MAX(period / PAY_FASTER, PAY_NS_MIN) : INT64_MAX;
        tn_timer_set(s->timer, MIN(s->due, pay));
    } else if (passed < period)
        tn_timer_set(s->timer, s->count_start + period);
    else
        tn_timer_cancel(s->timer);
}

void apic_timer_load(Apic *s, uint32_t count)
{
    if (tsc_mode(s))
        return;
    s->initial_count = count;
    s->count_start = tn_clock_now(TN_CLOCK_VIRTUAL);
    s->owed = 0;
    arm(s);
}

void apic_timer_mode_changed(Apic *s, uint32_t old_lvt)
{
    if (!((old_lvt ^ s->lvt[LVT_TIMER]) & LVT_TIMER_MODE))
        return;
    if (tsc_mode(s) || (old_lvt & LVT_TIMER_MODE) == LVT_TIMER_TSC) {
        s->initial_count = 0;
        s->tsc_deadline = 0;
    }
    s->owed = 0;
    arm(s);
}

/* A period has ended, or an owed tick may follow. Ticks of a masked entry are lost. */
static void tick(Apic *s)
{
    int64_t now = tn_clock_now(TN_CLOCK_VIRTUAL), period = period_ns(s);
    uint64_t limit = (uint64_t)(TN_NS_PER_SECOND / period) + 1; /* no more than a second's */
    uint64_t ended = now >= s->due ? (uint64_t)((now - s->due) / period) + 1 : 0;
    uint32_t lvt = s->lvt[LVT_TIMER];
    s->owed = lvt & LVT_MASKED ? 0 : (uint32_t)MIN(s->owed + MIN(ended, limit), limit);
    if (s->owed && !apic_requested(s, (uint8_t)lvt)) {
        s->owed--;
        apic_lvt_fire(s, LVT_TIMER);
    }
    arm(s);
}

void apic_timer_fired(void *opaque)
{
    Apic *s = opaque;
    s->tsc_deadline = 0;
    if (periodic(s))
        tick(s);
    else
        apic_lvt_fire(s, LVT_TIMER);
}

void apic_timer_set_deadline(Apic *s, uint64_t deadline, int64_t when)
{
    if (!tsc_mode(s))
        return;
    s->tsc_deadline = deadline;
    if (deadline)
        tn_timer_set(s->timer, when);
    else
        tn_timer_cancel(s->timer);
}
