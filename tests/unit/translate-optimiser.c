/* SPDX-License-Identifier: MIT */
/* What the checker of the IR refuses and what the optimiser leaves: translate-cases.h. */
#include <string.h>

#include "translate-cases.h"
#include "mini-target.h"
#include "cpu/cpu-private.h"
#include "translate/ir-info.h"
#include "translate/translator.h"

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

void add_optimiser_cases(void)
{
    g_test_add_func("/translate/ir/checker-refuses", test_checker);
    g_test_add_func("/translate/optimise/overwritten-flags-go", test_overwritten_flags_go);
    g_test_add_func("/translate/optimise/faults-keep-registers", test_faults_keep_registers);
    g_test_add_func("/translate/optimise/certain-exits", test_certain_exits);
}
