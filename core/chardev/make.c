/* SPDX-License-Identifier: MIT */
/*
 * Making chardevs from -chardev's key=value form and from the short forms of -serial, and finding
 * them by id. They live below "/chardevs".
 */
#include <string.h>

#include "chardev/chardev-internal.h"
#include "chardev/make.h"
#include "object/object.h"
#include "option/keyval.h"
#include "tenon/error.h"

static TnObject *make_folder(void)
{
    static TnObject *folder;
    if (!folder) {
        folder = tn_object_new_child(tn_object_root(), "chardevs", "container", NULL);
    }
    return folder;
}

/* ---- Finding ----------------------------------------------------------------------------- */

typedef struct Search {
    const char *id;
    TnObject *found;
    GPtrArray *ids;
} Search;

static bool make_match(TnObject *child, void *data)
{
    Search *search = data;
    if (search->ids) {
        g_ptr_array_add(search->ids, (void *)tn_object_name(child));
    }
    if (search->id && g_strcmp0(tn_object_name(child), search->id) == 0) {
        search->found = child;
    }
    return true;
}

const char **tn_chardev_ids(void)
{
    Search search = { .ids = g_ptr_array_new() };
    tn_object_each_child(make_folder(), make_match, &search);
    g_ptr_array_add(search.ids, NULL);
    return (const char **)g_ptr_array_free(search.ids, FALSE);
}

TnChardev *tn_chardev_find(const char *id, GError **error)
{
    Search search = { .id = id };
    g_return_val_if_fail(id, NULL);
    tn_object_each_child(make_folder(), make_match, &search);
    if (!search.found) {
        g_autofree const char **ids = tn_chardev_ids();
        g_autofree char *list = g_strjoinv(", ", (char **)ids);
        g_set_error(error, TN_ERROR, TN_ERROR_UNKNOWN, "there is no chardev '%s'; there %s", id,
                    ids[0] ? list : "are none (-chardev makes one)");
    }
    return search.found;
}

static bool make_close(TnObject *child, void *data)
{
    tn_chardev_close(child);
    return true;
}

void tn_chardev_close_all(void)
{
    tn_object_each_child(make_folder(), make_close, NULL);
}

/* ---- Making ------------------------------------------------------------------------------ */

static bool make_check_id(const char *id, GError **error)
{
    Search search = { .id = id };
    if (!id || !id[0]) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "id= is missing");
        return false;
    }
    tn_object_each_child(make_folder(), make_match, &search);
    if (search.found) {
        g_set_error(error, TN_ERROR, TN_ERROR_BUSY, "id=%s: there is a chardev with this id", id);
        return false;
    }
    return true;
}

static TnObject *make_object(const char *backend, GError **error)
{
    g_autofree char *type = g_strconcat("chardev-", backend, NULL);
    return tn_object_new(type, error);
}

/* Takes over the reference; returns it borrowed. */
static TnChardev *make_finish(TnObject *chr, const char *id, GError **error)
{
    bool added = tn_object_add_child(make_folder(), id, chr, error);
    tn_object_unref(chr);
    if (!added) {
        return NULL;
    }
    if (!tn_chardev_open(chr, error)) {
        tn_object_unparent(chr);
        return NULL;
    }
    return chr;
}

static bool make_set_properties(TnObject *chr, const TnKeyVals *kv, GError **error)
{
    for (unsigned i = 0; i < kv->items->len; i++) {
        const TnKeyVal *item = kv->items->pdata[i];
        if (strcmp(item->key, "backend") == 0 || strcmp(item->key, "id") == 0) {
            continue;
        }
        if (!tn_object_set(chr, item->key, item->value, error)) {
            tn_keyvals_mark(kv, item, error);
            return false;
        }
    }
    return true;
}

TnChardev *tn_chardev_new(const char *options, GError **error)
{
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(options, "backend", error);
    if (!kv) {
        return NULL;
    }
    const char *backend = tn_keyvals_get(kv, "backend");
    const char *id = tn_keyvals_get(kv, "id");
    if (!backend) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "the back end is missing; "
                    "-chardev help lists them");
        return NULL;
    }
    TnObject *chr = make_check_id(id, error) ? make_object(backend, error) : NULL;
    if (!chr) {
        return NULL;
    }
    if (!make_set_properties(chr, kv, error)) {
        tn_object_unref(chr);
        return NULL;
    }
    return make_finish(chr, id, error);
}

/* ---- Short forms ------------------------------------------------------------------------- */

/* "unix:PATH,options" and "tcp:HOST:PORT,options" in the key=value form of the socket back end. */
static char *short_socket(const char *text, GError **error)
{
    const char *rest = strchr(text, ':') + 1;
    const char *comma = strchr(rest, ',');
    size_t n = comma ? (size_t)(comma - rest) : strlen(rest);
    g_autofree char *place = g_strndup(rest, n);
    const char *options = comma ? comma : "";
    if (g_str_has_prefix(text, "unix:")) {
        return g_strdup_printf("path=%s%s", place, options);
    }
    char *colon = strrchr(place, ':');
    if (!colon) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s': tcp:HOST:PORT is expected", text);
        return NULL;
    }
    *colon = '\0';
    return g_strdup_printf("host=%s,port=%s%s", place, colon + 1, options);
}

/* "nowait" and "nodelay" are older spellings of "wait=off" and "delay=off". */
static char *short_modern(const char *options)
{
    g_auto(GStrv) words = g_strsplit(options, ",", -1);
    for (char **word = words; *word; word++) {
        const char *modern = strcmp(*word, "nowait") == 0 ? "wait=off"
                           : strcmp(*word, "nodelay") == 0 ? "delay=off" : NULL;
        if (modern) {
            g_free(*word);
            *word = g_strdup(modern);
        }
    }
    return g_strjoinv(",", words);
}

static TnChardev *short_make_socket(const char *id, const char *text, bool mux, GError **error)
{
    g_autofree char *options = short_socket(text, error);
    if (!options) {
        return NULL;
    }
    g_autofree char *modern = short_modern(options);
    g_autofree char *all = g_strdup_printf("socket,id=%s,mux=%s,%s", id, mux ? "on" : "off",
                                           modern);
    return tn_chardev_new(all, error);
}

static bool short_parse_rest(TnObject *chr, const char *text, const char *rest, GError **error)
{
    void *state;
    const TnChardevOps *ops = tn_object_interface_state(chr, TN_IFACE_CHARDEV, &state);
    bool takes = ops && ops->size > offsetof(TnChardevOps, parse_short) && ops->parse_short;
    if (takes) {
        return ops->parse_short(chr, state, rest ? rest : "", error);
    }
    if (rest) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s': nothing may follow '%.*s'", text,
                    (int)(rest - 1 - text), text);
        return false;
    }
    return true;
}

static TnChardev *short_make(const char *id, const char *text, bool mux, GError **error)
{
    if (g_str_has_prefix(text, "unix:") || g_str_has_prefix(text, "tcp:")) {
        return short_make_socket(id, text, mux, error);
    }
    const char *colon = strchr(text, ':');
    g_autofree char *backend = colon ? g_strndup(text, colon - text) : g_strdup(text);
    TnObject *chr = make_check_id(id, error) ? make_object(backend, error) : NULL;
    if (!chr) {
        return NULL;
    }
    /* With the monitor on the terminal, ^C belongs to the guest. */
    bool ok = short_parse_rest(chr, text, colon ? colon + 1 : NULL, error) &&
              (!mux || tn_object_set_bool(chr, "mux", true, error)) &&
              (!mux || strcmp(backend, "stdio") != 0 ||
               tn_object_set_bool(chr, "signal", false, error));
    if (!ok) {
        tn_object_unref(chr);
        return NULL;
    }
    return make_finish(chr, id, error);
}

TnChardev *tn_chardev_new_short(const char *id, const char *text, GError **error)
{
    g_return_val_if_fail(id && text, NULL);
    if (strcmp(text, "none") == 0) {
        return NULL;
    }
    if (g_str_has_prefix(text, "chardev:")) {
        return tn_chardev_find(text + strlen("chardev:"), error);
    }
    bool mux = g_str_has_prefix(text, "mon:");
    return short_make(id, mux ? text + strlen("mon:") : text, mux, error);
}
