/* SPDX-License-Identifier: MIT */
/* Finds the Tenon note in an ELF file of either class and byte order. */
#ifndef TENON_CORE_ELF_H
#define TENON_CORE_ELF_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What kind of host a file is for, as its ELF header says it. */
typedef struct TnElfHost {
    uint8_t class, data; /* e_ident[EI_CLASS], e_ident[EI_DATA] */
    uint16_t machine;    /* e_machine */
} TnElfHost;

typedef struct TnElfNote {
    char *text;  /* owned */
    size_t size; /* bytes of text */
    TnElfHost host;
} TnElfNote;

/* The machine's name: "x86_64". Static. */
const char *tn_elf_host_name(const TnElfHost *host);
/* Class, byte order or machine are not this program's. */
bool tn_elf_host_is_foreign(const TnElfHost *host);

/*
 * Reads the headers and notes of an open file of `size` bytes. Fails when it is not an ELF shared
 * object, is cut short, or has no note of ours.
 */
bool tn_elf_read_note(int fd, uint64_t size, TnElfNote *note, GError **error);

#endif
