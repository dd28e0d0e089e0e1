/* SPDX-License-Identifier: MIT */
/*
 * CPUID, and the topology that it and the APIC IDs tell.
 *
 * Intel SDM vol. 2A "CPUID", vol. 3A 8.9 (topology by APIC ID); AMD APM vol. 3, appendix E. The
 * hypervisor leaf is the one that QEMU documents for its translator.
 */
#include "system.h"

#include <string.h>

#include "tenon/machine.h"

enum { EAX, EBX, ECX, EDX };

enum {
    LEAF_HYPERVISOR = 0x40000000,
    LEAF_EXTENDED_FEATURES = (int)0x80000001,
    CLFLUSH_QUADS = 8,
    CACHE_DATA = 1,
    CACHE_CODE = 2,
    CACHE_UNIFIED = 3,
    LINE_BYTES = 64,
    LEVEL_SMT = 1,
    LEVEL_CORE = 2,
    LEVEL_DIE = 5,
    CRYSTAL_HZ = 25000000,
    LEAF2_ONLY_LEAF4 = 0x00ff01,
    LEAF2_LEGACY = 0x2c307d,
    DERIVED_EDX = 0x0183f3ff, /* bits of 1:EDX that AMD repeats in 80000001H:EDX */
};

/* ---- Topology ---- */

typedef struct Topology {
    uint32_t threads, cores, dies; /* per core, per die, per package */
} Topology;

static Topology topology(void)
{
    const TnMachineConfig *config = tn_machine_config();
    Topology t = { 1, 1, 1 };

    if (config) {
        t.threads = MAX(config->smp->threads, 1u);
        t.cores = MAX(config->smp->cores, 1u) * MAX(config->smp->clusters, 1u);
        t.dies = MAX(config->smp->dies, 1u);
    }
    return t;
}

/* Bits that number n things. */
static unsigned topology_bits(uint32_t n)
{
    return n <= 1 ? 0 : 32 - (unsigned)__builtin_clz(n - 1);
}

static unsigned topology_core_shift(Topology t)
{
    return topology_bits(t.threads);
}

static unsigned topology_die_shift(Topology t)
{
    return topology_core_shift(t) + topology_bits(t.cores);
}

static unsigned topology_package_shift(Topology t)
{
    return topology_die_shift(t) + topology_bits(t.dies);
}

static uint32_t topology_package_threads(Topology t)
{
    return t.threads * t.cores * t.dies;
}

uint32_t x86_apic_id(unsigned index)
{
    Topology t = topology();
    uint32_t thread = index % t.threads;
    uint32_t core = index / t.threads % t.cores;
    uint32_t die = index / (t.threads * t.cores) % t.dies;
    uint32_t package = index / topology_package_threads(t);

    return thread | core << topology_core_shift(t) | die << topology_die_shift(t) |
           package << topology_package_shift(t);
}

/* ---- Caches: one set for all models (32K + 32K L1, 4M L2, 16M L3) ---- */

typedef struct Cache {
    uint32_t type, level, ways, sets;
    bool shared; /* by the package, else by the core */
} Cache;

static const Cache caches[] = {
    { CACHE_DATA, 1, 8, 64, false },
    { CACHE_CODE, 1, 8, 64, false },
    { CACHE_UNIFIED, 2, 16, 512, false },
    { CACHE_UNIFIED, 3, 16, 16384, true },
};

/* Leaf 4, and 8000001DH, which has the same layout but for the cores of a package. */
static void cpuid_cache(uint32_t index, bool intel, uint32_t regs[4])
{
    enum { SELF_INITIALISING = 1u << 8, INCLUSIVE = 1u << 1 };
    Topology t = topology();

    if (index >= G_N_ELEMENTS(caches))
        return;
    const Cache *c = &caches[index];
    uint32_t sharing = c->shared ? 1u << topology_package_shift(t) : 1u << topology_core_shift(t);
    regs[EAX] = c->type | c->level << 5 | SELF_INITIALISING | (sharing - 1) << 14;
    if (intel)
        regs[EAX] |= ((1u << (topology_package_shift(t) - topology_core_shift(t))) - 1) << 26;
    regs[EBX] = (LINE_BYTES - 1) | (c->ways - 1) << 22;
    regs[ECX] = c->sets - 1;
    regs[EDX] = c->shared ? INCLUSIVE : 0;
}

/* ---- Basic leaves ---- */

static uint32_t cpuid_signature(const X86Model *m)
{
    uint32_t family = MIN(m->family, 15u), extended = m->family - family;

    return m->stepping | (m->model & 15) << 4 | family << 8 | (m->model >> 4) << 16 |
           extended << 20;
}

static void cpuid_vendor(const X86Model *m, uint32_t regs[4])
{
    memcpy(&regs[EBX], m->vendor, 4);
    memcpy(&regs[EDX], m->vendor + 4, 4);
    memcpy(&regs[ECX], m->vendor + 8, 4);
}

static void cpuid_features(const X86State *s, uint32_t regs[4])
{
    uint32_t threads = topology_package_threads(topology());
    uint32_t counted = 1u << topology_package_shift(topology());

    regs[EAX] = cpuid_signature(s->model);
    regs[EBX] = CLFLUSH_QUADS << 8 | s->apic_id << 24;
    regs[ECX] = s->features[X86_WORD_1_ECX];
    regs[EDX] = s->features[X86_WORD_1_EDX];
    if (threads > 1) {
        regs[EBX] |= MIN(counted, 255u) << 16;
        regs[EDX] |= 1u << (X86_FEATURE_HT & 31);
    }
}

/* Leaves 0BH and 1FH: the levels above the thread, innermost first. */
static void cpuid_topology(const X86State *s, uint32_t subleaf, bool with_dies, uint32_t regs[4])
{
    Topology t = topology();
    unsigned top = topology_package_shift(t);

    regs[ECX] = subleaf & 0xff;
    regs[EDX] = s->apic_id;
    if (subleaf == 0) {
        regs[EAX] = topology_core_shift(t);
        regs[EBX] = t.threads;
        regs[ECX] |= LEVEL_SMT << 8;
    } else if (subleaf == 1) {
        regs[EAX] = with_dies ? topology_die_shift(t) : top;
        regs[EBX] = with_dies ? t.threads * t.cores : topology_package_threads(t);
        regs[ECX] |= LEVEL_CORE << 8;
    } else if (subleaf == 2 && with_dies) {
        regs[EAX] = top;
        regs[EBX] = topology_package_threads(t);
        regs[ECX] |= LEVEL_DIE << 8;
    }
}

static void cpuid_structured(const X86State *s, uint32_t subleaf, uint32_t regs[4])
{
    if (subleaf == 0) {
        regs[EAX] = s->features[X86_WORD_71_EAX] ? 1 : 0;
        regs[EBX] = s->features[X86_WORD_7_EBX];
        regs[ECX] = s->features[X86_WORD_7_ECX];
        regs[EDX] = s->features[X86_WORD_7_EDX];
    } else if (subleaf == 1) {
        regs[EAX] = s->features[X86_WORD_71_EAX];
    }
}

/* The crystal and the TSC's ratio to it. */
static void cpuid_tsc(const X86State *s, uint32_t regs[4])
{
    regs[EAX] = CRYSTAL_HZ / 1000000;
    regs[EBX] = (uint32_t)(s->tsc_hz / 1000000);
    regs[ECX] = CRYSTAL_HZ;
}

static void cpuid_frequency(const X86State *s, uint32_t regs[4])
{
    enum { BUS_MHZ = 100 };

    regs[EAX] = regs[EBX] = (uint32_t)(s->tsc_hz / 1000000);
    regs[ECX] = BUS_MHZ;
}

static void cpuid_basic(const X86State *s, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    const X86Model *m = s->model;

    switch (leaf) {
    case 0:
        regs[EAX] = topology().dies > 1 ? MAX(m->level, 0x1fu) : m->level;
        cpuid_vendor(m, regs);
        break;
    case 1:
        cpuid_features(s, regs);
        break;
    case 2:
        if (x86_is_amd(s))
            break;
        regs[EAX] = m->level >= 4 ? LEAF2_ONLY_LEAF4 : 1;
        regs[EDX] = m->level >= 4 ? 0 : LEAF2_LEGACY;
        break;
    case 4:
        if (!x86_is_amd(s))
            cpuid_cache(subleaf, true, regs);
        break;
    case 5:
        if (x86_has_feature(s, X86_FEATURE_MONITOR)) {
            regs[EAX] = regs[EBX] = LINE_BYTES;
            regs[ECX] = 3; /* extensions are enumerated; interrupts break with IF = 0 */
        }
        break;
    case 6:
        regs[EAX] = s->features[X86_WORD_6_EAX];
        break;
    case 7:
        cpuid_structured(s, subleaf, regs);
        break;
    case 0xb:
        cpuid_topology(s, subleaf, false, regs);
        break;
    case 0xd:
        x86_cpuid_xsave(s, subleaf, regs);
        break;
    case 0x15:
        cpuid_tsc(s, regs);
        break;
    case 0x16:
        cpuid_frequency(s, regs);
        break;
    case 0x1f:
        if (topology().dies > 1)
            cpuid_topology(s, subleaf, true, regs);
        break;
    default:
        break;
    }
}

/* ---- Hypervisor leaves ---- */

static void cpuid_hypervisor(const X86State *s, uint32_t leaf, uint32_t regs[4])
{
    if (leaf != LEAF_HYPERVISOR)
        return;
    regs[EAX] = LEAF_HYPERVISOR + 1;
    memcpy(&regs[EBX], "TCGT", 4);
    memcpy(&regs[ECX], "CGTC", 4);
    memcpy(&regs[EDX], "GTCG", 4);
}

/* ---- Extended leaves ---- */

static void cpuid_extended_features(const X86State *s, uint32_t regs[4])
{
    regs[EAX] = cpuid_signature(s->model);
    regs[ECX] = s->features[X86_WORD_81_ECX];
    regs[EDX] = s->features[X86_WORD_81_EDX];
    if (!x86_is_amd(s)) {
        /* Intel shows SYSCALL in 64-bit mode only. */
        if (!x86_code64(s))
            regs[EDX] &= ~(1u << (X86_FEATURE_SYSCALL & 31));
        return;
    }
    regs[EDX] |= s->features[X86_WORD_1_EDX] & DERIVED_EDX;
    if (topology_package_threads(topology()) > 1)
        regs[ECX] |= 1u << (X86_FEATURE_CMP_LEGACY & 31);
}

static void cpuid_brand(const X86Model *m, uint32_t part, uint32_t regs[4])
{
    char text[48] = { 0 };

    memcpy(text, m->model_id, strnlen(m->model_id, sizeof(text)));
    memcpy(regs, text + part * 16, 16);
}

/* AMD's way of telling caches and TLBs (80000005H, 80000006H), for the caches above. */
static void cpuid_amd_cache(uint32_t leaf, uint32_t regs[4])
{
    enum { TLB_L1 = 0x01ff01ff, L1_32K_8WAY = 32u << 24 | 8u << 16 | 1u << 8 | LINE_BYTES };
    enum { TLB_L2 = 0x42004200, L2_512K_16WAY = 512u << 16 | 8u << 12 | 1u << 8 | LINE_BYTES };
    enum { L3_16M_16WAY = 32u << 18 | 8u << 12 | 1u << 8 | LINE_BYTES };

    regs[EAX] = leaf & 1 ? TLB_L1 : 0;
    regs[EBX] = leaf & 1 ? TLB_L1 : TLB_L2;
    regs[ECX] = leaf & 1 ? L1_32K_8WAY : L2_512K_16WAY;
    regs[EDX] = leaf & 1 ? L1_32K_8WAY : L3_16M_16WAY;
}

static void cpuid_address_sizes(const X86State *s, uint32_t regs[4])
{
    Topology t = topology();

    regs[EAX] = s->model->phys_bits;
    if (x86_has_feature(s, X86_FEATURE_LM))
        regs[EAX] |= (x86_has_feature(s, X86_FEATURE_LA57) ? 57u : 48u) << 8;
    else
        regs[EAX] |= 32u << 8;
    regs[EBX] = s->features[X86_WORD_88_EBX];
    if (x86_is_amd(s) && topology_package_threads(t) > 1)
        regs[ECX] = (topology_package_threads(t) - 1) | topology_package_shift(t) << 12;
}

static void cpuid_amd_topology(const X86State *s, uint32_t regs[4])
{
    Topology t = topology();

    regs[EAX] = s->apic_id;
    regs[EBX] = (t.threads - 1) << 8 | (s->apic_id >> topology_core_shift(t) & 0xff);
    regs[ECX] = (t.dies - 1) << 8 | (s->apic_id >> topology_die_shift(t) & 0xff);
}

static void cpuid_extended(const X86State *s, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    const X86Model *m = s->model;

    switch (leaf & 0xffff) {
    case 0:
        regs[EAX] = m->xlevel;
        if (x86_is_amd(s))
            cpuid_vendor(m, regs);
        break;
    case 1:
        cpuid_extended_features(s, regs);
        break;
    case 2:
    case 3:
    case 4:
        cpuid_brand(m, (leaf & 7) - 2, regs);
        break;
    case 5:
        if (x86_is_amd(s))
            cpuid_amd_cache(leaf, regs);
        break;
    case 6:
        cpuid_amd_cache(leaf, regs);
        if (!x86_is_amd(s))
            regs[EAX] = regs[EBX] = regs[EDX] = 0;
        break;
    case 7:
        regs[EDX] = s->features[X86_WORD_87_EDX];
        break;
    case 8:
        cpuid_address_sizes(s, regs);
        break;
    case 0x1d:
        if (x86_has_feature(s, X86_FEATURE_TOPOEXT))
            cpuid_cache(subleaf, false, regs);
        break;
    case 0x1e:
        if (x86_has_feature(s, X86_FEATURE_TOPOEXT))
            cpuid_amd_topology(s, regs);
        break;
    default:
        break;
    }
}

/* Beyond the highest leaf Intel processors answer as for the highest basic one, AMD ones with 0. */
void x86_cpuid(TnCpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    const X86State *s = x86_state(cpu);
    const X86Model *m = s->model;
    uint32_t level = topology().dies > 1 ? MAX(m->level, 0x1fu) : m->level;

    memset(regs, 0, 4 * sizeof(regs[0]));
    if (leaf >> 16 == LEAF_HYPERVISOR >> 16 && m->hypervisor_leaf &&
        x86_has_feature(s, X86_FEATURE_HYPERVISOR)) {
        cpuid_hypervisor(s, leaf, regs);
        return;
    }
    if (leaf >> 31 && m->xlevel && leaf <= m->xlevel) {
        cpuid_extended(s, leaf, subleaf, regs);
        return;
    }
    if (leaf > level) {
        if (x86_is_amd(s))
            return;
        leaf = level;
    }
    cpuid_basic(s, leaf, subleaf, regs);
}

/* A local APIC that IA32_APIC_BASE disables is not shown (vol. 3A, 10.4.3). */
static bool cpuid_apic_enabled(TnCpu *cpu)
{
    enum { BASE_ENABLE = 1u << 11 };
    TnObject *object;
    const TnApicOps *apic = x86_apic(cpu, &object);

    if (!apic)
        return false;
    tn_device_lock();
    uint64_t base = apic->get_base(object);
    tn_device_unlock();
    return base & BASE_ENABLE;
}

void x86_helper_cpuid(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);
    uint32_t leaf = (uint32_t)s->regs[RAX];
    uint32_t regs[4];

    x86_cpuid(cpu, leaf, (uint32_t)s->regs[RCX], regs);
    if ((leaf == 1 || leaf == (uint32_t)LEAF_EXTENDED_FEATURES) && !cpuid_apic_enabled(cpu))
        regs[EDX] &= ~(1u << (X86_FEATURE_APIC & 31));
    x86_set_reg32(s, RAX, regs[EAX]);
    x86_set_reg32(s, RBX, regs[EBX]);
    x86_set_reg32(s, RCX, regs[ECX]);
    x86_set_reg32(s, RDX, regs[EDX]);
}
