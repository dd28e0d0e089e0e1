/* SPDX-License-Identifier: MIT */
/* -global; see globals.h. */
#include "machine/globals.h"

#include <string.h>

#include "object/object.h"
#include "tenon/log.h"

static const GPtrArray *installed;

/* The documented names of devices that hypervisors replace; here one type serves both. */
static const struct {
    const char *name, *type;
} other_names[] = { { "kvm-pit", "isa-pit" } };

static const char *type_of(const char *driver)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(other_names); i++)
        if (strcmp(driver, other_names[i].name) == 0)
            return other_names[i].type;
    return driver;
}

static bool apply(TnObject *obj, GError **error)
{
    for (unsigned i = 0; i < installed->len; i++) {
        TnGlobal *global = installed->pdata[i];

        if (!tn_type_chain_has(obj->type, type_of(global->driver)))
            continue;
        global->used = true;
        if (!tn_object_set(obj, global->property, global->value, error)) {
            g_prefix_error(error, "-global %s.%s=%s: ", global->driver, global->property,
                           global->value);
            return false;
        }
    }
    return true;
}

void tn_globals_install(const GPtrArray *globals)
{
    installed = globals;
    tn_object_set_defaults_hook(apply);
}

void tn_globals_warn_unused(void)
{
    for (unsigned i = 0; installed && i < installed->len; i++) {
        const TnGlobal *global = installed->pdata[i];

        if (!global->used)
            tn_warn("-global %s.%s=%s: the machine has no '%s'", global->driver, global->property,
                    global->value, global->driver);
    }
}
