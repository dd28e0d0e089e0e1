/* SPDX-License-Identifier: MIT */
/* Where temporaries are while the code is emitted. */
#ifndef TN_X64_REGALLOC_H
#define TN_X64_REGALLOC_H

#include "context.h"

/* ---- regalloc.c -------------------------------------------------------------------------- */

/* A slot or a home: one of them is not -1. */
static inline bool x64_has_place(const X64Temp *v)
{
    return (v->slot & v->home) >= 0;
}

static inline bool x64_in_memory(const X64Temp *v)
{
    return (v->flags & X64_T_CONST) || x64_has_place(v);
}

/* A virtual FLAGS that has not been computed. */
static inline bool x64_is_unmade(const X64Temp *v)
{
    enum { UNMADE = X64_T_FLAGS | X64_T_VIRTUAL };

    return (v->flags & (UNMADE | X64_T_DEFINED)) == UNMADE;
}

int x64_bring(X64Ctx *cx, TnTemp t);

/* The host register of t, loaded where needed; locked until the operation ends. */
static inline int x64_in(X64Ctx *cx, TnTemp t)
{
    int reg = cx->temps[t].reg;

    if (TN_UNLIKELY(reg == X64_NONE))
        return x64_bring(cx, t);
    cx->locked |= 1u << reg;
    return reg;
}

/* t as an operand of an instruction of width w (0 or X64_W): register, immediate, or memory. Locked. */
X64Src x64_src(X64Ctx *cx, unsigned w, TnTemp t);
X64Src x64_peek_memory(const X64Ctx *cx, TnTemp t);

/* The same without a lock and with immediates of any size. */
static inline X64Src x64_peek(const X64Ctx *cx, TnTemp t)
{
    const X64Temp *v = &cx->temps[t];

    if (v->flags & X64_T_CONST)
        return (X64Src){ .kind = X64_SRC_IMM, .imm = v->value };
    if (v->reg != X64_NONE)
        return (X64Src){ .kind = X64_SRC_REG, .reg = v->reg };
    return t ? x64_peek_memory(cx, t) : (X64Src){ .kind = X64_SRC_IMM };
}

/* Operands that die with this operation leave their registers; the contents stay until something
 * else is put there, and slots stay taken until the operation ends. */
static inline void x64_release(X64Ctx *cx)
{
    cx->gone = cx->i;
}

/* Whether a host register, a vector register from X64_FIRST_XMM on, holds what is still needed. */
static inline bool x64_is_full(const X64Ctx *cx, unsigned at)
{
    return cx->until[at] > cx->gone;
}

/* A register for t, which this operation defines: the pinned one it wants, else `prefer` where that
 * is free now, else any; none of `avoid`. */
int x64_out(X64Ctx *cx, TnTemp t, int prefer, uint32_t avoid);
/* Says that t is now in `reg`, too. */
void x64_bind(X64Ctx *cx, TnTemp t, int reg);

/* The same, where `at` is the register's place among both files. */
static inline void x64_hold(X64Ctx *cx, TnTemp t, int reg, unsigned at)
{
    X64Temp *v = &cx->temps[t];
    bool full = x64_is_full(cx, at);

    v->reg = (int8_t)reg;
    v->flags |= X64_T_DEFINED;
    v->next = full ? cx->held[at] : TN_TEMP_NONE;
    cx->held[at] = t;
    cx->until[at] = (int16_t)MAX(cx->until[at], v->last);
}

/* Says that t is now in `reg` instead of where it was. */
void x64_rebind(X64Ctx *cx, TnTemp t, int reg);
/* A free scratch register, locked until the operation ends. */
int x64_tmp(X64Ctx *cx);

typedef struct X64TwoRegs {
    int first, second;
} X64TwoRegs;

/* The two that x64_tmp would give one behind the other. */
X64TwoRegs x64_two_tmps(X64Ctx *cx);
/* Makes a given scratch register free and locks it. */
void x64_claim(X64Ctx *cx, int reg);
/* Moves whatever lives in reg beyond this operation elsewhere. */
void x64_evict(X64Ctx *cx, int reg);
/* Puts every temporary in scratch and vector registers that lives on into its slot. */
void x64_spill_all(X64Ctx *cx);
/* Temporaries that live on and share a pinned register or a place in the state get their own. */
void x64_unshare_all(X64Ctx *cx);
void x64_unshare_home(X64Ctx *cx, int declared);

/* Takes the slots of temporaries that nobody needs behind operation `last`. */
void x64_free_slots(X64Ctx *cx, int last);

/* Operation i comes next. */
static inline void x64_begin_op(X64Ctx *cx, int i)
{
    cx->i = i;
    cx->gone = i - 1;
}

int x64_vin(X64Ctx *cx, TnTemp t);
X64Src x64_vsrc(X64Ctx *cx, TnTemp t);
int x64_vout(X64Ctx *cx, TnTemp t, int prefer, uint32_t avoid);
void x64_vclaim(X64Ctx *cx, int reg);
void x64_vunlock(X64Ctx *cx, int reg);
/* Moves what lives in reg beyond this operation elsewhere, or only the 256-bit part of it. */
void x64_vevict(X64Ctx *cx, int reg, bool wide_only);
/* The same for temporaries of 256 bits in registers that are not pinned: to their slots. */
void x64_spill_wide(X64Ctx *cx);
/* Says that a declared register's place in the state holds t. */
void x64_set_home(X64Ctx *cx, TnTemp t, int declared);

/* The temporary that a declared register's place in the state holds, or none. */
static inline TnTemp x64_home_of(const X64Ctx *cx, int declared)
{
    TnTemp t = cx->home_of[declared];

    return cx->temps[t].last >= cx->i ? t : TN_TEMP_NONE;
}

uint32_t x64_vlive(const X64Ctx *cx, uint32_t *wide);

#endif
