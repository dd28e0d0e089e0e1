/* SPDX-License-Identifier: MIT */
/*
 * Data transfer instructions (SDM vol. 1, 5.1.1 and 5.1.7): MOV and its kin, exchanges, loads of
 * segment registers and far pointers. The stack instructions are in push.c.
 */
#include "emit.h"
#include "insn/general.h"

EMIT void gen_mov(X86Ctx *c, bool odd)
{
    X86Emit e = x86_emit(c, odd);
    TnTemp value = emit_read_any(&e, 1, 0);

    emit_write(&e, 0, value, c->op[1].kind == OPERAND_REG || c->op[1].kind == OPERAND_MEM);
    x86_emit_done(&e);
}

EMIT_ODD(gen_mov_odd, gen_mov)

/* MOV r/m, r/imm and back; MOV rAX, moffs */
void x86_gen_mov(X86Ctx *c)
{
    if (c->odd_operands)
        gen_mov_odd(c);
    else
        gen_mov(c, false);
}

/* MOVZX r, r/m */
void x86_gen_movzx(X86Ctx *c)
{
    static const uint8_t extend[] = { [1] = TN_IR_EXT8U, [2] = TN_IR_EXT16U };
    const X86Operand *from = &c->op[1];
    X86Emit e = x86_emit(c, true);
    TnTemp value = emit_read_any(&e, 1, 0);

    if (from->kind == OPERAND_REG && !from->high)
        value = emit_op(&e, (TnIrOpc)extend[from->size], TN_I32, 0, value, 0, 0);
    emit_write(&e, 0, value, true);
    x86_emit_done(&e);
}

/* MOVSX r, r/m; MOVSXD r, r/m */
void x86_gen_movsx(X86Ctx *c)
{
    x86_write(c, 0, x86_read_signed(c, 1));
}

/* MOVSXD: without REX.W a plain move (SDM: "discouraged") */
void x86_gen_movsxd(X86Ctx *c)
{
    c->op[1].size = MIN(c->op[1].size, c->op[0].size);
    x86_write(c, 0, x86_read_signed(c, 1));
}

/* CMOVcc r, r/m: the load is made whatever the condition, and a 32-bit form always zero-extends. */
void x86_gen_cmov(X86Ctx *c)
{
    TnTemp source = x86_read(c, 1), old = x86_read(c, 0);
    TnTemp cond = tn_ir_flagcond(c->b, (TnFlagCond)(c->opcode & 15), x86_get_flags(c));

    x86_write(c, 0, tn_ir_select(c->b, x86_calc_type(c->op[0].size), cond, source, old));
}

/* XCHG r/m, r: locked by itself when r/m is memory */
void x86_gen_xchg(X86Ctx *c)
{
    unsigned size = c->op[0].size;
    TnTemp a, b = x86_read_any(c, 1);

    if (c->op[0].kind == OPERAND_MEM) {
        a = tn_ir_atomic_rmw(c->b, x86_type(size), TN_ATOMIC_XCHG, x86_mem_addr(c, size, true), b,
                             x86_mem_flags(c, size) | TN_MEM_LOCKED);
    } else {
        a = x86_read_any(c, 0);
        x86_write(c, 0, b);
    }
    x86_write(c, 1, a);
}

/* XCHG r, rAX; with itself (90) it is NOP and leaves the upper half alone */
void x86_gen_xchg_acc(X86Ctx *c)
{
    if (c->op[0].reg != RAX)
        x86_gen_xchg(c);
}

/* BSWAP r: the 16-bit form is undefined, and gives 0 on Intel's processors */
void x86_gen_bswap(X86Ctx *c)
{
    unsigned size = c->op[0].size;

    if (size == 2)
        x86_write(c, 0, tn_ir_const(c->b, TN_I32, 0));
    else
        x86_write(c, 0, tn_ir_1(c->b, TN_IR_BSWAP, x86_calc_type(size), x86_read(c, 0)));
}

/* MOVBE r, m and m, r */
void x86_gen_movbe(X86Ctx *c)
{
    unsigned size = c->op[0].size, mem = x86_mem_flags(c, size) | TN_MEM_BSWAP;
    bool load = c->op[0].kind == OPERAND_REG;
    TnTemp value = load ? TN_TEMP_NONE : x86_read_any(c, 1);
    TnTemp addr = x86_mem_addr(c, size, !load);

    if (load)
        x86_write(c, 0, tn_ir_ld(c->b, x86_type(size), addr, 0, mem));
    else
        tn_ir_st(c->b, x86_type(size), addr, 0, value, mem);
}

/* LEA r, base + disp */
static void lea_plain(X86Ctx *c)
{
    TnIrType t = x86_calc_type(c->op[0].size);
    X86Emit e = x86_emit(c, false);
    TnTemp base = emit_get(&e, t, (unsigned)c->mem_base);

    if (c->mem_disp)
        base = emit_op(&e, TN_IR_LEA, t, 0, base, 0, (uint64_t)c->mem_disp);
    emit_write(&e, 0, base, true);
    x86_emit_done(&e);
}

/* LEA r, m */
void x86_gen_lea(X86Ctx *c)
{
    if (!c->odd_operands && c->op[0].size >= 4) {
        lea_plain(c);
        return;
    }
    /* The low half of a sum needs the low halves only. */
    if (c->addr_size == 8 && c->op[0].size < 8)
        c->addr_size = 4;
    x86_write(c, 0, x86_mem_offset(c));
}

/* XLAT: AL = [seg:rBX + AL] */
void x86_gen_xlat(X86Ctx *c)
{
    TnIrType t = c->addr_size == 8 ? TN_I64 : TN_I32;
    TnTemp offset = tn_ir_2(c->b, TN_IR_ADD, t, x86_ir_get(c, t, RBX), x86_get_reg(c, RAX, 1));
    unsigned seg = c->seg_override >= 0 ? (unsigned)c->seg_override : DS;

    if (c->addr_size == 2)
        offset = tn_ir_1(c->b, TN_IR_EXT16U, TN_I32, offset);
    x86_put_reg(c, RAX, 1, x86_load(c, TN_I8, x86_linear(c, seg, offset, 1, false)));
}

/* LAHF */
void x86_gen_lahf(X86Ctx *c)
{
    TnTemp low = tn_ir_i(c->b, TN_IR_ANDI, TN_I32, x86_get_flags(c), 0xff);
    TnTemp old = x86_ir_get(c, TN_I64, RAX);

    low = tn_ir_i(c->b, TN_IR_ORI, TN_I32, low, EFLAGS_1);
    x86_ir_put(c, TN_I64, RAX, tn_ir_deposit(c->b, TN_I64, old, low, 8, 8));
}

/* SAHF */
void x86_gen_sahf(X86Ctx *c)
{
    TnTemp ah = tn_ir_extract(c->b, TN_I32, x86_ir_get(c, TN_I32, RAX), 8, 8);
    TnTemp keep = tn_ir_i(c->b, TN_IR_ANDI, TN_I32, x86_get_flags(c), TN_FLAG_O);

    ah = tn_ir_i(c->b, TN_IR_ANDI, TN_I32, ah, TN_FLAGS_ALL & 0xff);
    x86_put_flags(c, tn_ir_2(c->b, TN_IR_OR, TN_I32, keep, ah));
}

/* SALC: AL = CF ? FF : 0; long undocumented, there since the 8086 */
void x86_gen_salc(X86Ctx *c)
{
    TnTemp carry = tn_ir_i(c->b, TN_IR_ANDI, TN_I32, x86_get_flags(c), TN_FLAG_C);

    x86_put_reg(c, RAX, 1, tn_ir_1(c->b, TN_IR_NEG, TN_I32, carry));
}

/* ---- Segment registers ------------------------------------------------------------------ */

/* The key of the next block depends on what was loaded; SS holds off interrupts for one more. */
void x86_gen_load_seg(X86Ctx *c, unsigned seg, TnTemp selector)
{
    tn_ir_call_void(c->b, X86_HELPER_load_seg, tn_ir_const(c->b, TN_I32, seg), selector, 0, 0);
}

void x86_gen_after_load_seg(X86Ctx *c, unsigned seg)
{
    if (seg == SS)
        tn_ir_call_void(c->b, X86_HELPER_shadow, 0, 0, 0, 0);
    x86_gen_end(c);
}

/* MOV Sreg, r/m16 */
void x86_gen_mov_to_seg(X86Ctx *c)
{
    unsigned seg = c->op[0].reg;

    if (seg == CS) {
        x86_gen_raise(c, X86_UD);
        return;
    }
    x86_gen_load_seg(c, seg, x86_read(c, 1));
    x86_gen_after_load_seg(c, seg);
}

/* LES LDS LSS LFS LGS r, m16:16/32/64 */
void x86_gen_load_far(X86Ctx *c)
{
    unsigned size = c->op[0].size, seg = c->row->helper;
    TnIrType t = c->code64 ? TN_I64 : TN_I32;
    TnTemp addr = x86_mem_addr(c, size + 2, false);
    TnTemp offset = x86_load(c, x86_type(size), addr);
    TnTemp selector = x86_load(c, TN_I16, tn_ir_i(c->b, TN_IR_ADDI, t, addr, size));

    x86_gen_load_seg(c, seg, selector);
    x86_write(c, 0, offset);
    x86_gen_after_load_seg(c, seg);
}

const X86Row x86_rows_transfer[] = {
    { "88 /r", "MOV Eb Gb", x86_gen_mov },
    { "89 /r", "MOV Ev Gv", x86_gen_mov },
    { "8A /r", "MOV Gb Eb", x86_gen_mov },
    { "8B /r", "MOV Gv Ev", x86_gen_mov },
    { "A0", "MOV AL Ob", x86_gen_mov },
    { "A1", "MOV rAX Ov", x86_gen_mov },
    { "A2", "MOV Ob AL", x86_gen_mov },
    { "A3", "MOV Ov rAX", x86_gen_mov },
    { "B0+r ib", "MOV Zb Ib", x86_gen_mov },
    { "B8+r iv", "MOV Zv Iv", x86_gen_mov },
    { "C6 /0 ib", "MOV Eb Ib", x86_gen_mov },
    { "C7 /0 iz", "MOV Ev Iz", x86_gen_mov },
    { "8C /r", "MOV Ev/w Sw", x86_gen_mov },
    { "8E /r", "MOV Sw Ew", x86_gen_mov_to_seg },
    { "0F B6 /r", "MOVZX Gv Eb", x86_gen_movzx },
    { "0F B7 /r", "MOVZX Gv Ew", x86_gen_movzx },
    { "0F BE /r", "MOVSX Gv Eb", x86_gen_movsx },
    { "0F BF /r", "MOVSX Gv Ew", x86_gen_movsx },
    { "63 /r", "MOVSXD Gv Ed", x86_gen_movsxd, .flags = ROW_ONLY64 },
    { "0F 40+c /r", "CMOVcc Gv Ev", x86_gen_cmov, .feature = X86_FEATURE_CMOV },
    { "86 /r", "XCHG Eb Gb", x86_gen_xchg, .flags = ROW_LOCK },
    { "87 /r", "XCHG Ev Gv", x86_gen_xchg, .flags = ROW_LOCK },
    { "90+r", "XCHG Zv rAX", x86_gen_xchg_acc },
    { "0F C8+r", "BSWAP Zv", x86_gen_bswap },
    { "NP 66 0F 38 F0 /rm", "MOVBE Gv Mv", x86_gen_movbe, .feature = X86_FEATURE_MOVBE },
    { "NP 66 0F 38 F1 /rm", "MOVBE Mv Gv", x86_gen_movbe, .feature = X86_FEATURE_MOVBE },
    { "8D /rm", "LEA Gv M", x86_gen_lea },
    { "D7", "XLAT", x86_gen_xlat },
    { "D6", "SALC", x86_gen_salc, .flags = ROW_NO64 },
    { "9F", "LAHF", x86_gen_lahf },
    { "9E", "SAHF", x86_gen_sahf },

    { "C4 /rm", "LES Gz Mp", x86_gen_load_far, .flags = ROW_NO64, .helper = ES },
    { "C5 /rm", "LDS Gz Mp", x86_gen_load_far, .flags = ROW_NO64, .helper = DS },
    { "0F B2 /rm", "LSS Gv Mp", x86_gen_load_far, .helper = SS },
    { "0F B4 /rm", "LFS Gv Mp", x86_gen_load_far, .helper = FS },
    { "0F B5 /rm", "LGS Gv Mp", x86_gen_load_far, .helper = GS },

    { "50+r", "PUSH Zv", x86_gen_push, .flags = ROW_DEF64 },
    { "FF /6", "PUSH Ev", x86_gen_push, .flags = ROW_DEF64 },
    { "6A ib", "PUSH Ib", x86_gen_push, .flags = ROW_DEF64 },
    { "68 iz", "PUSH Iz", x86_gen_push, .flags = ROW_DEF64 },
    { "06", "PUSH ES", x86_gen_push, .flags = ROW_NO64 },
    { "0E", "PUSH CS", x86_gen_push, .flags = ROW_NO64 },
    { "16", "PUSH SS", x86_gen_push, .flags = ROW_NO64 },
    { "1E", "PUSH DS", x86_gen_push, .flags = ROW_NO64 },
    { "0F A0", "PUSH FS", x86_gen_push, .flags = ROW_DEF64 },
    { "0F A8", "PUSH GS", x86_gen_push, .flags = ROW_DEF64 },
    { "60", "PUSHA", x86_gen_pusha, .flags = ROW_NO64 },
    { "9C", "PUSHF", x86_gen_pushf, .flags = ROW_DEF64 },
    { "58+r", "POP Zv", x86_gen_pop, .flags = ROW_DEF64 },
    { "8F /0", "POP Ev", x86_gen_pop, .flags = ROW_DEF64 },
    { "07", "POP ES", x86_gen_pop_seg, .flags = ROW_NO64 },
    { "17", "POP SS", x86_gen_pop_seg, .flags = ROW_NO64 },
    { "1F", "POP DS", x86_gen_pop_seg, .flags = ROW_NO64 },
    { "0F A1", "POP FS", x86_gen_pop_seg, .flags = ROW_DEF64 },
    { "0F A9", "POP GS", x86_gen_pop_seg, .flags = ROW_DEF64 },
    { "61", "POPA", x86_gen_popa, .flags = ROW_NO64 },
    { "9D", "POPF", x86_gen_popf, .flags = ROW_DEF64 },
    { "C8 iw ib", "ENTER Iw Ib", x86_gen_enter, .flags = ROW_DEF64 },
    { "C9", "LEAVE", x86_gen_leave, .flags = ROW_DEF64 },
    { NULL },
};
