/* SPDX-License-Identifier: MIT */
/* Checks that look at the module's file and run nothing of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "modcheck/check.h"
#include "module/dynamic.h"
#include "module/scan.h"

enum {
    SCANS = 100,
    SCAN_LIMIT_US = 5000, /* of one scan, on average */
};

static const char descriptor[] = "tn_module";
static const char stable_prefix[] = "TENON_";
static const char sanitizer_prefix[] = "__odr_asan."; /* what gcc's sanitizer adds to a global */
static const char internal_version[] = "TENON_INTERNAL";

static int open_file(const Check *check, GError **error)
{
    int fd = open(check->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        tn_check_fail(error, "it cannot be opened: %s", g_strerror(errno));
    return fd;
}

static TnDynamic *read_dynamic(const Check *check, GError **error)
{
    int fd = open_file(check, error);
    TnDynamic *dynamic = fd < 0 ? NULL : tn_dynamic_read(fd, error);

    if (fd >= 0)
        close(fd);
    return dynamic;
}

/* ---- The note ---------------------------------------------------------------------------- */

static bool plain_name(const char *name)
{
    if (!*name)
        return false;
    for (; *name; name++)
        if (!g_ascii_isalnum(*name) && !strchr("+-._,/", *name))
            return false;
    return true;
}

static bool check_provide(const TnProvide *provide, GError **error)
{
    static const char *const kinds[] = { "target", "accel", "machine", "device", "bus", "chardev",
                                         "object", "iface", NULL };
    static const char *const categories[] = { "bridge", "storage", "network", "input", "display",
                                              "sound", "usb", "cpu", "misc", "watchdog",
                                              "uncategorized", NULL };

    if (!g_strv_contains(kinds, provide->kind))
        return tn_check_fail(error, "it provides '%s' of the kind '%s', which ABI 1.0 does not have",
                             provide->name, provide->kind);
    if (!plain_name(provide->name))
        return tn_check_fail(error, "the name '%s' has other than letters, digits and + - . _ , /",
                             provide->name);
    if (strcmp(provide->kind, "device") == 0 && !g_strv_contains(categories, provide->category))
        return tn_check_fail(error, "the device '%s' has the category '%s', which listings do not "
                             "have", provide->name, provide->category);
    if (!provide->description[0] && strcmp(provide->kind, "iface") != 0)
        return tn_check_fail(error, "'%s' has no description", provide->name);
    return true;
}

bool tn_check_note(Check *check, GError **error)
{
    const TnNote *note;
    g_autoptr(TnNote) read = NULL;
    int fd = open_file(check, error);

    if (fd < 0)
        return false;
    read = tn_note_read(fd, error);
    close(fd);
    note = read;
    if (!note || !tn_module_check_note(note, error))
        return false;
    if (!g_str_has_suffix(check->path, ".so"))
        return tn_check_fail(error, "its file is not called *.so: it will not be found");
    if (!plain_name(note->name))
        return tn_check_fail(error, "its name '%s' has other than letters, digits and + - . _ , /",
                             note->name);
    if (!note->version || !note->version[0] || !note->licence || !note->licence[0])
        return tn_check_fail(error, "its note does not tell its version and licence");
    for (unsigned i = 0; i < note->provides->len; i++)
        if (!check_provide(note->provides->pdata[i], error))
            return false;
    g_string_append_printf(check->remark, "%s %s, %s tier, ABI %u.%u", note->name, note->version,
                           note->internal ? "internal" : "stable", note->abi_major,
                           note->abi_minor);
    return note->provides->len || tn_check_fail(error, "it provides nothing");
}

/* ---- Symbols ----------------------------------------------------------------------------- */

bool tn_check_exports(Check *check, GError **error)
{
    g_autoptr(TnDynamic) dynamic = read_dynamic(check, error);
    bool there = false;

    if (!dynamic)
        return false;
    for (unsigned i = 0; i < dynamic->exported->len; i++) {
        const char *name = dynamic->exported->pdata[i];

        if (g_str_has_prefix(name, sanitizer_prefix))
            continue;
        if (strcmp(name, descriptor) != 0)
            return tn_check_fail(error, "it exports '%s' beside '%s': build it with "
                                 "-fvisibility=hidden", name, descriptor);
        there = true;
    }
    return there || tn_check_fail(error, "it does not export '%s'", descriptor);
}

/* "TENON_1.N" with N no more than the note's minor. */
static bool version_fits(const char *version, const TnNote *note)
{
    char *end;
    unsigned long major = strtoul(version + strlen(stable_prefix), &end, 10), minor;

    if (*end != '.')
        return false;
    minor = strtoul(end + 1, &end, 10);
    return !*end && major == note->abi_major && minor <= note->abi_minor;
}

static bool check_symbol(const TnDynamicSymbol *symbol, const TnNote *note, GError **error)
{
    const char *version = symbol->version;

    if (!g_str_has_prefix(symbol->name, "tn_"))
        return true;
    if (!version)
        return tn_check_fail(error, "it uses %s without a version: link it with libtenon", symbol->name);
    if (strcmp(version, internal_version) == 0 && !note->internal)
        return tn_check_fail(error, "it uses %s, which belongs to the internal tier", symbol->name);
    if (strcmp(version, internal_version) != 0 &&
        (!g_str_has_prefix(version, stable_prefix) || !version_fits(version, note)))
        return tn_check_fail(error, "it uses %s of %s, and its note tells ABI %u.%u", symbol->name,
                             version, note->abi_major, note->abi_minor);
    if (!tn_dynamic_core_has(symbol))
        return tn_check_fail(error, "it uses %s of %s, which this program does not have",
                             symbol->name, version);
    return true;
}

bool tn_check_symbols(Check *check, GError **error)
{
    g_autoptr(TnDynamic) dynamic = read_dynamic(check, error);
    g_autofree char *origin = g_path_get_dirname(check->path);
    unsigned used = 0;

    if (!dynamic)
        return false;
    if (!check->note)
        return tn_check_skip(check, "its note cannot be read");
    for (unsigned i = 0; i < dynamic->undefined->len; i++) {
        const TnDynamicSymbol *symbol = dynamic->undefined->pdata[i];

        if (!check_symbol(symbol, check->note, error))
            return false;
        used += g_str_has_prefix(symbol->name, "tn_");
    }
    for (unsigned i = 0; i < dynamic->needed->len; i++) {
        const char *name = dynamic->needed->pdata[i];
        g_autofree char *found = tn_dynamic_find_library(dynamic, name, origin);

        if (!found)
            return tn_check_fail(error, "it needs the library %s, which is not installed", name);
    }
    g_string_append_printf(check->remark, "%u symbols of the core, %u libraries", used,
                           dynamic->needed->len);
    return true;
}

/* ---- Time -------------------------------------------------------------------------------- */

bool tn_check_scan_time(Check *check, GError **error)
{
    int64_t start = g_get_monotonic_time(), each;

    for (unsigned i = 0; i < SCANS; i++) {
        g_autoptr(TnNote) note = NULL;
        int fd = open_file(check, error);

        if (fd < 0)
            return false;
        note = tn_note_read(fd, error);
        close(fd);
        if (!note)
            return false;
    }
    each = (g_get_monotonic_time() - start) / SCANS;
    g_string_append_printf(check->remark, "%d us to scan", (int)each);
    return each <= SCAN_LIMIT_US ||
           tn_check_fail(error, "listings take %d us for it; at most %d are reasonable", (int)each,
                         SCAN_LIMIT_US);
}
