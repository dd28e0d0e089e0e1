/* SPDX-License-Identifier: MIT */
/* The PC's board, shared by its files. */
#ifndef TENON_MACHINES_PC_H
#define TENON_MACHINES_PC_H

#include "tenon/fwcfg.h"
#include "tenon/isa.h"
#include "tenon/machine.h"
#include "tenon/pci.h"

enum {
    PC_N_GSI = 24,
    PC_IOAPIC_BASE = 0xfec00000, PC_APIC_BASE = 0xfee00000, PC_HPET_BASE = 0xfed00000,
    PC_APIC_ID_XAPIC_MAX = 254, /* larger ids take x2APIC structures in ACPI's tables */
    PC_SCI_IRQ = 9,
    PC_PM_BASE = 0x600, PC_GPE_BASE = 0xafe0,
    PC_PCI_HOLE_MAX = 0xe0000000u, /* RAM below 4 GiB ends here at most ... */
    PC_PCI_HOLE_BIG = 0xc0000000u, /* ... and here once there is more */
};

typedef struct Pc {
    TnObject *obj;
    const TnMachineConfig *config;
    bool has_pci;          /* pc; isapc has none */
    bool smm, hpet_wanted, acpi_wanted, i8042_wanted, pic_wanted, pit_wanted;
    uint32_t smbios_entry; /* index of "smbios-entry-point-type": 32 or 64 */

    uint64_t ram_below_4g, ram_above_4g;
    TnObject *ram_device;
    TnRegion *ram;
    TnRegion *rom_memory;  /* where firmware appears: PCI memory, or system memory without PCI */
    TnObject *host, *pci_bus, *isa, *piix3, *pm;
    TnObject *pic[2], *ioapic, *rtc, *pit, *hpet, *fw_cfg;
    TnIrq *gsi[PC_N_GSI];
    bool ferr, ignne;      /* levels of the x87's error lines */
} Pc;

/* APIC id of a vCPU by index: topology fields are powers of two (CPUID leaf 0xB). */
uint32_t pc_apic_id(const TnSmp *smp, unsigned index);

/* ferr.c: x87 errors as IRQ 13, for systems with CR0.NE clear. */
void pc_wire_ferr(Pc *pc);

/* firmware.c: the BIOS image; items and CMOS bytes that tell it of the machine. */
bool pc_load_bios(Pc *pc, GError **error);
bool pc_describe(Pc *pc, GError **error);
void pc_set_cmos(Pc *pc);

/* boot.c: -kernel, by the boot option ROM. */
bool pc_load_kernel(Pc *pc, GError **error);

/* acpi.c, smbios.c: tables for the firmware's loader. */
bool pc_add_acpi(Pc *pc, GError **error);
bool pc_add_smbios(Pc *pc, GError **error);

/* Adds a fw_cfg item or file. */
void pc_fw_item(Pc *pc, uint16_t key, const void *data, size_t n);
/* The same by reference. */
void pc_fw_bytes(Pc *pc, uint16_t key, GBytes *bytes);
bool pc_fw_file(Pc *pc, const char *name, const void *data, size_t n, GError **error);

#endif
