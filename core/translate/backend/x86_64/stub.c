/* SPDX-License-Identifier: MIT */
/* Out-of-line parts, after the block: calls of slow paths and what little is not in their notes. */
#include "compile.h"
#include "slow.h"

static void emit_back(X64Ctx *cx, const X64Stub *s)
{
    x64_target32(x64_jmp32(&cx->e), s->place);
}

/* The x87's own load and store, from and to a buffer that the slow path filled or takes. */
static void emit_x87(X64Ctx *cx, const X64Stub *s)
{
    X64Stub part = *s;

    part.place = NULL;
    if (s->kind == X64_STUB_X87_STORE) /* what pops comes after the last that can fault */
        part.kind = X64_STUB_X87_PROBE;
    x64_call_slow(cx, &part);
    x64_hostx_memory(&cx->e, s->x87, x64_frame(X64_F_VEC));
    if (s->kind == X64_STUB_X87_STORE)
        x64_call_slow(cx, s);
    else
        emit_back(cx, s);
}

static inline void end_near_jump(X64Ctx *cx, uint8_t *disp)
{
    ptrdiff_t d = cx->e.p - (disp + 1);

    cx->too_far |= d > INT8_MAX;
    *disp = (uint8_t)d;
}

void x64_end_near_jump(X64Ctx *cx, uint8_t *disp)
{
    end_near_jump(cx, disp);
}

static void emit_stub(X64Ctx *cx, const X64Stub *s)
{
    if (s->near)
        end_near_jump(cx, s->from[0]);
    else
        for (int k = 0; k < s->n_from; k++)
            x64_here32(&cx->e, s->from[k]);
    switch (s->kind) {
    case X64_STUB_VEC_STATE:
        x64_call(&cx->e, x64_thunks.vec_load[cx->vec_need]);
        emit_back(cx, s);
        break;
    case X64_STUB_X87_LOAD:
    case X64_STUB_X87_STORE:
        emit_x87(cx, s);
        break;
    default:
        x64_call_slow(cx, s);
        break;
    }
}

static void emit_those(X64Ctx *cx, bool near)
{
    for (unsigned i = 0; i < cx->stubs.len && x64_room(cx); i++) {
        const X64Stub *s = X64_LIST_AT(cx->stubs, X64Stub, i);

        if (s->near == near)
            emit_stub(cx, s);
    }
}

void x64_emit_stubs(X64Ctx *cx)
{
    if (cx->n_near)
        emit_those(cx, true);
    if (cx->n_near < cx->stubs.len)
        emit_those(cx, false);
}
