/* SPDX-License-Identifier: MIT */
/* Multiplication, division, sign extension and decimal arithmetic (SDM vol. 1, 5.1.2 and 5.1.3). */
#include "insn/general.h"
#include "insn/insn_helpers.h"

/* AX, DX:AX, EDX:EAX or RDX:RAX from the low part and the high one (bytes: AH is high). */
static void put_product(X86Ctx *c, unsigned size, TnTemp low, TnTemp high)
{
    if (size == 1) {
        x86_put_reg(c, RAX, 2, low);
        return;
    }
    x86_put_reg(c, RAX, size, low);
    x86_put_reg(c, RDX, size, high);
}

static void gen_multiply(X86Ctx *c, TnTemp a, TnTemp b, bool is_signed)
{
    unsigned size = c->op[0].size;
    TnFlagOp fop = is_signed ? TN_FLAGS_SMUL : TN_FLAGS_UMUL;
    TnTemp flags = tn_ir_flags(c->b, fop, x86_log2(size), a, b, TN_TEMP_NONE);
    TnTemp low = tn_ir_2(c->b, TN_IR_MUL, TN_I64, a, b), high = TN_TEMP_NONE;

    if (size == 8)
        high = tn_ir_2(c->b, is_signed ? TN_IR_MULHS : TN_IR_MULHU, TN_I64, a, b);
    else if (size > 1)
        high = tn_ir_i(c->b, TN_IR_SHRI, TN_I64, low, size * 8);
    put_product(c, size, low, high);
    x86_put_flags(c, flags);
}

/* MUL r/m */
void x86_gen_mul(X86Ctx *c)
{
    TnTemp b = x86_read(c, 0);

    gen_multiply(c, x86_get_reg(c, RAX, c->op[0].size), b, false);
}

static TnTemp sign_extend(X86Ctx *c, TnTemp value, unsigned size)
{
    static const uint8_t opcs[] = { TN_IR_EXT8S, TN_IR_EXT16S, TN_IR_EXT32S };

    return size == 8 ? value : tn_ir_1(c->b, (TnIrOpc)opcs[x86_log2(size)], TN_I64, value);
}

/* IMUL r/m */
void x86_gen_imul(X86Ctx *c)
{
    unsigned size = c->op[0].size;
    TnTemp b = x86_read_signed(c, 0);
    TnTemp a = x86_ir_get(c, size == 8 ? TN_I64 : TN_I32, RAX);

    gen_multiply(c, sign_extend(c, a, size), b, true);
}

/* IMUL r, r/m and IMUL r, r/m, imm: flags need no extension, they look at `size` bits */
void x86_gen_imul2(X86Ctx *c)
{
    unsigned size = c->op[0].size;
    bool imm = c->op[2].kind == OPERAND_IMM || c->op[2].kind == OPERAND_LATE;
    TnTemp a = x86_read_any(c, 1), b = x86_read_any(c, imm ? 2 : 0);
    TnTemp flags = tn_ir_flags(c->b, TN_FLAGS_SMUL, x86_log2(size), a, b, TN_TEMP_NONE);

    x86_write(c, 0, tn_ir_2(c->b, TN_IR_MUL, x86_calc_type(size), a, b));
    x86_put_flags(c, flags);
}

/* The quotient of 8- and 16-bit operands: the dividend in one, and the size. */
static TnTemp narrow_quotient(X86Ctx *c, TnTemp divisor, unsigned size, TnTemp *low)
{
    *low = x86_get_reg(c, RAX, 2);
    if (size == 2)
        *low = tn_ir_deposit(c->b, TN_I64, *low, x86_get_reg(c, RDX, 2), 16, 16);
    return tn_ir_call(c->b, c->row->arg ? X86_HELPER_idiv : X86_HELPER_div, *low, divisor,
                      tn_ir_const(c->b, TN_I32, size), 0);
}

static TnTemp wide_quotient(X86Ctx *c, TnTemp divisor, unsigned size, TnTemp *low)
{
    static const uint16_t helpers[2][2] = { { X86_HELPER_div32, X86_HELPER_div64 },
                                            { X86_HELPER_idiv32, X86_HELPER_idiv64 } };

    *low = x86_get_reg(c, RAX, size);
    return tn_ir_call(c->b, helpers[c->row->arg != 0][size == 8], *low, x86_get_reg(c, RDX, size),
                      divisor, 0);
}

/* DIV r/m, IDIV r/m: the helper checks and divides; the remainder follows from the quotient. */
void x86_gen_div(X86Ctx *c)
{
    unsigned size = c->op[0].size;
    bool narrow = size < 4, is_signed = c->row->arg;
    TnTemp divisor = narrow && is_signed ? x86_read_signed(c, 0) : x86_read(c, 0), low;
    TnTemp quotient = narrow ? narrow_quotient(c, divisor, size, &low)
                             : wide_quotient(c, divisor, size, &low);
    TnIrType type = x86_calc_type(size);
    TnTemp rest = tn_ir_2(c->b, TN_IR_SUB, type, low,
                          tn_ir_2(c->b, TN_IR_MUL, type, quotient, divisor));

    if (size == 1) {
        TnTemp both = tn_ir_deposit(c->b, TN_I64, quotient, rest, 8, 8);
        x86_put_reg(c, RAX, 2, both);
        return;
    }
    x86_put_reg(c, RAX, size, quotient);
    x86_put_reg(c, RDX, size, rest);
}

uint64_t x86_helper_div(TnCpu *cpu, uint64_t dividend, uint64_t divisor, uint32_t size)
{
    uint64_t max = (1ull << (8 * size)) - 1;

    if (divisor == 0 || dividend / divisor > max)
        x86_raise(cpu, X86_DE);
    return dividend / divisor;
}

/* The dividend comes with `2 * size` bytes; the quotient must fit in `size`. */
uint64_t x86_helper_idiv(TnCpu *cpu, uint64_t dividend, uint64_t divisor, uint32_t size)
{
    unsigned up = 64 - 16 * size;
    int64_t a = (int64_t)(dividend << up) >> up, b = (int64_t)divisor, quotient;
    int64_t limit = 1ll << (8 * size - 1);

    if (b == 0 || (a == INT64_MIN && b == -1))
        x86_raise(cpu, X86_DE);
    quotient = a / b;
    if (quotient < -limit || quotient >= limit)
        x86_raise(cpu, X86_DE);
    return (uint64_t)quotient;
}

uint64_t x86_helper_div32(TnCpu *cpu, uint64_t low, uint64_t high, uint64_t divisor)
{
    return x86_helper_div(cpu, high << 32 | low, divisor, 4);
}

uint64_t x86_helper_idiv32(TnCpu *cpu, uint64_t low, uint64_t high, uint64_t divisor)
{
    uint64_t extended = (uint64_t)(int64_t)(int32_t)divisor;

    return (uint32_t)x86_helper_idiv(cpu, high << 32 | low, extended, 4);
}

uint64_t x86_helper_div64(TnCpu *cpu, uint64_t low, uint64_t high, uint64_t divisor)
{
    if (divisor == 0 || high >= divisor)
        x86_raise(cpu, X86_DE);
    if (TN_LIKELY(high == 0)) /* the host divides this by itself */
        return low / divisor;
    return (uint64_t)(((unsigned __int128)high << 64 | low) / divisor);
}

uint64_t x86_helper_idiv64(TnCpu *cpu, uint64_t low, uint64_t high, uint64_t divisor)
{
    __int128 a = (__int128)((unsigned __int128)high << 64 | low), quotient;
    int64_t b = (int64_t)divisor;

    if (b == 0 || (b == -1 && low == 0 && high == 1ull << 63))
        x86_raise(cpu, X86_DE);
    if (TN_LIKELY((int64_t)high == (int64_t)low >> 63 && b != -1))
        return (uint64_t)((int64_t)low / b);
    quotient = a / b;
    if (quotient != (int64_t)quotient)
        x86_raise(cpu, X86_DE);
    return (uint64_t)quotient;
}

/* CBW CWDE CDQE */
void x86_gen_cbw(X86Ctx *c)
{
    unsigned size = c->op_size;
    TnTemp a = x86_ir_get(c, TN_I32, RAX);

    x86_put_reg(c, RAX, size, sign_extend(c, a, size / 2));
}

/* CWD CDQ CQO */
void x86_gen_cwd(X86Ctx *c)
{
    unsigned size = c->op_size;
    TnTemp a = sign_extend(c, x86_ir_get(c, size == 8 ? TN_I64 : TN_I32, RAX), size);

    x86_put_reg(c, RDX, size, tn_ir_i(c->b, TN_IR_SARI, TN_I64, a, 63));
}

/* ---- Decimal arithmetic ----------------------------------------------------------------- */

/* DAA DAS AAA AAS: rare, and nothing but helpers work on AX and the flags. */
void x86_gen_decimal(X86Ctx *c)
{
    tn_ir_call_void(c->b, c->row->helper, 0, 0, 0, 0);
}

/* AAM imm8, AAD imm8 */
void x86_gen_aam(X86Ctx *c)
{
    TnTemp base = tn_ir_const(c->b, TN_I32, (uint8_t)c->op[0].imm);

    tn_ir_call_void(c->b, c->row->helper, base, 0, 0, 0);
}

static void set_ax(X86State *s, unsigned al, unsigned ah)
{
    s->regs[RAX] = (s->regs[RAX] & ~0xffffull) | (al & 0xff) | (ah & 0xff) << 8;
}

/* S Z P of AL, with the other flags given. */
static void set_result_flags(X86State *s, unsigned al, uint32_t others)
{
    al &= 0xff;
    s->flags = others | (al & 0x80 ? TN_FLAG_S : 0) | (al == 0 ? TN_FLAG_Z : 0) |
               (__builtin_parity(al) ? 0 : TN_FLAG_P);
}

/* SDM vol. 2, DAA; `sign` is 1, or -1 for DAS. */
static void decimal_adjust(X86State *s, int sign)
{
    unsigned al = s->regs[RAX] & 0xff, old = al;
    bool carry = s->flags & TN_FLAG_C, aux = s->flags & TN_FLAG_A, carry_out = false;

    if ((al & 15) > 9 || aux) {
        al += (unsigned)(sign * 6);
        carry_out = carry || (al & 0x100);
        aux = true;
    }
    if (old > 0x99 || carry) {
        al += (unsigned)(sign * 0x60);
        carry_out = true;
    }
    set_ax(s, al, (unsigned)s->regs[RAX] >> 8);
    set_result_flags(s, al, (carry_out ? TN_FLAG_C : 0) | (aux ? TN_FLAG_A : 0));
}

void x86_helper_daa(TnCpu *cpu)
{
    decimal_adjust(x86_state(cpu), 1);
}

void x86_helper_das(TnCpu *cpu)
{
    decimal_adjust(x86_state(cpu), -1);
}

/* SDM vol. 2, AAA and AAS: 106H is added to or taken from AX; AL's high nibble is cleared. */
static void ascii_adjust(X86State *s, int sign)
{
    unsigned ax = s->regs[RAX] & 0xffff;
    bool adjust = (ax & 15) > 9 || s->flags & TN_FLAG_A;

    if (adjust)
        ax += (unsigned)(sign * 0x106);
    set_ax(s, ax & 15, ax >> 8);
    set_result_flags(s, ax & 15, adjust ? TN_FLAG_C | TN_FLAG_A : 0);
}

void x86_helper_aaa(TnCpu *cpu)
{
    ascii_adjust(x86_state(cpu), 1);
}

void x86_helper_aas(TnCpu *cpu)
{
    ascii_adjust(x86_state(cpu), -1);
}

void x86_helper_aam(TnCpu *cpu, uint32_t base)
{
    X86State *s = x86_state(cpu);
    unsigned al = s->regs[RAX] & 0xff;

    if (base == 0)
        x86_raise(cpu, X86_DE);
    set_ax(s, al % base, al / base);
    set_result_flags(s, al % base, 0);
}

void x86_helper_aad(TnCpu *cpu, uint32_t base)
{
    X86State *s = x86_state(cpu);
    unsigned al = s->regs[RAX] & 0xff, ah = s->regs[RAX] >> 8 & 0xff;

    al = (al + ah * base) & 0xff;
    set_ax(s, al, 0);
    set_result_flags(s, al, 0);
}
