/* SPDX-License-Identifier: MIT */
/*
 * Accelerators, internal tier: what runs vCPUs. "tcg" (the translator) and "qtest" (nothing runs)
 * are the first. A type named NAME "-accel" with the interface TN_IFACE_ACCEL; -accel properties are
 * its properties.
 */
#ifndef TENON_INTERNAL_ACCEL_H
#define TENON_INTERNAL_ACCEL_H

#include "tenon/internal/target.h"

TN_BEGIN_DECLS

#define TN_TYPE_ACCEL "accel"
#define TN_IFACE_ACCEL "accel"

typedef struct TnAccelOps {
    uint32_t size;
    uint32_t flags;
    /* Fails when the host cannot (then the next of -accel's list is tried). */
    bool (*init)(TnObject *accel, void *state, GError **error);
    /* Makes and ends what runs a vCPU (its thread). [main] */
    bool (*cpu_start)(TnObject *accel, void *state, TnCpu *cpu, GError **error);
    void (*cpu_stop)(TnObject *accel, void *state, TnCpu *cpu);
    /* Makes the vCPU leave translated code or sleep soon. [any] */
    void (*kick)(TnObject *accel, void *state, TnCpu *cpu);
    bool runs_cpus; /* false: vCPUs exist but never execute (qtest) */
} TnAccelOps;

TN_END_DECLS

#endif
