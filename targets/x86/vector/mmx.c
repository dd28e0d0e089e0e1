/* SPDX-License-Identifier: MIT */
/*
 * Rows of the MMX instructions, those that SSE to SSSE3 added and conversions between the register
 * files included (Intel SDM vol. 1, ch. 9, vol. 2).
 *
 * An MMX register is read into the low half of a zeroed XMM value; most instructions are then the
 * XMM one, and what their upper half computes is dropped. Every instruction but EMMS leaves TOP 0
 * and all tags valid (SDM vol. 1, 9.5), and waits for pending x87 exceptions first.
 */
#include "vector.h"

enum {
    MMX_HIGH = 1u << 0,  /* the result is the high half of the XMM result */
    MMX_JOIN = 1u << 1,  /* the XMM instruction gets both sources in one operand */
    MMX_ONE = 1u << 2,   /* the destination is not a source */
    MMX_GROUP = 1u << 3, /* shift by an immediate */
};

/* Before anything else: #MF of an earlier x87 instruction; the registers come into the state. */
static void gen_wait(X86Ctx *c)
{
    if (x86_x87_lives(c))
        tn_ir_hostx(c->b, TN_I32, (TnHostX){ .kind = TN_HX_SYNC }, TN_TEMP_NONE, 0);
    else
        tn_ir_call_void(c->b, X86_HELPER_x87_wait, 0, 0, 0, 0);
}

/* After the last operation that can fault. */
static void gen_enter(X86Ctx *c)
{
    TnTemp zero = tn_ir_const(c->b, TN_I32, 0);

    tn_ir_stenv(c->b, TN_I8, offsetof(X86State, ftop), zero);
    tn_ir_stenv(c->b, TN_I8, offsetof(X86State, ftag_empty), zero);
}

static void write_mmx(X86Ctx *c, TnTemp value)
{
    gen_enter(c);
    x86_write_vec(c, 0, 8, value);
}

/* Two quadwords in one XMM value (PUNPCKLQDQ). */
static TnTemp join(X86Ctx *c, TnTemp low, TnTemp high)
{
    static const TnHostForm form = { .opcode = 0x6c, .map = 1, .pp = 1 };

    return tn_ir_hostv(c->b, TN_V128, form, X86_FB_punpcklqdq, low, high, TN_TEMP_NONE);
}

static TnTemp gen_shift(X86Ctx *c)
{
    TnHostForm form = { .opcode = c->opcode, .map = 1, .pp = 1, .imm8 = (uint8_t)c->op[1].imm,
                        .flags = TN_HF_GROUP | TN_HF_IMM8, .ext = c->modrm >> 3 & 7 };

    return tn_ir_hostv(c->b, TN_V128, form, c->row->helper, TN_TEMP_NONE, x86_read_vec(c, 0, 8),
                       TN_TEMP_NONE);
}

/* The XMM instruction of the same opcode with a 66 prefix; PUNPCKH is PUNPCKL with bit 3 set. */
static TnTemp gen_binary(X86Ctx *c)
{
    uint32_t arg = c->row->arg;
    unsigned opcode = arg & MMX_HIGH ? c->opcode & ~8u : c->opcode;
    TnTemp b = x86_read_vec(c, 1, c->op[1].size), a = TN_TEMP_NONE;

    if (!(arg & MMX_ONE))
        a = x86_read_vec(c, 0, 8);
    if (arg & MMX_JOIN)
        a = b = join(c, a, b);
    return x86_vec_op(c, 1, c->map, opcode, c->row->helper, a, b);
}

static void gen_mmx(X86Ctx *c)
{
    enum { PSHUFD = 0x70, HIGH_TO_LOW = 0xee };
    TnTemp value;

    gen_wait(c);
    value = c->row->arg & MMX_GROUP ? gen_shift(c) : gen_binary(c);
    if (c->row->arg & MMX_HIGH)
        value = x86_vec_op_imm(c, 1, 1, PSHUFD, X86_FB_pshufd, TN_TEMP_NONE, value, HIGH_TO_LOW);
    write_mmx(c, value);
}

/* ---- Moves ------------------------------------------------------------------------------ */

/* MOVD/MOVQ mm, r/m */
static void gen_movd_in(X86Ctx *c)
{
    gen_wait(c);
    write_mmx(c, x86_vec_from_int(c, x86_read(c, 1), c->op[1].size));
}

/* MOVD/MOVQ r/m, mm */
static void gen_movd_out(X86Ctx *c)
{
    gen_wait(c);
    x86_write(c, 0, x86_vec_to_int(c, x86_read_vec(c, 1, 8), c->op[0].size));
    gen_enter(c);
}

/* MOVQ mm/m64, mm/m64; MOVNTQ */
static void gen_move(X86Ctx *c)
{
    gen_wait(c);
    x86_write_vec(c, 0, 8, x86_read_vec(c, 1, 8));
    gen_enter(c);
}

static void gen_movq2dq(X86Ctx *c)
{
    gen_wait(c);
    x86_write_vec(c, 0, 16, x86_read_vec(c, 1, 8));
    gen_enter(c);
}

static void gen_movdq2q(X86Ctx *c)
{
    gen_wait(c);
    write_mmx(c, x86_read_vec(c, 1, 16));
}

static void gen_emms(X86Ctx *c)
{
    gen_wait(c);
    gen_enter(c);
    tn_ir_stenv(c->b, TN_I8, offsetof(X86State, ftag_empty), tn_ir_const(c->b, TN_I32, 0xff));
}

static void gen_maskmovq(X86Ctx *c)
{
    gen_wait(c);
    x86_gen_maskmov(c, x86_read_vec(c, 0, 8), x86_read_vec(c, 1, 8), 8);
    gen_enter(c);
}

/* ---- What differs from the XMM instruction ---------------------------------------------- */

/* PSHUFLW xmm, xmm, imm8 */
static void gen_pshufw(X86Ctx *c)
{
    gen_wait(c);
    write_mmx(c, x86_vec_op_imm(c, 3, 1, 0x70, X86_FB_pshuflw, TN_TEMP_NONE, x86_read_vec(c, 1, 8),
                                (uint8_t)c->op[2].imm));
}

/* PINSRW xmm, r32, imm8 */
static void gen_pinsrw(X86Ctx *c)
{
    TnHostForm form = { .opcode = 0xc4, .map = 1, .pp = 1, .imm8 = c->op[2].imm & 3,
                        .flags = TN_HF_B_INT | TN_HF_IMM8 };

    gen_wait(c);
    TnTemp value = x86_read(c, 1);
    write_mmx(c, tn_ir_hostv(c->b, TN_V128, form, X86_FB_pinsrw, x86_read_vec(c, 0, 8), value,
                             TN_TEMP_NONE));
}

static void write_int(X86Ctx *c, TnHostForm form, unsigned helper)
{
    form.flags |= TN_HF_DST_INT;
    gen_wait(c);
    x86_write(c, 0, tn_ir_hostv(c->b, TN_I32, form, helper, TN_TEMP_NONE, x86_read_vec(c, 1, 8),
                                TN_TEMP_NONE));
    gen_enter(c);
}

/* PEXTRW r32, xmm, imm8 */
static void gen_pextrw(X86Ctx *c)
{
    write_int(c, (TnHostForm){ .opcode = 0xc5, .map = 1, .pp = 1, .imm8 = c->op[2].imm & 3,
                               .flags = TN_HF_IMM8 }, X86_FB_pextrw);
}

/* PMOVMSKB r32, xmm */
static void gen_pmovmskb(X86Ctx *c)
{
    write_int(c, (TnHostForm){ .opcode = 0xd7, .map = 1, .pp = 1 }, X86_FB_pmovmskb);
}

/* Three bits of index instead of four: PAND, PSHUFB. */
static void gen_pshufb(X86Ctx *c)
{
    const uint64_t index_bits = 0x8787878787878787;

    gen_wait(c);
    TnTemp control = x86_read_vec(c, 1, 8);
    TnTemp bits = x86_vec_from_int(c, x86_const(c, index_bits), 8);
    control = x86_vec_op(c, 1, 1, 0xdb, X86_FB_pand, control, bits);
    write_mmx(c, x86_vec_op(c, 1, 2, 0x00, X86_FB_pshufb, x86_read_vec(c, 0, 8), control));
}

/* Both sources joined, shifted right as a whole (PSRLDQ). */
static void gen_palignr(X86Ctx *c)
{
    TnHostForm form = { .opcode = 0x73, .map = 1, .pp = 1, .imm8 = (uint8_t)c->op[2].imm,
                        .flags = TN_HF_GROUP | TN_HF_IMM8, .ext = 3 };

    gen_wait(c);
    TnTemp low = x86_read_vec(c, 1, 8), both = join(c, low, x86_read_vec(c, 0, 8));
    write_mmx(c, tn_ir_hostv(c->b, TN_V128, form, X86_FB_psrldq, TN_TEMP_NONE, both,
                             TN_TEMP_NONE));
}

/* ---- Conversions ------------------------------------------------------------------------ */

/* From memory, CVTPI2PS and CVTPI2PD do not enter MMX mode. */


/* CVTDQ2PS of the zero-extended source, its low half merged into the destination (MOVSD). */
static void gen_cvtpi2ps(X86Ctx *c)
{
    bool mmx = c->op[1].kind == OPERAND_MMX;

    if (mmx)
        gen_wait(c);
    TnTemp value = x86_vec_op(c, 0, 1, 0x5b, c->row->helper, TN_TEMP_NONE, x86_read_vec(c, 1, 8));
    TnHostForm merge = { .opcode = 0x10, .map = 1, .pp = 3 };
    value = tn_ir_hostv(c->b, TN_V128, merge, X86_FB_movsd, x86_read_vec(c, 0, 16), value,
                        TN_TEMP_NONE);
    if (mmx)
        gen_enter(c);
    x86_write_vec(c, 0, 16, value);
}

/* CVTDQ2PD */
static void gen_cvtpi2pd(X86Ctx *c)
{
    bool mmx = c->op[1].kind == OPERAND_MMX;

    if (mmx)
        gen_wait(c);
    TnTemp value = x86_vec_op(c, 2, 1, 0xe6, c->row->helper, TN_TEMP_NONE, x86_read_vec(c, 1, 8));
    if (mmx)
        gen_enter(c);
    x86_write_vec(c, 0, 16, value);
}

/* CVT(T)PS2DQ, CVT(T)PD2DQ; only the low two of four singles count. */
static void gen_cvt2pi(X86Ctx *c)
{
    bool from_ps = c->row->pattern[0] == 'N', truncate = c->opcode == 0x2c;
    TnTemp value;

    gen_wait(c);
    value = x86_read_vec(c, 1, c->op[1].size);
    if (from_ps) {
        if (c->op[1].kind == OPERAND_VEC)
            value = tn_ir_hostv(c->b, TN_V128, (TnHostForm){ .opcode = 0x7e, .map = 1, .pp = 2 },
                                X86_FB_movq, TN_TEMP_NONE, value, TN_TEMP_NONE);
        value = x86_vec_op(c, truncate ? 2 : 1, 1, 0x5b, c->row->helper, TN_TEMP_NONE, value);
    } else {
        value = x86_vec_op(c, truncate ? 1 : 3, 1, 0xe6, c->row->helper, TN_TEMP_NONE, value);
    }
    write_mmx(c, value);
}

#define MMX(pattern, operands, feature, fallback, arg) \
    { pattern, operands, gen_mmx, ROW_MMX, X86_FEATURE_##feature, X86_FB_##fallback, arg }
#define MMX_BY(pattern, operands, feature, gen) \
    { pattern, operands, gen, ROW_MMX, X86_FEATURE_##feature, 0, 0 }
#define CVT(pattern, operands, feature, gen, fallback) \
    { pattern, operands, gen, ROW_MMX | ROW_SSE | ROW_FP | ROW_ALIGN, X86_FEATURE_##feature, \
      X86_FB_##fallback, 0 }

const X86Row x86_rows_mmx[] = {
    /* Moves */
    MMX_BY("NP 0F 6E /r", "MOVD Pq Ey", MMX, gen_movd_in),
    MMX_BY("NP 0F 7E /r", "MOVD Ey Pq", MMX, gen_movd_out),
    MMX_BY("NP 0F 6F /r", "MOVQ Pq Qq", MMX, gen_move),
    MMX_BY("NP 0F 7F /r", "MOVQ Qq Pq", MMX, gen_move),
    MMX_BY("NP 0F 77", "EMMS", MMX, gen_emms),
    MMX_BY("NP 0F E7 /rm", "MOVNTQ Mq Pq", SSE, gen_move),
    MMX_BY("NP 0F F7 /rr", "MASKMOVQ Pq Nq", SSE, gen_maskmovq),
    { "F3 0F D6 /rr", "MOVQ2DQ Vdq Nq", gen_movq2dq, ROW_MMX | ROW_SSE, X86_FEATURE_SSE2, 0, 0 },
    { "F2 0F D6 /rr", "MOVDQ2Q Pq Udq", gen_movdq2q, ROW_MMX | ROW_SSE, X86_FEATURE_SSE2, 0, 0 },

    /* Packed integers */
    MMX("NP 0F 60 /r", "PUNPCKLBW Pq Qq/d", MMX, punpcklbw, 0),
    MMX("NP 0F 61 /r", "PUNPCKLWD Pq Qq/d", MMX, punpcklwd, 0),
    MMX("NP 0F 62 /r", "PUNPCKLDQ Pq Qq/d", MMX, punpckldq, 0),
    MMX("NP 0F 68 /r", "PUNPCKHBW Pq Qq", MMX, punpcklbw, MMX_HIGH),
    MMX("NP 0F 69 /r", "PUNPCKHWD Pq Qq", MMX, punpcklwd, MMX_HIGH),
    MMX("NP 0F 6A /r", "PUNPCKHDQ Pq Qq", MMX, punpckldq, MMX_HIGH),
    MMX("NP 0F 63 /r", "PACKSSWB Pq Qq", MMX, packsswb, MMX_JOIN),
    MMX("NP 0F 67 /r", "PACKUSWB Pq Qq", MMX, packuswb, MMX_JOIN),
    MMX("NP 0F 6B /r", "PACKSSDW Pq Qq", MMX, packssdw, MMX_JOIN),
    MMX("NP 0F 64 /r", "PCMPGTB Pq Qq", MMX, pcmpgtb, 0),
    MMX("NP 0F 65 /r", "PCMPGTW Pq Qq", MMX, pcmpgtw, 0),
    MMX("NP 0F 66 /r", "PCMPGTD Pq Qq", MMX, pcmpgtd, 0),
    MMX("NP 0F 74 /r", "PCMPEQB Pq Qq", MMX, pcmpeqb, 0),
    MMX("NP 0F 75 /r", "PCMPEQW Pq Qq", MMX, pcmpeqw, 0),
    MMX("NP 0F 76 /r", "PCMPEQD Pq Qq", MMX, pcmpeqd, 0),
    MMX("NP 0F D1 /r", "PSRLW Pq Qq", MMX, psrlw, 0),
    MMX("NP 0F D2 /r", "PSRLD Pq Qq", MMX, psrld, 0),
    MMX("NP 0F D3 /r", "PSRLQ Pq Qq", MMX, psrlq, 0),
    MMX("NP 0F D5 /r", "PMULLW Pq Qq", MMX, pmullw, 0),
    MMX("NP 0F D8 /r", "PSUBUSB Pq Qq", MMX, psubusb, 0),
    MMX("NP 0F D9 /r", "PSUBUSW Pq Qq", MMX, psubusw, 0),
    MMX("NP 0F DB /r", "PAND Pq Qq", MMX, pand, 0),
    MMX("NP 0F DC /r", "PADDUSB Pq Qq", MMX, paddusb, 0),
    MMX("NP 0F DD /r", "PADDUSW Pq Qq", MMX, paddusw, 0),
    MMX("NP 0F DF /r", "PANDN Pq Qq", MMX, pandn, 0),
    MMX("NP 0F E1 /r", "PSRAW Pq Qq", MMX, psraw, 0),
    MMX("NP 0F E2 /r", "PSRAD Pq Qq", MMX, psrad, 0),
    MMX("NP 0F E5 /r", "PMULHW Pq Qq", MMX, pmulhw, 0),
    MMX("NP 0F E8 /r", "PSUBSB Pq Qq", MMX, psubsb, 0),
    MMX("NP 0F E9 /r", "PSUBSW Pq Qq", MMX, psubsw, 0),
    MMX("NP 0F EB /r", "POR Pq Qq", MMX, por, 0),
    MMX("NP 0F EC /r", "PADDSB Pq Qq", MMX, paddsb, 0),
    MMX("NP 0F ED /r", "PADDSW Pq Qq", MMX, paddsw, 0),
    MMX("NP 0F EF /r", "PXOR Pq Qq", MMX, pxor, 0),
    MMX("NP 0F F1 /r", "PSLLW Pq Qq", MMX, psllw, 0),
    MMX("NP 0F F2 /r", "PSLLD Pq Qq", MMX, pslld, 0),
    MMX("NP 0F F3 /r", "PSLLQ Pq Qq", MMX, psllq, 0),
    MMX("NP 0F F5 /r", "PMADDWD Pq Qq", MMX, pmaddwd, 0),
    MMX("NP 0F F8 /r", "PSUBB Pq Qq", MMX, psubb, 0),
    MMX("NP 0F F9 /r", "PSUBW Pq Qq", MMX, psubw, 0),
    MMX("NP 0F FA /r", "PSUBD Pq Qq", MMX, psubd, 0),
    MMX("NP 0F FC /r", "PADDB Pq Qq", MMX, paddb, 0),
    MMX("NP 0F FD /r", "PADDW Pq Qq", MMX, paddw, 0),
    MMX("NP 0F FE /r", "PADDD Pq Qq", MMX, paddd, 0),
    MMX("NP 0F 71 /2:r ib", "PSRLW Nq Ib", MMX, psrlwi, MMX_GROUP),
    MMX("NP 0F 71 /4:r ib", "PSRAW Nq Ib", MMX, psrawi, MMX_GROUP),
    MMX("NP 0F 71 /6:r ib", "PSLLW Nq Ib", MMX, psllwi, MMX_GROUP),
    MMX("NP 0F 72 /2:r ib", "PSRLD Nq Ib", MMX, psrldi, MMX_GROUP),
    MMX("NP 0F 72 /4:r ib", "PSRAD Nq Ib", MMX, psradi, MMX_GROUP),
    MMX("NP 0F 72 /6:r ib", "PSLLD Nq Ib", MMX, pslldi, MMX_GROUP),
    MMX("NP 0F 73 /2:r ib", "PSRLQ Nq Ib", MMX, psrlqi, MMX_GROUP),
    MMX("NP 0F 73 /6:r ib", "PSLLQ Nq Ib", MMX, psllqi, MMX_GROUP),
    MMX("NP 0F DA /r", "PMINUB Pq Qq", SSE, pminub, 0),
    MMX("NP 0F DE /r", "PMAXUB Pq Qq", SSE, pmaxub, 0),
    MMX("NP 0F E0 /r", "PAVGB Pq Qq", SSE, pavgb, 0),
    MMX("NP 0F E3 /r", "PAVGW Pq Qq", SSE, pavgw, 0),
    MMX("NP 0F E4 /r", "PMULHUW Pq Qq", SSE, pmulhuw, 0),
    MMX("NP 0F EA /r", "PMINSW Pq Qq", SSE, pminsw, 0),
    MMX("NP 0F EE /r", "PMAXSW Pq Qq", SSE, pmaxsw, 0),
    MMX("NP 0F F6 /r", "PSADBW Pq Qq", SSE, psadbw, 0),
    MMX_BY("NP 0F 70 /r ib", "PSHUFW Pq Qq Ib", SSE, gen_pshufw),
    MMX_BY("NP 0F C4 /r ib", "PINSRW Pq Ed/w Ib", SSE, gen_pinsrw),
    MMX_BY("NP 0F C5 /rr ib", "PEXTRW Gd Nq Ib", SSE, gen_pextrw),
    MMX_BY("NP 0F D7 /rr", "PMOVMSKB Gd Nq", SSE, gen_pmovmskb),
    MMX("NP 0F D4 /r", "PADDQ Pq Qq", SSE2, paddq, 0),
    MMX("NP 0F F4 /r", "PMULUDQ Pq Qq", SSE2, pmuludq, 0),
    MMX("NP 0F FB /r", "PSUBQ Pq Qq", SSE2, psubq, 0),
    MMX_BY("NP 0F 38 00 /r", "PSHUFB Pq Qq", SSSE3, gen_pshufb),
    MMX("NP 0F 38 01 /r", "PHADDW Pq Qq", SSSE3, phaddw, MMX_JOIN),
    MMX("NP 0F 38 02 /r", "PHADDD Pq Qq", SSSE3, phaddd, MMX_JOIN),
    MMX("NP 0F 38 03 /r", "PHADDSW Pq Qq", SSSE3, phaddsw, MMX_JOIN),
    MMX("NP 0F 38 05 /r", "PHSUBW Pq Qq", SSSE3, phsubw, MMX_JOIN),
    MMX("NP 0F 38 06 /r", "PHSUBD Pq Qq", SSSE3, phsubd, MMX_JOIN),
    MMX("NP 0F 38 07 /r", "PHSUBSW Pq Qq", SSSE3, phsubsw, MMX_JOIN),
    MMX("NP 0F 38 04 /r", "PMADDUBSW Pq Qq", SSSE3, pmaddubsw, 0),
    MMX("NP 0F 38 08 /r", "PSIGNB Pq Qq", SSSE3, psignb, 0),
    MMX("NP 0F 38 09 /r", "PSIGNW Pq Qq", SSSE3, psignw, 0),
    MMX("NP 0F 38 0A /r", "PSIGND Pq Qq", SSSE3, psignd, 0),
    MMX("NP 0F 38 0B /r", "PMULHRSW Pq Qq", SSSE3, pmulhrsw, 0),
    MMX("NP 0F 38 1C /r", "PABSB Pq Qq", SSSE3, pabsb, MMX_ONE),
    MMX("NP 0F 38 1D /r", "PABSW Pq Qq", SSSE3, pabsw, MMX_ONE),
    MMX("NP 0F 38 1E /r", "PABSD Pq Qq", SSSE3, pabsd, MMX_ONE),
    MMX_BY("NP 0F 3A 0F /r ib", "PALIGNR Pq Qq Ib", SSSE3, gen_palignr),

    /* Conversions */
    CVT("NP 0F 2A /r", "CVTPI2PS Vdq Qq", SSE, gen_cvtpi2ps, cvtdq2ps),
    CVT("66 0F 2A /r", "CVTPI2PD Vdq Qq", SSE2, gen_cvtpi2pd, cvtdq2pd),
    CVT("NP 0F 2C /r", "CVTTPS2PI Pq Wdq/q", SSE, gen_cvt2pi, cvttps2dq),
    CVT("NP 0F 2D /r", "CVTPS2PI Pq Wdq/q", SSE, gen_cvt2pi, cvtps2dq),
    CVT("66 0F 2C /r", "CVTTPD2PI Pq Wdq", SSE2, gen_cvt2pi, cvttpd2dq),
    CVT("66 0F 2D /r", "CVTPD2PI Pq Wdq", SSE2, gen_cvt2pi, cvtpd2dq),
    { 0 },
};
