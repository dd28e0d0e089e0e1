/* SPDX-License-Identifier: MIT */
/* IR to code: bit fields, extensions, counting, byte order. */
#include "compile.h"

static unsigned width(const TnIrOp *op)
{
    return op->type == TN_I64 ? X64_W : 0;
}

static unsigned bits_of(const TnIrOp *op)
{
    return op->type == TN_I64 ? 64 : 32;
}

/* dst = insn(src): a move with extension, from a register or memory. */
static void lower_extend(X64Ctx *cx, const TnIrOp *op, uint32_t insn)
{
    X64Src src = x64_src(cx, X64_W, op->a);
    int dst;

    x64_release(cx);
    dst = x64_out(cx, op->dst, src.kind == X64_SRC_REG ? src.reg : X64_NONE, 0);
    if (src.kind == X64_SRC_MEM)
        x64_rm(&cx->e, insn & ~(uint32_t)X64_BYTE_RM, dst, src.mem);
    else
        x64_rr(&cx->e, insn, dst, src.reg);
}

static void lower_bswap(X64Ctx *cx, const TnIrOp *op)
{
    int ra = x64_in(cx, op->a), dst;

    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, 0);
    x64_mov_rr(&cx->e, X64_W, dst, ra);
    x64_bswap(&cx->e, width(op), dst);
}

/* Counts of zero bits; BSR and BSF leave the destination alone for zero. */
static void lower_count(X64Ctx *cx, const TnIrOp *op)
{
    bool clz = op->opc == TN_IR_CLZ;
    int ra = x64_in(cx, op->a), dst, tmp;
    unsigned bits = bits_of(op);

    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, 0);
    if (op->opc == TN_IR_POPCNT) {
        x64_rr(&cx->e, X64_POPCNT | width(op), dst, ra);
    } else if (clz ? x64_host.lzcnt : x64_host.bmi1) {
        x64_rr(&cx->e, (clz ? X64_LZCNT : X64_TZCNT) | width(op), dst, ra);
    } else {
        tmp = x64_tmp(cx);
        x64_rr(&cx->e, (clz ? X64_BSR : X64_BSF) | width(op), dst, ra);
        x64_mov_ri(&cx->e, tmp, clz ? 2 * bits - 1 : bits);
        x64_rr(&cx->e, X64_CMOV | X64_Z | width(op), dst, tmp);
        if (clz)
            x64_g1_ri(&cx->e, X64_G1_XOR, 2, dst, (int32_t)bits - 1);
    }
}

static void shift(X64Ctx *cx, unsigned w, unsigned ext, int reg, unsigned count)
{
    if (count)
        x64_rri(&cx->e, X64_GRP2_IMM8 | w, (int)ext, reg, (uint8_t)count);
}

/* Replaces the low byte or word of dst. */
static void insert_low(X64Ctx *cx, int dst, unsigned len, const X64Src *b)
{
    unsigned size = len == 8 ? 0 : 1;

    switch (b->kind) {
    case X64_SRC_REG:
        x64_rr(&cx->e, x64_sized(X64_MOV_LOAD, size), dst, b->reg);
        break;
    case X64_SRC_MEM:
        x64_rm(&cx->e, x64_sized(X64_MOV_LOAD, size), dst, b->mem);
        break;
    case X64_SRC_IMM:
        x64_rr(&cx->e, x64_sized(X64_MOV_IMM32, size), 0, dst);
        x64_byte(&cx->e, (uint8_t)b->imm);
        if (size)
            x64_byte(&cx->e, (uint8_t)(b->imm >> 8));
        break;
    }
}

/* Any field that starts at bit 0: dst ^= (dst ^ b) cut to len bits. */
static void insert_field(X64Ctx *cx, unsigned w, unsigned bits, int dst, unsigned len,
                         const X64Src *b)
{
    int tmp = x64_tmp(cx);

    x64_mov_src(cx, w, tmp, b);
    x64_rr(&cx->e, X64_XOR | w, tmp, dst);
    shift(cx, w, X64_G2_SHL, tmp, bits - len);
    shift(cx, w, X64_G2_SHR, tmp, bits - len);
    x64_rr(&cx->e, X64_XOR | w, dst, tmp);
}

static void lower_deposit(X64Ctx *cx, const TnIrOp *op)
{
    unsigned pos = op->aux, len = (unsigned)op->imm, w = width(op), bits = bits_of(op);
    int ra = x64_in(cx, op->a), dst;
    X64Src b = x64_src(cx, w, op->b);
    uint32_t avoid = b.kind == X64_SRC_REG ? 1u << b.reg : 0;

    if (op->a == op->b && pos == 0)
        avoid = 0;
    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, avoid);
    if (dst != ra || (!w && !(cx->temps[op->a].flags & X64_T_Z32)))
        x64_mov_rr(&cx->e, w, dst, ra);
    shift(cx, w, X64_G2_ROR, dst, pos);
    if (len == 8 || len == 16)
        insert_low(cx, dst, len, &b);
    else
        insert_field(cx, w, bits, dst, len, &b);
    shift(cx, w, X64_G2_ROL, dst, pos);
}

/* dst >> 1, the bit as carry, twice that and the carry */
static void lower_deposit_bit(X64Ctx *cx, const TnIrOp *op)
{
    int ra = x64_in(cx, op->a), dst;
    X64Src b = x64_src(cx, 0, op->b);

    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, x64_src_bit(&b));
    if (dst != ra)
        x64_mov_rr(&cx->e, 0, dst, ra);
    x64_rr(&cx->e, X64_GRP2_ONE, X64_G2_SHR, dst);
    x64_bt_src(cx, &b, x64_bit_deposited(op));
    x64_rr(&cx->e, X64_ADC, dst, dst);
}

static void lower_extract(X64Ctx *cx, const TnIrOp *op)
{
    unsigned pos = op->aux, len = (unsigned)op->imm, w = width(op), bits = bits_of(op);
    int ra = x64_in(cx, op->a), dst;

    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, 0);
    if (pos == 0 && (len == 8 || len == 16)) {
        x64_rr(&cx->e, len == 8 ? X64_MOVZX8 : X64_MOVZX16, dst, ra);
    } else if (pos == 0 && len == 32) {
        x64_mov_rr(&cx->e, 0, dst, ra);
    } else if (pos + len < bits && (len == 8 || len == 16)) {
        x64_mov_rr(&cx->e, X64_W, dst, ra);
        shift(cx, w, X64_G2_SHR, dst, pos);
        x64_rr(&cx->e, len == 8 ? X64_MOVZX8 : X64_MOVZX16, dst, dst);
    } else {
        x64_mov_rr(&cx->e, w, dst, ra);
        shift(cx, w, X64_G2_SHL, dst, bits - len - pos);
        shift(cx, w, X64_G2_SHR, dst, bits - len);
    }
}

void x64_lower_bits(X64Ctx *cx, const TnIrOp *op)
{
    switch (op->opc) {
    case TN_IR_BSWAP:
        lower_bswap(cx, op);
        break;
    case TN_IR_EXT8U:
        lower_extend(cx, op, X64_MOVZX8);
        break;
    case TN_IR_EXT16U:
        lower_extend(cx, op, X64_MOVZX16);
        break;
    case TN_IR_EXT32U:
        lower_extend(cx, op, X64_MOV_LOAD);
        break;
    case TN_IR_EXT8S:
        lower_extend(cx, op, X64_MOVSX8 | width(op));
        break;
    case TN_IR_EXT16S:
        lower_extend(cx, op, X64_MOVSX16 | width(op));
        break;
    case TN_IR_EXT32S:
        lower_extend(cx, op, op->type == TN_I64 ? X64_MOVSXD : X64_MOV_LOAD);
        break;
    case TN_IR_DEPOSIT:
        if (x64_deposits_bit(op))
            lower_deposit_bit(cx, op);
        else
            lower_deposit(cx, op);
        break;
    case TN_IR_EXTRACT:
        lower_extract(cx, op);
        break;
    default:
        lower_count(cx, op);
        break;
    }
}
