/* SPDX-License-Identifier: MIT */
/*
 * "key=value,key=value" as most options take it. A comma in a value is written twice. The first
 * item may leave out its key when the option has an implied one ("pc" is "type=pc"); any other item
 * without '=' is a switch that is on ("splash" is "splash=on").
 *
 * Mistakes are shown in place: the message repeats the text with a mark below the item.
 */
#ifndef TENON_CORE_KEYVAL_H
#define TENON_CORE_KEYVAL_H

#include <glib.h>
#include <stdbool.h>

#include "tenon/error.h"
#include "tenon/macros.h"

typedef struct TnKeyVal {
    char *key;    /* owned */
    char *value;  /* owned, commas undone */
    unsigned at;  /* where the item begins in the text */
    unsigned length;
} TnKeyVal;

typedef struct TnKeyVals {
    char *text;       /* owned: as given */
    GPtrArray *items; /* TnKeyVal, in order */
    bool help;        /* an item was "help" or "?" */
} TnKeyVals;

/* `implied` is the key of a first item without '='; NULL when the option has none. */
TnKeyVals *tn_keyvals_parse(const char *text, const char *implied, GError **error);
void tn_keyvals_free(TnKeyVals *kv);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TnKeyVals, tn_keyvals_free)

/* The last item with the key (a later one wins), or NULL. Borrowed. */
const TnKeyVal *tn_keyvals_find(const TnKeyVals *kv, const char *key);
const char *tn_keyvals_get(const TnKeyVals *kv, const char *key);

/* Fails on an item whose key is not in the NULL-terminated list, with a suggestion. */
bool tn_keyvals_check(const TnKeyVals *kv, const char *const *known, GError **error);

/* Sets an error about an item, with the text and a mark. `item` NULL: about the whole text. */
void tn_keyvals_error(const TnKeyVals *kv, const TnKeyVal *item, GError **error, const char *fmt,
                      ...) TN_PRINTF(4, 5);
/* The same for an error that was made elsewhere: adds text and mark to it. */
void tn_keyvals_mark(const TnKeyVals *kv, const TnKeyVal *item, GError **error);

#endif
