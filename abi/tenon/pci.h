/* SPDX-License-Identifier: MIT */
/*
 * PCI (PCI Local Bus 3.0, PCI-to-PCI Bridge 1.2, PCI Express 3.0 configuration space). Implemented
 * in core/bus: configuration space, BARs, INTx routing, MSI, MSI-X, capability lists.
 */
#ifndef TENON_PCI_H
#define TENON_PCI_H

#include "tenon/device.h"

TN_BEGIN_DECLS

#define TN_TYPE_PCI_BUS "pci-bus"
#define TN_TYPE_PCIE_BUS "pcie-bus"
/* Has properties: addr (slot[.function]), multifunction, romfile, rombar. */
#define TN_TYPE_PCI_DEVICE "pci-device"
#define TN_IFACE_PCI_DEVICE "pci-device"
#define TN_IFACE_PCI_HOST "pci-host"

enum {
    /* Configuration header (PCI 3.0, 6.1) */
    TN_PCI_VENDOR_ID = 0x00, TN_PCI_DEVICE_ID = 0x02, TN_PCI_COMMAND = 0x04, TN_PCI_STATUS = 0x06,
    TN_PCI_REVISION_ID = 0x08, TN_PCI_CLASS_PROG = 0x09, TN_PCI_CLASS_DEVICE = 0x0a,
    TN_PCI_CACHE_LINE_SIZE = 0x0c, TN_PCI_LATENCY_TIMER = 0x0d, TN_PCI_HEADER_TYPE = 0x0e,
    TN_PCI_BASE_ADDRESS_0 = 0x10, TN_PCI_SUBSYSTEM_VENDOR_ID = 0x2c, TN_PCI_SUBSYSTEM_ID = 0x2e,
    TN_PCI_ROM_ADDRESS = 0x30, TN_PCI_CAPABILITY_LIST = 0x34, TN_PCI_INTERRUPT_LINE = 0x3c,
    TN_PCI_INTERRUPT_PIN = 0x3d,
    TN_PCI_COMMAND_IO = 1u << 0, TN_PCI_COMMAND_MEMORY = 1u << 1, TN_PCI_COMMAND_MASTER = 1u << 2,
    TN_PCI_COMMAND_SERR = 1u << 8, TN_PCI_COMMAND_INTX_DISABLE = 1u << 10,
    TN_PCI_STATUS_INTERRUPT = 1u << 3, TN_PCI_STATUS_CAP_LIST = 1u << 4,
    TN_PCI_CONFIG_SIZE = 256, TN_PCIE_CONFIG_SIZE = 4096,
};

/* The vtable of TN_IFACE_PCI_DEVICE: identity as data, and hooks that may be NULL. */
typedef struct TnPciDeviceOps {
    uint32_t size;
    uint32_t flags;
    uint16_t vendor_id, device_id;
    uint16_t subsystem_vendor_id, subsystem_id; /* 0: 0x1af4:0x1100 */
    uint16_t class_id;     /* base class and subclass, e.g. 0x0601 */
    uint8_t prog_if, revision;
    uint8_t is_bridge;     /* header type 1 */
    uint8_t is_express;
    uint8_t interrupt_pin; /* 0 none, 1 INTA .. 4 INTD */
    uint8_t reserved;
    /* The device's own configuration registers; the plain behaviour is tn_pci_config_read/write.
     * size 1, 2, 4. `state` is that of the implementing type. */
    uint32_t (*config_read)(TnObject *dev, void *state, uint32_t offset, unsigned size);
    void (*config_write)(TnObject *dev, void *state, uint32_t offset, uint32_t value, unsigned size);
} TnPciDeviceOps;

/* Plain configuration access of 1, 2 or 4 bytes with masks, BAR mapping and MSI side effects.
 * [main or vcpu +lock] */
TN_API uint32_t tn_pci_config_read(TnObject *dev, uint32_t offset, unsigned size);
TN_API void tn_pci_config_write(TnObject *dev, uint32_t offset, uint32_t value, unsigned size);

/* The configuration bytes themselves, and the masks of writable and write-one-to-clear bits; size
 * 256 (4096 for express). Borrowed; set in realize. [main or vcpu +lock] */
TN_API uint8_t *tn_pci_config(TnObject *dev);
TN_API uint8_t *tn_pci_config_writable(TnObject *dev);
TN_API uint8_t *tn_pci_config_w1c(TnObject *dev);

/* Kinds of BAR, ORed together. */
enum {
    TN_PCI_BAR_MEM32 = 0, TN_PCI_BAR_IO = 1u << 0, TN_PCI_BAR_MEM64 = 1u << 2,
    TN_PCI_BAR_PREFETCH = 1u << 3,
};
/* Declares BAR 0..5, or 6, the expansion ROM; `type` is of TN_PCI_BAR_*. The region's size must
 * be a power of two (16 bytes at least for memory, 4 for I/O). In realize. false with an error
 * for a BAR that is taken or a size that does not fit. [main +lock] */
TN_API bool tn_pci_add_bar(TnObject *dev, unsigned bar, unsigned type, TnRegion *region, GError **error);
/* The address a BAR is mapped at, or UINT64_MAX when it is not. [main or vcpu +lock] */
TN_API uint64_t tn_pci_bar_address(TnObject *dev, unsigned bar);

/* Adds a capability and returns its offset, or 0 with an error. An `offset` of 0 lets a free
 * place be chosen. `size` in bytes with the two header bytes. In realize. [main +lock] */
TN_API unsigned tn_pci_add_capability(TnObject *dev, uint8_t id, unsigned offset, unsigned size,
                                      GError **error);

/* INTx level of the device's pin (pin from TN_PCI_INTERRUPT_PIN). [any +lock] */
TN_API void tn_pci_set_irq(TnObject *dev, int level);

/* Gives the device MSI: `vectors` a power of two, 1..32; the capability at `offset` (0:
 * anywhere). In realize. [main +lock] */
TN_API bool tn_pci_msi_init(TnObject *dev, unsigned offset, unsigned vectors, bool addr64,
                            bool per_vector_mask, GError **error);
/* Whether the guest has switched MSI on: then INTx is silent. [any +lock] */
TN_API bool tn_pci_msi_enabled(TnObject *dev);
/* Sends the message of a vector, or marks it pending while it is masked. Nothing while MSI is off.
 * [any +lock] */
TN_API void tn_pci_msi_notify(TnObject *dev, unsigned vector);
/* Gives the device MSI-X: 1..2048 vectors, table and PBA at byte offsets of the region of a BAR
 * (the core adds them to that container), the capability at `offset` (0: anywhere). In realize.
 * [main +lock] */
TN_API bool tn_pci_msix_init(TnObject *dev, unsigned vectors, TnRegion *bar_region, unsigned bar,
                             uint32_t table_offset, uint32_t pba_offset, unsigned offset,
                             GError **error);
/* The same as for MSI. [any +lock] */
TN_API bool tn_pci_msix_enabled(TnObject *dev);
TN_API void tn_pci_msix_notify(TnObject *dev, unsigned vector);

/* The address space for the device's DMA: system memory while bus mastering is on. Borrowed.
 * [any] */
TN_API TnAddressSpace *tn_pci_dma(TnObject *dev);
/* DMA of n bytes, as tn_memory_read and tn_memory_write. [any] */
static inline TnMemResult tn_pci_dma_read(TnObject *dev, uint64_t addr, void *buf, uint64_t n)
{
    return tn_memory_read(tn_pci_dma(dev), addr, buf, n, TN_MEM_ATTR_NONE);
}
static inline TnMemResult tn_pci_dma_write(TnObject *dev, uint64_t addr, const void *buf, uint64_t n)
{
    return tn_memory_write(tn_pci_dma(dev), addr, buf, n, TN_MEM_ATTR_NONE);
}

/* The device's place on its bus: slot << 3 | function. [any] */
TN_API uint8_t tn_pci_devfn(TnObject *dev);
/* The bus's number, as the guest has set it for buses behind bridges. [any +lock] */
TN_API uint8_t tn_pci_bus_number(TnObject *bus);

/* ---- Hosts and bridges ------------------------------------------------------------------ */

/*
 * A root bus below a host bridge, decoding BARs from `memory` and `io`; `express` gives functions
 * their extended configuration space. Borrowed; NULL with an error. [main +lock]
 */
TN_API TnObject *tn_pci_root_bus_new(TnObject *host, const char *name, TnRegion *memory, TnRegion *io,
                                     bool express, GError **error);
/* Routes INTx: `set_irq(opaque, n, level)` drives the host's interrupt input n, 0 <= n < n_irqs;
 * `map_irq(opaque, devfn, pin)` tells which input a device's pin (0..3) drives. Levels of
 * several devices on one input are ORed by the bus. [main +lock] */
TN_API void tn_pci_bus_set_irqs(TnObject *bus, void (*set_irq)(void *opaque, unsigned n, int level),
                                unsigned (*map_irq)(void *opaque, uint8_t devfn, unsigned pin),
                                void *opaque, unsigned n_irqs);
/* The present level, 0 or 1, of a host's input n. [any +lock] */
TN_API int tn_pci_bus_irq_level(TnObject *bus, unsigned n);

/* Configuration cycles of 1, 2 or 4 bytes by address (bus << 16 | devfn << 8 | offset): reads
 * give all ones for no device. [main or vcpu +lock] */
TN_API uint32_t tn_pci_host_config_read(TnObject *root_bus, uint32_t address, unsigned size);
TN_API void tn_pci_host_config_write(TnObject *root_bus, uint32_t address, uint32_t value, unsigned size);

/* The same with extended registers (PCI Express 3.0, 7.2.2): bus << 20 | devfn << 12 | offset.
 * [main or vcpu +lock] */
TN_API uint32_t tn_pci_host_ecam_read(TnObject *root_bus, uint32_t address, unsigned size);
TN_API void tn_pci_host_ecam_write(TnObject *root_bus, uint32_t address, uint32_t value, unsigned size);

/* The device at a place of a bus (borrowed), or NULL. [main or vcpu +lock] */
TN_API TnObject *tn_pci_device_at(TnObject *bus, uint8_t devfn);
/* Calls fn(dev, data) for each device of the bus and of those behind bridges. [main +lock] */
TN_API void tn_pci_each_device(TnObject *bus, void (*fn)(TnObject *dev, void *data), void *data);
/* Creates a device of `type` with "name=value,..." (`props` may be NULL), places it (devfn, or
 * -1 for the next free slot) and realizes it. Borrowed, or NULL with an error. [main +lock] */
TN_API TnObject *tn_pci_create(TnObject *bus, int devfn, bool multifunction, const char *type,
                               const char *props, GError **error);

TN_END_DECLS

#endif
