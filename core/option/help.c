/* SPDX-License-Identifier: MIT */
/*
 * -h, -version, and the lists that options print for "help". Lists come from notes alone; asking
 * about one thing (-device edu,help) loads the module that has it.
 */
#include "option/table.h"

#include <stdio.h>
#include <string.h>

#include "clock/log-internal.h"
#include "machine/firmware.h"
#include "machine/running.h"
#include "module/registry.h"
#include "object/type.h"


/* ---- -h --------------------------------------------------------------------------------- */

enum { HELP_COLUMN = 16 };

static void print_option(const TnOption *option)
{
    g_auto(GStrv) lines = g_strsplit(option->help, "\n", -1);
    g_autofree char *head = g_strdup_printf("-%s%s%s", option->name, option->argument ? " " : "",
                                            option->argument ? option->argument : "");
    char **line = lines;

    if (strlen(head) < HELP_COLUMN)
        printf("%-*s%s\n", HELP_COLUMN, head, *line++);
    else
        printf("%s\n", head);
    for (; *line; line++)
        printf("%*s%s\n", HELP_COLUMN, "", *line);
}

static void print_version(void)
{
    printf("Tenon version %s\n", tn_version());
}

static void print_options(void)
{
    print_version();
    printf("usage: tenon [options]\n");
    for (const TnOption *option = tn_option_table; option->name || option->help; option++) {
        if (!option->name)
            printf("\n%s:\n", option->help);
        else if (option->help)
            print_option(option);
    }
}

/* ---- -device help ----------------------------------------------------------------------- */

static const struct {
    const char *category, *heading;
} categories[] = {
    { "bridge", "Controller/Bridge/Hub devices" },
    { "usb", "USB devices" },
    { "storage", "Storage devices" },
    { "network", "Network devices" },
    { "input", "Input devices" },
    { "display", "Display devices" },
    { "sound", "Sound devices" },
    { "misc", "Misc devices" },
    { "cpu", "CPU devices" },
    { "watchdog", "Watchdog devices" },
    { "", "Uncategorized devices" },
};

enum { UNCATEGORIZED = G_N_ELEMENTS(categories) - 1 };

static unsigned category_of(const TnProvide *provide)
{
    for (unsigned i = 0; i < UNCATEGORIZED; i++)
        if (strcmp(categories[i].category, provide->category) == 0)
            return i;
    return UNCATEGORIZED;
}

/* Adds the line of what a user may create to the text of its category. */
static void list_device(const TnProvide *provide, void *data)
{
    GString *text = ((GString **)data)[category_of(provide)];

    if (!(provide->flags & TN_PROVIDE_USER))
        return;
    g_string_append_printf(text, "name \"%s\"", provide->name);
    if (provide->bus[0])
        g_string_append_printf(text, ", bus %s", provide->bus);
    for (unsigned i = 0; i < provide->aliases->len; i++)
        g_string_append_printf(text, ", alias \"%s\"", (char *)provide->aliases->pdata[i]);
    if (provide->description[0])
        g_string_append_printf(text, ", desc \"%s\"", provide->description);
    g_string_append_c(text, '\n');
}

static void print_devices(void)
{
    GString *texts[G_N_ELEMENTS(categories)];
    const char *between = "";

    for (unsigned i = 0; i < G_N_ELEMENTS(categories); i++)
        texts[i] = g_string_new(NULL);
    tn_registry_each("device", list_device, texts);
    for (unsigned i = 0; i < G_N_ELEMENTS(categories); i++) {
        if (texts[i]->len) {
            printf("%s%s:\n%s", between, categories[i].heading, texts[i]->str);
            between = "\n";
        }
        g_string_free(texts[i], true);
    }
}

/* ---- Plain lists ------------------------------------------------------------------------- */

static void print_named(const TnProvide *provide, void *data)
{
    if (!(provide->flags & TN_PROVIDE_USER))
        return;
    printf("%-20s %s\n", provide->name, provide->description);
    for (unsigned i = 0; i < provide->aliases->len; i++)
        printf("%-20s %s (alias of %s)\n", (char *)provide->aliases->pdata[i],
               provide->description, provide->name);
}

static void print_name(const TnProvide *provide, void *data)
{
    if (provide->flags & TN_PROVIDE_USER)
        printf("  %s\n", provide->name);
}

static bool print_list(const char *kind, const char *heading)
{
    printf("%s:\n", heading);
    tn_registry_each(kind, strcmp(kind, "chardev") == 0 ? print_name : print_named, NULL);
    return true;
}

/* ---- Properties of one thing -------------------------------------------------------------- */

static const char *kind_name(const TnProperty *p)
{
    static const char *const names[] = {
        [TN_PROP_BOOL] = "bool",     [TN_PROP_UINT8] = "uint8",   [TN_PROP_UINT16] = "uint16",
        [TN_PROP_UINT32] = "uint32", [TN_PROP_UINT64] = "uint64", [TN_PROP_INT32] = "int32",
        [TN_PROP_INT64] = "int64",   [TN_PROP_SIZE] = "size",     [TN_PROP_STRING] = "str",
        [TN_PROP_ENUM] = "enum",     [TN_PROP_LINK] = "link",     [TN_PROP_CHARDEV] = "chardev",
    };

    return p->kind == TN_PROP_LINK && p->type ? p->type : names[p->kind];
}

static int compare_properties(gconstpointer a, gconstpointer b)
{
    const TnTypeProperty *const *x = a, *const *y = b;

    return strcmp((*x)->property.name, (*y)->property.name);
}

static void print_property(const TnProperty *p)
{
    g_autofree char *values = p->values ? g_strjoinv("/", (char **)p->values) : NULL;
    g_autofree char *head = g_strdup_printf("%s=<%s>", p->name, values ? values : kind_name(p));

    if (p->flags & TN_PROP_READONLY)
        return;
    printf("  %-22s", head);
    if (p->doc)
        printf(" - %s", p->doc);
    if (p->min || p->max)
        printf(" (%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ")", p->min, p->max);
    if (p->flags & TN_PROP_REQUIRED)
        printf(" (required)");
    else if (p->def)
        printf(" (default: %s)", p->def);
    printf("\n");
}

static bool print_type(const char *kind, const char *name, GError **error)
{
    g_autofree char *type_name = NULL;
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();
    const char *canonical;
    const TnType *type;

    if (!tn_registry_require(kind, name, &canonical, error))
        return false;
    type_name = tn_registry_type_name(kind, canonical);
    type = tn_type_lookup(type_name);
    if (!type || !tn_type_chain_has(type, kind)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is not a %s", name, kind);
        return false;
    }
    for (unsigned i = 0; i < type->properties->len; i++)
        g_ptr_array_add(sorted, &g_array_index(type->properties, TnTypeProperty, i));
    g_ptr_array_sort(sorted, compare_properties);
    printf(sorted->len ? "%s options:\n" : "There are no options for %s.\n", name);
    for (unsigned i = 0; i < sorted->len; i++)
        print_property(&((TnTypeProperty *)sorted->pdata[i])->property);
    return true;
}

/* ---- -cpu, -L, -d -------------------------------------------------------------------------- */

static bool print_cpus(const TnSettings *settings, const char *about, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const TnTargetInfo *target;

    if (!tn_target_select(settings->target, error))
        return false;
    target = tn_running_target();
    if (about && target->ops->describe_model &&
        !target->ops->describe_model(target, about, text, error))
        return false;
    if (!about && target->ops->list_models)
        target->ops->list_models(text);
    fputs(text->str, stdout);
    return true;
}

static void print_firmware_directories(const TnSettings *settings)
{
    g_auto(GStrv) directories = NULL;

    tn_firmware_set_directories(settings->firmware_directories);
    directories = tn_firmware_directories();
    for (char **dir = directories; *dir; dir++)
        printf("%s\n", *dir);
}

static void print_log_items(void)
{
    g_autofree char *text = tn_log_help();

    fputs(text, stdout);
}

/* ---- All --------------------------------------------------------------------------------- */

static bool answer_plain(const TnSettings *settings, const TnHelpRequest *request)
{
    const char *option = request->option;

    if (strcmp(option, "h") == 0)
        print_options();
    else if (strcmp(option, "version") == 0)
        print_version();
    else if (strcmp(option, "module") == 0)
        tn_help_modules(request->about);
    else if (strcmp(option, "L") == 0)
        print_firmware_directories(settings);
    else if (strcmp(option, "d") == 0)
        print_log_items();
    else if (strcmp(option, "display") == 0)
        printf("Available display types:\nnone\n");
    else
        return false;
    return true;
}

static bool answer(const TnSettings *settings, const TnHelpRequest *request, GError **error)
{
    const char *option = request->option;

    if (answer_plain(settings, request))
        return true;
    if (strcmp(option, "cpu") == 0)
        return print_cpus(settings, request->about, error);
    if (request->about)
        return print_type(option, request->about, error);
    if (strcmp(option, "device") == 0)
        print_devices();
    else if (strcmp(option, "object") == 0)
        print_list("object", "List of user creatable objects");
    else if (strcmp(option, "machine") == 0)
        print_list("machine", "Supported machines are");
    else if (strcmp(option, "accel") == 0)
        print_list("accel", "Accelerators supported by this program");
    else if (strcmp(option, "chardev") == 0)
        print_list("chardev", "Available chardev backend types");
    else if (strcmp(option, "target") == 0)
        print_list("target", "Guest architectures");
    return true;
}

bool tn_help_answer(const TnSettings *settings, int *exit_code)
{
    *exit_code = 0;
    for (unsigned i = 0; i < settings->help->len; i++) {
        const TnHelpRequest *request = settings->help->pdata[i];
        g_autoptr(GError) error = NULL;

        if (!answer(settings, request, &error)) {
            fprintf(stderr, "tenon: -%s: %s\n", request->option, error->message);
            *exit_code = 1;
        }
    }
    return settings->help->len > 0;
}
