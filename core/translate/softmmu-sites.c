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
 *
 * Accesses to frames of a stack that goes up and down over many pages would have theirs moved all the
 * time. One that keeps missing becomes one that code moves itself, from a page that the TLB allows to
 * the next; only what has been closed is opened here. One that keeps missing then, too, is left to the
 * TLB.
 */
#include "translate/softmmu.h"

#include <string.h>

#include "cpu/cpu-private.h"
#include "translate/translator.h"

enum {
    BLUR = 22,                 /* log2 of how exactly single pages are closed: the second large size */
    MOST_MOVES = 12,           /* in a sample's time: after as many, 2^13 misses, it is a bad one */
    LONG = 1 << 20,            /* misses until a bad one tells again */
    OWN_MOVES = 4096,          /* of a window that code moves itself, for one that counts */
    ANYWHERE = 63,             /* log2 of what is closed with a page, where its size is not known */
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

/* ---- Opening ----------------------------------------------------------------------------- */

/* A bit for each 4 MiB, again and again. */
static uint64_t places(uint64_t first, uint64_t last)
{
    uint64_t n = (last >> BLUR) - (first >> BLUR) + 1;
    unsigned at = (first >> BLUR) % WORD_BITS;
    uint64_t bits = n >= WORD_BITS ? UINT64_MAX : (UINT64_C(1) << n) - 1;

    return bits << at | (at ? bits >> (WORD_BITS - at) : 0);
}

static void list(TnCpu *cpu, unsigned n, const TnTlbReach *r)
{
    TnOpenSites *open = &cpu->priv->open_sites[r->global];
    TnTlbSite *site = &cpu->site[n];
    uint64_t page = UINT64_C(1) << MAX(r->bits, (unsigned)BLUR);
    uint64_t first = r->first & -page, last = (r->end - 1) | (page - 1);

    if (!(site->listed >> r->global & 1))
        open->number[open->n++] = (uint16_t)n;
    site->listed |= (uint8_t)(1u << r->global);
    open->first = open->where ? MIN(open->first, first) : first;
    open->last = open->where ? MAX(open->last, last) : last;
    open->where |= places(first, last);
}

/* It is closed with all that are not of global pages, and with any single page of its half. */
static void list_anywhere(TnCpu *cpu, unsigned n)
{
    TnOpenSites *open = &cpu->priv->open_sites[false];
    TnTlbSite *site = &cpu->site[n];

    if (!(site->listed & 1))
        open->number[open->n++] = (uint16_t)n;
    site->listed |= 1;
    site->bits = ANYWHERE;
    open->first = 0;
    open->last = UINT64_MAX;
    open->where = UINT64_MAX;
}

static void tell_bad(TnCpu *cpu, unsigned n)
{
    cpu->site[n].patience = LONG;
    cpu->priv->bad_site = n + 1;
    atomic_store_explicit(&cpu->exit_request, 1, memory_order_relaxed);
}

/* It was closed, or has moved so often: that several times in a sample's time is worse than the TLB. */
static void count_moves(TnCpu *cpu, unsigned n)
{
    TnTlbSite *site = &cpu->site[n];

    site->patience = OWN_MOVES;
    if (__atomic_load_n(&site->size, __ATOMIC_RELAXED) == 0)
        return;
    if (site->tick != (uint8_t)cpu->priv->ticks)
        site->moves = 0;
    site->tick = (uint8_t)cpu->priv->ticks;
    if (++site->moves == MOST_MOVES)
        tell_bad(cpu, n);
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
    if (was_open && site->moves == MOST_MOVES)
        tell_bad(cpu, n);
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
    TnTlbReach r = { .cpu = cpu, .use = use, .page = tn_page_of(vaddr + (uint64_t)use->first) };

    if (use->moves)
        count_moves(cpu, n);
    else
        set_patience(cpu, n);
    __atomic_store_n(&site->size, 0, __ATOMIC_RELAXED);
    if (!tn_tlb_reach(&r))
        return;
    if (use->write)
        atomic_fetch_or(&cpu->priv->open_writes[n / WORD_BITS], UINT64_C(1) << n % WORD_BITS);
    site->start = r.first - (uint64_t)use->first;
    site->addend = r.addend;
    site->bits = (uint8_t)r.bits;
    if (use->moves)
        list_anywhere(cpu, n);
    else
        list(cpu, n, &r);
    __atomic_store_n(&site->size, r.end - r.first - (uint64_t)(use->last - use->first),
                     __ATOMIC_SEQ_CST);
    if (!tn_tlb_reach_holds(&r))
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
    for (unsigned global = 0; global < 2; global++) {
        TnOpenSites *open = &cpu->priv->open_sites[global];

        if ((open->where & places(vaddr, vaddr)) && vaddr >= open->first && vaddr <= open->last)
            close_page(cpu, open, vaddr);
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
