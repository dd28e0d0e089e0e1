/* SPDX-License-Identifier: MIT */
/* The second walk over a block, back to front: what its parts share. */
#ifndef TN_X64_BACKWARD_H
#define TN_X64_BACKWARD_H

#include "compile.h"

typedef struct X64Backward {
    X64Ctx *cx;
    uint64_t overwritten; /* declared registers that a PUT follows for, unseen until then */
    uint64_t low;         /* those, and the ones whose low half one follows for */
    TnTemp hint[16];      /* host register -> temporary PUT there with no observer before */
    TnTemp vhint[16];     /* the same of host vector registers */
    int flags_needed;     /* last observer before the next PUT of flags_reg, -1 none */
} X64Backward;

_Static_assert(X64_MAX_REGS <= 64, "sets of declared registers are masks");

/* t is used, as X64_T_VALUE and X64_T_WHOLE in `how` say, as late as at operation `at`. */
static inline void x64_use(X64Ctx *cx, TnTemp t, int at, uint16_t how)
{
    X64Temp *v = &cx->temps[t]; /* "no operand" has one, which nobody looks at */

    if (v->last < at)
        v->last = at;
    v->flags |= how;
}

static inline void x64_note_flag_operands(X64Ctx *cx, int i, uint16_t operand_flags)
{
    if (operand_flags & X64_T_FLAGS)
        cx->info[i].flags |= X64_OP_FLAG_OPERANDS;
}

/* Of an operation whose result may be virtual, once its operands are known. */
static inline void x64_note_silent(X64Ctx *cx, int i, const TnIrOp *op)
{
    if ((cx->temps[op->dst].flags & X64_T_VIRTUAL) && !(cx->info[i].flags & X64_OP_FLAG_OPERANDS))
        cx->info[i].flags |= X64_OP_SILENT;
}

/* Whether the register that a result wants is free for it. */
void x64_settle_want(X64Backward *w, TnTemp t, X64Temp *v);

/* Before its definition: all uses of t are known. One that nobody uses is gone behind it. */
static inline void x64_backward_dst(X64Backward *w, TnTemp t)
{
    X64Temp *v = &w->cx->temps[t];

    if (v->want != X64_NONE)
        x64_settle_want(w, t, v);
    v->last = MAX(v->last, v->def);
}

/* ---- backward-flags.c -------------------------------------------------------------------- */

/* False where nobody reads the flags. */
bool x64_backward_flags(X64Backward *w, int i, const TnIrOp *op);

#endif
