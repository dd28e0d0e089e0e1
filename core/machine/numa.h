/* SPDX-License-Identifier: MIT */
/* -numa, from options to the nodes of a machine. */
#ifndef TN_MACHINE_NUMA_H
#define TN_MACHINE_NUMA_H

#include "option/keyval.h"
#include "tenon/machine.h"

enum {
    TN_NUMA_MAX_NODES = 128,
    TN_NUMA_LOCAL = 10, TN_NUMA_REMOTE = 20, TN_NUMA_UNREACHABLE = 255, /* ACPI 5.2.17 */
};

typedef struct TnNumaPlan {
    TnNuma numa; /* points into what follows */
    bool used;   /* -numa was given */
    bool has_mem, has_backends;
    bool present[TN_NUMA_MAX_NODES];
    uint64_t ram[TN_NUMA_MAX_NODES];
    TnObject *backend[TN_NUMA_MAX_NODES];       /* borrowed */
    uint8_t distance[TN_NUMA_MAX_NODES * TN_NUMA_MAX_NODES]; /* by TN_NUMA_MAX_NODES; 0: not given */
    uint8_t *matrix;    /* owned: n_nodes * n_nodes, or NULL */
    int32_t *cpu_node;  /* owned: by vCPU index, -1: none yet */
} TnNumaPlan;

/* What there is to be divided into nodes. */
typedef struct TnNumaBoard {
    const char *name; /* of the machine */
    const TnMachineOps *ops;
    const TnSmp *smp;
} TnNumaBoard;

/* Reads every -numa (TnKeyVals), in order, against the topology. */
bool tn_numa_read(TnNumaPlan *plan, const GPtrArray *options, const TnNumaBoard *board,
                  GError **error);
/* Fills in what was left out and checks the sum of RAM. `plan->numa` is whole afterwards. */
bool tn_numa_finish(TnNumaPlan *plan, const TnNumaBoard *board, uint64_t ram_size, GError **error);
void tn_numa_clear(TnNumaPlan *plan);

/* numa-distance.c */
bool tn_numa_read_distance(TnNumaPlan *plan, const TnKeyVals *kv, GError **error);
bool tn_numa_finish_distances(TnNumaPlan *plan, GError **error);

/* A node's number in an option's item; -1 with an error. */
int tn_numa_node_of(const TnKeyVals *kv, const char *key, GError **error);

#endif
