/* SPDX-License-Identifier: MIT */
/* Operands as instructions take them, and how flags are computed from them. */
#ifndef TN_X64_OPERAND_H
#define TN_X64_OPERAND_H

#include "emit.h"

typedef enum X64SrcKind { X64_SRC_REG, X64_SRC_IMM, X64_SRC_MEM } X64SrcKind;

/* An operand as an instruction may take it. */
typedef struct X64Src {
    uint8_t kind;    /* X64SrcKind */
    int8_t reg;
    bool narrow;     /* memory: only 32 bits are there */
    bool is_address; /* memory: its address is meant */
    union {
        uint64_t imm;
        X64Mem mem;
    };
} X64Src;

/* A number that no instruction of a size takes. */
static inline bool x64_is_wide_imm(const X64Src *s, unsigned size_log2)
{
    return s->kind == X64_SRC_IMM && size_log2 == 3 && !x64_fits32(s->imm);
}

/* The register as a bit, if it is one. */
static inline uint32_t x64_src_bit(const X64Src *s)
{
    return s->kind == X64_SRC_REG ? 1u << s->reg : 0;
}

_Static_assert(sizeof(X64Src) == 16, "operands are passed in two registers");

/* How packed flags are computed (or are there already), frozen at one place in the block. */
typedef struct X64Recipe {
    bool packed;       /* a is the packed value itself */
    bool from_result;  /* a is the result; the first operand is a - b (ADD) or a + b (SUB) */
    uint8_t fop;       /* TnFlagOp */
    uint8_t size_log2;
    X64Src a, b, c;
} X64Recipe;

#endif
