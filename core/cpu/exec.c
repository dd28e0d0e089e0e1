/* SPDX-License-Identifier: MIT */
/*
 * The execution loop of a vCPU: serve what other threads asked for, take interrupts, find the
 * next block, run it, link it to its successor.
 *
 * Faults come back here by siglongjmp from wherever they happen (translated code, helpers, the
 * front end, exception delivery itself).
 */
#include "cpu/cpu-private.h"
#include "cpu/debug.h"
#include "tenon/log.h"
#include "translate/check.h"
#include "translate/softmmu.h"
#include "translate/trace.h"
#include "translate/translator.h"

/* The block that was just left through a direct exit, to be linked with the next one. */
typedef struct Left {
    TnBlock *block;
    uint32_t exit;
} Left;

static TN_NORETURN void unwind(TnCpu *cpu, TnUnwind how)
{
    if (tn_translator.backend->unwinding)
        tn_translator.backend->unwinding(cpu);
    siglongjmp(*cpu->unwind, how);
}

void tn_cpu_unwind(TnCpu *cpu)
{
    unwind(cpu, TN_UNWIND_FAULT);
}

void tn_cpu_unwind_to_loop(TnCpu *cpu)
{
    unwind(cpu, TN_UNWIND_LOOP);
}

void tn_cpu_unwind_smc(TnCpu *cpu)
{
    unwind(cpu, TN_UNWIND_SMC);
}

void tn_cpu_halt(TnCpu *cpu)
{
    cpu->halted = true;
    tn_cpu_unwind_to_loop(cpu);
}

/* ---- After a fault ----------------------------------------------------------------------- */

static void free_uncached(TnCpu *cpu)
{
    if (cpu->priv->uncached)
        tn_block_free_uncached(cpu->priv->uncached);
    cpu->priv->uncached = NULL;
}

/* Puts everything in order that the code which was left may have had under way. */
static void clean_up(TnCpu *cpu)
{
    TnCpuPrivate *p = cpu->priv;

    if (tn_device_lock_held())
        tn_device_unlock();
    tn_exclusive_abandon(cpu);
    if (p->translation.active)
        tn_translation_abandon(cpu);
    if (p->in_code && tn_translator.backend->unwound)
        tn_translator.backend->unwound(cpu);
    p->in_code = false;
    p->alone = p->wants_tail = false;
    free_uncached(cpu);
}

static void recover(TnCpu *cpu, TnUnwind how)
{
    const TnTargetOps *ops = cpu->target->ops;

    clean_up(cpu);
    cpu->priv->stats.unwinds[how]++;
    if (how == TN_UNWIND_LOOP)
        return;
    ops->set_pc(cpu, cpu->fault_pc);
    if (how == TN_UNWIND_FAULT)
        ops->deliver_exception(cpu);
    else if (how == TN_UNWIND_SMC)
        cpu->priv->alone = true;
}

/* ---- Around blocks ----------------------------------------------------------------------- */

/* Before the epoch ends in which the blocks were seen running. */
static void take_samples(TnCpu *cpu)
{
    if (tn_translator.backend->sampled)
        tn_translator.backend->sampled(cpu);
}

/* Serves what exit_request was set for. False: the vCPU's turn ends. */
static bool serve(TnCpu *cpu)
{
    atomic_store(&cpu->exit_request, 0);
    take_samples(cpu);
    tn_blocks_quiesce(cpu);
    tn_blocks_reclaim();
    tn_tlb_flush_pending(cpu);
    if (tn_exclusive_wanted()) {
        tn_exec_leave(cpu);
        tn_exec_enter(cpu);
    }
    return !tn_cpu_must_pause(cpu);
}

static uint32_t core_mode(const TnCpu *cpu)
{
    const TnCpuPrivate *p = cpu->priv;
    uint32_t mode = 0;

    if (TN_UNLIKELY(p->alone || p->single_step))
        return TN_CORE_MODE_ONE_INSN | TN_CORE_MODE_NO_CHAIN;
    if (tn_translator.options.one_insn_per_tb)
        mode |= TN_CORE_MODE_ONE_INSN;
    if (tn_log_enabled(TN_LOG_NOCHAIN | TN_LOG_CPU) || tn_check_on(tn_translator.backend))
        mode |= TN_CORE_MODE_NO_CHAIN;
    return mode;
}

/* Makes the mode of the state the vCPU's, and gives the key; `known` as for tn_mode_enter. */
static bool enter_mode(TnCpu *cpu, TnBlockKey *key, bool known)
{
    TnCpuPrivate *p = cpu->priv;
    uint32_t mode = core_mode(cpu);

    cpu->target->ops->key(cpu, key);
    if (key->base != p->key.base || key->flags != p->key.flags || mode != p->core_mode ||
        key->address_bits != p->key.address_bits || key->mmu_mode != p->key.mmu_mode ||
        !cpu->mode_id)
        return tn_mode_enter(cpu, key, mode, known);
    return true;
}

static TnBlock *next_block(TnCpu *cpu, bool linked)
{
    TnBlockKey key = { 0 };

    enter_mode(cpu, &key, false);
    cpu->fault_pc = key.pc;
    if (TN_UNLIKELY(cpu->priv->wants_tail)) {
        cpu->priv->wants_tail = false;
        return tn_block_get_tail(cpu, &key);
    }
    return tn_block_get(cpu, &key, linked);
}

/* What the loop below would do before the next block: nothing, or it has to. */
static bool loop_has_work(TnCpu *cpu)
{
    const TnCpuPrivate *p = cpu->priv;

    return atomic_load_explicit(&cpu->exit_request, memory_order_relaxed) ||
           atomic_load_explicit(&cpu->requests, memory_order_relaxed) || p->uncached || p->alone ||
           p->single_step || p->skip_breakpoint || tn_breakpoint_any();
}

/* Gives the pc of the next block where nothing has to be done before it. */
static inline bool may_go_on(TnCpu *cpu, uint64_t *pc)
{
    TnBlockKey key = { 0 };

    if (TN_UNLIKELY(loop_has_work(cpu)) || !enter_mode(cpu, &key, true))
        return false;
    *pc = key.pc;
    return true;
}

/* The next block where it is at hand and nothing has to be done before. */
static TnBlock *block_at_hand(TnCpu *cpu)
{
    uint64_t pc;

    return may_go_on(cpu, &pc) ? tn_block_lookup_indirect(cpu, pc) : NULL;
}

const void *tn_cpu_next_code(TnCpu *cpu)
{
    const TnJumpEntry *entry;
    TnBlock *block;
    uint64_t pc;

    if (!may_go_on(cpu, &pc))
        return NULL;
    entry = &cpu->jump[tn_jump_index(pc)];
    if (TN_LIKELY(__atomic_load_n(&entry->pc, __ATOMIC_RELAXED) == pc))
        return entry->code;
    block = tn_block_lookup_indirect(cpu, pc);
    return block ? block->code : NULL;
}

const void *tn_cpu_next_code_after(TnCpu *cpu, TnBlock *from, unsigned exit)
{
    TnBlock *block = block_at_hand(cpu);

    if (!block)
        return NULL;
    if (__atomic_load_n(&from->exits[exit].kind, __ATOMIC_RELAXED) == TN_EXIT_OPEN)
        tn_block_settle(from, exit, block);
    return block->code;
}

static TnRunResult run_block(TnCpu *cpu, TnBlock *block)
{
    cpu->priv->in_code = true;
    TnRunResult r = tn_translator.backend->run(cpu, block);
    cpu->priv->in_code = false;
    cpu->priv->alone = false;
    return r;
}

/* Links what was left to the block that is next. Gives that again, or anew after a flush. */
static TnBlock *follow(TnCpu *cpu, const Left *left, TnBlock *block)
{
    uint64_t flushes = __atomic_load_n(&tn_translator.n_flushes, __ATOMIC_RELAXED);

    tn_block_follow(cpu, left->block, left->exit, block);
    return flushes == __atomic_load_n(&tn_translator.n_flushes, __ATOMIC_RELAXED)
               ? block : next_block(cpu, false);
}

/* Runs one block and what is linked to it. */
static void step(TnCpu *cpu, Left *left)
{
    uint64_t flushes = __atomic_load_n(&tn_translator.n_flushes, __ATOMIC_RELAXED);
    TnBlock *block = next_block(cpu, left->block != NULL);

    /* Making room for it may have thrown away the block that was left. */
    if (flushes != __atomic_load_n(&tn_translator.n_flushes, __ATOMIC_RELAXED))
        left->block = NULL;
    if (block->phys[0] == UINT64_MAX)
        cpu->priv->uncached = block;
    else if (left->block && !(cpu->priv->core_mode & TN_CORE_MODE_NO_CHAIN))
        block = follow(cpu, left, block);
    left->block = NULL;
    tn_trace_exec(cpu, block);

    TnRunResult r = run_block(cpu, block);
    cpu->priv->stats.exits[r.why]++;
    cpu->priv->wants_tail = r.why == TN_RUN_EXIT_TAIL;
    if (cpu->priv->uncached)
        free_uncached(cpu);
    else if (r.why == TN_RUN_EXIT_DIRECT)
        *left = (Left){ r.block, r.exit };
}

/* Interrupts and the like; true when the state changed. */
static bool take_requests(TnCpu *cpu)
{
    uint32_t requests = atomic_load_explicit(&cpu->requests, memory_order_acquire);
    if (TN_LIKELY(!requests))
        return false;
    cpu->fault_pc = cpu->target->ops->pc(cpu);
    bool taken = cpu->target->ops->take_request(cpu, requests);
    cpu->priv->stats.requests += taken;
    return taken;
}

static bool at_breakpoint(TnCpu *cpu)
{
    TnCpuPrivate *p = cpu->priv;
    bool skip = p->skip_breakpoint;

    p->skip_breakpoint = false;
    return !skip && tn_breakpoint_at(cpu->target->ops->pc(cpu));
}

static void run_until_turn_ends(TnCpu *cpu)
{
    Left left = { NULL, 0 };

    while (!cpu->halted) {
        if (TN_UNLIKELY(atomic_load_explicit(&cpu->exit_request, memory_order_relaxed))) {
            left.block = NULL;
            if (!serve(cpu))
                return;
        }
        if (take_requests(cpu)) {
            left.block = NULL;
            cpu->priv->wants_tail = false;
            continue;
        }
        if (TN_UNLIKELY(at_breakpoint(cpu))) {
            tn_cpu_debug_stop(cpu);
            return;
        }
        step(cpu, &left);
        if (TN_UNLIKELY(cpu->priv->single_step)) {
            tn_cpu_debug_stop(cpu);
            return;
        }
    }
}

void tn_cpu_exec(TnCpu *cpu)
{
    tn_exec_enter(cpu);
    tn_blocks_quiesce(cpu);
    cpu->unwind = &cpu->priv->unwind;
    int how = sigsetjmp(cpu->priv->unwind, 0);
    if (how != TN_UNWIND_NONE)
        recover(cpu, (TnUnwind)how);
    run_until_turn_ends(cpu);
    cpu->unwind = NULL;
    take_samples(cpu);
    tn_blocks_offline(cpu);
    tn_exec_leave(cpu);
}
