/* SPDX-License-Identifier: MIT */
/*
 * The x87 in portable C: transcendental functions (Intel SDM vol. 1, 8.3.6 to 8.3.10), computed in
 * the C library's 113-bit format, which has the x87's exponent range, and rounded to 64 bits. The
 * x87 promises an error below one unit in the last place; the last bit may differ from Intel's.
 */
#include "x87-soft.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { QUAD_FRAC = 112 };

/*
 * The 113-bit format: `long double` where that is it, otherwise the type that gcc and clang both
 * spell __float128. The C library has the functions wherever it has the format, but declares them
 * for compilers that know the name _Float128 only, which clang does not.
 */
#if LDBL_MANT_DIG == 113
typedef long double Quad;
#define QUAD(function) function##l
#else
typedef __float128 Quad;
#define QUAD(function) function##f128
Quad ldexpf128(Quad, int);
Quad logf128(Quad);
Quad log2f128(Quad);
Quad log1pf128(Quad);
Quad expm1f128(Quad);
Quad atan2f128(Quad, Quad);
Quad sinf128(Quad);
Quad cosf128(Quad);
Quad tanf128(Quad);
#endif

static Quad to_quad(SoftNum n)
{
    Quad v = n.cls == SOFT_ZERO ? 0 : (Quad)n.mant;

    v = n.cls == SOFT_INF ? __builtin_inff() : QUAD(ldexp)(v, n.exp - 63);
    return n.sign ? -v : v;
}

/* Beyond the 113-bit format's range there is nothing but overflow or underflow. */
enum { FAR = 2 * FP80_EXPONENT };

/* A result that is not exact, unless it is zero or infinite because an operand is. */
static X86Fp80 from_quad(Soft *s, Quad v, bool finite)
{
    u128 bits, frac;
    int biased;

    memcpy(&bits, &v, sizeof(bits));
    bool sign = bits >> 127;
    biased = (int)(bits >> QUAD_FRAC) & FP80_EXPONENT;
    frac = bits & (((u128)1 << QUAD_FRAC) - 1);
    if (biased == FP80_EXPONENT)
        return frac     ? soft_invalid(s)
               : finite ? soft_pack(s, sign, FAR, (u128)1 << 127 | 1, false)
                        : soft_inf(sign);
    if (!biased && !frac)
        return soft_zero(sign);
    s->sw |= FSW_PE;
    if (biased)
        frac |= (u128)1 << QUAD_FRAC;
    return soft_pack(s, sign, (biased ? biased : 1) - FP80_BIAS + 127 - QUAD_FRAC, frac, false);
}

/* ST1 * log, where log is that of ST0 or of ST0 + 1. */
static X86Fp80 times_log(Soft *s, SoftNum x, SoftNum y, bool plus_one)
{
    Quad ln2 = QUAD(log)(2), v = to_quad(x);
    bool pole = !plus_one && x.cls == SOFT_ZERO;

    if ((!plus_one && x.sign && x.cls != SOFT_ZERO) || (plus_one && v < -1))
        return soft_invalid(s);
    if (pole && y.cls == SOFT_NUM) {
        s->sw |= FSW_ZE;
        return soft_inf(!y.sign);
    }
    soft_note_denormals(s, x, y);
    Quad log = plus_one ? QUAD(log1p)(v) / ln2 : pole ? -__builtin_inff() : QUAD(log2)(v);
    return from_quad(s, to_quad(y) * log, x.cls == SOFT_NUM && y.cls == SOFT_NUM);
}

static X86Fp80 arc_tangent(Soft *s, SoftNum x, SoftNum y)
{
    Quad v = QUAD(atan2)(to_quad(y), to_quad(x));

    if (v == 0 && x.cls == SOFT_NUM && y.cls == SOFT_NUM)
        return soft_pack(s, y.sign, -FAR, (u128)1 << 127 | 1, false);
    return from_quad(s, v, true);
}

/*
 * The argument modulo pi / 2, where pi is the 66-bit value that the x87 reduces by (SDM vol. 1,
 * 8.3.8), and the quadrant.
 */
static Quad reduce(SoftNum x, unsigned *quadrant)
{
    enum { HALF_PI_EXP = -67 };
    const u128 half_pi = (u128)0xc << 64 | 0x90fdaa22168c234c;
    u128 rest;

    *quadrant = 0;
    x.sign = false;
    if (x.cls != SOFT_NUM || x.exp < 0)
        return to_quad(x);
    rest = x.mant;
    for (int i = 0; i < x.exp - 63 - HALF_PI_EXP; i++) {
        rest <<= 1;
        *quadrant = *quadrant * 2 + (unsigned)(rest / half_pi);
        rest %= half_pi;
    }
    return QUAD(ldexp)((Quad)rest, HALF_PI_EXP);
}

static X86Fp80 trigonometric(Soft *s, X87Op op, SoftNum x)
{
    unsigned quadrant;
    Quad r = reduce(x, &quadrant), v;
    bool swap = quadrant & 1, negative = x.sign && op != X87_FCOS;

    if (op == X87_FPTAN) {
        v = swap ? -1 / QUAD(tan)(r) : QUAD(tan)(r);
    } else {
        v = (op == X87_FCOS) != swap ? QUAD(cos)(r) : QUAD(sin)(r);
        negative ^= (op == X87_FCOS ? quadrant + 1 : quadrant) >> 1 & 1;
    }
    X86Fp80 result = from_quad(s, negative ? -v : v, true);
    /* The cosine of zero is exact. */
    if (x.cls == SOFT_ZERO)
        s->sw &= (uint16_t)~FSW_PE;
    return result;
}

X86Fp80 soft_function(Soft *s, X87Op op, SoftNum x, SoftNum y)
{
    if (op == X87_FYL2X || op == X87_FYL2XP1)
        return times_log(s, x, y, op == X87_FYL2XP1);
    if (x.cls == SOFT_INF && op != X87_F2XM1 && op != X87_FPATAN)
        return soft_invalid(s);
    soft_note_denormals(s, x, y);
    if (op == X87_F2XM1)
        return from_quad(s, QUAD(expm1)(to_quad(x) * QUAD(log)(2)), x.cls == SOFT_NUM);
    return op == X87_FPATAN ? arc_tangent(s, x, y) : trigonometric(s, op, x);
}
