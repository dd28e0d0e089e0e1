/* SPDX-License-Identifier: MIT */
/*
 * Groups of memory accesses that share one probe of the soft TLB: those at small distances from one
 * base, as pushes and pops, the fields of a struct, and the two halves of a read-modify-write are.
 *
 * The first access of a group probes for all bytes from its lowest to its highest, for writing where
 * any of them is a store, and keeps what is to be added to a guest address in a temporary. Where the
 * probe fails the temporary is 0, and every access of the group takes its slow path, which finds out
 * for itself: so a group never faults for an access that is not executed.
 *
 * Helpers end all groups, as they may change mappings. A store joins a group of loads only if it is
 * certain to follow: a page that is read in a loop may well be read-only.
 */
#include "compile.h"

#include <string.h>

enum {
    WINDOW = 128,   /* bytes from the lowest to the highest; more would cross pages too often */
    MAX_OPEN = 8,
    MAX_DISP = 1 << 20,
};

typedef struct Open {
    TnTemp base;
    uint16_t group; /* 0: none */
    bool settled;   /* a conditional exit came since: loads stay without stores */
} Open;

typedef struct Groups {
    X64Ctx *cx;
    Open open[MAX_OPEN];
    unsigned next;
} Groups;

static bool is_store(const TnIrOp *op)
{
    return op->opc == TN_IR_ST || (op->aux & TN_MEM_RMW);
}

static bool may_join(const TnIrOp *op)
{
    int64_t disp = (int64_t)op->imm;

    return (op->opc == TN_IR_LD || op->opc == TN_IR_ST) && !(op->aux & TN_MEM_ALIGN) &&
           disp > -MAX_DISP && disp < MAX_DISP;
}

static bool fits(const Groups *w, const Open *o, const TnIrOp *op)
{
    const X64Group *g = &w->cx->groups[o->group];
    int32_t disp = (int32_t)op->imm, last = disp + (int32_t)tn_ir_type_size(op->type) - 1;

    return o->group && o->base == op->a && g->mode == (op->aux & TN_MEM_MODE_MASK) &&
           MAX(g->last, last) - MIN(g->first, disp) < WINDOW &&
           (g->write || !o->settled || !is_store(op));
}

static void join(X64Ctx *cx, unsigned group, int i, const TnIrOp *op)
{
    X64Group *g = &cx->groups[group];
    int32_t disp = (int32_t)op->imm;

    g->first = MIN(g->first, disp);
    g->last = MAX(g->last, disp + (int32_t)tn_ir_type_size(op->type) - 1);
    g->write |= is_store(op);
    g->n++;
    g->last_op = i;
    cx->group_of[i] = (uint8_t)group;
}

static void start(Groups *w, int i, const TnIrOp *op)
{
    X64Ctx *cx = w->cx;

    if (cx->n_groups == X64_MAX_GROUPS)
        return;
    unsigned group = cx->n_groups++;

    cx->groups[group] = (X64Group){ .mode = op->aux & TN_MEM_MODE_MASK, .first = INT32_MAX,
                                    .last = INT32_MIN };
    w->open[w->next++ % MAX_OPEN] = (Open){ .base = op->a, .group = (uint16_t)group };
    join(cx, group, i, op);
}

static void place_access(Groups *w, int i, const TnIrOp *op)
{
    for (unsigned k = 0; k < MAX_OPEN; k++) {
        if (fits(w, &w->open[k], op)) {
            join(w->cx, w->open[k].group, i, op);
            return;
        }
    }
    start(w, i, op);
}

static bool ends_groups(const TnIrOp *op)
{
    uint32_t flags;

    if (op->opc != TN_IR_CALL)
        return false;
    flags = x64_plan.target->helpers[op->aux].flags;
    return !(flags & (TN_HELPER_PURE | TN_HELPER_DIVIDES));
}

static void settle(Groups *w)
{
    for (unsigned k = 0; k < MAX_OPEN; k++)
        w->open[k].settled = true;
}

/* A temporary for what the probe found, alive from the first access to the last. */
static void give_temporary(X64Ctx *cx, X64Group *g)
{
    TnTemp t = (TnTemp)cx->n_temps++;

    cx->temps[t] = (X64Temp){ .last = g->last_op, .def = -1, .slot = -1, .home = -1,
                              .reg = X64_NONE, .want = X64_NONE, .flags = X64_T_VALUE | X64_T_WHOLE,
                              .expire = cx->expire[g->last_op] };
    cx->expire[g->last_op] = t;
    g->addend = t;
}

void x64_find_groups(X64Ctx *cx)
{
    Groups w = { .cx = cx };

    cx->n_groups = 1; /* 0 is none */
    if (!(x64_opt & TN_OPT_SHARE_PROBES))
        return;
    for (int i = 0; i < cx->n_ops; i++) {
        const TnIrOp *op = &cx->ops[i];

        if (cx->op_flags[i] & X64_OP_DEAD)
            continue;
        if (ends_groups(op))
            memset(w.open, 0, sizeof(w.open));
        else if (op->opc == TN_IR_EXIT_IF)
            settle(&w);
        else if (may_join(op))
            place_access(&w, i, op);
    }
    for (unsigned k = 1; k < cx->n_groups; k++)
        if (cx->groups[k].n > 1 && cx->n_temps < TN_IR_MAX_TEMPS)
            give_temporary(cx, &cx->groups[k]);
}
