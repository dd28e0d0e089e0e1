/* SPDX-License-Identifier: MIT */
/*
 * A check in a process of its own: one that crashes, hangs or ends the process fails alone. The answer
 * comes through a pipe, what is printed goes to a file that is shown when the check fails.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "modcheck/check.h"

enum {
    OUTPUT_SHOWN = 2000,     /* bytes from the end */
    OUTPUT_MAX = 16 << 20,   /* bytes that a check may print */
    ANSWER_MAX = 64 << 10,   /* bytes of an answer */
};

/* ---- The child --------------------------------------------------------------------------- */

/* The answer: the outcome's number, the reason and the remark, each ended by a NUL. */
static void answer(int fd, int outcome, const char *reason, const char *remark)
{
    FILE *out = fdopen(fd, "w");

    if (!out)
        _exit(1);
    fprintf(out, "%d%c%s%c%s%c", outcome, 0, reason, 0, remark, 0);
    if (fclose(out) != 0)
        _exit(1);
}

static void limit(int what, rlim_t most)
{
    struct rlimit bound = { most, most };

    setrlimit(what, &bound);
}

static G_GNUC_NORETURN void be_child(Check *check, CheckFn run, int answers, int output)
{
    g_autoptr(GError) error = NULL;
    bool good;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, OUTPUT_MAX);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    good = run(check, &error);
    fflush(NULL);
    if (good && check->skipped->len)
        answer(answers, CHECK_SKIPPED, check->skipped->str, check->remark->str);
    else
        answer(answers, good ? CHECK_PASSED : CHECK_FAILED,
               good ? "" : error ? error->message : "it gives no reason", check->remark->str);
    _exit(0);
}

/* ---- The parent -------------------------------------------------------------------------- */

/* Reads until the child closes its end; false when the time is over first. */
static bool read_answer(int fd, int64_t deadline, GString *text)
{
    char part[4096];

    for (;;) {
        int64_t left = (deadline - g_get_monotonic_time() + 999) / 1000;
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        ssize_t n;

        if (left <= 0)
            return false;
        if (poll(&wait, 1, (int)MIN(left, G_MAXINT)) <= 0)
            continue;
        n = read(fd, part, sizeof(part));
        if (n <= 0)
            return true;
        if (text->len < ANSWER_MAX)
            g_string_append_len(text, part, n);
    }
}

/* Closing the pipe is not yet the end: a module's handler at exit may hang as well. */
static bool wait_until(pid_t pid, int64_t deadline, int *status)
{
    enum { POLL_US = 1000 };

    while (waitpid(pid, status, WNOHANG) == 0) {
        if (g_get_monotonic_time() >= deadline)
            return false;
        g_usleep(POLL_US);
    }
    return true;
}

static void kill_group(pid_t pid)
{
    int status;

    if (kill(-pid, SIGKILL) != 0)
        kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
}

static char *tail_of(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > OUTPUT_SHOWN ? size - OUTPUT_SHOWN : 0;
    char text[OUTPUT_SHOWN];
    ssize_t n = size > 0 ? pread(fd, text, sizeof(text), from) : 0;
    g_autofree char *raw = n > 0 ? g_strndup(text, n) : NULL;

    return raw ? g_utf8_make_valid(raw, -1) : NULL;
}

/* The answer's three parts; false when it is not whole. */
static bool take_answer(const GString *text, CheckResult *result)
{
    const char *end = text->str + text->len, *part[3], *at = text->str;

    for (unsigned i = 0; i < G_N_ELEMENTS(part); i++) {
        const char *nul = memchr(at, '\0', end - at);

        if (!nul)
            return false;
        part[i] = at;
        at = nul + 1;
    }
    result->outcome = atoi(part[0]);
    result->reason = part[1][0] ? g_utf8_make_valid(part[1], -1) : NULL;
    result->remark = part[2][0] ? g_utf8_make_valid(part[2], -1) : NULL;
    return true;
}

static void judge(CheckResult *result, bool in_time, int status, unsigned timeout, const GString *text)
{
    if (!in_time) {
        result->reason = g_strdup_printf("it does not end within %u s", timeout);
    } else if (WIFSIGNALED(status)) {
        result->reason = g_strdup_printf("it crashes: signal %d (%s)", WTERMSIG(status),
                                         g_strsignal(WTERMSIG(status)));
    } else if (!take_answer(text, result)) {
        result->reason = g_strdup_printf("it ends the process, with the exit code %d",
                                         WEXITSTATUS(status));
    } else {
        return;
    }
    result->outcome = CHECK_FAILED;
}

CheckResult tn_check_run(Check *check, CheckFn run)
{
    int64_t start = g_get_monotonic_time();
    int64_t deadline = start + (int64_t)check->options->timeout * G_USEC_PER_SEC;
    CheckResult result = { .outcome = CHECK_FAILED };
    g_autoptr(GString) text = g_string_new(NULL);
    int answers[2] = { -1, -1 }, output = memfd_create("output", MFD_CLOEXEC), status = 0;
    pid_t pid = -1;
    bool in_time;

    fflush(NULL);
    if (output >= 0 && pipe(answers) == 0)
        pid = fork();
    if (pid == 0) {
        close(answers[0]);
        be_child(check, run, answers[1], output);
    }
    if (pid < 0) {
        result.reason = g_strdup_printf("no process can be made: %s", g_strerror(errno));
        return result;
    }
    close(answers[1]);
    in_time = read_answer(answers[0], deadline, text) && wait_until(pid, deadline, &status);
    if (!in_time)
        kill_group(pid);
    close(answers[0]);
    judge(&result, in_time, status, check->options->timeout, text);
    if (result.outcome == CHECK_FAILED)
        result.output = tail_of(output);
    close(output);
    result.seconds = (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
    return result;
}

void tn_check_result_clear(CheckResult *result)
{
    g_free(result->reason);
    g_free(result->remark);
    g_free(result->output);
    *result = (CheckResult){ 0 };
}
