/* SPDX-License-Identifier: MIT */
/*
 * x87 errors the way of the PC/AT: FERR# of the bootstrap processor is latched as IRQ 13; a write to
 * port F0h ends it and, while FERR# lasts, asserts IGNNE# (Intel 82371SB (PIIX3) datasheet, 2.5.9
 * "coprocessor error register"). Systems that set CR0.NE never see any of this.
 */
#include "pc.h"

enum { PORT_COPROCESSOR_ERROR = 0xf0, IRQ_COPROCESSOR = 13, CPU_LINE_IGNNE = 5 };

static void set_ignne(Pc *pc, bool level)
{
    pc->ignne = level;
    tn_irq_set(tn_cpu_irq(tn_cpu_at(0), CPU_LINE_IGNNE), level);
}

static void ferr_set(void *opaque, unsigned line, int level)
{
    Pc *pc = opaque;

    pc->ferr = level;
    if (level && !pc->ignne)
        tn_irq_raise(tn_isa_irq(pc->isa, IRQ_COPROCESSOR));
    if (!level && pc->ignne)
        set_ignne(pc, false);
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    return UINT64_MAX;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Pc *pc = opaque;

    tn_irq_lower(tn_isa_irq(pc->isa, IRQ_COPROCESSOR));
    if (pc->ferr)
        set_ignne(pc, true);
}

static const TnRegionOps port_ops = {
    .size_of = sizeof(port_ops), .read = port_read, .write = port_write, .valid_min = 1,
    .valid_max = 1, .impl_min = 1, .impl_max = 1,
};

void pc_wire_ferr(Pc *pc)
{
    TnObject *cpu = tn_cpu_object(tn_cpu_at(0));

    tn_region_add(tn_isa_io(pc->isa), PORT_COPROCESSOR_ERROR,
                  tn_region_new_io(pc->obj, "coprocessor-error", &port_ops, pc, 1));
    tn_irq_connect(cpu, "ferr", 0, tn_irq_new(pc->obj, ferr_set, pc, 0));
}
