/* SPDX-License-Identifier: MIT */
/* The ACPI tables in the making: shared by the files that add some. */
#ifndef TENON_MACHINES_PC_ACPI_H
#define TENON_MACHINES_PC_ACPI_H

#include "pc.h"

typedef struct AcpiTables {
    GByteArray *blob;    /* "etc/acpi/tables" */
    GByteArray *script;  /* for the firmware's loader */
    GArray *offsets;     /* uint32_t: tables that the RSDT lists */
} AcpiTables;

/* Appends a little-endian number of `size` bytes; `n` zero bytes. */
void acpi_put(GByteArray *a, uint64_t value, unsigned size);
void acpi_zeros(GByteArray *a, unsigned n);

/* Starts a table with its header (5.2.6) and returns its offset; acpi_table_end fills the length
 * and, if `listed`, adds it to the RSDT. */
uint32_t acpi_table_begin(AcpiTables *t, const char *signature, uint8_t revision);
void acpi_table_end(AcpiTables *t, uint32_t at, bool listed);

/* acpi-numa.c: SRAT and SLIT, where there are NUMA nodes. */
void acpi_add_numa(AcpiTables *t, Pc *pc);

#endif
