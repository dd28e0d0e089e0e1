/* SPDX-License-Identifier: MIT */
/*
 * Objects inside the core: what hangs on an object besides its types' state. Wires, timers and
 * regions that are "owned by" an object use tn_object_own or tn_object_attach.
 */
#ifndef TENON_CORE_OBJECT_H
#define TENON_CORE_OBJECT_H

#include "core/object/type.h"

struct TnObject {
    const TnType *type;
    gint refs; /* atomic */
    TnObject *parent;    /* borrowed: the parent holds us */
    char *name;          /* owned; NULL without parent */
    GPtrArray *children; /* a reference each; NULL until the first */
    GPtrArray *owned;    /* things freed with the object; NULL until the first */
    GData *attached;     /* by quark */
    GArray *set;         /* uint8_t by property index: set other than by default */
    GHashTable *texts;   /* index -> last text, of properties with their own setter */
};

/* The state block at a depth of the type's chain. */
static inline void *tn_object_state_at(const TnObject *obj, uint32_t depth)
{
    return (char *)obj + obj->type->state_offset[depth];
}

/*
 * `free_fn(data)` runs when the object is finalized, after its types' clear hooks, last owned first.
 * A NULL obj is allowed: then the data lives as long as the process. [main]
 */
void tn_object_own(TnObject *obj, void *data, GDestroyNotify free_fn);

/* One pointer under a key (the key's address or interned text); replaces, freed like owned data. */
void tn_object_attach(TnObject *obj, GQuark key, void *data, GDestroyNotify free_fn);
void *tn_object_attached(const TnObject *obj, GQuark key);

/*
 * The vtable of an interface as tn_object_interface gives it, and the state of the type that brings
 * it: what its hooks are to be called with. `state` may be NULL.
 */
const void *tn_object_interface_state(const TnObject *obj, const char *name, void **state);

/* "edu (/machine/pci.0/edu0)", for the start of messages. g_free. */
char *tn_object_describe(const TnObject *obj);

/*
 * Runs on every new object after its defaults: -global. [main]
 */
typedef bool (*TnObjectDefaultsFn)(TnObject *obj, GError **error);
void tn_object_set_defaults_hook(TnObjectDefaultsFn fn);

/* Sets a property to its default and marks nothing; part of tn_object_new. */
bool tn_object_apply_defaults(TnObject *obj, GError **error);
/* Frees strings, links and claims that properties hold; part of finalizing. */
void tn_object_clear_properties(TnObject *obj);
/* The name of a REQUIRED property that was not set, or NULL. */
const char *tn_object_missing_property(TnObject *obj);

#endif
