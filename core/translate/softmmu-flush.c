/* SPDX-License-Identifier: MIT */
/*
 * Dropping soft TLB entries. Each TLB has a bitmap of entries in use, so a flush costs what was
 * filled since the last one. The jump cache goes along.
 */
#include <string.h>

#include "translate/softmmu.h"

#include "translate/jump-cache.h"

/* One word of the bitmaps, of which other threads read `used`. */
static void forget_bits(TnTlb *tlb, unsigned word, uint64_t bits)
{
    __atomic_store_n(&tlb->used[word], tlb->used[word] & ~bits, __ATOMIC_RELAXED);
    tlb->global[word] &= ~bits;
}

static void clear_entry(TnTlb *tlb, unsigned i)
{
    TnTlbEntry *e = &tlb->entry[i];
    __atomic_store_n(&e->write, UINT64_MAX, __ATOMIC_RELAXED);
    e->read = UINT64_MAX;
    e->fetch = UINT64_MAX;
}

static void clear_bits(TnTlb *tlb, unsigned word, uint64_t bits)
{
    if (!bits)
        return;
    for (uint64_t left = bits; left; left &= left - 1)
        clear_entry(tlb, word * 64 + (unsigned)__builtin_ctzll(left));
    forget_bits(tlb, word, bits);
}

/* ---- Whole spaces ------------------------------------------------------------------------ */

static void space_flush(TnCpu *cpu, TnTlbSpace *space, bool global)
{
    if (!space->tlb)
        return;
    for (unsigned mode = 0; mode < cpu->target->n_mmu_modes; mode++) {
        TnTlb *tlb = &space->tlb[mode];
        for (unsigned w = 0; w < TN_TLB_SIZE / 64; w++)
            clear_bits(tlb, w, tlb->used[w] & ~(global ? 0 : tlb->global[w]));
    }
    space->asid = tn_tlb_new_asid(cpu);
}

void tn_tlb_flush(TnCpu *cpu)
{
    TnCpuPrivate *p = cpu->priv;

    p->stats.tlb_flushes++;
    for (unsigned i = 0; i < TN_TLB_SPACES; i++)
        space_flush(cpu, &p->space[i], true);
    p->global_asid = tn_tlb_new_asid(cpu);
    p->large = (TnTlbLarge){ .sizes = 0 };
    p->global_halves = 0;
    tn_tlb_sites_close(cpu, true);
    tn_jump_flush(cpu);
}

void tn_tlb_flush_space(TnCpu *cpu, uint32_t tag)
{
    TnTlbSpace *space = tn_tlb_space_find(cpu, tag);

    if (!space)
        return;
    cpu->priv->stats.space_flushes++;
    space_flush(cpu, space, false);
    tn_tlb_sites_close(cpu, false);
    tn_jump_flush_local(cpu, space);
    if (space == cpu->priv->in_force)
        tn_jump_flush_local(cpu, NULL);
}

void tn_tlb_flush_spaces(TnCpu *cpu)
{
    cpu->priv->stats.space_flushes++;
    tn_tlb_sites_close(cpu, false);
    for (unsigned i = 0; i < TN_TLB_SPACES; i++) {
        space_flush(cpu, &cpu->priv->space[i], false);
        tn_jump_flush_local(cpu, &cpu->priv->space[i]);
    }
    tn_jump_flush_local(cpu, NULL);
}

/* It may be a store of the running block that changed the map. Links within a page assume that the
 * page stays where it is: the next look at the request leaves. */
void tn_tlb_flush_everything(TnCpu *cpu)
{
    tn_phys_forget(cpu);
    tn_tlb_flush(cpu);
    atomic_store_explicit(&cpu->exit_request, 1, memory_order_relaxed);
}

/* ---- One page ---------------------------------------------------------------------------- */

/* True where the entry translates an address in the guest page, of whatever size, that holds vaddr. */
static bool entry_has(const TnTlb *tlb, unsigned i, uint64_t vaddr)
{
    const TnTlbEntry *e = &tlb->entry[i];
    uint64_t tag = e->read != UINT64_MAX ? e->read : e->fetch != UINT64_MAX ? e->fetch : e->write;
    unsigned bits = tlb->slow[i].prot >> TN_SLOW_PAGE_BITS_SHIFT & 0xff;

    return (tag ^ vaddr) >> MAX(bits, (unsigned)TN_PAGE_BITS) == 0;
}

/* Entries [first, first + n), whose bits fill a word or lie in one. */
static void drop_range(TnTlb *tlb, unsigned first, unsigned n, uint64_t vaddr, bool global)
{
    for (unsigned w = first / 64; w * 64 < first + n; w++) {
        uint64_t in = n >= 64 ? UINT64_MAX : (UINT64_MAX >> (64 - n)) << (first % 64), drop = 0;
        in &= tlb->used[w] & (global ? tlb->global[w] : ~tlb->global[w]);
        for (; in; in &= in - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(in);
            if (entry_has(tlb, w * 64 + bit, vaddr))
                drop |= UINT64_C(1) << bit;
        }
        clear_bits(tlb, w, drop);
    }
}

/* The entries that a page of 2^bits bytes may be in. */
static void drop_pages(TnTlb *tlb, uint64_t vaddr, unsigned bits, bool global)
{
    unsigned n = bits - TN_PAGE_BITS >= TN_TLB_BITS ? TN_TLB_SIZE : 1u << (bits - TN_PAGE_BITS);
    drop_range(tlb, tn_tlb_index(vaddr) & ~(n - 1), n, vaddr, global);
}

/* `large`: sizes of pages that may be there besides. */
static void space_drop(TnCpu *cpu, TnTlbSpace *space, uint64_t vaddr, uint32_t large, bool global)
{
    unsigned i = tn_tlb_index(vaddr);

    if (!space->tlb)
        return;
    for (unsigned mode = 0; mode < cpu->target->n_mmu_modes; mode++) {
        TnTlb *tlb = &space->tlb[mode];

        if (tlb->used[i / 64] >> i % 64 & 1)
            drop_range(tlb, i, 1, vaddr, global);
        for (uint32_t sizes = large; sizes; sizes &= sizes - 1)
            drop_pages(tlb, vaddr, (unsigned)__builtin_ctz(sizes), global);
    }
}

void tn_tlb_flush_page(TnCpu *cpu, uint64_t vaddr, uint32_t tag, bool global)
{
    TnCpuPrivate *p = cpu->priv;
    TnTlbSpace *space = tn_tlb_space_find(cpu, tag);
    uint32_t large = tn_tlb_large_at(cpu, vaddr);

    p->stats.page_flushes++;
    if (space) {
        space_drop(cpu, space, vaddr, large, false);
        tn_tlb_second_drop(cpu, vaddr, large, space->asid);
    }
    if (global && (p->global_halves & tn_tlb_half(vaddr))) {
        for (unsigned i = 0; i < TN_TLB_SPACES; i++)
            space_drop(cpu, &p->space[i], vaddr, large, true);
        tn_tlb_second_drop(cpu, vaddr, large, p->global_asid);
    }
    tn_tlb_sites_close_page(cpu, vaddr);
    tn_jump_flush_page(cpu, vaddr);
}

/* ---- Other threads ----------------------------------------------------------------------- */

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

static void watch_tlb(TnTlb *tlb, void *data)
{
    for (unsigned w = 0; w < TN_TLB_SIZE / 64; w++) {
        uint64_t used = __atomic_load_n(&tlb->used[w], __ATOMIC_SEQ_CST);
        for (; used; used &= used - 1) {
            TnTlbEntry *e = &tlb->entry[w * 64 + (unsigned)__builtin_ctzll(used)];
            uint64_t tag = tn_tlb_tag(&e->write);
            if (tag != UINT64_MAX && !(tag & TN_TLB_SLOW_IO))
                __atomic_compare_exchange_n(&e->write, &tag, tag | TN_TLB_SLOW_DIRTY, false,
                                            __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
        }
    }
}

void tn_tlb_watch_log(void)
{
    tn_tlb_each(watch_tlb, NULL);
}
