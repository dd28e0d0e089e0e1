/* SPDX-License-Identifier: MIT */
/* The memory that holds translated code. */
#ifndef TN_X64_CODE_BUFFER_H
#define TN_X64_CODE_BUFFER_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "translate/backend.h"

typedef struct X64Code {
    uint8_t *rw;        /* where it is written */
    uint8_t *rx;        /* where it is executed: the same, or the same memory */
    size_t size;
    uint8_t *next;      /* rw: the first free byte */
    uint8_t *first;     /* rw: after the thunks, where blocks start */
    uint8_t *populated; /* rw: up to here memory is there */
    uint8_t *rested;    /* rw: up to here it was given back */
    uint8_t *beside;    /* rw: the first free byte for what blocks get later (x64_code_beside) */
    uint8_t *beside_end;
} X64Code;

extern X64Code x64_code;

enum {
    X64_CODE_ALIGN = 8, /* of entries: what is patched lies in words of as many bytes */
};

/* Maps `size` bytes, once or twice. */
bool x64_code_map(size_t size, TnSplitWx split, GError **error);

/* A block's code begins there, behind all that was noted before. */
void x64_code_note(const uint8_t *entry_rx, void *block);
/* The block of the last entry noted at or before an address, or NULL. Takes no lock. */
void *x64_code_block(const uint8_t *rx);
/* The block goes, which a place in its code that was noted when it ran must not lead to. */
void x64_code_drop(const uint8_t *entry_rx, const void *block);

/* Takes [next, end) and has the new next so that an entry is aligned. */
void x64_code_take(uint8_t *end);

/*
 * Where code of at most `size` bytes goes that a block which is there gets, or NULL: full. What was
 * emitted there is taken up to its end. Such code lies together, for what runs often has some.
 */
uint8_t *x64_code_beside(size_t size);
void x64_code_take_beside(uint8_t *end);

/* Forgets all blocks. */
void x64_code_reset(void);

/* In a copy of a process: other memory at the same address, for code that is not executed. */
bool x64_code_apart(void);

static inline void *x64_code_rx(const uint8_t *rw)
{
    return x64_code.rx + (rw - x64_code.rw);
}

static inline uint8_t *x64_code_rw(const void *rx)
{
    return x64_code.rw + ((const uint8_t *)rx - x64_code.rx);
}

#endif
