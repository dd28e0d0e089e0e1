/* SPDX-License-Identifier: MIT */
/* The first walk over a block, front to back: what its parts share. */
#ifndef TN_X64_FORWARD_H
#define TN_X64_FORWARD_H

#include "compile.h"

enum {
    X64_PARTNER_DISTANCE = 8, /* operations from a FLAGS to its arithmetic */
    X64_LONG_AGO = -X64_PARTNER_DISTANCE, /* no operation so near */
    X64_MAX_SUMS = 4,
};

/* The temporary equal to a declared register, and the one equal to its zero-extended low half. */
typedef struct X64Known {
    TnTemp whole, low;
} X64Known;

typedef struct X64Forward {
    X64Ctx *cx;
    bool replaced;             /* the map says something */
    int last_flags;            /* the last FLAGS without a partner, or X64_LONG_AGO */
    unsigned n_arithmetic;
    int arithmetic[X64_PARTNER_DISTANCE]; /* the last ADDs, SUBs and ADDIs */
    unsigned n_sums;
    int sums[X64_MAX_SUMS];    /* the last LEAs of two registers */
    X64Known known[X64_MAX_REGS];
} X64Forward;

static inline bool x64_is_z32(const X64Ctx *cx, TnTemp t)
{
    return cx->temps[t].flags & X64_T_Z32;
}

static inline bool x64_all_const(const X64Ctx *cx, const TnIrOp *op)
{
    return (x64_is_const(cx, op->a) || !op->a) && (x64_is_const(cx, op->b) || !op->b) &&
           (x64_is_const(cx, op->c) || !op->c);
}

/* ---- forward.c --------------------------------------------------------------------------- */

/* Whoever uses the result of operation i uses `by` instead; there is no operation i then. */
void x64_replace(X64Forward *f, int i, TnTemp by);

/* ---- forward-pure.c ---------------------------------------------------------------------- */

/* What becomes of an operation on temporaries alone, whose result is known of already. */
void x64_forward_pure(X64Forward *f, int i, TnIrOp *op);
void x64_forward_addi(X64Forward *f, int i, TnIrOp *op);
/* The operation gives `by`, or its zero-extended low half where the type is TN_I32. */
void x64_make_move(X64Forward *f, int i, TnTemp by);
/* It gives what it does with constants. */
bool x64_fold(X64Ctx *cx, TnIrOp *op);
/* An operand that is looked at in its low half only need not be widened before. */
void x64_skip_extensions(X64Ctx *cx, TnIrOp *op, unsigned n);

/* ---- forward-flags.c --------------------------------------------------------------------- */

void x64_forward_flags(X64Forward *f, int i, TnIrOp *op);
/* A FLAGCOND of the carry. */
void x64_forward_carry(const X64Ctx *cx, TnIrOp *op);
/* An ADD, SUB, ADDI. */
void x64_forward_arithmetic(X64Forward *f, int i);

/* ---- forward-address.c ------------------------------------------------------------------- */

/* A LEA; a LD or ST. */
void x64_forward_sum(X64Forward *f, int i, TnIrOp *op);
void x64_forward_access(const X64Forward *f, int i, X64OpInfo *info, TnIrOp *op);

#endif
