/* SPDX-License-Identifier: MIT */
/* The made-up processor of mini-target.h. */
#include "mini-target.h"

#include <string.h>

#include "cpu/cpu-private.h"
#include "clock/clock-internal.h"
#include "translate/check.h"
#include "translate/translator.h"

void (*mini_emit)(TnIrBuilder *b);
TnCpu *mini_cpu;
uint8_t *mini_ram;
TnRegion *mini_ram_region;

/* ---- Helpers ----------------------------------------------------------------------------- */

static void helper_halt(TnCpu *cpu)
{
    tn_cpu_halt(cpu);
}

static void helper_count(TnCpu *cpu)
{
    ((MiniState *)tn_cpu_state(cpu))->regs[7]++;
}

static uint64_t helper_sum(uint64_t a, uint32_t b, uint64_t c)
{
    return a + 2 * (uint64_t)b + 3 * c;
}

static uint32_t helper_narrow(TnCpu *cpu, uint64_t a, void *p, uint32_t b, uint64_t c)
{
    return (uint32_t)(a + b * c + *(uint64_t *)p);
}

static void fallback_xor(TnCpu *cpu, void *dst, const void *a, const void *b, const void *c,
                         uint32_t imm8)
{
    for (unsigned i = 0; i < 16; i++)
        ((uint8_t *)dst)[i] = ((const uint8_t *)a)[i] ^ ((const uint8_t *)b)[i];
}

uint64_t mini_ticks;

static uint64_t helper_tick(TnCpu *cpu)
{
    return ++mini_ticks;
}

static const TnHelperInfo helpers[MINI_N_HELPERS] = {
    [MINI_HELPER_TICK] = { .name = "tick", .fn = (void (*)(void))helper_tick, .ret = TN_ARG_I64 },
    [MINI_HELPER_TICK_ONCE] = { .name = "tick_once", .fn = (void (*)(void))helper_tick,
                                .ret = TN_ARG_I64, .flags = TN_HELPER_ONCE },
    [MINI_HELPER_HALT] = { .name = "halt", .fn = (void (*)(void))helper_halt,
                           .flags = TN_HELPER_FAULTS | TN_HELPER_READS | TN_HELPER_WRITES },
    [MINI_HELPER_COUNT] = { .name = "count", .fn = (void (*)(void))helper_count,
                            .flags = TN_HELPER_READS | TN_HELPER_WRITES },
    [MINI_HELPER_SUM] = { .name = "sum", .fn = (void (*)(void))helper_sum, .ret = TN_ARG_I64,
                          .n_args = 3, .args = { TN_ARG_I64, TN_ARG_I32, TN_ARG_I64 },
                          .flags = TN_HELPER_PURE },
    [MINI_HELPER_FB_XOR] = { .name = "fb_xor", .fn = (void (*)(void))fallback_xor },
    [MINI_HELPER_NARROW] = { .name = "narrow", .fn = (void (*)(void))helper_narrow,
                             .ret = TN_ARG_I32, .n_args = 4,
                             .args = { TN_ARG_I64, TN_ARG_PTR, TN_ARG_I32, TN_ARG_I64 } },
};

#define REG(n) { .name = "r" #n, .offset = offsetof(MiniState, regs[n]), .type = TN_I64, .pin = 9 - n }
static const TnRegInfo regs[] = {
    REG(0), REG(1), REG(2), REG(3), REG(4), REG(5), REG(6), REG(7),
    { .name = "flags", .offset = offsetof(MiniState, flags), .type = TN_I32, .pin = 1 },
};

/* ---- The front end ----------------------------------------------------------------------- */

static uint8_t fetch(TnCpu *cpu, TnIrBuilder *b, uint64_t *pc, bool *ok)
{
    uint8_t byte = 0;
    if (*ok)
        *ok = tn_ir_fetch(cpu, b, (*pc)++, &byte);
    return byte;
}

static void put_flags(TnIrBuilder *b, TnFlagOp op, TnTemp x, TnTemp y)
{
    TnTemp old = tn_ir_get(b, TN_I32, MINI_REG_FLAGS);
    tn_ir_put(b, TN_I32, MINI_REG_FLAGS, tn_ir_flags(b, op, 3, x, y, old));
}

/* Emits one instruction of operands r, s, imm. True: the block goes on. */
static bool emit_insn(TnIrBuilder *b, uint8_t op, unsigned r, unsigned s, uint32_t imm,
                      uint64_t next)
{
    switch (op) {
    case MINI_MOVI:
        tn_ir_put(b, TN_I64, r, tn_ir_const(b, TN_I64, imm));
        return true;
    case MINI_ADD: {
        TnTemp x = tn_ir_get(b, TN_I64, r), y = tn_ir_get(b, TN_I64, s);
        tn_ir_put(b, TN_I64, r, tn_ir_2(b, TN_IR_ADD, TN_I64, x, y));
        put_flags(b, TN_FLAGS_ADD, x, y);
        return true;
    }
    case MINI_DEC: {
        TnTemp x = tn_ir_get(b, TN_I64, r);
        tn_ir_put(b, TN_I64, r, tn_ir_i(b, TN_IR_ADDI, TN_I64, x, UINT64_MAX));
        put_flags(b, TN_FLAGS_DEC, x, TN_TEMP_NONE);
        return true;
    }
    case MINI_JNZ: {
        TnTemp f = tn_ir_get(b, TN_I32, MINI_REG_FLAGS);
        tn_ir_exit_if(b, tn_ir_flagcond(b, TN_FC_NZ, f), next + (uint64_t)(int8_t)r);
        tn_ir_exit(b, next);
        return false;
    }
    case MINI_JMPR:
        tn_ir_exit_ind(b, tn_ir_get(b, TN_I64, r));
        return false;
    case MINI_ST8:
    case MINI_ST64:
        tn_ir_st(b, op == MINI_ST8 ? TN_I8 : TN_I64, tn_ir_get(b, TN_I64, r), 0,
                 tn_ir_get(b, TN_I64, s), 0);
        return true;
    case MINI_LD8:
    case MINI_LD64:
        tn_ir_put(b, TN_I64, r, tn_ir_ld(b, op == MINI_LD8 ? TN_I8 : TN_I64,
                                         tn_ir_get(b, TN_I64, s), 0, 0));
        return true;
    case MINI_COUNT:
        tn_ir_call_void(b, MINI_HELPER_COUNT, 0, 0, 0, 0);
        return true;
    case MINI_XADD:
        tn_ir_atomic_rmw(b, TN_I64, TN_ATOMIC_ADD, tn_ir_get(b, TN_I64, r), tn_ir_get(b, TN_I64, s),
                         0);
        return true;
    case MINI_TWO: {
        TnTemp one = tn_ir_const(b, TN_I64, 1);
        tn_ir_put(b, TN_I64, r, one);
        tn_ir_st(b, TN_I8, tn_ir_get(b, TN_I64, s), 0, one, 0);
        tn_ir_put(b, TN_I64, r, tn_ir_const(b, TN_I64, 2));
        return true;
    }
    default:
        tn_ir_stenv(b, TN_I64, offsetof(MiniState, pc), tn_ir_const(b, TN_I64, next - 1));
        tn_ir_call_void(b, MINI_HELPER_HALT, 0, 0, 0, 0);
        tn_ir_exit_state(b);
        return false;
    }
}

static unsigned operand_bytes(uint8_t op)
{
    switch (op) {
    case MINI_DEC:
    case MINI_JNZ:
    case MINI_JMPR:
        return 1;
    case MINI_ADD:
    case MINI_ST8:
    case MINI_LD8:
    case MINI_ST64:
    case MINI_LD64:
    case MINI_TWO:
    case MINI_XADD:
        return 2;
    case MINI_MOVI:
        return 5;
    default:
        return 0;
    }
}

static void translate(TnCpu *cpu, TnIrBuilder *b, const TnBlockKey *key)
{
    uint64_t pc = key->pc;
    bool more = true;

    if (mini_emit) {
        tn_ir_insn(b, pc, 1);
        b->end_pc = pc + 1;
        mini_emit(b);
        return;
    }
    while (more) {
        uint64_t next = pc;
        uint8_t bytes[6] = { 0 };
        bool ok = b->n_insns < b->max_insns && !tn_ir_is_full(b);
        bytes[0] = fetch(cpu, b, &next, &ok);
        for (unsigned i = 0; i < operand_bytes(bytes[0]); i++)
            bytes[1 + i] = fetch(cpu, b, &next, &ok);
        if (!ok) {
            tn_ir_exit(b, pc);
            break;
        }
        uint32_t imm;
        memcpy(&imm, &bytes[2], sizeof(imm));
        tn_ir_insn(b, pc, (unsigned)(next - pc));
        more = emit_insn(b, bytes[0], bytes[1], bytes[2], imm, next);
        pc = next;
    }
    b->end_pc = pc;
}

/* ---- Hooks ------------------------------------------------------------------------------- */

static bool cpu_init(TnCpu *cpu, const char *model, GError **error)
{
    return true;
}

static void reset(TnCpu *cpu)
{
}

static void get_key(TnCpu *cpu, TnBlockKey *key)
{
    MiniState *s = tn_cpu_state(cpu);
    key->pc = s->pc;
    key->flags = s->mode;
    key->address_bits = 64;
}

static bool tlb_fill(TnCpu *cpu, uint64_t vaddr, TnAccess access, unsigned mode, bool probe,
                     TnTlbFill *fill)
{
    MiniState *s = tn_cpu_state(cpu);
    if (vaddr >= MINI_HOLE && vaddr < MINI_HOLE + TN_PAGE_SIZE) {
        if (!probe)
            s->fault_addr = vaddr;
        return false;
    }
    fill->paddr = vaddr & ~(uint64_t)(TN_PAGE_SIZE - 1);
    fill->prot = TN_PROT_READ | TN_PROT_WRITE | TN_PROT_EXEC;
    return true;
}

static void deliver_exception(TnCpu *cpu)
{
    MiniState *s = tn_cpu_state(cpu);
    s->faults++;
    s->fault_pc = s->pc;
    if (!s->handler)
        tn_cpu_halt(cpu);
    s->pc = s->handler;
}

/* An interrupt is counted like MINI_COUNT and is over. */
static bool take_request(TnCpu *cpu, uint32_t requests)
{
    tn_cpu_unrequest(cpu, requests);
    helper_count(cpu);
    return true;
}

static bool has_work(TnCpu *cpu, uint32_t requests)
{
    return requests != 0;
}

static void set_pc(TnCpu *cpu, uint64_t pc)
{
    ((MiniState *)tn_cpu_state(cpu))->pc = pc;
}

static uint64_t get_pc(TnCpu *cpu)
{
    return ((MiniState *)tn_cpu_state(cpu))->pc;
}

static const TnTargetOps ops = {
    .cpu_init = cpu_init, .reset = reset, .key = get_key, .translate = translate,
    .tlb_fill = tlb_fill, .deliver_exception = deliver_exception, .take_request = take_request,
    .has_work = has_work, .set_pc = set_pc, .pc = get_pc,
};

const TnTargetInfo mini_target = {
    .size = sizeof(TnTargetInfo), .name = "mini", .state_size = sizeof(MiniState),
    .n_mmu_modes = 1, .regs = regs, .n_regs = G_N_ELEMENTS(regs), .helpers = helpers,
    .n_helpers = MINI_N_HELPERS, .mxcsr_offset = -1, .pc_offset = offsetof(MiniState, pc),
    .ops = &ops,
};

/* ---- The bench --------------------------------------------------------------------------- */

static const TnBackend *find_backend(const char *name)
{
#ifdef TN_BACKEND_X86_64
    if (strcmp(name, "x86_64") == 0)
        return &tn_backend_x86_64;
    if (strcmp(name, "check") == 0) {
        tn_check_setup(&tn_backend_x86_64, TN_OPT_ALL);
        return &tn_backend_check;
    }
#endif
    return strcmp(name, "interp") == 0 ? &tn_backend_interp : NULL;
}

static void memory_changed(TnAddressSpace *as, void *data)
{
    tn_tlb_flush_all_cpus();
}

bool mini_start(const char *backend)
{
    TnTranslatorOptions options = { .backend = find_backend(backend), .tb_size = 16 << 20,
                                    .opt = TN_OPT_ALL };
    if (!options.backend)
        return false;
    if (tn_check_on(options.backend))
        options.opt = 0;
    tn_device_lock();
    TnRegion *ram = tn_region_new_ram(tn_object_root(), "ram", MINI_RAM, NULL);
    tn_region_add(tn_system_memory(), 0, ram);
    tn_device_unlock();
    tn_memory_listen(tn_system_memory_space(), memory_changed, NULL);
    mini_ram_region = ram;
    mini_ram = tn_region_ram(ram);
    tn_translator_configure(&options);
    mini_cpu = tn_cpu_new_of(&mini_target, NULL, 0, NULL);
    g_assert_nonnull(mini_cpu);
    g_assert_true(tn_translator_init(&mini_target, NULL));
    mini_cpu->stopped = false;
    return true;
}

void mini_run(uint64_t pc)
{
    mini_state()->pc = pc;
    mini_cpu->halted = false;
    tn_cpu_exec(mini_cpu);
    g_assert_true(mini_cpu->halted);
}
