/* SPDX-License-Identifier: MIT */
/*
 * Notes: what code in C has to know about a place in translated code, in bytes behind a call there
 * whose return address leads to them. They hold no address: the block that
 * has the last entry before the note is found by the note's own (code-buffer.h).
 *
 * Numbers are written as in DWARF (version 5, 7.6): seven bits a byte, the lowest first.
 */
#ifndef TN_X64_NOTES_H
#define TN_X64_NOTES_H

#include "emit.h"
#include "translate/backend.h"

uint8_t *x64_put_long_unsigned(uint8_t *p, uint64_t v);
uint8_t *x64_put_long_signed(uint8_t *p, int64_t v);
uint64_t x64_read_long(const uint8_t **note);
int64_t x64_read_signed(const uint8_t **note);

enum { X64_NOTE_MORE = 1 << 7 }; /* in a byte: the number goes on */

/* These write at p and give the place behind. */
static inline uint8_t *x64_put_unsigned(uint8_t *p, uint64_t v)
{
    *p = (uint8_t)v;
    if (v < X64_NOTE_MORE)
        return p + 1;
    if (v >= X64_NOTE_MORE * X64_NOTE_MORE)
        return x64_put_long_unsigned(p, v);
    p[0] |= X64_NOTE_MORE;
    p[1] = (uint8_t)(v / X64_NOTE_MORE);
    return p + 2;
}

static inline uint8_t *x64_put_signed(uint8_t *p, int64_t v)
{
    *p = (uint8_t)(v & (X64_NOTE_MORE - 1));
    return (uint64_t)v + X64_NOTE_MORE / 2 < X64_NOTE_MORE ? p + 1 : x64_put_long_signed(p, v);
}

static inline void x64_note_unsigned(X64Emit *e, uint64_t v)
{
    e->p = x64_put_unsigned(e->p, v);
}

static inline void x64_note_signed(X64Emit *e, int64_t v)
{
    e->p = x64_put_signed(e->p, v);
}

static inline uint64_t x64_read_unsigned(const uint8_t **note)
{
    return **note & X64_NOTE_MORE ? x64_read_long(note) : *(*note)++;
}

/* The block that a note is in the code of, in the executable mapping. [vcpu, in that code] */
TnBlock *x64_noting_block(const uint8_t *note);

/* The block whose code has an address; NULL: none's. It is not freed yet. [vcpu] */
TnBlock *x64_block_at(const void *rx);

/* A direct exit, or one that may be open. */
typedef struct X64ExitNote {
    TnBlock *block;
    uint32_t exit; /* index */
} X64ExitNote;

/* The note of one that may be open. */
void x64_note_exit(X64Emit *e, uint32_t exit);
X64ExitNote x64_read_exit_note(const uint8_t *note);
/* The direct exit whose way out is the call before `note`; the index is n_exits where that is no
 * exit's. */
X64ExitNote x64_noting_exit(const uint8_t *note);

#endif
