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

/* What there is to know of an access; handed on in a register. */
typedef struct Access {
    int32_t from_root;   /* bytes */
    uint8_t size, mode;
    uint8_t align;       /* bits of the address that have to be clear */
    bool store;
} Access;

static inline bool is_small(int64_t disp)
{
    return disp > -MAX_DISP && disp < MAX_DISP;
}

static inline bool may_join(const X64Ctx *cx, const TnIrOp *op, int64_t from_root)
{
    return (x64_opt & TN_OPT_SHARE_PROBES) && (!(op->aux & TN_MEM_ALIGN) || x64_has_rounds(cx)) &&
           is_small((int64_t)op->imm) && is_small(from_root);
}

/* One look at the group's base has to tell of all its accesses. */
static inline bool is_aligned_alike(const X64Group *g, Access a, int32_t disp)
{
    return !(((uint32_t)disp ^ (uint32_t)g->align_at) & g->align & a.align);
}

/* Only accesses to the same bytes share a probe then. */
static inline bool is_apart(const X64Ctx *cx)
{
    return cx->block->form >= TN_FORM_APART && !x64_has_rounds(cx);
}

/* Groups are numbered as they begin: a helper has ended those before first_open, and a conditional
 * exit came after the ones before first_unsettled began: their loads stay without stores. */
static inline bool fits(const X64Ctx *cx, unsigned group, Access a)
{
    const X64Group *g = &cx->groups[group];
    int32_t disp = a.from_root - g->offset, last = disp + a.size - 1;

    return g->mode == a.mode &&
           MAX(g->last, last) - MIN(g->first, disp) <
               (x64_has_rounds(cx) ? ROUNDS_WINDOW : WINDOW) &&
           (g->write || !a.store || group >= cx->first_unsettled) &&
           (!is_apart(cx) || (disp >= g->first && last <= g->last)) &&
           is_aligned_alike(g, a, disp);
}

/* Whether a group that begins here has looks. Interrupts may be held off for the instruction behind one
 * like STI, which nothing tells who goes on in between. */
static bool wants_looks(const X64Ctx *cx, int i)
{
    unsigned insn = cx->info[i].insn;

    return !(x64_opt & TN_OPT_TAILS) || cx->block->form >= TN_FORM_APART || x64_has_rounds(cx) ||
           cx->touched == insn || cx->changed + 1 == insn;
}

static inline void join(X64Group *g, int i, Access a)
{
    int32_t disp = a.from_root - g->offset;

    g->first = MIN(g->first, disp);
    g->last = MAX(g->last, disp + a.size - 1);
    g->write |= a.store;
    if (a.align > g->align) {
        g->align = a.align;
        g->align_at = disp;
    }
    g->n++;
    g->last_op = i;
}

/* Any group of the root that the access fits, the last one first: a loop may go through several
 * arrays with one register. */
static unsigned find_in_rounds(const X64Ctx *cx, Access a, TnTemp root)
{
    for (unsigned k = cx->temps[root].group; k >= cx->first_open && k > 0; k--)
        if (cx->groups[k].base == root && fits(cx, k, a))
            return k;
    return 0;
}

/* The group of the root that the access fits, or 0. */
static inline unsigned find_group(const X64Ctx *cx, Access a, TnTemp root)
{
    unsigned group = cx->temps[root].group;

    if (group < cx->first_open)
        return 0;
    if (x64_has_rounds(cx))
        return find_in_rounds(cx, a, root);
    return fits(cx, group, a) ? group : 0;
}

/* 0 where there are too many. */
static inline unsigned begin_group(X64Ctx *cx, int i, Access a, TnTemp root, int32_t disp)
{
    unsigned group = cx->n_groups;

    if (group == X64_MAX_GROUPS)
        return 0;
    cx->n_groups++;
    cx->groups[group] = (X64Group){ .mode = a.mode, .write = a.store, .n = 1, .first = disp,
                                    .last = disp + a.size - 1, .first_op = i, .last_op = i,
                                    .base = root, .site = -1, .offset = a.from_root - disp,
                                    .looks = wants_looks(cx, i), .align = a.align,
                                    .align_at = a.align ? disp : 0 };
    cx->temps[root].group = (uint8_t)group; /* the last with this root */
    return group;
}

void x64_join_group(X64Ctx *cx, int i, const TnIrOp *op, X64Root root)
{
    uint8_t size = (uint8_t)tn_ir_type_size(op->type);
    Access a = { .from_root = (int32_t)root.disp, .size = size, .mode = op->aux & TN_MEM_MODE_MASK,
                 .store = op->opc == TN_IR_ST || (op->aux & TN_MEM_RMW),
                 .align = op->aux & TN_MEM_ALIGN ? (uint8_t)(size - 1) : 0 };
    unsigned group;

    if (!may_join(cx, op, root.disp))
        return;
    group = find_group(cx, a, root.temp);
    if (group)
        join(&cx->groups[group], i, a);
    else
        group = begin_group(cx, i, a, root.temp, (int32_t)op->imm);
    cx->info[i].group = (uint8_t)group;
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
    TnTemp t = (TnTemp)cx->n_temps++;

    cx->temps[t] = x64_new_temp;
    cx->temps[t].last = g->last_op;
    cx->temps[t].flags = X64_T_VALUE | X64_T_WHOLE;
    g->addend = t;
}

void x64_finish_groups(X64Ctx *cx)
{
    for (unsigned k = 1; k < cx->n_groups; k++)
        if ((cx->groups[k].n > 1 || cx->groups[k].hoisted) && cx->n_temps < TN_IR_MAX_TEMPS)
            give_temporary(cx, &cx->groups[k]);
}
