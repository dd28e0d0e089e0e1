/* SPDX-License-Identifier: MIT */
/* CMPXCHG16B (SDM vol. 2). Linux allocates memory with it: it is frequent. */
#include "insn/insn_helpers.h"

/* Memory is written in either case; a misaligned operand is #GP(0). */
void x86_helper_cmpxchg16b(TnCpu *cpu, uint64_t addr, uint32_t mmu)
{
    X86State *s = x86_state(cpu);
    uint64_t old[2] = { s->regs[RAX], s->regs[RDX] };
    const uint64_t value[2] = { s->regs[RBX], s->regs[RCX] };
    bool equal;

    if (addr & 15)
        x86_raise_error(cpu, X86_GP, 0);
    equal = tn_cas_pair(cpu, addr, old, value, mmu);
    s->flags = (s->flags & ~(uint32_t)TN_FLAG_Z) | (equal ? TN_FLAG_Z : 0);
    if (!equal) {
        s->regs[RAX] = old[0];
        s->regs[RDX] = old[1];
    }
}
