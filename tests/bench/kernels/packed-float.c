/* SPDX-License-Identifier: MIT */
/* Packed floating point with SSE, SSE2, AVX and FMA. */
#include "bench.h"

#include <immintrin.h>

enum { LENGTH = 1024 };

static float singles[3][LENGTH] __attribute__((aligned(32)));
static double doubles[3][LENGTH] __attribute__((aligned(32)));

static void prepare(void)
{
    for (uint32_t i = 0; i < LENGTH; i++) {
        for (uint32_t k = 0; k < 3; k++) {
            singles[k][i] = (float)(i % 97 + k) * 0.25f;
            doubles[k][i] = (double)(i % 89 + k) * 0.125;
        }
    }
}

BENCH(sse_single, "packed-float/sse-single", 30000000, 0, "SSE arithmetic in registers")
{
    __m128 a = _mm_set_ps(1, 2, 3, 4), b = _mm_set_ps(0.5f, 0.25f, 0.125f, 1);
    const __m128 c = _mm_set_ps(0.999f, 0.998f, 0.997f, 0.996f), d = _mm_set1_ps(0.0001f);
    float out[4];

    for (uint64_t i = 0; i < count; i++) {
        a = _mm_add_ps(_mm_mul_ps(a, c), b);
        b = _mm_add_ps(_mm_mul_ps(b, c), _mm_mul_ps(a, d));
        b = _mm_min_ps(b, _mm_set1_ps(2.0f));
    }
    _mm_storeu_ps(out, _mm_add_ps(a, b));
    return bench_sum(out, sizeof(out));
}

BENCH(sse_double, "packed-float/sse-double", 30000000, 0, "SSE2 arithmetic in registers")
{
    __m128d a = _mm_set_pd(1, 2), b = _mm_set_pd(0.5, 0.25);
    const __m128d c = _mm_set_pd(0.999, 0.998), d = _mm_set1_pd(0.0001);
    double out[2];

    for (uint64_t i = 0; i < count; i++) {
        a = _mm_add_pd(_mm_mul_pd(a, c), b);
        b = _mm_sub_pd(_mm_mul_pd(b, c), _mm_mul_pd(a, d));
        b = _mm_max_pd(b, _mm_set1_pd(0.01));
    }
    _mm_storeu_pd(out, _mm_add_pd(a, b));
    return bench_sum(out, sizeof(out));
}

BENCH(sse_arrays, "packed-float/sse-arrays", 300000, 0, "SSE over arrays: multiply, add, root")
{
    prepare();
    for (uint64_t round = 0; round < count; round++) {
        for (uint32_t i = 0; i < LENGTH; i += 4) {
            __m128 x = _mm_mul_ps(_mm_load_ps(&singles[0][i]), _mm_load_ps(&singles[1][i]));
            x = _mm_sqrt_ps(_mm_add_ps(x, _mm_load_ps(&singles[2][i])));
            _mm_store_ps(&singles[2][i], x);
        }
    }
    return bench_sum(singles[2], sizeof(singles[2]));
}

BENCH_FOR("avx", avx_single, "packed-float/avx-single", 600000, NEEDS_AVX,
          "AVX over arrays of float")
{
    prepare();
    for (uint64_t round = 0; round < count; round++) {
        const __m256 k = _mm256_set1_ps(0.5f);
        for (uint32_t i = 0; i < LENGTH; i += 8) {
            __m256 x = _mm256_mul_ps(_mm256_load_ps(&singles[0][i]), k);
            x = _mm256_add_ps(_mm256_mul_ps(x, _mm256_load_ps(&singles[1][i])), k);
            x = _mm256_min_ps(_mm256_add_ps(x, _mm256_load_ps(&singles[2][i])),
                              _mm256_set1_ps(1e6f));
            _mm256_store_ps(&singles[2][i], x);
        }
    }
    return bench_sum(singles[2], sizeof(singles[2]));
}

BENCH_FOR("avx", avx_double, "packed-float/avx-double", 250000, NEEDS_AVX,
          "AVX over arrays of double")
{
    prepare();
    for (uint64_t round = 0; round < count; round++) {
        const __m256d k = _mm256_set1_pd(0.5);
        for (uint32_t i = 0; i < LENGTH; i += 4) {
            __m256d x = _mm256_mul_pd(_mm256_load_pd(&doubles[0][i]), k);
            x = _mm256_add_pd(_mm256_mul_pd(x, _mm256_load_pd(&doubles[1][i])), k);
            x = _mm256_blendv_pd(x, k,
                                 _mm256_cmp_pd(x, _mm256_load_pd(&doubles[2][i]), _CMP_LT_OQ));
            _mm256_store_pd(&doubles[2][i], x);
        }
    }
    return bench_sum(doubles[2], sizeof(doubles[2]));
}

BENCH_FOR("avx2,fma", fma, "packed-float/fma", 20000000, NEEDS_FMA | NEEDS_AVX2,
          "fused multiply-add, eight floats")
{
    __m256 a = _mm256_set1_ps(1.0f), b = _mm256_set1_ps(0.25f);
    const __m256 c = _mm256_set1_ps(0.999f), d = _mm256_set1_ps(0.0001f);
    float out[8];

    for (uint64_t i = 0; i < count; i++) {
        a = _mm256_fmadd_ps(a, c, b);
        b = _mm256_max_ps(_mm256_fnmadd_ps(a, d, _mm256_mul_ps(b, c)), d);
    }
    _mm256_storeu_ps(out, _mm256_add_ps(a, b));
    return bench_sum(out, sizeof(out));
}
