/* SPDX-License-Identifier: MIT */
/*
 * IR to code: host forms (ir.h, TnHostForm): the one instruction, encoded as told, with the operands
 * where the form's roles put them.
 *
 * Where the host has AVX a legacy form is encoded with VEX: it has three operands, does not demand
 * alignment, and does not mix the two encodings. The bits above 127 are nobody's then. Where the host
 * lacks the instruction the helper is called with the operands in memory.
 */
#include "compile.h"

static TnHostForm form_of(const TnIrOp *op)
{
    return tn_host_form_unpack(op->imm);
}

static bool is_sha(const TnHostForm *f)
{
    return (f->map == 2 && f->opcode >= 0xc8 && f->opcode <= 0xcd) ||
           (f->map == 3 && f->opcode == 0xcc);
}

/* BLENDVPS and its like, whose mask is XMM0 in the legacy form and an operand in the VEX form. */
static bool is_legacy_blend(const TnHostForm *f)
{
    return !(f->flags & TN_HF_VEX) && f->map == 2 && f->pp == 1 &&
           (f->opcode == 0x10 || f->opcode == 0x14 || f->opcode == 0x15);
}

/* ---- What the host has (Intel SDM vol. 2, the CPUID columns) --------------------------------- */

static bool has_map1(const TnHostForm *f)
{
    bool sse3 = (f->pp == 3 && (f->opcode == 0x12 || f->opcode == 0xf0)) ||
                (f->pp == 2 && (f->opcode == 0x12 || f->opcode == 0x16)) ||
                ((f->pp == 1 || f->pp == 3) &&
                 (f->opcode == 0x7c || f->opcode == 0x7d || f->opcode == 0xd0));

    return !sse3 || x64_host.sse3;
}

static bool has_map2(const TnHostForm *f)
{
    bool wide = f->flags & TN_HF_L256;

    if (is_sha(f))
        return x64_host.sha;
    if (f->opcode >= 0xdb && f->opcode <= 0xdf)
        return wide ? x64_host.vaes : x64_host.aes;
    if (f->opcode == 0xcf)
        return x64_host.gfni;
    if (f->opcode == 0x13 && (f->flags & TN_HF_VEX))
        return x64_host.f16c;
    if (f->opcode >= 0x96 && f->opcode <= 0xbf)
        return x64_host.fma;
    if (f->opcode <= 0x0b || (f->opcode >= 0x1c && f->opcode <= 0x1e))
        return x64_host.ssse3;
    if (f->opcode == 0x37)
        return x64_host.sse42;
    return x64_host.sse41;
}

static bool has_map3(const TnHostForm *f)
{
    bool wide = f->flags & TN_HF_L256;

    if (is_sha(f))
        return x64_host.sha;
    if (f->opcode == 0x0f)
        return x64_host.ssse3;
    if (f->opcode >= 0x60 && f->opcode <= 0x63)
        return x64_host.sse42;
    if (f->opcode == 0x44)
        return wide ? x64_host.vpclmul : x64_host.pclmul;
    if (f->opcode == 0xdf)
        return x64_host.aes;
    if (f->opcode == 0xce || f->opcode == 0xcf)
        return x64_host.gfni;
    if (f->opcode == 0x1d && (f->flags & TN_HF_VEX))
        return x64_host.f16c;
    return x64_host.sse41;
}

/* Packed integer forms of 256 bits and those new with AVX2. */
static bool needs_avx2(const TnHostForm *f)
{
    if (!(f->flags & TN_HF_VEX))
        return false;
    if (f->map == 1)
        return (f->flags & TN_HF_L256) && f->pp == 1 &&
               ((f->opcode >= 0x60 && f->opcode <= 0x6d) || (f->opcode >= 0x70 && f->opcode <= 0x76) ||
                (f->opcode >= 0xd1 && f->opcode <= 0xfe && f->opcode != 0xd6 && f->opcode != 0xe6 &&
                 f->opcode != 0xe7));
    if (f->map == 2)
        return !(f->opcode >= 0x96 && f->opcode <= 0xbf) && f->opcode != 0x13 &&
               f->opcode != 0x0c && f->opcode != 0x0d && f->opcode != 0x0e && f->opcode != 0x0f &&
               f->opcode != 0x16 && f->opcode != 0x17 && !(f->opcode >= 0x18 && f->opcode <= 0x1a) &&
               ((f->flags & TN_HF_L256) || f->opcode >= 0x45) && f->opcode < 0x96;
    return f->opcode == 0x00 || f->opcode == 0x01 || f->opcode == 0x02 || f->opcode == 0x38 ||
           f->opcode == 0x39 || f->opcode == 0x46 ||
           ((f->flags & TN_HF_L256) && (f->opcode == 0x0e || f->opcode == 0x0f || f->opcode == 0x42 ||
                                        f->opcode == 0x4c));
}

static bool host_has(const TnHostForm *f)
{
    if ((f->flags & TN_HF_VEX) && !x64_host.avx)
        return false;
    if (needs_avx2(f) && !x64_host.avx2)
        return false;
    if (f->flags & TN_HF_A_INT)
        return false;
    return f->map == 1 ? has_map1(f) : f->map == 2 ? has_map2(f) : has_map3(f);
}

/* ---- Encoding -------------------------------------------------------------------------------- */

/* The instruction's opcode constant; VEX is set where it is to be encoded so. */
typedef struct Insn {
    uint32_t op;
    bool vex, has_imm;
    unsigned l;
    uint8_t imm;
} Insn;

static Insn insn_of(const TnHostForm *f)
{
    static const uint32_t map[4] = { 0, X64_0F, X64_0F38, X64_0F3A };
    static const uint32_t pp[4] = { 0, X64_66, X64_F3, X64_F2 };
    Insn n = { .op = f->opcode | map[f->map & 3] | pp[f->pp & 3] | (f->flags & TN_HF_W ? X64_W : 0),
               .vex = (f->flags & TN_HF_VEX) || (x64_host.avx && !is_sha(f)),
               .has_imm = f->flags & (TN_HF_IMM8 | TN_HF_IS4), .l = !!(f->flags & TN_HF_L256),
               .imm = f->imm8 };

    if (n.vex && is_legacy_blend(f)) {
        n.op = X64_0F3A | X64_66 | (f->opcode == 0x10 ? 0x4c : f->opcode == 0x14 ? 0x4a : 0x4b);
        n.has_imm = true;
    }
    return n;
}

/* reg, vvvv, rm in place; the legacy encoding has no vvvv. */
static void emit(X64Ctx *cx, const Insn *n, int reg, int v, const X64Src *rm)
{
    X64Emit *e = &cx->e;

    if (n->vex && rm->kind == X64_SRC_MEM)
        x64_vex_rm(e, n->op, n->l, reg, v, rm->mem);
    else if (n->vex)
        x64_vex_rr(e, n->op, n->l, reg, v, rm->reg);
    else if (rm->kind == X64_SRC_MEM)
        x64_rm(e, n->op, reg, rm->mem);
    else
        x64_rr(e, n->op, reg, rm->reg);
    if (n->has_imm)
        x64_byte(e, n->imm);
}

static X64Src in_reg(int reg)
{
    return (X64Src){ .kind = X64_SRC_REG, .reg = reg };
}

static bool is_vector(const X64Ctx *cx, TnTemp t)
{
    return cx->temps[t].flags & X64_T_VEC;
}

static X64Src operand(X64Ctx *cx, TnTemp t)
{
    return in_reg(is_vector(cx, t) ? x64_vin(cx, t) : x64_in(cx, t));
}

/* A destination of whichever kind. */
static int destination(X64Ctx *cx, const TnIrOp *op, int prefer, uint32_t avoid)
{
    if (is_vector(cx, op->dst))
        return x64_vout(cx, op->dst, prefer, avoid);
    return x64_out(cx, op->dst, X64_NONE, 0);
}

/* COMISS, PTEST and their like: the host's flags are the result; they clear O. A condition behind them
 * finds these flags. */
static void emit_flags_form(X64Ctx *cx, const TnIrOp *op, const Insn *n)
{
    X64Src a = operand(cx, op->a ? op->a : op->b), b = operand(cx, op->b);

    x64_claim(cx, X64_RAX);
    emit(cx, n, a.reg, X64_NONE, &b);
    x64_pack_rax_without_overflow(cx, op->dst);
    x64_release(cx);
    x64_bind(cx, op->dst, X64_RAX);
}

/* Shifts by an immediate: ModRM.reg extends the opcode. */
static void emit_group_form(X64Ctx *cx, const TnIrOp *op, const TnHostForm *f, const Insn *n)
{
    X64Src src = operand(cx, op->b ? op->b : op->a);
    int dst;

    x64_release(cx);
    dst = x64_vout(cx, op->dst, src.reg, 0);
    if (n->vex) {
        emit(cx, n, f->ext, dst, &src);
        return;
    }
    x64_vmov_rr(&cx->e, false, dst, src.reg);
    emit(cx, n, f->ext, X64_NONE, &(X64Src){ .kind = X64_SRC_REG, .reg = dst });
}

/* PEXTRx, MOVD to a general register, VEXTRACTI128: ModRM.rm is the destination. */
static void emit_rm_dst_form(X64Ctx *cx, const TnIrOp *op, const Insn *n)
{
    X64Src src = operand(cx, op->b ? op->b : op->a);
    X64Src dst;

    x64_release(cx);
    dst = in_reg(destination(cx, op, X64_NONE, 0));
    emit(cx, n, src.reg, X64_NONE, &dst);
}

static void emit_fma_form(X64Ctx *cx, const TnIrOp *op, const Insn *n)
{
    int a = x64_vin(cx, op->a), b = x64_vin(cx, op->b), dst;
    X64Src c = operand(cx, op->c);

    x64_release(cx);
    dst = x64_vout(cx, op->dst, a, (1u << b | 1u << c.reg) & ~(1u << a));
    x64_vmov_rr(&cx->e, n->l, dst, a);
    emit(cx, n, dst, b, &c);
}

/* Forms whose ModRM.rm has to be a register, or means something else as memory (Intel SDM vol. 2:
 * MOVSS, MOVSD, MOVHLPS, MOVLHPS, MOVMSKPx, PEXTRW, PMOVMSKB, INSERTPS). */
static bool is_register_only(const TnHostForm *f)
{
    if (f->map == 3)
        return f->opcode == 0x21;
    if (f->map != 1)
        return false;
    switch (f->opcode) {
    case 0x10:
        return f->pp >= 2;
    case 0x12:
    case 0x16:
        return f->pp == 0;
    case 0x50:
    case 0xc5:
    case 0xd7:
        return true;
    default:
        return false;
    }
}

static void emit_vex_form(X64Ctx *cx, const TnIrOp *op, const TnHostForm *f, Insn *n)
{
    bool in_memory = is_vector(cx, op->b) && !is_register_only(f);
    int a = op->a ? x64_vin(cx, op->a) : X64_NONE, dst;
    X64Src b = in_memory ? x64_vsrc(cx, op->b) : operand(cx, op->b);

    if (op->c)
        n->imm = (uint8_t)(x64_vin(cx, op->c) << 4 | (n->imm & 15));
    x64_release(cx);
    dst = destination(cx, op, X64_NONE, 0);
    emit(cx, n, dst, a, &b);
}

/* Legacy encoding: the destination is the first source; a third one is XMM0. */
static void emit_legacy_form(X64Ctx *cx, const TnIrOp *op, const Insn *n)
{
    int a, dst;
    X64Src b;
    uint32_t avoid;

    if (op->c)
        x64_vclaim(cx, 0);
    a = op->a ? x64_vin(cx, op->a) : X64_NONE;
    b = operand(cx, op->b);
    if (op->c) {
        int c = x64_vin(cx, op->c);

        x64_vmov_rr(&cx->e, false, 0, c);
        if (c != a && !(is_vector(cx, op->b) && c == b.reg))
            x64_vunlock(cx, c);
    }
    avoid = (op->a && is_vector(cx, op->b) && b.reg != a ? 1u << b.reg : 0) | (op->c ? 1u : 0);
    x64_release(cx);
    if (cx->vec_need == X64_VEC_WHOLE)
        cx->temps[op->dst].want = X64_NONE; /* the upper half stays what it was */
    dst = destination(cx, op, a, avoid);
    if (op->a)
        x64_vmov_rr(&cx->e, false, dst, a);
    emit(cx, n, dst, X64_NONE, &b);
}

static void load_lengths(X64Ctx *cx, TnTemp lengths)
{
    int c;

    x64_claim(cx, X64_RDX);
    c = x64_in(cx, lengths);
    x64_mov_rr(&cx->e, X64_W, X64_RAX, c);
    x64_mov_rr(&cx->e, X64_W, X64_RDX, c);
    x64_rri(&cx->e, X64_GRP2_IMM8 | X64_W, X64_G2_SHR, X64_RDX, 32);
}

/* PCMPxSTRx, whose registers are implicit: EAX, EDX; ECX or XMM0. */
static void emit_string_form(X64Ctx *cx, const TnIrOp *op, const Insn *n)
{
    bool mask = is_vector(cx, op->dst);
    X64Src b;
    int a;

    x64_claim(cx, X64_RAX);
    x64_claim(cx, X64_RCX);
    if (mask)
        x64_vclaim(cx, 0);
    if (op->c)
        load_lengths(cx, op->c);
    a = x64_vin(cx, op->a);
    b = x64_vsrc(cx, op->b);
    emit(cx, n, a, X64_NONE, &b);
    if (mask) {
        x64_release(cx);
        if (cx->vec_need == X64_VEC_WHOLE)
            cx->temps[op->dst].want = X64_NONE; /* the upper half stays what it was */
        x64_vmov_rr(&cx->e, false, x64_vout(cx, op->dst, 0, 0), 0);
        return;
    }
    x64_pack_rax(cx, TN_FLAGS_ALL);
    x64_rri(&cx->e, X64_GRP2_IMM8 | X64_W, X64_G2_SHL, X64_RAX, 32);
    x64_rr(&cx->e, X64_OR | X64_W, X64_RAX, X64_RCX);
    x64_release(cx);
    x64_bind(cx, op->dst, X64_RAX);
}

/* ---- The fallback ---------------------------------------------------------------------------- */

static X64Mem vec_slot(int n)
{
    return x64_frame(X64_F_VEC + 32 * n);
}

static X64Src store_operand(X64Ctx *cx, TnTemp t, int n)
{
    if (!t)
        return (X64Src){ .kind = X64_SRC_IMM };
    if (is_vector(cx, t))
        x64_vstore(&cx->e, cx->temps[t].flags & X64_T_WIDE, x64_vin(cx, t), vec_slot(n));
    else
        x64_store(&cx->e, X64_W, x64_in(cx, t), vec_slot(n));
    return (X64Src){ .kind = X64_SRC_MEM, .is_address = true, .mem = vec_slot(n) };
}

static void clear_slot(X64Ctx *cx, int n)
{
    for (int k = 0; k < 4; k++) {
        X64Mem m = vec_slot(n);

        m.disp += 8 * k;
        x64_store_imm(&cx->e, 3, m, 0);
    }
}

static void load_result(X64Ctx *cx, const TnIrOp *op)
{
    if (!op->dst)
        return;
    if (is_vector(cx, op->dst))
        x64_vload(&cx->e, op->type == TN_V256, x64_vout(cx, op->dst, X64_NONE, 0), vec_slot(0));
    else
        x64_load(&cx->e, op->type == TN_I64 ? X64_W : 0, x64_out(cx, op->dst, X64_NONE, 0), vec_slot(0));
}

static void call_fallback(X64Ctx *cx, const TnIrOp *op, const TnHostForm *f)
{
    const TnHelperInfo *h = &x64_plan.target->helpers[op->aux];
    uint32_t flags = (h->flags & ~(uint32_t)TN_HELPER_PURE) | TN_HELPER_FP;
    X64Src args[6];

    x64_before_call(cx, flags);
    args[0] = x64_cpu_arg();
    args[1] = (X64Src){ .kind = X64_SRC_MEM, .is_address = true, .mem = vec_slot(0) };
    args[2] = store_operand(cx, op->a, 1);
    args[3] = store_operand(cx, op->b, 2);
    args[4] = store_operand(cx, op->c, 3);
    args[5] = (X64Src){ .kind = X64_SRC_IMM, .imm = f->imm8 };
    clear_slot(cx, 0);
    x64_spill_all(cx);
    x64_call_helper(cx, h->fn, flags, args, 6);
    x64_release(cx);
    load_result(cx, op);
}

void x64_lower_hostv(X64Ctx *cx, const TnIrOp *op)
{
    TnHostForm f = form_of(op);
    Insn n = insn_of(&f);

    if (!host_has(&f)) {
        call_fallback(cx, op, &f);
        return;
    }
    cx->wide_used |= n.l || op->type == TN_V256;
    if (f.flags & TN_HF_DST_FLAGS)
        emit_flags_form(cx, op, &n);
    else if (f.flags & TN_HF_STRING)
        emit_string_form(cx, op, &n);
    else if (f.flags & TN_HF_GROUP)
        emit_group_form(cx, op, &f, &n);
    else if (f.flags & TN_HF_RM_DST)
        emit_rm_dst_form(cx, op, &n);
    else if (f.flags & TN_HF_FMA)
        emit_fma_form(cx, op, &n);
    else if (n.vex)
        emit_vex_form(cx, op, &f, &n);
    else
        emit_legacy_form(cx, op, &n);
}
