/* SPDX-License-Identifier: MIT */
/* The wall clock that a guest's real-time clock starts from: -rtc base= and clock=. */
#include <string.h>
#include <time.h>

#include "clock/clock-internal.h"
#include "tenon/error.h"

typedef enum RtcBase { RTC_UTC, RTC_LOCALTIME, RTC_DATE } RtcBase;

static RtcBase rtc_base = RTC_UTC;
static TnClock rtc_clock = TN_CLOCK_HOST;
static int64_t rtc_offset; /* wall time minus rtc_clock, where the base does not follow the host */

static int64_t rtc_local_offset(int64_t wall)
{
    time_t seconds = wall / TN_NS_PER_SECOND;
    struct tm local;
    return localtime_r(&seconds, &local) ? local.tm_gmtoff * TN_NS_PER_SECOND : 0;
}

int64_t tn_clock_rtc_now(void)
{
    int64_t now = tn_clock_now(rtc_clock) + rtc_offset;
    return rtc_base == RTC_LOCALTIME ? now + rtc_local_offset(now) : now;
}

TnClock tn_clock_rtc(void)
{
    return rtc_clock;
}

static bool rtc_parse_date(const char *text, int64_t *wall)
{
    static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d" };
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        struct tm date = { 0 };
        const char *rest = strptime(text, forms[i], &date);
        if (rest && *rest == '\0') {
            *wall = timegm(&date) * TN_NS_PER_SECOND;
            return true;
        }
    }
    return false;
}

static bool rtc_parse_clock(const char *text, TnClock *clock)
{
    static const struct { const char *name; TnClock clock; } names[] = {
        { "host", TN_CLOCK_HOST }, { "rt", TN_CLOCK_REALTIME }, { "vm", TN_CLOCK_VIRTUAL },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i].name, text) == 0) {
            *clock = names[i].clock;
            return true;
        }
    }
    return false;
}

bool tn_rtc_configure(const char *base, const char *clock, GError **error)
{
    RtcBase new_base = RTC_UTC;
    TnClock new_clock = TN_CLOCK_HOST;
    int64_t wall = tn_clock_now(TN_CLOCK_HOST);
    if (clock && !rtc_parse_clock(clock, &new_clock)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-rtc clock=%s: valid are host, rt and vm", clock);
        return false;
    }
    if (base && strcmp(base, "localtime") == 0) {
        new_base = RTC_LOCALTIME;
    } else if (base && strcmp(base, "utc") != 0) {
        new_base = RTC_DATE;
        if (!rtc_parse_date(base, &wall)) {
            g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                        "-rtc base=%s: valid are utc, localtime and a date such as "
                        "2006-06-17T16:01:21 or 2006-06-17", base);
            return false;
        }
    }
    rtc_base = new_base;
    rtc_clock = new_clock;
    bool follows_host = new_clock == TN_CLOCK_HOST && new_base != RTC_DATE;
    rtc_offset = follows_host ? 0 : wall - tn_clock_now(new_clock);
    return true;
}
