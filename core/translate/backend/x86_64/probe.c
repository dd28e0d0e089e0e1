/* SPDX-License-Identifier: MIT */
/*
 * IR to code: probes of the soft TLB.
 *
 * The probe compares the page of the access's last byte with the tag of the entry of its first
 * one, so an access within a page passes whatever its alignment and one that crosses does not. All
 * that the allocator has to emit comes before the probe's branch: the slow path joins after the
 * access.
 *
 * There is one for every fourth guest instruction, and most are alike but for the address: what comes
 * behind that is copied from where it was made first.
 */
#include "compile.h"
#include "put.h"

_Static_assert(sizeof(TnTlbEntry) == 1 << X64_ENTRY_LOG2, "the probe scales by the entry's size");
_Static_assert(TN_PAGE_BITS + TN_TLB_BITS <= 32, "the probe takes the number from 32 bits");

/* ---- The probe ----------------------------------------------------------------------------- */

enum { RIGHT = TN_PAGE_BITS - X64_ENTRY_LOG2 };

static inline uint8_t *put_shift(uint8_t *p, int reg)
{
    p = x64_put_rr(p, X64_GRP2_IMM8, X64_G2_SHR, reg);
    *p = RIGHT;
    return p + 1;
}

/* dst = src with a displacement */
static inline uint8_t *put_sum(uint8_t *p, unsigned w, int dst, int src, int32_t disp)
{
    return disp ? x64_put_rm(p, X64_LEA | w, dst, x64_mem(src, disp))
                : x64_put_rr(p, X64_MOV_LOAD | w, dst, src);
}

/* The number of the entry is in the low 32 bits; what is beside it goes by a mask. */
static inline uint8_t *put_number(uint8_t *p, int index, int addr, int32_t first)
{
    if (!first && x64_host.bmi2)
        return x64_put_rorx(p, index, addr, RIGHT);
    return put_shift(put_sum(p, 0, index, addr, first), index);
}

/* What has to do with the address. */
static uint8_t *put_head(uint8_t *p, const X64Refill *r)
{
    if (r->aligned)
        return put_sum(p, X64_W, r->tag, r->addr, r->disp);
    return put_sum(put_number(p, r->index, r->addr, r->first), X64_W, r->tag, r->addr, r->last);
}

/* An aligned access cannot leave its page: the number comes from the tag. */
static uint8_t *put_tag_and_number(uint8_t *p, const X64Refill *r)
{
    /* For alignment by 1, 4 and 8. */
    unsigned which = (unsigned)(r->align + 1) / sizeof(uint32_t);
    int32_t mask = X64_CPU_OFS(page_mask[0]) + (int32_t)(which * sizeof(uint64_t));

    p = x64_put_env(p, X64_AND | X64_W, r->tag, mask);
    if (x64_host.pext)
        return x64_put_pext_env(p, r->index, r->tag, X64_CPU_OFS(entry_bits));
    p = put_shift(x64_put_rr(p, X64_MOV_LOAD, r->index, r->tag), r->index);
    return x64_put_env(p, X64_AND, r->index, X64_CPU_OFS(entry_mask));
}

/* A mask in the vCPU takes three bytes less than one in the instruction. */
static uint8_t *put_masks(uint8_t *p, const X64Refill *r)
{
    if (r->small)
        p = x64_put_env(p, X64_AND, r->index, X64_CPU_OFS(entry_mask));
    else
        p = x64_put_g1(p, X64_G1_AND, 0, r->index, X64_ENTRY_MASK);
    if (r->small && !r->align)
        return x64_put_env(p, X64_AND | X64_W, r->tag, X64_CPU_OFS(page_mask[0]));
    return x64_put_g1(p, X64_G1_AND, X64_W, r->tag, -(int32_t)TN_PAGE_SIZE | r->align);
}

/* An instruction with 64-bit operands on a field of the TLB entry, in the address space in force: GS has
 * its base. */
static uint8_t *put_on_entry(uint8_t *p, uint32_t op, int reg, const X64Refill *r, size_t field)
{
    *p = X64_GS;
    return x64_put_rm(p + 1, op | X64_W, reg,
                      x64_mem(r->index, (int32_t)(r->mode * sizeof(TnTlb) + field)));
}

static inline uint8_t *put_jump(uint8_t *p, bool near, unsigned cc, uint8_t **disp)
{
    *disp = near ? p + 1 : p + 2;
    return near ? x64_put(p, 0x70 | cc, 2) : x64_put(p, 0x0f | (0x80u | cc) << 8, 6);
}

/* What comes behind the head; gives the place of the jump's displacement. */
static uint8_t *put_tail(uint8_t *p, const X64Refill *r, uint8_t **miss)
{
    size_t tag = r->write ? offsetof(TnTlbEntry, write) : offsetof(TnTlbEntry, read);

    p = r->aligned ? put_tag_and_number(p, r) : put_masks(p, r);
    if (r->also)
        p = x64_put_g1(p, X64_G1_OR, X64_W, r->tag, (int32_t)r->also);
    p = put_on_entry(p, X64_CMP, r->tag, r, tag);
    p = put_jump(p, r->near, X64_NZ, miss);
    return put_on_entry(p, X64_MOV_LOAD, r->index, r, offsetof(TnTlbEntry, addend));
}

uint8_t *x64_emit_probe(X64Emit *e, const X64Refill *r)
{
    uint8_t *miss;

    e->p = put_tail(put_head(e->p, r), r, &miss);
    return miss;
}

/* ---- Tails that were made before ------------------------------------------------------------- */

/* What a tail depends on in the first form of a block, as bits. */
enum {
    KEY_TYPE = 7,          /* of an aligned access */
    KEY_ALIGNED = 1 << 3,
    KEY_NEAR = 1 << 4,
    KEY_WRITE = 1 << 5,
    KEY_MADE = 1 << 6,
    KEY_MODE_SHIFT = 7,
    KEY_INDEX_SHIFT = 11,
    KEY_TAG_SHIFT = 15,
    KEY_REG = 0xf,
};

enum { TAIL_ROOM = 40, TAILS_BITS = 9 };

typedef struct Tail {
    uint32_t key;  /* what it was made for, 0: nothing yet */
    uint8_t n;     /* bytes */
    uint8_t miss;  /* where the jump's displacement is */
    uint8_t code[TAIL_ROOM];
} Tail;

static Tail tails[1 << TAILS_BITS];

static __attribute__((noinline)) void make_tail(Tail *t, uint32_t key)
{
    X64Refill r = { .index = key >> KEY_INDEX_SHIFT & KEY_REG, .tag = key >> KEY_TAG_SHIFT & KEY_REG,
                    .mode = key >> KEY_MODE_SHIFT & TN_MEM_MODE_MASK, .write = key & KEY_WRITE,
                    .near = key & KEY_NEAR, .aligned = key & KEY_ALIGNED, .small = true };
    uint8_t code[2 * TAIL_ROOM] = { 0 }, *miss;

    if (r.aligned)
        r.align = (int32_t)tn_ir_type_size(key & KEY_TYPE) - 1;
    t->n = (uint8_t)(put_tail(code, &r, &miss) - code);
    g_assert(t->n <= TAIL_ROOM);
    memcpy(t->code, code, TAIL_ROOM);
    t->miss = (uint8_t)(miss - code);
    t->key = key;
}

static inline const Tail *find_tail(uint32_t key)
{
    enum { GOLDEN = 0x9e3779b1 };
    Tail *t = &tails[key * (uint32_t)GOLDEN >> (32 - TAILS_BITS)];

    if (TN_UNLIKELY(t->key != key))
        make_tail(t, key);
    return t;
}

/* ---- Of an access ---------------------------------------------------------------------------- */

/* One after the first of its group. */
static __attribute__((noinline)) void probe_again(X64Ctx *cx, X64Stub *s, int index)
{
    x64_rr(&cx->e, X64_TEST | X64_W, index, index);
    s->near = x64_seems_near(cx);
    cx->e.p = put_jump(cx->e.p, s->near, X64_Z, &s->from[s->n_from++]);
}

static inline void begin_group(X64Ctx *cx, X64Stub *s, X64Group *g, int index)
{
    g->probed = true;
    if (g->looks) {
        s->clear = (int8_t)index;
        return;
    }
    s->teller = X64_TOLD_OF_GROUP;
    s->place = cx->e.p;
    s->group = g;
}

/* Code for accesses that turn out not to be aligned is made anew without (x64_met_odd). */
static inline bool expects_aligned(const X64Ctx *cx, const X64Stub *s, unsigned type)
{
    enum { HAS_MASK = 1 << TN_I8 | 1 << TN_I32 | 1 << TN_I64 };

    return HAS_MASK >> type & 1 && s->kind <= X64_STUB_STORE && (type == TN_I8 || cx->settles_odd);
}

static inline bool writes(const TnIrOp *op)
{
    return op->opc != TN_IR_LD || (op->aux & TN_MEM_RMW);
}

/* In a later form of a block or one with windows, or where the guest's accesses have to be aligned. */
static __attribute__((noinline)) void probe_any(X64Ctx *cx, X64Stub *s, const TnIrOp *op,
                                                const X64Group *g, int index, int tag)
{
    int32_t above = (int32_t)tn_ir_type_size(op->type) - 1;
    bool aligned = op->aux & TN_MEM_ALIGN;
    X64Refill r = { .addr = s->addr, .index = index, .tag = tag, .mode = op->aux & TN_MEM_MODE_MASK,
                    .write = g ? g->write : writes(op), .align = aligned ? above : 0,
                    .first = g ? g->first : s->disp,
                    .last = g ? g->last : s->disp + (aligned ? 0 : above), .disp = s->disp,
                    .site = x64_site(cx), .small = cx->block->form == TN_FORM_FAST,
                    .stub = (unsigned)(s - (const X64Stub *)cx->stubs.items) };
    X64Group *w = x64_window(cx);

    if (w) {
        x64_through_window(cx, w, &r);
    } else if (r.site >= 0) {
        r.moves = cx->block->moving >> cx->info[cx->i].group & 1;
        x64_through_site(cx, &r);
    } else {
        r.aligned = !g && r.small && expects_aligned(cx, s, op->type);
        r.align = r.aligned ? above : r.align;
        s->near = r.near = x64_seems_near(cx);
        s->from[s->n_from++] = x64_emit_probe(&cx->e, &r);
    }
}

/* Only the head of this one depends on the address. */
static inline void probe_first_form(X64Ctx *cx, X64Stub *s, const TnIrOp *op, const X64Group *g,
                                    int index, int tag)
{
    bool aligned = !g && expects_aligned(cx, s, op->type), write = g ? g->write : writes(op);
    int32_t first = g ? g->first : s->disp;
    int32_t last = g ? g->last : s->disp + (int32_t)tn_ir_type_size(op->type) - 1;
    uint32_t key = KEY_MADE | (uint32_t)tag << KEY_TAG_SHIFT | (uint32_t)index << KEY_INDEX_SHIFT |
                   (op->aux & TN_MEM_MODE_MASK) << KEY_MODE_SHIFT | (write ? KEY_WRITE : 0);
    uint8_t *p = cx->e.p;
    const Tail *t;

    s->near = x64_seems_near(cx);
    key |= s->near ? KEY_NEAR : 0;
    if (aligned) {
        key |= KEY_ALIGNED | op->type;
        p = put_sum(p, X64_W, tag, s->addr, s->disp);
    } else {
        p = put_sum(put_number(p, index, s->addr, first), X64_W, tag, s->addr, last);
    }
    t = find_tail(key);
    memcpy(p, t->code, TAIL_ROOM);
    s->from[0] = p + t->miss;
    s->n_from = 1;
    cx->e.p = p + t->n;
}

void x64_probe(X64Ctx *cx, X64Stub *s, const TnIrOp *op, X64Group *g, int index, int tag)
{
    if (g && g->probed) {
        probe_again(cx, s, index);
        return;
    }
    if (g)
        begin_group(cx, s, g, index);
    if (TN_UNLIKELY(cx->block->form != TN_FORM_FAST || cx->n_windows || (op->aux & TN_MEM_ALIGN)))
        probe_any(cx, s, op, g, index, tag);
    else
        probe_first_form(cx, s, op, g, index, tag);
}
