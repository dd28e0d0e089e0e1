/* SPDX-License-Identifier: MIT */
/*
 * Writes the index of a directory, and tells how one differs from the files; see index-file.h.
 *
 * A stamp tells two states of a file apart only if the clock of the file system went on between
 * them. So a file is read when that clock has gone on since its last change: what changes it later
 * gives it another stamp. How fine that clock is, and whose, tells a file of ours beside it: the one
 * that becomes the index.
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
    LONGEST_STEP_S = 2, /* of a file system's clock: FAT's */
    LOOK_US = 1000,     /* between two looks at that clock */
    TRIES = 3,          /* at a file that changes while it is read */
    NO_CLOCK = -1,      /* instead of a file: what is read need not last */
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

/*
 * Waits until the clock of the file system, as the file `clock` shows it when it is touched, is
 * later than the file's last change. False: it cannot be told, or that lies in the future.
 */
static bool let_clock_pass(int clock, const TnFileStamp *stamp)
{
    struct stat now;

    if (clock == NO_CLOCK)
        return true;
    for (;;) {
        if (futimens(clock, NULL) != 0 || fstat(clock, &now) != 0)
            return false;
        if (now.st_ctim.tv_sec > stamp->ctime ||
            (now.st_ctim.tv_sec == stamp->ctime && now.st_ctim.tv_nsec > stamp->ctime_ns))
            return true;
        if (now.st_ctim.tv_sec < stamp->ctime - LONGEST_STEP_S)
            return false;
        g_usleep(LOOK_US);
    }
}

/* The note of a file that stays as it is while it is read, with its stamp. */
static TnNote *read_unchanging(int directory, int clock, const char *file, TnFileStamp *stamp)
{
    for (unsigned i = 0; i < TRIES; i++) {
        g_autoptr(TnNote) note = NULL;
        TnFileStamp after;
        struct stat st;
        int fd;

        if (!tn_trust_examine_file(directory, file, &st))
            return NULL;
        *stamp = tn_file_stamp(&st);
        if (!let_clock_pass(clock, stamp))
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

static void collect_file(Collection *c, int directory, int clock, const char *file)
{
    TnFileStamp stamp;
    TnNote *note = read_unchanging(directory, clock, file, &stamp);
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

static Collection collect(int directory, int clock)
{
    Collection c = { g_array_new(false, false, sizeof(TnIndexEntry)),
                     g_ptr_array_new_with_free_func(g_free) };
    g_autoptr(GPtrArray) files = tn_module_files(directory);

    for (unsigned i = 0; i < files->len; i++)
        collect_file(&c, directory, clock, files->pdata[i]);
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

/* Describes the files of the directory in the file that is to become its index. */
static bool write_index(int directory, int fd, GError **error)
{
    Collection c = collect(directory, fd);
    g_autoptr(GByteArray) bytes =
        tn_index_encode((const TnIndexEntry *)c.entries->data, c.entries->len, error);

    collection_clear(&c);
    return bytes && (write_all(fd, bytes) || fail(error, "the index"));
}

/* The umask does not count: what root writes is for all to read. */
static bool replace_index(int directory, GError **error)
{
    g_autofree char *temporary = g_strdup_printf("." TN_INDEX_FILE ".%d", (int)getpid());
    bool written;
    int fd;

    unlinkat(directory, temporary, 0); /* of a process of this number that was killed */
    fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(error, "a file beside the index");
    written = write_index(directory, fd, error);
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
    bool written;

    if (directory < 0)
        return false;
    written = replace_index(directory, error);
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
        c = collect(directory, NO_CLOCK);
        compare_all(c.entries, index->entries, differences);
        collection_clear(&c);
    } else {
        add(differences, TN_INDEX_FILE, why ? why->message : "there is none");
    }
    close(directory);
    return true;
}
