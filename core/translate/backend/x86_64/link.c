/* SPDX-License-Identifier: MIT */
/*
 * From one block to the next: a direct exit's jump, patched while other threads execute it, and the
 * look into the jump cache where an exit may not lead straight to a block.
 */
#include "code-buffer.h"
#include "compile.h"
#include "translate/translator.h"

enum { LOOKUP_ROOM = 128 }; /* no lookup is longer */

/* The displacement lies in one aligned word of 8 bytes, so that a thread that executes the jump sees
 * the old or the new one (SDM vol. 3A, 9.1.1, and AMD's manual vol. 2, 7.3.2; cross-modifying only an
 * immediate within such a word is what patching JITs rely on). */
static void patch(void *place, const void *target_rw)
{
    int32_t disp = (int32_t)((const uint8_t *)target_rw - ((uint8_t *)place + 4));

    __atomic_store_n((int32_t *)place, disp, __ATOMIC_RELEASE);
}

void x64_link(TnBlock *from, unsigned exit, TnBlock *to)
{
    const TnBlockExit *x = &from->exits[exit];
    const uint8_t *entry = x64_code_rw(to->code);

    if (to == from)
        entry += to->own_entry;
    patch(x->patch, entry);
    if (x->early && (to->flags_dead || (to == from && to->flags_marked)))
        patch(x->early, entry);
}

void x64_unlink(TnBlock *from, unsigned exit)
{
    const TnBlockExit *x = &from->exits[exit];

    if (x->early)
        patch(x->early, x->late);
    patch(x->patch, x->unlinked);
}

/* The lookup has no state of its own: it serves the exit until the block's end. */
void x64_link_lookup(TnBlock *from, unsigned exit)
{
    X64Emit e = { .p = x64_code.next, .start = x64_code.next };

    if (!(x64_opt & TN_OPT_LINK_LOOKUP) || x64_code.rw + x64_code.size - e.p < LOOKUP_ROOM)
        return;
    x64_emit_lookup(&e, from->exits[exit].pc, NULL);
    patch(from->exits[exit].patch, e.start);
    x64_code_take(e.p);
}

void x64_emit_next(X64Emit *e)
{
    x64_target32(x64_jmp32(e), x64_thunks.next);
}

void x64_emit_lookup(X64Emit *e, uint64_t pc, uint8_t *request)
{
    int32_t entry = (int32_t)(tn_jump_index(pc) * sizeof(TnJumpEntry));
    X64Mem tag = x64_mem(X64_RCX, entry + (int32_t)offsetof(TnJumpEntry, pc));
    uint8_t *miss;

    if (x64_opt & TN_OPT_JUMP_CACHE) {
        x64_load(e, X64_W, X64_RCX, x64_env(X64_CPU_OFS(jump)));
        if (x64_fits32(pc)) {
            x64_g1_mi(e, X64_G1_CMP, 3, tag, (int32_t)pc);
        } else {
            x64_mov_ri(e, X64_RAX, pc);
            x64_rm(e, X64_CMP | X64_W, X64_RAX, tag);
        }
        miss = x64_jcc8(e, X64_NZ);
        x64_rm(e, X64_GRP4, X64_G4_JMP,
               x64_mem(X64_RCX, entry + (int32_t)offsetof(TnJumpEntry, code)));
        x64_here8(e, miss);
    }
    if (request)
        x64_here32(e, request);
    x64_store_imm64(e, x64_env(x64_state_ofs(x64_plan.target->pc_offset)), pc);
    x64_emit_next(e);
}
