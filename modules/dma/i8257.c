/* SPDX-License-Identifier: MIT */
/*
 * Intel 8237A DMA controller with the PC's page registers (datasheet 231466; PIIX3 2.5.1), one of
 * the pair: shift 0 moves bytes (channels 0..3), shift 1 words (channels 4..7).
 *
 * A channel runs when its device holds DREQ and it is not masked: the device's function moves as
 * much as it wants and returns the new position. Left out: memory-to-memory transfers and the
 * verify mode's bus cycles, which the PC does not wire.
 */
#include "tenon/isa.h"
#include "tenon/module.h"

enum {
    N_CHANNELS = 4, MAX_SHIFT = 1,
    COMMAND = 8, REQUEST = 9, MASK_BIT = 10, MODE = 11, CLEAR_POINTER = 12, MASTER_CLEAR = 13,
    CLEAR_MASK = 14, MASK_ALL = 15,
    COMMAND_DISABLE = 1u << 2,
    MODE_AUTOINIT = 1u << 4, MODE_DECREMENT = 1u << 5, MODE_TRANSFER = 3u << 2,
    N_PAGES = 8,
};

typedef struct Channel {
    uint16_t base_address, base_count;
    uint16_t address, count;  /* current, in units of the controller's width */
    uint8_t mode, page;
    int (*transfer)(void *opaque, unsigned channel, int pos, int length);
    void *opaque;
} Channel;

typedef struct I8257 {
    TnObject *obj;
    TnTimer *run;
    uint32_t base, page_base, shift;
    Channel channel[N_CHANNELS];
    uint8_t command, mask, status_tc, dreq;
    uint8_t pages[N_PAGES];
    bool flip_flop;
} I8257;

/* Page register offset to channel (PIIX3 table 10); others are plain latches. */
static const int8_t page_channel[N_PAGES] = { -1, 2, 3, 1, -1, -1, -1, 0 };

static unsigned number(const I8257 *s, const Channel *c)
{
    return (unsigned)(c - s->channel) + (s->shift ? 4 : 0);
}

static uint64_t memory_address(const I8257 *s, const Channel *c, int pos)
{
    uint64_t page = s->shift ? (uint64_t)(c->page & ~1u) << 16 : (uint64_t)c->page << 16;
    uint64_t start = page | (uint64_t)c->base_address << s->shift;
    return c->mode & MODE_DECREMENT ? start - (uint64_t)pos : start + (uint64_t)pos;
}

static int length(const I8257 *s, const Channel *c)
{
    return ((int)c->base_count + 1) << s->shift;
}

/* Bytes moved so far. */
static int position(const I8257 *s, const Channel *c)
{
    return (int)(uint16_t)(c->base_count - c->count) << s->shift;
}

static void terminal_count(I8257 *s, Channel *c)
{
    unsigned n = (unsigned)(c - s->channel);
    s->status_tc |= (uint8_t)(1u << n);
    if (c->mode & MODE_AUTOINIT) {
        c->address = c->base_address;
        c->count = c->base_count;
    } else {
        c->count = 0xffff;
        s->mask |= (uint8_t)(1u << n);
    }
}

static void run_channel(I8257 *s, Channel *c)
{
    int pos = c->transfer(c->opaque, number(s, c), position(s, c), length(s, c));
    if (pos >= length(s, c))
        terminal_count(s, c);
    else
        c->count = (uint16_t)(c->base_count - (pos >> s->shift));
}

static void run(void *opaque)
{
    I8257 *s = opaque;
    if (s->command & COMMAND_DISABLE)
        return;
    for (unsigned n = 0; n < N_CHANNELS; n++)
        if (s->dreq >> n & 1 && !(s->mask >> n & 1) && s->channel[n].transfer)
            run_channel(s, &s->channel[n]);
}

/* Requests are served from the main loop, so that a device may be in the middle of an access. */
static void settle(TnObject *dev, void *state)
{
    I8257 *s = state;
    if (s->dreq & ~s->mask && !(s->command & COMMAND_DISABLE))
        tn_timer_set(s->run, tn_clock_now(TN_CLOCK_VIRTUAL));
}

/* ---- Registers -------------------------------------------------------------------------- */

static uint8_t half(I8257 *s, uint16_t value)
{
    s->flip_flop = !s->flip_flop;
    return (uint8_t)(s->flip_flop ? value : value >> 8);
}

static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
    I8257 *s = opaque;
    unsigned reg = (unsigned)offset >> s->shift;
    if (reg < 2 * N_CHANNELS) {
        const Channel *c = &s->channel[reg >> 1];
        uint16_t moved = (uint16_t)(c->base_count - c->count);
        uint16_t address = (uint16_t)(c->mode & MODE_DECREMENT ? c->base_address - moved
                                                              : c->base_address + moved);
        return half(s, reg & 1 ? c->count : address);
    }
    if (reg == COMMAND) {
        uint8_t status = (uint8_t)(s->status_tc | s->dreq << 4);
        s->status_tc = 0;
        return status;
    }
    return reg == MASK_ALL ? s->mask : 0;
}

static void write_channel(I8257 *s, unsigned reg, uint8_t value)
{
    Channel *c = &s->channel[reg >> 1];
    uint16_t *base = reg & 1 ? &c->base_count : &c->base_address;
    s->flip_flop = !s->flip_flop;
    *base = (uint16_t)(s->flip_flop ? (*base & 0xff00) | value : (*base & 0xff) | value << 8);
    if (reg & 1)
        c->count = *base;
    else
        c->address = *base;
}

static void master_clear(I8257 *s)
{
    s->flip_flop = false;
    s->command = s->status_tc = 0;
    s->mask = 0xf;
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I8257 *s = opaque;
    unsigned reg = (unsigned)offset >> s->shift, n = value & 3;
    switch (reg) {
    case 0 ... 2 * N_CHANNELS - 1: write_channel(s, reg, (uint8_t)value); break;
    case COMMAND: s->command = (uint8_t)value; break;
    case REQUEST: s->dreq = (uint8_t)(value & 4 ? s->dreq | 1u << n : s->dreq & ~(1u << n)); break;
    case MASK_BIT: s->mask = (uint8_t)(value & 4 ? s->mask | 1u << n : s->mask & ~(1u << n)); break;
    case MODE: s->channel[n].mode = (uint8_t)value; break;
    case CLEAR_POINTER: s->flip_flop = false; break;
    case MASTER_CLEAR: master_clear(s); break;
    case CLEAR_MASK: s->mask = 0; break;
    case MASK_ALL: s->mask = value & 0xf; break;
    }
    settle(s->obj, s);
}

static uint64_t page_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((I8257 *)opaque)->pages[offset];
}

static void page_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I8257 *s = opaque;
    s->pages[offset] = (uint8_t)value;
    if (page_channel[offset] >= 0)
        s->channel[page_channel[offset]].page = (uint8_t)value;
}

static const TnRegionOps io_ops = {
    .size_of = sizeof(io_ops), .read = io_read, .write = io_write, .impl_min = 1, .impl_max = 1,
};
static const TnRegionOps page_ops = {
    .size_of = sizeof(page_ops), .read = page_read, .write = page_write, .impl_min = 1, .impl_max = 1,
};

/* ---- The devices' side ------------------------------------------------------------------ */

static void register_channel(TnObject *obj, unsigned n, int (*transfer)(void *, unsigned, int, int),
                             void *opaque)
{
    Channel *c = &((I8257 *)tn_object_own_state(obj))->channel[n & 3];
    c->transfer = transfer;
    c->opaque = opaque;
}

static void hold_dreq(TnObject *obj, unsigned n)
{
    I8257 *s = tn_object_own_state(obj);
    s->dreq |= (uint8_t)(1u << (n & 3));
    settle(obj, s);
}

static void release_dreq(TnObject *obj, unsigned n)
{
    I8257 *s = tn_object_own_state(obj);
    s->dreq &= (uint8_t)~(1u << (n & 3));
}

static void schedule(TnObject *obj)
{
    settle(obj, tn_object_own_state(obj));
}

static int move(TnObject *obj, unsigned n, uint8_t *in, const uint8_t *out, int pos, int count)
{
    I8257 *s = tn_object_own_state(obj);
    const Channel *c = &s->channel[n & 3];
    int step = c->mode & MODE_DECREMENT ? 1 : count;
    for (int i = 0; i < count; i += step) {
        uint64_t at = memory_address(s, c, pos + i);
        if (in)
            tn_memory_read(tn_system_memory_space(), at, in + i, (uint64_t)step, TN_MEM_ATTR_NONE);
        else
            tn_memory_write(tn_system_memory_space(), at, out + i, (uint64_t)step, TN_MEM_ATTR_NONE);
    }
    return count;
}

static int read_memory(TnObject *obj, unsigned n, void *buf, int pos, int count)
{
    return move(obj, n, buf, NULL, pos, count);
}

static int write_memory(TnObject *obj, unsigned n, const void *buf, int pos, int count)
{
    return move(obj, n, NULL, buf, pos, count);
}

static bool has_autoinit(TnObject *obj, unsigned n)
{
    return ((I8257 *)tn_object_own_state(obj))->channel[n & 3].mode & MODE_AUTOINIT;
}

static const TnIsaDmaOps dma_ops = {
    .size = sizeof(dma_ops), .register_channel = register_channel, .hold_dreq = hold_dreq,
    .release_dreq = release_dreq, .schedule = schedule, .write_memory = write_memory,
    .read_memory = read_memory, .has_autoinit = has_autoinit,
};

/* ---- Life ------------------------------------------------------------------------------- */

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    I8257 *s = state;
    master_clear(s);
    s->dreq = 0;
}

static bool init(TnObject *obj, void *state, GError **error)
{
    I8257 *s = state;
    s->obj = obj;
    s->run = tn_timer_new(obj, TN_CLOCK_VIRTUAL, run, s);
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    I8257 *s = state;
    tn_isa_map_io(dev, (uint16_t)s->base, tn_region_new_io(dev, "dma-chan", &io_ops, s, 16u << s->shift));
    tn_isa_map_io(dev, (uint16_t)s->page_base, tn_region_new_io(dev, "dma-page", &page_ops, s, N_PAGES));
    return true;
}

static const TnProperty properties[] = {
    { .name = "base", .kind = TN_PROP_UINT32, .offset = offsetof(I8257, base), .max = 0xffe0,
      .doc = "I/O port of channel 0's address" },
    { .name = "page-base", .kind = TN_PROP_UINT32, .offset = offsetof(I8257, page_base), .def = "0x80",
      .max = 0xfff8, .doc = "I/O port of the page registers" },
    { .name = "dshift", .kind = TN_PROP_UINT32, .offset = offsetof(I8257, shift), .max = MAX_SHIFT,
      .doc = "0: bytes, 1: words" },
    { 0 },
};

static const TnStateField channel_fields[] = {
    TN_STATE(U16, Channel, base_address), TN_STATE(U16, Channel, base_count),
    TN_STATE(U16, Channel, address), TN_STATE(U16, Channel, count), TN_STATE(U8, Channel, mode),
    TN_STATE(U8, Channel, page), TN_STATE_LAST,
};

static const TnStateField fields[] = {
    TN_STATE(U8, I8257, command), TN_STATE(U8, I8257, mask), TN_STATE(U8, I8257, status_tc),
    TN_STATE(U8, I8257, dreq), TN_STATE_BUFFER(I8257, pages), TN_STATE(BOOL, I8257, flip_flop),
    TN_STATE_SUB_ARRAY(I8257, channel, channel_fields), TN_STATE_LAST,
};

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .reset = reset, .settle = settle,
};

static const TnInterfaceImpl interfaces[] = {
    { TN_IFACE_DEVICE, &device_ops }, { TN_IFACE_ISA_DMA, &dma_ops }, { 0 },
};

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "i8257", .parent = TN_TYPE_ISA_DEVICE, .state_size = sizeof(I8257),
    .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces, .init = init, .description = "Intel 8237A DMA controller",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("i8257") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_INTERNAL_DEVICE("i8257", "ISA", "misc", "Intel 8237A DMA controller"));
