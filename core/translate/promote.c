/* SPDX-License-Identifier: MIT */
#include "translate/promote.h"

#include <string.h>

#include "cpu/cpu-private.h"
#include "translate/code-pages.h"
#include "translate/trace.h"
#include "translate/units.h"

enum { TRIES = 4 }; /* to compile it again */

/* Code that was overwritten before will be again. */
static bool may_remake(const TnCpu *cpu, const TnBlock *block)
{
    return atomic_load(&block->valid) && block->bytes && !block->n_late &&
           block->form != TN_FORM_TAIL &&
           block->phys[0] != UINT64_MAX && block->mode_id == cpu->mode_id &&
           !tn_code_page_rewritten(tn_code_page_find((const void *)(uintptr_t)block->phys[0])) &&
           !(cpu->priv->core_mode & TN_CORE_MODE_ONE_INSN);
}

/* The same code's block, to be compiled. */
static TnBlock *copy_of(const TnCpu *cpu, const TnBlock *old, TnBlockForm form, const TnUnit *unit)
{
    TnBlock start = { .key = old->key, .mode_id = old->mode_id, .n_insns = old->n_insns,
                      .size = old->size, .phys = { old->phys[0], old->phys[1] }, .form = form,
                      .asked = old->asked, .plain = old->plain };
    TnBlock *block;

    if (form == TN_FORM_APART && old->form != form)
        start.plain = 0; /* its groups are others */
    if (unit->n_parts) {
        start.unit = g_memdup2(unit, sizeof(*unit));
        start.n_insns = cpu->priv->builder.n_insns;
    }
    tn_translator_lock();
    block = tn_block_new(&start, old->bytes, NULL);
    tn_translator_unlock();
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
        tn_translator.n_units += block->unit != NULL;
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

/* Along a path that begins with the block: to be found, where that is in it already, else known. */
static bool remake(TnCpu *cpu, TnBlock *old, TnBlockForm form, TnUnitPath *path)
{
    bool is_new = path->now;
    TnBlock *made;

    if (!may_remake(cpu, old) ||
        !tn_translate_recorded(cpu, &old->key, old->bytes, old->size, rounds_of(old),
                               path->known || is_new ? path : NULL))
        return false;
    if (is_new ? path->unit.n_parts == 0 : cpu->priv->builder.n_insns != old->n_insns)
        return false;
    made = copy_of(cpu, old, form, &path->unit);
    if (compile(cpu, old, made)) {
        tn_trace_block(cpu, made, &cpu->priv->builder);
        return true;
    }
    tn_block_free_uncached(made);
    return false;
}

bool tn_block_remake(TnCpu *cpu, TnBlock *block, TnBlockForm form)
{
    TnUnitPath path = { .cpu = cpu, .first = block, .known = block->unit };

    return remake(cpu, block, form, &path);
}

static void make_unit(TnCpu *cpu, TnBlock *block)
{
    TnUnitPath path = { .cpu = cpu, .first = block, .now = block };

    if ((tn_translator.options.opt & TN_OPT_UNITS) && !cpu->priv->core_mode &&
        !tn_breakpoint_any() && tn_unit_may_begin(block))
        remake(cpu, block, TN_FORM_HOT, &path);
}

/* The vCPU may be in another mode than the block's by now: then the next sample tries again. */
void tn_block_sampled(TnCpu *cpu, TnBlock *block)
{
    unsigned samples = ++block->samples;
    unsigned enough = tn_translator.options.hot_linked ? TN_HOT_SAMPLES : TN_UNIT_SAMPLES;

    if (block->form == TN_FORM_FAST && samples >= TN_HOT_SAMPLES &&
        samples < TN_HOT_SAMPLES + TRIES)
        tn_block_remake(cpu, block, TN_FORM_HOT);
    else if (block->form == TN_FORM_HOT && samples >= enough &&
             samples < enough + TRIES)
        make_unit(cpu, block);
}
