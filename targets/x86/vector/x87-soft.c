/* SPDX-License-Identifier: MIT */
/*
 * The x87 in portable C: rounding, arithmetic, comparisons, and the functions that are exact by
 * definition (Intel SDM vol. 1, 4.8, 4.9, 8.3, 8.5). See x87-soft.h.
 */
#include "x87-soft.h"

enum {
    WRAP = 24576,    /* exponent adjustment of unmasked overflow and underflow */
    TRIG_LIMIT = 63, /* exponent from which FSIN and its like set C2 */
};

/* ---- Packing ---------------------------------------------------------------------------- */

SoftNum soft_unpack(const X86Fp80 *a)
{
    unsigned exponent = a->sign_exponent & FP80_EXPONENT;
    bool integer = a->mantissa & FP80_INTEGER_BIT;
    SoftNum n = { .cls = SOFT_NUM, .sign = a->sign_exponent & FP80_SIGN, .mant = a->mantissa,
                  .exp = (int)exponent - FP80_BIAS };

    if (exponent && !integer) {
        n.cls = SOFT_BAD;
    } else if (exponent == FP80_EXPONENT) {
        n.cls = a->mantissa << 1 == 0 ? SOFT_INF : a->mantissa << 1 >> 63 ? SOFT_QNAN : SOFT_SNAN;
    } else if (!a->mantissa) {
        n.cls = SOFT_ZERO;
    } else if (!exponent) {
        int shift = __builtin_clzll(a->mantissa);
        n.denormal = true;
        n.exp = 1 - FP80_BIAS - shift;
        n.mant <<= shift;
    }
    return n;
}

static void set_c1(Soft *s, bool c1)
{
    s->sw = (uint16_t)((s->sw & ~FSW_C1) | (c1 ? FSW_C1 : 0));
}

/* Overflow: the biased exponent wraps when unmasked, else infinity or the largest number. */
static void overflow(Soft *s, SoftFormat f, bool sign, int *biased, uint64_t *significand)
{
    SfRounding r = soft_rounding(s);
    bool to_max = r == SF_ZERO || r == (sign ? SF_UP : SF_DOWN);

    s->sw |= FSW_OE;
    if (!(s->fcw & FSW_OE)) {
        *biased -= WRAP;
        return;
    }
    s->sw |= FSW_PE;
    set_c1(s, !to_max);
    *biased = (1 << f.exp_bits) - 1 - to_max;
    *significand = to_max ? ~0ull << (64 - f.precision) : FP80_INTEGER_BIT;
}

void soft_round(Soft *s, SoftFormat f, bool sign, int exp, u128 mant, int *biased,
                uint64_t *significand)
{
    unsigned drop = 128u - f.precision;
    int lead = clz128(mant);
    bool inexact, tiny = false;
    u128 q;

    mant <<= lead;
    *biased = exp - lead + (1 << (f.exp_bits - 1)) - 1;
    if (*biased < 1) {
        q = round_shift(soft_rounding(s), sign, mant, drop, &inexact);
        tiny = *biased < 0 || !(q >> f.precision);
        if (tiny && !(s->fcw & FSW_UE)) {
            s->sw |= FSW_UE;
            *biased += WRAP;
        } else {
            mant = shift_jam(mant, (unsigned)(1 - *biased));
            *biased = 1;
        }
    }
    q = round_shift(soft_rounding(s), sign, mant, drop, &inexact);
    set_c1(s, q > mant >> drop);
    if (q >> f.precision) {
        q >>= 1;
        ++*biased;
    }
    *significand = (uint64_t)q << (64 - f.precision);
    if (inexact)
        s->sw |= (uint16_t)(FSW_PE | (tiny ? FSW_UE : 0));
    if (*biased >= (1 << f.exp_bits) - 1)
        overflow(s, f, sign, biased, significand);
    if (!(*significand & FP80_INTEGER_BIT))
        *biased = 0;
}

X86Fp80 soft_pack(Soft *s, bool sign, int exp, u128 mant, bool controlled)
{
    static const uint8_t precisions[] = { 24, 64, 53, 64 };
    SoftFormat f = { controlled ? precisions[s->fcw >> 8 & 3] : 64, 15 };
    X86Fp80 r = { 0 };
    int biased;
    uint64_t significand;

    soft_round(s, f, sign, exp, mant, &biased, &significand);
    r.mantissa = significand;
    r.sign_exponent = (uint16_t)(biased | (sign ? FP80_SIGN : 0));
    return r;
}

X86Fp80 soft_zero(bool sign)
{
    return (X86Fp80){ { .sign_exponent = sign ? FP80_SIGN : 0 } };
}

X86Fp80 soft_inf(bool sign)
{
    return (X86Fp80){ { .mantissa = FP80_INTEGER_BIT,
                        .sign_exponent = (uint16_t)(FP80_EXPONENT | (sign ? FP80_SIGN : 0)) } };
}

X86Fp80 soft_invalid(Soft *s)
{
    s->sw |= FSW_IE;
    return x87_indefinite();
}

/* ---- NaN and denormals ------------------------------------------------------------------ */

/* Of two NaNs a quiet one wins over a signaling one, then the larger significand, then plus. */
static bool prefer_first(SoftNum x, SoftNum y)
{
    if (!soft_is_nan(y))
        return true;
    if (!soft_is_nan(x))
        return false;
    if (x.cls != y.cls)
        return x.cls == SOFT_QNAN;
    return x.mant != y.mant ? x.mant > y.mant : !x.sign;
}

X86Fp80 soft_pick_nan(Soft *s, SoftNum x, SoftNum y)
{
    SoftNum n = prefer_first(x, y) ? x : y;

    if (x.cls == SOFT_BAD || y.cls == SOFT_BAD)
        return soft_invalid(s);
    if (x.cls == SOFT_SNAN || y.cls == SOFT_SNAN)
        s->sw |= FSW_IE;
    return (X86Fp80){ { .mantissa = n.mant | 1ull << 62,
                        .sign_exponent = (uint16_t)(FP80_EXPONENT | (n.sign ? FP80_SIGN : 0)) } };
}

void soft_note_denormals(Soft *s, SoftNum x, SoftNum y)
{
    if (x.denormal || y.denormal)
        s->sw |= FSW_DE;
}

/* A number that is delivered as it is, rounded. */
static X86Fp80 repack(Soft *s, SoftNum n, bool controlled)
{
    if (n.cls == SOFT_ZERO)
        return soft_zero(n.sign);
    if (n.cls == SOFT_INF)
        return soft_inf(n.sign);
    return soft_pack(s, n.sign, n.exp, (u128)n.mant << 64, controlled);
}

/* ---- Arithmetic ------------------------------------------------------------------------- */

static X86Fp80 add(Soft *s, SoftNum x, SoftNum y)
{
    if (x.cls == SOFT_INF && y.cls == SOFT_INF && x.sign != y.sign)
        return soft_invalid(s);
    soft_note_denormals(s, x, y);
    if (x.cls == SOFT_ZERO && y.cls == SOFT_ZERO)
        return soft_zero(x.sign == y.sign ? x.sign : soft_rounding(s) == SF_DOWN);
    if (x.cls == SOFT_INF || y.cls == SOFT_ZERO)
        return repack(s, x, true);
    if (y.cls == SOFT_INF || x.cls == SOFT_ZERO)
        return repack(s, y, true);
    if (x.exp < y.exp || (x.exp == y.exp && x.mant < y.mant)) {
        SoftNum t = x;
        x = y;
        y = t;
    }
    u128 big = (u128)x.mant << 63, small = shift_jam((u128)y.mant << 63, (unsigned)(x.exp - y.exp));
    u128 sum = x.sign == y.sign ? big + small : big - small;
    return sum ? soft_pack(s, x.sign, x.exp + 1, sum, true)
               : soft_zero(soft_rounding(s) == SF_DOWN);
}

static X86Fp80 multiply(Soft *s, SoftNum x, SoftNum y)
{
    bool sign = x.sign != y.sign;

    if ((x.cls == SOFT_INF && y.cls == SOFT_ZERO) || (x.cls == SOFT_ZERO && y.cls == SOFT_INF))
        return soft_invalid(s);
    soft_note_denormals(s, x, y);
    if (x.cls == SOFT_INF || y.cls == SOFT_INF)
        return soft_inf(sign);
    if (x.cls == SOFT_ZERO || y.cls == SOFT_ZERO)
        return soft_zero(sign);
    return soft_pack(s, sign, x.exp + y.exp + 1, (u128)x.mant * y.mant, true);
}

static X86Fp80 divide(Soft *s, SoftNum x, SoftNum y)
{
    bool sign = x.sign != y.sign;

    if (x.cls == y.cls && x.cls != SOFT_NUM)
        return soft_invalid(s);
    if (x.cls == SOFT_NUM && y.cls == SOFT_ZERO) {
        s->sw |= FSW_ZE;
        return soft_inf(sign);
    }
    soft_note_denormals(s, x, y);
    if (x.cls == SOFT_INF || y.cls == SOFT_ZERO)
        return soft_inf(sign);
    if (x.cls == SOFT_ZERO || y.cls == SOFT_INF)
        return soft_zero(sign);
    /* 63 bits, then 63 more of the remainder, then sticky: 64 and a guard are needed. */
    u128 dividend = (u128)x.mant << 63;
    u128 high = dividend / y.mant, rest = dividend % y.mant << 63;
    u128 quotient = high << 63 | rest / y.mant;
    return soft_pack(s, sign, x.exp - y.exp + 1, quotient | (rest % y.mant != 0), true);
}

static X86Fp80 arith(Soft *s, X87Arith op, SoftNum x, SoftNum y)
{
    SoftNum t = x;

    if (soft_is_nan(x) || soft_is_nan(y) || x.cls == SOFT_BAD || y.cls == SOFT_BAD)
        return soft_pick_nan(s, x, y);
    if (op == X87_SUBR || op == X87_DIVR) {
        x = y;
        y = t;
    }
    if (op == X87_SUB || op == X87_SUBR)
        y.sign = !y.sign;
    if (op == X87_MUL)
        return multiply(s, x, y);
    return op == X87_DIV || op == X87_DIVR ? divide(s, x, y) : add(s, x, y);
}

static uint16_t deliver(const Soft *s, X86Fp80 *a, X86Fp80 result)
{
    if (!soft_stopped(s))
        *a = result;
    return soft_status(s);
}

uint16_t x87_host_arith(const X86State *guest, X87Arith op, X86Fp80 *dst, const X86Fp80 *src)
{
    Soft s = { .fcw = guest->fcw };
    X86Fp80 result = arith(&s, op, soft_unpack(dst), soft_unpack(src));

    return deliver(&s, dst, result);
}

uint16_t x87_host_arith_mem(const X86State *guest, X87Arith op, X87Kind kind, X86Fp80 *dst,
                            const void *mem)
{
    Soft s = { .fcw = guest->fcw };
    X86Fp80 result = arith(&s, op, soft_unpack(dst), soft_unpack_mem(kind, mem));

    return deliver(&s, dst, result);
}

/* ---- Comparisons ------------------------------------------------------------------------ */

/* Negative, zero or positive as x is less than, equal to or greater than y. */
static int order(SoftNum x, SoftNum y)
{
    int magnitude = x.exp != y.exp ? (x.exp > y.exp ? 1 : -1)
                                   : (x.mant > y.mant) - (x.mant < y.mant);

    if (x.cls == SOFT_ZERO && y.cls == SOFT_ZERO)
        return 0;
    if (x.cls == SOFT_ZERO)
        return y.sign ? 1 : -1;
    if (y.cls == SOFT_ZERO || x.sign != y.sign)
        return x.sign ? -1 : 1;
    return x.sign ? -magnitude : magnitude;
}

static uint16_t compare(uint16_t fcw, bool ordered, SoftNum x, SoftNum y)
{
    Soft s = { .fcw = fcw };
    bool bad = x.cls == SOFT_BAD || y.cls == SOFT_BAD;

    if (bad || soft_is_nan(x) || soft_is_nan(y)) {
        bool invalid = bad || ordered || x.cls == SOFT_SNAN || y.cls == SOFT_SNAN;
        return (uint16_t)(FSW_C0 | FSW_C2 | FSW_C3 | (invalid ? FSW_IE : 0));
    }
    soft_note_denormals(&s, x, y);
    int o = order(x, y);
    return (uint16_t)(s.sw | (o < 0 ? FSW_C0 : o == 0 ? FSW_C3 : 0));
}

uint16_t x87_host_compare(const X86State *guest, bool ordered, const X86Fp80 *a, const X86Fp80 *b)
{
    return compare(guest->fcw, ordered, soft_unpack(a), soft_unpack(b));
}

uint16_t x87_host_compare_mem(const X86State *guest, X87Kind kind, const X86Fp80 *a,
                              const void *mem)
{
    return compare(guest->fcw, true, soft_unpack(a), soft_unpack_mem(kind, mem));
}

/* ---- Single operands -------------------------------------------------------------------- */

static X86Fp80 square_root(Soft *s, SoftNum x)
{
    bool exact, even = !(x.exp & 1);

    if (x.cls == SOFT_ZERO)
        return soft_zero(x.sign);
    if (x.sign)
        return soft_invalid(s);
    soft_note_denormals(s, x, x);
    if (x.cls == SOFT_INF)
        return soft_inf(false);
    /* 64 bits of root, then one more by what is left: the guard that rounding needs. */
    u128 radicand = (u128)x.mant << (even ? 63 : 64);
    u128 root = root128(radicand, &exact), rest = radicand - root * root;
    u128 mant = root << 64 | (rest > root ? (u128)1 << 63 : 0) | !exact;
    return soft_pack(s, false, (x.exp - (even ? 126 : 127)) / 2 + 63, mant, true);
}

static X86Fp80 round_to_integer(Soft *s, SoftNum x)
{
    bool inexact;

    soft_note_denormals(s, x, x);
    if (x.cls != SOFT_NUM || x.exp >= 63)
        return repack(s, x, false);
    u128 whole = round_shift(soft_rounding(s), x.sign, (u128)x.mant << 63, (unsigned)(126 - x.exp),
                             &inexact);
    bool up = x.exp < 0 ? whole != 0 : whole > x.mant >> (63 - x.exp);
    X86Fp80 result = whole ? soft_pack(s, x.sign, 127, whole, false) : soft_zero(x.sign);
    s->sw |= inexact ? FSW_PE : 0;
    set_c1(s, up);
    return result;
}

uint16_t x87_host_unary(const X86State *guest, X87Op op, X86Fp80 *a)
{
    Soft s = { .fcw = guest->fcw };
    SoftNum x = soft_unpack(a), zero = { .cls = SOFT_ZERO };
    X86Fp80 result = *a;

    if (op == X87_FTST)
        return compare(guest->fcw, true, x, zero);
    if ((op == X87_FSIN || op == X87_FCOS) && x.cls == SOFT_NUM && x.exp >= TRIG_LIMIT)
        return FSW_C2;
    if (soft_is_nan(x) || x.cls == SOFT_BAD)
        result = soft_pick_nan(&s, x, x);
    else if (op == X87_FSQRT)
        result = square_root(&s, x);
    else if (op == X87_FRNDINT)
        result = round_to_integer(&s, x);
    else
        result = soft_function(&s, op, x, x);
    return deliver(&s, a, result);
}

void x87_host_constant(const X86State *guest, X87Op op, X86Fp80 *a)
{
    /* 128 bits each: log2(10), log2(e), pi, log10(2), ln(2). */
    static const struct {
        uint64_t high, low;
        int exp;
    } values[] = {
        [X87_FLD1 - X87_FLD1] = { 0x8000000000000000, 0, 0 },
        [X87_FLDL2T - X87_FLD1] = { 0xd49a784bcd1b8afe, 0x492bf6ff4dafdb4c, 1 },
        [X87_FLDL2E - X87_FLD1] = { 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88, 0 },
        [X87_FLDPI - X87_FLD1] = { 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1, 1 },
        [X87_FLDLG2 - X87_FLD1] = { 0x9a209a84fbcff798, 0x8f8959ac0b7c9178, -2 },
        [X87_FLDLN2 - X87_FLD1] = { 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af, -1 },
        [X87_FLDZ - X87_FLD1] = { 0, 0, 0 },
    };
    Soft s = { .fcw = guest->fcw };
    u128 mant = (u128)values[op - X87_FLD1].high << 64 | values[op - X87_FLD1].low;

    *a = mant ? soft_pack(&s, false, values[op - X87_FLD1].exp, mant, false) : soft_zero(false);
}

/* ---- Remainders and scaling ------------------------------------------------------------- */

static void quotient_bits(Soft *s, uint64_t q)
{
    s->sw |= (uint16_t)((q & 4 ? FSW_C0 : 0) | (q & 2 ? FSW_C3 : 0) | (q & 1 ? FSW_C1 : 0));
}

/* x mod y for a difference of exponents below 64; to nearest for FPREM1. */
static X86Fp80 finish_remainder(Soft *s, SoftNum x, SoftNum y, bool nearest)
{
    int difference = x.exp - y.exp;
    u128 rest = x.mant, divisor = y.mant;
    uint64_t q = 0;
    bool sign = x.sign;

    if (difference < -1)
        return repack(s, x, false);
    if (difference < 0) {
        rest = x.mant;
        divisor <<= 1;
        difference = 0;
        y.exp--;
    } else {
        rest <<= difference;
        q = (uint64_t)(rest / divisor);
        rest %= divisor;
    }
    if (nearest && (rest * 2 > divisor || (rest * 2 == divisor && q & 1))) {
        rest = divisor - rest;
        sign = !sign;
        q++;
    }
    X86Fp80 result = rest ? soft_pack(s, sign, y.exp + 64, rest, false) : soft_zero(x.sign);
    s->sw &= (uint16_t)~FSW_C1;
    quotient_bits(s, q);
    return result;
}

/* A difference of 64 or more is lessened by 32 to 63 bits, and C2 says so (SDM, FPREM). */
static X86Fp80 remainder_of(Soft *s, SoftNum x, SoftNum y, bool nearest)
{
    int difference = x.exp - y.exp;

    if (x.cls == SOFT_INF || y.cls == SOFT_ZERO)
        return soft_invalid(s);
    soft_note_denormals(s, x, y);
    if (x.cls == SOFT_ZERO || y.cls == SOFT_INF)
        return repack(s, x, false);
    if (difference < 64)
        return finish_remainder(s, x, y, nearest);
    int step = difference % 32 + 32;
    u128 rest = ((u128)x.mant << step) % y.mant;
    X86Fp80 result = rest ? soft_pack(s, x.sign, y.exp + difference - step + 64, rest, false)
                          : soft_zero(x.sign);
    s->sw = (uint16_t)((s->sw & ~FSW_C1) | FSW_C2);
    return result;
}

/* ST0 * 2^truncated ST1 */
static X86Fp80 scale(Soft *s, SoftNum x, SoftNum y)
{
    enum { FAR = 0x20000 };
    int64_t by = 0;

    if (y.cls == SOFT_INF) {
        if (x.cls == (y.sign ? SOFT_INF : SOFT_ZERO))
            return soft_invalid(s);
        soft_note_denormals(s, x, x);
        return y.sign ? soft_zero(x.sign) : soft_inf(x.sign);
    }
    soft_note_denormals(s, x, y);
    if (x.cls != SOFT_NUM)
        return repack(s, x, false);
    if (y.cls == SOFT_NUM && y.exp >= 0)
        by = y.exp > 16 ? FAR : (int64_t)(y.mant >> (63 - y.exp));
    x.exp += (int)(y.sign ? -by : by);
    /* Unmasked, but too far for the wrapped exponent: infinity or zero in every rounding mode. */
    if (!(s->fcw & FSW_OE) && x.exp + FP80_BIAS - WRAP >= FP80_EXPONENT) {
        s->sw |= FSW_OE | FSW_PE | FSW_C1;
        return soft_inf(x.sign);
    }
    if (!(s->fcw & FSW_UE) && x.exp + FP80_BIAS + WRAP < 1) {
        s->sw |= FSW_UE | FSW_PE;
        return soft_zero(x.sign);
    }
    return repack(s, x, false);
}

uint16_t x87_host_binary(const X86State *guest, X87Op op, X86Fp80 *a, const X86Fp80 *b)
{
    Soft s = { .fcw = guest->fcw };
    SoftNum x = soft_unpack(a), y = soft_unpack(b);
    X86Fp80 result;

    if (soft_is_nan(x) || soft_is_nan(y) || x.cls == SOFT_BAD || y.cls == SOFT_BAD)
        result = soft_pick_nan(&s, x, y);
    else if (op == X87_FPREM || op == X87_FPREM1)
        result = remainder_of(&s, x, y, op == X87_FPREM1);
    else if (op == X87_FSCALE)
        result = scale(&s, x, y);
    else
        result = soft_function(&s, op, x, y);
    return deliver(&s, a, result);
}

/* ---- Two results ------------------------------------------------------------------------ */

static X86Fp80 from_int(Soft *s, int v)
{
    return v ? soft_pack(s, v < 0, 127, (u128)(unsigned)(v < 0 ? -v : v), false) : soft_zero(false);
}

/* FXTRACT: the exponent in *a, the significand in *b. */
static void extract(Soft *s, SoftNum x, X86Fp80 *a, X86Fp80 *b)
{
    *b = *a;
    if (x.cls == SOFT_ZERO) {
        s->sw |= FSW_ZE;
        *a = soft_inf(true);
    } else if (x.cls == SOFT_INF) {
        *a = soft_inf(false);
    } else {
        soft_note_denormals(s, x, x);
        *a = from_int(s, x.exp);
        x.exp = 0;
        *b = repack(s, x, false);
    }
}

uint16_t x87_host_split(const X86State *guest, X87Op op, X86Fp80 *a, X86Fp80 *b)
{
    Soft s = { .fcw = guest->fcw };
    SoftNum x = soft_unpack(a);
    X86Fp80 first = *a, second = x87_indefinite();

    if (soft_is_nan(x) || x.cls == SOFT_BAD) {
        first = second = soft_pick_nan(&s, x, x);
    } else if (op == X87_FXTRACT) {
        extract(&s, x, &first, &second);
    } else if (x.cls == SOFT_INF) {
        first = second = soft_invalid(&s);
    } else if (x.cls == SOFT_NUM && x.exp >= TRIG_LIMIT) {
        return FSW_C2;
    } else {
        first = soft_function(&s, op == X87_FPTAN ? X87_FPTAN : X87_FSIN, x, x);
        second = op == X87_FPTAN ? from_int(&s, 1) : soft_function(&s, X87_FCOS, x, x);
    }
    if (!soft_stopped(&s)) {
        *a = first;
        *b = second;
    }
    return soft_status(&s);
}
