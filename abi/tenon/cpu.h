/* SPDX-License-Identifier: MIT */
/*
 * vCPUs as devices see them, stable tier: an opaque handle with interrupt lines.
 */
#ifndef TENON_CPU_H
#define TENON_CPU_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tenon/macros.h"
#include "tenon/object.h"

TN_BEGIN_DECLS

typedef struct TnCpu TnCpu;

/* The type name of a vCPU; its object is a device below the machine's "cpus". */
#define TN_TYPE_CPU "cpu"

/*
 * Requests to a vCPU. HARD is a level (set and cleared by the interrupt controller); the others are
 * edges that the vCPU clears when it takes them. The meaning of a request that a target does not
 * have is nothing.
 */
typedef enum TnCpuRequest {
    TN_CPU_REQUEST_HARD = 1u << 0, /* maskable interrupt pending (x86 INTR, Arm IRQ) */
    TN_CPU_REQUEST_NMI = 1u << 1,
    TN_CPU_REQUEST_SMI = 1u << 2,
    TN_CPU_REQUEST_INIT = 1u << 3,
    TN_CPU_REQUEST_SIPI = 1u << 4, /* the vector was set by tn_cpu_set_sipi_vector */
    TN_CPU_REQUEST_POLL = 1u << 5, /* ask the interrupt controller again (x86 APIC) */
    TN_CPU_REQUEST_FAST = 1u << 6, /* Arm FIQ */
    TN_CPU_REQUEST_MCE = 1u << 7,
} TnCpuRequest;

/* Sets request bits and kicks the vCPU out of translated code or sleep. [any] */
TN_API void tn_cpu_request(TnCpu *cpu, uint32_t requests);

/* Clears request bits. [any] */
TN_API void tn_cpu_unrequest(TnCpu *cpu, uint32_t requests);

/* The request bits that are set. [any] */
TN_API uint32_t tn_cpu_requests(TnCpu *cpu);

/* Stores the vector (0..255) that a following TN_CPU_REQUEST_SIPI starts at. [any] */
TN_API void tn_cpu_set_sipi_vector(TnCpu *cpu, uint8_t vector);

/* The number of vCPUs that exist, and the one at an index below it (borrowed), or NULL. [any] */
TN_API unsigned tn_cpu_count(void);
TN_API TnCpu *tn_cpu_at(unsigned index);

/* The vCPU whose thread this is, or NULL on other threads. [any] */
TN_API TnCpu *tn_cpu_current(void);

/* The vCPU's number: 0 .. tn_cpu_count() - 1. [any] */
TN_API unsigned tn_cpu_index(const TnCpu *cpu);

/* The vCPU's object, borrowed; and back (NULL when the object is no vCPU). [any] */
TN_API TnObject *tn_cpu_object(TnCpu *cpu);
TN_API TnCpu *tn_cpu_from_object(TnObject *object);

/*
 * A level-triggered wire into the vCPU: INTR for line 0, NMI for line 1, SMI for line 2, INIT for
 * line 3 (an edge for 1..3), A20 mask for line 4 (level 1: address line 20 passes), IGNNE# for line
 * 5. Borrowed; NULL for an unknown line. The vCPU's FERR# is its output "ferr" (irq.h). [main]
 */
struct TnIrq;
TN_API struct TnIrq *tn_cpu_irq(TnCpu *cpu, unsigned line);

/*
 * Runs fn(cpu, data) on the vCPU's own thread with no vCPU code running on it. _sync waits, giving
 * up the device lock meanwhile; a vCPU's thread may call it for that vCPU only. [any]
 */
typedef void (*TnCpuWorkFn)(TnCpu *cpu, void *data);
TN_API void tn_cpu_run_async(TnCpu *cpu, TnCpuWorkFn fn, void *data);
TN_API void tn_cpu_run_sync(TnCpu *cpu, TnCpuWorkFn fn, void *data);

TN_END_DECLS

#endif
