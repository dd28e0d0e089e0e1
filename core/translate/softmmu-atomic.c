/* SPDX-License-Identifier: MIT */
/*
 * Atomic read-modify-write on guest memory. Plain RAM within one page uses the host's atomic
 * operation where the host can do it at that address; the rest (I/O, page crossings) runs with
 * every other vCPU stopped.
 */
#include "translate/softmmu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "translate/backend.h"
#include "translate/ir-info.h"

/* x86 hosts lock misaligned operands too, even across cache lines. */
static bool host_can(uint64_t vaddr, unsigned size)
{
#if defined(__x86_64__)
    return tn_within_page(vaddr, size);
#else
    return (vaddr & (size - 1)) == 0;
#endif
}

static uint64_t apply(TnAtomicOp op, uint64_t old, uint64_t value)
{
    switch (op) {
    case TN_ATOMIC_ADD:
        return old + value;
    case TN_ATOMIC_AND:
        return old & value;
    case TN_ATOMIC_OR:
        return old | value;
    case TN_ATOMIC_XOR:
        return old ^ value;
    case TN_ATOMIC_XCHG:
        break;
    }
    return value;
}

#define DEFINE_RMW(bits) \
    static uint64_t rmw##bits(void *host, TnAtomicOp op, uint64_t value) \
    { \
        uint##bits##_t *p = host, v = (uint##bits##_t)value; \
        switch (op) { \
        case TN_ATOMIC_ADD: \
            return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); \
        case TN_ATOMIC_AND: \
            return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST); \
        case TN_ATOMIC_OR: \
            return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST); \
        case TN_ATOMIC_XOR: \
            return __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST); \
        case TN_ATOMIC_XCHG: \
            break; \
        } \
        return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); \
    } \
    static uint64_t cas##bits(void *host, uint64_t expect, uint64_t value) \
    { \
        uint##bits##_t seen = (uint##bits##_t)expect; \
        __atomic_compare_exchange_n((uint##bits##_t *)host, &seen, (uint##bits##_t)value, false, \
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
        return seen; \
    }

DEFINE_RMW(8)
DEFINE_RMW(16)
DEFINE_RMW(32)
DEFINE_RMW(64)

static uint64_t host_rmw(void *host, unsigned size, TnAtomicOp op, uint64_t value)
{
    return size == 1 ? rmw8(host, op, value) : size == 2 ? rmw16(host, op, value)
           : size == 4 ? rmw32(host, op, value) : rmw64(host, op, value);
}

static uint64_t host_cas(void *host, unsigned size, uint64_t expect, uint64_t value)
{
    return size == 1 ? cas8(host, expect, value) : size == 2 ? cas16(host, expect, value)
           : size == 4 ? cas32(host, expect, value) : cas64(host, expect, value);
}

static uint64_t cut(uint64_t value, unsigned size)
{
    return value & UINT64_MAX >> (64 - 8 * size);
}

/* The plain access flags for the two halves of an exclusive operation. */
static uint32_t plain(uint32_t mem, uint32_t extra)
{
    return (mem & ~(uint32_t)(TN_MEM_SIGN | TN_MEM_DST32)) | extra;
}

/* Host memory of an operand that host atomics can serve, or NULL. May unwind. */
static void *atomic_host(TnCpu *cpu, uint64_t vaddr, unsigned size, uint32_t mem)
{
    unsigned mode = mem & TN_MEM_MODE_MASK;
    if ((mem & TN_MEM_ALIGN) && (vaddr & (size - 1)) && cpu->target->ops->unaligned)
        cpu->target->ops->unaligned(cpu, vaddr, TN_ACCESS_WRITE, mode);
    if ((mem & TN_MEM_BSWAP) || !host_can(vaddr, size))
        return NULL;
    void *host = tn_tlb_probe_write(cpu, mode, vaddr, size);
    return host ? host : tn_mmu_write_begin(cpu, vaddr, size, mode);
}

uint64_t tn_mmu_atomic_rmw(TnCpu *cpu, uint64_t vaddr, uint64_t value, uint32_t op, uint32_t mem)
{
    unsigned size = tn_ir_type_size(mem >> 16);
    void *host = atomic_host(cpu, vaddr, size, mem);

    if (TN_LIKELY(host != NULL)) {
        uint64_t old = host_rmw(host, size, op, value);
        tn_mmu_write_end(cpu, vaddr, host, size, mem & TN_MEM_MODE_MASK);
        return old;
    }
    tn_exclusive_begin(cpu);
    uint64_t old = tn_mmu_load(cpu, vaddr, plain(mem, TN_MEM_RMW));
    tn_mmu_store(cpu, vaddr, apply(op, old, value), plain(mem, 0));
    tn_exclusive_end(cpu);
    return old;
}

uint64_t tn_mmu_atomic_cas(TnCpu *cpu, uint64_t vaddr, uint64_t expect, uint64_t value, uint32_t mem)
{
    unsigned size = tn_ir_type_size(mem >> 16);
    void *host = atomic_host(cpu, vaddr, size, mem);

    if (TN_LIKELY(host != NULL)) {
        uint64_t old = host_cas(host, size, expect, value);
        tn_mmu_write_end(cpu, vaddr, host, size, mem & TN_MEM_MODE_MASK);
        return old;
    }
    tn_exclusive_begin(cpu);
    uint64_t old = tn_mmu_load(cpu, vaddr, plain(mem, TN_MEM_RMW));
    tn_mmu_store(cpu, vaddr, old == cut(expect, size) ? value : old, plain(mem, 0));
    tn_exclusive_end(cpu);
    return old;
}

/* ---- 16 bytes ---------------------------------------------------------------------------- */

#if defined(__x86_64__)
static bool host_has_pairs(void)
{
    static atomic_int known; /* 1: no, 2: yes */
    unsigned a, b, c = 0, d;

    if (TN_UNLIKELY(!atomic_load_explicit(&known, memory_order_relaxed))) {
        bool has = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_CMPXCHG16B);
        atomic_store_explicit(&known, has ? 2 : 1, memory_order_relaxed);
    }
    return atomic_load_explicit(&known, memory_order_relaxed) == 2;
}

static bool host_cas_pair(void *host, uint64_t expect[2], const uint64_t value[2])
{
    bool equal;

    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(equal), "+m"(*(uint64_t (*)[2])host), "+a"(expect[0]),
                       "+d"(expect[1])
                     : "b"(value[0]), "c"(value[1])
                     : "memory");
    return equal;
}
#else
static bool host_has_pairs(void)
{
    return false;
}

static bool host_cas_pair(void *host, uint64_t expect[2], const uint64_t value[2])
{
    return false;
}
#endif

/* With every other vCPU stopped: I/O, and hosts that cannot. */
static bool cas_pair_alone(TnCpu *cpu, uint64_t vaddr, uint64_t expect[2], const uint64_t value[2],
                           unsigned mode)
{
    enum { SIZE = 2 * sizeof(uint64_t) };
    uint64_t old[2];
    bool equal;

    tn_exclusive_begin(cpu);
    tn_probe(cpu, vaddr, SIZE, TN_ACCESS_WRITE, mode);
    tn_ld_bytes(cpu, vaddr, old, SIZE, mode);
    equal = old[0] == expect[0] && old[1] == expect[1];
    tn_st_bytes(cpu, vaddr, equal ? value : old, SIZE, mode);
    tn_exclusive_end(cpu);
    expect[0] = old[0];
    expect[1] = old[1];
    return equal;
}

bool tn_cas_pair(TnCpu *cpu, uint64_t vaddr, uint64_t expect[2], const uint64_t value[2],
                 unsigned mode)
{
    enum { SIZE = 2 * sizeof(uint64_t) };
    void *host = NULL;
    bool equal;

    if (host_has_pairs()) {
        host = tn_tlb_probe_write(cpu, mode, vaddr, SIZE);
        if (!host)
            host = tn_mmu_write_begin(cpu, vaddr, SIZE, mode);
    }
    if (!host)
        return cas_pair_alone(cpu, vaddr, expect, value, mode);
    equal = host_cas_pair(host, expect, value);
    tn_mmu_write_end(cpu, vaddr, host, SIZE, mode);
    return equal;
}
