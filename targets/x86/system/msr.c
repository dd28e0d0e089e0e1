/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers: RDMSR, WRMSR, and the time stamp counter.
 *
 * Intel SDM vol. 4 (the registers), vol. 3A 9.4, 11.11 (MTRRs), 11.12 (PAT), 15.3 (machine check),
 * 10.12.1.2 (x2APIC range), vol. 3B 17.17 (TSC); AMD APM vol. 2, 3.2 and appendix A.
 *
 * Most registers are rows of a table: index, place in the state, bits that may be written, and the
 * feature that they come with. Others have functions. An index in neither raises #GP.
 */
#include "system.h"

#include <inttypes.h>
#include <sys/random.h>

#include "msr.h"
#include "tenon/clock.h"
#include "tenon/log.h"


/* ---- Time stamp counter ---- */

uint64_t x86_tsc(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    return tn_cpu_ticks(cpu, s->tsc_hz) + s->tsc_offset;
}

static void msr_write_tsc(TnCpu *cpu, uint64_t value)
{
    X86State *s = x86_state(cpu);
    uint64_t delta = value - x86_tsc(cpu);

    s->tsc_offset += delta;
    s->tsc_adjust += delta;
}

static void msr_write_tsc_adjust(X86State *s, uint64_t value)
{
    s->tsc_offset += value - s->tsc_adjust;
    s->tsc_adjust = value;
}

/* The deadline's place in virtual time; a deadline gone by fires at once. */
static int64_t msr_deadline_ns(TnCpu *cpu, uint64_t deadline)
{
    X86State *s = x86_state(cpu);
    int64_t now = tn_clock_now(TN_CLOCK_VIRTUAL);
    int64_t ticks = (int64_t)(deadline - x86_tsc(cpu));

    if (ticks <= 0)
        return now;
    unsigned __int128 ns = (unsigned __int128)ticks * TN_NS_PER_SECOND / s->tsc_hz;
    return ns > INT64_MAX / 2 ? INT64_MAX : now + (int64_t)ns + 1;
}

/* ---- Local APIC ---- */

static bool msr_read_apic(TnCpu *cpu, uint32_t index, uint64_t *value)
{
    TnObject *object;
    const TnApicOps *apic = x86_apic(cpu, &object);
    bool ok = true;

    if (!apic)
        return false;
    tn_device_lock();
    if (index == MSR_APIC_BASE)
        *value = apic->get_base(object);
    else if (index == MSR_TSC_DEADLINE)
        *value = apic->get_tsc_deadline(object);
    else
        ok = apic->read_msr(object, index, value);
    tn_device_unlock();
    return ok;
}

static bool msr_write_apic(TnCpu *cpu, uint32_t index, uint64_t value)
{
    TnObject *object;
    const TnApicOps *apic = x86_apic(cpu, &object);
    bool ok = true;

    if (!apic || (index == MSR_APIC_BASE && value >> x86_state(cpu)->model->phys_bits))
        return false;
    int64_t when = index == MSR_TSC_DEADLINE ? msr_deadline_ns(cpu, value) : 0;
    tn_device_lock();
    if (index == MSR_APIC_BASE)
        ok = apic->set_base(object, value);
    else if (index == MSR_TSC_DEADLINE)
        apic->set_tsc_deadline(object, value, when);
    else
        ok = apic->write_msr(object, index, value);
    tn_device_unlock();
    return ok;
}

static bool msr_is_apic(const X86State *s, uint32_t index)
{
    if (index == MSR_APIC_BASE)
        return x86_has_feature(s, X86_FEATURE_APIC);
    if (index == MSR_TSC_DEADLINE)
        return x86_has_feature(s, X86_FEATURE_TSC_DEADLINE);
    return index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST &&
           x86_has_feature(s, X86_FEATURE_X2APIC);
}

/* ---- EFER (vol. 3A, 2.2.1) ---- */

static bool msr_write_efer(TnCpu *cpu, uint64_t value)
{
    X86State *s = x86_state(cpu);
    uint64_t allowed = 0;

    if (x86_has_feature(s, X86_FEATURE_SYSCALL))
        allowed |= EFER_SCE;
    if (x86_has_feature(s, X86_FEATURE_LM))
        allowed |= EFER_LME | EFER_LMA;
    if (x86_has_feature(s, X86_FEATURE_NX))
        allowed |= EFER_NXE;
    if (x86_has_feature(s, X86_FEATURE_FFXSR))
        allowed |= EFER_FFXSR;
    if (value & ~allowed)
        return false;
    if ((s->cr0 & CR0_PG) && ((value ^ s->efer) & EFER_LME))
        return false;
    value = (value & ~(uint64_t)EFER_LMA) | (s->efer & EFER_LMA);
    if ((value ^ s->efer) & EFER_NXE)
        tn_tlb_flush(cpu);
    s->efer = value;
    return true;
}

/* ---- Memory types ---- */

static bool msr_memory_type(uint8_t type, bool pat)
{
    return type == 0 || type == 1 || (type >= 4 && type <= 6) || (pat && type == 7);
}

static bool msr_memory_types(uint64_t value, bool pat)
{
    for (unsigned i = 0; i < 8; i++)
        if (!msr_memory_type((uint8_t)(value >> i * 8), pat))
            return false;
    return true;
}

/* Index of a fixed-range MTRR, or -1. */
static int msr_mtrr_fixed(uint32_t index)
{
    static const uint16_t fixed[] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                      0x26b, 0x26c, 0x26d, 0x26e, 0x26f };

    for (unsigned i = 0; i < G_N_ELEMENTS(fixed); i++)
        if (fixed[i] == index)
            return (int)i;
    return -1;
}

static uint64_t *msr_mtrr(X86State *s, uint32_t index)
{
    int fixed = msr_mtrr_fixed(index);

    if (!x86_has_feature(s, X86_FEATURE_MTRR))
        return NULL;
    if (fixed >= 0)
        return &s->mtrr_fixed[fixed];
    if (index >= MSR_MTRR_PHYSBASE0 && index < MSR_MTRR_PHYSBASE0 + 2 * X86_N_MTRR_VAR)
        return &s->mtrr_var[(index - MSR_MTRR_PHYSBASE0) / 2][index & 1];
    return index == MSR_MTRR_DEF_TYPE ? &s->mtrr_def_type : NULL;
}

static bool msr_mtrr_valid(const X86State *s, uint32_t index, uint64_t value)
{
    uint64_t beyond = ~((UINT64_C(1) << s->model->phys_bits) - 1);

    if (msr_mtrr_fixed(index) >= 0)
        return msr_memory_types(value, false);
    if (index == MSR_MTRR_DEF_TYPE)
        return !(value & ~UINT64_C(0xcff)) && msr_memory_type((uint8_t)value, false);
    if (index & 1)
        return !(value & (beyond | 0x7ff));
    return !(value & (beyond | 0xf00)) && msr_memory_type((uint8_t)value, false);
}

/* ---- Machine check (15.3.1, 15.3.2) ---- */

static uint64_t *msr_mc_bank(X86State *s, uint32_t index)
{
    if (!x86_has_feature(s, X86_FEATURE_MCA))
        return NULL;
    if (index < MSR_MC0_CTL || index >= MSR_MC0_CTL + 4 * X86_N_MC_BANKS)
        return NULL;
    return &s->mc_bank[(index - MSR_MC0_CTL) / 4][index & 3];
}

/* CTL takes all ones or zeros, the others only zero. */
static bool msr_write_mc(uint64_t *reg, uint32_t index, uint64_t value)
{
    if (value != 0 && ((index & 3) != 0 || value != UINT64_MAX))
        return (index & 3) == 0 ? (*reg = value, true) : false;
    *reg = value;
    return true;
}

/* ---- The table ---- */

enum {
    MSR_CANONICAL = 1u << 0,
    MSR_READ_ONLY = 1u << 1,
    MSR_IGNORE = 1u << 2, /* reads as `fixed`, writes are dropped */
    MSR_AMD = 1u << 3,    /* of AMD processors only */
};

typedef struct MsrRow {
    uint32_t index;
    uint16_t feature;
    uint16_t flags;
    uint32_t offset;   /* in the state, of a uint64_t; 0: reads as `fixed` */
    uint64_t writable; /* bits; others #GP */
    uint64_t fixed;
} MsrRow;

#define FIELD(f) offsetof(X86State, f)
#define ALL      UINT64_MAX
#define LOW32    UINT64_C(0xffffffff)

static const MsrRow msr_rows[] = {
    { MSR_SYSENTER_CS, X86_FEATURE_SEP, 0, FIELD(sysenter_cs), LOW32, 0 },
    { MSR_SYSENTER_ESP, X86_FEATURE_SEP, MSR_CANONICAL, FIELD(sysenter_esp), ALL, 0 },
    { MSR_SYSENTER_EIP, X86_FEATURE_SEP, MSR_CANONICAL, FIELD(sysenter_eip), ALL, 0 },
    { MSR_STAR, X86_FEATURE_SYSCALL, 0, FIELD(star), ALL, 0 },
    { MSR_LSTAR, X86_FEATURE_LM, MSR_CANONICAL, FIELD(lstar), ALL, 0 },
    { MSR_CSTAR, X86_FEATURE_LM, MSR_CANONICAL, FIELD(cstar), ALL, 0 },
    { MSR_FMASK, X86_FEATURE_LM, 0, FIELD(fmask), LOW32, 0 },
    { MSR_FS_BASE, X86_FEATURE_LM, MSR_CANONICAL, FIELD(seg[FS].base), ALL, 0 },
    { MSR_GS_BASE, X86_FEATURE_LM, MSR_CANONICAL, FIELD(seg[GS].base), ALL, 0 },
    { MSR_KERNEL_GS_BASE, X86_FEATURE_LM, MSR_CANONICAL, FIELD(kernel_gs_base), ALL, 0 },
    { MSR_TSC_AUX, X86_FEATURE_RDTSCP, 0, FIELD(tsc_aux), LOW32, 0 },
    { MSR_XSS, X86_FEATURE_XSAVES, 0, FIELD(xss), 0, 0 },
    { MSR_SPEC_CTRL, X86_FEATURE_SPEC_CTRL, 0, FIELD(spec_ctrl), 7, 0 },
    { MSR_MCG_STATUS, X86_FEATURE_MCA, 0, FIELD(mcg_status), 7, 0 },
    { MSR_MCG_CTL, X86_FEATURE_MCA, 0, FIELD(mcg_ctl), ALL, 0 },
    { MSR_MCG_CAP, X86_FEATURE_MCA, MSR_READ_ONLY, 0, 0, MCG_CTL_P | X86_N_MC_BANKS },
    { MSR_MTRRCAP, X86_FEATURE_MTRR, MSR_READ_ONLY, 0, 0,
      MTRRCAP_FIX | MTRRCAP_WC | X86_N_MTRR_VAR },
    { MSR_P5_MC_ADDR, X86_FEATURE_MCE, MSR_IGNORE, 0, 0, 0 },
    { MSR_P5_MC_TYPE, X86_FEATURE_MCE, MSR_IGNORE, 0, 0, 0 },
    { MSR_PLATFORM_ID, X86_FEATURE_MSR, MSR_READ_ONLY, 0, 0, 0 },
    { MSR_EBL_CR_POWERON, X86_FEATURE_MSR, MSR_IGNORE, 0, 0, 0 },
    { MSR_BIOS_UPDT_TRIG, X86_FEATURE_MSR, MSR_IGNORE, 0, 0, 0 },
    { MSR_BIOS_SIGN_ID, X86_FEATURE_MSR, MSR_IGNORE, 0, 0, MICROCODE_REVISION },
    { MSR_SMI_COUNT, X86_FEATURE_MSR, MSR_READ_ONLY, 0, 0, 0 },
    { MSR_DEBUGCTL, X86_FEATURE_MSR, MSR_IGNORE, 0, 0, 0 },
    { MSR_MISC_FEATURES, X86_FEATURE_MSR, MSR_IGNORE, 0, 0, 0 },
    { MSR_PRED_CMD, X86_FEATURE_SPEC_CTRL, MSR_IGNORE, 0, 0, 0 },
    /* AMD: what firmware and kernels read or set without asking CPUID. */
    { MSR_SYSCFG, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, 0 },
    { MSR_HWCR, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, 0 },
    { MSR_TOP_MEM, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, 0 },
    { MSR_TOP_MEM2, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, 0 },
    { MSR_NB_CFG, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, 0 },
    { MSR_INT_PENDING, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, 0 },
    { MSR_TSEG_ADDR, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, 0 },
    { MSR_TSEG_MASK, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, 0 },
    { MSR_LS_CFG, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, 0 },
    { MSR_DC_CFG, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, 0 },
    { MSR_BU_CFG, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, 0 },
    { MSR_DE_CFG, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, DE_CFG_LFENCE_SERIALIZE },
    { MSR_VM_CR, X86_FEATURE_MSR, MSR_IGNORE | MSR_AMD, 0, 0, 1u << 4 },
};

static bool msr_present(const X86State *s, const MsrRow *row)
{
    return x86_has_feature(s, (X86Feature)row->feature) &&
           (!(row->flags & MSR_AMD) || x86_is_amd(s));
}

static const MsrRow *msr_find(const X86State *s, uint32_t index)
{
    for (size_t i = 0; i < G_N_ELEMENTS(msr_rows); i++)
        if (msr_rows[i].index == index)
            return msr_present(s, &msr_rows[i]) ? &msr_rows[i] : NULL;
    return NULL;
}

static uint64_t *msr_field(X86State *s, const MsrRow *row)
{
    return (uint64_t *)((char *)s + row->offset);
}

static bool msr_write_row(X86State *s, const MsrRow *row, uint64_t value)
{
    if (row->flags & MSR_READ_ONLY)
        return false;
    if (row->flags & MSR_IGNORE)
        return true;
    if ((value & ~row->writable) || ((row->flags & MSR_CANONICAL) && !x86_canonical(s, value)))
        return false;
    *msr_field(s, row) = value;
    return true;
}

bool x86_read_msr(TnCpu *cpu, uint32_t index, uint64_t *value)
{
    X86State *s = x86_state(cpu);
    const MsrRow *row = msr_find(s, index);
    uint64_t *reg;

    if (row) {
        *value = row->offset ? *msr_field(s, row) : row->fixed;
        return true;
    }
    if (msr_is_apic(s, index))
        return msr_read_apic(cpu, index, value);
    if ((reg = msr_mtrr(s, index)) || (reg = msr_mc_bank(s, index))) {
        *value = *reg;
        return true;
    }
    switch (index) {
    case MSR_TSC:
        *value = x86_tsc(cpu);
        return x86_has_feature(s, X86_FEATURE_TSC);
    case MSR_TSC_ADJUST:
        *value = s->tsc_adjust;
        return x86_has_feature(s, X86_FEATURE_TSC_ADJUST);
    case MSR_EFER:
        *value = s->efer;
        return x86_has_feature(s, X86_FEATURE_LM) || x86_has_feature(s, X86_FEATURE_NX) ||
               x86_has_feature(s, X86_FEATURE_SYSCALL);
    case MSR_PAT:
        *value = s->pat;
        return x86_has_feature(s, X86_FEATURE_PAT);
    case MSR_MISC_ENABLE:
        *value = s->misc_enable;
        return true;
    case MSR_FEATURE_CONTROL:
        *value = FEATURE_CONTROL_LOCK;
        return true;
    case MSR_PLATFORM_INFO:
        *value = (s->tsc_hz / BUS_CLOCK_HZ & 0xff) << 8;
        return !x86_is_amd(s);
    case MSR_PERF_STATUS:
        *value = UINT64_C(1000) | UINT64_C(4) << 40;
        return true;
    case MSR_SMBASE:
        *value = s->smbase;
        return s->smm;
    default:
        return false;
    }
}

bool x86_write_msr(TnCpu *cpu, uint32_t index, uint64_t value)
{
    X86State *s = x86_state(cpu);
    const MsrRow *row = msr_find(s, index);
    uint64_t *reg;

    if (row)
        return msr_write_row(s, row, value);
    if (msr_is_apic(s, index))
        return msr_write_apic(cpu, index, value);
    if ((reg = msr_mtrr(s, index))) {
        if (!msr_mtrr_valid(s, index, value))
            return false;
        *reg = value;
        return true;
    }
    if ((reg = msr_mc_bank(s, index)))
        return msr_write_mc(reg, index, value);
    switch (index) {
    case MSR_TSC:
        msr_write_tsc(cpu, value);
        return x86_has_feature(s, X86_FEATURE_TSC);
    case MSR_TSC_ADJUST:
        if (!x86_has_feature(s, X86_FEATURE_TSC_ADJUST))
            return false;
        msr_write_tsc_adjust(s, value);
        return true;
    case MSR_EFER:
        return msr_write_efer(cpu, value);
    case MSR_PAT:
        if (!x86_has_feature(s, X86_FEATURE_PAT) || !msr_memory_types(value, true))
            return false;
        s->pat = value;
        return true;
    case MSR_MISC_ENABLE:
        s->misc_enable = value;
        return true;
    default:
        return false;
    }
}

/* ---- Instructions ---- */

void x86_helper_rdmsr(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    uint32_t index = (uint32_t)s->regs[RCX];
    uint64_t value;

    x86_need_cpl0(cpu);
    if (!x86_read_msr(cpu, index, &value)) {
        tn_log(TN_LOG_UNIMP, "RDMSR of unknown register %#x at %#" PRIx64 "\n", index,
               cpu->fault_pc);
        x86_gp0(cpu);
    }
    x86_set_reg32(s, RAX, (uint32_t)value);
    x86_set_reg32(s, RDX, (uint32_t)(value >> 32));
}

void x86_helper_wrmsr(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    uint32_t index = (uint32_t)s->regs[RCX];
    uint64_t value = (uint32_t)s->regs[RAX] | s->regs[RDX] << 32;

    x86_need_cpl0(cpu);
    if (!x86_write_msr(cpu, index, value)) {
        tn_log(TN_LOG_UNIMP, "WRMSR of %#" PRIx64 " to register %#x refused at %#" PRIx64 "\n",
               value, index, cpu->fault_pc);
        x86_gp0(cpu);
    }
    x86_update_mode(cpu);
}

static void msr_need_tsc(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    if ((s->cr4 & CR4_TSD) && s->cpl)
        x86_gp0(cpu);
}

uint64_t x86_helper_rdtsc(TnCpu *cpu)
{
    msr_need_tsc(cpu);
    return x86_tsc(cpu);
}

uint64_t x86_helper_rdtsc_kernel(TnCpu *cpu)
{
    return x86_tsc(cpu);
}

/* CPUID.0AH reports no counter, so every number is out of range (vol. 2B, "RDPMC"). */
void x86_helper_rdpmc(TnCpu *cpu)
{
    x86_gp0(cpu);
}

/* Random numbers from the host; OF SF ZF AF PF are cleared and CF tells success (vol. 2B). */
uint64_t x86_helper_rdrand(TnCpu *cpu, uint32_t op_size)
{
    X86State *s = x86_state(cpu);
    uint64_t value = 0;
    bool ok = getrandom(&value, sizeof(value), 0) == sizeof(value);

    s->flags = ok ? TN_FLAG_C : 0;
    return value & x86_size_mask(op_size);
}
