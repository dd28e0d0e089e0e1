/* SPDX-License-Identifier: MIT */
/*
 * The object model: types by name with single inheritance, declarative properties, interfaces, and
 * one composition tree of objects with paths such as /machine/pci.0/edu0.
 *
 * A type is a const TnTypeInfo that its module provides. An object is opaque; each type in its
 * chain has its own private state, allocated zeroed by the core, so a type never embeds its
 * parent's struct and may grow without its heirs being rebuilt. What a type can do is a list of
 * interfaces: a name and a table of functions (a "vtable" whose first member is its size). A heir
 * inherits its parent's interfaces and may replace them by name.
 *
 * Lifetime: tn_object_new gives one reference. A parent holds a reference to each child. The last
 * unref finalizes: heirs first, then parents.
 */
#ifndef TENON_OBJECT_H
#define TENON_OBJECT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tenon/macros.h"
#include "tenon/state.h"

TN_BEGIN_DECLS

typedef struct TnObject TnObject;

#define TN_TYPE_OBJECT "object"

/* ---- Properties ------------------------------------------------------------------------- */

typedef enum TnPropertyKind {
    TN_PROP_BOOL = 0,     /* bool; "on|off" (also yes/no, true/false) */
    TN_PROP_UINT8 = 1,
    TN_PROP_UINT16 = 2,
    TN_PROP_UINT32 = 3,
    TN_PROP_UINT64 = 4,
    TN_PROP_INT32 = 5,
    TN_PROP_INT64 = 6,
    TN_PROP_SIZE = 7,     /* uint64_t; decimal or hex with suffix B K M G T P E (powers of 1024) */
    TN_PROP_STRING = 8,   /* char *, owned by the object, freed with it; NULL when not set */
    TN_PROP_ENUM = 9,     /* uint32_t: index into `values` */
    TN_PROP_LINK = 10,    /* TnObject *, a reference; value is a path or an id; checked against `type` */
    TN_PROP_CHARDEV = 11, /* TnChardev *, the front end's claim on a chardev given by id */
} TnPropertyKind;

/*
 * One property, stored in the type's private state at `offset`. Tables end with a NULL name; rows
 * lie sizeof(TnProperty) apart, which TnTypeInfo.property_stride tells the core.
 * Where `set` is given it is called with the text instead of storing (and may store by itself);
 * it must leave the state untouched on failure.
 */
typedef struct TnProperty {
    const char *name;
    TnPropertyKind kind;
    uint32_t offset;      /* offsetof in the type's state */
    const char *doc;      /* one line, shown by -device X,help */
    const char *def;      /* default as text; NULL is zero, off, empty or not set */
    int64_t min, max;     /* inclusive, for integers and sizes; both 0: the kind's whole range */
    const char *const *values; /* ENUM: names, NULL-terminated */
    const char *type;     /* LINK: type or interface name the target must have */
    bool (*set)(TnObject *obj, void *state, const char *text, GError **error);
    uint32_t flags;       /* TN_PROP_* below */
} TnProperty;

enum {
    TN_PROP_REQUIRED = 1u << 0, /* realize fails with a clear error when it was not set */
    TN_PROP_LIVE = 1u << 1,     /* may be set after realize */
    TN_PROP_READONLY = 1u << 2,
    TN_PROP_ALIAS_BUS = 1u << 3, /* reserved */
};

#define TN_PROPERTY_STRIDE sizeof(TnProperty)

/* ---- Interfaces ------------------------------------------------------------------------- */

/* Frozen: two pointers. What an interface gains, its vtable gains. */
typedef struct TnInterfaceImpl {
    const char *name;   /* NULL ends a list */
    const void *vtable; /* starts with uint32_t size */
} TnInterfaceImpl;

/*
 * What -object may make. complete (may be NULL) runs once all properties are set; what it refuses
 * ends the program before the machine is built.. [main]
 */
#define TN_IFACE_USER_CREATABLE "user-creatable"

typedef struct TnUserCreatableOps {
    uint32_t size;
    bool (*complete)(TnObject *obj, void *state, GError **error);
} TnUserCreatableOps;

/* ---- Types ------------------------------------------------------------------------------ */

enum {
    TN_TYPE_ABSTRACT = 1u << 0,
};

typedef struct TnTypeInfo {
    uint32_t size;       /* sizeof(TnTypeInfo) */
    uint32_t flags;      /* TN_TYPE_* */
    const char *name;
    const char *parent;  /* NULL: TN_TYPE_OBJECT */
    uint32_t state_size; /* bytes of this type's own state; may be 0 */
    uint32_t property_stride; /* sizeof(TnProperty), 0 when there are none */
    const TnProperty *properties;
    const TnStateField *state; /* what save writes besides registers; see state.h */
    const TnInterfaceImpl *interfaces;
    const char *description;
    /* Runs after properties got their defaults: creates children. Parents first. May be NULL. */
    bool (*init)(TnObject *obj, void *state, GError **error);
    /* Releases what init and property setters made. Must take a half-built object. May be NULL. */
    void (*clear)(TnObject *obj, void *state);
    uint32_t state_stride; /* sizeof(TnStateField), 0 when `state` is NULL */
    uint32_t reserved;     /* 0 */
} TnTypeInfo;

/*
 * Registers a type; `info` must stay valid. Called by the core for every type a module provides.
 * Fails on a duplicate name or an unknown parent. [main]
 */
TN_API bool tn_type_register(const TnTypeInfo *info, GError **error);

/* The registered type, loading the module that provides it; NULL with an error. [main] */
TN_API const TnTypeInfo *tn_type_find(const char *name, GError **error);

/* True when type `name` is `ancestor` or inherits from it. Both registered. [any] */
TN_API bool tn_type_is_a(const char *name, const char *ancestor);

/* ---- Objects ---------------------------------------------------------------------------- */

/* Creates an object with default properties and no parent. One reference. [main] */
TN_API TnObject *tn_object_new(const char *type, GError **error);
/* Takes a reference and returns `obj`. [any] */
TN_API TnObject *tn_object_ref(TnObject *obj);
/* Gives a reference back; the last one finalizes. Takes NULL. [main +lock] */
TN_API void tn_object_unref(TnObject *obj);

/* The name of the most derived type; borrowed. [any] */
TN_API const char *tn_object_type(const TnObject *obj);
/* True when the object's type is, inherits from, or has an interface called `name`. [any] */
TN_API bool tn_object_is_a(const TnObject *obj, const char *name);

/* The private state of the type called `type` in the object's chain; never NULL for a type the
 * object has, NULL otherwise. [any] */
TN_API void *tn_object_state(TnObject *obj, const char *type);
/* The state of the most derived type. [any] */
TN_API void *tn_object_own_state(TnObject *obj);
/* The object that owns a private state got from the two above. [any] */
TN_API TnObject *tn_object_from_state(void *state);

/* The vtable of an interface, most derived first; NULL when the object has none. [any] */
TN_API const void *tn_object_interface(const TnObject *obj, const char *name);
/* The vtable that the parent type of `type` has: for calling up. NULL when none. [any] */
TN_API const void *tn_object_parent_interface(const TnObject *obj, const char *type, const char *name);

/* ---- Composition tree ------------------------------------------------------------------- */

/* The root of the tree. Borrowed, never NULL. [any] */
TN_API TnObject *tn_object_root(void);
/* The object at "/machine", NULL before it exists. Borrowed. [any] */
TN_API TnObject *tn_machine_object(void);

/*
 * Adds a child under a name (made unique by a number in brackets when it ends in "[*]"). The parent
 * takes a reference; the caller keeps its own. Fails when the name is taken or the child has a
 * parent already. [main]
 */
TN_API bool tn_object_add_child(TnObject *parent, const char *name, TnObject *child, GError **error);
/* Takes an object out of the tree with all that is below it; devices are unrealized first. Each
 * goes when the last other reference to it does. [main] */
TN_API void tn_object_unparent(TnObject *child);
/* The object above; borrowed, NULL at the top. [main +lock] */
TN_API TnObject *tn_object_parent(TnObject *obj);
/* The name below its parent; borrowed, NULL without parent. [main +lock] */
TN_API const char *tn_object_name(const TnObject *obj);
/* The path from the root, "/machine/..."; g_free. [main +lock] */
TN_API char *tn_object_path(const TnObject *obj);
/* Finds by absolute path, or by a bare name or id that is unique in the tree. Borrowed; NULL with
 * TN_ERROR_UNKNOWN when there is none, TN_ERROR_INVALID when there are several. [main +lock] */
TN_API TnObject *tn_object_find(const char *path, GError **error);

/* Calls fn(child, data) for each child (in order of adding) until it returns false. fn must not add
 * or take away children. [main +lock] */
TN_API void tn_object_each_child(TnObject *obj, bool (*fn)(TnObject *child, void *data), void *data);

/* Creates an object as a child, for init functions: new, add_child, and drops the own reference.
 * Returns it borrowed, or NULL with an error. [main +lock] */
TN_API TnObject *tn_object_new_child(TnObject *parent, const char *name, const char *type,
                                     GError **error);

/* ---- Property access -------------------------------------------------------------------- */

/*
 * Set a property from a text as on the command line, or from a value. false with an error that
 * names the object, the property, the value and what is valid: for an unknown property, a value of
 * the wrong kind or out of its range, one that is read-only, and one not LIVE once realized. A link
 * takes a reference of its own; NULL clears it. [main +lock]
 */
TN_API bool tn_object_set(TnObject *obj, const char *name, const char *text, GError **error);
TN_API bool tn_object_set_bool(TnObject *obj, const char *name, bool value, GError **error);
TN_API bool tn_object_set_uint(TnObject *obj, const char *name, uint64_t value, GError **error);
TN_API bool tn_object_set_int(TnObject *obj, const char *name, int64_t value, GError **error);
TN_API bool tn_object_set_link(TnObject *obj, const char *name, TnObject *target, GError **error);
/* The value as text, g_free; NULL with an error for an unknown property. [main +lock] */
TN_API char *tn_object_get(TnObject *obj, const char *name, GError **error);
/* A BOOL, ENUM, SIZE or unsigned integer property's number in *value; false with an error for an
 * unknown one or one of another kind, with *value unchanged. [main +lock] */
TN_API bool tn_object_get_uint(TnObject *obj, const char *name, uint64_t *value, GError **error);
/* True when the object's type or an ancestor has the property. [any] */
TN_API bool tn_object_has_property(TnObject *obj, const char *name);
/* True when the property was set other than by its default; false for one it has not. [main
 * +lock] */
TN_API bool tn_object_property_is_set(TnObject *obj, const char *name);

TN_END_DECLS

#endif
