/* SPDX-License-Identifier: MIT */
/* A recursive reader of JSON; see json.h. Section numbers are RFC 8259's. */
#include "option/json.h"

#include <string.h>

#include "tenon/error.h"

enum {
    MAX_DEPTH = 32,
    MAX_DIGITS = 18, /* what fits an int64_t for certain */
    UTF16_LEAD = 0xd800,
    UTF16_TRAIL = 0xdc00,
    UTF16_END = 0xe000,
    UTF16_PLANES = 0x10000,
};

typedef struct Reader {
    const char *start, *at, *end;
    unsigned depth;
    GError **error;
} Reader;

static bool fail(Reader *r, const char *what)
{
    unsigned line = 1;

    for (const char *p = r->start; p < r->at; p++)
        line += *p == '\n';
    g_set_error(r->error, TN_ERROR, TN_ERROR_INVALID, "line %u: %s", line, what);
    return false;
}

static void skip_space(Reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
        r->at++;
}

static bool take(Reader *r, char c)
{
    skip_space(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* ---- Strings: section 7 ----------------------------------------------------------------- */

static bool read_hex(Reader *r, unsigned *value)
{
    *value = 0;
    for (unsigned i = 0; i < 4; i++, r->at++) {
        if (r->at == r->end || !g_ascii_isxdigit(*r->at))
            return fail(r, "\\u wants four hexadecimal digits");
        *value = *value * 16 + g_ascii_xdigit_value(*r->at);
    }
    return true;
}

/* After "\u": one character, or both halves of one beyond the first plane. */
static bool read_unicode(Reader *r, GString *out)
{
    unsigned lead, trail;

    if (!read_hex(r, &lead))
        return false;
    if (lead >= UTF16_LEAD && lead < UTF16_TRAIL) {
        if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
            return fail(r, "half of a surrogate pair");
        r->at += 2;
        if (!read_hex(r, &trail))
            return false;
        if (trail < UTF16_TRAIL || trail >= UTF16_END)
            return fail(r, "half of a surrogate pair");
        lead = UTF16_PLANES + ((lead - UTF16_LEAD) << 10) + (trail - UTF16_TRAIL);
    } else if (lead >= UTF16_TRAIL && lead < UTF16_END) {
        return fail(r, "half of a surrogate pair");
    }
    if (lead == 0)
        return fail(r, "a string with U+0000");
    g_string_append_unichar(out, lead);
    return true;
}

static bool read_escape(Reader *r, GString *out)
{
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *found = r->at < r->end && *r->at ? strchr(escapes, *r->at) : NULL;

    if (r->at < r->end && *r->at == 'u') {
        r->at++;
        return read_unicode(r, out);
    }
    if (!found)
        return fail(r, "an unknown escape in a string");
    g_string_append_c(out, meant[found - escapes]);
    r->at++;
    return true;
}

static bool read_characters(Reader *r, GString *out)
{
    while (r->at < r->end && *r->at != '"') {
        if ((unsigned char)*r->at < ' ')
            return fail(r, "a control character in a string");
        if (*r->at != '\\') {
            g_string_append_c(out, *r->at++);
        } else {
            r->at++;
            if (!read_escape(r, out))
                return false;
        }
    }
    if (r->at == r->end)
        return fail(r, "a string does not end");
    r->at++;
    return true;
}

/* NULL on failure. */
static char *read_string(Reader *r)
{
    GString *out;
    bool good;

    if (!take(r, '"')) {
        fail(r, "a string is wanted");
        return NULL;
    }
    out = g_string_new(NULL);
    good = read_characters(r, out);
    return g_string_free(out, !good);
}

/* ---- Values ----------------------------------------------------------------------------- */

static bool read_value(Reader *r, TnJson *json);

/* Section 6, less fractions and exponents. */
static bool read_number(Reader *r, TnJson *json)
{
    const char *start = r->at + (*r->at == '-');
    unsigned digits = 0;

    json->kind = TN_JSON_NUMBER;
    for (r->at = start; r->at < r->end && g_ascii_isdigit(*r->at); r->at++) {
        if (++digits > MAX_DIGITS)
            return fail(r, "a number is too large");
        json->number = json->number * 10 + (*r->at - '0');
    }
    if (!digits || (digits > 1 && *start == '0') ||
        (r->at < r->end && *r->at && strchr(".eE", *r->at)))
        return fail(r, "a whole number is wanted");
    if (start > r->start && start[-1] == '-')
        json->number = -json->number;
    return true;
}

static bool read_word(Reader *r, TnJson *json)
{
    static const struct {
        const char *text;
        TnJsonKind kind;
        int number;
    } words[] = {
        { "null", TN_JSON_NULL, 0 }, { "true", TN_JSON_BOOL, 1 }, { "false", TN_JSON_BOOL, 0 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        size_t n = strlen(words[i].text);

        if ((size_t)(r->end - r->at) >= n && memcmp(r->at, words[i].text, n) == 0) {
            json->kind = words[i].kind;
            json->number = words[i].number;
            r->at += n;
            return true;
        }
    }
    return fail(r, "a value is wanted");
}

static void free_item(gpointer item)
{
    tn_json_free(item);
}

static bool read_item(Reader *r, TnJson *parent)
{
    TnJson *item = g_new0(TnJson, 1);

    g_ptr_array_add(parent->items, item);
    if (parent->kind == TN_JSON_OBJECT) {
        item->key = read_string(r);
        if (!item->key)
            return false;
        if (!take(r, ':'))
            return fail(r, "':' is wanted");
    }
    return read_value(r, item);
}

/* Sections 4 and 5. */
static bool read_items(Reader *r, TnJson *json, TnJsonKind kind, char close)
{
    json->kind = kind;
    json->items = g_ptr_array_new_with_free_func(free_item);
    if (take(r, close))
        return true;
    do {
        if (!read_item(r, json))
            return false;
    } while (take(r, ','));
    return take(r, close) || fail(r, "',' or the end of the list is wanted");
}

static bool read_text(Reader *r, TnJson *json)
{
    json->kind = TN_JSON_STRING;
    json->text = read_string(r);
    return json->text != NULL;
}

static bool read_nested(Reader *r, TnJson *json, TnJsonKind kind, char close)
{
    bool good;

    if (++r->depth > MAX_DEPTH)
        return fail(r, "values are nested too deep");
    r->at++;
    good = read_items(r, json, kind, close);
    r->depth--;
    return good;
}

static bool read_value(Reader *r, TnJson *json)
{
    skip_space(r);
    if (r->at == r->end)
        return fail(r, "a value is wanted, and the text ends");
    switch (*r->at) {
    case '{':
        return read_nested(r, json, TN_JSON_OBJECT, '}');
    case '[':
        return read_nested(r, json, TN_JSON_ARRAY, ']');
    case '"':
        return read_text(r, json);
    case '-':
    case '0' ... '9':
        return read_number(r, json);
    default:
        return read_word(r, json);
    }
}

/* ---- The whole -------------------------------------------------------------------------- */

TnJson *tn_json_parse(const char *text, size_t size, GError **error)
{
    g_autoptr(TnJson) json = g_new0(TnJson, 1);
    Reader r = { .start = text, .at = text, .end = text + size, .error = error };
    const char *bad;

    if (!g_utf8_validate_len(text, size, &bad)) {
        r.at = bad;
        fail(&r, "it is not UTF-8");
        return NULL;
    }
    if (!read_value(&r, json))
        return NULL;
    skip_space(&r);
    if (r.at < r.end) {
        fail(&r, "something follows the value");
        return NULL;
    }
    return g_steal_pointer(&json);
}

void tn_json_free(TnJson *json)
{
    if (!json)
        return;
    g_free(json->key);
    g_free(json->text);
    if (json->items)
        g_ptr_array_unref(json->items);
    g_free(json);
}

const TnJson *tn_json_member(const TnJson *object, const char *key, TnJsonKind kind)
{
    for (unsigned i = 0; object->kind == TN_JSON_OBJECT && i < object->items->len; i++) {
        const TnJson *item = object->items->pdata[i];

        if (strcmp(item->key, key) == 0)
            return item->kind == kind ? item : NULL;
    }
    return NULL;
}

const char *tn_json_text(const TnJson *object, const char *key)
{
    const TnJson *member = tn_json_member(object, key, TN_JSON_STRING);

    return member ? member->text : NULL;
}

/* ---- Writing ---------------------------------------------------------------------------- */

void tn_json_append(GString *out, const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    if (!valid) {
        g_string_append(out, "null");
        return;
    }
    g_string_append_c(out, '"');
    for (const char *p = valid; *p; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_printf(out, "\\%c", *p);
        else if ((unsigned char)*p < ' ')
            g_string_append_printf(out, "\\u%04x", *p);
        else
            g_string_append_c(out, *p);
    }
    g_string_append_c(out, '"');
}
