/* SPDX-License-Identifier: MIT */
/* What the files of the decoder share: decode.c, decode_opcode.c, decode_operands.c. */
#ifndef TENON_X86_DECODE_PARTS_H
#define TENON_X86_DECODE_PARTS_H

#include "decode.h"

#include <string.h>

#include "rows.h"

enum {
    REX_FIRST = 0x40, REX_LAST = 0x4f, REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1,
    ESCAPE_0F = 0x0f,
};

/* Where decoding is in c->bytes. */
typedef const uint8_t *X86Cursor;

static inline uint8_t x86_next_byte(X86Cursor *at)
{
    return *(*at)++;
}

/* A little-endian number of n bytes, sign-extended. */
static inline int64_t x86_next_number(X86Cursor *at, unsigned n)
{
    unsigned up = 64 - 8 * n;
    uint64_t v;

    memcpy(&v, *at, sizeof(v));
    *at += n;
    return n ? (int64_t)(v << up) >> up : 0;
}

/* Reads prefixes and opcode: sets their fields and map; `prefix` is the ENTRY_* bit of the mandatory
 * prefix in force. False where there is no such instruction. */
bool x86_decode_opcode(X86Ctx *c, X86Cursor *at, uint8_t *prefix);

/* The operands of the entry, whose sizes and ModRM byte are decoded. Gives the end of what was looked
 * at; `result` becomes X86_DECODE_UD where there is no such register. */
X86Cursor x86_decode_operands(X86Ctx *c, const X86Entry *e, X86Cursor at, X86DecodeResult *result);

#endif
