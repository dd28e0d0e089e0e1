/* SPDX-License-Identifier: MIT */
/*
 * Two machines that run one vector or x87 instruction from the same state: the host itself, and the
 * target's translation of it, carried out by an evaluator that always takes the fallbacks.
 */
#ifndef TEST_X86_VEC_MACHINE_H
#define TEST_X86_VEC_MACHINE_H

#include "insn.h"

enum { MEMORY_BYTES = 192, MEMORY_AT = 64, MAX_INSN = 16 };

/* General registers are rAX, rCX, rDX; rSI points to memory + MEMORY_AT, rDI to its mask target. */
typedef struct Machine {
    X86Ymm ymm[16];
    X86Fp80 st[8];        /* by stack position */
    uint64_t rax, rcx, rdx;
    uint32_t flags;       /* TN_FLAGS_ALL */
    uint32_t mxcsr;
    uint16_t fcw, fsw;    /* fsw with TOP */
    uint8_t ftag_full;    /* abridged tag word, by physical register */
    uint8_t memory[MEMORY_BYTES] __attribute__((aligned(64)));
} Machine;

/*
 * Runs the bytes natively. False when the host does not know the instruction. `raised` is X86_XM
 * when it raised that (only mxcsr is given back then), or -1.
 */
bool host_run(Machine *m, const uint8_t *bytes, unsigned n, int *raised);

/* Runs the bytes through the target. `raised` is the vector of an exception, or -1. */
void target_run(Machine *m, const uint8_t *bytes, unsigned n, int *raised);

/* The rows under test, compiled once. */
extern const X86Row *const test_chapters[];

#endif
