/* SPDX-License-Identifier: MIT */
/*
 * The form of an index: what was written is read, and nothing else is. That a program falls back to
 * the files is tested by tests/modules/index.py.
 */
#include "module/index.h"

#include <string.h>

enum { VERSION_AT = 8, FORMAT_AT = 12, COUNT_AT = 16, SIZE_AT = 24, FIRST_AT = 32, SUM_SIZE = 8,
       NAME_SIZE_AT = FIRST_AT + 44, NOTE_SIZE_AT = FIRST_AT + 48 };

static const char note[] = "format=1\nabi=1.0\nname=x\n";

static const TnIndexEntry entries[] = {
    { "a.so", { 1, 2, 3, 4, 5, 6 }, { 2, 1, 62 }, note, sizeof(note) - 1 },
    { "b-longer.so", { UINT64_MAX, UINT64_MAX, INT64_MIN, INT64_MAX, 1, 2 }, { 1, 2, 8 }, note, 3 },
    { "c.so", { 0 }, { 0 }, note, 0 },
};

static GByteArray *make(void)
{
    GError *error = NULL;
    GByteArray *bytes = tn_index_encode(entries, G_N_ELEMENTS(entries), &error);

    g_assert_no_error(error);
    return bytes;
}

static TnIndex *decode(const GByteArray *bytes, size_t size, GError **error)
{
    return tn_index_decode(g_memdup2(bytes->data, size), size, error);
}

static void expect_refused(const GByteArray *bytes, size_t size, const char *why)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TnIndex) index = decode(bytes, size, &error);

    g_assert_null(index);
    g_assert_nonnull(error);
    if (why)
        g_assert_cmpstr(error->message, ==, why);
}

static void seal(GByteArray *bytes)
{
    uint64_t size = GUINT64_TO_LE((uint64_t)bytes->len), sum;

    memcpy(bytes->data + SIZE_AT, &size, sizeof(size));
    sum = GUINT64_TO_LE(tn_index_sum((const char *)bytes->data, bytes->len - SUM_SIZE));
    memcpy(bytes->data + bytes->len - SUM_SIZE, &sum, sizeof(sum));
}

/* ---- Cases ------------------------------------------------------------------------------ */

static void what_was_written_is_read(void)
{
    g_autoptr(GByteArray) bytes = make();
    g_autoptr(GError) error = NULL;
    g_autoptr(TnIndex) index = decode(bytes, bytes->len, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(index->entries->len, ==, G_N_ELEMENTS(entries));
    for (unsigned i = 0; i < G_N_ELEMENTS(entries); i++) {
        const TnIndexEntry *read = &g_array_index(index->entries, TnIndexEntry, i);

        g_assert_cmpstr(read->file, ==, entries[i].file);
        g_assert_true(tn_file_stamp_equal(&read->stamp, &entries[i].stamp));
        g_assert_cmpmem(&read->host, sizeof(read->host), &entries[i].host, sizeof(read->host));
        g_assert_cmpmem(read->note, read->note_size, note, entries[i].note_size);
    }
}

static void the_same_entries_give_the_same_bytes(void)
{
    g_autoptr(GByteArray) one = make(), other = make();

    g_assert_cmpmem(one->data, one->len, other->data, other->len);
}

static void an_index_of_nothing_is_good(void)
{
    g_autoptr(GByteArray) bytes = tn_index_encode(NULL, 0, NULL);
    g_autoptr(TnIndex) index = decode(bytes, bytes->len, NULL);

    g_assert_nonnull(index);
    g_assert_cmpuint(index->entries->len, ==, 0);
}

static void names_are_found_in_their_order(void)
{
    g_autoptr(GByteArray) bytes = make();
    g_autoptr(TnIndex) index = decode(bytes, bytes->len, NULL);
    unsigned cursor = 0;

    g_assert_null(tn_index_find(index, "a-first.so", &cursor));
    g_assert_cmpstr(tn_index_find(index, "a.so", &cursor)->file, ==, "a.so");
    g_assert_null(tn_index_find(index, "b.so", &cursor));
    g_assert_cmpstr(tn_index_find(index, "c.so", &cursor)->file, ==, "c.so");
    g_assert_null(tn_index_find(index, "d.so", &cursor));
}

static void any_length_but_the_whole_is_refused(void)
{
    g_autoptr(GByteArray) bytes = make();
    unsigned whole = bytes->len;

    for (unsigned size = 0; size < whole; size++)
        expect_refused(bytes, size, NULL);
    g_byte_array_append(bytes, (const uint8_t *)"\0\0\0\0\0\0\0", 8);
    for (unsigned size = whole + 1; size <= bytes->len; size++)
        expect_refused(bytes, size, NULL);
}

static void any_flipped_bit_is_refused(void)
{
    g_autoptr(GByteArray) bytes = make();

    for (unsigned bit = 0; bit < bytes->len * 8; bit++) {
        bytes->data[bit / 8] ^= 1u << bit % 8;
        expect_refused(bytes, bytes->len, NULL);
        bytes->data[bit / 8] ^= 1u << bit % 8;
    }
}

static void other_versions_are_refused(void)
{
    for (unsigned at = VERSION_AT; at <= FORMAT_AT; at += FORMAT_AT - VERSION_AT) {
        g_autoptr(GByteArray) bytes = make();

        bytes->data[at]++;
        seal(bytes);
        expect_refused(bytes, bytes->len, "it was written by another version");
    }
}

/* A wrong number, in an index whose sum is right. */
static void expect_malformed(unsigned at, uint32_t number)
{
    g_autoptr(GByteArray) bytes = make();

    number = GUINT32_TO_LE(number);
    memcpy(bytes->data + at, &number, sizeof(number));
    seal(bytes);
    expect_refused(bytes, bytes->len, "it is malformed");
}

static void lengths_that_lead_elsewhere_are_refused(void)
{
    const uint32_t wrong[] = { 0, 1, 3, 4, 6, 64, 4096, INT32_MAX, UINT32_MAX - 3, UINT32_MAX };

    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        expect_malformed(NAME_SIZE_AT, wrong[i]);
        if (wrong[i] != 3)
            expect_malformed(COUNT_AT, wrong[i]);
        if (wrong[i] >= 64 || wrong[i] < 3)
            expect_malformed(NOTE_SIZE_AT, wrong[i]);
    }
}

static void names_that_scanning_could_not_find_are_refused(void)
{
    static const char *const names[] = { "", "so", "x.index", "../a.so", "/a.so", "d/a.so", "a.so/",
                                         "x" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        TnIndexEntry entry = { .file = names[i], .note = note, .note_size = sizeof(note) - 1 };
        g_autoptr(GByteArray) bytes = tn_index_encode(&entry, 1, NULL);

        expect_refused(bytes, bytes->len, "it is malformed");
    }
}

static void names_out_of_order_are_refused(void)
{
    for (unsigned second = 0; second < 2; second++) {
        const TnIndexEntry wrong[] = { entries[1], entries[second] };
        g_autoptr(GByteArray) bytes = tn_index_encode(wrong, 2, NULL);

        expect_refused(bytes, bytes->len, "it is malformed");
    }
}

static void an_index_has_a_limit(void)
{
    g_autofree char *large = g_malloc0(TN_INDEX_MAX / 2);
    TnIndexEntry wrong[] = { entries[0], entries[1] };
    g_autoptr(GError) error = NULL;

    wrong[0].note = wrong[1].note = large;
    wrong[0].note_size = wrong[1].note_size = TN_INDEX_MAX / 2;
    g_assert_null(tn_index_encode(wrong, 2, &error));
    g_assert_nonnull(error);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/index/what-was-written-is-read", what_was_written_is_read);
    g_test_add_func("/index/the-same-entries-give-the-same-bytes",
                    the_same_entries_give_the_same_bytes);
    g_test_add_func("/index/an-index-of-nothing-is-good", an_index_of_nothing_is_good);
    g_test_add_func("/index/names-are-found-in-their-order", names_are_found_in_their_order);
    g_test_add_func("/index/any-length-but-the-whole-is-refused",
                    any_length_but_the_whole_is_refused);
    g_test_add_func("/index/any-flipped-bit-is-refused", any_flipped_bit_is_refused);
    g_test_add_func("/index/other-versions-are-refused", other_versions_are_refused);
    g_test_add_func("/index/lengths-that-lead-elsewhere-are-refused",
                    lengths_that_lead_elsewhere_are_refused);
    g_test_add_func("/index/names-that-scanning-could-not-find-are-refused",
                    names_that_scanning_could_not_find_are_refused);
    g_test_add_func("/index/names-out-of-order-are-refused", names_out_of_order_are_refused);
    g_test_add_func("/index/an-index-has-a-limit", an_index_has_a_limit);
    return g_test_run();
}
