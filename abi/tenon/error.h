/* SPDX-License-Identifier: MIT */
/* The error domain. Messages name the thing, the value given and what would be valid. */
#ifndef TENON_ERROR_H
#define TENON_ERROR_H

#include <glib.h>

#include "tenon/macros.h"

TN_BEGIN_DECLS

typedef enum TnError {
    TN_ERROR_FAILED = 0,
    TN_ERROR_INVALID = 1,         /* a value is wrong */
    TN_ERROR_UNKNOWN = 2,         /* no such name */
    TN_ERROR_NOT_BUILT = 3,       /* known, but left out of this build */
    TN_ERROR_NOT_INSTALLED = 4,   /* known, its module is not there */
    TN_ERROR_BROKEN = 5,          /* its module is there and cannot be used */
    TN_ERROR_BUSY = 6,            /* in use by something else */
    TN_ERROR_IO = 7,              /* the host's system call failed */
    TN_ERROR_UNSUPPORTED = 8,     /* understood, and not offered here */
} TnError;

/* The domain as GError wants it. */
#define TN_ERROR (tn_error_quark())
/* The domain's quark. [any] */
TN_API GQuark tn_error_quark(void);

/*
 * The candidate nearest to `text` by edit distance, NULL when none is near enough: for "did you
 * mean". `candidates` is NULL-terminated. Borrowed from it. [any]
 */
TN_API const char *tn_suggest(const char *text, const char *const *candidates);

TN_END_DECLS

#endif
