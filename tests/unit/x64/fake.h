/* SPDX-License-Identifier: MIT */
/*
 * A target that exists only to test back ends: registers of all kinds, helpers with every
 * combination of declarations, host forms with fallbacks, and a flat memory behind the soft MMU's
 * slow path of which some pages fault.
 */
#ifndef TN_TEST_X64_FAKE_H
#define TN_TEST_X64_FAKE_H

#include "translate/backend.h"

enum {
    FAKE_GPRS = 16,
    FAKE_FLAGS = FAKE_GPRS, /* 32 bits, not pinned */
    FAKE_N_REGS,
    FAKE_ENV_BYTES = 64,
    FAKE_VECTORS = 6,
    FAKE_PAGES = 8,
    FAKE_BASE_PAGE = 0x40, /* the first page's number */
};

typedef struct FakeState {
    uint64_t regs[FAKE_GPRS];
    uint32_t flags;
    uint32_t guard;
    uint64_t pc;
    uint32_t mxcsr;
    uint8_t env[FAKE_ENV_BYTES];
    uint8_t vec[FAKE_VECTORS][32] __attribute__((aligned(32)));
} FakeState;

/* What a page does: the fast path, the slow one, or a fault. */
typedef enum FakePage { PAGE_FAST, PAGE_READ_ONLY_FAST, PAGE_SLOW, PAGE_FAULT } FakePage;

enum {
    HELPER_NONE, HELPER_PURE, HELPER_PLAIN, HELPER_READS, HELPER_WRITES, HELPER_FAULTS, HELPER_PURE32,
    HELPER_FB_FIRST,
};

typedef struct FakeForm {
    TnHostForm form;
    TnIrType type;          /* of dst */
    TnIrType a, b, c;       /* of operands; TN_I8: absent */
    void (*fallback)(TnCpu *cpu, void *dst, const void *a, const void *b, const void *c,
                     uint32_t imm8);
} FakeForm;

extern const FakeForm fake_forms[];
extern const unsigned fake_n_forms;

extern const TnTargetInfo fake_target;

TnCpu *fake_cpu_new(void);
void fake_cpu_free(TnCpu *cpu);
/* The same state, memory and TLB in both from a seed. */
void fake_cpu_fill(TnCpu *cpu, GRand *rand);
void fake_cpu_copy(TnCpu *to, const TnCpu *from);
uint8_t *fake_memory(const TnCpu *cpu);
/* A hash of the slow path's calls so far. */
uint64_t fake_log(const TnCpu *cpu);

/* Empties the soft TLB, which what allows a group fills again. */
void fake_empty_tlb(TnCpu *cpu);

/* The block that was left in the middle last. */
const TnBlock *fake_left(void);

/* How often a block was to be made anew. */
extern unsigned fake_remade;
extern TnBlockForm fake_remade_form; /* the last one */

/* What tn_cpu_next_code knows, and gives where nothing is requested. */
extern TnJumpEntry fake_next;

static inline FakeState *fake_state(TnCpu *cpu)
{
    return tn_cpu_state(cpu);
}

#endif
