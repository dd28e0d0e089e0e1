/* SPDX-License-Identifier: MIT */
/*
 * Task state segments: inner stacks and hardware task switches.
 *
 * Intel SDM vol. 3A, chapter 7: 7.2.1 (32-bit TSS), 7.3 (task switching, the steps), 7.4 (linking),
 * 7.6 (16-bit TSS), 7.7 (64-bit TSS); 6.12.1 (inner stacks).
 */
#include "system.h"

#include <string.h>

/* Byte offsets in a TSS. */
enum {
    TSS_LINK = 0,
    TSS32_SP0 = 4, TSS32_CR3 = 28, TSS32_EIP = 32, TSS32_EFLAGS = 36, TSS32_REGS = 40,
    TSS32_SEGS = 72, TSS32_LDT = 96, TSS32_TRAP = 100, TSS32_LIMIT = 103,
    TSS16_SP0 = 2, TSS16_IP = 14, TSS16_FLAGS = 16, TSS16_REGS = 18, TSS16_SEGS = 34,
    TSS16_LDT = 42, TSS16_LIMIT = 43,
    TSS64_RSP0 = 4, TSS64_RESERVED_INDEX = 3,
};

static bool tss_is32(uint32_t attrs)
{
    return attrs & SYS_TSS32 << DESC_TYPE_SHIFT & 8u << DESC_TYPE_SHIFT;
}

void x86_tss_stack(TnCpu *cpu, unsigned cpl, uint32_t *ss, uint32_t *esp)
{
    X86State *s = x86_state(cpu);
    bool wide = tss_is32(s->tr.attrs);
    uint32_t at = wide ? TSS32_SP0 + cpl * 8 : TSS16_SP0 + cpl * 4;
    uint64_t address = s->tr.base + at;

    if (at + (wide ? 6 : 4) - 1 > s->tr.limit)
        x86_raise_selector(cpu, X86_TS, s->tr.selector);
    *esp = wide ? tn_ld32(cpu, address, MMU_KERNEL) : tn_ld16(cpu, address, MMU_KERNEL);
    *ss = tn_ld16(cpu, address + (wide ? 4 : 2), MMU_KERNEL);
}

/* The 64-bit TSS is an array of 8-byte stack pointers from byte 4: RSP0..2, reserved, IST1..7. */
uint64_t x86_tss_rsp(TnCpu *cpu, unsigned index)
{
    X86State *s = x86_state(cpu);
    uint32_t at = TSS64_RSP0 + index * 8;

    if (at + 7 > s->tr.limit)
        x86_raise_selector(cpu, X86_TS, s->tr.selector);
    uint64_t rsp = tn_ld64(cpu, s->tr.base + at, MMU_KERNEL);
    if (!x86_canonical(s, rsp))
        x86_raise_error(cpu, X86_SS, 0);
    return rsp;
}

/* ---- Task images ---- */

/* The dynamic part of a TSS. */
typedef struct TaskImage {
    uint32_t cr3, eip, eflags, regs[8], segs[6], ldt;
    bool trap;
} TaskImage;

static void task_read(TnCpu *cpu, uint64_t base, bool wide, TaskImage *t)
{
    uint8_t b[TSS32_LIMIT + 1] = { 0 };
    uint16_t half[14];

    tn_ld_bytes(cpu, base, b, wide ? TSS32_LIMIT + 1 : TSS16_LIMIT + 1, MMU_KERNEL);
    memset(t, 0, sizeof(*t));
    if (wide) {
        uint32_t words[19];
        memcpy(words, b + TSS32_CR3, sizeof(words));
        t->cr3 = words[0];
        t->eip = words[1];
        t->eflags = words[2];
        memcpy(t->regs, words + 3, sizeof(t->regs));
        for (unsigned i = 0; i < 6; i++)
            t->segs[i] = words[11 + i] & 0xffff;
        t->ldt = words[17] & 0xffff;
        t->trap = words[18] & 1;
        return;
    }
    memcpy(half, b + TSS16_IP, sizeof(half));
    t->eip = half[0];
    t->eflags = half[1];
    for (unsigned i = 0; i < 8; i++)
        t->regs[i] = half[2 + i] | 0xffff0000;
    for (unsigned i = 0; i < 4; i++)
        t->segs[i] = half[10 + i];
    memcpy(half, b + TSS16_LDT, 2);
    t->ldt = half[0];
}

/* Step 7: the old task's registers into its TSS. */
static void task_save(TnCpu *cpu, uint64_t rip, uint32_t eflags)
{
    X86State *s = x86_state(cpu);

    if (tss_is32(s->tr.attrs)) {
        uint32_t words[16];
        words[0] = (uint32_t)rip;
        words[1] = eflags;
        for (unsigned i = 0; i < 8; i++)
            words[2 + i] = (uint32_t)s->regs[i];
        for (unsigned i = 0; i < 6; i++)
            words[10 + i] = s->seg[i].selector;
        tn_st_bytes(cpu, s->tr.base + TSS32_EIP, words, sizeof(words), MMU_KERNEL);
        return;
    }
    uint16_t half[14];
    half[0] = (uint16_t)rip;
    half[1] = (uint16_t)eflags;
    for (unsigned i = 0; i < 8; i++)
        half[2 + i] = (uint16_t)s->regs[i];
    for (unsigned i = 0; i < 4; i++)
        half[10 + i] = (uint16_t)s->seg[i].selector;
    tn_st_bytes(cpu, s->tr.base + TSS16_IP, half, sizeof(half), MMU_KERNEL);
}

/* ---- Loading the new task's segments (table 7-1) ---- */

static void task_load_ldt(TnCpu *cpu, uint32_t selector)
{
    X86State *s = x86_state(cpu);
    X86Desc d;

    s->ldtr = (X86Segment){ .selector = selector };
    if (x86_null_selector(selector))
        return;
    if ((selector & SEL_TI) || !x86_desc_read(cpu, selector, &d) || (d.hi & DESC_S) ||
        desc_type(d.hi) != SYS_LDT || !(d.hi & DESC_P))
        x86_raise_selector(cpu, X86_TS, selector);
    s->ldtr = x86_segment_of(selector, &d);
}

static void task_load_cs(TnCpu *cpu, uint32_t selector)
{
    X86State *s = x86_state(cpu);
    unsigned rpl = selector & SEL_RPL;
    X86Desc d;

    if (x86_null_selector(selector) || !x86_desc_read(cpu, selector, &d) || !desc_is_code(d.hi))
        x86_raise_selector(cpu, X86_TS, selector);
    if (d.hi & DESC_C ? desc_dpl(d.hi) > rpl : desc_dpl(d.hi) != rpl)
        x86_raise_selector(cpu, X86_TS, selector);
    if (!(d.hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, selector);
    x86_desc_set_accessed(cpu, &d);
    s->seg[CS] = x86_segment_of(selector, &d);
}

static void task_load_data(TnCpu *cpu, unsigned seg, uint32_t selector)
{
    X86State *s = x86_state(cpu);
    X86Desc d;

    if (x86_null_selector(selector))
        return;
    if (!x86_desc_read(cpu, selector, &d) || !(d.hi & DESC_S) ||
        (d.hi & (DESC_CODE | DESC_R)) == DESC_CODE)
        x86_raise_selector(cpu, X86_TS, selector);
    bool conforming = (d.hi & (DESC_CODE | DESC_C)) == (DESC_CODE | DESC_C);
    if (!conforming && (desc_dpl(d.hi) < s->cpl || desc_dpl(d.hi) < (selector & SEL_RPL)))
        x86_raise_selector(cpu, X86_TS, selector);
    if (!(d.hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, selector);
    x86_desc_set_accessed(cpu, &d);
    s->seg[seg] = x86_segment_of(selector, &d);
}

/* Selectors first, all unusable: a fault in the middle is one of the new task's. */
static void task_load_segments(TnCpu *cpu, const TaskImage *t)
{
    static const uint8_t data[] = { ES, DS, FS, GS };
    X86State *s = x86_state(cpu);

    for (unsigned i = 0; i < X86_N_SEGS; i++)
        s->seg[i] = s->eflags & EFLAGS_VM ? x86_segment_v8086(t->segs[i])
                                          : x86_segment_null(s, t->segs[i], 0);
    x86_set_cpl(s, s->eflags & EFLAGS_VM ? 3 : t->segs[CS] & SEL_RPL);
    task_load_ldt(cpu, t->ldt);
    if (s->eflags & EFLAGS_VM)
        return;
    task_load_cs(cpu, t->segs[CS]);
    s->seg[SS] = x86_stack_segment(cpu, t->segs[SS], s->cpl, X86_TS);
    for (unsigned i = 0; i < 4; i++)
        task_load_data(cpu, data[i], t->segs[data[i]]);
}

/* ---- The switch ---- */

static void task_check_limit(TnCpu *cpu, uint32_t selector, const X86Desc *d)
{
    uint32_t least = tss_is32(d->hi) ? TSS32_LIMIT : TSS16_LIMIT;

    if (x86_desc_limit(d) < least)
        x86_raise_selector(cpu, X86_TS, selector);
}

/* All memory that steps 4 to 8 write must be there before the first change. */
static void task_probe_old(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    bool wide = tss_is32(s->tr.attrs);
    uint64_t start = s->tr.base + (wide ? TSS32_EIP : TSS16_IP);
    uint64_t n = wide ? TSS32_LDT - TSS32_EIP : TSS16_LDT - TSS16_IP;

    tn_probe(cpu, start, 1, TN_ACCESS_WRITE, MMU_KERNEL);
    tn_probe(cpu, start + n - 1, 1, TN_ACCESS_WRITE, MMU_KERNEL);
}

/* Steps 4 to 7 and 9: leave the old task. `d` is the new one's descriptor. */
static void task_leave(TnCpu *cpu, X86Desc *d, X86TaskCause cause, uint64_t return_rip)
{
    X86State *s = x86_state(cpu);
    uint32_t eflags = x86_eflags(s);
    X86Desc old;

    if (cause == TASK_IRET)
        eflags &= ~(uint32_t)EFLAGS_NT;
    task_probe_old(cpu);
    if ((cause == TASK_JMP || cause == TASK_IRET) && x86_desc_read(cpu, s->tr.selector, &old))
        x86_desc_set_busy(cpu, &old, false);
    task_save(cpu, return_rip, eflags);
    if (cause == TASK_CALL || cause == TASK_GATE)
        tn_st16(cpu, x86_desc_base(d) + TSS_LINK, (uint16_t)s->tr.selector, MMU_KERNEL);
    if (cause != TASK_IRET)
        x86_desc_set_busy(cpu, d, true);
}

/* Steps 10 and 11: the new task's registers. Faults from here on belong to it. */
static void task_enter(TnCpu *cpu, uint32_t selector, const X86Desc *d, X86TaskCause cause,
                       const TaskImage *t)
{
    X86State *s = x86_state(cpu);
    bool wide = tss_is32(d->hi);
    uint32_t eflags = t->eflags;

    s->tr = x86_segment_of(selector, d);
    s->tr.attrs |= SYS_BUSY << DESC_TYPE_SHIFT;
    s->cr0 |= CR0_TS;
    if (wide && (s->cr0 & CR0_PG))
        x86_write_cr3(cpu, t->cr3);
    if (cause == TASK_CALL || cause == TASK_GATE)
        eflags |= EFLAGS_NT;
    x86_write_eflags(s, eflags, wide ? ~0u : 0xffff);
    if (!wide)
        s->eflags &= ~(uint32_t)(EFLAGS_VM | EFLAGS_RF);
    for (unsigned i = 0; i < 8; i++)
        s->regs[i] = t->regs[i];
    s->rip = t->eip;
    cpu->fault_pc = s->rip;
    s->dr[7] &= ~UINT64_C(0x55); /* local breakpoints are the old task's (17.2.4) */
    s->shadow = false;
    task_load_segments(cpu, t);
    x86_update_mode(cpu);
}

static void task_push_error(TnCpu *cpu, bool wide, uint32_t error)
{
    X86State *s = x86_state(cpu);
    X86Stack st = x86_stack(cpu);

    x86_stack_push(&st, wide ? 4 : 2, error);
    s->regs[RSP] = x86_stack_rsp(&st, s->regs[RSP]);
}

void x86_task_switch(TnCpu *cpu, uint32_t selector, X86Desc *d, X86TaskCause cause,
                     uint64_t return_rip, bool has_error, uint32_t error)
{
    enum { DR6_BT = 1u << 15 };
    X86State *s = x86_state(cpu);
    bool wide = tss_is32(d->hi);
    TaskImage t;

    task_check_limit(cpu, selector, d);
    task_read(cpu, x86_desc_base(d), wide, &t);
    if (cause == TASK_CALL || cause == TASK_GATE)
        tn_probe(cpu, x86_desc_base(d), 2, TN_ACCESS_WRITE, MMU_KERNEL);
    task_leave(cpu, d, cause, return_rip);
    task_enter(cpu, selector, d, cause, &t);
    if (has_error)
        task_push_error(cpu, wide, error);
    if (s->rip > s->seg[CS].limit)
        x86_gp0(cpu);
    if (t.trap)
        x86_raise_db(cpu, DR6_BT);
}

/* Through a task gate: the TSS selector that it holds (vol. 2A, "CALL", TASK-GATE). */
void x86_task_gate(TnCpu *cpu, uint32_t selector, X86TaskCause cause, uint64_t return_rip,
                   bool has_error, uint32_t error)
{
    X86Desc d;

    if ((selector & SEL_TI) || x86_null_selector(selector) || !x86_desc_read(cpu, selector, &d))
        x86_raise_selector(cpu, X86_GP, selector);
    unsigned type = d.hi & DESC_S ? 0 : desc_type(d.hi);
    if (type != SYS_TSS16 && type != SYS_TSS32)
        x86_raise_selector(cpu, X86_GP, selector);
    if (!(d.hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, selector);
    x86_task_switch(cpu, selector, &d, cause, return_rip, has_error, error);
}
