/* SPDX-License-Identifier: MIT */
/*
 * Intel 8259A programmable interrupt controller (datasheet 231468), one chip of the PC's pair, with
 * the edge/level control register of the PIIX3 (82371SB datasheet, 2.5.12: ELCR1, ELCR2).
 *
 * The master's acknowledge cycle is the machine's (tn_set_pic_acknowledge); it asks the slave
 * through the link "slave". MCS-80 mode and the buffered modes have no meaning on a PC and are
 * only remembered.
 */
#include "tenon/apic.h"
#include "tenon/isa.h"
#include "tenon/module.h"

typedef enum InitStep { READY, EXPECT_ICW2, EXPECT_ICW3, EXPECT_ICW4 } InitStep;

enum {
    ICW1 = 1u << 4, ICW1_IC4 = 1u << 0, ICW1_SNGL = 1u << 1,
    ICW4_AEOI = 1u << 1, ICW4_SFNM = 1u << 4,
    OCW3 = 1u << 3, OCW3_RR = 1u << 1, OCW3_RIS = 1u << 0, OCW3_P = 1u << 2,
    OCW3_ESMM = 1u << 6, OCW3_SMM = 1u << 5,
    OCW2_EOI = 1u << 5, OCW2_SL = 1u << 6, OCW2_R = 1u << 7,
    SPURIOUS = 7, CASCADE = 2,
};

typedef struct I8259 {
    TnObject *obj;
    TnObject *slave_object; /* link; master only */
    uint32_t iobase, elcr_addr, elcr_mask;
    bool master;

    uint8_t lines;     /* input levels */
    uint8_t irr, imr, isr;
    uint8_t elcr;      /* 1: level triggered */
    uint8_t icw2;
    uint8_t lowest;    /* the input of lowest priority; 7 after initialisation */
    uint8_t init_step; /* InitStep */
    bool expect_icw4, single;
    bool auto_eoi, rotate_on_aeoi, special_mask, special_fully_nested;
    bool read_isr, poll;
} I8259;

/* Inputs in order of priority: 0 is the highest. */
static unsigned priority_of(const I8259 *s, unsigned input)
{
    return (input - s->lowest - 1) & 7;
}

/* The best input of a set, or 8 for the empty set. */
static unsigned best_input(const I8259 *s, uint8_t set)
{
    for (unsigned i = 1; i <= 8; i++) {
        unsigned input = (s->lowest + i) & 7;
        if (set >> input & 1)
            return input;
    }
    return 8;
}

/* The input that INT is asserted for, or -1. */
static int pending_input(const I8259 *s)
{
    unsigned request = best_input(s, s->irr & ~s->imr);
    if (request == 8)
        return -1;
    uint8_t in_service = s->isr;
    if (s->special_mask)
        in_service &= ~s->imr;
    if (s->special_fully_nested && s->master)
        in_service &= ~(1u << CASCADE);
    unsigned serving = best_input(s, in_service);
    if (serving != 8 && priority_of(s, serving) <= priority_of(s, request))
        return -1;
    return (int)request;
}

static void settle(TnObject *dev, void *state)
{
    tn_irq_out(dev, NULL, 0, pending_input(state) >= 0);
}

static void input(void *opaque, unsigned line, int level)
{
    I8259 *s = opaque;
    uint8_t bit = (uint8_t)(1u << line);
    bool rose = level && !(s->lines & bit);
    s->lines = level ? s->lines | bit : s->lines & ~bit;
    if (s->elcr & bit)
        s->irr = level ? s->irr | bit : s->irr & ~bit;
    else if (rose)
        s->irr |= bit;
    settle(s->obj, s);
}

/* A masked request waits for nobody: its edges are lost as they are on the chip. */
static bool input_waiting(void *opaque, unsigned line)
{
    const I8259 *s = opaque;
    return s->irr & ~s->imr & 1u << line;
}

/* The INTA cycle for one input: moves it from IRR to ISR as the mode says. */
static void take(I8259 *s, unsigned line)
{
    uint8_t bit = (uint8_t)(1u << line);
    if (!(s->elcr & bit))
        s->irr &= ~bit;
    if (!s->auto_eoi)
        s->isr |= bit;
    else if (s->rotate_on_aeoi)
        s->lowest = (uint8_t)line;
    settle(s->obj, s);
}

static uint8_t acknowledge_chip(I8259 *s)
{
    int line = pending_input(s);
    if (line < 0) {
        TN_TRACE("pic_spurious", "master=%d", s->master);
        return s->icw2 | SPURIOUS;
    }
    take(s, (unsigned)line);
    return s->icw2 | (uint8_t)line;
}

static int acknowledge(void *opaque)
{
    I8259 *s = opaque;
    uint8_t vector;
    if (pending_input(s) == CASCADE && s->slave_object) {
        vector = acknowledge_chip(tn_object_own_state(s->slave_object));
        take(s, CASCADE);
    } else {
        vector = acknowledge_chip(s);
    }
    TN_TRACE("pic_acknowledge", "vector=0x%02x", vector);
    return vector;
}

static void write_icw1(I8259 *s, uint8_t value)
{
    s->imr = s->isr = 0;
    s->irr = s->lines & s->elcr;
    s->lowest = 7;
    s->special_mask = s->read_isr = s->poll = false;
    s->auto_eoi = s->rotate_on_aeoi = s->special_fully_nested = false;
    s->expect_icw4 = value & ICW1_IC4;
    s->single = value & ICW1_SNGL;
    s->init_step = EXPECT_ICW2;
}

static void write_ocw2(I8259 *s, uint8_t value)
{
    if (!(value & OCW2_EOI)) {
        if (value & OCW2_SL && value & OCW2_R)
            s->lowest = value & 7;
        else if (!(value & OCW2_SL))
            s->rotate_on_aeoi = value & OCW2_R;
        return;
    }
    uint8_t in_service = s->special_mask ? s->isr & ~s->imr : s->isr;
    unsigned line = value & OCW2_SL ? value & 7 : best_input(s, in_service);
    if (line == 8)
        return;
    s->isr &= ~(1u << line);
    if (value & OCW2_R)
        s->lowest = (uint8_t)line;
}

static void write_ocw3(I8259 *s, uint8_t value)
{
    if (value & OCW3_P)
        s->poll = true;
    if (value & OCW3_RR)
        s->read_isr = value & OCW3_RIS;
    if (value & OCW3_ESMM)
        s->special_mask = value & OCW3_SMM;
}

static void write_data(I8259 *s, uint8_t value)
{
    switch ((InitStep)s->init_step) {
    case READY:
        s->imr = value;
        break;
    case EXPECT_ICW2:
        s->icw2 = value & 0xf8;
        s->init_step = !s->single ? EXPECT_ICW3 : s->expect_icw4 ? EXPECT_ICW4 : READY;
        break;
    case EXPECT_ICW3: /* the wiring of the pair is fixed */
        s->init_step = s->expect_icw4 ? EXPECT_ICW4 : READY;
        break;
    case EXPECT_ICW4:
        s->auto_eoi = value & ICW4_AEOI;
        s->special_fully_nested = value & ICW4_SFNM;
        s->init_step = READY;
        break;
    }
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I8259 *s = opaque;
    TN_TRACE("pic_write", "master=%d a0=%d value=0x%02x", s->master, (int)offset, (unsigned)value);
    if (offset == 1)
        write_data(s, (uint8_t)value);
    else if (value & ICW1)
        write_icw1(s, (uint8_t)value);
    else if (value & OCW3)
        write_ocw3(s, (uint8_t)value);
    else
        write_ocw2(s, (uint8_t)value);
    settle(s->obj, s);
}

static uint64_t read_poll(I8259 *s)
{
    s->poll = false;
    int line = pending_input(s);
    if (line < 0)
        return 0;
    take(s, (unsigned)line);
    return 0x80u | (unsigned)line;
}

static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
    I8259 *s = opaque;
    if (s->poll)
        return read_poll(s);
    if (offset == 1)
        return s->imr;
    return s->read_isr ? s->isr : s->irr;
}

static uint64_t elcr_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((I8259 *)opaque)->elcr;
}

static void elcr_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I8259 *s = opaque;
    s->elcr = (uint8_t)(value & s->elcr_mask);
}

static const TnRegionOps io_ops = {
    .size_of = sizeof(io_ops), .read = io_read, .write = io_write, .impl_min = 1, .impl_max = 1,
};

static const TnRegionOps elcr_ops = {
    .size_of = sizeof(elcr_ops), .read = elcr_read, .write = elcr_write, .impl_min = 1, .impl_max = 1,
};

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    I8259 *s = state;
    s->irr = s->imr = s->isr = s->elcr = s->icw2 = 0;
    s->lowest = 7;
    s->init_step = READY;
    s->expect_icw4 = s->single = s->auto_eoi = s->rotate_on_aeoi = false;
    s->special_mask = s->special_fully_nested = s->read_isr = s->poll = false;
}

static bool init(TnObject *obj, void *state, GError **error)
{
    I8259 *s = state;
    s->obj = obj;
    tn_irq_declare_in(obj, NULL, input, 8);
    tn_irq_declare_waiting(obj, NULL, input_waiting);
    tn_irq_declare_out(obj, NULL, 1);
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    I8259 *s = state;
    tn_isa_map_io(dev, (uint16_t)s->iobase, tn_region_new_io(dev, "pic", &io_ops, s, 2));
    if (s->elcr_addr)
        tn_isa_map_io(dev, (uint16_t)s->elcr_addr, tn_region_new_io(dev, "elcr", &elcr_ops, s, 1));
    if (s->master)
        tn_set_pic_acknowledge(acknowledge, s);
    return true;
}

static const TnProperty properties[] = {
    { .name = "iobase", .kind = TN_PROP_UINT32, .offset = offsetof(I8259, iobase), .def = "0x20",
      .doc = "I/O port of the command register" },
    { .name = "elcr_addr", .kind = TN_PROP_UINT32, .offset = offsetof(I8259, elcr_addr),
      .doc = "I/O port of the edge/level control register, 0 for none" },
    { .name = "elcr_mask", .kind = TN_PROP_UINT32, .offset = offsetof(I8259, elcr_mask),
      .doc = "inputs that may be level triggered" },
    { .name = "master", .kind = TN_PROP_BOOL, .offset = offsetof(I8259, master),
      .doc = "answers the processor's acknowledge cycle" },
    { .name = "slave", .kind = TN_PROP_LINK, .offset = offsetof(I8259, slave_object),
      .type = "isa-i8259", .doc = "the chip at input 2" },
    { 0 },
};

static const TnStateField fields[] = {
    TN_STATE(U8, I8259, lines), TN_STATE(U8, I8259, irr), TN_STATE(U8, I8259, imr),
    TN_STATE(U8, I8259, isr), TN_STATE(U8, I8259, elcr), TN_STATE(U8, I8259, icw2),
    TN_STATE(U8, I8259, lowest), TN_STATE(U8, I8259, init_step), TN_STATE(BOOL, I8259, expect_icw4),
    TN_STATE(BOOL, I8259, single), TN_STATE(BOOL, I8259, auto_eoi),
    TN_STATE(BOOL, I8259, rotate_on_aeoi), TN_STATE(BOOL, I8259, special_mask),
    TN_STATE(BOOL, I8259, special_fully_nested), TN_STATE(BOOL, I8259, read_isr),
    TN_STATE(BOOL, I8259, poll), TN_STATE_LAST,
};

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .reset = reset, .settle = settle,
};

static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "isa-i8259", .parent = TN_TYPE_ISA_DEVICE,
    .state_size = sizeof(I8259), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE, .interfaces = interfaces, .init = init,
    .description = "Intel 8259A interrupt controller",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("i8259") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_INTERNAL_DEVICE("isa-i8259", "ISA", "misc", "Intel 8259A interrupt controller"));
