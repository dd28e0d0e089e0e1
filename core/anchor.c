/* SPDX-License-Identifier: MIT */
/* The core's version, for programs and modules that ask at run time. */
#include "tenon/module.h"

const char *tn_version(void)
{
    return TN_VERSION;
}
