/* SPDX-License-Identifier: MIT */
/* The table of helpers, from the lists of the chapters (helpers.h). */
#include "helpers.h"

#include "module.h"

/* Only addresses are taken here: the true prototypes stand with the functions. */
#define X86_HELPER(name, ...) void x86_helper_##name(void);
#define X86_FALLBACK(name) void x86_fb_##name(void);
#include "insn/helpers.def"
#include "system/helpers.def"
#include "vector/helpers.def"
#undef X86_HELPER
#undef X86_FALLBACK

/* The words of the lists. */
enum { VOID = TN_ARG_VOID, I32 = TN_ARG_I32, I64 = TN_ARG_I64, PTR = TN_ARG_PTR };

const TnHelperInfo x86_helpers[X86_N_HELPERS] = {
#define X86_HELPER(name_, ret_, flags_, n_args_, ...) \
    [X86_HELPER_##name_] = { .name = #name_, .fn = x86_helper_##name_, .ret = (ret_), \
                             .n_args = (n_args_), .args = { __VA_ARGS__ }, .flags = (flags_) },
#define X86_FALLBACK(name_) \
    [X86_FB_##name_] = { .name = #name_, .fn = x86_fb_##name_, .ret = VOID, .n_args = 5, \
                         .args = { PTR, PTR, PTR, PTR, I32 }, .flags = TN_HELPER_FP },
#include "insn/helpers.def"
#include "system/helpers.def"
#include "vector/helpers.def"
#undef X86_HELPER
#undef X86_FALLBACK
};
