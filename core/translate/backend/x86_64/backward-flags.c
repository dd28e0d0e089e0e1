/* SPDX-License-Identifier: MIT */
/*
 * The second walk: FLAGS that nobody reads go; those that are not computed where they are defined but
 * where they are used need the result or the operands until then.
 */
#include "backward.h"

/* What flags need until `at`: of virtual ones the result and an operand where these suffice (so that
 * the other operand may be overwritten by the result), else the operands. Gives what is known of these. */
static inline unsigned use_operands(X64Ctx *cx, const TnIrOp *op, TnTemp partner, int at)
{
    enum { NARROW = 2, VALUE = X64_T_VALUE, WHOLE = X64_T_VALUE | X64_T_WHOLE };
    unsigned how = op->aux >> 8 <= NARROW ? VALUE : WHOLE;
    unsigned flags = cx->temps[op->a].flags;

    x64_use(cx, partner && (op->aux & 255) != TN_FLAGS_LOGIC ? partner : op->a, at, how);
    if (op->b)
        flags |= x64_use(cx, op->b, at, how);
    if (op->c)
        flags |= x64_use(cx, op->c, at, WHOLE);
    return flags;
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
    X64Temp *t = &cx->temps[op->dst];

    if (t->last < 0) {
        drop_flags(cx, op);
        return false;
    }
    w->ahead += X64_GUESS_SMALL;
    x64_backward_dst(w, op->dst);
    if (t->partner && (cx->info[cx->temps[t->partner].def].flags & X64_OP_DEAD))
        t->partner = TN_TEMP_NONE;
    x64_note_flag_operands(info, use_operands(cx, op, t->partner,
                                              t->flags & X64_T_VIRTUAL ? t->last : i));
    x64_note_silent(info, t);
    return true;
}
