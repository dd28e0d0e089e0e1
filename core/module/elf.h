/* SPDX-License-Identifier: MIT */
/* Finds the Tenon note in an ELF file of either class and byte order. */
#ifndef TENON_CORE_ELF_H
#define TENON_CORE_ELF_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct TnElfNote {
    char *text;       /* owned */
    size_t size;      /* bytes of text */
    const char *arch; /* static: the file's machine */
    bool foreign;     /* class, byte order or machine are not this program's */
} TnElfNote;

/*
 * Reads the headers and notes of an open file of `size` bytes. Fails when it is not an ELF shared
 * object, is cut short, or has no note of ours.
 */
bool tn_elf_read_note(int fd, uint64_t size, TnElfNote *note, GError **error);

#endif
