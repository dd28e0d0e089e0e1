/* SPDX-License-Identifier: MIT */
/*
 * The registry: which module provides what, from notes alone. Directories are scanned once, at the
 * first question; a module is loaded when something of it is made. [main]
 */
#ifndef TENON_CORE_REGISTRY_H
#define TENON_CORE_REGISTRY_H

#include "module/note.h"
#include "tenon/module.h"

typedef enum TnModuleState {
    TN_MODULE_FOUND,
    TN_MODULE_LOADING, /* it or something it requires is being loaded */
    TN_MODULE_LOADED,
    TN_MODULE_BROKEN,
    TN_MODULE_DENIED, /* -module deny= names it; not broken */
} TnModuleState;

typedef struct TnModuleEntry {
    char *path;    /* owned */
    TnNote *note;  /* owned; NULL when it could not be read */
    bool indexed;  /* the note was taken from the directory's index, not from the file */
    TnModuleState state;
    GError *broken; /* owned: why, in state BROKEN */
    void *handle;   /* of dlopen */
    const TnModule *descriptor;
} TnModuleEntry;

/* Searched before the default places, in order of adding. Only before the first question. */
void tn_registry_add_directory(const char *path);
/* Counts a module as there and forbidden. Only before the first question. */
void tn_registry_deny(const char *name);
/* The places that are searched, in order; NULL-terminated, borrowed. */
const char *const *tn_registry_directories(void);

/* The index of a module directory (index-file.h). */
typedef struct TnModuleIndex {
    char *path;    /* owned */
    GError *error; /* owned: why it was passed over; NULL when it was used */
    unsigned used; /* modules whose notes were taken from it */
} TnModuleIndex;

/* All modules, broken ones included, by path. TnModuleEntry, borrowed. */
const GPtrArray *tn_registry_modules(void);
/* Directories that were refused, with the reason: GError, borrowed. */
const GPtrArray *tn_registry_refused(void);
/* The indexes that were found. TnModuleIndex, borrowed. */
const GPtrArray *tn_registry_indexes(void);

/*
 * Makes sure that what provides (kind, name) is loaded. `canonical` (may be NULL) is set to the
 * name that an alias stands for; borrowed. Errors carry a TnProblem (problem.h).
 */
bool tn_registry_require(const char *kind, const char *name, const char **canonical,
                         GError **error);

/* The line of a note that announces (kind, name), NULL for built-in types. Borrowed. */
const TnProvide *tn_registry_provide(const char *kind, const char *name);

/* What a kind has to offer, built-in types included, by name. */
typedef void (*TnRegistryFn)(const TnProvide *provide, void *data);
void tn_registry_each(const char *kind, TnRegistryFn fn, void *data);

/* Loads one module with what it requires. The error is a cause, with the module as "it". */
bool tn_module_load(TnModuleEntry *module, GError **error);
/* From now on no module is loaded. */
void tn_module_lock(void);
/* The module could be loaded, were it not for the lock. */
bool tn_module_is_locked(const TnModuleEntry *module);
/* The module with a name (of its note), or NULL. */
TnModuleEntry *tn_registry_module(const char *name);
/* The type's name that provides (kind, name): "pc-machine", "chardev-null". g_free. */
char *tn_registry_type_name(const char *kind, const char *name);

/* Runs fini of loaded modules, last loaded first. */
void tn_module_fini_all(void);

#endif
