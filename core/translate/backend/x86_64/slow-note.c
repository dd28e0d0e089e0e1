/* SPDX-License-Identifier: MIT */
/* Calls of slow paths and their notes: slow.h, slow-note.h. */
#include "slow-note.h"

#include "slow.h"

static void write_source(X64Emit *e, const X64Src *s)
{
    int reg = s->kind == X64_SRC_MEM ? s->mem.base : s->kind == X64_SRC_REG ? s->reg : 0;

    x64_byte(e, (uint8_t)(reg | s->kind << SOURCE_KIND_SHIFT | (s->narrow ? SOURCE_NARROW : 0)));
    if (s->kind == X64_SRC_IMM)
        x64_note_signed(e, (int64_t)s->imm);
    else if (s->kind == X64_SRC_MEM)
        x64_note_signed(e, s->mem.disp);
}

static void write_recipe(X64Emit *e, const X64Recipe *r, bool of_mark)
{
    unsigned fop = r->packed ? RECIPE_PACKED : r->fop;

    x64_byte(e, (uint8_t)(fop | r->size_log2 << RECIPE_SIZE_SHIFT |
                          (r->from_result ? RECIPE_FROM_RESULT : 0) |
                          (of_mark ? RECIPE_OF_MARK : 0)));
    write_source(e, &r->a);
    if (recipe_has_b(fop))
        write_source(e, &r->b);
    if (recipe_has_c(fop))
        write_source(e, &r->c);
}

void x64_note_recipe(X64Emit *e, const X64Recipe *r)
{
    write_recipe(e, r, false);
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

static bool takes_value(const X64Stub *s)
{
    return s->kind == X64_STUB_STORE || s->kind == X64_STUB_RMW || s->kind == X64_STUB_CAS ||
           s->kind == X64_STUB_DIVIDE;
}

static void write_access(X64Emit *e, const X64Stub *s)
{
    x64_note_unsigned(e, s->mem >> TYPE_SHIFT |
                             (s->mem & TN_MEM_MODE_MASK) << ACCESS_MODE_SHIFT |
                             (s->mem & UINT16_MAX) >> MODE_BITS << ACCESS_REST_SHIFT);
    /* The number of RSP stands for a value that is not in a register. */
    unsigned value = takes_value(s) ? s->value.kind == X64_SRC_REG ? (unsigned)s->value.reg : X64_RSP
                                    : (unsigned)(s->dst & SOURCE_REG);

    x64_byte(e, (uint8_t)((s->addr.reg & SOURCE_REG) | value << 4));
    if (takes_value(s) && s->value.kind != X64_SRC_REG)
        write_source(e, &s->value);
    if (s->kind == X64_STUB_RMW)
        x64_byte(e, (uint8_t)s->aop);
    else if (s->kind == X64_STUB_CAS || s->kind == X64_STUB_DIVIDE)
        x64_byte(e, (uint8_t)s->value2.reg);
    if (s->disp)
        x64_note_signed(e, s->disp);
    if (s->clear != X64_NONE)
        x64_byte(e, (uint8_t)s->clear);
}

/* Whether the instruction says all of it: see x64_read_insn. */
static bool is_in_insn(const X64Stub *s)
{
    enum { MODES = 3 }; /* what the head has bits for */
    uint32_t said = MODES | TN_MEM_SIGN;

    if (s->mem >> TYPE_SHIFT < TN_I64)
        said |= TN_MEM_DST32;
    return s->access && !s->retry && !(s->mem & UINT16_MAX & ~said);
}

/* What x64_slow wants to know of the group whose first access it is. */
static void write_group(X64Emit *e, const X64Stub *s)
{
    x64_byte(e, (uint8_t)((s->addr.reg & SOURCE_REG) | (s->mem & TN_MEM_MODE_MASK) << 4));
    if (s->disp)
        x64_note_signed(e, s->disp);
    x64_note_unsigned(e, (uint64_t)(s->disp - s->first));
    x64_note_unsigned(e, (uint64_t)(s->last - s->disp));
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

static uint8_t head(const X64Stub *s, bool has_flags)
{
    return (uint8_t)(s->kind | (has_flags ? HAS_FLAGS : 0) | (s->disp ? HAS_DISP : 0) |
                     (s->clear != X64_NONE ? HAS_CLEAR : 0) | (s->vector ? IS_VECTOR : 0));
}

static uint8_t group_head(const X64Stub *s, bool has_flags)
{
    return (uint8_t)(X64_STUB_GROUP | (has_flags ? HAS_FLAGS : 0) | (s->disp ? HAS_DISP : 0) |
                     (s->stores ? GROUP_STORES : 0) | (s->write ? GROUP_WRITE : 0));
}

static uint8_t insn_head(const X64Stub *s, bool has_flags)
{
    return (uint8_t)(IN_INSN | (has_flags ? HAS_FLAGS : 0) |
                     (s->mem & 1 ? HAS_DISP : 0) | (s->mem >> 1 & 1) |
                     (s->clear != X64_NONE ? HAS_CLEAR : 0));
}

/* The call of a store may be led elsewhere (beside.c). */
static void call(X64Emit *e, const X64Stub *s)
{
    X64Keep keep = what_to_keep(s);

    if (keep == X64_KEEP_NONE && (s->kind != X64_STUB_STORE || s->retry))
        x64_call_short(e, X64_CALLED_SLOW);
    else
        x64_call(e, x64_thunks.slow[keep]);
}

void x64_call_slow(X64Ctx *cx, const X64Stub *s)
{
    X64Emit *e = &cx->e;
    bool marked = !s->flags_pending && cx->block->flags_marked && s->kind != X64_STUB_REQUEST &&
                  s->kind != X64_STUB_SITE;

    bool has_flags = s->flags_pending || marked, in_insn = is_in_insn(s);

    call(e, s);
    uint8_t *here = e->p;

    x64_byte(e, s->retry ? group_head(s, has_flags) : in_insn ? insn_head(s, has_flags)
                                                              : head(s, has_flags));
    x64_note_signed(e, (int64_t)(s->pc - cx->block->key.pc));
    if (s->kind == X64_STUB_SITE) {
        x64_note_unsigned(e, s->mem);
        x64_byte(e, (uint8_t)s->addr.reg);
        x64_note_unsigned(e, (uint64_t)(here - s->back));
        return;
    }
    if (s->retry) {
        write_group(e, s);
        x64_note_unsigned(e, (uint64_t)(here - s->retry));
    } else if (in_insn) {
        x64_note_unsigned(e, (uint64_t)(here - s->access));
    } else if (s->kind != X64_STUB_REQUEST) {
        write_access(e, s);
        x64_note_unsigned(e, s->back ? (uint64_t)(here - s->back) : 0);
    }
    if (has_flags)
        write_recipe(e, marked ? &cx->marked : &s->flags, marked);
}
