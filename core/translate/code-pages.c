/* SPDX-License-Identifier: MIT */
/* Tracking of guest RAM that holds translated code; the rules are in code-pages.h. */
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
    if (tag == UINT64_MAX || (tag & (TN_TLB_SLOW_IO | TN_TLB_SLOW_CODE)))
        return;
    uintptr_t addend = __atomic_load_n(&e->addend, __ATOMIC_RELAXED);
    if ((uintptr_t)tn_page_of(tag) + addend == (uintptr_t)host)
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

static void mark(TnCodePage *page)
{
    if (atomic_load(&page->marked))
        return;
    atomic_store(&page->marked, true);
    page->marks++;
    tn_region_code_protect(page->region, page->offset, TN_PAGE_SIZE);
    tn_tlb_each(mark_in_tlb, page->host);
}

static void unmark_if_idle(TnCodePage *page)
{
    if (page->blocks || page->busy || page->marks >= MARKS_BEFORE_STICKY ||
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
    unmark_if_idle(page);
    tn_translator_unlock();
}

/* ---- Blocks of a page -------------------------------------------------------------------- */

static unsigned which_page(const TnCodePage *page, const TnBlock *block)
{
    return tn_page_of(block->phys[0]) == (uintptr_t)page->host ? 0 : 1;
}

/* The block's bytes in the page: [*first, *end). */
static void span_in_page(const TnBlock *block, unsigned which, unsigned *first, unsigned *end)
{
    unsigned start = tn_page_offset(block->phys[0]);
    if (which == 0) {
        *first = start;
        *end = MIN(start + block->size, (unsigned)TN_PAGE_SIZE);
    } else {
        *first = 0;
        *end = start + block->size - TN_PAGE_SIZE;
    }
}

/* The bits of [first, end) that lie in one 64-bit word of the bitmap. */
static uint64_t word_mask(unsigned word, unsigned first, unsigned end)
{
    unsigned lo = MAX(first, word * 64), hi = MIN(end, word * 64 + 64);
    return UINT64_MAX >> (64 - (hi - lo)) << (lo % 64);
}

static void set_bytes(TnCodePage *page, unsigned first, unsigned end)
{
    for (unsigned w = first / 64; w <= (end - 1) / 64; w++)
        atomic_fetch_or(&page->bytes[w], word_mask(w, first, end));
}

static bool has_code(TnCodePage *page, unsigned first, unsigned end)
{
    for (unsigned w = first / 64; w <= (end - 1) / 64; w++) {
        if (atomic_load(&page->bytes[w]) & word_mask(w, first, end))
            return true;
    }
    return false;
}

void tn_code_page_add(TnCodePage *page, TnBlock *block, unsigned which)
{
    unsigned first, end;
    span_in_page(block, which, &first, &end);
    block->page_next[which] = page->blocks;
    page->blocks = block;
    set_bytes(page, first, end);
}

void tn_code_page_remove(TnCodePage *page, TnBlock *block)
{
    TnBlock **link = &page->blocks;
    while (*link && *link != block)
        link = &(*link)->page_next[which_page(page, *link)];
    if (*link)
        *link = block->page_next[which_page(page, block)];
}

static void rebuild_bytes(TnCodePage *page)
{
    for (unsigned w = 0; w < G_N_ELEMENTS(page->bytes); w++)
        atomic_store(&page->bytes[w], 0);
    for (TnBlock *b = page->blocks; b; b = b->page_next[which_page(page, b)]) {
        unsigned first, end;
        span_in_page(b, which_page(page, b), &first, &end);
        set_bytes(page, first, end);
    }
    unmark_if_idle(page);
}

static bool overlaps(const TnCodePage *page, const TnBlock *b, unsigned offset, unsigned n)
{
    unsigned first, end;
    span_in_page(b, which_page(page, b), &first, &end);
    return first < offset + n && offset < end;
}

void tn_code_page_invalidate(TnCodePage *page, unsigned offset, unsigned n)
{
    bool any = false;
    for (TnBlock *b = page->blocks, *next; b; b = next) {
        next = b->page_next[which_page(page, b)];
        if (overlaps(page, b, offset, n)) {
            tn_block_kill(b);
            any = true;
        }
    }
    if (!any)
        return;
    tn_translator.n_invalidations++;
    rebuild_bytes(page);
}

bool tn_code_page_is_running(TnCodePage *page, TnCpu *cpu, unsigned offset, unsigned n)
{
    for (TnBlock *b = page->blocks; b; b = b->page_next[which_page(page, b)]) {
        if (b->mode_id == cpu->mode_id && cpu->fault_pc - b->key.pc < b->size &&
            overlaps(page, b, offset, n))
            return true;
    }
    return false;
}

static void reset_node(Node *node, unsigned level)
{
    for (unsigned i = 0; i < LEVEL_SIZE; i++) {
        void *child = atomic_load(&node->child[i]);
        if (child && level < LEVELS - 1) {
            reset_node(child, level + 1);
        } else if (child) {
            ((TnCodePage *)child)->blocks = NULL;
            rebuild_bytes(child);
        }
    }
}

void tn_code_pages_reset(void)
{
    reset_node(&root, 0);
}

/* ---- Stores ------------------------------------------------------------------------------ */

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
    if (!cpu->priv->in_code || cpu->priv->alone || !has_code(page, offset, offset + size))
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
    unsigned offset = tn_page_offset((uintptr_t)host);

    if (!page || !atomic_load(&page->marked))
        return;
    atomic_fetch_add(&page->generation, 1);
    if (!has_code(page, offset, offset + size))
        return;
    tn_translator_lock();
    tn_code_page_invalidate(page, offset, size);
    tn_translator_unlock();
}

void tn_code_written(void *host, uint64_t size)
{
    uint8_t *p = host;
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
        tn_code_written(ram + offset, size);
}
