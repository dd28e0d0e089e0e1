/* SPDX-License-Identifier: MIT */
/*
 * The interpreter back end: a block becomes an array of InterpOp, each with the address of its
 * handler in the dispatch loop (run.c). Integer temporaries live in 64-bit slots, vectors in
 * 32-byte slots; slots are reused once a temporary is dead.
 */
#ifndef TN_TRANSLATE_INTERP_H
#define TN_TRANSLATE_INTERP_H

#include <ffi.h>

#include "translate/backend.h"
#include "translate/ir-semantics.h"

typedef struct InterpOp {
    const void *handler;
    uint16_t dst, a, b, c, d; /* slots; 0 is "none" and reads as zero */
    uint16_t aux;
    uint32_t size;            /* bytes of an access, or a handler's own */
    uint64_t imm;             /* TnIrOp.imm, or a pointer (exit, call) */
} InterpOp;

typedef union InterpVector {
    uint64_t u64[4];
    uint8_t bytes[32];
} __attribute__((aligned(32))) InterpVector;

/* More temporaries can never be alive at a time: slots 1 .. INTERP_SLOTS - 1 of each kind. */
enum { INTERP_SLOTS = TN_IR_MAX_TEMPS + 1 };

/* Handlers: one or more per IR operation. */
typedef enum InterpHandler {
#define HANDLER(name, expression) INTERP_##name##_32, INTERP_##name##_64,
    TN_IR_SEMANTICS(HANDLER)
#undef HANDLER
    INTERP_INSN,
    INTERP_CONST,
    INTERP_MOV_32,
    INTERP_MOV_64,
    INTERP_MOV_V,
    INTERP_LDENV_8,
    INTERP_LDENV_16,
    INTERP_LDENV_32,
    INTERP_LDENV_64,
    INTERP_LDENV_V,
    INTERP_STENV_8,
    INTERP_STENV_16,
    INTERP_STENV_32,
    INTERP_STENV_64,
    INTERP_STENV_V,
    INTERP_CLEAR_UPPER,
    INTERP_ENVPTR,
    INTERP_LDCODE,
    INTERP_SETCOND_32,
    INTERP_SETCOND_64,
    INTERP_SELECT_32,
    INTERP_SELECT_64,
    INTERP_SELECT_V,
    INTERP_FLAGS,
    INTERP_FLAGCOND,
    INTERP_LD_8,
    INTERP_LD_16,
    INTERP_LD_32,
    INTERP_LD_64,
    INTERP_LD_SLOW,
    INTERP_LD_V,
    INTERP_ST_8,
    INTERP_ST_16,
    INTERP_ST_32,
    INTERP_ST_64,
    INTERP_ST_SLOW,
    INTERP_ST_V,
    INTERP_ATOMIC_RMW,
    INTERP_ATOMIC_CAS,
    INTERP_FENCE,
    INTERP_CALL,
    INTERP_HOSTV,
    INTERP_EXIT,
    INTERP_EXIT_IF,
    INTERP_EXIT_IND,
    INTERP_EXIT_LOOP,
    INTERP_EXIT_LOOP_IND,
    INTERP_EXIT_STATE,
    INTERP_HANDLERS
} InterpHandler;

/* How a helper is called; one per helper, made on first use. */
typedef struct InterpCall {
    const TnHelperInfo *helper;
    ffi_cif cif;
    ffi_type *types[5];
} InterpCall;

typedef void (*InterpFallback)(TnCpu *cpu, void *dst, const void *a, const void *b, const void *c,
                               uint32_t imm8);

bool interp_compile(TnBlock *block, const TnIrOp *ops, unsigned n_ops, unsigned n_temps);

/* The call of helper `number`, prepared. */
const InterpCall *interp_call(unsigned number);
/* Calls it; returns the result zero-extended, or 0. */
uint64_t interp_invoke(const InterpCall *call, TnCpu *cpu, const uint64_t args[4]);

/* Runs from a block, or with cpu NULL fills `handlers` with the handlers' addresses. */
TnRunResult interp_run(TnCpu *cpu, TnBlock *block, const void **handlers);

extern const TnTargetInfo *interp_target;
extern const void *interp_handlers[INTERP_HANDLERS];

#endif
