/* SPDX-License-Identifier: MIT */
/* The bytes of an index; see index.h. Nothing in them is trusted: not their order, not a length. */
#include "module/index.h"

#include <string.h>

#include "module/note.h"
#include "tenon/error.h"

enum { ALIGNMENT = 8, SUM_SIZE = 8 };

static const char magic[8] = "TenonIdx";

/* Both structs lie in the file as they are here, in little-endian order. */
typedef struct Header {
    char magic[sizeof(magic)];
    uint32_t version, note_format, entries, zero;
    uint64_t size;
} Header;

typedef struct Record {
    uint64_t inode, size;
    int64_t mtime, ctime;
    uint32_t mtime_ns, ctime_ns;
    uint8_t class, data;
    uint16_t machine;
    uint32_t file_size, note_size, zero;
} Record;

G_STATIC_ASSERT(sizeof(Header) == 32 && sizeof(Record) == 56);

/* ---- Stamps ----------------------------------------------------------------------------- */

TnFileStamp tn_file_stamp(const struct stat *st)
{
    return (TnFileStamp){ .inode = st->st_ino, .size = st->st_size, .mtime = st->st_mtim.tv_sec,
                          .ctime = st->st_ctim.tv_sec, .mtime_ns = st->st_mtim.tv_nsec,
                          .ctime_ns = st->st_ctim.tv_nsec };
}

bool tn_file_stamp_equal(const TnFileStamp *a, const TnFileStamp *b)
{
    return a->inode == b->inode && a->size == b->size && a->mtime == b->mtime &&
           a->ctime == b->ctime && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* ---- The sum ---------------------------------------------------------------------------- */

/* Each step maps sums one to one: two files that differ in one word never have the same. */
uint64_t tn_index_sum(const char *bytes, size_t size)
{
    uint64_t sum = size;

    for (size_t at = 0; at + ALIGNMENT <= size; at += ALIGNMENT) {
        uint64_t word;

        memcpy(&word, bytes + at, sizeof(word));
        sum = (sum ^ GUINT64_FROM_LE(word)) * TN_INDEX_FACTOR;
        sum ^= sum >> 32;
    }
    return sum;
}

/* ---- Writing ---------------------------------------------------------------------------- */

static void pad(GByteArray *out)
{
    static const uint8_t zeros[ALIGNMENT];

    g_byte_array_append(out, zeros, -out->len % ALIGNMENT);
}

static void append_entry(GByteArray *out, const TnIndexEntry *entry)
{
    const TnFileStamp *stamp = &entry->stamp;
    uint32_t file_size = strlen(entry->file) + 1;
    Record record = {
        .inode = GUINT64_TO_LE(stamp->inode), .size = GUINT64_TO_LE(stamp->size),
        .mtime = GINT64_TO_LE(stamp->mtime), .ctime = GINT64_TO_LE(stamp->ctime),
        .mtime_ns = GUINT32_TO_LE(stamp->mtime_ns), .ctime_ns = GUINT32_TO_LE(stamp->ctime_ns),
        .class = entry->host.class, .data = entry->host.data,
        .machine = GUINT16_TO_LE(entry->host.machine), .file_size = GUINT32_TO_LE(file_size),
        .note_size = GUINT32_TO_LE(entry->note_size),
    };

    g_byte_array_append(out, (const uint8_t *)&record, sizeof(record));
    g_byte_array_append(out, (const uint8_t *)entry->file, file_size);
    g_byte_array_append(out, (const uint8_t *)entry->note, entry->note_size);
    pad(out);
}

GByteArray *tn_index_encode(const TnIndexEntry *entries, unsigned n, GError **error)
{
    Header header = { .version = GUINT32_TO_LE(TN_INDEX_VERSION),
                      .note_format = GUINT32_TO_LE(TN_NOTE_FORMAT), .entries = GUINT32_TO_LE(n) };
    GByteArray *out = g_byte_array_new();
    uint64_t sum;

    memcpy(header.magic, magic, sizeof(magic));
    g_byte_array_append(out, (const uint8_t *)&header, sizeof(header));
    for (unsigned i = 0; i < n && out->len < TN_INDEX_MAX; i++)
        append_entry(out, &entries[i]);
    if (out->len + SUM_SIZE > TN_INDEX_MAX) {
        g_set_error(error, TN_ERROR, TN_ERROR_FAILED,
                    "the notes of %u modules do not fit into an index of %d bytes", n,
                    TN_INDEX_MAX);
        g_byte_array_unref(out);
        return NULL;
    }
    header.size = GUINT64_TO_LE(out->len + SUM_SIZE);
    memcpy(out->data, &header, sizeof(header));
    sum = GUINT64_TO_LE(tn_index_sum((const char *)out->data, out->len));
    g_byte_array_append(out, (const uint8_t *)&sum, sizeof(sum));
    return out;
}

/* ---- Reading ---------------------------------------------------------------------------- */

static bool fail(GError **error, const char *why)
{
    g_set_error_literal(error, TN_ERROR, TN_ERROR_BROKEN, why);
    return false;
}

/* `size` counts what is there, the header says what there should be. */
static bool check_header(const char *bytes, size_t size, Header *header, GError **error)
{
    uint64_t sum;

    if (size < sizeof(*header) + SUM_SIZE || size % ALIGNMENT != 0)
        return fail(error, "it is cut short");
    memcpy(header, bytes, sizeof(*header));
    if (memcmp(header->magic, magic, sizeof(magic)) != 0)
        return fail(error, "it is not an index of modules");
    if (GUINT32_FROM_LE(header->version) != TN_INDEX_VERSION ||
        GUINT32_FROM_LE(header->note_format) != TN_NOTE_FORMAT)
        return fail(error, "it was written by another version");
    memcpy(&sum, bytes + size - SUM_SIZE, sizeof(sum));
    if (GUINT64_FROM_LE(header->size) != size ||
        GUINT64_FROM_LE(sum) != tn_index_sum(bytes, size - SUM_SIZE))
        return fail(error, "it is damaged");
    return true;
}

/* The name of a module file in this very directory: what scanning could find. */
static bool is_file_name(const char *file, uint32_t size)
{
    return size > strlen(".so") && memchr(file, '\0', size) == file + size - 1 &&
           g_str_has_suffix(file, ".so") && !strchr(file, '/');
}

/* Reads the entry at `*at`, which moves behind it; `end` is where the trailer begins. */
static bool read_entry(const char *bytes, size_t *at, size_t end, TnIndexEntry *entry)
{
    Record record;
    uint64_t left = end - *at, file_size, note_size, whole;

    if (left < sizeof(record))
        return false;
    memcpy(&record, bytes + *at, sizeof(record));
    file_size = GUINT32_FROM_LE(record.file_size);
    note_size = GUINT32_FROM_LE(record.note_size);
    whole = sizeof(record) + file_size + note_size;
    whole = (whole + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (whole > left)
        return false;
    *entry = (TnIndexEntry){
        .file = bytes + *at + sizeof(record),
        .stamp = { .inode = GUINT64_FROM_LE(record.inode), .size = GUINT64_FROM_LE(record.size),
                   .mtime = GINT64_FROM_LE(record.mtime), .ctime = GINT64_FROM_LE(record.ctime),
                   .mtime_ns = GUINT32_FROM_LE(record.mtime_ns),
                   .ctime_ns = GUINT32_FROM_LE(record.ctime_ns) },
        .host = { record.class, record.data, GUINT16_FROM_LE(record.machine) },
        .note = bytes + *at + sizeof(record) + file_size,
        .note_size = note_size,
    };
    *at += whole;
    return is_file_name(entry->file, file_size);
}

static bool read_entries(TnIndex *index, const Header *header, size_t size, GError **error)
{
    uint32_t n = GUINT32_FROM_LE(header->entries);
    size_t at = sizeof(*header), end = size - SUM_SIZE;
    const char *before = "";

    for (uint32_t i = 0; i < n; i++) {
        TnIndexEntry entry;

        if (!read_entry(index->bytes, &at, end, &entry) || strcmp(before, entry.file) >= 0)
            return fail(error, "it is malformed");
        before = entry.file;
        g_array_append_val(index->entries, entry);
    }
    return at == end || fail(error, "it is malformed");
}

TnIndex *tn_index_decode(char *bytes, size_t size, GError **error)
{
    g_autoptr(TnIndex) index = g_new0(TnIndex, 1);
    Header header;

    index->bytes = bytes;
    index->entries = g_array_new(false, false, sizeof(TnIndexEntry));
    if (!check_header(bytes, size, &header, error) || !read_entries(index, &header, size, error))
        return NULL;
    return g_steal_pointer(&index);
}

void tn_index_free(TnIndex *index)
{
    if (!index)
        return;
    g_free(index->bytes);
    g_array_unref(index->entries);
    g_free(index);
}

const TnIndexEntry *tn_index_find(const TnIndex *index, const char *file, unsigned *cursor)
{
    for (; *cursor < index->entries->len; ++*cursor) {
        const TnIndexEntry *entry = &g_array_index(index->entries, TnIndexEntry, *cursor);
        int order = strcmp(entry->file, file);

        if (order == 0)
            return entry;
        if (order > 0)
            break;
    }
    return NULL;
}
