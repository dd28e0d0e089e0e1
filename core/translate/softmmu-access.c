/* SPDX-License-Identifier: MIT */
/* Guest memory for helpers: values, byte strings, spans and probes, with faults. */
#include <string.h>

#include "translate/softmmu.h"

#include "translate/backend.h"

#define DEFINE_ACCESS(bits, type) \
    uint##bits##_t tn_ld##bits(TnCpu *cpu, uint64_t vaddr, unsigned mmu_mode) \
    { \
        const uint##bits##_t *host = tn_tlb_probe_read(cpu, mmu_mode, vaddr, bits / 8); \
        if (TN_LIKELY(host != NULL)) \
            return __atomic_load_n(host, __ATOMIC_ACQUIRE); \
        return (uint##bits##_t)tn_mmu_load(cpu, vaddr, mmu_mode | (uint32_t)type << 16); \
    } \
    void tn_st##bits(TnCpu *cpu, uint64_t vaddr, uint##bits##_t value, unsigned mmu_mode) \
    { \
        uint##bits##_t *host = tn_tlb_probe_write(cpu, mmu_mode, vaddr, bits / 8); \
        if (TN_LIKELY(host != NULL)) \
            __atomic_store_n(host, value, __ATOMIC_RELEASE); \
        else \
            tn_mmu_store(cpu, vaddr, value, mmu_mode | (uint32_t)type << 16); \
    }

DEFINE_ACCESS(8, TN_I8)
DEFINE_ACCESS(16, TN_I16)
DEFINE_ACCESS(32, TN_I32)
DEFINE_ACCESS(64, TN_I64)

static size_t part_in_page(uint64_t vaddr, size_t n)
{
    return MIN(n, TN_PAGE_SIZE - tn_page_offset(vaddr));
}

/* Faults where any page of the span refuses the access. */
static void check_span(TnCpu *cpu, uint64_t vaddr, size_t n, TnAccess access, unsigned mode)
{
    while (n > 0) {
        size_t part = part_in_page(vaddr, n);
        if (access == TN_ACCESS_WRITE)
            tn_mmu_write_begin(cpu, vaddr, (unsigned)part, mode);
        else
            tn_tlb_get(cpu, vaddr, access, mode);
        vaddr += part;
        n -= part;
    }
}

void tn_ld_bytes(TnCpu *cpu, uint64_t vaddr, void *buf, size_t n, unsigned mmu_mode)
{
    uint8_t *to = buf;
    check_span(cpu, vaddr, n, TN_ACCESS_READ, mmu_mode);
    while (n > 0) {
        size_t part = part_in_page(vaddr, n);
        TnTlbEntry *e = tn_tlb_get(cpu, vaddr, TN_ACCESS_READ, mmu_mode);
        const void *host = tn_tlb_host(cpu, e, vaddr, TN_ACCESS_READ);
        if (host)
            memcpy(to, host, part);
        for (size_t i = 0; !host && i < part; i++)
            to[i] = tn_ld8(cpu, vaddr + i, mmu_mode);
        to += part;
        vaddr += part;
        n -= part;
    }
}

void tn_st_bytes(TnCpu *cpu, uint64_t vaddr, const void *buf, size_t n, unsigned mmu_mode)
{
    const uint8_t *from = buf;
    check_span(cpu, vaddr, n, TN_ACCESS_WRITE, mmu_mode);
    while (n > 0) {
        size_t part = part_in_page(vaddr, n);
        void *host = tn_mmu_write_begin(cpu, vaddr, (unsigned)part, mmu_mode);
        if (host) {
            memcpy(host, from, part);
            tn_mmu_write_end(cpu, vaddr, host, (unsigned)part, mmu_mode);
        }
        for (size_t i = 0; !host && i < part; i++)
            tn_st8(cpu, vaddr + i, from[i], mmu_mode);
        from += part;
        vaddr += part;
        n -= part;
    }
}

/* The host memory of a span that the TLB allows as it is, or NULL. */
static void *probe_known(TnCpu *cpu, uint64_t vaddr, size_t n, TnAccess access, unsigned mmu_mode)
{
    if (n > TN_PAGE_SIZE || access == TN_ACCESS_FETCH)
        return NULL;
    return access == TN_ACCESS_READ ? tn_tlb_probe_read(cpu, mmu_mode, vaddr, (unsigned)n)
                                    : tn_tlb_probe_write(cpu, mmu_mode, vaddr, (unsigned)n);
}

void *tn_probe(TnCpu *cpu, uint64_t vaddr, size_t n, TnAccess access, unsigned mmu_mode)
{
    void *known;

    if (n == 0)
        return NULL;
    known = probe_known(cpu, vaddr, n, access, mmu_mode);
    if (TN_LIKELY(known))
        return known;
    check_span(cpu, vaddr, n, access, mmu_mode);
    if (part_in_page(vaddr, n) < n)
        return NULL;
    if (access == TN_ACCESS_WRITE) /* NULL too where stores must be seen: code, dirty logging */
        return tn_tlb_probe_write(cpu, mmu_mode, vaddr, (unsigned)n);
    TnTlbEntry *e = tn_tlb_get(cpu, vaddr, access, mmu_mode);
    return tn_tlb_host(cpu, e, vaddr, access);
}

/* ---- Spans ------------------------------------------------------------------------------- */

/* What most of them are: not worth a call. All is read before any of it is written. */
enum { SHORT = 64 };

typedef struct Chunk {
    uint64_t word[4];
} Chunk;

/* The first and the last `part` bytes, a constant, of n: they meet or overlap. */
static inline __attribute__((always_inline)) void copy_ends(uint8_t *to, const uint8_t *from,
                                                            size_t n, size_t part)
{
    Chunk first, last;

    memcpy(&first, from, part);
    memcpy(&last, from + n - part, part);
    memcpy(to, &first, part);
    memcpy(to + n - part, &last, part);
}

static inline __attribute__((always_inline)) void fill_ends(uint8_t *to, const Chunk *c, size_t n,
                                                            size_t part)
{
    memcpy(to, c, part);
    memcpy(to + n - part, c, part);
}

/* Calls fn(..., n, part) with the largest part of at most n bytes. */
#define BY_SIZE(fn, to, from, n) \
    ((n) >= 32 ? fn(to, from, n, 32) : (n) >= 16 ? fn(to, from, n, 16) \
     : (n) >= 8 ? fn(to, from, n, 8) : (n) >= 4 ? fn(to, from, n, 4) \
     : (n) >= 2 ? fn(to, from, n, 2) : fn(to, from, n, 1))

static void copy_short(uint8_t *to, const uint8_t *from, size_t n)
{
    BY_SIZE(copy_ends, to, from, n);
}

/* `word` is the byte eight times. */
static void fill_short(uint8_t *to, uint64_t word, size_t n)
{
    const Chunk c = { { word, word, word, word } };

    BY_SIZE(fill_ends, to, &c, n);
}

bool tn_span_copy(TnCpu *cpu, uint64_t to, uint64_t from, uint64_t n, unsigned mmu_mode)
{
    const uint8_t *source;
    uint8_t *target;

    if (n - 1 >= TN_PAGE_SIZE)
        return false;
    source = tn_tlb_probe_read(cpu, mmu_mode, from, (unsigned)n);
    target = source ? tn_tlb_probe_write(cpu, mmu_mode, to, (unsigned)n) : NULL;
    if (!target || (uintptr_t)target - (uintptr_t)source - 1 < n - 1)
        return false;
    if (n <= SHORT)
        copy_short(target, source, n);
    else
        memmove(target, source, n);
    return true;
}

bool tn_span_fill(TnCpu *cpu, uint64_t to, uint8_t byte, uint64_t n, unsigned mmu_mode)
{
    uint8_t *target;

    if (n - 1 >= TN_PAGE_SIZE)
        return false;
    target = tn_tlb_probe_write(cpu, mmu_mode, to, (unsigned)n);
    if (!target)
        return false;
    if (n <= SHORT)
        fill_short(target, byte * (UINT64_MAX / UINT8_MAX), n);
    else
        memset(target, byte, n);
    return true;
}
