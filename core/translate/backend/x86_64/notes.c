/* SPDX-License-Identifier: MIT */
#include "notes.h"

#include "code-buffer.h"
#include "thunks.h"

enum {
    GROUP_BITS = 7,
    GROUP = X64_NOTE_MORE,
    SIGN = 1 << (GROUP_BITS - 1), /* in the last group of a signed number */
};

/* ---- Numbers ----------------------------------------------------------------------------- */

uint8_t *x64_put_long_unsigned(uint8_t *p, uint64_t v)
{
    for (; v >= GROUP; v >>= GROUP_BITS)
        *p++ = (uint8_t)(v | GROUP);
    *p = (uint8_t)v;
    return p + 1;
}

uint8_t *x64_put_long_signed(uint8_t *p, int64_t v)
{
    for (; v < -SIGN || v >= SIGN; v >>= GROUP_BITS)
        *p++ = (uint8_t)(v | GROUP);
    *p = (uint8_t)(v & (GROUP - 1));
    return p + 1;
}

uint64_t x64_read_long(const uint8_t **note)
{
    const uint8_t *p = *note;
    uint64_t v = *p & (GROUP - 1);

    for (unsigned shift = GROUP_BITS; *p & GROUP; shift += GROUP_BITS)
        v |= (uint64_t)(*++p & (GROUP - 1)) << shift;
    *note = p + 1;
    return v;
}

int64_t x64_read_signed(const uint8_t **note)
{
    const uint8_t *p = *note;
    uint64_t v = x64_read_unsigned(note);
    unsigned bits = GROUP_BITS * (unsigned)(*note - p);

    return bits >= 64 ? (int64_t)v : (int64_t)(v << (64 - bits)) >> (64 - bits);
}

/* ---- Blocks and exits -------------------------------------------------------------------- */

TnBlock *x64_noting_block(const uint8_t *note)
{
    return x64_code_block(note);
}

TnBlock *x64_block_at(const void *rx)
{
    const uint8_t *at = rx;
    TnBlock *block = x64_code_block(at);

    return block && (size_t)(at - (const uint8_t *)block->code) < block->code_size ? block : NULL;
}

void x64_note_exit(X64Emit *e, uint32_t exit)
{
    x64_note_unsigned(e, exit);
}

X64ExitNote x64_read_exit_note(const uint8_t *note)
{
    TnBlock *block = x64_noting_block(note);

    return (X64ExitNote){ .block = block, .exit = (uint32_t)x64_read_unsigned(&note) };
}

static bool is_way_out(const TnBlockExit *x, const uint8_t *end)
{
    return x->unlinked && (const uint8_t *)x->unlinked + x64_way_out(x) == end;
}

X64ExitNote x64_noting_exit(const uint8_t *note)
{
    X64ExitNote n = { .block = x64_noting_block(note - 1) }; /* the call may end the block's code */

    while (n.exit < n.block->n_exits && !is_way_out(&n.block->exits[n.exit], x64_code_rw(note)))
        n.exit++;
    return n;
}
