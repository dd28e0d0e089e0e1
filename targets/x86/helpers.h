/* SPDX-License-Identifier: MIT */
/*
 * Every helper of the target, listed once. A row of a .def file is
 *
 *     X86_HELPER(name, ret, flags, n_args, arg types...)
 *
 * ret and the types are I32, I64, PTR or VOID; the function is x86_helper_<name>, its number
 * X86_HELPER_<name>. Each chapter has its own .def file beside its functions. Fallbacks of host
 * forms are rows X86_FALLBACK(name): void x86_fb_<name>(cpu, dst, a, b, c, imm8), number
 * X86_FB_<name>.
 */
#ifndef TENON_X86_HELPERS_H
#define TENON_X86_HELPERS_H

enum {
    X86_HELPER_NONE,
#define X86_HELPER(name, ...) X86_HELPER_##name,
#define X86_FALLBACK(name) X86_FB_##name,
#include "insn/helpers.def"
#include "system/helpers.def"
#include "vector/helpers.def"
#undef X86_HELPER
#undef X86_FALLBACK
    X86_N_HELPERS
};

#endif
