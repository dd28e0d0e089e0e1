/* SPDX-License-Identifier: MIT */
/* The state of PCI devices and buses as the files of core/bus share it. */
#ifndef TN_BUS_PCI_INTERNAL_H
#define TN_BUS_PCI_INTERNAL_H

#include "tenon/apic.h"
#include "tenon/pci.h"

enum {
    PCI_BARS = 7,        /* 0..5 and the expansion ROM */
    PCI_ROM_BAR = 6,
    PCI_DEVFNS = 256,
    PCI_PINS = 4,
    PCI_FUNCTIONS = 8,
    PCI_HEADER_SIZE = 0x40,
    PCI_BAR_PRIORITY = 1, /* of BARs over what else is in the bus's space */

    PCI_COMMAND_PARITY = 1u << 6,
    PCI_STATUS_ERRORS = 0xf900, /* write one to clear */
    PCI_HEADER_MULTIFUNCTION = 0x80,
    PCI_HEADER_BRIDGE = 1,
    PCI_ROM_ENABLE = 1,
    PCI_BRIDGE_ROM_ADDRESS = 0x38,

    /* Header type 1 (PCI-to-PCI Bridge 1.2, 3.2) */
    PCI_PRIMARY_BUS = 0x18, PCI_SECONDARY_BUS = 0x19, PCI_SUBORDINATE_BUS = 0x1a,
    PCI_SECONDARY_LATENCY = 0x1b, PCI_IO_BASE = 0x1c, PCI_IO_LIMIT = 0x1d,
    PCI_SECONDARY_STATUS = 0x1e, PCI_MEMORY_BASE = 0x20, PCI_MEMORY_LIMIT = 0x22,
    PCI_PREFETCH_BASE = 0x24, PCI_PREFETCH_LIMIT = 0x26, PCI_PREFETCH_BASE_UPPER = 0x28,
    PCI_PREFETCH_LIMIT_UPPER = 0x2c, PCI_IO_BASE_UPPER = 0x30, PCI_IO_LIMIT_UPPER = 0x32,
    PCI_BRIDGE_CONTROL = 0x3e,
    PCI_BRIDGE_CONTROL_VGA = 1u << 3, PCI_BRIDGE_CONTROL_RESET = 1u << 6,

    PCI_CAP_ID_MSI = 0x05, PCI_CAP_ID_MSIX = 0x11,
};

typedef struct PciBar {
    TnRegion *region; /* borrowed; NULL: no such BAR */
    unsigned type;
    uint64_t size;
    uint64_t address; /* where it is mapped, or UINT64_MAX */
} PciBar;

typedef struct PciMsi {
    uint8_t offset;   /* of the capability; 0: none */
    bool addr64, per_vector_mask;
} PciMsi;

typedef struct PciMsix {
    uint8_t offset;   /* of the capability; 0: none */
    unsigned vectors;
    TnObject *store;  /* child, borrowed: holds and saves the two below */
    uint8_t *table;   /* 16 bytes a vector */
    uint8_t *pending; /* one bit a vector */
} PciMsix;

typedef struct PciBridge {
    TnObject *bus;            /* the secondary one; child, borrowed */
    TnRegion *memory, *io;    /* what the secondary bus sees */
    TnRegion *window_io, *window_memory, *window_prefetch; /* aliases in the primary bus's space */
    TnRegion *vga_io_low, *vga_io_high, *vga_memory;
} PciBridge;

typedef struct PciDevice {
    TnObject *obj;
    TnPciDeviceOps ops;   /* a copy */
    void *ops_state;
    uint32_t config_size;
    uint8_t config[TN_PCIE_CONFIG_SIZE];
    uint8_t writable[TN_PCIE_CONFIG_SIZE];
    uint8_t w1c[TN_PCIE_CONFIG_SIZE];
    uint8_t used[TN_PCI_CONFIG_SIZE]; /* bytes taken by capabilities */
    uint8_t devfn;
    int16_t wanted_devfn; /* addr=; -1: any */
    bool multifunction, rombar;
    char *romfile;        /* owned by the property */
    PciBar bars[PCI_BARS];
    bool intx_level;      /* what the device drives */
    bool intx_asserted;   /* what the bus was told */
    TnRegion *dma_root, *dma_window;
    TnAddressSpace *dma;  /* NULL until asked for */
    PciMsi msi;
    PciMsix msix;
    PciBridge *bridge;    /* owned; NULL for others */
} PciDevice;

typedef struct PciBus {
    TnObject *obj;
    TnObject *devices[PCI_DEVFNS]; /* borrowed */
    TnObject *bridge;              /* the device above; NULL for a root bus */
    TnRegion *memory, *io;
    bool express;
    void (*set_irq)(void *opaque, unsigned n, int level);
    unsigned (*map_irq)(void *opaque, uint8_t devfn, unsigned pin);
    void *irq_opaque;
    unsigned n_irqs;
    unsigned *irq_counts;          /* devices that assert each input; owned */
} PciBus;

static inline PciDevice *pci_device(TnObject *dev)
{
    return tn_object_state(dev, TN_TYPE_PCI_DEVICE);
}

static inline PciBus *pci_bus(TnObject *bus)
{
    return tn_object_state(bus, TN_TYPE_PCI_BUS);
}

static inline PciBus *pci_bus_of(PciDevice *pci)
{
    TnObject *bus = tn_device_bus(pci->obj);
    return bus ? pci_bus(bus) : NULL;
}

static inline uint16_t pci_get16(const uint8_t *bytes)
{
    return bytes[0] | bytes[1] << 8;
}

static inline uint32_t pci_get32(const uint8_t *bytes)
{
    return pci_get16(bytes) | (uint32_t)pci_get16(bytes + 2) << 16;
}

static inline void pci_put16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static inline void pci_put32(uint8_t *bytes, uint32_t value)
{
    pci_put16(bytes, (uint16_t)value);
    pci_put16(bytes + 2, (uint16_t)(value >> 16));
}

static inline bool pci_spans_meet(unsigned a, unsigned n, unsigned b, unsigned m)
{
    return a < b + m && b < a + n;
}

static inline uint16_t pci_command(const PciDevice *pci)
{
    return pci_get16(pci->config + TN_PCI_COMMAND);
}

/* pci-bar.c */
void tn_pci_bars_update(PciDevice *pci);
void tn_pci_bars_unmap(PciDevice *pci);
unsigned tn_pci_bar_offset(const PciDevice *pci, unsigned bar);

/* pci-irq.c */
void tn_pci_irq_update(PciDevice *pci);

/* pci-dma.c */
void tn_pci_dma_update(PciDevice *pci);
bool tn_pci_is_master(PciDevice *pci);

/* pci-msi.c and pci-msix.c */
void tn_pci_msi_config_written(PciDevice *pci, unsigned offset, unsigned size);
void tn_pci_msi_reset(PciDevice *pci);
void tn_pci_msix_config_written(PciDevice *pci, unsigned offset, unsigned size);
void tn_pci_msix_reset(PciDevice *pci);
void tn_pci_msix_clear(PciDevice *pci);
void tn_pci_message(PciDevice *pci, uint64_t address, uint32_t data);

/* pci-bridge.c */
bool tn_pci_bridge_realize(PciDevice *pci, GError **error);
void tn_pci_bridge_unrealize(PciDevice *pci);
void tn_pci_bridge_update(PciDevice *pci);
void tn_pci_bridge_config_written(PciDevice *pci, unsigned offset, unsigned size, uint16_t control);

/* pci-rom.c */
bool tn_pci_rom_realize(PciDevice *pci, GError **error);

#endif
