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
    WINDOW = X64_GROUP_SPAN, /* more would cross pages too often */
    ROUNDS_WINDOW = 256, /* where the loop's first block can do what crosses */
    MAX_DISP = 1 << 20,
};

static bool is_store(const TnIrOp *op)
{
    return op->opc == TN_IR_ST || (op->aux & TN_MEM_RMW);
}

static bool is_small(int64_t disp)
{
    return disp > -MAX_DISP && disp < MAX_DISP;
}

static bool may_join(const X64Ctx *cx, const TnIrOp *op, int64_t from_root)
{
    return (!(op->aux & TN_MEM_ALIGN) || x64_has_rounds(cx)) && is_small((int64_t)op->imm) &&
           is_small(from_root);
}

/* Bits of the address that have to be clear. */
static uint8_t alignment(const TnIrOp *op)
{
    return op->aux & TN_MEM_ALIGN ? (uint8_t)(tn_ir_type_size(op->type) - 1) : 0;
}

/* One look at the group's base has to tell of all its accesses. */
static bool is_aligned_alike(const X64Group *g, const TnIrOp *op, int32_t disp)
{
    uint8_t both = g->align & alignment(op);

    return !(((uint32_t)disp ^ (uint32_t)g->align_at) & both);
}

/* Only accesses to the same bytes share a probe then. */
static bool is_apart(const X64Ctx *cx)
{
    return cx->block->form >= TN_FORM_APART && !x64_has_rounds(cx);
}

/* Groups are numbered as they begin: a helper has ended those before first_open, and a conditional
 * exit came after the ones before first_unsettled began: their loads stay without stores. */
static bool fits(const X64Ctx *cx, unsigned group, const TnIrOp *op, int32_t from_root)
{
    const X64Group *g = &cx->groups[group];
    int32_t disp = from_root - g->offset, last = disp + (int32_t)tn_ir_type_size(op->type) - 1;

    return group >= cx->first_open && g->mode == (op->aux & TN_MEM_MODE_MASK) &&
           MAX(g->last, last) - MIN(g->first, disp) <
               (x64_has_rounds(cx) ? ROUNDS_WINDOW : WINDOW) &&
           (g->write || group >= cx->first_unsettled || !is_store(op)) &&
           (!is_apart(cx) || (disp >= g->first && last <= g->last)) &&
           is_aligned_alike(g, op, disp);
}

/* Whether a group that begins here has looks. Interrupts may be held off for the instruction behind one
 * like STI, which nothing tells who goes on in between. */
static bool wants_looks(const X64Ctx *cx, int i)
{
    unsigned insn = cx->info[i].insn;

    return !(x64_opt & TN_OPT_TAILS) || cx->block->form >= TN_FORM_APART || x64_has_rounds(cx) ||
           cx->touched == insn || cx->changed + 1 == insn;
}

static void join(X64Ctx *cx, unsigned group, int i, const TnIrOp *op, int32_t from_root)
{
    X64Group *g = &cx->groups[group];
    int32_t disp = from_root - g->offset;

    g->first = MIN(g->first, disp);
    g->last = MAX(g->last, disp + (int32_t)tn_ir_type_size(op->type) - 1);
    g->write |= is_store(op);
    if (alignment(op) > g->align) {
        g->align = alignment(op);
        g->align_at = disp;
    }
    g->n++;
    g->last_op = i;
    cx->info[i].group = (uint8_t)group;
}

/* The last group of the root that the access fits, else its last one. Several are looked at where a
 * loop goes through several arrays with one register. */
static unsigned find_group(const X64Ctx *cx, const TnIrOp *op, X64Root root)
{
    unsigned last = cx->temps[root.temp].group;

    for (unsigned k = last; x64_has_rounds(cx) && k >= cx->first_open && k > 0; k--)
        if (cx->groups[k].base == root.temp && fits(cx, k, op, (int32_t)root.disp))
            return k;
    return last;
}

void x64_join_group(X64Ctx *cx, int i, const TnIrOp *op, X64Root root)
{
    int32_t from_root = (int32_t)root.disp;
    unsigned group;

    if (!(x64_opt & TN_OPT_SHARE_PROBES) || !may_join(cx, op, root.disp))
        return;
    group = find_group(cx, op, root);
    if (!fits(cx, group, op, from_root)) {
        if (cx->n_groups == X64_MAX_GROUPS)
            return;
        group = cx->n_groups++;
        cx->groups[group] = (X64Group){ .mode = op->aux & TN_MEM_MODE_MASK, .first_op = i,
                                        .first = INT32_MAX, .last = INT32_MIN, .base = root.temp,
                                        .looks = wants_looks(cx, i), .site = -1,
                                        .offset = from_root - (int32_t)op->imm };
        cx->temps[root.temp].group = (uint8_t)group; /* the last with this root */
    }
    join(cx, group, i, op, from_root);
}

void x64_groups_at_call(X64Ctx *cx, uint32_t helper_flags)
{
    if (!(helper_flags & (TN_HELPER_PURE | TN_HELPER_DIVIDES)))
        cx->first_open = cx->n_groups;
}

void x64_groups_at_branch(X64Ctx *cx)
{
    cx->first_unsettled = cx->n_groups;
}

/* A temporary for what the probe found, alive from the first access to the last. */
static void give_temporary(X64Ctx *cx, X64Group *g)
{
    TnTemp t = (TnTemp)cx->n_temps++, *expire = &cx->info[g->last_op].expire;

    cx->temps[t] = (X64Temp){ .last = g->last_op, .def = -1, .slot = -1, .home = -1,
                              .reg = X64_NONE, .want = X64_NONE, .held = -1,
                              .flags = X64_T_VALUE | X64_T_WHOLE, .expire = *expire };
    *expire = t;
    g->addend = t;
}

void x64_finish_groups(X64Ctx *cx)
{
    for (unsigned k = 1; k < cx->n_groups; k++)
        if ((cx->groups[k].n > 1 || cx->groups[k].hoisted) && cx->n_temps < TN_IR_MAX_TEMPS)
            give_temporary(cx, &cx->groups[k]);
}
