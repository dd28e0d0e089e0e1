/* SPDX-License-Identifier: MIT */
/*
 * Interned modes: everything but the pc that translated code depends on gets a small number, so
 * that translated code compares one word. Numbers start at 1 and are never reused.
 */
#include "translate/translator.h"

#include "cpu/cpu-private.h"
#include "translate/jump-cache.h"

static struct {
    GMutex lock;
    GHashTable *ids; /* TnModeCacheEntry (owned) -> itself */
    uint32_t last;
} modes;

static guint entry_hash(gconstpointer p)
{
    const TnModeCacheEntry *e = p;
    uint64_t h = e->base * UINT64_C(0x9e3779b97f4a7c15) + e->flags;
    h = (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9) + e->core + e->address_bits;
    return (guint)(h >> 32);
}

static inline bool is_of(const TnModeCacheEntry *a, const TnModeCacheEntry *b)
{
    return a->flags == b->flags && a->base == b->base && a->address_bits == b->address_bits &&
           a->core == b->core;
}

static gboolean entry_equal(gconstpointer p, gconstpointer q)
{
    return is_of(p, q);
}

static uint32_t intern(const TnModeCacheEntry *wanted)
{
    g_mutex_lock(&modes.lock);
    if (!modes.ids)
        modes.ids = g_hash_table_new_full(entry_hash, entry_equal, g_free, NULL);
    TnModeCacheEntry *e = g_hash_table_lookup(modes.ids, wanted);
    if (!e) {
        e = g_memdup2(wanted, sizeof(*wanted));
        e->id = ++modes.last;
        g_hash_table_add(modes.ids, e);
    }
    uint32_t id = e->id;
    g_mutex_unlock(&modes.lock);
    return id;
}

/* NULL: it has none, and is to be `known`. */
static TnModeCacheEntry *find_entry(TnCpuPrivate *p, const TnModeCacheEntry *wanted, bool known)
{
    TnModeCacheEntry *e = &p->mode_cache[entry_hash(wanted) % TN_MODE_CACHE_SIZE];

    if (!e->id || !is_of(e, wanted)) {
        if (known)
            return NULL;
        *e = *wanted;
        e->id = intern(wanted);
    }
    return e;
}

/* Modes mostly follow each other as they did before. */
bool tn_mode_enter(TnCpu *cpu, const TnBlockKey *key, uint32_t core_mode, bool known)
{
    TnCpuPrivate *p = cpu->priv;
    TnModeCacheEntry wanted = { .base = key->base, .flags = key->flags,
                                .address_bits = key->address_bits | key->mmu_mode << 8,
                                .core = core_mode };
    TnModeCacheEntry *was = p->mode_entry, *e = was ? was->after : NULL;

    if (!e || !is_of(e, &wanted)) {
        e = find_entry(p, &wanted, known);
        if (!e)
            return false;
        if (was)
            was->after = e;
    }
    p->mode_entry = e;
    /* One by one: the target has just written them so, wider loads would wait for the stores. */
    p->key.pc = key->pc;
    p->key.base = key->base;
    p->key.flags = key->flags;
    p->key.address_bits = key->address_bits;
    p->key.mmu_mode = key->mmu_mode;
    p->core_mode = core_mode;
    cpu->mode_id = e->id;
    e->bank = tn_jump_enter(cpu, e->bank);
    return true;
}
