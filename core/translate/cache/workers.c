/* SPDX-License-Identifier: MIT */
/* Making entries in several processes: workers.h, fork(2), memfd_create(2). */
#include "translate/cache/workers.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "translate/cache/internal.h"

enum {
    MAX_WORKERS = 8,
    LOOK_US = 500,          /* between looks whether a copy has ended */
    PATIENCE_US = 20000000, /* for a copy, from when everything else is done */
};

/* Written by a copy in front of its entries, at last. */
typedef struct Result {
    uint64_t kept, bound, tied;
    uint64_t size;          /* of all; 0: not done */
} Result;

typedef struct Worker {
    pid_t pid;
    int fd;                 /* a file in memory: a Result, then each batch's bytes and entries */
    uint8_t *data;          /* the file once it is whole */
    size_t size, at;
} Worker;

typedef struct Workers {
    unsigned n;             /* processes, this one is the first */
    unsigned n_batches;
    TnCacheBatch *fn;
    void *opaque;
    Worker worker[MAX_WORKERS];
} Workers;

static unsigned processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* ---- In a copy --------------------------------------------------------------------------- */

static bool write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static void add_batch(GByteArray *all, const GPtrArray *entries)
{
    uint64_t size = 0;
    guint at = all->len;

    g_byte_array_append(all, (const void *)&size, sizeof(size));
    for (guint i = 0; i < entries->len; i++) {
        const TnCacheEntry *e = entries->pdata[i];

        g_byte_array_append(all, (const void *)e, e->size);
    }
    size = all->len - at - sizeof(size);
    memcpy(all->data + at, &size, sizeof(size));
}

/* Signals are for the process that this is a copy of, which ends it; nothing of the way out of a
 * process is to happen twice. */
static TN_NORETURN void work(const Workers *w, unsigned number)
{
    const TnCacheStats before = tn_cache.stats, *now = &tn_cache.stats;
    GByteArray *all = g_byte_array_new();
    Result result = { .size = 0 };
    sigset_t every;

    sigfillset(&every);
    sigprocmask(SIG_SETMASK, &every, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!tn_translator.backend->apart())
        _exit(1);
    g_byte_array_append(all, (const void *)&result, sizeof(result));
    for (unsigned i = number; i < w->n_batches; i += w->n) {
        g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(g_free);

        w->fn(i, entries, w->opaque);
        add_batch(all, entries);
    }
    result = (Result){ now->kept - before.kept, now->bound - before.bound,
                       now->tied - before.tied, all->len };
    memcpy(all->data, &result, sizeof(result));
    _exit(!write_all(w->worker[number].fd, all->data, all->len));
}

/* ---- In the first ------------------------------------------------------------------------ */

static void start(Workers *w)
{
    unsigned want = MIN(MIN(processors(), (unsigned)MAX_WORKERS), w->n_batches);

    for (w->n = MAX(want, 1u); want > 1; want--) {
        Worker *k = &w->worker[want - 1];

        *k = (Worker){ .pid = -1, .fd = memfd_create("tenon-cache", MFD_CLOEXEC) };
        if (k->fd >= 0)
            k->pid = fork();
        if (k->pid == 0)
            work(w, want - 1);
    }
}

/* Whoever ignores SIGCHLD has no children to wait for: what is in the file tells. */
static void wait_for(const Worker *k)
{
    unsigned looks = 0;

    while (k->pid > 0 && waitpid(k->pid, NULL, WNOHANG) == 0) {
        if (looks++ == PATIENCE_US / LOOK_US)
            kill(k->pid, SIGKILL);
        g_usleep(LOOK_US);
    }
}

/* Maps a copy's results, where it came to its end. */
static void take(Worker *k)
{
    off_t size = k->fd >= 0 ? lseek(k->fd, 0, SEEK_END) : 0;
    Result result;
    void *data;

    if (size < (off_t)sizeof(result) ||
        pread(k->fd, &result, sizeof(result), 0) != sizeof(result) ||
        result.size != (uint64_t)size)
        return;
    data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, k->fd, 0);
    if (data == MAP_FAILED)
        return;
    tn_cache.stats.kept += result.kept;
    tn_cache.stats.bound += result.bound;
    tn_cache.stats.tied += result.tied;
    *k = (Worker){ .fd = k->fd, .data = data, .size = (size_t)size, .at = sizeof(result) };
}

static void take_batch(Worker *k, GPtrArray *out)
{
    uint64_t size;

    memcpy(&size, k->data + k->at, sizeof(size));
    k->at += sizeof(size);
    for (size_t end = k->at + size; k->at < end;) {
        const TnCacheEntry *e = (const void *)(k->data + k->at);

        g_ptr_array_add(out, g_memdup2(e, e->size));
        k->at += e->size;
    }
}

static void drop(Worker *k)
{
    if (k->data)
        munmap(k->data, k->size);
    if (k->fd >= 0)
        close(k->fd);
}

static GPtrArray *make(const Workers *w, unsigned i)
{
    GPtrArray *entries = g_ptr_array_new();

    w->fn(i, entries, w->opaque);
    return entries;
}

void tn_cache_batches(unsigned n, TnCacheBatch *fn, void *opaque, GPtrArray *out)
{
    g_autoptr(GPtrArray) mine = g_ptr_array_new();
    Workers w = { .n_batches = n, .fn = fn, .opaque = opaque };

    start(&w);
    for (unsigned i = 0; i < n; i += w.n)
        g_ptr_array_add(mine, make(&w, i));
    for (unsigned k = 1; k < w.n; k++) {
        wait_for(&w.worker[k]);
        take(&w.worker[k]);
    }
    for (unsigned i = 0; i < n; i++) {
        Worker *k = &w.worker[i % w.n];

        if (k->data)
            take_batch(k, out);
        else
            g_ptr_array_extend_and_steal(out, i % w.n ? make(&w, i) : mine->pdata[i / w.n]);
    }
    for (unsigned k = 1; k < w.n; k++)
        drop(&w.worker[k]);
}
