/* SPDX-License-Identifier: MIT */
/*
 * EFLAGS by instruction: CLI, STI, PUSHF, POPF, CLAC, STAC.
 *
 * Intel SDM vol. 2 by instruction (the decision tables of CLI, STI and POPF), vol. 3A 20.3 and 20.4
 * (VME, PVI), 6.8.1 (IF and IOPL), 6.8.3 (the shadow after STI).
 */
#include "system.h"

enum {
    POPF_ALWAYS = TN_FLAGS_ALL | EFLAGS_TF | EFLAGS_DF | EFLAGS_NT,
    POPF_WIDE = EFLAGS_AC | EFLAGS_ID,
    PUSHF_HIDDEN = EFLAGS_RF | EFLAGS_VM,
    IOPL_ALL = 3,
};

/* How IF may be changed by CLI, STI and (in v8086 mode) PUSHF, POPF. */
typedef enum FlagsPath { FLAGS_IF, FLAGS_VIF, FLAGS_FAULT } FlagsPath;

static FlagsPath flags_path(const X86State *s)
{
    if (!x86_protected(s) || s->cpl <= x86_iopl(s))
        return FLAGS_IF;
    if (x86_v8086(s))
        return s->cr4 & CR4_VME ? FLAGS_VIF : FLAGS_FAULT;
    return s->cpl == 3 && (s->cr4 & CR4_PVI) ? FLAGS_VIF : FLAGS_FAULT;
}

void x86_helper_cli(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    switch (flags_path(s)) {
    case FLAGS_IF:
        s->eflags &= ~(uint32_t)EFLAGS_IF;
        break;
    case FLAGS_VIF:
        s->eflags &= ~(uint32_t)EFLAGS_VIF;
        break;
    default:
        x86_gp0(cpu);
    }
}

void x86_helper_sti(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    switch (flags_path(s)) {
    case FLAGS_IF:
        if (!(s->eflags & EFLAGS_IF)) {
            s->eflags |= EFLAGS_IF;
            x86_helper_shadow(cpu);
        }
        break;
    case FLAGS_VIF:
        if (s->eflags & EFLAGS_VIP)
            x86_gp0(cpu);
        s->eflags |= EFLAGS_VIF;
        break;
    default:
        x86_gp0(cpu);
    }
}

static bool flags_v8086_restricted(const X86State *s)
{
    return x86_v8086(s) && x86_iopl(s) != IOPL_ALL;
}

uint64_t x86_helper_pushf(TnCpu *cpu, uint32_t op_size)
{
    X86State *s = x86_state(cpu);
    uint32_t image = x86_eflags(s) & ~(uint32_t)PUSHF_HIDDEN;

    if (!flags_v8086_restricted(s))
        return image & x86_size_mask(op_size);
    if (op_size != 2 || !(s->cr4 & CR4_VME))
        x86_gp0(cpu);
    image = (image & ~(uint32_t)EFLAGS_IF) | EFLAGS_IOPL;
    return (image | (s->eflags & EFLAGS_VIF ? EFLAGS_IF : 0)) & 0xffff;
}

/* POPF in v8086 mode with VME and IOPL below 3: IF of the image goes to VIF. */
static void flags_popf_vme(TnCpu *cpu, uint32_t image, unsigned op_size)
{
    X86State *s = x86_state(cpu);

    if (op_size != 2 || !(s->cr4 & CR4_VME))
        x86_gp0(cpu);
    if ((image & EFLAGS_TF) || ((image & EFLAGS_IF) && (s->eflags & EFLAGS_VIP)))
        x86_gp0(cpu);
    x86_write_eflags(s, image, POPF_ALWAYS);
    s->eflags = (s->eflags & ~(uint32_t)EFLAGS_VIF) | (image & EFLAGS_IF ? EFLAGS_VIF : 0);
}

void x86_helper_popf(TnCpu *cpu, uint64_t image, uint32_t op_size)
{
    X86State *s = x86_state(cpu);
    uint32_t mask = POPF_ALWAYS;

    if (flags_v8086_restricted(s)) {
        flags_popf_vme(cpu, (uint32_t)image, op_size);
        x86_update_level(cpu);
        return;
    }
    if (op_size != 2)
        mask |= POPF_WIDE;
    if (s->cpl <= x86_iopl(s))
        mask |= EFLAGS_IF;
    if (s->cpl == 0)
        mask |= EFLAGS_IOPL;
    x86_write_eflags(s, (uint32_t)image, mask);
    s->eflags &= ~(uint32_t)EFLAGS_RF;
    x86_update_level(cpu);
}

void x86_helper_clac(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    if (s->cpl)
        x86_ud(cpu);
    s->eflags &= ~(uint32_t)EFLAGS_AC;
    x86_update_level(cpu);
}

void x86_helper_stac(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    if (s->cpl)
        x86_ud(cpu);
    s->eflags |= EFLAGS_AC;
    x86_update_level(cpu);
}
