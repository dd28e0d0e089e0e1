/* SPDX-License-Identifier: MIT */
/*
 * Exits to a pc in a register: returns, calls and jumps through a register or memory.
 *
 * In hot code one compares the pc with the first that it had, whose block it is linked to (link.c),
 * and then with what the jump cache has for it. All other code calls the look into the jump cache
 * that exits share which have the pc in the same register, with a note of what code in C has to
 * know where that misses. Such a call becomes a jump to a look of the exit's own, with a comparison
 * before where it is linked: for one of every few shared looks, so that it is the exits taken most
 * which get one, and for those that are linked where the shared look misses.
 */
#include "code-buffer.h"
#include "compile.h"
#include "notes.h"
#include "translate/translator.h"

enum {
    CALL_REL32 = 0xe8,
    EVERY = 2, /* looks of those that exits share, one of which has its exit get its own */
};

/* ---- Looking up inline ----------------------------------------------------------------------- */

/* A pc of too many bits, so that 2^(64 - bits) times it is too large: the register is put back and
 * `reg` is the other pc. flags. */
static void check_target(X64Emit *e, const TnIrOp *op, int reg, int tmp)
{
    uint8_t *right;
    int pin = x64_plan.pin[tn_ir_exit_reg(op)];

    x64_rr(e, X64_IMUL_IMM32 | X64_W, tmp, reg);
    x64_imm32(e, 1 << (64 - tn_ir_exit_bits(op)));
    right = x64_jcc8(e, X64_NO);
    if (pin != X64_NONE)
        x64_lea(e, X64_W, pin, x64_mem(pin, -(int32_t)op->extra));
    else
        x64_g1_mi(e, X64_G1_SUB, 3, x64_reg_home((int)tn_ir_exit_reg(op)), op->extra);
    x64_mov_ri(e, reg, op->imm);
    x64_here8(e, right);
}

/* The pc in a register that may be changed. */
static int own_copy(X64Emit *e, int pc)
{
    if (X64_SCRATCH_MASK >> pc & 1)
        return pc;
    x64_mov_rr(e, X64_W, X64_RDX, pc);
    return X64_RDX;
}

/* What a look uses besides. */
static int tmp_of(int pc)
{
    return pc == X64_RAX ? X64_R10 : X64_RAX;
}

/* The jump cache, looked at inline. What is there was fetched once, so its pc is right. Gives the
 * jump where it has something else. */
static uint8_t *look_up(X64Emit *e, int pc)
{
    int at = pc == X64_RCX ? X64_RDX : X64_RCX, bank = tmp_of(pc);
    uint8_t *miss;

    _Static_assert(sizeof(TnJumpEntry) == 1 << TN_JUMP_ENTRY_BITS, "the product has it in bytes");
    x64_rr(e, X64_IMUL_IMM32, at, pc);
    x64_imm32(e, TN_JUMP_MULTIPLIER);
    x64_load(e, X64_W, bank, x64_env(X64_CPU_OFS(jump)));
    x64_g1_ri(e, X64_G1_AND, 2, at, (TN_JUMP_SIZE - 1) << TN_JUMP_ENTRY_BITS);
    x64_rm(e, X64_CMP | X64_W, pc, x64_mem_index(at, bank, 0, offsetof(TnJumpEntry, pc)));
    miss = x64_jcc8(e, X64_NZ);
    x64_rm(e, X64_GRP4, X64_G4_JMP, x64_mem_index(at, bank, 0, offsetof(TnJumpEntry, code)));
    return miss;
}

static bool may_learn(const TnBlock *block)
{
    return (x64_opt & TN_OPT_LEARN) && block->phys[0] != UINT64_MAX;
}

/* To the block for the pc in the state. */
static void next_after(X64Ctx *cx, uint8_t *open)
{
    TnBlockExit *x;

    if (!open) {
        x64_emit_next(&cx->e);
        return;
    }
    x64_call(&cx->e, x64_thunks.next_after);
    x64_note_exit(&cx->e, cx->exits.len);
    x = x64_new_exit(cx, cx->block->key.pc);
    x->kind = TN_EXIT_OPEN;
    x->patch = open;
}

static void look_inline(X64Ctx *cx, const TnIrOp *op, int pc)
{
    X64Emit *e = &cx->e;
    bool late = x64_opt & TN_OPT_LATE_CHECK;
    uint8_t *miss, *request, *open = NULL;

    if (tn_ir_exit_bits(op) && !late) {
        pc = own_copy(e, pc);
        check_target(e, op, pc, tmp_of(pc));
    }
    if (x64_opt & TN_OPT_JUMP_CACHE) {
        x64_compare_request(e);
        request = x64_jcc8(e, X64_NZ);
        if (may_learn(cx->block))
            open = x64_open_exit(e, cx->block, pc, tmp_of(pc));
        miss = look_up(e, pc);
        x64_here8(e, miss);
        x64_here8(e, request);
    }
    if (open)
        x64_here32(e, open);
    if (tn_ir_exit_bits(op) && late) {
        pc = own_copy(e, pc);
        check_target(e, op, pc, tmp_of(pc));
    }
    x64_store(e, X64_W, pc, x64_env(x64_state_ofs(x64_plan.target->pc_offset)));
    next_after(cx, open);
}

/* ---- The look that exits share --------------------------------------------------------------- */

static int note_register(int pc)
{
    return pc == X64_R11 ? X64_R10 : X64_R11;
}

static void make_look(X64Emit *e, int pc)
{
    uint8_t *request, *miss, *chosen;

    x64_thunks.look[pc] = x64_begin_thunk(e);
    x64_pop(e, note_register(pc));
    x64_compare_request(e);
    request = x64_jcc8(e, X64_NZ);
    x64_g1_mi(e, X64_G1_SUB, 2, x64_env(X64_CPU_OFS(until_look)), 1);
    chosen = x64_jcc8(e, X64_S);
    miss = look_up(e, pc);
    x64_here8(e, miss);
    x64_here8(e, chosen);
    x64_here8(e, request);
    x64_thunks.look_missed[pc] = e->p;
    x64_mov_rr(e, X64_W, X64_RDX, pc);
    x64_mov_rr(e, X64_W, X64_RCX, note_register(pc));
    x64_target32(x64_jmp32(e), x64_thunks.next_indirect);
}

void x64_make_looks(X64Emit *e)
{
    for (int pc = 0; pc < (int)G_N_ELEMENTS(x64_thunks.look); pc++) {
        if (pc != X64_RSP && pc != X64_ENV)
            make_look(e, pc);
    }
}

bool x64_shares_look(const TnBlock *block)
{
    const uint32_t needed = TN_OPT_LATE_LOOKUP | TN_OPT_LATE_CHECK | TN_OPT_JUMP_CACHE | TN_OPT_NEXT;

    return block->form == TN_FORM_FAST && (x64_opt & needed) == needed;
}

/* What the operation says of the check, behind the exit in the note. The other pc is one nearby with
 * the uppermost bit turned over, mostly. */
static void note_check(X64Emit *e, const TnIrOp *op, const TnBlock *block)
{
    uint64_t way = op->imm - block->key.pc;

    x64_note_unsigned(e, op->aux);
    if (!tn_ir_exit_bits(op))
        return;
    x64_note_unsigned(e, op->extra);
    x64_note_unsigned(e, way << 1 | way >> 63);
}

static TnIrOp read_check(const uint8_t *note, const TnBlock *block)
{
    TnIrOp op = { .aux = (uint16_t)x64_read_unsigned(&note) };

    if (tn_ir_exit_bits(&op)) {
        op.extra = (uint16_t)x64_read_unsigned(&note);
        uint64_t way = x64_read_unsigned(&note);
        op.imm = block->key.pc + (way >> 1 | way << 63);
    }
    return op;
}

static void call_look(X64Ctx *cx, const TnIrOp *op, int pc)
{
    X64Emit *e = &cx->e;
    TnBlockExit *x;
    unsigned index;

    x64_align(e, 0, X64_CALL);
    index = cx->exits.len;
    x = x64_new_exit(cx, cx->block->key.pc);
    x->kind = TN_EXIT_OPEN;
    x->early = e->p;
    x64_call(e, x64_thunks.look[pc]);
    x64_note_exit(e, index);
    note_check(e, op, cx->block);
}

void x64_emit_indirect(X64Ctx *cx, const TnIrOp *op, int pc)
{
    if (x64_shares_look(cx->block))
        call_look(cx, op, pc);
    else
        look_inline(cx, op, pc);
}

/* ---- A look of an exit's own ----------------------------------------------------------------- */

/* The register that has the pc at a call of a look, X64_NONE: it is none. */
static int register_at(const uint8_t *call)
{
    int32_t disp;

    memcpy(&disp, call + X64_CALL - sizeof(disp), sizeof(disp));
    for (int pc = 0; pc < (int)G_N_ELEMENTS(x64_thunks.look); pc++) {
        if (x64_thunks.look[pc] == call + X64_CALL + disp)
            return pc;
    }
    return X64_NONE;
}

bool x64_is_look_call(const uint8_t *call)
{
    return *call == CALL_REL32 && register_at(call) != X64_NONE;
}

static void compare(X64Emit *e, int reg, uint64_t pc)
{
    if (x64_fits32(pc)) {
        x64_g1_ri(e, X64_G1_CMP, 3, reg, (int32_t)pc);
    } else {
        x64_mov_ri(e, tmp_of(reg), pc);
        x64_rr(e, X64_CMP | X64_W, reg, tmp_of(reg));
    }
}

/* By a comparison with the first pc where the exit is linked to it, and a look; then with its note to
 * what the shared look does. */
static void emit_look(X64Emit *e, TnBlockExit *x, int pc, const uint8_t *note)
{
    uint8_t *request, *miss;
    TnBlock *to = atomic_load(&x->to);

    x64_compare_request(e);
    request = x64_jcc8(e, X64_NZ);
    if (to) {
        compare(e, pc, x->pc);
        x->patch = x64_jcc32_aligned(e, X64_Z);
        x->unlinked = e->p;
        x64_target32(x->patch, x64_code_rw(to->code));
    }
    miss = look_up(e, pc);
    x64_here8(e, miss);
    x64_here8(e, request);
    x64_mov_ri(e, note_register(pc), (uintptr_t)x64_code_rx(note));
    x64_target32(x64_jmp32(e), x64_thunks.look_missed[pc]);
}

/* The call becomes a jump to it. */
static void make_own_look(TnBlockExit *x)
{
    X64Emit e;

    tn_translator_lock();
    if (x->early && x64_begin_beside(&e)) {
        emit_look(&e, x, register_at(x->early), (uint8_t *)x->early + X64_CALL);
        x64_take_beside(&e);
        x64_become_jump(x->early, e.start);
        __atomic_store_n(&x->early, NULL, __ATOMIC_RELAXED);
    }
    tn_translator_unlock();
}

/* ---- Where no look helped -------------------------------------------------------------------- */

static bool is_right(const TnIrOp *op, uint64_t pc)
{
    unsigned other = 64 - tn_ir_exit_bits(op);

    return !tn_ir_exit_bits(op) || (uint64_t)((int64_t)(pc << other) >> other) == pc;
}

/* The exit whose turn it is gets a look of its own. */
static bool is_chosen(TnCpu *cpu)
{
    if (cpu->until_look >= 0)
        return false;
    cpu->until_look = EVERY - 1;
    return true;
}

/* So does one that is linked: where it goes the jump cache does not know now. */
static bool wants_look(TnBlockExit *x, bool chosen)
{
    return __atomic_load_n(&x->early, __ATOMIC_RELAXED) &&
           (chosen || atomic_load_explicit(&x->to, memory_order_relaxed));
}

const void *x64_next_indirect(TnCpu *cpu, const uint8_t *note, uint64_t pc)
{
    TnBlock *block = x64_noting_block(note);
    uint32_t exit = (uint32_t)x64_read_unsigned(&note);
    TnIrOp op = read_check(note, block);
    uint8_t *state = tn_cpu_state(cpu);
    bool chosen = is_chosen(cpu);
    const void *code;

    if (!is_right(&op, pc)) {
        *(uint64_t *)(void *)(state + x64_plan.target->regs[tn_ir_exit_reg(&op)].offset) -= op.extra;
        pc = op.imm;
    }
    *(uint64_t *)(void *)(state + x64_plan.target->pc_offset) = pc;
    code = may_learn(block) ? tn_cpu_next_code_after(cpu, block, exit) : tn_cpu_next_code(cpu);
    if (code && wants_look(&block->exits[exit], chosen))
        make_own_look(&block->exits[exit]);
    return code;
}
