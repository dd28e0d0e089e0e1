/* SPDX-License-Identifier: MIT */
/* The meeting points of x86 vCPUs, their APICs, the 8259 pair and the interrupt message bus. */
#include "tenon/apic.h"

#include "clock/owned.h"
#include "tenon/internal/target.h"

enum { APIC_CPUS = 4096 };

static TnObject *apic_of_cpu[APIC_CPUS]; /* borrowed, by vCPU index */

static struct {
    TnPicAckFn fn;
    void *opaque;
} pic_acknowledge;

static struct {
    TnMsiSinkFn fn;
    void *opaque;
} msi_sink;

static struct {
    TnMsiWaitingFn fn;
    void *opaque;
} msi_waiting;

static TnAddressSpace *smm_memory;

TnObject *tn_cpu_apic(TnCpu *cpu)
{
    unsigned index = cpu->index;
    return index < APIC_CPUS ? apic_of_cpu[index] : NULL;
}

void tn_cpu_set_apic(TnCpu *cpu, TnObject *apic)
{
    unsigned index = cpu->index;
    g_return_if_fail(index < APIC_CPUS);
    apic_of_cpu[index] = apic;
}

void tn_set_pic_acknowledge(TnPicAckFn fn, void *opaque)
{
    pic_acknowledge.fn = fn;
    pic_acknowledge.opaque = opaque;
}

int tn_pic_acknowledge(void)
{
    return pic_acknowledge.fn ? pic_acknowledge.fn(pic_acknowledge.opaque) : -1;
}

void tn_set_msi_sink(TnMsiSinkFn fn, void *opaque)
{
    msi_sink.fn = fn;
    msi_sink.opaque = opaque;
}

void tn_msi_send(uint64_t address, uint32_t data)
{
    if (msi_sink.fn) {
        msi_sink.fn(msi_sink.opaque, address, data);
    }
}

void tn_set_msi_waiting(TnMsiWaitingFn fn, void *opaque)
{
    msi_waiting.fn = fn;
    msi_waiting.opaque = opaque;
}

bool tn_msi_waiting(uint64_t address, uint32_t data)
{
    return msi_waiting.fn && msi_waiting.fn(msi_waiting.opaque, address, data);
}

void tn_set_smm_memory(TnAddressSpace *as)
{
    smm_memory = as;
}

TnAddressSpace *tn_smm_memory(void)
{
    return smm_memory;
}

/* ---- End of interrupt -------------------------------------------------------------------- */

typedef struct EoiListener {
    void (*fn)(void *opaque, uint8_t vector);
    void *opaque;
} EoiListener;

static GPtrArray *eoi_listeners;

static void eoi_listener_free(void *opaque)
{
    g_ptr_array_remove(eoi_listeners, opaque);
    g_free(opaque);
}

void tn_eoi_listen(TnObject *owner, void (*fn)(void *opaque, uint8_t vector), void *opaque)
{
    EoiListener *listener = g_new(EoiListener, 1);
    *listener = (EoiListener){ .fn = fn, .opaque = opaque };
    if (!eoi_listeners) {
        eoi_listeners = g_ptr_array_new();
    }
    g_ptr_array_add(eoi_listeners, listener);
    tn_owned_add(owner, listener, eoi_listener_free);
}

void tn_eoi_broadcast(uint8_t vector)
{
    for (unsigned i = 0; eoi_listeners && i < eoi_listeners->len; i++) {
        EoiListener *listener = eoi_listeners->pdata[i];
        listener->fn(listener->opaque, vector);
    }
}
