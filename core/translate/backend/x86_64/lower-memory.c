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

/* From the sum of two registers and a displacement. */
static inline void load(X64Ctx *cx, const TnIrOp *op, int dst, int base, int index, int32_t disp)
{
    if (TN_UNLIKELY(is_swapped(op)))
        swapped_load(cx, op, dst, x64_mem_index(base, index, 0, disp));
    else
        cx->e.p = x64_put_indexed(cx->e.p, load_op(op->type, op->aux), dst, base, index, disp);
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

/* Of `reg`, or of the number where it is X64_NONE. It keeps the host's flags. */
static inline void store(X64Ctx *cx, unsigned type, int reg, uint64_t number, int base, int index,
                         int32_t disp)
{
    static const uint16_t ops[2][4] = {
        { (X64_MOV_STORE - 1) | X64_BYTE_REG, X64_MOV_STORE, X64_MOV_STORE, X64_MOV_STORE | X64_W },
        { X64_MOV_IMM32 - 1, X64_MOV_IMM32, X64_MOV_IMM32, X64_MOV_IMM32 | X64_W },
    };
    static const uint8_t bytes[2][4] = { { 0, 0, 0, 0 }, { 1, 2, 4, 4 } };
    enum { NARROW = 0x66 };
    bool is_imm = reg == X64_NONE;
    uint8_t *p = cx->e.p;

    *p = NARROW;
    p += type == TN_I16;
    p = x64_put_indexed(p, ops[is_imm][type], is_imm ? 0 : reg, base, index, disp);
    p = x64_put(p, number, bytes[is_imm][type]);
    cx->e.flags_at = cx->e.flags_at == cx->e.p ? p : cx->e.flags_at;
    cx->e.p = p;
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

/* The register of the value that is stored, X64_NONE where an instruction takes the number. */
static inline int stored_reg(X64Ctx *cx, const TnIrOp *op)
{
    const X64Temp *v = &cx->temps[op->b];

    if ((v->flags & X64_T_CONST) && !(op->aux & TN_MEM_BSWAP) &&
        (op->type != TN_I64 || x64_fits32(v->value)))
        return X64_NONE;
    return x64_in(cx, op->b);
}

static inline uint64_t stored_number(const X64Ctx *cx, const TnIrOp *op)
{
    return cx->temps[op->b].value;
}

/* The registers of a probe: for what it finds, which of a group stays, and for the tag. */
static inline X64TwoRegs probe_regs(X64Ctx *cx, const X64Group *g)
{
    int index;

    if (!g)
        return x64_two_tmps(cx);
    index = g->probed ? x64_in(cx, g->addend) : x64_out(cx, g->addend, X64_NONE, 0);
    return (X64TwoRegs){ index, x64_tmp(cx) };
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
    int ra = address(cx, op, &disp), base, dst;
    X64TwoRegs regs;
    X64Stub *s;
    uint8_t *move;

    if (is_settled(g)) {
        base = x64_in(cx, g->addend);
        x64_release(cx);
        dst = x64_out(cx, op->dst, X64_NONE, 0);
        load(cx, op, dst, base, ra, disp);
        return;
    }
    regs = probe_regs(cx, g);
    s = x64_new_stub(cx, op, X64_STUB_LOAD);
    x64_release(cx);
    dst = x64_out(cx, op->dst, regs.second, 0);
    s->addr = (int8_t)ra;
    s->dst = (int8_t)dst;
    s->disp = disp;
    x64_probe(cx, s, op, g, regs.first, regs.second);
    move = cx->e.p;
    load(cx, op, dst, regs.first, ra, disp);
    end_access(cx, op, s, move);
}

/* The value goes by way of tmp. */
static __attribute__((noinline)) void store_swapped(X64Ctx *cx, const TnIrOp *op, int tmp, X64Mem m)
{
    swapped_store(cx, op, stored_reg(cx, op), tmp == X64_NONE ? x64_tmp(cx) : tmp, m);
}

static void lower_store(X64Ctx *cx, const TnIrOp *op, X64Group *g)
{
    int32_t disp;
    int ra = address(cx, op, &disp), reg, base, tag = X64_NONE;
    X64Stub *s = NULL;
    uint8_t *move;

    if (is_settled(g)) {
        base = x64_in(cx, g->addend);
        reg = stored_reg(cx, op);
    } else {
        X64TwoRegs regs;

        reg = stored_reg(cx, op);
        regs = probe_regs(cx, g);
        base = regs.first;
        tag = regs.second;
        s = x64_new_stub(cx, op, X64_STUB_STORE);
        s->addr = (int8_t)ra;
        s->value = (X64Src){ .kind = reg == X64_NONE ? X64_SRC_IMM : X64_SRC_REG, .reg = (int8_t)reg,
                             .imm = stored_number(cx, op) };
        s->disp = disp;
        x64_probe(cx, s, op, g, base, tag);
    }
    move = cx->e.p;
    if (TN_UNLIKELY(is_swapped(op)))
        store_swapped(cx, op, tag, x64_mem_index(base, ra, 0, disp));
    else
        store(cx, op->type, reg, stored_number(cx, op), base, ra, disp);
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
    int ra = address(cx, op, &disp);
    X64TwoRegs regs = probe_regs(cx, g);
    int reg = is_load ? X64_NONE : x64_vin(cx, op->b);
    X64Stub *s = x64_new_stub(cx, op, vector_kind(op));
    X64Mem m = x64_mem_index(regs.first, ra, 0, disp);

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
    x64_probe(cx, s, op, g, regs.first, regs.second);
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
    int reg = stored_reg(cx, op);

    if (is_swapped(op))
        swapped_store(cx, op, reg, x64_tmp(cx), m);
    else if (reg == X64_NONE)
        x64_store_imm(&cx->e, op->type, m, (int32_t)stored_number(cx, op));
    else
        x64_store_sized(&cx->e, op->type, reg, m);
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
