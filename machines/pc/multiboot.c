/* SPDX-License-Identifier: MIT */
/*
 * Multiboot 0.6.96 images: an ELF file, or a raw one with addresses in its header. -initrd is a
 * comma-separated list of modules, "FILE ARGUMENTS,...".
 *
 * Memory: the information structure and its strings lie in BOOT_INFO, the memory map in BOOT_MAP
 * (the option ROM writes it), modules page-aligned behind the image.
 */
#include "boot.h"

#include <string.h>

#include "elf.h"

enum {
    MAGIC = 0x1badb002, BOOT_MAGIC = 0x2badb002, SEARCH = 8192,
    FLAG_ALIGN = 1u << 0, FLAG_MEMORY = 1u << 1, FLAG_VIDEO = 1u << 2, FLAG_ADDRESSES = 1u << 16,
    INFO_MEMORY = 1u << 0, INFO_CMDLINE = 1u << 2, INFO_MODS = 1u << 3, INFO_MMAP = 1u << 6,
    INFO_LOADER = 1u << 9,
    BOOT_INFO = 0xa000, BOOT_INFO_MAX = 0x4000, BOOT_MAP = 0xe000, STACK = 0x9ff0,
    MAX_MODULES = 8, PAGE = 4096, KIB = 1024,
    KEY_IMAGE = TN_FW_CFG_KERNEL_DATA, KEY_INFO = TN_FW_CFG_SETUP_DATA, KEY_MODULES = TN_FW_CFG_INITRD_DATA,
};

/* The information structure (3.3); fields up to the loader's name. */
typedef struct Info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
    uint32_t mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name;
} Info;

typedef struct Module {
    uint32_t start, end, string, reserved;
} Module;

typedef struct Multiboot {
    Pc *pc;
    const uint8_t *file;
    size_t size;
    size_t header;
    Info info;
    Module modules[MAX_MODULES];
    GByteArray *strings; /* behind the info and the module list */
    GByteArray *contents;/* the modules' bytes, from `modules_at` */
    uint32_t modules_at;
} Multiboot;

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8 | p[2] << 16) | (uint32_t)p[3] << 24;
}

static bool find_header(const uint8_t *file, size_t size, size_t *at)
{
    for (size_t i = 0; i + 12 <= MIN(size, (size_t)SEARCH); i += 4) {
        uint32_t sum = get32(file + i) + get32(file + i + 4) + get32(file + i + 8);
        if (get32(file + i) == MAGIC && sum == 0) {
            *at = i;
            return true;
        }
    }
    return false;
}

bool boot_is_multiboot(GBytes *image)
{
    size_t n, at;
    const uint8_t *p = g_bytes_get_data(image, &n);
    return find_header(p, n, &at);
}

/* Loads by the header's address fields (3.1.3). */
static bool load_raw(Multiboot *m, ElfImage *out, GError **error)
{
    const uint8_t *h = m->file + m->header;
    if (m->header + 32 > m->size)
        goto bad;
    uint32_t header_addr = get32(h + 12), load = get32(h + 16), load_end = get32(h + 20);
    uint32_t bss_end = get32(h + 24), entry = get32(h + 28);
    if (header_addr < load || header_addr - load > m->header)
        goto bad;
    size_t offset = m->header - (header_addr - load);
    size_t n = load_end ? (load_end > load ? load_end - load : 0) : m->size - offset;
    uint64_t end = MAX((uint64_t)load + n, bss_end);
    if (!n || n > m->size - offset || end > boot_top(m->pc))
        goto bad;
    *out = (ElfImage){ .entry = entry, .low = load, .high = end, .memory = g_malloc0(end - load) };
    memcpy(out->memory, m->file + offset, n);
    return true;
bad:
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                "-kernel %s: the Multiboot header's addresses do not fit the file or the RAM",
                m->pc->config->kernel);
    return false;
}

static bool load_image(Multiboot *m, ElfImage *out, GError **error)
{
    uint32_t flags = get32(m->file + m->header + 4);
    if (flags & FLAG_VIDEO) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                    "-kernel %s: asks for a video mode (Multiboot flag 2), which is not supported",
                    m->pc->config->kernel);
        return false;
    }
    if (flags & FLAG_ADDRESSES)
        return load_raw(m, out, error);
    if (elf_is(m->file, m->size))
        return elf_load(out, m->file, m->size, boot_top(m->pc), m->pc->config->kernel, error);
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                "-kernel %s: a Multiboot image that is no ELF file and gives no addresses",
                m->pc->config->kernel);
    return false;
}

/* The address a string will have. */
static uint32_t add_string(Multiboot *m, const char *text)
{
    uint32_t at = BOOT_INFO + (uint32_t)(sizeof(m->info) + sizeof(m->modules)) + m->strings->len;
    g_byte_array_append(m->strings, (const guint8 *)text, (guint)strlen(text) + 1);
    return at;
}

static bool add_module(Multiboot *m, const char *text, GError **error)
{
    if (m->info.mods_count == MAX_MODULES) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "-initrd: more than %d modules", MAX_MODULES);
        return false;
    }
    g_autofree char *path = g_strndup(text, strcspn(text, " "));
    g_autofree char *data = NULL;
    gsize n;
    g_autoptr(GError) why = NULL;
    if (!g_file_get_contents(path, &data, &n, &why)) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "-initrd: module %s: %s", path, why->message);
        return false;
    }
    Module *mod = &m->modules[m->info.mods_count++];
    g_byte_array_set_size(m->contents, (m->contents->len + PAGE - 1) & ~(PAGE - 1u));
    mod->start = m->modules_at + m->contents->len;
    g_byte_array_append(m->contents, (const guint8 *)data, (guint)n);
    mod->end = m->modules_at + m->contents->len;
    mod->string = add_string(m, text);
    return true;
}

static bool add_modules(Multiboot *m, GError **error)
{
    g_auto(GStrv) list = g_strsplit(m->pc->config->initrd ? m->pc->config->initrd : "", ",", -1);
    for (char **p = list; *p; p++)
        if (**p && !add_module(m, *p, error))
            return false;
    if (m->modules_at + (uint64_t)m->contents->len > boot_top(m->pc)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "-initrd: the modules' %u bytes do not fit into RAM",
                    m->contents->len);
        return false;
    }
    return true;
}

static void fill_info(Multiboot *m)
{
    Info *i = &m->info;
    uint64_t upper = m->pc->ram_below_4g / KIB - 1024;
    g_autofree char *cmdline = g_strconcat(m->pc->config->kernel, m->pc->config->append ? " " : "",
                                           m->pc->config->append ? m->pc->config->append : "", NULL);
    i->flags = INFO_MEMORY | INFO_CMDLINE | INFO_MMAP | INFO_LOADER | (i->mods_count ? INFO_MODS : 0);
    i->mem_lower = 639;
    i->mem_upper = (uint32_t)upper;
    i->cmdline = add_string(m, cmdline);
    i->boot_loader_name = add_string(m, "Tenon");
    i->mods_addr = BOOT_INFO + (uint32_t)sizeof(m->info);
    i->mmap_addr = BOOT_MAP;
}

static bool write_script(Multiboot *m, BootScript *script, const ElfImage *image, GError **error)
{
    GByteArray *info = g_byte_array_new();
    g_byte_array_append(info, (const guint8 *)&m->info, sizeof(m->info));
    g_byte_array_append(info, (const guint8 *)m->modules, sizeof(m->modules));
    g_byte_array_append(info, m->strings->data, m->strings->len);
    bool fits = info->len <= BOOT_INFO_MAX;
    if (fits) {
        pc_fw_item(m->pc, KEY_INFO, info->data, info->len);
        pc_fw_item(m->pc, KEY_IMAGE, image->memory, image->high - image->low);
        boot_add_piece(script, (uint32_t)image->low, (uint32_t)(image->high - image->low), KEY_IMAGE);
        boot_add_piece(script, BOOT_INFO, info->len, KEY_INFO);
    } else {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "-append and -initrd: %u bytes of arguments, at most %d fit",
                    info->len, BOOT_INFO_MAX);
    }
    g_byte_array_unref(info);
    if (!fits)
        return false;
    if (m->contents->len) {
        pc_fw_item(m->pc, KEY_MODULES, m->contents->data, m->contents->len);
        boot_add_piece(script, m->modules_at, m->contents->len, KEY_MODULES);
    }
    script->mode = BOOT_PROTECTED;
    script->entry = (uint32_t)image->entry;
    script->eax = BOOT_MAGIC;
    script->ebx = BOOT_INFO;
    script->esp = STACK;
    script->map_kind = BOOT_MAP_MULTIBOOT;
    script->map_at = BOOT_MAP;
    script->map_count_at = BOOT_INFO + offsetof(Info, mmap_length);
    return true;
}

bool boot_multiboot(Pc *pc, BootScript *script, GBytes *bytes, GError **error)
{
    Multiboot m = { .pc = pc, .strings = g_byte_array_new(), .contents = g_byte_array_new() };
    ElfImage image = { 0 };
    m.file = g_bytes_get_data(bytes, &m.size);
    find_header(m.file, m.size, &m.header);
    bool ok = load_image(&m, &image, error);
    if (ok) {
        m.modules_at = (uint32_t)((image.high + PAGE - 1) & ~(uint64_t)(PAGE - 1));
        ok = add_modules(&m, error);
    }
    if (ok) {
        fill_info(&m);
        ok = write_script(&m, script, &image, error);
    }
    elf_clear(&image);
    g_byte_array_unref(m.strings);
    g_byte_array_unref(m.contents);
    return ok;
}
