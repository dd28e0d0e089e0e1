/* SPDX-License-Identifier: MIT */
/* What runs: the target, the accelerator and the machine that the command line chose. */
#ifndef TN_MACHINE_RUNNING_H
#define TN_MACHINE_RUNNING_H

#include "tenon/internal/accel.h"
#include "tenon/machine.h"

/* The running target, NULL before it is chosen. [any] */
const TnTargetInfo *tn_running_target(void);
/* Finds the target's module and makes it the running one; once. [main] */
bool tn_target_select(const char *name, GError **error);

/* The accelerator in use (an object with TN_IFACE_ACCEL), NULL before it is chosen. Borrowed. */
TnObject *tn_running_accel(void);

#endif
