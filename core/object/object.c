/* SPDX-License-Identifier: MIT */
/*
 * Objects: making, references, state blocks, interfaces, and what is owned by an object. One
 * allocation holds the object and the state blocks of all types in its chain.
 */
#include "object/object.h"

#include <string.h>

#include "clock/owned.h"
#include "tenon/error.h"

static TnObjectDefaultsFn defaults_hook;

void tn_object_set_defaults_hook(TnObjectDefaultsFn fn)
{
    defaults_hook = fn;
}

/* ---- Life ------------------------------------------------------------------------------- */

static TnObject *allocate(const TnType *type)
{
    TnObject *obj = g_malloc0(type->object_size);

    obj->type = type;
    obj->refs = 1;
    obj->set = g_array_sized_new(false, true, 1, type->properties->len);
    g_array_set_size(obj->set, type->properties->len);
    for (uint32_t depth = 0; depth <= type->depth; depth++)
        ((TnObject **)tn_object_state_at(obj, depth))[-1] = obj;
    return obj;
}

static bool run_init(TnObject *obj, const TnType *type, GError **error)
{
    if (type->parent && !run_init(obj, type->parent, error))
        return false;
    if (!type->info.init)
        return true;
    return type->info.init(obj, tn_object_state_at(obj, type->depth), error);
}

/* The hooks may take references to the object for a while: it must not end twice. */
static void unrealize_last(TnObject *obj)
{
    if (!obj->type->is_device || !tn_device_realized(obj))
        return;
    g_atomic_int_set(&obj->refs, 1);
    tn_device_unrealize(obj);
    g_atomic_int_set(&obj->refs, 0);
}

static void finalize(TnObject *obj)
{
    unrealize_last(obj);
    while (obj->children && obj->children->len)
        tn_object_unparent(obj->children->pdata[obj->children->len - 1]);
    for (const TnType *type = obj->type; type; type = type->parent)
        if (type->info.clear)
            type->info.clear(obj, tn_object_state_at(obj, type->depth));
    tn_object_clear_properties(obj);
    tn_owned_release(obj);
    g_clear_pointer(&obj->children, g_ptr_array_unref);
    g_array_unref(obj->set);
    g_clear_pointer(&obj->texts, g_hash_table_unref);
    g_free(obj->name);
    g_free(obj);
}

TnObject *tn_object_new(const char *name, GError **error)
{
    const TnTypeInfo *info;
    TnObject *obj;

    g_return_val_if_fail(name, NULL);
    info = tn_type_find(name, error);
    if (!info)
        return NULL;
    if (info->flags & TN_TYPE_ABSTRACT) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "type '%s' is abstract: only its heirs can be made", name);
        return NULL;
    }
    obj = allocate(tn_type_lookup(info->name));
    if (tn_object_apply_defaults(obj, error) && run_init(obj, obj->type, error) &&
        (!defaults_hook || defaults_hook(obj, error)))
        return obj;
    tn_object_unref(obj);
    return NULL;
}

TnObject *tn_object_ref(TnObject *obj)
{
    g_return_val_if_fail(obj, NULL);
    g_atomic_int_inc(&obj->refs);
    return obj;
}

void tn_object_unref(TnObject *obj)
{
    if (obj && g_atomic_int_dec_and_test(&obj->refs))
        finalize(obj);
}

/* ---- Type, state, interfaces ------------------------------------------------------------ */

const char *tn_object_type(const TnObject *obj)
{
    g_return_val_if_fail(obj, NULL);
    return obj->type->info.name;
}

bool tn_object_is_a(const TnObject *obj, const char *name)
{
    g_return_val_if_fail(name, false);
    return obj && (tn_type_chain_has(obj->type, name) || tn_object_interface(obj, name));
}

void *tn_object_state(TnObject *obj, const char *name)
{
    g_return_val_if_fail(obj && name, NULL);
    /* Names are mostly the same literal: compare addresses first. */
    for (const TnType *type = obj->type; type; type = type->parent)
        if (type->info.name == name)
            return tn_object_state_at(obj, type->depth);
    for (const TnType *type = obj->type; type; type = type->parent)
        if (strcmp(type->info.name, name) == 0)
            return tn_object_state_at(obj, type->depth);
    return NULL;
}

void *tn_object_own_state(TnObject *obj)
{
    g_return_val_if_fail(obj, NULL);
    return tn_object_state_at(obj, obj->type->depth);
}

TnObject *tn_object_from_state(void *state)
{
    g_return_val_if_fail(state, NULL);
    return ((TnObject **)state)[-1];
}

const void *tn_object_interface(const TnObject *obj, const char *name)
{
    g_return_val_if_fail(obj && name, NULL);
    return g_hash_table_lookup(obj->type->interfaces, name);
}

const void *tn_object_interface_state(const TnObject *obj, const char *name, void **state)
{
    for (const TnType *type = obj->type; type; type = type->parent) {
        for (const TnInterfaceImpl *impl = type->info.interfaces; impl && impl->name; impl++) {
            if (strcmp(impl->name, name) == 0) {
                if (state)
                    *state = tn_object_state_at(obj, type->depth);
                return impl->vtable;
            }
        }
    }
    return NULL;
}

const void *tn_object_parent_interface(const TnObject *obj, const char *type_name, const char *name)
{
    g_return_val_if_fail(obj && type_name && name, NULL);
    for (const TnType *type = obj->type; type; type = type->parent)
        if (strcmp(type->info.name, type_name) == 0)
            return type->parent ? g_hash_table_lookup(type->parent->interfaces, name) : NULL;
    return NULL;
}

char *tn_object_describe(const TnObject *obj)
{
    g_autofree char *path = tn_object_path(obj);

    return obj->parent ? g_strdup_printf("%s (%s)", obj->type->info.name, path)
                       : g_strdup(obj->type->info.name);
}
