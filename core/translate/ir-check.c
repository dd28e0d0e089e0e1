/* SPDX-License-Identifier: MIT */
/* The IR validator: what ir.h demands of a front end. */
#include "translate/ir-info.h"

typedef enum TempClass {
    CLASS_NONE, /* not assigned yet */
    CLASS_INTEGER,
    CLASS_VECTOR,
} TempClass;

typedef struct Check {
    const TnTargetInfo *target;
    uint8_t *classes; /* TempClass of each temporary */
    unsigned n_temps;
    const char *fault;
} Check;

static TempClass type_class(unsigned type)
{
    return tn_ir_type_is_vector(type) ? CLASS_VECTOR : CLASS_INTEGER;
}

static void fail(Check *k, const char *what)
{
    if (!k->fault)
        k->fault = what;
}

static void check_use(Check *k, TnTemp t, TempClass expected, bool optional)
{
    if (t == TN_TEMP_NONE) {
        if (!optional)
            fail(k, "an operand is missing");
        return;
    }
    if (t >= k->n_temps || k->classes[t] == CLASS_NONE)
        fail(k, "an operand is used before it is assigned");
    else if (k->classes[t] != expected)
        fail(k, "an operand is of the wrong class (integer or vector)");
}

static void check_dst(Check *k, TnTemp t, TempClass made)
{
    if (t == TN_TEMP_NONE || t >= k->n_temps)
        fail(k, "the destination does not exist");
    else if (k->classes[t] != CLASS_NONE)
        fail(k, "the destination is assigned twice");
    else
        k->classes[t] = (uint8_t)made;
}

static void check_call(Check *k, const TnIrOp *op)
{
    if (op->aux >= k->target->n_helpers) {
        fail(k, "no such helper");
        return;
    }
    const TnHelperInfo *h = &k->target->helpers[op->aux];
    const TnTemp args[] = { op->a, op->b, op->c, op->d };
    for (unsigned i = 0; i < G_N_ELEMENTS(args); i++) {
        if (i < h->n_args)
            check_use(k, args[i], CLASS_INTEGER, false);
        else if (args[i] != TN_TEMP_NONE)
            fail(k, "more arguments than the helper takes");
    }
    if (op->dst && h->ret == TN_ARG_VOID)
        fail(k, "the helper returns nothing");
    else if (op->dst)
        check_dst(k, op->dst, CLASS_INTEGER);
}

static void check_hostv(Check *k, const TnIrOp *op)
{
    TnHostForm f = tn_host_form_unpack(op->imm);
    if (op->aux >= k->target->n_helpers || !k->target->helpers[op->aux].fn)
        fail(k, "the fallback helper does not exist");
    check_use(k, op->a, f.flags & TN_HF_A_INT ? CLASS_INTEGER : CLASS_VECTOR, true);
    check_use(k, op->b, f.flags & TN_HF_B_INT ? CLASS_INTEGER : CLASS_VECTOR, true);
    check_use(k, op->c, f.flags & TN_HF_STRING ? CLASS_INTEGER : CLASS_VECTOR, true);
    bool integer = (f.flags & (TN_HF_DST_INT | TN_HF_DST_FLAGS)) != 0;
    if (integer == tn_ir_type_is_vector(op->type))
        fail(k, "the type does not fit the host form's destination");
    check_dst(k, op->dst, integer ? CLASS_INTEGER : CLASS_VECTOR);
}

/* Which kinds have an operand, and which a destination. */
static void check_hostx(Check *k, const TnIrOp *op)
{
    enum { FIRST_OPCODE = 0xd8, LAST_OPCODE = 0xdf };
    TnHostX x = tn_host_x_unpack(op->imm);
    bool memory = x.kind == TN_HX_LOAD || x.kind == TN_HX_STORE;
    bool operand = memory || x.kind == TN_HX_COND || x.kind == TN_HX_CONTROL;

    if (!k->target->x87 || x.kind > TN_HX_SYNC)
        fail(k, "the target has no such x87 operation");
    if (x.kind != TN_HX_SYNC && (x.opcode < FIRST_OPCODE || x.opcode > LAST_OPCODE))
        fail(k, "not an x87 opcode");
    if (memory && (op->aux & TN_MEM_MODE_MASK) >= k->target->n_mmu_modes)
        fail(k, "no such MMU mode");
    if (memory && (op->type < TN_I16 || op->type > TN_V128))
        fail(k, "the type does not fit the operation");
    if (operand)
        check_use(k, op->a, CLASS_INTEGER, false);
    if (x.kind == TN_HX_FLAGS || x.kind == TN_HX_STATUS)
        check_dst(k, op->dst, CLASS_INTEGER);
}

static void check_operands(Check *k, const TnIrOp *op)
{
    const TnIrInfo *info = &tn_ir_info[op->opc];
    bool optional = (info->flags & TN_IRF_OPTIONAL) != 0;
    const TnTemp args[] = { op->a, op->b, op->c, op->d };
    /* The value operand has the operation's class; addresses and conditions are integers. */
    unsigned value = op->opc == TN_IR_ST || op->opc == TN_IR_SELECT ? 1 : 0;
    for (unsigned i = 0; i < info->n_args; i++)
        check_use(k, args[i], i >= value && op->opc != TN_IR_LD ? type_class(op->type)
                                                                 : CLASS_INTEGER, optional);
    if (op->opc == TN_IR_FLAGS && !op->a)
        fail(k, "flags of nothing");
    if (info->flags & TN_IRF_DST)
        check_dst(k, op->dst, type_class(op->type));
}

static void check_type(Check *k, const TnIrOp *op)
{
    unsigned flags = tn_ir_info[op->opc].flags;
    bool ok = op->type == TN_I32 || op->type == TN_I64;
    if (flags & TN_IRF_ANY_TYPE)
        ok = op->type <= TN_V256;
    else if (flags & TN_IRF_VECTOR)
        ok = op->type >= TN_I32 && op->type <= TN_V256;
    if ((op->opc == TN_IR_ATOMIC_RMW || op->opc == TN_IR_ATOMIC_CAS) && op->type > TN_I64)
        ok = false;
    if (!ok)
        fail(k, "the type does not fit the operation");
}

static void check_fields(Check *k, const TnIrOp *op)
{
    const TnTargetInfo *t = k->target;
    unsigned width = op->type == TN_I32 ? 32 : 64;
    switch (op->opc) {
    case TN_IR_GET:
    case TN_IR_PUT:
        if (op->aux >= t->n_regs)
            fail(k, "no such declared register");
        else if (type_class(t->regs[op->aux].type) != type_class(op->type))
            fail(k, "the type does not fit the declared register");
        break;
    case TN_IR_CLEAR_UPPER:
        for (uint64_t r = op->aux; !k->fault && r < op->aux + op->imm; r++)
            if (r >= t->n_regs || t->regs[r].type != TN_V256)
                fail(k, "not all are vector registers");
        break;
    case TN_IR_EXIT_IND:
        if (op->aux && (tn_ir_exit_bits(op) > 64 || tn_ir_exit_reg(op) >= t->n_regs ||
                        t->regs[tn_ir_exit_reg(op)].type != TN_I64))
            fail(k, "no such bits or register to put back");
        break;
    case TN_IR_LDENV:
    case TN_IR_STENV:
        if (op->imm + tn_ir_type_size(op->type) > t->state_size)
            fail(k, "outside the target's state");
        break;
    case TN_IR_SHLI:
    case TN_IR_SHRI:
    case TN_IR_SARI:
    case TN_IR_ROLI:
        if (op->imm >= width)
            fail(k, "the shift count is too large");
        break;
    case TN_IR_DEPOSIT:
    case TN_IR_EXTRACT:
        if (op->imm == 0 || op->aux + op->imm > width)
            fail(k, "the bit field does not fit");
        break;
    case TN_IR_LD:
    case TN_IR_ST:
    case TN_IR_ATOMIC_RMW:
    case TN_IR_ATOMIC_CAS:
        if ((op->aux & TN_MEM_MODE_MASK) >= t->n_mmu_modes)
            fail(k, "no such MMU mode");
        break;
    default:
        break;
    }
}

static void check_op(Check *k, const TnIrOp *op)
{
    if (op->opc >= TN_IR_COUNT || !tn_ir_info[op->opc].name) {
        fail(k, "no such operation");
        return;
    }
    check_type(k, op);
    check_fields(k, op);
    if (op->opc == TN_IR_CALL)
        check_call(k, op);
    else if (op->opc == TN_IR_HOSTV)
        check_hostv(k, op);
    else if (op->opc == TN_IR_HOSTX)
        check_hostx(k, op);
    else
        check_operands(k, op);
}

char *tn_ir_check(const TnTargetInfo *target, const TnIrOp *ops, unsigned n_ops, unsigned n_temps)
{
    g_autofree uint8_t *classes = g_new0(uint8_t, n_temps + 1);
    Check k = { .target = target, .classes = classes, .n_temps = n_temps };
    unsigned i;

    for (i = 0; i < n_ops && !k.fault; i++) {
        check_op(&k, &ops[i]);
        if (!k.fault && tn_ir_is(&ops[i], TN_IRF_END) != (i + 1 == n_ops))
            fail(&k, "the unconditional exit is not the last operation");
    }
    if (n_ops == 0)
        return g_strdup("empty block");
    if (n_temps > TN_IR_MAX_TEMPS)
        return g_strdup_printf("%u temporaries, %d are allowed", n_temps, TN_IR_MAX_TEMPS);
    if (!k.fault)
        return NULL;
    const TnIrOp *bad = &ops[i - 1];
    return g_strdup_printf("operation %u (%s): %s", i - 1,
                           bad->opc < TN_IR_COUNT ? tn_ir_info[bad->opc].name : "?", k.fault);
}
