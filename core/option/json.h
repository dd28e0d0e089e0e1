/* SPDX-License-Identifier: MIT */
/*
 * JSON (RFC 8259) as a tree, and texts as JSON writes them. Nothing in the text is trusted: nesting
 * is bounded, strings are checked UTF-8, numbers are whole (what we read has no others).
 */
#ifndef TN_OPTION_JSON_H
#define TN_OPTION_JSON_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum TnJsonKind {
    TN_JSON_NULL,
    TN_JSON_BOOL,
    TN_JSON_NUMBER,
    TN_JSON_STRING,
    TN_JSON_ARRAY,
    TN_JSON_OBJECT,
} TnJsonKind;

typedef struct TnJson {
    TnJsonKind kind;
    char *key;        /* owned: its name, in an object */
    char *text;       /* owned: of a string; without U+0000 */
    int64_t number;   /* also of a bool: 0, 1 */
    GPtrArray *items; /* TnJson, owned: of an array or object, in order */
} TnJson;

/* One value, with nothing but white space around it. NULL with an error that names the line. */
TnJson *tn_json_parse(const char *text, size_t size, GError **error);
void tn_json_free(TnJson *json);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TnJson, tn_json_free)

/* The member of an object that has the key and is of the kind; NULL for none. Borrowed. */
const TnJson *tn_json_member(const TnJson *object, const char *key, TnJsonKind kind);
/* The text of such a string, NULL for none. */
const char *tn_json_text(const TnJson *object, const char *key);

/* Appends a text with quotes and escapes; NULL becomes null. What is not UTF-8 is replaced. */
void tn_json_append(GString *out, const char *text);

#endif
