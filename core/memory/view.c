/* SPDX-License-Identifier: MIT */
/*
 * Flat views: the tree of regions painted onto the address line, the top one first, each later one
 * into the gaps that are left.
 */
#include <string.h>

#include "memory/region.h"

enum {
    VIEW_DEPTH = 64, /* of nested containers and aliases: an alias may not reach itself */
    VIEW_PORTS = 1 << 16,
};

typedef struct Painter {
    GArray *ranges; /* of TnViewRange, sorted */
} Painter;

/* ---- Painting ---------------------------------------------------------------------------- */

static TnViewRange *painter_at(Painter *painter, unsigned i)
{
    return &g_array_index(painter->ranges, TnViewRange, i);
}

/* The first range that ends at or after addr. */
static unsigned painter_find(Painter *painter, uint64_t addr)
{
    unsigned low = 0, high = painter->ranges->len;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (painter_at(painter, mid)->last < addr) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static TnViewRange view_range(TnRegion *region, TnWide base, uint64_t start, uint64_t last,
                              bool readonly)
{
    TnViewRange range = { .start = start, .last = last, .region = region,
                          .offset = (uint64_t)((TnWide)start - base) };
    if (tn_region_reads_memory(region)) {
        range.host = region->ram->host + range.offset;
        range.writable = tn_region_writes_memory(region) && !readonly;
    }
    /* A read-only window of RAM differs from RAM in nothing else; see access.c. */
    return range;
}

static void painter_fill(Painter *painter, TnRegion *region, TnWide base, uint64_t start,
                         uint64_t last, bool readonly)
{
    unsigned i = painter_find(painter, start);
    for (;;) {
        bool more = i < painter->ranges->len;
        uint64_t gap_end = last;
        if (more && painter_at(painter, i)->start <= last) {
            if (painter_at(painter, i)->start <= start) {
                goto skip;
            }
            gap_end = painter_at(painter, i)->start - 1;
        }
        TnViewRange range = view_range(region, base, start, gap_end, readonly);
        g_array_insert_val(painter->ranges, i, range);
        i++;
        if (gap_end == last) {
            return;
        }
    skip:
        if (painter_at(painter, i)->last >= last) {
            return;
        }
        start = painter_at(painter, i)->last + 1;
        i++;
    }
}

/* `base` is where the region's first byte would be; [low, high) is what may be seen of it. */
static void paint(Painter *painter, TnRegion *region, TnWide base, TnWide low, TnWide high,
                  bool readonly, unsigned depth)
{
    low = MAX(low, base);
    high = MIN(high, base + region->size);
    if (!region->enabled || low >= high || depth > VIEW_DEPTH) {
        return;
    }
    readonly |= region->readonly;
    if (region->kind == TN_REGION_ALIAS) {
        paint(painter, region->alias, base - region->alias_offset, low, high, readonly, depth + 1);
        return;
    }
    for (unsigned i = 0; region->children && i < region->children->len; i++) {
        TnRegion *child = region->children->pdata[i];
        paint(painter, child, base + child->offset, low, high, readonly, depth + 1);
    }
    if (region->kind != TN_REGION_CONTAINER) {
        painter_fill(painter, region, base, (uint64_t)low, (uint64_t)(high - 1), readonly);
    }
}

/* Joins neighbours that go on where the other ends. */
static void painter_merge(Painter *painter)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < painter->ranges->len; i++) {
        TnViewRange *range = painter_at(painter, i);
        TnViewRange *before = kept ? painter_at(painter, kept - 1) : NULL;
        if (before && before->region == range->region && before->last + 1 == range->start &&
            before->offset + (range->start - before->start) == range->offset &&
            before->writable == range->writable) {
            before->last = range->last;
        } else {
            *painter_at(painter, kept++) = *range;
        }
    }
    g_array_set_size(painter->ranges, kept);
}

/* ---- Views ------------------------------------------------------------------------------- */

void tn_view_index_ports(TnView *view)
{
    if (view->n >= UINT16_MAX)
        return;
    uint16_t *direct = g_new0(uint16_t, VIEW_PORTS);
    for (unsigned i = 0; i < view->n; i++) {
        const TnViewRange *range = &view->ranges[i];
        for (uint64_t port = range->start; port <= range->last && port < VIEW_PORTS; port++) {
            direct[port] = i + 1;
        }
    }
    view->direct = direct;
}

TnView *tn_view_new(TnRegion *root)
{
    Painter painter = { .ranges = g_array_new(FALSE, TRUE, sizeof(TnViewRange)) };
    if (root) {
        paint(&painter, root, 0, 0, TN_WHOLE, false, 0);
        painter_merge(&painter);
    }
    TnView *view = g_new0(TnView, 1);
    view->refs = 1;
    view->n = painter.ranges->len;
    view->ranges = (TnViewRange *)g_array_free(painter.ranges, FALSE);
    return view;
}

bool tn_view_equal(const TnView *a, const TnView *b)
{
    return a->n == b->n &&
           (a->n == 0 || memcmp(a->ranges, b->ranges, a->n * sizeof(*a->ranges)) == 0);
}

void tn_view_free(TnView *view)
{
    if (view) {
        g_free(view->ranges);
        g_free(view->direct);
        g_free(view);
    }
}

static void view_free_rcu(struct rcu_head *head)
{
    tn_view_free(caa_container_of(head, TnView, rcu));
}

void tn_view_unref(TnView *view)
{
    if (view && g_atomic_int_dec_and_test(&view->refs)) {
        call_rcu(&view->rcu, view_free_rcu);
    }
}

/* ---- Finding ----------------------------------------------------------------------------- */

/* Where this thread looked last: an index is enough, its range says whether it still fits. */
static __thread __attribute__((tls_model("initial-exec"))) unsigned view_hint;

static const TnViewRange *view_search(const TnView *view, uint64_t addr, uint64_t *next)
{
    unsigned low = 0, high = view->n;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (view->ranges[mid].last < addr) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (low < view->n && view->ranges[low].start <= addr) {
        view_hint = low;
        return &view->ranges[low];
    }
    *next = low < view->n ? view->ranges[low].start : 0;
    return NULL;
}

const TnViewRange *tn_view_find(const TnView *view, uint64_t addr, uint64_t *next)
{
    if (view->direct && addr < VIEW_PORTS && view->direct[addr]) {
        return &view->ranges[view->direct[addr] - 1];
    }
    unsigned hint = view_hint;
    if (hint < view->n && view->ranges[hint].start <= addr && addr <= view->ranges[hint].last) {
        return &view->ranges[hint];
    }
    return view_search(view, addr, next);
}
