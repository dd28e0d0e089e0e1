/* SPDX-License-Identifier: MIT */
/* Why a module file would not load, told from the file alone. */
#ifndef TENON_CORE_USABLE_H
#define TENON_CORE_USABLE_H

#include "module/note.h"

/*
 * All that stands in a module's way in this program on this host, as clauses about the file as "it";
 * empty when nothing does. `note` is its note. Nothing of the module runs, and nothing is loaded.
 * char *, g_ptr_array_unref. [main]
 */
GPtrArray *tn_usable_problems(const char *path, const TnNote *note);

#endif
