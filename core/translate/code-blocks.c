/* SPDX-License-Identifier: MIT */
/*
 * The blocks of a code page, by where they begin, and the bitmap of the bytes they were made from.
 *
 * Stores look at the bitmap without the lock. A word of it changes at once from one set of blocks
 * to the next, so that a byte of a valid block is never missing from it.
 */
#include "translate/code-pages.h"

#include <string.h>

#include "cpu/cpu-private.h"
#include "translate/softmmu.h"
#include "translate/translator.h"

/* Bytes of a page. */
typedef struct Span {
    unsigned first, end;
} Span;

static unsigned which_page(const TnCodePage *page, const TnBlock *block)
{
    return tn_page_of(block->phys[0]) == (uintptr_t)page->host ? 0 : 1;
}

/* The block's bytes in the page. */
static Span span_in_page(const TnBlock *block, unsigned which)
{
    unsigned start = tn_page_offset(block->phys[0]);

    if (which == 0)
        return (Span){ start, MIN(start + block->size, (unsigned)TN_PAGE_SIZE) };
    return (Span){ 0, start + block->size - TN_PAGE_SIZE };
}

static bool overlap(Span a, Span b)
{
    return a.first < b.end && b.first < a.end;
}

/* ---- Lists ------------------------------------------------------------------------------- */

static TnBlock **list_of(TnCodePage *page, const TnBlock *block, unsigned which)
{
    return &page->blocks[span_in_page(block, which).first / TN_CODE_LINE];
}

/* The lists that blocks with a byte in the span may be on. */
static Span lists_of(const TnCodePage *page, Span span)
{
    unsigned before = MAX(page->longest, 1u) - 1;

    return (Span){ (span.first - MIN(span.first, before)) / TN_CODE_LINE,
                   (span.end - 1) / TN_CODE_LINE + 1 };
}

/* The first block from *b on, or from the next lists, that has a byte in the span. */
static TnBlock *find_overlap(TnCodePage *page, Span *lists, TnBlock *b, Span span)
{
    for (;;) {
        while (!b && lists->first < lists->end)
            b = page->blocks[lists->first++];
        if (!b || overlap(span_in_page(b, which_page(page, b)), span))
            return b;
        b = b->page_next[which_page(page, b)];
    }
}

/* ---- Bitmap ------------------------------------------------------------------------------ */

/* The bits of a span that lie in one word of the bitmap. */
static uint64_t word_mask(unsigned word, Span span)
{
    unsigned lo = MAX(span.first, word * TN_CODE_LINE);
    unsigned hi = MIN(span.end, word * TN_CODE_LINE + TN_CODE_LINE);

    return lo >= hi ? 0 : UINT64_MAX >> (TN_CODE_LINE - (hi - lo)) << (lo % TN_CODE_LINE);
}

bool tn_code_page_has_code_in_lines(TnCodePage *page, unsigned offset, unsigned n)
{
    unsigned w = offset / TN_CODE_LINE, last = (offset + n - 1) / TN_CODE_LINE;

    for (; w <= last; w++) {
        uint64_t bits = atomic_load(&page->bytes[w]);

        if (bits && (bits & word_mask(w, (Span){ offset, offset + n })))
            return true;
    }
    return false;
}

/* The bits of the block's bytes that lie in one word. */
static uint64_t block_mask(const TnCodePage *page, unsigned word, const TnBlock *b)
{
    uint64_t bits = word_mask(word, span_in_page(b, which_page(page, b)));

    if (page->host != (const uint8_t *)tn_page_of(b->phys[0]))
        return bits;
    for (unsigned i = 0; i < b->n_late; i++) {
        unsigned first = tn_page_offset(b->phys[0]) + b->late[i];
        bits &= ~word_mask(word, (Span){ first, first + TN_LATE_SIZE });
    }
    return bits;
}

static void remake_word(TnCodePage *page, unsigned word)
{
    Span span = { word * TN_CODE_LINE, word * TN_CODE_LINE + TN_CODE_LINE };
    Span lists = lists_of(page, span);
    uint64_t bits = 0;

    for (TnBlock *b = NULL; (b = find_overlap(page, &lists, b, span));
         b = b->page_next[which_page(page, b)])
        bits |= block_mask(page, word, b);
    atomic_store(&page->bytes[word], bits);
}

/* ---- Coming and going -------------------------------------------------------------------- */

void tn_code_page_add(TnCodePage *page, TnBlock *block, unsigned which)
{
    TnBlock **list = list_of(page, block, which);
    Span span = span_in_page(block, which);

    block->page_next[which] = *list;
    *list = block;
    page->n_blocks++;
    page->longest = MAX(page->longest, span.end - span.first);
    for (unsigned w = span.first / TN_CODE_LINE; w <= (span.end - 1) / TN_CODE_LINE; w++)
        atomic_fetch_or(&page->bytes[w], block_mask(page, w, block));
}

void tn_code_page_remove(TnCodePage *page, TnBlock *block)
{
    unsigned which = which_page(page, block);
    TnBlock **link = list_of(page, block, which);
    Span span = span_in_page(block, which);

    while (*link != block)
        link = &(*link)->page_next[which_page(page, *link)];
    *link = block->page_next[which];
    page->n_blocks--;
    for (unsigned w = span.first / TN_CODE_LINE; w <= (span.end - 1) / TN_CODE_LINE; w++)
        remake_word(page, w);
    tn_code_page_unmark_if_idle(page);
}

void tn_code_page_forget(TnCodePage *page)
{
    memset(page->blocks, 0, sizeof(page->blocks));
    page->n_blocks = page->longest = 0;
    for (unsigned w = 0; w < G_N_ELEMENTS(page->bytes); w++)
        atomic_store(&page->bytes[w], 0);
    tn_code_page_unmark_if_idle(page);
}

void tn_code_page_add_head(TnCodePage *page, unsigned offset)
{
    Span span = { offset, offset + 1 }, lists = lists_of(page, span);
    uint64_t *heads = page->heads ? page->heads : g_new0(uint64_t, TN_PAGE_SIZE / TN_CODE_LINE);

    __atomic_fetch_or(&heads[offset / TN_CODE_LINE], UINT64_C(1) << offset % TN_CODE_LINE,
                      __ATOMIC_RELAXED);
    __atomic_store_n(&page->heads, heads, __ATOMIC_RELEASE);
    for (TnBlock *b = NULL, *next; (b = find_overlap(page, &lists, b, span)); b = next) {
        unsigned which = which_page(page, b);

        next = b->page_next[which];
        if (span_in_page(b, which).first != offset)
            tn_block_kill(b);
    }
}

/* ---- Stores ------------------------------------------------------------------------------ */

static bool is_late(const TnBlock *block, unsigned i)
{
    for (unsigned k = 0; k < block->n_late; k++) {
        if (i - block->late[k] < TN_LATE_SIZE)
            return true;
    }
    return false;
}

static void note_change(TnCodePage *page, unsigned offset)
{
    TnCodeChanges *changes = atomic_load(&page->changes);
    uint64_t bit = UINT64_C(1) << offset % TN_CODE_LINE;
    unsigned w = offset / TN_CODE_LINE;

    if (!changes) {
        changes = g_new0(TnCodeChanges, 1);
        atomic_store(&page->changes, changes);
    }
    if (atomic_fetch_or(&changes->once[w], bit) & bit)
        atomic_fetch_or(&changes->again[w], bit);
}

bool tn_code_page_changes(const TnCodePage *page, unsigned offset, unsigned n)
{
    TnCodeChanges *changes = atomic_load(&page->changes);
    Span span = { offset, offset + n };

    if (TN_LIKELY(!changes) || n == 0)
        return false;
    for (unsigned w = span.first / TN_CODE_LINE; w <= (span.end - 1) / TN_CODE_LINE; w++) {
        if (atomic_load(&changes->again[w]) & word_mask(w, span))
            return true;
    }
    return false;
}

/*
 * True where the block's bytes in the span are no longer those that it was made from. To compare
 * them with what is in memory now, rather than the store's old and new value, is right with others
 * that store at the same time: who comes last sees what is there in the end.
 */
static bool is_stale(TnCodePage *page, const TnBlock *block, Span span)
{
    unsigned which = which_page(page, block), start = tn_page_offset(block->phys[0]);
    Span mine = span_in_page(block, which);
    unsigned before = which ? TN_PAGE_SIZE - start : 0; /* bytes of the block not in the page */
    bool stale = false;

    for (unsigned i = MAX(mine.first, span.first); i < MIN(mine.end, span.end); i++) {
        unsigned k = before + i - mine.first;

        if (__atomic_load_n(&page->host[i], __ATOMIC_RELAXED) == block->bytes[k] ||
            is_late(block, k))
            continue;
        note_change(page, i);
        stale = true;
    }
    return stale;
}

void tn_code_page_invalidate(TnCodePage *page, unsigned offset, unsigned n)
{
    Span span = { offset, offset + n }, lists = lists_of(page, span);
    bool any = false;

    for (TnBlock *b = NULL, *next; (b = find_overlap(page, &lists, b, span)); b = next) {
        next = b->page_next[which_page(page, b)];
        if (is_stale(page, b, span)) {
            tn_block_kill(b);
            any = true;
        }
    }
    tn_translator.n_invalidations += any;
}

bool tn_code_page_is_running(TnCodePage *page, TnCpu *cpu, unsigned offset, unsigned n)
{
    Span span = { offset, offset + n }, lists = lists_of(page, span);

    for (TnBlock *b = NULL; (b = find_overlap(page, &lists, b, span));
         b = b->page_next[which_page(page, b)]) {
        if (b->mode_id == cpu->mode_id && cpu->fault_pc - b->key.pc < b->size)
            return true;
    }
    return false;
}
