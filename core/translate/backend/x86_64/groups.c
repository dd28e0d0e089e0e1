/* SPDX-License-Identifier: MIT */
/*
 * Groups of memory accesses that share one probe of the soft TLB: those at small distances from one
 * root, as pushes and pops, the fields of a struct, and the two halves of a read-modify-write are.
 *
 * The first access of a group probes for all bytes from its lowest to its highest, for writing where
 * any of them is a store, and keeps what is to be added to a guest address in a temporary. The others
 * are the host's own then. Where the probe fails its slow path has the TLB allow what the first access
 * wants, and tries again; where that is not enough for all of them the block is left before that
 * instruction (translate/tails.c). So a group never faults for an access that is not executed.
 *
 * An instruction that has done something before the access that begins a group cannot be left there,
 * and some blocks are made so as not to be left at all. The temporary of such a group is 0 where the
 * probe fails, the others look at it, and each takes its slow path, which finds out for itself.
 *
 * Helpers end all groups, as they may change mappings. A store joins a group of loads only if it is
 * certain to follow: a page that is read in a loop may well be read-only.
 */
#include "compile.h"

enum {
    ROUNDS_SPAN = 256, /* where the loop's first block can do what crosses */
    MAX_DISP = 1 << 20,
};

static inline bool is_small(int64_t disp)
{
    return disp > -MAX_DISP && disp < MAX_DISP;
}

static inline bool is_store(const TnIrOp *op)
{
    return op->opc == TN_IR_ST || (op->aux & TN_MEM_RMW);
}

void x64_groups_begin(X64Ctx *cx)
{
    bool rounds = x64_has_rounds(cx), apart = cx->block->form >= TN_FORM_APART;

    cx->n_groups = cx->first_open = cx->first_unsettled = 1;
    cx->touched = cx->changed = X64_NO_INSN;
    cx->group_span = !(x64_opt & TN_OPT_SHARE_PROBES) ? 0 : rounds ? ROUNDS_SPAN : X64_GROUP_SPAN;
    cx->group_apart = apart && !rounds;
    cx->group_looks = !(x64_opt & TN_OPT_TAILS) || apart || rounds;
}

/* Puts an access in where it fits. Groups are numbered as they begin: a helper has ended those before
 * first_open, and a conditional exit came after the ones before first_unsettled began: their loads
 * stay without stores. */
static inline bool join(const X64Ctx *cx, X64Group *g, int i, const TnIrOp *op, int32_t from_root)
{
    int32_t first = from_root - g->offset, last = first + (int32_t)tn_ir_type_size(op->type) - 1;
    int32_t lowest = MIN(g->first, first), highest = MAX(g->last, last);

    if (g->mode != (op->aux & TN_MEM_MODE_MASK) || highest - lowest >= cx->group_span ||
        (cx->group_apart && highest - lowest != g->last - g->first))
        return false;
    if (!g->write && is_store(op)) {
        if (g < &cx->groups[cx->first_unsettled])
            return false;
        g->write = true;
    }
    g->first = lowest;
    g->last = highest;
    g->last_op = (uint16_t)i;
    return true;
}

/* Whether a group that begins here has looks. Interrupts may be held off for the instruction behind one
 * like STI, which nothing tells who goes on in between. */
static inline bool wants_looks(const X64Ctx *cx, unsigned insn)
{
    return cx->group_looks || cx->touched == insn || cx->changed + 1 == insn;
}

/* None where there are too many. */
static __attribute__((noinline)) void begin_group(X64Ctx *cx, int i, X64OpInfo *info,
                                                  const TnIrOp *op, X64Root root)
{
    unsigned group = cx->n_groups;
    X64Group *g = &cx->groups[group];
    int32_t first = (int32_t)op->imm;

    if (group == X64_MAX_GROUPS)
        return;
    cx->n_groups++;
    cx->temps[root.temp].group = (uint8_t)group; /* the last with this root */
    info->group = (uint8_t)group;
    *g = (X64Group){ .first = first, .last = first + (int32_t)tn_ir_type_size(op->type) - 1,
                     .offset = (int32_t)root.disp - first,
                     .first_op = (uint16_t)i, .last_op = (uint16_t)i, .base = root.temp,
                     .mode = op->aux & TN_MEM_MODE_MASK, .write = is_store(op),
                     .looks = wants_looks(cx, info->insn), .site = -1 };
}

/* ---- Blocks of rounds ---------------------------------------------------------------------- */

/* Bits of the address that have to be clear. */
static uint8_t alignment(const TnIrOp *op)
{
    return op->aux & TN_MEM_ALIGN ? (uint8_t)(tn_ir_type_size(op->type) - 1) : 0;
}

/* One look at the group's base has to tell of all its accesses. */
static bool is_aligned_alike(const X64Group *g, const TnIrOp *op, int32_t disp)
{
    return !((disp ^ g->align_at) & g->align & alignment(op));
}

/* Into any group of the root that the access fits, the last one first: a loop may go through several
 * arrays with one register. */
static __attribute__((noinline)) void join_in_rounds(X64Ctx *cx, int i, X64OpInfo *info,
                                                     const TnIrOp *op, X64Root root)
{
    int32_t from_root = (int32_t)root.disp;
    unsigned group = cx->temps[root.temp].group;
    X64Group *g;

    for (; group >= cx->first_open; group--) {
        g = &cx->groups[group];
        if (g->base == root.temp && is_aligned_alike(g, op, from_root - g->offset) &&
            join(cx, g, i, op, from_root))
            break;
    }
    if (group >= cx->first_open)
        info->group = (uint8_t)group;
    else
        begin_group(cx, i, info, op, root);
    g = &cx->groups[info->group];
    if (alignment(op) > g->align) {
        g->align = alignment(op);
        g->align_at = from_root - g->offset;
    }
}

/* ---- On the way forwards --------------------------------------------------------------------- */

/* The last group with this root, or one of its own. */
static __attribute__((noinline)) void join_or_begin(X64Ctx *cx, int i, X64OpInfo *info,
                                                    const TnIrOp *op, X64Root root)
{
    unsigned group = cx->temps[root.temp].group;

    if (join(cx, &cx->groups[group], i, op, (int32_t)root.disp))
        info->group = (uint8_t)group;
    else
        begin_group(cx, i, info, op, root);
}

void x64_join_group(X64Ctx *cx, int i, X64OpInfo *info, const TnIrOp *op, X64Root root)
{
    if (!cx->group_span || !is_small((int64_t)op->imm) || !is_small(root.disp))
        return;
    if (TN_UNLIKELY(x64_has_rounds(cx)))
        join_in_rounds(cx, i, info, op, root);
    else if (op->aux & TN_MEM_ALIGN)
        return;
    else if (cx->temps[root.temp].group < cx->first_open)
        begin_group(cx, i, info, op, root);
    else
        join_or_begin(cx, i, info, op, root);
}

void x64_groups_at_call(X64Ctx *cx, uint32_t helper_flags)
{
    if (!(helper_flags & (TN_HELPER_PURE | TN_HELPER_DIVIDES)))
        cx->first_open = cx->n_groups;
}

/* A temporary for what the probe found, alive from the first access to the last. */
static void give_temporary(X64Ctx *cx, X64Group *g)
{
    TnTemp t = (TnTemp)cx->n_temps++;

    x64_new_temp(&cx->temps[t], -1, g->last_op, X64_T_VALUE | X64_T_WHOLE);
    g->addend = t;
}

void x64_finish_groups(X64Ctx *cx)
{
    for (unsigned k = 1; k < cx->n_groups; k++)
        if ((x64_is_shared(&cx->groups[k]) || cx->groups[k].hoisted) && cx->n_temps < TN_IR_MAX_TEMPS)
            give_temporary(cx, &cx->groups[k]);
}
