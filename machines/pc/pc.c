/* SPDX-License-Identifier: MIT */
/*
 * The machines "pc" (i440FX and PIIX3) and "isapc": what is on the board and how it is wired.
 *
 * Interrupt lines. A global system interrupt (GSI) reaches the 8259 pair (lines 0..15) and the I/O
 * APIC alike; the timer's line 0 is pin 2 of the I/O APIC, as the MADT says. The 8259's INTR goes
 * to LINT0 of every local APIC.
 */
#include "pc.h"

#include <string.h>

#include "tenon/apic.h"
#include "tenon/chardev.h"
#include "tenon/i2c.h"
#include "tenon/module.h"

enum { FIRST_IO_APIC_ONLY = 16, TIMER_GSI = 0, TIMER_PIN = 2, CASCADE = 2, MAX_SERIAL = 4 };

/* ---- RAM -------------------------------------------------------------------------------- */

static bool ram_realize(TnObject *dev, void *state, GError **error)
{
    TnRegion *region = tn_machine_new_ram(dev, "pc.ram", error);
    if (!region)
        return false;
    tn_system_device_add_region(dev, region);
    return true;
}

static const TnDeviceOps ram_ops = { .size = sizeof(ram_ops), .realize = ram_realize };
static const TnInterfaceImpl ram_interfaces[] = { { TN_IFACE_DEVICE, &ram_ops }, { 0 } };
static const TnTypeInfo ram_type = {
    .size = sizeof(ram_type), .name = "pc-ram", .parent = TN_TYPE_SYSTEM_DEVICE,
    .interfaces = ram_interfaces,
};

static bool make_ram(Pc *pc, GError **error)
{
    uint64_t size = pc->config->ram_size;
    pc->ram_below_4g = size > PC_PCI_HOLE_MAX ? PC_PCI_HOLE_BIG : size;
    pc->ram_above_4g = size - pc->ram_below_4g;
    pc->ram_device = tn_device_create(pc->obj, "pc-ram", NULL, error);
    if (!pc->ram_device)
        return false;
    pc->ram = tn_system_device_region(pc->ram_device, 0);
    tn_region_add(tn_system_memory(), 0,
                  tn_region_new_alias(pc->obj, "ram-below-4g", pc->ram, 0, pc->ram_below_4g));
    if (pc->ram_above_4g)
        tn_region_add(tn_system_memory(), UINT64_C(1) << 32,
                      tn_region_new_alias(pc->obj, "ram-above-4g", pc->ram, pc->ram_below_4g,
                                          pc->ram_above_4g));
    return true;
}

/* ---- Interrupt wiring ------------------------------------------------------------------- */

static void gsi_set(void *opaque, unsigned gsi, int level)
{
    Pc *pc = opaque;
    if (gsi < FIRST_IO_APIC_ONLY && pc->pic[gsi >> 3])
        tn_irq_set(tn_irq_in(pc->pic[gsi >> 3], NULL, gsi & 7), level);
    if (pc->ioapic)
        tn_irq_set(tn_irq_in(pc->ioapic, NULL, gsi == TIMER_GSI ? TIMER_PIN : gsi), level);
}

static bool gsi_waiting(void *opaque, unsigned gsi)
{
    Pc *pc = opaque;
    return (gsi < FIRST_IO_APIC_ONLY && tn_irq_waiting(tn_irq_in(pc->pic[gsi >> 3], NULL, gsi & 7))) ||
           (pc->ioapic &&
            tn_irq_waiting(tn_irq_in(pc->ioapic, NULL, gsi == TIMER_GSI ? TIMER_PIN : gsi)));
}

/* INTR of the master 8259. */
static void intr_set(void *opaque, unsigned line, int level)
{
    for (unsigned i = 0; i < tn_cpu_count(); i++) {
        TnCpu *cpu = tn_cpu_at(i);
        TnObject *apic = tn_cpu_apic(cpu);
        if (apic)
            tn_irq_set(tn_irq_in(apic, "lint", 0), level);
        else if (i == 0)
            tn_irq_set(tn_cpu_irq(cpu, 0), level);
    }
}

/* A level of A20 or SMI for all processors; `line` is that of tn_cpu_irq. */
static void all_cpus_set(void *opaque, unsigned line, int level)
{
    for (unsigned i = 0; i < tn_cpu_count(); i++)
        tn_irq_set(tn_cpu_irq(tn_cpu_at(i), line), level);
}

/* SMI goes to the boot processor: the firmware relocates no other's SMBASE. */
static void smi_set(void *opaque, unsigned line, int level)
{
    if (level && ((Pc *)opaque)->smm)
        tn_cpu_request(tn_cpu_at(0), TN_CPU_REQUEST_SMI);
}

/* ---- Processors ------------------------------------------------------------------------- */

static unsigned bits_for(unsigned n)
{
    unsigned bits = 0;
    while (1u << bits < n)
        bits++;
    return bits;
}

uint32_t pc_apic_id(const TnSmp *smp, unsigned index)
{
    TnCpuPlace place = tn_smp_place(smp, index);
    unsigned thread_bits = bits_for(smp->threads), core_bits = bits_for(smp->cores);
    return place.thread | place.core << thread_bits | place.die << (thread_bits + core_bits) |
           place.socket << (thread_bits + core_bits + bits_for(smp->dies));
}

static bool make_cpus(Pc *pc, GError **error)
{
    for (unsigned i = 0; i < pc->config->smp->cpus; i++) {
        TnCpu *cpu = tn_machine_add_cpu(pc->obj, i, error);
        if (!cpu)
            return false;
        g_autofree char *path = tn_object_path(tn_cpu_object(cpu));
        g_autofree char *props = g_strdup_printf("cpu=%s,apic-id=%u", path, pc_apic_id(pc->config->smp, i));
        if (pc->has_pci && !tn_device_create(tn_cpu_object(cpu), "apic", props, error))
            return false;
    }
    return true;
}

/* ---- Devices ---------------------------------------------------------------------------- */

static bool make_chipset(Pc *pc, GError **error)
{
    if (!pc->has_pci) {
        pc->rom_memory = tn_system_memory();
        pc->isa = tn_isa_bus_new(pc->obj, "isa.0", tn_system_memory(), tn_system_io(), error);
        return pc->isa != NULL;
    }
    g_autofree char *path = tn_object_path(pc->ram_device);
    g_autofree char *props = g_strdup_printf("ram=%s", path);
    pc->host = tn_device_create(pc->obj, "i440FX-pcihost", props, error);
    if (!pc->host)
        return false;
    pc->rom_memory = tn_system_device_region(pc->host, 0);
    pc->pci_bus = tn_bus_find(TN_TYPE_PCI_BUS);
    pc->piix3 = tn_pci_create(pc->pci_bus, 1 << 3, true, "PIIX3", NULL, error);
    pc->isa = tn_isa_bus();
    return pc->piix3 != NULL;
}

static bool make_pics(Pc *pc, GError **error)
{
    pc->pic[1] = tn_device_create(pc->isa, "isa-i8259", "iobase=0xa0,elcr_addr=0x4d1,elcr_mask=0xde", error);
    if (!pc->pic[1])
        return false;
    g_autofree char *slave = tn_object_path(pc->pic[1]);
    g_autofree char *props = g_strdup_printf("iobase=0x20,elcr_addr=0x4d0,elcr_mask=0xf8,master=on,slave=%s",
                                             slave);
    pc->pic[0] = tn_device_create(pc->isa, "isa-i8259", props, error);
    if (!pc->pic[0])
        return false;
    tn_irq_connect(pc->pic[1], NULL, 0, tn_irq_in(pc->pic[0], NULL, CASCADE));
    tn_irq_connect(pc->pic[0], NULL, 0, tn_irq_new(pc->obj, intr_set, pc, 0));
    return true;
}

static bool make_interrupts(Pc *pc, GError **error)
{
    for (unsigned n = 0; n < PC_N_GSI; n++) {
        pc->gsi[n] = tn_irq_new(pc->obj, gsi_set, pc, n);
        tn_irq_set_waiting(pc->gsi[n], gsi_waiting);
    }
    tn_isa_bus_set_irqs(pc->isa, pc->gsi);
    if (!make_pics(pc, error))
        return false;
    pc_wire_ferr(pc);
    if (!pc->has_pci)
        return true;
    pc->ioapic = tn_device_create(pc->obj, "ioapic", NULL, error);
    if (!pc->ioapic)
        return false;
    tn_system_device_map(pc->ioapic, 0, PC_IOAPIC_BASE);
    return true;
}

static bool make_hpet(Pc *pc, GError **error)
{
    if (!pc->has_pci || !pc->hpet_wanted)
        return true;
    pc->hpet = tn_device_create(pc->obj, "hpet", NULL, error);
    if (!pc->hpet)
        return false;
    tn_system_device_map(pc->hpet, 0, PC_HPET_BASE);
    for (unsigned n = 0; n < PC_N_GSI; n++)
        tn_irq_connect(pc->hpet, NULL, n, pc->gsi[n]);
    /* In legacy replacement the timer and the clock lose their lines to the HPET. */
    tn_irq_connect(pc->hpet, "legacy", 0, tn_irq_in(pc->pit, "disable", 0));
    return true;
}

static bool make_timers(Pc *pc, GError **error)
{
    pc->rtc = tn_device_create(pc->isa, "mc146818rtc", "base_year=2000", error);
    if (!pc->rtc)
        return false;
    pc->pit = tn_device_create(pc->isa, "isa-pit", NULL, error);
    if (!pc->pit)
        return false;
    tn_irq_connect(pc->pit, NULL, 0, tn_isa_irq(pc->isa, 0));
    g_autofree char *pit = tn_object_path(pc->pit);
    g_autofree char *props = g_strdup_printf("pit=%s", pit);
    return tn_device_create(pc->isa, "isa-pcspk", props, error) && make_hpet(pc, error);
}

/* -serial and -parallel. */
static bool make_ports(Pc *pc, GError **error)
{
    for (unsigned n = 0; n < MAX_SERIAL; n++) {
        TnChardev *chr = tn_serial_chardev(n);
        if (!chr)
            continue;
        g_autofree char *props = g_strdup_printf("index=%u,chardev=%s", n, tn_object_name(chr));
        if (!tn_device_create(pc->isa, "isa-serial", props, error))
            return false;
    }
    TnChardev *chr = tn_parallel_chardev(0);
    if (!chr)
        return true;
    g_autofree char *props = g_strdup_printf("index=0,chardev=%s", tn_object_name(chr));
    return tn_device_create(pc->isa, "isa-parallel", props, error);
}

static bool make_input(Pc *pc, GError **error)
{
    if (!pc->i8042_wanted)
        return true;
    TnObject *i8042 = tn_device_create(pc->isa, "i8042", NULL, error);
    if (!i8042)
        return false;
    tn_irq_connect(i8042, "a20", 0, tn_irq_new(pc->obj, all_cpus_set, pc, 4));
    return true;
}

/* One EEPROM a slot for memory modules; those of slots that the RAM leaves empty are blank. */
static bool make_memory_slots(Pc *pc, GError **error)
{
    enum { SLOTS = 8, FIRST_ADDRESS = 0x50, MODULE_MAX = 1 << 30, MODULE_MIN = 8 << 20 };
    TnObject *bus = tn_bus_find(TN_TYPE_I2C_BUS);
    uint64_t left = pc->config->ram_size;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        uint64_t module = left < MODULE_MIN ? 0 : MIN(MODULE_MAX, UINT64_C(1) << g_bit_storage(left) >> 1);
        g_autofree char *props = g_strdup_printf("address=%u,module-size=%" G_GUINT64_FORMAT,
                                                 FIRST_ADDRESS + slot, module);
        if (!tn_device_create(bus, "smbus-eeprom", props, error))
            return false;
        left -= module;
    }
    return true;
}

static bool make_power(Pc *pc, GError **error)
{
    if (!pc->has_pci || !pc->acpi_wanted)
        return true;
    pc->pm = tn_pci_create(pc->pci_bus, 1 << 3 | 3, false, "PIIX4_PM", NULL, error);
    if (!pc->pm)
        return false;
    tn_irq_connect(pc->pm, NULL, 0, pc->gsi[PC_SCI_IRQ]);
    tn_irq_connect(pc->pm, "smi", 0, tn_irq_new(pc->obj, smi_set, pc, 0));
    return make_memory_slots(pc, error);
}

static bool make_fw_cfg(Pc *pc, GError **error)
{
    pc->fw_cfg = tn_device_create(pc->obj, "fw_cfg_io", NULL, error);
    if (!pc->fw_cfg)
        return false;
    tn_system_device_map_io(pc->fw_cfg, 0, 0x510);
    tn_system_device_map_io(pc->fw_cfg, 1, 0x514);
    return true;
}

static bool make_dma(Pc *pc, GError **error)
{
    TnObject *dma8 = tn_device_create(pc->isa, "i8257", "base=0x00,page-base=0x80,dshift=0", error);
    if (!dma8)
        return false;
    TnObject *dma16 = tn_device_create(pc->isa, "i8257", "base=0xc0,page-base=0x88,dshift=1", error);
    if (!dma16)
        return false;
    tn_isa_set_dma(pc->isa, dma8, dma16);
    return true;
}

/* ---- Life ------------------------------------------------------------------------------- */

static bool build(TnObject *machine, void *state, const TnMachineConfig *config, GError **error)
{
    Pc *pc = state;
    pc->obj = machine;
    pc->config = config;
    pc->has_pci = strcmp(tn_object_type(machine), "isapc-machine") != 0;
    return make_ram(pc, error) && make_chipset(pc, error) && make_cpus(pc, error) &&
           make_interrupts(pc, error) && make_timers(pc, error) && make_dma(pc, error) &&
           make_input(pc, error) && make_ports(pc, error) && make_power(pc, error) &&
           make_fw_cfg(pc, error) && pc_load_bios(pc, error) && pc_load_kernel(pc, error);
}

static bool ready(TnObject *machine, void *state, GError **error)
{
    Pc *pc = state;
    pc_set_cmos(pc);
    return pc_describe(pc, error);
}

static const char *const smbios_types[] = { "32", "64", NULL };

static const TnProperty properties[] = {
    { .name = "smm", .kind = TN_PROP_BOOL, .offset = offsetof(Pc, smm), .def = "on",
      .doc = "system management mode" },
    { .name = "hpet", .kind = TN_PROP_BOOL, .offset = offsetof(Pc, hpet_wanted), .def = "on",
      .doc = "high precision event timer" },
    { .name = "acpi", .kind = TN_PROP_BOOL, .offset = offsetof(Pc, acpi_wanted), .def = "on",
      .doc = "ACPI tables and power management" },
    { .name = "i8042", .kind = TN_PROP_BOOL, .offset = offsetof(Pc, i8042_wanted), .def = "on",
      .doc = "PS/2 keyboard controller" },
    { .name = "smbios-entry-point-type", .kind = TN_PROP_ENUM, .offset = offsetof(Pc, smbios_entry),
      .def = "32", .values = smbios_types, .doc = "format of the SMBIOS entry point" },
    { 0 },
};

static const TnMachineOps pc_ops = {
    .size = sizeof(pc_ops), .flags = TN_MACHINE_NUMA, .max_cpus = 255, .smp_features = TN_SMP_DIES,
    .default_cpu = { "qemu64", "qemu32" }, .targets = "x86_64,i386", .init = build, .ready = ready,
};

static const TnMachineOps isapc_ops = {
    .size = sizeof(isapc_ops), .max_cpus = 1, .default_cpu = { "486", "486" },
    .targets = "x86_64,i386", .init = build, .ready = ready,
};

static const TnInterfaceImpl pc_interfaces[] = { { TN_IFACE_MACHINE, &pc_ops }, { 0 } };
static const TnInterfaceImpl isapc_interfaces[] = { { TN_IFACE_MACHINE, &isapc_ops }, { 0 } };

static const TnTypeInfo pc_type = {
    .size = sizeof(pc_type), .name = "pc-machine", .parent = TN_TYPE_MACHINE, .state_size = sizeof(Pc),
    .property_stride = TN_PROPERTY_STRIDE, .properties = properties, .interfaces = pc_interfaces,
    .description = "Standard PC (i440FX + PIIX, 1996)",
};

static const TnTypeInfo isapc_type = {
    .size = sizeof(isapc_type), .name = "isapc-machine", .parent = TN_TYPE_MACHINE,
    .state_size = sizeof(Pc), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .interfaces = isapc_interfaces, .description = "ISA-only PC",
};

static const TnTypeInfo *const types[] = { &ram_type, &pc_type, &isapc_type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("machine-pc") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_GUESTS("x86_64,i386")
          TN_NOTE_MACHINE("pc", "Standard PC (i440FX + PIIX, 1996)")
          TN_NOTE_ALIAS("machine", "pc-i440fx", "pc")
          TN_NOTE_MACHINE("isapc", "ISA-only PC")
          TN_NOTE_INTERNAL_DEVICE("pc-ram", "System", "misc", "The PC's RAM"));
