/* SPDX-License-Identifier: MIT */
/* What the machine's RAM is made of: -m, -machine memory-backend=, -numa. */
#ifndef TN_MACHINE_MEMORY_H
#define TN_MACHINE_MEMORY_H

#include "option/settings.h"
#include "tenon/machine.h"

/*
 * Settles the size of RAM (`ram_size`: that of -m, or 0), its back ends and the NUMA nodes. Fills
 * those members of `config`, whose topology is known already; what they point to lives until
 * tn_machine_memory_clear.
 */
bool tn_machine_memory_plan(const TnSettings *settings, TnObject *machine, const char *name,
                            const TnMachineOps *ops, TnMachineConfig *config, GError **error);
void tn_machine_memory_clear(void);

#endif
