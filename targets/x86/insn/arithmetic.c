/* SPDX-License-Identifier: MIT */
/*
 * Binary arithmetic and logic (SDM vol. 1, 5.1.2 and 5.1.4), exchanges with arithmetic, and the
 * table of the chapter. Multiplication and division are in muldiv.c, shifts in shift.c, bits in
 * bit.c.
 */
#include "emit.h"
#include "insn/general.h"

/* X86Row.helper of the eight operations that share one encoding, in that encoding's order. */
enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };

static const uint8_t alu_flag_op[] = {
    [ALU_ADD] = TN_FLAGS_ADD, [ALU_OR] = TN_FLAGS_LOGIC,  [ALU_ADC] = TN_FLAGS_ADC,
    [ALU_SBB] = TN_FLAGS_SBB, [ALU_AND] = TN_FLAGS_LOGIC, [ALU_SUB] = TN_FLAGS_SUB,
    [ALU_XOR] = TN_FLAGS_LOGIC, [ALU_CMP] = TN_FLAGS_SUB,
};

/* One operation in flight: operands, result and what the flags need. */
typedef struct Alu {
    unsigned op, size;
    TnTemp a, b, carry, result;
    const X86Operand *source; /* of b, when it may be an immediate */
} Alu;

/* ADDI and its kin where b is an immediate: no register for the constant unless flags are read. */
static TnTemp alu_simple(X86Ctx *c, const Alu *alu, TnIrOpc opc, TnIrOpc opc_imm, int64_t sign)
{
    TnIrType t = x86_calc_type(alu->size);

    if (alu->source && alu->source->kind == OPERAND_IMM)
        return tn_ir_i(c->b, opc_imm, t, alu->a, (uint64_t)(alu->source->imm * sign));
    return tn_ir_2(c->b, opc, t, alu->a, alu->b);
}

static void alu_compute(X86Ctx *c, Alu *alu)
{
    TnIrType t = x86_calc_type(alu->size);
    TnIrOpc opc = alu->op == ALU_ADC ? TN_IR_ADD : TN_IR_SUB;

    switch (alu->op) {
    case ALU_ADD:
        alu->result = alu_simple(c, alu, TN_IR_ADD, TN_IR_ADDI, 1);
        break;
    case ALU_SUB:
        alu->result = alu_simple(c, alu, TN_IR_SUB, TN_IR_ADDI, -1);
        break;
    case ALU_AND:
        alu->result = alu_simple(c, alu, TN_IR_AND, TN_IR_ANDI, 1);
        break;
    case ALU_OR:
        alu->result = alu_simple(c, alu, TN_IR_OR, TN_IR_ORI, 1);
        break;
    case ALU_XOR:
        alu->result = alu_simple(c, alu, TN_IR_XOR, TN_IR_XORI, 1);
        break;
    case ALU_ADC:
    case ALU_SBB:
        alu->carry = x86_get_flags(c);
        alu->result = tn_ir_2(c->b, opc, t, alu->a, alu->b);
        alu->result = tn_ir_2(c->b, opc, t, alu->result,
                              tn_ir_i(c->b, TN_IR_ANDI, t, alu->carry, TN_FLAG_C));
        break;
    default: /* ALU_CMP: flags only */
        break;
    }
}

static void alu_flags(X86Ctx *c, const Alu *alu)
{
    TnFlagOp fop = (TnFlagOp)alu_flag_op[alu->op];
    TnTemp a = fop == TN_FLAGS_LOGIC ? alu->result : alu->a;
    TnTemp b = fop == TN_FLAGS_LOGIC ? TN_TEMP_NONE : alu->b;

    x86_put_flags(c, tn_ir_flags(c->b, fop, x86_log2(alu->size), a, b, alu->carry));
}

/*
 * A locked operation without an atomic of its own: compute from a plain load, and where memory has
 * changed since, run the instruction again.
 */
static void alu_cas(X86Ctx *c, const Alu *alu, TnTemp addr, TnTemp old)
{
    unsigned mem = x86_mem_flags(c, alu->size) | TN_MEM_LOCKED;
    TnTemp now = tn_ir_atomic_cas(c->b, x86_type(alu->size), addr, old, alu->result, mem);

    tn_ir_exit_if(c->b, tn_ir_setcond(c->b, TN_I64, TN_COND_NE, now, old), c->pc);
}

static void alu_locked(X86Ctx *c, Alu *alu)
{
    static const int8_t atomics[] = {
        [ALU_ADD] = TN_ATOMIC_ADD, [ALU_OR] = TN_ATOMIC_OR,   [ALU_ADC] = -1, [ALU_SBB] = -1,
        [ALU_AND] = TN_ATOMIC_AND, [ALU_SUB] = TN_ATOMIC_ADD, [ALU_XOR] = TN_ATOMIC_XOR,
    };
    unsigned mem = x86_mem_flags(c, alu->size) | TN_MEM_LOCKED;
    TnTemp addr = x86_mem_addr(c, alu->size, true), b = alu->b;

    if (atomics[alu->op] < 0) {
        alu->a = tn_ir_ld(c->b, x86_type(alu->size), addr, 0, mem | TN_MEM_RMW);
        alu_compute(c, alu);
        alu_cas(c, alu, addr, alu->a);
        return;
    }
    if (alu->op == ALU_SUB)
        b = tn_ir_1(c->b, TN_IR_NEG, x86_calc_type(alu->size), b);
    alu->a = tn_ir_atomic_rmw(c->b, x86_type(alu->size), (TnAtomicOp)atomics[alu->op], addr, b,
                              mem);
    alu_compute(c, alu);
}

/* XOR r, r and SUB r, r: the result and the flags are constants. */
static bool alu_is_zeroing(const X86Ctx *c)
{
    unsigned op = c->row->helper;

    return (op == ALU_XOR || op == ALU_SUB) && c->op[0].kind == OPERAND_REG &&
           c->op[1].kind == OPERAND_REG && c->op[0].reg == c->op[1].reg && c->op[0].size >= 4;
}

/* With LOCK, or with the carry. */
static void alu_odd(X86Ctx *c)
{
    Alu alu = { .op = c->row->helper, .size = c->op[0].size, .source = &c->op[1] };

    alu.b = x86_read_any(c, 1);
    if (c->lock) {
        alu_locked(c, &alu);
    } else {
        alu.a = x86_read_rmw(c, 0);
        alu_compute(c, &alu);
        x86_write(c, 0, alu.result);
    }
    alu_flags(c, &alu);
}

/* The operations of two values, and of one with an immediate, which is that of the negative for SUB. */
static const struct {
    uint8_t opc, opc_imm;
    bool minus;
} alu_forms[] = {
    [ALU_ADD] = { TN_IR_ADD, TN_IR_ADDI, false }, [ALU_OR] = { TN_IR_OR, TN_IR_ORI, false },
    [ALU_AND] = { TN_IR_AND, TN_IR_ANDI, false }, [ALU_SUB] = { TN_IR_SUB, TN_IR_ADDI, true },
    [ALU_XOR] = { TN_IR_XOR, TN_IR_XORI, false }, [ALU_CMP] = { 0 },
};

EMIT TnTemp emit_alu(X86Emit *e, unsigned op, TnTemp a, TnTemp b)
{
    TnIrType t = x86_calc_type(e->c->op[0].size);
    const X86Operand *source = &e->c->op[1];
    uint64_t imm = (uint64_t)source->imm;

    if (source->kind != OPERAND_IMM)
        return emit_op(e, (TnIrOpc)alu_forms[op].opc, t, 0, a, b, 0);
    return emit_op(e, (TnIrOpc)alu_forms[op].opc_imm, t, 0, a, 0,
                   alu_forms[op].minus ? -imm : imm);
}

EMIT void gen_alu(X86Ctx *c, bool odd)
{
    unsigned op = c->row->helper, size = c->op[0].size;
    TnFlagOp fop = (TnFlagOp)alu_flag_op[op];
    X86Emit e = x86_emit(c, odd);
    TnTemp b = emit_read_any(&e, 1, 0);
    TnTemp a = emit_read_any(&e, 0, op == ALU_CMP ? 0 : TN_MEM_RMW), result;

    if (op != ALU_CMP) {
        result = emit_alu(&e, op, a, b);
        emit_write(&e, 0, result, true);
        if (fop == TN_FLAGS_LOGIC) {
            a = result;
            b = TN_TEMP_NONE;
        }
    }
    emit_flags(&e, fop, size, a, b);
    x86_emit_done(&e);
}

EMIT_ODD(gen_alu_odd, gen_alu)

static void gen_zeroing(X86Ctx *c)
{
    X86Emit e = x86_emit(c, false);

    emit_put(&e, x86_calc_type(c->op[0].size), c->op[0].reg, emit_const(&e, TN_I32, 0), true);
    emit_put(&e, TN_I32, X86_REG_FLAGS, emit_const(&e, TN_I32, TN_FLAG_Z | TN_FLAG_P), true);
    x86_emit_done(&e);
}

/* ADD OR ADC SBB AND SUB XOR CMP r/m, r; r, r/m; r/m, imm */
void x86_gen_alu(X86Ctx *c)
{
    unsigned op = c->row->helper;

    if (alu_is_zeroing(c))
        gen_zeroing(c);
    else if (c->lock || op == ALU_ADC || op == ALU_SBB)
        alu_odd(c);
    else if (c->odd_operands)
        gen_alu_odd(c);
    else
        gen_alu(c, false);
}

EMIT void gen_test(X86Ctx *c, bool odd)
{
    X86Emit e = x86_emit(c, odd);
    TnTemp a = emit_read_any(&e, 0, 0), b = emit_read_any(&e, 1, 0);

    if (c->op[0].kind != OPERAND_REG || c->op[1].kind != OPERAND_REG ||
        c->op[0].reg != c->op[1].reg || c->op[0].high != c->op[1].high)
        a = emit_alu(&e, ALU_AND, a, b);
    emit_flags(&e, TN_FLAGS_LOGIC, c->op[0].size, a, TN_TEMP_NONE);
    x86_emit_done(&e);
}

EMIT_ODD(gen_test_odd, gen_test)

/* TEST r/m, r; r/m, imm */
void x86_gen_test(X86Ctx *c)
{
    if (c->odd_operands)
        gen_test_odd(c);
    else
        gen_test(c, false);
}

/* INC r/m, DEC r/m: CF stays */
void x86_gen_incdec(X86Ctx *c)
{
    unsigned size = c->op[0].size;
    bool dec = c->row->helper;
    uint64_t one = dec ? ~0ull : 1;
    TnIrType t = x86_calc_type(size);
    TnTemp a;

    if (c->lock) {
        a = tn_ir_atomic_rmw(c->b, x86_type(size), TN_ATOMIC_ADD, x86_mem_addr(c, size, true),
                             tn_ir_const(c->b, TN_I64, one),
                             x86_mem_flags(c, size) | TN_MEM_LOCKED);
    } else {
        a = x86_read_rmw(c, 0);
        x86_write(c, 0, tn_ir_i(c->b, TN_IR_ADDI, t, a, one));
    }
    x86_put_flags(c, tn_ir_flags(c->b, dec ? TN_FLAGS_DEC : TN_FLAGS_INC, x86_log2(size), a,
                                 TN_TEMP_NONE, x86_get_flags(c)));
}

/* NEG r/m */
void x86_gen_neg(X86Ctx *c)
{
    Alu alu = { .op = ALU_SUB, .size = c->op[0].size, .a = tn_ir_const(c->b, TN_I64, 0) };
    TnIrType t = x86_calc_type(alu.size);

    if (c->lock) {
        TnTemp addr = x86_mem_addr(c, alu.size, true);
        alu.b = tn_ir_ld(c->b, x86_type(alu.size), addr, 0,
                         x86_mem_flags(c, alu.size) | TN_MEM_RMW | TN_MEM_LOCKED);
        alu.result = tn_ir_1(c->b, TN_IR_NEG, t, alu.b);
        alu_cas(c, &alu, addr, alu.b);
    } else {
        alu.b = x86_read_rmw(c, 0);
        x86_write(c, 0, tn_ir_1(c->b, TN_IR_NEG, t, alu.b));
    }
    alu_flags(c, &alu);
}

/* NOT r/m: no flags */
void x86_gen_not(X86Ctx *c)
{
    unsigned size = c->op[0].size;

    if (c->lock)
        tn_ir_atomic_rmw(c->b, x86_type(size), TN_ATOMIC_XOR, x86_mem_addr(c, size, true),
                         tn_ir_const(c->b, TN_I64, ~0ull), x86_mem_flags(c, size) | TN_MEM_LOCKED);
    else
        x86_write(c, 0, tn_ir_1(c->b, TN_IR_NOT, x86_calc_type(size), x86_read_rmw(c, 0)));
}

/* XADD r/m, r: the destination is written last, which tells when both are one register */
void x86_gen_xadd(X86Ctx *c)
{
    Alu alu = { .op = ALU_ADD, .size = c->op[0].size };

    alu.b = x86_read_any(c, 1);
    if (c->lock) {
        alu_locked(c, &alu);
        x86_write(c, 1, alu.a);
    } else {
        alu.a = x86_read_rmw(c, 0);
        alu_compute(c, &alu);
        if (c->op[0].kind == OPERAND_MEM) {
            x86_write(c, 0, alu.result);
            x86_write(c, 1, alu.a);
        } else {
            x86_write(c, 1, alu.a);
            x86_write(c, 0, alu.result);
        }
    }
    alu_flags(c, &alu);
}

/* Memory is written in either case, a register only where it matched (its upper half too). */
static void cmpxchg_plain(X86Ctx *c, const Alu *alu, TnTemp source, TnTemp equal)
{
    TnIrType t = x86_calc_type(alu->size);
    unsigned reg = c->op[0].reg;

    if (c->op[0].kind == OPERAND_REG && alu->size == 4)
        x86_ir_put(c, TN_I64, reg,
                  tn_ir_select(c->b, TN_I64, equal, source, x86_ir_get(c, TN_I64, reg)));
    else
        x86_write(c, 0, tn_ir_select(c->b, t, equal, source, alu->b));
}

/* CMPXCHG r/m, r */
void x86_gen_cmpxchg(X86Ctx *c)
{
    Alu alu = { .op = ALU_SUB, .size = c->op[0].size };
    TnTemp source = x86_read(c, 1), equal, old;

    alu.a = x86_get_reg(c, RAX, alu.size);
    if (c->lock) {
        alu.b = tn_ir_atomic_cas(c->b, x86_type(alu.size), x86_mem_addr(c, alu.size, true), alu.a,
                                 source, x86_mem_flags(c, alu.size) | TN_MEM_LOCKED);
        equal = tn_ir_setcond(c->b, TN_I64, TN_COND_EQ, alu.b, alu.a);
    } else {
        alu.b = c->op[0].kind == OPERAND_MEM ? x86_read_rmw(c, 0) : x86_read(c, 0);
        equal = tn_ir_setcond(c->b, TN_I64, TN_COND_EQ, alu.b, alu.a);
        cmpxchg_plain(c, &alu, source, equal);
    }
    /* An accumulator that matched stays whole, in its upper half too. */
    old = x86_ir_get(c, TN_I64, RAX);
    TnTemp loaded = alu.b;
    if (alu.size < 4)
        loaded = tn_ir_deposit(c->b, TN_I64, old, alu.b, 0, alu.size * 8);
    if (c->op[0].kind != OPERAND_REG || c->op[0].reg != RAX || c->op[0].high)
        x86_ir_put(c, TN_I64, RAX, tn_ir_select(c->b, TN_I64, equal, old, loaded));
    alu_flags(c, &alu);
}

/* CMPXCHG8B m64, CMPXCHG16B m128 */
void x86_gen_cmpxchg8b(X86Ctx *c)
{
    TnTemp expect, value, old, equal, addr;

    if (c->op_size == 8) {
        if (!x86_has(c->s, X86_FEATURE_CX16)) {
            x86_gen_raise(c, X86_UD);
            return;
        }
        tn_ir_call_void(c->b, X86_HELPER_cmpxchg16b, x86_mem_addr(c, 16, true),
                        tn_ir_const(c->b, TN_I32, c->mmu), 0, 0);
        return;
    }
    expect = tn_ir_deposit(c->b, TN_I64, x86_get_reg(c, RAX, 4), x86_get_reg(c, RDX, 4), 32, 32);
    value = tn_ir_deposit(c->b, TN_I64, x86_get_reg(c, RBX, 4), x86_get_reg(c, RCX, 4), 32, 32);
    addr = x86_mem_addr(c, 8, true);
    old = tn_ir_atomic_cas(c->b, TN_I64, addr, expect, value, x86_mem_flags(c, 8) | TN_MEM_LOCKED);
    equal = tn_ir_setcond(c->b, TN_I64, TN_COND_EQ, old, expect);
    x86_ir_put(c, TN_I64, RAX, tn_ir_select(c->b, TN_I64, equal, x86_ir_get(c, TN_I64, RAX),
                                              tn_ir_1(c->b, TN_IR_EXT32U, TN_I64, old)));
    x86_ir_put(c, TN_I64, RDX, tn_ir_select(c->b, TN_I64, equal, x86_ir_get(c, TN_I64, RDX),
                                              tn_ir_i(c->b, TN_IR_SHRI, TN_I64, old, 32)));
    x86_put_flags(c, tn_ir_deposit(c->b, TN_I32, x86_get_flags(c), equal, 6, 1));
}

#define ALU_ROWS(name, op, r0, r1, r2, r3, r4, r5, lock) \
    { r0 " /r", name " Eb Gb", x86_gen_alu, .flags = lock, .helper = op }, \
    { r1 " /r", name " Ev Gv", x86_gen_alu, .flags = lock, .helper = op }, \
    { r2 " /r", name " Gb Eb", x86_gen_alu, .helper = op }, \
    { r3 " /r", name " Gv Ev", x86_gen_alu, .helper = op }, \
    { r4 " ib", name " AL Ib", x86_gen_alu, .helper = op }, \
    { r5 " iz", name " rAX Iz", x86_gen_alu, .helper = op }
#define ALU_IMM_ROWS(name, op, digit, lock) \
    { "80 /" digit " ib", name " Eb Ib", x86_gen_alu, .flags = lock, .helper = op }, \
    { "81 /" digit " iz", name " Ev Iz", x86_gen_alu, .flags = lock, .helper = op }, \
    { "82 /" digit " ib", name " Eb Ib", x86_gen_alu, .flags = (lock) | ROW_NO64, .helper = op }, \
    { "83 /" digit " ib", name " Ev Ib", x86_gen_alu, .flags = lock, .helper = op }
#define SHIFT_ROWS(name, digit, gen, op) \
    { "C0 /" digit " ib", name " Eb Ib", gen, .helper = op }, \
    { "C1 /" digit " ib", name " Ev Ib", gen, .helper = op }, \
    { "D0 /" digit, name " Eb 1", gen, .helper = op }, \
    { "D1 /" digit, name " Ev 1", gen, .helper = op }, \
    { "D2 /" digit, name " Eb CL", gen, .helper = op }, \
    { "D3 /" digit, name " Ev CL", gen, .helper = op }
#define BT_ROWS(name, opcode, digit, op, lock) \
    { "0F " opcode " /r", name " Ev Gv", x86_gen_bt, .flags = lock, .helper = op }, \
    { "0F BA /" digit " ib", name " Ev Ib", x86_gen_bt, .flags = lock, .helper = op }

const X86Row x86_rows_arithmetic[] = {
    ALU_ROWS("ADD", ALU_ADD, "00", "01", "02", "03", "04", "05", ROW_LOCK),
    ALU_ROWS("OR", ALU_OR, "08", "09", "0A", "0B", "0C", "0D", ROW_LOCK),
    ALU_ROWS("ADC", ALU_ADC, "10", "11", "12", "13", "14", "15", ROW_LOCK),
    ALU_ROWS("SBB", ALU_SBB, "18", "19", "1A", "1B", "1C", "1D", ROW_LOCK),
    ALU_ROWS("AND", ALU_AND, "20", "21", "22", "23", "24", "25", ROW_LOCK),
    ALU_ROWS("SUB", ALU_SUB, "28", "29", "2A", "2B", "2C", "2D", ROW_LOCK),
    ALU_ROWS("XOR", ALU_XOR, "30", "31", "32", "33", "34", "35", ROW_LOCK),
    ALU_ROWS("CMP", ALU_CMP, "38", "39", "3A", "3B", "3C", "3D", 0),
    ALU_IMM_ROWS("ADD", ALU_ADD, "0", ROW_LOCK),
    ALU_IMM_ROWS("OR", ALU_OR, "1", ROW_LOCK),
    ALU_IMM_ROWS("ADC", ALU_ADC, "2", ROW_LOCK),
    ALU_IMM_ROWS("SBB", ALU_SBB, "3", ROW_LOCK),
    ALU_IMM_ROWS("AND", ALU_AND, "4", ROW_LOCK),
    ALU_IMM_ROWS("SUB", ALU_SUB, "5", ROW_LOCK),
    ALU_IMM_ROWS("XOR", ALU_XOR, "6", ROW_LOCK),
    ALU_IMM_ROWS("CMP", ALU_CMP, "7", 0),
    { "84 /r", "TEST Eb Gb", x86_gen_test },
    { "85 /r", "TEST Ev Gv", x86_gen_test },
    { "A8 ib", "TEST AL Ib", x86_gen_test },
    { "A9 iz", "TEST rAX Iz", x86_gen_test },
    { "F6 /0 ib", "TEST Eb Ib", x86_gen_test },
    { "F6 /1 ib", "TEST Eb Ib", x86_gen_test },
    { "F7 /0 iz", "TEST Ev Iz", x86_gen_test },
    { "F7 /1 iz", "TEST Ev Iz", x86_gen_test },
    { "FE /0", "INC Eb", x86_gen_incdec, .flags = ROW_LOCK, .helper = 0 },
    { "FF /0", "INC Ev", x86_gen_incdec, .flags = ROW_LOCK, .helper = 0 },
    { "40+r", "INC Zv", x86_gen_incdec, .flags = ROW_NO64, .helper = 0 },
    { "FE /1", "DEC Eb", x86_gen_incdec, .flags = ROW_LOCK, .helper = 1 },
    { "FF /1", "DEC Ev", x86_gen_incdec, .flags = ROW_LOCK, .helper = 1 },
    { "48+r", "DEC Zv", x86_gen_incdec, .flags = ROW_NO64, .helper = 1 },
    { "F6 /2", "NOT Eb", x86_gen_not, .flags = ROW_LOCK },
    { "F7 /2", "NOT Ev", x86_gen_not, .flags = ROW_LOCK },
    { "F6 /3", "NEG Eb", x86_gen_neg, .flags = ROW_LOCK },
    { "F7 /3", "NEG Ev", x86_gen_neg, .flags = ROW_LOCK },
    { "0F C0 /r", "XADD Eb Gb", x86_gen_xadd, .flags = ROW_LOCK },
    { "0F C1 /r", "XADD Ev Gv", x86_gen_xadd, .flags = ROW_LOCK },
    { "0F B0 /r", "CMPXCHG Eb Gb", x86_gen_cmpxchg, .flags = ROW_LOCK },
    { "0F B1 /r", "CMPXCHG Ev Gv", x86_gen_cmpxchg, .flags = ROW_LOCK },
    { "0F C7 /1:m", "CMPXCHG8B Mq", x86_gen_cmpxchg8b, .flags = ROW_LOCK,
      .feature = X86_FEATURE_CX8 },

    { "F6 /4", "MUL Eb", x86_gen_mul },
    { "F7 /4", "MUL Ev", x86_gen_mul },
    { "F6 /5", "IMUL Eb", x86_gen_imul },
    { "F7 /5", "IMUL Ev", x86_gen_imul },
    { "0F AF /r", "IMUL Gv Ev", x86_gen_imul2 },
    { "6B /r ib", "IMUL Gv Ev Ib", x86_gen_imul2 },
    { "69 /r iz", "IMUL Gv Ev Iz", x86_gen_imul2 },
    { "F6 /6", "DIV Eb", x86_gen_div, .arg = 0 },
    { "F7 /6", "DIV Ev", x86_gen_div, .arg = 0 },
    { "F6 /7", "IDIV Eb", x86_gen_div, .arg = 1 },
    { "F7 /7", "IDIV Ev", x86_gen_div, .arg = 1 },
    { "98", "CBW", x86_gen_cbw },
    { "99", "CWD", x86_gen_cwd },
    { "27", "DAA", x86_gen_decimal, .flags = ROW_NO64, .helper = X86_HELPER_daa },
    { "2F", "DAS", x86_gen_decimal, .flags = ROW_NO64, .helper = X86_HELPER_das },
    { "37", "AAA", x86_gen_decimal, .flags = ROW_NO64, .helper = X86_HELPER_aaa },
    { "3F", "AAS", x86_gen_decimal, .flags = ROW_NO64, .helper = X86_HELPER_aas },
    { "D4 ib", "AAM Ib", x86_gen_aam, .flags = ROW_NO64, .helper = X86_HELPER_aam },
    { "D5 ib", "AAD Ib", x86_gen_aam, .flags = ROW_NO64, .helper = X86_HELPER_aad },

    SHIFT_ROWS("ROL", "0", x86_gen_rotate, TN_FLAGS_ROL),
    SHIFT_ROWS("ROR", "1", x86_gen_rotate, TN_FLAGS_ROR),
    SHIFT_ROWS("RCL", "2", x86_gen_rotate_carry, 0),
    SHIFT_ROWS("RCR", "3", x86_gen_rotate_carry, 1),
    SHIFT_ROWS("SHL", "4", x86_gen_shift, TN_FLAGS_SHL),
    SHIFT_ROWS("SHR", "5", x86_gen_shift, TN_FLAGS_SHR),
    SHIFT_ROWS("SHL", "6", x86_gen_shift, TN_FLAGS_SHL), /* undocumented twin of /4 */
    SHIFT_ROWS("SAR", "7", x86_gen_shift, TN_FLAGS_SAR),
    { "0F A4 /r ib", "SHLD Ev Gv Ib", x86_gen_shift_double, .helper = 0 },
    { "0F A5 /r", "SHLD Ev Gv CL", x86_gen_shift_double, .helper = 0 },
    { "0F AC /r ib", "SHRD Ev Gv Ib", x86_gen_shift_double, .helper = 1 },
    { "0F AD /r", "SHRD Ev Gv CL", x86_gen_shift_double, .helper = 1 },

    BT_ROWS("BT", "A3", "4", X86_BT, 0),
    BT_ROWS("BTS", "AB", "5", X86_BTS, ROW_LOCK),
    BT_ROWS("BTR", "B3", "6", X86_BTR, ROW_LOCK),
    BT_ROWS("BTC", "BB", "7", X86_BTC, ROW_LOCK),
    { "0F BC /r", "BSF Gv Ev", x86_gen_bit_scan, .helper = TN_IR_CTZ },
    { "0F BD /r", "BSR Gv Ev", x86_gen_bit_scan, .helper = TN_IR_CLZ },
    { "F3 0F BC /r", "TZCNT Gv Ev", x86_gen_count_zeros, .feature = X86_FEATURE_BMI1,
      .helper = TN_IR_CTZ },
    { "F3 0F BD /r", "LZCNT Gv Ev", x86_gen_count_zeros, .feature = X86_FEATURE_ABM,
      .helper = TN_IR_CLZ },
    { "F3 0F B8 /r", "POPCNT Gv Ev", x86_gen_popcnt, .feature = X86_FEATURE_POPCNT },
    { "0F 90+c /r", "SETcc Eb", x86_gen_setcc },
    { NULL },
};
