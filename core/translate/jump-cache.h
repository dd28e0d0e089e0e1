/* SPDX-License-Identifier: MIT */
/*
 * The jump cache: from a guest pc to host code, looked at by translated code itself.
 *
 * A vCPU has a few banks, each for one mode, and cpu->jump is the one of the present mode, so a hit
 * is one comparison of the pc. Modes of user code have one for each address space that is kept, so
 * that going back to a process finds its entries; other modes share one, since kernels are mapped
 * alike everywhere. An entry is in a bank only while entering its block is right: the
 * block is valid, and the pc's page is mapped to where the block came from. Whatever ends that
 * clears the entry: a killed block is purged from all vCPUs' banks, a flush of the soft TLB clears
 * what it drops. An empty entry holds a pc that belongs to another entry, so it never hits. The block
 * that had an entry before is kept beside it under the same rules, for code in C: two that are called
 * in turn and share an entry change places.
 *
 * Entries are made by their own vCPU outside translated code; other threads only clear them.
 */
#ifndef TN_TRANSLATE_JUMP_CACHE_H
#define TN_TRANSLATE_JUMP_CACHE_H

#include "cpu/cpu-private.h"
#include "translate/backend.h"

enum {
    TN_JUMP_BANKS = 16,
};

/* The entries in use that share a fate. */
typedef struct TnJumpSet {
    uint64_t used[TN_JUMP_SIZE / 64];
    TnJumpPages pages; /* no halves: no bit of `used` is set */
} TnJumpSet;

/* Of whom an entry is, and who had it before: all that a look needs, so that it touches no block. */
typedef struct TnJumpOwners {
    _Atomic(TnBlock *) block; /* whose code the entry has */
    _Atomic(TnBlock *) other; /* which had it before; NULL: none that is right */
    TnJumpEntry before;       /* what the entry was then */
} TnJumpOwners;

typedef struct TnJumpBank {
    TnJumpEntry entry[TN_JUMP_SIZE];
    TnJumpOwners owners[TN_JUMP_SIZE];
    TnJumpSet local, global;                /* of pages that are global to the guest, or not */
    uint32_t mode_id;                       /* 0: no mode's yet */
    uint64_t base;                          /* of the mode's linear addresses */
    const TnTlbSpace *space;                /* NULL: shared by all */
} TnJumpBank;

/* Empty banks for a new vCPU, and their end. */
void tn_jump_init(TnCpu *cpu);
void tn_jump_clear(TnCpu *cpu);

/* The bank of cpu->mode_id and a space, made where there is none. [vcpu] */
TnJumpBank *tn_jump_bank(TnCpu *cpu, const TnTlbSpace *space);

/* Makes cpu->jump the bank of cpu->mode_id, whose key is cpu->priv->key; `hint` is the one that it
 * had last time, or NULL. Gives the bank. [vcpu] */
static inline TnJumpBank *tn_jump_enter(TnCpu *cpu, TnJumpBank *hint)
{
    const TnTlbSpace *space = cpu->priv->key.mmu_mode == TN_MMU_USER ? cpu->priv->in_force : NULL;
    bool fits = hint && hint->mode_id == cpu->mode_id && hint->space == space;
    TnJumpBank *bank = fits ? hint : tn_jump_bank(cpu, space);

    cpu->jump = bank->entry;
    return bank;
}

/* The block in the present bank for a pc, or NULL; it has its entry then. [vcpu] */
TnBlock *tn_jump_find(TnCpu *cpu, uint64_t pc);

/*
 * Enters a block in the present bank. `page_bits` is log2 of the guest's page that it lies on;
 * `global` says that the page survives a flush that keeps global pages. [vcpu, outside code]
 */
void tn_jump_insert(TnCpu *cpu, TnBlock *block, unsigned page_bits, bool global);

/* Drops what a flush of the soft TLB makes wrong. [vcpu] */
void tn_jump_flush(TnCpu *cpu);
/* Entries of pages that are not global, in the banks of a space, or (NULL) in the shared ones. */
void tn_jump_flush_local(TnCpu *cpu, const TnTlbSpace *space);
void tn_jump_flush_page(TnCpu *cpu, uint64_t vaddr);

/* Drops a block that is not valid any more from all banks. [translator's lock] */
void tn_jump_purge(TnBlock *block);
/* Empties all banks of all vCPUs; none runs. [exclusive] */
void tn_jump_reset(void);

#endif
