/* SPDX-License-Identifier: MIT */
/*
 * The checking mode, -accel tcg,check=on: every block runs twice, first in the interpreter, as the
 * IR came from the front end, then as host code, optimised. The state and the memory that both
 * leave must be the same, faults included.
 *
 * Between the two runs the state and every byte of RAM that was stored to are put back. What cannot
 * be put back is not done twice: an instruction whose helper has TN_HELPER_ONCE is a block by itself
 * that only the host code runs, and the interpreter's run is given up where it comes upon a device.
 * Both are counted. Blocks are not chained. One vCPU.
 *
 * Not seen: stores of the host code to places where the interpreter did not store; accessed and
 * dirty bits of page tables, which the first run sets; memory that a device changes between the runs
 * is reported though neither is wrong.
 */
#ifndef TN_TRANSLATE_CHECK_H
#define TN_TRANSLATE_CHECK_H

#include "translate/backend.h"

extern const TnBackend tn_backend_check;

/* The interpreter's run is under way: stores are noted, devices stay untouched. */
extern bool tn_check_noting;

/* The interpreter is to leave before the instruction at a pc, as code may do in the middle of a block
 * (tails.c). */
extern bool tn_check_stops;
extern uint64_t tn_check_stop;

/* Whether blocks are made for checking. */
static inline bool tn_check_on(const TnBackend *backend)
{
    return backend == &tn_backend_check;
}

/* Chooses the back end that is checked; before its init, with the optimiser passes to check. */
void tn_check_setup(const TnBackend *checked, uint32_t opt);

/* How many of the instructions of a block may stand together in one. */
unsigned tn_check_insns(const TnIrBuilder *b);

void tn_check_keep(void *host, unsigned size);
TN_NORETURN void tn_check_leave(TnCpu *cpu);

/* A store to RAM is about to happen. [vcpu] */
static inline void tn_check_store(void *host, unsigned size)
{
    if (TN_UNLIKELY(tn_check_noting))
        tn_check_keep(host, size);
}

/* A device is about to be accessed. [vcpu] */
static inline void tn_check_device(TnCpu *cpu)
{
    if (TN_UNLIKELY(tn_check_noting))
        tn_check_leave(cpu);
}

/* Appends what was compared, as lines "name: value". */
void tn_check_text(GString *out);

#endif
