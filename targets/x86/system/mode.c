/* SPDX-License-Identifier: MIT */
/*
 * The mode of the processor as the block key sees it, and EFLAGS as a whole.
 *
 * Intel SDM vol. 1, 3.4.3 (EFLAGS); vol. 3A, 2.2 (modes of operation), 4.6 (SMAP and EFLAGS.AC).
 */
#include "system.h"

enum {
    MXCSR_MASKS = 0x1f80,
    XCR0_SSE_AVX = 6,
    DR7_ENABLES = 0xff,
};

void x86_set_eflags(X86State *s, uint32_t value)
{
    s->flags = value & TN_FLAGS_ALL;
    s->df = value & EFLAGS_DF ? -1 : 1;
    s->eflags = (value & ~(uint32_t)(TN_FLAGS_ALL | EFLAGS_DF)) | EFLAGS_1;
}

void x86_write_eflags(X86State *s, uint32_t value, uint32_t mask)
{
    x86_set_eflags(s, (x86_eflags(s) & ~mask) | (value & mask));
}

/* Writable, expand-up, the whole 4 GiB: accesses need no check. */
static bool mode_unlimited(const X86Segment *seg)
{
    enum {
        LOOK_AT = DESC_P | DESC_S | DESC_CODE | DESC_E | DESC_W,
        WANT = DESC_P | DESC_S | DESC_W
    };
    return seg->limit == UINT32_MAX && (seg->attrs & LOOK_AT) == WANT;
}

/* Base 0 besides: nor need they an addition. */
static bool mode_flat(const X86Segment *seg)
{
    return seg->base == 0 && mode_unlimited(seg);
}

static uint32_t mode_segments(const X86State *s)
{
    uint32_t mode = 0;
    const X86Segment *cs = &s->seg[CS];

    if ((s->efer & EFER_LMA) && (cs->attrs & DESC_L) && !(s->eflags & EFLAGS_VM))
        return MODE_CS64 | MODE_FLAT | MODE_SS32 | (s->cr4 & CR4_LA57 ? MODE_LA57 : 0);
    if (cs->attrs & DESC_DB)
        mode |= MODE_CS32;
    if (s->seg[SS].attrs & DESC_DB)
        mode |= MODE_SS32;
    if (mode_flat(&s->seg[DS]) && mode_flat(&s->seg[ES]) && mode_flat(&s->seg[SS]))
        mode |= MODE_FLAT;
    if (mode_unlimited(&s->seg[FS]))
        mode |= MODE_FS_OK;
    if (mode_unlimited(&s->seg[GS]))
        mode |= MODE_GS_OK;
    if (cs->limit < (cs->attrs & DESC_DB ? UINT32_MAX : X86_REAL_LIMIT))
        mode |= MODE_CSLIM;
    return mode;
}

static uint32_t mode_control(const X86State *s)
{
    uint32_t mode = 0;

    if (s->cr0 & CR0_PE)
        mode |= MODE_PE;
    if (s->efer & EFER_LMA)
        mode |= MODE_LMA;
    if (s->cr0 & CR0_EM)
        mode |= MODE_EM;
    if (s->cr0 & CR0_TS)
        mode |= MODE_TS;
    if (s->cr0 & CR0_MP)
        mode |= MODE_MP;
    if (s->cr4 & CR4_OSFXSR)
        mode |= MODE_OSFXSR;
    if ((s->cr4 & CR4_OSXSAVE) && (s->xcr0 & XCR0_SSE_AVX) == XCR0_SSE_AVX)
        mode |= MODE_AVX;
    if ((s->mxcsr & MXCSR_MASKS) != MXCSR_MASKS)
        mode |= MODE_XM;
    if (x86_x87_is_soft(s))
        mode |= MODE_X87_SOFT;
    if (s->dr[7] & DR7_ENABLES)
        mode |= MODE_DR7;
    return mode;
}

static uint32_t mode_flags(const X86State *s)
{
    uint32_t mode = 0;

    if (s->eflags & EFLAGS_VM)
        mode |= MODE_VM;
    if (s->eflags & EFLAGS_TF)
        mode |= MODE_TF;
    if (s->eflags & EFLAGS_RF)
        mode |= MODE_RF;
    if (s->cpl <= x86_iopl(s))
        mode |= MODE_IOPL_OK;
    if (s->cpl == 3) {
        if ((s->cr0 & CR0_AM) && (s->eflags & EFLAGS_AC))
            mode |= MODE_AC;
    } else if ((s->cr4 & CR4_SMAP) && (s->eflags & EFLAGS_AC)) {
        mode |= MODE_SMAP_LIFTED;
    }
    return mode;
}

static uint32_t mode_level(const X86State *s)
{
    return s->cpl | mode_flags(s) | (s->shadow ? MODE_SHADOW : 0) | (s->smm ? MODE_SMM : 0);
}

void x86_update_mode(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    s->mode = mode_level(s) | mode_segments(s) | mode_control(s);
}

void x86_update_level(TnCpu *cpu)
{
    enum {
        LEVEL = MODE_CPL | MODE_VM | MODE_TF | MODE_RF | MODE_IOPL_OK | MODE_AC | MODE_SMAP_LIFTED |
                MODE_SHADOW | MODE_SMM,
    };
    X86State *s = x86_state(cpu);

    if ((s->mode & MODE_CS64) && (s->seg[CS].attrs & DESC_L))
        s->mode = (s->mode & ~(uint32_t)LEVEL) | mode_level(s);
    else
        x86_update_mode(cpu);
}

void x86_key(TnCpu *cpu, TnBlockKey *key)
{
    X86State *s = x86_state(cpu);
    bool code64 = x86_code64(s);

    s->step_armed = s->mode & MODE_TF;
    key->pc = s->rip;
    key->base = code64 ? 0 : s->seg[CS].base;
    key->flags = s->mode;
    key->address_bits = code64 ? 64 : 32;
    key->mmu_mode = x86_mmu_mode(s);
}

void x86_set_pc(TnCpu *cpu, uint64_t pc)
{
    x86_state(cpu)->rip = pc;
}

uint64_t x86_pc(TnCpu *cpu)
{
    return x86_state(cpu)->rip;
}

bool x86_has(const X86State *s, unsigned feature)
{
    return x86_has_feature(s, (X86Feature)feature);
}
