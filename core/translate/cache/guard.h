/* SPDX-License-Identifier: MIT */
/* A mapped file that others may cut short: its missing pages read as zeros, instead of SIGBUS. */
#ifndef TN_TRANSLATE_CACHE_GUARD_H
#define TN_TRANSLATE_CACHE_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* Guards a mapping, page aligned; one at a time. False where that is not possible. [main] */
bool tn_guard_add(const void *data, size_t size);
/* Before it is unmapped. [main] */
void tn_guard_remove(const void *data);

#endif
