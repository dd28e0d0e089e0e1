/* SPDX-License-Identifier: MIT */
/* Which file is this machine's: the digest of what translations depend on; and the statistics. */
#include "translate/cache/cache.h"

#include <inttypes.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "cpu/cpu-private.h"
#include "translate/cache/internal.h"

TnCache tn_cache;

void tn_cache_configure(const char *dir, uint64_t max_bytes)
{
    g_free(tn_cache.dir);
    tn_cache.dir = g_strdup(dir);
    tn_cache.max_bytes = max_bytes;
}

bool tn_cache_is_on(const TnCpu *cpu)
{
    return tn_cache.open && cpu->priv->cache_window;
}

/* ---- Identity ---------------------------------------------------------------------------- */

typedef struct BuildId {
    uintptr_t address; /* in the library sought */
    GChecksum *sum;
    bool found;
} BuildId;

static bool holds(const struct dl_phdr_info *info, uintptr_t address)
{
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];

        if (p->p_type == PT_LOAD && address - (info->dlpi_addr + p->p_vaddr) < p->p_memsz)
            return true;
    }
    return false;
}

/* The linker's note of what is in the file (ld(1), --build-id). */
static void take_notes(BuildId *id, const uint8_t *p, size_t size)
{
    ElfW(Nhdr) n;

    while (size >= sizeof(n)) {
        memcpy(&n, p, sizeof(n));
        size_t name = (n.n_namesz + 3u) & ~3u, all = sizeof(n) + name + ((n.n_descsz + 3u) & ~3u);

        if (all > size)
            return;
        if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof("GNU") &&
            memcmp(p + sizeof(n), "GNU", sizeof("GNU")) == 0) {
            g_checksum_update(id->sum, p + sizeof(n) + name, n.n_descsz);
            id->found = true;
        }
        p += all;
        size -= all;
    }
}

static int look_at(struct dl_phdr_info *info, size_t size, void *opaque)
{
    BuildId *id = opaque;

    if (!holds(info, id->address))
        return 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];

        if (p->p_type == PT_NOTE)
            take_notes(id, (const uint8_t *)(info->dlpi_addr + p->p_vaddr), p->p_memsz);
    }
    return 1;
}

static bool add_build(GChecksum *sum, const void *in)
{
    BuildId id = { .address = (uintptr_t)in, .sum = sum };

    dl_iterate_phdr(look_at, &id);
    return id.found;
}

/* False where the vCPU's translations cannot be told from others. */
static bool make_digest(TnCpu *cpu, uint8_t digest[TN_CACHE_DIGEST])
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autoptr(GByteArray) more = g_byte_array_new();
    uint32_t numbers[] = { TN_CACHE_VERSION, tn_translator.options.opt };
    gsize length = TN_CACHE_DIGEST;

    if (!cpu->target->ops->translation_identity || !tn_translator.backend->pack ||
        !add_build(sum, &tn_cache) || !add_build(sum, cpu->target->ops))
        return false;
    g_byte_array_append(more, (const void *)numbers, sizeof(numbers));
    g_byte_array_append(more, (const void *)cpu->target->name,
                        (guint)strlen(cpu->target->name) + 1);
    tn_translator.backend->identify(more);
    cpu->target->ops->translation_identity(cpu, more);
    g_checksum_update(sum, more->data, more->len);
    g_checksum_get_digest(sum, digest, &length);
    return true;
}

/* ---- Start ------------------------------------------------------------------------------- */

static void open_file(void)
{
    g_autoptr(GError) error = NULL;
    int dir = tn_cache_open_directory(tn_cache.dir, &error);

    if (dir < 0) {
        tn_warn("-accel tcg: cache=%s is not used: %s", tn_cache.dir, error->message);
        return;
    }
    tn_cache.open = true;
    if (!tn_cache_find(dir, tn_cache.digest, &tn_cache.file, &error) && error) {
        g_autofree char *name = tn_cache_file_name(tn_cache.digest);
        tn_warn("-accel tcg: cache: %s/%s is not used: %s", tn_cache.dir, name, error->message);
    }
    if (tn_cache.file.size) {
        tn_cache.stats.found = tn_cache.file.n_entries;
        tn_cache.used = g_malloc0(tn_cache.file.size / 8 / 8 + 1);
    }
    close(dir);
}

void tn_cache_start(TnCpu *cpu)
{
    uint8_t digest[TN_CACHE_DIGEST];

    if (!tn_cache.dir)
        return;
    if (!make_digest(cpu, digest)) {
        tn_warn("-accel tcg: cache=%s is not used: this build cannot be told from others",
                tn_cache.dir);
        return;
    }
    if (!tn_cache.first) {
        memcpy(tn_cache.digest, digest, sizeof(digest));
        tn_cache.first = cpu;
        open_file();
    }
    if (tn_cache.open && memcmp(tn_cache.digest, digest, sizeof(digest)) == 0)
        cpu->priv->cache_window = tn_cache_window_new();
}

/* ---- Statistics -------------------------------------------------------------------------- */

static void count(GString *out, const char *name, uint64_t value)
{
    g_string_append_printf(out, "cache, %s: %" PRIu64 "\n", name, value);
}

void tn_cache_text(GString *out)
{
    const TnCacheStats *s = &tn_cache.stats;

    if (!tn_cache.first)
        return;
    count(out, "entries in the file", s->found);
    count(out, "blocks taken from it", s->hits);
    count(out, "of them at another pc", s->moved);
    count(out, "of them with shifted numbers", s->shifted);
    count(out, "of them behind the one before", s->next);
    count(out, "guest instructions in them", s->insns);
    count(out, "blocks not found", s->misses);
    count(out, "entries not good at the pc", s->refused);
    count(out, "entries damaged", s->damaged);
    count(out, "code that changed meanwhile", s->changed);
    count(out, "nanoseconds looking and placing", s->nanoseconds);
    g_string_append_printf(out, "cache, nanoseconds per guest instruction: %.2f\n",
                           s->insns ? (double)s->nanoseconds / (double)s->insns : 0.0);
    count(out, "pieces of code noted", s->noted);
    count(out, "entries made", s->kept);
    count(out, "of them for one pc", s->tied);
    count(out, "pieces that cannot be kept", s->bound);
    count(out, "nanoseconds making entries", s->bake_ns);
    count(out, "bytes written", s->written);
    count(out, "entries dropped", s->dropped);
}
