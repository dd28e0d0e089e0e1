/* SPDX-License-Identifier: MIT */
/*
 * IR to code: conditions. One compares again, or finds the host's flags still standing from the
 * operation that made the result, or looks at packed flags.
 */
#include "compile.h"

enum { OVERFLOW_SHIFT = 11, SIGN_SHIFT = 7 };

static void test_bits(X64Ctx *cx, const X64Src *src, uint32_t bits)
{
    bool byte = bits <= UINT8_MAX;
    uint32_t test = x64_sized(X64_GRP3, byte ? 0 : 2);

    if (src->kind == X64_SRC_MEM)
        x64_rm(&cx->e, test, X64_G3_TEST, src->mem);
    else
        x64_rr(&cx->e, test & ~(uint32_t)X64_BYTE_REG, X64_G3_TEST, src->reg);
    if (byte)
        x64_byte(&cx->e, (uint8_t)bits);
    else
        x64_imm32(&cx->e, (int32_t)bits);
}

/* A condition over a single bit, of the low 32. */
static __attribute__((noinline)) unsigned bit_cond(X64Ctx *cx, TnTemp t, unsigned bit, unsigned cond)
{
    X64Src src = x64_peek(cx, t);

    cx->locked |= x64_src_bit(&src);
    if (bit < 8) {
        test_bits(cx, &src, 1u << bit);
        return X64_NZ ^ (cond & 1);
    }
    x64_bt_src(cx, &src, bit);
    return X64_B ^ (cond & 1);
}

/* (f >> 4 & S) ^ f has S != O in the place of S, and Z in its own. */
static unsigned signed_test(X64Ctx *cx, const X64Src *src, uint32_t bits)
{
    int tmp = x64_tmp(cx);

    x64_mov_src(cx, 0, tmp, src);
    x64_rri(&cx->e, X64_GRP2_IMM8, X64_G2_SHR, tmp, OVERFLOW_SHIFT - SIGN_SHIFT);
    if (bits & TN_FLAG_Z)
        x64_g1_ri(&cx->e, X64_G1_AND, 2, tmp, TN_FLAG_S);
    x64_alu_src(&cx->e, X64_XOR, 2, tmp, src);
    test_bits(cx, &(X64Src){ .kind = X64_SRC_REG, .reg = tmp }, bits);
    return X64_NZ;
}

/* A condition over a packed value. */
static __attribute__((noinline)) unsigned packed_cond(X64Ctx *cx, TnTemp t, unsigned cond)
{
    static const uint16_t bits[] = { TN_FLAG_O, TN_FLAG_C, TN_FLAG_Z, TN_FLAG_C | TN_FLAG_Z,
                                     TN_FLAG_S, TN_FLAG_P };
    X64Src src;

    if (x64_is_const(cx, t)) {
        int reg = x64_in(cx, t);

        src = (X64Src){ .kind = X64_SRC_REG, .reg = reg };
    } else {
        src = x64_peek(cx, t);
    }
    cx->locked |= x64_src_bit(&src);
    if ((cond & ~1u) == TN_FC_L)
        signed_test(cx, &src, TN_FLAG_S);
    else if ((cond & ~1u) == TN_FC_LE)
        signed_test(cx, &src, TN_FLAG_S | TN_FLAG_Z);
    else
        test_bits(cx, &src, bits[cond >> 1]);
    return X64_NZ ^ (cond & 1);
}

/* INC and DEC, which keep the carry. */
static bool is_step(const X64Ctx *cx, const X64Temp *v)
{
    unsigned fop = cx->ops[v->def].aux & UINT8_MAX;

    return x64_is_unmade(v) && (fop == TN_FLAGS_INC || fop == TN_FLAGS_DEC);
}

static inline unsigned flags_cond(X64Ctx *cx, TnTemp t, unsigned cond)
{
    enum { OF_CARRY = 1 << TN_FC_B | 1 << TN_FC_AE | 1 << TN_FC_BE | 1 << TN_FC_A };
    const X64Temp *v = &cx->temps[t];
    bool carry = OF_CARRY >> cond & 1;

    if (x64_host_has(cx, t) && !(carry && is_step(cx, v)))
        return cond;
    if (TN_UNLIKELY(!x64_is_unmade(v)))
        return packed_cond(cx, t, cond);
    x64_make_host_flags(cx, t, carry);
    return cond;
}

/* Multiplied by 2^up it is too large. */
static unsigned sign_cond(X64Ctx *cx, const TnIrOp *op, unsigned up)
{
    int rb = x64_in(cx, op->b), tmp = x64_tmp(cx);

    x64_rr(&cx->e, X64_IMUL_IMM32 | X64_W, tmp, rb);
    x64_imm32(&cx->e, 1 << up);
    return op->aux == TN_COND_NE ? X64_O : X64_NO;
}

static __attribute__((noinline)) unsigned compare_cond(X64Ctx *cx, const TnIrOp *op)
{
    static const uint8_t cc[] = { X64_Z, X64_NZ, X64_B, X64_AE, X64_BE, X64_A, X64_L, X64_GE,
                                  X64_LE, X64_G };
    unsigned w = op->type == TN_I64 ? X64_W : 0, up = x64_tests_sign(cx, op);

    if (up)
        return sign_cond(cx, op, up);
    int ra = x64_in(cx, op->a);
    X64Src b = x64_peek(cx, op->b);

    if (x64_is_wide_imm(&b, w ? 3 : 2) || b.narrow)
        b = (X64Src){ .kind = X64_SRC_REG, .reg = x64_in(cx, op->b) };
    if (b.kind == X64_SRC_IMM && (w ? b.imm : (uint32_t)b.imm) == 0)
        x64_rr(&cx->e, X64_TEST | w, ra, ra);
    else
        x64_alu_src(&cx->e, X64_CMP, w ? 3 : 2, ra, &b);
    return cc[op->aux];
}

static inline unsigned defined_cond(X64Ctx *cx, const TnIrOp *op)
{
    if (op->opc == TN_IR_FLAGCOND)
        return op->imm ? bit_cond(cx, op->a, x64_bit_asked(op), op->aux)
                       : flags_cond(cx, op->a, op->aux);
    return compare_cond(cx, op);
}

unsigned x64_cond(X64Ctx *cx, TnTemp t)
{
    uint32_t locked = cx->locked;
    const X64Temp *v = &cx->temps[t];
    unsigned cc = X64_NZ;

    if (v->flags & X64_T_VIRTUAL && v->flags & X64_T_COND) {
        cc = defined_cond(cx, &cx->ops[v->def]);
    } else {
        int reg = x64_in(cx, t);

        x64_rr(&cx->e, X64_TEST | X64_W, reg, reg);
    }
    cx->locked = locked;
    return cc;
}

static void lower_set(X64Ctx *cx, const TnIrOp *op)
{
    unsigned cc;
    int dst;

    if (cx->temps[op->dst].flags & X64_T_VIRTUAL)
        return;
    cc = defined_cond(cx, op);
    cx->locked = 0;
    x64_release(cx);
    dst = x64_out(cx, op->dst, X64_NONE, 0);
    x64_rr(&cx->e, X64_SETCC | cc, 0, dst);
    x64_rr(&cx->e, X64_MOVZX8, dst, dst);
}

static void lower_select(X64Ctx *cx, const TnIrOp *op)
{
    unsigned cc, w = op->type == TN_I64 ? X64_W : 0;
    int rb, rc, dst;

    /* What has to come from memory comes before the flags are set or does not disturb them. */
    cc = x64_cond(cx, op->a);
    rb = x64_in(cx, op->b);
    rc = x64_in(cx, op->c);
    x64_release(cx);
    dst = x64_out(cx, op->dst, rc, rb == rc ? 0 : 1u << rb);
    x64_mov_rr(&cx->e, X64_W, dst, rc);
    x64_rr(&cx->e, X64_CMOV | cc | w, dst, rb);
}

static void lower_select_vector(X64Ctx *cx, const TnIrOp *op)
{
    int b = x64_vin(cx, op->b), c = x64_vin(cx, op->c), dst;
    bool wide = op->type == TN_V256;
    unsigned cc = x64_cond(cx, op->a);
    uint8_t *skip;

    cx->wide_used |= wide;
    x64_release(cx);
    cx->temps[op->dst].want = X64_NONE; /* a move to itself would leave the upper half */
    dst = x64_vout(cx, op->dst, c, b == c ? 0 : 1u << b);
    x64_vmov_rr(&cx->e, wide, dst, c);
    skip = x64_jcc8(&cx->e, cc ^ 1);
    x64_vmov_rr(&cx->e, wide, dst, b);
    x64_here8(&cx->e, skip);
}

void x64_lower_condition(X64Ctx *cx, const TnIrOp *op)
{
    if (op->opc != TN_IR_SELECT)
        lower_set(cx, op);
    else if (tn_ir_type_is_vector(op->type))
        lower_select_vector(cx, op);
    else
        lower_select(cx, op);
}
