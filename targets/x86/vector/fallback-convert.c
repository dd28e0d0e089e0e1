/* SPDX-License-Identifier: MIT */
/*
 * Fallbacks: conversions between integers and the floating-point formats (SDM vol. 1, 11.4.1.6,
 * 14.4). Integers that do not fit give the integer indefinite and IE.
 */
#include "fallback-fp.h"

FP_LANES(cvtdq2ps, ps, 4, (uint32_t)sf_from_int(&e, f, (int32_t)B->u32[i]))
FP_LANES(cvtdq2ps_y, ps, 8, (uint32_t)sf_from_int(&e, f, (int32_t)B->u32[i]))
FP_LANES(cvtdq2pd, pd, 2, sf_from_int(&e, f, (int32_t)B->u32[i]))
FP_LANES(cvtdq2pd_y, pd, 4, sf_from_int(&e, f, (int32_t)B->u32[i]))

/* To dwords; the upper half stays zero where the source has quadwords. */
#define TO_DWORDS(name, n, field, format, mode) \
    FP_LANES(name, ps, n, (uint32_t)sf_to_int(&e, format, B->field[i], 32, mode))
TO_DWORDS(cvtps2dq, 4, u32, &sf_f32, e.rounding)
TO_DWORDS(cvtps2dq_y, 8, u32, &sf_f32, e.rounding)
TO_DWORDS(cvttps2dq, 4, u32, &sf_f32, SF_ZERO)
TO_DWORDS(cvttps2dq_y, 8, u32, &sf_f32, SF_ZERO)
TO_DWORDS(cvtpd2dq, 2, u64, &sf_f64, e.rounding)
TO_DWORDS(cvtpd2dq_y, 4, u64, &sf_f64, e.rounding)
TO_DWORDS(cvttpd2dq, 2, u64, &sf_f64, SF_ZERO)
TO_DWORDS(cvttpd2dq_y, 4, u64, &sf_f64, SF_ZERO)

FP_LANES(cvtps2pd, pd, 2, sf_convert(&e, &sf_f32, &sf_f64, B->u32[i]))
FP_LANES(cvtps2pd_y, pd, 4, sf_convert(&e, &sf_f32, &sf_f64, B->u32[i]))
FP_LANES(cvtpd2ps, ps, 2, (uint32_t)sf_convert(&e, &sf_f64, &sf_f32, B->u64[i]))
FP_LANES(cvtpd2ps_y, ps, 4, (uint32_t)sf_convert(&e, &sf_f64, &sf_f32, B->u64[i]))
FP_SCALAR(cvtss2sd, sd, sf_convert(&e, &sf_f32, &sf_f64, B->u32[0]))
FP_SCALAR(cvtsd2ss, ss, (uint32_t)sf_convert(&e, &sf_f64, &sf_f32, B->u64[0]))

FP_SCALAR(cvtsi2ss, ss, (uint32_t)sf_from_int(&e, f, (int32_t)B->u32[0]))
FP_SCALAR(cvtsi2ss_q, ss, (uint32_t)sf_from_int(&e, f, (int64_t)B->u64[0]))
FP_SCALAR(cvtsi2sd, sd, sf_from_int(&e, f, (int32_t)B->u32[0]))
FP_SCALAR(cvtsi2sd_q, sd, sf_from_int(&e, f, (int64_t)B->u64[0]))

/* To a general register: a 32-bit result is zero-extended. */
#define TO_REGISTER(name, field, format, bits, mode) \
    FP_LANES(name, pd, 1, sf_to_int(&e, format, B->field[0], bits, mode))
TO_REGISTER(cvtss2si, u32, &sf_f32, 32, e.rounding)
TO_REGISTER(cvtss2si_q, u32, &sf_f32, 64, e.rounding)
TO_REGISTER(cvttss2si, u32, &sf_f32, 32, SF_ZERO)
TO_REGISTER(cvttss2si_q, u32, &sf_f32, 64, SF_ZERO)
TO_REGISTER(cvtsd2si, u64, &sf_f64, 32, e.rounding)
TO_REGISTER(cvtsd2si_q, u64, &sf_f64, 64, e.rounding)
TO_REGISTER(cvttsd2si, u64, &sf_f64, 32, SF_ZERO)
TO_REGISTER(cvttsd2si_q, u64, &sf_f64, 64, SF_ZERO)

/* Half-precision denormals are neither flagged nor flushed (SDM vol. 1, 14.4.1). */
static void from_half(TnCpu *cpu, X86Ymm *d, const X86Ymm *b, unsigned n)
{
    SfEnv e = fp_begin(cpu);

    e.daz = false;
    for (unsigned i = 0; i < n; i++) {
        SfEnv lane = e;
        d->u32[i] = (uint32_t)sf_convert(&lane, &sf_f16, &sf_f32, b->u16[i]);
        e.flags |= lane.flags & ~SF_DE;
    }
    fp_end(cpu, &e);
}

FALLBACK(cvtph2ps)
{
    from_half(cpu, D, B, 4);
}

FALLBACK(cvtph2ps_y)
{
    from_half(cpu, D, B, 8);
}

/* Rounding by imm8 unless its bit 2 asks for MXCSR's; FTZ does not apply, and processors report
 * PE by the masked response also where OE or UE is unmasked. */
static void to_half(TnCpu *cpu, X86Ymm *d, const X86Ymm *b, unsigned n, uint32_t imm8)
{
    SfEnv e = fp_begin(cpu);

    e.ftz = false;
    e.masked_pe = true;
    if (!(imm8 & 4))
        e.rounding = imm8 & 3;
    for (unsigned i = 0; i < n; i++)
        d->u16[i] = (uint16_t)sf_convert(&e, &sf_f32, &sf_f16, b->u32[i]);
    fp_end(cpu, &e);
}

FALLBACK(cvtps2ph)
{
    to_half(cpu, D, B, 4, imm8);
}

FALLBACK(cvtps2ph_y)
{
    to_half(cpu, D, B, 8, imm8);
}
