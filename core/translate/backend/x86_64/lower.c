/* SPDX-License-Identifier: MIT */
/* IR to code: which family an operation belongs to. */
#include "compile.h"

typedef void (*LowerFn)(X64Ctx *cx, const TnIrOp *op);

static const LowerFn lower[TN_IR_COUNT] = {
    [TN_IR_GET] = x64_lower_get,
    [TN_IR_PUT] = x64_lower_put,
    [TN_IR_PUT + 1 ... TN_IR_LDCODE] = x64_lower_state,
    [TN_IR_ADD ... TN_IR_LEA] = x64_lower_alu,
    [TN_IR_BSWAP ... TN_IR_EXTRACT] = x64_lower_bits,
    [TN_IR_SETCOND ... TN_IR_SELECT] = x64_lower_condition,
    [TN_IR_FLAGS] = x64_lower_flags,
    [TN_IR_FLAGCOND] = x64_lower_condition,
    [TN_IR_LD ... TN_IR_ST] = x64_lower_memory,
    [TN_IR_ATOMIC_RMW ... TN_IR_FENCE] = x64_lower_atomic,
    [TN_IR_CALL] = x64_lower_call,
    [TN_IR_HOSTV] = x64_lower_hostv,
    [TN_IR_HOSTX] = x64_lower_hostx,
    [TN_IR_EXIT ... TN_IR_EXIT_STATE] = x64_lower_control,
};

/* Operands that are virtual flags get their value now. One that is gone already is the operand of a
 * FLAGS that makes do without it. */
static __attribute__((noinline)) void make_flag_operands(X64Ctx *cx, TnIrOp *op)
{
    TnTemp *args[4];
    unsigned n = tn_ir_args(op, args);

    for (unsigned k = 0; k < n; k++)
        if (*args[k] && cx->temps[*args[k]].last >= cx->i && x64_is_unmade(&cx->temps[*args[k]]))
            x64_materialise_flags(cx, *args[k]);
}

static inline void lower_one(X64Ctx *cx, TnIrOp *op, const X64OpInfo *info)
{
    if (TN_UNLIKELY(info->flags & X64_OP_FLAG_OPERANDS))
        make_flag_operands(cx, op);
    if (cx->vectors)
        x64_vec_enter(cx, op);
    if (lower[op->opc])
        lower[op->opc](cx, op);
    x64_end_op(cx);
}

bool x64_lower(X64Ctx *cx)
{
    const X64OpInfo *info = cx->info;
    TnIrOp *ops = cx->ops;

    for (int i = 1, n = cx->n_ops; i < n; i++) {
        if (info[i].flags & X64_OP_DEAD)
            continue;
        if (!x64_room(cx))
            return false;
        cx->i = i;
        lower_one(cx, &ops[i], &info[i]);
    }
    return true;
}
