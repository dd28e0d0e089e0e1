/* SPDX-License-Identifier: MIT */
/* The x87 of an x86-64 host: see x87-host.h. The host's register stack is empty between calls. */
#include "x87-host.h"

/* The host's own control word (System V ABI), which most guests use as well. */
static const uint16_t host_fcw = 0x37f;
enum { FLAGS = 0x3f }; /* IE DE ZE OE UE PE */

#define CLOBBERS \
    "cc", "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"

/*
 * With the host's own control word nothing is unmasked. Flags are sticky in the guest's status word
 * as in the host's, so they need clearing only when the host has one that the guest has not; FNCLEX
 * costs more than everything else here.
 */
static inline void settle_flags(const X86State *guest)
{
    uint16_t sw;

    __asm__ volatile("fnstsw %0" : "=a"(sw));
    if (sw & ~guest->fsw & FLAGS)
        __asm__ volatile("fnclex");
}

#define RUN_MASKED(before, op, after, ...) \
    __asm__ volatile(before "\n\t" op "\n\tfnstsw %[sw]\n\t" after \
                     : [sw] "=m"(sw) \
                     : __VA_ARGS__ \
                     : CLOBBERS)

#define RUN_ANY(before, op, after, ...) \
    __asm__ volatile("fnclex\n\tfldcw %[cw]\n\t" before "\n\t" op "\n\tfnstsw %[sw]\n\t" \
                     "fnclex\n\t" after "\n\tfldcw %[host]" \
                     : [sw] "=m"(sw) \
                     : [cw] "m"(guest->fcw), [host] "m"(host_fcw), __VA_ARGS__ \
                     : CLOBBERS)

/*
 * Runs `before` and `op` under the guest's control word, fetches the status, then runs `after`: the
 * first form of it where all exceptions are masked, so that the depth of the stack is known.
 */
#define RUN_BOTH(before, op, after_masked, after, ...) \
    do { \
        if (guest->fcw == host_fcw) { \
            settle_flags(guest); \
            RUN_MASKED(before, op, after_masked, __VA_ARGS__); \
        } else { \
            RUN_ANY(before, op, after, __VA_ARGS__); \
        } \
    } while (0)
#define RUN(before, op, after, ...) RUN_BOTH(before, op, after, after, __VA_ARGS__)

/* For functions of which the flags of this very operation are wanted. */
#define RUN_FRESH(before, op, after, ...) RUN_ANY(before, op, after, __VA_ARGS__)

/* Where the depth of the stack afterwards is not known. */
#define EMPTY_ALL "fninit"

#define TWO_OPERANDS(op) \
    RUN("fldt (%[b])\n\tfldt (%[a])", op, "fstpt (%[a])\n\tfstp %%st(0)", [a] "r"(dst), \
        [b] "r"(src))

uint16_t x87_host_arith(const X86State *guest, X87Arith op, X86Fp80 *dst, const X86Fp80 *src)
{
    uint16_t sw = 0;

    switch (op) {
    case X87_ADD: TWO_OPERANDS("fadd %%st(1), %%st"); break;
    case X87_MUL: TWO_OPERANDS("fmul %%st(1), %%st"); break;
    case X87_SUB: TWO_OPERANDS("fsub %%st(1), %%st"); break;
    case X87_SUBR: TWO_OPERANDS("fsubr %%st(1), %%st"); break;
    case X87_DIV: TWO_OPERANDS("fdiv %%st(1), %%st"); break;
    case X87_DIVR: TWO_OPERANDS("fdivr %%st(1), %%st"); break;
    case X87_COM: case X87_COMP: break;
    }
    return sw;
}

#define ONE_OPERAND(op) \
    RUN("fldt (%[a])", op " (%[m])", "fstpt (%[a])", [a] "r"(dst), [m] "r"(mem))

/* An arithmetic instruction in its four memory forms. */
#define MEMORY_FORMS(name) \
    switch (kind) { \
    case X87_F32: ONE_OPERAND("f" name "s"); break; \
    case X87_F64: ONE_OPERAND("f" name "l"); break; \
    case X87_I32: ONE_OPERAND("fi" name "l"); break; \
    case X87_I16: ONE_OPERAND("fi" name "s"); break; \
    default: break; \
    }

uint16_t x87_host_arith_mem(const X86State *guest, X87Arith op, X87Kind kind, X86Fp80 *dst,
                            const void *mem)
{
    uint16_t sw = 0;

    switch (op) {
    case X87_ADD: MEMORY_FORMS("add"); break;
    case X87_MUL: MEMORY_FORMS("mul"); break;
    case X87_SUB: MEMORY_FORMS("sub"); break;
    case X87_SUBR: MEMORY_FORMS("subr"); break;
    case X87_DIV: MEMORY_FORMS("div"); break;
    case X87_DIVR: MEMORY_FORMS("divr"); break;
    case X87_COM: case X87_COMP: break;
    }
    return sw;
}

uint16_t x87_host_compare(const X86State *guest, bool ordered, const X86Fp80 *a, const X86Fp80 *b)
{
    uint16_t sw = 0;

    if (ordered)
        RUN("fldt (%[b])\n\tfldt (%[a])", "fcom %%st(1)", "fstp %%st(0)\n\tfstp %%st(0)",
            [a] "r"(a), [b] "r"(b));
    else
        RUN("fldt (%[b])\n\tfldt (%[a])", "fucom %%st(1)", "fstp %%st(0)\n\tfstp %%st(0)",
            [a] "r"(a), [b] "r"(b));
    return sw;
}

#define COMPARE_MEMORY(op) \
    RUN("fldt (%[a])", op " (%[m])", "fstp %%st(0)", [a] "r"(a), [m] "r"(mem))

uint16_t x87_host_compare_mem(const X86State *guest, X87Kind kind, const X86Fp80 *a,
                              const void *mem)
{
    uint16_t sw = 0;

    switch (kind) {
    case X87_F32: COMPARE_MEMORY("fcoms"); break;
    case X87_F64: COMPARE_MEMORY("fcoml"); break;
    case X87_I32: COMPARE_MEMORY("ficoml"); break;
    case X87_I16: COMPARE_MEMORY("ficoms"); break;
    default: break;
    }
    return sw;
}

#define IN_PLACE(op) RUN("fldt (%[a])", op, "fstpt (%[a])", [a] "r"(a))

uint16_t x87_host_unary(const X86State *guest, X87Op op, X86Fp80 *a)
{
    uint16_t sw = 0;

    switch (op) {
    case X87_FTST: IN_PLACE("ftst"); break;
    case X87_FSQRT: IN_PLACE("fsqrt"); break;
    case X87_FRNDINT: IN_PLACE("frndint"); break;
    case X87_F2XM1: IN_PLACE("f2xm1"); break;
    case X87_FSIN: IN_PLACE("fsin"); break;
    case X87_FCOS: IN_PLACE("fcos"); break;
    default: break;
    }
    return sw;
}

#define TO_TOP(op) \
    RUN_FRESH("fldt (%[b])\n\tfldt (%[a])", op, "fstpt (%[a])\n\t" EMPTY_ALL, [a] "r"(a), \
              [b] "r"(b))

uint16_t x87_host_binary(const X86State *guest, X87Op op, X86Fp80 *a, const X86Fp80 *b)
{
    uint16_t sw = 0;

    switch (op) {
    case X87_FPREM: TO_TOP("fprem"); break;
    case X87_FPREM1: TO_TOP("fprem1"); break;
    case X87_FSCALE: TO_TOP("fscale"); break;
    case X87_FYL2X: TO_TOP("fyl2x"); break;
    case X87_FYL2XP1: TO_TOP("fyl2xp1"); break;
    case X87_FPATAN: TO_TOP("fpatan"); break;
    default: break;
    }
    return sw;
}

/* There are two values in the end unless the instruction stopped short (C2, unmasked IE DE ZE). */
#define SPLIT(op) \
    RUN_FRESH("fldt (%[a])", op, "fstpt (%[low])\n\tfstpt (%[high])\n\t" EMPTY_ALL, [a] "r"(a), \
        [low] "r"(&low), [high] "r"(&high))

uint16_t x87_host_split(const X86State *guest, X87Op op, X86Fp80 *a, X86Fp80 *b)
{
    enum { TOP_SHIFT = 11, TOP_TWO = 6 };
    X86Fp80 low = { 0 }, high = { 0 };
    uint16_t sw = 0;

    switch (op) {
    case X87_FXTRACT: SPLIT("fxtract"); break;
    case X87_FPTAN: SPLIT("fptan"); break;
    case X87_FSINCOS: SPLIT("fsincos"); break;
    default: break;
    }
    if ((sw >> TOP_SHIFT & 7) == TOP_TWO) {
        *a = high;
        *b = low;
    }
    return sw;
}

#define CONSTANT(op) RUN("", op, "fstpt (%[a])", [a] "r"(a))

void x87_host_constant(const X86State *guest, X87Op op, X86Fp80 *a)
{
    uint16_t sw;

    switch (op) {
    case X87_FLD1: CONSTANT("fld1"); break;
    case X87_FLDL2T: CONSTANT("fldl2t"); break;
    case X87_FLDL2E: CONSTANT("fldl2e"); break;
    case X87_FLDPI: CONSTANT("fldpi"); break;
    case X87_FLDLG2: CONSTANT("fldlg2"); break;
    case X87_FLDLN2: CONSTANT("fldln2"); break;
    case X87_FLDZ: CONSTANT("fldz"); break;
    default: break;
    }
    (void)sw;
}

/* An unmasked exception keeps the load from pushing: the store then finds nothing. */
#define LOAD(op) \
    RUN_BOTH("", op " (%[m])", "fstpt (%[a])", "fstpt (%[a])\n\t" EMPTY_ALL, [a] "r"(&value), \
             [m] "r"(mem))

uint16_t x87_host_load(const X86State *guest, X87Kind kind, X86Fp80 *a, const void *mem)
{
    X86Fp80 value = { 0 };
    uint16_t sw = 0;

    switch (kind) {
    case X87_F32: LOAD("flds"); break;
    case X87_F64: LOAD("fldl"); break;
    case X87_I16: LOAD("filds"); break;
    case X87_I32: LOAD("fildl"); break;
    case X87_I64: LOAD("fildll"); break;
    case X87_BCD: LOAD("fbld"); break;
    default: break;
    }
    if (sw >> 11 & 7)
        *a = value;
    return sw;
}

/* Popping forms, since not all have another; an unmasked exception leaves the operand there. */
#define STORE(op) \
    RUN_BOTH("fldt (%[a])", op " (%[m])", "", EMPTY_ALL, [a] "r"(a), [m] "r"(mem))

uint16_t x87_host_store(const X86State *guest, X87Kind kind, const X86Fp80 *a, void *mem)
{
    uint16_t sw = 0;

    switch (kind) {
    case X87_F32: STORE("fstps"); break;
    case X87_F64: STORE("fstpl"); break;
    case X87_I16: STORE("fistps"); break;
    case X87_I32: STORE("fistpl"); break;
    case X87_I64: STORE("fistpll"); break;
    case X87_T16: STORE("fisttps"); break;
    case X87_T32: STORE("fisttpl"); break;
    case X87_T64: STORE("fisttpll"); break;
    case X87_BCD: STORE("fbstp"); break;
    default: break;
    }
    return sw;
}
