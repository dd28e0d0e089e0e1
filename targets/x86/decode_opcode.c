/* SPDX-License-Identifier: MIT */
/*
 * The decoder's prefixes and opcode maps: Intel SDM vol. 2, 2.1.1 (legacy prefixes), 2.2.1 (REX), 2.3
 * (VEX) and appendix A. EVEX and XOP are left out: their first bytes are BOUND and POP.
 */
#include "decode_parts.h"

enum {
    PREFIX_ES = 0x26, PREFIX_CS = 0x2e, PREFIX_SS = 0x36, PREFIX_DS = 0x3e,
    PREFIX_OPSIZE = 0x66, PREFIX_ADDRSIZE = 0x67, PREFIX_LOCK = 0xf0,
    PREFIX_REPNE = 0xf2, PREFIX_REP = 0xf3,
    ESCAPE_38 = 0x38, ESCAPE_3A = 0x3a,
    VEX3 = 0xc4, VEX2 = 0xc5,
    VEX_R = 0x80, VEX_X = 0x40, VEX_B = 0x20, VEX_MAP = 0x1f, /* of the first byte */
    VEX_W = 0x80,                                             /* of the last of three */
};

enum { BYTE_OPCODE, BYTE_PREFIX, BYTE_REX }; /* what a byte may be before the opcode */

static const uint8_t byte_kinds[256] = {
    [PREFIX_ES] = BYTE_PREFIX, [PREFIX_CS] = BYTE_PREFIX, [PREFIX_SS] = BYTE_PREFIX,
    [PREFIX_DS] = BYTE_PREFIX, [PREFIX_FS] = BYTE_PREFIX, [PREFIX_GS] = BYTE_PREFIX,
    [PREFIX_OPSIZE] = BYTE_PREFIX, [PREFIX_ADDRSIZE] = BYTE_PREFIX, [PREFIX_LOCK] = BYTE_PREFIX,
    [PREFIX_REPNE] = BYTE_PREFIX, [PREFIX_REP] = BYTE_PREFIX,
    [REX_FIRST ... REX_LAST] = BYTE_REX,
};

static void take_prefix(X86Ctx *c, uint8_t byte)
{
    static const int8_t segs[] = { [PREFIX_ES] = ES, [PREFIX_CS] = CS, [PREFIX_SS] = SS,
                                   [PREFIX_DS] = DS, [PREFIX_FS] = FS, [PREFIX_GS] = GS };

    switch (byte) {
    case PREFIX_ES: case PREFIX_CS: case PREFIX_SS: case PREFIX_DS:
        if (!c->code64)
            c->seg_override = segs[byte];
        break;
    case PREFIX_FS: case PREFIX_GS:
        c->seg_override = segs[byte];
        break;
    case PREFIX_OPSIZE:
        c->opsize_prefix = true;
        break;
    case PREFIX_ADDRSIZE:
        c->addrsize_prefix = true;
        break;
    case PREFIX_LOCK:
        c->lock = true;
        break;
    default:
        c->repne = byte == PREFIX_REPNE;
        c->rep = byte == PREFIX_REP;
        break;
    }
}

/* Gives the first byte that is no legacy prefix and no REX before another prefix. */
static uint8_t decode_prefixes(X86Ctx *c, X86Cursor *at)
{
    for (;;) {
        uint8_t byte = x86_next_byte(at);
        unsigned kind = byte_kinds[byte];

        if (kind == BYTE_OPCODE || (kind == BYTE_REX && !c->code64))
            return byte;
        if (kind == BYTE_PREFIX)
            take_prefix(c, byte);
        c->rex = kind == BYTE_REX ? byte : 0;
    }
}

/* The bytes after C5 or C4; sets the fields that VEX carries. False where there is no such
 * instruction. */
static bool decode_vex(X86Ctx *c, X86Cursor *at, bool three, uint8_t *prefix)
{
    static const uint8_t prefixes[] = { ENTRY_NP, ENTRY_66, ENTRY_F3, ENTRY_F2 };
    uint8_t first = x86_next_byte(at), last = first, inverted = (uint8_t)~first;

    /* No VEX in real and v8086 mode (SDM vol. 2, 2.3.2); no other prefix that VEX replaces. */
    if (!(c->mode & MODE_PE) || c->mode & MODE_VM || c->lock || c->rep || c->repne ||
        c->opsize_prefix || c->rex)
        return false;
    c->map = 1;
    c->rex = REX_FIRST | (inverted & VEX_R ? REX_R : 0);
    if (three) {
        c->rex |= (inverted & VEX_X ? REX_X : 0) | (inverted & VEX_B ? REX_B : 0);
        c->map = first & VEX_MAP;
        last = x86_next_byte(at);
        c->rex |= last & VEX_W ? REX_W : 0;
    }
    if (!c->code64)
        c->rex &= REX_FIRST | REX_W;
    c->vex = true;
    c->vex_vvvv = (~last >> 3 & 15) & (c->code64 ? 15 : 7);
    c->vex_l = last >> 2 & 1;
    c->vex_pp = last & 3;
    *prefix = prefixes[c->vex_pp];
    if (c->map < 1 || c->map >= X86_N_MAPS)
        return false;
    c->opcode = x86_next_byte(at);
    return true;
}

static void decode_legacy_opcode(X86Ctx *c, X86Cursor *at, uint8_t byte, uint8_t *prefix)
{
    *prefix = c->repne ? ENTRY_F2 : c->rep ? ENTRY_F3 : c->opsize_prefix ? ENTRY_66 : ENTRY_NP;
    if (byte == ESCAPE_0F) {
        c->map = 1;
        byte = x86_next_byte(at);
        if (byte == ESCAPE_38 || byte == ESCAPE_3A) {
            c->map = byte == ESCAPE_38 ? 2 : 3;
            byte = x86_next_byte(at);
        }
    }
    c->opcode = byte;
}

/* C5 and C4 are LES and LDS where what follows is no VEX but a ModRM byte for memory. */
static bool is_vex(const X86Ctx *c, uint8_t byte, uint8_t next)
{
    return (byte == VEX2 || byte == VEX3) && (c->code64 || next >> 6 == 3);
}

bool x86_decode_opcode(X86Ctx *c, X86Cursor *at, uint8_t *prefix)
{
    uint8_t byte = decode_prefixes(c, at);

    if (is_vex(c, byte, **at))
        return decode_vex(c, at, byte == VEX3, prefix);
    decode_legacy_opcode(c, at, byte, prefix);
    return true;
}
