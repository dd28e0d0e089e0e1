/* SPDX-License-Identifier: MIT */
/*
 * Delivery of interrupts and exceptions in real, v8086 and protected mode.
 *
 * Intel SDM vol. 3A: 20.1.4 (real mode), 20.3 (v8086 mode; 20.3.3.4 and table 20-2: redirection),
 * 6.12 (protected mode), 6.12.1.3 (flags); vol. 2A, "INT n" (the pseudocode's order of checks).
 */
#include "system.h"

#include <inttypes.h>

#include "tenon/log.h"

enum {
    GATE_SIZE = 8,
    IVT_ENTRY = 4,
    VME_IOPL3 = 3,
    TSS_IO_MAP = 102,
    REDIRECTION_BYTES = 32,
};

/* 6.12.1.3, 17.3.1.1: faults push RF set, so that the handler's return skips a breakpoint. */
uint64_t x86_event_flags(const X86State *s, const X86Event *event)
{
    uint64_t flags = x86_eflags(s);

    if (event->kind == EVENT_FAULT)
        flags |= EFLAGS_RF;
    return flags;
}

/* The frame and the new CS:IP of a real-mode style delivery; `flags` is the pushed image. */
static void deliver_ivt(TnCpu *cpu, const X86Event *event, uint64_t table, uint32_t flags,
                        unsigned mmu)
{
    X86State *s = x86_state(cpu);
    uint32_t vector = tn_ld32(cpu, (uint32_t)(table + event->vector * IVT_ENTRY), mmu);
    X86Stack st = x86_stack(cpu);

    x86_stack_push(&st, 2, flags);
    x86_stack_push(&st, 2, s->seg[CS].selector);
    x86_stack_push(&st, 2, event->return_rip);
    s->regs[RSP] = x86_stack_rsp(&st, s->regs[RSP]);
    s->seg[CS].selector = vector >> 16;
    s->seg[CS].base = vector >> 16 << 4;
    s->rip = vector & 0xffff;
}

/* 20.1.4 */
static void deliver_real(TnCpu *cpu, const X86Event *event)
{
    X86State *s = x86_state(cpu);

    if (event->vector * IVT_ENTRY + IVT_ENTRY - 1u > s->idtr.limit)
        x86_gp0(cpu);
    deliver_ivt(cpu, event, s->idtr.base, x86_eflags(s), x86_mmu_mode(s));
    s->eflags &= ~(uint32_t)(EFLAGS_IF | EFLAGS_TF | EFLAGS_AC | EFLAGS_RF);
}

/* Software interrupt redirection bit map in the TSS: true when the bit is clear (20.3.3.4). */
static bool deliver_redirected(TnCpu *cpu, unsigned vector)
{
    X86State *s = x86_state(cpu);
    uint32_t map = tn_ld16(cpu, s->tr.base + TSS_IO_MAP, MMU_KERNEL);
    uint32_t at = map - REDIRECTION_BYTES + vector / 8;

    if (map < REDIRECTION_BYTES || at > s->tr.limit)
        x86_gp0(cpu);
    return !(tn_ld8(cpu, s->tr.base + at, MMU_KERNEL) >> vector % 8 & 1);
}

/*
 * INT n in v8086 mode. True: it went to the 8086 program's own handler (methods 5 and 6 of table
 * 20-2). False: to the protected-mode handler; #GP where IOPL forbids it.
 */
static bool deliver_v8086_int(TnCpu *cpu, const X86Event *event)
{
    X86State *s = x86_state(cpu);
    bool iopl3 = x86_iopl(s) == VME_IOPL3;
    bool vme = s->cr4 & CR4_VME;

    if (!vme || !deliver_redirected(cpu, event->vector)) {
        if (!iopl3)
            x86_gp0(cpu);
        return false;
    }
    uint32_t flags = x86_eflags(s);
    if (!iopl3) {
        flags = (flags & ~(uint32_t)EFLAGS_IF) | (flags & EFLAGS_VIF ? EFLAGS_IF : 0);
        flags |= EFLAGS_IOPL;
    }
    deliver_ivt(cpu, event, 0, flags, MMU_USER);
    s->eflags &= ~(uint32_t)(EFLAGS_TF | EFLAGS_RF | EFLAGS_NT | (iopl3 ? EFLAGS_IF : EFLAGS_VIF));
    return true;
}

/* One delivery through an interrupt or trap gate. */
typedef struct Gate {
    TnCpu *cpu;
    X86State *s;
    const X86Event *event;
    unsigned type; /* SYS_* */
    uint32_t selector, offset;
    X86Desc code;
    unsigned cpl; /* of the handler */
} Gate;

static void gate_push_frame(const Gate *g, X86Stack *st, unsigned size)
{
    X86State *s = g->s;

    x86_stack_push(st, size, x86_event_flags(s, g->event));
    x86_stack_push(st, size, s->seg[CS].selector);
    x86_stack_push(st, size, g->event->return_rip);
    if (g->event->has_error)
        x86_stack_push(st, size, g->event->error);
}

/* 6.12.1: what the handler starts with, once all pushes succeeded. */
static void gate_commit(const Gate *g)
{
    X86State *s = g->s;

    x86_set_cs(s, g->selector, &g->code, g->cpl, g->offset);
    s->eflags &= ~(uint32_t)(EFLAGS_TF | EFLAGS_VM | EFLAGS_RF | EFLAGS_NT);
    if ((g->type & ~8u) == SYS_INT16)
        s->eflags &= ~(uint32_t)EFLAGS_IF;
}

/* To an inner stack from the TSS; from v8086 mode the data segments are saved and nulled too. */
static void gate_inner(Gate *g, unsigned size)
{
    X86State *s = g->s;
    bool v8086 = x86_v8086(s);
    uint32_t selector, esp;

    x86_tss_stack(g->cpu, g->cpl, &selector, &esp);
    X86Segment ss = x86_stack_segment(g->cpu, selector, g->cpl, X86_TS);
    X86Stack st = x86_stack_at(g->cpu, &ss, esp, g->cpl, false);
    st.error = selector & (SEL_INDEX | SEL_TI);
    if (v8086) {
        static const uint8_t order[] = { GS, FS, DS, ES };
        for (unsigned i = 0; i < 4; i++)
            x86_stack_push(&st, size, s->seg[order[i]].selector);
    }
    x86_stack_push(&st, size, s->seg[SS].selector);
    x86_stack_push(&st, size, s->regs[RSP]);
    gate_push_frame(g, &st, size);

    if (v8086) {
        static const uint8_t cleared[] = { ES, DS, FS, GS };
        for (unsigned i = 0; i < 4; i++)
            s->seg[cleared[i]] = x86_segment_null(s, 0, 0);
    }
    s->regs[RSP] = x86_stack_rsp(&st, 0);
    s->seg[SS] = ss;
    gate_commit(g);
}

static void gate_same(Gate *g, unsigned size)
{
    X86State *s = g->s;
    X86Stack st = x86_stack(g->cpu);

    gate_push_frame(g, &st, size);
    s->regs[RSP] = x86_stack_rsp(&st, s->regs[RSP]);
    gate_commit(g);
}

/* The handler's code segment (INT n pseudocode, "trap-or-interrupt-gate"). */
static void gate_read_code(Gate *g)
{
    TnCpu *cpu = g->cpu;
    unsigned cpl = g->s->cpl;

    if (x86_null_selector(g->selector))
        x86_gp0(cpu);
    if (!x86_desc_read(cpu, g->selector, &g->code))
        x86_raise_selector(cpu, X86_GP, g->selector);
    if (!desc_is_code(g->code.hi) || desc_dpl(g->code.hi) > cpl)
        x86_raise_selector(cpu, X86_GP, g->selector);
    if (!(g->code.hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, g->selector);
    g->cpl = g->code.hi & DESC_C ? cpl : desc_dpl(g->code.hi);
    if (x86_v8086(g->s) && g->cpl != 0)
        x86_raise_selector(cpu, X86_GP, g->selector);
}

static void deliver_gate(Gate *g)
{
    unsigned size = g->type & 8 ? 4 : 2;

    gate_read_code(g);
    x86_desc_set_accessed(g->cpu, &g->code);
    x86_check_target(g->cpu, &g->code, g->offset);
    if (g->cpl < g->s->cpl)
        gate_inner(g, size);
    else
        gate_same(g, size);
}

static TN_NORETURN void deliver_bad_gate(TnCpu *cpu, X86Vector vector, const X86Event *event)
{
    x86_raise_error(cpu, vector, (uint32_t)event->vector * GATE_SIZE | ERROR_IDT);
}

/* 6.11, 6.12: the gate in the IDT. */
static void deliver_protected(TnCpu *cpu, const X86Event *event)
{
    X86State *s = x86_state(cpu);
    Gate g = { .cpu = cpu, .s = s, .event = event };

    if (event->vector * GATE_SIZE + GATE_SIZE - 1u > s->idtr.limit)
        deliver_bad_gate(cpu, X86_GP, event);
    uint64_t gate = tn_ld64(cpu, (uint32_t)(s->idtr.base + event->vector * GATE_SIZE), MMU_KERNEL);
    uint32_t lo = (uint32_t)gate, hi = (uint32_t)(gate >> 32);
    g.type = hi & DESC_S ? 0 : desc_type(hi);
    if (g.type != SYS_TASK_GATE && (g.type & ~9u) != SYS_INT16)
        deliver_bad_gate(cpu, X86_GP, event);
    if (event->kind == EVENT_SOFT && desc_dpl(hi) < s->cpl)
        deliver_bad_gate(cpu, X86_GP, event);
    if (!(hi & DESC_P))
        deliver_bad_gate(cpu, X86_NP, event);
    g.selector = lo >> 16;
    g.offset = (lo & 0xffff) | (g.type & 8 ? hi & 0xffff0000 : 0);
    if (g.type == SYS_TASK_GATE)
        x86_task_gate(cpu, g.selector, TASK_GATE, event->return_rip, event->has_error,
                      event->error);
    else
        deliver_gate(&g);
}

static void deliver_log(const X86State *s, const X86Event *event)
{
    static const char *const kinds[] = { "fault", "trap", "external", "soft" };

    tn_log(TN_LOG_INT,
           "v=%02x e=%04x %s cpl=%u pc=%04x:%016" PRIx64 " sp=%04x:%016" PRIx64 " rax=%016" PRIx64
           " cr2=%016" PRIx64 "\n",
           event->vector, event->error, kinds[event->kind], s->cpl, s->seg[CS].selector,
           event->return_rip, s->seg[SS].selector, s->regs[RSP], s->regs[RAX], s->cr2);
}

void x86_deliver(TnCpu *cpu, const X86Event *event)
{
    X86State *s = x86_state(cpu);

    if (tn_log_enabled(TN_LOG_INT))
        deliver_log(s, event);
    if (!x86_protected(s))
        deliver_real(cpu, event);
    else if (x86_long(s))
        x86_deliver_long(cpu, event);
    else if (!(x86_v8086(s) && event->int_n && deliver_v8086_int(cpu, event)))
        deliver_protected(cpu, event);
    s->shadow = false;
    s->step_armed = false;
    x86_update_level(cpu);
}

/* ---- INT n, INT3, INTO, INT1 (vol. 2A, "INT n") -------------------------------------------- */

static void deliver_soft(TnCpu *cpu, uint8_t vector, bool int_n, uint64_t next_pc)
{
    X86Event event = {
        .vector = vector, .kind = EVENT_SOFT, .int_n = int_n, .return_rip = next_pc
    };

    x86_deliver(cpu, &event);
}

void x86_helper_int_n(TnCpu *cpu, uint32_t vector, uint64_t next_pc)
{
    deliver_soft(cpu, (uint8_t)vector, true, next_pc);
}

void x86_helper_int3(TnCpu *cpu, uint64_t next_pc)
{
    deliver_soft(cpu, X86_BP, false, next_pc);
}

void x86_helper_into(TnCpu *cpu, uint64_t next_pc)
{
    X86State *s = x86_state(cpu);

    if (s->flags & TN_FLAG_O)
        deliver_soft(cpu, X86_OF, false, next_pc);
    else
        s->rip = next_pc;
}

/* INT1 acts as a hardware event: no DPL check, EXT in error codes. */
void x86_helper_int1(TnCpu *cpu, uint64_t next_pc)
{
    X86State *s = x86_state(cpu);
    X86Event event = { .vector = X86_DB, .kind = EVENT_TRAP, .return_rip = next_pc };

    s->delivering = true;
    s->delivering_vector = X86_DB;
    x86_deliver(cpu, &event);
    s->delivering = false;
}
