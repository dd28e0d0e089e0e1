/* SPDX-License-Identifier: MIT */
/* Checks of devices on the board of board.c: their life, saved state, registers. */
#include <string.h>

#include "modcheck/check.h"
#include "object/device.h"
#include "object/state.h"

enum {
    ROUNDS = 3,
    STATES = 8,          /* saved states that are tried */
    STATE_ACCESSES = 64, /* accesses that lead from one to the next */
};

/* A device on a new board; NULL with an error, or skipped. */
static TnObject *first_device(Check *check, char **type, GError **error)
{
    g_autoptr(GError) cause = NULL;
    TnObject *dev = NULL;
    bool skip = false;

    if (!tn_check_load_module(check, error) || !tn_board_make(error) ||
        !tn_helpers_make(check, check->provide->name, error))
        return NULL;
    *type = tn_registry_type_name(check->provide->kind, check->provide->name);
    dev = tn_board_device_new(check, *type, &skip, &cause);
    if (!dev && skip)
        tn_check_skip(check, "%s", cause->message);
    else if (!dev)
        g_propagate_error(error, g_steal_pointer(&cause));
    return dev;
}

static bool was_skipped(const Check *check)
{
    return check->skipped->len > 0;
}

static TnObject *again(Check *check, const char *type, GError **error)
{
    bool skip;
    TnObject *dev = tn_board_device_new(check, type, &skip, error);

    if (!dev)
        g_prefix_error(error, "once it was made and freed it cannot be made again: ");
    return dev;
}

/* ---- Life -------------------------------------------------------------------------------- */

static bool check_freed(TnObject *dev, GError **error)
{
    g_autoptr(GPtrArray) regions = tn_board_regions(dev);

    return regions->len == 0 || tn_object_is_a(dev, TN_TYPE_SYSTEM_DEVICE) ||
           tn_check_fail(error, "after unrealize its region '%s' can still be reached",
                         tn_region_name(regions->pdata[0]));
}

bool tn_check_realize(Check *check, GError **error)
{
    g_autofree char *type = NULL;
    TnObject *dev = first_device(check, &type, error);
    bool good = dev != NULL;

    for (unsigned i = 0; good && i < ROUNDS; i++) {
        tn_device_reset(dev, TN_RESET_WARM);
        tn_device_reset(dev, TN_RESET_COLD);
        tn_board_map(dev);
        tn_device_unrealize(dev);
        good = check_freed(dev, error);
        tn_board_device_free(dev);
        dev = good ? again(check, type, error) : NULL;
        good = dev != NULL;
    }
    return good || was_skipped(check);
}

/* ---- Saved state ------------------------------------------------------------------------- */

typedef struct Saved {
    char *name;        /* owned: of the object below the device */
    GByteArray *bytes; /* owned */
} Saved;

static void saved_free(gpointer data)
{
    Saved *saved = data;

    g_free(saved->name);
    g_byte_array_unref(saved->bytes);
    g_free(saved);
}

/* The device and what it is made of, by path; the device itself has the name "". */
static void save_tree(TnObject *obj, const char *name, GPtrArray *out)
{
    Saved *saved = g_new0(Saved, 1);

    saved->name = g_strdup(name);
    saved->bytes = g_byte_array_new();
    tn_object_save(obj, saved->bytes);
    g_ptr_array_add(out, saved);
    for (unsigned i = 0; obj->children && i < obj->children->len; i++) {
        TnObject *child = obj->children->pdata[i];
        g_autofree char *path = g_strconcat(name, "/", tn_object_name(child), NULL);

        save_tree(child, path, out);
    }
}

static GPtrArray *save(TnObject *dev)
{
    GPtrArray *out = g_ptr_array_new_with_free_func(saved_free);

    save_tree(dev, "", out);
    return out;
}

static TnObject *below(TnObject *dev, const char *name)
{
    g_auto(GStrv) parts = g_strsplit(name, "/", -1);

    for (char **part = parts[0] ? parts + 1 : parts; dev && *part; part++) {
        TnObject *found = NULL;

        for (unsigned i = 0; dev->children && i < dev->children->len; i++)
            if (strcmp(tn_object_name(dev->children->pdata[i]), *part) == 0)
                found = dev->children->pdata[i];
        dev = found;
    }
    return dev;
}

static bool load(TnObject *dev, const GPtrArray *state, GError **error)
{
    for (unsigned i = 0; i < state->len; i++) {
        const Saved *saved = state->pdata[i];
        TnObject *obj = below(dev, saved->name);

        if (!obj)
            return tn_check_fail(error, "a new one has no '%s' to load state into", saved->name);
        if (!tn_object_load(obj, saved->bytes->data, saved->bytes->len, error)) {
            g_prefix_error(error, "it does not load the state that it saved: ");
            return false;
        }
    }
    tn_device_settle_pass(dev);
    return true;
}

static bool same_state(const GPtrArray *a, const GPtrArray *b, GError **error)
{
    for (unsigned i = 0; i < a->len && i < b->len; i++) {
        const Saved *x = a->pdata[i], *y = b->pdata[i];

        if (x->bytes->len != y->bytes->len ||
            (x->bytes->len && memcmp(x->bytes->data, y->bytes->data, x->bytes->len) != 0))
            return tn_check_fail(error, "what was saved and loaded is not saved the same again: "
                                 "%u bytes of '%s' differ from the loaded %u", y->bytes->len,
                                 x->name, x->bytes->len);
    }
    return a->len == b->len || tn_check_fail(error, "a new one has other children");
}

/* From the device's state to a new device's, and back to bytes. *dev is replaced by the new one. */
static bool round_trip(Check *check, const char *type, TnObject **dev, unsigned *bytes, GError **error)
{
    g_autoptr(GPtrArray) before = save(*dev), after = NULL;

    tn_board_device_free(*dev);
    *dev = again(check, type, error);
    if (!*dev || !load(*dev, before, error))
        return false;
    after = save(*dev);
    for (unsigned i = 0; i < before->len; i++)
        *bytes += ((Saved *)before->pdata[i])->bytes->len;
    return same_state(before, after, error);
}

bool tn_check_save_and_load(Check *check, GError **error)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(check->options->seed);
    g_autofree char *type = NULL;
    TnObject *dev = first_device(check, &type, error);
    unsigned bytes = 0;
    bool good = dev != NULL;

    for (unsigned i = 0; good && i < STATES; i++) {
        good = round_trip(check, type, &dev, &bytes, error);
        if (good)
            tn_board_poke(dev, STATE_ACCESSES, random);
    }
    if (good)
        g_string_append_printf(check->remark, "%u states, %u bytes", STATES, bytes);
    return good || was_skipped(check);
}

/* ---- Registers --------------------------------------------------------------------------- */

bool tn_check_registers(Check *check, GError **error)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(check->options->seed);
    g_autoptr(GPtrArray) regions = NULL;
    g_autofree char *type = NULL;
    TnObject *dev = first_device(check, &type, error);

    if (!dev)
        return was_skipped(check);
    tn_board_map(dev);
    regions = tn_board_regions(dev);
    tn_board_poke(dev, check->options->accesses, random);
    tn_device_reset(dev, TN_RESET_COLD);
    tn_board_poke(dev, check->options->accesses, random);
    tn_board_device_free(dev);
    g_string_append_printf(check->remark, "%u regions, %u accesses, seed %u", regions->len,
                           2 * check->options->accesses, check->options->seed);
    return true;
}
