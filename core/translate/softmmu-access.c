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
    uint64_t word[2];
} Chunk;

/* The two ends of the span overlap where it is not two chunks long, or four. */
static void copy_short(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n >= 2 * sizeof(Chunk)) {
        Chunk a, b, c, d;

        memcpy(&a, from, sizeof(a));
        memcpy(&b, from + sizeof(a), sizeof(b));
        memcpy(&c, from + n - 2 * sizeof(c), sizeof(c));
        memcpy(&d, from + n - sizeof(d), sizeof(d));
        memcpy(to, &a, sizeof(a));
        memcpy(to + sizeof(a), &b, sizeof(b));
        memcpy(to + n - 2 * sizeof(c), &c, sizeof(c));
        memcpy(to + n - sizeof(d), &d, sizeof(d));
    } else if (n >= sizeof(Chunk)) {
        Chunk a, b;

        memcpy(&a, from, sizeof(a));
        memcpy(&b, from + n - sizeof(b), sizeof(b));
        memcpy(to, &a, sizeof(a));
        memcpy(to + n - sizeof(b), &b, sizeof(b));
    } else if (n >= sizeof(uint64_t)) {
        uint64_t a, b;

        memcpy(&a, from, sizeof(a));
        memcpy(&b, from + n - sizeof(b), sizeof(b));
        memcpy(to, &a, sizeof(a));
        memcpy(to + n - sizeof(b), &b, sizeof(b));
    } else if (n >= sizeof(uint32_t)) {
        uint32_t a, b;

        memcpy(&a, from, sizeof(a));
        memcpy(&b, from + n - sizeof(b), sizeof(b));
        memcpy(to, &a, sizeof(a));
        memcpy(to + n - sizeof(b), &b, sizeof(b));
    } else {
        uint8_t a = from[0], b = from[n / 2], c = from[n - 1];

        to[0] = a;
        to[n / 2] = b;
        to[n - 1] = c;
    }
}

/* `word` is the byte eight times. */
static void fill_short(uint8_t *to, uint64_t word, size_t n)
{
    Chunk c = { { word, word } };

    if (n >= 2 * sizeof(c)) {
        memcpy(to, &c, sizeof(c));
        memcpy(to + sizeof(c), &c, sizeof(c));
        memcpy(to + n - 2 * sizeof(c), &c, sizeof(c));
        memcpy(to + n - sizeof(c), &c, sizeof(c));
    } else if (n >= sizeof(c)) {
        memcpy(to, &c, sizeof(c));
        memcpy(to + n - sizeof(c), &c, sizeof(c));
    } else if (n >= sizeof(word)) {
        memcpy(to, &word, sizeof(word));
        memcpy(to + n - sizeof(word), &word, sizeof(word));
    } else if (n >= sizeof(uint32_t)) {
        memcpy(to, &word, sizeof(uint32_t));
        memcpy(to + n - sizeof(uint32_t), &word, sizeof(uint32_t));
    } else {
        to[0] = to[n / 2] = to[n - 1] = (uint8_t)word;
    }
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
