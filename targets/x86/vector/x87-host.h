/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of the x87: on an x86-64 host by its own unit (x87-host.c), elsewhere in portable C
 * (x87-soft.c), chosen when the target is built.
 *
 * Every function runs one instruction under the guest's control word, unmasked exceptions included
 * (they are only recorded; on the host's unit its next waiting instruction comes after an FNCLEX),
 * and returns the status word that it left: exception flags (those that the guest's status word had
 * may be among them) and C0 to C3. Operands are never empty: the stack's own faults are the caller's
 * business. Where an unmasked invalid operand, denormal or division by zero stopped the instruction,
 * results are what the operands were.
 */
#ifndef TENON_X86_X87_HOST_H
#define TENON_X86_X87_HOST_H

#include "../x86.h"

/* ModRM.reg of D8: the order of the opcode map. */
typedef enum X87Arith {
    X87_ADD, X87_MUL, X87_COM, X87_COMP, X87_SUB, X87_SUBR, X87_DIV, X87_DIVR,
} X87Arith;

/* Memory operands. The order of the first four is that of opcodes D8, DA, DC, DE. */
typedef enum X87Kind {
    X87_F32, X87_I32, X87_F64, X87_I16, X87_I64, X87_F80, X87_BCD,
    X87_T16, X87_T32, X87_T64, /* FISTTP */
    X87_N_KINDS
} X87Kind;

/* The control argument of helpers: an X87Arith, two register numbers (or an X87Kind), and more. */
enum {
    X87_DST_SHIFT = 4, X87_SRC_SHIFT = 8, X87_POP = 1u << 12, X87_POP2 = 1u << 13,
    X87_ORDERED = 1u << 14, X87_ENV_REAL = 1u << 15, X87_KEEP_C1 = 1u << 16,
    X87_NO_FAULT = 1u << 17,
};
#define X87_OP(control) ((X87Arith)((control) & 15))
#define X87_DST(control) ((control) >> X87_DST_SHIFT & 15)
#define X87_SRC(control) ((control) >> X87_SRC_SHIFT & 15)
#define X87_POPS(control) (((control) >> 12 & 1) + ((control) >> 13 & 1))

/* D9 E0 .. D9 FF: the low five bits of the ModRM byte. */
typedef enum X87Op {
    X87_FCHS = 0x00, X87_FABS = 0x01, X87_FTST = 0x04, X87_FXAM = 0x05,
    X87_FLD1 = 0x08, X87_FLDL2T, X87_FLDL2E, X87_FLDPI, X87_FLDLG2, X87_FLDLN2, X87_FLDZ,
    X87_F2XM1 = 0x10, X87_FYL2X, X87_FPTAN, X87_FPATAN, X87_FXTRACT, X87_FPREM1, X87_FDECSTP,
    X87_FINCSTP, X87_FPREM, X87_FYL2XP1, X87_FSQRT, X87_FSINCOS, X87_FRNDINT, X87_FSCALE, X87_FSIN,
    X87_FCOS,
} X87Op;

/* *dst = *dst op *src (SUBR, DIVR: *src op *dst); COM and COMP are not for these two. */
uint16_t x87_host_arith(const X86State *guest, X87Arith op, X86Fp80 *dst, const X86Fp80 *src);
/* The same with a memory operand of the first four kinds. */
uint16_t x87_host_arith_mem(const X86State *guest, X87Arith op, X87Kind kind, X86Fp80 *dst,
                            const void *mem);

/* Compares into C0 C2 C3; quiet NaNs are invalid when `ordered`. */
uint16_t x87_host_compare(const X86State *guest, bool ordered, const X86Fp80 *a, const X86Fp80 *b);
uint16_t x87_host_compare_mem(const X86State *guest, X87Kind kind, const X86Fp80 *a,
                              const void *mem);

/* FTST FSQRT FRNDINT F2XM1 FSIN FCOS: *a in place. */
uint16_t x87_host_unary(const X86State *guest, X87Op op, X86Fp80 *a);
/* FPREM FPREM1 FSCALE, FYL2X FYL2XP1 FPATAN: *a (ST0) and b (ST1) to *a. */
uint16_t x87_host_binary(const X86State *guest, X87Op op, X86Fp80 *a, const X86Fp80 *b);
/* FXTRACT FPTAN FSINCOS: *a to the new ST1 in *a, the new ST0 in *b (untouched when C2 is set). */
uint16_t x87_host_split(const X86State *guest, X87Op op, X86Fp80 *a, X86Fp80 *b);
/* FLD1 ... FLDZ, rounded by the control word. */
void x87_host_constant(const X86State *guest, X87Op op, X86Fp80 *a);

/* From and to memory formats. */
uint16_t x87_host_load(const X86State *guest, X87Kind kind, X86Fp80 *a, const void *mem);
uint16_t x87_host_store(const X86State *guest, X87Kind kind, const X86Fp80 *a, void *mem);

#endif
