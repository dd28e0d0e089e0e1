/* SPDX-License-Identifier: MIT */
/* -dfilter: which addresses of guest code the log is about. */
#include <errno.h>
#include <string.h>

#include "clock/log-internal.h"
#include "tenon/error.h"

typedef struct LogRange {
    uint64_t first, last;
} LogRange;

static GArray *log_ranges; /* of LogRange; NULL: everything. Set before any vCPU runs */

/* A number up to `stop`, a character behind it or the end. */
static bool log_number(const char **at, const char *stop, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = g_ascii_isdigit(**at) ? g_ascii_strtoull(*at, &end, 0) : 0;
    if (!g_ascii_isdigit(**at) || errno || !(*end == '\0' || strchr(stop, *end)))
        return false;
    *at = end;
    return true;
}

/* FIRST..LAST, START+SIZE, or END-SIZE: the SIZE bytes before END. */
static bool log_range(const char *text, LogRange *range)
{
    const char *at = text;
    uint64_t start, other;
    char kind;

    if (!log_number(&at, "+-.", &start) || !(kind = *at++))
        return false;
    if (kind == '.' && *at++ != '.')
        return false;
    if (!log_number(&at, "", &other))
        return false;
    switch (kind) {
    case '+':
        *range = (LogRange){ start, start + other - 1 };
        return other > 0 && range->last >= start;
    case '-':
        *range = (LogRange){ start - other, start - 1 };
        return other > 0 && other <= start;
    default:
        *range = (LogRange){ start, other };
        return start <= other;
    }
}

bool tn_log_set_filter(const char *ranges, GError **error)
{
    g_auto(GStrv) words = g_strsplit(ranges, ",", -1);
    g_autoptr(GArray) found = g_array_new(false, false, sizeof(LogRange));

    for (unsigned i = 0; i == 0 || words[i]; i++) {
        const char *word = words[i] ? words[i] : "";
        LogRange range;

        if (!log_range(word, &range)) {
            g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                        "'%s' is no range: 0x1000..0x1fff, 0x1000+0x1000 or 0x2000-0x1000 is one",
                        word);
            return false;
        }
        g_array_append_val(found, range);
    }
    g_clear_pointer(&log_ranges, g_array_unref);
    log_ranges = g_steal_pointer(&found);
    return true;
}

bool tn_log_in_filter(uint64_t first, uint64_t size)
{
    uint64_t last = first + (size ? size - 1 : 0);

    for (guint i = 0; log_ranges && i < log_ranges->len; i++) {
        const LogRange *range = &g_array_index(log_ranges, LogRange, i);

        if (first <= range->last && last >= range->first)
            return true;
    }
    return !log_ranges;
}
