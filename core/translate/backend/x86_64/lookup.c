/* SPDX-License-Identifier: MIT */
/*
 * Exits that may not lead straight to a block: to other pages, and within a page to code that goes on
 * behind it. They look into the jump cache.
 *
 * Few exits of code that was just made are ever taken: there the look is a call with a note of how
 * far the pc is from the block's and of the flags that are to be stored. Code in C serves it; of one
 * that is taken a few times the call becomes a jump to a look that all exits to the pc share, by way
 * of the stores where there are some.
 */
#include "code-buffer.h"
#include "compile.h"
#include "notes.h"
#include "slow.h"
#include "translate/translator.h"

enum {
    ROOM = 128,     /* nothing that is made for an exit is longer */
    JMP_REL32 = 0xe9,
    OFTEN = 8,      /* calls of an exit before it gets a look of its own */
    COUNT_BITS = 14,
    LOOK_BITS = 14,
    LONGEST_NOTE = 48, /* a pc and a recipe of two operands */
};

bool x64_begin_beside(X64Emit *e)
{
    uint8_t *p = x64_code_beside(ROOM);

    *e = (X64Emit){ .p = p, .start = p };
    return p;
}

void x64_take_beside(const X64Emit *e)
{
    tn_translator.n_host_bytes += (uint64_t)(e->p - e->start);
    x64_code_take_beside(e->p);
}

void x64_emit_next(X64Emit *e)
{
    x64_target32(x64_jmp32(e), x64_thunks.next);
}

/* ---- Looking up inline ----------------------------------------------------------------------- */

/* The thunk for a miss reads a short pc from the comparison before the jump where it is one of 32
 * bits, so that a request may lead to the call, too; a long one is in RAX unless a request did. */
static void emit_miss(X64Emit *e, uint64_t pc, const uint8_t *compared, bool requested)
{
    if (x64_fits32(pc) && pc != (uint64_t)(int8_t)pc && compared &&
        e->p + X64_CALL - compared == X64_MISSED_PC) {
        x64_call(e, x64_thunks.missed);
    } else if (!x64_fits32(pc) && compared && !requested) {
        x64_target32(x64_jmp32(e), x64_thunks.missed_rax);
    } else {
        x64_store_imm64(e, x64_env(x64_state_ofs(x64_plan.target->pc_offset)), pc);
        x64_emit_next(e);
    }
}

void x64_compare_request(X64Emit *e)
{
    x64_g1_mi(e, X64_G1_CMP, 2, x64_env(X64_CPU_OFS(exit_request)), 0);
}

void x64_emit_lookup(X64Emit *e, uint64_t pc, bool check)
{
    int32_t entry = (int32_t)(tn_jump_index(pc) * sizeof(TnJumpEntry));
    X64Mem tag = x64_mem(X64_RCX, entry + (int32_t)offsetof(TnJumpEntry, pc));
    bool cached = x64_opt & TN_OPT_JUMP_CACHE;
    const uint8_t *compared = NULL;
    uint8_t *miss, *request = NULL;

    if (check && cached) {
        x64_compare_request(e);
        request = x64_jcc8(e, X64_NZ);
    }
    if (cached) {
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
        x64_here8(e, request);
    emit_miss(e, pc, compared, request);
}

/* ---- Looking up late ------------------------------------------------------------------------- */

bool x64_looks_late(const TnBlock *block)
{
    return (x64_opt & TN_OPT_LATE_LOOKUP) && (x64_opt & TN_OPT_NEXT) &&
           block->form == TN_FORM_FAST;
}

void x64_emit_far_exit(X64Emit *e, const TnBlock *block, uint64_t pc)
{
    if (!x64_looks_late(block)) {
        x64_emit_lookup(e, pc, pc <= block->key.pc);
        return;
    }
    x64_align(e, 0, X64_CALL);
    x64_call(e, x64_thunks.next_far);
    x64_note_signed(e, (int64_t)(pc - block->key.pc));
}

/* The jump that it becomes takes the note's first bytes, too, of which there are three or more. */
void x64_begin_far_exit(X64Emit *e, const TnBlock *block, uint64_t pc)
{
    x64_align(e, 0, X64_CALL);
    x64_call_short(e, X64_CALLED_LEAVE_DIRECT);
    x64_note_signed(e, (int64_t)(pc - block->key.pc));
}

/* How often each exit was taken, by a hash of its address; some have it in common. */
static bool came_often(const uint8_t *note)
{
    static uint8_t counts[1 << COUNT_BITS];
    uint64_t hash = (uintptr_t)note * UINT64_C(0x9e3779b97f4a7c15);
    uint8_t *count = &counts[hash >> (64 - COUNT_BITS)];
    uint8_t n = __atomic_load_n(count, __ATOMIC_RELAXED);

    __atomic_store_n(count, n + 1, __ATOMIC_RELAXED);
    return n % OFTEN == OFTEN - 1;
}

/* The looks that were made, until all code goes. They have no state: exits to one pc share one. With
 * the lock held; an entry may be looked at without it. */
static struct {
    uint64_t pc;
    uint8_t *code; /* NULL: none */
} looks[1 << LOOK_BITS];

static unsigned place_of(uint64_t pc)
{
    return (unsigned)(pc * UINT64_C(0x9e3779b97f4a7c15) >> (64 - LOOK_BITS));
}

void x64_forget_looks(void)
{
    memset(looks, 0, sizeof(looks));
}

static bool has_look(uint64_t pc)
{
    return __atomic_load_n(&looks[place_of(pc)].pc, __ATOMIC_RELAXED) == pc;
}

/* Another one takes the place, not the code, of one that is there. NULL: there is no room. */
static uint8_t *look_for(uint64_t pc)
{
    unsigned i = place_of(pc);
    X64Emit e;

    if (looks[i].code && looks[i].pc == pc)
        return looks[i].code;
    if (!x64_begin_beside(&e))
        return NULL;
    x64_emit_lookup(&e, pc, true);
    x64_take_beside(&e);
    looks[i].code = e.start;
    __atomic_store_n(&looks[i].pc, pc, __ATOMIC_RELAXED);
    return e.start;
}

/* What stores flags and goes to the look; NULL: there is no room. */
static uint8_t *store_before(const uint8_t *look, const uint8_t *recipe)
{
    X64Recipe flags = x64_read_recipe(recipe);
    X64Emit e;

    if (!x64_begin_beside(&e))
        return NULL;
    x64_store_later(&e, &flags);
    x64_target32(x64_jmp32(&e), look);
    x64_take_beside(&e);
    return e.start;
}

void x64_become_jump(uint8_t *call, const uint8_t *to)
{
    int32_t disp = (int32_t)(to - (call + X64_CALL));
    uint8_t jump[X64_CALL] = { JMP_REL32 };

    memcpy(jump + 1, &disp, sizeof(disp));
    x64_rewrite(call, jump, sizeof(jump));
}

/* An exit as its note tells of it. */
typedef struct FarExit {
    uint8_t *call;
    uint64_t pc;
} FarExit;

/* recipe: of flags that are stored before, or NULL */
static void jump_to_look(const FarExit *x, const uint8_t *recipe)
{
    uint8_t *look;

    tn_translator_lock();
    if (*x->call != JMP_REL32 && (look = look_for(x->pc)) &&
        (!recipe || (look = store_before(look, recipe))))
        x64_become_jump(x->call, look);
    tn_translator_unlock();
}

/* The look by itself; where it misses, or something wants the vCPU, the long way. */
static const void *find(TnCpu *cpu, uint64_t pc)
{
    const TnJumpEntry *e = &cpu->jump[tn_jump_index(pc)];

    return __atomic_load_n(&e->pc, __ATOMIC_RELAXED) == pc &&
           !atomic_load_explicit(&cpu->exit_request, memory_order_relaxed)
               ? e->code : tn_cpu_next_code(cpu);
}

/* Reads the pc, which goes to the state, from a note of the block. */
static FarExit read_exit(TnCpu *cpu, const TnBlock *block, uint8_t *call, const uint8_t **note)
{
    uint8_t *state = tn_cpu_state(cpu);
    FarExit x = { .call = call, .pc = block->key.pc + (uint64_t)x64_read_signed(note) };

    *(uint64_t *)(void *)(state + x64_plan.target->pc_offset) = x.pc;
    return x;
}

/* A short call with its note as it is, of which others may make a jump meanwhile: false where they
 * have. */
static bool read_whole(const uint8_t *call, uint8_t *copy, size_t size)
{
    unsigned at = (uintptr_t)call % sizeof(uint64_t);
    uint64_t word = __atomic_load_n((const uint64_t *)(const void *)(call - at), __ATOMIC_ACQUIRE);

    memcpy(copy, call, MIN(size, (size_t)(x64_code.rw + x64_code.size - call)));
    memcpy(copy, (const uint8_t *)&word + at, X64_CALL);
    return *copy != JMP_REL32;
}

const void *x64_next_far(TnCpu *cpu, const uint8_t *note)
{
    FarExit x = read_exit(cpu, x64_noting_block(note), x64_code_rw(note - X64_CALL), &note);
    const void *code = find(cpu, x.pc);

    if (code && (x64_opt & TN_OPT_JUMP_CACHE) && (has_look(x.pc) || came_often(x.call)))
        jump_to_look(&x, NULL);
    return code;
}

/* A look that is there does not bring the stores: they are made for what is taken often. */
const void *x64_next_far_noted(TnCpu *cpu, uint8_t *frame, const uint8_t *note)
{
    uint8_t *call = x64_code_rw(note - X64_CALL_SHORT), copy[X64_CALL_SHORT + LONGEST_NOTE];
    const TnBlock *block = x64_noting_block(note);
    const void *code;
    FarExit x;

    if (!read_whole(call, copy, sizeof(copy)))
        return x64_code_rx(call);
    note = copy + X64_CALL_SHORT;
    x = read_exit(cpu, block, call, &note);
    x64_store_noted_flags(cpu, frame, note);
    code = find(cpu, x.pc);
    if (code && (x64_opt & TN_OPT_JUMP_CACHE) && came_often(call))
        jump_to_look(&x, note);
    return code ? code : x64_leave_loop(cpu, frame);
}
