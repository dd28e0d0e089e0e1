/* SPDX-License-Identifier: MIT */
/* Values, key=value texts, suggestions, and the command line. */
#include "option/keyval.h"

#include <string.h>

#include "option/json.h"
#include "option/parse.h"
#include "option/settings.h"

static void sizes_have_suffixes_and_fractions(void)
{
    static const struct {
        const char *text;
        uint64_t unit, value;
    } good[] = {
        { "0", 1, 0 }, { "512", 1 << 20, 512u << 20 }, { "4k", 1, 4096 }, { "2G", 1, 2ull << 30 },
        { "1.5G", 1 << 20, 3ull << 29 }, { "0x10", 1, 16 }, { "0x10M", 1, 16u << 20 },
        { "7B", 1 << 20, 7 }, { "15E", 1, 15ull << 60 }, { "0.5", 1 << 20, 1 << 19 },
    };
    static const char *const bad[] = { "", "M", "-1", "1.5", "1..5G", "12GB", "16E", "0x", " 1",
                                       "18446744073709551616", "1e3" };
    uint64_t value = 42;

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(tn_parse_size(good[i].text, good[i].unit, &value, NULL));
        g_assert_cmpuint(value, ==, good[i].value);
    }
    value = 42;
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(tn_parse_size(bad[i], 1, &value, &error));
        g_assert_nonnull(error);
        g_assert_cmpuint(value, ==, 42);
    }
}

static void numbers_keep_to_their_range(void)
{
    uint64_t u;
    int64_t s;

    g_assert_true(tn_parse_uint("18446744073709551615", 0, UINT64_MAX, &u, NULL));
    g_assert_true(u == UINT64_MAX);
    g_assert_false(tn_parse_uint("18446744073709551616", 0, UINT64_MAX, &u, NULL));
    g_assert_false(tn_parse_uint("0x", 0, 9, &u, NULL));
    g_assert_false(tn_parse_uint("1 ", 0, 9, &u, NULL));
    g_assert_true(tn_parse_int("-9223372036854775808", INT64_MIN, INT64_MAX, &s, NULL));
    g_assert_true(s == INT64_MIN);
    g_assert_false(tn_parse_int("-9223372036854775809", INT64_MIN, INT64_MAX, &s, NULL));
    g_assert_false(tn_parse_int("9223372036854775808", INT64_MIN, INT64_MAX, &s, NULL));
    g_assert_false(tn_parse_int("--1", -9, 9, &s, NULL));
}

static void a_slip_of_the_finger_gets_a_suggestion(void)
{
    static const char *const names[] = { "machine", "memory", "smp", "cpu", "serial", NULL };

    g_assert_cmpstr(tn_suggest("machien", names), ==, "machine");
    g_assert_cmpstr(tn_suggest("serail", names), ==, "serial");
    g_assert_cmpstr(tn_suggest("SMP", names), ==, "smp");
    g_assert_null(tn_suggest("keyboard", names));
    g_assert_null(tn_suggest("", names));
}

static void commas_double_and_the_first_key_may_be_implied(void)
{
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse("pc,kernel=a,,b=c,usb,x=1,x=2", "type", NULL);

    g_assert_cmpstr(tn_keyvals_get(kv, "type"), ==, "pc");
    g_assert_cmpstr(tn_keyvals_get(kv, "kernel"), ==, "a,b=c");
    g_assert_cmpstr(tn_keyvals_get(kv, "usb"), ==, "on");
    g_assert_cmpstr(tn_keyvals_get(kv, "x"), ==, "2");
    g_assert_null(tn_keyvals_get(kv, "y"));
    g_assert_false(kv->help);
}

static void help_is_noticed_anywhere(void)
{
    g_autoptr(TnKeyVals) first = tn_keyvals_parse("help", "driver", NULL);
    g_autoptr(TnKeyVals) second = tn_keyvals_parse("edu,?", "driver", NULL);

    g_assert_true(first->help);
    g_assert_true(second->help);
    g_assert_cmpstr(tn_keyvals_get(second, "driver"), ==, "edu");
}

static void a_mistake_is_shown_in_its_place(void)
{
    static const char *const known[] = { "cpus", "cores", NULL };
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse("4,coers=2", "cpus", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(tn_keyvals_check(kv, known, &error));
    g_assert_cmpstr(error->message, ==,
                    "there is no parameter 'coers'; did you mean 'cores'?\n"
                    "    4,coers=2\n"
                    "      ^~~~~~~");
}

/* ---- The command line ------------------------------------------------------------------- */

static TnSettings *parse(const char *line, GError **error)
{
    g_auto(GStrv) argv = NULL;
    int argc;

    g_assert_true(g_shell_parse_argv(line, &argc, &argv, NULL));
    return tn_settings_parse(argc, argv, error);
}

static void options_take_one_or_two_dashes(void)
{
    g_autoptr(TnSettings) s = parse("tenon --kernel k -initrd i --nographic -m 1G -append 'a b'",
                                    NULL);

    g_assert_cmpstr(s->kernel, ==, "k");
    g_assert_cmpstr(s->initrd, ==, "i");
    g_assert_cmpstr(s->append, ==, "a b");
    g_assert_true(s->nographic);
    g_assert_cmpuint(s->ram_size, ==, 1u << 30);
}

static void the_programs_name_chooses_the_target(void)
{
    static const char *const cases[][2] = {
        { "tenon", "x86_64" }, { "/usr/bin/tenon-system-i386", "i386" },
        { "qemu-system-i386", "i386" }, { "tenon-system-i386 -target x86_64", "x86_64" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(TnSettings) s = parse(cases[i][0], NULL);

        g_assert_cmpstr(s->target, ==, cases[i][1]);
    }
}

static void machine_and_accel_lists_are_gathered(void)
{
    g_autoptr(TnSettings) s = parse("tenon -M pc,accel=kvm:tcg,kernel=x,hpet=off "
                                    "-accel tcg,thread=single", NULL);
    static const char *const names[] = { "kvm", "tcg", "tcg" };

    g_assert_cmpstr(s->machine, ==, "pc");
    g_assert_cmpstr(s->kernel, ==, "x");
    g_assert_cmpuint(s->accels->len, ==, 3);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpstr(((TnAccelChoice *)s->accels->pdata[i])->name, ==, names[i]);
    g_assert_cmpstr(tn_keyvals_get(((TnAccelChoice *)s->accels->pdata[2])->options, "thread"), ==,
                    "single");
    g_assert_cmpstr(tn_keyvals_get(s->machine_options->pdata[0], "hpet"), ==, "off");
}

static void globals_have_two_forms(void)
{
    g_autoptr(TnSettings) s = parse("tenon -global a.b.c=d=e -global driver=x,property=y,value=z",
                                    NULL);
    const TnGlobal *first = s->globals->pdata[0], *second = s->globals->pdata[1];

    g_assert_cmpstr(first->driver, ==, "a.b");
    g_assert_cmpstr(first->property, ==, "c");
    g_assert_cmpstr(first->value, ==, "d=e");
    g_assert_cmpstr(second->driver, ==, "x");
    g_assert_cmpstr(second->value, ==, "z");
}

static void boot_parameters_are_read(void)
{
    g_autoptr(TnSettings) s = parse("tenon -boot dc,menu=on,splash-time=500 -boot once=n,strict=on",
                                    NULL);

    g_assert_cmpstr(s->boot_order, ==, "dc");
    g_assert_cmpstr(s->boot_once, ==, "n");
    g_assert_true(s->boot_menu && s->boot_menu_set && s->boot_strict);
    g_assert_cmpint(s->boot_splash_time, ==, 500);
    g_assert_cmpint(s->boot_reboot_timeout, ==, -1);
}

static void bad_command_lines_are_explained(void)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        { "tenon -kernle x", "there is no option '-kernle'; did you mean '-kernel'?" },
        { "tenon -kernel", "-kernel needs an argument: -kernel bzImage" },
        { "tenon disk.img", "'disk.img': a disk image is not supported yet" },
        { "tenon -hda x", "-hda is not supported yet" },
        { "tenon -m 4X", "-m 4X: '4X' is not a size" },
        { "tenon -m 0", "must not be 0" },
        { "tenon -m 1G,maxmem=512M", "maxmem must be at least" },
        { "tenon -m 1G,slots=2,maxmem=4G", "not supported yet" },
        { "tenon -m 1G,solts=2", "did you mean 'slots'?" },
        { "tenon -boot order=cz", "'z' is no boot device" },
        { "tenon -boot cc", "given twice" },
        { "tenon -boot menu=perhaps", "is not 'on' or 'off'" },
        { "tenon -boot reboot-timeout=70000", "out of range" },
        { "tenon -uuid 1234", "not a UUID" },
        { "tenon -rtc driftfix=fast", "is not 'none' or 'slew'" },
        { "tenon -global x", "driver.property=value" },
        { "tenon -global driver=x,property=y", "the parameter 'value' is missing" },
        { "tenon -monitor stdio", "only 'none' is valid" },
        { "tenon -display sdl", "only 'none' is valid" },
        { "tenon -device id=x", "the name of a device is missing" },
        { "tenon -name x,debug-threads=off", "only 'on' is valid" },
        { "tenon -module dri=x", "did you mean 'dir'?" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(parse(cases[i].line, &error));
        if (!strstr(error->message, cases[i].message))
            g_error("%s: \"%s\" does not say \"%s\"", cases[i].line, error->message,
                    cases[i].message);
    }
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void check_json_fails(const char *text, const char *message)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(tn_json_parse(text, strlen(text), &error));
    if (!strstr(error->message, message))
        g_error("%s: \"%s\" does not say \"%s\"", text, error->message, message);
}

static void json_is_read_whole(void)
{
    static const char text[] = " {\"a\": [1, -20, true, null, {}, []], "
                               "\"b\":\"x\\n\\u00e9\\ud83d\\ude00\"}\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(TnJson) json = tn_json_parse(text, strlen(text), &error);
    const TnJson *list;

    g_assert_no_error(error);
    g_assert_cmpstr(tn_json_text(json, "b"), ==, "x\n\303\251\360\237\230\200");
    g_assert_null(tn_json_text(json, "a"));
    list = tn_json_member(json, "a", TN_JSON_ARRAY);
    g_assert_cmpuint(list->items->len, ==, 6);
    g_assert_cmpint(((TnJson *)list->items->pdata[1])->number, ==, -20);
    g_assert_cmpint(((TnJson *)list->items->pdata[2])->kind, ==, TN_JSON_BOOL);
    g_assert_cmpint(((TnJson *)list->items->pdata[4])->kind, ==, TN_JSON_OBJECT);
}

static void bad_json_says_where(void)
{
    g_autofree char *deep = g_strnfill(100, '[');

    check_json_fails("", "line 1: a value is wanted, and the text ends");
    check_json_fails("{\n\"a\" 1}", "line 2: ':' is wanted");
    check_json_fails("[1 2]", "',' or the end of the list is wanted");
    check_json_fails("[1,]", "a value is wanted");
    check_json_fails("{\"a\":1,}", "a string is wanted");
    check_json_fails("[01]", "a whole number is wanted");
    check_json_fails("[1.5]", "a whole number is wanted");
    check_json_fails("[-]", "a whole number is wanted");
    check_json_fails("1234567890123456789", "a number is too large");
    check_json_fails("\"a", "a string does not end");
    check_json_fails("\"a\nb\"", "a control character");
    check_json_fails("\"\\x\"", "an unknown escape");
    check_json_fails("\"\\u12", "four hexadecimal digits");
    check_json_fails("\"\\ud800\"", "half of a surrogate pair");
    check_json_fails("\"\\udc00\"", "half of a surrogate pair");
    check_json_fails("\"\\u0000\"", "U+0000");
    check_json_fails("\"\xff\"", "not UTF-8");
    check_json_fails("{} {}", "something follows the value");
    check_json_fails(deep, "nested too deep");
}

static void what_json_writes_it_reads(void)
{
    static const char text[] = "a\"b\\c\nd\x7f\303\251";
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(TnJson) json = NULL;

    tn_json_append(out, text);
    json = tn_json_parse(out->str, out->len, NULL);
    g_assert_cmpstr(json->text, ==, text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/option/size/has-suffixes-and-fractions", sizes_have_suffixes_and_fractions);
    g_test_add_func("/option/number/keeps-to-its-range", numbers_keep_to_their_range);
    g_test_add_func("/option/suggest/a-slip-of-the-finger", a_slip_of_the_finger_gets_a_suggestion);
    g_test_add_func("/option/keyval/commas-double-and-the-first-key-may-be-implied",
                    commas_double_and_the_first_key_may_be_implied);
    g_test_add_func("/option/keyval/help-is-noticed-anywhere", help_is_noticed_anywhere);
    g_test_add_func("/option/keyval/a-mistake-is-shown-in-its-place",
                    a_mistake_is_shown_in_its_place);
    g_test_add_func("/option/line/options-take-one-or-two-dashes", options_take_one_or_two_dashes);
    g_test_add_func("/option/line/the-programs-name-chooses-the-target",
                    the_programs_name_chooses_the_target);
    g_test_add_func("/option/line/machine-and-accel-lists-are-gathered",
                    machine_and_accel_lists_are_gathered);
    g_test_add_func("/option/line/globals-have-two-forms", globals_have_two_forms);
    g_test_add_func("/option/line/boot-parameters-are-read", boot_parameters_are_read);
    g_test_add_func("/option/line/bad-ones-are-explained", bad_command_lines_are_explained);
    g_test_add_func("/option/json-is-read-whole", json_is_read_whole);
    g_test_add_func("/option/bad-json-says-where", bad_json_says_where);
    g_test_add_func("/option/what-json-writes-it-reads", what_json_writes_it_reads);
    return g_test_run();
}
