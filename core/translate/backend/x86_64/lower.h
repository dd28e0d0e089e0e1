/* SPDX-License-Identifier: MIT */
/* IR to code, by family, and what the families share. */
#ifndef TN_X64_LOWER_H
#define TN_X64_LOWER_H

#include "regalloc.h"

/* ---- lower-*.c --------------------------------------------------------------------------- */

/* All operations; false where there is no room. */
bool x64_lower(X64Ctx *cx);

enum { X64_OP_ROOM = 2048 }; /* no operation and no stub is longer */

/* Room for one more operation or stub. */
static inline bool x64_room(const X64Ctx *cx)
{
    return cx->e.limit - cx->e.p >= X64_OP_ROOM;
}

/* A GET that is the pinned register itself. */
static inline bool x64_get_is_done(X64Ctx *cx, const TnIrOp *op)
{
    int pin = x64_plan.pin[op->aux];

    if (pin == X64_NONE || op->type != TN_I64)
        return false;
    x64_hold(cx, op->dst, pin, (unsigned)pin);
    return true;
}

/* A PUT of flags, which waits, or of what was computed in place. */
static inline bool x64_put_is_done(X64Ctx *cx, const TnIrOp *op)
{
    const X64Temp *t = &cx->temps[op->a];

    if (op->aux == x64_plan.flags_reg) {
        if (x64_home_of(cx, op->aux))
            return false;
        cx->pending_flags = op->a;
        return true;
    }
    return op->type == TN_I64 && t->reg != X64_NONE && t->reg == x64_plan.pin[op->aux];
}

void x64_lower_get(X64Ctx *cx, const TnIrOp *op);
void x64_lower_put(X64Ctx *cx, const TnIrOp *op);
void x64_lower_add(X64Ctx *cx, const TnIrOp *op);
void x64_lower_sub(X64Ctx *cx, const TnIrOp *op);
void x64_lower_commutative(X64Ctx *cx, const TnIrOp *op);
void x64_lower_mul_high(X64Ctx *cx, const TnIrOp *op);
void x64_lower_andn(X64Ctx *cx, const TnIrOp *op);
void x64_lower_unary(X64Ctx *cx, const TnIrOp *op);
void x64_lower_shift(X64Ctx *cx, const TnIrOp *op);
void x64_lower_addi(X64Ctx *cx, const TnIrOp *op);
void x64_lower_logic_imm(X64Ctx *cx, const TnIrOp *op);
void x64_lower_shift_imm(X64Ctx *cx, const TnIrOp *op);
void x64_lower_lea(X64Ctx *cx, const TnIrOp *op);
void x64_lower_bits(X64Ctx *cx, const TnIrOp *op);
void x64_lower_state(X64Ctx *cx, const TnIrOp *op);
void x64_lower_flags(X64Ctx *cx, const TnIrOp *op);
void x64_lower_condition(X64Ctx *cx, const TnIrOp *op);
void x64_lower_memory(X64Ctx *cx, const TnIrOp *op);
void x64_lower_atomic(X64Ctx *cx, const TnIrOp *op);
void x64_lower_call(X64Ctx *cx, const TnIrOp *op);
void x64_lower_hostv(X64Ctx *cx, const TnIrOp *op);
void x64_lower_hostx(X64Ctx *cx, const TnIrOp *op);
/* The instruction of a memory form on another place than the guest's memory: in stubs. */
void x64_hostx_memory(X64Emit *e, TnHostX x, X64Mem m);
void x64_lower_exit(X64Ctx *cx, const TnIrOp *op);
void x64_lower_exit_if(X64Ctx *cx, const TnIrOp *op);
void x64_lower_exit_ind(X64Ctx *cx, const TnIrOp *op);
void x64_lower_exit_loop(X64Ctx *cx, const TnIrOp *op);
void x64_lower_exit_loop_ind(X64Ctx *cx, const TnIrOp *op);
void x64_lower_exit_state(X64Ctx *cx, const TnIrOp *op);
/* An exit to a pc in a host register, once the flags are taken care of (indirect.c). */
void x64_emit_indirect(X64Ctx *cx, const TnIrOp *op, int pc);
void x64_emit_stubs(X64Ctx *cx);
void x64_emit_sides(X64Ctx *cx);

/* ---- exits.c ----------------------------------------------------------------------------- */

/* One more exit of the block, to be filled in before the next. */
static inline TnBlockExit *x64_new_exit(X64Ctx *cx, uint64_t pc)
{
    TnBlockExit *x = X64_LIST_ADD(cx->exits, TnBlockExit);

    *x = (TnBlockExit){ .pc = pc, .from = cx->block };
    return x;
}

/* The call by which an exit leaves that is not linked, with the displacement of the jump to it; its
 * note follows. Gives its place. */
uint8_t *x64_way_out_from(X64Emit *e, uint8_t *jump);
/* The same for the last exit, after the block: with a note, or a request, where that is added. */
static inline X64WayOut *x64_leave_behind(X64Ctx *cx, uint8_t *jump)
{
    X64WayOut *w = X64_LIST_ADD(cx->ways_out, X64WayOut);

    w->jump = jump;
    w->request = NULL;
    w->exit = cx->exits.len - 1;
    w->flags.n = 0;
    return w;
}

/* Those ways out, and the block's own table of exits. */
void x64_emit_exits(X64Ctx *cx);

/* ---- probe.c ----------------------------------------------------------------------------- */

/* Emits the TLB probe of the access op, of a group or NULL, at s->addr and s->disp: the host's access is
 * at the sum of these and register index then; tag is clobbered. */
void x64_probe(X64Ctx *cx, X64Stub *s, const TnIrOp *op, X64Group *g, int index, int tag);
/* The same alone: r->index becomes the addend, r->tag the page. Returns the jump of a miss. */
uint8_t *x64_emit_probe(X64Emit *e, const X64Refill *r);

/* ---- reach.c ----------------------------------------------------------------------------- */

enum {
    X64_REACH = INT8_MAX - 28, /* of a short jump, less what guesses are wrong by */
    X64_GUESS_STUB = 10,       /* bytes of a slow path */
};

/* Whether the slow path of the operation being lowered seems to be within reach of a short jump. */
static inline bool x64_seems_near(X64Ctx *cx)
{
    bool seems = cx->tries_near && cx->info[cx->i].ahead + cx->n_near * X64_GUESS_STUB < X64_REACH;

    cx->n_near += seems;
    return seems;
}

/* Where a short jump leads that was emitted because it seemed to do. */
void x64_end_near_jump(X64Ctx *cx, uint8_t *disp);

/* A call in three steps: what comes before the arguments are looked at, then the call with
 * everything spilled. */
void x64_before_call(X64Ctx *cx, uint32_t flags);
void x64_call_helper(X64Ctx *cx, void (*fn)(void), uint32_t flags, X64Src *args, int n);
X64Src x64_cpu_arg(void);
/* state or TnCpu field = pc; flags are kept. */
void x64_store_pc(X64Ctx *cx, int32_t env_ofs, uint64_t pc);

/* dst = src at w (0: zero-extended low half), whatever src is. */
void x64_mov_src(X64Ctx *cx, unsigned w, int dst, const X64Src *src);
/* op dst, src for X64_ADD ... X64_CMP at a size. */
void x64_alu_src(X64Emit *e, uint32_t op, unsigned size_log2, int dst, const X64Src *src);

/* Sets the host's flags so that the condition code returned is true where t is nonzero. */
unsigned x64_cond(X64Ctx *cx, TnTemp t);
/* Whether the result of the operation that also computes flags v can stand for its first operand. */
static inline bool x64_has_result(const X64Ctx *cx, const X64Temp *v, unsigned fop)
{
    return fop != TN_FLAGS_LOGIC && v->partner &&
           (cx->temps[v->partner].flags & (X64_T_DEFINED | X64_T_CONST));
}
/* Freezes how packed flags t are to be computed. */
void x64_freeze(X64Ctx *cx, TnTemp t, X64Recipe *r);
/* Leaves the pending flags to whoever comes next, on a path that leaves the block: temporaries may
 * be clobbered except those in `keep`. Does not change what the allocator knows. */
void x64_flush_flags_leaving(X64Ctx *cx, uint32_t keep);
/* The same for a recipe frozen before; host_live: the host's flags are already its. */
void x64_leave_recipe(X64Ctx *cx, const X64Recipe *r, bool host_live, uint32_t keep);
/* Whether that may also be emitted when the exit is linked, without the context, and doing so. */
bool x64_may_store_later(const X64Ctx *cx, TnTemp t);
void x64_store_later(X64Emit *e, const X64Recipe *r);
/* The host's flags that there are, of a recipe of that kind, stored the same way; they stay. eax */
void x64_store_host_later(X64Emit *e, bool of_logic);
/* AH and bit 0 of AL become the host's flags, which stay, and its overflow. */
void x64_get_host_flags(X64Emit *e);
/* Packed flags from AX; the bits above are anything. */
uint32_t x64_pack_host_flags(uint32_t eax, bool of_logic);
/* X64_LAZY_* of a recipe. */
int32_t x64_recipe_word(const X64Recipe *r);
/* Where the block reads the flags it was entered with: sees to it that they are in the state. */
void x64_enter_flags(X64Ctx *cx);
/* True where the host's flags are now those of t, but for the carry of INC and DEC. */
static inline bool x64_host_has(const X64Ctx *cx, TnTemp t)
{
    return cx->e.flags_at == cx->e.p && cx->host_flags &&
           (cx->host_flags == t || cx->host_flags == cx->temps[t].partner) &&
           (x64_opt & TN_OPT_SHARE_FLAGS);
}
/* The host's carry becomes one of the low 32 bits of src. */
void x64_bt_src(X64Ctx *cx, const X64Src *src, unsigned bit);
/* Makes them so from flags that are not packed; need_carry: of INC and DEC, too. */
void x64_make_host_flags(X64Ctx *cx, TnTemp t, bool need_carry);
/* Stores the pending flags to the state and goes on. */
void x64_flush_flags(X64Ctx *cx);
/* eax = packed flags (of them `bits`) from the host's. */
void x64_pack_rax(X64Ctx *cx, uint32_t bits);
/* eax = packed flags t from the host's, which have O clear and stand until something changes them. */
void x64_pack_rax_without_overflow(X64Ctx *cx, TnTemp t);
/* Computes a virtual FLAGS into a register. */
void x64_materialise_flags(X64Ctx *cx, TnTemp t);

/* ---- vector-regs.c ----------------------------------------------------------------------- */

/* True where an operation needs whole vector registers. */
bool x64_looks_at_upper(const TnIrOp *op);
/* Before a vector operation: the pinned vector registers are in host registers. */
void x64_vec_enter(X64Ctx *cx, const TnIrOp *op);
/* After code in C: they are in the state. */
void x64_vec_lost(X64Ctx *cx);
void x64_lower_vector_reg(X64Ctx *cx, const TnIrOp *op); /* GET, PUT, CLEAR_UPPER */
/* Whether a PUT of V128 may be computed in its register. */
bool x64_vec_in_place(const X64Ctx *cx, const TnIrOp *put);

/* A block that leaves upper halves in use where no vec_state tells of them has to clear them. */
static inline bool x64_must_clear_upper(const X64Ctx *cx)
{
    return cx->wide_used && !x64_plan.vpin_mask;
}

#endif
