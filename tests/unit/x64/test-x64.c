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
#include "fake.h"

enum { CODE_BYTES = 64 << 20, BLOCK_PC = 0x10000, NEXT_PC = BLOCK_PC + 0x80 };

typedef struct Gen {
    GRand *rand;
    TnIrBuilder b;
    TnTemp ints[4096], flags[4096], vecs[2][4096];
    unsigned n_ints, n_flags, n_vecs[2];
    TnTemp addr; /* of the access before, or none */
    uint64_t pc;
} Gen;

static unsigned below(Gen *g, unsigned n)
{
    return (unsigned)g_rand_int_range(g->rand, 0, (gint32)n);
}

static bool one_in(Gen *g, unsigned n)
{
    return below(g, n) == 0;
}

static uint64_t value(Gen *g)
{
    static const uint64_t pool[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000,
                                     0xffffffff, UINT64_C(1) << 32, INT64_MAX, UINT64_C(1) << 63,
                                     UINT64_MAX, UINT64_MAX - 1, 0xffffffff80000000, 31, 32, 63, 64 };

    if (one_in(g, 3))
        return (uint64_t)g_rand_int(g->rand) << 32 | g_rand_int(g->rand);
    return pool[below(g, G_N_ELEMENTS(pool))];
}

/* Mostly recent temporaries, sometimes old ones: both short and long lifetimes. */
static TnTemp pick(Gen *g, const TnTemp *list, unsigned n)
{
    return list[one_in(g, 4) ? below(g, n) : n - 1 - below(g, MIN(n, 6))];
}

static TnTemp any_int(Gen *g)
{
    return pick(g, g->ints, g->n_ints);
}

static TnTemp any_flags(Gen *g)
{
    return pick(g, g->flags, g->n_flags);
}

static TnTemp any_vec(Gen *g, TnIrType t)
{
    return pick(g, g->vecs[t == TN_V256], g->n_vecs[t == TN_V256]);
}

static void add_int(Gen *g, TnTemp t)
{
    g->ints[g->n_ints++] = t;
}

static void add_vec(Gen *g, TnIrType type, TnTemp t)
{
    g->vecs[type == TN_V256][g->n_vecs[type == TN_V256]++] = t;
}

static void add_flags(Gen *g, TnTemp t)
{
    g->flags[g->n_flags++] = t;
    if (one_in(g, 4))
        add_int(g, t);
}

static TnIrType any_type(Gen *g)
{
    return one_in(g, 2) ? TN_I32 : TN_I64;
}

/* ---- Families --------------------------------------------------------------------------------- */

static void gen_binary(Gen *g)
{
    static const uint8_t opcs[] = { TN_IR_ADD, TN_IR_SUB, TN_IR_MUL, TN_IR_MULHU, TN_IR_MULHS, TN_IR_AND,
                                    TN_IR_OR, TN_IR_XOR, TN_IR_ANDN, TN_IR_SHL, TN_IR_SHR, TN_IR_SAR,
                                    TN_IR_ROL, TN_IR_ROR };
    TnIrOpc opc = opcs[below(g, G_N_ELEMENTS(opcs))];

    add_int(g, tn_ir_2(&g->b, opc, any_type(g), any_int(g), any_int(g)));
}

static void gen_immediate(Gen *g)
{
    static const uint8_t opcs[] = { TN_IR_ADDI, TN_IR_ANDI, TN_IR_ORI, TN_IR_XORI };
    TnIrType t = any_type(g);

    if (one_in(g, 2)) {
        add_int(g, tn_ir_i(&g->b, opcs[below(g, 4)], t, any_int(g), value(g)));
        return;
    }
    add_int(g, tn_ir_i(&g->b, TN_IR_SHLI + below(g, 4), t, any_int(g), below(g, t == TN_I64 ? 64 : 32)));
}

static void gen_unary(Gen *g)
{
    static const uint8_t opcs[] = { TN_IR_MOV, TN_IR_NOT, TN_IR_NEG, TN_IR_BSWAP, TN_IR_CLZ, TN_IR_CTZ,
                                    TN_IR_POPCNT, TN_IR_EXT8U, TN_IR_EXT16U, TN_IR_EXT32U, TN_IR_EXT8S,
                                    TN_IR_EXT16S, TN_IR_EXT32S };

    add_int(g, tn_ir_1(&g->b, opcs[below(g, G_N_ELEMENTS(opcs))], any_type(g), any_int(g)));
}

static void gen_lea(Gen *g)
{
    TnTemp a = one_in(g, 6) ? TN_TEMP_NONE : any_int(g), b = one_in(g, 6) ? TN_TEMP_NONE : any_int(g);
    int64_t disp = one_in(g, 8) ? (int64_t)value(g) : g_rand_int_range(g->rand, -300, 300);

    add_int(g, tn_ir_lea(&g->b, any_type(g), a, b, below(g, 4), disp));
}

static void gen_field(Gen *g)
{
    static const uint8_t common[][2] = { { 0, 8 }, { 8, 8 }, { 0, 16 }, { 0, 32 } };
    TnIrType t = any_type(g);
    unsigned bits = t == TN_I64 ? 64 : 32, pos = below(g, bits), len = 1 + below(g, bits - pos);

    if (one_in(g, 2)) {
        unsigned k = below(g, 4);

        pos = common[k][0];
        len = common[k][1];
    }
    if (one_in(g, 2))
        add_int(g, tn_ir_extract(&g->b, t, any_int(g), pos, len));
    else
        add_int(g, tn_ir_deposit(&g->b, t, any_int(g), any_int(g), pos, len));
}

static TnTemp make_cond(Gen *g)
{
    if (one_in(g, 2))
        return tn_ir_flagcond(&g->b, below(g, 16), any_flags(g));
    return one_in(g, 5) ? any_int(g)
                        : tn_ir_setcond(&g->b, any_type(g), below(g, 10), any_int(g), any_int(g));
}

static void gen_cond(Gen *g)
{
    TnTemp cond = make_cond(g);

    if (one_in(g, 2))
        add_int(g, cond);
    if (one_in(g, 4)) {
        TnIrType t = one_in(g, 2) ? TN_V128 : TN_V256;

        add_vec(g, t, tn_ir_select(&g->b, t, cond, any_vec(g, t), any_vec(g, t)));
    } else {
        add_int(g, tn_ir_select(&g->b, any_type(g), cond, any_int(g), any_int(g)));
    }
}

/* FLAGS by itself, or as front ends emit it: with its result, in either order. */
static void gen_flags(Gen *g)
{
    TnFlagOp fop = below(g, TN_FLAGS_COUNT);
    unsigned size = below(g, 4);
    TnTemp a = any_int(g), b = any_int(g), c = any_flags(g), f, r;

    if (fop >= TN_FLAGS_SHL && fop <= TN_FLAGS_ROR && one_in(g, 2))
        b = tn_ir_const(&g->b, TN_I32, below(g, 70));
    f = tn_ir_flags(&g->b, fop, size, a, fop == TN_FLAGS_LOGIC ? TN_TEMP_NONE : b,
                    fop == TN_FLAGS_ADD || fop == TN_FLAGS_SUB ? TN_TEMP_NONE : c);
    add_flags(g, f);
    if (one_in(g, 2) && fop <= TN_FLAGS_SBB) {
        r = tn_ir_2(&g->b, fop <= TN_FLAGS_ADC ? TN_IR_ADD : TN_IR_SUB, any_type(g), a, b);
        add_int(g, r);
    }
}

/* An arithmetic instruction as a front end writes it. */
static void gen_insn(Gen *g)
{
    TnIrType t = any_type(g);
    unsigned size = t == TN_I64 ? 3 : 2, d = below(g, FAKE_GPRS), s = below(g, FAKE_GPRS);
    TnTemp a = tn_ir_get(&g->b, t == TN_I32 && one_in(g, 2) ? TN_I32 : TN_I64, d), b, r, f;
    TnFlagOp fop;

    b = one_in(g, 3) ? tn_ir_const(&g->b, t, value(g)) : tn_ir_get(&g->b, TN_I64, s);
    switch (below(g, 6)) {
    case 0:
        r = tn_ir_2(&g->b, TN_IR_ADD, t, a, b);
        f = tn_ir_flags(&g->b, TN_FLAGS_ADD, size, a, b, 0);
        break;
    case 1:
        r = tn_ir_2(&g->b, TN_IR_SUB, t, a, b);
        f = tn_ir_flags(&g->b, TN_FLAGS_SUB, size, a, b, 0);
        break;
    case 2:
        r = tn_ir_2(&g->b, TN_IR_AND + below(g, 3), t, a, b);
        f = tn_ir_flags(&g->b, TN_FLAGS_LOGIC, size, r, 0, 0);
        break;
    case 3:
        r = tn_ir_i(&g->b, TN_IR_ADDI, t, a, one_in(g, 2) ? 1 : UINT64_MAX);
        f = tn_ir_flags(&g->b, g->b.ops[g->b.n_ops - 1].imm == 1 ? TN_FLAGS_INC : TN_FLAGS_DEC, size, a,
                        0, tn_ir_get(&g->b, TN_I32, FAKE_FLAGS));
        break;
    case 4:
        r = a;
        f = tn_ir_flags(&g->b, TN_FLAGS_SUB, size, a, b, 0);
        break;
    default:
        b = tn_ir_const(&g->b, TN_I32, below(g, 32));
        r = tn_ir_2(&g->b, TN_IR_SHL + below(g, 3), t, a, b);
        fop = TN_FLAGS_SHL + below(g, 3);
        f = tn_ir_flags(&g->b, fop, size, a, b, tn_ir_get(&g->b, TN_I32, FAKE_FLAGS));
        break;
    }
    if (r != a)
        tn_ir_put(&g->b, one_in(g, 3) && t == TN_I32 ? TN_I32 : TN_I64, d, r);
    tn_ir_put(&g->b, TN_I32, FAKE_FLAGS, f);
    add_int(g, r);
    add_flags(g, f);
}

static void gen_state(Gen *g)
{
    switch (below(g, 8)) {
    case 0:
    case 1:
        add_int(g, tn_ir_get(&g->b, one_in(g, 4) ? TN_I32 : TN_I64, below(g, FAKE_GPRS)));
        break;
    case 2:
    case 3:
        tn_ir_put(&g->b, one_in(g, 4) ? TN_I32 : TN_I64, below(g, FAKE_GPRS), any_int(g));
        break;
    case 4:
        add_flags(g, tn_ir_get(&g->b, TN_I32, FAKE_FLAGS));
        break;
    case 5:
        tn_ir_put(&g->b, TN_I32, FAKE_FLAGS, any_flags(g));
        break;
    case 6:
        add_int(g, tn_ir_ldenv(&g->b, below(g, 4), offsetof(FakeState, env) + below(g, FAKE_ENV_BYTES - 8)));
        break;
    default:
        tn_ir_stenv(&g->b, below(g, 4), offsetof(FakeState, env) + below(g, FAKE_ENV_BYTES - 8),
                    any_int(g));
        break;
    }
}

static TnTemp address(Gen *g)
{
    uint64_t mask = one_in(g, 24) ? FAKE_PAGES * TN_PAGE_SIZE - 1 : 0x1fff;
    TnTemp offset = tn_ir_i(&g->b, TN_IR_ANDI, TN_I64, any_int(g), mask);
    uint64_t page = FAKE_BASE_PAGE + (one_in(g, 3) && mask == 0x1fff ? 2 * below(g, 3) : 0);

    return tn_ir_i(&g->b, TN_IR_ADDI, TN_I64, offset, page << TN_PAGE_BITS);
}

/* Often the one that was accessed before, as neighbours share a probe. */
static TnTemp same_address(Gen *g)
{
    if (!g->addr || one_in(g, 2))
        g->addr = address(g);
    return g->addr;
}

static unsigned any_mem(Gen *g)
{
    return below(g, 2) | (one_in(g, 4) ? TN_MEM_BSWAP : 0);
}

static void gen_memory(Gen *g)
{
    TnIrType t = below(g, 6);
    TnTemp addr = same_address(g);
    int64_t disp = one_in(g, 2) ? 0 : g_rand_int_range(g->rand, -16, 16);
    bool vector = t >= TN_V128, load = one_in(g, 2);
    unsigned mem = vector ? below(g, 2) : any_mem(g);

    if (!vector && load) {
        mem |= one_in(g, 3) ? TN_MEM_SIGN : 0;
        mem |= (mem & TN_MEM_SIGN) && one_in(g, 3) ? TN_MEM_DST32 : 0;
        mem |= one_in(g, 4) ? TN_MEM_RMW : 0;
        add_int(g, tn_ir_ld(&g->b, t, addr, disp, mem));
    } else if (load) {
        add_vec(g, t, tn_ir_ld(&g->b, t, addr, disp, mem));
    } else {
        tn_ir_st(&g->b, t, addr, disp, vector ? any_vec(g, t) : any_int(g), mem);
    }
}

static void gen_atomic(Gen *g)
{
    TnIrType t = below(g, 4);
    TnTemp addr = address(g);

    if (one_in(g, 8)) {
        tn_ir_append(&g->b, TN_IR_FENCE, TN_I64);
    } else if (one_in(g, 2)) {
        add_int(g, tn_ir_atomic_rmw(&g->b, t, below(g, 5), addr, any_int(g), any_mem(g)));
    } else {
        TnTemp expect = one_in(g, 2) ? any_int(g) : tn_ir_ld(&g->b, t, addr, 0, 0);

        add_int(g, tn_ir_atomic_cas(&g->b, t, addr, expect, any_int(g), any_mem(g)));
    }
}

static void gen_call(Gen *g)
{
    TnTemp a = any_int(g), b = any_int(g), c = any_int(g), d = any_int(g);

    switch (1 + below(g, 6)) {
    case HELPER_PURE:
        add_int(g, tn_ir_call(&g->b, HELPER_PURE, a, b, c, d));
        break;
    case HELPER_PLAIN:
        add_int(g, tn_ir_call(&g->b, HELPER_PLAIN, a, b, c, 0));
        break;
    case HELPER_READS:
        add_int(g, tn_ir_call(&g->b, HELPER_READS, a, b, 0, 0));
        break;
    case HELPER_WRITES:
        tn_ir_call_void(&g->b, HELPER_WRITES, a, b, c, d);
        break;
    case HELPER_FAULTS:
        if (one_in(g, 4))
            add_int(g, tn_ir_call(&g->b, HELPER_FAULTS, a, b, 0, 0));
        break;
    default:
        add_int(g, tn_ir_call(&g->b, HELPER_PURE32, a, b, 0, 0));
        break;
    }
}

static TnTemp operand(Gen *g, TnIrType t)
{
    return t == TN_I8 ? TN_TEMP_NONE : t >= TN_V128 ? any_vec(g, t) : any_int(g);
}

static void gen_form(Gen *g)
{
    unsigned n = below(g, fake_n_forms);
    const FakeForm *f = &fake_forms[n];
    TnTemp a = operand(g, f->a), b = operand(g, f->b), c = operand(g, f->c);
    TnTemp dst = tn_ir_hostv(&g->b, f->type, f->form, HELPER_FB_FIRST + n, a, b, c);

    if (f->form.flags & TN_HF_DST_FLAGS)
        add_flags(g, dst);
    else if (f->type >= TN_V128)
        add_vec(g, f->type, dst);
    else
        add_int(g, dst);
}

static unsigned form_of(unsigned opcode)
{
    for (unsigned n = 0; n < fake_n_forms; n++) {
        if (fake_forms[n].form.opcode == opcode)
            return n;
    }
    g_assert_not_reached();
}

/* MOVD from memory and MOVQ to it, which a back end may make one operation of. */
static void gen_scalar(Gen *g)
{
    enum { MOVD_IN = 0x6e, MOVQ_OUT = 0x7e };
    bool load = one_in(g, 2);
    unsigned n = form_of(load ? MOVD_IN : MOVQ_OUT);
    const FakeForm *f = &fake_forms[n];
    TnTemp addr = address(g), none = TN_TEMP_NONE, v = load ? none : any_vec(g, TN_V128);

    if (load) {
        v = tn_ir_ld(&g->b, TN_I32, addr, 0, 0);
        add_vec(g, f->type, tn_ir_hostv(&g->b, f->type, f->form, HELPER_FB_FIRST + n, none, v, none));
    } else {
        v = tn_ir_hostv(&g->b, f->type, f->form, HELPER_FB_FIRST + n, none, v, none);
        tn_ir_st(&g->b, TN_I64, addr, 0, v, 0);
    }
}

static size_t vec_offset(Gen *g)
{
    return offsetof(FakeState, vec) + 32 * below(g, FAKE_VECTORS);
}

/* Front ends may look at the guest's MXCSR and change it directly. */
static void gen_mxcsr(Gen *g)
{
    TnTemp t = tn_ir_ldenv(&g->b, TN_I32, offsetof(FakeState, mxcsr));

    if (one_in(g, 2))
        tn_ir_stenv(&g->b, TN_I32, offsetof(FakeState, mxcsr),
                    tn_ir_i(&g->b, TN_IR_ANDI, TN_I32, t, 0x1fff ^ below(g, 64)));
    else
        add_int(g, t);
}

static void gen_vector(Gen *g)
{
    TnIrType t = one_in(g, 2) ? TN_V128 : TN_V256;

    if (one_in(g, 12)) {
        gen_mxcsr(g);
        return;
    }
    switch (below(g, 8)) {
    case 0:
        add_vec(g, t, tn_ir_ldenv(&g->b, t, vec_offset(g)));
        break;
    case 1:
        tn_ir_stenv(&g->b, t, vec_offset(g), any_vec(g, t));
        break;
    case 2:
        add_vec(g, t, tn_ir_1(&g->b, TN_IR_MOV, t, any_vec(g, t)));
        break;
    case 3:
    case 4:
        gen_scalar(g);
        break;
    default:
        gen_form(g);
        break;
    }
}

static void gen_exit_if(Gen *g)
{
    tn_ir_exit_if(&g->b, make_cond(g),
                  one_in(g, 2) ? NEXT_PC : BLOCK_PC + 16 * below(g, 512) - 4096);
}

static void gen_insn_start(Gen *g)
{
    g->pc += 1 + below(g, 15);
    tn_ir_insn(&g->b, one_in(g, 2) ? g->pc : g->pc + UINT64_C(0xffffffff80000000), 1);
}

static void gen_op(Gen *g)
{
    static void (*const families[])(Gen *) = {
        gen_binary, gen_binary, gen_immediate, gen_unary, gen_lea, gen_field, gen_cond, gen_flags,
        gen_insn, gen_insn, gen_insn, gen_state, gen_state, gen_memory, gen_memory, gen_atomic, gen_call,
        gen_vector, gen_vector, gen_insn_start,
    };

    if (one_in(g, 60))
        gen_exit_if(g);
    else
        families[below(g, G_N_ELEMENTS(families))](g);
}

static void gen_last(Gen *g)
{
    switch (below(g, 8)) {
    case 0:
        tn_ir_exit_ind(&g->b, any_int(g));
        break;
    case 1:
        tn_ir_exit_loop(&g->b, value(g));
        break;
    case 2:
        tn_ir_exit_loop_ind(&g->b, any_int(g));
        break;
    case 3:
        tn_ir_exit_state(&g->b);
        break;
    default:
        tn_ir_exit(&g->b, one_in(g, 4) ? value(g) : NEXT_PC);
        break;
    }
}

static void gen_program(Gen *g, unsigned n_ops)
{
    tn_ir_begin(&g->b, BLOCK_PC, TN_IR_MAX_INSNS);
    g->n_ints = g->n_flags = g->n_vecs[0] = g->n_vecs[1] = 0;
    g->addr = TN_TEMP_NONE;
    g->pc = BLOCK_PC;
    gen_insn_start(g);
    add_int(g, tn_ir_const(&g->b, TN_I64, value(g)));
    add_int(g, tn_ir_get(&g->b, TN_I64, below(g, FAKE_GPRS)));
    add_flags(g, tn_ir_get(&g->b, TN_I32, FAKE_FLAGS));
    add_vec(g, TN_V128, tn_ir_ldenv(&g->b, TN_V128, vec_offset(g)));
    add_vec(g, TN_V256, tn_ir_ldenv(&g->b, TN_V256, vec_offset(g)));
    while (g->b.n_ops < n_ops)
        gen_op(g);
    gen_last(g);
}

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

static TnBlock *compile(const TnBackend *backend, const TnIrBuilder *b, TnBlock *next)
{
    TnBlock *block = g_new0(TnBlock, 1);

    block->key = (TnBlockKey){ .pc = next ? BLOCK_PC : NEXT_PC, .address_bits = 64 };
    block->mode_id = 1;
    block->size = 256;
    block->form = form;
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
                               &x64_host.sha, &x64_host.avx2, &x64_host.sse41 };

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

static void run_many(unsigned programs, unsigned min_ops, unsigned max_ops)
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
    g_assert_true(seed || rig.left > 0);
    tn_ir_clear(&g.b);
}

static void test_short(void)
{
    run_many(g_test_thorough() ? 100000 : 4000, 8, 30);
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
    g_assert_true(tn_backend_interp.init(&fake_target, CODE_BYTES, &error));
    tn_backend_x86_64.configure(TN_OPT_ALL & ~(uint32_t)TN_OPT_SITES); /* no timers */
    if (!tn_backend_x86_64.init(&fake_target, CODE_BYTES, &error)) {
        g_test_message("%s", error->message);
        return 77;
    }
    g_test_add_func("/x64/random/short-blocks-agree-with-the-interpreter", test_short);
    g_test_add_func("/x64/random/medium-blocks-agree-with-the-interpreter", test_medium);
    g_test_add_func("/x64/random/long-blocks-agree-with-the-interpreter", test_long);
    g_test_add_func("/x64/kept/code-that-was-put-back-agrees-with-the-interpreter", test_kept);
    return g_test_run();
}
