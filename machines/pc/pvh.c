/* SPDX-License-Identifier: MIT */
/*
 * PVH direct boot (Xen's "x86/HVM direct boot ABI", start-of-day structure version 1): an ELF image with
 * the note XEN_ELFNOTE_PHYS32_ENTRY, entered in 32-bit protected mode with ebx = hvm_start_info.
 */
#include "boot.h"

#include <string.h>

#include "elf.h"

enum {
    NOTE_PHYS32_ENTRY = 18, START_MAGIC = 0x336ec578,
    BOOT_INFO = 0xa000, BOOT_MAP = 0xe000, CMDLINE = 0x20000, CMDLINE_MAX = 0x10000, STACK = 0x9ff0,
    PAGE = 4096,
};

typedef struct StartInfo {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modlist_paddr, cmdline_paddr, rsdp_paddr, memmap_paddr;
    uint32_t memmap_entries, reserved;
} StartInfo;

typedef struct ModlistEntry {
    uint64_t paddr, size, cmdline_paddr, reserved;
} ModlistEntry;

typedef struct PvhInfo {
    StartInfo start;
    ModlistEntry module;
} PvhInfo;

static const uint8_t *entry_note(GBytes *image, uint32_t *n)
{
    size_t size;
    const uint8_t *p = g_bytes_get_data(image, &size);
    return elf_is(p, size) ? elf_note(p, size, "Xen", NOTE_PHYS32_ENTRY, n) : NULL;
}

bool boot_is_pvh(GBytes *image)
{
    uint32_t n;
    return entry_note(image, &n) && n >= 4;
}

static bool place_initrd(Pc *pc, BootScript *script, PvhInfo *info, GBytes *initrd, uint64_t above,
                         GError **error)
{
    if (!initrd)
        return true;
    size_t n = g_bytes_get_size(initrd);
    uint64_t top = boot_top(pc), at = n < top ? (top - n) & ~(uint64_t)(PAGE - 1) : 0;
    if (at < above) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-initrd %s: %zu bytes do not fit above the kernel: give more memory with -m",
                    pc->config->initrd, n);
        return false;
    }
    info->start.nr_modules = 1;
    info->start.modlist_paddr = BOOT_INFO + offsetof(PvhInfo, module);
    info->module.paddr = at;
    info->module.size = n;
    pc_fw_bytes(pc, TN_FW_CFG_INITRD_DATA, initrd);
    boot_add_piece(script, (uint32_t)at, (uint32_t)n, TN_FW_CFG_INITRD_DATA);
    return true;
}

static bool place_cmdline(Pc *pc, BootScript *script, PvhInfo *info, GError **error)
{
    const char *cmdline = pc->config->append ? pc->config->append : "";
    size_t n = strlen(cmdline) + 1;
    if (n > CMDLINE_MAX) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "-append: %zu characters, at most %d fit", n - 1,
                    CMDLINE_MAX - 1);
        return false;
    }
    info->start.cmdline_paddr = CMDLINE;
    pc_fw_item(pc, TN_FW_CFG_CMDLINE_DATA, cmdline, n);
    boot_add_piece(script, CMDLINE, (uint32_t)n, TN_FW_CFG_CMDLINE_DATA);
    return true;
}

bool boot_pvh(Pc *pc, BootScript *script, GBytes *image, GBytes *initrd, GError **error)
{
    uint32_t n = 0, entry = 0;
    const uint8_t *note = entry_note(image, &n);
    memcpy(&entry, note, sizeof(entry));
    size_t size;
    const uint8_t *file = g_bytes_get_data(image, &size);
    ElfImage elf;
    if (!elf_load(&elf, file, size, boot_top(pc), pc->config->kernel, error))
        return false;
    PvhInfo info = { .start = { .magic = START_MAGIC, .version = 1, .memmap_paddr = BOOT_MAP } };
    bool ok = place_initrd(pc, script, &info, initrd, elf.high, error) &&
              place_cmdline(pc, script, &info, error);
    if (ok) {
        pc_fw_item(pc, TN_FW_CFG_KERNEL_DATA, elf.memory, elf.high - elf.low);
        pc_fw_item(pc, TN_FW_CFG_SETUP_DATA, &info, sizeof(info));
        boot_add_piece(script, (uint32_t)elf.low, (uint32_t)(elf.high - elf.low), TN_FW_CFG_KERNEL_DATA);
        boot_add_piece(script, BOOT_INFO, sizeof(info), TN_FW_CFG_SETUP_DATA);
        script->mode = BOOT_PROTECTED;
        script->entry = entry;
        script->ebx = BOOT_INFO;
        script->esp = STACK;
        script->map_kind = BOOT_MAP_PVH;
        script->map_at = BOOT_MAP;
        script->map_count_at = BOOT_INFO + offsetof(StartInfo, memmap_entries);
        script->rsdp_at = BOOT_INFO + offsetof(StartInfo, rsdp_paddr);
    }
    elf_clear(&elf);
    return ok;
}
