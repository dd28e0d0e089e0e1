/* SPDX-License-Identifier: MIT */
/*
 * From one block to the next: a direct exit's jump, patched while other threads execute it, and the
 * look into the jump cache where an exit may not lead straight to a block.
 */
#include <string.h>

#include "code-buffer.h"
#include "compile.h"
#include "notes.h"
#include "slow.h"
#include "translate/translator.h"

enum { ROOM = 128 }; /* no lookup and no stores of flags are longer */

/* The displacement lies in one aligned word of 8 bytes, so that a thread that executes the jump sees
 * the old or the new one (SDM vol. 3A, 9.1.1, and AMD's manual vol. 2, 7.3.2; cross-modifying only an
 * immediate within such a word is what patching JITs rely on). */
static void patch(void *place, const void *target_rw)
{
    int32_t disp = (int32_t)((const uint8_t *)target_rw - ((uint8_t *)place + 4));

    __atomic_store_n((int32_t *)place, disp, __ATOMIC_RELEASE);
}

static bool has_room(void)
{
    return x64_code.rw + x64_code.size - x64_code.next >= ROOM;
}

static void take(const X64Emit *e)
{
    tn_translator.n_host_bytes += (uint64_t)(e->p - e->start);
    x64_code_take(e->p);
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

/* The whole jump lies in one word. */
static void make_conditional(uint8_t *place, const uint8_t *target_rw)
{
    int32_t disp = (int32_t)(target_rw - (place + DISP));
    uint64_t *word = (uint64_t *)(void *)((uintptr_t)place / WORD * WORD), value = *word;
    uint8_t *jump = (uint8_t *)&value + ((uintptr_t)(place - OPCODE) % WORD);

    memcpy(jump, where_equal, OPCODE);
    memcpy(jump + OPCODE, &disp, DISP);
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
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

/* The stores of flags that the exit's note tells of. They stay for as long as the block does. */
static bool make_late(TnBlockExit *x)
{
    enum { CALL = 5 };
    X64Emit e = { .p = x64_code.next, .start = x64_code.next };
    const uint8_t *note = (const uint8_t *)x->unlinked + CALL;
    X64Recipe flags = x64_read_recipe(x64_behind_exit_note(note));

    if (!has_room())
        return false;
    x64_store_later(&e, &flags);
    x->patch = x64_jmp32_aligned(&e);
    x->late = e.start;
    take(&e);
    return true;
}

/* An exit that stores flags, unless the block overwrites them; `late` may be what is not there yet. */
static void link_storing(TnBlockExit *x, const uint8_t *entry, bool skips)
{
    if (!skips && !x->late && !make_late(x))
        return;
    if (x->patch)
        patch(x->patch, entry);
    if (skips || x->noted)
        patch(x->early, skips ? entry : x->late);
}

void x64_link(TnBlock *from, unsigned exit, TnBlock *to)
{
    TnBlockExit *x = &from->exits[exit];
    const uint8_t *entry = x64_code_rw(to->code);

    if (x->kind != TN_EXIT_DIRECT) {
        settle(from, x, entry);
        return;
    }
    if (to == from)
        entry += to->own_entry;
    if (x->early)
        link_storing(x, entry, to->flags_dead || (to == from && to->flags_marked));
    else
        patch(x->patch, entry);
}

void x64_unlink(TnBlock *from, unsigned exit)
{
    const TnBlockExit *x = &from->exits[exit];

    if (x->kind != TN_EXIT_DIRECT) {
        make_conditional(x->patch, (const uint8_t *)x->patch + DISP);
        return;
    }
    if (x->early)
        patch(x->early, x->noted ? x->unlinked : x->late);
    if (x->patch)
        patch(x->patch, x->unlinked);
}

/* The lookup has no state of its own: it serves the exit until the block's end. */
void x64_link_lookup(TnBlock *from, unsigned exit)
{
    TnBlockExit *x = &from->exits[exit];

    if (!(x64_opt & TN_OPT_LINK_LOOKUP) || (x->early && !x->late && !make_late(x)) || !has_room())
        return;
    X64Emit e = { .p = x64_code.next, .start = x64_code.next };

    x64_emit_lookup(&e, x->pc, NULL);
    patch(x->patch, e.start);
    if (x->noted)
        patch(x->early, x->late);
    take(&e);
}

const void *x64_next_after(TnCpu *cpu, const uint8_t *note)
{
    X64ExitNote n = x64_read_exit_note(note);

    return tn_cpu_next_code_after(cpu, n.block, n.exit);
}

void x64_emit_next(X64Emit *e)
{
    x64_target32(x64_jmp32(e), x64_thunks.next);
}

/* The thunk for a miss reads a short pc from the comparison before the jump where it is one of 32
 * bits, so that a request may lead to the call, too; a long one is in RAX unless a request did. */
static void emit_miss(X64Emit *e, uint64_t pc, const uint8_t *compared, bool requested)
{
    enum { CALL = 5 };

    if (x64_fits32(pc) && pc != (uint64_t)(int8_t)pc && compared &&
        e->p + CALL - compared == X64_MISSED_PC) {
        x64_call(e, x64_thunks.missed);
    } else if (!x64_fits32(pc) && compared && !requested) {
        x64_target32(x64_jmp32(e), x64_thunks.missed_rax);
    } else {
        x64_store_imm64(e, x64_env(x64_state_ofs(x64_plan.target->pc_offset)), pc);
        x64_emit_next(e);
    }
}

void x64_emit_lookup(X64Emit *e, uint64_t pc, uint8_t *request)
{
    int32_t entry = (int32_t)(tn_jump_index(pc) * sizeof(TnJumpEntry));
    X64Mem tag = x64_mem(X64_RCX, entry + (int32_t)offsetof(TnJumpEntry, pc));
    const uint8_t *compared = NULL;
    uint8_t *miss;

    if (x64_opt & TN_OPT_JUMP_CACHE) {
        x64_load(e, X64_W, X64_RCX, x64_env(X64_CPU_OFS(jump)));
        if (x64_fits32(pc)) {
            x64_g1_mi(e, X64_G1_CMP, 3, tag, (int32_t)pc);
        } else {
            x64_mov_ri(e, X64_RAX, pc);
            x64_rm(e, X64_CMP | X64_W, X64_RAX, tag);
        }
        compared = e->p - sizeof(int32_t);
        miss = x64_jcc8(e, X64_NZ);
        x64_rm(e, X64_GRP4, X64_G4_JMP,
               x64_mem(X64_RCX, entry + (int32_t)offsetof(TnJumpEntry, code)));
        x64_here8(e, miss);
    }
    if (request)
        x64_here32(e, request);
    emit_miss(e, pc, compared, request);
}
