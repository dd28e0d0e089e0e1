/* SPDX-License-Identifier: MIT */
/*
 * Shifts and rotates (SDM vol. 1, 5.1.5 and 7.3.6; vol. 2: SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD,
 * SHRD). Counts are cut to 5 bits, 6 for 64-bit operands. OF for counts other than 1 is undefined;
 * here it is what the last single step would give, as on Intel's processors.
 */
#include "emit.h"
#include "insn/general.h"
#include "insn/insn_helpers.h"

/* The count of a shift: known from an immediate, else in `temp` (unmasked, from CL). */
typedef struct Count {
    bool known;
    unsigned value; /* masked */
    TnTemp temp;
} Count;

static Count read_count(X86Ctx *c, unsigned n)
{
    unsigned mask = c->op[0].size == 8 ? 63 : 31;
    Count count = { .known = c->op[n].kind == OPERAND_IMM };

    if (count.known) {
        count.value = (unsigned)c->op[n].imm & mask;
        count.temp = tn_ir_const(c->b, TN_I32, count.value);
    } else {
        count.temp = x86_ir_get(c, TN_I32, RCX);
    }
    return count;
}

/* A known count of 0 changes nothing, but still writes (and so zero-extends or faults). */
static bool zero_count(X86Ctx *c, Count count)
{
    if (!count.known || count.value != 0)
        return false;
    x86_write(c, 0, x86_read_rmw(c, 0));
    return true;
}

/* The flags a known nonzero shift leaves do not depend on the old ones. */
static TnTemp old_flags(X86Ctx *c, Count count)
{
    return count.known ? tn_ir_const(c->b, TN_I32, 0) : x86_get_flags(c);
}

static TnTemp shift_value(X86Ctx *c, TnFlagOp op, TnIrType t, TnTemp a, Count count)
{
    static const uint8_t opcs[] = { TN_IR_SHL, TN_IR_SHR, TN_IR_SAR };
    static const uint8_t opcs_imm[] = { TN_IR_SHLI, TN_IR_SHRI, TN_IR_SARI };
    unsigned i = op - TN_FLAGS_SHL;

    if (count.known)
        return tn_ir_i(c->b, (TnIrOpc)opcs_imm[i], t, a, count.value);
    return tn_ir_2(c->b, (TnIrOpc)opcs[i], t, a, count.temp);
}

/* The value that a right shift moves in from above: zeros or copies of the sign. */
static TnTemp widen(X86Ctx *c, TnFlagOp op, unsigned size, TnTemp a)
{
    if (size >= 4 || op == TN_FLAGS_SHL)
        return a;
    if (op == TN_FLAGS_SHR)
        return tn_ir_1(c->b, size == 1 ? TN_IR_EXT8U : TN_IR_EXT16U, TN_I32, a);
    return tn_ir_1(c->b, size == 1 ? TN_IR_EXT8S : TN_IR_EXT16S, TN_I32, a);
}

/* A general register of 32 or 64 bits by a known count that is not 0. */
static void shift_plain(X86Ctx *c, TnFlagOp op, unsigned count)
{
    static const uint8_t opcs[] = { TN_IR_SHLI, TN_IR_SHRI, TN_IR_SARI };
    TnIrType t = x86_calc_type(c->op[0].size);
    unsigned reg = c->op[0].reg;
    X86Emit e = x86_emit(c, false);
    TnTemp by = emit_const(&e, TN_I32, count), a = emit_get(&e, t, reg);
    TnTemp old = emit_const(&e, TN_I32, 0);
    TnTemp flags = emit_op(&e, TN_IR_FLAGS, TN_I32, op | (t == TN_I64 ? 3 : 2) << 8, a, by, 0);

    e.next[-1].c = old;
    a = emit_op(&e, (TnIrOpc)opcs[op - TN_FLAGS_SHL], t, 0, a, 0, count);
    emit_put(&e, t, reg, a, true);
    emit_put(&e, TN_I32, X86_REG_FLAGS, flags, true);
    x86_emit_done(&e);
}

/* SHL SHR SAR r/m, 1/imm8/CL */
void x86_gen_shift(X86Ctx *c)
{
    TnFlagOp op = (TnFlagOp)c->row->helper;
    unsigned size = c->op[0].size;
    unsigned known = (unsigned)c->op[1].imm & (size == 8 ? 63 : 31);

    if (!c->odd_operands && c->op[0].kind == OPERAND_REG && size >= 4 && known &&
        c->op[1].kind == OPERAND_IMM) {
        shift_plain(c, op, known);
        return;
    }
    Count count = read_count(c, 1);
    if (zero_count(c, count))
        return;
    TnTemp a = widen(c, op, size, x86_read_rmw(c, 0));
    TnTemp old = old_flags(c, count);
    TnTemp flags = tn_ir_flags(c->b, op, x86_log2(size), a, count.temp, old);
    x86_write(c, 0, shift_value(c, op, x86_calc_type(size), a, count));
    x86_put_flags(c, flags);
}

/* A byte or word repeated over 32 bits turns as one. */
static TnTemp replicate(X86Ctx *c, unsigned size, TnTemp a)
{
    if (size == 1) {
        a = tn_ir_1(c->b, TN_IR_EXT8U, TN_I32, a);
        return tn_ir_2(c->b, TN_IR_MUL, TN_I32, a, tn_ir_const(c->b, TN_I32, 0x01010101));
    }
    return tn_ir_deposit(c->b, TN_I32, a, a, 16, 16);
}

/* ROL ROR r/m, 1/imm8/CL */
void x86_gen_rotate(X86Ctx *c)
{
    TnFlagOp op = (TnFlagOp)c->row->helper;
    unsigned size = c->op[0].size;
    TnIrType t = x86_calc_type(size);
    Count count = read_count(c, 1);

    if (zero_count(c, count))
        return;
    TnTemp a = x86_read_rmw(c, 0), result = size < 4 ? replicate(c, size, a) : a;
    TnTemp flags = tn_ir_flags(c->b, op, x86_log2(size), a, count.temp, x86_get_flags(c));
    if (count.known) {
        unsigned width = t == TN_I64 ? 64 : 32;
        unsigned left = op == TN_FLAGS_ROL ? count.value : width - count.value;
        result = tn_ir_i(c->b, TN_IR_ROLI, t, result, left & (width - 1));
    } else {
        result = tn_ir_2(c->b, op == TN_FLAGS_ROL ? TN_IR_ROL : TN_IR_ROR, t, result, count.temp);
    }
    x86_write(c, 0, result);
    x86_put_flags(c, flags);
}

/* The second argument of the helpers below: the count and the size. */
static TnTemp pack_count(X86Ctx *c, Count count)
{
    unsigned size = x86_log2(c->op[0].size) << 8;

    if (count.known)
        return tn_ir_const(c->b, TN_I32, count.value | size);
    TnTemp low = tn_ir_i(c->b, TN_IR_ANDI, TN_I32, count.temp, c->op[0].size == 8 ? 63 : 31);
    return tn_ir_i(c->b, TN_IR_ORI, TN_I32, low, size);
}

/* RCL RCR r/m, 1/imm8/CL */
void x86_gen_rotate_carry(X86Ctx *c)
{
    bool right = c->row->helper;
    Count count = read_count(c, 1);

    if (zero_count(c, count))
        return;
    TnTemp a = x86_read_rmw(c, 0), how = pack_count(c, count), old = x86_get_flags(c);
    TnTemp result = tn_ir_call(c->b, right ? X86_HELPER_rcr : X86_HELPER_rcl, a, how, old, 0);
    TnTemp flags = tn_ir_call(c->b, right ? X86_HELPER_rcr_flags : X86_HELPER_rcl_flags, a, how,
                              old, 0);
    x86_write(c, 0, result);
    x86_put_flags(c, flags);
}

/* SHLD SHRD r/m, r, imm8/CL */
void x86_gen_shift_double(X86Ctx *c)
{
    bool right = c->row->helper;
    unsigned size = c->op[0].size;
    Count count = read_count(c, 2);

    if (zero_count(c, count))
        return;
    TnTemp a = x86_read_rmw(c, 0), b = x86_read_any(c, 1), how = pack_count(c, count), result;
    TnTemp flags = tn_ir_call(c->b, right ? X86_HELPER_shrd_flags : X86_HELPER_shld_flags, a, b,
                              how, x86_get_flags(c));
    if (count.known && size >= 4) {
        TnIrType t = x86_calc_type(size);
        unsigned n = count.value, rest = size * 8 - n;
        TnTemp x = tn_ir_i(c->b, right ? TN_IR_SHRI : TN_IR_SHLI, t, a, n);
        TnTemp y = tn_ir_i(c->b, right ? TN_IR_SHLI : TN_IR_SHRI, t, b, rest);
        result = tn_ir_2(c->b, TN_IR_OR, t, x, y);
    } else {
        result = tn_ir_call(c->b, right ? X86_HELPER_shrd : X86_HELPER_shld, a, b, how, 0);
    }
    x86_write(c, 0, result);
    x86_put_flags(c, flags);
}

/* ---- Helpers ---------------------------------------------------------------------------- */

static unsigned how_bits(uint32_t how)
{
    return 8u << (how >> 8);
}

static uint64_t mask_bits(unsigned bits)
{
    return bits == 64 ? ~0ull : (1ull << bits) - 1;
}

static bool top_bit(uint64_t value, unsigned bits)
{
    return value >> (bits - 1) & 1;
}

static uint32_t carry_overflow(uint32_t flags, bool carry, bool overflow)
{
    return (flags & ~(uint32_t)(TN_FLAG_C | TN_FLAG_O)) | (carry ? TN_FLAG_C : 0) |
           (overflow ? TN_FLAG_O : 0);
}

/* Turns value and carry, bits + 1 together, left by n < bits + 1. */
static uint64_t turn_left(uint64_t value, bool *carry, unsigned bits, unsigned n)
{
    unsigned __int128 wide = value, all = ((unsigned __int128)1 << (bits + 1)) - 1;

    wide |= (unsigned __int128)*carry << bits;
    if (n)
        wide = (wide << n | wide >> (bits + 1 - n)) & all;
    *carry = (bool)(wide >> bits & 1);
    return (uint64_t)wide & mask_bits(bits);
}

uint64_t x86_helper_rcl(uint64_t value, uint32_t how, uint32_t flags)
{
    unsigned bits = how_bits(how);
    bool carry = flags & TN_FLAG_C;

    return turn_left(value & mask_bits(bits), &carry, bits, (how & 255) % (bits + 1));
}

uint32_t x86_helper_rcl_flags(uint64_t value, uint32_t how, uint32_t flags)
{
    unsigned bits = how_bits(how), n = how & 255;
    bool carry = flags & TN_FLAG_C;

    if (n == 0)
        return flags;
    value = turn_left(value & mask_bits(bits), &carry, bits, n % (bits + 1));
    return carry_overflow(flags, carry, top_bit(value, bits) != carry);
}

uint64_t x86_helper_rcr(uint64_t value, uint32_t how, uint32_t flags)
{
    unsigned bits = how_bits(how), n = (how & 255) % (bits + 1);
    bool carry = flags & TN_FLAG_C;

    return turn_left(value & mask_bits(bits), &carry, bits, (bits + 1 - n) % (bits + 1));
}

uint32_t x86_helper_rcr_flags(uint64_t value, uint32_t how, uint32_t flags)
{
    unsigned bits = how_bits(how), n = how & 255;
    bool carry = flags & TN_FLAG_C;

    if (n == 0)
        return flags;
    n %= bits + 1;
    value = turn_left(value & mask_bits(bits), &carry, bits, (bits + 1 - n) % (bits + 1));
    return carry_overflow(flags, carry, top_bit(value, bits) != top_bit(value << 1, bits));
}

/*
 * 16-bit operands take counts up to 31: the bits that come in after the filler's are the value's
 * own again, as on Intel's processors (the manual calls it undefined).
 */
uint64_t x86_helper_shld(uint64_t value, uint64_t filler, uint32_t how)
{
    unsigned bits = how_bits(how), n = how & 255;

    if (n == 0)
        return value;
    if (bits == 16) {
        uint64_t wide = (value & 0xffff) << 32 | (filler & 0xffff) << 16 | (value & 0xffff);
        return wide << n >> 32 & 0xffff;
    }
    return (value << n | (filler & mask_bits(bits)) >> (bits - n)) & mask_bits(bits);
}

uint64_t x86_helper_shrd(uint64_t value, uint64_t filler, uint32_t how)
{
    unsigned bits = how_bits(how), n = how & 255;

    if (n == 0)
        return value;
    if (bits == 16) {
        uint64_t wide = (value & 0xffff) << 32 | (filler & 0xffff) << 16 | (value & 0xffff);
        return wide >> n & 0xffff;
    }
    return ((value & mask_bits(bits)) >> n | filler << (bits - n)) & mask_bits(bits);
}

static uint32_t double_flags(uint64_t result, unsigned bits, bool carry, bool overflow)
{
    return (carry ? TN_FLAG_C : 0) | (overflow ? TN_FLAG_O : 0) | (result == 0 ? TN_FLAG_Z : 0) |
           (top_bit(result, bits) ? TN_FLAG_S : 0) |
           (__builtin_parity((unsigned)result & 0xff) ? 0 : TN_FLAG_P);
}

uint32_t x86_helper_shld_flags(uint64_t value, uint64_t filler, uint32_t how, uint32_t flags)
{
    unsigned bits = how_bits(how), n = how & 255;
    uint64_t result, before;

    if (n == 0)
        return flags;
    result = x86_helper_shld(value, filler, how);
    before = x86_helper_shld(value, filler, how - 1);
    return double_flags(result, bits, top_bit(before, bits),
                        top_bit(before, bits) != top_bit(result, bits));
}

uint32_t x86_helper_shrd_flags(uint64_t value, uint64_t filler, uint32_t how, uint32_t flags)
{
    unsigned bits = how_bits(how), n = how & 255;
    uint64_t result, before;

    if (n == 0)
        return flags;
    result = x86_helper_shrd(value, filler, how);
    before = x86_helper_shrd(value, filler, how - 1);
    return double_flags(result, bits, before & 1, top_bit(before, bits) != top_bit(result, bits));
}
