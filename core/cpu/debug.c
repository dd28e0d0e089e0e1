/* SPDX-License-Identifier: MIT */
/* Stopping for a debugger: single steps and breakpoints (translate/breakpoints.c). */
#include "cpu/debug.h"

#include "cpu/cpu-private.h"
#include "tenon/machine.h"

static _Atomic(TnCpu *) stopped_by;

void tn_cpu_set_single_step(TnCpu *cpu, bool on)
{
    cpu->priv->single_step = on;
}

TnCpu *tn_cpu_debug_stopped(void)
{
    return atomic_load(&stopped_by);
}

void tn_cpu_debug_stop(TnCpu *cpu)
{
    cpu->priv->skip_breakpoint = true;
    __atomic_store_n(&cpu->stopped, true, __ATOMIC_SEQ_CST);
    atomic_store(&stopped_by, cpu);
    tn_machine_request_stop(TN_RUN_DEBUG);
}

void tn_cpu_debug_resume(void)
{
    atomic_store(&stopped_by, NULL);
}
