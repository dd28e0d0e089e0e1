/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any bytes as the index of a directory; once as they are, once with the size and sum
 * that belong to them, without which no entry would be reached.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "module/index.h"
#include "module/note.h"

enum { SIZE_AT = 24, LEAST = 40, SUM_SIZE = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken over can be used: names are those of files in a directory, texts can be parsed. */
static void use(const TnIndex *index)
{
    const char *before = "";
    unsigned cursor = 0;

    for (unsigned i = 0; i < index->entries->len; i++) {
        const TnIndexEntry *entry = &g_array_index(index->entries, TnIndexEntry, i);

        if (strcmp(before, entry->file) >= 0 || strchr(entry->file, '/') ||
            !g_str_has_suffix(entry->file, ".so") ||
            tn_index_find(index, entry->file, &cursor) != entry)
            abort();
        before = entry->file;
        tn_note_free(tn_note_parse_for(&entry->host, entry->note, entry->note_size, NULL));
    }
}

static void read_bytes(char *bytes, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TnIndex) index = tn_index_decode(bytes, size, &error);

    if (!index != (error != NULL))
        abort(); /* one of both, always */
    if (index)
        use(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *sealed;
    uint64_t word;

    read_bytes(g_memdup2(data, size), size);
    size = size / sizeof(word) * sizeof(word);
    if (size < LEAST)
        return 0;
    sealed = g_memdup2(data, size);
    word = GUINT64_TO_LE((uint64_t)size);
    memcpy(sealed + SIZE_AT, &word, sizeof(word));
    word = GUINT64_TO_LE(tn_index_sum(sealed, size - SUM_SIZE));
    memcpy(sealed + size - SUM_SIZE, &word, sizeof(word));
    read_bytes(sealed, size);
    return 0;
}
