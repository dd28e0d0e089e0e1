/* SPDX-License-Identifier: MIT */
/*
 * -smp: what is left out is computed as QEMU's manual describes it (since 6.2: cores are preferred
 * over sockets, sockets over threads), and the whole must multiply out to maxcpus.
 */
#include "option/settings.h"

#include "option/parse.h"

enum {
    MAX_CPUS = 1u << 16, /* any board's own limit is below */
};

static bool read_values(const TnKeyVals *kv, TnSmp *smp, GError **error)
{
    static const char *const known[] = { "cpus", "maxcpus", "sockets", "dies", "clusters", "cores",
                                         "threads", NULL };
    uint32_t *const fields[] = { &smp->cpus, &smp->maxcpus, &smp->sockets, &smp->dies,
                                 &smp->clusters, &smp->cores, &smp->threads };

    if (!tn_keyvals_check(kv, known, error))
        return false;
    for (unsigned i = 0; known[i]; i++) {
        const TnKeyVal *item = tn_keyvals_find(kv, known[i]);
        uint64_t value;

        if (!item)
            continue;
        if (!tn_parse_uint(item->value, 1, MAX_CPUS, &value, error)) {
            g_prefix_error(error, "%s: ", known[i]);
            tn_keyvals_mark(kv, item, error);
            return false;
        }
        *fields[i] = value;
    }
    return true;
}

/* A level that the machine does not have may only be 1. */
static bool check_levels(const TnKeyVals *kv, const TnMachineOps *machine, const char *name,
                         const TnSmp *smp, GError **error)
{
    const struct {
        const char *key;
        uint32_t value, feature;
    } levels[] = { { "dies", smp->dies, TN_SMP_DIES },
                   { "clusters", smp->clusters, TN_SMP_CLUSTERS } };

    for (unsigned i = 0; i < G_N_ELEMENTS(levels); i++) {
        if (levels[i].value > 1 && !(machine->smp_features & levels[i].feature)) {
            tn_keyvals_error(kv, tn_keyvals_find(kv, levels[i].key), error,
                             "the machine '%s' has no %s: only 1 is valid", name, levels[i].key);
            return false;
        }
    }
    return true;
}

static uint32_t or_one(uint32_t value)
{
    return value ? value : 1;
}

/* Fills the first unknown of cores, sockets, threads from the number of CPUs; the others are 1. */
static void complete(TnSmp *smp)
{
    uint32_t fixed, all = smp->maxcpus ? smp->maxcpus : smp->cpus;

    smp->dies = or_one(smp->dies);
    smp->clusters = or_one(smp->clusters);
    fixed = smp->dies * smp->clusters;
    if (all && !smp->cores) {
        smp->sockets = or_one(smp->sockets);
        smp->threads = or_one(smp->threads);
        smp->cores = all / MAX(1, (uint64_t)fixed * smp->sockets * smp->threads);
    } else if (all && !smp->sockets) {
        smp->threads = or_one(smp->threads);
        smp->sockets = all / MAX(1, (uint64_t)fixed * smp->cores * smp->threads);
    } else if (all && !smp->threads) {
        smp->threads = all / MAX(1, (uint64_t)fixed * smp->cores * smp->sockets);
    }
    smp->sockets = or_one(smp->sockets);
    smp->cores = or_one(smp->cores);
    smp->threads = or_one(smp->threads);
}

static char *product_text(const TnSmp *smp, const TnMachineOps *machine)
{
    GString *text = g_string_new(NULL);

    g_string_printf(text, "sockets (%u)", smp->sockets);
    if (machine->smp_features & TN_SMP_DIES)
        g_string_append_printf(text, " * dies (%u)", smp->dies);
    if (machine->smp_features & TN_SMP_CLUSTERS)
        g_string_append_printf(text, " * clusters (%u)", smp->clusters);
    g_string_append_printf(text, " * cores (%u) * threads (%u)", smp->cores, smp->threads);
    return g_string_free(text, false);
}

static uint64_t product(const TnSmp *smp)
{
    uint64_t n = (uint64_t)smp->sockets * smp->dies;

    if (n > UINT32_MAX || (n *= smp->clusters) > UINT32_MAX || (n *= smp->cores) > UINT32_MAX)
        return UINT64_MAX;
    return n * smp->threads;
}

static bool check_whole(const TnKeyVals *kv, const TnMachineOps *machine, const char *name,
                        const TnSmp *smp, GError **error)
{
    g_autofree char *text = product_text(smp, machine);
    uint32_t limit = or_one(machine->max_cpus);

    if (product(smp) != smp->maxcpus) {
        tn_keyvals_error(kv, NULL, error, "the product of the topology must match maxcpus: %s != "
                         "maxcpus (%u)", text, smp->maxcpus);
        return false;
    }
    if (smp->maxcpus < smp->cpus) {
        tn_keyvals_error(kv, NULL, error, "maxcpus must be equal to or greater than cpus: %s == "
                         "maxcpus (%u) < cpus (%u)", text, smp->maxcpus, smp->cpus);
        return false;
    }
    if (smp->maxcpus > limit) {
        tn_keyvals_error(kv, NULL, error, "%u CPUs are too many: the machine '%s' takes up to %u",
                         smp->maxcpus, name, limit);
        return false;
    }
    return true;
}

bool tn_smp_complete(const TnKeyVals *kv, const TnMachineOps *machine, const char *machine_name,
                     TnSmp *smp, GError **error)
{
    TnSmp s = { .size = sizeof(TnSmp) };
    uint64_t total;

    if (!kv) {
        *smp = (TnSmp){ sizeof(TnSmp), 1, 1, 1, 1, 1, 1, 1 };
        return true;
    }
    if (!read_values(kv, &s, error) || !check_levels(kv, machine, machine_name, &s, error)) {
        g_prefix_error(error, "-smp: ");
        return false;
    }
    complete(&s);
    total = product(&s);
    /* Of cpus and maxcpus, the one that is missing is the other; both: the whole topology. */
    s.maxcpus = s.maxcpus ? s.maxcpus : s.cpus ? s.cpus : MIN(total, UINT32_MAX);
    s.cpus = s.cpus ? s.cpus : s.maxcpus;
    if (!check_whole(kv, machine, machine_name, &s, error)) {
        g_prefix_error(error, "-smp: ");
        return false;
    }
    *smp = s;
    return true;
}

TnCpuPlace tn_smp_place(const TnSmp *smp, unsigned index)
{
    TnCpuPlace place;

    place.thread = index % smp->threads;
    index /= smp->threads;
    place.core = index % smp->cores;
    index /= smp->cores;
    place.cluster = index % smp->clusters;
    index /= smp->clusters;
    place.die = index % smp->dies;
    place.socket = index / smp->dies;
    return place;
}
