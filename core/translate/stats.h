/* SPDX-License-Identifier: MIT */
/*
 * What the translator has done, for -accel tcg,stats=on. A vCPU counts for itself in TnCpuStats,
 * on ways that are slow anyway; what is under the translator's lock is counted in TnTranslator.
 */
#ifndef TN_TRANSLATE_STATS_H
#define TN_TRANSLATE_STATS_H

#include <glib.h>
#include <stdint.h>

enum {
    TN_STATS_EXITS = 4,   /* by TnRunExit */
    TN_STATS_UNWINDS = 5, /* by TnUnwind */
};

typedef struct TnCpuStats {
    uint64_t exits[TN_STATS_EXITS];
    uint64_t unwinds[TN_STATS_UNWINDS];
    uint64_t tails;        /* blocks left in the middle (tails.c) */
    uint64_t requests;     /* interrupts and the like that were taken */
    uint64_t windows;      /* of hot code, opened */
    uint64_t tlb_misses;   /* entries filled from the second level or by the target */
    uint64_t walks;        /* of those, by the target */
    uint64_t tlb_flushes;  /* of everything */
    uint64_t space_flushes; /* of what is not global */
    uint64_t page_flushes; /* of single pages */
} TnCpuStats;

/* Appends the totals over all vCPUs as lines "name: value". [main, the vCPUs stopped] */
void tn_stats_text(GString *out);

#endif
