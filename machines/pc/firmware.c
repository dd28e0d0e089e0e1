/* SPDX-License-Identifier: MIT */
/*
 * What the firmware gets: its image below 4 GiB (with the last 128 KiB also below 1 MiB), the CMOS
 * bytes of the PC AT as SeaBIOS reads them, and fw_cfg items and files as documented for QEMU.
 */
#include "pc.h"

#include <string.h>

#include "tenon/chardev.h"

enum {
    ISA_BIOS_MAX = 128 * 1024, MIB = 1 << 20, KIB = 1 << 10,
    E820_RAM = 1, E820_RESERVED = 2,
    BIOS_ALIGN = 64 * KIB, BIOS_MAX = 16 * MIB,
    SERIAL_CONSOLE_PORT = 0x3f8,
};

void pc_fw_item(Pc *pc, uint16_t key, const void *data, size_t n)
{
    const TnFwCfgOps *ops = tn_object_interface(pc->fw_cfg, TN_IFACE_FW_CFG);
    ops->add_bytes(pc->fw_cfg, key, data, n);
}

void pc_fw_bytes(Pc *pc, uint16_t key, GBytes *bytes)
{
    const TnFwCfgOps *ops = tn_object_interface(pc->fw_cfg, TN_IFACE_FW_CFG);

    if (ops->size > offsetof(TnFwCfgOps, add_item))
        ops->add_item(pc->fw_cfg, key, bytes);
    else
        ops->add_bytes(pc->fw_cfg, key, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

bool pc_fw_file(Pc *pc, const char *name, const void *data, size_t n, GError **error)
{
    const TnFwCfgOps *ops = tn_object_interface(pc->fw_cfg, TN_IFACE_FW_CFG);
    return ops->add_file(pc->fw_cfg, name, data, n, error);
}

static void item16(Pc *pc, uint16_t key, unsigned value)
{
    uint16_t le = GUINT16_TO_LE((uint16_t)value);
    pc_fw_item(pc, key, &le, sizeof(le));
}

/* ---- Image ------------------------------------------------------------------------------ */

/*
 * The end of the image below 1 MiB. Without a PAM to shadow it in RAM (isapc) the copy there is RAM
 * from the start: SeaBIOS keeps variables in it.
 */
static bool map_below_1m(Pc *pc, TnRegion *rom, const uint8_t *data, size_t size, GError **error)
{
    uint64_t isa_size = MIN(size, (size_t)ISA_BIOS_MAX);
    TnRegion *isa;

    if (pc->has_pci) {
        isa = tn_region_new_alias(pc->obj, "isa-bios", rom, size - isa_size, isa_size);
        tn_region_set_readonly(isa, true);
    } else {
        isa = tn_region_new_ram(pc->obj, "isa-bios", isa_size, error);
        if (!isa)
            return false;
        memcpy(tn_region_ram(isa), data + size - isa_size, isa_size);
    }
    tn_region_add_overlap(pc->rom_memory, MIB - isa_size, isa, 1);
    return true;
}

bool pc_load_bios(Pc *pc, GError **error)
{
    const char *name = pc->config->bios ? pc->config->bios : pc->has_pci ? "bios-256k.bin" : "bios.bin";
    g_autoptr(GBytes) image = tn_firmware_load(name, error);
    if (!image)
        return false;
    size_t size;
    const void *data = g_bytes_get_data(image, &size);
    if (!size || size % BIOS_ALIGN || size > BIOS_MAX) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "BIOS image '%s' has %zu bytes: a multiple of 64 KiB up to 16 MiB is needed", name,
                    size);
        return false;
    }
    TnRegion *rom = tn_region_new_rom(pc->obj, "pc.bios", size, error);
    if (!rom)
        return false;
    memcpy(tn_region_ram(rom), data, size);
    tn_region_add(pc->rom_memory, (UINT64_C(1) << 32) - size, rom);
    return map_below_1m(pc, rom, data, size, error);
}

/* ---- CMOS ------------------------------------------------------------------------------- */

static void cmos(Pc *pc, unsigned index, unsigned value)
{
    g_autofree char *text = g_strdup_printf("%u=%u", index, value & 0xff);
    GError *error = NULL;
    if (!tn_object_set(pc->rtc, "cmos", text, &error)) {
        tn_warn("%s", error->message);
        g_clear_error(&error);
    }
}

static void cmos16(Pc *pc, unsigned index, unsigned value)
{
    cmos(pc, index, value);
    cmos(pc, index + 1, value >> 8);
}

/* The firmware's code of a boot device letter. */
static unsigned boot_code(char letter)
{
    switch (letter) {
    case 'a': case 'b': return 1;
    case 'c': return 2;
    case 'd': return 3;
    case 'n': return 4;
    }
    return 0;
}

static void set_boot_order(Pc *pc)
{
    const char *order = pc->config->boot_once ? pc->config->boot_once
                        : pc->config->boot_order ? pc->config->boot_order : "cad";
    unsigned code[3] = { 0 };
    for (unsigned i = 0; i < 3 && order[i]; i++)
        code[i] = boot_code(order[i]);
    cmos(pc, 0x3d, code[1] << 4 | code[0]);
    cmos(pc, 0x38, code[2] << 4);
}

void pc_set_cmos(Pc *pc)
{
    uint64_t below = pc->ram_below_4g, extended = below > MIB ? (below - MIB) / KIB : 0;
    uint64_t above_16m = below > 16 * MIB ? (below - 16 * MIB) / (64 * KIB) : 0;
    cmos16(pc, 0x15, (unsigned)MIN(below / KIB, 640));
    cmos16(pc, 0x17, (unsigned)MIN(extended, 65535));
    cmos16(pc, 0x30, (unsigned)MIN(extended, 65535));
    cmos16(pc, 0x34, (unsigned)MIN(above_16m, 65535));
    uint64_t above_4g = pc->ram_above_4g / (64 * KIB);
    cmos16(pc, 0x5b, (unsigned)above_4g);
    cmos(pc, 0x5d, (unsigned)(above_4g >> 16));
    cmos(pc, 0x5f, pc->config->smp->cpus - 1);
    cmos(pc, 0x14, 0x02 | 0x04); /* equipment: FPU, PS/2 mouse; no floppy */
    set_boot_order(pc);
}

/* ---- fw_cfg ----------------------------------------------------------------------------- */

typedef struct E820Entry {
    uint64_t address, length;
    uint32_t type;
} TN_PACKED E820Entry;

static bool add_e820(Pc *pc, GError **error)
{
    E820Entry map[] = {
        { 0, GUINT64_TO_LE(pc->ram_below_4g), GUINT32_TO_LE(E820_RAM) },
        { GUINT64_TO_LE(UINT64_C(1) << 32), GUINT64_TO_LE(pc->ram_above_4g), GUINT32_TO_LE(E820_RAM) },
    };
    return pc_fw_file(pc, "etc/e820", map, sizeof(map[0]) * (pc->ram_above_4g ? 2 : 1), error);
}

typedef struct HpetBlock {
    uint8_t count;
    struct {
        uint32_t event_timer_block_id;
        uint64_t address;
        uint16_t min_tick;
        uint8_t page_prot;
    } TN_PACKED hpet[8];
} TN_PACKED HpetBlock;

static void add_hpet(Pc *pc)
{
    HpetBlock block = { .count = pc->hpet ? 1 : 0 };
    if (pc->hpet) {
        block.hpet[0].event_timer_block_id = GUINT32_TO_LE(0x8086a201);
        block.hpet[0].address = GUINT64_TO_LE(PC_HPET_BASE);
        block.hpet[0].min_tick = GUINT16_TO_LE(100);
    }
    pc_fw_item(pc, TN_FW_CFG_HPET, &block, sizeof(block));
}

static bool add_boot_options(Pc *pc, GError **error)
{
    const TnMachineConfig *c = pc->config;
    item16(pc, TN_FW_CFG_BOOT_MENU, c->boot_menu);
    const char *order = c->boot_once ? c->boot_once : c->boot_order ? c->boot_order : "cad";
    item16(pc, TN_FW_CFG_BOOT_DEVICE, (unsigned char)order[0]);
    if (c->boot_splash_time >= 0) {
        uint16_t ms = GUINT16_TO_LE((uint16_t)MIN(c->boot_splash_time, 65535));
        if (!pc_fw_file(pc, "etc/boot-menu-wait", &ms, sizeof(ms), error))
            return false;
    }
    if (c->boot_reboot_timeout >= 0) {
        uint32_t ms = GUINT32_TO_LE((uint32_t)c->boot_reboot_timeout);
        if (!pc_fw_file(pc, "etc/boot-fail-wait", &ms, sizeof(ms), error))
            return false;
    }
    if (c->boot_splash) {
        g_autoptr(GBytes) splash = tn_firmware_load(c->boot_splash, error);
        if (!splash)
            return false;
        size_t n;
        const void *data = g_bytes_get_data(splash, &n);
        bool jpg = g_str_has_suffix(c->boot_splash, ".jpg") || g_str_has_suffix(c->boot_splash, ".jpeg");
        if (!pc_fw_file(pc, jpg ? "bootsplash.jpg" : "bootsplash.bmp", data, n, error))
            return false;
    }
    size_t n;
    g_autofree char *list = tn_boot_order_list(&n);
    if (c->boot_strict) {
        g_autofree char *strict = g_strconcat(n ? list : "", n ? "\n" : "", "HALT", NULL);
        return pc_fw_file(pc, "bootorder", strict, strlen(strict) + 1, error);
    }
    return !n || pc_fw_file(pc, "bootorder", list, n, error);
}

static bool add_files(Pc *pc, GError **error)
{
    /* Sleep states S0..S5 as the tables number them; the top bit says "offered". */
    static const uint8_t states[6] = { 0x80, 0, 0, 0x81, 0x82, 0x80 };
    uint16_t sercon = GUINT16_TO_LE(SERIAL_CONSOLE_PORT);
    if (!pc_fw_file(pc, "etc/system-states", states, sizeof(states), error))
        return false;
    if (!pc->config->graphic && tn_serial_chardev(0) &&
        !pc_fw_file(pc, "etc/sercon-port", &sercon, sizeof(sercon), error))
        return false;
    return add_e820(pc, error) && add_boot_options(pc, error);
}

static bool add_uuid(Pc *pc, GError **error)
{
    uint8_t uuid[16] = { 0 };
    const char *text = pc->config->uuid;
    unsigned n = 0;
    for (const char *p = text ? text : ""; *p && n < 32; p++)
        if (g_ascii_isxdigit(*p)) {
            uuid[n / 2] = (uint8_t)(uuid[n / 2] << 4 | g_ascii_xdigit_value(*p));
            n++;
        }
    pc_fw_item(pc, TN_FW_CFG_UUID, uuid, sizeof(uuid));
    return true;
}

/* The nodes for firmware that makes tables of its own: their number, each processor's, each RAM. */
static void add_numa(Pc *pc)
{
    const TnNuma *numa = pc->config->numa;
    const TnSmp *smp = pc->config->smp;
    unsigned n_ids = pc_apic_id(smp, smp->maxcpus - 1) + 1;
    g_autofree uint64_t *item = NULL;

    if (!numa)
        return;
    item = g_new0(uint64_t, 1 + n_ids + numa->n_nodes);
    item[0] = GUINT64_TO_LE(numa->n_nodes);
    for (unsigned i = 0; i < smp->maxcpus; i++)
        item[1 + pc_apic_id(smp, i)] = GUINT64_TO_LE(numa->cpu_node[i]);
    for (unsigned i = 0; i < numa->n_nodes; i++)
        item[1 + n_ids + i] = GUINT64_TO_LE(numa->ram[i]);
    pc_fw_item(pc, TN_FW_CFG_NUMA, item, (1 + n_ids + numa->n_nodes) * sizeof(*item));
}

bool pc_describe(Pc *pc, GError **error)
{
    const TnSmp *smp = pc->config->smp;
    uint64_t ram = GUINT64_TO_LE(pc->config->ram_size);
    uint32_t one = GUINT32_TO_LE(1);
    pc_fw_item(pc, TN_FW_CFG_RAM_SIZE, &ram, sizeof(ram));
    item16(pc, TN_FW_CFG_NB_CPUS, smp->cpus);
    /* The firmware wants the limit of APIC ids. */
    item16(pc, TN_FW_CFG_MAX_CPUS, pc_apic_id(smp, smp->maxcpus - 1) + 1);
    item16(pc, TN_FW_CFG_NOGRAPHIC, !pc->config->graphic);
    pc_fw_item(pc, TN_FW_CFG_IRQ0_OVERRIDE, &one, sizeof(one));
    add_hpet(pc);
    add_numa(pc);
    if (!add_uuid(pc, error) || !add_files(pc, error))
        return false;
    if (pc->has_pci && pc->acpi_wanted && !pc_add_acpi(pc, error))
        return false;
    return pc_add_smbios(pc, error);
}
