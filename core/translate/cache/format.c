/* SPDX-License-Identifier: MIT */
/* The file of kept translations; the rules are in format.h. */
#include "translate/cache/format.h"

#include <string.h>
#include <unistd.h>

#include "tenon/error.h"

static const char magic[8] = "TnCache\n";

enum {
    MAX_PROBES = 256,
    MAX_SLOT_BITS = 26,
    AGE_MASK = 0xff,
};

/* Code is found by as many of its first bytes as the longest of these that it has. */
static const uint8_t lengths[] = { 16, 8, 4, 1 };

static const uint64_t mixers[] = { UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xbf58476d1ce4e5b9),
                                   UINT64_C(0x94d049bb133111eb), UINT64_C(0xd6e8feb86659fd93) };

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * mixers[0];
    return h ^ h >> 29;
}

/* One of four lanes, since one multiplication waits for the one before. */
static inline uint64_t mix_lane(uint64_t lane, uint64_t v, unsigned k)
{
    lane = (lane ^ v) * mixers[k];
    return lane ^ lane >> 32;
}

uint64_t tn_cache_checksum(const void *data, size_t size)
{
    enum { STEP = 32 };
    const uint8_t *p = data;
    uint64_t a = size, b = 1, c = 2, d = 3;
    size_t i = 0;

    for (; i + STEP <= size; i += STEP) {
        uint64_t v[4];

        memcpy(v, p + i, sizeof(v));
        a = mix_lane(a, v[0], 0);
        b = mix_lane(b, v[1], 1);
        c = mix_lane(c, v[2], 2);
        d = mix_lane(d, v[3], 3);
    }
    for (unsigned n; i < size; i += n) {
        uint64_t v = 0;

        n = (unsigned)MIN(size - i, sizeof(v));
        memcpy(&v, p + i, n);
        a = mix(a, v);
    }
    return mix(mix(mix(a, b), c), d);
}

/* ---- Hashes ------------------------------------------------------------------------------ */

static uint64_t hash_code(const TnCacheMode *mode, uint64_t pc, const uint8_t *code,
                          unsigned length)
{
    uint64_t first[2] = { 0 };

    memcpy(first, code, length);
    uint64_t h = mix(mode->base, (uint64_t)mode->flags << 32 | (pc & (TN_CACHE_PAGE - 1)) << 8 |
                                     length);
    return mix(mix(h, first[0]), first[1]);
}

/* Of entries with fields. */
static uint64_t hash_pc(const TnCacheMode *mode, uint64_t pc)
{
    return mix(mix(mode->base, (uint64_t)mode->flags << 32 | UINT32_MAX), pc);
}

static unsigned hashed_length(unsigned n_bytes)
{
    unsigned i = 0;

    while (lengths[i] > n_bytes)
        i++;
    return lengths[i];
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32) & ~(uint32_t)AGE_MASK;
}

/* ---- Reading ----------------------------------------------------------------------------- */

static bool check_header(const TnCacheHeader *h, size_t size,
                         const uint8_t digest[TN_CACHE_DIGEST], const char **why)
{
    if (memcmp(h->magic, magic, sizeof(magic)) != 0)
        *why = "it does not begin as one";
    else if (h->version != TN_CACHE_VERSION)
        *why = "its version is another";
    else if (h->checksum != tn_cache_checksum(h, offsetof(TnCacheHeader, checksum)))
        *why = "its header is damaged";
    else if (memcmp(h->digest, digest, TN_CACHE_DIGEST) != 0)
        *why = "it was made by another build or for another processor";
    else if (h->size != size)
        *why = "it is not whole";
    else if (h->slot_bits < 1 || h->slot_bits > MAX_SLOT_BITS ||
             sizeof(*h) + (sizeof(TnCacheSlot) << h->slot_bits) > size)
        *why = "its table does not fit it";
    else
        return true;
    return false;
}

static bool read_all(int fd, uint64_t offset, void *to, size_t n)
{
    return pread(fd, to, n, (off_t)offset) == (ssize_t)n;
}

bool tn_cache_file_take(TnCacheFile *file, int fd, size_t size,
                        const uint8_t digest[TN_CACHE_DIGEST], GError **error)
{
    const char *why = "it is too short";
    TnCacheSlot *slots = NULL;
    size_t table = 0;
    TnCacheHeader h;

    if (size >= sizeof(h) && read_all(fd, 0, &h, sizeof(h)) &&
        check_header(&h, size, digest, &why)) {
        table = sizeof(TnCacheSlot) << h.slot_bits;
        slots = g_malloc(table);
    }
    if (!slots || !read_all(fd, sizeof(h), slots, table)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "no translations are taken from it: %s", why);
        g_free(slots);
        return false;
    }
    *file = (TnCacheFile){ .fd = fd, .size = size, .n_entries = h.n_entries, .slots = slots,
                           .slot_mask = (1u << h.slot_bits) - 1, .first = sizeof(h) + table };
    return true;
}

void tn_cache_file_close(TnCacheFile *file)
{
    if (!file->size)
        return;
    close(file->fd);
    g_free(file->slots);
    *file = (TnCacheFile){ .size = 0 };
}

/* The entry at a slot's offset, where that much is in the file; else NULL. */
static const TnCacheEntry *entry_at(const TnCacheFile *file, TnCacheWindow *w, uint32_t at)
{
    uint64_t offset = (uint64_t)at * 8;
    const TnCacheEntry *e = NULL;

    if (offset >= file->first && offset + sizeof(*e) <= file->size)
        e = tn_cache_window_at(w, file->fd, offset, sizeof(*e));
    if (!e || e->size < sizeof(*e) || e->size > TN_CACHE_MAX_ENTRY || e->size % 8 != 0)
        return NULL;
    return tn_cache_window_at(w, file->fd, offset, e->size);
}

static size_t head_size(unsigned n_bytes, unsigned n_fields)
{
    return sizeof(TnCacheEntry) + ((n_bytes + 7u) & ~7u) +
           ((n_fields + 1u) & ~1u) * sizeof(TnCacheField);
}

static bool has_parts(const TnCacheEntry *e)
{
    return e->n_bytes > 0 && e->n_bytes <= TN_CACHE_PAGE && e->kept_size <= e->size &&
           head_size(e->n_bytes, e->n_fields) <= e->size - e->kept_size;
}

/* Whether it is what was written. */
static bool is_whole(const TnCacheEntry *e)
{
    return has_parts(e) &&
           e->checksum == tn_cache_checksum(&e->size, e->size - offsetof(TnCacheEntry, size));
}

static uint32_t load32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* Whether the code is the entry's but for its fields, which are shifted. */
static bool same_shifted(const TnCacheEntry *e, const TnCacheSearch *s)
{
    const uint8_t *bytes = tn_cache_entry_bytes(e);
    const TnCacheField *fields = tn_cache_entry_fields(e);
    unsigned from = 0;

    for (unsigned i = 0; i < e->n_fields; i++) {
        TnCacheField f = fields[i];
        uint32_t by = f.sign < 0 ? -(uint32_t)s->shift : (uint32_t)s->shift;

        if (f.at < from || f.at + 4u > e->n_bytes ||
            memcmp(bytes + from, s->code + from, f.at - from) != 0 ||
            load32(bytes + f.at) + by != load32(s->code + f.at))
            return false;
        from = f.at + 4u;
    }
    return memcmp(bytes + from, s->code + from, e->n_bytes - from) == 0;
}

static bool same_code(const TnCacheEntry *e, const TnCacheSearch *s, bool fields)
{
    if (e->n_bytes > s->room || !e->n_fields == fields ||
        memcmp(&e->mode, s->mode, sizeof(e->mode)) != 0)
        return false;
    if (fields)
        return e->pc == s->pc - s->shift && same_shifted(e, s);
    return (e->pc ^ s->pc) % TN_CACHE_PAGE == 0 &&
           memcmp(tn_cache_entry_bytes(e), s->code, e->n_bytes) == 0;
}

/* The next slot with the hash's tag; NULL: they are through. */
static const TnCacheSlot *next_slot(const TnCacheFile *file, TnCacheSearch *s)
{
    while (s->probe < MAX_PROBES) {
        const TnCacheSlot *slot = &file->slots[(uint32_t)(s->hash + s->probe++) & file->slot_mask];

        if (!slot->at)
            return NULL;
        if (!((slot->tag ^ tag_of(s->hash)) & ~(uint32_t)AGE_MASK))
            return slot;
    }
    return NULL;
}

/* The next entry with the hash. */
static const TnCacheEntry *next_entry(const TnCacheFile *file, TnCacheSearch *s, bool fields)
{
    const TnCacheSlot *slot;

    while ((slot = next_slot(file, s))) {
        const TnCacheEntry *e = entry_at(file, s->window, slot->at);

        if (e && has_parts(e) && !same_code(e, s, fields))
            continue;
        if (e && is_whole(e)) {
            s->at = slot->at;
            return e;
        }
        s->damaged++;
    }
    return NULL;
}

/* Goes on to the next of the lengths that there is code for. */
static bool next_length(TnCacheSearch *s)
{
    while (s->length < G_N_ELEMENTS(lengths)) {
        unsigned length = lengths[s->length++];

        if (length > s->room)
            continue;
        s->hash = hash_code(s->mode, s->pc, s->code, length);
        s->probe = 0;
        return true;
    }
    return false;
}

const TnCacheEntry *tn_cache_file_next(const TnCacheFile *file, TnCacheSearch *s)
{
    const TnCacheEntry *e = NULL;

    if (!s->length && !next_length(s))
        return NULL;
    do
        e = next_entry(file, s, false);
    while (!e && next_length(s));
    return e;
}

const TnCacheEntry *tn_cache_file_shifted(const TnCacheFile *file, TnCacheSearch *s,
                                          uint64_t shift)
{
    s->shift = shift;
    s->hash = hash_pc(s->mode, s->pc - shift);
    s->probe = 0;
    return next_entry(file, s, true);
}

const TnCacheEntry *tn_cache_file_there(const TnCacheFile *file, TnCacheSearch *s, uint32_t at,
                                        uint64_t shift)
{
    const TnCacheEntry *e = at ? entry_at(file, s->window, at) : NULL;

    s->shift = shift;
    s->at = at;
    return e && has_parts(e) && same_code(e, s, e->n_fields > 0) && is_whole(e) ? e : NULL;
}

const TnCacheEntry *tn_cache_file_slot(const TnCacheFile *file, uint32_t n, TnCacheWindow *window,
                                       unsigned *age)
{
    const TnCacheSlot *slot = &file->slots[n];
    const TnCacheEntry *e = slot->at ? entry_at(file, window, slot->at) : NULL;

    *age = slot->tag & AGE_MASK;
    return e && is_whole(e) ? e : NULL;
}

/* ---- Writing ----------------------------------------------------------------------------- */

void tn_cache_entry_seal(TnCacheEntry *e)
{
    e->size = (uint32_t)head_size(e->n_bytes, e->n_fields) + ((e->kept_size + 7u) & ~7u);
    e->checksum = tn_cache_checksum(&e->size, e->size - offsetof(TnCacheEntry, size));
}

static void put_slot(TnCacheSlot *slots, uint32_t mask, const TnCacheItem *item, uint64_t at)
{
    const TnCacheEntry *e = item->entry;
    uint64_t h = e->n_fields ? hash_pc(&e->mode, e->pc)
                             : hash_code(&e->mode, e->pc, tn_cache_entry_bytes(e),
                                         hashed_length(e->n_bytes));
    uint32_t i = (uint32_t)h & mask;

    for (unsigned probe = 0; probe < MAX_PROBES; probe++, i = (i + 1) & mask) {
        if (slots[i].at)
            continue;
        slots[i] = (TnCacheSlot){ (uint32_t)(at / 8), tag_of(h) | MIN(item->age, AGE_MASK) };
        return;
    }
}

GByteArray *tn_cache_file_make(const TnCacheItem *items, unsigned n,
                               const uint8_t digest[TN_CACHE_DIGEST])
{
    TnCacheHeader h = { .version = TN_CACHE_VERSION, .slot_bits = 1, .n_entries = n };
    GByteArray *out;
    uint64_t size;

    while (h.slot_bits < MAX_SLOT_BITS && 1u << h.slot_bits < 2 * n)
        h.slot_bits++;
    size = sizeof(h) + (sizeof(TnCacheSlot) << h.slot_bits);
    for (unsigned i = 0; i < n; i++)
        size += items[i].entry->size;
    if (size >= UINT32_MAX)
        return NULL;
    out = g_byte_array_sized_new((guint)size);
    g_byte_array_set_size(out, (guint)size);
    memset(out->data, 0, sizeof(h) + (sizeof(TnCacheSlot) << h.slot_bits));
    size = sizeof(h) + (sizeof(TnCacheSlot) << h.slot_bits);
    for (unsigned i = 0; i < n; i++) {
        put_slot((void *)(out->data + sizeof(h)), (1u << h.slot_bits) - 1, &items[i], size);
        memcpy(out->data + size, items[i].entry, items[i].entry->size);
        size += items[i].entry->size;
    }
    memcpy(h.magic, magic, sizeof(magic));
    memcpy(h.digest, digest, TN_CACHE_DIGEST);
    h.size = size;
    h.checksum = tn_cache_checksum(&h, offsetof(TnCacheHeader, checksum));
    memcpy(out->data, &h, sizeof(h));
    return out;
}
