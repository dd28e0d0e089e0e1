/* SPDX-License-Identifier: MIT */
#include "translate/promote.h"

#include <string.h>

#include "cpu/cpu-private.h"
#include "translate/trace.h"

enum { TRIES = 4 }; /* to compile it again */

static bool may_remake(const TnCpu *cpu, const TnBlock *block)
{
    return atomic_load(&block->valid) && tn_block_is_lasting(block) &&
           block->mode_id == cpu->mode_id && !(cpu->priv->core_mode & TN_CORE_MODE_ONE_INSN);
}

/* The same code's block, to be compiled. */
static TnBlock *copy_of(const TnBlock *old, TnBlockForm form)
{
    TnBlock *block;

    tn_translator_lock();
    block = tn_block_new(&old->key, old->size, old->bytes, NULL);
    tn_translator_unlock();
    block->mode_id = old->mode_id;
    block->n_insns = old->n_insns;
    block->phys[0] = old->phys[0];
    block->phys[1] = old->phys[1];
    block->form = form;
    block->asked = old->asked;
    if (form == TN_FORM_APART && old->form != form)
        return block; /* its groups are others */
    block->plain = old->plain;
    block->moving = old->moving;
    return block;
}

static bool compile(TnCpu *cpu, TnBlock *old, TnBlock *block)
{
    const TnIrBuilder *b = &cpu->priv->builder;
    bool done;

    tn_translator_lock();
    done = atomic_load(&old->valid) &&
           tn_translator.backend->compile(block, b->ops, b->n_ops, b->n_temps) &&
           tn_block_replace(old, block);
    if (done) {
        tn_translator.n_promoted++;
        tn_translator.n_host_bytes += block->code_size;
    }
    tn_translator_unlock();
    return done;
}

static unsigned rounds_of(const TnBlock *block)
{
    const TnBlock *first;

    if (block->asked != TN_BLOCK_ROUNDS)
        return 1;
    first = tn_block_find(block->phys[0], block->key.pc, block->mode_id);
    return first ? block->n_insns / first->n_insns : 1;
}

bool tn_block_remake(TnCpu *cpu, TnBlock *block, TnBlockForm form)
{
    TnBlock *made;

    if (!may_remake(cpu, block) ||
        !tn_translate_recorded(cpu, &block->key, block->bytes, block->size, rounds_of(block)) ||
        cpu->priv->builder.n_insns != block->n_insns)
        return false;
    made = copy_of(block, form);
    if (compile(cpu, block, made)) {
        tn_trace_block(cpu, made, &cpu->priv->builder);
        return true;
    }
    tn_block_free_uncached(made);
    return false;
}

/* The vCPU may be in another mode than the block's by now: then the next sample tries again. */
void tn_block_sampled(TnCpu *cpu, TnBlock *block)
{
    unsigned samples = ++block->samples;

    if (block->form == TN_FORM_FAST && samples >= TN_HOT_SAMPLES &&
        samples < TN_HOT_SAMPLES + TRIES)
        tn_block_remake(cpu, block, TN_FORM_HOT);
}
