/* SPDX-License-Identifier: MIT */
/*
 * A processor made up for the translator's tests: eight 64-bit registers, packed flags, memory
 * mapped one to one except for a hole that faults. Instructions are one to six bytes.
 */
#ifndef TN_TEST_MINI_TARGET_H
#define TN_TEST_MINI_TARGET_H

#include "tenon/internal/target.h"

enum { MINI_REGS = 8, MINI_REG_FLAGS = 8, MINI_RAM = 1 << 20, MINI_HOLE = 0x40000000 };

typedef struct MiniState {
    uint64_t regs[MINI_REGS];
    uint32_t flags;
    uint32_t mode;        /* key flags */
    uint64_t pc;
    uint64_t handler;     /* where exceptions go; 0: halt */
    uint64_t fault_pc, fault_addr;
    unsigned faults;
    uint64_t results[512];
    uint8_t vectors[16][32];
} MiniState;

/* Instruction bytes; r and s are register numbers in a byte each. */
enum {
    MINI_HALT = 0x01,
    MINI_MOVI = 0x10,  /* r imm32: r = imm */
    MINI_ADD = 0x20,   /* r s: r += s, flags */
    MINI_DEC = 0x30,   /* r: r -= 1, flags */
    MINI_JNZ = 0x40,   /* rel8 from the next instruction */
    MINI_JMPR = 0x41,  /* r */
    MINI_ST8 = 0x50,   /* r s: byte at r = s */
    MINI_LD8 = 0x60,   /* r s: r = byte at s */
    MINI_ST64 = 0x51,
    MINI_LD64 = 0x61,
    MINI_COUNT = 0x70, /* calls a helper that counts in regs[7] */
    MINI_XADD = 0x72,  /* r s: 64 bits at r += s, atomically */
    MINI_TWO = 0x71,   /* r s: regs[r] = 1, then byte at s = 1 (checks that faults are precise) */
};

extern const TnTargetInfo mini_target;

/* When set, the front end emits this instead of decoding memory. */
extern void (*mini_emit)(TnIrBuilder *b);

/* Starts the core with `backend` ("interp", "x86_64", "check"), RAM, and one vCPU. False: no such backend. */
bool mini_start(const char *backend);

extern TnCpu *mini_cpu;
extern uint8_t *mini_ram;
extern TnRegion *mini_ram_region;

static inline MiniState *mini_state(void)
{
    return tn_cpu_state(mini_cpu);
}

/* Runs from pc until the vCPU halts. */
void mini_run(uint64_t pc);

enum { MINI_HELPER_HALT, MINI_HELPER_COUNT, MINI_HELPER_SUM, MINI_HELPER_FB_XOR,
       MINI_HELPER_NARROW, MINI_HELPER_TICK, MINI_HELPER_TICK_ONCE, MINI_N_HELPERS };

/* What the TICK helpers have returned last: every call gives one more. */
extern uint64_t mini_ticks;

#endif
