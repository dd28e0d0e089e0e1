/* SPDX-License-Identifier: MIT */
/*
 * The passes over a block's IR. Each rewrites operations in place; a dropped one becomes NOP. As a
 * block is a straight line with every temporary assigned once, one walk each is enough.
 */
#ifndef TN_TRANSLATE_OPTIMISE_H
#define TN_TRANSLATE_OPTIMISE_H

#include "translate/ir-info.h"

typedef struct TnOptimiser {
    const TnTargetInfo *target;
    TnIrOp *ops;
    unsigned n_ops, n_temps;
} TnOptimiser;

void tn_opt_forward(TnOptimiser *o);
void tn_opt_fold(TnOptimiser *o);
void tn_opt_dead_put(TnOptimiser *o);
void tn_opt_dead(TnOptimiser *o);

static inline void tn_opt_drop(TnIrOp *op)
{
    *op = (TnIrOp){ .opc = TN_IR_NOP, .type = TN_I64 };
}

static inline uint32_t tn_opt_helper_flags(const TnOptimiser *o, const TnIrOp *op)
{
    return o->target->helpers[op->aux].flags;
}

#endif
