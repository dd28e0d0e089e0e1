/* SPDX-License-Identifier: MIT */
/* Reads an access from its host instruction (Intel SDM vol. 2, chapter 2): slow-note.h. */
#include "slow-note.h"

#include <string.h>

enum {
    REX = 0x40, REX_MASK = 0xf0, REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1,
    OPERAND_16 = 0x66, ESCAPE = 0x0f,
    MOV_STORE8 = 0x88, MOV_STORE = 0x89, MOV_STORE_IMM8 = 0xc6, MOV_STORE_IMM = 0xc7,
    RM_SIB = 4, RM_DISP32 = 5, MOD_DISP8 = 1, MOD_DISP32 = 2, MOD_REG = 3,
};

/* The prefixes and the opcode. */
typedef struct Opcode {
    unsigned rex, op;
    bool two, narrow; /* 0F before it; 66 */
} Opcode;

static Opcode read_opcode(const uint8_t **code)
{
    const uint8_t *p = *code;
    Opcode o = { .narrow = *p == OPERAND_16 };

    p += o.narrow;
    if ((*p & REX_MASK) == REX)
        o.rex = *p++;
    o.two = *p == ESCAPE;
    p += o.two;
    o.op = *p++;
    *code = p;
    return o;
}

static bool read_load(const Opcode *o, X64Insn *in)
{
    bool wide = o->rex & REX_W;
    uint32_t sign = TN_MEM_SIGN | (wide ? 0 : TN_MEM_DST32);

    if (o->narrow)
        return false;
    switch (o->op | (o->two ? X64_0F : 0)) {
    case X64_MOV_LOAD:
        in->mem = (wide ? TN_I64 : TN_I32) << TYPE_SHIFT;
        return true;
    case X64_MOVZX8 & ~X64_BYTE_RM:
        in->mem = TN_I8 << TYPE_SHIFT;
        return true;
    case X64_MOVZX16:
        in->mem = TN_I16 << TYPE_SHIFT;
        return true;
    case X64_MOVSX8 & ~X64_BYTE_RM:
        in->mem = TN_I8 << TYPE_SHIFT | sign;
        return true;
    case X64_MOVSX16:
        in->mem = TN_I16 << TYPE_SHIFT | sign;
        return true;
    case X64_MOVSXD & ~X64_W:
        in->mem = TN_I32 << TYPE_SHIFT | TN_MEM_SIGN;
        return wide;
    default:
        return false;
    }
}

static bool read_store(const Opcode *o, X64Insn *in)
{
    bool byte = o->op == MOV_STORE8 || o->op == MOV_STORE_IMM8;

    in->store = true;
    in->is_imm = o->op == MOV_STORE_IMM8 || o->op == MOV_STORE_IMM;
    in->mem = (byte ? TN_I8 : o->narrow ? TN_I16 : o->rex & REX_W ? TN_I64 : TN_I32) << TYPE_SHIFT;
    return !o->two && (in->is_imm || o->op == MOV_STORE || o->op == MOV_STORE8);
}

/* Sign-extended from n bytes, at most 4. */
static int64_t read_number(const uint8_t **code, unsigned n)
{
    uint32_t v = 0;

    memcpy(&v, *code, n);
    *code += n;
    return (int32_t)(v << (32 - 8 * n)) >> (32 - 8 * n);
}

/* [addend + address + displacement]; the register beside it goes to in->reg. */
static bool read_operand(const uint8_t **code, unsigned rex, X64Insn *in)
{
    unsigned modrm = *(*code)++, mod = modrm >> 6, sib = *(*code)++;

    in->reg = (modrm >> 3 & 7) | (rex & REX_R ? 8 : 0);
    in->addend = (sib & 7) | (rex & REX_B ? 8 : 0);
    in->addr = (sib >> 3 & 7) | (rex & REX_X ? 8 : 0);
    in->disp = 0;
    if (mod == MOD_DISP8 || mod == MOD_DISP32)
        in->disp = read_number(code, mod == MOD_DISP8 ? 1 : 4);
    return mod != MOD_REG && (modrm & 7) == RM_SIB && sib >> 6 == 0 && in->addr != X64_RSP &&
           (mod || (sib & 7) != RM_DISP32);
}

bool x64_read_insn(const uint8_t *code, X64Insn *in)
{
    const uint8_t *p = code;
    Opcode o = read_opcode(&p);

    *in = (X64Insn){ .store = false };
    if ((!read_load(&o, in) && !read_store(&o, in)) || !read_operand(&p, o.rex, in))
        return false;
    if (in->is_imm)
        in->imm = read_number(&p, MIN(tn_ir_type_size(in->mem >> TYPE_SHIFT), 4));
    in->length = (unsigned)(p - code);
    return true;
}
