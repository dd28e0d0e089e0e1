/* SPDX-License-Identifier: MIT */
/*
 * The decoder's short way, which most instructions go: part of the translation loop. All others go the
 * long one, decode.c.
 */
#ifndef TENON_X86_DECODE_SHORT_H
#define TENON_X86_DECODE_SHORT_H

#include "decode_parts.h"

enum { MAX_LENGTH = 15 };

/* Decodes any instruction; the first n_bytes at c->code are there. May unwind when it is the block's
 * first. */
X86DecodeResult x86_decode_long(X86Ctx *c, unsigned n_bytes);

/* Has c->code and c->ahead set for the instruction, if it lies in the block's page whole. */
bool x86_decode_ahead(X86Ctx *c);

/* Asks for c->late, once all of the instruction is known to be there. */
void x86_decode_late(X86Ctx *c);

static inline void x86_decode_clear(X86Ctx *c)
{
    memset(&c->lock, 0, offsetof(X86Ctx, op) - offsetof(X86Ctx, lock));
    memset(c->op, 0, sizeof(c->op));
    c->seg_override = -1;
    c->mem_seg = DS;
    c->mem_base = c->mem_index = -1;
}

static inline void x86_decode_finish(X86Ctx *c, X86Cursor end)
{
    c->length = (uint8_t)(end - c->code);
    c->next_pc = (c->pc + c->length) & c->pc_mask;
    if (c->mem_rip) {
        c->mem_disp = (int64_t)((uint64_t)c->mem_disp + c->next_pc);
        if (c->addr_size == 4)
            c->mem_disp = (uint32_t)c->mem_disp;
    }
    if (c->late)
        x86_decode_late(c);
}

/* The general register or memory that the ModRM byte names. */
static inline X86Cursor take_rm(X86Ctx *c, const X86OperandCode *code, X86Operand *op,
                                const uint8_t *bytes, X86Cursor at)
{
    x86_decode_modrm(c, &at);
    if (c->mod == 3) {
        x86_set_reg(c, op, bytes[code->size], c->rm);
        return at;
    }
    op->kind = OPERAND_MEM;
    op->size = bytes[code->mem_size];
    return x86_decode_mem32(c, at);
}

static inline X86Cursor take_operands(X86Ctx *c, const X86Entry *e, X86Cursor at)
{
    const uint8_t *bytes = x86_common.bytes[c->op_size / 4];
    const X86OperandCode *code = e->op;
    X86Operand *op = c->op;

    switch ((X86Shape)e->shape) {
    case SHAPE_RM:
        return take_rm(c, &code[0], &op[0], bytes, at);
    case SHAPE_RM_REG:
        at = take_rm(c, &code[0], &op[0], bytes, at);
        x86_set_reg(c, &op[1], bytes[code[1].size], c->reg);
        return at;
    case SHAPE_REG_RM:
        at = take_rm(c, &code[1], &op[1], bytes, at);
        x86_set_reg(c, &op[0], bytes[code[0].size], c->reg);
        return at;
    case SHAPE_RM_IMM:
        at = take_rm(c, &code[0], &op[0], bytes, at);
        return x86_set_imm(c, &code[1], &op[1], bytes[code[1].size], at);
    case SHAPE_OPCODE_REG:
        x86_set_reg(c, &op[0], bytes[code[0].size], x86_opcode_reg(c));
        return at;
    case SHAPE_OPCODE_REG_IMM:
        x86_set_reg(c, &op[0], bytes[code[0].size], x86_opcode_reg(c));
        return x86_set_imm(c, &code[1], &op[1], bytes[code[1].size], at);
    case SHAPE_IMM:
        return x86_set_imm(c, &code[0], &op[0], bytes[code[0].size], at);
    case SHAPE_NONE:
        return at;
    case SHAPE_OTHER:
        break;
    }
    return NULL;
}

/*
 * Instructions without prefixes but REX, of a row that the opcode and the ModRM byte tell, with the
 * usual operands: none is longer than 15 bytes. Gives NULL for others, of which anything may be set,
 * and in 16-bit code.
 */
static inline X86Cursor decode_common(X86Ctx *c)
{
    X86Cursor at = c->code;
    const X86Entry *e;

    if (c->plain_addr_size == 2)
        return NULL;
    if (c->code64 && *at >= REX_FIRST && *at <= REX_LAST)
        c->rex = *at++;
    if (*at == ESCAPE_0F) {
        c->map = 1;
        at++;
    }
    e = x86_rows_common(c->code64, c->map, at[0], at[1]);
    if (!e || (e->row.feature && !x86_has(c->s, e->row.feature)))
        return NULL;
    c->opcode = *at++;
    c->row = &e->row;
    c->addr_size = c->plain_addr_size;
    c->op_size = c->rex & REX_W || e->row.flags & ROW_WIDE ? c->wide_op_size : c->plain_op_size;
    return take_operands(c, e, at);
}

/* Decodes the instruction at c->pc. Mode fields of c are set already; everything that belongs to the
 * instruction is set here. May unwind when it is the block's first. */
static inline X86DecodeResult x86_decode(X86Ctx *c)
{
    X86Cursor end;

    if (TN_UNLIKELY(c->ahead < TN_IR_CODE_BYTES) && !x86_decode_ahead(c))
        return x86_decode_long(c, 0);
    x86_decode_clear(c);
    end = decode_common(c);
    if (TN_UNLIKELY(!end))
        return x86_decode_long(c, MAX_LENGTH);
    x86_decode_finish(c, end);
    return X86_DECODE_OK;
}

#endif
