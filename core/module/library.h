/* SPDX-License-Identifier: MIT */
/* Gives a module's file to the dynamic linker: the very file that was checked. */
#ifndef TENON_CORE_LIBRARY_H
#define TENON_CORE_LIBRARY_H

#include <glib.h>
#include <stdbool.h>

#include "module/note.h"

/*
 * Whether the file at `path` has the note that was listed, and may be believed. The error speaks of
 * the file as "it". For notes that were taken from an index.
 */
bool tn_library_confirm(const char *path, const TnNote *listed, GError **error);

/*
 * Opens and checks the file at `path` again, compares its note with the one that was listed, and
 * loads it. The handle of dlopen, or NULL with an error that speaks of the file as "it"; up to
 * dlopen none of its code runs.
 */
void *tn_library_open(const char *path, const TnNote *listed, GError **error);

#endif
