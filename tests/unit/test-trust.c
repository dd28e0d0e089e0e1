/* SPDX-License-Identifier: MIT */
/*
 * Which files and directories are believed. What raised privileges change is tried on copies of
 * this program that are setuid or have a file capability, run by another user; that needs root.
 */
#include "module/trust.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module/registry.h"

enum { NOBODY = 65534 };

static char *folder; /* of all cases */

static char *place(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static char *make_file(const char *name, unsigned mode)
{
    char *path = place(name);

    g_assert_true(g_file_set_contents(path, "text", -1, NULL));
    g_assert_cmpint(g_chmod(path, mode), ==, 0);
    return path;
}

static char *make_directory(const char *name, unsigned mode)
{
    char *path = place(name);

    g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
    g_assert_cmpint(g_chmod(path, mode), ==, 0);
    return path;
}

static void make_link(const char *target, const char *name)
{
    g_autofree char *path = place(name);

    g_assert_cmpint(symlink(target, path), ==, 0);
}

/* Opens a file of the folder; `message` NULL: it must open, else what the error must say. */
static void check_open(const char *file, const char *message)
{
    g_autoptr(GError) error = NULL;
    int directory = tn_trust_open_directory(folder, &error);
    uint64_t size = 0;
    int fd;

    g_assert_no_error(error);
    fd = tn_trust_open_file(directory, file, &size, &error);
    g_assert_true((fd < 0) == (error != NULL));
    if (message && (!error || !strstr(error->message, message)))
        g_error("%s: \"%s\" does not say \"%s\"", file, error ? error->message : "", message);
    if (!message) {
        g_assert_no_error(error);
        g_assert_cmpuint(size, ==, strlen("text"));
        close(fd);
    }
    close(directory);
}

/* ---- Ordinary cases ---------------------------------------------------------------------- */

static void what_all_can_write_is_refused(void)
{
    g_autofree G_GNUC_UNUSED char *good = make_file("good", 0644);
    g_autofree G_GNUC_UNUSED char *bad = make_file("bad", 0666);
    g_autofree char *wide = make_directory("open", 0777), *sticky = make_directory("sticky", 01777);
    g_autoptr(GError) error = NULL;

    check_open("good", NULL);
    check_open("bad", "it is writable by everyone (mode 0666)");
    g_assert_cmpint(tn_trust_open_directory(wide, &error), ==, -1);
    g_assert_nonnull(strstr(error->message, "writable by everyone (mode 0777)"));
    g_clear_error(&error);
    g_assert_cmpint(tn_trust_open_directory(sticky, &error), ==, -1);
    g_assert_nonnull(strstr(error->message, "writable by everyone (mode 1777)"));
}

static void links_are_judged_step_by_step(void)
{
    g_autofree G_GNUC_UNUSED char *safe = make_directory("safe", 0755);
    g_autofree G_GNUC_UNUSED char *wide = make_directory("wide", 0777);
    g_autofree G_GNUC_UNUSED char *inside = make_file("safe/file", 0644);
    g_autofree G_GNUC_UNUSED char *there = make_file("wide/file", 0644);

    make_link("safe/file", "to-safe");
    make_link("to-safe", "to-link");
    make_link("wide/file", "to-wide");
    make_link("../safe/file", "wide/back");
    make_link("wide/back", "through-wide");
    make_link("me", "me");
    make_link("/nowhere/file", "dangling");
    make_link("safe", "to-directory");
    check_open("to-safe", NULL);
    check_open("to-link", NULL);
    check_open("to-wide", "the directory wide that it links to is writable by everyone");
    check_open("through-wide", "the directory wide that it links to is writable by everyone");
    check_open("me", "Too many levels of symbolic links");
    check_open("dangling", "the directory /nowhere that it links to cannot be opened");
    check_open("to-directory", "it is not a regular file");
}

/* ---- Raised privileges ------------------------------------------------------------------- */

/* What the copy does: a line for each question, as root's program run by nobody. */
static int answer(const char *caller_directory)
{
    g_autoptr(GError) error = NULL;
    int fd = tn_trust_open_directory(caller_directory, &error);

    g_print("privileged %d\n", tn_trust_privileged());
    g_print("caller's directory: %s\n", fd < 0 ? error->message : "used");
    for (const char *const *dir = tn_registry_directories(); *dir; dir++)
        g_print("searched %s\n", *dir);
    return 0;
}

static void become_nobody(gpointer data)
{
    if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
        _exit(1);
}

static char *run_as_nobody(const char *program, const char *argument)
{
    char *arguments[] = { (char *)program, "--answer", (char *)argument, NULL };
    g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "TENON_MODULE_PATH", "/chosen",
                                                 true);
    g_autoptr(GError) error = NULL;
    char *output = NULL;
    int status;

    g_spawn_sync(NULL, arguments, environment, G_SPAWN_DEFAULT, become_nobody, NULL, &output, NULL,
                 &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
    return output;
}

static char *copy_of_this(const char *name)
{
    g_autofree char *bytes = NULL, *beside = NULL;
    char *path = place(name);
    size_t size;

    g_assert_true(g_file_get_contents("/proc/self/exe", &bytes, &size, NULL));
    g_assert_true(g_file_set_contents(path, bytes, size, NULL));
    g_assert_cmpint(g_chmod(path, 0755), ==, 0);
    beside = place("build.ninja"); /* would make it a program in its build folder */
    g_assert_true(g_file_set_contents(beside, "", 0, NULL));
    return path;
}

/* The installed directory alone: neither the environment's nor one beside the program. */
static void check_searched(const char *output)
{
    g_auto(GStrv) searched = g_strsplit(output, "searched ", -1);

    g_assert_cmpuint(g_strv_length(searched), ==, 2);
    g_assert_false(g_str_has_prefix(searched[1], "/chosen"));
    g_assert_false(g_str_has_prefix(searched[1], folder));
}

static void check_privileged(const char *program)
{
    g_autofree char *own = place("own"), *output = run_as_nobody(program, own);

    if (g_str_has_prefix(output, "privileged 0")) {
        g_test_skip("no privileges are raised in this folder");
        return;
    }
    check_searched(output);
    g_assert_nonnull(strstr(output, "/own can be changed by others"));
}

static bool prepare(void)
{
    g_autofree char *own = place("own");

    if (geteuid() != 0) {
        g_test_skip("only root can make programs with raised privileges");
        return false;
    }
    if (!g_file_test(own, G_FILE_TEST_EXISTS)) {
        g_free(make_directory("own", 0755));
        g_assert_cmpint(chown(own, NOBODY, NOBODY), ==, 0);
    }
    return true;
}

static void an_ordinary_program_believes_the_environment(void)
{
    g_autofree char *program = NULL, *output = NULL, *own = place("own");

    if (!prepare())
        return;
    program = copy_of_this("plain");
    output = run_as_nobody(program, own);
    g_assert_nonnull(strstr(output, "privileged 0\n"));
    g_assert_nonnull(strstr(output, "searched /chosen\n"));
    g_assert_nonnull(strstr(output, "caller's directory: used\n"));
}

static void a_setuid_program_believes_root_alone(void)
{
    g_autofree char *program = NULL;

    if (!prepare())
        return;
    program = copy_of_this("setuid");
    g_assert_cmpint(g_chmod(program, 04755), ==, 0);
    check_privileged(program);
}

static void a_program_with_a_capability_does_not_believe_its_caller(void)
{
    g_autofree char *program = NULL, *output = NULL, *own = place("own");
    char *arguments[] = { "setcap", "cap_net_raw+ep", NULL, NULL };
    int status = 1;

    if (!prepare())
        return;
    arguments[2] = program = copy_of_this("setcap");
    if (!g_spawn_sync(NULL, arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status,
                      NULL) || status != 0) {
        g_test_skip("setcap cannot be used here");
        return;
    }
    output = run_as_nobody(program, own);
    if (g_str_has_prefix(output, "privileged 0")) {
        g_test_skip("no privileges are raised in this folder");
        return;
    }
    check_searched(output);
}

static void remove_folder(void)
{
    char *arguments[] = { "rm", "-rf", folder, NULL };

    g_spawn_sync(NULL, arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
}

int main(int argc, char **argv)
{
    int result;

    if (argc == 3 && strcmp(argv[1], "--answer") == 0)
        return answer(argv[2]);
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("tenon-trust-XXXXXX", NULL);
    g_chmod(folder, 0755);
    g_test_add_func("/trust/what-all-can-write-is-refused", what_all_can_write_is_refused);
    g_test_add_func("/trust/links-are-judged-step-by-step", links_are_judged_step_by_step);
    g_test_add_func("/trust/an-ordinary-program-believes-the-environment",
                    an_ordinary_program_believes_the_environment);
    g_test_add_func("/trust/a-setuid-program-believes-root-alone",
                    a_setuid_program_believes_root_alone);
    g_test_add_func("/trust/a-program-with-a-capability-does-not-believe-its-caller",
                    a_program_with_a_capability_does_not_believe_its_caller);
    result = g_test_run();
    remove_folder();
    return result;
}
