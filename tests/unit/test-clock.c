/* SPDX-License-Identifier: MIT */
/* Clocks, timers, the device lock, run states, log items. */
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "clock/clock-internal.h"
#include "clock/host-clock.h"
#include "clock/log-internal.h"
#include "clock/runstate-internal.h"

static GString *fired;

static void note(void *opaque)
{
    g_string_append(fired, opaque);
}

static TnTimer *periodic;
static int64_t period;

static void tick(void *opaque)
{
    g_string_append(fired, "t");
    tn_timer_set(periodic, tn_clock_now(TN_CLOCK_VIRTUAL) + period);
}

static void test_order(void)
{
    fired = g_string_new(NULL);
    TnTimer *a = tn_timer_new(NULL, TN_CLOCK_VIRTUAL, note, "a");
    TnTimer *b = tn_timer_new(NULL, TN_CLOCK_VIRTUAL, note, "b");
    TnTimer *c = tn_timer_new(NULL, TN_CLOCK_VIRTUAL, note, "c");
    TnTimer *d = tn_timer_new(NULL, TN_CLOCK_VIRTUAL, note, "d");
    int64_t now = tn_clock_now(TN_CLOCK_VIRTUAL);
    tn_timer_set(a, now + 300);
    tn_timer_set(b, now + 100);
    tn_timer_set(c, now + 200);
    tn_timer_set(d, now + 200);
    tn_timer_set(a, now + 50);
    tn_timer_cancel(c);
    g_assert_false(tn_timer_armed(c));
    g_assert_cmpint(tn_timer_when(c), ==, -1);
    g_assert_cmpint(tn_clock_next_deadline(), ==, now + 50);
    tn_timer_set(c, now + 200);
    tn_clock_step_to(now + 199);
    g_assert_cmpstr(fired->str, ==, "ab");
    tn_clock_step_to(now + 1000);
    g_assert_cmpstr(fired->str, ==, "abdc");
    g_assert_cmpint(tn_clock_next_deadline(), ==, -1);
    g_assert_cmpint(tn_clock_now(TN_CLOCK_VIRTUAL), ==, now + 1000);
}

static void test_periodic(void)
{
    fired = g_string_new(NULL);
    periodic = tn_timer_new(NULL, TN_CLOCK_VIRTUAL, tick, NULL);
    period = 100;
    int64_t now = tn_clock_now(TN_CLOCK_VIRTUAL);
    tn_timer_set(periodic, now + 100);
    tn_clock_step_to(now + 450);
    g_assert_cmpstr(fired->str, ==, "tttt");
    tn_timer_free(periodic);
    g_assert_cmpint(tn_clock_next_deadline(), ==, -1);
}

static void test_many(void)
{
    TnTimer *timers[200];
    fired = g_string_new(NULL);
    int64_t now = tn_clock_now(TN_CLOCK_VIRTUAL);
    for (unsigned i = 0; i < 200; i++) {
        timers[i] = tn_timer_new(NULL, TN_CLOCK_VIRTUAL, note, "x");
        tn_timer_set(timers[i], now + 1 + i * 7919 % 1000);
    }
    for (unsigned i = 0; i < 200; i += 2) {
        tn_timer_cancel(timers[i]);
    }
    int64_t last = now;
    for (int64_t next; (next = tn_clock_next_deadline()) >= 0;) {
        g_assert_cmpint(next, >=, last);
        last = next;
        tn_clock_step_to(next);
    }
    g_assert_cmpuint(fired->len, ==, 100);
    for (unsigned i = 0; i < 200; i++) {
        tn_timer_free(timers[i]);
    }
}

static void test_main_loop(void)
{
    fired = g_string_new(NULL);
    TnTimer *timer = tn_timer_new(NULL, TN_CLOCK_REALTIME, note, "r");
    int64_t start = tn_clock_now(TN_CLOCK_REALTIME);
    tn_timer_set(timer, start + 2500000);
    while (!fired->len) {
        g_assert_true(tn_device_lock_held());
        tn_main_loop_step(true);
    }
    int64_t late = tn_clock_now(TN_CLOCK_REALTIME) - start - 2500000;
    g_assert_cmpint(late, >=, 0);
    tn_timer_free(timer);
}

/* ---- The device lock --------------------------------------------------------------------- */

static int lock_counter;
static gint lock_stop;

static gpointer lock_worker(gpointer data)
{
    unsigned n = 0;
    while (!g_atomic_int_get(&lock_stop)) {
        tn_device_lock();
        lock_counter++;
        n++;
        tn_device_unlock();
    }
    return GUINT_TO_POINTER(n);
}

static void test_lock(void)
{
    GThread *threads[3];
    unsigned sum = 0, own = 0;
    lock_counter = 0;
    for (unsigned i = 0; i < 3; i++) {
        threads[i] = g_thread_new("locker", lock_worker, NULL);
    }
    int64_t end = g_get_monotonic_time() + 200000;
    while (g_get_monotonic_time() < end) {
        tn_device_unlock();
        tn_device_lock();
        lock_counter++;
        own++;
    }
    tn_device_unlock();
    g_atomic_int_set(&lock_stop, 1);
    for (unsigned i = 0; i < 3; i++) {
        unsigned n = GPOINTER_TO_UINT(g_thread_join(threads[i]));
        g_assert_cmpuint(n, >, 10);
        sum += n;
    }
    tn_device_lock();
    g_assert_cmpuint(own, >, 10);
    g_assert_cmpint(lock_counter, ==, (int)(sum + own));
}

enum { CROWD = 64, CROWD_ROUNDS = 300 };

static gpointer crowd_worker(gpointer data)
{
    for (unsigned i = 0; i < CROWD_ROUNDS; i++) {
        tn_device_lock();
        int before = lock_counter;
        if (i % 8 == 0)
            g_thread_yield(); /* others pile up */
        lock_counter = before + 1;
        tn_device_unlock();
    }
    return NULL;
}

/* More threads than host processors: none is forgotten asleep. */
static void test_crowd(void)
{
    GThread *threads[CROWD];

    lock_counter = 0;
    for (unsigned i = 0; i < CROWD; i++)
        threads[i] = g_thread_new("crowd", crowd_worker, NULL);
    tn_device_unlock();
    for (unsigned i = 0; i < CROWD; i++)
        g_thread_join(threads[i]);
    tn_device_lock();
    g_assert_cmpint(lock_counter, ==, CROWD * CROWD_ROUNDS);
}

static unsigned unlocked;

static void count_unlock(TnAfterUnlock *item)
{
    g_assert_false(tn_device_lock_held());
    unlocked++;
}

static void test_after_unlock(void)
{
    TnAfterUnlock one = { .fn = count_unlock }, two = { .fn = count_unlock };

    tn_device_after_unlock(&one);
    tn_device_after_unlock(&two);
    tn_device_after_unlock(&one);
    g_assert_cmpuint(unlocked, ==, 0);
    tn_device_unlock();
    g_assert_cmpuint(unlocked, ==, 2);
    tn_device_lock();
    tn_device_unlock();
    g_assert_cmpuint(unlocked, ==, 2);
    tn_device_lock();
}

/* ---- Run states -------------------------------------------------------------------------- */

static GString *states;

static void on_state(void *opaque, bool running, TnRunState state)
{
    g_string_append_printf(states, "%s%s ", tn_run_state_name(state), running ? "!" : "");
}

static void on_reset(void *opaque)
{
    g_string_append(states, "reset ");
}

static void test_run_states(void)
{
    TnShutdownCause cause;
    states = g_string_new(NULL);
    tn_run_state_listen(NULL, on_state, NULL);
    tn_reset_listen(NULL, on_reset, NULL);
    tn_machine_start();
    tn_machine_request_reset(TN_SHUTDOWN_GUEST_RESET);
    tn_main_loop_step(true);
    tn_machine_request_stop(TN_RUN_PAUSED);
    tn_main_loop_step(true);
    tn_machine_request_start();
    tn_main_loop_step(true);
    tn_machine_request_shutdown(TN_SHUTDOWN_GUEST_SHUTDOWN);
    g_assert_cmpint(tn_main_loop_run(), ==, 0);
    g_assert_cmpstr(states->str, ==, "running! reset paused running! shutdown ");
    g_assert_true(tn_shutdown_cause(&cause));
    g_assert_cmpint(cause, ==, TN_SHUTDOWN_GUEST_SHUTDOWN);
    tn_machine_exit(33);
    g_assert_cmpint(tn_main_loop_run(), ==, 33);
}

static void test_no_reboot(void)
{
    TnShutdownCause cause;
    g_assert_true(tn_action_set("reboot", "shutdown", NULL));
    g_assert_false(tn_action_set("reboot", "dance", NULL));
    g_assert_false(tn_action_set("lunch", "reset", NULL));
    tn_machine_request_reset(TN_SHUTDOWN_GUEST_RESET);
    g_assert_cmpint(tn_main_loop_run(), ==, 0);
    g_assert_true(tn_shutdown_cause(&cause));
    g_assert_cmpint(cause, ==, TN_SHUTDOWN_GUEST_RESET);
}

/* ---- RTC, log ---------------------------------------------------------------------------- */

static void test_rtc(void)
{
    g_assert_true(tn_rtc_configure("2006-06-17T16:01:21", "vm", NULL));
    int64_t base = INT64_C(1150560081) * TN_NS_PER_SECOND;
    g_assert_cmpint(tn_clock_rtc_now() / TN_NS_PER_SECOND, ==, base / TN_NS_PER_SECOND);
    tn_clock_step_to(tn_clock_now(TN_CLOCK_VIRTUAL) + 5 * TN_NS_PER_SECOND);
    g_assert_cmpint(tn_clock_rtc_now() / TN_NS_PER_SECOND, ==, base / TN_NS_PER_SECOND + 5);
    g_assert_false(tn_rtc_configure("yesterday", NULL, NULL));
    g_assert_false(tn_rtc_configure(NULL, "sundial", NULL));
    g_assert_true(tn_rtc_configure("utc", "host", NULL));
    int64_t skew = tn_clock_rtc_now() - tn_clock_now(TN_CLOCK_HOST);
    g_assert_cmpint(ABS(skew), <, TN_NS_PER_SECOND);
}

static void test_log_items(void)
{
    static TnTracePoint on = { .name = "serial_write" }, off = { .name = "pic_ack" };
    g_assert_true(tn_log_set_items("int,trace:serial_*", NULL));
    g_assert_true(tn_log_mask == (TN_LOG_INT | TN_LOG_TRACE));
    g_assert_true(tn_trace_on(&on));
    g_assert_false(tn_trace_on(&off));
    g_assert_false(tn_log_set_items("int,nonsense", NULL));
    g_assert_true(tn_log_mask & TN_LOG_TRACE);
    tn_log_add_trace("pic_?ck");
    g_assert_true(tn_trace_on(&off));
    g_assert_true(tn_log_set_items("none", NULL));
    g_assert_cmpuint(tn_log_mask, ==, 0);
}

/* ---- The host's clock -------------------------------------------------------------------- */

/* Many of the lines that it goes along are over in this time. */
enum { WATCH_NS = 50000000, CLOSE_NS = 100000 };

static _Atomic(int64_t) latest;

static int64_t asked_of_the_host(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * TN_NS_PER_SECOND + now.tv_nsec;
}

/* A later time than any that a thread has told of before this one asked. */
static gpointer watch(gpointer unused)
{
    int64_t end = asked_of_the_host() + WATCH_NS, now;

    do {
        int64_t before = atomic_load(&latest);

        now = tn_host_clock_now(false);
        g_assert_cmpint(now, >=, before);
        while (before < now && !atomic_compare_exchange_weak(&latest, &before, now))
            ;
    } while (now < end);
    return NULL;
}

static void test_never_back(void)
{
    GThread *other = g_thread_new("watch", watch, NULL);

    watch(NULL);
    g_thread_join(other);
}

static void test_near(void)
{
    int64_t end = asked_of_the_host() + WATCH_NS, before;

    do {
        before = asked_of_the_host();
        int64_t now = tn_host_clock_now(true), after = asked_of_the_host();
        g_assert_cmpint(now, >, before - CLOSE_NS);
        g_assert_cmpint(now, <, after + CLOSE_NS);
    } while (before < end);
}

/* Long after its line has ended. */
static void test_after_sleep(void)
{
    for (unsigned i = 0; i < 5; i++) {
        int64_t before = tn_host_clock_now(false);

        g_usleep(20000);
        g_assert_cmpint(tn_host_clock_now(false), >=, before + 20000000 - CLOSE_NS);
        test_near();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    tn_main_loop_init();
    g_test_add_func("/clock/host/never-goes-back", test_never_back);
    g_test_add_func("/clock/host/is-near-the-hosts-own", test_near);
    g_test_add_func("/clock/host/is-near-it-after-a-rest", test_after_sleep);
    g_test_add_func("/clock/run-state/requests-are-carried-out", test_run_states);
    g_test_add_func("/clock/run-state/no-reboot-ends", test_no_reboot);
    g_test_add_func("/clock/timer/main-loop-fires-on-time", test_main_loop);
    g_test_add_func("/clock/lock/nobody-starves", test_lock);
    g_test_add_func("/clock/lock/a-crowd-gets-through", test_crowd);
    g_test_add_func("/clock/lock/wakes-others-when-it-is-free", test_after_unlock);
    g_test_add_func("/clock/log/items-and-globs", test_log_items);
    tn_clock_set_manual();
    g_test_add_func("/clock/timer/fires-in-order", test_order);
    g_test_add_func("/clock/timer/periodic-catches-up", test_periodic);
    g_test_add_func("/clock/timer/heap-stays-sorted", test_many);
    g_test_add_func("/clock/rtc/base-and-clock", test_rtc);
    return g_test_run();
}
