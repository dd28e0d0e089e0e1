/* SPDX-License-Identifier: MIT */
#include "slow.h"

#include <string.h>

#include "code-buffer.h"
#include "slow-note.h"
#include "translate/softmmu.h"

/* ---- Registers of the code that called --------------------------------------------------- */

typedef struct View {
    TnCpu *cpu;
    uint8_t *state, *frame;
} View;

static uint64_t *word_at(uint8_t *base, int64_t disp)
{
    return (uint64_t *)(void *)(base + disp);
}

static uint64_t *home(const View *v, int declared)
{
    return word_at(v->state, x64_plan.target->regs[declared].offset);
}

static uint64_t *gpr(const View *v, unsigned reg)
{
    int declared = x64_plan.pinned[reg];

    return declared >= 0 ? home(v, declared)
                         : word_at(v->frame, X64_F_SAVE + 8 * (int)reg);
}

static uint64_t *vector(const View *v, unsigned reg)
{
    int declared = x64_plan.vpinned[reg];

    return declared >= 0 ? home(v, declared)
                         : word_at(v->frame, X64_F_VEC_SAVE + 32 * (int)reg);
}

/* What a load of `size` bytes does to the rest of the register. Upper halves of pinned ones are
 * elsewhere where only the lower are in host registers. */
static void clear_rest(const View *v, unsigned reg, unsigned size)
{
    bool pinned = x64_plan.vpinned[reg] >= 0;
    bool whole = !pinned || (*word_at(v->frame, X64_F_VEC_STATE) & X64_VEC_WHOLE);
    unsigned end = whole ? 32 : 16;

    if (size < end)
        memset((uint8_t *)vector(v, reg) + size, 0, end - size);
}

static uint64_t read_source(const View *v, const uint8_t **note)
{
    unsigned head = *(*note)++, kind = (head & SOURCE_KIND) >> SOURCE_KIND_SHIFT;

    if (kind == X64_SRC_REG)
        return *gpr(v, head & SOURCE_REG);

    int64_t number = x64_read_signed(note);

    if (kind == X64_SRC_IMM)
        return (uint64_t)number;
    uint8_t *base = (head & SOURCE_REG) == X64_ENV ? v->state + X64_ENV_BIAS : v->frame;
    uint64_t *place = word_at(base, (int32_t)number);

    return head & SOURCE_NARROW ? *(uint32_t *)(void *)place : *place;
}

/* ---- Flags ------------------------------------------------------------------------------- */

static uint32_t *flags_home(const View *v)
{
    return (uint32_t *)(void *)home(v, x64_plan.flags_reg);
}

/* From the result of an operation to its first operand. */
static uint64_t first_operand(unsigned fop, uint64_t result, uint64_t b)
{
    switch (fop) {
    case TN_FLAGS_ADD:
        return result - b;
    case TN_FLAGS_SUB:
        return result + b;
    default:
        return fop == TN_FLAGS_INC ? result - 1 : result + 1;
    }
}

/* False where it is for a mark and there is none. */
static bool read_recipe(const View *v, const uint8_t **note, uint32_t *flags)
{
    unsigned head = *(*note)++, fop = head & RECIPE_FOP;
    uint64_t a = read_source(v, note);
    uint64_t b = recipe_has_b(fop) ? read_source(v, note) : 0;
    uint64_t c = recipe_has_c(fop) ? read_source(v, note) : 0;

    if ((head & RECIPE_OF_MARK) && !(*v->frame & X64_LAZY_MARK))
        return false;
    *flags = (uint32_t)a;
    if (fop == RECIPE_PACKED)
        return true;
    if (head & RECIPE_FROM_RESULT)
        a = first_operand(fop, a, b);
    *flags = tn_flags_eval(fop, (head & RECIPE_SIZE) >> RECIPE_SIZE_SHIFT, a, b, c);
    return true;
}

#define FLAGS_OF(insn, suffix, type) \
    do { \
        type value = (type)a; \
        __asm__(insn suffix " %2, %0; lahf; seto %%al" \
                : "+r"(value), "=a"(flags) : "q"((type)b) : "cc"); \
    } while (0)

/* Of the host, as x64_pack_host_flags takes them. */
#define HOST_FLAGS(insn) \
    do { \
        if (size == TN_I32) \
            FLAGS_OF(insn, "l", uint32_t); \
        else if (size == TN_I64) \
            FLAGS_OF(insn, "q", uint64_t); \
        else if (size == TN_I8) \
            FLAGS_OF(insn, "b", uint8_t); \
        else \
            FLAGS_OF(insn, "w", uint16_t); \
    } while (0)

static uint32_t eval_flags(TnFlagOp fop, unsigned size, uint64_t a, uint64_t b)
{
    uint32_t flags;

    if (fop == TN_FLAGS_ADD)
        HOST_FLAGS("add");
    else if (fop == TN_FLAGS_SUB)
        HOST_FLAGS("cmp");
    else
        return tn_flags_eval(fop, size, a, b, 0);
    return x64_pack_host_flags(flags, false);
}

void x64_store_lazy_flags(TnCpu *cpu, uint8_t *frame)
{
    View v = { cpu, tn_cpu_state(cpu), frame };
    unsigned what = *frame, fop = what & X64_LAZY_FOP;
    uint64_t a = *word_at(frame, X64_F_FLAGS_A), b = *word_at(frame, X64_F_FLAGS_B);
    int32_t whole = *(int32_t *)(void *)frame;

    _Static_assert(X64_F_FLAGS_OP == 0, "the frame begins with what the flags are of");
    *frame = 0;
    if (fop == X64_LAZY_HOST) {
        *flags_home(&v) = x64_pack_host_flags((uint32_t)whole, what & X64_LAZY_OF_LOGIC);
        return;
    }
    if (what & X64_LAZY_B_HERE)
        b = (uint64_t)(int64_t)(whole >> X64_LAZY_B_SHIFT);
    if (what & X64_LAZY_FROM_RESULT)
        a = first_operand(fop, a, b);
    *flags_home(&v) = eval_flags(fop, (what & X64_LAZY_SIZE) >> X64_LAZY_SIZE_SHIFT, a, b);
}

/* ---- The x87: from and to a buffer, 10 bytes where the type says 16 -------------------------- */

static unsigned x87_size(uint32_t mem)
{
    enum { LONG_BYTES = 10 };
    return mem >> TYPE_SHIFT == TN_V128 ? LONG_BYTES : tn_ir_type_size(mem >> TYPE_SHIFT);
}

static void x87_load(const View *v, uint64_t vaddr, uint32_t mem)
{
    uint64_t *buf = word_at(v->frame, X64_F_VEC);

    if (mem >> TYPE_SHIFT == TN_V128)
        tn_ld_bytes(v->cpu, vaddr, buf, x87_size(mem), mem & TN_MEM_MODE_MASK);
    else
        *buf = tn_mmu_load(v->cpu, vaddr, mem);
}

static void x87_store(const View *v, uint64_t vaddr, uint32_t mem)
{
    const uint64_t *buf = word_at(v->frame, X64_F_VEC);

    if (mem >> TYPE_SHIFT == TN_V128)
        tn_st_bytes(v->cpu, vaddr, buf, x87_size(mem), mem & TN_MEM_MODE_MASK);
    else
        tn_mmu_store(v->cpu, vaddr, *buf, mem);
}

/* ---- Doing it ---------------------------------------------------------------------------- */

typedef struct Access {
    uint64_t addr, value;
    uint64_t base; /* addr before a displacement is added */
    uint32_t mem;
    unsigned kind, reg, second; /* reg: of the value or the result */
    unsigned addr_reg, value_kind; /* of the base; X64SrcKind */
    unsigned clear;         /* the register that becomes 0, or X64_NONE */
    const uint8_t *back;    /* where code goes on, NULL: behind the note */
    bool is_vector;
} Access;

static uint32_t read_mem(const uint8_t **note)
{
    uint32_t bits = (uint32_t)x64_read_unsigned(note);

    return (bits & ACCESS_TYPE) << TYPE_SHIFT |
           (bits >> ACCESS_MODE_SHIFT & TN_MEM_MODE_MASK) |
           bits >> ACCESS_REST_SHIFT << MODE_BITS;
}

static uint64_t read_value(const View *v, Access *a, const uint8_t **note)
{
    if (a->is_vector)
        return *vector(v, a->reg);
    if (a->reg != X64_RSP)
        return *gpr(v, a->reg);
    a->value_kind = (**note & SOURCE_KIND) >> SOURCE_KIND_SHIFT;
    return read_source(v, note);
}

/* What the host's instruction says. */
static Access read_insn(const View *v, unsigned head, const uint8_t *here, const uint8_t **note)
{
    const uint8_t *code = here - x64_read_unsigned(note);
    X64Insn in;
    bool is_access = x64_read_insn(code, &in);

    g_assert(is_access); /* whoever wrote the note has read it */
    Access a = { .kind = in.store ? X64_STUB_STORE : X64_STUB_LOAD, .reg = in.reg,
                 .mem = in.mem | (head & HAS_DISP ? 1 : 0) | (head & 1) << 1, .base = *gpr(v, in.addr),
                 .addr_reg = in.addr, .value_kind = in.is_imm ? X64_SRC_IMM : X64_SRC_REG,
                 .clear = head & HAS_CLEAR ? in.addend : (unsigned)X64_NONE,
                 .back = code + in.length };

    a.addr = a.base + (uint64_t)in.disp;
    if (in.store)
        a.value = in.is_imm ? (uint64_t)in.imm : *gpr(v, in.reg);
    return a;
}

static Access read_access(const View *v, unsigned head, const uint8_t *here, const uint8_t **note)
{
    Access a = { .kind = head & KIND, .mem = read_mem(note), .is_vector = head & IS_VECTOR,
                 .value_kind = X64_SRC_REG, .clear = (unsigned)X64_NONE };
    unsigned regs = *(*note)++;
    uint64_t back;

    a.addr_reg = regs & SOURCE_REG;
    a.addr = a.base = *gpr(v, a.addr_reg);
    a.reg = regs >> 4;
    if (a.kind == X64_STUB_STORE || a.kind == X64_STUB_RMW || a.kind == X64_STUB_CAS ||
        a.kind == X64_STUB_DIVIDE)
        a.value = read_value(v, &a, note);
    if (a.kind == X64_STUB_RMW || a.kind == X64_STUB_CAS || a.kind == X64_STUB_DIVIDE)
        a.second = *(*note)++;
    if (head & HAS_DISP)
        a.addr += (uint64_t)x64_read_signed(note);
    if (head & HAS_CLEAR)
        a.clear = *(*note)++;
    back = x64_read_unsigned(note);
    a.back = back ? here - back : NULL;
    return a;
}

/* A quotient that only the helper can tell, or an exception. */
static uint64_t divide(const View *v, const Access *a)
{
    typedef uint64_t (*DivideFn)(TnCpu *cpu, uint64_t low, uint64_t high, uint64_t divisor);
    DivideFn fn = (DivideFn)x64_plan.target->helpers[a->mem].fn;

    return fn(v->cpu, a->addr, a->value, *gpr(v, a->second));
}

static void load(const View *v, const Access *a)
{
    uint64_t value = tn_mmu_load(v->cpu, a->addr, a->mem);

    if (!a->is_vector) {
        *gpr(v, a->reg) = value;
        return;
    }
    *vector(v, a->reg) = value;
    clear_rest(v, a->reg, sizeof(value));
}

static void do_x87(const View *v, const Access *a)
{
    const TnX87Ops *x87 = x64_plan.target->x87;

    switch (a->kind) {
    case X64_STUB_X87_ENTER:
        x87->load(v->cpu);
        break;
    case X64_STUB_X87_SYNC:
        if (v->cpu->x87_live)
            x87->save(v->cpu);
        break;
    case X64_STUB_X87_REFUSE:
        x87->refuse(v->cpu);
        break;
    case X64_STUB_X87_LOAD:
        x87_load(v, a->addr, a->mem);
        break;
    case X64_STUB_X87_STORE:
        x87_store(v, a->addr, a->mem);
        break;
    default: /* PROBE, before the store's instruction: faults where the store would */
        tn_probe(v->cpu, a->addr, x87_size(a->mem), TN_ACCESS_WRITE, a->mem & TN_MEM_MODE_MASK);
        break;
    }
}

static void do_access(const View *v, const Access *a)
{
    TnCpu *cpu = v->cpu;

    switch (a->kind) {
    case X64_STUB_LOAD:
        load(v, a);
        break;
    case X64_STUB_STORE:
        tn_mmu_store(cpu, a->addr, a->value, a->mem);
        break;
    case X64_STUB_LOAD_VEC:
        tn_mmu_load_vec(cpu, a->addr, vector(v, a->reg), a->mem);
        clear_rest(v, a->reg, tn_ir_type_size(a->mem >> TYPE_SHIFT));
        break;
    case X64_STUB_STORE_VEC:
        tn_mmu_store_vec(cpu, a->addr, vector(v, a->reg), a->mem);
        break;
    case X64_STUB_RMW:
        *gpr(v, X64_RAX) = tn_mmu_atomic_rmw(cpu, a->addr, a->value, a->second, a->mem);
        break;
    case X64_STUB_CAS:
        *gpr(v, X64_RAX) = tn_mmu_atomic_cas(cpu, a->addr, a->value, *gpr(v, a->second), a->mem);
        break;
    case X64_STUB_DIVIDE:
        *gpr(v, X64_RAX) = divide(v, a);
        break;
    default:
        do_x87(v, a);
        break;
    }
}

/* Out, with the flags in the state. */
static const void *leave_with(const View *v, uint64_t pc, TnRunExit why)
{
    *word_at(v->state, x64_plan.target->pc_offset) = pc;
    *gpr(v, X64_RAX) = why;
    return x64_code_rx(x64_thunks.leave);
}

/* The state's flags become what the code that called has them to be. */
static void bring_flags(const View *v, const uint8_t *recipe)
{
    if (recipe && read_recipe(v, &recipe, flags_home(v)))
        *v->frame = 0;
    else if (*v->frame)
        x64_store_lazy_flags(v->cpu, v->frame);
}

void x64_store_noted_flags(TnCpu *cpu, uint8_t *frame, const uint8_t *recipe)
{
    View v = { cpu, tn_cpu_state(cpu), frame };

    bring_flags(&v, recipe);
}

const void *x64_leave_loop(TnCpu *cpu, uint8_t *frame)
{
    View v = { cpu, tn_cpu_state(cpu), frame };

    *gpr(&v, X64_RAX) = TN_RUN_EXIT_LOOP;
    return x64_code_rx(x64_thunks.leave);
}

const void *x64_leave_direct(TnCpu *cpu, uint8_t *frame, const uint8_t *note)
{
    View v = { cpu, tn_cpu_state(cpu), frame };
    X64ExitNote n = x64_noting_exit(note);
    X64ExitFlags flags;

    if (n.exit == n.block->n_exits)
        return x64_next_far_noted(cpu, frame, note);
    flags = n.block->exits[n.exit].flags;
    if (x64_exit_in_host(flags)) {
        *flags_home(&v) = x64_pack_host_flags((uint32_t)*word_at(frame, X64_F_SCRATCH),
                                              flags == X64_EXIT_HOST_LOGIC);
        *frame = 0;
    } else {
        bring_flags(&v, flags == X64_EXIT_NOTED ? note : NULL);
    }
    *gpr(&v, X64_RAX) = TN_RUN_EXIT_DIRECT;
    *gpr(&v, X64_RDX) = (uintptr_t)note;
    return x64_code_rx(x64_thunks.leave);
}

void x64_unwinding(TnCpu *cpu)
{
    View v = { cpu, tn_cpu_state(cpu), cpu->code_frame };

    if (!v.frame)
        return;
    bring_flags(&v, (const uint8_t *)(uintptr_t)*word_at(v.frame, X64_F_RECIPE));
    cpu->code_frame = NULL;
}

/* Code goes on behind the note, which the recipe ends. */
static const uint8_t *end_of_note(const View *v, unsigned head, const uint8_t *note)
{
    uint32_t flags;

    if (head & HAS_FLAGS)
        read_recipe(v, &note, &flags);
    return note;
}

/* Has stores like this one done in code from now on, where that may be (beside.c). */
static void lead_beside(const Access *a, const uint8_t *here)
{
    X64Beside b = { .note = x64_code_rw(here), .back = x64_code_rw(a->back),
                    .clear = (int)a->clear, .size_log2 = a->mem >> TYPE_SHIFT,
                    .mode = a->mem & TN_MEM_MODE_MASK, .addr = (int)a->addr_reg,
                    .disp = (int64_t)(a->addr - a->base) };

    if (a->value_kind == X64_SRC_REG)
        b.value = (X64Src){ .kind = X64_SRC_REG, .reg = (int)a->reg };
    else
        b.value = (X64Src){ .kind = a->value_kind, .imm = a->value };
    x64_note_beside(&b);
}

static void close_windows(TnCpu *cpu)
{
    for (unsigned k = 0; k < TN_TLB_WINDOWS; k++)
        __atomic_store_n(&cpu->window[k].limit, 0, __ATOMIC_RELAXED);
}

/* Gives how far back code goes on. */
static uint64_t open_site(const View *v, const uint8_t *note)
{
    unsigned site = (unsigned)x64_read_unsigned(&note);
    uint64_t vaddr = *gpr(v, *note++);

    tn_tlb_site_open(v->cpu, site, vaddr);
    return x64_read_unsigned(&note);
}

static bool is_near_edge(uint64_t addr)
{
    uint64_t offset = addr % TN_PAGE_SIZE;

    return offset < X64_GROUP_SPAN || offset >= TN_PAGE_SIZE - X64_GROUP_SPAN;
}

/* Has the soft TLB allow the group, or leaves the block before the instruction. Gives where to go on. */
static const void *settle_group(const View *v, TnBlock *block, unsigned head, uint64_t pc,
                                const uint8_t *note, const uint8_t *here)
{
    unsigned regs = *note++;
    TnMmuGroup g = { .vaddr = *gpr(v, regs & SOURCE_REG), .mode = regs >> 4,
                     .stores = head & GROUP_STORES, .write = head & GROUP_WRITE };
    uint64_t back;
    const TnBlock *tail;

    if (head & HAS_DISP)
        g.vaddr += (uint64_t)x64_read_signed(&note);
    g.first = g.vaddr - x64_read_unsigned(&note);
    g.last = g.vaddr + x64_read_unsigned(&note);
    back = x64_read_unsigned(&note);
    if (!(head & HAS_FLAGS))
        note = NULL;
    close_windows(v->cpu);
    v->cpu->fault_pc = pc;
    *word_at(v->frame, X64_F_RECIPE) = (uintptr_t)note;
    if (tn_mmu_allows_group(v->cpu, &g)) {
        *word_at(v->frame, X64_F_RECIPE) = 0;
        return here - back;
    }
    *word_at(v->frame, X64_F_RECIPE) = 0;
    x64_met_edge(block, X64_EDGE_LEFT);
    bring_flags(v, note);
    tail = tn_block_tail(v->cpu, block, pc);
    return tail ? tail->code : leave_with(v, pc, TN_RUN_EXIT_TAIL);
}

/* An aligned one went here for another reason. */
static bool is_odd(const Access *a)
{
    return (a->kind == X64_STUB_LOAD || a->kind == X64_STUB_STORE) &&
           a->addr % tn_ir_type_size(a->mem >> TYPE_SHIFT);
}

const void *x64_slow(TnCpu *cpu, uint8_t *frame, const uint8_t *note)
{
    View v = { cpu, tn_cpu_state(cpu), frame };
    const uint8_t *here = note;
    TnBlock *block = x64_noting_block(note);
    unsigned head = *note++;
    uint64_t pc = block->key.pc + (uint64_t)x64_read_signed(&note);

    if ((head & KIND) == X64_STUB_REQUEST) {
        close_windows(cpu);
        bring_flags(&v, head & HAS_FLAGS ? note : NULL);
        return leave_with(&v, pc, TN_RUN_EXIT_REQUEST);
    }
    if ((head & KIND) == X64_STUB_GROUP)
        return settle_group(&v, block, head, pc, note, here);
    if ((head & KIND) == X64_STUB_SITE)
        return here - open_site(&v, note);

    Access a = (head & INSN_MASK) == IN_INSN ? read_insn(&v, head, here, &note)
                                             : read_access(&v, head, here, &note);

    if (a.kind == X64_STUB_STORE && tn_mmu_store_beside_code(cpu, a.addr, a.value, a.mem)) {
        if (a.back && !a.is_vector)
            lead_beside(&a, here);
    } else {
        close_windows(cpu);
        cpu->fault_pc = pc;
        *word_at(frame, X64_F_RECIPE) = head & HAS_FLAGS ? (uintptr_t)note : 0;
        do_access(&v, &a);
        *word_at(frame, X64_F_RECIPE) = 0;
    }
    if (is_near_edge(a.addr))
        x64_met_edge(block, X64_EDGE_MET);
    else if (is_odd(&a))
        x64_met_odd(cpu, block);
    if (a.clear != (unsigned)X64_NONE)
        *gpr(&v, a.clear) = 0;
    return a.back ? a.back : end_of_note(&v, head, note);
}
