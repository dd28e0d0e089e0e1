/* SPDX-License-Identifier: MIT */
/*
 * Properties: values as text in and out, typed access, defaults. A value lies in the state block of
 * the type that declares the property; strings, links and chardevs there belong to the object.
 */
#include "object/object.h"

#include <string.h>

#include "option/parse.h"
#include "tenon/chardev.h"
#include "tenon/error.h"


/* A property of one object: what most functions here work on. */
typedef struct Slot {
    TnObject *obj;
    const TnProperty *property;
    void *state; /* of the declaring type */
    char *place; /* the value */
    int index;
} Slot;

static Slot slot_at(TnObject *obj, int index)
{
    const TnTypeProperty *p = &g_array_index(obj->type->properties, TnTypeProperty, index);
    char *state = tn_object_state_at(obj, p->depth);

    return (Slot){ obj, &p->property, state, state + p->property.offset, index };
}

static bool find_slot(TnObject *obj, const char *name, Slot *slot, GError **error)
{
    int index = tn_type_property_index(obj->type, name);
    g_autofree const char **names = NULL;
    g_autofree char *who = NULL;
    GString *message;

    if (index >= 0) {
        *slot = slot_at(obj, index);
        return true;
    }
    names = tn_type_property_names(obj->type);
    who = tn_object_describe(obj);
    message = g_string_new(NULL);
    g_string_printf(message, "%s has no property '%s'", who, name);
    tn_suggest_append(message, name, names);
    g_set_error_literal(error, TN_ERROR, TN_ERROR_UNKNOWN, message->str);
    g_string_free(message, true);
    return false;
}

/* ---- Ranges ----------------------------------------------------------------------------- */

static uint64_t kind_max(TnPropertyKind kind)
{
    switch (kind) {
    case TN_PROP_UINT8:
        return UINT8_MAX;
    case TN_PROP_UINT16:
        return UINT16_MAX;
    case TN_PROP_UINT32:
        return UINT32_MAX;
    case TN_PROP_INT32:
        return INT32_MAX;
    case TN_PROP_INT64:
        return INT64_MAX;
    default:
        return UINT64_MAX;
    }
}

static bool has_range(const TnProperty *p)
{
    return p->min || p->max;
}

static uint64_t max_of(const TnProperty *p)
{
    return has_range(p) ? (uint64_t)p->max : kind_max(p->kind);
}

static int64_t signed_min(const TnProperty *p)
{
    if (has_range(p))
        return p->min;
    return p->kind == TN_PROP_INT32 ? INT32_MIN : INT64_MIN;
}

static void store_integer(const Slot *slot, uint64_t value)
{
    switch (slot->property->kind) {
    case TN_PROP_BOOL:
        *(bool *)slot->place = value;
        break;
    case TN_PROP_UINT8:
        *(uint8_t *)slot->place = value;
        break;
    case TN_PROP_UINT16:
        *(uint16_t *)slot->place = value;
        break;
    case TN_PROP_UINT32:
    case TN_PROP_INT32:
    case TN_PROP_ENUM:
        *(uint32_t *)slot->place = value;
        break;
    default:
        *(uint64_t *)slot->place = value;
        break;
    }
}

static uint64_t load_integer(const Slot *slot)
{
    switch (slot->property->kind) {
    case TN_PROP_BOOL:
        return *(bool *)slot->place;
    case TN_PROP_UINT8:
        return *(uint8_t *)slot->place;
    case TN_PROP_UINT16:
        return *(uint16_t *)slot->place;
    case TN_PROP_UINT32:
    case TN_PROP_ENUM:
        return *(uint32_t *)slot->place;
    case TN_PROP_INT32:
        return (uint64_t)(int64_t) * (int32_t *)slot->place;
    default:
        return *(uint64_t *)slot->place;
    }
}

/* ---- Storing from text ------------------------------------------------------------------ */

static bool store_enum(const Slot *slot, const char *text, GError **error)
{
    const char *const *values = slot->property->values;
    g_autofree char *valid = NULL;
    GString *message;

    for (uint32_t i = 0; values[i]; i++) {
        if (strcmp(values[i], text) == 0) {
            store_integer(slot, i);
            return true;
        }
    }
    valid = g_strjoinv(", ", (char **)values);
    message = g_string_new(NULL);
    g_string_printf(message, "'%s' is not one of %s", text, valid);
    tn_suggest_append(message, text, values);
    g_set_error_literal(error, TN_ERROR, TN_ERROR_INVALID, message->str);
    g_string_free(message, true);
    return false;
}

static void store_reference(const Slot *slot, TnObject *target)
{
    TnObject **place = (TnObject **)slot->place;
    TnObject *old = *place;

    *place = target ? tn_object_ref(target) : NULL;
    tn_object_unref(old);
}

static bool store_link(const Slot *slot, TnObject *target, GError **error)
{
    const char *type = slot->property->type;

    if (target && type && !tn_object_is_a(target, type)) {
        g_autofree char *who = tn_object_describe(target);

        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s is not a %s", who, type);
        return false;
    }
    store_reference(slot, target);
    return true;
}

static bool store_size(const Slot *slot, const char *text, GError **error)
{
    const TnProperty *p = slot->property;
    uint64_t value;

    if (!tn_parse_size(text, 1, &value, error))
        return false;
    if (has_range(p) && (value < (uint64_t)p->min || value > (uint64_t)p->max)) {
        g_autofree char *min = tn_format_size(p->min);
        g_autofree char *max = tn_format_size(p->max);

        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is out of range: %s to %s is valid",
                    text, min, max);
        return false;
    }
    store_integer(slot, value);
    return true;
}

static bool store_text(const Slot *slot, const char *text, GError **error)
{
    const TnProperty *p = slot->property;
    uint64_t value = 0;
    bool flag;
    TnObject *target = NULL;

    switch (p->kind) {
    case TN_PROP_BOOL:
        if (!tn_parse_bool(text, &flag, error))
            return false;
        store_integer(slot, flag);
        return true;
    case TN_PROP_UINT8:
    case TN_PROP_UINT16:
    case TN_PROP_UINT32:
    case TN_PROP_UINT64:
        if (!tn_parse_uint(text, has_range(p) ? (uint64_t)p->min : 0, max_of(p), &value, error))
            return false;
        store_integer(slot, value);
        return true;
    case TN_PROP_INT32:
    case TN_PROP_INT64:
        if (!tn_parse_int(text, signed_min(p), (int64_t)max_of(p), (int64_t *)&value, error))
            return false;
        store_integer(slot, value);
        return true;
    case TN_PROP_SIZE:
        return store_size(slot, text, error);
    case TN_PROP_STRING:
        g_free(*(char **)slot->place);
        *(char **)slot->place = g_strdup(text);
        return true;
    case TN_PROP_ENUM:
        return store_enum(slot, text, error);
    case TN_PROP_LINK:
        return (!text[0] || (target = tn_object_find(text, error))) &&
               store_link(slot, target, error);
    case TN_PROP_CHARDEV:
        if (text[0] && !(target = tn_chardev_find(text, error)))
            return false;
        store_reference(slot, target);
        return true;
    }
    return false;
}

static bool assign(const Slot *slot, const char *text, GError **error)
{
    const TnProperty *p = slot->property;

    if (!p->set)
        return store_text(slot, text, error);
    if (!p->set(slot->obj, slot->state, text, error))
        return false;
    if (!slot->obj->texts)
        slot->obj->texts = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    g_hash_table_replace(slot->obj->texts, GINT_TO_POINTER(slot->index), g_strdup(text));
    return true;
}

/* ---- Access rules ----------------------------------------------------------------------- */

static bool may_set(const Slot *slot, GError **error)
{
    if (slot->property->flags & TN_PROP_READONLY) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "is read-only");
        return false;
    }
    if (!(slot->property->flags & TN_PROP_LIVE) && slot->obj->type->is_device &&
        tn_device_realized(slot->obj)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BUSY, "cannot be set once the device is realized");
        return false;
    }
    return true;
}

static bool finish_set(const Slot *slot, bool ok, GError **error)
{
    if (ok) {
        g_array_index(slot->obj->set, uint8_t, slot->index) = 1;
    } else {
        g_autofree char *who = tn_object_describe(slot->obj);

        g_prefix_error(error, "%s: property '%s': ", who, slot->property->name);
    }
    return ok;
}

bool tn_object_set(TnObject *obj, const char *name, const char *text, GError **error)
{
    Slot slot;

    g_return_val_if_fail(obj && name && text, false);
    return find_slot(obj, name, &slot, error) &&
           finish_set(&slot, may_set(&slot, error) && assign(&slot, text, error), error);
}

bool tn_object_set_bool(TnObject *obj, const char *name, bool value, GError **error)
{
    return tn_object_set(obj, name, value ? "on" : "off", error);
}

bool tn_object_set_uint(TnObject *obj, const char *name, uint64_t value, GError **error)
{
    char text[24];

    g_snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT, value);
    return tn_object_set(obj, name, text, error);
}

bool tn_object_set_int(TnObject *obj, const char *name, int64_t value, GError **error)
{
    char text[24];

    g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, value);
    return tn_object_set(obj, name, text, error);
}

bool tn_object_set_link(TnObject *obj, const char *name, TnObject *target, GError **error)
{
    Slot slot;
    bool ok;

    g_return_val_if_fail(obj && name, false);
    if (!find_slot(obj, name, &slot, error))
        return false;
    ok = may_set(&slot, error);
    if (ok && slot.property->kind == TN_PROP_LINK) {
        ok = store_link(&slot, target, error);
    } else if (ok && slot.property->kind == TN_PROP_CHARDEV) {
        store_reference(&slot, target);
    } else if (ok) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "is not a link");
        ok = false;
    }
    return finish_set(&slot, ok, error);
}

/* What a property with its own setter was last set to: only the setter knows where it stored. */
static const char *setter_text(const Slot *slot)
{
    const char *text = slot->obj->texts ? g_hash_table_lookup(slot->obj->texts,
                                                              GINT_TO_POINTER(slot->index)) : NULL;

    return text ? text : "";
}

char *tn_object_get(TnObject *obj, const char *name, GError **error)
{
    Slot slot;
    TnObject *target;

    g_return_val_if_fail(obj && name, NULL);
    if (!find_slot(obj, name, &slot, error))
        return NULL;
    if (slot.property->set)
        return g_strdup(setter_text(&slot));
    switch (slot.property->kind) {
    case TN_PROP_BOOL:
        return g_strdup(load_integer(&slot) ? "on" : "off");
    case TN_PROP_INT32:
    case TN_PROP_INT64:
        return g_strdup_printf("%" G_GINT64_FORMAT, (int64_t)load_integer(&slot));
    case TN_PROP_STRING:
        return g_strdup(*(char **)slot.place ? *(char **)slot.place : "");
    case TN_PROP_ENUM:
        return g_strdup(slot.property->values[load_integer(&slot)]);
    case TN_PROP_LINK:
    case TN_PROP_CHARDEV:
        target = *(TnObject **)slot.place;
        return target ? tn_object_path(target) : g_strdup("");
    default:
        return g_strdup_printf("%" G_GUINT64_FORMAT, load_integer(&slot));
    }
}

bool tn_object_get_uint(TnObject *obj, const char *name, uint64_t *value, GError **error)
{
    Slot slot;

    g_return_val_if_fail(obj && name && value, false);
    if (!find_slot(obj, name, &slot, error))
        return false;
    if (slot.property->set && tn_parse_uint(setter_text(&slot), 0, UINT64_MAX, value, NULL))
        return true;
    if (slot.property->set ||
        (slot.property->kind >= TN_PROP_STRING && slot.property->kind != TN_PROP_ENUM)) {
        g_autofree char *who = tn_object_describe(obj);

        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s: property '%s' is not a number", who,
                    name);
        return false;
    }
    *value = load_integer(&slot);
    return true;
}

bool tn_object_has_property(TnObject *obj, const char *name)
{
    g_return_val_if_fail(obj && name, false);
    return tn_type_property_index(obj->type, name) >= 0;
}

bool tn_object_property_is_set(TnObject *obj, const char *name)
{
    int index;

    g_return_val_if_fail(obj && name, false);
    index = tn_type_property_index(obj->type, name);
    return index >= 0 && g_array_index(obj->set, uint8_t, index);
}

/* ---- For the object's life -------------------------------------------------------------- */

bool tn_object_apply_defaults(TnObject *obj, GError **error)
{
    for (unsigned i = 0; i < obj->type->properties->len; i++) {
        Slot slot = slot_at(obj, i);

        if (slot.property->def && !assign(&slot, slot.property->def, error)) {
            g_prefix_error(error, "%s: default of property '%s': ", obj->type->info.name,
                           slot.property->name);
            return false;
        }
    }
    return true;
}

void tn_object_clear_properties(TnObject *obj)
{
    for (unsigned i = 0; i < obj->type->properties->len; i++) {
        Slot slot = slot_at(obj, i);

        if (slot.property->set)
            continue; /* the type's clear hook releases what its setter made */
        if (slot.property->kind == TN_PROP_STRING)
            g_clear_pointer((char **)slot.place, g_free);
        else if (slot.property->kind == TN_PROP_LINK || slot.property->kind == TN_PROP_CHARDEV)
            store_reference(&slot, NULL);
    }
}

const char *tn_object_missing_property(TnObject *obj)
{
    for (unsigned i = 0; i < obj->type->properties->len; i++) {
        Slot slot = slot_at(obj, i);

        if ((slot.property->flags & TN_PROP_REQUIRED) && !g_array_index(obj->set, uint8_t, i))
            return slot.property->name;
    }
    return NULL;
}
