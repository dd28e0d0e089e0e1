/* SPDX-License-Identifier: MIT */
/* Checks that load the module, and of its init and fini. */
#include <string.h>

#include "modcheck/check.h"
#include "object/type.h"

enum {
    ROUNDS = 3,
    LOAD_LIMIT_MS = 1000,
};

static void add_directories(const Check *check)
{
    g_autofree char *own = g_path_get_dirname(check->path);

    tn_registry_add_directory(own);
    for (unsigned i = 0; i < check->options->directories->len; i++)
        tn_registry_add_directory(check->options->directories->pdata[i]);
}

/* The module's entry in the registry, where its own directory comes first. */
static TnModuleEntry *find_module(const Check *check, GError **error)
{
    const GPtrArray *modules, *refused;

    add_directories(check);
    modules = tn_registry_modules();
    for (unsigned i = 0; i < modules->len; i++) {
        TnModuleEntry *module = modules->pdata[i];

        if (strcmp(module->path, check->path) == 0)
            return module;
    }
    refused = tn_registry_refused();
    tn_check_fail(error, "it is not found in its directory%s%s", refused->len ? ": " : "",
                  refused->len ? ((GError *)refused->pdata[0])->message : "");
    return NULL;
}

TnModuleEntry *tn_check_load_module(Check *check, GError **error)
{
    TnModuleEntry *module = find_module(check, error);

    return module && tn_module_load(module, error) ? module : NULL;
}

bool tn_check_load(Check *check, GError **error)
{
    TnModuleEntry *module = find_module(check, error);
    int64_t start = g_get_monotonic_time(), spent;

    if (!module || !tn_module_load(module, error))
        return false;
    spent = (g_get_monotonic_time() - start) / 1000;
    g_string_append_printf(check->remark, "%d ms to load, with what it requires", (int)spent);
    return spent <= LOAD_LIMIT_MS ||
           tn_check_fail(error, "it takes %d ms to load; at most %d are reasonable", (int)spent,
                         LOAD_LIMIT_MS);
}

/* ---- init and fini ----------------------------------------------------------------------- */

static void unregister_all(const TnTypeInfo *const *types, unsigned n)
{
    while (n-- > 0)
        tn_type_unregister(types[n]->name);
}

static unsigned count_types(const TnTypeInfo *const *types)
{
    unsigned n = 0;

    while (types && types[n])
        n++;
    return n;
}

/* One more round of what the loader does: types, then init. */
static bool bring_up(const TnModuleHooks *hooks, unsigned n, GError **error)
{
    g_autoptr(GError) cause = NULL;

    for (unsigned i = 0; i < n; i++) {
        if (!tn_type_register(hooks->types[i], error)) {
            unregister_all(hooks->types, i);
            return false;
        }
    }
    if (!hooks->init || hooks->init(&cause))
        return true;
    unregister_all(hooks->types, n);
    return tn_check_fail(error, "init fails when it runs again: %s",
                         cause ? cause->message : "it gives no reason");
}

bool tn_check_init_and_fini(Check *check, GError **error)
{
    TnModuleEntry *module = tn_check_load_module(check, error);
    const TnModuleHooks *hooks;
    unsigned n;

    if (!module)
        return false;
    hooks = module->descriptor->hooks;
    n = count_types(hooks->types);
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (hooks->fini)
            hooks->fini();
        unregister_all(hooks->types, n);
        if (!bring_up(hooks, n, error))
            return false;
    }
    return true;
}

/* ---- Rollback ---------------------------------------------------------------------------- */

/* A type of the test's own that stands in the way of one of the module's. */
static TnTypeInfo obstacle = { .size = sizeof(TnTypeInfo) };

static const char *last_type(const Check *check)
{
    static char *name;

    for (unsigned i = 0; i < check->note->provides->len; i++) {
        const TnProvide *provide = check->note->provides->pdata[i];

        if (strcmp(provide->kind, "device") == 0 || strcmp(provide->kind, "machine") == 0 ||
            strcmp(provide->kind, "chardev") == 0 || strcmp(provide->kind, "object") == 0) {
            g_free(name);
            name = tn_registry_type_name(provide->kind, provide->name);
        }
    }
    return name;
}

static bool nothing_is_left(const Check *check, GError **error)
{
    for (unsigned i = 0; i < check->note->provides->len; i++) {
        const TnProvide *provide = check->note->provides->pdata[i];
        g_autofree char *type = tn_registry_type_name(provide->kind, provide->name);

        if (strcmp(type, obstacle.name) != 0 && tn_type_lookup(type))
            return tn_check_fail(error, "the type '%s' is left behind by a load that failed", type);
    }
    return true;
}

/* Loading fails half-way because a name is taken; without the obstacle it must then work. */
bool tn_check_rollback(Check *check, GError **error)
{
    TnModuleEntry *module = find_module(check, error);
    g_autoptr(GError) expected = NULL;

    if (!module)
        return false;
    if (module->state != TN_MODULE_FOUND)
        return tn_check_skip(check, "it cannot be loaded");
    obstacle.name = last_type(check);
    if (!obstacle.name)
        return tn_check_skip(check, "it provides no type");
    if (!tn_type_register(&obstacle, error))
        return false;
    if (tn_module_load(module, &expected))
        return tn_check_fail(error, "it loads although its type '%s' is there already", obstacle.name);
    if (!nothing_is_left(check, error))
        return false;
    tn_type_unregister(obstacle.name);
    g_clear_error(&module->broken);
    module->state = TN_MODULE_FOUND;
    if (tn_module_load(module, error))
        return true;
    g_prefix_error(error, "after a load that failed it cannot be loaded any more: ");
    return false;
}
