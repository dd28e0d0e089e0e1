/* SPDX-License-Identifier: MIT */
/*
 * The x86-64 back end against the interpreter: random blocks over every operation, type and register
 * pressure run in both from the same state; registers, state, memory, the slow path's calls and the
 * way out must agree.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <string.h>

#include "translate/backend/x86_64/code-buffer.h"
#include "translate/backend/x86_64/target.h"
#include "translate/ir-info.h"
#include "translate/translator.h"
#include "generate.h"

enum { CODE_BYTES = 64 << 20 };

/* ---- Running ---------------------------------------------------------------------------------- */

typedef struct Outcome {
    bool faulted;
    TnRunExit why;
} Outcome;

static Outcome run(const TnBackend *backend, TnCpu *cpu, TnBlock *block)
{
    sigjmp_buf unwind;
    volatile Outcome o = { .faulted = true };

    cpu->unwind = &unwind;
    if (sigsetjmp(unwind, 0) == 0) {
        TnRunResult r = backend->run(cpu, block);

        o.faulted = false;
        /* How an unlinked exit is reported is the back end's business. */
        o.why = r.why == TN_RUN_EXIT_DIRECT ? TN_RUN_EXIT_LOOP : r.why;
    }
    if (o.faulted && backend->unwound)
        backend->unwound(cpu);
    return (Outcome){ o.faulted, o.why };
}

static TnBlockForm form; /* of the program at hand */
static bool aligned;     /* its accesses are expected to be aligned: it can be made anew */
static const uint8_t code_bytes[256]; /* it is said to be made from */
static uint64_t moving;  /* which of its windows it moves */

static TnBlock *compile(const TnBackend *backend, const TnIrBuilder *b, TnBlock *next)
{
    TnBlock *block = g_new0(TnBlock, 1);

    block->key = (TnBlockKey){ .pc = next ? BLOCK_PC : NEXT_PC, .address_bits = 64 };
    block->mode_id = 1;
    block->size = sizeof(code_bytes);
    block->form = form;
    block->bytes = aligned ? code_bytes : NULL;
    block->moving = moving;
    if (!backend->compile(block, b->ops, b->n_ops, b->n_temps))
        g_error("out of code memory");
    for (uint32_t i = 0; i < block->n_exits; i++) {
        TnBlockExit *e = &block->exits[i];

        if (e->kind == TN_EXIT_OPEN && block->code_size % 2) {
            e->kind = TN_EXIT_SETTLED;
            backend->unlink(block, i);
        } else if (next && e->pc == NEXT_PC) {
            atomic_store(&e->to, next);
            backend->link(block, i, next);
        }
    }
    return block;
}

static void release(const TnBackend *backend, TnBlock *block)
{
    backend->release(block);
    tn_block_delete_exits(block);
    g_free(block);
}

static void explain(Gen *g, const TnBlock *block, TnCpu *x, TnCpu *y)
{
    g_autoptr(GString) text = g_string_new("IR:\n");
    const FakeState *sx = fake_state(x), *sy = fake_state(y);

    tn_ir_dump(&fake_target, g->b.ops, g->b.n_ops, text);
    g_string_append(text, "code:\n");
    tn_backend_x86_64.dump(block, text);
    for (int i = 0; i < FAKE_GPRS; i++)
        if (sx->regs[i] != sy->regs[i])
            g_string_append_printf(text, "r%d: interp %016" PRIx64 " x86_64 %016" PRIx64 "\n", i,
                                   sx->regs[i], sy->regs[i]);
    if (sx->flags != sy->flags)
        g_string_append_printf(text, "flags: interp %x x86_64 %x\n", sx->flags, sy->flags);
    if (sx->pc != sy->pc)
        g_string_append_printf(text, "pc: interp %" PRIx64 " x86_64 %" PRIx64 "\n", sx->pc, sy->pc);
    if (sx->mxcsr != sy->mxcsr)
        g_string_append_printf(text, "mxcsr: interp %x x86_64 %x\n", sx->mxcsr, sy->mxcsr);
    for (int i = 0; i < FAKE_VECTORS; i++)
        if (memcmp(sx->vec[i], sy->vec[i], 32))
            g_string_append_printf(text, "vec %d differs\n", i);
    if (memcmp(sx->env, sy->env, FAKE_ENV_BYTES))
        g_string_append(text, "env differs\n");
    for (unsigned i = 0; i < FAKE_PAGES * TN_PAGE_SIZE; i++)
        if (fake_memory(x)[i] != fake_memory(y)[i])
            g_string_append_printf(text, "memory at %x: interp %02x x86_64 %02x\n", i, fake_memory(x)[i],
                                   fake_memory(y)[i]);
    if (fake_log(x) != fake_log(y))
        g_string_append(text, "slow path calls differ\n");
    g_test_message("%s", text->str);
}

static bool same(const Outcome *a, const Outcome *b, TnCpu *x, TnCpu *y)
{
    return a->faulted == b->faulted && (a->faulted || a->why == b->why) &&
           (!a->faulted || x->fault_pc == y->fault_pc) &&
           !memcmp(fake_state(x), fake_state(y), sizeof(FakeState)) &&
           !memcmp(fake_memory(x), fake_memory(y), FAKE_PAGES * TN_PAGE_SIZE) &&
           fake_log(x) == fake_log(y);
}

/* vCPUs: what both start from, the interpreter's, the back end's. */
typedef struct Rig {
    TnCpu *origin, *x, *y;
    TnBlock *next[2]; /* the block that exits to NEXT_PC are linked to, of either back end */
    GString *next_ir;
    GArray *next_ops; /* TnIrOp, and how many temporaries they have */
    unsigned next_temps;
    bool empty_tlb;   /* the back end starts with nothing in its TLB */
    uint64_t left;    /* how often it left a block in the middle */
} Rig;

/* An operation after which an instruction cannot begin again. */
static bool has_effect(const TnIrOp *op)
{
    if (op->opc == TN_IR_LD || op->opc == TN_IR_ST)
        return true;
    return !tn_ir_is(op, TN_IRF_PURE) && !tn_ir_is(op, TN_IRF_READS) && op->opc != TN_IR_PUT &&
           op->opc != TN_IR_CLEAR_UPPER && op->opc != TN_IR_INSN && op->opc != TN_IR_EXIT_IF;
}

/* The program as far as the first effect of the instruction at pc, for the interpreter. */
static TnBlock *compile_until(const TnIrOp *ops, unsigned n_ops, unsigned n_temps, uint64_t pc,
                              TnBlock *next)
{
    g_autofree TnIrOp *copy = g_memdup2(ops, n_ops * sizeof(*ops));
    TnIrBuilder b = { .ops = copy, .n_temps = n_temps };
    unsigned i = 0;

    while (pc != BLOCK_PC && pc != NEXT_PC && !(copy[i].opc == TN_IR_INSN && copy[i].imm == pc))
        i++;
    while (!has_effect(&copy[i]))
        i++;
    copy[i] = (TnIrOp){ .opc = TN_IR_EXIT_LOOP, .imm = pc };
    b.n_ops = i + 1;
    return compile(&tn_backend_interp, &b, next);
}

/* The back end left one of the blocks in the middle: what it did is what is before. */
static Outcome run_until(Gen *g, Rig *r, bool in_next)
{
    uint64_t pc = fake_state(r->y)->pc;
    TnBlock *next = r->next[0], *block;
    Outcome o;

    r->left++;
    if (in_next) {
        next = compile_until((const TnIrOp *)(void *)r->next_ops->data, r->next_ops->len,
                             r->next_temps, pc, NULL);
        block = compile(&tn_backend_interp, &g->b, next);
    } else {
        block = compile_until(g->b.ops, g->b.n_ops, g->b.n_temps, pc, next);
    }
    o = run(&tn_backend_interp, r->x, block);
    release(&tn_backend_interp, block);
    if (in_next)
        release(&tn_backend_interp, next);
    return o;
}

static bool agree(Gen *g, Rig *r, TnBlock *blocks[2])
{
    fake_cpu_copy(r->x, r->origin);
    fake_cpu_copy(r->y, r->origin);

    if (r->empty_tlb)
        fake_empty_tlb(r->y);
    Outcome b = run(&tn_backend_x86_64, r->y, blocks[1]), a;

    if (!b.faulted && b.why == TN_RUN_EXIT_TAIL) {
        a = run_until(g, r, fake_left() == r->next[1]);
        b.why = TN_RUN_EXIT_LOOP;
    } else {
        a = run(&tn_backend_interp, r->x, blocks[0]);
    }
    return same(&a, &b, r->x, r->y);
}

static bool compile_and_agree(Gen *g, Rig *r)
{
    TnBlock *blocks[2] = { compile(&tn_backend_interp, &g->b, r->next[0]),
                           compile(&tn_backend_x86_64, &g->b, r->next[1]) };
    bool ok = agree(g, r, blocks);

    release(&tn_backend_interp, blocks[0]);
    release(&tn_backend_x86_64, blocks[1]);
    return ok;
}

/* Leaves out what the difference does not need. */
static void reduce(Gen *g, Rig *r)
{
    for (unsigned i = g->b.n_ops - 1; i-- > 0;) {
        TnIrOp op = g->b.ops[i];

        memmove(&g->b.ops[i], &g->b.ops[i + 1], (g->b.n_ops - i - 1) * sizeof(op));
        g->b.n_ops--;
        g_autofree char *fault = tn_ir_check(&fake_target, g->b.ops, g->b.n_ops, g->b.n_temps);
        if (!fault && !compile_and_agree(g, r))
            continue;
        memmove(&g->b.ops[i + 1], &g->b.ops[i], (g->b.n_ops - i) * sizeof(op));
        g->b.ops[i] = op;
        g->b.n_ops++;
    }
}

/* Ends the block after the first operation whose result differs, where one does. */
static void cut(Gen *g, Rig *r)
{
    unsigned n_ops = g->b.n_ops;
    TnIrOp next[2];

    for (unsigned i = 0; i + 2 < n_ops; i++) {
        const TnIrOp *op = &g->b.ops[i];
        bool vector = tn_ir_type_is_vector(op->type);

        if (!op->dst)
            continue;
        memcpy(next, op + 1, sizeof(next));
        g->b.n_ops = i + 1;
        tn_ir_stenv(&g->b, vector ? op->type : TN_I64,
                    vector ? offsetof(FakeState, vec) : offsetof(FakeState, env), op->dst);
        tn_ir_exit_state(&g->b);
        if (!compile_and_agree(g, r))
            return;
        memcpy(&g->b.ops[i + 1], next, sizeof(next));
        g->b.n_ops = n_ops;
    }
}

static void fail(Gen *g, Rig *r)
{
    TnBlock *blocks[2];

    reduce(g, r);
    cut(g, r);
    reduce(g, r);
    blocks[0] = compile(&tn_backend_interp, &g->b, r->next[0]);
    blocks[1] = compile(&tn_backend_x86_64, &g->b, r->next[1]);
    agree(g, r, blocks);
    g_test_message("the next block:\n%s", r->next_ir->str);
    explain(g, blocks[1], r->x, r->y);
    g_error("the back ends differ");
}

/* Forms that the host lacks go to their fallbacks, integer operations to longer sequences. */
static void lesser_host(Gen *g)
{
    bool *const features[] = { &x64_host.bmi1, &x64_host.bmi2, &x64_host.lzcnt, &x64_host.fma,
                               &x64_host.sha, &x64_host.avx2, &x64_host.sse41,
                               &x64_host.pext };

    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++)
        *features[i] = *features[i] && one_in(g, 2);
}

static void run_one(Gen *g, Rig *r, unsigned n_ops, unsigned n_states)
{
    tn_backend_x86_64.flush();
    /* Mostly as it is used; sometimes with switches off, sometimes on a lesser host. */
    tn_backend_x86_64.configure(one_in(g, 3) ? g_rand_int(g->rand) : UINT32_MAX);
    x64_host_init();
    if (one_in(g, 3))
        lesser_host(g);
    form = (TnBlockForm)below(g, TN_FORM_TAIL + 1);
    aligned = one_in(g, 2);
    moving = below(g, 2) ? UINT64_MAX : 0;
    r->empty_tlb = one_in(g, 3);
    gen_program(g, n_ops);
    tn_ir_dump(&fake_target, g->b.ops, g->b.n_ops, g_string_truncate(r->next_ir, 0));
    r->next[0] = compile(&tn_backend_interp, &g->b, NULL);
    r->next[1] = compile(&tn_backend_x86_64, &g->b, NULL);
    g_array_set_size(r->next_ops, 0);
    g_array_append_vals(r->next_ops, g->b.ops, g->b.n_ops);
    r->next_temps = g->b.n_temps;
    gen_program(g, n_ops);
    g_autofree char *fault = tn_ir_check(&fake_target, g->b.ops, g->b.n_ops, g->b.n_temps);
    g_assert_cmpstr(fault, ==, NULL);

    TnBlock *blocks[2] = { compile(&tn_backend_interp, &g->b, r->next[0]),
                           compile(&tn_backend_x86_64, &g->b, r->next[1]) };

    for (unsigned i = 0; i < n_states; i++) {
        fake_cpu_fill(r->origin, g->rand);
        if (!agree(g, r, blocks))
            fail(g, r);
    }
    for (unsigned k = 0; k < 2; k++) {
        release(k ? &tn_backend_x86_64 : &tn_backend_interp, blocks[k]);
        release(k ? &tn_backend_x86_64 : &tn_backend_interp, r->next[k]);
    }
}

/* Gives how often blocks were left in the middle. */
static uint64_t run_many(unsigned programs, unsigned min_ops, unsigned max_ops)
{
    static Gen g;
    Rig rig = { .origin = fake_cpu_new(), .x = fake_cpu_new(), .y = fake_cpu_new(),
                .next_ir = g_string_new(NULL),
                .next_ops = g_array_new(false, false, sizeof(TnIrOp)) };
    const char *seed = g_getenv("X64_SEED");
    uint32_t first = seed ? (uint32_t)g_ascii_strtoull(seed, NULL, 0) : 1;

    if (seed)
        programs = 1;
    for (uint32_t i = first; i < first + programs; i++) {
        g.rand = g_rand_new_with_seed(i * 1000 + max_ops);
        g_test_message("seed %u", i);
        run_one(&g, &rig, min_ops + below(&g, max_ops - min_ops), 3);
        g_rand_free(g.rand);
    }
    fake_cpu_free(rig.origin);
    fake_cpu_free(rig.x);
    fake_cpu_free(rig.y);
    g_string_free(rig.next_ir, TRUE);
    g_array_free(rig.next_ops, TRUE);
    tn_ir_clear(&g.b);
    return rig.left;
}

static void test_short(void)
{
    uint64_t left = run_many(g_test_thorough() ? 100000 : 4000, 8, 30);

    g_assert_true(g_getenv("X64_SEED") || left > 0);
}

static void test_medium(void)
{
    run_many(g_test_thorough() ? 20000 : 1000, 30, 200);
}

static void test_long(void)
{
    run_many(g_test_thorough() ? 2000 : 100, 200, 1000);
}

/* ---- Code taken out and put back ---------------------------------------------------------------- */

enum { MOVE = 0x1a7b000 };

/* The program as it would be that much further on. */
static void move_program(Gen *g, uint64_t by)
{
    for (unsigned i = 0; i < g->b.n_ops; i++) {
        TnIrOp *op = &g->b.ops[i];

        if (op->opc == TN_IR_INSN || op->opc == TN_IR_EXIT || op->opc == TN_IR_EXIT_IF ||
            op->opc == TN_IR_EXIT_LOOP)
            op->imm += by;
    }
}

static TnBlock *compile_at(const TnBackend *backend, Gen *g, uint64_t pc)
{
    TnBlock *block = g_new0(TnBlock, 1);

    block->key = (TnBlockKey){ .pc = pc, .address_bits = 64 };
    block->mode_id = 1;
    block->size = 256;
    g_assert_true(backend->compile(block, g->b.ops, g->b.n_ops, g->b.n_temps));
    return block;
}

/* Damaged code is put into place or refused, and nothing beyond it is written to. */
static void check_damaged(Gen *g, const GByteArray *packed, unsigned head)
{
    enum { GUARD = 4096, PATTERN = 0xa5 };

    for (unsigned i = 0; i < 20; i++) {
        g_autofree uint8_t *copy = g_memdup2(packed->data, packed->len);
        uint8_t *next = x64_code.next, *guard = next + packed->len + X64_CODE_ALIGN;
        TnBlock block = { .key = { .pc = BLOCK_PC, .address_bits = 64 } };

        for (unsigned n = 1 + below(g, 4); n > 0; n--)
            copy[below(g, head)] ^= (uint8_t)(1 << below(g, 8));
        memset(guard, PATTERN, GUARD);
        if (tn_backend_x86_64.unpack(&block, BLOCK_PC, copy, packed->len))
            tn_backend_x86_64.release(&block);
        else
            g_assert_true(x64_code.next == next && !block.exits);
        for (unsigned k = 0; k < GUARD; k++)
            g_assert_cmpint(guard[k], ==, PATTERN);
        x64_code.next = next;
    }
}

/* Puts the packed program back at its third place and compares. False: it does not reach there. */
static bool put_back(Gen *g, Rig *r, const GByteArray *packed)
{
    TnBlock *blocks[2] = { compile_at(&tn_backend_interp, g, BLOCK_PC + 2 * MOVE),
                           g_new0(TnBlock, 1) };
    bool done;

    *blocks[1] = (TnBlock){ .key = blocks[0]->key, .mode_id = 1, .size = 256 };
    done = tn_backend_x86_64.unpack(blocks[1], BLOCK_PC, packed->data, packed->len);
    fake_cpu_fill(r->origin, g->rand);
    if (done && !agree(g, r, blocks)) {
        explain(g, blocks[1], r->x, r->y);
        g_error("code that was put back does something else");
    }
    if (done)
        check_damaged(g, packed, packed->len - blocks[1]->code_size);
    release(&tn_backend_interp, blocks[0]);
    release(&tn_backend_x86_64, blocks[1]);
    return done;
}

/* Packs the program from two places. False where it cannot be kept. */
static bool keep_one(Gen *g, Rig *r)
{
    g_autoptr(GByteArray) packed = g_byte_array_new();
    TnBlock *versions[2] = { compile_at(&tn_backend_x86_64, g, BLOCK_PC) };
    bool kept;

    move_program(g, MOVE);
    versions[1] = compile_at(&tn_backend_x86_64, g, BLOCK_PC + MOVE);
    kept = tn_backend_x86_64.pack(versions, 2, packed);
    move_program(g, MOVE);
    kept = kept && put_back(g, r, packed);
    release(&tn_backend_x86_64, versions[0]);
    release(&tn_backend_x86_64, versions[1]);
    return kept;
}

static void test_kept(void)
{
    static Gen g;
    Rig rig = { fake_cpu_new(), fake_cpu_new(), fake_cpu_new(), { NULL }, NULL };
    unsigned programs = g_test_thorough() ? 20000 : 1000, kept = 0;

    for (uint32_t i = 0; i < programs; i++) {
        g.rand = g_rand_new_with_seed(i);
        tn_backend_x86_64.flush();
        tn_backend_x86_64.configure(one_in(&g, 3) ? g_rand_int(g.rand) : UINT32_MAX);
        gen_program(&g, 8 + below(&g, 100));
        kept += keep_one(&g, &rig);
        g_rand_free(g.rand);
    }
    g_test_message("%u of %u programs kept", kept, programs);
    g_assert_cmpuint(kept, >, programs * 3 / 4);
    fake_cpu_free(rig.origin);
    fake_cpu_free(rig.x);
    fake_cpu_free(rig.y);
    tn_ir_clear(&g.b);
}

int main(int argc, char **argv)
{
    GError *error = NULL;

    g_test_init(&argc, &argv, NULL);
    g_assert_true(tn_backend_interp.init(&fake_target, CODE_BYTES, TN_SPLIT_WX_AUTO, &error));
    tn_backend_x86_64.configure(TN_OPT_ALL & ~(uint32_t)TN_OPT_SITES); /* no timers */
    if (!tn_backend_x86_64.init(&fake_target, CODE_BYTES, TN_SPLIT_WX_AUTO, &error)) {
        g_test_message("%s", error->message);
        return 77;
    }
    g_test_add_func("/x64/random/short-blocks-agree-with-the-interpreter", test_short);
    g_test_add_func("/x64/random/medium-blocks-agree-with-the-interpreter", test_medium);
    g_test_add_func("/x64/random/long-blocks-agree-with-the-interpreter", test_long);
    g_test_add_func("/x64/kept/code-that-was-put-back-agrees-with-the-interpreter", test_kept);
    return g_test_run();
}
