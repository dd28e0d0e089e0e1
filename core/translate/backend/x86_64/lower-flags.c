/* SPDX-License-Identifier: MIT */
/*
 * IR to code: condition flags. What is decided by them is in lower-condition.c.
 *
 * FLAGS of additions, subtractions, logic and shifts by a constant are recipes: nothing is emitted
 * until a condition, a PUT that leaves the block, or another use needs them, and then only what that
 * use needs. Other FLAGS are computed where they are.
 */
#include <string.h>

#include "compile.h"

enum {
    PACKED_SZP = TN_FLAG_S | TN_FLAG_Z | TN_FLAG_P,
    OVERFLOW_SHIFT = 11,
    LAHF = 0x9f,
};

/* What no instruction takes as it is: it goes through a register and the frame. */
static bool needs_slot(const X64Src *s, unsigned size)
{
    return x64_is_wide_imm(s, size) || (s->kind == X64_SRC_MEM && s->narrow && size == 3);
}

static uint32_t recipe_regs(const X64Recipe *r)
{
    return x64_src_bit(&r->a) | x64_src_bit(&r->b) | x64_src_bit(&r->c);
}

void x64_freeze(X64Ctx *cx, TnTemp t, X64Recipe *r)
{
    static const X64Src none = { .kind = X64_SRC_IMM };
    const X64Temp *v = &cx->temps[t];
    const TnIrOp *op = &cx->ops[v->def];
    unsigned fop = op->aux & UINT8_MAX;
    bool from_result;

    if (!x64_is_unmade(v)) {
        *r = (X64Recipe){ .packed = true, .a = x64_peek(cx, t) };
        return;
    }
    from_result = x64_has_result(cx, v, fop);
    r->packed = false;
    r->from_result = from_result;
    r->fop = (uint8_t)fop;
    r->size_log2 = (uint8_t)(op->aux >> 8);
    r->a = x64_peek(cx, from_result ? v->partner : op->a);
    r->b = op->b ? x64_peek(cx, op->b) : none;
    r->c = op->c ? x64_peek(cx, op->c) : none;
}

static X64Recipe recipe_of(X64Ctx *cx, TnTemp t)
{
    X64Recipe r;

    x64_freeze(cx, t, &r);
    return r;
}

/* ---- Making the host's flags those of a recipe ---------------------------------------------- */

void x64_bt_src(X64Ctx *cx, const X64Src *src, unsigned bit)
{
    switch (src->kind) {
    case X64_SRC_REG:
        x64_rri(&cx->e, X64_GRP8_IMM8, X64_G8_BT, src->reg, (uint8_t)bit);
        break;
    case X64_SRC_MEM:
        x64_rmi(&cx->e, X64_GRP8_IMM8, X64_G8_BT, src->mem, (uint8_t)bit);
        break;
    case X64_SRC_IMM:
        x64_byte(&cx->e, src->imm >> bit & 1 ? 0xf9 : 0xf8); /* STC, CLC */
        break;
    }
}

static void load_first(X64Ctx *cx, const X64Recipe *r, int tmp)
{
    x64_mov_src(cx, r->size_log2 == 3 ? X64_W : 0, tmp, &r->a);
}

static void set_sub(X64Ctx *cx, const X64Recipe *r, int tmp)
{
    unsigned size = r->size_log2;

    if (r->from_result) {
        load_first(cx, r, tmp);
        x64_alu_src(&cx->e, X64_ADD, size, tmp, &r->b);
    } else if (r->a.kind == X64_SRC_REG) {
        tmp = r->a.reg;
    } else {
        load_first(cx, r, tmp);
    }
    x64_alu_src(&cx->e, X64_CMP, size, tmp, &r->b);
}

static void set_add(X64Ctx *cx, const X64Recipe *r, int tmp)
{
    load_first(cx, r, tmp);
    if (r->from_result)
        x64_alu_src(&cx->e, X64_SUB, r->size_log2, tmp, &r->b);
    x64_alu_src(&cx->e, X64_ADD, r->size_log2, tmp, &r->b);
}

static void set_logic(X64Ctx *cx, const X64Recipe *r, int tmp)
{
    if (r->a.kind == X64_SRC_MEM && !r->a.narrow) {
        x64_g1_mi(&cx->e, X64_G1_CMP, r->size_log2, r->a.mem, 0);
        return;
    }
    if (r->a.kind == X64_SRC_REG)
        tmp = r->a.reg;
    else
        load_first(cx, r, tmp);
    x64_rr(&cx->e, x64_sized(X64_TEST, r->size_log2), tmp, tmp);
}

static void set_step(X64Ctx *cx, const X64Recipe *r, int tmp, bool need_carry)
{
    bool inc = r->fop == TN_FLAGS_INC;

    if (need_carry)
        x64_bt_src(cx, &r->c, 0);
    load_first(cx, r, tmp);
    if (r->from_result)
        x64_lea(&cx->e, X64_W, tmp, x64_mem(tmp, inc ? -1 : 1));
    x64_rr(&cx->e, x64_sized(X64_GRP4, r->size_log2), inc ? X64_G4_INC : X64_G4_DEC, tmp);
}

static void set_shift(X64Ctx *cx, const X64Recipe *r, int tmp)
{
    static const uint8_t ext[] = { X64_G2_SHL, X64_G2_SHR, X64_G2_SAR };
    unsigned count = (unsigned)r->b.imm & (r->size_log2 == 3 ? 63 : 31);

    load_first(cx, r, tmp);
    x64_rri(&cx->e, x64_sized(X64_GRP2_IMM8, r->size_log2), ext[r->fop - TN_FLAGS_SHL], tmp,
            (uint8_t)count);
}

/* A comparison with a packed flag register needs no register of its own. */
static bool needs_tmp(const X64Recipe *r)
{
    bool compares = r->fop == TN_FLAGS_SUB || r->fop == TN_FLAGS_LOGIC;

    return !compares || r->from_result || r->a.kind != X64_SRC_REG || needs_slot(&r->b, r->size_log2);
}

/* The carry of INC and DEC is right only with need_carry, A of shifts and logic never. */
static void set_host_flags(X64Ctx *cx, X64Recipe r, int tmp, bool need_carry)
{
    if (r.fop < TN_FLAGS_SHL && needs_slot(&r.b, r.size_log2)) {
        x64_mov_src(cx, X64_W, tmp, &r.b);
        r.b = (X64Src){ .kind = X64_SRC_MEM, .mem = x64_frame(X64_F_SCRATCH) };
        x64_store(&cx->e, X64_W, tmp, r.b.mem);
    }
    switch (r.fop) {
    case TN_FLAGS_ADD:
        set_add(cx, &r, tmp);
        break;
    case TN_FLAGS_SUB:
        set_sub(cx, &r, tmp);
        break;
    case TN_FLAGS_ADC:
    case TN_FLAGS_SBB:
        x64_bt_src(cx, &r.c, 0);
        load_first(cx, &r, tmp);
        x64_alu_src(&cx->e, r.fop == TN_FLAGS_ADC ? X64_ADC : X64_SBB, r.size_log2, tmp, &r.b);
        break;
    case TN_FLAGS_LOGIC:
        set_logic(cx, &r, tmp);
        break;
    case TN_FLAGS_INC:
    case TN_FLAGS_DEC:
        set_step(cx, &r, tmp, need_carry);
        break;
    default:
        set_shift(cx, &r, tmp);
        break;
    }
}

/* Nearly all that conditions want: a register is compared, or tested. False: it is not that. */
static inline bool compare_register(X64Ctx *cx, TnTemp t)
{
    const X64Temp *v = &cx->temps[t];
    const TnIrOp *op = &cx->ops[v->def];
    const X64Temp *a = &cx->temps[op->a];
    unsigned fop = op->aux & UINT8_MAX, size = op->aux >> 8;
    X64Src b;

    if (a->reg == X64_NONE || (a->flags & X64_T_CONST))
        return false;
    if (fop == TN_FLAGS_LOGIC) {
        x64_rr(&cx->e, x64_sized(X64_TEST, size), a->reg, a->reg);
        return true;
    }
    if (fop != TN_FLAGS_SUB || x64_has_result(cx, v, fop))
        return false;
    b = x64_peek(cx, op->b);
    if (needs_slot(&b, size))
        return false;
    x64_alu_src(&cx->e, X64_CMP, size, a->reg, &b);
    return true;
}

static __attribute__((noinline)) void make_host_flags(X64Ctx *cx, TnTemp t, bool need_carry)
{
    X64Recipe r = recipe_of(cx, t);
    int tmp = X64_NONE;

    cx->locked |= recipe_regs(&r);
    if (needs_tmp(&r))
        tmp = x64_tmp(cx);
    set_host_flags(cx, r, tmp, need_carry);
}

void x64_make_host_flags(X64Ctx *cx, TnTemp t, bool need_carry)
{
    if (!compare_register(cx, t))
        make_host_flags(cx, t, need_carry);
    cx->host_flags = t;
    cx->e.flags_at = cx->e.p;
}

/* ---- Packing the host's flags --------------------------------------------------------------- */

/* Bits that the host's flags give, and bits that the old flags c give. */
static uint32_t bits_computed(unsigned fop)
{
    switch (fop) {
    case TN_FLAGS_LOGIC:
        return PACKED_SZP;
    case TN_FLAGS_INC:
    case TN_FLAGS_DEC:
        return TN_FLAGS_ALL & ~(uint32_t)TN_FLAG_C;
    case TN_FLAGS_SHL:
    case TN_FLAGS_SHR:
    case TN_FLAGS_SAR:
        return TN_FLAGS_ALL & ~(uint32_t)TN_FLAG_A;
    case TN_FLAGS_ROL:
    case TN_FLAGS_ROR:
        return TN_FLAG_C | TN_FLAG_O;
    default:
        return TN_FLAGS_ALL;
    }
}

static uint32_t bits_kept(unsigned fop)
{
    return fop == TN_FLAGS_LOGIC ? 0 : TN_FLAGS_ALL & ~bits_computed(fop);
}

static void pack_bits(X64Ctx *cx, int dst, uint32_t bits)
{
    X64Emit *e = &cx->e;

    if (dst == X64_RAX) {
        x64_byte(e, LAHF);
        if (bits & TN_FLAG_O) {
            x64_rr(e, X64_SETCC | X64_O, 0, X64_RAX);
            x64_rri(e, X64_GRP2_IMM8 - 1, X64_G2_SHL, X64_RAX, OVERFLOW_SHIFT - 8);
        }
        x64_rri(e, X64_GRP2_IMM8 | X64_66, X64_G2_ROL, X64_RAX, 8);
    } else {
        x64_byte(e, 0x9c); /* PUSHFQ */
        x64_pop(e, dst);
    }
    x64_g1_ri(e, X64_G1_AND, 2, dst, (int32_t)bits);
}

void x64_pack_rax(X64Ctx *cx, uint32_t bits)
{
    pack_bits(cx, X64_RAX, bits);
}

/* LAHF, MOVZX and LEA keep them. Bit 1 is always set in AH (SDM vol. 1, 3.4.3). */
void x64_pack_rax_without_overflow(X64Ctx *cx, TnTemp t)
{
    static const uint8_t lahf_movzx_eax_ah[] = { 0x9f, 0x0f, 0xb6, 0xc4 };

    memcpy(cx->e.p, lahf_movzx_eax_ah, sizeof(lahf_movzx_eax_ah));
    cx->e.p += sizeof(lahf_movzx_eax_ah);
    x64_lea(&cx->e, 0, X64_RAX, x64_mem(X64_RAX, -2));
    cx->host_flags = t;
    cx->e.flags_at = cx->e.p;
}

/* dst = the recipe's packed flags from the host's. tmp is neither dst nor c's register. */
static void pack(X64Ctx *cx, const X64Recipe *r, int dst, int tmp)
{
    uint32_t kept = bits_kept(r->fop);

    pack_bits(cx, dst, bits_computed(r->fop));
    if (!kept)
        return;
    if (r->c.kind == X64_SRC_IMM) {
        if (r->c.imm & kept)
            x64_g1_ri(&cx->e, X64_G1_OR, 2, dst, (int32_t)(r->c.imm & kept));
        return;
    }
    x64_mov_src(cx, 0, tmp, &r->c);
    x64_g1_ri(&cx->e, X64_G1_AND, 2, tmp, (int32_t)kept);
    x64_rr(&cx->e, X64_OR, dst, tmp);
}

void x64_materialise_flags(X64Ctx *cx, TnTemp t)
{
    X64Recipe r = recipe_of(cx, t);
    uint32_t locked = cx->locked;
    bool have = x64_host_has(cx, t);
    int dst, tmp;

    cx->locked |= recipe_regs(&r);
    if (!(cx->locked >> X64_RAX & 1) && !x64_is_full(cx, X64_RAX)) {
        cx->locked |= 1u << X64_RAX;
        dst = X64_RAX;
    } else {
        dst = x64_tmp(cx);
    }
    tmp = bits_kept(r.fop) && r.c.kind != X64_SRC_IMM ? x64_tmp(cx) : X64_NONE;
    if (!have)
        set_host_flags(cx, r, dst, false);
    pack(cx, &r, dst, tmp);
    x64_bind(cx, t, dst);
    cx->locked = locked;
}

/* ---- Leaving the block with flags not stored yet -------------------------------------------- */

static int any_but(uint32_t busy)
{
    uint32_t free = X64_SCRATCH_MASK & ~busy;

    g_assert(free);
    return free >> X64_RAX & 1 ? X64_RAX : __builtin_ctz(free);
}

/* Recipes of two operands are left as they are; those over the old flags are computed. */
static bool leaves_recipe(unsigned fop)
{
    enum { LEAVE = 1 << TN_FLAGS_ADD | 1 << TN_FLAGS_SUB | 1 << TN_FLAGS_LOGIC };

    return (x64_opt & TN_OPT_LAZY_FLAGS) && LEAVE >> fop & 1;
}

static void store_packed(X64Ctx *cx, int reg)
{
    x64_store(&cx->e, 0, reg, x64_reg_home(x64_plan.flags_reg));
    x64_store_imm(&cx->e, 0, x64_frame(X64_F_FLAGS_OP), 0);
}

/* frame slot = src; tmp is free */
static void pass(X64Emit *e, int32_t frame_ofs, const X64Src *src, int tmp)
{
    X64Mem m = x64_frame(frame_ofs);

    if (src->kind == X64_SRC_REG) {
        x64_store(e, X64_W, src->reg, m);
    } else if (src->kind == X64_SRC_IMM) {
        x64_store_imm64(e, m, src->imm);
    } else {
        x64_load(e, src->narrow ? 0 : X64_W, tmp, src->mem);
        x64_store(e, X64_W, tmp, m);
    }
}

_Static_assert(!((TN_FLAGS_ADD | TN_FLAGS_SUB | TN_FLAGS_LOGIC) & ~X64_LAZY_FOP),
               "the operations of recipes in the frame leave a bit for something else");
_Static_assert((int)TN_FLAGS_ADD != X64_LAZY_HOST && (int)TN_FLAGS_SUB != X64_LAZY_HOST &&
                   (int)TN_FLAGS_LOGIC != X64_LAZY_HOST, "and a number for the host's flags");

int32_t x64_recipe_word(const X64Recipe *r)
{
    return X64_LAZY_VALID | r->fop | r->size_log2 << X64_LAZY_SIZE_SHIFT |
           (r->from_result ? X64_LAZY_FROM_RESULT : 0);
}

/* A small constant B goes into the word with the operation. */
static bool store_with_operand(X64Emit *e, const X64Recipe *r)
{
    enum { LIMIT = 1 << (31 - X64_LAZY_B_SHIFT) };
    int64_t b = (int64_t)r->b.imm;

    if (r->fop == TN_FLAGS_LOGIC || r->b.kind != X64_SRC_IMM || b < -LIMIT || b >= LIMIT)
        return false;
    x64_store_imm(e, 2, x64_frame(X64_F_FLAGS_OP),
                  (int32_t)b * (1 << X64_LAZY_B_SHIFT) | x64_recipe_word(r) | X64_LAZY_B_HERE);
    return true;
}

static void store_recipe(X64Emit *e, const X64Recipe *r, int tmp)
{
    bool complete = store_with_operand(e, r);

    if (!complete)
        x64_store_imm(e, 0, x64_frame(X64_F_FLAGS_OP), x64_recipe_word(r));
    pass(e, X64_F_FLAGS_A, &r->a, tmp);
    if (!complete && r->fop != TN_FLAGS_LOGIC)
        pass(e, X64_F_FLAGS_B, &r->b, tmp);
}

bool x64_may_store_later(const X64Ctx *cx, TnTemp t)
{
    const X64Temp *v = &cx->temps[t];

    return x64_is_unmade(v) && leaves_recipe(cx->ops[v->def].aux & UINT8_MAX);
}

void x64_store_later(X64Emit *e, const X64Recipe *r)
{
    store_recipe(e, r, any_but(recipe_regs(r)));
}

void x64_get_host_flags(X64Emit *e)
{
    x64_byte(e, LAHF);
    x64_rr(e, X64_SETCC | X64_O, 0, X64_RAX);
}

uint32_t x64_pack_host_flags(uint32_t eax, bool of_logic)
{
    uint32_t ah = eax >> 8 & UINT8_MAX, overflow = eax & 1;

    return (ah | overflow << OVERFLOW_SHIFT) & bits_computed(of_logic ? TN_FLAGS_LOGIC : TN_FLAGS_SUB);
}

void x64_store_host_later(X64Emit *e, bool of_logic)
{
    int32_t what = X64_LAZY_HOST | (of_logic ? X64_LAZY_OF_LOGIC : 0);

    _Static_assert((X64_LAZY_HOST | X64_LAZY_OF_LOGIC | X64_LAZY_OVERFLOW) <= INT8_MAX &&
                       X64_LAZY_OVERFLOW == 1, "AL has room for them, and SETO gives the last one");
    x64_get_host_flags(e);
    x64_lea(e, 0, X64_RAX, x64_mem(X64_RAX, what));
    x64_store(e, 0, X64_RAX, x64_frame(X64_F_FLAGS_OP));
}

void x64_leave_recipe(X64Ctx *cx, const X64Recipe *r, bool host_live, uint32_t keep)
{
    int dst, tmp;

    if (r->packed && r->a.kind == X64_SRC_REG) {
        store_packed(cx, r->a.reg);
        return;
    }
    tmp = any_but(keep | recipe_regs(r));
    if (r->packed) {
        x64_mov_src(cx, 0, tmp, &r->a);
        store_packed(cx, tmp);
        return;
    }
    if (leaves_recipe(r->fop)) {
        store_recipe(&cx->e, r, tmp);
        return;
    }
    if (!host_live)
        set_host_flags(cx, *r, tmp, false);
    dst = any_but(keep | x64_src_bit(&r->c));
    pack(cx, r, dst, any_but(keep | x64_src_bit(&r->c) | 1u << dst));
    store_packed(cx, dst);
}

void x64_flush_flags_leaving(X64Ctx *cx, uint32_t keep)
{
    TnTemp t = cx->pending_flags;

    if (t) {
        X64Recipe r = recipe_of(cx, t);

        x64_leave_recipe(cx, &r, x64_host_has(cx, t), keep);
    }
}

void x64_flush_flags(X64Ctx *cx)
{
    TnTemp t = cx->pending_flags;
    uint32_t locked = cx->locked;

    if (!t)
        return;
    store_packed(cx, x64_in(cx, t));
    cx->pending_flags = TN_TEMP_NONE;
    cx->locked = locked;
}

void x64_enter_flags(X64Ctx *cx)
{
    uint8_t *skip;

    if (x64_plan.flags_reg < 0 || !cx->reads_flags)
        return;
    x64_g1_mi(&cx->e, X64_G1_CMP, 0, x64_frame(X64_F_FLAGS_OP), 0);
    skip = x64_jcc8(&cx->e, X64_Z);
    x64_call(&cx->e, x64_thunks.flags);
    x64_here8(&cx->e, skip);
}

/* ---- FLAGS that are computed where they are -------------------------------------------------- */

static void eager_shift(X64Ctx *cx, const TnIrOp *op, unsigned fop, unsigned size)
{
    static const uint8_t ext[] = { X64_G2_SHL, X64_G2_SHR, X64_G2_SAR, X64_G2_ROL, X64_G2_ROR };
    unsigned mask = size == 3 ? 63 : 31;
    bool constant = x64_is_const(cx, op->b);
    X64Emit *e = &cx->e;
    int rc, tmp;

    x64_claim(cx, X64_RAX);
    x64_claim(cx, X64_RCX);
    rc = x64_in(cx, op->c);
    X64Src a = x64_peek(cx, op->a), b = x64_peek(cx, op->b);
    cx->locked |= x64_src_bit(&a);
    tmp = x64_tmp(cx);
    x64_mov_src(cx, 0, X64_RCX, &b);
    x64_mov_src(cx, X64_W, X64_RAX, &a);
    x64_rr(e, x64_sized(X64_GRP2_CL, size), ext[fop - TN_FLAGS_SHL], X64_RAX);
    pack_bits(cx, X64_RAX, bits_computed(fop));
    x64_mov_rr(e, 0, tmp, rc);
    x64_g1_ri(e, X64_G1_AND, 2, tmp, (int32_t)bits_kept(fop));
    x64_rr(e, X64_OR, X64_RAX, tmp);
    if (!constant) {
        x64_mov_rr(e, 0, tmp, rc);
        x64_g1_ri(e, X64_G1_AND, 2, tmp, TN_FLAGS_ALL);
        x64_rri(e, X64_GRP3 - 1, X64_G3_TEST, X64_RCX, (uint8_t)mask);
        x64_rr(e, X64_CMOV | X64_Z, X64_RAX, tmp);
    }
    x64_release(cx);
    x64_bind(cx, op->dst, X64_RAX);
}

/* C = O = carry of the multiplication, S Z P of the low half. */
static void eager_multiply(X64Ctx *cx, const TnIrOp *op, unsigned fop, unsigned size)
{
    X64Emit *e = &cx->e;
    int rb;

    x64_claim(cx, X64_RAX);
    x64_claim(cx, X64_RDX);
    rb = x64_in(cx, op->b);
    X64Src a = x64_peek(cx, op->a);
    x64_mov_src(cx, X64_W, X64_RAX, &a);
    x64_rr(e, x64_sized(X64_GRP3, size), fop == TN_FLAGS_UMUL ? X64_G3_MUL : X64_G3_IMUL, rb);
    x64_rr(e, X64_SETCC | X64_B, 0, X64_RDX);
    x64_rr(e, x64_sized(X64_TEST, size), X64_RAX, X64_RAX);
    x64_rr(e, X64_MOVZX8, X64_RDX, X64_RDX);
    pack_bits(cx, X64_RAX, PACKED_SZP);
    x64_rr(e, X64_IMUL_IMM32, X64_RDX, X64_RDX);
    x64_imm32(e, TN_FLAG_C | TN_FLAG_O);
    x64_rr(e, X64_OR, X64_RAX, X64_RDX);
    x64_release(cx);
    x64_bind(cx, op->dst, X64_RAX);
}

void x64_lower_flags(X64Ctx *cx, const TnIrOp *op)
{
    unsigned fop = op->aux & 255, size = op->aux >> 8;

    if (cx->temps[op->dst].flags & X64_T_VIRTUAL)
        return;
    if (fop >= TN_FLAGS_UMUL)
        eager_multiply(cx, op, fop, size);
    else
        eager_shift(cx, op, fop, size);
}
