/* SPDX-License-Identifier: MIT */
/*
 * MSI-X (PCI 3.0, 6.8.2): a table of messages and a pending bit array, laid over a BAR of the
 * device. Table and PBA take aligned accesses of 4 and 8 bytes.
 */
#include "bus/pci-internal.h"

#include <string.h>

#include "object/type.h"
#include "tenon/error.h"

enum {
    MSIX_CONTROL = 2, MSIX_TABLE = 4, MSIX_PBA = 8, MSIX_LENGTH = 12,
    MSIX_ENABLE = 1u << 15, MSIX_FUNCTION_MASK = 1u << 14,
    MSIX_MAX_VECTORS = 2048,
    MSIX_ENTRY = 16, MSIX_ENTRY_ADDRESS_HIGH = 4, MSIX_ENTRY_DATA = 8, MSIX_ENTRY_CONTROL = 12,
    MSIX_ENTRY_MASKED = 1u << 0,
    MSIX_PRIORITY = 1, /* over the rest of the BAR */
};

static uint16_t msix_control(const PciDevice *pci)
{
    return pci_get16(pci->config + pci->msix.offset + MSIX_CONTROL);
}

static bool msix_masked(const PciDevice *pci, unsigned vector)
{
    const uint8_t *entry = pci->msix.table + vector * MSIX_ENTRY;
    return (msix_control(pci) & MSIX_FUNCTION_MASK) ||
           (pci_get32(entry + MSIX_ENTRY_CONTROL) & MSIX_ENTRY_MASKED);
}

static void msix_send(PciDevice *pci, unsigned vector)
{
    const uint8_t *entry = pci->msix.table + vector * MSIX_ENTRY;
    uint64_t high = pci_get32(entry + MSIX_ENTRY_ADDRESS_HIGH);
    uint64_t address = high << 32 | pci_get32(entry);
    tn_pci_message(pci, address & ~(uint64_t)3, pci_get32(entry + MSIX_ENTRY_DATA));
}

/* Sends what became deliverable. */
static void msix_flush(PciDevice *pci, unsigned vector)
{
    uint8_t *byte = &pci->msix.pending[vector / 8];
    uint8_t bit = 1u << vector % 8;
    if ((*byte & bit) && (msix_control(pci) & MSIX_ENABLE) && !msix_masked(pci, vector)) {
        *byte &= ~bit;
        msix_send(pci, vector);
    }
}

bool tn_pci_msix_enabled(TnObject *dev)
{
    PciDevice *pci = pci_device(dev);
    return pci && pci->msix.offset && (msix_control(pci) & MSIX_ENABLE);
}

void tn_pci_msix_notify(TnObject *dev, unsigned vector)
{
    PciDevice *pci = pci_device(dev);
    if (!tn_pci_msix_enabled(dev) || vector >= pci->msix.vectors) {
        return;
    }
    if (msix_masked(pci, vector)) {
        pci->msix.pending[vector / 8] |= 1u << vector % 8;
    } else {
        msix_send(pci, vector);
    }
}

/* ---- Table and PBA ----------------------------------------------------------------------- */

static uint64_t msix_table_read(void *opaque, uint64_t offset, unsigned size)
{
    PciDevice *pci = opaque;
    return pci_get32(pci->msix.table + offset);
}

static void msix_table_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PciDevice *pci = opaque;
    pci_put32(pci->msix.table + offset, (uint32_t)value);
    if (offset % MSIX_ENTRY == MSIX_ENTRY_CONTROL) {
        msix_flush(pci, offset / MSIX_ENTRY);
    }
}

static uint64_t msix_pba_read(void *opaque, uint64_t offset, unsigned size)
{
    PciDevice *pci = opaque;
    return pci_get32(pci->msix.pending + offset);
}

static const TnRegionOps msix_table_ops = {
    .size_of = sizeof(TnRegionOps),
    .read = msix_table_read,
    .write = msix_table_write,
    .valid_min = 4, .valid_max = 8, .impl_min = 4, .impl_max = 4,
};

static const TnRegionOps msix_pba_ops = {
    .size_of = sizeof(TnRegionOps),
    .read = msix_pba_read,
    .valid_min = 4, .valid_max = 8, .impl_min = 4, .impl_max = 4,
};

static unsigned msix_pba_size(unsigned vectors)
{
    return (vectors + 63) / 64 * 8;
}

static bool msix_check(unsigned vectors, TnRegion *region, uint32_t table, uint32_t pba,
                       GError **error)
{
    uint64_t size = tn_region_size(region);
    if (vectors < 1 || vectors > MSIX_MAX_VECTORS || (table & 7) || (pba & 7) ||
        (uint64_t)table + vectors * MSIX_ENTRY > size ||
        (uint64_t)pba + msix_pba_size(vectors) > size ||
        pci_spans_meet(table, vectors * MSIX_ENTRY, pba, msix_pba_size(vectors))) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "MSI-X: %u vectors with the table at 0x%x and the PBA at 0x%x do not fit a BAR "
                    "of 0x%" G_GINT64_MODIFIER "x bytes", vectors, table, pba, size);
        return false;
    }
    return true;
}

/* ---- Table and pending bits as an object, so that they are saved --------------------------- */

typedef struct MsixStore {
    uint8_t table[MSIX_MAX_VECTORS * MSIX_ENTRY];
    uint8_t pending[MSIX_MAX_VECTORS / 8];
} MsixStore;

static const TnStateField msix_state[] = {
    TN_STATE_BUFFER(MsixStore, table),
    TN_STATE_BUFFER(MsixStore, pending),
    TN_STATE_LAST,
};

static const TnTypeInfo msix_store_type = {
    .size = sizeof(TnTypeInfo),
    .name = "pci-msix",
    .state_size = sizeof(MsixStore),
    .state = msix_state, .state_stride = TN_STATE_STRIDE,
    .description = "MSI-X table and pending bits of a PCI device",
};
TN_CORE_TYPE(msix_store_type);

static bool msix_store_new(PciDevice *pci, GError **error)
{
    TnObject *store = tn_object_new_child(pci->obj, "msix", "pci-msix", error);
    if (!store) {
        return false;
    }
    MsixStore *bytes = tn_object_own_state(store);
    pci->msix.store = store;
    pci->msix.table = bytes->table;
    pci->msix.pending = bytes->pending;
    return true;
}

/* ---- The capability ---------------------------------------------------------------------- */

bool tn_pci_msix_init(TnObject *dev, unsigned vectors, TnRegion *region, unsigned bar,
                      uint32_t table_offset, uint32_t pba_offset, unsigned offset, GError **error)
{
    PciDevice *pci = pci_device(dev);
    g_return_val_if_fail(pci && region && !pci->msix.offset && bar < PCI_ROM_BAR, false);
    if (!msix_check(vectors, region, table_offset, pba_offset, error)) {
        return false;
    }
    unsigned at = tn_pci_add_capability(dev, PCI_CAP_ID_MSIX, offset, MSIX_LENGTH, error);
    if (!at) {
        return false;
    }
    pci_put16(pci->config + at + MSIX_CONTROL, vectors - 1);
    pci_put16(pci->writable + at + MSIX_CONTROL, MSIX_ENABLE | MSIX_FUNCTION_MASK);
    pci_put32(pci->config + at + MSIX_TABLE, table_offset | bar);
    pci_put32(pci->config + at + MSIX_PBA, pba_offset | bar);
    if (!msix_store_new(pci, error)) {
        return false;
    }
    pci->msix.offset = at;
    pci->msix.vectors = vectors;
    tn_pci_msix_reset(pci);
    TnRegion *table = tn_region_new_io(dev, "msix-table", &msix_table_ops, pci,
                                       vectors * MSIX_ENTRY);
    TnRegion *pba = tn_region_new_io(dev, "msix-pba", &msix_pba_ops, pci, msix_pba_size(vectors));
    tn_region_add_overlap(region, table_offset, table, MSIX_PRIORITY);
    tn_region_add_overlap(region, pba_offset, pba, MSIX_PRIORITY);
    return true;
}

void tn_pci_msix_config_written(PciDevice *pci, unsigned offset, unsigned size)
{
    if (!pci->msix.offset || !pci_spans_meet(offset, size, pci->msix.offset, MSIX_LENGTH)) {
        return;
    }
    for (unsigned vector = 0; vector < pci->msix.vectors; vector++) {
        msix_flush(pci, vector);
    }
}

void tn_pci_msix_reset(PciDevice *pci)
{
    if (!pci->msix.offset) {
        return;
    }
    uint8_t *control = pci->config + pci->msix.offset + MSIX_CONTROL;
    pci_put16(control, pci_get16(control) & ~(MSIX_ENABLE | MSIX_FUNCTION_MASK));
    memset(pci->msix.table, 0, pci->msix.vectors * MSIX_ENTRY);
    memset(pci->msix.pending, 0, msix_pba_size(pci->msix.vectors));
    for (unsigned vector = 0; vector < pci->msix.vectors; vector++) {
        pci_put32(pci->msix.table + vector * MSIX_ENTRY + MSIX_ENTRY_CONTROL, MSIX_ENTRY_MASKED);
    }
}

void tn_pci_msix_clear(PciDevice *pci)
{
    if (pci->msix.store) {
        tn_object_unparent(pci->msix.store);
    }
    pci->msix = (PciMsix){ 0 };
}
