/* SPDX-License-Identifier: MIT */
/* Reads the index of a directory; see index-file.h. index-write.c writes it. */
#include "module/index-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "module/trust.h"
#include "tenon/error.h"

static bool is_missing(int directory)
{
    struct stat st;

    return fstatat(directory, TN_INDEX_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

static char *read_whole(int fd, uint64_t size, GError **error)
{
    g_autofree char *bytes = g_malloc(size);

    for (uint64_t at = 0; at < size;) {
        ssize_t n = read(fd, bytes + at, size - at);

        if (n <= 0) {
            g_set_error(error, TN_ERROR, TN_ERROR_IO, "it cannot be read: %s",
                        n < 0 ? g_strerror(errno) : "it became shorter");
            return NULL;
        }
        at += n;
    }
    return g_steal_pointer(&bytes);
}

static char *read_checked(int directory, int fd, uint64_t size, GError **error)
{
    if (!tn_trust_is_owned(directory, fd)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "it belongs neither to root nor to this user nor to its directory's owner");
        return NULL;
    }
    if (!size || size > TN_INDEX_MAX) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "it is of %" G_GUINT64_FORMAT
                    " bytes; an index has 1 to %d", size, TN_INDEX_MAX);
        return NULL;
    }
    return read_whole(fd, size, error);
}

TnIndex *tn_index_open(int directory, GError **error)
{
    uint64_t size = 0;
    char *bytes;
    int fd;

    if (is_missing(directory))
        return NULL;
    fd = tn_trust_open_file(directory, TN_INDEX_FILE, &size, error);
    if (fd < 0)
        return NULL;
    bytes = read_checked(directory, fd, size, error);
    close(fd);
    return bytes ? tn_index_decode(bytes, size, error) : NULL;
}

TnNote *tn_index_note(const TnIndex *index, unsigned *cursor, int directory, const char *file)
{
    const TnIndexEntry *entry = tn_index_find(index, file, cursor);
    TnFileStamp stamp;
    struct stat st;

    if (!entry || !tn_trust_examine_file(directory, file, &st))
        return NULL;
    stamp = tn_file_stamp(&st);
    if (!tn_file_stamp_equal(&stamp, &entry->stamp))
        return NULL;
    return tn_note_parse_for(&entry->host, entry->note, entry->note_size, NULL);
}
