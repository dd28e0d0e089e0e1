/* SPDX-License-Identifier: MIT */
/* PCI buses: places, configuration cycles and the tree of buses behind bridges. */
#include "bus/pci-internal.h"

#include <string.h>

#include "object/type.h"
#include "tenon/error.h"

enum { PCI_BUS_DEPTH = 32 }; /* of bridges: bus numbers are the guest's and may form a loop */

/* ---- Places ------------------------------------------------------------------------------ */

static bool bus_slot_free(const PciBus *bus, unsigned slot)
{
    for (unsigned function = 0; function < PCI_FUNCTIONS; function++) {
        if (bus->devices[slot * PCI_FUNCTIONS + function]) {
            return false;
        }
    }
    return true;
}

static int bus_next_devfn(const PciBus *bus)
{
    for (unsigned slot = 0; slot < PCI_DEVFNS / PCI_FUNCTIONS; slot++) {
        if (bus_slot_free(bus, slot)) {
            return slot * PCI_FUNCTIONS;
        }
    }
    return -1;
}

/* Function 0 must say that there are others, or a guest will not look for them. */
static bool bus_functions_fit(PciBus *bus, PciDevice *pci, unsigned devfn, GError **error)
{
    unsigned slot = devfn / PCI_FUNCTIONS;
    TnObject *first = bus->devices[slot * PCI_FUNCTIONS];
    bool alone = bus_slot_free(bus, slot);
    if (devfn % PCI_FUNCTIONS == 0 ? !alone && !pci->multifunction
                                   : first && !pci_device(first)->multifunction) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "addr=%x.%x: function 0 of the slot is not multifunction=on", slot,
                    devfn % PCI_FUNCTIONS);
        return false;
    }
    return true;
}

static bool bus_plug(TnObject *obj, void *state, TnObject *dev, GError **error)
{
    PciBus *bus = state;
    PciDevice *pci = pci_device(dev);
    int devfn = pci->wanted_devfn >= 0 ? pci->wanted_devfn : bus_next_devfn(bus);
    if (devfn < 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_BUSY, "bus '%s' has no free slot",
                    tn_object_name(obj));
        return false;
    }
    if (bus->devices[devfn]) {
        g_set_error(error, TN_ERROR, TN_ERROR_BUSY, "addr=%x.%x: the place on '%s' is taken by %s",
                    devfn / PCI_FUNCTIONS, devfn % PCI_FUNCTIONS, tn_object_name(obj),
                    tn_object_type(bus->devices[devfn]));
        return false;
    }
    if (!bus_functions_fit(bus, pci, devfn, error)) {
        return false;
    }
    pci->devfn = devfn;
    bus->devices[devfn] = dev;
    return true;
}

static void bus_unplug(TnObject *obj, void *state, TnObject *dev)
{
    PciBus *bus = state;
    PciDevice *pci = pci_device(dev);
    if (bus->devices[pci->devfn] == dev) {
        bus->devices[pci->devfn] = NULL;
    }
}

TnObject *tn_pci_device_at(TnObject *bus, uint8_t devfn)
{
    PciBus *pci = pci_bus(bus);
    return pci ? pci->devices[devfn] : NULL;
}

void tn_pci_each_device(TnObject *obj, void (*fn)(TnObject *dev, void *data), void *data)
{
    PciBus *bus = pci_bus(obj);
    g_return_if_fail(bus);
    for (unsigned devfn = 0; devfn < PCI_DEVFNS; devfn++) {
        TnObject *dev = bus->devices[devfn];
        if (dev) {
            fn(dev, data);
            PciBridge *bridge = pci_device(dev)->bridge;
            if (bridge && bridge->bus) {
                tn_pci_each_device(bridge->bus, fn, data);
            }
        }
    }
}

uint8_t tn_pci_bus_number(TnObject *obj)
{
    PciBus *bus = pci_bus(obj);
    return bus && bus->bridge ? pci_device(bus->bridge)->config[PCI_SECONDARY_BUS] : 0;
}

/* ---- Configuration cycles ---------------------------------------------------------------- */

/* The bus with a number, among `bus` (which has number `own`) and those behind its bridges. */
static PciBus *bus_find(PciBus *bus, unsigned own, unsigned number, unsigned depth)
{
    if (own == number) {
        return bus;
    }
    for (unsigned devfn = 0; devfn < PCI_DEVFNS && depth < PCI_BUS_DEPTH; devfn++) {
        PciDevice *pci = bus->devices[devfn] ? pci_device(bus->devices[devfn]) : NULL;
        if (!pci || !pci->bridge) {
            continue;
        }
        unsigned secondary = pci->config[PCI_SECONDARY_BUS];
        if (secondary && secondary <= number && number <= pci->config[PCI_SUBORDINATE_BUS]) {
            return bus_find(pci_bus(pci->bridge->bus), secondary, number, depth + 1);
        }
    }
    return NULL;
}

static PciDevice *cycle_target(TnObject *root, unsigned number, unsigned devfn)
{
    PciBus *bus = pci_bus(root);
    bus = bus ? bus_find(bus, 0, number, 0) : NULL;
    TnObject *dev = bus ? bus->devices[devfn] : NULL;
    return dev && tn_device_realized(dev) ? pci_device(dev) : NULL;
}

static uint32_t cycle_read(PciDevice *pci, uint32_t offset, unsigned size)
{
    if (!pci || offset + size > pci->config_size) {
        return size >= 4 ? UINT32_MAX : (1u << size * 8) - 1;
    }
    return pci->ops.config_read ? pci->ops.config_read(pci->obj, pci->ops_state, offset, size)
                                : tn_pci_config_read(pci->obj, offset, size);
}

static void cycle_write(PciDevice *pci, uint32_t offset, uint32_t value, unsigned size)
{
    if (!pci || offset + size > pci->config_size) {
        return;
    }
    TN_TRACE("pci_config_write", "%s %02x.%x offset %03x value %x size %u",
             tn_object_type(pci->obj), pci->devfn >> 3, pci->devfn & 7, offset, value, size);
    if (pci->ops.config_write) {
        pci->ops.config_write(pci->obj, pci->ops_state, offset, value, size);
    } else {
        tn_pci_config_write(pci->obj, offset, value, size);
    }
}

uint32_t tn_pci_host_config_read(TnObject *root_bus, uint32_t address, unsigned size)
{
    return cycle_read(cycle_target(root_bus, address >> 16 & 0xff, address >> 8 & 0xff),
                      address & 0xff, size);
}

void tn_pci_host_config_write(TnObject *root_bus, uint32_t address, uint32_t value, unsigned size)
{
    cycle_write(cycle_target(root_bus, address >> 16 & 0xff, address >> 8 & 0xff), address & 0xff,
                value, size);
}

uint32_t tn_pci_host_ecam_read(TnObject *root_bus, uint32_t address, unsigned size)
{
    return cycle_read(cycle_target(root_bus, address >> 20 & 0xff, address >> 12 & 0xff),
                      address & 0xfff, size);
}

void tn_pci_host_ecam_write(TnObject *root_bus, uint32_t address, uint32_t value, unsigned size)
{
    cycle_write(cycle_target(root_bus, address >> 20 & 0xff, address >> 12 & 0xff), address & 0xfff,
                value, size);
}

/* ---- Making ------------------------------------------------------------------------------ */

TnObject *tn_pci_root_bus_new(TnObject *host, const char *name, TnRegion *memory, TnRegion *io,
                              bool express, GError **error)
{
    TnObject *obj = tn_bus_new(host, express ? TN_TYPE_PCIE_BUS : TN_TYPE_PCI_BUS, name, error);
    if (obj) {
        PciBus *bus = pci_bus(obj);
        bus->memory = memory;
        bus->io = io;
    }
    return obj;
}

TnObject *tn_pci_create(TnObject *bus, int devfn, bool multifunction, const char *type,
                        const char *props, GError **error)
{
    GString *all = g_string_new(multifunction ? "multifunction=on" : "multifunction=off");
    if (devfn >= 0) {
        g_string_append_printf(all, ",addr=%x.%x", devfn / PCI_FUNCTIONS, devfn % PCI_FUNCTIONS);
    }
    if (props && props[0]) {
        g_string_append_printf(all, ",%s", props);
    }
    TnObject *dev = tn_device_create(bus, type, all->str, error);
    g_string_free(all, TRUE);
    return dev;
}

static bool bus_init(TnObject *obj, void *state, GError **error)
{
    PciBus *bus = state;
    bus->obj = obj;
    bus->express = tn_type_is_a(tn_object_type(obj), TN_TYPE_PCIE_BUS);
    return true;
}

static void bus_clear(TnObject *obj, void *state)
{
    PciBus *bus = state;
    g_clear_pointer(&bus->irq_counts, g_free);
}

static const TnBusOps bus_ops = {
    .size = sizeof(TnBusOps),
    .device_type = TN_TYPE_PCI_DEVICE,
    .plug = bus_plug,
    .unplug = bus_unplug,
};

static const TnInterfaceImpl bus_interfaces[] = { { TN_IFACE_BUS, &bus_ops }, { 0 } };

static const TnTypeInfo pci_bus_type = {
    .size = sizeof(TnTypeInfo),
    .name = TN_TYPE_PCI_BUS,
    .parent = TN_TYPE_BUS,
    .state_size = sizeof(PciBus),
    .interfaces = bus_interfaces,
    .description = "PCI bus",
    .init = bus_init,
    .clear = bus_clear,
};
TN_CORE_TYPE(pci_bus_type);

static const TnTypeInfo pcie_bus_type = {
    .size = sizeof(TnTypeInfo),
    .name = TN_TYPE_PCIE_BUS,
    .parent = TN_TYPE_PCI_BUS,
    .description = "PCI Express bus",
};
TN_CORE_TYPE(pcie_bus_type);
