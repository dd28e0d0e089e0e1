/* SPDX-License-Identifier: MIT */
/*
 * The soft MMU as the rest of the translator sees it: the inline probe, the fill, and what the
 * block cache asks of it.
 */
#ifndef TN_TRANSLATE_SOFTMMU_H
#define TN_TRANSLATE_SOFTMMU_H

#include "tenon/internal/target.h"

static inline uint64_t tn_page_of(uint64_t addr)
{
    return addr & ~(uint64_t)(TN_PAGE_SIZE - 1);
}

static inline unsigned tn_page_offset(uint64_t addr)
{
    return (unsigned)addr & (TN_PAGE_SIZE - 1);
}

static inline unsigned tn_tlb_index(uint64_t vaddr)
{
    return (unsigned)(vaddr >> TN_PAGE_BITS) & (TN_TLB_SIZE - 1);
}

static inline TnTlbEntry *tn_tlb_entry(TnCpu *cpu, unsigned mode, uint64_t vaddr)
{
    return &tn_cpu_tlb(cpu, mode)->entry[tn_tlb_index(vaddr)];
}

/* Write tags are changed by other threads (code tracking), so they are read as atomics. */
static inline uint64_t tn_tlb_tag(const uint64_t *tag)
{
    return __atomic_load_n(tag, __ATOMIC_RELAXED);
}

static inline bool tn_within_page(uint64_t vaddr, unsigned size)
{
    return tn_page_offset(vaddr) + size <= TN_PAGE_SIZE;
}

/* The host address of plain RAM for an access, or NULL when a slow path has to decide. */
static inline void *tn_tlb_probe_read(TnCpu *cpu, unsigned mode, uint64_t vaddr, unsigned size)
{
    const TnTlbEntry *e = tn_tlb_entry(cpu, mode, vaddr);
    if (TN_LIKELY(e->read == tn_page_of(vaddr) && tn_within_page(vaddr, size)))
        return (void *)(uintptr_t)(vaddr + e->addend);
    return NULL;
}

static inline void *tn_tlb_probe_write(TnCpu *cpu, unsigned mode, uint64_t vaddr, unsigned size)
{
    const TnTlbEntry *e = tn_tlb_entry(cpu, mode, vaddr);
    if (TN_LIKELY(tn_tlb_tag(&e->write) == tn_page_of(vaddr) && tn_within_page(vaddr, size)))
        return (void *)(uintptr_t)(vaddr + e->addend);
    return NULL;
}

#endif
