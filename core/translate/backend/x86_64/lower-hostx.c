/* SPDX-License-Identifier: MIT */
/*
 * IR to code: instructions of the x87 (ir.h, TnHostX). They are emitted as they stand, since the
 * unit holds the guest's registers; before the first of a block that is made sure of, and again after
 * a helper, which may have asked for them. Memory operands go through the soft TLB; where that does
 * not help, a slow path passes the value in the frame.
 */
#include "compile.h"
#include "slow.h"

enum {
    FCW_MASKS = 0x3f,
    RC_CMOVB = 0xda, CMOVB = 0xc0, /* FCMOVB ST0, ST(i): DA C0+i */
    FLDCW = 0xd9, FLDCW_EXT = 5,
    FNSTSW_AX = 0xdf, FNSTSW_AX_MODRM = 0xe0,
};

static void x87_reg(X64Emit *e, unsigned opcode, unsigned modrm)
{
    x64_byte(e, (uint8_t)opcode);
    x64_byte(e, (uint8_t)modrm);
}

void x64_hostx_memory(X64Emit *e, TnHostX x, X64Mem m)
{
    x64_rm(e, x.opcode, x.modrm >> 3 & 7, m);
}

/* A slow path without operands, taken under a condition. */
static void branch_to(X64Ctx *cx, const TnIrOp *op, int kind, unsigned cc)
{
    X64Stub *s = x64_new_stub(cx, op, kind);

    s->from[s->n_from++] = x64_jcc32(&cx->e, cc);
    s->place = cx->e.p;
}

static void test_live(X64Ctx *cx)
{
    x64_g1_mi(&cx->e, X64_G1_CMP, 0, x64_env(X64_CPU_OFS(x87_live)), 0);
}

static void enter_x87(X64Ctx *cx, const TnIrOp *op)
{
    if (cx->x87_live)
        return;
    test_live(cx);
    branch_to(cx, op, X64_STUB_X87_ENTER, X64_Z);
    cx->x87_live = true;
}

static void sync_x87(X64Ctx *cx, const TnIrOp *op)
{
    test_live(cx);
    branch_to(cx, op, X64_STUB_X87_SYNC, X64_NZ);
    cx->x87_live = false;
}

static void memory_form(X64Ctx *cx, const TnIrOp *op, TnHostX x)
{
    TnIrOp access = *op;
    int addr = x64_in(cx, op->a), index = x64_tmp(cx), tag = x64_tmp(cx);
    bool load = x.kind == TN_HX_LOAD;
    X64Stub *s;

    access.opc = load ? TN_IR_LD : TN_IR_ST;
    access.imm = 0;
    s = x64_new_stub(cx, &access, load ? X64_STUB_X87_LOAD : X64_STUB_X87_STORE);
    s->x87 = x;
    s->addr = (int8_t)addr;
    x64_probe(cx, s, &access, NULL, index, tag);
    x64_hostx_memory(&cx->e, x, x64_mem_index(index, addr, 0, 0));
    s->place = cx->e.p;
}

static void flags_form(X64Ctx *cx, const TnIrOp *op, TnHostX x)
{
    x64_claim(cx, X64_RAX);
    x87_reg(&cx->e, x.opcode, x.modrm);
    x64_pack_rax(cx, TN_FLAG_C | TN_FLAG_P | TN_FLAG_Z);
    x64_bind(cx, op->dst, X64_RAX);
}

/* The condition becomes the carry flag. */
static void cond_form(X64Ctx *cx, const TnIrOp *op, TnHostX x)
{
    x64_rri(&cx->e, X64_GRP8_IMM8, X64_G8_BT, x64_in(cx, op->a), 0);
    x87_reg(&cx->e, RC_CMOVB, CMOVB | (x.modrm & 7));
}

static void status_form(X64Ctx *cx, const TnIrOp *op)
{
    x64_claim(cx, X64_RAX);
    x87_reg(&cx->e, FNSTSW_AX, FNSTSW_AX_MODRM);
    x64_rr(&cx->e, X64_MOVZX16, X64_RAX, X64_RAX);
    x64_bind(cx, op->dst, X64_RAX);
}

static void control_form(X64Ctx *cx, const TnIrOp *op)
{
    int value = x64_in(cx, op->a), tmp = x64_tmp(cx);

    x64_mov_rr(&cx->e, 0, tmp, value);
    x64_rr(&cx->e, X64_GRP3, X64_G3_NOT, tmp);
    x64_g1_ri(&cx->e, X64_G1_AND, 2, tmp, FCW_MASKS);
    branch_to(cx, op, X64_STUB_X87_REFUSE, X64_NZ);
    x64_store(&cx->e, 0, value, x64_frame(X64_F_SCRATCH));
    x64_rm(&cx->e, FLDCW, FLDCW_EXT, x64_frame(X64_F_SCRATCH));
}

void x64_lower_hostx(X64Ctx *cx, const TnIrOp *op)
{
    TnHostX x = tn_host_x_unpack(op->imm);

    if (x.kind == TN_HX_SYNC) {
        sync_x87(cx, op);
        return;
    }
    enter_x87(cx, op);
    switch ((TnHostXKind)x.kind) {
    case TN_HX_LOAD:
    case TN_HX_STORE:
        memory_form(cx, op, x);
        break;
    case TN_HX_FLAGS:
        flags_form(cx, op, x);
        break;
    case TN_HX_COND:
        cond_form(cx, op, x);
        break;
    case TN_HX_STATUS:
        status_form(cx, op);
        break;
    case TN_HX_CONTROL:
        control_form(cx, op);
        break;
    default:
        x87_reg(&cx->e, x.opcode, x.modrm);
        break;
    }
}
