/* SPDX-License-Identifier: MIT */
/*
 * What is found out about a block before code is emitted, in two walks.
 *
 * Forwards: a GET takes the value that an earlier GET or PUT of the block left, copies and widening
 * of what is wide already vanish, operations on constants are done, and each FLAGS is paired with
 * the arithmetic on the same operands whose host flags it can share.
 *
 * Backwards: last uses; operations and PUTs that nobody sees are dropped; results that a PUT moves to
 * a pinned register with no observer in between may be computed there (`want`). FLAGS and conditions
 * are not computed where they are defined but where they are used, so what they need lives until then.
 */
#include <string.h>

#include "compile.h"

enum { PARTNER_DISTANCE = 8, MAX_DISPLACEMENT = 1 << 30 };

bool x64_is_const(const X64Ctx *cx, TnTemp t)
{
    return cx->temps[t].flags & X64_T_CONST;
}

/* ---- Forwards ----------------------------------------------------------------------------- */

typedef struct Forward {
    X64Ctx *cx;
    TnTemp cur[X64_MAX_REGS]; /* the temporary equal to a declared register */
    TnTemp low[X64_MAX_REGS]; /* the one equal to its zero-extended low half */
} Forward;

static bool is_z32(const X64Ctx *cx, TnTemp t)
{
    return t == TN_TEMP_NONE || (cx->temps[t].flags & X64_T_Z32);
}

static void drop(X64Ctx *cx, int i)
{
    cx->op_flags[i] |= X64_OP_DEAD;
}

static void replace(X64Ctx *cx, int i, TnTemp by)
{
    cx->map[cx->ops[i].dst] = by;
    drop(cx, i);
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

static bool fold(X64Ctx *cx, TnIrOp *op)
{
    TnTemp *args[4];
    uint64_t v[4] = { 0 }, result;
    unsigned n = tn_ir_args(op, args);

    if (!tn_ir_is(op, TN_IRF_PURE) || tn_ir_type_is_vector(op->type) || op->opc == TN_IR_HOSTV)
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (*args[i] && !x64_is_const(cx, *args[i]))
            return false;
        v[i] = *args[i] ? cx->temps[*args[i]].value : 0;
    }
    if (!tn_ir_eval(op, v[0], v[1], v[2], &result))
        return false;
    make_const(cx, op, result);
    return true;
}

static bool result_is_z32(const X64Ctx *cx, const TnIrOp *op)
{
    switch (op->opc) {
    case TN_IR_EXT8U:
    case TN_IR_EXT16U:
    case TN_IR_EXT32U:
    case TN_IR_SETCOND:
    case TN_IR_FLAGS:
    case TN_IR_FLAGCOND:
    case TN_IR_CLZ:
    case TN_IR_CTZ:
    case TN_IR_POPCNT:
        return true;
    case TN_IR_GET:
        return op->type == TN_I32 || x64_plan.target->regs[op->aux].type == TN_I32;
    case TN_IR_LD:
        return op->aux & TN_MEM_SIGN ? (op->aux & TN_MEM_DST32) != 0 : op->type <= TN_I32;
    case TN_IR_CALL:
        return x64_plan.target->helpers[op->aux].ret == TN_ARG_I32;
    case TN_IR_HOSTV:
        return op->type == TN_I32;
    case TN_IR_EXTRACT:
        return op->type == TN_I32 || op->imm <= 32;
    case TN_IR_ANDI:
        return op->type == TN_I32 || op->imm <= UINT32_MAX || is_z32(cx, op->a);
    case TN_IR_AND:
        return op->type == TN_I32 || is_z32(cx, op->a) || is_z32(cx, op->b);
    case TN_IR_SHRI:
        return op->type == TN_I32 || op->imm >= 32 || is_z32(cx, op->a);
    default:
        return op->type <= TN_I32;
    }
}

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

static void forward_vector_put(Forward *f, const TnIrOp *op)
{
    f->low[op->aux] = op->a;
    f->cur[op->aux] = op->type == TN_V256 ? op->a : TN_TEMP_NONE;
}

static void forward_clear_upper(Forward *f, const TnIrOp *op)
{
    for (uint64_t r = op->aux; r < op->aux + op->imm; r++)
        f->cur[r] = TN_TEMP_NONE;
}

static void forward_get(Forward *f, int i, TnIrOp *op)
{
    bool reg64 = x64_plan.target->regs[op->aux].type == TN_I64;
    TnTemp cur = f->cur[op->aux];

    if (tn_ir_type_is_vector(op->type)) {
        forward_vector_get(f, i, op);
    } else if (op->type == TN_I32 && reg64) {
        if (cur && is_z32(f->cx, cur)) {
            replace(f->cx, i, cur);
        } else if (cur) {
            op->opc = TN_IR_EXT32U;
            op->type = TN_I64;
            op->a = cur;
        } else if (f->low[op->aux]) {
            replace(f->cx, i, f->low[op->aux]);
        } else {
            f->low[op->aux] = op->dst;
        }
    } else if (cur) {
        replace(f->cx, i, cur);
    } else {
        f->cur[op->aux] = op->dst;
    }
}

static void forward_put(Forward *f, TnIrOp *op)
{
    bool reg64 = x64_plan.target->regs[op->aux].type == TN_I64;
    bool z32 = is_z32(f->cx, op->a);

    if (tn_ir_type_is_vector(op->type)) {
        forward_vector_put(f, op);
        return;
    }
    if (reg64 && op->type == TN_I32 && z32)
        op->type = TN_I64;
    f->low[op->aux] = TN_TEMP_NONE;
    f->cur[op->aux] = z32 || (reg64 && op->type == TN_I64) ? op->a : TN_TEMP_NONE;
    if (!reg64)
        op->type = TN_I32;
}

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

static void pair(X64Ctx *cx, int i_flags, int i_op)
{
    TnFlagOp fop = cx->ops[i_flags].aux & 255;
    const TnIrOp *op = &cx->ops[i_op];

    cx->temps[cx->ops[i_flags].dst].partner = op->dst;
    cx->op_flags[i_op] |= X64_OP_SETS_FLAGS;
    if (op->opc == TN_IR_ADDI && fop == TN_FLAGS_SUB)
        cx->op_flags[i_op] |= X64_OP_AS_SUB;
    if (fop == TN_FLAGS_INC || fop == TN_FLAGS_DEC)
        cx->op_flags[i_op] |= X64_OP_AS_STEP;
}

/* Looks for the other half of a pair among the last few operations. */
static void find_partner(X64Ctx *cx, int i)
{
    bool is_flags = cx->ops[i].opc == TN_IR_FLAGS;

    if (!(x64_opt & TN_OPT_SHARE_FLAGS))
        return;
    for (int j = i - 1; j >= MAX(0, i - PARTNER_DISTANCE); j--) {
        int i_flags = is_flags ? i : j, i_op = is_flags ? j : i;

        if ((cx->op_flags[j] & X64_OP_DEAD) || cx->ops[i_flags].opc != TN_IR_FLAGS ||
            cx->temps[cx->ops[i_flags].dst].partner || (cx->op_flags[i_op] & X64_OP_SETS_FLAGS))
            continue;
        if (shares(cx, &cx->ops[i_flags], &cx->ops[i_op])) {
            pair(cx, i_flags, i_op);
            return;
        }
    }
}

static void forward_flags(X64Ctx *cx, int i, TnIrOp *op)
{
    TnFlagOp fop = op->aux & 255;
    bool shift = fop >= TN_FLAGS_SHL && fop <= TN_FLAGS_ROR;
    unsigned count_mask = op->aux >> 8 == 3 ? 63 : 31;
    uint16_t *flags = &cx->temps[op->dst].flags;

    if (shift && x64_is_const(cx, op->b) && !(cx->temps[op->b].value & count_mask)) {
        *op = (TnIrOp){ .opc = TN_IR_ANDI, .type = TN_I32, .dst = op->dst, .a = op->c,
                        .imm = TN_FLAGS_ALL };
        return;
    }
    *flags |= X64_T_FLAGS;
    if (fop <= TN_FLAGS_DEC || (fop <= TN_FLAGS_SAR && x64_is_const(cx, op->b)))
        *flags |= X64_T_VIRTUAL;
    find_partner(cx, i);
}

static void forget_registers(Forward *f)
{
    memset(f->cur, 0, sizeof(f->cur));
    memset(f->low, 0, sizeof(f->low));
}

/* x ^ x, x - x are 0; x & x, x | x are x. */
static bool forward_same(X64Ctx *cx, int i, TnIrOp *op)
{
    if (!op->a || op->a != op->b)
        return false;
    if (op->opc == TN_IR_XOR || op->opc == TN_IR_SUB) {
        make_const(cx, op, 0);
        return true;
    }
    if ((op->opc == TN_IR_AND || op->opc == TN_IR_OR) && (op->type == TN_I64 || is_z32(cx, op->a))) {
        replace(cx, i, op->a);
        return true;
    }
    return false;
}

static void forward_op(Forward *f, int i, TnIrOp *op)
{
    X64Ctx *cx = f->cx;

    if (op->opc == TN_IR_MOV && op->type == TN_I32)
        op->opc = TN_IR_EXT32U;
    if (fold(cx, op) || forward_same(cx, i, op))
        return;
    switch (op->opc) {
    case TN_IR_CONST:
        make_const(cx, op, op->imm);
        return;
    case TN_IR_MOV:
        replace(cx, i, op->a);
        return;
    case TN_IR_EXT32U:
        if (is_z32(cx, op->a)) {
            replace(cx, i, op->a);
            return;
        }
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
    case TN_IR_CALL:
        if (x64_plan.target->helpers[op->aux].flags & TN_HELPER_WRITES)
            forget_registers(f);
        break;
    case TN_IR_FLAGS:
        forward_flags(cx, i, op);
        break;
    case TN_IR_SETCOND:
    case TN_IR_FLAGCOND:
        cx->temps[op->dst].flags |= X64_T_COND;
        break;
    case TN_IR_ADD:
    case TN_IR_SUB:
    case TN_IR_ADDI:
        find_partner(cx, i);
        break;
    default:
        break;
    }
    if (op->dst && !(cx->op_flags[i] & X64_OP_DEAD) && result_is_z32(cx, op))
        cx->temps[op->dst].flags |= X64_T_Z32;
}

static void define(X64Ctx *cx, int i, const TnIrOp *op)
{
    X64Temp *t = &cx->temps[op->dst];

    t->def = i;
    if (op->type == TN_V128 || op->type == TN_V256)
        t->flags |= X64_T_VEC | (op->type == TN_V256 ? X64_T_WIDE : 0);
}

/* How many of the first operands an operation looks at in their low 32 bits only. */
static unsigned reads_low_half(const TnIrOp *op)
{
    switch (op->opc) {
    case TN_IR_EXT8U:
    case TN_IR_EXT16U:
    case TN_IR_EXT32U:
    case TN_IR_EXT8S:
    case TN_IR_EXT16S:
    case TN_IR_EXT32S:
        return 1;
    case TN_IR_FLAGS:
        return op->aux >> 8 <= 2 ? 2 : 0;
    default:
        return op->type == TN_I32 && op->opc >= TN_IR_ADD && op->opc <= TN_IR_SETCOND ? 2 : 0;
    }
}

static const TnIrOp *definition(const X64Ctx *cx, TnTemp t)
{
    return &cx->ops[cx->temps[t].def];
}

static void skip_extensions(X64Ctx *cx, TnTemp *args[4], unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        if (*args[k] && definition(cx, *args[k])->opc == TN_IR_EXT32U)
            *args[k] = definition(cx, *args[k])->a;
}

/* A constant added to an address becomes part of the access's displacement. */
static void fold_address(X64Ctx *cx, TnIrOp *op)
{
    const TnIrOp *d = definition(cx, op->a);
    bool adds = d->opc == TN_IR_ADDI || (d->opc == TN_IR_LEA && d->a && !d->b);

    if (!adds || d->type != TN_I64 || (int64_t)(op->imm + d->imm) >= MAX_DISPLACEMENT ||
        (int64_t)(op->imm + d->imm) <= -MAX_DISPLACEMENT)
        return;
    op->a = d->a;
    op->imm += d->imm;
}

static void forwards(X64Ctx *cx)
{
    Forward f = { .cx = cx };

    for (int i = 0; i < cx->n_ops; i++) {
        TnIrOp *op = &cx->ops[i];
        TnTemp *args[4];
        unsigned n = tn_ir_args(op, args);

        for (unsigned k = 0; k < n; k++)
            if (cx->map[*args[k]])
                *args[k] = cx->map[*args[k]];
        skip_extensions(cx, args, MIN(n, reads_low_half(op)));
        if (op->opc == TN_IR_LD || op->opc == TN_IR_ST)
            fold_address(cx, op);
        if (op->dst)
            define(cx, i, op);
        forward_op(&f, i, op);
    }
}

/* ---- Backwards ---------------------------------------------------------------------------- */

typedef struct Backward {
    X64Ctx *cx;
    int generation;            /* counts the observers of the state seen so far */
    int put_seen[X64_MAX_REGS];/* generation of the PUT that follows; -1 none or read before it */
    int low_seen[X64_MAX_REGS];/* the same of PUTs that write a low half at least */
    TnTemp hint[16];           /* host register -> temporary PUT there with no observer before */
    TnTemp vhint[16];          /* the same of host vector registers */
    int flags_needed;          /* last observer before the next PUT of flags_reg, -1 none */
} Backward;

static void use(X64Ctx *cx, TnTemp t, int at, uint16_t how)
{
    if (t == TN_TEMP_NONE)
        return;
    cx->temps[t].last = MAX(cx->temps[t].last, at);
    cx->temps[t].flags |= how;
}

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

/* What virtual flags need until `at`: the result and an operand where these suffice (so that the
 * other operand may be overwritten by the result), else the operands. */
static void use_flags(X64Ctx *cx, const TnIrOp *op, int at)
{
    TnTemp partner = cx->temps[op->dst].partner;

    if (partner && (cx->op_flags[cx->temps[partner].def] & X64_OP_DEAD))
        partner = cx->temps[op->dst].partner = TN_TEMP_NONE;
    uint16_t how = X64_T_VALUE | (reads_low_half(op) ? 0 : X64_T_WHOLE);

    use(cx, (op->aux & 255) == TN_FLAGS_LOGIC || !partner ? op->a : partner, at, how);
    use(cx, op->b, at, how);
    use(cx, op->c, at, X64_T_VALUE | X64_T_WHOLE);
}

/* A PUT of a vector's low half may leave the upper one. */
static bool puts_whole(const TnIrOp *op)
{
    return op->type != TN_V128 || (op->imm & TN_PUT_CLEAR_UPPER);
}

static bool is_overwritten(Backward *w, const TnIrOp *op)
{
    bool whole = puts_whole(op);
    int seen = whole ? w->put_seen[op->aux] : w->low_seen[op->aux];

    if (seen == w->generation)
        return true;
    w->low_seen[op->aux] = w->generation;
    if (whole)
        w->put_seen[op->aux] = w->generation;
    return false;
}

static bool backward_vector_put(Backward *w, int i, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    int pin = x64_plan.vpin[op->aux];

    if (is_overwritten(w, op))
        return false;
    use(cx, op->a, i, X64_T_VALUE | X64_T_WHOLE);
    if (pin != X64_NONE && (x64_opt & TN_OPT_IN_PLACE) && x64_vec_in_place(cx, op)) {
        cx->temps[op->a].want = (int8_t)pin;
        w->vhint[pin] = op->a;
    }
    return true;
}

static bool backward_put(Backward *w, int i, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;
    int pin = x64_plan.pin[op->aux];
    X64Temp *t = &cx->temps[op->a];

    if (tn_ir_type_is_vector(op->type))
        return backward_vector_put(w, i, op);
    if (is_overwritten(w, op))
        return false;
    use(cx, op->a, i,
        (t->flags & X64_T_FLAGS) && op->aux == x64_plan.flags_reg ? 0 : X64_T_VALUE | X64_T_WHOLE);
    if (op->aux == x64_plan.flags_reg) {
        use(cx, op->a, MAX(i, w->flags_needed), 0);
        w->flags_needed = -1;
    }
    if (pin != X64_NONE && op->type == TN_I64 && !(t->flags & X64_T_CONST) &&
        (x64_opt & TN_OPT_IN_PLACE)) {
        t->want = (int8_t)pin;
        w->hint[pin] = op->a;
    }
    return true;
}

/* A low half whose upper bits nobody looks at is the register as it is. */
static void backward_get(Backward *w, TnIrOp *op)
{
    X64Temp *t = &w->cx->temps[op->dst];

    if (op->type == TN_I32 && x64_plan.target->regs[op->aux].type == TN_I64 &&
        !(t->flags & X64_T_WHOLE)) {
        op->type = TN_I64;
        t->flags &= (uint16_t)~X64_T_Z32;
    }
    w->put_seen[op->aux] = w->low_seen[op->aux] = -1;
    if (x64_plan.pin[op->aux] != X64_NONE)
        w->hint[x64_plan.pin[op->aux]] = TN_TEMP_NONE;
    if (x64_plan.vpin[op->aux] != X64_NONE)
        w->vhint[x64_plan.vpin[op->aux]] = TN_TEMP_NONE;
}

static void backward_dst(Backward *w, const TnIrOp *op)
{
    X64Temp *t = &w->cx->temps[op->dst];
    TnTemp *hint = t->flags & X64_T_VEC ? w->vhint : w->hint;

    if (t->want != X64_NONE && hint[t->want] != op->dst)
        t->want = X64_NONE;
    if (t->want != X64_NONE)
        hint[t->want] = TN_TEMP_NONE;
    if ((t->flags & X64_T_COND) && !(t->flags & X64_T_VALUE))
        t->flags |= X64_T_VIRTUAL;
}

static void backward_uses(X64Ctx *cx, int i, TnIrOp *op)
{
    bool is_virtual = op->dst && (cx->temps[op->dst].flags & X64_T_VIRTUAL);
    int at = is_virtual ? cx->temps[op->dst].last : i;
    TnTemp *args[4];
    unsigned n = tn_ir_args(op, args);

    if (op->opc == TN_IR_FLAGS && is_virtual) {
        use_flags(cx, op, at);
        return;
    }
    for (unsigned k = 0; k < n; k++) {
        TnTemp t = *args[k];
        bool cond = k == 0 && (op->opc == TN_IR_EXIT_IF || op->opc == TN_IR_SELECT) &&
                    (cx->temps[t].flags & X64_T_COND);
        bool tested = op->opc == TN_IR_FLAGCOND && (cx->temps[t].flags & X64_T_FLAGS);

        use(cx, t, at, (cond || tested ? 0 : X64_T_VALUE) |
                           (k < reads_low_half(op) ? 0 : X64_T_WHOLE));
    }
}

/* ---- Scalar loads and stores ------------------------------------------------------------- */

enum { MOVD_LOAD = 0x6e, MOVD_STORE = 0x7e };

/* MOVD or MOVQ, by type, between a general and a vector register. */
static bool is_movd(const TnIrOp *op, unsigned opcode, unsigned type)
{
    TnHostForm f = tn_host_form_unpack(op->imm);

    return op->opc == TN_IR_HOSTV && f.opcode == opcode && f.map == 1 && f.pp == 1 &&
           (type == TN_I64) == !!(f.flags & TN_HF_W) && (type == TN_I64 || type == TN_I32);
}

/* A load that only feeds the MOVD behind it goes to the vector register. */
static bool fold_scalar_load(X64Ctx *cx, int i, TnIrOp *op)
{
    TnIrOp *load = &cx->ops[cx->temps[op->b].def];
    int at = i - 1;

    while (at >= 0 && (cx->op_flags[at] & X64_OP_DEAD))
        at--;
    if (at < 0 || load != &cx->ops[at] || load->opc != TN_IR_LD ||
        !is_movd(op, MOVD_LOAD, load->type) || (load->aux & (TN_MEM_SIGN | TN_MEM_BSWAP)) ||
        cx->temps[op->b].last >= 0)
        return false;
    load->dst = op->dst;
    cx->temps[op->dst].def = at;
    cx->op_flags[at] |= X64_OP_VECTOR;
    drop(cx, i);
    return true;
}

/* A store of what a MOVD gives takes it from the vector register. */
static void fold_scalar_store(X64Ctx *cx, int i, TnIrOp *op)
{
    const TnIrOp *d = definition(cx, op->b);

    if (tn_ir_type_is_vector(op->type) || (op->aux & TN_MEM_BSWAP) || cx->temps[op->b].def < 0 ||
        !is_movd(d, MOVD_STORE, op->type))
        return;
    op->b = d->b;
    cx->op_flags[i] |= X64_OP_VECTOR;
}

static void backward_op(Backward *w, int i)
{
    X64Ctx *cx = w->cx;
    TnIrOp *op = &cx->ops[i];

    if (op->dst && cx->temps[op->dst].last < 0 && !has_effect(op)) {
        drop(cx, i);
        return;
    }
    if (op->opc == TN_IR_HOSTV && op->b && fold_scalar_load(cx, i, op))
        return;
    if (op->opc == TN_IR_ST)
        fold_scalar_store(cx, i, op);
    if (op->dst)
        backward_dst(w, op);
    if (observes(op)) {
        w->generation++;
        memset(w->hint, 0, sizeof(w->hint));
        memset(w->vhint, 0, sizeof(w->vhint));
        if (w->flags_needed < 0)
            w->flags_needed = i;
    }
    if (op->opc == TN_IR_CLEAR_UPPER)
        memset(w->vhint, 0, sizeof(w->vhint));
    if (op->opc == TN_IR_GET)
        backward_get(w, op);
    if (op->opc == TN_IR_PUT) {
        if (!backward_put(w, i, op))
            drop(cx, i);
        return;
    }
    backward_uses(cx, i, op);
}

static void backwards(X64Ctx *cx)
{
    Backward w = { .cx = cx, .flags_needed = -1 };

    memset(w.put_seen, 0xff, sizeof(w.put_seen));
    memset(w.low_seen, 0xff, sizeof(w.low_seen));
    for (int i = cx->n_ops - 1; i >= 0; i--)
        if (!(cx->op_flags[i] & X64_OP_DEAD))
            backward_op(&w, i);
    for (int t = 1; t < cx->n_temps; t++) {
        int last = cx->temps[t].last;

        if (last >= 0) {
            cx->temps[t].expire = cx->expire[last];
            cx->expire[last] = (TnTemp)t;
        }
    }
}

bool x64_flags_dead(const X64Ctx *cx)
{
    for (int i = 0; i < cx->n_ops; i++) {
        const TnIrOp *op = &cx->ops[i];

        if (cx->op_flags[i] & X64_OP_DEAD)
            continue;
        if (op->opc == TN_IR_PUT && op->aux == x64_plan.flags_reg)
            return true;
        if (observes(op) || (op->opc == TN_IR_GET && op->aux == x64_plan.flags_reg))
            return false;
    }
    return false;
}

void x64_analyse(X64Ctx *cx)
{
    forwards(cx);
    cx->vec_need = x64_vec_need(cx);
    backwards(cx);
    x64_find_groups(cx);
}
