/* SPDX-License-Identifier: MIT */
/*
 * The memory that holds translated code. It is one mapping, writable and executable, in large pages
 * where the host gives them; or, where the host forbids that or the user wishes it so, one memfd
 * mapped twice, writable at one address and executable at another. What is executable is asked for
 * near the library, which makes helpers reachable by near calls; where it ends up elsewhere calls go
 * through a register.
 */
#include "code-buffer.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tenon/error.h"

X64Code x64_code;

/* ---- Entries ------------------------------------------------------------------------------- */

enum { WORD = 64 };

/* A bit for every place where one may be, and their blocks in that order. Who reads looks for the
 * entry of code that is running: its bit stands, whatever is noted meanwhile. */
static struct {
    uint64_t *bits;
    uint32_t *before; /* how many entries are before each word that has one */
    void **block;
    uint32_t n;
    size_t words;     /* of them that any bit is set in, from the start */
} entries;

/* The back end needs a host that has it, which what this is compiled for need not. */
#define COUNTS_BITS __attribute__((target("popcnt")))

static size_t place_of(const uint8_t *rx)
{
    return (size_t)(rx - x64_code.rx) / X64_CODE_ALIGN;
}

/* Memory that nothing was written to is none. */
static void make_tables(void)
{
    size_t places = x64_code.size / X64_CODE_ALIGN + 1;

    entries.bits = g_new0(uint64_t, places / WORD + 1);
    entries.before = g_new0(uint32_t, places / WORD + 1);
    entries.block = g_new0(void *, places);
}

COUNTS_BITS void x64_code_note(const uint8_t *entry_rx, void *block)
{
    size_t i = place_of(entry_rx), w = i / WORD;
    uint64_t bit = UINT64_C(1) << i % WORD;

    if (!entries.bits)
        make_tables();
    if (w >= entries.words)
        entries.before[w] = entries.n;
    entries.n = entries.before[w] + (uint32_t)__builtin_popcountll(entries.bits[w] & (bit - 1));
    entries.block[entries.n++] = block;
    __atomic_store_n(&entries.bits[w], entries.bits[w] | bit, __ATOMIC_RELEASE);
    entries.words = w + 1;
}

static void forget_entries(void)
{
    if (entries.bits)
        memset(entries.bits, 0, entries.words * sizeof(*entries.bits));
    entries.words = 0;
    entries.n = 0;
}

/* Where the block of the last entry noted at or before the address is kept, or NULL. */
COUNTS_BITS static void **kept_at(const uint8_t *rx)
{
    size_t i = place_of(rx), w = i / WORD;
    uint64_t mask = UINT64_MAX >> (WORD - 1 - i % WORD), bits = 0;

    if (!entries.bits || i >= x64_code.size / X64_CODE_ALIGN)
        return NULL;
    while (!(bits = __atomic_load_n(&entries.bits[w], __ATOMIC_ACQUIRE) & mask) && w > 0) {
        mask = UINT64_MAX;
        w--;
    }
    return bits ? &entries.block[entries.before[w] + (unsigned)__builtin_popcountll(bits) - 1] : NULL;
}

void *x64_code_block(const uint8_t *rx)
{
    void **kept = kept_at(rx);

    return kept ? *kept : NULL;
}

void x64_code_drop(const uint8_t *entry_rx, const void *block)
{
    void **kept = kept_at(entry_rx);

    if (kept && *kept == block)
        *kept = NULL;
}

/* ---- Memory -------------------------------------------------------------------------------- */

enum { LARGE_PAGE = 2 << 20 };

/* A place below the library, where shared objects and anonymous memory usually leave room. */
static void *near_library(size_t size)
{
    uintptr_t here = (uintptr_t)&x64_code_map & -(uintptr_t)LARGE_PAGE;
    uintptr_t distance = size + ((uintptr_t)256 << 20);

    return here > distance ? (void *)(here - distance) : NULL;
}

static void *map(int fd, size_t size, int prot, int flags, void *hint)
{
    void *p = mmap(hint, size, prot, flags, fd, 0);

    if (p == MAP_FAILED)
        return NULL;
    madvise(p, size, MADV_HUGEPAGE);
    return p;
}

static bool map_once(size_t size)
{
    x64_code.rx = x64_code.rw = map(-1, size, PROT_READ | PROT_WRITE | PROT_EXEC,
                                    MAP_PRIVATE | MAP_ANONYMOUS, near_library(size));
    return x64_code.rx != NULL;
}

static bool map_twice(size_t size)
{
    int fd = memfd_create("tenon-code", MFD_CLOEXEC), failed;

    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0) {
        x64_code.rx = map(fd, size, PROT_READ | PROT_EXEC, MAP_SHARED, near_library(size));
        x64_code.rw = map(fd, size, PROT_READ | PROT_WRITE, MAP_SHARED, NULL);
    }
    failed = errno;
    if (fd >= 0)
        close(fd);
    if (x64_code.rx && x64_code.rw)
        return true;
    if (x64_code.rx)
        munmap(x64_code.rx, size);
    if (x64_code.rw)
        munmap(x64_code.rw, size);
    errno = failed;
    return false;
}

bool x64_code_map(size_t size, TnSplitWx split, GError **error)
{
    bool mapped = split != TN_SPLIT_WX_ON && map_once(size);

    if (!mapped && split != TN_SPLIT_WX_OFF)
        mapped = map_twice(size);
    if (!mapped) {
        g_set_error(error, TN_ERROR, TN_ERROR_FAILED,
                    "cannot map %zu bytes for translated code%s: %s", size,
                    split == TN_SPLIT_WX_OFF ? ", writable and executable (split-wx=off)" : "",
                    g_strerror(errno));
        x64_code = (X64Code){ 0 };
        return false;
    }
    x64_code.size = size;
    x64_code.next = x64_code.first = x64_code.populated = x64_code.rested = x64_code.rw;
    return true;
}

/*
 * What is behind is only patched now and then, when jumps are linked: where there are two mappings, the
 * process gives its writable pages back, which the executable one keeps in memory. They come again
 * with a fault.
 */
static void rest(void)
{
    enum { WINDOW = 8 << 20 };

    if (x64_code.rw == x64_code.rx || x64_code.populated < x64_code.rested + WINDOW)
        return;
    madvise(x64_code.rw, (size_t)(x64_code.populated - x64_code.rw), MADV_DONTNEED);
    x64_code.rested = x64_code.populated;
}

/* Many pages at once cost less than a fault for each. Where the host cannot, the faults come. */
static void populate(void)
{
    enum { STEP = 256 << 10 };
    size_t room = (size_t)(x64_code.rw + x64_code.size - x64_code.populated);

    rest();
#ifdef MADV_POPULATE_WRITE
    madvise(x64_code.populated, MIN(room, (size_t)STEP), MADV_POPULATE_WRITE);
#endif
    x64_code.populated += MIN(room, (size_t)STEP);
}

void x64_code_reset(void)
{
    x64_code.next = x64_code.first;
    x64_code.beside = x64_code.beside_end = NULL;
    if (x64_code.rested > x64_code.rw)
        x64_code.populated = x64_code.rested = x64_code.rw;
    forget_entries();
}

void x64_code_take(uint8_t *end)
{
    uintptr_t entry = (uintptr_t)end + X64_CODE_ALIGN - 1;

    x64_code.next = (uint8_t *)(entry / X64_CODE_ALIGN * X64_CODE_ALIGN);
    if (x64_code.next > x64_code.populated)
        populate();
}

uint8_t *x64_code_beside(size_t size)
{
    enum { CHUNK = 4096 };

    if ((size_t)(x64_code.beside_end - x64_code.beside) >= size)
        return x64_code.beside;
    if (x64_code.rw + x64_code.size - x64_code.next < CHUNK)
        return NULL;
    x64_code.beside = x64_code.next;
    x64_code_take(x64_code.next + CHUNK);
    x64_code.beside_end = x64_code.beside + CHUNK;
    return x64_code.beside;
}

void x64_code_take_beside(uint8_t *end)
{
    x64_code.beside = end;
}

bool x64_code_apart(void)
{
    bool done = mmap(x64_code.rw, x64_code.size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;

    x64_code.next = x64_code.first;
    x64_code.beside = x64_code.beside_end = NULL;
    x64_code.populated = x64_code.rested = x64_code.rw;
    forget_entries();
    return done;
}
