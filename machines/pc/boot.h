/* SPDX-License-Identifier: MIT */
/* The boot script: what the boot option ROM (bootrom.S) does. */
#ifndef TENON_MACHINES_PC_BOOT_H
#define TENON_MACHINES_PC_BOOT_H

#include "pc.h"

enum {
    BOOT_KEY = 0x8010,
    BOOT_REAL_MODE = 0, BOOT_PROTECTED = 1,
    BOOT_MAP_NONE = 0, BOOT_MAP_MULTIBOOT = 1, BOOT_MAP_PVH = 2,
    BOOT_MAX_PIECES = 13,
    BOOT_SCRATCH = 0x8000, BOOT_SCRATCH_END = 0xa000, /* the ROM's own memory */
};

/* Copied into guest memory before the entry. Little-endian, as the ROM reads it. */
typedef struct BootPiece {
    uint32_t destination, size, key, offset;
} BootPiece;

typedef struct BootScript {
    uint32_t mode, entry, eax, ebx, esp;
    uint32_t map_kind, map_at, map_count_at, rsdp_at;
    uint32_t n_pieces;
    BootPiece pieces[BOOT_MAX_PIECES];
} BootScript;

_Static_assert(sizeof(BootScript) <= 256, "bootrom.S reads 256 bytes");

static inline void boot_add_piece(BootScript *script, uint32_t destination, uint32_t size, uint32_t key)
{
    script->pieces[script->n_pieces++] = (BootPiece){ destination, size, key, 0 };
}

/* The highest address below which a boot file may lie: firmware keeps tables at the top of RAM. */
uint32_t boot_top(const Pc *pc);

/* Loaders: fill the script and add their fw_cfg items. `image` is the whole -kernel file. Each
 * returns false with an error. */
bool boot_linux(Pc *pc, BootScript *script, GBytes *image, GBytes *initrd, GError **error);
bool boot_multiboot(Pc *pc, BootScript *script, GBytes *image, GError **error);
bool boot_pvh(Pc *pc, BootScript *script, GBytes *image, GBytes *initrd, GError **error);
bool boot_is_linux(GBytes *image);
bool boot_is_multiboot(GBytes *image);
bool boot_is_pvh(GBytes *image);

#endif
