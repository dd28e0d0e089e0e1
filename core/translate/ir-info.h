/* SPDX-License-Identifier: MIT */
/*
 * Facts about IR operations that every pass needs, one row per opcode, and the functions over
 * whole blocks: check, dump.
 */
#ifndef TN_TRANSLATE_IR_INFO_H
#define TN_TRANSLATE_IR_INFO_H

#include "tenon/internal/target.h"

enum {
    TN_IRF_DST = 1u << 0,       /* defines dst */
    TN_IRF_PURE = 1u << 1,      /* result depends on the operands only; may be dropped or moved */
    TN_IRF_READS = 1u << 2,     /* reads the target's state or memory, changes nothing */
    TN_IRF_FAULTS = 1u << 3,    /* may leave the block by a fault */
    TN_IRF_EXIT = 1u << 4,      /* leaves the block, perhaps on a condition */
    TN_IRF_END = 1u << 5,       /* always leaves the block: the last operation */
    TN_IRF_IMM = 1u << 6,       /* imm means something */
    TN_IRF_AUX = 1u << 7,       /* aux means something */
    TN_IRF_OPTIONAL = 1u << 8,  /* operands may be TN_TEMP_NONE */
    TN_IRF_I32_ONLY = 1u << 9,  /* FLAGS, FLAGCOND */
    TN_IRF_ANY_TYPE = 1u << 10, /* I8..V256 */
    TN_IRF_VECTOR = 1u << 11,   /* I32, I64, V128, V256 */
};

typedef struct TnIrInfo {
    const char *name;
    uint8_t n_args; /* of a, b, c, d */
    uint16_t flags;
} TnIrInfo;

extern const TnIrInfo tn_ir_info[TN_IR_COUNT];

static inline bool tn_ir_is(const TnIrOp *op, unsigned flags)
{
    return (tn_ir_info[op->opc].flags & flags) != 0;
}

/* The operands of an operation: a, b, c, d in order. Returns how many places there are. */
static inline unsigned tn_ir_args(TnIrOp *op, TnTemp *args[4])
{
    args[0] = &op->a;
    args[1] = &op->b;
    args[2] = &op->c;
    args[3] = &op->d;
    return tn_ir_info[op->opc].n_args;
}

static inline bool tn_ir_type_is_vector(unsigned type)
{
    return type == TN_V128 || type == TN_V256;
}

/* True when the operation may show the state to somebody: a fault or an exit. Helpers aside. */
static inline bool tn_ir_shows_state(const TnIrOp *op)
{
    if (op->opc == TN_IR_HOSTX) {
        unsigned kind = tn_host_x_unpack(op->imm).kind;
        return kind == TN_HX_LOAD || kind == TN_HX_STORE || kind == TN_HX_CONTROL;
    }
    return tn_ir_is(op, TN_IRF_FAULTS | TN_IRF_EXIT);
}

/* The width in bytes of a type. */
static inline unsigned tn_ir_type_size(unsigned type)
{
    return 1u << type;
}

/* Starts an empty block in the builder, keeping its arena. */
void tn_ir_begin(TnIrBuilder *b, uint64_t pc, unsigned max_insns);
void tn_ir_clear(TnIrBuilder *b);

/*
 * Checks a block against ir.h: each temporary is assigned once and before its uses, operand
 * classes fit, registers, helpers and sizes exist, and one unconditional exit stands at the end.
 * Returns NULL, or a text that names the operation. g_free.
 */
char *tn_ir_check(const TnTargetInfo *target, const TnIrOp *ops, unsigned n_ops, unsigned n_temps);

/* Appends the block as text, one operation a line. */
void tn_ir_dump(const TnTargetInfo *target, const TnIrOp *ops, unsigned n_ops, GString *out);

#endif
