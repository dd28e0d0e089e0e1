/* SPDX-License-Identifier: MIT */
/*
 * CPU models, their CPUID features and the -cpu option.
 *
 * X86_FEATURE_<name> is word << 5 | bit; word 0 is unused, so that 0 means "no feature". The list
 * of features stands in features.def, with the mark of those that the translator implements.
 */
#ifndef TENON_X86_MODEL_H
#define TENON_X86_MODEL_H

#include <glib.h>

#include "x86.h"

typedef enum X86FeatureWord {
    X86_WORD_NONE,
    X86_WORD_1_EDX,
    X86_WORD_1_ECX,
    X86_WORD_81_EDX, /* 80000001H */
    X86_WORD_81_ECX,
    X86_WORD_7_EBX,
    X86_WORD_7_ECX,
    X86_WORD_7_EDX,
    X86_WORD_71_EAX, /* leaf 7, subleaf 1 */
    X86_WORD_D1_EAX, /* leaf 0DH, subleaf 1 */
    X86_WORD_87_EDX, /* 80000007H */
    X86_WORD_88_EBX, /* 80000008H */
    X86_WORD_6_EAX,
    X86_N_WORDS,
} X86FeatureWord;

_Static_assert((int)X86_N_WORDS <= (int)X86_N_FEATURE_WORDS,
               "the state has room for all feature words");

typedef enum X86Feature {
    X86_FEATURE_NONE = 0,
#define X86_FEATURE(name, string, word, bit, implemented) \
    X86_FEATURE_##name = X86_WORD_##word << 5 | (bit),
#include "features.def"
#undef X86_FEATURE
} X86Feature;

/* A row of the table of models: what a processor says of itself. */
typedef struct X86ModelInfo {
    const char *name;
    const char *alias;      /* versioned or older spelling, or NULL */
    const char *vendor;     /* 12 letters */
    const char *model_id;   /* brand string, at most 48 letters */
    uint16_t family, model, stepping;
    uint32_t level, xlevel; /* highest basic and extended leaf */
    const uint16_t *const *features; /* lists of X86Feature, each 0-terminated; NULL-terminated */
} X86ModelInfo;

/* A model as -cpu made it, one per vCPU. */
struct X86Model {
    const X86ModelInfo *info;
    char vendor[13];
    char model_id[49];
    uint32_t family, model, stepping;
    uint32_t level, xlevel;
    uint32_t phys_bits;
    uint64_t tsc_hz;
    uint32_t features[X86_N_FEATURE_WORDS];
    bool hypervisor_leaf;   /* property "tcg-cpuid": leaf 40000000H is there */
    uint32_t smbase;        /* out of reset */
    int64_t apic_id;        /* -1: from the index */
};

/* The table, ended by a NULL name (models.c). */
extern const X86ModelInfo x86_models[];

/* Parses the value of -cpu; NULL with an error. g_free. [main] */
X86Model *x86_model_new(const char *option, GError **error);

/* Takes long mode away, with what exists only in it: the i386 target. */
void x86_model_without_long_mode(X86Model *m);

/* The text of -cpu help. */
void x86_model_list(GString *out);

/* The text of -cpu MODEL[,...],help: each property and feature with the value that `option` gives
 * it on `target`; false with an error as x86_model_new. [main] */
bool x86_model_describe(const TnTargetInfo *target, const char *option, GString *out,
                        GError **error);

/* The effective feature bits: what the model has, with what control registers add (OSXSAVE). */
static inline bool x86_has_feature(const X86State *s, X86Feature feature)
{
    return s->features[feature >> 5] >> (feature & 31) & 1;
}

static inline bool x86_is_amd(const X86State *s)
{
    return s->model->vendor[0] == 'A';
}

/* Answers CPUID (SDM vol. 2A). regs: EAX EBX ECX EDX. */
void x86_cpuid(TnCpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);

/* The APIC ID of a vCPU by its index: threads, cores, dies, sockets packed in powers of two. */
uint32_t x86_apic_id(unsigned index);

#endif
