/* SPDX-License-Identifier: MIT */
/*
 * Stacks as control transfers use them: pushes and pops with the segment's checks, which change
 * no register until the whole transfer is known to succeed.
 *
 * Intel SDM vol. 1, 6.2 (stacks), vol. 3A, 5.3 (limit checking), 6.14.2 (64-bit frames).
 */
#include "system.h"

unsigned x86_mmu_at(const X86State *s, unsigned cpl)
{
    if (cpl == 3)
        return MMU_USER;
    return (s->cr4 & CR4_SMAP) && (s->eflags & EFLAGS_AC) ? MMU_KERNEL_NOSMAP : MMU_KERNEL;
}

X86Stack x86_stack_at(TnCpu *cpu, const X86Segment *ss, uint64_t sp, unsigned cpl, bool code64)
{
    return (X86Stack){
        .cpu = cpu,
        .ss = ss,
        .sp = sp,
        .mask = code64 ? ~UINT64_C(0) : ss->attrs & DESC_DB ? UINT32_MAX : 0xffff,
        .mmu = x86_mmu_at(x86_state(cpu), cpl),
        .flat64 = code64,
    };
}

X86Stack x86_stack(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    return x86_stack_at(cpu, &s->seg[SS], s->regs[RSP], s->cpl, x86_code64(s));
}

/* The linear address of n bytes at the stack's offset; #SS outside the limit. */
static uint64_t stack_linear(const X86Stack *st, uint64_t offset, unsigned n)
{
    TnCpu *cpu = st->cpu;

    if (st->flat64) {
        if (!x86_canonical(x86_state(cpu), offset) ||
            !x86_canonical(x86_state(cpu), offset + n - 1))
            x86_raise_error(cpu, X86_SS, st->error);
        return offset;
    }
    if (!x86_within_limit(st->ss, (uint32_t)offset, n))
        x86_raise_error(cpu, X86_SS, st->error);
    return (uint32_t)(st->ss->base + offset);
}

void x86_stack_push(X86Stack *st, unsigned size, uint64_t value)
{
    uint64_t sp = (st->sp - size) & st->mask;
    uint64_t address = stack_linear(st, sp, size);

    if (size == 2)
        tn_st16(st->cpu, address, (uint16_t)value, st->mmu);
    else if (size == 4)
        tn_st32(st->cpu, address, (uint32_t)value, st->mmu);
    else
        tn_st64(st->cpu, address, value, st->mmu);
    st->sp = (st->sp & ~st->mask) | sp;
}

uint64_t x86_stack_pop(X86Stack *st, unsigned size)
{
    uint64_t address = stack_linear(st, st->sp & st->mask, size);
    uint64_t value = size == 2   ? tn_ld16(st->cpu, address, st->mmu)
                     : size == 4 ? tn_ld32(st->cpu, address, st->mmu)
                                 : tn_ld64(st->cpu, address, st->mmu);

    st->sp = (st->sp & ~st->mask) | ((st->sp + size) & st->mask);
    return value;
}

uint64_t x86_stack_rsp(const X86Stack *st, uint64_t old_rsp)
{
    if (st->mask == UINT32_MAX)
        return (uint32_t)st->sp;
    return (old_rsp & ~st->mask) | (st->sp & st->mask);
}
