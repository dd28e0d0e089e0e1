/* SPDX-License-Identifier: MIT */
/*
 * PCI test device (QEMU's docs/specs/pci-testdev): BAR 0 in memory and BAR 1 in ports, each with a
 * header through which the guest chooses a test, learns which access to make, and reads how many of
 * them arrived. `membar` adds a plain memory BAR 2 of a given size.
 */
#include <string.h>

#include "tenon/module.h"
#include "tenon/pci.h"

enum {
    VENDOR_REDHAT = 0x1b36, DEVICE_TEST = 0x0005, CLASS_OTHERS = 0x00ff,
    HDR_TEST = 0, HDR_WIDTH = 1, HDR_OFFSET = 4, HDR_DATA = 8, HDR_COUNT = 12, HDR_NAME = 16,
    BAR_SIZE = 4096, PORT_SIZE = 256, ACCESS_AT = 128, ACCESS_DATA = 0xfa, NAME_SIZE = 32,
    N_BARS = 2, BYTE_ACCESS = 1,
};

/* The names say what a host with event descriptors may take over; here callbacks serve all. */
static const char *const tests[] = { "no-eventfd", "wildcard-eventfd", "datamatch-eventfd" };

typedef struct Bar {
    uint8_t test;
    bool chosen;
    uint32_t count;
} Bar;

typedef struct PciTestdev {
    Bar bar[N_BARS];
    uint64_t membar;
} PciTestdev;

static bool supported(const Bar *b)
{
    return b->chosen && b->test < G_N_ELEMENTS(tests);
}

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned size)
{
    const Bar *b = opaque;
    uint8_t header[HDR_NAME + NAME_SIZE] = { 0 };
    if (offset >= sizeof(header))
        return 0;
    uint32_t at = GUINT32_TO_LE(ACCESS_AT), data = GUINT32_TO_LE(ACCESS_DATA);
    uint32_t count = GUINT32_TO_LE(b->count);
    header[HDR_TEST] = b->test;
    header[HDR_WIDTH] = supported(b) ? BYTE_ACCESS : 0;
    memcpy(header + HDR_OFFSET, &at, sizeof(at));
    memcpy(header + HDR_DATA, &data, sizeof(data));
    memcpy(header + HDR_COUNT, &count, sizeof(count));
    if (supported(b))
        g_strlcpy((char *)header + HDR_NAME, tests[b->test], NAME_SIZE);
    return header[offset];
}

static void bar_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Bar *b = opaque;
    if (offset == HDR_TEST)
        *b = (Bar){ .test = (uint8_t)value, .chosen = true };
    else if (offset == ACCESS_AT && value == ACCESS_DATA && supported(b))
        b->count++;
}

static const TnRegionOps bar_ops = {
    .size_of = sizeof(bar_ops), .read = bar_read, .write = bar_write, .impl_min = 1, .impl_max = 1,
};

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    PciTestdev *s = state;
    memset(s->bar, 0, sizeof(s->bar));
}

static bool add_membar(TnObject *dev, uint64_t size, GError **error)
{
    if (!size)
        return true;
    if (size < BAR_SIZE || size & (size - 1)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "pci-testdev: property 'membar': %" G_GUINT64_FORMAT " is not a power of two of at least %d",
                    size, BAR_SIZE);
        return false;
    }
    TnRegion *ram = tn_region_new_ram(dev, "pci-testdev-membar", size, error);
    return ram && tn_pci_add_bar(dev, 2, TN_PCI_BAR_MEM64 | TN_PCI_BAR_PREFETCH, ram, error);
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    PciTestdev *s = state;
    TnRegion *memory = tn_region_new_io(dev, "pci-testdev-mmio", &bar_ops, &s->bar[0], BAR_SIZE);
    TnRegion *ports = tn_region_new_io(dev, "pci-testdev-portio", &bar_ops, &s->bar[1], PORT_SIZE);
    return tn_pci_add_bar(dev, 0, TN_PCI_BAR_MEM32, memory, error) &&
           tn_pci_add_bar(dev, 1, TN_PCI_BAR_IO, ports, error) && add_membar(dev, s->membar, error);
}

static const TnProperty properties[] = {
    { .name = "membar", .kind = TN_PROP_SIZE, .offset = offsetof(PciTestdev, membar),
      .doc = "size of a memory BAR 2; 0 for none" },
    { 0 },
};

static const TnStateField bar_fields[] = {
    TN_STATE(U8, Bar, test), TN_STATE(BOOL, Bar, chosen), TN_STATE(U32, Bar, count), TN_STATE_LAST,
};
static const TnStateField fields[] = { TN_STATE_SUB_ARRAY(PciTestdev, bar, bar_fields), TN_STATE_LAST };

static const TnDeviceOps device_ops = { .size = sizeof(device_ops), .realize = realize, .reset = reset };
static const TnPciDeviceOps pci_ops = {
    .size = sizeof(pci_ops), .vendor_id = VENDOR_REDHAT, .device_id = DEVICE_TEST,
    .class_id = CLASS_OTHERS,
};
static const TnInterfaceImpl interfaces[] = {
    { TN_IFACE_DEVICE, &device_ops }, { TN_IFACE_PCI_DEVICE, &pci_ops }, { 0 },
};

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "pci-testdev", .parent = TN_TYPE_PCI_DEVICE,
    .state_size = sizeof(PciTestdev), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces, .description = "PCI test device",
};
static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("pci-testdev") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_DEVICE("pci-testdev", "PCI", "misc", "PCI test device"));
