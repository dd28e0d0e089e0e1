/* SPDX-License-Identifier: MIT */
/*
 * Registered types as the core sees them: what TnTypeInfo says, with everything that is inherited
 * worked out once at registration, so that the lookups of running devices are short.
 */
#ifndef TENON_CORE_TYPE_H
#define TENON_CORE_TYPE_H

#include "tenon/device.h"
#include "tenon/object.h"

/* A property of a type or of one of its ancestors. */
typedef struct TnTypeProperty {
    TnProperty property; /* a copy: a module's may be shorter */
    uint32_t depth;      /* of the type that declares it */
} TnTypeProperty;

/* One level of a chain that implements TN_IFACE_DEVICE itself. */
typedef struct TnDeviceLevel {
    TnDeviceOps ops; /* a copy, missing members NULL */
    uint32_t depth;
} TnDeviceLevel;

typedef struct TnType {
    TnTypeInfo info; /* a copy; its strings and tables are the module's */
    struct TnType *parent;
    uint32_t depth;                   /* 0 for "object" */
    uint32_t *state_offset;           /* by depth, from the start of the object */
    size_t object_size;               /* bytes of an instance with all state blocks */
    GHashTable *interfaces;           /* name -> vtable, inherited ones included */
    GArray *properties;               /* TnTypeProperty, ancestors' first */
    GArray *device_levels;            /* TnDeviceLevel, ancestors' first */
    bool is_device;                   /* "device" is in the chain, at depth 1 */
} TnType;

/* The registered type, NULL when there is none; never loads a module. [any] */
TnType *tn_type_lookup(const char *name);

/* Takes a type back, for the rollback of a failed module load. No object of it may exist. */
void tn_type_unregister(const char *name);

/* Calls fn for each registered type, by name. [main] */
void tn_type_each(void (*fn)(const TnType *type, void *data), void *data);

/* True when the type is, or inherits from, the one called `name`. [any] */
bool tn_type_chain_has(const TnType *type, const char *name);

/* The property of a type (index into `properties`), or -1. */
int tn_type_property_index(const TnType *type, const char *name);

/* NULL-terminated names of a type's properties, borrowed strings; g_free the array. */
const char **tn_type_property_names(const TnType *type);

/*
 * Types of the core itself. TN_CORE_TYPE(info) at file scope makes a type known without a list:
 * the linker gathers the pointers, and the first lookup registers them, parents first.
 */
#define TN_CORE_TYPE(info_) \
    static const TnTypeInfo *const tn_core_type_##info_ \
        __attribute__((section("tn_core_types"), used)) = &(info_)

#endif
