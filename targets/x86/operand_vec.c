/* SPDX-License-Identifier: MIT */
/*
 * Vector operand access for translation functions (SDM vol. 1, 10.4 and 14.3: legacy SSE keeps the
 * upper half of a YMM register, VEX forms clear it).
 */
#include "insn.h"

static size_t mmx_offset(unsigned reg)
{
    return offsetof(X86State, st) + reg * sizeof(X86Fp80);
}

/* MOVD/MOVQ xmm, r/m */
TnTemp x86_vec_from_int(X86Ctx *c, TnTemp value, unsigned bytes)
{
    static const TnHostForm movd = { .opcode = 0x6e, .map = 1, .pp = 1, .flags = TN_HF_B_INT };
    static const TnHostForm movq = { .opcode = 0x6e, .map = 1, .pp = 1,
                                     .flags = TN_HF_B_INT | TN_HF_W };

    return tn_ir_hostv(c->b, TN_V128, bytes > 4 ? movq : movd,
                       X86_FB_movd_in, TN_TEMP_NONE, value,
                       TN_TEMP_NONE);
}

/* MOVD/MOVQ r/m, xmm */
TnTemp x86_vec_to_int(X86Ctx *c, TnTemp value, unsigned bytes)
{
    static const TnHostForm movd = { .opcode = 0x7e, .map = 1, .pp = 1,
                                     .flags = TN_HF_DST_INT | TN_HF_RM_DST };
    static const TnHostForm movq = { .opcode = 0x7e, .map = 1, .pp = 1,
                                     .flags = TN_HF_DST_INT | TN_HF_RM_DST | TN_HF_W };

    return tn_ir_hostv(c->b, bytes > 4 ? TN_I64 : TN_I32, bytes > 4 ? movq : movd,
                       bytes > 4 ? X86_FB_movd_out_q : X86_FB_movd_out, TN_TEMP_NONE, value,
                       TN_TEMP_NONE);
}

TnTemp x86_read_vec(X86Ctx *c, unsigned n, unsigned bytes)
{
    const X86Operand *op = &c->op[n];
    TnIrType t = bytes > 16 ? TN_V256 : TN_V128;

    if (op->kind == OPERAND_MMX)
        return x86_vec_from_int(c, tn_ir_ldenv(c->b, TN_I64, mmx_offset(op->reg)), 8);
    if (op->kind != OPERAND_MEM)
        return tn_ir_get(c->b, t, X86_REG_YMM + op->reg);
    TnTemp addr = x86_mem_addr(c, bytes, false);
    if (bytes >= 16)
        return tn_ir_ld(c->b, t, addr, 0, x86_mem_flags(c, bytes));
    return x86_vec_from_int(c, x86_load(c, x86_type(bytes), addr), bytes);
}

static void write_register(X86Ctx *c, unsigned reg, unsigned bytes, TnTemp value)
{
    if (bytes > 16)
        tn_ir_put(c->b, TN_V256, X86_REG_YMM + reg, value);
    else
        tn_ir_put_low(c->b, X86_REG_YMM + reg, value, c->vex);
}

/* An MMX register is the mantissa of its x87 register, whose exponent becomes all ones. */
static void write_mmx(X86Ctx *c, unsigned reg, TnTemp value)
{
    tn_ir_stenv(c->b, TN_I64, mmx_offset(reg), x86_vec_to_int(c, value, 8));
    tn_ir_stenv(c->b, TN_I16, mmx_offset(reg) + offsetof(X86Fp80, sign_exponent),
                tn_ir_const(c->b, TN_I32, 0xffff));
}

void x86_write_vec(X86Ctx *c, unsigned n, unsigned bytes, TnTemp value)
{
    const X86Operand *op = &c->op[n];

    if (op->kind == OPERAND_MMX) {
        write_mmx(c, op->reg, value);
        return;
    }
    if (op->kind != OPERAND_MEM) {
        write_register(c, op->reg, bytes, value);
        return;
    }
    TnTemp addr = x86_mem_addr(c, bytes, true);
    if (bytes >= 16)
        tn_ir_st(c->b, bytes > 16 ? TN_V256 : TN_V128, addr, 0, value, x86_mem_flags(c, bytes));
    else
        x86_store(c, x86_type(bytes), addr, x86_vec_to_int(c, value, bytes));
}
