/* SPDX-License-Identifier: MIT */
/*
 * State tables: what of a type's private state is saved and loaded. Registers declared in a
 * register table (device.h) save themselves; everything else that the guest can notice stands here.
 *
 * A field has a name, a place, a kind and a `since`: the version of the table that first had it.
 * Loading an older stream leaves newer fields at their reset value.
 */
#ifndef TENON_STATE_H
#define TENON_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "tenon/macros.h"

TN_BEGIN_DECLS

typedef enum TnStateKind {
    TN_STATE_END = 0,
    TN_STATE_BOOL = 1,
    TN_STATE_U8 = 2,
    TN_STATE_U16 = 3,
    TN_STATE_U32 = 4,
    TN_STATE_U64 = 5,
    TN_STATE_BYTES = 6,  /* `count` raw bytes */
    TN_STATE_STRUCT = 7, /* `count` elements of `stride` bytes, each described by `sub` */
    TN_STATE_TIMER = 8,  /* TnTimer *: whether armed and when */
} TnStateKind;

/* One row. Rows lie sizeof(TnStateField) apart, which TnTypeInfo.state_stride tells the core. */
typedef struct TnStateField {
    const char *name; /* NULL ends the table */
    TnStateKind kind;
    uint32_t offset;
    uint32_t count;  /* elements of an array; 1 for a scalar */
    uint32_t stride; /* bytes from element to element */
    uint32_t since;  /* version; 0 and 1 mean the first */
    const struct TnStateField *sub; /* STRUCT: the element's table, of the same row size */
} TnStateField;

/* Table rows: TN_STATE(U32, Uart, divisor), TN_STATE_ARRAY(U8, Pic, elcr), ... TN_STATE_LAST. */
#define TN_STATE(kind_, type_, field_) \
    { .name = #field_, .kind = TN_STATE_##kind_, .offset = offsetof(type_, field_), .count = 1, \
      .stride = sizeof(((type_ *)0)->field_) }
#define TN_STATE_ARRAY(kind_, type_, field_) \
    { .name = #field_, .kind = TN_STATE_##kind_, .offset = offsetof(type_, field_), \
      .count = sizeof(((type_ *)0)->field_) / sizeof(((type_ *)0)->field_[0]), \
      .stride = sizeof(((type_ *)0)->field_[0]) }
#define TN_STATE_BUFFER(type_, field_) \
    { .name = #field_, .kind = TN_STATE_BYTES, .offset = offsetof(type_, field_), \
      .count = sizeof(((type_ *)0)->field_), .stride = 1 }
#define TN_STATE_SUB(type_, field_, table_) \
    { .name = #field_, .kind = TN_STATE_STRUCT, .offset = offsetof(type_, field_), .count = 1, \
      .stride = sizeof(((type_ *)0)->field_), .sub = (table_) }
#define TN_STATE_SUB_ARRAY(type_, field_, table_) \
    { .name = #field_, .kind = TN_STATE_STRUCT, .offset = offsetof(type_, field_), \
      .count = sizeof(((type_ *)0)->field_) / sizeof(((type_ *)0)->field_[0]), \
      .stride = sizeof(((type_ *)0)->field_[0]), .sub = (table_) }
#define TN_STATE_LAST { .name = NULL, .kind = TN_STATE_END }

/* The distance of rows, for TnTypeInfo.state_stride. */
#define TN_STATE_STRIDE sizeof(TnStateField)

TN_END_DECLS

#endif
