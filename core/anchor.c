/* SPDX-License-Identifier: MIT */
/* The core's version, for programs and modules that ask at run time. */
#include "tenon/module.h"

TN_API extern const char tn_version[];
const char tn_version[] = "0.1.0";
