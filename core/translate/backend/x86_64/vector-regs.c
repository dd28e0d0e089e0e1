/* SPDX-License-Identifier: MIT */
/*
 * Declared vector registers: GET, PUT and CLEAR_UPPER, and what a block does to have the pinned ones
 * in host registers (target.h, vec_state).
 *
 * A block with any operation that looks at upper halves or clears them works on whole registers, and
 * a PUT that keeps the upper half merges. In all other blocks upper halves are elsewhere and the host
 * may destroy those of its registers. A block looks at vec_state once, before its first vector
 * operation, and again after code in C has run.
 */
#include "compile.h"

enum { BLEND_LOW = 0x0f }; /* VBLENDPS: elements 0..3 from the second source */

static bool clears_upper(const TnIrOp *put)
{
    return put->type == TN_V128 && (put->imm & TN_PUT_CLEAR_UPPER);
}

bool x64_looks_at_upper(const TnIrOp *op)
{
    if (op->opc == TN_IR_HOSTV)
        return op->type == TN_V256 ||
               (tn_host_form_unpack(op->imm).flags & (TN_HF_VEX | TN_HF_L256));
    return op->type == TN_V256 || (op->opc == TN_IR_PUT && clears_upper(op));
}

void x64_vec_lost(X64Ctx *cx)
{
    cx->vec_known = 0;
    cx->vec_dirty = false;
}

static void look_at_vec_state(X64Ctx *cx)
{
    X64Stub s = { .kind = X64_STUB_VEC_STATE, .n_from = 1 };

    x64_rm(&cx->e, X64_GRP3 - 1, X64_G3_TEST, x64_vec_state());
    x64_byte(&cx->e, cx->vec_need);
    s.from[0] = x64_jcc32(&cx->e, X64_Z);
    s.place = cx->e.p;
    *X64_LIST_ADD(cx->stubs, X64Stub) = s;
    cx->vec_known = cx->vec_need;
}

void x64_vec_enter(X64Ctx *cx, const TnIrOp *op)
{
    if (x64_plan.vpin_mask && !cx->vec_known &&
        (tn_ir_type_is_vector(op->type) || op->opc == TN_IR_HOSTV ||
         (cx->info[cx->i].flags & X64_OP_VECTOR)))
        look_at_vec_state(cx);
}

bool x64_vec_in_place(const X64Ctx *cx, const TnIrOp *put)
{
    return put->type == TN_V256 || clears_upper(put) || cx->vec_need == X64_VEC_LOW;
}

static void note_upper_used(X64Ctx *cx)
{
    if (cx->vec_dirty)
        return;
    x64_store_imm(&cx->e, 0, x64_vec_state(), X64_VEC_WHOLE);
    cx->vec_known = X64_VEC_WHOLE;
    cx->vec_dirty = true;
}

/* ---- GET ------------------------------------------------------------------------------------- */

static void lower_get(X64Ctx *cx, const TnIrOp *op)
{
    int declared = op->aux, pin = x64_plan.vpin[declared];
    bool wide = op->type == TN_V256;

    cx->wide_used |= wide;
    cx->temps[op->dst].want = X64_NONE;
    if (pin != X64_NONE) {
        x64_bind(cx, op->dst, pin);
    } else if (x64_home_of(cx, declared)) {
        x64_vload(&cx->e, wide, x64_vout(cx, op->dst, X64_NONE, 0), x64_reg_home(declared));
    } else {
        x64_set_home(cx, op->dst, declared);
        cx->temps[op->dst].flags |= X64_T_DEFINED;
    }
}

/* ---- PUT ------------------------------------------------------------------------------------- */

static bool is_wide(const X64Ctx *cx, TnTemp t)
{
    return cx->temps[t].flags & X64_T_WIDE;
}

/* The value is in the register already: computed there, or what was there before. */
static void put_unmoved(X64Ctx *cx, const TnIrOp *op, int pin)
{
    bool in_place = cx->temps[op->a].want == pin;

    if (op->type == TN_V256) {
        note_upper_used(cx);
    } else if (clears_upper(op) && !in_place) {
        x64_release(cx);
        x64_vevict(cx, pin, true);
        x64_vex_rr(&cx->e, X64_MOVAPS, 0, pin, X64_NONE, pin);
    }
}

static void put_pinned(X64Ctx *cx, const TnIrOp *op, int pin)
{
    int src = x64_vin(cx, op->a);
    X64Temp *t = &cx->temps[op->a];

    if (src == pin) {
        put_unmoved(cx, op, pin);
        return;
    }
    x64_release(cx);
    x64_vevict(cx, pin, false);
    if (x64_vec_in_place(cx, op)) {
        x64_vmov_rr(&cx->e, op->type == TN_V256, pin, src);
    } else {
        x64_vex_rr(&cx->e, X64_BLENDPS, 1, pin, pin, src);
        x64_byte(&cx->e, BLEND_LOW);
    }
    if (op->type == TN_V256)
        note_upper_used(cx);
    if (t->last > cx->i && is_wide(cx, op->a) == (op->type == TN_V256)) {
        t->want = X64_NONE;
        x64_rebind(cx, op->a, pin);
    }
}

static void clear_upper_home(X64Ctx *cx, int declared)
{
    X64Mem m = x64_reg_home(declared);

    for (m.disp += 16; m.disp < x64_reg_home(declared).disp + 32; m.disp += 8)
        x64_store_imm(&cx->e, 3, m, 0);
}

static void put_home(X64Ctx *cx, const TnIrOp *op)
{
    bool wide = op->type == TN_V256;

    x64_unshare_home(cx, op->aux);
    x64_vstore(&cx->e, wide, x64_vin(cx, op->a), x64_reg_home(op->aux));
    if (clears_upper(op))
        clear_upper_home(cx, op->aux);
    if (cx->temps[op->a].last > cx->i && cx->temps[op->a].home < 0 && is_wide(cx, op->a) == wide)
        x64_set_home(cx, op->a, op->aux);
}

static void lower_put(X64Ctx *cx, const TnIrOp *op)
{
    int pin = x64_plan.vpin[op->aux];

    cx->wide_used |= op->type == TN_V256;
    if (pin != X64_NONE)
        put_pinned(cx, op, pin);
    else
        put_home(cx, op);
}

/* ---- CLEAR_UPPER ----------------------------------------------------------------------------- */

/* Those that are pinned; returns which host registers they have. */
static uint32_t pins_of(const TnIrOp *op)
{
    uint32_t pins = 0;

    for (int r = op->aux; r < op->aux + (int)op->imm; r++)
        pins |= x64_plan.vpin[r] != X64_NONE ? 1u << x64_plan.vpin[r] : 0;
    return pins;
}

static void clear_some(X64Ctx *cx, uint32_t pins)
{
    for (int reg = 0; reg < 16; reg++) {
        if (!(pins >> reg & 1))
            continue;
        x64_vevict(cx, reg, true);
        x64_vex_rr(&cx->e, X64_MOVAPS, 0, reg, X64_NONE, reg);
    }
}

static void lower_clear_upper(X64Ctx *cx, const TnIrOp *op)
{
    uint32_t pins = pins_of(op);

    for (int r = op->aux; r < op->aux + (int)op->imm; r++) {
        if (x64_plan.vpin[r] != X64_NONE)
            continue;
        if (x64_home_of(cx, (int)r) && is_wide(cx, cx->home_of[r]))
            x64_unshare_home(cx, r);
        clear_upper_home(cx, r);
    }
    if (!pins || pins != x64_plan.vpin_mask) {
        clear_some(cx, pins);
        return;
    }
    x64_spill_wide(cx);
    x64_vzeroupper(&cx->e);
    x64_store_imm(&cx->e, 0, x64_vec_state(), X64_VEC_LOW | X64_VEC_WHOLE);
    cx->vec_dirty = false;
}

void x64_lower_vector_reg(X64Ctx *cx, const TnIrOp *op)
{
    switch (op->opc) {
    case TN_IR_GET:
        lower_get(cx, op);
        break;
    case TN_IR_PUT:
        lower_put(cx, op);
        break;
    default:
        lower_clear_upper(cx, op);
        break;
    }
}
