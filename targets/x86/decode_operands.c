/* SPDX-License-Identifier: MIT */
/*
 * The decoder's operands: what a row's operand codes (insn.h) come to in one instruction, registers
 * and immediates. Intel SDM vol. 2, appendix A.2, and 2.2.1 for what REX adds.
 */
#include "decode_parts.h"

static unsigned operand_bytes(const X86Ctx *c, uint8_t size)
{
    bool wide = c->code64 && (c->rex & REX_W || c->row->flags & ROW_WIDE);

    switch ((X86OperandSize)size) {
    case OPS_Y: return wide ? 8 : 4;
    case OPS_X: return c->vex_l ? 32 : 16;
    case OPS_S: return c->code64 ? 10 : 6;
    default: return x86_common.bytes[c->op_size / 4][size];
    }
}

static void set_reg(X86Ctx *c, const X86OperandCode *code, X86Operand *op, unsigned reg)
{
    x86_set_reg(c, op, operand_bytes(c, code->size), reg);
}

static void decode_far_pointer(X86Ctx *c, X86Cursor *at, X86Operand *op)
{
    uint64_t offset = (uint64_t)x86_next_number(at, c->op_size);

    op->kind = OPERAND_IMM;
    op->imm = (int64_t)((uint64_t)(uint16_t)x86_next_number(at, 2) << 32 |
                        (offset & (c->op_size == 2 ? 0xffffu : 0xffffffffu)));
}

/* The /is4 byte: the register in the high nibble, the low one left to the instruction. */
static void decode_is4(X86Ctx *c, X86Cursor *at, X86Operand *op)
{
    uint8_t byte = x86_next_byte(at);

    op->kind = OPERAND_VEC;
    op->reg = (uint8_t)(byte >> 4 & (c->code64 ? 15 : 7));
    op->imm = byte & 15;
}

static void decode_moffs(X86Ctx *c, X86Cursor *at, X86Operand *op)
{
    c->mem_disp = x86_next_number(at, c->addr_size);
    op->kind = OPERAND_MEM;
    c->mem_seg = c->seg_override >= 0 ? (uint8_t)c->seg_override : DS;
}

/* The general register or memory that the ModRM byte names. */
static void set_rm(X86Ctx *c, const X86OperandCode *code, X86Operand *op)
{
    if (c->mod == 3) {
        set_reg(c, code, op, c->rm);
        return;
    }
    op->kind = OPERAND_MEM;
    op->size = (uint8_t)operand_bytes(c, code->mem_size);
}

static void set_vector_rm(X86Ctx *c, const X86OperandCode *code, X86Operand *op,
                          X86OperandKind kind)
{
    if (c->mod == 3) {
        op->kind = (uint8_t)kind;
        op->reg = kind == OPERAND_MMX ? c->rm & 7 : c->rm;
        return;
    }
    op->kind = OPERAND_MEM;
    op->size = (uint8_t)operand_bytes(c, code->mem_size);
}

/* False where there is no such register. */
static bool decode_operand(X86Ctx *c, const X86OperandCode *code, X86Operand *op, X86Cursor *at)
{
    op->size = (uint8_t)operand_bytes(c, code->size);
    switch ((X86OperandType)code->type) {
    case OPT_E: case OPT_M: case OPT_R:
        set_rm(c, code, op);
        break;
    case OPT_W: case OPT_U:
        set_vector_rm(c, code, op, OPERAND_VEC);
        break;
    case OPT_Q: case OPT_N:
        set_vector_rm(c, code, op, OPERAND_MMX);
        break;
    case OPT_G:
        set_reg(c, code, op, c->reg);
        break;
    case OPT_B:
        set_reg(c, code, op, c->vex_vvvv);
        break;
    case OPT_Z:
        set_reg(c, code, op, x86_opcode_reg(c));
        break;
    case OPT_REG:
        op->kind = OPERAND_REG;
        op->reg = code->reg;
        break;
    case OPT_HIGH:
        *op = (X86Operand){ .kind = OPERAND_REG, .size = 1, .reg = code->reg, .high = true };
        break;
    case OPT_S:
        *op = (X86Operand){ .kind = OPERAND_SEG, .size = 2, .reg = c->modrm >> 3 & 7 };
        return op->reg < X86_N_SEGS;
    case OPT_SEG:
        *op = (X86Operand){ .kind = OPERAND_SEG, .size = 2, .reg = code->reg };
        break;
    case OPT_C: case OPT_D:
        op->kind = code->type == OPT_C ? OPERAND_CR : OPERAND_DR;
        op->reg = c->reg;
        break;
    case OPT_V: case OPT_H:
        op->kind = OPERAND_VEC;
        op->reg = code->type == OPT_V ? c->reg : c->vex_vvvv;
        break;
    case OPT_P:
        op->kind = OPERAND_MMX;
        op->reg = c->reg & 7;
        break;
    case OPT_I: case OPT_J:
        *at = x86_set_imm(c, code, op, op->size, *at);
        break;
    case OPT_A:
        decode_far_pointer(c, at, op);
        break;
    case OPT_L:
        decode_is4(c, at, op);
        break;
    case OPT_O:
        decode_moffs(c, at, op);
        break;
    case OPT_ONE:
        *op = (X86Operand){ .kind = OPERAND_IMM, .size = 1, .imm = 1 };
        break;
    case OPT_ST0: case OPT_STI:
        op->kind = OPERAND_ST;
        op->reg = code->type == OPT_ST0 ? 0 : c->modrm & 7;
        break;
    case OPT_X: case OPT_Y: case OPT_NONE:
        break;
    }
    return true;
}

/* An operand that there is not is the last looked at. */
X86Cursor x86_decode_operands(X86Ctx *c, const X86Entry *e, X86Cursor at, X86DecodeResult *result)
{
    for (unsigned i = 0; i < e->n_ops && *result == X86_DECODE_OK; i++) {
        if (!decode_operand(c, &e->op[i], &c->op[i], &at))
            *result = X86_DECODE_UD;
    }
    return at;
}
