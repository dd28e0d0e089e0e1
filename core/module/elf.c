/* SPDX-License-Identifier: MIT */
/*
 * ELF as far as notes need it (System V ABI, chapters 4 and 5): the file header, the program
 * headers, and the PT_NOTE segments. Files of the other class or byte order are read as well, so
 * that a module for another host can be told from a broken one.
 */
#include "module/elf.h"

#include <elf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tenon/error.h"
#include "tenon/module.h"

enum {
    MAX_PROGRAM_HEADERS = 512,
    MAX_NOTE_SEGMENT = 1u << 20, /* bytes; more is not looked at */
    NOTE_HEADER = 12,
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

static bool read_at(const Elf *elf, uint64_t offset, void *buf, size_t n)
{
    char *p = buf;

    if (offset > elf->size || n > elf->size - offset)
        return false;
    while (n) {
        ssize_t got = pread(elf->fd, p, n, (off_t)offset);

        if (got <= 0)
            return false;
        p += got;
        offset += got;
        n -= got;
    }
    return true;
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

static const char *machine_name(const Elf *elf)
{
    switch (elf->machine) {
    case EM_386:
        return "i386";
    case EM_X86_64:
        return "x86_64";
    case EM_ARM:
        return "arm";
    case EM_AARCH64:
        return "aarch64";
    case EM_RISCV:
        return elf->is64 ? "riscv64" : "riscv32";
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

/* Takes our note out of a segment's bytes; true when it is there. */
static bool find_in_segment(const Elf *elf, const char *bytes, uint64_t size, uint64_t align,
                            TnElfNote *note)
{
    uint64_t at = 0;

    while (size - at >= NOTE_HEADER) {
        uint32_t words[3];
        uint64_t owner = at + NOTE_HEADER, owner_size, desc, desc_size;

        memcpy(words, bytes + at, sizeof(words));
        owner_size = u32(elf, words[0]);
        desc_size = u32(elf, words[1]);
        desc = align_up(owner + owner_size, align);
        if (desc > size || desc_size > size - desc)
            return false;
        if (u32(elf, words[2]) == TN_NOTE_TYPE && owner_size == sizeof(TN_NOTE_OWNER) &&
            memcmp(bytes + owner, TN_NOTE_OWNER, sizeof(TN_NOTE_OWNER)) == 0) {
            note->text = g_strndup(bytes + desc, desc_size);
            note->size = desc_size;
            return true;
        }
        at = MIN(align_up(desc + desc_size, align), size);
    }
    return false;
}

static bool read_note_segment(const Elf *elf, const Segment *s, TnElfNote *note)
{
    g_autofree char *bytes = NULL;

    if (s->size > MAX_NOTE_SEGMENT)
        return false;
    bytes = g_malloc(s->size + 1);
    return read_at(elf, s->offset, bytes, s->size) &&
           find_in_segment(elf, bytes, s->size, s->align == 8 ? 8 : 4, note);
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

bool tn_elf_read_note(int fd, TnElfNote *note, GError **error)
{
    unsigned char ident[EI_NIDENT];
    Elf elf = { .fd = fd };
    Header header;
    struct stat st;
    Segment s;

    if (fstat(fd, &st) != 0 || st.st_size < 0)
        return fail(error, "its size cannot be found");
    elf.size = st.st_size;
    if (!read_ident(&elf, ident, error) || !read_header(&elf, &header, error) ||
        !check_length(&elf, &header, error))
        return false;
    *note = (TnElfNote){ .arch = machine_name(&elf) };
    note->foreign = ident[EI_CLASS] != HOST_CLASS || ident[EI_DATA] != HOST_DATA ||
                    (HOST_MACHINE != EM_NONE && elf.machine != HOST_MACHINE);
    for (unsigned i = 0; i < header.phnum; i++)
        if (read_segment(&elf, &header, i, &s) && s.type == PT_NOTE &&
            read_note_segment(&elf, &s, note))
            return true;
    return fail(error, "it has no Tenon note: it is not a module");
}
