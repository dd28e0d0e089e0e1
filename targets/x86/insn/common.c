/* SPDX-License-Identifier: MIT */
/* Helpers that several general-purpose chapters share. */
#include "insn/insn_helpers.h"

/* Code must lie below the limit of CS (SDM vol. 3A, 5.3); `offset` is that of the last byte. */
void x86_helper_check_fetch(TnCpu *cpu, uint32_t offset)
{
    if (offset > x86_state(cpu)->seg[CS].limit)
        x86_raise_error(cpu, X86_GP, 0);
}
