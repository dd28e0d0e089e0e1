/* SPDX-License-Identifier: MIT */
/*
 * The steps of the loader (docs/modules.md) as questions. The loader stops at the first that fails;
 * here all are asked, as far as one does not depend on the other.
 */
#include "module/usable.h"

#include <string.h>
#include <unistd.h>

#include "module/catalogue.h"
#include "module/dynamic.h"
#include "module/registry.h"
#include "module/scan.h"
#include "module/trust.h"

enum { SYMBOLS_SHOWN = 5 };

static void add(GPtrArray *problems, GError *error)
{
    g_ptr_array_add(problems, g_strdup(error->message));
    g_error_free(error);
}

/* The file as the loader would open it; -1 when it would not. */
static int open_trusted(const char *path, GPtrArray *problems)
{
    g_autofree char *parent = g_path_get_dirname(path), *file = g_path_get_basename(path);
    GError *error = NULL;
    int directory, fd = -1;

    if (!g_str_has_suffix(file, ".so"))
        g_ptr_array_add(problems, g_strdup("its name does not end in .so"));
    directory = tn_trust_open_directory(parent, &error);
    if (directory >= 0) {
        fd = tn_trust_open_file(directory, file, NULL, &error);
        close(directory);
    }
    if (error)
        add(problems, error);
    return fd;
}

static void check_required(const TnNote *note, GPtrArray *problems)
{
    for (unsigned i = 0; i < note->requires->len; i++) {
        const char *name = note->requires->pdata[i];
        TnModuleEntry *other = tn_registry_module(name);
        g_autofree char *hint = other ? NULL : tn_catalogue_module_hint(name);

        if (!other)
            g_ptr_array_add(problems,
                            g_strdup_printf("it requires the module '%s', which is not installed%s%s",
                                            name, hint ? "; " : "", hint ? hint : ""));
        else if (other->broken)
            g_ptr_array_add(problems, g_strdup_printf("it requires the module '%s': %s", name,
                                                      other->broken->message));
    }
}

static void check_libraries(const TnDynamic *dynamic, const char *path, GPtrArray *problems)
{
    g_autofree char *origin = g_path_get_dirname(path);

    for (unsigned i = 0; i < dynamic->needed->len; i++) {
        g_autofree char *found = tn_dynamic_find_library(dynamic, dynamic->needed->pdata[i], origin);

        if (!found)
            g_ptr_array_add(problems,
                            g_strdup_printf("it needs the library %s, which is not installed",
                                            (char *)dynamic->needed->pdata[i]));
    }
}

static void check_symbols(const TnDynamic *dynamic, GPtrArray *problems)
{
    unsigned missing = 0;

    for (unsigned i = 0; i < dynamic->undefined->len; i++) {
        const TnDynamicSymbol *symbol = dynamic->undefined->pdata[i];

        if (symbol->weak || !g_str_has_prefix(symbol->name, "tn_") || tn_dynamic_core_has(symbol))
            continue;
        if (missing++ < SYMBOLS_SHOWN)
            g_ptr_array_add(problems,
                            g_strdup_printf("it uses %s%s%s, which this program does not have",
                                            symbol->name, symbol->version ? " of " : "",
                                            symbol->version ? symbol->version : ""));
    }
    if (missing > SYMBOLS_SHOWN)
        g_ptr_array_add(problems, g_strdup_printf("it uses %u more symbols that are not there",
                                                  missing - SYMBOLS_SHOWN));
}

static void check_linking(int fd, const char *path, GPtrArray *problems)
{
    GError *error = NULL;
    g_autoptr(TnDynamic) dynamic = tn_dynamic_read(fd, &error);

    if (!dynamic) {
        add(problems, error);
        return;
    }
    if (!g_ptr_array_find_with_equal_func(dynamic->exported, "tn_module", g_str_equal, NULL))
        g_ptr_array_add(problems, g_strdup("it does not export 'tn_module'"));
    check_libraries(dynamic, path, problems);
    check_symbols(dynamic, problems);
}

GPtrArray *tn_usable_problems(const char *path, const TnNote *note)
{
    GPtrArray *problems = g_ptr_array_new_with_free_func(g_free);
    GError *error = NULL;
    int fd = open_trusted(path, problems);

    if (!tn_module_check_note(note, &error))
        add(problems, error);
    check_required(note, problems);
    if (fd >= 0 && !note->foreign)
        check_linking(fd, path, problems);
    if (fd >= 0)
        close(fd);
    return problems;
}
