/* SPDX-License-Identifier: MIT */
/* What the fallbacks of SIMD floating point share: the environment from MXCSR and back. */
#ifndef TENON_X86_FALLBACK_FP_H
#define TENON_X86_FALLBACK_FP_H

#include "fallback.h"
#include "mxcsr.h"

static inline SfEnv fp_begin(TnCpu *cpu)
{
    uint32_t mxcsr = x86_state(cpu)->mxcsr;

    return (SfEnv){ .rounding = mxcsr >> MXCSR_RC_SHIFT & 3, .daz = mxcsr & MXCSR_DAZ,
                    .ftz = mxcsr & MXCSR_FTZ,
                    .unmasked = ~mxcsr >> MXCSR_MASKS_SHIFT & MXCSR_FLAGS };
}

/*
 * An exception found before rounding (IE DE ZE) that is unmasked keeps those found after it, in
 * whichever lane, from being reported (SDM vol. 1, 11.5.3).
 */
static inline void fp_end(TnCpu *cpu, const SfEnv *e)
{
    uint8_t before_rounding = SF_IE | SF_DE | SF_ZE;
    bool stopped = e->flags & e->unmasked & before_rounding;

    x86_state(cpu)->mxcsr |= stopped ? e->flags & before_rounding : e->flags;
}

/* Lanes of a format: the field of X86Ymm that holds its bits. */
#define FIELD_ps u32
#define FIELD_pd u64
#define FIELD_ss u32
#define FIELD_sd u64
#define FORMAT_ps (&sf_f32)
#define FORMAT_pd (&sf_f64)
#define FORMAT_ss (&sf_f32)
#define FORMAT_sd (&sf_f64)

/* Packed lanes: expr computes lane i under env e; F is the format, FIELD_ its field. */
#define FP_LANES(name, kind, n, expr) \
    FALLBACK(name) \
    { \
        SfEnv e = fp_begin(cpu); \
        const SfFormat *f = FORMAT_##kind; \
        (void)f; \
        for (unsigned i = 0; i < (n); i++) \
            D->FIELD_##kind[i] = (expr); \
        fp_end(cpu, &e); \
    }

/* The lowest lane; the others come from a. */
#define FP_SCALAR(name, kind, expr) \
    FALLBACK(name) \
    { \
        SfEnv e = fp_begin(cpu); \
        const SfFormat *f = FORMAT_##kind; \
        (void)f; \
        enum { i = 0 }; \
        *D = *A; \
        D->FIELD_##kind[0] = (expr); \
        fp_end(cpu, &e); \
    }

#endif
