/* SPDX-License-Identifier: MIT */
/*
 * Entering and leaving translated code, and the thunks that it calls. They are generated once, at
 * the front of the code buffer, because the pinned registers and the state's layout are the
 * target's.
 */
#include "compile.h"

#include <asm/prctl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xmmintrin.h>

#include "code-buffer.h"
#include "notes.h"

X64Thunks x64_thunks;

enum {
    PAD = 24, /* keeps the stack aligned inside a thunk: 32 with the return address */
};

static const int8_t callee_saved[] = { X64_RBX, X64_RBP, X64_R12, X64_R13, X64_R14, X64_R15 };
static const int8_t temporaries[] = { X64_RAX, X64_RCX, X64_RDX, X64_R10, X64_R11 };

/* What the entry thunk returns, in rax and rdx. */
typedef struct X64Left {
    uint64_t why;        /* TnRunExit */
    const uint8_t *note; /* DIRECT: behind the exit's call */
} X64Left;

typedef X64Left (*EnterFn)(TnCpu *cpu, void *code);

static EnterFn enter;

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
static void leave_mxcsr(X64Emit *e, int depth)
{
    if (!x64_plan.vpin_mask)
        x64_mxcsr_leave(e, depth);
}

/* ecx */
static void enter_mxcsr(X64Emit *e, int depth)
{
    if (!x64_plan.vpin_mask)
        x64_mxcsr_enter(e, depth);
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
        X64Mem m = frame_at(X64_F_SAVE + 8 * (int)k, depth);

        if (store)
            x64_store(e, X64_W, temporaries[k], m);
        else
            x64_load(e, X64_W, temporaries[k], m);
    }
}

/* Evaluates the recipe in the frame and stores the packed flags to the state. */
static void store_flags(uint64_t *frame, uint8_t *env)
{
    uint32_t what = (uint32_t)frame[X64_F_FLAGS_OP / 8];
    uint64_t a = frame[X64_F_FLAGS_A / 8], b = frame[X64_F_FLAGS_B / 8];
    uint64_t c = frame[X64_F_FLAGS_C / 8];
    TnFlagOp fop = what & X64_LAZY_FOP;
    uint32_t *home = (uint32_t *)(void *)(env + x64_reg_home(x64_plan.flags_reg).disp);

    frame[X64_F_FLAGS_OP / 8] = 0;
    if (what & X64_LAZY_PACKED) {
        *home = (uint32_t)a;
        return;
    }
    if (what & X64_LAZY_FROM_RESULT) {
        if (fop == TN_FLAGS_ADD)
            a -= b;
        else if (fop == TN_FLAGS_SUB)
            a += b;
        else
            a += fop == TN_FLAGS_INC ? UINT64_MAX : 1;
    }
    *home = tn_flags_eval(fop, (what & X64_LAZY_SIZE) >> X64_LAZY_SIZE_SHIFT, a, b, c);
}

void x64_unwinding(TnCpu *cpu)
{
    uint64_t *frame = cpu->code_frame;

    if (frame && (uint32_t)frame[X64_F_FLAGS_OP / 8])
        store_flags(frame, (uint8_t *)tn_cpu_state(cpu) + X64_ENV_BIAS);
    cpu->code_frame = NULL;
}

static void call_store_flags(X64Emit *e, int depth)
{
    x64_lea(e, X64_W, X64_RDI, frame_at(0, depth));
    x64_mov_rr(e, X64_W, X64_RSI, X64_ENV);
    x64_emit_call_c(e, (void (*)(void))store_flags);
}

static uint8_t *skip_without_recipe(X64Emit *e, int depth)
{
    x64_g1_mi(e, X64_G1_CMP, 2, frame_at(X64_F_FLAGS_OP, depth), 0);
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

/* X64Left enter(TnCpu *cpu, void *code) */
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
    enter_mxcsr(e, 0);
    x64_store_imm(e, 3, x64_frame(X64_F_FLAGS_OP), 0);
    move_pins(e, false, UINT32_MAX);
    x64_rr(e, X64_GRP4, X64_G4_JMP, X64_RDX);
}

static void make_leave(X64Emit *e)
{
    uint8_t *skip;

    x64_thunks.leave_direct = x64_begin_thunk(e);
    x64_pop(e, X64_RDX);
    x64_mov_ri(e, X64_RAX, TN_RUN_EXIT_DIRECT);
    x64_thunks.leave = e->p;
    skip = skip_without_recipe(e, 0);
    x64_call(e, x64_thunks.flags);
    x64_here8(e, skip);
    move_pins(e, true, UINT32_MAX);
    save_vectors(e);
    x64_mov_rr(e, X64_W, X64_RCX, X64_RAX);
    leave_mxcsr(e, 0);
    x64_mov_rr(e, X64_W, X64_RAX, X64_RCX);
    x64_store_imm(e, 3, x64_env(X64_CPU_OFS(code_frame)), 0);
    x64_load(e, X64_W, X64_RSP, x64_frame(X64_F_HOST_RSP));
    for (int k = G_N_ELEMENTS(callee_saved) - 1; k >= 0; k--)
        x64_pop(e, callee_saved[k]);
    x64_ret(e);
}

/* A block was left for good with the pc and the block key's state in the state: on to the next one,
 * or out. The flags' recipe stays in the frame. */
static void make_next(X64Emit *e)
{
    uint8_t *out;

    x64_thunks.next = x64_begin_thunk(e);
    if (x64_opt & TN_OPT_NEXT) {
        move_pins(e, true, X64_CALLER_SAVED_PINS);
        x64_lea(e, X64_W, X64_RDI, x64_env(-(int32_t)TN_CPU_STATE_OFFSET - X64_ENV_BIAS));
        x64_emit_call_c(e, (void (*)(void))tn_cpu_next_code);
        move_pins(e, false, X64_CALLER_SAVED_PINS);
        x64_rr(e, X64_TEST | X64_W, X64_RAX, X64_RAX);
        out = x64_jcc8(e, X64_Z);
        x64_rr(e, X64_GRP4, X64_G4_JMP, X64_RAX);
        x64_here8(e, out);
    }
    x64_mov_ri(e, X64_RAX, TN_RUN_EXIT_LOOP);
    x64_target32(x64_jmp32(e), x64_thunks.leave);
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

/* ---- Slow paths of the x87: from and to a buffer, 10 bytes where the type says 16 --------------- */

void x64_unwound(TnCpu *cpu)
{
    if (cpu->x87_live)
        x64_plan.target->x87->save(cpu);
}

static void x87_enter(TnCpu *cpu)
{
    x64_plan.target->x87->load(cpu);
}

static void x87_refuse(TnCpu *cpu)
{
    x64_plan.target->x87->refuse(cpu);
}

static unsigned x87_size(uint32_t mem)
{
    enum { LONG_BYTES = 10 };
    return mem >> 16 == TN_V128 ? LONG_BYTES : tn_ir_type_size(mem >> 16);
}

static void x87_load(TnCpu *cpu, uint64_t vaddr, void *buf, uint32_t mem)
{
    if (mem >> 16 == TN_V128) {
        tn_ld_bytes(cpu, vaddr, buf, x87_size(mem), mem & TN_MEM_MODE_MASK);
        return;
    }
    uint64_t value = tn_mmu_load(cpu, vaddr, mem);
    memcpy(buf, &value, sizeof(value));
}

/* Before the store's instruction: faults where the store would. */
static void x87_probe(TnCpu *cpu, uint64_t vaddr, void *buf, uint32_t mem)
{
    tn_probe(cpu, vaddr, x87_size(mem), TN_ACCESS_WRITE, mem & TN_MEM_MODE_MASK);
}

static void x87_store(TnCpu *cpu, uint64_t vaddr, void *buf, uint32_t mem)
{
    uint64_t value;

    if (mem >> 16 == TN_V128) {
        tn_st_bytes(cpu, vaddr, buf, x87_size(mem), mem & TN_MEM_MODE_MASK);
        return;
    }
    memcpy(&value, buf, sizeof(value));
    tn_mmu_store(cpu, vaddr, value, mem);
}

/* A quotient that only the helper can tell, or an exception. */
static uint64_t divide(TnCpu *cpu, uint64_t low, uint64_t high, uint64_t divisor, uint32_t helper)
{
    typedef uint64_t (*DivideFn)(TnCpu *cpu, uint64_t low, uint64_t high, uint64_t divisor);

    return ((DivideFn)x64_plan.target->helpers[helper].fn)(cpu, low, high, divisor);
}

typedef struct SlowCall {
    void (*fn)(void);
    int8_t arg[4];      /* frame slots of the arguments after cpu and address; -1 none */
    bool vector;        /* the second argument is the address of the vector slot */
} SlowCall;

static const SlowCall slow_calls[] = {
    [X64_STUB_LOAD] = { (void (*)(void))tn_mmu_load, { X64_F_MEM, -1, -1 }, false },
    [X64_STUB_STORE] = { (void (*)(void))tn_mmu_store, { X64_F_VALUE, X64_F_MEM, -1 }, false },
    [X64_STUB_LOAD_VEC] = { (void (*)(void))tn_mmu_load_vec, { -1, X64_F_MEM, -1 }, true },
    [X64_STUB_STORE_VEC] = { (void (*)(void))tn_mmu_store_vec, { -1, X64_F_MEM, -1 }, true },
    [X64_STUB_RMW] = { (void (*)(void))tn_mmu_atomic_rmw, { X64_F_VALUE, X64_F_VALUE2, X64_F_MEM },
                       false },
    [X64_STUB_CAS] = { (void (*)(void))tn_mmu_atomic_cas, { X64_F_VALUE, X64_F_VALUE2, X64_F_MEM },
                       false },
    [X64_STUB_X87_ENTER] = { (void (*)(void))x87_enter, { -1, -1, -1 }, false },
    [X64_STUB_X87_SYNC] = { (void (*)(void))x64_unwound, { -1, -1, -1 }, false },
    [X64_STUB_X87_REFUSE] = { (void (*)(void))x87_refuse, { -1, -1, -1 }, false },
    [X64_STUB_X87_LOAD] = { (void (*)(void))x87_load, { -1, X64_F_MEM, -1 }, true },
    [X64_STUB_X87_STORE] = { (void (*)(void))x87_store, { -1, X64_F_MEM, -1 }, true },
    [X64_STUB_DIVIDE] = { (void (*)(void))divide, { X64_F_VALUE, X64_F_VALUE2, X64_F_MEM }, false },
    [X64_STUB_X87_PROBE] = { (void (*)(void))x87_probe, { -1, X64_F_MEM, -1 }, true },
};

static void load_arguments(X64Emit *e, const SlowCall *call, int depth)
{
    static const int8_t regs[] = { X64_RDX, X64_RCX, X64_R8 };

    x64_lea(e, X64_W, X64_RDI, x64_env(-(int32_t)TN_CPU_STATE_OFFSET - X64_ENV_BIAS));
    x64_load(e, X64_W, X64_RSI, frame_at(X64_F_ADDR, depth));
    for (int k = 0; k < 3; k++)
        if (call->arg[k] >= 0)
            x64_load(e, X64_W, regs[k], frame_at(call->arg[k], depth));
    if (call->vector)
        x64_lea(e, X64_W, X64_RDX, frame_at(X64_F_VEC, depth));
}

static void make_slow(X64Emit *e, int kind)
{
    enum { DEPTH = 8 + PAD };

    x64_thunks.slow[kind] = x64_begin_thunk(e);
    x64_g1_ri(e, X64_G1_SUB, 3, X64_RSP, PAD);
    move_temporaries(e, true, DEPTH);
    move_pins(e, true, UINT32_MAX);
    note_vectors(e, DEPTH);
    save_vectors(e);
    leave_mxcsr(e, DEPTH);
    x64_close_windows(e);
    load_arguments(e, &slow_calls[kind], DEPTH);
    x64_emit_call_c(e, slow_calls[kind].fn);
    x64_store(e, X64_W, X64_RAX, frame_at(X64_F_RET, DEPTH));
    enter_mxcsr(e, DEPTH);
    restore_vectors(e, DEPTH);
    move_pins(e, false, X64_CALLER_SAVED_PINS);
    move_temporaries(e, false, DEPTH);
    x64_g1_ri(e, X64_G1_ADD, 3, X64_RSP, PAD);
    x64_ret(e);
}

void x64_make_thunks(void)
{
    X64Emit e = { .p = x64_code.next, .start = x64_code.next };

    x64_make_vector_thunks(&e);
    make_flags(&e);
    make_enter(&e);
    make_leave(&e);
    make_next(&e);
    make_small(&e);
    x64_make_mxcsr_thunks(&e);
    for (int kind = 0; kind < (int)G_N_ELEMENTS(slow_calls); kind++)
        make_slow(&e, kind);
    x64_code_take(e.p);
    x64_code.first = x64_code.next;
    enter = (EnterFn)x64_code_rx(x64_thunks.enter);
}

/* The base of this thread's GS, which nobody else in the process uses. */
static __thread __attribute__((tls_model("initial-exec"))) TnTlb *gs_base;

void x64_tlb_moved(TnCpu *cpu)
{
    if (TN_LIKELY(gs_base == cpu->tlb))
        return;
    gs_base = cpu->tlb;
    if (x64_host.fsgsbase)
        __asm__ volatile("wrgsbase %0" : : "r"(gs_base));
    else
        syscall(SYS_arch_prctl, ARCH_SET_GS, gs_base);
}

/* What the note of a direct exit says; the pc goes to the state. */
static TnRunResult direct_exit(TnCpu *cpu, const uint8_t *note)
{
    X64ExitNote n = x64_read_exit_note(note);
    uint8_t *state = tn_cpu_state(cpu);

    *(uint64_t *)(void *)(state + x64_plan.target->pc_offset) = n.block->exits[n.exit].pc;
    return (TnRunResult){ .why = TN_RUN_EXIT_DIRECT, .exit = n.exit, .block = n.block };
}

TnRunResult x64_run(TnCpu *cpu, TnBlock *block)
{
    x64_tlb_moved(cpu);
    cpu->scratch_mxcsr = x64_mxcsr_host(_mm_getcsr());
    X64Left left = enter(cpu, block->code);

    if (cpu->x87_live)
        x64_plan.target->x87->save(cpu);
    if (left.why == TN_RUN_EXIT_DIRECT)
        return direct_exit(cpu, left.note);
    return (TnRunResult){ .why = (TnRunExit)left.why };
}
