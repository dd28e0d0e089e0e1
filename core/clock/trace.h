/* SPDX-License-Identifier: MIT */
/* The patterns that switch trace points; see log-internal.h for the front. */
#ifndef TN_CLOCK_TRACE_H
#define TN_CLOCK_TRACE_H

void tn_trace_add(const char *glob);
void tn_trace_clear(void);

#endif
