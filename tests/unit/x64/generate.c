/* SPDX-License-Identifier: MIT */
/* Random blocks: generate.h. */
#include "generate.h"

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

/* A bit test: the carry is one bit of something, the other flags stay. */
static void gen_bit_test(Gen *g)
{
    TnIrType t = any_type(g);
    TnTemp bit = any_int(g), flags;

    if (!one_in(g, 4))
        bit = tn_ir_i(&g->b, TN_IR_SHRI, t, bit, below(g, t == TN_I64 ? 64 : 32));
    flags = tn_ir_deposit(&g->b, TN_I32, any_flags(g), bit, 0, 1);
    add_flags(g, flags);
    if (one_in(g, 2))
        add_int(g, tn_ir_flagcond(&g->b, TN_FC_B + below(g, 2), flags));
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
        gen_binary, gen_binary, gen_immediate, gen_unary, gen_lea, gen_field, gen_cond, gen_bit_test,
        gen_flags, gen_insn, gen_insn, gen_insn, gen_state, gen_state, gen_memory, gen_memory, gen_atomic,
        gen_call, gen_vector, gen_vector, gen_insn_start,
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

void gen_program(Gen *g, unsigned n_ops)
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
