/* SPDX-License-Identifier: MIT */
/*
 * IR to code: guest memory. Most accesses are plain loads and stores of general registers, singly
 * behind a probe (probe.c) or in a group whose first access has seen to it that they cannot fail.
 */
#include "compile.h"
#include "put.h"
#include "slow.h"

/* ---- The host's access --------------------------------------------------------------------- */

/* Extended as bits TN_MEM_SIGN and TN_MEM_DST32 say. */
static inline uint32_t load_op(unsigned type, unsigned aux)
{
    static const uint16_t plain[] = { X64_MOVZX8 & ~X64_BYTE_RM, X64_MOVZX16, X64_MOV_LOAD,
                                      X64_MOV_LOAD | X64_W };
    static const uint16_t sign[][4] = {
        { (X64_MOVSX8 & ~X64_BYTE_RM) | X64_W, X64_MOVSX16 | X64_W, X64_MOVSXD,
          X64_MOV_LOAD | X64_W },
        { X64_MOVSX8 & ~X64_BYTE_RM, X64_MOVSX16, X64_MOV_LOAD, X64_MOV_LOAD },
    };

    return aux & TN_MEM_SIGN ? sign[!!(aux & TN_MEM_DST32)][type] : plain[type];
}

/* Other byte order: load plainly, swap, extend. */
static __attribute__((noinline)) void swapped_load(X64Ctx *cx, const TnIrOp *op, int dst, X64Mem m)
{
    bool is_signed = op->aux & TN_MEM_SIGN, to32 = is_signed && (op->aux & TN_MEM_DST32);

    x64_rm(&cx->e, load_op(op->type, 0), dst, m);
    if (op->type == TN_I8)
        return;
    if (op->type == TN_I16) {
        x64_rri(&cx->e, X64_GRP2_IMM8 | X64_66, X64_G2_ROL, dst, 8);
        if (is_signed)
            x64_rr(&cx->e, X64_MOVSX16 | (to32 ? 0 : X64_W), dst, dst);
        return;
    }
    x64_bswap(&cx->e, op->type == TN_I64 ? X64_W : 0, dst);
    if (is_signed && op->type == TN_I32 && !to32)
        x64_rr(&cx->e, X64_MOVSXD, dst, dst);
    if (to32 && op->type == TN_I64)
        x64_mov_rr(&cx->e, 0, dst, dst);
}

static inline bool is_swapped(const TnIrOp *op)
{
    return (op->aux & TN_MEM_BSWAP) && op->type != TN_I8;
}

static inline void load(X64Ctx *cx, const TnIrOp *op, int dst, X64Mem m)
{
    if (TN_UNLIKELY(is_swapped(op)))
        swapped_load(cx, op, dst, m);
    else
        cx->e.p = x64_put_indexed(cx->e.p, load_op(op->type, op->aux), dst, m);
}

static __attribute__((noinline)) void swapped_store(X64Ctx *cx, const TnIrOp *op, int value, int tmp,
                                                    X64Mem m)
{
    x64_mov_rr(&cx->e, X64_W, tmp, value);
    if (op->type == TN_I16)
        x64_rri(&cx->e, X64_GRP2_IMM8 | X64_66, X64_G2_ROL, tmp, 8);
    else
        x64_bswap(&cx->e, op->type == TN_I64 ? X64_W : 0, tmp);
    x64_store_sized(&cx->e, op->type, tmp, m);
}

static inline uint8_t *put_store(uint8_t *p, const TnIrOp *op, const X64Src *value, X64Mem m)
{
    static const uint16_t of_reg[] = { (X64_MOV_STORE - 1) | X64_BYTE_REG, X64_MOV_STORE,
                                       X64_MOV_STORE, X64_MOV_STORE | X64_W };
    static const uint16_t of_imm[] = { X64_MOV_IMM32 - 1, X64_MOV_IMM32, X64_MOV_IMM32,
                                       X64_MOV_IMM32 | X64_W };
    enum { NARROW = 0x66 };

    *p = NARROW;
    p += op->type == TN_I16;
    if (value->kind == X64_SRC_REG)
        return x64_put_indexed(p, of_reg[op->type], value->reg, m);
    p = x64_put_indexed(p, of_imm[op->type], 0, m);
    return x64_put(p, value->imm, MIN(1u << op->type, sizeof(int32_t)));
}

/* It keeps the host's flags. */
static inline void store(X64Ctx *cx, const TnIrOp *op, const X64Src *value, int tmp, X64Mem m)
{
    X64Emit *e = &cx->e;
    uint8_t *p;

    if (TN_UNLIKELY(is_swapped(op))) {
        swapped_store(cx, op, value->reg, tmp, m);
        return;
    }
    p = put_store(e->p, op, value, m);
    e->flags_at = e->flags_at == e->p ? p : e->flags_at;
    e->p = p;
}

/* ---- Operands ------------------------------------------------------------------------------ */

enum { ROOM = 64 }; /* no access is longer */

static __attribute__((noinline)) int far_address(X64Ctx *cx, const TnIrOp *op)
{
    int ra = x64_in(cx, op->a), sum = x64_tmp(cx);

    x64_mov_ri(&cx->e, sum, op->imm);
    x64_rr(&cx->e, X64_ADD | X64_W, sum, ra);
    return sum;
}

/* The register with the address; displacements that do not fit are added. */
static inline int address(X64Ctx *cx, const TnIrOp *op, int32_t *disp)
{
    bool fits = op->imm - (uint64_t)INT32_MIN < (uint64_t)INT32_MAX - ROOM - (uint64_t)INT32_MIN;

    *disp = fits ? (int32_t)op->imm : 0;
    return TN_LIKELY(fits) ? x64_in(cx, op->a) : far_address(cx, op);
}

static inline X64Src stored_value(X64Ctx *cx, const TnIrOp *op)
{
    const X64Temp *v = &cx->temps[op->b];

    if ((v->flags & X64_T_CONST) && !(op->aux & TN_MEM_BSWAP) &&
        (op->type != TN_I64 || x64_fits32(v->value)))
        return (X64Src){ .kind = X64_SRC_IMM, .imm = v->value };
    return (X64Src){ .kind = X64_SRC_REG, .reg = (int8_t)x64_in(cx, op->b) };
}

/* The register for what the probe finds: of a group it stays. */
static inline int index_reg(X64Ctx *cx, const X64Group *g)
{
    if (!g)
        return x64_tmp(cx);
    return g->probed ? x64_in(cx, g->addend) : x64_out(cx, g->addend, X64_NONE, 0);
}

/* ---- Behind a probe ------------------------------------------------------------------------ */

/* Whether the host's instruction will say all that a slow path has to know: see x64_read_insn. */
static inline bool says_all(const TnIrOp *op)
{
    enum { MODES = 3 }; /* what the note's head has bits for */
    unsigned said = MODES | TN_MEM_SIGN | (op->type < TN_I64 ? TN_MEM_DST32 : 0);

    return !(op->aux & ~said);
}

/* Behind the plain move of the access that the slow path is of. */
static inline void end_access(X64Ctx *cx, const TnIrOp *op, X64Stub *s, uint8_t *move)
{
    if (s->teller == X64_TOLD_OF_GROUP)
        return;
    s->teller = says_all(op) ? X64_TOLD_BY_INSN : X64_TOLD_BY_NOTE;
    s->place = s->teller == X64_TOLD_BY_INSN ? move : cx->e.p;
}

/* Whether the group's first access, which was lowered before, has seen to it that none can fail. */
static inline bool is_settled(const X64Group *g)
{
    return g && g->probed && !g->looks;
}

static void lower_load(X64Ctx *cx, const TnIrOp *op, X64Group *g)
{
    int32_t disp;
    int ra = address(cx, op, &disp), index, tag, dst;
    X64Stub *s = NULL;
    uint8_t *move;
    X64Mem m;

    if (is_settled(g)) {
        m = x64_mem_index(x64_in(cx, g->addend), ra, 0, disp);
        x64_release(cx);
        dst = x64_out(cx, op->dst, X64_NONE, 0);
    } else {
        index = index_reg(cx, g);
        tag = x64_tmp(cx);
        s = x64_new_stub(cx, op, X64_STUB_LOAD);
        x64_release(cx);
        dst = x64_out(cx, op->dst, tag, 0);
        s->addr = (int8_t)ra;
        s->dst = (int8_t)dst;
        s->disp = disp;
        m = x64_probe(cx, s, op, g, index, tag);
    }
    move = cx->e.p;
    load(cx, op, dst, m);
    if (s)
        end_access(cx, op, s, move);
}

static void lower_store(X64Ctx *cx, const TnIrOp *op, X64Group *g)
{
    int32_t disp;
    int ra = address(cx, op, &disp), index, tag = X64_NONE;
    X64Stub *s = NULL;
    uint8_t *move;
    X64Src value;
    X64Mem m;

    if (is_settled(g)) {
        m = x64_mem_index(x64_in(cx, g->addend), ra, 0, disp);
        value = stored_value(cx, op);
        if (is_swapped(op))
            tag = x64_tmp(cx);
    } else {
        value = stored_value(cx, op);
        index = index_reg(cx, g);
        tag = x64_tmp(cx);
        s = x64_new_stub(cx, op, X64_STUB_STORE);
        s->addr = (int8_t)ra;
        s->value = value;
        s->disp = disp;
        m = x64_probe(cx, s, op, g, index, tag);
    }
    move = cx->e.p;
    store(cx, op, &value, tag, m);
    if (s)
        end_access(cx, op, s, move);
}

/* ---- Vectors, and accesses of hoisted groups ------------------------------------------------- */

static void vector_load(X64Ctx *cx, const TnIrOp *op, int reg, X64Mem m)
{
    if (tn_ir_type_is_vector(op->type))
        x64_vload(&cx->e, op->type == TN_V256, reg, m);
    else
        x64_vload_low(&cx->e, op->type == TN_I64 ? X64_W : 0, reg, m);
}

static void vector_store(X64Ctx *cx, const TnIrOp *op, int reg, X64Mem m)
{
    if (tn_ir_type_is_vector(op->type))
        x64_vstore(&cx->e, op->type == TN_V256, reg, m);
    else
        x64_vstore_low(&cx->e, op->type == TN_I64 ? X64_W : 0, reg, m);
}

static void plain_vector(X64Ctx *cx, const TnIrOp *op, X64Mem m)
{
    if (op->opc == TN_IR_LD) {
        x64_release(cx);
        vector_load(cx, op, x64_vout(cx, op->dst, X64_NONE, 0), m);
    } else {
        vector_store(cx, op, x64_vin(cx, op->b), m);
    }
}

static X64StubKind vector_kind(const TnIrOp *op)
{
    if (tn_ir_type_is_vector(op->type))
        return op->opc == TN_IR_LD ? X64_STUB_LOAD_VEC : X64_STUB_STORE_VEC;
    return op->opc == TN_IR_LD ? X64_STUB_LOAD : X64_STUB_STORE;
}

/* Of whole vector registers; or MOVD and MOVQ from and to memory. */
static void probed_vector(X64Ctx *cx, const TnIrOp *op, X64Group *g)
{
    bool is_load = op->opc == TN_IR_LD;
    int32_t disp;
    int ra = address(cx, op, &disp), index = index_reg(cx, g), tag = x64_tmp(cx);
    int reg = is_load ? X64_NONE : x64_vin(cx, op->b);
    X64Stub *s = x64_new_stub(cx, op, vector_kind(op));
    X64Mem m;

    if (is_load) {
        x64_release(cx);
        reg = x64_vout(cx, op->dst, X64_NONE, 0);
        s->live_vec &= (uint16_t)~(1u << reg);
    }
    s->vector = !tn_ir_type_is_vector(op->type);
    s->wide = op->type == TN_V256;
    s->dst = (int8_t)reg;
    s->value = (X64Src){ .kind = X64_SRC_REG, .reg = (int8_t)reg };
    s->addr = (int8_t)ra;
    s->disp = disp;
    m = x64_probe(cx, s, op, g, index, tag);
    if (is_load)
        vector_load(cx, op, reg, m);
    else
        vector_store(cx, op, reg, m);
    if (s->teller != X64_TOLD_OF_GROUP)
        s->place = cx->e.p;
}

static __attribute__((noinline)) void lower_vector(X64Ctx *cx, const TnIrOp *op, X64Group *g)
{
    int32_t disp;
    int ra;

    cx->wide_used |= op->type == TN_V256;
    if (!is_settled(g)) {
        probed_vector(cx, op, g);
        return;
    }
    ra = address(cx, op, &disp);
    plain_vector(cx, op, x64_mem_index(x64_in(cx, g->addend), ra, 0, disp));
}

/* These have no index. */
static void hoisted_load(X64Ctx *cx, const TnIrOp *op, X64Mem m)
{
    int dst;

    x64_release(cx);
    dst = x64_out(cx, op->dst, X64_NONE, 0);
    if (is_swapped(op))
        swapped_load(cx, op, dst, m);
    else
        x64_rm(&cx->e, load_op(op->type, op->aux), dst, m);
}

static void hoisted_store(X64Ctx *cx, const TnIrOp *op, X64Mem m)
{
    X64Src value = stored_value(cx, op);

    if (is_swapped(op))
        swapped_store(cx, op, value.reg, x64_tmp(cx), m);
    else if (value.kind == X64_SRC_IMM)
        x64_store_imm(&cx->e, op->type, m, (int32_t)value.imm);
    else
        x64_store_sized(&cx->e, op->type, value.reg, m);
}

static __attribute__((noinline)) void lower_hoisted(X64Ctx *cx, const TnIrOp *op, bool is_vector)
{
    X64Mem m = x64_hoisted(cx, op);

    cx->wide_used |= op->type == TN_V256;
    if (is_vector)
        plain_vector(cx, op, m);
    else if (op->opc == TN_IR_LD)
        hoisted_load(cx, op, m);
    else
        hoisted_store(cx, op, m);
}

void x64_lower_memory(X64Ctx *cx, const TnIrOp *op)
{
    unsigned flags = cx->info[cx->i].flags;
    bool is_vector = tn_ir_type_is_vector(op->type) || (flags & X64_OP_VECTOR);
    X64Group *g = x64_group(cx);

    if (TN_UNLIKELY(flags & X64_OP_HOISTED))
        lower_hoisted(cx, op, is_vector);
    else if (TN_UNLIKELY(is_vector))
        lower_vector(cx, op, g);
    else if (op->opc == TN_IR_LD)
        lower_load(cx, op, g);
    else
        lower_store(cx, op, g);
}
