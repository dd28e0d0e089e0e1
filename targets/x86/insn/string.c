/* SPDX-License-Identifier: MIT */
/*
 * String instructions (SDM vol. 1, 5.1.8 and 7.3.9; vol. 2: MOVS, CMPS, STOS, LODS, SCAS, INS,
 * OUTS, REP). A single one is plain IR. Repeated ones, and all port strings, are helpers in rep.c, which
 * tell whether the instruction must run again.
 */
#include "insn/general.h"
#include "insn/rep.h"

static unsigned element(const X86Ctx *c)
{
    return c->op[0].size;
}

static unsigned source_seg(const X86Ctx *c)
{
    return c->seg_override >= 0 ? (unsigned)c->seg_override : DS;
}

static TnTemp source_addr(X86Ctx *c)
{
    return x86_linear(c, source_seg(c), x86_get_reg(c, RSI, c->addr_size), element(c), false);
}

/* The destination is always ES:rDI. */
static TnTemp dest_addr(X86Ctx *c, bool write)
{
    return x86_linear(c, ES, x86_get_reg(c, RDI, c->addr_size), element(c), write);
}

/* The element size with DF's sign. */
static TnTemp step(X86Ctx *c)
{
    TnTemp df = tn_ir_1(c->b, TN_IR_EXT32S, TN_I64,
                        tn_ir_ldenv(c->b, TN_I32, offsetof(X86State, df)));

    return element(c) == 1 ? df : tn_ir_i(c->b, TN_IR_SHLI, TN_I64, df, x86_log2(element(c)));
}

static void advance(X86Ctx *c, unsigned reg, TnTemp by)
{
    TnTemp old = x86_ir_get(c, TN_I64, reg);

    x86_put_reg(c, reg, c->addr_size, tn_ir_2(c->b, TN_IR_ADD, TN_I64, old, by));
}

static void put_compare(X86Ctx *c, TnTemp a, TnTemp b)
{
    x86_put_flags(c, tn_ir_flags(c->b, TN_FLAGS_SUB, x86_log2(element(c)), a, b, TN_TEMP_NONE));
}

/* ---- Repeated --------------------------------------------------------------------------- */

/* What rep.c must know of the instruction, packed (rep.h). */
static uint32_t rep_pack(const X86Ctx *c)
{
    bool once = c->mode & (MODE_TF | MODE_DR7);
    bool plain = (c->rep || c->repne) && !once && c->code64 && c->addr_size == 8 &&
                 source_seg(c) != FS && source_seg(c) != GS;
    uint32_t how = x86_log2(element(c)) << REP_SIZE_SHIFT |
                   x86_log2(c->addr_size) << REP_ADDR_SHIFT | source_seg(c) << REP_SEG_SHIFT | c->mmu << REP_MMU_SHIFT;

    how |= c->rep || c->repne ? REP_REPEAT : 0;
    how |= c->repne ? REP_WHILE_NE : 0;
    how |= once ? REP_ONCE : 0;
    how |= c->code64 ? REP_CODE64 : 0;
    how |= c->mode & MODE_FLAT ? REP_FLAT : 0;
    how |= plain ? REP_PLAIN : 0;
    return how;
}

static void gen_repeated(X86Ctx *c, unsigned helper)
{
    TnTemp again = tn_ir_call(c->b, helper, tn_ir_const(c->b, TN_I32, rep_pack(c)), 0, 0, 0);

    x86_gen_jump_if(c, again, c->pc);
}

/* True when the instruction is repeated, and its helper called. */
static bool repeated(X86Ctx *c)
{
    if (!c->rep && !c->repne)
        return false;
    gen_repeated(c, c->row->helper);
    return true;
}

/* ---- Instructions ----------------------------------------------------------------------- */

/* MOVS */
static void gen_movs(X86Ctx *c)
{
    if (repeated(c))
        return;
    TnIrType t = x86_type(element(c));
    TnTemp value = x86_load(c, t, source_addr(c)), by;
    x86_store(c, t, dest_addr(c, true), value);
    by = step(c);
    advance(c, RSI, by);
    advance(c, RDI, by);
}

/* CMPS: the first operand is the one at rSI */
static void gen_cmps(X86Ctx *c)
{
    if (repeated(c))
        return;
    TnIrType t = x86_type(element(c));
    TnTemp a = x86_load(c, t, source_addr(c)), b = x86_load(c, t, dest_addr(c, false));
    TnTemp by = step(c);
    advance(c, RSI, by);
    advance(c, RDI, by);
    put_compare(c, a, b);
}

/* STOS */
static void gen_stos(X86Ctx *c)
{
    if (repeated(c))
        return;
    x86_store(c, x86_type(element(c)), dest_addr(c, true), x86_ir_get(c, TN_I64, RAX));
    advance(c, RDI, step(c));
}

/* LODS */
static void gen_lods(X86Ctx *c)
{
    if (repeated(c))
        return;
    x86_put_reg(c, RAX, element(c), x86_load(c, x86_type(element(c)), source_addr(c)));
    advance(c, RSI, step(c));
}

/* SCAS */
static void gen_scas(X86Ctx *c)
{
    if (repeated(c))
        return;
    TnTemp b = x86_load(c, x86_type(element(c)), dest_addr(c, false));
    advance(c, RDI, step(c));
    put_compare(c, x86_ir_get(c, TN_I64, RAX), b);
}

/* INS, OUTS */
static void gen_port_string(X86Ctx *c)
{
    gen_repeated(c, c->row->helper);
    if (!c->ended)
        x86_gen_jump(c, c->next_pc);
}

const X86Row x86_rows_string[] = {
    { "A4", "MOVS Yb Xb", gen_movs, .flags = ROW_REP, .helper = X86_HELPER_rep_movs },
    { "A5", "MOVS Yv Xv", gen_movs, .flags = ROW_REP, .helper = X86_HELPER_rep_movs },
    { "A6", "CMPS Xb Yb", gen_cmps, .flags = ROW_REP, .helper = X86_HELPER_rep_cmps },
    { "A7", "CMPS Xv Yv", gen_cmps, .flags = ROW_REP, .helper = X86_HELPER_rep_cmps },
    { "AA", "STOS Yb AL", gen_stos, .flags = ROW_REP, .helper = X86_HELPER_rep_stos },
    { "AB", "STOS Yv rAX", gen_stos, .flags = ROW_REP, .helper = X86_HELPER_rep_stos },
    { "AC", "LODS Xb", gen_lods, .flags = ROW_REP, .helper = X86_HELPER_rep_lods },
    { "AD", "LODS Xv", gen_lods, .flags = ROW_REP, .helper = X86_HELPER_rep_lods },
    { "AE", "SCAS Yb", gen_scas, .flags = ROW_REP, .helper = X86_HELPER_rep_scas },
    { "AF", "SCAS Yv", gen_scas, .flags = ROW_REP, .helper = X86_HELPER_rep_scas },
    { "6C", "INS Yb DX", gen_port_string, .flags = ROW_REP, .helper = X86_HELPER_rep_ins },
    { "6D", "INS Yz DX", gen_port_string, .flags = ROW_REP, .helper = X86_HELPER_rep_ins },
    { "6E", "OUTS Xb DX", gen_port_string, .flags = ROW_REP, .helper = X86_HELPER_rep_outs },
    { "6F", "OUTS Xz DX", gen_port_string, .flags = ROW_REP, .helper = X86_HELPER_rep_outs },
    { NULL },
};
