/* SPDX-License-Identifier: MIT */
/* The composition tree: children, names, paths, and finding objects by path, name or id. */
#include "object/device.h"

#include <string.h>

#include "tenon/error.h"

static const char unique_suffix[] = "[*]";

static TnObject *child_called(const TnObject *parent, const char *name, size_t length)
{
    for (unsigned i = 0; parent->children && i < parent->children->len; i++) {
        TnObject *child = parent->children->pdata[i];

        if (strlen(child->name) == length && memcmp(child->name, name, length) == 0)
            return child;
    }
    return NULL;
}

TnObject *tn_object_root(void)
{
    static TnObject *root;

    if (!root)
        root = tn_object_new("container", NULL);
    return root;
}

TnObject *tn_machine_object(void)
{
    return child_called(tn_object_root(), "machine", strlen("machine"));
}

/* "name[*]" with the first free number, or the name itself. */
static char *unique_name(const TnObject *parent, const char *name)
{
    g_autofree char *stem = NULL;

    if (!g_str_has_suffix(name, unique_suffix))
        return g_strdup(name);
    stem = g_strndup(name, strlen(name) - strlen(unique_suffix));
    for (unsigned n = 0;; n++) {
        g_autofree char *numbered = g_strdup_printf("%s[%u]", stem, n);

        if (!child_called(parent, numbered, strlen(numbered)))
            return g_steal_pointer(&numbered);
    }
}

static bool is_below(const TnObject *obj, const TnObject *ancestor)
{
    for (; obj; obj = obj->parent)
        if (obj == ancestor)
            return true;
    return false;
}

bool tn_object_add_child(TnObject *parent, const char *name, TnObject *child, GError **error)
{
    g_autofree char *where = NULL;
    char *unique;

    g_return_val_if_fail(parent && name && child, false);
    where = tn_object_path(parent);
    if (child->parent || is_below(parent, child)) {
        g_autofree char *path = tn_object_path(child);

        g_set_error(error, TN_ERROR, TN_ERROR_BUSY, "%s cannot be put below %s: it is at %s",
                    child->type->info.name, where, path);
        return false;
    }
    if (!name[0] || strchr(name, '/')) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is no name for an object below %s: "
                    "it must not be empty or have a '/'", name, where);
        return false;
    }
    unique = unique_name(parent, name);
    if (child_called(parent, unique, strlen(unique))) {
        g_set_error(error, TN_ERROR, TN_ERROR_BUSY, "%s has a child called '%s' already", where,
                    unique);
        g_free(unique);
        return false;
    }
    if (!parent->children)
        parent->children = g_ptr_array_new();
    g_ptr_array_add(parent->children, tn_object_ref(child));
    child->parent = parent;
    child->name = unique;
    return true;
}

/* What is below goes too, so that a link from there back to the object does not keep both alive. */
void tn_object_unparent(TnObject *child)
{
    TnObject *parent;

    g_return_if_fail(child);
    parent = child->parent;
    if (!parent)
        return;
    if (child->type->is_device)
        tn_device_unrealize(child);
    while (child->children && child->children->len)
        tn_object_unparent(child->children->pdata[child->children->len - 1]);
    tn_bus_unplugged(parent, child);
    g_ptr_array_remove(parent->children, child);
    child->parent = NULL;
    g_clear_pointer(&child->name, g_free);
    tn_object_unref(child);
}

TnObject *tn_object_parent(TnObject *obj)
{
    g_return_val_if_fail(obj, NULL);
    return obj->parent;
}

const char *tn_object_name(const TnObject *obj)
{
    g_return_val_if_fail(obj, NULL);
    return obj->name;
}

char *tn_object_path(const TnObject *obj)
{
    GString *path = g_string_new(NULL);

    g_return_val_if_fail(obj, NULL);
    for (; obj->parent; obj = obj->parent) {
        g_string_prepend(path, obj->name);
        g_string_prepend_c(path, '/');
    }
    if (!path->len)
        g_string_append(path, "/");
    return g_string_free(path, false);
}

void tn_object_each_child(TnObject *obj, bool (*fn)(TnObject *child, void *data), void *data)
{
    g_return_if_fail(obj && fn);
    for (unsigned i = 0; obj->children && i < obj->children->len; i++)
        if (!fn(obj->children->pdata[i], data))
            return;
}

TnObject *tn_object_new_child(TnObject *parent, const char *name, const char *type, GError **error)
{
    TnObject *child;
    bool added;

    g_return_val_if_fail(parent && name && type, NULL);
    child = tn_object_new(type, error);
    if (!child)
        return NULL;
    added = tn_object_add_child(parent, name, child, error);
    tn_object_unref(child);
    return added ? child : NULL;
}

/* ---- Finding ---------------------------------------------------------------------------- */

static TnObject *find_absolute(const char *path)
{
    TnObject *obj = tn_object_root();

    while (obj && *path) {
        size_t length;

        path += strspn(path, "/");
        length = strcspn(path, "/");
        if (length)
            obj = child_called(obj, path, length);
        path += length;
    }
    return obj;
}

/* Collects every object below `obj` that has the name. */
static void find_named(TnObject *obj, const char *name, GPtrArray *found)
{
    for (unsigned i = 0; obj->children && i < obj->children->len; i++) {
        TnObject *child = obj->children->pdata[i];

        if (strcmp(child->name, name) == 0)
            g_ptr_array_add(found, child);
        find_named(child, name, found);
    }
}

TnObject *tn_object_find(const char *path, GError **error)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    TnObject *obj;

    g_return_val_if_fail(path, NULL);
    if (path[0] == '/') {
        obj = find_absolute(path);
        if (!obj)
            g_set_error(error, TN_ERROR, TN_ERROR_UNKNOWN, "there is no object '%s'", path);
        return obj;
    }
    find_named(tn_object_root(), path, found);
    if (found->len == 1)
        return found->pdata[0];
    if (found->len == 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNKNOWN, "there is no object called '%s'", path);
    } else {
        g_autofree char *first = tn_object_path(found->pdata[0]);
        g_autofree char *second = tn_object_path(found->pdata[1]);

        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "'%s' names more than one object (%s, %s): give the path", path, first, second);
    }
    return NULL;
}
