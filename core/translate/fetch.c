/* SPDX-License-Identifier: MIT */
/*
 * Guest code bytes for the front end.
 *
 * A block lies in one page, except that its only instruction may reach into the next: any further
 * instruction that would is refused, so it starts a block of its own.
 */
#include "translate/fetch.h"

#include <stddef.h>
#include <string.h>

#include "translate/code-pages.h"
#include "translate/softmmu.h"
#include "translate/translator.h"

/* What the bus has at the page of a linear address, after a fetch was allowed there. */
static void look_up(TnCpu *cpu, uint64_t linear, TnMemorySpan *span)
{
    unsigned mode = cpu->priv->key.mmu_mode;
    tn_tlb_get(cpu, linear, TN_ACCESS_FETCH, mode);
    const TnTlbSlow *slow = &tn_cpu_tlb(cpu, mode)->slow[tn_tlb_index(linear)];
    tn_memory_lookup(tn_mmu_space(cpu, slow->attrs), slow->paddr, slow->attrs, span);
}

void tn_fetch_page(TnCpu *cpu, unsigned n, uint64_t linear)
{
    TnTranslation *t = &cpu->priv->translation;
    TnMemorySpan span;

    look_up(cpu, linear, &span);
    if (n == 0)
        t->start = linear;
    t->linear[n] = tn_page_of(linear);
    if (tn_span_is_page(&span)) {
        t->host[n] = span.host;
        t->page[n] = tn_code_page_acquire(&span, &t->generation[n]);
    } else {
        t->host[n] = NULL;
        t->uncached = true;
    }
}

static uint8_t read_io(TnCpu *cpu, uint64_t linear)
{
    unsigned mode = cpu->priv->key.mmu_mode;
    tn_tlb_get(cpu, linear, TN_ACCESS_FETCH, mode);
    TnTlbSlow slow = tn_cpu_tlb(cpu, mode)->slow[tn_tlb_index(linear)];
    uint64_t value = 0xff, paddr = slow.paddr | tn_page_offset(linear);

    tn_memory_load(tn_mmu_space(cpu, slow.attrs), paddr, 1, &value, slow.attrs);
    return (uint8_t)value;
}

/* Reads on from the address, the next one of the block; not into another page. */
static void read_bytes(TnCpu *cpu, TnIrBuilder *b, uint64_t linear, unsigned n)
{
    enum { AHEAD = 64 };
    TnTranslation *t = &cpu->priv->translation;
    unsigned offset = tn_page_offset(linear);
    unsigned room = MIN(TN_MAX_CODE_BYTES - t->n_bytes, TN_PAGE_SIZE - offset);
    uint8_t *to = &cpu->priv->code_bytes[t->n_bytes];
    unsigned count = t->host[n] ? MIN(room, (unsigned)AHEAD) : 1;

    if (t->host[n])
        memcpy(to, &t->host[n][offset], count);
    else
        *to = read_io(cpu, linear);
    t->n_bytes += count;
    b->code = cpu->priv->code_bytes;
    b->code_at = t->start;
    b->n_code = t->n_bytes;
}

/* Where in the translation's bytes those of a linear address stand; 32-bit addresses wrap. */
static unsigned place_of(const TnTranslation *t, uint64_t linear)
{
    return (linear - t->start) % (2 * TN_PAGE_SIZE);
}

const uint8_t *tn_ir_read_ahead(TnCpu *cpu, TnIrBuilder *b, uint64_t linear)
{
    TnTranslation *t = &cpu->priv->translation;
    unsigned i = place_of(t, linear);

    if (!t->host[0] || tn_page_offset(linear) + TN_IR_CODE_BYTES > TN_PAGE_SIZE ||
        tn_page_of(linear) != t->linear[0] || i > t->n_bytes)
        return NULL;
    if (t->n_bytes < i + TN_IR_CODE_BYTES)
        read_bytes(cpu, b, t->start + t->n_bytes, 0);
    return &cpu->priv->code_bytes[i];
}

/*
 * Up to the last byte an instruction is decoded as if enough followed: where it does go on behind the
 * end, it is not what was recorded, as the block's size tells (tn_translate_recorded).
 */
void tn_fetch_recorded(TnCpu *cpu, TnIrBuilder *b)
{
    const TnTranslation *t = &cpu->priv->translation;

    if (t->n_bytes + TN_IR_CODE_BYTES > TN_MAX_CODE_BYTES)
        return;
    b->code = cpu->priv->code_bytes;
    b->code_at = t->start;
    b->n_code = t->n_bytes + TN_IR_CODE_BYTES - 1;
}

/*
 * Each byte is read once, in order: what the block is made from is what it is compared with when
 * the memory is written to.
 */
bool tn_ir_fetch(TnCpu *cpu, TnIrBuilder *b, uint64_t linear, uint8_t *byte)
{
    TnTranslation *t = &cpu->priv->translation;
    unsigned i = place_of(t, linear);

    if (TN_UNLIKELY(i >= t->n_bytes)) {
        if (t->recorded)
            return false;
        unsigned n = tn_page_of(linear) == t->linear[0] ? 0 : 1;

        if (n == 1 && b->n_insns > 0)
            return false;
        if (n == 1 && t->linear[1] != tn_page_of(linear))
            tn_fetch_page(cpu, 1, linear);
        g_return_val_if_fail(i == t->n_bytes && i < TN_MAX_CODE_BYTES, false);
        read_bytes(cpu, b, linear, n);
    }
    *byte = cpu->priv->code_bytes[i];
    return true;
}

uintptr_t tn_ir_late(TnCpu *cpu, TnIrBuilder *b, uint64_t linear, unsigned at)
{
    TnTranslation *t = &cpu->priv->translation;
    unsigned first = tn_page_offset(linear), i = place_of(t, linear);
    const TnCodePage *page = t->page[0];

    if (!(tn_translator.options.opt & TN_OPT_LATE_NUMBERS) || t->n_late == TN_BLOCK_MAX_LATE ||
        t->uncached || tn_page_of(linear) != t->linear[0] ||
        first + at + TN_LATE_SIZE > TN_PAGE_SIZE || !page ||
        !tn_code_page_changes(page, first + at, TN_LATE_SIZE) ||
        tn_code_page_changes(page, first, at))
        return 0;
    t->late[t->n_late++] = (uint16_t)(i + at);
    return (uintptr_t)&page->host[first + at];
}

void tn_translation_abandon(TnCpu *cpu)
{
    TnTranslation *t = &cpu->priv->translation;
    for (unsigned n = 0; n < 2; n++) {
        if (t->page[n])
            tn_code_page_release(t->page[n]);
    }
    memset(t, 0, offsetof(TnTranslation, linear));
    t->linear[0] = t->linear[1] = UINT64_MAX;
}
