/* SPDX-License-Identifier: MIT */
/* -object qom-type,id=ID,...: make it, set its properties, complete it. */
#include "machine/objects.h"

#include <string.h>

#include "module/registry.h"
#include "object/device.h"

static TnObject *container(GError **error)
{
    TnObject *objects = tn_object_find("/objects", NULL);

    return objects ? objects
                   : tn_object_new_child(tn_object_root(), "objects", "container", error);
}

static TnObject *child_named(const char *id)
{
    g_autofree char *path = g_strconcat("/objects/", id, NULL);

    return tn_object_find(path, NULL);
}

static bool check_id(const TnKeyVals *kv, GError **error)
{
    const TnKeyVal *item = tn_keyvals_find(kv, "id");

    if (!item) {
        tn_keyvals_error(kv, NULL, error, "the parameter 'id' is missing");
        return false;
    }
    if (!tn_id_check(item->value, error)) {
        tn_keyvals_mark(kv, item, error);
        return false;
    }
    if (child_named(item->value)) {
        tn_keyvals_error(kv, item, error, "the id '%s' is taken by another object", item->value);
        return false;
    }
    return true;
}

static TnObject *new_object(const TnKeyVals *kv, GError **error)
{
    const char *name = tn_keyvals_get(kv, "qom-type"), *canonical;
    TnObject *obj;

    if (!tn_registry_require("object", name, &canonical, error))
        return NULL;
    obj = tn_object_new(canonical, error);
    if (obj && !tn_object_interface(obj, TN_IFACE_USER_CREATABLE)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is not made by -object", name);
        g_clear_pointer(&obj, tn_object_unref);
    }
    return obj;
}

static bool set_properties(TnObject *obj, const TnKeyVals *kv, GError **error)
{
    static const char *const own[] = { "qom-type", "id", NULL };

    for (unsigned i = 0; i < kv->items->len; i++) {
        const TnKeyVal *item = kv->items->pdata[i];

        if (!g_strv_contains(own, item->key) &&
            !tn_object_set(obj, item->key, item->value, error)) {
            tn_keyvals_mark(kv, item, error);
            return false;
        }
    }
    if (tn_object_missing_property(obj)) {
        tn_keyvals_error(kv, NULL, error, "the parameter '%s' is missing",
                         tn_object_missing_property(obj));
        return false;
    }
    return true;
}

static bool complete(TnObject *obj, const TnKeyVals *kv, GError **error)
{
    void *state;
    const TnUserCreatableOps *ops = tn_object_interface_state(obj, TN_IFACE_USER_CREATABLE, &state);

    if (!ops->complete || ops->complete(obj, state, error))
        return true;
    tn_keyvals_mark(kv, NULL, error);
    return false;
}

static bool make(const TnKeyVals *kv, GError **error)
{
    TnObject *parent = container(error);
    TnObject *obj = parent && check_id(kv, error) ? new_object(kv, error) : NULL;
    bool ok = obj && set_properties(obj, kv, error) && complete(obj, kv, error) &&
              tn_object_add_child(parent, tn_keyvals_get(kv, "id"), obj, error);

    tn_object_unref(obj);
    return ok;
}

bool tn_objects_make(const GPtrArray *objects, GError **error)
{
    for (unsigned i = 0; i < objects->len; i++) {
        if (!make(objects->pdata[i], error)) {
            g_prefix_error(error, "-object: ");
            return false;
        }
    }
    return true;
}

TnObject *tn_objects_find(const char *id, const char *type, const char *what, GError **error)
{
    TnObject *obj = tn_id_check(id, NULL) ? child_named(id) : NULL;

    if (obj && tn_object_is_a(obj, type))
        return obj;
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                obj ? "the object '%s' is no %s" : "there is no object (-object) '%s' to be the %s",
                id, what);
    return NULL;
}
