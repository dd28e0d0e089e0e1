/* SPDX-License-Identifier: MIT */
#include "translate/jump-cache.h"

#include <sys/mman.h>

#include "cpu/cpu-private.h"
#include "translate/softmmu.h"

enum { LARGEST_PAGE_BITS = 30, BANKS_BYTES = TN_JUMP_BANKS * sizeof(TnJumpBank) };

/* A pc that another entry is for. */
static uint64_t nobody(unsigned i)
{
    return i == 0;
}

static void drop_entry(TnJumpBank *bank, unsigned i)
{
    __atomic_store_n(&bank->entry[i].pc, nobody(i), __ATOMIC_RELAXED);
}

static void drop(TnJumpBank *bank, unsigned i)
{
    drop_entry(bank, i);
    atomic_store_explicit(&bank->owners[i].other, NULL, memory_order_relaxed);
}

static void drop_set(TnJumpBank *bank, TnJumpSet *set)
{
    if (!set->pages.halves)
        return;
    for (unsigned w = 0; w < G_N_ELEMENTS(set->used); w++) {
        for (uint64_t bits = set->used[w]; bits; bits &= bits - 1)
            drop(bank, w * 64 + (unsigned)__builtin_ctzll(bits));
        set->used[w] = 0;
    }
    set->pages = (TnJumpPages){ 0 };
}

static void drop_bank(TnJumpBank *bank)
{
    drop_set(bank, &bank->local);
    drop_set(bank, &bank->global);
}

void tn_jump_init(TnCpu *cpu)
{
    /* Whole pages, so that what belongs together is in one line of the host's cache. */
    TnJumpBank *banks = mmap(NULL, BANKS_BYTES, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (banks == MAP_FAILED)
        g_error("no memory for a vCPU's jump cache");
    for (unsigned k = 0; k < TN_JUMP_BANKS; k++)
        drop(&banks[k], 0);
    cpu->priv->jump_banks = banks;
    cpu->jump = banks[0].entry;
}

void tn_jump_clear(TnCpu *cpu)
{
    if (cpu->priv->jump_banks)
        munmap(cpu->priv->jump_banks, BANKS_BYTES);
    cpu->priv->jump_banks = NULL;
    cpu->jump = NULL;
}

/* ---- The present bank -------------------------------------------------------------------- */

/* The entries come first in a bank. */
static TnJumpBank *present(TnCpu *cpu)
{
    return (TnJumpBank *)(void *)cpu->jump;
}

static TnJumpBank *recycle(TnCpu *cpu, const TnTlbSpace *space)
{
    TnCpuPrivate *p = cpu->priv;
    TnJumpBank *bank = &p->jump_banks[p->jump_next_bank++ % TN_JUMP_BANKS];

    drop_bank(bank);
    bank->mode_id = cpu->mode_id;
    bank->base = p->key.base;
    bank->space = space;
    return bank;
}

TnJumpBank *tn_jump_bank(TnCpu *cpu, const TnTlbSpace *space)
{
    TnJumpBank *banks = cpu->priv->jump_banks;

    for (unsigned k = 0; k < TN_JUMP_BANKS; k++) {
        if (banks[k].mode_id == cpu->mode_id && banks[k].space == space)
            return &banks[k];
    }
    return recycle(cpu, space);
}

static uint64_t pc_of(const TnJumpBank *bank, unsigned i)
{
    return __atomic_load_n(&bank->entry[i].pc, __ATOMIC_RELAXED);
}

/*
 * Kills of blocks: odd while one is on its way through the banks, under the translator's lock. What was
 * read from a bank and is put elsewhere in it is right still where there were none from before it was
 * read until after it was put: else the killer may have looked at both places at the wrong time.
 */
static atomic_uint kills;

static bool were_kills(unsigned since)
{
    atomic_thread_fence(memory_order_seq_cst);
    return since % 2 || atomic_load(&kills) != since;
}

/* Gives the entry to a block with its pc and code, and its place beside it to the one that had it.
 * All that was read from the bank was since there were so many kills. */
static void put(TnJumpBank *bank, unsigned i, TnBlock *block, TnJumpEntry new, unsigned since)
{
    TnJumpOwners *o = &bank->owners[i];
    TnJumpEntry *e = &bank->entry[i], was = { .pc = pc_of(bank, i), .code = e->code };
    TnBlock *had = atomic_load_explicit(&o->block, memory_order_relaxed);

    if (was.pc != nobody(i) && had != block) {
        o->before = was;
        atomic_store_explicit(&o->other, had, memory_order_relaxed);
    }
    e->code = new.code;
    atomic_store_explicit(&o->block, block, memory_order_relaxed);
    __atomic_store_n(&e->pc, new.pc, __ATOMIC_RELEASE);
    if (TN_UNLIKELY(were_kills(since)))
        drop(bank, i);
}

TnBlock *tn_jump_find(TnCpu *cpu, uint64_t pc)
{
    TnJumpBank *bank = present(cpu);
    unsigned i = tn_jump_index(pc), since;
    TnJumpOwners *o = &bank->owners[i];
    TnBlock *other;

    if (pc_of(bank, i) == pc)
        return atomic_load_explicit(&o->block, memory_order_relaxed);
    since = atomic_load(&kills);
    other = atomic_load_explicit(&o->other, memory_order_relaxed);
    if (!other || o->before.pc != pc)
        return NULL;
    put(bank, i, other, o->before, since);
    return other;
}

static unsigned filter_bit(uint64_t vaddr)
{
    uint64_t page = vaddr >> TN_PAGE_BITS;
    return (unsigned)(page ^ page >> 9 ^ page >> 18) % TN_JUMP_FILTER_BITS;
}

static uint64_t large_bit(uint64_t vaddr)
{
    return UINT64_C(1) << (vaddr >> LARGEST_PAGE_BITS) % 64;
}

static void note(TnJumpPages *pages, uint64_t linear, unsigned page_bits)
{
    unsigned bit = filter_bit(linear);

    pages->halves |= tn_tlb_half(linear);
    if (page_bits > TN_PAGE_BITS)
        pages->large |= large_bit(linear);
    else
        pages->filter[bit / 64] |= UINT64_C(1) << bit % 64;
}

static bool may_be_on(const TnJumpPages *pages, uint64_t vaddr)
{
    unsigned bit = filter_bit(vaddr);

    return (pages->halves & tn_tlb_half(vaddr)) &&
           ((pages->large & large_bit(vaddr)) || (pages->filter[bit / 64] >> bit % 64 & 1));
}

static void add(TnJumpPages *to, const TnJumpPages *pages)
{
    to->halves |= pages->halves;
    to->large |= pages->large;
    for (unsigned w = 0; w < G_N_ELEMENTS(to->filter); w++)
        to->filter[w] |= pages->filter[w];
}

void tn_jump_insert(TnCpu *cpu, TnBlock *block, unsigned page_bits, bool global)
{
    TnJumpBank *bank = present(cpu);
    unsigned i = tn_jump_index(block->key.pc);
    uint64_t linear = tn_key_linear(&block->key, block->key.pc);
    TnJumpSet *set = global ? &bank->global : &bank->local;
    unsigned since = atomic_load(&kills);

    set->used[i / 64] |= UINT64_C(1) << i % 64;
    note(&set->pages, linear, page_bits);
    if (block->phys[1] != UINT64_MAX)
        note(&set->pages, tn_key_next_page(&block->key, linear), page_bits);
    add(&cpu->priv->jump_pages, &set->pages);
    put(bank, i, block, (TnJumpEntry){ block->key.pc, block->code }, since);
    if (!atomic_load(&block->valid))
        drop(bank, i);
}

/* ---- Flushes ----------------------------------------------------------------------------- */

void tn_jump_flush(TnCpu *cpu)
{
    for (unsigned k = 0; k < TN_JUMP_BANKS; k++)
        drop_bank(&cpu->priv->jump_banks[k]);
    cpu->priv->jump_pages = (TnJumpPages){ 0 };
}

void tn_jump_flush_local(TnCpu *cpu, const TnTlbSpace *space)
{
    for (unsigned k = 0; k < TN_JUMP_BANKS; k++) {
        TnJumpBank *bank = &cpu->priv->jump_banks[k];

        if (bank->space == space)
            drop_set(bank, &bank->local);
    }
}

static bool is_on_page(const TnBlock *block, uint64_t vaddr, unsigned bits)
{
    return (block->key.pc ^ vaddr) >> bits == 0 || block->phys[1] != UINT64_MAX;
}

static void flush_entry(TnJumpBank *bank, unsigned i, uint64_t vaddr, unsigned bits)
{
    TnJumpOwners *o = &bank->owners[i];
    TnBlock *block = atomic_load_explicit(&o->block, memory_order_relaxed);
    TnBlock *other = atomic_load_explicit(&o->other, memory_order_relaxed);

    if (pc_of(bank, i) != nobody(i) && is_on_page(block, vaddr, bits))
        drop_entry(bank, i);
    if (other && is_on_page(other, vaddr, bits))
        atomic_store_explicit(&o->other, NULL, memory_order_relaxed);
}

/* One address stands for its whole page, whose size only the guest knows: where large ones are
 * near, as much as the largest goes. */
static void flush_set(TnJumpBank *bank, TnJumpSet *set, uint64_t vaddr)
{
    bool large = set->pages.large & large_bit(vaddr);
    unsigned bits = large ? LARGEST_PAGE_BITS : TN_PAGE_BITS;

    if (!may_be_on(&set->pages, vaddr))
        return;
    if (bank->base) {
        drop_set(bank, set);
        return;
    }
    for (unsigned w = 0; w < G_N_ELEMENTS(set->used); w++) {
        for (uint64_t used = set->used[w]; used; used &= used - 1)
            flush_entry(bank, w * 64 + (unsigned)__builtin_ctzll(used), vaddr, bits);
    }
}

void tn_jump_flush_page(TnCpu *cpu, uint64_t vaddr)
{
    TnJumpPages *all = &cpu->priv->jump_pages;

    if (!may_be_on(all, vaddr))
        return;
    *all = (TnJumpPages){ 0 };
    for (unsigned k = 0; k < TN_JUMP_BANKS; k++) {
        TnJumpBank *bank = &cpu->priv->jump_banks[k];

        flush_set(bank, &bank->local, vaddr);
        flush_set(bank, &bank->global, vaddr);
        add(all, &bank->local.pages);
        add(all, &bank->global.pages);
    }
}

/* ---- Blocks that go ---------------------------------------------------------------------- */

static void purge(TnCpu *cpu, TnBlock *block, unsigned i)
{
    for (unsigned k = 0; k < TN_JUMP_BANKS; k++) {
        TnJumpBank *bank = &cpu->priv->jump_banks[k];

        if (atomic_load(&bank->owners[i].block) == block)
            drop_entry(bank, i);
        if (atomic_load(&bank->owners[i].other) == block)
            atomic_store(&bank->owners[i].other, NULL);
    }
}

void tn_jump_purge(TnBlock *block)
{
    atomic_fetch_add(&kills, 1);
    for (unsigned n = 0; n < tn_cpu_count(); n++)
        purge(tn_cpu_at(n), block, tn_jump_index(block->key.pc));
    atomic_fetch_add(&kills, 1);
}

void tn_jump_reset(void)
{
    for (unsigned n = 0; n < tn_cpu_count(); n++)
        tn_jump_flush(tn_cpu_at(n));
}
