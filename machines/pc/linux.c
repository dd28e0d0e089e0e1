/* SPDX-License-Identifier: MIT */
/*
 * Linux on x86 by its boot protocol (Documentation/arch/x86/boot.rst), versions before 2.00 to
 * 2.15: setup code below 640 KiB, the kernel at 1 MiB (or 64 KiB for a zImage), the initial RAM
 * disk as high as the kernel allows.
 */
#include "boot.h"

#include <string.h>

enum {
    SETUP_SECTS = 0x1f1, VID_MODE = 0x1fa, HEADER_MAGIC = 0x202, VERSION = 0x206,
    TYPE_OF_LOADER = 0x210, LOADFLAGS = 0x211, RAMDISK_IMAGE = 0x218, RAMDISK_SIZE = 0x21c,
    HEAP_END_PTR = 0x224, CMD_LINE_PTR = 0x228, INITRD_ADDR_MAX = 0x22c, CMDLINE_SIZE = 0x238,
    OLD_CL_MAGIC = 0x20, OLD_CL_OFFSET = 0x22,
    LOADED_HIGH = 1u << 0, CAN_USE_HEAP = 1u << 7,
    LOADER_UNDEFINED = 0xff, OLD_CL_MAGIC_VALUE = 0xa33f,
    SECTOR = 512, HEADER_END = 0x268,
    SETUP_ADDRESS = 0x10000, CMDLINE_ADDRESS = 0x20000, KERNEL_HIGH = 0x100000, KERNEL_LOW = 0x10000,
    OLD_SETUP_ADDRESS = 0x90000, OLD_CMDLINE_ADDRESS = 0x9a000, OLD_CMDLINE_MAX = 255,
    HEAP_END = 0xfe00, DEFAULT_INITRD_MAX = 0x37ffffff,
    VGA_NORMAL = 0xffff, VGA_EXTENDED = 0xfffe, VGA_ASK = 0xfffd,
    PAGE = 4096,
};

#define LINUX_MAGIC 0x53726448u /* "HdrS" */

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8 | p[2] << 16) | (uint32_t)p[3] << 24;
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

bool boot_is_linux(GBytes *image)
{
    size_t n;
    const uint8_t *p = g_bytes_get_data(image, &n);
    return n > HEADER_END && p[0x1fe] == 0x55 && p[0x1ff] == 0xaa && get32(p + HEADER_MAGIC) == LINUX_MAGIC;
}

typedef struct Linux {
    const uint8_t *image;
    size_t size, setup_size;
    uint16_t version;
    uint8_t *setup;       /* the patched copy, owned */
    uint32_t setup_at, cmdline_at, kernel_at;
    bool high;
} Linux;

/* "vga=" of the command line goes into the header (boot.rst, "Special command line options"). */
static bool set_video_mode(Linux *l, const char *cmdline, GError **error)
{
    const char *vga = strstr(cmdline, "vga=");
    if (!vga)
        return true;
    vga += 4;
    uint16_t mode;
    if (g_str_has_prefix(vga, "normal")) {
        mode = VGA_NORMAL;
    } else if (g_str_has_prefix(vga, "ext")) {
        mode = VGA_EXTENDED;
    } else if (g_str_has_prefix(vga, "ask")) {
        mode = VGA_ASK;
    } else {
        char *end;
        guint64 value = g_ascii_strtoull(vga, &end, 0);
        if (end == vga || value > 0xffff) {
            g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                        "-append: 'vga=%.16s' is not normal, ext, ask or a mode number up to 0xffff", vga);
            return false;
        }
        mode = (uint16_t)value;
    }
    put16(l->setup + VID_MODE, mode);
    return true;
}

static bool place_cmdline(Linux *l, BootScript *script, Pc *pc, GError **error)
{
    const char *cmdline = pc->config->append ? pc->config->append : "";
    size_t n = strlen(cmdline);
    size_t max = l->version >= 0x0206 ? get32(l->image + CMDLINE_SIZE) : OLD_CMDLINE_MAX;
    if (n > max) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-append: %zu characters, this kernel takes at most %zu", n, max);
        return false;
    }
    if (l->version >= 0x0202) {
        put32(l->setup + CMD_LINE_PTR, l->cmdline_at);
    } else {
        put16(l->setup + OLD_CL_MAGIC, OLD_CL_MAGIC_VALUE);
        put16(l->setup + OLD_CL_OFFSET, (uint16_t)(l->cmdline_at - l->setup_at));
    }
    pc_fw_item(pc, TN_FW_CFG_CMDLINE_DATA, cmdline, n + 1);
    boot_add_piece(script, l->cmdline_at, (uint32_t)n + 1, TN_FW_CFG_CMDLINE_DATA);
    return set_video_mode(l, cmdline, error);
}

static bool place_initrd(Linux *l, BootScript *script, Pc *pc, GBytes *initrd, GError **error)
{
    if (!initrd)
        return true;
    size_t n = g_bytes_get_size(initrd);
    if (l->version < 0x0200) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-kernel %s: too old for an initial RAM disk (boot protocol before 2.00)",
                    pc->config->kernel);
        return false;
    }
    uint32_t max = l->version >= 0x0203 ? get32(l->image + INITRD_ADDR_MAX) : DEFAULT_INITRD_MAX;
    max = MIN(max, boot_top(pc) - 1);
    uint32_t kernel_end = l->kernel_at + (uint32_t)(l->size - l->setup_size);
    if (n > max || ((max - n) & ~(size_t)(PAGE - 1)) < kernel_end) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-initrd %s: %zu bytes do not fit below 0x%x above the kernel: give more memory with -m",
                    pc->config->initrd, n, max);
        return false;
    }
    uint32_t at = (uint32_t)((max - n) & ~(size_t)(PAGE - 1));
    put32(l->setup + RAMDISK_IMAGE, at);
    put32(l->setup + RAMDISK_SIZE, (uint32_t)n);
    pc_fw_bytes(pc, TN_FW_CFG_INITRD_DATA, initrd);
    boot_add_piece(script, at, (uint32_t)n, TN_FW_CFG_INITRD_DATA);
    return true;
}

static bool open_image(Linux *l, GBytes *image, const char *name, GError **error)
{
    l->image = g_bytes_get_data(image, &l->size);
    l->version = get16(l->image + VERSION);
    unsigned sectors = l->image[SETUP_SECTS] ? l->image[SETUP_SECTS] : 4;
    l->setup_size = (sectors + 1) * SECTOR;
    if (l->setup_size >= l->size || l->setup_size > 0x8000 * 2) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-kernel %s: broken: setup of %zu bytes in a file of %zu", name, l->setup_size, l->size);
        return false;
    }
    l->high = l->version >= 0x0200 && l->image[LOADFLAGS] & LOADED_HIGH;
    bool modern = l->version >= 0x0202;
    l->setup_at = modern && l->high ? SETUP_ADDRESS : OLD_SETUP_ADDRESS;
    l->cmdline_at = modern && l->high ? CMDLINE_ADDRESS : OLD_CMDLINE_ADDRESS;
    l->kernel_at = l->high ? KERNEL_HIGH : KERNEL_LOW;
    l->setup = g_memdup2(l->image, l->setup_size);
    return true;
}

static void patch_header(Linux *l)
{
    if (l->version < 0x0200)
        return;
    l->setup[TYPE_OF_LOADER] = LOADER_UNDEFINED;
    if (l->version >= 0x0201) {
        l->setup[LOADFLAGS] |= CAN_USE_HEAP;
        put16(l->setup + HEAP_END_PTR, (uint16_t)MIN(l->cmdline_at - l->setup_at - 0x200, HEAP_END));
    }
}

bool boot_linux(Pc *pc, BootScript *script, GBytes *image, GBytes *initrd, GError **error)
{
    Linux l = { 0 };
    if (!open_image(&l, image, pc->config->kernel, error))
        return false;
    size_t kernel_size = l.size - l.setup_size;
    if (l.kernel_at + (uint64_t)kernel_size > boot_top(pc)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-kernel %s: %zu bytes do not fit into %" G_GUINT64_FORMAT " MiB of RAM: give more with -m",
                    pc->config->kernel, kernel_size, pc->config->ram_size >> 20);
        g_free(l.setup);
        return false;
    }
    bool ok = place_cmdline(&l, script, pc, error) && place_initrd(&l, script, pc, initrd, error);
    if (ok) {
        patch_header(&l);
        pc_fw_item(pc, TN_FW_CFG_SETUP_DATA, l.setup, l.setup_size);
        g_autoptr(GBytes) kernel = g_bytes_new_from_bytes(image, l.setup_size, kernel_size);
        pc_fw_bytes(pc, TN_FW_CFG_KERNEL_DATA, kernel);
        boot_add_piece(script, l.setup_at, (uint32_t)l.setup_size, TN_FW_CFG_SETUP_DATA);
        boot_add_piece(script, l.kernel_at, (uint32_t)kernel_size, TN_FW_CFG_KERNEL_DATA);
        script->mode = BOOT_REAL_MODE;
        script->entry = l.setup_at >> 4;
        script->esp = MIN(l.cmdline_at - l.setup_at, 0xfff0u) - 16;
    }
    g_free(l.setup);
    return ok;
}
