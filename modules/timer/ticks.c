/* SPDX-License-Identifier: MIT */
/* Periodic ticks that catch up; see ticks.h. */
#include "ticks.h"

enum {
    PAY_FASTER = 8,      /* owed ticks come at this multiple of the set rate at most */
    PAY_NS_MIN = 20000,  /* and no faster than the host can follow */
};

const char *const ticks_policies[] = { "delay", "discard", NULL };

void ticks_resume(Ticks *t)
{
    if (t->owed && !tn_timer_armed(t->timer))
        tn_timer_set(t->timer, tn_clock_now(TN_CLOCK_VIRTUAL) + MAX(t->period / PAY_FASTER, PAY_NS_MIN));
}

static void pay(void *opaque)
{
    Ticks *t = opaque;
    if (t->owed && !t->waiting(t->opaque)) {
        t->owed--;
        t->send(t->opaque);
    }
    ticks_resume(t);
}

void ticks_init(Ticks *t, TnObject *owner, bool (*waiting)(void *opaque), void (*send)(void *opaque),
                void *opaque)
{
    t->waiting = waiting;
    t->send = send;
    t->opaque = opaque;
    t->timer = tn_timer_new(owner, TN_CLOCK_VIRTUAL, pay, t);
}

void ticks_ended(Ticks *t, int64_t period, uint64_t count)
{
    if (t->policy == TICKS_DISCARD) {
        t->send(t->opaque);
        return;
    }
    /* A guest that was away for longer than a second does not live by counting. */
    uint64_t limit = (uint64_t)(TN_NS_PER_SECOND / MAX(period, 1)) + 1;
    t->period = period;
    t->owed = (uint32_t)MIN(t->owed + MIN(count, limit), limit);
    pay(t);
}

void ticks_forget(Ticks *t)
{
    t->owed = 0;
    tn_timer_cancel(t->timer);
}
