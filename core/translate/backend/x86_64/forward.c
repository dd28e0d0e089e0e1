/* SPDX-License-Identifier: MIT */
/*
 * The first of two walks over a block, front to back: a GET takes the value that an earlier GET or
 * PUT of the block left, copies and widening of what is wide already vanish, operations on constants
 * are done or take the constant as an immediate, memory accesses find the group that they share a
 * probe with, and each FLAGS is paired with the arithmetic on the same operands whose host flags it
 * can share.
 */
#include <string.h>

#include "compile.h"

enum {
    PARTNER_DISTANCE = 8,
    MAX_DISPLACEMENT = 1 << 30,
    MAX_SUMS = 4,
    SUM_DISTANCE = 20, /* operations that a sum is remembered for: it takes a register */
};

typedef struct Forward {
    X64Ctx *cx;
    int last_flags;           /* the last FLAGS, -1 none */
    int sums[MAX_SUMS];       /* the last LEAs of two registers */
    unsigned n_sums;
    TnTemp cur[X64_MAX_REGS]; /* the temporary equal to a declared register */
    TnTemp low[X64_MAX_REGS]; /* the one equal to its zero-extended low half */
} Forward;

/* ---- What becomes of an operation --------------------------------------------------------- */

static bool is_z32(const X64Ctx *cx, TnTemp t)
{
    return cx->temps[t].flags & X64_T_Z32;
}

static void replace(X64Ctx *cx, int i, TnTemp by)
{
    cx->map[cx->ops[i].dst] = by;
    cx->info[i].flags |= X64_OP_DEAD;
}

static void make_const(X64Ctx *cx, TnIrOp *op, uint64_t value)
{
    X64Temp *t = &cx->temps[op->dst];

    op->opc = TN_IR_CONST;
    op->imm = value;
    op->a = op->b = op->c = 0;
    t->flags |= X64_T_CONST | (value <= UINT32_MAX ? X64_T_Z32 : 0);
    t->value = value;
}

/* The operation gives `by`, or its zero-extended low half where the type is TN_I32. */
static void make_move(X64Ctx *cx, int i, TnTemp by)
{
    TnIrOp *op = &cx->ops[i];

    if (op->type != TN_I32 || is_z32(cx, by)) {
        replace(cx, i, by);
        return;
    }
    if (x64_is_const(cx, by)) {
        make_const(cx, op, (uint32_t)cx->temps[by].value);
        return;
    }
    *op = (TnIrOp){ .opc = TN_IR_EXT32U, .type = TN_I64, .dst = op->dst, .a = by };
    cx->temps[op->dst].flags |= X64_T_Z32 | X64_T_EXT32;
}

static void define(X64Ctx *cx, int i, const TnIrOp *op)
{
    X64Temp *t = &cx->temps[op->dst];

    *t = (X64Temp){ .last = -1, .def = i, .slot = -1, .home = -1, .reg = X64_NONE,
                    .want = X64_NONE, .held = -1 };
    if (tn_ir_type_is_vector(op->type))
        t->flags = X64_T_VEC | (op->type == TN_V256 ? X64_T_WIDE : 0);
    cx->map[op->dst] = op->dst;
}

/* ---- Declared registers ------------------------------------------------------------------- */

/* A 256-bit temporary stands for its low half, too. */
static void forward_vector_get(Forward *f, int i, const TnIrOp *op)
{
    TnTemp *known = op->type == TN_V256 ? &f->cur[op->aux] : &f->low[op->aux];

    if (*known) {
        replace(f->cx, i, *known);
        return;
    }
    *known = op->dst;
    if (!f->low[op->aux])
        f->low[op->aux] = op->dst;
}

static void forward_get(Forward *f, int i, TnIrOp *op)
{
    bool reg64 = x64_plan.target->regs[op->aux].type == TN_I64;
    TnTemp cur = f->cur[op->aux], low = f->low[op->aux];

    if (tn_ir_type_is_vector(op->type)) {
        forward_vector_get(f, i, op);
    } else if (cur) {
        if (reg64)
            make_move(f->cx, i, cur);
        else
            replace(f->cx, i, cur);
    } else if (op->type == TN_I32 && reg64) {
        f->cx->temps[op->dst].flags |= X64_T_Z32;
        if (low)
            replace(f->cx, i, low);
        else
            f->low[op->aux] = op->dst;
    } else {
        f->cx->temps[op->dst].flags |= reg64 ? 0 : X64_T_Z32;
        f->cx->temps[op->dst].held = (int8_t)op->aux;
        f->cur[op->aux] = op->dst;
    }
}

static void forward_put(Forward *f, TnIrOp *op)
{
    bool reg64 = x64_plan.target->regs[op->aux].type == TN_I64;
    bool z32 = is_z32(f->cx, op->a);

    if (tn_ir_type_is_vector(op->type)) {
        f->low[op->aux] = op->a;
        f->cur[op->aux] = op->type == TN_V256 ? op->a : TN_TEMP_NONE;
        return;
    }
    if (reg64 && op->type == TN_I32 && z32)
        op->type = TN_I64;
    f->low[op->aux] = TN_TEMP_NONE;
    f->cur[op->aux] = z32 || (reg64 && op->type == TN_I64) ? op->a : TN_TEMP_NONE;
    f->cx->temps[op->a].held = (int8_t)op->aux;
    if (!reg64)
        op->type = TN_I32;
}

static void forward_clear_upper(Forward *f, const TnIrOp *op)
{
    for (uint64_t r = op->aux; r < op->aux + op->imm; r++)
        f->cur[r] = TN_TEMP_NONE;
}

static void forward_call(Forward *f, TnIrOp *op)
{
    const TnHelperInfo *h = &x64_plan.target->helpers[op->aux];

    op->d = f->cx->map[op->d];
    x64_groups_at_call(f->cx, h->flags);
    if (op->dst && h->ret == TN_ARG_I32)
        f->cx->temps[op->dst].flags |= X64_T_Z32;
    if (h->flags & TN_HELPER_WRITES) {
        memset(f->cur, 0, x64_plan.target->n_regs * sizeof(*f->cur));
        memset(f->low, 0, x64_plan.target->n_regs * sizeof(*f->low));
    }
}

/* ---- Flags -------------------------------------------------------------------------------- */

/* True where op computes the result whose flags the FLAGS operation f describes. */
static bool shares(const X64Ctx *cx, const TnIrOp *f, const TnIrOp *op)
{
    TnFlagOp fop = f->aux & 255;
    unsigned size = f->aux >> 8;
    bool a_same = op->a == f->a;
    uint64_t k = cx->temps[f->b].value, mask = op->type == TN_I32 ? UINT32_MAX : UINT64_MAX;

    if (size != (op->type == TN_I32 ? 2 : 3))
        return false;
    switch (op->opc) {
    case TN_IR_ADD:
        return fop == TN_FLAGS_ADD && ((a_same && op->b == f->b) || (op->a == f->b && op->b == f->a));
    case TN_IR_SUB:
        return fop == TN_FLAGS_SUB && a_same && op->b == f->b;
    case TN_IR_ADDI:
        if (fop == TN_FLAGS_INC || fop == TN_FLAGS_DEC)
            return a_same && (op->imm & mask) == ((fop == TN_FLAGS_INC ? 1 : UINT64_MAX) & mask);
        if (!a_same || !f->b || !x64_is_const(cx, f->b))
            return false;
        return (fop == TN_FLAGS_ADD && ((op->imm ^ k) & mask) == 0) ||
               (fop == TN_FLAGS_SUB && ((op->imm + k) & mask) == 0);
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
    TnTemp *partner = &cx->temps[cx->ops[i_flags].dst].partner;
    TnFlagOp fop = cx->ops[i_flags].aux & 255;
    const TnIrOp *op = &cx->ops[i_op];
    uint8_t *how = &cx->info[i_op].flags;

    if (*partner || (*how & (X64_OP_DEAD | X64_OP_SETS_FLAGS)) ||
        !shares(cx, &cx->ops[i_flags], op))
        return false;
    *partner = op->dst;
    *how |= X64_OP_SETS_FLAGS;
    if (op->opc == TN_IR_ADDI && fop == TN_FLAGS_SUB)
        *how |= X64_OP_AS_SUB;
    if (fop == TN_FLAGS_INC || fop == TN_FLAGS_DEC)
        *how |= X64_OP_AS_STEP;
    return true;
}

/* Looks for the arithmetic among the last few operations. */
static void pair_flags(Forward *f, int i)
{
    f->last_flags = i;
    if (!(x64_opt & TN_OPT_SHARE_FLAGS))
        return;
    const TnIrOp *flags = &f->cx->ops[i];

    for (int j = i - 1; j >= MAX(1, i - PARTNER_DISTANCE); j--) {
        const TnIrOp *op = &f->cx->ops[j];

        /* Most have nothing to do with the operands. */
        if ((op->a == flags->a || op->a == flags->b || op->dst == flags->a) && pair(f->cx, i, j))
            return;
    }
}

/* A comparison may stand before the subtraction. */
static void pair_arithmetic(Forward *f, int i)
{
    if ((x64_opt & TN_OPT_SHARE_FLAGS) && f->last_flags >= 0 &&
        i - f->last_flags <= PARTNER_DISTANCE)
        pair(f->cx, f->last_flags, i);
}

static void forward_flags(Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;
    TnFlagOp fop = op->aux & 255;
    bool shift = fop >= TN_FLAGS_SHL && fop <= TN_FLAGS_ROR;
    unsigned count_mask = op->aux >> 8 == 3 ? 63 : 31;
    uint16_t *flags = &cx->temps[op->dst].flags;

    *flags |= X64_T_Z32;
    if (shift && x64_is_const(cx, op->b) && !(cx->temps[op->b].value & count_mask)) {
        *op = (TnIrOp){ .opc = TN_IR_ANDI, .type = TN_I32, .dst = op->dst, .a = op->c,
                        .imm = TN_FLAGS_ALL };
        return;
    }
    *flags |= X64_T_FLAGS;
    if (fop <= TN_FLAGS_DEC || (fop <= TN_FLAGS_SAR && x64_is_const(cx, op->b)))
        *flags |= X64_T_VIRTUAL;
    pair_flags(f, i);
}

/* ---- Constants ---------------------------------------------------------------------------- */

/* x ^ x, x - x are 0; x & x, x | x are x. */
static bool forward_same(X64Ctx *cx, int i, TnIrOp *op)
{
    if (op->a != op->b)
        return false;
    if (op->opc == TN_IR_XOR || op->opc == TN_IR_SUB) {
        make_const(cx, op, 0);
        return true;
    }
    if (op->opc == TN_IR_AND || op->opc == TN_IR_OR) {
        make_move(cx, i, op->a);
        return true;
    }
    return false;
}

static bool fold(X64Ctx *cx, TnIrOp *op)
{
    const X64Temp *t = cx->temps;
    uint64_t result;

    if (!tn_ir_eval(op, t[op->a].value, t[op->b].value, t[op->c].value, &result))
        return false;
    make_const(cx, op, result);
    return true;
}

/* The low byte or half of a register that is zero, as XOR and SETcc leave one. */
static void make_extension(X64Ctx *cx, TnIrOp *op)
{
    bool byte = op->imm == 8;

    if (!byte && op->imm != 16)
        return;
    op->opc = byte ? TN_IR_EXT8U : TN_IR_EXT16U;
    op->type = TN_I64;
    op->a = op->b;
    op->b = TN_TEMP_NONE;
    op->imm = 0;
    if (cx->temps[op->a].flags & X64_T_COND)
        op->opc = TN_IR_MOV;
}

/* Pure operations with constants among their operands. False where the operation stays one. */
static bool forward_constants(X64Ctx *cx, int i, TnIrOp *op)
{
    bool a = x64_is_const(cx, op->a), b = x64_is_const(cx, op->b), c = x64_is_const(cx, op->c);

    if ((a || !op->a) && (b || !op->b) && (c || !op->c))
        return fold(cx, op);
    if (a && op->opc == TN_IR_SELECT) {
        make_move(cx, i, cx->temps[op->a].value ? op->b : op->c);
        return true;
    }
    if (a && op->opc == TN_IR_DEPOSIT && !cx->temps[op->a].value && !op->aux) {
        make_extension(cx, op);
        return false;
    }
    if (a && tn_ir_is_commutative(op->opc)) {
        TnTemp t = op->a;

        op->a = op->b;
        op->b = t;
        b = true;
    }
    if (b)
        tn_ir_make_immediate(op, cx->temps[op->b].value);
    return false;
}

/* Whether an operation of 64 bits leaves bits 63..32 zero. */
static bool result_is_z32(const X64Ctx *cx, const TnIrOp *op)
{
    switch (op->opc) {
    case TN_IR_EXT8U:
    case TN_IR_EXT16U:
    case TN_IR_EXT32U:
    case TN_IR_SETCOND:
    case TN_IR_CLZ:
    case TN_IR_CTZ:
    case TN_IR_POPCNT:
        return true;
    case TN_IR_EXTRACT:
        return op->imm <= 32;
    case TN_IR_ANDI:
        return op->imm <= UINT32_MAX || is_z32(cx, op->a);
    case TN_IR_AND:
        return is_z32(cx, op->a) || is_z32(cx, op->b);
    case TN_IR_SHRI:
        return op->imm >= 32 || is_z32(cx, op->a);
    default:
        return false;
    }
}

/* ---- Addresses ---------------------------------------------------------------------------- */

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
static void forward_sum(Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;

    if (op->type != TN_I64 || !op->a || !op->b || !(x64_opt & TN_OPT_SHARE_PROBES))
        return;
    if (x64_has_rounds(cx)) {
        take_constant(cx, op, &op->a, 0);
        take_constant(cx, op, &op->b, op->aux);
    }
    for (unsigned k = 0; k < MIN(f->n_sums, (unsigned)MAX_SUMS); k++) {
        const TnIrOp *sum = &cx->ops[f->sums[k]];

        if ((i - f->sums[k] > SUM_DISTANCE && !x64_has_rounds(cx)) || !same_but_constant(sum, op))
            continue;
        if (sum->imm == op->imm)
            replace(cx, i, sum->dst);
        else
            *op = (TnIrOp){ .opc = TN_IR_ADDI, .type = TN_I64, .dst = op->dst, .a = sum->dst,
                            .imm = op->imm - sum->imm };
        return;
    }
    f->sums[f->n_sums++ % MAX_SUMS] = i;
}

/* ---- The walk ----------------------------------------------------------------------------- */

/* An operand that is looked at in its low half only need not be widened before. */
static void skip_extensions(X64Ctx *cx, TnIrOp *op)
{
    if (cx->temps[op->a].flags & X64_T_EXT32)
        op->a = cx->ops[cx->temps[op->a].def].a;
    if (x64_reads_low_half(op) > 1 && (cx->temps[op->b].flags & X64_T_EXT32))
        op->b = cx->ops[cx->temps[op->b].def].a;
}

/* Operations on temporaries alone. */
static void forward_pure(Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;
    uint16_t constants;

    if (x64_reads_low_half(op))
        skip_extensions(cx, op);
    constants = cx->temps[op->a].flags | cx->temps[op->b].flags | cx->temps[op->c].flags;
    if ((constants & X64_T_CONST) && forward_constants(cx, i, op))
        return;
    if (tn_ir_is_identity(op)) {
        make_move(cx, i, op->a);
        return;
    }
    if (op->a == op->b && forward_same(cx, i, op))
        return;
    if (op->opc == TN_IR_MOV || (op->opc == TN_IR_EXT32U && is_z32(cx, op->a))) {
        make_move(cx, i, op->a);
        return;
    }
    if (op->type <= TN_I32 || result_is_z32(cx, op))
        cx->temps[op->dst].flags |= X64_T_Z32 | (op->opc == TN_IR_EXT32U ? X64_T_EXT32 : 0);
    if (op->opc == TN_IR_FLAGS)
        forward_flags(f, i, op);
    else if (op->opc == TN_IR_SETCOND || op->opc == TN_IR_FLAGCOND)
        cx->temps[op->dst].flags |= X64_T_COND;
    else if (op->opc == TN_IR_ADD || op->opc == TN_IR_SUB || op->opc == TN_IR_ADDI)
        pair_arithmetic(f, i);
    else if (op->opc == TN_IR_LEA)
        forward_sum(f, i, op);
}

/* Whether a temporary is what a pinned register holds at this place. Bases of blocks of rounds are
 * looked at as what the block was entered with. */
static bool is_held(const Forward *f, TnTemp t)
{
    int declared = f->cx->temps[t].held;

    return declared >= 0 && !x64_has_rounds(f->cx) && f->cur[declared] == t &&
           x64_plan.pin[declared] != X64_NONE;
}

/* Constants added to an address become part of the access's displacement, all of them: accesses
 * through a stack pointer that moves have one root. Where that is in no pinned register any more, the
 * access goes through one that holds a sum on the way to it. */
static X64Root fold_address(const Forward *f, TnIrOp *op)
{
    X64Ctx *cx = f->cx;
    X64Root root = { op->a, (int64_t)op->imm };
    bool found = is_held(f, op->a);

    for (;;) {
        const TnIrOp *d = &cx->ops[cx->temps[root.temp].def];
        bool adds = d->opc == TN_IR_ADDI || (d->opc == TN_IR_LEA && d->a && !d->b);
        int64_t disp = root.disp + (int64_t)d->imm;

        if (!adds || d->type != TN_I64 || disp >= MAX_DISPLACEMENT || disp <= -MAX_DISPLACEMENT)
            return root;
        root = (X64Root){ d->a, disp };
        if (!found || is_held(f, d->a)) {
            op->a = d->a;
            op->imm = (uint64_t)disp;
            found = is_held(f, d->a);
        }
    }
}

static void forward_access(Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;
    X64Root root = fold_address(f, op);

    if (op->opc == TN_IR_LD &&
        (op->aux & TN_MEM_SIGN ? (op->aux & TN_MEM_DST32) != 0 : op->type <= TN_I32))
        cx->temps[op->dst].flags |= X64_T_Z32;
    x64_join_group(cx, i, op, root);
}

static void forward_op(Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;

    switch (op->opc) {
    case TN_IR_CONST:
        make_const(cx, op, op->imm);
        break;
    case TN_IR_GET:
        forward_get(f, i, op);
        break;
    case TN_IR_PUT:
        forward_put(f, op);
        break;
    case TN_IR_CLEAR_UPPER:
        forward_clear_upper(f, op);
        break;
    case TN_IR_LD:
    case TN_IR_ST:
        forward_access(f, i, op);
        break;
    case TN_IR_CALL:
        forward_call(f, op);
        break;
    case TN_IR_EXIT_IF:
        x64_groups_at_branch(cx);
        /* fall through */
    case TN_IR_EXIT:
        cx->goes_round |= op->imm == cx->block->key.pc;
        break;
    default:
        if (tn_ir_is(op, TN_IRF_PURE))
            forward_pure(f, i, op);
        else if (op->dst && op->type <= TN_I32)
            cx->temps[op->dst].flags |= X64_T_Z32;
        break;
    }
}

/* What stands for "no operand": a value whose upper half is zero, defined by an operation that is
 * none of those that anybody looks for. */
static void begin(X64Ctx *cx)
{
    cx->ops[0] = (TnIrOp){ .opc = TN_IR_NOP };
    cx->info[0] = (X64OpInfo){ .flags = X64_OP_DEAD };
    cx->insns[0] = cx->block->key.pc;
    cx->temps[0] = (X64Temp){ .flags = X64_T_Z32, .last = -1, .def = 0, .slot = -1, .home = -1,
                              .reg = X64_NONE, .want = X64_NONE, .held = -1 };
    cx->goes_round = cx->vectors = false;
}

void x64_forwards(X64Ctx *cx, const TnIrOp *ops, int n_ops)
{
    Forward f = { .cx = cx, .last_flags = -1 };
    const TnTemp *map = cx->map;
    TnIrOp *op = cx->ops + 1;
    X64OpInfo *info = cx->info + 1;
    uint64_t *insn = cx->insns;
    bool upper = false;

    begin(cx);
    for (const TnIrOp *from = ops, *end = ops + n_ops; from < end; from++) {
        if (from->opc == TN_IR_INSN) {
            *++insn = from->imm;
            continue;
        }
        *op = *from;
        *info = (X64OpInfo){ .insn = (uint16_t)(insn - cx->insns) };
        op->a = map[op->a];
        op->b = map[op->b];
        op->c = map[op->c];
        if (op->dst)
            define(cx, (int)(op - cx->ops), op);
        forward_op(&f, (int)(op - cx->ops), op);
        if (info->flags & X64_OP_DEAD) /* replaced: the next one takes the place */
            continue;
        if (TN_UNLIKELY(op->type >= TN_V128 || op->opc == TN_IR_HOSTV)) {
            upper |= x64_looks_at_upper(op);
            cx->vectors = true;
        }
        op++;
        info++;
    }
    cx->n_ops = (int)(op - cx->ops);
    cx->vec_need = upper ? X64_VEC_WHOLE : X64_VEC_LOW;
}
