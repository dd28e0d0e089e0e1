/* SPDX-License-Identifier: MIT */
/* Buses: plugging devices, finding the bus for a device, and making devices for boards. */
#include "object/device.h"

#include <string.h>

#include "option/keyval.h"
#include "tenon/error.h"

static const TnBusOps *bus_ops(const TnObject *bus, void **state)
{
    return tn_object_interface_state(bus, TN_IFACE_BUS, state);
}

static bool takes(const TnObject *bus, const TnObject *dev)
{
    const TnBusOps *ops = bus_ops(bus, NULL);

    return ops && ops->device_type && tn_type_chain_has(dev->type, ops->device_type);
}

TnObject *tn_bus_new(TnObject *controller, const char *type, const char *name, GError **error)
{
    g_return_val_if_fail(controller && type && name, NULL);
    return tn_object_new_child(controller, name, type, error);
}

bool tn_device_add_named(TnObject *parent, TnObject *dev, GError **error)
{
    g_autofree char *name = tn_device_id(dev) ? g_strdup(tn_device_id(dev))
                                              : g_strdup_printf("%s[*]", tn_object_type(dev));

    return tn_object_add_child(parent, name, dev, error);
}

bool tn_bus_plug(TnObject *bus, TnObject *dev, GError **error)
{
    const TnBusOps *ops;
    void *state;

    g_return_val_if_fail(bus && dev && dev->type->is_device, false);
    ops = bus_ops(bus, &state);
    if (!ops || !takes(bus, dev)) {
        g_autofree char *who = tn_object_describe(bus);

        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s cannot be plugged into %s",
                    tn_object_type(dev), who);
        return false;
    }
    if (!tn_device_add_named(bus, dev, error))
        return false;
    if (!ops->plug || ops->plug(bus, state, dev, error))
        return true;
    g_prefix_error(error, "%s: ", tn_object_type(dev));
    tn_object_unparent(dev);
    return false;
}

void tn_bus_unplugged(TnObject *parent, TnObject *dev)
{
    void *state;
    const TnBusOps *ops = bus_ops(parent, &state);

    if (ops && ops->unplug && takes(parent, dev))
        ops->unplug(parent, state, dev);
}

TnObject *tn_device_bus(TnObject *dev)
{
    g_return_val_if_fail(dev, NULL);
    return dev->parent && tn_type_chain_has(dev->parent->type, TN_TYPE_BUS) ? dev->parent : NULL;
}

/* ---- Finding ---------------------------------------------------------------------------- */

static TnObject *first_bus(TnObject *obj, const char *type, const TnObject *dev)
{
    TnObject *found = NULL;

    if (tn_type_chain_has(obj->type, TN_TYPE_BUS) &&
        (type ? tn_type_chain_has(obj->type, type) : takes(obj, dev)))
        return obj;
    for (unsigned i = 0; !found && obj->children && i < obj->children->len; i++)
        found = first_bus(obj->children->pdata[i], type, dev);
    return found;
}

TnObject *tn_bus_find(const char *bus_type)
{
    g_return_val_if_fail(bus_type, NULL);
    return first_bus(tn_object_root(), bus_type, NULL);
}

TnObject *tn_bus_find_for(const TnObject *dev)
{
    return first_bus(tn_object_root(), NULL, dev);
}

typedef struct BusTypeSearch {
    const TnType *device;
    const char *found;
} BusTypeSearch;

static void match_bus_type(const TnType *type, void *data)
{
    BusTypeSearch *search = data;
    const TnBusOps *ops = g_hash_table_lookup(type->interfaces, TN_IFACE_BUS);

    if (!search->found && ops && ops->device_type && tn_type_chain_has(type, TN_TYPE_BUS) &&
        tn_type_chain_has(search->device, ops->device_type))
        search->found = type->info.name;
}

const char *tn_bus_type_for(const TnObject *dev)
{
    BusTypeSearch search = { .device = dev->type };

    tn_type_each(match_bus_type, &search);
    return search.found;
}

/* ---- Making devices --------------------------------------------------------------------- */

static bool set_properties(TnObject *dev, const char *props, GError **error)
{
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(props, NULL, error);

    if (!kv)
        return false;
    for (unsigned i = 0; i < kv->items->len; i++) {
        const TnKeyVal *item = kv->items->pdata[i];
        /* Some devices have an "id" of their own (an interrupt controller's number). */
        bool ok = strcmp(item->key, "id") == 0 && !tn_object_has_property(dev, "id")
                      ? tn_device_set_id(dev, item->value, error)
                      : tn_object_set(dev, item->key, item->value, error);

        if (!ok)
            return false;
    }
    return true;
}

TnObject *tn_device_create(TnObject *bus_or_parent, const char *type, const char *props,
                           GError **error)
{
    TnObject *dev;
    bool placed;

    g_return_val_if_fail(bus_or_parent && type, NULL);
    dev = tn_object_new(type, error);
    if (!dev)
        return NULL;
    if (!dev->type->is_device) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "type '%s' is not a device", type);
        tn_object_unref(dev);
        return NULL;
    }
    placed = (!props || set_properties(dev, props, error)) &&
             (tn_type_chain_has(bus_or_parent->type, TN_TYPE_BUS)
                  ? tn_bus_plug(bus_or_parent, dev, error)
                  : tn_device_add_named(bus_or_parent, dev, error));
    tn_object_unref(dev); /* the parent holds it, or it ends here */
    if (!placed)
        return NULL;
    if (tn_device_realize(dev, error))
        return dev;
    tn_object_unparent(dev);
    return NULL;
}
