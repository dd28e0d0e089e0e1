/* SPDX-License-Identifier: MIT */
/* IR to code: which family an operation belongs to. */
#include "compile.h"

typedef void (*LowerFn)(X64Ctx *cx, const TnIrOp *op);

/* Constants are where they are used. */
static void lower_nothing(X64Ctx *cx, const TnIrOp *op)
{
}

static const LowerFn lower[TN_IR_COUNT] = {
    [TN_IR_NOP ... TN_IR_MOV] = lower_nothing,
    [TN_IR_GET] = x64_lower_get,
    [TN_IR_PUT] = x64_lower_put,
    [TN_IR_PUT + 1 ... TN_IR_LDCODE] = x64_lower_state,
    [TN_IR_ADD] = x64_lower_add,
    [TN_IR_SUB] = x64_lower_sub,
    [TN_IR_MUL] = x64_lower_commutative,
    [TN_IR_MULHU ... TN_IR_MULHS] = x64_lower_mul_high,
    [TN_IR_AND ... TN_IR_XOR] = x64_lower_commutative,
    [TN_IR_ANDN] = x64_lower_andn,
    [TN_IR_NOT ... TN_IR_NEG] = x64_lower_unary,
    [TN_IR_SHL ... TN_IR_ROR] = x64_lower_shift,
    [TN_IR_ADDI] = x64_lower_addi,
    [TN_IR_ANDI ... TN_IR_XORI] = x64_lower_logic_imm,
    [TN_IR_SHLI ... TN_IR_ROLI] = x64_lower_shift_imm,
    [TN_IR_LEA] = x64_lower_lea,
    [TN_IR_BSWAP ... TN_IR_EXTRACT] = x64_lower_bits,
    [TN_IR_SETCOND ... TN_IR_SELECT] = x64_lower_condition,
    [TN_IR_FLAGS] = x64_lower_flags,
    [TN_IR_FLAGCOND] = x64_lower_condition,
    [TN_IR_LD ... TN_IR_ST] = x64_lower_memory,
    [TN_IR_ATOMIC_RMW ... TN_IR_FENCE] = x64_lower_atomic,
    [TN_IR_CALL] = x64_lower_call,
    [TN_IR_HOSTV] = x64_lower_hostv,
    [TN_IR_HOSTX] = x64_lower_hostx,
    [TN_IR_EXIT] = x64_lower_exit,
    [TN_IR_EXIT_IF] = x64_lower_exit_if,
    [TN_IR_EXIT_IND] = x64_lower_exit_ind,
    [TN_IR_EXIT_LOOP] = x64_lower_exit_loop,
    [TN_IR_EXIT_LOOP_IND] = x64_lower_exit_loop_ind,
    [TN_IR_EXIT_STATE] = x64_lower_exit_state,
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

/* Nothing has to be emitted for nearly all GETs and most PUTs, which are two of five operations. */
static inline bool is_done(X64Ctx *cx, const TnIrOp *op)
{
    return op->opc == TN_IR_PUT ? x64_put_is_done(cx, op)
                                : op->opc == TN_IR_GET && x64_get_is_done(cx, op);
}

static inline void lower_one(X64Ctx *cx, TnIrOp *op, unsigned flags)
{
    if (TN_UNLIKELY(flags & X64_OP_FLAG_OPERANDS))
        make_flag_operands(cx, op);
    if (TN_UNLIKELY(cx->vectors))
        x64_vec_enter(cx, op);
    lower[op->opc](cx, op);
}

bool x64_lower(X64Ctx *cx)
{
    const X64OpInfo *info = cx->info;
    const uint8_t *limit = cx->e.limit - X64_OP_ROOM;
    TnIrOp *ops = cx->ops;

    for (int i = 1, n = cx->n_ops; i < n; i++) {
        unsigned flags = info[i].flags;

        if (flags & (X64_OP_DEAD | X64_OP_SILENT))
            continue;
        x64_begin_op(cx, i);
        if (is_done(cx, &ops[i]))
            continue;
        if (cx->e.p > limit)
            return false;
        cx->locked = cx->locked_xmm = 0;
        lower_one(cx, &ops[i], flags);
    }
    return true;
}
