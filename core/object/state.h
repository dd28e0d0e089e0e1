/* SPDX-License-Identifier: MIT */
/*
 * Walks state tables and register tables: an object's state as bytes and back. The form is a list
 * of named fields, so that a later version may add some:
 *
 *     field:  u8 length of name, name, u32 length of value, value
 *     value:  integers little-endian one after the other; of a struct: for each element a u32
 *             length and its fields; of a timer: when it fires in ns as i64, -1 for not armed
 *     object: for each type of the chain that has state: a field called like the type, its value
 *             being a u32 version and its fields; registers are fields called BANK.REGISTER
 */
#ifndef TN_OBJECT_STATE_H
#define TN_OBJECT_STATE_H

#include "object/device.h"

/* `stride` is the distance of rows in bytes, in tables of structs too. */
void tn_state_save(const TnStateField *fields, uint32_t stride, const void *state, GByteArray *out);
/* Fields that the bytes do not have keep their value. May have changed some on failure. */
bool tn_state_load(const TnStateField *fields, uint32_t stride, void *state, const uint8_t *bytes,
                   size_t n, GError **error);

/* One object, without its children. */
void tn_object_save(TnObject *obj, GByteArray *out);
/* Loads, and calls the `loaded` hooks; the caller settles when everything is loaded. */
bool tn_object_load(TnObject *obj, const uint8_t *bytes, size_t n, GError **error);

#endif
