/* SPDX-License-Identifier: MIT */
/*
 * Register tables. An access of any size and place is cut along the registers that it meets; each
 * is read or written once. Bytes of a register that a write does not reach keep their value, and
 * count as 0 for write-one-to-clear bits.
 */
#include "object/device.h"

#include <string.h>

#include "clock/owned.h"

/* An I/O region over a bank: what its callbacks get. */
typedef struct BankRegion {
    TnObject *dev; /* borrowed: the region dies with it */
    void *state;
    const TnRegisterBank *bank;
} BankRegion;

/* The part of an access that falls on one register. */
typedef struct Piece {
    const TnRegister *reg; /* NULL: no register there */
    unsigned first;        /* byte of the register, by address */
    unsigned count;        /* bytes */
} Piece;

static uint64_t ones(unsigned bytes)
{
    return bytes >= 8 ? UINT64_MAX : (UINT64_C(1) << (bytes * 8)) - 1;
}

/* Where byte `first` (by address) of a `size`-byte number begins, in bits, for a run of `count`. */
static unsigned shift_of(const TnRegisterBank *bank, unsigned size, unsigned first, unsigned count)
{
    return (bank->endian == TN_ENDIAN_BIG ? size - first - count : first) * 8;
}

/* ---- Fields ----------------------------------------------------------------------------- */

uint64_t tn_register_load_field(const void *state, const TnRegister *reg)
{
    const char *field = (const char *)state + reg->field;

    switch (reg->size_of_field) {
    case 1:
        return *(const uint8_t *)field;
    case 2:
        return *(const uint16_t *)field;
    case 4:
        return *(const uint32_t *)field;
    case 8:
        return *(const uint64_t *)field;
    default:
        return 0;
    }
}

void tn_register_store_field(void *state, const TnRegister *reg, uint64_t value)
{
    char *field = (char *)state + reg->field;

    switch (reg->size_of_field) {
    case 1:
        *(uint8_t *)field = value;
        break;
    case 2:
        *(uint16_t *)field = value;
        break;
    case 4:
        *(uint32_t *)field = value;
        break;
    case 8:
        *(uint64_t *)field = value;
        break;
    default:
        break;
    }
}

void tn_register_reset(void *state, const TnRegisterBank *bank)
{
    for (unsigned i = 0; tn_register_row(bank, i)->name; i++) {
        const TnRegister *reg = tn_register_row(bank, i);

        if (!(reg->flags & TN_REG_KEEP))
            tn_register_store_field(state, reg, reg->reset);
    }
}

/* ---- Finding ---------------------------------------------------------------------------- */

static bool covers(const TnRegister *reg, uint64_t offset)
{
    return offset >= reg->offset && offset - reg->offset < reg->size;
}

/*
 * The first row at an offset that counts now. A row of the wrong direction (`avoid`) is taken only
 * when nothing better is there.
 */
static const TnRegister *find_register(const void *state, const TnRegisterBank *bank,
                                       uint64_t offset, uint16_t avoid)
{
    const TnRegister *second = NULL;

    for (unsigned i = 0; tn_register_row(bank, i)->name; i++) {
        const TnRegister *reg = tn_register_row(bank, i);

        if (!covers(reg, offset) || (reg->when && !reg->when(state)))
            continue;
        if (!(reg->flags & avoid))
            return reg;
        if (!second)
            second = reg;
    }
    return second;
}

static Piece piece_at(const void *state, const TnRegisterBank *bank, uint64_t offset, unsigned left,
                      uint16_t avoid)
{
    Piece piece = { .reg = find_register(state, bank, offset, avoid), .count = 1 };

    if (piece.reg) {
        piece.first = offset - piece.reg->offset;
        piece.count = MIN(left, piece.reg->size - piece.first);
    }
    return piece;
}

/* ---- Tracing ---------------------------------------------------------------------------- */

typedef struct BankTrace {
    TnTracePoint read, write;
} BankTrace;

/* Trace points are named after the bank: "serial_read", "serial_write". Only while tracing. */
static TnTracePoint *trace_point(const TnRegisterBank *bank, bool write)
{
    static GHashTable *points;
    static GMutex lock;
    BankTrace *trace;

    g_mutex_lock(&lock);
    if (!points)
        points = g_hash_table_new(NULL, NULL);
    trace = g_hash_table_lookup(points, bank);
    if (!trace) {
        trace = g_new0(BankTrace, 1);
        trace->read.size = trace->write.size = sizeof(TnTracePoint);
        trace->read.name = g_strdup_printf("%s_read", bank->name);
        trace->write.name = g_strdup_printf("%s_write", bank->name);
        g_hash_table_insert(points, (void *)bank, trace);
    }
    g_mutex_unlock(&lock);
    return write ? &trace->write : &trace->read;
}

static void trace_access(TnObject *dev, const TnRegisterBank *bank, const Piece *piece,
                         uint64_t offset, uint64_t value, bool write)
{
    TnTracePoint *point = trace_point(bank, write);
    g_autofree char *path = NULL;

    if (!tn_trace_on(point))
        return;
    path = tn_object_path(dev);
    tn_trace_write(point, "%s %s offset 0x%" G_GINT64_MODIFIER "x size %u value 0x%"
                   G_GINT64_MODIFIER "x", path, piece->reg ? piece->reg->name : "-", offset,
                   piece->count, value);
}

/* ---- Reading ---------------------------------------------------------------------------- */

static uint64_t read_register(void *state, const TnRegister *reg)
{
    uint64_t value;

    if (reg->flags & TN_REG_WO)
        value = reg->reset;
    else if (reg->read)
        value = reg->read(state, reg);
    else
        value = reg->size_of_field ? tn_register_load_field(state, reg) : reg->reset;
    return value & ones(reg->size);
}

static uint64_t read_piece(void *state, const TnRegisterBank *bank, const Piece *piece,
                           unsigned place)
{
    uint64_t value;

    if (!piece->reg)
        return bank->absent >> (place * 8) & 0xff;
    value = read_register(state, piece->reg);
    return value >> shift_of(bank, piece->reg->size, piece->first, piece->count) &
           ones(piece->count);
}

uint64_t tn_register_read(TnObject *dev, void *state, const TnRegisterBank *bank, uint64_t offset,
                          unsigned size)
{
    uint64_t result = 0;

    g_return_val_if_fail(dev && state && bank && size >= 1 && size <= 8, 0);
    for (unsigned at = 0; at < size;) {
        Piece piece = piece_at(state, bank, offset + at, size - at, TN_REG_WO);
        uint64_t value = read_piece(state, bank, &piece, at);

        if (tn_log_enabled(TN_LOG_TRACE))
            trace_access(dev, bank, &piece, offset + at, value, false);
        result |= value << shift_of(bank, size, at, piece.count);
        at += piece.count;
    }
    tn_device_settle(dev);
    return result;
}

/* ---- Writing ---------------------------------------------------------------------------- */

/* The register's new value from the bits `value` written at `mask`. */
static uint64_t merge(const void *state, const TnRegister *reg, uint64_t value, uint64_t mask)
{
    uint64_t old = tn_register_load_field(state, reg);
    uint64_t writable = (reg->writable ? reg->writable : UINT64_MAX) & ~reg->w1c & mask;

    return ((old & ~writable) | (value & writable)) & ~(value & mask & reg->w1c) & ones(reg->size);
}

static void write_piece(void *state, const TnRegisterBank *bank, const Piece *piece, uint64_t value)
{
    const TnRegister *reg = piece->reg;
    unsigned shift;

    if (!reg || (reg->flags & TN_REG_RO))
        return;
    shift = shift_of(bank, reg->size, piece->first, piece->count);
    value = merge(state, reg, value << shift, ones(piece->count) << shift);
    if (reg->write)
        reg->write(state, reg, value);
    else
        tn_register_store_field(state, reg, value);
}

void tn_register_write(TnObject *dev, void *state, const TnRegisterBank *bank, uint64_t offset,
                       uint64_t value, unsigned size)
{
    g_return_if_fail(dev && state && bank && size >= 1 && size <= 8);
    for (unsigned at = 0; at < size;) {
        Piece piece = piece_at(state, bank, offset + at, size - at, TN_REG_RO);
        uint64_t part = value >> shift_of(bank, size, at, piece.count) & ones(piece.count);

        if (tn_log_enabled(TN_LOG_TRACE))
            trace_access(dev, bank, &piece, offset + at, part, true);
        write_piece(state, bank, &piece, part);
        at += piece.count;
    }
    tn_device_settle(dev);
}

/* ---- As a region ------------------------------------------------------------------------ */

static uint64_t region_read(void *opaque, uint64_t offset, unsigned size)
{
    BankRegion *region = opaque;

    return tn_register_read(region->dev, region->state, region->bank, offset, size);
}

static void region_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    BankRegion *region = opaque;

    tn_register_write(region->dev, region->state, region->bank, offset, value, size);
}

static unsigned largest_register(const TnRegisterBank *bank)
{
    unsigned largest = 1;

    for (unsigned i = 0; tn_register_row(bank, i)->name; i++)
        largest = MAX(largest, tn_register_row(bank, i)->size);
    return largest;
}

static TnRegionOps *region_ops(const TnRegisterBank *bank)
{
    TnRegionOps *ops = g_new0(TnRegionOps, 1);
    unsigned max = bank->access_max ? bank->access_max : largest_register(bank);

    ops->size_of = sizeof(*ops);
    ops->endian = bank->endian;
    ops->read = region_read;
    ops->write = region_write;
    ops->valid_min = bank->access_min ? bank->access_min : 1;
    /* Without a limit of its own the bank takes any access: the bus splits it into what fits. */
    ops->valid_max = bank->access_max ? bank->access_max : 8;
    ops->valid_unaligned = !bank->access_max;
    ops->impl_min = 1;
    ops->impl_max = max;
    ops->impl_unaligned = true;
    return ops;
}

TnRegion *tn_register_region_new(TnObject *dev, const char *type, const TnRegisterBank *bank)
{
    BankRegion *region;
    TnRegionOps *ops;

    g_return_val_if_fail(dev && type && bank && tn_object_state(dev, type), NULL);
    region = g_new0(BankRegion, 1);
    *region = (BankRegion){ dev, tn_object_state(dev, type), bank };
    ops = region_ops(bank);
    tn_owned_add(dev, ops, g_free);
    tn_owned_add(dev, region, g_free);
    return tn_region_new_io(dev, bank->name, ops, region, bank->size);
}
