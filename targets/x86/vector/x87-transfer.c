/* SPDX-License-Identifier: MIT */
/*
 * The x87: helpers of loads, stores and moves between registers (Intel SDM vol. 1, 8.3.3).
 *
 * Stores convert first, then write memory, and change the registers last: a page fault leaves all
 * as it was.
 */
#include "x87.h"

#include <string.h>

#include "helpers-vector.h"

/* ---- Loads ------------------------------------------------------------------------------ */

/* A normal number or zero, of which every format is exact: nothing to flag. */
static bool load_plain(X87Kind kind, X86Fp80 *value, const void *mem)
{
    enum { FRAC32 = 23, FRAC64 = 52, BIAS32 = 127, BIAS64 = 1023, MAX32 = 255, MAX64 = 2047 };
    unsigned exponent;
    uint64_t v;

    memcpy(&v, mem, 8);
    if (kind == X87_F64) {
        exponent = v >> FRAC64 & MAX64;
        if (exponent == 0 || exponent == MAX64)
            return false;
        value->mantissa = FP80_INTEGER_BIT | v << (63 - FRAC64);
        value->sign_exponent = (uint16_t)((exponent + FP80_BIAS - BIAS64) | (v >> 63 << 15));
        return true;
    }
    exponent = v >> FRAC32 & MAX32;
    if (kind != X87_F32 || exponent == 0 || exponent == MAX32)
        return false;
    value->mantissa = FP80_INTEGER_BIT | v << (63 - FRAC32);
    value->sign_exponent = (uint16_t)((exponent + FP80_BIAS - BIAS32) | (v >> 31 & 1) << 15);
    return true;
}

static void push_memory(TnCpu *cpu, X87Kind kind, const void *mem)
{
    X86State *s = x86_state(cpu);
    X86Fp80 value = { 0 };

    if (!x87_push_check(cpu))
        return;
    if (kind == X87_F80) {
        memcpy(value.bytes, mem, 10);
    } else if (!load_plain(kind, &value, mem)) {
        uint16_t sw = x87_host_load(s, kind, &value, mem);
        x87_collect(cpu, sw);
        /* A denormal is loaded even when DE is unmasked. */
        if (sw & ~s->fcw & FSW_IE)
            return;
    }
    x87_set_c1(s, false);
    x87_push(s, value);
}

/* FLD, FILD of up to 8 bytes */
void x86_helper_x87_load(TnCpu *cpu, uint32_t kind, uint64_t mem)
{
    x87_wait(cpu);
    push_memory(cpu, kind, &mem);
}

/* FLD m80, FBLD */
void x86_helper_x87_load80(TnCpu *cpu, uint32_t kind, uint64_t addr, uint32_t mmu)
{
    uint8_t mem[10];

    x87_wait(cpu);
    tn_ld_bytes(cpu, addr, mem, sizeof(mem), mmu);
    push_memory(cpu, kind, mem);
}

/* FLD ST(i) */
void x86_helper_x87_load_st(TnCpu *cpu, uint32_t i)
{
    X86State *s = x86_state(cpu);
    X86Fp80 value;

    x87_wait(cpu);
    x87_copy(&value, x87_st(s, i));
    if (x87_is_empty(s, i)) {
        if (x87_underflow(cpu))
            x87_push(s, x87_indefinite());
    } else if (x87_push_check(cpu)) {
        x87_set_c1(s, false);
        x87_push(s, value);
    }
}

/* ---- Stores ----------------------------------------------------------------------------- */

static const uint8_t kind_bytes[X87_N_KINDS] = {
    [X87_F32] = 4, [X87_F64] = 8, [X87_F80] = 10, [X87_BCD] = 10, [X87_I16] = 2, [X87_I32] = 4,
    [X87_I64] = 8, [X87_T16] = 2, [X87_T32] = 4, [X87_T64] = 8,
};

/* What an empty register stores: the indefinite of the format (SDM vol. 1, table 4-3 and on). */
static void store_indefinite(X87Kind kind, uint8_t mem[16])
{
    static const uint8_t f32[4] = { 0, 0, 0xc0, 0xff }, f64[8] = { [6] = 0xf8, [7] = 0xff };
    static const uint8_t bcd[10] = { [7] = 0xc0, [8] = 0xff, [9] = 0xff };

    memset(mem, 0, 16);
    if (kind == X87_F32)
        memcpy(mem, f32, sizeof(f32));
    else if (kind == X87_F64)
        memcpy(mem, f64, sizeof(f64));
    else if (kind == X87_F80 || kind == X87_BCD)
        memcpy(mem, bcd, sizeof(bcd));
    else
        mem[kind_bytes[kind] - 1] = 0x80;
}

/* Exceptions that, unmasked, keep memory from being written: all but PE. */
enum { FSW_NO_STORE = FSW_FLAGS & ~FSW_PE };

static void store_bytes(TnCpu *cpu, uint64_t addr, const uint8_t *mem, unsigned n, unsigned mmu)
{
    uint32_t v32;
    uint64_t v64;

    memcpy(&v32, mem, sizeof(v32));
    memcpy(&v64, mem, sizeof(v64));
    if (n == sizeof(v64))
        tn_st64(cpu, addr, v64, mmu);
    else if (n == sizeof(v32))
        tn_st32(cpu, addr, v32, mmu);
    else
        tn_st_bytes(cpu, addr, mem, n, mmu);
}

/* control: kind in place of dst, X87_POP */
void x86_helper_x87_store(TnCpu *cpu, uint32_t control, uint64_t addr, uint32_t mmu)
{
    X86State *s = x86_state(cpu);
    X87Kind kind = X87_DST(control);
    uint8_t mem[16];
    uint16_t sw = 0;

    x87_wait(cpu);
    if (x87_is_empty(s, 0)) {
        sw = FSW_IE | FSW_SF;
        store_indefinite(kind, mem);
    } else if (kind == X87_F80) {
        memcpy(mem, x87_st(s, 0)->bytes, 10);
    } else {
        sw = x87_host_store(s, kind, x87_st(s, 0), mem);
    }
    bool deliver = !(sw & ~s->fcw & FSW_NO_STORE);
    if (deliver)
        store_bytes(cpu, addr, mem, kind_bytes[kind], mmu);
    x87_collect(cpu, sw);
    if (deliver && control & X87_POP)
        x87_pop(s);
}

/* ---- Between registers ------------------------------------------------------------------ */

/* FST ST(i), FSTP ST(i); the alias FSTPNCE only pops an empty register. */
void x86_helper_x87_store_st(TnCpu *cpu, uint32_t control)
{
    X86State *s = x86_state(cpu);

    x87_wait(cpu);
    if (x87_is_empty(s, 0) && control & X87_NO_FAULT) {
        x87_set_c1(s, false);
    } else if (!x87_is_empty(s, 0)) {
        x87_set_c1(s, false);
        x87_copy(x87_st(s, X87_DST(control)), x87_st(s, 0));
        x87_set_full(s, X87_DST(control));
    } else if (x87_underflow(cpu)) {
        x87_put(s, X87_DST(control), x87_indefinite());
    } else {
        return;
    }
    if (control & X87_POP)
        x87_pop(s);
}

/* The masked response to an empty operand of FXCH is the indefinite in its place. */
void x86_helper_x87_exchange(TnCpu *cpu, uint32_t i)
{
    X86State *s = x86_state(cpu);
    unsigned both[2] = { 0, i };
    X86Fp80 old;

    x87_wait(cpu);
    x87_set_c1(s, false);
    if (x87_is_empty(s, 0) || x87_is_empty(s, i)) {
        if (!x87_underflow(cpu))
            return;
        for (unsigned k = 0; k < 2; k++)
            if (x87_is_empty(s, both[k]))
                x87_put(s, both[k], x87_indefinite());
    }
    x87_copy(&old, x87_st(s, 0));
    x87_copy(x87_st(s, 0), x87_st(s, i));
    x87_copy(x87_st(s, i), &old);
}

/* FFREE ST(i), and FFREEP */
void x86_helper_x87_free(TnCpu *cpu, uint32_t control)
{
    X86State *s = x86_state(cpu);

    x87_wait(cpu);
    x87_set_c1(s, false);
    x87_set_empty(s, X87_DST(control));
    if (control & X87_POP)
        x87_pop(s);
}

/* FCMOVcc ST, ST(i); an empty operand faults even when the condition is false. */
void x86_helper_x87_cmov(TnCpu *cpu, uint32_t i, uint32_t condition)
{
    X86State *s = x86_state(cpu);

    x87_wait(cpu);
    if (x87_is_empty(s, 0) || x87_is_empty(s, i)) {
        if (x87_underflow(cpu))
            x87_put(s, 0, x87_indefinite());
        return;
    }
    if (condition)
        *x87_st(s, 0) = *x87_st(s, i);
}
