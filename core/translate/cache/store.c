/* SPDX-License-Identifier: MIT */
/*
 * The cache's directory and files: what may be believed, opening, replacing.
 *
 * A file is never changed in place: a new one is written beside it and takes its name. It is not
 * synced: what of it a host that loses power does not get to the disk shows in the checksums.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tenon/error.h"
#include "translate/cache/internal.h"

static const char suffix[] = ".tenon-cache";

enum {
    DIRECTORY_MODE = 0700,
    FILE_MODE = 0600,
    MAX_FILE = 1 << 30,       /* bytes; more is none of ours: tn_cache_file_make */
    LOCK_TRIES = 50,
    LOCK_WAIT = 100 * 1000,   /* microseconds between them */
    SIZE_NAME = 2 * TN_CACHE_DIGEST,
};

char *tn_cache_file_name(const uint8_t digest[TN_CACHE_DIGEST])
{
    GString *name = g_string_new(NULL);

    for (unsigned i = 0; i < TN_CACHE_DIGEST; i++)
        g_string_append_printf(name, "%02x", digest[i]);
    return g_string_free(g_string_append(name, suffix), FALSE);
}

/* Whoever could have written it could have put any code there. */
static bool is_ours(int fd, mode_t kind, struct stat *st, GError **error)
{
    const char *why = NULL;

    if (fstat(fd, st) != 0)
        why = g_strerror(errno);
    else if ((st->st_mode & S_IFMT) != kind)
        why = kind == S_IFDIR ? "it is not a directory" : "it is not a regular file";
    else if (st->st_uid != 0 && st->st_uid != geteuid())
        why = "it belongs to another user";
    else if (st->st_mode & (S_IWGRP | S_IWOTH))
        why = "others than its owner may write to it";
    if (why)
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "%s", why);
    return !why;
}

int tn_cache_open_directory(const char *path, GError **error)
{
    struct stat st;
    int fd;

    if (mkdir(path, DIRECTORY_MODE) != 0 && errno != EEXIST) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "it cannot be made: %s", g_strerror(errno));
        return -1;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "it cannot be opened: %s", g_strerror(errno));
        return -1;
    }
    if (is_ours(fd, S_IFDIR, &st, error))
        return fd;
    close(fd);
    return -1;
}

/* ---- Reading ----------------------------------------------------------------------------- */

/* The file, checked; -1 without an error where there is none. */
static int open_file(int dir, const char *name, size_t *size, GError **error)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        if (errno != ENOENT)
            g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "%s",
                        errno == ELOOP ? "it is a symbolic link" : g_strerror(errno));
        return -1;
    }
    if (!is_ours(fd, S_IFREG, &st, error)) {
        close(fd);
        return -1;
    }
    *size = (size_t)MIN(st.st_size, (off_t)MAX_FILE);
    return fd;
}

bool tn_cache_find(int dir, const uint8_t digest[TN_CACHE_DIGEST], TnCacheFile *file,
                   GError **error)
{
    g_autofree char *name = tn_cache_file_name(digest);
    size_t size;
    int fd = open_file(dir, name, &size, error);

    if (fd < 0)
        return false;
    if (tn_cache_file_take(file, fd, size, digest, NULL))
        return true;
    close(fd);
    return false;
}

/* ---- Writing ----------------------------------------------------------------------------- */

bool tn_cache_lock(int dir)
{
    for (unsigned i = 0; i < LOCK_TRIES; i++) {
        if (flock(dir, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK)
            return false;
        g_usleep(LOCK_WAIT);
    }
    return false;
}

static bool write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static bool is_cache_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == SIZE_NAME && strcmp(name + SIZE_NAME, suffix) == 0;
}

/* The oldest of the directory's files but `mine`, and what they take together with it. */
static char *find_oldest(int dir, const char *mine, uint64_t *total)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", dir);
    g_autoptr(GDir) list = g_dir_open(path, 0, NULL);
    const char *name;
    char *oldest = NULL;
    time_t when = 0;
    struct stat st;

    *total = 0;
    while (list && (name = g_dir_read_name(list))) {
        if (!is_cache_name(name) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        *total += (uint64_t)st.st_size;
        if (strcmp(name, mine) == 0 || (oldest && st.st_mtime >= when))
            continue;
        g_free(oldest);
        oldest = g_strdup(name);
        when = st.st_mtime;
    }
    return oldest;
}

/* Other builds and models leave files behind that nobody asks for again. */
static void drop_old_files(int dir, const char *mine, uint64_t max_bytes)
{
    for (;;) {
        uint64_t total;
        g_autofree char *oldest = find_oldest(dir, mine, &total);

        if (!oldest || total <= max_bytes || unlinkat(dir, oldest, 0) != 0)
            return;
    }
}

bool tn_cache_replace(int dir, const uint8_t digest[TN_CACHE_DIGEST], const GByteArray *data,
                      uint64_t max_bytes, GError **error)
{
    g_autofree char *name = tn_cache_file_name(digest);
    const char *fresh = "new" ; /* one at a time: tn_cache_lock */
    int fd;

    /* What is left of a writer that was killed. */
    unlinkat(dir, fresh, 0);
    fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd >= 0 && write_all(fd, data->data, data->len) && close(fd) == 0 &&
        renameat(dir, fresh, dir, name) == 0) {
        drop_old_files(dir, name, max_bytes);
        return true;
    }
    g_set_error(error, TN_ERROR, TN_ERROR_IO, "%s", g_strerror(errno));
    if (fd >= 0)
        close(fd);
    unlinkat(dir, fresh, 0);
    return false;
}
