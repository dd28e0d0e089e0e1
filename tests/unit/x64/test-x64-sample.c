/* SPDX-License-Identifier: MIT */
/* What is noted of blocks while they run, and looked at later: they may be gone by then. */
#include "fake.h"
#include "tenon/internal/ir.h"
#include "translate/backend/x86_64/notes.h"
#include "translate/backend/x86_64/slow.h"
#include "translate/backend/x86_64/thunks.h"
#include "translate/translator.h"

enum {
    CODE_BYTES = 1 << 20,
    PC = 0x40000000,
    MANY = 1000, /* edges met: more than are bad */
};

static TnIrBuilder builder;

static void meet(TnBlock *block, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        x64_met_edge(block, X64_EDGE_MET);
}

/* How many blocks are to be made anew by what was met. */
static unsigned looked(TnCpu *cpu)
{
    unsigned before = fake_remade;

    x64_sampled(cpu);
    return fake_remade - before;
}

static void test_edges(void)
{
    TnCpu *cpu = fake_cpu_new();
    TnBlock block = { .form = TN_FORM_HOT }, apart = { .form = TN_FORM_APART };

    meet(&block, MANY);
    g_assert_cmpuint(looked(cpu), ==, 1);
    g_assert_cmpuint(looked(cpu), ==, 0);
    meet(&apart, MANY);
    g_assert_cmpuint(looked(cpu), ==, 0);
    fake_cpu_free(cpu);
}

static void test_edges_of_flushed(void)
{
    TnCpu *cpu = fake_cpu_new();
    TnBlock block = { .form = TN_FORM_FAST };

    meet(&block, MANY);
    tn_translator.n_flushes++;
    g_assert_cmpuint(looked(cpu), ==, 0);

    /* What another block met in the same place does not count for the one that is there now. */
    meet(&block, MANY);
    tn_translator.n_flushes++;
    meet(&block, 1);
    g_assert_cmpuint(looked(cpu), ==, 0);
    meet(&block, MANY);
    g_assert_cmpuint(looked(cpu), ==, 1);
    fake_cpu_free(cpu);
}

static void test_edges_of_one_that_runs_once(void)
{
    TnCpu *cpu = fake_cpu_new();
    TnBlock block = { .phys = { UINT64_MAX, UINT64_MAX } };

    meet(&block, MANY);
    g_assert_cmpuint(looked(cpu), ==, 0);
    fake_cpu_free(cpu);
}

static void meet_odd(TnCpu *cpu, TnBlock *block)
{
    atomic_store(&cpu->exit_request, 0);
    for (unsigned i = 0; i < MANY; i++)
        x64_met_odd(cpu, block);
}

static void test_odd(void)
{
    TnCpu *cpu = fake_cpu_new();
    TnBlock first = { .form = TN_FORM_FAST }, hot = { .form = TN_FORM_HOT };

    meet_odd(cpu, &first);
    g_assert_true(atomic_load(&cpu->exit_request));
    g_assert_cmpuint(looked(cpu), ==, 1);
    g_assert_cmpint(fake_remade_form, ==, TN_FORM_HOT);
    meet_odd(cpu, &hot);
    g_assert_false(atomic_load(&cpu->exit_request));
    g_assert_cmpuint(looked(cpu), ==, 0);
    fake_cpu_free(cpu);
}

/* What is never made anew for it must not leave odd accesses to slow paths. */
static void test_becoming_hot(void)
{
    static const uint8_t bytes[4];
    TnBlock block = { .form = TN_FORM_FAST, .bytes = bytes };
    TnBlock once = block, late = block, hot = block, unknown = block;

    once.phys[0] = UINT64_MAX;
    late.n_late = 1;
    hot.form = TN_FORM_HOT;
    unknown.bytes = NULL;
    g_assert_true(x64_may_become_hot(&block));
    g_assert_false(x64_may_become_hot(&once));
    g_assert_false(x64_may_become_hot(&late));
    g_assert_false(x64_may_become_hot(&hot));
    g_assert_false(x64_may_become_hot(&unknown));
}

static TnBlock *compile(void)
{
    TnBlock *block = g_new0(TnBlock, 1);

    block->key = (TnBlockKey){ .pc = PC, .address_bits = 64 };
    block->mode_id = 1;
    block->size = 4;
    tn_ir_begin(&builder, PC, TN_IR_MAX_INSNS);
    tn_ir_insn(&builder, PC, 4);
    tn_ir_exit_loop(&builder, PC + 4);
    g_assert_true(tn_backend_x86_64.compile(block, builder.ops, builder.n_ops, builder.n_temps));
    return block;
}

static void test_code_of_released(void)
{
    TnBlock *first = compile(), *second = compile();
    const void *code = first->code;

    g_assert_true(x64_block_at(code) == first);
    tn_backend_x86_64.release(first);
    g_assert_null(x64_block_at(code));
    g_assert_true(x64_block_at(second->code) == second);
    tn_backend_x86_64.release(second);
    g_free(first);
    g_free(second);
}

int main(int argc, char **argv)
{
    GError *error = NULL;

    g_test_init(&argc, &argv, NULL);
    tn_backend_x86_64.configure(TN_OPT_ALL);
    if (!tn_backend_x86_64.init(&fake_target, CODE_BYTES, TN_SPLIT_WX_AUTO, &error)) {
        g_test_message("%s", error->message);
        return 77;
    }
    g_test_add_func("/x64/sample/edges-met-often-make-a-block-anew", test_edges);
    g_test_add_func("/x64/sample/edges-are-forgotten-with-a-flush", test_edges_of_flushed);
    g_test_add_func("/x64/sample/edges-of-what-runs-once", test_edges_of_one_that_runs_once);
    g_test_add_func("/x64/sample/odd-accesses-make-a-first-form-hot", test_odd);
    g_test_add_func("/x64/sample/what-may-become-hot", test_becoming_hot);
    g_test_add_func("/x64/sample/code-of-a-released-block-is-nobodys", test_code_of_released);
    return g_test_run();
}
