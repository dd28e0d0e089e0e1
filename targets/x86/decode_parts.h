/* SPDX-License-Identifier: MIT */
/* What the files of the decoder share: decode.c, decode_short.h, decode_any.c, decode_opcode.c and
 * decode_operands.c. */
#ifndef TENON_X86_DECODE_PARTS_H
#define TENON_X86_DECODE_PARTS_H

#include "decode.h"

#include <string.h>

#include "rows.h"

_Static_assert(ROW_WIDE == 8, "as REX.W");

enum {
    REX_FIRST = 0x40, REX_LAST = 0x4f, REX_MASK = 0xf0, REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1,
    ESCAPE_0F = 0x0f, PREFIX_FS = 0x64, PREFIX_GS = 0x65,
};

/* X86Ctx.rest: mem_disp is relative to the next pc; memory is in seg_override; an operand, whose number
 * is in the upper bits, may be an OPERAND_LATE. */
enum { X86_REST_RIP = 1, X86_REST_SEG = 2, X86_REST_LATE = 4, X86_REST_OP_SHIFT = 3 };

/* Where decoding is in c->code. */
typedef const uint8_t *X86Cursor;

static inline uint8_t x86_next_byte(X86Cursor *at)
{
    return *(*at)++;
}

/* A little-endian number of n bytes, 1 to 8, sign-extended. */
static inline int64_t x86_next_number(X86Cursor *at, unsigned n)
{
    unsigned up = 64 - 8 * n;
    uint64_t v;

    memcpy(&v, *at, sizeof(v));
    *at += n;
    return (int64_t)(v << up) >> up;
}

static inline void x86_decode_modrm(X86Ctx *c, X86Cursor *at)
{
    c->modrm = x86_next_byte(at);
    c->has_modrm = true;
    c->mod = c->modrm >> 6;
    c->reg = (c->modrm >> 3 & 7) | (c->rex & REX_R ? 8 : 0);
    c->rm = (c->modrm & 7) | (c->rex & REX_B ? 8 : 0);
}

/* The memory operand of a ModRM byte with addresses of 32 or 64 bits. Gives the end of it. */
X86Cursor x86_decode_mem32(X86Ctx *c, X86Cursor at);

static inline void x86_set_fixed(X86Operand *op, unsigned size, unsigned reg)
{
    op->kind = OPERAND_REG;
    op->size = (uint8_t)size;
    op->reg = (uint8_t)reg;
}

static inline void x86_set_reg(X86Ctx *c, X86Operand *op, unsigned size, unsigned reg)
{
    x86_set_fixed(op, size, reg);
    if (size == 1 && !c->rex && reg >= RSP && reg <= RDI) {
        op->high = true;
        c->odd_operands = true;
        op->reg = (uint8_t)(reg - RSP);
    }
}

/* The register in the opcode's low bits. */
static inline unsigned x86_opcode_reg(const X86Ctx *c)
{
    return (c->opcode & 7) | (c->rex & REX_B ? 8 : 0);
}

/* Immediates in the order in which they stand in the code. */
static inline X86Cursor x86_set_imm(X86Ctx *c, const X86OperandCode *code, X86Operand *op,
                                    unsigned size, X86Cursor at)
{
    op->kind = OPERAND_IMM;
    op->size = (uint8_t)size;
    op->at = (uint8_t)(at - c->code);
    op->imm = x86_next_number(&at, size);
    if (code->type == OPT_I && size == LATE_SIZE)
        c->rest |= (uint8_t)(X86_REST_LATE | (op - c->op) << X86_REST_OP_SHIFT);
    return at;
}

/*
 * Decodes whatever stands at c->code, once c is cleared: gives the end of what was looked at. Sets the
 * row, or `result` where there is no such instruction.
 */
X86Cursor x86_decode_any(X86Ctx *c, X86DecodeResult *result);

/* Does c->rest, once all of the instruction is known to be there and c->next_pc is set. */
void x86_decode_rest(X86Ctx *c);

/* Reads prefixes and opcode: sets their fields and map; `prefix` is the ENTRY_* bit of the mandatory
 * prefix in force. False where there is no such instruction. */
bool x86_decode_opcode(X86Ctx *c, X86Cursor *at, uint8_t *prefix);

/* The operands of the entry, whose sizes and ModRM byte are decoded. Gives the end of what was looked
 * at; `result` becomes X86_DECODE_UD where there is no such register. */
X86Cursor x86_decode_operands(X86Ctx *c, const X86Entry *e, X86Cursor at, X86DecodeResult *result);

#endif
