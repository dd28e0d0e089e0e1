/* SPDX-License-Identifier: MIT */
/*
 * The registry of modules; see registry.h. A file that cannot be used is kept with its reason: it
 * hides nothing else, and a name that could be in it is told of when it is missing.
 */
#include "module/registry.h"

#include <string.h>

#include "module/missing.h"
#include "module/scan.h"
#include "object/type.h"
#include "tenon/error.h"
#include "tenon/log.h"

static GPtrArray *modules; /* TnModuleEntry, owned */
static GPtrArray *refused; /* GError, owned */
static GPtrArray *indexes; /* TnModuleIndex, owned */
static GPtrArray *denied;  /* char *, owned: names of modules */

void tn_registry_deny(const char *name)
{
    g_return_if_fail(!modules);
    if (!denied)
        denied = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(denied, g_strdup(name));
}

/* A broken module stays broken: nobody has to know that it is denied as well. */
static void apply_denial(const char *name)
{
    bool found = false;

    for (unsigned i = 0; i < modules->len; i++) {
        TnModuleEntry *module = modules->pdata[i];

        if (!module->note || strcmp(module->note->name, name) != 0)
            continue;
        found = true;
        if (!module->broken)
            module->state = TN_MODULE_DENIED;
    }
    if (!found)
        tn_warn("-module deny=%s: no module has this name", name);
}

static void ensure_scanned(void)
{
    if (modules)
        return;
    modules = g_ptr_array_new();
    refused = g_ptr_array_new();
    indexes = g_ptr_array_new();
    tn_module_scan(tn_registry_directories(), modules, refused, indexes);
    for (unsigned i = 0; denied && i < denied->len; i++)
        apply_denial(denied->pdata[i]);
}

static bool is_usable(const TnModuleEntry *module)
{
    return module->state != TN_MODULE_BROKEN && module->state != TN_MODULE_DENIED;
}

const GPtrArray *tn_registry_modules(void)
{
    ensure_scanned();
    return modules;
}

const GPtrArray *tn_registry_refused(void)
{
    ensure_scanned();
    return refused;
}

const GPtrArray *tn_registry_indexes(void)
{
    ensure_scanned();
    return indexes;
}

TnModuleEntry *tn_registry_module(const char *name)
{
    ensure_scanned();
    for (unsigned i = 0; i < modules->len; i++) {
        TnModuleEntry *module = modules->pdata[i];

        if (module->note && strcmp(module->note->name, name) == 0)
            return module;
    }
    return NULL;
}

/* ---- Names of types --------------------------------------------------------------------- */

char *tn_registry_type_name(const char *kind, const char *name)
{
    if (strcmp(kind, "machine") == 0 || strcmp(kind, "accel") == 0)
        return g_strconcat(name, "-", kind, NULL);
    if (strcmp(kind, "chardev") == 0)
        return g_strconcat("chardev-", name, NULL);
    return g_strdup(name);
}

/* The kind that a type of the core belongs to, and its name there; NULL for none. g_free. */
static char *core_type_name(const TnType *type, const char *kind)
{
    const char *name = type->info.name;
    g_autofree char *suffix = g_strconcat("-", kind, NULL);

    if ((type->info.flags & TN_TYPE_ABSTRACT) || !tn_type_chain_has(type, kind))
        return NULL;
    if (strcmp(kind, "device") == 0)
        return g_strdup(name);
    if (strcmp(kind, "object") == 0)
        return g_hash_table_contains(type->interfaces, TN_IFACE_USER_CREATABLE) ? g_strdup(name)
                                                                                : NULL;
    if (strcmp(kind, "chardev") == 0)
        return g_str_has_prefix(name, "chardev-") ? g_strdup(name + strlen("chardev-")) : NULL;
    return g_str_has_suffix(name, suffix) ? g_strndup(name, strlen(name) - strlen(suffix)) : NULL;
}

/* ---- Listing ---------------------------------------------------------------------------- */

typedef struct Listing {
    const char *kind;
    GHashTable *seen; /* name -> TnProvide */
    GPtrArray *made;  /* TnProvide for built-in types, owned here */
} Listing;

static void list_core_type(const TnType *type, void *data)
{
    Listing *listing = data;
    char *name = core_type_name(type, listing->kind);
    TnProvide *provide;

    if (!name || g_hash_table_contains(listing->seen, name)) {
        g_free(name);
        return;
    }
    provide = g_new0(TnProvide, 1);
    provide->kind = (char *)listing->kind;
    provide->name = name;
    provide->bus = provide->category = (char *)"";
    provide->description = (char *)(type->info.description ? type->info.description : "");
    provide->aliases = g_ptr_array_new();
    provide->flags = tn_type_chain_has(type, TN_TYPE_DEVICE) ? 0 : TN_PROVIDE_USER;
    g_ptr_array_add(listing->made, provide);
    g_hash_table_insert(listing->seen, name, provide);
}

static void free_made(gpointer data)
{
    TnProvide *provide = data;

    g_free(provide->name);
    g_ptr_array_unref(provide->aliases);
    g_free(provide);
}

static void list_modules(Listing *listing)
{
    for (unsigned i = 0; i < modules->len; i++) {
        const TnModuleEntry *module = modules->pdata[i];

        for (unsigned j = 0; is_usable(module) && j < module->note->provides->len; j++) {
            TnProvide *provide = module->note->provides->pdata[j];

            if (strcmp(provide->kind, listing->kind) == 0 &&
                !g_hash_table_contains(listing->seen, provide->name))
                g_hash_table_insert(listing->seen, provide->name, provide);
        }
    }
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(a, b);
}

void tn_registry_each(const char *kind, TnRegistryFn fn, void *data)
{
    Listing listing = { .kind = kind };
    GList *names;

    ensure_scanned();
    listing.seen = g_hash_table_new(g_str_hash, g_str_equal);
    listing.made = g_ptr_array_new_with_free_func(free_made);
    list_modules(&listing);
    tn_type_each(list_core_type, &listing);
    names = g_list_sort(g_hash_table_get_keys(listing.seen), compare_names);
    for (GList *l = names; l; l = l->next)
        fn(g_hash_table_lookup(listing.seen, l->data), data);
    g_list_free(names);
    g_hash_table_unref(listing.seen);
    g_ptr_array_unref(listing.made);
}

/* ---- Finding ---------------------------------------------------------------------------- */

static const TnProvide *provides(const TnNote *note, const char *kind, const char *name)
{
    for (unsigned i = 0; note && i < note->provides->len; i++) {
        const TnProvide *provide = note->provides->pdata[i];

        if (strcmp(provide->kind, kind) != 0)
            continue;
        if (strcmp(provide->name, name) == 0)
            return provide;
        for (unsigned j = 0; j < provide->aliases->len; j++)
            if (strcmp(provide->aliases->pdata[j], name) == 0)
                return provide;
    }
    return NULL;
}

/* The usable module that provides a name; else the broken or denied one that would. */
static TnModuleEntry *find_provider(const char *kind, const char *name, const TnProvide **provide)
{
    TnModuleEntry *unusable = NULL;

    for (unsigned i = 0; i < modules->len; i++) {
        TnModuleEntry *module = modules->pdata[i];
        const TnProvide *found = provides(module->note, kind, name);

        if (!found || (unusable && !is_usable(module)))
            continue;
        *provide = found;
        if (is_usable(module))
            return module;
        unusable = module;
    }
    return unusable;
}

const TnProvide *tn_registry_provide(const char *kind, const char *name)
{
    const TnProvide *provide = NULL;

    ensure_scanned();
    find_provider(kind, name, &provide);
    return provide;
}

/* What is there, and cannot be used: the state of its module says which problem it is. */
static TnProblem *module_problem(const TnModuleEntry *module, const char *kind, const char *name,
                                 const GError *cause)
{
    TnProblem *problem = g_new0(TnProblem, 1);

    problem->code = module->state == TN_MODULE_DENIED ? TN_PROBLEM_DENIED
                    : tn_module_is_locked(module)     ? TN_PROBLEM_LOCKED
                                                      : TN_PROBLEM_BROKEN;
    problem->kind = g_strdup(kind);
    problem->name = g_strdup(name);
    problem->module = g_strdup(module->note->name);
    problem->path = g_strdup(module->path);
    problem->cause = g_strdup(cause->message);
    return problem;
}

static bool load_for(TnModuleEntry *module, const char *kind, const char *name, GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (tn_module_load(module, &cause))
        return true;
    tn_problem_raise(module_problem(module, kind, name, cause), error);
    return false;
}

bool tn_registry_require(const char *kind, const char *name, const char **canonical, GError **error)
{
    const TnProvide *provide = NULL;
    g_autofree char *type_name = tn_registry_type_name(kind, name);
    TnModuleEntry *module;
    TnType *builtin;

    ensure_scanned();
    module = find_provider(kind, name, &provide);
    if (module) {
        if (canonical)
            *canonical = provide->name;
        return load_for(module, kind, name, error);
    }
    builtin = tn_type_lookup(type_name);
    if (builtin && (!canonical || !(builtin->info.flags & TN_TYPE_ABSTRACT))) {
        if (canonical)
            *canonical = name;
        return true;
    }
    tn_problem_raise(tn_missing_problem(kind, name), error);
    return false;
}

/* ---- Types and interfaces by name ------------------------------------------------------- */

/* The kinds that a type's name may belong to, as tn_registry_type_name spells them. */
static bool require_type(const char *name, GError **error)
{
    static const char *const plain[] = { "device", "object", "bus", "iface" };
    const TnProvide *provide;
    g_autofree char *stem = NULL;

    if (g_str_has_suffix(name, "-machine") || g_str_has_suffix(name, "-accel")) {
        const char *kind = strrchr(name, '-') + 1;

        stem = g_strndup(name, kind - 1 - name);
        return tn_registry_require(kind, stem, NULL, error);
    }
    if (g_str_has_prefix(name, "chardev-"))
        return tn_registry_require("chardev", name + strlen("chardev-"), NULL, error);
    ensure_scanned();
    for (unsigned i = 0; i < G_N_ELEMENTS(plain); i++)
        if (find_provider(plain[i], name, &provide))
            return tn_registry_require(plain[i], name, NULL, error);
    return tn_registry_require("device", name, NULL, error);
}

/* An alias of a device or object is a name of its type as well. */
static const TnType *lookup_alias(const char *name)
{
    static const char *const plain[] = { "device", "object" };
    const TnProvide *provide;

    for (unsigned i = 0; i < G_N_ELEMENTS(plain); i++)
        if (find_provider(plain[i], name, &provide))
            return tn_type_lookup(provide->name);
    return NULL;
}

const TnTypeInfo *tn_type_find(const char *name, GError **error)
{
    const TnType *type;

    g_return_val_if_fail(name, NULL);
    type = tn_type_lookup(name);
    if (!type) {
        if (!require_type(name, error))
            return NULL;
        type = tn_type_lookup(name);
        if (!type)
            type = lookup_alias(name);
    }
    if (!type)
        g_set_error(error, TN_ERROR, TN_ERROR_UNKNOWN, "there is no type '%s'", name);
    return type ? &type->info : NULL;
}

/* "target/x86_64" is what a target module provides as kind target, name x86_64. */
static TnModuleEntry *interface_provider(const char *name)
{
    const char *slash = strchr(name, '/');
    g_autofree char *kind = slash ? g_strndup(name, slash - name) : NULL;
    const TnProvide *provide;
    TnModuleEntry *module = find_provider("iface", name, &provide);

    return module || !slash ? module : find_provider(kind, slash + 1, &provide);
}

const void *tn_interface_find(const char *name, GError **error)
{
    g_autofree char *kind = NULL;
    TnModuleEntry *module;
    const void *vtable = NULL;
    const TnModuleHooks *hooks;
    const char *slash;

    g_return_val_if_fail(name, NULL);
    ensure_scanned();
    slash = strchr(name, '/');
    kind = slash ? g_strndup(name, slash - name) : g_strdup("iface");
    module = interface_provider(name);
    if (!module)
        tn_problem_raise(tn_missing_problem(kind, slash ? slash + 1 : name), error);
    if (!module || !load_for(module, kind, slash ? slash + 1 : name, error))
        return NULL;
    hooks = module->descriptor->hooks;
    if (hooks->interface)
        vtable = hooks->interface(name);
    if (!vtable)
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "the module %s announces the interface '%s' and does not have it", module->path,
                    name);
    return vtable;
}
