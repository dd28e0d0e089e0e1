/* SPDX-License-Identifier: MIT */
/*
 * Slow paths of memory accesses, after the block. A stub passes its arguments in the frame; the
 * thunk behind it keeps every integer register, so that what a stub does beside that is little:
 * flags that are not in the state yet, vector temporaries that live, and the result.
 */
#include "compile.h"

/* frame slot = src, a register or a constant */
static void pass(X64Ctx *cx, int32_t frame_ofs, const X64Src *src)
{
    if (src->kind == X64_SRC_REG)
        x64_store(&cx->e, X64_W, src->reg, x64_frame(frame_ofs));
    else
        x64_store_imm64(&cx->e, x64_frame(frame_ofs), src->imm);
}

static void move_vectors(X64Ctx *cx, const X64Stub *s, bool save)
{
    for (int reg = 0; reg < 16; reg++) {
        X64Mem m = x64_frame(X64_F_VEC_SAVE + 32 * reg);
        bool wide = s->wide_vec >> reg & 1;

        if (!(s->live_vec >> reg & 1))
            continue;
        if (save)
            x64_vstore(&cx->e, wide, reg, m);
        else
            x64_vload(&cx->e, wide, reg, m);
    }
}

static bool two_values(const X64Stub *s)
{
    return s->kind == X64_STUB_CAS || s->kind == X64_STUB_DIVIDE;
}

static void pass_arguments(X64Ctx *cx, const X64Stub *s)
{
    pass(cx, X64_F_ADDR, &s->addr);
    if (s->disp)
        x64_g1_mi(&cx->e, X64_G1_ADD, 3, x64_frame(X64_F_ADDR), (int32_t)s->disp);
    x64_store_imm(&cx->e, 2, x64_frame(X64_F_MEM), (int32_t)s->mem);
    if (s->vector && s->kind == X64_STUB_STORE)
        x64_vstore_low(&cx->e, X64_W, s->value.reg, x64_frame(X64_F_VALUE));
    else if (s->kind == X64_STUB_STORE || s->kind == X64_STUB_RMW || two_values(s))
        pass(cx, X64_F_VALUE, &s->value);
    if (s->kind == X64_STUB_RMW)
        x64_store_imm(&cx->e, 2, x64_frame(X64_F_VALUE2), (int32_t)s->aop);
    if (two_values(s))
        pass(cx, X64_F_VALUE2, &s->value2);
    if (s->kind == X64_STUB_STORE_VEC)
        x64_vstore(&cx->e, s->wide, s->dst, x64_frame(X64_F_VEC));
    x64_store_pc(cx, X64_CPU_OFS(fault_pc), s->pc);
}

static void take_result(X64Ctx *cx, const X64Stub *s)
{
    if (s->kind == X64_STUB_LOAD_VEC)
        x64_vload(&cx->e, s->wide, s->dst, x64_frame(X64_F_VEC));
    else if (s->vector && s->kind == X64_STUB_LOAD)
        x64_vload_low(&cx->e, X64_W, s->dst, x64_frame(X64_F_RET));
    else if (s->dst != X64_NONE && s->kind != X64_STUB_STORE_VEC)
        x64_load(&cx->e, X64_W, s->dst, x64_frame(X64_F_RET));
}

static void emit_stub(X64Ctx *cx, const X64Stub *s)
{
    for (int k = 0; k < s->n_from; k++)
        x64_here32(&cx->e, s->from[k]);
    if (s->kind == X64_STUB_VEC_STATE) {
        x64_call(&cx->e, x64_thunks.vec_load[cx->vec_need]);
        x64_target32(x64_jmp32(&cx->e), s->back);
        return;
    }
    pass_arguments(cx, s);
    move_vectors(cx, s, true);
    if (s->flags_pending)
        x64_store_recipe(cx, &s->flags, X64_NONE);
    else
        x64_complete_mark(cx);
    if (s->kind == X64_STUB_X87_STORE) { /* what pops comes after the last that can fault */
        x64_call(&cx->e, x64_thunks.slow[X64_STUB_X87_PROBE]);
        x64_hostx_memory(&cx->e, s->x87, x64_frame(X64_F_VEC));
    }
    x64_call(&cx->e, x64_thunks.slow[s->kind]);
    if (s->kind == X64_STUB_X87_LOAD)
        x64_hostx_memory(&cx->e, s->x87, x64_frame(X64_F_VEC));
    move_vectors(cx, s, false);
    take_result(cx, s);
    if (s->clear != X64_NONE)
        x64_mov_ri(&cx->e, s->clear, 0);
    x64_target32(x64_jmp32(&cx->e), s->back);
}

void x64_emit_stubs(X64Ctx *cx)
{
    for (guint i = 0; i < cx->stubs->len && x64_room(cx); i++)
        emit_stub(cx, &g_array_index(cx->stubs, X64Stub, i));
}
