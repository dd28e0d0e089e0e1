/* SPDX-License-Identifier: MIT */
/*
 * The second walk: FLAGS that nobody reads go; those that are not computed where they are defined but
 * where they are used need the result or the operands until then.
 */
#include "backward.h"

/* What virtual flags need until `at`: the result and an operand where these suffice (so that the
 * other operand may be overwritten by the result), else the operands. */
static inline void use_flags(X64Ctx *cx, const TnIrOp *op, int at, unsigned how)
{
    TnTemp partner = cx->temps[op->dst].partner;

    if (partner && (cx->info[cx->temps[partner].def].flags & X64_OP_DEAD))
        partner = cx->temps[op->dst].partner = TN_TEMP_NONE;
    if ((op->aux & 255) == TN_FLAGS_LOGIC || !partner)
        partner = op->a;
    x64_use(cx, partner, at, how);
    x64_use(cx, op->b, at, how);
    x64_use(cx, op->c, at, X64_T_VALUE | X64_T_WHOLE);
}

/* Where nobody reads flags, nobody has to compute them on the way. */
static void drop_flags(X64Ctx *cx, const TnIrOp *op)
{
    TnTemp partner = cx->temps[op->dst].partner;

    if (partner)
        cx->info[cx->temps[partner].def].flags &=
            (uint8_t)~(X64_OP_SETS_FLAGS | X64_OP_AS_SUB | X64_OP_AS_STEP);
}

bool x64_backward_flags(X64Backward *w, int i, X64OpInfo *info, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    const X64Temp *t = &cx->temps[op->dst];
    unsigned how = x64_reads_low_half(op) ? X64_T_VALUE : X64_T_VALUE | X64_T_WHOLE;

    if (t->last < 0) {
        drop_flags(cx, op);
        return false;
    }
    w->ahead += X64_GUESS_SMALL;
    x64_backward_dst(w, op->dst);
    use_flags(cx, op, t->flags & X64_T_VIRTUAL ? t->last : i, how);
    x64_note_flag_operands(info, cx->temps[op->a].flags | cx->temps[op->b].flags |
                                 cx->temps[op->c].flags);
    x64_note_silent(info, t);
    return true;
}
