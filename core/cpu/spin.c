/* SPDX-License-Identifier: MIT */
/*
 * A guest that waits for another processor in a loop with PAUSE (SDM vol. 2B, "PAUSE"; vol. 3C
 * 26.1.3, PAUSE-loop exiting, of how such a loop is told).
 *
 * Each look at a lock takes its cache line away from the processor that holds it: a loop that does
 * nothing but look slows down whom it waits for. The first PAUSE is the host's, each one that
 * follows soon takes twice as long up to a bound, and a long wait gives the host processor away:
 * the other vCPU's thread may be waiting for one.
 */
#include "cpu/cpu-private.h"

enum {
    SOON_TICKS = 1000,   /* of the host's counter from PAUSE to PAUSE of one loop, at most */
    LONG_WAIT = 64,      /* PAUSEs of the longest kind between two offers of the host processor */
};

#if defined(__x86_64__)
static uint64_t host_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

static void host_pause(void)
{
    __builtin_ia32_pause();
}
#else
/* Without a cheap counter all are one loop. */
static uint64_t host_ticks(void)
{
    return 0;
}

static void host_pause(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}
#endif

static bool is_wanted(TnCpu *cpu)
{
    return atomic_load_explicit(&cpu->exit_request, memory_order_relaxed) ||
           atomic_load_explicit(&cpu->requests, memory_order_relaxed);
}

bool tn_cpu_spin(TnCpu *cpu)
{
    TnSpin *spin = &cpu->priv->spin;

    if (host_ticks() - spin->end > SOON_TICKS)
        *spin = (TnSpin){ .length = 1 };
    else if (spin->length < TN_SPIN_LONGEST)
        spin->length = spin->length ? spin->length * 2 : 1;
    else
        spin->longest++;
    for (unsigned i = 0; i < spin->length && !is_wanted(cpu); i++)
        host_pause();
    spin->end = host_ticks();
    return spin->longest % LONG_WAIT == LONG_WAIT - 1;
}
