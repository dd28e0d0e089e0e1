/* SPDX-License-Identifier: MIT */
/*
 * A debugger's breakpoints by guest pc. Blocks near one hold a single instruction, so the main
 * loop sees every pc there; changing the set throws all blocks away.
 */
#include "translate/softmmu.h"
#include "translate/translator.h"

static GArray *pcs; /* of uint64_t; changes only while no vCPU runs */

static int find(uint64_t pc)
{
    for (unsigned i = 0; pcs && i < pcs->len; i++) {
        if (g_array_index(pcs, uint64_t, i) == pc)
            return (int)i;
    }
    return -1;
}

void tn_breakpoint_set(uint64_t pc)
{
    if (!pcs)
        pcs = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    if (find(pc) >= 0)
        return;
    g_array_append_val(pcs, pc);
    tn_blocks_flush();
}

bool tn_breakpoint_clear(uint64_t pc)
{
    int i = find(pc);
    if (i < 0)
        return false;
    g_array_remove_index_fast(pcs, (unsigned)i);
    tn_blocks_flush();
    return true;
}

bool tn_breakpoint_at(uint64_t pc)
{
    return pcs && find(pc) >= 0;
}

bool tn_breakpoint_any(void)
{
    return pcs && pcs->len > 0;
}

bool tn_breakpoint_near(uint64_t pc)
{
    for (unsigned i = 0; pcs && i < pcs->len; i++) {
        uint64_t at = g_array_index(pcs, uint64_t, i);
        if (at + TN_PAGE_SIZE > pc && at < pc + TN_PAGE_SIZE)
            return true;
    }
    return false;
}
