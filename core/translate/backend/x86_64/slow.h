/* SPDX-License-Identifier: MIT */
/*
 * Slow paths: what translated code leaves to code in C and goes on after. A stub calls the thunk
 * x64_thunks.slow, which puts all registers into memory, and x64_slow reads from the note behind the
 * call what is to be done, with which registers, and where translated code goes on.
 */
#ifndef TN_X64_SLOW_H
#define TN_X64_SLOW_H

#include "compile.h"

/* Emits the call and its note. */
void x64_call_slow(X64Ctx *cx, const X64Stub *s);
/* The same where an exit to pc finds that something wants the vCPU and there are flags to be stored. */
void x64_call_request(X64Ctx *cx, uint64_t pc, const X64FlagNote *flags);
/* The same where a window was missed often, behind the probe of the access that has the slow path s. */
void x64_call_site(X64Ctx *cx, const X64Stub *s, const X64Refill *r);

/* What the thunks call. The state has the pinned registers, the frame the temporaries. May unwind.
 * Returns where to go on. */
const void *x64_slow(TnCpu *cpu, uint8_t *frame, const uint8_t *note);

/* A store to data beside code that a slow path did. Addresses in the writable mapping. */
typedef struct X64Beside {
    uint8_t *note;
    const uint8_t *back;  /* where code goes on, NULL: behind the note */
    int addr;             /* host register */
    int64_t disp;
    X64Src value;
    unsigned size_log2, mode;
    int clear;            /* host register that becomes 0, X64_NONE */
} X64Beside;

/* Has it done in code from now on, where it came often and may be. */
void x64_note_beside(const X64Beside *b);

/* The recipe of pending flags t as they are now, written at p; gives the place behind. */
uint8_t *x64_put_pending(const X64Ctx *cx, TnTemp t, uint8_t *p);
/* What a slow path has to keep of both, as they are now. */
void x64_keep_flags(const X64Ctx *cx, X64Stub *s);
void x64_keep_vectors(const X64Ctx *cx, X64Stub *s);

/* A slow path that freezes where things are now. */
static inline X64Stub *x64_new_stub(X64Ctx *cx, const TnIrOp *op, X64StubKind kind)
{
    X64Stub *s = X64_LIST_ADD(cx->stubs, X64Stub);

    s->kind = (uint8_t)kind;
    s->teller = X64_TOLD_BY_NOTE;
    s->near = s->wide = s->vector = false;
    s->addr = 0;
    s->dst = s->clear = X64_NONE;
    s->mem = op->aux | (uint32_t)op->type << 16;
    s->disp = 0;
    s->pc = x64_insn_pc(cx);
    s->n_from = s->n_flags = 0;
    s->live_vec = s->wide_vec = 0;
    if (TN_UNLIKELY(cx->vectors))
        x64_keep_vectors(cx, s);
    /* Nobody looks at the state there: their operands may be gone. */
    if (cx->pending_flags != TN_TEMP_NONE && kind != X64_STUB_X87_ENTER && kind != X64_STUB_X87_SYNC)
        x64_keep_flags(cx, s);
    return s;
}

X64Recipe x64_read_recipe(const uint8_t *note);
/* The flags of a recipe go to the state, from what x64_slow is given. */
void x64_store_noted_flags(TnCpu *cpu, uint8_t *frame, const uint8_t *recipe);
/* Gives how to leave to the main loop, for the pc in the state. */
const void *x64_leave_loop(TnCpu *cpu, uint8_t *frame);
/* Leaves by a direct exit that is not linked, with what is behind its call; or goes on behind one to
 * another page. */
const void *x64_leave_direct(TnCpu *cpu, uint8_t *frame, const uint8_t *note);

/* An access of the block met an edge between pages, or something else near one (sample.c). */
enum { X64_EDGE_MET = 1, X64_EDGE_LEFT = 8 }; /* what it costs; the latter: the block was left there */
void x64_met_edge(TnBlock *block, unsigned cost);
/* One that is not aligned. */
void x64_met_odd(TnCpu *cpu, TnBlock *block);
/* Whether the block is made anew where it meets many. */
bool x64_may_become_hot(const TnBlock *block);

/* Computes what the recipe in the frame says and stores the packed flags to the state. */
void x64_store_lazy_flags(TnCpu *cpu, uint8_t *frame);

#endif
