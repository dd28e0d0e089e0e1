/* SPDX-License-Identifier: MIT */
/*
 * IEEE 754 arithmetic in integers: see softfloat.h.
 *
 * Every operation unpacks to (class, sign, exponent, 64-bit significand), computes a result that is
 * exact but for a sticky lowest bit in 128 bits, and rounds once in round_pack().
 */
#include "softfloat.h"

#include "wide.h"

typedef enum Class { ZERO, NUM, INF, QNAN, SNAN } Class;

/* NUM: the value is mant * 2^(exp - 63), bit 63 of mant set. */
typedef struct Num {
    uint8_t cls;
    bool sign, denormal;
    int32_t exp;
    uint64_t mant;
} Num;

const SfFormat sf_f16 = { 10, 5 };
const SfFormat sf_f32 = { 23, 8 };
const SfFormat sf_f64 = { 52, 11 };

static int bias(const SfFormat *f)
{
    return (1 << (f->exp - 1)) - 1;
}

static uint64_t signed_bits(const SfFormat *f, bool sign, uint64_t magnitude)
{
    return (uint64_t)sign << (f->frac + f->exp) | magnitude;
}

static uint64_t infinity(const SfFormat *f, bool sign)
{
    return signed_bits(f, sign, ((1ull << f->exp) - 1) << f->frac);
}

static uint64_t quiet(const SfFormat *f, uint64_t v)
{
    return v | 1ull << (f->frac - 1);
}

uint64_t sf_default_nan(const SfFormat *f)
{
    return quiet(f, infinity(f, true));
}

static uint64_t invalid(SfEnv *e, const SfFormat *f)
{
    e->flags |= SF_IE;
    return sf_default_nan(f);
}

static Num unpack(const SfEnv *e, const SfFormat *f, uint64_t v)
{
    Num n = { .cls = ZERO, .sign = v >> (f->frac + f->exp) & 1 };
    uint64_t frac = v & ((1ull << f->frac) - 1);
    int max = (1 << f->exp) - 1, biased = (int)(v >> f->frac) & max;

    if (biased == max) {
        n.cls = frac == 0 ? INF : frac >> (f->frac - 1) ? QNAN : SNAN;
    } else if (biased) {
        n.cls = NUM;
        n.mant = (frac | 1ull << f->frac) << (63 - f->frac);
        n.exp = biased - bias(f);
    } else if (frac && !e->daz) {
        int shift = __builtin_clzll(frac);
        n.cls = NUM;
        n.denormal = true;
        n.mant = frac << shift;
        n.exp = 64 - f->frac - bias(f) - shift;
    }
    return n;
}

static bool is_nan(Num n)
{
    return n.cls >= QNAN;
}

static void note_denormals(SfEnv *e, Num x, Num y)
{
    if (x.denormal || y.denormal)
        e->flags |= SF_DE;
}

/* The NaN that a two-operand instruction delivers: the first one, quieted. */
static uint64_t pick_nan(SfEnv *e, const SfFormat *f, uint64_t a, Num x, uint64_t b, Num y)
{
    if (x.cls == SNAN || y.cls == SNAN)
        e->flags |= SF_IE;
    return quiet(f, is_nan(x) ? a : b);
}

static uint64_t overflow(SfEnv *e, const SfFormat *f, bool sign, bool inexact)
{
    bool to_max = e->rounding == SF_ZERO || e->rounding == (sign ? SF_UP : SF_DOWN);

    e->flags |= SF_OE | (inexact || e->masked_pe || !(e->unmasked & SF_OE) ? SF_PE : 0);
    return infinity(f, sign) - to_max;
}

/* Is the value tiny once rounded to full precision with an unbounded exponent, and inexact so? */
static bool tiny_after_rounding(const SfEnv *e, const SfFormat *f, bool sign, int biased, u128 mant,
                                bool *inexact)
{
    u128 rounded = round_shift(e->rounding, sign, mant, 127 - f->frac, inexact);

    return biased < 0 || !(rounded >> (f->frac + 1));
}

/* Rounds mant * 2^(exp - 127), mant nonzero, to the format. */
static uint64_t round_pack(SfEnv *e, const SfFormat *f, bool sign, int exp, u128 mant)
{
    int lead = clz128(mant);
    mant <<= lead;
    int biased = exp - lead + bias(f);
    bool inexact, tiny = false;

    if (biased < 1) {
        tiny = tiny_after_rounding(e, f, sign, biased, mant, &inexact);
        if (tiny && !e->masked_pe && (e->ftz || e->unmasked & SF_UE)) {
            e->flags |= SF_UE | (inexact || !(e->unmasked & SF_UE) ? SF_PE : 0);
            return signed_bits(f, sign, 0);
        }
        mant = shift_jam(mant, (unsigned)(1 - biased));
        biased = 1;
    }
    uint64_t q = (uint64_t)round_shift(e->rounding, sign, mant, 127 - f->frac, &inexact);
    /* The hidden bit, where there is one, adds one to the exponent. */
    uint64_t magnitude = biased >= 1 << f->exp ? infinity(f, false)
                                               : ((uint64_t)(biased - 1) << f->frac) + q;
    if (magnitude >= infinity(f, false))
        return overflow(e, f, sign, inexact);
    if (inexact)
        e->flags |= SF_PE;
    if (tiny && (inexact || e->unmasked & SF_UE))
        e->flags |= SF_UE;
    return signed_bits(f, sign, magnitude);
}

static uint64_t zero_sum(const SfEnv *e, const SfFormat *f)
{
    return signed_bits(f, e->rounding == SF_DOWN, 0);
}

/* A finite nonzero value mant * 2^(exp - 126) on its way through an addition; bit 126 is set. */
typedef struct Wide {
    bool sign;
    int exp;
    u128 mant;
} Wide;

static Wide widen(Num n)
{
    return (Wide){ n.sign, n.exp, (u128)n.mant << 63 };
}

static uint64_t add_wide(SfEnv *e, const SfFormat *f, Wide x, Wide y)
{
    if (x.exp < y.exp || (x.exp == y.exp && x.mant < y.mant)) {
        Wide t = x;
        x = y;
        y = t;
    }
    y.mant = shift_jam(y.mant, (unsigned)(x.exp - y.exp));
    u128 sum = x.sign == y.sign ? x.mant + y.mant : x.mant - y.mant;
    return sum ? round_pack(e, f, x.sign, x.exp + 1, sum) : zero_sum(e, f);
}

/* The bit pattern of a number that needs no rounding. */
static uint64_t repack(SfEnv *e, const SfFormat *f, Num n)
{
    if (n.cls == ZERO)
        return signed_bits(f, n.sign, 0);
    if (n.cls == INF)
        return infinity(f, n.sign);
    return round_pack(e, f, n.sign, n.exp, (u128)n.mant << 64);
}

static uint64_t add_nums(SfEnv *e, const SfFormat *f, Num x, Num y)
{
    if (x.cls == INF && y.cls == INF && x.sign != y.sign)
        return invalid(e, f);
    note_denormals(e, x, y);
    if (x.cls == ZERO && y.cls == ZERO)
        return x.sign == y.sign ? signed_bits(f, x.sign, 0) : zero_sum(e, f);
    if (x.cls == INF || y.cls == ZERO)
        return repack(e, f, x);
    if (y.cls == INF || x.cls == ZERO)
        return repack(e, f, y);
    return add_wide(e, f, widen(x), widen(y));
}

uint64_t sf_add(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b)
{
    Num x = unpack(e, f, a), y = unpack(e, f, b);

    return is_nan(x) || is_nan(y) ? pick_nan(e, f, a, x, b, y) : add_nums(e, f, x, y);
}

uint64_t sf_sub(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b)
{
    Num x = unpack(e, f, a), y = unpack(e, f, b);

    if (is_nan(x) || is_nan(y))
        return pick_nan(e, f, a, x, b, y);
    y.sign = !y.sign;
    return add_nums(e, f, x, y);
}

uint64_t sf_mul(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b)
{
    Num x = unpack(e, f, a), y = unpack(e, f, b);
    bool sign = x.sign != y.sign;

    if (is_nan(x) || is_nan(y))
        return pick_nan(e, f, a, x, b, y);
    if ((x.cls == INF && y.cls == ZERO) || (x.cls == ZERO && y.cls == INF))
        return invalid(e, f);
    note_denormals(e, x, y);
    if (x.cls == INF || y.cls == INF)
        return infinity(f, sign);
    if (x.cls == ZERO || y.cls == ZERO)
        return signed_bits(f, sign, 0);
    return round_pack(e, f, sign, x.exp + y.exp + 1, (u128)x.mant * y.mant);
}

uint64_t sf_div(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b)
{
    Num x = unpack(e, f, a), y = unpack(e, f, b);
    bool sign = x.sign != y.sign;

    if (is_nan(x) || is_nan(y))
        return pick_nan(e, f, a, x, b, y);
    if (x.cls == y.cls && x.cls != NUM)
        return invalid(e, f);
    if (x.cls == NUM && y.cls == ZERO) {
        e->flags |= SF_ZE;
        return infinity(f, sign);
    }
    note_denormals(e, x, y);
    if (x.cls == INF || y.cls == ZERO)
        return infinity(f, sign);
    if (x.cls == ZERO || y.cls == INF)
        return signed_bits(f, sign, 0);
    u128 dividend = (u128)x.mant << 63;
    u128 quotient = dividend / y.mant << 64 | (dividend % y.mant != 0);
    return round_pack(e, f, sign, x.exp - y.exp, quotient);
}

uint64_t sf_sqrt(SfEnv *e, const SfFormat *f, uint64_t a)
{
    Num x = unpack(e, f, a);
    bool exact;

    if (is_nan(x))
        return pick_nan(e, f, a, x, a, x);
    if (x.cls == ZERO)
        return signed_bits(f, x.sign, 0);
    if (x.sign)
        return invalid(e, f);
    note_denormals(e, x, x);
    if (x.cls == INF)
        return a;
    /* The radicand times an even power of two, as wide as possible. */
    bool even = !(x.exp & 1);
    uint64_t root = root128((u128)x.mant << (even ? 63 : 64), &exact);
    int half_exp = (x.exp - (even ? 126 : 127)) / 2;
    return round_pack(e, f, false, half_exp + 63, (u128)root << 64 | !exact);
}

static uint64_t fma_nan(SfEnv *e, const SfFormat *f, const uint64_t v[3], const Num n[3])
{
    for (int i = 0; i < 3; i++)
        if (n[i].cls == SNAN)
            e->flags |= SF_IE;
    for (int i = 0; i < 2; i++)
        if (is_nan(n[i]))
            return quiet(f, v[i]);
    return quiet(f, v[2]);
}

/* A product that is zero or infinite plus c. */
static uint64_t fma_special(SfEnv *e, const SfFormat *f, Num product, Num c)
{
    product.denormal = false;
    c.denormal = false;
    return add_nums(e, f, product, c);
}

uint64_t sf_fma(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b, uint64_t c, unsigned neg)
{
    uint64_t v[3] = { a, b, c };
    Num n[3] = { unpack(e, f, a), unpack(e, f, b), unpack(e, f, c) };
    Num x = n[0], y = n[1], z = n[2];
    bool inf_times_zero = (x.cls == INF && y.cls == ZERO) || (x.cls == ZERO && y.cls == INF);

    if (is_nan(x) || is_nan(y) || is_nan(z))
        return fma_nan(e, f, v, n);
    if (inf_times_zero)
        return invalid(e, f);
    bool sign = (x.sign != y.sign) != ((neg & SF_NEG_PRODUCT) != 0);
    z.sign = z.sign != ((neg & SF_NEG_ADDEND) != 0);
    if ((x.cls == INF || y.cls == INF) && z.cls == INF && z.sign != sign)
        return invalid(e, f);
    note_denormals(e, x, y);
    note_denormals(e, z, z);
    if (x.cls != NUM || y.cls != NUM) {
        Num product = { .cls = x.cls == INF || y.cls == INF ? INF : ZERO, .sign = sign };
        return fma_special(e, f, product, z);
    }
    if (z.cls == INF)
        return infinity(f, z.sign);
    u128 product = (u128)x.mant * y.mant;
    int exp = x.exp + y.exp + 1;
    if (z.cls == ZERO)
        return round_pack(e, f, sign, exp, product);
    int lead = clz128(product);
    /* Both significands have at most 53 bits: nothing is lost by the shift to bit 126. */
    return add_wide(e, f, (Wide){ sign, exp - lead, product << lead >> 1 }, widen(z));
}

/* Orders two numbers that are not NaN. */
static SfOrder order(Num x, Num y)
{
    bool less;

    if (x.cls == ZERO && y.cls == ZERO)
        return SF_EQUAL;
    if (x.cls == ZERO)
        return y.sign ? SF_GREATER : SF_LESS;
    if (y.cls == ZERO || x.sign != y.sign)
        return x.sign ? SF_LESS : SF_GREATER;
    if (x.cls == INF || y.cls == INF) {
        if (x.cls == y.cls)
            return SF_EQUAL;
        less = y.cls == INF;
    } else if (x.exp == y.exp && x.mant == y.mant) {
        return SF_EQUAL;
    } else {
        less = x.exp < y.exp || (x.exp == y.exp && x.mant < y.mant);
    }
    return less != x.sign ? SF_LESS : SF_GREATER;
}

SfOrder sf_compare(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b, bool signaling)
{
    Num x = unpack(e, f, a), y = unpack(e, f, b);

    if (is_nan(x) || is_nan(y)) {
        if (signaling || x.cls == SNAN || y.cls == SNAN)
            e->flags |= SF_IE;
        return SF_UNORDERED;
    }
    note_denormals(e, x, y);
    return order(x, y);
}

/* What the instruction delivers of an operand: a denormal that counts as zero becomes one. */
static uint64_t delivered(const SfEnv *e, const SfFormat *f, uint64_t v)
{
    Num n = unpack(e, f, v);
    return n.cls == ZERO ? signed_bits(f, n.sign, 0) : v;
}

uint64_t sf_min(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b)
{
    return delivered(e, f, sf_compare(e, f, a, b, true) == SF_LESS ? a : b);
}

uint64_t sf_max(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b)
{
    return delivered(e, f, sf_compare(e, f, a, b, true) == SF_GREATER ? a : b);
}

/* A NaN of one format in another: the top of its payload is kept. */
static uint64_t convert_nan(const SfFormat *from, const SfFormat *to, uint64_t a, bool sign)
{
    uint64_t frac = a & ((1ull << from->frac) - 1);

    frac = to->frac >= from->frac ? frac << (to->frac - from->frac)
                                  : frac >> (from->frac - to->frac);
    return quiet(to, infinity(to, sign) | frac);
}

uint64_t sf_convert(SfEnv *e, const SfFormat *from, const SfFormat *to, uint64_t a)
{
    Num x = unpack(e, from, a);

    if (is_nan(x)) {
        if (x.cls == SNAN)
            e->flags |= SF_IE;
        return convert_nan(from, to, a, x.sign);
    }
    note_denormals(e, x, x);
    return repack(e, to, x);
}

uint64_t sf_from_int(SfEnv *e, const SfFormat *f, int64_t v)
{
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    return v ? round_pack(e, f, v < 0, 63, (u128)magnitude << 64) : 0;
}

uint64_t sf_to_int(SfEnv *e, const SfFormat *f, uint64_t a, unsigned bits, SfRounding rounding)
{
    Num x = unpack(e, f, a);
    uint64_t indefinite = 1ull << (bits - 1);
    bool inexact = false;
    u128 magnitude = 0;

    if (x.cls == ZERO)
        return 0;
    if (x.cls != NUM || x.exp > 63) {
        e->flags |= SF_IE;
        return indefinite;
    }
    magnitude = round_shift(rounding, x.sign, (u128)x.mant << 63, (unsigned)(126 - x.exp),
                            &inexact);
    if (magnitude > indefinite - !x.sign) {
        e->flags |= SF_IE;
        return indefinite;
    }
    if (inexact)
        e->flags |= SF_PE;
    uint64_t v = x.sign ? 0 - (uint64_t)magnitude : (uint64_t)magnitude;
    return bits == 64 ? v : v & ((1ull << bits) - 1);
}

uint64_t sf_round(SfEnv *e, const SfFormat *f, uint64_t a, SfRounding rounding, bool exact)
{
    Num x = unpack(e, f, a);
    bool inexact;

    if (is_nan(x))
        return pick_nan(e, f, a, x, a, x);
    if (x.cls != NUM)
        return repack(e, f, x);
    if (x.exp >= f->frac)
        return a;
    u128 magnitude = round_shift(rounding, x.sign, (u128)x.mant << 63, (unsigned)(126 - x.exp),
                                 &inexact);
    if (inexact && !exact)
        e->flags |= SF_PE;
    if (!magnitude)
        return signed_bits(f, x.sign, 0);
    SfEnv quiet_env = { .rounding = SF_NEAREST };
    return round_pack(&quiet_env, f, x.sign, 127, magnitude);
}
