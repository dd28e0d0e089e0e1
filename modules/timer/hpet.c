/* SPDX-License-Identifier: MIT */
/*
 * High precision event timer (IA-PC HPET specification 1.0a): a 64-bit counter at 100 MHz and
 * three to thirty-two comparators, with periodic mode, legacy replacement and optional message
 * interrupts.
 */
#include "tenon/apic.h"
#include "tenon/device.h"
#include "tenon/module.h"
#include "ticks.h"

enum {
    CAPABILITIES = 0x000, CONFIGURATION = 0x010, INTERRUPT_STATUS = 0x020, MAIN_COUNTER = 0x0f0,
    TIMERS = 0x100, TIMER_STRIDE = 0x20, TN_CONFIG = 0x00, TN_COMPARATOR = 0x08, TN_FSB = 0x10,
    REGION_SIZE = 0x400, MIN_TIMERS = 3, MAX_TIMERS = 32, N_GSI = 24,

    PERIOD_FS = 10000000, PERIOD_NS = 10, REVISION = 0x01, VENDOR = 0x8086,
    CAP_COUNT_SIZE = 1u << 13, CAP_LEGACY = 1u << 15,
    ENABLE = 1u << 0, LEGACY = 1u << 1,

    TN_LEVEL = 1u << 1, TN_ENABLE = 1u << 2, TN_PERIODIC = 1u << 3, TN_PERIODIC_CAP = 1u << 4,
    TN_SIZE_CAP = 1u << 5, TN_SETVAL = 1u << 6, TN_32MODE = 1u << 8, TN_ROUTE_SHIFT = 9,
    TN_ROUTE = 0x1f << 9, TN_FSB_ENABLE = 1u << 14, TN_FSB_CAP = 1u << 15,
    TN_WRITABLE = TN_LEVEL | TN_ENABLE | TN_PERIODIC | TN_SETVAL | TN_32MODE | TN_ROUTE | TN_FSB_ENABLE,
    LEGACY_IRQ_TIMER0 = 0, LEGACY_IRQ_TIMER1 = 8,
};

typedef struct HpetTimer {
    struct Hpet *hpet;
    TnTimer *timer;
    unsigned n;
    uint64_t config, comparator, period, fsb;
    uint64_t due;    /* counter value of the next match */
    Ticks ticks;
} HpetTimer;

typedef struct Hpet {
    TnObject *obj;
    uint32_t n_timers;
    uint32_t intcap;  /* bit n: may be routed to GSI n */
    bool msi;
    uint32_t lost_tick_policy;
    uint64_t config, status, counter; /* counter: while it is stopped */
    int64_t start;                    /* virtual time of counter value 0 while it runs */
    HpetTimer timer[MAX_TIMERS];
} Hpet;

static bool running(const Hpet *s)
{
    return s->config & ENABLE;
}

static uint64_t counter(const Hpet *s)
{
    if (!running(s))
        return s->counter;
    return (uint64_t)(tn_clock_now(TN_CLOCK_VIRTUAL) - s->start) / PERIOD_NS;
}

/* ---- Interrupts ------------------------------------------------------------------------- */

static unsigned route(const HpetTimer *t)
{
    if (t->hpet->config & LEGACY && t->n < 2)
        return t->n == 0 ? LEGACY_IRQ_TIMER0 : LEGACY_IRQ_TIMER1;
    return (unsigned)(t->config & TN_ROUTE) >> TN_ROUTE_SHIFT;
}

static void drive(HpetTimer *t, int level)
{
    tn_irq_out(t->hpet->obj, NULL, route(t), level);
}

/* A tick that has not been taken; one of level kind is taken when the guest clears its status. */
static bool tick_waiting(void *opaque)
{
    const HpetTimer *t = opaque;
    if (t->config & TN_FSB_ENABLE)
        return tn_msi_waiting(t->fsb >> 32, (uint32_t)t->fsb);
    if (t->config & TN_LEVEL)
        return t->hpet->status >> t->n & 1;
    return tn_irq_out_waiting(t->hpet->obj, NULL, route(t));
}

static void raise_interrupt(void *opaque)
{
    HpetTimer *t = opaque;
    Hpet *s = t->hpet;
    if (!(t->config & TN_ENABLE) || !running(s))
        return;
    if (t->config & TN_FSB_ENABLE) {
        tn_msi_send(t->fsb >> 32, (uint32_t)t->fsb);
    } else if (t->config & TN_LEVEL) {
        s->status |= UINT64_C(1) << t->n;
        drive(t, 1);
    } else {
        drive(t, 1);
        drive(t, 0);
    }
}

/* ---- Comparators ------------------------------------------------------------------------ */

static bool is32(const HpetTimer *t)
{
    return t->config & TN_32MODE;
}

/* Counts from `now` to the comparator, within the timer's width. */
static uint64_t distance(const HpetTimer *t, uint64_t now)
{
    return is32(t) ? (uint32_t)(t->comparator - now) : t->comparator - now;
}

static void arm(HpetTimer *t)
{
    Hpet *s = t->hpet;
    if (!running(s)) {
        tn_timer_cancel(t->timer);
        return;
    }
    uint64_t now = counter(s), left = distance(t, now);
    if (!is32(t) && left > INT64_MAX / PERIOD_NS) { /* passed, or further than virtual time goes */
        tn_timer_cancel(t->timer);
        return;
    }
    t->due = now + left;
    tn_timer_set(t->timer, s->start + (int64_t)(t->due * PERIOD_NS));
}

static void matched(void *opaque)
{
    HpetTimer *t = opaque;
    uint64_t now = counter(t->hpet);
    if (t->config & TN_PERIODIC && t->period) {
        uint64_t behind = is32(t) ? (uint32_t)(now - t->comparator) : now - t->comparator;
        t->comparator += (behind / t->period + 1) * t->period;
        if (is32(t))
            t->comparator = (uint32_t)t->comparator;
        arm(t);
        ticks_ended(&t->ticks, (int64_t)MIN(t->period, INT64_MAX / PERIOD_NS) * PERIOD_NS,
                    behind / t->period + 1);
        return;
    }
    if (is32(t)) {
        /* A 32-bit comparator matches again when the counter wraps. */
        tn_timer_set(t->timer, t->hpet->start + (int64_t)((t->due + (UINT64_C(1) << 32)) * PERIOD_NS));
        t->due += UINT64_C(1) << 32;
    }
    raise_interrupt(t);
}

static void write_timer_config(HpetTimer *t, uint64_t value)
{
    ticks_forget(&t->ticks);
    uint64_t writable = TN_WRITABLE & ~(t->hpet->msi ? 0u : (unsigned)TN_FSB_ENABLE);
    if (!(t->hpet->intcap >> ((value & TN_ROUTE) >> TN_ROUTE_SHIFT) & 1)) {
        value = (value & ~(uint64_t)TN_ROUTE) | (t->config & TN_ROUTE);
    }
    bool was_asserted = t->hpet->status >> t->n & 1;
    if (was_asserted)
        drive(t, 0);
    t->config = (t->config & ~writable) | (value & writable);
    if (is32(t)) {
        t->comparator = (uint32_t)t->comparator;
        t->period = (uint32_t)t->period;
    }
    if (was_asserted && !(t->config & TN_LEVEL && t->config & TN_ENABLE))
        t->hpet->status &= ~(UINT64_C(1) << t->n);
    else if (was_asserted)
        drive(t, 1);
    arm(t);
}

/* In periodic mode a write sets the period; with SETVAL (or outside it) the comparator (2.3.9.2.2). */
static void write_comparator(HpetTimer *t, uint64_t value)
{
    ticks_forget(&t->ticks);
    if (is32(t))
        value = (uint32_t)value;
    if (!(t->config & TN_PERIODIC) || t->config & TN_SETVAL)
        t->comparator = value;
    if (t->config & TN_PERIODIC)
        t->period = value;
    t->config &= ~(uint64_t)TN_SETVAL;
    arm(t);
}

/* ---- Registers -------------------------------------------------------------------------- */

static uint64_t capabilities(const Hpet *s)
{
    return REVISION | (uint64_t)(s->n_timers - 1) << 8 | CAP_COUNT_SIZE | CAP_LEGACY |
           (uint64_t)VENDOR << 16 | (uint64_t)PERIOD_FS << 32;
}

static uint64_t read64(const Hpet *s, uint64_t offset)
{
    switch (offset) {
    case CAPABILITIES: return capabilities(s);
    case CONFIGURATION: return s->config;
    case INTERRUPT_STATUS: return s->status;
    case MAIN_COUNTER: return counter(s);
    }
    unsigned n = (unsigned)(offset - TIMERS) / TIMER_STRIDE;
    if (offset < TIMERS || n >= s->n_timers)
        return 0;
    const HpetTimer *t = &s->timer[n];
    switch (offset % TIMER_STRIDE) {
    case TN_CONFIG: return t->config | (uint64_t)s->intcap << 32;
    case TN_COMPARATOR: return t->comparator;
    case TN_FSB: return t->fsb;
    }
    return 0;
}

static void write_configuration(Hpet *s, uint64_t value)
{
    uint64_t now = counter(s), changed = s->config ^ value;
    s->config = value & (ENABLE | LEGACY);
    if (changed & ENABLE) {
        s->counter = now;
        s->start = tn_clock_now(TN_CLOCK_VIRTUAL) - (int64_t)(now * PERIOD_NS);
    }
    if (changed & LEGACY)
        tn_irq_out(s->obj, "legacy", 0, !!(value & LEGACY));
    for (unsigned n = 0; n < s->n_timers; n++) {
        ticks_forget(&s->timer[n].ticks);
        arm(&s->timer[n]);
    }
}

static void write_status(Hpet *s, uint64_t value)
{
    for (unsigned n = 0; n < s->n_timers; n++) {
        uint64_t bit = UINT64_C(1) << n;
        if (!(s->status & value & bit))
            continue;
        s->status &= ~bit;
        drive(&s->timer[n], 0);
    }
}

static void write64(Hpet *s, uint64_t offset, uint64_t value)
{
    unsigned n = (unsigned)(offset - TIMERS) / TIMER_STRIDE;
    if (offset == CONFIGURATION) {
        write_configuration(s, value);
    } else if (offset == INTERRUPT_STATUS) {
        write_status(s, value);
    } else if (offset == MAIN_COUNTER) {
        if (running(s))
            tn_guest_error("hpet", "the main counter is written while it runs");
        s->counter = value;
    } else if (offset >= TIMERS && n < s->n_timers) {
        HpetTimer *t = &s->timer[n];
        switch (offset % TIMER_STRIDE) {
        case TN_CONFIG: write_timer_config(t, value); break;
        case TN_COMPARATOR: write_comparator(t, value); break;
        case TN_FSB: t->fsb = value; break;
        }
    }
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    return read64(opaque, offset & ~7ull) >> (offset & 7) * 8;
}

/* A 32-bit write to half of the comparator keeps what the other half means. */
static uint64_t base_value(const Hpet *s, uint64_t offset)
{
    unsigned n = (unsigned)(offset - TIMERS) / TIMER_STRIDE;
    if (offset == INTERRUPT_STATUS)
        return 0;
    if (offset >= TIMERS && n < s->n_timers && offset % TIMER_STRIDE == TN_COMPARATOR) {
        const HpetTimer *t = &s->timer[n];
        return t->config & TN_PERIODIC && !(t->config & TN_SETVAL) ? t->period : t->comparator;
    }
    return read64(s, offset);
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Hpet *s = opaque;
    uint64_t at = offset & ~7ull;
    if (size < 8) {
        unsigned shift = (offset & 7) * 8;
        uint64_t mask = ((UINT64_C(1) << size * 8) - 1) << shift;
        value = (base_value(s, at) & ~mask) | (value << shift & mask);
    }
    TN_TRACE("hpet_write", "offset=0x%03x value=0x%llx", (unsigned)at, (unsigned long long)value);
    write64(s, at, value);
}

static const TnRegionOps mmio_ops = {
    .size_of = sizeof(mmio_ops), .read = mmio_read, .write = mmio_write, .valid_min = 4, .valid_max = 8,
    .impl_min = 4, .impl_max = 8,
};

/* ---- Life ------------------------------------------------------------------------------- */

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    Hpet *s = state;
    if (s->config & LEGACY)
        tn_irq_out(dev, "legacy", 0, 0);
    s->config = s->status = s->counter = 0;
    for (unsigned n = 0; n < s->n_timers; n++) {
        HpetTimer *t = &s->timer[n];
        tn_timer_cancel(t->timer);
        ticks_forget(&t->ticks);
        t->config = TN_PERIODIC_CAP | TN_SIZE_CAP | (s->msi ? TN_FSB_CAP : 0u);
        t->comparator = UINT64_MAX;
        t->period = t->fsb = 0;
    }
}

static bool init(TnObject *obj, void *state, GError **error)
{
    Hpet *s = state;
    s->obj = obj;
    tn_irq_declare_out(obj, NULL, N_GSI);
    tn_irq_declare_out(obj, "legacy", 1);
    tn_system_device_add_region(obj, tn_region_new_io(obj, "hpet", &mmio_ops, s, REGION_SIZE));
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    Hpet *s = state;
    for (unsigned n = 0; n < s->n_timers; n++) {
        s->timer[n].hpet = s;
        s->timer[n].n = n;
        s->timer[n].timer = tn_timer_new(dev, TN_CLOCK_VIRTUAL, matched, &s->timer[n]);
        s->timer[n].ticks.policy = s->lost_tick_policy;
        ticks_init(&s->timer[n].ticks, dev, tick_waiting, raise_interrupt, &s->timer[n]);
    }
    return true;
}

static const TnProperty properties[] = {
    { .name = "timers", .kind = TN_PROP_UINT32, .offset = offsetof(Hpet, n_timers), .def = "3",
      .min = MIN_TIMERS, .max = MAX_TIMERS, .doc = "number of comparators" },
    { .name = "msi", .kind = TN_PROP_BOOL, .offset = offsetof(Hpet, msi),
      .doc = "comparators can send interrupt messages" },
    { .name = "lost_tick_policy", .kind = TN_PROP_ENUM, .offset = offsetof(Hpet, lost_tick_policy),
      .values = ticks_policies, .def = "delay",
      .doc = "periodic ticks that the guest could not take in time: delay or discard" },
    { .name = "hpet-intcap", .kind = TN_PROP_UINT32, .offset = offsetof(Hpet, intcap), .def = "0x4",
      .doc = "GSIs that comparators may be routed to, a bit each" },
    { 0 },
};

static const TnStateField timer_fields[] = {
    TN_STATE(U64, HpetTimer, config), TN_STATE(U64, HpetTimer, comparator),
    TN_STATE(U64, HpetTimer, period), TN_STATE(U64, HpetTimer, fsb), TN_STATE(U64, HpetTimer, due),
    TN_STATE(TIMER, HpetTimer, timer), TN_STATE(U32, HpetTimer, ticks.owed),
    TN_STATE(U64, HpetTimer, ticks.period), TN_STATE(TIMER, HpetTimer, ticks.timer), TN_STATE_LAST,
};

static const TnStateField fields[] = {
    TN_STATE(U64, Hpet, config), TN_STATE(U64, Hpet, status), TN_STATE(U64, Hpet, counter),
    TN_STATE(U64, Hpet, start), TN_STATE_SUB_ARRAY(Hpet, timer, timer_fields), TN_STATE_LAST,
};

static const TnDeviceOps device_ops = { .size = sizeof(device_ops), .realize = realize, .reset = reset };
static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "hpet", .parent = TN_TYPE_SYSTEM_DEVICE, .state_size = sizeof(Hpet),
    .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces, .init = init, .description = "High precision event timer",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("hpet") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_INTERNAL_DEVICE("hpet", "System", "misc", "High precision event timer"));
