/* SPDX-License-Identifier: MIT */
/*
 * opt-fold: constants and copies. Operations on constants become constants, copies are looked
 * through, operations with one constant operand take their immediate form, exits on a constant
 * become certain or go.
 */
#include "translate/optimise.h"

#include "translate/ir-semantics.h"

typedef struct Value {
    uint64_t constant;
    TnTemp copy_of;   /* the original, or itself */
    uint8_t type;     /* of the operation that made it */
    bool is_constant;
    bool high_clear;  /* bits 63..32 are zero */
} Value;

typedef struct Fold {
    TnOptimiser *o;
    Value *values;
} Fold;

static void make_constant(TnIrOp *op, uint64_t value)
{
    *op = (TnIrOp){ .opc = TN_IR_CONST, .type = op->type, .dst = op->dst, .imm = value };
}

static void make_move(TnIrOp *op, TnTemp from)
{
    *op = (TnIrOp){ .opc = TN_IR_MOV, .type = op->type, .dst = op->dst, .a = from };
}

static bool constant_of(const Fold *f, TnTemp t, uint64_t *value)
{
    if (t == TN_TEMP_NONE || !f->values[t].is_constant)
        return false;
    *value = f->values[t].constant;
    return true;
}

static void fold_all_constant(const Fold *f, TnIrOp *op)
{
    uint64_t v[3] = { 0 }, result;
    const TnTemp args[3] = { op->a, op->b, op->c };

    if (!tn_ir_is(op, TN_IRF_PURE) || op->opc == TN_IR_CONST || op->opc == TN_IR_ENVPTR)
        return;
    for (unsigned i = 0; i < 3; i++) {
        if (args[i] && !constant_of(f, args[i], &v[i]))
            return;
    }
    if (tn_ir_eval(op, v[0], v[1], v[2], &result))
        make_constant(op, result);
}

static void fold_immediate(const Fold *f, TnIrOp *op)
{
    uint64_t value;

    if (tn_ir_is_commutative(op->opc) && constant_of(f, op->a, &value)) {
        TnTemp t = op->a;
        op->a = op->b;
        op->b = t;
    }
    if (constant_of(f, op->b, &value))
        tn_ir_make_immediate(op, value);
}

/* x + 0, x | 0, shifts by 0: a move. */
static void fold_identity(TnIrOp *op)
{
    if (tn_ir_is_identity(op))
        make_move(op, op->a);
}

static void fold_choice(Fold *f, TnIrOp *op, unsigned index)
{
    uint64_t condition;

    if (op->opc != TN_IR_SELECT && op->opc != TN_IR_EXIT_IF)
        return;
    if (!constant_of(f, op->a, &condition))
        return;
    if (op->opc == TN_IR_SELECT) {
        make_move(op, condition ? op->b : op->c);
    } else if (condition) {
        *op = (TnIrOp){ .opc = TN_IR_EXIT, .type = TN_I64, .imm = op->imm };
        f->o->n_ops = index + 1;
    } else {
        tn_opt_drop(op);
    }
}

static bool clears_high(const Fold *f, const TnIrOp *op)
{
    switch (op->opc) {
    case TN_IR_LD:
        return op->type < TN_I64 && (!(op->aux & TN_MEM_SIGN) || (op->aux & TN_MEM_DST32));
    case TN_IR_LDENV:
        return op->type < TN_I64;
    case TN_IR_GET:
        return op->type == TN_I32 || f->o->target->regs[op->aux].type == TN_I32;
    case TN_IR_CALL:
        return f->o->target->helpers[op->aux].ret == TN_ARG_I32;
    case TN_IR_CONST:
        return op->imm >> 32 == 0;
    default:
        return tn_ir_is(op, TN_IRF_PURE) && op->type == TN_I32;
    }
}

static void learn(Fold *f, const TnIrOp *op)
{
    Value *v = &f->values[op->dst];
    const Value *from = &f->values[op->a];

    *v = (Value){ .copy_of = op->dst, .type = op->type, .high_clear = clears_high(f, op) };
    if (op->opc == TN_IR_CONST) {
        v->is_constant = true;
        v->constant = op->imm;
    } else if (op->opc == TN_IR_MOV) {
        bool same = op->type == TN_I64 || (op->type == TN_I32 && from->high_clear) ||
                    (op->type >= TN_V128 && op->type == from->type);
        if (same) {
            v->copy_of = op->a;
            v->high_clear = from->high_clear;
            v->type = from->type;
        }
    }
}

void tn_opt_fold(TnOptimiser *o)
{
    g_autofree Value *values = g_new0(Value, o->n_temps);
    Fold f = { .o = o, .values = values };

    for (unsigned i = 0; i < o->n_ops; i++) {
        TnIrOp *op = &o->ops[i];
        TnTemp *args[4];
        unsigned n = tn_ir_args(op, args);
        for (unsigned j = 0; j < n; j++)
            *args[j] = f.values[*args[j]].copy_of;
        fold_all_constant(&f, op);
        fold_immediate(&f, op);
        fold_identity(op);
        fold_choice(&f, op, i);
        if (op->dst)
            learn(&f, op);
    }
}
