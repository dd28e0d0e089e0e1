/* SPDX-License-Identifier: MIT */
/*
 * IR to code: probes of the soft TLB.
 *
 * The probe compares the page of the access's last byte with the tag of the entry of its first
 * one, so an access within a page passes whatever its alignment and one that crosses does not. All
 * that the allocator has to emit comes before the probe's branch: the slow path joins after the
 * access.
 *
 * There is one for every third guest instruction: its instructions are put together inline, those on
 * the entry out of words made at the start, to which only the registers are added.
 */
#include "compile.h"
#include "put.h"

_Static_assert(sizeof(TnTlbEntry) == 1 << X64_ENTRY_LOG2, "the probe scales by the entry's size");
_Static_assert(TN_PAGE_BITS + TN_TLB_BITS <= 32, "the probe takes the number from 32 bits");

/* ---- On the entry -------------------------------------------------------------------------- */

/* An instruction with 64-bit operands on a field of the TLB entry, in the address space in force: GS has
 * its base. All but the registers. */
typedef struct OnEntry {
    uint64_t bytes;
    unsigned n;
} OnEntry;

typedef enum Field { READ, WRITE, ADDEND, N_FIELDS } Field;

static OnEntry on_entry[TN_MEM_MODE_MASK + 1][N_FIELDS];

static OnEntry make_on_entry(uint32_t op, unsigned mode, size_t field)
{
    uint8_t code[2 * sizeof(uint64_t)] = { X64_GS };
    X64Mem m = x64_mem(0, (int32_t)(mode * sizeof(TnTlb) + field));
    OnEntry o = { .n = (unsigned)(x64_put_rm(code + 1, op | X64_W, 0, m) - code) };

    g_assert(o.n <= sizeof(o.bytes));
    memcpy(&o.bytes, code, sizeof(o.bytes));
    return o;
}

void x64_probes_init(void)
{
    for (unsigned mode = 0; mode <= TN_MEM_MODE_MASK; mode++) {
        OnEntry *o = on_entry[mode];

        o[READ] = make_on_entry(X64_CMP, mode, offsetof(TnTlbEntry, read));
        o[WRITE] = make_on_entry(X64_CMP, mode, offsetof(TnTlbEntry, write));
        o[ADDEND] = make_on_entry(X64_MOV_LOAD, mode, offsetof(TnTlbEntry, addend));
    }
}

/* The index is none of the registers that need other bytes as a base. */
static inline uint8_t *put_on_entry(uint8_t *p, unsigned mode, Field field, int reg, int index)
{
    enum { REX = 8, MODRM = 24 };
    const OnEntry *o = &on_entry[mode][field];

    _Static_assert(!(X64_SCRATCH_MASK & (1 << X64_RSP | 1 << X64_RBP | 1 << X64_R12 | 1 << X64_R13)),
                   "these do");
    return x64_put(p, o->bytes | (x64_high(reg) << 2 | x64_high(index)) << REX |
                          (uint64_t)x64_modrm(0, reg, index) << MODRM, o->n);
}

/* ---- Which entry --------------------------------------------------------------------------- */

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

/* It is in the low 32 bits; what is beside it goes by a mask. */
static inline uint8_t *put_number(uint8_t *p, const X64Refill *r)
{
    if (!r->first && x64_host.bmi2)
        return x64_put_rorx(p, r->index, r->addr, RIGHT);
    return put_shift(put_sum(p, 0, r->index, r->addr, r->first), r->index);
}

/* A mask in the vCPU takes three bytes less than one in the instruction. */
static inline uint8_t *put_masks(uint8_t *p, const X64Refill *r)
{
    if (r->small)
        p = x64_put_env(p, X64_AND, r->index, X64_CPU_OFS(entry_mask));
    else
        p = x64_put_g1(p, X64_G1_AND, 0, r->index, X64_ENTRY_MASK);
    if (r->small && !r->align)
        return x64_put_env(p, X64_AND | X64_W, r->tag, X64_CPU_OFS(page_mask[0]));
    return x64_put_g1(p, X64_G1_AND, X64_W, r->tag, -(int32_t)TN_PAGE_SIZE | r->align);
}

/* The number of the entry and the tag that it is to have. */
static inline uint8_t *put_number_and_tag(uint8_t *p, const X64Refill *r)
{
    p = put_number(p, r);
    p = put_sum(p, X64_W, r->tag, r->addr, r->last);
    p = put_masks(p, r);
    if (r->also)
        p = x64_put_g1(p, X64_G1_OR, X64_W, r->tag, (int32_t)r->also);
    return p;
}

/* The same where an aligned access cannot leave its page: the number comes from the tag. */
static inline uint8_t *put_tag_and_number(uint8_t *p, const X64Refill *r)
{
    /* For alignment by 1, 4 and 8. */
    int32_t which = (r->align + 1) / (int32_t)sizeof(uint32_t) * (int32_t)sizeof(uint64_t);

    p = put_sum(p, X64_W, r->tag, r->addr, r->disp);
    p = x64_put_env(p, X64_AND | X64_W, r->tag, X64_CPU_OFS(page_mask[0]) + which);
    if (x64_host.pext)
        return x64_put_pext_env(p, r->index, r->tag, X64_CPU_OFS(entry_bits));
    p = put_shift(x64_put_rr(p, X64_MOV_LOAD, r->index, r->tag), r->index);
    return x64_put_env(p, X64_AND, r->index, X64_CPU_OFS(entry_mask));
}

/* ---- The probe ----------------------------------------------------------------------------- */

static inline uint8_t *put_jump(uint8_t *p, bool near, unsigned cc, uint8_t **disp)
{
    *disp = near ? p + 1 : p + 2;
    return near ? x64_put(p, 0x70 | cc, 2) : x64_put(p, 0x0f | (0x80u | cc) << 8, 6);
}

/* Gives the place of the jump's displacement. */
static inline __attribute__((always_inline)) uint8_t *emit_probe(X64Emit *e, const X64Refill *r)
{
    uint8_t *p = r->aligned ? put_tag_and_number(e->p, r) : put_number_and_tag(e->p, r), *miss;

    p = put_on_entry(p, r->mode, r->write ? WRITE : READ, r->tag, r->index);
    p = put_jump(p, r->near, X64_NZ, &miss);
    e->p = put_on_entry(p, r->mode, ADDEND, r->index, r->index);
    return miss;
}

uint8_t *x64_emit_probe(X64Emit *e, const X64Refill *r)
{
    return emit_probe(e, r);
}

/* An access after the first of its group. */
static __attribute__((noinline)) X64Mem probed_before(X64Ctx *cx, X64Stub *s, int index)
{
    x64_rr(&cx->e, X64_TEST | X64_W, index, index);
    s->near = x64_seems_near(cx);
    cx->e.p = put_jump(cx->e.p, s->near, X64_Z, &s->from[s->n_from++]);
    return x64_mem_index(index, s->addr, 0, s->disp);
}

static void begin_group(X64Ctx *cx, X64Stub *s, X64Group *g, int index, bool stores)
{
    g->probed = true;
    if (g->looks) {
        s->clear = (int8_t)index;
        return;
    }
    s->teller = X64_TOLD_OF_GROUP;
    s->place = cx->e.p;
    s->first = g->first;
    s->last = g->last;
    s->write = g->write;
    s->stores = stores;
}

static __attribute__((noinline)) X64Mem through_window(X64Ctx *cx, const X64Stub *s, X64Refill r)
{
    X64Group *w = x64_window(cx);

    r.stub = (unsigned)(s - (const X64Stub *)cx->stubs.items);
    if (w)
        return x64_through_window(cx, w, &r);
    r.site = x64_site(cx);
    r.moves = cx->block->moving >> cx->info[cx->i].group & 1;
    return x64_through_site(cx, &r);
}

/* Code for accesses that turn out not to be aligned is made anew without (x64_met_odd). */
static inline bool expects_aligned(const X64Ctx *cx, const X64Stub *s, int32_t above)
{
    enum { HAS_MASK = 1 << 0 | 1 << (sizeof(uint32_t) - 1) | 1 << (sizeof(uint64_t) - 1) };

    return HAS_MASK >> above & 1 && s->kind <= X64_STUB_STORE && (!above || cx->settles_odd);
}

X64Mem x64_probe(X64Ctx *cx, X64Stub *s, const TnIrOp *op, int addr, int index, int tag)
{
    X64Group *g = x64_group(cx);
    int32_t above = (int32_t)tn_ir_type_size(op->type) - 1, disp = s->disp;
    bool aligned = op->aux & TN_MEM_ALIGN, write = op->opc != TN_IR_LD || (op->aux & TN_MEM_RMW);
    bool small = cx->block->form == TN_FORM_FAST;
    X64Refill r = { .addr = addr, .index = index, .tag = tag, .small = small, .site = -1,
                    .mode = op->aux >> TN_MEM_MODE_SHIFT & TN_MEM_MODE_MASK, .disp = disp };

    s->addr = (int8_t)addr;
    if (g && g->probed)
        return probed_before(cx, s, index);
    if (g) {
        begin_group(cx, s, g, index, write);
        r.first = g->first;
        r.last = g->last;
        write = g->write;
    } else {
        r.first = disp;
        r.last = disp + (aligned ? 0 : above);
    }
    r.write = write;
    r.align = aligned ? above : 0;
    if (x64_window(cx) || x64_site(cx) >= 0)
        return through_window(cx, s, r);
    if (!g && small && expects_aligned(cx, s, above)) {
        r.aligned = true;
        r.align = above;
    }
    s->near = r.near = x64_seems_near(cx);
    s->from[s->n_from++] = emit_probe(&cx->e, &r);
    return x64_mem_index(index, addr, 0, disp);
}
