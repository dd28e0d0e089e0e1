/* SPDX-License-Identifier: MIT */
/* Operations of the IR by themselves, each against its reference semantics: translate-cases.h. */
#include <string.h>

#include "translate-cases.h"
#include "mini-target.h"
#include "cpu/cpu-private.h"
#include "translate/backend.h"
#include "translate/ir-semantics.h"
#include "translate/translator.h"

enum { DATA = 0x8000 };

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

void add_ir_cases(void)
{
    g_test_add_func("/translate/ir/integer-operations", test_pure);
    g_test_add_func("/translate/ir/narrow-registers", test_narrow);
    g_test_add_func("/translate/ir/calls", test_calls);
    g_test_add_func("/translate/ir/vectors", test_vectors);
    g_test_add_func("/translate/memory/loads", test_loads);
    g_test_add_func("/translate/memory/stores", test_stores);
    g_test_add_func("/translate/memory/atomics", test_atomics);
    g_test_add_func("/translate/fault/crossing-store-writes-nothing",
                    test_crossing_store_faults_whole);
}
