/* SPDX-License-Identifier: MIT */
/*
 * The registry of modules; see registry.h. A file that cannot be used is kept with its reason: it
 * hides nothing else, and a name that could be in it is told of when it is missing.
 */
#include "module/registry.h"

#include <string.h>

#include "module/catalogue.h"
#include "module/scan.h"
#include "object/type.h"
#include "option/parse.h"
#include "tenon/error.h"

static GPtrArray *modules; /* TnModuleEntry, owned */
static GPtrArray *refused; /* GError, owned */

static void ensure_scanned(void)
{
    if (modules)
        return;
    modules = g_ptr_array_new();
    refused = g_ptr_array_new();
    tn_module_scan(tn_registry_directories(), modules, refused);
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

        for (unsigned j = 0; module->note && module->state != TN_MODULE_BROKEN &&
                             j < module->note->provides->len; j++) {
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

/* The usable module that provides a name; else the broken one that would. */
static TnModuleEntry *find_provider(const char *kind, const char *name, const TnProvide **provide)
{
    TnModuleEntry *broken = NULL;

    for (unsigned i = 0; i < modules->len; i++) {
        TnModuleEntry *module = modules->pdata[i];
        const TnProvide *found = provides(module->note, kind, name);

        if (!found || (broken && module->state == TN_MODULE_BROKEN))
            continue;
        *provide = found;
        if (module->state != TN_MODULE_BROKEN)
            return module;
        broken = module;
    }
    return broken;
}

const TnProvide *tn_registry_provide(const char *kind, const char *name)
{
    const TnProvide *provide = NULL;

    ensure_scanned();
    find_provider(kind, name, &provide);
    return provide;
}

static void collect_name(const TnProvide *provide, void *data)
{
    GPtrArray *names = data;

    g_ptr_array_add(names, g_strdup(provide->name));
    for (unsigned i = 0; i < provide->aliases->len; i++)
        g_ptr_array_add(names, g_strdup(provide->aliases->pdata[i]));
}

static char *squeezed(const char *text)
{
    GString *out = g_string_new(NULL);

    for (; *text; text++)
        if (g_ascii_isalnum(*text))
            g_string_append_c(out, g_ascii_tolower(*text));
    return g_string_free(out, false);
}

/* A file that could not be read may be what the user misses, when its name says so. */
static void hint_broken(GString *message, const char *name)
{
    g_autofree char *wanted = squeezed(name);

    for (unsigned i = 0; i < modules->len; i++) {
        const TnModuleEntry *module = modules->pdata[i];
        g_autofree char *base = g_path_get_basename(module->path);
        g_autofree char *stem = squeezed(base);

        if (module->note || !module->broken || !wanted[0] ||
            (!strstr(stem, wanted) && !g_str_has_prefix(wanted, stem)))
            continue;
        g_string_append_printf(message, "; the module %s may have it, but cannot be used: %s",
                               module->path, module->broken->message);
    }
}

/* A kind as a reader calls it. */
static const char *kind_noun(const char *kind)
{
    static const char *const nouns[][2] = {
        { "accel", "accelerator" }, { "chardev", "character device back end" },
        { "iface", "interface" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(nouns); i++)
        if (strcmp(nouns[i][0], kind) == 0)
            return nouns[i][1];
    return kind;
}

static void set_missing_error(const char *kind, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    GString *message = g_string_new(NULL);
    TnError code = tn_catalogue_missing(kind, kind_noun(kind), name, message);

    if (code == TN_ERROR_UNKNOWN) {
        tn_registry_each(kind, collect_name, names);
        g_ptr_array_add(names, NULL);
        g_string_append_printf(message, "there is no %s '%s'", kind_noun(kind), name);
        tn_suggest_append(message, name, (const char *const *)names->pdata);
    }
    hint_broken(message, name);
    for (unsigned i = 0; i < refused->len; i++)
        g_string_append_printf(message, "; not looked into: %s",
                               ((GError *)refused->pdata[i])->message);
    g_set_error_literal(error, TN_ERROR, code, message->str);
    g_string_free(message, true);
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
        if (module->state != TN_MODULE_BROKEN)
            return tn_module_load(module, error);
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "the %s '%s' is in the module %s, which cannot be used: %s", kind_noun(kind),
                    name, module->path, module->broken->message);
        return false;
    }
    builtin = tn_type_lookup(type_name);
    if (builtin && (!canonical || !(builtin->info.flags & TN_TYPE_ABSTRACT))) {
        if (canonical)
            *canonical = name;
        return true;
    }
    set_missing_error(kind, name, error);
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
    TnModuleEntry *module;
    const void *vtable = NULL;
    const TnModuleHooks *hooks;

    g_return_val_if_fail(name, NULL);
    ensure_scanned();
    module = interface_provider(name);
    if (!module) {
        const char *slash = strchr(name, '/');
        g_autofree char *kind = slash ? g_strndup(name, slash - name) : g_strdup("iface");

        set_missing_error(kind, slash ? slash + 1 : name, error);
        return NULL;
    }
    if (module->state == TN_MODULE_BROKEN) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "the module %s cannot be used: %s",
                    module->path, module->broken->message);
        return NULL;
    }
    if (!tn_module_load(module, error))
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
