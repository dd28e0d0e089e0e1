/* SPDX-License-Identifier: MIT */
/* What the files of the cache share. */
#ifndef TN_TRANSLATE_CACHE_INTERNAL_H
#define TN_TRANSLATE_CACHE_INTERNAL_H

#include "tenon/log.h"
#include "translate/cache/cache.h"

enum {
    TN_CACHE_SHIFTS = 4,
    TN_CACHE_NEAR = 48 << 20, /* how far from its pc what a kernel's code addresses may be */
    TN_CACHE_NEAR_ZERO = 1 << 20,
};

/* Counted with the translator's lock or by one thread; read at the end. */
typedef struct TnCacheStats {
    uint64_t found;        /* entries in the file at the start */
    uint64_t hits, insns, misses, moved; /* moved: hits at another pc than the file's */
    uint64_t next;         /* hits of the entry behind the last one */
    uint64_t shifted;      /* hits whose code has fields */
    uint64_t refused;      /* entries that are not good at the pc */
    uint64_t damaged;      /* entries with a wrong checksum */
    uint64_t changed;      /* code that changed while its entry was put in place */
    uint64_t nanoseconds;  /* of hits and misses, where options.stats asks for it */
    uint64_t noted, kept, bound, tied; /* pieces of code: noted, packed, that could not be, to one pc */
    uint64_t bake_ns, written, dropped;
} TnCacheStats;

typedef struct TnCache {
    char *dir;              /* owned; NULL: off */
    uint64_t max_bytes;
    bool open;              /* the digest is known */
    uint8_t digest[TN_CACHE_DIGEST];
    TnCpu *first;           /* the vCPU that it is for */
    TnCacheFile file;       /* size 0: there is none yet */
    uint64_t shifts[TN_CACHE_SHIFTS]; /* how far code is from the file's, the surest first */
    uint8_t *used;          /* a bit for each `at`: it was a hit; owned */
    TnCacheStats stats;
} TnCache;

extern TnCache tn_cache;

/* Notes, and tells, that the entry at `at` served this run. [any] */
static inline void tn_cache_use(uint32_t at)
{
    __atomic_fetch_or(&tn_cache.used[at / 8], (uint8_t)(1u << at % 8), __ATOMIC_RELAXED);
}

static inline bool tn_cache_is_used(uint32_t at)
{
    return tn_cache.used[at / 8] >> at % 8 & 1;
}

/* ---- store.c ----------------------------------------------------------------------------- */

/* Opens the directory, made where it is missing. -1 with an error where it is not to be believed. */
int tn_cache_open_directory(const char *path, GError **error);

/* A digest's file name. g_free. */
char *tn_cache_file_name(const uint8_t digest[TN_CACHE_DIGEST]);

/* Opens a digest's file. False, with an error only where it is there and is not to be believed; a
 * missing, torn or stale one is nothing to speak of. */
bool tn_cache_find(int dir, const uint8_t digest[TN_CACHE_DIGEST], TnCacheFile *file,
                   GError **error);

/* Replaces a digest's file in one step, and drops the oldest others where the directory's would take
 * more than max_bytes together. */
bool tn_cache_replace(int dir, const uint8_t digest[TN_CACHE_DIGEST], const GByteArray *data,
                      uint64_t max_bytes, GError **error);

/* Keeps other instances from replacing the file; false where one has held it for seconds. */
bool tn_cache_lock(int dir);

/* ---- journal.c --------------------------------------------------------------------------- */

/* A piece of code that was translated; its bytes follow. */
typedef struct TnCacheNote {
    TnBlockKey key;
    uint16_t n_bytes, n_insns;
} TnCacheNote;

/* All notes (const TnCacheNote), in the order in which they were made; the array is the caller's. */
GPtrArray *tn_cache_notes(void);

/* ---- bake.c ------------------------------------------------------------------------------ */

/* Compiles all notes that no entry is there for; entries (owned) go to the array. */
void tn_cache_bake(GPtrArray *entries);

/* ---- lookup.c ---------------------------------------------------------------------------- */

/* The mode of a key for the file. */
TnCacheMode tn_cache_mode(const TnBlockKey *key);

/* Parts of the address space in which pcs are alike to translations; moves are within one. */
typedef enum TnCacheZone {
    TN_CACHE_NOWHERE,      /* between them: no moves */
    TN_CACHE_LOW,          /* the first 2 GiB */
    TN_CACHE_USER,
    TN_CACHE_HIGH,
    TN_CACHE_KERNEL,       /* the last 2 GiB */
} TnCacheZone;

TnCacheZone tn_cache_zone(uint64_t pc);

/* Translations are logged: there are to be some, and those made for the file are not meant. */
static inline bool tn_cache_is_watched(void)
{
    return tn_log_enabled(TN_LOG_IN_ASM) || tn_log_enabled(TN_LOG_OP) ||
           tn_log_enabled(TN_LOG_OP_OPT) || tn_log_enabled(TN_LOG_OUT_ASM);
}

#endif
