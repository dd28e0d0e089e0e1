/* SPDX-License-Identifier: MIT */
/* The reference semantics of packed flags against the host processor. */
#include "translate/backend.h"

#if defined(__x86_64__)

/* Runs `insn dst, src` of one size with flags before, and gives the flags after. */
#define HOST_OP(name, insn, type, reg) \
    static uint32_t host_##name(uint64_t a, uint64_t b, uint32_t before) \
    { \
        type x = (type)a; \
        uint64_t f = before | 2; \
        __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpush %1\n\tpopf\n\t" insn \
                         "\n\tpushf\n\tpop %1\n\tlea 128(%%rsp), %%rsp" \
                         : "+" reg(x), "+r"(f) \
                         : "c"(b) \
                         : "cc", "rdx"); \
        return (uint32_t)f & TN_FLAGS_ALL; \
    }

#define HOST_SIZES(name, with_b, with_w, with_l, with_q) \
    HOST_OP(name##8, with_b, uint8_t, "q") \
    HOST_OP(name##16, with_w, uint16_t, "r") \
    HOST_OP(name##32, with_l, uint32_t, "r") \
    HOST_OP(name##64, with_q, uint64_t, "r")

#define TWO(name) \
    HOST_SIZES(name, #name "b %b2, %b0", #name "w %w2, %w0", #name "l %k2, %k0", #name "q %2, %0")
#define ONE(name) HOST_SIZES(name, #name "b %b0", #name "w %w0", #name "l %k0", #name "q %0")
#define SHIFT(name) \
    HOST_SIZES(name, #name "b %%cl, %b0", #name "w %%cl, %w0", #name "l %%cl, %k0", \
               #name "q %%cl, %0")

TWO(add)
TWO(adc)
TWO(sub)
TWO(sbb)
TWO(and)
ONE(inc)
ONE(dec)
SHIFT(shl)
SHIFT(shr)
SHIFT(sar)
SHIFT(rol)
SHIFT(ror)
HOST_OP(mul8, "mulb %b2", uint8_t, "a")
HOST_OP(mul16, "mulw %w2", uint16_t, "a")
HOST_OP(mul32, "mull %k2", uint32_t, "a")
HOST_OP(mul64, "mulq %2", uint64_t, "a")
HOST_OP(imul8, "imulb %b2", uint8_t, "a")
HOST_OP(imul16, "imulw %w2", uint16_t, "a")
HOST_OP(imul32, "imull %k2", uint32_t, "a")
HOST_OP(imul64, "imulq %2", uint64_t, "a")

#define SIZES(name) { host_##name##8, host_##name##16, host_##name##32, host_##name##64 }

static const struct {
    const char *name;
    TnFlagOp op;
    uint32_t (*host[4])(uint64_t a, uint64_t b, uint32_t before);
    uint32_t undefined; /* flags the manual leaves undefined beyond what TnFlagOp promises */
} cases[] = {
    { "add", TN_FLAGS_ADD, SIZES(add), 0 },
    { "adc", TN_FLAGS_ADC, SIZES(adc), 0 },
    { "sub", TN_FLAGS_SUB, SIZES(sub), 0 },
    { "sbb", TN_FLAGS_SBB, SIZES(sbb), 0 },
    { "logic", TN_FLAGS_LOGIC, SIZES(and), TN_FLAG_A },
    { "inc", TN_FLAGS_INC, SIZES(inc), 0 },
    { "dec", TN_FLAGS_DEC, SIZES(dec), 0 },
    { "shl", TN_FLAGS_SHL, SIZES(shl), TN_FLAG_A },
    { "shr", TN_FLAGS_SHR, SIZES(shr), TN_FLAG_A },
    { "sar", TN_FLAGS_SAR, SIZES(sar), TN_FLAG_A },
    { "rol", TN_FLAGS_ROL, SIZES(rol), 0 },
    { "ror", TN_FLAGS_ROR, SIZES(ror), 0 },
    { "umul", TN_FLAGS_UMUL, SIZES(mul), TN_FLAG_A | TN_FLAG_S | TN_FLAG_Z | TN_FLAG_P },
    { "smul", TN_FLAGS_SMUL, SIZES(imul), TN_FLAG_A | TN_FLAG_S | TN_FLAG_Z | TN_FLAG_P },
};

static uint64_t random_value(void)
{
    static const uint64_t corners[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
                                        0x80000000, 0xffffffff, INT64_MAX, 1ull << 63, UINT64_MAX };
    uint64_t r = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
    return r % 3 ? r : corners[(r >> 8) % G_N_ELEMENTS(corners)];
}

static bool is_shift(TnFlagOp op)
{
    return op >= TN_FLAGS_SHL && op <= TN_FLAGS_ROR;
}

/* CF and OF of a shift by the operand's width or more are undefined for 8 and 16 bits; so is OF of
 * any count but 1, where processors differ. */
static uint32_t undefined(unsigned i, unsigned size, uint64_t b)
{
    unsigned bits = 8u << size, count = (unsigned)b & (bits == 64 ? 63 : 31);
    uint32_t u = cases[i].undefined;
    if (!is_shift(cases[i].op))
        return u;
    if (count == 0)
        return 0;
    if (count != 1)
        u |= TN_FLAG_O;
    if (count > bits && cases[i].op <= TN_FLAGS_SAR)
        u |= TN_FLAG_C;
    return u;
}

static void test_flags(gconstpointer data)
{
    unsigned i = GPOINTER_TO_UINT(data);
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t a = random_value(), b = random_value();
        uint32_t before = (uint32_t)random_value() & TN_FLAGS_ALL;
        unsigned size = round % 4;
        uint32_t host = cases[i].host[size](a, b, before);
        bool is_logic = cases[i].op == TN_FLAGS_LOGIC;
        uint32_t ours = tn_flags_eval(cases[i].op, size, is_logic ? a & b : a, b, before);
        uint32_t care = TN_FLAGS_ALL & ~undefined(i, size, b);
        if ((host ^ ours) & care)
            g_error("%s size %u: %" G_GINT64_MODIFIER "x, %" G_GINT64_MODIFIER "x before %x: "
                    "host %x, ours %x", cases[i].name, 8u << size, a, b, before, host, ours);
        for (unsigned c = 0; c < 16; c += 2)
            g_assert_true(tn_flagcond_eval(c, ours) != tn_flagcond_eval(c + 1, ours));
    }
}

/* After a comparison, packed conditions and comparisons of integers are the same thing. */
static void test_conditions(void)
{
    static const struct {
        TnFlagCond flag;
        TnCond cond;
    } pairs[] = {
        { TN_FC_Z, TN_COND_EQ }, { TN_FC_NZ, TN_COND_NE }, { TN_FC_B, TN_COND_LTU },
        { TN_FC_AE, TN_COND_GEU }, { TN_FC_BE, TN_COND_LEU }, { TN_FC_A, TN_COND_GTU },
        { TN_FC_L, TN_COND_LT }, { TN_FC_GE, TN_COND_GE }, { TN_FC_LE, TN_COND_LE },
        { TN_FC_G, TN_COND_GT },
    };
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t a = random_value(), b = round % 5 ? random_value() : a;
        for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
            g_assert_cmpint(tn_flagcond_eval(pairs[i].flag, tn_flags_eval(TN_FLAGS_SUB, 3, a, b, 0)),
                            ==, tn_cond_eval(pairs[i].cond, TN_I64, a, b));
            g_assert_cmpint(tn_flagcond_eval(pairs[i].flag, tn_flags_eval(TN_FLAGS_SUB, 2, a, b, 0)),
                            ==, tn_cond_eval(pairs[i].cond, TN_I32, a, b));
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/flags/%s/as-the-host", cases[i].name);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_flags);
    }
    g_test_add_func("/flags/conditions/agree-with-comparisons", test_conditions);
    return g_test_run();
}

#else

int main(void)
{
    return 77; /* only an x86-64 host can be asked */
}

#endif
