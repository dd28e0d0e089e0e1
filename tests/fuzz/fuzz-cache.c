/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any bytes as a file of kept translations. The header's and the entries' checksums are
 * put right on the way, so that what lies behind them is reached.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "translate/cache/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t digest[TN_CACHE_DIGEST];
static TnCacheEntry *entry; /* TN_CACHE_MAX_ENTRY bytes */

static void mend_header(uint8_t *file, size_t size)
{
    TnCacheHeader h;

    memcpy(&h, file, sizeof(h));
    memcpy(h.magic, "TnCache\n", sizeof(h.magic));
    h.version = TN_CACHE_VERSION;
    memset(h.digest, 0, sizeof(h.digest));
    h.size = size;
    h.slot_bits = 1 + h.slot_bits % 8;
    h.checksum = tn_cache_checksum(&h, offsetof(TnCacheHeader, checksum));
    memcpy(file, &h, sizeof(h));
}

static void mend_entries(uint8_t *file, size_t size, uint32_t n_slots)
{
    for (uint32_t i = 0; i < n_slots; i++) {
        TnCacheSlot slot;
        TnCacheEntry e;
        uint64_t at;

        memcpy(&slot, file + sizeof(TnCacheHeader) + i * sizeof(slot), sizeof(slot));
        at = (uint64_t)slot.at * 8;
        if (at < sizeof(TnCacheHeader) || at + sizeof(e) > size)
            continue;
        memcpy(&e, file + at, sizeof(e));
        if (e.size >= sizeof(e) && e.size <= size - at) {
            e.checksum = tn_cache_checksum(file + at + offsetof(TnCacheEntry, size),
                                           e.size - offsetof(TnCacheEntry, size));
            memcpy(file + at, &e.checksum, sizeof(e.checksum));
        }
    }
}

/* What a reader does with an entry that it was given: no part may lie outside. */
static void use(const TnCacheEntry *e)
{
    const uint8_t *end = (const uint8_t *)e + e->size, *kept = tn_cache_entry_kept(e);

    if (e->size > TN_CACHE_MAX_ENTRY || kept > end || e->kept_size > (size_t)(end - kept) ||
        tn_cache_entry_bytes(e) + e->n_bytes > end)
        abort();
}

static void search(const TnCacheFile *file, const TnCacheEntry *like)
{
    static uint8_t code[TN_CACHE_PAGE];
    TnCacheMode mode = like->mode;
    TnCacheSearch s = { .mode = &mode, .pc = like->pc, .code = code, .room = sizeof(code) };
    uint64_t pc = like->pc;

    memcpy(code, tn_cache_entry_bytes(like), like->n_bytes);
    while (tn_cache_file_next(file, &s, entry))
        use(entry);
    s = (TnCacheSearch){ .mode = &mode, .pc = pc, .code = code, .room = sizeof(code) };
    if (tn_cache_file_shifted(file, &s, 0, entry))
        use(entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static TnCacheEntry *found;
    g_autofree uint8_t *copy = g_malloc(size + 1);
    g_autoptr(GError) error = NULL;
    TnCacheFile file;

    if (!entry) {
        entry = g_malloc(TN_CACHE_MAX_ENTRY);
        found = g_malloc(TN_CACHE_MAX_ENTRY);
    }
    memcpy(copy, data, size);
    if (size >= sizeof(TnCacheHeader))
        mend_header(copy, size);
    if (!tn_cache_file_take(&file, copy, size, digest, &error))
        return 0;
    mend_entries(copy, size, file.slot_mask + 1);
    for (uint32_t slot = 0; slot <= file.slot_mask; slot++) {
        unsigned age;

        if (!tn_cache_file_slot(&file, slot, found, &age))
            continue;
        use(found);
        search(&file, found);
    }
    return 0;
}
