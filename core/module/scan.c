/* SPDX-License-Identifier: MIT */
/*
 * Where modules are looked for, and what is found there. Directories, in order: `-module dir=`,
 * TENON_MODULE_PATH, and the modules of this build: the folder `modules` beside a program that lies
 * in its build folder, else the installed one. With raised privileges (trust.h) the environment and
 * the program's own place do not count: its caller may have chosen both.
 */
#include "module/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "module/index-file.h"
#include "module/trust.h"
#include "tenon-internal-hash.h"
#include "tenon/error.h"

static GPtrArray *directories; /* char *, owned; NULL-terminated once complete */
static bool complete;

/* ---- The search path -------------------------------------------------------------------- */

void tn_registry_add_directory(const char *path)
{
    g_return_if_fail(!complete);
    if (!directories)
        directories = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(directories, g_strdup(path));
}

/* build/modules for build/tenon; NULL for an installed program. */
static char *build_directory(void)
{
    g_autofree char *exe = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = exe ? g_path_get_dirname(exe) : NULL;
    g_autofree char *marker = folder ? g_build_filename(folder, "build.ninja", NULL) : NULL;

    if (!marker || !g_file_test(marker, G_FILE_TEST_EXISTS))
        return NULL;
    return g_build_filename(folder, "modules", NULL);
}

static void add_from_environment(void)
{
    const char *path = g_getenv("TENON_MODULE_PATH");
    g_auto(GStrv) parts = path ? g_strsplit(path, ":", -1) : NULL;

    for (char **part = parts; part && *part; part++)
        if (**part)
            tn_registry_add_directory(*part);
}

const char *const *tn_registry_directories(void)
{
    if (!complete) {
        bool privileged = tn_trust_privileged();
        g_autofree char *build = privileged ? NULL : build_directory();

        if (!privileged)
            add_from_environment();
        tn_registry_add_directory(build ? build : TN_MODULE_DIR);
        g_ptr_array_add(directories, NULL);
        complete = true;
    }
    return (const char *const *)directories->pdata;
}

/* ---- What may be used ------------------------------------------------------------------- */

/* What the note says, against this core. In the order of the loader: ABI, then host. */
bool tn_module_check_note(const TnNote *note, GError **error)
{
    if (note->abi_major != TN_ABI_MAJOR || note->abi_minor > TN_ABI_MINOR) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "it needs ABI %u.%u, this program has %d.%d",
                    note->abi_major, note->abi_minor, TN_ABI_MAJOR, TN_ABI_MINOR);
        return false;
    }
    if (note->internal && g_strcmp0(note->internal_hash, TN_INTERNAL_HASH) != 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "it is of the internal tier and was built with another version (its headers "
                    "are %s, this program's %s)", note->internal_hash ? note->internal_hash : "?",
                    TN_INTERNAL_HASH);
        return false;
    }
    if (note->foreign) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "it was built for %s hosts", note->arch);
        return false;
    }
    return true;
}

/* ---- Scanning --------------------------------------------------------------------------- */

/* A directory that is being looked into. */
typedef struct Place {
    int fd;
    TnIndex *index;        /* NULL: none that can be used */
    unsigned cursor;       /* of tn_index_find */
    TnModuleIndex *report; /* NULL: there is no index */
} Place;

static TnNote *read_note(const Place *place, const char *file, GError **error)
{
    TnNote *note;
    uint64_t size;
    int fd = tn_trust_open_file(place->fd, file, &size, error);

    if (fd < 0)
        return NULL;
    note = tn_note_read_sized(fd, size, error);
    close(fd);
    return note;
}

static TnModuleEntry *examine(Place *place, const char *path, const char *file)
{
    TnModuleEntry *module = g_new0(TnModuleEntry, 1);

    module->path = g_build_filename(path, file, NULL);
    if (place->index)
        module->note = tn_index_note(place->index, &place->cursor, place->fd, file);
    if (module->note) {
        module->indexed = true;
        place->report->used++;
    } else {
        module->note = read_note(place, file, &module->broken);
    }
    if (module->note)
        tn_module_check_note(module->note, &module->broken);
    module->state = module->broken ? TN_MODULE_BROKEN : TN_MODULE_FOUND;
    return module;
}

static int compare_files(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *tn_module_files(int directory)
{
    GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
    int own = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own < 0 ? NULL : fdopendir(own);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (g_str_has_suffix(entry->d_name, ".so"))
            g_ptr_array_add(files, g_strdup(entry->d_name));
    if (dir)
        closedir(dir);
    else if (own >= 0)
        close(own);
    g_ptr_array_sort(files, compare_files);
    return files;
}

static bool is_missing(const char *path)
{
    return access(path, F_OK) != 0 && errno == ENOENT;
}

/* A bad index does no harm: the files are read, and a list of modules says why. */
static void open_index(Place *place, const char *path, GPtrArray *indexes)
{
    GError *error = NULL;

    place->index = tn_index_open(place->fd, &error);
    if (!place->index && !error)
        return;
    place->report = g_new0(TnModuleIndex, 1);
    place->report->path = g_build_filename(path, TN_INDEX_FILE, NULL);
    place->report->error = error;
    g_ptr_array_add(indexes, place->report);
}

static void scan_directory(const char *path, GPtrArray *modules, GPtrArray *refused,
                           GPtrArray *indexes)
{
    g_autoptr(GPtrArray) files = NULL;
    GError *error = NULL;
    Place place = { .fd = is_missing(path) ? -1 : tn_trust_open_directory(path, &error) };

    if (error)
        g_ptr_array_add(refused, error);
    if (place.fd < 0)
        return;
    open_index(&place, path, indexes);
    files = tn_module_files(place.fd);
    for (unsigned i = 0; i < files->len; i++)
        g_ptr_array_add(modules, examine(&place, path, files->pdata[i]));
    tn_index_free(place.index);
    close(place.fd);
}

void tn_module_scan(const char *const *paths, GPtrArray *modules, GPtrArray *refused,
                    GPtrArray *indexes)
{
    for (; *paths; paths++)
        scan_directory(*paths, modules, refused, indexes);
}
