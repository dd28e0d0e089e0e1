/* SPDX-License-Identifier: MIT */
/* The x87's registers and status, for its helpers (Intel SDM vol. 1, 8.1). */
#ifndef TENON_X86_X87_H
#define TENON_X86_X87_H

#include <string.h>

#include "x87-host.h"

enum {
    FSW_IE = 1u << 0, FSW_DE = 1u << 1, FSW_ZE = 1u << 2, FSW_OE = 1u << 3, FSW_UE = 1u << 4,
    FSW_PE = 1u << 5, FSW_FLAGS = 0x3f, FSW_SF = 1u << 6, FSW_ES = 1u << 7, FSW_C0 = 1u << 8,
    FSW_C1 = 1u << 9, FSW_C2 = 1u << 10, FSW_C3 = 1u << 14, FSW_B = 1u << 15,
    FSW_TOP_SHIFT = 11, FSW_TOP = 7u << FSW_TOP_SHIFT,
    FSW_CONDITION = FSW_C0 | FSW_C2 | FSW_C3,
    /* Exceptions that keep the result from being delivered when they are unmasked. */
    FSW_BEFORE_RESULT = FSW_IE | FSW_DE | FSW_ZE,
    FCW_INIT = 0x37f, FCW_ONE = 1u << 6, FCW_VALID = 0x1f3f, FCW_RC_SHIFT = 10,
    FP80_BIAS = 0x3fff, FP80_EXPONENT = 0x7fff, FP80_SIGN = 0x8000,
};

#define FP80_INTEGER_BIT 0x8000000000000000

static inline unsigned x87_phys(const X86State *s, unsigned i)
{
    return (s->ftop + i) & 7;
}

static inline X86Fp80 *x87_st(X86State *s, unsigned i)
{
    return &s->st[x87_phys(s, i)];
}

static inline bool x87_is_empty(const X86State *s, unsigned i)
{
    return s->ftag_empty >> x87_phys(s, i) & 1;
}

static inline void x87_set_empty(X86State *s, unsigned i)
{
    s->ftag_empty |= (uint8_t)(1u << x87_phys(s, i));
}

static inline void x87_set_full(X86State *s, unsigned i)
{
    s->ftag_empty &= (uint8_t)~(1u << x87_phys(s, i));
}

static inline void x87_pop(X86State *s)
{
    x87_set_empty(s, 0);
    s->ftop = (s->ftop + 1) & 7;
}

/* By the parts that FSTP m80 writes: a wider load would wait for the store to reach the cache. */
static inline void x87_copy(X86Fp80 *to, const X86Fp80 *from)
{
    to->mantissa = from->mantissa;
    to->sign_exponent = from->sign_exponent;
}

static inline void x87_put(X86State *s, unsigned i, X86Fp80 value)
{
    x87_copy(x87_st(s, i), &value);
    x87_set_full(s, i);
}

/* The default NaN, "real indefinite". */
static inline X86Fp80 x87_indefinite(void)
{
    return (X86Fp80){ { .mantissa = 0xc000000000000000, .sign_exponent = 0xffff } };
}

static inline void x87_set_c1(X86State *s, bool c1)
{
    s->fsw = (uint16_t)((s->fsw & ~FSW_C1) | (c1 ? FSW_C1 : 0));
}

/* Raises #MF for an exception of an earlier instruction; every waiting instruction begins so. */
void x87_wait(TnCpu *cpu);

/* Recomputes MODE_X87_SOFT after a change of flags or masks. */
void x87_update_mode(X86State *s);

/* Recomputes ES, B, FERR# and the mode after a change of flags or masks. */
void x87_settle(TnCpu *cpu);

/* Collects flags and C1 of a host status word. False: an unmasked exception stops the instruction
 * before its result is delivered. */
bool x87_collect(TnCpu *cpu, uint16_t sw);

/* Flags without a host operation behind them; false as above. */
bool x87_flag(TnCpu *cpu, uint16_t flags, bool c1);

/* Stack faults: underflow has C1 clear, overflow set. False when they are unmasked. */
static inline bool x87_underflow(TnCpu *cpu)
{
    return x87_flag(cpu, FSW_IE | FSW_SF, false);
}

static inline bool x87_overflow(TnCpu *cpu)
{
    return x87_flag(cpu, FSW_IE | FSW_SF, true);
}

/* Room for a new ST0? If not, the masked response pushes the indefinite, and false is returned. */
bool x87_push_check(TnCpu *cpu);

/* Pushes a value onto an empty register. */
static inline void x87_push(X86State *s, X86Fp80 value)
{
    s->ftop = (s->ftop - 1) & 7;
    x87_put(s, 0, value);
}

#endif
