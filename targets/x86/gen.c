/* SPDX-License-Identifier: MIT */
/*
 * Leaving a block: jumps, exceptions, and the checks that a row asks for before its own code.
 *
 * Single-step and data breakpoints (SDM vol. 3B, 17.2 and 17.3.1) make a #DB after the instruction
 * by what TF was when it began, so where the block's mode has them, every way out calls a helper.
 */
#include "decode.h"

/* Modes in which the end of an instruction may raise #DB. */
enum { MODES_STEP = MODE_TF | MODE_DR7, MAX_SIDE_EXITS = 8 };

void x86_gen_raise(X86Ctx *c, X86Vector vector)
{
    tn_ir_call_void(c->b, X86_HELPER_raise, tn_ir_const(c->b, TN_I32, vector), 0, 0, 0);
    tn_ir_exit_state(c->b);
    c->ended = true;
}

void x86_gen_raise_error(X86Ctx *c, X86Vector vector, uint32_t error_code)
{
    tn_ir_call_void(c->b, X86_HELPER_raise_error, tn_ir_const(c->b, TN_I32, vector),
                    tn_ir_const(c->b, TN_I32, error_code), 0, 0);
    tn_ir_exit_state(c->b);
    c->ended = true;
}

void x86_gen_end_state(X86Ctx *c)
{
    if (c->mode & MODES_STEP)
        tn_ir_call_void(c->b, X86_HELPER_step_state, 0, 0, 0, 0);
    tn_ir_exit_state(c->b);
    c->ended = true;
}

void x86_gen_end(X86Ctx *c)
{
    c->leave = true;
    x86_gen_jump(c, c->next_pc);
}

void x86_gen_jump(X86Ctx *c, uint64_t pc)
{
    if (c->mode & MODES_STEP)
        tn_ir_call_void(c->b, X86_HELPER_step, x86_const(c, pc), 0, 0, 0);
    if (c->leave)
        tn_ir_exit_loop(c->b, pc);
    else
        tn_ir_exit(c->b, pc);
    c->ended = true;
}

void x86_gen_jump_ind(X86Ctx *c, TnTemp pc)
{
    if (c->mode & MODES_STEP)
        tn_ir_call_void(c->b, X86_HELPER_step, pc, 0, 0, 0);
    if (c->leave)
        tn_ir_exit_loop_ind(c->b, pc);
    else
        tn_ir_exit_ind(c->b, pc);
    c->ended = true;
}

/* A forward branch is a side exit: the block goes on behind it. A backward one closes a loop. */
void x86_gen_jumped(X86Ctx *c, uint64_t pc)
{
    if (pc <= c->pc || ++c->n_jumps >= MAX_SIDE_EXITS)
        x86_gen_jump(c, c->next_pc);
}

void x86_gen_jump_if(X86Ctx *c, TnTemp cond, uint64_t pc)
{
    if (c->leave) {
        x86_gen_jump_ind(c, tn_ir_select(c->b, TN_I64, cond, x86_const(c, pc),
                                         x86_const(c, c->next_pc)));
        return;
    }
    tn_ir_exit_if(c->b, cond, pc);
    x86_gen_jumped(c, pc);
}

/* A loop's jump back to the block's start: the way out of the loop becomes the side exit. */
bool x86_gen_round(X86Ctx *c, TnFlagCond cond, TnTemp flags, uint64_t pc)
{
    if (pc != c->b->pc || c->n_rounds + 1 >= c->b->rounds || c->leave ||
        c->mode & (MODES_STEP | MODE_CSLIM))
        return false;
    tn_ir_exit_if(c->b, tn_ir_flagcond(c->b, (TnFlagCond)(cond ^ 1), flags), c->next_pc);
    c->next_pc = pc;
    c->goes_back = true;
    c->n_rounds++;
    c->n_jumps = 0;
    return true;
}

/* ---- Checks before an instruction ------------------------------------------------------- */

static bool lock_allowed(const X86Ctx *c)
{
    return c->row->flags & ROW_LOCK && c->op[0].kind == OPERAND_MEM;
}

/* VEX.vvvv is free only where an operand code reads it. */
static bool vvvv_allowed(const X86Ctx *c)
{
    return !c->vex || c->vex_vvvv == 0 || !(c->row->flags & ROW_NOVVVV);
}

/* The #UD and #NM of the floating-point and SIMD units; -1 for none (SDM vol. 3A, 2.5). */
static int unit_fault(const X86Ctx *c)
{
    uint32_t flags = c->row->flags, mode = c->mode;

    if (flags & ROW_FPU && mode & (MODE_EM | MODE_TS))
        return X86_NM;
    if (flags & ROW_MMX && mode & MODE_EM)
        return X86_UD;
    if (flags & ROW_SSE && (mode & MODE_EM || !(mode & MODE_OSFXSR)))
        return X86_UD;
    if (flags & ROW_AVX && !(mode & MODE_AVX))
        return X86_UD;
    if (flags & (ROW_MMX | ROW_SSE | ROW_AVX) && mode & MODE_TS)
        return X86_NM;
    return -1;
}

bool x86_gen_checks(X86Ctx *c)
{
    uint32_t flags = c->row->flags;
    bool real = !(c->mode & MODE_PE) || c->mode & MODE_VM;
    int fault;

    if (!c->row->gen || (c->lock && !lock_allowed(c)) || !vvvv_allowed(c) ||
        (flags & ROW_PROT && real)) {
        x86_gen_raise(c, X86_UD);
        return false;
    }
    fault = unit_fault(c);
    if (fault >= 0) {
        x86_gen_raise(c, (X86Vector)fault);
        return false;
    }
    if (flags & ROW_CPL0 && (c->mode & MODE_CPL) != 0) {
        x86_gen_raise_error(c, X86_GP, 0);
        return false;
    }
    return true;
}
