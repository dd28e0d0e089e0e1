/* SPDX-License-Identifier: MIT */
/*
 * Access by address: lookups, single loads and stores, and spans (DMA). A span is cut where the
 * view changes; plain memory is copied, devices get naturally aligned accesses as wide as they
 * allow.
 */
#include <string.h>

#include "memory/region.h"

enum { DMA_WORD = 8, DMA_FILL = 4096 };

/* ---- Lookup ------------------------------------------------------------------------------ */

static void space_lookup(TnAddressSpace *as, uint64_t addr, TnMemorySpan *span)
{
    uint64_t next = 0;
    const TnViewRange *range = tn_view_find(tn_space_view(as), addr, &next);
    if (!range) {
        *span = (TnMemorySpan){ .length = next ? next - addr : addr ? -addr : UINT64_MAX };
        return;
    }
    uint64_t in = addr - range->start;
    uint64_t length = range->last - addr + 1;
    *span = (TnMemorySpan){ .region = range->region, .offset = range->offset + in,
                            .length = length ? length : UINT64_MAX,
                            .host = range->host ? range->host + in : NULL,
                            .writable = range->writable };
}

void tn_memory_lookup(TnAddressSpace *as, uint64_t addr, uint32_t attrs, TnMemorySpan *span)
{
    rcu_read_lock();
    space_lookup(as, addr, span);
    rcu_read_unlock();
}

/* ---- Single accesses --------------------------------------------------------------------- */

static uint64_t dma_ones(unsigned size)
{
    return size >= DMA_WORD ? UINT64_MAX : ((uint64_t)1 << size * 8) - 1;
}

/* A read-only window over RAM: the region alone would take the store. */
static bool span_drops_stores(const TnMemorySpan *span, uint32_t attrs)
{
    return span->host && !span->writable && span->region->kind != TN_REGION_ROM_DEVICE &&
           !(attrs & TN_MEM_ATTR_DEBUG);
}

/*
 * A device decodes an access by its first byte: the whole goes to it as long as its region has the
 * other bytes too, whatever else overlaps them (port 0xcf9 within a dword write to 0xcf8).
 */
static bool span_takes(const TnMemorySpan *span, unsigned size)
{
    if (span->length >= size)
        return true;
    return span->region && !span->host && span->offset + size <= tn_region_size(span->region);
}

TnMemResult tn_memory_load(TnAddressSpace *as, uint64_t addr, unsigned size, uint64_t *value,
                           uint32_t attrs)
{
    TnMemResult result;
    TnMemorySpan span;
    rcu_read_lock();
    space_lookup(as, addr, &span);
    if (!span_takes(&span, size)) {
        uint64_t bytes = 0;
        result = tn_memory_read(as, addr, &bytes, size, attrs);
        *value = GUINT64_FROM_LE(bytes);
    } else if (span.region) {
        result = tn_region_load(span.region, span.offset, size, value, attrs);
    } else {
        *value = dma_ones(size);
        result = TN_MEM_UNASSIGNED;
    }
    rcu_read_unlock();
    return result;
}

TnMemResult tn_memory_store(TnAddressSpace *as, uint64_t addr, unsigned size, uint64_t value,
                            uint32_t attrs)
{
    TnMemResult result;
    TnMemorySpan span;
    rcu_read_lock();
    space_lookup(as, addr, &span);
    if (!span_takes(&span, size)) {
        uint64_t bytes = GUINT64_TO_LE(value);
        result = tn_memory_write(as, addr, &bytes, size, attrs);
    } else if (!span.region) {
        result = TN_MEM_UNASSIGNED;
    } else if (span_drops_stores(&span, attrs)) {
        result = TN_MEM_OK;
    } else {
        result = tn_region_store(span.region, span.offset, size, value, attrs);
    }
    rcu_read_unlock();
    return result;
}

/* ---- Spans ------------------------------------------------------------------------------- */

/* The widest access that is aligned, fits, and that the device takes from a bus master. */
static unsigned dma_width(const TnRegion *region, uint64_t offset, uint64_t left)
{
    unsigned width = MIN(region->ops.valid_max, region->ops.impl_max);
    while (width > 1 && (width > left || (offset & (width - 1)))) {
        width /= 2;
    }
    return width;
}

static TnMemResult dma_read_device(const TnMemorySpan *span, uint8_t *buf, uint64_t n,
                                   uint32_t attrs)
{
    TnMemResult result = TN_MEM_OK;
    for (uint64_t done = 0; done < n;) {
        uint64_t value;
        unsigned width = dma_width(span->region, span->offset + done, n - done);
        result |= tn_region_load(span->region, span->offset + done, width, &value, attrs);
        value = GUINT64_TO_LE(value);
        memcpy(buf + done, &value, width);
        done += width;
    }
    return result;
}

static TnMemResult dma_write_device(const TnMemorySpan *span, const uint8_t *buf, uint64_t n,
                                    uint32_t attrs)
{
    TnMemResult result = TN_MEM_OK;
    for (uint64_t done = 0; done < n;) {
        uint64_t value = 0;
        unsigned width = dma_width(span->region, span->offset + done, n - done);
        memcpy(&value, buf + done, width);
        result |= tn_region_store(span->region, span->offset + done, width, GUINT64_FROM_LE(value),
                                  attrs);
        done += width;
    }
    return result;
}

static bool dma_is_word(const void *host, uint64_t n)
{
    return n <= DMA_WORD && !(n & (n - 1)) && !((uintptr_t)host & (n - 1));
}

/* Words go as one access: a guest polls ring indices while they are written. */
#define DMA_STORE(type_, to_, from_) \
    do { \
        type_ word_; \
        memcpy(&word_, (from_), sizeof(word_)); \
        __atomic_store_n((type_ *)(to_), word_, __ATOMIC_RELEASE); \
    } while (0)
#define DMA_LOAD(type_, to_, from_) \
    do { \
        type_ word_ = __atomic_load_n((type_ *)(from_), __ATOMIC_ACQUIRE); \
        memcpy((to_), &word_, sizeof(word_)); \
    } while (0)

static void dma_copy_in(const TnMemorySpan *span, const uint8_t *buf, uint64_t n)
{
    switch (dma_is_word(span->host, n) ? n : 0) {
    case 2:
        DMA_STORE(uint16_t, span->host, buf);
        break;
    case 4:
        DMA_STORE(uint32_t, span->host, buf);
        break;
    case 8:
        DMA_STORE(uint64_t, span->host, buf);
        break;
    default:
        memcpy(span->host, buf, n);
    }
}

static void dma_copy_out(const TnMemorySpan *span, uint8_t *buf, uint64_t n)
{
    switch (dma_is_word(span->host, n) ? n : 0) {
    case 2:
        DMA_LOAD(uint16_t, buf, span->host);
        break;
    case 4:
        DMA_LOAD(uint32_t, buf, span->host);
        break;
    case 8:
        DMA_LOAD(uint64_t, buf, span->host);
        break;
    default:
        memcpy(buf, span->host, n);
    }
}

static TnMemResult dma_read_span(const TnMemorySpan *span, uint8_t *buf, uint64_t n, uint32_t attrs)
{
    if (span->host) {
        dma_copy_out(span, buf, n);
        return TN_MEM_OK;
    }
    if (span->region) {
        return dma_read_device(span, buf, n, attrs);
    }
    memset(buf, 0xff, n);
    return TN_MEM_UNASSIGNED;
}

static TnMemResult dma_write_span(const TnMemorySpan *span, const uint8_t *buf, uint64_t n,
                                  uint32_t attrs)
{
    if (!span->region) {
        return TN_MEM_UNASSIGNED;
    }
    if (span->host && (span->writable || (attrs & TN_MEM_ATTR_DEBUG))) {
        dma_copy_in(span, buf, n);
        tn_ram_written(span->region, span->offset, n);
        return TN_MEM_OK;
    }
    return span_drops_stores(span, attrs) ? TN_MEM_OK : dma_write_device(span, buf, n, attrs);
}

TnMemResult tn_memory_read(TnAddressSpace *as, uint64_t addr, void *buf, uint64_t n, uint32_t attrs)
{
    TnMemResult result = TN_MEM_OK;
    uint8_t *to = buf;
    rcu_read_lock();
    while (n) {
        TnMemorySpan span;
        space_lookup(as, addr, &span);
        uint64_t part = MIN(span.length, n);
        result |= dma_read_span(&span, to, part, attrs);
        addr += part;
        to += part;
        n -= part;
    }
    rcu_read_unlock();
    return result;
}

TnMemResult tn_memory_write(TnAddressSpace *as, uint64_t addr, const void *buf, uint64_t n,
                            uint32_t attrs)
{
    TnMemResult result = TN_MEM_OK;
    const uint8_t *from = buf;
    rcu_read_lock();
    while (n) {
        TnMemorySpan span;
        space_lookup(as, addr, &span);
        uint64_t part = MIN(span.length, n);
        result |= dma_write_span(&span, from, part, attrs);
        addr += part;
        from += part;
        n -= part;
    }
    rcu_read_unlock();
    return result;
}

/* Memory of any kind is written, a ROM device's too, whatever its mode; devices are left alone. */
static TnMemResult rom_write_span(const TnMemorySpan *span, const uint8_t *buf, uint64_t n)
{
    if (!span->region || !span->region->ram) {
        return span->region ? TN_MEM_ERROR : TN_MEM_UNASSIGNED;
    }
    memcpy(span->region->ram->host + span->offset, buf, n);
    tn_ram_written(span->region, span->offset, n);
    return TN_MEM_OK;
}

TnMemResult tn_memory_write_rom(TnAddressSpace *as, uint64_t addr, const void *buf, uint64_t n)
{
    TnMemResult result = TN_MEM_OK;
    const uint8_t *from = buf;
    rcu_read_lock();
    while (n) {
        TnMemorySpan span;
        space_lookup(as, addr, &span);
        uint64_t part = MIN(span.length, n);
        result |= rom_write_span(&span, from, part);
        addr += part;
        from += part;
        n -= part;
    }
    rcu_read_unlock();
    return result;
}

TnMemResult tn_memory_set(TnAddressSpace *as, uint64_t addr, uint8_t byte, uint64_t n,
                          uint32_t attrs)
{
    TnMemResult result = TN_MEM_OK;
    uint8_t fill[DMA_FILL];
    memset(fill, byte, sizeof(fill));
    while (n) {
        uint64_t part = MIN(n, sizeof(fill));
        result |= tn_memory_write(as, addr, fill, part, attrs);
        addr += part;
        n -= part;
    }
    return result;
}
