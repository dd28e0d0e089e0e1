/* SPDX-License-Identifier: MIT */
/* Reading a file bit by bit: window.h. */
#include "translate/cache/window.h"

#include <errno.h>
#include <glib.h>
#include <unistd.h>

#include "translate/cache/format.h"

enum {
    ALIGN = 4096,
    AHEAD = 64 * 1024,
};

struct TnCacheWindow {
    int fd;                 /* whose bytes these are */
    uint64_t first;
    size_t n;               /* bytes that are there */
    uint64_t bytes[(TN_CACHE_MAX_ENTRY + ALIGN) / sizeof(uint64_t)];
};

TnCacheWindow *tn_cache_window_new(void)
{
    TnCacheWindow *w = g_new(TnCacheWindow, 1); /* what is not read into is not touched */

    w->n = 0;
    return w;
}

static void fill(TnCacheWindow *w, int fd, uint64_t first, size_t n)
{
    w->fd = fd;
    w->first = first;
    w->n = 0;
    while (w->n < n) {
        ssize_t got = pread(fd, (uint8_t *)w->bytes + w->n, n - w->n, (off_t)(first + w->n));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        w->n += (size_t)got;
    }
}

static bool has(const TnCacheWindow *w, int fd, uint64_t offset, size_t n)
{
    return w->fd == fd && offset >= w->first && offset - w->first <= w->n &&
           n <= w->n - (offset - w->first);
}

const void *tn_cache_window_at(TnCacheWindow *w, int fd, uint64_t offset, size_t n)
{
    if (!w->n || !has(w, fd, offset, n)) {
        uint64_t first = offset / ALIGN * ALIGN;

        fill(w, fd, first, MAX((size_t)(offset - first) + n, (size_t)AHEAD));
    }
    return has(w, fd, offset, n) ? (const uint8_t *)w->bytes + (offset - w->first) : NULL;
}
