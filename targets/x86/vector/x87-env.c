/* SPDX-License-Identifier: MIT */
/*
 * The x87: helpers of control instructions: control and status word, environment and whole state
 * in their 16- and 32-bit layouts of real and protected mode (Intel SDM vol. 1, 8.1.10).
 */
#include "x87.h"

#include <string.h>

#include "helpers-vector.h"

void x86_helper_x87_init(TnCpu *cpu)
{
    X86State *s = x86_state(cpu);

    x86_x87_sync(cpu);
    s->fcw = FCW_INIT;
    s->ftop = 0;
    s->ftag_empty = 0xff;
    s->fop = s->fcs = s->fds = 0;
    s->fip = s->fdp = 0;
    s->fsw &= FSW_ES;
    x87_settle(cpu);
}

void x86_helper_x87_clear_exceptions(TnCpu *cpu)
{
    x86_x87_sync(cpu);
    x86_state(cpu)->fsw &= (uint16_t)~(FSW_FLAGS | FSW_SF);
    x87_settle(cpu);
}

static void load_control(X86State *s, uint16_t fcw)
{
    s->fcw = (uint16_t)((fcw & FCW_VALID) | FCW_ONE);
}

void x86_helper_x87_load_control(TnCpu *cpu, uint32_t fcw)
{
    x87_wait(cpu);
    x86_state(cpu)->x87_unmasking = false;
    load_control(x86_state(cpu), (uint16_t)fcw);
    x87_settle(cpu);
}

/* ---- Tag word --------------------------------------------------------------------------- */

enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

static unsigned register_tag(const X86State *s, unsigned phys)
{
    const X86Fp80 *r = &s->st[phys];
    unsigned exponent = r->sign_exponent & FP80_EXPONENT;

    if (s->ftag_empty >> phys & 1)
        return TAG_EMPTY;
    if (exponent == 0)
        return r->mantissa ? TAG_SPECIAL : TAG_ZERO;
    return exponent == FP80_EXPONENT || !(r->mantissa & FP80_INTEGER_BIT) ? TAG_SPECIAL : TAG_VALID;
}

static uint16_t tag_word(const X86State *s)
{
    uint16_t tags = 0;

    for (unsigned i = 0; i < 8; i++)
        tags |= (uint16_t)(register_tag(s, i) << 2 * i);
    return tags;
}

static void set_tag_word(X86State *s, uint16_t tags)
{
    s->ftag_empty = 0;
    for (unsigned i = 0; i < 8; i++)
        if ((tags >> 2 * i & 3) == TAG_EMPTY)
            s->ftag_empty |= (uint8_t)(1u << i);
}

/* ---- Environment ------------------------------------------------------------------------ */

/* The layouts have seven fields each; 32-bit ones have 16 unused bits in most of them, all ones. */
enum { ENV_FCW, ENV_FSW, ENV_FTW, ENV_FIP, ENV_FCS, ENV_FDP, ENV_FDS, ENV_N };
/* control of the helpers: the operand size in bytes; the real-mode layout */
enum { ENV_SIZE = 15, FOP_BITS = 0x7ff };

static unsigned env_bytes(uint32_t control)
{
    return ENV_N * (control & ENV_SIZE);
}

static void fill_env(const X86State *s, uint32_t control, uint32_t f[ENV_N])
{
    bool wide = (control & ENV_SIZE) == 4;
    uint32_t unused = 0xffff0000;

    f[ENV_FCW] = unused | s->fcw;
    f[ENV_FSW] = unused | (s->fsw & ~(uint32_t)FSW_TOP) | (uint32_t)s->ftop << FSW_TOP_SHIFT;
    f[ENV_FTW] = unused | tag_word(s);
    if (control & X87_ENV_REAL) {
        uint32_t fip = (uint32_t)s->fip + ((uint32_t)s->fcs << 4);
        uint32_t fdp = (uint32_t)s->fdp + ((uint32_t)s->fds << 4);
        f[ENV_FIP] = (fip & 0xffff) | (wide ? unused : 0);
        f[ENV_FCS] = (fip >> 16 << 12 & 0x0ffff000) | (s->fop & FOP_BITS);
        f[ENV_FDP] = (fdp & 0xffff) | (wide ? unused : 0);
        f[ENV_FDS] = fdp >> 16 << 12 & 0x0ffff000;
        return;
    }
    f[ENV_FIP] = (uint32_t)s->fip;
    f[ENV_FCS] = s->fcs | (uint32_t)(s->fop & FOP_BITS) << 16;
    f[ENV_FDP] = (uint32_t)s->fdp;
    f[ENV_FDS] = unused | s->fds;
}

static void pack_env(const X86State *s, uint32_t control, uint8_t *mem)
{
    uint32_t f[ENV_N];

    fill_env(s, control, f);
    for (unsigned i = 0; i < ENV_N; i++)
        memcpy(mem + i * (control & ENV_SIZE), &f[i], control & ENV_SIZE);
}

static void load_pointers(X86State *s, uint32_t control, const uint32_t f[ENV_N])
{
    bool wide = (control & ENV_SIZE) == 4;

    if (control & X87_ENV_REAL) {
        s->fip = (f[ENV_FIP] & 0xffff) | (f[ENV_FCS] >> 12 & 0xffff) << 16;
        s->fdp = (f[ENV_FDP] & 0xffff) | (f[ENV_FDS] >> 12 & 0xffff) << 16;
        s->fop = f[ENV_FCS] & FOP_BITS;
        s->fcs = s->fds = 0;
        return;
    }
    s->fip = f[ENV_FIP];
    s->fcs = (uint16_t)f[ENV_FCS];
    s->fdp = f[ENV_FDP];
    s->fds = (uint16_t)f[ENV_FDS];
    s->fop = wide ? f[ENV_FCS] >> 16 & FOP_BITS : 0;
}

static void unpack_env(TnCpu *cpu, uint32_t control, const uint8_t *mem)
{
    X86State *s = x86_state(cpu);
    uint32_t f[ENV_N] = { 0 };

    for (unsigned i = 0; i < ENV_N; i++)
        memcpy(&f[i], mem + i * (control & ENV_SIZE), control & ENV_SIZE);
    load_control(s, (uint16_t)f[ENV_FCW]);
    s->ftop = f[ENV_FSW] >> FSW_TOP_SHIFT & 7;
    /* ES stays for x87_settle() to see the change. */
    s->fsw = (uint16_t)((f[ENV_FSW] & ~(uint32_t)(FSW_TOP | FSW_ES | FSW_B)) | (s->fsw & FSW_ES));
    set_tag_word(s, (uint16_t)f[ENV_FTW]);
    load_pointers(s, control, f);
    x87_settle(cpu);
}

void x86_helper_x87_store_env(TnCpu *cpu, uint64_t addr, uint32_t control, uint32_t mmu)
{
    X86State *s = x86_state(cpu);
    uint8_t mem[4 * ENV_N];

    x86_x87_sync(cpu);
    pack_env(s, control, mem);
    tn_st_bytes(cpu, addr, mem, env_bytes(control), mmu);
    s->fcw |= FSW_FLAGS;
    x87_settle(cpu);
}

void x86_helper_x87_load_env(TnCpu *cpu, uint64_t addr, uint32_t control, uint32_t mmu)
{
    uint8_t mem[4 * ENV_N];

    x87_wait(cpu);
    tn_ld_bytes(cpu, addr, mem, env_bytes(control), mmu);
    unpack_env(cpu, control, mem);
}

/* ---- Whole state ------------------------------------------------------------------------ */

enum { ST_BYTES = 10, SAVE_MAX = 4 * ENV_N + 8 * ST_BYTES };

void x86_helper_x87_save(TnCpu *cpu, uint64_t addr, uint32_t control, uint32_t mmu)
{
    X86State *s = x86_state(cpu);
    uint8_t mem[SAVE_MAX];
    unsigned at = env_bytes(control);

    x86_x87_sync(cpu);
    pack_env(s, control, mem);
    for (unsigned i = 0; i < 8; i++, at += ST_BYTES)
        memcpy(mem + at, x87_st(s, i)->bytes, ST_BYTES);
    tn_st_bytes(cpu, addr, mem, at, mmu);
    x86_helper_x87_init(cpu);
}

void x86_helper_x87_restore(TnCpu *cpu, uint64_t addr, uint32_t control, uint32_t mmu)
{
    X86State *s = x86_state(cpu);
    uint8_t mem[SAVE_MAX];
    unsigned at = env_bytes(control);

    x87_wait(cpu);
    tn_ld_bytes(cpu, addr, mem, at + 8 * ST_BYTES, mmu);
    unpack_env(cpu, control, mem);
    for (unsigned i = 0; i < 8; i++, at += ST_BYTES)
        memcpy(x87_st(s, i)->bytes, mem + at, ST_BYTES);
}
