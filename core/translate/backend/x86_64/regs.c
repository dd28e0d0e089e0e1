/* SPDX-License-Identifier: MIT */
/* Which declared guest registers live in host registers, and what the host offers. */
#include <cpuid.h>
#include <sys/auxv.h>

#include "compile.h"

enum { HWCAP2_FSGSBASE = 1 << 1 }; /* Linux: the kernel lets programs use WRGSBASE */

X64Plan x64_plan;
X64Host x64_host;

/* In the order in which they are given away: callee-saved ones survive helper calls. */
static const int8_t pin_order[X64_MAX_PINS] = {
    X64_RBX, X64_R12, X64_R13, X64_R14, X64_R15, X64_RSI, X64_RDI, X64_R8, X64_R9,
};

/* The most urgent register not pinned yet; only those as wide as a host register. */
static int most_urgent(const TnTargetInfo *target)
{
    int best = -1;

    for (uint32_t i = 0; i < MIN(target->n_regs, (uint32_t)X64_MAX_REGS); i++) {
        if (target->regs[i].type != TN_I64 || !target->regs[i].pin || x64_plan.pin[i] != X64_NONE)
            continue;
        if (best < 0 || target->regs[i].pin > target->regs[best].pin)
            best = (int)i;
    }
    return best;
}

static int most_urgent_vector(const TnTargetInfo *target)
{
    int best = -1;

    for (uint32_t i = 0; i < MIN(target->n_regs, (uint32_t)X64_MAX_REGS); i++) {
        const TnRegInfo *r = &target->regs[i];

        if (r->type == TN_V256 && r->pin && x64_plan.vpin[i] == X64_NONE &&
            (best < 0 || r->pin > target->regs[best].pin))
            best = (int)i;
    }
    return best;
}

static void pin_vectors(const TnTargetInfo *target)
{
    for (int n = 0; n < X64_MAX_VPINS; n++) {
        int declared = most_urgent_vector(target), reg = X64_FIRST_VPIN + n;

        if (declared < 0)
            break;
        x64_plan.vpin[declared] = (int8_t)reg;
        x64_plan.vpinned[reg] = (int16_t)declared;
        x64_plan.vpin_mask |= 1u << reg;
        x64_plan.place[declared] = 1u << (X64_FIRST_XMM + reg);
    }
}

static int first_narrow(const TnTargetInfo *target)
{
    for (uint32_t i = 0; i < target->n_regs; i++)
        if (target->regs[i].type == TN_I32)
            return (int)i;
    return -1;
}

void x64_plan_init(const TnTargetInfo *target)
{
    x64_plan = (X64Plan){ .target = target, .flags_reg = -1 };
    for (int i = 0; i < X64_MAX_REGS; i++)
        x64_plan.pin[i] = x64_plan.vpin[i] = X64_NONE;
    for (int i = 0; i < 16; i++)
        x64_plan.pinned[i] = x64_plan.vpinned[i] = -1;
    x64_plan.flags_reg = first_narrow(target);
    for (uint32_t i = 0; i < target->n_regs; i++) {
        x64_plan.type[i] = (uint8_t)target->regs[i].type;
        x64_plan.home[i] = x64_state_ofs(target->regs[i].offset);
    }
    for (int n = 0; n < X64_MAX_PINS; n++) {
        int declared = most_urgent(target);

        if (declared < 0)
            break;
        x64_plan.pin[declared] = pin_order[n];
        x64_plan.pinned[pin_order[n]] = (int16_t)declared;
        x64_plan.pin_mask |= 1u << pin_order[n];
        x64_plan.place[declared] = 1u << pin_order[n];
        x64_plan.pinnable |= UINT64_C(1) << declared;
        x64_plan.n_pins++;
    }
    if (x64_opt & TN_OPT_VECTOR_PINS)
        pin_vectors(target);
}

/* XCR0: the operating system keeps XMM and YMM state (SDM vol. 1, 13.3). */
static bool os_keeps_ymm(void)
{
    uint32_t lo, hi;

    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (lo & 6) == 6;
}

static void host_leaf1(X64Host *h)
{
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d))
        return;
    h->sse3 = c & bit_SSE3;
    h->ssse3 = c & bit_SSSE3;
    h->sse41 = c & bit_SSE4_1;
    h->sse42 = c & bit_SSE4_2;
    h->aes = c & bit_AES;
    h->pclmul = c & bit_PCLMUL;
    h->popcnt = c & bit_POPCNT;
    h->movbe = c & bit_MOVBE;
    h->avx = (c & bit_AVX) && (c & bit_OSXSAVE) && os_keeps_ymm();
    h->fma = h->avx && (c & bit_FMA);
    h->f16c = h->avx && (c & bit_F16C);
}

static void host_leaf7(X64Host *h)
{
    unsigned a, b, c, d;

    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return;
    h->bmi1 = b & bit_BMI;
    h->bmi2 = b & bit_BMI2;
    h->avx2 = h->avx && (b & bit_AVX2);
    h->sha = b & bit_SHA;
    h->gfni = c & bit_GFNI;
    h->vaes = h->avx && (c & bit_VAES);
    h->vpclmul = h->avx && (c & bit_VPCLMULQDQ);
}

/* Some have PEXT in microcode: AMD's before family 19h (AMD, Software Optimization Guides). */
static bool has_quick_pext(const X64Host *h)
{
    enum { BASE_SHIFT = 8, BASE = 0xf, EXTENDED_SHIFT = 20, EXTENDED = 0xff, QUICK = 0x19,
           HYGON = 0x6f677948 }; /* "Hygo", who have AMD's of family 18h */
    unsigned a, b, c, d, family;

    if (!h->bmi2 || !__get_cpuid(0, &a, &b, &c, &d))
        return false;
    if (b != signature_AMD_ebx && b != HYGON)
        return true;
    __get_cpuid(1, &a, &b, &c, &d);
    family = (a >> BASE_SHIFT & BASE) + (a >> EXTENDED_SHIFT & EXTENDED);
    return family >= QUICK;
}

void x64_host_init(void)
{
    unsigned a, b, c, d;

    x64_host = (X64Host){ 0 };
    host_leaf1(&x64_host);
    host_leaf7(&x64_host);
    x64_host.pext = has_quick_pext(&x64_host);
    x64_host.fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        x64_host.lzcnt = c & bit_LZCNT;
}
