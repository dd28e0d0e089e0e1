/* SPDX-License-Identifier: MIT */
/* The passes before the code is emitted, and what they leave for the operation being lowered. */
#ifndef TN_X64_PASSES_H
#define TN_X64_PASSES_H

#include "context.h"

/* ---- forward.c, backward.c: in this order ------------------------------------------------ */

void x64_forwards(X64Ctx *cx, const TnIrOp *ops, int n_ops);
void x64_backwards(X64Ctx *cx);

/* scalar.c, on the way backwards: a load that only feeds the MOVD i goes to the vector register, and
 * there is no MOVD then; a store of what one gives takes it from there. */
bool x64_fold_scalar_load(X64Ctx *cx, int i, TnIrOp *op);
void x64_fold_scalar_store(X64Ctx *cx, int i, TnIrOp *op);

/* The pc of the guest instruction that the operation being lowered is of. */
static inline uint64_t x64_insn_pc(const X64Ctx *cx)
{
    return cx->insns[cx->info[cx->i].insn];
}

static inline bool x64_is_const(const X64Ctx *cx, TnTemp t)
{
    return cx->temps[t].flags & X64_T_CONST;
}

/* How many of the first operands an operation looks at in their low 32 bits only. */
static inline unsigned x64_reads_low_half(const TnIrOp *op)
{
    if (op->opc >= TN_IR_EXT8U && op->opc <= TN_IR_EXT32S)
        return 1;
    if (op->opc == TN_IR_FLAGS)
        return op->aux >> 8 <= 2 ? 2 : 0;
    return op->type == TN_I32 && op->opc >= TN_IR_ADD && op->opc <= TN_IR_SETCOND ? 2 : 0;
}

/* A DEPOSIT that replaces bit 0 by one of the low 32 bits of its operand b. In these `imm` has, above
 * the length of the field, the number of that bit. */
enum { X64_BIT_SHIFT = 8 };

static inline bool x64_deposits_bit(const TnIrOp *op)
{
    return op->opc == TN_IR_DEPOSIT && op->type == TN_I32 && op->aux == 0 &&
           (uint8_t)op->imm == 1 && op->a != op->b;
}

static inline unsigned x64_bit_deposited(const TnIrOp *op)
{
    return (unsigned)(op->imm >> X64_BIT_SHIFT);
}

/* A FLAGCOND of the carry that such a DEPOSIT put into flags asks for the bit that was deposited: its
 * `imm` is one more than the number of that, in any other FLAGCOND it is 0. */
static inline void x64_ask_bit(TnIrOp *op, const TnIrOp *deposit)
{
    op->a = deposit->b;
    op->imm = x64_bit_deposited(deposit) + 1;
}

static inline unsigned x64_bit_asked(const TnIrOp *op)
{
    return (unsigned)op->imm - 1;
}

/* Where a SETCOND asks whether its second operand is the sign extension of its low bits, how many
 * there are not among these; else 0. Its first operand is not needed then. */
static inline unsigned x64_tests_sign(const X64Ctx *cx, const TnIrOp *op)
{
    enum { MOST = 30 };

    if (op->opc != TN_IR_SETCOND || op->type != TN_I64 ||
        (op->aux != TN_COND_EQ && op->aux != TN_COND_NE))
        return 0;
    const TnIrOp *right = &cx->ops[MAX(cx->temps[op->a].def, 0)];
    const TnIrOp *left = &cx->ops[MAX(cx->temps[right->a].def, 0)];
    bool tests = right->dst == op->a && right->opc == TN_IR_SARI && right->type == TN_I64 &&
                 right->imm <= MOST && left->dst == right->a && left->opc == TN_IR_SHLI &&
                 left->type == TN_I64 && left->imm == right->imm && left->a == op->b;

    return tests ? (unsigned)right->imm : 0;
}

/* ---- groups.c ---------------------------------------------------------------------------- */

/* The same address as that of an access, without the constants that were added to it. */
typedef struct X64Root {
    TnTemp temp;
    int64_t disp;
} X64Root;

enum { X64_GROUP_SPAN = 128 }; /* bytes of most groups: more would cross pages too often */

void x64_groups_begin(X64Ctx *cx);
/* On the way forwards: a LD or ST, a helper's call, a conditional exit, what else does something. */
void x64_join_group(X64Ctx *cx, int i, X64OpInfo *info, const TnIrOp *op, X64Root root);
void x64_groups_at_call(X64Ctx *cx, uint32_t helper_flags);
static inline void x64_groups_at_branch(X64Ctx *cx)
{
    cx->first_unsettled = cx->n_groups;
}
static inline void x64_groups_at_access(X64Ctx *cx, const X64OpInfo *info)
{
    cx->touched = info->insn;
}
static inline void x64_groups_at_change(X64Ctx *cx, const X64OpInfo *info)
{
    cx->touched = cx->changed = info->insn;
}
/* After both walks. */
void x64_finish_groups(X64Ctx *cx);

/* The group of the operation being lowered, or NULL. */
static inline X64Group *x64_group(X64Ctx *cx)
{
    unsigned group = cx->info[cx->i].group;

    return group && cx->groups[group].addend ? &cx->groups[group] : NULL;
}

/* ---- loops.c ----------------------------------------------------------------------------- */

void x64_find_loop(X64Ctx *cx);
/* The code that only an entry from elsewhere runs. */
void x64_enter_loop(X64Ctx *cx);

/* The group whose window the operation being lowered may go through, or NULL. */
static inline X64Group *x64_window(X64Ctx *cx)
{
    X64Group *g = &cx->groups[cx->info[cx->i].group];
    return cx->info[cx->i].group && g->window ? g : NULL;
}

/* Emits what stands for a probe; r says how to probe. */
void x64_through_window(X64Ctx *cx, const X64Group *g, X64Refill *r);
void x64_emit_refills(X64Ctx *cx); /* before the stubs */
/* Leaves a mark for flags at the exit being lowered, where it may. */
void x64_mark_flags(X64Ctx *cx, TnTemp flags);

/* ---- rounds.c ---------------------------------------------------------------------------- */

/* True where the block is one of several rounds. */
static inline bool x64_has_rounds(const X64Ctx *cx)
{
    return cx->block->asked == TN_BLOCK_ROUNDS;
}

/* Between the two walks: finds the groups whose bases are known when the block is entered. */
void x64_hoist_probes(X64Ctx *cx);
/* The probes, and where they lead when one fails. */
void x64_emit_guard(X64Ctx *cx);
void x64_emit_guard_exit(X64Ctx *cx);

/* The operand of an access of a hoisted group. */
X64Mem x64_hoisted(X64Ctx *cx, const TnIrOp *op);

/* ---- sites.c ----------------------------------------------------------------------------- */

/* Whether it is a hot block. */
static inline bool x64_has_sites(const TnBlock *block)
{
    return block->form == TN_FORM_HOT || block->form == TN_FORM_APART;
}

/* Gives the accesses of a hot block windows of their own. */
void x64_give_sites(X64Ctx *cx);
/* The block's, which no vCPU runs any more. */
void x64_drop_sites(const TnBlock *block);
/* That of the operation being lowered, or -1. Where there is no temporary for what a group found, its
 * accesses have none. */
static inline int x64_site(X64Ctx *cx)
{
    const X64Group *g = &cx->groups[cx->info[cx->i].group];

    return cx->info[cx->i].group && (!x64_is_shared(g) || g->addend) ? g->site : -1;
}

void x64_through_site(X64Ctx *cx, X64Refill *r);
void x64_emit_site_refill(X64Ctx *cx, const X64Refill *r);

#endif
