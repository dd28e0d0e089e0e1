/* SPDX-License-Identifier: MIT */
/* What the notes of slow paths are made of: slow-note.c writes them, slow.c does what they say. */
#ifndef TN_X64_SLOW_NOTE_H
#define TN_X64_SLOW_NOTE_H

#include "compile.h"
#include "notes.h"

/* The first byte of a note: the kind, and what else there is. */
enum {
    KIND = 0xf,
    HAS_FLAGS = 1 << 4,
    HAS_DISP = 1 << 5,
    HAS_CLEAR = 1 << 6,
    IS_VECTOR = 1 << 7, /* LOAD, STORE */
    /* The host's instruction says what it is, and the note where that is: IS_VECTOR has no other
     * meaning with this kind. */
    IN_INSN = X64_STUB_LOAD_VEC | IS_VECTOR,
    /* There bit 0 of the MMU mode is HAS_DISP, its bit 1 that of the kind. */
    INSN_MASK = (KIND & ~1) | IS_VECTOR,
    /* GROUP */
    GROUP_STORES = HAS_CLEAR, /* the access is a store */
    GROUP_WRITE = IS_VECTOR,  /* some of the group's are */
};

_Static_assert(X64_STUB_LOAD_VEC % 2 == 0, "the mode's bit 1 has the place of the kind's bit 0");

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

/* What a host instruction says of an access in translated code. */
typedef struct X64Insn {
    unsigned addr, addend; /* host registers: the sum of both is the host's address */
    unsigned reg;          /* of the value */
    bool store, is_imm;
    uint32_t mem;          /* argument of tn_mmu_*, without the mode */
    int64_t disp, imm;
    unsigned length;       /* bytes */
} X64Insn;

/* False where it is no plain move between a general register or a number and [addend + address +
 * displacement]. */
bool x64_read_insn(const uint8_t *code, X64Insn *in);

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
