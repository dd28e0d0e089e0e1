/* SPDX-License-Identifier: MIT */
/* The second walk over a block, back to front: what its parts share. */
#ifndef TN_X64_BACKWARD_H
#define TN_X64_BACKWARD_H

#include "compile.h"

typedef struct X64Backward {
    X64Ctx *cx;
    uint64_t overwritten; /* declared registers that a PUT follows for, unseen until then */
    uint64_t in_place;    /* registers that a result may be computed in */
    uint64_t low;         /* those, and the ones whose low half one follows for */
    uint32_t hinted;      /* host registers whose hint counts, as bits; vector registers come last */
    TnTemp hint[X64_FIRST_XMM + 16]; /* temporary PUT there with no observer before */
    int flags_needed;     /* last observer before the next PUT of flags_reg, -1 none */
    bool flags_read;      /* a GET of flags_reg comes before that PUT */
    unsigned ahead;       /* bytes of code behind the operation, a guess */
} X64Backward;

_Static_assert(X64_MAX_REGS <= 64, "sets of declared registers are masks");

/* t is used, as X64_T_VALUE and X64_T_WHOLE in `how` say, as late as at operation `at`. Gives what was
 * known of t. "No operand" is used for ever. */
static inline unsigned x64_use(X64Ctx *cx, TnTemp t, int at, unsigned how)
{
    X64Temp *v = &cx->temps[t];
    unsigned flags = v->flags;

    if (v->last < at)
        v->last = at;
    v->flags = (uint16_t)(flags | how);
    return flags;
}

static inline void x64_note_flag_operands(X64OpInfo *info, unsigned operand_flags)
{
    if (TN_UNLIKELY(operand_flags & X64_T_FLAGS))
        info->flags |= X64_OP_FLAG_OPERANDS;
}

/* Of an operation whose result may be virtual, once its operands are known. */
static inline void x64_note_silent(X64OpInfo *info, const X64Temp *result)
{
    if ((result->flags & X64_T_VIRTUAL) && !(info->flags & X64_OP_FLAG_OPERANDS))
        info->flags |= X64_OP_SILENT;
}

/* Whether the register that a result wants is free for it. */
void x64_settle_want(X64Backward *w, TnTemp t, X64Temp *v);

/* Before its definition: all uses of t are known. One that nobody uses is gone behind it. */
static inline void x64_backward_dst(X64Backward *w, TnTemp t)
{
    X64Temp *v = &w->cx->temps[t];

    if (v->want != X64_NONE)
        x64_settle_want(w, t, v);
}

/* ---- reach.c ----------------------------------------------------------------------------- */

/* Bytes of the code of most operations. */
enum { X64_GUESS_SMALL = 1, X64_GUESS_ALU = 5, X64_GUESS_EXIT = 17, X64_GUESS_SIDE_EXIT = 13 };

/* Those of the others but accesses, and of what follows the block's last operation. */
unsigned x64_guess_size(unsigned opc);
unsigned x64_guess_end(const X64Ctx *cx);
/* The bytes behind operation i are known now; the same, and adds those of a LD or ST. */
void x64_guess_here(const X64Backward *w, X64OpInfo *info);
void x64_guess_access(X64Backward *w, int i, X64OpInfo *info);

/* ---- backward-flags.c -------------------------------------------------------------------- */

/* False where nobody reads the flags. */
bool x64_backward_flags(X64Backward *w, int i, X64OpInfo *info, const TnIrOp *op);

#endif
