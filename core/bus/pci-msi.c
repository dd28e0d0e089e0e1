/* SPDX-License-Identifier: MIT */
/* Message signalled interrupts (PCI 3.0, 6.8.1). The capability's bytes are all the state. */
#include "bus/pci-internal.h"
#include "tenon/error.h"

enum {
    MSI_CONTROL = 2, MSI_ADDRESS = 4, MSI_ADDRESS_HIGH = 8,
    MSI_ENABLE = 1u << 0, MSI_MULTIPLE_ENABLE = 7u << 4, MSI_MULTIPLE_ENABLE_SHIFT = 4,
    MSI_MULTIPLE_CAPABLE_SHIFT = 1, MSI_64BIT = 1u << 7, MSI_PER_VECTOR_MASK = 1u << 8,
    MSI_MAX_VECTORS = 32, MSI_MAX_LOG2 = 5,
};

/* Places of the registers that move with the capability's form. */
static unsigned msi_data(const PciMsi *msi)
{
    return msi->offset + (msi->addr64 ? 0x0c : 0x08);
}

static unsigned msi_mask(const PciMsi *msi)
{
    return msi->offset + (msi->addr64 ? 0x10 : 0x0c);
}

static unsigned msi_pending(const PciMsi *msi)
{
    return msi_mask(msi) + 4;
}

static unsigned msi_length(const PciMsi *msi)
{
    return (msi->per_vector_mask ? msi_pending(msi) + 4 : msi_data(msi) + 2) - msi->offset;
}

static uint16_t msi_control(const PciDevice *pci)
{
    return pci_get16(pci->config + pci->msi.offset + MSI_CONTROL);
}

static unsigned msi_allocated(const PciDevice *pci)
{
    unsigned log2 = (msi_control(pci) & MSI_MULTIPLE_ENABLE) >> MSI_MULTIPLE_ENABLE_SHIFT;
    return 1u << MIN(log2, MSI_MAX_LOG2);
}

bool tn_pci_msi_init(TnObject *dev, unsigned offset, unsigned vectors, bool addr64,
                     bool per_vector_mask, GError **error)
{
    PciDevice *pci = pci_device(dev);
    g_return_val_if_fail(pci && !pci->msi.offset, false);
    if (vectors < 1 || vectors > MSI_MAX_VECTORS || (vectors & (vectors - 1))) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "MSI: %u vectors: valid are 1, 2, 4, 8, 16 and 32", vectors);
        return false;
    }
    PciMsi msi = { .addr64 = addr64, .per_vector_mask = per_vector_mask };
    msi.offset = tn_pci_add_capability(dev, PCI_CAP_ID_MSI, offset, msi_length(&msi), error);
    if (!msi.offset) {
        return false;
    }
    pci->msi = msi;
    unsigned log2 = __builtin_ctz(vectors);
    pci_put16(pci->config + msi.offset + MSI_CONTROL,
              log2 << MSI_MULTIPLE_CAPABLE_SHIFT | (addr64 ? MSI_64BIT : 0) |
                  (per_vector_mask ? MSI_PER_VECTOR_MASK : 0));
    pci_put16(pci->writable + msi.offset + MSI_CONTROL, MSI_ENABLE | MSI_MULTIPLE_ENABLE);
    pci_put32(pci->writable + msi.offset + MSI_ADDRESS, ~3u);
    if (addr64) {
        pci_put32(pci->writable + msi.offset + MSI_ADDRESS_HIGH, ~0u);
    }
    pci_put16(pci->writable + msi_data(&msi), 0xffff);
    if (per_vector_mask) {
        pci_put32(pci->writable + msi_mask(&msi), (uint32_t)(((uint64_t)1 << vectors) - 1));
    }
    return true;
}

bool tn_pci_msi_enabled(TnObject *dev)
{
    PciDevice *pci = pci_device(dev);
    return pci && pci->msi.offset && (msi_control(pci) & MSI_ENABLE);
}

static void msi_send(PciDevice *pci, unsigned vector)
{
    const PciMsi *msi = &pci->msi;
    uint64_t address = pci_get32(pci->config + msi->offset + MSI_ADDRESS);
    if (msi->addr64) {
        address |= (uint64_t)pci_get32(pci->config + msi->offset + MSI_ADDRESS_HIGH) << 32;
    }
    uint32_t low = msi_allocated(pci) - 1;
    uint32_t data = pci_get16(pci->config + msi_data(msi));
    tn_pci_message(pci, address, (data & ~low) | (vector & low));
}

void tn_pci_msi_notify(TnObject *dev, unsigned vector)
{
    PciDevice *pci = pci_device(dev);
    if (!tn_pci_msi_enabled(dev)) {
        return;
    }
    vector &= msi_allocated(pci) - 1;
    if (pci->msi.per_vector_mask &&
        pci_get32(pci->config + msi_mask(&pci->msi)) & 1u << vector) {
        uint8_t *pending = pci->config + msi_pending(&pci->msi);
        pci_put32(pending, pci_get32(pending) | 1u << vector);
        return;
    }
    msi_send(pci, vector);
}

void tn_pci_msi_config_written(PciDevice *pci, unsigned offset, unsigned size)
{
    const PciMsi *msi = &pci->msi;
    if (!msi->offset || !pci_spans_meet(offset, size, msi->offset, msi_length(msi)) ||
        !msi->per_vector_mask || !(msi_control(pci) & MSI_ENABLE)) {
        return;
    }
    uint8_t *pending = pci->config + msi_pending(msi);
    uint32_t ready = pci_get32(pending) & ~pci_get32(pci->config + msi_mask(msi));
    pci_put32(pending, pci_get32(pending) & ~ready);
    for (unsigned vector = 0; vector < MSI_MAX_VECTORS; vector++) {
        if (ready & 1u << vector) {
            msi_send(pci, vector);
        }
    }
}

void tn_pci_msi_reset(PciDevice *pci)
{
    const PciMsi *msi = &pci->msi;
    if (!msi->offset) {
        return;
    }
    for (unsigned at = msi->offset + MSI_CONTROL; at < msi->offset + msi_length(msi); at++) {
        pci->config[at] &= ~pci->writable[at];
    }
    if (msi->per_vector_mask) {
        pci_put32(pci->config + msi_pending(msi), 0);
    }
}
