/* SPDX-License-Identifier: MIT */
/* The program: read the command line, answer or build, run, take down. */
#include "machine/main.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "clock/log-internal.h"
#include "clock/runstate-internal.h"
#include "machine/machine.h"
#include "module/registry.h"

static int fail(const GError *error)
{
    fprintf(stderr, "tenon: %s\n", error->message);
    return 1;
}

static bool start_log(const TnSettings *settings, GError **error)
{
    if (settings->log_file && !tn_log_set_file(settings->log_file, error)) {
        g_prefix_error(error, "-D %s: ", settings->log_file);
        return false;
    }
    if (settings->log_items && !tn_log_set_items(settings->log_items, error)) {
        g_prefix_error(error, "-d %s: ", settings->log_items);
        return false;
    }
    if (settings->log_filter && !tn_log_set_filter(settings->log_filter, error)) {
        g_prefix_error(error, "-dfilter %s: ", settings->log_filter);
        return false;
    }
    return true;
}

/* One heap for all threads, that grows by larger steps: a thread's own grows by a page, with a system
 * call for each (mallopt(3)), and a vCPU's has tens of thousands of blocks. */
static void configure_heap(void)
{
#ifdef __GLIBC__
    enum { STEP = 1 << 20 };

    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, STEP);
#endif
}

static int run(TnSettings *settings)
{
    g_autoptr(GError) error = NULL;
    int code;

    configure_heap();
    if (settings->process_name)
        prctl(PR_SET_NAME, settings->process_name);
    tn_main_loop_init();
    if (start_log(settings, &error) && tn_machine_build(settings, &error)) {
        if (settings->module_lock)
            tn_module_lock();
        if (!settings->paused)
            tn_machine_start();
        code = tn_main_loop_run();
        tn_machine_stop(TN_RUN_SHUTDOWN);
    } else {
        code = fail(error);
    }
    tn_machine_destroy();
    tn_module_fini_all();
    tn_main_loop_clear();
    return code;
}

int tn_main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TnSettings) settings = tn_settings_parse(argc, argv, &error);
    int code;

    if (!settings)
        return fail(error);
    if (tn_help_answer(settings, &code))
        return code;
    return run(settings);
}
