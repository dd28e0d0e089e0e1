/* SPDX-License-Identifier: MIT */
/* RAM back ends as machines and -object see them. */
#ifndef TN_MEMORY_BACKEND_H
#define TN_MEMORY_BACKEND_H

#include "tenon/memory.h"

/* The bytes that a back end gives; 0 for an object that is none. */
uint64_t tn_backend_size(TnObject *backend);

#endif
