/* SPDX-License-Identifier: MIT */
/* Where firmware files are looked for. */
#ifndef TN_MACHINE_FIRMWARE_H
#define TN_MACHINE_FIRMWARE_H

#include <glib.h>

/* The directories of -L (char *, borrowed until the end), searched first. */
void tn_firmware_set_directories(const GPtrArray *directories);
/* All directories in order of searching; NULL-terminated, g_strfreev. */
char **tn_firmware_directories(void);

#endif
