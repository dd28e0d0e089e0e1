/* SPDX-License-Identifier: MIT */
/*
 * The debugger's registers: the order of GDB's features org.gnu.gdb.i386.core and .sse for
 * i386:x86-64 ("64bit-core.xml", "64bit-sse.xml"), or for i386 ("32bit-core.xml", "32bit-sse.xml").
 */
#include "system.h"

#include <string.h>

/* One row a group: how many registers, of how many bytes. */
typedef enum GdbGroup {
    GDB_GENERAL,
    GDB_PC,
    GDB_FLAGS,
    GDB_SEGMENT,
    GDB_ST,
    GDB_FPU,
    GDB_XMM,
    GDB_MXCSR,
    GDB_N_GROUPS
} GdbGroup;

typedef struct GdbLayout {
    uint8_t count[GDB_N_GROUPS];
    uint8_t bytes[GDB_N_GROUPS];
} GdbLayout;

static const GdbLayout layout64 = { { 16, 1, 1, 6, 8, 8, 16, 1 }, { 8, 8, 4, 4, 10, 4, 16, 4 } };
static const GdbLayout layout32 = { { 8, 1, 1, 6, 8, 8, 8, 1 }, { 4, 4, 4, 4, 10, 4, 16, 4 } };

static const uint8_t order64[] = { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP,
                                   R8,  R9,  R10, R11, R12, R13, R14, R15 };
static const uint8_t segment_order[] = { CS, SS, DS, ES, FS, GS };

static bool gdb_is64(const X86State *s)
{
    return x86_has_feature(s, X86_FEATURE_LM);
}

static bool gdb_locate(const X86State *s, unsigned reg, GdbGroup *group, unsigned *n,
                       unsigned *bytes)
{
    const GdbLayout *l = gdb_is64(s) ? &layout64 : &layout32;

    for (unsigned g = 0; g < GDB_N_GROUPS; g++) {
        if (reg < l->count[g]) {
            *group = (GdbGroup)g;
            *n = reg;
            *bytes = l->bytes[g];
            return true;
        }
        reg -= l->count[g];
    }
    return false;
}

/* fctrl fstat ftag fiseg fioff foseg fooff fop */
static uint32_t gdb_fpu(const X86State *s, unsigned n)
{
    uint32_t tags = 0;

    for (unsigned i = 0; i < 8; i++)
        tags |= s->ftag_empty >> i & 1 ? 3u << i * 2 : 0;
    const uint32_t values[] = { s->fcw,
                                (uint32_t)(s->fsw | s->ftop << 11),
                                tags,
                                s->fcs,
                                (uint32_t)s->fip,
                                s->fds,
                                (uint32_t)s->fdp,
                                s->fop };
    return values[n];
}

bool x86_gdb_read(TnCpu *cpu, unsigned reg, GByteArray *out)
{
    const X86State *s = x86_state(cpu);
    GdbGroup group;
    unsigned n, bytes;
    uint64_t value = 0;

    if (!gdb_locate(s, reg, &group, &n, &bytes))
        return false;
    switch (group) {
    case GDB_GENERAL:
        value = s->regs[gdb_is64(s) ? order64[n] : n];
        break;
    case GDB_PC:
        value = s->rip;
        break;
    case GDB_FLAGS:
        value = x86_eflags(s);
        break;
    case GDB_SEGMENT:
        value = s->seg[segment_order[n]].selector;
        break;
    case GDB_ST:
        g_byte_array_append(out, s->st[(s->ftop + n) & 7].bytes, 10);
        return true;
    case GDB_FPU:
        value = gdb_fpu(s, n);
        break;
    case GDB_XMM:
        g_byte_array_append(out, s->ymm[n].u8, 16);
        return true;
    default:
        value = s->mxcsr;
        break;
    }
    g_byte_array_append(out, (const guint8 *)&value, bytes);
    return true;
}

/* Selectors load as the mode says where that can be done without a fault: real and v8086 mode. */
static void gdb_write_segment(TnCpu *cpu, unsigned seg, uint32_t selector)
{
    X86State *s = x86_state(cpu);

    if (!x86_segmented(s))
        x86_load_seg_real(cpu, seg, selector);
}

static void gdb_write_fpu(X86State *s, unsigned n, uint32_t value)
{
    switch (n) {
    case 0:
        s->fcw = (uint16_t)value;
        break;
    case 1:
        s->ftop = value >> 11 & 7;
        s->fsw = value & ~0x3800u & 0xffff;
        break;
    case 2:
        s->ftag_empty = 0;
        for (unsigned i = 0; i < 8; i++)
            s->ftag_empty |= (uint8_t)(((value >> i * 2 & 3) == 3) << i);
        break;
    default:
        break;
    }
}

bool x86_gdb_write(TnCpu *cpu, unsigned reg, const uint8_t *data, size_t size)
{
    X86State *s = x86_state(cpu);
    GdbGroup group;
    unsigned n, bytes;
    uint64_t value = 0;

    if (!gdb_locate(s, reg, &group, &n, &bytes) || size < bytes)
        return false;
    memcpy(&value, data, MIN(bytes, sizeof(value)));
    switch (group) {
    case GDB_GENERAL:
        s->regs[gdb_is64(s) ? order64[n] : n] = value;
        break;
    case GDB_PC:
        s->rip = value;
        break;
    case GDB_FLAGS:
        x86_set_eflags(s, (uint32_t)value);
        break;
    case GDB_SEGMENT:
        gdb_write_segment(cpu, segment_order[n], (uint32_t)value);
        break;
    case GDB_ST:
        memcpy(s->st[(s->ftop + n) & 7].bytes, data, 10);
        break;
    case GDB_FPU:
        gdb_write_fpu(s, n, (uint32_t)value);
        break;
    case GDB_XMM:
        memcpy(s->ymm[n].u8, data, 16);
        break;
    default:
        s->mxcsr = (uint32_t)value & 0xffff;
        break;
    }
    x86_update_mode(cpu);
    return true;
}
