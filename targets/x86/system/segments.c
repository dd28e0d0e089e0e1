/* SPDX-License-Identifier: MIT */
/*
 * Loading of data segment registers, LDTR and TR; LAR, LSL, VERR, VERW, ARPL; table registers.
 *
 * Intel SDM vol. 2 by instruction ("MOV", "LLDT", "LTR", "LAR", ...), vol. 3A 5.5 (type checking),
 * 5.6 (privilege of data accesses), 5.10 (pointer validation), 2.4 (table registers).
 */
#include "system.h"

#include <string.h>

enum {
    LGDT_BASE_MASK16 = 0x00ffffff,
    LAR_MASK = 0x00ffff00,
    LIMIT_HI = 0x000f0000,
};

void x86_load_seg_real(TnCpu *cpu, unsigned seg, uint32_t selector)
{
    X86State *s = x86_state(cpu);

    if (x86_v8086(s)) {
        s->seg[seg] = x86_segment_v8086(selector);
        return;
    }
    /* Real mode changes neither limit nor attributes ("unreal" mode depends on it). */
    s->seg[seg].selector = selector & 0xffff;
    s->seg[seg].base = (selector & 0xffff) << 4;
}

/* A null selector: fine for all but SS, which takes it only in 64-bit mode below privilege 3. */
static void segment_load_null(TnCpu *cpu, unsigned seg, uint32_t selector)
{
    X86State *s = x86_state(cpu);
    unsigned dpl = 0;

    if (seg == SS) {
        if (!x86_code64(s) || s->cpl == 3 || (selector & SEL_RPL) != s->cpl)
            x86_gp0(cpu);
        dpl = s->cpl;
    }
    X86Segment null = x86_segment_null(s, selector, dpl);
    if (x86_is_amd(s))
        null.base = s->seg[seg].base;
    s->seg[seg] = null;
}

static void segment_check_data(TnCpu *cpu, uint32_t selector, const X86Desc *d)
{
    X86State *s = x86_state(cpu);
    unsigned dpl = desc_dpl(d->hi), rpl = selector & SEL_RPL;
    bool conforming = (d->hi & (DESC_CODE | DESC_C)) == (DESC_CODE | DESC_C);

    if (!(d->hi & DESC_S) || (d->hi & (DESC_CODE | DESC_R)) == DESC_CODE)
        x86_raise_selector(cpu, X86_GP, selector);
    if (!conforming && (rpl > dpl || s->cpl > dpl))
        x86_raise_selector(cpu, X86_GP, selector);
    if (!(d->hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, selector);
}

static void segment_load(TnCpu *cpu, unsigned seg, uint32_t selector)
{
    X86State *s = x86_state(cpu);
    X86Desc d;

    if (x86_null_selector(selector)) {
        segment_load_null(cpu, seg, selector);
        return;
    }
    if (seg == SS) {
        s->seg[SS] = x86_stack_segment(cpu, selector, s->cpl, X86_GP);
        return;
    }
    if (!x86_desc_read(cpu, selector, &d))
        x86_raise_selector(cpu, X86_GP, selector);
    segment_check_data(cpu, selector, &d);
    x86_desc_set_accessed(cpu, &d);
    s->seg[seg] = x86_segment_of(selector, &d);
}

void x86_load_seg(TnCpu *cpu, unsigned seg, uint32_t selector)
{
    selector &= 0xffff;
    if (x86_segmented(x86_state(cpu)))
        segment_load(cpu, seg, selector);
    else
        x86_load_seg_real(cpu, seg, selector);
    x86_update_mode(cpu);
}

void x86_helper_load_seg(TnCpu *cpu, uint32_t seg, uint32_t selector)
{
    x86_load_seg(cpu, seg, selector);
}

/* An access through a segment register outside 64-bit mode (5.3, 5.5). */
void x86_check_seg(TnCpu *cpu, unsigned seg, uint32_t offset, uint32_t n, bool write)
{
    X86State *s = x86_state(cpu);
    const X86Segment *g = &s->seg[seg];
    bool bad = false;

    if (x86_segmented(s)) {
        bad = !(g->attrs & DESC_P) || !(g->attrs & DESC_S);
        if (write)
            bad |= (g->attrs & DESC_CODE) || !(g->attrs & DESC_W);
        else
            bad |= (g->attrs & (DESC_CODE | DESC_R)) == DESC_CODE;
    }
    if (bad || !x86_within_limit(g, offset, n))
        x86_raise_error(cpu, seg == SS ? X86_SS : X86_GP, 0);
}

void x86_helper_check_seg(TnCpu *cpu, uint32_t seg, uint32_t offset, uint32_t n)
{
    x86_check_seg(cpu, seg, offset, n & 0xffff, n >> 16);
}

/* ---- LLDT, LTR ---- */

/* A system descriptor from the GDT; 16 bytes in long mode. */
static void segment_read_system(TnCpu *cpu, uint32_t selector, X86Desc *d)
{
    if ((selector & SEL_TI) || !x86_desc_read(cpu, selector, d))
        x86_raise_selector(cpu, X86_GP, selector);
}

static void segment_read_high(TnCpu *cpu, uint32_t selector, X86Desc *d)
{
    X86State *s = x86_state(cpu);

    if (!x86_long(s))
        return;
    if (!x86_desc_read_high(cpu, selector, d) || !x86_canonical(s, x86_desc_base(d)))
        x86_raise_selector(cpu, X86_GP, selector);
}

void x86_helper_lldt(TnCpu *cpu, uint32_t selector)
{
    X86State *s = x86_state(cpu);
    X86Desc d;

    x86_need_cpl0(cpu);
    selector &= 0xffff;
    if (x86_null_selector(selector)) {
        s->ldtr = (X86Segment){ .selector = selector };
        return;
    }
    segment_read_system(cpu, selector, &d);
    if ((d.hi & DESC_S) || desc_type(d.hi) != SYS_LDT)
        x86_raise_selector(cpu, X86_GP, selector);
    if (!(d.hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, selector);
    segment_read_high(cpu, selector, &d);
    s->ldtr = x86_segment_of(selector, &d);
}

void x86_helper_ltr(TnCpu *cpu, uint32_t selector)
{
    X86State *s = x86_state(cpu);
    X86Desc d;

    x86_need_cpl0(cpu);
    selector &= 0xffff;
    if (x86_null_selector(selector))
        x86_gp0(cpu);
    segment_read_system(cpu, selector, &d);
    unsigned type = d.hi & DESC_S ? 0 : desc_type(d.hi);
    if (type != SYS_TSS32 && (type != SYS_TSS16 || x86_long(s)))
        x86_raise_selector(cpu, X86_GP, selector);
    if (!(d.hi & DESC_P))
        x86_raise_selector(cpu, X86_NP, selector);
    segment_read_high(cpu, selector, &d);
    x86_desc_set_busy(cpu, &d, true);
    s->tr = x86_segment_of(selector, &d);
    s->tr.attrs |= SYS_BUSY << DESC_TYPE_SHIFT;
}

/* ---- LGDT, LIDT, SGDT, SIDT ---- */

static void table_load(TnCpu *cpu, X86Segment *table, uint64_t address, unsigned op_size)
{
    X86State *s = x86_state(cpu);
    unsigned mmu = x86_mmu_mode(s);
    uint64_t base;

    x86_need_cpl0(cpu);
    uint32_t limit = tn_ld16(cpu, address, mmu);
    if (x86_code64(s)) {
        base = tn_ld64(cpu, address + 2, mmu);
        if (!x86_canonical(s, base))
            x86_gp0(cpu);
    } else {
        base = tn_ld32(cpu, (uint32_t)(address + 2), mmu);
        if (op_size == 2)
            base &= LGDT_BASE_MASK16;
    }
    table->limit = limit;
    table->base = base;
}

/* UMIP: the instructions that reveal where the tables are need privilege 0 (2.4.. CR4.UMIP). */
void x86_helper_umip(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    if ((s->cr4 & CR4_UMIP) && s->cpl)
        x86_gp0(cpu);
}

static void table_store(TnCpu *cpu, const X86Segment *table, uint64_t address)
{
    X86State *s = x86_state(cpu);
    uint8_t image[10];
    uint16_t limit = (uint16_t)table->limit;
    uint64_t base = table->base;

    x86_helper_umip(cpu);
    memcpy(image, &limit, 2);
    memcpy(image + 2, &base, 8);
    tn_st_bytes(cpu, address, image, x86_code64(s) ? 10 : 6, x86_mmu_mode(s));
}

void x86_helper_lgdt(TnCpu *cpu, uint64_t address, uint32_t op_size)
{
    table_load(cpu, &x86_state(cpu)->gdtr, address, op_size);
}

void x86_helper_lidt(TnCpu *cpu, uint64_t address, uint32_t op_size)
{
    table_load(cpu, &x86_state(cpu)->idtr, address, op_size);
}

void x86_helper_sgdt(TnCpu *cpu, uint64_t address)
{
    table_store(cpu, &x86_state(cpu)->gdtr, address);
}

void x86_helper_sidt(TnCpu *cpu, uint64_t address)
{
    table_store(cpu, &x86_state(cpu)->idtr, address);
}

/* ---- LAR, LSL, VERR, VERW, ARPL ---- */

static void segment_set_zf(X86State *s, bool zf)
{
    s->flags = zf ? s->flags | TN_FLAG_Z : s->flags & ~(uint32_t)TN_FLAG_Z;
}

/* The descriptor as far as CPL and RPL may see it. */
static bool segment_visible(TnCpu *cpu, uint32_t selector, X86Desc *d)
{
    X86State *s = x86_state(cpu);

    if (x86_null_selector(selector) || !x86_desc_read(cpu, selector, d))
        return false;
    if ((d->hi & (DESC_S | DESC_CODE | DESC_C)) == (DESC_S | DESC_CODE | DESC_C))
        return true;
    return desc_dpl(d->hi) >= s->cpl && desc_dpl(d->hi) >= (selector & SEL_RPL);
}

/* Vol. 2A "LAR", table 3-53, and "LSL", table 3-65: system types that they know. */
static bool segment_lar_type(const X86State *s, unsigned type)
{
    const uint32_t legacy = 1u << SYS_TSS16 | 1u << SYS_LDT | 1u << SYS_TSS16_BUSY |
                            1u << SYS_CALL16 | 1u << SYS_TASK_GATE | 1u << SYS_TSS32 |
                            1u << SYS_TSS32_BUSY | 1u << SYS_CALL32;
    const uint32_t in_long = 1u << SYS_LDT | 1u << SYS_TSS32 | 1u << SYS_TSS32_BUSY |
                             1u << SYS_CALL32;
    return (x86_long(s) ? in_long : legacy) >> type & 1;
}

static bool segment_lsl_type(const X86State *s, unsigned type)
{
    const uint32_t wide = 1u << SYS_LDT | 1u << SYS_TSS32 | 1u << SYS_TSS32_BUSY;
    const uint32_t legacy = wide | 1u << SYS_TSS16 | 1u << SYS_TSS16_BUSY;
    return (x86_long(s) ? wide : legacy) >> type & 1;
}

uint64_t x86_helper_lar(TnCpu *cpu, uint32_t selector, uint64_t old)
{
    X86State *s = x86_state(cpu);
    X86Desc d;
    bool ok = segment_visible(cpu, selector & 0xffff, &d);

    ok = ok && ((d.hi & DESC_S) || segment_lar_type(s, desc_type(d.hi)));
    segment_set_zf(s, ok);
    return ok ? d.hi & LAR_MASK : old;
}

uint64_t x86_helper_lsl(TnCpu *cpu, uint32_t selector, uint64_t old)
{
    X86State *s = x86_state(cpu);
    X86Desc d;
    bool ok = segment_visible(cpu, selector & 0xffff, &d);

    ok = ok && ((d.hi & DESC_S) || segment_lsl_type(s, desc_type(d.hi)));
    segment_set_zf(s, ok);
    return ok ? x86_desc_limit(&d) : old;
}

void x86_helper_verr(TnCpu *cpu, uint32_t selector)
{
    X86Desc d;
    bool ok = segment_visible(cpu, selector & 0xffff, &d);

    ok = ok && (d.hi & DESC_S) && (d.hi & (DESC_CODE | DESC_R)) != DESC_CODE;
    segment_set_zf(x86_state(cpu), ok);
}

void x86_helper_verw(TnCpu *cpu, uint32_t selector)
{
    X86Desc d;
    bool ok = segment_visible(cpu, selector & 0xffff, &d) && desc_is_writable_data(d.hi);

    segment_set_zf(x86_state(cpu), ok);
}

uint64_t x86_helper_arpl(TnCpu *cpu, uint32_t destination, uint32_t source)
{
    bool lower = (destination & SEL_RPL) < (source & SEL_RPL);

    segment_set_zf(x86_state(cpu), lower);
    return lower ? (destination & ~(uint32_t)SEL_RPL) | (source & SEL_RPL) : destination;
}
