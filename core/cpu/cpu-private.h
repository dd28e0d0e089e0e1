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
#include "translate/stats.h"

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
    TN_PHYS_RANGES = 4,      /* spans of memory that were met last */
    TN_TLB_SPACES = 8,       /* address spaces whose soft TLBs are kept */
    TN_TLB_SECOND_BITS = 16,
    TN_TLB_SECOND_SIZE = 1 << TN_TLB_SECOND_BITS,
    TN_MODE_CACHE_SIZE = 16,
    TN_CPU_IRQ_LINES = 8,
    /* TnTlbSlow.prot beside TN_PROT_*: */
    TN_SLOW_PAGE_BITS_SHIFT = 8, /* log2 of the guest's page size */
};

enum {
    TN_BLOCK_MAX_LATE = 8, /* numbers that a block reads late: tn_ir_late */
    TN_LATE_SIZE = 4,      /* bytes of each */
};

/* The pages a translation in progress reads. */
typedef struct TnTranslation {
    /* Up to linear: 0 where nothing is being translated. */
    TnCodePage *page[2];
    const uint8_t *host[2];/* NULL: not plain memory, read byte by byte */
    unsigned n_bytes;      /* read so far: TnCpuPrivate.code_bytes */
    unsigned n_late;       /* numbers among them that the block reads late, in order */
    bool active, uncached;
    bool recorded;         /* the bytes are all there are: nothing is read */
    uint64_t linear[2];    /* page addresses */
    uint64_t start;        /* linear address of the first byte */
    unsigned generation[2];
    uint16_t late[TN_BLOCK_MAX_LATE];
} TnTranslation;

/* A block lies in one page, and its only instruction may reach into the next. */
enum { TN_MAX_CODE_BYTES = TN_PAGE_SIZE + 16 };

enum { TN_JUMP_FILTER_BITS = 512 };

/* Where entries of the jump cache may be: tn_tlb_half of their pages; bits by a hash of the page's
 * number, or, where the guest's page is larger than ours, by the number of the largest page. */
typedef struct TnJumpPages {
    uint32_t halves;
    uint64_t large;
    uint64_t filter[TN_JUMP_FILTER_BITS / 64];
} TnJumpPages;

typedef struct TnModeCacheEntry {
    uint64_t base;
    uint32_t flags, address_bits, core, id; /* id 0: empty */
    TnJumpBank *bank;                       /* the one it had last, or NULL */
    struct TnModeCacheEntry *after;         /* of the mode that came after it last, or NULL */
} TnModeCacheEntry;

/* A span of physical memory that the host has, as the bus showed it. */
typedef struct TnPhysRange {
    uint64_t first, last;  /* physical addresses, whole pages; first > last: empty */
    uint32_t attrs;
    bool writable;
    uint8_t *host;         /* of first */
    TnRegion *region;
    uint64_t offset;       /* of first in region */
} TnPhysRange;

/* The soft TLBs of one address space of the guest (softmmu-space.c). */
typedef struct TnTlbSpace {
    TnTlb *tlb;            /* by MMU mode; NULL until it is used. Read by any thread */
    uint32_t tag;          /* the target's number for it */
    uint32_t asid;         /* tags its translations in the second level */
    uint64_t selected;     /* when it was last: priv->selections then */
} TnTlbSpace;

/* A translation in the second level (softmmu-second.c). */
typedef struct TnTlbSecond {
    uint64_t key;          /* first address of the guest page | size | MMU mode; 0: empty */
    uint64_t paddr;
    uint32_t asid, attrs;
    uint8_t prot;          /* TN_PROT_* */
    bool global;
} TnTlbSecond;

/* Sizes of large guest pages, each with a filter of where they were met. */
enum { TN_TLB_LARGE_BITS = 13 };
typedef struct TnTlbLarge {
    uint32_t sizes;        /* bit n: pages of 2^n bytes */
    uint64_t met[3][(1 << TN_TLB_LARGE_BITS) / 64]; /* by size class: hashed page numbers */
} TnTlbLarge;

/* Windows of hot code that may be open (softmmu-sites.c). */
typedef struct TnOpenSites {
    uint64_t where;        /* bits for the pieces of memory that any of them is in */
    uint64_t first, last;  /* addresses that none of them is beyond */
    unsigned n;
    uint16_t number[TN_TLB_SITES];
} TnOpenSites;

enum { TN_SPIN_LONGEST = 32 };

/* A loop of the guest's that waits (spin.c). */
typedef struct TnSpin {
    uint64_t end;          /* of its last PAUSE, in ticks of the host's counter */
    unsigned length;       /* of that, in PAUSEs of the host: up to TN_SPIN_LONGEST */
    unsigned longest;      /* PAUSEs after it grew so long */
} TnSpin;

struct TnCpuPrivate {
    TnCpu *cpu;

    /* Soft MMU */
    TnTlb *tlb_memory;          /* of all spaces */
    TnTlbSpace space[TN_TLB_SPACES];
    TnTlbSpace *in_force;       /* one of them */
    uint64_t selections;
    uint32_t global_asid, last_asid;
    uint32_t global_halves;     /* tn_tlb_half of where global pages were met since a whole flush */
    TnTlbSecond *second;        /* TN_TLB_SECOND_SIZE of them */
    TnTlbLarge large;
    TnPhysRange phys[TN_PHYS_RANGES]; /* the one used last first */
    TnOpenSites open_sites[2];  /* of global pages the second */
    _Atomic(uint64_t) open_writes[TN_TLB_SITES / 64]; /* bits of those that stores may go through */
    unsigned bad_site;          /* 1 + the number of one that keeps missing, or 0 */
    unsigned ticks;             /* samples taken so far (backend.h) */
    atomic_bool flush_pending;  /* another thread asked for a whole flush */

    /* Translation */
    TnBlockKey key;             /* of mode_id */
    uint32_t core_mode;         /* TN_CORE_MODE_* of mode_id */
    TnModeCacheEntry mode_cache[TN_MODE_CACHE_SIZE];
    TnModeCacheEntry *mode_entry; /* that the present mode was entered by; NULL: none */
    TnJumpBank *jump_banks;     /* TN_JUMP_BANKS of them, owned */
    unsigned jump_next_bank;    /* the next one to be given to another mode */
    TnJumpPages jump_pages;     /* those of all banks, and perhaps of some entries that are gone */
    TnIrBuilder builder;
    TnTranslation translation;
    TnCodePage *code_page;      /* the one that was stored to last, or NULL */
    uint8_t code_bytes[TN_MAX_CODE_BYTES]; /* what the present translation has read */
    struct TnCacheWindow *cache_window; /* on kept translations, or NULL: not kept; owned */
    uint32_t cache_next;        /* where the entry behind the last one taken is; 0: none was */
    atomic_ullong seen_epoch;   /* reclaiming of blocks: see blocks.c */

    /* Execution */
    sigjmp_buf unwind;
    bool in_code;               /* inside the back end's run() */
    TnBlock *uncached;          /* the block that runs and belongs to no cache; owned */
    bool wants_tail;            /* the next block is to be a tail, unless something comes between */
    bool alone;                 /* running one instruction that may write to its own block */
    bool single_step;           /* the debugger's */
    bool skip_breakpoint;       /* the one at the present pc was reported already */

    TnCpuStats stats;           /* written by the vCPU's thread alone */

    /* Exclusive sections */
    atomic_bool executing;      /* inside tn_exec_enter .. tn_exec_leave */
    unsigned exclusive_depth;

    /* Thread */
    TnCpuThread *thread;        /* NULL until the accelerator starts the vCPU */
    GQueue work;                /* of WorkItem, under the thread's lock */
    atomic_bool has_work_items;
    unsigned yields;            /* tn_cpu_yield calls so far */
    TnSpin spin;
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

/* ---- spin.c -------------------------------------------------------------------------------- */

/* One PAUSE of a loop that waits for another vCPU. True: it waits for long, and the host had better
 * run somebody else. Ends early when the vCPU is asked for something. [vcpu] */
bool tn_cpu_spin(TnCpu *cpu);

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
