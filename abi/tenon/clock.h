/* SPDX-License-Identifier: MIT */
/* Clocks and timers. Times are nanoseconds. */
#ifndef TENON_CLOCK_H
#define TENON_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "tenon/macros.h"
#include "tenon/object.h"

TN_BEGIN_DECLS

typedef enum TnClock {
    TN_CLOCK_VIRTUAL = 0,  /* the guest's time: starts at 0, stands while the machine is stopped */
    TN_CLOCK_REALTIME = 1, /* the host's monotonic clock */
    TN_CLOCK_HOST = 2,     /* the host's wall clock since 1970-01-01 UTC; may jump */
} TnClock;

#define TN_NS_PER_SECOND INT64_C(1000000000)

typedef struct TnTimer TnTimer;

/* The time of a clock, in ns. [any] */
TN_API int64_t tn_clock_now(TnClock clock);

/* Wall-clock time as -rtc sets it (base, clock=), in ns since 1970-01-01. [any] */
TN_API int64_t tn_clock_rtc_now(void);
/* The clock that the RTC runs on (-rtc clock=). [any] */
TN_API TnClock tn_clock_rtc(void);

/* A timer, not armed, owned by `owner` and gone with it (borrowed by the caller). When it fires,
 * fn(opaque) runs [main +lock]; it may set the timer again. [main +lock] */
TN_API TnTimer *tn_timer_new(TnObject *owner, TnClock clock, void (*fn)(void *opaque), void *opaque);
/* Fires once when the clock reaches `when` (ns; a time that is over fires soon); replaces an
 * earlier setting. [any] */
TN_API void tn_timer_set(TnTimer *timer, int64_t when);
/* Disarms; with the device lock held the callback does not run afterwards. [any] */
TN_API void tn_timer_cancel(TnTimer *timer);
/* True while it is set and has not fired. [any] */
TN_API bool tn_timer_armed(const TnTimer *timer);
/* When it fires, in ns of its clock; -1 when not armed. [any] */
TN_API int64_t tn_timer_when(const TnTimer *timer);

/* a * b / c with a 128-bit intermediate product; c > 0. For converting ticks and ns. [any] */
static inline uint64_t tn_muldiv64(uint64_t a, uint32_t b, uint32_t c)
{
    __extension__ typedef unsigned __int128 tn_uint128;

    return (uint64_t)((tn_uint128)a * b / c);
}

TN_END_DECLS

#endif
