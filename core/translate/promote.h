/* SPDX-License-Identifier: MIT */
/*
 * Blocks made anew in another form while the guest runs.
 *
 * A back end that can tell where a vCPU spends its time (sample.c of x86_64) calls tn_block_sampled
 * now and then for the block that is running. One that is met TN_HOT_SAMPLES times is compiled again
 * as TN_FORM_HOT and takes the other's place.
 */
#ifndef TN_TRANSLATE_PROMOTE_H
#define TN_TRANSLATE_PROMOTE_H

#include "translate/code-pages.h"
#include "translate/translator.h"

enum { TN_HOT_SAMPLES = 1 };

/* Whether the block's code can be made anew as it stands: code that was overwritten before will be
 * again. [vcpu] */
static inline bool tn_block_is_lasting(const TnBlock *block)
{
    const TnCodePage *page;

    if (!block->bytes || block->n_late || block->form == TN_FORM_TAIL ||
        block->phys[0] == UINT64_MAX)
        return false;
    page = tn_code_page_find((const void *)(uintptr_t)block->phys[0]);
    return !page || !tn_code_page_rewritten(page);
}

/* The vCPU was found in the block, which may be killed already. Never unwinds or flushes. [vcpu,
 * outside code, no lock] */
void tn_block_sampled(TnCpu *cpu, TnBlock *block);

/*
 * Compiles the block's code again in another form and replaces it. False, and nothing has changed,
 * where that cannot be: it is not valid any more, was made from what is no plain memory or has late
 * numbers, or code memory is full. The vCPU is in the block's mode. [vcpu, no lock]
 */
bool tn_block_remake(TnCpu *cpu, TnBlock *block, TnBlockForm form);

/*
 * Puts `block`, which is compiled and of the same code and mode, where `old` is: jumps that lead to
 * the one lead to the other from now on. The old one is freed when no vCPU can be in it any more.
 * Both valid afterwards or, where `old` was not any more, none. [translator's lock]
 */
bool tn_block_replace(TnBlock *old, TnBlock *block);

#endif
