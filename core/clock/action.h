/* SPDX-License-Identifier: MIT */
/* -action: what the machine does on a reboot, a shutdown, a panic; see runstate-internal.h. */
#ifndef TN_CLOCK_ACTION_H
#define TN_CLOCK_ACTION_H

#include <stdbool.h>

typedef enum TnPanicAction {
    TN_PANIC_PAUSE, TN_PANIC_SHUTDOWN, TN_PANIC_EXIT_FAILURE, TN_PANIC_NONE,
} TnPanicAction;

bool tn_action_reboot_shuts_down(void);
bool tn_action_shutdown_pauses(void);
TnPanicAction tn_action_panic(void);

#endif
