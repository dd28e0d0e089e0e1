/* SPDX-License-Identifier: MIT */
/*
 * The x86-64 host: its registers, what translated code uses each of them for, and the layout of the
 * stack frame under translated code.
 *
 *   rbp           env: the target's state plus a bias, so that 8-bit displacements reach the last 64
 *                 bytes of TnCpu and the first 192 of the state (the guest's general registers)
 *   rsp           the host stack; translated code runs in one fixed frame that the entry thunk made
 *   rax rcx rdx r10 r11     temporaries of the block
 *   rbx r12-r15 rsi rdi r8 r9   pinned guest registers, the callee-saved ones first
 *   xmm0-3 / ymm0-3         temporaries of the block
 *   xmm4-15 / ymm4-15       pinned guest vector registers, or temporaries where none are pinned
 *   gs base       the soft TLBs of the guest's address space in force (C code has no use for GS)
 */
#ifndef TN_X64_TARGET_H
#define TN_X64_TARGET_H

#include "tenon/internal/target.h"

typedef enum X64Reg {
    X64_RAX, X64_RCX, X64_RDX, X64_RBX, X64_RSP, X64_RBP, X64_RSI, X64_RDI,
    X64_R8, X64_R9, X64_R10, X64_R11, X64_R12, X64_R13, X64_R14, X64_R15,
    X64_NONE = -1,
} X64Reg;

/* Condition codes (Intel SDM vol. 1, appendix B); XOR with 1 negates. The same as TnFlagCond. */
typedef enum X64Cc {
    X64_O, X64_NO, X64_B, X64_AE, X64_Z, X64_NZ, X64_BE, X64_A,
    X64_S, X64_NS, X64_P, X64_NP, X64_L, X64_GE, X64_LE, X64_G,
} X64Cc;

enum {
    X64_ENV = X64_RBP,
    X64_ENV_BIAS = 64, /* from the start of the target's state */
    X64_SCRATCH_MASK = 1u << X64_RAX | 1u << X64_RCX | 1u << X64_RDX | 1u << X64_R10 | 1u << X64_R11,
    X64_CALLER_SAVED_PINS = 1u << X64_RSI | 1u << X64_RDI | 1u << X64_R8 | 1u << X64_R9,
    X64_MAX_PINS = 9,
    X64_FIRST_VPIN = 4, /* host vector registers from here on are pinned */
    X64_MAX_VPINS = 12,
    X64_MAX_REGS = 40,  /* declared registers that the back end handles */
};

/* The frame, offsets from rsp in translated code, what code in blocks uses first; rsp is a multiple
 * of 32. */
enum {
    X64_F_FLAGS_OP = 0,   /* how to compute the packed flags, X64_LAZY_*; 0 in its low byte: they are
                           * in the state */
    X64_F_FLAGS_A = 8,
    X64_F_FLAGS_B = 16,
    X64_F_SCRATCH = 24,   /* of one operation */
    X64_F_SLOTS = 32,     /* 8-byte spill slots */
    X64_F_SAVE = X64_F_SLOTS + TN_IR_MAX_TEMPS * 8, /* temporaries during a slow path, by number */
    X64_F_HOST_RSP = X64_F_SAVE + 16 * 8, /* rsp of the entry thunk after its pushes */
    X64_F_VEC_STATE = X64_F_HOST_RSP + 8, /* TnCpu.vec_state during a slow path */
    X64_F_RESUME = X64_F_VEC_STATE + 8,   /* where a slow path goes on */
    X64_F_RECIPE = X64_F_RESUME + 8,      /* the flags, in its note; NULL outside of it (slow.c) */
    /* Four 32-byte slots: vector values passed in memory. */
    X64_F_VEC = (X64_F_RECIPE + 8 + 31) / 32 * 32,
    X64_F_VEC_SAVE = X64_F_VEC + 4 * 32, /* vector temporaries during a slow path, by number */
    X64_F_VEC_TMP = X64_F_VEC_SAVE + 16 * 32, /* one during a change of TnCpu.vec_state */
    X64_F_VEC_SLOTS = X64_F_VEC_TMP + 32, /* 32-byte spill slots */
    X64_FRAME_SIZE = X64_F_VEC_SLOTS + TN_IR_MAX_TEMPS * 32,
};

_Static_assert(X64_F_VEC % 32 == 0, "aligned moves of 32 bytes go there");

/*
 * The number of an entry of the soft TLB, times the entry's size: TnCpu.entry_mask. It comes from bits
 * of the page's address, below which it has as many that are 0 as the size takes: TnCpu.entry_bits.
 */
enum {
    X64_ENTRY_LOG2 = 5,
    X64_ENTRY_MASK = (TN_TLB_SIZE - 1) << X64_ENTRY_LOG2,
    X64_ENTRY_BITS = X64_ENTRY_MASK << (TN_PAGE_BITS - X64_ENTRY_LOG2) |
                     ((1 << X64_ENTRY_LOG2) - 1) << (TN_PAGE_BITS - X64_ENTRY_LOG2),
};

/*
 * The recipe of packed flags in the frame. Between blocks the condition flags are either in the state
 * or here: a block that leaves stores the operands, and whoever reads the flags, in translated code
 * or out of it, computes them first (x64_thunks.flags). The first word's low byte says what they are
 * operands of.
 */
enum {
    X64_LAZY_FOP = 0x6,          /* TnFlagOp: ADD, SUB or LOGIC */
    X64_LAZY_HOST = X64_LAZY_FOP, /* instead: the word above the low byte is what LAHF gives */
    X64_LAZY_OVERFLOW = 1 << 0,  /* HOST: and this the flag that it does not have */
    X64_LAZY_B_HERE = 1 << 0,    /* B is the word above the low byte, signed */
    X64_LAZY_MARK = 1 << 3,      /* A and B are still in pinned registers (loops.c) */
    X64_LAZY_SIZE_SHIFT = 4,
    X64_LAZY_SIZE = 0x3 << X64_LAZY_SIZE_SHIFT,
    X64_LAZY_OF_LOGIC = 1 << X64_LAZY_SIZE_SHIFT, /* HOST: without what LOGIC has clear */
    X64_LAZY_FROM_RESULT = 1 << 6, /* A is the result, not the first operand */
    X64_LAZY_VALID = 1 << 7,
    X64_LAZY_B_SHIFT = 8,
};

/*
 * Where the pinned vector registers are (TnCpu.vec_state). In translated code they are loaded when a
 * block first needs them and stay in host registers until code in C runs. With neither bit they are
 * in the state. Both bits: all upper halves are zero, those in the state are out of date.
 */
enum {
    X64_VEC_LOW = 1u << 0,   /* host registers hold bits 127..0; operations may destroy those above,
                              * which are in the state */
    X64_VEC_WHOLE = 1u << 1, /* host registers hold all bits */
};

/* Host features that change what is emitted. */
typedef struct X64Host {
    bool avx, avx2, bmi1, bmi2, lzcnt, popcnt, movbe, fma, f16c, sse3, ssse3, sse41, sse42, aes,
        pclmul, sha, vaes, vpclmul, gfni, fsgsbase, pext; /* pext: a quick one */
} X64Host;

extern X64Host x64_host;
void x64_host_init(void);

/* Offset of a field from the env register. */
#define X64_CPU_OFS(field) \
    ((int32_t)offsetof(TnCpu, field) - (int32_t)TN_CPU_STATE_OFFSET - X64_ENV_BIAS)

static inline int32_t x64_state_ofs(uint64_t offset)
{
    return (int32_t)offset - X64_ENV_BIAS;
}

#endif
