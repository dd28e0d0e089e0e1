/* SPDX-License-Identifier: MIT */
/*
 * Paging: linear to physical addresses.
 *
 * Intel SDM vol. 3A, chapter 4: 4.3 (32-bit), 4.4 (PAE), 4.5 (4-level and 5-level), 4.6 (access
 * rights), 4.7 (page-fault error codes), 4.8 (accessed and dirty flags), 4.10.4.1 (what a page fault
 * invalidates), 3.3.7.1 (canonical).
 */
#include "system.h"

enum {
    PTE_P = 1u << 0,
    PTE_W = 1u << 1,
    PTE_U = 1u << 2,
    PTE_A = 1u << 5,
    PTE_D = 1u << 6,
    PTE_PS = 1u << 7,
    PTE_G = 1u << 8,
    PTE_PK_SHIFT = 59,
    LEVEL_BITS = 9,
    LEVEL_BITS_32 = 10,
    PSE36_RESERVED = 1u << 21,
};
#define PTE_NX       (UINT64_C(1) << 63)
#define PTE_ADDRESS  UINT64_C(0x000ffffffffff000)
#define PTE_HIGH_PAE UINT64_C(0x7ff0000000000000) /* reserved in PAE paging, free in long mode */

/* One walk. */
typedef struct Walk {
    TnCpu *cpu;
    X86State *s;
    uint64_t vaddr;
    TnAccess access;
    bool user;   /* a user-mode access */
    bool nosmap; /* EFLAGS.AC lifts SMAP */
    bool probe;
    uint32_t attrs;
    uint64_t rights;   /* PTE_W, PTE_U and-ed over all levels; PTE_NX or-ed */
    uint64_t reserved; /* address bits that must be 0 */
} Walk;

/* What a walk may end in beside success. */
typedef enum WalkResult {
    WALK_OK,
    WALK_NOT_PRESENT,
    WALK_RESERVED,
    WALK_PROTECTION,
    WALK_KEY
} WalkResult;

static uint64_t paging_a20(const X86State *s, uint64_t paddr)
{
    return paddr & (~UINT64_C(0xffffffff) | s->a20_mask);
}

static uint64_t paging_reserved(const X86State *s)
{
    uint64_t reserved = PTE_ADDRESS & ~((UINT64_C(1) << s->model->phys_bits) - 1);
    if (!x86_long(s))
        reserved |= PTE_HIGH_PAE;
    return s->efer & EFER_NXE ? reserved : reserved | PTE_NX;
}

/* Sets A (and D) of an entry unless someone changed it meanwhile; false: read it again. */
static bool walk_mark64(const Walk *w, uint64_t paddr, uint64_t entry, uint64_t bits)
{
    if (w->probe || (entry & bits) == bits)
        return true;
    return tn_phys_cas64(w->cpu, paddr, entry, entry | bits, w->attrs);
}

static bool walk_mark32(const Walk *w, uint64_t paddr, uint32_t entry, uint32_t bits)
{
    if (w->probe || (entry & bits) == bits)
        return true;
    return tn_phys_cas32(w->cpu, paddr, entry, entry | bits, w->attrs);
}

/* Protection keys of user pages (4.6.2): what PKRU takes away. */
static uint32_t walk_key_prot(const Walk *w, uint64_t entry)
{
    const X86State *s = w->s;
    unsigned key = entry >> PTE_PK_SHIFT & 15;
    uint32_t bits = s->pkru >> key * 2 & 3;
    uint32_t denied = 0;

    if (!(s->cr4 & CR4_PKE) || !x86_long(s) || !(w->rights & PTE_U))
        return 0;
    if (bits & 1)
        denied |= TN_PROT_READ | TN_PROT_WRITE;
    if ((bits & 2) && (w->user || (s->cr0 & CR0_WP)))
        denied |= TN_PROT_WRITE;
    return denied;
}

/* Access rights by the rights of all levels (4.6.1). */
static uint32_t walk_prot(const Walk *w)
{
    const X86State *s = w->s;
    bool page_user = w->rights & PTE_U;
    bool writable = w->rights & PTE_W;
    bool executable = !(w->rights & PTE_NX) || !(s->efer & EFER_NXE);
    uint32_t prot = 0;

    if (w->user)
        return !page_user ? 0
                          : TN_PROT_READ | (writable ? TN_PROT_WRITE : 0) |
                                (executable ? TN_PROT_EXEC : 0);
    if (!page_user || !(s->cr4 & CR4_SMAP) || w->nosmap)
        prot |= TN_PROT_READ | (writable || !(s->cr0 & CR0_WP) ? TN_PROT_WRITE : 0);
    if (executable && !(page_user && (s->cr4 & CR4_SMEP)))
        prot |= TN_PROT_EXEC;
    return prot;
}

static const uint32_t access_prot[] = {
    [TN_ACCESS_READ] = TN_PROT_READ,
    [TN_ACCESS_WRITE] = TN_PROT_WRITE,
    [TN_ACCESS_FETCH] = TN_PROT_EXEC,
};

/* The leaf was found: rights, then fill. `dirty` says that D is set (or will be by this write). */
static WalkResult walk_leaf(const Walk *w, uint64_t entry, unsigned page_bits, uint64_t frame,
                            TnTlbFill *fill)
{
    uint32_t want = access_prot[w->access];
    uint32_t prot = walk_prot(w);
    uint64_t offset = w->vaddr & ((UINT64_C(1) << page_bits) - 1);

    if (!(prot & want))
        return WALK_PROTECTION;
    prot &= ~walk_key_prot(w, entry);
    if (!(prot & want))
        return WALK_KEY;
    if (!(entry & PTE_D) && w->access != TN_ACCESS_WRITE)
        prot &= ~(uint32_t)TN_PROT_WRITE;
    fill->prot = prot;
    fill->paddr = paging_a20(w->s, frame + (offset & ~(uint64_t)(TN_PAGE_SIZE - 1)));
    fill->page_bits = (uint8_t)page_bits;
    fill->global = (entry & PTE_G) && (w->s->cr4 & CR4_PGE);
    fill->scattered = w->s->a20_mask != UINT32_MAX;
    return WALK_OK;
}

static uint64_t walk_leaf_marks(const Walk *w)
{
    return w->access == TN_ACCESS_WRITE ? PTE_A | PTE_D : PTE_A;
}

/*
 * From an entry of level `level` (1: page table) down, tables of 512 entries of 8 bytes. `table` is
 * the physical address of the level's table.
 */
static WalkResult walk_tables(Walk *w, uint64_t table, unsigned level, TnTlbFill *fill)
{
    for (;;) {
        unsigned shift = TN_PAGE_BITS + LEVEL_BITS * (level - 1);
        uint64_t paddr = paging_a20(w->s, table + (w->vaddr >> shift & 0x1ff) * 8);
        uint64_t entry = tn_phys_ld64(w->cpu, paddr, w->attrs);
        uint64_t reserved = w->reserved;
        uint64_t rights = w->rights;
        bool leaf = level == 1;

        if (!(entry & PTE_P))
            return WALK_NOT_PRESENT;
        if (level > 1 && (entry & PTE_PS)) {
            leaf = level == 2 || (level == 3 && x86_has_feature(w->s, X86_FEATURE_PDPE1GB));
            reserved |= leaf ? ((UINT64_C(1) << shift) - 1) & ~UINT64_C(0x1fff) : PTE_PS;
        }
        if (entry & reserved)
            return WALK_RESERVED;
        w->rights = (rights & (entry | ~(uint64_t)(PTE_W | PTE_U))) | (entry & PTE_NX);
        if (leaf) {
            uint64_t frame = entry & PTE_ADDRESS & ~((UINT64_C(1) << shift) - 1);
            WalkResult result = walk_leaf(w, entry, shift, frame, fill);
            if (result != WALK_OK || walk_mark64(w, paddr, entry, walk_leaf_marks(w)))
                return result;
        } else if (walk_mark64(w, paddr, entry, PTE_A)) {
            table = entry & PTE_ADDRESS;
            level--;
            continue;
        }
        w->rights = rights;
    }
}

/* PAE paging starts at a PDPTE register, which has no rights (4.4.1). */
static WalkResult walk_pae(Walk *w, TnTlbFill *fill)
{
    uint64_t entry = w->s->pdpte[w->vaddr >> 30 & 3];

    if (!(entry & PTE_P))
        return WALK_NOT_PRESENT;
    return walk_tables(w, entry & PTE_ADDRESS, 2, fill);
}

/* The frame of a 4 MiB page: PSE-36 gives bits 39:32 (4.3, table 4-4). */
static WalkResult walk_large32(const Walk *w, uint32_t entry, uint64_t *frame)
{
    uint64_t high = entry >> 13 & 0xff;

    if (!x86_has_feature(w->s, X86_FEATURE_PSE36))
        high = 0;
    if ((entry & PSE36_RESERVED) || (high << 32) >> w->s->model->phys_bits)
        return WALK_RESERVED;
    *frame = high << 32 | (entry & 0xffc00000);
    return WALK_OK;
}

static WalkResult walk_table32(Walk *w, uint32_t pde, TnTlbFill *fill)
{
    uint64_t paddr = paging_a20(w->s, (pde & 0xfffff000) + (w->vaddr >> 12 & 0x3ff) * 4);

    for (;;) {
        uint32_t entry = tn_phys_ld32(w->cpu, paddr, w->attrs);
        if (!(entry & PTE_P))
            return WALK_NOT_PRESENT;
        w->rights = pde & entry & (PTE_W | PTE_U);
        WalkResult result = walk_leaf(w, entry, TN_PAGE_BITS, entry & 0xfffff000, fill);
        if (result != WALK_OK || walk_mark32(w, paddr, entry, (uint32_t)walk_leaf_marks(w)))
            return result;
    }
}

static WalkResult walk_32(Walk *w, TnTlbFill *fill)
{
    uint64_t table = w->s->cr3 & 0xfffff000;
    uint64_t paddr = paging_a20(w->s, table + (w->vaddr >> 22 & 0x3ff) * 4);

    for (;;) {
        uint32_t entry = tn_phys_ld32(w->cpu, paddr, w->attrs);
        if (!(entry & PTE_P))
            return WALK_NOT_PRESENT;
        if (!(entry & PTE_PS) || !(w->s->cr4 & CR4_PSE)) {
            if (walk_mark32(w, paddr, entry, PTE_A))
                return walk_table32(w, entry, fill);
            continue;
        }
        uint64_t frame = 0;
        WalkResult result = walk_large32(w, entry, &frame);
        w->rights = entry & (PTE_W | PTE_U);
        if (result == WALK_OK)
            result = walk_leaf(w, entry, TN_PAGE_BITS + LEVEL_BITS_32, frame, fill);
        if (result != WALK_OK || walk_mark32(w, paddr, entry, (uint32_t)walk_leaf_marks(w)))
            return result;
    }
}

static WalkResult walk_any(Walk *w, TnTlbFill *fill)
{
    const X86State *s = w->s;

    if (x86_long(s))
        return walk_tables(w, s->cr3 & PTE_ADDRESS, s->cr4 & CR4_LA57 ? 5 : 4, fill);
    if (s->cr4 & CR4_PAE)
        return walk_pae(w, fill);
    return walk_32(w, fill);
}

/* 4.7: the error code of a page fault. */
static uint32_t walk_error(const Walk *w, WalkResult result)
{
    const X86State *s = w->s;
    uint32_t error = result == WALK_NOT_PRESENT ? 0 : PF_P;

    if (result == WALK_RESERVED)
        error |= PF_RSVD;
    if (result == WALK_KEY)
        error |= PF_PK;
    if (w->access == TN_ACCESS_WRITE)
        error |= PF_W;
    if (w->user)
        error |= PF_U;
    if (w->access == TN_ACCESS_FETCH &&
        ((s->cr4 & CR4_SMEP) || ((s->cr4 & CR4_PAE) && (s->efer & EFER_NXE))))
        error |= PF_I;
    return error;
}

static bool paging_identity(const X86State *s, uint64_t vaddr, TnTlbFill *fill)
{
    fill->paddr = paging_a20(s, (uint32_t)vaddr & ~(TN_PAGE_SIZE - 1));
    fill->prot = TN_PROT_READ | TN_PROT_WRITE | TN_PROT_EXEC;
    fill->page_bits = TN_PAGE_BITS;
    fill->global = false;
    return true;
}

bool x86_tlb_fill(TnCpu *cpu, uint64_t vaddr, TnAccess access, unsigned mmu_mode, bool probe,
                  TnTlbFill *fill)
{
    X86State *s = x86_state(cpu);
    Walk w = {
        .cpu = cpu,
        .s = s,
        .vaddr = vaddr,
        .access = access,
        .user = mmu_mode == MMU_USER,
        .nosmap = mmu_mode == MMU_KERNEL_NOSMAP,
        .probe = probe,
        .attrs = x86_mem_attrs(s),
        .rights = PTE_W | PTE_U,
        .reserved = paging_reserved(s),
    };

    fill->attrs = w.attrs;
    if (!(s->cr0 & CR0_PG))
        return paging_identity(s, vaddr, fill);
    if (!x86_long(s)) {
        w.vaddr = (uint32_t)vaddr;
    } else if (!x86_canonical(s, vaddr)) {
        bool stack =
            !probe && access != TN_ACCESS_FETCH && x86_code64(s) && x86_accesses_stack(cpu);
        if (!probe)
            x86_record(cpu, stack ? X86_SS : X86_GP, true, 0);
        if (!probe && access == TN_ACCESS_FETCH && x86_canonical(s, vaddr ^ X86_BRANCH_FAULT))
            cpu->fault_pc = vaddr ^ X86_BRANCH_FAULT;
        return false;
    }
    WalkResult result = walk_any(&w, fill);
    if (result == WALK_OK)
        return true;
    if (!probe) {
        tn_tlb_flush_page(cpu, vaddr, x86_space(s), true);
        s->cr2 = vaddr;
        x86_record(cpu, X86_PF, true, walk_error(&w, result));
    }
    return false;
}

/* Debuggers see what the supervisor may read, or else execute. */
bool x86_debug_translate(TnCpu *cpu, uint64_t vaddr, uint64_t *paddr)
{
    TnTlbFill fill;

    if (!x86_tlb_fill(cpu, vaddr, TN_ACCESS_READ, MMU_KERNEL_NOSMAP, true, &fill) &&
        !x86_tlb_fill(cpu, vaddr, TN_ACCESS_FETCH, MMU_KERNEL_NOSMAP, true, &fill))
        return false;
    *paddr = fill.paddr | (vaddr & (TN_PAGE_SIZE - 1));
    return true;
}
