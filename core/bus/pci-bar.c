/* SPDX-License-Identifier: MIT */
/*
 * Base address registers (PCI 3.0, 6.2.5): sizing through the write mask, and mapping.
 *
 * A BAR that holds what sizing leaves behind (all ones), or zero, decodes nothing: a guest sizes
 * with decoding on, and must not see its firmware or port space covered meanwhile.
 */
#include "bus/pci-internal.h"
#include "tenon/error.h"

enum { BAR_MIN_MEMORY = 16, BAR_MIN_IO = 4, BAR_FLAGS = 0xf, BAR_IO_FLAGS = 0x3 };

#define BAR_NONE UINT64_MAX

unsigned tn_pci_bar_offset(const PciDevice *pci, unsigned bar)
{
    if (bar != PCI_ROM_BAR) {
        return TN_PCI_BASE_ADDRESS_0 + 4 * bar;
    }
    return pci->ops.is_bridge ? PCI_BRIDGE_ROM_ADDRESS : TN_PCI_ROM_ADDRESS;
}

/* ---- Where a BAR should be --------------------------------------------------------------- */

static uint64_t bar_address_io(const PciBar *bar, uint32_t low)
{
    uint64_t address = low & ~(uint32_t)BAR_IO_FLAGS & -bar->size;
    bool decodes = address && address + bar->size <= (uint64_t)UINT16_MAX + 1;
    return decodes ? address : BAR_NONE;
}

static uint64_t bar_address_memory(const PciBar *bar, uint64_t value)
{
    uint64_t address = value & -bar->size;
    uint64_t last = address + bar->size - 1;
    uint64_t top = bar->type & TN_PCI_BAR_MEM64 ? UINT64_MAX : UINT32_MAX;
    return address && last > address && last < top ? address : BAR_NONE;
}

static uint64_t bar_wanted(const PciDevice *pci, unsigned n)
{
    const PciBar *bar = &pci->bars[n];
    const uint8_t *at = pci->config + tn_pci_bar_offset(pci, n);
    uint32_t low = pci_get32(at);
    uint16_t command = pci_command(pci);
    if (bar->type & TN_PCI_BAR_IO) {
        return command & TN_PCI_COMMAND_IO ? bar_address_io(bar, low) : BAR_NONE;
    }
    if (!(command & TN_PCI_COMMAND_MEMORY) || (n == PCI_ROM_BAR && !(low & PCI_ROM_ENABLE))) {
        return BAR_NONE;
    }
    uint64_t high = bar->type & TN_PCI_BAR_MEM64 ? pci_get32(at + 4) : 0;
    return bar_address_memory(bar, high << 32 | low);
}

/* ---- Mapping ----------------------------------------------------------------------------- */

static TnRegion *bar_space(PciDevice *pci, const PciBar *bar)
{
    PciBus *bus = pci_bus_of(pci);
    return !bus ? NULL : bar->type & TN_PCI_BAR_IO ? bus->io : bus->memory;
}

static void bar_map(PciDevice *pci, PciBar *bar, uint64_t address)
{
    TnRegion *space = bar_space(pci, bar);
    if (address == bar->address || !space) {
        return;
    }
    if (bar->address != BAR_NONE) {
        tn_region_remove(space, bar->region);
    }
    bar->address = address;
    if (address != BAR_NONE) {
        tn_region_add_overlap(space, address, bar->region, PCI_BAR_PRIORITY);
    }
}

void tn_pci_bars_update(PciDevice *pci)
{
    tn_memory_begin();
    for (unsigned n = 0; n < PCI_BARS; n++) {
        if (pci->bars[n].region) {
            bar_map(pci, &pci->bars[n], bar_wanted(pci, n));
        }
    }
    tn_memory_commit();
}

void tn_pci_bars_unmap(PciDevice *pci)
{
    tn_memory_begin();
    for (unsigned n = 0; n < PCI_BARS; n++) {
        if (pci->bars[n].region) {
            bar_map(pci, &pci->bars[n], BAR_NONE);
        }
    }
    tn_memory_commit();
}

/* ---- Declaring --------------------------------------------------------------------------- */

static bool bar_check(PciDevice *pci, unsigned n, unsigned type, uint64_t size, GError **error)
{
    uint64_t least = type & TN_PCI_BAR_IO ? BAR_MIN_IO : BAR_MIN_MEMORY;
    bool wide = type & TN_PCI_BAR_MEM64;
    unsigned last = pci->ops.is_bridge ? 1 : 5;
    if (n >= PCI_BARS || (n != PCI_ROM_BAR && n + wide > last) || pci->bars[n].region ||
        (n == PCI_ROM_BAR && type != TN_PCI_BAR_MEM32)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "BAR %u cannot be used", n);
        return false;
    }
    if (size < least || (size & (size - 1)) || (!wide && size > UINT32_MAX)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "BAR %u: a size of 0x%" G_GINT64_MODIFIER "x is not a power of two of at least "
                    "%u bytes", n, size, (unsigned)least);
        return false;
    }
    return true;
}

bool tn_pci_add_bar(TnObject *dev, unsigned n, unsigned type, TnRegion *region, GError **error)
{
    PciDevice *pci = pci_device(dev);
    g_return_val_if_fail(pci && region, false);
    uint64_t size = tn_region_size(region);
    if (!bar_check(pci, n, type, size, error)) {
        return false;
    }
    unsigned at = tn_pci_bar_offset(pci, n);
    pci->bars[n] = (PciBar){ .region = region, .type = type, .size = size, .address = BAR_NONE };
    pci_put32(pci->config + at, n == PCI_ROM_BAR ? 0 : type & BAR_FLAGS);
    pci_put32(pci->writable + at, (uint32_t)-size | (n == PCI_ROM_BAR ? PCI_ROM_ENABLE : 0));
    if (type & TN_PCI_BAR_MEM64) {
        pci_put32(pci->config + at + 4, 0);
        pci_put32(pci->writable + at + 4, (uint32_t)(-size >> 32));
    }
    return true;
}

uint64_t tn_pci_bar_address(TnObject *dev, unsigned bar)
{
    PciDevice *pci = pci_device(dev);
    return pci && bar < PCI_BARS && pci->bars[bar].region ? pci->bars[bar].address : BAR_NONE;
}
