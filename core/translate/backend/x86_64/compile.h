/* SPDX-License-Identifier: MIT */
/*
 * The compilation of one block: what the passes share.
 *
 *   forward.c     forwards values through registers, folds constants, groups memory accesses
 *   backward.c    finds last uses, dead operations, and results that can be computed in place
 *   regalloc.c    gives temporaries host registers while the code is emitted, front to back
 *   loops.c       what a block that goes round need not do each time
 *   rounds.c      what a block of several rounds of a loop does before all of them
 *   lower-*.c     IR to code, by family
 *   vector-regs.c pinned vector registers
 *   stub.c        the out-of-line parts, emitted after the block
 *   slow.c        slow paths: their notes, and what is done about them
 */
#ifndef TN_X64_COMPILE_H
#define TN_X64_COMPILE_H

#include "context.h"
#include "lower.h"
#include "passes.h"
#include "regalloc.h"
#include "thunks.h"

#endif
