/* SPDX-License-Identifier: MIT */
/*
 * The first walk: copies and widening of what is wide already vanish, operations on constants are
 * done or take the constant as an immediate.
 */
#include "forward.h"

static void make_const(X64Ctx *cx, TnIrOp *op, uint64_t value)
{
    X64Temp *t = &cx->temps[op->dst];

    op->opc = TN_IR_CONST;
    op->imm = value;
    op->a = op->b = op->c = 0;
    t->flags |= X64_T_CONST | (value <= UINT32_MAX ? X64_T_Z32 : 0);
    t->value = value;
}

void x64_make_move(X64Forward *f, int i, TnTemp by)
{
    X64Ctx *cx = f->cx;
    TnIrOp *op = &cx->ops[i];

    if (op->type != TN_I32 || x64_is_z32(cx, by)) {
        x64_replace(f, i, by);
        return;
    }
    if (x64_is_const(cx, by)) {
        make_const(cx, op, (uint32_t)cx->temps[by].value);
        return;
    }
    *op = (TnIrOp){ .opc = TN_IR_EXT32U, .type = TN_I64, .dst = op->dst, .a = by };
    cx->temps[op->dst].flags |= X64_T_Z32 | X64_T_EXT32;
}

/* x ^ x, x - x are 0; x & x, x | x are x. */
static bool forward_same(X64Forward *f, int i, TnIrOp *op)
{
    if (op->a != op->b)
        return false;
    if (op->opc == TN_IR_XOR || op->opc == TN_IR_SUB) {
        make_const(f->cx, op, 0);
        return true;
    }
    if (op->opc == TN_IR_AND || op->opc == TN_IR_OR) {
        x64_make_move(f, i, op->a);
        return true;
    }
    return false;
}

bool x64_fold(X64Ctx *cx, TnIrOp *op)
{
    const X64Temp *t = cx->temps;
    uint64_t result;

    if (!tn_ir_eval(op, t[op->a].value, t[op->b].value, t[op->c].value, &result))
        return false;
    make_const(cx, op, result);
    return true;
}

/* The low byte or half of a register that is zero, as XOR and SETcc leave one. */
static void make_extension(X64Ctx *cx, TnIrOp *op)
{
    bool byte = op->imm == 8;

    if (!byte && op->imm != 16)
        return;
    op->opc = byte ? TN_IR_EXT8U : TN_IR_EXT16U;
    op->type = TN_I64;
    op->a = op->b;
    op->b = TN_TEMP_NONE;
    op->imm = 0;
    if (cx->temps[op->a].flags & X64_T_COND)
        op->opc = TN_IR_MOV;
}

/* Pure operations with constants among their operands. False where the operation stays one. */
static bool forward_constants(X64Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;
    bool a = x64_is_const(cx, op->a), b = x64_is_const(cx, op->b);

    if (x64_all_const(cx, op))
        return x64_fold(cx, op);
    if (a && op->opc == TN_IR_SELECT) {
        x64_make_move(f, i, cx->temps[op->a].value ? op->b : op->c);
        return true;
    }
    if (a && op->opc == TN_IR_DEPOSIT && !cx->temps[op->a].value && !op->aux) {
        make_extension(cx, op);
        return false;
    }
    if (a && tn_ir_is_commutative(op->opc)) {
        TnTemp t = op->a;

        op->a = op->b;
        op->b = t;
        b = true;
    }
    if (b)
        tn_ir_make_immediate(op, cx->temps[op->b].value);
    return false;
}

void x64_skip_extensions(X64Ctx *cx, TnIrOp *op, unsigned n)
{
    if (cx->temps[op->a].flags & X64_T_EXT32)
        op->a = cx->ops[cx->temps[op->a].def].a;
    if (n > 1 && (cx->temps[op->b].flags & X64_T_EXT32))
        op->b = cx->ops[cx->temps[op->b].def].a;
}

/* A DEPOSIT of one bit takes it from where it is: the shift that brings it down is left out. */
static void deposit_bit(const X64Ctx *cx, TnIrOp *op)
{
    const TnIrOp *shift = &cx->ops[cx->temps[op->b].def];

    if (shift->dst == op->b && shift->opc == TN_IR_SHRI && shift->imm < 32 &&
        shift->a != op->a && !(cx->temps[shift->a].flags & (X64_T_CONST | X64_T_FLAGS))) {
        op->b = shift->a;
        op->imm |= shift->imm << X64_BIT_SHIFT;
    }
}

/* Operations with an immediate. */
static void keep_immediate(X64Forward *f, int i, const TnIrOp *op)
{
    X64Ctx *cx = f->cx;
    X64Temp *t = &cx->temps[op->dst];
    bool narrow = x64_is_z32(cx, op->a);

    if (!op->imm && tn_ir_is_identity(op))
        x64_make_move(f, i, op->a);
    else if (op->opc == TN_IR_ADDI)
        x64_forward_arithmetic(f, i);
    else if ((op->opc == TN_IR_ANDI && (narrow || op->imm <= UINT32_MAX)) ||
             (op->opc == TN_IR_SHRI && (narrow || op->imm >= 32)))
        t->flags |= X64_T_Z32;
}

static void keep_ext32u(X64Forward *f, int i, const TnIrOp *op)
{
    if (x64_is_z32(f->cx, op->a))
        x64_make_move(f, i, op->a);
    else
        f->cx->temps[op->dst].flags |= X64_T_Z32 | X64_T_EXT32;
}

/* What is left of it, and what is known of the result of 64 bits. */
static void keep_pure(X64Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;
    X64Temp *t = &cx->temps[op->dst];

    switch (op->opc) {
    case TN_IR_ADD:
    case TN_IR_SUB:
        x64_forward_arithmetic(f, i);
        return;
    case TN_IR_ADDI ... TN_IR_ROLI:
        keep_immediate(f, i, op);
        return;
    case TN_IR_LEA:
        x64_forward_sum(f, i, op);
        return;
    case TN_IR_MOV:
        x64_make_move(f, i, op->a);
        return;
    case TN_IR_EXT32U:
        keep_ext32u(f, i, op);
        return;
    case TN_IR_AND:
        t->flags |= (cx->temps[op->a].flags | cx->temps[op->b].flags) & X64_T_Z32;
        return;
    case TN_IR_EXTRACT:
        t->flags |= op->imm <= 32 ? X64_T_Z32 : 0;
        return;
    case TN_IR_DEPOSIT:
        if (x64_deposits_bit(op))
            deposit_bit(cx, op);
        return;
    case TN_IR_SETCOND:
        t->flags |= X64_T_COND;
        /* fall through */
    case TN_IR_EXT8U:
    case TN_IR_EXT16U:
    case TN_IR_CLZ:
    case TN_IR_CTZ:
    case TN_IR_POPCNT:
        t->flags |= X64_T_Z32;
        return;
    default:
        return;
    }
}

void x64_forward_pure(X64Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;
    unsigned low = x64_reads_low_half(op);
    uint16_t constants;

    if (low)
        x64_skip_extensions(cx, op, low);
    constants = cx->temps[op->a].flags | cx->temps[op->b].flags | cx->temps[op->c].flags;
    if ((constants & X64_T_CONST) && forward_constants(f, i, op))
        return;
    if (op->a != op->b || !forward_same(f, i, op))
        keep_pure(f, i, op);
}

/* The same for the most frequent one. */
void x64_forward_addi(X64Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;

    if (op->type == TN_I32) {
        x64_skip_extensions(cx, op, 1);
        cx->temps[op->dst].flags |= X64_T_Z32;
    }
    if (TN_UNLIKELY(x64_is_const(cx, op->a)) && x64_fold(cx, op))
        return;
    if (op->imm == 0)
        x64_make_move(f, i, op->a);
    else
        x64_forward_arithmetic(f, i);
}
