/* SPDX-License-Identifier: MIT */
/* The error domain. Messages name the thing, the value given and what would be valid. */
#ifndef TENON_ERROR_H
#define TENON_ERROR_H

#include <glib.h>

#include "tenon/macros.h"

TN_BEGIN_DECLS

typedef enum TnError {
    TN_ERROR_FAILED,
    TN_ERROR_INVALID,        /* a value is wrong */
    TN_ERROR_UNKNOWN,        /* no such name */
    TN_ERROR_NOT_BUILT,      /* known, but left out of this build */
    TN_ERROR_NOT_INSTALLED,  /* known, its module is not there */
    TN_ERROR_BROKEN,         /* its module is there and cannot be used */
    TN_ERROR_BUSY,
    TN_ERROR_IO,
    TN_ERROR_UNSUPPORTED,
} TnError;

#define TN_ERROR (tn_error_quark())
TN_API GQuark tn_error_quark(void);

/*
 * The candidate nearest to `text` by edit distance, NULL when none is near enough: for "did you
 * mean". `candidates` is NULL-terminated. Borrowed from it. [any]
 */
TN_API const char *tn_suggest(const char *text, const char *const *candidates);

TN_END_DECLS

#endif
