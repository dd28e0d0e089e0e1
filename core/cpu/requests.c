/* SPDX-License-Identifier: MIT */
/* What devices do to vCPUs: requests and input lines. */
#include "cpu/cpu-private.h"

void tn_cpu_request(TnCpu *cpu, uint32_t requests)
{
    atomic_fetch_or(&cpu->requests, requests);
    tn_cpu_kick(cpu);
}

void tn_cpu_unrequest(TnCpu *cpu, uint32_t requests)
{
    atomic_fetch_and(&cpu->requests, ~requests);
}

uint32_t tn_cpu_requests(TnCpu *cpu)
{
    return atomic_load(&cpu->requests);
}

void tn_cpu_set_sipi_vector(TnCpu *cpu, uint8_t vector)
{
    __atomic_store_n(&cpu->sipi_vector, vector, __ATOMIC_RELEASE);
}

static void irq_input(void *opaque, unsigned line, int level)
{
    TnCpu *cpu = opaque;
    cpu->target->ops->irq(cpu, line, level);
}

TnIrq *tn_cpu_irq(TnCpu *cpu, unsigned line)
{
    TnIrq **irq = line < TN_CPU_IRQ_LINES ? &cpu->priv->irq[line] : NULL;
    if (!irq || !cpu->target->ops->irq)
        return NULL;
    if (!*irq)
        *irq = tn_irq_new(cpu->object, irq_input, cpu, line);
    return *irq;
}
