/* SPDX-License-Identifier: MIT */
/*
 * System management mode: entry by SMI and RSM.
 *
 * Intel SDM vol. 3C, chapter 31 (31.3 entry, 31.4.1 save state map, 31.5 environment, 31.7 NMI,
 * 31.10 auto HALT restart, 31.11 SMBASE relocation); AMD APM vol. 2, 10.2.3 (64-bit save area), 10.3.
 * Processors with long mode use the AMD64 map (revision 0x20064), others the 32-bit map
 * (revision 0x20000). I/O instruction restart is not offered (its revision bit is clear).
 */
#include "system.h"

#include <inttypes.h>
#include <string.h>

#include "tenon/log.h"

enum {
    SMM_ENTRY = 0x8000, SMM_AREA = 0xfe00, SMM_AREA_BYTES = 0x200, /* from SMBASE */
    REVISION = 0xfefc, REVISION64 = 0x20064, REVISION32 = 0x20000,
    SMM_FLAGS = EFLAGS_1,
    ATTRS_CODE = DESC_P | DESC_S | DESC_CODE | DESC_R | DESC_A | DESC_G,
    ATTRS_DATA = DESC_P | DESC_S | DESC_W | DESC_A | DESC_G,
};
#define DR7_RESET UINT64_C(0x400)

/* Offsets from SMBASE in the 64-bit map. Segments: selector, attributes, limit, base (16 bytes). */
enum {
    M64_ES = 0xfe00, M64_GDTR = 0xfe60, M64_LDTR = 0xfe70, M64_IDTR = 0xfe80, M64_TR = 0xfe90,
    M64_AUTO_HALT = 0xfec9, M64_NMI_MASK = 0xfeca, M64_EFER = 0xfed0, M64_SMBASE = 0xff00,
    M64_CR4 = 0xff48, M64_CR3 = 0xff50, M64_CR0 = 0xff58, M64_DR7 = 0xff60, M64_DR6 = 0xff68,
    M64_RFLAGS = 0xff70, M64_RIP = 0xff78, M64_RAX = 0xfff8,
};

/*
 * Offsets in the 32-bit map. Descriptor caches lie in its reserved part: attributes, base and limit
 * (12 bytes) of ES .. GS, LDTR, TR, GDTR, IDTR.
 */
enum {
    M32_SMBASE = 0xfef8, M32_AUTO_HALT = 0xff02, M32_CR4 = 0xff14, M32_NMI_MASK = 0xff18,
    M32_CACHES = 0xff20, M32_CACHE_BYTES = 12,
    M32_ES = 0xffa8, M32_LDTR = 0xffc0, M32_TR = 0xffc4, M32_DR7 = 0xffc8, M32_DR6 = 0xffcc,
    M32_EAX = 0xffd0, M32_EIP = 0xfff0, M32_EFLAGS = 0xfff4, M32_CR3 = 0xfff8, M32_CR0 = 0xfffc,
};

/* The save area as bytes; offsets are those of the maps. */
typedef struct SmmArea {
    uint8_t bytes[SMM_AREA_BYTES];
} SmmArea;

static void area_put(SmmArea *a, unsigned offset, uint64_t value, unsigned n)
{
    memcpy(a->bytes + (offset - SMM_AREA), &value, n);
}

static uint64_t area_get(const SmmArea *a, unsigned offset, unsigned n)
{
    uint64_t value = 0;
    memcpy(&value, a->bytes + (offset - SMM_AREA), n);
    return value;
}

static bool smm_is64(const X86State *s)
{
    return x86_has_feature(s, X86_FEATURE_LM);
}

static uint64_t smm_area_address(const X86State *s)
{
    return (uint32_t)(s->smbase + SMM_AREA);
}

/* ---- The 64-bit map ---- */

static void segment_put64(SmmArea *a, unsigned offset, const X86Segment *seg)
{
    area_put(a, offset, seg->selector, 2);
    area_put(a, offset + 2, seg->attrs >> 8 & 0xf0ff, 2);
    area_put(a, offset + 4, seg->limit, 4);
    area_put(a, offset + 8, seg->base, 8);
}

static void segment_get64(const SmmArea *a, unsigned offset, X86Segment *seg)
{
    seg->selector = (uint32_t)area_get(a, offset, 2);
    seg->attrs = ((uint32_t)area_get(a, offset + 2, 2) & 0xf0ff) << 8;
    seg->limit = (uint32_t)area_get(a, offset + 4, 4);
    seg->base = area_get(a, offset + 8, 8);
}

static void smm_save64(const X86State *s, SmmArea *a, bool halted)
{
    for (unsigned i = 0; i < X86_N_SEGS; i++)
        segment_put64(a, M64_ES + i * 16, &s->seg[i]);
    segment_put64(a, M64_GDTR, &s->gdtr);
    segment_put64(a, M64_LDTR, &s->ldtr);
    segment_put64(a, M64_IDTR, &s->idtr);
    segment_put64(a, M64_TR, &s->tr);
    area_put(a, M64_AUTO_HALT, halted, 1);
    area_put(a, M64_NMI_MASK, s->nmi_blocked, 1);
    area_put(a, M64_EFER, s->efer, 8);
    area_put(a, REVISION, REVISION64, 4);
    area_put(a, M64_SMBASE, s->smbase, 4);
    area_put(a, M64_CR4, s->cr4, 8);
    area_put(a, M64_CR3, s->cr3, 8);
    area_put(a, M64_CR0, s->cr0, 8);
    area_put(a, M64_DR7, s->dr[7], 8);
    area_put(a, M64_DR6, s->dr[6], 8);
    area_put(a, M64_RFLAGS, x86_eflags(s), 8);
    area_put(a, M64_RIP, s->rip, 8);
    for (unsigned i = 0; i < 16; i++)
        area_put(a, M64_RAX - i * 8, s->regs[i], 8);
}

static void smm_load64(TnCpu *cpu, const SmmArea *a)
{
    X86State *s = x86_state(cpu);

    for (unsigned i = 0; i < X86_N_SEGS; i++)
        segment_get64(a, M64_ES + i * 16, &s->seg[i]);
    segment_get64(a, M64_GDTR, &s->gdtr);
    segment_get64(a, M64_LDTR, &s->ldtr);
    segment_get64(a, M64_IDTR, &s->idtr);
    segment_get64(a, M64_TR, &s->tr);
    s->nmi_blocked = area_get(a, M64_NMI_MASK, 1) & 1;
    s->cr4 = area_get(a, M64_CR4, 8);
    s->cr3 = area_get(a, M64_CR3, 8);
    s->cr0 = area_get(a, M64_CR0, 8);
    s->efer = area_get(a, M64_EFER, 8);
    s->dr[7] = area_get(a, M64_DR7, 8);
    s->dr[6] = area_get(a, M64_DR6, 8);
    x86_set_eflags(s, (uint32_t)area_get(a, M64_RFLAGS, 8));
    s->rip = area_get(a, M64_RIP, 8);
    for (unsigned i = 0; i < 16; i++)
        s->regs[i] = area_get(a, M64_RAX - i * 8, 8);
}

/* ---- The 32-bit map ---- */

static X86Segment *smm_cached(X86State *s, unsigned n)
{
    X86Segment *const system[] = { &s->ldtr, &s->tr, &s->gdtr, &s->idtr };
    return n < X86_N_SEGS ? &s->seg[n] : system[n - X86_N_SEGS];
}

enum { N_CACHED = X86_N_SEGS + 4 };

static void smm_save32(X86State *s, SmmArea *a, bool halted)
{
    for (unsigned i = 0; i < N_CACHED; i++) {
        const X86Segment *seg = smm_cached(s, i);
        unsigned at = M32_CACHES + i * M32_CACHE_BYTES;
        area_put(a, at, seg->attrs >> 8 & 0xf0ff, 4);
        area_put(a, at + 4, seg->base, 4);
        area_put(a, at + 8, seg->limit, 4);
    }
    for (unsigned i = 0; i < X86_N_SEGS; i++)
        area_put(a, M32_ES + i * 4, s->seg[i].selector, 4);
    area_put(a, M32_LDTR, s->ldtr.selector, 4);
    area_put(a, M32_TR, s->tr.selector, 4);
    for (unsigned i = 0; i < 8; i++)
        area_put(a, M32_EAX + i * 4, s->regs[i], 4);
    area_put(a, M32_AUTO_HALT, halted, 2);
    area_put(a, M32_NMI_MASK, s->nmi_blocked, 1);
    area_put(a, REVISION, REVISION32, 4);
    area_put(a, M32_SMBASE, s->smbase, 4);
    area_put(a, M32_CR4, s->cr4, 4);
    area_put(a, M32_CR3, s->cr3, 4);
    area_put(a, M32_CR0, s->cr0, 4);
    area_put(a, M32_DR7, s->dr[7], 4);
    area_put(a, M32_DR6, s->dr[6], 4);
    area_put(a, M32_EFLAGS, x86_eflags(s), 4);
    area_put(a, M32_EIP, s->rip, 4);
}

static void smm_load32(X86State *s, const SmmArea *a)
{
    for (unsigned i = 0; i < N_CACHED; i++) {
        X86Segment *seg = smm_cached(s, i);
        unsigned at = M32_CACHES + i * M32_CACHE_BYTES;
        seg->attrs = ((uint32_t)area_get(a, at, 4) & 0xf0ff) << 8;
        seg->base = area_get(a, at + 4, 4);
        seg->limit = (uint32_t)area_get(a, at + 8, 4);
    }
    for (unsigned i = 0; i < X86_N_SEGS; i++)
        s->seg[i].selector = (uint32_t)area_get(a, M32_ES + i * 4, 2);
    s->ldtr.selector = (uint32_t)area_get(a, M32_LDTR, 2);
    s->tr.selector = (uint32_t)area_get(a, M32_TR, 2);
    for (unsigned i = 0; i < 8; i++)
        s->regs[i] = area_get(a, M32_EAX + i * 4, 4);
    s->nmi_blocked = area_get(a, M32_NMI_MASK, 1) & 1;
    s->cr4 = area_get(a, M32_CR4, 4);
    s->cr3 = area_get(a, M32_CR3, 4);
    s->cr0 = area_get(a, M32_CR0, 4);
    s->efer = 0;
    s->dr[7] = area_get(a, M32_DR7, 4);
    s->dr[6] = area_get(a, M32_DR6, 4);
    x86_set_eflags(s, (uint32_t)area_get(a, M32_EFLAGS, 4));
    s->rip = area_get(a, M32_EIP, 4);
}

/* ---- Entry (31.5.1) ---- */

static void smm_environment(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    s->cr0 &= ~(uint64_t)(CR0_PE | CR0_EM | CR0_TS | (uint64_t)CR0_PG);
    s->cr4 = 0;
    s->efer = 0;
    s->dr[7] = DR7_RESET;
    x86_set_eflags(s, SMM_FLAGS);
    s->rip = SMM_ENTRY;
    for (unsigned i = 0; i < X86_N_SEGS; i++)
        s->seg[i] = (X86Segment){ .attrs = ATTRS_DATA, .limit = UINT32_MAX };
    s->seg[CS] = (X86Segment){ .selector = s->smbase >> 4 & 0xffff, .attrs = ATTRS_CODE,
                               .limit = UINT32_MAX, .base = s->smbase };
    x86_set_cpl(s, 0);
    tn_tlb_flush(cpu);
    x86_write_cr4(cpu, 0);
}

void x86_enter_smm(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    SmmArea area = { { 0 } };
    bool halted = s->in_halt;

    tn_log(TN_LOG_INT, "SMI at %04x:%" PRIx64 "\n", s->seg[CS].selector, s->rip);
    if (smm_is64(s))
        smm_save64(s, &area, halted);
    else
        smm_save32(s, &area, halted);
    s->smm = true;
    s->nmi_blocked = true;
    s->shadow = false;
    s->in_halt = s->in_shutdown = false;
    s->delivering = false;
    cpu->halted = false;
    tn_memory_write(x86_smm_space(cpu), smm_area_address(s), area.bytes, sizeof(area.bytes),
                    TN_MEM_ATTR_SECURE);
    smm_environment(cpu);
}

/* ---- RSM ---- */

/* 31.4.1: a saved state that the processor could not be in shuts it down. */
static bool smm_state_valid(const X86State *s)
{
    bool paging = s->cr0 & CR0_PG;

    if (paging && !(s->cr0 & CR0_PE))
        return false;
    if ((s->cr0 & CR0_NW) && !(s->cr0 & CR0_CD))
        return false;
    return !(paging && (s->efer & EFER_LMA) && !(s->cr4 & CR4_PAE));
}

static unsigned smm_saved_cpl(const X86State *s)
{
    if (!(s->cr0 & CR0_PE))
        return 0;
    return s->eflags & EFLAGS_VM ? 3 : desc_dpl(s->seg[SS].attrs);
}

void x86_helper_rsm(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    SmmArea area;
    bool halt;

    if (!s->smm)
        x86_ud(cpu);
    tn_memory_read(x86_smm_space(cpu), smm_area_address(s), area.bytes, sizeof(area.bytes),
                   TN_MEM_ATTR_SECURE);
    if (smm_is64(s)) {
        smm_load64(cpu, &area);
        s->smbase = (uint32_t)area_get(&area, M64_SMBASE, 4);
        halt = area_get(&area, M64_AUTO_HALT, 1) & 1;
    } else {
        smm_load32(s, &area);
        s->smbase = (uint32_t)area_get(&area, M32_SMBASE, 4);
        halt = area_get(&area, M32_AUTO_HALT, 2) & 1;
    }
    s->smm = false;
    x86_set_cpl(s, smm_saved_cpl(s));
    if (x86_uses_pdptes(s))
        x86_load_pdptes(cpu, s->cr3, s->pdpte);
    tn_tlb_flush(cpu);
    x86_write_cr4(cpu, s->cr4);
    if (!smm_state_valid(s)) {
        s->exception = X86_SHUTDOWN;
        cpu->fault_pc = s->rip;
        tn_cpu_unwind(cpu);
    }
    if (halt)
        x86_halt(cpu);
}
