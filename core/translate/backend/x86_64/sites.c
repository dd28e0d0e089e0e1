/* SPDX-License-Identifier: MIT */
/*
 * IR to code: accesses of hot blocks through windows of their own (translate/softmmu-sites.c). A miss
 * goes to the probe, which stands out of line, and every now and then asks for the window to be
 * moved to where it found the address; or, where that was asked for too often, moves it there.
 */
#include "compile.h"
#include "slow.h"
#include "translate/softmmu.h"

#define SITE(n, field) x64_env(X64_CPU_OFS(site[n].field))

void x64_give_sites(X64Ctx *cx)
{
    if (!(x64_opt & TN_OPT_SITES) || cx->block->phys[0] == UINT64_MAX)
        return;
    for (unsigned k = 1; k < cx->n_groups; k++) {
        X64Group *g = &cx->groups[k];
        TnTlbSiteUse use = { .owner = cx->block, .first = g->first, .last = g->last,
                             .mode = g->mode, .write = g->write, .number = (uint8_t)k,
                             .moves = cx->block->moving >> k & 1 };

        _Static_assert(X64_MAX_GROUPS == 64, "TnBlock.plain has a bit for each group");
        if (!g->window && !g->hoisted && !(cx->block->plain >> k & 1))
            g->site = (int16_t)tn_tlb_site_take(&use);
    }
}

void x64_drop_sites(const TnBlock *block)
{
    if (x64_has_sites(block))
        tn_tlb_sites_give_back(block);
}

void x64_through_site(X64Ctx *cx, X64Refill *r)
{
    X64Emit *e = &cx->e;

    x64_mov_rr(e, X64_W, r->tag, r->addr);
    x64_rm(e, X64_SUB | X64_W, r->tag, SITE(r->site, start));
    x64_rm(e, X64_CMP | X64_W, r->tag, SITE(r->site, size));
    r->from = x64_jcc32(e, X64_AE);
    x64_load(e, X64_W, r->index, SITE(r->site, addend));
    r->back = e->p;
    *X64_LIST_ADD(cx->refills, X64Refill) = *r;
}

/* What the probe found: the tag is the page. The size stays, so that what another thread closes does not
 * come open by this. Gives where code goes on that had better ask. */
static void move_window(X64Emit *e, const X64Refill *r)
{
    uint8_t *closed, *often;

    x64_g1_mi(e, X64_G1_CMP, 3, SITE(r->site, size), 0);
    closed = x64_jcc8(e, X64_Z);
    x64_g1_mi(e, X64_G1_SUB, 2, SITE(r->site, patience), 1);
    often = x64_jcc8(e, X64_S);
    if (r->first)
        x64_lea(e, X64_W, r->tag, x64_mem(r->tag, -r->first));
    x64_store(e, X64_W, r->tag, SITE(r->site, start));
    x64_store(e, X64_W, r->index, SITE(r->site, addend));
    x64_target32(x64_jmp32(e), r->back);
    x64_here8(e, closed);
    x64_here8(e, often);
}

void x64_emit_site_refill(X64Ctx *cx, const X64Refill *r)
{
    X64Stub *s = X64_LIST_AT(cx->stubs, X64Stub, r->stub);
    X64Emit *e = &cx->e;

    x64_here32(e, r->from);
    s->from[s->n_from++] = x64_emit_probe(e, r);
    if (r->moves) {
        move_window(e, r);
    } else {
        x64_g1_mi(e, X64_G1_SUB, 2, SITE(r->site, patience), 1);
        x64_target32(x64_jcc32(e, X64_NS), r->back);
    }
    x64_call_site(cx, s, r);
}
