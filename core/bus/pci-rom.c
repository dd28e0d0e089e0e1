/* SPDX-License-Identifier: MIT */
/* The expansion ROM of a PCI device, from the file that romfile= names. */
#include <string.h>

#include "bus/pci-internal.h"
#include "tenon/error.h"
#include "tenon/fwcfg.h"
#include "tenon/machine.h"

enum { ROM_LEAST = 2048, ROM_MOST = 16 << 20 };

static uint64_t rom_size(size_t bytes)
{
    uint64_t size = ROM_LEAST;
    while (size < bytes) {
        size *= 2;
    }
    return size;
}

static bool rom_add_bar(PciDevice *pci, GBytes *image, GError **error)
{
    size_t n;
    const void *bytes = g_bytes_get_data(image, &n);
    g_autofree char *name = g_strdup_printf("%s.rom", tn_object_type(pci->obj));
    uint64_t size = rom_size(n);
    TnRegion *region = tn_region_new_rom(pci->obj, name, size, error);
    if (!region) {
        return false;
    }
    memset(tn_region_ram(region), 0xff, tn_region_size(region));
    memcpy(tn_region_ram(region), bytes, n);
    tn_region_set_size(region, size);
    return tn_pci_add_bar(pci->obj, PCI_ROM_BAR, TN_PCI_BAR_MEM32, region, error);
}

bool tn_pci_rom_realize(PciDevice *pci, GError **error)
{
    if (!pci->romfile || !pci->romfile[0]) {
        return true;
    }
    g_autoptr(GBytes) image = tn_firmware_load(pci->romfile, error);
    if (!image) {
        g_prefix_error(error, "romfile=%s: ", pci->romfile);
        return false;
    }
    if (g_bytes_get_size(image) == 0 || g_bytes_get_size(image) > ROM_MOST) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "romfile=%s: a ROM has from 1 byte to 16 MiB", pci->romfile);
        return false;
    }
    if (!pci->rombar) {
        g_autofree char *name = g_path_get_basename(pci->romfile);
        return tn_add_option_rom(name, image, -1, error);
    }
    return rom_add_bar(pci, image, error);
}
