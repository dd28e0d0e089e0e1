/* SPDX-License-Identifier: MIT */
/*
 * dlopen takes names, and what a name stands for can change between a check and its use. So the
 * file is opened once, checked through its descriptor, and named to the dynamic linker as that
 * descriptor: /proc/NUMBER/fd/N. With the process's number rather than "self", debuggers find the
 * file as well.
 *
 * The linker knows loaded objects by name: a descriptor stays open as long as its object is loaded.
 */
#include "module/library.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "module/trust.h"
#include "tenon/error.h"

static char *descriptor_path(int fd)
{
    g_autofree char *number = g_file_read_link("/proc/self", NULL);

    return g_strdup_printf("/proc/%s/fd/%d", number ? number : "self", fd);
}

static bool same_note(int fd, const TnNote *listed, const char *otherwise, GError **error)
{
    g_autoptr(TnNote) now = tn_note_read(fd, error);

    if (!now)
        return false;
    if (now->text_size != listed->text_size ||
        memcmp(now->text, listed->text, listed->text_size) != 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "it was changed after it was listed%s",
                    otherwise);
        return false;
    }
    return true;
}

/* The file's descriptor, and that of its directory; false when they may not be believed. */
static bool open_trusted(const char *path, int *directory, int *fd, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(path), *file = g_path_get_basename(path);

    *directory = tn_trust_open_directory(parent, error);
    if (*directory < 0)
        return false;
    *fd = tn_trust_open_file(*directory, file, NULL, error);
    if (*fd >= 0)
        return true;
    close(*directory);
    return false;
}

bool tn_library_confirm(const char *path, const TnNote *listed, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *otherwise = g_strdup_printf(
        ", or the index of its directory is wrong: 'tenon-modinfo --write-index %s' renews that",
        parent);
    int directory, fd;
    bool same;

    if (!open_trusted(path, &directory, &fd, error))
        return false;
    same = same_note(fd, listed, otherwise, error);
    close(fd);
    close(directory);
    return same;
}

/* ---- What the linker says --------------------------------------------------------------- */

static const char missing_suffix[] = ": cannot open shared object file: No such file or directory";

static bool library_is_missing(const char *text)
{
    return g_str_has_suffix(text, missing_suffix);
}

/* The linker's message without the made-up name, and in words where it is a usual one. */
static char *explain(const char *text, const char *name)
{
    static const char symbol[] = "undefined symbol: ";

    if (library_is_missing(text))
        return g_strdup_printf("it needs the library %.*s, which is not installed",
                               (int)(strlen(text) - strlen(missing_suffix)), text);
    if (g_str_has_prefix(text, name) && g_str_has_prefix(text + strlen(name), ": "))
        text += strlen(name) + strlen(": ");
    if (g_str_has_prefix(text, symbol))
        return g_strdup_printf("it needs the symbol %s, which nothing that it is linked with has",
                               text + strlen(symbol));
    return g_strdup_printf("the dynamic linker refuses it: %s", text);
}

/* ---- Loading ---------------------------------------------------------------------------- */

/*
 * A module whose RUNPATH says $ORIGIN looks for libraries in its own directory, and a descriptor is
 * in none. Named through its directory, which is as safe (nobody else can write in it), it finds
 * them. Both descriptors belong to the loaded object then.
 */
static void *load_by_directory(int directory, int fd, const char *file)
{
    g_autofree char *path = descriptor_path(directory);
    g_autofree char *name = g_build_filename(path, file, NULL);
    struct stat a, b;

    if (fstat(fd, &a) != 0 || fstatat(directory, file, &b, 0) != 0 || a.st_dev != b.st_dev ||
        a.st_ino != b.st_ino)
        return NULL;
    return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

static void *load(int directory, int fd, const char *file, GError **error)
{
    g_autofree char *name = descriptor_path(fd), *why = NULL, *words = NULL;
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);

    if (handle) {
        close(directory);
        return handle;
    }
    why = g_strdup(dlerror());
    if (library_is_missing(why) && (handle = load_by_directory(directory, fd, file)))
        return handle;
    words = explain(why, name);
    g_set_error_literal(error, TN_ERROR, TN_ERROR_BROKEN, words);
    close(directory);
    close(fd);
    return NULL;
}

void *tn_library_open(const char *path, const TnNote *listed, GError **error)
{
    g_autofree char *file = g_path_get_basename(path);
    int directory, fd;

    if (!open_trusted(path, &directory, &fd, error))
        return NULL;
    if (same_note(fd, listed, "", error))
        return load(directory, fd, file, error);
    close(fd);
    close(directory);
    return NULL;
}
