/* SPDX-License-Identifier: MIT */
/*
 * Between the translator (block cache, soft MMU, main loop) and its back ends.
 *
 * A back end turns the IR of one block into something it can run, runs it, and links exits of one
 * block to the entry of another. It knows nothing of guest pages or of invalidation.
 */
#ifndef TN_TRANSLATE_BACKEND_H
#define TN_TRANSLATE_BACKEND_H

#include "tenon/internal/target.h"

/* Whether the pc of an exit is known. */
typedef enum TnExitKind {
    TN_EXIT_DIRECT,  /* it is the only one */
    TN_EXIT_OPEN,    /* an indirect exit, which is to be linked to the block that it goes to first */
    TN_EXIT_SETTLED, /* one that went to the pc first, or that is not to be linked any more */
} TnExitKind;

/* One direct exit of a block, or one that is for the pc it goes to first. */
typedef struct TnBlockExit {
    uint64_t pc;            /* guest pc that it goes to */
    uint32_t kind;          /* TnExitKind */
    uint32_t flags;         /* back end: where the flags are that it stores once it has to */
    _Atomic(TnBlock *) to;  /* where it is linked to, NULL when it is not */
    void *patch;            /* back end: the place to patch */
    void *unlinked;         /* back end: what the place jumps to when unlinked */
    void *early, *late;     /* back end: another place to patch, before work that only some blocks
                             * want done, and where that work is; or NULL. `early` of one that is not
                             * DIRECT: the call that is to become a jump (indirect.c), or NULL */
    TnBlock *from;
    struct TnBlockExit *next_in; /* in-edge list of `to` */
} TnBlockExit;

enum {
    TN_BLOCK_MAX_EXITS = 64,
    TN_BLOCK_ROUNDS = UINT8_MAX, /* TnBlock.asked: a loop's second block, of several rounds */
    TN_BLOCK_TAIL = UINT8_MAX - 1, /* likewise: begins where others are left in the middle (tails.c) */
    TN_ROUNDS_MAX_INSNS = 16,    /* longer loops have none */
    TN_ROUNDS_GUARD = 0,         /* the exit of such a block to the loop's first one */
};

/* What a block was compiled for. */
typedef enum TnBlockForm {
    TN_FORM_FAST,
    TN_FORM_HOT, /* most of the time is spent in such (promote.h) */
    TN_FORM_APART, /* the same, where neighbouring accesses kept meeting an edge between pages */
    TN_FORM_TAIL, /* no access relies on another's success: never left in the middle (tails.c) */
} TnBlockForm;

struct TnBlock {
    /* Up to key.pc: what a look into the cache of blocks reads of each that it meets. */
    TnBlock *hash_next;
    uint32_t mode_id;       /* interned (base, flags, address_bits) */
    atomic_bool valid;      /* false once invalidated: never entered again from the main loop */
    bool flags_dead;        /* back end: nobody can see the flags it is entered with */
    bool flags_marked;      /* back end: its own exits need not store flags before they enter it */
    uint8_t asked;          /* how often its exit to its own start was not linked so far (rounds.c), or
                             * TN_BLOCK_ROUNDS, TN_BLOCK_TAIL */
    uint64_t phys[2];       /* host address of the first byte in guest RAM; of the second page, or
                             * ~0. ~0 in [0]: not in plain memory, runs once */
    uint32_t size;          /* guest bytes */
    uint32_t n_late;
    TnBlock *page_next[2];  /* up to here: what a look for a page's blocks reads of each */
    TnBlockKey key;
    uint32_t n_insns;
    uint32_t n_exits;
    TnBlockExit *exits;     /* n_exits of them, owned */
    void *code;             /* back end: entry point, or its program */
    uint32_t code_size;
    uint32_t own_entry;     /* back end: where its own exits enter it, bytes from `code` */
    uint32_t samples;       /* how often it was found running (promote.h) */
    uint32_t form;          /* TnBlockForm: what is wished before compile() */
    uint64_t plain;         /* back end: what a hot block is to do as others do */
    uint64_t moving;        /* back end: where a hot block is to move its windows itself */
    TnBlockExit *in_edges;
    uint64_t retired;       /* epoch of its invalidation */
    TnBlock *shadow;        /* checking mode: the block for the interpreter (check.c), owned */
    const uint8_t *bytes;   /* the guest bytes it was made from, `size` of them; owned with the block.
                             * NULL where phys[0] is ~0 */
    const uint16_t *late;   /* where in them its n_late late numbers stand; likewise */
};

/* Why run() came back. */
typedef enum TnRunExit {
    TN_RUN_EXIT_DIRECT,   /* an unlinked direct exit: `block` and `exit` tell which; pc is in the state */
    TN_RUN_EXIT_LOOP,     /* any other, where the next block was not found; pc is in the state */
    TN_RUN_EXIT_REQUEST,  /* exit_request was set, seen at a block's entry; pc is in the state */
    TN_RUN_EXIT_TAIL,     /* in the middle of a block; pc is in the state, to go on in a tail */
} TnRunExit;

typedef struct TnRunResult {
    TnRunExit why;
    uint32_t exit;   /* DIRECT: index in block->exits */
    TnBlock *block;  /* DIRECT: the block left */
} TnRunResult;

typedef struct TnTranslator TnTranslator; /* one per process: translator.h */

/* Whether host code is written and executed at two addresses, so that no page is both. */
typedef enum TnSplitWx {
    TN_SPLIT_WX_AUTO, /* only where the host demands it */
    TN_SPLIT_WX_ON,
    TN_SPLIT_WX_OFF,
} TnSplitWx;

typedef struct TnBackend {
    const char *name;  /* "x86_64", "interp" */
    bool x87;          /* runs TN_IR_HOSTX */
    bool optimised;    /* the optimiser is to run before compile(): who goes without does its work */
    bool rounds;       /* makes blocks of several rounds (rounds.c) */
    bool checked;      /* the IR is to be checked before (ir-check.c): where speed is no matter */
    /* Which of the TN_OPT_* that are the back end's are on; before init. NULL where it has none. */
    void (*configure)(uint32_t opt);
    /* Once, before anything else. False when the host cannot (GError says why). */
    bool (*init)(const TnTargetInfo *target, size_t code_bytes, TnSplitWx split, GError **error);
    /* Compiles. The IR is dead afterwards. Fills code, code_size and exits. False: code memory is
     * full (the translator flushes everything and tries again). Serialised by the translator. */
    bool (*compile)(TnBlock *block, const TnIrOp *ops, unsigned n_ops, unsigned n_temps);
    /* Frees or recycles all code: no vCPU runs. */
    void (*flush)(void);
    /* A block's own part, after its last execution (epoch passed or flush). */
    void (*release)(TnBlock *block);
    /* Before a fault leaves run() by siglongjmp: completes the state. May be NULL. [vcpu] */
    void (*unwinding)(TnCpu *cpu);
    /* After a fault left run() by siglongjmp: puts back what run() changed in the host (the
     * floating-point environment), keeping the guest's part. May be NULL. [vcpu] */
    void (*unwound)(TnCpu *cpu);
    /* Tells tn_block_sampled of what was running lately. May be NULL. [vcpu, outside run()] */
    void (*sampled)(TnCpu *cpu);
    /* cpu->tlb has changed while this thread may be inside run(). May be NULL. [vcpu] */
    void (*tlb_moved)(TnCpu *cpu);
    /* Runs from the block's entry. Faults leave by siglongjmp to cpu->unwind. [vcpu] */
    TnRunResult (*run)(TnCpu *cpu, TnBlock *block);
    /* Links or unlinks exit `exit` of `from` while other threads may execute it. */
    void (*link)(TnBlock *from, unsigned exit, TnBlock *to);
    void (*unlink)(TnBlock *from, unsigned exit);
    /* Has an exit that no block can be linked to look for its block in the jump cache from now on,
     * or leaves it as it is. May be NULL. */
    void (*link_lookup)(TnBlock *from, unsigned exit);
    void (*dump)(const TnBlock *block, GString *out); /* -d out_asm */

    /*
     * Keeping code for other runs; all NULL where the back end cannot. `blocks` are n compilations of
     * the same code, at pcs that differ or not, the last one of which was compiled last. Appends what
     * unpack takes, or false where they differ by more than their pcs and places explain. [stopped]
     */
    bool (*pack)(TnBlock *const *blocks, unsigned n, GByteArray *out);
    /* What compile does, from packed code (8-aligned, any bytes) of a block at `pc`. Takes no code
     * memory where it fails: full, damaged, or not good at the block's pc. Under the lock. */
    bool (*unpack)(TnBlock *block, uint64_t pc, const void *packed, size_t size);
    /* This process is a copy of another one (fork), which only compiles and packs: it gets code
     * memory of its own, which is empty. False: it cannot. */
    bool (*apart)(void);
    /* Appends all that compile depends on beside the build, the IR and the block. */
    void (*identify)(GByteArray *out);
} TnBackend;

extern const TnBackend tn_backend_interp;
#ifdef TN_BACKEND_X86_64 /* defined by the build where the folder is built */
extern const TnBackend tn_backend_x86_64;
#endif

/*
 * ---- Soft MMU slow paths, called by back ends when the inline probe fails ------------------------
 * cpu->fault_pc and the state are complete when they are called, but for condition flags, which
 * TnBackend.unwinding completes; they may unwind. `mem` is
 * TnIrOp.aux | (uint32_t)TnIrOp.type << 16. [vcpu]
 */
uint64_t tn_mmu_load(TnCpu *cpu, uint64_t vaddr, uint32_t mem); /* extended as mem says */
void tn_mmu_store(TnCpu *cpu, uint64_t vaddr, uint64_t value, uint32_t mem);
/* The same where the store is to data in a page of RAM that has code, too, and nothing else happens;
 * else false, and nothing was done. Needs neither fault_pc nor the state, and changes no TLB. */
bool tn_mmu_store_beside_code(TnCpu *cpu, uint64_t vaddr, uint64_t value, uint32_t mem);
/*
 * Accesses to the bytes from `first` to `last` that share a probe, of which the first one is to be done
 * next: true where the soft TLB allows them all, once it has what that access wants, which may fault.
 * Nothing else happens: a page that was not stored to before allows no group with a later store.
 */
typedef struct TnMmuGroup {
    uint64_t first, last, vaddr; /* vaddr: of the first access */
    unsigned mode;               /* MMU mode */
    bool stores, write;          /* it is a store, or any of them is */
} TnMmuGroup;
bool tn_mmu_allows_group(TnCpu *cpu, const TnMmuGroup *g);
void tn_mmu_load_vec(TnCpu *cpu, uint64_t vaddr, void *out, uint32_t mem);
void tn_mmu_store_vec(TnCpu *cpu, uint64_t vaddr, const void *in, uint32_t mem);
uint64_t tn_mmu_atomic_rmw(TnCpu *cpu, uint64_t vaddr, uint64_t value, uint32_t op, uint32_t mem);
uint64_t tn_mmu_atomic_cas(TnCpu *cpu, uint64_t vaddr, uint64_t expect, uint64_t value, uint32_t mem);

/* What goes on at a pc where a block is left in the middle, or NULL: the main loop has to make it. [vcpu,
 * in the block's code] */
const TnBlock *tn_block_tail(TnCpu *cpu, const TnBlock *block, uint64_t pc);

/*
 * The block for pc in the vCPU's present mode from the jump cache or the hash, or NULL. Never
 * translates or faults. [vcpu]
 */
TnBlock *tn_block_lookup_indirect(TnCpu *cpu, uint64_t pc);

/*
 * What translated code runs next where it has left a block for good and nothing has to be done
 * before: the pc and everything that the block key depends on are in the state. NULL where only the
 * main loop can go on. Never translates or faults. [vcpu, in translated code]
 */
const void *tn_cpu_next_code(TnCpu *cpu);

/* The same from an exit that may be open: settles it. */
const void *tn_cpu_next_code_after(TnCpu *cpu, TnBlock *from, unsigned exit);

/* The linear address of a pc under a block's key. */
static inline uint64_t tn_key_linear(const TnBlockKey *key, uint64_t pc)
{
    uint64_t linear = key->base + pc;
    return key->address_bits == 32 ? (uint32_t)linear : linear;
}

/* The linear address of the page behind. */
static inline uint64_t tn_key_next_page(const TnBlockKey *key, uint64_t linear)
{
    uint64_t next = (linear & ~(uint64_t)(TN_PAGE_SIZE - 1)) + TN_PAGE_SIZE;
    return key->address_bits == 32 ? (uint32_t)next : next;
}

/*
 * True when an exit of the block to pc may ever be linked: the target starts on a page that the
 * block itself lies on, so that entering the block proves the mapping. Other direct exits find
 * their target like indirect ones. The key and size of the block are set before compile().
 */
static inline bool tn_exit_linkable(const TnBlock *block, uint64_t pc)
{
    uint64_t page = tn_key_linear(&block->key, pc) >> TN_PAGE_BITS;
    uint64_t last = block->key.pc + (block->size ? block->size - 1 : 0);
    return page == tn_key_linear(&block->key, block->key.pc) >> TN_PAGE_BITS ||
           page == tn_key_linear(&block->key, last) >> TN_PAGE_BITS;
}

/* True where a block that goes round may get a second one beside it, of several rounds. */
static inline bool tn_block_may_repeat(const TnBlock *block)
{
    return block->n_insns <= TN_ROUNDS_MAX_INSNS && block->phys[0] != UINT64_MAX &&
           block->phys[1] == UINT64_MAX && !block->n_late;
}

/* ---- Reference semantics, shared by the interpreter, constant folding and slow paths ------------ */
uint32_t tn_flags_eval(TnFlagOp op, unsigned size_log2, uint64_t a, uint64_t b, uint64_t c);
bool tn_flagcond_eval(TnFlagCond cond, uint32_t flags);
bool tn_cond_eval(TnCond cond, TnIrType t, uint64_t a, uint64_t b);

#endif
