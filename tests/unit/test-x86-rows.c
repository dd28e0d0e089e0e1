/* SPDX-License-Identifier: MIT */
/*
 * The decoder's tables: every pattern and operand string of every chapter compiles, no two rows of an
 * opcode are alike, and bad rows are refused with their text. The coverage report is printed
 * and must be empty.
 */
#include <string.h>

#include "rows.h"

static void gen_nothing(X86Ctx *c)
{
}

static void assert_refused(const X86Row *row)
{
    const X86Row rows[] = { row[0], row[1], { NULL } };
    const X86Row *const chapters[] = { rows, NULL };
    g_autoptr(GError) error = NULL;

    g_assert_false(x86_rows_compile(chapters, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, row->pattern));
}

static void test_malformed(void)
{
    static const X86Row rows[][2] = {
        { { "GG /r", "MOV Eb Gb", gen_nothing } },          /* no hex */
        { { "88", "MOV Eb Gb", gen_nothing } },             /* operands need a ModRM byte */
        { { "88 /8", "MOV Eb", gen_nothing } },             /* digits end at 7 */
        { { "88 /r", "MOV Ek Gb", gen_nothing } },          /* no such size */
        { { "88 /r", "MOV Eb Gb Eb Gb Eb", gen_nothing } }, /* five operands */
        { { "41+r", "INC Zv", gen_nothing } },              /* +r wants a multiple of 8 */
        { { "/r", "MOV Eb Gb", gen_nothing } },             /* no opcode */
        { { "VEX.67.0F 58 /r", "VADDPS Vx Hx Wx", gen_nothing } },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_refused(rows[i]);
}

static void test_twins(void)
{
    static const X86Row rows[] = {
        { "0F 10 /r", "MOVUPS Vps Wps", gen_nothing }, { "0F 10 /r", "MOVUPD Vpd Wpd", gen_nothing },
    };

    assert_refused(rows);
}

static void test_all_compile(void)
{
    g_autoptr(GError) error = NULL;
    bool good = x86_rows_compile(x86_chapters, &error);

    g_assert_no_error(error);
    g_assert_true(good);
    /* Most particular first: PAUSE before NOP and XCHG at 90. */
    const X86Slot *slot = x86_rows_slot(false, 0, 0x90);
    g_assert_cmpuint(slot->n, ==, 2);
    g_assert_cmpstr(slot->entries[0].row.operands, ==, "PAUSE");
}

static bool is_match(const X86Entry *e, bool code64, bool w, uint8_t modrm)
{
    bool mem = modrm >> 6 != 3;

    return e->prefixes & ENTRY_NP && !(e->row.flags & (code64 ? ROW_NO64 : ROW_ONLY64)) &&
           !(e->match & ENTRY_MODRM && e->ext != modrm) &&
           !(e->match & ENTRY_EXT && e->ext != (modrm >> 3 & 7)) &&
           !(e->match & (mem ? ENTRY_REG : ENTRY_MEM)) &&
           !(e->match & (w ? ENTRY_W0 : ENTRY_W1));
}

static const X86Entry *common(bool code64, unsigned map, uint8_t opcode, uint8_t modrm)
{
    const uint16_t *first = x86_common.first[code64 ? X86_COMMON64 : X86_COMMON32][map];
    unsigned n = x86_rows_number(first, opcode, modrm);

    return n ? &x86_common.entries[n - 1] : NULL;
}

/* The short way, where it leads anywhere, leads to the first of the slot that matches. */
static void assert_common(bool code64, unsigned map, uint8_t opcode, uint8_t modrm)
{
    const X86Entry *e = common(code64, map, opcode, modrm);
    const X86Slot *slot = x86_rows_slot(false, map, opcode);

    for (unsigned w = 0; e && w <= code64; w++) {
        unsigned i = 0;

        while (i < slot->n && !is_match(&slot->entries[i], code64, w, modrm))
            i++;
        g_assert_cmpuint(i, <, slot->n);
        g_assert_true(&slot->entries[i] == e);
    }
}

static void test_common(void)
{
    x86_rows_compile(x86_chapters, NULL);
    for (unsigned i = 0; i < 2 * 2 * 256 * 256; i++)
        assert_common(i >> 17, i >> 16 & 1, (uint8_t)(i >> 8), (uint8_t)i);
    /* Those that matter most are there. */
    for (unsigned i = 0; i < 0x40; i++)
        g_assert_true((i & 7) > 5 || common(true, 0, (uint8_t)i, 0));
    g_assert_nonnull(common(true, 0, 0x8d, 0));
    g_assert_null(common(true, 0, 0x8d, 0xc0));
    g_assert_nonnull(common(true, 1, 0x84, 0));
}

static void test_coverage(void)
{
    g_autoptr(GString) report = g_string_new(NULL);

    x86_rows_report(report);
    g_test_message("%s", report->str);
    g_assert_true(g_str_has_prefix(report->str, "0 of "));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/rows/malformed-rows-are-refused", test_malformed);
    g_test_add_func("/x86/rows/twins-are-refused", test_twins);
    g_test_add_func("/x86/rows/all-chapters-compile", test_all_compile);
    g_test_add_func("/x86/rows/the-short-way-leads-to-the-same-rows", test_common);
    g_test_add_func("/x86/rows/coverage", test_coverage);
    return g_test_run();
}
