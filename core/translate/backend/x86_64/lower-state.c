/* SPDX-License-Identifier: MIT */
/* IR to code: declared registers and the rest of the target's state. */
#include "compile.h"

static bool reg_is_64(int declared)
{
    return x64_plan.type[declared] == TN_I64;
}

static void get_int(X64Ctx *cx, const TnIrOp *op)
{
    int declared = op->aux, pin = x64_plan.pin[declared];

    if (op->type == TN_I32 && reg_is_64(declared)) {
        int dst = x64_out(cx, op->dst, X64_NONE, 0);

        if (pin != X64_NONE)
            x64_mov_rr(&cx->e, 0, dst, pin);
        else
            x64_load(&cx->e, 0, dst, x64_reg_home(declared));
    } else if (pin != X64_NONE) {
        x64_bind(cx, op->dst, pin);
    } else if (x64_home_of(cx, declared)) {
        /* A low half and the whole of a register: one of them has the place. */
        x64_load(&cx->e, X64_W, x64_out(cx, op->dst, X64_NONE, 0), x64_reg_home(declared));
    } else {
        /* Loaded when it is needed, or used from where it is. */
        x64_set_home(cx, op->dst, declared);
        cx->temps[op->dst].flags |= X64_T_DEFINED;
    }
}

/* XOR makes a zero in two or three bytes, where the host's flags are nobody's. */
static void make_constant(X64Ctx *cx, int reg, uint64_t value)
{
    if (value == 0 && cx->e.flags_at != cx->e.p)
        x64_rr(&cx->e, X64_XOR, reg, reg);
    else
        x64_mov_ri(&cx->e, reg, value);
}

static void put_pinned(X64Ctx *cx, const TnIrOp *op, int pin)
{
    X64Temp *t = &cx->temps[op->a];
    bool is_const = t->flags & X64_T_CONST;
    int reg = is_const ? X64_NONE : t->reg;
    unsigned w = op->type == TN_I64 ? X64_W : 0;

    if (reg == pin && w) /* flags that have just been made there */
        return;
    if (reg != X64_NONE)
        cx->locked |= 1u << reg;
    x64_release(cx);
    if (x64_is_full(cx, (unsigned)pin))
        x64_evict(cx, pin);
    if (reg != X64_NONE) {
        x64_mov_rr(&cx->e, w, pin, reg);
    } else if (is_const) {
        make_constant(cx, pin, w ? t->value : (uint32_t)t->value);
    } else {
        X64Src src = x64_peek_memory(cx, op->a);

        x64_mov_src(cx, w, pin, &src);
    }
    if (w && t->last > cx->i)
        x64_rebind(cx, op->a, pin);
}

static void store_reg(X64Ctx *cx, const TnIrOp *op)
{
    unsigned size = reg_is_64(op->aux) ? 3 : 2;
    X64Mem home = x64_reg_home(op->aux);
    X64Temp *t = &cx->temps[op->a];

    uint64_t value = op->type == TN_I32 ? (uint32_t)t->value : t->value;

    if ((t->flags & X64_T_CONST) && (size == 2 || x64_fits32(value))) {
        x64_store_imm(&cx->e, size, home, (int32_t)value);
        return;
    }
    int reg = x64_in(cx, op->a);

    /* The upper half becomes zero. Two stores would hold up a load of both. */
    if (size == 3 && op->type == TN_I32) {
        int low = x64_tmp(cx);

        x64_mov_rr(&cx->e, 0, low, reg);
        x64_store(&cx->e, X64_W, low, home);
        return;
    }
    x64_store(&cx->e, size == 3 ? X64_W : 0, reg, home);
    if (t->last > cx->i && t->home < 0)
        x64_set_home(cx, op->a, op->aux);
}

static void put_int(X64Ctx *cx, const TnIrOp *op)
{
    int declared = op->aux, pin = x64_plan.pin[declared];

    if (pin != X64_NONE) {
        put_pinned(cx, op, pin);
        return;
    }
    x64_unshare_home(cx, declared);
    if (declared == x64_plan.flags_reg)
        cx->pending_flags = op->a;
    else
        store_reg(cx, op);
}

static void load_int(X64Ctx *cx, unsigned type, int dst, X64Mem m)
{
    static const uint32_t load[] = { X64_MOVZX8 & ~X64_BYTE_RM, X64_MOVZX16, X64_MOV_LOAD,
                                     X64_MOV_LOAD | X64_W };

    x64_rm(&cx->e, load[type], dst, m);
}

static void lower_ldenv(X64Ctx *cx, const TnIrOp *op)
{
    X64Mem m = x64_env(x64_state_ofs(op->imm));

    if (tn_ir_type_is_vector(op->type)) {
        bool wide = op->type == TN_V256;

        cx->wide_used |= wide;
        x64_vload(&cx->e, wide, x64_vout(cx, op->dst, X64_NONE, 0), m);
        return;
    }
    if ((int64_t)op->imm == x64_plan.target->mxcsr_offset) {
        x64_claim(cx, X64_RAX);
        x64_call(&cx->e, x64_thunks.mxcsr_store);
    }
    load_int(cx, op->type, x64_out(cx, op->dst, X64_NONE, 0), m);
}

static void store_int(X64Ctx *cx, const TnIrOp *op, X64Mem m)
{
    const X64Temp *t = &cx->temps[op->a];

    if ((t->flags & X64_T_CONST) && (op->type != TN_I64 || x64_fits32(t->value)))
        x64_store_imm(&cx->e, op->type, m, (int32_t)t->value);
    else
        x64_store_sized(&cx->e, op->type, x64_in(cx, op->a), m);
}

static void lower_stenv(X64Ctx *cx, const TnIrOp *op)
{
    X64Mem m = x64_env(x64_state_ofs(op->imm));

    if (tn_ir_type_is_vector(op->type)) {
        bool wide = op->type == TN_V256;

        cx->wide_used |= wide;
        x64_vstore(&cx->e, wide, x64_vin(cx, op->a), m);
        return;
    }
    if ((int64_t)op->imm != x64_plan.target->mxcsr_offset) {
        store_int(cx, op, m);
        return;
    }
    x64_claim(cx, X64_RAX);
    x64_call(&cx->e, x64_thunks.mxcsr_leave);
    store_int(cx, op, m);
    x64_claim(cx, X64_RCX);
    x64_call(&cx->e, x64_thunks.mxcsr_enter);
}

static void lower_ldcode(X64Ctx *cx, const TnIrOp *op)
{
    int dst = x64_out(cx, op->dst, X64_NONE, 0);

    cx->e.bound = true;
    x64_mov_ri(&cx->e, dst, op->imm);
    x64_rm(&cx->e, op->type == TN_I64 ? X64_MOVSXD | X64_W : X64_MOV_LOAD, dst, x64_mem(dst, 0));
}

void x64_lower_get(X64Ctx *cx, const TnIrOp *op)
{
    if (TN_UNLIKELY(tn_ir_type_is_vector(op->type)))
        x64_lower_vector_reg(cx, op);
    else
        get_int(cx, op);
}

void x64_lower_put(X64Ctx *cx, const TnIrOp *op)
{
    if (TN_UNLIKELY(tn_ir_type_is_vector(op->type)))
        x64_lower_vector_reg(cx, op);
    else
        put_int(cx, op);
}

void x64_lower_state(X64Ctx *cx, const TnIrOp *op)
{
    if (op->opc <= TN_IR_CLEAR_UPPER && tn_ir_type_is_vector(op->type)) {
        x64_lower_vector_reg(cx, op);
        return;
    }
    switch (op->opc) {
    case TN_IR_LDENV:
        lower_ldenv(cx, op);
        break;
    case TN_IR_STENV:
        lower_stenv(cx, op);
        break;
    case TN_IR_LDCODE:
        lower_ldcode(cx, op);
        break;
    default:
        x64_lea(&cx->e, X64_W, x64_out(cx, op->dst, X64_NONE, 0),
                x64_env(x64_state_ofs(op->imm)));
        break;
    }
}
