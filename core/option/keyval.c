/* SPDX-License-Identifier: MIT */
/* The key=value form of options; see keyval.h. */
#include "option/keyval.h"

#include <string.h>

#include "option/parse.h"

static void keyval_free(gpointer data)
{
    TnKeyVal *item = data;

    g_free(item->key);
    g_free(item->value);
    g_free(item);
}

void tn_keyvals_free(TnKeyVals *kv)
{
    if (!kv)
        return;
    g_free(kv->text);
    g_ptr_array_unref(kv->items);
    g_free(kv);
}

/* ---- Messages --------------------------------------------------------------------------- */

static char *mark_of(const TnKeyVals *kv, const TnKeyVal *item)
{
    unsigned at = item ? item->at : 0;
    unsigned length = item ? item->length : strlen(kv->text);
    g_autofree char *space = g_strnfill(at, ' ');
    g_autofree char *line = g_strnfill(length > 1 ? length - 1 : 0, '~');

    return g_strdup_printf("\n    %s\n    %s^%s", kv->text, space, line);
}

void tn_keyvals_mark(const TnKeyVals *kv, const TnKeyVal *item, GError **error)
{
    g_autofree char *mark = NULL;
    char *message;

    if (!error || !*error)
        return;
    mark = mark_of(kv, item);
    message = g_strconcat((*error)->message, mark, NULL);
    g_free((*error)->message);
    (*error)->message = message;
}

void tn_keyvals_error(const TnKeyVals *kv, const TnKeyVal *item, GError **error, const char *fmt,
                      ...)
{
    va_list args;

    va_start(args, fmt);
    if (error)
        *error = g_error_new_valist(TN_ERROR, TN_ERROR_INVALID, fmt, args);
    va_end(args);
    tn_keyvals_mark(kv, item, error);
}

/* ---- Parsing ---------------------------------------------------------------------------- */

/* Bytes up to the next single comma. */
static size_t item_length(const char *text)
{
    size_t n = 0;

    for (; text[n]; n++) {
        if (text[n] != ',')
            continue;
        if (text[n + 1] != ',')
            break;
        n++;
    }
    return n;
}

static char *undouble_commas(const char *text, size_t length)
{
    GString *value = g_string_sized_new(length);

    for (size_t i = 0; i < length; i++) {
        g_string_append_c(value, text[i]);
        i += text[i] == ',';
    }
    return g_string_free(value, false);
}

static bool key_char(char c)
{
    return g_ascii_isalnum(c) || strchr("-_.", c);
}

/* Bytes of `text` before '=' when they look like a key; 0 when there is no key. */
static size_t key_length(const char *text, size_t length)
{
    size_t n = 0;

    while (n < length && key_char(text[n]))
        n++;
    return n < length && text[n] == '=' ? n : 0;
}

static bool split_item(TnKeyVals *kv, TnKeyVal *item, const char *implied, GError **error)
{
    const char *text = kv->text + item->at;
    size_t key = key_length(text, item->length);

    if (key) {
        item->key = g_strndup(text, key);
        item->value = undouble_commas(text + key + 1, item->length - key - 1);
        return true;
    }
    item->value = undouble_commas(text, item->length);
    if (strcmp(item->value, "help") == 0 || strcmp(item->value, "?") == 0) {
        kv->help = true;
        item->key = g_strdup("help");
        return true;
    }
    if (implied && item->at == 0 && item->length) {
        item->key = g_strdup(implied);
        return true;
    }
    if (!item->length || strspn(item->value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-_.") != item->length) {
        tn_keyvals_error(kv, item, error, "'%s' is not of the form key=value", item->value);
        return false;
    }
    item->key = g_steal_pointer(&item->value);
    item->value = g_strdup("on");
    return true;
}

TnKeyVals *tn_keyvals_parse(const char *text, const char *implied, GError **error)
{
    g_autoptr(TnKeyVals) kv = g_new0(TnKeyVals, 1);
    size_t at = 0;

    kv->text = g_strdup(text);
    kv->items = g_ptr_array_new_with_free_func(keyval_free);
    while (text[at]) {
        TnKeyVal *item = g_new0(TnKeyVal, 1);

        item->at = at;
        item->length = item_length(text + at);
        g_ptr_array_add(kv->items, item);
        if (!split_item(kv, item, implied, error))
            return NULL;
        at += item->length;
        at += text[at] == ',';
    }
    return g_steal_pointer(&kv);
}

/* ---- Looking up ------------------------------------------------------------------------- */

const TnKeyVal *tn_keyvals_find(const TnKeyVals *kv, const char *key)
{
    for (unsigned i = kv->items->len; i-- > 0;) {
        const TnKeyVal *item = kv->items->pdata[i];

        if (strcmp(item->key, key) == 0)
            return item;
    }
    return NULL;
}

const char *tn_keyvals_get(const TnKeyVals *kv, const char *key)
{
    const TnKeyVal *item = tn_keyvals_find(kv, key);

    return item ? item->value : NULL;
}

bool tn_keyvals_check(const TnKeyVals *kv, const char *const *known, GError **error)
{
    for (unsigned i = 0; i < kv->items->len; i++) {
        const TnKeyVal *item = kv->items->pdata[i];
        GString *hint;

        if (g_strv_contains(known, item->key))
            continue;
        hint = g_string_new(NULL);
        tn_suggest_append(hint, item->key, known);
        tn_keyvals_error(kv, item, error, "there is no parameter '%s'%s", item->key, hint->str);
        g_string_free(hint, true);
        return false;
    }
    return true;
}
