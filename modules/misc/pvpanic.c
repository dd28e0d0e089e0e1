/* SPDX-License-Identifier: MIT */
/*
 * pvpanic (QEMU's docs/specs/pvpanic): the guest tells of its panic by writing to a port, given to
 * it in the fw_cfg file "etc/pvpanic-port". Reading gives the events that are understood.
 */
#include "tenon/fwcfg.h"
#include "tenon/isa.h"
#include "tenon/machine.h"
#include "tenon/module.h"

enum { PANICKED = 1u << 0, CRASH_LOADED = 1u << 1 };

typedef struct PvPanic {
    uint32_t ioport, events;
} PvPanic;

static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((PvPanic *)opaque)->events;
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    if (value & ~(uint64_t)(PANICKED | CRASH_LOADED))
        tn_guest_error("pvpanic", "unknown event bits 0x%02x", (unsigned)value);
    if (value & PANICKED)
        tn_machine_guest_panic(NULL);
    else if (value & CRASH_LOADED)
        tn_info("the guest has crashed and runs its crash kernel");
}

static const TnRegionOps io_ops = {
    .size_of = sizeof(io_ops), .read = io_read, .write = io_write, .impl_min = 1, .impl_max = 1,
};

static bool realize(TnObject *dev, void *state, GError **error)
{
    const PvPanic *s = state;
    TnObject *fw_cfg = tn_fw_cfg();
    if (!fw_cfg) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                    "pvpanic: this machine has no fw_cfg to tell the guest of the port");
        return false;
    }
    const TnFwCfgOps *ops = tn_object_interface(fw_cfg, TN_IFACE_FW_CFG);
    uint16_t port = GUINT16_TO_LE((uint16_t)s->ioport);
    if (!ops->add_file(fw_cfg, "etc/pvpanic-port", &port, sizeof(port), error))
        return false;
    tn_isa_map_io(dev, (uint16_t)s->ioport, tn_region_new_io(dev, "pvpanic", &io_ops, state, 1));
    return true;
}

static const TnProperty properties[] = {
    { .name = "ioport", .kind = TN_PROP_UINT32, .offset = offsetof(PvPanic, ioport), .def = "0x505",
      .max = 0xffff, .doc = "I/O port" },
    { .name = "events", .kind = TN_PROP_UINT32, .offset = offsetof(PvPanic, events), .def = "3",
      .max = 3, .doc = "events that are understood, a bit each" },
    { 0 },
};

static const TnDeviceOps device_ops = { .size = sizeof(device_ops), .realize = realize };
static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "pvpanic", .parent = TN_TYPE_ISA_DEVICE, .state_size = sizeof(PvPanic),
    .property_stride = TN_PROPERTY_STRIDE, .properties = properties, .interfaces = interfaces,
    .description = "Guest panic notification",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("pvpanic") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_DEVICE("pvpanic", "ISA", "misc", "Guest panic notification"));
