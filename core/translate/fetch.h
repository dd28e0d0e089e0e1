/* SPDX-License-Identifier: MIT */
/* The pages that a translation in progress reads. */
#ifndef TN_TRANSLATE_FETCH_H
#define TN_TRANSLATE_FETCH_H

#include "cpu/cpu-private.h"

/* Makes page n (0 or 1) of the translation the one of a linear address; may unwind. [vcpu] */
void tn_fetch_page(TnCpu *cpu, unsigned n, uint64_t linear);

/* The code that the translation reads from now on: n bytes, which were read before, at the key's pc. It
 * is TnTranslation.recorded. [vcpu] */
void tn_fetch_recorded(TnCpu *cpu, const TnBlockKey *key, const uint8_t *bytes, unsigned n);

#endif
