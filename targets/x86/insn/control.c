/* SPDX-License-Identifier: MIT */
/*
 * Control transfers (SDM vol. 1, 5.1.7; chapter 6 for calls and interrupts). Near ones are made
 * here; far ones, interrupts and returns from them belong to system/.
 */
#include "insn/general.h"
#include "decode.h"
#include "emit.h"
#include "insn/insn_helpers.h"

/* A branch beyond the limit of CS faults at the branch, before anything has changed. */
static void check_target(X86Ctx *c, TnTemp pc)
{
    if (c->mode & MODE_CSLIM)
        tn_ir_call_void(c->b, X86_HELPER_check_fetch, pc, 0, 0, 0);
}

static void check_known_target(X86Ctx *c, uint64_t pc)
{
    if (c->mode & MODE_CSLIM)
        check_target(c, x86_const(c, pc));
}

static uint64_t relative_target(X86Ctx *c, unsigned n)
{
    return x86_wrap_pc(c, c->next_pc + (uint64_t)c->op[n].imm);
}

static unsigned linear_bits(const X86Ctx *c)
{
    return c->mode & MODE_LA57 ? 57 : 48;
}

/* Before anything has changed as well: see X86_BRANCH_FAULT. */
static void check_canonical(X86Ctx *c, TnTemp pc)
{
    unsigned up = 64 - linear_bits(c);
    TnTemp extended;

    if (!c->code64)
        return;
    extended = tn_ir_i(c->b, TN_IR_SARI, TN_I64, tn_ir_i(c->b, TN_IR_SHLI, TN_I64, pc, up), up);
    tn_ir_exit_if(c->b, tn_ir_setcond(c->b, TN_I64, TN_COND_NE, extended, pc),
                  c->pc ^ X86_BRANCH_FAULT);
}

/* Leaves for a target that is not known to be canonical; RSP, which has advanced by `released`, goes
 * back where it is not. */
static void jump_checked(X86Ctx *c, TnTemp pc, uint16_t released)
{
    tn_ir_exit_ind_checked(c->b, pc, linear_bits(c), RSP, released, c->pc ^ X86_BRANCH_FAULT);
    c->ended = true;
}

/* True where the check can wait for the exit. */
static bool checks_late(const X86Ctx *c)
{
    return c->code64 && !c->leave;
}

/* Where it goes back to the block's start, or there is more to it than the jump. */
static void jcc_odd(X86Ctx *c, TnFlagCond code, uint64_t target)
{
    TnTemp flags = x86_get_flags(c), cond;

    if (x86_gen_round(c, code, flags, target))
        return;
    cond = tn_ir_flagcond(c->b, code, flags);
    if (c->mode & MODE_CSLIM)
        check_target(c, tn_ir_select(c->b, TN_I32, cond, x86_const(c, target), x86_const(c, 0)));
    x86_gen_jump_if(c, cond, target);
}

/* Jcc rel */
static void gen_jcc(X86Ctx *c)
{
    uint64_t target = relative_target(c, 0);
    TnFlagCond code = (TnFlagCond)(c->opcode & 15);
    TnTemp cond;

    if (c->odd_mode || c->leave || target == c->b->pc) {
        jcc_odd(c, code, target);
        return;
    }
    X86Emit e = x86_emit(c, false);
    cond = emit_op(&e, TN_IR_FLAGCOND, TN_I32, code, emit_get(&e, TN_I32, X86_REG_FLAGS), 0, 0);
    emit_void(&e, TN_IR_EXIT_IF, TN_I64, 0, cond, 0, target);
    x86_emit_done(&e);
    x86_gen_jumped(c, target);
}

/* JMP rel */
static void gen_jmp(X86Ctx *c)
{
    uint64_t target = relative_target(c, 0);
    uintptr_t late = 0;

    if (c->code64 && c->op[0].size == LATE_SIZE)
        late = x86_late_number(c, 0);
    if (late) {
        x86_gen_jump_ind(c, tn_ir_i(c->b, TN_IR_ADDI, TN_I64, tn_ir_ldcode(c->b, TN_I64, late),
                                    c->next_pc));
        return;
    }
    check_known_target(c, target);
    x86_gen_jump(c, target);
}

/* JMP r/m */
static void gen_jmp_ind(X86Ctx *c)
{
    TnTemp target = x86_read(c, 0); /* cut to the operand size already */

    check_target(c, target);
    if (checks_late(c)) {
        jump_checked(c, target, 0);
        return;
    }
    check_canonical(c, target);
    x86_gen_jump_ind(c, target);
}

static void call_flat(X86Ctx *c, uint64_t target)
{
    X86Emit e = x86_emit(c, false);

    emit_push(&e, 8, emit_const(&e, TN_I64, c->next_pc));
    emit_void(&e, TN_IR_EXIT, TN_I64, 0, 0, 0, target);
    x86_emit_done(&e);
    c->ended = true;
}

/* CALL rel */
static void gen_call(X86Ctx *c)
{
    uint64_t target = relative_target(c, 0);

    if (c->flat64 && !c->odd_mode && !c->leave) {
        call_flat(c, target);
        return;
    }
    check_known_target(c, target);
    x86_push(c, c->op_size, x86_const(c, c->next_pc));
    x86_gen_jump(c, target);
}

/* CALL r/m: what it pushes cannot be taken back */
static void gen_call_ind(X86Ctx *c)
{
    TnTemp target = x86_read(c, 0);

    check_target(c, target);
    check_canonical(c, target);
    x86_push(c, c->op_size, x86_const(c, c->next_pc));
    x86_gen_jump_ind(c, target);
}

static TnTemp pop_flat(X86Ctx *c, unsigned released)
{
    X86Emit e = x86_emit(c, false);
    TnTemp value = emit_pop(&e, c->op_size, released);

    x86_emit_done(&e);
    return value;
}

/* RET, RET imm16 */
static void gen_ret(X86Ctx *c)
{
    unsigned released = c->op_size + (uint16_t)c->op[0].imm;
    bool late = checks_late(c) && released <= UINT16_MAX;
    TnTemp target;

    if (c->flat64 && late) {
        jump_checked(c, pop_flat(c, released), (uint16_t)released);
        return;
    }
    target = x86_stack_peek(c, c->op_size, 0);
    check_target(c, target);
    if (!late)
        check_canonical(c, target);
    x86_stack_release(c, (int)released);
    if (late)
        jump_checked(c, target, (uint16_t)released);
    else
        x86_gen_jump_ind(c, target);
}

/* ---- LOOP and JCXZ ---------------------------------------------------------------------- */

static TnTemp not_zero(X86Ctx *c, TnTemp value)
{
    return tn_ir_setcond(c->b, TN_I64, TN_COND_NE, value, tn_ir_const(c->b, TN_I64, 0));
}

/* The count has the address size. */
static TnTemp decrement_count(X86Ctx *c)
{
    TnTemp count = x86_get_reg(c, RCX, c->addr_size);

    count = tn_ir_i(c->b, TN_IR_ADDI, x86_calc_type(c->addr_size), count, ~0ull);
    if (c->addr_size == 2)
        count = tn_ir_1(c->b, TN_IR_EXT16U, TN_I32, count);
    return count;
}

/* LOOP, LOOPE, LOOPNE rel8: no flags change; X86Row.helper is 0, or 1 + the condition to go on */
static void gen_loop(X86Ctx *c)
{
    uint64_t target = relative_target(c, 0);
    TnTemp count = decrement_count(c), cond = not_zero(c, count);

    if (c->row->helper)
        cond = tn_ir_2(c->b, TN_IR_AND, TN_I32, cond,
                       tn_ir_flagcond(c->b, (TnFlagCond)(c->row->helper - 1), x86_get_flags(c)));
    if (c->mode & MODE_CSLIM)
        check_target(c, tn_ir_select(c->b, TN_I32, cond, x86_const(c, target), x86_const(c, 0)));
    x86_put_reg(c, RCX, c->addr_size, count);
    x86_gen_jump_if(c, cond, target);
}

/* JCXZ JECXZ JRCXZ rel8 */
static void gen_jcxz(X86Ctx *c)
{
    uint64_t target = relative_target(c, 0);
    TnTemp count = x86_get_reg(c, RCX, c->addr_size);
    TnTemp cond = tn_ir_i(c->b, TN_IR_XORI, TN_I32, not_zero(c, count), 1);

    if (c->mode & MODE_CSLIM)
        check_target(c, tn_ir_select(c->b, TN_I32, cond, x86_const(c, target), x86_const(c, 0)));
    x86_gen_jump_if(c, cond, target);
}

/* ---- Far transfers ---------------------------------------------------------------------- */

static void far_transfer(X86Ctx *c, unsigned helper, TnTemp selector, TnTemp offset)
{
    tn_ir_call_void(c->b, helper, selector, offset, tn_ir_const(c->b, TN_I32, c->op_size),
                    x86_const(c, c->next_pc));
    x86_gen_end_state(c);
}

/* JMP ptr16:16/32, CALL ptr16:16/32; X86Row.helper does it */
static void gen_far_direct(X86Ctx *c)
{
    uint64_t pointer = (uint64_t)c->op[0].imm;

    far_transfer(c, c->row->helper, tn_ir_const(c->b, TN_I32, pointer >> 32),
                 x86_const(c, (uint32_t)pointer));
}

/* JMP m16:16/32/64, CALL m16:16/32/64 */
static void gen_far_indirect(X86Ctx *c)
{
    unsigned size = c->op_size;
    TnIrType t = c->code64 ? TN_I64 : TN_I32;
    TnTemp addr = x86_mem_addr(c, size + 2, false);
    TnTemp offset = x86_load(c, x86_type(size), addr);
    TnTemp selector = x86_load(c, TN_I16, tn_ir_i(c->b, TN_IR_ADDI, t, addr, size));

    far_transfer(c, c->row->helper, selector, offset);
}

/* RETF, RETF imm16 */
static void gen_ret_far(X86Ctx *c)
{
    tn_ir_call_void(c->b, X86_HELPER_ret_far, tn_ir_const(c->b, TN_I32, c->op_size),
                    tn_ir_const(c->b, TN_I32, (uint16_t)c->op[0].imm), 0, 0);
    x86_gen_end_state(c);
}

/* IRET IRETD IRETQ */
static void gen_iret(X86Ctx *c)
{
    tn_ir_call_void(c->b, X86_HELPER_iret, tn_ir_const(c->b, TN_I32, c->op_size),
                    x86_const(c, c->next_pc), 0, 0);
    x86_gen_end_state(c);
}

/* ---- Software interrupts ---------------------------------------------------------------- */

/* They clear TF: no single step follows. */
void x86_gen_end_int(X86Ctx *c)
{
    tn_ir_exit_state(c->b);
    c->ended = true;
}

/* INT imm8 */
static void gen_int(X86Ctx *c)
{
    tn_ir_call_void(c->b, X86_HELPER_int_n, tn_ir_const(c->b, TN_I32, (uint8_t)c->op[0].imm),
                    x86_const(c, c->next_pc), 0, 0);
    x86_gen_end_int(c);
}

/* INT3, INTO, INT1 */
static void gen_trap(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, x86_const(c, c->next_pc), 0, 0, 0);
    x86_gen_end_int(c);
}

/* UD0 UD1 UD2 */
static void gen_ud(X86Ctx *c)
{
    x86_gen_raise(c, X86_UD);
}

/* BOUND r, m: signed; #BR outside of the two bounds */
static void gen_bound(X86Ctx *c)
{
    unsigned size = c->op[0].size, load = x86_mem_flags(c, size) | TN_MEM_SIGN;
    TnTemp index = x86_read_signed(c, 0), addr = x86_mem_addr(c, size * 2, false);
    TnTemp lower = tn_ir_ld(c->b, x86_type(size), addr, 0, load);
    TnTemp upper = tn_ir_ld(c->b, x86_type(size), addr, size, load);

    tn_ir_call_void(c->b, X86_HELPER_bound, index, lower, upper, 0);
}

void x86_helper_bound(TnCpu *cpu, uint64_t index, uint64_t lower, uint64_t upper)
{
    if ((int64_t)index < (int64_t)lower || (int64_t)index > (int64_t)upper)
        x86_raise(cpu, X86_BR);
}

const X86Row x86_rows_control[] = {
    { "70+c cb", "Jcc Jb", gen_jcc, .flags = ROW_FORCE64 },
    { "0F 80+c cz", "Jcc Jz", gen_jcc, .flags = ROW_FORCE64 },
    { "EB cb", "JMP Jb", gen_jmp, .flags = ROW_FORCE64 },
    { "E9 cz", "JMP Jz", gen_jmp, .flags = ROW_FORCE64 },
    { "FF /4", "JMP Ev", gen_jmp_ind, .flags = ROW_FORCE64 },
    { "E8 cz", "CALL Jz", gen_call, .flags = ROW_FORCE64 },
    { "FF /2", "CALL Ev", gen_call_ind, .flags = ROW_FORCE64 },
    { "C3", "RET", gen_ret, .flags = ROW_FORCE64 },
    { "C2 iw", "RET Iw", gen_ret, .flags = ROW_FORCE64 },
    { "E2 cb", "LOOP Jb", gen_loop, .flags = ROW_FORCE64 },
    { "E1 cb", "LOOPE Jb", gen_loop, .flags = ROW_FORCE64, .helper = 1 + TN_FC_Z },
    { "E0 cb", "LOOPNE Jb", gen_loop, .flags = ROW_FORCE64, .helper = 1 + TN_FC_NZ },
    { "E3 cb", "JCXZ Jb", gen_jcxz, .flags = ROW_FORCE64 },

    { "EA cp", "JMP Ap", gen_far_direct, .flags = ROW_NO64, .helper = X86_HELPER_jmp_far },
    { "9A cp", "CALL Ap", gen_far_direct, .flags = ROW_NO64, .helper = X86_HELPER_call_far },
    { "FF /5:m", "JMP Mp", gen_far_indirect, .helper = X86_HELPER_jmp_far },
    { "FF /3:m", "CALL Mp", gen_far_indirect, .helper = X86_HELPER_call_far },
    { "CB", "RETF", gen_ret_far },
    { "CA iw", "RETF Iw", gen_ret_far },
    { "CF", "IRET", gen_iret },

    { "CD ib", "INT Ib", gen_int },
    { "CC", "INT3", gen_trap, .helper = X86_HELPER_int3 },
    { "CE", "INTO", gen_trap, .flags = ROW_NO64, .helper = X86_HELPER_into },
    { "F1", "INT1", gen_trap, .helper = X86_HELPER_int1 },
    { "62 /rm", "BOUND Gv Ma", gen_bound, .flags = ROW_NO64 },
    { "0F FF /r", "UD0 Gd Ed", gen_ud },
    { "0F B9 /r", "UD1 Gd Ed", gen_ud },
    { "0F 0B", "UD2", gen_ud },
    { NULL },
};
