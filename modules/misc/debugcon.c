/* SPDX-License-Identifier: MIT */
/* Debug console: bytes written to a port go to a chardev; reading the port gives 0xe9 (as Bochs' port E9). */
#include "tenon/chardev.h"
#include "tenon/isa.h"
#include "tenon/module.h"

typedef struct DebugCon {
    TnChardev *chr;
    uint32_t iobase, readback;
} DebugCon;

static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((DebugCon *)opaque)->readback;
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    DebugCon *s = opaque;
    uint8_t byte = (uint8_t)value;
    tn_chardev_write_all(s->chr, s, &byte, 1);
}

static const TnRegionOps io_ops = {
    .size_of = sizeof(io_ops), .read = io_read, .write = io_write, .impl_min = 1, .impl_max = 1,
};

static bool realize(TnObject *dev, void *state, GError **error)
{
    static const TnChardevHandlers handlers = { .size = sizeof(handlers) };
    DebugCon *s = state;
    if (s->chr && !tn_chardev_attach(s->chr, &handlers, s, error))
        return false;
    tn_isa_map_io(dev, (uint16_t)s->iobase, tn_region_new_io(dev, "isa-debugcon", &io_ops, s, 1));
    return true;
}

static void unrealize(TnObject *dev, void *state)
{
    DebugCon *s = state;
    if (s->chr)
        tn_chardev_detach(s->chr, s);
}

static const TnProperty properties[] = {
    { .name = "iobase", .kind = TN_PROP_UINT32, .offset = offsetof(DebugCon, iobase), .def = "0xe9",
      .max = 0xffff, .doc = "I/O port" },
    { .name = "readback", .kind = TN_PROP_UINT32, .offset = offsetof(DebugCon, readback), .def = "0xe9",
      .max = 0xff, .doc = "what reading the port gives" },
    { .name = "chardev", .kind = TN_PROP_CHARDEV, .offset = offsetof(DebugCon, chr),
      .doc = "id of the character device" },
    { 0 },
};

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .unrealize = unrealize,
};
static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "isa-debugcon", .parent = TN_TYPE_ISA_DEVICE,
    .state_size = sizeof(DebugCon), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .interfaces = interfaces, .description = "Debug console port",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("isa-debugcon") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_DEVICE("isa-debugcon", "ISA", "input", "Debug console port"));
