/* SPDX-License-Identifier: MIT */
/* Evaluation of pure integer operations, for constant folding. */
#include "translate/ir-semantics.h"

#include "translate/backend.h"

#define EVAL_CASE(name, expression) \
    case TN_IR_##name: \
        *result = (U)(expression); \
        return true;

#define DEFINE_EVAL(function, u, s, w) \
    static bool function(const TnIrOp *op, u a, u b, uint64_t *result) \
    { \
        typedef u U; \
        typedef s S; \
        enum { W = w }; \
        uint64_t imm = op->imm; \
        unsigned aux = op->aux; \
        switch (op->opc) { \
            TN_IR_SEMANTICS(EVAL_CASE) \
        case TN_IR_MOV: \
            *result = a; \
            return true; \
        default: \
            return false; \
        } \
    }

DEFINE_EVAL(eval32, uint32_t, int32_t, 32)
DEFINE_EVAL(eval64, uint64_t, int64_t, 64)

bool tn_ir_eval(const TnIrOp *op, uint64_t a, uint64_t b, uint64_t c, uint64_t *result)
{
    if (op->type != TN_I32 && op->type != TN_I64)
        return false;
    switch (op->opc) {
    case TN_IR_SETCOND:
        *result = tn_cond_eval(op->aux, op->type, a, b);
        return true;
    case TN_IR_SELECT:
        *result = a ? b : c;
        if (op->type == TN_I32)
            *result = (uint32_t)*result;
        return true;
    case TN_IR_FLAGS:
        *result = tn_flags_eval(op->aux & 255, op->aux >> 8, a, b, c);
        return true;
    case TN_IR_FLAGCOND:
        *result = tn_flagcond_eval(op->aux, (uint32_t)a);
        return true;
    default:
        return op->type == TN_I32 ? eval32(op, (uint32_t)a, (uint32_t)b, result)
                                  : eval64(op, a, b, result);
    }
}
