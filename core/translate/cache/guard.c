/* SPDX-License-Identifier: MIT */
/* SIGBUS of a mapped file that was cut short (mmap(2), sigaction(2)): see guard.h. */
#include "translate/cache/guard.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
    atomic_uintptr_t first;
    atomic_size_t size;
    long page;
    struct sigaction before;
} guard;

/* The instruction is done again and finds zeros. Anything else goes to who was asked before. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    uintptr_t at = (uintptr_t)info->si_addr, first = atomic_load(&guard.first);

    if (at - first < atomic_load(&guard.size)) {
        void *page = (void *)(at & ~(uintptr_t)(guard.page - 1));

        if (mmap(page, (size_t)guard.page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0) == page)
            return;
    }
    sigaction(SIGBUS, &guard.before, NULL);
}

bool tn_guard_add(const void *data, size_t size)
{
    struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };

    if (atomic_load(&guard.size))
        return false;
    guard.page = sysconf(_SC_PAGESIZE);
    atomic_store(&guard.first, (uintptr_t)data);
    atomic_store(&guard.size, size);
    if (sigaction(SIGBUS, &action, &guard.before) == 0)
        return true;
    atomic_store(&guard.size, 0);
    return false;
}

void tn_guard_remove(const void *data)
{
    if (atomic_load(&guard.first) != (uintptr_t)data)
        return;
    sigaction(SIGBUS, &guard.before, NULL);
    atomic_store(&guard.size, 0);
}
