/* SPDX-License-Identifier: MIT */
/* -device: find the driver, set its properties, find its bus, plug it, realize it. */
#include "machine/machine.h"

#include <string.h>

#include "module/registry.h"
#include "object/device.h"

static TnObject *make(const TnKeyVals *kv, GError **error)
{
    const char *driver = tn_keyvals_get(kv, "driver"), *canonical;
    const TnProvide *provide;
    TnObject *dev;

    if (!tn_registry_require("device", driver, &canonical, error))
        return NULL;
    provide = tn_registry_provide("device", canonical);
    if (!provide || !(provide->flags & TN_PROVIDE_USER)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "'%s' is made by its machine only, not by -device", driver);
        return NULL;
    }
    dev = tn_object_new(canonical, error);
    if (dev && !dev->type->is_device) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is not a device", driver);
        g_clear_pointer(&dev, tn_object_unref);
    }
    return dev;
}

static bool set_properties(TnObject *dev, const TnKeyVals *kv, GError **error)
{
    static const char *const own[] = { "driver", "bus", NULL };

    for (unsigned i = 0; i < kv->items->len; i++) {
        const TnKeyVal *item = kv->items->pdata[i];
        bool ok = g_strv_contains(own, item->key);

        if (!ok && strcmp(item->key, "id") == 0)
            ok = tn_device_set_id(dev, item->value, error);
        else if (!ok)
            ok = tn_object_set(dev, item->key, item->value, error);
        if (!ok) {
            tn_keyvals_mark(kv, item, error);
            return false;
        }
    }
    return true;
}

/* ---- Its place --------------------------------------------------------------------------- */

/* A bus by its name, or the only bus of the device with that id. */
static TnObject *named_bus(const char *name, GError **error)
{
    TnObject *obj = tn_object_find(name, error);
    TnObject *only = NULL;

    if (!obj || tn_object_is_a(obj, TN_TYPE_BUS))
        return obj;
    for (unsigned i = 0; obj->children && i < obj->children->len; i++) {
        if (tn_object_is_a(obj->children->pdata[i], TN_TYPE_BUS)) {
            if (only) {
                only = NULL;
                break;
            }
            only = obj->children->pdata[i];
        }
    }
    if (!only)
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is not a bus", name);
    return only;
}

static bool place(TnObject *dev, const TnKeyVals *kv, GError **error)
{
    const TnKeyVal *item = tn_keyvals_find(kv, "bus");
    TnObject *bus = item ? named_bus(item->value, error) : tn_bus_find_for(dev);
    const char *wanted;

    if (bus)
        return tn_bus_plug(bus, dev, error);
    if (item) {
        tn_keyvals_mark(kv, item, error);
        return false;
    }
    wanted = tn_bus_type_for(dev);
    if (!wanted)
        return tn_device_add_named(tn_object_find("/machine/peripheral", NULL), dev, error);
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                "'%s' is plugged into a bus of type '%s', and the machine has none",
                tn_object_type(dev), wanted);
    return false;
}

bool tn_device_add(const TnKeyVals *kv, GError **error)
{
    TnObject *dev = make(kv, error);
    bool placed = dev && set_properties(dev, kv, error) && place(dev, kv, error);

    tn_object_unref(dev); /* its bus holds it, or it ends here */
    if (placed && tn_device_realize(dev, error))
        return true;
    if (placed)
        tn_object_unparent(dev);
    g_prefix_error(error, "-device: ");
    return false;
}
