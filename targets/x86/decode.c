/* SPDX-License-Identifier: MIT */
/*
 * Instruction decoder: prefixes, opcode, ModRM, SIB, displacement and immediates.
 *
 * Intel SDM vol. 2, chapter 2 (instruction format) and appendix A (opcode map). The row and its
 * operand codes come from rows.c. EVEX and XOP are left out: their first bytes are BOUND and POP.
 */
#include "decode.h"

#include <string.h>

#include "rows.h"

enum {
    MAX_LENGTH = 15,
    PREFIX_ES = 0x26, PREFIX_CS = 0x2e, PREFIX_SS = 0x36, PREFIX_DS = 0x3e, PREFIX_FS = 0x64,
    PREFIX_GS = 0x65, PREFIX_OPSIZE = 0x66, PREFIX_ADDRSIZE = 0x67, PREFIX_LOCK = 0xf0,
    PREFIX_REPNE = 0xf2, PREFIX_REP = 0xf3,
    REX_FIRST = 0x40, REX_LAST = 0x4f, REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1,
    VEX3 = 0xc4, VEX2 = 0xc5, ESCAPE_0F = 0x0f, ESCAPE_38 = 0x38, ESCAPE_3A = 0x3a,
};

/* ---- Code bytes ------------------------------------------------------------------------- */

static uint64_t linear_pc(const X86Ctx *c)
{
    return c->code64 ? c->pc : (uint32_t)(c->pc + c->cs_base);
}

/* All that an instruction can have at once, where it lies in the middle of the page. */
static void read_instruction(X86Ctx *c)
{
    const uint8_t *code = tn_ir_code(c->cpu, c->b, linear_pc(c));

    c->n_bytes = code ? MAX_LENGTH : 0;
    if (code)
        memcpy(c->bytes, code, TN_IR_CODE_BYTES);
}

/* Has n bytes read from c->length on. Where that is past the end, c->length is left at MAX_LENGTH;
 * past what can be fetched: NO_BYTES. */
static X86DecodeResult read_on(X86Ctx *c, unsigned n)
{
    while (c->n_bytes < c->length + n) {
        uint64_t linear = c->pc + c->n_bytes;

        if (c->n_bytes == MAX_LENGTH) {
            c->length = MAX_LENGTH;
            return X86_DECODE_TOO_LONG;
        }
        if (!c->code64)
            linear = (uint32_t)(linear + c->cs_base);
        if (!tn_ir_fetch(c->cpu, c->b, linear, &c->bytes[c->n_bytes]))
            return X86_DECODE_NO_BYTES;
        c->n_bytes++;
    }
    return X86_DECODE_OK;
}

static inline X86DecodeResult need(X86Ctx *c, unsigned n)
{
    return TN_LIKELY(c->length + n <= c->n_bytes) ? X86_DECODE_OK : read_on(c, n);
}

static inline X86DecodeResult next_byte(X86Ctx *c, uint8_t *byte)
{
    X86DecodeResult r = need(c, 1);

    if (TN_LIKELY(r == X86_DECODE_OK))
        *byte = c->bytes[c->length++];
    return r;
}

/* A little-endian number of n bytes, sign-extended. */
static X86DecodeResult next_number(X86Ctx *c, unsigned n, int64_t *value)
{
    X86DecodeResult r = need(c, n);
    unsigned up = 64 - 8 * n;
    uint64_t v;

    if (r != X86_DECODE_OK)
        return r;
    memcpy(&v, &c->bytes[c->length], sizeof(v));
    c->length = (uint8_t)(c->length + n);
    *value = n ? (int64_t)(v << up) >> up : 0;
    return X86_DECODE_OK;
}

/* ---- Prefixes and opcode ---------------------------------------------------------------- */

/* The opcode's place, and what precedes it. */
typedef struct Opcode {
    unsigned map;
    uint8_t prefix; /* ENTRY_* bit of the mandatory prefix in force */
} Opcode;

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

/* The last byte read is the first that is no legacy prefix and no REX before another prefix. */
static X86DecodeResult decode_prefixes(X86Ctx *c, uint8_t *byte)
{
    for (;;) {
        X86DecodeResult r = next_byte(c, byte);
        unsigned kind = byte_kinds[*byte];

        if (r != X86_DECODE_OK || kind == BYTE_OPCODE || (kind == BYTE_REX && !c->code64))
            return r;
        if (kind == BYTE_PREFIX)
            take_prefix(c, *byte);
        c->rex = kind == BYTE_REX ? *byte : 0;
    }
}

/* The bytes after C5 or C4 (the first of them is read); sets the fields that VEX carries. */
static X86DecodeResult decode_vex(X86Ctx *c, bool three, uint8_t first, Opcode *o)
{
    static const uint8_t prefixes[] = { ENTRY_NP, ENTRY_66, ENTRY_F3, ENTRY_F2 };
    uint8_t inverted = (uint8_t)~first, last = first;
    X86DecodeResult r;

    /* No VEX in real and v8086 mode (SDM vol. 2, 2.3.2); no other prefix that VEX replaces. */
    if (!(c->mode & MODE_PE) || c->mode & MODE_VM || c->lock || c->rep || c->repne ||
        c->opsize_prefix || c->rex)
        return X86_DECODE_UD;
    o->map = 1;
    c->rex = REX_FIRST | (inverted & 0x80 ? REX_R : 0);
    if (three) {
        c->rex |= (inverted & 0x40 ? REX_X : 0) | (inverted & 0x20 ? REX_B : 0);
        o->map = first & 0x1f;
        r = next_byte(c, &last);
        if (r != X86_DECODE_OK)
            return r;
        c->rex |= last & 0x80 ? REX_W : 0;
    }
    if (!c->code64)
        c->rex &= REX_FIRST | REX_W;
    c->vex = true;
    c->vex_vvvv = (~last >> 3 & 15) & (c->code64 ? 15 : 7);
    c->vex_l = last >> 2 & 1;
    c->vex_pp = last & 3;
    o->prefix = prefixes[c->vex_pp];
    return o->map >= 1 && o->map < X86_N_MAPS ? next_byte(c, &c->opcode) : X86_DECODE_UD;
}

static X86DecodeResult decode_legacy_opcode(X86Ctx *c, uint8_t byte, Opcode *o)
{
    X86DecodeResult r = X86_DECODE_OK;

    o->prefix = c->repne ? ENTRY_F2 : c->rep ? ENTRY_F3 : c->opsize_prefix ? ENTRY_66 : ENTRY_NP;
    if (byte == ESCAPE_0F) {
        o->map = 1;
        r = next_byte(c, &byte);
        if (r == X86_DECODE_OK && (byte == ESCAPE_38 || byte == ESCAPE_3A)) {
            o->map = byte == ESCAPE_38 ? 2 : 3;
            r = next_byte(c, &byte);
        }
    }
    c->opcode = byte;
    return r;
}

static X86DecodeResult decode_opcode(X86Ctx *c, Opcode *o)
{
    uint8_t byte = 0, second;
    X86DecodeResult r = decode_prefixes(c, &byte);

    *o = (Opcode){ 0 };
    if (r != X86_DECODE_OK)
        return r;
    if (byte != VEX2 && byte != VEX3)
        return decode_legacy_opcode(c, byte, o);
    r = next_byte(c, &second);
    if (r != X86_DECODE_OK)
        return r;
    if (c->code64 || (second & 0xc0) == 0xc0)
        return decode_vex(c, byte == VEX3, second, o);
    /* LES or LDS: the byte is their ModRM. */
    c->length--;
    return decode_legacy_opcode(c, byte, o);
}

/* ---- Choice of the row ------------------------------------------------------------------ */

static bool entry_matches(const X86Ctx *c, const X86Entry *e, uint8_t prefix)
{
    bool w = c->rex & REX_W;

    if (!(e->prefixes & prefix))
        return false;
    if ((e->match & ENTRY_MODRM && c->modrm != e->ext) ||
        (e->match & ENTRY_EXT && (c->modrm >> 3 & 7) != e->ext) ||
        (e->match & ENTRY_MEM && c->mod == 3) || (e->match & ENTRY_REG && c->mod != 3) ||
        (e->match & ENTRY_W0 && w) || (e->match & ENTRY_W1 && !w) ||
        (e->match & ENTRY_L0 && c->vex_l) || (e->match & ENTRY_L1 && !c->vex_l))
        return false;
    if (e->row.flags & (c->code64 ? ROW_NO64 : ROW_ONLY64))
        return false;
    return !e->row.feature || x86_has(c->s, e->row.feature);
}

static const X86Entry *choose_entry(const X86Ctx *c, const X86Slot *slot, uint8_t prefix)
{
    if (slot->certain)
        return slot->entries;
    for (unsigned i = 0; i < slot->n; i++) {
        if (entry_matches(c, &slot->entries[i], prefix))
            return &slot->entries[i];
    }
    return NULL;
}

static void set_sizes(X86Ctx *c)
{
    uint32_t flags = c->row->flags;
    bool w = c->rex & REX_W;

    if (c->code64) {
        if (w || flags & ROW_FORCE64 || (flags & ROW_DEF64 && !c->opsize_prefix))
            c->op_size = 8;
        else
            c->op_size = c->opsize_prefix ? 2 : 4;
    } else {
        c->op_size = !(c->mode & MODE_CS32) == c->opsize_prefix ? 4 : 2;
    }
}

/* ---- ModRM and memory operands ---------------------------------------------------------- */

static void set_address_size(X86Ctx *c)
{
    if (c->code64)
        c->addr_size = c->addrsize_prefix ? 4 : 8;
    else
        c->addr_size = !(c->mode & MODE_CS32) == c->addrsize_prefix ? 4 : 2;
}

/* SDM vol. 2, table 2-1. */
static X86DecodeResult decode_mem16(X86Ctx *c)
{
    static const int8_t bases[] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
    static const int8_t indexes[] = { RSI, RDI, RSI, RDI, -1, -1, -1, -1 };
    unsigned rm = c->modrm & 7;

    if (c->mod == 0 && rm == 6) {
        c->mem_base = c->mem_index = -1;
        return next_number(c, 2, &c->mem_disp);
    }
    c->mem_base = bases[rm];
    c->mem_index = indexes[rm];
    c->mem_seg = c->mem_base == RBP ? SS : DS;
    return next_number(c, c->mod, &c->mem_disp);
}

/* SDM vol. 2, tables 2-2 and 2-3. */
static X86DecodeResult decode_mem32(X86Ctx *c)
{
    unsigned rm = c->modrm & 7, base = rm;
    unsigned b = c->rex & REX_B ? 8 : 0;

    c->mem_index = -1;
    if (rm == RSP) {
        uint8_t sib;
        X86DecodeResult r = next_byte(c, &sib);
        if (r != X86_DECODE_OK)
            return r;
        unsigned index = (sib >> 3 & 7) | (c->rex & REX_X ? 8 : 0);
        c->mem_index = index == RSP ? -1 : (int8_t)index;
        c->mem_scale = sib >> 6;
        base = sib & 7;
    }
    if (c->mod == 0 && base == RBP) {
        c->mem_base = -1;
        c->mem_rip = c->code64 && rm == RBP;
        return next_number(c, 4, &c->mem_disp);
    }
    c->mem_base = (int8_t)(base | b);
    c->mem_seg = c->mem_base == RSP || c->mem_base == RBP ? SS : DS;
    return next_number(c, c->mod == 0 ? 0 : c->mod == 1 ? 1 : 4, &c->mem_disp);
}

static X86DecodeResult decode_modrm(X86Ctx *c, unsigned map)
{
    /* MOV to and from control and debug registers takes any mod for 3 (SDM vol. 2, MOV CR). */
    bool control = map == 1 && !c->vex && c->opcode >= 0x20 && c->opcode <= 0x23;
    X86DecodeResult r = next_byte(c, &c->modrm);

    if (r != X86_DECODE_OK)
        return r;
    c->has_modrm = true;
    c->mod = control ? 3 : c->modrm >> 6;
    c->reg = (c->modrm >> 3 & 7) | (c->rex & REX_R ? 8 : 0);
    c->rm = (c->modrm & 7) | (c->rex & REX_B ? 8 : 0);
    return X86_DECODE_OK;
}

static X86DecodeResult decode_memory(X86Ctx *c)
{
    X86DecodeResult r = c->addr_size == 2 ? decode_mem16(c) : decode_mem32(c);

    if (c->seg_override >= 0)
        c->mem_seg = (uint8_t)c->seg_override;
    return r;
}

/* ---- Operands --------------------------------------------------------------------------- */

/* By operand size: 2, 4 and 8 bytes. */
#define BY_OP_SIZE(v) \
    { [OPS_B] = 1, [OPS_W] = 2, [OPS_D] = 4, [OPS_Q] = 8, [OPS_V] = (v), [OPS_Z] = MIN((v), 4), \
      [OPS_P] = (v) + 2, [OPS_DQ] = 16, [OPS_QQ] = 32, [OPS_A] = 2 * (v), [OPS_T] = 10 }

/* Those that depend on more. */
static unsigned operand_bytes_in_mode(const X86Ctx *c, uint8_t size)
{
    bool wide = c->code64 && (c->rex & REX_W || c->row->flags & (ROW_FORCE64 | ROW_DEF64));

    switch ((X86OperandSize)size) {
    case OPS_Y: return wide ? 8 : 4;
    case OPS_X: return c->vex_l ? 32 : 16;
    case OPS_S: return c->code64 ? 10 : 6;
    default: return 0;
    }
}

static inline unsigned operand_bytes(const X86Ctx *c, uint8_t size)
{
    static const uint8_t bytes[][OPS_COUNT] = { BY_OP_SIZE(2), BY_OP_SIZE(4), BY_OP_SIZE(8) };
    unsigned n = bytes[c->op_size / 4][size];

    return TN_LIKELY(n) ? n : operand_bytes_in_mode(c, size);
}

static void set_reg(const X86Ctx *c, X86Operand *op, unsigned reg)
{
    op->kind = OPERAND_REG;
    op->high = op->size == 1 && !c->rex && reg >= RSP && reg <= RDI;
    op->reg = (uint8_t)(op->high ? reg - RSP : reg);
}

static void set_mem(X86Operand *op, const X86Ctx *c, uint8_t size)
{
    op->kind = OPERAND_MEM;
    op->size = (uint8_t)operand_bytes(c, size);
}

uintptr_t x86_late_number(const X86Ctx *c, unsigned n)
{
    return tn_ir_late(c->cpu, c->b, linear_pc(c), c->op[n].at);
}

static void take_late(const X86Ctx *c, X86Operand *op)
{
    uintptr_t late = x86_late_number(c, (unsigned)(op - c->op));

    if (!late)
        return;
    op->kind = OPERAND_LATE;
    op->imm = (int64_t)late;
}

/* Immediates in the order in which they stand in the code. */
static X86DecodeResult decode_immediate(X86Ctx *c, const X86OperandCode *code, X86Operand *op)
{
    int64_t selector;
    X86DecodeResult r;

    op->kind = OPERAND_IMM;
    op->at = c->length;
    if (code->type != OPT_A) {
        r = next_number(c, op->size, &op->imm);
        if (r == X86_DECODE_OK && code->type == OPT_I && op->size == LATE_SIZE)
            take_late(c, op);
        return r;
    }
    r = next_number(c, c->op_size, &op->imm);
    if (r == X86_DECODE_OK)
        r = next_number(c, 2, &selector);
    if (r == X86_DECODE_OK)
        op->imm = (int64_t)((uint64_t)(uint16_t)selector << 32 |
                            ((uint64_t)op->imm & (c->op_size == 2 ? 0xffffu : 0xffffffffu)));
    return r;
}

/* The /is4 byte: the register in the high nibble, the low one left to the instruction. */
static X86DecodeResult decode_is4(X86Ctx *c, X86Operand *op)
{
    int64_t byte = 0;
    X86DecodeResult r = next_number(c, 1, &byte);

    op->kind = OPERAND_VEC;
    op->reg = (uint8_t)(byte >> 4 & (c->code64 ? 15 : 7));
    op->imm = byte & 15;
    return r;
}

static X86DecodeResult decode_moffs(X86Ctx *c, X86Operand *op)
{
    X86DecodeResult r = next_number(c, c->addr_size, &c->mem_disp);

    op->kind = OPERAND_MEM;
    c->mem_base = c->mem_index = -1;
    c->mem_seg = c->seg_override >= 0 ? (uint8_t)c->seg_override : DS;
    return r;
}

/* Operands in the ModRM byte's rm field that may be memory, or must be a register. */
static void set_rm(X86Ctx *c, const X86OperandCode *code, X86Operand *op)
{
    if (c->mod != 3) {
        set_mem(op, c, code->mem_size);
        return;
    }
    switch ((X86OperandType)code->type) {
    case OPT_E: case OPT_R: case OPT_M:
        set_reg(c, op, c->rm);
        break;
    case OPT_W: case OPT_U:
        op->kind = OPERAND_VEC;
        op->reg = c->rm;
        break;
    default: /* Q N */
        op->kind = OPERAND_MMX;
        op->reg = c->rm & 7;
    }
}

static X86DecodeResult decode_operand(X86Ctx *c, const X86OperandCode *code, X86Operand *op)
{
    *op = (X86Operand){ .size = (uint8_t)operand_bytes(c, code->size) };
    switch ((X86OperandType)code->type) {
    case OPT_E: case OPT_M: case OPT_R: case OPT_W: case OPT_U: case OPT_Q: case OPT_N:
        set_rm(c, code, op);
        break;
    case OPT_G:
        set_reg(c, op, c->reg);
        break;
    case OPT_B:
        set_reg(c, op, c->vex_vvvv);
        break;
    case OPT_Z:
        set_reg(c, op, (c->opcode & 7) | (c->rex & REX_B ? 8 : 0));
        break;
    case OPT_REG:
        op->kind = OPERAND_REG;
        op->reg = code->reg;
        break;
    case OPT_HIGH:
        *op = (X86Operand){ .kind = OPERAND_REG, .size = 1, .reg = code->reg, .high = true };
        break;
    case OPT_S:
        *op = (X86Operand){ .kind = OPERAND_SEG, .size = 2, .reg = c->modrm >> 3 & 7 };
        return op->reg < X86_N_SEGS ? X86_DECODE_OK : X86_DECODE_UD;
    case OPT_SEG:
        *op = (X86Operand){ .kind = OPERAND_SEG, .size = 2, .reg = code->reg };
        break;
    case OPT_C: case OPT_D:
        op->kind = code->type == OPT_C ? OPERAND_CR : OPERAND_DR;
        op->reg = c->reg;
        break;
    case OPT_V: case OPT_H:
        op->kind = OPERAND_VEC;
        op->reg = code->type == OPT_V ? c->reg : c->vex_vvvv;
        break;
    case OPT_P:
        op->kind = OPERAND_MMX;
        op->reg = c->reg & 7;
        break;
    case OPT_I: case OPT_J: case OPT_A:
        return decode_immediate(c, code, op);
    case OPT_L:
        return decode_is4(c, op);
    case OPT_O:
        return decode_moffs(c, op);
    case OPT_ONE:
        *op = (X86Operand){ .kind = OPERAND_IMM, .size = 1, .imm = 1 };
        break;
    case OPT_ST0: case OPT_STI:
        op->kind = OPERAND_ST;
        op->reg = code->type == OPT_ST0 ? 0 : c->modrm & 7;
        break;
    case OPT_X: case OPT_Y: case OPT_NONE:
        break;
    }
    return X86_DECODE_OK;
}

static X86DecodeResult decode_operands(X86Ctx *c, const X86Entry *e)
{
    X86DecodeResult r = X86_DECODE_OK;

    for (unsigned i = 0; i < e->n_ops && r == X86_DECODE_OK; i++)
        r = decode_operand(c, &e->op[i], &c->op[i]);
    return r;
}

static void finish(X86Ctx *c)
{
    c->next_pc = c->pc + c->length;
    if (!c->code64)
        c->next_pc = (uint32_t)c->next_pc;
    if (c->mem_rip) {
        c->mem_disp = (int64_t)((uint64_t)c->mem_disp + c->next_pc);
        if (c->addr_size == 4)
            c->mem_disp = (uint32_t)c->mem_disp;
    }
}

static void clear_insn(X86Ctx *c)
{
    memset(&c->length, 0, offsetof(X86Ctx, code64) - offsetof(X86Ctx, length));
    c->seg_override = -1;
    c->mem_seg = DS;
    c->mem_base = c->mem_index = -1;
    c->row = NULL;
}

X86DecodeResult x86_decode(X86Ctx *c)
{
    Opcode o;
    X86DecodeResult r;
    const X86Entry *e;

    clear_insn(c);
    read_instruction(c);
    r = decode_opcode(c, &o);
    if (r != X86_DECODE_OK)
        return r;
    c->map = (uint8_t)o.map;
    const X86Slot *slot = x86_rows_slot(c->vex, o.map, c->opcode);
    set_address_size(c);
    if (slot->n && slot->has_modrm) {
        r = decode_modrm(c, o.map);
        if (r != X86_DECODE_OK)
            return r;
    }
    e = choose_entry(c, slot, o.prefix);
    if (slot->has_modrm && c->mod != 3)
        r = decode_memory(c);
    if (!e || r != X86_DECODE_OK)
        return r != X86_DECODE_OK ? r : X86_DECODE_UD;
    c->row = &e->row;
    set_sizes(c);
    r = decode_operands(c, e);
    finish(c);
    return r;
}
