/* SPDX-License-Identifier: MIT */
/*
 * Rows of the x87 instructions, D8 to DF in opcode order (Intel SDM vol. 1, ch. 8, vol. 2,
 * appendix A.5, with the aliases that processors have always decoded).
 *
 * Each is that very instruction where the host has the unit and no exception is unmasked (TnHostX),
 * else one helper. After it, the instruction pointer, the opcode and, with a memory operand, the data
 * pointer are recorded; control instructions leave those alone.
 */
#include "vector.h"

#include "x87-host.h"

static unsigned fpu_reg(const X86Ctx *c)
{
    return c->modrm & 7;
}

/* Alignment checks are for the helpers. */
bool x86_x87_lives(const X86Ctx *c)
{
    return c->b->host_x87 && !(c->mode & (MODE_X87_SOFT | MODE_AC));
}

/* The instruction itself; a: see TnHostXKind. */
static TnTemp gen_live(X86Ctx *c, TnHostXKind kind, TnIrType type, TnTemp a)
{
    TnHostX x = { .opcode = c->opcode, .modrm = c->modrm, .kind = (uint8_t)kind };

    return tn_ir_hostx(c->b, type, x, a, c->mmu << TN_MEM_MODE_SHIFT);
}

static void store_selector(X86Ctx *c, size_t to, unsigned seg)
{
    size_t from = offsetof(X86State, seg) + seg * sizeof(X86Segment) +
                  offsetof(X86Segment, selector);

    tn_ir_stenv(c->b, TN_I16, to, tn_ir_ldenv(c->b, TN_I16, from));
}

/* FIP FCS FOP, and FDP FDS of a memory operand. */
static void gen_pointers(X86Ctx *c)
{
    enum { OPCODE_BITS = 7 };
    unsigned fop = (unsigned)(c->opcode & OPCODE_BITS) << 8 | c->modrm;

    tn_ir_stenv(c->b, TN_I64, offsetof(X86State, fip), x86_const(c, c->pc));
    tn_ir_stenv(c->b, TN_I16, offsetof(X86State, fop), tn_ir_const(c->b, TN_I32, fop));
    store_selector(c, offsetof(X86State, fcs), CS);
    if (c->mod == 3)
        return;
    tn_ir_stenv(c->b, TN_I64, offsetof(X86State, fdp), x86_mem_offset(c));
    store_selector(c, offsetof(X86State, fds), c->mem_seg);
}

static void call_control(X86Ctx *c, uint32_t control)
{
    if (x86_x87_lives(c))
        gen_live(c, TN_HX_PLAIN, TN_I32, TN_TEMP_NONE);
    else
        tn_ir_call_void(c->b, c->row->helper, tn_ir_const(c->b, TN_I32, control), 0, 0, 0);
    gen_pointers(c);
}

static void gen_live_memory(X86Ctx *c, TnHostXKind kind)
{
    unsigned size = c->op[0].size;
    TnTemp addr = x86_mem_addr(c, size, kind == TN_HX_STORE);

    gen_live(c, kind, size > 8 ? TN_V128 : x86_type(size), addr);
    gen_pointers(c);
}

/* ---- Forms of operands ------------------------------------------------------------------ */

/* ST0 op ST(i) to ST0 */
static void gen_to_st0(X86Ctx *c)
{
    call_control(c, c->row->arg | fpu_reg(c) << X87_SRC_SHIFT);
}

/* ST(i) op ST0 to ST(i) */
static void gen_to_sti(X86Ctx *c)
{
    call_control(c, c->row->arg | fpu_reg(c) << X87_DST_SHIFT);
}

/* FCOMPP and FUCOMPP name ST1 in their fixed ModRM byte as well. */
static void gen_compare(X86Ctx *c)
{
    call_control(c, c->row->arg | fpu_reg(c) << X87_SRC_SHIFT);
}

/* FST, FSTP, FFREE ST(i) */
static void gen_store_sti(X86Ctx *c)
{
    call_control(c, c->row->arg | fpu_reg(c) << X87_DST_SHIFT);
}

/* FLD, FXCH ST(i) */
static void gen_sti(X86Ctx *c)
{
    call_control(c, fpu_reg(c));
}

static void gen_op(X86Ctx *c)
{
    call_control(c, c->row->arg);
}

/* A memory operand of up to 8 bytes, as bits. */
static void gen_memory(X86Ctx *c)
{
    if (x86_x87_lives(c)) {
        gen_live_memory(c, TN_HX_LOAD);
        return;
    }
    TnTemp value = x86_read(c, 0);

    tn_ir_call_void(c->b, c->row->helper, tn_ir_const(c->b, TN_I32, c->row->arg), value, 0, 0);
    gen_pointers(c);
}

static void gen_store(X86Ctx *c)
{
    if (x86_x87_lives(c)) {
        gen_live_memory(c, TN_HX_STORE);
        return;
    }
    TnTemp addr = x86_mem_addr(c, c->op[0].size, true);

    tn_ir_call_void(c->b, c->row->helper, tn_ir_const(c->b, TN_I32, c->row->arg), addr,
                    tn_ir_const(c->b, TN_I32, c->mmu), 0);
    gen_pointers(c);
}

static void gen_load80(X86Ctx *c)
{
    if (x86_x87_lives(c)) {
        gen_live_memory(c, TN_HX_LOAD);
        return;
    }
    TnTemp addr = x86_mem_addr(c, c->op[0].size, false);

    tn_ir_call_void(c->b, c->row->helper, tn_ir_const(c->b, TN_I32, c->row->arg), addr,
                    tn_ir_const(c->b, TN_I32, c->mmu), 0);
    gen_pointers(c);
}

/* FCMOVcc: arg is the condition. */
static void gen_cmov(X86Ctx *c)
{
    TnTemp condition = tn_ir_flagcond(c->b, (TnFlagCond)c->row->arg, x86_get_flags(c));

    if (x86_x87_lives(c))
        gen_live(c, TN_HX_COND, TN_I32, condition);
    else
        tn_ir_call_void(c->b, c->row->helper, tn_ir_const(c->b, TN_I32, fpu_reg(c)), condition, 0,
                        0);
    gen_pointers(c);
}

/* FCOMI, FUCOMI and their popping forms. */
static void gen_compare_flags(X86Ctx *c)
{
    uint32_t control = c->row->arg | fpu_reg(c) << X87_SRC_SHIFT;
    TnTemp flags = x86_x87_lives(c)
                       ? gen_live(c, TN_HX_FLAGS, TN_I32, TN_TEMP_NONE)
                       : tn_ir_call(c->b, c->row->helper, tn_ir_const(c->b, TN_I32, control), 0, 0, 0);

    gen_pointers(c);
    x86_put_flags(c, flags);
}

/* ---- Control ---------------------------------------------------------------------------- */

/* Masks or pending exceptions have changed, and MODE_X87_SOFT perhaps with them. */
static void gen_mode_end(X86Ctx *c)
{
    if (c->b->host_x87)
        x86_gen_end(c);
}

/* Bytes of the environment, and of the whole state, by operand size 2 and 4. */
enum { ENV_SHORT = 0, ENV_WHOLE = 1, ENV_FIELDS = 7, ENV_REGISTERS = 80 };

static void gen_env(X86Ctx *c)
{
    unsigned field = c->op_size == 2 ? 2 : 4;
    unsigned bytes = field * ENV_FIELDS + (c->row->arg == ENV_WHOLE ? ENV_REGISTERS : 0u);
    bool real = !(c->mode & MODE_PE) || c->mode & MODE_VM;
    bool write = c->row->helper == X86_HELPER_x87_save ||
                 c->row->helper == X86_HELPER_x87_store_env;

    tn_ir_call_void(c->b, c->row->helper, x86_mem_addr(c, bytes, write),
                    tn_ir_const(c->b, TN_I32, field | (real ? X87_ENV_REAL : 0u)),
                    tn_ir_const(c->b, TN_I32, c->mmu), 0);
    gen_mode_end(c);
}

/* Bits that are not there read as zero, bit 6 as one. */
static void gen_fldcw(X86Ctx *c)
{
    enum { FCW_VALID = 0x1f3f, FCW_ONE = 0x40 };
    TnTemp fcw = x86_read(c, 0);

    if (!x86_x87_lives(c)) {
        tn_ir_call_void(c->b, X86_HELPER_x87_load_control, fcw, 0, 0, 0);
        gen_mode_end(c);
        return;
    }
    fcw = tn_ir_i(c->b, TN_IR_ANDI, TN_I32, fcw, FCW_VALID);
    fcw = tn_ir_i(c->b, TN_IR_ORI, TN_I32, fcw, FCW_ONE);
    gen_live(c, TN_HX_CONTROL, TN_I32, fcw);
    tn_ir_stenv(c->b, TN_I16, offsetof(X86State, fcw), fcw);
}

static void gen_fnstcw(X86Ctx *c)
{
    x86_write(c, 0, tn_ir_ldenv(c->b, TN_I16, offsetof(X86State, fcw)));
}

/* To memory or AX: the status word with TOP in bits 11..13. */
static void gen_fnstsw(X86Ctx *c)
{
    enum { TOP_SHIFT = 11 };

    if (x86_x87_lives(c)) {
        x86_write(c, 0, gen_live(c, TN_HX_STATUS, TN_I32, TN_TEMP_NONE));
        return;
    }
    TnTemp top = tn_ir_ldenv(c->b, TN_I8, offsetof(X86State, ftop));
    TnTemp sw = tn_ir_ldenv(c->b, TN_I16, offsetof(X86State, fsw));

    x86_write(c, 0, tn_ir_2(c->b, TN_IR_OR, TN_I32, sw,
                            tn_ir_i(c->b, TN_IR_SHLI, TN_I32, top, TOP_SHIFT)));
}

/* FNINIT, FNCLEX */
static void gen_reset(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, 0, 0, 0, 0);
    gen_mode_end(c);
}

static void gen_wait(X86Ctx *c)
{
    if (!x86_x87_lives(c))
        tn_ir_call_void(c->b, c->row->helper, 0, 0, 0, 0);
}

static void gen_wait_only(X86Ctx *c)
{
    gen_wait(c);
    gen_pointers(c);
}

/* FNENI, FNDISI, FNSETPM mean something to an 8087 or 80287 only. */
static void gen_nothing(X86Ctx *c)
{
}

/* FWAIT: #NM with TS needs MP, and EM does not matter. */
static void gen_fwait(X86Ctx *c)
{
    if (c->mode & MODE_MP && c->mode & MODE_TS)
        x86_gen_raise(c, X86_NM);
    else
        gen_wait(c);
}

#define X87(pattern, operands, gen, helper, arg) \
    { pattern, operands, gen, ROW_FPU, X86_FEATURE_FPU, X86_HELPER_##helper, arg }
#define X87_CMOV(pattern, operands, gen, helper, arg) \
    { pattern, operands, gen, ROW_FPU, X86_FEATURE_CMOV, X86_HELPER_##helper, arg }

const X86Row x86_rows_x87[] = {
    { "9B", "FWAIT", gen_fwait, 0, 0, X86_HELPER_x87_wait, 0 },

    /* D8: arithmetic with ST0 and a single */
    X87("D8 /0:m", "FADD Md", gen_memory, x87_arith_mem, X87_ADD | X87_F32 << X87_DST_SHIFT),
    X87("D8 C0+i", "FADD ST STi", gen_to_st0, x87_arith, X87_ADD),
    X87("D8 /1:m", "FMUL Md", gen_memory, x87_arith_mem, X87_MUL | X87_F32 << X87_DST_SHIFT),
    X87("D8 C8+i", "FMUL ST STi", gen_to_st0, x87_arith, X87_MUL),
    X87("D8 /2:m", "FCOM Md", gen_memory, x87_compare_mem, X87_F32 << X87_DST_SHIFT),
    X87("D8 D0+i", "FCOM ST STi", gen_compare, x87_compare, X87_ORDERED),
    X87("D8 /3:m", "FCOMP Md", gen_memory, x87_compare_mem, X87_F32 << X87_DST_SHIFT | X87_POP),
    X87("D8 D8+i", "FCOMP ST STi", gen_compare, x87_compare, X87_ORDERED | X87_POP),
    X87("D8 /4:m", "FSUB Md", gen_memory, x87_arith_mem, X87_SUB | X87_F32 << X87_DST_SHIFT),
    X87("D8 E0+i", "FSUB ST STi", gen_to_st0, x87_arith, X87_SUB),
    X87("D8 /5:m", "FSUBR Md", gen_memory, x87_arith_mem, X87_SUBR | X87_F32 << X87_DST_SHIFT),
    X87("D8 E8+i", "FSUBR ST STi", gen_to_st0, x87_arith, X87_SUBR),
    X87("D8 /6:m", "FDIV Md", gen_memory, x87_arith_mem, X87_DIV | X87_F32 << X87_DST_SHIFT),
    X87("D8 F0+i", "FDIV ST STi", gen_to_st0, x87_arith, X87_DIV),
    X87("D8 /7:m", "FDIVR Md", gen_memory, x87_arith_mem, X87_DIVR | X87_F32 << X87_DST_SHIFT),
    X87("D8 F8+i", "FDIVR ST STi", gen_to_st0, x87_arith, X87_DIVR),

    /* D9 */
    X87("D9 /0:m", "FLD Md", gen_memory, x87_load, X87_F32),
    X87("D9 /2:m", "FST Md", gen_store, x87_store, X87_F32 << X87_DST_SHIFT),
    X87("D9 /3:m", "FSTP Md", gen_store, x87_store, X87_F32 << X87_DST_SHIFT | X87_POP),
    X87("D9 /4:m", "FLDENV M", gen_env, x87_load_env, ENV_SHORT),
    X87("D9 /5:m", "FLDCW Mw", gen_fldcw, x87_load_control, 0),
    X87("D9 /6:m", "FNSTENV M", gen_env, x87_store_env, ENV_SHORT),
    X87("D9 /7:m", "FNSTCW Mw", gen_fnstcw, NONE, 0),
    X87("D9 C0+i", "FLD STi", gen_sti, x87_load_st, 0),
    X87("D9 C8+i", "FXCH STi", gen_sti, x87_exchange, 0),
    X87("D9 /=D0", "FNOP", gen_wait_only, x87_wait, 0),
    X87("D9 D8+i", "FSTPNCE STi", gen_store_sti, x87_store_st, X87_POP | X87_NO_FAULT),
    X87("D9 /=E0", "FCHS", gen_op, x87_op, X87_FCHS),
    X87("D9 /=E1", "FABS", gen_op, x87_op, X87_FABS),
    X87("D9 /=E4", "FTST", gen_op, x87_op, X87_FTST),
    X87("D9 /=E5", "FXAM", gen_op, x87_op, X87_FXAM),
    X87("D9 /=E8", "FLD1", gen_op, x87_op, X87_FLD1),
    X87("D9 /=E9", "FLDL2T", gen_op, x87_op, X87_FLDL2T),
    X87("D9 /=EA", "FLDL2E", gen_op, x87_op, X87_FLDL2E),
    X87("D9 /=EB", "FLDPI", gen_op, x87_op, X87_FLDPI),
    X87("D9 /=EC", "FLDLG2", gen_op, x87_op, X87_FLDLG2),
    X87("D9 /=ED", "FLDLN2", gen_op, x87_op, X87_FLDLN2),
    X87("D9 /=EE", "FLDZ", gen_op, x87_op, X87_FLDZ),
    X87("D9 /=F0", "F2XM1", gen_op, x87_op, X87_F2XM1),
    X87("D9 /=F1", "FYL2X", gen_op, x87_op, X87_FYL2X),
    X87("D9 /=F2", "FPTAN", gen_op, x87_op, X87_FPTAN),
    X87("D9 /=F3", "FPATAN", gen_op, x87_op, X87_FPATAN),
    X87("D9 /=F4", "FXTRACT", gen_op, x87_op, X87_FXTRACT),
    X87("D9 /=F5", "FPREM1", gen_op, x87_op, X87_FPREM1),
    X87("D9 /=F6", "FDECSTP", gen_op, x87_op, X87_FDECSTP),
    X87("D9 /=F7", "FINCSTP", gen_op, x87_op, X87_FINCSTP),
    X87("D9 /=F8", "FPREM", gen_op, x87_op, X87_FPREM),
    X87("D9 /=F9", "FYL2XP1", gen_op, x87_op, X87_FYL2XP1),
    X87("D9 /=FA", "FSQRT", gen_op, x87_op, X87_FSQRT),
    X87("D9 /=FB", "FSINCOS", gen_op, x87_op, X87_FSINCOS),
    X87("D9 /=FC", "FRNDINT", gen_op, x87_op, X87_FRNDINT),
    X87("D9 /=FD", "FSCALE", gen_op, x87_op, X87_FSCALE),
    X87("D9 /=FE", "FSIN", gen_op, x87_op, X87_FSIN),
    X87("D9 /=FF", "FCOS", gen_op, x87_op, X87_FCOS),

    /* DA: arithmetic with a doubleword integer, FCMOV */
    X87("DA /0:m", "FIADD Md", gen_memory, x87_arith_mem, X87_ADD | X87_I32 << X87_DST_SHIFT),
    X87("DA /1:m", "FIMUL Md", gen_memory, x87_arith_mem, X87_MUL | X87_I32 << X87_DST_SHIFT),
    X87("DA /2:m", "FICOM Md", gen_memory, x87_compare_mem, X87_I32 << X87_DST_SHIFT),
    X87("DA /3:m", "FICOMP Md", gen_memory, x87_compare_mem, X87_I32 << X87_DST_SHIFT | X87_POP),
    X87("DA /4:m", "FISUB Md", gen_memory, x87_arith_mem, X87_SUB | X87_I32 << X87_DST_SHIFT),
    X87("DA /5:m", "FISUBR Md", gen_memory, x87_arith_mem, X87_SUBR | X87_I32 << X87_DST_SHIFT),
    X87("DA /6:m", "FIDIV Md", gen_memory, x87_arith_mem, X87_DIV | X87_I32 << X87_DST_SHIFT),
    X87("DA /7:m", "FIDIVR Md", gen_memory, x87_arith_mem, X87_DIVR | X87_I32 << X87_DST_SHIFT),
    X87_CMOV("DA C0+i", "FCMOVB ST STi", gen_cmov, x87_cmov, TN_FC_B),
    X87_CMOV("DA C8+i", "FCMOVE ST STi", gen_cmov, x87_cmov, TN_FC_Z),
    X87_CMOV("DA D0+i", "FCMOVBE ST STi", gen_cmov, x87_cmov, TN_FC_BE),
    X87_CMOV("DA D8+i", "FCMOVU ST STi", gen_cmov, x87_cmov, TN_FC_P),
    X87("DA /=E9", "FUCOMPP", gen_compare, x87_compare, X87_POP | X87_POP2),

    /* DB */
    X87("DB /0:m", "FILD Md", gen_memory, x87_load, X87_I32),
    { "DB /1:m", "FISTTP Md", gen_store, ROW_FPU, X86_FEATURE_SSE3, X86_HELPER_x87_store,
      X87_T32 << X87_DST_SHIFT | X87_POP },
    X87("DB /2:m", "FIST Md", gen_store, x87_store, X87_I32 << X87_DST_SHIFT),
    X87("DB /3:m", "FISTP Md", gen_store, x87_store, X87_I32 << X87_DST_SHIFT | X87_POP),
    X87("DB /5:m", "FLD Mt", gen_load80, x87_load80, X87_F80),
    X87("DB /7:m", "FSTP Mt", gen_store, x87_store, X87_F80 << X87_DST_SHIFT | X87_POP),
    X87_CMOV("DB C0+i", "FCMOVNB ST STi", gen_cmov, x87_cmov, TN_FC_AE),
    X87_CMOV("DB C8+i", "FCMOVNE ST STi", gen_cmov, x87_cmov, TN_FC_NZ),
    X87_CMOV("DB D0+i", "FCMOVNBE ST STi", gen_cmov, x87_cmov, TN_FC_A),
    X87_CMOV("DB D8+i", "FCMOVNU ST STi", gen_cmov, x87_cmov, TN_FC_NP),
    X87("DB /=E0", "FNENI", gen_nothing, NONE, 0),
    X87("DB /=E1", "FNDISI", gen_nothing, NONE, 0),
    X87("DB /=E2", "FNCLEX", gen_reset, x87_clear_exceptions, 0),
    X87("DB /=E3", "FNINIT", gen_reset, x87_init, 0),
    X87("DB /=E4", "FNSETPM", gen_nothing, NONE, 0),
    X87_CMOV("DB E8+i", "FUCOMI ST STi", gen_compare_flags, x87_compare_flags, 0),
    X87_CMOV("DB F0+i", "FCOMI ST STi", gen_compare_flags, x87_compare_flags, X87_ORDERED),

    /* DC: arithmetic with a double, and with ST(i) as the destination */
    X87("DC /0:m", "FADD Mq", gen_memory, x87_arith_mem, X87_ADD | X87_F64 << X87_DST_SHIFT),
    X87("DC /1:m", "FMUL Mq", gen_memory, x87_arith_mem, X87_MUL | X87_F64 << X87_DST_SHIFT),
    X87("DC /2:m", "FCOM Mq", gen_memory, x87_compare_mem, X87_F64 << X87_DST_SHIFT),
    X87("DC D0+i", "FCOM ST STi", gen_compare, x87_compare, X87_ORDERED),
    X87("DC /3:m", "FCOMP Mq", gen_memory, x87_compare_mem, X87_F64 << X87_DST_SHIFT | X87_POP),
    X87("DC D8+i", "FCOMP ST STi", gen_compare, x87_compare, X87_ORDERED | X87_POP),
    X87("DC /4:m", "FSUB Mq", gen_memory, x87_arith_mem, X87_SUB | X87_F64 << X87_DST_SHIFT),
    X87("DC /5:m", "FSUBR Mq", gen_memory, x87_arith_mem, X87_SUBR | X87_F64 << X87_DST_SHIFT),
    X87("DC /6:m", "FDIV Mq", gen_memory, x87_arith_mem, X87_DIV | X87_F64 << X87_DST_SHIFT),
    X87("DC /7:m", "FDIVR Mq", gen_memory, x87_arith_mem, X87_DIVR | X87_F64 << X87_DST_SHIFT),
    X87("DC C0+i", "FADD STi ST", gen_to_sti, x87_arith, X87_ADD),
    X87("DC C8+i", "FMUL STi ST", gen_to_sti, x87_arith, X87_MUL),
    X87("DC E0+i", "FSUBR STi ST", gen_to_sti, x87_arith, X87_SUBR),
    X87("DC E8+i", "FSUB STi ST", gen_to_sti, x87_arith, X87_SUB),
    X87("DC F0+i", "FDIVR STi ST", gen_to_sti, x87_arith, X87_DIVR),
    X87("DC F8+i", "FDIV STi ST", gen_to_sti, x87_arith, X87_DIV),

    /* DD */
    X87("DD /0:m", "FLD Mq", gen_memory, x87_load, X87_F64),
    { "DD /1:m", "FISTTP Mq", gen_store, ROW_FPU, X86_FEATURE_SSE3, X86_HELPER_x87_store,
      X87_T64 << X87_DST_SHIFT | X87_POP },
    X87("DD /2:m", "FST Mq", gen_store, x87_store, X87_F64 << X87_DST_SHIFT),
    X87("DD /3:m", "FSTP Mq", gen_store, x87_store, X87_F64 << X87_DST_SHIFT | X87_POP),
    X87("DD /4:m", "FRSTOR M", gen_env, x87_restore, ENV_WHOLE),
    X87("DD /6:m", "FNSAVE M", gen_env, x87_save, ENV_WHOLE),
    X87("DD /7:m", "FNSTSW Mw", gen_fnstsw, NONE, 0),
    X87("DD C0+i", "FFREE STi", gen_store_sti, x87_free, 0),
    X87("DD C8+i", "FXCH STi", gen_sti, x87_exchange, 0),
    X87("DD D0+i", "FST STi", gen_store_sti, x87_store_st, 0),
    X87("DD D8+i", "FSTP STi", gen_store_sti, x87_store_st, X87_POP),
    X87("DD E0+i", "FUCOM STi", gen_compare, x87_compare, 0),
    X87("DD E8+i", "FUCOMP STi", gen_compare, x87_compare, X87_POP),

    /* DE: arithmetic with a word integer, and popping */
    X87("DE /0:m", "FIADD Mw", gen_memory, x87_arith_mem, X87_ADD | X87_I16 << X87_DST_SHIFT),
    X87("DE /1:m", "FIMUL Mw", gen_memory, x87_arith_mem, X87_MUL | X87_I16 << X87_DST_SHIFT),
    X87("DE /2:m", "FICOM Mw", gen_memory, x87_compare_mem, X87_I16 << X87_DST_SHIFT),
    X87("DE /3:m", "FICOMP Mw", gen_memory, x87_compare_mem, X87_I16 << X87_DST_SHIFT | X87_POP),
    X87("DE /4:m", "FISUB Mw", gen_memory, x87_arith_mem, X87_SUB | X87_I16 << X87_DST_SHIFT),
    X87("DE /5:m", "FISUBR Mw", gen_memory, x87_arith_mem, X87_SUBR | X87_I16 << X87_DST_SHIFT),
    X87("DE /6:m", "FIDIV Mw", gen_memory, x87_arith_mem, X87_DIV | X87_I16 << X87_DST_SHIFT),
    X87("DE /7:m", "FIDIVR Mw", gen_memory, x87_arith_mem, X87_DIVR | X87_I16 << X87_DST_SHIFT),
    X87("DE C0+i", "FADDP STi ST", gen_to_sti, x87_arith, X87_ADD | X87_POP),
    X87("DE C8+i", "FMULP STi ST", gen_to_sti, x87_arith, X87_MUL | X87_POP),
    X87("DE D0+i", "FCOMP STi", gen_compare, x87_compare, X87_ORDERED | X87_POP),
    X87("DE /=D9", "FCOMPP", gen_compare, x87_compare, X87_ORDERED | X87_POP | X87_POP2),
    X87("DE E0+i", "FSUBRP STi ST", gen_to_sti, x87_arith, X87_SUBR | X87_POP),
    X87("DE E8+i", "FSUBP STi ST", gen_to_sti, x87_arith, X87_SUB | X87_POP),
    X87("DE F0+i", "FDIVRP STi ST", gen_to_sti, x87_arith, X87_DIVR | X87_POP),
    X87("DE F8+i", "FDIVP STi ST", gen_to_sti, x87_arith, X87_DIV | X87_POP),

    /* DF */
    X87("DF /0:m", "FILD Mw", gen_memory, x87_load, X87_I16),
    { "DF /1:m", "FISTTP Mw", gen_store, ROW_FPU, X86_FEATURE_SSE3, X86_HELPER_x87_store,
      X87_T16 << X87_DST_SHIFT | X87_POP },
    X87("DF /2:m", "FIST Mw", gen_store, x87_store, X87_I16 << X87_DST_SHIFT),
    X87("DF /3:m", "FISTP Mw", gen_store, x87_store, X87_I16 << X87_DST_SHIFT | X87_POP),
    X87("DF /4:m", "FBLD Mt", gen_load80, x87_load80, X87_BCD),
    X87("DF /5:m", "FILD Mq", gen_memory, x87_load, X87_I64),
    X87("DF /6:m", "FBSTP Mt", gen_store, x87_store, X87_BCD << X87_DST_SHIFT | X87_POP),
    X87("DF /7:m", "FISTP Mq", gen_store, x87_store, X87_I64 << X87_DST_SHIFT | X87_POP),
    X87("DF C0+i", "FFREEP STi", gen_store_sti, x87_free, X87_POP),
    X87("DF C8+i", "FXCH STi", gen_sti, x87_exchange, 0),
    X87("DF D0+i", "FSTP STi", gen_store_sti, x87_store_st, X87_POP),
    X87("DF D8+i", "FSTP STi", gen_store_sti, x87_store_st, X87_POP),
    X87("DF /=E0", "FNSTSW AX", gen_fnstsw, NONE, 0),
    X87_CMOV("DF E8+i", "FUCOMIP ST STi", gen_compare_flags, x87_compare_flags, X87_POP),
    X87_CMOV("DF F0+i", "FCOMIP ST STi", gen_compare_flags, x87_compare_flags,
             X87_ORDERED | X87_POP),
    { 0 },
};
