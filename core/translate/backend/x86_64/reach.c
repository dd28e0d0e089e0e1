/* SPDX-License-Identifier: MIT */
/*
 * Guesses how far it is from an access to its slow path, which stands behind the block's code: where
 * a short jump seems to do it is emitted, and where one did not the block is compiled again without.
 */
#include "backward.h"

enum {
    PROBED = 32, ACCESS = 5, LOOKED_AT = 15, CONDITION = 9, ATOMIC = 60, CALL = 72,
    X87 = 40, LOOK = 98, CALL_LOOK = 13, LOOP_EXIT = 14,
};

static const uint8_t sizes[TN_IR_COUNT] = {
    [TN_IR_CLEAR_UPPER ... TN_IR_EXTRACT] = X64_GUESS_ALU,
    [TN_IR_SETCOND ... TN_IR_SELECT] = CONDITION,
    [TN_IR_ATOMIC_RMW ... TN_IR_ATOMIC_CAS] = ATOMIC,
    [TN_IR_FENCE] = X64_GUESS_ALU,
    [TN_IR_CALL] = CALL,
    [TN_IR_HOSTV] = X64_GUESS_ALU,
    [TN_IR_HOSTX] = X87,
    [TN_IR_EXIT_IND] = CALL_LOOK,
    [TN_IR_EXIT_LOOP ... TN_IR_EXIT_STATE] = LOOP_EXIT,
};

unsigned x64_guess_size(unsigned opc)
{
    return sizes[opc];
}

unsigned x64_guess_end(const X64Ctx *cx)
{
    bool looks = cx->ops[cx->n_ops - 1].opc == TN_IR_EXIT_IND && !x64_shares_look(cx->block);

    return looks ? LOOK : 0;
}

void x64_guess_here(const X64Backward *w, X64OpInfo *info)
{
    info->ahead = (uint8_t)MIN(w->ahead, (unsigned)X64_REACH);
}

void x64_guess_access(X64Backward *w, int i, X64OpInfo *info)
{
    const X64Group *g = &w->cx->groups[info->group];

    x64_guess_here(w, info);
    if (!info->group || g->first_op == i)
        w->ahead += PROBED;
    else
        w->ahead += g->looks ? LOOKED_AT : ACCESS;
}
