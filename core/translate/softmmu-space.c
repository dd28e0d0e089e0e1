/* SPDX-License-Identifier: MIT */
/*
 * The address spaces of the guest that a vCPU keeps soft TLBs of, so that going back to one finds
 * its translations. The memory of all is reserved at once and zero at first, which is an empty
 * TLB but for the first entry of each MMU mode: what a guest does not use costs nothing.
 */
#include "translate/softmmu.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tenon/error.h"
#include "translate/jump-cache.h"
#include "translate/translator.h"

static size_t space_bytes(const TnCpu *cpu)
{
    return cpu->target->n_mmu_modes * sizeof(TnTlb);
}

/* The first use of a space. */
static void space_open(TnCpu *cpu, TnTlbSpace *space)
{
    size_t n = (size_t)(space - cpu->priv->space) * cpu->target->n_mmu_modes;
    TnTlb *tlb = cpu->priv->tlb_memory + n;

    for (unsigned mode = 0; mode < cpu->target->n_mmu_modes; mode++)
        tlb[mode].entry[0].read = tlb[mode].entry[0].write = tlb[mode].entry[0].fetch = UINT64_MAX;
    space->asid = tn_tlb_new_asid(cpu);
    __atomic_store_n(&space->tlb, tlb, __ATOMIC_RELEASE);
}

bool tn_tlb_init(TnCpu *cpu, GError **error)
{
    TnCpuPrivate *p = cpu->priv;
    void *tlb = mmap(NULL, TN_TLB_SPACES * space_bytes(cpu), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void *second = mmap(NULL, TN_TLB_SECOND_SIZE * sizeof(TnTlbSecond), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    p->tlb_memory = tlb == MAP_FAILED ? NULL : tlb;
    p->second = second == MAP_FAILED ? NULL : second;
    if (!p->tlb_memory || !p->second) {
        g_set_error(error, TN_ERROR, TN_ERROR_FAILED, "no memory for a vCPU's TLBs: %s",
                    g_strerror(errno));
        return false;
    }
    p->global_asid = tn_tlb_new_asid(cpu);
    p->in_force = &p->space[0];
    space_open(cpu, p->in_force);
    cpu->tlb = p->in_force->tlb;
    tn_phys_forget(cpu);
    return true;
}

void tn_tlb_clear(TnCpu *cpu)
{
    TnCpuPrivate *p = cpu->priv;

    if (p->tlb_memory)
        munmap(p->tlb_memory, TN_TLB_SPACES * space_bytes(cpu));
    if (p->second)
        munmap(p->second, TN_TLB_SECOND_SIZE * sizeof(TnTlbSecond));
}

/* The numbers run out after a while: then the second level starts anew. */
uint32_t tn_tlb_new_asid(TnCpu *cpu)
{
    TnCpuPrivate *p = cpu->priv;

    if (p->last_asid == UINT32_MAX) {
        memset(p->second, 0, TN_TLB_SECOND_SIZE * sizeof(TnTlbSecond));
        p->last_asid = 0;
        p->global_asid = ++p->last_asid;
        for (unsigned i = 0; i < TN_TLB_SPACES; i++)
            p->space[i].asid = ++p->last_asid;
    }
    return ++p->last_asid;
}

TnTlbSpace *tn_tlb_space_find(TnCpu *cpu, uint32_t tag)
{
    for (unsigned i = 0; i < TN_TLB_SPACES; i++) {
        TnTlbSpace *space = &cpu->priv->space[i];
        if (space->tlb && space->tag == tag)
            return space;
    }
    return NULL;
}

/* One that was never used, or the one that was not for the longest time. */
static TnTlbSpace *space_make(TnCpu *cpu, uint32_t tag)
{
    TnTlbSpace *oldest = &cpu->priv->space[0];
    unsigned n = tn_translator.options.opt & TN_OPT_TLB_SPACES ? TN_TLB_SPACES : 1;

    for (unsigned i = 0; i < n; i++) {
        TnTlbSpace *space = &cpu->priv->space[i];
        if (!space->tlb) {
            space_open(cpu, space);
            space->tag = tag;
            return space;
        }
        if (space->selected < oldest->selected)
            oldest = space;
    }
    tn_tlb_flush_space(cpu, oldest->tag);
    oldest->tag = tag;
    return oldest;
}

void tn_tlb_select(TnCpu *cpu, uint32_t tag)
{
    TnCpuPrivate *p = cpu->priv;

    if (p->in_force->tag == tag)
        return;
    TnTlbSpace *space = tn_tlb_space_find(cpu, tag);
    if (!space)
        space = space_make(cpu, tag);
    space->selected = ++p->selections;
    p->in_force = space;
    cpu->tlb = space->tlb;
    tn_tlb_sites_close(cpu, false);
    tn_jump_flush_local(cpu, NULL);
    if (cpu->mode_id)
        tn_jump_enter(cpu, NULL);
    if (tn_translator.backend && tn_translator.backend->tlb_moved && cpu == tn_cpu_current())
        tn_translator.backend->tlb_moved(cpu);
}

void tn_tlb_each(void (*fn)(TnTlb *tlb, void *data), void *data)
{
    for (unsigned n = 0; n < tn_cpu_count(); n++) {
        TnCpu *cpu = tn_cpu_at(n);
        for (unsigned i = 0; i < TN_TLB_SPACES; i++) {
            TnTlb *tlb = __atomic_load_n(&cpu->priv->space[i].tlb, __ATOMIC_ACQUIRE);
            for (unsigned mode = 0; tlb && mode < cpu->target->n_mmu_modes; mode++)
                fn(&tlb[mode], data);
        }
        for (unsigned k = 0; k < TN_TLB_WINDOWS; k++)
            __atomic_store_n(&cpu->window[k].limit, 0, __ATOMIC_SEQ_CST);
        tn_tlb_sites_close_writes(cpu);
    }
}

/* ---- Where pages may be stored to ---------------------------------------------------------- */

/*
 * For host pages of the same number modulo 2^18 (those of 1 GiB are apart): the entries, plus one,
 * that have allowed stores to one of them, as those of the kernel's map of all memory and of its own
 * code. So a page that becomes code is looked for in a few entries, not in thousands. Who allows
 * stores notes that first and looks whether the page is code then; who marks code looks here then:
 * one sees the other.
 */
enum { WRITABLE_BITS = 18, WRITABLE_SIZE = 1 << WRITABLE_BITS, PLACE_BITS = 16 };

#define MANY_PLACES UINT64_MAX

_Static_assert((int)TN_TLB_BITS < (int)PLACE_BITS, "an entry's number fits");
_Static_assert(TN_TLB_PLACES * PLACE_BITS == 64, "as many as a word has");

static _Atomic(uint64_t) writable[WRITABLE_SIZE];

static _Atomic(uint64_t) *places_of(const void *host)
{
    return &writable[((uintptr_t)host >> TN_PAGE_BITS) % WRITABLE_SIZE];
}

static uint64_t with_place(uint64_t places, uint64_t place)
{
    unsigned shift = 0;

    if (places == MANY_PLACES)
        return places;
    for (; shift < 64 && places >> shift; shift += PLACE_BITS) {
        if ((uint16_t)(places >> shift) == place)
            return places;
    }
    return shift < 64 ? places | place << shift : MANY_PLACES;
}

void tn_tlb_note_writable(const void *host, unsigned index)
{
    uint64_t was = atomic_load(places_of(host)), now;

    do
        now = with_place(was, index + 1);
    while (now != was && !atomic_compare_exchange_weak(places_of(host), &was, now));
}

unsigned tn_tlb_where_writable(const void *host, unsigned index[TN_TLB_PLACES])
{
    uint64_t places = atomic_load(places_of(host));
    unsigned n = 0;

    if (places == MANY_PLACES)
        return TN_TLB_ANYWHERE;
    for (; places; places >>= PLACE_BITS)
        index[n++] = (uint16_t)places - 1u;
    return n;
}
