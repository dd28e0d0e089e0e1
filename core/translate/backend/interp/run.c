/* SPDX-License-Identifier: MIT */
/*
 * The interpreter's dispatch loop, direct threaded: each record holds the address of its handler
 * and each handler jumps to the next one's. One long function on purpose: labels must share it.
 */
#include <string.h>

#include "interp.h"
#include "translate/softmmu.h"

typedef struct Frame {
    uint64_t t[INTERP_SLOTS];
    InterpVector v[INTERP_SLOTS];
} Frame;

static inline uint32_t *guest_exit_request(TnCpu *cpu)
{
    return (uint32_t *)&cpu->exit_request;
}

static inline bool must_leave(TnCpu *cpu)
{
    return __atomic_load_n(guest_exit_request(cpu), __ATOMIC_ACQUIRE) != 0;
}

static void set_pc(TnCpu *cpu, uint64_t pc)
{
    *(uint64_t *)((char *)tn_cpu_state(cpu) + cpu->target->pc_offset) = pc;
}

/* An operand of a host form as the fallback wants it: a 32-byte slot, or NULL. */
static const void *form_operand(Frame *f, uint16_t slot, bool integer, InterpVector *room)
{
    if (!slot)
        return NULL;
    if (!integer)
        return &f->v[slot];
    *room = (InterpVector){ .u64 = { f->t[slot] } };
    return room;
}

static void run_host_form(TnCpu *cpu, Frame *f, const InterpOp *op)
{
    TnHostForm form = tn_host_form_unpack(op->imm);
    InterpVector room_a, room_b, room_c, result = { .u64 = { 0 } };
    const void *a = form_operand(f, op->a, (form.flags & TN_HF_A_INT) != 0, &room_a);
    const void *b = form_operand(f, op->b, (form.flags & TN_HF_B_INT) != 0, &room_b);
    const void *c = form_operand(f, op->c, (form.flags & TN_HF_STRING) != 0, &room_c);
    InterpFallback fn = (InterpFallback)interp_target->helpers[op->aux].fn;

    fn(cpu, &result, a, b, c, form.imm8);
    if (form.flags & (TN_HF_DST_INT | TN_HF_DST_FLAGS))
        f->t[op->dst] = op->size == 4 ? (uint32_t)result.u64[0] : result.u64[0];
    else
        f->v[op->dst] = result;
}

static void run_call(TnCpu *cpu, Frame *f, const InterpOp *op)
{
    const uint64_t args[4] = { f->t[op->a], f->t[op->b], f->t[op->c], f->t[op->d] };
    uint64_t r = interp_invoke((const InterpCall *)(uintptr_t)op->imm, cpu, args);
    if (op->dst)
        f->t[op->dst] = r;
}

static void load_vector(TnCpu *cpu, Frame *f, const InterpOp *op)
{
    uint64_t addr = f->t[op->a] + op->imm;
    unsigned bytes = tn_ir_type_size(op->size >> 16);
    InterpVector value = { .u64 = { 0 } };
    const void *host = op->size & TN_MEM_ALIGN ? NULL
                                               : tn_tlb_probe_read(cpu, op->aux, addr, bytes);
    if (host)
        memcpy(&value, host, bytes);
    else
        tn_mmu_load_vec(cpu, addr, &value, op->size);
    f->v[op->dst] = value;
}

static void store_vector(TnCpu *cpu, Frame *f, const InterpOp *op)
{
    uint64_t addr = f->t[op->a] + op->imm;
    unsigned bytes = tn_ir_type_size(op->size >> 16);
    void *host = op->size & TN_MEM_ALIGN ? NULL : tn_tlb_probe_write(cpu, op->aux, addr, bytes);
    if (host)
        memcpy(host, &f->v[op->b], bytes);
    else
        tn_mmu_store_vec(cpu, addr, &f->v[op->b], op->size);
}

static void clear_upper(TnCpu *cpu, unsigned first, unsigned count)
{
    for (unsigned r = first; r < first + count; r++)
        memset((char *)tn_cpu_state(cpu) + interp_target->regs[r].offset + 16, 0, 16);
}

#define NEXT \
    do { \
        op++; \
        goto *op->handler; \
    } while (0)

#define T(operand) frame.t[op->operand]
#define ENV ((char *)cpu + op->imm)

#define PURE_HANDLER(name, w, u, s, expression) \
    do_##name##_##w: { \
        typedef u U; \
        typedef s S; \
        enum { W = w }; \
        const U a = (U)T(a), b = (U)T(b); \
        const uint64_t imm = op->imm; \
        const unsigned aux = op->aux; \
        (void)a, (void)b, (void)imm, (void)aux; \
        (void)sizeof(S); \
        T(dst) = (U)(expression); \
        NEXT; \
    }

#define PURE_HANDLERS(name, expression) \
    PURE_HANDLER(name, 32, uint32_t, int32_t, expression) \
    PURE_HANDLER(name, 64, uint64_t, int64_t, expression)

#define ACCESS_HANDLERS(w, u, mem_type) \
    do_LDENV_##w: { \
        u value; \
        memcpy(&value, ENV, sizeof(value)); /* any offset will do */ \
        T(dst) = value; \
        NEXT; \
    } \
    do_STENV_##w: { \
        const u value = (u)T(a); \
        memcpy(ENV, &value, sizeof(value)); \
        NEXT; \
    } \
    do_LD_##w: { \
        const uint64_t addr = T(a) + op->imm; \
        const u *host = tn_tlb_probe_read(cpu, op->aux, addr, sizeof(u)); \
        T(dst) = TN_LIKELY(host != NULL) ? __atomic_load_n(host, __ATOMIC_ACQUIRE) \
                                         : tn_mmu_load(cpu, addr, op->size); \
        NEXT; \
    } \
    do_ST_##w: { \
        const uint64_t addr = T(a) + op->imm; \
        u *host = tn_tlb_probe_write(cpu, op->aux, addr, sizeof(u)); \
        if (TN_LIKELY(host != NULL)) \
            __atomic_store_n(host, (u)T(b), __ATOMIC_RELEASE); \
        else \
            tn_mmu_store(cpu, addr, T(b), op->size); \
        NEXT; \
    }

/* Guest accesses have the alignment that the guest gave them; the host carries them out as they are. */
__attribute__((no_sanitize("alignment"))) TnRunResult interp_run(TnCpu *cpu, TnBlock *block,
                                                                 const void **handlers)
{
    static const void *const table[INTERP_HANDLERS] = {
#define LABEL(name) [INTERP_##name] = &&do_##name
#define LABELS(name, expression) LABEL(name##_32), LABEL(name##_64),
        TN_IR_SEMANTICS(LABELS)
#undef LABELS
        LABEL(INSN), LABEL(CONST), LABEL(MOV_32), LABEL(MOV_64), LABEL(MOV_V), LABEL(LDENV_8),
        LABEL(LDENV_16), LABEL(LDENV_32), LABEL(LDENV_64), LABEL(LDENV_V), LABEL(STENV_8),
        LABEL(STENV_16), LABEL(STENV_32), LABEL(STENV_64), LABEL(STENV_V), LABEL(CLEAR_UPPER), LABEL(ENVPTR),
        LABEL(LDCODE),
        LABEL(SETCOND_32), LABEL(SETCOND_64), LABEL(SELECT_32), LABEL(SELECT_64),
        LABEL(SELECT_V), LABEL(FLAGS), LABEL(FLAGCOND), LABEL(LD_8), LABEL(LD_16), LABEL(LD_32),
        LABEL(LD_64), LABEL(LD_SLOW), LABEL(LD_V), LABEL(ST_8), LABEL(ST_16), LABEL(ST_32),
        LABEL(ST_64), LABEL(ST_SLOW), LABEL(ST_V), LABEL(ATOMIC_RMW), LABEL(ATOMIC_CAS),
        LABEL(FENCE), LABEL(CALL), LABEL(HOSTV), LABEL(EXIT), LABEL(EXIT_IF), LABEL(EXIT_IND),
        LABEL(EXIT_LOOP), LABEL(EXIT_LOOP_IND), LABEL(EXIT_STATE),
    };
    if (!cpu) {
        memcpy(handlers, table, sizeof(table));
        return (TnRunResult){ .why = TN_RUN_EXIT_LOOP };
    }

    Frame frame;
    const InterpOp *op;
    TnBlockExit *exit;
    TnBlock *next;
    uint64_t pc;

    frame.t[0] = 0;
enter:
    if (must_leave(cpu)) {
        set_pc(cpu, block->key.pc);
        return (TnRunResult){ .why = TN_RUN_EXIT_REQUEST };
    }
    op = block->code;
    goto *op->handler;

    TN_IR_SEMANTICS(PURE_HANDLERS)
    ACCESS_HANDLERS(8, uint8_t, TN_I8)
    ACCESS_HANDLERS(16, uint16_t, TN_I16)
    ACCESS_HANDLERS(32, uint32_t, TN_I32)
    ACCESS_HANDLERS(64, uint64_t, TN_I64)

do_INSN:
    if (TN_UNLIKELY(tn_check_stops) && op->imm == tn_check_stop) {
        set_pc(cpu, op->imm);
        return (TnRunResult){ .why = TN_RUN_EXIT_TAIL };
    }
    cpu->fault_pc = op->imm;
    NEXT;
do_CONST:
    T(dst) = op->imm;
    NEXT;
do_MOV_32:
    T(dst) = (uint32_t)T(a);
    NEXT;
do_MOV_64:
    T(dst) = T(a);
    NEXT;
do_MOV_V:
    frame.v[op->dst] = frame.v[op->a];
    NEXT;
do_LDENV_V:
    frame.v[op->dst] = (InterpVector){ .u64 = { 0 } };
    memcpy(&frame.v[op->dst], ENV, op->size);
    NEXT;
do_STENV_V:
    memcpy(ENV, &frame.v[op->a], op->size);
    NEXT;
do_CLEAR_UPPER:
    clear_upper(cpu, op->aux, (unsigned)op->imm);
    NEXT;
do_ENVPTR:
    T(dst) = (uintptr_t)ENV;
    NEXT;
do_LDCODE: {
    int32_t number;
    memcpy(&number, (const void *)(uintptr_t)op->imm, sizeof(number));
    T(dst) = op->size == sizeof(number) ? (uint32_t)number : (uint64_t)number;
    NEXT;
}
do_SETCOND_32:
    T(dst) = tn_cond_eval(op->aux, TN_I32, T(a), T(b));
    NEXT;
do_SETCOND_64:
    T(dst) = tn_cond_eval(op->aux, TN_I64, T(a), T(b));
    NEXT;
do_SELECT_32:
    T(dst) = (uint32_t)(T(a) ? T(b) : T(c));
    NEXT;
do_SELECT_64:
    T(dst) = T(a) ? T(b) : T(c);
    NEXT;
do_SELECT_V:
    frame.v[op->dst] = T(a) ? frame.v[op->b] : frame.v[op->c];
    NEXT;
do_FLAGS:
    T(dst) = tn_flags_eval(op->aux & 255, op->aux >> 8, T(a), T(b), T(c));
    NEXT;
do_FLAGCOND:
    T(dst) = tn_flagcond_eval(op->aux, (uint32_t)T(a));
    NEXT;
do_LD_SLOW:
    T(dst) = tn_mmu_load(cpu, T(a) + op->imm, op->size);
    NEXT;
do_ST_SLOW:
    tn_mmu_store(cpu, T(a) + op->imm, T(b), op->size);
    NEXT;
do_LD_V:
    load_vector(cpu, &frame, op);
    NEXT;
do_ST_V:
    store_vector(cpu, &frame, op);
    NEXT;
do_ATOMIC_RMW:
    T(dst) = tn_mmu_atomic_rmw(cpu, T(a), T(b), (uint32_t)op->imm, op->size);
    NEXT;
do_ATOMIC_CAS:
    T(dst) = tn_mmu_atomic_cas(cpu, T(a), T(b), T(c), op->size);
    NEXT;
do_FENCE:
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    NEXT;
do_CALL:
    run_call(cpu, &frame, op);
    NEXT;
do_HOSTV:
    run_host_form(cpu, &frame, op);
    NEXT;
do_EXIT_IF:
    if (!T(a))
        NEXT;
do_EXIT:
    exit = (TnBlockExit *)(uintptr_t)op->imm;
    next = atomic_load_explicit(&exit->to, memory_order_acquire);
    if (!next && !op->aux)
        next = tn_block_lookup_indirect(cpu, exit->pc);
    if (next) {
        block = next;
        goto enter;
    }
    set_pc(cpu, exit->pc);
    return (TnRunResult){ .why = TN_RUN_EXIT_DIRECT, .exit = op->size, .block = exit->from };
do_EXIT_IND:
    pc = T(a);
    if (op->aux && (uint64_t)((int64_t)(pc << (64 - op->aux)) >> (64 - op->aux)) != pc) {
        *(uint64_t *)(void *)((char *)cpu + op->size) -= op->d;
        set_pc(cpu, op->imm);
        return (TnRunResult){ .why = TN_RUN_EXIT_LOOP };
    }
    next = tn_block_lookup_indirect(cpu, pc);
    if (next) {
        block = next;
        goto enter;
    }
    set_pc(cpu, pc);
    return (TnRunResult){ .why = TN_RUN_EXIT_LOOP };
do_EXIT_LOOP:
    set_pc(cpu, op->imm);
    return (TnRunResult){ .why = TN_RUN_EXIT_LOOP };
do_EXIT_LOOP_IND:
    set_pc(cpu, T(a));
    return (TnRunResult){ .why = TN_RUN_EXIT_LOOP };
do_EXIT_STATE:
    return (TnRunResult){ .why = TN_RUN_EXIT_LOOP };
}
