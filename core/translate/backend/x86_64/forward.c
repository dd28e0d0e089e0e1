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

static inline X64Temp *define(X64Ctx *cx, int i, const TnIrOp *op, unsigned flags)
{
    X64Temp *t = &cx->temps[op->dst];

    x64_new_temp(t, i, -1, flags);
    return t;
}

static void define_any(X64Ctx *cx, int i, const TnIrOp *op)
{
    static const uint16_t of_type[] = {
        [TN_I8] = X64_T_Z32, [TN_I16] = X64_T_Z32, [TN_I32] = X64_T_Z32,
        [TN_V128] = X64_T_VEC, [TN_V256] = X64_T_VEC | X64_T_WIDE,
    };

    define(cx, i, op, of_type[op->type]);
}

/* Constants are known by their temporaries; there is no operation that makes one. */
static inline void define_const(X64Ctx *cx, X64OpInfo *info, const TnIrOp *op)
{
    uint64_t value = op->imm;

    define(cx, 0, op, X64_T_CONST | (value <= UINT32_MAX ? X64_T_Z32 : 0))->value = value;
    info->flags = X64_OP_DEAD;
}

/* ---- Declared registers ------------------------------------------------------------------ */

static void note_vector(X64Ctx *cx, const TnIrOp *op)
{
    cx->vectors = true;
    if (x64_looks_at_upper(op))
        cx->vec_need = X64_VEC_WHOLE;
}

/* A 256-bit temporary stands for its low half, too. */
static void forward_vector_get(X64Forward *f, int i, const TnIrOp *op)
{
    X64Known *k = &f->known[op->aux];
    TnTemp *known = op->type == TN_V256 ? &k->whole : &k->low;

    define_any(f->cx, i, op);
    if (*known) {
        x64_replace(f, i, *known);
        return;
    }
    note_vector(f->cx, op);
    *known = op->dst;
    if (!k->low)
        k->low = op->dst;
}

static void forward_known_get(X64Forward *f, int i, TnTemp known)
{
    const TnIrOp *op = &f->cx->ops[i];

    if (x64_plan.type[op->aux] == TN_I64)
        x64_make_move(f, i, known);
    else
        x64_replace(f, i, known);
}

static inline void forward_get(X64Forward *f, X64Ctx *cx, int i, const TnIrOp *op)
{
    X64Known *known = &f->known[op->aux];
    uint8_t type = x64_plan.type[op->aux];
    X64Temp *t;

    if (TN_UNLIKELY(op->type >= TN_V128)) {
        forward_vector_get(f, i, op);
        return;
    }
    t = define(cx, i, op, op->type == TN_I32 || type == TN_I32 ? X64_T_Z32 : 0);
    if (known->whole) {
        forward_known_get(f, i, known->whole);
    } else if (op->type >= type) {
        t->held = (int8_t)op->aux;
        known->whole = op->dst;
    } else if (known->low) {
        x64_replace(f, i, known->low);
    } else {
        known->low = op->dst;
    }
}

static void forward_vector_put(X64Forward *f, const TnIrOp *op)
{
    TnTemp whole = op->type == TN_V256 ? op->a : TN_TEMP_NONE;

    note_vector(f->cx, op);
    f->known[op->aux] = (X64Known){ .whole = whole, .low = op->a };
}

static inline void forward_put(X64Forward *f, const X64Ctx *cx, TnIrOp *op)
{
    X64Temp *t = &cx->temps[op->a];
    unsigned reg = op->aux;
    uint8_t type = x64_plan.type[reg];
    bool whole = (op->type == TN_I64 && type == TN_I64) || (t->flags & X64_T_Z32);

    if (TN_UNLIKELY(op->type >= TN_V128)) {
        forward_vector_put(f, op);
        return;
    }
    op->type = whole ? type : TN_I32;
    f->known[reg] = (X64Known){ .whole = whole ? op->a : TN_TEMP_NONE };
    t->held = (int8_t)reg;
}

static void forward_clear_upper(X64Forward *f, const TnIrOp *op)
{
    for (uint64_t r = op->aux; r < op->aux + op->imm; r++)
        f->known[r].whole = TN_TEMP_NONE;
}

static void forward_call(X64Forward *f, int i, const TnIrOp *op)
{
    const TnHelperInfo *h = &x64_plan.target->helpers[op->aux];

    x64_groups_at_call(f->cx, h->flags);
    if (op->dst)
        define(f->cx, i, op, h->ret == TN_ARG_I32 ? X64_T_Z32 : 0);
    if (h->flags & TN_HELPER_WRITES)
        memset(f->known, 0, sizeof(f->known));
}

/* ---- The walk ---------------------------------------------------------------------------- */

static inline void forward_load(X64Forward *f, X64Ctx *cx, int i, X64OpInfo *info, TnIrOp *op)
{
    bool z32 = op->aux & TN_MEM_SIGN ? (op->aux & TN_MEM_DST32) != 0 : op->type <= TN_I32;

    if (TN_UNLIKELY(op->type >= TN_V128)) {
        define_any(cx, i, op);
        note_vector(cx, op);
    } else {
        define(cx, i, op, z32 ? X64_T_Z32 : 0);
    }
    x64_forward_access(f, i, info, op);
    x64_groups_at_access(cx, info);
}

static inline void forward_store(X64Forward *f, X64Ctx *cx, int i, X64OpInfo *info, TnIrOp *op)
{
    if (TN_UNLIKELY(op->type >= TN_V128))
        note_vector(cx, op);
    x64_forward_access(f, i, info, op);
    x64_groups_at_access(cx, info);
}

static inline void forward_flagcond(X64Ctx *cx, int i, TnIrOp *op)
{
    define(cx, i, op, X64_T_Z32 | X64_T_COND);
    if (TN_UNLIKELY(x64_is_const(cx, op->a)) && x64_fold(cx, op))
        cx->temps[op->dst].flags &= (uint16_t)~X64_T_COND;
    else if ((op->aux | 1) == TN_FC_AE)
        x64_forward_carry(cx, op);
}

/* All those that are rare by themselves. */
static void forward_other(X64Forward *f, int i, X64OpInfo *info, TnIrOp *op)
{
    X64Ctx *cx = f->cx;

    if (op->opc == TN_IR_CALL) {
        forward_call(f, i, op);
        x64_groups_at_change(cx, info);
        return;
    }
    if (op->dst)
        define_any(cx, i, op);
    if (tn_ir_is(op, TN_IRF_PURE))
        x64_forward_pure(f, i, op);
    else if (op->opc == TN_IR_CLEAR_UPPER)
        forward_clear_upper(f, op);
    else if (!tn_ir_is(op, TN_IRF_READS))
        x64_groups_at_change(cx, info);
    if (TN_UNLIKELY(op->type >= TN_V128 || op->opc == TN_IR_HOSTV) &&
        !(info->flags & X64_OP_DEAD))
        note_vector(cx, op);
}

/* False where the operation is certain to stay one. */
static inline bool forward_op(X64Forward *f, X64Ctx *cx, int i, X64OpInfo *info, TnIrOp *op)
{
    switch (op->opc) {
    case TN_IR_CONST:
        define_const(cx, info, op);
        return true;
    case TN_IR_GET:
        forward_get(f, cx, i, op);
        return true;
    case TN_IR_PUT:
        forward_put(f, cx, op);
        return false;
    case TN_IR_ADDI:
        define(cx, i, op, 0);
        x64_forward_addi(f, i, op);
        return true;
    case TN_IR_FLAGS:
        define(cx, i, op, 0);
        x64_forward_flags(f, i, op);
        return false;
    case TN_IR_FLAGCOND:
        forward_flagcond(cx, i, op);
        return false;
    case TN_IR_LD:
        forward_load(f, cx, i, info, op);
        return false;
    case TN_IR_ST:
        forward_store(f, cx, i, info, op);
        return false;
    case TN_IR_EXIT_IF:
        x64_groups_at_branch(cx);
        /* fall through */
    case TN_IR_EXIT:
        cx->goes_round |= op->imm == cx->insns[0];
        return false;
    case TN_IR_NOP ... TN_IR_CONST - 1:
    case TN_IR_MOV:
    case TN_IR_PUT + 1 ... TN_IR_ADDI - 1:
    case TN_IR_ADDI + 1 ... TN_IR_FLAGS - 1:
    case TN_IR_ST + 1 ... TN_IR_EXIT - 1:
    case TN_IR_EXIT_IF + 1 ... TN_IR_COUNT - 1:
        forward_other(f, i, info, op);
        return true;
    default:
        __builtin_unreachable();
    }
}

/* What stands for "no operand": a value whose upper half is zero, defined by an operation that is
 * none of those that anybody looks for, and used for ever. */
static void begin(X64Ctx *cx)
{
    cx->ops[0] = (TnIrOp){ .opc = TN_IR_NOP };
    cx->info[0] = (X64OpInfo){ .flags = X64_OP_DEAD };
    cx->insns[0] = cx->block->key.pc;
    x64_new_temp(&cx->temps[0], 0, INT32_MAX, X64_T_Z32);
    cx->temps[0].value = 0;
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

void x64_forwards(X64Ctx *cx, const TnIrOp *ops, int n_ops)
{
    X64Forward f = { .cx = cx, .last_flags = X64_LONG_AGO };
    TnIrOp *op = cx->ops + 1;
    X64OpInfo *info = cx->info + 1;
    uint64_t insn = 0;
    int i = 1;

    begin(cx);
    for (const TnIrOp *from = ops, *end = ops + n_ops; from < end; from++) {
        if (from->opc == TN_IR_INSN) {
            cx->insns[++insn] = from->imm;
            continue;
        }
        *op = *from;
        info->insn_alone = insn;
        if (TN_UNLIKELY(f.replaced))
            map_operands(cx->map, op);
        if (forward_op(&f, cx, i, info, op) && TN_UNLIKELY(info->flags & X64_OP_DEAD))
            continue; /* replaced: the next takes the place */
        op++;
        info++;
        i++;
    }
    cx->n_ops = i;
}
