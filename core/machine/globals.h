/* SPDX-License-Identifier: MIT */
/* -global: properties that every new object of a type gets. */
#ifndef TN_MACHINE_GLOBALS_H
#define TN_MACHINE_GLOBALS_H

#include "option/settings.h"

/* From now on the list (of TnGlobal, borrowed) is applied to each new object. */
void tn_globals_install(const GPtrArray *globals);
/* Warns of those that met no object. */
void tn_globals_warn_unused(void);

#endif
