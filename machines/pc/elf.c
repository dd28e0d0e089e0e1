/* SPDX-License-Identifier: MIT */
/* ELF program headers, read with bounds checks; x86 images only (little-endian). */
#include "elf.h"

#include <elf.h>
#include <string.h>

#include "tenon/error.h"

typedef struct Segment {
    uint32_t type;
    uint64_t offset, paddr, filesz, memsz;
} Segment;

bool elf_is(const uint8_t *file, size_t size)
{
    return size >= sizeof(Elf32_Ehdr) && !memcmp(file, ELFMAG, SELFMAG) &&
           file[EI_DATA] == ELFDATA2LSB && (file[EI_CLASS] == ELFCLASS32 || file[EI_CLASS] == ELFCLASS64);
}

static bool is64(const uint8_t *file)
{
    return file[EI_CLASS] == ELFCLASS64;
}

static unsigned segment_count(const uint8_t *file, size_t size)
{
    if (is64(file))
        return size < sizeof(Elf64_Ehdr) ? 0 : ((const Elf64_Ehdr *)file)->e_phnum;
    return ((const Elf32_Ehdr *)file)->e_phnum;
}

/* Segment n; false when it lies outside of the file. */
static bool get_segment(const uint8_t *file, size_t size, unsigned n, Segment *out)
{
    if (is64(file)) {
        const Elf64_Ehdr *h = (const Elf64_Ehdr *)file;
        Elf64_Phdr p;
        if (h->e_phoff > size || (size - h->e_phoff) / sizeof(p) <= n)
            return false;
        memcpy(&p, file + h->e_phoff + n * sizeof(p), sizeof(p));
        *out = (Segment){ p.p_type, p.p_offset, p.p_paddr, p.p_filesz, p.p_memsz };
    } else {
        const Elf32_Ehdr *h = (const Elf32_Ehdr *)file;
        Elf32_Phdr p;
        if (h->e_phoff > size || (size - h->e_phoff) / sizeof(p) <= n)
            return false;
        memcpy(&p, file + h->e_phoff + n * sizeof(p), sizeof(p));
        *out = (Segment){ p.p_type, p.p_offset, p.p_paddr, p.p_filesz, p.p_memsz };
    }
    return out->offset <= size && out->filesz <= size - out->offset;
}

static bool check(const Segment *s, uint64_t limit)
{
    return s->filesz <= s->memsz && s->paddr < limit && s->memsz <= limit - s->paddr;
}

static bool fail(GError **error, const char *name, unsigned n, uint64_t limit)
{
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                "%s: ELF segment %u lies outside of the file or of the memory below 0x%" G_GINT64_MODIFIER "x",
                name, n, limit);
    return false;
}

static bool measure(ElfImage *image, const uint8_t *file, size_t size, uint64_t limit, const char *name,
                    GError **error)
{
    image->low = UINT64_MAX;
    image->high = 0;
    for (unsigned n = 0; n < segment_count(file, size); n++) {
        Segment s;
        if (!get_segment(file, size, n, &s))
            return fail(error, name, n, limit);
        if (s.type != PT_LOAD || !s.memsz)
            continue;
        if (!check(&s, limit))
            return fail(error, name, n, limit);
        image->low = MIN(image->low, s.paddr);
        image->high = MAX(image->high, s.paddr + s.memsz);
    }
    if (image->high)
        return true;
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s: ELF file without a segment to load", name);
    return false;
}

bool elf_load(ElfImage *image, const uint8_t *file, size_t size, uint64_t limit, const char *name,
              GError **error)
{
    ElfImage made = { 0 };
    if (!measure(&made, file, size, limit, name, error))
        return false;
    made.memory = g_malloc0(made.high - made.low);
    for (unsigned n = 0; n < segment_count(file, size); n++) {
        Segment s;
        if (get_segment(file, size, n, &s) && s.type == PT_LOAD && s.memsz)
            memcpy(made.memory + (s.paddr - made.low), file + s.offset, s.filesz);
    }
    made.entry = is64(file) ? ((const Elf64_Ehdr *)file)->e_entry : ((const Elf32_Ehdr *)file)->e_entry;
    *image = made;
    return true;
}

void elf_clear(ElfImage *image)
{
    g_clear_pointer(&image->memory, g_free);
}

static const uint8_t *find_note(const uint8_t *p, uint64_t n, const char *owner, uint32_t type,
                                uint32_t *desc_size)
{
    while (n >= sizeof(Elf32_Nhdr)) {
        Elf32_Nhdr h;
        memcpy(&h, p, sizeof(h));
        uint64_t name = (h.n_namesz + UINT64_C(3)) & ~UINT64_C(3);
        uint64_t desc = (h.n_descsz + UINT64_C(3)) & ~UINT64_C(3);
        if (name + desc > n - sizeof(h))
            return NULL;
        const uint8_t *text = p + sizeof(h);
        if (h.n_type == type && h.n_namesz == strlen(owner) + 1 && !memcmp(text, owner, h.n_namesz)) {
            *desc_size = h.n_descsz;
            return text + name;
        }
        p += sizeof(h) + name + desc;
        n -= sizeof(h) + name + desc;
    }
    return NULL;
}

const uint8_t *elf_note(const uint8_t *file, size_t size, const char *owner, uint32_t type,
                        uint32_t *desc_size)
{
    for (unsigned n = 0; n < segment_count(file, size); n++) {
        Segment s;
        if (!get_segment(file, size, n, &s) || s.type != PT_NOTE)
            continue;
        const uint8_t *desc = find_note(file + s.offset, s.filesz, owner, type, desc_size);
        if (desc)
            return desc;
    }
    return NULL;
}
