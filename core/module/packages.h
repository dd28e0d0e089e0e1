/* SPDX-License-Identifier: MIT */
/* Files that say which package has what: the format of `catalog.d/NAME.json`, docs/modules.md. */
#ifndef TENON_CORE_PACKAGES_H
#define TENON_CORE_PACKAGES_H

#include "module/note.h"

/* One item of a file's list "provides". */
typedef struct TnPackaged {
    char *kind, *name; /* owned */
    char *module;      /* owned; NULL when the file does not say */
    char **packages;   /* owned; at least one */
    char *install;     /* owned: a command that installs packages; NULL when the file has none */
} TnPackaged;

/* Appends the items (TnPackaged, to be freed with tn_packaged_free), all of them or none. */
bool tn_packages_parse(const char *text, size_t size, GPtrArray *items, GError **error);
void tn_packaged_free(gpointer item);

/* "install the package 'x' with 'apt install x'". g_free. */
char *tn_packaged_hint(const TnPackaged *item);

/* Writes the items of a module's note for such a file; with a comma before them if not `first`. */
void tn_packages_append(GString *out, const TnNote *note, const char *package, bool first);

#endif
