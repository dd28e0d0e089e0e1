/* SPDX-License-Identifier: MIT */
/*
 * The general translation of vector instructions into host forms, and plain moves. A form is the
 * encoding that the decoder found, with the roles that operand kinds and the row's VEC_ bits give.
 *
 * Intel SDM vol. 1, ch. 10 to 14. Sources are read before anything is written, so a fault on a
 * memory operand leaves the registers alone.
 */
#include "vector.h"

static const VecSource none = { TN_TEMP_NONE, TN_V128 };

size_t x86_scratch_offset(unsigned n)
{
    return offsetof(X86State, scratch) + n * sizeof(X86Ymm);
}

/* ---- Emission --------------------------------------------------------------------------- */

static void pass_source(X86Ctx *c, unsigned n, VecSource s)
{
    if (s.temp)
        tn_ir_stenv(c->b, s.type == TN_I32 ? TN_I64 : s.type, x86_scratch_offset(n), s.temp);
}

/* MODE_XM: the fallback runs in a helper that may raise #XM before anything is written. */
static TnTemp emit_checked(X86Ctx *c, TnIrType type, TnHostForm form, unsigned helper, VecSource a,
                           VecSource b, VecSource third)
{
    pass_source(c, 1, a);
    pass_source(c, 2, b);
    pass_source(c, 3, third);
    tn_ir_call_void(c->b, X86_HELPER_fp_checked, tn_ir_const(c->b, TN_I32, helper),
                    tn_ir_const(c->b, TN_I32, form.imm8), 0, 0);
    return tn_ir_ldenv(c->b, type, x86_scratch_offset(0));
}

TnTemp x86_vec_emit(X86Ctx *c, TnIrType type, TnHostForm form, unsigned helper, VecSource a,
                    VecSource b, VecSource third)
{
    if (form.flags & TN_HF_FP && c->mode & MODE_XM)
        return emit_checked(c, type, form, helper, a, b, third);
    return tn_ir_hostv(c->b, type, form, helper, a.temp, b.temp, third.temp);
}

TnTemp x86_vec_op(X86Ctx *c, unsigned pp, unsigned map, unsigned opcode, unsigned helper, TnTemp a,
                  TnTemp b)
{
    TnHostForm form = { .opcode = (uint8_t)opcode, .map = (uint8_t)map, .pp = (uint8_t)pp,
                        .flags = c->row->flags & ROW_FP ? TN_HF_FP : 0 };

    return x86_vec_emit(c, TN_V128, form, helper, (VecSource){ a, TN_V128 },
                        (VecSource){ b, TN_V128 }, none);
}

TnTemp x86_vec_op_imm(X86Ctx *c, unsigned pp, unsigned map, unsigned opcode, unsigned helper,
                      TnTemp a, TnTemp b, uint8_t imm8)
{
    TnHostForm form = { .opcode = (uint8_t)opcode, .map = (uint8_t)map, .pp = (uint8_t)pp,
                        .imm8 = imm8, .flags = TN_HF_IMM8 };

    return tn_ir_hostv(c->b, TN_V128, form, helper, a, b, TN_TEMP_NONE);
}

/* ---- The general form ------------------------------------------------------------------- */

static bool is_integer(const X86Ctx *c, const X86Operand *op)
{
    return op->kind == OPERAND_REG || (op->kind == OPERAND_MEM && c->row->arg & VEC_INT);
}

/* The mandatory prefix, as VEX.pp has it; every row here names one or NP. */
static unsigned mandatory_prefix(const X86Ctx *c)
{
    if (c->vex)
        return c->vex_pp;
    return c->repne ? 3 : c->rep ? 2 : c->opsize_prefix ? 1 : 0;
}

/* What operand kinds say of the form: widths, and which side is an integer. */
static void form_operands(const X86Ctx *c, TnHostForm *form)
{
    for (unsigned i = 0; i < 4; i++) {
        const X86Operand *op = &c->op[i];
        if (op->kind == OPERAND_IMM) {
            bool low = c->row->arg & VEC_IMM3 && !c->vex;
            form->imm8 = (uint8_t)(low ? op->imm & 7 : op->imm);
            form->flags |= TN_HF_IMM8;
        } else if (is_integer(c, op)) {
            form->flags |= i == 0 ? TN_HF_DST_INT : TN_HF_B_INT;
            form->flags |= op->size == 8 ? TN_HF_W : 0;
        } else if (op->size == 32) {
            form->flags |= TN_HF_L256;
        }
    }
}

static TnHostForm row_form(const X86Ctx *c)
{
    enum { REX_W = 8 };
    uint32_t arg = c->row->arg;
    TnHostForm form = { .opcode = c->opcode, .map = c->map, .pp = (uint8_t)mandatory_prefix(c) };

    form_operands(c, &form);
    if (c->vex)
        form.flags |= TN_HF_VEX;
    /* Integer operands have W by their size already, which is not VEX.W outside 64-bit mode. */
    if (c->vex && c->rex & REX_W && !(form.flags & (TN_HF_DST_INT | TN_HF_B_INT)))
        form.flags |= TN_HF_W;
    if (c->row->flags & ROW_FP)
        form.flags |= TN_HF_FP;
    if (arg & VEC_FLAGS)
        form.flags |= TN_HF_DST_FLAGS;
    if (arg & VEC_FMA)
        form.flags |= TN_HF_FMA;
    if (arg & VEC_RM)
        form.flags |= TN_HF_RM_DST;
    if (arg & VEC_GROUP) {
        form.flags |= TN_HF_GROUP;
        form.ext = c->modrm >> 3 & 7;
    }
    return form;
}

static VecSource read_source(X86Ctx *c, unsigned n)
{
    const X86Operand *op = &c->op[n];

    if (is_integer(c, op))
        return (VecSource){ x86_read(c, n), x86_calc_type(op->size) };
    return (VecSource){ x86_read_vec(c, n, op->size), op->size > 16 ? TN_V256 : TN_V128 };
}

/* Is operand 0 a source too? */
static bool reads_destination(const X86Ctx *c)
{
    uint32_t arg = c->row->arg;

    if (arg & (VEC_FLAGS | VEC_FMA))
        return true;
    if (c->vex)
        return false;
    return arg & VEC_GROUP || (c->op[0].kind == OPERAND_VEC && !(arg & VEC_ONE));
}

/* Reads the sources in operand order: one is b, two are a and b, three a, b and c. */
static void read_sources(X86Ctx *c, TnHostForm *form, VecSource s[3])
{
    VecSource list[4];
    unsigned n = 0;

    for (unsigned i = reads_destination(c) ? 0 : 1; i < 4 && n < 3; i++)
        if (c->op[i].kind != OPERAND_NONE && c->op[i].kind != OPERAND_IMM)
            list[n++] = read_source(c, i);
    s[0] = n > 1 ? list[0] : none;
    s[1] = n > 1 ? list[1] : list[0];
    s[2] = n > 2 ? list[2] : none;
    if (c->row->arg & VEC_XMM0)
        s[2] = (VecSource){ tn_ir_get(c->b, TN_V128, X86_REG_YMM), TN_V128 };
    if (n > 2 && !(c->row->arg & VEC_FMA))
        form->flags |= TN_HF_IS4;
}

static void write_result(X86Ctx *c, const TnHostForm *form, TnTemp value)
{
    const X86Operand *op = &c->op[0];

    if (form->flags & TN_HF_DST_FLAGS)
        x86_put_flags(c, value);
    else if (form->flags & TN_HF_DST_INT)
        x86_write(c, 0, value);
    else
        x86_write_vec(c, 0, op->kind == OPERAND_VEC && op->size < 16 ? 16 : op->size, value);
}

static TnIrType result_type(const X86Ctx *c, const TnHostForm *form)
{
    if (form->flags & TN_HF_DST_FLAGS)
        return TN_I32;
    if (form->flags & TN_HF_DST_INT)
        return x86_calc_type(c->op[0].size);
    return c->op[0].size > 16 ? TN_V256 : TN_V128;
}

void x86_gen_hostv(X86Ctx *c)
{
    TnHostForm form = row_form(c);
    unsigned helper = c->row->helper;
    VecSource s[3];

    if ((c->row->arg & VEC_WIDE && form.flags & TN_HF_L256) ||
        (c->row->arg & VEC_QUAD && form.flags & TN_HF_W))
        helper++;
    read_sources(c, &form, s);
    write_result(c, &form, x86_vec_emit(c, result_type(c, &form), form, helper, s[0], s[1], s[2]));
}

/* ---- Moves ------------------------------------------------------------------------------ */

void x86_gen_vec_move(X86Ctx *c)
{
    unsigned bytes = c->op[0].size;

    x86_write_vec(c, 0, bytes, x86_read_vec(c, 1, bytes));
}

void x86_gen_vec_load(X86Ctx *c)
{
    x86_write_vec(c, 0, 16, x86_read_vec(c, 1, c->op[1].size));
}

void x86_gen_vec_store(X86Ctx *c)
{
    x86_write_vec(c, 0, c->op[0].size, x86_read_vec(c, 1, 16));
}

/* PEXTRQ m64, xmm, 1 */
void x86_gen_vec_store_high(X86Ctx *c)
{
    static const TnHostForm form = { .opcode = 0x16, .map = 3, .pp = 1, .imm8 = 1,
                                     .flags = TN_HF_IMM8 | TN_HF_DST_INT | TN_HF_RM_DST | TN_HF_W };
    TnTemp value = tn_ir_hostv(c->b, TN_I64, form, X86_FB_pextrq, TN_TEMP_NONE,
                               x86_read_vec(c, 1, 16), TN_TEMP_NONE);

    x86_store(c, TN_I64, x86_mem_addr(c, 8, true), value);
}

/* Two operands in the legacy form, three with VEX. */
static void load_half(X86Ctx *c, unsigned pp, unsigned opcode, unsigned helper)
{
    TnTemp value = x86_read_vec(c, c->vex ? 2 : 1, 8);
    TnTemp old = x86_read_vec(c, c->vex ? 1 : 0, 16);

    x86_write_vec(c, 0, 16, x86_vec_op(c, pp, 1, opcode, helper, old, value));
}

/* MOVSD xmm, xmm */
void x86_gen_vec_load_low(X86Ctx *c)
{
    load_half(c, 3, 0x10, X86_FB_movsd);
}

/* MOVLHPS xmm, xmm */
void x86_gen_vec_load_high(X86Ctx *c)
{
    load_half(c, 0, 0x16, X86_FB_movlhps);
}
