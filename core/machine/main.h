/* SPDX-License-Identifier: MIT */
/* The program `tenon`, as a function. */
#ifndef TN_MACHINE_MAIN_H
#define TN_MACHINE_MAIN_H

#include "tenon/macros.h"

/* Runs a command line to its end; returns the exit code. */
TN_API int tn_main(int argc, char **argv);

#endif
