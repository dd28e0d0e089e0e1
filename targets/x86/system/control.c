/* SPDX-License-Identifier: MIT */
/*
 * Control registers: MOV CR, LMSW, CLTS, XSETBV, INVLPG, INVPCID, PKRU.
 *
 * Intel SDM vol. 3A, 2.5 (control registers), 2.6 (XCR0), 4.1.2 and 9.8.5 (entering and leaving
 * long mode), 4.4.1 (PDPTE registers), 4.10.4 (invalidation); vol. 2 by instruction.
 */
#include "system.h"

#include <string.h>

enum {
    CR0_DEFINED =
        CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD,
    CR0_PAGING = CR0_WP | CR0_PE,
    CR4_PAGING = CR4_PSE | CR4_PAE | CR4_PGE | CR4_LA57 | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE,
    CR4_PDPTES = CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP,
    CR3_PCID = 0xfff,
    CR8_MAX = 15,
    XCR0_X87 = 1,
    XCR0_SSE = 2,
    XCR0_AVX = 4,
};
#define CR0_PG64     ((uint64_t)CR0_PG)
#define CR3_NO_FLUSH (UINT64_C(1) << 63)

/* ---- PAE ---- */

bool x86_uses_pdptes(const X86State *s)
{
    return (s->cr0 & CR0_PG) && (s->cr4 & CR4_PAE) && !x86_long(s);
}

bool x86_load_pdptes(TnCpu *cpu, uint64_t cr3, uint64_t pdpte[4])
{
    X86State *s = x86_state(cpu);
    const uint64_t reserved_low = 0x1e6;
    uint64_t reserved = ~((UINT64_C(1) << s->model->phys_bits) - 1) | reserved_low;

    for (unsigned i = 0; i < 4; i++) {
        pdpte[i] = tn_phys_ld64(cpu, (cr3 & 0xffffffe0) + i * 8, x86_mem_attrs(s));
        if ((pdpte[i] & 1) && (pdpte[i] & reserved))
            return false;
    }
    return true;
}

/* ---- CR0 ---- */

/* Sets CR0 with what follows from PG: EFER.LMA (9.8.5). */
void x86_write_cr0(TnCpu *cpu, uint64_t value)
{
    X86State *s = x86_state(cpu);
    uint64_t changed = s->cr0 ^ value;

    if (changed & CR0_PG64) {
        if ((value & CR0_PG64) && (s->efer & EFER_LME))
            s->efer |= EFER_LMA;
        else
            s->efer &= ~(uint64_t)EFER_LMA;
    }
    s->cr0 = value | CR0_ET;
    if (changed & (CR0_PG64 | CR0_PAGING))
        tn_tlb_flush(cpu);
    x86_update_mode(cpu);
}

static void control_check_cr0(TnCpu *cpu, uint64_t value)
{
    X86State *s = x86_state(cpu);
    bool paging = value & CR0_PG64;

    if (value >> 32)
        x86_gp0(cpu);
    if ((paging && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD)))
        x86_gp0(cpu);
    if (paging && !(s->cr0 & CR0_PG) && (s->efer & EFER_LME) &&
        (!(s->cr4 & CR4_PAE) || (s->seg[CS].attrs & DESC_L)))
        x86_gp0(cpu);
    if (!paging && (s->cr0 & CR0_PG) && x86_long(s) &&
        ((s->seg[CS].attrs & DESC_L) || (s->cr4 & CR4_PCIDE)))
        x86_gp0(cpu);
}

static void control_set_cr0(TnCpu *cpu, uint64_t value)
{
    X86State *s = x86_state(cpu);
    uint64_t pdpte[4];
    bool pae;

    control_check_cr0(cpu, value);
    value &= CR0_DEFINED | CR0_PG64;
    pae = (value & CR0_PG64) && (s->cr4 & CR4_PAE) && !(s->efer & EFER_LME) &&
          ((value ^ s->cr0) & (CR0_PG64 | CR0_CD | CR0_NW));
    if (pae) {
        if (!x86_load_pdptes(cpu, s->cr3, pdpte))
            x86_gp0(cpu);
        memcpy(s->pdpte, pdpte, sizeof(pdpte));
    }
    x86_write_cr0(cpu, value);
}

/* ---- CR3 ---- */

/* The translations in force are those of the PCID (4.10.1). */
uint32_t x86_space(const X86State *s)
{
    return s->cr4 & CR4_PCIDE ? s->cr3 & CR3_PCID : 0;
}

void x86_select_space(TnCpu *cpu)
{
    tn_tlb_select(cpu, x86_space(x86_state(cpu)));
}

/* Keeps global translations; PDPTEs that are no good fault only where software asked (MOV CR3). */
void x86_write_cr3(TnCpu *cpu, uint64_t value)
{
    X86State *s = x86_state(cpu);

    s->cr3 = value;
    if (x86_uses_pdptes(s))
        x86_load_pdptes(cpu, value, s->pdpte);
    x86_select_space(cpu);
    if (s->cr0 & CR0_PG)
        tn_tlb_flush_space(cpu, x86_space(s));
}

static void control_set_cr3(TnCpu *cpu, uint64_t value)
{
    X86State *s = x86_state(cpu);
    bool keep = (s->cr4 & CR4_PCIDE) && (value & CR3_NO_FLUSH);
    uint64_t pdpte[4];

    if (s->cr4 & CR4_PCIDE)
        value &= ~CR3_NO_FLUSH;
    if (x86_long(s)) {
        if (value >> s->model->phys_bits)
            x86_gp0(cpu);
    } else {
        value = (uint32_t)value;
    }
    if (x86_uses_pdptes(s) && !x86_load_pdptes(cpu, value, pdpte))
        x86_gp0(cpu);
    if (keep) { /* PCIDs exist in long mode alone: no PDPTE registers */
        s->cr3 = value;
        x86_select_space(cpu);
    } else {
        x86_write_cr3(cpu, value);
    }
}

/* ---- CR4 ---- */

typedef struct ControlBit {
    uint32_t bit;
    X86Feature feature;
} ControlBit;

static const ControlBit cr4_bits[] = {
    { CR4_VME, X86_FEATURE_VME },        { CR4_PVI, X86_FEATURE_VME },
    { CR4_TSD, X86_FEATURE_TSC },        { CR4_DE, X86_FEATURE_DE },
    { CR4_PSE, X86_FEATURE_PSE },        { CR4_PAE, X86_FEATURE_PAE },
    { CR4_MCE, X86_FEATURE_MCE },        { CR4_PGE, X86_FEATURE_PGE },
    { CR4_PCE, X86_FEATURE_MMX },        { CR4_OSFXSR, X86_FEATURE_FXSR },
    { CR4_OSXMMEXCPT, X86_FEATURE_SSE }, { CR4_UMIP, X86_FEATURE_UMIP },
    { CR4_LA57, X86_FEATURE_LA57 },      { CR4_FSGSBASE, X86_FEATURE_FSGSBASE },
    { CR4_PCIDE, X86_FEATURE_PCID },     { CR4_OSXSAVE, X86_FEATURE_XSAVE },
    { CR4_SMEP, X86_FEATURE_SMEP },      { CR4_SMAP, X86_FEATURE_SMAP },
    { CR4_PKE, X86_FEATURE_PKU },
};

static uint64_t control_cr4_allowed(const X86State *s)
{
    uint64_t allowed = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(cr4_bits); i++)
        if (x86_has_feature(s, cr4_bits[i].feature))
            allowed |= cr4_bits[i].bit;
    return allowed;
}

static void control_feature(X86State *s, X86Feature feature, bool on)
{
    uint32_t bit = 1u << (feature & 31);

    s->features[feature >> 5] =
        on ? s->features[feature >> 5] | bit : s->features[feature >> 5] & ~bit;
}

void x86_write_cr4(TnCpu *cpu, uint64_t value)
{
    X86State *s = x86_state(cpu);
    uint64_t changed = s->cr4 ^ value;

    s->cr4 = value;
    control_feature(s, X86_FEATURE_OSXSAVE, value & CR4_OSXSAVE);
    control_feature(s, X86_FEATURE_OSPKE, value & CR4_PKE);
    if (changed & CR4_PAGING)
        tn_tlb_flush(cpu);
    x86_select_space(cpu);
    x86_update_mode(cpu);
}

static void control_set_cr4(TnCpu *cpu, uint64_t value)
{
    X86State *s = x86_state(cpu);
    uint64_t changed = s->cr4 ^ value;
    uint64_t pdpte[4];

    if (value & ~control_cr4_allowed(s))
        x86_gp0(cpu);
    if (x86_long(s) && ((changed & CR4_LA57) || !(value & CR4_PAE)))
        x86_gp0(cpu);
    if ((changed & value & CR4_PCIDE) && (!x86_long(s) || (s->cr3 & CR3_PCID)))
        x86_gp0(cpu);
    if ((s->cr0 & CR0_PG) && !x86_long(s) && (value & CR4_PAE) && (changed & CR4_PDPTES)) {
        if (!x86_load_pdptes(cpu, s->cr3, pdpte))
            x86_gp0(cpu);
        memcpy(s->pdpte, pdpte, sizeof(pdpte));
    }
    x86_write_cr4(cpu, value);
}

/* ---- CR8: the task priority, kept by the local APIC ---- */

static uint64_t control_get_cr8(TnCpu *cpu)
{
    TnObject *object;
    const TnApicOps *apic = x86_apic(cpu, &object);

    return apic ? apic->get_tpr(object) : x86_state(cpu)->cr8;
}

static void control_set_cr8(TnCpu *cpu, uint64_t value)
{
    TnObject *object;
    const TnApicOps *apic = x86_apic(cpu, &object);

    if (value > CR8_MAX)
        x86_gp0(cpu);
    x86_state(cpu)->cr8 = value;
    if (!apic)
        return;
    tn_device_lock();
    apic->set_tpr(object, (uint8_t)value);
    tn_device_unlock();
}

uint64_t x86_helper_mov_from_cr(TnCpu *cpu, uint32_t number)
{
    X86State *s = x86_state(cpu);

    x86_need_cpl0(cpu);
    switch (number) {
    case 0:
        return s->cr0;
    case 2:
        return s->cr2;
    case 3:
        return s->cr3;
    case 4:
        return s->cr4;
    case 8:
        return control_get_cr8(cpu);
    default:
        x86_ud(cpu);
    }
}

void x86_helper_mov_to_cr(TnCpu *cpu, uint32_t number, uint64_t value)
{
    x86_need_cpl0(cpu);
    switch (number) {
    case 0:
        control_set_cr0(cpu, value);
        break;
    case 2:
        x86_state(cpu)->cr2 = value;
        break;
    case 3:
        control_set_cr3(cpu, value);
        break;
    case 4:
        control_set_cr4(cpu, value);
        break;
    case 8:
        control_set_cr8(cpu, value);
        break;
    default:
        x86_ud(cpu);
    }
}

/* PE can be set but not cleared (vol. 2A, "LMSW"). */
void x86_helper_lmsw(TnCpu *cpu, uint32_t value)
{
    enum { LMSW_BITS = CR0_PE | CR0_MP | CR0_EM | CR0_TS };
    X86State *s = x86_state(cpu);

    x86_need_cpl0(cpu);
    x86_write_cr0(cpu, (s->cr0 & ~(uint64_t)(LMSW_BITS & ~CR0_PE)) | (value & LMSW_BITS));
}

void x86_helper_clts(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    x86_need_cpl0(cpu);
    s->cr0 &= ~(uint64_t)CR0_TS;
    x86_update_mode(cpu);
}

/* ---- XCR0 ---- */

static uint64_t control_xcr0_allowed(const X86State *s)
{
    uint64_t allowed = XCR0_X87 | XCR0_SSE;

    if (x86_has_feature(s, X86_FEATURE_AVX))
        allowed |= XCR0_AVX;
    if (x86_has_feature(s, X86_FEATURE_PKU))
        allowed |= 1u << 9;
    return allowed;
}

static void control_need_osxsave(TnCpu *cpu)
{
    if (!(x86_state(cpu)->cr4 & CR4_OSXSAVE))
        x86_ud(cpu);
}

/* XCR1: which components of XCR0 are not in their initial state (XINUSE). */
void x86_helper_xgetbv(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    uint32_t index = (uint32_t)s->regs[RCX];
    uint64_t value = s->xcr0;

    control_need_osxsave(cpu);
    if (index == 1 && x86_has_feature(s, X86_FEATURE_XGETBV1))
        value &= x86_xinuse(s);
    else if (index != 0)
        x86_gp0(cpu);
    x86_set_reg32(s, RAX, (uint32_t)value);
    x86_set_reg32(s, RDX, (uint32_t)(value >> 32));
}

void x86_helper_xsetbv(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    uint64_t value = (uint32_t)s->regs[RAX] | s->regs[RDX] << 32;

    control_need_osxsave(cpu);
    x86_need_cpl0(cpu);
    if ((uint32_t)s->regs[RCX] != 0 || !(value & XCR0_X87) || (value & ~control_xcr0_allowed(s)) ||
        ((value & XCR0_AVX) && !(value & XCR0_SSE)))
        x86_gp0(cpu);
    s->xcr0 = value;
    x86_update_mode(cpu);
}

/* ---- Invalidation ---- */

void x86_helper_invlpg(TnCpu *cpu, uint64_t address)
{
    x86_need_cpl0(cpu);
    if (x86_long(x86_state(cpu)) && !x86_canonical(x86_state(cpu), address))
        return;
    tn_tlb_flush_page(cpu, address, x86_space(x86_state(cpu)), true);
}

void x86_helper_invpcid(TnCpu *cpu, uint64_t type, uint64_t address)
{
    enum { ONE_ADDRESS, ONE_PCID, ALL_GLOBAL_TOO, ALL };
    X86State *s = x86_state(cpu);

    x86_need_cpl0(cpu);
    uint64_t pcid = tn_ld64(cpu, address, x86_mmu_mode(s));
    uint64_t linear = tn_ld64(cpu, address + 8, x86_mmu_mode(s));
    if (type > ALL || pcid & ~(uint64_t)CR3_PCID)
        x86_gp0(cpu);
    if (type <= ONE_PCID && pcid && !(s->cr4 & CR4_PCIDE))
        x86_gp0(cpu);
    if (type == ONE_ADDRESS && !x86_canonical(s, linear))
        x86_gp0(cpu);
    if (type == ONE_ADDRESS)
        tn_tlb_flush_page(cpu, linear, (uint32_t)pcid, false);
    else if (type == ONE_PCID)
        tn_tlb_flush_space(cpu, (uint32_t)pcid);
    else if (type == ALL_GLOBAL_TOO)
        tn_tlb_flush(cpu);
    else
        tn_tlb_flush_spaces(cpu);
}

/* ---- Protection keys ---- */

static void control_need_pke(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    if (!(s->cr4 & CR4_PKE))
        x86_ud(cpu);
    if ((uint32_t)s->regs[RCX])
        x86_gp0(cpu);
}

void x86_helper_rdpkru(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    control_need_pke(cpu);
    x86_set_reg32(s, RAX, s->pkru);
    x86_set_reg32(s, RDX, 0);
}

void x86_helper_wrpkru(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    control_need_pke(cpu);
    if ((uint32_t)s->regs[RDX])
        x86_gp0(cpu);
    x86_write_pkru(cpu, (uint32_t)s->regs[RAX]);
}

void x86_write_pkru(TnCpu *cpu, uint32_t value)
{
    X86State *s = x86_state(cpu);

    if (s->pkru == value)
        return;
    s->pkru = value;
    if (s->cr4 & CR4_PKE)
        tn_tlb_flush(cpu);
}
