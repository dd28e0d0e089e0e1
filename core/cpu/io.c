/* SPDX-License-Identifier: MIT */
/* Port I/O and time for targets. */
#include "clock/clock-internal.h"
#include "cpu/cpu-private.h"
#include "tenon/clock.h"

uint32_t tn_io_in(TnCpu *cpu, uint16_t port, unsigned size)
{
    uint64_t value = UINT32_MAX;
    if (cpu->io)
        tn_memory_load(cpu->io, port, size, &value, TN_MEM_ATTR_NONE);
    return (uint32_t)value;
}

void tn_io_out(TnCpu *cpu, uint16_t port, uint32_t value, unsigned size)
{
    if (cpu->io)
        tn_memory_store(cpu->io, port, size, value, TN_MEM_ATTR_NONE);
}

/*
 * The virtual clock is one for all vCPUs and never goes back, so its ticks do not either. Only
 * another vCPU could tell that this one read them before its earlier instructions were done: LFENCE
 * is nothing to translated code, and with a single vCPU RDTSCP does not wait, either.
 */
uint64_t tn_cpu_ticks(TnCpu *cpu, uint64_t hz)
{
    uint64_t ns = (uint64_t)(tn_cpu_count() == 1 ? tn_clock_virtual_early()
                                                 : tn_clock_now(TN_CLOCK_VIRTUAL));

    if (hz == (uint64_t)TN_NS_PER_SECOND)
        return ns;
    return (uint64_t)((unsigned __int128)ns * hz / (uint64_t)TN_NS_PER_SECOND);
}
