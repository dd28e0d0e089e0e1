/* SPDX-License-Identifier: MIT */
/*
 * SMBIOS structures (DMTF DSP0134 3.4) for the firmware: the anchor "etc/smbios/smbios-anchor" and
 * the table "etc/smbios/smbios-tables"; the firmware places the table and fixes the anchor.
 */
#include "pc.h"

#include <string.h>

enum {
    TYPE_BIOS = 0, TYPE_SYSTEM = 1, TYPE_CHASSIS = 3, TYPE_PROCESSOR = 4, TYPE_MEMORY_ARRAY = 16,
    TYPE_MEMORY_DEVICE = 17, TYPE_MAPPED_ADDRESS = 19, TYPE_BOOT = 32, TYPE_END = 127,
    KIB = 1024, DEVICE_MAX_MIB = 16 * 1024,
};

typedef struct Smbios {
    GByteArray *table;
    unsigned count;
    unsigned max_size;     /* largest structure */
    unsigned start;        /* offset of the structure being built */
    GString *strings;
    unsigned n_strings;
} Smbios;

static void put(Smbios *s, uint64_t value, unsigned size)
{
    uint64_t le = GUINT64_TO_LE(value);
    g_byte_array_append(s->table, (const guint8 *)&le, size);
}

static void begin(Smbios *s, uint8_t type, uint16_t handle)
{
    s->start = s->table->len;
    s->n_strings = 0;
    g_string_truncate(s->strings, 0);
    put(s, type, 1);
    put(s, 0, 1);
    put(s, handle, 2);
}

/* Appends the number of a string of the structure (6.1.3). */
static void string(Smbios *s, const char *text)
{
    if (!text || !*text) {
        put(s, 0, 1);
        return;
    }
    g_string_append_len(s->strings, text, (gssize)strlen(text) + 1);
    put(s, ++s->n_strings, 1);
}

static void end(Smbios *s)
{
    s->table->data[s->start + 1] = (uint8_t)(s->table->len - s->start);
    g_byte_array_append(s->table, (const guint8 *)s->strings->str, (guint)s->strings->len);
    put(s, 0, s->n_strings ? 1 : 2);
    s->max_size = MAX(s->max_size, s->table->len - s->start);
    s->count++;
}

static void add_bios(Smbios *s)
{
    enum { CHARACTERISTICS_UNSUPPORTED = 1u << 3, EXT2_VIRTUAL = 1u << 4, EXT2_TARGETED = 1u << 2 };
    begin(s, TYPE_BIOS, 0);
    string(s, "SeaBIOS");
    string(s, "Tenon");
    put(s, 0xe800, 2);
    string(s, "04/01/2014");
    put(s, 0, 1);
    put(s, CHARACTERISTICS_UNSUPPORTED, 8);
    put(s, 0, 1);
    put(s, EXT2_VIRTUAL | EXT2_TARGETED, 1);
    put(s, 0, 2); /* BIOS and EC releases */
    put(s, 0xffff, 2);
    end(s);
}

/* The UUID's first three fields are little-endian (7.2.1). */
static void put_uuid(Smbios *s, const char *text)
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    uint8_t bytes[16] = { 0 };
    unsigned n = 0;
    for (const char *p = text ? text : ""; *p && n < 32; p++)
        if (g_ascii_isxdigit(*p)) {
            bytes[n / 2] = (uint8_t)(bytes[n / 2] << 4 | g_ascii_xdigit_value(*p));
            n++;
        }
    for (unsigned i = 0; i < 16; i++)
        put(s, bytes[order[i]], 1);
}

static void add_system(Smbios *s, const Pc *pc)
{
    enum { WAKE_UP_POWER_SWITCH = 6 };
    begin(s, TYPE_SYSTEM, 0x100);
    string(s, "Tenon");
    string(s, pc->has_pci ? "Standard PC (i440FX + PIIX, 1996)" : "ISA-only PC");
    string(s, "pc");
    string(s, NULL);
    put_uuid(s, pc->config->uuid);
    put(s, WAKE_UP_POWER_SWITCH, 1);
    string(s, NULL);
    string(s, "Virtual Machine");
    end(s);
}

static void add_chassis(Smbios *s)
{
    enum { OTHER = 1, SAFE = 3, NONE = 2 };
    begin(s, TYPE_CHASSIS, 0x300);
    string(s, "Tenon");
    put(s, OTHER, 1);
    string(s, "pc");
    string(s, NULL);
    string(s, NULL);
    put(s, SAFE, 1);
    put(s, SAFE, 1);
    put(s, SAFE, 1);
    put(s, NONE, 1);
    put(s, 0, 4);
    put(s, 0, 4); /* height, cords, contained elements */
    end(s);
}

static void add_processor(Smbios *s, const TnSmp *smp, unsigned socket)
{
    enum { CENTRAL = 3, FAMILY_OTHER = 1, UPGRADE_OTHER = 1, ENABLED = 0x41, CACHE_NONE = 0xffff };
    g_autofree char *name = g_strdup_printf("CPU %u", socket);
    unsigned cores = smp->cores * smp->dies * smp->clusters, threads = cores * smp->threads;
    begin(s, TYPE_PROCESSOR, (uint16_t)(0x400 + socket));
    string(s, name);
    put(s, CENTRAL, 1);
    put(s, FAMILY_OTHER, 1);
    string(s, "Tenon");
    put(s, 0, 8);
    string(s, "pc");
    put(s, 0, 1);
    put(s, 0, 2);
    put(s, 2000, 2); /* MHz */
    put(s, 2000, 2);
    put(s, ENABLED, 1);
    put(s, UPGRADE_OTHER, 1);
    put(s, CACHE_NONE, 2);
    put(s, CACHE_NONE, 2);
    put(s, CACHE_NONE, 2);
    string(s, NULL);
    string(s, NULL);
    string(s, NULL);
    put(s, MIN(cores, 255), 1);
    put(s, MIN(cores, 255), 1);
    put(s, MIN(threads, 255), 1);
    put(s, 2, 2); /* characteristics unknown */
    put(s, FAMILY_OTHER, 2);
    end(s);
}

static void add_memory(Smbios *s, const Pc *pc)
{
    enum { LOCATION_OTHER = 1, USE_SYSTEM = 3, ECC_MULTI = 6, FORM_DIMM = 9, TYPE_RAM = 7, OTHER = 1 << 1 };
    uint64_t mib = pc->config->ram_size >> 20;
    unsigned n = (unsigned)MAX((mib + DEVICE_MAX_MIB - 1) / DEVICE_MAX_MIB, 1);
    begin(s, TYPE_MEMORY_ARRAY, 0x1000);
    put(s, LOCATION_OTHER, 1);
    put(s, USE_SYSTEM, 1);
    put(s, ECC_MULTI, 1);
    put(s, MIN(mib * KIB, 0x80000000), 4);
    put(s, 0xfffe, 2);
    put(s, n, 2);
    put(s, mib * KIB >= 0x80000000 ? mib << 20 : 0, 8);
    end(s);
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("DIMM %u", i);
        uint64_t size = i + 1 < n ? DEVICE_MAX_MIB : mib - (uint64_t)i * DEVICE_MAX_MIB;
        begin(s, TYPE_MEMORY_DEVICE, (uint16_t)(0x1100 + i));
        put(s, 0x1000, 2);
        put(s, 0xfffe, 2);
        put(s, 0xffff, 2); /* widths unknown */
        put(s, 0xffff, 2);
        put(s, size, 2);
        put(s, FORM_DIMM, 1);
        put(s, 0, 1);
        string(s, name);
        string(s, NULL);
        put(s, TYPE_RAM, 1);
        put(s, OTHER, 2);
        put(s, 0, 2);
        string(s, "Tenon");
        string(s, NULL);
        string(s, NULL);
        string(s, NULL);
        put(s, 0, 1);
        put(s, 0, 4);
        put(s, 0, 2);
        end(s);
    }
}

static void add_mapped(Smbios *s, uint16_t handle, uint64_t start, uint64_t size)
{
    begin(s, TYPE_MAPPED_ADDRESS, handle);
    bool wide = (start + size) / KIB > UINT32_MAX;
    put(s, wide ? UINT32_MAX : start / KIB, 4);
    put(s, wide ? UINT32_MAX : (start + size - 1) / KIB, 4);
    put(s, 0x1000, 2);
    put(s, 1, 1);
    put(s, wide ? start : 0, 8);
    put(s, wide ? start + size - 1 : 0, 8);
    end(s);
}

static void add_last(Smbios *s)
{
    begin(s, TYPE_BOOT, 0x2000);
    put(s, 0, 7);
    end(s);
    begin(s, TYPE_END, 0x7f00);
    end(s);
}

static uint8_t checksum(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;
    while (n--)
        sum += *p++;
    return (uint8_t)-sum;
}

/* SMBIOS 2.8 entry point (5.2.1); the firmware sets the table's address. */
static bool add_anchor21(Smbios *s, Pc *pc, GError **error)
{
    uint8_t a[31] = "_SM_";
    a[5] = sizeof(a);
    a[6] = 2;
    a[7] = 8;
    a[8] = (uint8_t)s->max_size;
    a[9] = (uint8_t)(s->max_size >> 8);
    memcpy(a + 16, "_DMI_", 5);
    a[22] = (uint8_t)s->table->len;
    a[23] = (uint8_t)(s->table->len >> 8);
    a[28] = (uint8_t)s->count;
    a[29] = (uint8_t)(s->count >> 8);
    a[30] = 0x28;
    a[21] = checksum(a + 16, 15);
    a[4] = checksum(a, sizeof(a));
    return pc_fw_file(pc, "etc/smbios/smbios-anchor", a, sizeof(a), error);
}

/* SMBIOS 3.0 entry point (5.2.2). */
static bool add_anchor30(Smbios *s, Pc *pc, GError **error)
{
    uint8_t a[24] = "_SM3_";
    uint32_t size = GUINT32_TO_LE(s->table->len);
    a[6] = sizeof(a);
    a[7] = 3;
    a[10] = 1;
    memcpy(a + 12, &size, sizeof(size));
    a[5] = checksum(a, sizeof(a));
    return pc_fw_file(pc, "etc/smbios/smbios-anchor", a, sizeof(a), error);
}

bool pc_add_smbios(Pc *pc, GError **error)
{
    enum { ENTRY_64 = 1 };
    Smbios s = { .table = g_byte_array_new(), .strings = g_string_new(NULL) };
    add_bios(&s);
    add_system(&s, pc);
    add_chassis(&s);
    for (unsigned i = 0; i < pc->config->smp->sockets; i++)
        add_processor(&s, pc->config->smp, i);
    add_memory(&s, pc);
    add_mapped(&s, 0x1300, 0, pc->ram_below_4g);
    if (pc->ram_above_4g)
        add_mapped(&s, 0x1301, UINT64_C(1) << 32, pc->ram_above_4g);
    add_last(&s);
    bool ok = pc->smbios_entry == ENTRY_64 ? add_anchor30(&s, pc, error) : add_anchor21(&s, pc, error);
    ok = ok && pc_fw_file(pc, "etc/smbios/smbios-tables", s.table->data, s.table->len, error);
    g_byte_array_unref(s.table);
    g_string_free(s.strings, true);
    return ok;
}
