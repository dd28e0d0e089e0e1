/* SPDX-License-Identifier: MIT */
/*
 * Sites: accesses of hot code each of which keeps what a probe found. Where a probe asks the TLB
 * about the page that an address is in, a site asks whether the address is in its window, a piece of
 * guest memory with one distance to the host's; so nothing but the comparison, which the host
 * predicts, hangs on the address.
 *
 * A window reaches as far as one distance does: over a large guest page, or over small ones next to
 * each other in the TLB; for stores over a few pages that all may be stored to unseen. It stays open
 * when the TLB's entry is replaced, and is closed where the guest flushes, where its page faults
 * (a processor forgets the page then, too), and for stores where a page becomes code or is logged.
 * Other threads close after they changed what the TLB allows, and who opens looks again after that:
 * one of the two sees the other.
 */
#include "translate/softmmu.h"

#include <string.h>

#include "cpu/cpu-private.h"
#include "translate/translator.h"

enum {
    PIECE = 16 * TN_PAGE_SIZE, /* what windows over small pages, and all for stores, lie in */
    BLUR = 22,                 /* log2 of how exactly single pages are closed: the second large size */
    MOST_MOVES = 12,           /* in a sample's time: after as many, 2^13 misses, it is a bad one */
    LONG = 1 << 20,            /* misses until a bad one tells again */
};

static struct {
    TnTlbSiteUse use[TN_TLB_SITES];
    unsigned end, taken; /* one behind the last ever taken; how many are */
} sites;

/* ---- Who has which ----------------------------------------------------------------------- */

static unsigned free_site(void)
{
    unsigned n = 0;

    if (sites.taken == sites.end)
        return sites.end;
    while (sites.use[n].owner)
        n++;
    return n;
}

int tn_tlb_site_take(const TnTlbSiteUse *use)
{
    unsigned n = free_site();

    if (n == TN_TLB_SITES)
        return -1;
    sites.use[n] = *use;
    sites.taken++;
    if (n == sites.end)
        __atomic_store_n(&sites.end, n + 1, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < tn_cpu_count(); i++) {
        TnTlbSite *site = &tn_cpu_at(i)->site[n];

        __atomic_store_n(&site->size, 0, __ATOMIC_RELEASE);
        site->patience = 0;
        site->moves = 0;
    }
    return (int)n;
}

void tn_tlb_sites_give_back(const TnBlock *owner)
{
    for (unsigned n = 0; n < sites.end; n++) {
        if (sites.use[n].owner != owner)
            continue;
        sites.use[n].owner = NULL;
        sites.taken--;
        for (unsigned i = 0; i < tn_cpu_count(); i++)
            __atomic_store_n(&tn_cpu_at(i)->site[n].size, 0, __ATOMIC_RELEASE);
    }
}

/* ---- How far a window may reach ------------------------------------------------------------ */

typedef struct Reach {
    TnCpu *cpu;
    const TnTlbSiteUse *use;
    uint64_t page, addend; /* that the access is in */
    uint64_t first, end;   /* the window, which has that page; end may be 0, which is 2^64 */
    uint64_t paddr;        /* of page, where the guest's page is large */
    uint32_t attrs;
    unsigned bits;
    bool global;
} Reach;

static bool is_global(const TnTlb *tlb, uint64_t page)
{
    unsigned i = tn_tlb_index(page);

    return tlb->global[i / 64] >> (i % 64) & 1;
}

/* A small page that the TLB has, at the same distance. */
static bool tlb_allows(const Reach *r, uint64_t page)
{
    const TnTlb *tlb = tn_cpu_tlb(r->cpu, r->use->mode);
    const TnTlbEntry *e = &tlb->entry[tn_tlb_index(page)];
    uint64_t tag = r->use->write ? __atomic_load_n(&e->write, __ATOMIC_SEQ_CST) : e->read;

    return tag == page && e->addend == r->addend && is_global(tlb, page) == r->global;
}

/* A part of the large page, which all may be stored to, that nobody watches. */
static bool is_unwatched(const Reach *r, uint64_t page)
{
    TnMemorySpan span;

    return tn_phys_span(r->cpu, r->paddr + (page - r->page), r->attrs, &span) && span.writable &&
           (uintptr_t)span.host == page + r->addend && !tn_tlb_watched_bits(&span);
}

static bool allows(const Reach *r, uint64_t page)
{
    return r->bits == TN_PAGE_BITS ? tlb_allows(r, page) : is_unwatched(r, page);
}

static void grow(Reach *r, uint64_t low, uint64_t end)
{
    r->first = r->page;
    r->end = r->page + TN_PAGE_SIZE;
    while (r->first != low && allows(r, r->first - TN_PAGE_SIZE))
        r->first -= TN_PAGE_SIZE;
    while (r->end != end && allows(r, r->end))
        r->end += TN_PAGE_SIZE;
}

/* A large page as far as it is one piece of the host's memory. */
static bool find_large(Reach *r)
{
    TnTlbFill fill = { .page_bits = TN_PAGE_BITS };
    uint64_t low, size, before, after;
    TnAccess access = r->use->write ? TN_ACCESS_WRITE : TN_ACCESS_READ;

    if (!tn_tlb_second_find(r->cpu, r->page, access, r->use->mode, &fill) ||
        fill.page_bits == TN_PAGE_BITS ||
        !tn_phys_reach(r->cpu, fill.paddr, fill.attrs, &before, &after))
        return false;
    size = UINT64_C(1) << fill.page_bits;
    low = r->page & -size;
    before = MIN(before, r->page - low);
    after = MIN(after, size - (r->page - low));
    r->first = r->page - before;
    r->end = r->page + after;
    r->bits = fill.page_bits;
    r->paddr = fill.paddr;
    r->attrs = fill.attrs;
    return true;
}

static void find_reach(Reach *r)
{
    uint64_t low = r->page & -(uint64_t)PIECE;
    bool large = find_large(r);

    if (!large)
        r->bits = TN_PAGE_BITS;
    else if (!r->use->write)
        return;
    grow(r, large ? MAX(low, r->first) : low,
         large && r->end - r->page < low + PIECE - r->page ? r->end : low + PIECE);
}

/* After the window was opened: is all of it still allowed? */
static bool still_allowed(const Reach *r)
{
    if (!r->use->write)
        return true;
    for (uint64_t page = r->first; page != r->end; page += TN_PAGE_SIZE) {
        if (!allows(r, page))
            return false;
    }
    return true;
}

/* ---- Opening ----------------------------------------------------------------------------- */

static void list(TnCpu *cpu, unsigned n)
{
    if (!cpu->site[n].listed)
        cpu->priv->open_site[cpu->priv->n_open_sites++] = (uint16_t)n;
    cpu->site[n].listed = true;
}

/* Accesses that go here and there would move a window all the time. */
static void set_patience(TnCpu *cpu, unsigned n)
{
    TnTlbSite *site = &cpu->site[n];
    bool was_open = __atomic_load_n(&site->size, __ATOMIC_RELAXED) != 0;

    if (site->tick != (uint8_t)cpu->priv->ticks)
        site->moves = 0;
    site->tick = (uint8_t)cpu->priv->ticks;
    site->moves += was_open;
    site->patience = 1 << site->moves;
    if (site->moves < MOST_MOVES)
        return;
    site->moves = 0;
    site->patience = LONG;
    cpu->priv->bad_site = n + 1;
    atomic_store_explicit(&cpu->exit_request, 1, memory_order_relaxed);
}

const TnTlbSiteUse *tn_tlb_site_bad(TnCpu *cpu)
{
    unsigned n = cpu->priv->bad_site;

    cpu->priv->bad_site = 0;
    return n ? &sites.use[n - 1] : NULL;
}

void tn_tlb_site_open(TnCpu *cpu, unsigned n, uint64_t vaddr)
{
    const TnTlbSiteUse *use = &sites.use[n];
    TnTlbSite *site = &cpu->site[n];
    uint64_t page = tn_page_of(vaddr + (uint64_t)use->first);
    Reach r = { .cpu = cpu, .use = use, .page = page,
                .addend = tn_tlb_entry(cpu, use->mode, page)->addend,
                .global = is_global(tn_cpu_tlb(cpu, use->mode), page),
                .bits = TN_PAGE_BITS };

    set_patience(cpu, n);
    __atomic_store_n(&site->size, 0, __ATOMIC_RELAXED);
    if (!tlb_allows(&r, page))
        return;
    find_reach(&r);
    site->start = r.first - (uint64_t)use->first;
    site->addend = r.addend;
    site->bits = (uint8_t)r.bits;
    site->global = r.global;
    list(cpu, n);
    __atomic_store_n(&site->size, r.end - r.first - (uint64_t)(use->last - use->first),
                     __ATOMIC_SEQ_CST);
    if (!still_allowed(&r))
        __atomic_store_n(&site->size, 0, __ATOMIC_RELAXED);
    cpu->priv->stats.windows++;
}

/* ---- Closing ----------------------------------------------------------------------------- */

typedef bool (*PickFn)(const TnTlbSite *site, uint64_t first, uint64_t vaddr);

static void close_listed(TnCpu *cpu, PickFn picked, uint64_t vaddr)
{
    TnCpuPrivate *p = cpu->priv;
    unsigned left = 0;

    for (unsigned i = 0; i < p->n_open_sites; i++) {
        unsigned n = p->open_site[i];
        TnTlbSite *site = &cpu->site[n];

        if (!picked(site, site->start + (uint64_t)sites.use[n].first, vaddr)) {
            p->open_site[left++] = (uint16_t)n;
            continue;
        }
        __atomic_store_n(&site->size, 0, __ATOMIC_RELAXED);
        site->listed = false;
    }
    p->n_open_sites = left;
}

static bool any(const TnTlbSite *site, uint64_t first, uint64_t vaddr)
{
    (void)site;
    (void)first;
    (void)vaddr;
    return true;
}

static bool not_global(const TnTlbSite *site, uint64_t first, uint64_t vaddr)
{
    (void)first;
    (void)vaddr;
    return !site->global;
}

/* A window lies in one large page, or in one piece: with its size's power of two around it that has
 * all addresses that go with its own. */
static bool may_have(const TnTlbSite *site, uint64_t first, uint64_t vaddr)
{
    return (first ^ vaddr) >> MAX(site->bits, (unsigned)BLUR) == 0;
}

void tn_tlb_sites_close(TnCpu *cpu, bool global)
{
    if (cpu->priv->n_open_sites)
        close_listed(cpu, global ? any : not_global, 0);
}

void tn_tlb_sites_close_page(TnCpu *cpu, uint64_t vaddr)
{
    if (cpu->priv->n_open_sites)
        close_listed(cpu, may_have, vaddr);
}

void tn_tlb_sites_close_writes(TnCpu *cpu)
{
    unsigned end = __atomic_load_n(&sites.end, __ATOMIC_ACQUIRE);

    for (unsigned n = 0; n < end; n++) {
        if (sites.use[n].write)
            __atomic_store_n(&cpu->site[n].size, 0, __ATOMIC_RELEASE);
    }
}
