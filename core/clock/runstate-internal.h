/* SPDX-License-Identifier: MIT */
/* Run states and the main loop, as the command line, the vCPU threads and the monitor use them. */
#ifndef TN_CLOCK_RUNSTATE_INTERNAL_H
#define TN_CLOCK_RUNSTATE_INTERNAL_H

#include <glib.h>

#include "tenon/machine.h"

/* ---- The main loop ----------------------------------------------------------------------- */

/*
 * Makes the loop on GLib's default main context, takes the signals, and takes the device lock for
 * this thread: it is held by the main thread from here on except while the loop waits, so that
 * everything that runs from a GSource on the default context has it. Call first thing in main.
 */
void tn_main_loop_init(void);
/* Runs until the machine ends; returns the exit code. */
int tn_main_loop_run(void);
/* Ends tn_main_loop_run after the present round. [main] */
void tn_main_loop_quit(int exit_code);
/* Puts back signal handlers and closes the timers. */
void tn_main_loop_clear(void);
/* Runs one round of the loop: for tests and for waiting at start-up. [main +lock] */
bool tn_main_loop_step(bool may_block);

/* ---- Policies: -no-reboot, -no-shutdown, -action ----------------------------------------- */

/* -action event=what: reboot=reset|shutdown, shutdown=poweroff|pause,
 * panic=pause|shutdown|exit-failure|none, watchdog=reset|shutdown|poweroff|pause|debug|none|
 * inject-nmi. -no-reboot is reboot=shutdown, -no-shutdown is shutdown=pause. */
bool tn_action_set(const char *event, const char *what, GError **error);
const char *tn_action(const char *event);

/* ---- What carries out changes ------------------------------------------------------------ */

typedef struct TnRunHooks {
    /* Stops every vCPU and returns when none runs; called WITHOUT the device lock, since a vCPU may
     * be waiting for it. [main] */
    void (*pause_cpus)(void);
    /* Lets them run again. [main +lock] */
    void (*resume_cpus)(void);
} TnRunHooks;
/* The vCPU threads register themselves here; `hooks` must stay valid. */
void tn_run_set_hooks(const TnRunHooks *hooks);

/* Resets devices, then CPUs, as the machine wants it; the listeners of tn_reset_listen run after.
 * The vCPUs are paused. [main +lock] */
void tn_run_set_reset(void (*reset)(TnShutdownCause cause));

/* Starts or stops the machine now. [main +lock] */
void tn_machine_start(void);
void tn_machine_stop(TnRunState state);
/* Resets now; the machine goes on as it was. [main +lock] */
void tn_machine_reset(TnShutdownCause cause);
/* Why the machine ended; valid after tn_main_loop_run. */
bool tn_shutdown_cause(TnShutdownCause *cause);

#endif
