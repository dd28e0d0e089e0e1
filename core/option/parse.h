/* SPDX-License-Identifier: MIT */
/*
 * Values as text: switches, numbers, sizes; and the nearest name for a mistyped one. Used by
 * properties and by the command line. Errors say what is wrong with the text and what would be
 * valid; the caller puts in front which option or property it is.
 */
#ifndef TENON_CORE_PARSE_H
#define TENON_CORE_PARSE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tenon/macros.h"

/* "on|off", also yes/no, true/false, y/n. */
bool tn_parse_bool(const char *text, bool *value, GError **error);
/* Decimal, or hexadecimal with 0x; within [min, max]. */
bool tn_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *value, GError **error);
bool tn_parse_int(const char *text, int64_t min, int64_t max, int64_t *value, GError **error);
/*
 * A number of bytes with an optional suffix B K M G T P E (powers of 1024; either case; "1.5G"
 * is fine). Without suffix it counts in `unit` bytes (1, or 1 MiB as -m does).
 */
bool tn_parse_size(const char *text, uint64_t unit, uint64_t *value, GError **error);

/* A size as a reader likes it: "128M", "4096". g_free. */
char *tn_format_size(uint64_t bytes);

/* How many edits make one text of the other; UINT_MAX when one is too long for names (64 bytes). */
unsigned tn_edit_distance(const char *a, const char *b);
/* Appends "; did you mean 'x'?" where tn_suggest (tenon/error.h) has one. */
void tn_suggest_append(GString *message, const char *text, const char *const *candidates);

#endif
