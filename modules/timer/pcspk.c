/* SPDX-License-Identifier: MIT */
/*
 * Port 0x61 of the PC (NMI status and control, PIIX3 datasheet 2.5.5.1): the speaker's gate and data
 * bits, counter 2's output, and the refresh toggle. No sound is made: audio comes with its back ends.
 */
#include "i8254.h"

enum {
    GATE2 = 1u << 0, DATA = 1u << 1, WRITABLE = 0x0f, REFRESH = 1u << 4, OUT2 = 1u << 5,
    CHANNEL = 2,
    REFRESH_NS = 15085, /* counter 1 counts 18 ticks */
};

typedef struct PcSpk {
    TnObject *pit;
    uint32_t iobase;
    uint8_t control;
} PcSpk;

static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
    PcSpk *s = opaque;
    bool refresh = tn_clock_now(TN_CLOCK_VIRTUAL) / REFRESH_NS & 1;
    return s->control | (refresh ? REFRESH : 0) | (i8254_output(s->pit, CHANNEL) ? OUT2 : 0);
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PcSpk *s = opaque;
    s->control = value & WRITABLE;
    i8254_set_gate(s->pit, CHANNEL, value & GATE2);
}

static const TnRegionOps io_ops = {
    .size_of = sizeof(io_ops), .read = io_read, .write = io_write, .impl_min = 1, .impl_max = 1,
};

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    ((PcSpk *)state)->control = 0;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    PcSpk *s = state;
    tn_isa_map_io(dev, (uint16_t)s->iobase, tn_region_new_io(dev, "pcspk", &io_ops, s, 1));
    return true;
}

static const TnProperty properties[] = {
    { .name = "iobase", .kind = TN_PROP_UINT32, .offset = offsetof(PcSpk, iobase), .def = "0x61",
      .doc = "I/O port" },
    { .name = "pit", .kind = TN_PROP_LINK, .offset = offsetof(PcSpk, pit), .type = "isa-pit",
      .flags = TN_PROP_REQUIRED, .doc = "the interval timer whose counter 2 drives the speaker" },
    { 0 },
};

static const TnStateField fields[] = { TN_STATE(U8, PcSpk, control), TN_STATE_LAST };
static const TnDeviceOps device_ops = { .size = sizeof(device_ops), .realize = realize, .reset = reset };
static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &device_ops }, { 0 } };

const TnTypeInfo pcspk_type = {
    .size = sizeof(pcspk_type), .name = "isa-pcspk", .parent = TN_TYPE_ISA_DEVICE,
    .state_size = sizeof(PcSpk), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces, .description = "PC speaker gate (port 0x61)",
};
