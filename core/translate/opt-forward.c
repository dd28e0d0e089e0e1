/* SPDX-License-Identifier: MIT */
/* opt-forward: a GET of a register whose value is in a temporary becomes a MOV of that one. */
#include "translate/optimise.h"

#include <string.h>

enum { MAX_REGS = 64 };

/* What is known of a register: it holds the low `type` bits of temp, zero-extended; 0: nothing. */
typedef struct Known {
    TnTemp temp;
    uint8_t type;
} Known;

static void forward_get(TnIrOp *op, Known *known, const TnRegInfo *reg)
{
    /* A narrow GET of a wide register says nothing of the upper half. */
    bool narrow = op->type < reg->type;

    if (known->temp && (op->type <= known->type || !tn_ir_type_is_vector(op->type))) {
        uint8_t type = MIN(op->type, known->type);
        *op = (TnIrOp){ .opc = TN_IR_MOV, .type = type, .dst = op->dst, .a = known->temp };
    } else if (!narrow) {
        *known = (Known){ op->dst, op->type };
    }
}

/* What is left is known of the low halves only. */
static void clear_upper(const TnIrOp *op, Known *known)
{
    for (uint64_t r = op->aux; r < op->aux + op->imm; r++)
        known[r].type = MIN(known[r].type, TN_V128);
}

void tn_opt_forward(TnOptimiser *o)
{
    Known known[MAX_REGS] = { 0 };

    if (o->target->n_regs > MAX_REGS)
        return;
    for (unsigned i = 0; i < o->n_ops; i++) {
        TnIrOp *op = &o->ops[i];
        if (op->opc == TN_IR_PUT)
            known[op->aux] = (Known){ op->a, op->type };
        else if (op->opc == TN_IR_GET)
            forward_get(op, &known[op->aux], &o->target->regs[op->aux]);
        else if (op->opc == TN_IR_CLEAR_UPPER)
            clear_upper(op, known);
        else if (op->opc == TN_IR_CALL && (tn_opt_helper_flags(o, op) & TN_HELPER_WRITES))
            memset(known, 0, sizeof(known));
    }
}
