/* SPDX-License-Identifier: MIT */
/* Notes as JSON: the members that -module help and tenon-modinfo both write. */
#ifndef TENON_CORE_NOTE_JSON_H
#define TENON_CORE_NOTE_JSON_H

#include "module/note.h"

/* Appends `separator`, the key and a text; a text of NULL becomes null. */
void tn_json_member_text(GString *out, const char *separator, const char *key, const char *text);
/* Appends `, "key": [...]` of n texts. */
void tn_json_member_texts(GString *out, const char *key, const char *const *texts, unsigned n);
/* Appends `"provides": [...]`, an object a line; an empty list for a note of NULL. */
void tn_note_append_provides(GString *out, const TnNote *note);

#endif
