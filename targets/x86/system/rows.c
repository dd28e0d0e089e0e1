/* SPDX-License-Identifier: MIT */
/*
 * Rows of the system instructions (SDM vol. 1, 5.1.8 and 5.20 to 5.22; vol. 3A, 2.8) and of those
 * that save and restore processor state. Nearly all work is done by helpers.
 */
#include "insn.h"
#include "system.h"

enum { AREA_FX = 512, AREA_XSAVE = 576, TABLE_IMAGE = 6, TABLE_IMAGE64 = 10, INVPCID_BYTES = 16 };

static TnTemp row_const(X86Ctx *c, uint32_t value)
{
    return tn_ir_const(c->b, TN_I32, value);
}

/* ---- Shapes ---- */

/* A helper without arguments; the block goes on unless the row has ROW_END. */
static void gen_plain(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, 0, 0, 0, 0);
}

/* INVD, WBINVD: there are no caches to write back. */
static void gen_nothing(X86Ctx *c)
{
}

/* A helper that gets the first operand. */
static void gen_operand(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, x86_read(c, 0), 0, 0, 0);
}

/* A helper that gets next_pc and writes the pc. */
static void gen_next_pc(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, x86_const(c, c->next_pc), 0, 0, 0);
    x86_gen_end_state(c);
}

/* A helper that gets the operand size and writes the pc. */
static void gen_op_size(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, row_const(c, c->op_size), 0, 0, 0);
    x86_gen_end_state(c);
}

/* A helper that wrote the pc and takes nothing. */
static void gen_state(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, 0, 0, 0, 0);
    x86_gen_end_state(c);
}

/* The image of a memory area: linear address, operand size. `arg` is its length in bytes, with
 * X86_AREA_WRITE for a store. */
enum { X86_AREA_WRITE = 1u << 16 };

static void gen_area(X86Ctx *c)
{
    uint32_t arg = c->row->arg;
    TnTemp address = x86_mem_addr(c, arg & 0xffff, arg & X86_AREA_WRITE);

    tn_ir_call_void(c->b, c->row->helper, address, row_const(c, c->op_size), 0, 0);
}

/* ---- Tables ---- */

static unsigned table_bytes(const X86Ctx *c)
{
    return c->code64 ? TABLE_IMAGE64 : TABLE_IMAGE;
}

/* SGDT m, SIDT m */
static void gen_store_table(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, x86_mem_addr(c, table_bytes(c), true), 0, 0, 0);
}

/* LGDT m, LIDT m */
static void gen_load_table(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, x86_mem_addr(c, table_bytes(c), false),
                    row_const(c, c->op_size), 0, 0);
}

/* SLDT r/m, STR r/m: `arg` is the selector's place in the state */
static void gen_store_selector(X86Ctx *c)
{
    tn_ir_call_void(c->b, X86_HELPER_umip, 0, 0, 0, 0);
    TnTemp selector = tn_ir_ldenv(c->b, TN_I32, c->row->arg);
    x86_write(c, 0, tn_ir_1(c->b, TN_IR_EXT16U, TN_I32, selector));
}

/* SMSW r/m */
static void gen_smsw(X86Ctx *c)
{
    tn_ir_call_void(c->b, X86_HELPER_umip, 0, 0, 0, 0);
    x86_write(c, 0, tn_ir_ldenv(c->b, TN_I64, offsetof(X86State, cr0)));
}

/* LAR r, r/m; LSL r, r/m: the destination is kept, its upper half too, where ZF becomes 0 */
static void gen_lar(X86Ctx *c)
{
    TnTemp selector = x86_read(c, 1), old = x86_ir_get(c, TN_I64, c->op[0].reg);
    TnTemp value = tn_ir_call(c->b, c->row->helper, selector, old, 0, 0);

    if (c->op[0].size == 2)
        value = tn_ir_deposit(c->b, TN_I64, old, value, 0, 16);
    x86_ir_put(c, TN_I64, c->op[0].reg, value);
}

/* ARPL r/m, r */
static void gen_arpl(X86Ctx *c)
{
    TnTemp destination = x86_read_rmw(c, 0), source = x86_read(c, 1);

    x86_write(c, 0, tn_ir_call(c->b, X86_HELPER_arpl, destination, source, 0, 0));
}

/* ---- Control and debug registers ---- */

/* MOV r, CR; MOV r, DR */
static void gen_mov_from(X86Ctx *c)
{
    x86_write(c, 0, tn_ir_call(c->b, c->row->helper, row_const(c, c->op[1].reg), 0, 0, 0));
}

/* MOV CR, r; MOV DR, r */
static void gen_mov_to(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, row_const(c, c->op[0].reg), x86_read(c, 1), 0, 0);
}

/* INVLPG m: the address is not accessed */
static void gen_invlpg(X86Ctx *c)
{
    TnTemp base, offset = x86_mem_offset(c);

    if (!c->code64 || c->mem_seg == FS || c->mem_seg == GS) {
        TnIrType t = c->code64 ? TN_I64 : TN_I32;
        base = tn_ir_ldenv(c->b, t, offsetof(X86State, seg) + c->mem_seg * sizeof(X86Segment) +
                                        offsetof(X86Segment, base));
        offset = tn_ir_2(c->b, TN_IR_ADD, t, base, offset);
    }
    tn_ir_call_void(c->b, X86_HELPER_invlpg, offset, 0, 0, 0);
}

/* INVPCID r, m128 */
static void gen_invpcid(X86Ctx *c)
{
    TnTemp address = x86_mem_addr(c, INVPCID_BYTES, false);

    tn_ir_call_void(c->b, X86_HELPER_invpcid, x86_read(c, 0), address, 0, 0);
}

/* HLT, MWAIT: do not come back */
static void gen_sleep(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, x86_const(c, c->next_pc), 0, 0, 0);
    tn_ir_exit_state(c->b);
    c->ended = true;
}

/* MONITOR: DS (or an override):rAX */
static void gen_monitor(X86Ctx *c)
{
    unsigned seg = c->seg_override >= 0 ? (unsigned)c->seg_override : DS;
    TnTemp offset = x86_get_reg(c, RAX, c->addr_size);

    tn_ir_call_void(c->b, X86_HELPER_monitor, x86_linear(c, seg, offset, 1, false), 0, 0, 0);
}

/* ---- Random numbers ---- */

/* RDRAND r, RDSEED r */
static void gen_random(X86Ctx *c)
{
    x86_write(c, 0, tn_ir_call(c->b, X86_HELPER_rdrand, row_const(c, c->op_size), 0, 0, 0));
}

/* RDPID r */
static void gen_rdpid(X86Ctx *c)
{
    x86_put_reg(c, c->op[0].reg, c->code64 ? 8 : 4,
                tn_ir_ldenv(c->b, TN_I64, offsetof(X86State, tsc_aux)));
}

/* ---- FSGSBASE ---- */

static void base_need(X86Ctx *c)
{
    tn_ir_call_void(c->b, X86_HELPER_need_fsgsbase, 0, 0, 0, 0);
}

/* RDFSBASE r, RDGSBASE r: `arg` is the base's place in the state */
static void gen_read_base(X86Ctx *c)
{
    base_need(c);
    x86_write(c, 0, tn_ir_ldenv(c->b, TN_I64, c->row->arg));
}

/* WRFSBASE r, WRGSBASE r */
static void gen_write_base(X86Ctx *c)
{
    TnTemp base = x86_read(c, 0);

    base_need(c);
    tn_ir_call_void(c->b, X86_HELPER_check_base, base, 0, 0, 0);
    tn_ir_stenv(c->b, TN_I64, c->row->arg, base);
}

#define SELECTOR(f) (uint32_t)(offsetof(X86State, f) + offsetof(X86Segment, selector))
#define BASE(n) \
    (uint32_t)(offsetof(X86State, seg) + (n) * sizeof(X86Segment) + offsetof(X86Segment, base))
#define H(name) .helper = X86_HELPER_##name
#define F(name) .feature = X86_FEATURE_##name

const X86Row x86_rows_system[] = {
    /* Descriptor tables and segments */
    { "0F 00 /0", "SLDT Ev/w", gen_store_selector, ROW_PROT, .arg = SELECTOR(ldtr) },
    { "0F 00 /1", "STR Ev/w", gen_store_selector, ROW_PROT, .arg = SELECTOR(tr) },
    { "0F 00 /2", "LLDT Ew", gen_operand, ROW_PROT | ROW_CPL0, H(lldt) },
    { "0F 00 /3", "LTR Ew", gen_operand, ROW_PROT | ROW_CPL0, H(ltr) },
    { "0F 00 /4", "VERR Ew", gen_operand, ROW_PROT, H(verr) },
    { "0F 00 /5", "VERW Ew", gen_operand, ROW_PROT, H(verw) },
    { "0F 01 /0:m", "SGDT Ms", gen_store_table, H(sgdt) },
    { "0F 01 /1:m", "SIDT Ms", gen_store_table, H(sidt) },
    { "0F 01 /2:m", "LGDT Ms", gen_load_table, ROW_CPL0, H(lgdt) },
    { "0F 01 /3:m", "LIDT Ms", gen_load_table, ROW_CPL0, H(lidt) },
    { "0F 01 /4", "SMSW Ev/w", gen_smsw },
    { "0F 01 /6", "LMSW Ew", gen_operand, ROW_CPL0 | ROW_END, H(lmsw) },
    { "0F 01 /7:m", "INVLPG Mb", gen_invlpg, ROW_CPL0 | ROW_END },
    { "0F 02 /r", "LAR Gv Ew", gen_lar, ROW_PROT, H(lar) },
    { "0F 03 /r", "LSL Gv Ew", gen_lar, ROW_PROT, H(lsl) },
    { "63 /r", "ARPL Ew Gw", gen_arpl, ROW_PROT | ROW_NO64 },

    /* Fast calls */
    { "0F 05", "SYSCALL", gen_next_pc, F(SYSCALL), H(syscall) },
    { "0F 07", "SYSRET", gen_op_size, F(SYSCALL), H(sysret) },
    { "0F 34", "SYSENTER", gen_next_pc, F(SEP), H(sysenter) },
    { "0F 35", "SYSEXIT", gen_op_size, F(SEP), H(sysexit) },
    { "0F 01 /=F8", "SWAPGS", gen_plain, ROW_ONLY64 | ROW_CPL0, H(swapgs) },

    /* Control */
    { "0F 06", "CLTS", gen_plain, ROW_CPL0 | ROW_END, H(clts) },
    { "0F 08", "INVD", gen_nothing, ROW_CPL0 },
    { "0F 09", "WBINVD", gen_nothing, ROW_CPL0 },
    { "0F 20 /r", "MOV Ry Cy", gen_mov_from, ROW_CPL0 | ROW_FORCE64, H(mov_from_cr) },
    { "0F 21 /r", "MOV Ry Dy", gen_mov_from, ROW_FORCE64, H(mov_from_dr) },
    { "0F 22 /r", "MOV Cy Ry", gen_mov_to, ROW_CPL0 | ROW_FORCE64 | ROW_END, H(mov_to_cr) },
    { "0F 23 /r", "MOV Dy Ry", gen_mov_to, ROW_FORCE64 | ROW_END, H(mov_to_dr) },
    { "0F 30", "WRMSR", gen_plain, ROW_CPL0 | ROW_END, F(MSR), H(wrmsr) },
    { "0F 32", "RDMSR", gen_plain, ROW_CPL0, F(MSR), H(rdmsr) },
    { "F4", "HLT", gen_sleep, ROW_CPL0, H(hlt) },
    { "0F AA", "RSM", gen_state, 0, H(rsm) },
    { "0F 01 /=C8", "MONITOR", gen_monitor, F(MONITOR) },
    { "0F 01 /=C9", "MWAIT", gen_sleep, F(MONITOR), H(mwait) },
    { "NP 0F 01 /=CA", "CLAC", gen_plain, ROW_END, F(SMAP), H(clac) },
    { "NP 0F 01 /=CB", "STAC", gen_plain, ROW_END, F(SMAP), H(stac) },
    { "NP 0F 01 /=D0", "XGETBV", gen_plain, F(XSAVE), H(xgetbv) },
    { "NP 0F 01 /=D1", "XSETBV", gen_plain, ROW_END, F(XSAVE), H(xsetbv) },
    { "NP 0F 01 /=EE", "RDPKRU", gen_plain, F(PKU), H(rdpkru) },
    { "NP 0F 01 /=EF", "WRPKRU", gen_plain, ROW_END, F(PKU), H(wrpkru) },
    { "66 0F 38 82 /r", "INVPCID Gy Mdq", gen_invpcid, ROW_CPL0 | ROW_FORCE64 | ROW_END,
      F(INVPCID) },

    /* Bases, random numbers */
    { "F3 0F AE /0:r", "RDFSBASE Ry", gen_read_base, ROW_ONLY64, F(FSGSBASE), .arg = BASE(FS) },
    { "F3 0F AE /1:r", "RDGSBASE Ry", gen_read_base, ROW_ONLY64, F(FSGSBASE), .arg = BASE(GS) },
    { "F3 0F AE /2:r", "WRFSBASE Ry", gen_write_base, ROW_ONLY64, F(FSGSBASE), .arg = BASE(FS) },
    { "F3 0F AE /3:r", "WRGSBASE Ry", gen_write_base, ROW_ONLY64, F(FSGSBASE), .arg = BASE(GS) },
    { "0F C7 /6:r", "RDRAND Rv", gen_random, F(RDRAND) },
    { "0F C7 /7:r", "RDSEED Rv", gen_random, F(RDSEED) },
    { "F3 0F C7 /7:r", "RDPID Ry", gen_rdpid, F(RDPID) },

    /* Processor state */
    { "NP 0F AE /0:m", "FXSAVE Mb", gen_area, F(FXSR), H(fxsave), .arg = AREA_FX | X86_AREA_WRITE },
    { "NP 0F AE /1:m", "FXRSTOR Mb", gen_area, ROW_END, F(FXSR), H(fxrstor), .arg = AREA_FX },
    { "NP 0F AE /4:m", "XSAVE Mb", gen_area, F(XSAVE), H(xsave),
      .arg = AREA_XSAVE | X86_AREA_WRITE },
    { "NP 0F AE /5:m", "XRSTOR Mb", gen_area, ROW_END, F(XSAVE), H(xrstor), .arg = AREA_XSAVE },
    { "NP 0F AE /6:m", "XSAVEOPT Mb", gen_area, F(XSAVEOPT), H(xsaveopt),
      .arg = AREA_XSAVE | X86_AREA_WRITE },
    { "NP 0F C7 /4:m", "XSAVEC Mb", gen_area, F(XSAVEC), H(xsavec),
      .arg = AREA_XSAVE | X86_AREA_WRITE },
    { "NP 0F C7 /5:m", "XSAVES Mb", gen_area, ROW_CPL0, F(XSAVES), H(xsaves),
      .arg = AREA_XSAVE | X86_AREA_WRITE },
    { "NP 0F C7 /3:m", "XRSTORS Mb", gen_area, ROW_CPL0 | ROW_END, F(XSAVES), H(xrstors),
      .arg = AREA_XSAVE },
    { NULL },
};
