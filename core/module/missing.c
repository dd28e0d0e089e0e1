/* SPDX-License-Identifier: MIT */
/*
 * A name that no module provides: what the catalogue knows of it, names like it, and the files that
 * could have had it and were not looked into.
 */
#include "module/missing.h"

#include <string.h>

#include "module/catalogue.h"
#include "module/registry.h"
#include "option/parse.h"

enum { MAX_NEAR = 3 };

static void add_hint(GString *hint, const char *text)
{
    if (hint->len)
        g_string_append(hint, "; ");
    g_string_append(hint, text);
}

/* ---- Names like it ---------------------------------------------------------------------- */

static void collect_name(const TnProvide *provide, void *data)
{
    GPtrArray *names = data;

    g_ptr_array_add(names, g_strdup(provide->name));
    for (unsigned i = 0; i < provide->aliases->len; i++)
        g_ptr_array_add(names, g_strdup(provide->aliases->pdata[i]));
}

/* The name that tn_suggest finds, and those that are as near. */
static void hint_near(GString *hint, const char *kind, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) text = g_string_new("did you mean ");
    const char *best;
    unsigned n = 0;

    tn_registry_each(kind, collect_name, names);
    g_ptr_array_add(names, NULL);
    best = tn_suggest(name, (const char *const *)names->pdata);
    if (!best)
        return;
    for (unsigned i = 0; names->pdata[i] && n < MAX_NEAR; i++)
        if (tn_edit_distance(name, names->pdata[i]) == tn_edit_distance(name, best))
            g_string_append_printf(text, "%s'%s'", n++ ? " or " : "", (char *)names->pdata[i]);
    g_string_append_c(text, '?');
    add_hint(hint, text->str);
}

/* ---- Files that could have it ----------------------------------------------------------- */

static char *squeezed(const char *text)
{
    GString *out = g_string_new(NULL);

    for (; *text; text++)
        if (g_ascii_isalnum(*text))
            g_string_append_c(out, g_ascii_tolower(*text));
    return g_string_free(out, false);
}

/* A file that could not be read may be what the user misses, when its name says so. */
static void hint_unread(GString *hint, const char *name)
{
    const GPtrArray *modules = tn_registry_modules();
    g_autofree char *wanted = squeezed(name);

    for (unsigned i = 0; i < modules->len; i++) {
        const TnModuleEntry *module = modules->pdata[i];
        g_autofree char *base = g_path_get_basename(module->path);
        g_autofree char *stem = squeezed(base), *text = NULL;

        if (module->note || !module->broken || !wanted[0] ||
            (!strstr(stem, wanted) && !g_str_has_prefix(wanted, stem)))
            continue;
        text = g_strdup_printf("the module %s may have it, but cannot be used: %s", module->path,
                               module->broken->message);
        add_hint(hint, text);
    }
}

static void hint_refused(GString *hint)
{
    const GPtrArray *refused = tn_registry_refused();

    for (unsigned i = 0; i < refused->len; i++) {
        const GError *error = refused->pdata[i];
        g_autofree char *text = g_strdup_printf("not looked into: %s", error->message);

        add_hint(hint, text);
    }
}

/* ---- The whole -------------------------------------------------------------------------- */

TnProblem *tn_missing_problem(const char *kind, const char *name)
{
    TnProblem *problem = tn_catalogue_problem(kind, name);
    GString *hint = g_string_new(problem ? problem->hint : NULL);

    if (!problem) {
        problem = g_new0(TnProblem, 1);
        problem->kind = g_strdup(kind);
        problem->name = g_strdup(name);
        hint_near(hint, kind, name);
    }
    hint_unread(hint, name);
    hint_refused(hint);
    g_free(problem->hint);
    problem->hint = g_string_free(hint, hint->len == 0);
    return problem;
}
