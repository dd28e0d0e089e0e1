/* SPDX-License-Identifier: MIT */
/*
 * O of shifts and rotates by other counts than 1: the manual leaves it undefined, the IR's reference
 * gives what Intel's processors do, and the x86-64 back end what the host does. On hosts of another
 * maker tests that compare the two leave it out.
 */
#ifndef TN_TESTS_HOST_OVERFLOW_H
#define TN_TESTS_HOST_OVERFLOW_H

#include "translate/backend.h"

static inline bool host_overflow_is_reference(void)
{
#ifdef __x86_64__
    /* The operand's top two bits are equal, so that a shift by one does not overflow; the last of
     * these 26 steps does. */
    enum { COUNT = 26 };
    uint64_t value = UINT64_C(1) << (63 - COUNT), flags;

    __asm__("shlq %2, %0; pushfq; popq %1" : "+r"(value), "=r"(flags) : "i"(COUNT) : "cc");
    return !(flags & TN_FLAG_O);
#else
    return true;
#endif
}

/* True when O of a TN_FLAGS_* operation has to be left out on this host. */
static inline bool hides_overflow(unsigned flag_op)
{
    static int differs = -1;

    if (differs < 0)
        differs = !host_overflow_is_reference();
    return differs && flag_op >= TN_FLAGS_SHL && flag_op <= TN_FLAGS_ROR;
}

#endif
