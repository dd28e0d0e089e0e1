/* SPDX-License-Identifier: MIT */
/*
 * What translated code is entered and left through, and what it calls. The thunks are generated once,
 * at the front of the code buffer, because the pinned registers and the state's layout are the
 * target's.
 */
#include "code-buffer.h"
#include "compile.h"
#include "slow.h"

X64Thunks x64_thunks;

enum {
    PAD = 24, /* keeps the stack aligned inside a thunk: 32 with the return address */
};

static const int8_t callee_saved[] = { X64_RBX, X64_RBP, X64_R12, X64_R13, X64_R14, X64_R15 };
static const int8_t temporaries[] = { X64_RAX, X64_RCX, X64_RDX, X64_R10, X64_R11 };

uint8_t *x64_begin_thunk(X64Emit *e)
{
    while ((uintptr_t)e->p % X64_CODE_ALIGN)
        x64_byte(e, 0xcc);
    return e->p;
}

void x64_emit_call_c(X64Emit *e, void (*fn)(void))
{
    const uint8_t *next;
    int64_t distance;

    x64_save_vectors(e);
    next = (const uint8_t *)x64_code_rx(e->p) + 5;
    distance = (int64_t)((uintptr_t)fn - (uintptr_t)next);
    if (distance == (int32_t)distance) {
        x64_byte(e, 0xe8);
        x64_imm32(e, (int32_t)distance);
    } else {
        e->bound = true;
        x64_mov_ri(e, X64_RAX, (uintptr_t)fn);
        x64_rr(e, X64_GRP4, X64_G4_CALL, X64_RAX);
    }
}

/* A frame offset inside a thunk, `depth` bytes below the frame. */
static X64Mem frame_at(int32_t ofs, int depth)
{
    return x64_frame(ofs + depth);
}

static void move_pins(X64Emit *e, bool store, uint32_t mask)
{
    for (int reg = 0; reg < 16; reg++) {
        if (!(x64_plan.pin_mask & mask & 1u << reg))
            continue;
        if (store)
            x64_store(e, X64_W, reg, x64_reg_home(x64_plan.pinned[reg]));
        else
            x64_load(e, X64_W, reg, x64_reg_home(x64_plan.pinned[reg]));
    }
}

/* ---- Pinned vector registers around code in C ----------------------------------------------- */

/* Where vec_state tells of upper halves in use, x64_emit_call_c clears them. */
static void clear_upper(X64Emit *e)
{
    if (!x64_plan.vpin_mask)
        x64_vzeroupper(e);
}

static void save_vectors(X64Emit *e)
{
    clear_upper(e);
    x64_save_vectors(e);
}

/* MXCSR where no vector register is pinned; otherwise it comes and goes with them. eax */
static void leave_mxcsr(X64Emit *e)
{
    if (!x64_plan.vpin_mask)
        x64_mxcsr_leave(e);
}

/* ecx */
static void enter_mxcsr(X64Emit *e)
{
    if (!x64_plan.vpin_mask)
        x64_mxcsr_enter(e);
}

/* eax */
static void note_vectors(X64Emit *e, int depth)
{
    if (!x64_plan.vpin_mask)
        return;
    x64_rm(e, X64_MOVZX8 & ~X64_BYTE_RM, X64_RAX, x64_vec_state());
    x64_store(e, 0, X64_RAX, frame_at(X64_F_VEC_STATE, depth));
}

/* eax */
static void restore_vectors(X64Emit *e, int depth)
{
    if (!x64_plan.vpin_mask)
        return;
    x64_load(e, 0, X64_RAX, frame_at(X64_F_VEC_STATE, depth));
    x64_rr(e, X64_TEST, X64_RAX, X64_RAX);
    uint8_t *skip = x64_jcc8(e, X64_Z);

    x64_call(e, x64_thunks.vec_restore);
    x64_here8(e, skip);
}

static void move_temporaries(X64Emit *e, bool store, int depth)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(temporaries); k++) {
        X64Mem m = frame_at(X64_F_SAVE + 8 * temporaries[k], depth);

        if (store)
            x64_store(e, X64_W, temporaries[k], m);
        else
            x64_load(e, X64_W, temporaries[k], m);
    }
}

static void call_store_flags(X64Emit *e, int depth)
{
    x64_lea(e, X64_W, X64_RDI, x64_env(-(int32_t)TN_CPU_STATE_OFFSET - X64_ENV_BIAS));
    x64_lea(e, X64_W, X64_RSI, frame_at(0, depth));
    x64_emit_call_c(e, (void (*)(void))x64_store_lazy_flags);
}

static uint8_t *skip_without_recipe(X64Emit *e, int depth)
{
    x64_g1_mi(e, X64_G1_CMP, 0, frame_at(X64_F_FLAGS_OP, depth), 0);
    return x64_jcc8(e, X64_Z);
}

/* For code that has registers to lose: keeps all integer ones. */
static void make_flags(X64Emit *e)
{
    enum { DEPTH = 8 + PAD };

    x64_thunks.flags = x64_begin_thunk(e);
    x64_g1_ri(e, X64_G1_SUB, 3, X64_RSP, PAD);
    move_temporaries(e, true, DEPTH);
    move_pins(e, true, X64_CALLER_SAVED_PINS);
    clear_upper(e);
    call_store_flags(e, DEPTH);
    move_pins(e, false, X64_CALLER_SAVED_PINS);
    move_temporaries(e, false, DEPTH);
    x64_g1_ri(e, X64_G1_ADD, 3, X64_RSP, PAD);
    x64_ret(e);
}

static uint8_t *const *const called[X64_N_CALLED] = {
    [X64_CALLED_SLOW] = &x64_thunks.slow[X64_KEEP_NONE],
    [X64_CALLED_LEAVE_DIRECT] = &x64_thunks.leave_direct,
};

/* X64Left enter(TnCpu *cpu, void *code), once the code is there that blocks call. */
static void make_enter(X64Emit *e)
{
    x64_thunks.enter = x64_begin_thunk(e);
    for (unsigned k = 0; k < G_N_ELEMENTS(callee_saved); k++)
        x64_push(e, callee_saved[k]);
    x64_lea(e, X64_W, X64_ENV, x64_mem(X64_RDI, TN_CPU_STATE_OFFSET + X64_ENV_BIAS));
    x64_mov_rr(e, X64_W, X64_RAX, X64_RSP);
    x64_mov_rr(e, X64_W, X64_RDX, X64_RSI);
    x64_g1_ri(e, X64_G1_SUB, 3, X64_RSP, X64_FRAME_SIZE);
    x64_g1_ri(e, X64_G1_AND, 3, X64_RSP, -32);
    x64_store(e, X64_W, X64_RAX, x64_frame(X64_F_HOST_RSP));
    x64_store(e, X64_W, X64_RSP, x64_env(X64_CPU_OFS(code_frame)));
    enter_mxcsr(e);
    x64_store_imm(e, 0, x64_frame(X64_F_FLAGS_OP), 0);
    x64_store_imm(e, 3, x64_frame(X64_F_RECIPE), 0);
    x64_store_imm(e, 3, x64_env(X64_CPU_OFS(page_mask[0])), -(int32_t)TN_PAGE_SIZE);
    x64_store_imm(e, 3, x64_env(X64_CPU_OFS(page_mask[1])),
                  -(int32_t)TN_PAGE_SIZE | (int32_t)(sizeof(uint32_t) - 1));
    x64_store_imm(e, 3, x64_env(X64_CPU_OFS(page_mask[2])),
                  -(int32_t)TN_PAGE_SIZE | (int32_t)(sizeof(uint64_t) - 1));
    x64_store_imm(e, 2, x64_env(X64_CPU_OFS(entry_mask)), X64_ENTRY_MASK);
    x64_store_imm(e, 2, x64_env(X64_CPU_OFS(entry_bits)), X64_ENTRY_BITS);
    for (X64Called k = 0; k < X64_N_CALLED; k++) {
        x64_mov_ri(e, X64_RAX, (uintptr_t)x64_code_rx(*called[k]));
        x64_store(e, X64_W, X64_RAX, x64_env(X64_CPU_OFS(called[k])));
    }
    move_pins(e, false, UINT32_MAX);
    x64_rr(e, X64_GRP4, X64_G4_JMP, X64_RDX);
}

static void make_leave(X64Emit *e)
{
    uint8_t *skip;

    x64_thunks.leave = x64_begin_thunk(e);
    skip = skip_without_recipe(e, 0);
    x64_call(e, x64_thunks.flags);
    x64_here8(e, skip);
    move_pins(e, true, UINT32_MAX);
    save_vectors(e);
    x64_mov_rr(e, X64_W, X64_RCX, X64_RAX);
    leave_mxcsr(e);
    x64_mov_rr(e, X64_W, X64_RAX, X64_RCX);
    x64_store_imm(e, 3, x64_env(X64_CPU_OFS(code_frame)), 0);
    x64_load(e, X64_W, X64_RSP, x64_frame(X64_F_HOST_RSP));
    for (int k = G_N_ELEMENTS(callee_saved) - 1; k >= 0; k--)
        x64_pop(e, callee_saved[k]);
    x64_ret(e);
}

/* A block was left for good with the pc and the block key's state in the state, or where fn puts it
 * there: on to the next one, or out. fn gets RCX and RDX and may change the registers in `pins`. The
 * flags' recipe stays in the frame. */
static void go_on(X64Emit *e, void (*fn)(void), uint32_t pins)
{
    uint8_t *out;

    if (x64_opt & TN_OPT_NEXT) {
        move_pins(e, true, pins);
        x64_lea(e, X64_W, X64_RDI, x64_env(-(int32_t)TN_CPU_STATE_OFFSET - X64_ENV_BIAS));
        x64_mov_rr(e, X64_W, X64_RSI, X64_RCX);
        x64_emit_call_c(e, fn);
        move_pins(e, false, pins);
        x64_rr(e, X64_TEST | X64_W, X64_RAX, X64_RAX);
        out = x64_jcc8(e, X64_Z);
        x64_rr(e, X64_GRP4, X64_G4_JMP, X64_RAX);
        x64_here8(e, out);
    }
    x64_mov_ri(e, X64_RAX, TN_RUN_EXIT_LOOP);
    x64_target32(x64_jmp32(e), x64_thunks.leave);
}

static void make_next(X64Emit *e)
{
    x64_thunks.missed = x64_begin_thunk(e);
    x64_pop(e, X64_RCX);
    x64_rm(e, X64_MOVSXD, X64_RAX, x64_mem(X64_RCX, -X64_MISSED_PC));
    x64_thunks.missed_rax = e->p;
    x64_store(e, X64_W, X64_RAX, x64_env(x64_state_ofs(x64_plan.target->pc_offset)));
    x64_thunks.next = e->p;
    go_on(e, (void (*)(void))tn_cpu_next_code, X64_CALLER_SAVED_PINS);
    x64_thunks.next_after = x64_begin_thunk(e);
    x64_pop(e, X64_RCX);
    go_on(e, (void (*)(void))x64_next_after, X64_CALLER_SAVED_PINS);
    x64_thunks.next_far = x64_begin_thunk(e);
    x64_pop(e, X64_RCX);
    go_on(e, (void (*)(void))x64_next_far, X64_CALLER_SAVED_PINS);
    x64_thunks.next_indirect = x64_begin_thunk(e);
    go_on(e, (void (*)(void))x64_next_indirect, UINT32_MAX);
    x64_make_looks(e);
}

static void make_small(X64Emit *e)
{
    uint8_t *skip;

    x64_thunks.save_pins = x64_begin_thunk(e);
    move_pins(e, true, UINT32_MAX);
    skip = skip_without_recipe(e, 8);
    x64_target32(x64_jmp32(e), x64_thunks.flags);
    x64_here8(e, skip);
    x64_ret(e);
    x64_thunks.load_pins = x64_begin_thunk(e);
    move_pins(e, false, UINT32_MAX);
    x64_ret(e);
}

/* ---- Slow paths ------------------------------------------------------------------------------ */

/* Vector registers that are not pinned. */
static void move_vector_temporaries(X64Emit *e, bool store, X64Keep keep, int depth)
{
    for (int reg = 0; reg < 16 && keep; reg++) {
        X64Mem m = frame_at(X64_F_VEC_SAVE + 32 * reg, depth);

        if (x64_plan.vpin_mask >> reg & 1)
            continue;
        if (store)
            x64_vstore(e, keep == X64_KEEP_WHOLE, reg, m);
        else
            x64_vload(e, keep == X64_KEEP_WHOLE, reg, m);
    }
}

static void store_host_flags(X64Emit *e, X64Mem m)
{
    x64_get_host_flags(e);
    x64_store(e, 0, X64_RAX, m);
}

/* x64_slow and its like read the registers from memory, change some, and say where to go on: this is
 * no return, which the host would predict to lead to the note. */
static uint8_t *make_slow(X64Emit *e, X64Keep keep, void (*fn)(void))
{
    enum { DEPTH = 8 + PAD };
    uint8_t *thunk = x64_begin_thunk(e);

    x64_lea(e, X64_W, X64_RSP, x64_mem(X64_RSP, -PAD));
    move_temporaries(e, true, DEPTH);
    if (fn == (void (*)(void))x64_leave_direct)
        store_host_flags(e, frame_at(X64_F_SCRATCH, DEPTH));
    move_pins(e, true, UINT32_MAX);
    move_vector_temporaries(e, true, keep, DEPTH);
    note_vectors(e, DEPTH);
    save_vectors(e);
    leave_mxcsr(e);
    x64_lea(e, X64_W, X64_RDI, x64_env(-(int32_t)TN_CPU_STATE_OFFSET - X64_ENV_BIAS));
    x64_lea(e, X64_W, X64_RSI, frame_at(0, DEPTH));
    x64_load(e, X64_W, X64_RDX, x64_mem(X64_RSP, PAD));
    x64_emit_call_c(e, fn);
    x64_store(e, X64_W, X64_RAX, frame_at(X64_F_RESUME, DEPTH));
    enter_mxcsr(e);
    restore_vectors(e, DEPTH);
    move_vector_temporaries(e, false, keep, DEPTH);
    move_pins(e, false, UINT32_MAX);
    move_temporaries(e, false, DEPTH);
    x64_g1_ri(e, X64_G1_ADD, 3, X64_RSP, DEPTH);
    x64_rm(e, X64_GRP4, X64_G4_JMP, x64_frame(X64_F_RESUME));
    return thunk;
}

void x64_make_thunks(void)
{
    X64Emit e = { .p = x64_code.next, .start = x64_code.next };

    x64_make_vector_thunks(&e);
    make_flags(&e);
    make_leave(&e);
    make_next(&e);
    make_small(&e);
    x64_make_mxcsr_thunks(&e);
    for (X64Keep keep = 0; keep < X64_N_KEEPS; keep++)
        x64_thunks.slow[keep] = make_slow(&e, keep, (void (*)(void))x64_slow);
    x64_thunks.leave_direct = make_slow(&e, X64_KEEP_NONE, (void (*)(void))x64_leave_direct);
    make_enter(&e);
    x64_code_take(e.p);
    x64_code.first = x64_code.next;
}
