/* SPDX-License-Identifier: MIT */
/*
 * Puts kept code into place: keep.h. What is read may be anything: numbers are checked before they
 * are used.
 */
#include "keep.h"

#include <string.h>

#include "code-buffer.h"
#include "notes.h"

/* Where the code is going and how far that is from where it was. */
typedef struct Move {
    uint8_t *code;          /* in the writable mapping */
    uint32_t size;
    uint64_t pc;            /* the block's, as it was kept */
    uint64_t by;            /* how far the block's is from that */
} Move;

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof(v));
}

static bool put_distance(uint8_t *at, uintptr_t to)
{
    int64_t distance = (int64_t)(to - ((uintptr_t)x64_code_rx(at) + 4));

    put32(at, (uint32_t)distance);
    return distance == (int32_t)distance;
}

static bool put_library(uint8_t *at, unsigned library, int32_t offset)
{
    const X64Library *l = &x64_libraries[library];

    return (uint32_t)offset < l->size && put_distance(at, l->first + (uint32_t)offset);
}

static bool put_thunk(uint8_t *at, unsigned n)
{
    const uint8_t *thunk = x64_thunk(n);

    return thunk && put_distance(at, (uintptr_t)x64_code_rx(thunk));
}

/* 32 bits that are extended, by their sign or by zeros: right either way while the sign stays. */
static bool move32(uint8_t *at, uint64_t by)
{
    int64_t was = (int32_t)get32(at), now;

    if (__builtin_add_overflow(was, (int64_t)by, &now) || now != (int32_t)now ||
        (now < 0) != (was < 0))
        return false;
    put32(at, (uint32_t)now);
    return true;
}

static bool move_halves(const Move *m, uint8_t *low, int32_t high)
{
    uint64_t v;

    if ((uint32_t)high > m->size - 4)
        return false;
    v = (get32(low) | (uint64_t)get32(m->code + high) << 32) + m->by;
    put32(low, (uint32_t)v);
    put32(m->code + high, (uint32_t)(v >> 32));
    return true;
}

/* A note's number keeps its length, if need be with groups that say nothing. */
static bool move_note(const Move *m, uint8_t *at, uint32_t length)
{
    const uint8_t *note = at;
    int64_t v;

    if (x64_note_length(at, m->size - (size_t)(at - m->code)) != length)
        return false;
    v = (int64_t)((uint64_t)x64_read_signed(&note) + m->by);
    for (uint32_t i = 0; i < length; i++, v >>= X64_NOTE_BITS)
        at[i] = (uint8_t)((v & (X64_NOTE_MORE - 1)) | (i + 1 < length ? X64_NOTE_MORE : 0));
    return v == (at[length - 1] >> (X64_NOTE_BITS - 1) ? -1 : 0);
}

static void move_jump(const Move *m, uint8_t *at, int32_t way)
{
    uint64_t was = m->pc + (uint64_t)(int64_t)way;
    uint32_t change = (tn_jump_index(was + m->by) - tn_jump_index(was)) *
                      (uint32_t)sizeof(TnJumpEntry);

    put32(at, get32(at) + change);
}

static bool put(const Move *m, const X64KeptPlace *p)
{
    uint8_t *at = m->code + p->at;
    unsigned size = p->kind == X64_KEPT_PC64 ? 8 : p->kind == X64_KEPT_NOTE ? 1 : 4;

    if (p->at > m->size - size)
        return false;
    switch (p->kind) {
    case X64_KEPT_PC32:
        return move32(at, m->by);
    case X64_KEPT_PC64:
        put64(at, get32(at) + ((uint64_t)get32(at + 4) << 32) + m->by);
        return true;
    case X64_KEPT_PC_LOW:
        put32(at, get32(at) + (uint32_t)m->by);
        return true;
    case X64_KEPT_PC_HALVES:
        return move_halves(m, at, p->arg);
    case X64_KEPT_NOTE:
        return move_note(m, at, (uint32_t)p->arg);
    case X64_KEPT_JUMP:
        move_jump(m, at, p->arg);
        return true;
    case X64_KEPT_THUNK:
        return put_thunk(at, (unsigned)p->arg);
    case X64_KEPT_CORE:
    case X64_KEPT_TARGET:
        return put_library(at, p->kind - X64_KEPT_CORE, p->arg);
    default:
        return false;
    }
}

/* ---- Exits ------------------------------------------------------------------------------- */

static bool place_of(const Move *m, uint32_t offset, void **place)
{
    *place = offset == X64_KEPT_NONE ? NULL : m->code + offset;
    return offset == X64_KEPT_NONE || offset < m->size;
}

/* What is rewritten at once lies in one word. */
static bool lies_in_word(const Move *m, uint32_t offset, uint32_t size)
{
    enum { WORD = 8 };

    return offset % WORD <= WORD - size && offset <= m->size - size;
}

static bool is_patchable(const Move *m, uint32_t offset)
{
    return lies_in_word(m, offset, sizeof(int32_t));
}

/* So does the whole instruction where it is the way out, too. */
static bool is_place(const Move *m, const X64KeptExit *kept, uint32_t offset)
{
    enum { WORD = 8, OPCODE = 1 };

    return is_patchable(m, offset) &&
           (offset != kept->unlinked + OPCODE || kept->unlinked % WORD <= WORD - X64_CALL);
}

static bool put_open_exit(const Move *m, TnBlock *block, TnBlockExit *x, const X64KeptExit *kept)
{
    *x = (TnBlockExit){ .pc = block->key.pc, .kind = TN_EXIT_OPEN, .from = block };
    if (kept->kind != TN_EXIT_OPEN)
        return false;
    if (kept->patch == X64_KEPT_NONE)
        return lies_in_word(m, kept->early, X64_CALL) && place_of(m, kept->early, &x->early) &&
               x64_is_look_call(x->early);
    return is_patchable(m, kept->patch) && place_of(m, kept->patch, &x->patch) &&
           x64_is_open_exit(x->patch, m->code);
}

static bool put_exit(const Move *m, TnBlock *block, TnBlockExit *x, const X64KeptExit *kept)
{
    if (kept->kind != TN_EXIT_DIRECT)
        return put_open_exit(m, block, x, kept);
    *x = (TnBlockExit){ .pc = block->key.pc + (uint64_t)kept->pc, .from = block,
                        .flags = kept->flags };
    if (!place_of(m, kept->unlinked, &x->unlinked) || !x->unlinked)
        return false;
    if (kept->flags != X64_EXIT_STORED)
        return kept->flags < X64_N_EXIT_FLAGS && kept->patch == X64_KEPT_NONE &&
               kept->late == X64_KEPT_NONE && kept->early != X64_KEPT_NONE &&
               is_place(m, kept, kept->early) && place_of(m, kept->early, &x->early);
    return is_place(m, kept, kept->patch) &&
           (kept->early == X64_KEPT_NONE || is_patchable(m, kept->early)) &&
           place_of(m, kept->patch, &x->patch) && place_of(m, kept->early, &x->early) &&
           place_of(m, kept->late, &x->late) && !x->early == !x->late;
}

static bool put_exits(const Move *m, TnBlock *block, const X64KeptExit *kept, uint32_t n)
{
    tn_block_new_exits(block, n);
    for (uint32_t i = 0; i < n; i++) {
        if (!put_exit(m, block, &block->exits[i], &kept[i]))
            return false;
    }
    return true;
}

/* ---- The whole --------------------------------------------------------------------------- */

static bool fits(const X64Kept *k, size_t size)
{
    uint64_t parts = sizeof(*k) + (uint64_t)k->n_exits * sizeof(X64KeptExit) +
                     (uint64_t)k->n_places * sizeof(X64KeptPlace);

    return k->code_size >= 8 && parts + k->code_size <= size && k->own_entry < k->code_size;
}

static bool put_all(const Move *m, TnBlock *block, const X64Kept *k)
{
    const X64KeptExit *exits = (const void *)(k + 1);
    const X64KeptPlace *places = (const void *)(exits + k->n_exits);

    memcpy(m->code, places + k->n_places, k->code_size);
    for (uint32_t i = 0; i < k->n_places; i++) {
        if (!put(m, &places[i]))
            return false;
    }
    return put_exits(m, block, exits, k->n_exits);
}

bool x64_unpack(TnBlock *block, uint64_t pc, const void *kept, size_t size)
{
    const X64Kept *k = kept;
    Move m = { .code = x64_code.next, .pc = pc, .by = block->key.pc - pc };

    if (size < sizeof(*k) || !fits(k, size) ||
        (size_t)(x64_code.rw + x64_code.size - x64_code.next) <
            k->code_size + X64_CODE_ALIGN)
        return false;
    m.size = k->code_size;
    if (!put_all(&m, block, k)) {
        tn_block_delete_exits(block);
        return false;
    }
    block->code = x64_code_rx(m.code);
    block->code_size = k->code_size;
    block->own_entry = k->own_entry;
    block->flags_dead = k->flags_dead;
    block->flags_marked = k->flags_marked;
    x64_code_note(block->code, block);
    x64_code_take(m.code + m.size);
    return true;
}
