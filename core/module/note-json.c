/* SPDX-License-Identifier: MIT */
/* Notes as JSON; see note-json.h. */
#include "module/note-json.h"

#include "option/json.h"

void tn_json_member_text(GString *out, const char *separator, const char *key, const char *text)
{
    g_string_append_printf(out, "%s\"%s\": ", separator, key);
    tn_json_append(out, text);
}

void tn_json_member_texts(GString *out, const char *key, const char *const *texts, unsigned n)
{
    g_string_append_printf(out, ", \"%s\": [", key);
    for (unsigned i = 0; i < n; i++) {
        g_string_append(out, i ? ", " : "");
        tn_json_append(out, texts[i]);
    }
    g_string_append(out, "]");
}

static void append_provide(GString *out, const TnProvide *provide)
{
    tn_json_member_text(out, "{", "kind", provide->kind);
    tn_json_member_text(out, ", ", "name", provide->name);
    tn_json_member_texts(out, "aliases", (const char *const *)provide->aliases->pdata, provide->aliases->len);
    tn_json_member_text(out, ", ", "bus", provide->bus);
    tn_json_member_text(out, ", ", "category", provide->category);
    g_string_append_printf(out, ", \"user\": %s",
                           provide->flags & TN_PROVIDE_USER ? "true" : "false");
    tn_json_member_text(out, ", ", "description", provide->description);
    g_string_append(out, "}");
}

void tn_note_append_provides(GString *out, const TnNote *note)
{
    g_string_append(out, "\"provides\": [");
    for (unsigned i = 0; note && i < note->provides->len; i++) {
        g_string_append(out, i ? ",\n       " : "\n       ");
        append_provide(out, note->provides->pdata[i]);
    }
    g_string_append(out, "]");
}
