/* SPDX-License-Identifier: MIT */
/*
 * Motorola MC146818A real-time clock with 114 bytes of CMOS RAM, as in the PC (ports 0x70, 0x71):
 * time in BCD or binary, 12 or 24 hours, alarm, periodic and update-ended interrupts.
 *
 * The time is an offset to the RTC clock of -rtc; seconds are not ticked but computed. Left out:
 * daylight saving by itself (DSE), as in every PC since 2007.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tenon/isa.h"
#include "tenon/machine.h"
#include "tenon/module.h"

enum {
    SECONDS = 0x00, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM, DAY_OF_WEEK,
    DAY_OF_MONTH, MONTH, YEAR, REG_A, REG_B, REG_C, REG_D,
    CENTURY = 0x32,
    N_CMOS = 128,

    A_UIP = 1u << 7, A_DV = 7u << 4, A_DV_RUN = 2u << 4, A_RS = 0xf,
    B_SET = 1u << 7, B_PIE = 1u << 6, B_AIE = 1u << 5, B_UIE = 1u << 4, B_DM = 1u << 2,
    B_24H = 1u << 1,
    C_IRQF = 1u << 7, C_PF = 1u << 6, C_AF = 1u << 5, C_UF = 1u << 4,
    D_VRT = 1u << 7,
    ALARM_DONT_CARE = 0xc0,
    PM = 0x80,
    ISA_IRQ = 8,
    OSCILLATOR = 32768,
    UIP_NS = 244000,
    MAX_LOST = 1u << 16,     /* ticks remembered for a guest that was away */
    REINJECT_FASTER = 4,     /* lost ticks come at this multiple of the set rate */
};

/* Property lost_tick_policy: what happens to a periodic tick that meets the one before, unread. */
enum { LOST_TICKS_DISCARD, LOST_TICKS_SLEW };
static const char *const lost_tick_policies[] = { "discard", "slew", NULL };

typedef struct Rtc {
    TnObject *obj;
    TnTimer *update, *periodic, *reinject;
    uint32_t lost_tick_policy;
    uint32_t lost;           /* ticks that the guest is still owed (slew) */
    uint32_t iobase;
    int32_t base_year;
    uint8_t cmos[N_CMOS];
    uint8_t index;
    int64_t offset_ns;       /* the guest's time minus the RTC clock's */
    int64_t last_second;     /* of the guest's time, when flags were last brought up to date */
    int64_t frozen_ns;       /* the guest's time while SET or the divider stops it */
    int64_t next_periodic;
} Rtc;

static bool running(const Rtc *s)
{
    return !(s->cmos[REG_B] & B_SET) && (s->cmos[REG_A] & A_DV) == A_DV_RUN;
}

static int64_t guest_now(const Rtc *s)
{
    return running(s) ? tn_clock_rtc_now() + s->offset_ns : s->frozen_ns;
}

/* ---- Time registers --------------------------------------------------------------------- */

static uint8_t encode(const Rtc *s, int value)
{
    unsigned two_digits = (unsigned)(value % 100 + 100) % 100; /* years before the base are negative */
    return (uint8_t)(s->cmos[REG_B] & B_DM ? (unsigned)value : two_digits / 10 << 4 | two_digits % 10);
}

static int decode(const Rtc *s, uint8_t value)
{
    return s->cmos[REG_B] & B_DM ? value : (value >> 4) * 10 + (value & 15);
}

static uint8_t encode_hour(const Rtc *s, int hour)
{
    if (s->cmos[REG_B] & B_24H)
        return encode(s, hour);
    int h = hour % 12 ? hour % 12 : 12;
    return encode(s, h) | (hour >= 12 ? PM : 0);
}

static int decode_hour(const Rtc *s, uint8_t value)
{
    if (s->cmos[REG_B] & B_24H)
        return decode(s, value);
    int h = decode(s, value & ~PM) % 12;
    return value & PM ? h + 12 : h;
}

/* Writes the guest's time into the time bytes. */
static void time_to_cmos(Rtc *s)
{
    time_t seconds = (time_t)(guest_now(s) / TN_NS_PER_SECOND);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    s->cmos[SECONDS] = encode(s, tm.tm_sec);
    s->cmos[MINUTES] = encode(s, tm.tm_min);
    s->cmos[HOURS] = encode_hour(s, tm.tm_hour);
    s->cmos[DAY_OF_WEEK] = encode(s, tm.tm_wday + 1);
    s->cmos[DAY_OF_MONTH] = encode(s, tm.tm_mday);
    s->cmos[MONTH] = encode(s, tm.tm_mon + 1);
    int year = tm.tm_year + 1900 - s->base_year;
    s->cmos[YEAR] = encode(s, year % 100);
    s->cmos[CENTURY] = encode(s, year / 100 + s->base_year / 100);
}

/* The guest's time that the time bytes say, in ns; the fraction of a second is zero. */
static int64_t cmos_to_time(const Rtc *s)
{
    struct tm tm = {
        .tm_sec = decode(s, s->cmos[SECONDS]), .tm_min = decode(s, s->cmos[MINUTES]),
        .tm_hour = decode_hour(s, s->cmos[HOURS]), .tm_mday = decode(s, s->cmos[DAY_OF_MONTH]),
        .tm_mon = decode(s, s->cmos[MONTH]) - 1,
        .tm_year = decode(s, s->cmos[CENTURY]) * 100 + decode(s, s->cmos[YEAR]) - 1900,
    };
    /* The bytes can say more than nanoseconds and their differences can: 1823 to 2230. */
    int64_t limit = INT64_MAX / TN_NS_PER_SECOND;
    return CLAMP((int64_t)timegm(&tm), -limit / 2, limit - TN_NS_PER_SECOND) * TN_NS_PER_SECOND;
}

static bool alarm_byte_matches(const Rtc *s, unsigned alarm, uint8_t value)
{
    return (s->cmos[alarm] & ALARM_DONT_CARE) == ALARM_DONT_CARE || s->cmos[alarm] == value;
}

static bool alarm_matches(const Rtc *s, int64_t second)
{
    int in_day = (int)((second % 86400 + 86400) % 86400);
    return alarm_byte_matches(s, SECONDS_ALARM, encode(s, in_day % 60)) &&
           alarm_byte_matches(s, MINUTES_ALARM, encode(s, in_day / 60 % 60)) &&
           alarm_byte_matches(s, HOURS_ALARM, encode_hour(s, in_day / 3600));
}

/* ---- Interrupts ------------------------------------------------------------------------- */

static void settle(TnObject *dev, void *state)
{
    Rtc *s = state;
    uint8_t enabled = s->cmos[REG_B] & (B_PIE | B_AIE | B_UIE);
    if (s->cmos[REG_C] & enabled)
        s->cmos[REG_C] |= C_IRQF;
    else
        s->cmos[REG_C] &= ~C_IRQF;
    tn_irq_out(dev, NULL, 0, !!(s->cmos[REG_C] & C_IRQF));
}

/* Seconds that passed since the last look set UF, and AF when one of them was the alarm's. */
static void catch_up(Rtc *s)
{
    int64_t second = guest_now(s) / TN_NS_PER_SECOND;
    if (!running(s) || second == s->last_second)
        return;
    s->cmos[REG_C] |= C_UF;
    int64_t first = second - s->last_second > 86400 || second < s->last_second ? second - 86399
                                                                              : s->last_second + 1;
    for (int64_t t = first; t <= second; t++) {
        if (!alarm_matches(s, t))
            continue;
        s->cmos[REG_C] |= C_AF;
        break;
    }
    s->last_second = second;
}

static void arm_update(Rtc *s)
{
    bool wanted = s->cmos[REG_B] & (B_UIE | B_AIE);
    if (!running(s) || !wanted) {
        tn_timer_cancel(s->update);
        return;
    }
    int64_t left = TN_NS_PER_SECOND - guest_now(s) % TN_NS_PER_SECOND;
    tn_timer_set(s->update, tn_clock_now(tn_clock_rtc()) + left);
}

static void update_ended(void *opaque)
{
    Rtc *s = opaque;
    catch_up(s);
    settle(s->obj, s);
    arm_update(s);
}

/* Rates 1 and 2 mean 128 and 64 Hz times two: 256 and 128 Hz. */
static int64_t periodic_ns(const Rtc *s)
{
    unsigned rate = s->cmos[REG_A] & A_RS;
    if (!rate || (s->cmos[REG_A] & A_DV) != A_DV_RUN)
        return 0;
    if (rate <= 2)
        rate += 7;
    return (int64_t)tn_muldiv64(UINT64_C(1) << (rate - 1), (uint32_t)TN_NS_PER_SECOND, OSCILLATOR);
}

static void arm_periodic(Rtc *s)
{
    int64_t period = periodic_ns(s);
    if (!period || !(s->cmos[REG_B] & B_PIE)) {
        tn_timer_cancel(s->periodic);
        return;
    }
    int64_t now = tn_clock_now(tn_clock_rtc());
    s->next_periodic += period;
    if (s->next_periodic <= now || s->next_periodic > now + period)
        s->next_periodic = (now / period + 1) * period;
    tn_timer_set(s->periodic, s->next_periodic);
}

/* With slew, ticks that the guest did not see (or that came too late to be made) are owed to it. */
static void count_lost(Rtc *s)
{
    int64_t period = periodic_ns(s), late = tn_clock_now(tn_clock_rtc()) - s->next_periodic;
    uint64_t missed = !!(s->cmos[REG_C] & C_PF);
    if (period && late > period)
        missed += (uint64_t)(late / period);
    if (s->lost_tick_policy == LOST_TICKS_SLEW)
        s->lost = (uint32_t)MIN(s->lost + missed, MAX_LOST);
}

/* The guest has read a tick: one that it is owed follows soon. */
static void arm_reinject(Rtc *s)
{
    int64_t period = periodic_ns(s);
    if (s->lost && period && (s->cmos[REG_B] & B_PIE) && !tn_timer_armed(s->reinject))
        tn_timer_set(s->reinject, tn_clock_now(tn_clock_rtc()) + period / REINJECT_FASTER);
}

static void reinject_fired(void *opaque)
{
    Rtc *s = opaque;
    if (!s->lost || !(s->cmos[REG_B] & B_PIE) || (s->cmos[REG_C] & C_PF))
        return;
    s->lost--;
    s->cmos[REG_C] |= C_PF;
    settle(s->obj, s);
}

static void periodic_fired(void *opaque)
{
    Rtc *s = opaque;
    count_lost(s);
    s->cmos[REG_C] |= C_PF;
    settle(s->obj, s);
    arm_periodic(s);
}

/* ---- Ports ------------------------------------------------------------------------------ */

static uint8_t read_a(const Rtc *s)
{
    int64_t in_second = guest_now(s) % TN_NS_PER_SECOND;
    bool uip = running(s) && in_second > TN_NS_PER_SECOND - UIP_NS;
    return (uint8_t)((s->cmos[REG_A] & ~A_UIP) | (uip ? A_UIP : 0));
}

static uint8_t read_c(Rtc *s)
{
    catch_up(s);
    settle(s->obj, s);
    uint8_t value = s->cmos[REG_C];
    s->cmos[REG_C] = 0;
    settle(s->obj, s);
    arm_reinject(s);
    return value;
}

static uint8_t read_register(Rtc *s, unsigned index)
{
    switch (index) {
    case SECONDS: case MINUTES: case HOURS: case DAY_OF_WEEK: case DAY_OF_MONTH: case MONTH:
    case YEAR: case CENTURY:
        if (running(s))
            time_to_cmos(s);
        return s->cmos[index];
    case REG_A:
        return read_a(s);
    case REG_C:
        return read_c(s);
    case REG_D:
        return D_VRT;
    }
    return s->cmos[index];
}

/* Writes A or B with the clock stopped or started as the new values say. */
static void write_control(Rtc *s, unsigned index, uint8_t value)
{
    catch_up(s);
    bool was_running = running(s);
    int64_t now = guest_now(s);
    if (was_running)
        time_to_cmos(s);
    s->cmos[index] = index == REG_A ? value & ~A_UIP : value;
    if (was_running && !running(s)) {
        s->frozen_ns = now;
    } else if (!was_running && running(s)) {
        s->offset_ns = cmos_to_time(s) - tn_clock_rtc_now();
        s->last_second = guest_now(s) / TN_NS_PER_SECOND;
    }
    if (!(s->cmos[REG_B] & B_PIE) || !periodic_ns(s))
        s->lost = 0;
    arm_periodic(s);
}

static void write_register(Rtc *s, unsigned index, uint8_t value)
{
    switch (index) {
    case SECONDS: case MINUTES: case HOURS: case DAY_OF_WEEK: case DAY_OF_MONTH: case MONTH:
    case YEAR: case CENTURY:
        if (running(s))
            time_to_cmos(s);
        s->cmos[index] = value;
        if (running(s)) {
            int64_t fraction = guest_now(s) % TN_NS_PER_SECOND;
            s->offset_ns = cmos_to_time(s) + fraction - tn_clock_rtc_now();
            s->last_second = guest_now(s) / TN_NS_PER_SECOND;
        }
        break;
    case REG_A: case REG_B:
        write_control(s, index, value);
        break;
    case REG_C: case REG_D:
        break;
    default:
        s->cmos[index] = value;
    }
    settle(s->obj, s);
    arm_update(s);
}

static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
    Rtc *s = opaque;
    uint64_t value = offset == 0 ? 0xff : read_register(s, s->index);
    TN_TRACE("rtc_read", "index=0x%02x value=0x%02x", s->index, (unsigned)value);
    return value;
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Rtc *s = opaque;
    if (offset == 0) {
        s->index = value & (N_CMOS - 1);
        return;
    }
    TN_TRACE("rtc_write", "index=0x%02x value=0x%02x", s->index, (unsigned)value);
    write_register(s, s->index, (uint8_t)value);
}

static const TnRegionOps io_ops = {
    .size_of = sizeof(io_ops), .read = io_read, .write = io_write, .impl_min = 1, .impl_max = 1,
};

/* ---- Board's access: CMOS bytes that tell the firmware of the machine ------------------- */

/* Property "cmos": "INDEX=VALUE[:INDEX=VALUE...]", numbers in C notation. */
static bool set_cmos(TnObject *obj, void *state, const char *text, GError **error)
{
    Rtc *s = state;
    g_auto(GStrv) pairs = g_strsplit(text, ":", -1);
    for (char **p = pairs; *p; p++) {
        unsigned index, value;
        if (sscanf(*p, "%i=%i", (int *)&index, (int *)&value) != 2 || index <= REG_D ||
            index >= N_CMOS || value > 0xff) {
            g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                        "mc146818rtc: property 'cmos': '%s' is not INDEX=VALUE with an index of 14..127 "
                        "and a value of 0..255", *p);
            return false;
        }
        s->cmos[index] = (uint8_t)value;
    }
    return true;
}

/* ---- Life ------------------------------------------------------------------------------- */

/* RESET clears the interrupt enables and flags, and nothing else (datasheet, RESET pin). */
static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    Rtc *s = state;
    s->cmos[REG_B] &= ~(B_PIE | B_AIE | B_UIE);
    s->cmos[REG_C] = 0;
    tn_timer_cancel(s->periodic);
    tn_timer_cancel(s->update);
    tn_timer_cancel(s->reinject);
    s->lost = 0;
}

static bool init(TnObject *obj, void *state, GError **error)
{
    Rtc *s = state;
    s->obj = obj;
    tn_irq_declare_out(obj, NULL, 1);
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    Rtc *s = state;
    s->update = tn_timer_new(dev, tn_clock_rtc(), update_ended, s);
    s->periodic = tn_timer_new(dev, tn_clock_rtc(), periodic_fired, s);
    s->reinject = tn_timer_new(dev, tn_clock_rtc(), reinject_fired, s);
    s->cmos[REG_A] = A_DV_RUN | 6;
    s->cmos[REG_B] = B_24H;
    s->last_second = guest_now(s) / TN_NS_PER_SECOND;
    time_to_cmos(s);
    tn_isa_map_io(dev, (uint16_t)s->iobase, tn_region_new_io(dev, "rtc", &io_ops, s, 2));
    tn_irq_connect(dev, NULL, 0, tn_isa_irq(tn_device_bus(dev), ISA_IRQ));
    return true;
}

static const TnProperty properties[] = {
    { .name = "iobase", .kind = TN_PROP_UINT32, .offset = offsetof(Rtc, iobase), .def = "0x70",
      .doc = "I/O port of the index register" },
    { .name = "base_year", .kind = TN_PROP_INT32, .offset = offsetof(Rtc, base_year), .def = "0",
      .doc = "year that the year byte counts from" },
    { .name = "cmos", .kind = TN_PROP_STRING, .set = set_cmos, .flags = TN_PROP_LIVE,
      .doc = "bytes for the firmware: INDEX=VALUE[:INDEX=VALUE...]" },
    { .name = "lost_tick_policy", .kind = TN_PROP_ENUM, .offset = offsetof(Rtc, lost_tick_policy),
      .values = lost_tick_policies, .def = "discard",
      .doc = "periodic ticks that the guest misses: dropped, or made up for" },
    { 0 },
};

static const TnStateField fields[] = {
    TN_STATE_BUFFER(Rtc, cmos), TN_STATE(U8, Rtc, index), TN_STATE(U64, Rtc, offset_ns),
    TN_STATE(U64, Rtc, last_second), TN_STATE(U64, Rtc, frozen_ns), TN_STATE(U64, Rtc, next_periodic),
    TN_STATE(TIMER, Rtc, update), TN_STATE(TIMER, Rtc, periodic),
    TN_STATE(U32, Rtc, lost), TN_STATE(TIMER, Rtc, reinject), TN_STATE_LAST,
};

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .reset = reset, .settle = settle,
};

static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "mc146818rtc", .parent = TN_TYPE_ISA_DEVICE,
    .state_size = sizeof(Rtc), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE, .interfaces = interfaces, .init = init,
    .description = "MC146818 real-time clock and CMOS RAM",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("mc146818rtc") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_INTERNAL_DEVICE("mc146818rtc", "ISA", "misc", "MC146818 real-time clock and CMOS RAM"));
