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
    TN_CLOCK_VIRTUAL,  /* the guest's time: starts at 0, stands while the machine is stopped */
    TN_CLOCK_REALTIME, /* the host's monotonic clock */
    TN_CLOCK_HOST,     /* the host's wall clock since 1970-01-01 UTC; may jump */
} TnClock;

#define TN_NS_PER_SECOND INT64_C(1000000000)

typedef struct TnTimer TnTimer;

TN_API int64_t tn_clock_now(TnClock clock); /* [any] */

/* Wall-clock time as -rtc sets it (base, clock=), in ns since 1970. [any] */
TN_API int64_t tn_clock_rtc_now(void);
TN_API TnClock tn_clock_rtc(void);  /* the clock that the RTC runs on (-rtc clock=) */

/* A timer, not armed, owned by `owner`. Callbacks run [main +lock]. */
TN_API TnTimer *tn_timer_new(TnObject *owner, TnClock clock, void (*fn)(void *opaque), void *opaque);
/* Fires once when the clock reaches `when`; replaces an earlier setting. [any] */
TN_API void tn_timer_set(TnTimer *timer, int64_t when);
TN_API void tn_timer_cancel(TnTimer *timer);
TN_API bool tn_timer_armed(const TnTimer *timer);
TN_API int64_t tn_timer_when(const TnTimer *timer); /* -1 when not armed */

/* a * b / c with a 128-bit intermediate product; c > 0. For converting ticks and ns. */
static inline uint64_t tn_muldiv64(uint64_t a, uint32_t b, uint32_t c)
{
    return (uint64_t)((unsigned __int128)a * b / c);
}

TN_END_DECLS

#endif
