/* SPDX-License-Identifier: MIT */
/* AES, SHA and carry-less multiplication with the processor's own instructions, and SHA without. */
#include "bench.h"

#include <immintrin.h>

enum { ROUNDS = 10, WORDS = 64 };

static uint64_t sum128(__m128i x)
{
    uint8_t out[16];
    _mm_storeu_si128((__m128i *)out, x);
    return bench_sum(out, sizeof(out));
}

BENCH_FOR("aes", aes, "crypto/aes", 4000000, NEEDS_AES,
          "AESENC, AESDEC and AESKEYGENASSIST, block after block")
{
    __m128i key[ROUNDS + 1], block = _mm_set1_epi32(0x1234567);

    key[0] = _mm_set_epi32(1, 2, 3, 4);
    for (unsigned i = 1; i <= ROUNDS; i++)
        key[i] =
            _mm_xor_si128(_mm_aeskeygenassist_si128(key[i - 1], 1), _mm_slli_epi64(key[i - 1], 3));
    for (uint64_t i = 0; i < count; i++) {
        block = _mm_xor_si128(block, key[0]);
        for (unsigned r = 1; r < ROUNDS; r++)
            block = _mm_aesenc_si128(block, key[r]);
        block = _mm_aesenclast_si128(block, key[ROUNDS]);
        block = _mm_aesdec_si128(block, key[i % ROUNDS]);
    }
    return sum128(block);
}

BENCH_FOR("pclmul", clmul, "crypto/clmul", 30000000, NEEDS_PCLMUL,
          "PCLMULQDQ: folding as in CRC and GCM")
{
    __m128i x = _mm_set_epi32(9, 8, 7, 6);
    const __m128i k = _mm_set_epi32(0x1751997, 0x0ccaa009, 0x1751997, 0x0ccaa009);

    for (uint64_t i = 0; i < count; i++) {
        __m128i low = _mm_clmulepi64_si128(x, k, 0x00), high = _mm_clmulepi64_si128(x, k, 0x11);
        x = _mm_xor_si128(_mm_xor_si128(low, high), _mm_set1_epi32((int)i));
    }
    return sum128(x);
}

BENCH_FOR("sha,ssse3", sha, "crypto/sha", 16000000, NEEDS_SHA,
          "SHA256RNDS2, SHA256MSG1 and SHA256MSG2")
{
    __m128i a = _mm_set_epi32(1, 2, 3, 4), b = _mm_set_epi32(5, 6, 7, 8), w = a, v = b;

    for (uint64_t i = 0; i < count; i++) {
        __m128i k = _mm_add_epi32(w, _mm_set1_epi32((int)i));
        b = _mm_sha256rnds2_epu32(b, a, k);
        a = _mm_sha256rnds2_epu32(a, b, _mm_shuffle_epi32(k, 0x0e));
        w = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w, v), a), v);
        v = _mm_alignr_epi8(w, v, 4);
    }
    return sum128(_mm_add_epi32(a, b));
}

/* ---- SHA-256's rounds in plain C (FIPS 180-4, section 6.2.2, with our own constants) ------- */

static uint32_t turn(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static void compress(uint32_t *state, uint32_t *w)
{
    uint32_t s[8];

    for (unsigned i = 0; i < 8; i++)
        s[i] = state[i];
    for (unsigned i = 0; i < WORDS; i++) {
        if (i >= 16) {
            uint32_t x = w[i - 15], y = w[i - 2];
            w[i] = w[i - 16] + w[i - 7] + (turn(x, 7) ^ turn(x, 18) ^ x >> 3) +
                   (turn(y, 17) ^ turn(y, 19) ^ y >> 10);
        }
        uint32_t e = s[4], a = s[0];
        uint32_t t = s[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
                     (s[6] ^ (e & (s[5] ^ s[6]))) + w[i] + i * UINT32_C(0x9e3779b9);
        uint32_t u = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & s[1]) | (s[2] & (a | s[1])));
        for (unsigned k = 7; k > 0; k--)
            s[k] = s[k - 1];
        s[4] += t;
        s[0] = t + u;
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] += s[i];
}

BENCH(sha_plain, "crypto/sha-plain", 300000, 0, "a hash like SHA-256 in plain integer code")
{
    uint32_t state[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, w[WORDS] = { 0 };
    for (uint64_t i = 0; i < count; i++) {
        w[0] = (uint32_t)i;
        compress(state, w);
    }
    return bench_sum(state, sizeof(state));
}
