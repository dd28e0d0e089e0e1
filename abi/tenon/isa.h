/* SPDX-License-Identifier: MIT */
/* The ISA bus: port I/O, 16 interrupt lines, 8 DMA channels. Implemented in core/bus. */
#ifndef TENON_ISA_H
#define TENON_ISA_H

#include "tenon/device.h"

TN_BEGIN_DECLS

#define TN_TYPE_ISA_BUS "isa-bus"
#define TN_TYPE_ISA_DEVICE "isa-device"

/* The ISA bus of the machine (borrowed), or NULL. [main] */
TN_API TnObject *tn_isa_bus(void);

/*
 * A new ISA bus below a controller, decoding ports from `io` and memory from `memory`. `irqs` are
 * the 16 inputs of the interrupt controller, and may be set later with tn_isa_bus_set_irqs.
 * Borrowed; NULL with an error when the name is taken. [main +lock]
 */
TN_API TnObject *tn_isa_bus_new(TnObject *controller, const char *name, TnRegion *memory, TnRegion *io,
                                GError **error);
/* Gives the bus its interrupt wires; entries may be NULL. [main +lock] */
TN_API void tn_isa_bus_set_irqs(TnObject *bus, TnIrq *const irqs[16]);

/* The wire of an interrupt line 0..15, borrowed; NULL for none. [main] */
TN_API TnIrq *tn_isa_irq(TnObject *bus, unsigned line);

/* Maps a device's I/O region at a port; removed when the device is unrealized. In realize.
 * [main +lock] */
TN_API void tn_isa_map_io(TnObject *dev, uint16_t port, TnRegion *region);
/* The container that the bus decodes memory, or ports, from. Borrowed. [main] */
TN_API TnRegion *tn_isa_memory(TnObject *bus);
TN_API TnRegion *tn_isa_io(TnObject *bus);

/*
 * DMA channels (0..7). The controller names itself with tn_isa_set_dma; a device moves bytes when
 * its channel runs. All [main or vcpu +lock].
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
    /* Raises and lowers the channel's request line. */
    void (*hold_dreq)(TnObject *dma, unsigned channel);
    void (*release_dreq)(TnObject *dma, unsigned channel);
    /* Lets channels with a raised request run soon, from the main loop. */
    void (*schedule)(TnObject *dma);
    /* Device to memory, and memory to device. Return bytes moved. */
    int (*write_memory)(TnObject *dma, unsigned channel, const void *buf, int pos, int n);
    int (*read_memory)(TnObject *dma, unsigned channel, void *buf, int pos, int n);
    /* Whether the channel starts over by itself at its end. */
    bool (*has_autoinit)(TnObject *dma, unsigned channel);
} TnIsaDmaOps;
/* Names the controllers of channels 0..3 and 4..7 (NULL for none); they have TN_IFACE_ISA_DMA.
 * [main] */
TN_API void tn_isa_set_dma(TnObject *bus, TnObject *dma8, TnObject *dma16);
/* The controller of a channel 0..7 (borrowed), or NULL. [main] */
TN_API TnObject *tn_isa_dma(TnObject *bus, unsigned channel);

TN_END_DECLS

#endif
