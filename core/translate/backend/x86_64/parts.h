/* SPDX-License-Identifier: MIT */
/*
 * What is noted while a block's operations are lowered and emitted after them: slow paths, the taken
 * sides of conditional exits, the exits themselves, probes behind windows.
 */
#ifndef TN_X64_PARTS_H
#define TN_X64_PARTS_H

#include <string.h>

#include "operand.h"
#include "translate/ir-info.h"

/* Which vector temporaries a slow path keeps, and how much of them. */
typedef enum X64Keep { X64_KEEP_NONE, X64_KEEP_LOW, X64_KEEP_WHOLE, X64_N_KEEPS } X64Keep;

/* An out-of-line part. */
typedef enum X64StubKind {
    X64_STUB_LOAD, X64_STUB_STORE, X64_STUB_LOAD_VEC, X64_STUB_STORE_VEC, X64_STUB_RMW,
    X64_STUB_CAS, X64_STUB_X87_ENTER, X64_STUB_X87_SYNC, X64_STUB_X87_REFUSE,
    X64_STUB_X87_LOAD, X64_STUB_X87_STORE, X64_STUB_X87_PROBE,
    X64_STUB_DIVIDE, X64_STUB_REQUEST, X64_STUB_SITE, X64_STUB_GROUP, /* of notes only: the last three */
    X64_STUB_VEC_STATE,
} X64StubKind;

/* What tells a slow path about its access. */
typedef enum X64Teller {
    X64_TOLD_BY_NOTE,  /* the note alone; `place` is where code goes on, NULL: behind the note */
    X64_TOLD_BY_INSN,  /* LOAD, STORE: the plain move that it stands for, which is at `place` */
    X64_TOLD_OF_GROUP, /* it allows the group without looks that the access begins and goes on with its
                        * probe, at `place` */
} X64Teller;

enum { X64_RECIPE_ROOM = 40 }; /* no recipe of flags is longer in a note */

/* A recipe as notes have it. */
typedef struct X64FlagNote {
    uint8_t bytes[X64_RECIPE_ROOM];
    unsigned n;
} X64FlagNote;

static inline void x64_put_flag_note(X64Emit *e, const X64FlagNote *f)
{
    memcpy(e->p, f->bytes, sizeof(f->bytes));
    e->p += f->n;
}

/* What only some of them have is not set in others. */
typedef struct X64Stub {
    uint8_t kind;       /* X64StubKind */
    uint8_t teller;     /* X64Teller */
    bool near;          /* the jump to it is a short one */
    bool wide;          /* LOAD_VEC, STORE_VEC */
    bool vector;        /* LOAD, STORE: dst or value is the low part of an xmm register */
    int8_t addr;        /* host register, or 0 */
    int8_t dst;         /* host register, X64_NONE */
    int8_t clear;       /* host register that becomes 0, X64_NONE */
    uint32_t mem;       /* argument of tn_mmu_*; DIVIDE: the helper */
    int32_t disp;       /* added to addr */
    uint64_t pc;
    uint8_t *from[2];   /* displacements of the jumps to it */
    uint8_t *place;     /* see X64Teller */
    const struct X64Group *group; /* OF_GROUP */
    uint8_t n_from;
    uint8_t n_flags;    /* bytes of `flags`, 0: none are pending */
    uint16_t live_vec;  /* xmm registers to keep */
    uint16_t wide_vec;  /* those of them with 256 bits */
    uint8_t flags[X64_RECIPE_ROOM]; /* the recipe, as notes have it */
    X64Src value;       /* STORE, RMW, CAS, DIVIDE */
    int8_t second;      /* CAS, DIVIDE: host register of the other one */
    uint8_t aop;        /* RMW: TnAtomicOp */
    TnHostX x87;        /* X87_LOAD, X87_STORE: the instruction */
} X64Stub;

/* The taken side of a conditional exit, out of line. */
typedef struct X64Side {
    uint8_t *from;
    uint64_t pc;
    enum {
        X64_SIDE_GOES,
        X64_SIDE_STORES, /* flags before */
        X64_SIDE_STORES_EARLY, /* the same, and the jump is to be patched */
        X64_SIDE_NOTES,  /* flags behind a call for another page */
    } kind;
    bool linkable;
    bool host_live; /* the host's flags are the pending ones at the jump */
    union {
        X64Recipe flags;  /* STORES */
        X64FlagNote note; /* NOTES */
    };
} X64Side;

/* Where the flags are that a direct exit stores once it is linked to a block that wants them:
 * TnBlockExit.flags. */
typedef enum X64ExitFlags {
    X64_EXIT_STORED,     /* nowhere: the block has seen to them */
    X64_EXIT_NOTED,      /* their recipe is behind the call of its way out */
    X64_EXIT_HOST,       /* they are the host's, of an addition or subtraction */
    X64_EXIT_HOST_LOGIC, /* of another operation, which has some of them clear */
    X64_N_EXIT_FLAGS,
} X64ExitFlags;

static inline bool x64_exit_in_host(X64ExitFlags flags)
{
    return flags >= X64_EXIT_HOST;
}

/* The way out of a direct exit that is not linked, where it comes after the block. */
typedef struct X64WayOut {
    uint8_t *jump;    /* displacement of the jump to it */
    uint8_t *request; /* that of a jump behind it, taken where exit_request is set, or NULL */
    unsigned exit;    /* its place in X64Ctx.exits */
    X64FlagNote flags; /* behind the call, or pending at the request */
} X64WayOut;

/* A probe, and where it stands out of line because a window serves mostly. */
typedef struct X64Refill {
    int addr, index, tag;     /* host registers; the last two are clobbered */
    int32_t first, last;      /* bytes, from the address */
    int32_t disp, align;      /* of the access; bits of the address that have to be clear */
    unsigned mode, window;
    int site;                 /* instead of the window, or -1 */
    bool write;
    bool moves;               /* the window is moved to what the probe finds */
    bool small;               /* in the first form of a block: short code before quick code */
    bool aligned;             /* what is not aligned misses, too; there is only one access */
    bool near;                /* the jump of a miss is a short one */
    uint32_t also;            /* bits of the tag that are to be set, too */
    unsigned stub;            /* the slow path */
    uint8_t *from, *back;
} X64Refill;

#endif
