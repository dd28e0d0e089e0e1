/* SPDX-License-Identifier: MIT */
/*
 * Dropping soft TLB entries. Each TLB has a bitmap of entries in use, so a flush costs what was
 * filled since the last one. The jump cache goes along: its entries are right for a mapping.
 */
#include <string.h>

#include "translate/softmmu.h"

#include "cpu/cpu-private.h"
#include "translate/jump-cache.h"
#include "translate/translator.h"

static void clear_entry(TnTlb *tlb, unsigned i)
{
    TnTlbEntry *e = &tlb->entry[i];
    __atomic_store_n(&e->write, UINT64_MAX, __ATOMIC_RELAXED);
    e->read = UINT64_MAX;
    e->fetch = UINT64_MAX;
    e->addend = 0;
}

void tn_tlb_init(TnCpu *cpu)
{
    for (unsigned mode = 0; mode < cpu->target->n_mmu_modes; mode++) {
        for (unsigned i = 0; i < TN_TLB_SIZE; i++)
            clear_entry(tn_cpu_tlb(cpu, mode), i);
    }
}

/* Decides about one entry in use: true drops it. */
typedef bool (*DropFn)(const TnTlbEntry *e, const TnTlbSlow *slow, uint64_t vaddr);

static bool drop_all(const TnTlbEntry *e, const TnTlbSlow *slow, uint64_t vaddr)
{
    return true;
}

static bool drop_non_global(const TnTlbEntry *e, const TnTlbSlow *slow, uint64_t vaddr)
{
    return !(slow->prot & TN_SLOW_GLOBAL);
}

/* Entries of the guest page, which may be larger than ours, that holds vaddr. */
static bool drop_page(const TnTlbEntry *e, const TnTlbSlow *slow, uint64_t vaddr)
{
    uint64_t tag = e->read != UINT64_MAX ? e->read : e->fetch != UINT64_MAX ? e->fetch : e->write;
    unsigned bits = slow->prot >> TN_SLOW_PAGE_BITS_SHIFT & 0xff;
    return (tag ^ vaddr) >> MAX(bits, (unsigned)TN_PAGE_BITS) == 0;
}

static void flush_mode(TnCpu *cpu, unsigned mode, DropFn drop, uint64_t vaddr)
{
    uint64_t *used = cpu->priv->tlb_used[mode];
    TnTlb *tlb = tn_cpu_tlb(cpu, mode);

    for (unsigned w = 0; w < TN_TLB_SIZE / 64; w++) {
        for (uint64_t bits = used[w]; bits; bits &= bits - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(bits), i = w * 64 + bit;
            if (!drop(&tlb->entry[i], &tlb->slow[i], vaddr))
                continue;
            clear_entry(tlb, i);
            used[w] &= ~(UINT64_C(1) << bit);
        }
    }
}

static void flush_modes(TnCpu *cpu, uint32_t modes, DropFn drop, uint64_t vaddr)
{
    for (unsigned mode = 0; mode < cpu->target->n_mmu_modes; mode++) {
        if (modes & 1u << mode)
            flush_mode(cpu, mode, drop, vaddr);
    }
}

void tn_tlb_flush(TnCpu *cpu, uint32_t modes)
{
    flush_modes(cpu, modes, drop_all, 0);
    tn_jump_flush(cpu);
}

void tn_tlb_flush_non_global(TnCpu *cpu, uint32_t modes)
{
    flush_modes(cpu, modes, drop_non_global, 0);
    tn_jump_flush_local(cpu);
}

void tn_tlb_flush_page(TnCpu *cpu, uint64_t vaddr, uint32_t modes)
{
    flush_modes(cpu, modes, drop_page, vaddr);
    tn_jump_flush_page(cpu, vaddr);
}

/* It may be a store of the running block that changed the map. Links within a page assume that the
 * page stays where it is: the next look at the request leaves. */
void tn_tlb_flush_everything(TnCpu *cpu)
{
    memset(cpu->priv->phys_cache, 0, sizeof(cpu->priv->phys_cache));
    tn_tlb_flush(cpu, UINT32_MAX);
    atomic_store_explicit(&cpu->exit_request, 1, memory_order_relaxed);
}

void tn_tlb_flush_pending(TnCpu *cpu)
{
    if (atomic_exchange(&cpu->priv->flush_pending, false))
        tn_tlb_flush_everything(cpu);
}

void tn_tlb_flush_all_cpus(void)
{
    TnCpu *self = tn_cpu_current();
    for (unsigned i = 0; i < tn_cpu_count(); i++) {
        TnCpu *cpu = tn_cpu_at(i);
        if (cpu == self) {
            tn_tlb_flush_everything(cpu);
            continue;
        }
        atomic_store(&cpu->priv->flush_pending, true);
        tn_cpu_kick(cpu);
    }
}

static void watch_tlb(TnTlb *tlb)
{
    for (unsigned i = 0; i < TN_TLB_SIZE; i++) {
        uint64_t tag = tn_tlb_tag(&tlb->entry[i].write);
        if (tag != UINT64_MAX && !(tag & TN_TLB_SLOW_IO))
            __atomic_compare_exchange_n(&tlb->entry[i].write, &tag, tag | TN_TLB_SLOW_DIRTY, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    }
}

void tn_tlb_watch_log(void)
{
    for (unsigned i = 0; i < tn_cpu_count(); i++) {
        TnCpu *cpu = tn_cpu_at(i);
        for (unsigned mode = 0; mode < cpu->target->n_mmu_modes; mode++)
            watch_tlb(tn_cpu_tlb(cpu, mode));
    }
}
