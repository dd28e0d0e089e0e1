/* SPDX-License-Identifier: MIT */
/*
 * Devices that a device under check needs beside it: a bus that another device brings, something that
 * a link must lead to. --with says which; a link to a type that can be made needs no saying.
 */
#include <string.h>

#include "machine/running.h"
#include "modcheck/check.h"
#include "object/device.h"
#include "object/type.h"
#include "option/keyval.h"
#include "tenon/cpu.h"
#include "tenon/internal/target.h"

static GPtrArray *helpers; /* TnObject, borrowed from the tree, in order of making */

/* The pairs after the type. */
static bool set_pairs(const void *data, TnObject *dev, GError **error)
{
    const TnKeyVals *kv = data;

    for (unsigned i = 0; i < kv->items->len; i++) {
        const TnKeyVal *item = kv->items->pdata[i];

        if (strcmp(item->key, "type") != 0 && !tn_object_set(dev, item->key, item->value, error))
            return false;
    }
    return true;
}

static bool bring_up(TnObject *dev, GError **error)
{
    if (!tn_device_realize(dev, error))
        return false;
    tn_device_reset(dev, TN_RESET_COLD);
    if (!helpers)
        helpers = g_ptr_array_new();
    g_ptr_array_add(helpers, dev);
    return true;
}

/* "TYPE[,PROPERTY=VALUE]...". NULL with an error. */
static TnObject *make(const char *text, GError **error)
{
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(text, "type", error);
    const TnKeyVal *type = kv ? tn_keyvals_find(kv, "type") : NULL;
    TnObject *dev;
    bool skip;

    if (!type) {
        if (kv)
            tn_check_fail(error, "no type is given");
        return NULL;
    }
    if (!tn_type_find(type->value, error))
        return NULL;
    dev = tn_board_place(type->value, "/machine/helpers", set_pairs, kv, &skip, error);
    return dev && bring_up(dev, error) ? dev : NULL;
}

bool tn_helpers_make(Check *check, const char *name, GError **error)
{
    for (unsigned i = 0; i < check->options->helpers->len; i++) {
        const char *text = check->options->helpers->pdata[i], *colon = strchr(text, ':');

        if (strlen(name) != (size_t)(colon - text) || strncmp(text, name, colon - text) != 0)
            continue;
        if (!make(colon + 1, error)) {
            g_prefix_error(error, "--with %s: ", text);
            return false;
        }
    }
    return true;
}

/* ---- Links ------------------------------------------------------------------------------- */

static void take_first(const TnProvide *provide, void *data)
{
    const TnProvide **first = data;

    *first = *first ? *first : provide;
}

static TnObject *fitting_helper(const char *type)
{
    for (unsigned i = 0; helpers && i < helpers->len; i++)
        if (tn_object_is_a(helpers->pdata[i], type))
            return helpers->pdata[i];
    return NULL;
}

/* A vCPU of the first target that there is. It has a state and no thread: no guest code runs. */
static TnObject *made_cpu(void)
{
    const TnProvide *target = NULL;
    TnCpu *cpu = NULL;

    tn_registry_each("target", take_first, &target);
    if (target && tn_target_select(target->name, NULL))
        cpu = tn_cpu_new(NULL, 0, NULL);
    return cpu && bring_up(tn_cpu_object(cpu), NULL) ? tn_cpu_object(cpu) : NULL;
}

/* A new device of a type that a module provides; NULL when there is none, or it cannot be made. */
static TnObject *made_to_fit(const char *type)
{
    if (strcmp(type, TN_TYPE_CPU) == 0)
        return made_cpu();
    return tn_registry_provide("device", type) ? make(type, NULL) : NULL;
}

bool tn_helpers_link(TnObject *dev, GError **error)
{
    const char *missing = tn_object_missing_property(dev);

    while (missing) {
        int index = tn_type_property_index(dev->type, missing);
        const TnProperty *property =
            &g_array_index(dev->type->properties, TnTypeProperty, index).property;
        TnObject *target = NULL;
        g_autofree char *path = NULL;

        if (property->kind == TN_PROP_LINK && property->type)
            target = fitting_helper(property->type);
        if (!target && property->kind == TN_PROP_LINK && property->type)
            target = made_to_fit(property->type);
        if (!target)
            return true; /* the board says what is missing */
        path = tn_object_path(target);
        if (!tn_object_set(dev, missing, path, error))
            return false;
        missing = tn_object_missing_property(dev);
    }
    return true;
}
