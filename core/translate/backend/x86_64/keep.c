/* SPDX-License-Identifier: MIT */
/* Finds what in a block's code depends on what, by comparing it with itself elsewhere: keep.h. */
#include "keep.h"

#include <link.h>
#include <string.h>

#include "code-buffer.h"

/* Blocks and exits are compared whole. */
_Static_assert(sizeof(TnBlock) == 184 && sizeof(TnBlockExit) == 72, "they have no padding");

X64Library x64_libraries[2];

/* ---- Libraries --------------------------------------------------------------------------- */

typedef struct Sought {
    uintptr_t address;
    X64Library found;
} Sought;

static int look_at(struct dl_phdr_info *info, size_t size, void *opaque)
{
    Sought *s = opaque;
    uintptr_t end = 0;

    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_LOAD)
            end = MAX(end, info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz);
    }
    if (s->address - info->dlpi_addr >= end)
        return 0;
    s->found = (X64Library){ info->dlpi_addr, end };
    return 1;
}

void x64_find_libraries(void)
{
    const void *const in[] = { &x64_plan, x64_plan.target };

    for (unsigned i = 0; i < G_N_ELEMENTS(in); i++) {
        Sought s = { .address = (uintptr_t)in[i] };

        dl_iterate_phdr(look_at, &s);
        x64_libraries[i] = s.found;
    }
}

/* ---- Comparing --------------------------------------------------------------------------- */

enum {
    MAX_PLACES = 4096,
    MAX_SIZE = 1 << 24, /* X64KeptPlace.at */
    REACH = 24, /* bytes between the halves of a number at most */
};

/* Two versions of the code, and what is known of their differences. */
typedef struct Compare {
    const TnBlock *a, *b;
    const uint8_t *x, *y;   /* their code, in the writable mapping */
    uint32_t size;
    uint64_t pc, place;     /* how far b's is from a's */
    bool wide;              /* the pcs differ in their upper halves too */
    GArray *places;         /* X64KeptPlace */
} Compare;

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static bool differs32(const Compare *c, uint32_t at, uint64_t by)
{
    return at + 4 <= c->size && get32(c->y + at) - get32(c->x + at) == (uint32_t)by;
}

static bool differs64(const Compare *c, uint32_t at, uint64_t by)
{
    return at + 8 <= c->size && get64(c->y + at) - get64(c->x + at) == by;
}

static void note(Compare *c, uint32_t at, X64KeptKind kind, int32_t arg)
{
    X64KeptPlace p = { .at = at, .kind = kind, .arg = arg };

    g_array_append_val(c->places, p);
}

/* A distance to something outside the block. */
static bool find_distance(Compare *c, uint32_t at)
{
    const uint8_t *to;

    if (!differs32(c, at, -c->place))
        return false;
    to = c->x + at + 4 + (int32_t)get32(c->x + at);
    for (unsigned n = 0; n < sizeof(x64_thunks) / sizeof(uint8_t *); n++) {
        if (x64_thunk(n) == to) {
            note(c, at, X64_KEPT_THUNK, (int32_t)n);
            return true;
        }
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(x64_libraries); n++) {
        uintptr_t offset = (uintptr_t)x64_code_rx(to) - x64_libraries[n].first;

        if (offset < x64_libraries[n].size && offset <= INT32_MAX) {
            note(c, at, X64_KEPT_CORE + n, (int32_t)offset);
            return true;
        }
    }
    return false;
}

/* The other half of a number whose low one is at `at`, or 0. */
static uint32_t find_high_half(const Compare *c, uint32_t at)
{
    uint64_t low = get32(c->x + at);

    for (uint32_t high = at + 4; high < at + REACH && high + 4 <= c->size; high++) {
        uint64_t value = low | (uint64_t)get32(c->x + high) << 32;

        if (get32(c->y + high) == (uint32_t)((value + c->pc) >> 32) &&
            get32(c->y + high) != get32(c->x + high))
            return high;
    }
    return 0;
}

static bool find_pc(Compare *c, uint32_t at)
{
    if (c->wide && differs64(c, at, c->pc)) {
        note(c, at, X64_KEPT_PC64, 0);
    } else if (!differs32(c, at, c->pc)) {
        return false;
    } else if (c->wide) {
        uint32_t high = find_high_half(c, at);
        note(c, at, high ? X64_KEPT_PC_HALVES : X64_KEPT_PC_LOW, (int32_t)high);
    } else {
        note(c, at, X64_KEPT_PC32, 0);
    }
    return true;
}

static uint32_t jump_offset(uint64_t pc)
{
    return (uint32_t)(tn_jump_index(pc) * sizeof(TnJumpEntry));
}

/* The place in the jump cache of a pc that the block goes to. */
static bool find_jump(Compare *c, uint32_t at)
{
    int n;
    const TnIrOp *ops = x64_last_ops(&n);
    uint64_t last = c->b->key.pc;

    for (int i = 0; i < n && at + 4 <= c->size; i++) {
        uint64_t way = ops[i].imm - last, was = c->a->key.pc + way;

        if (ops[i].opc != TN_IR_EXIT && ops[i].opc != TN_IR_EXIT_IF)
            continue;
        if (get32(c->x + at) - jump_offset(was) < sizeof(TnJumpEntry) &&
            get32(c->y + at) - jump_offset(was + c->pc) == get32(c->x + at) - jump_offset(was)) {
            note(c, at, X64_KEPT_JUMP, (int32_t)way); /* tn_jump_index looks at as many bits */
            return true;
        }
    }
    return false;
}

/* A number of a note, which begins `back` bytes before one that differs. */
static unsigned find_note(Compare *c, uint32_t at, uint32_t back)
{
    const uint8_t *x = c->x + at, *y = c->y + at;
    unsigned length = x64_note_length(x, c->size - at);

    if (length <= back || x64_note_length(y, c->size - at) != length ||
        (uint64_t)x64_read_signed(&y) - (uint64_t)x64_read_signed(&x) != c->pc)
        return 0;
    note(c, at, X64_KEPT_NOTE, (int32_t)length);
    return length;
}

/* The difference that shows at byte i first; a number may begin before. Its end, or 0. */
static uint32_t explain(Compare *c, uint32_t i, uint32_t from)
{
    for (uint32_t back = 0; back < 4 && back <= i - from; back++) {
        uint32_t at = i - back;

        if (find_distance(c, at) || find_jump(c, at))
            return at + 4;
        if (c->pc && find_pc(c, at)) {
            const X64KeptPlace *p = &g_array_index(c->places, X64KeptPlace, c->places->len - 1);
            return at + (p->kind == X64_KEPT_PC64 ? 8 : 4);
        }
    }
    for (uint32_t back = 0; c->pc && back < X64_NOTE_LONGEST && back <= i - from; back++) {
        unsigned length = find_note(c, i - back, back);

        if (length)
            return i - back + length;
    }
    return 0;
}

static bool is_high_half(const Compare *c, uint32_t at)
{
    for (guint i = c->places->len; i-- > 0;) {
        const X64KeptPlace *p = &g_array_index(c->places, X64KeptPlace, i);

        if ((uint32_t)p->at + REACH + 4 < at)
            break;
        if (p->kind == X64_KEPT_PC_HALVES && at - (uint32_t)p->arg < 4)
            return true;
    }
    return false;
}

static bool find_places(Compare *c)
{
    uint32_t from = 0;

    for (uint32_t i = 0; i < c->size; i++) {
        if (i + 8 <= c->size && get64(c->x + i) == get64(c->y + i)) {
            i += 7;
            continue;
        }
        if (c->x[i] == c->y[i] || is_high_half(c, i))
            continue;
        from = explain(c, i, from);
        if (!from || c->places->len > MAX_PLACES)
            return false;
        i = from - 1;
    }
    return true;
}

/* ---- Packing ----------------------------------------------------------------------------- */

static uint32_t offset_of(const TnBlock *block, const void *place)
{
    return place ? (uint32_t)((const uint8_t *)place - x64_code_rw(block->code)) : X64_KEPT_NONE;
}

static void pack_exits(const TnBlock *block, GByteArray *out)
{
    for (uint32_t i = 0; i < block->n_exits; i++) {
        const TnBlockExit *x = &block->exits[i];
        X64KeptExit kept = {
            .pc = (int64_t)(x->pc - block->key.pc), .patch = offset_of(block, x->patch),
            .unlinked = offset_of(block, x->unlinked), .early = offset_of(block, x->early),
            .late = offset_of(block, x->late), .kind = x->kind, .flags = x->flags,
        };
        g_byte_array_append(out, (const void *)&kept, sizeof(kept));
    }
}

/* Distances depend on where the process has its libraries: nothing of that is kept. */
static void clear_distances(uint8_t *code, const GArray *places)
{
    for (guint i = 0; i < places->len; i++) {
        const X64KeptPlace *p = &g_array_index(places, X64KeptPlace, i);

        if (p->kind >= X64_KEPT_THUNK)
            memset(code + p->at, 0, sizeof(int32_t));
    }
}

/* The whole, as it is to be read by x64_unpack. */
static void pack(const TnBlock *block, const GArray *places, GByteArray *out)
{
    X64Kept kept = { .code_size = block->code_size, .n_exits = block->n_exits,
                     .n_places = places->len, .own_entry = block->own_entry,
                     .flags_dead = block->flags_dead, .flags_marked = block->flags_marked };

    g_byte_array_append(out, (const void *)&kept, sizeof(kept));
    pack_exits(block, out);
    g_byte_array_append(out, (const void *)places->data,
                        places->len * (guint)sizeof(X64KeptPlace));
    g_byte_array_append(out, x64_code_rw(block->code), block->code_size);
    clear_distances(out->data + out->len - block->code_size, places);
}

/* An exit that is the other block's but for where it is. */
static bool same_exit(const TnBlock *block, const TnBlock *copy, uint32_t i)
{
    const TnBlockExit *x = &block->exits[i], *y = &copy->exits[i];
    TnBlockExit moved = *y;

    moved.from = x->from;
    moved.patch = x->patch;
    moved.unlinked = x->unlinked;
    moved.early = x->early;
    moved.late = x->late;
    return memcmp(&moved, x, sizeof(moved)) == 0 &&
           offset_of(copy, y->patch) == offset_of(block, x->patch) &&
           offset_of(copy, y->unlinked) == offset_of(block, x->unlinked) &&
           offset_of(copy, y->early) == offset_of(block, x->early) &&
           offset_of(copy, y->late) == offset_of(block, x->late);
}

/* Fields that compile() fills in and x64_unpack does not know show here: nothing is kept then. */
static bool same_block(const TnBlock *block, const TnBlock *copy)
{
    TnBlock moved = *copy;

    moved.code = block->code;
    moved.exits = block->exits;
    return memcmp(&moved, block, sizeof(moved)) == 0;
}

/* Whether a copy that is made of the packed block at another's pc and place is what was compiled
 * there. */
static bool makes(const GByteArray *kept, const TnBlock *from, const TnBlock *block)
{
    TnBlock copy = { .key = block->key, .mode_id = block->mode_id, .n_insns = block->n_insns,
                     .size = block->size, .phys = { block->phys[0], block->phys[1] } };
    bool same = x64_unpack(&copy, from->key.pc, kept->data, kept->len);

    if (!same)
        return false;
    /* The distances of jumps out of it differ by its own. */
    g_autoptr(GArray) places = g_array_new(false, false, sizeof(X64KeptPlace));
    Compare c = { .a = block, .b = &copy, .x = x64_code_rw(block->code),
                  .y = x64_code_rw(copy.code), .size = block->code_size,
                  .place = (uint64_t)((uint8_t *)copy.code - (uint8_t *)block->code),
                  .places = places };

    same = same_block(block, &copy) && find_places(&c);
    for (uint32_t i = 0; same && i < copy.n_exits; i++)
        same = same_exit(block, &copy, i);
    tn_block_delete_exits(&copy);
    return same;
}

bool x64_pack(TnBlock *const *blocks, unsigned n, GByteArray *out)
{
    const TnBlock *a = blocks[0], *b = blocks[n - 1];
    g_autoptr(GArray) places = g_array_new(false, false, sizeof(X64KeptPlace));
    Compare c = {
        .a = a, .b = b, .x = x64_code_rw(a->code), .y = x64_code_rw(b->code),
        .size = a->code_size, .pc = b->key.pc - a->key.pc,
        .place = (uint64_t)((uint8_t *)b->code - (uint8_t *)a->code), .places = places,
    };

    c.wide = c.pc >> 32 != 0 && c.pc >> 32 != UINT32_MAX;
    if (x64_last_is_bound() || a->code_size != b->code_size || c.size >= MAX_SIZE ||
        !find_places(&c))
        return false;
    pack(a, places, out);
    for (unsigned i = 1; i < n; i++) {
        if (!makes(out, a, blocks[i]))
            return false;
    }
    return true;
}
