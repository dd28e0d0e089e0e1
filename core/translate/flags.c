/* SPDX-License-Identifier: MIT */
/*
 * Reference semantics of condition flags and comparisons (ir.h: TnFlagOp, TnFlagCond, TnCond).
 *
 * The rules are those of Intel SDM vol. 1, 3.4.3.1, and the flag tables of each instruction in
 * vol. 2. Rotates and shifts by more than one: see TnFlagOp.
 */
#include "translate/backend.h"

/* The operands of one evaluation, cut to size. */
typedef struct Operands {
    unsigned bits;  /* 8, 16, 32, 64 */
    uint64_t mask;  /* of `bits` ones */
    uint64_t a, b, c;
} Operands;

static unsigned top_bit(const Operands *o, uint64_t v)
{
    return (unsigned)(v >> (o->bits - 1)) & 1;
}

static int64_t sign_extend(const Operands *o, uint64_t v)
{
    unsigned shift = 64 - o->bits;
    return (int64_t)(v << shift) >> shift;
}

static uint32_t parity(uint64_t v)
{
    return __builtin_parity((unsigned)v & 0xff) ? 0 : TN_FLAG_P;
}

static uint32_t flag_if(uint32_t flag, bool on)
{
    return on ? flag : 0;
}

/* S, Z and P of a result already cut to size. */
static uint32_t result_flags(const Operands *o, uint64_t r)
{
    return flag_if(TN_FLAG_S, top_bit(o, r)) | flag_if(TN_FLAG_Z, r == 0) | parity(r);
}

static uint32_t eval_add(const Operands *o, unsigned carry)
{
    uint64_t a = o->a, b = o->b;
    uint64_t r = (a + b + carry) & o->mask;
    uint64_t carries = (a & b) | ((a | b) & ~r);
    return result_flags(o, r) | flag_if(TN_FLAG_C, top_bit(o, carries)) |
           ((a ^ b ^ r) & TN_FLAG_A) | flag_if(TN_FLAG_O, top_bit(o, (a ^ r) & (b ^ r)));
}

static uint32_t eval_sub(const Operands *o, unsigned borrow)
{
    uint64_t a = o->a, b = o->b;
    uint64_t r = (a - b - borrow) & o->mask;
    uint64_t borrows = (~a & b) | ((~a | b) & r);
    return result_flags(o, r) | flag_if(TN_FLAG_C, top_bit(o, borrows)) |
           ((a ^ b ^ r) & TN_FLAG_A) | flag_if(TN_FLAG_O, top_bit(o, (a ^ b) & (a ^ r)));
}

static uint32_t eval_step(const Operands *o, bool increment)
{
    Operands one = *o;
    one.b = 1;
    uint32_t f = increment ? eval_add(&one, 0) : eval_sub(&one, 0);
    return (f & ~(uint32_t)TN_FLAG_C) | ((uint32_t)o->c & TN_FLAG_C);
}

#ifdef __x86_64__

/* O as the host's own instruction leaves it: `suffix` and `type` say the operand's size. */
#define HOST_OVERFLOW(insn, suffix, type) \
    do { \
        type value = (type)o->a; \
        __asm__(insn suffix " %%cl, %0; seto %1" : "+q"(value), "=q"(overflow) : "c"(count) : "cc"); \
    } while (0)

#define HOST_OVERFLOW_OF(flag_op, insn) \
    case flag_op: \
        if (o->bits == 8) \
            HOST_OVERFLOW(insn, "b", uint8_t); \
        else if (o->bits == 16) \
            HOST_OVERFLOW(insn, "w", uint16_t); \
        else if (o->bits == 32) \
            HOST_OVERFLOW(insn, "l", uint32_t); \
        else \
            HOST_OVERFLOW(insn, "q", uint64_t); \
        break;

static bool shift_overflow(const Operands *o, TnFlagOp op, unsigned count)
{
    uint8_t overflow = 0;

    switch (op) {
    HOST_OVERFLOW_OF(TN_FLAGS_SHL, "shl")
    HOST_OVERFLOW_OF(TN_FLAGS_SHR, "shr")
    HOST_OVERFLOW_OF(TN_FLAGS_SAR, "sar")
    HOST_OVERFLOW_OF(TN_FLAGS_ROL, "rol")
    HOST_OVERFLOW_OF(TN_FLAGS_ROR, "ror")
    default:
        break;
    }
    return overflow;
}

#else

/* O after a shift or rotate of the operand as it was by one, whatever the count: measured on Intel
 * processors, where the manual leaves it undefined for other counts. */
static bool shift_overflow(const Operands *o, TnFlagOp op, unsigned count)
{
    bool top = top_bit(o, o->a), next = top_bit(o, o->a << 1 & o->mask);

    switch (op) {
    case TN_FLAGS_SHL:
    case TN_FLAGS_ROL:
        return top != next;
    case TN_FLAGS_SHR:
        return top;
    case TN_FLAGS_ROR:
        return top != (o->a & 1);
    default:
        return false;
    }
}

#endif

static uint32_t eval_shift(const Operands *o, TnFlagOp op, unsigned count)
{
    /* The value before the last single step, and what that step shifts out. */
    int64_t before;
    uint64_t r;
    bool carry;

    if (op == TN_FLAGS_SHL) {
        uint64_t last = count - 1 < o->bits ? o->a << (count - 1) & o->mask : 0;
        r = last << 1 & o->mask;
        carry = top_bit(o, last);
    } else {
        before = op == TN_FLAGS_SAR ? sign_extend(o, o->a) : (int64_t)o->a;
        if (op == TN_FLAGS_SAR)
            before >>= count - 1;
        else
            before = (int64_t)((uint64_t)before >> (count - 1));
        carry = before & 1;
        r = (op == TN_FLAGS_SAR ? (uint64_t)(before >> 1) : (uint64_t)before >> 1) & o->mask;
    }
    return result_flags(o, r) | ((uint32_t)o->c & TN_FLAG_A) | flag_if(TN_FLAG_C, carry) |
           flag_if(TN_FLAG_O, shift_overflow(o, op, count));
}

static uint32_t eval_rotate(const Operands *o, TnFlagOp op, unsigned count)
{
    unsigned n = count & (o->bits - 1);
    if (op == TN_FLAGS_ROR)
        n = (o->bits - n) & (o->bits - 1);
    uint64_t r = n ? (o->a << n | o->a >> (o->bits - n)) & o->mask : o->a;
    bool carry = op == TN_FLAGS_ROL ? r & 1 : top_bit(o, r);
    return ((uint32_t)o->c & (TN_FLAG_S | TN_FLAG_Z | TN_FLAG_P | TN_FLAG_A)) |
           flag_if(TN_FLAG_C, carry) | flag_if(TN_FLAG_O, shift_overflow(o, op, count));
}

static uint32_t eval_multiply(const Operands *o, bool is_signed)
{
    bool overflow;
    uint64_t low;
    if (is_signed) {
        __int128 p = (__int128)sign_extend(o, o->a) * sign_extend(o, o->b);
        low = (uint64_t)p & o->mask;
        overflow = p != sign_extend(o, low);
    } else {
        unsigned __int128 p = (unsigned __int128)o->a * o->b;
        low = (uint64_t)p & o->mask;
        overflow = p >> o->bits != 0;
    }
    return result_flags(o, low) | (overflow ? TN_FLAG_C | TN_FLAG_O : 0u);
}

uint32_t tn_flags_eval(TnFlagOp op, unsigned size_log2, uint64_t a, uint64_t b, uint64_t c)
{
    unsigned bits = 8u << size_log2;
    uint64_t mask = UINT64_MAX >> (64 - bits);
    Operands o = { .bits = bits, .mask = mask, .a = a & mask, .b = b & mask, .c = c };
    unsigned count = (unsigned)b & (bits == 64 ? 63 : 31);

    switch (op) {
    case TN_FLAGS_ADD:
        return eval_add(&o, 0);
    case TN_FLAGS_ADC:
        return eval_add(&o, c & 1);
    case TN_FLAGS_SUB:
        return eval_sub(&o, 0);
    case TN_FLAGS_SBB:
        return eval_sub(&o, c & 1);
    case TN_FLAGS_LOGIC:
        return result_flags(&o, o.a);
    case TN_FLAGS_INC:
    case TN_FLAGS_DEC:
        return eval_step(&o, op == TN_FLAGS_INC);
    case TN_FLAGS_SHL:
    case TN_FLAGS_SHR:
    case TN_FLAGS_SAR:
        return count ? eval_shift(&o, op, count) : (uint32_t)c & TN_FLAGS_ALL;
    case TN_FLAGS_ROL:
    case TN_FLAGS_ROR:
        return count ? eval_rotate(&o, op, count) : (uint32_t)c & TN_FLAGS_ALL;
    case TN_FLAGS_UMUL:
    case TN_FLAGS_SMUL:
        return eval_multiply(&o, op == TN_FLAGS_SMUL);
    case TN_FLAGS_COUNT:
        break;
    }
    g_return_val_if_reached(0);
}

bool tn_flagcond_eval(TnFlagCond cond, uint32_t flags)
{
    bool c = flags & TN_FLAG_C, z = flags & TN_FLAG_Z;
    bool less = !(flags & TN_FLAG_S) != !(flags & TN_FLAG_O);
    bool r = false;

    switch (cond & ~1u) {
    case TN_FC_O:
        r = flags & TN_FLAG_O;
        break;
    case TN_FC_B:
        r = c;
        break;
    case TN_FC_Z:
        r = z;
        break;
    case TN_FC_BE:
        r = c || z;
        break;
    case TN_FC_S:
        r = flags & TN_FLAG_S;
        break;
    case TN_FC_P:
        r = flags & TN_FLAG_P;
        break;
    case TN_FC_L:
        r = less;
        break;
    case TN_FC_LE:
        r = less || z;
        break;
    }
    return r != (cond & 1);
}

bool tn_cond_eval(TnCond cond, TnIrType t, uint64_t a, uint64_t b)
{
    if (t == TN_I32) {
        a = (uint32_t)a;
        b = (uint32_t)b;
    }
    int64_t sa = t == TN_I32 ? (int32_t)a : (int64_t)a;
    int64_t sb = t == TN_I32 ? (int32_t)b : (int64_t)b;

    switch (cond) {
    case TN_COND_EQ:
        return a == b;
    case TN_COND_NE:
        return a != b;
    case TN_COND_LTU:
        return a < b;
    case TN_COND_GEU:
        return a >= b;
    case TN_COND_LEU:
        return a <= b;
    case TN_COND_GTU:
        return a > b;
    case TN_COND_LT:
        return sa < sb;
    case TN_COND_GE:
        return sa >= sb;
    case TN_COND_LE:
        return sa <= sb;
    case TN_COND_GT:
        return sa > sb;
    }
    g_return_val_if_reached(false);
}
