/* SPDX-License-Identifier: MIT */
/*
 * The accelerator "qtest": vCPUs exist and never run; a test drives devices over a chardev, a line
 * a command, with the protocol of QEMU's qtest documentation. Virtual time stands still but for the
 * clock commands.
 */
#include "qtest/qtest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock/clock-internal.h"
#include "object/type.h"
#include "tenon/chardev.h"
#include "tenon/error.h"
#include "tenon/internal/accel.h"
#include "tenon/machine.h"

enum { MAX_LINE = 64 << 20 };

struct TnQtest {
    TnChardev *chr;   /* front end's claim */
    char *log_path;
    FILE *log;        /* owned; NULL without -qtest-log */
    GString *line;    /* what has come of the next command */
};

static void log_line(TnQtest *q, char direction, const char *text)
{
    if (!q->log)
        return;
    int64_t us = tn_clock_now(TN_CLOCK_REALTIME) / 1000;
    fprintf(q->log, "[%c +%" G_GINT64_FORMAT ".%06d] %s\n", direction, us / 1000000, (int)(us % 1000000),
            text);
    fflush(q->log);
}

void tn_qtest_send(TnQtest *q, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, args);
    va_end(args);
    log_line(q, 'S', text);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    tn_chardev_write_all(q->chr, q, (const uint8_t *)line, strlen(line));
}

static void run_line(TnQtest *q)
{
    g_strchomp(q->line->str);
    log_line(q, 'R', q->line->str);
    g_auto(GStrv) words = g_strsplit_set(q->line->str, " ", -1);
    if (words[0] && *words[0])
        tn_qtest_command(q, words);
    else
        tn_qtest_send(q, "FAIL empty command");
}

static size_t can_receive(void *opaque)
{
    return 4096;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
    TnQtest *q = opaque;
    for (size_t i = 0; i < n; i++) {
        if (buf[i] == '\n') {
            run_line(q);
            g_string_truncate(q->line, 0);
        } else if (q->line->len < MAX_LINE) {
            g_string_append_c(q->line, (char)buf[i]);
        }
    }
}

static void event(void *opaque, TnChardevEvent what)
{
    TnQtest *q = opaque;
    if (what == TN_CHARDEV_CLOSED)
        g_string_truncate(q->line, 0);
}

/* ---- Accelerator ------------------------------------------------------------------------ */

static bool open_log(TnQtest *q, GError **error)
{
    if (!q->log_path || !strcmp(q->log_path, "none"))
        return true;
    q->log = fopen(q->log_path, "we");
    if (q->log)
        return true;
    g_set_error(error, TN_ERROR, TN_ERROR_IO, "-qtest-log %s: %s", q->log_path, g_strerror(errno));
    return false;
}

static bool init(TnObject *accel, void *state, GError **error)
{
    static const TnChardevHandlers handlers = {
        .size = sizeof(handlers), .can_receive = can_receive, .receive = receive, .event = event,
    };
    TnQtest *q = state;
    q->line = g_string_new(NULL);
    if (!open_log(q, error) || (q->chr && !tn_chardev_attach(q->chr, &handlers, q, error)))
        return false;
    tn_clock_set_manual();
    return true;
}

static bool cpu_start(TnObject *accel, void *state, TnCpu *cpu, GError **error)
{
    return true;
}

static void cpu_stop(TnObject *accel, void *state, TnCpu *cpu)
{
}

static void kick(TnObject *accel, void *state, TnCpu *cpu)
{
}

static void clear(TnObject *obj, void *state)
{
    TnQtest *q = state;
    if (q->line)
        g_string_free(q->line, true);
    if (q->log)
        fclose(q->log);
    q->line = NULL;
    q->log = NULL;
}

static const TnProperty properties[] = {
    { .name = "chardev", .kind = TN_PROP_CHARDEV, .offset = offsetof(TnQtest, chr),
      .doc = "id of the character device that the test talks to" },
    { .name = "log", .kind = TN_PROP_STRING, .offset = offsetof(TnQtest, log_path),
      .doc = "file for a log of the conversation, or 'none'" },
    { .name = NULL },
};

static const TnAccelOps ops = {
    .size = sizeof(ops), .init = init, .cpu_start = cpu_start, .cpu_stop = cpu_stop, .kick = kick,
    .runs_cpus = false,
};

static const TnInterfaceImpl interfaces[] = { { TN_IFACE_ACCEL, &ops }, { NULL, NULL } };

static const TnTypeInfo qtest_type = {
    .size = sizeof(TnTypeInfo),
    .name = "qtest-accel",
    .parent = TN_TYPE_ACCEL,
    .state_size = sizeof(TnQtest),
    .property_stride = sizeof(TnProperty),
    .properties = properties,
    .interfaces = interfaces,
    .clear = clear,
    .description = "Nothing runs; a test drives the devices",
};
TN_CORE_TYPE(qtest_type);
