/* SPDX-License-Identifier: MIT */
/*
 * Intel 82371SB (PIIX3) PCI-to-ISA bridge (datasheet 290550), function 0: PCI interrupt routing
 * (PIRQRCA..D), the reset control register 0xcf9, and the ISA bus with its DMA controllers' place.
 *
 * The ISA bus's interrupt lines are given by the board. Timers and interrupt controllers of the
 * chip are devices of their own.
 */
#include "tenon/isa.h"
#include "tenon/machine.h"
#include "tenon/module.h"
#include "tenon/pci.h"

enum {
    PIRQRC = 0x60, N_PIRQ = 4, PIRQ_DISABLED = 0x80, PIRQ_IRQ = 0x0f,
    N_ISA_IRQ = 16,
    RCR = 0xcf9, RCR_RCPU = 1u << 2, RCR_SRST = 1u << 1,
};

typedef struct Piix3 {
    TnObject *obj;
    TnObject *isa;
    TnRegion *reset_control;
    uint8_t rcr;
    uint8_t pirq_levels; /* bit n: PIRQn# is asserted */
    uint16_t driven;     /* ISA lines that PIRQs are driven on now */
} Piix3;

/* Drives each ISA line with the OR of the PIRQs routed to it. */
static void settle(TnObject *dev, void *state)
{
    Piix3 *s = state;
    const uint8_t *config = tn_pci_config(dev);
    uint16_t level = 0, routed = 0;
    for (unsigned n = 0; n < N_PIRQ; n++) {
        uint8_t route = config[PIRQRC + n];
        if (route & PIRQ_DISABLED)
            continue;
        routed |= (uint16_t)(1u << (route & PIRQ_IRQ));
        if (s->pirq_levels >> n & 1)
            level |= (uint16_t)(1u << (route & PIRQ_IRQ));
    }
    uint16_t touch = (s->driven ^ level) & (routed | s->driven);
    for (unsigned irq = 0; irq < N_ISA_IRQ; irq++)
        if (touch >> irq & 1)
            tn_irq_set(tn_isa_irq(s->isa, irq), level >> irq & 1);
    s->driven = level;
}

static void set_pirq(void *opaque, unsigned n, int level)
{
    Piix3 *s = opaque;
    s->pirq_levels = (uint8_t)(level ? s->pirq_levels | 1u << n : s->pirq_levels & ~(1u << n));
    settle(s->obj, s);
}

/* The PC's wiring: INTA of slot 0 is PIRQD, each slot shifts by one. */
static unsigned map_pirq(void *opaque, uint8_t devfn, unsigned pin)
{
    return (pin + (devfn >> 3) - 1u) & 3;
}

static void config_write(TnObject *dev, void *state, uint32_t offset, uint32_t value, unsigned size)
{
    tn_pci_config_write(dev, offset, value, size);
    if (offset < PIRQRC + N_PIRQ && offset + size > PIRQRC)
        settle(dev, state);
}

static uint64_t rcr_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((Piix3 *)opaque)->rcr;
}

static void rcr_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Piix3 *s = opaque;
    s->rcr = value & RCR_SRST;
    if (value & RCR_RCPU)
        tn_machine_request_reset(TN_SHUTDOWN_GUEST_RESET);
}

static const TnRegionOps rcr_ops = {
    .size_of = sizeof(rcr_ops), .read = rcr_read, .write = rcr_write, .valid_max = 1, .impl_min = 1,
    .impl_max = 1,
};

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    static const struct {
        uint8_t offset, value;
    } defaults[] = {
        { 0x04, 0x07 }, { 0x07, 0x02 }, { 0x4c, 0x4d }, { 0x4e, 0x03 }, { 0x60, 0x80 }, { 0x61, 0x80 },
        { 0x62, 0x80 }, { 0x63, 0x80 }, { 0x69, 0x02 }, { 0x70, 0x80 }, { 0x76, 0x0c }, { 0x77, 0x0c },
        { 0x78, 0x02 }, { 0xa0, 0x08 }, { 0xa8, 0x0f },
    };
    Piix3 *s = state;
    for (unsigned i = 0; i < G_N_ELEMENTS(defaults); i++)
        tn_pci_config(dev)[defaults[i].offset] = defaults[i].value;
    s->rcr = 0;
    s->pirq_levels = 0;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    Piix3 *s = state;
    s->obj = dev;
    uint8_t *writable = tn_pci_config_writable(dev);
    for (unsigned i = 0x40; i < 0x100; i++)
        writable[i] = 0xff;
    s->isa = tn_isa_bus_new(dev, "isa.0", tn_system_memory(), tn_system_io(), error);
    if (!s->isa)
        return false;
    s->reset_control = tn_region_new_io(dev, "piix3-reset-control", &rcr_ops, s, 1);
    tn_region_add_overlap(tn_system_io(), RCR, s->reset_control, 1);
    tn_pci_bus_set_irqs(tn_device_bus(dev), set_pirq, map_pirq, s, N_PIRQ);
    return true;
}

static void unrealize(TnObject *dev, void *state)
{
    Piix3 *s = state;
    tn_region_remove(tn_system_io(), s->reset_control);
    tn_object_unparent(s->isa);
}

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .unrealize = unrealize, .reset = reset,
    .settle = settle,
};

static const TnPciDeviceOps pci_ops = {
    .size = sizeof(pci_ops), .vendor_id = 0x8086, .device_id = 0x7000, .class_id = 0x0601,
    .config_write = config_write,
};

static const TnInterfaceImpl interfaces[] = {
    { TN_IFACE_DEVICE, &device_ops }, { TN_IFACE_PCI_DEVICE, &pci_ops }, { 0 },
};

static const TnStateField fields[] = {
    TN_STATE(U8, Piix3, rcr), TN_STATE(U8, Piix3, pirq_levels), TN_STATE_LAST,
};

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "PIIX3", .parent = TN_TYPE_PCI_DEVICE, .state_size = sizeof(Piix3),
    .state = fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces, .description = "Intel 82371SB PCI-to-ISA bridge",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("piix3") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_INTERNAL_DEVICE("PIIX3", "PCI", "bridge", "Intel 82371SB PCI-to-ISA bridge"));
