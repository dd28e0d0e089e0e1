/* SPDX-License-Identifier: MIT */
/* The front end as the module's descriptor sees it. */
#ifndef TENON_X86_TRANSLATE_H
#define TENON_X86_TRANSLATE_H

#include "x86.h"

/* TnTargetOps.translate */
void x86_translate(TnCpu *cpu, TnIrBuilder *b, const TnBlockKey *key);
void x86_translation_identity(TnCpu *cpu, GByteArray *out);

#endif
