/* SPDX-License-Identifier: MIT */
/*
 * Pages of guest RAM that hold translated code, by host address (so that every alias of the RAM
 * is one page), with a bitmap of the bytes that are code.
 *
 * A page is marked before its bytes are read for translation. Marking sets TN_TLB_SLOW_CODE in
 * every TLB entry that could write there; who fills an entry looks at the mark before and after
 * publishing it, so either side sees the other. Stores to a marked page take the slow path: they
 * store, count the page's generation up, then look at the bitmap. A translation sets its bits in
 * the bitmap, then compares the generation with the one from before it read: again one of the two
 * sees the other, and the block is dropped or made anew.
 *
 * Where nothing but a number in an instruction keeps changing, the next block reads it when it gets
 * there (tn_ir_late). Its bytes are none of the block's then: stores to them are like any others.
 */
#ifndef TN_TRANSLATE_CODE_PAGES_H
#define TN_TRANSLATE_CODE_PAGES_H

#include "tenon/internal/target.h"

enum { TN_CODE_LINE = 64 }; /* bytes of a page with a word of the bitmap and a list of blocks */

/* The bytes whose changes have invalidated a block, once and more often, as bitmaps. */
typedef struct TnCodeChanges {
    _Atomic(uint64_t) once[TN_PAGE_SIZE / TN_CODE_LINE], again[TN_PAGE_SIZE / TN_CODE_LINE];
} TnCodeChanges;

struct TnCodePage {
    uint8_t *host;            /* page aligned */
    atomic_bool marked;
    atomic_uint generation;   /* stores so far */
    unsigned busy;            /* translations reading it; under the translator's lock */
    unsigned marks;           /* how often it became a code page; likewise */
    TnRegion *region;         /* where the bus knows it, for DMA; borrowed; likewise */
    uint64_t offset;
    unsigned n_blocks;        /* likewise */
    unsigned longest;         /* bytes in the page of any block so far; likewise */
    TnBlock *blocks[TN_PAGE_SIZE / TN_CODE_LINE]; /* by first byte, through page_next; likewise */
    _Atomic(uint64_t) bytes[TN_PAGE_SIZE / TN_CODE_LINE];
    _Atomic(TnCodeChanges *) changes; /* NULL until a block was invalidated */
    uint64_t *heads;          /* bitmap: loops of several rounds begin there; NULL until one does */
};
typedef struct TnCodePage TnCodePage;

/* The page of a host address, or NULL when it never held code. [any] */
TnCodePage *tn_code_page_find(const void *host);

static inline bool tn_code_page_marked(const void *host)
{
    TnCodePage *page = tn_code_page_find(host);
    return page && atomic_load(&page->marked);
}

/* Makes the page of a span of RAM a code page and counts it busy until _release. Gives its
 * generation. [vcpu] */
TnCodePage *tn_code_page_acquire(const TnMemorySpan *span, unsigned *generation);
void tn_code_page_release(TnCodePage *page);

/* The next ones, up to _is_running, with the translator's lock held. */
void tn_code_page_add(TnCodePage *page, TnBlock *block, unsigned which);
void tn_code_page_remove(TnCodePage *page, TnBlock *block);
/* Forgets the blocks of the page (after a flush of the whole cache). */
void tn_code_page_forget(TnCodePage *page);
/* Makes stores to the page fast again where it has no code. */
void tn_code_page_unmark_if_idle(TnCodePage *page);
/* Invalidates the blocks that were made from other bytes than now stand in [offset, offset + n). */
void tn_code_page_invalidate(TnCodePage *page, unsigned offset, unsigned n);
/* True when one of those blocks may be what the vCPU is executing. */
bool tn_code_page_is_running(TnCodePage *page, TnCpu *cpu, unsigned offset, unsigned n);
/* tn_code_page_forget for all pages. */
void tn_code_pages_reset(void);

/* True where changes of a byte of the span have invalidated blocks again and again. [any] */
bool tn_code_page_changes(const TnCodePage *page, unsigned offset, unsigned n);

/* The bitmap of bytes that blocks are to end before, as loops of several rounds begin there, or NULL.
 * [vcpu] */
static inline const uint64_t *tn_code_page_heads(const TnCodePage *page)
{
    return __atomic_load_n(&page->heads, __ATOMIC_ACQUIRE);
}

/* With the lock held: makes a byte one of those, and kills the blocks that go on over it. */
void tn_code_page_add_head(TnCodePage *page, unsigned offset);

/* True where a block of the page was invalidated. [any] */
static inline bool tn_code_page_rewritten(const TnCodePage *page)
{
    return atomic_load_explicit(&page->changes, memory_order_relaxed) != NULL;
}

/* True where a byte of the span, which is in several lines, is one that a block was made from. */
bool tn_code_page_has_code_in_lines(TnCodePage *page, unsigned offset, unsigned n);

/* The same for any span of at least one byte. [any] */
static inline bool tn_code_page_has_code(TnCodePage *page, unsigned offset, unsigned n)
{
    unsigned line = offset / TN_CODE_LINE;

    if (TN_LIKELY(line == (offset + n - 1) / TN_CODE_LINE))
        return atomic_load(&page->bytes[line]) >> offset % TN_CODE_LINE << (TN_CODE_LINE - n);
    return tn_code_page_has_code_in_lines(page, offset, n);
}

/*
 * A store by a vCPU through a TLB entry with TN_TLB_SLOW_CODE. Before: unwinds where the store
 * would change the running block, to come back with that one instruction alone; drops the mark from
 * the entry where the page has no code any more. After: invalidates what was overwritten. Both for
 * up to a page, not crossing one.
 */
void tn_code_before_store(TnCpu *cpu, TnTlbEntry *e, void *host, unsigned size);
void tn_code_after_store(void *host, unsigned size);

/* The same as tn_code_after_store where the page is known to be marked. */
void tn_code_page_stored(TnCodePage *page, void *host, unsigned size);

/* The bus's hook: bytes of guest RAM were changed by something else than a vCPU's store (DMA). Any
 * length. [any] */
void tn_code_hook(TnRegion *region, uint64_t offset, uint64_t size);

#endif
