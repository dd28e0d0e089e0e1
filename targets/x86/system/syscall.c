/* SPDX-License-Identifier: MIT */
/*
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS and the base checks of FSGSBASE.
 *
 * Intel SDM vol. 2B by instruction, vol. 3A 5.8.7 and 5.8.8; AMD APM vol. 2, 6.1 (AMD allows SYSCALL
 * outside 64-bit mode and SYSENTER not in long mode).
 */
#include "system.h"

enum {
    ATTRS_CODE = DESC_P | DESC_S | DESC_CODE | DESC_R | DESC_A | DESC_G,
    ATTRS_DATA = DESC_P | DESC_S | DESC_W | DESC_A | DESC_G | DESC_DB,
    DPL3 = DESC_DPL,
    STAR_SYSCALL_SHIFT = 32, STAR_SYSRET_SHIFT = 48,
    SYSENTER_SS = 8, SYSEXIT_CS32 = 16, SYSEXIT_SS32 = 24, SYSEXIT_CS64 = 32, SYSEXIT_SS64 = 40,
    SYSRET_SS = 8, SYSRET_CS64 = 16,
    SYSRET_FLAGS = 0x3c7fd7,
    DR6_BS = 1u << 14,
};

/* Flat segments that these instructions load without looking at a descriptor. Field by field: a
 * copy would wait for the stores that made it. */
static void flat_segment(X86Segment *seg, uint32_t selector, unsigned cpl, uint32_t attrs)
{
    seg->selector = (selector & 0xffff & ~(uint32_t)SEL_RPL) | cpl;
    seg->attrs = attrs | cpl << DESC_DPL_SHIFT;
    seg->limit = UINT32_MAX;
    seg->base = 0;
}

static void flat_enter(X86State *s, uint32_t cs, uint32_t ss, unsigned cpl, bool code64)
{
    flat_segment(&s->seg[CS], cs, cpl, ATTRS_CODE | (code64 ? DESC_L : DESC_DB));
    flat_segment(&s->seg[SS], ss, cpl, ATTRS_DATA);
    x86_set_cpl(s, cpl);
}

/* ---- SYSCALL, SYSRET ---- */

void x86_helper_syscall(TnCpu *cpu, uint64_t next_pc)
{
    X86State *s = x86_state(cpu);
    uint32_t selector = (uint32_t)(s->star >> STAR_SYSCALL_SHIFT) & 0xffff;
    bool code64 = x86_code64(s);

    if (!(s->efer & EFER_SCE) || !x86_protected(s) || (!code64 && !x86_is_amd(s)))
        x86_ud(cpu);
    if (x86_long(s)) {
        uint32_t eflags = x86_eflags(s) & ~(uint32_t)EFLAGS_RF;
        s->regs[RCX] = next_pc;
        s->regs[R11] = eflags;
        s->rip = code64 ? s->lstar : s->cstar;
        x86_set_eflags(s, eflags & ~(uint32_t)s->fmask);
        flat_enter(s, selector, selector + SYSRET_SS, 0, true);
    } else {
        s->regs[RCX] = (uint32_t)next_pc;
        s->rip = (uint32_t)s->star;
        s->eflags &= ~(uint32_t)(EFLAGS_IF | EFLAGS_RF | EFLAGS_VM);
        flat_enter(s, selector, selector + SYSRET_SS, 0, false);
    }
    s->step_armed = false;
    x86_update_level(cpu);
}

void x86_helper_sysret(TnCpu *cpu, uint32_t op_size)
{
    X86State *s = x86_state(cpu);
    uint32_t selector = (uint32_t)(s->star >> STAR_SYSRET_SHIFT) & 0xffff;
    bool to64 = op_size == 8;

    if (!(s->efer & EFER_SCE) || !x86_protected(s) || (!x86_code64(s) && !x86_is_amd(s)))
        x86_ud(cpu);
    x86_need_cpl0(cpu);
    if (to64 && !x86_is_amd(s) && !x86_canonical(s, s->regs[RCX]))
        x86_gp0(cpu);
    bool was_long = x86_long(s);
    s->rip = to64 ? s->regs[RCX] : (uint32_t)s->regs[RCX];
    flat_enter(s, to64 ? selector + SYSRET_CS64 : selector, selector + SYSRET_SS, 3, to64);
    if (was_long)
        x86_set_eflags(s, (uint32_t)s->regs[R11] & SYSRET_FLAGS);
    else
        s->eflags |= EFLAGS_IF;
    x86_update_level(cpu);
    /* TF as SYSRET loads it counts at once: the trap comes before the first user instruction. */
    if (s->eflags & EFLAGS_TF) {
        cpu->fault_pc = s->rip;
        x86_raise_db(cpu, DR6_BS);
    }
}

/* ---- SYSENTER, SYSEXIT ---- */

static void sysenter_check(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    if (x86_is_amd(s) && x86_long(s))
        x86_ud(cpu);
    if (!x86_protected(s) || !(s->sysenter_cs & 0xfffc))
        x86_gp0(cpu);
}

void x86_helper_sysenter(TnCpu *cpu, uint64_t next_pc)
{
    X86State *s = x86_state(cpu);
    uint32_t selector = (uint32_t)s->sysenter_cs & 0xfffc;
    bool in_long = x86_long(s);

    sysenter_check(cpu);
    s->eflags &= ~(uint32_t)(EFLAGS_VM | EFLAGS_IF | EFLAGS_RF);
    s->regs[RSP] = in_long ? s->sysenter_esp : (uint32_t)s->sysenter_esp;
    s->rip = in_long ? s->sysenter_eip : (uint32_t)s->sysenter_eip;
    flat_enter(s, selector, selector + SYSENTER_SS, 0, in_long);
    x86_update_mode(cpu);
}

void x86_helper_sysexit(TnCpu *cpu, uint32_t op_size)
{
    X86State *s = x86_state(cpu);
    uint32_t selector = (uint32_t)s->sysenter_cs & 0xffff;
    bool to64 = op_size == 8;

    sysenter_check(cpu);
    x86_need_cpl0(cpu);
    if (to64 && (!x86_canonical(s, s->regs[RCX]) || !x86_canonical(s, s->regs[RDX])))
        x86_gp0(cpu);
    s->regs[RSP] = to64 ? s->regs[RCX] : (uint32_t)s->regs[RCX];
    s->rip = to64 ? s->regs[RDX] : (uint32_t)s->regs[RDX];
    if (to64)
        flat_enter(s, selector + SYSEXIT_CS64, selector + SYSEXIT_SS64, 3, true);
    else
        flat_enter(s, selector + SYSEXIT_CS32, selector + SYSEXIT_SS32, 3, false);
    x86_update_mode(cpu);
}

/* ---- Bases ---- */

void x86_helper_swapgs(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    uint64_t base = s->seg[GS].base;

    x86_need_cpl0(cpu);
    s->seg[GS].base = s->kernel_gs_base;
    s->kernel_gs_base = base;
}

void x86_helper_need_fsgsbase(TnCpu *cpu)
{
    if (!(x86_state(cpu)->cr4 & CR4_FSGSBASE))
        x86_ud(cpu);
}

void x86_helper_check_base(TnCpu *cpu, uint64_t base)
{
    if (!x86_canonical(x86_state(cpu), base))
        x86_gp0(cpu);
}
