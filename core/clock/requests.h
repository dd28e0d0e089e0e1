/* SPDX-License-Identifier: MIT */
/* Requests of machine.h: kept until the main loop carries them out. */
#ifndef TN_CLOCK_REQUESTS_H
#define TN_CLOCK_REQUESTS_H

#include <glib.h>

/* The source that carries requests out; made and attached by the main loop. */
GSource *tn_requests_source(void);
/* Calls the listeners of tn_powerdown_listen. [main +lock] */
void tn_run_powerdown(void);

#endif
