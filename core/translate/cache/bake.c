/* SPDX-License-Identifier: MIT */
/*
 * From the notes of what was translated to entries of the file.
 *
 * Each piece of code is compiled at its own pc and at two others, and what the back end makes of the
 * three (TnBackend.pack) is good at any pc of the zone. Where that does not come out it is compiled
 * at its own pc only, at several places: the entry is for that pc then.
 */
#include <string.h>
#include <time.h>

#include "cpu/cpu-private.h"
#include "translate/cache/internal.h"

enum {
    N_VERSIONS = 3,
    N_TIED = 2,
    MAX_FIELDS = 48,
    FIELD_SIZE = 4,
    NANOSECONDS = 1000000000, /* of a second */
};

/* Distances of the other pcs, such that every byte of a pc changes that may. */
static const uint64_t near_moves[N_VERSIONS] = { 0, 0x00f35000, 0x01a7b000 };
static const uint64_t far_moves[N_VERSIONS] = { 0, UINT64_C(0x13579b35000),
                                                UINT64_C(0x0a6c4e7b000) };

typedef struct Baker {
    TnCpu *cpu;
    GPtrArray *entries;
    GByteArray *packed;
    TnBlock *versions; /* N_VERSIONS of them */
    /* Of the note at hand: */
    const TnCacheNote *note;
    uint8_t bytes[TN_CACHE_PAGE];
    TnCacheField fields[MAX_FIELDS];
    unsigned n_fields;
} Baker;

/* ---- Compiling --------------------------------------------------------------------------- */

static uint32_t load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static void release(TnBlock *block)
{
    if (block->code)
        tn_translator.backend->release(block);
    g_clear_pointer(&block->exits, g_free);
    block->code = NULL;
}

static void shift_fields(Baker *k, uint64_t by)
{
    memcpy(k->bytes, k->note + 1, k->note->n_bytes);
    for (unsigned i = 0; i < k->n_fields; i++) {
        uint8_t *at = &k->bytes[k->fields[i].at];
        uint32_t v = load32(at) + (k->fields[i].sign < 0 ? -(uint32_t)by : (uint32_t)by);

        memcpy(at, &v, sizeof(v));
    }
}

static bool compile(Baker *k, uint64_t pc, TnBlock *block)
{
    const TnIrBuilder *b = &k->cpu->priv->builder;
    const TnCacheNote *note = k->note;
    TnBlockKey key = note->key;

    key.pc = pc;
    shift_fields(k, pc - note->key.pc);
    if (!tn_translate_recorded(k->cpu, &key, k->bytes, note->n_bytes) ||
        b->n_insns != note->n_insns)
        return false;
    *block = (TnBlock){ .key = key, .mode_id = 1, .n_insns = b->n_insns, .size = note->n_bytes,
                        .phys = { 0, UINT64_MAX } };
    return tn_translator.backend->compile(block, b->ops, b->n_ops, b->n_temps);
}

/* The pc's i-th version: away from the end of the zone that it is nearer to. */
static uint64_t version_of(uint64_t pc, unsigned i)
{
    int64_t s = (int64_t)pc;

    if (s == (int32_t)s)
        return (pc >> 30 & 1) ? pc - near_moves[i] : pc + near_moves[i];
    return (pc >> 46 & 1) ? pc - far_moves[i] : pc + far_moves[i];
}

static bool pack(Baker *k, bool moves, unsigned want)
{
    TnBlock *all[N_VERSIONS];
    unsigned n = 0;
    bool done = true;

    g_byte_array_set_size(k->packed, 0);
    tn_translator.backend->flush();
    for (; done && n < want; n++) {
        uint64_t pc = moves ? version_of(k->note->key.pc, n) : k->note->key.pc;

        all[n] = &k->versions[n];
        *all[n] = (TnBlock){ .code = NULL };
        done = compile(k, pc, all[n]);
    }
    done = done && tn_translator.backend->pack(all, n, k->packed);
    while (n-- > 0)
        release(all[n]);
    return done;
}

/* ---- Entries ----------------------------------------------------------------------------- */

static void add_entry(Baker *k, bool moves)
{
    const TnCacheNote *note = k->note;
    uint32_t code = (note->n_bytes + 7u) & ~7u, kept = (k->packed->len + 7u) & ~7u;
    TnCacheEntry *e = g_malloc0(sizeof(*e) + code + sizeof(k->fields) + kept);

    e->mode = tn_cache_mode(&note->key, note->state);
    e->pc = note->key.pc;
    e->n_bytes = note->n_bytes;
    e->n_insns = note->n_insns;
    e->moves = moves;
    e->n_fields = (uint8_t)k->n_fields;
    e->kept_size = k->packed->len;
    memcpy(tn_cache_entry_bytes(e), note + 1, note->n_bytes);
    memcpy(tn_cache_entry_fields(e), k->fields, k->n_fields * sizeof(k->fields[0]));
    memcpy(tn_cache_entry_kept(e), k->packed->data, k->packed->len);
    tn_cache_entry_seal(e);
    if (e->size > TN_CACHE_MAX_ENTRY) {
        g_free(e);
        return;
    }
    g_ptr_array_add(k->entries, e);
    tn_cache.stats.kept++;
}

/* ---- Fields ------------------------------------------------------------------------------ */

/* Where the code may hold an address near the code, or the distance to one near 0 (what each
 * processor of a kernel has of its own). */
static unsigned list_fields(const TnCacheNote *note, TnCacheField *to)
{
    const uint8_t *bytes = (const uint8_t *)(note + 1);
    unsigned n = 0;

    for (unsigned at = 0; at + FIELD_SIZE <= note->n_bytes && n < MAX_FIELDS; at++) {
        uint32_t v = load32(bytes + at), pc = (uint32_t)note->key.pc + at;
        bool near = v - pc + TN_CACHE_NEAR < 2u * TN_CACHE_NEAR;

        if (near || v + pc + TN_CACHE_NEAR_ZERO < 2u * TN_CACHE_NEAR_ZERO)
            to[n++] = (TnCacheField){ .at = (uint16_t)at, .sign = near ? 1 : -1 };
    }
    return n;
}

/* Puts a field among the others, in order; false where it overlaps one. */
static bool put_field(TnCacheField *to, unsigned *n, TnCacheField f)
{
    unsigned i = *n;

    while (i > 0 && to[i - 1].at > f.at)
        i--;
    if ((i < *n && f.at + FIELD_SIZE > to[i].at) || (i > 0 && to[i - 1].at + FIELD_SIZE > f.at))
        return false;
    memmove(&to[i + 1], &to[i], (*n - i) * sizeof(*to));
    to[i] = f;
    ++*n;
    return true;
}

/*
 * Whether bytes are numbers of their own shows when they are changed: the code at another pc must
 * come out with no other difference than the address's.
 */
static bool are_fields(Baker *k, const TnCacheField *fields, unsigned n)
{
    memcpy(k->fields, fields, n * sizeof(*fields));
    k->n_fields = n;
    return n > 0 && pack(k, true, 2);
}

/* All but one of them: by chance the odd four bytes look like an address. */
static bool are_all_but_one(Baker *k, const TnCacheField *fields, unsigned n)
{
    TnCacheField most[MAX_FIELDS];

    for (unsigned skip = 0; skip < n && n > 1; skip++) {
        memcpy(most, fields, skip * sizeof(*most));
        memcpy(most + skip, fields + skip + 1, (n - skip - 1) * sizeof(*most));
        if (are_fields(k, most, n - 1))
            return true;
    }
    return false;
}

/* The later of two that overlap comes first: three bytes of an address after some other byte may
 * look like one, three bytes of one before some other byte hardly ever. */
static void find_fields(Baker *k)
{
    TnCacheField listed[MAX_FIELDS], apart[MAX_FIELDS], good[MAX_FIELDS];
    unsigned n_listed = list_fields(k->note, listed), n_apart = 0, n_good = 0;

    for (unsigned i = n_listed; i-- > 0;)
        put_field(apart, &n_apart, listed[i]);
    if (!n_listed || are_fields(k, apart, n_apart) || are_all_but_one(k, apart, n_apart))
        return;
    for (unsigned i = n_listed; i-- > 0;) {
        if (are_fields(k, &listed[i], 1))
            put_field(good, &n_good, listed[i]);
    }
    memcpy(k->fields, good, n_good * sizeof(*good));
    k->n_fields = n_good;
}

/* ---- All of them ------------------------------------------------------------------------- */

/* For all pcs of the zone, with fields or, where they were none after all, without. */
static bool bake_moving(Baker *k)
{
    if (tn_cache_zone(k->note->key.pc) == TN_CACHE_KERNEL)
        find_fields(k);
    for (;; k->n_fields = 0) {
        if (pack(k, true, N_VERSIONS)) {
            add_entry(k, true);
            return true;
        }
        if (!k->n_fields)
            return false;
    }
}

static void bake(const TnCacheNote *note, void *opaque)
{
    Baker *k = opaque;

    if (note->state != tn_cache_state(k->cpu, &note->key))
        return;
    k->note = note;
    k->n_fields = 0;
    if (note->key.address_bits == 64 && tn_cache_zone(note->key.pc) && bake_moving(k))
        return;
    if (pack(k, false, N_TIED)) {
        add_entry(k, false);
        tn_cache.stats.tied++;
    } else {
        tn_cache.stats.bound++;
    }
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NANOSECONDS + (uint64_t)t.tv_nsec;
}

void tn_cache_bake(GPtrArray *entries)
{
    uint64_t start = now();
    g_autoptr(GByteArray) packed = g_byte_array_new();
    g_autofree TnBlock *versions = g_new0(TnBlock, N_VERSIONS);
    g_autofree Baker *k = g_new0(Baker, 1);

    k->cpu = tn_cache.first;
    k->entries = entries;
    k->packed = packed;
    k->versions = versions;
    tn_blocks_flush();
    tn_translator_lock();
    tn_cache_each_note(bake, k);
    tn_translator.backend->flush();
    tn_translator_unlock();
    tn_cache.stats.bake_ns += now() - start;
}
