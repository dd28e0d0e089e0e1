/* SPDX-License-Identifier: MIT */
/*
 * SRAT and SLIT (ACPI 6.4, 5.2.16 and 5.2.17): to which NUMA node a processor and a piece of RAM
 * belong, and how far the nodes are from each other.
 */
#include "acpi.h"

enum { ENABLED = 1u << 0 };

static void put_processor(GByteArray *a, uint32_t apic_id, uint32_t node)
{
    enum { LOCAL_APIC = 0, LOCAL_APIC_SIZE = 16, LOCAL_X2APIC = 2, LOCAL_X2APIC_SIZE = 24 };

    if (apic_id <= PC_APIC_ID_XAPIC_MAX) {
        acpi_put(a, LOCAL_APIC, 1);
        acpi_put(a, LOCAL_APIC_SIZE, 1);
        acpi_put(a, node & 0xff, 1);
        acpi_put(a, apic_id, 1);
        acpi_put(a, ENABLED, 4);
        acpi_put(a, 0, 1);         /* local SAPIC EID */
        acpi_put(a, node >> 8, 3);
        acpi_put(a, 0, 4);         /* clock domain */
    } else {
        acpi_put(a, LOCAL_X2APIC, 1);
        acpi_put(a, LOCAL_X2APIC_SIZE, 1);
        acpi_put(a, 0, 2);
        acpi_put(a, node, 4);
        acpi_put(a, apic_id, 4);
        acpi_put(a, ENABLED, 4);
        acpi_put(a, 0, 4);         /* clock domain */
        acpi_put(a, 0, 4);
    }
}

static void put_memory(GByteArray *a, uint64_t base, uint64_t end, uint32_t node)
{
    enum { MEMORY = 1, MEMORY_SIZE = 40 };

    if (end <= base)
        return;
    acpi_put(a, MEMORY, 1);
    acpi_put(a, MEMORY_SIZE, 1);
    acpi_put(a, node, 4);
    acpi_put(a, 0, 2);
    acpi_put(a, base, 8);
    acpi_put(a, end - base, 8);
    acpi_put(a, 0, 4);
    acpi_put(a, ENABLED, 4);
    acpi_put(a, 0, 8);
}

/* The bytes [from, to) of RAM, less what lies under the legacy area, cut at the PCI hole. */
static void put_ram(GByteArray *a, const Pc *pc, uint64_t from, uint64_t to, uint32_t node)
{
    enum { LOW_END = 0xa0000, HIGH_START = 0x100000 };
    uint64_t below = pc->ram_below_4g, shift = (UINT64_C(1) << 32) - below;

    put_memory(a, from, MIN(to, LOW_END), node);
    put_memory(a, MAX(from, HIGH_START), MIN(to, below), node);
    put_memory(a, MAX(from, below) + shift, to + shift, node);
}

static void add_srat(AcpiTables *t, const Pc *pc, const TnNuma *numa)
{
    const TnSmp *smp = pc->config->smp;
    uint32_t at = acpi_table_begin(t, "SRAT", 3);
    uint64_t ram = 0;

    acpi_put(t->blob, 1, 4);
    acpi_put(t->blob, 0, 8);
    for (unsigned i = 0; i < smp->maxcpus; i++)
        put_processor(t->blob, pc_apic_id(smp, i), numa->cpu_node[i]);
    for (unsigned i = 0; i < numa->n_nodes; i++) {
        put_ram(t->blob, pc, ram, ram + numa->ram[i], i);
        ram += numa->ram[i];
    }
    acpi_table_end(t, at, true);
}

static void add_slit(AcpiTables *t, const TnNuma *numa)
{
    uint32_t at = acpi_table_begin(t, "SLIT", 1);

    acpi_put(t->blob, numa->n_nodes, 8);
    g_byte_array_append(t->blob, numa->distance, numa->n_nodes * numa->n_nodes);
    acpi_table_end(t, at, true);
}

void acpi_add_numa(AcpiTables *t, Pc *pc)
{
    const TnNuma *numa = pc->config->numa;

    if (!numa)
        return;
    add_srat(t, pc, numa);
    if (numa->distance)
        add_slit(t, numa);
}
