/* SPDX-License-Identifier: MIT */
/* What the notes of slow paths are made of: slow-note.c writes them, slow.c does what they say. */
#ifndef TN_X64_SLOW_NOTE_H
#define TN_X64_SLOW_NOTE_H

#include "compile.h"
#include "notes.h"

/* The byte of a note after its block: the kind, and what else there is. */
enum {
    KIND = 0xf,
    HAS_FLAGS = 1 << 4,
    HAS_DISP = 1 << 5,
    HAS_CLEAR = 1 << 6,
    IS_VECTOR = 1 << 7,
};

/* A source's byte: a register, or the base of what is in memory, and which of both. */
enum {
    SOURCE_REG = 0xf,
    SOURCE_KIND_SHIFT = 4,
    SOURCE_KIND = 3 << SOURCE_KIND_SHIFT,
    SOURCE_NARROW = 1 << 6,
};

/* A recipe's byte. */
enum {
    RECIPE_FOP = 0xf,           /* TnFlagOp, or */
    RECIPE_PACKED = RECIPE_FOP, /* the packed flags themselves */
    RECIPE_SIZE_SHIFT = 4,
    RECIPE_SIZE = 3 << RECIPE_SIZE_SHIFT,
    RECIPE_FROM_RESULT = 1 << 6,
    RECIPE_OF_MARK = 1 << 7,    /* only where the frame has a mark (loops.c) */
};

/* An access: the type and the MMU mode, that mostly are all there is to say, lowest. */
enum {
    ACCESS_TYPE = 0x7,
    ACCESS_MODE_SHIFT = 3,
    ACCESS_REST_SHIFT = 7,
    MODE_BITS = 4,
    TYPE_SHIFT = 16, /* in the argument of tn_mmu_* */
};

_Static_assert(TN_MEM_MODE_MASK == (1 << MODE_BITS) - 1 && TN_MEM_MODE_SHIFT == 0, "access");
_Static_assert((int)TN_FLAGS_COUNT <= (int)RECIPE_PACKED, "operations of flags take four bits");
_Static_assert(X64_STUB_VEC_STATE <= KIND + 1, "kinds of slow paths take four bits");

/* Which operands it has. */
static inline bool recipe_has_b(unsigned fop)
{
    return fop != RECIPE_PACKED && fop != TN_FLAGS_LOGIC && fop != TN_FLAGS_INC &&
           fop != TN_FLAGS_DEC;
}

static inline bool recipe_has_c(unsigned fop)
{
    return fop != RECIPE_PACKED && fop != TN_FLAGS_LOGIC && fop != TN_FLAGS_ADD &&
           fop != TN_FLAGS_SUB;
}

#endif
