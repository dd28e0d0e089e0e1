/* SPDX-License-Identifier: MIT */
/* libFuzzer: any bytes as a module's file. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "module/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    g_autoptr(GError) error = NULL;
    TnNote *note;

    if (fd < 0)
        fd = memfd_create("module", MFD_CLOEXEC);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    note = tn_note_read(fd, &error);
    if (!note != (error != NULL))
        abort(); /* one of both, always */
    tn_note_free(note);
    return 0;
}
