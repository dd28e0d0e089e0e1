/* SPDX-License-Identifier: MIT */
/*
 * The first walk: sums of the same registers are computed once, constants added to an address go into
 * the access's displacement, and accesses find the group that they share a probe with.
 */
#include "forward.h"

enum {
    MAX_DISPLACEMENT = 1 << 30,
    SUM_DISTANCE = 20, /* operations that a sum is remembered for: it takes a register */
};

static bool same_but_constant(const TnIrOp *x, const TnIrOp *y)
{
    return x->a == y->a && x->b == y->b && x->aux == y->aux;
}

/* An operand that is itself a sum with a constant: so that registers which move by the same in each
 * round give the same sum. */
static void take_constant(X64Ctx *cx, TnIrOp *op, TnTemp *operand, unsigned shift)
{
    for (;;) {
        const TnIrOp *d = &cx->ops[cx->temps[*operand].def];
        uint64_t imm = op->imm + (d->imm << shift);

        if (d->opc != TN_IR_ADDI || d->type != TN_I64 || imm != (uint64_t)(int32_t)imm)
            return;
        *operand = d->a;
        op->imm = imm;
    }
}

/* The sum of the same two registers again, perhaps with another constant: so that accesses to fields
 * of an array's element, and a load and the store behind it, have one base. */
void x64_forward_sum(X64Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;

    if (op->type != TN_I64 || !op->a || !op->b || !(x64_opt & TN_OPT_SHARE_PROBES))
        return;
    if (x64_has_rounds(cx)) {
        take_constant(cx, op, &op->a, 0);
        take_constant(cx, op, &op->b, op->aux);
    }
    for (unsigned k = 0; k < MIN(f->n_sums, (unsigned)X64_MAX_SUMS); k++) {
        const TnIrOp *sum = &cx->ops[f->sums[k]];

        if ((i - f->sums[k] > SUM_DISTANCE && !x64_has_rounds(cx)) || !same_but_constant(sum, op))
            continue;
        if (sum->imm == op->imm)
            x64_replace(f, i, sum->dst);
        else
            *op = (TnIrOp){ .opc = TN_IR_ADDI, .type = TN_I64, .dst = op->dst, .a = sum->dst,
                            .imm = op->imm - sum->imm };
        return;
    }
    f->sums[f->n_sums++ % X64_MAX_SUMS] = i;
}

/* Whether a temporary is what a pinned register holds at this place. Bases of blocks of rounds are
 * looked at as what the block was entered with. */
static bool is_held(const X64Forward *f, TnTemp t)
{
    int declared = f->cx->temps[t].held;

    return declared >= 0 && f->known[declared].whole == t && x64_plan.pin[declared] != X64_NONE &&
           !x64_has_rounds(f->cx);
}

static inline bool adds_constant(const TnIrOp *op)
{
    return (op->opc == TN_IR_ADDI || (op->opc == TN_IR_LEA && op->a && !op->b)) &&
           op->type == TN_I64;
}

/* Constants added to an address become part of the access's displacement, all of them: accesses
 * through a stack pointer that moves have one root. Where that is in no pinned register any more, the
 * access goes through one that holds a sum on the way to it. */
static inline X64Root fold_address(const X64Forward *f, TnIrOp *op, const TnIrOp *d)
{
    const X64Temp *temps = f->cx->temps;
    const TnIrOp *ops = f->cx->ops;
    X64Root root = { op->a, (int64_t)op->imm };
    bool found = is_held(f, op->a);

    for (; adds_constant(d); d = &ops[temps[d->a].def]) {
        int64_t disp = root.disp + (int64_t)d->imm;
        bool held = is_held(f, d->a);

        if (disp >= MAX_DISPLACEMENT || disp <= -MAX_DISPLACEMENT)
            break;
        root = (X64Root){ d->a, disp };
        if (!found || held) {
            op->a = d->a;
            op->imm = (uint64_t)disp;
            found = held;
        }
    }
    return root;
}

static __attribute__((noinline)) void access_at_sum(const X64Forward *f, int i, X64OpInfo *info,
                                                    TnIrOp *op, const TnIrOp *d)
{
    x64_join_group(f->cx, i, info, op, fold_address(f, op, d));
}

void x64_forward_access(const X64Forward *f, int i, X64OpInfo *info, TnIrOp *op)
{
    X64Ctx *cx = f->cx;
    const TnIrOp *d = &cx->ops[cx->temps[op->a].def];

    if (adds_constant(d))
        access_at_sum(f, i, info, op, d);
    else
        x64_join_group(cx, i, info, op, (X64Root){ op->a, (int64_t)op->imm });
}
