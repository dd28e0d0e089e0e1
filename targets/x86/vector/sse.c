/* SPDX-License-Identifier: MIT */
/*
 * Rows of the legacy-encoded XMM instructions: SSE to SSE4.2, AES, PCLMULQDQ and SHA (Intel SDM
 * vol. 1, ch. 10 to 12, vol. 2). By kind, each kind in opcode order.
 */
#include "vector.h"

/* MOVSS and MOVSD to a register: the low part of operand 1 into operand 0. arg: the prefix. */
static void gen_merge_store(X86Ctx *c)
{
    TnTemp old = x86_read_vec(c, 0, 16), value = x86_read_vec(c, 1, 16);

    x86_write_vec(c, 0, 16, x86_vec_op(c, c->row->arg, 1, 0x10, c->row->helper, old, value));
}

/* MOVD/MOVQ xmm, r/m */
void x86_gen_movd_in(X86Ctx *c)
{
    x86_write_vec(c, 0, 16, x86_vec_from_int(c, x86_read(c, 1), c->op[1].size));
}

/* MOVD/MOVQ r/m, xmm */
void x86_gen_movd_out(X86Ctx *c)
{
    unsigned bytes = c->op[0].size;

    x86_write(c, 0, x86_vec_to_int(c, x86_read_vec(c, 1, 16), bytes));
}

/* MOVQ xmm1, xmm2, destination in ModRM.rm */
void x86_gen_movq_store(X86Ctx *c)
{
    TnTemp value = x86_read_vec(c, 1, 16);

    x86_write_vec(c, 0, 16, x86_vec_op(c, 2, 1, 0x7e, X86_FB_movq, TN_TEMP_NONE, value));
}

static void gen_movnti(X86Ctx *c)
{
    x86_write(c, 0, x86_read(c, 1));
}

void x86_gen_maskmovdqu(X86Ctx *c)
{
    x86_gen_maskmov(c, x86_read_vec(c, 0, 16), x86_read_vec(c, 1, 16), 16);
}

#define SSE(pattern, operands, feature, fallback, arg) \
    { pattern, operands, x86_gen_hostv, ROW_SSE | ROW_ALIGN, X86_FEATURE_##feature, \
      X86_FB_##fallback, arg }
#define SSE_FP(pattern, operands, feature, fallback, arg) \
    { pattern, operands, x86_gen_hostv, ROW_SSE | ROW_ALIGN | ROW_FP, X86_FEATURE_##feature, \
      X86_FB_##fallback, arg }

#define SSE_64(pattern, operands, feature, fallback, arg) \
    { pattern, operands, x86_gen_hostv, ROW_SSE | ROW_ALIGN | ROW_ONLY64, X86_FEATURE_##feature, \
      X86_FB_##fallback, arg }
#define SSE_BY(pattern, operands, feature, gen) \
    { pattern, operands, gen, ROW_SSE, X86_FEATURE_##feature, 0, 0 }
#define MOVE(pattern, operands, feature) SSE_BY(pattern, operands, feature, x86_gen_vec_move)
#define MOVE_ALIGNED(pattern, operands, feature) \
    { pattern, operands, x86_gen_vec_move, ROW_SSE | ROW_ALIGN, X86_FEATURE_##feature, 0, 0 }

const X86Row x86_rows_sse[] = {
    /* Moves */
    MOVE("NP 0F 10 /r", "MOVUPS Vx Wx", SSE),
    MOVE("66 0F 10 /r", "MOVUPD Vx Wx", SSE2),
    MOVE("NP 0F 11 /r", "MOVUPS Wx Vx", SSE),
    MOVE("66 0F 11 /r", "MOVUPD Wx Vx", SSE2),
    SSE_BY("F3 0F 10 /rm", "MOVSS Vdq Wss", SSE, x86_gen_vec_load),
    SSE("F3 0F 10 /rr", "MOVSS Vdq Wdq", SSE, movss, 0),
    SSE_BY("F2 0F 10 /rm", "MOVSD Vdq Wsd", SSE2, x86_gen_vec_load),
    SSE("F2 0F 10 /rr", "MOVSD Vdq Wdq", SSE2, movsd, 0),
    SSE_BY("F3 0F 11 /rm", "MOVSS Wss Vdq", SSE, x86_gen_vec_store),
    { "F3 0F 11 /rr", "MOVSS Wdq Vdq", gen_merge_store, ROW_SSE, X86_FEATURE_SSE, X86_FB_movss,
      2 },
    SSE_BY("F2 0F 11 /rm", "MOVSD Wsd Vdq", SSE2, x86_gen_vec_store),
    { "F2 0F 11 /rr", "MOVSD Wdq Vdq", gen_merge_store, ROW_SSE, X86_FEATURE_SSE2, X86_FB_movsd,
      3 },
    SSE("NP 0F 12 /rr", "MOVHLPS Vdq Udq", SSE, movhlps, 0),
    SSE_BY("NP 0F 12 /rm", "MOVLPS Vdq Mq", SSE, x86_gen_vec_load_low),
    SSE_BY("66 0F 12 /rm", "MOVLPD Vdq Mq", SSE2, x86_gen_vec_load_low),
    SSE_BY("NP 0F 13 /rm", "MOVLPS Mq Vdq", SSE, x86_gen_vec_store),
    SSE_BY("66 0F 13 /rm", "MOVLPD Mq Vdq", SSE2, x86_gen_vec_store),
    SSE("NP 0F 16 /rr", "MOVLHPS Vdq Udq", SSE, movlhps, 0),
    SSE_BY("NP 0F 16 /rm", "MOVHPS Vdq Mq", SSE, x86_gen_vec_load_high),
    SSE_BY("66 0F 16 /rm", "MOVHPD Vdq Mq", SSE2, x86_gen_vec_load_high),
    SSE_BY("NP 0F 17 /rm", "MOVHPS Mq Vdq", SSE, x86_gen_vec_store_high),
    SSE_BY("66 0F 17 /rm", "MOVHPD Mq Vdq", SSE2, x86_gen_vec_store_high),
    MOVE_ALIGNED("NP 0F 28 /r", "MOVAPS Vx Wx", SSE),
    MOVE_ALIGNED("NP 0F 29 /r", "MOVAPS Wx Vx", SSE),
    MOVE_ALIGNED("66 0F 28 /r", "MOVAPD Vx Wx", SSE2),
    MOVE_ALIGNED("66 0F 29 /r", "MOVAPD Wx Vx", SSE2),
    MOVE_ALIGNED("NP 0F 2B /rm", "MOVNTPS Mx Vx", SSE),
    MOVE_ALIGNED("66 0F 2B /rm", "MOVNTPD Mx Vx", SSE2),
    SSE("NP 0F 50 /rr", "MOVMSKPS Gd Udq", SSE, movmskps, 0),
    SSE("66 0F 50 /rr", "MOVMSKPD Gd Udq", SSE2, movmskpd, 0),
    SSE_BY("66 0F 6E /r", "MOVD Vdq Ey", SSE2, x86_gen_movd_in),
    SSE_BY("66 0F 7E /r", "MOVD Ey Vdq", SSE2, x86_gen_movd_out),
    MOVE_ALIGNED("66 0F 6F /r", "MOVDQA Vx Wx", SSE2),
    MOVE("F3 0F 6F /r", "MOVDQU Vx Wx", SSE2),
    MOVE_ALIGNED("66 0F 7F /r", "MOVDQA Wx Vx", SSE2),
    MOVE("F3 0F 7F /r", "MOVDQU Wx Vx", SSE2),
    SSE_BY("F3 0F 7E /rm", "MOVQ Vdq Wq", SSE2, x86_gen_vec_load),
    SSE("F3 0F 7E /rr", "MOVQ Vdq Wdq", SSE2, movq, VEC_ONE),
    SSE_BY("66 0F D6 /rm", "MOVQ Wq Vdq", SSE2, x86_gen_vec_store),
    SSE_BY("66 0F D6 /rr", "MOVQ Wdq Vdq", SSE2, x86_gen_movq_store),
    MOVE_ALIGNED("66 0F E7 /rm", "MOVNTDQ Mx Vx", SSE2),
    { "NP 0F C3 /rm", "MOVNTI My Gy", gen_movnti, 0, X86_FEATURE_SSE2, 0, 0 },
    SSE_BY("66 0F F7 /rr", "MASKMOVDQU Vdq Udq", SSE2, x86_gen_maskmovdqu),
    MOVE("F2 0F F0 /rm", "LDDQU Vx Mx", SSE3),
    SSE("F3 0F 12 /r", "MOVSLDUP Vdq Wdq", SSE3, movsldup, VEC_ONE),
    SSE("F3 0F 16 /r", "MOVSHDUP Vdq Wdq", SSE3, movshdup, VEC_ONE),
    SSE("F2 0F 12 /r", "MOVDDUP Vdq Wdq/q", SSE3, movddup, VEC_ONE),
    MOVE_ALIGNED("66 0F 38 2A /rm", "MOVNTDQA Vx Mx", SSE4_1),

    /* Floating point: arithmetic */
    SSE_FP("NP 0F 58 /r", "ADDPS Vdq Wdq", SSE, addps, 0),
    SSE_FP("66 0F 58 /r", "ADDPD Vdq Wdq", SSE2, addpd, 0),
    SSE_FP("F3 0F 58 /r", "ADDSS Vdq Wdq/d", SSE, addss, 0),
    SSE_FP("F2 0F 58 /r", "ADDSD Vdq Wdq/q", SSE2, addsd, 0),
    SSE_FP("NP 0F 59 /r", "MULPS Vdq Wdq", SSE, mulps, 0),
    SSE_FP("66 0F 59 /r", "MULPD Vdq Wdq", SSE2, mulpd, 0),
    SSE_FP("F3 0F 59 /r", "MULSS Vdq Wdq/d", SSE, mulss, 0),
    SSE_FP("F2 0F 59 /r", "MULSD Vdq Wdq/q", SSE2, mulsd, 0),
    SSE_FP("NP 0F 5C /r", "SUBPS Vdq Wdq", SSE, subps, 0),
    SSE_FP("66 0F 5C /r", "SUBPD Vdq Wdq", SSE2, subpd, 0),
    SSE_FP("F3 0F 5C /r", "SUBSS Vdq Wdq/d", SSE, subss, 0),
    SSE_FP("F2 0F 5C /r", "SUBSD Vdq Wdq/q", SSE2, subsd, 0),
    SSE_FP("NP 0F 5D /r", "MINPS Vdq Wdq", SSE, minps, 0),
    SSE_FP("66 0F 5D /r", "MINPD Vdq Wdq", SSE2, minpd, 0),
    SSE_FP("F3 0F 5D /r", "MINSS Vdq Wdq/d", SSE, minss, 0),
    SSE_FP("F2 0F 5D /r", "MINSD Vdq Wdq/q", SSE2, minsd, 0),
    SSE_FP("NP 0F 5E /r", "DIVPS Vdq Wdq", SSE, divps, 0),
    SSE_FP("66 0F 5E /r", "DIVPD Vdq Wdq", SSE2, divpd, 0),
    SSE_FP("F3 0F 5E /r", "DIVSS Vdq Wdq/d", SSE, divss, 0),
    SSE_FP("F2 0F 5E /r", "DIVSD Vdq Wdq/q", SSE2, divsd, 0),
    SSE_FP("NP 0F 5F /r", "MAXPS Vdq Wdq", SSE, maxps, 0),
    SSE_FP("66 0F 5F /r", "MAXPD Vdq Wdq", SSE2, maxpd, 0),
    SSE_FP("F3 0F 5F /r", "MAXSS Vdq Wdq/d", SSE, maxss, 0),
    SSE_FP("F2 0F 5F /r", "MAXSD Vdq Wdq/q", SSE2, maxsd, 0),
    SSE_FP("NP 0F 51 /r", "SQRTPS Vdq Wdq", SSE, sqrtps, VEC_ONE),
    SSE_FP("66 0F 51 /r", "SQRTPD Vdq Wdq", SSE2, sqrtpd, VEC_ONE),
    SSE_FP("F3 0F 51 /r", "SQRTSS Vdq Wdq/d", SSE, sqrtss, 0),
    SSE_FP("F2 0F 51 /r", "SQRTSD Vdq Wdq/q", SSE2, sqrtsd, 0),
    SSE_FP("NP 0F C2 /r ib", "CMPPS Vdq Wdq Ib", SSE, cmpps, VEC_IMM3),
    SSE_FP("66 0F C2 /r ib", "CMPPD Vdq Wdq Ib", SSE2, cmppd, VEC_IMM3),
    SSE_FP("F3 0F C2 /r ib", "CMPSS Vdq Wdq/d Ib", SSE, cmpss, VEC_IMM3),
    SSE_FP("F2 0F C2 /r ib", "CMPSD Vdq Wdq/q Ib", SSE2, cmpsd, VEC_IMM3),
    SSE("NP 0F 52 /r", "RSQRTPS Vdq Wdq", SSE, rsqrtps, VEC_ONE),
    SSE("F3 0F 52 /r", "RSQRTSS Vdq Wdq/d", SSE, rsqrtss, 0),
    SSE("NP 0F 53 /r", "RCPPS Vdq Wdq", SSE, rcpps, VEC_ONE),
    SSE("F3 0F 53 /r", "RCPSS Vdq Wdq/d", SSE, rcpss, 0),
    SSE_FP("NP 0F 2E /r", "UCOMISS Vdq Wdq/d", SSE, ucomiss, VEC_FLAGS),
    SSE_FP("66 0F 2E /r", "UCOMISD Vdq Wdq/q", SSE2, ucomisd, VEC_FLAGS),
    SSE_FP("NP 0F 2F /r", "COMISS Vdq Wdq/d", SSE, comiss, VEC_FLAGS),
    SSE_FP("66 0F 2F /r", "COMISD Vdq Wdq/q", SSE2, comisd, VEC_FLAGS),
    SSE_FP("66 0F 7C /r", "HADDPD Vdq Wdq", SSE3, haddpd, 0),
    SSE_FP("F2 0F 7C /r", "HADDPS Vdq Wdq", SSE3, haddps, 0),
    SSE_FP("66 0F 7D /r", "HSUBPD Vdq Wdq", SSE3, hsubpd, 0),
    SSE_FP("F2 0F 7D /r", "HSUBPS Vdq Wdq", SSE3, hsubps, 0),
    SSE_FP("66 0F D0 /r", "ADDSUBPD Vdq Wdq", SSE3, addsubpd, 0),
    SSE_FP("F2 0F D0 /r", "ADDSUBPS Vdq Wdq", SSE3, addsubps, 0),
    SSE_FP("66 0F 3A 08 /r ib", "ROUNDPS Vdq Wdq Ib", SSE4_1, roundps, VEC_ONE),
    SSE_FP("66 0F 3A 09 /r ib", "ROUNDPD Vdq Wdq Ib", SSE4_1, roundpd, VEC_ONE),
    SSE_FP("66 0F 3A 0A /r ib", "ROUNDSS Vdq Wdq/d Ib", SSE4_1, roundss, 0),
    SSE_FP("66 0F 3A 0B /r ib", "ROUNDSD Vdq Wdq/q Ib", SSE4_1, roundsd, 0),
    SSE_FP("66 0F 3A 40 /r ib", "DPPS Vdq Wdq Ib", SSE4_1, dpps, 0),
    SSE_FP("66 0F 3A 41 /r ib", "DPPD Vdq Wdq Ib", SSE4_1, dppd, 0),

    /* Floating point: conversions */
    SSE_FP("NP 0F 5B /r", "CVTDQ2PS Vdq Wdq", SSE2, cvtdq2ps, VEC_ONE),
    SSE_FP("66 0F 5B /r", "CVTPS2DQ Vdq Wdq", SSE2, cvtps2dq, VEC_ONE),
    SSE_FP("F3 0F 5B /r", "CVTTPS2DQ Vdq Wdq", SSE2, cvttps2dq, VEC_ONE),
    SSE("F3 0F E6 /r", "CVTDQ2PD Vdq Wdq/q", SSE2, cvtdq2pd, VEC_ONE),
    SSE_FP("F2 0F E6 /r", "CVTPD2DQ Vdq Wdq", SSE2, cvtpd2dq, VEC_ONE),
    SSE_FP("66 0F E6 /r", "CVTTPD2DQ Vdq Wdq", SSE2, cvttpd2dq, VEC_ONE),
    SSE_FP("NP 0F 5A /r", "CVTPS2PD Vdq Wdq/q", SSE2, cvtps2pd, VEC_ONE),
    SSE_FP("66 0F 5A /r", "CVTPD2PS Vdq Wdq", SSE2, cvtpd2ps, VEC_ONE),
    SSE_FP("F3 0F 5A /r", "CVTSS2SD Vdq Wdq/d", SSE2, cvtss2sd, 0),
    SSE_FP("F2 0F 5A /r", "CVTSD2SS Vdq Wdq/q", SSE2, cvtsd2ss, 0),
    SSE_FP("F3 0F 2A /r", "CVTSI2SS Vdq Ey", SSE, cvtsi2ss, VEC_INT | VEC_QUAD),
    SSE_FP("F2 0F 2A /r", "CVTSI2SD Vdq Ey", SSE2, cvtsi2sd, VEC_INT | VEC_QUAD),
    SSE_FP("F3 0F 2D /r", "CVTSS2SI Gy Wdq/d", SSE, cvtss2si, VEC_QUAD),
    SSE_FP("F2 0F 2D /r", "CVTSD2SI Gy Wdq/q", SSE2, cvtsd2si, VEC_QUAD),
    SSE_FP("F3 0F 2C /r", "CVTTSS2SI Gy Wdq/d", SSE, cvttss2si, VEC_QUAD),
    SSE_FP("F2 0F 2C /r", "CVTTSD2SI Gy Wdq/q", SSE2, cvttsd2si, VEC_QUAD),

    /* Logic and shuffles of the floating-point formats */
    SSE("NP 0F 54 /r", "ANDPS Vdq Wdq", SSE, pand, 0),
    SSE("66 0F 54 /r", "ANDPD Vdq Wdq", SSE2, pand, 0),
    SSE("NP 0F 55 /r", "ANDNPS Vdq Wdq", SSE, pandn, 0),
    SSE("66 0F 55 /r", "ANDNPD Vdq Wdq", SSE2, pandn, 0),
    SSE("NP 0F 56 /r", "ORPS Vdq Wdq", SSE, por, 0),
    SSE("66 0F 56 /r", "ORPD Vdq Wdq", SSE2, por, 0),
    SSE("NP 0F 57 /r", "XORPS Vdq Wdq", SSE, pxor, 0),
    SSE("66 0F 57 /r", "XORPD Vdq Wdq", SSE2, pxor, 0),
    SSE("NP 0F 14 /r", "UNPCKLPS Vdq Wdq", SSE, punpckldq, 0),
    SSE("66 0F 14 /r", "UNPCKLPD Vdq Wdq", SSE2, punpcklqdq, 0),
    SSE("NP 0F 15 /r", "UNPCKHPS Vdq Wdq", SSE, punpckhdq, 0),
    SSE("66 0F 15 /r", "UNPCKHPD Vdq Wdq", SSE2, punpckhqdq, 0),
    SSE("NP 0F C6 /r ib", "SHUFPS Vdq Wdq Ib", SSE, shufps, 0),
    SSE("66 0F C6 /r ib", "SHUFPD Vdq Wdq Ib", SSE2, shufpd, 0),

    /* Packed integers: SSE2 */
    SSE("66 0F 60 /r", "PUNPCKLBW Vdq Wdq", SSE2, punpcklbw, 0),
    SSE("66 0F 61 /r", "PUNPCKLWD Vdq Wdq", SSE2, punpcklwd, 0),
    SSE("66 0F 62 /r", "PUNPCKLDQ Vdq Wdq", SSE2, punpckldq, 0),
    SSE("66 0F 63 /r", "PACKSSWB Vdq Wdq", SSE2, packsswb, 0),
    SSE("66 0F 64 /r", "PCMPGTB Vdq Wdq", SSE2, pcmpgtb, 0),
    SSE("66 0F 65 /r", "PCMPGTW Vdq Wdq", SSE2, pcmpgtw, 0),
    SSE("66 0F 66 /r", "PCMPGTD Vdq Wdq", SSE2, pcmpgtd, 0),
    SSE("66 0F 67 /r", "PACKUSWB Vdq Wdq", SSE2, packuswb, 0),
    SSE("66 0F 68 /r", "PUNPCKHBW Vdq Wdq", SSE2, punpckhbw, 0),
    SSE("66 0F 69 /r", "PUNPCKHWD Vdq Wdq", SSE2, punpckhwd, 0),
    SSE("66 0F 6A /r", "PUNPCKHDQ Vdq Wdq", SSE2, punpckhdq, 0),
    SSE("66 0F 6B /r", "PACKSSDW Vdq Wdq", SSE2, packssdw, 0),
    SSE("66 0F 6C /r", "PUNPCKLQDQ Vdq Wdq", SSE2, punpcklqdq, 0),
    SSE("66 0F 6D /r", "PUNPCKHQDQ Vdq Wdq", SSE2, punpckhqdq, 0),
    SSE("66 0F 74 /r", "PCMPEQB Vdq Wdq", SSE2, pcmpeqb, 0),
    SSE("66 0F 75 /r", "PCMPEQW Vdq Wdq", SSE2, pcmpeqw, 0),
    SSE("66 0F 76 /r", "PCMPEQD Vdq Wdq", SSE2, pcmpeqd, 0),
    SSE("66 0F D1 /r", "PSRLW Vdq Wdq", SSE2, psrlw, 0),
    SSE("66 0F D2 /r", "PSRLD Vdq Wdq", SSE2, psrld, 0),
    SSE("66 0F D3 /r", "PSRLQ Vdq Wdq", SSE2, psrlq, 0),
    SSE("66 0F D4 /r", "PADDQ Vdq Wdq", SSE2, paddq, 0),
    SSE("66 0F D5 /r", "PMULLW Vdq Wdq", SSE2, pmullw, 0),
    SSE("66 0F D8 /r", "PSUBUSB Vdq Wdq", SSE2, psubusb, 0),
    SSE("66 0F D9 /r", "PSUBUSW Vdq Wdq", SSE2, psubusw, 0),
    SSE("66 0F DA /r", "PMINUB Vdq Wdq", SSE2, pminub, 0),
    SSE("66 0F DB /r", "PAND Vdq Wdq", SSE2, pand, 0),
    SSE("66 0F DC /r", "PADDUSB Vdq Wdq", SSE2, paddusb, 0),
    SSE("66 0F DD /r", "PADDUSW Vdq Wdq", SSE2, paddusw, 0),
    SSE("66 0F DE /r", "PMAXUB Vdq Wdq", SSE2, pmaxub, 0),
    SSE("66 0F DF /r", "PANDN Vdq Wdq", SSE2, pandn, 0),
    SSE("66 0F E0 /r", "PAVGB Vdq Wdq", SSE2, pavgb, 0),
    SSE("66 0F E1 /r", "PSRAW Vdq Wdq", SSE2, psraw, 0),
    SSE("66 0F E2 /r", "PSRAD Vdq Wdq", SSE2, psrad, 0),
    SSE("66 0F E3 /r", "PAVGW Vdq Wdq", SSE2, pavgw, 0),
    SSE("66 0F E4 /r", "PMULHUW Vdq Wdq", SSE2, pmulhuw, 0),
    SSE("66 0F E5 /r", "PMULHW Vdq Wdq", SSE2, pmulhw, 0),
    SSE("66 0F E8 /r", "PSUBSB Vdq Wdq", SSE2, psubsb, 0),
    SSE("66 0F E9 /r", "PSUBSW Vdq Wdq", SSE2, psubsw, 0),
    SSE("66 0F EA /r", "PMINSW Vdq Wdq", SSE2, pminsw, 0),
    SSE("66 0F EB /r", "POR Vdq Wdq", SSE2, por, 0),
    SSE("66 0F EC /r", "PADDSB Vdq Wdq", SSE2, paddsb, 0),
    SSE("66 0F ED /r", "PADDSW Vdq Wdq", SSE2, paddsw, 0),
    SSE("66 0F EE /r", "PMAXSW Vdq Wdq", SSE2, pmaxsw, 0),
    SSE("66 0F EF /r", "PXOR Vdq Wdq", SSE2, pxor, 0),
    SSE("66 0F F1 /r", "PSLLW Vdq Wdq", SSE2, psllw, 0),
    SSE("66 0F F2 /r", "PSLLD Vdq Wdq", SSE2, pslld, 0),
    SSE("66 0F F3 /r", "PSLLQ Vdq Wdq", SSE2, psllq, 0),
    SSE("66 0F F4 /r", "PMULUDQ Vdq Wdq", SSE2, pmuludq, 0),
    SSE("66 0F F5 /r", "PMADDWD Vdq Wdq", SSE2, pmaddwd, 0),
    SSE("66 0F F6 /r", "PSADBW Vdq Wdq", SSE2, psadbw, 0),
    SSE("66 0F F8 /r", "PSUBB Vdq Wdq", SSE2, psubb, 0),
    SSE("66 0F F9 /r", "PSUBW Vdq Wdq", SSE2, psubw, 0),
    SSE("66 0F FA /r", "PSUBD Vdq Wdq", SSE2, psubd, 0),
    SSE("66 0F FB /r", "PSUBQ Vdq Wdq", SSE2, psubq, 0),
    SSE("66 0F FC /r", "PADDB Vdq Wdq", SSE2, paddb, 0),
    SSE("66 0F FD /r", "PADDW Vdq Wdq", SSE2, paddw, 0),
    SSE("66 0F FE /r", "PADDD Vdq Wdq", SSE2, paddd, 0),
    SSE("66 0F 71 /2 ib", "PSRLW Udq Ib", SSE2, psrlwi, VEC_GROUP),
    SSE("66 0F 71 /4 ib", "PSRAW Udq Ib", SSE2, psrawi, VEC_GROUP),
    SSE("66 0F 71 /6 ib", "PSLLW Udq Ib", SSE2, psllwi, VEC_GROUP),
    SSE("66 0F 72 /2 ib", "PSRLD Udq Ib", SSE2, psrldi, VEC_GROUP),
    SSE("66 0F 72 /4 ib", "PSRAD Udq Ib", SSE2, psradi, VEC_GROUP),
    SSE("66 0F 72 /6 ib", "PSLLD Udq Ib", SSE2, pslldi, VEC_GROUP),
    SSE("66 0F 73 /2 ib", "PSRLQ Udq Ib", SSE2, psrlqi, VEC_GROUP),
    SSE("66 0F 73 /3 ib", "PSRLDQ Udq Ib", SSE2, psrldq, VEC_GROUP),
    SSE("66 0F 73 /6 ib", "PSLLQ Udq Ib", SSE2, psllqi, VEC_GROUP),
    SSE("66 0F 73 /7 ib", "PSLLDQ Udq Ib", SSE2, pslldq, VEC_GROUP),
    SSE("66 0F 70 /r ib", "PSHUFD Vdq Wdq Ib", SSE2, pshufd, VEC_ONE),
    SSE("F3 0F 70 /r ib", "PSHUFHW Vdq Wdq Ib", SSE2, pshufhw, VEC_ONE),
    SSE("F2 0F 70 /r ib", "PSHUFLW Vdq Wdq Ib", SSE2, pshuflw, VEC_ONE),
    SSE("66 0F C4 /r ib", "PINSRW Vdq Ed/w Ib", SSE2, pinsrw, VEC_INT),
    SSE("66 0F C5 /rr ib", "PEXTRW Gd Udq Ib", SSE2, pextrw, 0),
    SSE("66 0F D7 /rr", "PMOVMSKB Gd Udq", SSE2, pmovmskb, 0),

    /* Packed integers: SSSE3 */
    SSE("66 0F 38 00 /r", "PSHUFB Vdq Wdq", SSSE3, pshufb, 0),
    SSE("66 0F 38 01 /r", "PHADDW Vdq Wdq", SSSE3, phaddw, 0),
    SSE("66 0F 38 02 /r", "PHADDD Vdq Wdq", SSSE3, phaddd, 0),
    SSE("66 0F 38 03 /r", "PHADDSW Vdq Wdq", SSSE3, phaddsw, 0),
    SSE("66 0F 38 04 /r", "PMADDUBSW Vdq Wdq", SSSE3, pmaddubsw, 0),
    SSE("66 0F 38 05 /r", "PHSUBW Vdq Wdq", SSSE3, phsubw, 0),
    SSE("66 0F 38 06 /r", "PHSUBD Vdq Wdq", SSSE3, phsubd, 0),
    SSE("66 0F 38 07 /r", "PHSUBSW Vdq Wdq", SSSE3, phsubsw, 0),
    SSE("66 0F 38 08 /r", "PSIGNB Vdq Wdq", SSSE3, psignb, 0),
    SSE("66 0F 38 09 /r", "PSIGNW Vdq Wdq", SSSE3, psignw, 0),
    SSE("66 0F 38 0A /r", "PSIGND Vdq Wdq", SSSE3, psignd, 0),
    SSE("66 0F 38 0B /r", "PMULHRSW Vdq Wdq", SSSE3, pmulhrsw, 0),
    SSE("66 0F 38 1C /r", "PABSB Vdq Wdq", SSSE3, pabsb, VEC_ONE),
    SSE("66 0F 38 1D /r", "PABSW Vdq Wdq", SSSE3, pabsw, VEC_ONE),
    SSE("66 0F 38 1E /r", "PABSD Vdq Wdq", SSSE3, pabsd, VEC_ONE),
    SSE("66 0F 3A 0F /r ib", "PALIGNR Vdq Wdq Ib", SSSE3, palignr, 0),

    /* Packed integers: SSE4.1, SSE4.2 */
    SSE("66 0F 38 10 /r", "PBLENDVB Vdq Wdq", SSE4_1, pblendvb, VEC_XMM0),
    SSE("66 0F 38 14 /r", "BLENDVPS Vdq Wdq", SSE4_1, blendvps, VEC_XMM0),
    SSE("66 0F 38 15 /r", "BLENDVPD Vdq Wdq", SSE4_1, blendvpd, VEC_XMM0),
    SSE("66 0F 38 17 /r", "PTEST Vdq Wdq", SSE4_1, ptest, VEC_FLAGS),
    SSE("66 0F 38 20 /r", "PMOVSXBW Vdq Wdq/q", SSE4_1, pmovsxbw, VEC_ONE),
    SSE("66 0F 38 21 /r", "PMOVSXBD Vdq Wdq/d", SSE4_1, pmovsxbd, VEC_ONE),
    SSE("66 0F 38 22 /r", "PMOVSXBQ Vdq Wdq/w", SSE4_1, pmovsxbq, VEC_ONE),
    SSE("66 0F 38 23 /r", "PMOVSXWD Vdq Wdq/q", SSE4_1, pmovsxwd, VEC_ONE),
    SSE("66 0F 38 24 /r", "PMOVSXWQ Vdq Wdq/d", SSE4_1, pmovsxwq, VEC_ONE),
    SSE("66 0F 38 25 /r", "PMOVSXDQ Vdq Wdq/q", SSE4_1, pmovsxdq, VEC_ONE),
    SSE("66 0F 38 30 /r", "PMOVZXBW Vdq Wdq/q", SSE4_1, pmovzxbw, VEC_ONE),
    SSE("66 0F 38 31 /r", "PMOVZXBD Vdq Wdq/d", SSE4_1, pmovzxbd, VEC_ONE),
    SSE("66 0F 38 32 /r", "PMOVZXBQ Vdq Wdq/w", SSE4_1, pmovzxbq, VEC_ONE),
    SSE("66 0F 38 33 /r", "PMOVZXWD Vdq Wdq/q", SSE4_1, pmovzxwd, VEC_ONE),
    SSE("66 0F 38 34 /r", "PMOVZXWQ Vdq Wdq/d", SSE4_1, pmovzxwq, VEC_ONE),
    SSE("66 0F 38 35 /r", "PMOVZXDQ Vdq Wdq/q", SSE4_1, pmovzxdq, VEC_ONE),
    SSE("66 0F 38 28 /r", "PMULDQ Vdq Wdq", SSE4_1, pmuldq, 0),
    SSE("66 0F 38 29 /r", "PCMPEQQ Vdq Wdq", SSE4_1, pcmpeqq, 0),
    SSE("66 0F 38 2B /r", "PACKUSDW Vdq Wdq", SSE4_1, packusdw, 0),
    SSE("66 0F 38 38 /r", "PMINSB Vdq Wdq", SSE4_1, pminsb, 0),
    SSE("66 0F 38 39 /r", "PMINSD Vdq Wdq", SSE4_1, pminsd, 0),
    SSE("66 0F 38 3A /r", "PMINUW Vdq Wdq", SSE4_1, pminuw, 0),
    SSE("66 0F 38 3B /r", "PMINUD Vdq Wdq", SSE4_1, pminud, 0),
    SSE("66 0F 38 3C /r", "PMAXSB Vdq Wdq", SSE4_1, pmaxsb, 0),
    SSE("66 0F 38 3D /r", "PMAXSD Vdq Wdq", SSE4_1, pmaxsd, 0),
    SSE("66 0F 38 3E /r", "PMAXUW Vdq Wdq", SSE4_1, pmaxuw, 0),
    SSE("66 0F 38 3F /r", "PMAXUD Vdq Wdq", SSE4_1, pmaxud, 0),
    SSE("66 0F 38 40 /r", "PMULLD Vdq Wdq", SSE4_1, pmulld, 0),
    SSE("66 0F 38 37 /r", "PCMPGTQ Vdq Wdq", SSE4_2, pcmpgtq, 0),
    SSE("66 0F 38 41 /r", "PHMINPOSUW Vdq Wdq", SSE4_1, phminposuw, VEC_ONE),
    SSE("66 0F 3A 0C /r ib", "BLENDPS Vdq Wdq Ib", SSE4_1, blendps, 0),
    SSE("66 0F 3A 0D /r ib", "BLENDPD Vdq Wdq Ib", SSE4_1, blendpd, 0),
    SSE("66 0F 3A 0E /r ib", "PBLENDW Vdq Wdq Ib", SSE4_1, pblendw, 0),
    SSE("66 0F 3A 42 /r ib", "MPSADBW Vdq Wdq Ib", SSE4_1, mpsadbw, 0),
    SSE("66 0F 3A 14 /r ib", "PEXTRB Ed/b Vdq Ib", SSE4_1, pextrb, VEC_INT | VEC_RM),
    SSE("66 0F 3A 15 /r ib", "PEXTRW Ed/w Vdq Ib", SSE4_1, pextrw, VEC_INT | VEC_RM),
    SSE("66 NOREX.W 0F 3A 16 /r ib", "PEXTRD Ed Vdq Ib", SSE4_1, pextrd, VEC_INT | VEC_RM),
    SSE_64("66 REX.W 0F 3A 16 /r ib", "PEXTRQ Eq Vdq Ib", SSE4_1, pextrq, VEC_INT | VEC_RM),
    SSE("66 0F 3A 17 /r ib", "EXTRACTPS Ed Vdq Ib", SSE4_1, pextrd, VEC_INT | VEC_RM),
    SSE("66 0F 3A 20 /r ib", "PINSRB Vdq Ed/b Ib", SSE4_1, pinsrb, VEC_INT),
    SSE("66 0F 3A 21 /rr ib", "INSERTPS Vdq Udq Ib", SSE4_1, insertps, 0),
    SSE_BY("66 0F 3A 21 /rm ib", "INSERTPS Vdq Md Ib", SSE4_1, x86_gen_insertps_mem),
    SSE("66 NOREX.W 0F 3A 22 /r ib", "PINSRD Vdq Ed Ib", SSE4_1, pinsrd, VEC_INT),
    SSE_64("66 REX.W 0F 3A 22 /r ib", "PINSRQ Vdq Eq Ib", SSE4_1, pinsrq, VEC_INT),
    SSE_BY("66 0F 3A 60 /r ib", "PCMPESTRM Vdq Wdq Ib", SSE4_2, x86_gen_pcmpstr),
    SSE_BY("66 0F 3A 61 /r ib", "PCMPESTRI Vdq Wdq Ib", SSE4_2, x86_gen_pcmpstr),
    SSE_BY("66 0F 3A 62 /r ib", "PCMPISTRM Vdq Wdq Ib", SSE4_2, x86_gen_pcmpstr),
    SSE_BY("66 0F 3A 63 /r ib", "PCMPISTRI Vdq Wdq Ib", SSE4_2, x86_gen_pcmpstr),

    /* AES, PCLMULQDQ, SHA */
    SSE("66 0F 38 DC /r", "AESENC Vdq Wdq", AES, aesenc, 0),
    SSE("66 0F 38 DD /r", "AESENCLAST Vdq Wdq", AES, aesenclast, 0),
    SSE("66 0F 38 DE /r", "AESDEC Vdq Wdq", AES, aesdec, 0),
    SSE("66 0F 38 DF /r", "AESDECLAST Vdq Wdq", AES, aesdeclast, 0),
    SSE("66 0F 38 DB /r", "AESIMC Vdq Wdq", AES, aesimc, VEC_ONE),
    SSE("66 0F 3A DF /r ib", "AESKEYGENASSIST Vdq Wdq Ib", AES, aeskeygenassist, VEC_ONE),
    SSE("66 0F 3A 44 /r ib", "PCLMULQDQ Vdq Wdq Ib", PCLMULQDQ, pclmulqdq, 0),
    SSE("NP 0F 3A CC /r ib", "SHA1RNDS4 Vdq Wdq Ib", SHA, sha1rnds4, 0),
    SSE("NP 0F 38 C8 /r", "SHA1NEXTE Vdq Wdq", SHA, sha1nexte, 0),
    SSE("NP 0F 38 C9 /r", "SHA1MSG1 Vdq Wdq", SHA, sha1msg1, 0),
    SSE("NP 0F 38 CA /r", "SHA1MSG2 Vdq Wdq", SHA, sha1msg2, 0),
    SSE("NP 0F 38 CB /r", "SHA256RNDS2 Vdq Wdq", SHA, sha256rnds2, VEC_XMM0),
    SSE("NP 0F 38 CC /r", "SHA256MSG1 Vdq Wdq", SHA, sha256msg1, 0),
    SSE("NP 0F 38 CD /r", "SHA256MSG2 Vdq Wdq", SHA, sha256msg2, 0),

    /* State */
    SSE_BY("NP 0F AE /2:m", "LDMXCSR Md", SSE, x86_gen_ldmxcsr),
    SSE_BY("NP 0F AE /3:m", "STMXCSR Md", SSE, x86_gen_stmxcsr),
    { 0 },
};
