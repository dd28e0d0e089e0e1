/* SPDX-License-Identifier: MIT */
/* Opens what only its owner can change; see trust.h, and path_resolution(7) for links. */
#include "module/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tenon/error.h"

enum {
    MAX_LINKS = 40, /* as the kernel's own limit */
    DIRECTORY_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
    FILE_FLAGS = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
};

bool tn_trust_privileged(void)
{
    return getauxval(AT_SECURE) != 0;
}

/* ---- Checks ----------------------------------------------------------------------------- */

static bool is_trusted_owner(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

/* Root's, or the owner's own: user private groups have their user's number, and with them a umask of
 * 002 is common, under which a developer's build is writable by the group. */
static bool is_private_group(const struct stat *st)
{
    return st->st_gid == 0 || st->st_gid == st->st_uid;
}

static bool check_mode(const struct stat *st, const char *what, GError **error)
{
    unsigned mode = st->st_mode & ALLPERMS;

    if (mode & S_IWOTH) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "%s is writable by everyone (mode %04o): anyone could have put code there",
                    what, mode);
        return false;
    }
    if ((mode & S_IWGRP) && !is_private_group(st)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "%s is writable by the group %u (mode %04o): its members could have put code "
                    "there", what, (unsigned)st->st_gid, mode);
        return false;
    }
    if (tn_trust_privileged() && (!is_trusted_owner(st->st_uid) || (mode & S_IWGRP))) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "%s can be changed by others (mode %04o, user %u): this program runs with "
                    "raised privileges", what, mode, (unsigned)st->st_uid);
        return false;
    }
    return true;
}

static bool check_open(int fd, const char *what, struct stat *st, bool directory, GError **error)
{
    if (fstat(fd, st) != 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "%s cannot be examined: %s", what,
                    g_strerror(errno));
        return false;
    }
    if (!directory && !S_ISREG(st->st_mode)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "%s is not a regular file", what);
        return false;
    }
    return check_mode(st, what, error);
}

/* ---- Opening ---------------------------------------------------------------------------- */

/* The descriptor when it is open and passes; else -1, and it is closed. `what` for messages. */
static int admit(int fd, const char *what, struct stat *st, bool directory, GError **error)
{
    if (fd < 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "%s cannot be opened: %s", what,
                    g_strerror(errno));
        return -1;
    }
    if (check_open(fd, what, st, directory, error))
        return fd;
    close(fd);
    return -1;
}

static int admit_directory(int fd, const char *what, GError **error)
{
    struct stat st;

    return admit(fd, what, &st, true, error);
}

static int admit_file(int fd, uint64_t *size, GError **error)
{
    struct stat st;

    fd = admit(fd, "it", &st, false, error);
    if (fd >= 0 && size)
        *size = st.st_size;
    return fd;
}

int tn_trust_open_directory(const char *path, GError **error)
{
    return admit_directory(open(path, DIRECTORY_FLAGS), path, error);
}

static bool read_link(int directory, const char *file, char target[PATH_MAX], GError **error)
{
    ssize_t n = readlinkat(directory, file, target, PATH_MAX);

    if (n <= 0 || n >= PATH_MAX) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its link cannot be read: %s",
                    n < 0 ? g_strerror(errno) : "its target is empty or too long");
        return false;
    }
    target[n] = '\0';
    return true;
}

/* Opens the directory that a link's target lies in, and takes the last part of the target. */
static int open_link_directory(int directory, const char *target, char **last, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(target);
    g_autofree char *what = g_strdup_printf("the directory %s that it links to", parent);
    const char *slash = strrchr(target, '/');
    int fd = admit_directory(openat(directory, parent, DIRECTORY_FLAGS), what, error);

    if (fd >= 0)
        *last = g_strdup(slash ? slash + 1 : target);
    return fd;
}

/* One step: `*at` becomes the directory of what the link `*name` in it names, `*name` its name. */
static bool follow(int *at, char **name, GError **error)
{
    char target[PATH_MAX], *last = NULL;
    int next;

    if (!read_link(*at, *name, target, error))
        return false;
    next = open_link_directory(*at, target, &last, error);
    if (next < 0)
        return false;
    close(*at);
    g_free(*name);
    *at = next;
    *name = last;
    return true;
}

static int open_through_links(int directory, const char *file, uint64_t *size, GError **error)
{
    g_autofree char *name = g_strdup(file);
    int at = admit_directory(openat(directory, ".", DIRECTORY_FLAGS), "its directory", error);
    int fd = -1;

    if (at < 0)
        return -1;
    for (unsigned links = 0; links <= MAX_LINKS; links++) {
        fd = openat(at, name, FILE_FLAGS);
        if (fd >= 0 || errno != ELOOP || links == MAX_LINKS) {
            fd = admit_file(fd, size, error);
            break;
        }
        if (!follow(&at, &name, error))
            break;
    }
    close(at);
    return fd;
}

int tn_trust_open_file(int directory, const char *file, uint64_t *size, GError **error)
{
    int fd = openat(directory, file, FILE_FLAGS);

    if (fd < 0 && errno == ELOOP)
        return open_through_links(directory, file, size, error);
    return admit_file(fd, size, error);
}

bool tn_trust_examine_file(int directory, const char *file, struct stat *st)
{
    struct stat found;

    if (fstatat(directory, file, &found, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(found.st_mode) ||
        !(found.st_mode & S_IROTH) || !check_mode(&found, "it", NULL))
        return false;
    *st = found;
    return true;
}

bool tn_trust_is_owned(int directory, int fd)
{
    struct stat file, parent;

    return fstat(fd, &file) == 0 && fstat(directory, &parent) == 0 &&
           (is_trusted_owner(file.st_uid) || file.st_uid == parent.st_uid);
}
