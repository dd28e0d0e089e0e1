/* SPDX-License-Identifier: MIT */
/*
 * The translator on a made-up processor: every integer operation of the IR against its reference
 * semantics, memory, faults, chaining, code that changes itself. Run once per back end:
 * test-translate BACKEND.
 */
#include <string.h>

#include "mini-target.h"
#include "cpu/cpu-private.h"
#include "cpu/debug.h"
#include "translate/backend.h"
#include "translate/ir-semantics.h"
#include "translate/translator.h"

enum { CODE = 0x1000, DATA = 0x8000 };

static uint64_t next_pc = 0x20000; /* blocks of emitted IR get a pc of their own */

static uint64_t random_value(void)
{
    static const uint64_t corners[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff,
                                        0x80000000, 0xffffffff, INT64_MAX, 1ull << 63, UINT64_MAX };
    uint64_t r = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
    unsigned kind = (unsigned)r % 4;
    if (kind == 0)
        return corners[(r >> 8) % G_N_ELEMENTS(corners)];
    return kind == 1 ? (uint32_t)r >> (r >> 59) : r;
}

static void emit_stop(TnIrBuilder *b)
{
    tn_ir_call_void(b, MINI_HELPER_HALT, 0, 0, 0, 0);
    tn_ir_exit_state(b);
}

static void run_emitted(void (*emit)(TnIrBuilder *b))
{
    mini_emit = emit;
    mini_run(next_pc);
    next_pc += 16;
    mini_emit = NULL;
}

/* ---- Integer operations ------------------------------------------------------------------ */

enum { N_PURE = 200 };

static struct {
    TnIrOp ops[N_PURE];
    uint64_t expected[N_PURE];
} pure;

static const uint8_t pure_opcodes[] = {
#define NAME(name, expression) TN_IR_##name,
    TN_IR_SEMANTICS(NAME)
#undef NAME
    TN_IR_MOV, TN_IR_SETCOND, TN_IR_SELECT, TN_IR_FLAGS, TN_IR_FLAGCOND,
};

static void random_fields(TnIrOp *op)
{
    unsigned width = op->type == TN_I32 ? 32 : 64;
    uint64_t r = random_value();

    switch (op->opc) {
    case TN_IR_LEA:
        op->aux = r & 3;
        op->imm = (uint64_t)(int64_t)(int32_t)(r >> 16);
        break;
    case TN_IR_SHLI:
    case TN_IR_SHRI:
    case TN_IR_SARI:
    case TN_IR_ROLI:
        op->imm = r % width;
        break;
    case TN_IR_DEPOSIT:
    case TN_IR_EXTRACT:
        op->aux = (uint16_t)((r >> 8) % width);
        op->imm = 1 + r % (width - op->aux);
        break;
    case TN_IR_SETCOND:
        op->aux = r % 10;
        break;
    case TN_IR_FLAGCOND:
        op->aux = r % 16;
        break;
    case TN_IR_FLAGS:
        op->type = TN_I32;
        op->aux = (uint16_t)(r % TN_FLAGS_COUNT | (r >> 8) % 4 << 8);
        break;
    default:
        op->imm = (uint64_t)(int64_t)(int32_t)r;
        break;
    }
    if (op->opc == TN_IR_FLAGCOND)
        op->type = TN_I32;
}

/* Each operation reads the eight registers or earlier results. */
static void make_pure(void)
{
    MiniState *s = mini_state();
    for (unsigned i = 0; i < MINI_REGS; i++)
        s->regs[i] = random_value();
    for (unsigned i = 0; i < N_PURE; i++) {
        TnIrOp *op = &pure.ops[i];
        uint64_t v[3] = { 0 };
        *op = (TnIrOp){ .opc = pure_opcodes[(uint32_t)g_test_rand_int() % sizeof(pure_opcodes)],
                        .type = g_test_rand_int() & 1 ? TN_I32 : TN_I64 };
        random_fields(op);
        TnTemp *args[4];
        unsigned n = tn_ir_args(op, args);
        for (unsigned j = 0; j < n; j++) {
            unsigned pick = (uint32_t)g_test_rand_int() % (MINI_REGS + i);
            *args[j] = (TnTemp)pick;
            v[j] = pick < MINI_REGS ? s->regs[pick] : pure.expected[pick - MINI_REGS];
        }
        /* FLAGCOND and the c of FLAGS take any bits: only the flags in them count. */
        g_assert_true(tn_ir_eval(op, v[0], v[1], v[2], &pure.expected[i]));
    }
}

static void emit_pure(TnIrBuilder *b)
{
    TnTemp temps[MINI_REGS + N_PURE];

    for (unsigned i = 0; i < MINI_REGS; i++) {
        temps[i] = tn_ir_get(b, TN_I64, i);
        if (i >= 6) /* some operands are constants */
            temps[i] = tn_ir_const(b, TN_I64, mini_state()->regs[i]);
    }
    for (unsigned i = 0; i < N_PURE; i++) {
        TnIrOp op = pure.ops[i];
        unsigned n = tn_ir_info[op.opc].n_args;
        temps[MINI_REGS + i] = tn_ir_op(b, op.opc, op.type, n > 0 ? temps[op.a] : 0,
                                        n > 1 ? temps[op.b] : 0, n > 2 ? temps[op.c] : 0, op.aux,
                                        op.imm);
    }
    for (unsigned i = 0; i < N_PURE; i++)
        tn_ir_stenv(b, TN_I64, offsetof(MiniState, results) + 8 * i, temps[MINI_REGS + i]);
    emit_stop(b);
}

static void report(unsigned i)
{
    const TnIrOp *op = &pure.ops[i];
    g_autoptr(GString) text = g_string_new(NULL);
    tn_ir_dump(&mini_target, op, 1, text);
    const TnTemp args[] = { op->a, op->b, op->c };
    for (unsigned j = 0; j < tn_ir_info[op->opc].n_args; j++)
        g_string_append_printf(text, "    operand %u: %016" G_GINT64_MODIFIER "x\n", j,
                               args[j] < MINI_REGS ? mini_state()->regs[args[j]]
                                                   : pure.expected[args[j] - MINI_REGS]);
    g_test_message("got %016" G_GINT64_MODIFIER "x, not %016" G_GINT64_MODIFIER "x:\n%s",
                   mini_state()->results[i], pure.expected[i], text->str);
    g_test_fail();
}

static void test_pure(void)
{
    for (unsigned round = 0; round < 200 && !g_test_failed(); round++) {
        make_pure();
        run_emitted(emit_pure);
        for (unsigned i = 0; i < N_PURE; i++) {
            if (mini_state()->results[i] != pure.expected[i]) {
                report(i);
                break;
            }
        }
    }
}

/* ---- State, calls, vectors --------------------------------------------------------------- */

static void emit_narrow(TnIrBuilder *b)
{
    TnTemp wide = tn_ir_get(b, TN_I64, 0), low = tn_ir_get(b, TN_I32, 0);
    tn_ir_put(b, TN_I32, 1, wide);
    tn_ir_put(b, TN_I64, 2, low);
    tn_ir_put(b, TN_I64, 3, tn_ir_get(b, TN_I64, 1));
    tn_ir_stenv(b, TN_I16, offsetof(MiniState, results) + 8, wide);
    tn_ir_put(b, TN_I64, 4, tn_ir_ldenv(b, TN_I8, offsetof(MiniState, results) + 8));
    emit_stop(b);
}

static void test_narrow(void)
{
    MiniState *s = mini_state();
    s->regs[0] = 0x1122334455667788;
    s->results[1] = UINT64_MAX;
    run_emitted(emit_narrow);
    g_assert_cmphex(s->regs[1], ==, 0x55667788);
    g_assert_cmphex(s->regs[2], ==, 0x55667788);
    g_assert_cmphex(s->regs[3], ==, 0x55667788);
    g_assert_cmphex(s->results[1], ==, 0xffffffffffff7788);
    g_assert_cmphex(s->regs[4], ==, 0x88);
}

static void emit_calls(TnIrBuilder *b)
{
    TnTemp x = tn_ir_get(b, TN_I64, 0), y = tn_ir_get(b, TN_I64, 1), z = tn_ir_get(b, TN_I64, 2);
    tn_ir_put(b, TN_I64, 3, tn_ir_call(b, MINI_HELPER_SUM, x, y, z, 0));
    TnTemp p = tn_ir_envptr(b, offsetof(MiniState, results));
    tn_ir_put(b, TN_I64, 4, tn_ir_call(b, MINI_HELPER_NARROW, x, p, y, z));
    tn_ir_put(b, TN_I64, 7, x);
    tn_ir_call_void(b, MINI_HELPER_COUNT, 0, 0, 0, 0);
    tn_ir_put(b, TN_I64, 5, tn_ir_get(b, TN_I64, 7));
    emit_stop(b);
}

static void test_calls(void)
{
    MiniState *s = mini_state();
    s->regs[0] = 0x100000001;
    s->regs[1] = 0xffffffff80000000;
    s->regs[2] = 5;
    s->results[0] = 0x500000007;
    run_emitted(emit_calls);
    g_assert_cmphex(s->regs[3], ==, 0x100000001 + 2 * 0x80000000ull + 15);
    g_assert_cmphex(s->regs[4], ==, (uint32_t)(0x100000001 + 0x80000000 * 5ull + 0x500000007));
    g_assert_cmphex(s->regs[5], ==, 0x100000002);
}

static void emit_vectors(TnIrBuilder *b)
{
    const TnHostForm pxor = { .opcode = 0xef, .map = 1, .pp = 1 };
    TnTemp x = tn_ir_ldenv(b, TN_V128, offsetof(MiniState, vectors[0]));
    TnTemp y = tn_ir_ld(b, TN_V128, tn_ir_get(b, TN_I64, 0), 3, 0);
    TnTemp z = tn_ir_hostv(b, TN_V128, pxor, MINI_HELPER_FB_XOR, x, y, 0);
    tn_ir_stenv(b, TN_V128, offsetof(MiniState, vectors[2]), z);
    tn_ir_st(b, TN_V128, tn_ir_get(b, TN_I64, 1), 0, z, 0);
    tn_ir_stenv(b, TN_V128, offsetof(MiniState, vectors[3]), x);
    emit_stop(b);
}

static void test_vectors(void)
{
    MiniState *s = mini_state();
    s->regs[0] = DATA + 0xff5; /* plus 3: crosses a page */
    s->regs[1] = DATA + 0x2ffb;
    for (unsigned i = 0; i < 16; i++) {
        s->vectors[0][i] = (uint8_t)(i * 7);
        mini_ram[DATA + 0xff8 + i] = (uint8_t)(200 - i);
    }
    run_emitted(emit_vectors);
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(s->vectors[2][i], ==, (uint8_t)(i * 7) ^ (uint8_t)(200 - i));
        g_assert_cmphex(mini_ram[DATA + 0x2ffb + i], ==, s->vectors[2][i]);
        g_assert_cmphex(s->vectors[3][i], ==, s->vectors[0][i]);
    }
}

/* ---- Memory ------------------------------------------------------------------------------ */

static struct {
    TnIrType type;
    unsigned mem;
    TnAtomicOp aop;
} access_case;

static void emit_load(TnIrBuilder *b)
{
    TnIrType t = access_case.type;
    tn_ir_put(b, TN_I64, 1, tn_ir_ld(b, t, tn_ir_get(b, TN_I64, 0), 5, access_case.mem));
    emit_stop(b);
}

static uint64_t expected_load(uint64_t addr)
{
    unsigned bits = 8 * tn_ir_type_size(access_case.type);
    uint64_t v;
    memcpy(&v, mini_ram + addr, 8);
    v &= UINT64_MAX >> (64 - bits);
    if (access_case.mem & TN_MEM_BSWAP)
        v = __builtin_bswap64(v) >> (64 - bits);
    if (access_case.mem & TN_MEM_SIGN)
        v = (uint64_t)((int64_t)(v << (64 - bits)) >> (64 - bits));
    return access_case.mem & TN_MEM_DST32 ? (uint32_t)v : v;
}

static void test_loads(void)
{
    static const unsigned flags[] = { 0, TN_MEM_SIGN, TN_MEM_SIGN | TN_MEM_DST32, TN_MEM_BSWAP,
                                      TN_MEM_BSWAP | TN_MEM_SIGN, TN_MEM_RMW };
    static const uint64_t addrs[] = { DATA, DATA + 1, DATA + 0xffd, DATA + 0xfff, DATA + 0xff8 };
    for (unsigned i = 0; i < 0x1100; i++)
        mini_ram[DATA + i] = (uint8_t)g_test_rand_int();
    for (unsigned i = 0; i < G_N_ELEMENTS(flags) * 4 * G_N_ELEMENTS(addrs); i++) {
        uint64_t addr = addrs[i / 4 / G_N_ELEMENTS(flags)];
        access_case.type = i % 4;
        access_case.mem = flags[i / 4 % G_N_ELEMENTS(flags)];
        mini_state()->regs[0] = addr - 5;
        run_emitted(emit_load);
        g_assert_cmphex(mini_state()->regs[1], ==, expected_load(addr));
    }
}

static void emit_store(TnIrBuilder *b)
{
    TnIrType t = access_case.type;
    tn_ir_st(b, t, tn_ir_get(b, TN_I64, 0), -3, tn_ir_get(b, TN_I64, 1), access_case.mem);
    emit_stop(b);
}

static void test_stores(void)
{
    static const uint64_t addrs[] = { DATA, DATA + 1, DATA + 0xffd, DATA + 0xfff };
    for (unsigned i = 0; i < 2 * 4 * G_N_ELEMENTS(addrs); i++) {
        uint64_t addr = addrs[i / 8], value = random_value(), before, after;
        unsigned size = 1u << i % 4;
        access_case.type = i % 4;
        access_case.mem = i & 4 ? TN_MEM_BSWAP : 0;
        memset(mini_ram + addr - 8, 0x5a, 24);
        mini_state()->regs[0] = addr + 3;
        mini_state()->regs[1] = value;
        run_emitted(emit_store);
        before = value;
        if (access_case.mem)
            before = __builtin_bswap64(value) >> (64 - 8 * size);
        memcpy(&after, mini_ram + addr, 8);
        g_assert_cmpint(memcmp(&after, &before, size), ==, 0);
        g_assert_cmphex(mini_ram[addr - 1], ==, 0x5a);
        g_assert_cmphex(mini_ram[addr + size], ==, 0x5a);
    }
}

static void emit_atomic(TnIrBuilder *b)
{
    TnTemp addr = tn_ir_get(b, TN_I64, 0), x = tn_ir_get(b, TN_I64, 1);
    TnTemp old = tn_ir_atomic_rmw(b, access_case.type, access_case.aop, addr, x, 0);
    tn_ir_put(b, TN_I64, 2, old);
    tn_ir_put(b, TN_I64, 3, tn_ir_atomic_cas(b, access_case.type, addr, tn_ir_get(b, TN_I64, 4),
                                             tn_ir_get(b, TN_I64, 5), 0));
    emit_stop(b);
}

static uint64_t apply(TnAtomicOp op, uint64_t a, uint64_t b)
{
    return op == TN_ATOMIC_ADD ? a + b : op == TN_ATOMIC_AND ? (a & b)
           : op == TN_ATOMIC_OR ? (a | b) : op == TN_ATOMIC_XOR ? a ^ b : b;
}

static void test_atomics(void)
{
    static const uint64_t addrs[] = { DATA, DATA + 3, DATA + 0xffd };
    for (unsigned i = 0; i < 4 * 5 * G_N_ELEMENTS(addrs) * 2; i++) {
        MiniState *s = mini_state();
        uint64_t addr = addrs[i / 20 % G_N_ELEMENTS(addrs)], old = random_value(), x = random_value();
        access_case.type = i % 4;
        access_case.aop = i / 4 % 5;
        uint64_t mask = UINT64_MAX >> (64 - (8u << access_case.type));
        uint64_t sum = apply(access_case.aop, old, x) & mask, result = 0;
        bool hit = i % 2;
        memcpy(mini_ram + addr, &old, 8);
        s->regs[0] = addr;
        s->regs[1] = x;
        s->regs[4] = hit ? sum | (~mask & x) : ~sum;
        s->regs[5] = 0x1234567890abcdef;
        run_emitted(emit_atomic);
        g_assert_cmphex(s->regs[2], ==, old & mask);
        g_assert_cmphex(s->regs[3], ==, sum);
        memcpy(&result, mini_ram + addr, 8);
        g_assert_cmphex(result & mask, ==, hit ? s->regs[5] & mask : sum);
        g_assert_cmphex(result & ~mask, ==, old & ~mask);
    }
}

/* ---- Programs ---------------------------------------------------------------------------- */

static void load_program(uint64_t at, const uint8_t *bytes, unsigned n)
{
    tn_memory_write(tn_system_memory_space(), at, bytes, n, 0);
}

#define PROGRAM(at, ...) \
    do { \
        static const uint8_t bytes_[] = { __VA_ARGS__ }; \
        load_program(at, bytes_, sizeof(bytes_)); \
    } while (0)

#define IMM32(v) (uint8_t)(v), (uint8_t)((v) >> 8), (uint8_t)((v) >> 16), (uint8_t)((v) >> 24)

static void test_loop(void)
{
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(100000), MINI_MOVI, 1, IMM32(0), MINI_MOVI, 2, IMM32(3),
            MINI_ADD, 1, 2, MINI_DEC, 0, MINI_JNZ, (uint8_t)-7, MINI_HALT);
    mini_run(CODE);
    g_assert_cmpint(mini_state()->regs[1], ==, 300000);
    g_assert_cmphex(mini_state()->flags, ==, TN_FLAG_Z | TN_FLAG_P);
}

static void test_indirect(void)
{
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(50000), MINI_MOVI, 3, IMM32(CODE + 0x1100), MINI_JMPR, 3);
    PROGRAM(CODE + 0x1100, MINI_COUNT, MINI_DEC, 0, MINI_JNZ, 1, MINI_HALT, MINI_JMPR, 3);
    mini_state()->regs[7] = 0;
    mini_run(CODE);
    g_assert_cmpint(mini_state()->regs[7], ==, 50000);
}

static void test_fault(void)
{
    MiniState *s = mini_state();
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(7), MINI_MOVI, 1, IMM32(MINI_HOLE + 8), MINI_TWO, 0, 1,
            MINI_MOVI, 0, IMM32(9), MINI_HALT);
    PROGRAM(CODE + 0x100, MINI_MOVI, 4, IMM32(77), MINI_HALT);
    s->handler = CODE + 0x100;
    s->faults = 0;
    mini_run(CODE);
    g_assert_cmpint(s->faults, ==, 1);
    g_assert_cmphex(s->fault_pc, ==, CODE + 12);
    g_assert_cmphex(s->fault_addr, ==, MINI_HOLE + 8);
    g_assert_cmpint(s->regs[0], ==, 1); /* what stood before the store, nothing after */
    g_assert_cmpint(s->regs[4], ==, 77);
    s->handler = 0;
}

static void test_crossing_store_faults_whole(void)
{
    MiniState *s = mini_state();
    access_case.type = TN_I64;
    access_case.mem = 0;
    s->regs[0] = MINI_HOLE - 4 + 3;
    s->faults = 0;
    run_emitted(emit_store);
    g_assert_cmpint(s->faults, ==, 1);
    g_assert_cmphex(s->fault_addr, ==, MINI_HOLE);
}

static void test_fetch_fault(void)
{
    MiniState *s = mini_state();
    s->faults = 0;
    mini_run(MINI_HOLE + 0x10);
    g_assert_cmpint(s->faults, ==, 1);
    g_assert_cmphex(s->fault_pc, ==, MINI_HOLE + 0x10);
}

/* The store changes the operand of the very next instruction. */
static void test_store_to_next_instruction(void)
{
    MiniState *s = mini_state();
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(CODE + 17), MINI_MOVI, 1, IMM32(0x42), MINI_ST8, 0, 1,
            MINI_MOVI, 2, IMM32(0x11), MINI_HALT);
    mini_run(CODE);
    g_assert_cmphex(s->regs[2], ==, 0x42);
    PROGRAM(CODE + 17, 0x11);
    mini_run(CODE);
    g_assert_cmphex(s->regs[2], ==, 0x42);
}

/* A loop whose body is changed in every round. */
static void test_loop_rewrites_itself(void)
{
    MiniState *s = mini_state();
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(200), MINI_MOVI, 3, IMM32(CODE + 23), MINI_MOVI, 5, IMM32(0),
            MINI_ST8, 3, 0, MINI_MOVI, 4, IMM32(0), MINI_ADD, 5, 4, MINI_DEC, 0, MINI_JNZ,
            (uint8_t)-16, MINI_HALT);
    mini_run(CODE);
    g_assert_cmpint(s->regs[5], ==, 200 * 201 / 2);
}

/* Another block, already chained to, is changed. */
static void test_store_to_chained_block(void)
{
    MiniState *s = mini_state();
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(10), MINI_DEC, 0, MINI_JNZ, 1, MINI_HALT, MINI_MOVI, 2,
            IMM32(5), MINI_MOVI, 3, IMM32(CODE + 0x200), MINI_JMPR, 3);
    PROGRAM(CODE + 0x200, MINI_MOVI, 4, IMM32(CODE + 13), MINI_ST8, 4, 0, MINI_MOVI, 3,
            IMM32(CODE + 6), MINI_JMPR, 3);
    mini_run(CODE);
    g_assert_cmpint(s->regs[2], ==, 2); /* the last value stored that was executed */
}

static void test_data_beside_code(void)
{
    MiniState *s = mini_state();
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(1000), MINI_MOVI, 3, IMM32(CODE + 0x800), MINI_ST8, 3, 0,
            MINI_DEC, 0, MINI_JNZ, (uint8_t)-7, MINI_HALT);
    mini_run(CODE);
    uint64_t before = tn_translator.n_translated;
    mini_run(CODE);
    g_assert_cmpint(tn_translator.n_translated, ==, before);
    g_assert_cmpint(mini_ram[CODE + 0x800], ==, 1);
    g_assert_cmpint(s->regs[0], ==, 0);
}

static void test_dma_changes_code(void)
{
    PROGRAM(CODE, MINI_MOVI, 2, IMM32(1), MINI_HALT);
    mini_run(CODE);
    g_assert_cmpint(mini_state()->regs[2], ==, 1);
    PROGRAM(CODE + 2, 9);
    mini_run(CODE);
    g_assert_cmpint(mini_state()->regs[2], ==, 9);
}

static void test_instruction_crosses_page(void)
{
    PROGRAM(CODE + 0xffd, MINI_MOVI, 2, IMM32(0x01020304), MINI_HALT);
    mini_run(CODE + 0xffd);
    g_assert_cmphex(mini_state()->regs[2], ==, 0x01020304);
    PROGRAM(CODE + 0x1001, 0x77);
    mini_run(CODE + 0xffd);
    g_assert_cmphex(mini_state()->regs[2], ==, 0x01770304);
}

static void test_modes_have_their_own_blocks(void)
{
    PROGRAM(CODE, MINI_MOVI, 2, IMM32(1), MINI_HALT);
    mini_run(CODE);
    uint64_t before = tn_translator.n_translated;
    mini_state()->mode = 5;
    mini_run(CODE);
    g_assert_cmpint(tn_translator.n_translated, ==, before + 1);
    mini_state()->mode = 0;
    mini_run(CODE);
    g_assert_cmpint(tn_translator.n_translated, ==, before + 1);
}

/* ---- The bus ----------------------------------------------------------------------------- */

static bool page_dirty(uint64_t addr)
{
    return tn_region_test_clear_dirty(mini_ram_region, TN_DIRTY_DISPLAY, addr, 1);
}

/* The second store goes through a TLB entry that the first one made fast. */
static void test_dirty_log(void)
{
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(DATA + 8), MINI_ST64, 0, 1, MINI_ST64, 0, 1, MINI_HALT);
    mini_run(CODE);
    tn_device_lock();
    tn_region_set_dirty_log(mini_ram_region, TN_DIRTY_DISPLAY, true);
    page_dirty(DATA);
    page_dirty(DATA + 0x1000);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_false(page_dirty(DATA));
        tn_device_unlock();
        mini_run(CODE);
        tn_device_lock();
        g_assert_true(page_dirty(DATA));
        g_assert_false(page_dirty(DATA + 0x1000));
    }
    tn_region_set_dirty_log(mini_ram_region, TN_DIRTY_DISPLAY, false);
    tn_device_unlock();
}

static struct {
    uint64_t offset, value;
    unsigned size, reads, writes;
    bool locked;
} device;

static uint64_t device_read(void *opaque, uint64_t offset, unsigned size)
{
    device.offset = offset;
    device.size = size;
    device.reads++;
    device.locked = tn_device_lock_held();
    return 0xa1a2a3a4a5a6a7a8;
}

static void device_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    device.offset = offset;
    device.size = size;
    device.value = value;
    device.writes++;
}

static const TnRegionOps device_ops = {
    .size_of = sizeof(TnRegionOps), .read = device_read, .write = device_write,
    .impl_min = 1, .impl_max = 8,
};

static void test_device(void)
{
    MiniState *s = mini_state();
    enum { AT = 0x200000 };

    tn_device_lock();
    TnRegion *io = tn_region_new_io(tn_object_root(), "device", &device_ops, NULL, 0x100);
    tn_region_add(tn_system_memory(), AT, io);
    tn_device_unlock();
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(AT + 0x10), MINI_MOVI, 1, IMM32(0x55), MINI_ST64, 0, 1,
            MINI_LD8, 2, 0, MINI_LD64, 3, 0, MINI_HALT);
    mini_run(CODE);
    g_assert_cmpint(device.writes, ==, 1);
    g_assert_cmpint(device.reads, ==, 2);
    g_assert_cmphex(device.value, ==, 0x55);
    g_assert_cmphex(device.offset, ==, 0x10);
    g_assert_true(device.locked);
    g_assert_false(tn_device_lock_held());
    g_assert_cmphex(s->regs[2], ==, 0xa8);
    g_assert_cmphex(s->regs[3], ==, 0xa1a2a3a4a5a6a7a8);
}

/* Code and data that another region covers are gone at once, and back when it leaves. */
static void test_remap(void)
{
    MiniState *s = mini_state();

    PROGRAM(CODE, MINI_MOVI, 0, IMM32(DATA), MINI_LD8, 2, 0, MINI_MOVI, 3, IMM32(1), MINI_HALT);
    mini_ram[DATA] = 0x11;
    mini_run(CODE);
    g_assert_cmphex(s->regs[2], ==, 0x11);
    tn_device_lock();
    TnRegion *other = tn_region_new_ram(tn_object_root(), "other", 0x10000, NULL);
    memcpy(tn_region_ram(other), mini_ram + CODE, 0x1000);
    tn_region_ram(other)[11] = 9; /* the operand of MOVI 3 */
    tn_region_ram(other)[DATA - CODE] = 0x22;
    tn_region_add_overlap(tn_system_memory(), CODE, other, 1);
    tn_device_unlock();
    mini_run(CODE);
    g_assert_cmphex(s->regs[2], ==, 0x22);
    g_assert_cmphex(s->regs[3], ==, 9);
    tn_device_lock();
    tn_region_remove(tn_system_memory(), other);
    tn_device_unlock();
    mini_run(CODE);
    g_assert_cmphex(s->regs[2], ==, 0x11);
    g_assert_cmphex(s->regs[3], ==, 1);
}

static void test_flush_of_everything(void)
{
    test_loop();
    tn_blocks_flush();
    test_loop();
    test_data_beside_code();
}

/* More blocks, each left through a direct exit, than code memory holds. */
static void test_full_code_memory(void)
{
    enum { FIRST = 0x10000, N = (MINI_RAM - FIRST) / 4 - 1 };
    static const uint8_t insns[] = { MINI_DEC, 0, MINI_JNZ, 0 };
    uint64_t flushes = tn_translator.n_flushes;

    for (unsigned i = 0; i < N; i++)
        memcpy(mini_ram + FIRST + 4 * i, insns, sizeof(insns));
    mini_ram[FIRST + 4 * N] = MINI_HALT;
    mini_state()->regs[0] = N + 1;
    mini_run(FIRST);
    g_assert_cmpint(mini_state()->regs[0], ==, 1);
    g_assert_cmpint(tn_translator.n_flushes, >, flushes);
}

/* ---- Debugging --------------------------------------------------------------------------- */

static void resume(void)
{
    mini_cpu->stopped = false;
    tn_cpu_exec(mini_cpu);
}

static void start_at(uint64_t pc)
{
    mini_state()->pc = pc;
    mini_cpu->halted = false;
    resume();
}

static void test_breakpoint(void)
{
    MiniState *s = mini_state();
    PROGRAM(CODE, MINI_MOVI, 2, IMM32(1), MINI_MOVI, 3, IMM32(2), MINI_DEC, 2, MINI_HALT);
    mini_run(CODE); /* the block exists already, and holds all of it */
    s->regs[3] = 0;
    tn_breakpoint_set(CODE + 6);
    start_at(CODE);
    g_assert_true(mini_cpu->stopped);
    g_assert_cmphex(s->pc, ==, CODE + 6);
    g_assert_cmpint(s->regs[2], ==, 1);
    g_assert_cmpint(s->regs[3], ==, 0);
    resume();
    g_assert_true(mini_cpu->halted);
    g_assert_cmpint(s->regs[3], ==, 2);
    g_assert_true(tn_breakpoint_clear(CODE + 6));
    g_assert_false(tn_breakpoint_clear(CODE + 6));
    mini_run(CODE);
}

static void test_single_step(void)
{
    static const uint64_t expected[] = { CODE + 6, CODE + 12, CODE + 14 };
    PROGRAM(CODE, MINI_MOVI, 2, IMM32(1), MINI_MOVI, 3, IMM32(2), MINI_DEC, 2, MINI_HALT);
    tn_cpu_set_single_step(mini_cpu, true);
    start_at(CODE);
    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_true(mini_cpu->stopped);
        g_assert_cmphex(mini_state()->pc, ==, expected[i]);
        resume();
    }
    g_assert_true(mini_cpu->halted);
    tn_cpu_set_single_step(mini_cpu, false);
    mini_cpu->stopped = false;
}

/* ---- Optimiser --------------------------------------------------------------------------- */

static unsigned optimise(void (*emit)(TnIrBuilder *b), TnIrBuilder *b)
{
    tn_ir_begin(b, 0, 1);
    tn_ir_insn(b, 0, 1);
    emit(b);
    g_assert_null(tn_ir_check(&mini_target, b->ops, b->n_ops, b->n_temps));
    unsigned n = tn_ir_optimise(&mini_target, b->ops, b->n_ops, b->n_temps, TN_OPT_ALL);
    g_assert_null(tn_ir_check(&mini_target, b->ops, n, b->n_temps));
    return n;
}

static void check_refuses(TnIrBuilder *b, const char *why)
{
    g_autofree char *fault = tn_ir_check(&mini_target, b->ops, b->n_ops, b->n_temps);
    g_assert_nonnull(fault);
    g_assert_nonnull(strstr(fault, why));
    tn_ir_begin(b, 0, 1);
}

static void test_checker(void)
{
    TnIrBuilder b = { 0 };
    tn_ir_begin(&b, 0, 1);
    tn_ir_put(&b, TN_I64, 0, tn_ir_const(&b, TN_I64, 1));
    check_refuses(&b, "not the last operation");
    tn_ir_put(&b, TN_I64, 0, 5);
    tn_ir_exit(&b, 0);
    check_refuses(&b, "before it is assigned");
    tn_ir_put(&b, TN_I64, 0, tn_ir_ldenv(&b, TN_V128, 0));
    tn_ir_exit(&b, 0);
    check_refuses(&b, "wrong class");
    tn_ir_get(&b, TN_I64, 99);
    tn_ir_exit(&b, 0);
    check_refuses(&b, "no such declared register");
    tn_ir_i(&b, TN_IR_SHLI, TN_I32, tn_ir_const(&b, TN_I32, 1), 32);
    tn_ir_exit(&b, 0);
    check_refuses(&b, "too large");
    tn_ir_clear(&b);
}

static unsigned count(const TnIrBuilder *b, unsigned n, TnIrOpc opc)
{
    unsigned found = 0;
    for (unsigned i = 0; i < n; i++)
        found += b->ops[i].opc == opc;
    return found;
}

static void emit_two_additions(TnIrBuilder *b)
{
    for (unsigned i = 0; i < 2; i++) {
        TnTemp x = tn_ir_get(b, TN_I64, 0), y = tn_ir_const(b, TN_I64, 5);
        tn_ir_put(b, TN_I64, 0, tn_ir_2(b, TN_IR_ADD, TN_I64, x, y));
        tn_ir_put(b, TN_I32, MINI_REG_FLAGS, tn_ir_flags(b, TN_FLAGS_ADD, 3, x, y, 0));
    }
    tn_ir_exit(b, 0x10);
}

/* The first addition's flags are never computed, the register is read and written once. */
static void test_overwritten_flags_go(void)
{
    TnIrBuilder b = { 0 };
    unsigned n = optimise(emit_two_additions, &b);
    g_assert_cmpint(count(&b, n, TN_IR_FLAGS), ==, 1);
    g_assert_cmpint(count(&b, n, TN_IR_GET), ==, 1);
    g_assert_cmpint(count(&b, n, TN_IR_PUT), ==, 2);
    g_assert_cmpint(count(&b, n, TN_IR_ADDI), ==, 2);
    tn_ir_clear(&b);
}

static void emit_put_before_load(TnIrBuilder *b)
{
    tn_ir_put(b, TN_I64, 0, tn_ir_const(b, TN_I64, 1));
    tn_ir_ld(b, TN_I64, tn_ir_get(b, TN_I64, 1), 0, 0);
    tn_ir_put(b, TN_I64, 0, tn_ir_const(b, TN_I64, 2));
    tn_ir_exit(b, 0x10);
}

/* A load may fault and show the registers; it stays though nobody reads its result. */
static void test_faults_keep_registers(void)
{
    TnIrBuilder b = { 0 };
    unsigned n = optimise(emit_put_before_load, &b);
    g_assert_cmpint(count(&b, n, TN_IR_PUT), ==, 2);
    g_assert_cmpint(count(&b, n, TN_IR_LD), ==, 1);
    tn_ir_clear(&b);
}

static void emit_certain_exit(TnIrBuilder *b)
{
    TnTemp x = tn_ir_const(b, TN_I64, 7);
    tn_ir_exit_if(b, tn_ir_setcond(b, TN_I64, TN_COND_EQ, x, tn_ir_const(b, TN_I64, 8)), 0x20);
    tn_ir_exit_if(b, tn_ir_setcond(b, TN_I64, TN_COND_LT, x, tn_ir_const(b, TN_I64, 8)), 0x30);
    tn_ir_put(b, TN_I64, 0, x);
    tn_ir_exit(b, 0x10);
}

static void test_certain_exits(void)
{
    TnIrBuilder b = { 0 };
    unsigned n = optimise(emit_certain_exit, &b);
    g_assert_cmpint(n, ==, 2); /* INSN and the exit that is taken */
    g_assert_cmpint(b.ops[1].opc, ==, TN_IR_EXIT);
    g_assert_cmphex(b.ops[1].imm, ==, 0x30);
    tn_ir_clear(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!mini_start(argc > 1 ? argv[1] : "interp"))
        return 77;
    g_test_add_func("/translate/ir/integer-operations", test_pure);
    g_test_add_func("/translate/ir/narrow-registers", test_narrow);
    g_test_add_func("/translate/ir/calls", test_calls);
    g_test_add_func("/translate/ir/vectors", test_vectors);
    g_test_add_func("/translate/memory/loads", test_loads);
    g_test_add_func("/translate/memory/stores", test_stores);
    g_test_add_func("/translate/memory/atomics", test_atomics);
    g_test_add_func("/translate/chain/loop", test_loop);
    g_test_add_func("/translate/chain/indirect", test_indirect);
    g_test_add_func("/translate/fault/is-precise", test_fault);
    g_test_add_func("/translate/fault/crossing-store-writes-nothing",
                    test_crossing_store_faults_whole);
    g_test_add_func("/translate/fault/fetch", test_fetch_fault);
    g_test_add_func("/translate/smc/next-instruction", test_store_to_next_instruction);
    g_test_add_func("/translate/smc/loop-rewrites-itself", test_loop_rewrites_itself);
    g_test_add_func("/translate/smc/chained-block", test_store_to_chained_block);
    g_test_add_func("/translate/smc/data-beside-code", test_data_beside_code);
    g_test_add_func("/translate/smc/dma", test_dma_changes_code);
    g_test_add_func("/translate/blocks/instruction-crosses-page", test_instruction_crosses_page);
    g_test_add_func("/translate/blocks/modes", test_modes_have_their_own_blocks);
    g_test_add_func("/translate/blocks/flush", test_flush_of_everything);
    g_test_add_func("/translate/blocks/full-code-memory", test_full_code_memory);
    g_test_add_func("/translate/bus/dirty-log", test_dirty_log);
    g_test_add_func("/translate/bus/device", test_device);
    g_test_add_func("/translate/bus/remap", test_remap);
    g_test_add_func("/translate/debug/breakpoint", test_breakpoint);
    g_test_add_func("/translate/debug/single-step", test_single_step);
    g_test_add_func("/translate/ir/checker-refuses", test_checker);
    g_test_add_func("/translate/optimise/overwritten-flags-go", test_overwritten_flags_go);
    g_test_add_func("/translate/optimise/faults-keep-registers", test_faults_keep_registers);
    g_test_add_func("/translate/optimise/certain-exits", test_certain_exits);
    return g_test_run();
}
