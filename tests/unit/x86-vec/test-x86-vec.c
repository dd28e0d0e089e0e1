/* SPDX-License-Identifier: MIT */
/*
 * The vector and x87 rows against the host: every row that the host knows is assembled from its own
 * pattern in register and memory form and run on random and special values by both machines.
 */
#include "machine.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "rows.h"

const X86Row *const test_chapters[] = { x86_rows_sse, x86_rows_avx, x86_rows_mmx, x86_rows_x87,
                                        NULL };
const X86Row *const x86_chapters[] = { NULL };

/* ---- Values ----------------------------------------------------------------------------- */

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1d;
}

static const uint32_t special32[] = {
    0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001,
    0x7f800001, 0xffa00000, 1, 0x807fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x4f000000,
    0xcf000000, 0x4effffff, 0x5f000000, 0x3f000000, 0x33800000, 0x3effffff, 0x00400000, 0x3fc00000,
    0x40200000, 0x477fe000, 0x477ff000, 0x33000000, 0x387fc000, 0x3f7fffff, 0x1f800000, 0x20000000,
};
static const uint64_t special64[] = {
    0, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000,
    0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000001, 0x7ff0000000000001,
    0xfff4000000000000, 1, 0x800fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff,
    0x41dfffffffc00000, 0x41e0000000000000, 0xc1e0000000200000, 0x43e0000000000000,
    0xc3e0000000000000, 0x3fe0000000000000, 0x3690000000000000, 0x47efffffffffffff,
    0x47efffffe0000000, 0x3810000000000000, 0x380fffffffffffff, 0x36a0000000000000,
    0x3ff8000000000000, 0x4004000000000000, 0x2000000000000000, 0x1ff0000000000000,
};

static uint32_t value32(void)
{
    unsigned kind = rnd() % 8;

    if (kind < 3)
        return special32[rnd() % G_N_ELEMENTS(special32)];
    if (kind < 5)
        return (uint32_t)(rnd() & 0x807fffff) | (uint32_t)(120 + rnd() % 16) << 23;
    return kind == 5 ? (uint32_t)(int32_t)(int8_t)rnd() : (uint32_t)rnd();
}

static uint64_t value64(void)
{
    unsigned kind = rnd() % 8;

    if (kind < 3)
        return special64[rnd() % G_N_ELEMENTS(special64)];
    if (kind < 5)
        return (rnd() & 0x800fffffffffffff) | (1016 + rnd() % 16) << 52;
    return kind == 5 ? (uint64_t)(int64_t)(int8_t)rnd() : rnd();
}

static void fill(void *to, unsigned bytes)
{
    uint64_t *q = to;
    bool wide = rnd() & 1;

    for (unsigned i = 0; i < bytes / 8; i++)
        q[i] = wide ? value64() : (uint64_t)value32() << 32 | value32();
}

static X86Fp80 value80(void)
{
    static const uint64_t mantissas[] = { 0, 0x8000000000000000, 0xc000000000000000,
        0x8000000000000001, 0xffffffffffffffff, 1, 0x4000000000000000, 0xa000000000000000 };
    static const uint16_t exponents[] = { 0, 1, 0x3fff, 0x3ffe, 0x4000, 0x7ffe, 0x7fff, 0x403e,
        0x400e, 0x401e, 0x3f80, 0x4080, 0x3c00, 0x43ff, 0x3bcd, 0x4400, 0x3f6a };
    X86Fp80 v = { 0 };

    v.mantissa = rnd() & 1 ? mantissas[rnd() % G_N_ELEMENTS(mantissas)] : rnd() | 1ull << 63;
    v.sign_exponent = rnd() % 3 ? exponents[rnd() % G_N_ELEMENTS(exponents)]
                                : (uint16_t)(0x3ff0 + rnd() % 64);
    v.sign_exponent |= (uint16_t)(rnd() << 15);
    return v;
}

static void randomise(Machine *m, const X86Row *row)
{
    memset(m, 0, sizeof(*m));
    for (unsigned i = 0; i < 16; i++)
        fill(&m->ymm[i], 32);
    fill(m->memory, MEMORY_BYTES);
    m->rax = rnd() & 1 ? rnd() : rnd() % 20;
    m->rcx = value64();
    m->rdx = rnd() & 1 ? rnd() : rnd() % 20;
    m->flags = (uint32_t)rnd() & TN_FLAGS_ALL;
    m->mxcsr = 0x1f80 | (uint32_t)(rnd() % 4) << 13 | (rnd() % 4 ? 0 : 0x8000u) |
               (rnd() % 4 ? 0 : 0x40u) | (rnd() % 2 ? 0 : (uint32_t)rnd() & 0x3f);
    if (row->flags & ROW_FP && !(row->flags & ROW_MMX) && rnd() % 4 == 0)
        m->mxcsr = (m->mxcsr & ~0x1fbfu) | (uint32_t)(rnd() & 0x1f80);
    m->fcw = (uint16_t)(0x37f | rnd() % 4 << 10);
    if (rnd() % 4 == 0)
        m->fcw = (uint16_t)((m->fcw & ~0x300) | (rnd() & 0x300));
    if (row->flags & ROW_FPU && rnd() % 4 == 0)
        m->fcw = (uint16_t)((m->fcw & ~0x3f) | (rnd() & 0x3f));
    m->fsw = (uint16_t)(rnd() % 8 << 11 | (rnd() & 0x4700));
    m->ftag_full = rnd() % 4 ? 0xff : (uint8_t)rnd();
    if (row->flags & ROW_FPU && strstr(row->operands, "FLD"))
        m->ftag_full = rnd() % 4 ? (uint8_t)~(1u << (((m->fsw >> 11) - 1) & 7)) : 0xff;
    for (unsigned i = 0; i < 8; i++)
        m->st[i] = value80();
}

static bool is_x87(const X86Row *row, const char *a, const char *b)
{
    return row->flags & ROW_FPU && (strstr(row->operands, a) || strstr(row->operands, b));
}

/* Where the environment that FNSTENV and FNSAVE write has pointers and opcode: not comparable. */
enum { ENV_POINTER_FIELDS = 3, ENV_N_POINTER_FIELDS = 4, OPSIZE_PREFIX = 0x66 };

/* ---- Assembly of a row ------------------------------------------------------------------ */

typedef struct Insn {
    uint8_t bytes[MAX_INSN];
    unsigned n;
} Insn;

static void add(Insn *insn, unsigned byte)
{
    insn->bytes[insn->n++] = (uint8_t)byte;
}

static void add_vex(Insn *insn, char **part, bool w)
{
    unsigned map = 1, pp = 0, l = rnd() & 1;
    unsigned vvvv = 15;

    for (; *part; part++) {
        if (!strcmp(*part, "66")) pp = 1;
        if (!strcmp(*part, "F3")) pp = 2;
        if (!strcmp(*part, "F2")) pp = 3;
        if (!strcmp(*part, "L0")) l = 0;
        if (!strcmp(*part, "L1")) l = 1;
        if (!strcmp(*part, "W1")) w = true;
        if (!strcmp(*part, "W0")) w = false;
        if (!strcmp(*part, "0F38")) map = 2;
        if (!strcmp(*part, "0F3A")) map = 3;
    }
    insn->bytes[14] = (uint8_t)vvvv; /* overwritten by the caller: see assemble() */
    add(insn, 0xc4);
    add(insn, 0xe0 | map);
    add(insn, (w ? 0x80u : 0) | vvvv << 3 | l << 2 | pp);
}

static bool has_code(const X86Row *row, char letter)
{
    const char *p = strchr(row->operands, ' ');

    for (; p; p = strchr(p + 1, ' '))
        if (p[1] == letter)
            return true;
    return false;
}

/* Register 0 in reg, 1 in rm, 2 in vvvv, 3 in is4; memory is [rsi], gathers [rsi + ymm4 * 2]. */
static bool assemble(const X86Row *row, bool memory, bool w, Insn *insn)
{
    g_auto(GStrv) words = g_strsplit(row->pattern, " ", -1);
    bool vex = g_str_has_prefix(row->pattern, "VEX"), modrm = false, escaped = false;
    unsigned reg = 0;

    *insn = (Insn){ 0 };
    if ((is_x87(row, "ENV", "FNSAVE") || is_x87(row, "FRSTOR", "FRSTOR")) && rnd() & 1)
        add(insn, OPSIZE_PREFIX);
    for (char **word = words; *word; word++) {
        const char *s = *word;
        if (vex && word == words) {
            g_auto(GStrv) parts = g_strsplit(s, ".", -1);
            add_vex(insn, parts, w);
            if (has_code(row, 'H'))
                insn->bytes[insn->n - 1] ^= (15 ^ 13) << 3;
            if (w && strstr(s, "W0"))
                return false;
        } else if (s[0] == '/') {
            modrm = true;
            if (s[1] == '=') {
                if (memory)
                    return false;
                add(insn, (unsigned)strtoul(s + 2, NULL, 16));
                continue;
            }
            if ((s[2] == 'm' || (s[2] == ':' && s[3] == 'm')) != memory &&
                (s[2] == 'm' || s[2] == 'r' || s[2] == ':'))
                return false;
            if (memory && (has_code(row, 'U') || has_code(row, 'N') || has_code(row, 'R')))
                return false;
            if (!memory && has_code(row, 'M'))
                return false;
            if (s[1] != 'r')
                reg = (unsigned)(s[1] - '0');
            if (has_code(row, 'M') && strstr(row->operands, "GATHER")) {
                add(insn, 0x04 | reg << 3);
                add(insn, 0x66);
            } else {
                add(insn, (memory ? 0x06u : 0xc1u) | reg << 3);
            }
        } else if (!strcmp(s, "ib")) {
            add(insn, (unsigned)rnd());
        } else if (!strcmp(s, "is4")) {
            add(insn, 0x30);
        } else if (!strcmp(s, "REX.W")) {
            if (!w)
                return false;
        } else if (!strcmp(s, "NOREX.W")) {
            if (w)
                return false;
        } else if (strcmp(s, "NP")) {
            if (!vex && w && !strcmp(s, "0F") && !escaped) {
                add(insn, 0x48);
                escaped = true;
            }
            if (strstr(s, "+i"))
                modrm = true;
            add(insn, (unsigned)strtoul(s, NULL, 16) + (strstr(s, "+i") ? rnd() % 8 : 0));
        }
    }
    return modrm || !memory;
}

/* ---- Comparison ------------------------------------------------------------------------- */

/* Whether VCVTPS2PH reports PE beside an unmasked OE or UE follows no rule of the manual. */
static void hide_half_inexact(const X86Row *row, int raised, Machine *host, Machine *target)
{
    enum { MXCSR_PE = 1u << 5 };

    if (raised != X86_XM || !strstr(row->operands, "CVTPS2PH"))
        return;
    host->mxcsr |= MXCSR_PE;
    target->mxcsr |= MXCSR_PE;
}

static bool is_nan(uint64_t v, bool is_double)
{
    return is_double ? (v & INT64_MAX) > UINT64_C(0x7ff) << 52
                     : (v & INT32_MAX) > UINT64_C(0xff) << 23;
}

/* Which of several NaNs a dot product gives depends on the order of its sums, which makers choose. */
static void hide_choice_of_nan(const X86Row *row, const X86Ymm *host, X86Ymm *target)
{
    bool is_double = strstr(row->operands, "DPPD");

    if (!is_double && !strstr(row->operands, "DPPS"))
        return;
    for (unsigned i = 0; i < 4 && is_double; i++)
        if (is_nan(host->u64[i], true) && is_nan(target->u64[i], true))
            target->u64[i] = host->u64[i];
    for (unsigned i = 0; i < 8 && !is_double; i++)
        if (is_nan(host->u32[i], false) && is_nan(target->u32[i], false))
            target->u32[i] = host->u32[i];
}

/* Values that instructions which load state must not find at random. */
static void prepare(const X86Row *row, Machine *m)
{
    uint32_t mxcsr = (uint32_t)rnd() & 0xffff;

    if (strstr(row->operands, "LDMXCSR"))
        memcpy(m->memory + MEMORY_AT, &mxcsr, 4);
}

static void hide_pointers(const X86Row *row, const Insn *insn, Machine *host, Machine *target)
{
    unsigned field = insn->bytes[0] == OPSIZE_PREFIX ? 2 : 4;
    unsigned at = MEMORY_AT + ENV_POINTER_FIELDS * field;

    if (!is_x87(row, "FNSTENV", "FNSAVE"))
        return;
    memset(host->memory + at, 0, ENV_N_POINTER_FIELDS * field);
    memset(target->memory + at, 0, ENV_N_POINTER_FIELDS * field);
}

/* With the portable x87 (third argument) transcendental functions differ in their last bits. */
static bool tolerant;

static bool is_transcendental(const X86Row *row)
{
    return is_x87(row, "FYL2X", "F2XM1") || is_x87(row, "FPTAN", "FPATAN") ||
           is_x87(row, "FSIN", "FCOS");
}

static bool same(const Machine *a, const Machine *b)
{
    bool equal = !memcmp(a->ymm, b->ymm, sizeof(a->ymm)) && a->rax == b->rax && a->rcx == b->rcx &&
                 a->rdx == b->rdx && a->flags == b->flags && a->mxcsr == b->mxcsr &&
                 a->fcw == b->fcw && a->fsw == b->fsw &&
                 a->ftag_full == b->ftag_full && !memcmp(a->memory, b->memory, MEMORY_BYTES);

    for (unsigned i = 0; i < 8; i++)
        equal = equal && !memcmp(a->st[i].bytes, b->st[i].bytes, 10);
    return equal;
}

static void show_ymm(const char *name, const X86Ymm *v)
{
    g_printerr("    %s %016" G_GINT64_MODIFIER "x %016" G_GINT64_MODIFIER "x %016"
               G_GINT64_MODIFIER "x %016" G_GINT64_MODIFIER "x\n",
               name, v->u64[3], v->u64[2], v->u64[1], v->u64[0]);
}

static void show(const char *name, const Machine *m)
{
    if (g_getenv("VERBOSE")[0] == 's') {
        g_printerr("  %s: mxcsr %x fcw %x fsw %x tags %x", name, m->mxcsr, m->fcw, m->fsw,
                   m->ftag_full);
        for (unsigned i = 0; i < 3; i++)
            g_printerr("  %04x %016lx", m->st[i].sign_exponent, m->st[i].mantissa);
        g_printerr("\n");
        return;
    }
    g_printerr("  %s: rax %lx rcx %lx rdx %lx flags %x mxcsr %x fcw %x fsw %x tags %x\n", name,
               m->rax, m->rcx, m->rdx, m->flags, m->mxcsr, m->fcw, m->fsw, m->ftag_full);
    for (unsigned i = 0; i < 4; i++)
        show_ymm("ymm", &m->ymm[i]);
    for (unsigned i = 0; i < 8; i++)
        g_printerr("    st%u %04x %016lx\n", i, m->st[i].sign_exponent, m->st[i].mantissa);
    for (unsigned i = 0; i < 1; i++)
        show_ymm("mem", (const X86Ymm *)(m->memory + MEMORY_AT));
}

static void show_difference(const Machine *a, const Machine *b)
{
    const struct {
        const char *name;
        bool differs;
    } parts[] = {
        { "ymm", memcmp(a->ymm, b->ymm, sizeof(a->ymm)) }, { "flags", a->flags != b->flags },
        { "mxcsr", a->mxcsr != b->mxcsr }, { "fsw", a->fsw != b->fsw },
        { "fcw", a->fcw != b->fcw }, { "tags", a->ftag_full != b->ftag_full },
        { "memory", memcmp(a->memory, b->memory, MEMORY_BYTES) },
        { "registers", a->rax != b->rax || a->rcx != b->rcx || a->rdx != b->rdx },
        { "st", memcmp(a->st, b->st, sizeof(a->st)) },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
        if (parts[i].differs)
            g_printerr(" %s", parts[i].name);
    g_printerr("\n");
}

static unsigned n_failed, n_rows, n_unknown, n_cases;

static bool run_case(const X86Row *row, const Insn *insn)
{
    static Machine start, host, target;
    int raised, expected;

    randomise(&start, row);
    prepare(row, &start);
    host = target = start;
    if (strstr(row->operands, "GATHER"))
        for (unsigned i = 0; i < 4; i++)
            host.ymm[4].u64[i] = strstr(row->operands, "RQ") || strstr(row->operands, "RQP")
                                     ? rnd() % 32 - 16 : (rnd() % 32 - 16) << 32 | (rnd() % 16);
    target.ymm[4] = host.ymm[4];
    if (!host_run(&host, insn->bytes, insn->n, &expected))
        return false;
    target_run(&target, insn->bytes, insn->n, &raised);
    hide_pointers(row, insn, &host, &target);
    hide_half_inexact(row, expected, &host, &target);
    for (unsigned i = 0; i < G_N_ELEMENTS(host.ymm); i++)
        hide_choice_of_nan(row, &host.ymm[i], &target.ymm[i]);
    n_cases++;
    if (raised == expected && same(&host, &target))
        return true;
    if (n_failed++ < 400 && g_getenv("VERBOSE")) {
        show("start", &start);
        show("host", &host);
        show("target", &target);
    }
    g_printerr("FAIL %s [%s] raised %d:", row->operands, row->pattern, raised);
    for (unsigned i = 0; i < insn->n; i++)
        g_printerr(" %02x", insn->bytes[i]);
    show_difference(&host, &target);
    return true;
}

static void test_row(const X86Row *row, unsigned cases)
{
    unsigned failed = n_failed;

    n_rows++;
    for (unsigned i = 0; i < cases && n_failed < failed + 3; i++) {
        Insn insn;
        if (!assemble(row, i & 1, i & 2, &insn))
            continue;
        if (!run_case(row, &insn)) {
            n_unknown++;
            if (g_getenv("VERBOSE"))
                g_printerr("unknown: %s\n", row->operands);
            return;
        }
    }
}

int main(int argc, char **argv)
{
    unsigned cases = argc > 1 ? (unsigned)atoi(argv[1]) : 400;
    const char *only = argc > 2 ? argv[2] : "";
    g_autoptr(GError) error = NULL;

    tolerant = argc > 3;
    if (!x86_rows_compile(test_chapters, &error)) {
        g_printerr("%s\n", error->message);
        return 1;
    }
    for (const X86Row *const *chapter = test_chapters; *chapter; chapter++)
        for (const X86Row *row = *chapter; row->pattern; row++)
            if (strstr(row->operands, only) && !(tolerant && is_transcendental(row)))
                test_row(row, cases);
    printf("%u rows, %u cases, %u rows unknown to this host, %u failures\n", n_rows, n_cases,
           n_unknown, n_failed);
    return n_failed != 0;
}
