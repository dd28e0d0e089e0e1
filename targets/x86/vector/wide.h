/* SPDX-License-Identifier: MIT */
/* 128-bit significands: what both soft-float units are built on. */
#ifndef TENON_X86_WIDE_H
#define TENON_X86_WIDE_H

#include "softfloat.h"

typedef unsigned __int128 u128;

static inline int clz128(u128 v)
{
    uint64_t high = (uint64_t)(v >> 64);
    return high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)v);
}

/* Right shift that keeps lost bits as a sticky lowest one. */
static inline u128 shift_jam(u128 v, unsigned n)
{
    if (n == 0)
        return v;
    if (n > 127)
        return v != 0;
    return v >> n | ((v << (128 - n)) != 0);
}

/* v * 2^-n as an integer, n >= 1; *inexact says whether bits were lost. */
static inline u128 round_shift(SfRounding rounding, bool sign, u128 v, unsigned n, bool *inexact)
{
    if (n > 126) {
        v = shift_jam(v, n - 126);
        n = 126;
    }
    u128 q = v >> n, rest = v & (((u128)1 << n) - 1), half = (u128)1 << (n - 1);
    bool up = false;

    switch (rounding) {
    case SF_NEAREST: up = rest > half || (rest == half && (q & 1)); break;
    case SF_DOWN: up = sign && rest; break;
    case SF_UP: up = !sign && rest; break;
    case SF_ZERO: break;
    }
    *inexact = rest != 0;
    return q + up;
}

/* floor(sqrt(v)), one bit at a time from the top. */
static inline uint64_t root128(u128 v, bool *exact)
{
    uint64_t root = 0;

    for (int bit = 63; bit >= 0; bit--) {
        uint64_t trial = root | 1ull << bit;
        if ((u128)trial * trial <= v)
            root = trial;
    }
    *exact = (u128)root * root == v;
    return root;
}

#endif
