/* SPDX-License-Identifier: MIT */
/*
 * The PC's test device for bare-metal suites, at the places that kvm-unit-tests uses: ports
 * 0xe0..0xe3 and 0xe8 keep what was written, ports 0x2000..0x2017 drive the ISA interrupt lines, and
 * 64 KiB of memory-mapped registers at 0xff000000 keep what was written. Port 0xe4,
 * which asks a hypervisor to drop its mapping of a page, is not decoded, because there is no such
 * mapping here: it reads all ones and a write goes nowhere, as at any port without hardware.
 */
#include <string.h>

#include "tenon/isa.h"
#include "tenon/module.h"

enum {
    PORT_LONG = 0xe0, PORT_BYTE = 0xe8, PORT_IRQ = 0x2000, N_IRQS = 24, N_ISA_IRQS = 16,
    MEMORY = 0xff000000, MEMORY_SIZE = 0x10000,
};

typedef struct PcTestdev {
    TnObject *bus;
    TnRegion *window;
    uint8_t longword[4], byte;
    uint8_t memory[MEMORY_SIZE];
} PcTestdev;

/* A run of bytes in the state, little-endian. */
static uint64_t get(const uint8_t *bytes, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, bytes + offset, size);
    return GUINT64_FROM_LE(value);
}

static void put(uint8_t *bytes, uint64_t offset, uint64_t value, unsigned size)
{
    value = GUINT64_TO_LE(value);
    memcpy(bytes + offset, &value, size);
}

static uint64_t long_read(void *opaque, uint64_t offset, unsigned size)
{
    return get(((PcTestdev *)opaque)->longword, offset, size);
}

static void long_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    put(((PcTestdev *)opaque)->longword, offset, value, size);
}

static uint64_t byte_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((PcTestdev *)opaque)->byte;
}

static void byte_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    ((PcTestdev *)opaque)->byte = (uint8_t)value;
}

static uint64_t memory_read(void *opaque, uint64_t offset, unsigned size)
{
    return get(((PcTestdev *)opaque)->memory, offset, size);
}

static void memory_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    put(((PcTestdev *)opaque)->memory, offset, value, size);
}

static uint64_t irq_read(void *opaque, uint64_t offset, unsigned size)
{
    return UINT64_MAX;
}

static void irq_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PcTestdev *s = opaque;
    if (offset < N_ISA_IRQS)
        tn_irq_set(tn_isa_irq(s->bus, (unsigned)offset), value != 0);
    else
        tn_guest_error("pc-testdev", "line %u is not on the ISA bus", (unsigned)offset);
}

static const TnRegionOps long_ops = {
    .size_of = sizeof(long_ops), .read = long_read, .write = long_write, .impl_min = 1, .impl_max = 4,
};
static const TnRegionOps byte_ops = {
    .size_of = sizeof(byte_ops), .read = byte_read, .write = byte_write, .impl_min = 1, .impl_max = 1,
};
static const TnRegionOps irq_ops = {
    .size_of = sizeof(irq_ops), .read = irq_read, .write = irq_write, .impl_min = 1, .impl_max = 1,
};
static const TnRegionOps memory_ops = {
    .size_of = sizeof(memory_ops), .read = memory_read, .write = memory_write, .impl_min = 1,
    .impl_max = 8,
};

static bool realize(TnObject *dev, void *state, GError **error)
{
    PcTestdev *s = state;
    s->bus = tn_device_bus(dev);
    tn_isa_map_io(dev, PORT_LONG, tn_region_new_io(dev, "testdev-ioport", &long_ops, s, 4));
    tn_isa_map_io(dev, PORT_BYTE, tn_region_new_io(dev, "testdev-ioport-byte", &byte_ops, s, 1));
    tn_isa_map_io(dev, PORT_IRQ, tn_region_new_io(dev, "testdev-irq-line", &irq_ops, s, N_IRQS));
    s->window = tn_region_new_io(dev, "testdev-iomem", &memory_ops, s, MEMORY_SIZE);
    tn_region_add_overlap(tn_isa_memory(s->bus), MEMORY, s->window, 1);
    return true;
}

static void unrealize(TnObject *dev, void *state)
{
    PcTestdev *s = state;
    tn_region_remove(tn_isa_memory(s->bus), s->window);
}

static const TnStateField fields[] = {
    TN_STATE_BUFFER(PcTestdev, longword), TN_STATE(U8, PcTestdev, byte),
    TN_STATE_BUFFER(PcTestdev, memory), TN_STATE_LAST,
};
static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .unrealize = unrealize,
};
static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "pc-testdev", .parent = TN_TYPE_ISA_DEVICE,
    .state_size = sizeof(PcTestdev), .state = fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces,
    .description = "PC test device for bare-metal suites",
};
static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("pc-testdev") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_DEVICE("pc-testdev", "ISA", "misc", "PC test device for bare-metal suites"));
