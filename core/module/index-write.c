/* SPDX-License-Identifier: MIT */
/*
 * Writes the index of a directory, and tells how one differs from the files; see index-file.h.
 *
 * A stamp tells two states of a file apart only if the clock of the file system went on between
 * them. So a file is read when its last change is a step of that clock ago: what changes it later
 * gives it another stamp.
 */
#include "module/index-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "module/scan.h"
#include "module/trust.h"
#include "tenon/error.h"

enum {
    FINE_STEP_MS = 20,     /* two ticks of the slowest kernel clock */
    COARSE_STEP_MS = 2000, /* of file systems whose times are whole seconds, or two */
    TRIES = 3,             /* at a file that changes while it is read */
    INDEX_MODE = 0644,
};

/* What a directory has: TnIndexEntry of which the texts lie in `texts`, ascending by name. */
typedef struct Collection {
    GArray *entries;
    GPtrArray *texts; /* char *, owned */
} Collection;

static void collection_clear(Collection *c)
{
    g_array_unref(c->entries);
    g_ptr_array_unref(c->texts);
}

/* ---- Reading files ---------------------------------------------------------------------- */

/* Waits until the file's last change is a step of the clock ago. False: it lies in the future. */
static bool let_clock_pass(const TnFileStamp *stamp)
{
    int64_t step = (stamp->ctime_ns || stamp->mtime_ns ? FINE_STEP_MS : COARSE_STEP_MS) *
                   (int64_t)G_TIME_SPAN_MILLISECOND;
    int64_t now = g_get_real_time(), over = now - step;

    /* In seconds first: a hostile date must not overflow. */
    if (stamp->ctime > now / G_USEC_PER_SEC + 1)
        return false;
    if (stamp->ctime < over / G_USEC_PER_SEC - 1)
        return true;
    over -= stamp->ctime * G_USEC_PER_SEC + stamp->ctime_ns / 1000;
    if (over <= 0)
        g_usleep(-over + 1);
    return true;
}

/* The note of a file that stays as it is while it is read, with its stamp. */
static TnNote *read_unchanging(int directory, const char *file, TnFileStamp *stamp)
{
    for (unsigned i = 0; i < TRIES; i++) {
        g_autoptr(TnNote) note = NULL;
        TnFileStamp after;
        struct stat st;
        int fd;

        if (!tn_trust_examine_file(directory, file, &st))
            return NULL;
        *stamp = tn_file_stamp(&st);
        if (!let_clock_pass(stamp))
            return NULL;
        fd = tn_trust_open_file(directory, file, NULL, NULL);
        if (fd < 0)
            return NULL;
        note = tn_note_read(fd, NULL);
        after = fstat(fd, &st) == 0 ? tn_file_stamp(&st) : (TnFileStamp){ 0 };
        close(fd);
        if (tn_file_stamp_equal(stamp, &after))
            return g_steal_pointer(&note);
    }
    return NULL;
}

static void collect_file(Collection *c, int directory, const char *file)
{
    TnFileStamp stamp;
    TnNote *note = read_unchanging(directory, file, &stamp);
    TnIndexEntry entry;

    if (!note)
        return;
    entry = (TnIndexEntry){ .file = g_strdup(file), .stamp = stamp, .host = note->host,
                            .note = g_steal_pointer(&note->text), .note_size = note->text_size };
    tn_note_free(note);
    g_ptr_array_add(c->texts, (char *)entry.file);
    g_ptr_array_add(c->texts, (char *)entry.note);
    g_array_append_val(c->entries, entry);
}

static Collection collect(int directory)
{
    Collection c = { g_array_new(false, false, sizeof(TnIndexEntry)),
                     g_ptr_array_new_with_free_func(g_free) };
    g_autoptr(GPtrArray) files = tn_module_files(directory);

    for (unsigned i = 0; i < files->len; i++)
        collect_file(&c, directory, files->pdata[i]);
    return c;
}

/* ---- Writing ---------------------------------------------------------------------------- */

static bool fail(GError **error, const char *what)
{
    g_set_error(error, TN_ERROR, TN_ERROR_IO, "%s cannot be written: %s", what, g_strerror(errno));
    return false;
}

static bool write_all(int fd, const GByteArray *bytes)
{
    for (size_t at = 0; at < bytes->len;) {
        ssize_t n = write(fd, bytes->data + at, bytes->len - at);

        if (n < 0 && errno != EINTR)
            return false;
        at += MAX(n, 0);
    }
    return fchmod(fd, INDEX_MODE) == 0 && fsync(fd) == 0;
}

/* The umask does not count: what root writes is for all to read. */
static bool replace_file(int directory, const GByteArray *bytes, GError **error)
{
    g_autofree char *temporary = g_strdup_printf("." TN_INDEX_FILE ".%d", (int)getpid());
    bool written;
    int fd;

    unlinkat(directory, temporary, 0); /* of a process of this number that was killed */
    fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(error, "a file beside the index");
    written = write_all(fd, bytes) || fail(error, "the index");
    if (close(fd) != 0 && written)
        written = fail(error, "the index");
    if (written && renameat(directory, temporary, directory, TN_INDEX_FILE) != 0)
        written = fail(error, "the index");
    if (!written)
        unlinkat(directory, temporary, 0);
    return written;
}

bool tn_index_write(const char *path, GError **error)
{
    int directory = tn_trust_open_directory(path, error);
    g_autoptr(GByteArray) bytes = NULL;
    bool written = false;
    Collection c;

    if (directory < 0)
        return false;
    c = collect(directory);
    bytes = tn_index_encode((const TnIndexEntry *)c.entries->data, c.entries->len, error);
    if (bytes)
        written = replace_file(directory, bytes, error);
    collection_clear(&c);
    close(directory);
    return written;
}

/* ---- Comparing -------------------------------------------------------------------------- */

static void add(GPtrArray *differences, const char *file, const char *why)
{
    g_ptr_array_add(differences, g_strdup_printf("%s: %s", file, why));
}

static void compare_entries(const TnIndexEntry *there, const TnIndexEntry *indexed,
                            GPtrArray *differences)
{
    if (!tn_file_stamp_equal(&there->stamp, &indexed->stamp))
        add(differences, there->file, "it changed after the index was written");
    else if (there->note_size != indexed->note_size ||
             memcmp(there->note, indexed->note, there->note_size) != 0 ||
             memcmp(&there->host, &indexed->host, sizeof(there->host)) != 0)
        add(differences, there->file, "the index has another note than the file");
}

/* Walks both, which ascend by name. */
static void compare_all(const GArray *there, const GArray *indexed, GPtrArray *differences)
{
    unsigned i = 0, j = 0;

    while (i < there->len || j < indexed->len) {
        const TnIndexEntry *a = i < there->len ? &g_array_index(there, TnIndexEntry, i) : NULL;
        const TnIndexEntry *b = j < indexed->len ? &g_array_index(indexed, TnIndexEntry, j) : NULL;
        int order = !a ? 1 : !b ? -1 : strcmp(a->file, b->file);

        if (order < 0)
            add(differences, a->file, "the index does not have it");
        else if (order > 0)
            add(differences, b->file, "the index has it, and it is no usable module file here");
        else
            compare_entries(a, b, differences);
        i += order <= 0;
        j += order >= 0;
    }
}

bool tn_index_compare(const char *path, GPtrArray *differences, GError **error)
{
    int directory = tn_trust_open_directory(path, error);
    g_autoptr(TnIndex) index = NULL;
    g_autoptr(GError) why = NULL;
    Collection c;

    if (directory < 0)
        return false;
    index = tn_index_open(directory, &why);
    if (index) {
        c = collect(directory);
        compare_all(c.entries, index->entries, differences);
        collection_clear(&c);
    } else {
        add(differences, TN_INDEX_FILE, why ? why->message : "there is none");
    }
    close(directory);
    return true;
}
