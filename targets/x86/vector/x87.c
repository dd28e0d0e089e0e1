/* SPDX-License-Identifier: MIT */
/*
 * The x87: exceptions, and the helpers of arithmetic and comparisons (Intel SDM vol. 1, ch. 8).
 *
 * Every helper of a waiting instruction delivers a pending exception first. An operand in an empty
 * register is a stack fault: masked, the instruction delivers the indefinite in its place;
 * unmasked, it does nothing but record it.
 */
#include "x87.h"

#include "tenon/irq.h"

#include "helpers-vector.h"

/* ---- Exceptions ------------------------------------------------------------------------- */

/* FERR# to the interrupt controller (IRQ 13 of a PC), for systems with CR0.NE clear. */
static void drive_ferr(TnCpu *cpu, int level)
{
    tn_device_lock();
    tn_irq_out(cpu->object, "ferr", 0, level);
    tn_device_unlock();
}

void x87_wait(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    x86_x87_sync(cpu);
    if (TN_LIKELY(!(s->fsw & FSW_ES)))
        return;
    if (s->cr0 & CR0_NE)
        x86_raise(cpu, X86_MF);
    if (s->ignne)
        return;
    drive_ferr(cpu, 1);
    /* The processor stops here until an interrupt: the instruction begins again. */
    s->rip = cpu->fault_pc;
    tn_cpu_unwind_to_loop(cpu);
}

void x86_helper_x87_wait(TnCpu *cpu)
{
    x87_wait(cpu);
}

void x87_settle(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    bool was = s->fsw & FSW_ES, pending = s->fsw & ~s->fcw & FSW_FLAGS;

    s->fsw = (uint16_t)(pending ? s->fsw | FSW_ES | FSW_B : s->fsw & ~(FSW_ES | FSW_B));
    x87_update_mode(s);
    if (was != pending && !(s->cr0 & CR0_NE))
        drive_ferr(cpu, pending);
}

bool x87_flag(TnCpu *cpu, uint16_t flags, bool c1)
{
    X86State *s = x86_state(cpu);

    x87_set_c1(s, c1);
    if (!flags)
        return true;
    s->fsw |= flags;
    if (s->fsw & ~s->fcw & FSW_FLAGS)
        x87_settle(cpu);
    return !(flags & ~s->fcw & FSW_BEFORE_RESULT);
}

bool x87_collect(TnCpu *cpu, uint16_t sw)
{
    return x87_flag(cpu, sw & (FSW_FLAGS | FSW_SF), sw & FSW_C1);
}

bool x87_push_check(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    if (x87_is_empty(s, 7))
        return true;
    if (x87_overflow(cpu))
        x87_push(s, x87_indefinite());
    return false;
}

static void set_condition(X86State *s, uint16_t bits)
{
    s->fsw = (uint16_t)((s->fsw & ~FSW_CONDITION) | (bits & FSW_CONDITION));
}

/* ---- Arithmetic ------------------------------------------------------------------------- */

void x86_helper_x87_arith(TnCpu *cpu, uint32_t control)
{
    X86State *s = x86_state(cpu);
    unsigned dst = X87_DST(control), src = X87_SRC(control);
    bool deliver;

    x87_wait(cpu);
    if (x87_is_empty(s, dst) || x87_is_empty(s, src)) {
        deliver = x87_underflow(cpu);
        if (deliver)
            x87_put(s, dst, x87_indefinite());
    } else {
        /* In place: where an exception stops it, the operand stays what it was. */
        deliver = x87_collect(cpu, x87_host_arith(s, X87_OP(control), x87_st(s, dst),
                                                  x87_st(s, src)));
    }
    if (deliver && control & X87_POP)
        x87_pop(s);
}

/* The kind in place of the destination; the value as it lay in memory. */
void x86_helper_x87_arith_mem(TnCpu *cpu, uint32_t control, uint64_t mem)
{
    X86State *s = x86_state(cpu);

    x87_wait(cpu);
    if (x87_is_empty(s, 0)) {
        if (x87_underflow(cpu))
            x87_put(s, 0, x87_indefinite());
        return;
    }
    x87_collect(cpu, x87_host_arith_mem(s, X87_OP(control), X87_DST(control), x87_st(s, 0), &mem));
}

/* ---- Comparisons ------------------------------------------------------------------------ */

static void pop_compared(X86State *s, uint32_t control)
{
    for (unsigned i = 0; i < X87_POPS(control); i++)
        x87_pop(s);
}

/* What an unordered comparison or an empty operand gives. */
enum { UNORDERED = FSW_C0 | FSW_C2 | FSW_C3 };

/* The condition bits of ST0 against ST(src), or false where an unmasked exception leaves all. */
static bool compare(TnCpu *cpu, uint32_t control, uint16_t *condition)
{
    X86State *s = x86_state(cpu);
    unsigned src = X87_SRC(control);

    x87_wait(cpu);
    *condition = UNORDERED;
    if (x87_is_empty(s, 0) || x87_is_empty(s, src))
        return x87_underflow(cpu);
    *condition = x87_host_compare(s, control & X87_ORDERED, x87_st(s, 0), x87_st(s, src));
    return x87_flag(cpu, *condition & FSW_FLAGS, control & X87_KEEP_C1 && s->fsw & FSW_C1);
}

void x86_helper_x87_compare(TnCpu *cpu, uint32_t control)
{
    uint16_t condition;

    bool deliver = compare(cpu, control, &condition);
    set_condition(x86_state(cpu), condition);
    if (deliver)
        pop_compared(x86_state(cpu), control);
}

/* FCOMI and the like: returns the packed flags, also where an unmasked exception keeps the operand
 * on the stack. C1 stays, as on processors (the manual says cleared). */
uint32_t x86_helper_x87_compare_flags(TnCpu *cpu, uint32_t control)
{
    uint16_t condition;

    if (compare(cpu, control | X87_KEEP_C1, &condition))
        pop_compared(x86_state(cpu), control);
    return (condition & FSW_C0 ? TN_FLAG_C : 0u) | (condition & FSW_C2 ? TN_FLAG_P : 0u) |
           (condition & FSW_C3 ? TN_FLAG_Z : 0u);
}

void x86_helper_x87_compare_mem(TnCpu *cpu, uint32_t control, uint64_t mem)
{
    X86State *s = x86_state(cpu);
    uint16_t condition = UNORDERED;
    bool deliver;

    x87_wait(cpu);
    if (x87_is_empty(s, 0)) {
        deliver = x87_underflow(cpu);
    } else {
        condition = x87_host_compare_mem(s, X87_DST(control), x87_st(s, 0), &mem);
        deliver = x87_flag(cpu, condition & FSW_FLAGS, false);
    }
    set_condition(s, condition);
    if (deliver)
        pop_compared(s, control);
}

/* ---- D9 E0 .. FF ------------------------------------------------------------------------ */

/* FXAM: C3 C2 C0 classify, C1 is the sign (SDM vol. 2A, FXAM). */
static void examine(X86State *s)
{
    const X86Fp80 *a = x87_st(s, 0);
    unsigned exponent = a->sign_exponent & FP80_EXPONENT;
    bool integer = a->mantissa & FP80_INTEGER_BIT;
    uint16_t bits;

    if (x87_is_empty(s, 0))
        bits = FSW_C3 | FSW_C0;
    else if (exponent == 0)
        bits = a->mantissa ? FSW_C3 | FSW_C2 : FSW_C3;
    else if (!integer)
        bits = 0;
    else if (exponent == FP80_EXPONENT)
        bits = a->mantissa == FP80_INTEGER_BIT ? FSW_C2 | FSW_C0 : FSW_C0;
    else
        bits = FSW_C2;
    set_condition(s, bits);
    x87_set_c1(s, a->sign_exponent & FP80_SIGN);
}

/* FCHS, FABS */
static void change_sign(TnCpu *cpu, X87Op op)
{
    X86State *s = x86_state(cpu);
    uint16_t *word = &x87_st(s, 0)->sign_exponent;

    if (x87_is_empty(s, 0)) {
        if (x87_underflow(cpu))
            x87_put(s, 0, x87_indefinite());
        return;
    }
    x87_set_c1(s, false);
    *word = (uint16_t)(op == X87_FCHS ? *word ^ FP80_SIGN : *word & ~FP80_SIGN);
}

static void unary(TnCpu *cpu, X87Op op)
{
    X86State *s = x86_state(cpu);
    X86Fp80 value = *x87_st(s, 0);
    uint16_t sw;

    if (x87_is_empty(s, 0)) {
        if (op == X87_FTST)
            set_condition(s, UNORDERED);
        else if (op == X87_FSIN || op == X87_FCOS)
            s->fsw &= (uint16_t)~FSW_C2;
        if (x87_underflow(cpu) && op != X87_FTST)
            x87_put(s, 0, x87_indefinite());
        return;
    }
    sw = x87_host_unary(s, op, &value);
    if (op == X87_FTST)
        set_condition(s, sw);
    else if (op == X87_FSIN || op == X87_FCOS)
        s->fsw = (uint16_t)((s->fsw & ~FSW_C2) | (sw & FSW_C2));
    if (x87_collect(cpu, sw))
        *x87_st(s, 0) = value;
}

static bool is_nan(X86Fp80 value)
{
    return (value.sign_exponent & FP80_EXPONENT) == FP80_EXPONENT &&
           value.mantissa != FP80_INTEGER_BIT;
}

/* FPREM FPREM1 FSCALE keep ST1; FYL2X FYL2XP1 FPATAN put their result there and pop. */
static void binary(TnCpu *cpu, X87Op op)
{
    X86State *s = x86_state(cpu);
    bool pops = op == X87_FYL2X || op == X87_FYL2XP1 || op == X87_FPATAN, deliver;
    X86Fp80 value = x87_indefinite();

    if (x87_is_empty(s, 0) || x87_is_empty(s, 1)) {
        deliver = x87_underflow(cpu);
        if (op == X87_FPREM || op == X87_FPREM1)
            s->fsw &= (uint16_t)~FSW_C2;
    } else {
        value = *x87_st(s, 0);
        uint16_t sw = x87_host_binary(s, op, &value, x87_st(s, 1));
        deliver = x87_collect(cpu, sw);
        if (op == X87_FPREM || op == X87_FPREM1)
            set_condition(s, is_nan(value) || !deliver || sw & FSW_IE ? s->fsw & ~FSW_C2 : sw);
    }
    if (!deliver)
        return;
    if (pops)
        x87_pop(s);
    x87_put(s, 0, value);
}

/* FXTRACT FPTAN FSINCOS: the operand becomes two values. */
static void split(TnCpu *cpu, X87Op op)
{
    X86State *s = x86_state(cpu);
    bool underflow = x87_is_empty(s, 0), overflow = !x87_is_empty(s, 7);
    X86Fp80 value = x87_indefinite(), pushed = x87_indefinite();

    if (underflow || overflow) {
        if (op != X87_FXTRACT)
            s->fsw &= (uint16_t)~FSW_C2;
        if (!x87_flag(cpu, FSW_IE | FSW_SF, !underflow))
            return;
    } else {
        value = *x87_st(s, 0);
        uint16_t sw = x87_host_split(s, op, &value, &pushed);
        if (op != X87_FXTRACT)
            s->fsw = (uint16_t)((s->fsw & ~FSW_C2) | (sw & FSW_C2));
        if (!x87_collect(cpu, sw) || (op != X87_FXTRACT && sw & FSW_C2))
            return;
    }
    x87_put(s, 0, value);
    x87_push(s, pushed);
}

static void push_constant(TnCpu *cpu, X87Op op)
{
    X86State *s = x86_state(cpu);
    X86Fp80 value;

    if (!x87_push_check(cpu))
        return;
    x87_host_constant(s, op, &value);
    x87_set_c1(s, false);
    x87_push(s, value);
}

void x86_helper_x87_op(TnCpu *cpu, uint32_t op)
{
    X86State *s = x86_state(cpu);

    x87_wait(cpu);
    switch ((X87Op)op) {
    case X87_FCHS: case X87_FABS:
        change_sign(cpu, op);
        break;
    case X87_FXAM:
        examine(s);
        break;
    case X87_FLD1: case X87_FLDL2T: case X87_FLDL2E: case X87_FLDPI: case X87_FLDLG2:
    case X87_FLDLN2: case X87_FLDZ:
        push_constant(cpu, op);
        break;
    case X87_FYL2X: case X87_FPATAN: case X87_FYL2XP1: case X87_FPREM: case X87_FPREM1:
    case X87_FSCALE:
        binary(cpu, op);
        break;
    case X87_FPTAN: case X87_FXTRACT: case X87_FSINCOS:
        split(cpu, op);
        break;
    case X87_FDECSTP: case X87_FINCSTP:
        s->ftop = (s->ftop + (op == X87_FINCSTP ? 1 : 7)) & 7;
        x87_set_c1(s, false);
        break;
    case X87_FTST: case X87_FSQRT: case X87_FRNDINT: case X87_F2XM1: case X87_FSIN: case X87_FCOS:
        unary(cpu, op);
        break;
    }
}
