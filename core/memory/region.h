/* SPDX-License-Identifier: MIT */
/* Regions, RAM and views as the files of this folder share them. */
#ifndef TN_MEMORY_REGION_H
#define TN_MEMORY_REGION_H

#include <stdatomic.h>

/* Inline readers are ten times cheaper; their library's own misalignment upsets UBSan. */
#ifndef TN_RCU_BY_CALL
#define _LGPL_SOURCE
#endif
#include <urcu-bp.h>

#include "memory/memory-internal.h"
#include "tenon/log.h"

/* Sizes and sums of addresses: 2^64 itself must fit. */
typedef __int128 TnWide;
#define TN_WHOLE ((TnWide)1 << 64)

enum { DIRTY_CLIENTS = TN_DIRTY_MIGRATION + 1 };
enum { TN_RAM_PAGE_BITS = 12, TN_RAM_PAGE = 1u << TN_RAM_PAGE_BITS };

/* Host memory of RAM-like regions, with its dirty bits (one per page and client). */
typedef struct TnRam {
    gint refs;
    int fd;                 /* owned; -1 for anonymous memory */
    uint8_t *host;
    uint64_t size;          /* bytes, a multiple of TN_RAM_PAGE */
    uint64_t mapped;        /* bytes of the mapping, with what alignment wasted */
    void *mapping;
    atomic_uint logging;    /* 1 << TnDirtyClient: display and migration, while they log */
    _Atomic(uint64_t) *dirty[DIRTY_CLIENTS];
} TnRam;

typedef struct TnRamOptions {
    const char *name;       /* for error messages */
    uint64_t size;
    int fd;                 /* taken over, or -1 */
    bool shared, readonly, prealloc, no_merge, no_dump;
} TnRamOptions;

TnRam *tn_ram_new(const TnRamOptions *options, GError **error);
TnRam *tn_ram_ref(TnRam *ram);
void tn_ram_unref(TnRam *ram);
/* Bytes were written through the bus: sets dirty bits and calls the code hook. */
void tn_ram_written(TnRegion *region, uint64_t offset, uint64_t size);

typedef enum TnRegionKind {
    TN_REGION_CONTAINER,
    TN_REGION_IO,
    TN_REGION_RAM,
    TN_REGION_ROM,
    TN_REGION_ROM_DEVICE,
    TN_REGION_ALIAS,
} TnRegionKind;

struct TnRegion {
    TnObject *owner;      /* borrowed */
    char *name;           /* owned */
    TnRegionKind kind;
    gint refs;            /* the owner's, and one of each alias of it */
    TnWide size;
    bool enabled, readonly, rom_mode;
    TnRegionOps ops;      /* a copy with defaults filled in */
    void *opaque;
    TnRam *ram;           /* ref; RAM-like kinds */
    TnRegion *alias;      /* ref */
    uint64_t alias_offset;
    TnRegion *parent;     /* borrowed */
    uint64_t offset;      /* in parent */
    int priority;
    GPtrArray *children;  /* borrowed, highest priority first; NULL until the first */
    struct rcu_head rcu;
};

static inline bool tn_region_reads_memory(const TnRegion *region)
{
    return region->ram && (region->kind != TN_REGION_ROM_DEVICE || region->rom_mode);
}

static inline bool tn_region_writes_memory(const TnRegion *region)
{
    return region->kind == TN_REGION_RAM && !region->readonly;
}

/* A region over RAM that somebody else made; takes a reference. */
TnRegion *tn_region_new_of_ram(TnObject *owner, const char *name, TnRam *ram, bool readonly);

/* ---- Views ------------------------------------------------------------------------------- */

typedef struct TnViewRange {
    uint64_t start, last; /* inclusive */
    TnRegion *region;     /* borrowed: lives until readers of the view are gone */
    uint64_t offset;      /* of `start` in region */
    uint8_t *host;        /* of `start`, when reads are memory */
    uint64_t writable;    /* writes are memory too; as wide as the rest, for memcmp */
} TnViewRange;

typedef struct TnView {
    gint refs;            /* the spaces that share it */
    unsigned n;
    TnViewRange *ranges;  /* sorted, not overlapping */
    uint16_t *direct;     /* by port: index in ranges + 1, 0 for none; NULL for large spaces */
    struct rcu_head rcu;
} TnView;

/* The flat view of the tree below `root` (NULL: nothing). */
TnView *tn_view_new(TnRegion *root);
/* Gives it `direct`, where it is that of a space of 64 KiB and before anybody has seen it. */
void tn_view_index_ports(TnView *view);
bool tn_view_equal(const TnView *a, const TnView *b);
/* Frees at once: nobody has seen it. */
void tn_view_free(TnView *view);
/* Drops a reference; the last one frees after the readers. */
void tn_view_unref(TnView *view);

/* The range that holds addr, or NULL with the start of the next one in *next (0: there is none). */
const TnViewRange *tn_view_find(const TnView *view, uint64_t addr, uint64_t *next);

struct TnAddressSpace {
    char *name;
    TnObject *owner;
    TnRegion *root;
    bool ports;
    TnView *view; /* RCU */
    GArray *listeners;
    bool changed; /* during a commit */
    struct rcu_head rcu;
};

static inline const TnView *tn_space_view(TnAddressSpace *as)
{
    return rcu_dereference(as->view);
}

/* Notes a change of the tree between begin and commit. */
void tn_memory_changed(void);

#endif
