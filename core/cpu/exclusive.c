/* SPDX-License-Identifier: MIT */
/*
 * Exclusive sections: one vCPU works while no other is in translated code, its helpers or the
 * block cache.
 *
 * Each vCPU brackets that with tn_exec_enter and tn_exec_leave. Who begins a section announces it,
 * kicks the others, and waits until each has left; those that want to enter wait for its end.
 *
 * A vCPU in the middle of a block cannot count as stopped, since the section may throw the block
 * away. When it wants a section while another's is announced it therefore goes back to the start
 * of its instruction (TN_UNWIND_RETRY) and stops in its loop like everyone else.
 */
#include "cpu/cpu-private.h"

static struct {
    GMutex lock;
    GCond changed;
    TnCpu *owner;        /* announced or in force; under the lock */
    atomic_bool wanted;  /* owner is set */
} section;

bool tn_exclusive_wanted(void)
{
    return atomic_load_explicit(&section.wanted, memory_order_relaxed);
}

void tn_exec_enter(TnCpu *cpu)
{
    for (;;) {
        atomic_store(&cpu->priv->executing, true);
        if (!atomic_load(&section.wanted))
            return;
        g_mutex_lock(&section.lock);
        atomic_store(&cpu->priv->executing, false);
        g_cond_broadcast(&section.changed);
        while (section.owner)
            g_cond_wait(&section.changed, &section.lock);
        g_mutex_unlock(&section.lock);
    }
}

void tn_exec_leave(TnCpu *cpu)
{
    atomic_store(&cpu->priv->executing, false);
    if (!atomic_load(&section.wanted))
        return;
    g_mutex_lock(&section.lock);
    g_cond_broadcast(&section.changed);
    g_mutex_unlock(&section.lock);
}

static bool others_execute(TnCpu *self)
{
    for (unsigned i = 0; i < tn_cpu_count(); i++) {
        TnCpu *cpu = tn_cpu_at(i);
        if (cpu != self && atomic_load(&cpu->priv->executing)) {
            atomic_store(&cpu->exit_request, 1);
            return true;
        }
    }
    return false;
}

/* Lock held, another's section is announced: waits outside code, or goes back to do so. */
static void give_way(TnCpu *cpu)
{
    TnCpuPrivate *p = cpu->priv;
    if (p->in_code) {
        g_mutex_unlock(&section.lock);
        atomic_store(&cpu->exit_request, 1);
        siglongjmp(*cpu->unwind, TN_UNWIND_RETRY);
    }
    atomic_store(&p->executing, false);
    g_cond_broadcast(&section.changed);
    while (section.owner)
        g_cond_wait(&section.changed, &section.lock);
    atomic_store(&p->executing, true);
}

void tn_exclusive_begin(TnCpu *cpu)
{
    if (cpu->priv->exclusive_depth > 0) {
        cpu->priv->exclusive_depth++;
        return;
    }
    g_mutex_lock(&section.lock);
    while (section.owner)
        give_way(cpu);
    section.owner = cpu;
    atomic_store(&section.wanted, true);
    for (unsigned i = 0; i < tn_cpu_count(); i++) {
        if (tn_cpu_at(i) != cpu)
            atomic_store(&tn_cpu_at(i)->exit_request, 1);
    }
    while (others_execute(cpu))
        g_cond_wait(&section.changed, &section.lock);
    cpu->priv->exclusive_depth = 1;
    g_mutex_unlock(&section.lock);
}

void tn_exclusive_end(TnCpu *cpu)
{
    if (--cpu->priv->exclusive_depth > 0)
        return;
    g_mutex_lock(&section.lock);
    section.owner = NULL;
    atomic_store(&section.wanted, false);
    g_cond_broadcast(&section.changed);
    g_mutex_unlock(&section.lock);
}

void tn_exclusive_abandon(TnCpu *cpu)
{
    if (cpu->priv->exclusive_depth > 0) {
        cpu->priv->exclusive_depth = 1;
        tn_exclusive_end(cpu);
    }
}
