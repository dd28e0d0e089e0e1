/* SPDX-License-Identifier: MIT */
/* What to tell of a name that no module provides. [main] */
#ifndef TENON_CORE_MISSING_H
#define TENON_CORE_MISSING_H

#include "module/problem.h"

/* Asks the catalogue, else looks for names that are near. Owned by the caller. */
TnProblem *tn_missing_problem(const char *kind, const char *name);

#endif
