/* SPDX-License-Identifier: MIT */
/*
 * Saving and restoring of processor state: FXSAVE, XSAVE and their families.
 *
 * Intel SDM vol. 1, 10.5 (FXSAVE area), chapter 13 (XSAVE: 13.4 the area, 13.4.3 compacted form,
 * 13.5 components, 13.6 XINUSE, 13.7 to 13.12 the instructions); vol. 2 by instruction.
 *
 * Images are built in a host buffer and moved by one checked store, so a fault leaves all as it
 * was.
 */
#include "system.h"

#include <string.h>

/* Components (13.1). */
enum {
    COMPONENT_X87, COMPONENT_SSE, COMPONENT_AVX, COMPONENT_PKRU = 9,
    BIT_X87 = 1u << COMPONENT_X87, BIT_SSE = 1u << COMPONENT_SSE, BIT_AVX = 1u << COMPONENT_AVX,
    BIT_PKRU = 1u << COMPONENT_PKRU,
};

/* Byte offsets of the legacy region and the header (tables 10-2, 13-1). */
enum {
    FX_FCW = 0, FX_FSW = 2, FX_FTW = 4, FX_FOP = 6, FX_FIP = 8, FX_FCS = 12, FX_FDP = 16,
    FX_FDS = 20, FX_MXCSR = 24, FX_MXCSR_MASK = 28, FX_ST = 32, FX_XMM = 160, FX_SIZE = 512,
    XSTATE_BV = 512, XCOMP_BV = 520, HEADER_RESERVED = 528, HEADER_END = 576,
    AVX_OFFSET = 576, AVX_SIZE = 256, PKRU_OFFSET = 2688, PKRU_SIZE = 8,
    AREA_MAX = PKRU_OFFSET + PKRU_SIZE,
    ST_BYTES = 10, MXCSR_DEFAULT = 0x1f80, MXCSR_MASK = 0xffff, FCW_DEFAULT = 0x37f,
    ALIGN_FX = 15, ALIGN_X = 63,
};
#define COMPACTED (UINT64_C(1) << 63)

typedef struct Component {
    uint8_t number;
    uint16_t offset, size;
} Component;

static const Component extended[] = {
    { COMPONENT_AVX, AVX_OFFSET, AVX_SIZE },
    { COMPONENT_PKRU, PKRU_OFFSET, PKRU_SIZE },
};

static void put16(uint8_t *p, uint16_t v) { memcpy(p, &v, 2); }
static void put32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
static void put64(uint8_t *p, uint64_t v) { memcpy(p, &v, 8); }
static uint16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static uint32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static uint64_t get64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }

/* XMM registers that the mode has. */
static unsigned xsave_n_xmm(const X86State *s)
{
    return x86_code64(s) ? 16 : 8;
}

/* ---- x87 ---- */

static void x87_save(const X86State *s, uint8_t *area, bool wide)
{
    put16(area + FX_FCW, s->fcw);
    put16(area + FX_FSW, (uint16_t)((s->fsw & ~0x3800) | (s->ftop & 7) << 11));
    area[FX_FTW] = (uint8_t)~s->ftag_empty;
    area[FX_FTW + 1] = 0;
    put16(area + FX_FOP, s->fop);
    if (wide) {
        put64(area + FX_FIP, s->fip);
        put64(area + FX_FDP, s->fdp);
    } else {
        put32(area + FX_FIP, (uint32_t)s->fip);
        put32(area + FX_FCS, s->fcs);
        put32(area + FX_FDP, (uint32_t)s->fdp);
        put32(area + FX_FDS, s->fds);
    }
    for (unsigned i = 0; i < 8; i++) {
        uint8_t *slot = area + FX_ST + i * 16;
        memcpy(slot, s->st[(s->ftop + i) & 7].bytes, ST_BYTES);
        memset(slot + ST_BYTES, 0, 16 - ST_BYTES);
    }
}

static void x87_load(X86State *s, const uint8_t *area, bool wide)
{
    uint16_t fsw = get16(area + FX_FSW);

    s->fcw = get16(area + FX_FCW) | 0x40;
    s->ftop = fsw >> 11 & 7;
    s->fsw = fsw & ~0x3800;
    s->ftag_empty = (uint8_t)~area[FX_FTW];
    s->fop = get16(area + FX_FOP) & 0x7ff;
    s->fip = wide ? get64(area + FX_FIP) : get32(area + FX_FIP);
    s->fdp = wide ? get64(area + FX_FDP) : get32(area + FX_FDP);
    s->fcs = wide ? 0 : get16(area + FX_FCS);
    s->fds = wide ? 0 : get16(area + FX_FDS);
    for (unsigned i = 0; i < 8; i++)
        memcpy(s->st[(s->ftop + i) & 7].bytes, area + FX_ST + i * 16, ST_BYTES);
}

static void x87_init(X86State *s)
{
    s->fcw = FCW_DEFAULT;
    s->fsw = s->fop = s->fcs = s->fds = 0;
    s->fip = s->fdp = 0;
    s->ftop = 0;
    s->ftag_empty = 0xff;
    memset(s->st, 0, sizeof(s->st));
}

/* ES and B follow from the exceptions and masks (vol. 1, 8.1.3.3). */
static void x87_settle(X86State *s)
{
    bool pending = s->fsw & ~s->fcw & 0x3f;
    s->fsw = (uint16_t)(pending ? s->fsw | 0x8080 : s->fsw & ~0x8080);
}

/* ---- SSE and AVX ---- */

static void sse_save(const X86State *s, uint8_t *area)
{
    for (unsigned i = 0; i < xsave_n_xmm(s); i++)
        memcpy(area + FX_XMM + i * 16, s->ymm[i].u8, 16);
}

static void sse_load(X86State *s, const uint8_t *area)
{
    for (unsigned i = 0; i < xsave_n_xmm(s); i++)
        memcpy(s->ymm[i].u8, area + FX_XMM + i * 16, 16);
}

static void sse_init(X86State *s)
{
    for (unsigned i = 0; i < xsave_n_xmm(s); i++)
        memset(s->ymm[i].u8, 0, 16);
}

static void avx_save(const X86State *s, uint8_t *area)
{
    for (unsigned i = 0; i < xsave_n_xmm(s); i++)
        memcpy(area + i * 16, s->ymm[i].u8 + 16, 16);
}

/* NULL: the initial state. */
static void avx_load(X86State *s, const uint8_t *area)
{
    for (unsigned i = 0; i < xsave_n_xmm(s); i++) {
        if (area)
            memcpy(s->ymm[i].u8 + 16, area + i * 16, 16);
        else
            memset(s->ymm[i].u8 + 16, 0, 16);
    }
}

static void mxcsr_save(const X86State *s, uint8_t *area)
{
    put32(area + FX_MXCSR, s->mxcsr);
    put32(area + FX_MXCSR_MASK, MXCSR_MASK);
}

/* ---- FXSAVE, FXRSTOR ---- */

/* With EM or TS set the legacy instructions raise #NM; 16-byte alignment is asked for. */
static void fx_check(TnCpu *cpu, uint64_t address)
{
    X86State *s = x86_state(cpu);

    if (s->cr0 & (CR0_EM | CR0_TS))
        x86_raise(cpu, X86_NM);
    if (address & ALIGN_FX)
        x86_gp0(cpu);
    x86_x87_sync(cpu);
}

/* AMD's fast form leaves out XMM at privilege 0 of 64-bit mode. */
static bool fx_with_xmm(const X86State *s)
{
    if (!(s->cr4 & CR4_OSFXSR))
        return false;
    return !((s->efer & EFER_FFXSR) && s->cpl == 0 && x86_code64(s));
}

void x86_helper_fxsave(TnCpu *cpu, uint64_t address, uint32_t op_size)
{
    X86State *s = x86_state(cpu);
    uint8_t area[FX_SIZE];
    unsigned mmu = x86_mmu_mode(s);
    unsigned used = FX_XMM;

    fx_check(cpu, address);
    memset(area, 0, sizeof(area));
    x87_save(s, area, op_size == 8);
    mxcsr_save(s, area);
    if (fx_with_xmm(s)) {
        sse_save(s, area);
        used += xsave_n_xmm(s) * 16;
    }
    tn_probe(cpu, address, FX_SIZE, TN_ACCESS_WRITE, mmu);
    tn_st_bytes(cpu, address, area, used, mmu);
}

void x86_helper_fxrstor(TnCpu *cpu, uint64_t address, uint32_t op_size)
{
    X86State *s = x86_state(cpu);
    uint8_t area[FX_SIZE];

    fx_check(cpu, address);
    tn_ld_bytes(cpu, address, area, FX_SIZE, x86_mmu_mode(s));
    uint32_t mxcsr = get32(area + FX_MXCSR);
    if ((s->cr4 & CR4_OSFXSR) && (mxcsr & ~(uint32_t)MXCSR_MASK))
        x86_gp0(cpu);
    x87_load(s, area, op_size == 8);
    x87_settle(s);
    if (s->cr4 & CR4_OSFXSR)
        s->mxcsr = mxcsr;
    if (fx_with_xmm(s))
        sse_load(s, area);
    x86_update_mode(cpu);
}

/* ---- XSAVE: what is in use, where it lies ---- */

uint64_t x86_xinuse(const X86State *s)
{
    uint64_t inuse = 0;
    uint8_t any_low = 0, any_high = 0;

    for (unsigned i = 0; i < 8; i++)
        if (s->st[i].mantissa || s->st[i].sign_exponent)
            inuse |= BIT_X87;
    if (s->fcw != FCW_DEFAULT || s->fsw || s->ftop || s->ftag_empty != 0xff || s->fop || s->fip ||
        s->fdp || s->fcs || s->fds)
        inuse |= BIT_X87;
    for (unsigned i = 0; i < 16; i++) {
        for (unsigned b = 0; b < 16; b++) {
            any_low |= s->ymm[i].u8[b];
            any_high |= s->ymm[i].u8[16 + b];
        }
    }
    if (any_low)
        inuse |= BIT_SSE;
    if (any_high)
        inuse |= BIT_AVX;
    if (s->pkru)
        inuse |= BIT_PKRU;
    return inuse;
}

/* Where a component lies in the compacted form with these components (13.4.3). */
static uint32_t xsave_compact_offset(uint64_t components, unsigned number)
{
    uint32_t offset = HEADER_END;

    for (size_t i = 0; i < G_N_ELEMENTS(extended); i++) {
        if (extended[i].number == number)
            break;
        if (components >> extended[i].number & 1)
            offset += extended[i].size;
    }
    return offset;
}

static uint32_t xsave_size(uint64_t components, bool compact)
{
    uint32_t size = HEADER_END;

    for (size_t i = 0; i < G_N_ELEMENTS(extended); i++) {
        if (components >> extended[i].number & 1)
            size = (compact ? size : extended[i].offset) + (uint32_t)extended[i].size;
    }
    return size;
}

static uint64_t xsave_supported(const X86State *s)
{
    return BIT_X87 | BIT_SSE | (x86_has_feature(s, X86_FEATURE_AVX) ? BIT_AVX : 0) |
           (x86_has_feature(s, X86_FEATURE_PKU) ? BIT_PKRU : 0);
}

void x86_cpuid_xsave(const X86State *s, uint32_t subleaf, uint32_t regs[4])
{
    if (!x86_has_feature(s, X86_FEATURE_XSAVE))
        return;
    if (subleaf == 0) {
        regs[0] = (uint32_t)xsave_supported(s);
        regs[1] = xsave_size(s->xcr0, false);
        regs[2] = xsave_size(xsave_supported(s), false);
    } else if (subleaf == 1) {
        regs[0] = s->features[X86_WORD_D1_EAX];
        if (regs[0] & (1u << (X86_FEATURE_XSAVEC & 31) | 1u << (X86_FEATURE_XSAVES & 31)))
            regs[1] = xsave_size(s->xcr0 | s->xss, true);
    } else {
        for (size_t i = 0; i < G_N_ELEMENTS(extended); i++) {
            if (extended[i].number == subleaf && (xsave_supported(s) >> subleaf & 1)) {
                regs[0] = extended[i].size;
                regs[1] = extended[i].offset;
            }
        }
    }
}

/* ---- XSAVE and its kin ---- */

static void xsave_check(TnCpu *cpu, uint64_t address)
{
    X86State *s = x86_state(cpu);

    if (!(s->cr4 & CR4_OSXSAVE))
        x86_ud(cpu);
    if (s->cr0 & CR0_TS)
        x86_raise(cpu, X86_NM);
    if (address & ALIGN_X)
        x86_gp0(cpu);
    x86_x87_sync(cpu);
}

static uint64_t xsave_requested(const X86State *s)
{
    return ((uint32_t)s->regs[RAX] | s->regs[RDX] << 32) & s->xcr0;
}

static void xsave_component(const X86State *s, unsigned number, uint8_t *out)
{
    if (number == COMPONENT_AVX) {
        avx_save(s, out);
    } else {
        put32(out, s->pkru);
        put32(out + 4, 0);
    }
}

static void xsave_store(TnCpu *cpu, uint64_t address, const uint8_t *image, uint32_t from,
                        uint32_t to)
{
    tn_st_bytes(cpu, address + from, image + from, to - from, x86_mmu_mode(x86_state(cpu)));
}

/*
 * The standard form: only the requested components and XSTATE_BV are written. `skip_initial` leaves
 * out what is in its initial state (XSAVEOPT).
 */
static void xsave_standard(TnCpu *cpu, uint64_t address, unsigned op_size, bool skip_initial)
{
    X86State *s = x86_state(cpu);
    uint8_t image[AREA_MAX];
    unsigned mmu = x86_mmu_mode(s);

    xsave_check(cpu, address);
    uint64_t rfbm = xsave_requested(s), inuse = x86_xinuse(s);
    uint64_t write = skip_initial ? rfbm & inuse : rfbm;
    tn_probe(cpu, address, xsave_size(rfbm, false), TN_ACCESS_WRITE, mmu);
    uint64_t bv = tn_ld64(cpu, address + XSTATE_BV, mmu);

    memset(image, 0, sizeof(image));
    if (write & BIT_X87) {
        x87_save(s, image, op_size == 8);
        xsave_store(cpu, address, image, 0, FX_MXCSR);
        xsave_store(cpu, address, image, FX_ST, FX_XMM);
    }
    if (rfbm & (BIT_SSE | BIT_AVX)) {
        mxcsr_save(s, image);
        xsave_store(cpu, address, image, FX_MXCSR, FX_ST);
    }
    if (write & BIT_SSE) {
        sse_save(s, image);
        xsave_store(cpu, address, image, FX_XMM, FX_XMM + xsave_n_xmm(s) * 16);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(extended); i++) {
        const Component *c = &extended[i];
        if (!(write >> c->number & 1))
            continue;
        xsave_component(s, c->number, image + c->offset);
        xsave_store(cpu, address, image, c->offset, c->offset + c->size);
    }
    tn_st64(cpu, address + XSTATE_BV, (bv & ~rfbm) | (inuse & rfbm), mmu);
}

/* The compacted form (XSAVEC, XSAVES). */
static void xsave_compacted(TnCpu *cpu, uint64_t address, unsigned op_size, uint64_t rfbm)
{
    X86State *s = x86_state(cpu);
    uint8_t image[AREA_MAX];
    uint64_t write = rfbm & x86_xinuse(s);

    /* MXCSR counts as part of SSE here: not initial when it is not the default. */
    if ((rfbm & BIT_SSE) && s->mxcsr != MXCSR_DEFAULT)
        write |= BIT_SSE;
    uint32_t size = xsave_size(rfbm, true);
    tn_probe(cpu, address, size, TN_ACCESS_WRITE, x86_mmu_mode(s));
    memset(image, 0, sizeof(image));
    if (write & BIT_X87) {
        x87_save(s, image, op_size == 8);
        xsave_store(cpu, address, image, 0, FX_MXCSR);
        xsave_store(cpu, address, image, FX_ST, FX_XMM);
    }
    if (write & BIT_SSE) {
        mxcsr_save(s, image);
        sse_save(s, image);
        xsave_store(cpu, address, image, FX_MXCSR, FX_ST);
        xsave_store(cpu, address, image, FX_XMM, FX_XMM + xsave_n_xmm(s) * 16);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(extended); i++) {
        const Component *c = &extended[i];
        uint32_t offset = xsave_compact_offset(rfbm, c->number);
        if (!(write >> c->number & 1))
            continue;
        xsave_component(s, c->number, image + offset);
        xsave_store(cpu, address, image, offset, offset + c->size);
    }
    put64(image + XSTATE_BV, write);
    put64(image + XCOMP_BV, rfbm | COMPACTED);
    xsave_store(cpu, address, image, XSTATE_BV, HEADER_END);
}

void x86_helper_xsave(TnCpu *cpu, uint64_t address, uint32_t op_size)
{
    xsave_standard(cpu, address, op_size, false);
}

void x86_helper_xsaveopt(TnCpu *cpu, uint64_t address, uint32_t op_size)
{
    xsave_standard(cpu, address, op_size, true);
}

void x86_helper_xsavec(TnCpu *cpu, uint64_t address, uint32_t op_size)
{
    xsave_check(cpu, address);
    xsave_compacted(cpu, address, op_size, xsave_requested(x86_state(cpu)));
}

void x86_helper_xsaves(TnCpu *cpu, uint64_t address, uint32_t op_size)
{
    X86State *s = x86_state(cpu);

    if (!(s->cr4 & CR4_OSXSAVE))
        x86_ud(cpu);
    x86_need_cpl0(cpu);
    xsave_check(cpu, address);
    xsave_compacted(cpu, address, op_size,
                    ((uint32_t)s->regs[RAX] | s->regs[RDX] << 32) & (s->xcr0 | s->xss));
}

/* ---- XRSTOR, XRSTORS ---- */

/* The header's rules (13.8.1, 13.8.2); supervisor: XRSTORS. */
static void xrstor_check_header(TnCpu *cpu, const uint8_t *image, bool supervisor)
{
    X86State *s = x86_state(cpu);
    uint64_t bv = get64(image + XSTATE_BV), comp = get64(image + XCOMP_BV);
    uint64_t allowed = s->xcr0 | (supervisor ? s->xss : 0);
    bool compact = comp & COMPACTED;
    bool can_compact = x86_has_feature(s, X86_FEATURE_XSAVEC) ||
                       x86_has_feature(s, X86_FEATURE_XSAVES);
    unsigned zero_to = compact ? HEADER_END : XCOMP_BV + 16;
    bool bad = false;

    if (compact)
        bad = !can_compact || (comp & ~COMPACTED & ~allowed) || (bv & ~comp);
    else
        bad = supervisor || comp || (bv & ~s->xcr0);
    for (unsigned i = HEADER_RESERVED; i < zero_to; i++)
        bad |= image[i];
    if (bad)
        x86_gp0(cpu);
}

static const uint8_t *xrstor_where(const uint8_t *image, uint64_t comp, const Component *c)
{
    return image + (comp & COMPACTED ? xsave_compact_offset(comp, c->number) : c->offset);
}

static void xrstor_mxcsr(TnCpu *cpu, const uint8_t *image)
{
    if (get32(image + FX_MXCSR) & ~(uint32_t)MXCSR_MASK)
        x86_gp0(cpu);
}

static void xrstor_extended(TnCpu *cpu, const uint8_t *image, uint64_t rfbm, uint64_t bv,
                            uint64_t comp)
{
    X86State *s = x86_state(cpu);

    for (size_t i = 0; i < G_N_ELEMENTS(extended); i++) {
        const Component *c = &extended[i];
        if (!(rfbm >> c->number & 1))
            continue;
        const uint8_t *from = bv >> c->number & 1 ? xrstor_where(image, comp, c) : NULL;
        if (c->number == COMPONENT_AVX)
            avx_load(s, from);
        else
            x86_write_pkru(cpu, from ? get32(from) : 0);
    }
}

static void xrstor(TnCpu *cpu, uint64_t address, unsigned op_size, bool supervisor)
{
    X86State *s = x86_state(cpu);
    uint8_t image[AREA_MAX];
    unsigned mmu = x86_mmu_mode(s);
    uint64_t mask = (uint32_t)s->regs[RAX] | s->regs[RDX] << 32;

    xsave_check(cpu, address);
    tn_ld_bytes(cpu, address, image, HEADER_END, mmu);
    xrstor_check_header(cpu, image, supervisor);
    uint64_t bv = get64(image + XSTATE_BV), comp = get64(image + XCOMP_BV);
    bool compact = comp & COMPACTED;
    uint64_t rfbm = mask & (s->xcr0 | (supervisor ? s->xss : 0));
    if (compact)
        rfbm &= s->xcr0 | s->xss;
    uint32_t size = xsave_size(compact ? comp : rfbm & bv, compact);
    tn_ld_bytes(cpu, address + HEADER_END, image + HEADER_END, size - HEADER_END, mmu);

    /* MXCSR: with SSE or AVX in the standard form, with SSE's bit in the compacted one. */
    bool mxcsr = compact ? rfbm & bv & BIT_SSE : rfbm & (BIT_SSE | BIT_AVX);
    if (mxcsr)
        xrstor_mxcsr(cpu, image);
    if (rfbm & BIT_X87) {
        if (bv & BIT_X87)
            x87_load(s, image, op_size == 8);
        else
            x87_init(s);
        x87_settle(s);
    }
    if (mxcsr)
        s->mxcsr = get32(image + FX_MXCSR);
    else if (compact && (rfbm & BIT_SSE))
        s->mxcsr = MXCSR_DEFAULT;
    if (rfbm & BIT_SSE) {
        if (bv & BIT_SSE)
            sse_load(s, image);
        else
            sse_init(s);
    }
    xrstor_extended(cpu, image, rfbm, bv, comp);
    x86_update_mode(cpu);
}

void x86_helper_xrstor(TnCpu *cpu, uint64_t address, uint32_t op_size)
{
    xrstor(cpu, address, op_size, false);
}

void x86_helper_xrstors(TnCpu *cpu, uint64_t address, uint32_t op_size)
{
    if (!(x86_state(cpu)->cr4 & CR4_OSXSAVE))
        x86_ud(cpu);
    x86_need_cpl0(cpu);
    xrstor(cpu, address, op_size, true);
}
