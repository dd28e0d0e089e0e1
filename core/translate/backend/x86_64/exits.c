/* SPDX-License-Identifier: MIT */
/* The exits of a block that is compiled, and the ways out of those that are not linked. */
#include <string.h>

#include "compile.h"
#include "slow.h"

uint8_t *x64_way_out_from(X64Emit *e, uint8_t *jump)
{
    uint8_t *here = e->p;

    x64_here32(e, jump);
    x64_call_short(e, X64_CALLED_LEAVE_DIRECT);
    return here;
}

static void emit_ways_out(X64Ctx *cx)
{
    X64Emit *e = &cx->e;

    for (unsigned i = 0; i < cx->ways_out.len; i++) {
        const X64WayOut *w = X64_LIST_AT(cx->ways_out, X64WayOut, i);
        TnBlockExit *x = X64_LIST_AT(cx->exits, TnBlockExit, w->exit);

        x->unlinked = x64_way_out_from(e, w->jump);
        if (!w->request) {
            x64_put_flag_note(e, &w->flags);
            continue;
        }
        x64_here32(e, w->request);
        x64_call_request(cx, x->pc, &w->flags);
    }
}

/* The ways out that come after the block, and the block's own table of exits. */
void x64_emit_exits(X64Ctx *cx)
{
    TnBlock *b = cx->block;

    emit_ways_out(cx);
    tn_block_new_exits(b, cx->exits.len);
    if (b->n_exits)
        memcpy(b->exits, cx->exits.items, b->n_exits * sizeof(*b->exits));
}
