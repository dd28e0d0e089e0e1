/* SPDX-License-Identifier: MIT */
/*
 * Intel 8254 programmable interval timer (datasheet 231164): three 16-bit counters at 1.193182 MHz.
 *
 * Nothing counts: a counter is its reload value and the time it was loaded (or triggered, or last
 * stopped by GATE); the count, OUT and OUT's next rise are computed from the virtual clock. Only
 * counter 0 has a wire. Counts are binary or BCD.
 */
#include "i8254.h"

#include "tenon/module.h"
#include "ticks.h"

enum {
    FREQUENCY = 1193182,
    N_COUNTERS = 3,
    CONTROL = 3, READ_BACK = 3,
    RB_NO_COUNT = 1u << 5, RB_NO_STATUS = 1u << 4,
    STATUS_OUT = 1u << 7, STATUS_NULL = 1u << 6,
    MAX_COUNT = 0x10000, MAX_COUNT_BCD = 10000,
};

typedef enum Access { ACCESS_LATCH, ACCESS_LSB, ACCESS_MSB, ACCESS_WORD } Access;

typedef struct Counter {
    uint32_t count;      /* reload value, 1..0x10000 */
    int64_t start;       /* virtual time of load or trigger */
    int64_t held;        /* ticks counted while GATE is low (modes 0, 4), or -1 */
    uint16_t latch;
    uint8_t status;
    uint8_t mode, access, bcd;
    uint8_t write_low;   /* first byte of a word write */
    bool gate, loaded, count_latched, status_latched;
    bool read_msb, write_msb; /* the second byte of a word is next */
} Counter;

typedef struct Pit {
    TnObject *obj;
    TnTimer *timer;
    int64_t due;   /* virtual time of the rise that the timer waits for */
    Ticks ticks;
    uint32_t iobase;
    bool wire_off; /* HPET's legacy replacement takes IRQ 0 */
    Counter counter[N_COUNTERS];
} Pit;

static uint64_t ticks_at(const Counter *c, int64_t now)
{
    if (c->held >= 0)
        return (uint64_t)c->held;
    return tn_muldiv64((uint64_t)(now - c->start), FREQUENCY, (uint32_t)TN_NS_PER_SECOND);
}

static bool periodic(const Counter *c)
{
    return c->mode == 2 || c->mode == 3;
}

static uint32_t modulus(const Counter *c)
{
    return c->bcd ? MAX_COUNT_BCD : MAX_COUNT;
}

static uint16_t to_bcd(uint32_t v)
{
    return (uint16_t)(v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10);
}

static uint32_t from_bcd(uint32_t v)
{
    return (v >> 12 & 15) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 + (v & 15);
}

static uint16_t current_count(const Counter *c, int64_t now)
{
    uint64_t d = ticks_at(c, now);
    uint32_t value;
    if (c->mode == 2)
        value = c->count - (uint32_t)(d % c->count);
    else if (c->mode == 3) /* counts down by two */
        value = c->count - (uint32_t)(2 * d % c->count);
    else
        value = (c->count - (uint32_t)(d % modulus(c))) & (c->bcd ? UINT32_MAX : MAX_COUNT - 1);
    if (c->bcd)
        value = (value + MAX_COUNT_BCD) % MAX_COUNT_BCD;
    return c->bcd ? to_bcd(value) : (uint16_t)value;
}

static bool output_at(const Counter *c, int64_t now)
{
    uint64_t d = ticks_at(c, now);
    switch (c->mode) {
    case 0:
    case 1:
        return c->loaded ? d >= c->count : c->mode == 1;
    case 2:
        return !c->gate || !c->loaded || d % c->count != c->count - 1;
    case 3:
        return !c->gate || !c->loaded || d % c->count < (c->count + 1) / 2;
    }
    return !c->loaded || d != c->count;
}

/* The tick of OUT's next rise after tick d, or UINT64_MAX. */
static uint64_t next_rise(const Counter *c, uint64_t d)
{
    if (periodic(c))
        return d - d % c->count + c->count;
    if (c->mode == 4 || c->mode == 5)
        return d <= c->count ? (uint64_t)c->count + 1 : UINT64_MAX;
    return d < c->count ? c->count : UINT64_MAX;
}

static bool counting(const Counter *c)
{
    return c->loaded && c->held < 0 && !(periodic(c) && !c->gate);
}

/* Drives counter 0's wire and arms the timer for its next rise. */
static void settle(TnObject *dev, void *state)
{
    Pit *s = state;
    const Counter *c = &s->counter[0];
    int64_t now = tn_clock_now(TN_CLOCK_VIRTUAL);
    if (tn_timer_armed(s->timer) && s->due <= now)
        return; /* a rise that has been reached is still to be made */
    tn_irq_out(dev, NULL, 0, !s->wire_off && output_at(c, now));
    uint64_t edge = counting(c) ? next_rise(c, ticks_at(c, now)) : UINT64_MAX;
    if (edge == UINT64_MAX || s->wire_off) {
        tn_timer_cancel(s->timer);
        return;
    }
    /* Round up: at that time the tick has been reached. */
    s->due = c->start + (int64_t)tn_muldiv64(edge, (uint32_t)TN_NS_PER_SECOND, FREQUENCY) + 1;
    tn_timer_set(s->timer, s->due);
    ticks_resume(&s->ticks);
}

/* Counter 0 or its wire is set anew: rises of the old setting do not come. */
static void forget_rises(Pit *s)
{
    tn_timer_cancel(s->timer);
    ticks_forget(&s->ticks);
}

static bool tick_waiting(void *opaque)
{
    return tn_irq_out_waiting(((Pit *)opaque)->obj, NULL, 0);
}

/* The low part of a strobe is shorter than the host's latency: makes the edge by hand. */
static void make_edge(void *opaque)
{
    Pit *s = opaque;
    tn_irq_out(s->obj, NULL, 0, 0);
    tn_irq_out(s->obj, NULL, 0, 1);
    tn_irq_out(s->obj, NULL, 0, output_at(&s->counter[0], tn_clock_now(TN_CLOCK_VIRTUAL)));
}

static void rise_reached(void *opaque)
{
    Pit *s = opaque;
    const Counter *c = &s->counter[0];
    if (periodic(c)) {
        int64_t period = (int64_t)tn_muldiv64(c->count, (uint32_t)TN_NS_PER_SECOND, FREQUENCY);
        int64_t late = tn_clock_now(TN_CLOCK_VIRTUAL) - s->due;
        ticks_ended(&s->ticks, period, 1 + (uint64_t)(late / MAX(period, 1)));
    } else if (c->mode >= 2) {
        make_edge(s);
    }
    settle(s->obj, s);
}

static void load(Counter *c, uint32_t raw)
{
    uint32_t value = c->bcd ? from_bcd(raw) : raw;
    c->count = value ? value : modulus(c);
    c->loaded = true;
    c->start = tn_clock_now(TN_CLOCK_VIRTUAL);
    c->held = (c->mode == 0 || c->mode == 4) && !c->gate ? 0 : -1;
    /* Modes 1 and 5 wait for a trigger: until then they stand at their end. */
    if (c->mode == 1 || c->mode == 5)
        c->held = (int64_t)c->count + 1;
}

static void write_count(Counter *c, uint8_t value)
{
    switch ((Access)c->access) {
    case ACCESS_LSB:
        load(c, value);
        return;
    case ACCESS_MSB:
        load(c, (uint32_t)value << 8);
        return;
    case ACCESS_WORD:
    case ACCESS_LATCH:
        break;
    }
    if (!c->write_msb) {
        c->write_low = value;
        c->write_msb = true;
        if (c->mode == 0) /* the first byte stops the count */
            c->held = 0, c->loaded = false;
    } else {
        c->write_msb = false;
        load(c, (uint32_t)value << 8 | c->write_low);
    }
}

static uint8_t read_count(Counter *c)
{
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    uint16_t value = c->count_latched ? c->latch : current_count(c, tn_clock_now(TN_CLOCK_VIRTUAL));
    bool msb = c->access == ACCESS_MSB || (c->access == ACCESS_WORD && c->read_msb);
    if (c->access == ACCESS_WORD)
        c->read_msb = !c->read_msb;
    if (c->access != ACCESS_WORD || !c->read_msb)
        c->count_latched = false;
    return (uint8_t)(msb ? value >> 8 : value);
}

static void latch_count(Counter *c)
{
    if (c->count_latched)
        return;
    c->latch = current_count(c, tn_clock_now(TN_CLOCK_VIRTUAL));
    c->count_latched = true;
}

static void latch_status(Counter *c)
{
    if (c->status_latched)
        return;
    bool out = output_at(c, tn_clock_now(TN_CLOCK_VIRTUAL));
    c->status = (uint8_t)((out ? STATUS_OUT : 0) | (c->loaded ? 0 : STATUS_NULL) | c->access << 4 |
                          c->mode << 1 | c->bcd);
    c->status_latched = true;
}

static void read_back(Pit *s, uint8_t value)
{
    for (unsigned n = 0; n < N_COUNTERS; n++) {
        if (!(value >> (n + 1) & 1))
            continue;
        if (!(value & RB_NO_COUNT))
            latch_count(&s->counter[n]);
        if (!(value & RB_NO_STATUS))
            latch_status(&s->counter[n]);
    }
}

static void write_control(Pit *s, uint8_t value)
{
    unsigned n = value >> 6;
    if (n == READ_BACK) {
        read_back(s, value);
        return;
    }
    Counter *c = &s->counter[n];
    Access access = (Access)(value >> 4 & 3);
    if (access == ACCESS_LATCH) {
        latch_count(c);
        return;
    }
    uint8_t mode = value >> 1 & 7;
    c->access = (uint8_t)access;
    c->mode = mode > 5 ? mode & 3 : mode;
    c->bcd = value & 1;
    c->loaded = c->read_msb = c->write_msb = c->count_latched = c->status_latched = false;
    c->held = 0;
}

void i8254_set_gate(TnObject *pit, unsigned channel, bool level)
{
    Pit *s = tn_object_own_state(pit);
    Counter *c = &s->counter[channel];
    int64_t now = tn_clock_now(TN_CLOCK_VIRTUAL);
    bool rose = level && !c->gate;
    if ((c->mode == 0 || c->mode == 4) && c->loaded && level != c->gate) {
        if (!level) {
            c->held = (int64_t)ticks_at(c, now);
        } else {
            c->start = now - (int64_t)tn_muldiv64((uint64_t)c->held, (uint32_t)TN_NS_PER_SECOND, FREQUENCY);
            c->held = -1;
        }
    } else if (rose && c->mode != 0 && c->mode != 4) {
        c->start = now;
        c->held = -1;
    }
    c->gate = level;
    settle(pit, s);
}

bool i8254_gate(TnObject *pit, unsigned channel)
{
    return ((Pit *)tn_object_own_state(pit))->counter[channel].gate;
}

bool i8254_output(TnObject *pit, unsigned channel)
{
    return output_at(&((Pit *)tn_object_own_state(pit))->counter[channel], tn_clock_now(TN_CLOCK_VIRTUAL));
}

static void disable_wire(void *opaque, unsigned line, int level)
{
    Pit *s = opaque;
    s->wire_off = level;
    forget_rises(s);
    settle(s->obj, s);
}

static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
    Pit *s = opaque;
    return offset == CONTROL ? 0xff : read_count(&s->counter[offset]);
}

/* True for what changes counter 0's course; latching does not. */
static bool sets_counter0(uint64_t offset, uint64_t value)
{
    return offset == 0 || (offset == CONTROL && value >> 6 == 0 && (value >> 4 & 3) != ACCESS_LATCH);
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Pit *s = opaque;
    if (sets_counter0(offset, value))
        forget_rises(s);
    if (offset == CONTROL)
        write_control(s, (uint8_t)value);
    else
        write_count(&s->counter[offset], (uint8_t)value);
    settle(s->obj, s);
}

static const TnRegionOps io_ops = {
    .size_of = sizeof(io_ops), .read = io_read, .write = io_write, .impl_min = 1, .impl_max = 1,
};

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    Pit *s = state;
    forget_rises(s);
    for (unsigned n = 0; n < N_COUNTERS; n++)
        s->counter[n] = (Counter){ .mode = 3, .access = ACCESS_WORD, .gate = n != 2, .count = MAX_COUNT,
                                   .held = 0 };
}

static bool init(TnObject *obj, void *state, GError **error)
{
    Pit *s = state;
    s->obj = obj;
    s->timer = tn_timer_new(obj, TN_CLOCK_VIRTUAL, rise_reached, s);
    ticks_init(&s->ticks, obj, tick_waiting, make_edge, s);
    tn_irq_declare_out(obj, NULL, 1);
    tn_irq_declare_in(obj, "disable", disable_wire, 1);
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    Pit *s = state;
    tn_isa_map_io(dev, (uint16_t)s->iobase, tn_region_new_io(dev, "pit", &io_ops, s, 4));
    return true;
}

static const TnProperty properties[] = {
    { .name = "iobase", .kind = TN_PROP_UINT32, .offset = offsetof(Pit, iobase), .def = "0x40",
      .doc = "I/O port of counter 0" },
    { .name = "lost_tick_policy", .kind = TN_PROP_ENUM, .offset = offsetof(Pit, ticks.policy),
      .values = ticks_policies, .def = "delay",
      .doc = "periodic ticks that the guest could not take in time: delay or discard" },
    { 0 },
};

static const TnStateField counter_fields[] = {
    TN_STATE(U32, Counter, count), TN_STATE(U64, Counter, start), TN_STATE(U64, Counter, held),
    TN_STATE(U16, Counter, latch), TN_STATE(U8, Counter, status), TN_STATE(U8, Counter, mode),
    TN_STATE(U8, Counter, access), TN_STATE(U8, Counter, bcd), TN_STATE(U8, Counter, write_low),
    TN_STATE(BOOL, Counter, gate), TN_STATE(BOOL, Counter, loaded),
    TN_STATE(BOOL, Counter, count_latched), TN_STATE(BOOL, Counter, status_latched),
    TN_STATE(BOOL, Counter, read_msb), TN_STATE(BOOL, Counter, write_msb), TN_STATE_LAST,
};

static const TnStateField fields[] = {
    TN_STATE(BOOL, Pit, wire_off), TN_STATE(U32, Pit, ticks.owed), TN_STATE(U64, Pit, ticks.period),
    TN_STATE_SUB_ARRAY(Pit, counter, counter_fields), TN_STATE_LAST,
};

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .reset = reset, .settle = settle,
};

static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

static const TnTypeInfo pit_type = {
    .size = sizeof(pit_type), .name = "isa-pit", .parent = TN_TYPE_ISA_DEVICE,
    .state_size = sizeof(Pit), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE, .interfaces = interfaces, .init = init,
    .description = "Intel 8254 interval timer",
};

static const TnTypeInfo *const types[] = { &pit_type, &pcspk_type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("i8254") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_INTERNAL_DEVICE("isa-pit", "ISA", "misc", "Intel 8254 interval timer")
          TN_NOTE_INTERNAL_DEVICE("isa-pcspk", "ISA", "sound", "PC speaker gate (port 0x61)"));
