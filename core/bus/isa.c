/* SPDX-License-Identifier: MIT */
/*
 * The ISA bus. A device asks for a line when it is realized, possibly before the board has wired
 * the interrupt controller, so the bus gives out wires of its own and passes levels on.
 */
#include "tenon/isa.h"

#include "object/type.h"

enum { ISA_LINES = 16, ISA_DMA8_CHANNELS = 4, ISA_DMA_CHANNELS = 8 };

typedef struct IsaBus {
    TnRegion *memory, *io;    /* borrowed */
    TnIrq *lines[ISA_LINES];  /* given to devices; owned by the bus */
    TnIrq *inputs[ISA_LINES]; /* of the interrupt controller, borrowed */
    TnObject *dma[2];         /* borrowed: 8-bit, 16-bit */
} IsaBus;

typedef struct IsaDevice {
    GPtrArray *mapped; /* regions in the bus's I/O space; NULL until the first */
} IsaDevice;

static TnObject *isa_first; /* borrowed; the machine's bus */

static IsaBus *isa_bus(TnObject *bus)
{
    return tn_object_state(bus, TN_TYPE_ISA_BUS);
}

/* ---- Bus --------------------------------------------------------------------------------- */

static void isa_line_set(void *opaque, unsigned line, int level)
{
    IsaBus *bus = opaque;
    tn_irq_set(bus->inputs[line], level);
}

static bool isa_line_waiting(void *opaque, unsigned line)
{
    const IsaBus *bus = opaque;
    return tn_irq_waiting(bus->inputs[line]);
}

TnObject *tn_isa_bus(void)
{
    return isa_first;
}

static bool isa_bus_init(TnObject *obj, void *state, GError **error)
{
    IsaBus *bus = state;
    for (unsigned line = 0; line < ISA_LINES; line++) {
        bus->lines[line] = tn_irq_new(obj, isa_line_set, bus, line);
        tn_irq_set_waiting(bus->lines[line], isa_line_waiting);
    }
    if (!isa_first) {
        isa_first = obj;
    }
    return true;
}

static void isa_bus_clear(TnObject *obj, void *state)
{
    if (isa_first == obj) {
        isa_first = NULL;
    }
}

TnObject *tn_isa_bus_new(TnObject *controller, const char *name, TnRegion *memory, TnRegion *io,
                         GError **error)
{
    TnObject *bus = tn_bus_new(controller, TN_TYPE_ISA_BUS, name, error);
    if (bus) {
        isa_bus(bus)->memory = memory;
        isa_bus(bus)->io = io;
    }
    return bus;
}

void tn_isa_bus_set_irqs(TnObject *bus, TnIrq *const irqs[16])
{
    IsaBus *isa = isa_bus(bus);
    g_return_if_fail(isa);
    for (unsigned line = 0; line < ISA_LINES; line++) {
        isa->inputs[line] = irqs[line];
    }
}

TnIrq *tn_isa_irq(TnObject *bus, unsigned line)
{
    IsaBus *isa = isa_bus(bus);
    return isa && line < ISA_LINES ? isa->lines[line] : NULL;
}

TnRegion *tn_isa_memory(TnObject *bus)
{
    IsaBus *isa = isa_bus(bus);
    return isa ? isa->memory : NULL;
}

TnRegion *tn_isa_io(TnObject *bus)
{
    IsaBus *isa = isa_bus(bus);
    return isa ? isa->io : NULL;
}

void tn_isa_set_dma(TnObject *bus, TnObject *dma8, TnObject *dma16)
{
    IsaBus *isa = isa_bus(bus);
    g_return_if_fail(isa);
    isa->dma[0] = dma8;
    isa->dma[1] = dma16;
}

TnObject *tn_isa_dma(TnObject *bus, unsigned channel)
{
    IsaBus *isa = isa_bus(bus);
    return isa && channel < ISA_DMA_CHANNELS ? isa->dma[channel >= ISA_DMA8_CHANNELS] : NULL;
}

/* ---- Devices ----------------------------------------------------------------------------- */

void tn_isa_map_io(TnObject *dev, uint16_t port, TnRegion *region)
{
    IsaDevice *isa = tn_object_state(dev, TN_TYPE_ISA_DEVICE);
    TnRegion *io = tn_device_bus(dev) ? tn_isa_io(tn_device_bus(dev)) : NULL;
    g_return_if_fail(isa && io && region);
    if (!isa->mapped) {
        isa->mapped = g_ptr_array_new();
    }
    g_ptr_array_add(isa->mapped, region);
    tn_region_add(io, port, region);
}

static bool isa_device_realize(TnObject *dev, void *state, GError **error)
{
    TnObject *bus = tn_device_bus(dev);
    if (!bus || !isa_bus(bus)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s needs an ISA bus", tn_object_type(dev));
        return false;
    }
    return true;
}

static void isa_device_unrealize(TnObject *dev, void *state)
{
    IsaDevice *isa = state;
    TnRegion *io = tn_isa_io(tn_device_bus(dev));
    for (unsigned i = 0; isa->mapped && i < isa->mapped->len; i++) {
        tn_region_remove(io, isa->mapped->pdata[i]);
    }
    g_clear_pointer(&isa->mapped, g_ptr_array_unref);
}

static void isa_device_clear(TnObject *dev, void *state)
{
    IsaDevice *isa = state;
    g_clear_pointer(&isa->mapped, g_ptr_array_unref);
}

/* ---- Types ------------------------------------------------------------------------------- */

static const TnBusOps isa_bus_ops = {
    .size = sizeof(TnBusOps),
    .device_type = TN_TYPE_ISA_DEVICE,
};

static const TnInterfaceImpl isa_bus_interfaces[] = { { TN_IFACE_BUS, &isa_bus_ops }, { 0 } };

static const TnTypeInfo isa_bus_type = {
    .size = sizeof(TnTypeInfo),
    .name = TN_TYPE_ISA_BUS,
    .parent = TN_TYPE_BUS,
    .state_size = sizeof(IsaBus),
    .interfaces = isa_bus_interfaces,
    .description = "ISA bus",
    .init = isa_bus_init,
    .clear = isa_bus_clear,
};
TN_CORE_TYPE(isa_bus_type);

static const TnDeviceOps isa_device_ops = {
    .size = sizeof(TnDeviceOps),
    .realize = isa_device_realize,
    .unrealize = isa_device_unrealize,
};

static const TnInterfaceImpl isa_device_interfaces[] = { { TN_IFACE_DEVICE, &isa_device_ops },
                                                         { 0 } };

static const TnTypeInfo isa_device_type = {
    .size = sizeof(TnTypeInfo),
    .flags = TN_TYPE_ABSTRACT,
    .name = TN_TYPE_ISA_DEVICE,
    .parent = TN_TYPE_DEVICE,
    .state_size = sizeof(IsaDevice),
    .interfaces = isa_device_interfaces,
    .description = "The ancestor of all ISA devices",
    .clear = isa_device_clear,
};
TN_CORE_TYPE(isa_device_type);
