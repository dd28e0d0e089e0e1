/* SPDX-License-Identifier: MIT */
/*
 * tenon-modcheck: does a module keep the rules that docs/modules.md gives? For authors, before they
 * ship one. The order of the checks is that of a module's life.
 */
#include "modcheck/modcheck.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "modcheck/check.h"
#include "tenon/error.h"

enum {
    EXIT_USAGE = 2,
    DEFAULT_TIMEOUT = 30,
    DEFAULT_ACCESSES = 4000,
};

const CheckCase tn_check_cases[] = {
    { "note", NULL, tn_check_note },
    { "exports", NULL, tn_check_exports },
    { "symbols", NULL, tn_check_symbols },
    { "scan-time", NULL, tn_check_scan_time },
    { "load", NULL, tn_check_load },
    { "init-and-fini-repeat", NULL, tn_check_init_and_fini },
    { "failed-load-leaves-nothing", NULL, tn_check_rollback },
    { "create", "device chardev object", tn_check_create },
    { "properties", "device chardev object machine", tn_check_properties },
    { "realize-and-unrealize", "device", tn_check_realize },
    { "save-and-load", "device", tn_check_save_and_load },
    { "registers", "device", tn_check_registers },
    { 0 },
};

bool tn_check_skip(Check *check, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    g_string_vprintf(check->skipped, fmt, args);
    va_end(args);
    return true;
}

bool tn_check_fail(GError **error, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, fmt);
    text = g_strdup_vprintf(fmt, args);
    va_end(args);
    g_set_error_literal(error, TN_ERROR, TN_ERROR_FAILED, text);
    return false;
}

/* ---- Modules and their checks ------------------------------------------------------------ */

static bool applies(const CheckCase *c, const TnProvide *provide)
{
    g_auto(GStrv) kinds = c->kinds ? g_strsplit(c->kinds, " ", -1) : NULL;

    return provide ? kinds && g_strv_contains((const char *const *)kinds, provide->kind) : !kinds;
}

/* Runs or only counts the checks of one thing (NULL: of the module itself). */
static unsigned about(const CheckOptions *options, const char *path, const TnNote *note,
                      const TnProvide *provide, bool run)
{
    g_autofree char *file = g_path_get_basename(path);
    unsigned n = 0;

    for (const CheckCase *c = tn_check_cases; c->name; c++) {
        g_autoptr(GString) skipped = g_string_new(NULL), remark = g_string_new(NULL);
        Check check = { options, path, note, provide, skipped, remark };
        g_autofree char *name = g_strjoin("/", file, provide ? provide->name : c->name,
                                          provide ? c->name : NULL, NULL);
        CheckResult result;

        if (!applies(c, provide))
            continue;
        n++;
        if (!run)
            continue;
        result = tn_check_run(&check, c->run);
        tn_report_case(options, name, &result);
        tn_check_result_clear(&result);
    }
    return n;
}

static unsigned about_module(const CheckOptions *options, const char *path, bool run)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    g_autoptr(TnNote) note = fd < 0 ? NULL : tn_note_read(fd, NULL);
    unsigned n = about(options, path, note, NULL, run);

    if (fd >= 0)
        close(fd);
    for (unsigned i = 0; note && i < note->provides->len; i++)
        n += about(options, path, note, note->provides->pdata[i], run);
    return n;
}

/* ---- The command line -------------------------------------------------------------------- */

typedef struct Arguments {
    gboolean json;
    int timeout, accesses;
    int64_t seed;
    char **settings, **helpers, **directories, **files;
} Arguments;

static void add_all(GPtrArray *list, char **texts)
{
    for (; texts && *texts; texts++)
        g_ptr_array_add(list, *texts);
}

static bool parse(int argc, char **argv, Arguments *a, GError **error)
{
    const GOptionEntry entries[] = {
        { "json", 'j', 0, G_OPTION_ARG_NONE, &a->json, "Write JSON instead of TAP", NULL },
        { "timeout", 't', 0, G_OPTION_ARG_INT, &a->timeout, "Time for each check (default 30)",
          "SECONDS" },
        { "accesses", 'n', 0, G_OPTION_ARG_INT, &a->accesses,
          "Random accesses of a device's registers (default 4000)", "N" },
        { "seed", 's', 0, G_OPTION_ARG_INT64, &a->seed, "Where its random numbers begin (default 1)",
          "N" },
        { "set", 'S', 0, G_OPTION_ARG_STRING_ARRAY, &a->settings,
          "Give a device a property that it needs", "DEVICE.PROPERTY=VALUE" },
        { "with", 'w', 0, G_OPTION_ARG_STRING_ARRAY, &a->helpers,
          "Make a device that another one needs, before that", "DEVICE:TYPE[,PROPERTY=VALUE]..." },
        { "module-dir", 'd', 0, G_OPTION_ARG_FILENAME_ARRAY, &a->directories,
          "Where modules are that these require", "DIRECTORY" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &a->files, NULL, "MODULE..." },
        { 0 },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context, "Checks that modules keep the rules of the interface.");
    g_option_context_set_description(
        context, "Exit code: 0 when no check failed, 1 when one did, 2 for a wrong command line.");
    if (!g_option_context_parse(context, &argc, &argv, error))
        return false;
    for (char **helper = a->helpers; helper && *helper; helper++)
        if (!strchr(*helper, ':') || **helper == ':') {
            g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                        "--with %s: DEVICE:TYPE[,PROPERTY=VALUE]... is wanted", *helper);
            return false;
        }
    if (!a->files || a->timeout < 1 || a->accesses < 0 || a->seed < 0 || a->seed > UINT32_MAX) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s",
                    !a->files ? "no module is given"
                              : "--timeout is at least 1, --accesses at least 0, --seed 0..4294967295");
        return false;
    }
    return true;
}

static int run(const CheckOptions *options, char **files)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    unsigned n = 0;

    for (; *files; files++)
        g_ptr_array_add(paths, g_canonicalize_filename(*files, NULL));
    for (unsigned i = 0; i < paths->len; i++)
        n += about_module(options, paths->pdata[i], false);
    tn_report_begin(options, n);
    for (unsigned i = 0; i < paths->len; i++)
        about_module(options, paths->pdata[i], true);
    return tn_report_end(options);
}

int tn_modcheck_main(int argc, char **argv)
{
    Arguments a = { .timeout = DEFAULT_TIMEOUT, .accesses = DEFAULT_ACCESSES, .seed = 1 };
    g_autoptr(GPtrArray) settings = g_ptr_array_new(), helpers = g_ptr_array_new();
    g_autoptr(GPtrArray) directories = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    int code = EXIT_USAGE;

    if (parse(argc, argv, &a, &error)) {
        CheckOptions options = { a.json, (unsigned)a.timeout, (unsigned)a.accesses, (uint32_t)a.seed,
                                 settings, helpers, directories };

        add_all(settings, a.settings);
        add_all(helpers, a.helpers);
        add_all(directories, a.directories);
        code = run(&options, a.files);
    } else {
        fprintf(stderr, "tenon-modcheck: %s\n", error->message);
    }
    g_strfreev(a.settings);
    g_strfreev(a.helpers);
    g_strfreev(a.directories);
    g_strfreev(a.files);
    return code;
}
