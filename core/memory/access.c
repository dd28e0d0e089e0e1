/* SPDX-License-Identifier: MIT */
/*
 * One access to one region: what the guest may do at all, splitting and widening to what the device
 * implements, byte order, the device lock.
 *
 * Pieces go through a byte buffer in memory order, so that order and width are separate concerns. A
 * store narrower than the device takes is widened with zeros around it, as byte lanes that are not
 * driven.
 */
#include <string.h>

#include "memory/region.h"

enum { ACCESS_DEPTH = 16, ACCESS_BYTES = 8 };

/* The regions that this thread is inside of: a device that reaches itself by DMA is refused. */
typedef struct AccessFrame {
    TnRegion *region;
    struct AccessFrame *outer;
    unsigned depth;
    bool unlock;
} AccessFrame;

static __thread __attribute__((tls_model("initial-exec"))) AccessFrame *access_frames;

static uint64_t all_ones(unsigned size)
{
    return size >= ACCESS_BYTES ? UINT64_MAX : ((uint64_t)1 << size * 8) - 1;
}

static uint64_t from_bytes(const uint8_t *bytes, unsigned size, bool big)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)bytes[big ? size - 1 - i : i] << i * 8;
    }
    return value;
}

static void to_bytes(uint8_t *bytes, uint64_t value, unsigned size, bool big)
{
    for (unsigned i = 0; i < size; i++) {
        bytes[big ? size - 1 - i : i] = (uint8_t)(value >> i * 8);
    }
}

/* ---- Entering a device ------------------------------------------------------------------- */

static bool access_enter(TnRegion *region, AccessFrame *frame)
{
    *frame = (AccessFrame){ .region = region, .outer = access_frames,
                            .depth = access_frames ? access_frames->depth + 1 : 0 };
    for (AccessFrame *outer = frame->outer; outer; outer = outer->outer) {
        if (outer->region == region || frame->depth > ACCESS_DEPTH) {
            tn_guest_error(region->name, "access from within itself refused");
            return false;
        }
    }
    if (!region->ops.lockless && !tn_device_lock_held()) {
        tn_device_lock();
        frame->unlock = true;
    }
    access_frames = frame;
    return true;
}

static void access_leave(AccessFrame *frame)
{
    access_frames = frame->outer;
    if (frame->unlock) {
        tn_device_unlock();
    }
}

static TnMemResult call_read(TnRegion *region, uint64_t offset, uint64_t *value, unsigned size,
                             uint32_t attrs)
{
    const TnRegionOps *ops = &region->ops;
    *value = all_ones(size);
    if (ops->read_attrs) {
        return ops->read_attrs(region->opaque, offset, value, size, attrs);
    }
    if (ops->read) {
        *value = ops->read(region->opaque, offset, size);
    }
    return TN_MEM_OK;
}

static TnMemResult call_write(TnRegion *region, uint64_t offset, uint64_t value, unsigned size,
                              uint32_t attrs)
{
    const TnRegionOps *ops = &region->ops;
    if (ops->write_attrs) {
        return ops->write_attrs(region->opaque, offset, value, size, attrs);
    }
    if (ops->write) {
        ops->write(region->opaque, offset, value, size);
    }
    return TN_MEM_OK;
}

/* ---- Splitting and widening -------------------------------------------------------------- */

/* One access that the device implements, and the bytes of it that are wanted. */
typedef struct Piece {
    uint64_t offset;     /* of the device access */
    unsigned size;       /* of the device access */
    unsigned skip, take; /* wanted bytes in it */
} Piece;

static Piece piece_at(const TnRegionOps *ops, uint64_t offset, unsigned left)
{
    unsigned size = ops->impl_max;
    while (size > left || (!ops->impl_unaligned && (offset & (size - 1)))) {
        size /= 2;
    }
    if (size >= ops->impl_min) {
        return (Piece){ .offset = offset, .size = size, .take = size };
    }
    unsigned skip = offset & (ops->impl_min - 1);
    return (Piece){ .offset = offset - skip, .size = ops->impl_min, .skip = skip,
                    .take = MIN(left, ops->impl_min - skip) };
}

static bool access_is_direct(const TnRegionOps *ops, uint64_t offset, unsigned size)
{
    return size >= ops->impl_min && size <= ops->impl_max &&
           (ops->impl_unaligned || !(offset & (size - 1)));
}

static bool access_is_valid(TnRegion *region, uint64_t offset, unsigned size, const char *what)
{
    const TnRegionOps *ops = &region->ops;
    if (size >= ops->valid_min && size <= ops->valid_max &&
        (ops->valid_unaligned || !(offset & (size - 1)))) {
        return true;
    }
    tn_guest_error(region->name, "%s of %u bytes at offset 0x%" G_GINT64_MODIFIER "x is not valid",
                   what, size, offset);
    return false;
}

static TnMemResult split_load(TnRegion *region, uint64_t offset, unsigned size, uint64_t *value,
                              uint32_t attrs)
{
    bool big = region->ops.endian == TN_ENDIAN_BIG;
    uint8_t bytes[ACCESS_BYTES];
    TnMemResult result = TN_MEM_OK;
    for (unsigned done = 0; done < size;) {
        uint8_t word[ACCESS_BYTES];
        uint64_t got;
        Piece piece = piece_at(&region->ops, offset + done, size - done);
        result |= call_read(region, piece.offset, &got, piece.size, attrs);
        to_bytes(word, got, piece.size, big);
        memcpy(bytes + done, word + piece.skip, piece.take);
        done += piece.take;
    }
    *value = from_bytes(bytes, size, false);
    return result;
}

static TnMemResult split_store(TnRegion *region, uint64_t offset, unsigned size, uint64_t value,
                               uint32_t attrs)
{
    bool big = region->ops.endian == TN_ENDIAN_BIG;
    uint8_t bytes[ACCESS_BYTES];
    TnMemResult result = TN_MEM_OK;
    to_bytes(bytes, value, size, false);
    for (unsigned done = 0; done < size;) {
        uint8_t word[ACCESS_BYTES] = { 0 };
        Piece piece = piece_at(&region->ops, offset + done, size - done);
        memcpy(word + piece.skip, bytes + done, piece.take);
        result |= call_write(region, piece.offset, from_bytes(word, piece.size, big), piece.size,
                             attrs);
        done += piece.take;
    }
    return result;
}

/* A debugger's look must not change a device; those that see attributes decide themselves. */
static bool debug_keeps_out(const TnRegion *region, uint32_t attrs, bool write)
{
    return (attrs & TN_MEM_ATTR_DEBUG) &&
           !(write ? (void *)region->ops.write_attrs : (void *)region->ops.read_attrs);
}

static TnMemResult io_load(TnRegion *region, uint64_t offset, unsigned size, uint64_t *value,
                           uint32_t attrs)
{
    const TnRegionOps *ops = &region->ops;
    AccessFrame frame;
    *value = all_ones(size);
    if (!access_is_valid(region, offset, size, "read") || debug_keeps_out(region, attrs, false) ||
        !access_enter(region, &frame)) {
        return TN_MEM_ERROR;
    }
    TnMemResult result;
    if (ops->endian == TN_ENDIAN_LITTLE && access_is_direct(ops, offset, size)) {
        result = call_read(region, offset, value, size, attrs);
        *value &= all_ones(size);
    } else {
        result = split_load(region, offset, size, value, attrs);
    }
    access_leave(&frame);
    return result;
}

static TnMemResult io_store(TnRegion *region, uint64_t offset, unsigned size, uint64_t value,
                            uint32_t attrs)
{
    const TnRegionOps *ops = &region->ops;
    AccessFrame frame;
    if (!access_is_valid(region, offset, size, "write") || debug_keeps_out(region, attrs, true) ||
        !access_enter(region, &frame)) {
        return TN_MEM_ERROR;
    }
    TnMemResult result;
    if (ops->endian == TN_ENDIAN_LITTLE && access_is_direct(ops, offset, size)) {
        result = call_write(region, offset, value & all_ones(size), size, attrs);
    } else {
        result = split_store(region, offset, size, value, attrs);
    }
    access_leave(&frame);
    return result;
}

/* ---- Memory ------------------------------------------------------------------------------ */

static bool memory_holds(const TnRegion *region, uint64_t offset, unsigned size)
{
    return offset < region->ram->size && region->ram->size - offset >= size;
}

static uint64_t memory_load(const uint8_t *host, unsigned size)
{
    /* Naturally aligned words are read whole: other threads write them. */
    if (!((uintptr_t)host & (size - 1))) {
        switch (size) {
        case 1: return *host;
        case 2: return GUINT16_FROM_LE(__atomic_load_n((const uint16_t *)host, __ATOMIC_RELAXED));
        case 4: return GUINT32_FROM_LE(__atomic_load_n((const uint32_t *)host, __ATOMIC_RELAXED));
        case 8: return GUINT64_FROM_LE(__atomic_load_n((const uint64_t *)host, __ATOMIC_RELAXED));
        }
    }
    return from_bytes(host, size, false);
}

static void memory_store(uint8_t *host, uint64_t value, unsigned size)
{
    if (!((uintptr_t)host & (size - 1))) {
        switch (size) {
        case 1: *host = value; return;
        case 2: __atomic_store_n((uint16_t *)host, GUINT16_TO_LE(value), __ATOMIC_RELAXED); return;
        case 4: __atomic_store_n((uint32_t *)host, GUINT32_TO_LE(value), __ATOMIC_RELAXED); return;
        case 8: __atomic_store_n((uint64_t *)host, GUINT64_TO_LE(value), __ATOMIC_RELAXED); return;
        }
    }
    to_bytes(host, value, size, false);
}

TnMemResult tn_region_load(TnRegion *region, uint64_t offset, unsigned size, uint64_t *value,
                           uint32_t attrs)
{
    if (tn_region_reads_memory(region) && memory_holds(region, offset, size)) {
        *value = memory_load(region->ram->host + offset, size);
        return TN_MEM_OK;
    }
    if (region->kind == TN_REGION_IO || region->kind == TN_REGION_ROM_DEVICE) {
        return io_load(region, offset, size, value, attrs);
    }
    *value = all_ones(size);
    return TN_MEM_UNASSIGNED;
}

TnMemResult tn_region_store(TnRegion *region, uint64_t offset, unsigned size, uint64_t value,
                            uint32_t attrs)
{
    if (region->kind == TN_REGION_IO || region->kind == TN_REGION_ROM_DEVICE) {
        return io_store(region, offset, size, value, attrs);
    }
    if (!region->ram || !memory_holds(region, offset, size)) {
        return TN_MEM_UNASSIGNED;
    }
    if (tn_region_writes_memory(region) || (attrs & TN_MEM_ATTR_DEBUG)) {
        memory_store(region->ram->host + offset, value, size);
        tn_ram_written(region, offset, size);
    }
    return TN_MEM_OK;
}
