/* SPDX-License-Identifier: MIT */
/*
 * From a vCPU's pc to a block: caches first, then the front end, the optimiser and the back end.
 *
 * The front end runs without the translator's lock, since reading guest code walks page tables and
 * may meet devices. What it read may change meanwhile: the pages' generations tell, and the block
 * is made again (code-pages.h).
 */
#include "translate/translator.h"

#include <inttypes.h>
#include <string.h>

#include "clock/host-clock.h"
#include "cpu/cpu-private.h"
#include "memory/memory-internal.h"
#include "tenon/clock.h"
#include "tenon/log.h"
#include "translate/cache/cache.h"
#include "translate/check.h"
#include "translate/code-pages.h"
#include "translate/fetch.h"
#include "translate/ir-info.h"
#include "translate/jump-cache.h"
#include "translate/softmmu.h"
#include "translate/trace.h"

enum { MAX_ATTEMPTS = 4 }; /* until code that changes under our hands runs uncached */

TnTranslator tn_translator;

void tn_translator_configure(const TnTranslatorOptions *options)
{
    tn_translator.options = *options;
    tn_translator.backend = options->backend;
}

bool tn_translator_init(const TnTargetInfo *target, GError **error)
{
    if (tn_translator.target)
        return true;
    if (tn_translator.backend->configure)
        tn_translator.backend->configure(tn_translator.options.opt);
    if (!tn_translator.backend->init(target, tn_translator.options.tb_size,
                                     tn_translator.options.split_wx, error))
        return false;
    tn_translator.target = target;
    tn_memory_set_code_hook(tn_code_hook);
    tn_memory_set_log_hook(tn_tlb_watch_log);
    return true;
}

static unsigned max_insns(const TnCpuPrivate *p, uint64_t pc)
{
    if ((p->core_mode & TN_CORE_MODE_ONE_INSN) || p->translation.uncached ||
        tn_breakpoint_near(pc))
        return 1;
    return TN_IR_MAX_INSNS;
}

/*
 * A front end that breaks the rules of ir.h is our mistake, but a guest can come upon it: the vCPU
 * then stays at the instruction, and everything else goes on. All rules are gone through in the
 * interpreter and in the checking mode, which the tests run every instruction in; what takes time in
 * every block of every guest is left out elsewhere.
 */
static char *fault_of(const TnIrBuilder *b)
{
    if (tn_translator.backend->checked)
        return tn_ir_check(tn_translator.target, b->ops, b->n_ops, b->n_temps);
    if (b->n_temps > TN_IR_MAX_TEMPS)
        return g_strdup_printf("%u temporaries, %d are allowed", b->n_temps, TN_IR_MAX_TEMPS);
    if (b->n_ops == 0 || !tn_ir_is(&b->ops[b->n_ops - 1], TN_IRF_END))
        return g_strdup("it does not end with an exit");
    return NULL;
}

static void check(TnIrBuilder *b)
{
    char *fault = fault_of(b);

    if (TN_LIKELY(!fault))
        return;
    tn_warn("the translation of the code at 0x%" PRIx64 " is wrong (%s); the vCPU stays there",
            b->pc, fault);
    g_free(fault);
    tn_ir_begin(b, b->pc, 1);
    tn_ir_insn(b, b->pc, 1);
    tn_ir_exit_loop(b, b->pc);
    b->end_pc = b->pc + 1;
}

/* What has been read of the code, or is still to be, is in the vCPU's translation. */
static void run_target(TnCpu *cpu, const TnBlockKey *key, unsigned max, unsigned rounds)
{
    TnIrBuilder *b = &cpu->priv->builder;

    tn_ir_begin(b, key->pc, max);
    b->rounds = (uint8_t)rounds;
    if (rounds == 1 && max > 1 && cpu->priv->translation.page[0])
        b->heads = tn_code_page_heads(cpu->priv->translation.page[0]);
    b->host_x87 = tn_translator.backend->x87 && (tn_translator.options.opt & TN_OPT_X87);
    if (cpu->priv->translation.recorded)
        tn_fetch_recorded(cpu, b);
    cpu->target->ops->translate(cpu, b, key);
    tn_trace_ir(cpu, b, TN_LOG_OP, "OP");
    check(b);
}

static void run_front_end(TnCpu *cpu, const TnBlockKey *key, unsigned max, unsigned rounds)
{
    tn_translation_abandon(cpu);
    cpu->priv->translation.active = true;
    tn_fetch_page(cpu, 0, tn_key_linear(key, key->pc));
    run_target(cpu, key, max, rounds);
}

static void optimise(TnCpu *cpu)
{
    TnIrBuilder *b = &cpu->priv->builder;

    if (tn_translator.backend->optimised)
        b->n_ops = tn_ir_optimise(cpu->target, b->ops, b->n_ops, b->n_temps,
                                  tn_translator.options.opt);
    tn_trace_ir(cpu, b, TN_LOG_OP_OPT, "OP after optimisation");
}

/* Front end and optimiser. May unwind. */
static void make_ir(TnCpu *cpu, const TnBlockKey *key)
{
    TnIrBuilder *b = &cpu->priv->builder;

    run_front_end(cpu, key, max_insns(cpu->priv, key->pc), 1);
    if (tn_check_on(tn_translator.backend) && tn_check_insns(b) < b->n_insns)
        run_front_end(cpu, key, tn_check_insns(b), 1);
    optimise(cpu);
}

bool tn_translate_recorded(TnCpu *cpu, const TnBlockKey *key, const uint8_t *code, unsigned size,
                           unsigned rounds)
{
    TnTranslation *t = &cpu->priv->translation;
    bool same;

    tn_translation_abandon(cpu);
    t->recorded = true;
    t->start = tn_key_linear(key, key->pc);
    t->linear[0] = tn_page_of(t->start);
    t->n_bytes = size;
    memcpy(cpu->priv->code_bytes, code, size);
    run_target(cpu, key, TN_IR_MAX_INSNS, rounds);
    same = cpu->priv->builder.end_pc - key->pc == size;
    optimise(cpu);
    tn_translation_abandon(cpu);
    return same;
}

/* With the lock. */
static TnBlock *block_new(TnCpu *cpu, const TnBlockKey *key)
{
    const TnTranslation *t = &cpu->priv->translation;
    const TnIrBuilder *b = &cpu->priv->builder;
    uint32_t size = (uint32_t)(b->end_pc - key->pc);
    unsigned offset = tn_page_offset(tn_key_linear(key, key->pc));
    bool has_bytes = !t->uncached && t->n_bytes >= size, plain = t->host[0] && has_bytes;
    uint32_t n_late = 0;
    TnBlock *block;

    /* The last instruction may have been taken back. */
    while (n_late < t->n_late && t->late[n_late] + (uint32_t)TN_LATE_SIZE <= size)
        n_late++;
    block = tn_block_new(key, size, has_bytes ? cpu->priv->code_bytes : NULL,
                         n_late ? t->late : NULL);
    block->mode_id = cpu->mode_id;
    block->n_insns = b->n_insns;
    block->n_late = n_late;
    block->phys[0] = plain ? (uintptr_t)t->host[0] + offset : UINT64_MAX;
    block->phys[1] = plain && t->host[1] && offset + size > TN_PAGE_SIZE ? (uintptr_t)t->host[1]
                                                                         : UINT64_MAX;
    return block;
}

static bool unchanged(const TnTranslation *t)
{
    for (unsigned n = 0; n < 2; n++) {
        if (t->page[n] && atomic_load(&t->page[n]->generation) != t->generation[n])
            return false;
    }
    return true;
}

/* Code memory is full: everything goes, with every other vCPU stopped. */
static void flush_all(TnCpu *cpu)
{
    tn_exclusive_begin(cpu);
    tn_blocks_flush();
    tn_exclusive_end(cpu);
}

/* With the lock, which is given up where everything has to go. */
static void compile(TnCpu *cpu, TnBlock *block)
{
    const TnIrBuilder *b = &cpu->priv->builder;
    bool again = false;

    while (!tn_translator.backend->compile(block, b->ops, b->n_ops, b->n_temps)) {
        tn_block_delete_exits(block);
        tn_translator_unlock();
        if (again)
            g_error("a block of %u operations does not fit %" PRIu64 " bytes of code memory "
                    "(-accel tcg,tb-size=)", b->n_ops, tn_translator.options.tb_size);
        flush_all(cpu);
        again = true;
        tn_translator_lock();
    }
    tn_translator.n_translated++;
    tn_translator.n_insns += block->n_insns;
    tn_translator.n_guest_bytes += block->size;
    tn_translator.n_host_bytes += block->code_size;
    tn_translator.n_tails += block->asked == TN_BLOCK_TAIL;
    if (tn_cache_is_on(cpu) && block->asked < TN_BLOCK_TAIL)
        tn_cache_note(cpu, block);
}

/* With the lock; adds what was compiled, or gives NULL where its code has changed since it was read. */
static TnBlock *insert(TnCpu *cpu, TnBlock *block)
{
    if (block->phys[0] == UINT64_MAX)
        return block;
    tn_block_insert(block);
    if (unchanged(&cpu->priv->translation))
        return block;
    tn_block_kill(block);
    return NULL;
}

/* The block of what the builder has, inserted; NULL when the code changed while it was read. */
static TnBlock *make_block(TnCpu *cpu, const TnBlockKey *key, uint8_t asked)
{
    TnBlock *block;

    tn_translator_lock();
    block = block_new(cpu, key);
    block->asked = asked;
    if (asked == TN_BLOCK_TAIL || (cpu->priv->core_mode & TN_CORE_MODE_ONE_INSN))
        block->form = TN_FORM_TAIL;
    compile(cpu, block);
    block = insert(cpu, block);
    tn_translator_unlock();
    if (block)
        tn_trace_block(cpu, block, &cpu->priv->builder);
    return block;
}

/* One attempt; NULL as above. */
static TnBlock *try_translate(TnCpu *cpu, const TnBlockKey *key, uint8_t asked, bool last)
{
    make_ir(cpu, key);
    if (last)
        cpu->priv->translation.uncached = true;
    TnBlock *block = make_block(cpu, key, asked);
    tn_translation_abandon(cpu);
    return block;
}

/*
 * The thread's own processor time would leave out what others do on the processor, but is a system
 * call of the host, whose cost among cold caches is that of a few guest instructions. So what took too
 * long for a translation is not counted: something else ran meanwhile.
 */
static void add_time(int64_t start, const TnBlock *block)
{
    enum { TOO_LONG = TN_NS_PER_SECOND / 2000 };
    int64_t took = tn_host_clock_now(true) - start;

    if (took > TOO_LONG)
        return;
    __atomic_fetch_add(&tn_translator.timed_ns, (uint64_t)took, __ATOMIC_RELAXED);
    __atomic_fetch_add(&tn_translator.timed_insns, block->n_insns, __ATOMIC_RELAXED);
}

static TnBlock *translate(TnCpu *cpu, const TnBlockKey *key, uint8_t asked)
{
    TnBlock *block = NULL;
    bool timed = tn_translator.options.stats;
    int64_t start = timed ? tn_host_clock_now(true) : 0;

    for (unsigned i = 1; !block; i++)
        block = try_translate(cpu, key, asked, i == MAX_ATTEMPTS);
    if (timed)
        add_time(start, block);
    return block;
}

/* What rounds share is what they find out about memory. */
static bool has_accesses(const TnIrBuilder *b)
{
    for (unsigned i = 0; i < b->n_ops; i++) {
        if (b->ops[i].opc == TN_IR_LD || b->ops[i].opc == TN_IR_ST)
            return true;
    }
    return false;
}

TnBlock *tn_translate_rounds(TnCpu *cpu, const TnBlockKey *key, unsigned rounds)
{
    TnTranslation *t = &cpu->priv->translation;
    TnBlock *block = NULL;

    run_front_end(cpu, key, TN_IR_MAX_INSNS, rounds);
    if (!t->n_late && !t->uncached && !tn_breakpoint_any() &&
        has_accesses(&cpu->priv->builder)) {
        optimise(cpu);
        block = make_block(cpu, key, TN_BLOCK_ROUNDS);
    }
    tn_translation_abandon(cpu);
    return block;
}

void tn_block_free_uncached(TnBlock *block)
{
    tn_translator_lock();
    tn_block_free(block);
    tn_translator_unlock();
}

/* The second page must still be the one the block was made from. */
static bool second_page_fits(TnCpu *cpu, const TnBlock *block, uint64_t linear)
{
    if (block->phys[1] == UINT64_MAX)
        return true;
    uint64_t next = tn_key_next_page(&block->key, linear);
    TnTlbEntry *e = tn_tlb_get(cpu, next, TN_ACCESS_FETCH, block->key.mmu_mode);
    return block->phys[1] == (uintptr_t)tn_tlb_host(cpu, e, next, TN_ACCESS_FETCH);
}

/* The host address of the fetch at the vCPU's key, 0 where it is not in plain memory. May unwind. */
static uint64_t fetch_host(TnCpu *cpu, const TnBlockKey *key)
{
    uint64_t linear = tn_key_linear(key, key->pc);
    TnTlbEntry *e = tn_tlb_get(cpu, linear, TN_ACCESS_FETCH, key->mmu_mode);

    return (uintptr_t)tn_tlb_host(cpu, e, linear, TN_ACCESS_FETCH);
}

/* The block that was found, or NULL where its second page is another one now: it is killed then. */
static TnBlock *if_it_fits(TnCpu *cpu, TnBlock *block)
{
    if (!block || second_page_fits(cpu, block, tn_key_linear(&block->key, block->key.pc)))
        return block;
    tn_translator_lock();
    tn_block_kill(block);
    tn_translator_unlock();
    return NULL;
}

TnBlock *tn_block_get(TnCpu *cpu, const TnBlockKey *key, bool linked)
{
    TnBlock *block = tn_jump_find(cpu, key->pc);
    uint64_t host;

    if (block)
        return block;
    host = fetch_host(cpu, key);
    block = host ? if_it_fits(cpu, tn_block_find(host, key->pc, cpu->mode_id)) : NULL;
    if (!block && host)
        block = tn_cache_get(cpu, key, (const uint8_t *)(uintptr_t)host);
    if (!block)
        block = translate(cpu, key, 0);
    if (!linked)
        tn_block_cache(cpu, block);
    return block;
}

TnBlock *tn_block_get_tail(TnCpu *cpu, const TnBlockKey *key)
{
    uint64_t host = fetch_host(cpu, key);
    TnBlock *block = NULL;

    if (host)
        block = if_it_fits(cpu, tn_block_find_tail(host, key->pc, cpu->mode_id));
    return block ? block : translate(cpu, key, TN_BLOCK_TAIL);
}
