/* SPDX-License-Identifier: MIT */
/*
 * The stack (SDM vol. 1, 6.2): its pointer has the stack segment's size, not the operand's.
 */
#include "emit.h"

static TnTemp stack_pointer(X86Ctx *c, int64_t displacement)
{
    TnIrType t = c->stack_size == 8 ? TN_I64 : TN_I32;
    TnTemp sp = x86_ir_get(c, t, RSP);

    if (displacement)
        sp = tn_ir_i(c->b, TN_IR_ADDI, t, sp, (uint64_t)displacement);
    return c->stack_size == 2 ? tn_ir_1(c->b, TN_IR_EXT16U, TN_I32, sp) : sp;
}

void x86_stack_poke(X86Ctx *c, unsigned size, int offset, TnTemp value)
{
    TnTemp sp = stack_pointer(c, offset);

    x86_store(c, x86_type(size), x86_linear(c, SS, sp, size, true), value);
}

/* Without a base, a limit or a breakpoint nothing but the store needs the address. */
static void push_flat(X86Ctx *c, unsigned size, TnTemp value)
{
    X86Emit e = x86_emit(c, false);

    emit_push(&e, size, value);
    x86_emit_done(&e);
}

/* The store comes first: a fault leaves the pointer as it was. */
void x86_push(X86Ctx *c, unsigned size, TnTemp value)
{
    if (c->flat64) {
        push_flat(c, size, value);
        return;
    }
    TnTemp sp = stack_pointer(c, -(int64_t)size);

    x86_store(c, x86_type(size), x86_linear(c, SS, sp, size, true), value);
    x86_put_reg(c, RSP, c->stack_size, sp);
}

TnTemp x86_stack_peek(X86Ctx *c, unsigned size, int offset)
{
    TnTemp sp = stack_pointer(c, offset);

    return x86_load(c, x86_type(size), x86_linear(c, SS, sp, size, false));
}

void x86_stack_release(X86Ctx *c, int bytes)
{
    x86_put_reg(c, RSP, c->stack_size, stack_pointer(c, bytes));
}
