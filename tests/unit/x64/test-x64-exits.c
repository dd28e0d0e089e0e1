/* SPDX-License-Identifier: MIT */
/* Exits to other pages: what a call becomes a jump for, and that requests to stop are seen there. */
#include <string.h>

#include "fake.h"
#include "tenon/internal/ir.h"
#include "translate/ir-info.h"
#include "translate/translator.h"

enum {
    CODE_BYTES = 1 << 20,
    PC = 0x40000000,
    FAR_AWAY = 0x123000,
    MANY = 100,
    COUNTER = 3, /* a register */
    CALL_REL32 = 0xe8,
    JMP_REL32 = 0xe9,
};

static TnIrBuilder builder;

static TnBlock *compile(uint64_t pc, TnBlockForm form)
{
    TnBlock *block = g_new0(TnBlock, 1);

    block->key = (TnBlockKey){ .pc = pc, .address_bits = 64 };
    block->mode_id = 1;
    block->size = 16;
    block->form = form;
    g_assert_true(tn_backend_x86_64.compile(block, builder.ops, builder.n_ops, builder.n_temps));
    return block;
}

/* A block that goes to another page and does nothing else. */
static TnBlock *make_exit(uint64_t to, TnBlockForm form)
{
    tn_ir_begin(&builder, PC, TN_IR_MAX_INSNS);
    tn_ir_insn(&builder, PC, 4);
    tn_ir_exit(&builder, to);
    return compile(PC, form);
}

/* What is there: it counts and leaves. */
static TnBlock *make_target(uint64_t pc)
{
    tn_ir_begin(&builder, pc, TN_IR_MAX_INSNS);
    tn_ir_insn(&builder, pc, 4);
    tn_ir_put(&builder, TN_I64, COUNTER,
              tn_ir_i(&builder, TN_IR_ADDI, TN_I64, tn_ir_get(&builder, TN_I64, COUNTER), 1));
    tn_ir_exit_loop(&builder, pc + 4);
    return compile(pc, TN_FORM_FAST);
}

static void release(TnBlock *block)
{
    tn_backend_x86_64.release(block);
    tn_block_delete_exits(block);
    g_free(block);
}

static uint8_t opcode(const TnBlock *block)
{
    return *(const uint8_t *)block->code;
}

/* Runs the block `times` times: it came to the target each time, or to nothing but the pc. */
static void check_runs(TnCpu *cpu, TnBlock *block, uint64_t to, unsigned times, bool arrives)
{
    FakeState *s = fake_state(cpu);

    for (unsigned i = 0; i < times; i++) {
        s->regs[COUNTER] = 0;
        s->pc = 0;
        g_assert_cmpint(tn_backend_x86_64.run(cpu, block).why, ==, TN_RUN_EXIT_LOOP);
        g_assert_cmpuint(s->regs[COUNTER], ==, arrives);
        g_assert_cmphex(s->pc, ==, arrives ? to + 4 : to);
    }
}

static void check_exit(uint64_t to)
{
    g_autofree TnJumpEntry *jumps = g_new0(TnJumpEntry, TN_JUMP_SIZE);
    TnCpu *cpu = fake_cpu_new();
    TnBlock *block, *target, *other;

    tn_backend_x86_64.flush();
    cpu->jump = jumps;
    block = make_exit(to, TN_FORM_FAST);
    target = make_target(to);
    check_runs(cpu, block, to, MANY, false); /* there is no such block */
    g_assert_cmphex(opcode(block), ==, CALL_REL32);
    fake_next = (TnJumpEntry){ to, target->code };
    atomic_store(&cpu->exit_request, 1);
    check_runs(cpu, block, to, MANY, false);
    g_assert_cmphex(opcode(block), ==, CALL_REL32);
    atomic_store(&cpu->exit_request, 0);
    check_runs(cpu, block, to, MANY, true);
    g_assert_cmphex(opcode(block), ==, JMP_REL32);

    /* The look: a miss, a hit, and a hit where something is requested. */
    check_runs(cpu, block, to, 1, true);
    fake_next.code = NULL;
    check_runs(cpu, block, to, 1, false);
    jumps[tn_jump_index(to)] = (TnJumpEntry){ to, target->code };
    check_runs(cpu, block, to, 1, true);
    atomic_store(&cpu->exit_request, 1);
    check_runs(cpu, block, to, 1, false);
    atomic_store(&cpu->exit_request, 0);

    /* Another exit to the same pc has the look at once. */
    other = make_exit(to, TN_FORM_FAST);
    check_runs(cpu, other, to, 1, true);
    g_assert_cmphex(opcode(other), ==, JMP_REL32);
    check_runs(cpu, other, to, 1, true);
    release(other);
    release(block);
    release(target);
    fake_cpu_free(cpu);
}

static void test_far_exits(void)
{
    check_exit(PC + FAR_AWAY);
    check_exit(PC - FAR_AWAY);
    check_exit(UINT64_C(0xffffffff80001230));
    check_exit(UINT64_C(0x7f0012345678));
}

/* Hot code has the look from the start. */
static void test_hot(void)
{
    TnBlock *block;

    tn_backend_x86_64.flush();
    block = make_exit(PC + FAR_AWAY, TN_FORM_HOT);
    g_assert_cmphex(opcode(block), !=, CALL_REL32);
    release(block);
}

int main(int argc, char **argv)
{
    GError *error = NULL;

    g_test_init(&argc, &argv, NULL);
    tn_backend_x86_64.configure(TN_OPT_ALL & ~(uint32_t)TN_OPT_SITES); /* no timers */
    if (!tn_backend_x86_64.init(&fake_target, CODE_BYTES, &error)) {
        g_test_message("%s", error->message);
        return 77;
    }
    g_test_add_func("/x64/exits/calls-become-looks-that-see-requests", test_far_exits);
    g_test_add_func("/x64/exits/hot-code-looks-at-once", test_hot);
    return g_test_run();
}
