/* SPDX-License-Identifier: MIT */
/*
 * Fallbacks: shuffles, packs, extensions, blends, moves to and from integer registers. 256-bit
 * shuffles work on their two 128-bit lanes apart, so index arithmetic is modulo a lane.
 */
#include "fallback.h"

#include <string.h>

/* Interleaves the low (from = 0) or high halves of each lane. n: elements in a lane. */
#define UNPACK(name, n, field, from) \
    LANES(name, 2 * (n), field, \
          ((i & 1) ? B : A)->field[i / (n) * (n) + (from) + i % (n) / 2])
UNPACK(punpcklbw, 16, u8, 0)
UNPACK(punpcklwd, 8, u16, 0)
UNPACK(punpckldq, 4, u32, 0)
UNPACK(punpcklqdq, 2, u64, 0)
UNPACK(punpckhbw, 16, u8, 8)
UNPACK(punpckhwd, 8, u16, 4)
UNPACK(punpckhdq, 4, u32, 2)
UNPACK(punpckhqdq, 2, u64, 1)

static int32_t clamp(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* Narrows a's lane into the low half, b's into the high one. n: destination elements in a lane. */
#define PACK(name, n, to, to_type, from, from_type, low, high) \
    LANES(name, 2 * (n), to, \
          (to_type)clamp((from_type)(i % (n) < (n) / 2 ? A : B) \
                             ->from[i / (n) * ((n) / 2) + i % ((n) / 2)], low, high))
PACK(packsswb, 16, u8, uint8_t, u16, int16_t, INT8_MIN, INT8_MAX)
PACK(packuswb, 16, u8, uint8_t, u16, int16_t, 0, UINT8_MAX)
PACK(packssdw, 8, u16, uint16_t, u32, int32_t, INT16_MIN, INT16_MAX)
PACK(packusdw, 8, u16, uint16_t, u32, int32_t, 0, UINT16_MAX)

/* Two bits of imm8 per element. */
#define SELECT2(i) (imm8 >> 2 * (i) & 3)
LANES(pshufd, 8, u32, B->u32[(i & 4) + SELECT2(i & 3)])
LANES(pshuflw, 16, u16, B->u16[i & 4 ? i : (i & 8) + SELECT2(i & 3)])
LANES(pshufhw, 16, u16, B->u16[i & 4 ? (i & 12) + SELECT2(i & 3) : i])
LANES(shufps, 8, u32, (i & 2 ? B : A)->u32[(i & 4) + SELECT2(i & 3)])
LANES(shufpd, 4, u64, (i & 1 ? B : A)->u64[(i & 2) + (imm8 >> i & 1)])
LANES(pshufb, 32, u8, B->u8[i] & 0x80 ? 0 : A->u8[(i & 16) + (B->u8[i] & 15)])

FALLBACK(palignr)
{
    for (unsigned i = 0; i < 32; i++) {
        unsigned from = i % 16 + imm8, lane = i & 16;
        D->u8[i] = from < 16 ? B->u8[lane + from] : from < 32 ? A->u8[lane + from - 16] : 0;
    }
}

/* Horizontal: pairs of a into the low half of each lane, pairs of b into the high half. */
#define PAIRS(name, n, field, expr) \
    FALLBACK(name) \
    { \
        for (unsigned i = 0; i < 2 * (n); i++) { \
            const X86Ymm *v = i % (n) < (n) / 2 ? A : B; \
            unsigned k = i / (n) * (n) + i % ((n) / 2) * 2; \
            D->field[i] = (expr); \
        } \
    }
PAIRS(phaddw, 8, u16, (uint16_t)(v->u16[k] + v->u16[k + 1]))
PAIRS(phaddd, 4, u32, v->u32[k] + v->u32[k + 1])
PAIRS(phaddsw, 8, u16,
      (uint16_t)clamp((int16_t)v->u16[k] + (int16_t)v->u16[k + 1], INT16_MIN, INT16_MAX))
PAIRS(phsubw, 8, u16, (uint16_t)(v->u16[k] - v->u16[k + 1]))
PAIRS(phsubd, 4, u32, v->u32[k] - v->u32[k + 1])
PAIRS(phsubsw, 8, u16,
      (uint16_t)clamp((int16_t)v->u16[k] - (int16_t)v->u16[k + 1], INT16_MIN, INT16_MAX))

LANES(pblendw, 16, u16, (imm8 >> (i & 7) & 1 ? B : A)->u16[i])
LANES(blendps, 8, u32, (imm8 >> i & 1 ? B : A)->u32[i]) /* VPBLENDD too */
LANES(blendpd, 4, u64, (imm8 >> i & 1 ? B : A)->u64[i])
LANES(pblendvb, 32, u8, (C->u8[i] >> 7 ? B : A)->u8[i])
LANES(blendvps, 8, u32, (C->u32[i] >> 31 ? B : A)->u32[i])
LANES(blendvpd, 4, u64, (C->u64[i] >> 63 ? B : A)->u64[i])

LANES(pmovsxbw, 16, u16, (uint16_t)(int8_t)B->u8[i])
LANES(pmovsxbd, 8, u32, (uint32_t)(int8_t)B->u8[i])
LANES(pmovsxbq, 4, u64, (uint64_t)(int8_t)B->u8[i])
LANES(pmovsxwd, 8, u32, (uint32_t)(int16_t)B->u16[i])
LANES(pmovsxwq, 4, u64, (uint64_t)(int16_t)B->u16[i])
LANES(pmovsxdq, 4, u64, (uint64_t)(int32_t)B->u32[i])
LANES(pmovzxbw, 16, u16, B->u8[i])
LANES(pmovzxbd, 8, u32, B->u8[i])
LANES(pmovzxbq, 4, u64, B->u8[i])
LANES(pmovzxwd, 8, u32, B->u16[i])
LANES(pmovzxwq, 4, u64, B->u16[i])
LANES(pmovzxdq, 4, u64, B->u32[i])

FALLBACK(phminposuw)
{
    unsigned best = 0;

    for (unsigned i = 1; i < 8; i++)
        if (B->u16[i] < B->u16[best])
            best = i;
    D->u16[0] = B->u16[best];
    D->u16[1] = (uint16_t)best;
}

/* Sums of absolute differences of a sliding block of a against one block of b. */
FALLBACK(mpsadbw)
{
    for (unsigned lane = 0; lane < 2; lane++) {
        unsigned control = imm8 >> 3 * lane;
        const uint8_t *x = A->u8 + 16 * lane + (control & 4);
        const uint8_t *y = B->u8 + 16 * lane + (control & 3) * 4;
        for (unsigned i = 0; i < 8; i++)
            for (unsigned k = 0; k < 4; k++)
                D->u16[8 * lane + i] +=
                    (uint16_t)(x[i + k] > y[k] ? x[i + k] - y[k] : y[k] - x[i + k]);
    }
}

FALLBACK(insertps)
{
    *D = *A;
    D->u32[imm8 >> 4 & 3] = B->u32[imm8 >> 6 & 3];
    for (unsigned i = 0; i < 4; i++)
        if (imm8 >> i & 1)
            D->u32[i] = 0;
}

LANES(movsldup, 8, u32, B->u32[i & 6])
LANES(movshdup, 8, u32, B->u32[i | 1])
LANES(movddup, 4, u64, B->u64[i & 2])

FALLBACK(movhlps)
{
    D->u64[0] = B->u64[1];
    D->u64[1] = A->u64[1];
}

FALLBACK(movlhps)
{
    D->u64[0] = A->u64[0];
    D->u64[1] = B->u64[0];
}

FALLBACK(movss)
{
    *D = *A;
    D->u32[0] = B->u32[0];
}

FALLBACK(movsd)
{
    *D = *A;
    D->u64[0] = B->u64[0];
}

FALLBACK(movq)
{
    D->u64[0] = B->u64[0];
}

FALLBACK(movd_in)
{
    D->u64[0] = B->u64[0];
}

FALLBACK(movd_out)
{
    D->u64[0] = B->u32[0];
}

FALLBACK(movd_out_q)
{
    D->u64[0] = B->u64[0];
}

/* PINSRx and PEXTRx: element imm8 modulo the number of them in 128 bits. */
#define INSERT(name, n, field, type) \
    FALLBACK(name) \
    { \
        *D = *A; \
        D->field[imm8 & ((n) - 1)] = (type)B->u64[0]; \
    }
INSERT(pinsrb, 16, u8, uint8_t)
INSERT(pinsrw, 8, u16, uint16_t)
INSERT(pinsrd, 4, u32, uint32_t)
INSERT(pinsrq, 2, u64, uint64_t)

#define EXTRACT(name, n, field) \
    FALLBACK(name) \
    { \
        D->u64[0] = B->field[imm8 & ((n) - 1)]; \
    }
EXTRACT(pextrb, 16, u8)
EXTRACT(pextrw, 8, u16)
EXTRACT(pextrd, 4, u32)
EXTRACT(pextrq, 2, u64)

#define MASK(name, n, field, shift) \
    FALLBACK(name) \
    { \
        for (unsigned i = 0; i < (n); i++) \
            D->u64[0] |= (uint64_t)(B->field[i] >> (shift)) << i; \
    }
MASK(pmovmskb, 16, u8, 7)
MASK(pmovmskb_y, 32, u8, 7)
MASK(movmskps, 4, u32, 31)
MASK(movmskps_y, 8, u32, 31)
MASK(movmskpd, 2, u64, 63)
MASK(movmskpd_y, 4, u64, 63)

/* ZF: no bit of a AND b under the mask; CF: none of (NOT a) AND b. */
static uint64_t test_flags(const X86Ymm *a, const X86Ymm *b, unsigned n, uint64_t mask)
{
    uint64_t both = 0, only_b = 0;

    for (unsigned i = 0; i < n; i++) {
        both |= a->u64[i] & b->u64[i] & mask;
        only_b |= ~a->u64[i] & b->u64[i] & mask;
    }
    return (both ? 0 : TN_FLAG_Z) | (only_b ? 0 : TN_FLAG_C);
}

#define TEST(name, n, mask) \
    FALLBACK(name) \
    { \
        D->u64[0] = test_flags(A, B, n, mask); \
    }
TEST(ptest, 2, UINT64_MAX)
TEST(ptest_y, 4, UINT64_MAX)
TEST(vtestps, 2, 0x8000000080000000)
TEST(vtestps_y, 4, 0x8000000080000000)
TEST(vtestpd, 2, 0x8000000000000000)
TEST(vtestpd_y, 4, 0x8000000000000000)

LANES(vpermilps, 8, u32, A->u32[(i & 4) + (B->u32[i] & 3)])
LANES(vpermilpd, 4, u64, A->u64[(i & 2) + (B->u64[i] >> 1 & 1)])
LANES(vpermilpsi, 8, u32, B->u32[(i & 4) + SELECT2(i & 3)])
LANES(vpermilpdi, 4, u64, B->u64[(i & 2) + (imm8 >> i & 1)])
LANES(vpermd, 8, u32, B->u32[A->u32[i] & 7])
LANES(vpermq, 4, u64, B->u64[SELECT2(i)])

FALLBACK(vperm2f128)
{
    for (unsigned lane = 0; lane < 2; lane++) {
        unsigned control = imm8 >> 4 * lane;
        const X86Ymm *v = control & 2 ? B : A;
        if (!(control & 8))
            memcpy(D->u64 + 2 * lane, v->u64 + (control & 1) * 2, 16);
    }
}

FALLBACK(vinsertf128)
{
    *D = *A;
    memcpy(D->u64 + (imm8 & 1) * 2, B->u64, 16);
}

FALLBACK(vextractf128)
{
    memcpy(D->u64, B->u64 + (imm8 & 1) * 2, 16);
}

LANES(vpbroadcastb, 32, u8, B->u8[0])
LANES(vpbroadcastw, 16, u16, B->u16[0])
LANES(vpbroadcastd, 8, u32, B->u32[0])
LANES(vpbroadcastq, 4, u64, B->u64[0])
LANES(vbroadcastf128, 4, u64, B->u64[i & 1])
