/* SPDX-License-Identifier: MIT */
/*
 * -numa dist,src=,dst=,val=: the table for ACPI's SLIT (ACPI 6.4, 5.2.17). Once one distance is
 * given all have to be; one direction stands for both as long as no pair differs in its two.
 */
#include "machine/numa.h"

#include "option/parse.h"

static uint8_t *at(TnNumaPlan *plan, unsigned source, unsigned target)
{
    return &plan->distance[source * TN_NUMA_MAX_NODES + target];
}

bool tn_numa_read_distance(TnNumaPlan *plan, const TnKeyVals *kv, GError **error)
{
    static const char *const known[] = { "type", "src", "dst", "val", NULL };
    const TnKeyVal *value = tn_keyvals_find(kv, "val");
    uint64_t distance;
    int source, target;

    if (!tn_keyvals_check(kv, known, error) || (source = tn_numa_node_of(kv, "src", error)) < 0 ||
        (target = tn_numa_node_of(kv, "dst", error)) < 0)
        return false;
    if (!plan->present[source] || !plan->present[target]) {
        tn_keyvals_error(kv, tn_keyvals_find(kv, plan->present[source] ? "dst" : "src"), error,
                         "there is no node %d: -numa node,nodeid=%d has to come before",
                         plan->present[source] ? target : source,
                         plan->present[source] ? target : source);
        return false;
    }
    if (!value) {
        tn_keyvals_error(kv, NULL, error, "the parameter 'val' is missing");
        return false;
    }
    if (!tn_parse_uint(value->value, TN_NUMA_LOCAL, TN_NUMA_UNREACHABLE, &distance, error)) {
        g_prefix_error(error, "val: ");
        tn_keyvals_mark(kv, value, error);
        return false;
    }
    if (source == target && distance != TN_NUMA_LOCAL) {
        tn_keyvals_error(kv, value, error, "a node's distance from itself is %d", TN_NUMA_LOCAL);
        return false;
    }
    *at(plan, source, target) = distance;
    return true;
}

/* Some pair was given in both directions with different values. */
static bool is_asymmetric(TnNumaPlan *plan)
{
    for (unsigned i = 0; i < plan->numa.n_nodes; i++)
        for (unsigned j = 0; j < i; j++)
            if (*at(plan, i, j) && *at(plan, j, i) && *at(plan, i, j) != *at(plan, j, i))
                return true;
    return false;
}

static bool fill_one(TnNumaPlan *plan, unsigned i, unsigned j, bool asymmetric, GError **error)
{
    uint8_t *distance = at(plan, i, j);

    if (*distance)
        return true;
    if (i == j) {
        *distance = TN_NUMA_LOCAL;
    } else if (!*at(plan, j, i)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-numa: the distance between the nodes %u and %u is missing: once one is given "
                    "(-numa dist) all have to be", i, j);
    } else if (asymmetric) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-numa: the distance from node %u to %u is missing: some pair differs in its "
                    "two directions, so every direction has to be given", i, j);
    } else {
        *distance = *at(plan, j, i);
    }
    return *distance;
}

bool tn_numa_finish_distances(TnNumaPlan *plan, GError **error)
{
    unsigned n = plan->numa.n_nodes;
    bool asymmetric = is_asymmetric(plan), any = false;

    for (unsigned i = 0; i < G_N_ELEMENTS(plan->distance); i++)
        any |= plan->distance[i] != 0;
    if (!any)
        return true;
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            if (!fill_one(plan, i, j, asymmetric, error))
                return false;
    plan->matrix = g_malloc((size_t)n * n);
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < n; j++)
            plan->matrix[i * n + j] = *at(plan, i, j);
    plan->numa.distance = plan->matrix;
    return true;
}
