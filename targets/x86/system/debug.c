/* SPDX-License-Identifier: MIT */
/*
 * Instruction boundaries and debugging: the interrupt shadow, RF, single steps, breakpoints, MOV
 * DR.
 *
 * Intel SDM vol. 3A, 6.8.3 (shadow); vol. 3B, chapter 17: 17.2 (debug registers), 17.3 (debug
 * exceptions). Branch single-stepping (DEBUGCTL.BTF) is not there.
 */
#include "system.h"

enum {
    N_BREAKPOINTS = 4,
    BREAK_EXEC = 0,
    BREAK_WRITE = 1,
    BREAK_IO = 2,
    BREAK_RW = 3,
    DR6_BD = 1u << 13,
    DR6_BS = 1u << 14,
    DR6_WRITABLE = 0xe00f,
    DR7_GD = 1u << 13,
};
#define DR6_FIXED    UINT64_C(0xffff0ff0)
#define DR7_FIXED    UINT64_C(0x400)
#define DR7_WRITABLE UINT64_C(0xffff2bff) /* RTM (bit 11) is not there */

/* ---- Boundaries ---- */

void x86_helper_boundary(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    s->eflags &= ~(uint32_t)EFLAGS_RF;
    s->shadow = false;
    x86_update_mode(cpu);
}

void x86_helper_shadow(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    s->shadow = true;
    x86_update_mode(cpu);
}

/* ---- Breakpoints ---- */

static bool break_enabled(uint64_t dr7, unsigned n)
{
    return dr7 >> n * 2 & 3;
}

static unsigned break_type(uint64_t dr7, unsigned n)
{
    return dr7 >> (16 + n * 4) & 3;
}

/* LEN: 00 one byte, 01 two, 10 eight, 11 four. */
static unsigned break_length(uint64_t dr7, unsigned n)
{
    static const uint8_t lengths[] = { 1, 2, 8, 4 };
    return lengths[dr7 >> (18 + n * 4) & 3];
}

/* DR6 bits of the breakpoints of the types in `types` that [address, address + n) touches. */
static uint64_t break_match(const X86State *s, uint64_t address, uint64_t n, unsigned types)
{
    uint64_t hits = 0, dr7 = s->dr[7];

    for (unsigned i = 0; i < N_BREAKPOINTS; i++) {
        uint64_t length = break_length(dr7, i);
        uint64_t start = s->dr[i] & ~(length - 1);
        if (break_enabled(dr7, i) && (types >> break_type(dr7, i) & 1) &&
            address < start + length && start < address + n)
            hits |= UINT64_C(1) << i;
    }
    return hits;
}

void x86_helper_insn_breakpoint(TnCpu *cpu, uint64_t linear)
{
    X86State *s = x86_state(cpu);
    uint64_t hits = break_match(s, linear, 1, 1u << BREAK_EXEC);

    if (hits && !(s->eflags & EFLAGS_RF))
        x86_raise_db(cpu, hits);
}

/* A trap: taken when the instruction is done (x86_helper_step). */
void x86_helper_data_breakpoint(TnCpu *cpu, uint64_t linear, uint32_t n)
{
    X86State *s = x86_state(cpu);
    unsigned types = 1u << BREAK_RW | (n >> 16 ? 1u << BREAK_WRITE : 0);

    s->pending_dr6 |= break_match(s, linear, n & 0xffff, types);
}

void x86_io_breakpoint(X86State *s, uint32_t port, uint32_t size)
{
    if ((s->mode & MODE_DR7) && (s->cr4 & CR4_DE))
        s->pending_dr6 |= break_match(s, port, size, 1u << BREAK_IO);
}

/* What TF was when the instruction began decides (x86_key keeps it in step_armed). */
static void debug_step(TnCpu *cpu, uint64_t next_pc)
{
    X86State *s = x86_state(cpu);
    uint64_t bits = s->pending_dr6 | (s->step_armed ? DR6_BS : 0);

    if (!bits || s->shadow) /* MOV SS holds debug traps too (6.8.3) */
        return;
    s->rip = next_pc;
    cpu->fault_pc = next_pc;
    x86_raise_db(cpu, bits);
}

void x86_helper_step(TnCpu *cpu, uint64_t next_pc)
{
    debug_step(cpu, next_pc);
}

void x86_helper_step_state(TnCpu *cpu)
{
    debug_step(cpu, x86_state(cpu)->rip);
}

/* ---- MOV DR (vol. 2B, "MOV - Move to/from Debug Registers") ---- */

static unsigned debug_register(TnCpu *cpu, uint32_t number)
{
    X86State *s = x86_state(cpu);

    if (number > 7 || ((number == 4 || number == 5) && (s->cr4 & CR4_DE)))
        x86_ud(cpu);
    x86_need_cpl0(cpu);
    if (s->dr[7] & DR7_GD)
        x86_raise_db(cpu, DR6_BD);
    return number == 4 || number == 5 ? number + 2 : number;
}

uint64_t x86_helper_mov_from_dr(TnCpu *cpu, uint32_t number)
{
    return x86_state(cpu)->dr[debug_register(cpu, number)];
}

void x86_helper_mov_to_dr(TnCpu *cpu, uint32_t number, uint64_t value)
{
    X86State *s = x86_state(cpu);
    unsigned n = debug_register(cpu, number);

    if (n >= 6 && value >> 32)
        x86_gp0(cpu);
    if (n == 6)
        value = (value & DR6_WRITABLE) | DR6_FIXED;
    else if (n == 7)
        value = (value & DR7_WRITABLE) | DR7_FIXED;
    s->dr[n] = value;
    x86_update_mode(cpu);
}
