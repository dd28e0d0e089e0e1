/* SPDX-License-Identifier: MIT */
/* The table behind -action, -no-reboot and -no-shutdown. */
#include "clock/action.h"

#include <string.h>

#include "clock/runstate-internal.h"
#include "tenon/error.h"

typedef struct Action {
    const char *event;
    const char *choices[8]; /* in the order of the enums that read them; NULL ends */
    unsigned now;
} Action;

enum { ACTION_REBOOT, ACTION_SHUTDOWN, ACTION_PANIC, ACTION_WATCHDOG };

static Action actions[] = {
    [ACTION_REBOOT] = { "reboot", { "reset", "shutdown" }, 0 },
    [ACTION_SHUTDOWN] = { "shutdown", { "poweroff", "pause" }, 0 },
    [ACTION_PANIC] = { "panic",
                       { "pause", "shutdown", "exit-failure", "none" },
                       TN_PANIC_SHUTDOWN },
    [ACTION_WATCHDOG] = { "watchdog",
                          { "reset", "shutdown", "poweroff", "pause", "debug", "none",
                            "inject-nmi" },
                          0 },
};

static Action *action_find(const char *event)
{
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (strcmp(actions[i].event, event) == 0) {
            return &actions[i];
        }
    }
    return NULL;
}

bool tn_action_set(const char *event, const char *what, GError **error)
{
    Action *action = action_find(event);
    if (!action) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNKNOWN,
                    "-action %s=%s: no such event; valid are reboot, shutdown, panic and watchdog",
                    event, what);
        return false;
    }
    for (unsigned i = 0; action->choices[i]; i++) {
        if (strcmp(action->choices[i], what) == 0) {
            action->now = i;
            return true;
        }
    }
    g_autofree char *choices = g_strjoinv(", ", (char **)action->choices);
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "-action %s=%s: valid are %s", event, what,
                choices);
    return false;
}

const char *tn_action(const char *event)
{
    const Action *action = action_find(event);
    return action ? action->choices[action->now] : NULL;
}

bool tn_action_reboot_shuts_down(void)
{
    return actions[ACTION_REBOOT].now == 1;
}

bool tn_action_shutdown_pauses(void)
{
    return actions[ACTION_SHUTDOWN].now == 1;
}

TnPanicAction tn_action_panic(void)
{
    return actions[ACTION_PANIC].now;
}
