/* SPDX-License-Identifier: MIT */
/*
 * Notes of module files: what is read from good ones, and that no bad one does more than give an
 * error. The files are made here, byte by byte.
 */
#include "module/note.h"

#include <elf.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tenon/module.h"

static const char good_text[] =
    "format=1\nabi=1.0\nname=test\nversion=2.1\nlicence=MIT\nrequires=other\nguests=x86_64,i386\n"
    "colour=blue\nprovides=device|widget|PCI|misc|u|A widget | with a bar\n"
    "alias=device|gadget|widget\nprovides=machine|board|||-|A board\n";

/* A 64-bit x86-64 shared object of one PT_NOTE segment with `text` as our note. */
static GByteArray *make_file(const char *text)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr segment;
        uint32_t note[3];
        char owner[8];
    } top = {
        .header = { .e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
                    .e_phoff = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr),
                    .e_phnum = 1, .e_ehsize = sizeof(Elf64_Ehdr) },
    };
    GByteArray *file = g_byte_array_new();
    uint32_t size = strlen(text) + 1;

    memcpy(top.header.e_ident, ELFMAG, SELFMAG);
    top.header.e_ident[EI_CLASS] = ELFCLASS64;
    top.header.e_ident[EI_DATA] = ELFDATA2LSB;
    top.header.e_ident[EI_VERSION] = EV_CURRENT;
    top.segment = (Elf64_Phdr){ .p_type = PT_NOTE, .p_align = 4,
                                .p_offset = offsetof(__typeof__(top), note),
                                .p_filesz = 20 + size };
    memcpy(top.note, (uint32_t[]){ 6, size, TN_NOTE_TYPE }, 12);
    memcpy(top.owner, TN_NOTE_OWNER, 6);
    g_byte_array_append(file, (const uint8_t *)&top, offsetof(__typeof__(top), owner) + 8);
    g_byte_array_append(file, (const uint8_t *)text, size);
    return file;
}

static TnNote *read_bytes(const uint8_t *bytes, size_t n, GError **error)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("tenon-note-XXXXXX", &path, NULL);
    TnNote *note;

    g_unlink(path);
    g_assert_cmpint(write(fd, bytes, n), ==, n);
    note = tn_note_read(fd, error);
    close(fd);
    g_assert_true(!note == (error && *error));
    return note;
}

static void check_refused(GByteArray *file, const char *message)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(read_bytes(file->data, file->len, &error));
    if (!strstr(error->message, message))
        g_error("\"%s\" does not say \"%s\"", error->message, message);
    g_byte_array_unref(file);
}

/* ---- Cases ------------------------------------------------------------------------------ */

static void a_good_note_is_read_whole(void)
{
    g_autoptr(GByteArray) file = make_file(good_text);
    g_autoptr(GError) error = NULL;
    g_autoptr(TnNote) note = read_bytes(file->data, file->len, &error);
    const TnProvide *widget;

    g_assert_no_error(error);
    g_assert_cmpstr(note->name, ==, "test");
    g_assert_cmpstr(note->version, ==, "2.1");
    g_assert_cmpstr(note->requires->pdata[0], ==, "other");
    g_assert_cmpstr(note->guests[1], ==, "i386");
    g_assert_cmpuint(note->abi_major, ==, 1);
    g_assert_cmpuint(note->provides->len, ==, 2);
    widget = note->provides->pdata[0];
    g_assert_cmpstr(widget->bus, ==, "PCI");
    g_assert_cmpstr(widget->description, ==, "A widget | with a bar");
    g_assert_cmpuint(widget->flags, ==, TN_PROVIDE_USER);
    g_assert_cmpstr(widget->aliases->pdata[0], ==, "gadget");
    g_assert_cmpuint(((TnProvide *)note->provides->pdata[1])->flags, ==, 0);
}

static void a_foreign_file_is_read_and_called_foreign(void)
{
    g_autoptr(GByteArray) file = make_file(good_text);
    g_autoptr(TnNote) note = NULL;

    ((Elf64_Ehdr *)file->data)->e_machine = EM_S390;
    note = read_bytes(file->data, file->len, NULL);
    g_assert_true(note->foreign);
    g_assert_cmpstr(note->arch, ==, "s390x");
}

static void what_is_no_module_says_so(void)
{
    GByteArray *file = make_file(good_text);

    memcpy(file->data, "#!/bin/sh", 9);
    check_refused(file, "not an ELF file");
    file = make_file(good_text);
    ((Elf64_Ehdr *)file->data)->e_type = ET_EXEC;
    check_refused(file, "not a shared object");
    file = make_file(good_text);
    ((Elf64_Phdr *)(file->data + sizeof(Elf64_Ehdr)))->p_type = PT_LOAD;
    check_refused(file, "no Tenon note");
    file = make_file(good_text);
    file->data[offsetof(Elf64_Ehdr, e_ident) + EI_CLASS] = 9;
    check_refused(file, "header is corrupt");
    check_refused(g_byte_array_new(), "not an ELF file");
}

static void bad_texts_are_refused(void)
{
    check_refused(make_file("format=2\nname=x\n"), "of format 2, this program reads format 1");
    check_refused(make_file("name=x\n"), "does not begin with a format");
    check_refused(make_file("format=1\nabi=1.0\n"), "no name");
    check_refused(make_file("format=1\nabi=one\nname=x\n"), "bad line 'abi=one'");
    check_refused(make_file("format=1\nabi=4294967297.0\nname=x\n"), "bad line 'abi=4294967297.0'");
    check_refused(make_file("format=1\nabi=1.-1\nname=x\n"), "bad line 'abi=1.-1'");
    check_refused(make_file("format=1\nname=x\nprovides=device|x\n"), "bad line 'provides=");
    check_refused(make_file("format=1\nname=x\nprovides=device||a|b|c|d\n"), "bad line 'provides=");
    check_refused(make_file("format=1\nname=x\nprovides=|x|a|b|c|d\n"), "bad line 'provides=");
    check_refused(make_file("format=1\nname=x\nalias=device|y\n"), "bad line 'alias=device|y'");
    check_refused(make_file("format=1\nname=x\nalias=device|y|x\n"), "names nothing");
    check_refused(make_file("format=1\nname=\033[31mred\n"), "not plain text");
    check_refused(make_file("format=1\nname=\xff\n"), "not UTF-8");
}

static void every_truncation_is_an_error(void)
{
    g_autoptr(GByteArray) file = make_file(good_text);

    for (unsigned n = 0; n < file->len; n++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(read_bytes(file->data, n, &error));
    }
}

static void changed_bytes_never_do_more_than_fail(void)
{
    static const uint8_t values[] = { 0x00, 0xff, 0x7f, 0x80 };
    g_autoptr(GByteArray) file = make_file(good_text);

    for (unsigned n = 0; n < file->len; n++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
            g_autofree uint8_t *changed = g_memdup2(file->data, file->len);
            g_autoptr(GError) error = NULL;

            changed[n] = values[i];
            tn_note_free(read_bytes(changed, file->len, &error));
        }
    }
}

static void random_headers_never_do_more_than_fail(void)
{
    for (unsigned round = 0; round < 2000; round++) {
        g_autoptr(GByteArray) file = make_file(good_text);
        g_autoptr(GError) error = NULL;

        for (unsigned i = 0; i < 4; i++)
            file->data[g_test_rand_int_range(4, file->len)] = g_test_rand_int();
        tn_note_free(read_bytes(file->data, file->len, &error));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/note/a-good-one-is-read-whole", a_good_note_is_read_whole);
    g_test_add_func("/note/a-foreign-file-is-read-and-called-foreign",
                    a_foreign_file_is_read_and_called_foreign);
    g_test_add_func("/note/what-is-no-module-says-so", what_is_no_module_says_so);
    g_test_add_func("/note/bad-texts-are-refused", bad_texts_are_refused);
    g_test_add_func("/note/every-truncation-is-an-error", every_truncation_is_an_error);
    g_test_add_func("/note/changed-bytes-never-do-more-than-fail",
                    changed_bytes_never_do_more_than_fail);
    g_test_add_func("/note/random-headers-never-do-more-than-fail",
                    random_headers_never_do_more_than_fail);
    return g_test_run();
}
