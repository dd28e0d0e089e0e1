/* SPDX-License-Identifier: MIT */
/* From settings to a running machine. */
#ifndef TN_MACHINE_MACHINE_H
#define TN_MACHINE_MACHINE_H

#include "option/settings.h"

/* Makes everything that the settings ask for, up to the first reset. The settings must stay. */
bool tn_machine_build(TnSettings *settings, GError **error);
/* Takes all of it down again; also after a build that failed half-way. */
void tn_machine_destroy(void);
/* For a board without a machine (tenon-modcheck): tn_machine_config tells of so many bytes of RAM and
 * of one vCPU. */
void tn_machine_assume_config(uint64_t ram_size);

/* accel.c: the first accelerator of the list that can be used; the target's default without one. */
bool tn_accel_select(const GPtrArray *choices, const TnSettings *settings, GError **error);

/* chardevs.c: -chardev, -serial, -parallel, -debugcon and what stands in for them. */
bool tn_chardevs_make(TnSettings *settings, const TnMachineOps *ops, GError **error);

/* devices.c: one -device. */
bool tn_device_add(const TnKeyVals *options, GError **error);

#endif
