/* SPDX-License-Identifier: MIT */
/*
 * The memory bus: regions, address spaces, DMA.
 *
 * An address space is a tree of regions. A region is RAM, ROM (RAM that the guest cannot write), a
 * ROM device (reads are memory, writes go to callbacks), I/O (callbacks), an alias (a window into
 * another region) or a container. Where regions overlap, the higher priority wins; a container
 * without contents at an address lets what is below show through. The tree is flattened into a
 * view; readers use the view without locks (RCU), changes are collected in transactions.
 *
 * Offsets given to callbacks are relative to the region. Values are in the host's order of the
 * number: a 4-byte read of bytes 01 02 03 04 is 0x04030201 for a little-endian region.
 */
#ifndef TENON_MEMORY_H
#define TENON_MEMORY_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tenon/macros.h"
#include "tenon/object.h"

TN_BEGIN_DECLS

typedef struct TnRegion TnRegion;
typedef struct TnAddressSpace TnAddressSpace;

/* Attributes of an access. */
typedef enum TnMemAttrs {
    TN_MEM_ATTR_NONE = 0,
    TN_MEM_ATTR_SECURE = 1u << 0, /* x86: in SMM */
    TN_MEM_ATTR_USER = 1u << 1,
    TN_MEM_ATTR_DEBUG = 1u << 2,  /* a debugger's: ROM may be written, no side effects */
    TN_MEM_ATTR_REQUESTER_SHIFT = 16, /* PCI requester id in the high half */
} TnMemAttrs;

typedef enum TnMemResult {
    TN_MEM_OK = 0,
    TN_MEM_ERROR = 1u << 0,       /* the device refused */
    TN_MEM_UNASSIGNED = 1u << 1,  /* nothing is there */
} TnMemResult;

typedef enum TnEndian {
    TN_ENDIAN_LITTLE = 0,
    TN_ENDIAN_BIG = 1,
} TnEndian;

/*
 * Callbacks of an I/O region. `size` is 1, 2, 4 or 8 bytes, within [impl_min, impl_max]; the bus
 * splits or widens other accesses. valid_* say what the guest may do at all: anything else reads
 * as all ones and is dropped when written (and logged as a guest error). Zero sizes mean 1..4 for
 * impl and 1..8 for valid. [vcpu +lock] unless `lockless`.
 */
typedef struct TnRegionOps {
    uint32_t size_of; /* sizeof(TnRegionOps) */
    TnEndian endian;
    uint64_t (*read)(void *opaque, uint64_t offset, unsigned size);
    void (*write)(void *opaque, uint64_t offset, uint64_t value, unsigned size);
    uint8_t valid_min, valid_max; /* bytes */
    uint8_t impl_min, impl_max;
    bool valid_unaligned, impl_unaligned;
    bool lockless;
    /* Optional forms that see attributes and may fail; used instead of the plain ones when set. */
    TnMemResult (*read_attrs)(void *opaque, uint64_t offset, uint64_t *value, unsigned size,
                              uint32_t attrs);
    TnMemResult (*write_attrs)(void *opaque, uint64_t offset, uint64_t value, unsigned size,
                               uint32_t attrs);
} TnRegionOps;

/* ---- Making regions --------------------------------------------------------------------- */
/*
 * In all of these, `owner` keeps the region's memory alive for as long as the owner lives; `name`
 * is for listings; `size` in bytes, 1 .. 2^64 - 1, or 0 for the whole 2^64. Each returns a region
 * owned by `owner` (borrowed by the caller), never NULL unless an error is taken.
 */

/* A region that only holds others. [main +lock] */
TN_API TnRegion *tn_region_new_container(TnObject *owner, const char *name, uint64_t size);
/* Callbacks; `ops` must stay valid, `opaque` is given to them. [main +lock] */
TN_API TnRegion *tn_region_new_io(TnObject *owner, const char *name, const TnRegionOps *ops,
                                  void *opaque, uint64_t size);
/* RAM from the host (anonymous memory, zeroed), and the same that the guest cannot write. Size is
 * rounded up to 4096. NULL with an error when the host gives none. [main +lock] */
TN_API TnRegion *tn_region_new_ram(TnObject *owner, const char *name, uint64_t size, GError **error);
TN_API TnRegion *tn_region_new_rom(TnObject *owner, const char *name, uint64_t size, GError **error);
/* Reads go to memory, writes to ops->write; see tn_region_set_rom_mode. NULL with an error when
 * the host gives no memory. [main +lock] */
TN_API TnRegion *tn_region_new_rom_device(TnObject *owner, const char *name, const TnRegionOps *ops,
                                          void *opaque, uint64_t size, GError **error);
/* The window [offset, offset + size) of target. [main +lock] */
TN_API TnRegion *tn_region_new_alias(TnObject *owner, const char *name, TnRegion *target,
                                     uint64_t offset, uint64_t size);
/* A region over the RAM of a back end object, which can be shown once. NULL with an error for
 * another kind of object, one in use, or when its memory cannot be had. [main +lock] */
TN_API TnRegion *tn_region_new_backend(TnObject *owner, const char *name, TnObject *backend,
                                       GError **error);

/* ---- RAM back ends ---------------------------------------------------------------------- */

/*
 * A RAM back end is an object that gives a machine or a device its memory (-object
 * memory-backend-X). Its type inherits from TN_TYPE_MEMORY_BACKEND, which has the properties size,
 * share, prealloc, merge and dump, and has the interface TN_IFACE_MEMORY_BACKEND.
 */
#define TN_TYPE_MEMORY_BACKEND "memory-backend"
#define TN_IFACE_MEMORY_BACKEND "memory-backend"

/* Calls come when the memory is first mapped; `state` is that of the implementing type. [main
 * +lock] */
typedef struct TnMemoryBackendOps {
    uint32_t size;
    uint32_t flags;
    /* A descriptor to map `size` bytes of, which becomes the core's; -1 with *ok true asks for
     * anonymous memory. On failure *ok is false and an error is set. */
    int (*open)(TnObject *backend, void *state, uint64_t size, bool *ok, GError **error);
    /* Whether the guest can only read. May be NULL: it can write. */
    bool (*readonly)(void *state);
} TnMemoryBackendOps;

/* ---- The tree --------------------------------------------------------------------------- */

/* Shows a child in a container, at an offset in bytes. A region is in one place at a time; where
 * children overlap, the higher priority wins, and of equal ones the later; plain add is priority 0.
 * [main or vcpu +lock] */
TN_API void tn_region_add(TnRegion *parent, uint64_t offset, TnRegion *child);
TN_API void tn_region_add_overlap(TnRegion *parent, uint64_t offset, TnRegion *child, int priority);
/* Takes a child out of its parent. [main or vcpu +lock] */
TN_API void tn_region_remove(TnRegion *parent, TnRegion *child);
/* A region that is not enabled is as if it were not there. [main or vcpu +lock] */
TN_API void tn_region_set_enabled(TnRegion *region, bool enabled);
/* Moves a region within its parent; sets its size in bytes. [main or vcpu +lock] */
TN_API void tn_region_set_offset(TnRegion *region, uint64_t offset);
TN_API void tn_region_set_size(TnRegion *region, uint64_t size);
/* Moves the window of an alias over its target. [main or vcpu +lock] */
TN_API void tn_region_set_alias_offset(TnRegion *alias, uint64_t offset);
/* Makes memory ROM, or RAM again. [main or vcpu +lock] */
TN_API void tn_region_set_readonly(TnRegion *region, bool readonly);
/* ROM device: true: reads are memory; false: reads go to ops->read too. [main or vcpu +lock] */
TN_API void tn_region_set_rom_mode(TnRegion *region, bool rom_mode);
/* What was set, and what the region was made with; strings and owner are borrowed.
 * [main or vcpu +lock] */
TN_API bool tn_region_enabled(const TnRegion *region);
TN_API uint64_t tn_region_size(const TnRegion *region);
TN_API const char *tn_region_name(const TnRegion *region);
TN_API TnObject *tn_region_owner(const TnRegion *region);

/* Changes between begin and commit take effect at once at the outermost commit.
 * [main or vcpu +lock] */
TN_API void tn_memory_begin(void);
TN_API void tn_memory_commit(void);

/* Host address of a RAM-like region's bytes, or NULL. Writing there needs tn_region_mark_dirty.
 * [any] */
TN_API uint8_t *tn_region_ram(TnRegion *region);
/* Tells everyone (code cache, displays, migration) that bytes changed behind the bus. [any] */
TN_API void tn_region_mark_dirty(TnRegion *region, uint64_t offset, uint64_t size);

/* Dirty logging for clients: bit per 4 KiB page. */
typedef enum TnDirtyClient {
    TN_DIRTY_DISPLAY = 0,
    TN_DIRTY_CODE = 1,
    TN_DIRTY_MIGRATION = 2,
} TnDirtyClient;
/* Switches a client's log of a RAM-like region on or off. [main +lock] */
TN_API void tn_region_set_dirty_log(TnRegion *region, TnDirtyClient client, bool on);
/* True if any page of the span (bytes) is dirty for the client; clears it. [any] */
TN_API bool tn_region_test_clear_dirty(TnRegion *region, TnDirtyClient client, uint64_t offset,
                                       uint64_t size);

/* ---- Address spaces --------------------------------------------------------------------- */

/* The machine's memory and its port I/O (64 KiB); the roots are containers. Borrowed. [any] */
TN_API TnAddressSpace *tn_system_memory_space(void);
TN_API TnRegion *tn_system_memory(void);
TN_API TnAddressSpace *tn_system_io_space(void);
TN_API TnRegion *tn_system_io(void);

/* An address space over a tree, owned by `owner` and gone with it. Borrowed. [main +lock] */
TN_API TnAddressSpace *tn_address_space_new(TnObject *owner, const char *name, TnRegion *root);

/* ---- Access (DMA) ----------------------------------------------------------------------- */
/*
 * Any length and alignment; spans of several regions are split. Unassigned parts read as all ones.
 * `attrs` is of TnMemAttrs; the result ORs what the parts gave. Takes the device lock itself where
 * a callback needs it. [any]
 */
TN_API TnMemResult tn_memory_read(TnAddressSpace *as, uint64_t addr, void *buf, uint64_t n,
                                  uint32_t attrs);
TN_API TnMemResult tn_memory_write(TnAddressSpace *as, uint64_t addr, const void *buf, uint64_t n,
                                   uint32_t attrs);
/* One access of 1, 2, 4 or 8 bytes, little-endian value. [any] */
TN_API TnMemResult tn_memory_load(TnAddressSpace *as, uint64_t addr, unsigned size, uint64_t *value,
                                  uint32_t attrs);
TN_API TnMemResult tn_memory_store(TnAddressSpace *as, uint64_t addr, unsigned size, uint64_t value,
                                   uint32_t attrs);
/* Writes even into ROM (loaders). [any] */
TN_API TnMemResult tn_memory_write_rom(TnAddressSpace *as, uint64_t addr, const void *buf, uint64_t n);
/* Fills n bytes with one. [any] */
TN_API TnMemResult tn_memory_set(TnAddressSpace *as, uint64_t addr, uint8_t byte, uint64_t n,
                                 uint32_t attrs);

/*
 * What is at an address, for the soft TLB: the largest run with one answer. `host` is NULL for
 * anything not plain memory. Valid until the next commit; the core's TLB is flushed then. Frozen:
 * the caller gives the room for it.
 */
typedef struct TnMemorySpan {
    TnRegion *region;   /* NULL: unassigned */
    uint64_t offset;    /* of the address in region */
    uint64_t length;    /* bytes from the address with the same answer */
    uint8_t *host;      /* of the address, when reads are plain memory */
    bool writable;      /* writes are plain memory too */
} TnMemorySpan;
/* Fills in *span for an address. [any] */
TN_API void tn_memory_lookup(TnAddressSpace *as, uint64_t addr, uint32_t attrs, TnMemorySpan *span);

/*
 * One access to a region by offset (what lookup gave), of 1, 2, 4 or 8 bytes; splits as the ops
 * need. A store to a span with `host` that is not `writable` must go through tn_memory_store:
 * read-only may be the window, not the region. [any]
 */
TN_API TnMemResult tn_region_load(TnRegion *region, uint64_t offset, unsigned size, uint64_t *value,
                                  uint32_t attrs);
TN_API TnMemResult tn_region_store(TnRegion *region, uint64_t offset, unsigned size, uint64_t value,
                                   uint32_t attrs);

/* Called after every commit that changed the view; for the soft TLB and accelerators. */
typedef void (*TnMemoryListenerFn)(TnAddressSpace *as, void *data);
/* Has fn(as, data) called so [main or vcpu +lock] for as long as the address space lives. [main
 * +lock] */
TN_API void tn_memory_listen(TnAddressSpace *as, TnMemoryListenerFn fn, void *data);

/* Text of the tree and of the flat view, for `info mtree`. g_free. [main +lock] */
TN_API char *tn_memory_dump(TnAddressSpace *as);

/* ---- The device lock -------------------------------------------------------------------- */
/* Serialises devices and the main loop. Recursive use is an error. [any] */
TN_API void tn_device_lock(void);
TN_API void tn_device_unlock(void);
/* Whether this thread has it. [any] */
TN_API bool tn_device_lock_held(void);

TN_END_DECLS

#endif
