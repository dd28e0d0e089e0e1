/* SPDX-License-Identifier: MIT */
/* Bit tests, scans and counts, SETcc (SDM vol. 1, 5.1.6; vol. 2: BT, BSF, TZCNT, POPCNT, SETcc). */
#include "insn/general.h"

/* ---- BT BTS BTR BTC --------------------------------------------------------------------- */

/* CF becomes the bit, the other flags stay. */
static void put_carry(X86Ctx *c, TnTemp value, TnTemp bit)
{
    TnTemp shifted = tn_ir_2(c->b, TN_IR_SHR, x86_calc_type(c->op[0].size), value, bit);

    x86_put_flags(c, tn_ir_deposit(c->b, TN_I32, x86_get_flags(c), shifted, 0, 1));
}

static TnTemp change_bit(X86Ctx *c, TnIrType t, TnTemp value, TnTemp mask)
{
    switch (c->row->helper) {
    case X86_BTS:
        return tn_ir_2(c->b, TN_IR_OR, t, value, mask);
    case X86_BTR:
        return tn_ir_2(c->b, TN_IR_ANDN, t, value, mask);
    default:
        return tn_ir_2(c->b, TN_IR_XOR, t, value, mask);
    }
}

/*
 * The linear address of the unit that holds the bit: a register offset is signed and reaches beyond
 * the operand, in units of the operand's size.
 */
static TnTemp bit_address(X86Ctx *c, unsigned size, bool write)
{
    TnIrType t = c->addr_size == 8 ? TN_I64 : TN_I32;
    unsigned log2 = x86_log2(size);

    if (c->op[1].kind == OPERAND_IMM)
        return x86_mem_addr(c, size, write);
    TnTemp units = tn_ir_i(c->b, TN_IR_SARI, TN_I64, x86_read_signed(c, 1), log2 + 3);
    TnTemp offset = tn_ir_2(c->b, TN_IR_ADD, t, x86_mem_offset(c),
                            tn_ir_i(c->b, TN_IR_SHLI, TN_I64, units, log2));
    if (c->addr_size == 2)
        offset = tn_ir_1(c->b, TN_IR_EXT16U, TN_I32, offset);
    return x86_linear(c, c->mem_seg, offset, size, write);
}

static void bt_memory(X86Ctx *c, unsigned size, TnTemp bit)
{
    static const uint8_t atomics[] = { [X86_BTS] = TN_ATOMIC_OR, [X86_BTR] = TN_ATOMIC_AND,
                                       [X86_BTC] = TN_ATOMIC_XOR };
    bool write = c->row->helper != X86_BT;
    TnIrType t = x86_calc_type(size), mt = x86_type(size);
    unsigned mem = x86_mem_flags(c, size);
    TnTemp addr = bit_address(c, size, write), old;
    TnTemp mask = tn_ir_2(c->b, TN_IR_SHL, t, tn_ir_const(c->b, TN_I32, 1), bit);

    if (c->lock) {
        if (c->row->helper == X86_BTR)
            mask = tn_ir_1(c->b, TN_IR_NOT, t, mask);
        old = tn_ir_atomic_rmw(c->b, mt, (TnAtomicOp)atomics[c->row->helper], addr, mask,
                               mem | TN_MEM_LOCKED);
    } else {
        old = tn_ir_ld(c->b, mt, addr, 0, mem | (write ? TN_MEM_RMW : 0u));
        if (write)
            tn_ir_st(c->b, mt, addr, 0, change_bit(c, t, old, mask), mem);
    }
    put_carry(c, old, bit);
}

/* BT BTS BTR BTC r/m, r/imm8 */
void x86_gen_bt(X86Ctx *c)
{
    unsigned size = c->op[0].size, width = size * 8;
    TnIrType t = x86_calc_type(size);
    TnTemp bit;

    if (c->op[1].kind == OPERAND_IMM)
        bit = tn_ir_const(c->b, TN_I32, (uint64_t)c->op[1].imm & (width - 1));
    else
        bit = tn_ir_i(c->b, TN_IR_ANDI, TN_I32, x86_read_any(c, 1), width - 1);
    if (c->op[0].kind == OPERAND_MEM) {
        bt_memory(c, size, bit);
        return;
    }
    TnTemp old = x86_read_any(c, 0);
    if (c->row->helper != X86_BT) {
        TnTemp mask = tn_ir_2(c->b, TN_IR_SHL, t, tn_ir_const(c->b, TN_I32, 1), bit);
        x86_write(c, 0, change_bit(c, t, old, mask));
    }
    put_carry(c, old, bit);
}

/* ---- Scans and counts ------------------------------------------------------------------- */

/* The position from CLZ or CTZ at the type's width, corrected to the operand's. */
static TnTemp count_zeros(X86Ctx *c, TnIrOpc opc, unsigned size, TnTemp source)
{
    TnIrType t = x86_calc_type(size);

    if (size >= 4)
        return tn_ir_1(c->b, opc, t, source);
    if (opc == TN_IR_CTZ)
        return tn_ir_1(c->b, opc, t, tn_ir_i(c->b, TN_IR_ORI, t, source, 1u << 16));
    return tn_ir_i(c->b, TN_IR_ADDI, t, tn_ir_1(c->b, opc, t, source), (uint64_t)-16ll);
}

/* BSF BSR r, r/m: of zero the destination stays as it is, its upper half too */
void x86_gen_bit_scan(X86Ctx *c)
{
    TnIrOpc opc = (TnIrOpc)c->row->helper;
    unsigned size = c->op[0].size;
    TnTemp source = x86_read(c, 1);
    TnTemp position = count_zeros(c, opc, size, source);
    TnTemp old = x86_ir_get(c, TN_I64, c->op[0].reg);

    if (opc == TN_IR_CLZ)
        position = tn_ir_i(c->b, TN_IR_XORI, TN_I32, position, size * 8 - 1);
    if (size == 2)
        position = tn_ir_deposit(c->b, TN_I64, old, position, 0, 16);
    x86_ir_put(c, TN_I64, c->op[0].reg, tn_ir_select(c->b, TN_I64, source, position, old));
    x86_put_flags(c, tn_ir_flags(c->b, TN_FLAGS_LOGIC, x86_log2(size), source, TN_TEMP_NONE,
                                 TN_TEMP_NONE));
}

/* flag bit `pos` where a equals zero */
static TnTemp zero_flag(X86Ctx *c, TnTemp a, unsigned pos)
{
    TnTemp is_zero = tn_ir_setcond(c->b, TN_I64, TN_COND_EQ, a, tn_ir_const(c->b, TN_I64, 0));

    return pos ? tn_ir_i(c->b, TN_IR_SHLI, TN_I32, is_zero, pos) : is_zero;
}

/* TZCNT LZCNT r, r/m: CF for a zero source, ZF for a zero result */
void x86_gen_count_zeros(X86Ctx *c)
{
    TnTemp source = x86_read(c, 1);
    TnTemp result = count_zeros(c, (TnIrOpc)c->row->helper, c->op[0].size, source);

    x86_write(c, 0, result);
    x86_put_flags(c, tn_ir_2(c->b, TN_IR_OR, TN_I32, zero_flag(c, source, 0),
                             zero_flag(c, result, 6)));
}

/* POPCNT r, r/m: ZF for a zero source, all others cleared */
void x86_gen_popcnt(X86Ctx *c)
{
    TnTemp source = x86_read(c, 1);

    x86_write(c, 0, tn_ir_1(c->b, TN_IR_POPCNT, x86_calc_type(c->op[0].size), source));
    x86_put_flags(c, zero_flag(c, source, 6));
}

/* SETcc r/m8 */
void x86_gen_setcc(X86Ctx *c)
{
    x86_write(c, 0, tn_ir_flagcond(c->b, (TnFlagCond)(c->opcode & 15), x86_get_flags(c)));
}
