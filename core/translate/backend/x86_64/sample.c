/* SPDX-License-Identifier: MIT */
/*
 * Where vCPUs spend their time: a timer of each thread's own processor time interrupts it, and notes
 * where in translated code it was (timer_create(2), sigaction(2)). The vCPU comes out of its code
 * soon after and counts the blocks that were met.
 */
#include "compile.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "code-buffer.h"
#include "cpu/cpu-private.h"
#include "notes.h"
#include "slow.h"
#include "translate/promote.h"
#include "translate/softmmu.h"
#include "translate/translator.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum {
    PERIOD_NS = 1000000,
    KEPT = 16, /* places between two looks */
};

#define THREAD static __thread __attribute__((tls_model("initial-exec")))

static bool wanted;
THREAD bool started;
THREAD TnCpu *running;
THREAD volatile uintptr_t place[KEPT];
THREAD volatile unsigned n_places;

static void on_time(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;
    uintptr_t rip = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];

    (void)signal;
    (void)info;
    if (rip - (uintptr_t)x64_code.rx >= x64_code.size || n_places == KEPT)
        return;
    place[n_places] = rip;
    n_places++;
    atomic_store_explicit(&running->exit_request, 1, memory_order_relaxed);
}

/*
 * Blocks whose accesses kept meeting an edge between pages, or kept being odd, since samples were
 * looked at last. One that is killed meanwhile stays until the vCPU is outside after that look
 * (blocks.c); a flush takes them at once, and others may be where they were.
 */
THREAD struct {
    struct {
        const TnBlock *block;
        unsigned n;
    } met[16];
    TnBlock *often;   /* one that met many */
    TnBlockForm form; /* to be made anew in */
    uint64_t flushes; /* there were before all of these */
} edges;

void x64_sampling_init(void)
{
    struct sigaction action = { .sa_sigaction = on_time, .sa_flags = SA_SIGINFO | SA_RESTART };

    wanted = (x64_opt & TN_OPT_SITES) && sigaction(SIGPROF, &action, NULL) == 0;
}

/* Without a timer nothing becomes hot, and everything else goes on. */
static void start(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF };
    struct itimerspec times = { .it_interval.tv_nsec = PERIOD_NS, .it_value.tv_nsec = PERIOD_NS };
    timer_t timer;

    event.sigev_notify_thread_id = gettid();
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0)
        timer_settime(timer, 0, &times, NULL);
}

void x64_sampling_start(TnCpu *cpu)
{
    running = cpu;
    if (TN_LIKELY(started))
        return;
    started = true;
    if (wanted)
        start();
}

static uint64_t flushes(void)
{
    return __atomic_load_n(&tn_translator.n_flushes, __ATOMIC_RELAXED);
}

/* Whether the block becomes hot where it runs often. */
bool x64_may_become_hot(const TnBlock *block)
{
    return (x64_opt & TN_OPT_SITES) && block->form == TN_FORM_FAST && tn_block_is_lasting(block);
}

/* True where it comes to so much that the block is to be made anew. */
static bool count(TnBlock *block, unsigned cost, TnBlockForm form)
{
    enum { SHIFT = 5, OFTEN = 500 };
    unsigned k = (unsigned)((uintptr_t)block >> SHIFT) % G_N_ELEMENTS(edges.met);

    if (edges.flushes != flushes()) {
        memset(&edges, 0, sizeof(edges));
        edges.flushes = flushes();
    }
    if (edges.met[k].block != block) {
        edges.met[k].block = block;
        edges.met[k].n = 0;
    }
    edges.met[k].n += cost;
    if (edges.met[k].n < OFTEN)
        return false;
    edges.often = block;
    edges.form = form;
    return true;
}

/* Where frames of the stack lie across an edge, all accesses of a group are left to code in C, or the
 * block is left. A block that runs once is gone before samples are looked at. */
void x64_met_edge(TnBlock *block, unsigned cost)
{
    if (wanted && block->form < TN_FORM_APART && block->phys[0] != UINT64_MAX)
        count(block, cost, TN_FORM_APART);
}

/* All that are not aligned are left to code in C in its first form. */
void x64_met_odd(TnCpu *cpu, TnBlock *block)
{
    enum { COST = 5 };

    if (wanted && block->form == TN_FORM_FAST && block->phys[0] != UINT64_MAX &&
        count(block, COST, TN_FORM_HOT))
        atomic_store_explicit(&cpu->exit_request, 1, memory_order_relaxed);
}

void x64_sampled(TnCpu *cpu)
{
    const TnTlbSiteUse *bad = tn_tlb_site_bad(cpu);

    if (bad && bad->owner) {
        *(bad->moves ? &bad->owner->plain : &bad->owner->moving) |= UINT64_C(1) << bad->number;
        tn_block_remake(cpu, bad->owner, (TnBlockForm)bad->owner->form);
    }
    if (edges.often && edges.flushes == flushes())
        tn_block_remake(cpu, edges.often, edges.form);
    memset(&edges, 0, sizeof(edges));
    cpu->priv->ticks += n_places;
    for (unsigned i = 0; i < n_places; i++) {
        TnBlock *block = x64_block_at((const void *)place[i]);

        if (block)
            tn_block_sampled(cpu, block);
    }
    n_places = 0;
}
