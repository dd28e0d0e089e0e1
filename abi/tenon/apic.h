/* SPDX-License-Identifier: MIT */
/*
 * Between x86 vCPUs and their interrupt controllers: the local APIC's interface as a vCPU uses it
 * (Intel SDM vol. 3A, chapter 11), the 8259's acknowledge cycle, and the interrupt message bus.
 */
#ifndef TENON_APIC_H
#define TENON_APIC_H

#include "tenon/cpu.h"
#include "tenon/memory.h"
#include "tenon/object.h"

TN_BEGIN_DECLS

#define TN_IFACE_APIC "apic"

/* One local APIC belongs to one vCPU (property "cpu", a link). Calls come from that vCPU's thread
 * with the device lock held unless said otherwise. */
typedef struct TnApicOps {
    uint32_t size;
    uint32_t flags;
    /* The vector to deliver now, acknowledged (IRR to ISR), or -1. Falls back to the 8259 when
     * LINT0 accepts ExtINT or the APIC is disabled. */
    int (*acknowledge)(TnObject *apic);
    /* True when acknowledge would give a vector. [any] */
    bool (*pending)(TnObject *apic);
    /* CR8 / TPR[7:4]; MOV CR8. get_tpr needs no lock. */
    void (*set_tpr)(TnObject *apic, uint8_t cr8);
    uint8_t (*get_tpr)(TnObject *apic);
    /* IA32_APIC_BASE. set returns false for an illegal value (#GP). */
    uint64_t (*get_base)(TnObject *apic);
    bool (*set_base)(TnObject *apic, uint64_t value);
    /* x2APIC MSRs 0x800..0x8ff; false: #GP. Also IA32_TSC_DEADLINE through the two below. */
    bool (*read_msr)(TnObject *apic, uint32_t index, uint64_t *value);
    bool (*write_msr)(TnObject *apic, uint32_t index, uint64_t value);
    uint64_t (*get_tsc_deadline)(TnObject *apic);
    /* Deadline in ticks of the guest's TSC; when_ns is the virtual time it means; 0 disarms. */
    void (*set_tsc_deadline)(TnObject *apic, uint64_t deadline, int64_t when_ns);
    /* INIT: all but the APIC ID and base. */
    void (*init_reset)(TnObject *apic);
    uint32_t (*id)(TnObject *apic); /* [any] */
    bool (*is_bsp)(TnObject *apic);
} TnApicOps;

/* The APIC of a vCPU (borrowed), NULL for none. [any] */
TN_API TnObject *tn_cpu_apic(TnCpu *cpu);
/* The board gives a vCPU its APIC (has TN_IFACE_APIC), before the machine runs; NULL takes it back.
 * [main] */
TN_API void tn_cpu_set_apic(TnCpu *cpu, TnObject *apic);

/* The 8259 pair as the machine's interrupt acknowledge: returns a vector 0..255; used by vCPUs
 * without APIC and by ExtINT. [any +lock] */
typedef int (*TnPicAckFn)(void *opaque);
/* The 8259 pair gives its function, NULL takes it back. [main +lock] */
TN_API void tn_set_pic_acknowledge(TnPicAckFn fn, void *opaque);
/* Runs it: the vector, -1 when no 8259 is there. [any +lock] */
TN_API int tn_pic_acknowledge(void);

/* Interrupt messages (MSI writes to 0xfeexxxxx, IOAPIC): the local APICs register a sink that
 * routes by destination. [any +lock] */
typedef void (*TnMsiSinkFn)(void *opaque, uint64_t address, uint32_t data);
TN_API void tn_set_msi_sink(TnMsiSinkFn fn, void *opaque);
/* Sends a message to the sink; without one it is lost. [any +lock] */
TN_API void tn_msi_send(uint64_t address, uint32_t data);

/* Whether a vector that such a message carries still waits for a processor: another edge of it
 * would be lost. The local APICs register the answer. [any +lock] */
typedef bool (*TnMsiWaitingFn)(void *opaque, uint64_t address, uint32_t data);
TN_API void tn_set_msi_waiting(TnMsiWaitingFn fn, void *opaque);
/* Asks; without local APICs nothing waits. [any +lock] */
TN_API bool tn_msi_waiting(uint64_t address, uint32_t data);

/* The IOAPIC hears of end-of-interrupt broadcasts for level-triggered vectors. [any +lock] */
TN_API void tn_eoi_listen(TnObject *owner, void (*fn)(void *opaque, uint8_t vector), void *opaque);
TN_API void tn_eoi_broadcast(uint8_t vector);

/* SMRAM as vCPUs in SMM see it: the board gives the container that they see instead of the
 * system memory's view (memory accesses with TN_MEM_ATTR_SECURE); NULL takes it back. [main] */
TN_API void tn_set_smm_memory(TnAddressSpace *as);
TN_API TnAddressSpace *tn_smm_memory(void); /* NULL: the same as the system's */

TN_END_DECLS

#endif
