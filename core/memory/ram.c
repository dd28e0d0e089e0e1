/* SPDX-License-Identifier: MIT */
/*
 * Host memory for RAM-like regions: mappings and dirty bits.
 *
 * Mappings are aligned to 2 MiB so that the host can back them by huge pages, and are followed by
 * an inaccessible page, so that a slip of ours past the end of RAM faults instead of going on.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/region.h"
#include "tenon/error.h"

enum { RAM_ALIGN = 2 << 20, RAM_BITS = 64 };

static TnCodeHook ram_code_hook;
static void (*ram_log_hook)(void);

void tn_memory_set_code_hook(TnCodeHook fn)
{
    ram_code_hook = fn;
}

void tn_memory_set_log_hook(void (*fn)(void))
{
    ram_log_hook = fn;
}

/* ---- Mappings ---------------------------------------------------------------------------- */

static bool ram_map(TnRam *ram, const TnRamOptions *options, GError **error)
{
    uint64_t align = ram->size >= RAM_ALIGN ? RAM_ALIGN : TN_RAM_PAGE;
    ram->mapped = ram->size + align + TN_RAM_PAGE;
    ram->mapping = mmap(NULL, ram->mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                        -1, 0);
    if (ram->mapping == MAP_FAILED) {
        ram->mapping = NULL;
    } else {
        uintptr_t start = ((uintptr_t)ram->mapping + align - 1) & -(uintptr_t)align;
        int prot = PROT_READ | (options->readonly ? 0 : PROT_WRITE);
        int flags = MAP_FIXED | MAP_NORESERVE | (options->shared ? MAP_SHARED : MAP_PRIVATE) |
                    (ram->fd < 0 ? MAP_ANONYMOUS : 0);
        void *host = mmap((void *)start, ram->size, prot, flags, ram->fd, 0);
        ram->host = host == MAP_FAILED ? NULL : host;
    }
    if (!ram->host) {
        g_set_error(error, TN_ERROR, TN_ERROR_FAILED, "%s: cannot get %" G_GUINT64_FORMAT
                    " MiB of memory from the host: %s", options->name,
                    (ram->size + (1 << 20) - 1) >> 20, g_strerror(errno));
        return false;
    }
    return true;
}

static bool ram_advise(TnRam *ram, const TnRamOptions *options, GError **error)
{
    madvise(ram->host, ram->size, MADV_HUGEPAGE);
    if (options->no_dump) {
        madvise(ram->host, ram->size, MADV_DONTDUMP);
    }
    if (!options->no_merge) {
        madvise(ram->host, ram->size, MADV_MERGEABLE);
    }
    if (options->prealloc && madvise(ram->host, ram->size, MADV_POPULATE_WRITE) < 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_FAILED, "%s: prealloc=on: the host has no %"
                    G_GUINT64_FORMAT " MiB of memory to spare: %s", options->name,
                    ram->size >> 20, g_strerror(errno));
        return false;
    }
    return true;
}

static void ram_new_dirty(TnRam *ram)
{
    size_t words = (ram->size / TN_RAM_PAGE + RAM_BITS - 1) / RAM_BITS;
    for (unsigned client = 0; client < DIRTY_CLIENTS; client++) {
        ram->dirty[client] = g_malloc(words * sizeof(uint64_t));
        memset((void *)ram->dirty[client], 0xff, words * sizeof(uint64_t));
    }
}

TnRam *tn_ram_new(const TnRamOptions *options, GError **error)
{
    TnRam *ram = g_new0(TnRam, 1);
    ram->refs = 1;
    ram->fd = options->fd;
    ram->size = (options->size + TN_RAM_PAGE - 1) & -(uint64_t)TN_RAM_PAGE;
    if (ram->size == 0 || ram->size > (uint64_t)1 << 52) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s: a size of %" G_GUINT64_FORMAT
                    " bytes is impossible", options->name, options->size);
    } else if (ram_map(ram, options, error) && ram_advise(ram, options, error)) {
        ram_new_dirty(ram);
        return ram;
    }
    tn_ram_unref(ram);
    return NULL;
}

TnRam *tn_ram_ref(TnRam *ram)
{
    g_atomic_int_inc(&ram->refs);
    return ram;
}

void tn_ram_unref(TnRam *ram)
{
    if (!ram || !g_atomic_int_dec_and_test(&ram->refs)) {
        return;
    }
    if (ram->mapping) {
        munmap(ram->mapping, ram->mapped);
    }
    if (ram->fd >= 0) {
        close(ram->fd);
    }
    for (unsigned client = 0; client < DIRTY_CLIENTS; client++) {
        g_free((void *)ram->dirty[client]);
    }
    g_free(ram);
}

/* ---- Dirty bits -------------------------------------------------------------------------- */

static bool ram_bit(const TnRam *ram, TnDirtyClient client, uint64_t page)
{
    return atomic_load_explicit(&ram->dirty[client][page / RAM_BITS], memory_order_acquire) >>
               (page % RAM_BITS) & 1;
}

static void ram_set_bit(TnRam *ram, TnDirtyClient client, uint64_t page)
{
    if (!ram_bit(ram, client, page)) {
        atomic_fetch_or(&ram->dirty[client][page / RAM_BITS], (uint64_t)1 << (page % RAM_BITS));
    }
}

/* Returns what the bit was. */
static bool ram_clear_bit(TnRam *ram, TnDirtyClient client, uint64_t page)
{
    uint64_t bit = (uint64_t)1 << (page % RAM_BITS);
    return ram_bit(ram, client, page) &&
           atomic_fetch_and(&ram->dirty[client][page / RAM_BITS], ~bit) & bit;
}

/* Clips a span to the RAM; false when nothing is left. */
static bool ram_pages(const TnRam *ram, uint64_t offset, uint64_t size, uint64_t *first,
                      uint64_t *last)
{
    if (!ram || size == 0 || offset >= ram->size) {
        return false;
    }
    uint64_t left = ram->size - offset;
    *first = offset >> TN_RAM_PAGE_BITS;
    *last = (offset + (size < left ? size : left) - 1) >> TN_RAM_PAGE_BITS;
    return true;
}

void tn_region_written(TnRegion *region, uint64_t offset, uint64_t size)
{
    TnRam *ram = region->ram;
    unsigned logging = ram ? atomic_load_explicit(&ram->logging, memory_order_relaxed) : 0;
    uint64_t first, last;
    if (!logging || !ram_pages(ram, offset, size, &first, &last)) {
        return;
    }
    for (uint64_t page = first; page <= last; page++) {
        for (unsigned client = 0; client < DIRTY_CLIENTS; client++) {
            if (logging & 1u << client) {
                ram_set_bit(ram, client, page);
            }
        }
    }
}

static void ram_tell_code(TnRegion *region, uint64_t page, uint64_t offset, uint64_t end)
{
    uint64_t start = page << TN_RAM_PAGE_BITS;
    uint64_t from = MAX(start, offset);
    uint64_t to = MIN(start + TN_RAM_PAGE, end);
    if (ram_code_hook) {
        ram_code_hook(region, from, to - from);
    }
}

void tn_ram_written(TnRegion *region, uint64_t offset, uint64_t size)
{
    uint64_t first, last;
    tn_region_written(region, offset, size);
    if (!ram_pages(region->ram, offset, size, &first, &last)) {
        return;
    }
    /* The bytes must be seen by whoever translates the page after it sees its bit. */
    atomic_thread_fence(memory_order_seq_cst);
    for (uint64_t page = first; page <= last; page++) {
        if (!ram_bit(region->ram, TN_DIRTY_CODE, page)) {
            ram_tell_code(region, page, offset, offset + size);
        }
    }
}

void tn_region_mark_dirty(TnRegion *region, uint64_t offset, uint64_t size)
{
    g_return_if_fail(region);
    tn_ram_written(region, offset, size);
}

bool tn_region_has_code(TnRegion *region, uint64_t offset)
{
    return region->ram && offset < region->ram->size &&
           !ram_bit(region->ram, TN_DIRTY_CODE, offset >> TN_RAM_PAGE_BITS);
}

void tn_region_code_protect(TnRegion *region, uint64_t offset, uint64_t size)
{
    uint64_t first, last;
    if (ram_pages(region->ram, offset, size, &first, &last)) {
        for (uint64_t page = first; page <= last; page++) {
            ram_clear_bit(region->ram, TN_DIRTY_CODE, page);
        }
    }
}

void tn_region_code_unprotect(TnRegion *region, uint64_t offset, uint64_t size)
{
    uint64_t first, last;
    if (ram_pages(region->ram, offset, size, &first, &last)) {
        for (uint64_t page = first; page <= last; page++) {
            ram_set_bit(region->ram, TN_DIRTY_CODE, page);
        }
    }
}

bool tn_region_logs_page(TnRegion *region, uint64_t offset)
{
    TnRam *ram = region->ram;
    unsigned logging = ram ? atomic_load_explicit(&ram->logging, memory_order_relaxed) : 0;
    if (!logging || offset >= ram->size) {
        return false;
    }
    for (unsigned client = 0; client < DIRTY_CLIENTS; client++) {
        if ((logging & 1u << client) && !ram_bit(ram, client, offset >> TN_RAM_PAGE_BITS)) {
            return true;
        }
    }
    return false;
}

void tn_region_set_dirty_log(TnRegion *region, TnDirtyClient client, bool on)
{
    g_return_if_fail(region && (unsigned)client < DIRTY_CLIENTS);
    if (!region->ram || client == TN_DIRTY_CODE) {
        return; /* code is always watched */
    }
    if (!on) {
        atomic_fetch_and(&region->ram->logging, ~(1u << client));
        return;
    }
    /* All is dirty at first: nothing was seen yet. */
    uint64_t pages = region->ram->size >> TN_RAM_PAGE_BITS;
    for (uint64_t page = 0; page < pages; page++) {
        ram_set_bit(region->ram, client, page);
    }
    atomic_fetch_or(&region->ram->logging, 1u << client);
}

bool tn_region_test_clear_dirty(TnRegion *region, TnDirtyClient client, uint64_t offset,
                                uint64_t size)
{
    g_return_val_if_fail(region && (unsigned)client < DIRTY_CLIENTS, false);
    uint64_t first, last;
    bool dirty = false;
    if (!ram_pages(region->ram, offset, size, &first, &last)) {
        return false;
    }
    for (uint64_t page = first; page <= last; page++) {
        dirty |= ram_clear_bit(region->ram, client, page);
    }
    if (dirty && client != TN_DIRTY_CODE && ram_log_hook) {
        ram_log_hook();
    }
    return dirty;
}
