/* SPDX-License-Identifier: MIT */
/*
 * PCI-to-PCI bridges (PCI-to-PCI Bridge 1.2, chapter 3 and 4): the secondary bus has spaces of its
 * own; windows of them are laid into the primary bus's spaces as the base and limit registers say.
 */
#include "bus/pci-internal.h"

#include <string.h>

#include "tenon/error.h"

enum {
    BRIDGE_IO_32 = 0x01,      /* low nibble of I/O base and limit: 32-bit addresses */
    BRIDGE_PREFETCH_64 = 0x01,
    BRIDGE_CONTROL_WRITABLE = 0x0fff & ~(1u << 10),
    BRIDGE_CONTROL_W1C = 1u << 10,
    BRIDGE_VGA_MEMORY = 0xa0000, BRIDGE_VGA_MEMORY_SIZE = 0x20000,
    BRIDGE_VGA_IO_LOW = 0x3b0, BRIDGE_VGA_IO_LOW_SIZE = 0xc,
    BRIDGE_VGA_IO_HIGH = 0x3c0, BRIDGE_VGA_IO_HIGH_SIZE = 0x20,
};

/* ---- Windows ----------------------------------------------------------------------------- */

/* Shows [base, limit] of the secondary space at the same address of the primary one. */
static void window_set(TnRegion *window, bool enabled, uint64_t base, uint64_t limit)
{
    enabled = enabled && base <= limit;
    if (enabled) {
        tn_region_set_alias_offset(window, base);
        tn_region_set_offset(window, base);
        tn_region_set_size(window, limit - base + 1);
    }
    tn_region_set_enabled(window, enabled);
}

static uint64_t bridge_io_edge(const uint8_t *config, unsigned low, unsigned high)
{
    uint64_t edge = (uint64_t)(config[low] & 0xf0) << 8;
    return edge | (config[low] & BRIDGE_IO_32 ? (uint64_t)pci_get16(config + high) << 16 : 0);
}

static uint64_t bridge_memory_edge(const uint8_t *config, unsigned low)
{
    return (uint64_t)(pci_get16(config + low) & 0xfff0) << 16;
}

static uint64_t bridge_prefetch_edge(const uint8_t *config, unsigned low, unsigned high)
{
    return bridge_memory_edge(config, low) | (uint64_t)pci_get32(config + high) << 32;
}

void tn_pci_bridge_update(PciDevice *pci)
{
    PciBridge *bridge = pci->bridge;
    const uint8_t *config = pci->config;
    uint16_t command = pci_command(pci);
    bool io = command & TN_PCI_COMMAND_IO, memory = command & TN_PCI_COMMAND_MEMORY;
    bool vga = pci_get16(config + PCI_BRIDGE_CONTROL) & PCI_BRIDGE_CONTROL_VGA;
    tn_memory_begin();
    window_set(bridge->window_io, io, bridge_io_edge(config, PCI_IO_BASE, PCI_IO_BASE_UPPER),
               bridge_io_edge(config, PCI_IO_LIMIT, PCI_IO_LIMIT_UPPER) | 0xfff);
    window_set(bridge->window_memory, memory, bridge_memory_edge(config, PCI_MEMORY_BASE),
               bridge_memory_edge(config, PCI_MEMORY_LIMIT) | 0xfffff);
    window_set(bridge->window_prefetch, memory,
               bridge_prefetch_edge(config, PCI_PREFETCH_BASE, PCI_PREFETCH_BASE_UPPER),
               bridge_prefetch_edge(config, PCI_PREFETCH_LIMIT, PCI_PREFETCH_LIMIT_UPPER) |
                   0xfffff);
    tn_region_set_enabled(bridge->vga_memory, memory && vga);
    tn_region_set_enabled(bridge->vga_io_low, io && vga);
    tn_region_set_enabled(bridge->vga_io_high, io && vga);
    tn_memory_commit();
}

void tn_pci_bridge_config_written(PciDevice *pci, unsigned offset, unsigned size, uint16_t before)
{
    uint16_t control = pci_get16(pci->config + PCI_BRIDGE_CONTROL);
    bool reset_begins = control & ~before & PCI_BRIDGE_CONTROL_RESET;
    PciBus *bus = pci_bus(pci->bridge->bus);
    for (unsigned devfn = 0; reset_begins && devfn < PCI_DEVFNS; devfn++) {
        if (bus->devices[devfn]) {
            tn_device_reset(bus->devices[devfn], TN_RESET_WARM);
        }
    }
}

/* ---- Making ------------------------------------------------------------------------------ */

static void bridge_header(PciDevice *pci)
{
    uint8_t *config = pci->config, *writable = pci->writable;
    config[TN_PCI_HEADER_TYPE] |= PCI_HEADER_BRIDGE;
    memset(writable + PCI_PRIMARY_BUS, 0xff, 4);
    config[PCI_IO_BASE] = config[PCI_IO_LIMIT] = BRIDGE_IO_32;
    writable[PCI_IO_BASE] = writable[PCI_IO_LIMIT] = 0xf0;
    pci_put16(pci->w1c + PCI_SECONDARY_STATUS, PCI_STATUS_ERRORS);
    pci_put16(writable + PCI_MEMORY_BASE, 0xfff0);
    pci_put16(writable + PCI_MEMORY_LIMIT, 0xfff0);
    pci_put16(config + PCI_PREFETCH_BASE, BRIDGE_PREFETCH_64);
    pci_put16(config + PCI_PREFETCH_LIMIT, BRIDGE_PREFETCH_64);
    pci_put16(writable + PCI_PREFETCH_BASE, 0xfff0);
    pci_put16(writable + PCI_PREFETCH_LIMIT, 0xfff0);
    memset(writable + PCI_PREFETCH_BASE_UPPER, 0xff, 12);
    pci_put16(writable + PCI_BRIDGE_CONTROL, BRIDGE_CONTROL_WRITABLE);
    pci_put16(pci->w1c + PCI_BRIDGE_CONTROL, BRIDGE_CONTROL_W1C);
}

static TnRegion *bridge_window(PciDevice *pci, const char *name, TnRegion *primary,
                               TnRegion *secondary, uint64_t base, uint64_t size)
{
    TnRegion *window = tn_region_new_alias(pci->obj, name, secondary, base, size);
    tn_region_set_enabled(window, false);
    tn_region_add_overlap(primary, base, window, PCI_BAR_PRIORITY);
    return window;
}

static void bridge_windows(PciDevice *pci, PciBus *primary)
{
    PciBridge *bridge = pci->bridge;
    TnRegion *memory = primary->memory, *io = primary->io;
    bridge->window_io = bridge_window(pci, "bridge io", io, bridge->io, 0, 0x1000);
    bridge->window_memory = bridge_window(pci, "bridge memory", memory, bridge->memory, 0, 1 << 20);
    bridge->window_prefetch =
        bridge_window(pci, "bridge prefetch", memory, bridge->memory, 0, 1 << 20);
    bridge->vga_memory = bridge_window(pci, "bridge vga", memory, bridge->memory, BRIDGE_VGA_MEMORY,
                                       BRIDGE_VGA_MEMORY_SIZE);
    bridge->vga_io_low = bridge_window(pci, "bridge vga io", io, bridge->io, BRIDGE_VGA_IO_LOW,
                                       BRIDGE_VGA_IO_LOW_SIZE);
    bridge->vga_io_high = bridge_window(pci, "bridge vga io", io, bridge->io, BRIDGE_VGA_IO_HIGH,
                                        BRIDGE_VGA_IO_HIGH_SIZE);
}

bool tn_pci_bridge_realize(PciDevice *pci, GError **error)
{
    static unsigned count;
    const char *id = tn_device_id(pci->obj);
    g_autofree char *name = id ? g_strdup(id) : g_strdup_printf("pci.%u", ++count);
    const char *type = pci->ops.is_express ? TN_TYPE_PCIE_BUS : TN_TYPE_PCI_BUS;
    TnObject *bus = tn_bus_new(pci->obj, type, name, error);
    if (!bus) {
        return false;
    }
    pci->bridge = g_new0(PciBridge, 1);
    pci->bridge->bus = bus;
    pci->bridge->memory = tn_region_new_container(pci->obj, "secondary memory", 0);
    pci->bridge->io = tn_region_new_container(pci->obj, "secondary io", 1 << 16);
    PciBus *secondary = pci_bus(bus);
    secondary->bridge = pci->obj;
    secondary->memory = pci->bridge->memory;
    secondary->io = pci->bridge->io;
    bridge_header(pci);
    bridge_windows(pci, pci_bus_of(pci));
    return true;
}

void tn_pci_bridge_unrealize(PciDevice *pci)
{
    PciBus *primary = pci_bus_of(pci);
    PciBridge *bridge = pci->bridge;
    tn_memory_begin();
    tn_region_remove(primary->io, bridge->window_io);
    tn_region_remove(primary->io, bridge->vga_io_low);
    tn_region_remove(primary->io, bridge->vga_io_high);
    tn_region_remove(primary->memory, bridge->window_memory);
    tn_region_remove(primary->memory, bridge->window_prefetch);
    tn_region_remove(primary->memory, bridge->vga_memory);
    tn_memory_commit();
    tn_object_unparent(bridge->bus);
    g_clear_pointer(&pci->bridge, g_free);
}
