/* SPDX-License-Identifier: MIT */
/*
 * The second of two walks over a block, back to front: last uses; operations and PUTs that nobody
 * sees are dropped; results that a PUT moves to a pinned register with no observer in between may be
 * computed there (`want`). FLAGS and conditions are not computed where they are defined but where
 * they are used, so what they need lives until then.
 */
#include <string.h>

#include "compile.h"

typedef struct Backward {
    X64Ctx *cx;
    uint64_t overwritten; /* declared registers that a PUT follows for, unseen until then */
    uint64_t low;         /* those, and the ones whose low half one follows for */
    TnTemp hint[16];      /* host register -> temporary PUT there with no observer before */
    TnTemp vhint[16];     /* the same of host vector registers */
    int flags_needed;     /* last observer before the next PUT of flags_reg, -1 none */
} Backward;

_Static_assert(X64_MAX_REGS <= 64, "sets of declared registers are masks");

static void use(X64Ctx *cx, TnTemp t, int at, uint16_t how)
{
    X64Temp *v = &cx->temps[t]; /* "no operand" has one, which nobody looks at */

    v->last = MAX(v->last, at);
    v->flags |= how;
}

/* Into the list of those whose last use is at the same operation. */
static void link_expire(X64Ctx *cx, TnTemp t)
{
    TnTemp *expire = &cx->info[cx->temps[t].last].expire;

    cx->temps[t].expire = *expire;
    *expire = t;
}

/* The same for a use of what is defined further on, and in a list already. */
static void use_later_one(X64Ctx *cx, TnTemp t, int at, uint16_t how)
{
    int last = cx->temps[t].last;
    TnTemp *link = &cx->info[MAX(last, 0)].expire;

    use(cx, t, at, how);
    if (cx->temps[t].last == last)
        return;
    while (last >= 0 && *link != t)
        link = &cx->temps[*link].expire;
    if (last >= 0)
        *link = cx->temps[t].expire;
    link_expire(cx, t);
}

static const TnIrOp *definition(const X64Ctx *cx, TnTemp t)
{
    return &cx->ops[cx->temps[t].def];
}

static void drop(X64Ctx *cx, int i)
{
    cx->info[i].flags |= X64_OP_DEAD;
}

static bool observes(const X64Ctx *cx, int i)
{
    const TnIrOp *op = &cx->ops[i];

    if (cx->info[i].flags & X64_OP_HOISTED)
        return false;
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

static void note_flag_operands(X64Ctx *cx, int i, uint16_t operand_flags)
{
    if (operand_flags & X64_T_FLAGS)
        cx->info[i].flags |= X64_OP_FLAG_OPERANDS;
}

/* What virtual flags need until `at`: the result and an operand where these suffice (so that the
 * other operand may be overwritten by the result), else the operands. */
static void use_flags(X64Ctx *cx, const TnIrOp *op, int at)
{
    TnTemp partner = cx->temps[op->dst].partner;

    if (partner && (cx->info[cx->temps[partner].def].flags & X64_OP_DEAD))
        partner = cx->temps[op->dst].partner = TN_TEMP_NONE;
    uint16_t how = X64_T_VALUE | (x64_reads_low_half(op) ? 0 : X64_T_WHOLE);

    if ((op->aux & 255) == TN_FLAGS_LOGIC || !partner)
        use(cx, op->a, at, how);
    else if (cx->temps[partner].def < cx->temps[op->dst].def)
        use(cx, partner, at, how);
    else
        use_later_one(cx, partner, at, how);
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
    uint64_t bit = UINT64_C(1) << op->aux;
    bool whole = puts_whole(op);

    if ((whole ? w->overwritten : w->low) & bit)
        return true;
    w->low |= bit;
    w->overwritten |= whole ? bit : 0;
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
    if (op->aux != x64_plan.flags_reg) {
        note_flag_operands(cx, i, t->flags);
    } else {
        use(cx, op->a, MAX(i, w->flags_needed), 0);
        w->flags_needed = -1;
        cx->flags_dead = true;
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
    w->overwritten &= ~(UINT64_C(1) << op->aux);
    w->low &= ~(UINT64_C(1) << op->aux);
    if (op->aux == x64_plan.flags_reg) {
        w->cx->reads_flags = true;
        w->cx->flags_dead = false;
    }
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
    if (t->last >= 0)
        link_expire(w->cx, op->dst);
}

/* A store of at most 32 bits, and its value. */
static bool stores_half(const TnIrOp *op, unsigned operand)
{
    return op->opc == TN_IR_ST && op->type <= TN_I32 && operand == 1;
}

static void backward_uses(X64Ctx *cx, int i, TnIrOp *op)
{
    bool is_virtual = op->dst && (cx->temps[op->dst].flags & X64_T_VIRTUAL);
    int at = is_virtual ? cx->temps[op->dst].last : i;
    TnTemp *args[4];
    unsigned n = tn_ir_args(op, args), low = x64_reads_low_half(op);
    uint16_t flags = 0;

    if (op->opc == TN_IR_FLAGS && is_virtual) {
        use_flags(cx, op, at);
        note_flag_operands(cx, i, cx->temps[op->a].flags | cx->temps[op->b].flags |
                                      cx->temps[op->c].flags);
        return;
    }
    for (unsigned k = x64_tests_sign(cx, op) ? 1 : 0; k < n; k++) {
        TnTemp t = *args[k];
        uint16_t kind = cx->temps[t].flags;
        bool cond = k == 0 && (kind & X64_T_COND) &&
                    (op->opc == TN_IR_EXIT_IF || op->opc == TN_IR_SELECT);
        bool tested = (kind & X64_T_FLAGS) && op->opc == TN_IR_FLAGCOND;

        use(cx, t, at, (cond || tested ? 0 : X64_T_VALUE) |
                           (k < low || stores_half(op, k) ? 0 : X64_T_WHOLE));
        flags |= kind;
    }
    if (op->opc != TN_IR_FLAGCOND)
        note_flag_operands(cx, i, flags);
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

    while (at >= 0 && (cx->info[at].flags & X64_OP_DEAD))
        at--;
    if (at < 0 || load != &cx->ops[at] || load->opc != TN_IR_LD ||
        !is_movd(op, MOVD_LOAD, load->type) || (load->aux & (TN_MEM_SIGN | TN_MEM_BSWAP)) ||
        cx->temps[op->b].last >= 0)
        return false;
    load->dst = op->dst;
    cx->temps[op->dst].def = at;
    cx->info[at].flags |= X64_OP_VECTOR;
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
    cx->info[i].flags |= X64_OP_VECTOR;
}

/* Where nobody reads flags, nobody has to compute them on the way. */
static void drop_value(X64Ctx *cx, int i, const TnIrOp *op)
{
    TnTemp partner = cx->temps[op->dst].partner;

    if (partner)
        cx->info[cx->temps[partner].def].flags &=
            (uint8_t)~(X64_OP_SETS_FLAGS | X64_OP_AS_SUB | X64_OP_AS_STEP);
    drop(cx, i);
}

static void backward_observer(Backward *w, int i)
{
    w->overwritten = w->low = 0;
    memset(w->hint, 0, sizeof(w->hint));
    memset(w->vhint, 0, sizeof(w->vhint));
    if (w->flags_needed < 0)
        w->flags_needed = i;
    w->cx->flags_dead = false;
}

static void backward_op(Backward *w, int i)
{
    X64Ctx *cx = w->cx;
    TnIrOp *op = &cx->ops[i];

    if (op->opc == TN_IR_PUT) {
        if (!backward_put(w, i, op))
            drop(cx, i);
        return;
    }
    if (op->dst) {
        if (cx->temps[op->dst].last < 0 && !has_effect(op)) {
            drop_value(cx, i, op);
            return;
        }
        if (op->opc == TN_IR_HOSTV && op->b && fold_scalar_load(cx, i, op))
            return;
        backward_dst(w, op);
    }
    if (op->opc == TN_IR_GET) {
        backward_get(w, op);
        return;
    }
    if (op->opc == TN_IR_ST)
        fold_scalar_store(cx, i, op);
    if (observes(cx, i))
        backward_observer(w, i);
    if (op->opc == TN_IR_CLEAR_UPPER)
        memset(w->vhint, 0, sizeof(w->vhint));
    backward_uses(cx, i, op);
}

void x64_backwards(X64Ctx *cx)
{
    Backward w = { .cx = cx, .flags_needed = -1 };

    cx->reads_flags = cx->flags_dead = false;
    for (int i = cx->n_ops - 1; i > 0; i--)
        if (!(cx->info[i].flags & X64_OP_DEAD))
            backward_op(&w, i);
}
