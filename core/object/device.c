/* SPDX-License-Identifier: MIT */
/*
 * The life of a device: realize (ancestors' hooks first, then children), reset (registers, then
 * hooks), settle. Reset of a tree has two passes: everything is reset before anything settles, so
 * that a line derived from a fresh state never meets a stale one.
 */
#include "object/device.h"

#include <string.h>

#include "tenon/error.h"

static bool machine_running;

static TnDeviceLevel *level_at(const TnObject *dev, unsigned i)
{
    return &g_array_index(dev->type->device_levels, TnDeviceLevel, i);
}

static unsigned level_count(const TnObject *dev)
{
    return dev->type->device_levels->len;
}

static void *level_state(TnObject *dev, const TnDeviceLevel *level)
{
    return tn_object_state_at(dev, level->depth);
}

static void device_clear(TnObject *obj, void *state)
{
    TnDeviceState *device = state;

    g_clear_pointer(&device->id, g_free);
}

void tn_device_set_running(bool running)
{
    machine_running = running;
}

/* ---- Identity --------------------------------------------------------------------------- */

const char *tn_device_id(const TnObject *dev)
{
    g_return_val_if_fail(dev && tn_device_of(dev), NULL);
    return tn_device_of(dev)->id;
}

static bool well_formed_id(const char *id)
{
    if (!g_ascii_isalpha(id[0]))
        return false;
    for (; *id; id++)
        if (!g_ascii_isalnum(*id) && !strchr("-._", *id))
            return false;
    return true;
}

bool tn_id_check(const char *id, GError **error)
{
    if (well_formed_id(id))
        return true;
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is no id: an id begins with a letter "
                "and has letters, digits, '-', '.' and '_'", id);
    return false;
}

static TnObject *find_id(TnObject *obj, const char *id)
{
    TnDeviceState *device = tn_device_of(obj);
    TnObject *found = NULL;

    if (device && device->id && strcmp(device->id, id) == 0)
        return obj;
    for (unsigned i = 0; !found && obj->children && i < obj->children->len; i++)
        found = find_id(obj->children->pdata[i], id);
    return found;
}

bool tn_device_set_id(TnObject *dev, const char *id, GError **error)
{
    TnObject *other;

    if (!tn_id_check(id, error))
        return false;
    other = find_id(tn_object_root(), id);
    if (other) {
        g_autofree char *who = tn_object_describe(other);

        g_set_error(error, TN_ERROR, TN_ERROR_BUSY, "the id '%s' is taken by %s", id, who);
        return false;
    }
    g_free(tn_device_of(dev)->id);
    tn_device_of(dev)->id = g_strdup(id);
    return true;
}

/* ---- Realize ---------------------------------------------------------------------------- */

/* Undoes the realize hooks of the first n levels, heirs first. */
static void unrealize_levels(TnObject *dev, unsigned n)
{
    while (n-- > 0) {
        TnDeviceLevel *level = level_at(dev, n);

        if (level->ops.unrealize)
            level->ops.unrealize(dev, level_state(dev, level));
    }
}

static bool realize_levels(TnObject *dev, GError **error)
{
    for (unsigned i = 0; i < level_count(dev); i++) {
        TnDeviceLevel *level = level_at(dev, i);

        if (level->ops.realize && !level->ops.realize(dev, level_state(dev, level), error)) {
            unrealize_levels(dev, i);
            return false;
        }
    }
    return true;
}

static void unrealize_tree(TnObject *obj)
{
    if (obj->type->is_device) {
        tn_device_unrealize(obj);
        return;
    }
    for (unsigned i = obj->children ? obj->children->len : 0; i-- > 0;)
        unrealize_tree(obj->children->pdata[i]);
}

static bool realize_children(TnObject *obj, GError **error)
{
    /* A realize may add children: the list is read anew each time. */
    for (unsigned i = 0; obj->children && i < obj->children->len; i++)
        if (!tn_device_realize_tree(obj->children->pdata[i], error))
            return false;
    return true;
}

bool tn_device_realize_tree(TnObject *obj, GError **error)
{
    return obj->type->is_device ? tn_device_realize(obj, error) : realize_children(obj, error);
}

static bool realize_hooks(TnObject *dev, GError **error)
{
    const char *missing = tn_object_missing_property(dev);
    g_autofree char *who = NULL;

    if (!missing && realize_levels(dev, error))
        return true;
    who = tn_object_describe(dev);
    if (missing)
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s: property '%s' must be set", who,
                    missing);
    else
        g_prefix_error(error, "%s: ", who);
    return false;
}

bool tn_device_realize(TnObject *dev, GError **error)
{
    TnDeviceState *device;

    g_return_val_if_fail(dev && tn_device_of(dev), false);
    device = tn_device_of(dev);
    if (device->realized)
        return true;
    if (!realize_hooks(dev, error))
        return false;
    device->realized = true;
    if (!realize_children(dev, error)) {
        tn_device_unrealize(dev);
        return false;
    }
    if (machine_running)
        tn_device_reset(dev, TN_RESET_COLD);
    return true;
}

void tn_device_unrealize(TnObject *dev)
{
    TnDeviceState *device;

    g_return_if_fail(dev && tn_device_of(dev));
    device = tn_device_of(dev);
    if (!device->realized)
        return;
    for (unsigned i = dev->children ? dev->children->len : 0; i-- > 0;)
        unrealize_tree(dev->children->pdata[i]);
    unrealize_levels(dev, level_count(dev));
    device->realized = false;
}

bool tn_device_realized(const TnObject *dev)
{
    g_return_val_if_fail(dev && tn_device_of(dev), false);
    return tn_device_of(dev)->realized;
}

/* ---- Reset and settle ------------------------------------------------------------------- */

static void reset_levels(TnObject *dev, TnResetKind kind)
{
    for (unsigned i = 0; i < level_count(dev); i++) {
        TnDeviceLevel *level = level_at(dev, i);
        void *state = level_state(dev, level);

        for (const TnRegisterBank *const *bank = level->ops.banks; bank && *bank; bank++)
            tn_register_reset(state, *bank);
        if (level->ops.reset)
            level->ops.reset(dev, state, kind);
    }
}

/* Children first: what a device is made of is in its reset state when its own hooks look at it. */
void tn_device_reset_pass(TnObject *obj, TnResetKind kind)
{
    for (unsigned i = 0; obj->children && i < obj->children->len; i++)
        tn_device_reset_pass(obj->children->pdata[i], kind);
    if (obj->type->is_device && tn_device_realized(obj))
        reset_levels(obj, kind);
}

void tn_device_settle_pass(TnObject *obj)
{
    if (obj->type->is_device && tn_device_realized(obj))
        tn_device_settle(obj);
    for (unsigned i = 0; obj->children && i < obj->children->len; i++)
        tn_device_settle_pass(obj->children->pdata[i]);
}

void tn_device_reset(TnObject *dev, TnResetKind kind)
{
    g_return_if_fail(dev && tn_device_of(dev));
    tn_device_reset_pass(dev, kind);
    tn_device_settle_pass(dev);
}

void tn_device_settle(TnObject *dev)
{
    g_return_if_fail(dev && tn_device_of(dev));
    for (unsigned i = 0; i < level_count(dev); i++) {
        TnDeviceLevel *level = level_at(dev, i);

        if (level->ops.settle)
            level->ops.settle(dev, level_state(dev, level));
    }
}

static const TnTypeInfo device_type = {
    .size = sizeof(TnTypeInfo),
    .flags = TN_TYPE_ABSTRACT,
    .name = TN_TYPE_DEVICE,
    .state_size = sizeof(TnDeviceState),
    .description = "The ancestor of all devices",
    .clear = device_clear,
};
TN_CORE_TYPE(device_type);
