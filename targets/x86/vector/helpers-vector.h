/* SPDX-License-Identifier: MIT */
/* Prototypes of the helpers of the vector chapters, made from helpers.def. */
#ifndef TENON_X86_HELPERS_VECTOR_H
#define TENON_X86_HELPERS_VECTOR_H

#include "../x86.h"

#define TYPE_VOID void
#define TYPE_I32 uint32_t
#define TYPE_I64 uint64_t
#define TYPE_PTR void *
#define ARGS_0() TnCpu *cpu
#define ARGS_1(a) TnCpu *cpu, TYPE_##a
#define ARGS_2(a, b) TnCpu *cpu, TYPE_##a, TYPE_##b
#define ARGS_3(a, b, c) TnCpu *cpu, TYPE_##a, TYPE_##b, TYPE_##c
#define ARGS_4(a, b, c, d) TnCpu *cpu, TYPE_##a, TYPE_##b, TYPE_##c, TYPE_##d

#define X86_FALLBACK(name)
#define X86_HELPER(name, ret, flags, n, ...) TYPE_##ret x86_helper_##name(ARGS_##n(__VA_ARGS__));
#include "helpers.def"
#undef X86_FALLBACK
#undef X86_HELPER

#undef TYPE_VOID
#undef TYPE_I32
#undef TYPE_I64
#undef TYPE_PTR
#undef ARGS_0
#undef ARGS_1
#undef ARGS_2
#undef ARGS_3
#undef ARGS_4

#endif
