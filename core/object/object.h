/* SPDX-License-Identifier: MIT */
/*
 * Objects inside the core: what hangs on an object besides its types' state. What is "owned by" an
 * object (wires, timers, regions) is kept by clock/owned.h and freed when the object is finalized.
 */
#ifndef TENON_CORE_OBJECT_H
#define TENON_CORE_OBJECT_H

#include "object/type.h"

struct TnObject {
    const TnType *type;
    gint refs; /* atomic */
    TnObject *parent;    /* borrowed: the parent holds us */
    char *name;          /* owned; NULL without parent */
    GPtrArray *children; /* a reference each; NULL until the first */
    GArray *set;         /* uint8_t by property index: set other than by default */
    GHashTable *texts;   /* index -> last text, of properties with their own setter */
};

/* The state block at a depth of the type's chain. */
static inline void *tn_object_state_at(const TnObject *obj, uint32_t depth)
{
    return (char *)obj + obj->type->state_offset[depth];
}

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
