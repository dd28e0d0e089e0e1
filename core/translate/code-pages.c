/* SPDX-License-Identifier: MIT */
/* Pages of guest RAM that hold translated code; the rules are in code-pages.h. */
#include "translate/code-pages.h"

#include "cpu/cpu-private.h"
#include "memory/memory-internal.h"
#include "translate/softmmu.h"
#include "translate/translator.h"

/*
 * Host page numbers (bits 12..47) index a tree of three levels with 4096 entries each. Nodes and
 * pages are never freed, so readers need no lock.
 */
enum { LEVEL_BITS = 12, LEVEL_SIZE = 1 << LEVEL_BITS, LEVELS = 3 };

enum { MARKS_BEFORE_STICKY = 16 }; /* after that a page stays marked: it alternates */

typedef struct Node {
    _Atomic(void *) child[LEVEL_SIZE];
} Node;

static Node root;

static unsigned level_index(const void *host, unsigned level)
{
    return (unsigned)((uintptr_t)host >> (TN_PAGE_BITS + (LEVELS - 1 - level) * LEVEL_BITS)) &
           (LEVEL_SIZE - 1);
}

TnCodePage *tn_code_page_find(const void *host)
{
    Node *node = &root;
    for (unsigned level = 0; level < LEVELS - 1; level++) {
        node = atomic_load_explicit(&node->child[level_index(host, level)], memory_order_acquire);
        if (!node)
            return NULL;
    }
    return atomic_load_explicit(&node->child[level_index(host, LEVELS - 1)], memory_order_acquire);
}

/* Translator's lock held. */
static TnCodePage *page_get(uint8_t *host)
{
    Node *node = &root;
    for (unsigned level = 0; level < LEVELS - 1; level++) {
        _Atomic(void *) *link = &node->child[level_index(host, level)];
        if (!atomic_load_explicit(link, memory_order_relaxed))
            atomic_store_explicit(link, g_new0(Node, 1), memory_order_release);
        node = atomic_load_explicit(link, memory_order_relaxed);
    }
    _Atomic(void *) *leaf = &node->child[level_index(host, LEVELS - 1)];
    TnCodePage *page = atomic_load_explicit(leaf, memory_order_relaxed);
    if (!page) {
        page = g_new0(TnCodePage, 1);
        page->host = (uint8_t *)tn_page_of((uintptr_t)host);
        atomic_store_explicit(leaf, page, memory_order_release);
    }
    return page;
}

/* ---- Marking ----------------------------------------------------------------------------- */

static void mark_entry(TnTlbEntry *e, const void *host)
{
    uint64_t tag = __atomic_load_n(&e->write, __ATOMIC_SEQ_CST);
    uintptr_t addend = __atomic_load_n(&e->addend, __ATOMIC_RELAXED);

    /* First what hardly ever holds: there are thousands of entries. */
    if (TN_LIKELY((uintptr_t)tn_page_of(tag) + addend != (uintptr_t)host))
        return;
    if (tag != UINT64_MAX && !(tag & (TN_TLB_SLOW_IO | TN_TLB_SLOW_CODE)))
        __atomic_compare_exchange_n(&e->write, &tag, tag | TN_TLB_SLOW_CODE, false,
                                    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static void mark_in_tlb(TnTlb *tlb, void *host)
{
    for (unsigned w = 0; w < TN_TLB_SIZE / 64; w++) {
        uint64_t used = __atomic_load_n(&tlb->used[w], __ATOMIC_SEQ_CST);
        for (; used; used &= used - 1)
            mark_entry(&tlb->entry[w * 64 + (unsigned)__builtin_ctzll(used)], host);
    }
}

typedef struct Places {
    const void *host;
    unsigned n, index[TN_TLB_PLACES];
} Places;

static void mark_places(TnTlb *tlb, void *data)
{
    const Places *p = data;

    for (unsigned k = 0; k < p->n; k++)
        mark_entry(&tlb->entry[p->index[k]], p->host);
}

static void mark_in_tlbs(void *host)
{
    Places p = { .host = host };

    p.n = tn_tlb_where_writable(host, p.index);
    if (p.n == TN_TLB_ANYWHERE)
        tn_tlb_each(mark_in_tlb, host);
    else
        tn_tlb_each(mark_places, &p);
}

static void mark(TnCodePage *page)
{
    if (atomic_load(&page->marked))
        return;
    atomic_store(&page->marked, true);
    page->marks++;
    tn_region_code_protect(page->region, page->offset, TN_PAGE_SIZE);
    mark_in_tlbs(page->host);
}

void tn_code_page_unmark_if_idle(TnCodePage *page)
{
    if (page->n_blocks || page->busy || page->marks >= MARKS_BEFORE_STICKY ||
        !atomic_load(&page->marked))
        return;
    atomic_store(&page->marked, false);
    tn_region_code_unprotect(page->region, page->offset, TN_PAGE_SIZE);
}

TnCodePage *tn_code_page_acquire(const TnMemorySpan *span, unsigned *generation)
{
    tn_translator_lock();
    TnCodePage *page = page_get(span->host);
    page->region = span->region;
    page->offset = span->offset - tn_page_offset((uintptr_t)span->host);
    page->busy++;
    mark(page);
    *generation = atomic_load(&page->generation);
    tn_translator_unlock();
    return page;
}

void tn_code_page_release(TnCodePage *page)
{
    tn_translator_lock();
    page->busy--;
    tn_code_page_unmark_if_idle(page);
    tn_translator_unlock();
}

/* ---- All of them ------------------------------------------------------------------------- */

static void reset_node(Node *node, unsigned level)
{
    for (unsigned i = 0; i < LEVEL_SIZE; i++) {
        void *child = atomic_load(&node->child[i]);
        if (child && level < LEVELS - 1) {
            reset_node(child, level + 1);
        } else if (child) {
            tn_code_page_forget(child);
        }
    }
}

void tn_code_pages_reset(void)
{
    reset_node(&root, 0);
}

/* ---- Stores ------------------------------------------------------------------------------ */

/*
 * True where the block that runs is known to lie on another page, as the instruction at fault_pc does
 * with room behind it. An instruction that crosses into the next page is always a block's first
 * (tn_ir_fetch) and its last, so that no other one of the block can be on that page.
 */
static bool runs_elsewhere(TnCpu *cpu, const TnCodePage *page)
{
    const TnBlockKey *key = &cpu->priv->key;
    uint64_t linear = tn_key_linear(key, cpu->fault_pc);
    TnFetchPage at;

    return tn_page_offset(linear) + TN_IR_CODE_BYTES <= TN_PAGE_SIZE &&
           tn_tlb_fetch_page(cpu, key->mmu_mode, linear, &at) &&
           tn_page_of(at.host) != (uintptr_t)page->host;
}

void tn_code_before_store(TnCpu *cpu, TnTlbEntry *e, void *host, unsigned size)
{
    TnCodePage *page = tn_code_page_find(host);
    unsigned offset = tn_page_offset((uintptr_t)host);

    if (!page || !atomic_load(&page->marked)) {
        __atomic_and_fetch(&e->write, ~(uint64_t)TN_TLB_SLOW_CODE, __ATOMIC_SEQ_CST);
        if (tn_code_page_marked(host))
            __atomic_or_fetch(&e->write, TN_TLB_SLOW_CODE, __ATOMIC_SEQ_CST);
        return;
    }
    if (!cpu->priv->in_code || cpu->priv->alone ||
        !tn_code_page_has_code(page, offset, size) || runs_elsewhere(cpu, page))
        return;
    tn_translator_lock();
    bool running = tn_code_page_is_running(page, cpu, offset, size);
    tn_translator_unlock();
    if (running)
        tn_cpu_unwind_smc(cpu);
}

void tn_code_after_store(void *host, unsigned size)
{
    TnCodePage *page = tn_code_page_find(host);

    if (page && atomic_load(&page->marked))
        tn_code_page_stored(page, host, size);
}

void tn_code_page_stored(TnCodePage *page, void *host, unsigned size)
{
    unsigned offset = tn_page_offset((uintptr_t)host);

    atomic_fetch_add(&page->generation, 1);
    if (!tn_code_page_has_code(page, offset, size))
        return;
    tn_translator_lock();
    tn_code_page_invalidate(page, offset, size);
    tn_translator_unlock();
}

static void written(uint8_t *p, uint64_t size)
{
    while (size > 0) {
        uint64_t n = MIN(size, TN_PAGE_SIZE - tn_page_offset((uintptr_t)p));
        tn_code_after_store(p, (unsigned)n);
        p += n;
        size -= n;
    }
}

void tn_code_hook(TnRegion *region, uint64_t offset, uint64_t size)
{
    uint8_t *ram = tn_region_ram(region);
    if (ram)
        written(ram + offset, size);
}
