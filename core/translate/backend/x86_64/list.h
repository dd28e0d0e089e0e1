/* SPDX-License-Identifier: MIT */
/* Lists that are filled anew for every block and keep their memory. */
#ifndef TN_X64_LIST_H
#define TN_X64_LIST_H

#include <glib.h>

typedef struct X64List {
    void *items;
    unsigned len, capacity;
} X64List;

/* Makes room for more items of so many bytes each; what points to items is void then. */
__attribute__((cold)) void x64_list_grow(X64List *l, size_t size); /* backend.c */

/* The place of one more item, which holds anything. */
static inline void *x64_list_add(X64List *l, size_t size)
{
    if (G_UNLIKELY(l->len == l->capacity))
        x64_list_grow(l, size);
    return (char *)l->items + l->len++ * size;
}

#define X64_LIST_ADD(list, type) ((type *)x64_list_add(&(list), sizeof(type)))
#define X64_LIST_AT(list, type, i) (&((type *)(list).items)[i])

#endif
