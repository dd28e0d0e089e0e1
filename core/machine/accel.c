/* SPDX-License-Identifier: MIT */
/* Choosing the accelerator: each of the list is tried until one says that the host can do it. */
#include "machine/machine.h"

#include <string.h>

#include "machine/running.h"
#include "module/registry.h"
#include "object/object.h"
#include "option/table.h"
#include "tenon/chardev.h"
#include "tenon/log.h"

/* Absent until the part that has it is in the build. */

static TnObject *running;

TnObject *tn_running_accel(void)
{
    return running;
}

static bool set_options(TnObject *accel, const TnAccelChoice *choice, GError **error)
{
    for (unsigned i = 0; i < choice->options->items->len; i++) {
        const TnKeyVal *item = choice->options->items->pdata[i];

        if (strcmp(item->key, "accel") != 0 &&
            !tn_object_set(accel, item->key, item->value, error)) {
            g_prefix_error(error, "-accel: ");
            tn_keyvals_mark(choice->options, item, error);
            return false;
        }
    }
    return true;
}

/* -qtest and -qtest-log are properties of the accelerator of that name. */
static bool set_qtest(TnObject *accel, const TnSettings *s, GError **error)
{
    TnObject *chardev;

    if (!s->qtest && !s->qtest_log)
        return true;
    if (!s->qtest || !tn_object_has_property(accel, "chardev")) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s",
                    s->qtest ? "-qtest needs -accel qtest" : "-qtest-log needs -qtest");
        return false;
    }
    chardev = tn_chardev_new_short("qtest", s->qtest, error);
    if (!chardev) {
        if (error && !*error)
            g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "it must not be 'none'");
        g_prefix_error(error, "-qtest %s: ", s->qtest);
        return false;
    }
    return tn_object_set_link(accel, "chardev", chardev, error) &&
           (!s->qtest_log || tn_object_set(accel, "log", s->qtest_log, error));
}

/* An error that no other accelerator of the list would mend is `fatal`. */
static TnObject *make(const TnAccelChoice *choice, const TnSettings *s, bool *fatal, GError **error)
{
    g_autofree char *type = g_strconcat(choice->name, "-accel", NULL);
    const TnAccelOps *ops;
    TnObject *accel;
    void *state;

    *fatal = false;
    if (!tn_registry_require("accel", choice->name, NULL, error))
        return NULL;
    accel = tn_object_new(type, error);
    if (!accel)
        return NULL;
    *fatal = !set_options(accel, choice, error) || !set_qtest(accel, s, error);
    if (!*fatal) {
        ops = tn_object_interface_state(accel, TN_IFACE_ACCEL, &state);
        if (ops && (!ops->init || ops->init(accel, state, error)))
            return accel;
        if (!ops)
            g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "'%s' is no accelerator", type);
        g_prefix_error(error, "accelerator '%s': ", choice->name);
    }
    tn_object_unref(accel);
    return NULL;
}

static bool use(TnObject *accel, GError **error)
{
    bool added = tn_object_add_child(tn_object_root(), "accel", accel, error);

    tn_object_unref(accel);
    running = added ? accel : NULL;
    return added;
}

bool tn_accel_select(const GPtrArray *choices, const TnSettings *s, GError **error)
{
    g_autoptr(TnSettings) defaults = tn_settings_new();
    GError *last = NULL;

    if (!choices->len) {
        tn_settings_add_accels(defaults, s->qtest ? "qtest" : "tcg", NULL);
        choices = defaults->accels;
    }
    for (unsigned i = 0; i < choices->len; i++) {
        bool fatal;
        TnObject *accel = make(choices->pdata[i], s, &fatal, &last);

        if (accel)
            return use(accel, error);
        if (fatal || i + 1 == choices->len)
            break;
        tn_warn("%s; trying the next accelerator", last->message);
        g_clear_error(&last);
    }
    g_propagate_error(error, last);
    return false;
}
