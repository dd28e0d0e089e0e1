/* SPDX-License-Identifier: MIT */
/*
 * Translations kept from run to run: -accel tcg,cache=DIR.
 *
 * What a vCPU translates is noted (journal.c): the mode, pc and bytes of code. When the machine goes
 * down each noted piece of code is compiled again, at several pcs and places, which shows what of the
 * result depends on them (bake.c, TnBackend.pack), and the results are added to a file of DIR
 * (save.c). Where a vCPU comes upon code that it has no block for, the file is looked at first
 * (lookup.c). Nothing is done while the machine runs but to look and to note.
 *
 * A file is for one build of core and target, one kind of host and one CPU model; its name is a
 * digest of these. It holds host code, so it is believed only where nobody but the user and root can
 * have written it (store.c).
 */
#ifndef TN_TRANSLATE_CACHE_H
#define TN_TRANSLATE_CACHE_H

#include "translate/cache/format.h"
#include "translate/translator.h"

enum {
    TN_CACHE_DEFAULT_MIB = 256,
    TN_CACHE_MIN_MIB = 1,
    TN_CACHE_MAX_MIB = 2048,
};

/* Where the file goes and how large it may become; before the first vCPU. [main] */
void tn_cache_configure(const char *dir, uint64_t max_bytes);

/* Opens the file for what this vCPU is, at its start: another vCPU must be like the first one to
 * share it. Warns and goes on without where that is not possible. [main] */
void tn_cache_start(TnCpu *cpu);

/* Whether this vCPU's translations are kept. */
bool tn_cache_is_on(const TnCpu *cpu);

/* A block for the vCPU's key from the file, in place like one freshly made; `host` is where its code
 * is. NULL where there is none. Unwinds as a fetch does. [vcpu] */
TnBlock *tn_cache_get(TnCpu *cpu, const TnBlockKey *key, const uint8_t *host);

/* A block was translated. [vcpu, translator's lock] */
void tn_cache_note(TnCpu *cpu, const TnBlock *block);

/* Adds what was noted to the file. No vCPU will run any more: all blocks are thrown away. [main] */
void tn_cache_save(void);

void tn_cache_text(GString *out);

#endif
