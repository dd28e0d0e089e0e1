/* SPDX-License-Identifier: MIT */
/*
 * Adding a run's translations to the file: what is there stays, together with what other instances
 * have added meanwhile; where all of it is too much, what was not used for longest goes.
 */
#include <string.h>
#include <unistd.h>

#include "tenon/error.h"
#include "translate/cache/internal.h"

enum { WORTH_WRITING = 32 }; /* new entries: one for so many that are there */

typedef struct Merge {
    GArray *items;          /* TnCacheItem */
    GPtrArray *owned;       /* entries copied out of a file */
    GHashTable *met;        /* checksums of the entries taken; they stand in the entries */
    uint64_t bytes;
} Merge;

static void add(Merge *m, const TnCacheEntry *e, unsigned age)
{
    TnCacheItem item = { .entry = e, .age = age };

    if (!g_hash_table_add(m->met, (gpointer)&e->checksum))
        return;
    g_array_append_val(m->items, item);
    m->bytes += e->size + sizeof(TnCacheSlot) * 4;
}

static int by_place(const void *a, const void *b, void *opaque)
{
    const TnCacheSlot *slots = ((const TnCacheFile *)opaque)->slots;
    uint32_t x = slots[*(const uint32_t *)a].at, y = slots[*(const uint32_t *)b].at;

    return (x > y) - (x < y);
}

/* The slots in the order of their entries: that in which code ran first, which the next run reads
 * them in. */
static GArray *slots_in_order(const TnCacheFile *file)
{
    GArray *slots = g_array_new(false, false, sizeof(uint32_t));

    for (uint32_t slot = 0; file->size && slot <= file->slot_mask; slot++) {
        if (file->slots[slot].at)
            g_array_append_val(slots, slot);
    }
    g_array_sort_with_data(slots, by_place, (void *)file);
    return slots;
}

/* All entries of a file; `mine`: it is the one that served this run. */
static void add_file(Merge *m, const TnCacheFile *file, bool mine)
{
    g_autoptr(GArray) slots = slots_in_order(file);
    g_autofree TnCacheWindow *window = tn_cache_window_new();

    for (guint i = 0; i < slots->len; i++) {
        uint32_t slot = g_array_index(slots, uint32_t, i);
        unsigned age;

        const TnCacheEntry *found = tn_cache_file_slot(file, slot, window, &age);

        if (!found)
            continue;
        TnCacheEntry *e = g_memdup2(found, found->size);

        g_ptr_array_add(m->owned, e);
        if (mine)
            age = tn_cache_is_used(file->slots[slot].at) ? 0 : MIN(age + 1, (unsigned)TN_CACHE_MAX_AGE);
        add(m, e, age);
    }
}

static int by_age(const void *a, const void *b)
{
    return (int)((const TnCacheItem *)a)->age - (int)((const TnCacheItem *)b)->age;
}

static void drop_least_used(Merge *m, uint64_t max_bytes)
{
    if (m->bytes <= max_bytes)
        return;
    g_array_sort(m->items, by_age);
    while (m->items->len && m->bytes > max_bytes) {
        const TnCacheItem *last = &g_array_index(m->items, TnCacheItem, m->items->len - 1);

        m->bytes -= last->entry->size + sizeof(TnCacheSlot) * 4;
        g_array_set_size(m->items, m->items->len - 1);
        tn_cache.stats.dropped++;
    }
}

/* Takes what others have written since the file was opened. The inode is not looked at: the same
 * entries are met again and left out. */
static void add_others(Merge *m, int dir)
{
    TnCacheFile file = { .size = 0 };

    tn_cache_file_close(&tn_cache.file);
    if (tn_cache_find(dir, tn_cache.digest, &file, NULL))
        add_file(m, &file, false);
    tn_cache_file_close(&file);
}

static bool write_file(const Merge *m, int dir, GError **error)
{
    g_autoptr(GByteArray) data = tn_cache_file_make((void *)m->items->data, m->items->len,
                                                    tn_cache.digest);

    if (!data)
        return true; /* max_bytes keeps it from growing so large */
    tn_cache.stats.written = data->len;
    return tn_cache_replace(dir, tn_cache.digest, data, tn_cache.max_bytes, error);
}

static bool merge(const GPtrArray *entries, int dir, GError **error)
{
    g_autoptr(GArray) items = g_array_new(false, false, sizeof(TnCacheItem));
    g_autoptr(GPtrArray) owned = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) met = g_hash_table_new(g_int64_hash, g_int64_equal);
    Merge m = { .items = items, .owned = owned, .met = met };

    for (guint i = 0; i < entries->len; i++)
        add(&m, entries->pdata[i], 0);
    add_file(&m, &tn_cache.file, true);
    add_others(&m, dir);
    drop_least_used(&m, tn_cache.max_bytes);
    return write_file(&m, dir, error);
}

static bool save(const GPtrArray *entries, GError **error)
{
    int dir = tn_cache_open_directory(tn_cache.dir, error);
    bool done;

    if (dir < 0)
        return false;
    /* Somebody who holds the lock so long is writing the same. */
    done = !tn_cache_lock(dir) || merge(entries, dir, error);
    close(dir);
    return done;
}

void tn_cache_save(void)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;

    if (!tn_cache.open || tn_cache_is_watched() ||
        tn_cache.stats.noted <= tn_cache.stats.found / WORTH_WRITING)
        return;
    tn_cache_bake(entries);
    if (!save(entries, &error))
        tn_warn("translations are not kept in %s: %s", tn_cache.dir, error->message);
    tn_cache.open = false;
}
