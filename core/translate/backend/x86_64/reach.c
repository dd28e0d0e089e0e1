/* SPDX-License-Identifier: MIT */
/*
 * Guesses how far it is from an access to its slow path, which stands behind the block's code: where
 * a short jump seems to do it is emitted, and where one did not the block is compiled again without.
 */
#include "compile.h"

enum { REACH = 127 };

/* Bytes of an operation's code, and of what it leaves to the parts before the slow paths. */
static unsigned size_of(const X64Ctx *cx, int i)
{
    enum { PROBED = 40, ACCESS = 6, SIDE_EXIT = 26, EXIT = 20, FAR_EXIT = 100, CALL = 45, FLAGS = 10,
           OTHER = 5 };
    const TnIrOp *op = &cx->ops[i];
    const X64Group *g = &cx->groups[cx->info[i].group];

    if (cx->info[i].flags & X64_OP_DEAD)
        return 0;
    switch (op->opc) {
    case TN_IR_CONST:
    case TN_IR_GET:
    case TN_IR_FLAGS:
        return 0;
    case TN_IR_LD:
    case TN_IR_ST:
        return cx->info[i].group && g->first_op != i && !g->looks ? ACCESS : PROBED;
    case TN_IR_EXIT_IF:
        return SIDE_EXIT;
    case TN_IR_EXIT:
        return EXIT;
    case TN_IR_EXIT_IND:
        return FAR_EXIT;
    case TN_IR_CALL:
        return CALL;
    case TN_IR_FLAGCOND:
        return FLAGS;
    default:
        return OTHER;
    }
}

void x64_guess_reach(X64Ctx *cx)
{
    unsigned n = 0, ahead = 0;

    for (int i = cx->n_ops - 1; i > 0 && ahead < REACH && n < X64_MAX_AHEAD; i--) {
        cx->ahead[n++] = (uint8_t)ahead;
        ahead += size_of(cx, i);
    }
    cx->n_ahead = n;
}

bool x64_seems_near(const X64Ctx *cx)
{
    enum { STUB = 12, SIDE = 14 };
    unsigned behind = (unsigned)(cx->n_ops - 1 - cx->i);

    return behind < cx->n_ahead &&
           cx->ahead[behind] + cx->stubs.len * STUB + cx->sides.len * SIDE < REACH;
}
