/* SPDX-License-Identifier: MIT */
/*
 * Physical memory as a vCPU sees it, for page walks and TLB fills. The spans of memory met last keep
 * them away from the memory bus; they are forgotten with every change of the memory map.
 */
#include <string.h>

#include "translate/softmmu.h"

#include "memory/memory-internal.h"
#include "translate/code-pages.h"

void tn_phys_forget(TnCpu *cpu)
{
    for (unsigned i = 0; i < TN_PHYS_RANGES; i++)
        cpu->priv->phys[i] = (TnPhysRange){ .first = 1, .last = 0 };
}

static bool range_has(const TnPhysRange *r, uint64_t paddr, uint32_t attrs)
{
    return r->first <= paddr && paddr <= r->last && r->attrs == attrs;
}

/* Puts a range first; `i` is its place, or that of the one that gives way. */
static const TnPhysRange *to_front(TnCpu *cpu, unsigned i, TnPhysRange range)
{
    TnPhysRange *ranges = cpu->priv->phys;

    memmove(&ranges[1], &ranges[0], i * sizeof(ranges[0]));
    ranges[0] = range;
    return &ranges[0];
}

/* The bus tells what follows an address; a range that was met from its middle on grows down. */
static const TnPhysRange *range_look_up(TnCpu *cpu, uint64_t page, uint32_t attrs)
{
    TnMemorySpan span;
    unsigned i = 0;

    tn_memory_lookup(tn_mmu_space(cpu, attrs), page, attrs, &span);
    if (!tn_span_is_page(&span))
        return NULL;
    TnPhysRange range = { .first = page, .last = page + (span.length & -(uint64_t)TN_PAGE_SIZE) - 1,
                          .attrs = attrs, .writable = span.writable, .host = span.host,
                          .region = span.region, .offset = span.offset };
    while (i < TN_PHYS_RANGES - 1 && !range_has(&cpu->priv->phys[i], range.last, attrs))
        i++;
    return to_front(cpu, i, range);
}

static const TnPhysRange *range_of(TnCpu *cpu, uint64_t page, uint32_t attrs)
{
    const TnPhysRange *ranges = cpu->priv->phys;

    if (TN_LIKELY(range_has(&ranges[0], page, attrs)))
        return &ranges[0];
    for (unsigned i = 1; i < TN_PHYS_RANGES; i++) {
        if (range_has(&ranges[i], page, attrs))
            return to_front(cpu, i, ranges[i]);
    }
    return range_look_up(cpu, page, attrs);
}

bool tn_phys_span(TnCpu *cpu, uint64_t paddr, uint32_t attrs, TnMemorySpan *span)
{
    uint64_t page = tn_page_of(paddr);
    const TnPhysRange *r = range_of(cpu, page, attrs);

    if (!r)
        return false;
    *span = (TnMemorySpan){ .region = r->region, .offset = r->offset + (page - r->first),
                            .length = TN_PAGE_SIZE, .host = r->host + (page - r->first),
                            .writable = r->writable };
    return true;
}

bool tn_phys_reach(TnCpu *cpu, uint64_t paddr, uint32_t attrs, uint64_t *before, uint64_t *after)
{
    uint64_t page = tn_page_of(paddr);
    const TnPhysRange *r = range_of(cpu, page, attrs);

    if (!r)
        return false;
    *before = page - r->first;
    *after = r->last - page + 1;
    return true;
}

/* Host memory of n bytes at a physical address, writable RAM for `write`; NULL for anything else. */
static void *phys_host(TnCpu *cpu, uint64_t paddr, unsigned n, uint32_t attrs, bool write)
{
    const TnPhysRange *r = tn_within_page(paddr, n) ? range_of(cpu, tn_page_of(paddr), attrs) : NULL;

    return r && (r->writable || !write) ? r->host + (paddr - r->first) : NULL;
}

static uint64_t load_slow(TnCpu *cpu, uint64_t paddr, unsigned size, uint32_t attrs)
{
    uint64_t value = UINT64_MAX;
    tn_memory_load(tn_mmu_space(cpu, attrs), paddr, size, &value, attrs);
    return value;
}

uint32_t tn_phys_ld32(TnCpu *cpu, uint64_t paddr, uint32_t attrs)
{
    const uint32_t *host = phys_host(cpu, paddr, 4, attrs, false);
    return host ? __atomic_load_n(host, __ATOMIC_ACQUIRE)
                : (uint32_t)load_slow(cpu, paddr, 4, attrs);
}

uint64_t tn_phys_ld64(TnCpu *cpu, uint64_t paddr, uint32_t attrs)
{
    const uint64_t *host = phys_host(cpu, paddr, 8, attrs, false);
    return host ? __atomic_load_n(host, __ATOMIC_ACQUIRE) : load_slow(cpu, paddr, 8, attrs);
}

/* Page tables in ROM or in a device: no other vCPU can be walking them in earnest. */
static bool cas_slow(TnCpu *cpu, uint64_t paddr, unsigned size, uint64_t expect, uint64_t value,
                     uint32_t attrs)
{
    if (load_slow(cpu, paddr, size, attrs) != expect)
        return false;
    tn_memory_store(tn_mmu_space(cpu, attrs), paddr, size, value, attrs);
    return true;
}

/* A walk has set A or D in a page table, which is in the range used last. */
static void phys_written(TnCpu *cpu, uint64_t paddr, void *host, unsigned size)
{
    const TnPhysRange *r = &cpu->priv->phys[0];

    tn_code_after_store(host, size);
    tn_region_written(r->region, r->offset + (paddr - r->first), size);
}

bool tn_phys_cas32(TnCpu *cpu, uint64_t paddr, uint32_t expect, uint32_t value, uint32_t attrs)
{
    uint32_t *host = phys_host(cpu, paddr, 4, attrs, true);
    if (!host)
        return cas_slow(cpu, paddr, 4, expect, value, attrs);
    bool done = __atomic_compare_exchange_n(host, &expect, value, false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST);
    if (done)
        phys_written(cpu, paddr, host, 4);
    return done;
}

bool tn_phys_cas64(TnCpu *cpu, uint64_t paddr, uint64_t expect, uint64_t value, uint32_t attrs)
{
    uint64_t *host = phys_host(cpu, paddr, 8, attrs, true);
    if (!host)
        return cas_slow(cpu, paddr, 8, expect, value, attrs);
    bool done = __atomic_compare_exchange_n(host, &expect, value, false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST);
    if (done)
        phys_written(cpu, paddr, host, 8);
    return done;
}

void tn_phys_st32(TnCpu *cpu, uint64_t paddr, uint32_t value, uint32_t attrs)
{
    tn_memory_store(tn_mmu_space(cpu, attrs), paddr, 4, value, attrs);
}

void tn_phys_st64(TnCpu *cpu, uint64_t paddr, uint64_t value, uint32_t attrs)
{
    tn_memory_store(tn_mmu_space(cpu, attrs), paddr, 8, value, attrs);
}
