/* SPDX-License-Identifier: MIT */
#include "translate/jump-cache.h"

#include <string.h>

#include "cpu/cpu-private.h"
#include "translate/softmmu.h"

enum { LARGEST_PAGE_BITS = 30 };

/* A pc that another entry is for. */
static uint64_t nobody(unsigned i)
{
    return i == 0;
}

static void drop(TnJumpBank *bank, unsigned i)
{
    __atomic_store_n(&bank->entry[i].pc, nobody(i), __ATOMIC_RELAXED);
}

static void drop_all(TnJumpBank *bank)
{
    memset(bank->entry, 0, sizeof(bank->entry));
    drop(bank, 0);
}

static void forget_list(TnJumpList *list)
{
    list->n = 0;
    list->large = false;
    memset(list->filter, 0, sizeof(list->filter));
}

static void drop_list(TnJumpBank *bank, TnJumpList *list)
{
    if (!list->n)
        return;
    if (list->n == TN_JUMP_LIST_SIZE) {
        drop_all(bank);
        forget_list(&bank->local);
        forget_list(&bank->global);
        return;
    }
    for (unsigned k = 0; k < list->n; k++)
        drop(bank, list->index[k]);
    forget_list(list);
}

static void drop_bank(TnJumpBank *bank)
{
    drop_list(bank, &bank->local);
    drop_list(bank, &bank->global);
}

void tn_jump_init(TnCpu *cpu)
{
    TnJumpBank *banks = g_new0(TnJumpBank, TN_JUMP_BANKS);

    for (unsigned k = 0; k < TN_JUMP_BANKS; k++)
        drop(&banks[k], 0);
    cpu->priv->jump_banks = banks;
    cpu->jump = banks[0].entry;
}

void tn_jump_clear(TnCpu *cpu)
{
    g_clear_pointer(&cpu->priv->jump_banks, g_free);
    cpu->jump = NULL;
}

/* ---- The present bank -------------------------------------------------------------------- */

/* The entries come first in a bank. */
static TnJumpBank *present(TnCpu *cpu)
{
    return (TnJumpBank *)(void *)cpu->jump;
}

static TnJumpBank *recycle(TnCpu *cpu)
{
    TnCpuPrivate *p = cpu->priv;
    TnJumpBank *bank = &p->jump_banks[p->jump_next_bank++ % TN_JUMP_BANKS];

    drop_bank(bank);
    bank->mode_id = cpu->mode_id;
    bank->base = p->key.base;
    return bank;
}

void tn_jump_enter(TnCpu *cpu)
{
    TnJumpBank *banks = cpu->priv->jump_banks;

    for (unsigned k = 0; k < TN_JUMP_BANKS; k++) {
        if (banks[k].mode_id == cpu->mode_id) {
            cpu->jump = banks[k].entry;
            return;
        }
    }
    cpu->jump = recycle(cpu)->entry;
}

TnBlock *tn_jump_find(TnCpu *cpu, uint64_t pc)
{
    TnJumpBank *bank = present(cpu);
    unsigned i = tn_jump_index(pc);

    if (__atomic_load_n(&bank->entry[i].pc, __ATOMIC_RELAXED) != pc)
        return NULL;
    return atomic_load_explicit(&bank->block[i], memory_order_relaxed);
}

static unsigned filter_bit(uint64_t vaddr)
{
    uint64_t page = vaddr >> TN_PAGE_BITS;
    return (unsigned)(page ^ page >> 9 ^ page >> 18) % TN_JUMP_FILTER_BITS;
}

static void note(TnJumpList *list, unsigned i, uint64_t linear, unsigned page_bits)
{
    unsigned bit = filter_bit(linear);

    list->filter[bit / 64] |= UINT64_C(1) << bit % 64;
    list->large |= page_bits > TN_PAGE_BITS;
    if (list->n < TN_JUMP_LIST_SIZE - 1)
        list->index[list->n++] = (uint16_t)i;
    else
        list->n = TN_JUMP_LIST_SIZE;
}

void tn_jump_insert(TnCpu *cpu, TnBlock *block, unsigned page_bits, bool global)
{
    TnJumpBank *bank = present(cpu);
    unsigned i = tn_jump_index(block->key.pc);
    TnJumpEntry *e = &bank->entry[i];
    uint64_t linear = tn_key_linear(&block->key, block->key.pc);
    TnJumpList *list = global ? &bank->global : &bank->local;

    note(list, i, linear, page_bits);
    if (block->phys[1] != UINT64_MAX)
        note(list, i, linear + TN_PAGE_SIZE, page_bits);
    e->code = block->code;
    atomic_store(&bank->block[i], block);
    __atomic_store_n(&e->pc, block->key.pc, __ATOMIC_SEQ_CST);
    /* Killed meanwhile: either we see that, or the killer saw the entry. */
    if (!atomic_load(&block->valid))
        drop(bank, i);
}

/* ---- Flushes ----------------------------------------------------------------------------- */

void tn_jump_flush(TnCpu *cpu)
{
    for (unsigned k = 0; k < TN_JUMP_BANKS; k++)
        drop_bank(&cpu->priv->jump_banks[k]);
}

void tn_jump_flush_local(TnCpu *cpu)
{
    for (unsigned k = 0; k < TN_JUMP_BANKS; k++)
        drop_list(&cpu->priv->jump_banks[k], &cpu->priv->jump_banks[k].local);
}

/* One address stands for its whole page, whose size only the guest knows: where large ones are
 * among the entries, as much as the largest goes. */
static void flush_list(TnJumpBank *bank, TnJumpList *list, uint64_t vaddr)
{
    unsigned bit = filter_bit(vaddr), bits = list->large ? LARGEST_PAGE_BITS : TN_PAGE_BITS;

    if (!list->n || (!list->large && !(list->filter[bit / 64] >> bit % 64 & 1)))
        return;
    if (list->n == TN_JUMP_LIST_SIZE || bank->base) {
        drop_list(bank, list);
        return;
    }
    for (unsigned k = 0; k < list->n; k++) {
        unsigned i = list->index[k];
        uint64_t pc = __atomic_load_n(&bank->entry[i].pc, __ATOMIC_RELAXED);

        if (pc == nobody(i))
            continue;
        if ((pc ^ vaddr) >> bits == 0 ||
            atomic_load_explicit(&bank->block[i], memory_order_relaxed)->phys[1] != UINT64_MAX)
            drop(bank, i);
    }
}

void tn_jump_flush_page(TnCpu *cpu, uint64_t vaddr)
{
    for (unsigned k = 0; k < TN_JUMP_BANKS; k++) {
        TnJumpBank *bank = &cpu->priv->jump_banks[k];

        flush_list(bank, &bank->local, vaddr);
        flush_list(bank, &bank->global, vaddr);
    }
}

/* ---- Blocks that go ---------------------------------------------------------------------- */

static void purge(TnCpu *cpu, TnBlock *block, unsigned i)
{
    for (unsigned k = 0; k < TN_JUMP_BANKS; k++) {
        TnJumpBank *bank = &cpu->priv->jump_banks[k];

        if (atomic_load(&bank->block[i]) == block)
            drop(bank, i);
    }
}

void tn_jump_purge(TnBlock *block)
{
    for (unsigned n = 0; n < tn_cpu_count(); n++)
        purge(tn_cpu_at(n), block, tn_jump_index(block->key.pc));
}

void tn_jump_reset(void)
{
    for (unsigned n = 0; n < tn_cpu_count(); n++)
        tn_jump_flush(tn_cpu_at(n));
}
