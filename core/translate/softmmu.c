/* SPDX-License-Identifier: MIT */
/*
 * The soft MMU: filling the TLB, and loads and stores that the inline probe could not do (misses,
 * page crossings, I/O, pages with code, dirty logging).
 *
 * A store that crosses a page checks both pages before the first byte is written, so a fault
 * leaves memory as it was.
 */
#include <string.h>

#include "translate/softmmu.h"

#include "memory/memory-internal.h"
#include "tenon/apic.h"
#include "translate/backend.h"
#include "translate/code-pages.h"
#include "translate/ir-info.h"

TnAddressSpace *tn_mmu_space(TnCpu *cpu, uint32_t attrs)
{
    TnAddressSpace *smm = attrs & TN_MEM_ATTR_SECURE ? tn_smm_memory() : NULL;
    return smm ? smm : cpu->as;
}

/* ---- Filling ----------------------------------------------------------------------------- */

uint64_t tn_tlb_watched_bits(const TnMemorySpan *span)
{
    return (tn_code_page_marked(span->host) ? TN_TLB_SLOW_CODE : 0u) |
           (tn_region_logs_page(span->region, span->offset) ? TN_TLB_SLOW_DIRTY : 0u);
}

static void publish_write_tag(TnTlbEntry *e, uint64_t page, const TnMemorySpan *span)
{
    uint64_t bits = tn_tlb_watched_bits(span), now;

    tn_tlb_note_writable(span->host, tn_tlb_index(page));
    __atomic_store_n(&e->write, page | bits, __ATOMIC_SEQ_CST);
    /* It may have become code, or logged, between our look and the store: see code-pages.h. */
    now = tn_tlb_watched_bits(span);
    if (now != bits)
        __atomic_or_fetch(&e->write, now, __ATOMIC_SEQ_CST);
}

static void install(TnCpu *cpu, unsigned mode, uint64_t page, const TnTlbFill *fill)
{
    unsigned index = tn_tlb_index(page), word = index / 64;
    uint64_t bit = UINT64_C(1) << (index % 64);
    TnTlb *tlb = tn_cpu_tlb(cpu, mode);
    TnTlbEntry *e = &tlb->entry[index];
    TnTlbSlow *slow = &tlb->slow[index];
    TnMemorySpan span;
    uint8_t *host = tn_phys_span(cpu, fill->paddr, fill->attrs, &span) ? span.host : NULL;
    uint64_t read = page | (host ? 0 : TN_TLB_SLOW_IO);

    __atomic_store_n(&tlb->used[word], tlb->used[word] | bit, __ATOMIC_RELAXED);
    tlb->global[word] = (tlb->global[word] & ~bit) | (fill->global ? bit : 0);
    if (fill->global)
        cpu->priv->global_halves |= tn_tlb_half(page);
    __atomic_store_n(&e->write, UINT64_MAX, __ATOMIC_RELEASE);
    __atomic_store_n(&e->addend, (uintptr_t)host - page, __ATOMIC_RELEASE);
    e->read = fill->prot & TN_PROT_READ ? read : UINT64_MAX;
    e->fetch = fill->prot & TN_PROT_EXEC ? read : UINT64_MAX;
    slow->paddr = tn_page_of(fill->paddr);
    slow->attrs = fill->attrs;
    slow->prot = fill->prot | (uint32_t)fill->page_bits << TN_SLOW_PAGE_BITS_SHIFT;
    if ((fill->prot & TN_PROT_WRITE) && host && span.writable)
        publish_write_tag(e, page, &span);
    else if (fill->prot & TN_PROT_WRITE)
        __atomic_store_n(&e->write, page | TN_TLB_SLOW_IO, __ATOMIC_RELEASE);
}

static bool tag_hits(uint64_t tag, uint64_t page)
{
    return (tag & (~(uint64_t)(TN_PAGE_SIZE - 1) | TN_TLB_EMPTY_BITS)) == page;
}

static uint64_t entry_tag(const TnTlbEntry *e, TnAccess access)
{
    return access == TN_ACCESS_READ ? e->read : access == TN_ACCESS_FETCH ? e->fetch
                                                                          : tn_tlb_tag(&e->write);
}

TnTlbEntry *tn_tlb_get(TnCpu *cpu, uint64_t vaddr, TnAccess access, unsigned mode)
{
    TnTlbEntry *e = tn_tlb_entry(cpu, mode, vaddr);
    uint64_t page = tn_page_of(vaddr);
    TnTlbFill fill = { .page_bits = TN_PAGE_BITS };

    if (tag_hits(entry_tag(e, access), page))
        return e;
    if (!tn_tlb_second_find(cpu, vaddr, access, mode, &fill)) {
        if (!cpu->target->ops->tlb_fill(cpu, vaddr, access, mode, false, &fill)) {
            tn_tlb_sites_close_page(cpu, vaddr);
            tn_cpu_unwind(cpu);
        }
        cpu->priv->stats.walks++;
        tn_tlb_second_add(cpu, vaddr, mode, &fill);
    }
    cpu->priv->stats.tlb_misses++;
    install(cpu, mode, page, &fill);
    /* The target filled what it was asked for, or the next access would come here for ever. */
    return e;
}

static TnTlbSlow *entry_slow(TnCpu *cpu, unsigned mode, uint64_t vaddr)
{
    return &tn_cpu_tlb(cpu, mode)->slow[tn_tlb_index(vaddr)];
}

void *tn_tlb_host(TnCpu *cpu, const TnTlbEntry *e, uint64_t vaddr, TnAccess access)
{
    return entry_tag(e, access) & TN_TLB_SLOW_IO ? NULL : (void *)(uintptr_t)(vaddr + e->addend);
}

/* ---- Within one page --------------------------------------------------------------------- */

static void bus_error(TnCpu *cpu, uint64_t vaddr, uint64_t paddr, TnAccess access)
{
    if (cpu->target->ops->bus_error)
        cpu->target->ops->bus_error(cpu, vaddr, paddr, access);
}

static uint64_t load_io(TnCpu *cpu, uint64_t vaddr, unsigned size, unsigned mode, TnAccess access)
{
    TnTlbSlow slow = *entry_slow(cpu, mode, vaddr);
    uint64_t paddr = slow.paddr | tn_page_offset(vaddr), value = UINT64_MAX;

    tn_check_device(cpu);
    TnMemResult r = tn_memory_load(tn_mmu_space(cpu, slow.attrs), paddr, size, &value, slow.attrs);
    if (r != TN_MEM_OK)
        bus_error(cpu, vaddr, paddr, access);
    return size == 8 ? value : value & ((UINT64_C(1) << (8 * size)) - 1);
}

static void store_io(TnCpu *cpu, uint64_t vaddr, uint64_t value, unsigned size, unsigned mode)
{
    TnTlbSlow slow = *entry_slow(cpu, mode, vaddr);
    uint64_t paddr = slow.paddr | tn_page_offset(vaddr);

    tn_check_device(cpu);
    TnMemResult r = tn_memory_store(tn_mmu_space(cpu, slow.attrs), paddr, size, value, slow.attrs);
    if (r != TN_MEM_OK)
        bus_error(cpu, vaddr, paddr, TN_ACCESS_WRITE);
}

static uint64_t host_load(const void *host, unsigned size)
{
    switch (size) {
    case 1:
        return __atomic_load_n((const uint8_t *)host, __ATOMIC_ACQUIRE);
    case 2:
        return __atomic_load_n((const uint16_t *)host, __ATOMIC_ACQUIRE);
    case 4:
        return __atomic_load_n((const uint32_t *)host, __ATOMIC_ACQUIRE);
    default:
        return __atomic_load_n((const uint64_t *)host, __ATOMIC_ACQUIRE);
    }
}

static void host_store(void *host, uint64_t value, unsigned size)
{
    switch (size) {
    case 1:
        __atomic_store_n((uint8_t *)host, (uint8_t)value, __ATOMIC_RELEASE);
        break;
    case 2:
        __atomic_store_n((uint16_t *)host, (uint16_t)value, __ATOMIC_RELEASE);
        break;
    case 4:
        __atomic_store_n((uint32_t *)host, (uint32_t)value, __ATOMIC_RELEASE);
        break;
    default:
        __atomic_store_n((uint64_t *)host, value, __ATOMIC_RELEASE);
        break;
    }
}

static uint64_t load_in_page(TnCpu *cpu, uint64_t vaddr, unsigned size, unsigned mode,
                             TnAccess access)
{
    TnTlbEntry *e = tn_tlb_get(cpu, vaddr, access, mode);
    void *host = tn_tlb_host(cpu, e, vaddr, access);
    return host ? host_load(host, size) : load_io(cpu, vaddr, size, mode, access);
}

bool tn_tlb_fetch_page(TnCpu *cpu, unsigned mode, uint64_t vaddr, TnFetchPage *out)
{
    const TnTlbEntry *e = tn_tlb_entry(cpu, mode, vaddr);
    const TnTlbSlow *slow = entry_slow(cpu, mode, vaddr);
    unsigned i = tn_tlb_index(vaddr);

    if (e->fetch != tn_page_of(vaddr))
        return false;
    *out = (TnFetchPage){ .host = vaddr + e->addend,
                          .page_bits = slow->prot >> TN_SLOW_PAGE_BITS_SHIFT & 0xff,
                          .global = tn_cpu_tlb(cpu, mode)->global[i / 64] >> (i % 64) & 1 };
    return true;
}

void *tn_mmu_write_begin(TnCpu *cpu, uint64_t vaddr, unsigned size, unsigned mode)
{
    TnTlbEntry *e = tn_tlb_get(cpu, vaddr, TN_ACCESS_WRITE, mode);
    uint64_t tag = tn_tlb_tag(&e->write);
    void *host = tn_tlb_host(cpu, e, vaddr, TN_ACCESS_WRITE);

    if (host && (tag & TN_TLB_SLOW_CODE))
        tn_code_before_store(cpu, e, host, size);
    if (host)
        tn_check_store(host, size);
    return host;
}

/* The first store to a page since its log was read: tells the bus; the next ones are fast. */
static void log_store(TnCpu *cpu, TnTlbEntry *e, uint64_t vaddr, unsigned size, unsigned mode)
{
    const TnTlbSlow *slow = entry_slow(cpu, mode, vaddr);
    uint64_t paddr = slow->paddr | tn_page_offset(vaddr);
    TnMemorySpan span;

    tn_memory_lookup(tn_mmu_space(cpu, slow->attrs), paddr, slow->attrs, &span);
    if (!span.host)
        return;
    tn_region_written(span.region, span.offset, size);
    __atomic_and_fetch(&e->write, ~(uint64_t)TN_TLB_SLOW_DIRTY, __ATOMIC_SEQ_CST);
    if (tn_region_logs_page(span.region, span.offset))
        __atomic_or_fetch(&e->write, TN_TLB_SLOW_DIRTY, __ATOMIC_SEQ_CST);
}

void tn_mmu_write_end(TnCpu *cpu, uint64_t vaddr, void *host, unsigned size, unsigned mode)
{
    TnTlbEntry *e = tn_tlb_entry(cpu, mode, vaddr);
    uint64_t tag = tn_tlb_tag(&e->write);

    if (tag & TN_TLB_SLOW_CODE)
        tn_code_after_store(host, size);
    if ((tag & TN_TLB_SLOW_DIRTY) && tag_hits(tag, tn_page_of(vaddr)))
        log_store(cpu, e, vaddr, size, mode);
}

/* The page that a store is beside the code of, or NULL; mostly the same as last time. */
static inline TnCodePage *page_beside(TnCpu *cpu, void *host, unsigned size)
{
    TnCodePage *page = cpu->priv->code_page;

    if (TN_UNLIKELY(!page || (uint8_t *)tn_page_of((uintptr_t)host) != page->host)) {
        page = tn_code_page_find(host);
        cpu->priv->code_page = page;
        cpu->code_page_host = page ? page->host : NULL;
        cpu->code_page_lines = page ? page->bytes : NULL;
    }
    if (!page || !atomic_load(&page->marked) ||
        tn_code_page_has_code(page, tn_page_offset((uintptr_t)host), size))
        return NULL;
    return page;
}

/* The most frequent store that the inline probe leaves: to data in a page that has code, too. Only
 * other vCPUs may have begun to translate it. */
static inline bool store_beside_code(TnCpu *cpu, uint64_t vaddr, uint64_t value, unsigned size,
                                     unsigned mode)
{
    const TnTlbEntry *e = tn_tlb_entry(cpu, mode, vaddr);
    void *host = (void *)(uintptr_t)(vaddr + e->addend);
    TnCodePage *page;

    if (tn_tlb_tag(&e->write) != (tn_page_of(vaddr) | TN_TLB_SLOW_CODE))
        return false;
    page = page_beside(cpu, host, size);
    if (!page)
        return false;
    tn_check_store(host, size);
    host_store(host, value, size);
    if (tn_cpu_count() > 1)
        tn_code_page_stored(page, host, size);
    return true;
}

static void store_in_page(TnCpu *cpu, uint64_t vaddr, uint64_t value, unsigned size, unsigned mode)
{
    void *host = tn_mmu_write_begin(cpu, vaddr, size, mode);
    if (!host) {
        store_io(cpu, vaddr, value, size, mode);
        return;
    }
    host_store(host, value, size);
    tn_mmu_write_end(cpu, vaddr, host, size, mode);
}

/* ---- Any access -------------------------------------------------------------------------- */

/* The host addresses of the two parts of a crossing access, NULL for I/O. */
typedef struct Parts {
    uint8_t *first, *second;
    unsigned n_first; /* bytes */
} Parts;

/* Both halves of a crossing access must be allowed before anything happens. */
static Parts check_both(TnCpu *cpu, uint64_t vaddr, unsigned size, unsigned mode, TnAccess access)
{
    uint64_t second = tn_page_of(vaddr + size - 1);
    Parts p = { .n_first = (unsigned)(second - vaddr) };

    if (access != TN_ACCESS_WRITE) {
        p.first = tn_tlb_host(cpu, tn_tlb_get(cpu, vaddr, access, mode), vaddr, access);
        p.second = tn_tlb_host(cpu, tn_tlb_get(cpu, second, access, mode), second, access);
    } else {
        p.first = tn_mmu_write_begin(cpu, vaddr, p.n_first, mode);
        p.second = tn_mmu_write_begin(cpu, second, size - p.n_first, mode);
    }
    return p;
}

static void check_alignment(TnCpu *cpu, uint64_t vaddr, unsigned size, uint32_t mem,
                            TnAccess access)
{
    if ((mem & TN_MEM_ALIGN) && (vaddr & (size - 1)) && cpu->target->ops->unaligned)
        cpu->target->ops->unaligned(cpu, vaddr, access, mem & TN_MEM_MODE_MASK);
}

static uint64_t swap_bytes(uint64_t value, unsigned size)
{
    return size == 1 ? value : __builtin_bswap64(value) >> (64 - 8 * size);
}

static uint64_t extend(uint64_t value, unsigned size, uint32_t mem)
{
    if (mem & TN_MEM_BSWAP)
        value = swap_bytes(value, size);
    if (mem & TN_MEM_SIGN) {
        unsigned shift = 64 - 8 * size;
        value = (uint64_t)((int64_t)(value << shift) >> shift);
    }
    return mem & TN_MEM_DST32 ? (uint32_t)value : value;
}

static uint64_t load_any(TnCpu *cpu, uint64_t vaddr, unsigned size, unsigned mode, TnAccess access)
{
    if (TN_LIKELY(tn_within_page(vaddr, size)))
        return load_in_page(cpu, vaddr, size, mode, access);
    uint64_t value = 0;
    Parts p = check_both(cpu, vaddr, size, mode, access);
    if (p.first && p.second) {
        memcpy(&value, p.first, p.n_first);
        memcpy((uint8_t *)&value + p.n_first, p.second, size - p.n_first);
        return GUINT64_FROM_LE(value);
    }
    for (unsigned i = 0; i < size; i++)
        value |= load_in_page(cpu, vaddr + i, 1, mode, access) << (8 * i);
    return value;
}

bool tn_mmu_store_beside_code(TnCpu *cpu, uint64_t vaddr, uint64_t value, uint32_t mem)
{
    unsigned size = tn_ir_type_size(mem >> 16);

    return !(mem & (TN_MEM_ALIGN | TN_MEM_BSWAP)) && tn_within_page(vaddr, size) &&
           store_beside_code(cpu, vaddr, value, size, mem & TN_MEM_MODE_MASK);
}

uint64_t tn_mmu_load(TnCpu *cpu, uint64_t vaddr, uint32_t mem)
{
    unsigned size = tn_ir_type_size(mem >> 16);
    unsigned mode = mem & TN_MEM_MODE_MASK;
    TnAccess access = mem & TN_MEM_RMW ? TN_ACCESS_WRITE : TN_ACCESS_READ;

    check_alignment(cpu, vaddr, size, mem, access);
    if (access == TN_ACCESS_WRITE && !tn_within_page(vaddr, size))
        check_both(cpu, vaddr, size, mode, access);
    else if (access == TN_ACCESS_WRITE)
        tn_mmu_write_begin(cpu, vaddr, size, mode);
    return extend(load_any(cpu, vaddr, size, mode, access), size, mem);
}

bool tn_mmu_allows_group(TnCpu *cpu, const TnMmuGroup *g)
{
    uint64_t page = tn_page_of(g->last);
    const TnTlbEntry *e;

    if (tn_page_of(g->first) != page)
        return false;
    e = tn_tlb_get(cpu, g->vaddr, g->stores ? TN_ACCESS_WRITE : TN_ACCESS_READ, g->mode);
    return (g->write ? tn_tlb_tag(&e->write) : e->read) == page;
}

void tn_mmu_store(TnCpu *cpu, uint64_t vaddr, uint64_t value, uint32_t mem)
{
    unsigned size = tn_ir_type_size(mem >> 16);
    unsigned mode = mem & TN_MEM_MODE_MASK;

    check_alignment(cpu, vaddr, size, mem, TN_ACCESS_WRITE);
    if (mem & TN_MEM_BSWAP)
        value = swap_bytes(value, size);
    if (TN_LIKELY(tn_within_page(vaddr, size))) {
        if (store_beside_code(cpu, vaddr, value, size, mode))
            return;
        store_in_page(cpu, vaddr, value, size, mode);
        return;
    }
    Parts p = check_both(cpu, vaddr, size, mode, TN_ACCESS_WRITE);
    if (p.first && p.second) {
        value = GUINT64_TO_LE(value);
        memcpy(p.first, &value, p.n_first);
        memcpy(p.second, (uint8_t *)&value + p.n_first, size - p.n_first);
        tn_mmu_write_end(cpu, vaddr, p.first, p.n_first, mode);
        tn_mmu_write_end(cpu, vaddr + p.n_first, p.second, size - p.n_first, mode);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        store_in_page(cpu, vaddr + i, value >> (8 * i), 1, mode);
}

void tn_mmu_load_vec(TnCpu *cpu, uint64_t vaddr, void *out, uint32_t mem)
{
    unsigned size = tn_ir_type_size(mem >> 16);
    unsigned mode = mem & TN_MEM_MODE_MASK;
    uint64_t words[4];

    check_alignment(cpu, vaddr, size, mem, TN_ACCESS_READ);
    if (!tn_within_page(vaddr, size))
        check_both(cpu, vaddr, size, mode, TN_ACCESS_READ);
    for (unsigned i = 0; i < size / 8; i++)
        words[i] = load_any(cpu, vaddr + 8 * i, 8, mode, TN_ACCESS_READ);
    memcpy(out, words, size);
}

void tn_mmu_store_vec(TnCpu *cpu, uint64_t vaddr, const void *in, uint32_t mem)
{
    unsigned size = tn_ir_type_size(mem >> 16);
    unsigned mode = mem & TN_MEM_MODE_MASK;
    uint64_t words[4];

    check_alignment(cpu, vaddr, size, mem, TN_ACCESS_WRITE);
    if (!tn_within_page(vaddr, size))
        check_both(cpu, vaddr, size, mode, TN_ACCESS_WRITE);
    else
        tn_mmu_write_begin(cpu, vaddr, size, mode);
    memcpy(words, in, size);
    for (unsigned i = 0; i < size / 8; i++)
        tn_mmu_store(cpu, vaddr + 8 * i, words[i], mode | (uint32_t)TN_I64 << 16);
}
