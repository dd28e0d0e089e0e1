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

/*
 * Decoding reads c->bytes as if all of them were there. Where the instruction turns out to be longer
 * than what has been read of it, one byte more is read and it is decoded again; but that is only near
 * the end of a page.
 */
static uint64_t linear_pc(const X86Ctx *c)
{
    return c->code64 ? c->pc : (uint32_t)(c->pc + c->cs_base);
}

/* All that an instruction can have at once, where it lies in the middle of the page. */
static void read_instruction(X86Ctx *c)
{
    const uint8_t *code = tn_ir_code(c->cpu, c->b, linear_pc(c));

    c->n_bytes = code ? MAX_LENGTH : 0;
    if (TN_LIKELY(code))
        memcpy(c->bytes, code, TN_IR_CODE_BYTES);
}

static X86DecodeResult read_on(X86Ctx *c)
{
    uint64_t linear = c->pc + c->n_bytes;

    if (c->n_bytes == MAX_LENGTH) {
        c->length = MAX_LENGTH;
        return X86_DECODE_TOO_LONG;
    }
    if (!c->code64)
        linear = (uint32_t)(linear + c->cs_base);
    if (!tn_ir_fetch(c->cpu, c->b, linear, &c->bytes[c->n_bytes])) {
        c->length = c->n_bytes;
        return X86_DECODE_NO_BYTES;
    }
    c->n_bytes++;
    return X86_DECODE_OK;
}

/* Where decoding is in c->bytes. */
typedef const uint8_t *Cursor;

static inline uint8_t next_byte(Cursor *at)
{
    return *(*at)++;
}

/* A little-endian number of n bytes, sign-extended. */
static inline int64_t next_number(Cursor *at, unsigned n)
{
    unsigned up = 64 - 8 * n;
    uint64_t v;

    memcpy(&v, *at, sizeof(v));
    *at += n;
    return n ? (int64_t)(v << up) >> up : 0;
}

/* ---- Prefixes and opcode ---------------------------------------------------------------- */

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
static uint8_t decode_prefixes(X86Ctx *c, Cursor *at)
{
    for (;;) {
        uint8_t byte = next_byte(at);
        unsigned kind = byte_kinds[byte];

        if (kind == BYTE_OPCODE || (kind == BYTE_REX && !c->code64))
            return byte;
        if (kind == BYTE_PREFIX)
            take_prefix(c, byte);
        c->rex = kind == BYTE_REX ? byte : 0;
    }
}

/* The bytes after C5 or C4 (the first of them is read); sets the fields that VEX carries. False
 * where there is no such instruction. */
static bool decode_vex(X86Ctx *c, Cursor *at, bool three, uint8_t first, uint8_t *prefix)
{
    static const uint8_t prefixes[] = { ENTRY_NP, ENTRY_66, ENTRY_F3, ENTRY_F2 };
    uint8_t inverted = (uint8_t)~first, last = first;

    /* No VEX in real and v8086 mode (SDM vol. 2, 2.3.2); no other prefix that VEX replaces. */
    if (!(c->mode & MODE_PE) || c->mode & MODE_VM || c->lock || c->rep || c->repne ||
        c->opsize_prefix || c->rex)
        return false;
    c->map = 1;
    c->rex = REX_FIRST | (inverted & 0x80 ? REX_R : 0);
    if (three) {
        c->rex |= (inverted & 0x40 ? REX_X : 0) | (inverted & 0x20 ? REX_B : 0);
        c->map = first & 0x1f;
        last = next_byte(at);
        c->rex |= last & 0x80 ? REX_W : 0;
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
    c->opcode = next_byte(at);
    return true;
}

static bool decode_legacy_opcode(X86Ctx *c, Cursor *at, uint8_t byte, uint8_t *prefix)
{
    *prefix = c->repne ? ENTRY_F2 : c->rep ? ENTRY_F3 : c->opsize_prefix ? ENTRY_66 : ENTRY_NP;
    if (byte == ESCAPE_0F) {
        c->map = 1;
        byte = next_byte(at);
        if (byte == ESCAPE_38 || byte == ESCAPE_3A) {
            c->map = byte == ESCAPE_38 ? 2 : 3;
            byte = next_byte(at);
        }
    }
    c->opcode = byte;
    return true;
}

/* Sets map and opcode; `prefix` is the ENTRY_* bit of the mandatory prefix in force. */
static bool decode_opcode(X86Ctx *c, Cursor *at, uint8_t *prefix)
{
    uint8_t byte = decode_prefixes(c, at), second;

    if (byte != VEX2 && byte != VEX3)
        return decode_legacy_opcode(c, at, byte, prefix);
    second = next_byte(at);
    if (c->code64 || (second & 0xc0) == 0xc0)
        return decode_vex(c, at, byte == VEX3, second, prefix);
    /* LES or LDS: the byte is their ModRM. */
    (*at)--;
    return decode_legacy_opcode(c, at, byte, prefix);
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

static inline bool is_wide(const X86Ctx *c)
{
    return c->code64 && (c->rex & REX_W || c->row->flags & ROW_FORCE64 ||
                         (c->row->flags & ROW_DEF64 && !c->opsize_prefix));
}

static void set_operand_size(X86Ctx *c)
{
    if (is_wide(c))
        c->op_size = 8;
    else if (c->opsize_prefix)
        c->op_size = c->plain_op_size == 4 ? 2 : 4;
    else
        c->op_size = c->plain_op_size;
}

static void set_address_size(X86Ctx *c)
{
    if (c->addrsize_prefix)
        c->addr_size = c->plain_addr_size == 4 ? 2 : 4;
    else
        c->addr_size = c->plain_addr_size;
}

/* ---- ModRM and memory operands ---------------------------------------------------------- */

/* SDM vol. 2, table 2-1. */
static void decode_mem16(X86Ctx *c, Cursor *at)
{
    static const int8_t bases[] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
    static const int8_t indexes[] = { RSI, RDI, RSI, RDI, -1, -1, -1, -1 };
    unsigned rm = c->modrm & 7;

    if (c->mod == 0 && rm == 6) {
        c->mem_disp = next_number(at, 2);
        return;
    }
    c->mem_base = bases[rm];
    c->mem_index = indexes[rm];
    c->mem_seg = c->mem_base == RBP ? SS : DS;
    c->mem_disp = next_number(at, c->mod);
}

/* SDM vol. 2, tables 2-2 and 2-3. */
static inline void decode_mem32(X86Ctx *c, Cursor *at)
{
    unsigned rm = c->modrm & 7, base = rm;

    if (rm == RSP) {
        uint8_t sib = next_byte(at);
        unsigned index = (sib >> 3 & 7) | (c->rex & REX_X ? 8 : 0);
        c->mem_index = index == RSP ? -1 : (int8_t)index;
        c->mem_scale = sib >> 6;
        base = sib & 7;
    }
    if (c->mod == 0 && base == RBP) {
        c->mem_rip = c->code64 && rm == RBP;
        c->mem_disp = next_number(at, 4);
        return;
    }
    c->mem_base = (int8_t)(base | (c->rex & REX_B ? 8 : 0));
    c->mem_seg = c->mem_base == RSP || c->mem_base == RBP ? SS : DS;
    if (c->mod)
        c->mem_disp = next_number(at, c->mod == 1 ? 1 : 4);
}

static inline void decode_modrm(X86Ctx *c, Cursor *at)
{
    /* MOV to and from control and debug registers takes any mod for 3 (SDM vol. 2, MOV CR). */
    bool control = c->map == 1 && !c->vex && c->opcode >= 0x20 && c->opcode <= 0x23;

    c->modrm = next_byte(at);
    c->has_modrm = true;
    c->mod = control ? 3 : c->modrm >> 6;
    c->reg = (c->modrm >> 3 & 7) | (c->rex & REX_R ? 8 : 0);
    c->rm = (c->modrm & 7) | (c->rex & REX_B ? 8 : 0);
}

/* Gives the end of it. */
static Cursor decode_memory(X86Ctx *c, Cursor at)
{
    if (c->addr_size == 2)
        decode_mem16(c, &at);
    else
        decode_mem32(c, &at);
    if (c->seg_override >= 0)
        c->mem_seg = (uint8_t)c->seg_override;
    return at;
}

/* ---- Operands --------------------------------------------------------------------------- */

/* By operand size: 2, 4 and 8 bytes. */
#define BY_OP_SIZE(v) \
    { [OPS_B] = 1, [OPS_W] = 2, [OPS_D] = 4, [OPS_Q] = 8, [OPS_V] = (v), [OPS_Z] = MIN((v), 4), \
      [OPS_P] = (v) + 2, [OPS_DQ] = 16, [OPS_QQ] = 32, [OPS_A] = 2 * (v), [OPS_T] = 10 }

/* Those that depend on more. */
static uint8_t operand_bytes_in_mode(const X86Ctx *c, uint8_t size)
{
    bool wide = c->code64 && (c->rex & REX_W || c->row->flags & (ROW_FORCE64 | ROW_DEF64));

    switch ((X86OperandSize)size) {
    case OPS_Y: return wide ? 8 : 4;
    case OPS_X: return c->vex_l ? 32 : 16;
    case OPS_S: return c->code64 ? 10 : 6;
    default: return 0;
    }
}

static inline uint8_t operand_bytes(const X86Ctx *c, uint8_t size)
{
    static const uint8_t bytes[][OPS_COUNT] = { BY_OP_SIZE(2), BY_OP_SIZE(4), BY_OP_SIZE(8) };
    uint8_t n = bytes[c->op_size / 4][size];

    return TN_LIKELY(n) ? n : operand_bytes_in_mode(c, size);
}

static inline void set_reg(const X86Ctx *c, const X86OperandCode *code, X86Operand *op,
                           unsigned reg)
{
    op->kind = OPERAND_REG;
    op->size = operand_bytes(c, code->size);
    op->reg = (uint8_t)reg;
    if (op->size == 1 && !c->rex && reg >= RSP && reg <= RDI) {
        op->high = true;
        op->reg = (uint8_t)(reg - RSP);
    }
}

/* The register in the opcode's low bits. */
static inline unsigned opcode_reg(const X86Ctx *c)
{
    return (c->opcode & 7) | (c->rex & REX_B ? 8 : 0);
}

uintptr_t x86_late_number(const X86Ctx *c, unsigned n)
{
    return tn_ir_late(c->cpu, c->b, linear_pc(c), c->op[n].at);
}

/* Once all of the instruction is known to be there. */
static void take_late(const X86Ctx *c, X86Operand *op)
{
    uintptr_t late = x86_late_number(c, (unsigned)(op - c->op));

    if (!late)
        return;
    op->kind = OPERAND_LATE;
    op->imm = (int64_t)late;
}

/* Immediates in the order in which they stand in the code. */
static inline void set_imm(X86Ctx *c, const X86OperandCode *code, X86Operand *op, Cursor *at)
{
    op->kind = OPERAND_IMM;
    op->size = operand_bytes(c, code->size);
    op->at = (uint8_t)(*at - c->bytes);
    op->imm = next_number(at, op->size);
    if (code->type == OPT_I && op->size == LATE_SIZE)
        c->late = op;
}

static void decode_far_pointer(X86Ctx *c, Cursor *at, X86Operand *op)
{
    uint64_t offset = (uint64_t)next_number(at, c->op_size);

    op->kind = OPERAND_IMM;
    op->imm = (int64_t)((uint64_t)(uint16_t)next_number(at, 2) << 32 |
                        (offset & (c->op_size == 2 ? 0xffffu : 0xffffffffu)));
}

/* The /is4 byte: the register in the high nibble, the low one left to the instruction. */
static void decode_is4(X86Ctx *c, Cursor *at, X86Operand *op)
{
    uint8_t byte = next_byte(at);

    op->kind = OPERAND_VEC;
    op->reg = (uint8_t)(byte >> 4 & (c->code64 ? 15 : 7));
    op->imm = byte & 15;
}

static void decode_moffs(X86Ctx *c, Cursor *at, X86Operand *op)
{
    c->mem_disp = next_number(at, c->addr_size);
    op->kind = OPERAND_MEM;
    c->mem_seg = c->seg_override >= 0 ? (uint8_t)c->seg_override : DS;
}

/* The general register or memory that the ModRM byte names. */
static inline void set_rm(X86Ctx *c, const X86OperandCode *code, X86Operand *op)
{
    if (c->mod == 3) {
        set_reg(c, code, op, c->rm);
        return;
    }
    op->kind = OPERAND_MEM;
    op->size = operand_bytes(c, code->mem_size);
}

static void set_vector_rm(X86Ctx *c, const X86OperandCode *code, X86Operand *op,
                          X86OperandKind kind)
{
    if (c->mod == 3) {
        op->kind = (uint8_t)kind;
        op->reg = kind == OPERAND_MMX ? c->rm & 7 : c->rm;
        return;
    }
    op->kind = OPERAND_MEM;
    op->size = operand_bytes(c, code->mem_size);
}

/* False where there is no such register. */
static bool decode_operand(X86Ctx *c, const X86OperandCode *code, X86Operand *op, Cursor *at)
{
    op->size = operand_bytes(c, code->size);
    switch ((X86OperandType)code->type) {
    case OPT_E: case OPT_M: case OPT_R:
        set_rm(c, code, op);
        break;
    case OPT_W: case OPT_U:
        set_vector_rm(c, code, op, OPERAND_VEC);
        break;
    case OPT_Q: case OPT_N:
        set_vector_rm(c, code, op, OPERAND_MMX);
        break;
    case OPT_G:
        set_reg(c, code, op, c->reg);
        break;
    case OPT_B:
        set_reg(c, code, op, c->vex_vvvv);
        break;
    case OPT_Z:
        set_reg(c, code, op, opcode_reg(c));
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
        return op->reg < X86_N_SEGS;
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
    case OPT_I: case OPT_J:
        set_imm(c, code, op, at);
        break;
    case OPT_A:
        decode_far_pointer(c, at, op);
        break;
    case OPT_L:
        decode_is4(c, at, op);
        break;
    case OPT_O:
        decode_moffs(c, at, op);
        break;
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
    return true;
}

/* Gives the end of them; an operand that there is not is the last looked at. */
static Cursor decode_operands(X86Ctx *c, const X86Entry *e, Cursor at, X86DecodeResult *result)
{
    *result = X86_DECODE_OK;
    for (unsigned i = 0; i < e->n_ops && *result == X86_DECODE_OK; i++) {
        if (!decode_operand(c, &e->op[i], &c->op[i], &at))
            *result = X86_DECODE_UD;
    }
    return at;
}

/* The same for most rows. */
static inline Cursor decode_shape(X86Ctx *c, const X86Entry *e, Cursor at, X86DecodeResult *result)
{
    const X86OperandCode *code = e->op;
    X86Operand *op = c->op;

    switch ((X86Shape)e->shape) {
    case SHAPE_NONE:
        break;
    case SHAPE_RM:
        set_rm(c, &code[0], &op[0]);
        break;
    case SHAPE_RM_REG:
        set_rm(c, &code[0], &op[0]);
        set_reg(c, &code[1], &op[1], c->reg);
        break;
    case SHAPE_REG_RM:
        set_reg(c, &code[0], &op[0], c->reg);
        set_rm(c, &code[1], &op[1]);
        break;
    case SHAPE_RM_IMM:
        set_rm(c, &code[0], &op[0]);
        set_imm(c, &code[1], &op[1], &at);
        break;
    case SHAPE_OPCODE_REG:
        set_reg(c, &code[0], &op[0], opcode_reg(c));
        break;
    case SHAPE_OPCODE_REG_IMM:
        set_reg(c, &code[0], &op[0], opcode_reg(c));
        set_imm(c, &code[1], &op[1], &at);
        break;
    case SHAPE_IMM:
        set_imm(c, &code[0], &op[0], &at);
        break;
    case SHAPE_OTHER:
        return decode_operands(c, e, at, result);
    }
    *result = X86_DECODE_OK;
    return at;
}

/* ---- An instruction --------------------------------------------------------------------- */

static const X86Entry *take_any(X86Ctx *c, Cursor *at)
{
    const X86Slot *slot;
    uint8_t prefix;

    if (!decode_opcode(c, at, &prefix))
        return NULL;
    slot = x86_rows_slot(c->vex, c->map, c->opcode);
    if (slot->n && slot->has_modrm)
        decode_modrm(c, at);
    return choose_entry(c, slot, prefix);
}

/* Gives the end of what was looked at. */
static Cursor decode_any(X86Ctx *c, X86DecodeResult *result)
{
    Cursor at = c->bytes;
    const X86Entry *e = take_any(c, &at);

    *result = X86_DECODE_UD;
    set_address_size(c);
    if (c->has_modrm && c->mod != 3)
        at = decode_memory(c, at);
    if (!e)
        return at;
    c->row = &e->row;
    set_operand_size(c);
    return decode_operands(c, e, at, result);
}

/*
 * Most instructions: no prefix but REX, and a row that the opcode and the ModRM byte tell. Gives
 * NULL for others.
 */
static Cursor decode_common(X86Ctx *c, X86DecodeResult *result)
{
    Cursor at = c->bytes;
    const X86Entry *e;

    if (c->code64 && *at >= REX_FIRST && *at <= REX_LAST)
        c->rex = *at++;
    if (*at == ESCAPE_0F) {
        c->map = 1;
        at++;
    }
    e = x86_rows_common(c->code64, c->map, at[0], at[1]);
    if (!e || (e->row.feature && !x86_has(c->s, e->row.feature)))
        return NULL;
    c->opcode = *at++;
    c->row = &e->row;
    c->addr_size = c->plain_addr_size;
    c->op_size = is_wide(c) ? 8 : c->plain_op_size;
    if (e->has_modrm) {
        decode_modrm(c, &at);
        if (c->mod != 3)
            at = decode_memory(c, at);
    }
    return decode_shape(c, e, at, result);
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
    if (c->late)
        take_late(c, c->late);
}

static void clear_insn(X86Ctx *c)
{
    memset(&c->length, 0, offsetof(X86Ctx, op) - offsetof(X86Ctx, length));
    memset(c->op, 0, sizeof(c->op));
    c->seg_override = -1;
    c->mem_seg = DS;
    c->mem_base = c->mem_index = -1;
    c->row = NULL;
}

X86DecodeResult x86_decode(X86Ctx *c)
{
    X86DecodeResult r;
    Cursor end;

    read_instruction(c);
    for (;;) {
        clear_insn(c);
        end = decode_common(c, &r);
        if (TN_UNLIKELY(!end)) {
            clear_insn(c);
            end = decode_any(c, &r);
        }
        c->length = (uint8_t)(end - c->bytes);
        if (TN_LIKELY(c->length <= c->n_bytes))
            break;
        r = read_on(c);
        if (r != X86_DECODE_OK)
            return r;
    }
    finish(c);
    return r;
}
