/* SPDX-License-Identifier: MIT */
/*
 * What Tenon knows of that is not here: the modules of its source tree, whether this build has them
 * or not; names that it has no module for yet; and which package has what, from the files
 * `catalog.d/NAME.json` of the module directories and of the data directory (docs/modules.md). The
 * files are read at the first question, and a bad one is passed over. [main]
 */
#ifndef TENON_CORE_CATALOGUE_H
#define TENON_CORE_CATALOGUE_H

#include <glib.h>

#include "module/note.h"
#include "module/problem.h"

/*
 * For a name that no module provides: a problem of code NOT_BUILT or NOT_INSTALLED, owned by the
 * caller; NULL when the catalogue does not know it.
 */
TnProblem *tn_catalogue_problem(const char *kind, const char *name);
/* How to get a module that is not there: "install the package 'x'". NULL: not known. g_free. */
char *tn_catalogue_module_hint(const char *module);

typedef struct TnCatalogueFile {
    char *path;    /* owned */
    GError *error; /* owned: why it was passed over; NULL when it is used */
} TnCatalogueFile;

/* The files and folders that were looked into. TnCatalogueFile, borrowed. */
const GPtrArray *tn_catalogue_files(void);

#endif
