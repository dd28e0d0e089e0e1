/* SPDX-License-Identifier: MIT */
/*
 * Guesses how far it is from an access to its slow path, which stands behind the block's code: where
 * a short jump seems to do it is emitted, and where one did not the block is compiled again without.
 */
#include "compile.h"

enum { REACH = INT8_MAX - 28 }; /* less what guesses are wrong by */

/* Bytes of the code of operations, and of a slow path. */
enum {
    STUB = 10, PROBED = 32, ACCESS = 5, LOOKED_AT = 15, ALU = 5, CONDITION = 9, ATOMIC = 60,
    CALL = 72, X87 = 40, EXIT = 17, SIDE_EXIT = 13, LOOK = 98, CALL_LOOK = 13, LOOP_EXIT = 14,
    OF_ACCESS = UINT8_MAX, /* see size_of_access */
};

static const uint8_t sizes[TN_IR_COUNT] = {
    [TN_IR_PUT] = 1,
    [TN_IR_CLEAR_UPPER ... TN_IR_EXTRACT] = ALU,
    [TN_IR_SETCOND ... TN_IR_SELECT] = CONDITION,
    [TN_IR_FLAGS] = 1,
    [TN_IR_LD ... TN_IR_ST] = OF_ACCESS,
    [TN_IR_ATOMIC_RMW ... TN_IR_ATOMIC_CAS] = ATOMIC,
    [TN_IR_FENCE] = ALU,
    [TN_IR_CALL] = CALL,
    [TN_IR_HOSTV] = ALU,
    [TN_IR_HOSTX] = X87,
    [TN_IR_EXIT] = EXIT,
    [TN_IR_EXIT_IF] = SIDE_EXIT,
    [TN_IR_EXIT_IND] = CALL_LOOK,
    [TN_IR_EXIT_LOOP ... TN_IR_EXIT_STATE] = LOOP_EXIT,
};

static unsigned size_of_access(const X64Ctx *cx, int i)
{
    const X64Group *g = &cx->groups[cx->info[i].group];

    if (!cx->info[i].group || g->first_op == i)
        return PROBED;
    return g->looks ? LOOKED_AT : ACCESS;
}

void x64_guess_reach(X64Ctx *cx)
{
    bool looks = cx->ops[cx->n_ops - 1].opc == TN_IR_EXIT_IND && !x64_shares_look(cx->block);
    unsigned n = 0, ahead = looks ? LOOK : 0;

    for (int i = cx->n_ops - 1; i > 0 && ahead < REACH && n < X64_MAX_AHEAD; i--) {
        unsigned size = sizes[cx->ops[i].opc];

        cx->ahead[n++] = (uint8_t)ahead;
        if (cx->info[i].flags & X64_OP_DEAD)
            continue;
        ahead += TN_UNLIKELY(size == OF_ACCESS) ? size_of_access(cx, i) : size;
    }
    cx->n_ahead = n;
}

bool x64_seems_near(X64Ctx *cx)
{
    unsigned behind = (unsigned)(cx->n_ops - 1 - cx->i);
    bool seems = behind < cx->n_ahead && cx->ahead[behind] + cx->n_near * STUB < REACH;

    cx->n_near += seems;
    return seems;
}
