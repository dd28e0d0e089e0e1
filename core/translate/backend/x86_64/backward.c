/* SPDX-License-Identifier: MIT */
/*
 * The second of two walks over a block, back to front: last uses; operations and PUTs that nobody
 * sees are dropped; results that a PUT moves to a pinned register with no observer in between may be
 * computed there (`want`). FLAGS and conditions are not computed where they are defined but where
 * they are used, so what they need lives until then.
 */
#include "backward.h"

#include <string.h>

static bool observes(const TnIrOp *op)
{
    if (op->opc == TN_IR_CALL)
        return x64_plan.target->helpers[op->aux].flags &
               (TN_HELPER_FAULTS | TN_HELPER_READS | TN_HELPER_WRITES | TN_HELPER_NORETURN);
    return tn_ir_shows_state(op);
}

static bool has_effect(const TnIrOp *op)
{
    switch (op->opc) {
    case TN_IR_GET:
    case TN_IR_LDENV:
    case TN_IR_LDCODE:
        return false;
    case TN_IR_CALL:
        return !(x64_plan.target->helpers[op->aux].flags & TN_HELPER_PURE);
    case TN_IR_HOSTV:
        return tn_host_form_unpack(op->imm).flags & TN_HF_FP;
    default:
        return !tn_ir_is(op, TN_IRF_PURE);
    }
}

/* A PUT of a vector's low half may leave the upper one. */
static bool puts_whole(const TnIrOp *op)
{
    return op->type != TN_V128 || (op->imm & TN_PUT_CLEAR_UPPER);
}

static bool is_overwritten(X64Backward *w, const TnIrOp *op)
{
    uint64_t bit = UINT64_C(1) << op->aux;
    bool whole = puts_whole(op);

    if ((whole ? w->overwritten : w->low) & bit)
        return true;
    w->low |= bit;
    w->overwritten |= whole ? bit : 0;
    return false;
}

static bool backward_vector_put(X64Backward *w, int i, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    int pin = x64_plan.vpin[op->aux];

    if (is_overwritten(w, op))
        return false;
    x64_use(cx, op->a, i, X64_T_VALUE | X64_T_WHOLE);
    if (pin != X64_NONE && (x64_opt & TN_OPT_IN_PLACE) && x64_vec_in_place(cx, op)) {
        cx->temps[op->a].want = (int8_t)pin;
        w->vhint[pin] = op->a;
    }
    return true;
}

/* A result that a PUT moves to its register may be computed there. */
static inline void want(X64Backward *w, TnTemp t, X64Temp *v, int pin)
{
    if (pin == X64_NONE || (v->flags & X64_T_CONST) || !(x64_opt & TN_OPT_IN_PLACE))
        return;
    v->want = (int8_t)pin;
    w->hint[pin] = t;
}

static void backward_put_flags(X64Backward *w, int i, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    uint16_t kind = cx->temps[op->a].flags;

    x64_use(cx, op->a, MAX(i, w->flags_needed), kind & X64_T_FLAGS ? 0 : X64_T_VALUE | X64_T_WHOLE);
    w->flags_needed = -1;
    cx->flags_dead = true;
}

/* False where nobody sees it. */
static inline bool backward_put(X64Backward *w, int i, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    X64Temp *t = &cx->temps[op->a];
    uint64_t bit = UINT64_C(1) << op->aux;

    if (TN_UNLIKELY(op->type >= TN_V128))
        return backward_vector_put(w, i, op);
    if (w->overwritten & bit)
        return false;
    w->overwritten |= bit;
    w->low |= bit;
    if (op->aux == x64_plan.flags_reg) {
        backward_put_flags(w, i, op);
        return true;
    }
    x64_use(cx, op->a, i, X64_T_VALUE | X64_T_WHOLE);
    x64_note_flag_operands(cx, i, t->flags);
    if (op->type == TN_I64)
        want(w, op->a, t, x64_plan.pin[op->aux]);
    return true;
}

void x64_settle_want(X64Backward *w, TnTemp t, X64Temp *v)
{
    TnTemp *hint = v->flags & X64_T_VEC ? &w->vhint[v->want] : &w->hint[v->want];

    if (*hint == t)
        *hint = TN_TEMP_NONE;
    else
        v->want = X64_NONE;
}

/* A low half whose upper bits nobody looks at is the register as it is. False where nobody does at
 * all. */
static inline bool backward_get(X64Backward *w, TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    X64Temp *t = &cx->temps[op->dst];
    uint64_t bit = UINT64_C(1) << op->aux;

    if (t->last < 0)
        return false;
    x64_backward_dst(w, op->dst);
    if (op->type == TN_I32 && (x64_plan.reg64 & bit) && !(t->flags & X64_T_WHOLE)) {
        op->type = TN_I64;
        t->flags &= (uint16_t)~X64_T_Z32;
    }
    w->overwritten &= ~bit;
    w->low &= ~bit;
    if (op->aux == x64_plan.flags_reg) {
        cx->reads_flags = true;
        cx->flags_dead = false;
    }
    if (x64_plan.pin[op->aux] != X64_NONE)
        w->hint[x64_plan.pin[op->aux]] = TN_TEMP_NONE;
    else if (x64_plan.vpin[op->aux] != X64_NONE)
        w->vhint[x64_plan.vpin[op->aux]] = TN_TEMP_NONE;
    return true;
}

/* ---- Uses -------------------------------------------------------------------------------- */

static void backward_observer(X64Backward *w, int i)
{
    w->overwritten = w->low = 0;
    memset(w->hint, 0, sizeof(w->hint));
    memset(w->vhint, 0, sizeof(w->vhint));
    if (w->flags_needed < 0)
        w->flags_needed = i;
    w->cx->flags_dead = false;
}

/* Operations from ADD to EXTRACT. */
static inline bool backward_integer(X64Backward *w, int i, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    uint16_t how = x64_reads_low_half(op) ? X64_T_VALUE : X64_T_VALUE | X64_T_WHOLE;

    if (cx->temps[op->dst].last < 0)
        return false;
    x64_backward_dst(w, op->dst);
    x64_note_flag_operands(cx, i, cx->temps[op->a].flags | cx->temps[op->b].flags);
    x64_use(cx, op->a, i, how);
    if (op->b)
        x64_use(cx, op->b, i, how);
    return true;
}

/* 0 or 1 that nobody needs in a register is made where it is used. */
static inline int backward_condition(X64Backward *w, int i, const TnIrOp *op)
{
    X64Temp *t = &w->cx->temps[op->dst];

    x64_backward_dst(w, op->dst);
    if (!(t->flags & X64_T_COND) || (t->flags & X64_T_VALUE))
        return i;
    t->flags |= X64_T_VIRTUAL;
    return t->last;
}

static inline bool backward_flagcond(X64Backward *w, int i, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;

    if (cx->temps[op->dst].last < 0)
        return false;
    x64_use(cx, op->a, backward_condition(w, i, op),
        cx->temps[op->a].flags & X64_T_FLAGS ? X64_T_WHOLE : X64_T_VALUE | X64_T_WHOLE);
    x64_note_silent(cx, i, op);
    return true;
}

static inline void backward_access(X64Backward *w, int i, TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    bool store = op->opc == TN_IR_ST;

    if (store && (cx->ops[cx->temps[op->b].def].opc == TN_IR_HOSTV))
        x64_fold_scalar_store(cx, i, op);
    if (!(cx->info[i].flags & X64_OP_HOISTED))
        backward_observer(w, i);
    x64_note_flag_operands(cx, i, cx->temps[op->a].flags | cx->temps[op->b].flags);
    x64_use(cx, op->a, i, X64_T_VALUE | X64_T_WHOLE);
    if (store)
        x64_use(cx, op->b, i, op->type <= TN_I32 ? X64_T_VALUE : X64_T_VALUE | X64_T_WHOLE);
}

/* What decides over an exit or a choice may be a condition that is not computed. */
static inline uint16_t as_condition(const X64Ctx *cx, TnTemp t)
{
    return cx->temps[t].flags & X64_T_COND ? X64_T_WHOLE : X64_T_VALUE | X64_T_WHOLE;
}

static inline void backward_exit_if(X64Backward *w, int i, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;

    backward_observer(w, i);
    x64_note_flag_operands(cx, i, cx->temps[op->a].flags);
    x64_use(cx, op->a, i, as_condition(cx, op->a));
}

static void backward_uses(X64Ctx *cx, int i, int at, TnIrOp *op)
{
    TnTemp *args[4];
    unsigned n = tn_ir_args(op, args), low = x64_reads_low_half(op);
    uint16_t flags = 0;

    for (unsigned k = x64_tests_sign(cx, op) ? 1 : 0; k < n; k++) {
        TnTemp t = *args[k];
        uint16_t how = k < low ? X64_T_VALUE : X64_T_VALUE | X64_T_WHOLE;

        flags |= cx->temps[t].flags;
        x64_use(cx, t, at, k == 0 && op->opc == TN_IR_SELECT ? as_condition(cx, t) : how);
    }
    x64_note_flag_operands(cx, i, flags);
}

/* All that is rare by itself. */
static bool backward_other(X64Backward *w, int i, TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    int at = i;

    if (op->dst) {
        if (cx->temps[op->dst].last < 0 && !has_effect(op))
            return false;
        if (op->opc == TN_IR_HOSTV && op->b && x64_fold_scalar_load(cx, i, op))
            return true;
        at = backward_condition(w, i, op);
    }
    if (observes(op))
        backward_observer(w, i);
    if (op->opc == TN_IR_CLEAR_UPPER)
        memset(w->vhint, 0, sizeof(w->vhint));
    backward_uses(cx, i, at, op);
    return true;
}

/* False where the operation is for nobody. */
static inline bool backward_op(X64Backward *w, int i, TnIrOp *op)
{
    switch (op->opc) {
    case TN_IR_PUT:
        return backward_put(w, i, op);
    case TN_IR_GET:
        return backward_get(w, op);
    case TN_IR_CONST:
        w->cx->info[i].flags |= X64_OP_SILENT;
        return w->cx->temps[op->dst].last >= 0;
    case TN_IR_ADD ... TN_IR_EXTRACT:
        return backward_integer(w, i, op);
    case TN_IR_FLAGS:
        return x64_backward_flags(w, i, op);
    case TN_IR_FLAGCOND:
        return backward_flagcond(w, i, op);
    case TN_IR_LD:
        x64_backward_dst(w, op->dst);
        backward_access(w, i, op);
        return true;
    case TN_IR_ST:
        backward_access(w, i, op);
        return true;
    case TN_IR_EXIT_IF:
        backward_exit_if(w, i, op);
        return true;
    case TN_IR_EXIT:
        backward_observer(w, i);
        return true;
    default:
        return backward_other(w, i, op);
    }
}

void x64_backwards(X64Ctx *cx)
{
    X64Backward w = { .cx = cx, .flags_needed = -1 };

    cx->reads_flags = cx->flags_dead = false;
    for (int i = cx->n_ops - 1; i > 0; i--)
        if (!backward_op(&w, i, &cx->ops[i]))
            cx->info[i].flags |= X64_OP_DEAD;
}
