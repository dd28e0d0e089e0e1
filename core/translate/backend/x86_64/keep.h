/* SPDX-License-Identifier: MIT */
/*
 * The code of a block outside the process that made it: the bytes, the places in them that depend
 * on where code and libraries lie or on the guest's pc, and the exits.
 *
 * Nothing that emits code has to tell of these places. The same code is compiled several times, at
 * pcs and places that differ by known distances (keep.c): what a place depends on shows
 * in how its contents differ. A difference that has no explanation means that the block is not kept.
 */
#ifndef TN_X64_KEEP_H
#define TN_X64_KEEP_H

#include "compile.h"
#include "notes.h"

enum { X64_KEPT_NONE = UINT32_MAX }; /* instead of an offset */

/* What a place in the code holds. */
typedef enum X64KeptKind {
    X64_KEPT_PC32,   /* 32 bits of a number that moves with the pc; the sign must stay what it is */
    X64_KEPT_PC64,   /* one of 64 bits */
    X64_KEPT_PC_LOW, /* the low 32 bits of one */
    X64_KEPT_PC_HALVES, /* the low 32 bits of one; the high ones are at `arg` */
    X64_KEPT_NOTE,   /* a signed number of a note, in `arg` bytes */
    X64_KEPT_JUMP,   /* 32 bits: offset of an entry of the jump cache; of the pc `arg` bytes away */
    X64_KEPT_THUNK,  /* distance of 32 bits to thunk number `arg` */
    X64_KEPT_CORE,   /* the same to offset `arg` of the core's library */
    X64_KEPT_TARGET, /* and of the target's module */
    X64_N_KEPT_KINDS,
} X64KeptKind;

typedef struct X64KeptPlace {
    uint32_t at : 24; /* offset in the code */
    uint32_t kind : 8; /* X64KeptKind */
    int32_t arg;
} X64KeptPlace;

/* Offsets in the code, or X64_KEPT_NONE. */
typedef struct X64KeptExit {
    int64_t pc;      /* from the block's */
    uint32_t patch, unlinked, early, late;
    uint32_t kind, flags; /* TnExitKind: direct or open; of TnBlockExit */
} X64KeptExit;

/* Followed by exits, places and code. */
typedef struct X64Kept {
    uint32_t code_size, n_exits, n_places;
    uint32_t own_entry, flags_dead, flags_marked; /* of TnBlock */
} X64Kept;

/* The libraries that code calls. */
typedef struct X64Library {
    uintptr_t first, size;
} X64Library;

extern X64Library x64_libraries[2]; /* the core's, the target's */

enum { X64_NOTE_LONGEST = 10, X64_NOTE_BITS = 7 }; /* bytes of a number, bits in each */

/* The length of a note's number within `size` bytes, or 0. */
static inline unsigned x64_note_length(const uint8_t *note, size_t size)
{
    unsigned n = 0;

    while (n < size && n < X64_NOTE_LONGEST && note[n] & X64_NOTE_MORE)
        n++;
    return n < size && n < X64_NOTE_LONGEST ? n + 1 : 0;
}

void x64_find_libraries(void);

/* The thunk number n, in the writable mapping, or NULL. */
static inline uint8_t *x64_thunk(unsigned n)
{
    return n < sizeof(x64_thunks) / sizeof(uint8_t *) ? ((uint8_t **)&x64_thunks)[n] : NULL;
}

/* TnBackend's hooks. */
bool x64_pack(TnBlock *const *blocks, unsigned n, GByteArray *out);
bool x64_unpack(TnBlock *block, uint64_t pc, const void *kept, size_t size);
void x64_identify(GByteArray *out);

/* The pcs that the code compiled last goes to by itself, as operations of the IR; backend.c. */
const TnIrOp *x64_last_ops(int *n);
/* Whether that code holds addresses of this process; backend.c. */
bool x64_last_is_bound(void);

#endif
