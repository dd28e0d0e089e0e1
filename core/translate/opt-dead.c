/* SPDX-License-Identifier: MIT */
/*
 * opt-dead-put: register writes that are overwritten before anything can see them.
 * opt-dead: operations without effect whose result nobody reads.
 */
#include "translate/optimise.h"

enum { MAX_REGS = 64 };

/* The registers that an operation may show to somebody (a fault, an exit, a helper). */
static uint64_t seen_by(const TnOptimiser *o, const TnIrOp *op)
{
    if (op->opc == TN_IR_GET)
        return UINT64_C(1) << op->aux;
    if (op->opc == TN_IR_CALL)
        return tn_opt_helper_flags(o, op) & (TN_HELPER_FAULTS | TN_HELPER_READS |
                                             TN_HELPER_NORETURN)
                   ? UINT64_MAX
                   : 0;
    return tn_ir_shows_state(op) ? UINT64_MAX : 0;
}

/* A PUT of a low half leaves the upper one. */
static bool writes_whole(const TnIrOp *op)
{
    return op->type != TN_V128 || (op->imm & TN_PUT_CLEAR_UPPER);
}

void tn_opt_dead_put(TnOptimiser *o)
{
    uint64_t overwritten = 0; /* registers written later, unseen until then */
    uint64_t low = 0;         /* those and the ones whose low half is */

    if (o->target->n_regs > MAX_REGS)
        return;
    for (unsigned i = o->n_ops; i-- > 0;) {
        TnIrOp *op = &o->ops[i];
        if (op->opc != TN_IR_PUT) {
            overwritten &= ~seen_by(o, op);
            low &= ~seen_by(o, op);
            continue;
        }
        uint64_t bit = UINT64_C(1) << op->aux;
        bool whole = writes_whole(op);
        if ((whole ? overwritten : low) & bit)
            tn_opt_drop(op);
        overwritten |= whole ? bit : 0;
        low |= bit;
    }
}

static bool has_effect(const TnOptimiser *o, const TnIrOp *op)
{
    if (op->opc == TN_IR_CALL)
        return !(tn_opt_helper_flags(o, op) & TN_HELPER_PURE);
    if (op->opc == TN_IR_HOSTV)
        return (tn_host_form_unpack(op->imm).flags & TN_HF_FP) != 0;
    return !tn_ir_is(op, TN_IRF_PURE | TN_IRF_READS);
}

void tn_opt_dead(TnOptimiser *o)
{
    g_autofree bool *read = g_new0(bool, o->n_temps);

    for (unsigned i = o->n_ops; i-- > 0;) {
        TnIrOp *op = &o->ops[i];
        if (op->opc != TN_IR_NOP && !read[op->dst] && !has_effect(o, op)) {
            tn_opt_drop(op);
            continue;
        }
        TnTemp *args[4];
        unsigned n = tn_ir_args(op, args);
        for (unsigned j = 0; j < n; j++)
            read[*args[j]] = true;
    }
}
