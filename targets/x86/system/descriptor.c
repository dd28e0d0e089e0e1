/* SPDX-License-Identifier: MIT */
/*
 * Segment descriptors in their tables, and the caches that they fill.
 *
 * Intel SDM vol. 3A, 3.4.5 (segment descriptors), 3.5 (system descriptors), 3.5.2 (tables in
 * long mode), 3.4.3 (segment registers).
 */
#include "system.h"

enum {
    DESC_ATTRS = 0x00f0ff00,
    DESC_BUSY_HI = SYS_BUSY << DESC_TYPE_SHIFT,
    DESC_TYPE_HIGH = 0x1f00, /* in the upper half of a 16-byte descriptor: must be 0 */
    ATTRS_REAL = DESC_P | DESC_S | DESC_W | DESC_A,
};

uint32_t x86_desc_limit(const X86Desc *d)
{
    uint32_t limit = (d->lo & 0xffff) | (d->hi & 0xf0000);
    return d->hi & DESC_G ? limit << 12 | 0xfff : limit;
}

uint64_t x86_desc_base(const X86Desc *d)
{
    return d->high_base | (d->hi & 0xff000000) | (d->hi & 0xff) << 16 | d->lo >> 16;
}

/* Bytes [index, index + n) of the selector's table: their linear address. */
static bool desc_locate(const X86State *s, uint32_t selector, uint32_t n, uint64_t *address)
{
    const X86Segment *table = selector & SEL_TI ? &s->ldtr : &s->gdtr;
    uint32_t index = selector & SEL_INDEX;

    if ((selector & SEL_TI) && !(s->ldtr.attrs & DESC_P))
        return false;
    if ((uint64_t)index + n - 1 > table->limit)
        return false;
    *address = table->base + index;
    if (!x86_long(s))
        *address = (uint32_t)*address;
    return true;
}

bool x86_desc_read(TnCpu *cpu, uint32_t selector, X86Desc *d)
{
    uint64_t address;

    if (!desc_locate(x86_state(cpu), selector, 8, &address))
        return false;
    uint64_t value = tn_ld64(cpu, address, MMU_KERNEL);
    *d = (X86Desc){ .address = address, .lo = (uint32_t)value, .hi = (uint32_t)(value >> 32) };
    return true;
}

bool x86_desc_read_high(TnCpu *cpu, uint32_t selector, X86Desc *d)
{
    uint64_t address;

    if (!desc_locate(x86_state(cpu), selector, 16, &address))
        return false;
    uint64_t value = tn_ld64(cpu, address + 8, MMU_KERNEL);
    if (value >> 32 & DESC_TYPE_HIGH)
        return false;
    d->high_base = value << 32;
    return true;
}

void x86_desc_set_accessed(TnCpu *cpu, X86Desc *d)
{
    if (d->hi & DESC_A)
        return;
    d->hi |= DESC_A;
    tn_st32(cpu, d->address + 4, d->hi, MMU_KERNEL);
}

void x86_desc_set_busy(TnCpu *cpu, const X86Desc *d, bool busy)
{
    uint32_t hi = tn_ld32(cpu, d->address + 4, MMU_KERNEL);

    hi = busy ? hi | DESC_BUSY_HI : hi & ~(uint32_t)DESC_BUSY_HI;
    tn_st32(cpu, d->address + 4, hi, MMU_KERNEL);
}

X86Segment x86_segment_of(uint32_t selector, const X86Desc *d)
{
    return (X86Segment){ .selector = selector, .attrs = d->hi & DESC_ATTRS,
                         .limit = x86_desc_limit(d), .base = x86_desc_base(d) };
}

/* AMD processors leave base and limit of a nulled register alone outside of what software can
 * see; Intel ones clear them. The privilege stays for outer returns and the SS of long mode. */
X86Segment x86_segment_null(const X86State *s, uint32_t selector, unsigned dpl)
{
    return (X86Segment){ .selector = selector, .attrs = dpl << DESC_DPL_SHIFT };
}

X86Segment x86_segment_v8086(uint32_t selector)
{
    return (X86Segment){ .selector = selector & 0xffff, .attrs = ATTRS_REAL | DESC_DPL,
                         .limit = X86_REAL_LIMIT, .base = (selector & 0xffff) << 4 };
}

X86Segment x86_stack_segment(TnCpu *cpu, uint32_t selector, unsigned cpl, X86Vector vector)
{
    X86Desc d;

    if (x86_null_selector(selector) || !x86_desc_read(cpu, selector, &d))
        x86_raise_selector(cpu, vector, selector);
    if ((selector & SEL_RPL) != cpl || desc_dpl(d.hi) != cpl || !desc_is_writable_data(d.hi))
        x86_raise_selector(cpu, vector, selector);
    if (!(d.hi & DESC_P))
        x86_raise_selector(cpu, X86_SS, selector);
    x86_desc_set_accessed(cpu, &d);
    return x86_segment_of(selector, &d);
}

/* 3.4.5.1: an expand-down segment's offsets lie above its limit. */
bool x86_within_limit(const X86Segment *seg, uint32_t offset, uint32_t n)
{
    uint64_t last = (uint64_t)offset + n - 1;

    if ((seg->attrs & (DESC_CODE | DESC_E)) == DESC_E) {
        uint32_t top = seg->attrs & DESC_DB ? UINT32_MAX : X86_REAL_LIMIT;
        return offset > seg->limit && last <= top;
    }
    return last <= seg->limit;
}
