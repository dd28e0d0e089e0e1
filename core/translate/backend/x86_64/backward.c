/* SPDX-License-Identifier: MIT */
/*
 * The second of two walks over a block, back to front: last uses; operations and PUTs that nobody
 * sees are dropped; results that a PUT moves to a pinned register with no observer in between may be
 * computed there (`want`). FLAGS and conditions are not computed where they are defined but where
 * they are used, so what they need lives until then.
 */
#include "backward.h"

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

static inline void give_hint(X64Backward *w, unsigned place, TnTemp t)
{
    w->hint[place] = t;
    w->hinted |= 1u << place;
}

static bool backward_vector_put(X64Backward *w, int i, X64OpInfo *info, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    int pin = x64_plan.vpin[op->aux];

    if (is_overwritten(w, op))
        return false;
    w->ahead += X64_GUESS_SMALL;
    x64_use(cx, op->a, i, X64_T_VALUE | X64_T_WHOLE);
    if (pin != X64_NONE && (x64_opt & TN_OPT_IN_PLACE) && x64_vec_in_place(cx, op)) {
        cx->temps[op->a].want = (int8_t)pin;
        give_hint(w, X64_FIRST_XMM + (unsigned)pin, op->a);
    }
    return true;
}

static inline void backward_put_flags(X64Backward *w, int i, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    uint16_t kind = cx->temps[op->a].flags;

    x64_use(cx, op->a, MAX(i, w->flags_needed),
            kind & X64_T_FLAGS ? 0 : X64_T_VALUE | X64_T_WHOLE);
    w->flags_needed = -1;
    w->flags_read = false;
}

/* False where nobody sees it. A result that is moved to its register may be computed there. */
static inline bool backward_put(X64Backward *w, int i, X64OpInfo *info, const TnIrOp *op)
{
    unsigned reg = op->aux, flags;

    if (TN_UNLIKELY(op->type >= TN_V128))
        return backward_vector_put(w, i, info, op);
    if (w->overwritten >> reg & 1)
        return false;
    w->overwritten |= UINT64_C(1) << reg;
    w->ahead += X64_GUESS_SMALL;
    if ((int)reg == x64_plan.flags_reg) {
        backward_put_flags(w, i, op);
        return true;
    }
    flags = x64_use(w->cx, op->a, i, X64_T_VALUE | X64_T_WHOLE);
    if (flags & (X64_T_FLAGS | X64_T_CONST)) {
        x64_note_flag_operands(info, flags);
        if (flags & X64_T_CONST)
            return true;
    }
    if ((w->in_place >> reg & 1) && op->type == TN_I64) {
        w->cx->temps[op->a].want = x64_plan.pin[reg];
        give_hint(w, (unsigned)x64_plan.pin[reg], op->a);
    }
    return true;
}

void x64_settle_want(X64Backward *w, TnTemp t, X64Temp *v)
{
    unsigned place = (unsigned)v->want + (v->flags & X64_T_VEC ? X64_FIRST_XMM : 0);

    if ((w->hinted >> place & 1) && w->hint[place] == t)
        w->hinted &= ~(1u << place);
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
    if (op->type == TN_I32 && x64_plan.type[op->aux] == TN_I64 && !(t->flags & X64_T_WHOLE)) {
        op->type = TN_I64;
        t->flags &= (uint16_t)~X64_T_Z32;
    }
    w->overwritten &= ~bit;
    w->low &= ~bit;
    w->hinted &= ~x64_plan.place[op->aux];
    if (op->aux == x64_plan.flags_reg)
        cx->reads_flags = w->flags_read = true;
    return true;
}

/* ---- Uses -------------------------------------------------------------------------------- */

static inline void backward_observer(X64Backward *w, int i)
{
    w->overwritten = w->low = 0;
    w->hinted = 0;
    if (w->flags_needed < 0)
        w->flags_needed = i;
}

/* Operations from ADD to EXTRACT. */
static inline bool backward_integer(X64Backward *w, int i, X64OpInfo *info, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    unsigned how = x64_reads_low_half(op) ? X64_T_VALUE : X64_T_VALUE | X64_T_WHOLE, flags;

    if (cx->temps[op->dst].last < 0)
        return false;
    w->ahead += X64_GUESS_ALU;
    x64_backward_dst(w, op->dst);
    flags = x64_use(cx, op->a, i, how);
    if (op->b)
        flags |= x64_use(cx, op->b, i, how);
    x64_note_flag_operands(info, flags);
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

static inline bool backward_flagcond(X64Backward *w, int i, X64OpInfo *info, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;

    if (cx->temps[op->dst].last < 0)
        return false;
    x64_use(cx, op->a, backward_condition(w, i, op),
            cx->temps[op->a].flags & X64_T_FLAGS ? X64_T_WHOLE : X64_T_VALUE | X64_T_WHOLE);
    x64_note_silent(info, &cx->temps[op->dst]);
    return true;
}

/* What a LD and a ST have in common. */
static inline void backward_access(X64Backward *w, int i, X64OpInfo *info, const TnIrOp *op)
{
    x64_guess_access(w, i, info);
    if (TN_LIKELY(!(info->flags & X64_OP_HOISTED)))
        backward_observer(w, i);
    x64_note_flag_operands(info, x64_use(w->cx, op->a, i, X64_T_VALUE | X64_T_WHOLE));
}

static inline void backward_load(X64Backward *w, int i, X64OpInfo *info, const TnIrOp *op)
{
    X64Temp *t = &w->cx->temps[op->dst];

    if (TN_UNLIKELY(t->last < 0))
        t->last = i;
    x64_backward_dst(w, op->dst);
    backward_access(w, i, info, op);
}

static inline void backward_store(X64Backward *w, int i, X64OpInfo *info, TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    unsigned how = op->type <= TN_I32 ? X64_T_VALUE : X64_T_VALUE | X64_T_WHOLE;

    if (TN_UNLIKELY(cx->ops[cx->temps[op->b].def].opc == TN_IR_HOSTV))
        x64_fold_scalar_store(cx, i, op);
    backward_access(w, i, info, op);
    x64_note_flag_operands(info, x64_use(cx, op->b, i, how));
}

/* What decides over an exit or a choice may be a condition that is not computed. */
static inline uint16_t as_condition(const X64Ctx *cx, TnTemp t)
{
    return cx->temps[t].flags & X64_T_COND ? X64_T_WHOLE : X64_T_VALUE | X64_T_WHOLE;
}

static inline void backward_exit_if(X64Backward *w, int i, X64OpInfo *info, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;

    w->ahead += X64_GUESS_SIDE_EXIT;
    backward_observer(w, i);
    x64_note_flag_operands(info, x64_use(cx, op->a, i, as_condition(cx, op->a)));
}

static void backward_uses(X64Ctx *cx, X64OpInfo *info, int at, TnIrOp *op)
{
    TnTemp *args[4];
    unsigned n = tn_ir_args(op, args), low = x64_reads_low_half(op);
    unsigned flags = 0;

    for (unsigned k = x64_tests_sign(cx, op) ? 1 : 0; k < n; k++) {
        TnTemp t = *args[k];
        uint16_t how = k < low ? X64_T_VALUE : X64_T_VALUE | X64_T_WHOLE;

        if (k == 0 && op->opc == TN_IR_SELECT)
            how = as_condition(cx, t);
        flags |= x64_use(cx, t, at, how);
    }
    x64_note_flag_operands(info, flags);
}

/* All that is rare by itself. */
static __attribute__((noinline)) bool backward_other(X64Backward *w, int i, X64OpInfo *info,
                                                     TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    int at = i;

    if (op->dst) {
        if (cx->temps[op->dst].last < 0 && !has_effect(op))
            return false;
        if (op->opc == TN_IR_HOSTV && op->b && x64_fold_scalar_load(cx, i, op))
            return true;
        if (cx->temps[op->dst].last < 0)
            cx->temps[op->dst].last = i;
        at = backward_condition(w, i, op);
    }
    if (observes(op))
        backward_observer(w, i);
    if (op->opc == TN_IR_CLEAR_UPPER)
        w->hinted &= (1u << X64_FIRST_XMM) - 1;
    x64_guess_here(w, info);
    w->ahead += x64_guess_size(op->opc);
    backward_uses(cx, info, at, op);
    return true;
}

/* False where the operation is for nobody. */
static inline bool backward_op(X64Backward *w, int i, X64OpInfo *info, TnIrOp *op)
{
    switch (op->opc) {
    case TN_IR_PUT:
        return backward_put(w, i, info, op);
    case TN_IR_GET:
        return backward_get(w, op);
    case TN_IR_CONST:
        info->flags |= X64_OP_SILENT;
        return w->cx->temps[op->dst].last >= 0;
    case TN_IR_ADD ... TN_IR_EXTRACT:
        return backward_integer(w, i, info, op);
    case TN_IR_FLAGS:
        return x64_backward_flags(w, i, info, op);
    case TN_IR_FLAGCOND:
        return backward_flagcond(w, i, info, op);
    case TN_IR_LD:
        backward_load(w, i, info, op);
        return true;
    case TN_IR_ST:
        backward_store(w, i, info, op);
        return true;
    case TN_IR_EXIT_IF:
        backward_exit_if(w, i, info, op);
        return true;
    case TN_IR_EXIT:
        w->ahead += X64_GUESS_EXIT;
        backward_observer(w, i);
        return true;
    case TN_IR_NOP ... TN_IR_CONST - 1:
    case TN_IR_MOV:
    case TN_IR_PUT + 1 ... TN_IR_ADD - 1:
    case TN_IR_EXTRACT + 1 ... TN_IR_FLAGS - 1:
    case TN_IR_ST + 1 ... TN_IR_EXIT - 1:
    case TN_IR_EXIT_IF + 1 ... TN_IR_COUNT - 1:
        return backward_other(w, i, info, op);
    default:
        __builtin_unreachable();
    }
}

void x64_backwards(X64Ctx *cx)
{
    X64Backward w;
    X64OpInfo *info = cx->info + cx->n_ops;
    TnIrOp *op = cx->ops + cx->n_ops;

    w.cx = cx;
    w.overwritten = w.low = 0;
    w.in_place = x64_opt & TN_OPT_IN_PLACE ? x64_plan.pinnable : 0;
    w.hinted = 0;
    w.flags_needed = -1;
    w.flags_read = true;
    w.ahead = x64_guess_end(cx);
    cx->reads_flags = false;
    for (int i = cx->n_ops - 1; i > 0; i--)
        if (!backward_op(&w, i, --info, --op))
            info->flags |= X64_OP_DEAD;
    cx->flags_dead = w.flags_needed < 0 && !w.flags_read;
}
