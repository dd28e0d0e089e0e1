/* SPDX-License-Identifier: MIT */
/*
 * The main loop: GLib's default main context, with the device lock given up while it waits for
 * events. Signals that end a process become shutdown requests.
 */
#include <glib-unix.h>
#include <signal.h>

#include "clock/clock-internal.h"
#include "clock/requests.h"
#include "clock/runstate-internal.h"
#include "tenon/log.h"

static GMainLoop *main_loop;
static int main_exit_code;
static GSource *main_sources[2 + 3];

static int main_poll(GPollFD *fds, guint n, int timeout_ms)
{
    tn_device_unlock();
    int result = g_poll(fds, n, timeout_ms);
    tn_device_lock();
    return result;
}

static gboolean main_signal(gpointer data)
{
    tn_info("terminating on signal %d (%s)", GPOINTER_TO_INT(data),
            g_strsignal(GPOINTER_TO_INT(data)));
    tn_machine_request_shutdown(TN_SHUTDOWN_HOST_SIGNAL);
    return G_SOURCE_CONTINUE;
}

static void main_attach(unsigned n, GSource *source)
{
    g_source_attach(source, NULL);
    main_sources[n] = source;
}

void tn_main_loop_init(void)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    g_return_if_fail(!main_loop);
    signal(SIGPIPE, SIG_IGN); /* a closed peer is an error of write, not the end */
    tn_device_lock();
    g_main_context_set_poll_func(NULL, main_poll);
    main_loop = g_main_loop_new(NULL, FALSE);
    main_attach(0, tn_timers_source());
    main_attach(1, tn_requests_source());
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        GSource *source = g_unix_signal_source_new(signals[i]);
        g_source_set_callback(source, main_signal, GINT_TO_POINTER(signals[i]), NULL);
        main_attach(2 + i, source);
    }
}

int tn_main_loop_run(void)
{
    g_return_val_if_fail(main_loop, 1);
    g_main_loop_run(main_loop);
    return main_exit_code;
}

void tn_main_loop_quit(int exit_code)
{
    main_exit_code = exit_code;
    g_main_loop_quit(main_loop);
}

bool tn_main_loop_step(bool may_block)
{
    return g_main_context_iteration(NULL, may_block);
}

void tn_main_loop_clear(void)
{
    if (!main_loop) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(main_sources); i++) {
        g_source_destroy(main_sources[i]);
    }
    g_main_context_set_poll_func(NULL, NULL);
    g_clear_pointer(&main_loop, g_main_loop_unref);
    tn_device_unlock();
}
