/* SPDX-License-Identifier: MIT */
/* The tree and the flat view as text, for "info mtree". */
#include "memory/region.h"

#define DUMP_SPAN "%016" G_GINT64_MODIFIER "x-%016" G_GINT64_MODIFIER "x"

enum { DUMP_DEPTH = 64 };

static const char *dump_kind(const TnRegion *region)
{
    switch (region->kind) {
    case TN_REGION_RAM:
        return region->readonly ? "rom" : "ram";
    case TN_REGION_ROM:
        return "rom";
    case TN_REGION_ROM_DEVICE:
        return "romd";
    case TN_REGION_ALIAS:
        return dump_kind(region->alias);
    default:
        return "i/o";
    }
}

static uint64_t dump_last(TnWide base, TnWide size)
{
    return (uint64_t)(base + size - 1);
}

static void dump_region(GString *text, const TnRegion *region, TnWide base, unsigned depth)
{
    g_string_append_printf(text, "%*s" DUMP_SPAN " (prio %d, %s): ", 2 * (int)depth, "",
                           (uint64_t)base, dump_last(base, region->size), region->priority,
                           dump_kind(region));
    if (region->kind == TN_REGION_ALIAS) {
        g_string_append_printf(text, "alias %s @%s " DUMP_SPAN, region->name, region->alias->name,
                               region->alias_offset,
                               dump_last(region->alias_offset, region->size));
    } else {
        g_string_append(text, region->name);
    }
    g_string_append(text, region->enabled ? "\n" : " [disabled]\n");
    for (unsigned i = 0; region->children && i < region->children->len && depth < DUMP_DEPTH; i++) {
        const TnRegion *child = region->children->pdata[i];
        dump_region(text, child, base + child->offset, depth + 1);
    }
}

static void dump_view(GString *text, const TnView *view)
{
    for (unsigned i = 0; i < view->n; i++) {
        const TnViewRange *range = &view->ranges[i];
        bool readonly = range->host && !range->writable && range->region->kind == TN_REGION_RAM;
        g_string_append_printf(text, "  " DUMP_SPAN " (prio %d, %s): %s", range->start, range->last,
                               range->region->priority, readonly ? "rom" : dump_kind(range->region),
                               range->region->name);
        if (range->offset) {
            g_string_append_printf(text, " @%016" G_GINT64_MODIFIER "x", range->offset);
        }
        g_string_append_c(text, '\n');
    }
}

char *tn_memory_dump(TnAddressSpace *as)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "address-space: %s\n", as->name);
    dump_region(text, as->root, 0, 1);
    g_string_append(text, "flat view:\n");
    rcu_read_lock();
    dump_view(text, tn_space_view(as));
    rcu_read_unlock();
    return g_string_free(text, FALSE);
}
