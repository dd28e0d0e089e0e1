/* SPDX-License-Identifier: MIT */
/* The ISA bus: port I/O, 16 interrupt lines, 8 DMA channels. Implemented in core/bus. */
#ifndef TENON_ISA_H
#define TENON_ISA_H

#include "tenon/device.h"

TN_BEGIN_DECLS

#define TN_TYPE_ISA_BUS "isa-bus"
#define TN_TYPE_ISA_DEVICE "isa-device"

/* The ISA bus of the machine (borrowed), or NULL. */
TN_API TnObject *tn_isa_bus(void);

/*
 * A new ISA bus below a controller, decoding ports from `io` and memory from `memory`. `irqs` are the
 * 16 inputs of the interrupt controller, and may be set later with tn_isa_bus_set_irqs.
 */
TN_API TnObject *tn_isa_bus_new(TnObject *controller, const char *name, TnRegion *memory, TnRegion *io,
                                GError **error);
TN_API void tn_isa_bus_set_irqs(TnObject *bus, TnIrq *const irqs[16]);

/* Wire of an interrupt line 0..15; NULL for none. */
TN_API TnIrq *tn_isa_irq(TnObject *bus, unsigned line);

/* Maps a device's I/O region at a port; removed when the device is unrealized. */
TN_API void tn_isa_map_io(TnObject *dev, uint16_t port, TnRegion *region);
TN_API TnRegion *tn_isa_memory(TnObject *bus);
TN_API TnRegion *tn_isa_io(TnObject *bus);

/*
 * DMA channels. The controller registers itself; a device moves bytes when its channel runs.
 */
#define TN_IFACE_ISA_DMA "isa-dma"
typedef struct TnIsaDmaOps {
    uint32_t size;
    uint32_t flags;
    /* `transfer` is called with the channel's position and length in bytes, and returns the new
     * position; it moves data with read/write below. */
    void (*register_channel)(TnObject *dma, unsigned channel,
                             int (*transfer)(void *opaque, unsigned channel, int pos, int length),
                             void *opaque);
    void (*hold_dreq)(TnObject *dma, unsigned channel);
    void (*release_dreq)(TnObject *dma, unsigned channel);
    void (*schedule)(TnObject *dma);
    /* Device to memory, and memory to device. Return bytes moved. */
    int (*write_memory)(TnObject *dma, unsigned channel, const void *buf, int pos, int n);
    int (*read_memory)(TnObject *dma, unsigned channel, void *buf, int pos, int n);
    bool (*has_autoinit)(TnObject *dma, unsigned channel);
} TnIsaDmaOps;
TN_API void tn_isa_set_dma(TnObject *bus, TnObject *dma8, TnObject *dma16);
/* The controller of a channel (borrowed), or NULL. */
TN_API TnObject *tn_isa_dma(TnObject *bus, unsigned channel);

TN_END_DECLS

#endif
