/* SPDX-License-Identifier: MIT */
/* BMI1, BMI2, ADX, CRC32 (SDM vol. 1, 5.1.16, 5.22; vol. 2 for each; SSE4.2 has CRC32). */
#include "insn/general.h"
#include "insn/insn_helpers.h"

static TnIrType calc(const X86Ctx *c)
{
    return x86_calc_type(c->op[0].size);
}

static TnTemp is_zero(X86Ctx *c, TnTemp value)
{
    return tn_ir_setcond(c->b, TN_I64, TN_COND_EQ, value, tn_ir_const(c->b, TN_I64, 0));
}

/* S and Z of the result, CF as given (none: clear); O is clear. */
static void put_result_flags(X86Ctx *c, TnTemp result, TnTemp carry)
{
    TnTemp flags = tn_ir_flags(c->b, TN_FLAGS_LOGIC, x86_log2(c->op[0].size), result, TN_TEMP_NONE,
                               TN_TEMP_NONE);

    if (carry)
        flags = tn_ir_2(c->b, TN_IR_OR, TN_I32, flags, carry);
    x86_put_flags(c, flags);
}

/* ANDN r, r, r/m: ~first & second */
static void gen_andn(X86Ctx *c)
{
    TnTemp a = x86_read(c, 1), b = x86_read(c, 2);
    TnTemp result = tn_ir_2(c->b, TN_IR_ANDN, calc(c), b, a);

    x86_write(c, 0, result);
    put_result_flags(c, result, TN_TEMP_NONE);
}

/* BLSR BLSMSK BLSI: X86Row.arg is the ModRM digit */
static void gen_bls(X86Ctx *c)
{
    TnIrType t = calc(c);
    TnTemp a = x86_read(c, 1), carry = is_zero(c, a), result;

    if (c->row->arg == 3) {
        result = tn_ir_2(c->b, TN_IR_AND, t, a, tn_ir_1(c->b, TN_IR_NEG, t, a));
        carry = tn_ir_i(c->b, TN_IR_XORI, TN_I32, carry, 1);
    } else {
        TnTemp less = tn_ir_i(c->b, TN_IR_ADDI, t, a, ~0ull);
        result = tn_ir_2(c->b, c->row->arg == 1 ? TN_IR_AND : TN_IR_XOR, t, a, less);
    }
    x86_write(c, 0, result);
    put_result_flags(c, result, carry);
}

/* BEXTR r, r/m, r */
static void gen_bextr(X86Ctx *c)
{
    TnTemp result = tn_ir_call(c->b, X86_HELPER_bextr, x86_read(c, 1), x86_read_any(c, 2), 0, 0);

    x86_write(c, 0, result);
    x86_put_flags(c, tn_ir_i(c->b, TN_IR_SHLI, TN_I32, is_zero(c, result), 6));
}

uint64_t x86_helper_bextr(uint64_t value, uint32_t control)
{
    unsigned start = control & 255, length = control >> 8 & 255;

    value = start < 64 ? value >> start : 0;
    return length < 64 ? value & ((1ull << length) - 1) : value;
}

/* BZHI r, r/m, r: CF when the index is beyond the operand */
static void gen_bzhi(X86Ctx *c)
{
    unsigned last = c->op[0].size * 8 - 1;
    TnTemp index = tn_ir_1(c->b, TN_IR_EXT8U, TN_I32, x86_read_any(c, 2));
    TnTemp result = tn_ir_call(c->b, X86_HELPER_bzhi, x86_read(c, 1), index, 0, 0);
    TnTemp carry = tn_ir_setcond(c->b, TN_I32, TN_COND_GTU, index, tn_ir_const(c->b, TN_I32, last));

    x86_write(c, 0, result);
    put_result_flags(c, result, carry);
}

uint64_t x86_helper_bzhi(uint64_t value, uint32_t index)
{
    return index < 64 ? value & ((1ull << index) - 1) : value;
}

/* MULX r, r, r/m: the high half to the first, which wins when both are one register */
static void gen_mulx(X86Ctx *c)
{
    unsigned size = c->op[0].size;
    TnTemp a = x86_get_reg(c, RDX, size), b = x86_read(c, 2), high;
    TnTemp low = tn_ir_2(c->b, TN_IR_MUL, TN_I64, a, b);

    if (size == 8)
        high = tn_ir_2(c->b, TN_IR_MULHU, TN_I64, a, b);
    else
        high = tn_ir_i(c->b, TN_IR_SHRI, TN_I64, low, 32);
    x86_write(c, 1, low);
    x86_write(c, 0, high);
}

/* PDEP r, r, r/m; PEXT r, r, r/m */
static void gen_scatter(X86Ctx *c)
{
    TnTemp a = x86_read(c, 1), mask = x86_read(c, 2);

    x86_write(c, 0, tn_ir_call(c->b, c->row->helper, a, mask, 0, 0));
}

uint64_t x86_helper_pdep(uint64_t value, uint64_t mask)
{
    uint64_t result = 0;

    for (; mask; mask &= mask - 1, value >>= 1)
        result |= value & 1 ? mask & -mask : 0;
    return result;
}

uint64_t x86_helper_pext(uint64_t value, uint64_t mask)
{
    uint64_t result = 0;

    for (unsigned n = 0; mask; mask &= mask - 1, n++)
        result |= value & mask & -mask ? 1ull << n : 0;
    return result;
}

/* RORX r, r/m, imm8: no flags */
static void gen_rorx(X86Ctx *c)
{
    unsigned width = c->op[0].size * 8, left = (width - (unsigned)c->op[2].imm) & (width - 1);

    x86_write(c, 0, tn_ir_i(c->b, TN_IR_ROLI, calc(c), x86_read(c, 1), left));
}

/* SARX SHLX SHRX r, r/m, r: no flags */
static void gen_shiftx(X86Ctx *c)
{
    TnTemp a = x86_read(c, 1), count = x86_read_any(c, 2);

    x86_write(c, 0, tn_ir_2(c->b, (TnIrOpc)c->row->helper, calc(c), a, count));
}

/* ADCX, ADOX r, r/m: an addition whose only carry, in and out, is the flag at bit X86Row.arg */
static void gen_adx(X86Ctx *c)
{
    TnIrType t = calc(c);
    TnTemp a = x86_read(c, 0), b = x86_read(c, 1), old = x86_get_flags(c);
    TnTemp carry = tn_ir_extract(c->b, TN_I32, old, c->row->arg, 1);
    TnTemp out = tn_ir_flags(c->b, TN_FLAGS_ADC, x86_log2(c->op[0].size), a, b, carry);

    x86_write(c, 0, tn_ir_2(c->b, TN_IR_ADD, t, tn_ir_2(c->b, TN_IR_ADD, t, a, b), carry));
    x86_put_flags(c, tn_ir_deposit(c->b, TN_I32, old, out, c->row->arg, 1));
}

/* CRC32 r, r/m */
static void gen_crc32(X86Ctx *c)
{
    TnTemp crc = x86_ir_get(c, TN_I32, c->op[0].reg), data = x86_read(c, 1);

    x86_write(c, 0, tn_ir_call(c->b, X86_HELPER_crc32, crc, data,
                               tn_ir_const(c->b, TN_I32, c->op[1].size), 0));
}

/* Polynomial 11EDC6F41H, reflected. */
uint32_t x86_helper_crc32(uint32_t crc, uint64_t data, uint32_t bytes)
{
    enum { POLYNOMIAL = 0x82f63b78 };

    for (unsigned i = 0; i < bytes; i++) {
        crc ^= (uint8_t)(data >> (8 * i));
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? (uint32_t)POLYNOMIAL : 0);
    }
    return crc;
}

#define BMI1 .feature = X86_FEATURE_BMI1
#define BMI2 .feature = X86_FEATURE_BMI2

const X86Row x86_rows_bmi[] = {
    { "VEX.L0.0F38 F2 /r", "ANDN Gy By Ey", gen_andn, BMI1 },
    { "VEX.L0.0F38 F3 /1", "BLSR By Ey", gen_bls, BMI1, .arg = 1 },
    { "VEX.L0.0F38 F3 /2", "BLSMSK By Ey", gen_bls, BMI1, .arg = 2 },
    { "VEX.L0.0F38 F3 /3", "BLSI By Ey", gen_bls, BMI1, .arg = 3 },
    { "VEX.L0.0F38 F7 /r", "BEXTR Gy Ey By", gen_bextr, BMI1 },
    { "VEX.L0.0F38 F5 /r", "BZHI Gy Ey By", gen_bzhi, BMI2 },
    { "VEX.L0.F2.0F38 F6 /r", "MULX Gy By Ey", gen_mulx, BMI2 },
    { "VEX.L0.F2.0F38 F5 /r", "PDEP Gy By Ey", gen_scatter, BMI2, .helper = X86_HELPER_pdep },
    { "VEX.L0.F3.0F38 F5 /r", "PEXT Gy By Ey", gen_scatter, BMI2, .helper = X86_HELPER_pext },
    { "VEX.L0.F2.0F3A F0 /r ib", "RORX Gy Ey Ib", gen_rorx, BMI2, .flags = ROW_NOVVVV },
    { "VEX.L0.F3.0F38 F7 /r", "SARX Gy Ey By", gen_shiftx, BMI2, .helper = TN_IR_SAR },
    { "VEX.L0.66.0F38 F7 /r", "SHLX Gy Ey By", gen_shiftx, BMI2, .helper = TN_IR_SHL },
    { "VEX.L0.F2.0F38 F7 /r", "SHRX Gy Ey By", gen_shiftx, BMI2, .helper = TN_IR_SHR },
    { "66 0F 38 F6 /r", "ADCX Gy Ey", gen_adx, .feature = X86_FEATURE_ADX, .arg = 0 },
    { "F3 0F 38 F6 /r", "ADOX Gy Ey", gen_adx, .feature = X86_FEATURE_ADX, .arg = 11 },
    { "F2 0F 38 F0 /r", "CRC32 Gy Eb", gen_crc32, .feature = X86_FEATURE_SSE4_2 },
    { "F2 0F 38 F1 /r", "CRC32 Gy Ev", gen_crc32, .feature = X86_FEATURE_SSE4_2 },
    { NULL },
};
