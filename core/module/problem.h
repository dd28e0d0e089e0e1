/* SPDX-License-Identifier: MIT */
/*
 * Why something that a user named cannot be had, as data: every face of the program (the command
 * line, monitors) says the same of it, since each shows this struct. It travels in a GError of the
 * domain TN_ERROR, whose message is tn_problem_message().
 */
#ifndef TENON_CORE_PROBLEM_H
#define TENON_CORE_PROBLEM_H

#include <glib.h>

#include "tenon/error.h"

typedef enum TnProblemCode {
    TN_PROBLEM_UNKNOWN,       /* nothing has the name */
    TN_PROBLEM_NOT_BUILT,     /* known, but this build has no module for it */
    TN_PROBLEM_NOT_INSTALLED, /* there is a module with it, elsewhere */
    TN_PROBLEM_BROKEN,        /* its module is there and cannot be used */
    TN_PROBLEM_DENIED,        /* its module is there, and -module deny= names it */
    TN_PROBLEM_LOCKED,        /* its module is there, and -module lock came before it was loaded */
} TnProblemCode;

/* Texts are owned; NULL where there is none. */
typedef struct TnProblem {
    TnProblemCode code;
    char *kind;   /* as in notes: "device" */
    char *name;   /* as the user gave it */
    char *module; /* the module that has it or would have it */
    char *path;   /* of the module's file, when it is there */
    char *cause;  /* a clause, of the module as "it": "it needs ABI 9.0, this program has 1.0" */
    char *hint;   /* what helps: "install the package 'tenon-misc'", "did you mean 'edu'?" */
} TnProblem;

/* All texts are copied. NULL gives NULL. */
TnProblem *tn_problem_copy(const TnProblem *problem);
void tn_problem_free(TnProblem *problem);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TnProblem, tn_problem_free)

/* "not-installed": the code as JSON and monitors spell it. */
const char *tn_problem_code_name(TnProblemCode code);
/* A kind as a reader calls it: "character device back end" of "chardev". */
const char *tn_problem_kind_noun(const char *kind);
/* One sentence of all that is in it. g_free. */
char *tn_problem_message(const TnProblem *problem);

/* Sets an error that carries the problem, which is taken over. */
void tn_problem_raise(TnProblem *problem, GError **error);
/* The problem that an error carries, NULL when it has none. Borrowed. */
const TnProblem *tn_problem_of(const GError *error);

#endif
