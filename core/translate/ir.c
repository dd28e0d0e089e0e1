/* SPDX-License-Identifier: MIT */
/*
 * The IR's builder and its table of facts. The language itself is defined in
 * abi/tenon/internal/ir.h.
 */
#include "translate/ir-info.h"

#include <sys/mman.h>

#define DST TN_IRF_DST
#define PURE (TN_IRF_DST | TN_IRF_PURE)
#define IMM TN_IRF_IMM
#define AUX TN_IRF_AUX

const TnIrInfo tn_ir_info[TN_IR_COUNT] = {
    [TN_IR_NOP] = { "nop", 0, 0 },
    [TN_IR_INSN] = { "insn", 0, IMM | AUX },
    [TN_IR_CONST] = { "const", 0, PURE | IMM },
    [TN_IR_MOV] = { "mov", 1, PURE | TN_IRF_VECTOR },
    [TN_IR_GET] = { "get", 0, DST | TN_IRF_READS | AUX | TN_IRF_VECTOR },
    [TN_IR_PUT] = { "put", 1, AUX | IMM | TN_IRF_VECTOR },
    [TN_IR_CLEAR_UPPER] = { "clear_upper", 0, AUX | IMM | TN_IRF_VECTOR },
    [TN_IR_LDENV] = { "ldenv", 0, DST | TN_IRF_READS | IMM | TN_IRF_ANY_TYPE },
    [TN_IR_STENV] = { "stenv", 1, IMM | TN_IRF_ANY_TYPE },
    [TN_IR_ENVPTR] = { "envptr", 0, PURE | IMM },
    [TN_IR_LDCODE] = { "ldcode", 0, DST | TN_IRF_READS | IMM },
    [TN_IR_ADD] = { "add", 2, PURE },
    [TN_IR_SUB] = { "sub", 2, PURE },
    [TN_IR_MUL] = { "mul", 2, PURE },
    [TN_IR_MULHU] = { "mulhu", 2, PURE },
    [TN_IR_MULHS] = { "mulhs", 2, PURE },
    [TN_IR_AND] = { "and", 2, PURE },
    [TN_IR_OR] = { "or", 2, PURE },
    [TN_IR_XOR] = { "xor", 2, PURE },
    [TN_IR_ANDN] = { "andn", 2, PURE },
    [TN_IR_NOT] = { "not", 1, PURE },
    [TN_IR_NEG] = { "neg", 1, PURE },
    [TN_IR_SHL] = { "shl", 2, PURE },
    [TN_IR_SHR] = { "shr", 2, PURE },
    [TN_IR_SAR] = { "sar", 2, PURE },
    [TN_IR_ROL] = { "rol", 2, PURE },
    [TN_IR_ROR] = { "ror", 2, PURE },
    [TN_IR_ADDI] = { "addi", 1, PURE | IMM },
    [TN_IR_ANDI] = { "andi", 1, PURE | IMM },
    [TN_IR_ORI] = { "ori", 1, PURE | IMM },
    [TN_IR_XORI] = { "xori", 1, PURE | IMM },
    [TN_IR_SHLI] = { "shli", 1, PURE | IMM },
    [TN_IR_SHRI] = { "shri", 1, PURE | IMM },
    [TN_IR_SARI] = { "sari", 1, PURE | IMM },
    [TN_IR_ROLI] = { "roli", 1, PURE | IMM },
    [TN_IR_LEA] = { "lea", 2, PURE | IMM | AUX | TN_IRF_OPTIONAL },
    [TN_IR_BSWAP] = { "bswap", 1, PURE },
    [TN_IR_CLZ] = { "clz", 1, PURE },
    [TN_IR_CTZ] = { "ctz", 1, PURE },
    [TN_IR_POPCNT] = { "popcnt", 1, PURE },
    [TN_IR_EXT8U] = { "ext8u", 1, PURE },
    [TN_IR_EXT16U] = { "ext16u", 1, PURE },
    [TN_IR_EXT32U] = { "ext32u", 1, PURE },
    [TN_IR_EXT8S] = { "ext8s", 1, PURE },
    [TN_IR_EXT16S] = { "ext16s", 1, PURE },
    [TN_IR_EXT32S] = { "ext32s", 1, PURE },
    [TN_IR_DEPOSIT] = { "deposit", 2, PURE | IMM | AUX },
    [TN_IR_EXTRACT] = { "extract", 1, PURE | IMM | AUX },
    [TN_IR_SETCOND] = { "setcond", 2, PURE | AUX },
    [TN_IR_SELECT] = { "select", 3, PURE | TN_IRF_VECTOR },
    [TN_IR_FLAGS] = { "flags", 3, PURE | AUX | TN_IRF_OPTIONAL | TN_IRF_I32_ONLY },
    [TN_IR_FLAGCOND] = { "flagcond", 1, PURE | AUX | TN_IRF_I32_ONLY },
    [TN_IR_LD] = { "ld", 1, DST | TN_IRF_FAULTS | IMM | AUX | TN_IRF_ANY_TYPE },
    [TN_IR_ST] = { "st", 2, TN_IRF_FAULTS | IMM | AUX | TN_IRF_ANY_TYPE },
    [TN_IR_ATOMIC_RMW] = { "atomic_rmw", 2, DST | TN_IRF_FAULTS | IMM | AUX | TN_IRF_ANY_TYPE },
    [TN_IR_ATOMIC_CAS] = { "atomic_cas", 3, DST | TN_IRF_FAULTS | AUX | TN_IRF_ANY_TYPE },
    [TN_IR_FENCE] = { "fence", 0, 0 },
    [TN_IR_CALL] = { "call", 4, TN_IRF_FAULTS | AUX | TN_IRF_OPTIONAL },
    [TN_IR_HOSTV] = { "hostv", 3, DST | IMM | AUX | TN_IRF_OPTIONAL | TN_IRF_VECTOR },
    [TN_IR_HOSTX] = { "hostx", 1, TN_IRF_FAULTS | IMM | AUX | TN_IRF_OPTIONAL | TN_IRF_ANY_TYPE },
    [TN_IR_EXIT] = { "exit", 0, TN_IRF_EXIT | TN_IRF_END | IMM },
    [TN_IR_EXIT_IF] = { "exit_if", 1, TN_IRF_EXIT | IMM },
    [TN_IR_EXIT_IND] = { "exit_ind", 1, TN_IRF_EXIT | TN_IRF_END | IMM | AUX },
    [TN_IR_EXIT_LOOP] = { "exit_loop", 0, TN_IRF_EXIT | TN_IRF_END | IMM },
    [TN_IR_EXIT_LOOP_IND] = { "exit_loop_ind", 1, TN_IRF_EXIT | TN_IRF_END },
    [TN_IR_EXIT_STATE] = { "exit_state", 0, TN_IRF_EXIT | TN_IRF_END },
};

#undef DST
#undef PURE
#undef IMM
#undef AUX

enum { OPS_BYTES = TN_IR_MAX_OPS * sizeof(TnIrOp), GUARD = 4096 };

static TnIrOp *map_ops(void)
{
    char *p = mmap(NULL, OPS_BYTES + GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED || mprotect(p, OPS_BYTES, PROT_READ | PROT_WRITE) < 0)
        g_error("cannot map %u bytes for a translation", (unsigned)OPS_BYTES);
    return (TnIrOp *)(void *)p;
}

void tn_ir_begin(TnIrBuilder *b, uint64_t pc, unsigned max_insns)
{
    if (!b->ops)
        b->ops = map_ops();
    b->n_ops = 0;
    b->n_temps = 1;
    b->n_insns = 0;
    tn_ir_forget(b);
    b->max_insns = MIN(max_insns, TN_IR_MAX_INSNS);
    b->flags = 0;
    b->pc = pc;
    b->end_pc = pc;
    b->rounds = 0;
    b->heads = NULL;
    b->n_code = 0;
}

void tn_ir_clear(TnIrBuilder *b)
{
    if (b->ops)
        munmap(b->ops, OPS_BYTES + GUARD);
    *b = (TnIrBuilder){ 0 };
}
