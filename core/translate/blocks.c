/* SPDX-License-Identifier: MIT */
/*
 * The block cache: a hash by host address, pc and mode; links between blocks; and the freeing of
 * killed blocks.
 *
 * Readers walk the hash without the lock, so a killed block keeps its hash_next until it is
 * freed. It is freed once every vCPU has been outside translated code after the kill: kills carry
 * the number of the present epoch, a vCPU notes the epoch when it is outside, and each attempt to
 * reclaim starts a new epoch.
 */
#include "translate/translator.h"

#include "cpu/cpu-private.h"
#include "translate/code-pages.h"
#include "translate/jump-cache.h"
#include "translate/promote.h"
#include "translate/softmmu.h"

enum {
    HASH_BITS = 18,
    HASH_SIZE = 1 << HASH_BITS,
    LINE_BITS = 5,    /* blocks that begin in one line of 32 bytes share a bucket */
    PAGE_LINES = 1 << (TN_PAGE_BITS - LINE_BITS),
    RECLAIM_AT = 512, /* dead blocks that make it worth trying */
};

static _Atomic(TnBlock *) hash[HASH_SIZE];

static struct {
    TnBlock *dead;          /* through page_next[0]; under the lock */
    unsigned n_dead;
    atomic_ullong epoch;
} cache = { .epoch = 1 };

/* The buckets of a page lie together: code that runs for the first time goes on in its page. */
static _Atomic(TnBlock *) *bucket(uint64_t phys, uint64_t pc, uint32_t mode_id)
{
    uint64_t page = tn_page_of(phys) ^ tn_page_of(pc) << 20 ^ (uint64_t)mode_id << 40;
    uint64_t h = page * UINT64_C(0x9e3779b97f4a7c15) >> (64 - HASH_BITS);

    return &hash[(h & ~(uint64_t)(PAGE_LINES - 1)) | tn_page_offset(phys) >> LINE_BITS];
}

/* Blocks beside the one that everybody finds say in `asked` what they are. */
static bool is_of_kind(const TnBlock *b, unsigned kind)
{
    unsigned asked = __atomic_load_n(&b->asked, __ATOMIC_RELAXED);

    return kind ? asked == kind : asked < TN_BLOCK_TAIL;
}

static TnBlock *find(uint64_t phys, uint64_t pc, uint32_t mode_id, unsigned kind)
{
    TnBlock *b = atomic_load_explicit(bucket(phys, pc, mode_id), memory_order_acquire);

    while (b && !(b->phys[0] == phys && b->key.pc == pc && b->mode_id == mode_id &&
                  is_of_kind(b, kind) &&
                  atomic_load_explicit(&b->valid, memory_order_relaxed)))
        b = __atomic_load_n(&b->hash_next, __ATOMIC_ACQUIRE);
    return b;
}

TnBlock *tn_block_find(uint64_t phys, uint64_t pc, uint32_t mode_id)
{
    return find(phys, pc, mode_id, 0);
}

TnBlock *tn_block_find_rounds(const TnBlock *block)
{
    return find(block->phys[0], block->key.pc, block->mode_id, TN_BLOCK_ROUNDS);
}

TnBlock *tn_block_find_tail(uint64_t phys, uint64_t pc, uint32_t mode_id)
{
    return find(phys, pc, mode_id, TN_BLOCK_TAIL);
}

void tn_block_insert(TnBlock *block)
{
    _Atomic(TnBlock *) *head = bucket(block->phys[0], block->key.pc, block->mode_id);

    for (unsigned i = 0; i < 2; i++) {
        if (block->phys[i] != UINT64_MAX)
            tn_code_page_add(tn_code_page_find((void *)(uintptr_t)block->phys[i]), block, i);
    }
    block->hash_next = atomic_load_explicit(head, memory_order_relaxed);
    atomic_store(&block->valid, true);
    atomic_store_explicit(head, block, memory_order_release);
}

/* ---- Links ------------------------------------------------------------------------------- */

static unsigned exit_index(const TnBlockExit *exit)
{
    return (unsigned)(exit - exit->from->exits);
}

/* With the lock held. */
static void add_edge(TnBlockExit *e, TnBlock *to)
{
    atomic_store(&e->to, to);
    e->next_in = to->in_edges;
    to->in_edges = e;
    tn_translator.backend->link(e->from, exit_index(e), to);
}

/* A jump into a block that crosses a page proves only the first of its pages: the jump cache, which
 * knows both, goes between. */
void tn_block_link(TnBlock *from, unsigned exit, TnBlock *to)
{
    TnBlockExit *e = &from->exits[exit];

    if (to->mode_id != from->mode_id || e->pc != to->key.pc || to->phys[0] == UINT64_MAX ||
        !tn_exit_linkable(from, e->pc))
        return;
    tn_translator_lock();
    if (atomic_load(&from->valid) && atomic_load(&to->valid) && !atomic_load(&e->to)) {
        if (to->phys[1] == UINT64_MAX)
            add_edge(e, to);
        else if (tn_translator.backend->link_lookup)
            tn_translator.backend->link_lookup(from, exit);
    }
    tn_translator_unlock();
}

static bool may_lead_to(const TnBlock *from, const TnBlock *to)
{
    return to->mode_id == from->mode_id && to->phys[0] != UINT64_MAX &&
           to->phys[1] == UINT64_MAX && tn_exit_linkable(from, to->key.pc) &&
           atomic_load(&from->valid) && atomic_load(&to->valid);
}

void tn_block_settle(TnBlock *from, unsigned exit, TnBlock *to)
{
    TnBlockExit *e = &from->exits[exit];

    tn_translator_lock();
    if (e->kind == TN_EXIT_OPEN) {
        e->kind = TN_EXIT_SETTLED;
        e->pc = to->key.pc;
        if (may_lead_to(from, to))
            add_edge(e, to);
        else
            tn_translator.backend->unlink(from, exit);
    }
    tn_translator_unlock();
}

/* Gives what was the list. */
static TnBlockExit *unlink_in_edges(TnBlock *block)
{
    TnBlockExit *edges = block->in_edges;

    for (TnBlockExit *e = edges; e; e = e->next_in) {
        tn_translator.backend->unlink(e->from, exit_index(e));
        atomic_store(&e->to, NULL);
    }
    block->in_edges = NULL;
    return edges;
}

void tn_block_unlink_in_edges(TnBlock *block)
{
    for (TnBlockExit *e = unlink_in_edges(block), *next; e; e = next) {
        next = e->next_in;
        e->next_in = NULL;
    }
}

static void unlink_out_edges(TnBlock *block)
{
    for (unsigned i = 0; i < block->n_exits; i++) {
        TnBlockExit *e = &block->exits[i];
        TnBlock *to = atomic_load(&e->to);
        if (!to)
            continue;
        TnBlockExit **link = &to->in_edges;
        while (*link && *link != e)
            link = &(*link)->next_in;
        if (*link)
            *link = e->next_in;
        tn_translator.backend->unlink(block, i);
        atomic_store(&e->to, NULL);
    }
}

/* ---- Looking up -------------------------------------------------------------------------- */

/* What the TLB knows of all pages of a block at pc's linear address, as of one; false where it knows
 * one of them not, or another than the block was made from. */
static bool fetch_pages(TnCpu *cpu, const TnBlock *block, TnFetchPage *page)
{
    uint64_t linear = tn_key_linear(&block->key, block->key.pc);
    uint64_t next = tn_key_next_page(&block->key, linear);
    TnFetchPage second;

    if (!tn_tlb_fetch_page(cpu, block->key.mmu_mode, linear, page) ||
        page->host != block->phys[0])
        return false;
    if (block->phys[1] == UINT64_MAX)
        return true;
    if (!tn_tlb_fetch_page(cpu, block->key.mmu_mode, next, &second) ||
        second.host != block->phys[1])
        return false;
    page->page_bits = MAX(page->page_bits, second.page_bits);
    page->global = page->global && second.global;
    return true;
}

void tn_block_cache(TnCpu *cpu, TnBlock *block)
{
    TnFetchPage page;

    if (!(cpu->priv->core_mode & TN_CORE_MODE_NO_CHAIN) && block->phys[0] != UINT64_MAX &&
        fetch_pages(cpu, block, &page))
        tn_jump_insert(cpu, block, page.page_bits, page.global);
}

TnBlock *tn_block_lookup_indirect(TnCpu *cpu, uint64_t pc)
{
    TnCpuPrivate *p = cpu->priv;
    uint64_t linear = tn_key_linear(&p->key, pc);
    TnBlock *b = tn_jump_find(cpu, pc);
    TnFetchPage page;

    if (b)
        return b;
    if ((p->core_mode & TN_CORE_MODE_NO_CHAIN) ||
        !tn_tlb_fetch_page(cpu, p->key.mmu_mode, linear, &page))
        return NULL;
    b = tn_block_find(page.host, pc, cpu->mode_id);
    if (!b || !fetch_pages(cpu, b, &page))
        return NULL;
    tn_jump_insert(cpu, b, page.page_bits, page.global);
    return b;
}

/* ---- End of life ------------------------------------------------------------------------- */

static void remove_from_hash(TnBlock *block)
{
    _Atomic(TnBlock *) *head = bucket(block->phys[0], block->key.pc, block->mode_id);
    TnBlock *b = atomic_load_explicit(head, memory_order_relaxed);

    if (b == block) {
        atomic_store_explicit(head, block->hash_next, memory_order_release);
        return;
    }
    while (b && b->hash_next != block)
        b = b->hash_next;
    if (b)
        __atomic_store_n(&b->hash_next, block->hash_next, __ATOMIC_RELEASE);
}

/* False where it was not valid any more. */
static bool end(TnBlock *block)
{
    if (!atomic_exchange(&block->valid, false))
        return false;
    remove_from_hash(block);
    for (unsigned i = 0; i < 2; i++) {
        if (block->phys[i] != UINT64_MAX)
            tn_code_page_remove(tn_code_page_find((void *)(uintptr_t)block->phys[i]), block);
    }
    tn_block_unlink_in_edges(block);
    unlink_out_edges(block);
    tn_jump_purge(block);
    block->retired = atomic_load(&cache.epoch);
    block->page_next[0] = cache.dead;
    cache.dead = block;
    cache.n_dead++;
    return true;
}

void tn_block_kill(TnBlock *block)
{
    tn_translator.n_killed += end(block);
}

/* Where the old block's exits led, which are the same, the new one's lead: an indirect exit has but
 * one first target. */
static void take_over_exits(const TnBlock *old, TnBlock *block)
{
    for (uint32_t i = 0; i < MIN(old->n_exits, block->n_exits); i++) {
        const TnBlockExit *was = &old->exits[i];
        TnBlockExit *e = &block->exits[i];
        TnBlock *to = atomic_load(&was->to);

        if (was->kind == TN_EXIT_SETTLED && e->kind == TN_EXIT_OPEN) {
            e->kind = TN_EXIT_SETTLED;
            e->pc = was->pc;
            tn_translator.backend->unlink(block, i);
        }
        if (to && e->kind == was->kind && e->pc == was->pc)
            add_edge(e, to == old ? block : to);
    }
}

bool tn_block_replace(TnBlock *old, TnBlock *block)
{
    TnBlockExit *edges;

    if (!atomic_load(&old->valid))
        return false;
    take_over_exits(old, block);
    edges = unlink_in_edges(old);
    tn_block_insert(block);
    end(old);
    for (TnBlockExit *e = edges, *next; e; e = next) {
        next = e->next_in;
        if (atomic_load(&e->from->valid))
            add_edge(e, block);
    }
    return true;
}

void tn_block_free(TnBlock *block)
{
    if (block->code)
        tn_translator.backend->release(block);
    tn_block_delete(block);
}

void tn_blocks_quiesce(TnCpu *cpu)
{
    atomic_store_explicit(&cpu->priv->seen_epoch, atomic_load(&cache.epoch), memory_order_release);
}

void tn_blocks_offline(TnCpu *cpu)
{
    atomic_store_explicit(&cpu->priv->seen_epoch, UINT64_MAX, memory_order_release);
}

/* The oldest epoch a vCPU may still be in; who lags behind is asked to come out. */
static uint64_t oldest_epoch(uint64_t now)
{
    uint64_t oldest = UINT64_MAX;
    for (unsigned i = 0; i < tn_cpu_count(); i++) {
        TnCpu *cpu = tn_cpu_at(i);
        uint64_t seen = atomic_load(&cpu->priv->seen_epoch);
        oldest = MIN(oldest, seen);
        if (seen < now)
            atomic_store(&cpu->exit_request, 1);
    }
    return oldest;
}

void tn_blocks_reclaim(void)
{
    if (__atomic_load_n(&cache.n_dead, __ATOMIC_RELAXED) < RECLAIM_AT)
        return;
    tn_translator_lock();
    uint64_t oldest = oldest_epoch(atomic_fetch_add(&cache.epoch, 1));
    for (TnBlock **link = &cache.dead, *b; (b = *link);) {
        if (b->retired >= oldest) {
            link = &b->page_next[0];
            continue;
        }
        *link = b->page_next[0];
        cache.n_dead--;
        tn_block_free(b);
    }
    tn_translator_unlock();
}

static void free_chain(TnBlock *b, bool dead)
{
    while (b) {
        TnBlock *next = dead ? b->page_next[0] : b->hash_next;
        tn_block_free(b);
        b = next;
    }
}

void tn_blocks_flush(void)
{
    tn_translator_lock();
    tn_jump_reset();
    for (unsigned i = 0; i < HASH_SIZE; i++) {
        free_chain(atomic_load(&hash[i]), false);
        atomic_store(&hash[i], NULL);
    }
    free_chain(cache.dead, true);
    cache.dead = NULL;
    cache.n_dead = 0;
    tn_code_pages_reset();
    tn_translator.backend->flush();
    tn_translator.n_flushes++;
    tn_translator_unlock();
}
