/* SPDX-License-Identifier: MIT */
/*
 * Port input and output.
 *
 * Intel SDM vol. 1, chapter 19: 19.5.1 (I/O privilege), 19.5.2 (I/O permission bit map).
 */
#include "system.h"

enum { TSS_IO_MAP = 102 };

static void io_check_map(TnCpu *cpu, uint32_t port, unsigned size)
{
    X86State *s = x86_state(cpu);
    bool tss32 = desc_type(s->tr.attrs) == SYS_TSS32_BUSY;

    if (!tss32 || TSS_IO_MAP + 1 > s->tr.limit)
        x86_gp0(cpu);
    uint32_t at = tn_ld16(cpu, s->tr.base + TSS_IO_MAP, MMU_KERNEL) + port / 8;
    if (at + 1 > s->tr.limit)
        x86_gp0(cpu);
    uint32_t bits = tn_ld16(cpu, s->tr.base + at, MMU_KERNEL) >> port % 8;
    if (bits & ((1u << size) - 1))
        x86_gp0(cpu);
}

void x86_helper_check_io(TnCpu *cpu, uint32_t port, uint32_t size)
{
    X86State *s = x86_state(cpu);

    if (x86_protected(s) && (x86_v8086(s) || s->cpl > x86_iopl(s)))
        io_check_map(cpu, port & 0xffff, size);
}

uint64_t x86_helper_in(TnCpu *cpu, uint32_t port, uint32_t size)
{
    x86_helper_check_io(cpu, port, size);
    x86_io_breakpoint(x86_state(cpu), port & 0xffff, size);
    return tn_io_in(cpu, (uint16_t)port, size);
}

void x86_helper_out(TnCpu *cpu, uint32_t port, uint32_t value, uint32_t size)
{
    x86_helper_check_io(cpu, port, size);
    x86_io_breakpoint(x86_state(cpu), port & 0xffff, size);
    tn_io_out(cpu, (uint16_t)port, value & (uint32_t)x86_size_mask(size), size);
}
