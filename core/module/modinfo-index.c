/* SPDX-License-Identifier: MIT */
/* tenon-modinfo --write-index and --check-index; see modinfo-index.h. */
#include "module/modinfo-index.h"

#include <stdio.h>

#include "module/index-file.h"

static void tell(const char *directory, const GError *error)
{
    fprintf(stderr, "tenon-modinfo: %s: %s\n", directory, error->message);
}

bool tn_modinfo_write_indexes(char **directories)
{
    bool good = true;

    for (; *directories; directories++) {
        g_autoptr(GError) error = NULL;

        if (!tn_index_write(*directories, &error)) {
            tell(*directories, error);
            good = false;
        }
    }
    return good;
}

bool tn_modinfo_check_indexes(char **directories, bool *stale)
{
    bool good = true;

    for (; *directories; directories++) {
        g_autoptr(GPtrArray) differences = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;

        if (!tn_index_compare(*directories, differences, &error)) {
            tell(*directories, error);
            good = false;
        }
        for (unsigned i = 0; i < differences->len; i++)
            printf("%s/%s\n", *directories, (char *)differences->pdata[i]);
        *stale |= differences->len > 0;
    }
    return good;
}
