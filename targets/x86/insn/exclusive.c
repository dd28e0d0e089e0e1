/* SPDX-License-Identifier: MIT */
/* CMPXCHG16B (SDM vol. 2): 16 bytes compared and exchanged while no other processor runs. */
#include "insn/insn_helpers.h"

/* Memory is written in either case; a misaligned operand is #GP(0). */
void x86_helper_cmpxchg16b(TnCpu *cpu, uint64_t addr, uint32_t mmu)
{
    X86State *s = x86_state(cpu);
    uint64_t old[2], value[2];
    bool equal;

    if (addr & 15)
        x86_raise_error(cpu, X86_GP, 0);
    tn_exclusive_begin(cpu);
    tn_probe(cpu, addr, 16, TN_ACCESS_WRITE, mmu);
    tn_ld_bytes(cpu, addr, old, 16, mmu);
    equal = old[0] == s->regs[RAX] && old[1] == s->regs[RDX];
    value[0] = equal ? s->regs[RBX] : old[0];
    value[1] = equal ? s->regs[RCX] : old[1];
    tn_st_bytes(cpu, addr, value, 16, mmu);
    tn_exclusive_end(cpu);
    s->flags = (s->flags & ~(uint32_t)TN_FLAG_Z) | (equal ? TN_FLAG_Z : 0);
    if (!equal) {
        s->regs[RAX] = old[0];
        s->regs[RDX] = old[1];
    }
}
