/* SPDX-License-Identifier: MIT */
/* IR to code: integer arithmetic, logic, shifts and address computation. */
#include "compile.h"
#include "put.h"

static unsigned width(const TnIrOp *op)
{
    return op->type == TN_I64 ? X64_W : 0;
}

static unsigned size_of(const TnIrOp *op)
{
    return op->type == TN_I64 ? 3 : 2;
}

static uint32_t reg_bit(const X64Src *s)
{
    return s->kind == X64_SRC_REG ? 1u << s->reg : 0;
}

/* Group 1's extension for X64_ADD ... X64_CMP: the opcode's bits 5..3. */
static unsigned group1(uint32_t op)
{
    return op >> 3 & 7;
}

void x64_alu_src(X64Emit *e, uint32_t op, unsigned size_log2, int dst, const X64Src *src)
{
    switch (src->kind) {
    case X64_SRC_REG:
        x64_rr(e, x64_sized(op, size_log2), dst, src->reg);
        break;
    case X64_SRC_IMM:
        x64_g1_ri(e, group1(op), size_log2, dst, (int32_t)src->imm);
        break;
    case X64_SRC_MEM:
        x64_rm(e, x64_sized(op, size_log2), dst, src->mem);
        break;
    }
}

void x64_mov_src(X64Ctx *cx, unsigned w, int dst, const X64Src *src)
{
    switch (src->kind) {
    case X64_SRC_REG:
        x64_mov_rr(&cx->e, w, dst, src->reg);
        break;
    case X64_SRC_IMM:
        x64_mov_ri(&cx->e, dst, w ? src->imm : (uint32_t)src->imm);
        break;
    case X64_SRC_MEM:
        x64_load(&cx->e, src->narrow ? 0 : w, dst, src->mem);
        break;
    }
}

/* Says that the host's flags are now those of the operation being lowered. */
static void note_flags(X64Ctx *cx)
{
    if (cx->info[cx->i].flags & X64_OP_SETS_FLAGS) {
        cx->host_flags = cx->ops[cx->i].dst;
        cx->e.flags_at = cx->e.p;
    }
}

static bool wants_flags(const X64Ctx *cx)
{
    return cx->info[cx->i].flags & X64_OP_SETS_FLAGS;
}

/* Of operations from ADD to LEA: the opcode, where it is one of group 1 or IMUL, or the extension of
 * one of the groups 2 and 3. */
static const uint16_t opcodes[TN_IR_LEA + 1] = {
    [TN_IR_MUL] = X64_IMUL,
    [TN_IR_AND] = X64_AND,
    [TN_IR_OR] = X64_OR,
    [TN_IR_XOR] = X64_XOR,
    [TN_IR_ANDI] = X64_AND,
    [TN_IR_ORI] = X64_OR,
    [TN_IR_XORI] = X64_XOR,
    [TN_IR_MULHU] = X64_G3_MUL,
    [TN_IR_MULHS] = X64_G3_IMUL,
    [TN_IR_NOT] = X64_G3_NOT,
    [TN_IR_NEG] = X64_G3_NEG,
    [TN_IR_SHL] = X64_G2_SHL,
    [TN_IR_SHR] = X64_G2_SHR,
    [TN_IR_SAR] = X64_G2_SAR,
    [TN_IR_ROL] = X64_G2_ROL,
    [TN_IR_ROR] = X64_G2_ROR,
    [TN_IR_SHLI] = X64_G2_SHL,
    [TN_IR_SHRI] = X64_G2_SHR,
    [TN_IR_SARI] = X64_G2_SAR,
    [TN_IR_ROLI] = X64_G2_ROL,
};

/* dst = ra op src, commutative: dst may be either operand's register. */
static void commutative(X64Ctx *cx, uint32_t alu, unsigned size_log2, int dst, int ra, X64Src *src)
{
    unsigned w = size_log2 == 3 ? X64_W : 0;

    if (src->kind == X64_SRC_REG && dst == src->reg) {
        x64_rr(&cx->e, alu | w, dst, ra);
        return;
    }
    if (dst != ra)
        x64_mov_rr(&cx->e, X64_W, dst, ra);
    if (alu == X64_IMUL && src->kind == X64_SRC_IMM) {
        x64_rr(&cx->e, 0x69 | w, dst, dst);
        x64_imm32(&cx->e, (int32_t)src->imm);
    } else if (alu == X64_IMUL && src->kind == X64_SRC_MEM) {
        x64_rm(&cx->e, alu | w, dst, src->mem);
    } else if (alu == X64_IMUL) {
        x64_rr(&cx->e, alu | w, dst, src->reg);
    } else {
        x64_alu_src(&cx->e, alu, size_log2, dst, src);
    }
}

void x64_lower_commutative(X64Ctx *cx, const TnIrOp *op)
{
    uint32_t alu = opcodes[op->opc];
    bool swap = x64_is_const(cx, op->a);
    TnTemp a = swap ? op->b : op->a, b = swap ? op->a : op->b;
    int ra = x64_in(cx, a), dst;
    X64Src src = x64_src(cx, width(op), b);

    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, 0);
    commutative(cx, alu, size_of(op), dst, ra, &src);
    if (alu != X64_IMUL)
        note_flags(cx);
}

/* ADD: LEA where the result goes to a third register and nobody shares the flags. */
void x64_lower_add(X64Ctx *cx, const TnIrOp *op)
{
    bool swap = x64_is_const(cx, op->a);
    TnTemp a = swap ? op->b : op->a, b = swap ? op->a : op->b;
    int ra = x64_in(cx, a), dst;
    X64Src src = x64_src(cx, width(op), b);

    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, 0);
    if (dst != ra && src.kind != X64_SRC_MEM && !(src.kind == X64_SRC_REG && dst == src.reg) &&
        !wants_flags(cx)) {
        X64Mem m = src.kind == X64_SRC_REG ? x64_mem_index(ra, src.reg, 0, 0)
                                           : x64_mem(ra, (int32_t)src.imm);
        x64_lea(&cx->e, width(op), dst, m);
        return;
    }
    commutative(cx, X64_ADD, size_of(op), dst, ra, &src);
    note_flags(cx);
}

void x64_lower_sub(X64Ctx *cx, const TnIrOp *op)
{
    int ra = x64_in(cx, op->a), dst;
    X64Src src = x64_src(cx, width(op), op->b);

    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, op->a == op->b ? 0 : reg_bit(&src) & ~(1u << ra));
    if (dst != ra)
        x64_mov_rr(&cx->e, X64_W, dst, ra);
    x64_alu_src(&cx->e, X64_SUB, size_of(op), dst, &src);
    note_flags(cx);
}

/* A shared ADDI is the instruction whose flags are wanted. */
static uint8_t *put_add(uint8_t *p, unsigned how, unsigned w, int dst, int32_t imm)
{
    enum { BIT_OF_MINUS_ONE = 2 };

    if (how & X64_OP_AS_STEP)
        return x64_put_rr(p, X64_GRP4 | w, imm & BIT_OF_MINUS_ONE ? X64_G4_DEC : X64_G4_INC, dst);
    return how & X64_OP_AS_SUB ? x64_put_g1(p, X64_G1_SUB, w, dst, (int32_t)-(uint32_t)imm)
                               : x64_put_g1(p, X64_G1_ADD, w, dst, imm);
}

/* An immediate that an instruction can hold, and its negative: any for 32-bit operations. */
static bool imm_fits(const TnIrOp *op)
{
    return op->type != TN_I64 || op->imm + INT32_MAX <= 2 * (uint64_t)INT32_MAX;
}

static void wide_immediate(X64Ctx *cx, const TnIrOp *op, uint32_t alu, int dst, int ra)
{
    int tmp = x64_tmp(cx);

    if (dst != ra)
        x64_mov_rr(&cx->e, X64_W, dst, ra);
    x64_mov_ri(&cx->e, tmp, op->imm);
    x64_rr(&cx->e, alu | X64_W, dst, tmp);
}

void x64_lower_addi(X64Ctx *cx, const TnIrOp *op)
{
    unsigned how = cx->info[cx->i].flags;
    int ra = x64_in(cx, op->a), dst;

    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, 0);
    if (!imm_fits(op)) {
        wide_immediate(cx, op, X64_ADD, dst, ra);
        return;
    }
    if (dst != ra && !(how & X64_OP_SETS_FLAGS)) {
        x64_lea(&cx->e, width(op), dst, x64_mem(ra, (int32_t)op->imm));
        return;
    }
    if (dst != ra)
        x64_mov_rr(&cx->e, X64_W, dst, ra);
    cx->e.p = put_add(cx->e.p, how, width(op), dst, (int32_t)op->imm);
    note_flags(cx);
}

void x64_lower_logic_imm(X64Ctx *cx, const TnIrOp *op)
{
    uint32_t alu = opcodes[op->opc];
    int ra = x64_in(cx, op->a), dst;
    unsigned size = size_of(op);

    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, 0);
    if (alu == X64_AND && size == 3 && op->imm <= INT32_MAX && !wants_flags(cx))
        size = 2; /* the upper half is zeroed alike */
    else if (!imm_fits(op)) {
        wide_immediate(cx, op, alu, dst, ra);
        note_flags(cx);
        return;
    }
    if (dst != ra)
        x64_mov_rr(&cx->e, X64_W, dst, ra);
    x64_g1_ri(&cx->e, group1(alu), size, dst, (int32_t)op->imm);
    note_flags(cx);
}

void x64_lower_unary(X64Ctx *cx, const TnIrOp *op)
{
    int ra = x64_in(cx, op->a), dst;

    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, 0);
    if (dst != ra)
        x64_mov_rr(&cx->e, X64_W, dst, ra);
    x64_rr(&cx->e, X64_GRP3 | width(op), opcodes[op->opc], dst);
}

void x64_lower_andn(X64Ctx *cx, const TnIrOp *op)
{
    int ra = x64_in(cx, op->a), rb = x64_in(cx, op->b), dst;

    x64_release(cx);
    dst = x64_out(cx, op->dst, X64_NONE, x64_host.bmi1 ? 0 : 1u << ra);
    if (x64_host.bmi1) {
        x64_vex_rr(&cx->e, X64_ANDN | width(op), 0, dst, rb, ra);
        return;
    }
    x64_mov_rr(&cx->e, X64_W, dst, rb);
    x64_rr(&cx->e, X64_GRP3 | width(op), X64_G3_NOT, dst);
    x64_rr(&cx->e, X64_AND | width(op), dst, ra);
}

void x64_lower_mul_high(X64Ctx *cx, const TnIrOp *op)
{
    X64Src b;

    x64_claim(cx, X64_RAX);
    x64_claim(cx, X64_RDX);
    b = (X64Src){ .reg = x64_in(cx, op->b) };
    X64Src a = x64_peek(cx, op->a);
    x64_mov_src(cx, X64_W, X64_RAX, &a);
    x64_rr(&cx->e, X64_GRP3 | width(op), opcodes[op->opc], b.reg);
    x64_release(cx);
    int dst = x64_out(cx, op->dst, X64_RDX, 0);
    x64_mov_rr(&cx->e, X64_W, dst, X64_RDX);
}

static void shift_by(X64Ctx *cx, const TnIrOp *op, unsigned count)
{
    int ra = x64_in(cx, op->a), dst;
    unsigned bits = op->type == TN_I64 ? 64 : 32, ext = opcodes[op->opc];

    count &= bits - 1;
    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, 0);
    if (ext == X64_G2_ROL && dst != ra && x64_host.bmi2) {
        x64_vex_rr(&cx->e, X64_RORX | width(op), 0, dst, X64_NONE, ra);
        x64_byte(&cx->e, (uint8_t)((bits - count) & (bits - 1)));
        return;
    }
    if (dst != ra || !width(op))
        x64_mov_rr(&cx->e, count ? X64_W : width(op), dst, ra);
    if (count)
        x64_rri(&cx->e, X64_GRP2_IMM8 | width(op), (int)ext, dst, (uint8_t)count);
}

void x64_lower_shift_imm(X64Ctx *cx, const TnIrOp *op)
{
    shift_by(cx, op, (unsigned)op->imm);
}

static void shift_by_cl(X64Ctx *cx, const TnIrOp *op)
{
    int ra, dst;

    x64_claim(cx, X64_RCX);
    ra = x64_in(cx, op->a);
    X64Src count = x64_peek(cx, op->b);
    x64_mov_src(cx, 0, X64_RCX, &count);
    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, 1u << X64_RCX);
    if (dst != ra)
        x64_mov_rr(&cx->e, X64_W, dst, ra);
    /* A 32-bit operation writes the upper half even where the count is zero. */
    x64_rr(&cx->e, X64_GRP2_CL | width(op), opcodes[op->opc], dst);
}

void x64_lower_shift(X64Ctx *cx, const TnIrOp *op)
{
    static const uint32_t by_register[] = { X64_SHLX, X64_SHRX, X64_SARX };
    int ra, rb, dst;

    if (x64_is_const(cx, op->b)) {
        shift_by(cx, op, (unsigned)cx->temps[op->b].value);
        return;
    }
    if (op->opc > TN_IR_SAR || !x64_host.bmi2) {
        shift_by_cl(cx, op);
        return;
    }
    ra = x64_in(cx, op->a);
    rb = x64_in(cx, op->b);
    x64_release(cx);
    dst = x64_out(cx, op->dst, ra, 0);
    x64_vex_rr(&cx->e, by_register[op->opc - TN_IR_SHL] | width(op), 0, dst, rb, ra);
}

/* The address a LEA computes; X64_NONE operands are absent. */
static X64Mem lea_address(const TnIrOp *op, int ra, int rb, int32_t disp)
{
    if (rb == X64_NONE)
        return x64_mem(ra, disp);
    if (ra == X64_NONE && op->aux == 0)
        return x64_mem(rb, disp);
    return x64_mem_index(ra, rb, op->aux, disp);
}

void x64_lower_lea(X64Ctx *cx, const TnIrOp *op)
{
    bool has_a = op->a && !(x64_is_const(cx, op->a) && cx->temps[op->a].value == 0);
    int ra = has_a ? x64_in(cx, op->a) : X64_NONE;
    int rb = op->b ? x64_in(cx, op->b) : X64_NONE, dst, tmp;
    bool fits = op->type != TN_I64 || x64_fits32(op->imm);

    x64_release(cx);
    dst = x64_out(cx, op->dst, ra != X64_NONE ? ra : rb, 0);
    if (ra == X64_NONE && rb == X64_NONE) {
        x64_mov_ri(&cx->e, dst, op->type == TN_I64 ? op->imm : (uint32_t)op->imm);
        return;
    }
    x64_lea(&cx->e, width(op), dst, lea_address(op, ra, rb, fits ? (int32_t)op->imm : 0));
    if (!fits) {
        tmp = x64_tmp(cx);
        x64_mov_ri(&cx->e, tmp, op->imm);
        x64_rr(&cx->e, X64_ADD | X64_W, dst, tmp);
    }
}
