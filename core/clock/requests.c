/* SPDX-License-Identifier: MIT */
/*
 * Requests to reset, shut down, suspend, stop and start: bits set from any thread. The main loop
 * carries them out in a fixed order, the weightiest first.
 */
#include "clock/requests.h"

#include <stdatomic.h>
#include <string.h>

#include "clock/action.h"
#include "clock/runstate-internal.h"
#include "tenon/log.h"

enum {
    REQUEST_EXIT = 1u << 0,
    REQUEST_SHUTDOWN = 1u << 1,
    REQUEST_RESET = 1u << 2,
    REQUEST_POWERDOWN = 1u << 3,
    REQUEST_SUSPEND = 1u << 4,
    REQUEST_WAKEUP = 1u << 5,
    REQUEST_STOP = 1u << 6,
    REQUEST_START = 1u << 7,
};

static atomic_uint request_bits;
static atomic_int request_exit_code, request_stop_state;
static atomic_int request_reset_cause, request_shutdown_cause;
static _Atomic(GSource *) request_source;
static bool request_ended;
static TnShutdownCause request_ended_by;

static void request(unsigned bits)
{
    atomic_fetch_or(&request_bits, bits);
    GSource *source = atomic_load(&request_source);
    if (source) {
        g_source_set_ready_time(source, 0);
    }
}

void tn_machine_request_reset(TnShutdownCause cause)
{
    atomic_store(&request_reset_cause, cause);
    request(REQUEST_RESET);
}

void tn_machine_request_shutdown(TnShutdownCause cause)
{
    atomic_store(&request_shutdown_cause, cause);
    request(REQUEST_SHUTDOWN);
}

void tn_machine_request_powerdown(void)
{
    request(REQUEST_POWERDOWN);
}

void tn_machine_request_suspend(void)
{
    request(REQUEST_SUSPEND);
}

void tn_machine_request_wakeup(void)
{
    request(REQUEST_WAKEUP);
}

void tn_machine_request_stop(TnRunState state)
{
    atomic_store(&request_stop_state, state);
    request(REQUEST_STOP);
}

void tn_machine_request_start(void)
{
    request(REQUEST_START);
}

void tn_machine_exit(int code)
{
    atomic_store(&request_exit_code, code);
    request(REQUEST_EXIT);
}

void tn_machine_guest_panic(const char *info)
{
    tn_log(TN_LOG_GUEST_ERROR, "guest panicked%s%s\n", info ? ": " : "", info ? info : "");
    switch (tn_action_panic()) {
    case TN_PANIC_PAUSE:
        tn_machine_request_stop(TN_RUN_GUEST_PANICKED);
        break;
    case TN_PANIC_SHUTDOWN:
        tn_machine_request_stop(TN_RUN_GUEST_PANICKED);
        tn_machine_request_shutdown(TN_SHUTDOWN_GUEST_PANIC);
        break;
    case TN_PANIC_EXIT_FAILURE:
        tn_machine_exit(1);
        break;
    case TN_PANIC_NONE:
        break;
    }
}

/* ---- Carrying out ------------------------------------------------------------------------ */

static void request_end(TnShutdownCause cause, int code)
{
    request_ended = true;
    request_ended_by = cause;
    tn_main_loop_quit(code);
}

/* True when the loop ends. */
static bool carry_out_shutdown(TnShutdownCause cause)
{
    bool from_host = cause == TN_SHUTDOWN_HOST_SIGNAL || cause == TN_SHUTDOWN_HOST_UI ||
                     cause == TN_SHUTDOWN_HOST_COMMAND;
    tn_machine_stop(cause == TN_SHUTDOWN_GUEST_PANIC ? TN_RUN_GUEST_PANICKED : TN_RUN_SHUTDOWN);
    if (!from_host && tn_action_shutdown_pauses()) {
        return false;
    }
    request_end(cause, 0);
    return true;
}

static bool carry_out_reset(TnShutdownCause cause)
{
    if (cause == TN_SHUTDOWN_GUEST_RESET && tn_action_reboot_shuts_down()) {
        return carry_out_shutdown(cause);
    }
    tn_machine_reset(cause);
    return false;
}

static void carry_out_wakeup(void)
{
    if (tn_run_state() == TN_RUN_SUSPENDED) {
        tn_machine_reset(TN_SHUTDOWN_GUEST_RESET);
        tn_machine_start();
    }
}

static void carry_out(unsigned bits)
{
    if (bits & REQUEST_EXIT) {
        tn_machine_stop(TN_RUN_SHUTDOWN);
        request_end(TN_SHUTDOWN_GUEST_SHUTDOWN, atomic_load(&request_exit_code));
        return;
    }
    if ((bits & REQUEST_SHUTDOWN) && carry_out_shutdown(atomic_load(&request_shutdown_cause))) {
        return;
    }
    if ((bits & REQUEST_RESET) && carry_out_reset(atomic_load(&request_reset_cause))) {
        return;
    }
    if (bits & REQUEST_POWERDOWN) {
        tn_run_powerdown();
    }
    if ((bits & REQUEST_SUSPEND) && tn_machine_running()) {
        tn_machine_stop(TN_RUN_SUSPENDED);
    }
    if (bits & REQUEST_WAKEUP) {
        carry_out_wakeup();
    }
    if (bits & REQUEST_STOP) {
        tn_machine_stop(atomic_load(&request_stop_state));
    }
    if (bits & REQUEST_START) {
        tn_machine_start();
    }
}

bool tn_shutdown_cause(TnShutdownCause *cause)
{
    *cause = request_ended_by;
    return request_ended;
}

static gboolean requests_dispatch(GSource *source, GSourceFunc fn, gpointer data)
{
    g_source_set_ready_time(source, -1);
    carry_out(atomic_exchange(&request_bits, 0));
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs requests_funcs = { .dispatch = requests_dispatch };

GSource *tn_requests_source(void)
{
    GSource *source = g_source_new(&requests_funcs, sizeof(GSource));
    g_source_set_name(source, "requests");
    g_source_set_priority(source, G_PRIORITY_HIGH);
    if (atomic_load(&request_bits)) {
        g_source_set_ready_time(source, 0);
    }
    atomic_store(&request_source, source);
    return source;
}
