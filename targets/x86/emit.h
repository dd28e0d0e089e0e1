/* SPDX-License-Identifier: MIT */
/*
 * For the translation functions of frequent instructions: operations are written one behind the other
 * to where the builder's next ones go, and counted once, when all are there.
 *
 * An X86Emit is a local variable of one function, so that the compiler keeps it in registers. Between
 * x86_emit and x86_emit_done nothing else may append operations; emit_leave and emit_enter stand around
 * what does. Everything here comes to the same as its namesake in insn.h.
 */
#ifndef TENON_X86_EMIT_H
#define TENON_X86_EMIT_H

#include "insn.h"

/* Whatever their size: as functions of their own they would work on memory. */
#define EMIT static inline __attribute__((always_inline))

typedef struct X86Emit {
    X86Ctx *c;
    TnIrOp *next;  /* where the next operation goes */
    unsigned temp; /* the next free temporary */
    bool odd;      /* as X86Ctx.odd_operands; where it is a constant false there is no call */
} X86Emit;

EMIT void emit_enter(X86Emit *e)
{
    TnIrBuilder *b = e->c->b;

    e->next = &b->ops[b->n_ops];
    e->temp = b->n_temps;
}

EMIT void emit_leave(X86Emit *e)
{
    TnIrBuilder *b = e->c->b;

    b->n_ops = (uint32_t)(e->next - b->ops);
    b->n_temps = e->temp;
}

EMIT X86Emit x86_emit(X86Ctx *c, bool odd)
{
    X86Emit e = { .c = c, .odd = odd };

    emit_enter(&e);
    return e;
}

EMIT void x86_emit_done(X86Emit *e)
{
    emit_leave(e);
}

/* ---- Operations ------------------------------------------------------------------------- */

/* One without a result. */
EMIT void emit_void(X86Emit *e, TnIrOpc opc, TnIrType t, unsigned aux, TnTemp a, TnTemp b,
                    uint64_t imm)
{
    tn_ir_write(e->next++, opc, t, (uint16_t)aux, TN_TEMP_NONE, a, b, TN_TEMP_NONE, imm);
}

EMIT TnTemp emit_op(X86Emit *e, TnIrOpc opc, TnIrType t, unsigned aux, TnTemp a, TnTemp b,
                    uint64_t imm)
{
    TnTemp dst = (TnTemp)e->temp++;

    tn_ir_write(e->next++, opc, t, (uint16_t)aux, dst, a, b, TN_TEMP_NONE, imm);
    return dst;
}

EMIT TnTemp emit_const(X86Emit *e, TnIrType t, uint64_t value)
{
    return emit_op(e, TN_IR_CONST, t, 0, 0, 0, value);
}

EMIT TnTemp emit_get(X86Emit *e, TnIrType t, unsigned reg)
{
    TnTemp *known = &e->c->b->known[reg][t - TN_I32];

    if (!*known)
        *known = emit_op(e, TN_IR_GET, t, reg, 0, 0, 0);
    return *known;
}

/* `low`: bits 63..32 of the value are clear; of TN_I32 only. */
EMIT void emit_put(X86Emit *e, TnIrType t, unsigned reg, TnTemp value, bool low)
{
    low &= t == TN_I32;
    e->c->b->known[reg][0] = low ? value : TN_TEMP_NONE;
    e->c->b->known[reg][1] = low || t == TN_I64 ? value : TN_TEMP_NONE;
    emit_void(e, TN_IR_PUT, t, reg, value, 0, 0);
}

EMIT void emit_flags(X86Emit *e, TnFlagOp fop, unsigned size, TnTemp a, TnTemp b)
{
    TnTemp flags = emit_op(e, TN_IR_FLAGS, TN_I32, fop | x86_log2(size) << 8, a, b, 0);

    emit_put(e, TN_I32, X86_REG_FLAGS, flags, true);
}

/* ---- Operands --------------------------------------------------------------------------- */

/* TN_MEM_* of an integer access. */
EMIT unsigned emit_mem_flags(const X86Emit *e, unsigned n)
{
    if (e->odd && e->c->mode & MODE_AC)
        return x86_mem_flags_aligned(e->c, n);
    return e->c->mmu << TN_MEM_MODE_SHIFT;
}

/* The memory operand's address: where it is a register and a displacement, the access adds them. */
EMIT TnTemp emit_address(X86Emit *e, unsigned n, bool write, int64_t *disp)
{
    X86Ctx *c = e->c;
    TnTemp addr;

    if (!e->odd || (c->mem_plain && !c->mem_addr)) {
        *disp = c->mem_disp;
        if (!c->mem_root)
            c->mem_root = emit_get(e, TN_I64, (unsigned)c->mem_base);
        return c->mem_root;
    }
    emit_leave(e);
    addr = x86_mem_addr(c, n, write);
    emit_enter(e);
    *disp = 0;
    return addr;
}

EMIT TnTemp emit_load(X86Emit *e, const X86Operand *op, unsigned mem)
{
    int64_t disp;
    TnTemp addr = emit_address(e, op->size, mem & TN_MEM_RMW, &disp);

    return emit_op(e, TN_IR_LD, x86_type(op->size), emit_mem_flags(e, op->size) | mem, addr, 0,
                   (uint64_t)disp);
}

EMIT void emit_store(X86Emit *e, const X86Operand *op, TnTemp value)
{
    int64_t disp;
    TnTemp addr = emit_address(e, op->size, true, &disp);

    emit_void(e, TN_IR_ST, x86_type(op->size), emit_mem_flags(e, op->size), addr, value,
              (uint64_t)disp);
}

/* As x86_read_any and, with TN_MEM_RMW, x86_read_rmw do. */
EMIT TnTemp emit_read_any(X86Emit *e, unsigned n, unsigned mem)
{
    const X86Operand *op = &e->c->op[n];
    TnTemp value;

    if (op->kind == OPERAND_MEM)
        return emit_load(e, op, mem);
    if (op->kind == OPERAND_REG && !(e->odd && op->high))
        return emit_get(e, x86_calc_type(op->size), op->reg);
    if (!e->odd || op->kind == OPERAND_IMM)
        return emit_const(e, TN_I64, (uint64_t)op->imm);
    emit_leave(e);
    value = x86_read_any(e->c, n);
    emit_enter(e);
    return value;
}

EMIT void emit_write(X86Emit *e, unsigned n, TnTemp value, bool low)
{
    const X86Operand *op = &e->c->op[n];
    TnTemp whole;

    if (op->kind == OPERAND_MEM) {
        emit_store(e, op, value);
    } else if (op->size >= 4) {
        emit_put(e, x86_calc_type(op->size), op->reg, value, low);
    } else {
        whole = emit_get(e, TN_I64, op->reg);
        whole = emit_op(e, TN_IR_DEPOSIT, TN_I64, e->odd && op->high ? 8 : 0, whole, value, op->size * 8u);
        emit_put(e, TN_I64, op->reg, whole, false);
    }
}

/* ---- The stack, where X86Ctx.flat64 --------------------------------------------------------- */

EMIT void emit_move_sp(X86Emit *e, TnTemp sp, int64_t by)
{
    emit_put(e, TN_I64, RSP, emit_op(e, TN_IR_ADDI, TN_I64, 0, sp, 0, (uint64_t)by), false);
}

EMIT void emit_push(X86Emit *e, unsigned size, TnTemp value)
{
    TnTemp sp = emit_get(e, TN_I64, RSP);
    int64_t down = -(int64_t)size;

    emit_void(e, TN_IR_ST, x86_type(size), emit_mem_flags(e, size), sp, value, (uint64_t)down);
    emit_move_sp(e, sp, down);
}

/* Gives what lies on top; the pointer moves by `released` bytes. */
EMIT TnTemp emit_pop(X86Emit *e, unsigned size, unsigned released)
{
    TnTemp sp = emit_get(e, TN_I64, RSP);
    TnTemp value = emit_op(e, TN_IR_LD, x86_type(size), emit_mem_flags(e, size), sp, 0, 0);

    emit_move_sp(e, sp, released);
    return value;
}

/* The odd form of a translation function `gen(c, odd)`, apart from the other, which has no calls then and
 * no stack frame. */
#define EMIT_ODD(name_, gen_) \
    static __attribute__((noinline)) void name_(X86Ctx *c) { gen_(c, true); }

#endif
