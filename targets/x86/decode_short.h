/* SPDX-License-Identifier: MIT */
/*
 * The decoder's short way, which most instructions go: part of the translation loop. All others go the
 * long one, decode.c.
 */
#ifndef TENON_X86_DECODE_SHORT_H
#define TENON_X86_DECODE_SHORT_H

#include "decode_parts.h"

enum { MAX_LENGTH = 15 };

/* Decodes any instruction. May unwind when it is the block's first. */
X86DecodeResult x86_decode_long(X86Ctx *c);

/* Sets c->code and c->ahead for the instruction; false where it may not lie in the block's page whole. */
bool x86_decode_ahead(X86Ctx *c);

/* Takes a prefix for FS or GS at the instruction's first byte: gives what follows it. NULL where there
 * is none. */
X86Cursor x86_decode_segment(X86Ctx *c, X86Cursor at);

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
    if (c->rest)
        x86_decode_rest(c);
}

/* The general register or memory that the ModRM byte names. */
static inline __attribute__((always_inline))
X86Cursor take_rm(X86Ctx *c, const X86OperandCode *code, X86Operand *op, const uint8_t *bytes,
                  X86Cursor at)
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
    const uint8_t *bytes = c->bytes[((c->rex | e->row.flags) & ROW_WIDE) / ROW_WIDE];
    const X86OperandCode *code = e->op;
    X86Operand *op = c->op;

    c->op_size = bytes[OPS_V];
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
    case SHAPE_FIXED_IMM:
        x86_set_fixed(&op[0], bytes[code[0].size], code[0].reg);
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
 * Instructions without prefixes but REX and one of FS or GS, of a row that the opcode and the ModRM byte tell and that is
 * not ROW_ODD, with the usual operands: none is longer than 15 bytes. Gives NULL for others, of which
 * anything may be set, and where X86Ctx.odd_mode.
 */
static inline X86Cursor decode_common(X86Ctx *c)
{
    const uint16_t *first = c->common;
    X86Cursor at = c->code;
    const X86Entry *e;
    unsigned n;

    for (;;) {
        if ((*at & c->rex_mask) == REX_FIRST)
            c->rex = *at++;
        if (*at == ESCAPE_0F) {
            c->map = 1;
            first += X86_N_OPCODES;
            at++;
        }
        n = x86_rows_number(first, at[0], at[1]);
        if (TN_LIKELY(n))
            break;
        at = x86_decode_segment(c, at);
        if (!at)
            return NULL;
    }
    e = &x86_common.entries[n - 1];
    if (e->row.flags & ROW_ODD)
        return NULL;
    c->opcode = *at++;
    c->row = &e->row;
    c->addr_size = c->plain_addr_size;
    return take_operands(c, e, at);
}

/*
 * Decodes the instruction at c->pc, if it goes the short way and there is nothing to do for it but what
 * its row's gen does. Mode fields of c are set already; everything that belongs to the instruction is
 * set here. False: x86_decode_long is to have it, with the bytes that c->ahead says.
 */
static inline bool x86_decode_short(X86Ctx *c)
{
    X86Cursor end;

    if (TN_UNLIKELY(c->ahead < TN_IR_CODE_BYTES) && !x86_decode_ahead(c))
        return false;
    x86_decode_clear(c);
    end = decode_common(c);
    if (TN_UNLIKELY(!end))
        return false;
    x86_decode_finish(c, end);
    return true;
}

#endif
