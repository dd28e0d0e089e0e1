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
    MAX_LARGE = 64,            /* large pages that are joined to the one with the access, to each side */
    WORD_BITS = 64,
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

/* The large page that has an address, as far as it is one piece of the host's memory. */
static bool find_large(const Reach *r, uint64_t page, Large *large)
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
static void join_large(Reach *r)
{
    Large next;

    for (unsigned n = 0; n < MAX_LARGE && find_large(r, r->first - TN_PAGE_SIZE, &next) &&
                         next.bits == r->bits && next.end == r->first; n++)
        r->first = next.first;
    for (unsigned n = 0; n < MAX_LARGE && find_large(r, r->end, &next) && next.bits == r->bits &&
                         next.first == r->end; n++)
        r->end = next.end;
}

static void find_reach(Reach *r)
{
    uint64_t low = r->page & -(uint64_t)PIECE, end = low + PIECE;
    Large large;

    if (!find_large(r, r->page, &large)) {
        grow(r, low, end);
        return;
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

/* A bit for each 4 MiB, again and again. */
static uint64_t places(uint64_t first, uint64_t last)
{
    uint64_t n = (last >> BLUR) - (first >> BLUR) + 1;
    unsigned at = (first >> BLUR) % WORD_BITS;
    uint64_t bits = n >= WORD_BITS ? UINT64_MAX : (UINT64_C(1) << n) - 1;

    return bits << at | (at ? bits >> (WORD_BITS - at) : 0);
}

static void list(TnCpu *cpu, unsigned n, const Reach *r)
{
    TnOpenSites *open = &cpu->priv->open_sites[r->global];
    TnTlbSite *site = &cpu->site[n];
    uint64_t page = UINT64_C(1) << MAX(r->bits, (unsigned)BLUR);

    if (!(site->listed >> r->global & 1))
        open->number[open->n++] = (uint16_t)n;
    site->listed |= (uint8_t)(1u << r->global);
    open->where |= places(r->first & -page, (r->end - 1) | (page - 1));
}

/* Accesses that go here and there would move a window all the time, and those of a process that the
 * guest often leaves would open theirs again and again: the more often, the longer a site waits. */
static void set_patience(TnCpu *cpu, unsigned n)
{
    TnTlbSite *site = &cpu->site[n];
    bool was_open = __atomic_load_n(&site->size, __ATOMIC_RELAXED) != 0;

    if (site->tick != (uint8_t)cpu->priv->ticks)
        site->moves /= 2;
    site->tick = (uint8_t)cpu->priv->ticks;
    site->moves = (uint8_t)MIN(site->moves + 1, MOST_MOVES);
    site->patience = 1 << site->moves;
    if (!was_open || site->moves < MOST_MOVES)
        return;
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
    if (use->write)
        atomic_fetch_or(&cpu->priv->open_writes[n / WORD_BITS], UINT64_C(1) << n % WORD_BITS);
    site->start = r.first - (uint64_t)use->first;
    site->addend = r.addend;
    site->bits = (uint8_t)r.bits;
    list(cpu, n, &r);
    __atomic_store_n(&site->size, r.end - r.first - (uint64_t)(use->last - use->first),
                     __ATOMIC_SEQ_CST);
    if (!still_allowed(&r))
        __atomic_store_n(&site->size, 0, __ATOMIC_RELAXED);
    cpu->priv->stats.windows++;
}

/* ---- Closing ----------------------------------------------------------------------------- */

static void close_list(TnCpu *cpu, bool global)
{
    TnOpenSites *open = &cpu->priv->open_sites[global];

    for (unsigned i = 0; i < open->n; i++) {
        TnTlbSite *site = &cpu->site[open->number[i]];

        __atomic_store_n(&site->size, 0, __ATOMIC_RELAXED);
        site->listed &= (uint8_t)~(1u << global);
    }
    open->n = 0;
    open->where = 0;
}

void tn_tlb_sites_close(TnCpu *cpu, bool global)
{
    close_list(cpu, false);
    if (global)
        close_list(cpu, true);
}

/* An address in one of the guest's pages that the window is in, or near them. */
static bool may_have(const TnTlbSite *site, const TnTlbSiteUse *use, uint64_t vaddr)
{
    uint64_t first = site->start + (uint64_t)use->first;
    uint64_t last = site->start + site->size + (uint64_t)use->last - 1;
    unsigned bits = MAX(site->bits, (unsigned)BLUR);

    return (vaddr >> bits) - (first >> bits) <= (last >> bits) - (first >> bits);
}

static void close_page(TnCpu *cpu, TnOpenSites *open, uint64_t vaddr)
{
    for (unsigned i = 0; i < open->n; i++) {
        TnTlbSite *site = &cpu->site[open->number[i]];

        if (may_have(site, &sites.use[open->number[i]], vaddr))
            __atomic_store_n(&site->size, 0, __ATOMIC_RELAXED);
    }
}

void tn_tlb_sites_close_page(TnCpu *cpu, uint64_t vaddr)
{
    TnOpenSites *open = cpu->priv->open_sites;

    for (unsigned global = 0; global < 2; global++) {
        if (open[global].where & places(vaddr, vaddr))
            close_page(cpu, &open[global], vaddr);
    }
}

/* Who opens one says so first, and looks at what is allowed last. */
void tn_tlb_sites_close_writes(TnCpu *cpu)
{
    for (unsigned w = 0; w < TN_TLB_SITES / WORD_BITS; w++) {
        uint64_t open = 0;

        if (atomic_load(&cpu->priv->open_writes[w]))
            open = atomic_exchange(&cpu->priv->open_writes[w], 0);
        for (; open; open &= open - 1)
            __atomic_store_n(&cpu->site[w * WORD_BITS + (unsigned)__builtin_ctzll(open)].size, 0,
                             __ATOMIC_RELEASE);
    }
}
