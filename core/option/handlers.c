/* SPDX-License-Identifier: MIT */
/* Handlers of options with parameters of their own. */
#include "option/table.h"

#include <string.h>

#include "option/parse.h"

enum {
    MIB = 1u << 20,
    MAX_BOOT_MS = 65535, /* what firmware reads from fw_cfg is 16 bits wide */
};

/* Parameters of -machine that are options of their own, and where they go. */
static bool machine_shorthand(TnSettings *s, const TnKeyVal *item)
{
    struct {
        const char *key;
        char **field;
    } shorthand[] = {
        { "kernel", &s->kernel }, { "initrd", &s->initrd }, { "append", &s->append },
        { "dtb", &s->dtb }, { "firmware", &s->bios }, { "type", &s->machine },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(shorthand); i++) {
        if (strcmp(item->key, shorthand[i].key) == 0) {
            tn_option_set_text(shorthand[i].field, item->value);
            return true;
        }
    }
    if (strcmp(item->key, "accel") == 0) {
        tn_settings_add_accels(s, item->value, NULL);
        return true;
    }
    return false;
}

bool tn_option_machine(TnSettings *s, const char *value, GError **error)
{
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(value, "type", error);

    if (!kv)
        return false;
    if (kv->help)
        return tn_option_request_help(s, "machine", tn_keyvals_get(kv, "type"));
    for (unsigned i = 0; i < kv->items->len;) {
        if (machine_shorthand(s, kv->items->pdata[i]))
            g_ptr_array_remove_index(kv->items, i);
        else
            i++;
    }
    g_ptr_array_add(s->machine_options, g_steal_pointer(&kv));
    return true;
}

bool tn_option_accel(TnSettings *s, const char *value, GError **error)
{
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(value, "accel", error);
    const char *name;

    if (!kv)
        return false;
    name = tn_keyvals_get(kv, "accel");
    if (kv->help)
        return tn_option_request_help(s, "accel", name);
    if (!name || !name[0]) {
        tn_keyvals_error(kv, NULL, error, "the name of an accelerator is missing (-accel help "
                         "lists them)");
        return false;
    }
    tn_settings_add_accels(s, name, value);
    return true;
}

bool tn_option_memory(TnSettings *s, const char *value, GError **error)
{
    static const char *const known[] = { "size", "slots", "maxmem", NULL };
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(value, "size", error);
    const TnKeyVal *size, *slots, *maxmem;
    uint64_t bytes = 0, max = 0, n = 0;

    if (!kv || !tn_keyvals_check(kv, known, error))
        return false;
    size = tn_keyvals_find(kv, "size");
    slots = tn_keyvals_find(kv, "slots");
    maxmem = tn_keyvals_find(kv, "maxmem");
    if ((size && !tn_parse_size(size->value, MIB, &bytes, error)) ||
        (maxmem && !tn_parse_size(maxmem->value, 1, &max, error)) ||
        (slots && !tn_parse_uint(slots->value, 0, 256, &n, error)))
        return false;
    if (size && !bytes) {
        tn_keyvals_error(kv, size, error, "the size of RAM must not be 0");
        return false;
    }
    if (maxmem && max < bytes) {
        tn_keyvals_error(kv, maxmem, error, "maxmem must be at least the initial size");
        return false;
    }
    if (n || (maxmem && max > bytes)) {
        tn_keyvals_error(kv, slots ? slots : maxmem, error,
                         "plugging memory at run time is not supported yet");
        return false;
    }
    if (size)
        s->ram_size = (bytes + 4095) & ~UINT64_C(4095);
    return true;
}

/* ---- -boot ------------------------------------------------------------------------------ */

static bool check_drives(const TnKeyVals *kv, const char *key, GError **error)
{
    const TnKeyVal *item = tn_keyvals_find(kv, key);

    for (const char *c = item ? item->value : ""; *c; c++) {
        if (*c < 'a' || *c > 'p') {
            tn_keyvals_error(kv, item, error, "'%c' is no boot device: letters a to p are valid",
                             *c);
            return false;
        }
        if (strchr(c + 1, *c)) {
            tn_keyvals_error(kv, item, error, "the boot device '%c' is given twice", *c);
            return false;
        }
    }
    return true;
}

static bool get_bool(const TnKeyVals *kv, const char *key, bool *value, GError **error)
{
    const TnKeyVal *item = tn_keyvals_find(kv, key);

    if (!item || tn_parse_bool(item->value, value, error))
        return true;
    tn_keyvals_mark(kv, item, error);
    return false;
}

static bool get_ms(const TnKeyVals *kv, const char *key, int64_t *value, GError **error)
{
    const TnKeyVal *item = tn_keyvals_find(kv, key);

    if (!item || tn_parse_int(item->value, -1, MAX_BOOT_MS, value, error))
        return true;
    tn_keyvals_mark(kv, item, error);
    return false;
}

static void take_text(const TnKeyVals *kv, const char *key, char **field)
{
    if (tn_keyvals_get(kv, key))
        tn_option_set_text(field, tn_keyvals_get(kv, key));
}

bool tn_option_boot(TnSettings *s, const char *value, GError **error)
{
    static const char *const known[] = { "order", "once", "menu", "splash", "splash-time",
                                         "reboot-timeout", "strict", NULL };
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(value, "order", error);

    if (!kv || !tn_keyvals_check(kv, known, error) || !check_drives(kv, "order", error) ||
        !check_drives(kv, "once", error) || !get_bool(kv, "menu", &s->boot_menu, error) ||
        !get_bool(kv, "strict", &s->boot_strict, error) ||
        !get_ms(kv, "splash-time", &s->boot_splash_time, error) ||
        !get_ms(kv, "reboot-timeout", &s->boot_reboot_timeout, error))
        return false;
    s->boot_menu_set |= tn_keyvals_find(kv, "menu") != NULL;
    take_text(kv, "order", &s->boot_order);
    take_text(kv, "once", &s->boot_once);
    take_text(kv, "splash", &s->boot_splash);
    return true;
}

/* ---- -global, -rtc, -name, -uuid ---------------------------------------------------------- */

/* driver.property=value; a driver's name may have dots itself: the last one counts. */
static bool short_global(TnSettings *s, const char *value, GError **error)
{
    const char *equals = strchr(value, '=');
    g_autofree char *left = equals ? g_strndup(value, equals - value) : NULL;
    char *dot = left ? strrchr(left, '.') : NULL;

    if (!dot || dot == left || !dot[1]) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "not of the form driver.property=value");
        return false;
    }
    *dot = '\0';
    tn_settings_add_global(s, left, dot + 1, equals + 1);
    return true;
}

bool tn_option_global(TnSettings *s, const char *value, GError **error)
{
    static const char *const known[] = { "driver", "property", "value", NULL };
    g_autoptr(TnKeyVals) kv = NULL;

    if (!g_str_has_prefix(value, "driver="))
        return short_global(s, value, error);
    kv = tn_keyvals_parse(value, NULL, error);
    if (!kv || !tn_keyvals_check(kv, known, error))
        return false;
    for (unsigned i = 0; known[i]; i++) {
        if (!tn_keyvals_get(kv, known[i])) {
            tn_keyvals_error(kv, NULL, error, "the parameter '%s' is missing", known[i]);
            return false;
        }
    }
    tn_settings_add_global(s, tn_keyvals_get(kv, "driver"), tn_keyvals_get(kv, "property"),
                           tn_keyvals_get(kv, "value"));
    return true;
}

bool tn_option_rtc(TnSettings *s, const char *value, GError **error)
{
    static const char *const known[] = { "base", "clock", "driftfix", NULL };
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(value, NULL, error);
    const TnKeyVal *fix;

    if (!kv || !tn_keyvals_check(kv, known, error))
        return false;
    take_text(kv, "base", &s->rtc_base);
    take_text(kv, "clock", &s->rtc_clock);
    fix = tn_keyvals_find(kv, "driftfix");
    if (!fix)
        return true;
    if (strcmp(fix->value, "none") == 0)
        return true; /* the device's default */
    if (strcmp(fix->value, "slew") != 0) {
        tn_keyvals_error(kv, fix, error, "'%s' is not 'none' or 'slew'", fix->value);
        return false;
    }
    tn_settings_add_global(s, "mc146818rtc", "lost_tick_policy", "slew");
    return true;
}

bool tn_option_name(TnSettings *s, const char *value, GError **error)
{
    static const char *const known[] = { "guest", "process", "debug-threads", NULL };
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(value, "guest", error);
    bool named = true;

    if (!kv || !tn_keyvals_check(kv, known, error) || !get_bool(kv, "debug-threads", &named, error))
        return false;
    if (!named) {
        tn_keyvals_error(kv, tn_keyvals_find(kv, "debug-threads"), error,
                         "threads always have names here: only 'on' is valid");
        return false;
    }
    take_text(kv, "guest", &s->name);
    take_text(kv, "process", &s->process_name);
    return true;
}

bool tn_option_uuid(TnSettings *s, const char *value, GError **error)
{
    if (!g_uuid_string_is_valid(value)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "not a UUID of the form 01234567-89ab-cdef-0123-456789abcdef");
        return false;
    }
    tn_option_set_text(&s->uuid, value);
    return true;
}
