/* SPDX-License-Identifier: MIT */
/* State tables and registers as bytes and back; corrupt bytes. */
#include "object/state.h"

#include <string.h>

#include "tenon/error.h"

typedef struct Entry {
    uint16_t key;
    bool on;
} Entry;

typedef struct Thing {
    uint8_t small;
    uint32_t numbers[3];
    uint64_t big;
    uint8_t raw[5];
    Entry entries[2];
    uint16_t reg;
    bool was_loaded;
} Thing;

static const TnStateField entry_state[] = {
    TN_STATE(U16, Entry, key), TN_STATE(BOOL, Entry, on), TN_STATE_LAST,
};

static const TnStateField thing_state[] = {
    TN_STATE(U8, Thing, small),
    TN_STATE_ARRAY(U32, Thing, numbers),
    TN_STATE(U64, Thing, big),
    TN_STATE_BUFFER(Thing, raw),
    TN_STATE_SUB_ARRAY(Thing, entries, entry_state),
    TN_STATE_LAST,
};

/* The table as an older version had it. */
static const TnStateField old_state[] = {
    TN_STATE(U8, Thing, small), TN_STATE(U64, Thing, big), TN_STATE_LAST,
};

static const TnRegister registers[] = {
    { .name = "R", .offset = 0, .size = 2, TN_REG_FIELD(Thing, reg) }, { .name = NULL },
};
static const TnRegisterBank bank = {
    .size_of = sizeof(TnRegisterBank), .stride = sizeof(TnRegister), .name = "thing",
    .registers = registers, .size = 2,
};
static const TnRegisterBank *const banks[] = { &bank, NULL };

static bool loaded(TnObject *dev, void *state, unsigned version, GError **error)
{
    g_assert_cmpuint(version, ==, 1);
    ((Thing *)state)->was_loaded = true;
    return true;
}

static const TnDeviceOps ops = { .size = sizeof(TnDeviceOps), .banks = banks, .loaded = loaded };
static const TnInterfaceImpl interfaces[] = { { TN_IFACE_DEVICE, &ops }, { 0 } };
static const TnTypeInfo type = {
    .size = sizeof(TnTypeInfo), .name = "test-thing", .parent = TN_TYPE_DEVICE,
    .state_size = sizeof(Thing), .state = thing_state, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces,
};

static const Thing sample = {
    .small = 1, .numbers = { 2, 0x80000003, 4 }, .big = 0x123456789abcdef0, .raw = "abcd",
    .entries = { { 7, true }, { 8, false } }, .reg = 0xbeef,
};

static GByteArray *save_sample(const TnStateField *table)
{
    GByteArray *bytes = g_byte_array_new();

    tn_state_save(table, TN_STATE_STRIDE, &sample, bytes);
    return bytes;
}

static void every_kind_comes_back(void)
{
    g_autoptr(GByteArray) bytes = save_sample(thing_state);
    Thing back = { .reg = sample.reg };

    g_assert_true(tn_state_load(thing_state, TN_STATE_STRIDE, &back, bytes->data, bytes->len, NULL));
    g_assert_cmpmem(&back, sizeof(back), &sample, sizeof(sample));
}

static void older_bytes_leave_newer_fields_alone(void)
{
    g_autoptr(GByteArray) bytes = save_sample(old_state);
    Thing back = { .numbers = { 9, 9, 9 } };

    g_assert_true(tn_state_load(thing_state, TN_STATE_STRIDE, &back, bytes->data, bytes->len, NULL));
    g_assert_cmpuint(back.small, ==, 1);
    g_assert_cmpuint(back.numbers[1], ==, 9);
}

static void newer_bytes_are_refused_by_name(void)
{
    g_autoptr(GByteArray) bytes = save_sample(thing_state);
    g_autoptr(GError) error = NULL;
    Thing back = { 0 };

    g_assert_false(tn_state_load(old_state, TN_STATE_STRIDE, &back, bytes->data, bytes->len, &error));
    g_assert_nonnull(strstr(error->message, "'numbers'"));
}

static void cut_or_changed_bytes_never_overrun(void)
{
    g_autoptr(GByteArray) bytes = save_sample(thing_state);
    Thing back;

    for (unsigned n = 1; n < bytes->len; n++) {
        g_autofree uint8_t *cut = g_memdup2(bytes->data, n); /* for ASan: exactly n bytes */

        tn_state_load(thing_state, TN_STATE_STRIDE, &back, cut, n, NULL);
    }
    for (unsigned n = 0; n < bytes->len; n++) {
        g_autofree uint8_t *changed = g_memdup2(bytes->data, bytes->len);

        changed[n] ^= 0xff;
        tn_state_load(thing_state, TN_STATE_STRIDE, &back, changed, bytes->len, NULL);
    }
    g_assert_false(tn_state_load(thing_state, TN_STATE_STRIDE, &back, bytes->data, bytes->len - 1, NULL));
}

static void an_object_saves_its_registers_too(void)
{
    TnObject *obj = tn_object_new("test-thing", NULL), *copy = tn_object_new("test-thing", NULL);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    Thing *back = tn_object_own_state(copy);

    memcpy(tn_object_own_state(obj), &sample, sizeof(sample));
    tn_object_save(obj, bytes);
    g_assert_true(tn_object_load(copy, bytes->data, bytes->len, NULL));
    g_assert_true(back->was_loaded);
    back->was_loaded = false;
    g_assert_cmpmem(back, sizeof(*back), &sample, sizeof(sample));
    tn_object_unref(obj);
    tn_object_unref(copy);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(tn_type_register(&type, NULL));
    g_test_add_func("/state/every-kind-comes-back", every_kind_comes_back);
    g_test_add_func("/state/older-bytes-leave-newer-fields-alone",
                    older_bytes_leave_newer_fields_alone);
    g_test_add_func("/state/newer-bytes-are-refused-by-name", newer_bytes_are_refused_by_name);
    g_test_add_func("/state/cut-or-changed-bytes-never-overrun",
                    cut_or_changed_bytes_never_overrun);
    g_test_add_func("/state/an-object-saves-its-registers-too", an_object_saves_its_registers_too);
    return g_test_run();
}
