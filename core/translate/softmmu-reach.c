/* SPDX-License-Identifier: MIT */
/* How far around a page the guest's memory is at one distance from the host's: for windows (sites). */
#include "translate/softmmu.h"

enum { MAX_LARGE = 64 }; /* large pages that are joined to the one with the access, to each side */

/* A large page of the guest. */
typedef struct Large {
    uint64_t first, end, paddr; /* paddr: of the page that was asked for */
    uint32_t attrs;
    unsigned bits;
} Large;

static bool is_global(const TnTlb *tlb, uint64_t page)
{
    unsigned i = tn_tlb_index(page);

    return tlb->global[i / 64] >> (i % 64) & 1;
}

/* A small page that the TLB has, at the same distance. */
static bool tlb_allows(const TnTlbReach *r, uint64_t page)
{
    const TnTlb *tlb = tn_cpu_tlb(r->cpu, r->use->mode);
    const TnTlbEntry *e = &tlb->entry[tn_tlb_index(page)];
    uint64_t tag = r->use->write ? __atomic_load_n(&e->write, __ATOMIC_SEQ_CST) : e->read;

    return tag == page && e->addend == r->addend && is_global(tlb, page) == r->global;
}

/* A part of the large page, which all may be stored to, that nobody watches. */
static bool is_unwatched(const TnTlbReach *r, uint64_t page)
{
    TnMemorySpan span;

    return tn_phys_span(r->cpu, r->paddr + (page - r->page), r->attrs, &span) && span.writable &&
           (uintptr_t)span.host == page + r->addend && !tn_tlb_watched_bits(&span);
}

static bool allows(const TnTlbReach *r, uint64_t page)
{
    return r->bits == TN_PAGE_BITS ? tlb_allows(r, page) : is_unwatched(r, page);
}

static void grow(TnTlbReach *r, uint64_t low, uint64_t end)
{
    r->first = r->page;
    r->end = r->page + TN_PAGE_SIZE;
    while (r->first != low && allows(r, r->first - TN_PAGE_SIZE))
        r->first -= TN_PAGE_SIZE;
    while (r->end != end && allows(r, r->end))
        r->end += TN_PAGE_SIZE;
}

/* The large page that has an address, as far as it is one piece of the host's memory. */
static bool find_large(const TnTlbReach *r, uint64_t page, Large *large)
{
    TnTlbFill fill = { .page_bits = TN_PAGE_BITS };
    TnAccess access = r->use->write ? TN_ACCESS_WRITE : TN_ACCESS_READ;
    uint64_t size, low, before, after;
    TnMemorySpan span;

    if (!tn_tlb_second_find(r->cpu, page, access, r->use->mode, &fill) ||
        fill.page_bits == TN_PAGE_BITS || fill.global != r->global ||
        !tn_phys_span(r->cpu, fill.paddr, fill.attrs, &span) ||
        (uintptr_t)span.host != page + r->addend)
        return false;
    tn_phys_reach(r->cpu, fill.paddr, fill.attrs, &before, &after);
    size = UINT64_C(1) << fill.page_bits;
    low = page & -size;
    *large = (Large){ .first = page - MIN(before, page - low), .paddr = fill.paddr,
                      .end = page + MIN(after, size - (page - low)), .attrs = fill.attrs,
                      .bits = fill.page_bits };
    return true;
}

/* Large pages of one size next to each other. */
static void join_large(TnTlbReach *r)
{
    Large next;

    for (unsigned n = 0; n < MAX_LARGE && find_large(r, r->first - TN_PAGE_SIZE, &next) &&
                         next.bits == r->bits && next.end == r->first; n++)
        r->first = next.first;
    for (unsigned n = 0; n < MAX_LARGE && find_large(r, r->end, &next) && next.bits == r->bits &&
                         next.first == r->end; n++)
        r->end = next.end;
}

bool tn_tlb_reach(TnTlbReach *r)
{
    uint64_t low = r->page & -(uint64_t)TN_TLB_PIECE, end = low + TN_TLB_PIECE;
    Large large;

    r->addend = tn_tlb_entry(r->cpu, r->use->mode, r->page)->addend;
    r->global = is_global(tn_cpu_tlb(r->cpu, r->use->mode), r->page);
    r->bits = TN_PAGE_BITS;
    if (!tlb_allows(r, r->page))
        return false;
    if (r->use->moves) {
        r->first = r->page;
        r->end = r->page + TN_PAGE_SIZE;
        return true;
    }
    if (!find_large(r, r->page, &large)) {
        grow(r, low, end);
        return true;
    }
    r->bits = large.bits;
    r->paddr = large.paddr;
    r->attrs = large.attrs;
    r->first = large.first;
    r->end = large.end;
    if (r->use->write)
        grow(r, MAX(low, large.first), large.end - r->page < end - r->page ? large.end : end);
    else
        join_large(r);
    return true;
}

bool tn_tlb_reach_holds(const TnTlbReach *r)
{
    if (!r->use->write)
        return true;
    for (uint64_t page = r->first; page != r->end; page += TN_PAGE_SIZE) {
        if (!allows(r, page))
            return false;
    }
    return true;
}
