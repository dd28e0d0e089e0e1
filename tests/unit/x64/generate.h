/* SPDX-License-Identifier: MIT */
/* Random blocks over every operation and type of the IR, and every register pressure. */
#ifndef TN_TEST_X64_GENERATE_H
#define TN_TEST_X64_GENERATE_H

#include "translate/ir-info.h"
#include "fake.h"

enum { BLOCK_PC = 0x10000, NEXT_PC = BLOCK_PC + 0x80 }; /* of a block, and of one that it exits to */

typedef struct Gen {
    GRand *rand;
    TnIrBuilder b;
    TnTemp ints[4096], flags[4096], vecs[2][4096];
    unsigned n_ints, n_flags, n_vecs[2];
    TnTemp addr; /* of the access before, or none */
    uint64_t pc;
} Gen;

static inline unsigned below(Gen *g, unsigned n)
{
    return (unsigned)g_rand_int_range(g->rand, 0, (gint32)n);
}

static inline bool one_in(Gen *g, unsigned n)
{
    return below(g, n) == 0;
}

/* Makes another block of about n_ops operations in `b`. */
void gen_program(Gen *g, unsigned n_ops);

#endif
