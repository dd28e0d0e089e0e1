/* SPDX-License-Identifier: MIT */
/*
 * What a thread holds of a file in memory: some of its bytes, copied, and as many of those behind,
 * since what is asked for next mostly follows. A file that is mapped instead takes the memory of all
 * that was ever looked at, by whole huge pages where the host has them.
 */
#ifndef TN_TRANSLATE_CACHE_WINDOW_H
#define TN_TRANSLATE_CACHE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

typedef struct TnCacheWindow TnCacheWindow;

/* A window on nothing; g_free. */
TnCacheWindow *tn_cache_window_new(void);

/* Bytes [offset, offset + n) of the file, 8-aligned where the offset is; n up to TN_CACHE_MAX_ENTRY.
 * Good until the next call. NULL where they cannot be read or the file ends before. */
const void *tn_cache_window_at(TnCacheWindow *window, int fd, uint64_t offset, size_t n);

#endif
