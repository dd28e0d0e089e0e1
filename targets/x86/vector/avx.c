/* SPDX-License-Identifier: MIT */
/*
 * Rows of the VEX-encoded vector instructions: AVX, AVX2, FMA, F16C and the VEX forms of AES and
 * PCLMULQDQ (Intel SDM vol. 1, ch. 14, vol. 2). By kind, each kind in opcode order.
 */
#include "vector.h"

/* VZEROUPPER (L = 0), VZEROALL */
static void gen_vzero(X86Ctx *c)
{
    unsigned count = c->code64 ? 16 : 8;

    if (c->vex_l) {
        TnTemp zero = x86_vec_from_int(c, x86_const(c, 0), 8);

        for (unsigned reg = 0; reg < count; reg++)
            tn_ir_put_low(c->b, X86_REG_YMM + reg, zero, true);
    }
    tn_ir_clear_upper(c->b, X86_REG_YMM, count);
}

/* VINSERTF128 of the value into itself: the instruction's own form takes memory only. */
static void gen_broadcast128(X86Ctx *c)
{
    static const TnHostForm form = { .opcode = 0x18, .map = 3, .pp = 1, .imm8 = 1,
                                     .flags = TN_HF_VEX | TN_HF_L256 | TN_HF_IMM8 };
    TnTemp value = x86_read_vec(c, 1, 16);

    x86_write_vec(c, 0, 32, tn_ir_hostv(c->b, TN_V256, form, X86_FB_vinsertf128, value, value,
                                        TN_TEMP_NONE));
}

/* VMOVSS, VMOVSD between registers, destination in ModRM.rm. arg: the prefix. */
static void gen_merge_store(X86Ctx *c)
{
    TnTemp upper = x86_read_vec(c, 1, 16), low = x86_read_vec(c, 2, 16);

    x86_write_vec(c, 0, 16, x86_vec_op(c, c->row->arg, 1, 0x10, c->row->helper, upper, low));
}

/* Row shorthands: _ONE has one source, so VEX.vvvv must be free; a 2 asks for AVX2. */
#define ROW(pattern, operands, gen, flags, feature, helper, arg) \
    { pattern, operands, gen, ROW_AVX | (flags), X86_FEATURE_##feature, helper, arg }
#define BY(pattern, operands, gen) ROW(pattern, operands, gen, 0, AVX, 0, 0)
#define BY2(pattern, operands, gen) ROW(pattern, operands, gen, 0, AVX2, 0, 0)
#define BY_NOV(pattern, operands, gen) ROW(pattern, operands, gen, ROW_NOVVVV, AVX, 0, 0)
#define MOVE(pattern, operands) BY_NOV(pattern, operands, x86_gen_vec_move)
#define MOVE_ALIGNED(pattern, operands) \
    ROW(pattern, operands, x86_gen_vec_move, ROW_NOVVVV | ROW_ALIGN, AVX, 0, 0)
#define MERGE(pattern, operands, fallback, pp) \
    ROW(pattern, operands, gen_merge_store, 0, AVX, X86_FB_##fallback, pp)
#define HOSTV(pattern, operands, flags, feature, fallback, arg) \
    ROW(pattern, operands, x86_gen_hostv, flags, feature, X86_FB_##fallback, arg)
#define AVX(pattern, operands, fallback, arg) HOSTV(pattern, operands, 0, AVX, fallback, arg)
#define AVX64(pattern, operands, fallback, arg) \
    HOSTV(pattern, operands, ROW_ONLY64, AVX, fallback, arg)
#define AVX2(pattern, operands, fallback, arg) HOSTV(pattern, operands, 0, AVX2, fallback, arg)
#define ONE(pattern, operands, fallback, arg) \
    HOSTV(pattern, operands, ROW_NOVVVV, AVX, fallback, arg)
#define ONE64(pattern, operands, fallback, arg) \
    HOSTV(pattern, operands, ROW_NOVVVV | ROW_ONLY64, AVX, fallback, arg)
#define ONE2(pattern, operands, fallback, arg) \
    HOSTV(pattern, operands, ROW_NOVVVV, AVX2, fallback, arg)
#define FP(pattern, operands, fallback, arg) HOSTV(pattern, operands, ROW_FP, AVX, fallback, arg)
#define FP_ONE(pattern, operands, fallback, arg) \
    HOSTV(pattern, operands, ROW_FP | ROW_NOVVVV, AVX, fallback, arg)
#define F16C(pattern, operands, fallback, arg) \
    HOSTV(pattern, operands, ROW_FP | ROW_NOVVVV, F16C, fallback, arg)
#define INT(pattern, operands, fallback, arg) \
    HOSTV("VEX.L0." pattern, operands, 0, AVX, fallback, arg), \
    HOSTV("VEX.L1." pattern, operands, 0, AVX2, fallback, arg)
#define INT_ONE(pattern, operands, fallback, arg) \
    HOSTV("VEX.L0." pattern, operands, ROW_NOVVVV, AVX, fallback, arg), \
    HOSTV("VEX.L1." pattern, operands, ROW_NOVVVV, AVX2, fallback, arg)
#define FMA_ROW(pattern, operands, fallback, arg) \
    HOSTV(pattern, operands, ROW_FP, FMA, fallback, VEC_FMA | (arg))
#define FMA_PACKED(opcode, order, mnemonic, op) \
    FMA_ROW("VEX.66.0F38.W0 " opcode " /r", mnemonic order "PS Vx Hx Wx", op##ps, VEC_WIDE), \
    FMA_ROW("VEX.66.0F38.W1 " opcode " /r", mnemonic order "PD Vx Hx Wx", op##pd, VEC_WIDE)
#define FMA_SCALAR(opcode, order, mnemonic, op) \
    FMA_ROW("VEX.66.0F38.W0 " opcode " /r", mnemonic order "SS Vdq Hdq Wdq/d", op##ss, 0), \
    FMA_ROW("VEX.66.0F38.W1 " opcode " /r", mnemonic order "SD Vdq Hdq Wdq/q", op##sd, 0)

const X86Row x86_rows_avx[] = {
    /* Moves */
    MOVE("VEX.NP.0F 10 /r", "VMOVUPS Vx Wx"),
    MOVE("VEX.NP.0F 11 /r", "VMOVUPS Wx Vx"),
    MOVE("VEX.66.0F 10 /r", "VMOVUPD Vx Wx"),
    MOVE("VEX.66.0F 11 /r", "VMOVUPD Wx Vx"),
    BY_NOV("VEX.F3.0F 10 /rm", "VMOVSS Vdq Wss", x86_gen_vec_load),
    AVX("VEX.F3.0F 10 /rr", "VMOVSS Vdq Hdq Udq", movss, 0),
    BY_NOV("VEX.F3.0F 11 /rm", "VMOVSS Wss Vdq", x86_gen_vec_store),
    MERGE("VEX.F3.0F 11 /rr", "VMOVSS Udq Hdq Vdq", movss, 2),
    BY_NOV("VEX.F2.0F 10 /rm", "VMOVSD Vdq Wsd", x86_gen_vec_load),
    AVX("VEX.F2.0F 10 /rr", "VMOVSD Vdq Hdq Udq", movsd, 0),
    BY_NOV("VEX.F2.0F 11 /rm", "VMOVSD Wsd Vdq", x86_gen_vec_store),
    MERGE("VEX.F2.0F 11 /rr", "VMOVSD Udq Hdq Vdq", movsd, 3),
    AVX("VEX.L0.NP.0F 12 /rr", "VMOVHLPS Vdq Hdq Udq", movhlps, 0),
    AVX("VEX.L0.NP.0F 16 /rr", "VMOVLHPS Vdq Hdq Udq", movlhps, 0),
    BY("VEX.L0.NP.0F 12 /rm", "VMOVLPS Vdq Hdq Mq", x86_gen_vec_load_low),
    BY_NOV("VEX.L0.NP.0F 13 /rm", "VMOVLPS Mq Vdq", x86_gen_vec_store),
    BY("VEX.L0.NP.0F 16 /rm", "VMOVHPS Vdq Hdq Mq", x86_gen_vec_load_high),
    BY_NOV("VEX.L0.NP.0F 17 /rm", "VMOVHPS Mq Vdq", x86_gen_vec_store_high),
    BY("VEX.L0.66.0F 12 /rm", "VMOVLPD Vdq Hdq Mq", x86_gen_vec_load_low),
    BY_NOV("VEX.L0.66.0F 13 /rm", "VMOVLPD Mq Vdq", x86_gen_vec_store),
    BY("VEX.L0.66.0F 16 /rm", "VMOVHPD Vdq Hdq Mq", x86_gen_vec_load_high),
    BY_NOV("VEX.L0.66.0F 17 /rm", "VMOVHPD Mq Vdq", x86_gen_vec_store_high),
    ONE("VEX.F3.0F 12 /r", "VMOVSLDUP Vx Wx", movsldup, 0),
    ONE("VEX.F3.0F 16 /r", "VMOVSHDUP Vx Wx", movshdup, 0),
    ONE("VEX.L0.F2.0F 12 /r", "VMOVDDUP Vdq Wdq/q", movddup, 0),
    ONE("VEX.L1.F2.0F 12 /r", "VMOVDDUP Vqq Wqq", movddup, 0),
    MOVE_ALIGNED("VEX.NP.0F 28 /r", "VMOVAPS Vx Wx"),
    MOVE_ALIGNED("VEX.NP.0F 29 /r", "VMOVAPS Wx Vx"),
    MOVE_ALIGNED("VEX.66.0F 28 /r", "VMOVAPD Vx Wx"),
    MOVE_ALIGNED("VEX.66.0F 29 /r", "VMOVAPD Wx Vx"),
    MOVE_ALIGNED("VEX.NP.0F 2B /rm", "VMOVNTPS Mx Vx"),
    MOVE_ALIGNED("VEX.66.0F 2B /rm", "VMOVNTPD Mx Vx"),
    ONE("VEX.NP.0F 50 /rr", "VMOVMSKPS Gd Ux", movmskps, VEC_WIDE),
    ONE("VEX.66.0F 50 /rr", "VMOVMSKPD Gd Ux", movmskpd, VEC_WIDE),
    BY_NOV("VEX.L0.66.0F 6E /r", "VMOVD Vdq Ey", x86_gen_movd_in),
    BY_NOV("VEX.L0.66.0F 7E /r", "VMOVD Ey Vdq", x86_gen_movd_out),
    MOVE_ALIGNED("VEX.66.0F 6F /r", "VMOVDQA Vx Wx"),
    MOVE("VEX.F3.0F 6F /r", "VMOVDQU Vx Wx"),
    MOVE_ALIGNED("VEX.66.0F 7F /r", "VMOVDQA Wx Vx"),
    MOVE("VEX.F3.0F 7F /r", "VMOVDQU Wx Vx"),
    BY_NOV("VEX.L0.F3.0F 7E /rm", "VMOVQ Vdq Wq", x86_gen_vec_load),
    ONE("VEX.L0.F3.0F 7E /rr", "VMOVQ Vdq Wdq", movq, 0),
    BY_NOV("VEX.L0.66.0F D6 /rm", "VMOVQ Wq Vdq", x86_gen_vec_store),
    BY_NOV("VEX.L0.66.0F D6 /rr", "VMOVQ Wdq Vdq", x86_gen_movq_store),
    MOVE_ALIGNED("VEX.66.0F E7 /rm", "VMOVNTDQ Mx Vx"),
    MOVE("VEX.F2.0F F0 /rm", "VLDDQU Vx Mx"),
    { "VEX.L0.66.0F38 2A /rm", "VMOVNTDQA Vdq Mdq", x86_gen_vec_move,
      ROW_AVX | ROW_NOVVVV | ROW_ALIGN, X86_FEATURE_AVX, 0, 0 },
    { "VEX.L1.66.0F38 2A /rm", "VMOVNTDQA Vqq Mqq", x86_gen_vec_move,
      ROW_AVX | ROW_NOVVVV | ROW_ALIGN, X86_FEATURE_AVX2, 0, 0 },
    BY_NOV("VEX.L0.66.0F F7 /rr", "VMASKMOVDQU Vdq Udq", x86_gen_maskmovdqu),
    BY_NOV("VEX.L0.NP.0F 77", "VZEROUPPER", gen_vzero),
    BY_NOV("VEX.L1.NP.0F 77", "VZEROALL", gen_vzero),
    BY_NOV("VEX.L0.NP.0F AE /2:m", "VLDMXCSR Md", x86_gen_ldmxcsr),
    BY_NOV("VEX.L0.NP.0F AE /3:m", "VSTMXCSR Md", x86_gen_stmxcsr),

    /* Floating point: arithmetic */
    FP("VEX.NP.0F 58 /r", "VADDPS Vx Hx Wx", addps, VEC_WIDE),
    FP("VEX.66.0F 58 /r", "VADDPD Vx Hx Wx", addpd, VEC_WIDE),
    FP("VEX.F3.0F 58 /r", "VADDSS Vdq Hdq Wdq/d", addss, 0),
    FP("VEX.F2.0F 58 /r", "VADDSD Vdq Hdq Wdq/q", addsd, 0),
    FP("VEX.NP.0F 59 /r", "VMULPS Vx Hx Wx", mulps, VEC_WIDE),
    FP("VEX.66.0F 59 /r", "VMULPD Vx Hx Wx", mulpd, VEC_WIDE),
    FP("VEX.F3.0F 59 /r", "VMULSS Vdq Hdq Wdq/d", mulss, 0),
    FP("VEX.F2.0F 59 /r", "VMULSD Vdq Hdq Wdq/q", mulsd, 0),
    FP("VEX.NP.0F 5C /r", "VSUBPS Vx Hx Wx", subps, VEC_WIDE),
    FP("VEX.66.0F 5C /r", "VSUBPD Vx Hx Wx", subpd, VEC_WIDE),
    FP("VEX.F3.0F 5C /r", "VSUBSS Vdq Hdq Wdq/d", subss, 0),
    FP("VEX.F2.0F 5C /r", "VSUBSD Vdq Hdq Wdq/q", subsd, 0),
    FP("VEX.NP.0F 5D /r", "VMINPS Vx Hx Wx", minps, VEC_WIDE),
    FP("VEX.66.0F 5D /r", "VMINPD Vx Hx Wx", minpd, VEC_WIDE),
    FP("VEX.F3.0F 5D /r", "VMINSS Vdq Hdq Wdq/d", minss, 0),
    FP("VEX.F2.0F 5D /r", "VMINSD Vdq Hdq Wdq/q", minsd, 0),
    FP("VEX.NP.0F 5E /r", "VDIVPS Vx Hx Wx", divps, VEC_WIDE),
    FP("VEX.66.0F 5E /r", "VDIVPD Vx Hx Wx", divpd, VEC_WIDE),
    FP("VEX.F3.0F 5E /r", "VDIVSS Vdq Hdq Wdq/d", divss, 0),
    FP("VEX.F2.0F 5E /r", "VDIVSD Vdq Hdq Wdq/q", divsd, 0),
    FP("VEX.NP.0F 5F /r", "VMAXPS Vx Hx Wx", maxps, VEC_WIDE),
    FP("VEX.66.0F 5F /r", "VMAXPD Vx Hx Wx", maxpd, VEC_WIDE),
    FP("VEX.F3.0F 5F /r", "VMAXSS Vdq Hdq Wdq/d", maxss, 0),
    FP("VEX.F2.0F 5F /r", "VMAXSD Vdq Hdq Wdq/q", maxsd, 0),
    FP_ONE("VEX.NP.0F 51 /r", "VSQRTPS Vx Wx", sqrtps, VEC_WIDE),
    FP_ONE("VEX.66.0F 51 /r", "VSQRTPD Vx Wx", sqrtpd, VEC_WIDE),
    FP("VEX.F3.0F 51 /r", "VSQRTSS Vdq Hdq Wdq/d", sqrtss, 0),
    FP("VEX.F2.0F 51 /r", "VSQRTSD Vdq Hdq Wdq/q", sqrtsd, 0),
    FP("VEX.NP.0F C2 /r ib", "VCMPPS Vx Hx Wx Ib", cmpps, VEC_WIDE),
    FP("VEX.66.0F C2 /r ib", "VCMPPD Vx Hx Wx Ib", cmppd, VEC_WIDE),
    FP("VEX.F3.0F C2 /r ib", "VCMPSS Vdq Hdq Wdq/d Ib", cmpss, 0),
    FP("VEX.F2.0F C2 /r ib", "VCMPSD Vdq Hdq Wdq/q Ib", cmpsd, 0),
    ONE("VEX.NP.0F 52 /r", "VRSQRTPS Vx Wx", rsqrtps, 0),
    AVX("VEX.F3.0F 52 /r", "VRSQRTSS Vdq Hdq Wdq/d", rsqrtss, 0),
    ONE("VEX.NP.0F 53 /r", "VRCPPS Vx Wx", rcpps, 0),
    AVX("VEX.F3.0F 53 /r", "VRCPSS Vdq Hdq Wdq/d", rcpss, 0),
    FP_ONE("VEX.NP.0F 2E /r", "VUCOMISS Vdq Wdq/d", ucomiss, VEC_FLAGS),
    FP_ONE("VEX.66.0F 2E /r", "VUCOMISD Vdq Wdq/q", ucomisd, VEC_FLAGS),
    FP_ONE("VEX.NP.0F 2F /r", "VCOMISS Vdq Wdq/d", comiss, VEC_FLAGS),
    FP_ONE("VEX.66.0F 2F /r", "VCOMISD Vdq Wdq/q", comisd, VEC_FLAGS),
    FP("VEX.66.0F 7C /r", "VHADDPD Vx Hx Wx", haddpd, VEC_WIDE),
    FP("VEX.F2.0F 7C /r", "VHADDPS Vx Hx Wx", haddps, VEC_WIDE),
    FP("VEX.66.0F 7D /r", "VHSUBPD Vx Hx Wx", hsubpd, VEC_WIDE),
    FP("VEX.F2.0F 7D /r", "VHSUBPS Vx Hx Wx", hsubps, VEC_WIDE),
    FP("VEX.66.0F D0 /r", "VADDSUBPD Vx Hx Wx", addsubpd, VEC_WIDE),
    FP("VEX.F2.0F D0 /r", "VADDSUBPS Vx Hx Wx", addsubps, VEC_WIDE),
    FP_ONE("VEX.66.0F3A 08 /r ib", "VROUNDPS Vx Wx Ib", roundps, VEC_WIDE),
    FP_ONE("VEX.66.0F3A 09 /r ib", "VROUNDPD Vx Wx Ib", roundpd, VEC_WIDE),
    FP("VEX.66.0F3A 0A /r ib", "VROUNDSS Vdq Hdq Wdq/d Ib", roundss, 0),
    FP("VEX.66.0F3A 0B /r ib", "VROUNDSD Vdq Hdq Wdq/q Ib", roundsd, 0),
    FP("VEX.66.0F3A 40 /r ib", "VDPPS Vx Hx Wx Ib", dpps, VEC_WIDE),
    FP("VEX.L0.66.0F3A 41 /r ib", "VDPPD Vdq Hdq Wdq Ib", dppd, 0),

    /* Floating point: conversions */
    FP_ONE("VEX.NP.0F 5B /r", "VCVTDQ2PS Vx Wx", cvtdq2ps, VEC_WIDE),
    FP_ONE("VEX.66.0F 5B /r", "VCVTPS2DQ Vx Wx", cvtps2dq, VEC_WIDE),
    FP_ONE("VEX.F3.0F 5B /r", "VCVTTPS2DQ Vx Wx", cvttps2dq, VEC_WIDE),
    ONE("VEX.L0.F3.0F E6 /r", "VCVTDQ2PD Vdq Wdq/q", cvtdq2pd, 0),
    ONE("VEX.L1.F3.0F E6 /r", "VCVTDQ2PD Vqq Wdq", cvtdq2pd_y, 0),
    FP_ONE("VEX.F2.0F E6 /r", "VCVTPD2DQ Vdq Wx", cvtpd2dq, VEC_WIDE),
    FP_ONE("VEX.66.0F E6 /r", "VCVTTPD2DQ Vdq Wx", cvttpd2dq, VEC_WIDE),
    FP_ONE("VEX.L0.NP.0F 5A /r", "VCVTPS2PD Vdq Wdq/q", cvtps2pd, 0),
    FP_ONE("VEX.L1.NP.0F 5A /r", "VCVTPS2PD Vqq Wdq", cvtps2pd_y, 0),
    FP_ONE("VEX.66.0F 5A /r", "VCVTPD2PS Vdq Wx", cvtpd2ps, VEC_WIDE),
    FP("VEX.F3.0F 5A /r", "VCVTSS2SD Vdq Hdq Wdq/d", cvtss2sd, 0),
    FP("VEX.F2.0F 5A /r", "VCVTSD2SS Vdq Hdq Wdq/q", cvtsd2ss, 0),
    FP("VEX.F3.0F 2A /r", "VCVTSI2SS Vdq Hdq Ey", cvtsi2ss, VEC_INT | VEC_QUAD),
    FP("VEX.F2.0F 2A /r", "VCVTSI2SD Vdq Hdq Ey", cvtsi2sd, VEC_INT | VEC_QUAD),
    FP_ONE("VEX.F3.0F 2D /r", "VCVTSS2SI Gy Wdq/d", cvtss2si, VEC_QUAD),
    FP_ONE("VEX.F2.0F 2D /r", "VCVTSD2SI Gy Wdq/q", cvtsd2si, VEC_QUAD),
    FP_ONE("VEX.F3.0F 2C /r", "VCVTTSS2SI Gy Wdq/d", cvttss2si, VEC_QUAD),
    FP_ONE("VEX.F2.0F 2C /r", "VCVTTSD2SI Gy Wdq/q", cvttsd2si, VEC_QUAD),
    F16C("VEX.L0.66.0F38.W0 13 /r", "VCVTPH2PS Vdq Wdq/q", cvtph2ps, 0),
    F16C("VEX.L1.66.0F38.W0 13 /r", "VCVTPH2PS Vqq Wdq", cvtph2ps_y, 0),
    F16C("VEX.L0.66.0F3A.W0 1D /r ib", "VCVTPS2PH Wdq/q Vdq Ib", cvtps2ph, VEC_RM),
    F16C("VEX.L1.66.0F3A.W0 1D /r ib", "VCVTPS2PH Wdq Vqq Ib", cvtps2ph_y, VEC_RM),

    /* Logic and shuffles of the floating-point formats */
    AVX("VEX.NP.0F 54 /r", "VANDPS Vx Hx Wx", pand, 0),
    AVX("VEX.66.0F 54 /r", "VANDPD Vx Hx Wx", pand, 0),
    AVX("VEX.NP.0F 55 /r", "VANDNPS Vx Hx Wx", pandn, 0),
    AVX("VEX.66.0F 55 /r", "VANDNPD Vx Hx Wx", pandn, 0),
    AVX("VEX.NP.0F 56 /r", "VORPS Vx Hx Wx", por, 0),
    AVX("VEX.66.0F 56 /r", "VORPD Vx Hx Wx", por, 0),
    AVX("VEX.NP.0F 57 /r", "VXORPS Vx Hx Wx", pxor, 0),
    AVX("VEX.66.0F 57 /r", "VXORPD Vx Hx Wx", pxor, 0),
    AVX("VEX.NP.0F 14 /r", "VUNPCKLPS Vx Hx Wx", punpckldq, 0),
    AVX("VEX.66.0F 14 /r", "VUNPCKLPD Vx Hx Wx", punpcklqdq, 0),
    AVX("VEX.NP.0F 15 /r", "VUNPCKHPS Vx Hx Wx", punpckhdq, 0),
    AVX("VEX.66.0F 15 /r", "VUNPCKHPD Vx Hx Wx", punpckhqdq, 0),
    AVX("VEX.NP.0F C6 /r ib", "VSHUFPS Vx Hx Wx Ib", shufps, 0),
    AVX("VEX.66.0F C6 /r ib", "VSHUFPD Vx Hx Wx Ib", shufpd, 0),
    AVX("VEX.66.0F38.W0 0C /r", "VPERMILPS Vx Hx Wx", vpermilps, 0),
    AVX("VEX.66.0F38.W0 0D /r", "VPERMILPD Vx Hx Wx", vpermilpd, 0),
    ONE("VEX.66.0F3A.W0 04 /r ib", "VPERMILPS Vx Wx Ib", vpermilpsi, 0),
    ONE("VEX.66.0F3A.W0 05 /r ib", "VPERMILPD Vx Wx Ib", vpermilpdi, 0),
    ONE("VEX.66.0F38.W0 0E /r", "VTESTPS Vx Wx", vtestps, VEC_FLAGS | VEC_WIDE),
    ONE("VEX.66.0F38.W0 0F /r", "VTESTPD Vx Wx", vtestpd, VEC_FLAGS | VEC_WIDE),
    ONE("VEX.66.0F38 17 /r", "VPTEST Vx Wx", ptest, VEC_FLAGS | VEC_WIDE),
    AVX("VEX.66.0F3A 0C /r ib", "VBLENDPS Vx Hx Wx Ib", blendps, 0),
    AVX("VEX.66.0F3A 0D /r ib", "VBLENDPD Vx Hx Wx Ib", blendpd, 0),
    AVX("VEX.66.0F3A.W0 4A /r is4", "VBLENDVPS Vx Hx Wx Lx", blendvps, 0),
    AVX("VEX.66.0F3A.W0 4B /r is4", "VBLENDVPD Vx Hx Wx Lx", blendvpd, 0),
    AVX("VEX.L0.66.0F3A 21 /rr ib", "VINSERTPS Vdq Hdq Udq Ib", insertps, 0),
    BY("VEX.L0.66.0F3A 21 /rm ib", "VINSERTPS Vdq Hdq Md Ib", x86_gen_insertps_mem),

    /* Broadcasts and moves between lanes */
    ONE("VEX.66.0F38.W0 18 /rm", "VBROADCASTSS Vx Md", vpbroadcastd, 0),
    ONE2("VEX.66.0F38.W0 18 /rr", "VBROADCASTSS Vx Udq", vpbroadcastd, 0),
    ONE("VEX.L1.66.0F38.W0 19 /rm", "VBROADCASTSD Vqq Mq", vpbroadcastq, 0),
    ONE2("VEX.L1.66.0F38.W0 19 /rr", "VBROADCASTSD Vqq Udq", vpbroadcastq, 0),
    BY_NOV("VEX.L1.66.0F38.W0 1A /rm", "VBROADCASTF128 Vqq Mdq", gen_broadcast128),
    { "VEX.L1.66.0F38.W0 5A /rm", "VBROADCASTI128 Vqq Mdq", gen_broadcast128, ROW_AVX | ROW_NOVVVV,
      X86_FEATURE_AVX2, 0, 0 },
    ONE2("VEX.66.0F38.W0 78 /r", "VPBROADCASTB Vx Wdq/b", vpbroadcastb, 0),
    ONE2("VEX.66.0F38.W0 79 /r", "VPBROADCASTW Vx Wdq/w", vpbroadcastw, 0),
    ONE2("VEX.66.0F38.W0 58 /r", "VPBROADCASTD Vx Wdq/d", vpbroadcastd, 0),
    ONE2("VEX.66.0F38.W0 59 /r", "VPBROADCASTQ Vx Wdq/q", vpbroadcastq, 0),
    AVX("VEX.L1.66.0F3A.W0 06 /r ib", "VPERM2F128 Vqq Hqq Wqq Ib", vperm2f128, 0),
    AVX2("VEX.L1.66.0F3A.W0 46 /r ib", "VPERM2I128 Vqq Hqq Wqq Ib", vperm2f128, 0),
    AVX("VEX.L1.66.0F3A.W0 18 /r ib", "VINSERTF128 Vqq Hqq Wdq Ib", vinsertf128, 0),
    AVX2("VEX.L1.66.0F3A.W0 38 /r ib", "VINSERTI128 Vqq Hqq Wdq Ib", vinsertf128, 0),
    ONE("VEX.L1.66.0F3A.W0 19 /r ib", "VEXTRACTF128 Wdq Vqq Ib", vextractf128, VEC_RM),
    ONE2("VEX.L1.66.0F3A.W0 39 /r ib", "VEXTRACTI128 Wdq Vqq Ib", vextractf128, VEC_RM),
    AVX2("VEX.L1.66.0F38.W0 36 /r", "VPERMD Vqq Hqq Wqq", vpermd, 0),
    AVX2("VEX.L1.66.0F38.W0 16 /r", "VPERMPS Vqq Hqq Wqq", vpermd, 0),
    ONE2("VEX.L1.66.0F3A.W1 00 /r ib", "VPERMQ Vqq Wqq Ib", vpermq, 0),
    ONE2("VEX.L1.66.0F3A.W1 01 /r ib", "VPERMPD Vqq Wqq Ib", vpermq, 0),
    AVX2("VEX.66.0F3A.W0 02 /r ib", "VPBLENDD Vx Hx Wx Ib", blendps, 0),

    /* Packed integers: 128 bits AVX, 256 bits AVX2 */
    INT("66.0F 60 /r", "VPUNPCKLBW Vx Hx Wx", punpcklbw, 0),
    INT("66.0F 61 /r", "VPUNPCKLWD Vx Hx Wx", punpcklwd, 0),
    INT("66.0F 62 /r", "VPUNPCKLDQ Vx Hx Wx", punpckldq, 0),
    INT("66.0F 63 /r", "VPACKSSWB Vx Hx Wx", packsswb, 0),
    INT("66.0F 64 /r", "VPCMPGTB Vx Hx Wx", pcmpgtb, 0),
    INT("66.0F 65 /r", "VPCMPGTW Vx Hx Wx", pcmpgtw, 0),
    INT("66.0F 66 /r", "VPCMPGTD Vx Hx Wx", pcmpgtd, 0),
    INT("66.0F 67 /r", "VPACKUSWB Vx Hx Wx", packuswb, 0),
    INT("66.0F 68 /r", "VPUNPCKHBW Vx Hx Wx", punpckhbw, 0),
    INT("66.0F 69 /r", "VPUNPCKHWD Vx Hx Wx", punpckhwd, 0),
    INT("66.0F 6A /r", "VPUNPCKHDQ Vx Hx Wx", punpckhdq, 0),
    INT("66.0F 6B /r", "VPACKSSDW Vx Hx Wx", packssdw, 0),
    INT("66.0F 6C /r", "VPUNPCKLQDQ Vx Hx Wx", punpcklqdq, 0),
    INT("66.0F 6D /r", "VPUNPCKHQDQ Vx Hx Wx", punpckhqdq, 0),
    INT("66.0F 74 /r", "VPCMPEQB Vx Hx Wx", pcmpeqb, 0),
    INT("66.0F 75 /r", "VPCMPEQW Vx Hx Wx", pcmpeqw, 0),
    INT("66.0F 76 /r", "VPCMPEQD Vx Hx Wx", pcmpeqd, 0),
    INT("66.0F D4 /r", "VPADDQ Vx Hx Wx", paddq, 0),
    INT("66.0F D5 /r", "VPMULLW Vx Hx Wx", pmullw, 0),
    INT("66.0F D8 /r", "VPSUBUSB Vx Hx Wx", psubusb, 0),
    INT("66.0F D9 /r", "VPSUBUSW Vx Hx Wx", psubusw, 0),
    INT("66.0F DA /r", "VPMINUB Vx Hx Wx", pminub, 0),
    INT("66.0F DB /r", "VPAND Vx Hx Wx", pand, 0),
    INT("66.0F DC /r", "VPADDUSB Vx Hx Wx", paddusb, 0),
    INT("66.0F DD /r", "VPADDUSW Vx Hx Wx", paddusw, 0),
    INT("66.0F DE /r", "VPMAXUB Vx Hx Wx", pmaxub, 0),
    INT("66.0F DF /r", "VPANDN Vx Hx Wx", pandn, 0),
    INT("66.0F E0 /r", "VPAVGB Vx Hx Wx", pavgb, 0),
    INT("66.0F E3 /r", "VPAVGW Vx Hx Wx", pavgw, 0),
    INT("66.0F E4 /r", "VPMULHUW Vx Hx Wx", pmulhuw, 0),
    INT("66.0F E5 /r", "VPMULHW Vx Hx Wx", pmulhw, 0),
    INT("66.0F E8 /r", "VPSUBSB Vx Hx Wx", psubsb, 0),
    INT("66.0F E9 /r", "VPSUBSW Vx Hx Wx", psubsw, 0),
    INT("66.0F EA /r", "VPMINSW Vx Hx Wx", pminsw, 0),
    INT("66.0F EB /r", "VPOR Vx Hx Wx", por, 0),
    INT("66.0F EC /r", "VPADDSB Vx Hx Wx", paddsb, 0),
    INT("66.0F ED /r", "VPADDSW Vx Hx Wx", paddsw, 0),
    INT("66.0F EE /r", "VPMAXSW Vx Hx Wx", pmaxsw, 0),
    INT("66.0F EF /r", "VPXOR Vx Hx Wx", pxor, 0),
    INT("66.0F F4 /r", "VPMULUDQ Vx Hx Wx", pmuludq, 0),
    INT("66.0F F5 /r", "VPMADDWD Vx Hx Wx", pmaddwd, 0),
    INT("66.0F F6 /r", "VPSADBW Vx Hx Wx", psadbw, 0),
    INT("66.0F F8 /r", "VPSUBB Vx Hx Wx", psubb, 0),
    INT("66.0F F9 /r", "VPSUBW Vx Hx Wx", psubw, 0),
    INT("66.0F FA /r", "VPSUBD Vx Hx Wx", psubd, 0),
    INT("66.0F FB /r", "VPSUBQ Vx Hx Wx", psubq, 0),
    INT("66.0F FC /r", "VPADDB Vx Hx Wx", paddb, 0),
    INT("66.0F FD /r", "VPADDW Vx Hx Wx", paddw, 0),
    INT("66.0F FE /r", "VPADDD Vx Hx Wx", paddd, 0),
    INT("66.0F D1 /r", "VPSRLW Vx Hx Wdq", psrlw, 0),
    INT("66.0F D2 /r", "VPSRLD Vx Hx Wdq", psrld, 0),
    INT("66.0F D3 /r", "VPSRLQ Vx Hx Wdq", psrlq, 0),
    INT("66.0F E1 /r", "VPSRAW Vx Hx Wdq", psraw, 0),
    INT("66.0F E2 /r", "VPSRAD Vx Hx Wdq", psrad, 0),
    INT("66.0F F1 /r", "VPSLLW Vx Hx Wdq", psllw, 0),
    INT("66.0F F2 /r", "VPSLLD Vx Hx Wdq", pslld, 0),
    INT("66.0F F3 /r", "VPSLLQ Vx Hx Wdq", psllq, 0),
    INT("66.0F 71 /2:r ib", "VPSRLW Hx Ux Ib", psrlwi, VEC_GROUP),
    INT("66.0F 71 /4:r ib", "VPSRAW Hx Ux Ib", psrawi, VEC_GROUP),
    INT("66.0F 71 /6:r ib", "VPSLLW Hx Ux Ib", psllwi, VEC_GROUP),
    INT("66.0F 72 /2:r ib", "VPSRLD Hx Ux Ib", psrldi, VEC_GROUP),
    INT("66.0F 72 /4:r ib", "VPSRAD Hx Ux Ib", psradi, VEC_GROUP),
    INT("66.0F 72 /6:r ib", "VPSLLD Hx Ux Ib", pslldi, VEC_GROUP),
    INT("66.0F 73 /2:r ib", "VPSRLQ Hx Ux Ib", psrlqi, VEC_GROUP),
    INT("66.0F 73 /3:r ib", "VPSRLDQ Hx Ux Ib", psrldq, VEC_GROUP),
    INT("66.0F 73 /6:r ib", "VPSLLQ Hx Ux Ib", psllqi, VEC_GROUP),
    INT("66.0F 73 /7:r ib", "VPSLLDQ Hx Ux Ib", pslldq, VEC_GROUP),
    INT_ONE("66.0F 70 /r ib", "VPSHUFD Vx Wx Ib", pshufd, 0),
    INT_ONE("F3.0F 70 /r ib", "VPSHUFHW Vx Wx Ib", pshufhw, 0),
    INT_ONE("F2.0F 70 /r ib", "VPSHUFLW Vx Wx Ib", pshuflw, 0),
    INT_ONE("66.0F D7 /rr", "VPMOVMSKB Gd Ux", pmovmskb, VEC_WIDE),
    INT("66.0F38 00 /r", "VPSHUFB Vx Hx Wx", pshufb, 0),
    INT("66.0F38 01 /r", "VPHADDW Vx Hx Wx", phaddw, 0),
    INT("66.0F38 02 /r", "VPHADDD Vx Hx Wx", phaddd, 0),
    INT("66.0F38 03 /r", "VPHADDSW Vx Hx Wx", phaddsw, 0),
    INT("66.0F38 04 /r", "VPMADDUBSW Vx Hx Wx", pmaddubsw, 0),
    INT("66.0F38 05 /r", "VPHSUBW Vx Hx Wx", phsubw, 0),
    INT("66.0F38 06 /r", "VPHSUBD Vx Hx Wx", phsubd, 0),
    INT("66.0F38 07 /r", "VPHSUBSW Vx Hx Wx", phsubsw, 0),
    INT("66.0F38 08 /r", "VPSIGNB Vx Hx Wx", psignb, 0),
    INT("66.0F38 09 /r", "VPSIGNW Vx Hx Wx", psignw, 0),
    INT("66.0F38 0A /r", "VPSIGND Vx Hx Wx", psignd, 0),
    INT("66.0F38 0B /r", "VPMULHRSW Vx Hx Wx", pmulhrsw, 0),
    INT("66.0F38 28 /r", "VPMULDQ Vx Hx Wx", pmuldq, 0),
    INT("66.0F38 29 /r", "VPCMPEQQ Vx Hx Wx", pcmpeqq, 0),
    INT("66.0F38 2B /r", "VPACKUSDW Vx Hx Wx", packusdw, 0),
    INT("66.0F38 37 /r", "VPCMPGTQ Vx Hx Wx", pcmpgtq, 0),
    INT("66.0F38 38 /r", "VPMINSB Vx Hx Wx", pminsb, 0),
    INT("66.0F38 39 /r", "VPMINSD Vx Hx Wx", pminsd, 0),
    INT("66.0F38 3A /r", "VPMINUW Vx Hx Wx", pminuw, 0),
    INT("66.0F38 3B /r", "VPMINUD Vx Hx Wx", pminud, 0),
    INT("66.0F38 3C /r", "VPMAXSB Vx Hx Wx", pmaxsb, 0),
    INT("66.0F38 3D /r", "VPMAXSD Vx Hx Wx", pmaxsd, 0),
    INT("66.0F38 3E /r", "VPMAXUW Vx Hx Wx", pmaxuw, 0),
    INT("66.0F38 3F /r", "VPMAXUD Vx Hx Wx", pmaxud, 0),
    INT("66.0F38 40 /r", "VPMULLD Vx Hx Wx", pmulld, 0),
    INT_ONE("66.0F38 1C /r", "VPABSB Vx Wx", pabsb, 0),
    INT_ONE("66.0F38 1D /r", "VPABSW Vx Wx", pabsw, 0),
    INT_ONE("66.0F38 1E /r", "VPABSD Vx Wx", pabsd, 0),
    INT("66.0F3A 0E /r ib", "VPBLENDW Vx Hx Wx Ib", pblendw, 0),
    INT("66.0F3A 0F /r ib", "VPALIGNR Vx Hx Wx Ib", palignr, 0),
    INT("66.0F3A 42 /r ib", "VMPSADBW Vx Hx Wx Ib", mpsadbw, 0),
    INT("66.0F3A.W0 4C /r is4", "VPBLENDVB Vx Hx Wx Lx", pblendvb, 0),
    ONE("VEX.L0.66.0F38 20 /r", "VPMOVSXBW Vdq Wdq/q", pmovsxbw, 0),
    ONE2("VEX.L1.66.0F38 20 /r", "VPMOVSXBW Vqq Wdq/dq", pmovsxbw, 0),
    ONE("VEX.L0.66.0F38 21 /r", "VPMOVSXBD Vdq Wdq/d", pmovsxbd, 0),
    ONE2("VEX.L1.66.0F38 21 /r", "VPMOVSXBD Vqq Wdq/q", pmovsxbd, 0),
    ONE("VEX.L0.66.0F38 22 /r", "VPMOVSXBQ Vdq Wdq/w", pmovsxbq, 0),
    ONE2("VEX.L1.66.0F38 22 /r", "VPMOVSXBQ Vqq Wdq/d", pmovsxbq, 0),
    ONE("VEX.L0.66.0F38 23 /r", "VPMOVSXWD Vdq Wdq/q", pmovsxwd, 0),
    ONE2("VEX.L1.66.0F38 23 /r", "VPMOVSXWD Vqq Wdq/dq", pmovsxwd, 0),
    ONE("VEX.L0.66.0F38 24 /r", "VPMOVSXWQ Vdq Wdq/d", pmovsxwq, 0),
    ONE2("VEX.L1.66.0F38 24 /r", "VPMOVSXWQ Vqq Wdq/q", pmovsxwq, 0),
    ONE("VEX.L0.66.0F38 25 /r", "VPMOVSXDQ Vdq Wdq/q", pmovsxdq, 0),
    ONE2("VEX.L1.66.0F38 25 /r", "VPMOVSXDQ Vqq Wdq/dq", pmovsxdq, 0),
    ONE("VEX.L0.66.0F38 30 /r", "VPMOVZXBW Vdq Wdq/q", pmovzxbw, 0),
    ONE2("VEX.L1.66.0F38 30 /r", "VPMOVZXBW Vqq Wdq/dq", pmovzxbw, 0),
    ONE("VEX.L0.66.0F38 31 /r", "VPMOVZXBD Vdq Wdq/d", pmovzxbd, 0),
    ONE2("VEX.L1.66.0F38 31 /r", "VPMOVZXBD Vqq Wdq/q", pmovzxbd, 0),
    ONE("VEX.L0.66.0F38 32 /r", "VPMOVZXBQ Vdq Wdq/w", pmovzxbq, 0),
    ONE2("VEX.L1.66.0F38 32 /r", "VPMOVZXBQ Vqq Wdq/d", pmovzxbq, 0),
    ONE("VEX.L0.66.0F38 33 /r", "VPMOVZXWD Vdq Wdq/q", pmovzxwd, 0),
    ONE2("VEX.L1.66.0F38 33 /r", "VPMOVZXWD Vqq Wdq/dq", pmovzxwd, 0),
    ONE("VEX.L0.66.0F38 34 /r", "VPMOVZXWQ Vdq Wdq/d", pmovzxwq, 0),
    ONE2("VEX.L1.66.0F38 34 /r", "VPMOVZXWQ Vqq Wdq/q", pmovzxwq, 0),
    ONE("VEX.L0.66.0F38 35 /r", "VPMOVZXDQ Vdq Wdq/q", pmovzxdq, 0),
    ONE2("VEX.L1.66.0F38 35 /r", "VPMOVZXDQ Vqq Wdq/dq", pmovzxdq, 0),
    AVX2("VEX.66.0F38.W0 45 /r", "VPSRLVD Vx Hx Wx", vpsrlvd, 0),
    AVX2("VEX.66.0F38.W0 47 /r", "VPSLLVD Vx Hx Wx", vpsllvd, 0),
    AVX2("VEX.66.0F38.W1 45 /r", "VPSRLVQ Vx Hx Wx", vpsrlvq, 0),
    AVX2("VEX.66.0F38.W1 47 /r", "VPSLLVQ Vx Hx Wx", vpsllvq, 0),
    AVX2("VEX.66.0F38.W0 46 /r", "VPSRAVD Vx Hx Wx", vpsravd, 0),

    /* Packed integers: 128 bits only */
    ONE("VEX.L0.66.0F38 41 /r", "VPHMINPOSUW Vdq Wdq", phminposuw, 0),
    AVX("VEX.L0.66.0F C4 /r ib", "VPINSRW Vdq Hdq Ed/w Ib", pinsrw, VEC_INT),
    ONE("VEX.L0.66.0F C5 /rr ib", "VPEXTRW Gd Udq Ib", pextrw, 0),
    ONE("VEX.L0.66.0F3A 14 /r ib", "VPEXTRB Ed/b Vdq Ib", pextrb, VEC_INT | VEC_RM),
    ONE("VEX.L0.66.0F3A 15 /r ib", "VPEXTRW Ed/w Vdq Ib", pextrw, VEC_INT | VEC_RM),
    ONE("VEX.L0.66.0F3A.W0 16 /r ib", "VPEXTRD Ed Vdq Ib", pextrd, VEC_INT | VEC_RM),
    ONE64("VEX.L0.66.0F3A.W1 16 /r ib", "VPEXTRQ Eq Vdq Ib", pextrq, VEC_INT | VEC_RM),
    ONE("VEX.L0.66.0F3A 17 /r ib", "VEXTRACTPS Ed Vdq Ib", pextrd, VEC_INT | VEC_RM),
    AVX("VEX.L0.66.0F3A 20 /r ib", "VPINSRB Vdq Hdq Ed/b Ib", pinsrb, VEC_INT),
    AVX("VEX.L0.66.0F3A.W0 22 /r ib", "VPINSRD Vdq Hdq Ed Ib", pinsrd, VEC_INT),
    AVX64("VEX.L0.66.0F3A.W1 22 /r ib", "VPINSRQ Vdq Hdq Eq Ib", pinsrq, VEC_INT),
    BY_NOV("VEX.L0.66.0F3A 60 /r ib", "VPCMPESTRM Vdq Wdq Ib", x86_gen_pcmpstr),
    BY_NOV("VEX.L0.66.0F3A 61 /r ib", "VPCMPESTRI Vdq Wdq Ib", x86_gen_pcmpstr),
    BY_NOV("VEX.L0.66.0F3A 62 /r ib", "VPCMPISTRM Vdq Wdq Ib", x86_gen_pcmpstr),
    BY_NOV("VEX.L0.66.0F3A 63 /r ib", "VPCMPISTRI Vdq Wdq Ib", x86_gen_pcmpstr),
    { "VEX.L0.66.0F38 DC /r", "VAESENC Vdq Hdq Wdq", x86_gen_hostv, ROW_AVX, X86_FEATURE_AES,
      X86_FB_aesenc, 0 },
    { "VEX.L0.66.0F38 DD /r", "VAESENCLAST Vdq Hdq Wdq", x86_gen_hostv, ROW_AVX, X86_FEATURE_AES,
      X86_FB_aesenclast, 0 },
    { "VEX.L0.66.0F38 DE /r", "VAESDEC Vdq Hdq Wdq", x86_gen_hostv, ROW_AVX, X86_FEATURE_AES,
      X86_FB_aesdec, 0 },
    { "VEX.L0.66.0F38 DF /r", "VAESDECLAST Vdq Hdq Wdq", x86_gen_hostv, ROW_AVX, X86_FEATURE_AES,
      X86_FB_aesdeclast, 0 },
    { "VEX.L0.66.0F38 DB /r", "VAESIMC Vdq Wdq", x86_gen_hostv, ROW_AVX | ROW_NOVVVV,
      X86_FEATURE_AES, X86_FB_aesimc, 0 },
    { "VEX.L0.66.0F3A DF /r ib", "VAESKEYGENASSIST Vdq Wdq Ib", x86_gen_hostv, ROW_AVX | ROW_NOVVVV,
      X86_FEATURE_AES, X86_FB_aeskeygenassist, 0 },
    { "VEX.L0.66.0F3A 44 /r ib", "VPCLMULQDQ Vdq Hdq Wdq Ib", x86_gen_hostv, ROW_AVX,
      X86_FEATURE_PCLMULQDQ, X86_FB_pclmulqdq, 0 },

    /* Masked moves and gathers */
    BY("VEX.66.0F38.W0 2C /rm", "VMASKMOVPS Vx Hx Mx", x86_gen_vmaskmov),
    BY("VEX.66.0F38.W0 2D /rm", "VMASKMOVPD Vx Hx Mx", x86_gen_vmaskmov),
    BY("VEX.66.0F38.W0 2E /rm", "VMASKMOVPS Mx Hx Vx", x86_gen_vmaskmov_store),
    BY("VEX.66.0F38.W0 2F /rm", "VMASKMOVPD Mx Hx Vx", x86_gen_vmaskmov_store),
    BY2("VEX.66.0F38.W0 8C /rm", "VPMASKMOVD Vx Hx Mx", x86_gen_vmaskmov),
    BY2("VEX.66.0F38.W0 8E /rm", "VPMASKMOVD Mx Hx Vx", x86_gen_vmaskmov_store),
    BY2("VEX.66.0F38.W1 8C /rm", "VPMASKMOVQ Vx Hx Mx", x86_gen_vmaskmov),
    BY2("VEX.66.0F38.W1 8E /rm", "VPMASKMOVQ Mx Hx Vx", x86_gen_vmaskmov_store),
    BY2("VEX.66.0F38.W0 90 /rm", "VPGATHERDD Vx M Hx", x86_gen_gather),
    BY2("VEX.66.0F38.W1 90 /rm", "VPGATHERDQ Vx M Hx", x86_gen_gather),
    BY2("VEX.66.0F38.W0 91 /rm", "VPGATHERQD Vx M Hx", x86_gen_gather),
    BY2("VEX.66.0F38.W1 91 /rm", "VPGATHERQQ Vx M Hx", x86_gen_gather),
    BY2("VEX.66.0F38.W0 92 /rm", "VGATHERDPS Vx M Hx", x86_gen_gather),
    BY2("VEX.66.0F38.W1 92 /rm", "VGATHERDPD Vx M Hx", x86_gen_gather),
    BY2("VEX.66.0F38.W0 93 /rm", "VGATHERQPS Vx M Hx", x86_gen_gather),
    BY2("VEX.66.0F38.W1 93 /rm", "VGATHERQPD Vx M Hx", x86_gen_gather),

    /* Fused multiply-add */
    FMA_PACKED("96", "132", "VFMADDSUB", fmaddsub132),
    FMA_PACKED("97", "132", "VFMSUBADD", fmsubadd132),
    FMA_PACKED("98", "132", "VFMADD", fmadd132),
    FMA_SCALAR("99", "132", "VFMADD", fmadd132),
    FMA_PACKED("9A", "132", "VFMSUB", fmsub132),
    FMA_SCALAR("9B", "132", "VFMSUB", fmsub132),
    FMA_PACKED("9C", "132", "VFNMADD", fnmadd132),
    FMA_SCALAR("9D", "132", "VFNMADD", fnmadd132),
    FMA_PACKED("9E", "132", "VFNMSUB", fnmsub132),
    FMA_SCALAR("9F", "132", "VFNMSUB", fnmsub132),
    FMA_PACKED("A6", "213", "VFMADDSUB", fmaddsub213),
    FMA_PACKED("A7", "213", "VFMSUBADD", fmsubadd213),
    FMA_PACKED("A8", "213", "VFMADD", fmadd213),
    FMA_SCALAR("A9", "213", "VFMADD", fmadd213),
    FMA_PACKED("AA", "213", "VFMSUB", fmsub213),
    FMA_SCALAR("AB", "213", "VFMSUB", fmsub213),
    FMA_PACKED("AC", "213", "VFNMADD", fnmadd213),
    FMA_SCALAR("AD", "213", "VFNMADD", fnmadd213),
    FMA_PACKED("AE", "213", "VFNMSUB", fnmsub213),
    FMA_SCALAR("AF", "213", "VFNMSUB", fnmsub213),
    FMA_PACKED("B6", "231", "VFMADDSUB", fmaddsub231),
    FMA_PACKED("B7", "231", "VFMSUBADD", fmsubadd231),
    FMA_PACKED("B8", "231", "VFMADD", fmadd231),
    FMA_SCALAR("B9", "231", "VFMADD", fmadd231),
    FMA_PACKED("BA", "231", "VFMSUB", fmsub231),
    FMA_SCALAR("BB", "231", "VFMSUB", fmsub231),
    FMA_PACKED("BC", "231", "VFNMADD", fnmadd231),
    FMA_SCALAR("BD", "231", "VFNMADD", fnmadd231),
    FMA_PACKED("BE", "231", "VFNMSUB", fnmsub231),
    FMA_SCALAR("BF", "231", "VFNMSUB", fnmsub231),
    { 0 },
};
