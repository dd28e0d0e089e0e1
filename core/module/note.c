/* SPDX-License-Identifier: MIT */
/* The text of a note: lines of key=value, as abi/tenon/module.h describes. */
#include "module/note.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "module/elf.h"
#include "tenon/error.h"
#include "tenon/module.h"

enum {
    PROVIDES_FIELDS = 6,
    ALIAS_FIELDS = 3,
    MAX_TEXT = 64 * 1024, /* bytes of a note */
    MAX_LINES = 2048,     /* so that looking up aliases stays cheap */
};

static void provide_free(gpointer data)
{
    TnProvide *provide = data;

    g_ptr_array_unref(provide->aliases);
    g_free(provide);
}

void tn_note_free(TnNote *note)
{
    if (!note)
        return;
    g_free(note->text);
    g_free(note->lines);
    g_strfreev(note->guests);
    g_ptr_array_unref(note->requires);
    g_ptr_array_unref(note->provides);
    g_free(note);
}

/* ---- Lines ------------------------------------------------------------------------------ */

/* Cuts a value at its first n - 1 bars into n fields; the last may have more. False: too few. */
static bool cut_fields(char *value, char **fields, unsigned n)
{
    const char *bar = value;

    for (unsigned i = 1; i < n; i++, bar++)
        if (!(bar = strchr(bar, '|')))
            return false;
    for (unsigned i = 0; i < n; i++) {
        fields[i] = value;
        value = i + 1 < n ? strchr(value, '|') : NULL;
        if (value)
            *value++ = '\0';
    }
    return true;
}

static bool parse_provides(TnNote *note, char *value, GError **error)
{
    char *part[PROVIDES_FIELDS];
    TnProvide *provide;

    bool named = value[0] != '|' && strstr(value, "||") != strchr(value, '|');

    /* The message shows the line, so that it is judged before it is cut. */
    if (!named || !cut_fields(value, part, PROVIDES_FIELDS)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its note has the bad line 'provides=%s'",
                    value);
        return false;
    }
    provide = g_new0(TnProvide, 1);
    provide->kind = part[0];
    provide->name = part[1];
    provide->bus = part[2];
    provide->category = part[3];
    provide->flags = strchr(part[4], 'u') ? TN_PROVIDE_USER : 0;
    provide->description = part[5];
    provide->aliases = g_ptr_array_new();
    g_ptr_array_add(note->provides, provide);
    return true;
}

static TnProvide *find_provide(const TnNote *note, const char *kind, const char *name)
{
    for (unsigned i = 0; i < note->provides->len; i++) {
        TnProvide *provide = note->provides->pdata[i];

        if (strcmp(provide->kind, kind) == 0 && strcmp(provide->name, name) == 0)
            return provide;
    }
    return NULL;
}

static bool parse_alias(TnNote *note, char *value, GError **error)
{
    char *part[ALIAS_FIELDS];
    TnProvide *provide;

    if (!cut_fields(value, part, ALIAS_FIELDS)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its note has the bad line 'alias=%s'",
                    value);
        return false;
    }
    provide = find_provide(note, part[0], part[2]);
    if (!provide) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "its note has the alias '%s' of the %s '%s', which names nothing that it "
                    "provides before", part[1], part[0], part[2]);
        return false;
    }
    g_ptr_array_add(provide->aliases, part[1]);
    return true;
}

/* A decimal number of 16 bits, as descriptors have it. */
static bool parse_version(const char *text, char **end, unsigned *value)
{
    unsigned long n = g_ascii_isdigit(*text) ? strtoul(text, end, 10) : ULONG_MAX;

    *value = n;
    return n <= UINT16_MAX;
}

static bool parse_abi(TnNote *note, const char *value, GError **error)
{
    char *end;

    if (parse_version(value, &end, &note->abi_major) && *end == '.' &&
        parse_version(end + 1, &end, &note->abi_minor) && !*end)
        return true;
    g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its note has the bad line 'abi=%s'", value);
    return false;
}

static bool parse_line(TnNote *note, const char *key, char *value, GError **error)
{
    struct {
        const char *key;
        char **field;
    } texts[] = {
        { "name", &note->name },       { "version", &note->version },
        { "licence", &note->licence }, { "vendor", &note->vendor },
        { "internal-hash", &note->internal_hash },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        if (strcmp(key, texts[i].key) == 0)
            *texts[i].field = value;
    if (strcmp(key, "abi") == 0)
        return parse_abi(note, value, error);
    if (strcmp(key, "provides") == 0)
        return parse_provides(note, value, error);
    if (strcmp(key, "alias") == 0)
        return parse_alias(note, value, error);
    if (strcmp(key, "requires") == 0)
        g_ptr_array_add(note->requires, value);
    if (strcmp(key, "tier") == 0)
        note->internal = strcmp(value, "internal") == 0;
    if (strcmp(key, "guests") == 0) {
        g_strfreev(note->guests);
        note->guests = g_strsplit(value, ",", -1);
    }
    return true; /* a key that is not known comes from a newer module: listing goes on */
}

static bool parse_lines(TnNote *note, GError **error)
{
    char *next, *equals;
    unsigned n = 0;

    for (char *line = note->lines; line; line = next) {
        if (++n > MAX_LINES) {
            g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its note has more than %d lines",
                        MAX_LINES);
            return false;
        }
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        equals = strchr(line, '=');
        if (!equals)
            continue;
        *equals = '\0';
        if (!parse_line(note, line, equals + 1, error))
            return false;
    }
    return true;
}

/* Names end up in messages and file names nowhere, but a terminal shows them: plain text only. */
static bool check_text(const char *text, GError **error)
{
    for (; *text; text++) {
        if (*text != '\n' && g_ascii_iscntrl(*text)) {
            g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its note is not plain text");
            return false;
        }
    }
    return true;
}

/* The first line says how to read the others: a later format need not be anything like this one. */
static bool check_format(const char *text, GError **error)
{
    static const char key[] = "format=";
    char *end = NULL;
    unsigned long format = 0;

    if (g_str_has_prefix(text, key) && g_ascii_isdigit(text[strlen(key)]))
        format = strtoul(text + strlen(key), &end, 10);
    if (!end || *end != '\n')
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its note does not begin with a format");
    else if (format != TN_NOTE_FORMAT)
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN,
                    "its note is of format %lu, this program reads format %d: it was made for "
                    "another version", format, TN_NOTE_FORMAT);
    else
        return true;
    return false;
}

/* ---- The whole -------------------------------------------------------------------------- */

TnNote *tn_note_parse(const char *text, size_t size, GError **error)
{
    g_autoptr(TnNote) note = NULL;

    if (size > MAX_TEXT) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its note is larger than %d bytes", MAX_TEXT);
        return NULL;
    }
    note = g_new0(TnNote, 1);
    note->requires = g_ptr_array_new();
    note->provides = g_ptr_array_new_with_free_func(provide_free);
    note->text = g_malloc0(size + 1);
    memcpy(note->text, text, size);
    note->text_size = size;
    if (!check_format(note->text, error))
        return NULL;
    if (!g_utf8_validate(note->text, -1, NULL)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its note is not UTF-8");
        return NULL;
    }
    note->lines = g_strdup(note->text);
    if (!check_text(note->text, error) || !parse_lines(note, error))
        return NULL;
    if (!note->name || !note->name[0]) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its note has no name");
        return NULL;
    }
    return g_steal_pointer(&note);
}

TnNote *tn_note_parse_for(const TnElfHost *host, const char *text, size_t size, GError **error)
{
    TnNote *note = tn_note_parse(text, size, error);

    if (note) {
        note->host = *host;
        note->arch = tn_elf_host_name(host);
        note->foreign = tn_elf_host_is_foreign(host);
    }
    return note;
}

TnNote *tn_note_read_sized(int fd, uint64_t size, GError **error)
{
    TnElfNote elf;
    TnNote *note;

    if (!tn_elf_read_note(fd, size, &elf, error))
        return NULL;
    note = tn_note_parse_for(&elf.host, elf.text, elf.size, error);
    g_free(elf.text);
    return note;
}

TnNote *tn_note_read(int fd, GError **error)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "it cannot be examined: %s", g_strerror(errno));
        return NULL;
    }
    return tn_note_read_sized(fd, st.st_size, error);
}
