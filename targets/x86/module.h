/* SPDX-License-Identifier: MIT */
/* Tables that make up the target's descriptor. */
#ifndef TENON_X86_MODULE_H
#define TENON_X86_MODULE_H

#include "helpers.h"
#include "x86.h"

extern const TnHelperInfo x86_helpers[X86_N_HELPERS];

#endif
