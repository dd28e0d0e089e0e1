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

static void emit_request(X64Ctx *cx, const X64Exit *x)
{
    X64Stub s = { .kind = X64_STUB_REQUEST, .pc = x->pc, .dst = X64_NONE, .clear = X64_NONE,
                  .flags_pending = x->flags_pending, .flags = x->flags };

    x64_here32(&cx->e, x->request);
    x64_call_slow(cx, &s);
}

/* The way out of an exit that is not linked, and where something wants the vCPU. */
static void emit_unlinked(X64Ctx *cx, X64Exit *x)
{
    X64Emit *e = &cx->e;
    bool late = x->flags_pending && x->kept == X64_EXIT_STORED;

    x64_here32(e, x->patch ? x->patch : x->early);
    if (x->request && !late)
        x64_here8(e, x->request);
    x->unlinked = e->p;
    x64_call_short(e, X64_CALLED_LEAVE_DIRECT);
    if (x->kept == X64_EXIT_NOTED)
        x64_note_recipe(e, &x->flags);
    if (x->request && late)
        emit_request(cx, x);
}

/* Notes a jump to be patched; its stub comes after the block, or, where a request leads there, too,
 * within reach of a short jump. */
static void note_exit(X64Ctx *cx, uint64_t pc, uint8_t *patch, uint8_t *request)
{
    X64Exit *x = X64_LIST_ADD(cx->exits, X64Exit);

    *x = (X64Exit){ .pc = pc, .patch = patch, .request = request };
    if (request)
        emit_unlinked(cx, x);
}

/* Hot code stores what makes the flags, which is quicker. */
static X64ExitFlags flags_kept(const X64Ctx *cx, const X64Recipe *flags, bool host_live)
{
    if (!x64_may_store_later(flags))
        return X64_EXIT_STORED;
    if (!host_live || cx->block->form != TN_FORM_FAST)
        return X64_EXIT_NOTED;
    return flags->fop == TN_FLAGS_LOGIC ? X64_EXIT_HOST_LOGIC : X64_EXIT_HOST;
}

/* The way out stands in place of the jump that it becomes when the exit is linked; what is behind it
 * stays. */
static void exit_in_place(X64Ctx *cx, uint64_t pc, X64ExitFlags kept, const X64Recipe *flags)
{
    X64Exit *x = X64_LIST_ADD(cx->exits, X64Exit);
    X64Emit *e = &cx->e;

    x64_align(e, 0, X64_CALL);
    *x = (X64Exit){ .pc = pc, .kept = kept, .unlinked = e->p };
    *(kept == X64_EXIT_STORED ? &x->patch : &x->early) = e->p + X64_CALL - sizeof(int32_t);
    x64_call(e, x64_thunks.leave_direct);
    if (kept == X64_EXIT_NOTED)
        x64_note_recipe(e, flags);
}

/*
 * The same for one that stores flags between two jumps, unless the block that it is linked to
 * overwrites them: `early` then goes there, else to what follows. Where the stores may be emitted
 * later, that is done when the exit is first linked to a block that wants the flags: most exits
 * are never taken, and most blocks overwrite them.
 */
static void note_early_exit(X64Ctx *cx, uint64_t pc, const X64Recipe *flags, bool host_live,
                            uint8_t *early, uint8_t *request)
{
    X64Exit *x = X64_LIST_ADD(cx->exits, X64Exit);

    *x = (X64Exit){ .pc = pc, .request = request, .early = early, .flags_pending = true,
                    .kept = flags_kept(cx, flags, host_live), .flags = *flags };
    if (x->kept != X64_EXIT_STORED) {
        if (request)
            emit_unlinked(cx, x);
        return;
    }
    x64_here32(&cx->e, early);
    x->late = cx->e.p;
    x64_leave_recipe(cx, flags, host_live, 0);
    x->patch = x64_jmp32_aligned(&cx->e);
}

static bool may_skip_flags(const X64Ctx *cx, uint64_t pc)
{
    return (x64_opt & TN_OPT_DEAD_FLAGS) && cx->pending_flags != TN_TEMP_NONE &&
           tn_exit_linkable(cx->block, pc);
}

static void to_next(X64Ctx *cx)
{
    x64_emit_next(&cx->e);
}

/* Goes to pc; the flags are taken care of. */
static void go(X64Ctx *cx, uint64_t pc)
{
    uint8_t *request;

    clean_upper(cx);
    if (!tn_exit_linkable(cx->block, pc)) {
        x64_emit_far_exit(&cx->e, cx->block, pc, NULL);
        return;
    }
    if (!goes_back(cx, pc)) {
        exit_in_place(cx, pc, X64_EXIT_STORED, NULL);
        return;
    }
    request = check_request(cx, true);
    note_exit(cx, pc, x64_jmp32_aligned(&cx->e), request);
}

/* The same with flags to store before. */
static void go_storing(X64Ctx *cx, uint64_t pc, const X64Recipe *flags, bool host_live)
{
    if (tn_exit_linkable(cx->block, pc) || !x64_looks_late(cx->block) ||
        !x64_may_store_later(flags)) {
        x64_leave_recipe(cx, flags, host_live, 0);
        go(cx, pc);
        return;
    }
    clean_upper(cx);
    x64_emit_far_exit(&cx->e, cx->block, pc, flags);
}

static void direct_exit(X64Ctx *cx, uint64_t pc)
{
    uint8_t *request = NULL;
    X64Recipe flags;
    X64ExitFlags kept;
    bool host_live;

    if (!cx->pending_flags) {
        go(cx, pc);
        return;
    }
    x64_freeze(cx, cx->pending_flags, &flags);
    if (!may_skip_flags(cx, pc)) {
        go_storing(cx, pc, &flags, x64_host_has(cx, cx->pending_flags));
        return;
    }
    host_live = x64_host_has(cx, cx->pending_flags);
    if (goes_back(cx, pc)) {
        request = check_request(cx, x64_may_store_later(&flags));
        host_live = false;
    }
    clean_upper(cx);
    x64_mark_flags(cx, &flags);
    kept = flags_kept(cx, &flags, host_live);
    if (kept != X64_EXIT_STORED && !request)
        exit_in_place(cx, pc, kept, &flags);
    else
        note_early_exit(cx, pc, &flags, host_live, x64_jmp32_aligned(&cx->e), request);
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

/* Any other goes out of line, or straight to its block where nothing is to be done before. */
static void side_exit(X64Ctx *cx, unsigned cc, uint64_t pc)
{
    bool flags_pending = cx->pending_flags != TN_TEMP_NONE;
    X64Side *side;

    if (!flags_pending && !x64_must_clear_upper(cx) && tn_exit_linkable(cx->block, pc)) {
        note_exit(cx, pc, x64_jcc32_aligned(&cx->e, cc), NULL);
        return;
    }
    side = X64_LIST_ADD(cx->sides, X64Side);
    side->pc = pc;
    side->flags_pending = flags_pending;
    if (flags_pending)
        x64_freeze(cx, cx->pending_flags, &side->flags);
    side->host_live = flags_pending && x64_host_has(cx, cx->pending_flags);
    /* A loop is left once, and would meet what aligns the jump in every round. */
    side->early = may_skip_flags(cx, pc) && !cx->wide_used && !goes_back(cx, pc) &&
                 !x64_has_rounds(cx);
    side->from = side->early ? x64_jcc32_aligned(&cx->e, cc) : x64_jcc32(&cx->e, cc);
}

void x64_emit_sides(X64Ctx *cx)
{
    for (unsigned i = 0; i < cx->sides.len && x64_room(cx); i++) {
        X64Side *s = X64_LIST_AT(cx->sides, X64Side, i);

        if (s->early) {
            note_early_exit(cx, s->pc, &s->flags, s->host_live, s->from, NULL);
            continue;
        }
        x64_here32(&cx->e, s->from);
        if (s->flags_pending)
            go_storing(cx, s->pc, &s->flags, s->host_live);
        else
            go(cx, s->pc);
    }
}

static void lower_exit_if(X64Ctx *cx, const TnIrOp *op)
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

static void lower_exit_ind(X64Ctx *cx, const TnIrOp *op)
{
    int pc = x64_in(cx, op->a);

    x64_flush_flags_leaving(cx, 1u << pc);
    clean_upper(cx);
    x64_emit_indirect(cx, op, pc);
}

static void lower_exit_loop_ind(X64Ctx *cx, const TnIrOp *op)
{
    int pc = x64_in(cx, op->a);

    x64_store(&cx->e, X64_W, pc, x64_env(x64_state_ofs(x64_plan.target->pc_offset)));
    x64_flush_flags_leaving(cx, 0);
    clean_upper(cx);
    to_next(cx);
}

void x64_lower_control(X64Ctx *cx, const TnIrOp *op)
{
    switch (op->opc) {
    case TN_IR_EXIT:
        direct_exit(cx, op->imm);
        break;
    case TN_IR_EXIT_IF:
        lower_exit_if(cx, op);
        break;
    case TN_IR_EXIT_IND:
        lower_exit_ind(cx, op);
        break;
    case TN_IR_EXIT_LOOP_IND:
        lower_exit_loop_ind(cx, op);
        break;
    case TN_IR_EXIT_LOOP:
        store_pc(cx, op->imm);
        /* fall through */
    default:
        x64_flush_flags_leaving(cx, 0);
        clean_upper(cx);
        to_next(cx);
        break;
    }
}

/* The stubs of direct exits that have none yet, and the block's own table of them. */
void x64_emit_exits(X64Ctx *cx)
{
    TnBlock *b = cx->block;

    tn_block_new_exits(b, cx->exits.len);
    for (uint32_t i = 0; i < b->n_exits; i++) {
        X64Exit *x = X64_LIST_AT(cx->exits, X64Exit, i);

        if (x->indirect) {
            b->exits[i] = (TnBlockExit){ .pc = x->pc, .kind = TN_EXIT_OPEN, .patch = x->patch,
                                         .early = x->early, .from = b };
            continue;
        }
        if (!x->unlinked)
            emit_unlinked(cx, x);
        b->exits[i] = (TnBlockExit){ .pc = x->pc, .patch = x->patch, .from = b, .flags = x->kept,
                                     .unlinked = x->unlinked, .early = x->early, .late = x->late };
    }
}
