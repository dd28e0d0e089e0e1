/* SPDX-License-Identifier: MIT */
/*
 * The encodings that most code is made of, inline: opcodes of one byte without a prefix, at 32 or 64
 * bits, on registers or memory. Each writes an instruction at p and gives the place behind it. Words
 * are written whole: what is too much is overwritten by what follows. Which parts an operand needs
 * is as good as random: there are no branches.
 */
#ifndef TN_X64_PUT_H
#define TN_X64_PUT_H

#include <string.h>

#include "emit.h"

/* The low n bytes of v, at most 8. */
static inline uint8_t *x64_put(uint8_t *p, uint64_t v, unsigned n)
{
    memcpy(p, &v, sizeof(v));
    return p + n;
}

static inline unsigned x64_modrm(unsigned mod, int reg, int rm)
{
    return mod << 6 | ((unsigned)reg & 7) << 3 | ((unsigned)rm & 7);
}

/* Bit 3 of a register's number. */
static inline unsigned x64_high(int reg)
{
    return (unsigned)reg >> 3 & 1;
}

/* REX.W of an opcode constant. */
static inline unsigned x64_rex_w(uint32_t op)
{
    return op / X64_W % 2 << 3;
}

static inline uint8_t *x64_put_rex(uint8_t *p, unsigned rex)
{
    *p = (uint8_t)(0x40 | rex);
    return p + (rex != 0);
}

/* op: an opcode byte, perhaps with X64_W. */
static inline uint8_t *x64_put_rr(uint8_t *p, uint32_t op, int reg, int rm)
{
    p = x64_put_rex(p, x64_rex_w(op) | x64_high(reg) << 2 | x64_high(rm));
    return x64_put(p, (uint8_t)op | x64_modrm(3, reg, rm) << 8, 2);
}

/* What a base, whether there is an index, and a kind of displacement give: ModRM and SIB where they
 * stand behind an opcode byte, in whose place is REX.B; how far up from there the displacement is,
 * and how long it all is. */
typedef struct X64MemForm {
    uint32_t bytes;
    uint8_t shift, n;
} X64MemForm;

/* rbp and r13 as a base have a displacement, rsp and r12 a SIB byte. */
#define X64_FORM(mod, base, disp, b) { (unsigned)((mod) << 6 | (base)) << 8 | (b), 16, 2 + (disp) }
#define X64_FORM_SIB(mod, base, index, disp, b) \
    { (unsigned)((mod) << 6 | X64_RSP) << 8 | (unsigned)((index) << 3 | (base)) << 16 | (b), 24, \
      3 + (disp) }
#define X64_FORMS(mod, disp, mod5, disp5, b) \
    X64_FORM(mod, 0, disp, b), X64_FORM(mod, 1, disp, b), X64_FORM(mod, 2, disp, b), \
        X64_FORM(mod, 3, disp, b), X64_FORM_SIB(mod, 4, X64_RSP, disp, b), \
        X64_FORM(mod5, 5, disp5, b), X64_FORM(mod, 6, disp, b), X64_FORM(mod, 7, disp, b)
#define X64_FORMS_INDEXED(mod, disp, mod5, disp5, b) \
    X64_FORM_SIB(mod, 0, 0, disp, b), X64_FORM_SIB(mod, 1, 0, disp, b), \
        X64_FORM_SIB(mod, 2, 0, disp, b), X64_FORM_SIB(mod, 3, 0, disp, b), \
        X64_FORM_SIB(mod, 4, 0, disp, b), X64_FORM_SIB(mod5, 5, 0, disp5, b), \
        X64_FORM_SIB(mod, 6, 0, disp, b), X64_FORM_SIB(mod, 7, 0, disp, b)

/* By the bytes of the displacement: none, 1, 4; then the same with an index. */
enum { X64_FORM_KINDS = 3 };

extern const X64MemForm x64_mem_forms[2 * X64_FORM_KINDS][16]; /* emit.c */

static inline unsigned x64_disp_kind(int32_t disp)
{
    return ((uint32_t)disp - INT8_MIN > UINT8_MAX) + (disp != 0);
}

static inline unsigned x64_reg_bits(int reg)
{
    return ((unsigned)reg & 7) << 11;
}

/* op: the same; of m only base and displacement. */
static inline uint8_t *x64_put_rm(uint8_t *p, uint32_t op, int reg, X64Mem m)
{
    unsigned base = (unsigned)m.base;
    const X64MemForm *f = &x64_mem_forms[x64_disp_kind(m.disp)][base];
    uint32_t bytes = (f->bytes & ~1u) | x64_reg_bits(reg) | (uint8_t)op;

    p = x64_put_rex(p, x64_rex_w(op) | x64_high(reg) << 2 | base >> 3);
    return x64_put(p, (uint64_t)(uint32_t)m.disp << f->shift | bytes, f->n);
}

/* The same on what 8 bits from the env register reach. */
static inline uint8_t *x64_put_env(uint8_t *p, uint32_t op, int reg, int32_t disp)
{
    enum { BYTE = 1 };

    p = x64_put_rex(p, x64_rex_w(op) | x64_high(reg) << 2);
    return x64_put(p, (uint8_t)op | x64_modrm(BYTE, reg, X64_ENV) << 8 |
                          (uint32_t)(uint8_t)disp << 16, 3);
}

/* What registers add to a form, in whose lowest byte are REX.R, X and B. */
enum { X64_REX_RXB = 7, X64_MODRM_SIB = 0xffff << 8 };
extern const uint32_t x64_reg_parts[16], x64_index_parts[16]; /* emit.c */

/* op: an opcode byte, perhaps with X64_W, X64_0F and X64_BYTE_REG; on the sum of two registers, neither
 * RSP, the base not RBP or R13, and a displacement. */
static inline uint8_t *x64_put_indexed(uint8_t *p, uint32_t op, int reg, int base, int index,
                                       int32_t disp)
{
    unsigned mod = x64_disp_kind(disp), b = (unsigned)base;
    uint32_t bytes = x64_reg_parts[reg] + x64_index_parts[index] + ((b & 7) << 16 | b >> 3);
    unsigned rex = x64_rex_w(op) | (bytes & X64_REX_RXB);

    *p = (uint8_t)(0x40 | rex);
    p += rex || ((op & X64_BYTE_REG) && reg >= X64_RSP);
    *p = 0x0f;
    p += op / X64_0F & 1;
    bytes = (bytes & X64_MODRM_SIB) | (uint8_t)op | x64_modrm(mod, 0, X64_RSP) << 8;
    return x64_put(p, (uint64_t)(uint32_t)disp << 24 | bytes, 3 + mod * mod); /* 1, 2: 1, 4 bytes */
}

/* ADD ... CMP with an immediate; w: 0 or X64_W. */
static inline uint8_t *x64_put_g1(uint8_t *p, unsigned ext, unsigned w, int rm, int32_t imm)
{
    uint64_t v = (uint64_t)(uint32_t)imm << 16 | x64_modrm(3, (int)ext, rm) << 8;

    p = x64_put_rex(p, x64_rex_w(w) | x64_high(rm));
    if (imm == (int8_t)imm)
        return x64_put(p, v | X64_GRP1_IMM8, 3);
    if (rm == X64_RAX) /* eax and rax have a form without ModRM */
        return x64_put(p, (uint64_t)(uint32_t)imm << 8 | ext << 3 | 5, 5);
    return x64_put(p, v | X64_GRP1_IMM32, 6);
}

/* dst = src rotated right by so many of 32 bits (BMI2). */
static inline uint8_t *x64_put_rorx(uint8_t *p, int dst, int src, unsigned count)
{
    enum { VEX3 = 0xc4, NOT_R = 0x80, NOT_X = 0x40, NOT_B = 0x20, MAP = 3, TAIL = 15 << 3 | 3 };
    unsigned rxb = (dst < 8 ? NOT_R : 0) | NOT_X | (src < 8 ? NOT_B : 0) | MAP;
    uint32_t head = VEX3 | rxb << 8 | TAIL << 16 | (uint32_t)(X64_RORX & UINT8_MAX) << 24;

    return x64_put(p, head | (uint64_t)(x64_modrm(3, dst, src) | count << 8) << 32, 6);
}

/* dst = those bits of src that a place near the env register has, side by side (BMI2), of 32. */
static inline uint8_t *x64_put_pext_env(uint8_t *p, int dst, int src, int32_t disp)
{
    enum { VEX3 = 0xc4, NOT_R = 0x80, NOT_XB = 0x60, MAP = 2, PP = 2, BYTE = 1, LENGTH = 6 };
    unsigned rxb = (dst < 8 ? NOT_R : 0) | NOT_XB | MAP, vvvv = (~(unsigned)src & 15) << 3 | PP;
    uint32_t head = VEX3 | rxb << 8 | vvvv << 16 | (uint32_t)(X64_PEXT & UINT8_MAX) << 24;

    return x64_put(p, head | (uint64_t)(x64_modrm(BYTE, dst, X64_ENV) | (uint32_t)(uint8_t)disp << 8) << 32,
                   LENGTH);
}

#endif
