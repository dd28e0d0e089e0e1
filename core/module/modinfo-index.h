/* SPDX-License-Identifier: MIT */
/* What tenon-modinfo does with indexes of module directories (index-file.h). */
#ifndef TN_MODULE_MODINFO_INDEX_H
#define TN_MODULE_MODINFO_INDEX_H

#include <stdbool.h>

/* Writes the indexes of directories. False: one was not written, and standard error says why. */
bool tn_modinfo_write_indexes(char **directories);

/*
 * Prints where indexes differ from the files, one difference a line, and sets `stale` if there is
 * one. False: a directory could not be read, and standard error says why.
 */
bool tn_modinfo_check_indexes(char **directories, bool *stale);

#endif
