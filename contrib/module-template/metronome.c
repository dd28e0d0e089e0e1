/* SPDX-License-Identifier: MIT */
/*
 * metronome: a PCI device to start your own from. It beats: every PERIOD microseconds it counts
 * BEATS up, writes the count to the guest's memory at ADDRESS, and raises an interrupt.
 *
 * Order of the file, which is a good one for devices: constants, state, behaviour, registers, life,
 * tables, descriptor. docs/module-authors.md explains each part.
 */
#include <tenon/module.h>
#include <tenon/pci.h>

enum {
    VENDOR = 0x1234, DEVICE = 0xbea7, /* 1234 belongs to nobody: use the numbers that you own */
    CLASS_OTHERS = 0x00ff, REVISION = 1,
    BAR_SIZE = 4096,

    IDENTIFICATION = 0x0001bea7,
    CONTROL_RUN = 1u << 0, CONTROL_IRQ = 1u << 1,
    STATUS_BEAT = 1u << 0,

    NS_PER_US = 1000,
    PERIOD_MAX = 60 * 1000 * 1000, /* a minute */
};

/* What the guest can see of one device. The core allocates it, zeroed. */
typedef struct Metronome {
    TnObject *obj;
    TnTimer *timer;
    uint32_t control, status, period, beats;
    uint64_t address;
    uint32_t default_period, limit; /* properties */
} Metronome;

/* ---- Behaviour -------------------------------------------------------------------------- */

/* The interrupt line is a function of the state and of nothing else. */
static void settle(TnObject *dev, void *state)
{
    const Metronome *s = state;
    if (!tn_pci_msi_enabled(dev))
        tn_pci_set_irq(dev, (s->control & CONTROL_IRQ) && (s->status & STATUS_BEAT));
}

static void schedule(Metronome *s, int64_t from)
{
    tn_timer_set(s->timer, from + (int64_t)s->period * NS_PER_US);
}

/* The timer fires: one beat, and the next one is counted from when this one was due. */
static void beat(void *opaque)
{
    Metronome *s = opaque;
    uint8_t bytes[4];

    s->beats++;
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(s->beats >> 8 * i); /* PCI is little-endian whatever the host is */
    if (s->address && tn_pci_dma_write(s->obj, s->address, bytes, sizeof(bytes)) != TN_MEM_OK)
        tn_guest_error("metronome", "no memory at 0x%llx", (unsigned long long)s->address);
    s->status |= STATUS_BEAT;
    if ((s->control & CONTROL_IRQ) && tn_pci_msi_enabled(s->obj))
        tn_pci_msi_notify(s->obj, 0);
    if (s->limit && s->beats >= s->limit)
        s->control &= ~(uint32_t)CONTROL_RUN;
    else
        schedule(s, tn_clock_now(TN_CLOCK_VIRTUAL));
    tn_device_settle(s->obj);
}

static void write_control(void *state, const TnRegister *reg, uint64_t value)
{
    Metronome *s = state;
    uint32_t changed = s->control ^ (uint32_t)value;

    s->control = (uint32_t)value;
    if (!(changed & CONTROL_RUN))
        return;
    if (value & CONTROL_RUN) {
        s->beats = 0;
        schedule(s, tn_clock_now(TN_CLOCK_VIRTUAL));
    } else {
        tn_timer_cancel(s->timer);
    }
}

/* A period of 0 would be a timer that never lets time pass. */
static void write_period(void *state, const TnRegister *reg, uint64_t value)
{
    ((Metronome *)state)->period = (uint32_t)CLAMP(value, 1, PERIOD_MAX);
}

/* ---- Registers -------------------------------------------------------------------------- */

static const TnRegister registers[] = {
    { .name = "IDENTIFICATION", .offset = 0x00, .size = 4, .flags = TN_REG_RO, .reset = IDENTIFICATION,
      .doc = "version and device number" },
    { .name = "CONTROL", .offset = 0x04, .size = 4, TN_REG_FIELD(Metronome, control),
      .writable = CONTROL_RUN | CONTROL_IRQ, .write = write_control,
      .doc = "0: run; 1: interrupt at each beat" },
    { .name = "STATUS", .offset = 0x08, .size = 4, TN_REG_FIELD(Metronome, status),
      .writable = STATUS_BEAT, .w1c = STATUS_BEAT, .doc = "0: a beat was; write 1 to clear" },
    { .name = "PERIOD", .offset = 0x0c, .size = 4, TN_REG_FIELD(Metronome, period),
      .write = write_period, .doc = "microseconds from beat to beat" },
    { .name = "BEATS", .offset = 0x10, .size = 4, TN_REG_FIELD(Metronome, beats),
      .flags = TN_REG_RO, .doc = "beats since the start" },
    { .name = "ADDRESS", .offset = 0x18, .size = 8, TN_REG_FIELD(Metronome, address),
      .doc = "where BEATS is written at each beat; 0: nowhere" },
    { 0 },
};

static const TnRegisterBank bank = {
    .size_of = sizeof(bank), .stride = sizeof(TnRegister), .name = "metronome", .registers = registers,
    .size = BAR_SIZE, .access_min = 4, .access_max = 8, .absent = UINT64_MAX,
};

/* ---- Life ------------------------------------------------------------------------------- */

/* Registers have their reset values already. */
static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    Metronome *s = state;
    s->period = s->default_period;
    tn_timer_cancel(s->timer);
}

static bool init(TnObject *obj, void *state, GError **error)
{
    Metronome *s = state;
    s->obj = obj;
    s->timer = tn_timer_new(obj, TN_CLOCK_VIRTUAL, beat, s);
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    return tn_pci_msi_init(dev, 0, 1, true, false, error) &&
           tn_pci_add_bar(dev, 0, TN_PCI_BAR_MEM32, tn_register_region_new(dev, "metronome", &bank),
                          error);
}

static const TnProperty properties[] = {
    { .name = "period", .kind = TN_PROP_UINT32, .offset = offsetof(Metronome, default_period),
      .def = "1000", .min = 1, .max = PERIOD_MAX, .doc = "PERIOD after reset, in microseconds" },
    { .name = "limit", .kind = TN_PROP_UINT32, .offset = offsetof(Metronome, limit),
      .doc = "beats after which it stops; 0 never" },
    { 0 },
};

/* Registers save themselves: this is the rest. */
static const TnStateField fields[] = { TN_STATE(TIMER, Metronome, timer), TN_STATE_LAST };

static const TnRegisterBank *const banks[] = { &bank, NULL };

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .reset = reset, .settle = settle, .banks = banks,
};

static const TnPciDeviceOps pci_ops = {
    .size = sizeof(pci_ops), .vendor_id = VENDOR, .device_id = DEVICE, .class_id = CLASS_OTHERS,
    .revision = REVISION, .interrupt_pin = 1,
};

static const TnInterfaceImpl interfaces[] = {
    { TN_IFACE_DEVICE, &device_ops }, { TN_IFACE_PCI_DEVICE, &pci_ops }, { 0 },
};

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "metronome", .parent = TN_TYPE_PCI_DEVICE,
    .state_size = sizeof(Metronome), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE, .interfaces = interfaces, .init = init,
    .description = "Beats in time",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("metronome") TN_NOTE_VERSION("1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_VENDOR("Example Ltd.")
          TN_NOTE_DEVICE("metronome", "PCI", "misc", "Beats in time"));
