/* SPDX-License-Identifier: MIT */
/*
 * Rows (insn.h) compiled for dispatch: what the decoder looks instructions up in.
 */
#ifndef TENON_X86_ROWS_H
#define TENON_X86_ROWS_H

#include "insn.h"

/* What an operand code says where the operand is; the letters are those of the manual. */
typedef enum X86OperandType {
    OPT_NONE = 0,
    OPT_A = 'A', OPT_B = 'B', OPT_C = 'C', OPT_D = 'D', OPT_E = 'E', OPT_G = 'G', OPT_H = 'H',
    OPT_I = 'I', OPT_J = 'J', OPT_L = 'L', OPT_M = 'M', OPT_N = 'N', OPT_O = 'O', OPT_P = 'P',
    OPT_Q = 'Q', OPT_R = 'R', OPT_S = 'S', OPT_U = 'U', OPT_V = 'V', OPT_W = 'W', OPT_X = 'X',
    OPT_Y = 'Y', OPT_Z = 'Z',
    OPT_REG = 'r',  /* a fixed general register */
    OPT_HIGH = 'h', /* a fixed high-byte register */
    OPT_SEG = 's',  /* a fixed segment register */
    OPT_ONE = '1',  /* the constant 1 */
    OPT_ST0 = 't',
    OPT_STI = 'i',
} X86OperandType;

typedef enum X86OperandSize {
    OPS_NONE, OPS_B, OPS_W, OPS_D, OPS_Q, OPS_V, OPS_Z, OPS_Y, OPS_P, OPS_DQ, OPS_QQ, OPS_X, OPS_S,
    OPS_A, OPS_T,
    OPS_COUNT = 16 /* a power of two, for tables */
} X86OperandSize;

typedef struct X86OperandCode {
    uint8_t type;     /* X86OperandType */
    uint8_t size;     /* X86OperandSize */
    uint8_t mem_size; /* of the memory form, where "Rd/b" says so; else the same */
    uint8_t reg;      /* of the fixed kinds */
} X86OperandCode;

/* The operands of most rows, in order: the general register or memory that the ModRM byte names, a
 * general register in that byte, in the opcode or known by it, an immediate. Their sizes follow from the operand
 * size, and where there is no register or memory of the ModRM byte, there is no such byte. */
typedef enum X86Shape {
    SHAPE_OTHER, SHAPE_NONE, SHAPE_RM, SHAPE_RM_REG, SHAPE_REG_RM, SHAPE_RM_IMM, SHAPE_OPCODE_REG,
    SHAPE_OPCODE_REG_IMM, SHAPE_FIXED_IMM, SHAPE_IMM,
} X86Shape;

/* Where more than the operand size decides. */
static inline bool x86_operand_is_odd(uint8_t size)
{
    return size == OPS_Y || size == OPS_X || size == OPS_S;
}

/* Bits of X86Entry.prefixes: which of the mandatory prefixes may be there. */
enum {
    ENTRY_NP = 1u << 0, ENTRY_66 = 1u << 1, ENTRY_F3 = 1u << 2, ENTRY_F2 = 1u << 3,
    ENTRY_ANY_PREFIX = 15,
};

/* Bits of X86Entry.match: conditions on the rest. */
enum {
    ENTRY_W0 = 1u << 0, ENTRY_W1 = 1u << 1, /* neither: any */
    ENTRY_L0 = 1u << 2, ENTRY_L1 = 1u << 3,
    ENTRY_MEM = 1u << 4, ENTRY_REG = 1u << 5,
    ENTRY_EXT = 1u << 6,   /* modrm.reg is `ext` */
    ENTRY_MODRM = 1u << 7, /* the ModRM byte is `ext` */
};

/* One row at one place of the opcode map: all that decoding looks at in one line of the cache. */
typedef struct X86Entry {
    X86Row row;
    X86OperandCode op[4];
    uint8_t n_ops;
    uint8_t prefixes;
    uint8_t match;
    uint8_t ext;
    uint8_t rank;        /* how particular it is: higher ones are tried first */
    uint8_t opcode;
    uint8_t shape;       /* X86Shape */
    uint8_t vex : 1, map : 2, has_modrm : 1;
} X86Entry;

enum { X86_ENTRY_SIZE = 64 };
_Static_assert(sizeof(void *) != 8 || sizeof(X86Entry) == X86_ENTRY_SIZE, "one line of the cache");

/* The candidates for one opcode, most particular first. */
typedef struct X86Slot {
    const X86Entry *entries;
    uint16_t n;
    bool has_modrm;
    bool certain;        /* one entry without a condition: it is it */
} X86Slot;

enum { X86_N_MAPS = 4 };

/*
 * Compiles the chapters (NULL-terminated list). False with an error naming the row when a pattern
 * or an operand string is wrong, or two rows cannot be told apart. Called once, before any decoding.
 */
bool x86_rows_compile(const X86Row *const *chapters, GError **error);

/* The slot of an opcode; `map` 0 one-byte, 1 0F, 2 0F 38, 3 0F 3A. Borrowed, never NULL. */
const X86Slot *x86_rows_slot(bool vex, unsigned map, unsigned opcode);

/*
 * The short way to the rows that most instructions take, small enough to stay in the cache: by mode,
 * map (0 or 1) and opcode the number of an entry, from 1, or, from X86_FORMS on, of a set of them by
 * what the ModRM byte says: memory or register, and its reg field. 0 where REX.W or the rest of the
 * ModRM byte decides, too, and in X86_COMMON_NONE. Made from the slots.
 */
enum { X86_FORMS = 1u << 15, X86_N_FORMS = 128, X86_N_OPCODES = 256 };
enum { X86_COMMON_NONE, X86_COMMON32, X86_COMMON64, X86_N_COMMON };

typedef struct X86Common {
    const X86Entry *entries;
    uint8_t bytes[3][OPS_COUNT]; /* of operands, by operand size in quarters; 0: x86_operand_is_odd */
    uint16_t first[X86_N_COMMON][2][X86_N_OPCODES];
    uint16_t forms[X86_N_FORMS][2][8];
} X86Common;

extern X86Common x86_common;

/* The number of the entry of an instruction without prefixes but REX, from 1; 0 where it is not among
 * these. `first` is that of the mode and map. Its feature is still to be looked at: where the processor
 * lacks it, another one may be the right one. */
static inline unsigned x86_rows_number(const uint16_t *first, uint8_t opcode, uint8_t modrm)
{
    unsigned n = first[opcode];

    if (n >= X86_FORMS)
        n = x86_common.forms[n - X86_FORMS][modrm >> 6 == 3][modrm >> 3 & 7];
    return n;
}

/* Appends the coverage report: rows without a gen function, a line each, and the sums. */
void x86_rows_report(GString *out);

#endif
