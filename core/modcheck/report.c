/* SPDX-License-Identifier: MIT */
/* Results as TAP (version 14's subset that all read), or as one JSON array. */
#include <stdio.h>
#include <string.h>

#include "modcheck/check.h"
#include "option/json.h"

static unsigned number, failed;

static const char *const outcomes[] = {
    [CHECK_PASSED] = "passed", [CHECK_SKIPPED] = "skipped", [CHECK_FAILED] = "failed",
};

void tn_report_begin(const CheckOptions *options, unsigned n)
{
    number = failed = 0;
    if (options->json)
        printf("[");
    else
        printf("1..%u\n", n);
}

/* ---- TAP --------------------------------------------------------------------------------- */

static void print_comment(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **line = lines; *line; line++)
        if (**line)
            printf("# %s\n", *line);
}

/* A result's line ends at its newline and its name at '#': a reason may hold neither. */
static char *one_line(const char *text)
{
    return g_strdelimit(g_strdup(text), "\n#", ' ');
}

static void print_tap(const char *name, const CheckResult *result)
{
    printf("%s %u - %s", result->outcome == CHECK_FAILED ? "not ok" : "ok", number, name);
    if (result->outcome == CHECK_SKIPPED) {
        g_autofree char *reason = one_line(result->reason);

        printf(" # SKIP %s", reason);
    }
    printf("\n");
    if (result->outcome == CHECK_FAILED)
        print_comment(result->reason);
    if (result->remark)
        print_comment(result->remark);
    if (result->output) {
        print_comment("it printed:");
        print_comment(result->output);
    }
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void append_member(GString *out, const char *key, const char *value)
{
    if (!value)
        return;
    g_string_append_printf(out, ", \"%s\": ", key);
    tn_json_append(out, value);
}

static void print_json(const char *name, const CheckResult *result)
{
    g_autoptr(GString) out = g_string_new(number > 1 ? ",\n {\"name\": " : "\n {\"name\": ");
    char seconds[G_ASCII_DTOSTR_BUF_SIZE];

    tn_json_append(out, name);
    append_member(out, "outcome", outcomes[result->outcome]);
    append_member(out, "reason", result->reason);
    append_member(out, "remark", result->remark);
    append_member(out, "output", result->output);
    g_ascii_formatd(seconds, sizeof(seconds), "%.3f", result->seconds);
    printf("%s, \"seconds\": %s}", out->str, seconds);
}

/* ---- Both -------------------------------------------------------------------------------- */

void tn_report_case(const CheckOptions *options, const char *name, const CheckResult *result)
{
    number++;
    failed += result->outcome == CHECK_FAILED;
    if (options->json)
        print_json(name, result);
    else
        print_tap(name, result);
    fflush(stdout);
}

int tn_report_end(const CheckOptions *options)
{
    if (options->json)
        printf("\n]\n");
    return failed ? 1 : 0;
}
