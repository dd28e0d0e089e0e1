/* SPDX-License-Identifier: MIT */
/* libFuzzer: any bytes as a file of packages. What is taken over must be fit to be shown. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "module/packages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(tn_packaged_free);
    g_autoptr(GError) error = NULL;
    bool good = tn_packages_parse((const char *)data, size, items, &error);

    if (good != (error == NULL) || (!good && items->len))
        abort();
    for (unsigned i = 0; i < items->len; i++) {
        g_autofree char *hint = tn_packaged_hint(items->pdata[i]);

        for (const char *c = hint; *c; c++)
            if (g_ascii_iscntrl(*c))
                abort();
    }
    return 0;
}
