/* SPDX-License-Identifier: MIT */
/* From a vCPU's pc to a block that an earlier run made. */
#include <string.h>
#include <time.h>

#include "cpu/cpu-private.h"
#include "translate/cache/internal.h"
#include "translate/code-pages.h"
#include "translate/fetch.h"
#include "translate/softmmu.h"

enum { NANOSECONDS = 1000000000 }; /* of a second */

TnCacheMode tn_cache_mode(const TnBlockKey *key)
{
    return (TnCacheMode){ .base = key->base, .flags = key->flags,
                          .address_bits = (uint16_t)key->address_bits,
                          .mmu_mode = (uint16_t)key->mmu_mode };
}

/*
 * Front and back ends look at a pc's size to choose how it is encoded and whether it may be branched
 * to; none of that changes within a zone. Numbers near the ends of one may be across: what the code
 * holds of them is checked one by one.
 */
TnCacheZone tn_cache_zone(uint64_t pc)
{
    enum { MARGIN_BITS = 32, CANONICAL_BITS = 47 };
    const uint64_t margin = UINT64_C(1) << MARGIN_BITS;
    const uint64_t end = UINT64_C(1) << CANONICAL_BITS;
    int64_t s = (int64_t)pc;

    if (pc >= margin && pc < end - margin)
        return TN_CACHE_USER;
    if (s == (int32_t)s)
        return s < 0 ? TN_CACHE_KERNEL : TN_CACHE_LOW;
    if (s < -(int64_t)margin && s >= -(int64_t)(end - margin))
        return TN_CACHE_HIGH;
    return TN_CACHE_NOWHERE;
}

/* Whether an entry may serve at a pc, as far as can be seen without its code. */
static bool reaches(const TnCacheEntry *e, uint64_t pc)
{
    return e->pc == pc ||
           (e->moves && tn_cache_zone(pc) && tn_cache_zone(pc) == tn_cache_zone(e->pc));
}

/* With the lock. */
static TnBlock *block_of(TnCpu *cpu, const TnBlockKey *key, const TnCacheEntry *e,
                         const uint8_t *host)
{
    TnBlock *block = tn_block_new(key, e->n_bytes, host, NULL);

    block->mode_id = cpu->mode_id;
    block->n_insns = e->n_insns;
    block->phys[0] = (uintptr_t)host;
    block->phys[1] = UINT64_MAX;
    return block;
}

/*
 * The page is one that translations read now: its generation tells of changes since. False, and the
 * block will be gone, where there were any. With the lock.
 */
static bool publish(TnCpu *cpu, TnBlock *block)
{
    const TnTranslation *t = &cpu->priv->translation;

    tn_block_insert(block);
    if (atomic_load(&t->page[0]->generation) == t->generation[0])
        return true;
    tn_block_kill(block);
    return false;
}

static TnBlock *put_in_place(TnCpu *cpu, const TnBlockKey *key, const TnCacheEntry *e,
                             const uint8_t *host)
{
    TnBlock *block;

    tn_translator_lock();
    block = block_of(cpu, key, e, host);
    if (!tn_translator.backend->unpack(block, e->pc, tn_cache_entry_kept(e), e->kept_size)) {
        tn_cache.stats.refused++;
        tn_block_free(block);
        block = NULL;
    } else if (!publish(cpu, block)) {
        tn_cache.stats.changed++;
        block = NULL;
    } else {
        tn_cache.stats.hits++;
        tn_cache.stats.insns += e->n_insns;
        tn_cache.stats.moved += e->pc != key->pc;
    }
    tn_translator_unlock();
    return block;
}

/* Makes the page the translation's: whatever changes in it from now on shows in its generation.
 * False where it is not plain memory. */
static bool take_page(TnCpu *cpu, uint64_t linear)
{
    tn_translation_abandon(cpu);
    cpu->priv->translation.active = true;
    tn_fetch_page(cpu, 0, linear);
    return cpu->priv->translation.page[0] != NULL;
}

/* Code that keeps changing is for translations with late numbers. */
static bool changes(TnCpu *cpu, const TnBlockKey *key, const TnCacheEntry *e)
{
    return tn_code_page_changes(cpu->priv->translation.page[0],
                                tn_page_offset(tn_key_linear(key, key->pc)), e->n_bytes);
}

static uint64_t shift_at(unsigned i)
{
    return __atomic_load_n(&tn_cache.shifts[i], __ATOMIC_RELAXED);
}

/*
 * Code of some length that is found at another pc than the file's tells of a shift; those met again
 * move to the front. Shifts are shared by all vCPUs: they run the same kernel, and one that is wrong
 * or torn finds nothing.
 */
static void learn_shift(uint64_t shift)
{
    unsigned i = 0;

    while (i < TN_CACHE_SHIFTS - 1 && shift_at(i) != shift)
        i++;
    if (i > 0)
        __atomic_store_n(&tn_cache.shifts[i], shift_at(i - 1), __ATOMIC_RELAXED);
    __atomic_store_n(&tn_cache.shifts[i ? i - 1 : 0], shift, __ATOMIC_RELAXED);
}

static TnBlock *serve(TnCpu *cpu, const TnBlockKey *key, const TnCacheSearch *search,
                      const TnCacheEntry *e, const uint8_t *host)
{
    enum { TELLING = 24 }; /* bytes of code that are not anywhere by chance */
    TnBlock *block = NULL;

    if (reaches(e, key->pc) && !changes(cpu, key, e))
        block = put_in_place(cpu, key, e, host);
    if (!block)
        return NULL;
    tn_cache_use(search->at);
    cpu->priv->cache_next = search->at + e->size / 8;
    if (e->n_bytes >= TELLING && tn_cache_zone(key->pc) == TN_CACHE_KERNEL)
        learn_shift(key->pc - e->pc);
    tn_cache.stats.shifted += e->n_fields > 0;
    return block;
}

static TnBlock *look_up(TnCpu *cpu, const TnBlockKey *key, const uint8_t *host)
{
    uint64_t linear = tn_key_linear(key, key->pc);
    TnCacheMode mode = tn_cache_mode(key);
    TnCacheSearch search = { .window = cpu->priv->cache_window, .mode = &mode, .pc = key->pc,
                             .code = host, .room = TN_PAGE_SIZE - tn_page_offset(linear) };
    uint32_t next = cpu->priv->cache_next;
    const TnCacheEntry *e;
    TnBlock *block = NULL;

    if (!take_page(cpu, linear))
        return NULL;
    e = tn_cache_file_there(&tn_cache.file, &search, next, shift_at(0));
    if (e)
        block = serve(cpu, key, &search, e, host);
    if (block)
        __atomic_fetch_add(&tn_cache.stats.next, 1, __ATOMIC_RELAXED);
    while (!block && (e = tn_cache_file_next(&tn_cache.file, &search)))
        block = serve(cpu, key, &search, e, host);
    if (!block && tn_cache_zone(key->pc) == TN_CACHE_KERNEL) {
        for (unsigned i = 0; !block && i < TN_CACHE_SHIFTS; i++) {
            if ((e = tn_cache_file_shifted(&tn_cache.file, &search, shift_at(i))))
                block = serve(cpu, key, &search, e, host);
        }
    }
    if (search.damaged)
        __atomic_fetch_add(&tn_cache.stats.damaged, search.damaged, __ATOMIC_RELAXED);
    tn_translation_abandon(cpu);
    return block;
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NANOSECONDS + (uint64_t)t.tv_nsec;
}

TnBlock *tn_cache_get(TnCpu *cpu, const TnBlockKey *key, const uint8_t *host)
{
    bool timed = tn_translator.options.stats;
    uint64_t start;

    if (!tn_cache.file.size || !tn_cache_is_on(cpu) || cpu->priv->core_mode ||
        tn_breakpoint_any() || tn_cache_is_watched())
        return NULL;
    start = timed ? now() : 0;
    TnBlock *block = look_up(cpu, key, host);

    if (!block)
        __atomic_fetch_add(&tn_cache.stats.misses, 1, __ATOMIC_RELAXED);
    if (timed)
        __atomic_fetch_add(&tn_cache.stats.nanoseconds, now() - start, __ATOMIC_RELAXED);
    return block;
}
