/* SPDX-License-Identifier: MIT */
/* The debugger's hold on vCPUs. */
#ifndef TN_CPU_DEBUG_H
#define TN_CPU_DEBUG_H

#include "tenon/internal/target.h"

/* Every resume of the vCPU executes one instruction and stops again. [stopped] */
void tn_cpu_set_single_step(TnCpu *cpu, bool on);

/* The vCPU that a breakpoint or step stopped last, NULL after the machine went on. [main] */
TnCpu *tn_cpu_debug_stopped(void);

/* Stops the vCPU and asks the main loop to stop the machine with TN_RUN_DEBUG. [vcpu] */
void tn_cpu_debug_stop(TnCpu *cpu);

/* The machine goes on: the breakpoint at the present pc is passed once. [main] */
void tn_cpu_debug_resume(void);

#endif
