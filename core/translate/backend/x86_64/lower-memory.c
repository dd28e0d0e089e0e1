/* SPDX-License-Identifier: MIT */
/*
 * IR to code: guest memory.
 *
 * The probe compares the page of the access's last byte with the tag of the entry of its first
 * one, so an access within a page passes whatever its alignment and one that crosses does not. All
 * that the allocator has to emit comes before the probe's branch: the slow path joins after the
 * access.
 */
#include "compile.h"
#include "put.h"
#include "slow.h"

_Static_assert(sizeof(TnTlbEntry) == 1 << X64_ENTRY_LOG2, "the probe scales by the entry's size");
_Static_assert(TN_PAGE_BITS + TN_TLB_BITS <= 32, "the probe takes the number from 32 bits");

/* An instruction on a field of the TLB entry found, in the address space in force: GS has its base. */
static inline uint8_t *put_of_entry(uint8_t *p, uint32_t op, int reg, const X64Refill *r,
                                    size_t field)
{
    *p = X64_GS;
    return x64_put_rm(p + 1, op, reg, x64_mem(r->index, (int32_t)(r->mode * sizeof(TnTlb) + field)));
}

static unsigned mode_of(const TnIrOp *op)
{
    return op->aux >> TN_MEM_MODE_SHIFT & TN_MEM_MODE_MASK;
}

static bool is_write(const TnIrOp *op)
{
    return op->opc != TN_IR_LD || (op->aux & TN_MEM_RMW);
}

X64Stub *x64_new_stub(X64Ctx *cx, const TnIrOp *op, X64StubKind kind)
{
    X64Stub *s = X64_LIST_ADD(cx->stubs, X64Stub);
    uint32_t wide = 0;

    s->kind = (uint8_t)kind;
    s->teller = X64_TOLD_BY_NOTE;
    s->near = s->wide = s->vector = false;
    s->addr = 0;
    s->dst = s->clear = X64_NONE;
    s->mem = op->aux | (uint32_t)op->type << 16;
    s->disp = 0;
    s->pc = x64_insn_pc(cx);
    s->n_from = s->n_flags = 0;
    s->live_vec = cx->vectors ? (uint16_t)x64_vlive(cx, &wide) : 0;
    s->wide_vec = (uint16_t)wide;
    /* Nobody looks at the state there: their operands may be gone. */
    if (cx->pending_flags != TN_TEMP_NONE && kind != X64_STUB_X87_ENTER && kind != X64_STUB_X87_SYNC)
        s->n_flags = (uint8_t)(x64_put_pending(cx, cx->pending_flags, s->flags) - s->flags);
    return s;
}

/* The register for what the probe finds: of a group it stays. */
static int index_reg(X64Ctx *cx)
{
    X64Group *g = x64_group(cx);

    if (!g)
        return x64_tmp(cx);
    return g->probed ? x64_in(cx, g->addend) : x64_out(cx, g->addend, X64_NONE, 0);
}

/* An access after the first of its group. */
static X64Mem probed_before(X64Ctx *cx, X64Stub *s, int addr, int index, int32_t disp)
{
    x64_rr(&cx->e, X64_TEST | X64_W, index, index);
    s->addr = (int8_t)addr;
    s->disp = disp;
    s->near = x64_seems_near(cx);
    s->from[s->n_from++] = s->near ? x64_jcc8(&cx->e, X64_Z) : x64_jcc32(&cx->e, X64_Z);
    return x64_mem_index(index, addr, 0, disp);
}

enum { RIGHT = TN_PAGE_BITS - X64_ENTRY_LOG2 };

/* It is in the low 32 bits; what is beside it goes by a mask. */
static inline uint8_t *number_of_entry(uint8_t *p, const X64Refill *r)
{
    if (!r->first && x64_host.bmi2)
        return x64_put_rorx(p, r->index, r->addr, RIGHT);
    if (r->first)
        p = x64_put_rm(p, X64_LEA, r->index, x64_mem(r->addr, r->first));
    else
        p = x64_put_rr(p, X64_MOV_LOAD, r->index, r->addr);
    p = x64_put_rr(p, X64_GRP2_IMM8, X64_G2_SHR, r->index);
    *p = RIGHT;
    return p + 1;
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
static uint8_t *put_number_and_tag(uint8_t *p, const X64Refill *r)
{
    p = number_of_entry(p, r);
    if (r->last)
        p = x64_put_rm(p, X64_LEA | X64_W, r->tag, x64_mem(r->addr, r->last));
    else
        p = x64_put_rr(p, X64_MOV_LOAD | X64_W, r->tag, r->addr);
    p = put_masks(p, r);
    if (r->also)
        p = x64_put_g1(p, X64_G1_OR, X64_W, r->tag, (int32_t)r->also);
    return p;
}

/* The same where an aligned access cannot leave its page: the number comes from the tag. */
static uint8_t *put_tag_and_number(uint8_t *p, const X64Refill *r)
{
    int32_t masks = X64_CPU_OFS(page_mask[0]);
    unsigned which = !r->align ? 0 : r->align < (int32_t)sizeof(uint32_t) ? 1 : 2;

    if (r->disp)
        p = x64_put_rm(p, X64_LEA | X64_W, r->tag, x64_mem(r->addr, r->disp));
    else
        p = x64_put_rr(p, X64_MOV_LOAD | X64_W, r->tag, r->addr);
    p = x64_put_env(p, X64_AND | X64_W, r->tag, masks + (int32_t)(which * sizeof(uint64_t)));
    if (x64_host.pext)
        return x64_put_pext_env(p, r->index, r->tag, X64_CPU_OFS(entry_bits));
    p = x64_put_rr(p, X64_MOV_LOAD, r->index, r->tag);
    p = x64_put_rr(p, X64_GRP2_IMM8, X64_G2_SHR, r->index);
    *p = RIGHT;
    return x64_put_env(p + 1, X64_AND, r->index, X64_CPU_OFS(entry_mask));
}

uint8_t *x64_emit_probe(X64Emit *e, const X64Refill *r)
{
    size_t tag = r->write ? offsetof(TnTlbEntry, write) : offsetof(TnTlbEntry, read);
    uint8_t *p = r->aligned ? put_tag_and_number(e->p, r) : put_number_and_tag(e->p, r), *miss;

    e->p = put_of_entry(p, X64_CMP | X64_W, r->tag, r, tag);
    miss = r->near ? x64_jcc8(e, X64_NZ) : x64_jcc32(e, X64_NZ);
    e->p = put_of_entry(e->p, X64_MOV_LOAD | X64_W, r->index, r, offsetof(TnTlbEntry, addend));
    return miss;
}

static unsigned number_of(const X64Ctx *cx, const X64Stub *s)
{
    return (unsigned)(s - (const X64Stub *)cx->stubs.items);
}

static void leave_where_it_fails(X64Ctx *cx, X64Stub *s, const TnIrOp *op, const X64Group *g)
{
    s->teller = X64_TOLD_OF_GROUP;
    s->place = cx->e.p;
    s->first = g->first;
    s->last = g->last;
    s->write = g->write;
    s->stores = is_write(op);
}

/* Code for accesses that turn out not to be aligned is made anew without (x64_met_odd). */
static void expect_aligned(X64Ctx *cx, const X64Stub *s, X64Refill *r, int32_t above)
{
    bool has_mask = above == 0 || above + 1 == sizeof(uint32_t) || above + 1 == sizeof(uint64_t);

    if (!r->small || x64_group(cx) || !has_mask ||
        (s->kind != X64_STUB_LOAD && s->kind != X64_STUB_STORE) || (above && !cx->settles_odd))
        return;
    r->aligned = true;
    r->align = above;
}

X64Mem x64_probe(X64Ctx *cx, X64Stub *s, const TnIrOp *op, int addr, int index, int tag)
{
    X64Group *g = x64_group(cx), *w = x64_window(cx);
    int site = x64_site(cx);
    int32_t above = (int32_t)tn_ir_type_size(op->type) - 1;
    bool aligned = op->aux & TN_MEM_ALIGN;
    bool atomic = op->opc == TN_IR_ATOMIC_RMW || op->opc == TN_IR_ATOMIC_CAS;
    int32_t disp = atomic ? 0 : (int32_t)op->imm;
    X64Refill r = { .addr = addr, .index = index, .tag = tag, .mode = mode_of(op),
                    .write = g ? g->write : is_write(op), .align = aligned ? above : 0,
                    .first = g ? g->first : disp,
                    .last = g ? g->last : disp + (aligned ? 0 : above), .disp = disp, .site = -1,
                    .small = cx->block->form == TN_FORM_FAST };

    if (g && g->probed)
        return probed_before(cx, s, addr, index, disp);
    if (g) {
        g->probed = true;
        if (g->looks)
            s->clear = (int8_t)index;
        else
            leave_where_it_fails(cx, s, op, g);
    }
    s->addr = (int8_t)addr;
    s->disp = disp;
    if (w) {
        r.stub = number_of(cx, s);
        return x64_through_window(cx, w, &r);
    }
    if (site >= 0) {
        r.site = site;
        r.moves = cx->block->moving >> cx->info[cx->i].group & 1;
        r.stub = number_of(cx, s);
        return x64_through_site(cx, &r);
    }
    expect_aligned(cx, s, &r, above);
    s->near = r.near = x64_seems_near(cx);
    s->from[s->n_from++] = x64_emit_probe(&cx->e, &r);
    return x64_mem_index(index, addr, 0, disp);
}

/* The register with the address; displacements that do not fit are added. */
static int address(X64Ctx *cx, TnIrOp *op)
{
    int ra = x64_in(cx, op->a), sum;

    if (op->imm == (uint64_t)(int32_t)op->imm && (int32_t)op->imm < INT32_MAX - 64)
        return ra;
    sum = x64_tmp(cx);
    x64_mov_ri(&cx->e, sum, op->imm);
    x64_rr(&cx->e, X64_ADD | X64_W, sum, ra);
    op->imm = 0;
    return sum;
}

static bool extends_to_32(const TnIrOp *op)
{
    return (op->aux & TN_MEM_SIGN) && (op->aux & TN_MEM_DST32);
}

static void fast_load(X64Ctx *cx, const TnIrOp *op, int dst, X64Mem m)
{
    static const uint32_t plain[] = { X64_MOVZX8 & ~X64_BYTE_RM, X64_MOVZX16, X64_MOV_LOAD,
                                      X64_MOV_LOAD | X64_W };
    static const uint32_t sign[] = { X64_MOVSX8 & ~X64_BYTE_RM, X64_MOVSX16, X64_MOVSXD };
    bool to32 = extends_to_32(op), is_signed = (op->aux & TN_MEM_SIGN) && op->type < TN_I64;

    if (is_signed && !(op->type == TN_I32 && to32))
        x64_rm(&cx->e, sign[op->type] | (to32 ? 0 : X64_W), dst, m);
    else
        x64_rm(&cx->e, plain[to32 && op->type == TN_I64 ? TN_I32 : op->type], dst, m);
}

/* Other byte order: load plainly, swap, extend. */
static void swapped_load(X64Ctx *cx, const TnIrOp *op, int dst, X64Mem m)
{
    TnIrOp plain = *op;
    bool is_signed = op->aux & TN_MEM_SIGN;

    plain.aux &= (uint16_t)~(TN_MEM_SIGN | TN_MEM_DST32);
    fast_load(cx, &plain, dst, m);
    if (op->type == TN_I8)
        return;
    if (op->type == TN_I16) {
        x64_rri(&cx->e, X64_GRP2_IMM8 | X64_66, X64_G2_ROL, dst, 8);
        if (is_signed)
            x64_rr(&cx->e, X64_MOVSX16 | (extends_to_32(op) ? 0 : X64_W), dst, dst);
        return;
    }
    x64_bswap(&cx->e, op->type == TN_I64 ? X64_W : 0, dst);
    if (is_signed && op->type == TN_I32 && !extends_to_32(op))
        x64_rr(&cx->e, X64_MOVSXD, dst, dst);
    if (extends_to_32(op) && op->type == TN_I64)
        x64_mov_rr(&cx->e, 0, dst, dst);
}

static void load(X64Ctx *cx, const TnIrOp *op, int dst, X64Mem m)
{
    if ((op->aux & TN_MEM_BSWAP) && op->type != TN_I8)
        swapped_load(cx, op, dst, m);
    else
        fast_load(cx, op, dst, m);
}

/* Whether the host's instruction will say all that a slow path has to know: see x64_read_insn. */
static bool says_all(const TnIrOp *op)
{
    enum { MODES = 3 }; /* what the note's head has bits for */
    unsigned said = MODES | TN_MEM_SIGN | (op->type < TN_I64 ? TN_MEM_DST32 : 0);

    return !(op->aux & ~said);
}

/* Behind the plain move of the access that the slow path is of. */
static void end_access(X64Ctx *cx, const TnIrOp *op, X64Stub *s, uint8_t *move)
{
    if (s->teller == X64_TOLD_OF_GROUP)
        return;
    s->teller = says_all(op) ? X64_TOLD_BY_INSN : X64_TOLD_BY_NOTE;
    s->place = s->teller == X64_TOLD_BY_INSN ? move : cx->e.p;
}

static void lower_load(X64Ctx *cx, TnIrOp *op)
{
    int ra = address(cx, op), index = index_reg(cx), tag = x64_tmp(cx), dst;
    uint8_t *move;
    X64Stub *s;
    X64Mem m;

    s = x64_new_stub(cx, op, X64_STUB_LOAD);
    x64_release(cx);
    dst = x64_out(cx, op->dst, tag, 0);
    s->dst = (int8_t)dst;
    m = x64_probe(cx, s, op, ra, index, tag);
    move = cx->e.p;
    load(cx, op, dst, m);
    end_access(cx, op, s, move);
}

static bool store_imm_fits(const X64Ctx *cx, const TnIrOp *op)
{
    return x64_is_const(cx, op->b) && !(op->aux & TN_MEM_BSWAP) &&
           (op->type != TN_I64 || x64_fits32(cx->temps[op->b].value));
}

static void fast_store(X64Ctx *cx, const TnIrOp *op, const X64Src *value, int tmp, X64Mem m)
{
    if (value->kind == X64_SRC_IMM) {
        x64_store_imm(&cx->e, op->type, m, (int32_t)value->imm);
        return;
    }
    if ((op->aux & TN_MEM_BSWAP) && op->type != TN_I8) {
        x64_mov_rr(&cx->e, X64_W, tmp, value->reg);
        if (op->type == TN_I16)
            x64_rri(&cx->e, X64_GRP2_IMM8 | X64_66, X64_G2_ROL, tmp, 8);
        else
            x64_bswap(&cx->e, op->type == TN_I64 ? X64_W : 0, tmp);
        x64_store_sized(&cx->e, op->type, tmp, m);
        return;
    }
    x64_store_sized(&cx->e, op->type, value->reg, m);
}

static X64Src stored_value(X64Ctx *cx, const TnIrOp *op)
{
    if (store_imm_fits(cx, op))
        return (X64Src){ .kind = X64_SRC_IMM, .imm = cx->temps[op->b].value };
    return (X64Src){ .kind = X64_SRC_REG, .reg = x64_in(cx, op->b) };
}

static void lower_store(X64Ctx *cx, TnIrOp *op)
{
    int ra = address(cx, op), index, tag;
    X64Src value = stored_value(cx, op);
    uint8_t *move;
    X64Stub *s;
    X64Mem m;

    index = index_reg(cx);
    tag = x64_tmp(cx);
    s = x64_new_stub(cx, op, X64_STUB_STORE);
    s->value = value;
    m = x64_probe(cx, s, op, ra, index, tag);
    move = cx->e.p;
    fast_store(cx, op, &value, tag, m);
    end_access(cx, op, s, move);
}

/* MOVD and MOVQ from and to memory. */
static void lower_scalar(X64Ctx *cx, TnIrOp *op)
{
    int ra = address(cx, op), index = index_reg(cx), tag = x64_tmp(cx), reg;
    bool load = op->opc == TN_IR_LD;
    unsigned w = op->type == TN_I64 ? X64_W : 0;
    X64Stub *s;
    X64Mem m;

    reg = load ? X64_NONE : x64_vin(cx, op->b);
    s = x64_new_stub(cx, op, load ? X64_STUB_LOAD : X64_STUB_STORE);
    s->vector = true;
    if (load) {
        x64_release(cx);
        reg = x64_vout(cx, op->dst, X64_NONE, 0);
        s->dst = (int8_t)reg;
        s->live_vec &= (uint16_t)~(1u << reg);
    } else {
        s->value = (X64Src){ .kind = X64_SRC_REG, .reg = reg };
    }
    m = x64_probe(cx, s, op, ra, index, tag);
    if (load)
        x64_vload_low(&cx->e, w, reg, m);
    else
        x64_vstore_low(&cx->e, w, reg, m);
    if (s->teller != X64_TOLD_OF_GROUP)
        s->place = cx->e.p;
}

static void lower_vector(X64Ctx *cx, TnIrOp *op)
{
    int ra = address(cx, op), index = index_reg(cx), tag = x64_tmp(cx), reg;
    bool load = op->opc == TN_IR_LD, wide = op->type == TN_V256;
    X64Stub *s;
    X64Mem m;

    cx->wide_used |= wide;
    reg = load ? X64_NONE : x64_vin(cx, op->b);
    s = x64_new_stub(cx, op, load ? X64_STUB_LOAD_VEC : X64_STUB_STORE_VEC);
    if (load) {
        x64_release(cx);
        reg = x64_vout(cx, op->dst, X64_NONE, 0);
    }
    s->dst = (int8_t)reg;
    s->wide = wide;
    if (load)
        s->live_vec &= (uint16_t)~(1u << reg);
    m = x64_probe(cx, s, op, ra, index, tag);
    if (load)
        x64_vload(&cx->e, wide, reg, m);
    else
        x64_vstore(&cx->e, wide, reg, m);
    if (s->teller != X64_TOLD_OF_GROUP)
        s->place = cx->e.p;
}

/* Whether the group's first access, which was lowered before, has seen to it that it cannot fail. */
static bool is_settled(X64Ctx *cx)
{
    const X64Group *g = x64_group(cx);

    return g && g->probed && !g->looks;
}

static X64Mem settled(X64Ctx *cx, TnIrOp *op)
{
    int ra = address(cx, op);

    return x64_mem_index(x64_in(cx, x64_group(cx)->addend), ra, 0, (int32_t)op->imm);
}

/* An access that cannot fail: of a hoisted group (rounds.c) or settled. */
static void lower_plain(X64Ctx *cx, const TnIrOp *op, X64Mem m)
{
    bool is_vector = tn_ir_type_is_vector(op->type), wide = op->type == TN_V256;
    bool scalar = cx->info[cx->i].flags & X64_OP_VECTOR;
    unsigned w = op->type == TN_I64 ? X64_W : 0;

    cx->wide_used |= wide;
    if (op->opc == TN_IR_LD) {
        x64_release(cx);
        if (is_vector)
            x64_vload(&cx->e, wide, x64_vout(cx, op->dst, X64_NONE, 0), m);
        else if (scalar)
            x64_vload_low(&cx->e, w, x64_vout(cx, op->dst, X64_NONE, 0), m);
        else
            load(cx, op, x64_out(cx, op->dst, X64_NONE, 0), m);
    } else if (is_vector) {
        x64_vstore(&cx->e, wide, x64_vin(cx, op->b), m);
    } else if (scalar) {
        x64_vstore_low(&cx->e, w, x64_vin(cx, op->b), m);
    } else {
        X64Src value = stored_value(cx, op);

        fast_store(cx, op, &value, op->aux & TN_MEM_BSWAP ? x64_tmp(cx) : X64_NONE, m);
    }
}

void x64_lower_memory(X64Ctx *cx, const TnIrOp *op)
{
    TnIrOp copy = *op;

    if (cx->info[cx->i].flags & X64_OP_HOISTED) {
        lower_plain(cx, op, x64_hoisted(cx, op));
        return;
    }
    if (is_settled(cx)) {
        X64Mem m = settled(cx, &copy);

        lower_plain(cx, &copy, m);
        return;
    }
    if (cx->info[cx->i].flags & X64_OP_VECTOR)
        lower_scalar(cx, &copy);
    else if (tn_ir_type_is_vector(op->type))
        lower_vector(cx, &copy);
    else if (op->opc == TN_IR_LD)
        lower_load(cx, &copy);
    else
        lower_store(cx, &copy);
}
