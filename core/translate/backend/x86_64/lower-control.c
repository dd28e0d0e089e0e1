/* SPDX-License-Identifier: MIT */
/*
 * IR to code: leaving the block.
 *
 * A direct exit is a jump whose displacement is patched while other threads run it; unlinked it
 * goes to a stub that leaves with a note of which exit it is. Requests to stop are looked at on
 * exits that go backwards and on indirect ones: no other exit can be part of every loop.
 */
#include "compile.h"
#include "notes.h"
#include "slow.h"

static void store_pc(X64Ctx *cx, uint64_t pc)
{
    x64_store_pc(cx, x64_state_ofs(x64_plan.target->pc_offset), pc);
}

/* A short jump where the way out follows. */
static uint8_t *check_request(X64Ctx *cx, bool is_short)
{
    x64_compare_request(&cx->e);
    return is_short ? x64_jcc8(&cx->e, X64_NZ) : x64_jcc32(&cx->e, X64_NZ);
}

static bool goes_back(const X64Ctx *cx, uint64_t pc)
{
    return pc <= cx->block->key.pc;
}

static void clean_upper(X64Ctx *cx)
{
    if (x64_must_clear_upper(cx))
        x64_vzeroupper(&cx->e);
}

/* ---- Direct exits, by what becomes of the flags ---------------------------------------------- */

static void note_pending(X64Ctx *cx)
{
    cx->e.p = x64_put_pending(cx, cx->pending_flags, cx->e.p);
}

/* The same to be written further on. */
static void keep_pending(X64Ctx *cx, X64FlagNote *f)
{
    f->n = (unsigned)(x64_put_pending(cx, cx->pending_flags, f->bytes) - f->bytes);
}

/* An exit whose jump needs nothing before it: its way out comes after the block. */
static void note_exit(X64Ctx *cx, uint64_t pc, uint8_t *patch)
{
    x64_new_exit(cx, pc)->patch = patch;
    x64_leave_behind(cx, patch);
}

/* Where the flags are that are stored when the exit is first linked to a block that wants them: most
 * exits are never taken, and most blocks overwrite them. Hot code stores what makes them, which is
 * quicker. */
static X64ExitFlags flags_kept(const X64Ctx *cx, TnTemp flags, bool host_live)
{
    if (!host_live || cx->block->form != TN_FORM_FAST)
        return X64_EXIT_NOTED;
    return (cx->ops[cx->temps[flags].def].aux & UINT8_MAX) == TN_FLAGS_LOGIC ? X64_EXIT_HOST_LOGIC
                                                                            : X64_EXIT_HOST;
}

/* The way out stands in place of the jump that it becomes when the exit is linked; what is behind it
 * stays. */
static void exit_in_place(X64Ctx *cx, uint64_t pc, X64ExitFlags kept)
{
    X64Emit *e = &cx->e;
    TnBlockExit *x = x64_new_exit(cx, pc);

    x64_align(e, 0, X64_CALL);
    x->flags = kept;
    x->unlinked = e->p;
    x64_call(e, x64_thunks.leave_direct);
    *(kept == X64_EXIT_STORED ? &x->patch : &x->early) = e->p - sizeof(int32_t);
    if (kept == X64_EXIT_NOTED)
        note_pending(cx);
}

/* The jump of one that goes backwards, with its way out at once, within reach of a short jump: a
 * request leads there, too. Gives the exit. */
static TnBlockExit *exit_backwards(X64Ctx *cx, uint64_t pc, uint8_t *request)
{
    TnBlockExit *x = x64_new_exit(cx, pc);

    x->patch = x64_jmp32_aligned(&cx->e);
    x64_here8(&cx->e, request);
    x->unlinked = x64_way_out_from(&cx->e, x->patch);
    return x;
}

/* An exit that stores flags between two jumps, unless the block that it is linked to overwrites
 * them: `early` then goes there, else to what follows. */
static X64WayOut *exit_storing(X64Ctx *cx, uint64_t pc, const X64Recipe *flags, bool host_live,
                               uint8_t *early)
{
    TnBlockExit *x = x64_new_exit(cx, pc);

    x64_here32(&cx->e, early);
    x->early = early;
    x->late = cx->e.p;
    x64_leave_recipe(cx, flags, host_live, 0);
    x->patch = x64_jmp32_aligned(&cx->e);
    return x64_leave_behind(cx, x->patch);
}

/* Whether the block that an exit is linked to may do without the flags. */
static bool may_skip_flags(const X64Ctx *cx, bool linkable)
{
    return (x64_opt & TN_OPT_DEAD_FLAGS) && cx->pending_flags != TN_TEMP_NONE && linkable;
}

/* Goes to pc; the flags are taken care of. */
static void go(X64Ctx *cx, uint64_t pc, bool linkable)
{
    clean_upper(cx);
    if (!linkable)
        x64_emit_far_exit(&cx->e, cx->block, pc);
    else if (goes_back(cx, pc))
        exit_backwards(cx, pc, check_request(cx, true));
    else
        exit_in_place(cx, pc, X64_EXIT_STORED);
}

/* Whether an exit to another page notes flags that may be stored later. */
static bool notes_far(const X64Ctx *cx, bool linkable, bool later)
{
    return later && !linkable && x64_looks_late(cx->block);
}

static void go_noting(X64Ctx *cx, uint64_t pc)
{
    clean_upper(cx);
    x64_begin_far_exit(&cx->e, cx->block, pc);
}

/* One that may be linked to a block that overwrites the flags, which wait in the host's flags or in a
 * note. */
static void exit_keeping(X64Ctx *cx, uint64_t pc, TnTemp flags)
{
    uint8_t *request;
    TnBlockExit *x;

    if (!goes_back(cx, pc)) {
        bool host_live = x64_host_has(cx, flags);

        clean_upper(cx);
        x64_mark_flags(cx, flags);
        exit_in_place(cx, pc, flags_kept(cx, flags, host_live));
        return;
    }
    request = check_request(cx, true);
    clean_upper(cx);
    x64_mark_flags(cx, flags);
    x = exit_backwards(cx, pc, request);
    x->early = x->patch;
    x->patch = NULL;
    x->flags = X64_EXIT_NOTED;
    note_pending(cx);
}

/* The same where they do not wait. */
static void exit_computing(X64Ctx *cx, uint64_t pc, TnTemp flags)
{
    bool host_live = x64_host_has(cx, flags);
    uint8_t *request = NULL;
    X64WayOut *w;
    X64Recipe r;

    x64_freeze(cx, flags, &r);
    if (goes_back(cx, pc)) {
        request = check_request(cx, false);
        host_live = false;
    }
    clean_upper(cx);
    w = exit_storing(cx, pc, &r, host_live, x64_jmp32_aligned(&cx->e));
    w->request = request;
    if (request)
        keep_pending(cx, &w->flags);
}

static void direct_exit(X64Ctx *cx, uint64_t pc)
{
    TnTemp flags = cx->pending_flags;
    bool linkable = tn_exit_linkable(cx->block, pc);
    bool later = flags && x64_may_store_later(cx, flags);

    if (may_skip_flags(cx, linkable)) {
        if (later)
            exit_keeping(cx, pc, flags);
        else
            exit_computing(cx, pc, flags);
    } else if (notes_far(cx, linkable, later)) {
        go_noting(cx, pc);
        note_pending(cx);
    } else {
        x64_flush_flags_leaving(cx, 0);
        go(cx, pc, linkable);
    }
}

/* A loop's branch is likely taken: its way out stands inline. */
static void loop_exit(X64Ctx *cx, unsigned cc, uint64_t pc, bool flags_live)
{
    bool near = cx->tries_near;
    uint8_t *skip = near ? x64_jcc8(&cx->e, cc ^ 1) : x64_jcc32(&cx->e, cc ^ 1);

    if (flags_live)
        cx->e.flags_at = cx->e.p;
    direct_exit(cx, pc);
    if (near)
        x64_end_near_jump(cx, skip);
    else
        x64_here32(&cx->e, skip);
}

/* A side exit that keeps the flags, whose jump is to be patched. */
static void side_exit_keeping(X64Ctx *cx, unsigned cc, uint64_t pc, TnTemp flags)
{
    TnBlockExit *x = x64_new_exit(cx, pc);
    X64WayOut *w;

    x->flags = flags_kept(cx, flags, x64_host_has(cx, flags));
    x->early = x64_jcc32_aligned(&cx->e, cc);
    w = x64_leave_behind(cx, x->early);
    if (x->flags == X64_EXIT_NOTED)
        keep_pending(cx, &w->flags);
}

/* Any other goes out of line, or straight to its block where nothing is to be done before. */
static void side_exit(X64Ctx *cx, unsigned cc, uint64_t pc)
{
    TnTemp flags = cx->pending_flags;
    bool linkable = tn_exit_linkable(cx->block, pc);
    bool later = flags && x64_may_store_later(cx, flags);
    /* A loop is left once, and would meet what aligns the jump in every round. */
    bool early = may_skip_flags(cx, linkable) && !cx->wide_used && !goes_back(cx, pc) &&
                 !x64_has_rounds(cx);
    X64Side *side;

    if (!flags && linkable && !x64_must_clear_upper(cx)) {
        note_exit(cx, pc, x64_jcc32_aligned(&cx->e, cc));
        return;
    }
    if (early && later) {
        side_exit_keeping(cx, cc, pc, flags);
        return;
    }
    side = X64_LIST_ADD(cx->sides, X64Side);
    side->pc = pc;
    side->linkable = linkable;
    side->kind = !flags ? X64_SIDE_GOES : early ? X64_SIDE_STORES_EARLY
                 : notes_far(cx, linkable, later) ? X64_SIDE_NOTES : X64_SIDE_STORES;
    side->host_live = flags && x64_host_has(cx, flags);
    if (side->kind == X64_SIDE_NOTES)
        keep_pending(cx, &side->note);
    else if (flags)
        x64_freeze(cx, flags, &side->flags);
    side->from = early ? x64_jcc32_aligned(&cx->e, cc) : x64_jcc32(&cx->e, cc);
}

static void emit_side(X64Ctx *cx, const X64Side *s)
{
    if (s->kind == X64_SIDE_STORES_EARLY) {
        exit_storing(cx, s->pc, &s->flags, s->host_live, s->from);
        return;
    }
    x64_here32(&cx->e, s->from);
    if (s->kind == X64_SIDE_NOTES) {
        go_noting(cx, s->pc);
        x64_put_flag_note(&cx->e, &s->note);
        return;
    }
    if (s->kind == X64_SIDE_STORES)
        x64_leave_recipe(cx, &s->flags, s->host_live, 0);
    go(cx, s->pc, s->linkable);
}

void x64_emit_sides(X64Ctx *cx)
{
    for (unsigned i = 0; i < cx->sides.len && x64_room(cx); i++)
        emit_side(cx, X64_LIST_AT(cx->sides, X64Side, i));
}

void x64_lower_exit(X64Ctx *cx, const TnIrOp *op)
{
    direct_exit(cx, op->imm);
}

void x64_lower_exit_if(X64Ctx *cx, const TnIrOp *op)
{
    unsigned cc;

    if (x64_is_const(cx, op->a)) {
        if (cx->temps[op->a].value)
            direct_exit(cx, op->imm);
        return;
    }
    cc = x64_cond(cx, op->a);
    bool live = cx->e.flags_at == cx->e.p;

    if (goes_back(cx, op->imm) && cx->block->key.pc - op->imm <= INT32_MAX)
        loop_exit(cx, cc, op->imm, live);
    else
        side_exit(cx, cc, op->imm);
    if (live)
        cx->e.flags_at = cx->e.p;
}

void x64_lower_exit_ind(X64Ctx *cx, const TnIrOp *op)
{
    int pc = x64_in(cx, op->a);

    x64_flush_flags_leaving(cx, 1u << pc);
    clean_upper(cx);
    x64_emit_indirect(cx, op, pc);
}

/* By the main loop, with the pc where it is to be. */
static void leave_by_loop(X64Ctx *cx)
{
    x64_flush_flags_leaving(cx, 0);
    clean_upper(cx);
    x64_emit_next(&cx->e);
}

void x64_lower_exit_loop_ind(X64Ctx *cx, const TnIrOp *op)
{
    int pc = x64_in(cx, op->a);

    x64_store(&cx->e, X64_W, pc, x64_env(x64_state_ofs(x64_plan.target->pc_offset)));
    leave_by_loop(cx);
}

void x64_lower_exit_loop(X64Ctx *cx, const TnIrOp *op)
{
    store_pc(cx, op->imm);
    leave_by_loop(cx);
}

void x64_lower_exit_state(X64Ctx *cx, const TnIrOp *op)
{
    leave_by_loop(cx);
}
