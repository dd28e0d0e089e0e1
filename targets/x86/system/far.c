/* SPDX-License-Identifier: MIT */
/*
 * Far JMP and CALL: direct transfers, call gates, and the way to task switches.
 *
 * Intel SDM vol. 2A "CALL", "JMP" (the pseudocode's order of checks), vol. 3A 5.8 (privilege
 * levels of program control transfers), 5.8.3 (call gates), 5.8.3.1 (64-bit call gates).
 */
#include "system.h"

enum { MAX_PARAMETERS = 31 };

void x86_set_cs(X86State *s, uint32_t selector, const X86Desc *d, unsigned cpl, uint64_t rip)
{
    s->seg[CS] = x86_segment_of((selector & ~(uint32_t)SEL_RPL) | cpl, d);
    x86_set_cpl(s, cpl);
    s->rip = rip;
}

void x86_check_target(TnCpu *cpu, const X86Desc *d, uint64_t offset)
{
    X86State *s = x86_state(cpu);

    if (x86_long(s) && (d->hi & DESC_L)) {
        if (!x86_canonical(s, offset))
            x86_gp0(cpu);
    } else if (offset > x86_desc_limit(d)) {
        x86_gp0(cpu);
    }
}

/* L and D together are reserved in long mode. */
static bool far_bad_long_code(const X86State *s, uint32_t hi)
{
    return x86_long(s) && (hi & DESC_L) && (hi & DESC_DB);
}

/* One far JMP or CALL. */
typedef struct Far {
    TnCpu *cpu;
    X86State *s;
    bool call;
    uint32_t selector;
    uint64_t offset;
    unsigned size; /* operand size */
    uint64_t next_pc;
    X86Desc desc;
} Far;

/* ---- Real and v8086 mode ---- */

static void far_real(Far *f)
{
    X86State *s = f->s;
    uint64_t offset = f->offset & x86_size_mask(f->size);

    if (offset > s->seg[CS].limit)
        x86_gp0(f->cpu);
    if (f->call) {
        X86Stack st = x86_stack(f->cpu);
        x86_stack_push(&st, f->size, s->seg[CS].selector);
        x86_stack_push(&st, f->size, f->next_pc);
        s->regs[RSP] = x86_stack_rsp(&st, s->regs[RSP]);
    }
    x86_load_seg_real(f->cpu, CS, f->selector);
    s->rip = offset;
}

/* ---- Code segments ---- */

static void far_code(Far *f)
{
    X86State *s = f->s;
    TnCpu *cpu = f->cpu;
    uint32_t hi = f->desc.hi;
    unsigned rpl = f->selector & SEL_RPL;
    uint64_t offset = f->offset & x86_size_mask(f->size);

    if (far_bad_long_code(s, hi))
        x86_raise_selector(cpu, X86_GP, f->selector);
    if (hi & DESC_C ? desc_dpl(hi) > s->cpl : rpl > s->cpl || desc_dpl(hi) != s->cpl)
        x86_raise_selector(cpu, X86_GP, f->selector);
    if (!(hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, f->selector);
    x86_desc_set_accessed(cpu, &f->desc);
    X86Stack st = x86_stack(cpu);
    if (f->call) {
        x86_stack_push(&st, f->size, s->seg[CS].selector);
        x86_stack_push(&st, f->size, f->next_pc);
    }
    x86_check_target(cpu, &f->desc, offset);
    if (f->call)
        s->regs[RSP] = x86_stack_rsp(&st, s->regs[RSP]);
    x86_set_cs(s, f->selector, &f->desc, s->cpl, offset);
}

/* ---- Call gates ---- */

typedef struct CallGate {
    unsigned size; /* of what is pushed: 2, 4, 8 */
    unsigned parameters;
    uint32_t selector;
    uint64_t offset;
    X86Desc code;
    unsigned cpl;
} CallGate;

static void call_gate_read(Far *f, CallGate *g)
{
    X86State *s = f->s;
    TnCpu *cpu = f->cpu;
    uint32_t lo = f->desc.lo, hi = f->desc.hi;
    bool wide = desc_type(hi) == SYS_CALL32;

    if (desc_dpl(hi) < s->cpl || desc_dpl(hi) < (f->selector & SEL_RPL))
        x86_raise_selector(cpu, X86_GP, f->selector);
    if (x86_long(s) && !x86_desc_read_high(cpu, f->selector, &f->desc))
        x86_raise_selector(cpu, X86_GP, f->selector);
    if (!(hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, f->selector);
    g->size = x86_long(s) ? 8 : wide ? 4 : 2;
    g->parameters = x86_long(s) ? 0 : hi & MAX_PARAMETERS;
    g->selector = lo >> 16;
    g->offset = (lo & 0xffff) | (wide ? hi & 0xffff0000 : 0) | f->desc.high_base;
}

static void call_gate_read_code(Far *f, CallGate *g)
{
    X86State *s = f->s;
    TnCpu *cpu = f->cpu;

    if (x86_null_selector(g->selector))
        x86_gp0(cpu);
    if (!x86_desc_read(cpu, g->selector, &g->code))
        x86_raise_selector(cpu, X86_GP, g->selector);
    uint32_t hi = g->code.hi;
    if (!desc_is_code(hi) || desc_dpl(hi) > s->cpl)
        x86_raise_selector(cpu, X86_GP, g->selector);
    if (!f->call && !(hi & DESC_C) && desc_dpl(hi) != s->cpl)
        x86_raise_selector(cpu, X86_GP, g->selector);
    if (x86_long(s) && (hi & (DESC_L | DESC_DB)) != DESC_L)
        x86_raise_selector(cpu, X86_GP, g->selector);
    if (!(hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, g->selector);
    g->cpl = hi & DESC_C ? s->cpl : desc_dpl(hi);
}

/* The parameters are read from the old stack before anything is pushed on the new one. */
static void call_gate_copy(Far *f, const CallGate *g, X86Stack *to)
{
    X86Stack from = x86_stack(f->cpu);
    uint64_t value[MAX_PARAMETERS];

    for (unsigned i = 0; i < g->parameters; i++)
        value[i] = x86_stack_pop(&from, g->size);
    for (unsigned i = g->parameters; i-- > 0;)
        x86_stack_push(to, g->size, value[i]);
}

static void call_gate_inner(Far *f, CallGate *g)
{
    X86State *s = f->s;
    TnCpu *cpu = f->cpu;
    X86Segment ss;
    X86Stack st;

    if (g->size == 8) {
        ss = x86_segment_null(s, g->cpl, g->cpl);
        st = x86_stack_at(cpu, &ss, x86_tss_rsp(cpu, g->cpl), g->cpl, true);
    } else {
        uint32_t selector, esp;
        x86_tss_stack(cpu, g->cpl, &selector, &esp);
        ss = x86_stack_segment(cpu, selector, g->cpl, X86_TS);
        st = x86_stack_at(cpu, &ss, esp, g->cpl, false);
        st.error = selector & (SEL_INDEX | SEL_TI);
    }
    x86_stack_push(&st, g->size, s->seg[SS].selector);
    x86_stack_push(&st, g->size, s->regs[RSP]);
    call_gate_copy(f, g, &st);
    x86_stack_push(&st, g->size, s->seg[CS].selector);
    x86_stack_push(&st, g->size, f->next_pc);
    x86_desc_set_accessed(cpu, &g->code);
    s->regs[RSP] = x86_stack_rsp(&st, 0);
    s->seg[SS] = ss;
    x86_set_cs(s, g->selector, &g->code, g->cpl, g->offset);
}

static void call_gate_same(Far *f, CallGate *g)
{
    X86State *s = f->s;
    X86Stack st = x86_stack(f->cpu);

    st.flat64 |= g->size == 8;
    if (f->call) {
        x86_stack_push(&st, g->size, s->seg[CS].selector);
        x86_stack_push(&st, g->size, f->next_pc);
    }
    x86_desc_set_accessed(f->cpu, &g->code);
    if (f->call)
        s->regs[RSP] = x86_stack_rsp(&st, s->regs[RSP]);
    x86_set_cs(s, g->selector, &g->code, s->cpl, g->offset);
}

static void far_call_gate(Far *f)
{
    CallGate g = { 0 };

    call_gate_read(f, &g);
    call_gate_read_code(f, &g);
    x86_check_target(f->cpu, &g.code, g.offset);
    if (f->call && g.cpl < f->s->cpl)
        call_gate_inner(f, &g);
    else
        call_gate_same(f, &g);
}

/* ---- Task gates and TSS ---- */

static void far_task(Far *f)
{
    X86State *s = f->s;
    X86TaskCause cause = f->call ? TASK_CALL : TASK_JMP;
    unsigned dpl = desc_dpl(f->desc.hi);

    if (dpl < s->cpl || dpl < (f->selector & SEL_RPL))
        x86_raise_selector(f->cpu, X86_GP, f->selector);
    if (!(f->desc.hi & DESC_P))
        x86_raise_selector(f->cpu, X86_NP, f->selector);
    if (desc_type(f->desc.hi) == SYS_TASK_GATE)
        x86_task_gate(f->cpu, f->desc.lo >> 16, cause, f->next_pc, false, 0);
    else
        x86_task_switch(f->cpu, f->selector, &f->desc, cause, f->next_pc, false, 0);
}

static void far_system(Far *f)
{
    switch (desc_type(f->desc.hi)) {
    case SYS_CALL32:
        far_call_gate(f);
        return;
    case SYS_CALL16:
        if (!x86_long(f->s)) {
            far_call_gate(f);
            return;
        }
        break;
    case SYS_TASK_GATE:
    case SYS_TSS16:
    case SYS_TSS32:
        if (!x86_long(f->s) &&
            !((f->selector & SEL_TI) && desc_type(f->desc.hi) != SYS_TASK_GATE)) {
            far_task(f);
            return;
        }
        break;
    default:
        break;
    }
    x86_raise_selector(f->cpu, X86_GP, f->selector);
}

static void far_transfer(Far *f)
{
    if (!x86_segmented(f->s)) {
        far_real(f);
    } else {
        if (x86_null_selector(f->selector))
            x86_gp0(f->cpu);
        if (!x86_desc_read(f->cpu, f->selector, &f->desc))
            x86_raise_selector(f->cpu, X86_GP, f->selector);
        if (desc_is_code(f->desc.hi))
            far_code(f);
        else if (f->desc.hi & DESC_S)
            x86_raise_selector(f->cpu, X86_GP, f->selector);
        else
            far_system(f);
    }
    x86_update_mode(f->cpu);
}

void x86_helper_jmp_far(TnCpu *cpu, uint32_t selector, uint64_t offset, uint32_t op_size,
                        uint64_t next_pc)
{
    Far f = { .cpu = cpu,
              .s = x86_state(cpu),
              .selector = selector & 0xffff,
              .offset = offset,
              .size = op_size,
              .next_pc = next_pc };

    far_transfer(&f);
}

void x86_helper_call_far(TnCpu *cpu, uint32_t selector, uint64_t offset, uint32_t op_size,
                         uint64_t next_pc)
{
    Far f = { .cpu = cpu,
              .s = x86_state(cpu),
              .call = true,
              .selector = selector & 0xffff,
              .offset = offset,
              .size = op_size,
              .next_pc = next_pc };

    far_transfer(&f);
}
