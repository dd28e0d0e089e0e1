/* SPDX-License-Identifier: MIT */
/* -smp: completion and checks, with the examples of the manual. */
#include "option/settings.h"

#include <string.h>

static const TnMachineOps plain = { .size = sizeof(TnMachineOps), .max_cpus = 255 };
static const TnMachineOps with_dies = {
    .size = sizeof(TnMachineOps), .max_cpus = 255, .smp_features = TN_SMP_DIES,
};

static bool complete(const char *text, const TnMachineOps *ops, TnSmp *smp, GError **error)
{
    g_autoptr(TnKeyVals) kv = text ? tn_keyvals_parse(text, "cpus", NULL) : NULL;

    return tn_smp_complete(kv, ops, "test", smp, error);
}

static void what_is_left_out_is_computed(void)
{
    static const struct {
        const char *text;
        TnSmp smp; /* size, cpus, maxcpus, sockets, dies, clusters, cores, threads */
    } cases[] = {
        { NULL, { 0, 1, 1, 1, 1, 1, 1, 1 } },
        { "8", { 0, 8, 8, 1, 1, 1, 8, 1 } }, /* cores before sockets */
        { "8,sockets=2", { 0, 8, 8, 2, 1, 1, 4, 1 } },
        { "8,cores=2", { 0, 8, 8, 4, 1, 1, 2, 1 } }, /* sockets before threads */
        { "8,threads=2", { 0, 8, 8, 1, 1, 1, 4, 2 } },
        { "8,sockets=2,cores=2", { 0, 8, 8, 2, 1, 1, 2, 2 } },
        { "8,sockets=2,cores=2,threads=2,maxcpus=8", { 0, 8, 8, 2, 1, 1, 2, 2 } },
        { "2,maxcpus=8", { 0, 2, 8, 1, 1, 1, 8, 1 } },
        { "sockets=2,cores=4", { 0, 8, 8, 2, 1, 1, 4, 1 } },
        { "threads=2", { 0, 2, 2, 1, 1, 1, 1, 2 } },
        { "maxcpus=16", { 0, 16, 16, 1, 1, 1, 16, 1 } },
        { "cpus=255", { 0, 255, 255, 1, 1, 1, 255, 1 } },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        TnSmp smp, expected = cases[i].smp;
        g_autoptr(GError) error = NULL;

        expected.size = sizeof(TnSmp);
        complete(cases[i].text, &plain, &smp, &error);
        g_assert_no_error(error);
        g_assert_cmpmem(&smp, sizeof(smp), &expected, sizeof(expected));
    }
}

static void dies_count_where_the_machine_has_them(void)
{
    TnSmp smp;

    g_assert_true(complete("16,sockets=2,dies=2,threads=2", &with_dies, &smp, NULL));
    g_assert_cmpuint(smp.cores, ==, 2);
    g_assert_true(complete("4,dies=1,clusters=1", &plain, &smp, NULL));
}

static void what_does_not_multiply_out_is_refused(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "8,sockets=3", "sockets (3) * cores (2) * threads (1) != maxcpus (8)" },
        { "8,sockets=2,cores=2,threads=4", "!= maxcpus (8)" },
        { "8,sockets=2,cores=2,threads=1", "!= maxcpus (8)" },
        { "8,maxcpus=4", "maxcpus (4) < cpus (8)" },
        { "256", "the machine 'test' takes up to 255" },
        { "4,dies=2", "has no dies" },
        { "4,clusters=2", "has no clusters" },
        { "0", "out of range" },
        { "4,cores=0", "out of range" },
        { "two", "'two' is not a number" },
        { "4,coers=2", "did you mean 'cores'?" },
        { "sockets=65536,cores=65536,threads=65536", "-smp:" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        TnSmp smp = { .cpus = 77 };
        g_autoptr(GError) error = NULL;

        g_assert_false(complete(cases[i].text, &plain, &smp, &error));
        if (!strstr(error->message, cases[i].message))
            g_error("%s: \"%s\" does not say \"%s\"", cases[i].text, error->message,
                    cases[i].message);
        g_assert_cmpuint(smp.cpus, ==, 77);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/smp/what-is-left-out-is-computed", what_is_left_out_is_computed);
    g_test_add_func("/smp/dies-count-where-the-machine-has-them",
                    dies_count_where_the_machine_has_them);
    g_test_add_func("/smp/what-does-not-multiply-out-is-refused",
                    what_does_not_multiply_out_is_refused);
    return g_test_run();
}
