/* SPDX-License-Identifier: MIT */
/* The argument of the string helpers, between string.c and rep.c. */
#ifndef TENON_X86_REP_H
#define TENON_X86_REP_H

#include "x86.h"

enum {
    REP_SIZE_SHIFT = 0,  /* log2 of the element */
    REP_ADDR_SHIFT = 2,  /* log2 of the address size */
    REP_SEG_SHIFT = 4,   /* of the source */
    REP_MMU_SHIFT = 8,
    REP_REPEAT = 1u << 12,   /* there is a REP prefix: rCX counts */
    REP_WHILE_NE = 1u << 13, /* REPNE */
    REP_ONCE = 1u << 14,     /* one iteration: single-step, breakpoints */
    REP_CODE64 = 1u << 15,
    REP_FLAT = 1u << 16,     /* MODE_FLAT */
    REP_PLAIN = 1u << 17,    /* repeated, 64-bit addresses, no segment to add or check */
};

/* Each returns 1 when the instruction must run again, 0 when it is finished. */
uint32_t x86_helper_rep_movs(TnCpu *cpu, uint32_t how);
uint32_t x86_helper_rep_cmps(TnCpu *cpu, uint32_t how);
uint32_t x86_helper_rep_stos(TnCpu *cpu, uint32_t how);
uint32_t x86_helper_rep_lods(TnCpu *cpu, uint32_t how);
uint32_t x86_helper_rep_scas(TnCpu *cpu, uint32_t how);
uint32_t x86_helper_rep_ins(TnCpu *cpu, uint32_t how);
uint32_t x86_helper_rep_outs(TnCpu *cpu, uint32_t how);

#endif
