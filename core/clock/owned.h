/* SPDX-License-Identifier: MIT */
/*
 * Things that live as long as an object: regions, timers, wires and listeners are given an owner
 * when they are made and are freed when that owner is finalized.
 */
#ifndef TN_CLOCK_OWNED_H
#define TN_CLOCK_OWNED_H

#include <glib.h>

#include "tenon/object.h"

/* Frees `thing` with `free_fn` when `owner` ends. An owner of NULL lives for ever. [main] */
void tn_owned_add(TnObject *owner, void *thing, GDestroyNotify free_fn);
/* Forgets `thing` without freeing it: its maker frees it earlier. [main] */
void tn_owned_remove(TnObject *owner, void *thing);
/* Called by the object model when `owner` is finalized: frees, last made first. [main] */
void tn_owned_release(TnObject *owner);

#endif
