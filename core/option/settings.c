/* SPDX-License-Identifier: MIT */
/* The gathered settings, and reading the command line into them through the table. */
#include "option/settings.h"

#include <string.h>

#include "option/parse.h"
#include "option/table.h"
#include "tenon/error.h"

static void accel_free(gpointer data)
{
    TnAccelChoice *choice = data;

    g_free(choice->name);
    tn_keyvals_free(choice->options);
    g_free(choice);
}

static void global_free(gpointer data)
{
    TnGlobal *global = data;

    g_free(global->driver);
    g_free(global->property);
    g_free(global->value);
    g_free(global);
}

static void help_free(gpointer data)
{
    TnHelpRequest *request = data;

    g_free(request->option);
    g_free(request->about);
    g_free(request);
}

static void keyvals_free(gpointer data)
{
    tn_keyvals_free(data);
}

TnSettings *tn_settings_new(void)
{
    TnSettings *s = g_new0(TnSettings, 1);

    s->machine_options = g_ptr_array_new_with_free_func(keyvals_free);
    s->accels = g_ptr_array_new_with_free_func(accel_free);
    s->firmware_directories = g_ptr_array_new_with_free_func(g_free);
    s->boot_splash_time = s->boot_reboot_timeout = -1;
    s->objects = g_ptr_array_new_with_free_func(keyvals_free);
    s->numa = g_ptr_array_new_with_free_func(keyvals_free);
    s->devices = g_ptr_array_new_with_free_func(keyvals_free);
    s->globals = g_ptr_array_new_with_free_func(global_free);
    s->chardevs = g_ptr_array_new_with_free_func(g_free);
    s->serials = g_ptr_array_new_with_free_func(g_free);
    s->parallels = g_ptr_array_new_with_free_func(g_free);
    s->debugcons = g_ptr_array_new_with_free_func(g_free);
    s->help = g_ptr_array_new_with_free_func(help_free);
    return s;
}

void tn_settings_free(TnSettings *s)
{
    if (!s)
        return;
    char *texts[] = { s->target, s->machine, s->cpu, s->kernel, s->initrd, s->append, s->dtb,
                      s->bios, s->boot_order, s->boot_once, s->boot_splash, s->vga, s->name,
                      s->process_name, s->uuid, s->rtc_base, s->rtc_clock, s->log_items,
                      s->log_file, s->log_filter, s->qtest, s->qtest_log };
    GPtrArray *lists[] = { s->machine_options, s->accels, s->firmware_directories, s->objects,
                           s->numa, s->devices, s->globals, s->chardevs, s->serials, s->parallels,
                           s->debugcons, s->help };

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++)
        g_ptr_array_unref(lists[i]);
    tn_keyvals_free(s->smp);
    g_free(s);
}

void tn_option_set_text(char **field, const char *value)
{
    g_free(*field);
    *field = g_strdup(value);
}

bool tn_option_request_help(TnSettings *settings, const char *option, const char *about)
{
    TnHelpRequest *request = g_new0(TnHelpRequest, 1);

    request->option = g_strdup(option);
    request->about = g_strdup(about);
    g_ptr_array_add(settings->help, request);
    return true;
}

void tn_settings_add_accels(TnSettings *settings, const char *names, const char *options)
{
    g_auto(GStrv) parts = g_strsplit(names, ":", -1);

    for (char **part = parts; *part; part++) {
        TnAccelChoice *choice = g_new0(TnAccelChoice, 1);

        choice->name = g_strdup(*part);
        choice->options = tn_keyvals_parse(options ? options : "", "accel", NULL);
        g_ptr_array_add(settings->accels, choice);
    }
}

void tn_settings_add_global(TnSettings *settings, const char *driver, const char *property,
                            const char *value)
{
    TnGlobal *global = g_new0(TnGlobal, 1);

    global->driver = g_strdup(driver);
    global->property = g_strdup(property);
    global->value = g_strdup(value);
    g_ptr_array_add(settings->globals, global);
}

/* ---- The command line ------------------------------------------------------------------- */

/* The guest that the program's own name asks for: tenon-system-i386. NULL when it asks for none. */
static char *target_from_name(const char *program)
{
    static const char *const prefixes[] = { "tenon-system-", "qemu-system-" };
    g_autofree char *base = program ? g_path_get_basename(program) : NULL;

    for (unsigned i = 0; base && i < G_N_ELEMENTS(prefixes); i++)
        if (g_str_has_prefix(base, prefixes[i]))
            return g_strdup(base + strlen(prefixes[i]));
    return NULL;
}

static bool is_end(const TnOption *option)
{
    return !option->name && !option->help;
}

static const TnOption *find_option(const char *name)
{
    for (const TnOption *option = tn_option_table; !is_end(option); option++)
        if (option->name && strcmp(option->name, name) == 0)
            return option;
    return NULL;
}

static void set_unknown_error(const char *argument, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    GString *message;

    if (g_strv_contains(tn_options_unsupported, name)) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED, "%s is not supported yet", argument);
        return;
    }
    for (const TnOption *option = tn_option_table; !is_end(option); option++)
        if (option->name)
            g_ptr_array_add(names, (char *)option->name);
    g_ptr_array_add(names, NULL);
    message = g_string_new(NULL);
    g_string_printf(message, "there is no option '%s'", argument);
    if (tn_suggest(name, (const char *const *)names->pdata))
        g_string_append_printf(message, "; did you mean '-%s'?",
                               tn_suggest(name, (const char *const *)names->pdata));
    g_string_append(message, " (-h lists all)");
    g_set_error_literal(error, TN_ERROR, TN_ERROR_UNKNOWN, message->str);
    g_string_free(message, true);
}

static bool handle(TnSettings *settings, const TnOption *option, const char *value, GError **error)
{
    if (option->handle(settings, value, error))
        return true;
    if (value)
        g_prefix_error(error, "-%s %s: ", option->name, value);
    else
        g_prefix_error(error, "-%s: ", option->name);
    return false;
}

/* One option at argv[*i]; steps over its argument. */
static bool parse_option(TnSettings *settings, int argc, char **argv, int *i, GError **error)
{
    const char *argument = argv[*i];
    const char *name = argument + 1 + (argument[1] == '-');
    const TnOption *option = find_option(name);

    if (!option) {
        set_unknown_error(argument, name, error);
        return false;
    }
    if (!option->argument)
        return handle(settings, option, NULL, error);
    if (*i + 1 >= argc) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s needs an argument: %s %s", argument,
                    argument, option->argument);
        return false;
    }
    return handle(settings, option, argv[++*i], error);
}

TnSettings *tn_settings_parse(int argc, char **argv, GError **error)
{
    g_autoptr(TnSettings) settings = tn_settings_new();

    settings->target = target_from_name(argc > 0 ? argv[0] : NULL);
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || !argv[i][1]) {
            g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                        "'%s': a disk image is not supported yet; an option begins with '-'",
                        argv[i]);
            return NULL;
        }
        if (!parse_option(settings, argc, argv, &i, error))
            return NULL;
    }
    if (!settings->target)
        settings->target = g_strdup("x86_64");
    return g_steal_pointer(&settings);
}
