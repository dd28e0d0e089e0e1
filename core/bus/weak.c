/* SPDX-License-Identifier: MIT */
/* Stands in for core/machine while it is not linked: no machine, no firmware files. */
#include "tenon/error.h"
#include "tenon/machine.h"

const TnMachineConfig * __attribute__((weak)) tn_machine_config(void)
{
    return NULL;
}

GBytes * __attribute__((weak)) tn_firmware_load(const char *name, GError **error)
{
    g_set_error(error, TN_ERROR, TN_ERROR_NOT_BUILT, "no firmware files in this build");
    return NULL;
}
