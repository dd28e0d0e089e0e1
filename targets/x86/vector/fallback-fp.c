/* SPDX-License-Identifier: MIT */
/*
 * Fallbacks: SIMD floating-point arithmetic and comparisons (SDM vol. 1, ch. 10, 11, 14), on
 * softfloat.h under the guest's MXCSR.
 */
#include "fallback-fp.h"

#include "host-approx.h"

/* One operation in its four forms. 256-bit lanes are the same with twice the number. */
#define FP_FORMS(op, on_ps, on_pd) \
    FP_LANES(op##ps, ps, 4, on_ps) \
    FP_LANES(op##ps_y, ps, 8, on_ps) \
    FP_LANES(op##pd, pd, 2, on_pd) \
    FP_LANES(op##pd_y, pd, 4, on_pd) \
    FP_SCALAR(op##ss, ss, on_ps) \
    FP_SCALAR(op##sd, sd, on_pd)

#define FP_BINARY(op) \
    FP_FORMS(op, (uint32_t)sf_##op(&e, f, A->u32[i], B->u32[i]), \
             sf_##op(&e, f, A->u64[i], B->u64[i]))

FP_BINARY(add)
FP_BINARY(sub)
FP_BINARY(mul)
FP_BINARY(div)
FP_BINARY(min)
FP_BINARY(max)
FP_FORMS(sqrt, (uint32_t)sf_sqrt(&e, f, B->u32[i]), sf_sqrt(&e, f, B->u64[i]))

/* The 32 predicates of CMPPD: which orders give true, and whether a quiet NaN is invalid. */
enum { LT = 1 << SF_LESS, EQ = 1 << SF_EQUAL, GT = 1 << SF_GREATER, UN = 1 << SF_UNORDERED };
static const uint8_t predicate_orders[16] = {
    EQ, LT, LT | EQ, UN, LT | GT | UN, EQ | GT | UN, GT | UN, LT | EQ | GT,
    EQ | UN, LT | UN, LT | EQ | UN, 0, LT | GT, EQ | GT, GT, LT | EQ | GT | UN,
};
/* LT LE NLT NLE NGE NGT GE GT signal; numbers 16..31 are their opposites in that. */
enum { SIGNALING_PREDICATES = 0x6666 };

static uint64_t compare(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b, uint32_t imm8)
{
    unsigned predicate = imm8 & 15;
    bool signaling = (SIGNALING_PREDICATES >> predicate & 1) != (imm8 >> 4 & 1);

    return predicate_orders[predicate] >> sf_compare(e, f, a, b, signaling) & 1 ? UINT64_MAX : 0;
}

FP_FORMS(cmp, (uint32_t)compare(&e, f, A->u32[i], B->u32[i], imm8),
         compare(&e, f, A->u64[i], B->u64[i], imm8))

/* ROUNDxx: bits 0..1 rounding unless bit 2 asks for MXCSR's; bit 3 keeps PE. */
static uint64_t round_imm(SfEnv *e, const SfFormat *f, uint64_t v, uint32_t imm8)
{
    return sf_round(e, f, v, imm8 & 4 ? e->rounding : imm8 & 3, imm8 & 8);
}

FP_FORMS(round, (uint32_t)round_imm(&e, f, B->u32[i], imm8), round_imm(&e, f, B->u64[i], imm8))

/* Odd lanes add, even lanes subtract. */
#define ADDSUB(field) (i & 1 ? sf_add : sf_sub)(&e, f, A->field[i], B->field[i])
FP_LANES(addsubps, ps, 4, (uint32_t)ADDSUB(u32))
FP_LANES(addsubps_y, ps, 8, (uint32_t)ADDSUB(u32))
FP_LANES(addsubpd, pd, 2, ADDSUB(u64))
FP_LANES(addsubpd_y, pd, 4, ADDSUB(u64))

/* Pairs of a, then pairs of b, in each 128-bit lane. */
#define PAIR_PS(op) \
    (uint32_t)op(&e, f, (i & 2 ? B : A)->u32[(i & 4) + (i & 1) * 2], \
                 (i & 2 ? B : A)->u32[(i & 4) + (i & 1) * 2 + 1])
#define PAIR_PD(op) op(&e, f, (i & 1 ? B : A)->u64[i & 2], (i & 1 ? B : A)->u64[(i & 2) + 1])
FP_LANES(haddps, ps, 4, PAIR_PS(sf_add))
FP_LANES(haddps_y, ps, 8, PAIR_PS(sf_add))
FP_LANES(haddpd, pd, 2, PAIR_PD(sf_add))
FP_LANES(haddpd_y, pd, 4, PAIR_PD(sf_add))
FP_LANES(hsubps, ps, 4, PAIR_PS(sf_sub))
FP_LANES(hsubps_y, ps, 8, PAIR_PS(sf_sub))
FP_LANES(hsubpd, pd, 2, PAIR_PD(sf_sub))
FP_LANES(hsubpd_y, pd, 4, PAIR_PD(sf_sub))

/* Ends a step of a dot product; true where an unmasked exception ends the instruction with it. */
static bool end_step(TnCpu *cpu, SfEnv *e)
{
    bool stop = e->flags & e->unmasked;

    fp_end(cpu, e);
    e->flags = 0;
    return stop;
}

/*
 * Products selected by imm8[7:4], summed in pairs, given to the elements of imm8[3:0]. Each element
 * has a sum of its own, as processors do it: which of several NaNs comes out depends on the order.
 */
static void dot_ps(TnCpu *cpu, uint32_t *d, const uint32_t *x, const uint32_t *y, uint32_t imm8,
                   unsigned n)
{
    SfEnv e = fp_begin(cpu);
    uint64_t p[8] = { 0 }, pairs[8];

    for (unsigned i = 0; i < n; i++)
        if (imm8 >> (4 + i % 4) & 1)
            p[i] = sf_mul(&e, &sf_f32, x[i], y[i]);
    if (end_step(cpu, &e))
        return;
    for (unsigned i = 0; i < n; i++)
        pairs[i] = sf_add(&e, &sf_f32, p[i ^ 1], p[i]);
    if (end_step(cpu, &e))
        return;
    for (unsigned i = 0; i < n; i++) {
        uint32_t sum = (uint32_t)sf_add(&e, &sf_f32, pairs[i], pairs[i ^ 2]);
        d[i] = imm8 >> i % 4 & 1 ? sum : 0;
    }
    fp_end(cpu, &e);
}

FALLBACK(dpps)
{
    dot_ps(cpu, D->u32, A->u32, B->u32, imm8, 4);
}

FALLBACK(dpps_y)
{
    dot_ps(cpu, D->u32, A->u32, B->u32, imm8, 8);
}

FALLBACK(dppd)
{
    SfEnv e = fp_begin(cpu);
    uint64_t p[2] = { 0 };

    for (unsigned i = 0; i < 2; i++)
        if (imm8 >> (4 + i) & 1)
            p[i] = sf_mul(&e, &sf_f64, A->u64[i], B->u64[i]);
    if (end_step(cpu, &e))
        return;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t sum = sf_add(&e, &sf_f64, p[i], p[i ^ 1]);
        D->u64[i] = imm8 >> i & 1 ? sum : 0;
    }
    fp_end(cpu, &e);
}

/* (U)COMISx: ZF PF CF tell the order; OF SF AF are clear. */
static uint64_t compare_flags(TnCpu *cpu, const SfFormat *f, uint64_t a, uint64_t b, bool signaling)
{
    static const uint8_t flags[] = {
        [SF_LESS] = TN_FLAG_C, [SF_EQUAL] = TN_FLAG_Z, [SF_GREATER] = 0,
        [SF_UNORDERED] = TN_FLAG_Z | TN_FLAG_P | TN_FLAG_C,
    };
    SfEnv e = fp_begin(cpu);
    SfOrder order = sf_compare(&e, f, a, b, signaling);

    fp_end(cpu, &e);
    return flags[order];
}

FALLBACK(ucomiss)
{
    D->u64[0] = compare_flags(cpu, &sf_f32, A->u32[0], B->u32[0], false);
}

FALLBACK(ucomisd)
{
    D->u64[0] = compare_flags(cpu, &sf_f64, A->u64[0], B->u64[0], false);
}

FALLBACK(comiss)
{
    D->u64[0] = compare_flags(cpu, &sf_f32, A->u32[0], B->u32[0], true);
}

FALLBACK(comisd)
{
    D->u64[0] = compare_flags(cpu, &sf_f64, A->u64[0], B->u64[0], true);
}

/* The approximations touch no flag. */
LANES(rcpps, 8, u32, host_approx_rcp(B->u32[i]))
LANES(rsqrtps, 8, u32, host_approx_rsqrt(B->u32[i]))

FALLBACK(rcpss)
{
    *D = *A;
    D->u32[0] = host_approx_rcp(B->u32[0]);
}

FALLBACK(rsqrtss)
{
    *D = *A;
    D->u32[0] = host_approx_rsqrt(B->u32[0]);
}
