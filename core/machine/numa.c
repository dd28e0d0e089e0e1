/* SPDX-License-Identifier: MIT */
/*
 * -numa node and -numa cpu: which vCPUs and how much RAM belong to a node, as QEMU's manual
 * describes the option. Without cpus= anywhere the sockets are dealt out in turn, without mem= and
 * memdev= the RAM in equal parts.
 */
#include "machine/numa.h"

#include <string.h>

#include "machine/objects.h"
#include "memory/backend.h"
#include "option/parse.h"
#include "tenon/log.h"

enum { MIB = 1u << 20, AUTO_ALIGN = 8 * MIB, RAM_PAGE = 4096 };

int tn_numa_node_of(const TnKeyVals *kv, const char *key, GError **error)
{
    const TnKeyVal *item = tn_keyvals_find(kv, key);
    uint64_t node;

    if (!item) {
        tn_keyvals_error(kv, NULL, error, "the parameter '%s' is missing", key);
        return -1;
    }
    if (!tn_parse_uint(item->value, 0, TN_NUMA_MAX_NODES - 1, &node, error)) {
        g_prefix_error(error, "%s: ", key);
        tn_keyvals_mark(kv, item, error);
        return -1;
    }
    return (int)node;
}

/* ---- -numa node ------------------------------------------------------------------------- */

static bool assign(TnNumaPlan *plan, unsigned cpu, unsigned node, const TnKeyVals *kv,
                   const TnKeyVal *item, GError **error)
{
    if (plan->cpu_node[cpu] >= 0) {
        tn_keyvals_error(kv, item, error, "the CPU %u is assigned to the node %d already", cpu,
                         plan->cpu_node[cpu]);
        return false;
    }
    plan->cpu_node[cpu] = (int32_t)node;
    return true;
}

/* cpus=first[-last], any number of times. */
static bool read_cpus(TnNumaPlan *plan, const TnKeyVals *kv, unsigned node, const TnSmp *smp,
                      GError **error)
{
    for (unsigned i = 0; i < kv->items->len; i++) {
        const TnKeyVal *item = kv->items->pdata[i];
        g_auto(GStrv) ends = g_strsplit(item->value, "-", 2);
        uint64_t first, last;

        if (strcmp(item->key, "cpus") != 0)
            continue;
        if (!ends[0] || !tn_parse_uint(ends[0], 0, smp->maxcpus - 1, &first, error) ||
            !tn_parse_uint(ends[1] ? ends[1] : ends[0], first, smp->maxcpus - 1, &last, error)) {
            if (error && !*error)
                g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "a range of CPUs is missing");
            g_prefix_error(error, "cpus: ");
            tn_keyvals_mark(kv, item, error);
            return false;
        }
        for (uint64_t cpu = first; cpu <= last; cpu++)
            if (!assign(plan, (unsigned)cpu, node, kv, item, error))
                return false;
    }
    return true;
}

static bool read_memdev(TnNumaPlan *plan, const TnKeyVals *kv, const TnKeyVal *item, unsigned node,
                        GError **error)
{
    TnObject *backend = tn_objects_find(item->value, TN_TYPE_MEMORY_BACKEND, "memory back end",
                                        error);

    if (!backend) {
        tn_keyvals_mark(kv, item, error);
        return false;
    }
    for (unsigned i = 0; i < TN_NUMA_MAX_NODES; i++) {
        if (plan->backend[i] == backend) {
            tn_keyvals_error(kv, item, error, "the memory back end '%s' is that of node %u already",
                             item->value, i);
            return false;
        }
    }
    plan->backend[node] = backend;
    plan->ram[node] = tn_backend_size(backend);
    plan->has_backends = true;
    return true;
}

static bool read_ram(TnNumaPlan *plan, const TnKeyVals *kv, unsigned node, GError **error)
{
    const TnKeyVal *mem = tn_keyvals_find(kv, "mem"), *memdev = tn_keyvals_find(kv, "memdev");

    if ((mem && (memdev || plan->has_backends)) || (memdev && plan->has_mem)) {
        tn_keyvals_error(kv, mem ? mem : memdev, error,
                         "either mem= or memdev= gives the nodes their RAM, not both");
        return false;
    }
    if (memdev)
        return read_memdev(plan, kv, memdev, node, error);
    if (!mem)
        return true;
    plan->has_mem = true;
    if (!tn_parse_size(mem->value, MIB, &plan->ram[node], error)) {
        g_prefix_error(error, "mem: ");
        tn_keyvals_mark(kv, mem, error);
        return false;
    }
    return true;
}

static int next_node(const TnNumaPlan *plan)
{
    int node = 0;

    while (node < TN_NUMA_MAX_NODES && plan->present[node])
        node++;
    return node;
}

static bool read_node(TnNumaPlan *plan, const TnKeyVals *kv, const TnSmp *smp, GError **error)
{
    static const char *const known[] = { "type", "nodeid", "cpus", "mem", "memdev", "initiator",
                                         NULL };
    const TnKeyVal *id = tn_keyvals_find(kv, "nodeid");
    const TnKeyVal *initiator = tn_keyvals_find(kv, "initiator");
    int node = id ? tn_numa_node_of(kv, "nodeid", error) : next_node(plan);

    if (node < 0 || !tn_keyvals_check(kv, known, error))
        return false;
    if (node >= TN_NUMA_MAX_NODES || plan->present[node]) {
        tn_keyvals_error(kv, id, error, id ? "the node %d is given twice" : "%d nodes are the most",
                         node);
        return false;
    }
    if (initiator) {
        tn_keyvals_error(kv, initiator, error, "initiator= belongs to ACPI's HMAT, which no machine "
                         "here has");
        return false;
    }
    plan->present[node] = true;
    plan->numa.n_nodes++;
    return read_cpus(plan, kv, node, smp, error) && read_ram(plan, kv, node, error);
}

/* ---- -numa cpu -------------------------------------------------------------------------- */

static const struct {
    const char *key;
    size_t offset; /* in TnCpuPlace */
    uint32_t feature;
} place_keys[] = {
    { "socket-id", offsetof(TnCpuPlace, socket), 0 },
    { "die-id", offsetof(TnCpuPlace, die), TN_SMP_DIES },
    { "cluster-id", offsetof(TnCpuPlace, cluster), TN_SMP_CLUSTERS },
    { "core-id", offsetof(TnCpuPlace, core), 0 },
    { "thread-id", offsetof(TnCpuPlace, thread), 0 },
};

enum { N_PLACE_KEYS = G_N_ELEMENTS(place_keys), ANY = -1 };

static bool read_place(const TnKeyVals *kv, const TnNumaBoard *board, int64_t *wanted,
                       GError **error)
{
    for (unsigned i = 0; i < N_PLACE_KEYS; i++) {
        const TnKeyVal *item = tn_keyvals_find(kv, place_keys[i].key);
        uint64_t value;

        wanted[i] = ANY;
        if (!item)
            continue;
        if (place_keys[i].feature & ~board->ops->smp_features) {
            tn_keyvals_error(kv, item, error, "the machine '%s' has no such level", board->name);
            return false;
        }
        if (!tn_parse_uint(item->value, 0, UINT32_MAX, &value, error)) {
            g_prefix_error(error, "%s: ", place_keys[i].key);
            tn_keyvals_mark(kv, item, error);
            return false;
        }
        wanted[i] = (int64_t)value;
    }
    return true;
}

static bool is_at(TnCpuPlace place, const int64_t *wanted)
{
    for (unsigned i = 0; i < N_PLACE_KEYS; i++)
        if (wanted[i] != ANY &&
            *(const uint32_t *)((const char *)&place + place_keys[i].offset) != wanted[i])
            return false;
    return true;
}

static bool read_cpu(TnNumaPlan *plan, const TnKeyVals *kv, const TnNumaBoard *board,
                     GError **error)
{
    static const char *const known[] = { "type", "node-id", "socket-id", "die-id", "cluster-id",
                                         "core-id", "thread-id", NULL };
    int node = tn_numa_node_of(kv, "node-id", error);
    int64_t wanted[N_PLACE_KEYS];
    bool found = false;

    if (node < 0 || !tn_keyvals_check(kv, known, error) ||
        !read_place(kv, board, wanted, error))
        return false;
    if (!plan->present[node]) {
        tn_keyvals_error(kv, tn_keyvals_find(kv, "node-id"), error,
                         "there is no node %d: -numa node,nodeid=%d has to come before", node, node);
        return false;
    }
    for (unsigned cpu = 0; cpu < board->smp->maxcpus; cpu++) {
        if (!is_at(tn_smp_place(board->smp, cpu), wanted))
            continue;
        found = true;
        if (plan->cpu_node[cpu] != node && !assign(plan, cpu, (unsigned)node, kv, NULL, error))
            return false;
    }
    if (!found)
        tn_keyvals_error(kv, NULL, error, "no CPU of the topology (-smp) is there");
    return found;
}

/* ---- All -------------------------------------------------------------------------------- */

static bool read_option(TnNumaPlan *plan, const TnKeyVals *kv, const TnNumaBoard *board,
                        GError **error)
{
    const char *type = tn_keyvals_get(kv, "type");

    if (type && strcmp(type, "node") == 0)
        return read_node(plan, kv, board->smp, error);
    if (type && strcmp(type, "dist") == 0)
        return tn_numa_read_distance(plan, kv, error);
    if (type && strcmp(type, "cpu") == 0)
        return read_cpu(plan, kv, board, error);
    if (type && g_str_has_prefix(type, "hmat-"))
        tn_keyvals_error(kv, tn_keyvals_find(kv, "type"), error,
                         "no machine here has ACPI's HMAT");
    else
        tn_keyvals_error(kv, tn_keyvals_find(kv, "type"), error,
                         "'node', 'dist' or 'cpu' has to come first");
    return false;
}

bool tn_numa_read(TnNumaPlan *plan, const GPtrArray *options, const TnNumaBoard *board,
                  GError **error)
{
    *plan = (TnNumaPlan){ .numa.size = sizeof(TnNuma), .used = options->len > 0 };
    if (!plan->used)
        return true;
    if (!(board->ops->flags & TN_MACHINE_NUMA)) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                    "-numa: the machine '%s' has no NUMA nodes", board->name);
        return false;
    }
    plan->cpu_node = g_new(int32_t, board->smp->maxcpus);
    for (unsigned i = 0; i < board->smp->maxcpus; i++)
        plan->cpu_node[i] = -1;
    for (unsigned i = 0; i < options->len; i++) {
        if (!read_option(plan, options->pdata[i], board, error)) {
            g_prefix_error(error, "-numa: ");
            return false;
        }
    }
    return true;
}

/* vCPUs that no option names: all in turn by socket, or some in the first node, with a warning. */
static void finish_cpus(TnNumaPlan *plan, const TnSmp *smp)
{
    unsigned left = 0;

    for (unsigned cpu = 0; cpu < smp->maxcpus; cpu++)
        left += plan->cpu_node[cpu] < 0;
    if (left && left < smp->maxcpus)
        tn_warn("-numa: %u of %u CPUs are in no node and go to node 0", left, smp->maxcpus);
    for (unsigned cpu = 0; cpu < smp->maxcpus; cpu++)
        if (plan->cpu_node[cpu] < 0)
            plan->cpu_node[cpu] = left == smp->maxcpus
                                      ? (int32_t)(tn_smp_place(smp, cpu).socket % plan->numa.n_nodes)
                                      : 0;
    plan->numa.cpu_node = (const uint32_t *)plan->cpu_node;
}

static bool finish_ram(TnNumaPlan *plan, uint64_t ram_size, GError **error)
{
    unsigned n = plan->numa.n_nodes;
    uint64_t part = ram_size / n & -(uint64_t)AUTO_ALIGN, sum = 0;

    if (!plan->has_mem && !plan->has_backends) {
        for (unsigned i = 0; i + 1 < n; i++)
            plan->ram[i] = part;
        plan->ram[n - 1] = ram_size - part * (n - 1);
    }
    for (unsigned i = 0; i < n; i++) {
        if (plan->has_backends && !plan->backend[i]) {
            g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                        "-numa: node %u has no memdev=: once a node has one all have to", i);
            return false;
        }
        if (plan->ram[i] % RAM_PAGE) {
            g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "-numa: the %" G_GUINT64_FORMAT
                        " bytes of node %u are no multiple of 4096", plan->ram[i], i);
            return false;
        }
        if (__builtin_add_overflow(sum, plan->ram[i], &sum))
            sum = UINT64_MAX;
    }
    if (sum == ram_size) {
        plan->numa.ram = plan->ram;
        return true;
    }
    g_autofree char *have = tn_format_size(sum), *want = tn_format_size(ram_size);
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                "-numa: the nodes' RAM adds up to %s, and the machine's (-m) is %s", have, want);
    return false;
}

bool tn_numa_finish(TnNumaPlan *plan, const TnNumaBoard *board, uint64_t ram_size, GError **error)
{
    if (!plan->used)
        return true;
    if (!plan->numa.n_nodes) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "-numa: there is no -numa node");
        return false;
    }
    if (next_node(plan) < (int)plan->numa.n_nodes) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-numa: the node %d is missing: nodes are numbered from 0 without gaps",
                    next_node(plan));
        return false;
    }
    if (!finish_ram(plan, ram_size, error) || !tn_numa_finish_distances(plan, error))
        return false;
    finish_cpus(plan, board->smp);
    return true;
}

void tn_numa_clear(TnNumaPlan *plan)
{
    g_free(plan->matrix);
    g_free(plan->cpu_node);
    *plan = (TnNumaPlan){ 0 };
}
