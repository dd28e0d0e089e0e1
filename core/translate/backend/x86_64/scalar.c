/* SPDX-License-Identifier: MIT */
/*
 * Scalar loads to vector registers and stores from them, which front ends write as an access and a
 * MOVD or MOVQ: on the second walk the two become one.
 */
#include "compile.h"

enum { MOVD_LOAD = 0x6e, MOVD_STORE = 0x7e };

/* MOVD or MOVQ, by type, between a general and a vector register. */
static bool is_movd(const TnIrOp *op, unsigned opcode, unsigned type)
{
    TnHostForm f = tn_host_form_unpack(op->imm);

    return op->opc == TN_IR_HOSTV && f.opcode == opcode && f.map == 1 && f.pp == 1 &&
           (type == TN_I64) == !!(f.flags & TN_HF_W) && (type == TN_I64 || type == TN_I32);
}

/* A load that only feeds the MOVD behind it goes to the vector register. */
bool x64_fold_scalar_load(X64Ctx *cx, int i, TnIrOp *op)
{
    TnIrOp *load = &cx->ops[cx->temps[op->b].def];
    int at = i - 1;

    while (at >= 0 && (cx->info[at].flags & X64_OP_DEAD))
        at--;
    if (at < 0 || load != &cx->ops[at] || load->opc != TN_IR_LD ||
        !is_movd(op, MOVD_LOAD, load->type) || (load->aux & (TN_MEM_SIGN | TN_MEM_BSWAP)) ||
        cx->temps[op->b].last >= 0)
        return false;
    load->dst = op->dst;
    cx->temps[op->dst].def = at;
    cx->info[at].flags |= X64_OP_VECTOR;
    cx->info[i].flags |= X64_OP_DEAD;
    return true;
}

/* A store of what a MOVD gives takes it from the vector register. */
void x64_fold_scalar_store(X64Ctx *cx, int i, TnIrOp *op)
{
    const TnIrOp *d = &cx->ops[cx->temps[op->b].def];

    if (tn_ir_type_is_vector(op->type) || (op->aux & TN_MEM_BSWAP) || cx->temps[op->b].def < 0 ||
        !is_movd(d, MOVD_STORE, op->type))
        return;
    op->b = d->b;
    cx->info[i].flags |= X64_OP_VECTOR;
}
