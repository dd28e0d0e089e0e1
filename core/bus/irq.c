/* SPDX-License-Identifier: MIT */
/* Interrupt wires, and the named lines of devices. */
#include "tenon/irq.h"

#include <string.h>

#include "clock/owned.h"

struct TnIrq {
    TnIrqFn fn;
    TnIrqWaitingFn waiting; /* or NULL */
    void *opaque;
    unsigned line;
};

void tn_irq_set(TnIrq *irq, int level)
{
    if (irq) {
        irq->fn(irq->opaque, irq->line, level);
    }
}

TnIrq *tn_irq_new(TnObject *owner, TnIrqFn fn, void *opaque, unsigned line)
{
    g_return_val_if_fail(fn, NULL);
    TnIrq *irq = g_new(TnIrq, 1);
    *irq = (TnIrq){ .fn = fn, .opaque = opaque, .line = line };
    tn_owned_add(owner, irq, g_free);
    return irq;
}

void tn_irq_set_waiting(TnIrq *irq, TnIrqWaitingFn fn)
{
    g_return_if_fail(irq);
    irq->waiting = fn;
}

bool tn_irq_waiting(const TnIrq *irq)
{
    return irq && irq->waiting && irq->waiting(irq->opaque, irq->line);
}

/* ---- Splitters and inverters ------------------------------------------------------------- */

typedef struct IrqPair {
    TnIrq *a, *b; /* borrowed */
} IrqPair;

static void irq_set_pair(void *opaque, unsigned line, int level)
{
    IrqPair *pair = opaque;
    tn_irq_set(pair->a, level);
    tn_irq_set(pair->b, level);
}

static bool irq_pair_waiting(void *opaque, unsigned line)
{
    const IrqPair *pair = opaque;
    return tn_irq_waiting(pair->a) || tn_irq_waiting(pair->b);
}

static void irq_set_inverse(void *opaque, unsigned line, int level)
{
    tn_irq_set(opaque, !level);
}

static bool irq_inverse_waiting(void *opaque, unsigned line)
{
    return tn_irq_waiting(opaque);
}

TnIrq *tn_irq_split(TnObject *owner, TnIrq *a, TnIrq *b)
{
    IrqPair *pair = g_new(IrqPair, 1);
    *pair = (IrqPair){ .a = a, .b = b };
    tn_owned_add(owner, pair, g_free);
    TnIrq *irq = tn_irq_new(owner, irq_set_pair, pair, 0);
    tn_irq_set_waiting(irq, irq_pair_waiting);
    return irq;
}

TnIrq *tn_irq_invert(TnObject *owner, TnIrq *irq)
{
    TnIrq *inverse = tn_irq_new(owner, irq_set_inverse, irq, 0);
    tn_irq_set_waiting(inverse, irq_inverse_waiting);
    return inverse;
}

/* ---- Named lines of a device ------------------------------------------------------------- */

typedef struct IrqGroup {
    char *name;     /* owned; NULL for the unnamed group */
    bool in;
    TnIrqFn fn;     /* of inputs */
    TnIrqWaitingFn waiting; /* of inputs, or NULL */
    TnObject *dev;  /* borrowed */
    unsigned count;
    TnIrq **wires;  /* in: our own, made when asked for; out: what the board connected */
    TnIrqInterceptFn intercept;
    void *intercept_opaque;
} IrqGroup;

static GHashTable *irq_devices; /* TnObject * -> GPtrArray of IrqGroup *; under the device lock */

static void irq_group_free(void *opaque)
{
    IrqGroup *group = opaque;
    g_free(group->name);
    g_free(group->wires);
    g_free(group);
}

static void irq_device_ended(void *dev)
{
    g_hash_table_remove(irq_devices, dev);
}

static GPtrArray *irq_groups(TnObject *dev)
{
    return irq_devices && dev ? g_hash_table_lookup(irq_devices, dev) : NULL;
}

static IrqGroup *irq_group_find(TnObject *dev, const char *name, bool in)
{
    GPtrArray *groups = irq_groups(dev);
    for (unsigned i = 0; groups && i < groups->len; i++) {
        IrqGroup *group = groups->pdata[i];
        if (group->in == in && g_strcmp0(group->name, name) == 0) {
            return group;
        }
    }
    return NULL;
}

static void irq_group_add(TnObject *dev, const char *name, bool in, TnIrqFn fn, unsigned count)
{
    g_return_if_fail(dev && !irq_group_find(dev, name, in));
    GPtrArray *groups = irq_groups(dev);
    if (!irq_devices) {
        irq_devices = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
    }
    if (!groups) {
        groups = g_ptr_array_new_with_free_func(irq_group_free);
        g_hash_table_insert(irq_devices, dev, groups);
        tn_owned_add(dev, dev, irq_device_ended);
    }
    IrqGroup *group = g_new0(IrqGroup, 1);
    group->name = g_strdup(name);
    group->in = in;
    group->fn = fn;
    group->dev = dev;
    group->count = count;
    group->wires = g_new0(TnIrq *, count);
    g_ptr_array_add(groups, group);
}

void tn_irq_declare_in(TnObject *dev, const char *group, TnIrqFn fn, unsigned count)
{
    g_return_if_fail(fn);
    irq_group_add(dev, group, true, fn, count);
}

void tn_irq_declare_out(TnObject *dev, const char *group, unsigned count)
{
    irq_group_add(dev, group, false, NULL, count);
}

static void irq_group_set(void *opaque, unsigned line, int level)
{
    IrqGroup *group = opaque;
    if (group->intercept) {
        group->intercept(group->intercept_opaque, group->name, line, level);
    }
    group->fn(tn_object_own_state(group->dev), line, level);
}

void tn_irq_declare_waiting(TnObject *dev, const char *name, TnIrqWaitingFn fn)
{
    IrqGroup *group = irq_group_find(dev, name, true);
    g_return_if_fail(group);
    group->waiting = fn;
}

static bool irq_group_waiting(void *opaque, unsigned line)
{
    const IrqGroup *group = opaque;
    return group->waiting && group->waiting(tn_object_own_state(group->dev), line);
}

TnIrq *tn_irq_in(TnObject *dev, const char *name, unsigned n)
{
    IrqGroup *group = irq_group_find(dev, name, true);
    if (!group || n >= group->count) {
        return NULL;
    }
    if (!group->wires[n]) {
        group->wires[n] = tn_irq_new(dev, irq_group_set, group, n);
        tn_irq_set_waiting(group->wires[n], irq_group_waiting);
    }
    return group->wires[n];
}

void tn_irq_connect(TnObject *dev, const char *name, unsigned n, TnIrq *to)
{
    IrqGroup *group = irq_group_find(dev, name, false);
    g_return_if_fail(group && n < group->count);
    group->wires[n] = to;
}

void tn_irq_out(TnObject *dev, const char *name, unsigned n, int level)
{
    IrqGroup *group = irq_group_find(dev, name, false);
    g_return_if_fail(group && n < group->count);
    if (group->intercept) {
        group->intercept(group->intercept_opaque, group->name, n, level);
    }
    tn_irq_set(group->wires[n], level);
}

bool tn_irq_out_waiting(TnObject *dev, const char *name, unsigned n)
{
    const IrqGroup *group = irq_group_find(dev, name, false);
    return group && n < group->count && tn_irq_waiting(group->wires[n]);
}

static bool irq_intercept(TnObject *dev, const char *name, bool in, TnIrqInterceptFn fn,
                          void *opaque)
{
    IrqGroup *group = irq_group_find(dev, name, in);
    if (group) {
        group->intercept = fn;
        group->intercept_opaque = opaque;
    }
    return group != NULL;
}

bool tn_irq_intercept_out(TnObject *dev, const char *group, TnIrqInterceptFn fn, void *opaque)
{
    return irq_intercept(dev, group, false, fn, opaque);
}

bool tn_irq_intercept_in(TnObject *dev, const char *group, TnIrqInterceptFn fn, void *opaque)
{
    return irq_intercept(dev, group, true, fn, opaque);
}
