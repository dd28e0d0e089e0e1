/* SPDX-License-Identifier: MIT */
/* Devices: realize and reset order, register tables, buses. */
#include "object/device.h"

#include <string.h>

#include "clock/owned.h"
#include "tenon/error.h"

/* What the hooks of the test's types did, in order. */
static GString *calls;

typedef struct Base {
    uint32_t unused;
} Base;

typedef struct Widget {
    uint8_t bytes[4];
    uint32_t ctrl, status;
    uint16_t big;
    uint8_t bank0, bank1, select;
    uint32_t hooked, hook_value;
    bool refuse; /* property: realize fails */
} Widget;

static void note_call(const char *what)
{
    g_string_append_printf(calls, "%s%s", calls->len ? " " : "", what);
}

static bool base_realize(TnObject *dev, void *state, GError **error)
{
    note_call("base-realize");
    return true;
}

static void base_unrealize(TnObject *dev, void *state)
{
    note_call("base-unrealize");
}

static void base_reset(TnObject *dev, void *state, TnResetKind kind)
{
    note_call("base-reset");
}

static void base_settle(TnObject *dev, void *state)
{
    note_call("base-settle");
}

static const TnDeviceOps base_ops = {
    .size = sizeof(TnDeviceOps), .realize = base_realize, .unrealize = base_unrealize,
    .reset = base_reset, .settle = base_settle,
};
static const TnInterfaceImpl base_interfaces[] = { { TN_IFACE_DEVICE, &base_ops }, { 0 } };
static const TnTypeInfo base_type = {
    .size = sizeof(TnTypeInfo), .name = "test-base", .parent = TN_TYPE_DEVICE,
    .state_size = sizeof(Base), .interfaces = base_interfaces,
};

/* ---- The register table ----------------------------------------------------------------- */

static uint64_t hooked_read(void *state, const TnRegister *reg)
{
    return ((Widget *)state)->hook_value++;
}

static void hooked_write(void *state, const TnRegister *reg, uint64_t value)
{
    ((Widget *)state)->hooked = value;
}

static bool selects_0(const void *state)
{
    return ((const Widget *)state)->select == 0;
}

static const TnRegister widget_registers[] = {
    { .name = "B0", .offset = 0, .size = 1, .field = offsetof(Widget, bytes), .size_of_field = 1,
      .reset = 0x11 },
    { .name = "B1", .offset = 1, .size = 1, .field = offsetof(Widget, bytes) + 1,
      .size_of_field = 1, .reset = 0x22, .flags = TN_REG_KEEP },
    { .name = "B2", .offset = 2, .size = 1, .field = offsetof(Widget, bytes) + 2,
      .size_of_field = 1, .flags = TN_REG_RO, .reset = 0x33 },
    { .name = "CTRL", .offset = 4, .size = 4, TN_REG_FIELD(Widget, ctrl), .writable = 0xff00ff },
    { .name = "STATUS", .offset = 8, .size = 4, TN_REG_FIELD(Widget, status), .reset = 0xff0f,
      .writable = 0xf0000000, .w1c = 0xffff },
    { .name = "HOOK", .offset = 12, .size = 4, .read = hooked_read, .write = hooked_write,
      .writable = 0xffff },
    { .name = "ZERO", .offset = 16, .size = 1, TN_REG_FIELD(Widget, bank0), .when = selects_0 },
    { .name = "ONE", .offset = 16, .size = 1, TN_REG_FIELD(Widget, bank1) },
    { .name = "RBR", .offset = 17, .size = 1, .flags = TN_REG_RO, .reset = 0x5a },
    { .name = "THR", .offset = 17, .size = 1, .flags = TN_REG_WO, TN_REG_FIELD(Widget, select) },
    { .name = NULL },
};

static const TnRegisterBank widget_bank = {
    .size_of = sizeof(TnRegisterBank), .stride = sizeof(TnRegister), .name = "widget",
    .registers = widget_registers, .size = 32, .absent = UINT64_MAX,
};

static const TnRegister big_registers[] = {
    { .name = "BIG", .offset = 0, .size = 2, TN_REG_FIELD(Widget, big), .reset = 0x1234 },
    { .name = NULL },
};
static const TnRegisterBank big_bank = {
    .size_of = sizeof(TnRegisterBank), .stride = sizeof(TnRegister), .name = "big",
    .registers = big_registers, .size = 2, .endian = TN_ENDIAN_BIG,
};

static bool widget_realize(TnObject *dev, void *state, GError **error)
{
    note_call("widget-realize");
    if (!((Widget *)state)->refuse)
        return true;
    g_set_error(error, TN_ERROR, TN_ERROR_FAILED, "told to refuse");
    return false;
}

static void widget_unrealize(TnObject *dev, void *state)
{
    note_call("widget-unrealize");
}

static void widget_reset(TnObject *dev, void *state, TnResetKind kind)
{
    note_call("widget-reset");
}

static void widget_settle(TnObject *dev, void *state)
{
    note_call("widget-settle");
}

static const TnRegisterBank *const widget_banks[] = { &widget_bank, &big_bank, NULL };
static const TnDeviceOps widget_ops = {
    .size = sizeof(TnDeviceOps), .realize = widget_realize, .unrealize = widget_unrealize,
    .reset = widget_reset, .settle = widget_settle, .banks = widget_banks,
};
static const TnInterfaceImpl widget_interfaces[] = { { TN_IFACE_DEVICE, &widget_ops }, { 0 } };
static const TnProperty widget_properties[] = {
    { .name = "refuse", .kind = TN_PROP_BOOL, .offset = offsetof(Widget, refuse) },
    { .name = NULL },
};
static const TnTypeInfo widget_type = {
    .size = sizeof(TnTypeInfo), .name = "test-widget", .parent = "test-base",
    .state_size = sizeof(Widget), .property_stride = TN_PROPERTY_STRIDE,
    .properties = widget_properties, .interfaces = widget_interfaces,
};

/* ---- A bus of two places ----------------------------------------------------------------- */

typedef struct Slots {
    unsigned used;
} Slots;

static bool slots_plug(TnObject *bus, void *state, TnObject *dev, GError **error)
{
    Slots *slots = state;

    if (slots->used == 2) {
        g_set_error(error, TN_ERROR, TN_ERROR_BUSY, "both slots are taken");
        return false;
    }
    slots->used++;
    return true;
}

static const TnBusOps slots_ops = {
    .size = sizeof(TnBusOps), .device_type = "test-base", .plug = slots_plug,
};
static const TnInterfaceImpl slots_interfaces[] = { { TN_IFACE_BUS, &slots_ops }, { 0 } };
static const TnTypeInfo slots_type = {
    .size = sizeof(TnTypeInfo), .name = "test-slots", .parent = TN_TYPE_BUS,
    .state_size = sizeof(Slots), .interfaces = slots_interfaces,
};

static const TnProperty needy_properties[] = {
    { .name = "wish", .kind = TN_PROP_STRING, .flags = TN_PROP_REQUIRED }, { .name = NULL },
};
static const TnTypeInfo needy_type = {
    .size = sizeof(TnTypeInfo), .name = "test-needy", .parent = TN_TYPE_DEVICE, .state_size = 8,
    .property_stride = TN_PROPERTY_STRIDE, .properties = needy_properties,
};

static TnObject *new_widget(void)
{
    TnObject *dev = tn_object_new("test-widget", NULL);

    g_assert_true(tn_device_realize(dev, NULL));
    tn_device_reset(dev, TN_RESET_COLD);
    g_string_truncate(calls, 0);
    return dev;
}

static uint64_t read_at(TnObject *dev, uint64_t offset, unsigned size)
{
    return tn_register_read(dev, tn_object_own_state(dev), &widget_bank, offset, size);
}

static void write_at(TnObject *dev, uint64_t offset, uint64_t value, unsigned size)
{
    tn_register_write(dev, tn_object_own_state(dev), &widget_bank, offset, value, size);
}

/* ---- Cases ------------------------------------------------------------------------------ */

static void hooks_run_ancestors_first_and_back(void)
{
    TnObject *dev = tn_object_new("test-widget", NULL);

    g_string_truncate(calls, 0);
    g_assert_true(tn_device_realize(dev, NULL));
    tn_device_reset(dev, TN_RESET_COLD);
    tn_device_unrealize(dev);
    g_assert_cmpstr(calls->str, ==,
                    "base-realize widget-realize base-reset widget-reset base-settle "
                    "widget-settle widget-unrealize base-unrealize");
    tn_object_unref(dev);
}

static void a_realized_device_is_unrealized_when_it_ends(void)
{
    TnObject *dev = new_widget();

    tn_object_unref(dev);
    g_assert_cmpstr(calls->str, ==, "widget-unrealize base-unrealize");
}

static void a_failed_realize_undoes_the_ancestors(void)
{
    TnObject *dev = tn_object_new("test-widget", NULL);
    g_autoptr(GError) error = NULL;

    g_string_truncate(calls, 0);
    g_assert_true(tn_object_set(dev, "refuse", "on", NULL));
    g_assert_false(tn_device_realize(dev, &error));
    g_assert_cmpstr(error->message, ==, "test-widget: told to refuse");
    g_assert_cmpstr(calls->str, ==, "base-realize widget-realize base-unrealize");
    g_assert_false(tn_device_realized(dev));
    tn_object_unref(dev);
}

static void everything_is_reset_before_anything_settles(void)
{
    TnObject *dev = new_widget();
    TnObject *child = tn_object_new_child(dev, "child", "test-widget", NULL);

    g_assert_true(tn_device_realize(child, NULL));
    g_string_truncate(calls, 0);
    tn_device_reset(dev, TN_RESET_WARM);
    g_assert_cmpstr(calls->str, ==,
                    "base-reset widget-reset base-reset widget-reset "
                    "base-settle widget-settle base-settle widget-settle");
    tn_object_unref(dev);
}

static void properties_are_fixed_once_realized(void)
{
    TnObject *dev = new_widget();
    g_autoptr(GError) error = NULL;

    g_assert_false(tn_object_set(dev, "refuse", "on", &error));
    g_assert_nonnull(strstr(error->message, "cannot be set once the device is realized"));
    tn_object_unref(dev);
}

static void a_required_property_must_be_set(void)
{
    TnObject *dev = tn_object_new("test-needy", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(tn_device_realize(dev, &error));
    g_assert_nonnull(strstr(error->message, "property 'wish' must be set"));
    g_assert_true(tn_object_set(dev, "wish", "x", NULL));
    g_assert_true(tn_device_realize(dev, NULL));
    tn_object_unref(dev);
}

static void an_access_is_cut_along_the_registers(void)
{
    TnObject *dev = new_widget();

    g_assert_cmphex(read_at(dev, 0, 4), ==, 0xff330011); /* B1 keeps its 0; byte 3 is absent */
    write_at(dev, 0, 0xddccbbaa, 4);
    g_assert_cmphex(read_at(dev, 0, 4), ==, 0xff33bbaa);
    write_at(dev, 4, 0xffffffff, 4);
    g_assert_cmphex(read_at(dev, 4, 4), ==, 0x00ff00ff);
    write_at(dev, 6, 0x55, 1);
    g_assert_cmphex(read_at(dev, 4, 4), ==, 0x005500ff);
    g_assert_cmphex(read_at(dev, 3, 4), ==, 0x5500ffff);
    tn_object_unref(dev);
}

static void ones_clear_where_the_table_says(void)
{
    TnObject *dev = new_widget();

    g_assert_cmphex(read_at(dev, 8, 4), ==, 0xff0f);
    write_at(dev, 8, 0xf0000003, 4);
    g_assert_cmphex(read_at(dev, 8, 4), ==, 0xf000ff0c);
    write_at(dev, 9, 0x0f, 1); /* bytes that are not written do not clear */
    g_assert_cmphex(read_at(dev, 8, 4), ==, 0xf000f00c);
    tn_object_unref(dev);
}

static void hooks_get_masked_values_and_run_once(void)
{
    TnObject *dev = new_widget();
    Widget *w = tn_object_own_state(dev);

    write_at(dev, 12, 0x12345678, 4);
    g_assert_cmphex(w->hooked, ==, 0x5678);
    w->hook_value = 7;
    g_assert_cmpuint(read_at(dev, 12, 4), ==, 7);
    g_assert_cmpuint(w->hook_value, ==, 8);
    tn_object_unref(dev);
}

static void rows_are_chosen_by_when_and_by_direction(void)
{
    TnObject *dev = new_widget();
    Widget *w = tn_object_own_state(dev);

    write_at(dev, 16, 0xa0, 1);
    write_at(dev, 17, 1, 1); /* THR is select */
    write_at(dev, 16, 0xa1, 1);
    g_assert_cmphex(w->bank0, ==, 0xa0);
    g_assert_cmphex(w->bank1, ==, 0xa1);
    g_assert_cmphex(read_at(dev, 17, 1), ==, 0x5a);
    tn_object_unref(dev);
}

static void every_access_is_followed_by_settle(void)
{
    TnObject *dev = new_widget();

    read_at(dev, 0, 1);
    write_at(dev, 0, 1, 1);
    g_assert_cmpstr(calls->str, ==, "base-settle widget-settle base-settle widget-settle");
    tn_object_unref(dev);
}

static void a_big_endian_bank_has_its_high_byte_first(void)
{
    TnObject *dev = new_widget();
    Widget *w = tn_object_own_state(dev);

    g_assert_cmphex(tn_register_read(dev, w, &big_bank, 0, 1), ==, 0x12);
    g_assert_cmphex(tn_register_read(dev, w, &big_bank, 1, 1), ==, 0x34);
    g_assert_cmphex(tn_register_read(dev, w, &big_bank, 0, 2), ==, 0x1234);
    tn_register_write(dev, w, &big_bank, 1, 0x99, 1);
    g_assert_cmphex(w->big, ==, 0x1299);
    tn_object_unref(dev);
}

static void a_bus_takes_its_kind_while_it_has_room(void)
{
    TnObject *host = tn_object_new_child(tn_object_root(), "host", "test-widget", NULL);
    TnObject *bus = tn_bus_new(host, "test-slots", "slots.0", NULL);
    GError *error = NULL;
    TnObject *dev = tn_device_create(bus, "test-widget", "id=w0,refuse=off", &error);
    g_autofree char *path = NULL;

    g_assert_no_error(error);
    path = tn_object_path(dev);
    g_assert_cmpstr(path, ==, "/host/slots.0/w0");
    g_assert_true(tn_device_bus(dev) == bus);
    g_assert_cmpstr(tn_device_id(dev), ==, "w0");
    g_assert_true(tn_bus_find("test-slots") == bus);
    g_assert_true(tn_bus_find_for(dev) == bus);
    g_assert_null(tn_device_create(bus, "test-widget", "id=w0", &error));
    g_assert_nonnull(strstr(error->message, "the id 'w0' is taken by"));
    g_clear_error(&error);
    g_assert_null(tn_device_create(bus, "test-needy", "wish=x", &error));
    g_assert_nonnull(strstr(error->message, "cannot be plugged into"));
    g_clear_error(&error);
    g_assert_nonnull(tn_device_create(bus, "test-widget", NULL, NULL));
    g_assert_null(tn_device_create(bus, "test-widget", NULL, &error));
    g_assert_nonnull(strstr(error->message, "both slots are taken"));
    g_clear_error(&error);
    tn_object_unparent(host);
}

#define ADD(path_, fn_) g_test_add_func("/device/" path_, fn_)

int main(int argc, char **argv)
{
    const TnTypeInfo *const types[] = { &base_type, &widget_type, &slots_type, &needy_type };

    g_test_init(&argc, &argv, NULL);
    calls = g_string_new(NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
        g_assert_true(tn_type_register(types[i], NULL));
    ADD("life/hooks-run-ancestors-first-and-back", hooks_run_ancestors_first_and_back);
    ADD("life/a-failed-realize-undoes-the-ancestors", a_failed_realize_undoes_the_ancestors);
    ADD("life/a-realized-device-is-unrealized-when-it-ends",
        a_realized_device_is_unrealized_when_it_ends);
    ADD("life/properties-are-fixed-once-realized", properties_are_fixed_once_realized);
    ADD("life/a-required-property-must-be-set", a_required_property_must_be_set);
    ADD("reset/everything-is-reset-before-anything-settles",
        everything_is_reset_before_anything_settles);
    ADD("register/an-access-is-cut-along-the-registers", an_access_is_cut_along_the_registers);
    ADD("register/ones-clear-where-the-table-says", ones_clear_where_the_table_says);
    ADD("register/hooks-get-masked-values-and-run-once", hooks_get_masked_values_and_run_once);
    ADD("register/rows-are-chosen-by-when-and-by-direction",
        rows_are_chosen_by_when_and_by_direction);
    ADD("register/every-access-is-followed-by-settle", every_access_is_followed_by_settle);
    ADD("register/a-big-endian-bank-has-its-high-byte-first",
        a_big_endian_bank_has_its_high_byte_first);
    ADD("bus/takes-its-kind-while-it-has-room", a_bus_takes_its_kind_while_it_has_room);
    return g_test_run();
}
