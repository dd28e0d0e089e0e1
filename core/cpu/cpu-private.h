/* SPDX-License-Identifier: MIT */
/*
 * What the core keeps per vCPU beside TnCpu, and the interfaces between the files of core/cpu and
 * the translator.
 *
 * Locks, outermost first: an exclusive section (exclusive.c), the device lock, the translator's
 * lock (translator.h), a vCPU thread's lock. A thread begins an exclusive section only without
 * any of the others; while it waits for the others to stop, those may still take the device lock,
 * which nobody holds while waiting for a section.
 */
#ifndef TN_CPU_PRIVATE_H
#define TN_CPU_PRIVATE_H

#include <setjmp.h>

#include "tenon/internal/accel.h"
#include "tenon/irq.h"

typedef struct TnCpuThread TnCpuThread;
typedef struct TnCodePage TnCodePage;
typedef struct TnJumpBank TnJumpBank;

/* How translated code was left by siglongjmp. */
typedef enum TnUnwind {
    TN_UNWIND_NONE,
    TN_UNWIND_FAULT, /* deliver the exception that the target recorded */
    TN_UNWIND_LOOP,  /* the state is complete */
    TN_UNWIND_RETRY, /* come back to the instruction at fault_pc */
    TN_UNWIND_SMC,   /* run the instruction at fault_pc alone: it writes to its own block */
} TnUnwind;

enum {
    TN_PHYS_CACHE_SIZE = 64, /* pages that page walks read */
    TN_MODE_CACHE_SIZE = 16,
    TN_CPU_IRQ_LINES = 8,
    /* TnTlbSlow.prot beside TN_PROT_*: */
    TN_SLOW_PAGE_BITS_SHIFT = 8, /* log2 of the guest's page size */
    TN_SLOW_GLOBAL = 1u << 16,
};

/* The pages a translation in progress reads. */
typedef struct TnTranslation {
    TnCodePage *page[2];
    unsigned generation[2];
    uint64_t linear[2];    /* page addresses */
    const uint8_t *host[2];/* NULL: not plain memory, read byte by byte */
    bool active, uncached;
} TnTranslation;

typedef struct TnModeCacheEntry {
    uint64_t base;
    uint32_t flags, address_bits, core, id; /* id 0: empty */
} TnModeCacheEntry;

typedef struct TnPhysCacheEntry {
    uint64_t page;         /* physical page address | 1, or 0 when empty */
    uint32_t attrs;
    uint8_t *host;
    TnRegion *region;
    uint64_t offset;       /* of the page in region */
} TnPhysCacheEntry;

struct TnCpuPrivate {
    TnCpu *cpu;

    /* Soft MMU: entries in use, so that a flush touches only those. */
    uint64_t tlb_used[TN_MAX_MMU_MODES][TN_TLB_SIZE / 64];
    TnPhysCacheEntry phys_cache[TN_PHYS_CACHE_SIZE];
    atomic_bool flush_pending;  /* another thread asked for a whole flush */

    /* Translation */
    TnBlockKey key;             /* of mode_id */
    uint32_t core_mode;         /* TN_CORE_MODE_* of mode_id */
    TnModeCacheEntry mode_cache[TN_MODE_CACHE_SIZE];
    TnJumpBank *jump_banks;     /* TN_JUMP_BANKS of them, owned */
    unsigned jump_next_bank;    /* the next one to be given to another mode */
    TnIrBuilder builder;
    TnTranslation translation;
    atomic_ullong seen_epoch;   /* reclaiming of blocks: see blocks.c */

    /* Execution */
    sigjmp_buf unwind;
    bool in_code;               /* inside the back end's run() */
    TnBlock *uncached;          /* the block that runs and belongs to no cache; owned */
    bool alone;                 /* running one instruction that may write to its own block */
    bool single_step;           /* the debugger's */
    bool skip_breakpoint;       /* the one at the present pc was reported already */

    /* Exclusive sections */
    atomic_bool executing;      /* inside tn_exec_enter .. tn_exec_leave */
    unsigned exclusive_depth;

    /* Thread */
    TnCpuThread *thread;        /* NULL until the accelerator starts the vCPU */
    GQueue work;                /* of WorkItem, under the thread's lock */
    atomic_bool has_work_items;
    unsigned yields;            /* tn_cpu_yield calls so far */
    TnIrq *irq[TN_CPU_IRQ_LINES];
};

/* ---- cpus.c: all vCPUs --------------------------------------------------------------------- */

enum { TN_MAX_CPUS = 256 };

/* tn_cpu_new for a given target. */
TnCpu *tn_cpu_new_of(const TnTargetInfo *target, const char *model, unsigned index, GError **error);

/* ---- exec.c -------------------------------------------------------------------------------- */

/* Runs translated code until the vCPU has to sleep, stop, yield or be served by its thread. */
void tn_cpu_exec(TnCpu *cpu);
TN_NORETURN void tn_cpu_unwind_smc(TnCpu *cpu);

/* ---- exclusive.c --------------------------------------------------------------------------- */

/* Brackets everything that touches translated code, the block cache or guest memory as a vCPU. */
void tn_exec_enter(TnCpu *cpu);
void tn_exec_leave(TnCpu *cpu);
/* True when a section waits for this vCPU to leave. */
bool tn_exclusive_wanted(void);
/* Leaves a section that an unwind has left open. */
void tn_exclusive_abandon(TnCpu *cpu);

/* ---- threads.c ----------------------------------------------------------------------------- */

/* Makes translated code end soon and wakes a sleeper. [any] */
void tn_cpu_kick(TnCpu *cpu);
bool tn_cpu_thread_start(TnCpu *cpu, bool single, GError **error);
void tn_cpu_thread_stop(TnCpu *cpu);
/* Runs queued work. [vcpu, outside code] */
void tn_cpu_run_work(TnCpu *cpu);
/* True while the vCPU's present turn should end: stopped, or another's turn (thread=single). */
bool tn_cpu_must_pause(TnCpu *cpu);
void tn_cpus_pause(void);
void tn_cpus_resume(void);

#endif
