/* SPDX-License-Identifier: MIT */
/* Decoding of one instruction, between the decoder, translate.c and the translation functions. */
#ifndef TENON_X86_DECODE_H
#define TENON_X86_DECODE_H

#include "insn.h"

typedef enum X86DecodeResult {
    X86_DECODE_OK,        /* c->row and the operands are set */
    X86_DECODE_UD,        /* no such instruction: #UD */
    X86_DECODE_TOO_LONG,  /* more than 15 bytes: #GP(0) */
    X86_DECODE_NO_BYTES,  /* the rest lies on a page that cannot be fetched: end the block before */
} X86DecodeResult;

enum { LATE_SIZE = 4 }; /* bytes of what tn_ir_late is for */

/* tn_ir_late for operand n, an immediate of LATE_SIZE bytes. */
uintptr_t x86_late_number(const X86Ctx *c, unsigned n);

/* Emits the checks that the row's flags ask for; none where it is not ROW_CHECKED and there is no
 * LOCK. False when one always fails: the exception is raised and the block ended. */
bool x86_gen_checks(X86Ctx *c);

#endif
