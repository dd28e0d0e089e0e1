/* SPDX-License-Identifier: MIT */
/*
 * The file of kept translations: its layout, finding an entry in one, and putting one together.
 *
 * A header, a hash table of slots, then the entries. Numbers are the host's: what differs between
 * hosts is in the digest, which header and file name carry. Nothing in a file is believed: offsets
 * and sizes are checked before they are followed, and the checksum of an entry is taken of the copy
 * that is used, so that a file that changes while it is read does no harm either.
 *
 * Where a block's code begins decides about nothing but its offset in the page: entries are found
 * by the mode, that offset and the first bytes of code, and hold all bytes of code to be compared.
 *
 * A kernel that chooses its place when it starts changes its code to suit: addresses in it are larger
 * by the distance (shift) to where it was linked, distances to what stays in place smaller. Entries
 * of such code tell where these numbers are (fields). They are found by their pc less the shift, and
 * are the same code where the fields differ by it.
 */
#ifndef TN_TRANSLATE_CACHE_FORMAT_H
#define TN_TRANSLATE_CACHE_FORMAT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "translate/cache/window.h"

enum {
    TN_CACHE_VERSION = 2,
    TN_CACHE_DIGEST = 32,            /* bytes: SHA-256 */
    TN_CACHE_MAX_ENTRY = 256 * 1024, /* bytes */
    TN_CACHE_MAX_AGE = 255,
    TN_CACHE_PAGE = 4096,            /* code of an entry lies in one page of this size */
};

/* What a translation depends on beside its code and pc, of its TnBlockKey. */
typedef struct TnCacheMode {
    uint64_t base;
    uint32_t flags;
    uint16_t address_bits, mmu_mode;
} TnCacheMode;

typedef struct TnCacheHeader {
    uint8_t magic[8];
    uint32_t version;
    uint32_t slot_bits;     /* log2 of the slots, which follow the header */
    uint8_t digest[TN_CACHE_DIGEST];
    uint64_t size;          /* of the file */
    uint32_t n_entries;
    uint32_t reserved;
    uint64_t checksum;      /* of the header before it */
} TnCacheHeader;

typedef struct TnCacheSlot {
    uint32_t at;            /* of the entry, in units of 8 bytes; 0: empty */
    uint32_t tag;           /* hash bits, and in the low byte in how many writings it was not used */
} TnCacheSlot;

/* A number of 32 bits in the code, which is `sign` times the shift larger elsewhere. */
typedef struct TnCacheField {
    uint16_t at;            /* byte of the code */
    int16_t sign;           /* 1 or -1 */
} TnCacheField;

/* Followed by the bytes of code and the fields, each padded to 8, and the back end's part. */
typedef struct TnCacheEntry {
    uint64_t checksum;      /* of what follows */
    uint32_t size;          /* of all, a multiple of 8 */
    uint32_t kept_size;     /* of the back end's part */
    TnCacheMode mode;
    uint64_t pc;
    uint16_t n_bytes, n_insns;
    uint8_t moves;          /* good at other pcs with the same offset in the page */
    uint8_t n_fields;       /* in ascending order */
    uint8_t reserved[2];
} TnCacheEntry;

_Static_assert(sizeof(TnCacheMode) == 16 && sizeof(TnCacheHeader) == 72 &&
               sizeof(TnCacheEntry) == 48, "no padding gets into files");

static inline uint8_t *tn_cache_entry_bytes(const TnCacheEntry *e)
{
    return (uint8_t *)(e + 1);
}

static inline TnCacheField *tn_cache_entry_fields(const TnCacheEntry *e)
{
    return (TnCacheField *)(void *)(tn_cache_entry_bytes(e) + ((e->n_bytes + 7u) & ~7u));
}

static inline void *tn_cache_entry_kept(const TnCacheEntry *e)
{
    return tn_cache_entry_fields(e) + ((e->n_fields + 1u) & ~1u);
}

/* An open file; its table is in memory. */
typedef struct TnCacheFile {
    int fd;                 /* owned */
    size_t size;            /* 0: there is none */
    TnCacheSlot *slots;     /* owned */
    uint32_t slot_mask;
    uint32_t n_entries;
    size_t first;           /* byte where entries may begin */
} TnCacheFile;

/* Takes a file of `size` bytes for `digest`; with success fd is the TnCacheFile's. False with an
 * error where it is none or not whole. */
bool tn_cache_file_take(TnCacheFile *file, int fd, size_t size,
                        const uint8_t digest[TN_CACHE_DIGEST], GError **error);
void tn_cache_file_close(TnCacheFile *file);

/* A search for the entries of one piece of code, which starts zeroed but for what is sought. */
typedef struct TnCacheSearch {
    TnCacheWindow *window;
    const TnCacheMode *mode;
    uint64_t pc;
    const uint8_t *code;    /* `room` bytes from pc, up to the end of the page */
    unsigned room;
    unsigned length, probe; /* where it is */
    uint64_t hash;
    uint64_t shift;         /* of tn_cache_file_shifted */
    uint32_t at;            /* of the entry found, as in its slot */
    uint32_t damaged;       /* entries met that are */
} TnCacheSearch;

/* The next entry without fields whose mode, code and offset fit, in the search's window; NULL: no
 * more. */
const TnCacheEntry *tn_cache_file_next(const TnCacheFile *file, TnCacheSearch *search);

/* The entry with fields for the search's code where it is shifted; likewise. */
const TnCacheEntry *tn_cache_file_shifted(const TnCacheFile *file, TnCacheSearch *search,
                                          uint64_t shift);

/* The entry at `at`, with fields (then for code that is shifted) or without, where it is one for the
 * search's code; likewise. Code mostly comes in the order of the file. */
const TnCacheEntry *tn_cache_file_there(const TnCacheFile *file, TnCacheSearch *search,
                                        uint32_t at, uint64_t shift);

/* The entry of a slot, in the window and checked as above; NULL where it is empty or damaged. */
const TnCacheEntry *tn_cache_file_slot(const TnCacheFile *file, uint32_t slot,
                                       TnCacheWindow *window, unsigned *age);

/* Sets size and checksum of an entry whose parts are in place and padded. */
void tn_cache_entry_seal(TnCacheEntry *e);

/* An entry to be written; borrowed. */
typedef struct TnCacheItem {
    const TnCacheEntry *entry;
    unsigned age;
} TnCacheItem;

/* Puts a file together; NULL where it would be too large for its offsets. */
GByteArray *tn_cache_file_make(const TnCacheItem *items, unsigned n,
                               const uint8_t digest[TN_CACHE_DIGEST]);

uint64_t tn_cache_checksum(const void *data, size_t size);

#endif
