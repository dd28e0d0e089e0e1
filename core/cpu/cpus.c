/* SPDX-License-Identifier: MIT */
/*
 * vCPU objects: their memory, their registry, their creation by a machine.
 *
 * The memory of a vCPU is one mapping, [ guard | soft TLBs | TnCpu | target state | guard ]; see
 * abi/tenon/internal/target.h.
 */
#include <errno.h>
#include <sys/mman.h>

#include "cpu/cpu-private.h"
#include "machine/running.h"
#include "object/type.h"
#include "tenon/device.h"
#include "tenon/machine.h"
#include "translate/ir-info.h"
#include "translate/jump-cache.h"
#include "translate/softmmu.h"
#include "translate/translator.h"

enum { GUARD = 1 << 16 };

typedef struct CpuObject {
    TnCpu *cpu;     /* owned, NULL until tn_cpu_new has made it */
} CpuObject;

static TnCpu *all_cpus[TN_MAX_CPUS];
static atomic_uint n_cpus;

unsigned tn_cpu_count(void)
{
    return atomic_load_explicit(&n_cpus, memory_order_acquire);
}

TnCpu *tn_cpu_at(unsigned index)
{
    return index < tn_cpu_count() ? all_cpus[index] : NULL;
}

unsigned tn_cpu_index(const TnCpu *cpu)
{
    return cpu->index;
}

TnObject *tn_cpu_object(TnCpu *cpu)
{
    return cpu->object;
}

TnCpu *tn_cpu_from_object(TnObject *object)
{
    CpuObject *c = object ? tn_object_state(object, TN_TYPE_CPU) : NULL;
    return c ? c->cpu : NULL;
}

/* ---- Memory ------------------------------------------------------------------------------ */

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static size_t body_bytes(const TnTargetInfo *target)
{
    return round_up(TN_CPU_STATE_OFFSET + target->state_size, TN_PAGE_SIZE);
}

static TnCpu *cpu_map(const TnTargetInfo *target, GError **error)
{
    size_t body = body_bytes(target);
    char *p = mmap(NULL, body + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED || mprotect(p + GUARD, body, PROT_READ | PROT_WRITE) != 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_FAILED, "no memory for a vCPU: %s",
                    g_strerror(errno));
        if (p != MAP_FAILED)
            munmap(p, body + 2 * GUARD);
        return NULL;
    }
    return (TnCpu *)(p + GUARD);
}

static void cpu_unmap(TnCpu *cpu)
{
    const TnTargetInfo *target = cpu->target;
    munmap((char *)cpu - GUARD, body_bytes(target) + 2 * GUARD);
}

static void cpu_free(TnCpu *cpu)
{
    if (!cpu)
        return;
    tn_cpu_thread_stop(cpu);
    g_free(cpu->priv->cache_window);
    if (cpu->target->ops->cpu_clear)
        cpu->target->ops->cpu_clear(cpu);
    tn_ir_clear(&cpu->priv->builder);
    tn_tlb_clear(cpu);
    tn_jump_clear(cpu);
    g_free(cpu->priv);
    cpu_unmap(cpu);
}

static TnCpu *cpu_alloc(const TnTargetInfo *target, unsigned index, GError **error)
{
    TnCpu *cpu = cpu_map(target, error);
    if (!cpu)
        return NULL;
    cpu->target = target;
    cpu->index = index;
    cpu->as = tn_system_memory_space();
    cpu->io = tn_system_io_space();
    cpu->stopped = true;
    cpu->insn_budget = UINT64_MAX;
    cpu->priv = g_new0(TnCpuPrivate, 1);
    cpu->priv->cpu = cpu;
    atomic_store(&cpu->priv->seen_epoch, UINT64_MAX);
    g_queue_init(&cpu->priv->work);
    tn_jump_init(cpu);
    if (tn_tlb_init(cpu, error))
        return cpu;
    cpu_free(cpu);
    return NULL;
}

/* ---- The object -------------------------------------------------------------------------- */

/* The vCPU leaves the registry when it is the last: others keep their index. */
static void unregister(TnCpu *cpu)
{
    unsigned n = tn_cpu_count();
    if (n > 0 && all_cpus[n - 1] == cpu)
        atomic_store(&n_cpus, n - 1);
}

static void cpu_object_clear(TnObject *obj, void *state)
{
    CpuObject *c = state;
    if (c->cpu)
        unregister(c->cpu);
    cpu_free(c->cpu);
    c->cpu = NULL;
}

static void cpu_object_reset(TnObject *obj, void *state, TnResetKind kind)
{
    CpuObject *c = state;
    if (!c->cpu)
        return;
    atomic_store(&c->cpu->requests, 0);
    c->cpu->halted = false;
    c->cpu->target->ops->reset(c->cpu);
    tn_tlb_flush_everything(c->cpu);
}

static const TnDeviceOps cpu_device = {
    .size = sizeof(TnDeviceOps),
    .reset = cpu_object_reset,
};

static const TnInterfaceImpl cpu_interfaces[] = {
    { TN_IFACE_DEVICE, &cpu_device },
    { NULL, NULL },
};

static const TnTypeInfo cpu_type = {
    .size = sizeof(TnTypeInfo),
    .name = TN_TYPE_CPU,
    .parent = TN_TYPE_DEVICE,
    .state_size = sizeof(CpuObject),
    .interfaces = cpu_interfaces,
    .description = "A virtual processor of the running target",
    .clear = cpu_object_clear,
};
TN_CORE_TYPE(cpu_type);

/* ---- Creation ---------------------------------------------------------------------------- */

static bool accel_start(TnCpu *cpu, GError **error)
{
    TnObject *accel = tn_running_accel();
    const TnAccelOps *ops = accel ? tn_object_interface(accel, TN_IFACE_ACCEL) : NULL;

    if (!ops || !ops->cpu_start)
        return true;
    return ops->cpu_start(accel, tn_object_own_state(accel), cpu, error);
}

/* Below the machine's "cpus", where there is a machine. Drops the caller's reference then. */
static bool adopt(TnObject *obj, GError **error)
{
    TnObject *cpus = tn_machine_object() ? tn_object_find("/machine/cpus", error) : NULL;
    if (!cpus)
        return tn_machine_object() == NULL;
    if (!tn_object_add_child(cpus, "cpu[*]", obj, error))
        return false;
    tn_object_unref(obj);
    return true;
}

static bool set_up(TnCpu *cpu, const char *model, GError **error)
{
    const TnTargetInfo *target = cpu->target;
    if (!target->ops->cpu_init(cpu, model ? model : target->default_model, error))
        return false;
    target->ops->reset(cpu);
    all_cpus[cpu->index] = cpu;
    atomic_store_explicit(&n_cpus, cpu->index + 1, memory_order_release);
    return accel_start(cpu, error);
}

TnCpu *tn_cpu_new(const char *model, unsigned index, GError **error)
{
    g_return_val_if_fail(tn_running_target(), NULL);
    return tn_cpu_new_of(tn_running_target(), model, index, error);
}

TnCpu *tn_cpu_new_of(const TnTargetInfo *target, const char *model, unsigned index, GError **error)
{
    if (index != tn_cpu_count() || index >= TN_MAX_CPUS) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "vCPU index %u: vCPUs are made in order, up to %u", index, TN_MAX_CPUS);
        return NULL;
    }
    TnObject *obj = tn_object_new(TN_TYPE_CPU, error);
    if (!obj)
        return NULL;
    TnCpu *cpu = cpu_alloc(target, index, error);
    if (cpu) {
        ((CpuObject *)tn_object_state(obj, TN_TYPE_CPU))->cpu = cpu;
        cpu->object = obj;
        if (set_up(cpu, model, error) && adopt(obj, error))
            return cpu;
    }
    tn_object_unref(obj);
    return NULL;
}
