/* SPDX-License-Identifier: MIT */
/* A difference of the checking mode as text. */
#include "translate/check-report.h"

#include <inttypes.h>
#include <string.h>

#include "tenon/log.h"
#include "tenon/state.h"

enum {
    MAX_LINES = 40, /* of differing places */
    MAX_BYTES = 32, /* of one of them */
};

static void append_bytes(GString *out, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < MIN(n, MAX_BYTES); i++)
        g_string_append_printf(out, " %02x", bytes[i]);
    if (n > MAX_BYTES)
        g_string_append(out, "...");
}

/* The guest's code; blocks outside RAM have none to show. */
static void append_code(GString *out, const TnBlock *b)
{
    unsigned first;

    if (b->phys[0] == UINT64_MAX)
        return;
    first = MIN(b->size, TN_PAGE_SIZE - (unsigned)(b->phys[0] & (TN_PAGE_SIZE - 1)));
    g_string_append(out, "\n  code:");
    append_bytes(out, (const uint8_t *)(uintptr_t)b->phys[0], first);
    if (b->phys[1] != UINT64_MAX)
        append_bytes(out, (const uint8_t *)(uintptr_t)b->phys[1], b->size - first);
}

/* The register, or the field of the save table, that holds a byte of the state; the byte's own
 * place within it, and its size. */
static const char *name_of(const TnTargetInfo *target, unsigned offset, unsigned *first,
                           unsigned *size)
{
    for (unsigned i = 0; i < target->n_regs; i++) {
        *first = target->regs[i].offset;
        *size = target->regs[i].type == TN_I32 ? 4 : 8;
        if (offset - *first < *size)
            return target->regs[i].name;
    }
    for (const TnStateField *f = target->state; f && f->name; f++) {
        unsigned element = (offset - f->offset) / MAX(f->stride, 1);
        *first = f->offset + element * f->stride;
        *size = f->stride;
        if (offset >= f->offset && element < f->count)
            return f->name;
    }
    *first = offset;
    *size = 1;
    return "state";
}

static void append_state(GString *out, const TnCheckDifference *d)
{
    const TnTargetInfo *target = d->cpu->target;
    const uint8_t *found = tn_cpu_state(d->cpu);
    unsigned lines = 0;

    for (unsigned i = 0; i < target->state_size && lines < MAX_LINES; i++) {
        unsigned first, size;
        if (found[i] == d->wanted[i])
            continue;
        const char *name = name_of(target, i, &first, &size);
        g_string_append_printf(out, "\n  %s (state+%#x): before", name, first);
        append_bytes(out, d->before + first, size);
        g_string_append(out, ", interpreter");
        append_bytes(out, d->wanted + first, size);
        g_string_append(out, ", host code");
        append_bytes(out, found + first, size);
        i = first + size - 1;
        lines++;
    }
}

static void append_stores(GString *out, const TnCheckDifference *d)
{
    unsigned lines = 0;

    for (guint i = 0; i < d->stores->len && lines < MAX_LINES; i++) {
        const TnCheckStore *s = &g_array_index(d->stores, TnCheckStore, i);
        if (memcmp(s->host, d->new + s->at, s->size) == 0)
            continue;
        g_string_append_printf(out, "\n  store %u of %u bytes: interpreter", i, s->size);
        append_bytes(out, d->new + s->at, s->size);
        g_string_append(out, ", host code");
        append_bytes(out, s->host, s->size);
        lines++;
    }
}

void tn_check_report(const TnCheckDifference *d)
{
    const TnBlock *b = d->block;
    g_autoptr(GString) out = g_string_new(NULL);

    g_string_append_printf(out, "interpreter and host code differ in the block at 0x%" PRIx64
                                " (base 0x%" PRIx64 ", mode 0x%x, %u instructions)",
                           b->key.pc, b->key.base, b->key.flags, b->n_insns);
    append_code(out, b);
    if (d->unwound[0] != d->unwound[1] || (d->unwound[0] && d->fault_pc[0] != d->fault_pc[1]))
        g_string_append_printf(out, "\n  left by unwinding: interpreter %d at 0x%" PRIx64
                                    ", host code %d at 0x%" PRIx64,
                               d->unwound[0], d->fault_pc[0], d->unwound[1], d->fault_pc[1]);
    append_state(out, d);
    append_stores(out, d);
    tn_warn("%s", out->str);
}
