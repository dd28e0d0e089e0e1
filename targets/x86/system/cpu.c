/* SPDX-License-Identifier: MIT */
/*
 * Life of a vCPU: its model, reset and INIT.
 *
 * Intel SDM vol. 3A, 9.1 (initialisation), table 9-1 (registers after power-up, reset and INIT).
 */
#include "system.h"

#include <inttypes.h>
#include <string.h>

#include "tenon/irq.h"
#include "tenon/log.h"
#include "tenon/machine.h"

enum {
    RESET_CS = 0xf000,
    RESET_IP = 0xfff0,
    RESET_SMBASE = 0x30000,
    RESET_MXCSR = 0x1f80,
    RESET_FCW = 0x40,
    APIC_ID_BITS = 8,
    ATTRS_CODE = DESC_P | DESC_S | DESC_CODE | DESC_R | DESC_A,
    ATTRS_DATA = DESC_P | DESC_S | DESC_W | DESC_A,
    ATTRS_LDT = DESC_P | SYS_LDT << DESC_TYPE_SHIFT,
    ATTRS_TSS = DESC_P | SYS_TSS32_BUSY << DESC_TYPE_SHIFT,
    MISC_FAST_STRINGS = 1u << 0,
    MISC_MONITOR = 1u << 18,
    MISC_NO_PEBS = 3u << 11,
};
#define RESET_CS_BASE UINT64_C(0xffff0000)
#define RESET_DR6     UINT64_C(0xffff0ff0)
#define RESET_DR7     UINT64_C(0x400)
#define RESET_PAT     UINT64_C(0x0007040600070406)

bool x86_cpu_init(TnCpu *cpu, const char *model, GError **error)
{
    X86State *s = x86_state(cpu);

    s->model = x86_model_new(model ? model : cpu->target->default_model, error);
    if (!s->model)
        return false;
    if (strcmp(cpu->target->name, "i386") == 0)
        x86_model_without_long_mode(s->model);
    memcpy(s->features, s->model->features, sizeof(s->features));
    s->tsc_hz = s->model->tsc_hz;
    s->apic_id = s->model->apic_id >= 0 ? (uint32_t)s->model->apic_id : x86_apic_id(cpu->index);
    s->a20_mask = UINT32_MAX;
    s->exception = -1;
    if (cpu->object)
        tn_irq_declare_out(cpu->object, "ferr", 1);
    return true;
}

void x86_cpu_clear(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    g_free(s->model);
    s->model = NULL;
}

/*
 * What reset and INIT set alike. The bootstrap processor runs, the others wait for a start-up
 * message (8.4.1).
 */
static void reset_common(TnCpu *cpu, bool bsp)
{
    X86State *s = x86_state(cpu);
    uint32_t regs[4];

    memset(s->regs, 0, sizeof(s->regs));
    x86_set_eflags(s, EFLAGS_1);
    s->rip = RESET_IP;
    for (unsigned i = 0; i < X86_N_SEGS; i++)
        s->seg[i] = (X86Segment){ .attrs = ATTRS_DATA, .limit = X86_REAL_LIMIT };
    s->seg[CS] = (X86Segment){
        .selector = RESET_CS, .attrs = ATTRS_CODE, .limit = X86_REAL_LIMIT, .base = RESET_CS_BASE
    };
    s->gdtr = s->idtr = (X86Segment){ .limit = X86_REAL_LIMIT };
    s->ldtr = (X86Segment){ .attrs = ATTRS_LDT, .limit = X86_REAL_LIMIT };
    s->tr = (X86Segment){ .attrs = ATTRS_TSS, .limit = X86_REAL_LIMIT };
    s->cr2 = s->cr3 = s->cr8 = s->efer = 0;
    memset(s->dr, 0, sizeof(s->dr));
    s->dr[6] = RESET_DR6;
    s->dr[7] = RESET_DR7;
    x86_set_cpl(s, 0);
    s->exception = -1;
    s->pending_dr6 = 0;
    s->delivering = s->nmi_blocked = s->smm = s->shadow = s->in_shutdown = s->step_armed = false;
    s->monitor_armed = false;
    x86_write_cr4(cpu, 0);
    x86_cpuid(cpu, 1, 0, regs);
    s->regs[RDX] = regs[0];
    s->in_reset_wait = cpu->halted = !bsp;
    s->in_halt = false;
}

static void reset_fpu(X86State *s)
{
    memset(s->st, 0, sizeof(s->st));
    memset(s->ymm, 0, sizeof(s->ymm));
    s->fcw = RESET_FCW;
    s->fsw = s->fop = s->fcs = s->fds = 0;
    s->fip = s->fdp = 0;
    s->ftop = s->ftag_empty = 0;
    s->mxcsr = RESET_MXCSR;
    s->xcr0 = 1;
    s->xss = 0;
    s->pkru = 0;
}

static void reset_msrs(X86State *s)
{
    s->star = s->lstar = s->cstar = s->fmask = s->kernel_gs_base = 0;
    s->sysenter_cs = s->sysenter_esp = s->sysenter_eip = 0;
    s->pat = RESET_PAT;
    s->tsc_offset = s->tsc_adjust = s->tsc_aux = s->spec_ctrl = 0;
    s->misc_enable = MISC_FAST_STRINGS | MISC_NO_PEBS;
    if (x86_has_feature(s, X86_FEATURE_MONITOR))
        s->misc_enable |= MISC_MONITOR;
    s->mtrr_def_type = 0;
    memset(s->mtrr_fixed, 0, sizeof(s->mtrr_fixed));
    memset(s->mtrr_var, 0, sizeof(s->mtrr_var));
    s->mcg_status = 0;
    s->mcg_ctl = UINT64_MAX;
    memset(s->mc_bank, 0, sizeof(s->mc_bank));
    for (unsigned i = 0; i < X86_N_MC_BANKS; i++)
        s->mc_bank[i][0] = UINT64_MAX;
}

/* The counters start at 0 with every reset, all at one time: that of the first vCPU's. */
static void reset_tsc(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    TnCpu *first = cpu->index ? tn_cpu_at(0) : NULL;

    s->tsc_offset = first ? x86_state(first)->tsc_offset : -tn_cpu_ticks(cpu, s->tsc_hz);
}

void x86_reset(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    s->cr0 = CR0_CD | CR0_NW | CR0_ET;
    s->smbase = RESET_SMBASE;
    s->a20_mask = UINT32_MAX;
    reset_fpu(s);
    reset_msrs(s);
    reset_common(cpu, cpu->index == 0); /* local APICs are reset after their vCPUs */
    reset_tsc(cpu);
    tn_tlb_flush(cpu);
    x86_select_space(cpu);
    x86_update_mode(cpu);
    if (tn_log_enabled(TN_LOG_CPU_RESET)) {
        g_autoptr(GString) text = g_string_new(NULL);
        x86_dump(cpu, text);
        tn_log(TN_LOG_CPU_RESET, "CPU %u reset\n%s", cpu->index, text->str);
    }
}

/* INIT keeps caches, FPU, MSRs, MTRRs, SMBASE and CR0.CD/NW. */
void x86_init_reset(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    TnObject *object;
    const TnApicOps *apic = x86_apic(cpu, &object);

    s->cr0 = (s->cr0 & (CR0_CD | CR0_NW)) | CR0_ET;
    reset_common(cpu, apic ? apic->is_bsp(object) : cpu->index == 0);
    if (apic) {
        tn_device_lock();
        apic->init_reset(object);
        tn_device_unlock();
    }
    tn_tlb_flush(cpu);
    x86_select_space(cpu);
    x86_update_mode(cpu);
}
