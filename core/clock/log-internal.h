/* SPDX-License-Identifier: MIT */
/* What the command line and the monitor use of logging. */
#ifndef TN_CLOCK_LOG_INTERNAL_H
#define TN_CLOCK_LOG_INTERNAL_H

#include <stdio.h>

#include "tenon/log.h"

/* -d: comma-separated items, "trace:GLOB" among them, "all", "none". Nothing changes on failure. */
bool tn_log_set_items(const char *items, GError **error);
/* -D: "%d" stands for the process id (the thread id with -d tid). NULL is stderr. */
bool tn_log_set_file(const char *path, GError **error);
/* -dfilter: comma-separated ranges of linear addresses, FIRST..LAST, START+SIZE or END-SIZE; instead
 * of those before. Nothing changes on failure. [main, before vCPUs run] */
bool tn_log_set_filter(const char *ranges, GError **error);
/* Whether the log is about any of `size` bytes of guest code at a linear address. [any] */
bool tn_log_in_filter(uint64_t first, uint64_t size);
/* Switches the trace points matching a glob on. */
void tn_log_add_trace(const char *glob);
/* The text of -d help. g_free. */
char *tn_log_help(void);
/* The items that are on, as -d spells them. g_free. */
char *tn_log_items(void);
/* Several tn_log calls that must stay together: returns the locked stream. */
FILE *tn_log_begin(void);
void tn_log_end(void);

#endif
