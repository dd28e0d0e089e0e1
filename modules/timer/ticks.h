/* SPDX-License-Identifier: MIT */
/*
 * Periodic ticks for a guest that counts them. When the host is busy, several periods pass before
 * the main loop or the vCPU runs, and their edges would melt into one. With the policy "delay" the
 * lost ones are owed: they follow at a higher rate, each after the one before was taken.
 */
#ifndef TENON_MODULES_TIMER_TICKS_H
#define TENON_MODULES_TIMER_TICKS_H

#include "tenon/clock.h"

/* Values of a property lost_tick_policy, and their names for TN_PROP_ENUM. */
enum { TICKS_DELAY, TICKS_DISCARD };
extern const char *const ticks_policies[];

typedef struct Ticks {
    TnTimer *timer;  /* the next try to pay */
    uint32_t policy;
    uint32_t owed;
    int64_t period;  /* ns */
    bool (*waiting)(void *opaque); /* the last tick has not been taken */
    void (*send)(void *opaque);    /* makes one edge */
    void *opaque;
} Ticks;

/* Sets all but the policy; in init or realize of `owner`. [main +lock] */
void ticks_init(Ticks *t, TnObject *owner, bool (*waiting)(void *opaque), void (*send)(void *opaque),
                void *opaque);
/* `count` periods (1 or more) of `period` ns have ended: sends a tick now or later for each.
 * [main +lock] */
void ticks_ended(Ticks *t, int64_t period, uint64_t count);
/* The source was set anew: nothing is owed. [any +lock] */
void ticks_forget(Ticks *t);
/* Goes on paying after the state was loaded. [main +lock] */
void ticks_resume(Ticks *t);

#endif
