/* SPDX-License-Identifier: MIT */
/*
 * Physical memory as a vCPU sees it, for page walks. A small cache of host addresses per vCPU
 * keeps walks away from the memory bus; it is emptied with every change of the memory map.
 */
#include "translate/softmmu.h"

#include "cpu/cpu-private.h"
#include "memory/memory-internal.h"
#include "translate/code-pages.h"

/* Host memory of n bytes at a physical address, writable RAM for `write`; NULL for anything else. */
static void *phys_host(TnCpu *cpu, uint64_t paddr, unsigned n, uint32_t attrs, bool write)
{
    uint64_t page = tn_page_of(paddr);
    TnPhysCacheEntry *e = &cpu->priv->phys_cache[(page >> TN_PAGE_BITS) % TN_PHYS_CACHE_SIZE];
    TnMemorySpan span;

    if (!tn_within_page(paddr, n))
        return NULL;
    if (e->page != (page | 1) || e->attrs != attrs) {
        tn_memory_lookup(tn_mmu_space(cpu, attrs), page, attrs, &span);
        if (!tn_span_is_page(&span))
            return NULL;
        if (!span.writable)
            return write ? NULL : span.host + tn_page_offset(paddr);
        *e = (TnPhysCacheEntry){ .page = page | 1, .attrs = attrs, .host = span.host,
                                 .region = span.region, .offset = span.offset };
    }
    return e->host + tn_page_offset(paddr);
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

/* A walk has set A or D in a page table. */
static void phys_written(TnCpu *cpu, uint64_t paddr, void *host, unsigned size)
{
    uint64_t page = paddr >> TN_PAGE_BITS;
    const TnPhysCacheEntry *e = &cpu->priv->phys_cache[page % TN_PHYS_CACHE_SIZE];

    tn_code_after_store(host, size);
    tn_region_written(e->region, e->offset + tn_page_offset(paddr), size);
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
