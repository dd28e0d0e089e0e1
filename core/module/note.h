/* SPDX-License-Identifier: MIT */
/*
 * Reads the note of a module from its file, running none of its code. Nothing in the file is
 * trusted: every offset and length is checked against the file's size.
 */
#ifndef TENON_CORE_NOTE_H
#define TENON_CORE_NOTE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "module/elf.h"

enum { TN_NOTE_FORMAT = 1 }; /* of the text, in its first line */

typedef enum TnProvideFlags {
    TN_PROVIDE_USER = 1u << 0, /* the user may create it */
} TnProvideFlags;

/* One line `provides=`. Texts are borrowed from the note. */
typedef struct TnProvide {
    char *kind, *name, *bus, *category, *description;
    uint32_t flags;
    GPtrArray *aliases; /* char *, borrowed */
} TnProvide;

typedef struct TnNote {
    char *text;      /* owned: the whole note, as the descriptor must repeat it */
    size_t text_size; /* with padding, as in the file */
    char *lines;     /* owned: the text, cut into lines and fields, which the others point to */
    char *name, *version, *licence, *vendor, *internal_hash; /* borrowed, NULL when absent */
    TnElfHost host;   /* of the ELF header */
    const char *arch; /* static: the host's name, "x86_64" */
    bool foreign;    /* built for another kind of host */
    unsigned abi_major, abi_minor;
    bool internal;   /* tier=internal */
    GPtrArray *requires; /* char *, borrowed */
    char **guests;   /* owned, NULL: all */
    GPtrArray *provides; /* TnProvide */
} TnNote;

/* Reads and checks an open file. NULL with an error that says what is wrong with the file. */
TnNote *tn_note_read(int fd, GError **error);
/* The same when the file's size in bytes is known. */
TnNote *tn_note_read_sized(int fd, uint64_t size, GError **error);
/* Parses the text of a note. `size` bytes, which need not end with a NUL. */
TnNote *tn_note_parse(const char *text, size_t size, GError **error);
/* The same of the note of a file for `host`. */
TnNote *tn_note_parse_for(const TnElfHost *host, const char *text, size_t size, GError **error);
void tn_note_free(TnNote *note);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TnNote, tn_note_free)

#endif
