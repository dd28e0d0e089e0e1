/* SPDX-License-Identifier: MIT */
/*
 * Trace points. A point keeps the answer to "am I on" with the generation of the patterns that gave
 * it, so that a changed pattern list is noticed without a list of points.
 */
#include "clock/trace.h"

#include <stdarg.h>

#include "clock/log-internal.h"

enum { TRACE_OFF = 1, TRACE_ON = 2 };

static GMutex trace_mutex;
static GPtrArray *trace_globs;        /* of GPatternSpec * */
static uint32_t trace_generation = 1; /* never 0: a fresh point is out of date */

void tn_trace_add(const char *glob)
{
    g_mutex_lock(&trace_mutex);
    if (!trace_globs) {
        trace_globs = g_ptr_array_new_with_free_func((GDestroyNotify)g_pattern_spec_free);
    }
    g_ptr_array_add(trace_globs, g_pattern_spec_new(glob));
    __atomic_add_fetch(&trace_generation, 1, __ATOMIC_RELEASE);
    g_mutex_unlock(&trace_mutex);
}

void tn_trace_clear(void)
{
    g_mutex_lock(&trace_mutex);
    g_clear_pointer(&trace_globs, g_ptr_array_unref);
    __atomic_add_fetch(&trace_generation, 1, __ATOMIC_RELEASE);
    g_mutex_unlock(&trace_mutex);
}

static void trace_look_up(TnTracePoint *point)
{
    g_mutex_lock(&trace_mutex);
    int state = TRACE_OFF;
    for (unsigned i = 0; trace_globs && i < trace_globs->len; i++) {
        if (g_pattern_spec_match_string(trace_globs->pdata[i], point->name)) {
            state = TRACE_ON;
        }
    }
    __atomic_store_n(&point->state, state, __ATOMIC_RELAXED);
    __atomic_store_n(&point->generation, trace_generation, __ATOMIC_RELEASE);
    g_mutex_unlock(&trace_mutex);
}

bool tn_trace_on(TnTracePoint *point)
{
    if (__atomic_load_n(&point->generation, __ATOMIC_ACQUIRE) !=
        __atomic_load_n(&trace_generation, __ATOMIC_ACQUIRE)) {
        trace_look_up(point);
    }
    return __atomic_load_n(&point->state, __ATOMIC_RELAXED) == TRACE_ON;
}

void tn_trace_write(TnTracePoint *point, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    FILE *stream = tn_log_begin();
    fprintf(stream, "%s ", point->name);
    vfprintf(stream, fmt, args);
    fputc('\n', stream);
    tn_log_end();
    va_end(args);
}
