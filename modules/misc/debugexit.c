/* SPDX-License-Identifier: MIT */
/* A port that ends the process: writing v exits with code v * 2 + 1, so that it is never 0. */
#include "tenon/isa.h"
#include "tenon/machine.h"
#include "tenon/module.h"

typedef struct DebugExit {
    uint32_t iobase, iosize;
} DebugExit;

static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
    return 0;
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    tn_machine_exit((int)(value << 1 | 1));
}

static const TnRegionOps io_ops = {
    .size_of = sizeof(io_ops), .read = io_read, .write = io_write, .impl_min = 1, .impl_max = 4,
};

static bool realize(TnObject *dev, void *state, GError **error)
{
    const DebugExit *s = state;
    tn_isa_map_io(dev, (uint16_t)s->iobase,
                  tn_region_new_io(dev, "isa-debug-exit", &io_ops, state, s->iosize));
    return true;
}

static const TnProperty properties[] = {
    { .name = "iobase", .kind = TN_PROP_UINT32, .offset = offsetof(DebugExit, iobase), .def = "0x501",
      .max = 0xffff, .doc = "first I/O port" },
    { .name = "iosize", .kind = TN_PROP_UINT32, .offset = offsetof(DebugExit, iosize), .def = "0x2",
      .min = 1, .max = 4, .doc = "number of ports" },
    { 0 },
};

static const TnDeviceOps device_ops = { .size = sizeof(device_ops), .realize = realize };
static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "isa-debug-exit", .parent = TN_TYPE_ISA_DEVICE,
    .state_size = sizeof(DebugExit), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .interfaces = interfaces, .description = "Port that ends the emulator",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("isa-debug-exit") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_DEVICE("isa-debug-exit", "ISA", "misc", "Port that ends the emulator"));
