/* SPDX-License-Identifier: MIT */
/* Looks into the module directories; see registry.h. */
#ifndef TENON_CORE_SCAN_H
#define TENON_CORE_SCAN_H

#include "module/registry.h"

/*
 * Adds a TnModuleEntry for each file of the directories, a GError for each refused directory, and a
 * TnModuleIndex for each index.
 */
void tn_module_scan(const char *const *directories, GPtrArray *modules, GPtrArray *refused,
                    GPtrArray *indexes);

/* The names of the module files in an open directory, ascending: char *, owned by the array. */
GPtrArray *tn_module_files(int directory);

/* Whether this program can use a module with such a note: ABI, tier, host. The error speaks of it as
 * "it". */
bool tn_module_check_note(const TnNote *note, GError **error);

#endif
