/* SPDX-License-Identifier: MIT */
/* The machine's RAM: how much, out of which back ends, in which NUMA nodes. */
#include "machine/memory.h"

#include "machine/numa.h"
#include "machine/objects.h"
#include "memory/backend.h"
#include "option/parse.h"
#include "tenon/error.h"

enum { DEFAULT_RAM = 128u << 20 };

static TnNumaPlan plan;

/* ---- Planning ---------------------------------------------------------------------------- */

/* -machine memory-backend=; NULL without an error when it was not given. */
static TnObject *main_backend(TnObject *machine, GError **error)
{
    g_autofree char *id = tn_object_get(machine, "memory-backend", NULL);
    TnObject *backend;

    if (!id || !id[0])
        return NULL;
    if (plan.has_backends || plan.has_mem) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "-machine memory-backend=%s: the nodes of "
                    "-numa have RAM of their own: only one of both is possible", id);
        return NULL;
    }
    backend = tn_objects_find(id, TN_TYPE_MEMORY_BACKEND, "memory back end", error);
    if (!backend)
        g_prefix_error(error, "-machine memory-backend=%s: ", id);
    return backend;
}

static bool settle_size(uint64_t asked, const TnMachineOps *ops, TnMachineConfig *config,
                        GError **error)
{
    uint64_t standard = ops->default_ram_size ? ops->default_ram_size : DEFAULT_RAM;
    uint64_t given = config->ram_backend ? tn_backend_size(config->ram_backend) : 0;
    g_autofree char *has = tn_format_size(given), *wants = tn_format_size(asked);

    config->ram_size = asked ? asked : given ? given : standard;
    config->max_ram_size = config->ram_size;
    if (!given || config->ram_size == given)
        return true;
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                "-machine memory-backend=%s: it has %s, and the machine's RAM (-m) is %s",
                tn_object_name(config->ram_backend), has, wants);
    return false;
}

bool tn_machine_memory_plan(const TnSettings *settings, TnObject *machine, const char *name,
                            const TnMachineOps *ops, TnMachineConfig *config, GError **error)
{
    TnNumaBoard board = { .name = name, .ops = ops, .smp = config->smp };
    GError *problem = NULL;

    if (!tn_numa_read(&plan, settings->numa, &board, error))
        return false;
    config->ram_backend = main_backend(machine, &problem);
    if (problem) {
        g_propagate_error(error, problem);
        return false;
    }
    if (!settle_size(settings->ram_size, ops, config, error) ||
        !tn_numa_finish(&plan, &board, config->ram_size, error))
        return false;
    config->numa = plan.used ? &plan.numa : NULL;
    return true;
}

void tn_machine_memory_clear(void)
{
    tn_numa_clear(&plan);
}

/* ---- Making ------------------------------------------------------------------------------ */

/* The nodes' back ends one after the other. */
static TnRegion *ram_of_nodes(TnObject *owner, const char *name, uint64_t size, GError **error)
{
    TnRegion *whole = tn_region_new_container(owner, name, size);
    uint64_t at = 0;

    for (unsigned i = 0; i < plan.numa.n_nodes; i++) {
        g_autofree char *part = g_strdup_printf("%s.node%u", name, i);
        TnRegion *region = tn_region_new_backend(owner, part, plan.backend[i], error);

        if (!region)
            return NULL;
        tn_region_add(whole, at, region);
        at += plan.ram[i];
    }
    return whole;
}

TnRegion *tn_machine_new_ram(TnObject *owner, const char *name, GError **error)
{
    const TnMachineConfig *config = tn_machine_config();

    g_return_val_if_fail(owner && name, NULL);
    if (!config) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED, "there is no machine that has RAM");
        return NULL;
    }
    if (plan.has_backends)
        return ram_of_nodes(owner, name, config->ram_size, error);
    return config->ram_backend ? tn_region_new_backend(owner, name, config->ram_backend, error)
                               : tn_region_new_ram(owner, name, config->ram_size, error);
}
