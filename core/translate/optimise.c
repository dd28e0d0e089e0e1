/* SPDX-License-Identifier: MIT */
/* The optimiser's passes in their order. */
#include "translate/optimise.h"

#include "translate/translator.h"

static unsigned compact(TnIrOp *ops, unsigned n_ops)
{
    unsigned n = 0;
    for (unsigned i = 0; i < n_ops; i++) {
        if (ops[i].opc != TN_IR_NOP)
            ops[n++] = ops[i];
    }
    return n;
}

unsigned tn_ir_optimise(const TnTargetInfo *target, TnIrOp *ops, unsigned n_ops, unsigned n_temps,
                        uint32_t opt)
{
    TnOptimiser o = { .target = target, .ops = ops, .n_ops = n_ops, .n_temps = n_temps };
    if (opt & TN_OPT_FORWARD)
        tn_opt_forward(&o);
    if (opt & TN_OPT_FOLD)
        tn_opt_fold(&o);
    if (opt & TN_OPT_DEAD_PUT)
        tn_opt_dead_put(&o);
    if (opt & TN_OPT_DEAD)
        tn_opt_dead(&o);
    return compact(ops, o.n_ops);
}
