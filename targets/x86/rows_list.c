/* SPDX-License-Identifier: MIT */
/* The chapters of the decoder, in the manual's order. */
#include "insn.h"

const X86Row *const x86_chapters[] = {
    x86_rows_transfer, x86_rows_arithmetic, x86_rows_control, x86_rows_string,
    x86_rows_misc,     x86_rows_bmi,        x86_rows_system,  x86_rows_x87,
    x86_rows_mmx,      x86_rows_sse,        x86_rows_avx,     NULL,
};
