/* SPDX-License-Identifier: MIT */
/* The translator's statistics as text. */
#include "translate/stats.h"

#include <inttypes.h>

#include "cpu/cpu-private.h"
#include "translate/cache/cache.h"
#include "translate/check.h"
#include "translate/translator.h"

static void add(TnCpuStats *sum, const TnCpuStats *s)
{
    for (unsigned i = 0; i < TN_STATS_EXITS; i++)
        sum->exits[i] += s->exits[i];
    for (unsigned i = 0; i < TN_STATS_UNWINDS; i++)
        sum->unwinds[i] += s->unwinds[i];
    sum->tails += s->tails;
    sum->requests += s->requests;
    sum->tlb_misses += s->tlb_misses;
    sum->walks += s->walks;
    sum->windows += s->windows;
    sum->space_flushes += s->space_flushes;
    sum->tlb_flushes += s->tlb_flushes;
    sum->page_flushes += s->page_flushes;
}

static void count(GString *out, const char *name, uint64_t value)
{
    g_string_append_printf(out, "%s: %" PRIu64 "\n", name, value);
}

static void ratio(GString *out, const char *name, uint64_t over, uint64_t under)
{
    g_string_append_printf(out, "%s: %.2f\n", name, under ? (double)over / (double)under : 0.0);
}

static void translation(GString *out)
{
    const TnTranslator *t = &tn_translator;

    count(out, "blocks translated", t->n_translated);
    count(out, "blocks translated again, for speed", t->n_promoted);
    count(out, "blocks translated as tails of others", t->n_tails);
    count(out, "guest instructions translated", t->n_insns);
    count(out, "guest bytes translated", t->n_guest_bytes);
    count(out, "host bytes made", t->n_host_bytes);
    ratio(out, "host bytes per guest byte", t->n_host_bytes, t->n_guest_bytes);
    count(out, "nanoseconds translating", t->timed_ns);
    ratio(out, "nanoseconds per guest instruction", t->timed_ns, t->timed_insns);
    count(out, "blocks invalidated", t->n_killed);
    count(out, "code pages written to", t->n_invalidations);
    count(out, "code memory flushes", t->n_flushes);
}

static void execution(GString *out, const TnCpuStats *s)
{
    static const char *const exits[TN_STATS_EXITS] = {
        [TN_RUN_EXIT_DIRECT] = "exits, direct jump not linked",
        [TN_RUN_EXIT_LOOP] = "exits, next block not found or not to be entered",
        [TN_RUN_EXIT_REQUEST] = "exits, request to stop",
        [TN_RUN_EXIT_TAIL] = "exits, in the middle of a block, to make its tail",
    };
    static const char *const unwinds[TN_STATS_UNWINDS] = {
        [TN_UNWIND_FAULT] = "unwound, fault",
        [TN_UNWIND_LOOP] = "unwound, state complete",
        [TN_UNWIND_RETRY] = "unwound, instruction again",
        [TN_UNWIND_SMC] = "unwound, store to the running block",
    };
    for (unsigned i = 0; i < TN_STATS_EXITS; i++)
        count(out, exits[i], s->exits[i]);
    for (unsigned i = TN_UNWIND_FAULT; i < TN_STATS_UNWINDS; i++)
        count(out, unwinds[i], s->unwinds[i]);
    count(out, "blocks left in the middle", s->tails);
    count(out, "interrupts and requests taken", s->requests);
    count(out, "TLB misses", s->tlb_misses);
    count(out, "TLB misses, page table walks", s->walks);
    count(out, "windows of hot code opened", s->windows);
    count(out, "TLB flushes, whole", s->tlb_flushes);
    count(out, "TLB flushes, all but global", s->space_flushes);
    count(out, "TLB flushes, one page", s->page_flushes);
}

void tn_stats_text(GString *out)
{
    TnCpuStats sum = { .requests = 0 };

    for (unsigned i = 0; i < tn_cpu_count(); i++)
        add(&sum, &tn_cpu_at(i)->priv->stats);
    translation(out);
    execution(out, &sum);
    tn_cache_text(out);
    if (tn_check_on(tn_translator.backend))
        tn_check_text(out);
}
