/* SPDX-License-Identifier: MIT */
/*
 * Intel 82093AA I/O APIC (datasheet 290566), with the EOI register of later ones (version 0x20).
 *
 * Redirection entries become interrupt messages (tn_msi_send). A level-triggered entry keeps Remote
 * IRR until the local APICs broadcast the end of its interrupt.
 */
#include "tenon/apic.h"
#include "tenon/device.h"
#include "tenon/module.h"

enum {
    IOREGSEL = 0x00, IOWIN = 0x10, EOI = 0x40,
    IOAPICID = 0x00, IOAPICVER = 0x01, IOAPICARB = 0x02, IOREDTBL = 0x10,
    N_INPUTS = 24,
    VERSION_EOI = 0x20,

    VECTOR = 0xff, DELMOD_SHIFT = 8, DELMOD = 7 << 8, DESTMOD = 1 << 11, DELIVS = 1 << 12,
    INTPOL = 1 << 13, REMOTE_IRR = 1 << 14, LEVEL = 1 << 15, MASKED = 1 << 16,
    DEST_SHIFT = 56,
    DELMOD_EXTINT = 7,

    MSI_BASE = 0xfee00000, MSI_DEST_SHIFT = 12, MSI_DESTMOD = 1 << 2, MSI_LEVEL = 3 << 14,
};

typedef struct IoApic {
    TnObject *obj;
    uint32_t version;
    uint32_t lines; /* input levels, asserted = 1 */
    uint32_t irr;   /* edges not delivered yet */
    uint8_t id, select;
    uint64_t entry[N_INPUTS];
} IoApic;

/* Where the message of an entry goes. */
static uint64_t message_address(uint64_t e)
{
    return MSI_BASE | (e >> DEST_SHIFT) << MSI_DEST_SHIFT | (e & DESTMOD ? MSI_DESTMOD : 0);
}

static void send(const IoApic *s, unsigned n)
{
    uint64_t e = s->entry[n];
    unsigned mode = (e & DELMOD) >> DELMOD_SHIFT;
    int vector = mode == DELMOD_EXTINT ? tn_pic_acknowledge() : (int)(e & VECTOR);
    if (vector < 0)
        return;
    uint32_t data = (uint32_t)vector | (uint32_t)(e & DELMOD) | (e & LEVEL ? MSI_LEVEL : 0);
    TN_TRACE("ioapic_send", "input=%u vector=0x%02x", n, (unsigned)vector);
    tn_msi_send(message_address(e), data);
}

/* Delivers what is asserted, unmasked and not in service. */
static void service(IoApic *s)
{
    for (unsigned n = 0; n < N_INPUTS; n++) {
        uint64_t e = s->entry[n];
        uint32_t bit = 1u << n;
        if (e & MASKED)
            continue;
        if (e & LEVEL) {
            if (!(s->lines & bit) || e & REMOTE_IRR)
                continue;
            s->entry[n] |= REMOTE_IRR;
        } else if (!(s->irr & bit)) {
            continue;
        }
        s->irr &= ~bit;
        send(s, n);
    }
}

static void input(void *opaque, unsigned n, int level)
{
    IoApic *s = opaque;
    uint32_t bit = 1u << n;
    bool rose = level && !(s->lines & bit);
    s->lines = level ? s->lines | bit : s->lines & ~bit;
    if (rose && !(s->entry[n] & LEVEL))
        s->irr |= bit;
    if (level)
        service(s);
}

static bool input_waiting(void *opaque, unsigned n)
{
    uint64_t e = ((IoApic *)opaque)->entry[n];
    return !(e & (MASKED | LEVEL)) &&
           tn_msi_waiting(message_address(e), (uint32_t)(e & (VECTOR | DELMOD)));
}

static void end_of_interrupt(void *opaque, uint8_t vector)
{
    IoApic *s = opaque;
    for (unsigned n = 0; n < N_INPUTS; n++)
        if (s->entry[n] & LEVEL && (s->entry[n] & VECTOR) == vector)
            s->entry[n] &= ~(uint64_t)REMOTE_IRR;
    service(s);
}

static uint32_t read_window(const IoApic *s)
{
    switch (s->select) {
    case IOAPICID:
    case IOAPICARB:
        return (uint32_t)s->id << 24;
    case IOAPICVER:
        return s->version | (N_INPUTS - 1) << 16;
    }
    unsigned n = (unsigned)(s->select - IOREDTBL) >> 1;
    if (s->select < IOREDTBL || n >= N_INPUTS)
        return 0;
    return (uint32_t)(s->select & 1 ? s->entry[n] >> 32 : s->entry[n]);
}

static void write_entry(IoApic *s, unsigned n, uint32_t value, bool high)
{
    uint64_t *e = &s->entry[n];
    if (high) {
        *e = (*e & UINT32_MAX) | (uint64_t)(value & 0xff000000) << 32;
        return;
    }
    uint64_t kept = *e & (0xffffffff00000000 | DELIVS | REMOTE_IRR);
    *e = kept | (value & 0x1ffff & ~(uint32_t)(DELIVS | REMOTE_IRR));
    if (!(*e & LEVEL))
        *e &= ~(uint64_t)REMOTE_IRR;
    else
        s->irr &= ~(1u << n);
}

static void write_window(IoApic *s, uint32_t value)
{
    if (s->select == IOAPICID) {
        s->id = value >> 24 & 0x0f;
        return;
    }
    unsigned n = (unsigned)(s->select - IOREDTBL) >> 1;
    if (s->select < IOREDTBL || n >= N_INPUTS)
        return;
    write_entry(s, n, value, s->select & 1);
    service(s);
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    IoApic *s = opaque;
    switch (offset & 0xff) {
    case IOREGSEL:
        return s->select;
    case IOWIN:
        return read_window(s);
    }
    return 0;
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    IoApic *s = opaque;
    switch (offset & 0xff) {
    case IOREGSEL:
        s->select = (uint8_t)value;
        break;
    case IOWIN:
        write_window(s, (uint32_t)value);
        break;
    case EOI:
        if (s->version >= VERSION_EOI)
            end_of_interrupt(s, (uint8_t)value);
        break;
    }
}

static const TnRegionOps mmio_ops = {
    .size_of = sizeof(mmio_ops), .read = mmio_read, .write = mmio_write, .impl_min = 1, .impl_max = 4,
};

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    IoApic *s = state;
    s->id = s->select = 0;
    s->irr = 0;
    for (unsigned n = 0; n < N_INPUTS; n++)
        s->entry[n] = MASKED;
}

static bool init(TnObject *obj, void *state, GError **error)
{
    IoApic *s = state;
    s->obj = obj;
    tn_irq_declare_in(obj, NULL, input, N_INPUTS);
    tn_irq_declare_waiting(obj, NULL, input_waiting);
    tn_system_device_add_region(obj, tn_region_new_io(obj, "ioapic", &mmio_ops, s, 0x1000));
    tn_eoi_listen(obj, end_of_interrupt, s);
    return true;
}

static const TnProperty properties[] = {
    { .name = "version", .kind = TN_PROP_UINT32, .offset = offsetof(IoApic, version), .def = "0x20",
      .min = 0x11, .max = 0x20, .doc = "value of the version register; 0x20 has an EOI register" },
    { 0 },
};

static const TnStateField fields[] = {
    TN_STATE(U32, IoApic, lines), TN_STATE(U32, IoApic, irr), TN_STATE(U8, IoApic, id),
    TN_STATE(U8, IoApic, select), TN_STATE_ARRAY(U64, IoApic, entry), TN_STATE_LAST,
};

static const TnDeviceOps device_ops = { .size = sizeof(device_ops), .reset = reset };
static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "ioapic", .parent = TN_TYPE_SYSTEM_DEVICE,
    .state_size = sizeof(IoApic), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE, .interfaces = interfaces, .init = init,
    .description = "Intel 82093AA I/O APIC",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("ioapic") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_INTERNAL_DEVICE("ioapic", "System", "misc", "Intel 82093AA I/O APIC"));
