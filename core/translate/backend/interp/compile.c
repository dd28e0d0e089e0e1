/* SPDX-License-Identifier: MIT */
/*
 * From IR to interpreter code: one or a few InterpOp per operation, slots given to temporaries by
 * a forward walk that frees a slot after the last use.
 */
#include "interp.h"
#include "translate/translator.h"

enum { MAX_EXPANSION = 3 }; /* InterpOps an IR operation may become */

typedef struct Slots {
    uint16_t free[INTERP_SLOTS];
    unsigned n_free, next; /* recycled slots, first never used one */
} Slots;

typedef struct Compiler {
    TnBlock *block;
    InterpOp *out;
    unsigned n_out;
    uint32_t *last_use;  /* index of the operation that uses a temporary last */
    uint16_t *slot;      /* of a temporary */
    bool *vector;        /* whether it is one */
    Slots integers, vectors;
} Compiler;

static uint16_t slot_take(Slots *s)
{
    return s->n_free ? s->free[--s->n_free] : (uint16_t)s->next++;
}

static void slot_give(Slots *s, uint16_t slot)
{
    s->free[s->n_free++] = slot;
}

static InterpOp *emit(Compiler *k, InterpHandler handler)
{
    InterpOp *op = &k->out[k->n_out++];
    *op = (InterpOp){ .handler = interp_handlers[handler] };
    return op;
}

static void find_last_uses(Compiler *k, const TnIrOp *ops, unsigned n_ops)
{
    for (unsigned i = 0; i < n_ops; i++) {
        TnIrOp op = ops[i];
        TnTemp *args[4];
        unsigned n = tn_ir_args(&op, args);
        for (unsigned j = 0; j < n; j++)
            k->last_use[*args[j]] = i;
        if (op.dst)
            k->last_use[op.dst] = i;
    }
}

static bool defines_vector(const TnIrOp *op)
{
    return op->opc != TN_IR_ST && op->opc != TN_IR_STENV && tn_ir_type_is_vector(op->type);
}

/* A destination never shares a slot with the operands: fallbacks of host forms rely on it. */
static void take_slot(Compiler *k, const TnIrOp *op)
{
    if (!op->dst)
        return;
    k->vector[op->dst] = defines_vector(op);
    k->slot[op->dst] = slot_take(k->vector[op->dst] ? &k->vectors : &k->integers);
}

static void give_slot(Compiler *k, TnTemp t, unsigned index)
{
    if (t && k->last_use[t] == index && k->slot[t]) {
        slot_give(k->vector[t] ? &k->vectors : &k->integers, k->slot[t]);
        k->slot[t] = 0;
    }
}

static void give_slots(Compiler *k, const TnIrOp *ir, unsigned index)
{
    TnIrOp op = *ir;
    TnTemp *args[4];
    unsigned n = tn_ir_args(&op, args);
    for (unsigned i = 0; i < n; i++)
        give_slot(k, *args[i], index);
    give_slot(k, op.dst, index);
}

static void emit_in_place(Compiler *k, InterpHandler handler, uint16_t slot)
{
    InterpOp *o = emit(k, handler);
    o->dst = o->a = slot;
}

/* A record with the operands' slots and the plain fields. */
static InterpOp *emit_plain(Compiler *k, InterpHandler handler, const TnIrOp *op)
{
    InterpOp *o = emit(k, handler);
    o->dst = k->slot[op->dst];
    o->a = k->slot[op->a];
    o->b = k->slot[op->b];
    o->c = k->slot[op->c];
    o->d = k->slot[op->d];
    o->aux = op->aux;
    o->size = tn_ir_type_size(op->type);
    o->imm = op->imm;
    return o;
}

/* Registers and state: `offset` is in the target's state. */
static void emit_env(Compiler *k, const TnIrOp *op, bool store, TnIrType type, uint64_t offset)
{
    InterpHandler base = store ? INTERP_STENV_8 : INTERP_LDENV_8;
    InterpHandler h = (InterpHandler)(base + MIN((unsigned)type, (unsigned)TN_V128));
    InterpOp *o = emit_plain(k, h, op);
    o->size = tn_ir_type_size(type);
    o->imm = TN_CPU_STATE_OFFSET + offset;
}

static void emit_vector_register(Compiler *k, const TnIrOp *op, const TnRegInfo *reg)
{
    emit_env(k, op, op->opc == TN_IR_PUT, op->type, reg->offset);
    if (op->opc == TN_IR_PUT && op->type == TN_V128 && (op->imm & TN_PUT_CLEAR_UPPER))
        emit_plain(k, INTERP_CLEAR_UPPER, op)->imm = 1;
}

static void emit_register(Compiler *k, const TnIrOp *op)
{
    const TnRegInfo *reg = &interp_target->regs[op->aux];
    bool narrow = op->type == TN_I32 && reg->type == TN_I64;

    if (reg->type == TN_V256) {
        emit_vector_register(k, op, reg);
        return;
    }
    if (op->opc == TN_IR_GET) {
        emit_env(k, op, false, reg->type, reg->offset);
        if (narrow)
            emit_in_place(k, INTERP_MOV_32, k->slot[op->dst]);
        return;
    }
    /* Only the low half of the operand counts; the register is written whole. */
    uint16_t cut = narrow ? slot_take(&k->integers) : k->slot[op->a];
    if (narrow)
        emit_plain(k, INTERP_MOV_32, op)->dst = cut;
    emit_env(k, op, true, reg->type, reg->offset);
    k->out[k->n_out - 1].a = cut;
    if (narrow)
        slot_give(&k->integers, cut);
}

/* Its size is where the register lies that is put back, d what is taken off. */
static void emit_indirect(Compiler *k, const TnIrOp *op)
{
    InterpOp *o = emit_plain(k, INTERP_EXIT_IND, op);

    o->size = TN_CPU_STATE_OFFSET + interp_target->regs[tn_ir_exit_reg(op)].offset;
    o->aux = (uint16_t)tn_ir_exit_bits(op);
    o->d = op->extra;
}

/* The extension that a load's flags ask for. */
static void emit_load_fixup(Compiler *k, const TnIrOp *op)
{
    static const InterpHandler extend[] = {
        INTERP_EXT8S_64, INTERP_EXT16S_64, INTERP_EXT32S_64,
    };
    uint16_t slot = k->slot[op->dst];

    if (!(op->aux & TN_MEM_SIGN))
        return;
    if (op->type < TN_I64)
        emit_in_place(k, extend[op->type], slot);
    if (op->aux & TN_MEM_DST32)
        emit_in_place(k, INTERP_MOV_32, slot);
}

static void emit_memory(Compiler *k, const TnIrOp *op)
{
    bool load = op->opc == TN_IR_LD;
    bool slow = (op->aux & (TN_MEM_ALIGN | TN_MEM_RMW | TN_MEM_LOCKED | TN_MEM_BSWAP)) != 0;
    InterpHandler h;

    if (tn_ir_type_is_vector(op->type)) {
        h = load ? INTERP_LD_V : INTERP_ST_V;
    } else if (slow) {
        h = load ? INTERP_LD_SLOW : INTERP_ST_SLOW;
    } else {
        h = (InterpHandler)((load ? INTERP_LD_8 : INTERP_ST_8) + (unsigned)op->type);
    }
    InterpOp *o = emit_plain(k, h, op);
    o->size = op->aux | (uint32_t)op->type << 16;
    o->aux = op->aux & TN_MEM_MODE_MASK;
    if (load && h != INTERP_LD_V && h != INTERP_LD_SLOW) {
        o->size &= ~(uint32_t)TN_MEM_SIGN;
        emit_load_fixup(k, op);
    }
}

static void emit_exit(Compiler *k, InterpHandler handler, const TnIrOp *op)
{
    TnBlock *block = k->block;
    TnBlockExit *exit = &block->exits[block->n_exits];

    *exit = (TnBlockExit){ .pc = op->imm, .from = block };
    InterpOp *o = emit_plain(k, handler, op);
    o->imm = (uintptr_t)exit;
    o->aux = tn_exit_linkable(block, op->imm);
    o->size = block->n_exits++;
}

static InterpHandler by_type(InterpHandler h32, unsigned type)
{
    return (InterpHandler)(h32 + (type == TN_I32 ? 0 : type == TN_I64 ? 1 : 2));
}

static void emit_op(Compiler *k, const TnIrOp *op)
{
    switch (op->opc) {
#define CASE(name, expression) \
    case TN_IR_##name: \
        emit_plain(k, by_type(INTERP_##name##_32, op->type), op); \
        break;
        TN_IR_SEMANTICS(CASE)
#undef CASE
#define CASE(name, handler) \
    case TN_IR_##name: \
        emit_plain(k, handler, op); \
        break;
        CASE(INSN, INTERP_INSN)
        CASE(CONST, INTERP_CONST)
        CASE(MOV, by_type(INTERP_MOV_32, op->type))
        CASE(CLEAR_UPPER, INTERP_CLEAR_UPPER)
        CASE(SETCOND, by_type(INTERP_SETCOND_32, op->type))
        CASE(SELECT, by_type(INTERP_SELECT_32, op->type))
        CASE(FLAGS, INTERP_FLAGS)
        CASE(FLAGCOND, INTERP_FLAGCOND)
        CASE(FENCE, INTERP_FENCE)
        CASE(HOSTV, INTERP_HOSTV)
        CASE(EXIT_LOOP, INTERP_EXIT_LOOP)
        CASE(EXIT_LOOP_IND, INTERP_EXIT_LOOP_IND)
        CASE(EXIT_STATE, INTERP_EXIT_STATE)
#undef CASE
    case TN_IR_EXIT_IND:
        emit_indirect(k, op);
        break;
    case TN_IR_LDCODE:
        emit_plain(k, INTERP_LDCODE, op);
        break;
    case TN_IR_ENVPTR:
        emit_plain(k, INTERP_ENVPTR, op)->imm += TN_CPU_STATE_OFFSET;
        break;
    case TN_IR_GET:
    case TN_IR_PUT:
        emit_register(k, op);
        break;
    case TN_IR_LDENV:
    case TN_IR_STENV:
        emit_env(k, op, op->opc == TN_IR_STENV, op->type, op->imm);
        break;
    case TN_IR_LD:
    case TN_IR_ST:
        emit_memory(k, op);
        break;
    case TN_IR_ATOMIC_RMW:
    case TN_IR_ATOMIC_CAS:
        emit_plain(k, op->opc == TN_IR_ATOMIC_RMW ? INTERP_ATOMIC_RMW : INTERP_ATOMIC_CAS, op)
            ->size = op->aux | (uint32_t)op->type << 16;
        break;
    case TN_IR_CALL:
        emit_plain(k, INTERP_CALL, op)->imm = (uintptr_t)interp_call(op->aux);
        break;
    case TN_IR_EXIT:
    case TN_IR_EXIT_IF:
        emit_exit(k, op->opc == TN_IR_EXIT ? INTERP_EXIT : INTERP_EXIT_IF, op);
        break;
    default:
        break;
    }
}

static unsigned count_exits(const TnIrOp *ops, unsigned n_ops)
{
    unsigned n = 0;
    for (unsigned i = 0; i < n_ops; i++)
        n += ops[i].opc == TN_IR_EXIT || ops[i].opc == TN_IR_EXIT_IF;
    return n;
}

bool interp_compile(TnBlock *block, const TnIrOp *ops, unsigned n_ops, unsigned n_temps)
{
    g_autofree Compiler *k = g_new0(Compiler, 1);
    g_autofree uint32_t *last_use = g_new0(uint32_t, n_temps);
    g_autofree uint16_t *slot = g_new0(uint16_t, n_temps);
    g_autofree bool *vector = g_new0(bool, n_temps);

    k->block = block;
    k->last_use = last_use;
    k->slot = slot;
    k->vector = vector;
    k->integers.next = k->vectors.next = 1;
    k->out = g_new(InterpOp, n_ops * MAX_EXPANSION + 1);
    tn_block_new_exits(block, count_exits(ops, n_ops));
    block->n_exits = 0; /* those emitted */
    find_last_uses(k, ops, n_ops);
    for (unsigned i = 0; i < n_ops; i++) {
        take_slot(k, &ops[i]);
        emit_op(k, &ops[i]);
        give_slots(k, &ops[i], i);
    }
    block->code = g_renew(InterpOp, k->out, k->n_out);
    block->code_size = k->n_out * (uint32_t)sizeof(InterpOp);
    return true;
}
