/* SPDX-License-Identifier: MIT */
/* The program `tenon-modcheck`, as a function. */
#ifndef TN_MODCHECK_MODCHECK_H
#define TN_MODCHECK_MODCHECK_H

#include "tenon/macros.h"

TN_API int tn_modcheck_main(int argc, char **argv);

#endif
