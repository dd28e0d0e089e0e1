/* SPDX-License-Identifier: MIT */
/*
 * Loops of one block that run often get a second block beside the first, of several rounds. All that
 * it can know before the rounds, as what the soft TLB has for the places they go through, it finds out
 * once at its start; where that fails, as at the end of a page, it leaves by its exit TN_ROUNDS_GUARD
 * to the first block, which does one round as any block.
 *
 * Blocks that would do the first round on their way end before it instead, at the loop's head, so that
 * all of a loop's rounds are done by the second block.
 *
 * The second block is found by nobody but the exits that are linked here. Which loops run often is
 * told by their exits to their own start, which stay unlinked at first.
 */
#include "cpu/cpu-private.h"
#include "translate/code-pages.h"
#include "translate/translator.h"

enum {
    OFTEN = 24,        /* rounds, or starts of them */
    MAX_INSNS = 48,    /* of all rounds */
    MAX_ROUNDS = 8,
};

static unsigned asked(const TnBlock *block)
{
    return __atomic_load_n(&block->asked, __ATOMIC_RELAXED);
}

/* Code that was overwritten before will be again: a second block would not pay. */
static bool may_ask(const TnBlock *block)
{
    return (tn_translator.options.opt & TN_OPT_ROUNDS) && tn_translator.backend->rounds &&
           asked(block) <= OFTEN && tn_block_may_repeat(block) &&
           !tn_code_page_rewritten(tn_code_page_find((void *)(uintptr_t)block->phys[0]));
}

static void make(TnCpu *cpu, const TnBlock *block)
{
    unsigned rounds = MIN(MAX_INSNS / block->n_insns, (unsigned)MAX_ROUNDS);
    TnBlockKey key = block->key;
    uint64_t phys = block->phys[0];
    uint32_t mode_id = block->mode_id;

    if (!tn_translate_rounds(cpu, &key, rounds))
        return;
    tn_translator_lock();
    TnBlock *first = tn_block_find(phys, key.pc, mode_id);
    if (first)
        tn_block_unlink_in_edges(first);
    tn_code_page_add_head(tn_code_page_find((void *)(uintptr_t)phys), (unsigned)(phys % TN_PAGE_SIZE));
    tn_translator_unlock();
}

void tn_block_follow(TnCpu *cpu, TnBlock *from, unsigned exit, TnBlock *to)
{
    TnBlock *rounds = NULL;

    if (from == to && may_ask(to)) {
        if (__atomic_fetch_add(&to->asked, 1, __ATOMIC_RELAXED) == OFTEN)
            make(cpu, to);
        return;
    }
    if (asked(to) > OFTEN && !(asked(from) == TN_BLOCK_ROUNDS && exit == TN_ROUNDS_GUARD))
        rounds = tn_block_find_rounds(to);
    tn_block_link(from, exit, rounds ? rounds : to);
}
