/* SPDX-License-Identifier: MIT */
/* Operations with one constant operand in the form that has it as an immediate. */
#include "translate/ir-semantics.h"

/* The form with an immediate, and the immediate made from the constant. */
static unsigned immediate_form(const TnIrOp *op, int64_t *imm)
{
    unsigned width = op->type == TN_I32 ? 32 : 64;
    unsigned count = (unsigned)*imm & (width - 1);

    switch (op->opc) {
    case TN_IR_ADD:
        return TN_IR_ADDI;
    case TN_IR_SUB:
        *imm = op->type == TN_I32 ? (int32_t)(0u - (uint32_t)*imm) : (int64_t)(0 - (uint64_t)*imm);
        return TN_IR_ADDI;
    case TN_IR_AND:
        return TN_IR_ANDI;
    case TN_IR_OR:
        return TN_IR_ORI;
    case TN_IR_XOR:
        return TN_IR_XORI;
    case TN_IR_SHL:
        *imm = count;
        return TN_IR_SHLI;
    case TN_IR_SHR:
        *imm = count;
        return TN_IR_SHRI;
    case TN_IR_SAR:
        *imm = count;
        return TN_IR_SARI;
    case TN_IR_ROL:
        *imm = count;
        return TN_IR_ROLI;
    case TN_IR_ROR:
        *imm = (width - count) & (width - 1);
        return TN_IR_ROLI;
    default:
        return TN_IR_NOP;
    }
}

bool tn_ir_make_immediate(TnIrOp *op, uint64_t value)
{
    int64_t imm = op->type == TN_I32 ? (int32_t)value : (int64_t)value;
    unsigned opc = immediate_form(op, &imm);

    if (opc == TN_IR_NOP || imm != (int32_t)imm)
        return false;
    op->opc = (uint8_t)opc;
    op->b = TN_TEMP_NONE;
    op->imm = (uint64_t)imm;
    return true;
}

bool tn_ir_is_commutative(unsigned opc)
{
    return opc == TN_IR_ADD || opc == TN_IR_AND || opc == TN_IR_OR || opc == TN_IR_XOR ||
           opc == TN_IR_MUL;
}

bool tn_ir_is_identity(const TnIrOp *op)
{
    bool zero_keeps = op->opc == TN_IR_ADDI || op->opc == TN_IR_ORI || op->opc == TN_IR_XORI ||
                      (op->opc >= TN_IR_SHLI && op->opc <= TN_IR_ROLI);

    return zero_keeps && op->imm == 0;
}
