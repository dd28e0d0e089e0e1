/* SPDX-License-Identifier: MIT */
/* CPUID features that forms ask for, as a bit mask in the order of FEATURES in forms/form.py. */
#include "suite.h"

#include <cpuid.h>

enum { LEAF1_ECX, LEAF1_EDX, LEAF7_EBX, LEAF7_ECX, EXT1_ECX, EXT1_EDX, WORDS };

static const struct {
    uint8_t word;
    uint8_t bit;
} table[] = {
    { LEAF1_EDX, 15 }, /* cmov */
    { LEAF1_EDX, 8 },  /* cx8 */
    { LEAF1_EDX, 23 }, /* mmx */
    { LEAF1_EDX, 25 }, /* sse */
    { LEAF1_EDX, 26 }, /* sse2 */
    { LEAF1_ECX, 0 },  /* sse3 */
    { LEAF1_ECX, 9 },  /* ssse3 */
    { LEAF1_ECX, 19 }, /* sse4_1 */
    { LEAF1_ECX, 20 }, /* sse4_2 */
    { LEAF1_ECX, 28 }, /* avx */
    { LEAF7_EBX, 5 },  /* avx2 */
    { LEAF1_ECX, 12 }, /* fma */
    { LEAF1_ECX, 29 }, /* f16c */
    { LEAF1_ECX, 25 }, /* aes */
    { LEAF1_ECX, 1 },  /* pclmul */
    { LEAF7_EBX, 29 }, /* sha */
    { LEAF1_ECX, 22 }, /* movbe */
    { LEAF1_ECX, 23 }, /* popcnt */
    { EXT1_ECX, 5 },   /* lzcnt */
    { LEAF7_EBX, 3 },  /* bmi1 */
    { LEAF7_EBX, 8 },  /* bmi2 */
    { LEAF7_EBX, 19 }, /* adx */
    { LEAF1_ECX, 13 }, /* cx16 */
    { EXT1_ECX, 0 },   /* lahf in 64-bit mode */
    { LEAF7_EBX, 0 },  /* fsgsbase */
    { LEAF7_ECX, 9 },  /* vaes */
    { LEAF7_ECX, 10 }, /* vpclmul */
    { EXT1_EDX, 27 },  /* rdtscp */
};

static bool system_saves_avx(const uint32_t *words)
{
    uint32_t low, high;

    if (!(words[LEAF1_ECX] & 1u << 27)) {
        return false;
    }
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6;
}

uint32_t host_features(void)
{
    uint32_t words[WORDS] = { 0 };
    uint32_t unused, mask = 0;

    __get_cpuid(1, &unused, &unused, &words[LEAF1_ECX], &words[LEAF1_EDX]);
    __get_cpuid_count(7, 0, &unused, &words[LEAF7_EBX], &words[LEAF7_ECX], &unused);
    __get_cpuid(0x80000001, &unused, &unused, &words[EXT1_ECX], &words[EXT1_EDX]);
    if (!system_saves_avx(words)) {
        words[LEAF1_ECX] &= ~(1u << 28 | 1u << 12 | 1u << 29);
        words[LEAF7_EBX] &= ~(1u << 5);
        words[LEAF7_ECX] &= ~(1u << 9 | 1u << 10);
    }
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        mask |= (words[table[i].word] >> table[i].bit & 1) << i;
    }
    return mask;
}
