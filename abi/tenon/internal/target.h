/* SPDX-License-Identifier: MIT */
/*
 * What a CPU target module gives to the translator and what it gets, internal tier.
 *
 * A target describes itself by one const TnTargetInfo: the layout of its state, the registers that
 * live in it, its helpers, its MMU modes and its hooks. The core owns vCPU threads, the block
 * cache, the soft TLB and the back ends.
 *
 * Memory of one vCPU is one allocation: [ TnCpu | target state ]. Translated code addresses both at
 * constant offsets from one host register, and the soft TLBs through TnCpu.tlb.
 */
#ifndef TENON_INTERNAL_TARGET_H
#define TENON_INTERNAL_TARGET_H

#include <glib.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tenon/cpu.h"
#include "tenon/internal/ir.h"
#include "tenon/macros.h"
#include "tenon/memory.h"
#include "tenon/module.h"
#include "tenon/state.h"

TN_BEGIN_DECLS

/* Kinds of guest memory access. */
typedef enum TnAccess {
    TN_ACCESS_READ = 0,
    TN_ACCESS_WRITE = 1,
    TN_ACCESS_FETCH = 2,
} TnAccess;

enum {
    TN_PROT_READ = 1u << 0,
    TN_PROT_WRITE = 1u << 1,
    TN_PROT_EXEC = 1u << 2,
    TN_PAGE_BITS = 12,
    TN_PAGE_SIZE = 1u << TN_PAGE_BITS,
    TN_TLB_BITS = 14,            /* entries per MMU mode, log2 */
    TN_TLB_SIZE = 1u << TN_TLB_BITS,
    TN_MAX_MMU_MODES = 8,
    TN_MMU_USER = 1,             /* user code's mode; kernels are mapped alike in all spaces */
    TN_JUMP_BITS = 13,           /* entries of a bank of the jump cache, log2 */
    TN_JUMP_SIZE = 1u << TN_JUMP_BITS,
    TN_JUMP_MULTIPLIER = 0x61c88647, /* spreads low bits of pcs (2^32 over the golden ratio) */
    TN_JUMP_ENTRY_BITS = 4,      /* bytes of an entry, log2: below its number in the product */
};

/*
 * One soft TLB entry. A tag is the page's virtual address, or has TN_TLB_SLOW bits set in its low
 * 12 bits so that the inline compare fails and the slow path decides; all ones is "empty", and so
 * are zeros in every entry but the first (page 0 has its place there), so that fresh memory is an
 * empty TLB but for that one.
 * Inline probe of an access of 2^s bytes at v:  (v & ~(uint64_t)0xfff | v & (2^s - 1)) == tag for
 * accesses that must not cross a page, or with v + 2^s - 1 masked for those that may be
 * misaligned within one page. Host address = v + addend.
 */
typedef struct TnTlbEntry {
    uint64_t read, write, fetch; /* tags */
    uintptr_t addend;
} TnTlbEntry;

/* The slow half of an entry, looked at by the slow path only. */
typedef struct TnTlbSlow {
    uint64_t paddr;     /* physical address of the page */
    uint32_t prot;      /* TN_PROT_* */
    uint32_t attrs;     /* passed to the memory bus (TnMemAttrs) */
} TnTlbSlow;

enum {
    TN_TLB_SLOW_IO = 1u << 11,       /* not plain RAM */
    TN_TLB_SLOW_CODE = 1u << 10,     /* write tag: the page holds translated code */
    TN_TLB_SLOW_WATCH = 1u << 9,     /* a data breakpoint of the debugger */
    TN_TLB_SLOW_DIRTY = 1u << 8,     /* write tag: dirty logging wants to see the first write */
    TN_TLB_EMPTY_BITS = 1u << 7,
};

/* The soft TLB of one MMU mode. */
typedef struct TnTlb {
    TnTlbEntry entry[TN_TLB_SIZE];
    TnTlbSlow slow[TN_TLB_SIZE];
    /* Written by the vCPU alone, read by any thread that looks for entries. */
    uint64_t used[TN_TLB_SIZE / 64];   /* entries that were filled since they were dropped */
    uint64_t global[TN_TLB_SIZE / 64]; /* of them those of global pages */
} __attribute__((aligned(4096))) TnTlb;

/* What identifies a translation beside its physical address. */
typedef struct TnBlockKey {
    uint64_t pc;      /* guest pc as the state holds it (x86: EIP/RIP, without the CS base) */
    uint64_t base;    /* added to pc to form the linear address (x86: CS base) */
    uint32_t flags;   /* the target's mode bits; code is translated under the assumption of them */
    uint32_t address_bits; /* pc + base wraps at 2^address_bits: 32 or 64 */
    uint32_t mmu_mode; /* MMU mode of instruction fetches; the core zeroes the key before it asks */
    uint32_t reserved;
} TnBlockKey;

typedef struct TnBlock TnBlock;

/* One entry of the jump cache: going to pc in the present mode is going to `code`. */
typedef struct TnJumpEntry {
    uint64_t pc;
    const void *code;
} TnJumpEntry;

/* The entry that a pc may be in. */
static inline unsigned tn_jump_index(uint64_t pc)
{
    return ((uint32_t)pc * TN_JUMP_MULTIPLIER >> TN_JUMP_ENTRY_BITS) % TN_JUMP_SIZE;
}

/*
 * What a loop keeps of a soft TLB while it goes round: up to `limit` a guest address plus `addend` is
 * the host's. Another thread that restricts what a TLB allows clears the limit after that.
 */
typedef struct TnTlbWindow {
    uint64_t limit; /* 0: closed */
    uint64_t addend;
} TnTlbWindow;

enum { TN_TLB_WINDOWS = 4 };

/*
 * What an access of hot code keeps of a soft TLB (translate/softmmu-sites.c): a guest address that,
 * less `start`, is below `size` plus `addend` is the host's. Another thread that restricts what a TLB
 * allows clears the size after that.
 */
typedef struct TnTlbSite {
    uint64_t start;
    uint64_t size;     /* 0: closed */
    uint64_t addend;
    int32_t patience;  /* counted down at each miss; below 0 it is worth a look */
    uint8_t bits;      /* log2 of the size of the guest's pages */
    uint8_t listed;    /* among the open ones; bit 1: of global pages */
    uint8_t tick;      /* when it was opened: the vCPU's count of samples */
    uint8_t moves;     /* how often that was lately, or it was moved */
} TnTlbSite;

enum { TN_TLB_SITES = 4096 };

typedef struct TnCpuPrivate TnCpuPrivate; /* core's own */
typedef struct TnTargetInfo TnTargetInfo;

enum { TN_CPU_CALLED = 2 };

/*
 * The part of a vCPU that the core, the back ends and the targets share. The target's state
 * follows it at TN_CPU_STATE_OFFSET.
 */
struct TnCpu {
    TnTlbSite site[TN_TLB_SITES]; /* back end: of hot code */
    const TnTargetInfo *target;
    uint32_t index;
    sigjmp_buf *unwind;        /* where a fault goes; NULL outside translated code */
    TnAddressSpace *as;        /* memory as this vCPU sees it, borrowed */
    TnAddressSpace *io;        /* port I/O space, borrowed; NULL where there is none */
    TnObject *object;
    bool halted;               /* sleeping until has_work */
    bool stopped;              /* by the machine's run state */
    uint8_t sipi_vector;
    bool x87_live;             /* the guest's x87 registers are in this thread's x87 (TnX87Ops) */
    uint32_t scratch_mxcsr;    /* back end: host MXCSR outside translated code */
    TnTlbWindow window[TN_TLB_WINDOWS]; /* back end: of the running loop */
    /* The page that had code and was stored to last: its host address, the bitmap of its code bytes with
     * a word for each 64. NULL: none. */
    const uint8_t *code_page_host;
    const void *code_page_lines;
    uint64_t insn_budget;      /* icount and single-step; ~0 when unused */
    TnCpuPrivate *priv;

    TnTlb *tlb;                /* soft TLBs of the address space in force, by MMU mode */
    uint32_t mode_id;          /* interned (base, flags, address_bits) of the running code */
    atomic_uint requests;      /* TnCpuRequest bits */
    void *code_frame;          /* back end: the stack frame of translated code; NULL outside of it */
    uint64_t fault_pc;         /* guest pc of the access or helper in flight, set by slow paths */
    int32_t until_look;        /* back end: shared looks of indirect exits until one gets its own */

    /* What translated code is full of: the cache line before the state. */
    _Alignas(64) const void *called[TN_CPU_CALLED]; /* back end: code that blocks often call */
    uint64_t page_mask[3];     /* back end: what of an address is its page's; with what is 0 in aligned
                                * ones of 4 and 8 bytes */
    TnJumpEntry *jump;         /* the jump cache of the running mode, TN_JUMP_SIZE entries */
    /* Written by any thread: nonzero makes translated code return to the main loop at its next check. */
    atomic_uint exit_request;
    uint32_t entry_mask;       /* back end: what is the offset of the page's entry in a soft TLB */
    uint32_t entry_bits;       /* back end: from which bits of the page's address it comes */
    uint8_t vec_state;         /* back end: where pinned vector registers are; 0 outside of
                                * translated code: in the state */
};

enum { TN_CPU_STATE_OFFSET = sizeof(TnCpu) };

_Static_assert(TN_CPU_STATE_OFFSET % 64 == 0 &&
                   TN_CPU_STATE_OFFSET == offsetof(TnCpu, called) + 64,
               "one cache line, and the state is aligned");

/* The target's state, TnTargetInfo.state_size bytes, zeroed at creation, 64-byte aligned. */
static inline void *tn_cpu_state(TnCpu *cpu)
{
    return (char *)cpu + TN_CPU_STATE_OFFSET;
}

static inline TnCpu *tn_cpu_from_state(void *state)
{
    return (TnCpu *)((char *)state - TN_CPU_STATE_OFFSET);
}

/* The soft TLB of an MMU mode in the address space in force. */
static inline TnTlb *tn_cpu_tlb(TnCpu *cpu, unsigned mode)
{
    return &cpu->tlb[mode];
}

/* ---- Helpers ---------------------------------------------------------------------------- */

typedef enum TnArgType {
    TN_ARG_VOID,
    TN_ARG_I32, /* uint32_t */
    TN_ARG_I64, /* uint64_t */
    TN_ARG_PTR, /* void *, from ENVPTR */
} TnArgType;

enum {
    TN_HELPER_FAULTS = 1u << 0,    /* may leave through tn_cpu_unwind; cpu->fault_pc is set before */
    TN_HELPER_READS = 1u << 1,     /* reads declared registers through the state */
    TN_HELPER_WRITES = 1u << 2,    /* writes declared registers through the state */
    TN_HELPER_FLUSHES = 1u << 3,   /* may flush the TLB or code (the block ends soon after) */
    TN_HELPER_FP = 1u << 4,        /* touches the FP environment or the guest's MXCSR: others may
                                    * run with the guest's rounding and exceptions */
    TN_HELPER_PURE = 1u << 5,      /* result depends on the arguments only; no cpu argument */
    TN_HELPER_IO = 1u << 6,        /* may take the device lock */
    TN_HELPER_NORETURN = 1u << 7,
    /*
     * I64 fn(cpu, low, high, divisor), all I64: the quotient of the double-width dividend, which a
     * back end may compute in the helper's place; where the divisor is zero or the quotient does not
     * fit it calls the helper. 32-bit operands and quotients are zero-extended.
     */
    TN_HELPER_DIVU32 = 1u << 8,
    TN_HELPER_DIVS32 = 1u << 9,
    TN_HELPER_DIVU64 = 1u << 10,
    TN_HELPER_DIVS64 = 1u << 11,
    TN_HELPER_DIVIDES = TN_HELPER_DIVU32 | TN_HELPER_DIVS32 | TN_HELPER_DIVU64 | TN_HELPER_DIVS64,
    TN_HELPER_ONCE = 1u << 12,     /* done again from the same state it would do or give something
                                    * else: devices, time, chance, sleep */
};

/* One helper. Its C signature is: ret fn([TnCpu *cpu,] args...), without cpu where PURE. */
typedef struct TnHelperInfo {
    const char *name;
    void (*fn)(void);
    uint8_t ret;       /* TnArgType; TN_ARG_I32 results are zero-extended into the temporary */
    uint8_t n_args;    /* 0..4, not counting cpu */
    uint8_t args[6];   /* TnArgType; the fallback of a host form has the signature told in ir.h */
    uint32_t flags;
} TnHelperInfo;

/* ---- Registers -------------------------------------------------------------------------- */

typedef struct TnRegInfo {
    const char *name;
    uint32_t offset;   /* in the target's state */
    uint8_t type;      /* TN_I32, TN_I64 or TN_V256 */
    uint8_t pin;       /* wish for a host register: 0 none, higher is more urgent */
    uint16_t flags;
} TnRegInfo;

/* ---- The target ------------------------------------------------------------------------- */

/* The result of a translation of a virtual address. */
typedef struct TnTlbFill {
    uint64_t paddr;     /* physical address of the page that holds vaddr (4K aligned) */
    uint32_t prot;      /* TN_PROT_*: what may be cached for this MMU mode */
    uint32_t attrs;     /* TnMemAttrs bits (e.g. SMM) */
    uint8_t page_bits;  /* log2 of the guest's page size, for INVLPG of large pages */
    bool global;        /* survives a flush that keeps global pages */
    bool scattered;     /* the guest's page is not one piece of physical memory (x86: A20 off) */
} TnTlbFill;

typedef struct TnTargetOps {
    /*
     * Prepares a vCPU's state: parses `model` (the value of -cpu, or NULL for the machine's
     * default), and sets up what never changes. Called once, state zeroed. [main]
     */
    bool (*cpu_init)(TnCpu *cpu, const char *model, GError **error);
    void (*cpu_clear)(TnCpu *cpu);

    /* Power-on or reset state. [main, the vCPU is stopped] */
    void (*reset)(TnCpu *cpu);

    /* The key of the code at the current pc. [vcpu] */
    void (*key)(TnCpu *cpu, TnBlockKey *key);

    /* Emits the block at b->pc for the key; ends it with an EXIT*. [vcpu] */
    void (*translate)(TnCpu *cpu, TnIrBuilder *b, const TnBlockKey *key);

    /*
     * Walks the page tables. True: *fill is set. False: the exception is recorded in the state (the
     * core unwinds and calls deliver_exception). With `probe` nothing is recorded or changed in
     * guest memory. [vcpu]
     */
    bool (*tlb_fill)(TnCpu *cpu, uint64_t vaddr, TnAccess access, unsigned mmu_mode, bool probe,
                     TnTlbFill *fill);

    /* Delivers the recorded exception; may itself fault (tn_cpu_unwind). [vcpu] */
    void (*deliver_exception)(TnCpu *cpu);

    /*
     * Looks at `requests` and takes the one of highest priority that is not masked. Returns true
     * when it changed the state. [vcpu]
     */
    bool (*take_request)(TnCpu *cpu, uint32_t requests);

    /* True when a halted vCPU must wake for these requests. [vcpu] */
    bool (*has_work)(TnCpu *cpu, uint32_t requests);

    /* Sets or reads the guest pc in the state. [vcpu] */
    void (*set_pc)(TnCpu *cpu, uint64_t pc);
    uint64_t (*pc)(TnCpu *cpu);

    /* A TN_MEM_ALIGN access is misaligned: records the exception and unwinds. [vcpu] */
    void (*unaligned)(TnCpu *cpu, uint64_t vaddr, TnAccess access, unsigned mmu_mode);

    /*
     * An access met nothing or a failing device. May record an exception and unwind; may be NULL
     * (reads give all ones, writes are dropped). [vcpu]
     */
    void (*bus_error)(TnCpu *cpu, uint64_t vaddr, uint64_t paddr, TnAccess access);

    /* Virtual to physical for debuggers, without side effects; false when unmapped. [any, stopped] */
    bool (*debug_translate)(TnCpu *cpu, uint64_t vaddr, uint64_t *paddr);

    /* Appends a readable dump of the registers (-d cpu, info registers). */
    void (*dump)(TnCpu *cpu, GString *out);

    /* The debugger's registers: true and bytes in target order, or false for no such register. */
    bool (*gdb_read)(TnCpu *cpu, unsigned reg, GByteArray *out);
    bool (*gdb_write)(TnCpu *cpu, unsigned reg, const uint8_t *bytes, size_t n);

    /* The input lines of tn_cpu_irq. [any +lock] */
    void (*irq)(TnCpu *cpu, unsigned line, int level);

    /* The list for -cpu help. */
    void (*list_models)(GString *out);
    /* The properties of a model for -cpu MODEL[,...],help, with the values that `option` (without
     * ",help") gives them on `target`; false with an error for a bad option. [main] */
    bool (*describe_model)(const TnTargetInfo *target, const char *option, GString *out, GError **error);

    /* Appends all that translate() depends on beside the code and its key, which never changes for
     * the vCPU (its model's features). Without it translations are not kept for other runs. [main] */
    void (*translation_identity)(TnCpu *cpu, GByteArray *out);
} TnTargetOps;

/*
 * The guest's x87 in the host's (TN_IR_HOSTX). C code in between keeps the unit as it is: it may not
 * compute with long double before `save`. All on the vCPU's thread. [vcpu]
 */
typedef struct TnX87Ops {
    /* Puts the state's stack, status and control word (all masked) into the unit; sets x87_live. */
    void (*load)(TnCpu *cpu);
    /* The reverse, where x87_live is set: clears it and leaves the unit as the host wants it. */
    void (*save)(TnCpu *cpu);
    /* FLDCW at cpu->fault_pc would unmask an exception: arranges that the code there is translated
     * without TN_IR_HOSTX and unwinds to the loop. */
    void (*refuse)(TnCpu *cpu);
} TnX87Ops;

struct TnTargetInfo {
    uint32_t size;         /* sizeof(TnTargetInfo) */
    const char *name;      /* "x86_64" */
    uint32_t state_size;
    uint32_t n_mmu_modes;
    const TnRegInfo *regs;
    uint32_t n_regs;
    const TnHelperInfo *helpers;
    uint32_t n_helpers;
    int32_t mxcsr_offset;  /* of a uint32_t in the state holding x86 MXCSR for host forms; -1 none.
                            * Translated code runs with it (exceptions masked) in the host's MXCSR
                            * and writes it back before helpers flagged FP and on leaving. */
    uint32_t pc_offset;    /* of a uint64_t in the state that EXIT* stores the pc to */
    const char *default_model;
    const char *default_machine;
    const TnStateField *state; /* save/load table of the state */
    const TnTargetOps *ops;
    const TnX87Ops *x87;       /* NULL: TN_IR_HOSTX is not used */
};

/*
 * The vCPU type's creation by a machine: makes a vCPU of the running target, index and state as
 * `model` says, and its thread (stopped). The object is owned by the machine's "cpus" child.
 * [main]
 */
TN_API TnCpu *tn_cpu_new(const char *model, unsigned index, GError **error);

/* ---- What a target may call ------------------------------------------------------------- */

/*
 * Leaves translated code or a helper: nothing after it runs. The exception to deliver is in the
 * target's state; before deliver_exception the guest pc is set to cpu->fault_pc. [vcpu]
 */
TN_API TN_NORETURN void tn_cpu_unwind(TnCpu *cpu);

/* Like tn_cpu_unwind with nothing to deliver: the state, pc included, is complete. [vcpu] */
TN_API TN_NORETURN void tn_cpu_unwind_to_loop(TnCpu *cpu);

/*
 * Address spaces. A vCPU keeps the soft TLBs of several, each known by a number that the target
 * chooses (x86: the PCID); a few of them, the least recently used one gives way. What follows
 * concerns this vCPU alone, and the block of the instruction that asks for it ends behind it with an
 * EXIT_LOOP* or EXIT_STATE: what follows is looked up anew. [vcpu, or the vCPU is stopped]
 *
 * Makes `space` the one in force: translations made in it before are good again. Every vCPU starts
 * in space 0.
 */
TN_API void tn_tlb_select(TnCpu *cpu, uint32_t space);
/* Drops every translation: all spaces, global pages too. */
TN_API void tn_tlb_flush(TnCpu *cpu);
/* Drops one space's translations, or (`_spaces`) those of all, but not those of global pages. */
TN_API void tn_tlb_flush_space(TnCpu *cpu, uint32_t space);
TN_API void tn_tlb_flush_spaces(TnCpu *cpu);
/* Drops one space's translation of the guest page that holds vaddr, whatever its size; with `global`
 * also the global page's there, in all spaces. */
TN_API void tn_tlb_flush_page(TnCpu *cpu, uint64_t vaddr, uint32_t space, bool global);
/* tn_tlb_flush for every vCPU, done before their next instruction. [any] */
TN_API void tn_tlb_flush_all_cpus(void);

/*
 * Guest memory through the MMU with faults (tn_cpu_unwind), for helpers; cpu->fault_pc is set
 * already. Little-endian values; any alignment. [vcpu]
 */
TN_API uint8_t tn_ld8(TnCpu *cpu, uint64_t vaddr, unsigned mmu_mode);
TN_API uint16_t tn_ld16(TnCpu *cpu, uint64_t vaddr, unsigned mmu_mode);
TN_API uint32_t tn_ld32(TnCpu *cpu, uint64_t vaddr, unsigned mmu_mode);
TN_API uint64_t tn_ld64(TnCpu *cpu, uint64_t vaddr, unsigned mmu_mode);
TN_API void tn_st8(TnCpu *cpu, uint64_t vaddr, uint8_t value, unsigned mmu_mode);
TN_API void tn_st16(TnCpu *cpu, uint64_t vaddr, uint16_t value, unsigned mmu_mode);
TN_API void tn_st32(TnCpu *cpu, uint64_t vaddr, uint32_t value, unsigned mmu_mode);
TN_API void tn_st64(TnCpu *cpu, uint64_t vaddr, uint64_t value, unsigned mmu_mode);
/* n bytes; a store faults before the first byte is written, all pages are probed. */
TN_API void tn_ld_bytes(TnCpu *cpu, uint64_t vaddr, void *buf, size_t n, unsigned mmu_mode);
TN_API void tn_st_bytes(TnCpu *cpu, uint64_t vaddr, const void *buf, size_t n, unsigned mmu_mode);

/*
 * Checks that [vaddr, vaddr + n) may be accessed, faulting if not. Returns the host address when
 * all of it is plain RAM within one page (writes: of a page without code), else NULL. [vcpu]
 */
TN_API void *tn_probe(TnCpu *cpu, uint64_t vaddr, size_t n, TnAccess access, unsigned mmu_mode);

/*
 * Copies n bytes (any number) upwards, or fills them with one. False, and nothing was done, where n
 * is 0, a span is not plain RAM within one page (to be written: of a page without code) as the soft
 * TLB knows it now, or the copy's destination begins within the source. Never faults. [vcpu]
 */
TN_API bool tn_span_copy(TnCpu *cpu, uint64_t to, uint64_t from, uint64_t n, unsigned mmu_mode);
TN_API bool tn_span_fill(TnCpu *cpu, uint64_t to, uint8_t byte, uint64_t n, unsigned mmu_mode);

/*
 * Compare-and-exchange of 16 bytes at an address that is a multiple of 16, atomic for all vCPUs and
 * with faults: where expect[] stands there, value[] does afterwards; else expect[] gets what does,
 * and false. Low halves first. Counts as a store in either case. [vcpu]
 */
TN_API bool tn_cas_pair(TnCpu *cpu, uint64_t vaddr, uint64_t expect[2], const uint64_t value[2],
                        unsigned mmu_mode);

/*
 * Runs what the host has no atomic operation for (a split or I/O compare-and-exchange) with every
 * other vCPU stopped: between _begin and _end no other vCPU executes. _end also happens on unwind.
 * [vcpu]
 */
TN_API void tn_exclusive_begin(TnCpu *cpu);
TN_API void tn_exclusive_end(TnCpu *cpu);

/* Physical memory as the vCPU sees it, for page walks; atomic compare-and-exchange for A/D bits. */
TN_API uint32_t tn_phys_ld32(TnCpu *cpu, uint64_t paddr, uint32_t attrs);
TN_API uint64_t tn_phys_ld64(TnCpu *cpu, uint64_t paddr, uint32_t attrs);
TN_API bool tn_phys_cas32(TnCpu *cpu, uint64_t paddr, uint32_t expect, uint32_t value, uint32_t attrs);
TN_API bool tn_phys_cas64(TnCpu *cpu, uint64_t paddr, uint64_t expect, uint64_t value, uint32_t attrs);
TN_API void tn_phys_st32(TnCpu *cpu, uint64_t paddr, uint32_t value, uint32_t attrs);
TN_API void tn_phys_st64(TnCpu *cpu, uint64_t paddr, uint64_t value, uint32_t attrs);

/*
 * Reads one byte of guest code at b->base + offset for the front end; faults like a fetch when the
 * page is not executable, but only if it is not the first instruction (then returns false and the
 * block ends before the instruction: the fault comes when execution gets there). `linear` is the
 * linear address. On the first instruction (b->n_insns == 0) it unwinds instead. [vcpu]
 */
TN_API bool tn_ir_fetch(TnCpu *cpu, TnIrBuilder *b, uint64_t linear, uint8_t *byte);

enum { TN_IR_CODE_BYTES = 16 };

/* Reads on for tn_ir_code. [vcpu] */
TN_API const uint8_t *tn_ir_read_ahead(TnCpu *cpu, TnIrBuilder *b, uint64_t linear);

/*
 * The next TN_IR_CODE_BYTES bytes of guest code at the linear address of an instruction, the block's
 * first or the one behind the one before; until the next call. NULL where they do not all lie in
 * plain memory on the block's first page: then tn_ir_fetch reads as many as there are. Never
 * unwinds. [vcpu]
 */
static inline const uint8_t *tn_ir_code(TnCpu *cpu, TnIrBuilder *b, uint64_t linear)
{
    uint64_t at = linear - b->code_at;

    if (TN_LIKELY(at < b->n_code && b->n_code - at >= TN_IR_CODE_BYTES))
        return b->code + at;
    return tn_ir_read_ahead(cpu, b, linear);
}

/*
 * Where the guest writes a number in its code again and again: the host address of the 4 bytes at
 * `at` bytes from the linear address of the instruction, all of which were fetched, for
 * tn_ir_ldcode. From now on the block does not depend on them: the front end may not use the number
 * that it has read. 0 where it is to be taken as it is. [vcpu]
 */
TN_API uintptr_t tn_ir_late(TnCpu *cpu, TnIrBuilder *b, uint64_t linear, unsigned at);

/* Port I/O (x86 IN/OUT), size 1, 2, 4 bytes; takes the device lock. [vcpu] */
TN_API uint32_t tn_io_in(TnCpu *cpu, uint16_t port, unsigned size);
TN_API void tn_io_out(TnCpu *cpu, uint16_t port, uint32_t value, unsigned size);

/* The virtual clock in ns and a cycle counter of `hz`, monotonic over vCPUs. [any] */
TN_API uint64_t tn_cpu_ticks(TnCpu *cpu, uint64_t hz);

/* Puts the vCPU to sleep after the current helper until has_work; unwinds to the loop. [vcpu] */
TN_API TN_NORETURN void tn_cpu_halt(TnCpu *cpu);

/*
 * The guest waits for another processor (x86 PAUSE): with one host thread for all vCPUs the next
 * one gets its turn when the block ends; otherwise the host may run somebody else. [vcpu]
 */
TN_API void tn_cpu_yield(TnCpu *cpu);

/* Text of one decoded guest instruction for -d in_asm (capstone; hex bytes without it). */
TN_API void tn_log_insn(TnCpu *cpu, uint64_t pc, const uint8_t *bytes, unsigned n);

TN_END_DECLS

#endif
