/* SPDX-License-Identifier: MIT */
/* The IR as text, for -d op and -d op_opt. */
#include <inttypes.h>

#include "translate/ir-info.h"

static const char *const type_names[] = { "i8", "i16", "i32", "i64", "v128", "v256" };

static const char *const flag_op_names[TN_FLAGS_COUNT] = {
    "add", "adc", "sub", "sbb", "logic", "inc", "dec", "shl", "shr", "sar", "rol", "ror",
    "umul", "smul",
};

static const char *const flag_cond_names[] = {
    "o", "no", "b", "ae", "z", "nz", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g",
};

static const char *const cond_names[] = {
    "eq", "ne", "ltu", "geu", "leu", "gtu", "lt", "ge", "le", "gt",
};

static const char *const atomic_names[] = { "add", "and", "or", "xor", "xchg" };

static const char *name_in(const char *const *names, unsigned n, unsigned i)
{
    return i < n ? names[i] : "?";
}

#define NAME_IN(table, i) name_in(table, G_N_ELEMENTS(table), i)

static void dump_mem(const TnIrOp *op, GString *out)
{
    static const struct {
        unsigned bit;
        const char *name;
    } bits[] = {
        { TN_MEM_SIGN, "sign" },   { TN_MEM_DST32, "dst32" },   { TN_MEM_BSWAP, "bswap" },
        { TN_MEM_ALIGN, "align" }, { TN_MEM_LOCKED, "locked" }, { TN_MEM_RMW, "rmw" },
    };

    g_string_append_printf(out, " mode%u", op->aux & TN_MEM_MODE_MASK);
    for (unsigned i = 0; i < G_N_ELEMENTS(bits); i++) {
        if (op->aux & bits[i].bit)
            g_string_append_printf(out, ",%s", bits[i].name);
    }
}

static void dump_aux(const TnTargetInfo *target, const TnIrOp *op, GString *out)
{
    switch (op->opc) {
    case TN_IR_GET:
    case TN_IR_PUT:
    case TN_IR_CLEAR_UPPER:
        g_string_append_printf(out, " %s",
                               op->aux < target->n_regs ? target->regs[op->aux].name : "?");
        break;
    case TN_IR_CALL:
    case TN_IR_HOSTV:
        g_string_append_printf(out, " %s",
                               op->aux < target->n_helpers ? target->helpers[op->aux].name : "?");
        break;
    case TN_IR_SETCOND:
        g_string_append_printf(out, " %s", NAME_IN(cond_names, op->aux));
        break;
    case TN_IR_FLAGCOND:
        g_string_append_printf(out, " %s", NAME_IN(flag_cond_names, op->aux));
        break;
    case TN_IR_FLAGS:
        g_string_append_printf(out, " %s%u", NAME_IN(flag_op_names, op->aux & 255),
                               8u << (op->aux >> 8));
        break;
    case TN_IR_LD:
    case TN_IR_ST:
    case TN_IR_ATOMIC_RMW:
    case TN_IR_ATOMIC_CAS:
        dump_mem(op, out);
        break;
    default:
        g_string_append_printf(out, " %u", op->aux);
        break;
    }
}

static void dump_op(const TnTargetInfo *target, const TnIrOp *op, GString *out)
{
    const TnIrInfo *info = &tn_ir_info[op->opc];
    const TnTemp args[] = { op->a, op->b, op->c, op->d };

    g_string_append(out, "  ");
    if (op->dst)
        g_string_append_printf(out, "t%u = ", op->dst);
    g_string_append_printf(out, "%s.%s", info->name, NAME_IN(type_names, op->type));
    if (info->flags & TN_IRF_AUX)
        dump_aux(target, op, out);
    for (unsigned i = 0; i < info->n_args; i++) {
        if (args[i])
            g_string_append_printf(out, " t%u", args[i]);
        else if (op->opc != TN_IR_CALL)
            g_string_append(out, " -");
    }
    if (op->opc == TN_IR_ATOMIC_RMW)
        g_string_append_printf(out, " %s", NAME_IN(atomic_names, op->imm));
    else if (info->flags & TN_IRF_IMM)
        g_string_append_printf(out, " 0x%" PRIx64, op->imm);
    g_string_append_c(out, '\n');
}

void tn_ir_dump(const TnTargetInfo *target, const TnIrOp *ops, unsigned n_ops, GString *out)
{
    for (unsigned i = 0; i < n_ops; i++) {
        if (ops[i].opc == TN_IR_INSN)
            g_string_append_printf(out, " 0x%" PRIx64 " (%u):\n", ops[i].imm, ops[i].aux);
        else if (ops[i].opc < TN_IR_COUNT)
            dump_op(target, &ops[i], out);
    }
}
