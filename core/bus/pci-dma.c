/* SPDX-License-Identifier: MIT */
/*
 * Bus mastering: each device has a window onto system memory that is open while its COMMAND.MASTER
 * and that of every bridge above it are set. Messages (MSI) are writes of a bus master too.
 */
#include "bus/pci-internal.h"

enum { MSI_WINDOW = 0xfee, MSI_WINDOW_SHIFT = 20 };

bool tn_pci_is_master(PciDevice *pci)
{
    while (pci && (pci_command(pci) & TN_PCI_COMMAND_MASTER)) {
        PciBus *bus = pci_bus_of(pci);
        if (!bus || !bus->bridge) {
            return true;
        }
        pci = pci_device(bus->bridge);
    }
    return false;
}

static void dma_update_below(TnObject *dev, void *data)
{
    PciDevice *pci = pci_device(dev);
    if (pci->dma) {
        tn_region_set_enabled(pci->dma_window, tn_pci_is_master(pci));
    }
}

void tn_pci_dma_update(PciDevice *pci)
{
    tn_memory_begin();
    dma_update_below(pci->obj, NULL);
    if (pci->bridge && pci->bridge->bus) {
        tn_pci_each_device(pci->bridge->bus, dma_update_below, NULL);
    }
    tn_memory_commit();
}

TnAddressSpace *tn_pci_dma(TnObject *dev)
{
    PciDevice *pci = pci_device(dev);
    g_return_val_if_fail(pci, NULL);
    if (!pci->dma) {
        g_autofree char *name = g_strdup_printf("%s bus master", tn_object_type(dev));
        pci->dma_root = tn_region_new_container(dev, name, 0);
        pci->dma_window = tn_region_new_alias(dev, "bus master window", tn_system_memory(), 0, 0);
        tn_region_set_enabled(pci->dma_window, tn_pci_is_master(pci));
        tn_region_add(pci->dma_root, 0, pci->dma_window);
        pci->dma = tn_address_space_new(dev, name, pci->dma_root);
    }
    return pci->dma;
}

void tn_pci_message(PciDevice *pci, uint64_t address, uint32_t data)
{
    if (!tn_pci_is_master(pci)) {
        return;
    }
    if (address >> MSI_WINDOW_SHIFT == MSI_WINDOW) {
        tn_msi_send(address, data);
    } else {
        tn_memory_store(tn_pci_dma(pci->obj), address, 4, data, TN_MEM_ATTR_NONE);
    }
}
