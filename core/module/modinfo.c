/* SPDX-License-Identifier: MIT */
/*
 * tenon-modinfo: what module files say of themselves, from their notes alone, and why one would not
 * load. With --catalogue it writes the file that tells which package has a module that is not
 * installed (packages.h): arguments are then FILE:PACKAGE. With --write-index and --check-index they
 * are directories (modinfo-index.h).
 */
#include "module/modinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "module/modinfo-index.h"
#include "module/note-json.h"
#include "module/note.h"
#include "module/packages.h"
#include "module/registry.h"
#include "module/usable.h"
#include "tenon/error.h"

/* Exit codes; tenon-modinfo(1) tells them. */
enum { EXIT_GOOD = 0, EXIT_UNREADABLE = 1, EXIT_USAGE = 2, EXIT_NOT_SO = 3 };

static TnNote *read_file(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    TnNote *note;

    if (fd < 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "it cannot be opened: %s", g_strerror(errno));
        return NULL;
    }
    note = tn_note_read(fd, error);
    close(fd);
    return note;
}

static TnNote *read_or_tell(const char *path)
{
    g_autoptr(GError) error = NULL;
    TnNote *note = read_file(path, &error);

    if (!note)
        fprintf(stderr, "tenon-modinfo: %s: %s\n", path, error->message);
    return note;
}

/* ---- The table --------------------------------------------------------------------------- */

static void print_text(const char *key, const char *text)
{
    if (text)
        printf("%-14s %s\n", key, text);
}

static void print_list(const char *key, const GPtrArray *texts)
{
    for (unsigned i = 0; i < texts->len; i++)
        print_text(i ? "" : key, texts->pdata[i]);
}

static void print_provides(const char *key, const TnProvide *provide)
{
    printf("%-14s %s %s", key, provide->kind, provide->name);
    for (unsigned i = 0; i < provide->aliases->len; i++)
        printf(", alias %s", (char *)provide->aliases->pdata[i]);
    if (provide->bus[0])
        printf(", bus %s", provide->bus);
    if (provide->category[0])
        printf(", category %s", provide->category);
    if (!(provide->flags & TN_PROVIDE_USER))
        printf(", not for users to create");
    printf(": %s\n", provide->description);
}

static void print_note(const char *path, const TnNote *note, const GPtrArray *problems)
{
    g_autofree char *guests = note->guests ? g_strjoinv(", ", note->guests) : NULL;
    g_autofree char *abi = g_strdup_printf("%u.%u", note->abi_major, note->abi_minor);

    print_text("file:", path);
    print_text("name:", note->name);
    print_text("version:", note->version);
    print_text("licence:", note->licence);
    print_text("vendor:", note->vendor);
    print_text("abi:", abi);
    print_text("tier:", note->internal ? "internal" : "stable");
    print_text("internal hash:", note->internal_hash);
    print_text("host:", note->arch);
    print_text("guests:", guests);
    print_list("requires:", note->requires);
    for (unsigned i = 0; i < note->provides->len; i++)
        print_provides(i ? "" : "provides:", note->provides->pdata[i]);
    print_text("loads:", problems->len ? "no" : "yes");
    print_list("because:", problems);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void append_note(GString *out, const TnNote *note)
{
    g_autofree char *abi = g_strdup_printf("%u.%u", note->abi_major, note->abi_minor);

    tn_json_member_text(out, ", ", "name", note->name);
    tn_json_member_text(out, ", ", "version", note->version);
    tn_json_member_text(out, ", ", "licence", note->licence);
    tn_json_member_text(out, ", ", "vendor", note->vendor);
    tn_json_member_text(out, ",\n     ", "abi", abi);
    tn_json_member_text(out, ", ", "tier", note->internal ? "internal" : "stable");
    tn_json_member_text(out, ", ", "internal-hash", note->internal_hash);
    tn_json_member_text(out, ", ", "host", note->arch);
    if (note->guests)
        tn_json_member_texts(out, "guests", (const char *const *)note->guests,
                             g_strv_length(note->guests));
    else
        g_string_append(out, ", \"guests\": null");
    tn_json_member_texts(out, "requires", (const char *const *)note->requires->pdata,
                         note->requires->len);
    g_string_append(out, ",\n     ");
    tn_note_append_provides(out, note);
}

/* A file without a note has "loads": false and the one problem that there is none. */
static void print_json(const char *path, const TnNote *note, const GPtrArray *problems, bool first)
{
    g_autoptr(GString) out = g_string_new(first ? "\n    " : ",\n    ");

    tn_json_member_text(out, "{", "path", path);
    if (note)
        append_note(out, note);
    g_string_append_printf(out, ",\n     \"loads\": %s", problems->len ? "false" : "true");
    tn_json_member_texts(out, "problems", (const char *const *)problems->pdata, problems->len);
    printf("%s}", out->str);
}

/* ---- Files ------------------------------------------------------------------------------- */

typedef struct Arguments {
    gboolean json, check, catalogue, write_index, check_index;
    char **files;
} Arguments;

/* The exit code that one file asks for. */
static int show(const Arguments *a, const char *path, bool first)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TnNote) note = read_file(path, &error);
    g_autoptr(GPtrArray) problems =
        note ? tn_usable_problems(path, note) : g_ptr_array_new_with_free_func(g_free);

    if (!note)
        g_ptr_array_add(problems, g_strdup(error->message));
    if (a->json)
        print_json(path, note, problems, first);
    else if (!note)
        fprintf(stderr, "tenon-modinfo: %s: %s\n", path, error->message);
    else
        print_note(path, note, problems);
    return !note ? EXIT_UNREADABLE : a->check && problems->len ? EXIT_NOT_SO : EXIT_GOOD;
}

/* Modules that these require may lie beside them, as well as in the usual places. */
static void add_directories(char **files)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (; *files; files++) {
        g_autofree char *parent = g_path_get_dirname(*files);

        if (g_hash_table_add(seen, g_strdup(parent)))
            tn_registry_add_directory(parent);
    }
}

static int show_all(const Arguments *a)
{
    int code = EXIT_GOOD;

    add_directories(a->files);
    if (a->json)
        printf("{\"format\": 1,\n  \"modules\": [");
    for (unsigned i = 0; a->files[i]; i++) {
        int one;

        if (i && !a->json)
            printf("\n");
        one = show(a, a->files[i], i == 0);
        code = code == EXIT_UNREADABLE || one == EXIT_GOOD ? code : one;
    }
    if (a->json)
        printf("]}\n");
    return code;
}

/* FILE:PACKAGE... as one file of packages. */
static int print_catalogue(char **arguments)
{
    g_autoptr(GString) text = g_string_new("{\n  \"format\": 1,\n  \"provides\": [");
    bool good = true, first = true;

    for (; *arguments; arguments++) {
        const char *colon = strrchr(*arguments, ':');
        g_autofree char *path = colon ? g_strndup(*arguments, colon - *arguments) : NULL;
        g_autoptr(TnNote) note = path ? read_or_tell(path) : NULL;

        if (!path)
            fprintf(stderr, "tenon-modinfo: %s: ':PACKAGE' is missing\n", *arguments);
        if (note)
            tn_packages_append(text, note, colon + 1, first);
        first = first && !(note && note->provides->len);
        good = good && note;
    }
    printf("%s\n  ]\n}\n", text->str);
    return good ? EXIT_GOOD : EXIT_UNREADABLE;
}

/* ---- The command line -------------------------------------------------------------------- */

static bool check_arguments(const Arguments *a, GError **error)
{
    int modes = a->catalogue + a->write_index + a->check_index;
    bool shows = a->json || a->check;

    if (!a->files)
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "no %s is given",
                    a->write_index || a->check_index ? "directory" : "module");
    else if (modes > 1 || (modes && shows))
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "--catalogue, --write-index and --check-index each stand alone");
    else
        return true;
    return false;
}

static bool parse(int argc, char **argv, Arguments *a, GError **error)
{
    const GOptionEntry entries[] = {
        { "json", 'j', 0, G_OPTION_ARG_NONE, &a->json, "Write JSON instead of a table", NULL },
        { "check", 'c', 0, G_OPTION_ARG_NONE, &a->check,
          "End with 3 when a module would not load", NULL },
        { "catalogue", 0, 0, G_OPTION_ARG_NONE, &a->catalogue,
          "Write a file for catalog.d; the arguments are MODULE:PACKAGE", NULL },
        { "write-index", 0, 0, G_OPTION_ARG_NONE, &a->write_index,
          "Write the indexes of directories, which make listing quicker", NULL },
        { "check-index", 0, 0, G_OPTION_ARG_NONE, &a->check_index,
          "Tell where indexes of directories differ from the files, and end with 3 if so", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &a->files, NULL, "MODULE... | MODULE:PACKAGE... | DIRECTORY..." },
        { 0 },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context, "Prints what module files say of themselves, running none.");
    g_option_context_set_description(
        context, "Exit code: 0 when all were read, 1 when a file is no module or a directory cannot "
                 "be used, 2 for a wrong command line, 3 with --check when a module would not load, "
                 "with --check-index when an index is not up to date.");
    return g_option_context_parse(context, &argc, &argv, error) && check_arguments(a, error);
}

static int run(const Arguments *a)
{
    bool stale = false;

    if (a->write_index)
        return tn_modinfo_write_indexes(a->files) ? EXIT_GOOD : EXIT_UNREADABLE;
    if (a->check_index)
        return !tn_modinfo_check_indexes(a->files, &stale) ? EXIT_UNREADABLE
               : stale                                     ? EXIT_NOT_SO
                                                           : EXIT_GOOD;
    return a->catalogue ? print_catalogue(a->files) : show_all(a);
}

int tn_modinfo_main(int argc, char **argv)
{
    Arguments a = { 0 };
    g_autoptr(GError) error = NULL;
    int code = EXIT_USAGE;

    if (parse(argc, argv, &a, &error))
        code = run(&a);
    else
        fprintf(stderr, "tenon-modinfo: %s\n", error->message);
    g_strfreev(a.files);
    return code;
}
