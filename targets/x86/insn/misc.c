/* SPDX-License-Identifier: MIT */
/*
 * Flag control, port I/O, identification, fences and hints (SDM vol. 1, 5.1.10 to 5.1.13; vol. 2
 * for each).
 */
#include "insn/general.h"
#include "insn/insn_helpers.h"

/* ---- Flags ------------------------------------------------------------------------------ */

/* CLC */
static void gen_clc(X86Ctx *c)
{
    x86_put_flags(c, tn_ir_i(c->b, TN_IR_ANDI, TN_I32, x86_get_flags(c), ~(uint32_t)TN_FLAG_C));
}

/* STC */
static void gen_stc(X86Ctx *c)
{
    x86_put_flags(c, tn_ir_i(c->b, TN_IR_ORI, TN_I32, x86_get_flags(c), TN_FLAG_C));
}

/* CMC */
static void gen_cmc(X86Ctx *c)
{
    x86_put_flags(c, tn_ir_i(c->b, TN_IR_XORI, TN_I32, x86_get_flags(c), TN_FLAG_C));
}

/* CLD, STD */
static void gen_direction(X86Ctx *c)
{
    tn_ir_stenv(c->b, TN_I32, offsetof(X86State, df),
                tn_ir_const(c->b, TN_I32, c->row->arg ? ~0u : 1u));
}

static void change_eflags(X86Ctx *c, TnIrOpc opc, uint32_t mask)
{
    size_t eflags = offsetof(X86State, eflags);

    tn_ir_stenv(c->b, TN_I32, eflags,
                tn_ir_i(c->b, opc, TN_I32, tn_ir_ldenv(c->b, TN_I32, eflags), mask));
}

/* CLI: by a helper where it may fault or VIF is meant */
static void gen_cli(X86Ctx *c)
{
    if (c->mode & MODE_IOPL_OK)
        change_eflags(c, TN_IR_ANDI, ~(uint32_t)EFLAGS_IF);
    else
        tn_ir_call_void(c->b, X86_HELPER_cli, 0, 0, 0, 0);
}

/* STI: the block goes on by one instruction, after which the main loop looks for interrupts */
static void gen_sti(X86Ctx *c)
{
    if (c->mode & MODE_IOPL_OK && !c->leave) {
        change_eflags(c, TN_IR_ORI, EFLAGS_IF);
        c->sti = true;
    } else {
        tn_ir_call_void(c->b, X86_HELPER_sti, 0, 0, 0, 0);
        x86_gen_end(c);
    }
}

/* ---- Port I/O --------------------------------------------------------------------------- */

/* The port of IN and OUT: an immediate is unsigned. */
static TnTemp read_port(X86Ctx *c, unsigned n)
{
    if (c->op[n].kind == OPERAND_IMM)
        return tn_ir_const(c->b, TN_I32, (uint8_t)c->op[n].imm);
    return x86_read(c, n);
}

/* IN AL/eAX, imm8/DX */
static void gen_in(X86Ctx *c)
{
    TnTemp size = tn_ir_const(c->b, TN_I32, c->op[0].size);

    x86_write(c, 0, tn_ir_call(c->b, X86_HELPER_in, read_port(c, 1), size, 0, 0));
    x86_gen_jump(c, c->next_pc);
}

/* OUT imm8/DX, AL/eAX: the device may raise an interrupt, seen at the next block */
static void gen_out(X86Ctx *c)
{
    TnTemp port = read_port(c, 0), value = x86_read(c, 1);

    tn_ir_call_void(c->b, X86_HELPER_out, port, value, tn_ir_const(c->b, TN_I32, c->op[1].size), 0);
    x86_gen_end(c);
}

/* ---- Identification, time --------------------------------------------------------------- */

/* CPUID, RDPMC */
static void gen_helper(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, 0, 0, 0, 0);
}

/* RDTSC, RDTSCP: `arg` says which. CR4.TSD forbids nothing at CPL 0. */
static void gen_rdtsc(X86Ctx *c)
{
    bool user = c->mode & MODE_CPL;
    TnTemp tsc = tn_ir_call(c->b, user ? X86_HELPER_rdtsc : X86_HELPER_rdtsc_kernel, 0, 0, 0, 0);

    x86_put_reg(c, RAX, 4, tsc);
    x86_put_reg(c, RDX, 4, tn_ir_i(c->b, TN_IR_SHRI, TN_I64, tsc, 32));
    if (c->row->arg)
        x86_put_reg(c, RCX, 4, tn_ir_ldenv(c->b, TN_I64, offsetof(X86State, tsc_aux)));
}

/* ---- Fences, caches, hints -------------------------------------------------------------- */

static void gen_nop(X86Ctx *c)
{
}

/* PAUSE: a good place for other virtual processors' work to be seen, and for their turn */
void x86_helper_pause(TnCpu *cpu)
{
    tn_cpu_yield(cpu);
}

static void gen_pause(X86Ctx *c)
{
    tn_ir_call_void(c->b, X86_HELPER_pause, 0, 0, 0, 0);
    x86_gen_jump(c, c->next_pc);
}

/* MFENCE */
static void gen_fence(X86Ctx *c)
{
    tn_ir_append(c->b, TN_IR_FENCE, TN_I64);
}

/* CLFLUSH, CLFLUSHOPT, CLWB: checked like a load of one byte */
static void gen_cache_line(X86Ctx *c)
{
    x86_load(c, TN_I8, x86_mem_addr(c, 1, false));
}

const X86Row x86_rows_misc[] = {
    { "F8", "CLC", gen_clc },
    { "F9", "STC", gen_stc },
    { "F5", "CMC", gen_cmc },
    { "FC", "CLD", gen_direction, .arg = 0 },
    { "FD", "STD", gen_direction, .arg = 1 },
    { "FA", "CLI", gen_cli },
    { "FB", "STI", gen_sti },

    { "E4 ib", "IN AL Ib", gen_in },
    { "E5 ib", "IN eAX Ib", gen_in },
    { "EC", "IN AL DX", gen_in },
    { "ED", "IN eAX DX", gen_in },
    { "E6 ib", "OUT Ib AL", gen_out },
    { "E7 ib", "OUT Ib eAX", gen_out },
    { "EE", "OUT DX AL", gen_out },
    { "EF", "OUT DX eAX", gen_out },

    { "0F A2", "CPUID", gen_helper, .helper = X86_HELPER_cpuid },
    { "0F 31", "RDTSC", gen_rdtsc, .feature = X86_FEATURE_TSC },
    { "0F 33", "RDPMC", gen_helper, .helper = X86_HELPER_rdpmc },
    { "0F 01 /=F9", "RDTSCP", gen_rdtsc, .feature = X86_FEATURE_RDTSCP, .arg = 1 },

    { "F3 90", "PAUSE", gen_pause },
    { "0F 18 /r", "NOP Ev", gen_nop }, /* PREFETCHh and reserved hints */
    { "0F 19 /r", "NOP Ev", gen_nop },
    { "0F 1A /r", "NOP Ev", gen_nop },
    { "0F 1B /r", "NOP Ev", gen_nop },
    { "0F 1C /r", "NOP Ev", gen_nop },
    { "0F 1D /r", "NOP Ev", gen_nop },
    { "0F 1E /r", "NOP Ev", gen_nop }, /* ENDBR32, ENDBR64, RDSSP without CET */
    { "0F 1F /r", "NOP Ev", gen_nop },
    { "0F 0D /r", "PREFETCHW Ev", gen_nop },

    { "NP 0F AE /5:r", "LFENCE", gen_nop, .feature = X86_FEATURE_SSE2 },
    { "NP 0F AE /6:r", "MFENCE", gen_fence, .feature = X86_FEATURE_SSE2 },
    { "NP 0F AE /7:r", "SFENCE", gen_nop, .feature = X86_FEATURE_SSE },
    { "NP 0F AE /7:m", "CLFLUSH Mb", gen_cache_line, .feature = X86_FEATURE_CLFLUSH },
    { "66 0F AE /7:m", "CLFLUSHOPT Mb", gen_cache_line, .feature = X86_FEATURE_CLFLUSHOPT },
    { "66 0F AE /6:m", "CLWB Mb", gen_cache_line, .feature = X86_FEATURE_CLWB },
    { NULL },
};
