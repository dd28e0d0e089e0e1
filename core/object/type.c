/* SPDX-License-Identifier: MIT */
/*
 * The table of types. Registration copies what a module declares (its structs may be older and
 * shorter than ours) and flattens what is inherited: interfaces, properties, device hooks, and the
 * place of every state block in an instance.
 */
#include "object/type.h"

#include <string.h>

#include "object/object.h"
#include "tenon/error.h"

enum {
    STATE_ALIGN = 16,
    MAX_STATE = 1u << 28, /* bytes of one state block; more is a broken table */
    MAX_DEPTH = 32,
};

G_LOCK_DEFINE_STATIC(types);
static GHashTable *types; /* name -> TnType, owned */

extern const TnTypeInfo *const __start_tn_core_types[] __attribute__((visibility("hidden")));
extern const TnTypeInfo *const __stop_tn_core_types[] __attribute__((visibility("hidden")));

static TnType *lookup_locked(const char *name)
{
    return types ? g_hash_table_lookup(types, name) : NULL;
}

static TnType *lookup_registered(const char *name)
{
    TnType *type;

    G_LOCK(types);
    type = lookup_locked(name);
    G_UNLOCK(types);
    return type;
}

static const TnTypeInfo *core_type(const char *name)
{
    for (const TnTypeInfo *const *p = __start_tn_core_types; p < __stop_tn_core_types; p++)
        if (strcmp((*p)->name, name) == 0)
            return *p;
    return NULL;
}

static void type_free(TnType *type)
{
    if (!type)
        return;
    g_free(type->state_offset);
    g_clear_pointer(&type->interfaces, g_hash_table_unref);
    g_clear_pointer(&type->properties, g_array_unref);
    g_clear_pointer(&type->device_levels, g_array_unref);
    g_free(type);
}

/* ---- What is inherited ------------------------------------------------------------------ */

static void lay_out_state(TnType *type)
{
    size_t at = sizeof(TnObject);

    type->state_offset = g_new0(uint32_t, type->depth + 1);
    if (type->parent) {
        memcpy(type->state_offset, type->parent->state_offset, type->depth * sizeof(uint32_t));
        at = type->parent->object_size;
    }
    /* Before each block lies the pointer back to the object: see tn_object_from_state. */
    at = (at + sizeof(TnObject *) + STATE_ALIGN - 1) / STATE_ALIGN * STATE_ALIGN;
    type->state_offset[type->depth] = at;
    type->object_size = at + type->info.state_size;
}

static void copy_interfaces(TnType *type)
{
    GHashTableIter iter;
    gpointer name, vtable;

    type->interfaces = g_hash_table_new(g_str_hash, g_str_equal);
    if (type->parent) {
        g_hash_table_iter_init(&iter, type->parent->interfaces);
        while (g_hash_table_iter_next(&iter, &name, &vtable))
            g_hash_table_insert(type->interfaces, name, vtable);
    }
    for (const TnInterfaceImpl *impl = type->info.interfaces; impl && impl->name; impl++)
        g_hash_table_replace(type->interfaces, (char *)impl->name, (void *)impl->vtable);
}

static void copy_properties(TnType *type)
{
    const char *row = (const char *)type->info.properties;
    size_t stride = type->info.property_stride;

    type->properties = g_array_new(false, true, sizeof(TnTypeProperty));
    if (type->parent)
        g_array_append_vals(type->properties, type->parent->properties->data,
                            type->parent->properties->len);
    for (; row && stride && ((const TnProperty *)row)->name; row += stride) {
        TnTypeProperty copy = { .depth = type->depth };
        int known;

        memcpy(&copy.property, row, MIN(stride, sizeof(TnProperty)));
        known = tn_type_property_index(type, copy.property.name);
        if (known >= 0)
            g_array_index(type->properties, TnTypeProperty, known) = copy;
        else
            g_array_append_val(type->properties, copy);
    }
}

static void copy_device_levels(TnType *type)
{
    TnDeviceLevel level = { .depth = type->depth };

    type->device_levels = g_array_new(false, true, sizeof(TnDeviceLevel));
    if (type->parent)
        g_array_append_vals(type->device_levels, type->parent->device_levels->data,
                            type->parent->device_levels->len);
    for (const TnInterfaceImpl *impl = type->info.interfaces; impl && impl->name; impl++) {
        if (strcmp(impl->name, TN_IFACE_DEVICE) == 0) {
            const TnDeviceOps *ops = impl->vtable;

            memcpy(&level.ops, ops, MIN(ops->size, sizeof(level.ops)));
            g_array_append_val(type->device_levels, level);
        }
    }
}

/* ---- Checks ----------------------------------------------------------------------------- */

static bool check_info(const TnTypeInfo *info, GError **error)
{
    const size_t smallest = TN_SIZE_WITH(TnTypeInfo, reserved); /* ABI 1.0 ends there */

    if (info->size < smallest || !info->name || !info->name[0]) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "a type is declared without size or name");
        return false;
    }
    if (info->state_size > MAX_STATE) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "type '%s' declares %u bytes of state",
                    info->name, info->state_size);
        return false;
    }
    if (info->properties && info->property_stride < TN_SIZE_WITH(TnProperty, flags)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "type '%s' declares properties without property_stride", info->name);
        return false;
    }
    if (info->state && info->state_stride < TN_SIZE_WITH(TnStateField, sub)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "type '%s' declares state without state_stride",
                    info->name);
        return false;
    }
    for (const TnInterfaceImpl *impl = info->interfaces; impl && impl->name; impl++) {
        if (!impl->vtable || *(const uint32_t *)impl->vtable < sizeof(uint32_t)) {
            g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                        "type '%s' declares interface '%s' without a sized table", info->name,
                        impl->name);
            return false;
        }
    }
    return true;
}

static size_t size_of_kind(TnPropertyKind kind)
{
    switch (kind) {
    case TN_PROP_BOOL:
        return sizeof(bool);
    case TN_PROP_UINT8:
        return 1;
    case TN_PROP_UINT16:
        return 2;
    case TN_PROP_UINT32:
    case TN_PROP_INT32:
    case TN_PROP_ENUM:
        return 4;
    case TN_PROP_UINT64:
    case TN_PROP_INT64:
    case TN_PROP_SIZE:
        return 8;
    case TN_PROP_STRING:
    case TN_PROP_LINK:
    case TN_PROP_CHARDEV:
        return sizeof(void *);
    }
    return 0;
}

static bool check_properties(const TnType *type, GError **error)
{
    for (unsigned i = 0; i < type->properties->len; i++) {
        const TnTypeProperty *p = &g_array_index(type->properties, TnTypeProperty, i);
        size_t bytes = size_of_kind(p->property.kind);

        if (p->depth != type->depth)
            continue;
        /* With a setter the table's place may be unused. */
        if (bytes && (p->property.set || p->property.offset + bytes <= type->info.state_size) &&
            (p->property.kind != TN_PROP_ENUM || p->property.values))
            continue;
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "type '%s' declares property '%s' of an unknown kind, outside its state, or "
                    "without values", type->info.name, p->property.name);
        return false;
    }
    return true;
}

/* ---- Registration ----------------------------------------------------------------------- */

static TnType *find_parent(const TnTypeInfo *info, GError **error)
{
    const char *name = info->parent ? info->parent : TN_TYPE_OBJECT;
    TnType *parent = tn_type_lookup(name);

    if (!parent)
        g_set_error(error, TN_ERROR, TN_ERROR_UNKNOWN, "type '%s' has the unknown parent '%s'",
                    info->name, name);
    else if (parent->depth + 1 >= MAX_DEPTH) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "type '%s' has too many ancestors",
                    info->name);
        parent = NULL;
    }
    return parent;
}

static bool insert(TnType *type, GError **error)
{
    bool duplicate;

    G_LOCK(types);
    if (!types)
        types = g_hash_table_new(g_str_hash, g_str_equal);
    duplicate = lookup_locked(type->info.name) != NULL;
    if (!duplicate)
        g_hash_table_insert(types, (char *)type->info.name, type);
    G_UNLOCK(types);
    if (duplicate)
        g_set_error(error, TN_ERROR, TN_ERROR_BUSY, "type '%s' is registered already",
                    type->info.name);
    return !duplicate;
}

bool tn_type_register(const TnTypeInfo *info, GError **error)
{
    TnType *type;
    TnType *parent = NULL;

    g_return_val_if_fail(info, false);
    if (!check_info(info, error))
        return false;
    if (strcmp(info->name, TN_TYPE_OBJECT) != 0 && !(parent = find_parent(info, error)))
        return false;
    type = g_new0(TnType, 1);
    memcpy(&type->info, info, MIN(info->size, sizeof(type->info)));
    type->parent = parent;
    type->depth = parent ? parent->depth + 1 : 0;
    type->is_device = tn_type_chain_has(type, TN_TYPE_DEVICE);
    lay_out_state(type);
    copy_interfaces(type);
    copy_properties(type);
    copy_device_levels(type);
    if (check_properties(type, error) && insert(type, error))
        return true;
    type_free(type);
    return false;
}

void tn_type_unregister(const char *name)
{
    TnType *type;

    G_LOCK(types);
    type = lookup_locked(name);
    if (type)
        g_hash_table_remove(types, name);
    G_UNLOCK(types);
    type_free(type);
}

/* ---- Lookup ----------------------------------------------------------------------------- */

TnType *tn_type_lookup(const char *name)
{
    TnType *type = lookup_registered(name);
    const TnTypeInfo *info;
    g_autoptr(GError) error = NULL;

    if (type || !(info = core_type(name)))
        return type;
    /* A broken table of ours is found by the first unit test that makes the type. */
    if (!tn_type_register(info, &error) && !g_error_matches(error, TN_ERROR, TN_ERROR_BUSY))
        g_error("%s", error->message);
    return lookup_registered(name);
}

static int compare_types(gconstpointer a, gconstpointer b)
{
    const TnType *const *x = a, *const *y = b;

    return strcmp((*x)->info.name, (*y)->info.name);
}

void tn_type_each(void (*fn)(const TnType *type, void *data), void *data)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();
    GHashTableIter iter;
    gpointer type;

    for (const TnTypeInfo *const *p = __start_tn_core_types; p < __stop_tn_core_types; p++)
        tn_type_lookup((*p)->name);
    G_LOCK(types);
    g_hash_table_iter_init(&iter, types);
    while (g_hash_table_iter_next(&iter, NULL, &type))
        g_ptr_array_add(sorted, type);
    G_UNLOCK(types);
    g_ptr_array_sort(sorted, compare_types);
    for (unsigned i = 0; i < sorted->len; i++)
        fn(sorted->pdata[i], data);
}

bool tn_type_chain_has(const TnType *type, const char *name)
{
    for (; type; type = type->parent)
        if (type->info.name == name || strcmp(type->info.name, name) == 0)
            return true;
    return false;
}

bool tn_type_is_a(const char *name, const char *ancestor)
{
    g_return_val_if_fail(name && ancestor, false);
    return tn_type_chain_has(tn_type_lookup(name), ancestor);
}

int tn_type_property_index(const TnType *type, const char *name)
{
    for (unsigned i = 0; i < type->properties->len; i++)
        if (strcmp(g_array_index(type->properties, TnTypeProperty, i).property.name, name) == 0)
            return (int)i;
    return -1;
}

const char **tn_type_property_names(const TnType *type)
{
    const char **names = g_new0(const char *, type->properties->len + 1);

    for (unsigned i = 0; i < type->properties->len; i++)
        names[i] = g_array_index(type->properties, TnTypeProperty, i).property.name;
    return names;
}
