/* SPDX-License-Identifier: MIT */
/* Chardevs: the mux and its keys, queues, the ways to make one. */
#include <glib/gstdio.h>
#include <string.h>

#include "chardev/chardev-internal.h"
#include "clock/runstate-internal.h"

/* ---- A back end that keeps what is written, and takes so much at a time -------------------- */

static GString *written;
static size_t room = SIZE_MAX;

static bool test_open(TnChardev *chr, void *state, GError **error)
{
    tn_chardev_event(chr, TN_CHARDEV_OPENED);
    return true;
}

static size_t test_write(TnChardev *chr, void *state, const uint8_t *buf, size_t n)
{
    size_t taken = MIN(n, room);
    g_string_append_len(written, (const char *)buf, taken);
    room -= room == SIZE_MAX ? 0 : taken;
    return taken;
}

static const TnChardevOps test_ops = { .size = sizeof(TnChardevOps), .open = test_open,
                                       .write = test_write };
static const TnInterfaceImpl test_interfaces[] = { { TN_IFACE_CHARDEV, &test_ops }, { 0 } };
static const TnTypeInfo test_type = {
    .size = sizeof(TnTypeInfo), .name = "chardev-test", .parent = TN_TYPE_CHARDEV,
    .interfaces = test_interfaces,
};

/* ---- A front end ------------------------------------------------------------------------- */

typedef struct Front {
    size_t room;
    GString *got;
} Front;

static size_t front_can_receive(void *opaque)
{
    return ((Front *)opaque)->room;
}

static void front_receive(void *opaque, const uint8_t *buf, size_t n)
{
    Front *front = opaque;
    g_assert_cmpuint(n, <=, front->room);
    g_string_append_len(front->got, (const char *)buf, n);
    front->room -= n;
}

static void front_event(void *opaque, TnChardevEvent event)
{
    static const char *const names[] = { "<open>", "<close>", "<break>", "<in>", "<out>" };
    g_string_append(((Front *)opaque)->got, names[event]);
}

static void front_writable(void *opaque)
{
    g_string_append(((Front *)opaque)->got, "<writable>");
}

static const TnChardevHandlers handlers = {
    .size = sizeof(handlers), .can_receive = front_can_receive, .receive = front_receive,
    .event = front_event, .writable = front_writable,
};

static Front front_new(void)
{
    return (Front){ .room = 100, .got = g_string_new(NULL) };
}

static void front_expect(Front *front, const char *text)
{
    g_assert_cmpstr(front->got->str, ==, text);
    g_string_truncate(front->got, 0);
}

static TnChardev *chardev_new(const char *options)
{
    GError *error = NULL;
    written = g_string_new(NULL);
    room = SIZE_MAX;
    TnChardev *chr = tn_chardev_new(options, &error);
    g_assert_no_error(error);
    return chr;
}

static void type(TnChardev *chr, const char *keys)
{
    tn_chardev_receive(chr, (const uint8_t *)keys, strlen(keys));
}

/* ---- Cases ------------------------------------------------------------------------------- */

static void test_plain(void)
{
    Front front = front_new(), other = front_new();
    GError *error = NULL;
    TnChardev *chr = chardev_new("test,id=plain");
    g_assert_true(tn_chardev_attach(chr, &handlers, &front, NULL));
    g_assert_false(tn_chardev_attach(chr, &handlers, &other, &error));
    g_assert_nonnull(strstr(error->message, "in use"));
    type(chr, "a\001b");
    front_expect(&front, "<open>a\001b");
    tn_chardev_detach(chr, &front);
    g_assert_true(tn_chardev_attach(chr, &handlers, &other, NULL));
}

static void test_queue(void)
{
    Front front = front_new();
    TnChardev *chr = chardev_new("test,id=queue");
    tn_chardev_attach(chr, &handlers, &front, NULL);
    front_expect(&front, "<open>");
    room = 3;
    tn_chardev_write_all(chr, &front, (const uint8_t *)"abcdef", 6);
    g_assert_cmpstr(written->str, ==, "abc");
    g_assert_cmpuint(tn_chardev_write(chr, &front, (const uint8_t *)"x", 1), ==, 0);
    room = 2;
    tn_chardev_writable(chr);
    front_expect(&front, "");
    room = SIZE_MAX;
    tn_chardev_writable(chr);
    front_expect(&front, "<writable>");
    g_assert_cmpstr(written->str, ==, "abcdef");
    g_assert_cmpuint(tn_chardev_write(NULL, &front, (const uint8_t *)"x", 1), ==, 1);
}

static void test_mux_keys(void)
{
    Front console = front_new(), monitor = front_new();
    TnChardev *chr = chardev_new("test,id=mux,mux=on");
    tn_chardev_attach(chr, &handlers, &console, NULL);
    tn_chardev_attach(chr, &handlers, &monitor, NULL);
    front_expect(&console, "<open><in>");
    front_expect(&monitor, "<open>");
    type(chr, "ls\n\001cinfo\001");
    front_expect(&console, "ls\n<out>");
    front_expect(&monitor, "<in>info");
    type(chr, "cx");
    front_expect(&console, "<in>x");
    type(chr, "\001\001\001b\001q");
    front_expect(&console, "\001<break>");
    type(chr, "\001h");
    g_assert_nonnull(strstr(written->str, "C-a x    exit"));
    tn_chardev_set_escape(0x02);
    type(chr, "\001c\002c");
    tn_chardev_set_escape(0x01);
    front_expect(&console, "\001c<out>");
}

static void test_mux_when_guest_hangs(void)
{
    Front console = front_new();
    TnShutdownCause cause;
    TnChardev *chr = chardev_new("test,id=hang,mux=on");
    tn_chardev_attach(chr, &handlers, &console, NULL);
    front_expect(&console, "<open><in>");
    console.room = 2;
    type(chr, "abcd");
    front_expect(&console, "ab");
    g_assert_cmpuint(tn_chardev_can_receive(chr), >, 0);
    console.room = 1;
    tn_chardev_accept_input(chr, &console);
    front_expect(&console, "c");
    type(chr, "\001x");
    g_assert_cmpint(tn_main_loop_run(), ==, 0);
    g_assert_true(tn_shutdown_cause(&cause));
    g_assert_cmpint(cause, ==, TN_SHUTDOWN_HOST_UI);
}

static void test_mux_stamps(void)
{
    Front console = front_new();
    TnChardev *chr = chardev_new("test,id=stamps,mux=on");
    tn_chardev_attach(chr, &handlers, &console, NULL);
    type(chr, "\001t");
    tn_chardev_write_all(chr, &console, (const uint8_t *)"a\nb\nc", 5);
    g_assert_cmpstr(written->str, ==, "a\n[00:00:00.000] b\n[00:00:00.000] c");
}

static void test_logfile(void)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "tenon-test-chardev.log", NULL);
    g_autofree char *options = g_strdup_printf("test,id=logged,logfile=%s", path);
    g_autofree char *text = NULL;
    TnChardev *chr = chardev_new(options);
    tn_chardev_write_all(chr, NULL, (const uint8_t *)"copied", 6);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "copied");
    g_unlink(path);
}

static void expect_error(TnChardev *chr, GError **error, const char *part)
{
    g_assert_null(chr);
    g_assert_nonnull(*error);
    g_assert_nonnull(strstr((*error)->message, part));
    g_clear_error(error);
}

static void test_making(void)
{
    GError *error = NULL;
    g_assert_nonnull(tn_chardev_new("null,id=nothing", &error));
    expect_error(tn_chardev_new("null", &error), &error, "id=");
    expect_error(tn_chardev_new("null,id=nothing", &error), &error, "nothing");
    expect_error(tn_chardev_new("null,id=odd,colour=red", &error), &error, "colour");
    expect_error(tn_chardev_new("nul,id=odd", &error), &error, "nul");
    expect_error(tn_chardev_find("missing", &error), &error, "nothing");
    g_assert_null(tn_chardev_new_short("serial0", "none", &error));
    g_assert_no_error(error);
    g_assert_nonnull(tn_chardev_new_short("serial0", "null", &error));
    g_assert_true(tn_chardev_new_short("serial1", "chardev:nothing", &error) ==
                  tn_chardev_find("nothing", NULL));
    expect_error(tn_chardev_new_short("serial2", "null:x", &error), &error, "null:x");
    expect_error(tn_chardev_new_short("serial2", "file:/no/such/dir/x", &error), &error, "path=");
    g_assert_null(tn_chardev_find("serial2", NULL));
}

static void test_file(void)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "tenon-test-file.out", NULL);
    g_autofree char *text = g_strdup_printf("file:%s", path);
    g_autofree char *content = NULL;
    GError *error = NULL;
    TnChardev *chr = tn_chardev_new_short("to-file", text, &error);
    g_assert_no_error(error);
    tn_chardev_write_all(chr, NULL, (const uint8_t *)"hello", 5);
    tn_chardev_close_all();
    g_assert_true(g_file_get_contents(path, &content, NULL, NULL));
    g_assert_cmpstr(content, ==, "hello");
    g_unlink(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(tn_type_register(&test_type, NULL));
    tn_main_loop_init();
    g_test_add_func("/chardev/one-front-end", test_plain);
    g_test_add_func("/chardev/write-all-queues", test_queue);
    g_test_add_func("/chardev/logfile-copies-output", test_logfile);
    g_test_add_func("/chardev/mux/escape-keys", test_mux_keys);
    g_test_add_func("/chardev/mux/keys-work-when-the-guest-hangs", test_mux_when_guest_hangs);
    g_test_add_func("/chardev/mux/stamps-lines", test_mux_stamps);
    g_test_add_func("/chardev/making-and-mistakes", test_making);
    g_test_add_func("/chardev/file", test_file);
    return g_test_run();
}
