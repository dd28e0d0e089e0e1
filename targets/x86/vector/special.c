/* SPDX-License-Identifier: MIT */
/*
 * Vector instructions that go through helpers: MXCSR, byte-masked stores, the string comparisons of
 * SSE4.2 (Intel SDM vol. 2B, 4.1), and FP forms whose exceptions may be delivered (vol. 1, 11.5).
 */
#include "vector.h"

#include "fallback.h"
#include "helpers-vector.h"
#include "mxcsr.h"

/* ---- MXCSR ------------------------------------------------------------------------------ */

void x86_gen_ldmxcsr(X86Ctx *c)
{
    bool ends = c->leave || c->sti || c->mode & (MODE_TF | MODE_DR7);

    tn_ir_call_void(c->b, X86_HELPER_ldmxcsr, x86_read(c, 0), x86_const(c, c->next_pc),
                    tn_ir_const(c->b, TN_I32, ends), 0);
    if (ends)
        x86_gen_end(c);
}

void x86_gen_stmxcsr(X86Ctx *c)
{
    x86_write(c, 0, tn_ir_ldenv(c->b, TN_I32, offsetof(X86State, mxcsr)));
}

/* The block goes on unless it was made for other masks. */
void x86_helper_ldmxcsr(TnCpu *cpu, uint32_t value, uint64_t next_pc, uint32_t ends)
{
    X86State *s = x86_state(cpu);
    uint32_t before = s->mode;

    if (value & ~(uint32_t)MXCSR_VALID)
        x86_raise_error(cpu, X86_GP, 0);
    s->mxcsr = value;
    x86_update_mode(cpu);
    if (s->mode == before || ends)
        return;
    s->rip = next_pc;
    tn_cpu_unwind_to_loop(cpu);
}

typedef void (*FallbackFn)(TnCpu *cpu, void *dst, const void *a, const void *b, const void *c,
                           uint32_t imm8);

/* Runs a fallback on scratch[1..3] into scratch[0] and looks what it raised. */
void x86_helper_fp_checked(TnCpu *cpu, uint32_t fallback, uint32_t imm8)
{
    X86State *s = x86_state(cpu);
    uint32_t before = s->mxcsr, unmasked = ~before >> MXCSR_MASKS_SHIFT & MXCSR_FLAGS;

    s->mxcsr &= ~(uint32_t)MXCSR_FLAGS;
    s->scratch[0] = (X86Ymm){ 0 };
    ((FallbackFn)cpu->target->helpers[fallback].fn)(cpu, &s->scratch[0], &s->scratch[1],
                                                    &s->scratch[2], &s->scratch[3], imm8);
    uint32_t flags = s->mxcsr & MXCSR_FLAGS;
    s->mxcsr |= before;
    if (flags & unmasked)
        x86_raise(cpu, s->cr4 & CR4_OSXMMEXCPT ? X86_XM : X86_UD);
}

/* ---- Byte-masked store ------------------------------------------------------------------ */

void x86_gen_maskmov(X86Ctx *c, TnTemp value, TnTemp mask, unsigned bytes)
{
    unsigned seg = c->seg_override >= 0 ? (unsigned)c->seg_override : DS;
    TnTemp offset = x86_get_reg(c, RDI, c->addr_size);
    TnTemp addr = x86_linear(c, seg, offset, bytes, true);

    tn_ir_stenv(c->b, TN_V128, x86_scratch_offset(0), value);
    tn_ir_stenv(c->b, TN_V128, x86_scratch_offset(1), mask);
    tn_ir_call_void(c->b, X86_HELPER_maskmov, addr, tn_ir_const(c->b, TN_I32, bytes),
                    tn_ir_const(c->b, TN_I32, c->mmu), 0);
}

void x86_helper_maskmov(TnCpu *cpu, uint64_t addr, uint32_t bytes, uint32_t mmu)
{
    X86State *s = x86_state(cpu);

    for (unsigned i = 0; i < bytes; i++)
        if (s->scratch[1].u8[i] & 0x80)
            tn_st8(cpu, addr + i, s->scratch[0].u8[i], mmu);
}

/* ---- INSERTPS from memory --------------------------------------------------------------- */

/* The source element number counts for registers only. */
void x86_gen_insertps_mem(X86Ctx *c)
{
    unsigned n = c->vex ? 1 : 0;
    TnTemp value = x86_read_vec(c, n + 1, 4), old = x86_read_vec(c, n, 16);

    x86_write_vec(c, 0, 16, x86_vec_op_imm(c, 1, 3, 0x21, X86_FB_insertps, old, value,
                                           (uint8_t)(c->op[n + 2].imm & 0x3f)));
}

/* ---- PCMPxSTRx -------------------------------------------------------------------------- */

enum {
    PCMPSTR_WORDS = 1u << 0, PCMPSTR_SIGNED = 1u << 1,
    PCMPSTR_AGGREGATION_SHIFT = 2, PCMPSTR_NEGATE = 1u << 4, PCMPSTR_MASKED = 1u << 5,
    PCMPSTR_LAST = 1u << 6,      /* index: the most significant; mask: expanded to elements */
};
enum { EQUAL_ANY, RANGES, EQUAL_EACH, EQUAL_ORDERED };

/* A length in the low half: one of 64 bits counts up to the number of elements, either way. */
static TnTemp length(X86Ctx *c, unsigned reg, bool is_long)
{
    enum { MOST = 16 };
    TnTemp v = x86_get_reg(c, reg, 8), most = x86_const(c, MOST), least = x86_const(c, -(uint64_t)MOST);

    if (!is_long)
        return v;
    v = tn_ir_select(c->b, TN_I64, tn_ir_setcond(c->b, TN_I64, TN_COND_GT, v, most), most, v);
    return tn_ir_select(c->b, TN_I64, tn_ir_setcond(c->b, TN_I64, TN_COND_LT, v, least), least, v);
}

static TnTemp lengths(X86Ctx *c)
{
    enum { REX_W = 8 };
    bool is_long = c->code64 && c->rex & REX_W;
    TnTemp low = tn_ir_1(c->b, TN_IR_EXT32U, TN_I64, length(c, RAX, is_long));

    return tn_ir_2(c->b, TN_IR_OR, TN_I64, low,
                   tn_ir_i(c->b, TN_IR_SHLI, TN_I64, length(c, RDX, is_long), 32));
}

/* The index form gives the flags of the mask form, too: it has the next opcode. */
void x86_gen_pcmpstr(X86Ctx *c)
{
    enum { PCMPISTRM = 0x62, INDEX = 1 }; /* PCMPESTRx come before */
    TnHostForm form = { .opcode = c->opcode | INDEX, .map = 3, .pp = 1,
                        .imm8 = (uint8_t)c->op[2].imm,
                        .flags = TN_HF_IMM8 | TN_HF_STRING | TN_HF_DST_INT };
    TnTemp a = x86_read_vec(c, 0, 16), b = x86_read_vec(c, 1, 16);
    TnTemp len = c->opcode < PCMPISTRM ? lengths(c) : TN_TEMP_NONE;
    TnTemp result = tn_ir_hostv(c->b, TN_I64, form, X86_FB_pcmpstri, a, b, len);

    if (c->opcode & INDEX) {
        x86_put_reg(c, RCX, 4, result);
    } else {
        form.opcode = c->opcode;
        form.flags &= (uint16_t)~TN_HF_DST_INT;
        /* VEX or not, the upper half of YMM0 follows the rule of any destination. */
        tn_ir_put_low(c->b, X86_REG_YMM,
                      tn_ir_hostv(c->b, TN_V128, form, X86_FB_pcmpstrm, a, b, len), c->vex);
    }
    x86_put_flags(c, tn_ir_i(c->b, TN_IR_SHRI, TN_I64, result, 32));
}

static int32_t element(const X86Ymm *v, uint32_t control, unsigned i)
{
    if (control & PCMPSTR_WORDS)
        return control & PCMPSTR_SIGNED ? (int16_t)v->u16[i] : v->u16[i];
    return control & PCMPSTR_SIGNED ? (int8_t)v->u8[i] : v->u8[i];
}

static unsigned explicit_length(uint32_t reg, unsigned n)
{
    uint32_t magnitude = (int32_t)reg < 0 ? 0 - reg : reg;

    return MIN(magnitude, n);
}

static unsigned implicit_length(const X86Ymm *v, uint32_t control, unsigned n)
{
    unsigned i = 0;

    while (i < n && element(v, control, i))
        i++;
    return i;
}

/* One bit of IntRes1: element j of the second operand (SDM table 4-7 for what is past the ends). */
static bool aggregate(const X86Ymm *x, unsigned nx, const X86Ymm *y, unsigned ny, uint32_t control,
                      unsigned n, unsigned j)
{
    unsigned kind = control >> PCMPSTR_AGGREGATION_SHIFT & 3;

    if (kind == EQUAL_EACH)
        return j < nx && j < ny ? element(x, control, j) == element(y, control, j)
                                : j >= nx && j >= ny;
    if (kind == EQUAL_ORDERED) {
        for (unsigned i = 0; i < nx && i + j < n; i++)
            if (i + j >= ny || element(x, control, i) != element(y, control, i + j))
                return false;
        return true;
    }
    if (j >= ny)
        return false;
    int32_t v = element(y, control, j);
    for (unsigned i = 0; i < nx; i += kind == RANGES ? 2 : 1) {
        if (kind == EQUAL_ANY && element(x, control, i) == v)
            return true;
        if (kind == RANGES && i + 1 < nx && element(x, control, i) <= v &&
            v <= element(x, control, i + 1))
            return true;
    }
    return false;
}

/* What both forms come to. */
typedef struct Compared {
    uint32_t bits;       /* IntRes2 */
    unsigned n, nx, ny;  /* elements of an operand, valid ones of the first and of the second */
} Compared;

static Compared compare(const X86Ymm *x, const X86Ymm *y, const X86Ymm *len, uint32_t control)
{
    Compared r = { .n = control & PCMPSTR_WORDS ? 8 : 16 };

    r.nx = len ? explicit_length(len->u32[0], r.n) : implicit_length(x, control, r.n);
    r.ny = len ? explicit_length(len->u32[1], r.n) : implicit_length(y, control, r.n);
    for (unsigned j = 0; j < r.n; j++)
        r.bits |= (uint32_t)aggregate(x, r.nx, y, r.ny, control, r.n, j) << j;
    if (control & PCMPSTR_NEGATE)
        r.bits ^= (1u << (control & PCMPSTR_MASKED ? r.ny : r.n)) - 1;
    return r;
}

FALLBACK(pcmpstrm)
{
    Compared r = compare(A, B, C, imm8);

    if (!(imm8 & PCMPSTR_LAST)) {
        D->u32[0] = r.bits;
        return;
    }
    for (unsigned i = 0; i < r.n; i++) {
        if (imm8 & PCMPSTR_WORDS)
            D->u16[i] = r.bits >> i & 1 ? UINT16_MAX : 0;
        else
            D->u8[i] = r.bits >> i & 1 ? UINT8_MAX : 0;
    }
}

FALLBACK(pcmpstri)
{
    Compared r = compare(A, B, C, imm8);
    uint32_t index = r.n;

    if (r.bits)
        index = imm8 & PCMPSTR_LAST ? 31 - (unsigned)__builtin_clz(r.bits)
                                    : (unsigned)__builtin_ctz(r.bits);
    D->u32[0] = index;
    D->u32[1] = (r.bits ? TN_FLAG_C : 0) | (r.ny < r.n ? TN_FLAG_Z : 0) |
                (r.nx < r.n ? TN_FLAG_S : 0) | (r.bits & 1 ? TN_FLAG_O : 0);
}
