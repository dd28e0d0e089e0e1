/* SPDX-License-Identifier: MIT */
/*
 * Registers for temporaries, given out while the code is emitted. A block is a straight line and
 * every temporary is assigned once, so a host register holds a set of temporaries that are equal,
 * and a spilled value stays good. A pinned register holds its guest register and any temporaries
 * equal to it; they are moved away when a PUT changes it.
 */
#include <emmintrin.h>

#include "compile.h"

/* ---- Slots in the frame ------------------------------------------------------------------- */

static int take_slot(uint32_t *used)
{
    for (int w = 0;; w++) {
        if (used[w] != UINT32_MAX) {
            int bit = __builtin_ctz(~used[w]);

            used[w] |= 1u << bit;
            return w * 32 + bit;
        }
    }
}

static uint32_t *slot_map(X64Ctx *cx, TnTemp t)
{
    return cx->temps[t].flags & X64_T_VEC ? cx->vec_slots_used : cx->slots_used;
}

static X64Mem slot_mem(const X64Ctx *cx, TnTemp t)
{
    const X64Temp *v = &cx->temps[t];

    return x64_frame(v->flags & X64_T_VEC ? X64_F_VEC_SLOTS + v->slot * 32 : X64_F_SLOTS + v->slot * 8);
}

void x64_free_slots(X64Ctx *cx, int last)
{
    TnTemp *link = &cx->slotted;

    while (*link) {
        X64Temp *v = &cx->temps[*link];

        if (v->last <= last) {
            slot_map(cx, *link)[v->slot / 32] &= ~(1u << (v->slot % 32));
            *link = v->next_slot;
        } else {
            link = &v->next_slot;
        }
    }
}

/* t's spill slot, given one where it has none (nothing is stored). */
static X64Mem slot_of(X64Ctx *cx, TnTemp t)
{
    X64Temp *v = &cx->temps[t];

    if (v->slot < 0) {
        x64_free_slots(cx, cx->i - 1);
        v->slot = (int16_t)take_slot(slot_map(cx, t));
        v->next_slot = cx->slotted;
        cx->slotted = t;
    }
    return slot_mem(cx, t);
}

/* ---- Sets of temporaries in a register ------------------------------------------------------ */

/* The place of a host register among both files. */
static inline unsigned place_of_reg(const X64Temp *v, int reg)
{
    return (unsigned)reg + (v->flags & X64_T_VEC ? X64_FIRST_XMM : 0);
}

void x64_bind(X64Ctx *cx, TnTemp t, int reg)
{
    x64_hold(cx, t, reg, place_of_reg(&cx->temps[t], reg));
}

static bool is_gone(const X64Ctx *cx, TnTemp t)
{
    return cx->temps[t].last <= cx->gone;
}

/* Temporaries that are gone may still be in the list of a register that others need. */
static void unbind(X64Ctx *cx, TnTemp t)
{
    X64Temp *v = &cx->temps[t];
    unsigned at = place_of_reg(v, v->reg);
    TnTemp *link = &cx->held[at];

    v->reg = X64_NONE;
    cx->until[at] = 0;
    while (*link) {
        X64Temp *u = &cx->temps[*link];

        if (*link == t || is_gone(cx, *link)) {
            *link = u->next;
        } else {
            cx->until[at] = (int16_t)MAX(cx->until[at], u->last);
            link = &u->next;
        }
    }
}

/* Makes a register free; the list of those that were in it, gone or not. */
static TnTemp take_all(X64Ctx *cx, unsigned at)
{
    TnTemp first = x64_is_full(cx, at) ? cx->held[at] : TN_TEMP_NONE;

    cx->held[at] = TN_TEMP_NONE;
    cx->until[at] = 0;
    return first;
}

void x64_rebind(X64Ctx *cx, TnTemp t, int reg)
{
    if (cx->temps[t].reg != X64_NONE)
        unbind(cx, t);
    x64_bind(cx, t, reg);
}

/* Into its slot, where it is in no other place. */
static void store_in_slot(X64Ctx *cx, TnTemp t)
{
    X64Temp *v = &cx->temps[t];

    if (!x64_in_memory(v)) {
        X64Mem m = slot_of(cx, t);

        if (v->flags & X64_T_VEC)
            x64_vstore(&cx->e, v->flags & X64_T_WIDE, v->reg, m);
        else
            x64_store(&cx->e, X64_W, v->reg, m);
    }
}

static void spill(X64Ctx *cx, TnTemp t)
{
    store_in_slot(cx, t);
    unbind(cx, t);
}

/* All that are needed behind operation `since` are stored. */
static void vacate(X64Ctx *cx, unsigned at, int since)
{
    if (!x64_is_full(cx, at))
        return;
    for (TnTemp t = take_all(cx, at), next; t; t = next) {
        X64Temp *v = &cx->temps[t];

        next = v->next;
        if (v->last > since)
            store_in_slot(cx, t);
        v->reg = X64_NONE;
    }
}

/* ---- Choosing a register -------------------------------------------------------------------- */

/* How far away the last use of the register's temporaries is; clean ones are cheap to drop. */
static int spill_score(const X64Ctx *cx, TnTemp t)
{
    int score = 0, dirty = 0;

    for (; t; t = cx->temps[t].next) {
        if (is_gone(cx, t))
            continue;
        score = MAX(score, cx->temps[t].last);
        dirty |= !x64_in_memory(&cx->temps[t]);
    }
    return score * 2 + !dirty;
}

/* One of a file, whose first register has the place `file`. */
static int choose(X64Ctx *cx, unsigned file, const int8_t *order, int n, uint32_t busy)
{
    int best = X64_NONE, best_score = -1;

    for (int k = 0; k < n; k++) {
        int reg = order[k], score;

        if (busy >> reg & 1)
            continue;
        if (!x64_is_full(cx, file + (unsigned)reg))
            return reg;
        score = spill_score(cx, cx->held[file + (unsigned)reg]);
        if (score > best_score) {
            best = reg;
            best_score = score;
        }
    }
    g_assert(best != X64_NONE);
    return best;
}

/* Those first that need no REX prefix; of them RCX, which shifts want, last. */
static const int8_t gpr_order[] = { X64_RDX, X64_RAX, X64_RCX, X64_R10, X64_R11 };
/* Where vector registers are pinned only the first ones are free. */
static const int8_t xmm_order[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static __attribute__((noinline)) int spill_gpr(X64Ctx *cx, uint32_t avoid)
{
    int reg = choose(cx, 0, gpr_order, G_N_ELEMENTS(gpr_order), cx->locked | avoid);

    vacate(cx, (unsigned)reg, cx->gone);
    cx->locked |= 1u << reg;
    return reg;
}

/* The first of gpr_order in a set that has some. */
static inline int first_gpr(const X64Ctx *cx, uint32_t set)
{
    uint32_t preferred = set & cx->preferred;

    return __builtin_ctz(preferred ? preferred : set);
}

/* The scratch registers that hold nothing that is still needed. */
static inline uint32_t free_gprs(const X64Ctx *cx)
{
    const __m128i *until = (const __m128i *)cx->until;
    __m128i gone = _mm_set1_epi16((int16_t)cx->gone);
    __m128i full = _mm_packs_epi16(_mm_cmpgt_epi16(until[0], gone),
                                   _mm_cmpgt_epi16(until[1], gone));

    return X64_SCRATCH_MASK & ~(uint32_t)_mm_movemask_epi8(full);
}

static inline int alloc_gpr(X64Ctx *cx, uint32_t avoid)
{
    uint32_t set = free_gprs(cx) & ~(cx->locked | avoid);
    int reg;

    if (TN_UNLIKELY(!set))
        return spill_gpr(cx, avoid);
    reg = first_gpr(cx, set);
    cx->locked |= 1u << reg;
    return reg;
}

static inline bool is_full_xmm(const X64Ctx *cx, int reg)
{
    return x64_is_full(cx, X64_FIRST_XMM + (unsigned)reg);
}

static TnTemp first_in_xmm(const X64Ctx *cx, int reg)
{
    return is_full_xmm(cx, reg) ? cx->held[X64_FIRST_XMM + reg] : TN_TEMP_NONE;
}

static int n_free_xmm(void)
{
    return x64_plan.vpin_mask ? X64_FIRST_VPIN : (int)G_N_ELEMENTS(xmm_order);
}

static int alloc_xmm(X64Ctx *cx, uint32_t avoid)
{
    int reg = choose(cx, X64_FIRST_XMM, xmm_order, n_free_xmm(), cx->locked_xmm | avoid);

    vacate(cx, X64_FIRST_XMM + (unsigned)reg, cx->gone);
    cx->locked_xmm |= 1u << reg;
    return reg;
}

/* ---- Operands ------------------------------------------------------------------------------- */

static X64Mem place(const X64Ctx *cx, TnTemp t)
{
    return cx->temps[t].home >= 0 ? x64_reg_home(cx->temps[t].home) : slot_mem(cx, t);
}

/* Whether the place in memory has all 64 bits. */
static bool place_is_whole(const X64Ctx *cx, TnTemp t)
{
    int home = cx->temps[t].home;

    return home < 0 || x64_plan.target->regs[home].type == TN_I64;
}

int x64_bring(X64Ctx *cx, TnTemp t)
{
    X64Temp *v = &cx->temps[t];
    int reg;

    if (x64_is_unmade(v))
        x64_materialise_flags(cx, t);
    if (v->reg == X64_NONE) {
        reg = alloc_gpr(cx, 0);
        if (v->flags & X64_T_CONST)
            x64_mov_ri(&cx->e, reg, v->value);
        else
            x64_load(&cx->e, place_is_whole(cx, t) ? X64_W : 0, reg, place(cx, t));
        x64_bind(cx, t, reg);
    }
    cx->locked |= 1u << v->reg;
    return v->reg;
}

X64Src x64_src(X64Ctx *cx, unsigned w, TnTemp t)
{
    X64Temp *v = &cx->temps[t];

    if ((v->flags & X64_T_CONST) && (!w || x64_fits32(v->value)))
        return (X64Src){ .kind = X64_SRC_IMM, .imm = v->value };
    if (v->reg == X64_NONE && !(v->flags & X64_T_CONST) && x64_in_memory(v) && v->last <= cx->i &&
        (!w || place_is_whole(cx, t)))
        return (X64Src){ .kind = X64_SRC_MEM, .mem = place(cx, t) };
    return (X64Src){ .kind = X64_SRC_REG, .reg = x64_in(cx, t) };
}

X64Src x64_peek_memory(const X64Ctx *cx, TnTemp t)
{
    g_assert(x64_in_memory(&cx->temps[t]));
    return (X64Src){ .kind = X64_SRC_MEM, .mem = place(cx, t), .narrow = !place_is_whole(cx, t) };
}

/* In a general register that is free. */
static inline int define_in(X64Ctx *cx, TnTemp t, int reg)
{
    X64Temp *v = &cx->temps[t];

    cx->locked |= 1u << reg;
    cx->held[reg] = t;
    cx->until[reg] = (int16_t)v->last;
    v->reg = (int8_t)reg;
    v->flags |= X64_T_DEFINED;
    v->next = TN_TEMP_NONE;
    return reg;
}

static __attribute__((noinline)) int out_spilling(X64Ctx *cx, TnTemp t, uint32_t avoid)
{
    return define_in(cx, t, spill_gpr(cx, avoid));
}

static inline int out_anywhere(X64Ctx *cx, TnTemp t, int prefer, uint32_t avoid)
{
    enum { NO_REG = 31 };
    uint32_t set;

    if ((X64_SCRATCH_MASK & ~avoid) >> (prefer & NO_REG) & 1 && !x64_is_full(cx, (unsigned)prefer))
        return define_in(cx, t, prefer);
    set = free_gprs(cx) & ~(cx->locked | avoid);
    return set ? define_in(cx, t, first_gpr(cx, set)) : out_spilling(cx, t, avoid);
}

/* The pinned register that t wants is full: what is in it may perhaps go elsewhere now. */
static __attribute__((noinline)) int out_wanting(X64Ctx *cx, TnTemp t, int prefer, uint32_t avoid)
{
    int want = cx->temps[t].want;

    if (tn_ir_is(&cx->ops[cx->i], TN_IRF_PURE))
        x64_evict(cx, want);
    return x64_is_full(cx, (unsigned)want) ? out_anywhere(cx, t, prefer, avoid)
                                           : define_in(cx, t, want);
}

int x64_out(X64Ctx *cx, TnTemp t, int prefer, uint32_t avoid)
{
    int want = cx->temps[t].want;

    if (want == X64_NONE || (avoid >> want & 1))
        return out_anywhere(cx, t, prefer, avoid);
    if (TN_UNLIKELY(x64_is_full(cx, (unsigned)want)))
        return out_wanting(cx, t, prefer, avoid);
    return define_in(cx, t, want);
}

int x64_tmp(X64Ctx *cx)
{
    return alloc_gpr(cx, 0);
}

static __attribute__((noinline)) X64TwoRegs two_spilling(X64Ctx *cx)
{
    int first = alloc_gpr(cx, 0);

    return (X64TwoRegs){ first, alloc_gpr(cx, 0) };
}

X64TwoRegs x64_two_tmps(X64Ctx *cx)
{
    uint32_t set = free_gprs(cx) & ~cx->locked;
    int first, second;

    if (TN_UNLIKELY(!(set & (set - 1))))
        return two_spilling(cx);
    first = first_gpr(cx, set);
    set &= ~(1u << first);
    second = first_gpr(cx, set);
    cx->locked |= 1u << first | 1u << second;
    return (X64TwoRegs){ first, second };
}

/* A free scratch register that nothing has to be spilled for, or X64_NONE. */
static int free_gpr(const X64Ctx *cx)
{
    uint32_t set = free_gprs(cx) & ~cx->locked;

    return set ? first_gpr(cx, set) : X64_NONE;
}

void x64_evict(X64Ctx *cx, int reg)
{
    int to = X64_NONE;

    for (TnTemp t = take_all(cx, (unsigned)reg), next; t; t = next) {
        next = cx->temps[t].next;
        if (is_gone(cx, t))
            continue;
        if (to == X64_NONE && !x64_in_memory(&cx->temps[t]) && (to = free_gpr(cx)) != X64_NONE)
            x64_mov_rr(&cx->e, X64_W, to, reg);
        if (to == X64_NONE) {
            store_in_slot(cx, t);
            cx->temps[t].reg = X64_NONE;
        } else {
            x64_bind(cx, t, to);
        }
    }
}

void x64_claim(X64Ctx *cx, int reg)
{
    cx->locked |= 1u << reg;
    x64_evict(cx, reg);
}

/* Temporaries that die here only leave. */
void x64_spill_all(X64Ctx *cx)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(gpr_order); k++)
        vacate(cx, (unsigned)gpr_order[k], cx->i);
    for (unsigned k = 0; k < 16; k++)
        vacate(cx, X64_FIRST_XMM + k, cx->i);
}

void x64_unshare_home(X64Ctx *cx, int declared)
{
    TnTemp t = x64_home_of(cx, declared);

    cx->home_of[declared] = TN_TEMP_NONE;
    if (!t)
        return;
    if (cx->temps[t].reg == X64_NONE && cx->temps[t].slot < 0) {
        uint32_t locked = cx->locked, locked_xmm = cx->locked_xmm;

        if (cx->temps[t].flags & X64_T_VEC)
            x64_vin(cx, t);
        else
            x64_in(cx, t);
        cx->locked = locked;
        cx->locked_xmm = locked_xmm;
    }
    cx->temps[t].home = -1;
}

void x64_set_home(X64Ctx *cx, TnTemp t, int declared)
{
    cx->temps[t].home = (int16_t)declared;
    cx->home_of[declared] = t;
}

void x64_unshare_all(X64Ctx *cx)
{
    for (uint32_t d = 0; d < MIN(x64_plan.target->n_regs, (uint32_t)X64_MAX_REGS); d++)
        if (cx->home_of[d])
            x64_unshare_home(cx, (int)d);
    for (int reg = 0; reg < 16; reg++)
        if (x64_plan.pin_mask >> reg & 1)
            vacate(cx, (unsigned)reg, cx->gone);
}

/* ---- Vectors -------------------------------------------------------------------------------- */

int x64_vin(X64Ctx *cx, TnTemp t)
{
    X64Temp *v = &cx->temps[t];

    if (v->reg == X64_NONE) {
        int reg = alloc_xmm(cx, 0);

        x64_vload(&cx->e, v->flags & X64_T_WIDE, reg, place(cx, t));
        x64_bind(cx, t, reg);
    }
    cx->locked_xmm |= 1u << v->reg;
    return v->reg;
}

X64Src x64_vsrc(X64Ctx *cx, TnTemp t)
{
    if (cx->temps[t].reg == X64_NONE && cx->temps[t].last <= cx->i)
        return (X64Src){ .kind = X64_SRC_MEM, .mem = place(cx, t) };
    return (X64Src){ .kind = X64_SRC_REG, .reg = x64_vin(cx, t) };
}

int x64_vout(X64Ctx *cx, TnTemp t, int prefer, uint32_t avoid)
{
    int8_t *want = &cx->temps[t].want;

    if (*want != X64_NONE && cx->vec_known && !is_full_xmm(cx, *want) && !(avoid >> *want & 1)) {
        prefer = *want;
    } else {
        *want = X64_NONE;
        if (prefer == X64_NONE || is_full_xmm(cx, prefer) ||
            ((avoid | x64_plan.vpin_mask) >> prefer & 1))
            prefer = alloc_xmm(cx, avoid);
    }
    cx->locked_xmm |= 1u << prefer;
    x64_bind(cx, t, prefer);
    return prefer;
}

void x64_vclaim(X64Ctx *cx, int reg)
{
    cx->locked_xmm |= 1u << reg;
    vacate(cx, X64_FIRST_XMM + (unsigned)reg, cx->gone);
}

void x64_vunlock(X64Ctx *cx, int reg)
{
    cx->locked_xmm &= ~(1u << reg);
}

static int free_xmm(const X64Ctx *cx)
{
    for (int reg = 0; reg < n_free_xmm(); reg++)
        if (!is_full_xmm(cx, reg) && !(cx->locked_xmm >> reg & 1))
            return reg;
    return X64_NONE;
}

void x64_vevict(X64Ctx *cx, int reg, bool wide_only)
{
    int to = X64_NONE;

    for (TnTemp t = first_in_xmm(cx, reg), next; t; t = next) {
        bool wide = cx->temps[t].flags & X64_T_WIDE;

        next = cx->temps[t].next;
        if (is_gone(cx, t) || (wide_only && !wide))
            continue;
        if (to == X64_NONE && !x64_in_memory(&cx->temps[t]) && (to = free_xmm(cx)) != X64_NONE)
            x64_vmov_rr(&cx->e, true, to, reg);
        if (to == X64_NONE) {
            spill(cx, t);
        } else {
            unbind(cx, t);
            x64_bind(cx, t, to);
        }
    }
}

void x64_spill_wide(X64Ctx *cx)
{
    for (int reg = 0; reg < 16; reg++) {
        for (TnTemp t = first_in_xmm(cx, reg), next; t; t = next) {
            next = cx->temps[t].next;
            if (!is_gone(cx, t) && (cx->temps[t].flags & X64_T_WIDE))
                spill(cx, t);
        }
    }
}

uint32_t x64_vlive(const X64Ctx *cx, uint32_t *wide)
{
    uint32_t live = 0;

    *wide = 0;
    for (int reg = 0; reg < n_free_xmm(); reg++) {
        for (TnTemp t = first_in_xmm(cx, reg); t; t = cx->temps[t].next) {
            if (is_gone(cx, t))
                continue;
            live |= 1u << reg;
            if (cx->temps[t].flags & X64_T_WIDE)
                *wide |= 1u << reg;
        }
    }
    return live;
}
