/* SPDX-License-Identifier: MIT */
/* The x87 in portable C: conversions from and to memory formats (Intel SDM vol. 1, 4.2, 4.8). */
#include "x87-soft.h"

#include <string.h>

enum { BCD_DIGITS = 18, BCD_BYTES = 10, BCD_SIGN = 0x80 };

/* ---- From memory ------------------------------------------------------------------------ */

static SoftNum from_int(int64_t v)
{
    SoftNum n = { .cls = v ? SOFT_NUM : SOFT_ZERO, .sign = v < 0 };
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    if (v) {
        int shift = __builtin_clzll(magnitude);
        n.mant = magnitude << shift;
        n.exp = 63 - shift;
    }
    return n;
}

static SoftNum from_float(uint64_t bits, unsigned frac_bits, unsigned exp_bits)
{
    int max = (1 << exp_bits) - 1, bias = max >> 1, biased = (int)(bits >> frac_bits) & max;
    uint64_t frac = bits & ((1ull << frac_bits) - 1);
    SoftNum n = { .cls = SOFT_NUM, .sign = bits >> (frac_bits + exp_bits) & 1 };

    n.mant = frac << (63 - frac_bits) | (biased ? FP80_INTEGER_BIT : 0);
    n.exp = biased - bias;
    if (biased == max) {
        n.cls = frac == 0 ? SOFT_INF : frac >> (frac_bits - 1) ? SOFT_QNAN : SOFT_SNAN;
        n.exp = FP80_EXPONENT - FP80_BIAS;
    } else if (!biased && !frac) {
        n.cls = SOFT_ZERO;
    } else if (!biased) {
        int shift = __builtin_clzll(n.mant);
        n.denormal = true;
        n.mant <<= shift;
        n.exp = 1 - bias - shift;
    }
    return n;
}

static SoftNum from_bcd(const uint8_t *bytes)
{
    int64_t v = 0;

    for (int i = BCD_DIGITS / 2 - 1; i >= 0; i--)
        v = v * 100 + (bytes[i] >> 4) * 10 + (bytes[i] & 15);
    SoftNum n = from_int(v);
    n.sign = bytes[BCD_BYTES - 1] & BCD_SIGN;
    return n;
}

SoftNum soft_unpack_mem(X87Kind kind, const void *mem)
{
    uint64_t bits = 0;

    switch (kind) {
    case X87_F32: memcpy(&bits, mem, 4); return from_float(bits, 23, 8);
    case X87_F64: memcpy(&bits, mem, 8); return from_float(bits, 52, 11);
    case X87_I16: memcpy(&bits, mem, 2); return from_int((int16_t)bits);
    case X87_I32: memcpy(&bits, mem, 4); return from_int((int32_t)bits);
    case X87_I64: memcpy(&bits, mem, 8); return from_int((int64_t)bits);
    case X87_BCD: return from_bcd(mem);
    default: return (SoftNum){ .cls = SOFT_BAD };
    }
}

uint16_t x87_host_load(const X86State *guest, X87Kind kind, X86Fp80 *a, const void *mem)
{
    Soft s = { .fcw = guest->fcw };
    SoftNum n = soft_unpack_mem(kind, mem);
    X86Fp80 value;

    if (soft_is_nan(n))
        value = soft_pick_nan(&s, n, n);
    else if (n.cls == SOFT_NUM)
        value = soft_pack(&s, n.sign, n.exp, (u128)n.mant << 64, false);
    else
        value = n.cls == SOFT_INF ? soft_inf(n.sign) : soft_zero(n.sign);
    soft_note_denormals(&s, n, n);
    /* A denormal is loaded even when DE is unmasked. */
    if (!(s.sw & ~guest->fcw & FSW_IE))
        *a = value;
    return s.sw;
}

/* ---- To memory -------------------------------------------------------------------------- */

static uint64_t to_float(Soft *s, SoftNum n, unsigned frac_bits, unsigned exp_bits)
{
    uint64_t sign = (uint64_t)n.sign << (frac_bits + exp_bits);
    uint64_t top = ((1ull << exp_bits) - 1) << frac_bits, quiet = 1ull << (frac_bits - 1);
    uint64_t significand;
    int biased;

    switch ((SoftClass)n.cls) {
    case SOFT_ZERO:
        return sign;
    case SOFT_INF:
        return sign | top;
    case SOFT_BAD:
        s->sw |= FSW_IE;
        return 1ull << (frac_bits + exp_bits) | top | quiet;
    case SOFT_SNAN:
        s->sw |= FSW_IE;
        return sign | top | quiet | n.mant << 1 >> (64 - frac_bits);
    case SOFT_QNAN:
        return sign | top | n.mant << 1 >> (64 - frac_bits);
    case SOFT_NUM:
        break;
    }
    /* Of an unmasked overflow or underflow nothing is stored and nothing else reported. */
    Soft masked = { .fcw = s->fcw | FSW_OE | FSW_UE };
    soft_round(&masked, (SoftFormat){ (uint8_t)(frac_bits + 1), (uint8_t)exp_bits }, n.sign, n.exp,
               (u128)n.mant << 64, &biased, &significand);
    if (!(s->fcw & FSW_UE) && (biased == 0 || masked.sw & FSW_UE))
        s->sw |= FSW_UE;
    else
        s->sw |= masked.sw & FSW_OE & ~s->fcw ? FSW_OE : masked.sw;
    return sign | (uint64_t)biased << frac_bits | significand << 1 >> (64 - frac_bits);
}

/* Rounds to an integer of at most `limit` (one more when negative); false: IE, it does not fit. */
static bool to_magnitude(Soft *s, SoftNum n, bool truncate, uint64_t limit, uint64_t *magnitude)
{
    bool inexact = false;
    u128 v = 0;

    if (n.cls != SOFT_ZERO && (n.cls != SOFT_NUM || n.exp > 63)) {
        s->sw |= FSW_IE;
        return false;
    }
    if (n.cls == SOFT_NUM)
        v = round_shift(truncate ? SF_ZERO : soft_rounding(s), n.sign, (u128)n.mant << 63,
                        (unsigned)(126 - n.exp), &inexact);
    if (v > limit) {
        s->sw |= FSW_IE;
        return false;
    }
    bool up = n.cls == SOFT_NUM && inexact && v > (n.exp < 0 ? 0 : n.mant >> (63 - n.exp));
    s->sw |= (uint16_t)((inexact ? FSW_PE : 0) | (up ? FSW_C1 : 0));
    *magnitude = (uint64_t)v;
    return true;
}

static uint64_t to_int(Soft *s, SoftNum n, unsigned bits, bool truncate)
{
    uint64_t magnitude, indefinite = 1ull << (bits - 1);

    if (!to_magnitude(s, n, truncate, indefinite - !n.sign, &magnitude))
        return indefinite;
    return n.sign ? 0 - magnitude : magnitude;
}

static void to_bcd(Soft *s, SoftNum n, uint8_t *bytes)
{
    static const uint8_t indefinite[BCD_BYTES] = { [7] = 0xc0, [8] = 0xff, [9] = 0xff };
    const uint64_t limit = 999999999999999999;
    uint64_t v;

    if (!to_magnitude(s, n, false, limit, &v)) {
        memcpy(bytes, indefinite, sizeof(indefinite));
        return;
    }
    for (unsigned i = 0; i < BCD_DIGITS / 2; i++, v /= 100)
        bytes[i] = (uint8_t)(v % 10 | v / 10 % 10 << 4);
    bytes[BCD_BYTES - 1] = n.sign ? BCD_SIGN : 0;
}

uint16_t x87_host_store(const X86State *guest, X87Kind kind, const X86Fp80 *a, void *mem)
{
    Soft s = { .fcw = guest->fcw };
    SoftNum n = soft_unpack(a);
    uint64_t v = 0;

    switch (kind) {
    case X87_F32: v = to_float(&s, n, 23, 8); break;
    case X87_F64: v = to_float(&s, n, 52, 11); break;
    case X87_I16: v = to_int(&s, n, 16, false); break;
    case X87_I32: v = to_int(&s, n, 32, false); break;
    case X87_I64: v = to_int(&s, n, 64, false); break;
    case X87_T16: v = to_int(&s, n, 16, true); break;
    case X87_T32: v = to_int(&s, n, 32, true); break;
    case X87_T64: v = to_int(&s, n, 64, true); break;
    default: break;
    }
    if (kind == X87_BCD)
        to_bcd(&s, n, mem);
    else
        memcpy(mem, &v, sizeof(v));
    return s.sw;
}
