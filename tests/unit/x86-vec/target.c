/* SPDX-License-Identifier: MIT */
/* Translates one instruction with the target's own front end and evaluates the IR. */
#include "machine.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "tenon/error.h"
#include "tenon/irq.h"
#include "translate.h"
#include "translate/ir-info.h"
#include "translate/ir-semantics.h"

/* ---- Helpers of the vector chapters by number ------------------------------------------- */

enum { VOID, I32, I64, PTR };

#define X86_HELPER(name, ...) void x86_helper_##name(void);
#define X86_FALLBACK(name) void x86_fb_##name(void);
#include "vector/helpers.def"
#undef X86_HELPER
#undef X86_FALLBACK

static const TnHelperInfo helpers[X86_N_HELPERS] = {
#define X86_HELPER(name_, ret_, flags_, n_args_, ...) \
    [X86_HELPER_##name_] = { .name = #name_, .fn = x86_helper_##name_, .ret = (ret_), \
                             .n_args = (n_args_), .args = { __VA_ARGS__ }, .flags = (flags_) },
#define X86_FALLBACK(name_) \
    [X86_FB_##name_] = { .name = #name_, .fn = x86_fb_##name_, .n_args = 5 },
#include "vector/helpers.def"
#undef X86_HELPER
#undef X86_FALLBACK
};

static const TnTargetInfo info = { .size = sizeof(info), .helpers = helpers,
                                   .n_helpers = X86_N_HELPERS };

/* ---- What the front end and the helpers call -------------------------------------------- */

static struct {
    const uint8_t *bytes;
    unsigned n;
    sigjmp_buf unwind;
} running;

bool tn_ir_fetch(TnCpu *cpu, TnIrBuilder *b, uint64_t linear, uint8_t *byte)
{
    *byte = linear - b->pc < running.n ? running.bytes[linear - b->pc] : 0x90;
    return true;
}

const uint8_t *tn_ir_read_ahead(TnCpu *cpu, TnIrBuilder *b, uint64_t linear)
{
    return NULL;
}

uintptr_t tn_ir_late(TnCpu *cpu, TnIrBuilder *b, uint64_t linear, unsigned at)
{
    return 0;
}

bool x86_has(const X86State *s, unsigned feature)
{
    return true;
}

void x86_raise(TnCpu *cpu, X86Vector vector)
{
    x86_state(cpu)->exception = vector;
    siglongjmp(running.unwind, 1);
}

void x86_raise_error(TnCpu *cpu, X86Vector vector, uint32_t error_code)
{
    x86_raise(cpu, vector);
}

void tn_cpu_unwind_to_loop(TnCpu *cpu)
{
    siglongjmp(running.unwind, 1);
}

GQuark tn_error_quark(void)
{
    return g_quark_from_static_string("tn-error");
}

void x86_update_mode(TnCpu *cpu)
{
}

void x86_check_seg(TnCpu *cpu, unsigned seg, uint32_t offset, uint32_t n, bool write)
{
}

void tn_device_lock(void)
{
}

void tn_device_unlock(void)
{
}

void tn_irq_out(TnObject *dev, const char *group, unsigned n, int level)
{
}

#define ACCESS(bits, bytes) \
    uint##bits##_t tn_ld##bits(TnCpu *cpu, uint64_t vaddr, unsigned mmu_mode) \
    { \
        uint##bits##_t v; \
        memcpy(&v, (void *)(uintptr_t)vaddr, bytes); \
        return v; \
    } \
    void tn_st##bits(TnCpu *cpu, uint64_t vaddr, uint##bits##_t v, unsigned mmu_mode) \
    { \
        memcpy((void *)(uintptr_t)vaddr, &v, bytes); \
    }
ACCESS(8, 1)
ACCESS(32, 4)
ACCESS(64, 8)

void tn_ld_bytes(TnCpu *cpu, uint64_t vaddr, void *buf, size_t n, unsigned mmu_mode)
{
    memcpy(buf, (void *)(uintptr_t)vaddr, n);
}

void tn_st_bytes(TnCpu *cpu, uint64_t vaddr, const void *buf, size_t n, unsigned mmu_mode)
{
    memcpy((void *)(uintptr_t)vaddr, buf, n);
}

void *tn_probe(TnCpu *cpu, uint64_t vaddr, size_t n, TnAccess access, unsigned mmu_mode)
{
    return (void *)(uintptr_t)vaddr;
}

/* ---- Evaluation ------------------------------------------------------------------------- */

typedef void (*Fallback)(TnCpu *, void *, const void *, const void *, const void *, uint32_t);
typedef uint64_t (*Helper)(TnCpu *, uint64_t, uint64_t, uint64_t, uint64_t);

static X86Ymm temps[TN_IR_MAX_TEMPS];

static const void *slot(TnTemp t)
{
    return t ? &temps[t] : NULL;
}

static void run_hostv(TnCpu *cpu, const TnIrOp *op)
{
    TnHostForm form = tn_host_form_unpack(op->imm);
    X86Ymm result = { 0 };

    ((Fallback)helpers[op->aux].fn)(cpu, &result, slot(op->a), slot(op->b), slot(op->c), form.imm8);
    temps[op->dst] = (X86Ymm){ 0 };
    memcpy(&temps[op->dst], &result,
           form.flags & (TN_HF_DST_INT | TN_HF_DST_FLAGS) ? 8 : tn_ir_type_size(op->type));
}

static uint32_t *reg32(X86State *s, unsigned reg)
{
    return reg == X86_REG_FLAGS ? &s->flags : (uint32_t *)&s->regs[reg];
}

static void run_register(X86State *s, const TnIrOp *op)
{
    uint64_t *v = &temps[op->opc == TN_IR_GET ? op->dst : op->a].u64[0];

    if (op->opc == TN_IR_GET)
        *v = op->type == TN_I32 ? *reg32(s, op->aux) : s->regs[op->aux];
    else if (op->aux == X86_REG_FLAGS)
        s->flags = (uint32_t)*v;
    else
        s->regs[op->aux] = op->type == TN_I32 ? (uint32_t)*v : *v;
}

static void run_vector_register(X86State *s, const TnIrOp *op)
{
    X86Ymm *reg = &s->ymm[op->aux - X86_REG_YMM];
    unsigned size = tn_ir_type_size(op->type);

    if (op->opc == TN_IR_GET) {
        temps[op->dst] = (X86Ymm){ 0 };
        memcpy(&temps[op->dst], reg, size);
        return;
    }
    memcpy(reg, &temps[op->a], size);
    if (op->imm & TN_PUT_CLEAR_UPPER)
        memset(reg->u8 + 16, 0, 16);
}

static void run_memory(const TnIrOp *op)
{
    static const char *const mismatch = "unexpected alignment request\n";
    uint8_t *at = (uint8_t *)(uintptr_t)(temps[op->a].u64[0] + op->imm);
    unsigned size = tn_ir_type_size(op->type);

    if (op->aux & TN_MEM_ALIGN && (uintptr_t)at % size)
        fputs(mismatch, stderr);
    if (op->opc == TN_IR_ST) {
        memcpy(at, &temps[op->b], size);
        return;
    }
    temps[op->dst] = (X86Ymm){ 0 };
    memcpy(&temps[op->dst], at, size);
}

static void run_op(TnCpu *cpu, const TnIrOp *op)
{
    X86State *s = x86_state(cpu);
    void *env = (void *)((uintptr_t)s + op->imm);
    uint64_t v;

    switch (op->opc) {
    case TN_IR_NOP: case TN_IR_INSN: case TN_IR_EXIT: case TN_IR_EXIT_LOOP: case TN_IR_EXIT_STATE:
        return;
    case TN_IR_CONST:
        temps[op->dst].u64[0] = op->imm;
        return;
    case TN_IR_GET:
    case TN_IR_PUT:
        if (op->aux >= X86_REG_YMM)
            run_vector_register(s, op);
        else
            run_register(s, op);
        return;
    case TN_IR_CLEAR_UPPER:
        for (unsigned r = op->aux; r < op->aux + op->imm; r++)
            memset(s->ymm[r - X86_REG_YMM].u8 + 16, 0, 16);
        return;
    case TN_IR_LDENV:
        temps[op->dst] = (X86Ymm){ 0 };
        memcpy(&temps[op->dst], env, tn_ir_type_size(op->type));
        return;
    case TN_IR_STENV:
        memcpy(env, &temps[op->a], tn_ir_type_size(op->type));
        return;
    case TN_IR_LD: case TN_IR_ST:
        run_memory(op);
        return;
    case TN_IR_HOSTV:
        run_hostv(cpu, op);
        return;
    case TN_IR_CALL:
        v = ((Helper)helpers[op->aux].fn)(cpu, temps[op->a].u64[0], temps[op->b].u64[0],
                                          temps[op->c].u64[0], temps[op->d].u64[0]);
        if (op->dst)
            temps[op->dst].u64[0] = helpers[op->aux].ret == I32 ? (uint32_t)v : v;
        return;
    default:
        if (tn_ir_eval(op, temps[op->a].u64[0], temps[op->b].u64[0], temps[op->c].u64[0], &v))
            temps[op->dst].u64[0] = v;
        else
            fprintf(stderr, "IR operation %u is not evaluated\n", op->opc);
    }
}

/* ---- State ------------------------------------------------------------------------------ */

static void to_state(X86State *s, Machine *m)
{
    memset(s, 0, sizeof(*s));
    memcpy(s->ymm, m->ymm, sizeof(s->ymm));
    s->regs[RAX] = m->rax;
    s->regs[RCX] = m->rcx;
    s->regs[RDX] = m->rdx;
    s->regs[RSI] = s->regs[RDI] = (uintptr_t)m->memory + MEMORY_AT;
    s->flags = m->flags;
    s->mxcsr = m->mxcsr;
    s->fcw = m->fcw;
    s->ftop = m->fsw >> 11 & 7;
    s->fsw = m->fsw & 0xc7ff;
    s->ftag_empty = (uint8_t)~m->ftag_full;
    for (unsigned i = 0; i < 8; i++)
        s->st[(s->ftop + i) & 7] = m->st[i];
    s->cr0 = CR0_NE | CR0_PE;
    s->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
    s->exception = -1;
}

static void from_state(Machine *m, const X86State *s)
{
    memcpy(m->ymm, s->ymm, sizeof(s->ymm));
    m->rax = s->regs[RAX];
    m->rcx = s->regs[RCX];
    m->rdx = s->regs[RDX];
    m->flags = s->flags;
    m->mxcsr = s->mxcsr;
    m->fcw = s->fcw;
    m->fsw = (uint16_t)(s->fsw | s->ftop << 11);
    m->ftag_full = (uint8_t)~s->ftag_empty;
    for (unsigned i = 0; i < 8; i++)
        m->st[i] = s->st[(s->ftop + i) & 7];
}

static uint32_t mode_of(const Machine *m)
{
    uint32_t mode = MODE_PE | MODE_LMA | MODE_CS64 | MODE_SS32 | MODE_FLAT | MODE_OSFXSR | MODE_AVX;

    return mode | (~m->mxcsr >> 7 & 0x3f ? MODE_XM : 0u);
}

void target_run(Machine *m, const uint8_t *bytes, unsigned n, int *raised)
{
    static TnIrBuilder b;
    TnCpu *cpu = aligned_alloc(128, (TN_CPU_STATE_OFFSET + sizeof(X86State) + 127) / 128 * 128);
    TnBlockKey key = { .pc = 0x1000, .address_bits = 64 };

    memset(cpu, 0, sizeof(*cpu));
    cpu->target = &info;
    to_state(x86_state(cpu), m);
    key.flags = mode_of(m);
    x86_state(cpu)->mode = key.flags;
    running.bytes = bytes;
    running.n = n;
    tn_ir_begin(&b, key.pc, 1);
    x86_translate(cpu, &b, &key);
    if (sigsetjmp(running.unwind, 0) == 0)
        for (unsigned i = 0; i < b.n_ops; i++)
            run_op(cpu, &b.ops[i]);
    *raised = x86_state(cpu)->exception;
    from_state(m, x86_state(cpu));
    free(cpu);
}
