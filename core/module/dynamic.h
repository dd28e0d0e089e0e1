/* SPDX-License-Identifier: MIT */
/*
 * What a shared object asks of the dynamic linker and gives to it, read from the file: libraries, and
 * symbols with their versions. For files of any class and byte order; nothing in them is trusted.
 */
#ifndef TENON_CORE_DYNAMIC_H
#define TENON_CORE_DYNAMIC_H

#include <glib.h>
#include <stdbool.h>

typedef struct TnDynamicSymbol {
    char *name, *version; /* owned; version is NULL for a symbol that has none */
    bool weak;            /* may be absent */
} TnDynamicSymbol;

typedef struct TnDynamic {
    GPtrArray *needed;    /* char *: names of libraries */
    GPtrArray *exported;  /* char *: names that others can use */
    GPtrArray *undefined; /* TnDynamicSymbol: what others must have */
    char *run_path;       /* owned: DT_RUNPATH or DT_RPATH, NULL for none */
} TnDynamic;

/* Reads an open file; NULL with an error when it has no such tables or they are corrupt. */
TnDynamic *tn_dynamic_read(int fd, GError **error);
void tn_dynamic_free(TnDynamic *dynamic);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TnDynamic, tn_dynamic_free)

/*
 * The file that this host's dynamic linker would take for a needed library, looked for without
 * loading it; NULL when there is none. `origin` is the directory of the file that needs it. g_free.
 */
char *tn_dynamic_find_library(const TnDynamic *dynamic, const char *name, const char *origin);

/* True when this program's core has the symbol (with that version, where it has one). */
bool tn_dynamic_core_has(const TnDynamicSymbol *symbol);

#endif
