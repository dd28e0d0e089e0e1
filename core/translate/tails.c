/* SPDX-License-Identifier: MIT */
/*
 * Tails. Where a block's accesses to neighbouring places share one look into the soft TLB, those behind
 * the first rely on its success. Where it fails, and the TLB cannot be made to allow them all, as at the
 * edge of a page, for a device, or for a page that is watched or was not stored to so far, the block is
 * left in the middle, before the instruction of the first access, and goes on in its tail: a block that
 * begins there, each access of which looks for itself (TN_FORM_TAIL).
 *
 * Tails are found by nobody else: whoever comes to the pc in another way gets the block that begins
 * there. What they lead to are blocks like any other.
 */
#include "cpu/cpu-private.h"
#include "translate/softmmu.h"
#include "translate/translator.h"

const TnBlock *tn_block_tail(TnCpu *cpu, const TnBlock *block, uint64_t pc)
{
    uint64_t at = pc - block->key.pc;
    const TnBlock *tail;

    cpu->priv->stats.tails++;
    if ((cpu->priv->core_mode & TN_CORE_MODE_NO_CHAIN) || block->phys[0] == UINT64_MAX ||
        tn_page_offset(block->phys[0]) + at >= TN_PAGE_SIZE)
        return NULL;
    tail = tn_block_find_tail(block->phys[0] + at, pc, block->mode_id);
    /* Running in the block proves its pages, and no others. */
    return tail && tail->phys[1] == block->phys[1] ? tail : NULL;
}
