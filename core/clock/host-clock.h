/* SPDX-License-Identifier: MIT */
/* The host's monotonic clock, cheaper than the host gives it. */
#ifndef TN_CLOCK_HOST_CLOCK_H
#define TN_CLOCK_HOST_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * CLOCK_MONOTONIC in ns, give or take a microsecond; never less than any thread was told before. With
 * `early` it may be a time while instructions before it still run, as RDTSC's is. [any]
 */
int64_t tn_host_clock_now(bool early);

#endif
