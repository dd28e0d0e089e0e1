/* SPDX-License-Identifier: MIT */
/*
 * Raising exceptions, and what becomes of one that is met while another is delivered.
 *
 * Intel SDM vol. 3A, chapter 6: 6.3 (sources), 6.15 (reference), table 6-5 (double fault).
 */
#include "system.h"

#include <inttypes.h>

#include "tenon/log.h"
#include "tenon/machine.h"

typedef enum ExceptionClass { CLASS_BENIGN, CLASS_CONTRIBUTORY, CLASS_PAGE_FAULT } ExceptionClass;

static ExceptionClass exception_class(unsigned vector)
{
    switch (vector) {
    case X86_DE:
    case X86_TS:
    case X86_NP:
    case X86_SS:
    case X86_GP:
        return CLASS_CONTRIBUTORY;
    case X86_PF:
        return CLASS_PAGE_FAULT;
    default:
        return CLASS_BENIGN;
    }
}

/* Table 6-5: what a second exception makes of the first. */
static unsigned exception_combine(const X86State *s, unsigned second)
{
    ExceptionClass first = exception_class(s->delivering_vector);
    ExceptionClass next = exception_class(second);

    if (s->delivering_vector == X86_DF && next != CLASS_BENIGN)
        return X86_SHUTDOWN;
    if (first == CLASS_CONTRIBUTORY && next == CLASS_CONTRIBUTORY)
        return X86_DF;
    if (first == CLASS_PAGE_FAULT && next != CLASS_BENIGN)
        return X86_DF;
    return second;
}

/* Error codes that name a selector have EXT set while an event is delivered (6.13). */
static bool exception_has_ext(unsigned vector)
{
    return vector >= X86_TS && vector <= X86_GP;
}

void x86_record(TnCpu *cpu, X86Vector vector, bool has_error, uint32_t error)
{
    X86State *s = x86_state(cpu);
    unsigned combined = vector;

    if (s->delivering) {
        combined = exception_combine(s, vector);
        if (exception_has_ext(vector))
            error |= ERROR_EXT;
    }
    if (combined != vector) {
        tn_log(TN_LOG_INT, "exception %u during delivery of %u: %s\n", vector,
               s->delivering_vector, combined == X86_DF ? "double fault" : "shutdown");
        has_error = true;
        error = 0;
    }
    s->exception = (int32_t)combined;
    s->has_error_code = has_error;
    s->error_code = has_error ? error : 0;
}

void x86_raise(TnCpu *cpu, X86Vector vector)
{
    x86_record(cpu, vector, false, 0);
    tn_cpu_unwind(cpu);
}

void x86_raise_error(TnCpu *cpu, X86Vector vector, uint32_t error_code)
{
    x86_record(cpu, vector, true, error_code);
    tn_cpu_unwind(cpu);
}

void x86_raise_selector(TnCpu *cpu, X86Vector vector, uint32_t selector)
{
    x86_raise_error(cpu, vector, selector & (SEL_INDEX | SEL_TI));
}

void x86_raise_db(TnCpu *cpu, uint64_t dr6_bits)
{
    x86_state(cpu)->pending_dr6 |= dr6_bits;
    x86_raise(cpu, X86_DB);
}

void x86_gp0(TnCpu *cpu)
{
    x86_raise_error(cpu, X86_GP, 0);
}

void x86_ud(TnCpu *cpu)
{
    x86_raise(cpu, X86_UD);
}

void x86_helper_raise(TnCpu *cpu, uint32_t vector)
{
    x86_raise(cpu, (X86Vector)vector);
}

void x86_helper_raise_error(TnCpu *cpu, uint32_t vector, uint32_t error_code)
{
    x86_raise_error(cpu, (X86Vector)vector, error_code);
}

/* #AC (6.15, interrupt 17): only where CR0.AM, EFLAGS.AC and CPL 3 ask for it; otherwise the access
 * was one that demands alignment by itself (legacy SSE), which is #GP(0). */
void x86_unaligned(TnCpu *cpu, uint64_t vaddr, TnAccess access, unsigned mmu_mode)
{
    X86State *s = x86_state(cpu);

    if (s->mode & MODE_AC)
        x86_raise_error(cpu, X86_AC, 0);
    x86_gp0(cpu);
}

/* Shutdown (6.15, interrupt 8): the board's answer to the shutdown cycle is a reset. */
static TN_NORETURN void exception_shutdown(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    tn_log(TN_LOG_INT | TN_LOG_CPU_RESET, "triple fault at %04x:%" PRIx64 "\n",
           s->seg[CS].selector, s->rip);
    s->delivering = false;
    s->in_shutdown = true;
    tn_machine_request_reset(TN_SHUTDOWN_GUEST_RESET);
    tn_cpu_halt(cpu);
}

/* DR6 and DR7 for a debug exception (17.2.3, 17.2.4). */
static void exception_debug(X86State *s)
{
    enum { DR6_B = 0xf, DR7_GD = 1u << 13 };

    s->dr[6] = (s->dr[6] & ~(uint64_t)DR6_B) | s->pending_dr6;
    s->dr[7] &= ~(uint64_t)DR7_GD;
}

/* Instruction breakpoints and general detect are faults, the other debug exceptions traps; RF is
 * not set for an instruction breakpoint, whose handler must do it (17.3.1.1). */
static X86EventKind exception_kind(X86State *s, unsigned vector)
{
    switch (vector) {
    case X86_DB:
    case X86_DF:
    case X86_MC:
        return EVENT_TRAP;
    default:
        return EVENT_FAULT;
    }
}

void x86_deliver_exception(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    unsigned vector = (unsigned)s->exception;

    s->exception = -1;
    cpu->fault_pc = s->rip;
    if (vector == X86_SHUTDOWN)
        exception_shutdown(cpu);
    if (vector == X86_DB)
        exception_debug(s);
    s->pending_dr6 = 0;
    X86Event event = {
        .vector = (uint8_t)vector,
        .kind = (uint8_t)exception_kind(s, vector),
        .has_error = s->has_error_code,
        .error = s->error_code,
        .return_rip = s->rip,
    };
    s->delivering = true;
    s->delivering_vector = (uint8_t)vector;
    x86_deliver(cpu, &event);
    s->delivering = false;
}
