/* SPDX-License-Identifier: MIT */
/*
 * The dynamic tables of an ELF file, found through its section headers (System V ABI, chapter 4) with
 * the symbol versions of the Linux Standard Base Core 5.0, 10.7.
 */
#include "module/dynamic.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tenon/error.h"

enum {
    MAX_FILE = 256 << 20, /* bytes; a larger file is not read */
    MAX_CHAIN = 1 << 16,  /* entries of a version list; more is a loop */
    VERSION_MASK = 0x7fff,
};

typedef struct Image {
    uint8_t *bytes; /* owned */
    uint64_t size;
    bool is64, swap;
    bool bad;       /* something pointed outside */
} Image;

typedef struct Section {
    uint32_t type, link;
    uint64_t offset, size;
} Section;

/* ---- Reading within bounds --------------------------------------------------------------- */

static uint64_t number(Image *image, uint64_t at, unsigned n)
{
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;

    if (at > image->size || n > image->size - at) {
        image->bad = true;
        return 0;
    }
    switch (n) {
    case 1:
        return image->bytes[at];
    case 2:
        memcpy(&v16, image->bytes + at, n);
        return image->swap ? GUINT16_SWAP_LE_BE(v16) : v16;
    case 4:
        memcpy(&v32, image->bytes + at, n);
        return image->swap ? GUINT32_SWAP_LE_BE(v32) : v32;
    default:
        memcpy(&v64, image->bytes + at, sizeof(v64));
        return image->swap ? GUINT64_SWAP_LE_BE(v64) : v64;
    }
}

/* A member that is at one place in files of 64 bits and at another in those of 32. */
static uint64_t member(Image *image, uint64_t at, size_t offset64, unsigned n64, size_t offset32,
                       unsigned n32)
{
    return image->is64 ? number(image, at + offset64, n64) : number(image, at + offset32, n32);
}

#define MEMBER(image_, at_, struct_, member_) \
    member(image_, at_, offsetof(Elf64_##struct_, member_), \
           sizeof(((Elf64_##struct_ *)0)->member_), offsetof(Elf32_##struct_, member_), \
           sizeof(((Elf32_##struct_ *)0)->member_))
#define ENTRY_SIZE(image_, struct_) \
    ((image_)->is64 ? sizeof(Elf64_##struct_) : sizeof(Elf32_##struct_))

/* A text of a string table, as printable UTF-8. g_free. */
static char *text(Image *image, const Section *strings, uint64_t at)
{
    const char *start = NULL;

    if (at < strings->size)
        start = (const char *)image->bytes + strings->offset + at;
    if (!start || !memchr(start, '\0', strings->size - at)) {
        image->bad = true;
        return g_strdup("");
    }
    return g_utf8_make_valid(start, -1);
}

/* ---- Sections ---------------------------------------------------------------------------- */

static Section section_at(Image *image, unsigned i)
{
    uint64_t at = MEMBER(image, 0, Ehdr, e_shoff) + (uint64_t)i * MEMBER(image, 0, Ehdr, e_shentsize);
    Section s = {
        .type = (uint32_t)MEMBER(image, at, Shdr, sh_type),
        .link = (uint32_t)MEMBER(image, at, Shdr, sh_link),
        .offset = MEMBER(image, at, Shdr, sh_offset),
        .size = MEMBER(image, at, Shdr, sh_size),
    };

    if (s.type != SHT_NOBITS && (s.offset > image->size || s.size > image->size - s.offset)) {
        image->bad = true;
        return (Section){ 0 };
    }
    return s;
}

static bool find_section(Image *image, uint32_t type, Section *found, Section *strings)
{
    unsigned n = (unsigned)MEMBER(image, 0, Ehdr, e_shnum);

    for (unsigned i = 0; i < n && !image->bad; i++) {
        *found = section_at(image, i);
        if (found->type != type)
            continue;
        if (found->link >= n)
            return false;
        *strings = section_at(image, found->link);
        return !image->bad;
    }
    return false;
}

/* ---- Versions ---------------------------------------------------------------------------- */

/* Names of the versions that are needed of others, by index. */
static GHashTable *needed_versions(Image *image)
{
    GHashTable *names = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    Section s, strings;
    uint64_t at, left = MAX_CHAIN;

    if (!find_section(image, SHT_GNU_verneed, &s, &strings))
        return names;
    for (at = s.offset; left && !image->bad; at += number(image, at + offsetof(Elf64_Verneed, vn_next), 4)) {
        uint64_t aux = at + number(image, at + offsetof(Elf64_Verneed, vn_aux), 4);
        unsigned n = (unsigned)number(image, at + offsetof(Elf64_Verneed, vn_cnt), 2);

        for (; n && left && !image->bad; n--, left--) {
            unsigned index = (unsigned)number(image, aux + offsetof(Elf64_Vernaux, vna_other), 2);
            uint64_t name = number(image, aux + offsetof(Elf64_Vernaux, vna_name), 4);

            g_hash_table_replace(names, GUINT_TO_POINTER(index & VERSION_MASK),
                                 text(image, &strings, name));
            aux += number(image, aux + offsetof(Elf64_Vernaux, vna_next), 4);
        }
        if (!number(image, at + offsetof(Elf64_Verneed, vn_next), 4))
            break;
        left -= left ? 1 : 0;
    }
    return names;
}

/* ---- Tables ------------------------------------------------------------------------------ */

static void symbol_free(gpointer data)
{
    TnDynamicSymbol *symbol = data;

    g_free(symbol->name);
    g_free(symbol->version);
    g_free(symbol);
}

static void add_symbol(Image *image, const Section *strings, uint64_t at, const char *version,
                       TnDynamic *dynamic)
{
    unsigned info = (unsigned)MEMBER(image, at, Sym, st_info);
    unsigned bind = ELF64_ST_BIND(info);
    unsigned visibility = ELF64_ST_VISIBILITY(MEMBER(image, at, Sym, st_other));
    g_autofree char *name = text(image, strings, MEMBER(image, at, Sym, st_name));

    if (bind == STB_LOCAL || !name[0] || ELF64_ST_TYPE(info) == STT_SECTION)
        return;
    if (MEMBER(image, at, Sym, st_shndx) != SHN_UNDEF) {
        if (visibility == STV_DEFAULT || visibility == STV_PROTECTED)
            g_ptr_array_add(dynamic->exported, g_steal_pointer(&name));
    } else {
        TnDynamicSymbol *symbol = g_new0(TnDynamicSymbol, 1);

        symbol->name = g_steal_pointer(&name);
        symbol->version = g_strdup(version);
        symbol->weak = bind == STB_WEAK;
        g_ptr_array_add(dynamic->undefined, symbol);
    }
}

static void read_symbols(Image *image, TnDynamic *dynamic)
{
    g_autoptr(GHashTable) names = needed_versions(image);
    Section symbols, strings, versions, unused;
    bool versioned = find_section(image, SHT_GNU_versym, &versions, &unused);

    if (!find_section(image, SHT_DYNSYM, &symbols, &strings))
        return;
    for (uint64_t i = 1; i < symbols.size / ENTRY_SIZE(image, Sym) && !image->bad; i++) {
        const char *version = NULL;

        if (versioned && (i + 1) * sizeof(uint16_t) <= versions.size) {
            unsigned index = number(image, versions.offset + i * sizeof(uint16_t), 2) & VERSION_MASK;

            version = g_hash_table_lookup(names, GUINT_TO_POINTER(index));
        }
        add_symbol(image, &strings, symbols.offset + i * ENTRY_SIZE(image, Sym), version, dynamic);
    }
}

static bool read_libraries(Image *image, TnDynamic *dynamic)
{
    Section s, strings;

    if (!find_section(image, SHT_DYNAMIC, &s, &strings))
        return false;
    for (uint64_t i = 0; i < s.size / ENTRY_SIZE(image, Dyn) && !image->bad; i++) {
        uint64_t at = s.offset + i * ENTRY_SIZE(image, Dyn);
        uint64_t tag = MEMBER(image, at, Dyn, d_tag), value = MEMBER(image, at, Dyn, d_un.d_val);

        if (tag == DT_NEEDED) {
            g_ptr_array_add(dynamic->needed, text(image, &strings, value));
        } else if (tag == DT_RUNPATH || (tag == DT_RPATH && !dynamic->run_path)) {
            g_free(dynamic->run_path);
            dynamic->run_path = text(image, &strings, value);
        } else if (tag == DT_NULL) {
            break;
        }
    }
    return true;
}

/* ---- The whole --------------------------------------------------------------------------- */

static bool load_image(int fd, Image *image)
{
    struct stat st;
    uint64_t got = 0;

    if (fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof(Elf32_Ehdr) || st.st_size > MAX_FILE)
        return false;
    image->size = st.st_size;
    image->bytes = g_malloc(image->size);
    while (got < image->size) {
        ssize_t n = pread(fd, image->bytes + got, image->size - got, (off_t)got);

        if (n <= 0)
            return false;
        got += n;
    }
    image->is64 = image->bytes[EI_CLASS] == ELFCLASS64;
    image->swap = (image->bytes[EI_DATA] == ELFDATA2LSB) != (G_BYTE_ORDER == G_LITTLE_ENDIAN);
    return memcmp(image->bytes, ELFMAG, SELFMAG) == 0;
}

TnDynamic *tn_dynamic_read(int fd, GError **error)
{
    g_autoptr(TnDynamic) dynamic = g_new0(TnDynamic, 1);
    Image image = { 0 };
    bool ok;

    dynamic->needed = g_ptr_array_new_with_free_func(g_free);
    dynamic->exported = g_ptr_array_new_with_free_func(g_free);
    dynamic->undefined = g_ptr_array_new_with_free_func(symbol_free);
    ok = load_image(fd, &image) && read_libraries(&image, dynamic);
    if (ok)
        read_symbols(&image, dynamic);
    g_free(image.bytes);
    if (ok && !image.bad)
        return g_steal_pointer(&dynamic);
    g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "its tables for the dynamic linker are %s",
                ok ? "corrupt" : "missing");
    return NULL;
}

void tn_dynamic_free(TnDynamic *dynamic)
{
    if (!dynamic)
        return;
    g_ptr_array_unref(dynamic->needed);
    g_ptr_array_unref(dynamic->exported);
    g_ptr_array_unref(dynamic->undefined);
    g_free(dynamic->run_path);
    g_free(dynamic);
}
