/* SPDX-License-Identifier: MIT */
/* Calls of slow paths and their notes: slow.h, slow-note.h. */
#include "slow-note.h"

#include "put.h"
#include "slow.h"

/* ---- Flags --------------------------------------------------------------------------------- */

static uint8_t *put_source(uint8_t *p, const X64Src *s)
{
    int reg = s->kind == X64_SRC_MEM ? s->mem.base : s->kind == X64_SRC_REG ? s->reg : 0;

    *p++ = (uint8_t)(reg | s->kind << SOURCE_KIND_SHIFT | (s->narrow ? SOURCE_NARROW : 0));
    if (s->kind == X64_SRC_IMM)
        return x64_put_signed(p, (int64_t)s->imm);
    return s->kind == X64_SRC_MEM ? x64_put_signed(p, s->mem.disp) : p;
}

static uint8_t *put_mark(uint8_t *p, const X64Recipe *r)
{
    unsigned fop = r->packed ? RECIPE_PACKED : r->fop;

    *p++ = (uint8_t)(fop | r->size_log2 << RECIPE_SIZE_SHIFT |
                     (r->from_result ? RECIPE_FROM_RESULT : 0) | RECIPE_OF_MARK);
    p = put_source(p, &r->a);
    if (recipe_has_b(fop))
        p = put_source(p, &r->b);
    return recipe_has_c(fop) ? put_source(p, &r->c) : p;
}

static inline uint8_t *put_operand(const X64Ctx *cx, TnTemp t, uint8_t *p)
{
    _Static_assert(X64_SRC_REG == 0, "the byte of a register is its number");
    const X64Temp *v = &cx->temps[t];
    X64Src s;

    if (v->reg != X64_NONE && !(v->flags & X64_T_CONST)) {
        *p = (uint8_t)v->reg;
        return p + 1;
    }
    s = x64_peek(cx, t);
    return put_source(p, &s);
}

static inline uint8_t *put_pending(const X64Ctx *cx, TnTemp t, uint8_t *p)
{
    const X64Temp *v = &cx->temps[t];
    const TnIrOp *op = &cx->ops[v->def];
    unsigned fop = op->aux & UINT8_MAX;
    uint8_t *head = p++;
    TnTemp a = op->a;

    if (!x64_is_unmade(v)) {
        *head = RECIPE_PACKED;
        return put_operand(cx, t, p);
    }
    *head = (uint8_t)(fop | op->aux >> 8 << RECIPE_SIZE_SHIFT);
    if (x64_has_result(cx, v, fop)) {
        *head |= RECIPE_FROM_RESULT;
        a = v->partner;
    }
    p = put_operand(cx, a, p);
    if (recipe_has_b(fop))
        p = put_operand(cx, op->b, p);
    return recipe_has_c(fop) ? put_operand(cx, op->c, p) : p;
}

uint8_t *x64_put_pending(const X64Ctx *cx, TnTemp t, uint8_t *p)
{
    return put_pending(cx, t, p);
}

void x64_keep_flags(const X64Ctx *cx, X64Stub *s)
{
    s->n_flags = (uint8_t)(put_pending(cx, cx->pending_flags, s->flags) - s->flags);
}

void x64_keep_vectors(const X64Ctx *cx, X64Stub *s)
{
    uint32_t wide;

    s->live_vec = (uint16_t)x64_vlive(cx, &wide);
    s->wide_vec = (uint16_t)wide;
}

static X64Src decode_source(const uint8_t **note)
{
    unsigned head = *(*note)++;
    X64Src s = { .kind = (head & SOURCE_KIND) >> SOURCE_KIND_SHIFT, .reg = head & SOURCE_REG,
                 .narrow = head & SOURCE_NARROW };

    if (s.kind == X64_SRC_IMM)
        s.imm = (uint64_t)x64_read_signed(note);
    else if (s.kind == X64_SRC_MEM)
        s.mem = x64_mem(s.reg, (int32_t)x64_read_signed(note));
    return s;
}

X64Recipe x64_read_recipe(const uint8_t *note)
{
    unsigned head = *note++, fop = head & RECIPE_FOP;
    X64Recipe r = { .packed = fop == RECIPE_PACKED, .from_result = head & RECIPE_FROM_RESULT,
                    .fop = (uint8_t)fop,
                    .size_log2 = (head & RECIPE_SIZE) >> RECIPE_SIZE_SHIFT };

    r.a = decode_source(&note);
    if (recipe_has_b(fop))
        r.b = decode_source(&note);
    if (recipe_has_c(fop))
        r.c = decode_source(&note);
    return r;
}

/* ---- Accesses -------------------------------------------------------------------------------- */

static bool takes_value(const X64Stub *s)
{
    return s->kind == X64_STUB_STORE || s->kind == X64_STUB_RMW || s->kind == X64_STUB_CAS ||
           s->kind == X64_STUB_DIVIDE;
}

static uint8_t *put_access(uint8_t *p, const X64Stub *s)
{
    /* The number of RSP stands for a value that is not in a register. */
    unsigned value = takes_value(s) ? s->value.kind == X64_SRC_REG ? (unsigned)s->value.reg : X64_RSP
                                    : (unsigned)(s->dst & SOURCE_REG);

    p = x64_put_unsigned(p, s->mem >> TYPE_SHIFT | (s->mem & TN_MEM_MODE_MASK) << ACCESS_MODE_SHIFT |
                                (s->mem & UINT16_MAX) >> MODE_BITS << ACCESS_REST_SHIFT);
    *p++ = (uint8_t)(s->addr | value << 4);
    if (takes_value(s) && s->value.kind != X64_SRC_REG)
        p = put_source(p, &s->value);
    if (s->kind == X64_STUB_RMW)
        *p++ = s->aop;
    else if (s->kind == X64_STUB_CAS || s->kind == X64_STUB_DIVIDE)
        *p++ = (uint8_t)s->second;
    if (s->disp)
        p = x64_put_signed(p, s->disp);
    if (s->clear != X64_NONE)
        *p++ = (uint8_t)s->clear;
    return p;
}

/* What x64_slow wants to know of the group whose first access it is. */
static uint8_t *put_group(uint8_t *p, const X64Stub *s)
{
    *p++ = (uint8_t)((unsigned)s->addr | (s->mem & TN_MEM_MODE_MASK) << 4);
    if (s->disp)
        p = x64_put_signed(p, s->disp);
    p = x64_put_unsigned(p, (uint64_t)(s->disp - s->group->first));
    return x64_put_unsigned(p, (uint64_t)(s->group->last - s->disp));
}

static unsigned head(const X64Stub *s)
{
    return s->kind | (s->disp ? HAS_DISP : 0) | (s->clear != X64_NONE ? HAS_CLEAR : 0) |
           (s->vector ? IS_VECTOR : 0);
}

static unsigned group_head(const X64Stub *s)
{
    bool stores = s->kind == X64_STUB_STORE || s->kind == X64_STUB_STORE_VEC ||
                  (s->mem & TN_MEM_RMW);

    return X64_STUB_GROUP | (s->disp ? HAS_DISP : 0) | (stores ? GROUP_STORES : 0) |
           (s->group->write ? GROUP_WRITE : 0);
}

static unsigned insn_head(const X64Stub *s)
{
    return IN_INSN | (s->mem & 1) * HAS_DISP | (s->mem >> 1 & 1) |
           (s->clear != X64_NONE ? HAS_CLEAR : 0);
}

/* Vector registers that are not pinned and that the thunk has to see to. */
static X64Keep what_to_keep(const X64Stub *s)
{
    bool whole = s->kind == X64_STUB_LOAD_VEC || s->kind == X64_STUB_STORE_VEC;
    int value = s->kind == X64_STUB_STORE ? s->value.reg : s->dst;
    bool own = (whole || s->vector) && !(x64_plan.vpin_mask >> value & 1);

    if (s->wide_vec || (own && s->wide))
        return X64_KEEP_WHOLE;
    return s->live_vec || own ? X64_KEEP_LOW : X64_KEEP_NONE;
}

static void call(X64Emit *e, X64Keep keep)
{
    if (keep == X64_KEEP_NONE)
        x64_call_short(e, X64_CALLED_SLOW);
    else
        x64_call(e, x64_thunks.slow[keep]);
}

/* The call of a store may be led elsewhere (beside.c). */
static inline void call_for(X64Ctx *cx, const X64Stub *s)
{
    X64Keep keep = cx->vectors ? what_to_keep(s) : X64_KEEP_NONE;

    if (s->kind == X64_STUB_STORE && s->teller != X64_TOLD_OF_GROUP)
        x64_call(&cx->e, x64_thunks.slow[keep]);
    else
        call(&cx->e, keep);
}

static inline uint8_t *put_flags(uint8_t *p, const X64Stub *s)
{
    enum { MOST = 8 };

    memcpy(p, s->flags, MOST);
    if (TN_UNLIKELY(s->n_flags > MOST))
        memcpy(p, s->flags, sizeof(s->flags));
    return p + s->n_flags;
}

void x64_call_slow(X64Ctx *cx, const X64Stub *s)
{
    bool marked = cx->block->flags_marked && !s->n_flags;
    unsigned has_flags = s->n_flags || marked ? HAS_FLAGS : 0;
    int64_t pc = (int64_t)(s->pc - cx->block->key.pc);
    uint8_t *p, *here;

    call_for(cx, s);
    p = here = cx->e.p;
    switch ((X64Teller)s->teller) {
    case X64_TOLD_BY_INSN:
        *p = (uint8_t)(insn_head(s) | has_flags);
        p = x64_put_signed(p + 1, pc);
        break;
    case X64_TOLD_OF_GROUP:
        *p = (uint8_t)(group_head(s) | has_flags);
        p = put_group(x64_put_signed(p + 1, pc), s);
        break;
    case X64_TOLD_BY_NOTE:
        *p = (uint8_t)(head(s) | has_flags);
        p = put_access(x64_put_signed(p + 1, pc), s);
        break;
    }
    p = x64_put_unsigned(p, s->place ? (uint64_t)(here - s->place) : 0);
    if (TN_UNLIKELY(marked))
        p = put_mark(p, &cx->marked);
    else if (s->n_flags)
        p = put_flags(p, s);
    cx->e.p = p;
}

/* ---- What is no access ----------------------------------------------------------------------- */

static void begin_note(X64Ctx *cx, X64StubKind kind, unsigned has_flags, uint64_t pc)
{
    x64_byte(&cx->e, (uint8_t)(kind | has_flags));
    x64_note_signed(&cx->e, (int64_t)(pc - cx->block->key.pc));
}

void x64_call_request(X64Ctx *cx, uint64_t pc, const X64FlagNote *flags)
{
    call(&cx->e, X64_KEEP_NONE);
    begin_note(cx, X64_STUB_REQUEST, HAS_FLAGS, pc);
    x64_put_flag_note(&cx->e, flags);
}

void x64_call_site(X64Ctx *cx, const X64Stub *s, const X64Refill *r)
{
    X64Emit *e = &cx->e;
    uint8_t *here;

    call(e, s->wide_vec ? X64_KEEP_WHOLE : s->live_vec ? X64_KEEP_LOW : X64_KEEP_NONE);
    here = e->p;
    begin_note(cx, X64_STUB_SITE, 0, s->pc);
    x64_note_unsigned(e, (uint64_t)r->site);
    x64_byte(e, (uint8_t)r->addr);
    x64_note_unsigned(e, (uint64_t)(here - r->back));
}
