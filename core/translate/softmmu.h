/* SPDX-License-Identifier: MIT */
/*
 * The soft MMU as the rest of the translator sees it: the inline probe, the fill, and what the
 * block cache asks of it.
 */
#ifndef TN_TRANSLATE_SOFTMMU_H
#define TN_TRANSLATE_SOFTMMU_H

#include "cpu/cpu-private.h"
#include "translate/check.h"

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

/* The half of the address space, user's or kernel's on most systems, as a bit. */
static inline uint32_t tn_tlb_half(uint64_t vaddr)
{
    return 1u << (vaddr >> 63);
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
    if (TN_UNLIKELY(tn_tlb_tag(&e->write) != tn_page_of(vaddr) || !tn_within_page(vaddr, size)))
        return NULL;
    void *host = (void *)(uintptr_t)(vaddr + e->addend);
    tn_check_store(host, size);
    return host;
}

/* True when a span gives the whole page at its start as plain memory (reads at least). */
static inline bool tn_span_is_page(const TnMemorySpan *span)
{
    return span->host && span->length >= TN_PAGE_SIZE && !tn_page_offset((uintptr_t)span->host);
}

/* The address space for an access with these attributes. */
TnAddressSpace *tn_mmu_space(TnCpu *cpu, uint32_t attrs);

/*
 * The TLB entry that allows an access, filled if need be. A refused access unwinds. The pointer is
 * good until the next fill or flush of this vCPU.
 */
TnTlbEntry *tn_tlb_get(TnCpu *cpu, uint64_t vaddr, TnAccess access, unsigned mode);

/* The host address behind an entry for an access that it allows; NULL when it is I/O. */
void *tn_tlb_host(TnCpu *cpu, const TnTlbEntry *e, uint64_t vaddr, TnAccess access);

/* What the soft TLB knows of the page of a fetch. */
typedef struct TnFetchPage {
    uintptr_t host;     /* host address of the fetch */
    unsigned page_bits; /* log2 of the guest's page size */
    bool global;        /* kept by tn_tlb_flush_non_global */
} TnFetchPage;

/* False where the TLB has no entry for the fetch, or one that is not plain RAM. Never fills. */
bool tn_tlb_fetch_page(TnCpu *cpu, unsigned mode, uint64_t vaddr, TnFetchPage *out);

/*
 * Brackets a direct store to guest RAM within one page: `begin` faults when it is not allowed and
 * returns the host address, NULL for I/O; `end` tells the block cache and the bus's dirty log
 * what was written.
 */
void *tn_mmu_write_begin(TnCpu *cpu, uint64_t vaddr, unsigned size, unsigned mode);
void tn_mmu_write_end(TnCpu *cpu, uint64_t vaddr, void *host, unsigned size, unsigned mode);

/* The memory of a new vCPU's TLBs, all empty; and back. [main] */
bool tn_tlb_init(TnCpu *cpu, GError **error);
void tn_tlb_clear(TnCpu *cpu);

/* ---- softmmu-space.c --------------------------------------------------------------------- */

/* The kept space with the target's number, or NULL. */
TnTlbSpace *tn_tlb_space_find(TnCpu *cpu, uint32_t tag);

/* A number for a space's, or all global, translations in the second level that nothing there has. */
uint32_t tn_tlb_new_asid(TnCpu *cpu);

/* Calls fn, which restricts what they allow, for every soft TLB of every vCPU that was ever used, and
 * closes all windows then. [any] */
void tn_tlb_each(void (*fn)(TnTlb *tlb, void *data), void *data);

/* To be called before entry `index` of a TLB allows stores to a page of host memory. [vcpu] */
void tn_tlb_note_writable(const void *host, unsigned index);
/* The entries of each TLB that alone may allow stores to it, and how many; or that it may be any. [any] */
enum { TN_TLB_PLACES = 4, TN_TLB_ANYWHERE = TN_TLB_PLACES + 1 };
unsigned tn_tlb_where_writable(const void *host, unsigned index[TN_TLB_PLACES]);

/* ---- softmmu-sites.c: what accesses of hot code keep ------------------------------------------- */

/* What an access, or a group of neighbours, wants of its window. */
typedef struct TnTlbSiteUse {
    TnBlock *owner;      /* whose it is; NULL: free */
    int32_t first, last; /* bytes, from the address that is compared */
    uint8_t mode;        /* MMU mode */
    bool write;
    bool moves;          /* a window of one page, whose start and addend the owner's code changes itself
                          * where the TLB allows what it does */
    uint8_t number;      /* the owner's own */
} TnTlbSiteUse;

/* A site number, closed on every vCPU, or -1 where all are taken. [translator's lock] */
int tn_tlb_site_take(const TnTlbSiteUse *use);
/* Gives back all sites of an owner that no vCPU runs any more. [translator's lock] */
void tn_tlb_sites_give_back(const TnBlock *owner);
/* A probe at the address has just succeeded where the site's window did not serve: opens it there, or
 * not, and says when to ask again. [vcpu] */
void tn_tlb_site_open(TnCpu *cpu, unsigned site, uint64_t vaddr);
/* The use of a site that keeps missing, which the vCPU has run since it was last in its main loop; once
 * each, NULL where there is none. [vcpu, outside code] */
const TnTlbSiteUse *tn_tlb_site_bad(TnCpu *cpu);
/* Closes all, or all but those of global pages. [vcpu] */
void tn_tlb_sites_close(TnCpu *cpu, bool global);
/* Closes those that an address may be in, whatever the size of its page. [vcpu] */
void tn_tlb_sites_close_page(TnCpu *cpu, uint64_t vaddr);
/* Closes those of a vCPU that stores go through. [any] */
void tn_tlb_sites_close_writes(TnCpu *cpu);

/* ---- softmmu-reach.c ------------------------------------------------------------------------ */

enum { TN_TLB_PIECE = 16 * TN_PAGE_SIZE }; /* windows over small pages, and all for stores, lie in one */

/* How far a window may reach. */
typedef struct TnTlbReach {
    TnCpu *cpu;
    const TnTlbSiteUse *use;
    uint64_t page;         /* that the access is in */
    /* What is found out: */
    uint64_t addend;
    uint64_t first, end;   /* the window, which has that page; end may be 0, which is 2^64 */
    uint64_t paddr;        /* of page, where the guest's page is large */
    uint32_t attrs;
    unsigned bits;
    bool global;
} TnTlbReach;

/* False where the TLB does not allow the access. Never fills. [vcpu] */
bool tn_tlb_reach(TnTlbReach *r);
/* After a window was opened: is all of it still allowed? [vcpu] */
bool tn_tlb_reach_holds(const TnTlbReach *r);

/* What makes stores to a page of RAM slow at present: TN_TLB_SLOW_CODE, TN_TLB_SLOW_DIRTY. */
uint64_t tn_tlb_watched_bits(const TnMemorySpan *span);

/* ---- softmmu-second.c: a second level, with large pages as one entry ------------------------ */

/* Fills in what a translation kept there gives for the access; false: none that allows it. */
bool tn_tlb_second_find(TnCpu *cpu, uint64_t vaddr, TnAccess access, unsigned mode,
                        TnTlbFill *fill);
void tn_tlb_second_add(TnCpu *cpu, uint64_t vaddr, unsigned mode, const TnTlbFill *fill);
/* Bit n: a page of 2^n bytes, a large one, may have been met there since everything was dropped. */
uint32_t tn_tlb_large_at(const TnCpu *cpu, uint64_t vaddr);
/* Drops those of the address in a space, or the global ones (asid: global_asid); `large` as above. */
void tn_tlb_second_drop(TnCpu *cpu, uint64_t vaddr, uint32_t large, uint32_t asid);

/* ---- softmmu-phys.c ---------------------------------------------------------------------- */

/* Forgets what the memory map was like. */
void tn_phys_forget(TnCpu *cpu);

/*
 * The page's memory as the host has it, from the ranges met last or the bus; false for what is not
 * plain memory. The span is that of the page alone.
 */
bool tn_phys_span(TnCpu *cpu, uint64_t paddr, uint32_t attrs, TnMemorySpan *span);

/* How many bytes of the same piece of host memory lie before the page, and from its start on; false
 * for what is not plain memory. */
bool tn_phys_reach(TnCpu *cpu, uint64_t paddr, uint32_t attrs, uint64_t *before, uint64_t *after);

/* Carries out a flush that another thread asked for. [vcpu] */
void tn_tlb_flush_pending(TnCpu *cpu);

/* Watches every page anew for the dirty log (the bus's log hook). [any] */
void tn_tlb_watch_log(void);

/* Drops everything that was derived from the memory map; the running block ends soon. [vcpu] */
void tn_tlb_flush_everything(TnCpu *cpu);

#endif
