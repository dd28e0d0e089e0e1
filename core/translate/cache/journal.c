/* SPDX-License-Identifier: MIT */
/*
 * What was translated, to be kept: the mode, pc and bytes of each piece of code once. Whether the
 * block lives until the end does not matter.
 */
#include <string.h>

#include "cpu/cpu-private.h"
#include "translate/cache/internal.h"

enum { MAX_BYTES = 64 << 20 }; /* of notes; guests that make code all the time fill them */

static struct {
    GByteArray *notes;
    GHashTable *met; /* hashes of what is in it */
} journal;

static uint64_t hash_note(const TnBlock *block)
{
    struct {
        TnCacheMode mode;
        uint64_t offset, bytes;
    } all = { tn_cache_mode(&block->key), block->key.pc % TN_CACHE_PAGE,
              tn_cache_checksum(block->bytes, block->size) };

    return tn_cache_checksum(&all, sizeof(all));
}

void tn_cache_note(TnCpu *cpu, const TnBlock *block)
{
    TnCacheNote note = { .key = block->key, .n_bytes = (uint16_t)block->size,
                         .n_insns = (uint16_t)block->n_insns };

    if (!block->bytes || block->n_late || block->phys[1] != UINT64_MAX || cpu->priv->core_mode ||
        block->size > TN_CACHE_PAGE || tn_breakpoint_any())
        return;
    if (!journal.notes) {
        journal.notes = g_byte_array_new();
        journal.met = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    }
    uint64_t hash = hash_note(block);

    if (journal.notes->len > MAX_BYTES || g_hash_table_contains(journal.met, &hash))
        return;
    g_hash_table_add(journal.met, g_memdup2(&hash, sizeof(hash)));
    g_byte_array_append(journal.notes, (const void *)&note, sizeof(note));
    g_byte_array_append(journal.notes, block->bytes, block->size);
    g_byte_array_set_size(journal.notes, (journal.notes->len + 7) & ~7u);
    tn_cache.stats.noted++;
}

GPtrArray *tn_cache_notes(void)
{
    GPtrArray *notes = g_ptr_array_new();
    guint at = 0;

    while (journal.notes && at < journal.notes->len) {
        TnCacheNote *note = (void *)(journal.notes->data + at);

        g_ptr_array_add(notes, note);
        at += ((guint)sizeof(*note) + note->n_bytes + 7) & ~7u;
    }
    return notes;
}
