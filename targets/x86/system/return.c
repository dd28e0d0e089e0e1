/* SPDX-License-Identifier: MIT */
/*
 * Far RET and IRET in all their forms.
 *
 * Intel SDM vol. 2A "IRET/IRETD/IRETQ", vol. 2B "RET"; vol. 3A 5.8.6 (returning from a called
 * procedure), 6.7.1 (NMI), 7.3 (nested tasks), 20.2 (v8086 mode), 20.3 (VME).
 */
#include "system.h"

enum {
    /* What IRET may write, by privilege (vol. 2A, "IRET", RETURN-TO-...). */
    FLAGS_ANY = TN_FLAGS_ALL | EFLAGS_TF | EFLAGS_DF | EFLAGS_NT,
    FLAGS_WIDE = EFLAGS_RF | EFLAGS_AC | EFLAGS_ID,
    FLAGS_CPL0 = EFLAGS_IOPL | EFLAGS_VIF | EFLAGS_VIP,
    VME_IOPL3 = 3,
};

/* A return to a code segment of protected or long mode. */
typedef struct Return {
    TnCpu *cpu;
    X86State *s;
    unsigned size;
    bool iret;
    uint32_t release; /* parameter bytes of RET n */
    uint64_t rip;
    uint32_t selector;
    uint32_t flags;
    X86Stack st;
    X86Desc code;
    X86Segment ss; /* outer returns and IRET of 64-bit mode */
    uint64_t rsp;
} Return;

/* ---- Real and v8086 mode ---- */

static void return_real_flags(X86State *s, uint32_t flags, unsigned size, uint32_t mask)
{
    if (size == 2)
        mask &= 0xffff;
    else
        mask |= FLAGS_WIDE;
    x86_write_eflags(s, flags, mask);
}

/* IRET of v8086 mode with IOPL below 3 and VME: IF goes to VIF (20.3). 16-bit form only. */
static void return_vme_flags(TnCpu *cpu, uint32_t flags)
{
    X86State *s = x86_state(cpu);

    if ((flags & EFLAGS_TF) || ((flags & EFLAGS_IF) && (s->eflags & EFLAGS_VIP)))
        x86_gp0(cpu);
}

static void return_iret_real(TnCpu *cpu, unsigned size)
{
    X86State *s = x86_state(cpu);
    bool v8086 = x86_v8086(s);
    bool vme = v8086 && x86_iopl(s) != VME_IOPL3;
    uint32_t mask = FLAGS_ANY | EFLAGS_IF;

    if (vme && (size != 2 || !(s->cr4 & CR4_VME)))
        x86_gp0(cpu);
    X86Stack st = x86_stack(cpu);
    uint64_t rip = x86_stack_pop(&st, size);
    uint32_t selector = (uint32_t)x86_stack_pop(&st, size);
    uint32_t flags = (uint32_t)x86_stack_pop(&st, size);
    if (rip > s->seg[CS].limit)
        x86_gp0(cpu);
    if (vme) {
        return_vme_flags(cpu, flags);
        mask &= ~(uint32_t)EFLAGS_IF;
    }
    if (!v8086)
        mask |= EFLAGS_IOPL;
    s->regs[RSP] = x86_stack_rsp(&st, s->regs[RSP]);
    x86_load_seg_real(cpu, CS, selector);
    s->rip = rip;
    return_real_flags(s, flags, size, mask);
    if (vme)
        s->eflags = (s->eflags & ~(uint32_t)EFLAGS_VIF) | (flags & EFLAGS_IF ? EFLAGS_VIF : 0);
}

static void return_far_real(TnCpu *cpu, unsigned size, uint32_t release)
{
    X86State *s = x86_state(cpu);
    X86Stack st = x86_stack(cpu);
    uint64_t rip = x86_stack_pop(&st, size);
    uint32_t selector = (uint32_t)x86_stack_pop(&st, size);

    if (rip > s->seg[CS].limit)
        x86_gp0(cpu);
    st.sp += release;
    s->regs[RSP] = x86_stack_rsp(&st, s->regs[RSP]);
    x86_load_seg_real(cpu, CS, selector);
    s->rip = rip;
}

/* ---- Protected and long mode ---- */

static void return_check_code(Return *r)
{
    TnCpu *cpu = r->cpu;
    unsigned rpl = r->selector & SEL_RPL;

    if (x86_null_selector(r->selector))
        x86_gp0(cpu);
    if (!x86_desc_read(cpu, r->selector, &r->code))
        x86_raise_selector(cpu, X86_GP, r->selector);
    uint32_t hi = r->code.hi;
    if (!desc_is_code(hi) || rpl < r->s->cpl)
        x86_raise_selector(cpu, X86_GP, r->selector);
    if (x86_long(r->s) && (hi & DESC_L) && (hi & DESC_DB))
        x86_raise_selector(cpu, X86_GP, r->selector);
    if (hi & DESC_C ? desc_dpl(hi) > rpl : desc_dpl(hi) != rpl)
        x86_raise_selector(cpu, X86_GP, r->selector);
    if (!(hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, r->selector);
}

/* SS of an outer return. A null selector is allowed for 64-bit code below privilege 3. */
static void return_check_stack(Return *r, uint32_t selector)
{
    unsigned rpl = r->selector & SEL_RPL;
    bool to64 = x86_long(r->s) && (r->code.hi & DESC_L);

    if (!x86_null_selector(selector)) {
        r->ss = x86_stack_segment(r->cpu, selector, rpl, X86_GP);
        return;
    }
    if (!to64 || rpl == 3 || (selector & SEL_RPL) != rpl)
        x86_gp0(r->cpu);
    r->ss = x86_segment_null(r->s, selector, rpl);
}

/*
 * Data segments that the outer level may not use are nulled (5.8.6). Null ones are left alone: the
 * bases of FS and GS in them are those that MSRs and WRFSBASE set.
 */
static void return_drop_segments(X86State *s, unsigned cpl)
{
    static const uint8_t data[] = { ES, DS, FS, GS };

    for (unsigned i = 0; i < 4; i++) {
        X86Segment *seg = &s->seg[data[i]];
        bool conforming = (seg->attrs & (DESC_CODE | DESC_C)) == (DESC_CODE | DESC_C);
        if ((seg->attrs & DESC_P) && !conforming && desc_dpl(seg->attrs) < cpl)
            *seg = x86_segment_null(s, 0, 0);
    }
}

static void return_flags(Return *r, unsigned old_cpl)
{
    X86State *s = r->s;
    uint32_t mask = FLAGS_ANY;

    if (old_cpl <= x86_iopl(s))
        mask |= EFLAGS_IF;
    if (old_cpl == 0)
        mask |= FLAGS_CPL0;
    mask |= FLAGS_WIDE;
    if (r->size == 2)
        mask &= 0xffff;
    x86_write_eflags(s, r->flags, mask);
}

/* The part after the code segment's checks: same or outer level, stack, commit. */
static void return_to_code(Return *r)
{
    X86State *s = r->s;
    unsigned old_cpl = s->cpl, cpl = r->selector & SEL_RPL;
    bool outer = cpl > old_cpl;
    bool pops_stack = outer || (r->iret && x86_code64(s));

    r->st.sp += r->release;
    if (pops_stack) {
        r->rsp = x86_stack_pop(&r->st, r->size);
        return_check_stack(r, (uint32_t)x86_stack_pop(&r->st, r->size) & 0xffff);
    }
    x86_check_target(r->cpu, &r->code, r->rip);
    x86_desc_set_accessed(r->cpu, &r->code);

    x86_set_cs(s, r->selector, &r->code, cpl, r->rip);
    if (pops_stack) {
        bool to64 = x86_long(s) && (r->code.hi & DESC_L);
        X86Stack to = x86_stack_at(r->cpu, &r->ss, r->rsp + r->release, cpl, to64);
        s->seg[SS] = r->ss;
        s->regs[RSP] = x86_stack_rsp(&to, s->regs[RSP]);
    } else {
        s->regs[RSP] = x86_stack_rsp(&r->st, s->regs[RSP]);
    }
    if (r->iret)
        return_flags(r, old_cpl);
    if (outer)
        return_drop_segments(s, cpl);
}

static void return_far(TnCpu *cpu, unsigned size, uint32_t release)
{
    X86State *s = x86_state(cpu);
    Return r = { .cpu = cpu, .s = s, .size = size, .release = release, .st = x86_stack(cpu) };

    r.rip = x86_stack_pop(&r.st, size);
    r.selector = (uint32_t)x86_stack_pop(&r.st, size) & 0xffff;
    return_check_code(&r);
    return_to_code(&r);
}

/* ---- IRET ---- */

/* Nested task: back along the link (7.4). */
static void return_nested(TnCpu *cpu, uint64_t next_pc)
{
    X86State *s = x86_state(cpu);
    uint32_t link = tn_ld16(cpu, (uint32_t)s->tr.base, MMU_KERNEL);
    X86Desc d;

    if ((link & SEL_TI) || x86_null_selector(link) || !x86_desc_read(cpu, link, &d))
        x86_raise_selector(cpu, X86_TS, link);
    if ((d.hi & DESC_S) || (desc_type(d.hi) != SYS_TSS16_BUSY && desc_type(d.hi) != SYS_TSS32_BUSY))
        x86_raise_selector(cpu, X86_TS, link);
    if (!(d.hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, link);
    x86_task_switch(cpu, link, &d, TASK_IRET, next_pc, false, 0);
}

/* To v8086 mode from privilege 0, 32-bit frame of nine. */
static void return_to_v8086(Return *r)
{
    static const uint8_t order[] = { SS, ES, DS, FS, GS };
    X86State *s = r->s;
    uint32_t selector[5];
    uint64_t rsp = x86_stack_pop(&r->st, 4);

    for (unsigned i = 0; i < 5; i++)
        selector[i] = (uint32_t)x86_stack_pop(&r->st, 4);
    if (r->rip > X86_REAL_LIMIT)
        x86_gp0(r->cpu);
    x86_write_eflags(s, r->flags, ~0u);
    s->eflags &= EFLAGS_1 | EFLAGS_TF | EFLAGS_IF | EFLAGS_IOPL | EFLAGS_NT | EFLAGS_RF |
                 EFLAGS_VM | EFLAGS_AC | EFLAGS_VIF | EFLAGS_VIP | EFLAGS_ID;
    s->seg[CS] = x86_segment_v8086(r->selector);
    for (unsigned i = 0; i < 5; i++)
        s->seg[order[i]] = x86_segment_v8086(selector[i]);
    s->rip = r->rip;
    s->regs[RSP] = (uint32_t)rsp;
    x86_set_cpl(s, 3);
}

static void return_iret_protected(TnCpu *cpu, unsigned size, uint64_t next_pc)
{
    X86State *s = x86_state(cpu);
    Return r = { .cpu = cpu, .s = s, .size = size, .iret = true, .st = x86_stack(cpu) };

    if (s->eflags & EFLAGS_NT) {
        if (x86_long(s))
            x86_gp0(cpu);
        return_nested(cpu, next_pc);
        return;
    }
    r.rip = x86_stack_pop(&r.st, size);
    r.selector = (uint32_t)x86_stack_pop(&r.st, size) & 0xffff;
    r.flags = (uint32_t)x86_stack_pop(&r.st, size);
    if (size == 4 && (r.flags & EFLAGS_VM) && s->cpl == 0 && !x86_long(s)) {
        return_to_v8086(&r);
        return;
    }
    return_check_code(&r);
    return_to_code(&r);
}

void x86_helper_iret(TnCpu *cpu, uint32_t op_size, uint64_t next_pc)
{
    X86State *s = x86_state(cpu);

    if (x86_segmented(s))
        return_iret_protected(cpu, op_size, next_pc);
    else
        return_iret_real(cpu, op_size);
    s->nmi_blocked = false;
    x86_update_level(cpu);
}

void x86_helper_ret_far(TnCpu *cpu, uint32_t op_size, uint32_t release)
{
    if (x86_segmented(x86_state(cpu)))
        return_far(cpu, op_size, release);
    else
        return_far_real(cpu, op_size, release);
    x86_update_mode(cpu);
}
