/* SPDX-License-Identifier: MIT */
/* Reads and writes the lists of packages; see packages.h. */
#include "module/packages.h"

#include "option/json.h"
#include "tenon/error.h"

enum { FORMAT = 1 };

void tn_packaged_free(gpointer data)
{
    TnPackaged *item = data;

    g_free(item->kind);
    g_free(item->name);
    g_free(item->module);
    g_strfreev(item->packages);
    g_free(item->install);
    g_free(item);
}

/* ---- Reading ---------------------------------------------------------------------------- */

/* Texts end up on terminals: something to see, and no control characters. */
static bool is_shown(const char *text)
{
    if (!text || !*text)
        return false;
    for (; *text; text = g_utf8_next_char(text))
        if (g_unichar_iscntrl(g_utf8_get_char(text)))
            return false;
    return true;
}

/* NULL when it is not a list of at least one text. g_strfreev. */
static char **read_packages(const TnJson *item)
{
    const TnJson *list = tn_json_member(item, "packages", TN_JSON_ARRAY);
    g_autoptr(GStrvBuilder) packages = g_strv_builder_new();

    for (unsigned i = 0; list && i < list->items->len; i++) {
        const TnJson *package = list->items->pdata[i];

        if (package->kind != TN_JSON_STRING || !is_shown(package->text))
            return NULL;
        g_strv_builder_add(packages, package->text);
    }
    return list && list->items->len ? g_strv_builder_end(packages) : NULL;
}

static TnPackaged *read_item(const TnJson *json, const char *install)
{
    const char *kind = tn_json_text(json, "kind"), *name = tn_json_text(json, "name");
    const char *module = tn_json_text(json, "module");
    TnPackaged *item;
    char **packages;

    if (!is_shown(kind) || !is_shown(name) || (module && !is_shown(module)))
        return NULL;
    packages = read_packages(json);
    if (!packages)
        return NULL;
    item = g_new0(TnPackaged, 1);
    item->kind = g_strdup(kind);
    item->name = g_strdup(name);
    item->module = g_strdup(module);
    item->packages = packages;
    item->install = g_strdup(install);
    return item;
}

static bool check_head(const TnJson *json, const char **install, GError **error)
{
    const TnJson *format = tn_json_member(json, "format", TN_JSON_NUMBER);

    *install = tn_json_text(json, "install");
    if (!format || format->number != FORMAT)
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "\"format\": %d is wanted", FORMAT);
    else if (*install && !is_shown(*install))
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "\"install\" is not a plain text");
    else
        return true;
    return false;
}

bool tn_packages_parse(const char *text, size_t size, GPtrArray *items, GError **error)
{
    g_autoptr(TnJson) json = tn_json_parse(text, size, error);
    g_autoptr(GPtrArray) read = g_ptr_array_new_with_free_func(tn_packaged_free);
    const TnJson *list;
    const char *install;

    if (!json || !check_head(json, &install, error))
        return false;
    list = tn_json_member(json, "provides", TN_JSON_ARRAY);
    if (!list) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "the list \"provides\" is missing");
        return false;
    }
    for (unsigned i = 0; i < list->items->len; i++) {
        TnPackaged *item = read_item(list->items->pdata[i], install);

        if (!item) {
            g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "item %u of \"provides\" wants texts "
                        "\"kind\" and \"name\", and \"packages\", a list of texts", i + 1);
            return false;
        }
        g_ptr_array_add(read, item);
    }
    g_ptr_array_extend_and_steal(items, g_steal_pointer(&read));
    return true;
}

/* ---- What it says ------------------------------------------------------------------------ */

char *tn_packaged_hint(const TnPackaged *item)
{
    GString *text = g_string_new("install the package ");

    for (char **package = item->packages; *package; package++)
        g_string_append_printf(text, "%s'%s'", package == item->packages ? "" : " or ", *package);
    if (item->install)
        g_string_append_printf(text, " with '%s %s'", item->install, item->packages[0]);
    return g_string_free(text, false);
}

/* ---- Writing ---------------------------------------------------------------------------- */

static void append_item(GString *out, const char *kind, const char *name, const char *module,
                        const char *package, bool first)
{
    const char *const fields[][2] = { { "kind", kind }, { "name", name }, { "module", module } };

    g_string_append(out, first ? "\n    {" : ",\n    {");
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        g_string_append_printf(out, "\"%s\": ", fields[i][0]);
        tn_json_append(out, fields[i][1]);
        g_string_append(out, ", ");
    }
    g_string_append(out, "\"packages\": [");
    tn_json_append(out, package);
    g_string_append(out, "]}");
}

void tn_packages_append(GString *out, const TnNote *note, const char *package, bool first)
{
    for (unsigned i = 0; i < note->provides->len; i++) {
        const TnProvide *provide = note->provides->pdata[i];

        append_item(out, provide->kind, provide->name, note->name, package, first && i == 0);
        for (unsigned j = 0; j < provide->aliases->len; j++)
            append_item(out, provide->kind, provide->aliases->pdata[j], note->name, package, false);
    }
}
