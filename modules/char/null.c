/* SPDX-License-Identifier: MIT */
/* chardev null: takes everything, gives nothing. */
#include "tenon/chardev.h"
#include "tenon/module.h"

static bool null_open(TnChardev *chr, void *state, GError **error)
{
    tn_chardev_event(chr, TN_CHARDEV_OPENED);
    return true;
}

static size_t null_write(TnChardev *chr, void *state, const uint8_t *buf, size_t n)
{
    return n;
}

static const TnChardevOps null_ops = {
    .size = sizeof(TnChardevOps),
    .open = null_open,
    .write = null_write,
};

static const TnInterfaceImpl null_interfaces[] = { { TN_IFACE_CHARDEV, &null_ops }, { 0 } };

static const TnTypeInfo null_type = {
    .size = sizeof(TnTypeInfo),
    .name = "chardev-null",
    .parent = TN_TYPE_CHARDEV,
    .interfaces = null_interfaces,
    .description = "Takes everything, gives nothing",
};

static const TnTypeInfo *const types[] = { &null_type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks,
    TN_NOTE_NAME("chardev-null") TN_NOTE_VERSION("1.0") TN_NOTE_LICENCE("MIT")
    TN_NOTE_CHARDEV("null", "Takes everything, gives nothing"));
