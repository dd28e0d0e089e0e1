/* SPDX-License-Identifier: MIT */
/* Packed integers with SSE2, SSSE3 and AVX2. */
#include "bench.h"

#include <immintrin.h>

enum { SIZE = 4096 };

static uint8_t data[SIZE + 64] __attribute__((aligned(64)));
static uint8_t more[SIZE + 64] __attribute__((aligned(64)));

static uint64_t sum128(__m128i x)
{
    uint8_t out[16];
    _mm_storeu_si128((__m128i *)out, x);
    return bench_sum(out, sizeof(out));
}

BENCH(sse2, "packed-integer/sse2", 50000000, 0, "add, subtract, shift, logic in registers")
{
    __m128i a = _mm_set_epi32(1, 2, 3, 4), b = _mm_set_epi32(5, 6, 7, 8);
    for (uint64_t i = 0; i < count; i++) {
        a = _mm_xor_si128(_mm_add_epi32(a, b), _mm_slli_epi32(b, 3));
        b = _mm_and_si128(_mm_sub_epi32(b, a), _mm_or_si128(a, _mm_set1_epi32(0x555555)));
    }
    return sum128(_mm_add_epi64(a, b));
}

BENCH(saturate, "packed-integer/saturate", 150000, 0, "saturating, average, minimum over bytes")
{
    bench_noise(data, sizeof(data), 3);
    bench_noise(more, sizeof(more), 4);
    for (uint64_t round = 0; round < count; round++) {
        for (uint32_t i = 0; i < SIZE; i += 16) {
            __m128i x = _mm_load_si128((__m128i *)&data[i]);
            __m128i y = _mm_load_si128((__m128i *)&more[i]);
            x = _mm_adds_epu8(x, _mm_avg_epu8(x, y));
            x = _mm_min_epu8(_mm_subs_epu8(x, y), _mm_packus_epi16(x, y));
            _mm_store_si128((__m128i *)&data[i], _mm_add_epi8(x, y));
        }
    }
    return bench_sum(data, SIZE);
}

BENCH(multiply, "packed-integer/multiply", 200000, 0, "PMADDWD, PMULHW, PSADBW over words")
{
    __m128i total = _mm_setzero_si128();
    bench_noise(data, sizeof(data), 3);
    for (uint64_t round = 0; round < count; round++) {
        for (uint32_t i = 0; i < SIZE; i += 16) {
            __m128i x = _mm_load_si128((__m128i *)&data[i]);
            total = _mm_add_epi32(total, _mm_madd_epi16(x, _mm_set1_epi16(77)));
            total = _mm_add_epi16(total, _mm_mulhi_epi16(x, total));
            total = _mm_add_epi64(total, _mm_sad_epu8(x, total));
        }
    }
    return sum128(total);
}

BENCH_FOR("ssse3", shuffle, "packed-integer/shuffle", 30000000, NEEDS_SSSE3,
          "PSHUFB, PALIGNR, unpack, PSHUFD")
{
    __m128i a = _mm_set_epi32(1, 0x02030405, 3, 0x77665544), b = _mm_set1_epi8(9);
    const __m128i mask = _mm_set_epi8(3, 1, 0, 2, 7, 5, 4, 6, 15, 12, 13, 14, 9, 8, 11, 10);

    for (uint64_t i = 0; i < count; i++) {
        a = _mm_add_epi8(_mm_shuffle_epi8(a, mask), b);
        b = _mm_xor_si128(_mm_alignr_epi8(a, b, 5), _mm_unpacklo_epi8(a, b));
        a = _mm_shuffle_epi32(a, 0x93);
    }
    return sum128(_mm_add_epi64(a, b));
}

/* The place of a word of four bytes in a text, as fast string searches do it. */
static uint32_t search(const uint8_t *in, uint32_t size, const uint8_t *word)
{
    const __m128i first = _mm_set1_epi8((char)word[0]), last = _mm_set1_epi8((char)word[3]);

    for (uint32_t i = 0; i + 16 <= size; i += 16) {
        __m128i a = _mm_cmpeq_epi8(first, _mm_loadu_si128((const __m128i *)&in[i]));
        __m128i b = _mm_cmpeq_epi8(last, _mm_loadu_si128((const __m128i *)&in[i + 3]));
        uint32_t mask = (uint32_t)_mm_movemask_epi8(_mm_and_si128(a, b));
        for (; mask; mask &= mask - 1) {
            uint32_t at = i + (uint32_t)__builtin_ctz(mask);
            if (in[at + 1] == word[1] && in[at + 2] == word[2])
                return at;
        }
    }
    return size;
}

BENCH(searches, "packed-integer/search", 300000, 0, "PCMPEQB and PMOVMSKB search of a string")
{
    static const uint8_t word[] = { 'Z', 'q', 'Z', '!' };
    uint64_t sum = 0;

    bench_noise(data, sizeof(data), 9);
    for (uint32_t k = 0; k < 4; k++)
        data[SIZE - 100 + k] = word[k];
    for (uint64_t i = 0; i < count; i++)
        sum += search(data + i % 16, SIZE, word);
    return sum;
}

BENCH_FOR("avx2", avx2, "packed-integer/avx2", 500000, NEEDS_AVX2,
          "AVX2 over bytes, words and permutations")
{
    const __m256i turn = _mm256_set_epi32(0, 7, 1, 6, 2, 5, 3, 4);

    bench_noise(data, sizeof(data), 3);
    bench_noise(more, sizeof(more), 8);
    for (uint64_t round = 0; round < count; round++) {
        for (uint32_t i = 0; i < SIZE; i += 32) {
            __m256i x = _mm256_load_si256((__m256i *)&data[i]);
            __m256i y = _mm256_load_si256((__m256i *)&more[i]);
            x = _mm256_add_epi16(x, _mm256_mullo_epi16(y, _mm256_set1_epi16(25)));
            y = _mm256_permutevar8x32_epi32(_mm256_sub_epi8(y, x), turn);
            _mm256_store_si256((__m256i *)&data[i],
                               _mm256_xor_si256(x, _mm256_srlv_epi32(y, turn)));
        }
    }
    return bench_sum(data, SIZE);
}
