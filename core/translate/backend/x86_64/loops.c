/* SPDX-License-Identifier: MIT */
/*
 * Blocks that go round: those with an exit to their own start.
 *
 * Windows. Where the base of a group of accesses moves up by the same small amount each time round,
 * or stays, the first probe of a page serves until the page ends: TnCpu.window has, for each such
 * group, how far the base may come and what is added to it. A base at or beyond the limit goes to the
 * probe, which stands out of line and sets both. Limits are 0 when the block is entered from
 * elsewhere and after any slow path, as that may change mappings; helpers end the analysis. Other
 * threads that restrict what a TLB allows set them to 0 after they did so (tn_tlb_each), and who opens
 * a window probes again after it: one of the two sees the other.
 *
 * Flags. An exit to the block's own start whose flags' operands stay in pinned registers until the
 * block has no more use for the flags leaves a mark instead of a recipe: one store, not three. The
 * notes of slow paths that run before the flags are overwritten tell what it stands for.
 */
#include "compile.h"

enum {
    MAX_STEP = 512,   /* bytes each time round: more meets a new page too often */
    LOWEST = -2048,   /* last byte of a group, so that limit and step do not pass 2^64 */
    MAX_TERMS = 2,
    MAX_DEPTH = 6,
    FEW_ROUNDS = 16,  /* opening a window costs about as much as this many probes */
};

/* A sum of registers as the block is entered with them, times powers of two; constants left out. */
typedef struct Sum {
    int16_t reg[MAX_TERMS];
    uint8_t shift[MAX_TERMS];
    unsigned n;
} Sum;

static bool is_live(const X64Ctx *cx, int i)
{
    return !(cx->info[i].flags & X64_OP_DEAD);
}

static bool is_self_exit(const X64Ctx *cx, int i)
{
    const TnIrOp *op = &cx->ops[i];

    return is_live(cx, i) && (op->opc == TN_IR_EXIT || op->opc == TN_IR_EXIT_IF) &&
           op->imm == cx->block->key.pc;
}

static bool calls(const TnIrOp *op)
{
    return op->opc == TN_IR_CALL && !(x64_plan.target->helpers[op->aux].flags &
                                      (TN_HELPER_PURE | TN_HELPER_DIVIDES));
}

/* The only exit to the block's start, or -1; also where a helper runs. */
static int find_exit(const X64Ctx *cx)
{
    int found = -1;

    if (cx->block->phys[0] == UINT64_MAX || cx->block->phys[1] != UINT64_MAX ||
        !tn_exit_linkable(cx->block, cx->block->key.pc))
        return -1;
    for (int i = cx->n_ops - 1; i >= 0; i--) {
        if (!is_self_exit(cx, i))
            continue;
        if (found >= 0)
            return -1;
        found = i;
    }
    for (int i = 0; i < found; i++)
        if (is_live(cx, i) && calls(&cx->ops[i]))
            return -1;
    return found;
}

/* ---- How bases move -------------------------------------------------------------------------- */

static bool is_put(const X64Ctx *cx, int i, int reg)
{
    return is_live(cx, i) && cx->ops[i].opc == TN_IR_PUT && cx->ops[i].aux == reg;
}

static bool put_before(const X64Ctx *cx, int end, int reg)
{
    for (int i = 0; i < end; i++)
        if (is_put(cx, i, reg))
            return true;
    return false;
}

static bool add_terms(const X64Ctx *cx, TnTemp t, unsigned shift, unsigned depth, Sum *s)
{
    int def = cx->temps[t].def;
    const TnIrOp *op = &cx->ops[MAX(def, 0)];

    if (t == TN_TEMP_NONE || x64_is_const(cx, t))
        return true;
    if (def < 0 || depth == 0 || op->type != TN_I64)
        return false;
    switch (op->opc) {
    case TN_IR_GET:
        if (s->n == MAX_TERMS || put_before(cx, def, op->aux))
            return false;
        s->reg[s->n] = (int16_t)op->aux;
        s->shift[s->n++] = (uint8_t)shift;
        return true;
    case TN_IR_ADDI:
        return add_terms(cx, op->a, shift, depth - 1, s);
    case TN_IR_ADD:
        return add_terms(cx, op->a, shift, depth - 1, s) &&
               add_terms(cx, op->b, shift, depth - 1, s);
    case TN_IR_LEA:
        return add_terms(cx, op->a, shift, depth - 1, s) &&
               add_terms(cx, op->b, shift + op->aux, depth - 1, s);
    default:
        return false;
    }
}

/* What a register has become more by when the exit at `end` is taken. */
static bool register_step(const X64Ctx *cx, int end, int reg, int64_t *step)
{
    TnTemp t = TN_TEMP_NONE;

    *step = 0;
    for (int i = end - 1; i >= 0 && !t; i--)
        if (is_put(cx, i, reg))
            t = cx->ops[i].type == TN_I64 ? cx->ops[i].a : TN_TEMP_NONE;
        else
            continue;
    if (!t)
        return !put_before(cx, end, reg);
    for (unsigned depth = 0; depth < MAX_DEPTH; depth++) {
        int def = cx->temps[t].def;
        const TnIrOp *op = &cx->ops[MAX(def, 0)];

        if (def < 0 || op->type != TN_I64)
            return false;
        if (op->opc == TN_IR_GET)
            return op->aux == reg && !put_before(cx, def, reg);
        if (op->opc != TN_IR_ADDI && !(op->opc == TN_IR_LEA && op->a && !op->b))
            return false;
        *step += (int64_t)op->imm;
        if (*step > MAX_STEP || *step < -MAX_STEP)
            return false;
        t = op->a;
    }
    return false;
}

static bool moves_up(const X64Ctx *cx, int end, TnTemp base)
{
    Sum s = { .n = 0 };
    int64_t total = 0, step;

    if (!add_terms(cx, base, 0, MAX_DEPTH, &s))
        return false;
    for (unsigned k = 0; k < s.n; k++) {
        if (s.shift[k] > 3 || !register_step(cx, end, s.reg[k], &step))
            return false;
        total += step * (1 << s.shift[k]);
    }
    return total >= 0 && total <= MAX_STEP;
}

/* A loop that ends when what it counts in steps reaches a small constant. */
static bool goes_round_few_times(const X64Ctx *cx, int end)
{
    const TnIrOp *condition, *flags, *count;
    int64_t rounds;

    if (cx->ops[end].opc != TN_IR_EXIT_IF)
        return false;
    condition = &cx->ops[cx->temps[cx->ops[end].a].def];
    if (condition->opc != TN_IR_FLAGCOND)
        return false;
    flags = &cx->ops[cx->temps[condition->a].def];
    if (flags->opc != TN_IR_FLAGS || (flags->aux & 255) != TN_FLAGS_SUB ||
        !x64_is_const(cx, flags->b) || x64_is_const(cx, flags->a))
        return false;
    count = &cx->ops[cx->temps[flags->a].def];
    if (count->opc != TN_IR_ADDI || (int32_t)count->imm == 0)
        return false;
    rounds = (int64_t)cx->temps[flags->b].value / (int32_t)count->imm;
    return rounds > 0 && rounds <= FEW_ROUNDS;
}

static void give_windows(X64Ctx *cx, int end)
{
    if (goes_round_few_times(cx, end))
        return;
    for (unsigned k = 1; k < cx->n_groups && cx->n_windows < TN_TLB_WINDOWS; k++) {
        X64Group *g = &cx->groups[k];

        if (g->first_op < end && g->last >= LOWEST && moves_up(cx, end, cx->ops[g->first_op].a))
            g->window = (uint8_t)++cx->n_windows;
    }
}

/* ---- Flags ----------------------------------------------------------------------------------- */

/* Operations that may have an out-of-line part. */
static bool may_leave(const TnIrOp *op)
{
    return !tn_ir_is(op, TN_IRF_PURE) && op->opc != TN_IR_GET && op->opc != TN_IR_PUT;
}

/* The last operation that may want the flags that the block was entered with, -1 where those could
 * be read in other ways. */
static int last_to_want_flags(const X64Ctx *cx)
{
    int last = 0;

    for (int i = 0; i < cx->n_ops; i++) {
        const TnIrOp *op = &cx->ops[i];

        if (!is_live(cx, i))
            continue;
        if (is_put(cx, i, x64_plan.flags_reg))
            return last;
        if ((op->opc == TN_IR_GET && op->aux == x64_plan.flags_reg) || op->opc >= TN_IR_EXIT)
            return -1;
        if (may_leave(op))
            last = i;
    }
    return -1;
}

static bool stays(const X64Ctx *cx, const X64Src *src)
{
    if (src->kind == X64_SRC_IMM)
        return true;
    return src->kind == X64_SRC_REG && x64_plan.pinned[src->reg] >= 0 &&
           !put_before(cx, cx->flags_until, x64_plan.pinned[src->reg]);
}

void x64_mark_flags(X64Ctx *cx, TnTemp flags)
{
    X64Recipe r;

    if (cx->loop_exit != cx->i || cx->flags_until < 0 || !x64_may_store_later(cx, flags))
        return;
    x64_freeze(cx, flags, &r);
    if (!stays(cx, &r.a) || (r.fop != TN_FLAGS_LOGIC && !stays(cx, &r.b)))
        return;
    x64_store_imm(&cx->e, 0, x64_frame(X64_F_FLAGS_OP), x64_recipe_word(&r) | X64_LAZY_MARK);
    cx->marked = r;
    cx->block->flags_marked = true;
}

/* ---- Code ------------------------------------------------------------------------------------ */

static X64Mem limit(unsigned window)
{
    return x64_env(X64_CPU_OFS(window[window - 1].limit));
}

static X64Mem addend(unsigned window)
{
    return x64_env(X64_CPU_OFS(window[window - 1].addend));
}

void x64_find_loop(X64Ctx *cx)
{
    cx->n_windows = 0;
    cx->flags_until = -1;
    cx->loop_exit = -1;
    /* The exit of a tail to where it begins leads to another block. */
    if (!cx->goes_round || !(x64_opt & TN_OPT_LOOPS) || x64_has_rounds(cx) ||
        cx->block->asked == TN_BLOCK_TAIL)
        return;
    cx->loop_exit = find_exit(cx);
    if (cx->loop_exit < 0)
        return;
    if (!(x64_opt & TN_OPT_ROUNDS) || !tn_block_may_repeat(cx->block))
        give_windows(cx, cx->loop_exit);
    if (!cx->block->flags_dead && x64_plan.flags_reg >= 0)
        cx->flags_until = last_to_want_flags(cx);
}

void x64_enter_loop(X64Ctx *cx)
{
    for (unsigned window = 1; window <= cx->n_windows; window++)
        x64_store_imm(&cx->e, 3, limit(window), 0);
    cx->block->own_entry = (uint32_t)(cx->e.p - cx->e.start);
}

void x64_through_window(X64Ctx *cx, const X64Group *g, X64Refill *r)
{
    X64Emit *e = &cx->e;

    r->window = g->window;
    x64_rm(e, X64_CMP | X64_W, r->addr, limit(g->window));
    r->from = x64_jcc32(e, X64_AE);
    x64_load(e, X64_W, r->index, addend(g->window));
    r->back = e->p;
    *X64_LIST_ADD(cx->refills, X64Refill) = *r;
}

/* The last page of all gets no window: a base would step over its end to 0. A miss of the second
 * probe leaves a window open, which its slow path closes. */
static void emit_refill(X64Ctx *cx, const X64Refill *r)
{
    X64Stub *s = X64_LIST_AT(cx->stubs, X64Stub, r->stub);
    X64Emit *e = &cx->e;
    uint8_t *wraps;

    x64_here32(e, r->from);
    s->from[s->n_from++] = x64_emit_probe(e, r);
    x64_g1_ri(e, X64_G1_ADD, 3, r->tag, TN_PAGE_SIZE);
    wraps = x64_jcc8(e, X64_Z);
    x64_lea(e, X64_W, r->tag, x64_mem(r->tag, -r->last));
    x64_store(e, X64_W, r->index, addend(r->window));
    x64_rm(e, X64_XCHG | X64_W, r->tag, limit(r->window)); /* a fence, too */
    s->from[s->n_from++] = x64_emit_probe(e, r);
    x64_here8(e, wraps);
    x64_target32(x64_jmp32(e), r->back);
}

void x64_emit_refills(X64Ctx *cx)
{
    for (unsigned i = 0; i < cx->refills.len && x64_room(cx); i++) {
        const X64Refill *r = X64_LIST_AT(cx->refills, X64Refill, i);

        if (r->site >= 0)
            x64_emit_site_refill(cx, r);
        else
            emit_refill(cx, r);
    }
}
