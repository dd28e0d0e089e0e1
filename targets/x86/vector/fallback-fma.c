/* SPDX-License-Identifier: MIT */
/*
 * Fallbacks: fused multiply-add (SDM vol. 1, 14.5). a is the destination's old value (operand 1),
 * b operand 2, c operand 3; the digits name the factors and the addend: 132 is 1 * 3 + 2.
 */
#include "fallback-fp.h"

#define FMA_132(field, neg) sf_fma(&e, f, A->field[i], C->field[i], B->field[i], neg)
#define FMA_213(field, neg) sf_fma(&e, f, B->field[i], A->field[i], C->field[i], neg)
#define FMA_231(field, neg) sf_fma(&e, f, B->field[i], C->field[i], A->field[i], neg)

#define FMA_PACKED(op, order, neg) \
    FP_LANES(op##order##ps, ps, 4, (uint32_t)FMA_##order(u32, neg)) \
    FP_LANES(op##order##ps_y, ps, 8, (uint32_t)FMA_##order(u32, neg)) \
    FP_LANES(op##order##pd, pd, 2, FMA_##order(u64, neg)) \
    FP_LANES(op##order##pd_y, pd, 4, FMA_##order(u64, neg))

#define FMA_ALL(op, order, neg) \
    FMA_PACKED(op, order, neg) \
    FP_SCALAR(op##order##ss, ss, (uint32_t)FMA_##order(u32, neg)) \
    FP_SCALAR(op##order##sd, sd, FMA_##order(u64, neg))

#define FMA_ORDERS(kind, op, neg) \
    kind(op, 132, neg) \
    kind(op, 213, neg) \
    kind(op, 231, neg)

FMA_ORDERS(FMA_ALL, fmadd, 0)
FMA_ORDERS(FMA_ALL, fmsub, SF_NEG_ADDEND)
FMA_ORDERS(FMA_ALL, fnmadd, SF_NEG_PRODUCT)
FMA_ORDERS(FMA_ALL, fnmsub, SF_NEG_PRODUCT | SF_NEG_ADDEND)
/* ADDSUB subtracts in even lanes, SUBADD in odd ones. */
FMA_ORDERS(FMA_PACKED, fmaddsub, i & 1 ? 0 : SF_NEG_ADDEND)
FMA_ORDERS(FMA_PACKED, fmsubadd, i & 1 ? SF_NEG_ADDEND : 0)
