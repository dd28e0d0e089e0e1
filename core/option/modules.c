/* SPDX-License-Identifier: MIT */
/* -module: its parameters, and the list of modules as a table and as JSON (docs/modules.md). */
#include "option/table.h"

#include <stdio.h>
#include <string.h>

#include "module/catalogue.h"
#include "module/note-json.h"
#include "module/registry.h"
#include "option/json.h"
#include "option/parse.h"
#include "tenon/module.h"

enum { FORMAT = 1 }; /* of the JSON form */

/* ---- The option -------------------------------------------------------------------------- */

static bool request_list(TnSettings *s, const TnKeyVals *kv, GError **error)
{
    static const char *const known[] = { "help", "format", NULL };
    const TnKeyVal *format = tn_keyvals_find(kv, "format");

    if (!tn_keyvals_check(kv, known, error))
        return false;
    if (format && strcmp(format->value, "json") != 0 && strcmp(format->value, "text") != 0) {
        tn_keyvals_error(kv, format, error, "'%s' is not 'text' or 'json'", format->value);
        return false;
    }
    return tn_option_request_help(s, "module", format ? format->value : NULL);
}

static bool take_item(TnSettings *s, const TnKeyVals *kv, const TnKeyVal *item, GError **error)
{
    if (strcmp(item->key, "lock") == 0) {
        if (tn_parse_bool(item->value, &s->module_lock, error))
            return true;
        tn_keyvals_mark(kv, item, error);
        return false;
    }
    if (!*item->value) {
        tn_keyvals_error(kv, item, error, "'%s' is empty", item->key);
        return false;
    }
    if (strcmp(item->key, "deny") == 0)
        tn_registry_deny(item->value);
    else
        tn_registry_add_directory(item->value);
    return true;
}

bool tn_option_module(TnSettings *s, const char *value, GError **error)
{
    static const char *const known[] = { "dir", "deny", "lock", NULL };
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(value, NULL, error);

    if (!kv)
        return false;
    if (kv->help)
        return request_list(s, kv, error);
    if (!tn_keyvals_check(kv, known, error))
        return false;
    for (unsigned i = 0; i < kv->items->len; i++)
        if (!take_item(s, kv, kv->items->pdata[i], error))
            return false;
    return true;
}

/* ---- What both forms show ---------------------------------------------------------------- */

static const char *state_name(const TnModuleEntry *module)
{
    return module->state == TN_MODULE_BROKEN   ? "broken"
           : module->state == TN_MODULE_DENIED ? "denied"
                                               : "usable";
}

static char *note_digest(const TnModuleEntry *module)
{
    const TnNote *note = module->note;

    return note ? g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)note->text,
                                              note->text_size) : NULL;
}

/* Over the lines "PATH NUL NOTE-DIGEST LF" of all modules, in order; "-" where no note was read. */
static char *registry_digest(const GPtrArray *modules)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

    for (unsigned i = 0; i < modules->len; i++) {
        const TnModuleEntry *module = modules->pdata[i];
        g_autofree char *digest = note_digest(module);

        g_checksum_update(sum, (const guchar *)module->path, strlen(module->path) + 1);
        g_checksum_update(sum, (const guchar *)(digest ? digest : "-"), -1);
        g_checksum_update(sum, (const guchar *)"\n", 1);
    }
    return g_strdup(g_checksum_get_string(sum));
}

/* ---- The table --------------------------------------------------------------------------- */

static char *provides_text(const TnNote *note)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; note && i < note->provides->len; i++) {
        const TnProvide *provide = note->provides->pdata[i];

        g_string_append_printf(text, "%s%s %s", i ? ", " : "", provide->kind, provide->name);
        for (unsigned j = 0; j < provide->aliases->len; j++)
            g_string_append_printf(text, ", %s %s", provide->kind,
                                   (char *)provide->aliases->pdata[j]);
    }
    return g_string_free(text, false);
}

enum { NAME, VERSION, STATE, PATH, COLUMNS };

/* The cells of a row but the last; borrowed. */
static void cells_of(const TnModuleEntry *module, const char *cells[COLUMNS])
{
    const TnNote *note = module->note;

    cells[NAME] = note ? note->name : "-";
    cells[VERSION] = note && note->version ? note->version : "-";
    cells[STATE] = state_name(module);
    cells[PATH] = module->path;
}

static void print_row(const char *const cells[COLUMNS], const int widths[COLUMNS],
                      const char *provides)
{
    for (unsigned c = 0; c < COLUMNS; c++)
        printf("%-*s  ", widths[c], cells[c]);
    printf("%s\n", *provides ? provides : "-");
}

static void print_table(const GPtrArray *modules)
{
    static const char *const heads[] = { "NAME", "VERSION", "STATE", "PATH" };
    const char *cells[COLUMNS];
    int widths[COLUMNS];

    for (unsigned c = 0; c < COLUMNS; c++)
        widths[c] = strlen(heads[c]);
    for (unsigned i = 0; i < modules->len; i++) {
        cells_of(modules->pdata[i], cells);
        for (unsigned c = 0; c < COLUMNS; c++)
            widths[c] = MAX(widths[c], (int)strlen(cells[c]));
    }
    print_row(heads, widths, "PROVIDES");
    for (unsigned i = 0; i < modules->len; i++) {
        const TnModuleEntry *module = modules->pdata[i];
        g_autofree char *provides = provides_text(module->note);

        cells_of(module, cells);
        print_row(cells, widths, provides);
        if (module->broken)
            printf("  cannot be used: %s\n", module->broken->message);
    }
}

static void print_indexes(const GPtrArray *indexes)
{
    if (indexes->len)
        printf("\nIndexes:\n");
    for (unsigned i = 0; i < indexes->len; i++) {
        const TnModuleIndex *index = indexes->pdata[i];

        printf("  %s\n", index->path);
        if (index->error)
            printf("    passed over: %s\n", index->error->message);
        else
            printf("    describes %u of the modules\n", index->used);
    }
}

static void print_text(void)
{
    const GPtrArray *modules = tn_registry_modules(), *refused = tn_registry_refused();
    const GPtrArray *files = tn_catalogue_files();
    g_autofree char *digest = registry_digest(modules);

    printf("Module directories:\n");
    for (const char *const *dir = tn_registry_directories(); *dir; dir++)
        printf("  %s\n", *dir);
    for (unsigned i = 0; i < refused->len; i++)
        printf("  refused: %s\n", ((GError *)refused->pdata[i])->message);
    print_indexes(tn_registry_indexes());
    if (files->len)
        printf("\nFiles of packages:\n");
    for (unsigned i = 0; i < files->len; i++) {
        const TnCatalogueFile *file = files->pdata[i];

        printf("  %s\n", file->path);
        if (file->error)
            printf("    passed over: %s\n", file->error->message);
    }
    printf("\nDigest: %s\n\n", digest);
    print_table(modules);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void json_module(GString *out, const TnModuleEntry *module)
{
    const TnNote *note = module->note;
    g_autofree char *digest = note_digest(module);

    tn_json_member_text(out, "{", "name", note ? note->name : NULL);
    tn_json_member_text(out, ", ", "version", note ? note->version : NULL);
    tn_json_member_text(out, ", ", "path", module->path);
    tn_json_member_text(out, ", ", "state", state_name(module));
    tn_json_member_text(out, ", ", "cause", module->broken ? module->broken->message : NULL);
    tn_json_member_text(out, ", ", "digest", digest);
    g_string_append(out, ",\n     ");
    tn_note_append_provides(out, note);
    g_string_append(out, "}");
}

static void json_indexes(GString *out, const GPtrArray *indexes)
{
    g_string_append(out, ",\n  \"indexes\": [");
    for (unsigned i = 0; i < indexes->len; i++) {
        const TnModuleIndex *index = indexes->pdata[i];

        tn_json_member_text(out, i ? ",\n    {" : "\n    {", "path", index->path);
        tn_json_member_text(out, ", ", "cause", index->error ? index->error->message : NULL);
        g_string_append_printf(out, ", \"modules\": %u}", index->used);
    }
    g_string_append(out, "]");
}

static void json_problems(GString *out, const GPtrArray *refused, const GPtrArray *files)
{
    g_string_append(out, ",\n  \"refused\": [");
    for (unsigned i = 0; i < refused->len; i++) {
        g_string_append(out, i ? ",\n    " : "\n    ");
        tn_json_append(out, ((GError *)refused->pdata[i])->message);
    }
    g_string_append(out, "],\n  \"catalogue\": [");
    for (unsigned i = 0; i < files->len; i++) {
        const TnCatalogueFile *file = files->pdata[i];

        tn_json_member_text(out, i ? ",\n    {" : "\n    {", "path", file->path);
        tn_json_member_text(out, ", ", "cause", file->error ? file->error->message : NULL);
        g_string_append(out, "}");
    }
    g_string_append(out, "]");
}

static void print_json(void)
{
    const GPtrArray *modules = tn_registry_modules();
    const char *const *directories = tn_registry_directories();
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *digest = registry_digest(modules);

    g_string_append_printf(out, "{\"format\": %d", FORMAT);
    tn_json_member_text(out, ",\n  ", "version", tn_version());
    tn_json_member_text(out, ",\n  ", "abi", TN_STR(TN_ABI_MAJOR) "." TN_STR(TN_ABI_MINOR));
    tn_json_member_text(out, ",\n  ", "digest", digest);
    tn_json_member_texts(out, "directories", directories, g_strv_length((char **)directories));
    json_problems(out, tn_registry_refused(), tn_catalogue_files());
    json_indexes(out, tn_registry_indexes());
    g_string_append(out, ",\n  \"modules\": [");
    for (unsigned i = 0; i < modules->len; i++) {
        g_string_append(out, i ? ",\n    " : "\n    ");
        json_module(out, modules->pdata[i]);
    }
    printf("%s]}\n", out->str);
}

void tn_help_modules(const char *format)
{
    if (g_strcmp0(format, "json") == 0)
        print_json();
    else
        print_text();
}
