/* SPDX-License-Identifier: MIT */
/* Prototypes of the chapters' helpers, made from their .def. */
#ifndef TENON_X86_INSN_HELPERS_H
#define TENON_X86_INSN_HELPERS_H

#include "x86.h"

void x86_helper_check_fetch(TnCpu *cpu, uint32_t offset);

#endif
