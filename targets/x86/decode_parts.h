/* SPDX-License-Identifier: MIT */
/* What the files of the decoder share: decode.c, decode_any.c, decode_opcode.c, decode_operands.c. */
#ifndef TENON_X86_DECODE_PARTS_H
#define TENON_X86_DECODE_PARTS_H

#include "decode.h"

#include <string.h>

#include "rows.h"

enum {
    REX_FIRST = 0x40, REX_LAST = 0x4f, REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1,
    ESCAPE_0F = 0x0f,
};

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

/* The memory operand of a ModRM byte with addresses of 32 or 64 bits: SDM vol. 2, tables 2-2 and 2-3. */
static inline X86Cursor x86_decode_mem32(X86Ctx *c, X86Cursor at)
{
    unsigned rm = c->modrm & 7, base = rm;

    c->mem_plain = c->flat64;
    if (rm == RSP) {
        uint8_t sib = x86_next_byte(&at);
        unsigned index = (sib >> 3 & 7) | (c->rex & REX_X ? 8 : 0);
        if (index != RSP) {
            c->mem_index = (int8_t)index;
            c->mem_plain = false;
        }
        c->mem_scale = sib >> 6;
        base = sib & 7;
    }
    if (c->mod == 0 && base == RBP) {
        c->mem_rip = c->code64 && rm == RBP;
        c->mem_plain = false;
        c->mem_disp = x86_next_number(&at, 4);
        return at;
    }
    c->mem_base = (int8_t)(base | (c->rex & REX_B ? 8 : 0));
    c->mem_seg = c->mem_base == RSP || c->mem_base == RBP ? SS : DS;
    if (c->mod == 1)
        c->mem_disp = x86_next_number(&at, 1);
    else if (c->mod == 2)
        c->mem_disp = x86_next_number(&at, 4);
    return at;
}

static inline void x86_set_reg(const X86Ctx *c, X86Operand *op, unsigned size, unsigned reg)
{
    op->kind = OPERAND_REG;
    op->size = (uint8_t)size;
    op->reg = (uint8_t)reg;
    if (size == 1 && !c->rex && reg >= RSP && reg <= RDI) {
        op->high = true;
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
        c->late = op;
    return at;
}

/*
 * Decodes whatever stands at c->code, once c is cleared: gives the end of what was looked at. Sets the
 * row, or `result` where there is no such instruction.
 */
X86Cursor x86_decode_any(X86Ctx *c, X86DecodeResult *result);

/* Reads prefixes and opcode: sets their fields and map; `prefix` is the ENTRY_* bit of the mandatory
 * prefix in force. False where there is no such instruction. */
bool x86_decode_opcode(X86Ctx *c, X86Cursor *at, uint8_t *prefix);

/* The operands of the entry, whose sizes and ModRM byte are decoded. Gives the end of what was looked
 * at; `result` becomes X86_DECODE_UD where there is no such register. */
X86Cursor x86_decode_operands(X86Ctx *c, const X86Entry *e, X86Cursor at, X86DecodeResult *result);

#endif
