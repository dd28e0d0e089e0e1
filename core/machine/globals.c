/* SPDX-License-Identifier: MIT */
/* -global; see globals.h. */
#include "machine/globals.h"

#include "object/object.h"
#include "tenon/log.h"

static const GPtrArray *installed;

static bool apply(TnObject *obj, GError **error)
{
    for (unsigned i = 0; i < installed->len; i++) {
        TnGlobal *global = installed->pdata[i];

        if (!tn_type_chain_has(obj->type, global->driver))
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
