/* SPDX-License-Identifier: MIT */
/* libFuzzer: any bytes as a file whose dynamic tables are read. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "module/dynamic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    g_autoptr(GError) error = NULL;
    TnDynamic *dynamic;

    if (fd < 0)
        fd = memfd_create("module", MFD_CLOEXEC);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    dynamic = tn_dynamic_read(fd, &error);
    if (!dynamic != (error != NULL))
        abort(); /* one of both, always */
    tn_dynamic_free(dynamic);
    return 0;
}
