/* SPDX-License-Identifier: MIT */
/* Values as text; see parse.h. */
#include "option/parse.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "tenon/error.h"

enum {
    SUGGEST_MAX_LENGTH = 64, /* longer names are never a slip of the finger */
};

bool tn_parse_bool(const char *text, bool *value, GError **error)
{
    static const char *const on[] = { "on", "yes", "true", "y", NULL };
    static const char *const off[] = { "off", "no", "false", "n", NULL };

    if (g_strv_contains(on, text)) {
        *value = true;
        return true;
    }
    if (g_strv_contains(off, text)) {
        *value = false;
        return true;
    }
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is not 'on' or 'off'", text);
    return false;
}

/* Digits with an optional 0x, nothing before or after; 1 fine, 0 no number, -1 too large. */
static int parse_digits(const char *text, uint64_t *value)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    char *end;

    if (hex ? !g_ascii_isxdigit(text[2]) : !g_ascii_isdigit(text[0]))
        return 0;
    errno = 0;
    *value = g_ascii_strtoull(hex ? text + 2 : text, &end, hex ? 16 : 10);
    if (*end)
        return 0;
    return errno == ERANGE ? -1 : 1;
}

bool tn_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *value, GError **error)
{
    uint64_t parsed = 0;
    int result = parse_digits(text, &parsed);

    if (result == 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is not a number from %"
                    G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, text, min, max);
        return false;
    }
    if (result < 0 || parsed < min || parsed > max) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is out of range: %" G_GUINT64_FORMAT
                    " to %" G_GUINT64_FORMAT " is valid", text, min, max);
        return false;
    }
    *value = parsed;
    return true;
}

bool tn_parse_int(const char *text, int64_t min, int64_t max, int64_t *value, GError **error)
{
    bool negative = text[0] == '-';
    uint64_t magnitude = 0, limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    int result = parse_digits(negative ? text + 1 : text, &magnitude);
    int64_t parsed;

    if (result == 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is not a number from %" G_GINT64_FORMAT
                    " to %" G_GINT64_FORMAT, text, min, max);
        return false;
    }
    parsed = (int64_t)(negative ? 0 - magnitude : magnitude);
    if (result < 0 || magnitude > limit || parsed < min || parsed > max) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is out of range: %" G_GINT64_FORMAT
                    " to %" G_GINT64_FORMAT " is valid", text, min, max);
        return false;
    }
    *value = parsed;
    return true;
}

/* log2 of a suffix's factor, -1 for no such suffix. */
static int suffix_shift(char suffix)
{
    static const char suffixes[] = "BKMGTPE";
    const char *at = suffix ? strchr(suffixes, g_ascii_toupper(suffix)) : NULL;

    return at ? (int)(at - suffixes) * 10 : -1;
}

/* A whole number times 2^shift or times unit; false when it does not fit 64 bits. */
static bool scale_size(uint64_t number, uint64_t factor, uint64_t *value)
{
    return !__builtin_mul_overflow(number, factor, value);
}

static bool parse_size_parts(const char *text, uint64_t unit, uint64_t *value)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    char *end;
    uint64_t whole, factor = unit;
    double fraction = 0;
    int shift;

    if (hex ? !g_ascii_isxdigit(text[2]) : !g_ascii_isdigit(text[0]))
        return false;
    errno = 0;
    whole = g_ascii_strtoull(hex ? text + 2 : text, &end, hex ? 16 : 10);
    if (errno == ERANGE)
        return false;
    if (!hex && *end == '.' && g_ascii_isdigit(end[1]))
        fraction = g_ascii_strtod(end, &end);
    if (*end) {
        shift = suffix_shift(*end);
        if (shift < 0 || end[1])
            return false;
        factor = UINT64_C(1) << shift;
    }
    if (!scale_size(whole, factor, value) || (fraction > 0 && factor == 1))
        return false;
    return !__builtin_add_overflow(*value, (uint64_t)(fraction * (double)factor), value);
}

bool tn_parse_size(const char *text, uint64_t unit, uint64_t *value, GError **error)
{
    uint64_t parsed;

    if (!parse_size_parts(text, unit, &parsed)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "'%s' is not a size: a number below 2^64 bytes with an optional suffix "
                    "B, K, M, G, T, P or E is valid", text);
        return false;
    }
    *value = parsed;
    return true;
}

char *tn_format_size(uint64_t bytes)
{
    static const char suffixes[] = "\0KMGTPE";
    unsigned i = 0;

    while (bytes >= 1024 && bytes % 1024 == 0 && i < 6) {
        bytes /= 1024;
        i++;
    }
    return i ? g_strdup_printf("%" G_GUINT64_FORMAT "%c", bytes, suffixes[i])
             : g_strdup_printf("%" G_GUINT64_FORMAT, bytes);
}

/*
 * Edits are insert, delete, replace, and swap of neighbours. Three rows of the usual table are
 * enough.
 */
unsigned tn_edit_distance(const char *a, const char *b)
{
    unsigned rows[3][SUGGEST_MAX_LENGTH + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2], *spare;
    size_t n = strlen(a), m = strlen(b);

    if (n > SUGGEST_MAX_LENGTH || m > SUGGEST_MAX_LENGTH)
        return UINT_MAX;
    for (size_t j = 0; j <= m; j++)
        last[j] = j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            bool same = g_ascii_tolower(a[i - 1]) == g_ascii_tolower(b[j - 1]);

            row[j] = MIN(MIN(last[j], row[j - 1]) + 1, last[j - 1] + !same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], before[j - 2] + 1);
        }
        spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[m];
}

const char *tn_suggest(const char *text, const char *const *candidates)
{
    const char *best = NULL;
    size_t length = strlen(text);
    unsigned nearest = length <= 3 ? 2 : length <= 6 ? 3 : 4; /* edits, not reached */

    if (length == 0)
        return NULL;
    for (; *candidates; candidates++) {
        unsigned distance = tn_edit_distance(text, *candidates);

        if (distance < nearest) {
            nearest = distance;
            best = *candidates;
        }
    }
    return best;
}

void tn_suggest_append(GString *message, const char *text, const char *const *candidates)
{
    const char *best = tn_suggest(text, candidates);

    if (best)
        g_string_append_printf(message, "; did you mean '%s'?", best);
}
