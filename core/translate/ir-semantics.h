/* SPDX-License-Identifier: MIT */
/*
 * The meaning of the pure integer operations, written once for the interpreter and for constant
 * folding.
 *
 * TN_IR_SEMANTICS(X) expands to X(NAME, expression) where the expression is over a and b of type U
 * (uint32_t or uint64_t), S (the signed U), W (the width in bits), imm and aux. The caller
 * zero-extends the result.
 */
#ifndef TN_TRANSLATE_IR_SEMANTICS_H
#define TN_TRANSLATE_IR_SEMANTICS_H

#include "translate/ir-info.h"

#define TN_IR_FIELD_ONES ((U)~(U)0 >> (W - imm))

#define TN_IR_SEMANTICS(X) \
    X(ADD, a + b) \
    X(SUB, a - b) \
    X(MUL, a * b) \
    X(MULHU, (unsigned __int128)a * b >> W) \
    X(MULHS, (__int128)(S)a * (S)b >> W) \
    X(AND, a & b) \
    X(OR, a | b) \
    X(XOR, a ^ b) \
    X(ANDN, a & ~b) \
    X(NOT, ~a) \
    X(NEG, 0 - a) \
    X(SHL, a << (b & (W - 1))) \
    X(SHR, a >> (b & (W - 1))) \
    X(SAR, (S)a >> (b & (W - 1))) \
    X(ROL, a << (b & (W - 1)) | a >> (-b & (W - 1))) \
    X(ROR, a >> (b & (W - 1)) | a << (-b & (W - 1))) \
    X(ADDI, a + (U)imm) \
    X(ANDI, a & (U)imm) \
    X(ORI, a | (U)imm) \
    X(XORI, a ^ (U)imm) \
    X(SHLI, a << imm) \
    X(SHRI, a >> imm) \
    X(SARI, (S)a >> imm) \
    X(ROLI, a << imm | a >> (-imm & (W - 1))) \
    X(LEA, a + (b << aux) + (U)imm) \
    X(BSWAP, W == 32 ? __builtin_bswap32((uint32_t)a) : __builtin_bswap64(a)) \
    X(CLZ, a == 0 ? W : (unsigned)__builtin_clzll(a) - (64 - W)) \
    X(CTZ, a == 0 ? W : (unsigned)__builtin_ctzll(a)) \
    X(POPCNT, __builtin_popcountll(a)) \
    X(EXT8U, (uint8_t)a) \
    X(EXT16U, (uint16_t)a) \
    X(EXT32U, (uint32_t)a) \
    X(EXT8S, (S)(int8_t)a) \
    X(EXT16S, (S)(int16_t)a) \
    X(EXT32S, (S)(int32_t)a) \
    X(DEPOSIT, (a & ~(U)(TN_IR_FIELD_ONES << aux)) | (U)((b & TN_IR_FIELD_ONES) << aux)) \
    X(EXTRACT, a >> aux & TN_IR_FIELD_ONES)

/*
 * The value of a pure integer operation (those above, MOV, SETCOND, SELECT, FLAGS, FLAGCOND) for
 * operand values; operands that are TN_TEMP_NONE count as 0. False for any other operation.
 */
bool tn_ir_eval(const TnIrOp *op, uint64_t a, uint64_t b, uint64_t c, uint64_t *result);

/* ---- ir-immediate.c ---------------------------------------------------------------------- */

/* Gives an operation whose operand b is the constant `value` its form with an immediate. False where
 * there is none or the constant does not fit one of 32 bits. */
bool tn_ir_make_immediate(TnIrOp *op, uint64_t value);
bool tn_ir_is_commutative(unsigned opc);
/* True for a form with an immediate that gives operand a as it is, but for the type. */
bool tn_ir_is_identity(const TnIrOp *op);

#endif
