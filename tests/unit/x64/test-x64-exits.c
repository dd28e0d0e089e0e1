/* SPDX-License-Identifier: MIT */
/* Exits: what a call becomes a jump for, that requests to stop are seen there, and that flags come to
 * the next block or the state whatever the way out of an exit says of them. */
#include <string.h>

#include "fake.h"
#include "tenon/internal/ir.h"
#include "translate/backend/x86_64/compile.h"
#include "translate/ir-info.h"
#include "translate/translator.h"

enum {
    CODE_BYTES = 1 << 20,
    PC = 0x40000100,
    FAR_AWAY = 0x123000,
    TAKEN = PC + 0x40, /* on the page */
    NOT_TAKEN = PC + 0x80,
    BEFORE = PC - 0x40,
    MANY = 100,
    COUNTER = 3, /* a register */
    CALL_REL32 = 0xe8,
    JMP_REL32 = 0xe9,
    ADDED = 8,
    PC_BITS = 48,
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

/* ---- A pc in a register ---------------------------------------------------------------------- */

/* The registers that a return has the pc in, and adds to. */
typedef struct Return {
    unsigned pc, stack;
} Return;

static const uint64_t not_canonical = UINT64_C(1) << PC_BITS;

static TnBlock *make_return(const Return *r, TnBlockForm form)
{
    tn_ir_begin(&builder, PC, TN_IR_MAX_INSNS);
    tn_ir_insn(&builder, PC, 4);
    tn_ir_put(&builder, TN_I64, r->stack,
              tn_ir_i(&builder, TN_IR_ADDI, TN_I64, tn_ir_get(&builder, TN_I64, r->stack), ADDED));
    tn_ir_exit_ind_checked(&builder, tn_ir_get(&builder, TN_I64, r->pc), PC_BITS, r->stack, ADDED,
                           PC ^ UINT64_C(1) << 63);
    return compile(PC, form);
}

static void check_return(TnCpu *cpu, TnBlock *block, const Return *r, uint64_t to, bool arrives)
{
    FakeState *s = fake_state(cpu);
    bool right = to != not_canonical;

    s->regs[r->stack] = 1;
    s->regs[r->pc] = to;
    check_runs(cpu, block, right ? to : PC ^ UINT64_C(1) << 63, 1, arrives);
    g_assert_cmphex(s->regs[r->stack], ==, right ? 1 + ADDED : 1);
    g_assert_cmphex(s->regs[r->pc], ==, to);
}

static void set_jump(TnCpu *cpu, uint64_t pc, const TnBlock *block)
{
    cpu->jump[tn_jump_index(pc)] =
        block ? (TnJumpEntry){ pc, block->code } : (TnJumpEntry){ 0, NULL };
}

/* What holds for the shared look and for the exit's own, with nothing in the jump cache. */
static void check_looks(TnCpu *cpu, TnBlock *block, const Return *r, const TnBlock *target)
{
    uint64_t pc = target->key.pc;

    cpu->until_look = MANY;
    check_return(cpu, block, r, pc, false);
    check_return(cpu, block, r, not_canonical, false);
    set_jump(cpu, pc, target);
    check_return(cpu, block, r, pc, true);
    check_return(cpu, block, r, not_canonical, false);
    atomic_store(&cpu->exit_request, 1);
    check_return(cpu, block, r, pc, false);
    check_return(cpu, block, r, not_canonical, false);
    atomic_store(&cpu->exit_request, 0);
    set_jump(cpu, pc, NULL);
    fake_next = (TnJumpEntry){ pc, target->code };
    check_return(cpu, block, r, pc, true);
    fake_next = (TnJumpEntry){ 0, NULL };
}

/* Its turn comes in the look after this: with nothing to go to it stays as it is. */
static void choose(TnCpu *cpu, TnBlock *block, const Return *r, const TnBlock *target)
{
    cpu->until_look = 0;
    check_return(cpu, block, r, target->key.pc, false);
    g_assert_nonnull(block->exits[0].early);
    fake_next = (TnJumpEntry){ target->key.pc, target->code };
    for (unsigned i = 0; i < MANY && block->exits[0].early; i++)
        check_return(cpu, block, r, target->key.pc, true);
    g_assert_null(block->exits[0].early);
    fake_next = (TnJumpEntry){ 0, NULL };
}

/* The first pc is known: the exit gets its own look where the shared one finds nothing. */
static void link_exit(TnCpu *cpu, TnBlock *block, const Return *r, TnBlock *target)
{
    TnBlockExit *x = &block->exits[0];

    x->kind = TN_EXIT_SETTLED;
    x->pc = target->key.pc;
    atomic_store(&x->to, target);
    tn_backend_x86_64.link(block, 0, target);
    g_assert_nonnull(x->early);
    fake_next = (TnJumpEntry){ x->pc, target->code };
    check_return(cpu, block, r, x->pc, true);
    fake_next = (TnJumpEntry){ 0, NULL };
    g_assert_null(x->early);
}

/* While it is linked it needs no look, but sees requests. */
static void check_linked(TnCpu *cpu, TnBlock *block, const Return *r, const TnBlock *target)
{
    check_return(cpu, block, r, target->key.pc, true);
    atomic_store(&cpu->exit_request, 1);
    check_return(cpu, block, r, target->key.pc, false);
    atomic_store(&cpu->exit_request, 0);
    check_return(cpu, block, r, not_canonical, false);
}

static void check_exits_of(const Return *r, uint64_t to, bool linked)
{
    g_autofree TnJumpEntry *jumps = g_new0(TnJumpEntry, TN_JUMP_SIZE);
    TnCpu *cpu = fake_cpu_new();
    TnBlock *block, *target, *other;

    tn_backend_x86_64.flush();
    cpu->jump = jumps;
    block = make_return(r, TN_FORM_FAST);
    target = make_target(to);
    other = make_target(to + FAR_AWAY);
    g_assert_cmpuint(block->n_exits, ==, 1);
    g_assert_cmpint(block->exits[0].kind, ==, TN_EXIT_OPEN);
    check_looks(cpu, block, r, target);
    check_looks(cpu, block, r, other);
    if (linked)
        link_exit(cpu, block, r, target);
    else
        choose(cpu, block, r, target);
    check_looks(cpu, block, r, other);
    if (linked) {
        check_linked(cpu, block, r, target);
        tn_backend_x86_64.unlink(block, 0);
        check_looks(cpu, block, r, target);
        tn_backend_x86_64.link(block, 0, target);
        check_linked(cpu, block, r, target);
    } else {
        check_looks(cpu, block, r, target);
    }
    release(block);
    release(target);
    release(other);
    fake_cpu_free(cpu);
}

/* Pinned registers and others; numbers of 32 bits and more. */
static void test_returns(void)
{
    static const Return returns[] = { { 5, 4 }, { 12, 4 }, { 5, 13 }, { 12, 13 }, { 0, 1 } };

    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(returns); i++) {
        check_exits_of(&returns[i / 2], PC + FAR_AWAY, i % 2);
        check_exits_of(&returns[i / 2], UINT64_C(0x7f0012345678), i % 2);
    }
}

/* ---- Hot code -------------------------------------------------------------------------------- */

/* It has the look from the start. */
static void test_hot(void)
{
    TnBlock *block;

    tn_backend_x86_64.flush();
    block = make_exit(PC + FAR_AWAY, TN_FORM_HOT);
    g_assert_cmphex(opcode(block), !=, CALL_REL32);
    release(block);
    block = make_return(&(Return){ 5, 4 }, TN_FORM_HOT);
    g_assert_nonnull(block->exits[0].patch);
    release(block);
}

/* ---- Flags ----------------------------------------------------------------------------------- */

enum { FIRST, SECOND }; /* registers with the operands */

/* Makes flags of two registers, and where those say "zero" goes to the one pc, else to the other. */
static TnBlock *make_branch(TnFlagOp fop, unsigned size_log2, uint64_t taken, uint64_t not_taken,
                            TnBlockForm form)
{
    TnTemp a, b, flags;

    tn_ir_begin(&builder, PC, TN_IR_MAX_INSNS);
    tn_ir_insn(&builder, PC, 4);
    a = tn_ir_get(&builder, TN_I64, FIRST);
    b = tn_ir_get(&builder, TN_I64, SECOND);
    if (fop == TN_FLAGS_LOGIC)
        a = tn_ir_op(&builder, TN_IR_AND, TN_I64, a, b, 0, 0, 0);
    flags = tn_ir_flags(&builder, fop, size_log2, a, fop == TN_FLAGS_LOGIC ? TN_TEMP_NONE : b,
                        tn_ir_get(&builder, TN_I32, FAKE_FLAGS));
    tn_ir_put(&builder, TN_I32, FAKE_FLAGS, flags);
    tn_ir_exit_if(&builder, tn_ir_flagcond(&builder, TN_FC_Z, flags), taken);
    tn_ir_exit(&builder, not_taken);
    return compile(PC, form);
}

static uint32_t flags_of(const FakeState *s, TnFlagOp fop, unsigned size_log2)
{
    uint64_t a = s->regs[FIRST], b = s->regs[SECOND];

    return tn_flags_eval(fop, size_log2, fop == TN_FLAGS_LOGIC ? a & b : a, b, TN_FLAGS_ALL);
}

static void run_branch(TnCpu *cpu, TnBlock *block, bool arrives, TnRunExit why)
{
    fake_state(cpu)->flags = TN_FLAGS_ALL;
    fake_state(cpu)->regs[COUNTER] = 0;
    g_assert_cmpint(tn_backend_x86_64.run(cpu, block).why, ==, why);
    g_assert_cmpuint(fake_state(cpu)->regs[COUNTER], ==, arrives);
}

static unsigned exit_to(const TnBlock *block, uint64_t pc)
{
    unsigned i = 0;

    while (block->exits[i].pc != pc)
        g_assert_cmpuint(++i, <, block->n_exits);
    return i;
}

/* The exit to pc is taken: on its own, linked to a block that passes the flags on, and on its own
 * again. */
static void check_branch(TnCpu *cpu, TnBlock *block, uint64_t pc, uint32_t flags)
{
    unsigned i = exit_to(block, pc);
    TnBlock *target = make_target(pc);

    for (unsigned round = 0; round < 3; round++) {
        run_branch(cpu, block, false, TN_RUN_EXIT_DIRECT);
        g_assert_cmphex(fake_state(cpu)->pc, ==, pc);
        g_assert_cmphex(fake_state(cpu)->flags, ==, flags);
        tn_backend_x86_64.link(block, i, target);
        run_branch(cpu, block, true, TN_RUN_EXIT_LOOP);
        g_assert_cmphex(fake_state(cpu)->flags, ==, flags);
        tn_backend_x86_64.unlink(block, i);
    }
    release(target);
}

static void check_operands(TnCpu *cpu, TnFlagOp fop, unsigned size_log2, TnBlockForm form)
{
    static const uint64_t of[] = { 0, 1, 0x7f, 0x80, 0x8000, 0x7fffffff, INT64_MAX, UINT64_MAX };
    FakeState *s = fake_state(cpu);

    for (unsigned i = 0; i < G_N_ELEMENTS(of) * G_N_ELEMENTS(of); i++) {
        TnBlock *block;
        uint32_t flags;

        tn_backend_x86_64.flush();
        block = make_branch(fop, size_log2, TAKEN, NOT_TAKEN, form);
        s->regs[FIRST] = of[i / G_N_ELEMENTS(of)];
        s->regs[SECOND] = of[i % G_N_ELEMENTS(of)];
        g_assert_cmpuint(block->n_exits, ==, 2);
        for (unsigned k = 0; k < 2 && form == TN_FORM_FAST; k++)
            g_assert_true(x64_exit_in_host(block->exits[k].flags));
        flags = flags_of(s, fop, size_log2);
        check_branch(cpu, block, flags & TN_FLAG_Z ? TAKEN : NOT_TAKEN, flags);
        release(block);
    }
}

static void test_flags(void)
{
    static const TnFlagOp fops[] = { TN_FLAGS_ADD, TN_FLAGS_SUB, TN_FLAGS_LOGIC };
    TnCpu *cpu = fake_cpu_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(fops); i++) {
        for (unsigned size_log2 = 0; size_log2 <= 3; size_log2++) {
            check_operands(cpu, fops[i], size_log2, TN_FORM_FAST);
            check_operands(cpu, fops[i], size_log2, TN_FORM_HOT);
        }
    }
    fake_cpu_free(cpu);
}

/* A short call in the block's code by the vCPU's pointer. */
static uint8_t *find_call(const TnBlock *block)
{
    static const uint8_t call[] = { 0xff, 0x55 };

    return memmem(block->code, block->code_size, call, sizeof(call));
}

/* Who has come to a call that has become a jump meanwhile goes to the jump. */
static void check_late_comer(TnCpu *cpu, uint8_t *call)
{
    const void *code;

    g_assert_cmphex(*call, ==, JMP_REL32);
    code = x64_next_far_noted(cpu, NULL, call + X64_CALL_SHORT);
    g_assert_true(code == call);
}

/* Both ways of a branch lead to other pages. */
static void check_far_flags(TnCpu *cpu, TnFlagOp fop, uint64_t a, uint64_t b)
{
    FakeState *s = fake_state(cpu);
    TnBlock *block, *target;
    uint8_t *call;
    uint32_t flags;
    uint64_t to;

    tn_backend_x86_64.flush();
    block = make_branch(fop, 3, PC + FAR_AWAY, PC + 2 * FAR_AWAY, TN_FORM_FAST);
    s->regs[FIRST] = a;
    s->regs[SECOND] = b;
    flags = flags_of(s, fop, 3);
    call = flags & TN_FLAG_Z ? NULL : find_call(block);
    to = PC + (flags & TN_FLAG_Z ? 1 : 2) * FAR_AWAY;
    target = make_target(to);
    for (unsigned i = 0; i < MANY; i++) {
        fake_next = (TnJumpEntry){ to, i % 2 ? target->code : NULL };
        run_branch(cpu, block, i % 2, TN_RUN_EXIT_LOOP);
        g_assert_cmphex(s->pc, ==, i % 2 ? to + 4 : to);
        g_assert_cmphex(s->flags, ==, flags);
    }
    if (fop == TN_FLAGS_ADD || fop == TN_FLAGS_SUB || fop == TN_FLAGS_LOGIC)
        g_assert_true((flags & TN_FLAG_Z) || call);
    if (call)
        check_late_comer(cpu, call);
    release(block);
    release(target);
}

static void test_far_flags(void)
{
    g_autofree TnJumpEntry *jumps = g_new0(TnJumpEntry, TN_JUMP_SIZE);
    TnCpu *cpu = fake_cpu_new();

    cpu->jump = jumps;
    for (unsigned fop = 0; fop <= TN_FLAGS_DEC; fop++) {
        check_far_flags(cpu, fop, 3, 4);
        check_far_flags(cpu, fop, 4, 4);
        check_far_flags(cpu, fop, 1, UINT64_MAX);
    }
    fake_cpu_free(cpu);
}

/* What is above AX says nothing. */
static void test_packing(void)
{
    enum { AH = 0xd7, ANYTHING = 0x7fff << 16 }; /* all that LAHF has set */
    uint32_t flags = TN_FLAGS_ALL & ~(uint32_t)TN_FLAG_O;

    g_assert_cmphex(x64_pack_host_flags(ANYTHING | AH << 8, false), ==, flags);
    g_assert_cmphex(x64_pack_host_flags(ANYTHING | 1, false), ==, TN_FLAG_O);
    g_assert_cmphex(x64_pack_host_flags(ANYTHING | AH << 8 | 1, true), ==,
                    TN_FLAG_S | TN_FLAG_Z | TN_FLAG_P);
}

/* An exit forwards is a call where it is not linked, and the jump where it is. */
static void test_in_place(void)
{
    TnCpu *cpu = fake_cpu_new();
    TnBlock *block, *target;

    tn_backend_x86_64.flush();
    block = make_exit(NOT_TAKEN, TN_FORM_FAST);
    target = make_target(NOT_TAKEN);
    for (unsigned round = 0; round < 2; round++) {
        g_assert_cmphex(opcode(block), ==, CALL_REL32);
        run_branch(cpu, block, false, TN_RUN_EXIT_DIRECT);
        g_assert_cmphex(fake_state(cpu)->pc, ==, NOT_TAKEN);
        tn_backend_x86_64.link(block, 0, target);
        g_assert_cmphex(opcode(block), ==, JMP_REL32);
        run_branch(cpu, block, true, TN_RUN_EXIT_LOOP);
        tn_backend_x86_64.unlink(block, 0);
    }
    release(block);
    release(target);
    fake_cpu_free(cpu);
}

/* A branch backwards is linked: it leaves all the same where something is requested. */
static void test_backwards(void)
{
    TnCpu *cpu = fake_cpu_new();
    FakeState *s = fake_state(cpu);
    TnBlock *block, *target;

    tn_backend_x86_64.flush();
    s->regs[FIRST] = s->regs[SECOND] = 7;
    block = make_branch(TN_FLAGS_SUB, 3, BEFORE, NOT_TAKEN, TN_FORM_FAST);
    target = make_target(BEFORE);
    check_branch(cpu, block, BEFORE, TN_FLAG_Z | TN_FLAG_P);
    tn_backend_x86_64.link(block, exit_to(block, BEFORE), target);
    atomic_store(&cpu->exit_request, 1);
    run_branch(cpu, block, false, TN_RUN_EXIT_DIRECT);
    g_assert_cmphex(s->pc, ==, BEFORE);
    g_assert_cmphex(s->flags, ==, TN_FLAG_Z | TN_FLAG_P);
    atomic_store(&cpu->exit_request, 0);
    run_branch(cpu, block, true, TN_RUN_EXIT_LOOP);
    release(block);
    release(target);
    fake_cpu_free(cpu);
}

int main(int argc, char **argv)
{
    GError *error = NULL;

    g_test_init(&argc, &argv, NULL);
    tn_backend_x86_64.configure(TN_OPT_ALL & ~(uint32_t)TN_OPT_SITES); /* no timers */
    if (!tn_backend_x86_64.init(&fake_target, CODE_BYTES, TN_SPLIT_WX_AUTO, &error)) {
        g_test_message("%s", error->message);
        return 77;
    }
    g_test_add_func("/x64/exits/calls-become-looks-that-see-requests", test_far_exits);
    g_test_add_func("/x64/exits/returns-share-a-look-until-they-get-their-own", test_returns);
    g_test_add_func("/x64/exits/hot-code-looks-at-once", test_hot);
    g_test_add_func("/x64/exits/flags-are-there-linked-or-not", test_flags);
    g_test_add_func("/x64/exits/flags-go-to-other-pages", test_far_flags);
    g_test_add_func("/x64/exits/calls-become-the-jumps-of-links", test_in_place);
    g_test_add_func("/x64/exits/host-flags-are-packed-without-what-is-above", test_packing);
    g_test_add_func("/x64/exits/requests-are-seen-on-the-way-back", test_backwards);
    return g_test_run();
}
