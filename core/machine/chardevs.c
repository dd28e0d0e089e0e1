/* SPDX-License-Identifier: MIT */
/*
 * The chardevs that the command line asks for, and those that serial and parallel ports get when it
 * does not: with -nographic the first serial port is on the terminal; otherwise, as there is no
 * display to show it on, what it sends is dropped.
 */
#include "machine/machine.h"

#include <string.h>

#include "tenon/chardev.h"
#include "tenon/log.h"

enum {
    MAX_SERIAL = 4,
    MAX_PARALLEL = 3,
};

/* Absent until the part that has it is in the build. */

static TnChardev *serials[MAX_SERIAL], *parallels[MAX_PARALLEL];

TnChardev *tn_serial_chardev(unsigned n)
{
    return n < MAX_SERIAL ? serials[n] : NULL;
}

TnChardev *tn_parallel_chardev(unsigned n)
{
    return n < MAX_PARALLEL ? parallels[n] : NULL;
}

static bool make_ports(const char *option, const GPtrArray *texts, TnChardev **ports, unsigned max,
                       GError **error)
{
    if (texts->len > max) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "-%s may be given %u times at most", option,
                    max);
        return false;
    }
    for (unsigned i = 0; i < texts->len; i++) {
        g_autofree char *id = g_strdup_printf("%s%u", option, i);
        GError *cause = NULL;

        ports[i] = tn_chardev_new_short(id, texts->pdata[i], &cause);
        if (cause) {
            g_propagate_prefixed_error(error, cause, "-%s %s: ", option, (char *)texts->pdata[i]);
            return false;
        }
    }
    return true;
}

static bool make_listed(const GPtrArray *options, GError **error)
{
    for (unsigned i = 0; i < options->len; i++) {
        if (!tn_chardev_new(options->pdata[i], error)) {
            g_prefix_error(error, "-chardev %s: ", (char *)options->pdata[i]);
            return false;
        }
    }
    return true;
}

/* -debugcon DEV is an isa-debugcon at its usual port with a chardev of its own. */
static bool make_debugcons(TnSettings *s, GError **error)
{
    for (unsigned i = 0; i < s->debugcons->len; i++) {
        g_autofree char *id = g_strdup_printf("debugcon%u", i);
        g_autofree char *device = g_strdup_printf("isa-debugcon,iobase=0xe9,chardev=%s", id);
        GError *cause = NULL;
        TnChardev *chr = tn_chardev_new_short(id, s->debugcons->pdata[i], &cause);

        if (cause) {
            g_propagate_prefixed_error(error, cause, "-debugcon %s: ",
                                       (char *)s->debugcons->pdata[i]);
            return false;
        }
        if (chr)
            g_ptr_array_add(s->devices, tn_keyvals_parse(device, "driver", NULL));
    }
    return true;
}

/* A port that -device makes stands in for the default one. */
static bool has_device(const TnSettings *s, const char *driver)
{
    for (unsigned i = 0; i < s->devices->len; i++)
        if (g_strcmp0(tn_keyvals_get(s->devices->pdata[i], "driver"), driver) == 0)
            return true;
    return false;
}

static void add_defaults(TnSettings *s, const TnMachineOps *ops)
{
    if (s->no_defaults)
        return;
    if (!s->serials->len && !ops->no_serial && !has_device(s, "isa-serial"))
        g_ptr_array_add(s->serials, g_strdup(s->nographic ? "mon:stdio" : "null"));
    if (!s->parallels->len && !ops->no_parallel && !s->nographic && !has_device(s, "isa-parallel"))
        g_ptr_array_add(s->parallels, g_strdup("null"));
}

bool tn_chardevs_make(TnSettings *s, const TnMachineOps *ops, GError **error)
{
    if (!s->nographic && !s->display_none && !s->qtest)
        tn_warn("no display module is installed: going on as with '-display none' "
                "(-nographic puts the serial console here)");
    add_defaults(s, ops);
    return make_listed(s->chardevs, error) &&
           make_ports("serial", s->serials, serials, MAX_SERIAL, error) &&
           make_ports("parallel", s->parallels, parallels, MAX_PARALLEL, error) &&
           make_debugcons(s, error);
}
