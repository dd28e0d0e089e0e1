/* SPDX-License-Identifier: MIT */
/*
 * IR to code: atomic operations on guest memory: host LOCK instructions on RAM within one page, the
 * slow path for all else.
 */
#include "compile.h"
#include "slow.h"

enum { LOCK = 0xf0 };

static void emit_lock(X64Ctx *cx)
{
    x64_byte(&cx->e, LOCK);
}

/* Narrow results have no upper bits. */
static void zero_extend(X64Ctx *cx, unsigned type, int reg)
{
    if (type == TN_I8)
        x64_rr(&cx->e, X64_MOVZX8, reg, reg);
    else if (type == TN_I16)
        x64_rr(&cx->e, X64_MOVZX16, reg, reg);
    else if (type == TN_I32)
        x64_mov_rr(&cx->e, 0, reg, reg);
}

/* AND, OR, XOR that give the old value: a compare-and-exchange loop over rax and tmp. */
static void exchange_loop(X64Ctx *cx, const TnIrOp *op, uint32_t alu, int value, int tmp, X64Mem m)
{
    uint8_t *top, *disp;

    x64_rm(&cx->e, x64_sized(X64_MOV_LOAD, op->type) & ~(uint32_t)X64_BYTE_RM, X64_RAX, m);
    top = cx->e.p;
    x64_mov_rr(&cx->e, X64_W, tmp, X64_RAX);
    x64_rr(&cx->e, alu | X64_W, tmp, value);
    emit_lock(cx);
    x64_rm(&cx->e, x64_sized(X64_CMPXCHG, op->type), tmp, m);
    disp = x64_jcc8(&cx->e, X64_NZ);
    *disp = (uint8_t)(top - (disp + 1));
}

static void fast_rmw(X64Ctx *cx, const TnIrOp *op, int value, int tmp, X64Mem m)
{
    static const uint32_t alu[] = { [TN_ATOMIC_AND] = X64_AND, [TN_ATOMIC_OR] = X64_OR,
                                    [TN_ATOMIC_XOR] = X64_XOR };

    switch ((TnAtomicOp)op->imm) {
    case TN_ATOMIC_ADD:
    case TN_ATOMIC_XCHG:
        x64_mov_rr(&cx->e, X64_W, X64_RAX, value);
        if (op->imm == TN_ATOMIC_ADD)
            emit_lock(cx); /* XCHG with memory locks by itself */
        x64_rm(&cx->e, x64_sized(op->imm == TN_ATOMIC_ADD ? X64_XADD : X64_XCHG, op->type), X64_RAX, m);
        break;
    default:
        exchange_loop(cx, op, alu[op->imm], value, tmp, m);
        break;
    }
    zero_extend(cx, op->type, X64_RAX);
}

static void bind_result(X64Ctx *cx, const TnIrOp *op)
{
    if (op->dst)
        x64_bind(cx, op->dst, X64_RAX);
}

/* rax is the tag of the probe first and the old value after. */
static void lower_rmw(X64Ctx *cx, const TnIrOp *op)
{
    int ra, value, index;
    X64Stub *s;
    X64Mem m;

    x64_claim(cx, X64_RAX);
    ra = x64_in(cx, op->a);
    value = x64_in(cx, op->b);
    index = x64_tmp(cx);
    int tmp = x64_tmp(cx);
    s = x64_new_stub(cx, op, X64_STUB_RMW);
    s->value = (X64Src){ .kind = X64_SRC_REG, .reg = value };
    s->aop = (uint8_t)op->imm;
    s->dst = X64_RAX;
    s->addr = (int8_t)ra;
    m = x64_mem_index(index, ra, 0, 0);
    x64_probe(cx, s, op, NULL, index, X64_RAX);
    fast_rmw(cx, op, value, tmp, m);
    s->place = cx->e.p;
    x64_release(cx);
    bind_result(cx, op);
}

static void lower_cas(X64Ctx *cx, const TnIrOp *op)
{
    int ra, expect, value, index;
    X64Stub *s;
    X64Mem m;

    x64_claim(cx, X64_RAX);
    ra = x64_in(cx, op->a);
    expect = x64_in(cx, op->b);
    value = x64_in(cx, op->c);
    index = x64_tmp(cx);
    s = x64_new_stub(cx, op, X64_STUB_CAS);
    s->value = (X64Src){ .kind = X64_SRC_REG, .reg = expect };
    s->second = (int8_t)value;
    s->dst = X64_RAX;
    s->addr = (int8_t)ra;
    m = x64_mem_index(index, ra, 0, 0);
    x64_probe(cx, s, op, NULL, index, X64_RAX);
    x64_mov_rr(&cx->e, X64_W, X64_RAX, expect);
    emit_lock(cx);
    x64_rm(&cx->e, x64_sized(X64_CMPXCHG, op->type), value, m);
    zero_extend(cx, op->type, X64_RAX);
    s->place = cx->e.p;
    x64_release(cx);
    bind_result(cx, op);
}

/* Locked instructions are full barriers and faster than MFENCE. */
static void lower_fence(X64Ctx *cx)
{
    emit_lock(cx);
    x64_g1_mi(&cx->e, X64_G1_OR, 2, x64_frame(X64_F_SCRATCH), 0);
}

/* Memory in the other byte order goes the slow way. */
static void lower_swapped(X64Ctx *cx, const TnIrOp *op)
{
    bool cas = op->opc == TN_IR_ATOMIC_CAS;
    X64Stub *s;
    int ra, b, c;

    x64_claim(cx, X64_RAX);
    ra = x64_in(cx, op->a);
    b = x64_in(cx, op->b);
    c = cas ? x64_in(cx, op->c) : X64_NONE;
    s = x64_new_stub(cx, op, cas ? X64_STUB_CAS : X64_STUB_RMW);
    s->addr = (int8_t)ra;
    s->value = (X64Src){ .kind = X64_SRC_REG, .reg = b };
    s->second = (int8_t)c;
    s->aop = (uint8_t)op->imm;
    s->dst = X64_RAX;
    s->from[s->n_from++] = x64_jmp32(&cx->e);
    s->place = cx->e.p;
    x64_release(cx);
    bind_result(cx, op);
}

void x64_lower_atomic(X64Ctx *cx, const TnIrOp *op)
{
    if (op->opc == TN_IR_FENCE)
        lower_fence(cx);
    else if ((op->aux & TN_MEM_BSWAP) && op->type != TN_I8)
        lower_swapped(cx, op);
    else if (op->opc == TN_IR_ATOMIC_RMW)
        lower_rmw(cx, op);
    else
        lower_cas(cx, op);
}
