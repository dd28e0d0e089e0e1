/* SPDX-License-Identifier: MIT */
/*
 * The table of CPU models: what each processor says of itself by CPUID.
 *
 * Signatures and features are the processors' documented ones (Intel and AMD specification updates
 * and CPUID documents), trimmed as virtual machines commonly show them: no power management and no
 * performance counters. SVM is not emulated and therefore not in the AMD models that had it.
 */
#include "model.h"

#define F(name) X86_FEATURE_##name

/* ---- Lists of features, each of what a generation brought ---- */

static const uint16_t f_486[] = { F(FPU), F(VME), F(PSE), 0 };
static const uint16_t f_pentium[] = { F(DE), F(TSC), F(MSR), F(MCE), F(CX8), F(APIC), F(MMX), 0 };
static const uint16_t f_pentium2[] = { F(PAE), F(SEP), F(MTRR), F(PGE), F(MCA), F(CMOV), F(PAT),
                                       F(PSE36), F(FXSR), 0 };
static const uint16_t f_sse[] = { F(SSE), 0 };

/* The Pentium Pro class with SSE2 that plain virtual processors start from. */
static const uint16_t f_ppro[] = { F(FPU), F(DE), F(PSE), F(TSC), F(MSR), F(MCE), F(CX8), F(PGE),
                                   F(CMOV), F(PAT), F(FXSR), F(MMX), F(SSE), F(SSE2), F(PAE),
                                   F(SEP), F(APIC), 0 };
static const uint16_t f_pc[] = { F(MTRR), F(CLFLUSH), F(MCA), F(PSE36), 0 };
static const uint16_t f_vme[] = { F(VME), 0 };
static const uint16_t f_ss[] = { F(SS), 0 };
static const uint16_t f_sse3[] = { F(SSE3), 0 };
static const uint16_t f_cx16[] = { F(CX16), 0 };
static const uint16_t f_monitor[] = { F(MONITOR), 0 };
static const uint16_t f_nx[] = { F(NX), 0 };
static const uint16_t f_lm[] = { F(LM), F(SYSCALL), F(NX), 0 };
static const uint16_t f_lahf[] = { F(LAHF_LM), 0 };
static const uint16_t f_ssse3[] = { F(SSSE3), 0 };
static const uint16_t f_movbe[] = { F(MOVBE), 0 };

/* Intel by generation */
static const uint16_t f_penryn[] = { F(SSE4_1), F(CX16), 0 };
static const uint16_t f_nehalem[] = { F(SSE4_2), F(POPCNT), 0 };
static const uint16_t f_westmere[] = { F(AES), F(PCLMULQDQ), F(ARAT), 0 };
static const uint16_t f_sandybridge[] = { F(AVX), F(XSAVE), F(XSAVEOPT), F(TSC_DEADLINE), F(X2APIC),
                                          F(RDTSCP), 0 };
static const uint16_t f_ivybridge[] = { F(F16C), F(RDRAND), F(FSGSBASE), F(SMEP), F(ERMS), F(VME),
                                        0 };
static const uint16_t f_haswell[] = { F(FMA), F(MOVBE), F(PCID), F(ABM), F(BMI1), F(AVX2), F(BMI2),
                                      F(INVPCID), 0 };
static const uint16_t f_tsx[] = { F(HLE), F(RTM), 0 };
static const uint16_t f_broadwell[] = { F(3DNOWPREFETCH), F(RDSEED), F(ADX), F(SMAP), 0 };
static const uint16_t f_skylake[] = { F(XSAVEC), F(XGETBV1), 0 };
static const uint16_t f_skylake_server[] = { F(PDPE1GB), F(CLFLUSHOPT), F(CLWB), F(AVX512F),
                                             F(AVX512DQ), F(AVX512BW), F(AVX512CD), F(AVX512VL),
                                             F(PKU), 0 };

/* AMD by generation */
static const uint16_t f_3dnow[] = { F(MMXEXT), F(3DNOW), F(3DNOWEXT), 0 };
static const uint16_t f_phenom[] = { F(FFXSR), F(PDPE1GB), F(RDTSCP), F(ABM), F(SSE4A), F(POPCNT),
                                     0 };
static const uint16_t f_opteron3[] = { F(POPCNT), F(RDTSCP), F(ABM), F(SSE4A), F(MISALIGNSSE),
                                       F(MONITOR), 0 };
static const uint16_t f_opteron4[] = { F(AVX), F(XSAVE), F(AES), F(SSE4_1), F(SSE4_2), F(SSSE3),
                                       F(PCLMULQDQ), F(PDPE1GB), F(3DNOWPREFETCH), F(FMA4), F(XOP),
                                       0 };
static const uint16_t f_opteron5[] = { F(F16C), F(FMA), F(TBM), 0 };
static const uint16_t f_epyc[] = {
    F(VME), F(CX16), F(MONITOR), F(SSE4_1), F(SSE4_2), F(SSSE3), F(POPCNT), F(AES), F(PCLMULQDQ),
    F(MOVBE), F(XSAVE), F(AVX), F(F16C), F(FMA), F(RDRAND), F(RDTSCP), F(PDPE1GB), F(FFXSR),
    F(MMXEXT), F(CR8LEGACY), F(ABM), F(SSE4A), F(MISALIGNSSE), F(3DNOWPREFETCH), F(OSVW),
    F(TOPOEXT), F(FSGSBASE), F(BMI1), F(AVX2), F(SMEP), F(BMI2), F(RDSEED), F(ADX), F(SMAP),
    F(CLFLUSHOPT), F(SHA), F(XSAVEOPT), F(XSAVEC), F(XGETBV1), F(ARAT), 0 };
static const uint16_t f_rome[] = { F(CLZERO), F(XSAVEERPTR), F(WBNOINVD), F(IBPB), F(AMD_STIBP),
                                   F(CLWB), F(RDPID), F(UMIP), F(PERFCTR_CORE), F(XSAVES), 0 };

/* Everything that the translator implements: filled by model.c, marked by this empty list. */
const uint16_t x86_features_all[] = { 0 };

#define LISTS(...) (const uint16_t *const[]){ __VA_ARGS__, NULL }

#define CONROE f_ppro, f_pc, f_sse3, f_ssse3, f_lm, f_lahf
#define NEHALEM CONROE, f_penryn, f_nehalem
#define SANDYBRIDGE NEHALEM, f_westmere, f_sandybridge
#define HASWELL SANDYBRIDGE, f_ivybridge, f_haswell
#define BROADWELL HASWELL, f_broadwell
#define OPTERON1 f_ppro, f_pc, f_sse3, f_lm
#define OPTERON3 OPTERON1, f_cx16, f_lahf, f_opteron3

#define INTEL "GenuineIntel"
#define AMD "AuthenticAMD"
#define VIRTUAL "QEMU Virtual CPU version 2.5+"

/* name, alias, vendor, model id, family, model, stepping, level, xlevel, features */
const X86ModelInfo x86_models[] = {
    { "486", "486-v1", INTEL, "", 4, 8, 0, 1, 0, LISTS(f_486) },
    { "pentium", "pentium-v1", INTEL, "", 5, 4, 3, 1, 0, LISTS(f_486, f_pentium) },
    { "pentium2", "pentium2-v1", INTEL, "", 6, 5, 2, 2, 0, LISTS(f_486, f_pentium, f_pentium2) },
    { "pentium3", "pentium3-v1", INTEL, "", 6, 7, 3, 3, 0,
      LISTS(f_486, f_pentium, f_pentium2, f_sse) },
    { "coreduo", "coreduo-v1", INTEL, "Genuine Intel(R) CPU           T2600  @ 2.16GHz", 6, 14, 8,
      10, 0x80000008, LISTS(f_ppro, f_pc, f_vme, f_ss, f_sse3, f_monitor, f_nx) },
    { "core2duo", "core2duo-v1", INTEL, "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz", 6, 15,
      11, 10, 0x80000008, LISTS(CONROE, f_vme, f_ss, f_cx16, f_monitor) },
    { "n270", "n270-v1", INTEL, "Intel(R) Atom(TM) CPU N270   @ 1.60GHz", 6, 28, 2, 10, 0x80000008,
      LISTS(f_ppro, f_pc, f_vme, f_ss, f_sse3, f_ssse3, f_monitor, f_movbe, f_nx, f_lahf) },
    { "qemu32", "qemu32-v1", INTEL, VIRTUAL, 6, 6, 3, 4, 0x80000004, LISTS(f_ppro, f_sse3) },
    { "qemu64", "qemu64-v1", AMD, VIRTUAL, 15, 107, 1, 0xd, 0x80000008,
      LISTS(f_ppro, f_pc, f_sse3, f_cx16, f_lm, f_lahf) },
    { "kvm32", "kvm32-v1", INTEL, "Common 32-bit KVM processor", 15, 6, 1, 5, 0x80000008,
      LISTS(f_ppro, f_pc, f_vme, f_sse3) },
    { "kvm64", "kvm64-v1", INTEL, "Common KVM processor", 15, 6, 1, 0xd, 0x80000008,
      LISTS(f_ppro, f_pc, f_vme, f_sse3, f_cx16, f_lm) },
    { "athlon", "athlon-v1", AMD, VIRTUAL, 6, 2, 3, 2, 0x80000008,
      LISTS(f_ppro, f_vme, f_pc, f_3dnow) },
    { "phenom", "phenom-v1", AMD, "AMD Phenom(tm) 9550 Quad-Core Processor", 16, 2, 3, 5,
      0x8000001a, LISTS(OPTERON1, f_vme, f_cx16, f_lahf, f_3dnow, f_phenom, f_monitor) },
    { "Conroe", "Conroe-v1", INTEL, "Intel Celeron_4x0 (Conroe/Merom Class Core 2)", 6, 15, 3, 10,
      0x80000008, LISTS(CONROE) },
    { "Penryn", "Penryn-v1", INTEL, "Intel Core 2 Duo P9xxx (Penryn Class Core 2)", 6, 23, 3, 10,
      0x80000008, LISTS(CONROE, f_penryn) },
    { "Nehalem", "Nehalem-v1", INTEL, "Intel Core i7 9xx (Nehalem Class Core i7)", 6, 26, 3, 11,
      0x80000008, LISTS(NEHALEM) },
    { "Westmere", "Westmere-v1", INTEL, "Westmere E56xx/L56xx/X56xx (Nehalem-C)", 6, 44, 1, 11,
      0x80000008, LISTS(NEHALEM, f_westmere) },
    { "SandyBridge", "SandyBridge-v1", INTEL, "Intel Xeon E312xx (Sandy Bridge)", 6, 42, 1, 0xd,
      0x80000008, LISTS(SANDYBRIDGE) },
    { "IvyBridge", "IvyBridge-v1", INTEL, "Intel Xeon E3-12xx v2 (Ivy Bridge)", 6, 58, 9, 0xd,
      0x80000008, LISTS(SANDYBRIDGE, f_ivybridge) },
    { "Haswell", "Haswell-v1", INTEL, "Intel Core Processor (Haswell)", 6, 60, 4, 0xd, 0x80000008,
      LISTS(HASWELL, f_tsx) },
    { "Haswell-noTSX", "Haswell-v2", INTEL, "Intel Core Processor (Haswell, no TSX)", 6, 60, 1, 0xd,
      0x80000008, LISTS(HASWELL) },
    { "Broadwell", "Broadwell-v1", INTEL, "Intel Core Processor (Broadwell)", 6, 61, 2, 0xd,
      0x80000008, LISTS(BROADWELL, f_tsx) },
    { "Broadwell-noTSX", "Broadwell-v2", INTEL, "Intel Core Processor (Broadwell, no TSX)", 6, 61, 2,
      0xd, 0x80000008, LISTS(BROADWELL) },
    { "Skylake-Client", "Skylake-Client-v1", INTEL, "Intel Core Processor (Skylake)", 6, 94, 3, 0xd,
      0x80000008, LISTS(BROADWELL, f_tsx, f_skylake) },
    { "Skylake-Client-noTSX-IBRS", "Skylake-Client-v3", INTEL,
      "Intel Core Processor (Skylake, IBRS, no TSX)", 6, 94, 3, 0xd, 0x80000008,
      LISTS(BROADWELL, f_skylake) },
    { "Skylake-Server", "Skylake-Server-v1", INTEL, "Intel Xeon Processor (Skylake)", 6, 85, 4, 0xd,
      0x80000008, LISTS(BROADWELL, f_tsx, f_skylake, f_skylake_server) },
    { "Opteron_G1", "Opteron_G1-v1", AMD, "AMD Opteron 240 (Gen 1 Class Opteron)", 15, 6, 1, 5,
      0x80000008, LISTS(OPTERON1) },
    { "Opteron_G2", "Opteron_G2-v1", AMD, "AMD Opteron 22xx (Gen 2 Class Opteron)", 15, 6, 1, 5,
      0x80000008, LISTS(OPTERON1, f_cx16, f_lahf) },
    { "Opteron_G3", "Opteron_G3-v1", AMD, "AMD Opteron 23xx (Gen 3 Class Opteron)", 16, 2, 3, 5,
      0x80000008, LISTS(OPTERON3) },
    { "Opteron_G4", "Opteron_G4-v1", AMD, "AMD Opteron 62xx class CPU", 21, 1, 2, 0xd, 0x8000001a,
      LISTS(OPTERON3, f_opteron4) },
    { "Opteron_G5", "Opteron_G5-v1", AMD, "AMD Opteron 63xx class CPU", 21, 2, 0, 0xd, 0x8000001a,
      LISTS(OPTERON3, f_opteron4, f_opteron5) },
    { "EPYC", "EPYC-v1", AMD, "AMD EPYC Processor", 23, 1, 2, 0xd, 0x8000001e,
      LISTS(OPTERON1, f_lahf, f_epyc) },
    { "EPYC-Rome", "EPYC-Rome-v1", AMD, "AMD EPYC-Rome Processor", 23, 49, 0, 0xd, 0x8000001e,
      LISTS(OPTERON1, f_lahf, f_epyc, f_rome) },
    { "base", NULL, INTEL, "", 0, 0, 0, 0, 0, LISTS((const uint16_t[]){ 0 }) },
    { "max", NULL, AMD, "Tenon Virtual CPU", 15, 107, 1, 0xd, 0x80000008, LISTS(x86_features_all) },
    { 0 },
};
