/* SPDX-License-Identifier: MIT */
/*
 * tenon-modinfo: what module files say of themselves, from their notes alone. With --catalogue it
 * writes the file that tells which package has a module that is not installed (packages.h):
 * arguments are then FILE:PACKAGE.
 */
#include "module/modinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "module/note.h"
#include "module/packages.h"
#include "tenon/error.h"

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

static void print_list(const char *key, const GPtrArray *names)
{
    for (unsigned i = 0; i < names->len; i++)
        printf("%s: %s\n", key, (char *)names->pdata[i]);
}

static void print_text(const char *key, const char *text)
{
    if (text)
        printf("%s: %s\n", key, text);
}

static void print_provides(const TnProvide *provide)
{
    printf("provides: %s %s", provide->kind, provide->name);
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

static void print_note(const char *path, const TnNote *note)
{
    g_autofree char *guests = note->guests ? g_strjoinv(", ", note->guests) : NULL;

    printf("file: %s\nname: %s\n", path, note->name);
    print_text("version", note->version);
    print_text("licence", note->licence);
    print_text("vendor", note->vendor);
    printf("abi: %u.%u\ntier: %s\n", note->abi_major, note->abi_minor,
           note->internal ? "internal" : "stable");
    print_text("internal hash", note->internal_hash);
    print_text("host", note->arch);
    print_text("guests", guests);
    print_list("requires", note->requires);
    for (unsigned i = 0; i < note->provides->len; i++)
        print_provides(note->provides->pdata[i]);
}

static TnNote *read_or_tell(const char *path)
{
    g_autoptr(GError) error = NULL;
    TnNote *note = read_file(path, &error);

    if (!note)
        fprintf(stderr, "tenon-modinfo: %s: %s\n", path, error->message);
    return note;
}

static bool show(const char *path)
{
    g_autoptr(TnNote) note = read_or_tell(path);

    if (note)
        print_note(path, note);
    return note != NULL;
}

/* FILE:PACKAGE... as one file of packages. */
static bool print_catalogue(int n, char **arguments)
{
    g_autoptr(GString) text = g_string_new("{\n  \"format\": 1,\n  \"provides\": [");
    bool good = true, first = true;

    for (int i = 0; i < n; i++) {
        const char *colon = strrchr(arguments[i], ':');
        g_autofree char *path = colon ? g_strndup(arguments[i], colon - arguments[i]) : NULL;
        g_autoptr(TnNote) note = path ? read_or_tell(path) : NULL;

        if (!path)
            fprintf(stderr, "tenon-modinfo: %s: ':PACKAGE' is missing\n", arguments[i]);
        if (note)
            tn_packages_append(text, note, colon + 1, first);
        first = first && !(note && note->provides->len);
        good = good && note;
    }
    printf("%s\n  ]\n}\n", text->str);
    return good;
}

int tn_modinfo_main(int argc, char **argv)
{
    bool catalogue = argc > 1 && strcmp(argv[1], "--catalogue") == 0;
    int first = catalogue ? 2 : 1, code = 0;

    if (first >= argc || (argv[first][0] == '-' && !catalogue)) {
        fprintf(stderr, "usage: tenon-modinfo MODULE...\n"
                        "       tenon-modinfo --catalogue MODULE:PACKAGE...\n");
        return 2;
    }
    if (catalogue)
        return print_catalogue(argc - first, argv + first) ? 0 : 1;
    for (int i = first; i < argc; i++) {
        if (i > first)
            printf("\n");
        if (!show(argv[i]))
            code = 1;
    }
    return code;
}
