/* SPDX-License-Identifier: MIT */
/*
 * Firmware files: a name with a '/' is a path; another is looked for in the directories of -L, this
 * program's data folder, and where Debian's packages put firmware.
 */
#include "machine/firmware.h"

#include <errno.h>
#include <string.h>

#include "tenon/error.h"
#include "tenon/machine.h"

static const GPtrArray *user_directories;

void tn_firmware_set_directories(const GPtrArray *directories)
{
    user_directories = directories;
}

char **tn_firmware_directories(void)
{
    static const char *const fixed[] = { TN_DATA_DIR "/firmware", "/usr/share/seabios",
                                         "/usr/share/qemu", "/usr/share/ipxe/qemu",
                                         "/usr/lib/ipxe/qemu" };
    GPtrArray *all = g_ptr_array_new();

    for (unsigned i = 0; user_directories && i < user_directories->len; i++)
        g_ptr_array_add(all, g_strdup(user_directories->pdata[i]));
    for (unsigned i = 0; i < G_N_ELEMENTS(fixed); i++)
        g_ptr_array_add(all, g_strdup(fixed[i]));
    g_ptr_array_add(all, NULL);
    return (char **)g_ptr_array_free(all, false);
}

/* The Debian package that has a file, NULL when we do not know. */
static const char *package_of(const char *name)
{
    static const struct {
        const char *prefix, *package;
    } packages[] = {
        { "bios", "seabios" },     { "vgabios", "seabios" }, { "acpi-dsdt", "seabios" },
        { "efi-", "ipxe-qemu" },   { "pxe-", "ipxe-qemu" },  { "OVMF", "ovmf" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(packages); i++)
        if (g_str_has_prefix(name, packages[i].prefix))
            return packages[i].package;
    return NULL;
}

static void set_missing_error(const char *name, char **directories, GError **error)
{
    g_autofree char *list = g_strjoinv(", ", directories);
    const char *package = package_of(name);

    g_set_error(error, TN_ERROR, package ? TN_ERROR_NOT_INSTALLED : TN_ERROR_UNKNOWN,
                "the firmware file '%s' is in none of %s%s%s%s", name, list,
                package ? ": install the package '" : "", package ? package : "",
                package ? "' or give a directory with -L" : "");
}

char *tn_firmware_find(const char *name, GError **error)
{
    g_auto(GStrv) directories = NULL;

    g_return_val_if_fail(name, NULL);
    if (strchr(name, '/') || g_file_test(name, G_FILE_TEST_IS_REGULAR)) {
        if (g_file_test(name, G_FILE_TEST_IS_REGULAR))
            return g_strdup(name);
        g_set_error(error, TN_ERROR, TN_ERROR_UNKNOWN, "there is no firmware file '%s'", name);
        return NULL;
    }
    directories = tn_firmware_directories();
    for (char **dir = directories; *dir; dir++) {
        g_autofree char *path = g_build_filename(*dir, name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
            return g_steal_pointer(&path);
    }
    set_missing_error(name, directories, error);
    return NULL;
}

GBytes *tn_firmware_load(const char *name, GError **error)
{
    g_autofree char *path = tn_firmware_find(name, error);
    char *contents;
    gsize length;

    if (!path || !g_file_get_contents(path, &contents, &length, error))
        return NULL;
    return g_bytes_new_take(contents, length);
}
