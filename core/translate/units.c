/* SPDX-License-Identifier: MIT */
#include "translate/units.h"

#include "cpu/cpu-private.h"
#include "translate/code-pages.h"
#include "translate/fetch.h"
#include "translate/softmmu.h"

enum {
    MAX_INSNS = 96,
    TIMES = 2, /* that one side of a branch must have of the other's samples */
};

/* ---- The way ----------------------------------------------------------------------------- */

static bool is_on_page(const TnBlock *first, uint64_t pc)
{
    return tn_page_of(tn_key_linear(&first->key, pc)) ==
           tn_page_of(tn_key_linear(&first->key, first->key.pc));
}

static TnBlock *block_at(const TnBlock *first, uint64_t pc)
{
    uint64_t offset = tn_page_offset(tn_key_linear(&first->key, pc));

    return is_on_page(first, pc) ? tn_block_find(tn_page_of(first->phys[0]) + offset, pc,
                                                 first->mode_id) : NULL;
}

static bool goes_round(const TnBlock *block)
{
    for (uint32_t i = 0; i < block->n_exits; i++) {
        if (block->exits[i].kind == TN_EXIT_DIRECT && block->exits[i].pc == block->key.pc)
            return true;
    }
    return false;
}

/* A loop of one block begins in the midst of the block, which does the first round. */
static bool enters_loop(const TnBlock *block)
{
    for (uint32_t i = 0; i < block->n_exits; i++) {
        const TnBlock *to = atomic_load(&block->exits[i].to);

        if (to && to->key.pc - block->key.pc < block->size && goes_round(to))
            return true;
    }
    return false;
}

/* Loops of one block have other means (rounds.c, and windows of the back end). */
static bool may_be_part(const TnBlock *block)
{
    return block->bytes && block->phys[1] == UINT64_MAX && !block->n_late &&
           (block->unit || !goes_round(block)) && !enters_loop(block);
}

bool tn_unit_may_begin(const TnBlock *block)
{
    return !block->unit && !block->asked && may_be_part(block);
}

static bool is_there(const TnUnitPath *path, uint64_t pc)
{
    for (unsigned i = 0; i < path->unit.n_parts; i++) {
        if (path->unit.part[i].pc == pc)
            return true;
    }
    return pc == path->first->key.pc;
}

/* Where the block that is being read goes on behind a branch: it never left but to `pc`. */
static bool always_leaves(const TnUnitPath *path, uint64_t pc)
{
    const TnBlock *now = path->now;
    bool any = false;

    for (uint32_t i = 0; i < now->n_exits; i++) {
        const TnBlockExit *e = &now->exits[i];
        bool taken = e->kind == TN_EXIT_DIRECT ? atomic_load(&e->to) != NULL
                                               : e->kind == TN_EXIT_SETTLED;

        if (taken && e->pc != pc)
            return false;
        any |= taken;
    }
    return any;
}

/* Whether to go on at a pc rather than at the other one, where the branch leads else. */
static bool is_likely(const TnUnitPath *path, const TnBlock *block, uint64_t other, bool inside)
{
    const TnBlock *beside;

    if (inside)
        return always_leaves(path, block->key.pc);
    if (!other)
        return true;
    beside = block_at(path->first, other);
    return !beside || block->samples >= TIMES * beside->samples;
}

static TnBlock *choose(const TnUnitPath *path, uint64_t pc, uint64_t other, bool inside,
                             unsigned n_insns)
{
    TnBlock *block;

    if (path->unit.n_parts == TN_UNIT_MAX_PARTS || n_insns >= MAX_INSNS || is_there(path, pc))
        return NULL;
    block = block_at(path->first, pc);
    if (!block || !may_be_part(block) || n_insns + block->n_insns > 2 * MAX_INSNS ||
        !is_likely(path, block, other, inside))
        return NULL;
    return block;
}

static TnBlock *follow(const TnUnitPath *path, uint64_t pc, unsigned n_insns)
{
    const TnUnitPart *part = &path->known->part[path->unit.n_parts];

    return path->unit.n_parts < path->known->n_parts && part->pc == pc && part->insns == n_insns
               ? part->block : NULL;
}

bool tn_unit_goes_on(TnIrBuilder *b, uint64_t pc, uint64_t other, bool inside)
{
    TnUnitPath *path = b->path;
    TnUnit *u = &path->unit;
    TnBlock *block = path->known ? follow(path, pc, b->n_insns)
                                 : choose(path, pc, other, inside, b->n_insns);

    if (!block)
        return false;
    u->part[u->n_parts++] = (TnUnitPart){ .block = block, .pc = pc, .insns = b->n_insns };
    path->now = block;
    tn_fetch_recorded(path->cpu, &block->key, block->bytes, block->size);
    return true;
}

/* ---- Life -------------------------------------------------------------------------------- */

bool tn_unit_bind(TnBlock *block)
{
    TnUnit *u = block->unit;

    for (unsigned i = 0; u && i < u->n_parts; i++) {
        if (!atomic_load(&u->part[i].block->valid))
            return false;
    }
    for (unsigned i = 0; u && i < u->n_parts; i++) {
        TnUnitPart *part = &u->part[i];

        part->unit = block;
        part->next = part->block->part_of;
        part->block->part_of = part;
    }
    return true;
}

static void unbind(TnBlock *block)
{
    for (unsigned i = 0; block->unit && i < block->unit->n_parts; i++) {
        TnUnitPart *part = &block->unit->part[i], **link = &part->block->part_of;

        while (*link && *link != part)
            link = &(*link)->next;
        if (*link)
            *link = part->next;
    }
}

void tn_unit_end(TnBlock *block)
{
    unbind(block);
    while (block->part_of)
        tn_block_kill(block->part_of->unit);
}

void tn_unit_hand_over(TnBlock *old, TnBlock *block)
{
    TnUnitPart **link = &block->part_of;

    while (*link)
        link = &(*link)->next;
    *link = old->part_of;
    old->part_of = NULL;
    for (TnUnitPart *part = *link; part; part = part->next)
        part->block = block;
}

bool tn_unit_is_running(const TnBlock *block, const TnCpu *cpu)
{
    for (const TnUnitPart *part = block->part_of; part; part = part->next) {
        const TnUnit *u = part->unit->unit;

        if (part->unit->mode_id != cpu->mode_id)
            continue;
        if (cpu->fault_pc - part->unit->key.pc < part->unit->size)
            return true;
        for (unsigned i = 0; i < u->n_parts; i++) {
            if (cpu->fault_pc - u->part[i].pc < u->part[i].block->size)
                return true;
        }
    }
    return false;
}
