/* SPDX-License-Identifier: MIT */
/* ELF images that are loaded by program header (System V ABI, chapter 5), 32 and 64 bits. */
#ifndef TENON_MACHINES_PC_ELF_H
#define TENON_MACHINES_PC_ELF_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What lies where in memory, as one run of bytes. */
typedef struct ElfImage {
    uint64_t entry;
    uint64_t low, high;  /* physical addresses covered: [low, high) */
    uint8_t *memory;     /* high - low bytes, owned */
} ElfImage;

bool elf_is(const uint8_t *file, size_t size);

/* Lays out the PT_LOAD segments. Fails (naming `name`) on anything that does not fit the file or
 * [0, limit). */
bool elf_load(ElfImage *image, const uint8_t *file, size_t size, uint64_t limit, const char *name,
              GError **error);
void elf_clear(ElfImage *image);

/* The descriptor of a note in a PT_NOTE segment, and its size; NULL when there is none. */
const uint8_t *elf_note(const uint8_t *file, size_t size, const char *owner, uint32_t type,
                        uint32_t *desc_size);

#endif
