/* SPDX-License-Identifier: MIT */
/* The pages that a translation in progress reads. */
#ifndef TN_TRANSLATE_FETCH_H
#define TN_TRANSLATE_FETCH_H

#include "cpu/cpu-private.h"

/* Makes page n (0 or 1) of the translation the one of a linear address; may unwind. [vcpu] */
void tn_fetch_page(TnCpu *cpu, unsigned n, uint64_t linear);

/* Hands recorded code (TnTranslation.recorded) to the front end. [vcpu] */
void tn_fetch_recorded(TnCpu *cpu, TnIrBuilder *b);

#endif
