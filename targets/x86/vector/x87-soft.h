/* SPDX-License-Identifier: MIT */
/*
 * x87-host.h in portable C, for hosts without an x87: what its files share. Values of the 80-bit
 * format are unpacked to (class, sign, exponent, 64-bit significand) and rounded once.
 */
#ifndef TENON_X86_X87_SOFT_H
#define TENON_X86_X87_SOFT_H

#include "x87.h"

#include "wide.h"

/* BAD: an encoding that the 387 and its successors do not support (SDM vol. 1, 8.2.2). */
typedef enum SoftClass { SOFT_ZERO, SOFT_NUM, SOFT_INF, SOFT_QNAN, SOFT_SNAN, SOFT_BAD } SoftClass;

/* NUM: mant * 2^(exp - 63), bit 63 of mant set. NaN: mant as it is. */
typedef struct SoftNum {
    uint8_t cls;
    bool sign, denormal;
    int32_t exp;
    uint64_t mant;
} SoftNum;

/* One instruction: its control word and the status word that it makes. */
typedef struct Soft {
    uint16_t fcw, sw;
} Soft;

/* A destination format; `precision` counts the integer bit. */
typedef struct SoftFormat {
    uint8_t precision, exp_bits;
} SoftFormat;

SoftNum soft_unpack(const X86Fp80 *a);
SoftNum soft_unpack_mem(X87Kind kind, const void *mem);

static inline bool soft_is_nan(SoftNum n)
{
    return n.cls == SOFT_QNAN || n.cls == SOFT_SNAN;
}

static inline SfRounding soft_rounding(const Soft *s)
{
    return (SfRounding)(s->fcw >> FCW_RC_SHIFT & 3);
}

/* True when an exception found so far, of those before rounding, is unmasked. */
static inline bool soft_stopped(const Soft *s)
{
    return s->sw & ~s->fcw & FSW_BEFORE_RESULT;
}

/* The status word to return: nothing is reported beyond an unmasked exception that stops. */
static inline uint16_t soft_status(const Soft *s)
{
    return soft_stopped(s) ? s->sw & ~(FSW_OE | FSW_UE | FSW_PE | FSW_C1) : s->sw;
}

/* Rounds mant * 2^(exp - 127), mant nonzero, to the format: biased exponent and significand. */
void soft_round(Soft *s, SoftFormat f, bool sign, int exp, u128 mant, int *biased,
                uint64_t *significand);

/* The same into the 80-bit format, with the control word's precision or 64 bits. */
X86Fp80 soft_pack(Soft *s, bool sign, int exp, u128 mant, bool controlled);

X86Fp80 soft_zero(bool sign);
X86Fp80 soft_inf(bool sign);
/* IE and the default NaN. */
X86Fp80 soft_invalid(Soft *s);
/* The NaN that two operands of which one is a NaN deliver; one operand twice for a single one. */
X86Fp80 soft_pick_nan(Soft *s, SoftNum x, SoftNum y);
/* DE where one is denormal. */
void soft_note_denormals(Soft *s, SoftNum x, SoftNum y);

/* x87-soft-math.c: the transcendental functions of numbers and zeros that need no special case. */
X86Fp80 soft_function(Soft *s, X87Op op, SoftNum x, SoftNum y);

#endif
