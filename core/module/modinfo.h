/* SPDX-License-Identifier: MIT */
/* The program `tenon-modinfo`, as a function. */
#ifndef TN_MODULE_MODINFO_H
#define TN_MODULE_MODINFO_H

#include "tenon/macros.h"

TN_API int tn_modinfo_main(int argc, char **argv);

#endif
