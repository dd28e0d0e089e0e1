/* SPDX-License-Identifier: MIT */
/*
 * Compiles decoder rows into dispatch tables.
 *
 * The notation is told in insn.h; it is that of the Intel SDM, vol. 2, section 3.1.1 (opcode
 * column) and appendix A.2 (operand codes). Each row becomes one entry for every opcode that its
 * pattern spans, and the entries of an opcode are sorted so that the first that matches is the
 * right one.
 */
#include "rows.h"

#include <string.h>

#include "tenon/error.h"

static X86Slot slots[2][X86_N_MAPS][256];
static X86Entry *all_entries; /* owned for the life of the process */

/* By operand size: 2, 4 and 8 bytes. */
#define BY_OP_SIZE(v) \
    { [OPS_B] = 1, [OPS_W] = 2, [OPS_D] = 4, [OPS_Q] = 8, [OPS_V] = (v), [OPS_Z] = MIN((v), 4), \
      [OPS_P] = (v) + 2, [OPS_DQ] = 16, [OPS_QQ] = 32, [OPS_A] = 2 * (v), [OPS_T] = 10 }

X86Common x86_common = { .bytes = { BY_OP_SIZE(2), BY_OP_SIZE(4), BY_OP_SIZE(8) } };

/* ---- Operand codes ---------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint8_t type, size, reg;
} fixed_operands[] = {
    { "AL", OPT_REG, OPS_B, RAX }, { "CL", OPT_REG, OPS_B, RCX }, { "DL", OPT_REG, OPS_B, RDX },
    { "AH", OPT_HIGH, OPS_B, RAX }, { "AX", OPT_REG, OPS_W, RAX }, { "DX", OPT_REG, OPS_W, RDX },
    { "eAX", OPT_REG, OPS_Z, RAX }, { "eCX", OPT_REG, OPS_Z, RCX }, { "eDX", OPT_REG, OPS_Z, RDX },
    { "rAX", OPT_REG, OPS_V, RAX }, { "rCX", OPT_REG, OPS_V, RCX }, { "rDX", OPT_REG, OPS_V, RDX },
    { "EAX", OPT_REG, OPS_D, RAX }, { "ECX", OPT_REG, OPS_D, RCX }, { "EDX", OPT_REG, OPS_D, RDX },
    { "ES", OPT_SEG, OPS_W, ES }, { "CS", OPT_SEG, OPS_W, CS }, { "SS", OPT_SEG, OPS_W, SS },
    { "DS", OPT_SEG, OPS_W, DS }, { "FS", OPT_SEG, OPS_W, FS }, { "GS", OPT_SEG, OPS_W, GS },
    { "1", OPT_ONE, OPS_NONE, 0 }, { "ST", OPT_ST0, OPS_NONE, 0 }, { "ST0", OPT_ST0, OPS_NONE, 0 },
    { "STi", OPT_STI, OPS_NONE, 0 }, { "ST(i)", OPT_STI, OPS_NONE, 0 },
};

static const struct {
    const char *name;
    uint8_t size;
} operand_sizes[] = {
    { "", OPS_NONE }, { "b", OPS_B }, { "w", OPS_W }, { "d", OPS_D }, { "q", OPS_Q },
    { "v", OPS_V }, { "z", OPS_Z }, { "y", OPS_Y }, { "p", OPS_P }, { "dq", OPS_DQ },
    { "qq", OPS_QQ }, { "x", OPS_X }, { "ss", OPS_D }, { "sd", OPS_Q }, { "ps", OPS_X },
    { "pd", OPS_X }, { "s", OPS_S }, { "a", OPS_A }, { "t", OPS_T }, { "pi", OPS_Q },
    { "si", OPS_D },
};

static bool parse_size(const char *text, uint8_t *size)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(operand_sizes); i++) {
        if (strcmp(text, operand_sizes[i].name) == 0) {
            *size = operand_sizes[i].size;
            return true;
        }
    }
    return false;
}

static bool parse_operand(const char *word, X86OperandCode *code)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(fixed_operands); i++) {
        if (strcmp(word, fixed_operands[i].name) == 0) {
            *code = (X86OperandCode){ fixed_operands[i].type, fixed_operands[i].size,
                                      fixed_operands[i].size, fixed_operands[i].reg };
            return true;
        }
    }
    if (!strchr("ABCDEGHIJLMNOPQRSUVWXYZ", word[0]))
        return false;
    g_auto(GStrv) sizes = g_strsplit(word + 1, "/", 2);
    *code = (X86OperandCode){ .type = (uint8_t)word[0] };
    if (!sizes[0])
        return true;
    if (!parse_size(sizes[0], &code->size))
        return false;
    code->mem_size = code->size;
    return !sizes[1] || parse_size(sizes[1], &code->mem_size);
}

static bool parse_operands(const char *operands, X86Entry *e)
{
    g_auto(GStrv) words = g_strsplit_set(operands, " ,", -1);
    unsigned n_words = 0;

    for (char **w = words; *w; w++) {
        if (!**w || n_words++ == 0) /* the mnemonic */
            continue;
        if (e->n_ops == G_N_ELEMENTS(e->op) || !parse_operand(*w, &e->op[e->n_ops]))
            return false;
        e->n_ops++;
    }
    return true;
}

/* ---- Patterns --------------------------------------------------------------------------- */

/* What a pattern says beside the entry: how many opcodes it spans. */
typedef struct Pattern {
    unsigned n_bytes;   /* opcode bytes seen, without the map's escapes */
    unsigned span;      /* 1, 8 (+r) or 16 (+c) */
    bool x87_sti;       /* "D8 C0+i" */
} Pattern;

static int hex_byte(const char *s)
{
    if (!g_ascii_isxdigit(s[0]) || !g_ascii_isxdigit(s[1]))
        return -1;
    return g_ascii_xdigit_value(s[0]) << 4 | g_ascii_xdigit_value(s[1]);
}

static bool parse_vex_word(const char *word, X86Entry *e)
{
    g_auto(GStrv) parts = g_strsplit(word, ".", -1);
    static const struct {
        const char *name;
        uint8_t prefixes, match, map;
    } known[] = {
        { "VEX", 0, 0, 0 }, { "NDS", 0, 0, 0 }, { "NDD", 0, 0, 0 }, { "DDS", 0, 0, 0 },
        { "LIG", 0, 0, 0 }, { "WIG", 0, 0, 0 }, { "NP", ENTRY_NP, 0, 0 },
        { "66", ENTRY_66, 0, 0 }, { "F3", ENTRY_F3, 0, 0 }, { "F2", ENTRY_F2, 0, 0 },
        { "L0", 0, ENTRY_L0, 0 }, { "LZ", 0, ENTRY_L0, 0 }, { "128", 0, ENTRY_L0, 0 },
        { "L1", 0, ENTRY_L1, 0 }, { "256", 0, ENTRY_L1, 0 },
        { "W0", 0, ENTRY_W0, 0 }, { "W1", 0, ENTRY_W1, 0 },
        { "0F", 0, 0, 1 }, { "0F38", 0, 0, 2 }, { "0F3A", 0, 0, 3 },
    };

    e->vex = 1;
    e->prefixes = 0;
    for (char **p = parts; *p; p++) {
        unsigned i = 0;
        while (i < G_N_ELEMENTS(known) && strcmp(*p, known[i].name) != 0)
            i++;
        if (i == G_N_ELEMENTS(known))
            return false;
        e->prefixes |= known[i].prefixes;
        e->match |= known[i].match;
        e->map = known[i].map ? known[i].map : e->map;
    }
    if (!e->prefixes)
        e->prefixes = ENTRY_NP;
    return true;
}

/* "/r" "/rm" "/rr" "/3" "/3:m" "/3:r" "/=C1" "/0=C1" */
static bool parse_modrm_word(const char *word, X86Entry *e)
{
    const char *equals = strchr(word, '=');

    e->has_modrm = true;
    if (equals) {
        int byte = hex_byte(equals + 1);
        if (byte < 0)
            return false;
        e->match |= ENTRY_MODRM;
        e->ext = (uint8_t)byte;
        return true;
    }
    if (word[1] == 'r') {
        e->match |= word[2] == 'm' ? ENTRY_MEM : word[2] == 'r' ? ENTRY_REG : 0;
        return word[2] == 0 || ((word[2] == 'm' || word[2] == 'r') && word[3] == 0);
    }
    if (word[1] < '0' || word[1] > '7')
        return false;
    e->match |= ENTRY_EXT;
    e->ext = (uint8_t)(word[1] - '0');
    if (word[2] == 0)
        return true;
    e->match |= word[3] == 'm' ? ENTRY_MEM : ENTRY_REG;
    return word[2] == ':' && (word[3] == 'm' || word[3] == 'r') && word[4] == 0;
}

/* The second byte of an x87 pattern ("D8 C0+i", "D9 E8"): a ModRM byte in disguise. */
static bool parse_x87_byte(int byte, const char *suffix, X86Entry *e)
{
    e->has_modrm = true;
    if (suffix[0] == 0) {
        e->match |= ENTRY_MODRM;
        e->ext = (uint8_t)byte;
        return true;
    }
    e->match |= ENTRY_EXT | ENTRY_REG;
    e->ext = (uint8_t)(byte >> 3 & 7);
    return byte >= 0xc0 && strcmp(suffix, "+i") == 0;
}

static bool parse_opcode_byte(const char *word, X86Entry *e, Pattern *p)
{
    int byte = hex_byte(word);
    const char *suffix = word + 2;

    if (byte < 0)
        return false;
    if (!e->vex && p->n_bytes == 0) {
        if (byte == 0x0f && e->map == 0) {
            e->map = 1;
            return true;
        }
        if (e->map == 1 && (byte == 0x38 || byte == 0x3a) && !suffix[0]) {
            e->map = byte == 0x38 ? 2 : 3;
            return true;
        }
    }
    if (p->n_bytes++ == 1)
        return e->map == 0 && e->opcode >= 0xd8 && e->opcode <= 0xdf &&
               parse_x87_byte(byte, suffix, e);
    e->opcode = (uint8_t)byte;
    p->span = strcmp(suffix, "+r") == 0 ? 8 : strcmp(suffix, "+c") == 0 ? 16 : 1;
    return p->n_bytes == 1 && (suffix[0] == 0 || p->span > 1) && e->opcode % p->span == 0;
}

static bool parse_word(const char *word, X86Entry *e, Pattern *p)
{
    static const char *const ignored[] = { "ib", "iw", "iz", "id", "io", "iv", "cb", "cw", "cd",
                                           "cz", "cp", "is4", "mo" };
    static const char *const prefixes[] = { "NP", "66", "F3", "F2" };

    if (g_str_has_prefix(word, "VEX."))
        return parse_vex_word(word, e);
    if (word[0] == '/')
        return parse_modrm_word(word, e);
    if (strcmp(word, "REX.W") == 0 || strcmp(word, "NOREX.W") == 0) {
        e->match |= word[0] == 'R' ? ENTRY_W1 : ENTRY_W0;
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(prefixes) && !e->vex && !p->n_bytes && !e->map; i++) {
        if (strcmp(word, prefixes[i]) == 0) {
            e->prefixes = (uint8_t)((e->prefixes == ENTRY_ANY_PREFIX ? 0 : e->prefixes) | 1u << i);
            return true;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(ignored); i++) {
        if (strcmp(word, ignored[i]) == 0)
            return true;
    }
    return parse_opcode_byte(word, e, p);
}

/* Operands that stand in the ModRM byte demand one, and some of them one form of it. */
static bool apply_operands(X86Entry *e)
{
    bool control = !e->vex && e->map == 1 && e->opcode >= 0x20 && e->opcode <= 0x23;

    for (unsigned i = 0; i < e->n_ops; i++) {
        uint8_t type = e->op[i].type;
        if (strchr("CDEGMNPQRSUVW", type) && !e->has_modrm)
            return false;
        if (type == OPT_M && !(e->match & (ENTRY_MEM | ENTRY_MODRM)))
            e->match |= ENTRY_MEM;
        if ((type == OPT_R || type == OPT_N || type == OPT_U) && !control &&
            !(e->match & ENTRY_MODRM))
            e->match |= ENTRY_REG;
    }
    return (e->match & (ENTRY_MEM | ENTRY_REG)) != (ENTRY_MEM | ENTRY_REG);
}

/* Whether the operand size alone tells how large each operand is. */
static bool has_plain_sizes(const X86Entry *e)
{
    for (unsigned i = 0; i < e->n_ops; i++) {
        if (x86_operand_is_odd(e->op[i].size) || x86_operand_is_odd(e->op[i].mem_size))
            return false;
    }
    return true;
}

static X86Shape shape_of(const X86Entry *e)
{
    static const struct {
        char types[3];
        uint8_t shape;
    } shapes[] = {
        { "", SHAPE_NONE }, { "E", SHAPE_RM }, { "EG", SHAPE_RM_REG }, { "GE", SHAPE_REG_RM },
        { "GM", SHAPE_REG_RM }, { "EI", SHAPE_RM_IMM }, { "Z", SHAPE_OPCODE_REG },
        { "ZI", SHAPE_OPCODE_REG_IMM }, { "rI", SHAPE_FIXED_IMM },
        { "I", SHAPE_IMM }, { "J", SHAPE_IMM },
    };
    char types[G_N_ELEMENTS(e->op) + 1] = "";

    for (unsigned i = 0; i < e->n_ops; i++)
        types[i] = (char)e->op[i].type;
    if (!has_plain_sizes(e) || e->has_modrm != (strpbrk(types, "EM") != NULL))
        return SHAPE_OTHER;
    for (unsigned i = 0; i < G_N_ELEMENTS(shapes); i++) {
        if (strcmp(types, shapes[i].types) == 0)
            return (X86Shape)shapes[i].shape;
    }
    return SHAPE_OTHER;
}

enum { ROWS_CHECKED = ROW_PROT | ROW_CPL0 | ROW_FPU | ROW_MMX | ROW_SSE | ROW_AVX };

/* Groups beat nothing, single bytes beat groups; then the more conditions the better. */
static uint8_t entry_rank(const X86Entry *e, unsigned span)
{
    unsigned rank = 0;

    rank += e->match & ENTRY_MODRM ? 64 : 0;
    rank += e->prefixes != ENTRY_ANY_PREFIX ? 32 : 0;
    rank += e->match & ENTRY_EXT ? 16 : 0;
    rank += e->match & (ENTRY_MEM | ENTRY_REG) ? 8 : 0;
    rank += e->match & (ENTRY_W0 | ENTRY_W1) ? 4 : 0;
    rank += e->match & (ENTRY_L0 | ENTRY_L1) ? 2 : 0;
    rank += span == 1 ? 1 : 0;
    return (uint8_t)rank;
}

static bool compile_row(const X86Row *row, GArray *entries, GError **error)
{
    X86Entry e = { .row = *row, .prefixes = ENTRY_ANY_PREFIX };
    Pattern p = { .span = 1 };
    g_auto(GStrv) words = g_strsplit(row->pattern, " ", -1);
    bool good = true;

    for (char **w = words; *w && good; w++)
        good = **w == 0 || parse_word(*w, &e, &p);
    good = good && p.n_bytes > 0 && parse_operands(row->operands, &e) && apply_operands(&e);
    if (!good) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "x86 decoder row \"%s\" \"%s\" is malformed",
                    row->pattern, row->operands);
        return false;
    }
    e.rank = entry_rank(&e, p.span);
    e.shape = (uint8_t)shape_of(&e);
    if (!row->gen || e.vex || row->flags & ROWS_CHECKED)
        e.row.flags |= ROW_CHECKED;
    if (row->flags & (ROW_DEF64 | ROW_FORCE64))
        e.row.flags |= ROW_WIDE;
    if (e.row.flags & (ROW_CHECKED | ROW_END) || row->feature)
        e.row.flags |= ROW_ODD;
    for (unsigned i = 0; i < p.span; i++) {
        g_array_append_val(entries, e);
        e.opcode++;
    }
    return true;
}

/* ---- Tables ----------------------------------------------------------------------------- */

static unsigned entry_place(const X86Entry *e)
{
    return e->vex * X86_N_MAPS * 256u + e->map * 256u + e->opcode;
}

static int compare_entries(const void *a, const void *b)
{
    const X86Entry *x = a, *y = b;
    int place = (int)entry_place(x) - (int)entry_place(y);

    return place ? place : (int)y->rank - (int)x->rank;
}

static bool same_conditions(const X86Entry *x, const X86Entry *y)
{
    uint32_t modes = ROW_NO64 | ROW_ONLY64;

    return entry_place(x) == entry_place(y) && x->rank == y->rank && x->match == y->match &&
           x->prefixes == y->prefixes && x->ext == y->ext && x->row.feature == y->row.feature &&
           (x->row.flags & modes) == (y->row.flags & modes);
}

/* Every pair of an opcode must differ somewhere, and agree on having a ModRM byte. */
static bool check_slot(const X86Entry *e, unsigned n, GError **error)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = i + 1; k < n; k++) {
            bool twins = same_conditions(&e[i], &e[k]);
            if (twins || e[i].has_modrm != e[k].has_modrm) {
                g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                            "x86 decoder rows \"%s\" \"%s\" and \"%s\" \"%s\" %s",
                            e[i].row.pattern, e[i].row.operands, e[k].row.pattern,
                            e[k].row.operands,
                            twins ? "cannot be told apart" : "do not agree on a ModRM byte");
                return false;
            }
        }
    }
    return true;
}

static bool is_unconditional(const X86Entry *e)
{
    return e->prefixes == ENTRY_ANY_PREFIX && !e->match && !e->row.feature &&
           !(e->row.flags & (ROW_NO64 | ROW_ONLY64));
}

static bool compile_chapters(const X86Row *const *chapters, GArray *entries, GError **error)
{
    for (; *chapters; chapters++) {
        for (const X86Row *row = *chapters; row->pattern; row++) {
            if (!compile_row(row, entries, error))
                return false;
        }
    }
    qsort(entries->data, entries->len, sizeof(X86Entry), compare_entries);
    return true;
}

static bool make_slots(const X86Entry *e, unsigned n_entries, GError **error)
{
    for (unsigned i = 0, n; i < n_entries; i += n) {
        for (n = 1; i + n < n_entries && entry_place(&e[i]) == entry_place(&e[i + n]);)
            n++;
        if (!check_slot(&e[i], n, error))
            return false;
        slots[e[i].vex][e[i].map][e[i].opcode] =
            (X86Slot){ .entries = &e[i], .n = (uint16_t)n, .has_modrm = e[i].has_modrm,
                       .certain = n == 1 && is_unconditional(&e[i]) };
    }
    return true;
}

/* ---- The short way ---------------------------------------------------------------------- */

/* By the fields of the ModRM byte that take part in it: 1 where the row fits, 0 where it does not, -1
 * where more decides. */
static int fits_form(const X86Entry *e, bool code64, bool reg_form, unsigned reg)
{
    if (!(e->prefixes & ENTRY_NP) || e->row.flags & (code64 ? ROW_NO64 : ROW_ONLY64) ||
        (e->match & ENTRY_EXT && e->ext != reg) ||
        e->match & (reg_form ? ENTRY_MEM : ENTRY_REG))
        return 0;
    if (e->match & ENTRY_MODRM)
        return (e->ext >> 6 == 3) == reg_form && (e->ext >> 3 & 7) == reg ? -1 : 0;
    return e->match & (ENTRY_W0 | ENTRY_W1) ? -1 : 1;
}

static uint16_t common_entry(const X86Slot *slot, bool code64, bool reg_form, unsigned reg)
{
    for (unsigned i = 0; i < slot->n; i++) {
        int fits = fits_form(&slot->entries[i], code64, reg_form, reg);

        if (fits)
            return fits > 0 ? (uint16_t)(&slot->entries[i] - all_entries + 1) : 0;
    }
    return 0;
}

/* The set's number; one that is there already is not made again. */
static uint16_t keep_forms(const uint16_t forms[2][8])
{
    static unsigned n_forms;
    unsigned i = 0;

    while (i < n_forms && memcmp(x86_common.forms[i], forms, sizeof(x86_common.forms[i])) != 0)
        i++;
    if (i == X86_N_FORMS)
        return 0; /* as if more decided */
    memcpy(x86_common.forms[i], forms, sizeof(x86_common.forms[i]));
    n_forms = MAX(n_forms, i + 1);
    return (uint16_t)(X86_FORMS + i);
}

static uint16_t common_entries(const X86Slot *slot, bool code64)
{
    uint16_t forms[2][8];
    bool alike = true;

    for (unsigned i = 0; i < 16; i++) {
        forms[i / 8][i % 8] = common_entry(slot, code64, i / 8, i % 8);
        alike &= forms[i / 8][i % 8] == forms[0][0];
    }
    return alike ? forms[0][0] : keep_forms(forms);
}

static void make_common(void)
{
    x86_common.entries = all_entries;
    for (unsigned mode = X86_COMMON32; mode < X86_N_COMMON; mode++) {
        for (unsigned i = 0; i < 2 * X86_N_OPCODES; i++)
            x86_common.first[mode][i / X86_N_OPCODES][i % X86_N_OPCODES] =
                common_entries(&slots[0][i / X86_N_OPCODES][i % X86_N_OPCODES],
                               mode == X86_COMMON64);
    }
}

bool x86_rows_compile(const X86Row *const *chapters, GError **error)
{
    g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(X86Entry));

    if (all_entries)
        return true;
    if (!compile_chapters(chapters, entries, error))
        return false;
    all_entries = g_aligned_alloc(entries->len, sizeof(X86Entry), X86_ENTRY_SIZE);
    memcpy(all_entries, entries->data, entries->len * sizeof(X86Entry));
    if (!make_slots(all_entries, entries->len, error)) {
        g_aligned_free(all_entries);
        all_entries = NULL;
        return false;
    }
    make_common();
    return true;
}

const X86Slot *x86_rows_slot(bool vex, unsigned map, unsigned opcode)
{
    return &slots[vex][map][opcode];
}

void x86_rows_report(GString *out)
{
    unsigned n = 0, missing = 0;

    for (const X86Row *const *chapter = x86_chapters; *chapter; chapter++) {
        for (const X86Row *row = *chapter; row->pattern; row++, n++) {
            if (!row->gen) {
                missing++;
                g_string_append_printf(out, "%-32s %s\n", row->pattern, row->operands);
            }
        }
    }
    g_string_append_printf(out, "%u of %u rows are not implemented\n", missing, n);
}
