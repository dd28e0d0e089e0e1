/* SPDX-License-Identifier: MIT */
/*
 * Run states, and the requests that change them. A request may come from any thread (a vCPU's port
 * write, a signal, a monitor); it sets a bit and wakes the main loop, which carries it out.
 */
#include "clock/runstate-internal.h"

#include <stdatomic.h>
#include <string.h>

#include "clock/clock-internal.h"
#include "clock/owned.h"
#include "clock/requests.h"

static TnRunState run_state = TN_RUN_PRELAUNCH;
static bool run_running;
static const TnRunHooks *run_hooks;
static void (*run_reset)(TnShutdownCause cause);

static const char *const run_state_names[] = {
    [TN_RUN_PRELAUNCH] = "prelaunch",
    [TN_RUN_RUNNING] = "running",
    [TN_RUN_PAUSED] = "paused",
    [TN_RUN_SHUTDOWN] = "shutdown",
    [TN_RUN_SUSPENDED] = "suspended",
    [TN_RUN_GUEST_PANICKED] = "guest-panicked",
    [TN_RUN_INTERNAL_ERROR] = "internal-error",
    [TN_RUN_DEBUG] = "debug",
    [TN_RUN_IO_ERROR] = "io-error",
    [TN_RUN_SAVE_VM] = "save-vm",
    [TN_RUN_RESTORE_VM] = "restore-vm",
    [TN_RUN_WATCHDOG] = "watchdog",
};

/* ---- Listeners --------------------------------------------------------------------------- */

typedef struct Listener {
    GPtrArray **list; /* that it is in */
    void (*fn)(void *opaque);
    void (*state_fn)(void *opaque, bool running, TnRunState state);
    void *opaque;
} Listener;

static GPtrArray *run_listeners, *reset_listeners, *powerdown_listeners;

static void listener_free(void *opaque)
{
    Listener *listener = opaque;
    g_ptr_array_remove(*listener->list, listener);
    g_free(listener);
}

static void listener_add(TnObject *owner, GPtrArray **list, Listener filled)
{
    Listener *listener = g_memdup2(&filled, sizeof(filled));
    if (!*list) {
        *list = g_ptr_array_new();
    }
    listener->list = list;
    g_ptr_array_add(*list, listener);
    tn_owned_add(owner, listener, listener_free);
}

static void listeners_call(GPtrArray *list)
{
    for (unsigned i = 0; list && i < list->len; i++) {
        Listener *listener = list->pdata[i];
        listener->fn(listener->opaque);
    }
}

void tn_run_state_listen(TnObject *owner, void (*fn)(void *opaque, bool running, TnRunState state),
                         void *opaque)
{
    listener_add(owner, &run_listeners, (Listener){ .state_fn = fn, .opaque = opaque });
}

void tn_reset_listen(TnObject *owner, void (*fn)(void *opaque), void *opaque)
{
    listener_add(owner, &reset_listeners, (Listener){ .fn = fn, .opaque = opaque });
}

void tn_powerdown_listen(TnObject *owner, void (*fn)(void *opaque), void *opaque)
{
    listener_add(owner, &powerdown_listeners, (Listener){ .fn = fn, .opaque = opaque });
}

void tn_run_powerdown(void)
{
    listeners_call(powerdown_listeners);
}

/* ---- States ------------------------------------------------------------------------------ */

TnRunState tn_run_state(void)
{
    return __atomic_load_n(&run_state, __ATOMIC_RELAXED);
}

const char *tn_run_state_name(TnRunState state)
{
    return (unsigned)state < G_N_ELEMENTS(run_state_names) ? run_state_names[state] : "unknown";
}

bool tn_machine_running(void)
{
    return __atomic_load_n(&run_running, __ATOMIC_RELAXED);
}

void tn_run_set_hooks(const TnRunHooks *hooks)
{
    run_hooks = hooks;
}

void tn_run_set_reset(void (*reset)(TnShutdownCause cause))
{
    run_reset = reset;
}

static void run_enter(TnRunState state, bool running)
{
    __atomic_store_n(&run_state, state, __ATOMIC_RELAXED);
    __atomic_store_n(&run_running, running, __ATOMIC_RELAXED);
    for (unsigned i = 0; run_listeners && i < run_listeners->len; i++) {
        Listener *listener = run_listeners->pdata[i];
        listener->state_fn(listener->opaque, running, state);
    }
}

static void run_pause_cpus(void)
{
    if (run_hooks) {
        bool held = tn_device_lock_held();
        if (held) {
            tn_device_unlock();
        }
        run_hooks->pause_cpus();
        if (held) {
            tn_device_lock();
        }
    }
}

static void run_resume_cpus(void)
{
    if (run_hooks) {
        run_hooks->resume_cpus();
    }
}

void tn_machine_start(void)
{
    if (run_running) {
        return;
    }
    tn_clock_set_running(true);
    run_enter(TN_RUN_RUNNING, true);
    run_resume_cpus();
}

void tn_machine_stop(TnRunState state)
{
    if (run_running) {
        run_pause_cpus();
        tn_clock_set_running(false);
        run_enter(state, false);
    } else if (state != run_state) {
        run_enter(state, false);
    }
}

void tn_machine_reset(TnShutdownCause cause)
{
    run_pause_cpus();
    if (run_reset) {
        run_reset(cause);
    }
    listeners_call(reset_listeners);
    if (run_running) {
        run_resume_cpus();
    } else if (run_state == TN_RUN_SHUTDOWN || run_state == TN_RUN_GUEST_PANICKED ||
               run_state == TN_RUN_INTERNAL_ERROR) {
        run_enter(TN_RUN_PAUSED, false); /* the reason to stand is gone */
    }
}
