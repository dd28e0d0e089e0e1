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
#include "translate/cache/workers.h"

enum {
    N_VERSIONS = 3,
    N_TIED = 2,
    MAX_FIELDS = 48,
    BATCH = 64, /* notes */
    FIELD_SIZE = 4,
    NANOSECONDS = 1000000000, /* of a second */
};

/* Distances of the other pcs, such that every byte of a pc changes that may. */
static const uint64_t near_moves[N_VERSIONS] = { 0, 0x00f35000, 0x01a7b000 };
static const uint64_t far_moves[N_VERSIONS] = { 0, UINT64_C(0x13579b35000),
                                                UINT64_C(0x0a6c4e7b000) };

typedef struct Baker {
    TnCpu *cpu;
    GPtrArray *notes;
    GPtrArray *entries;
    GByteArray *packed;
    /* Of the note at hand: */
    const TnCacheNote *note;
    TnBlock versions[N_VERSIONS]; /* as they were compiled, the first n_versions */
    unsigned n_versions;
    bool moves;
    uint8_t bytes[TN_CACHE_PAGE];
    bool starts[TN_CACHE_PAGE]; /* where instructions begin */
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

/* What is compiled, but for the first `n`, was for something else. */
static void drop_versions(Baker *k, unsigned n)
{
    while (k->n_versions > n) {
        TnBlock *block = &k->versions[--k->n_versions];

        if (block->code)
            tn_translator.backend->release(block);
        tn_block_delete_exits(block);
    }
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

static void find_starts(Baker *k)
{
    const TnIrBuilder *b = &k->cpu->priv->builder;

    memset(k->starts, 0, k->note->n_bytes);
    for (unsigned i = 0; i < b->n_ops; i++) {
        uint64_t at = b->ops[i].imm - k->note->key.pc;

        if (b->ops[i].opc == TN_IR_INSN && at < k->note->n_bytes)
            k->starts[at] = true;
    }
}

static bool compile(Baker *k, uint64_t pc, TnBlock *block)
{
    const TnIrBuilder *b = &k->cpu->priv->builder;
    const TnCacheNote *note = k->note;
    TnBlockKey key = note->key;

    key.pc = pc;
    shift_fields(k, pc - note->key.pc);
    if (!tn_translate_recorded(k->cpu, &key, k->bytes, note->n_bytes, 1) ||
        b->n_insns != note->n_insns)
        return false;
    if (block == k->versions)
        find_starts(k);
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

/* Compiles up to `want` versions; those there are serve again: the first for anything. */
static bool compile_all(Baker *k, bool moves, unsigned want)
{
    if (k->moves != moves)
        drop_versions(k, 1);
    k->moves = moves;
    while (k->n_versions < want) {
        unsigned n = k->n_versions++;
        uint64_t pc = moves ? version_of(k->note->key.pc, n) : k->note->key.pc;

        k->versions[n] = (TnBlock){ .code = NULL };
        if (!compile(k, pc, &k->versions[n])) {
            drop_versions(k, n);
            return false;
        }
    }
    return true;
}

static bool pack(Baker *k, bool moves, unsigned want)
{
    TnBlock *all[N_VERSIONS];

    for (unsigned n = 0; n < want; n++)
        all[n] = &k->versions[n];
    g_byte_array_set_size(k->packed, 0);
    return compile_all(k, moves, want) && tn_translator.backend->pack(all, want, k->packed);
}

/* ---- Entries ----------------------------------------------------------------------------- */

static void add_entry(Baker *k, bool moves)
{
    const TnCacheNote *note = k->note;
    uint32_t code = (note->n_bytes + 7u) & ~7u, kept = (k->packed->len + 7u) & ~7u;
    TnCacheEntry *e = g_malloc0(sizeof(*e) + code + sizeof(k->fields) + kept);

    e->mode = tn_cache_mode(&note->key);
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

/* Whether the bytes from `at` on lie behind the first one of an instruction. */
static bool may_be_number(const Baker *k, unsigned at)
{
    for (unsigned i = 0; i < FIELD_SIZE; i++) {
        if (k->starts[at + i])
            return false;
    }
    return true;
}

/* Where the code may hold an address near the code, or the distance to one near 0 (what each
 * processor of a kernel has of its own). */
static unsigned list_fields(const Baker *k, TnCacheField *to)
{
    const TnCacheNote *note = k->note;
    const uint8_t *bytes = (const uint8_t *)(note + 1);
    unsigned n = 0;

    for (unsigned at = 0; at + FIELD_SIZE <= note->n_bytes && n < MAX_FIELDS; at++) {
        uint32_t v = load32(bytes + at), pc = (uint32_t)note->key.pc + at;
        bool near = v - pc + TN_CACHE_NEAR < 2u * TN_CACHE_NEAR;

        if ((near || v + pc + TN_CACHE_NEAR_ZERO < 2u * TN_CACHE_NEAR_ZERO) && may_be_number(k, at))
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

static void set_fields(Baker *k, const TnCacheField *fields, unsigned n)
{
    drop_versions(k, 1);
    for (unsigned i = 0; i < n; i++)
        k->fields[i] = fields[i];
    k->n_fields = n;
}

/*
 * Whether bytes are numbers of their own shows when they are changed: the code at another pc must
 * come out with no other difference than the address's.
 */
static bool are_fields(Baker *k, const TnCacheField *fields, unsigned n)
{
    set_fields(k, fields, n);
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
    unsigned n_listed = list_fields(k, listed), n_apart = 0, n_good = 0;

    for (unsigned i = n_listed; i-- > 0;)
        put_field(apart, &n_apart, listed[i]);
    if (!n_listed || are_fields(k, apart, n_apart) || are_all_but_one(k, apart, n_apart))
        return;
    for (unsigned i = n_listed; i-- > 0;) {
        if (are_fields(k, &listed[i], 1))
            put_field(good, &n_good, listed[i]);
    }
    set_fields(k, good, n_good);
}

/* ---- All of them ------------------------------------------------------------------------- */

/* For all pcs of the zone, with fields or, where they were none after all, without. */
static bool bake_moving(Baker *k)
{
    if (tn_cache_zone(k->note->key.pc) == TN_CACHE_KERNEL)
        find_fields(k);
    for (;;) {
        if (pack(k, true, N_VERSIONS)) {
            add_entry(k, true);
            return true;
        }
        if (!k->n_fields)
            return false;
        set_fields(k, NULL, 0);
    }
}

static void bake(Baker *k, const TnCacheNote *note)
{
    drop_versions(k, 0);
    tn_translator.backend->flush();
    k->note = note;
    k->n_fields = 0;
    if (!compile_all(k, false, 1)) {
        tn_cache.stats.bound++;
        return;
    }
    if (note->key.address_bits == 64 && tn_cache_zone(note->key.pc) && bake_moving(k))
        return;
    set_fields(k, NULL, 0);
    if (pack(k, false, N_TIED)) {
        add_entry(k, false);
        tn_cache.stats.tied++;
    } else {
        tn_cache.stats.bound++;
    }
}

static void bake_batch(unsigned i, GPtrArray *out, void *opaque)
{
    Baker *k = opaque;

    k->entries = out;
    for (guint at = i * BATCH; at < k->notes->len && at < (i + 1) * BATCH; at++)
        bake(k, k->notes->pdata[at]);
    drop_versions(k, 0);
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
    g_autoptr(GPtrArray) notes = tn_cache_notes();
    g_autofree Baker *k = g_new0(Baker, 1);

    k->cpu = tn_cache.first;
    k->notes = notes;
    k->packed = packed;
    tn_blocks_flush();
    tn_translator_lock();
    tn_cache_batches((notes->len + BATCH - 1) / BATCH, bake_batch, k, entries);
    tn_translator.backend->flush();
    tn_translator_unlock();
    tn_cache.stats.bake_ns += now() - start;
}
