/* SPDX-License-Identifier: MIT */
/*
 * Translation functions of the vector chapters. Nearly every row is carried out by
 * x86_gen_hostv(), which derives the host form (ir.h) from the decoded instruction and the row;
 * X86Row.helper is the fallback, X86Row.arg the VEC_* bits below.
 */
#ifndef TENON_X86_VECTOR_H
#define TENON_X86_VECTOR_H

#include "../insn.h"
#include "../model.h"

enum {
    VEC_ONE = 1u << 0,   /* legacy form: the destination is not a source */
    VEC_XMM0 = 1u << 1,  /* XMM0 is an implicit third source */
    VEC_INT = 1u << 2,   /* the E operand, register or memory, is an integer */
    VEC_FLAGS = 1u << 3, /* no destination but EFLAGS; operands 0 and 1 are the sources */
    VEC_WIDE = 1u << 4,  /* with L = 1 the fallback is the next one (name_y) */
    VEC_QUAD = 1u << 5,  /* with a 64-bit integer operand the fallback is the next one (name_q) */
    VEC_FMA = 1u << 6,   /* the destination is the first of three sources */
    VEC_GROUP = 1u << 7, /* ModRM.reg extends the opcode */
    VEC_RM = 1u << 8,    /* ModRM.rm is the destination */
    VEC_IMM3 = 1u << 9,  /* only the low three bits of imm8 count in the legacy form */
};

/* A source of a vector operation and its type: TN_V128, TN_V256, TN_I32 or TN_I64. */
typedef struct VecSource {
    TnTemp temp;
    TnIrType type;
} VecSource;

/* Emits HOSTV; under an unmasked MXCSR exception FP forms go through a checking helper. */
TnTemp x86_vec_emit(X86Ctx *c, TnIrType type, TnHostForm form, unsigned helper, VecSource a,
                    VecSource b, VecSource third);
/* The same for 128-bit vectors that need no third source; b alone for one-source forms. */
TnTemp x86_vec_op(X86Ctx *c, unsigned pp, unsigned map, unsigned opcode, unsigned helper, TnTemp a,
                  TnTemp b);
TnTemp x86_vec_op_imm(X86Ctx *c, unsigned pp, unsigned map, unsigned opcode, unsigned helper,
                      TnTemp a, TnTemp b, uint8_t imm8);
/* Where operand n of a helper lies: X86State.scratch[n]. */
size_t x86_scratch_offset(unsigned n);

void x86_gen_hostv(X86Ctx *c);
/* Operand 1 to operand 0, whole. */
void x86_gen_vec_move(X86Ctx *c);
/* Memory operand 1, zero-extended, to register operand 0. */
void x86_gen_vec_load(X86Ctx *c);
/* The low bytes of register operand 1 to memory operand 0; _high: bytes 8..15. */
void x86_gen_vec_store(X86Ctx *c);
void x86_gen_vec_store_high(X86Ctx *c);
/* Eight bytes of memory into the low or high half of the first source. */
void x86_gen_vec_load_low(X86Ctx *c);
void x86_gen_vec_load_high(X86Ctx *c);

/* True where x87 instructions run on the host's x87 as they are, and the registers live there. */
bool x86_x87_lives(const X86Ctx *c);

/* sse.c: moves that the VEX rows use too. */
void x86_gen_movd_in(X86Ctx *c);
void x86_gen_movd_out(X86Ctx *c);
void x86_gen_movq_store(X86Ctx *c);
void x86_gen_maskmovdqu(X86Ctx *c);

/* masked.c: VMASKMOV, VPMASKMOV and the gathers. */
void x86_gen_vmaskmov(X86Ctx *c);
void x86_gen_vmaskmov_store(X86Ctx *c);
void x86_gen_gather(X86Ctx *c);

/* special.c: what no host form does, legacy and VEX alike. */
void x86_gen_insertps_mem(X86Ctx *c);
void x86_gen_pcmpstr(X86Ctx *c);
void x86_gen_ldmxcsr(X86Ctx *c);
void x86_gen_stmxcsr(X86Ctx *c);
/* Stores the bytes of `value` whose mask bytes have bit 7 set at DS:rDI. */
void x86_gen_maskmov(X86Ctx *c, TnTemp value, TnTemp mask, unsigned bytes);

#endif
