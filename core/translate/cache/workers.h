/* SPDX-License-Identifier: MIT */
/*
 * Work in several processes, since the translator is one a process: a machine that goes down waits
 * that much less for its entries to be made.
 */
#ifndef TN_TRANSLATE_CACHE_WORKERS_H
#define TN_TRANSLATE_CACHE_WORKERS_H

#include <glib.h>

/* Makes the entries (TnCacheEntry, g_free) of batch `i`, appended to `out`. */
typedef void TnCacheBatch(unsigned i, GPtrArray *out, void *opaque);

/* Calls fn for the batches below n, in this process and, for as many host processors as it may use,
 * in copies of it, which share its memory as it is now. All entries come into `out`, in the order of
 * their batches; what a copy that does not come to its end was to make is made here. With the
 * translator's lock, while no vCPU runs. [main] */
void tn_cache_batches(unsigned n, TnCacheBatch *fn, void *opaque, GPtrArray *out);

#endif
