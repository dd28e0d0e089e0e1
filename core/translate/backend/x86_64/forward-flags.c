/* SPDX-License-Identifier: MIT */
/*
 * The first walk: each FLAGS is paired with the arithmetic on the same operands whose host flags it
 * can share, before or behind it.
 */
#include "forward.h"

/* Whether an ADDI adds what the FLAGS operation f adds or subtracts. */
static bool shares_sum(const X64Ctx *cx, const TnIrOp *f, const TnIrOp *op)
{
    TnFlagOp fop = f->aux & 255;
    uint64_t mask = op->type == TN_I32 ? UINT32_MAX : UINT64_MAX, k = cx->temps[f->b].value;

    if (fop == TN_FLAGS_INC || fop == TN_FLAGS_DEC)
        k = fop == TN_FLAGS_INC ? 1 : UINT64_MAX;
    else if (!f->b || !x64_is_const(cx, f->b) || (fop != TN_FLAGS_ADD && fop != TN_FLAGS_SUB))
        return false;
    return ((fop == TN_FLAGS_SUB ? op->imm + k : op->imm ^ k) & mask) == 0;
}

/* True where op computes the result whose flags the FLAGS operation f describes. */
static inline bool shares(const X64Ctx *cx, const TnIrOp *f, const TnIrOp *op)
{
    TnFlagOp fop = f->aux & 255;

    _Static_assert(TN_I32 == 2 && TN_I64 == 3, "types are the sizes of FLAGS");
    if (f->aux >> 8 != op->type)
        return false;
    switch (op->opc) {
    case TN_IR_ADD:
        return fop == TN_FLAGS_ADD && ((op->a == f->a && op->b == f->b) ||
                                       (op->a == f->b && op->b == f->a));
    case TN_IR_SUB:
        return fop == TN_FLAGS_SUB && op->a == f->a && op->b == f->b;
    case TN_IR_ADDI:
        return op->a == f->a && shares_sum(cx, f, op);
    case TN_IR_AND:
    case TN_IR_OR:
    case TN_IR_XOR:
    case TN_IR_ANDI:
    case TN_IR_ORI:
    case TN_IR_XORI:
        return fop == TN_FLAGS_LOGIC && op->dst == f->a;
    default:
        return false;
    }
}

/* Pairs FLAGS and arithmetic where they match and neither has somebody else. */
static bool pair(X64Ctx *cx, int i_flags, int i_op)
{
    const TnIrOp *flags = &cx->ops[i_flags], *op = &cx->ops[i_op];
    TnFlagOp fop = flags->aux & 255;
    uint8_t *how = &cx->info[i_op].flags;

    if ((*how & X64_OP_SETS_FLAGS) || !shares(cx, flags, op))
        return false;
    cx->temps[flags->dst].partner = op->dst;
    *how |= X64_OP_SETS_FLAGS;
    if (op->opc == TN_IR_ADDI && fop == TN_FLAGS_SUB)
        *how |= X64_OP_AS_SUB;
    if (fop == TN_FLAGS_INC || fop == TN_FLAGS_DEC)
        *how |= X64_OP_AS_STEP;
    return true;
}

/* Looks for the arithmetic among the last few operations. */
static bool pair_flags(X64Forward *f, int i, const TnIrOp *flags)
{
    X64Ctx *cx = f->cx;
    int first = MAX(1, i - X64_PARTNER_DISTANCE);

    if ((flags->aux & 255) == TN_FLAGS_LOGIC) {
        int def = cx->temps[flags->a].def;

        return def >= first && pair(cx, i, def);
    }
    for (unsigned k = 1; k <= MIN(f->n_arithmetic, (unsigned)X64_PARTNER_DISTANCE); k++) {
        int at = f->arithmetic[(f->n_arithmetic - k) % X64_PARTNER_DISTANCE];

        const TnIrOp *op = &cx->ops[at];

        if (at < first)
            return false;
        if ((op->a == flags->a || op->b == flags->a) && pair(cx, i, at))
            return true;
    }
    return false;
}

/* A comparison may stand before the subtraction. */
void x64_forward_arithmetic(X64Forward *f, int i)
{
    f->arithmetic[f->n_arithmetic++ % X64_PARTNER_DISTANCE] = i;
    if (i - f->last_flags <= X64_PARTNER_DISTANCE && pair(f->cx, f->last_flags, i))
        f->last_flags = X64_LONG_AGO;
}

/* The carry of a bit test is the bit itself: the flags with it need not be made for the condition. */
void x64_forward_carry(const X64Ctx *cx, TnIrOp *op)
{
    const TnIrOp *def = &cx->ops[cx->temps[op->a].def];

    if (def->dst == op->a && x64_deposits_bit(def) &&
        !(cx->temps[def->b].flags & (X64_T_CONST | X64_T_FLAGS)))
        x64_ask_bit(op, def);
}

void x64_forward_flags(X64Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;
    TnFlagOp fop = op->aux & 255;
    unsigned size = op->aux >> 8, count_mask = size == 3 ? 63 : 31;
    uint16_t *flags = &cx->temps[op->dst].flags;

    if (size <= 2 && ((cx->temps[op->a].flags | cx->temps[op->b].flags) & X64_T_EXT32))
        x64_skip_extensions(cx, op, 2);
    if (TN_UNLIKELY(x64_is_const(cx, op->a)) && x64_all_const(cx, op) && x64_fold(cx, op))
        return;
    if (fop >= TN_FLAGS_SHL && fop <= TN_FLAGS_ROR && x64_is_const(cx, op->b) &&
        !(cx->temps[op->b].value & count_mask)) {
        *op = (TnIrOp){ .opc = TN_IR_ANDI, .type = TN_I32, .dst = op->dst, .a = op->c,
                        .imm = TN_FLAGS_ALL };
        *flags = X64_T_Z32;
        return;
    }
    *flags = X64_T_Z32 | X64_T_FLAGS;
    if (fop <= TN_FLAGS_DEC || (fop <= TN_FLAGS_SAR && x64_is_const(cx, op->b)))
        *flags |= X64_T_VIRTUAL;
    if (x64_opt & TN_OPT_SHARE_FLAGS)
        f->last_flags = pair_flags(f, i, op) ? X64_LONG_AGO : i;
}
