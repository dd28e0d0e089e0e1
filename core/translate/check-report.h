/* SPDX-License-Identifier: MIT */
/* What the checking mode tells of a difference. */
#ifndef TN_TRANSLATE_CHECK_REPORT_H
#define TN_TRANSLATE_CHECK_REPORT_H

#include "translate/backend.h"

/* One store of the interpreter's run: its bytes stand at `at` in the old and new ones. */
typedef struct TnCheckStore {
    uint8_t *host;
    unsigned size, at;
} TnCheckStore;

/* Pairs are of the interpreter and of the host code; the host code's state is the vCPU's. */
typedef struct TnCheckDifference {
    TnCpu *cpu;
    const TnBlock *block;
    const uint8_t *before, *wanted; /* states */
    const GArray *stores;           /* of TnCheckStore */
    const uint8_t *new;             /* what the stores should leave */
    int unwound[2];
    uint64_t fault_pc[2];
} TnCheckDifference;

/* Writes it to the user. [vcpu] */
void tn_check_report(const TnCheckDifference *d);

#endif
