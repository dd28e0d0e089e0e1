/* SPDX-License-Identifier: MIT */
/* Fallbacks: integer arithmetic, logic and shifts, lane by lane (SDM vol. 2, MMX to AVX2). */
#include "fallback.h"

static int32_t clamp(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

#define S8(v, i) ((int8_t)(v)->u8[i])
#define S16(v, i) ((int16_t)(v)->u16[i])
#define S32(v, i) ((int32_t)(v)->u32[i])
#define S64(v, i) ((int64_t)(v)->u64[i])

LANES(paddb, 32, u8, (uint8_t)(A->u8[i] + B->u8[i]))
LANES(paddw, 16, u16, (uint16_t)(A->u16[i] + B->u16[i]))
LANES(paddd, 8, u32, A->u32[i] + B->u32[i])
LANES(paddq, 4, u64, A->u64[i] + B->u64[i])
LANES(psubb, 32, u8, (uint8_t)(A->u8[i] - B->u8[i]))
LANES(psubw, 16, u16, (uint16_t)(A->u16[i] - B->u16[i]))
LANES(psubd, 8, u32, A->u32[i] - B->u32[i])
LANES(psubq, 4, u64, A->u64[i] - B->u64[i])

LANES(paddsb, 32, u8, (uint8_t)clamp(S8(A, i) + S8(B, i), INT8_MIN, INT8_MAX))
LANES(paddsw, 16, u16, (uint16_t)clamp(S16(A, i) + S16(B, i), INT16_MIN, INT16_MAX))
LANES(paddusb, 32, u8, (uint8_t)clamp(A->u8[i] + B->u8[i], 0, UINT8_MAX))
LANES(paddusw, 16, u16, (uint16_t)clamp(A->u16[i] + B->u16[i], 0, UINT16_MAX))
LANES(psubsb, 32, u8, (uint8_t)clamp(S8(A, i) - S8(B, i), INT8_MIN, INT8_MAX))
LANES(psubsw, 16, u16, (uint16_t)clamp(S16(A, i) - S16(B, i), INT16_MIN, INT16_MAX))
LANES(psubusb, 32, u8, (uint8_t)clamp(A->u8[i] - B->u8[i], 0, UINT8_MAX))
LANES(psubusw, 16, u16, (uint16_t)clamp(A->u16[i] - B->u16[i], 0, UINT16_MAX))

LANES(pmullw, 16, u16, (uint16_t)(S16(A, i) * S16(B, i)))
LANES(pmulhw, 16, u16, (uint16_t)((S16(A, i) * S16(B, i)) >> 16))
LANES(pmulhuw, 16, u16, (uint16_t)((uint32_t)A->u16[i] * B->u16[i] >> 16))
LANES(pmulhrsw, 16, u16, (uint16_t)(((S16(A, i) * S16(B, i) >> 14) + 1) >> 1))
LANES(pmulld, 8, u32, A->u32[i] * B->u32[i])
LANES(pmuludq, 4, u64, (uint64_t)A->u32[2 * i] * B->u32[2 * i])
LANES(pmuldq, 4, u64, (uint64_t)((int64_t)S32(A, 2 * i) * S32(B, 2 * i)))
LANES(pmaddwd, 8, u32,
      (uint32_t)(S16(A, 2 * i) * S16(B, 2 * i)) +
          (uint32_t)(S16(A, 2 * i + 1) * S16(B, 2 * i + 1)))
LANES(pmaddubsw, 16, u16,
      (uint16_t)clamp(A->u8[2 * i] * S8(B, 2 * i) + A->u8[2 * i + 1] * S8(B, 2 * i + 1),
                      INT16_MIN, INT16_MAX))

FALLBACK(psadbw)
{
    for (unsigned i = 0; i < 32; i++) {
        int difference = A->u8[i] - B->u8[i];
        D->u64[i / 8] += (uint64_t)(difference < 0 ? -difference : difference);
    }
}

LANES(pavgb, 32, u8, (uint8_t)((A->u8[i] + B->u8[i] + 1) >> 1))
LANES(pavgw, 16, u16, (uint16_t)((A->u16[i] + B->u16[i] + 1) >> 1))

LANES(pminub, 32, u8, MIN(A->u8[i], B->u8[i]))
LANES(pminuw, 16, u16, MIN(A->u16[i], B->u16[i]))
LANES(pminud, 8, u32, MIN(A->u32[i], B->u32[i]))
LANES(pminsb, 32, u8, (uint8_t)MIN(S8(A, i), S8(B, i)))
LANES(pminsw, 16, u16, (uint16_t)MIN(S16(A, i), S16(B, i)))
LANES(pminsd, 8, u32, (uint32_t)MIN(S32(A, i), S32(B, i)))
LANES(pmaxub, 32, u8, MAX(A->u8[i], B->u8[i]))
LANES(pmaxuw, 16, u16, MAX(A->u16[i], B->u16[i]))
LANES(pmaxud, 8, u32, MAX(A->u32[i], B->u32[i]))
LANES(pmaxsb, 32, u8, (uint8_t)MAX(S8(A, i), S8(B, i)))
LANES(pmaxsw, 16, u16, (uint16_t)MAX(S16(A, i), S16(B, i)))
LANES(pmaxsd, 8, u32, (uint32_t)MAX(S32(A, i), S32(B, i)))

LANES(pcmpeqb, 32, u8, A->u8[i] == B->u8[i] ? UINT8_MAX : 0)
LANES(pcmpeqw, 16, u16, A->u16[i] == B->u16[i] ? UINT16_MAX : 0)
LANES(pcmpeqd, 8, u32, A->u32[i] == B->u32[i] ? UINT32_MAX : 0)
LANES(pcmpeqq, 4, u64, A->u64[i] == B->u64[i] ? UINT64_MAX : 0)
LANES(pcmpgtb, 32, u8, S8(A, i) > S8(B, i) ? UINT8_MAX : 0)
LANES(pcmpgtw, 16, u16, S16(A, i) > S16(B, i) ? UINT16_MAX : 0)
LANES(pcmpgtd, 8, u32, S32(A, i) > S32(B, i) ? UINT32_MAX : 0)
LANES(pcmpgtq, 4, u64, S64(A, i) > S64(B, i) ? UINT64_MAX : 0)

LANES(pand, 4, u64, A->u64[i] & B->u64[i])
LANES(pandn, 4, u64, ~A->u64[i] & B->u64[i])
LANES(por, 4, u64, A->u64[i] | B->u64[i])
LANES(pxor, 4, u64, A->u64[i] ^ B->u64[i])

LANES(pabsb, 32, u8, (uint8_t)(S8(B, i) < 0 ? -S8(B, i) : S8(B, i)))
LANES(pabsw, 16, u16, (uint16_t)(S16(B, i) < 0 ? -S16(B, i) : S16(B, i)))
LANES(pabsd, 8, u32, S32(B, i) < 0 ? 0 - B->u32[i] : B->u32[i])
LANES(psignb, 32, u8, (uint8_t)(S8(B, i) < 0 ? -S8(A, i) : S8(B, i) ? S8(A, i) : 0))
LANES(psignw, 16, u16, (uint16_t)(S16(B, i) < 0 ? -S16(A, i) : S16(B, i) ? S16(A, i) : 0))
LANES(psignd, 8, u32, S32(B, i) < 0 ? 0 - A->u32[i] : B->u32[i] ? A->u32[i] : 0)

/* Shifts by the low quadword of b: a count of the lane's width or more leaves zero or the sign. */
LANES(psllw, 16, u16, B->u64[0] > 15 ? 0 : (uint16_t)(A->u16[i] << B->u64[0]))
LANES(pslld, 8, u32, B->u64[0] > 31 ? 0 : A->u32[i] << B->u64[0])
LANES(psllq, 4, u64, B->u64[0] > 63 ? 0 : A->u64[i] << B->u64[0])
LANES(psrlw, 16, u16, B->u64[0] > 15 ? 0 : (uint16_t)(A->u16[i] >> B->u64[0]))
LANES(psrld, 8, u32, B->u64[0] > 31 ? 0 : A->u32[i] >> B->u64[0])
LANES(psrlq, 4, u64, B->u64[0] > 63 ? 0 : A->u64[i] >> B->u64[0])
LANES(psraw, 16, u16, (uint16_t)(S16(A, i) >> MIN(B->u64[0], 15)))
LANES(psrad, 8, u32, (uint32_t)(S32(A, i) >> MIN(B->u64[0], 31)))

/* Shifts of b by an immediate. */
LANES(psllwi, 16, u16, imm8 > 15 ? 0 : (uint16_t)(B->u16[i] << imm8))
LANES(pslldi, 8, u32, imm8 > 31 ? 0 : B->u32[i] << imm8)
LANES(psllqi, 4, u64, imm8 > 63 ? 0 : B->u64[i] << imm8)
LANES(psrlwi, 16, u16, imm8 > 15 ? 0 : (uint16_t)(B->u16[i] >> imm8))
LANES(psrldi, 8, u32, imm8 > 31 ? 0 : B->u32[i] >> imm8)
LANES(psrlqi, 4, u64, imm8 > 63 ? 0 : B->u64[i] >> imm8)
LANES(psrawi, 16, u16, (uint16_t)(S16(B, i) >> MIN(imm8, 15)))
LANES(psradi, 8, u32, (uint32_t)(S32(B, i) >> MIN(imm8, 31)))

/* Byte shifts within each 128-bit lane. */
LANES(pslldq, 32, u8, i % 16 >= imm8 ? B->u8[i - imm8] : 0)
LANES(psrldq, 32, u8, i % 16 + imm8 < 16 ? B->u8[i + imm8] : 0)

LANES(vpsllvd, 8, u32, B->u32[i] > 31 ? 0 : A->u32[i] << B->u32[i])
LANES(vpsllvq, 4, u64, B->u64[i] > 63 ? 0 : A->u64[i] << B->u64[i])
LANES(vpsrlvd, 8, u32, B->u32[i] > 31 ? 0 : A->u32[i] >> B->u32[i])
LANES(vpsrlvq, 4, u64, B->u64[i] > 63 ? 0 : A->u64[i] >> B->u64[i])
LANES(vpsravd, 8, u32, (uint32_t)(S32(A, i) >> MIN(B->u32[i], 31)))
