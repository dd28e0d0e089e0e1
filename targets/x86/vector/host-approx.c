/* SPDX-License-Identifier: MIT */
/* See host-approx.h. */
#include "host-approx.h"

#if defined(__x86_64__)

#include <immintrin.h>

uint32_t host_approx_rcp(uint32_t v)
{
    return (uint32_t)_mm_cvtsi128_si32(
        _mm_castps_si128(_mm_rcp_ss(_mm_castsi128_ps(_mm_cvtsi32_si128((int)v)))));
}

uint32_t host_approx_rsqrt(uint32_t v)
{
    return (uint32_t)_mm_cvtsi128_si32(
        _mm_castps_si128(_mm_rsqrt_ss(_mm_castsi128_ps(_mm_cvtsi32_si128((int)v)))));
}

#else

#include "softfloat.h"

enum { F32_ONE = 0x3f800000 };

/* Denormals count as zero and tiny results become zero, whatever MXCSR says. */
static SfEnv approx_env(void)
{
    return (SfEnv){ .rounding = SF_NEAREST, .daz = true, .ftz = true };
}

uint32_t host_approx_rcp(uint32_t v)
{
    SfEnv e = approx_env();

    return (uint32_t)sf_div(&e, &sf_f32, F32_ONE, v);
}

uint32_t host_approx_rsqrt(uint32_t v)
{
    SfEnv e = approx_env();

    return (uint32_t)sf_div(&e, &sf_f32, F32_ONE, sf_sqrt(&e, &sf_f32, v));
}

#endif
