/* SPDX-License-Identifier: MIT */
/*
 * The registry of owned things: owner -> list of (thing, free function). It does not look into the
 * object, so it stands below the object model.
 */
#include "clock/owned.h"

typedef struct Owned {
    void *thing;
    GDestroyNotify free_fn;
} Owned;

static GMutex owned_mutex;
static GHashTable *owned_lists; /* TnObject * -> GQueue of Owned *, newest first */

void tn_owned_add(TnObject *owner, void *thing, GDestroyNotify free_fn)
{
    if (!owner) {
        return;
    }
    Owned *owned = g_new(Owned, 1);
    *owned = (Owned){ .thing = thing, .free_fn = free_fn };
    g_mutex_lock(&owned_mutex);
    if (!owned_lists) {
        owned_lists = g_hash_table_new(NULL, NULL);
    }
    GQueue *list = g_hash_table_lookup(owned_lists, owner);
    if (!list) {
        list = g_queue_new();
        g_hash_table_insert(owned_lists, owner, list);
    }
    g_queue_push_head(list, owned);
    g_mutex_unlock(&owned_mutex);
}

static GQueue *owned_list(TnObject *owner)
{
    return owner && owned_lists ? g_hash_table_lookup(owned_lists, owner) : NULL;
}

void tn_owned_remove(TnObject *owner, void *thing)
{
    g_mutex_lock(&owned_mutex);
    GQueue *list = owned_list(owner);
    for (GList *l = list ? list->head : NULL; l; l = l->next) {
        Owned *owned = l->data;
        if (owned->thing == thing) {
            g_queue_delete_link(list, l);
            g_free(owned);
            break;
        }
    }
    g_mutex_unlock(&owned_mutex);
}

void tn_owned_release(TnObject *owner)
{
    for (;;) {
        g_mutex_lock(&owned_mutex);
        GQueue *list = owned_list(owner);
        Owned *owned = list ? g_queue_pop_head(list) : NULL;
        if (list && !owned) {
            g_hash_table_remove(owned_lists, owner);
            g_queue_free(list);
        }
        g_mutex_unlock(&owned_mutex);
        if (!owned) {
            return;
        }
        owned->free_fn(owned->thing);
        g_free(owned);
    }
}
