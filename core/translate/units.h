/* SPDX-License-Identifier: MIT */
/*
 * Units: hot code of several blocks as one.
 *
 * When a hot block is met again and again, the front end goes on past its end along the way that its
 * links and samples tell: jumps, calls, returns from these, the likely side of branches. What it goes
 * on with are the bytes of blocks that are there, on the same page, its parts. A unit takes the place
 * of the block that it begins with, and has its range; the parts keep their own blocks. Whatever asks
 * which code stands where finds these: a unit lives as long as all of its parts do.
 */
#ifndef TN_TRANSLATE_UNITS_H
#define TN_TRANSLATE_UNITS_H

#include "translate/translator.h"

enum { TN_UNIT_MAX_PARTS = 8 }; /* beside the block that it begins with */

/* A part of a unit. */
struct TnUnitPart {
    TnBlock *unit, *block;
    TnUnitPart *next;  /* in the list of the block's units */
    uint64_t pc;       /* of the block */
    unsigned insns;    /* of the unit before it */
};

/* Of a unit, without the block that it begins with. */
struct TnUnit {
    unsigned n_parts;
    TnUnitPart part[TN_UNIT_MAX_PARTS];
};

/* The way of the front end through a unit. */
typedef struct TnUnitPath {
    TnCpu *cpu;
    const TnBlock *first; /* that it begins with */
    const TnUnit *known;  /* goes along its parts; NULL: finds the way */
    const TnBlock *now;   /* what is being read */
    TnUnit unit;          /* gone through so far */
} TnUnitPath;

/* True where a unit may begin with a block. */
bool tn_unit_may_begin(const TnBlock *block);

/* TnIrBuilder.goes_on. [vcpu, outside code] */
bool tn_unit_goes_on(TnIrBuilder *b, uint64_t pc, uint64_t other, bool inside);

/* Binds a unit to its parts; false where one of them is not valid any more. [translator's lock] */
bool tn_unit_bind(TnBlock *block);
/* The block is not valid any more: neither are the units that it is a part of. [translator's lock] */
void tn_unit_end(TnBlock *block);
/* The units that the old block is a part of have the new one instead. [translator's lock] */
void tn_unit_hand_over(TnBlock *old, TnBlock *block);

/* True where the vCPU may be in a unit that the block is a part of. [translator's lock] */
bool tn_unit_is_running(const TnBlock *block, const TnCpu *cpu);

#endif
