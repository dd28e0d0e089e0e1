/* SPDX-License-Identifier: MIT */
/*
 * Slow paths of memory accesses, after the block. A stub passes its arguments in the frame; the
 * thunk behind it keeps every integer register, so that what a stub does beside that is little:
 * flags that are not in the state yet, vector temporaries that live, and the result.
 */
#include "compile.h"

static void store64(X64Ctx *cx, int32_t frame_ofs, uint64_t value)
{
    X64Mem m = x64_frame(frame_ofs);

    if (x64_fits32(value)) {
        x64_store_imm(&cx->e, 3, m, (int32_t)value);
        return;
    }
    x64_store_imm(&cx->e, 2, m, (int32_t)value);
    m.disp += 4;
    x64_store_imm(&cx->e, 2, m, (int32_t)(value >> 32));
}

/* frame slot = src, no register to spare. */
static void pass(X64Ctx *cx, int32_t frame_ofs, const X64Src *src)
{
    switch (src->kind) {
    case X64_SRC_REG:
        x64_store(&cx->e, X64_W, src->reg, x64_frame(frame_ofs));
        break;
    case X64_SRC_IMM:
        store64(cx, frame_ofs, src->imm);
        break;
    case X64_SRC_MEM: /* PUSH and POP: both addresses are those of the frame before the PUSH */
        x64_rm(&cx->e, 0xff, 6, src->mem);
        x64_rm(&cx->e, 0x8f, 0, x64_frame(frame_ofs));
        break;
    }
}

static void pass_flags(X64Ctx *cx, const X64Recipe *r)
{
    uint64_t what = r->fop | (uint64_t)r->size_log2 << 8 | (uint64_t)r->from_result << 16 |
                    (uint64_t)r->packed << 17 |
                    (uint64_t)(uint32_t)x64_reg_home(cx->flags_reg).disp << 32;

    store64(cx, X64_F_FLAGS_OP, what);
    pass(cx, X64_F_FLAGS_A, &r->a);
    if (!r->packed) {
        pass(cx, X64_F_FLAGS_B, &r->b);
        pass(cx, X64_F_FLAGS_C, &r->c);
    }
    x64_call(&cx->e, x64_thunks.flags);
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

static void pass_arguments(X64Ctx *cx, const X64Stub *s)
{
    pass(cx, X64_F_ADDR, &s->addr);
    if (s->disp)
        x64_g1_mi(&cx->e, X64_G1_ADD, 3, x64_frame(X64_F_ADDR), (int32_t)s->disp);
    store64(cx, X64_F_MEM, s->mem);
    if (s->kind == X64_STUB_STORE || s->kind == X64_STUB_RMW || s->kind == X64_STUB_CAS)
        pass(cx, X64_F_VALUE, &s->value);
    if (s->kind == X64_STUB_RMW)
        store64(cx, X64_F_VALUE2, s->aop);
    if (s->kind == X64_STUB_CAS)
        pass(cx, X64_F_VALUE2, &s->value2);
    if (s->kind == X64_STUB_STORE_VEC)
        x64_vstore(&cx->e, s->wide, s->dst, x64_frame(X64_F_VEC));
    x64_store_pc(cx, X64_CPU_OFS(fault_pc), s->pc);
}

static void take_result(X64Ctx *cx, const X64Stub *s)
{
    if (s->kind == X64_STUB_LOAD_VEC)
        x64_vload(&cx->e, s->wide, s->dst, x64_frame(X64_F_VEC));
    else if (s->dst != X64_NONE && s->kind != X64_STUB_STORE_VEC)
        x64_load(&cx->e, X64_W, s->dst, x64_frame(X64_F_RET));
}

static void emit_stub(X64Ctx *cx, const X64Stub *s)
{
    for (int k = 0; k < s->n_from; k++)
        x64_here32(&cx->e, s->from[k]);
    pass_arguments(cx, s);
    move_vectors(cx, s, true);
    if (s->flags_pending)
        pass_flags(cx, &s->flags);
    x64_call(&cx->e, x64_thunks.slow[s->kind]);
    move_vectors(cx, s, false);
    take_result(cx, s);
    x64_target32(x64_jmp32(&cx->e), s->back);
}

void x64_emit_stubs(X64Ctx *cx)
{
    for (guint i = 0; i < cx->stubs->len && x64_room(cx); i++)
        emit_stub(cx, &g_array_index(cx->stubs, X64Stub, i));
}
