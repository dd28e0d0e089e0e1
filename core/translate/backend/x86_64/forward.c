/* SPDX-License-Identifier: MIT */
/*
 * The first of two walks over a block, front to back: a GET takes the value that an earlier GET or
 * PUT of the block left, copies and widening of what is wide already vanish, operations on constants
 * are done or take the constant as an immediate, memory accesses find the group that they share a
 * probe with, and each FLAGS is paired with the arithmetic on the same operands whose host flags it
 * can share.
 *
 * Here is what nearly all operations are; the rest is in forward-*.c, out of its way.
 */
#include "forward.h"

#include <string.h>

/* ---- Temporaries ------------------------------------------------------------------------- */

void x64_replace(X64Forward *f, int i, TnTemp by)
{
    X64Ctx *cx = f->cx;

    /* Most blocks do without. */
    if (!f->replaced) {
        for (int t = 0; t < cx->n_temps; t++)
            cx->map[t] = (TnTemp)t;
        f->replaced = true;
    }
    cx->map[cx->ops[i].dst] = by;
    cx->info[i].flags |= X64_OP_DEAD;
}

static inline void define(X64Ctx *cx, int i, const TnIrOp *op, unsigned flags)
{
    X64Temp *t = &cx->temps[op->dst];

    *t = x64_new_temp;
    t->def = i;
    t->flags = (uint16_t)flags;
}

static void define_any(X64Ctx *cx, int i, const TnIrOp *op)
{
    define(cx, i, op,
           !tn_ir_type_is_vector(op->type) ? 0
           : op->type == TN_V256           ? X64_T_VEC | X64_T_WIDE
                                           : X64_T_VEC);
}

static void define_const(X64Ctx *cx, int i, const TnIrOp *op)
{
    define(cx, i, op, X64_T_CONST | (op->imm <= UINT32_MAX ? X64_T_Z32 : 0));
    cx->temps[op->dst].value = op->imm;
}

/* ---- Declared registers ------------------------------------------------------------------ */

static inline bool is_reg64(const TnIrOp *op)
{
    return x64_plan.reg64 >> op->aux & 1;
}

/* A 256-bit temporary stands for its low half, too. */
static void forward_vector_get(X64Forward *f, int i, const TnIrOp *op)
{
    TnTemp *known = op->type == TN_V256 ? &f->cur[op->aux] : &f->low[op->aux];

    if (*known) {
        x64_replace(f, i, *known);
        return;
    }
    *known = op->dst;
    if (!f->low[op->aux])
        f->low[op->aux] = op->dst;
}

static void forward_known_get(X64Forward *f, int i, TnTemp known)
{
    if (is_reg64(&f->cx->ops[i]))
        x64_make_move(f, i, known);
    else
        x64_replace(f, i, known);
}

static inline void forward_get(X64Forward *f, X64Ctx *cx, int i, const TnIrOp *op)
{
    bool reg64 = is_reg64(op);
    TnTemp *cur = &f->cur[op->aux], *low = &f->low[op->aux];

    if (TN_UNLIKELY(op->type >= TN_V128)) {
        define_any(cx, i, op);
        forward_vector_get(f, i, op);
        return;
    }
    define(cx, i, op, reg64 && op->type != TN_I32 ? 0 : X64_T_Z32);
    if (*cur) {
        forward_known_get(f, i, *cur);
    } else if (op->type != TN_I32 || !reg64) {
        cx->temps[op->dst].held = (int8_t)op->aux;
        *cur = op->dst;
    } else if (*low) {
        x64_replace(f, i, *low);
    } else {
        *low = op->dst;
    }
}

static void forward_vector_put(X64Forward *f, const TnIrOp *op)
{
    f->low[op->aux] = op->a;
    f->cur[op->aux] = op->type == TN_V256 ? op->a : TN_TEMP_NONE;
}

/* True for a vector. */
static inline bool forward_put(X64Forward *f, const X64Ctx *cx, TnIrOp *op)
{
    X64Temp *t = &cx->temps[op->a];
    bool whole = op->type == TN_I64;

    if (TN_UNLIKELY(op->type >= TN_V128)) {
        forward_vector_put(f, op);
        return true;
    }
    if (is_reg64(op)) {
        whole |= (t->flags & X64_T_Z32) != 0;
        op->type = whole && op->type == TN_I32 ? TN_I64 : op->type;
    } else {
        whole = t->flags & X64_T_Z32;
        op->type = TN_I32;
    }
    f->low[op->aux] = TN_TEMP_NONE;
    f->cur[op->aux] = whole ? op->a : TN_TEMP_NONE;
    t->held = (int8_t)op->aux;
    return false;
}

static void forward_clear_upper(X64Forward *f, const TnIrOp *op)
{
    for (uint64_t r = op->aux; r < op->aux + op->imm; r++)
        f->cur[r] = TN_TEMP_NONE;
}

static void forward_call(X64Forward *f, TnIrOp *op)
{
    const TnHelperInfo *h = &x64_plan.target->helpers[op->aux];

    x64_groups_at_call(f->cx, h->flags);
    if (op->dst && h->ret == TN_ARG_I32)
        f->cx->temps[op->dst].flags |= X64_T_Z32;
    if (h->flags & TN_HELPER_WRITES) {
        memset(f->cur, 0, sizeof(f->cur));
        memset(f->low, 0, sizeof(f->low));
    }
}

/* ---- The walk ---------------------------------------------------------------------------- */

static inline void forward_load(X64Forward *f, X64Ctx *cx, int i, TnIrOp *op)
{
    bool z32 = op->aux & TN_MEM_SIGN ? (op->aux & TN_MEM_DST32) != 0 : op->type <= TN_I32;

    if (TN_LIKELY(op->type <= TN_I64))
        define(cx, i, op, z32 ? X64_T_Z32 : 0);
    else
        define_any(cx, i, op);
    x64_forward_access(f, i, op);
}

/* All those that are rare by themselves. */
static void forward_other(X64Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;

    if (op->dst)
        define_any(cx, i, op);
    if (op->opc == TN_IR_CALL) {
        forward_call(f, op);
        x64_groups_at_change(cx, i);
    } else if (op->opc == TN_IR_CLEAR_UPPER) {
        forward_clear_upper(f, op);
    } else if (tn_ir_is(op, TN_IRF_PURE)) {
        x64_forward_pure(f, i, op);
    } else {
        if (op->dst && op->type <= TN_I32)
            cx->temps[op->dst].flags |= X64_T_Z32;
        if (!tn_ir_is(op, TN_IRF_READS))
            x64_groups_at_change(cx, i);
    }
}

/* False where the operation is certain to stay one, and not of vectors. */
static inline bool forward_op(X64Forward *f, X64Ctx *cx, int i, TnIrOp *op)
{
    switch (op->opc) {
    case TN_IR_CONST:
        define_const(cx, i, op);
        return false;
    case TN_IR_GET:
        forward_get(f, cx, i, op);
        return true;
    case TN_IR_PUT:
        return forward_put(f, cx, op);
    case TN_IR_ADDI:
        define(cx, i, op, 0);
        x64_forward_addi(f, i, op);
        return true;
    case TN_IR_FLAGS:
        define(cx, i, op, 0);
        x64_forward_flags(f, i, op);
        return false;
    case TN_IR_FLAGCOND:
        define(cx, i, op, X64_T_Z32);
        if (TN_LIKELY(!x64_is_const(cx, op->a)) || !x64_fold(cx, op)) {
            cx->temps[op->dst].flags |= X64_T_COND;
            if ((op->aux | 1) == TN_FC_AE)
                x64_forward_carry(cx, op);
        }
        return false;
    case TN_IR_LD:
        forward_load(f, cx, i, op);
        return op->type >= TN_V128;
    case TN_IR_ST:
        x64_forward_access(f, i, op);
        return op->type >= TN_V128;
    case TN_IR_EXIT_IF:
        x64_groups_at_branch(cx);
        /* fall through */
    case TN_IR_EXIT:
        cx->goes_round |= op->imm == cx->block->key.pc;
        return false;
    default:
        forward_other(f, i, op);
        return true;
    }
}

/* What stands for "no operand": a value whose upper half is zero, defined by an operation that is
 * none of those that anybody looks for. */
static void begin(X64Ctx *cx)
{
    cx->ops[0] = (TnIrOp){ .opc = TN_IR_NOP };
    cx->info[0] = (X64OpInfo){ .flags = X64_OP_DEAD };
    cx->insns[0] = cx->block->key.pc;
    cx->temps[0] = x64_new_temp;
    cx->temps[0].def = 0;
    cx->temps[0].flags = X64_T_Z32;
    cx->goes_round = cx->vectors = false;
    cx->vec_need = X64_VEC_LOW;
}

static void map_operands(const TnTemp *map, TnIrOp *op)
{
    op->a = map[op->a];
    op->b = map[op->b];
    op->c = map[op->c];
    op->d = map[op->d];
}

static void note_vector(X64Ctx *cx, const TnIrOp *op)
{
    cx->vectors = true;
    if (x64_looks_at_upper(op))
        cx->vec_need = X64_VEC_WHOLE;
}

void x64_forwards(X64Ctx *cx, const TnIrOp *ops, int n_ops)
{
    X64Forward f = { .cx = cx, .last_flags = X64_LONG_AGO };
    TnIrOp *op = cx->ops + 1;
    X64OpInfo *info = cx->info + 1;
    uint16_t insn = 0;
    int i = 1;

    begin(cx);
    for (const TnIrOp *from = ops, *end = ops + n_ops; from < end; from++) {
        if (from->opc == TN_IR_INSN) {
            cx->insns[++insn] = from->imm;
            continue;
        }
        *op = *from;
        *info = (X64OpInfo){ .insn = insn };
        if (TN_UNLIKELY(f.replaced))
            map_operands(cx->map, op);
        if (forward_op(&f, cx, i, op)) {
            if (TN_UNLIKELY(info->flags & X64_OP_DEAD)) /* replaced: the next takes the place */
                continue;
            if (TN_UNLIKELY(op->type >= TN_V128 || op->opc == TN_IR_HOSTV))
                note_vector(cx, op);
        }
        op++;
        info++;
        i++;
    }
    cx->n_ops = i;
}
