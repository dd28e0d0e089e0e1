/* SPDX-License-Identifier: MIT */
/*
 * From one block to the next: a direct exit's jump, patched while other threads execute it.
 */
#include <string.h>

#include "code-buffer.h"
#include "compile.h"
#include "notes.h"
#include "slow.h"
#include "translate/translator.h"

/* The displacement lies in one aligned word of 8 bytes, so that a thread that executes the jump sees
 * the old or the new one (SDM vol. 3A, 9.1.1, and AMD's manual vol. 2, 7.3.2; cross-modifying only an
 * immediate within such a word is what patching JITs rely on). */
static void patch(void *place, const void *target_rw)
{
    int32_t disp = (int32_t)((const uint8_t *)target_rw - ((uint8_t *)place + 4));

    __atomic_store_n((int32_t *)place, disp, __ATOMIC_RELEASE);
}

/* The way out is where the exit's own jump is when it is linked. */
static bool is_in_place(const TnBlockExit *x, const uint8_t *place)
{
    return place == (const uint8_t *)x->unlinked + X64_CALL - sizeof(int32_t);
}

unsigned x64_way_out(const TnBlockExit *x)
{
    return is_in_place(x, x->early) || is_in_place(x, x->patch) ? X64_CALL : X64_CALL_SHORT;
}

void x64_rewrite(uint8_t *place, const uint8_t *bytes, unsigned n)
{
    unsigned at = (uintptr_t)place % sizeof(uint64_t);
    uint64_t *word = (uint64_t *)(void *)(place - at), value = *word;

    memcpy((uint8_t *)&value + at, bytes, n);
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Has one of the exit's places lead to where it is linked to, or to its way out. */
static void lead(const TnBlockExit *x, uint8_t *place, const uint8_t *to)
{
    enum { CALL_REL32 = 0xe8, JMP_REL32 = 0xe9 };
    uint8_t jump[X64_CALL] = { to == x->unlinked ? CALL_REL32 : JMP_REL32 };
    int32_t disp;

    if (!is_in_place(x, place)) {
        patch(place, to);
        return;
    }
    disp = (int32_t)((to == x->unlinked ? x64_thunks.leave_direct : to) - (place + sizeof(disp)));
    memcpy(jump + 1, &disp, sizeof(disp));
    x64_rewrite(place - 1, jump, sizeof(jump));
}

/* ---- Exits that are linked to the pc they go to first ---------------------------------------- */

/*
 * CMP of the pc with a number and a jump of 6 bytes. The jump leads to where the first pc is found out;
 * then the number becomes that pc, once, and the jump a conditional one. What the number is before
 * is no pc that the guest is at in the time between two instructions of the host.
 */
enum {
    OPCODE = 2,
    DISP = 4,
    WORD = 8,
    CMP_IMM32 = 7,
    MOV_IMM64 = 10,
    CMP_REG = 3,
    PC_AWAY = INT32_MIN,
};

static const uint8_t always[OPCODE] = { 0x90, 0xe9 }, where_equal[OPCODE] = { 0x0f, 0x84 };

static bool compares_short(const TnBlock *block)
{
    return x64_fits32(block->key.pc) && x64_fits32(block->key.pc + (uint64_t)PC_AWAY);
}

uint8_t *x64_open_exit(X64Emit *e, const TnBlock *block, int pc, int tmp)
{
    uint64_t nobody = block->key.pc + (uint64_t)PC_AWAY;
    bool is_short = compares_short(block);

    x64_align(e, is_short ? CMP_IMM32 : MOV_IMM64 + CMP_REG, OPCODE + DISP);
    if (is_short) {
        x64_byte(e, (uint8_t)(0x48 | (pc >= 8)));
        x64_byte(e, 0x81);
        x64_byte(e, (uint8_t)(0xc0 | X64_G1_CMP << 3 | (pc & 7)));
        x64_imm32(e, (int32_t)nobody);
    } else {
        x64_byte(e, (uint8_t)(0x48 | (tmp >= 8)));
        x64_byte(e, (uint8_t)(0xb8 | (tmp & 7)));
        x64_imm64(e, nobody);
        x64_rr(e, X64_CMP | X64_W, pc, tmp);
    }
    for (unsigned k = 0; k < OPCODE; k++)
        x64_byte(e, always[k]);
    x64_imm32(e, 0);
    return e->p - DISP;
}

bool x64_is_open_exit(const uint8_t *place, const uint8_t *code)
{
    return place - code >= MOV_IMM64 + CMP_REG + OPCODE && !memcmp(place - OPCODE, always, OPCODE) &&
           (uintptr_t)(place - OPCODE) % WORD <= WORD - OPCODE - DISP;
}

static void make_conditional(uint8_t *place, const uint8_t *target_rw)
{
    int32_t disp = (int32_t)(target_rw - (place + DISP));
    uint8_t jump[OPCODE + DISP];

    memcpy(jump, where_equal, OPCODE);
    memcpy(jump + OPCODE, &disp, DISP);
    x64_rewrite(place - OPCODE, jump, sizeof(jump));
}

static void settle(const TnBlock *from, const TnBlockExit *x, const uint8_t *entry)
{
    uint8_t *jump = (uint8_t *)x->patch - OPCODE;

    if (compares_short(from))
        memcpy(jump - sizeof(int32_t), &x->pc, sizeof(int32_t));
    else
        memcpy(jump - CMP_REG - sizeof(x->pc), &x->pc, sizeof(x->pc));
    make_conditional(x->patch, entry);
}

/* ---- All of them ----------------------------------------------------------------------------- */

/* The stores of flags that the exit's note tells of, or of the host's. They stay for as long as the
 * block does. */
static bool make_late(TnBlockExit *x)
{
    X64Emit e;

    if (!x64_begin_beside(&e))
        return false;
    if (x64_exit_in_host(x->flags)) {
        x64_store_host_later(&e, x->flags == X64_EXIT_HOST_LOGIC);
    } else {
        X64Recipe flags = x64_read_recipe((const uint8_t *)x->unlinked + x64_way_out(x));
        x64_store_later(&e, &flags);
    }
    x->patch = x64_jmp32_aligned(&e);
    x->late = e.start;
    x64_take_beside(&e);
    return true;
}

/* An exit that stores flags, unless the block overwrites them; `late` may be what is not there yet. */
static void link_storing(TnBlockExit *x, const uint8_t *entry, bool skips)
{
    if (!skips && !x->late && !make_late(x))
        return;
    if (x->patch)
        lead(x, x->patch, entry);
    if (skips || x->flags != X64_EXIT_STORED)
        lead(x, x->early, skips ? entry : x->late);
}

void x64_link(TnBlock *from, unsigned exit, TnBlock *to)
{
    TnBlockExit *x = &from->exits[exit];
    const uint8_t *entry = x64_code_rw(to->code);

    if (x->kind != TN_EXIT_DIRECT) {
        if (x->unlinked)
            patch(x->patch, entry);
        else if (x->patch)
            settle(from, x, entry);
        return;
    }
    if (to == from)
        entry += to->own_entry;
    if (x->early)
        link_storing(x, entry, to->flags_dead || (to == from && to->flags_marked));
    else
        lead(x, x->patch, entry);
}

void x64_unlink(TnBlock *from, unsigned exit)
{
    const TnBlockExit *x = &from->exits[exit];

    if (x->kind != TN_EXIT_DIRECT && !x->unlinked) {
        if (x->patch)
            make_conditional(x->patch, (const uint8_t *)x->patch + DISP);
        return;
    }
    if (x->early)
        lead(x, x->early, x->flags != X64_EXIT_STORED ? x->unlinked : x->late);
    if (x->patch)
        lead(x, x->patch, x->unlinked);
}

/* The lookup has no state of its own: it serves the exit until the block's end. */
void x64_link_lookup(TnBlock *from, unsigned exit)
{
    TnBlockExit *x = &from->exits[exit];
    X64Emit e;

    if (!(x64_opt & TN_OPT_LINK_LOOKUP) || (x->early && !x->late && !make_late(x)) ||
        !x64_begin_beside(&e))
        return;
    x64_emit_lookup(&e, x->pc, false);
    lead(x, x->patch, e.start);
    if (x->flags != X64_EXIT_STORED)
        lead(x, x->early, x->late);
    x64_take_beside(&e);
}

const void *x64_next_after(TnCpu *cpu, const uint8_t *note)
{
    X64ExitNote n = x64_read_exit_note(note);

    return tn_cpu_next_code_after(cpu, n.block, n.exit);
}
