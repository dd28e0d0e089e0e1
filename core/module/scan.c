/* SPDX-License-Identifier: MIT */
/*
 * Where modules are looked for, and what is found there. Directories, in order: `-module dir=`,
 * TENON_MODULE_PATH (not when the program runs with raised privileges), and the modules of this
 * build: the folder `modules` beside a program that lies in its build folder, else the
 * installed one.
 */
#include "module/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    const char *path = secure_getenv("TENON_MODULE_PATH");
    g_auto(GStrv) parts = path ? g_strsplit(path, ":", -1) : NULL;

    for (char **part = parts; part && *part; part++)
        if (**part)
            tn_registry_add_directory(*part);
}

const char *const *tn_registry_directories(void)
{
    if (!complete) {
        g_autofree char *build = build_directory();

        add_from_environment();
        tn_registry_add_directory(build ? build : TN_MODULE_DIR);
        g_ptr_array_add(directories, NULL);
        complete = true;
    }
    return (const char *const *)directories->pdata;
}

/* ---- What may be used ------------------------------------------------------------------- */

bool tn_module_check_mode(int fd, const char *what, GError **error)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "%s cannot be examined: %s", what,
                    g_strerror(errno));
        return false;
    }
    if (st.st_mode & S_IWOTH) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "%s is writable by everyone (mode %04o): anyone could have put code there",
                    what, st.st_mode & 07777);
        return false;
    }
    return true;
}

static bool check_file(int fd, GError **error)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "it is not a regular file");
        return false;
    }
    return tn_module_check_mode(fd, "it", error);
}

/* What the note says, against this core. In the order of the loader: ABI, then host. */
static bool check_note(const TnNote *note, GError **error)
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

static TnModuleEntry *examine(int dirfd, const char *directory, const char *file)
{
    TnModuleEntry *module = g_new0(TnModuleEntry, 1);
    int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    module->path = g_build_filename(directory, file, NULL);
    if (fd < 0)
        g_set_error(&module->broken, TN_ERROR, TN_ERROR_BROKEN, "it cannot be opened: %s",
                    g_strerror(errno));
    else if (check_file(fd, &module->broken))
        module->note = tn_note_read(fd, &module->broken);
    if (module->note && !module->broken)
        check_note(module->note, &module->broken);
    if (fd >= 0)
        close(fd);
    module->state = module->broken ? TN_MODULE_BROKEN : TN_MODULE_FOUND;
    return module;
}

static int compare_files(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *module_files(const char *directory)
{
    GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(directory, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)))
        if (g_str_has_suffix(name, ".so"))
            g_ptr_array_add(files, g_strdup(name));
    if (dir)
        g_dir_close(dir);
    g_ptr_array_sort(files, compare_files);
    return files;
}

static void scan_directory(const char *directory, GPtrArray *modules, GPtrArray *refused)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(GPtrArray) files = NULL;
    GError *error = NULL;

    if (fd < 0) {
        if (errno != ENOENT)
            g_ptr_array_add(refused, g_error_new(TN_ERROR, TN_ERROR_IO, "%s cannot be opened: %s",
                                                 directory, g_strerror(errno)));
        return;
    }
    if (tn_module_check_mode(fd, directory, &error)) {
        files = module_files(directory);
        for (unsigned i = 0; i < files->len; i++)
            g_ptr_array_add(modules, examine(fd, directory, files->pdata[i]));
    } else {
        g_ptr_array_add(refused, error);
    }
    close(fd);
}

void tn_module_scan(const char *const *paths, GPtrArray *modules, GPtrArray *refused)
{
    for (; *paths; paths++)
        scan_directory(*paths, modules, refused);
}
