/* SPDX-License-Identifier: MIT */
/*
 * Requests to a vCPU: SMI, INIT, SIPI, NMI, maskable interrupts, in the order of their priority;
 * the lines of tn_cpu_irq; sleep and its end.
 *
 * Intel SDM vol. 3A, 6.9 (table 6-2: priority among events), 6.7 (NMI), 6.8 (IF and the shadow),
 * 8.4.2 (INIT-SIPI-SIPI), 9.1; vol. 3C, 31.3 (SMI, and what SMM holds back).
 */
#include "system.h"

enum { LINE_INTR, LINE_NMI, LINE_SMI, LINE_INIT, LINE_A20, LINE_IGNNE };
enum { A20_BIT = 1u << 20, MWAIT_SLEEP_US = 50 };

const TnApicOps *x86_apic(TnCpu *cpu, TnObject **apic)
{
    *apic = tn_cpu_apic(cpu);
    return *apic ? tn_object_interface(*apic, TN_IFACE_APIC) : NULL;
}

static bool request_interruptible(const X86State *s)
{
    return (s->eflags & EFLAGS_IF) && !s->shadow && !s->in_reset_wait && !s->in_shutdown;
}

/* The vector to take, acknowledged; -1 when there is none after all. */
static int request_acknowledge(TnCpu *cpu)
{
    TnObject *object;
    const TnApicOps *apic = x86_apic(cpu, &object);
    int vector;

    tn_device_lock();
    vector = apic ? apic->acknowledge(object) : tn_pic_acknowledge();
    tn_device_unlock();
    return vector;
}

/* An event from outside: contributory faults while it is delivered carry EXT. */
static void request_deliver(TnCpu *cpu, unsigned vector)
{
    X86State *s = x86_state(cpu);
    X86Event event = { .vector = (uint8_t)vector, .kind = EVENT_EXTERNAL, .return_rip = s->rip };

    s->in_halt = cpu->halted = false;
    cpu->fault_pc = s->rip;
    s->monitor_armed = false;
    s->delivering = true;
    s->delivering_vector = X86_NMI; /* of the benign class, whatever the vector */
    x86_deliver(cpu, &event);
    s->delivering = false;
}

static bool request_hard(TnCpu *cpu)
{
    int vector = request_acknowledge(cpu);

    if (vector < 0)
        return false;
    request_deliver(cpu, (unsigned)vector);
    return true;
}

static void request_nmi(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    tn_cpu_unrequest(cpu, TN_CPU_REQUEST_NMI);
    s->in_shutdown = false;
    s->nmi_blocked = true;
    request_deliver(cpu, X86_NMI);
}

/*
 * INIT (9.1.1): an application processor then waits for its start-up message, which may have come
 * already: it follows INIT at once, and this processor may not have run in between.
 */
static void request_init(TnCpu *cpu)
{
    tn_cpu_unrequest(cpu, TN_CPU_REQUEST_INIT);
    x86_init_reset(cpu);
}

/* 8.4.4.1: real mode at vector:0000. */
static void request_sipi(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    tn_cpu_unrequest(cpu, TN_CPU_REQUEST_SIPI);
    s->in_reset_wait = false;
    cpu->halted = false;
    s->seg[CS].selector = (uint32_t)cpu->sipi_vector << 8;
    s->seg[CS].base = (uint64_t)cpu->sipi_vector << 12;
    s->rip = 0;
    x86_update_mode(cpu);
}

static bool request_can_nmi(const X86State *s)
{
    return !s->nmi_blocked && !s->shadow;
}

static bool request_take(TnCpu *cpu, uint32_t requests)
{
    X86State *s = x86_state(cpu);

    if (requests & TN_CPU_REQUEST_POLL)
        tn_cpu_unrequest(cpu, TN_CPU_REQUEST_POLL);
    if (s->in_reset_wait) { /* blocked and not kept while the processor waits for SIPI */
        tn_cpu_unrequest(cpu, TN_CPU_REQUEST_SMI | TN_CPU_REQUEST_NMI);
        requests &= ~(uint32_t)(TN_CPU_REQUEST_SMI | TN_CPU_REQUEST_NMI);
    }
    if ((requests & TN_CPU_REQUEST_SMI) && !s->smm && !s->shadow) {
        tn_cpu_unrequest(cpu, TN_CPU_REQUEST_SMI);
        x86_enter_smm(cpu);
        return true;
    }
    if ((requests & TN_CPU_REQUEST_INIT) && !s->smm) {
        request_init(cpu);
        return true;
    }
    if (requests & TN_CPU_REQUEST_SIPI) {
        if (s->in_reset_wait) {
            request_sipi(cpu);
            return true;
        }
        tn_cpu_unrequest(cpu, TN_CPU_REQUEST_SIPI);
    }
    if ((requests & TN_CPU_REQUEST_NMI) && request_can_nmi(s)) {
        request_nmi(cpu);
        return true;
    }
    if ((requests & (TN_CPU_REQUEST_HARD | TN_CPU_REQUEST_POLL)) && request_interruptible(s))
        return request_hard(cpu);
    return false;
}

/* A wake-up that brings no event leaves the processor in HLT, shutdown or its wait for SIPI. */
bool x86_take_request(TnCpu *cpu, uint32_t requests)
{
    X86State *s = x86_state(cpu);

    if (request_take(cpu, requests))
        return true;
    if (!s->in_halt && !s->in_shutdown && !s->in_reset_wait)
        return false;
    cpu->halted = true;
    return true;
}

bool x86_has_work(TnCpu *cpu, uint32_t requests)
{
    X86State *s = x86_state(cpu);

    if ((requests & TN_CPU_REQUEST_INIT) && !s->smm)
        return true;
    if (s->in_reset_wait)
        return requests & TN_CPU_REQUEST_SIPI;
    if ((requests & TN_CPU_REQUEST_SMI) && !s->smm)
        return true;
    if ((requests & TN_CPU_REQUEST_NMI) && !s->nmi_blocked)
        return true;
    if (s->in_shutdown)
        return false;
    if (requests & (TN_CPU_REQUEST_HARD | TN_CPU_REQUEST_POLL))
        return s->eflags & EFLAGS_IF;
    return false;
}

/* The A20 gate changes what every translation ends in. */
static void request_a20(TnCpu *cpu, void *data)
{
    x86_state(cpu)->a20_mask = GPOINTER_TO_INT(data) ? UINT32_MAX : ~(uint32_t)A20_BIT;
    tn_tlb_flush(cpu);
}

/* Pending x87 exceptions no longer stop the processor (vol. 1, 8.7.1). */
static void request_ignne(TnCpu *cpu, void *data)
{
    x86_state(cpu)->ignne = GPOINTER_TO_INT(data) != 0;
}

void x86_irq(TnCpu *cpu, unsigned line, int level)
{
    static const uint32_t edges[] = {
        [LINE_NMI] = TN_CPU_REQUEST_NMI,
        [LINE_SMI] = TN_CPU_REQUEST_SMI,
        [LINE_INIT] = TN_CPU_REQUEST_INIT,
    };

    switch (line) {
    case LINE_INTR:
        if (level)
            tn_cpu_request(cpu, TN_CPU_REQUEST_HARD);
        else
            tn_cpu_unrequest(cpu, TN_CPU_REQUEST_HARD);
        break;
    case LINE_A20:
        tn_cpu_run_async(cpu, request_a20, GINT_TO_POINTER(level));
        break;
    case LINE_IGNNE:
        tn_cpu_run_async(cpu, request_ignne, GINT_TO_POINTER(level));
        break;
    case LINE_NMI:
    case LINE_SMI:
    case LINE_INIT:
        if (level)
            tn_cpu_request(cpu, edges[line]);
        break;
    default:
        break;
    }
}

/* ---- HLT, MONITOR, MWAIT (vol. 2) ---- */

void x86_halt(TnCpu *cpu)
{
    x86_state(cpu)->in_halt = true;
    tn_cpu_halt(cpu);
}

void x86_helper_hlt(TnCpu *cpu, uint64_t next_pc)
{
    X86State *s = x86_state(cpu);

    x86_need_cpl0(cpu);
    s->rip = next_pc;
    x86_halt(cpu);
}

void x86_helper_monitor(TnCpu *cpu, uint64_t address)
{
    X86State *s = x86_state(cpu);

    if (s->cpl)
        x86_ud(cpu);
    if ((uint32_t)s->regs[RCX])
        x86_gp0(cpu);
    tn_ld8(cpu, address, x86_mmu_mode(s));
    s->monitor_addr = address;
    s->monitor_armed = true;
}

/*
 * A store to the monitored line cannot be seen here. Where another processor could make one, MWAIT
 * sleeps for a moment and ends, as it may for any reason (and so for the masked interrupt of
 * ECX[0]). The only processor of a machine sleeps until an interrupt.
 */
void x86_helper_mwait(TnCpu *cpu, uint64_t next_pc)
{
    X86State *s = x86_state(cpu);

    if (s->cpl)
        x86_ud(cpu);
    if ((uint32_t)s->regs[RCX] & ~1u)
        x86_gp0(cpu);
    s->rip = next_pc;
    s->monitor_armed = false;
    if (tn_cpu_count() == 1 && (s->eflags & EFLAGS_IF))
        x86_halt(cpu);
    g_usleep(MWAIT_SLEEP_US);
    tn_cpu_unwind_to_loop(cpu);
}
