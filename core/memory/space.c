/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: which view each has, transactions, and who hears of changes.
 *
 * A commit paints each space's view anew and publishes those that differ. Spaces that come down to
 * the same tree (the bus-master windows of PCI devices) share one view.
 */
#include "memory/region.h"

#include "clock/owned.h"

typedef struct SpaceListener {
    TnMemoryListenerFn fn;
    void *data;
} SpaceListener;

static GPtrArray *spaces;      /* of TnAddressSpace *, in order of making */
static unsigned space_depth;   /* of transactions; under the device lock like the tree itself */
static bool space_pending;
static _Atomic(uint64_t) space_generation = 1;

/* ---- Publishing -------------------------------------------------------------------------- */

/* Sees through a container that only shows another region as it is. NULL: it shows nothing. */
static TnRegion *space_real_root(TnRegion *root)
{
    for (;;) {
        TnRegion *only = NULL;
        if (root->kind != TN_REGION_CONTAINER || root->size != TN_WHOLE || !root->enabled ||
            root->readonly) {
            return root;
        }
        for (unsigned i = 0; root->children && i < root->children->len; i++) {
            TnRegion *child = root->children->pdata[i];
            if (child->enabled && only) {
                return root;
            }
            only = child->enabled ? child : only;
        }
        if (!only) {
            return NULL;
        }
        if (only->kind != TN_REGION_ALIAS || only->offset || only->alias_offset || only->readonly ||
            only->size < only->alias->size || only->alias->kind != TN_REGION_CONTAINER) {
            return root;
        }
        root = only->alias;
    }
}

static void space_publish(TnAddressSpace *as, TnView *view)
{
    TnView *old = as->view;
    if (old == view) {
        return;
    }
    as->changed = !old || !tn_view_equal(old, view);
    g_atomic_int_inc(&view->refs);
    rcu_assign_pointer(as->view, view);
    tn_view_unref(old);
}

static void space_update(TnAddressSpace *as, GHashTable *made)
{
    TnRegion *root = space_real_root(as->root);
    /* Port spaces have a table that others do not need. */
    void *key = root ? (char *)root + as->ports : (void *)&spaces;
    TnView *view = g_hash_table_lookup(made, key);
    if (!view) {
        view = tn_view_new(root);
        if (as->view && tn_view_equal(as->view, view)) {
            tn_view_free(view);
            view = as->view;
            g_atomic_int_inc(&view->refs);
        } else if (as->ports) {
            tn_view_index_ports(view);
        }
        g_hash_table_insert(made, key, view);
    }
    space_publish(as, view);
}

static void space_tell(TnAddressSpace *as)
{
    for (unsigned i = 0; i < as->listeners->len; i++) {
        SpaceListener *listener = &g_array_index(as->listeners, SpaceListener, i);
        listener->fn(as, listener->data);
    }
}

static void spaces_update(void)
{
    g_autoptr(GHashTable) made =
        g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)tn_view_unref);
    for (unsigned i = 0; spaces && i < spaces->len; i++) {
        space_update(spaces->pdata[i], made);
    }
    atomic_fetch_add(&space_generation, 1);
    for (unsigned i = 0; spaces && i < spaces->len; i++) {
        TnAddressSpace *as = spaces->pdata[i];
        if (as->changed) {
            as->changed = false;
            tn_log(TN_LOG_PAGE, "memory: the view of '%s' changed\n", as->name);
            space_tell(as);
        }
    }
}

void tn_memory_begin(void)
{
    space_depth++;
}

void tn_memory_changed(void)
{
    space_pending = true;
}

void tn_memory_commit(void)
{
    g_return_if_fail(space_depth > 0);
    if (--space_depth == 0 && space_pending) {
        space_pending = false;
        spaces_update();
    }
}

uint64_t tn_memory_generation(void)
{
    return atomic_load_explicit(&space_generation, memory_order_acquire);
}

/* ---- Spaces ------------------------------------------------------------------------------ */

static void space_free_rcu(struct rcu_head *head)
{
    TnAddressSpace *as = caa_container_of(head, TnAddressSpace, rcu);
    tn_view_unref(as->view);
    g_array_unref(as->listeners);
    g_free(as->name);
    g_free(as);
}

static void space_free(void *opaque)
{
    TnAddressSpace *as = opaque;
    g_ptr_array_remove(spaces, as);
    call_rcu(&as->rcu, space_free_rcu);
}

static TnAddressSpace *space_new(TnObject *owner, const char *name, TnRegion *root, bool ports)
{
    TnAddressSpace *as = g_new0(TnAddressSpace, 1);
    as->name = g_strdup(name);
    as->owner = owner;
    as->root = root;
    as->ports = ports;
    as->listeners = g_array_new(FALSE, FALSE, sizeof(SpaceListener));
    if (!spaces) {
        spaces = g_ptr_array_new();
    }
    g_ptr_array_add(spaces, as);
    g_autoptr(GHashTable) made =
        g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)tn_view_unref);
    space_update(as, made);
    as->changed = false;
    return as;
}

TnAddressSpace *tn_address_space_new(TnObject *owner, const char *name, TnRegion *root)
{
    g_return_val_if_fail(root, NULL);
    TnAddressSpace *as = space_new(owner, name, root, false);
    tn_owned_add(owner, as, space_free);
    return as;
}

void tn_memory_listen(TnAddressSpace *as, TnMemoryListenerFn fn, void *data)
{
    SpaceListener listener = { .fn = fn, .data = data };
    g_array_append_val(as->listeners, listener);
}

void tn_address_space_each(void (*fn)(TnAddressSpace *as, void *data), void *data)
{
    for (unsigned i = 0; spaces && i < spaces->len; i++) {
        fn(spaces->pdata[i], data);
    }
}

const char *tn_address_space_name(const TnAddressSpace *as)
{
    return as->name;
}

TnRegion *tn_address_space_root(const TnAddressSpace *as)
{
    return as->root;
}

/* ---- The machine's spaces ---------------------------------------------------------------- */

static TnAddressSpace *space_memory, *space_io;

static void __attribute__((constructor)) spaces_init(void)
{
    space_memory = space_new(NULL, "memory", tn_region_new_container(NULL, "system", 0), false);
    space_io = space_new(NULL, "I/O", tn_region_new_container(NULL, "io", 1 << 16), true);
}

TnAddressSpace *tn_system_memory_space(void)
{
    return space_memory;
}

TnRegion *tn_system_memory(void)
{
    return space_memory->root;
}

TnAddressSpace *tn_system_io_space(void)
{
    return space_io;
}

TnRegion *tn_system_io(void)
{
    return space_io->root;
}
