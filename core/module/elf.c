/* SPDX-License-Identifier: MIT */
/*
 * ELF as far as notes need it (System V ABI, chapters 4 and 5): the file header, the program
 * headers, and the PT_NOTE segments. Files of the other class or byte order are read as well, so
 * that a module for another host can be told from a broken one.
 *
 * Link editors put all of this at the beginning of the file, so that one read is enough for most.
 */
#include "module/elf.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "tenon/error.h"
#include "tenon/module.h"

enum {
    MAX_PROGRAM_HEADERS = 512,
    MAX_NOTES = 1u << 20, /* bytes of all PT_NOTE segments; more is not looked at */
    NOTE_HEADER = 12,
    HEAD_SIZE = 2048,     /* bytes that the first read takes */
};

#if defined(__LP64__)
enum { HOST_CLASS = ELFCLASS64 };
#else
enum { HOST_CLASS = ELFCLASS32 };
#endif
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
enum { HOST_DATA = ELFDATA2LSB };
#else
enum { HOST_DATA = ELFDATA2MSB };
#endif
#if defined(__x86_64__)
enum { HOST_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { HOST_MACHINE = EM_AARCH64 };
#elif defined(__riscv)
enum { HOST_MACHINE = EM_RISCV };
#elif defined(__i386__)
enum { HOST_MACHINE = EM_386 };
#else
enum { HOST_MACHINE = EM_NONE }; /* unknown: dlopen decides */
#endif

/* An open file of known size, with its class and byte order. */
typedef struct Elf {
    int fd;
    uint64_t size;
    bool is64, swap;
    uint16_t machine;
    size_t head_size;
    char head[HEAD_SIZE]; /* the beginning of the file */
} Elf;

typedef struct Segment {
    uint32_t type;
    uint64_t offset, size, align;
} Segment;

static bool fail(GError **error, const char *why)
{
    g_set_error_literal(error, TN_ERROR, TN_ERROR_BROKEN, why);
    return false;
}

static bool read_file(int fd, uint64_t offset, char *p, size_t n)
{
    while (n) {
        ssize_t got = pread(fd, p, n, (off_t)offset);

        if (got <= 0)
            return false;
        p += got;
        offset += got;
        n -= got;
    }
    return true;
}

static bool read_at(const Elf *elf, uint64_t offset, void *buf, size_t n)
{
    if (offset > elf->size || n > elf->size - offset)
        return false;
    if (offset + n > elf->head_size)
        return read_file(elf->fd, offset, buf, n);
    memcpy(buf, elf->head + offset, n);
    return true;
}

static bool open_elf(Elf *elf, int fd, uint64_t size, GError **error)
{
    elf->fd = fd;
    elf->size = size;
    elf->head_size = MIN(elf->size, HEAD_SIZE);
    return read_file(fd, 0, elf->head, elf->head_size) || fail(error, "it cannot be read");
}

static uint16_t u16(const Elf *elf, uint16_t v)
{
    return elf->swap ? GUINT16_SWAP_LE_BE(v) : v;
}

static uint32_t u32(const Elf *elf, uint32_t v)
{
    return elf->swap ? GUINT32_SWAP_LE_BE(v) : v;
}

static uint64_t u64(const Elf *elf, uint64_t v)
{
    return elf->swap ? GUINT64_SWAP_LE_BE(v) : v;
}

const char *tn_elf_host_name(const TnElfHost *host)
{
    switch (host->machine) {
    case EM_386:
        return "i386";
    case EM_X86_64:
        return "x86_64";
    case EM_ARM:
        return "arm";
    case EM_AARCH64:
        return "aarch64";
    case EM_RISCV:
        return host->class == ELFCLASS64 ? "riscv64" : "riscv32";
    case EM_PPC64:
        return "ppc64";
    case EM_S390:
        return "s390x";
    case EM_MIPS:
        return "mips";
    default:
        return "an unknown processor";
    }
}

bool tn_elf_host_is_foreign(const TnElfHost *host)
{
    return host->class != HOST_CLASS || host->data != HOST_DATA ||
           (HOST_MACHINE != EM_NONE && host->machine != HOST_MACHINE);
}

/* ---- Headers ---------------------------------------------------------------------------- */

typedef struct Header {
    uint16_t type, phnum, phentsize, shnum, shentsize;
    uint64_t phoff, shoff;
} Header;

static bool read_ident(Elf *elf, unsigned char ident[EI_NIDENT], GError **error)
{
    if (!read_at(elf, 0, ident, EI_NIDENT) || memcmp(ident, ELFMAG, SELFMAG) != 0)
        return fail(error, "it is not an ELF file");
    if ((ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64) ||
        (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB) ||
        ident[EI_VERSION] != EV_CURRENT)
        return fail(error, "its ELF header is corrupt");
    elf->is64 = ident[EI_CLASS] == ELFCLASS64;
    elf->swap = ident[EI_DATA] != HOST_DATA;
    return true;
}

static bool read_header(Elf *elf, Header *h, GError **error)
{
    Elf64_Ehdr e64;
    Elf32_Ehdr e32;

    if (elf->is64) {
        if (!read_at(elf, 0, &e64, sizeof(e64)))
            return fail(error, "it is truncated");
        elf->machine = u16(elf, e64.e_machine);
        *h = (Header){ u16(elf, e64.e_type), u16(elf, e64.e_phnum), u16(elf, e64.e_phentsize),
                       u16(elf, e64.e_shnum), u16(elf, e64.e_shentsize), u64(elf, e64.e_phoff),
                       u64(elf, e64.e_shoff) };
    } else {
        if (!read_at(elf, 0, &e32, sizeof(e32)))
            return fail(error, "it is truncated");
        elf->machine = u16(elf, e32.e_machine);
        *h = (Header){ u16(elf, e32.e_type), u16(elf, e32.e_phnum), u16(elf, e32.e_phentsize),
                       u16(elf, e32.e_shnum), u16(elf, e32.e_shentsize), u32(elf, e32.e_phoff),
                       u32(elf, e32.e_shoff) };
    }
    if (h->type != ET_DYN)
        return fail(error, "it is not a shared object");
    if (!h->phnum || h->phnum > MAX_PROGRAM_HEADERS ||
        h->phentsize != (elf->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
        return fail(error, "its ELF program headers are corrupt");
    return true;
}

static bool read_segment(const Elf *elf, const Header *h, unsigned i, Segment *s)
{
    uint64_t at = h->phoff + (uint64_t)i * h->phentsize;
    Elf64_Phdr p64;
    Elf32_Phdr p32;

    if (h->phoff > elf->size)
        return false;
    if (elf->is64) {
        if (!read_at(elf, at, &p64, sizeof(p64)))
            return false;
        *s = (Segment){ u32(elf, p64.p_type), u64(elf, p64.p_offset), u64(elf, p64.p_filesz),
                        u64(elf, p64.p_align) };
    } else {
        if (!read_at(elf, at, &p32, sizeof(p32)))
            return false;
        *s = (Segment){ u32(elf, p32.p_type), u32(elf, p32.p_offset), u32(elf, p32.p_filesz),
                        u32(elf, p32.p_align) };
    }
    return true;
}

/* ---- Notes ------------------------------------------------------------------------------ */

static uint64_t align_up(uint64_t n, uint64_t align)
{
    return (n + align - 1) / align * align;
}

/* What is known of our note while the segments are looked through. */
typedef struct Search {
    TnElfNote *note;
    uint64_t at;    /* where its text lies in the file; 0: not found yet */
    uint64_t bytes; /* of segments that were read */
} Search;

/* Segments may overlap, and so show one note twice; two notes that differ are an error. */
static bool take_note(Search *search, const char *text, uint64_t size, uint64_t at, GError **error)
{
    if (search->at == at && search->note->size == size)
        return true;
    if (search->at)
        return fail(error, "it has two Tenon notes");
    search->at = at;
    search->note->text = g_strndup(text, size);
    search->note->size = size;
    return true;
}

static bool search_bytes(const Elf *elf, const Segment *s, const char *bytes, Search *search,
                         GError **error)
{
    uint64_t at = 0, align = s->align == 8 ? 8 : 4;

    while (s->size - at >= NOTE_HEADER) {
        uint32_t words[3];
        uint64_t owner = at + NOTE_HEADER, owner_size, desc, desc_size;

        memcpy(words, bytes + at, sizeof(words));
        owner_size = u32(elf, words[0]);
        desc_size = u32(elf, words[1]);
        desc = align_up(owner + owner_size, align);
        if (desc > s->size || desc_size > s->size - desc)
            return true;
        if (u32(elf, words[2]) == TN_NOTE_TYPE && owner_size == sizeof(TN_NOTE_OWNER) &&
            memcmp(bytes + owner, TN_NOTE_OWNER, sizeof(TN_NOTE_OWNER)) == 0 &&
            !take_note(search, bytes + desc, desc_size, s->offset + desc, error))
            return false;
        at = MIN(align_up(desc + desc_size, align), s->size);
    }
    return true;
}

static bool search_segment(const Elf *elf, const Segment *s, Search *search, GError **error)
{
    g_autofree char *owned = NULL;
    const char *bytes;

    search->bytes += s->size;
    if (search->bytes > MAX_NOTES)
        return fail(error, "its notes are too large");
    if (s->offset + s->size <= elf->head_size) {
        bytes = elf->head + s->offset;
    } else {
        bytes = owned = g_malloc(s->size);
        if (!read_file(elf->fd, s->offset, owned, s->size))
            return fail(error, "it is truncated");
    }
    return search_bytes(elf, s, bytes, search, error);
}

/* The loader maps what the headers say: a file that ends earlier would fault when touched. */
static bool check_length(const Elf *elf, const Header *h, GError **error)
{
    uint64_t sections = (uint64_t)h->shnum * h->shentsize;

    if (h->shoff && (h->shoff > elf->size || sections > elf->size - h->shoff))
        return fail(error, "it is truncated");
    for (unsigned i = 0; i < h->phnum; i++) {
        Segment s;

        if (!read_segment(elf, h, i, &s) || s.offset > elf->size || s.size > elf->size - s.offset)
            return fail(error, "it is truncated");
    }
    return true;
}

/* Segments were checked by check_length: they lie within the file. */
static bool search_notes(const Elf *elf, const Header *header, TnElfNote *note, GError **error)
{
    Search search = { .note = note };
    Segment s;

    for (unsigned i = 0; i < header->phnum; i++)
        if (read_segment(elf, header, i, &s) && s.type == PT_NOTE &&
            !search_segment(elf, &s, &search, error))
            return false;
    return search.at || fail(error, "it has no Tenon note: it is not a module");
}

bool tn_elf_read_note(int fd, uint64_t size, TnElfNote *note, GError **error)
{
    unsigned char ident[EI_NIDENT];
    Header header;
    Elf elf;

    *note = (TnElfNote){ 0 };
    if (!open_elf(&elf, fd, size, error) || !read_ident(&elf, ident, error) ||
        !read_header(&elf, &header, error) || !check_length(&elf, &header, error))
        return false;
    if (!search_notes(&elf, &header, note, error)) {
        g_clear_pointer(&note->text, g_free);
        return false;
    }
    note->host = (TnElfHost){ ident[EI_CLASS], ident[EI_DATA], elf.machine };
    return true;
}
