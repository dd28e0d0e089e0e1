/* SPDX-License-Identifier: MIT */
/*
 * Blocks of several rounds of a loop (translate/rounds.c). Accesses whose base is a sum of registers
 * as the block is entered with them are probed before the first round, once for all rounds: a group
 * keeps the host address of its base, and its accesses are the host's own, without a way out. Where a
 * probe fails nothing has happened yet, and the loop's first block does one round.
 *
 * A group that fails takes all with it, but where its places are those of the last round: what a
 * loop does not get to is probed as well.
 */
#include "compile.h"

enum {
    MAX_TERMS = 2,
    MAX_DEPTH = 24,
    MAX_OFFSET = 1 << 30,
};

/* reg[0] << shift[0] + reg[1] << shift[1] + offset, the registers as the block is entered with them. */
typedef struct Sum {
    int reg[MAX_TERMS];
    unsigned shift[MAX_TERMS], n;
    int64_t offset;
} Sum;

static bool is_live(const X64Ctx *cx, int i)
{
    return !(cx->info[i].flags & X64_OP_DEAD);
}

static bool put_before(const X64Ctx *cx, int end, int reg)
{
    for (int i = 0; i < end; i++)
        if (is_live(cx, i) && cx->ops[i].opc == TN_IR_PUT && cx->ops[i].aux == reg)
            return true;
    return false;
}

static bool add_offset(Sum *s, uint64_t imm, unsigned shift)
{
    int64_t v = (int64_t)imm;

    if (v < -MAX_OFFSET || v > MAX_OFFSET)
        return false;
    s->offset += v * (1 << shift);
    return s->offset > -MAX_OFFSET && s->offset < MAX_OFFSET;
}

static bool add_register(const X64Ctx *cx, int get, unsigned shift, Sum *s)
{
    int reg = cx->ops[get].aux;

    if (s->n == MAX_TERMS || shift > 3 || put_before(cx, get, reg))
        return false;
    s->reg[s->n] = reg;
    s->shift[s->n++] = shift;
    return true;
}

static bool add_terms(const X64Ctx *cx, TnTemp t, unsigned shift, unsigned depth, Sum *s)
{
    int def = cx->temps[t].def;
    const TnIrOp *op = &cx->ops[MAX(def, 0)];

    if (t == TN_TEMP_NONE)
        return true;
    if (x64_is_const(cx, t))
        return add_offset(s, cx->temps[t].value, shift);
    if (def < 0 || depth == 0 || op->type != TN_I64 || shift > 3)
        return false;
    switch (op->opc) {
    case TN_IR_GET:
        return add_register(cx, def, shift, s);
    case TN_IR_ADDI:
        return add_offset(s, op->imm, shift) && add_terms(cx, op->a, shift, depth - 1, s);
    case TN_IR_ADD:
        return add_terms(cx, op->a, shift, depth - 1, s) &&
               add_terms(cx, op->b, shift, depth - 1, s);
    case TN_IR_LEA:
        return add_offset(s, op->imm, shift) && add_terms(cx, op->a, shift, depth - 1, s) &&
               add_terms(cx, op->b, shift + op->aux, depth - 1, s);
    default:
        return false;
    }
}

static bool calls(const X64Ctx *cx)
{
    for (int i = 0; i < cx->n_ops; i++)
        if (is_live(cx, i) && cx->ops[i].opc == TN_IR_CALL &&
            !(x64_plan.target->helpers[cx->ops[i].aux].flags &
              (TN_HELPER_PURE | TN_HELPER_DIVIDES)))
            return true;
    return false;
}

/* Where a group is not hoisted, accesses that have to be aligned look at that one by one. */
static void settle_access(X64Ctx *cx, int i)
{
    if (cx->groups[cx->info[i].group].hoisted) {
        cx->info[i].flags |= X64_OP_HOISTED;
        cx->ops[i].a = TN_TEMP_NONE;
    } else if (cx->ops[i].aux & TN_MEM_ALIGN) {
        cx->info[i].group = 0;
    }
}

void x64_hoist_probes(X64Ctx *cx)
{
    bool may = !calls(cx);

    for (unsigned k = 1; k < cx->n_groups; k++) {
        X64Group *g = &cx->groups[k];
        Sum s = { .n = 0 };

        g->hoisted = may && add_terms(cx, g->base, 0, MAX_DEPTH, &s);
    }
    for (int i = 0; i < cx->n_ops; i++)
        if (cx->info[i].group)
            settle_access(cx, i);
}

/* ---- Code ------------------------------------------------------------------------------------ */

/* The register itself where it is pinned, else it is loaded into `tmp`. */
static int entry_value(X64Emit *e, int declared, int tmp)
{
    int pin = x64_plan.pin[declared];

    if (pin != X64_NONE)
        return pin;
    x64_load(e, X64_W, tmp, x64_reg_home(declared));
    return tmp;
}

/* dst = the sum; tmp is clobbered. */
static void emit_sum(X64Emit *e, const Sum *s, int dst, int tmp)
{
    if (s->n == 0) {
        x64_mov_ri(e, dst, (uint64_t)s->offset);
        return;
    }
    int first = entry_value(e, s->reg[0], dst);

    if (s->shift[0]) {
        x64_mov_rr(e, X64_W, dst, first);
        x64_rri(e, X64_GRP2_IMM8 | X64_W, X64_G2_SHL, dst, (uint8_t)s->shift[0]);
        first = dst;
    }
    if (s->n == 2)
        x64_lea(e, X64_W, dst,
                x64_mem_index(first, entry_value(e, s->reg[1], tmp), (int)s->shift[1],
                              (int32_t)s->offset));
    else if (s->offset)
        x64_lea(e, X64_W, dst, x64_mem(first, (int32_t)s->offset));
    else
        x64_mov_rr(e, X64_W, dst, first);
}

static void probe_group(X64Ctx *cx, const X64Group *g)
{
    X64Emit *e = &cx->e;
    Sum s = { .n = 0 };
    int base = x64_tmp(cx), tag = x64_tmp(cx), index = x64_out(cx, g->addend, X64_NONE, 0);
    X64Refill r = { .addr = base, .index = index, .tag = tag, .first = g->first, .last = g->last,
                    .mode = g->mode, .write = g->write };
    uint8_t *miss;

    add_terms(cx, g->base, 0, MAX_DEPTH, &s);
    emit_sum(e, &s, base, tag);
    if (g->align) {
        x64_lea(e, X64_W, tag, x64_mem(base, g->align_at));
        x64_rri(e, X64_GRP3 - 1, X64_G3_TEST, tag, g->align);
        miss = x64_jcc32(e, X64_NZ);
        *X64_LIST_ADD(cx->misses, uint8_t *) = miss;
    }
    miss = x64_emit_probe(e, &r);
    *X64_LIST_ADD(cx->misses, uint8_t *) = miss;
    x64_rr(e, X64_ADD | X64_W, index, base);
    cx->locked = 0;
}

X64Mem x64_hoisted(X64Ctx *cx, const TnIrOp *op)
{
    return x64_mem(x64_in(cx, cx->groups[cx->info[cx->i].group].addend), (int32_t)op->imm);
}

void x64_emit_guard(X64Ctx *cx)
{
    g_assert(cx->exits.len == TN_ROUNDS_GUARD);
    x64_new_exit(cx, cx->block->key.pc);
    cx->i = 0;
    for (unsigned k = 1; k < cx->n_groups; k++)
        if (cx->groups[k].hoisted)
            probe_group(cx, &cx->groups[k]);
}

void x64_emit_guard_exit(X64Ctx *cx)
{
    for (unsigned i = 0; i < cx->misses.len; i++)
        x64_here32(&cx->e, *X64_LIST_AT(cx->misses, uint8_t *, i));
    uint8_t *patch = x64_jmp32_aligned(&cx->e);

    X64_LIST_AT(cx->exits, TnBlockExit, TN_ROUNDS_GUARD)->patch = patch;
    x64_leave_behind(cx, patch)->exit = TN_ROUNDS_GUARD;
}
