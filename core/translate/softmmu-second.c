/* SPDX-License-Identifier: MIT */
/*
 * The second level of the soft TLB: what page walks found, by address space, so that a first level
 * that is too small, or was emptied of global pages, fills without a walk. A large guest page is
 * one entry here however many it has in the first level.
 *
 * Two entries make a set, one for user code's mode and one for all others: the MMU modes of a kernel
 * differ in what they may do with user pages alone and seldom meet at one page.
 */
#include "translate/softmmu.h"

#include "translate/translator.h"

enum {
    KEY_SIZE_SHIFT = 4,  /* log2 of the page's size; the MMU mode is below */
    LARGE_FIRST = 21,    /* the smallest large page */
    LARGE_SECOND = 22,
    LARGE_THIRD = 30,
};

static uint64_t key_of(uint64_t vaddr, unsigned bits, unsigned mode)
{
    return vaddr >> bits << bits | bits << KEY_SIZE_SHIFT | mode;
}

static TnTlbSecond *entry_of(const TnCpu *cpu, uint64_t vaddr, unsigned bits, unsigned mode,
                             uint32_t asid)
{
    uint64_t set = vaddr >> bits ^ asid * UINT64_C(0x9e3779b1) ^ bits;
    return &cpu->priv->second[(set << 1 | (mode == TN_MMU_USER)) & (TN_TLB_SECOND_SIZE - 1)];
}

/* ---- Large pages ------------------------------------------------------------------------- */

static unsigned size_class(unsigned bits)
{
    return bits < LARGE_SECOND ? 0 : bits < LARGE_THIRD ? 1 : 2;
}

/* Filters go by the smallest size of their class. A kernel's map of all memory must not fill one. */
static unsigned filter_bit(uint64_t vaddr, unsigned class)
{
    static const uint8_t shift[] = { LARGE_FIRST, LARGE_SECOND, LARGE_THIRD };
    uint64_t page = vaddr >> shift[class];
    return (unsigned)(page ^ page >> TN_TLB_LARGE_BITS) & ((1u << TN_TLB_LARGE_BITS) - 1);
}

static void met_large(TnCpu *cpu, uint64_t vaddr, unsigned bits)
{
    TnTlbLarge *large = &cpu->priv->large;
    unsigned class = size_class(bits);
    static const uint8_t shift[] = { LARGE_FIRST, LARGE_SECOND, LARGE_THIRD };
    uint64_t base = vaddr >> bits << bits;

    large->sizes |= 1u << bits;
    for (uint64_t at = 0; at < UINT64_C(1) << bits; at += UINT64_C(1) << shift[class]) {
        unsigned bit = filter_bit(base + at, class);
        large->met[class][bit / 64] |= UINT64_C(1) << (bit % 64);
    }
}

uint32_t tn_tlb_large_at(const TnCpu *cpu, uint64_t vaddr)
{
    const TnTlbLarge *large = &cpu->priv->large;
    uint32_t met = 0;

    for (uint32_t sizes = large->sizes; sizes; sizes &= sizes - 1) {
        unsigned class = size_class((unsigned)__builtin_ctz(sizes));
        unsigned bit = filter_bit(vaddr, class);

        if (large->met[class][bit / 64] >> (bit % 64) & 1)
            met |= sizes & -sizes;
    }
    return met;
}

/* ---- Entries ----------------------------------------------------------------------------- */

static bool find(const TnCpu *cpu, uint64_t vaddr, unsigned bits, unsigned mode, uint32_t want,
                 TnTlbFill *fill)
{
    uint32_t asids[] = { cpu->priv->in_force->asid, cpu->priv->global_asid };

    for (unsigned i = 0; i < G_N_ELEMENTS(asids); i++) {
        const TnTlbSecond *e = entry_of(cpu, vaddr, bits, mode, asids[i]);
        if (e->key != key_of(vaddr, bits, mode) || e->asid != asids[i] || !(e->prot & want))
            continue;
        uint64_t offset = tn_page_of(vaddr) & ((UINT64_C(1) << bits) - 1);
        *fill = (TnTlbFill){ .paddr = e->paddr + offset, .prot = e->prot, .attrs = e->attrs,
                             .page_bits = (uint8_t)bits, .global = e->global };
        return true;
    }
    return false;
}

bool tn_tlb_second_find(TnCpu *cpu, uint64_t vaddr, TnAccess access, unsigned mode, TnTlbFill *fill)
{
    static const uint8_t prot[] = { [TN_ACCESS_READ] = TN_PROT_READ,
                                    [TN_ACCESS_WRITE] = TN_PROT_WRITE,
                                    [TN_ACCESS_FETCH] = TN_PROT_EXEC };

    if (!(tn_translator.options.opt & TN_OPT_TLB_SECOND))
        return false;
    for (uint32_t sizes = tn_tlb_large_at(cpu, vaddr); sizes; sizes &= sizes - 1) {
        if (find(cpu, vaddr, (unsigned)__builtin_ctz(sizes), mode, prot[access], fill))
            return true;
    }
    return find(cpu, vaddr, TN_PAGE_BITS, mode, prot[access], fill);
}

void tn_tlb_second_add(TnCpu *cpu, uint64_t vaddr, unsigned mode, const TnTlbFill *fill)
{
    unsigned bits = MAX(fill->page_bits, (unsigned)TN_PAGE_BITS);
    uint64_t offset = tn_page_of(vaddr) & ((UINT64_C(1) << bits) - 1);
    uint32_t asid = fill->global ? cpu->priv->global_asid : cpu->priv->in_force->asid;

    if (bits > TN_PAGE_BITS)
        met_large(cpu, vaddr, bits);
    if (!(tn_translator.options.opt & TN_OPT_TLB_SECOND) || fill->scattered)
        return;
    *entry_of(cpu, vaddr, bits, mode, asid) = (TnTlbSecond){
        .key = key_of(vaddr, bits, mode), .paddr = tn_page_of(fill->paddr) - offset,
        .asid = asid, .attrs = fill->attrs, .prot = (uint8_t)fill->prot, .global = fill->global };
}

static void drop_size(TnCpu *cpu, uint64_t vaddr, unsigned bits, uint32_t asid)
{
    for (unsigned mode = 0; mode < cpu->target->n_mmu_modes; mode++) {
        TnTlbSecond *e = entry_of(cpu, vaddr, bits, mode, asid);
        if (e->key == key_of(vaddr, bits, mode) && e->asid == asid)
            e->key = 0;
    }
}

void tn_tlb_second_drop(TnCpu *cpu, uint64_t vaddr, uint32_t large, uint32_t asid)
{
    drop_size(cpu, vaddr, TN_PAGE_BITS, asid);
    for (; large; large &= large - 1)
        drop_size(cpu, vaddr, (unsigned)__builtin_ctz(large), asid);
}
