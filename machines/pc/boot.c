/* SPDX-License-Identifier: MIT */
/*
 * -kernel: recognises the image, lets its loader write the boot script, and registers the boot
 * option ROM that the firmware runs first.
 */
#include "boot.h"

#include <string.h>

extern const uint8_t pc_boot_rom[], pc_boot_rom_end[];

enum { ROM_PNP_POINTER = 0x1a, PNP_LENGTH = 5, PNP_CHECKSUM = 9, FIRMWARE_RESERVE = 1 << 20 };

uint32_t boot_top(const Pc *pc)
{
    return (uint32_t)(pc->ram_below_4g - MIN(pc->ram_below_4g / 2, (uint64_t)FIRMWARE_RESERVE));
}

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t total = 0;
    while (n--)
        total += *p++;
    return total;
}

/* The ROM with its two checksums (PnP header and whole image sum to zero). */
static GBytes *finished_rom(void)
{
    size_t n = (size_t)(pc_boot_rom_end - pc_boot_rom);
    uint8_t *rom = g_memdup2(pc_boot_rom, n);
    uint8_t *pnp = rom + (rom[ROM_PNP_POINTER] | rom[ROM_PNP_POINTER + 1] << 8);
    pnp[PNP_CHECKSUM] -= sum(pnp, pnp[PNP_LENGTH] * 16u);
    rom[n - 1] -= sum(rom, n);
    return g_bytes_new_take(rom, n);
}

static GBytes *load_file(const char *option, const char *path, GError **error)
{
    char *data;
    gsize n;
    GError *why = NULL;
    if (g_file_get_contents(path, &data, &n, &why))
        return g_bytes_new_take(data, n);
    g_set_error(error, TN_ERROR, TN_ERROR_IO, "-%s %s: %s", option, path, why->message);
    g_error_free(why);
    return NULL;
}

static bool load_image(Pc *pc, BootScript *script, GBytes *image, GBytes *initrd, GError **error)
{
    if (boot_is_linux(image))
        return boot_linux(pc, script, image, initrd, error);
    if (boot_is_multiboot(image))
        return boot_multiboot(pc, script, image, error);
    if (boot_is_pvh(image))
        return boot_pvh(pc, script, image, initrd, error);
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                "-kernel %s: not a Linux bzImage, a Multiboot image, nor an ELF file with a PVH entry note",
                pc->config->kernel);
    return false;
}

bool pc_load_kernel(Pc *pc, GError **error)
{
    const TnMachineConfig *c = pc->config;
    const char *orphan = c->initrd ? "initrd" : c->append ? "append" : NULL;
    if (!c->kernel && orphan) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "-%s is only allowed with -kernel", orphan);
        return false;
    }
    if (!c->kernel)
        return true;
    g_autoptr(GBytes) image = load_file("kernel", c->kernel, error);
    if (!image)
        return false;
    /* A Multiboot -initrd is a list of modules, read by its loader. */
    g_autoptr(GBytes) initrd = NULL;
    if (c->initrd && !(boot_is_multiboot(image) && !boot_is_linux(image)) &&
        !(initrd = load_file("initrd", c->initrd, error)))
        return false;
    BootScript script = { 0 };
    if (!load_image(pc, &script, image, initrd, error))
        return false;
    pc_fw_item(pc, BOOT_KEY, &script, sizeof(script));
    g_autoptr(GBytes) rom = finished_rom();
    return tn_add_option_rom("tenon-boot.rom", rom, 0, error);
}
