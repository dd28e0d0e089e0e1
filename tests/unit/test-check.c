/* SPDX-License-Identifier: MIT */
/* The checking mode on a made-up processor: what it finds, what it puts back, what it leaves alone. */
#include <string.h>

#include "mini-target.h"
#include "translate/check.h"

enum { DATA = 0x8000, NEXT_PC = 16 };

static uint64_t pc = 0x20000;

static void emit_stop(TnIrBuilder *b)
{
    tn_ir_call_void(b, MINI_HELPER_HALT, 0, 0, 0, 0);
    tn_ir_exit_state(b);
}

static void run(void (*emit)(TnIrBuilder *b))
{
    mini_emit = emit;
    mini_run(pc);
    pc += NEXT_PC;
    mini_emit = NULL;
}

/* A number of the statistics. */
static uint64_t counted(const char *name)
{
    g_autoptr(GString) text = g_string_new(NULL);
    tn_check_text(text);
    const char *at = strstr(text->str, name);
    g_assert_nonnull(at);
    return g_ascii_strtoull(at + strlen(name) + 2, NULL, 10);
}

/* Adds to memory and to registers: done twice, it would show. */
static void emit_add(TnIrBuilder *b)
{
    TnTemp at = tn_ir_const(b, TN_I64, DATA);
    TnTemp sum = tn_ir_i(b, TN_IR_ADDI, TN_I64, tn_ir_ld(b, TN_I64, at, 0, 0), 5);
    tn_ir_st(b, TN_I64, at, 0, sum, 0);
    tn_ir_atomic_rmw(b, TN_I64, TN_ATOMIC_ADD, tn_ir_const(b, TN_I64, DATA + 8), sum, 0);
    tn_ir_call_void(b, MINI_HELPER_COUNT, 0, 0, 0, 0);
    emit_stop(b);
}

static void test_first_run_leaves_nothing(void)
{
    uint64_t memory[2] = { 10, 100 }, before = counted("block runs compared");

    memcpy(mini_ram + DATA, memory, sizeof(memory));
    mini_state()->regs[7] = 1;
    run(emit_add);
    memcpy(memory, mini_ram + DATA, sizeof(memory));
    g_assert_cmpuint(memory[0], ==, 15);
    g_assert_cmpuint(memory[1], ==, 115);
    g_assert_cmpuint(mini_state()->regs[7], ==, 2);
    g_assert_cmpuint(counted("block runs compared"), ==, before + 1);
}

static void emit_fault(TnIrBuilder *b)
{
    tn_ir_put(b, TN_I64, 1, tn_ir_const(b, TN_I64, 77));
    tn_ir_ld(b, TN_I64, tn_ir_const(b, TN_I64, MINI_HOLE), 0, 0);
    emit_stop(b);
}

static void test_faults_are_compared(void)
{
    uint64_t before = counted("ended by a fault");

    mini_state()->faults = 0;
    run(emit_fault);
    g_assert_cmpuint(mini_state()->faults, ==, 1);
    g_assert_cmpuint(mini_state()->regs[1], ==, 77);
    g_assert_cmpuint(counted("ended by a fault"), ==, before + 1);
}

static void emit_tick_once(TnIrBuilder *b)
{
    tn_ir_put(b, TN_I64, 1, tn_ir_call(b, MINI_HELPER_TICK_ONCE, 0, 0, 0, 0));
    emit_stop(b);
}

static void test_once_is_once(void)
{
    uint64_t before = counted("cannot be done twice");

    mini_ticks = 40;
    run(emit_tick_once);
    g_assert_cmpuint(mini_state()->regs[1], ==, 41);
    g_assert_cmpuint(mini_ticks, ==, 41);
    g_assert_cmpuint(counted("cannot be done twice"), ==, before + 1);
}

/* A helper that does not tell that it is different every time. */
static void emit_tick(TnIrBuilder *b)
{
    TnTemp tick = tn_ir_call(b, MINI_HELPER_TICK, 0, 0, 0, 0);
    tn_ir_put(b, TN_I64, 1, tick);
    tn_ir_st(b, TN_I64, tn_ir_const(b, TN_I64, DATA), 0, tick, 0);
    emit_stop(b);
}

static void test_difference_is_told(void)
{
    if (g_test_subprocess()) {
        mini_ticks = 0;
        run(emit_tick);
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDOUT);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*differ in the block at 0x20000*"
                              "r1 *interpreter 01 00*host code 02 00*"
                              "store 0 of 8 bytes: interpreter 01 00*host code 02 00*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!mini_start("check"))
        return 77;
    g_test_add_func("/check/first-run-leaves-nothing", test_first_run_leaves_nothing);
    g_test_add_func("/check/faults-are-compared", test_faults_are_compared);
    g_test_add_func("/check/once-is-once", test_once_is_once);
    g_test_add_func("/check/difference-is-told", test_difference_is_told);
    return g_test_run();
}
