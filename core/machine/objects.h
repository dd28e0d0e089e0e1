/* SPDX-License-Identifier: MIT */
/* -object: what the user makes besides devices. Objects live below /objects under their ids. */
#ifndef TN_MACHINE_OBJECTS_H
#define TN_MACHINE_OBJECTS_H

#include "option/keyval.h"
#include "tenon/object.h"

/* Makes all of -object (TnKeyVals), in order. */
bool tn_objects_make(const GPtrArray *objects, GError **error);

/*
 * The object of an id that is of a type; borrowed. `what` calls it in the error for an id that is
 * not there or of another type: "memory back end".
 */
TnObject *tn_objects_find(const char *id, const char *type, const char *what, GError **error);

#endif
