/* SPDX-License-Identifier: MIT */
/* Types, objects, properties, interfaces, the composition tree. */
#include "object/object.h"

#include <string.h>

#include "tenon/error.h"

/* ---- Types of the test ------------------------------------------------------------------ */

typedef struct Animal {
    uint8_t legs;
    int32_t mood;
    uint64_t food;
    bool tame;
    char *name;
    uint32_t colour;
    TnObject *friend;
    char *upper; /* what the setter of "shout" stored */
} Animal;

typedef struct Speech {
    uint32_t size;
    const char *(*speak)(void);
} Speech;

static const char *animal_speech(void)
{
    return "...";
}

static const char *dog_speech(void)
{
    return "woof";
}

static bool set_shout(TnObject *obj, void *state, const char *text, GError **error)
{
    Animal *animal = state;

    if (!*text) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "a shout is not silent");
        return false;
    }
    g_free(animal->upper);
    animal->upper = g_ascii_strup(text, -1);
    return true;
}

static int cleared;

static void animal_clear(TnObject *obj, void *state)
{
    g_free(((Animal *)state)->upper);
    cleared++;
}

static const char *const colours[] = { "black", "white", "brown", NULL };

static const TnProperty animal_properties[] = {
    { .name = "legs", .kind = TN_PROP_UINT8, .offset = offsetof(Animal, legs), .def = "4",
      .min = 0, .max = 8 },
    { .name = "mood", .kind = TN_PROP_INT32, .offset = offsetof(Animal, mood), .min = -5, .max = 5 },
    { .name = "food", .kind = TN_PROP_SIZE, .offset = offsetof(Animal, food) },
    { .name = "tame", .kind = TN_PROP_BOOL, .offset = offsetof(Animal, tame) },
    { .name = "name", .kind = TN_PROP_STRING, .offset = offsetof(Animal, name) },
    { .name = "colour", .kind = TN_PROP_ENUM, .offset = offsetof(Animal, colour),
      .values = colours, .def = "white" },
    { .name = "friend", .kind = TN_PROP_LINK, .offset = offsetof(Animal, friend),
      .type = "test-animal" },
    { .name = "shout", .kind = TN_PROP_STRING, .set = set_shout },
    { .name = "age", .kind = TN_PROP_UINT8, .offset = offsetof(Animal, legs),
      .flags = TN_PROP_READONLY },
    { .name = NULL },
};

static const Speech animal_vtable = { sizeof(Speech), animal_speech };
static const TnInterfaceImpl animal_interfaces[] = { { "test-speech", &animal_vtable }, { 0 } };

static const TnTypeInfo animal_type = {
    .size = sizeof(TnTypeInfo), .name = "test-animal", .state_size = sizeof(Animal),
    .property_stride = TN_PROPERTY_STRIDE, .properties = animal_properties,
    .interfaces = animal_interfaces, .clear = animal_clear,
};

typedef struct Dog {
    uint64_t bones;
} Dog;

static const TnProperty dog_properties[] = {
    { .name = "bones", .kind = TN_PROP_UINT64, .offset = offsetof(Dog, bones), .def = "0x10" },
    { .name = NULL },
};

static const Speech dog_vtable = { sizeof(Speech), dog_speech };
static const TnInterfaceImpl dog_interfaces[] = { { "test-speech", &dog_vtable }, { 0 } };

static const TnTypeInfo dog_type = {
    .size = sizeof(TnTypeInfo), .name = "test-dog", .parent = "test-animal",
    .state_size = sizeof(Dog), .property_stride = TN_PROPERTY_STRIDE,
    .properties = dog_properties, .interfaces = dog_interfaces,
};

static const TnTypeInfo puppy_type = {
    .size = sizeof(TnTypeInfo), .name = "test-puppy", .parent = "test-dog",
};

static bool failing_init(TnObject *obj, void *state, GError **error)
{
    g_set_error(error, TN_ERROR, TN_ERROR_FAILED, "not today");
    return false;
}

static const TnTypeInfo failing_type = {
    .size = sizeof(TnTypeInfo), .name = "test-failing", .parent = "test-dog", .init = failing_init,
};

static TnObject *new_dog(void)
{
    g_autoptr(GError) error = NULL;
    TnObject *dog = tn_object_new("test-dog", &error);

    g_assert_no_error(error);
    return dog;
}

#define assert_message(error_, part_) \
    do { \
        g_assert_nonnull(error_); \
        if (!strstr((error_)->message, part_)) \
            g_error("\"%s\" does not say \"%s\"", (error_)->message, part_); \
        g_clear_error(&(error_)); \
    } while (0)

/* ---- Cases ------------------------------------------------------------------------------ */

static void each_type_of_a_chain_has_its_own_state(void)
{
    TnObject *dog = new_dog();
    Animal *animal = tn_object_state(dog, "test-animal");
    Dog *own = tn_object_own_state(dog);

    g_assert_true((void *)animal != (void *)own);
    g_assert_true(own == tn_object_state(dog, "test-dog"));
    g_assert_null(tn_object_state(dog, "test-puppy"));
    g_assert_true(tn_object_from_state(animal) == dog);
    g_assert_true(tn_object_from_state(own) == dog);
    tn_object_unref(dog);
}

static void defaults_are_in_place_and_not_marked_as_set(void)
{
    TnObject *dog = new_dog();
    Animal *animal = tn_object_state(dog, "test-animal");

    g_assert_cmpuint(animal->legs, ==, 4);
    g_assert_cmpuint(animal->colour, ==, 1);
    g_assert_cmpuint(((Dog *)tn_object_own_state(dog))->bones, ==, 16);
    g_assert_false(tn_object_property_is_set(dog, "legs"));
    g_assert_true(tn_object_set(dog, "legs", "3", NULL));
    g_assert_true(tn_object_property_is_set(dog, "legs"));
    tn_object_unref(dog);
}

static void every_kind_is_set_and_read_as_text(void)
{
    static const struct {
        const char *name, *text, *back;
    } cases[] = {
        { "legs", "8", "8" },        { "mood", "-5", "-5" },      { "food", "2K", "2048" },
        { "food", "1.5M", "1572864" }, { "tame", "yes", "on" },   { "tame", "off", "off" },
        { "name", "Rex", "Rex" },    { "colour", "brown", "brown" }, { "bones", "0xff", "255" },
        { "shout", "hey", "hey" },
    };
    TnObject *dog = new_dog();

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *back = NULL;

        g_assert_true(tn_object_set(dog, cases[i].name, cases[i].text, &error));
        back = tn_object_get(dog, cases[i].name, &error);
        g_assert_cmpstr(back, ==, cases[i].back);
    }
    g_assert_cmpstr(((Animal *)tn_object_state(dog, "test-animal"))->upper, ==, "HEY");
    tn_object_unref(dog);
}

static void a_bad_value_is_named_and_changes_nothing(void)
{
    static const struct {
        const char *name, *text, *message;
    } cases[] = {
        { "legs", "9", "'9' is out of range: 0 to 8" },
        { "legs", "four", "'four' is not a number" },
        { "legs", "-1", "not a number" },
        { "mood", "-6", "out of range: -5 to 5" },
        { "mood", "99999999999999999999", "out of range" },
        { "food", "12Q", "'12Q' is not a size" },
        { "food", "16E", "not a size" },
        { "tame", "maybe", "'maybe' is not 'on' or 'off'" },
        { "colour", "blck", "did you mean 'black'?" },
        { "lags", "1", "did you mean 'legs'?" },
        { "friend", "/nowhere", "no object '/nowhere'" },
        { "age", "1", "read-only" },
        { "shout", "", "not silent" },
    };
    TnObject *dog = new_dog();
    Animal before = *(Animal *)tn_object_state(dog, "test-animal");

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        GError *error = NULL;

        g_assert_false(tn_object_set(dog, cases[i].name, cases[i].text, &error));
        assert_message(error, cases[i].message);
    }
    g_assert_cmpmem(&before, sizeof(before), tn_object_state(dog, "test-animal"), sizeof(before));
    tn_object_unref(dog);
}

static void a_link_keeps_its_target_and_checks_its_type(void)
{
    TnObject *dog = new_dog(), *other = new_dog();
    TnObject *folder = tn_object_new("container", NULL);
    GError *error = NULL;

    g_assert_true(tn_object_set_link(dog, "friend", other, NULL));
    tn_object_unref(other);
    g_assert_cmpstr(tn_object_type(((Animal *)tn_object_state(dog, "test-animal"))->friend), ==,
                    "test-dog");
    g_assert_false(tn_object_set_link(dog, "friend", folder, &error));
    assert_message(error, "is not a test-animal");
    tn_object_unref(folder);
    tn_object_unref(dog);
}

static void an_heir_replaces_an_interface_and_can_call_up(void)
{
    TnObject *puppy = tn_object_new("test-puppy", NULL);
    const Speech *speech = tn_object_interface(puppy, "test-speech");
    const Speech *up = tn_object_parent_interface(puppy, "test-dog", "test-speech");
    void *state;

    g_assert_cmpstr(speech->speak(), ==, "woof");
    g_assert_cmpstr(up->speak(), ==, "...");
    g_assert_null(tn_object_interface(puppy, "test-flight"));
    g_assert_true(tn_object_interface_state(puppy, "test-speech", &state) == speech);
    g_assert_true(state == tn_object_state(puppy, "test-dog"));
    g_assert_true(tn_object_is_a(puppy, "test-animal"));
    g_assert_true(tn_object_is_a(puppy, "test-speech"));
    g_assert_false(tn_object_is_a(puppy, "device"));
    tn_object_unref(puppy);
}

static void the_last_reference_clears_every_level_once(void)
{
    TnObject *dog = new_dog();

    cleared = 0;
    tn_object_ref(dog);
    tn_object_unref(dog);
    g_assert_cmpint(cleared, ==, 0);
    tn_object_unref(dog);
    g_assert_cmpint(cleared, ==, 1);
}

static void a_failed_init_gives_an_error_and_clears(void)
{
    GError *error = NULL;

    cleared = 0;
    g_assert_null(tn_object_new("test-failing", &error));
    assert_message(error, "not today");
    g_assert_cmpint(cleared, ==, 1);
}

static void types_are_refused_with_a_reason(void)
{
    static const TnProperty outside[] = {
        { .name = "x", .kind = TN_PROP_UINT64, .offset = 4 }, { .name = NULL },
    };
    const TnTypeInfo bad[] = {
        { .size = sizeof(TnTypeInfo), .name = "test-dog" },
        { .size = sizeof(TnTypeInfo), .name = "test-orphan", .parent = "test-nothing" },
        { .size = 4, .name = "test-small" },
        { .size = sizeof(TnTypeInfo), .name = "test-outside", .state_size = 8,
          .property_stride = TN_PROPERTY_STRIDE, .properties = outside },
        { .size = sizeof(TnTypeInfo), .name = "test-stride", .state_size = 8,
          .properties = outside },
    };
    static const char *const messages[] = { "registered already", "unknown parent 'test-nothing'",
                                            "without size", "outside its state", "stride" };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = NULL;

        g_assert_false(tn_type_register(&bad[i], &error));
        assert_message(error, messages[i]);
    }
    g_assert_null(tn_object_new("device", NULL)); /* abstract */
}

static void children_have_names_paths_and_an_order(void)
{
    TnObject *root = tn_object_root();
    TnObject *yard = tn_object_new_child(root, "yard", "container", NULL);
    TnObject *first = tn_object_new_child(yard, "dog[*]", "test-dog", NULL);
    TnObject *second = tn_object_new_child(yard, "dog[*]", "test-dog", NULL);
    g_autofree char *path = tn_object_path(second);
    GError *error = NULL;

    g_assert_cmpstr(path, ==, "/yard/dog[1]");
    g_assert_true(tn_object_find("/yard/dog[0]", NULL) == first);
    g_assert_true(tn_object_find("dog[1]", NULL) == second);
    g_assert_null(tn_object_new_child(yard, "dog[0]", "test-dog", &error));
    assert_message(error, "has a child called 'dog[0]' already");
    g_assert_false(tn_object_add_child(first, "yard", yard, &error));
    assert_message(error, "cannot be put below");
    tn_object_unparent(yard);
    g_assert_null(tn_object_find("/yard", &error));
    assert_message(error, "no object '/yard'");
}

static void a_name_that_two_objects_have_must_be_a_path(void)
{
    TnObject *root = tn_object_root();
    TnObject *a = tn_object_new_child(root, "a", "container", NULL);
    TnObject *b = tn_object_new_child(root, "b", "container", NULL);
    GError *error = NULL;

    tn_object_new_child(a, "twin", "test-dog", NULL);
    tn_object_new_child(b, "twin", "test-dog", NULL);
    g_assert_null(tn_object_find("twin", &error));
    assert_message(error, "/a/twin, /b/twin");
    tn_object_unparent(a);
    tn_object_unparent(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    const TnTypeInfo *const types[] = { &animal_type, &dog_type, &puppy_type, &failing_type };
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
        g_assert_true(tn_type_register(types[i], NULL));
    g_test_add_func("/object/state/each-type-of-a-chain-has-its-own",
                    each_type_of_a_chain_has_its_own_state);
    g_test_add_func("/object/property/defaults-are-not-marked-as-set",
                    defaults_are_in_place_and_not_marked_as_set);
    g_test_add_func("/object/property/every-kind-is-set-and-read-as-text",
                    every_kind_is_set_and_read_as_text);
    g_test_add_func("/object/property/a-bad-value-is-named-and-changes-nothing",
                    a_bad_value_is_named_and_changes_nothing);
    g_test_add_func("/object/link/keeps-its-target-and-checks-its-type",
                    a_link_keeps_its_target_and_checks_its_type);
    g_test_add_func("/object/interface/an-heir-replaces-and-can-call-up",
                    an_heir_replaces_an_interface_and_can_call_up);
    g_test_add_func("/object/life/the-last-reference-clears-every-level-once",
                    the_last_reference_clears_every_level_once);
    g_test_add_func("/object/life/a-failed-init-gives-an-error-and-clears",
                    a_failed_init_gives_an_error_and_clears);
    g_test_add_func("/object/type/bad-ones-are-refused-with-a-reason",
                    types_are_refused_with_a_reason);
    g_test_add_func("/object/tree/children-have-names-paths-and-an-order",
                    children_have_names_paths_and_an_order);
    g_test_add_func("/object/tree/a-name-that-two-have-must-be-a-path",
                    a_name_that_two_objects_have_must_be_a_path);
    return g_test_run();
}
