/* SPDX-License-Identifier: MIT */
/*
 * Memory for blocks and their exits: small pieces, tens of thousands of them, made in a row and each
 * written at once. Their pages are asked for many at a time: a fault for each took a twentieth of the
 * time of translating, and large pages push more out of the caches than their fewer faults are worth.
 * What is freed is kept for the next of its size.
 */
#include <string.h>
#include <sys/mman.h>

#include "cpu/cpu-private.h"
#include "translate/translator.h"

enum {
    CHUNK = 4 << 20,  /* bytes of addresses asked for at once */
    STEP = 256 << 10, /* bytes of memory asked for at once, a part of it */
    GRAIN = 32,       /* sizes are multiples */
    N_SIZES = 64,     /* what is larger is malloc's */
};

/* AddressSanitizer sees what is used after it was freed where it is malloc's, all of it then. */
#ifdef __SANITIZE_ADDRESS__
#define IS_WATCHED 1
#elif defined(__has_feature)
#define IS_WATCHED __has_feature(address_sanitizer)
#else
#define IS_WATCHED 0
#endif

static bool is_pooled(size_t n)
{
    return !IS_WATCHED && n < N_SIZES;
}

/* A piece that is free. */
typedef struct Free {
    struct Free *next;
} Free;

static struct {
    uint8_t *next, *populated, *end; /* of the chunk that pieces are cut from */
    Free *free[N_SIZES];             /* by size */
} pool;

/* What is left of the last chunk is lost: less than a thousandth. */
static void begin_chunk(void)
{
    void *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (chunk == MAP_FAILED)
        g_error("no memory for the translator's blocks");
    pool.next = pool.populated = chunk;
    pool.end = pool.next + CHUNK;
}

/* Room for at least one more piece. Where the host cannot populate, faults do. */
__attribute__((cold)) static void make_room(void)
{
    if (pool.populated == pool.end)
        begin_chunk();
#ifdef MADV_POPULATE_WRITE
    madvise(pool.populated, STEP, MADV_POPULATE_WRITE);
#endif
    pool.populated += STEP;
}

static void *get(size_t size)
{
    size_t n = (size + GRAIN - 1) / GRAIN;
    void *memory;

    if (TN_UNLIKELY(!is_pooled(n)))
        return g_malloc(size);
    if (pool.free[n]) {
        memory = pool.free[n];
        pool.free[n] = pool.free[n]->next;
        return memory;
    }
    if (TN_UNLIKELY((size_t)(pool.populated - pool.next) < n * GRAIN))
        make_room();
    memory = pool.next;
    pool.next += n * GRAIN;
    return memory;
}

static void put(void *memory, size_t size)
{
    size_t n = (size + GRAIN - 1) / GRAIN;
    Free *piece = memory;

    if (!is_pooled(n)) {
        g_free(memory);
        return;
    }
    piece->next = pool.free[n];
    pool.free[n] = piece;
}

/* ---- Blocks and exits -------------------------------------------------------------------- */

enum { LATE_BYTES = TN_BLOCK_MAX_LATE * sizeof(uint16_t) };

static size_t size_of(uint32_t size, bool has_bytes, bool has_late)
{
    return sizeof(TnBlock) + (has_late ? LATE_BYTES : 0) + (has_bytes ? size : 0);
}

TnBlock *tn_block_new(const TnBlockKey *key, uint32_t size, const uint8_t *bytes,
                      const uint16_t *late)
{
    TnBlock *block = get(size_of(size, bytes, late));
    uint8_t *rest = (uint8_t *)(block + 1);

    memset(block, 0, sizeof(*block));
    block->key = *key;
    block->size = size;
    if (late) {
        block->late = memcpy(rest, late, LATE_BYTES);
        rest += LATE_BYTES;
    }
    if (bytes)
        block->bytes = memcpy(rest, bytes, size);
    return block;
}

void tn_block_delete(TnBlock *block)
{
    tn_block_delete_exits(block);
    put(block, size_of(block->size, block->bytes, block->late));
}

void tn_block_new_exits(TnBlock *block, uint32_t n)
{
    block->exits = n ? get(n * sizeof(*block->exits)) : NULL;
    block->n_exits = n;
}

void tn_block_delete_exits(TnBlock *block)
{
    if (block->exits)
        put(block->exits, block->n_exits * sizeof(*block->exits));
    block->exits = NULL;
    block->n_exits = 0;
}
