/* SPDX-License-Identifier: MIT */
/* Checks of anything that is an object: making, freeing, properties. */
#include <string.h>

#include "modcheck/check.h"
#include "object/object.h"

enum { ROUNDS = 3 };

/* The type that the check is about, registered; NULL with an error. */
static const TnType *load_type(Check *check, char **name, GError **error)
{
    const TnType *type;

    if (!tn_check_load_module(check, error))
        return NULL;
    *name = tn_registry_type_name(check->provide->kind, check->provide->name);
    type = tn_type_lookup(*name);
    if (!type)
        tn_check_fail(error, "there is no type '%s'", *name);
    return type;
}

bool tn_check_create(Check *check, GError **error)
{
    g_autofree char *name = NULL;
    const TnType *type = load_type(check, &name, error);

    if (!type)
        return false;
    for (unsigned i = 0; i < ROUNDS; i++) {
        TnObject *obj = tn_object_new(name, error);

        if (!obj)
            return false;
        tn_object_unref(obj);
    }
    if (strcmp(check->provide->kind, "device") == 0 && !type->is_device)
        return tn_check_fail(error, "the type '%s' is no device", name);
    return true;
}

/* ---- Properties -------------------------------------------------------------------------- */

/* A text that no property of the kind takes; NULL where any may be right. */
static const char *wrong_text(const TnProperty *p)
{
    switch (p->kind) {
    case TN_PROP_STRING:
        return NULL;
    case TN_PROP_LINK:
        return "/no/such/object";
    default:
        return "no-such value";
    }
}

/* One past the end of an integer's range, as text; NULL where there is none. g_free. */
static char *beyond(const TnProperty *p)
{
    static const struct {
        TnPropertyKind kind;
        const char *text;
    } ends[] = {
        { TN_PROP_UINT8, "256" }, { TN_PROP_UINT16, "65536" }, { TN_PROP_UINT32, "4294967296" },
        { TN_PROP_UINT64, "18446744073709551616" }, { TN_PROP_INT32, "2147483648" },
        { TN_PROP_INT64, "9223372036854775808" }, { TN_PROP_SIZE, "18446744073709551616" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++) {
        if (p->kind != ends[i].kind)
            continue;
        if ((p->min || p->max) && p->max < G_MAXINT64)
            return g_strdup_printf("%" G_GINT64_FORMAT, p->max + 1);
        return g_strdup(ends[i].text);
    }
    return NULL;
}

static bool refuses(TnObject *obj, const TnProperty *p, const char *text, GError **error)
{
    g_autofree char *before = tn_object_get(obj, p->name, NULL), *after = NULL;
    g_autoptr(GError) cause = NULL;

    if (tn_object_set(obj, p->name, text, &cause))
        return tn_check_fail(error, "property '%s' takes the bad value '%s'", p->name, text);
    if (!cause)
        return tn_check_fail(error, "property '%s' refuses the bad value '%s' without an error",
                             p->name, text);
    if (!strstr(cause->message, p->name))
        return tn_check_fail(error, "property '%s' refuses a bad value, and does not say of which "
                             "property it speaks: %s", p->name, cause->message);
    after = tn_object_get(obj, p->name, NULL);
    return g_strcmp0(before, after) == 0 ||
           tn_check_fail(error, "property '%s' refuses the bad value '%s', and is then '%s' instead "
                         "of '%s'", p->name, text, after ? after : "", before ? before : "");
}

/* What a property says of itself must be what it takes. */
static bool returns_its_value(TnObject *obj, const TnProperty *p, GError **error)
{
    g_autofree char *before = tn_object_get(obj, p->name, error), *after = NULL;

    if (!before)
        return p->kind == TN_PROP_STRING || p->kind == TN_PROP_LINK || p->kind == TN_PROP_CHARDEV;
    if (!before[0] || p->kind == TN_PROP_LINK || p->kind == TN_PROP_CHARDEV)
        return true;
    if ((p->flags & TN_PROP_REQUIRED) && !tn_object_property_is_set(obj, p->name))
        return true; /* what stands there before it is set need not be valid */
    if (!tn_object_set(obj, p->name, before, error)) {
        g_prefix_error(error, "property '%s' does not take its own value '%s': ", p->name, before);
        return false;
    }
    after = tn_object_get(obj, p->name, error);
    return g_strcmp0(before, after) == 0 ||
           tn_check_fail(error, "property '%s' was '%s', and is '%s' after being set to that", p->name,
                         before, after ? after : "");
}

static bool check_property(TnObject *obj, const TnProperty *p, GError **error)
{
    g_autofree char *past = beyond(p);

    if (!p->doc || !p->doc[0])
        return tn_check_fail(error, "property '%s' has no doc line", p->name);
    if (p->flags & TN_PROP_READONLY)
        return refuses(obj, p, p->def ? p->def : "0", error);
    return returns_its_value(obj, p, error) &&
           (!wrong_text(p) || refuses(obj, p, wrong_text(p), error)) &&
           (!past || refuses(obj, p, past, error));
}

bool tn_check_properties(Check *check, GError **error)
{
    g_autofree char *name = NULL;
    const TnType *type = load_type(check, &name, error);
    TnObject *obj = type ? tn_object_new(name, error) : NULL;
    bool good = obj != NULL;

    for (unsigned i = 0; good && i < type->properties->len; i++)
        good = check_property(obj, &g_array_index(type->properties, TnTypeProperty, i).property, error);
    if (good)
        g_string_append_printf(check->remark, "%u properties", type->properties->len);
    if (obj)
        tn_object_unref(obj);
    return good;
}
