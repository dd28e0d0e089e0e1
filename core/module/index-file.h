/* SPDX-License-Identifier: MIT */
/*
 * The index of a module directory as a file in it. It saves opening the modules when they are
 * listed, and is never needed: what it does not describe is read as without it. What is loaded is
 * never believed from it (loader.c). [main]
 */
#ifndef TENON_CORE_INDEX_FILE_H
#define TENON_CORE_INDEX_FILE_H

#include "module/index.h"
#include "module/note.h"

#define TN_INDEX_FILE "modules.index"

/* The index of an open directory. NULL without an error: it has none. */
TnIndex *tn_index_open(int directory, GError **error);

/*
 * The note of a file of the directory, if the index describes the file that is there now; else NULL.
 * The file is examined and not opened. `cursor` as for tn_index_find.
 */
TnNote *tn_index_note(const TnIndex *index, unsigned *cursor, int directory, const char *file);

/*
 * Writes the index of the directory `path` anew, in one step: others find the old or the new one.
 * Files that are no modules, links, and files that others can write or not everyone can read are
 * left out of it.
 */
bool tn_index_write(const char *path, GError **error);

/*
 * Whether the index of the directory `path` says what tn_index_write would write. Each difference
 * is added to `differences` as a text, char *. The error: the directory cannot be read.
 */
bool tn_index_compare(const char *path, GPtrArray *differences, GError **error);

#endif
