/* SPDX-License-Identifier: MIT */
/*
 * The translator: block cache, modes, and the way from a vCPU's pc to a block that can run.
 *
 * One lock serialises the changes: blocks made and killed, links, code pages, the back end's
 * compile(). Lookups take no lock. A killed block is freed when every vCPU has been outside
 * translated code since (blocks.c).
 */
#ifndef TN_TRANSLATE_TRANSLATOR_H
#define TN_TRANSLATE_TRANSLATOR_H

#include "translate/backend.h"

/* What -accel tcg,opt-NAME=off turns off, one by one. */
typedef enum TnOptNumber {
#define TN_OPT(id, name, doc) TN_OPT_NUMBER_##id,
#include "translate/opt.def"
#undef TN_OPT
    TN_N_OPTS
} TnOptNumber;

enum {
#define TN_OPT(id, name, doc) TN_OPT_##id = 1u << TN_OPT_NUMBER_##id,
#include "translate/opt.def"
#undef TN_OPT
    TN_OPT_ALL = (1u << TN_N_OPTS) - 1,
};

/* Modes of the core that blocks are made for; 0 in normal operation. Part of mode_id. */
enum {
    TN_CORE_MODE_ONE_INSN = 1u << 0,
    TN_CORE_MODE_NO_CHAIN = 1u << 1, /* not linked, not in the jump cache */
};

typedef struct TnTranslatorOptions {
    const TnBackend *backend;
    uint64_t tb_size;       /* bytes of code memory */
    TnSplitWx split_wx;
    uint32_t opt;           /* TN_OPT_* that are on */
    bool one_insn_per_tb;
    bool stats;             /* take the time of translations */
} TnTranslatorOptions;

struct TnTranslator {
    GMutex lock;
    TnTranslatorOptions options;
    const TnBackend *backend;
    const TnTargetInfo *target; /* NULL until the first vCPU */
    /* Statistics, under the lock. */
    uint64_t n_translated, n_promoted, n_tails, n_insns, n_killed, n_flushes, n_invalidations;
    uint64_t n_guest_bytes, n_host_bytes;
    /* Translations that were timed, where options.stats asks for it. */
    uint64_t timed_ns, timed_insns;
};

extern TnTranslator tn_translator;

/* Says how to translate; before the first vCPU. [main] */
void tn_translator_configure(const TnTranslatorOptions *options);
/* Starts the back end for a target; at the first vCPU. [main] */
bool tn_translator_init(const TnTargetInfo *target, GError **error);

static inline void tn_translator_lock(void)
{
    g_mutex_lock(&tn_translator.lock);
}

static inline void tn_translator_unlock(void)
{
    g_mutex_unlock(&tn_translator.lock);
}

/* ---- modes.c ----------------------------------------------------------------------------- */

/*
 * Makes the key's mode the vCPU's: sets cpu->mode_id. With `known` only where that takes no look
 * into the table of all modes: false, and nothing has changed, where it would. In translated code,
 * with the guest's MXCSR in force, GLib's tables must not be grown: they compute with doubles. [vcpu]
 */
bool tn_mode_enter(TnCpu *cpu, const TnBlockKey *key, uint32_t core_mode, bool known);

/* ---- block-memory.c: with the lock held -------------------------------------------------- */

/* A block of a key and of size bytes of code, with copies of these and of TN_BLOCK_MAX_LATE late
 * numbers where they are not NULL; all else in it is 0. */
TnBlock *tn_block_new(const TnBlockKey *key, uint32_t size, const uint8_t *bytes,
                      const uint16_t *late);
/* Gives its memory, and its exits', back. */
void tn_block_delete(TnBlock *block);

/* Gives a block without exits n of them, with anything in them; takes a block's exits, if any, from
 * it. */
void tn_block_new_exits(TnBlock *block, uint32_t n);
void tn_block_delete_exits(TnBlock *block);

/* ---- blocks.c ---------------------------------------------------------------------------- */

/* The valid block that starts at a host address with this pc and mode, or NULL. [vcpu] */
TnBlock *tn_block_find(uint64_t phys, uint64_t pc, uint32_t mode_id);

/* The valid block of several rounds beside a block, or NULL. [vcpu] */
TnBlock *tn_block_find_rounds(const TnBlock *block);

/* The valid tail that starts at a host address with this pc and mode, or NULL. [vcpu] */
TnBlock *tn_block_find_tail(uint64_t phys, uint64_t pc, uint32_t mode_id);

/* With the lock held: adds a compiled block; kills one for good (unlinks it everywhere). */
void tn_block_insert(TnBlock *block);
void tn_block_kill(TnBlock *block);

/* Links exit `exit` of `from` to `to` when the rules allow it. [vcpu] */
void tn_block_link(TnBlock *from, unsigned exit, TnBlock *to);

/* With the lock held: whoever jumps to the block asks again where to. */
void tn_block_unlink_in_edges(TnBlock *block);

/* Links an open exit to the block that it goes to, where the rules allow it; else it is never linked. */
void tn_block_settle(TnBlock *from, unsigned exit, TnBlock *to);

/* Enters the block of the vCPU's present key in the jump cache where it may be. [vcpu] */
void tn_block_cache(TnCpu *cpu, TnBlock *block);

/* Frees killed blocks that no vCPU can be executing. [vcpu, outside code] */
void tn_blocks_reclaim(void);
/* The vCPU is outside translated code and holds no block now; or it goes to sleep. */
void tn_blocks_quiesce(TnCpu *cpu);
void tn_blocks_offline(TnCpu *cpu);

/* Throws everything away. No vCPU runs. [exclusive] */
void tn_blocks_flush(void);

/* Frees a block that was never inserted. */
void tn_block_free(TnBlock *block);

/* ---- translate.c ------------------------------------------------------------------------- */

/*
 * The block at the vCPU's key (tn_mode_enter was called), from the caches or freshly made. May
 * unwind with a fetch fault; fault_pc is set. A block outside plain memory has phys[0] == ~0: the
 * caller runs it once and frees it with tn_block_free_uncached. `linked` says that a direct exit which
 * leads to it will be linked: the jump cache has room for others then. [vcpu]
 */
TnBlock *tn_block_get(TnCpu *cpu, const TnBlockKey *key, bool linked);
void tn_block_free_uncached(TnBlock *block);

/* The same for the tail at the vCPU's key, which tn_block_get never gives. [vcpu] */
TnBlock *tn_block_get_tail(TnCpu *cpu, const TnBlockKey *key);

/* The block of several rounds for a loop of one block, inserted, or NULL where there can be none. The
 * key is the vCPU's; may unwind, and may flush. [vcpu] */
TnBlock *tn_translate_rounds(TnCpu *cpu, const TnBlockKey *key, unsigned rounds);

/* Puts the optimised IR of a block into the vCPU's builder, from code that was read before. False
 * where it is not one block of just these bytes, of so many rounds. [vcpu, outside code] */
bool tn_translate_recorded(TnCpu *cpu, const TnBlockKey *key, const uint8_t *code, unsigned size,
                           unsigned rounds);

/* Ends a translation that an unwind cut short. */
void tn_translation_abandon(TnCpu *cpu);

/* ---- rounds.c ----------------------------------------------------------------------------- */

/* Links exit `exit` of `from`, which was left by it, to `to`, or to the block of several rounds beside
 * that, which is made here where its time has come: may unwind, and may flush. [vcpu] */
void tn_block_follow(TnCpu *cpu, TnBlock *from, unsigned exit, TnBlock *to);

/* ---- optimise.c -------------------------------------------------------------------------- */

/* Runs the passes in `opt` over a block in place; returns the new number of operations. */
unsigned tn_ir_optimise(const TnTargetInfo *target, TnIrOp *ops, unsigned n_ops, unsigned n_temps,
                        uint32_t opt);

/* ---- Breakpoints of a debugger (breakpoints.c) ------------------------------------------- */

/* By guest pc as the state holds it. The caller has all vCPUs stopped. */
void tn_breakpoint_set(uint64_t pc);
bool tn_breakpoint_clear(uint64_t pc);
bool tn_breakpoint_at(uint64_t pc);
bool tn_breakpoint_any(void);
/* True when one lies within a page's distance of pc, so that blocks there hold one instruction. */
bool tn_breakpoint_near(uint64_t pc);

#endif
