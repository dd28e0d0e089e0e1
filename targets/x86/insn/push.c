/* SPDX-License-Identifier: MIT */
/* Stack instructions (SDM vol. 1, 6.2 and 6.6; vol. 2: PUSH, POP, ENTER, LEAVE). */
#include "emit.h"
#include "insn/general.h"

EMIT void push_flat(X86Ctx *c, bool odd)
{
    X86Emit e = x86_emit(c, odd);

    emit_push(&e, c->op_size, emit_read_any(&e, 0, 0));
    x86_emit_done(&e);
}

EMIT_ODD(push_flat_odd, push_flat)

/* PUSH r/m, imm, Sreg. PUSH rSP pushes the value before the instruction. */
void x86_gen_push(X86Ctx *c)
{
    if (!c->flat64)
        x86_push(c, c->op_size, x86_read_any(c, 0));
    else if (c->odd_operands)
        push_flat_odd(c);
    else
        push_flat(c, false);
}

static void pop_flat(X86Ctx *c)
{
    X86Emit e = x86_emit(c, false);
    TnTemp value = emit_pop(&e, c->op_size, c->op_size);

    emit_write(&e, 0, value, false);
    x86_emit_done(&e);
}

/* POP r/m: the pointer has moved when the address of the destination is formed. */
void x86_gen_pop(X86Ctx *c)
{
    unsigned size = c->op_size;
    TnTemp value;

    if (c->flat64 && c->op[0].kind == OPERAND_REG) {
        pop_flat(c);
        return;
    }
    value = x86_stack_peek(c, size, 0);
    if (c->op[0].kind == OPERAND_MEM) {
        if (c->mem_base == RSP)
            c->mem_disp += size;
        x86_write(c, 0, value);
        x86_stack_release(c, (int)size);
    } else {
        x86_stack_release(c, (int)size);
        x86_write(c, 0, value);
    }
}

/* POP Sreg */
void x86_gen_pop_seg(X86Ctx *c)
{
    TnTemp selector = x86_stack_peek(c, 2, 0);

    x86_gen_load_seg(c, c->op[0].reg, selector);
    x86_stack_release(c, c->op_size);
    x86_gen_after_load_seg(c, c->op[0].reg);
}

/* PUSHA: AX CX DX BX SP BP SI DI, the pointer as it was */
void x86_gen_pusha(X86Ctx *c)
{
    int size = c->op_size;

    for (int reg = RAX; reg <= RDI; reg++)
        x86_stack_poke(c, c->op_size, -size * (reg + 1), x86_ir_get(c, TN_I32, (unsigned)reg));
    x86_stack_release(c, -size * 8);
}

/* POPA: all but SP */
void x86_gen_popa(X86Ctx *c)
{
    int size = c->op_size;
    TnTemp value[8];

    for (int reg = RDI; reg >= RAX; reg--)
        value[reg] = x86_stack_peek(c, (unsigned)size, size * (RDI - reg));
    x86_stack_release(c, size * 8);
    for (unsigned reg = RAX; reg <= RDI; reg++) {
        if (reg != RSP)
            x86_put_reg(c, reg, (unsigned)size, value[reg]);
    }
}

/* The image that PUSHF pushes outside v8086 mode: neither RF nor VM. */
static TnTemp eflags_image(X86Ctx *c)
{
    TnTemp eflags = tn_ir_ldenv(c->b, TN_I32, offsetof(X86State, eflags));
    TnTemp df = tn_ir_ldenv(c->b, TN_I32, offsetof(X86State, df)); /* 1 or -1 */

    df = tn_ir_i(c->b, TN_IR_ANDI, TN_I32, df, EFLAGS_DF);
    eflags = tn_ir_i(c->b, TN_IR_ANDI, TN_I32, eflags, ~(uint32_t)(EFLAGS_RF | EFLAGS_VM));
    eflags = tn_ir_2(c->b, TN_IR_OR, TN_I32, eflags, x86_get_flags(c));
    return tn_ir_2(c->b, TN_IR_OR, TN_I32, eflags, df);
}

/* PUSHF */
void x86_gen_pushf(X86Ctx *c)
{
    TnTemp image;

    if (c->mode & MODE_VM)
        image = tn_ir_call(c->b, X86_HELPER_pushf, tn_ir_const(c->b, TN_I32, c->op_size), 0, 0, 0);
    else
        image = eflags_image(c);
    x86_push(c, c->op_size, image);
}

/* POPF */
void x86_gen_popf(X86Ctx *c)
{
    TnTemp image = x86_stack_peek(c, c->op_size, 0);

    tn_ir_call_void(c->b, X86_HELPER_popf, image, tn_ir_const(c->b, TN_I32, c->op_size), 0, 0);
    x86_stack_release(c, c->op_size);
    x86_gen_end(c);
}

/* The frame pointers of the enclosing procedures, read below rBP, and the new one. */
static void gen_enter_display(X86Ctx *c, unsigned level, TnTemp frame)
{
    TnIrType t = c->stack_size == 8 ? TN_I64 : TN_I32;
    unsigned size = c->op_size;

    for (unsigned i = 1; i < level; i++) {
        TnTemp offset = tn_ir_i(c->b, TN_IR_ADDI, t, x86_ir_get(c, t, RBP),
                                (uint64_t)-(int64_t)(size * i));
        if (c->stack_size == 2)
            offset = tn_ir_1(c->b, TN_IR_EXT16U, TN_I32, offset);
        TnTemp value = x86_load(c, x86_type(size), x86_linear(c, SS, offset, size, false));
        x86_stack_poke(c, size, -(int)(size * (i + 1)), value);
    }
    if (level > 0)
        x86_stack_poke(c, size, -(int)(size * (level + 1)), frame);
}

/* ENTER imm16, imm8 */
void x86_gen_enter(X86Ctx *c)
{
    unsigned size = c->op_size, level = (unsigned)c->op[1].imm & 31;
    int pushed = (int)(size * (level ? level + 1 : 1)), alloc = (uint16_t)c->op[0].imm;
    TnIrType t = c->stack_size == 8 ? TN_I64 : TN_I32;

    TnTemp frame = tn_ir_i(c->b, TN_IR_ADDI, t, x86_ir_get(c, t, RSP), (uint64_t)-(int64_t)size);
    x86_stack_poke(c, size, -(int)size, x86_get_reg(c, RBP, size));
    gen_enter_display(c, level, frame);
    /* The new top of the stack must be writable (SDM vol. 2, ENTER: #PF). */
    TnTemp top = tn_ir_i(c->b, TN_IR_ADDI, t, x86_ir_get(c, t, RSP),
                         (uint64_t)-(int64_t)(pushed + alloc));
    if (c->stack_size == 2)
        top = tn_ir_1(c->b, TN_IR_EXT16U, TN_I32, top);
    tn_ir_ld(c->b, TN_I8, x86_linear(c, SS, top, 1, true), 0, x86_mem_flags(c, 1) | TN_MEM_RMW);
    x86_stack_release(c, -(pushed + alloc));
    x86_put_reg(c, RBP, size, frame);
}

/* LEAVE */
void x86_gen_leave(X86Ctx *c)
{
    unsigned size = c->op_size;
    TnIrType t = c->stack_size == 8 ? TN_I64 : TN_I32;
    TnTemp bp = x86_get_reg(c, RBP, c->stack_size);
    TnTemp value = x86_load(c, x86_type(size), x86_linear(c, SS, bp, size, false));

    x86_put_reg(c, RSP, c->stack_size, tn_ir_i(c->b, TN_IR_ADDI, t, bp, size));
    x86_put_reg(c, RBP, size, value);
}
