/* SPDX-License-Identifier: MIT */
/*
 * What Tenon knows of that is not here: names of parts that this build leaves out, and of modules
 * that were built but are not installed.
 */
#ifndef TENON_CORE_CATALOGUE_H
#define TENON_CORE_CATALOGUE_H

#include <glib.h>

#include "tenon/error.h"

/*
 * For a name that no module provides: TN_ERROR_NOT_BUILT or TN_ERROR_NOT_INSTALLED with a message,
 * or TN_ERROR_UNKNOWN and nothing appended. `noun` is the kind as the message calls it.
 */
TnError tn_catalogue_missing(const char *kind, const char *noun, const char *name,
                             GString *message);

#endif
