/* SPDX-License-Identifier: MIT */
/*
 * The index of a module directory: what its files' notes say, in one file that is read at once. Each
 * entry says of which file it is true: a file of the same name with another stamp is not described.
 * This is the form; where the file lies, and when it is believed, is in index-file.h.
 *
 * All numbers are little-endian, so that any host can write and read it:
 *
 *     header   "TenonIdx", u32 version, u32 format of the notes, u32 entries, u32 0, u64 file's size
 *     entries  u64 inode, u64 size, s64 mtime, s64 ctime, u32 mtime's ns, u32 ctime's ns,
 *              u8 ELF class, u8 ELF data, u16 ELF machine, u32 bytes of the name with its NUL,
 *              u32 bytes of the note, u32 0; the name; the note; zeros up to a multiple of 8
 *     trailer  u64 sum of all before it
 *
 * The sum begins with the number of bytes; for each u64 it becomes ((sum ^ u64) * the odd number
 * TN_INDEX_FACTOR) ^ its own upper half. It tells of files cut short and of bits that flipped, not
 * of people: whom to believe is a matter of owners and modes.
 *
 * Entries are in ascending order of their names. There is no time or host's name in it: the same
 * files give the same bytes.
 */
#ifndef TENON_CORE_INDEX_H
#define TENON_CORE_INDEX_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "module/elf.h"

enum {
    TN_INDEX_VERSION = 1,
    TN_INDEX_MAX = 1 << 24, /* bytes of an index; a larger one is not read */
};

/*
 * What tells one state of a file from another. Package managers set mtime, and often to one date for
 * all versions; ctime is the kernel's. Devices are numbered anew at each start, so that they are not
 * part of it.
 */
typedef struct TnFileStamp {
    uint64_t inode, size;
    int64_t mtime, ctime; /* seconds */
    uint32_t mtime_ns, ctime_ns;
} TnFileStamp;

TnFileStamp tn_file_stamp(const struct stat *st);
bool tn_file_stamp_equal(const TnFileStamp *a, const TnFileStamp *b);

/* Texts are borrowed. */
typedef struct TnIndexEntry {
    const char *file; /* its name in the directory; "*.so", no slash */
    TnFileStamp stamp;
    TnElfHost host;
    const char *note; /* its bytes, not ended by a NUL */
    uint32_t note_size;
} TnIndexEntry;

typedef struct TnIndex {
    char *bytes; /* owned: what the entries borrow from */
    GArray *entries; /* TnIndexEntry */
} TnIndex;

/* The bytes of an index of entries with ascending names. NULL when they would be too many. */
GByteArray *tn_index_encode(const TnIndexEntry *entries, unsigned n, GError **error);

/* The sum of so many bytes, a multiple of 8. */
#define TN_INDEX_FACTOR UINT64_C(0x9e3779b97f4a7c15) /* 2^64 over the golden ratio */
uint64_t tn_index_sum(const char *bytes, size_t size);

/* Takes `bytes` over in any case. The error speaks of the index as "it". */
TnIndex *tn_index_decode(char *bytes, size_t size, GError **error);
void tn_index_free(TnIndex *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TnIndex, tn_index_free)

/*
 * The entry of a file's name, NULL when it has none. For names asked for in ascending order: `cursor`
 * is 0 before the first, and moves on.
 */
const TnIndexEntry *tn_index_find(const TnIndex *index, const char *file, unsigned *cursor);

#endif
