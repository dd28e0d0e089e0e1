/* SPDX-License-Identifier: MIT */
/*
 * IR to code: helper calls (System V AMD64 ABI, 3.2).
 *
 * What a helper declares decides what it costs: pinned registers go to the state before a helper
 * that may fault or looks at them, and come back where it writes them; otherwise only those that the
 * calling convention lets it destroy.
 */
#include "compile.h"
#include "slow.h"

static const int8_t arg_regs[6] = { X64_RDI, X64_RSI, X64_RDX, X64_RCX, X64_R8, X64_R9 };

/* Puts register arguments in place; they may permute. Marks those done. */
static void move_registers(X64Ctx *cx, X64Src *args, int n)
{
    uint32_t pending = 0;

    for (int i = 0; i < n; i++)
        if (args[i].kind == X64_SRC_REG && args[i].reg != arg_regs[i])
            pending |= 1u << i;
    while (pending) {
        int ready = -1;

        for (int i = 0; i < n && ready < 0; i++) {
            bool blocked = !(pending >> i & 1);

            for (int k = 0; k < n && !blocked; k++)
                blocked = k != i && (pending >> k & 1) && args[k].reg == arg_regs[i];
            if (!blocked)
                ready = i;
        }
        if (ready >= 0) {
            x64_mov_rr(&cx->e, X64_W, arg_regs[ready], args[ready].reg);
            pending &= ~(1u << ready);
            continue;
        }
        /* A cycle: exchange one pair and say where the other value went. */
        int i = __builtin_ctz(pending), from = args[i].reg, to = arg_regs[i];

        x64_rr(&cx->e, X64_XCHG | X64_W, from, to);
        for (int k = 0; k < n; k++) {
            if (!(pending >> k & 1) || k == i)
                continue;
            if (args[k].reg == to)
                args[k].reg = from;
            else if (args[k].reg == from)
                args[k].reg = to;
            if (args[k].reg == arg_regs[k])
                pending &= ~(1u << k);
        }
        pending &= ~(1u << i);
    }
}

static void move_args(X64Ctx *cx, X64Src *args, int n)
{
    move_registers(cx, args, n);
    for (int i = 0; i < n; i++) {
        if (args[i].kind == X64_SRC_MEM && args[i].is_address)
            x64_lea(&cx->e, X64_W, arg_regs[i], args[i].mem);
        else if (args[i].kind != X64_SRC_REG)
            x64_mov_src(cx, X64_W, arg_regs[i], &args[i]);
    }
}

void x64_store_pc(X64Ctx *cx, int32_t env_ofs, uint64_t pc)
{
    x64_store_imm64(&cx->e, x64_env(env_ofs), pc);
}

/* The pinned registers that the callee may destroy. */
static void move_caller_saved(X64Ctx *cx, bool store)
{
    for (int reg = 0; reg < 16; reg++) {
        if (!(X64_CALLER_SAVED_PINS >> reg & 1) || x64_plan.pinned[reg] < 0)
            continue;
        if (store)
            x64_store(&cx->e, X64_W, reg, x64_reg_home(x64_plan.pinned[reg]));
        else
            x64_load(&cx->e, X64_W, reg, x64_reg_home(x64_plan.pinned[reg]));
    }
}

enum { COMPLETE = TN_HELPER_FAULTS | TN_HELPER_READS | TN_HELPER_WRITES | TN_HELPER_NORETURN };

/* Where vector registers are pinned, MXCSR goes with them (mxcsr.c). */
static bool swaps_mxcsr(uint32_t flags)
{
    return x64_plan.target->mxcsr_offset >= 0 && !x64_plan.vpin_mask &&
           (!(flags & TN_HELPER_PURE) || (flags & TN_HELPER_FP));
}

void x64_before_call(X64Ctx *cx, uint32_t flags)
{
    if (flags & COMPLETE)
        x64_flush_flags(cx);
    if (flags & TN_HELPER_WRITES)
        x64_unshare_all(cx);
}

void x64_call_helper(X64Ctx *cx, void (*fn)(void), uint32_t flags, X64Src *args, int n)
{
    X64Emit *e = &cx->e;
    bool swap = swaps_mxcsr(flags);

    cx->x87_live = false; /* the helper may have asked for it */
    if (flags & COMPLETE)
        x64_call(e, x64_thunks.save_pins);
    else
        move_caller_saved(cx, true);
    move_args(cx, args, n);
    if (!(flags & TN_HELPER_PURE))
        x64_store_pc(cx, X64_CPU_OFS(fault_pc), x64_insn_pc(cx));
    if (x64_must_clear_upper(cx))
        x64_vzeroupper(e);
    if (swap)
        x64_call(e, x64_thunks.mxcsr_leave);
    x64_emit_call_c(e, fn);
    x64_vec_lost(cx);
    if (swap)
        x64_call(e, x64_thunks.mxcsr_enter);
    if (flags & TN_HELPER_WRITES)
        x64_call(e, x64_thunks.load_pins);
    else
        move_caller_saved(cx, false);
}

X64Src x64_cpu_arg(void)
{
    return (X64Src){ .kind = X64_SRC_MEM, .is_address = true,
                     .mem = x64_env(-(int32_t)TN_CPU_STATE_OFFSET - X64_ENV_BIAS) };
}

/* ---- Division in a helper's place ------------------------------------------------------------- */

/* The slow path that calls the helper, taken under a condition. */
static void branch_to_helper(X64Ctx *cx, const TnIrOp *op, unsigned cc, int divisor)
{
    X64Stub *s = x64_new_stub(cx, op, X64_STUB_DIVIDE);

    s->mem = op->aux;
    s->addr = X64_RAX;
    s->value = (X64Src){ .kind = X64_SRC_REG, .reg = X64_RDX };
    s->second = (int8_t)divisor;
    s->dst = X64_RAX;
    s->from[s->n_from++] = x64_jcc32(&cx->e, cc);
}

/* Where dividend and divisor are signed: only dividends of one width are divided, by others than 0
 * and -1. */
static void check_signed(X64Ctx *cx, const TnIrOp *op, unsigned w, int divisor)
{
    enum { MINUS_ONE_AND_ZERO = 1 }; /* are those of which one more is at most this, unsigned */
    int tmp = x64_tmp(cx);

    x64_mov_rr(&cx->e, w, tmp, X64_RAX);
    x64_rri(&cx->e, X64_GRP2_IMM8 | w, X64_G2_SAR, tmp, w ? 63 : 31);
    x64_rr(&cx->e, X64_CMP | w, tmp, X64_RDX);
    branch_to_helper(cx, op, X64_NZ, divisor);
    x64_lea(&cx->e, w, tmp, x64_mem(divisor, 1));
    x64_g1_ri(&cx->e, X64_G1_CMP, w ? 3 : 2, tmp, MINUS_ONE_AND_ZERO);
    branch_to_helper(cx, op, X64_BE, divisor);
}

static void lower_divide(X64Ctx *cx, const TnIrOp *op, uint32_t flags)
{
    bool is_signed = flags & (TN_HELPER_DIVS32 | TN_HELPER_DIVS64);
    unsigned w = flags & (TN_HELPER_DIVU64 | TN_HELPER_DIVS64) ? X64_W : 0;
    unsigned first = cx->stubs.len;

    x64_claim(cx, X64_RAX);
    x64_claim(cx, X64_RDX);
    int divisor = x64_in(cx, op->c);
    X64Src low = x64_peek(cx, op->a), high = x64_peek(cx, op->b);

    x64_mov_src(cx, w, X64_RAX, &low);
    x64_mov_src(cx, w, X64_RDX, &high);
    if (is_signed) {
        check_signed(cx, op, w, divisor);
    } else {
        x64_rr(&cx->e, X64_CMP | w, X64_RDX, divisor);
        branch_to_helper(cx, op, X64_AE, divisor);
    }
    x64_rr(&cx->e, X64_GRP3 | w, is_signed ? X64_G3_IDIV : X64_G3_DIV, divisor);
    for (unsigned i = first; i < cx->stubs.len; i++)
        X64_LIST_AT(cx->stubs, X64Stub, i)->place = cx->e.p;
    x64_release(cx);
    if (op->dst)
        x64_bind(cx, op->dst, X64_RAX);
}

void x64_lower_call(X64Ctx *cx, const TnIrOp *op)
{
    const TnHelperInfo *h = &x64_plan.target->helpers[op->aux];
    const TnTemp temps[4] = { op->a, op->b, op->c, op->d };
    X64Src args[6];
    int n = 0;

    if (h->flags & TN_HELPER_DIVIDES) {
        lower_divide(cx, op, h->flags);
        return;
    }
    x64_before_call(cx, h->flags);
    if (!(h->flags & TN_HELPER_PURE))
        args[n++] = x64_cpu_arg();
    for (int i = 0; i < h->n_args; i++)
        args[n++] = x64_peek(cx, temps[i]);
    x64_spill_all(cx);
    x64_call_helper(cx, h->fn, h->flags, args, n);
    x64_release(cx);
    if (!op->dst)
        return;
    cx->locked |= 1u << X64_RAX;
    int dst = x64_out(cx, op->dst, X64_RAX, 0);
    bool narrow = h->ret == TN_ARG_I32;

    if (dst != X64_RAX || narrow)
        x64_mov_rr(&cx->e, narrow ? 0 : X64_W, dst, X64_RAX);
}
