/* SPDX-License-Identifier: MIT */
/* Problems with modules as data, their messages, and their way through GError; see problem.h. */
#include "module/problem.h"

#include <stdbool.h>
#include <string.h>

/* ---- In errors -------------------------------------------------------------------------- */

/* What each error of TN_ERROR has besides its message; GLib's macro wants these names. */
typedef struct TnErrorPrivate {
    TnProblem *problem; /* owned; NULL for most */
} TnErrorPrivate;

static void tn_error_private_init(TnErrorPrivate *carried)
{
    carried->problem = NULL;
}

static void tn_error_private_copy(const TnErrorPrivate *from, TnErrorPrivate *to)
{
    to->problem = tn_problem_copy(from->problem);
}

static void tn_error_private_clear(TnErrorPrivate *carried)
{
    tn_problem_free(carried->problem);
}

/* Defines tn_error_quark() of tenon/error.h. */
G_DEFINE_EXTENDED_ERROR(TnError, tn_error)

const TnProblem *tn_problem_of(const GError *error)
{
    return error && error->domain == TN_ERROR ? tn_error_get_private(error)->problem : NULL;
}

void tn_problem_raise(TnProblem *problem, GError **error)
{
    static const TnError codes[] = {
        [TN_PROBLEM_UNKNOWN] = TN_ERROR_UNKNOWN,
        [TN_PROBLEM_NOT_BUILT] = TN_ERROR_NOT_BUILT,
        [TN_PROBLEM_NOT_INSTALLED] = TN_ERROR_NOT_INSTALLED,
        [TN_PROBLEM_BROKEN] = TN_ERROR_BROKEN,
        [TN_PROBLEM_DENIED] = TN_ERROR_BROKEN,
        [TN_PROBLEM_LOCKED] = TN_ERROR_BROKEN,
    };
    g_autofree char *message = tn_problem_message(problem);
    GError *made = g_error_new_literal(TN_ERROR, codes[problem->code], message);

    tn_error_get_private(made)->problem = problem;
    g_propagate_error(error, made);
}

/* ---- The struct ------------------------------------------------------------------------- */

TnProblem *tn_problem_copy(const TnProblem *problem)
{
    TnProblem *copy;

    if (!problem)
        return NULL;
    copy = g_new0(TnProblem, 1);
    copy->code = problem->code;
    copy->kind = g_strdup(problem->kind);
    copy->name = g_strdup(problem->name);
    copy->module = g_strdup(problem->module);
    copy->path = g_strdup(problem->path);
    copy->cause = g_strdup(problem->cause);
    copy->hint = g_strdup(problem->hint);
    return copy;
}

void tn_problem_free(TnProblem *problem)
{
    if (!problem)
        return;
    g_free(problem->kind);
    g_free(problem->name);
    g_free(problem->module);
    g_free(problem->path);
    g_free(problem->cause);
    g_free(problem->hint);
    g_free(problem);
}

/* ---- Messages --------------------------------------------------------------------------- */

const char *tn_problem_code_name(TnProblemCode code)
{
    static const char *const names[] = {
        [TN_PROBLEM_UNKNOWN] = "unknown",     [TN_PROBLEM_NOT_BUILT] = "not-built",
        [TN_PROBLEM_NOT_INSTALLED] = "not-installed", [TN_PROBLEM_BROKEN] = "broken",
        [TN_PROBLEM_DENIED] = "denied",       [TN_PROBLEM_LOCKED] = "locked",
    };

    return names[code];
}

const char *tn_problem_kind_noun(const char *kind)
{
    static const char *const nouns[][2] = {
        { "accel", "accelerator" }, { "chardev", "character device back end" },
        { "iface", "interface" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(nouns); i++)
        if (strcmp(nouns[i][0], kind) == 0)
            return nouns[i][1];
    return kind;
}

static void append_state(GString *text, const TnProblem *p)
{
    switch (p->code) {
    case TN_PROBLEM_UNKNOWN:
        break;
    case TN_PROBLEM_NOT_BUILT:
        g_string_append(text, " is known, but not built");
        break;
    case TN_PROBLEM_NOT_INSTALLED:
        g_string_append(text, " is not installed");
        break;
    case TN_PROBLEM_BROKEN:
        g_string_append_printf(text, " is in the module %s, which cannot be used", p->path);
        break;
    case TN_PROBLEM_DENIED:
        g_string_append_printf(text, " is in the module %s, which is denied", p->path);
        break;
    case TN_PROBLEM_LOCKED:
        g_string_append_printf(text, " is in the module %s, which is not loaded", p->path);
        break;
    }
}

char *tn_problem_message(const TnProblem *p)
{
    GString *text = g_string_new(NULL);

    g_string_printf(text, "%s %s '%s'", p->code == TN_PROBLEM_UNKNOWN ? "there is no" : "the",
                    tn_problem_kind_noun(p->kind), p->name);
    append_state(text, p);
    if (p->cause)
        g_string_append_printf(text, ": %s", p->cause);
    if (p->hint)
        g_string_append_printf(text, "; %s", p->hint);
    return g_string_free(text, false);
}
