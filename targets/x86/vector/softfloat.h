/* SPDX-License-Identifier: MIT */
/*
 * IEEE 754 binary arithmetic in integers, with the choices that SSE makes (SDM vol. 1, 4.8, 4.9,
 * 11.5 and appendix E): the first NaN operand wins, tininess is detected after rounding, denormals
 * have a flag of their own and may be taken and delivered as zero.
 *
 * Values of every format travel as their bit patterns in a uint64_t. Formats of up to 64 bits with
 * a hidden bit fit; no state but the environment that the caller passes.
 */
#ifndef TENON_X86_SOFTFLOAT_H
#define TENON_X86_SOFTFLOAT_H

#include <stdbool.h>
#include <stdint.h>

/* Exception flags; the bit positions of MXCSR and of the x87 status word. */
enum {
    SF_IE = 1u << 0, SF_DE = 1u << 1, SF_ZE = 1u << 2, SF_OE = 1u << 3, SF_UE = 1u << 4,
    SF_PE = 1u << 5,
};

/* Rounding, encoded as MXCSR.RC. */
typedef enum SfRounding { SF_NEAREST, SF_DOWN, SF_UP, SF_ZERO } SfRounding;

typedef struct SfEnv {
    uint8_t rounding;   /* SfRounding */
    bool daz;           /* denormal operands are zero */
    bool ftz;           /* tiny results are zero while underflow is masked */
    uint8_t unmasked;   /* SF_*: of OE and UE, unmasked, the result does not matter and PE tells
                         * whether it is inexact with an unbounded exponent */
    bool masked_pe;     /* no, PE is that of the masked response all the same */
    uint8_t flags;      /* SF_*: sticky */
} SfEnv;

typedef struct SfFormat {
    uint8_t frac, exp;  /* widths in bits */
} SfFormat;

extern const SfFormat sf_f16, sf_f32, sf_f64;

typedef enum SfOrder { SF_LESS, SF_EQUAL, SF_GREATER, SF_UNORDERED } SfOrder;

uint64_t sf_default_nan(const SfFormat *f);

uint64_t sf_add(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b);
uint64_t sf_sub(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b);
uint64_t sf_mul(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b);
uint64_t sf_div(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b);
uint64_t sf_sqrt(SfEnv *e, const SfFormat *f, uint64_t a);

/* What fma negates before adding. */
enum { SF_NEG_PRODUCT = 1u << 0, SF_NEG_ADDEND = 1u << 1 };
/* a * b + c, rounded once; of several NaNs the first of a, b, c is the result. */
uint64_t sf_fma(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b, uint64_t c, unsigned neg);

/* MINxx and MAXxx: b where a NaN or two zeros are compared. */
uint64_t sf_min(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b);
uint64_t sf_max(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b);

/* With `signaling` a quiet NaN is invalid too. */
SfOrder sf_compare(SfEnv *e, const SfFormat *f, uint64_t a, uint64_t b, bool signaling);

uint64_t sf_convert(SfEnv *e, const SfFormat *from, const SfFormat *to, uint64_t a);
uint64_t sf_from_int(SfEnv *e, const SfFormat *f, int64_t v);
/* To a signed integer of 32 or 64 bits, zero above; the integer indefinite where it is too big. */
uint64_t sf_to_int(SfEnv *e, const SfFormat *f, uint64_t a, unsigned bits, SfRounding rounding);
/* To an integral value in the format; `exact` leaves PE alone. */
uint64_t sf_round(SfEnv *e, const SfFormat *f, uint64_t a, SfRounding rounding, bool exact);

#endif
