/* SPDX-License-Identifier: MIT */
/*
 * vCPU threads: one per vCPU (thread=multi), or one for all, each getting a turn (thread=single).
 *
 * A thread sleeps while none of its vCPUs can run. Everything that may let one run (a request, the
 * machine starting, queued work) changes its own state first and then kicks: the sleeper looks at
 * that state with the thread's lock held after saying that it sleeps, so no wake-up is lost.
 */
#include "clock/clock-internal.h"
#include "cpu/cpu-private.h"
#include "tenon/memory.h"

enum {
    TURN_US = 2000,      /* thread=single: the longest turn while others wait */
    YIELDS_A_TURN = 16,  /* tn_cpu_yield calls before the host is asked for somebody else */
};

struct TnCpuThread {
    GMutex lock;
    GCond wake;          /* for the thread */
    GCond idle;          /* for those who wait for it: work done, vCPUs paused */
    GThread *thread;
    GThread *ticker;     /* thread=single: ends turns */
    GPtrArray *cpus;     /* borrowed; under the lock */
    TnCpu *running;      /* whose turn it is; under the lock, NULL between turns */
    atomic_bool turn_over;
    atomic_bool sleeping;
    bool quit;           /* under the lock */
    unsigned waiting;    /* for `idle`; under the lock */
    TnAfterUnlock kick;  /* wakes the thread */
};

typedef struct WorkItem {
    TnCpuWorkFn fn;
    void *data;
    bool *done;          /* run_sync: set under the lock; else NULL */
} WorkItem;

static TnCpuThread *single;         /* the one thread of thread=single */
static _Thread_local TnCpu *current;

TnCpu *tn_cpu_current(void)
{
    return current;
}

static unsigned host_processors(void)
{
    static unsigned n;
    if (!n)
        n = g_get_num_processors();
    return n;
}

/* ---- Kicks and work ---------------------------------------------------------------------- */

/* The sleeper either saw what changed or sleeps by the time the lock is ours. */
static void wake_thread(TnAfterUnlock *item)
{
    TnCpuThread *t = (TnCpuThread *)((char *)item - offsetof(TnCpuThread, kick));

    g_mutex_lock(&t->lock);
    g_mutex_unlock(&t->lock);
    g_cond_signal(&t->wake);
}

/* The first thing that a vCPU with an interrupt wants is the device lock. */
void tn_cpu_kick(TnCpu *cpu)
{
    TnCpuThread *t = cpu->priv->thread;

    atomic_store(&cpu->exit_request, 1);
    if (!t || !atomic_load(&t->sleeping))
        return;
    if (tn_device_lock_held())
        tn_device_after_unlock(&t->kick);
    else
        wake_thread(&t->kick);
}

/* For those who wait for the thread. Lock held. */
static void wait_idle(TnCpuThread *t)
{
    t->waiting++;
    g_cond_wait(&t->idle, &t->lock);
    t->waiting--;
}

static void tell_idle(TnCpuThread *t)
{
    if (t->waiting)
        g_cond_broadcast(&t->idle);
}

static bool on_own_thread(const TnCpu *cpu)
{
    TnCpuThread *t = cpu->priv->thread;
    return !t || t->thread == g_thread_self();
}

static void queue_work(TnCpu *cpu, TnCpuWorkFn fn, void *data, bool *done)
{
    TnCpuThread *t = cpu->priv->thread;
    WorkItem *item = g_new(WorkItem, 1);

    *item = (WorkItem){ fn, data, done };
    g_mutex_lock(&t->lock);
    g_queue_push_tail(&cpu->priv->work, item);
    atomic_store(&cpu->priv->has_work_items, true);
    g_mutex_unlock(&t->lock);
    tn_cpu_kick(cpu);
}

void tn_cpu_run_async(TnCpu *cpu, TnCpuWorkFn fn, void *data)
{
    if (!cpu->priv->thread)
        fn(cpu, data);
    else
        queue_work(cpu, fn, data, NULL);
}

/* The vCPU may be waiting for the device lock, so it is given up for the time of waiting. */
void tn_cpu_run_sync(TnCpu *cpu, TnCpuWorkFn fn, void *data)
{
    bool locked = tn_device_lock_held(), done = false;
    TnCpuThread *t = cpu->priv->thread;

    if (on_own_thread(cpu)) {
        fn(cpu, data);
        return;
    }
    queue_work(cpu, fn, data, &done);
    if (locked)
        tn_device_unlock();
    g_mutex_lock(&t->lock);
    while (!done)
        wait_idle(t);
    g_mutex_unlock(&t->lock);
    if (locked)
        tn_device_lock();
}

void tn_cpu_run_work(TnCpu *cpu)
{
    TnCpuThread *t = cpu->priv->thread;
    WorkItem *item;

    if (!atomic_load(&cpu->priv->has_work_items))
        return;
    g_mutex_lock(&t->lock);
    while ((item = g_queue_pop_head(&cpu->priv->work))) {
        g_mutex_unlock(&t->lock);
        item->fn(cpu, item->data);
        g_mutex_lock(&t->lock);
        if (item->done)
            *item->done = true;
        tell_idle(t);
        g_free(item);
    }
    atomic_store(&cpu->priv->has_work_items, false);
    g_mutex_unlock(&t->lock);
}

/* ---- The thread -------------------------------------------------------------------------- */

bool tn_cpu_must_pause(TnCpu *cpu)
{
    TnCpuThread *t = cpu->priv->thread;
    return __atomic_load_n(&cpu->stopped, __ATOMIC_ACQUIRE) ||
           atomic_load(&cpu->priv->has_work_items) || (t && atomic_load(&t->turn_over));
}

/*
 * On a host with fewer processors than vCPUs the one that is waited for may be waiting for this
 * host processor; once in a while is enough, since most waits are short. Elsewhere it runs: it is
 * left in peace.
 */
void tn_cpu_yield(TnCpu *cpu)
{
    TnCpuThread *t = cpu->priv->thread;
    unsigned cpus = tn_cpu_count();

    if (t && t == single) {
        atomic_store(&t->turn_over, true);
        atomic_store(&cpu->exit_request, 1);
    } else if (cpus > host_processors()) {
        if (++cpu->priv->yields % YIELDS_A_TURN == 0)
            g_thread_yield();
    } else if (cpus > 1 && tn_cpu_spin(cpu)) {
        g_thread_yield();
    }
}

/* True when the vCPU can execute; wakes a halted one that has something to do. */
static bool can_run(TnCpu *cpu)
{
    if (__atomic_load_n(&cpu->stopped, __ATOMIC_ACQUIRE))
        return false;
    if (!cpu->halted)
        return true;
    uint32_t requests = atomic_load(&cpu->requests);
    if (!requests || !cpu->target->ops->has_work(cpu, requests))
        return false;
    cpu->halted = false;
    return true;
}

/* Who pauses a vCPU sets `stopped` before it looks at `running`, so one of us sees the other. */
static bool begin_turn(TnCpuThread *t, TnCpu *cpu)
{
    g_mutex_lock(&t->lock);
    bool stopped = __atomic_load_n(&cpu->stopped, __ATOMIC_ACQUIRE);
    atomic_store(&t->turn_over, false);
    t->running = stopped ? NULL : cpu;
    tell_idle(t);
    g_mutex_unlock(&t->lock);
    return !stopped;
}

static void end_turn(TnCpuThread *t)
{
    g_mutex_lock(&t->lock);
    t->running = NULL;
    tell_idle(t);
    g_mutex_unlock(&t->lock);
}

/* Gives each vCPU a turn. */
static void give_turns(TnCpuThread *t)
{
    for (unsigned i = 0;; i++) {
        g_mutex_lock(&t->lock);
        TnCpu *cpu = i < t->cpus->len ? t->cpus->pdata[i] : NULL;
        g_mutex_unlock(&t->lock);
        if (!cpu)
            return;
        current = cpu;
        tn_cpu_run_work(cpu);
        if (!can_run(cpu) || !begin_turn(t, cpu))
            continue;
        tn_cpu_exec(cpu);
        end_turn(t);
    }
}

/* Lock held. True when there is a reason not to sleep. */
static bool has_reason(TnCpuThread *t)
{
    if (t->quit)
        return true;
    for (unsigned i = 0; i < t->cpus->len; i++) {
        TnCpu *cpu = t->cpus->pdata[i];
        if (atomic_load(&cpu->priv->has_work_items) || can_run(cpu))
            return true;
    }
    return false;
}

static void sleep_until_reason(TnCpuThread *t)
{
    g_mutex_lock(&t->lock);
    atomic_store(&t->sleeping, true);
    while (!has_reason(t)) {
        tell_idle(t);
        g_cond_wait(&t->wake, &t->lock);
    }
    atomic_store(&t->sleeping, false);
    g_mutex_unlock(&t->lock);
}

static void *thread_main(void *data)
{
    TnCpuThread *t = data;
    for (;;) {
        sleep_until_reason(t);
        g_mutex_lock(&t->lock);
        bool quit = t->quit;
        g_mutex_unlock(&t->lock);
        if (quit)
            return NULL;
        give_turns(t);
    }
}

/* Ends the running vCPU's turn now and then, while there is more than one. */
static void *ticker_main(void *data)
{
    TnCpuThread *t = data;
    for (bool quit = false; !quit;) {
        g_usleep(TURN_US);
        g_mutex_lock(&t->lock);
        quit = t->quit;
        if (t->running) {
            atomic_store(&t->turn_over, true);
            atomic_store(&t->running->exit_request, 1);
        } else if (!quit) {
            wait_idle(t);
        }
        g_mutex_unlock(&t->lock);
    }
    return NULL;
}

static TnCpuThread *thread_new(const char *name)
{
    TnCpuThread *t = g_new0(TnCpuThread, 1);
    g_mutex_init(&t->lock);
    g_cond_init(&t->wake);
    g_cond_init(&t->idle);
    t->kick.fn = wake_thread;
    t->cpus = g_ptr_array_new();
    t->thread = g_thread_new(name, thread_main, t);
    return t;
}

/* ---- Life -------------------------------------------------------------------------------- */

bool tn_cpu_thread_start(TnCpu *cpu, bool one_for_all, GError **error)
{
    g_autofree char *name = g_strdup_printf("vcpu%u", cpu->index);
    TnCpuThread *t = one_for_all && single ? single : thread_new(one_for_all ? "vcpus" : name);

    if (one_for_all)
        single = t;
    g_mutex_lock(&t->lock);
    cpu->priv->thread = t;
    g_ptr_array_add(t->cpus, cpu);
    if (one_for_all && t->cpus->len == 2)
        t->ticker = g_thread_new("vcpu-turns", ticker_main, t);
    g_cond_signal(&t->wake);
    g_mutex_unlock(&t->lock);
    return true;
}

static void thread_free(TnCpuThread *t)
{
    g_mutex_lock(&t->lock);
    t->quit = true;
    g_cond_broadcast(&t->wake);
    tell_idle(t);
    g_mutex_unlock(&t->lock);
    g_thread_join(t->thread);
    if (t->ticker)
        g_thread_join(t->ticker);
    if (t == single)
        single = NULL;
    g_ptr_array_unref(t->cpus);
    g_mutex_clear(&t->lock);
    g_cond_clear(&t->wake);
    g_cond_clear(&t->idle);
    g_free(t);
}

/* Waits until the vCPU is between turns; the device lock must not be held. */
static void wait_out_of_turn(TnCpu *cpu)
{
    TnCpuThread *t = cpu->priv->thread;
    if (!t || t->thread == g_thread_self())
        return;
    tn_cpu_kick(cpu);
    g_mutex_lock(&t->lock);
    while (t->running == cpu)
        wait_idle(t);
    g_mutex_unlock(&t->lock);
}

void tn_cpu_thread_stop(TnCpu *cpu)
{
    TnCpuThread *t = cpu->priv->thread;
    bool locked = tn_device_lock_held();

    if (!t)
        return;
    if (locked)
        tn_device_unlock();
    __atomic_store_n(&cpu->stopped, true, __ATOMIC_SEQ_CST);
    wait_out_of_turn(cpu);
    g_mutex_lock(&t->lock);
    g_ptr_array_remove(t->cpus, cpu);
    bool last = t->cpus->len == 0;
    g_mutex_unlock(&t->lock);
    cpu->priv->thread = NULL;
    if (last)
        thread_free(t);
    if (locked)
        tn_device_lock();
}

void tn_cpus_pause(void)
{
    for (unsigned i = 0; i < tn_cpu_count(); i++)
        __atomic_store_n(&tn_cpu_at(i)->stopped, true, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < tn_cpu_count(); i++)
        wait_out_of_turn(tn_cpu_at(i));
}

void tn_cpus_resume(void)
{
    for (unsigned i = 0; i < tn_cpu_count(); i++) {
        __atomic_store_n(&tn_cpu_at(i)->stopped, false, __ATOMIC_SEQ_CST);
        tn_cpu_kick(tn_cpu_at(i));
    }
}
