/* SPDX-License-Identifier: MIT */
/*
 * Loads modules: note, ABI and host were checked when the file was found (a note that an index told
 * is compared with the file's first); then what it requires, dlopen (library.c), the descriptor
 * against the note, its types, and init. The last two are one transaction: a failure takes
 * everything back. A loaded module stays until the process ends.
 */
#include "module/registry.h"

#include <dlfcn.h>
#include <string.h>

#include "module/catalogue.h"
#include "module/library.h"
#include "object/type.h"
#include "tenon/error.h"
#include "tenon/machine.h"

static GPtrArray *loaded; /* TnModuleEntry, borrowed, in order of loading */
static bool locked;       /* -module lock, and the machine has started */

void tn_module_lock(void)
{
    locked = true;
}

bool tn_module_is_locked(const TnModuleEntry *module)
{
    return locked && module->state == TN_MODULE_FOUND;
}

/* ---- Checks ----------------------------------------------------------------------------- */

static bool check_descriptor(const TnModuleEntry *module, const TnModule *d, GError **error)
{
    if (d->size < TN_SIZE_WITH(TnModule, hooks) || !d->note || !d->hooks ||
        d->hooks->size < TN_SIZE_WITH(TnModuleHooks, interface)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its descriptor is incomplete");
        return false;
    }
    if (d->abi_major != TN_ABI_MAJOR || d->abi_minor > TN_ABI_MINOR) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its code needs ABI %u.%u, unlike its note",
                    d->abi_major, d->abi_minor);
        return false;
    }
    if (d->note_size != module->note->text_size ||
        memcmp(d->note, module->note->text, d->note_size) != 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "its note in the file is not the one that it was built with");
        return false;
    }
    return true;
}

/* ---- Types, as a transaction ------------------------------------------------------------ */

static void unregister_types(const TnTypeInfo *const *types, unsigned n)
{
    while (n-- > 0)
        tn_type_unregister(types[n]->name);
}

static bool register_types(const TnTypeInfo *const *types, unsigned *n, GError **error)
{
    for (*n = 0; types && types[*n]; ++*n) {
        if (!tn_type_register(types[*n], error)) {
            unregister_types(types, *n);
            *n = 0;
            return false;
        }
    }
    return true;
}

/* What the note announces must be there: a listing that lies is worse than none. */
static bool check_provides(const TnNote *note, GError **error)
{
    static const char *const typed[] = { "device", "machine", "accel", "chardev", "object", NULL };

    for (unsigned i = 0; i < note->provides->len; i++) {
        const TnProvide *provide = note->provides->pdata[i];
        g_autofree char *type = tn_registry_type_name(provide->kind, provide->name);

        if (g_strv_contains(typed, provide->kind) && !tn_type_lookup(type)) {
            g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                        "it announces the %s '%s' and has no type '%s'", provide->kind,
                        provide->name, type);
            return false;
        }
    }
    return true;
}

static bool bring_up(TnModuleEntry *module, GError **error)
{
    const TnModuleHooks *hooks = module->descriptor->hooks;
    g_autoptr(GError) cause = NULL;
    unsigned n;

    if (!register_types(hooks->types, &n, error))
        return false;
    if (check_provides(module->note, error)) {
        if (!hooks->init || hooks->init(&cause))
            return true;
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "it does not start: %s",
                    cause ? cause->message : "it gives no reason");
    }
    unregister_types(hooks->types, n);
    return false;
}

/* ---- Loading ---------------------------------------------------------------------------- */

static bool open_library(TnModuleEntry *module, GError **error)
{
    module->handle = tn_library_open(module->path, module->note, error);
    if (!module->handle)
        return false;
    module->descriptor = dlsym(module->handle, "tn_module");
    if (!module->descriptor) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "it has no descriptor");
        return false;
    }
    return check_descriptor(module, module->descriptor, error);
}

/* A module for other guests has nothing to offer to this one. */
static bool check_guest(const TnNote *note, GError **error)
{
    const char *target = tn_target_name();
    g_autofree char *guests = NULL;

    if (!note->guests || !target || g_strv_contains((const char *const *)note->guests, target))
        return true;
    guests = g_strjoinv(", ", note->guests);
    g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "it serves %s guests, not %s", guests, target);
    return false;
}

static bool load_one_required(const char *name, GError **error)
{
    TnModuleEntry *other = tn_registry_module(name);

    if (!other) {
        g_autofree char *hint = tn_catalogue_module_hint(name);

        g_set_error(error, TN_ERROR, TN_ERROR_NOT_INSTALLED,
                    "it requires the module '%s', which is not installed%s%s", name,
                    hint ? "; " : "", hint ? hint : "");
        return false;
    }
    if (!tn_module_load(other, error)) {
        g_prefix_error(error, "it requires the module '%s': ", name);
        return false;
    }
    return true;
}

static bool load_required(TnModuleEntry *module, GError **error)
{
    for (unsigned i = 0; i < module->note->requires->len; i++)
        if (!load_one_required(module->note->requires->pdata[i], error))
            return false;
    return true;
}

/* An index is good for listing. Before its note has any consequence, the file's own must agree. */
static bool confirm_indexed(TnModuleEntry *module, GError **error)
{
    return !module->indexed || tn_library_confirm(module->path, module->note, error);
}

static void give_up(TnModuleEntry *module, GError *cause)
{
    module->state = TN_MODULE_BROKEN;
    module->broken = cause;
    module->descriptor = NULL;
    if (module->handle)
        dlclose(module->handle);
    module->handle = NULL;
}

/* Modules that cannot be loaded again or now, and why. */
static bool refuse(const TnModuleEntry *module, GError **error)
{
    const char *name = module->note ? module->note->name : module->path;

    if (module->state == TN_MODULE_LOADING)
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "the module '%s' requires itself", name);
    else if (module->state == TN_MODULE_DENIED)
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "'-module deny=%s' forbids it", name);
    else if (module->state == TN_MODULE_BROKEN)
        g_set_error_literal(error, TN_ERROR, TN_ERROR_BROKEN, module->broken->message);
    else if (tn_module_is_locked(module))
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "'-module lock' forbids loading after the machine has started");
    else
        return false;
    return true;
}

bool tn_module_load(TnModuleEntry *module, GError **error)
{
    GError *cause = NULL;

    if (module->state == TN_MODULE_LOADED)
        return true;
    if (refuse(module, error))
        return false;
    module->state = TN_MODULE_LOADING;
    if (!confirm_indexed(module, &cause) || !check_guest(module->note, &cause) ||
        !load_required(module, &cause) || !open_library(module, &cause) || !bring_up(module, &cause)) {
        give_up(module, cause);
        g_propagate_error(error, g_error_copy(cause));
        return false;
    }
    module->state = TN_MODULE_LOADED;
    if (!loaded)
        loaded = g_ptr_array_new();
    g_ptr_array_add(loaded, module);
    return true;
}

void tn_module_fini_all(void)
{
    while (loaded && loaded->len) {
        TnModuleEntry *module = g_ptr_array_steal_index(loaded, loaded->len - 1);

        if (module->descriptor->hooks->fini)
            module->descriptor->hooks->fini();
    }
}
