/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables (ACPI 6.4, chapter 5; IA-PC HPET 1.0a; WAET by Microsoft) in one blob, linked by the
 * firmware through the loader script "etc/table-loader": it chooses addresses, adds them to the
 * pointers, and computes checksums.
 */
#include "acpi.h"

#include <string.h>

#include "tenon/chardev.h"

extern const uint8_t pc_dsdt[];
extern const size_t pc_dsdt_size;

#define TABLES "etc/acpi/tables"
#define RSDP "etc/acpi/rsdp"

/* ---- Loader script ---------------------------------------------------------------------- */

enum { LOADER_ALLOCATE = 1, LOADER_ADD_POINTER = 2, LOADER_ADD_CHECKSUM = 3 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };

typedef struct LoaderEntry {
    uint32_t command;
    union {
        struct {
            char file[56];
            uint32_t align;
            uint8_t zone;
        } TN_PACKED allocate;
        struct {
            char dest_file[56], src_file[56];
            uint32_t offset;
            uint8_t size;
        } TN_PACKED pointer;
        struct {
            char file[56];
            uint32_t offset, start, length;
        } TN_PACKED checksum;
        char pad[124];
    };
} TN_PACKED LoaderEntry;

static void script_add(AcpiTables *t, const LoaderEntry *e)
{
    g_byte_array_append(t->script, (const guint8 *)e, sizeof(*e));
}

static void script_allocate(AcpiTables *t, const char *file, uint32_t align, uint8_t zone)
{
    LoaderEntry e = { .command = GUINT32_TO_LE(LOADER_ALLOCATE) };
    g_strlcpy(e.allocate.file, file, sizeof(e.allocate.file));
    e.allocate.align = GUINT32_TO_LE(align);
    e.allocate.zone = zone;
    script_add(t, &e);
}

/* The field of `size` bytes at `offset` in `file` holds an offset into TABLES. */
static void script_pointer(AcpiTables *t, const char *file, uint32_t offset, uint8_t size)
{
    LoaderEntry e = { .command = GUINT32_TO_LE(LOADER_ADD_POINTER) };
    g_strlcpy(e.pointer.dest_file, file, sizeof(e.pointer.dest_file));
    g_strlcpy(e.pointer.src_file, TABLES, sizeof(e.pointer.src_file));
    e.pointer.offset = GUINT32_TO_LE(offset);
    e.pointer.size = size;
    script_add(t, &e);
}

static void script_checksum(AcpiTables *t, const char *file, uint32_t offset, uint32_t start, uint32_t n)
{
    LoaderEntry e = { .command = GUINT32_TO_LE(LOADER_ADD_CHECKSUM) };
    g_strlcpy(e.checksum.file, file, sizeof(e.checksum.file));
    e.checksum.offset = GUINT32_TO_LE(offset);
    e.checksum.start = GUINT32_TO_LE(start);
    e.checksum.length = GUINT32_TO_LE(n);
    script_add(t, &e);
}

/* ---- Tables ----------------------------------------------------------------------------- */

enum { HEADER = 36, HEADER_LENGTH = 4, HEADER_CHECKSUM = 9 };

void acpi_put(GByteArray *a, uint64_t value, unsigned size)
{
    uint64_t le = GUINT64_TO_LE(value);
    g_byte_array_append(a, (const guint8 *)&le, size);
}

void acpi_zeros(GByteArray *a, unsigned n)
{
    while (n--)
        acpi_put(a, 0, 1);
}

static void align8(GByteArray *a)
{
    acpi_zeros(a, -a->len & 7);
}

uint32_t acpi_table_begin(AcpiTables *t, const char *signature, uint8_t revision)
{
    align8(t->blob);
    uint32_t at = t->blob->len;
    g_byte_array_append(t->blob, (const guint8 *)signature, 4);
    acpi_put(t->blob, 0, 4);
    acpi_put(t->blob, revision, 1);
    acpi_put(t->blob, 0, 1);
    g_byte_array_append(t->blob, (const guint8 *)"TENON TENONPC ", 14);
    acpi_put(t->blob, 1, 4);
    g_byte_array_append(t->blob, (const guint8 *)"TENN", 4);
    acpi_put(t->blob, 1, 4);
    return at;
}

void acpi_table_end(AcpiTables *t, uint32_t at, bool listed)
{
    uint32_t n = t->blob->len - at, le = GUINT32_TO_LE(n);
    memcpy(t->blob->data + at + HEADER_LENGTH, &le, sizeof(le));
    script_checksum(t, TABLES, at + HEADER_CHECKSUM, at, n);
    if (listed)
        g_array_append_val(t->offsets, at);
}

/* Appends a pointer to an offset in TABLES. */
static void put_pointer(AcpiTables *t, uint32_t offset, uint8_t size)
{
    script_pointer(t, TABLES, t->blob->len, size);
    acpi_put(t->blob, offset, size);
}

static uint32_t add_facs(AcpiTables *t)
{
    acpi_zeros(t->blob, -t->blob->len & 63);
    uint32_t at = t->blob->len;
    g_byte_array_append(t->blob, (const guint8 *)"FACS", 4);
    acpi_put(t->blob, 64, 4);
    acpi_zeros(t->blob, 56);
    return at;
}

/* ---- DSDT ------------------------------------------------------------------------------- */

/* Sets Name (name, <dword>) in compiled AML: NameOp, four characters, DWordPrefix, value. */
static void set_name(uint8_t *aml, size_t n, const char *name, uint32_t value)
{
    uint8_t pattern[6] = { 0x08, (uint8_t)name[0], (uint8_t)name[1], (uint8_t)name[2], (uint8_t)name[3],
                           0x0c };
    uint8_t *at = memmem(aml, n, pattern, sizeof(pattern));
    g_return_if_fail(at && at + 10 <= aml + n);
    uint32_t le = GUINT32_TO_LE(value);
    memcpy(at + sizeof(pattern), &le, sizeof(le));
}

/* Where SeaBIOS begins to place 32-bit BARs. */
static uint32_t pci_window(const Pc *pc)
{
    if (pc->ram_below_4g <= 0x80000000)
        return 0x80000000;
    return pc->ram_below_4g <= 0xc0000000 ? 0xc0000000 : 0xe0000000;
}

static uint32_t add_dsdt(AcpiTables *t, Pc *pc)
{
    enum { PRESENT = 0x0f };
    static const char *const com[] = { "TCM1", "TCM2", "TCM3", "TCM4" };
    size_t n = pc_dsdt_size;
    align8(t->blob);
    uint32_t at = t->blob->len;
    g_byte_array_append(t->blob, pc_dsdt, (guint)n);
    uint8_t *aml = t->blob->data + at;
    set_name(aml, n, "TMIN", pci_window(pc));
    set_name(aml, n, "TMAX", PC_IOAPIC_BASE - 1);
    set_name(aml, n, "THPT", pc->hpet ? PRESENT : 0);
    set_name(aml, n, "TKBD", pc->i8042_wanted ? PRESENT : 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(com); i++)
        set_name(aml, n, com[i], tn_serial_chardev(i) ? PRESENT : 0);
    set_name(aml, n, "TLPT", tn_parallel_chardev(0) ? PRESENT : 0);
    aml[HEADER_CHECKSUM] = 0;
    script_checksum(t, TABLES, at + HEADER_CHECKSUM, at, (uint32_t)n);
    return at;
}

/* ---- FADT (5.2.9) ----------------------------------------------------------------------- */

static void put_gas(GByteArray *a, uint8_t bits, uint8_t access, uint64_t address)
{
    enum { SYSTEM_IO = 1 };
    acpi_put(a, address ? SYSTEM_IO : 0, 1);
    acpi_put(a, address ? bits : 0, 1);
    acpi_put(a, 0, 1);
    acpi_put(a, address ? access : 0, 1);
    acpi_put(a, address, 8);
}

static void put_fadt_blocks(GByteArray *a)
{
    acpi_put(a, PC_PM_BASE, 4);     /* PM1a_EVT */
    acpi_put(a, 0, 4);
    acpi_put(a, PC_PM_BASE + 4, 4); /* PM1a_CNT */
    acpi_put(a, 0, 4);
    acpi_put(a, 0, 4);              /* PM2 */
    acpi_put(a, PC_PM_BASE + 8, 4); /* PM_TMR */
    acpi_put(a, PC_GPE_BASE, 4);
    acpi_put(a, 0, 4);
    acpi_put(a, 4, 1);              /* lengths: PM1_EVT, PM1_CNT, PM2_CNT, PM_TMR, GPE0, GPE1 */
    acpi_put(a, 2, 1);
    acpi_put(a, 0, 1);
    acpi_put(a, 4, 1);
    acpi_put(a, 4, 1);
    acpi_put(a, 0, 1);
    acpi_put(a, 0, 2);              /* GPE1_BASE, CST_CNT */
    acpi_put(a, 0xfff, 2);          /* C2 and C3: not offered */
    acpi_put(a, 0xfff, 2);
    acpi_zeros(a, 6);               /* flush size and stride, duty */
    acpi_put(a, 0, 1);              /* day alarm */
    acpi_put(a, 0, 1);
    acpi_put(a, 0x32, 1);           /* century */
}

static void put_fadt_extended(AcpiTables *t, uint32_t dsdt)
{
    GByteArray *a = t->blob;
    acpi_put(a, 0, 8);              /* X_FIRMWARE_CTRL: the 32-bit one counts */
    put_pointer(t, dsdt, 8);
    put_gas(a, 32, 0, PC_PM_BASE);
    put_gas(a, 0, 0, 0);
    put_gas(a, 16, 0, PC_PM_BASE + 4);
    put_gas(a, 0, 0, 0);
    put_gas(a, 0, 0, 0);
    put_gas(a, 32, 0, PC_PM_BASE + 8);
    put_gas(a, 32, 0, PC_GPE_BASE);
    put_gas(a, 0, 0, 0);
}

static void add_fadt(AcpiTables *t, Pc *pc, uint32_t facs, uint32_t dsdt)
{
    enum {
        WBINVD = 1u << 0, PROC_C1 = 1u << 2, SLP_BUTTON = 1u << 5, RTC_S4 = 1u << 7,
        RESET_REG = 1u << 10, USE_PLATFORM_CLOCK = 1u << 15,
        LEGACY_DEVICES = 1u << 0, HAS_8042 = 1u << 1,
        ACPI_ENABLE = 0xf1, ACPI_DISABLE = 0xf0, SMI_COMMAND = 0xb2, RESET_PORT = 0xcf9, RESET_VALUE = 0x0f,
    };
    uint32_t at = acpi_table_begin(t, "FACP", 3);
    GByteArray *a = t->blob;
    put_pointer(t, facs, 4);
    put_pointer(t, dsdt, 4);
    acpi_put(a, 1, 1);              /* INT_MODEL */
    acpi_put(a, 0, 1);
    acpi_put(a, PC_SCI_IRQ, 2);
    acpi_put(a, SMI_COMMAND, 4);
    acpi_put(a, ACPI_ENABLE, 1);
    acpi_put(a, ACPI_DISABLE, 1);
    acpi_put(a, 0, 2);              /* S4BIOS_REQ, PSTATE_CNT */
    put_fadt_blocks(a);
    acpi_put(a, LEGACY_DEVICES | (pc->i8042_wanted ? HAS_8042 : 0), 2);
    acpi_put(a, 0, 1);
    acpi_put(a, WBINVD | PROC_C1 | SLP_BUTTON | RTC_S4 | RESET_REG | USE_PLATFORM_CLOCK, 4);
    put_gas(a, 8, 1, RESET_PORT);
    acpi_put(a, RESET_VALUE, 1);
    acpi_zeros(a, 3);
    put_fadt_extended(t, dsdt);
    acpi_table_end(t, at, true);
}

/* ---- MADT (5.2.12) ---------------------------------------------------------------------- */

static void put_override(GByteArray *a, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    acpi_put(a, 2, 1);
    acpi_put(a, 10, 1);
    acpi_put(a, 0, 1);
    acpi_put(a, irq, 1);
    acpi_put(a, gsi, 4);
    acpi_put(a, flags, 2);
}

static void put_lapic(GByteArray *a, uint32_t uid, uint32_t apic_id, bool enabled)
{
    if (apic_id <= PC_APIC_ID_XAPIC_MAX) {
        acpi_put(a, 0, 1);
        acpi_put(a, 8, 1);
        acpi_put(a, uid, 1);
        acpi_put(a, apic_id, 1);
        acpi_put(a, enabled, 4);
    } else {
        acpi_put(a, 9, 1);
        acpi_put(a, 16, 1);
        acpi_put(a, 0, 2);
        acpi_put(a, apic_id, 4);
        acpi_put(a, enabled, 4);
        acpi_put(a, uid, 4);
    }
}

static void add_madt(AcpiTables *t, Pc *pc)
{
    enum { PCAT_COMPAT = 1, ACTIVE_HIGH_LEVEL = 0xd };
    static const uint8_t level_irqs[] = { 5, PC_SCI_IRQ, 10, 11 };
    const TnSmp *smp = pc->config->smp;
    uint32_t at = acpi_table_begin(t, "APIC", 3);
    GByteArray *a = t->blob;
    acpi_put(a, PC_APIC_BASE, 4);
    acpi_put(a, PCAT_COMPAT, 4);
    for (unsigned i = 0; i < smp->maxcpus; i++)
        put_lapic(a, i, pc_apic_id(smp, i), i < smp->cpus);
    acpi_put(a, 1, 1);              /* I/O APIC */
    acpi_put(a, 12, 1);
    acpi_put(a, 0, 2);
    acpi_put(a, PC_IOAPIC_BASE, 4);
    acpi_put(a, 0, 4);
    put_override(a, 0, 2, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(level_irqs); i++)
        put_override(a, level_irqs[i], level_irqs[i], ACTIVE_HIGH_LEVEL);
    acpi_put(a, 4, 1);              /* NMI: LINT1 of every processor */
    acpi_put(a, 6, 1);
    acpi_put(a, 0xff, 1);
    acpi_put(a, 0, 2);
    acpi_put(a, 1, 1);
    acpi_table_end(t, at, true);
}

static void add_hpet(AcpiTables *t)
{
    enum { MIN_TICK = 100, BLOCK_ID = 0x8086a201 };
    uint32_t at = acpi_table_begin(t, "HPET", 1);
    acpi_put(t->blob, BLOCK_ID, 4);
    acpi_put(t->blob, 0, 1);        /* memory space, 64 bits at offset 0 */
    acpi_put(t->blob, 0, 3);
    acpi_put(t->blob, PC_HPET_BASE, 8);
    acpi_put(t->blob, 0, 1);
    acpi_put(t->blob, MIN_TICK, 2);
    acpi_put(t->blob, 0, 1);
    acpi_table_end(t, at, true);
}

static void add_waet(AcpiTables *t)
{
    enum { PM_TIMER_GOOD = 1u << 1 };
    uint32_t at = acpi_table_begin(t, "WAET", 1);
    acpi_put(t->blob, PM_TIMER_GOOD, 4);
    acpi_table_end(t, at, true);
}

/* RSDT and XSDT (5.2.7, 5.2.8). */
static uint32_t add_root(AcpiTables *t, const char *signature, uint8_t pointer_size)
{
    uint32_t at = acpi_table_begin(t, signature, 1);
    for (unsigned i = 0; i < t->offsets->len; i++)
        put_pointer(t, g_array_index(t->offsets, uint32_t, i), pointer_size);
    acpi_table_end(t, at, false);
    return at;
}

/* The root pointer, revision 2 (5.2.5.3). */
static GByteArray *make_rsdp(AcpiTables *t, uint32_t rsdt, uint32_t xsdt)
{
    GByteArray *a = g_byte_array_new();
    g_byte_array_append(a, (const guint8 *)"RSD PTR ", 8);
    acpi_put(a, 0, 1);
    g_byte_array_append(a, (const guint8 *)"TENON ", 6);
    acpi_put(a, 2, 1);
    script_pointer(t, RSDP, a->len, 4);
    acpi_put(a, rsdt, 4);
    acpi_put(a, 36, 4);
    script_pointer(t, RSDP, a->len, 8);
    acpi_put(a, xsdt, 8);
    acpi_put(a, 0, 4);
    script_checksum(t, RSDP, 8, 0, 20);
    script_checksum(t, RSDP, 32, 0, 36);
    return a;
}

bool pc_add_acpi(Pc *pc, GError **error)
{
    AcpiTables t = { g_byte_array_new(), g_byte_array_new(), g_array_new(false, false, sizeof(uint32_t)) };
    script_allocate(&t, TABLES, 64, ZONE_HIGH);
    script_allocate(&t, RSDP, 16, ZONE_FSEG);
    uint32_t facs = add_facs(&t);
    uint32_t dsdt = add_dsdt(&t, pc);
    add_fadt(&t, pc, facs, dsdt);
    add_madt(&t, pc);
    if (pc->hpet)
        add_hpet(&t);
    acpi_add_numa(&t, pc);
    add_waet(&t);
    uint32_t rsdt = add_root(&t, "RSDT", 4);
    uint32_t xsdt = add_root(&t, "XSDT", 8);
    GByteArray *rsdp = make_rsdp(&t, rsdt, xsdt);
    bool ok = pc_fw_file(pc, TABLES, t.blob->data, t.blob->len, error) &&
              pc_fw_file(pc, RSDP, rsdp->data, rsdp->len, error) &&
              pc_fw_file(pc, "etc/table-loader", t.script->data, t.script->len, error);
    g_byte_array_unref(rsdp);
    g_byte_array_unref(t.blob);
    g_byte_array_unref(t.script);
    g_array_unref(t.offsets);
    return ok;
}
