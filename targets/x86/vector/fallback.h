/* SPDX-License-Identifier: MIT */
/*
 * Fallbacks of host forms: what a vector instruction does, in portable C (the signature is told in
 * ir.h). They work on whole 32-byte slots where lanes are independent; `_y` names the 256-bit
 * variant of those that must know the width, because flags or an integer come out of it.
 */
#ifndef TENON_X86_FALLBACK_H
#define TENON_X86_FALLBACK_H

#include "../x86.h"
#include "softfloat.h"

#define X86_HELPER(name, ...)
#define X86_FALLBACK(name) \
    void x86_fb_##name(TnCpu *cpu, void *dst, const void *a, const void *b, const void *c, \
                       uint32_t imm8);
#include "helpers.def"
#undef X86_HELPER
#undef X86_FALLBACK

/* The head of a fallback's definition, and its operands as vectors. */
#define FALLBACK(name) \
    void x86_fb_##name(TnCpu *cpu, void *dst, const void *a, const void *b, const void *c, \
                       uint32_t imm8)
#define D ((X86Ymm *)dst)
#define A ((const X86Ymm *)a)
#define B ((const X86Ymm *)b)
#define C ((const X86Ymm *)c)

/* A fallback that computes n lanes of a field, each by an expression in i. */
#define LANES(name, n, field, expr) \
    FALLBACK(name) \
    { \
        for (unsigned i = 0; i < (n); i++) \
            D->field[i] = (expr); \
    }

#endif
