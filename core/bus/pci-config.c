/* SPDX-License-Identifier: MIT */
/*
 * Configuration space (PCI 3.0, chapter 6): masked writes and what they set off, capabilities,
 * reset.
 */
#include "bus/pci-internal.h"

#include <string.h>

#include "tenon/error.h"

uint8_t *tn_pci_config(TnObject *dev)
{
    PciDevice *pci = pci_device(dev);
    return pci ? pci->config : NULL;
}

uint8_t *tn_pci_config_writable(TnObject *dev)
{
    PciDevice *pci = pci_device(dev);
    return pci ? pci->writable : NULL;
}

uint8_t *tn_pci_config_w1c(TnObject *dev)
{
    PciDevice *pci = pci_device(dev);
    return pci ? pci->w1c : NULL;
}

/* ---- Access ------------------------------------------------------------------------------ */

uint32_t tn_pci_config_read(TnObject *dev, uint32_t offset, unsigned size)
{
    PciDevice *pci = pci_device(dev);
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = pci && offset + i < pci->config_size ? pci->config[offset + i] : 0xff;
        value |= (uint32_t)byte << i * 8;
    }
    return value;
}

static void config_store(PciDevice *pci, uint32_t offset, uint32_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++, value >>= 8) {
        uint8_t mask = pci->writable[offset + i];
        uint8_t *byte = &pci->config[offset + i];
        *byte = (*byte & ~mask) | (value & mask);
        *byte &= ~(value & pci->w1c[offset + i]);
    }
}

/* Everything that is derived from the header. */
static void config_header_written(PciDevice *pci, uint16_t command_before)
{
    tn_memory_begin();
    tn_pci_bars_update(pci);
    if (pci->bridge) {
        tn_pci_bridge_update(pci);
    }
    if ((command_before ^ pci_command(pci)) & TN_PCI_COMMAND_MASTER) {
        tn_pci_dma_update(pci);
    }
    tn_memory_commit();
    tn_pci_irq_update(pci);
}

void tn_pci_config_write(TnObject *dev, uint32_t offset, uint32_t value, unsigned size)
{
    PciDevice *pci = pci_device(dev);
    if (!pci || offset >= pci->config_size || size > pci->config_size - offset) {
        return;
    }
    uint16_t command = pci_command(pci);
    uint16_t control = pci_get16(pci->config + PCI_BRIDGE_CONTROL);
    config_store(pci, offset, value, size);
    if (offset < PCI_HEADER_SIZE) {
        config_header_written(pci, command);
    }
    if (pci->bridge) {
        tn_pci_bridge_config_written(pci, offset, size, control);
    }
    tn_pci_msi_config_written(pci, offset, size);
    tn_pci_msix_config_written(pci, offset, size);
}

/* ---- Capabilities ------------------------------------------------------------------------ */

static bool capability_free(const PciDevice *pci, unsigned offset, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        if (pci->used[offset + i]) {
            return false;
        }
    }
    return true;
}

static unsigned capability_place(const PciDevice *pci, unsigned size)
{
    for (unsigned offset = PCI_HEADER_SIZE; offset + size <= TN_PCI_CONFIG_SIZE; offset += 4) {
        if (capability_free(pci, offset, size)) {
            return offset;
        }
    }
    return 0;
}

unsigned tn_pci_add_capability(TnObject *dev, uint8_t id, unsigned offset, unsigned size,
                               GError **error)
{
    PciDevice *pci = pci_device(dev);
    g_return_val_if_fail(pci && size >= 2 && size <= TN_PCI_CONFIG_SIZE - PCI_HEADER_SIZE, 0);
    unsigned place = offset ? offset : capability_place(pci, size);
    if (place < PCI_HEADER_SIZE || place + size > TN_PCI_CONFIG_SIZE ||
        !capability_free(pci, place, size)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "no room for PCI capability 0x%02x of %u bytes at 0x%02x", id, size, offset);
        return 0;
    }
    memset(pci->used + place, 1, size);
    pci->config[place] = id;
    pci->config[place + 1] = pci->config[TN_PCI_CAPABILITY_LIST];
    pci->config[TN_PCI_CAPABILITY_LIST] = place;
    pci->config[TN_PCI_STATUS] |= TN_PCI_STATUS_CAP_LIST;
    return place;
}
