/* SPDX-License-Identifier: MIT */
/*
 * Memory layout of the instruction suite, shared by C, assembly and (by value) generate.py.
 *
 * Everything sits at the same linear address in the Linux program and in the bare-metal one, so
 * that pointers, return addresses and faulting addresses compare equal without being adjusted.
 */
#ifndef INSN_LAYOUT_H
#define INSN_LAYOUT_H

/* Pages that cases work on. */
#define ARENA_BASE  0x2000000 /* read and write, no execute */
#define ARENA_SIZE  0x10000
#define STACK_BASE  0x2010000 /* read and write, no execute */
#define STACK_SIZE  0x10000
#define RDONLY_BASE 0x2020000 /* one page, read only */
#define ABSENT_BASE 0x2030000 /* never mapped */
#define EDGE_BASE   0x2040000 /* one page read and write, then an absent one */
#define PAGE_SIZE   0x1000

/* Offsets in struct row and struct outcome; both begin alike. */
#define AT_GPR    0
#define AT_RFLAGS 128
#define AT_RIP    136 /* row: address of the memory window */
#define AT_FX     144
#define AT_YMMH   656
#define AT_WINDOW 912
#define AT_VECTOR 1424
#define AT_ERROR  1432
#define AT_CR2    1440

#define WINDOW_SIZE 512

/* How much state a form uses beyond the general registers. */
#define STATE_GPR 0
#define STATE_FX  1
#define STATE_YMM 2

#define NO_VECTOR 0xff

#endif
