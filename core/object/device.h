/* SPDX-License-Identifier: MIT */
/* Devices inside the core: the state of the type "device", and tree-wide realize and reset. */
#ifndef TENON_CORE_DEVICE_H
#define TENON_CORE_DEVICE_H

#include "object/object.h"

/* The state block of TN_TYPE_DEVICE. */
typedef struct TnDeviceState {
    bool realized;
    char *id; /* owned; -device id=, NULL for none */
} TnDeviceState;

/* The state of a device, NULL for an object that is none. */
static inline TnDeviceState *tn_device_of(const TnObject *obj)
{
    return obj->type->is_device ? tn_object_state_at(obj, 1) : NULL;
}

/* Whether a text has the form of an id. [any] */
bool tn_id_check(const char *id, GError **error);
/* Names a device before it is plugged. The id must be free and well-formed. */
bool tn_device_set_id(TnObject *dev, const char *id, GError **error);

/* Realizes every device at and below an object, through buses and containers. */
bool tn_device_realize_tree(TnObject *obj, GError **error);
/* The two passes of a reset: everything is reset before anything settles. */
void tn_device_reset_pass(TnObject *obj, TnResetKind kind);
void tn_device_settle_pass(TnObject *obj);
/* From now on a device is reset as soon as it is realized. */
void tn_device_set_running(bool running);

/* Tells a bus that a child leaves; nothing for other parents. */
void tn_bus_unplugged(TnObject *parent, TnObject *dev);
/* The first bus in the tree that takes a device of this type, in order of adding; NULL for none. */
TnObject *tn_bus_find_for(const TnObject *dev);
/* Makes a device a child under its id, or under its type with a number. */
bool tn_device_add_named(TnObject *parent, TnObject *dev, GError **error);

/* The type of bus that takes such a device, NULL when it needs none. */
const char *tn_bus_type_for(const TnObject *dev);

/* Sets what reset sets of the registers of a bank. */
void tn_register_reset(void *state, const TnRegisterBank *bank);
/* The row at an index of a table with its module's stride. */
static inline const TnRegister *tn_register_row(const TnRegisterBank *bank, unsigned index)
{
    return (const TnRegister *)((const char *)bank->registers + (size_t)bank->stride * index);
}
uint64_t tn_register_load_field(const void *state, const TnRegister *reg);
void tn_register_store_field(void *state, const TnRegister *reg, uint64_t value);

#endif
