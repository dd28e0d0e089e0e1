/* SPDX-License-Identifier: MIT */
/*
 * Delivery of interrupts and exceptions in long mode.
 *
 * Intel SDM vol. 3A, 6.14: 16-byte gates, 64-bit frames, the interrupt stack table; vol. 2A, "INT
 * n".
 */
#include "system.h"

enum {
    GATE64_SIZE = 16,
    GATE64_ERROR = 8, /* error codes scale the vector as for 8-byte gates */
    IST_FIRST = 4,    /* x86_tss_rsp index of IST1 */
    STACK_ALIGN = 15,
};

typedef struct Gate64 {
    unsigned type, ist;
    uint32_t selector;
    uint64_t offset;
    X86Desc code;
    unsigned cpl;
} Gate64;

static TN_NORETURN void gate64_bad(TnCpu *cpu, X86Vector vector, const X86Event *event)
{
    x86_raise_error(cpu, vector, (uint32_t)event->vector * GATE64_ERROR | ERROR_IDT);
}

static void gate64_read(TnCpu *cpu, const X86Event *event, Gate64 *g)
{
    X86State *s = x86_state(cpu);
    uint64_t address = s->idtr.base + event->vector * GATE64_SIZE;

    if (event->vector * GATE64_SIZE + GATE64_SIZE - 1u > s->idtr.limit)
        gate64_bad(cpu, X86_GP, event);
    uint64_t low = tn_ld64(cpu, address, MMU_KERNEL);
    uint32_t hi = (uint32_t)(low >> 32);
    g->type = hi & DESC_S ? 0 : desc_type(hi);
    if (g->type != SYS_INT32 && g->type != SYS_TRAP32)
        gate64_bad(cpu, X86_GP, event);
    if (event->kind == EVENT_SOFT && desc_dpl(hi) < s->cpl)
        gate64_bad(cpu, X86_GP, event);
    if (!(hi & DESC_P))
        gate64_bad(cpu, X86_NP, event);
    g->selector = low >> 16 & 0xffff;
    g->ist = hi & 7;
    g->offset =
        (low & 0xffff) | (hi & 0xffff0000) | (uint64_t)tn_ld32(cpu, address + 8, MMU_KERNEL) << 32;
}

static void gate64_read_code(TnCpu *cpu, Gate64 *g)
{
    X86State *s = x86_state(cpu);

    if (x86_null_selector(g->selector))
        x86_gp0(cpu);
    if (!x86_desc_read(cpu, g->selector, &g->code))
        x86_raise_selector(cpu, X86_GP, g->selector);
    if (!desc_is_code(g->code.hi) || desc_dpl(g->code.hi) > s->cpl ||
        (g->code.hi & (DESC_L | DESC_DB)) != DESC_L)
        x86_raise_selector(cpu, X86_GP, g->selector);
    if (!(g->code.hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, g->selector);
    g->cpl = g->code.hi & DESC_C ? s->cpl : desc_dpl(g->code.hi);
}

void x86_deliver_long(TnCpu *cpu, const X86Event *event)
{
    X86State *s = x86_state(cpu);
    Gate64 g = { 0 };

    gate64_read(cpu, event, &g);
    gate64_read_code(cpu, &g);
    bool inner = g.cpl < s->cpl;
    uint64_t rsp = s->regs[RSP];
    if (g.ist)
        rsp = x86_tss_rsp(cpu, IST_FIRST + g.ist - 1);
    else if (inner)
        rsp = x86_tss_rsp(cpu, g.cpl);
    x86_desc_set_accessed(cpu, &g.code);
    x86_check_target(cpu, &g.code, g.offset);

    X86Stack st = x86_stack_at(cpu, &s->seg[SS], rsp & ~(uint64_t)STACK_ALIGN, g.cpl, true);
    x86_stack_push(&st, 8, s->seg[SS].selector);
    x86_stack_push(&st, 8, s->regs[RSP]);
    x86_stack_push(&st, 8, x86_event_flags(s, event));
    x86_stack_push(&st, 8, s->seg[CS].selector);
    x86_stack_push(&st, 8, event->return_rip);
    if (event->has_error)
        x86_stack_push(&st, 8, event->error);

    s->regs[RSP] = st.sp;
    if (inner)
        s->seg[SS] = x86_segment_null(s, g.cpl, g.cpl);
    x86_set_cs(s, g.selector, &g.code, g.cpl, g.offset);
    s->eflags &= ~(uint32_t)(EFLAGS_TF | EFLAGS_VM | EFLAGS_RF | EFLAGS_NT);
    if (g.type == SYS_INT32)
        s->eflags &= ~(uint32_t)EFLAGS_IF;
}
