/* SPDX-License-Identifier: MIT */
/*
 * Encoders of x86-64 instructions (Intel SDM vol. 2, chapter 2). An opcode constant carries opcode
 * byte, map, mandatory prefix and width; the few shapes of operands are functions.
 */
#ifndef TN_X64_EMIT_H
#define TN_X64_EMIT_H

#include "target.h"

/* Where bytes go. `flags_at` is the position up to which the host's flags are still those of the
 * last instruction that was declared to produce them: encoders that keep flags move it along. */
typedef struct X64Emit {
    uint8_t *p;
    uint8_t *start;
    uint8_t *limit;
    uint8_t *flags_at;
    bool bound; /* addresses of this process were emitted as they are: the code is not kept */
} X64Emit;

typedef struct X64Mem {
    int8_t base;        /* X64Reg or X64_NONE */
    int8_t index;       /* X64Reg; X64_RSP, which cannot be one, for none, as in the SIB byte */
    uint8_t scale;      /* log2; 0 without an index */
    int32_t disp;
} X64Mem;

static inline X64Mem x64_mem(int base, int32_t disp)
{
    return (X64Mem){ .base = (int8_t)base, .index = X64_RSP, .disp = disp };
}

static inline X64Mem x64_mem_index(int base, int index, unsigned scale, int32_t disp)
{
    if (index == X64_NONE || index == X64_RSP)
        return x64_mem(base, disp);
    return (X64Mem){ .base = (int8_t)base, .index = (int8_t)index, .scale = (uint8_t)scale,
                     .disp = disp };
}

static inline X64Mem x64_env(int32_t disp)
{
    return x64_mem(X64_ENV, disp);
}

static inline X64Mem x64_frame(int32_t disp)
{
    return x64_mem(X64_RSP, disp);
}

enum { X64_GS = 0x65 }; /* prefix: the operand in memory is relative to the base of GS */

/* Fields of an opcode constant. */
enum {
    X64_0F = 1u << 8, X64_0F38 = 2u << 8, X64_0F3A = 3u << 8, X64_MAP = 3u << 8,
    X64_66 = 1u << 10, X64_F3 = 2u << 10, X64_F2 = 3u << 10, X64_PP = 3u << 10,
    X64_W = 1u << 12,
    X64_BYTE_REG = 1u << 13, /* ModRM.reg is a byte register: REX selects spl bpl sil dil */
    X64_BYTE_RM = 1u << 14,
};

/* Instructions: reg is ModRM.reg, rm the other operand. */
enum {
    X64_ADD = 0x03, X64_OR = 0x0b, X64_ADC = 0x13, X64_SBB = 0x1b, X64_AND = 0x23, X64_SUB = 0x2b,
    X64_XOR = 0x33, X64_CMP = 0x3b,
    X64_TEST = 0x85, X64_XCHG = 0x87, X64_MOV_STORE = 0x89, X64_MOV_LOAD = 0x8b, X64_LEA = 0x8d,
    X64_MOVSXD = 0x63 | X64_W,
    X64_IMUL = X64_0F | 0xaf, X64_IMUL_IMM32 = 0x69, X64_CMOV = X64_0F | 0x40, X64_SETCC = X64_0F | 0x90 | X64_BYTE_RM,
    X64_MOVZX8 = X64_0F | 0xb6 | X64_BYTE_RM, X64_MOVZX16 = X64_0F | 0xb7,
    X64_MOVSX8 = X64_0F | 0xbe | X64_BYTE_RM, X64_MOVSX16 = X64_0F | 0xbf,
    X64_BSF = X64_0F | 0xbc, X64_BSR = X64_0F | 0xbd,
    X64_TZCNT = X64_F3 | X64_0F | 0xbc, X64_LZCNT = X64_F3 | X64_0F | 0xbd,
    X64_POPCNT = X64_F3 | X64_0F | 0xb8,
    X64_MOVBE_LOAD = X64_0F38 | 0xf0, X64_MOVBE_STORE = X64_0F38 | 0xf1,
    X64_XADD = X64_0F | 0xc1, X64_CMPXCHG = X64_0F | 0xb1,
    /* Group opcodes: reg is the extension */
    X64_GRP1_IMM32 = 0x81, X64_GRP1_IMM8 = 0x83, X64_GRP2_IMM8 = 0xc1, X64_GRP2_ONE = 0xd1,
    X64_GRP2_CL = 0xd3,
    X64_GRP3 = 0xf7, X64_GRP4 = 0xff, X64_MOV_IMM32 = 0xc7, X64_GRP8_IMM8 = X64_0F | 0xba,
    X64_GRP15 = X64_0F | 0xae,
    /* VEX-encoded general-register instructions */
    X64_ANDN = X64_0F38 | 0xf2, X64_SHLX = X64_0F38 | X64_66 | 0xf7,
    X64_SHRX = X64_0F38 | X64_F2 | 0xf7, X64_SARX = X64_0F38 | X64_F3 | 0xf7,
    X64_RORX = X64_0F3A | X64_F2 | 0xf0, X64_MULX = X64_0F38 | X64_F2 | 0xf6,
    X64_PEXT = X64_0F38 | X64_F3 | 0xf5,
    /* Vector moves */
    X64_MOVD_LOAD = X64_66 | X64_0F | 0x6e, X64_MOVD_STORE = X64_66 | X64_0F | 0x7e,
    X64_ORPS = X64_0F | 0x56, X64_PXOR = X64_66 | X64_0F | 0xef,
    X64_BLENDPS = X64_66 | X64_0F3A | 0x0c, X64_PTEST = X64_66 | X64_0F38 | 0x17,
    X64_VINSERTF128 = X64_66 | X64_0F3A | 0x18, X64_VEXTRACTF128 = X64_66 | X64_0F3A | 0x19,
    X64_MOVUPS_LOAD = X64_0F | 0x10, X64_MOVUPS_STORE = X64_0F | 0x11, X64_MOVAPS = X64_0F | 0x28,
};

/* Extensions of the groups. */
enum {
    X64_G1_ADD = 0, X64_G1_OR, X64_G1_ADC, X64_G1_SBB, X64_G1_AND, X64_G1_SUB, X64_G1_XOR, X64_G1_CMP,
    X64_G2_ROL = 0, X64_G2_ROR = 1, X64_G2_SHL = 4, X64_G2_SHR = 5, X64_G2_SAR = 7,
    X64_G3_TEST = 0, X64_G3_NOT = 2, X64_G3_NEG = 3, X64_G3_MUL = 4, X64_G3_IMUL = 5,
    X64_G3_DIV = 6, X64_G3_IDIV = 7,
    X64_G4_INC = 0, X64_G4_DEC = 1, X64_G4_CALL = 2, X64_G4_JMP = 4,
    X64_G8_BT = 4,
    X64_G15_LDMXCSR = 2, X64_G15_STMXCSR = 3,
};

static inline void x64_byte(X64Emit *e, uint8_t v)
{
    *e->p++ = v;
}

void x64_imm32(X64Emit *e, int32_t v);
void x64_imm64(X64Emit *e, uint64_t v);

/* At most 7 bytes of them. */
void x64_nops(X64Emit *e, unsigned n);

/* Aligns what comes `ahead` bytes further on, and is `size` bytes long, so that it lies in one word of
 * 8 bytes. */
static inline void x64_align(X64Emit *e, unsigned ahead, unsigned size)
{
    enum { WORD = 8 };
    unsigned at = (unsigned)((uintptr_t)e->p + ahead) % WORD;

    if (at > WORD - size)
        x64_nops(e, WORD - at);
}

/* op reg, rm: registers; register and memory */
void x64_rr(X64Emit *e, uint32_t op, int reg, int rm);
void x64_rm(X64Emit *e, uint32_t op, int reg, X64Mem m);
/* the same with an imm8 after it */
void x64_rri(X64Emit *e, uint32_t op, int reg, int rm, uint8_t imm);
void x64_rmi(X64Emit *e, uint32_t op, int reg, X64Mem m, uint8_t imm);

/* VEX: l is 0 or 1, v the second source (X64_NONE: 1111b); no_rex_w from op's X64_W */
void x64_vex_rr(X64Emit *e, uint32_t op, unsigned l, int reg, int v, int rm);
void x64_vex_rm(X64Emit *e, uint32_t op, unsigned l, int reg, int v, X64Mem m);

/* Group 1 (ADD ... CMP) with an immediate, at size 8 << size_log2 bits. */
void x64_g1_ri(X64Emit *e, unsigned ext, unsigned size_log2, int rm, int32_t imm);
void x64_g1_mi(X64Emit *e, unsigned ext, unsigned size_log2, X64Mem m, int32_t imm);
/* One of X64_ADD ... X64_CMP, X64_TEST, X64_MOV_*, X64_XCHG... at a size: picks the byte form. */
static inline uint32_t x64_sized(uint32_t op, unsigned size_log2)
{
    /* The byte form is the even opcode. */
    static const uint32_t more[] = { X64_BYTE_REG | X64_BYTE_RM | 1, X64_66, 0, X64_W };

    return op ^ more[size_log2];
}

/* These keep the host's flags. */
void x64_mov_rr(X64Emit *e, unsigned w, int dst, int src); /* w: 0 or X64_W; nothing for same, W */
void x64_mov_ri(X64Emit *e, int dst, uint64_t imm);
void x64_move_rm(X64Emit *e, uint32_t op, int reg, X64Mem m); /* x64_rm of one that does */
static inline void x64_load(X64Emit *e, unsigned w, int dst, X64Mem m)
{
    x64_move_rm(e, X64_MOV_LOAD | w, dst, m);
}
static inline void x64_store(X64Emit *e, unsigned w, int src, X64Mem m)
{
    x64_move_rm(e, X64_MOV_STORE | w, src, m);
}
static inline void x64_store_sized(X64Emit *e, unsigned size_log2, int src, X64Mem m)
{
    x64_move_rm(e, x64_sized(X64_MOV_STORE, size_log2), src, m);
}
static inline void x64_lea(X64Emit *e, unsigned w, int dst, X64Mem m)
{
    x64_move_rm(e, X64_LEA | w, dst, m);
}
void x64_store_imm(X64Emit *e, unsigned size_log2, X64Mem m, int32_t imm);
void x64_store_imm64(X64Emit *e, X64Mem m, uint64_t imm); /* two instructions where it must */
void x64_bswap(X64Emit *e, unsigned w, int reg);
/* Vector moves of 16 or 32 bytes, VEX where the host has it. */
void x64_vmov_rr(X64Emit *e, bool wide, int dst, int src);
void x64_vload(X64Emit *e, bool wide, int dst, X64Mem m);
void x64_vstore(X64Emit *e, bool wide, int src, X64Mem m);
/* The low 4 bytes, or 8 with w = X64_W; a load clears the rest (VMOVD, VMOVQ). */
void x64_vload_low(X64Emit *e, unsigned w, int dst, X64Mem m);
void x64_vstore_low(X64Emit *e, unsigned w, int src, X64Mem m);
void x64_vzeroupper(X64Emit *e);

/* Jumps. The short forms return the place of the displacement for x64_here. */
uint8_t *x64_jcc8(X64Emit *e, unsigned cc);
void x64_here8(X64Emit *e, uint8_t *disp);
uint8_t *x64_jcc32(X64Emit *e, unsigned cc);
uint8_t *x64_jmp32(X64Emit *e);
void x64_here32(X64Emit *e, uint8_t *disp);
void x64_target32(uint8_t *disp, const uint8_t *target);
/* A jump whose displacement lies in one aligned word, to be patched while others execute it. */
uint8_t *x64_jmp32_aligned(X64Emit *e);
uint8_t *x64_jcc32_aligned(X64Emit *e, unsigned cc);
void x64_call(X64Emit *e, const uint8_t *target_rw);
void x64_ret(X64Emit *e);
void x64_push(X64Emit *e, int reg);
void x64_pop(X64Emit *e, int reg);

static inline bool x64_fits32(uint64_t v)
{
    return (int64_t)v == (int32_t)v;
}

#endif
