/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any bytes as a file of kept translations. The header's and the entries' checksums are
 * put right on the way, so that what lies behind them is reached.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "translate/cache/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t digest[TN_CACHE_DIGEST];
static TnCacheWindow *window;

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
    TnCacheSearch s = { .window = window, .mode = &mode, .pc = like->pc, .code = code,
                        .room = sizeof(code) };
    const TnCacheEntry *e;

    memcpy(code, tn_cache_entry_bytes(like), like->n_bytes);
    while ((e = tn_cache_file_next(file, &s)))
        use(e);
    e = tn_cache_file_shifted(file, &s, 0);
    if (e)
        use(e);
}

static void use_all(const TnCacheFile *file)
{
    for (uint32_t slot = 0; slot <= file->slot_mask; slot++) {
        unsigned age;
        const TnCacheEntry *e = tn_cache_file_slot(file, slot, window, &age);

        if (!e)
            continue;
        use(e);
        search(file, e);
    }
}

/* The bytes as a file of no name. */
static int file_of(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz-cache", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree uint8_t *copy = g_malloc(size + 1);
    g_autoptr(GError) error = NULL;
    TnCacheFile file;
    int fd;

    memcpy(copy, data, size);
    if (size >= sizeof(TnCacheHeader)) {
        TnCacheHeader h;

        mend_header(copy, size);
        memcpy(&h, copy, sizeof(h));
        if (sizeof(h) + (sizeof(TnCacheSlot) << h.slot_bits) <= size)
            mend_entries(copy, size, 1u << h.slot_bits);
    }
    window = tn_cache_window_new();
    fd = file_of(copy, size);
    if (tn_cache_file_take(&file, fd, size, digest, &error)) {
        use_all(&file);
        tn_cache_file_close(&file);
    } else {
        close(fd);
    }
    g_free(window);
    return 0;
}
