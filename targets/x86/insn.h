/* SPDX-License-Identifier: MIT */
/*
 * The decoder's rows and what a translation function gets.
 *
 * Instructions are rows in tables, one table per chapter, in the manual's order. A row is the
 * manual's own notation:
 *
 *   pattern   "00 /r"  "80 /0 ib"  "40+r"  "0F 90+c"  "REX.W 0F C7 /1"  "NP 0F 58 /r"  "F3 90"
 *             "66 0F 38 DC /r"  "F3 0F 5A /r"  "VEX.66.0F 58 /r"  "VEX.L0.66.0F38.W0 F7 /r"
 *             Prefix words: NP (no mandatory prefix), 66, F3, F2 (several: any of them); REX.W
 *             (W = 1), NOREX.W; mod: "/r" any, "/rm" memory only, "/rr" register only, "/n" opcode
 *             extension (with :m or :r for memory or register only, "/7:r"), "/=C1" the whole ModRM
 *             byte ("0F 01 /=C1").
 *             VEX: L0 L1 (absent: any), pp (66 F3 F2 or absent), map 0F 0F38 0F3A, W0 W1 (absent:
 *             any). Immediates (ib iw id iz io cb cw cd is4) may stand at the end for the reader.
 *             A legacy pattern without a prefix word matches whatever prefixes there are, but
 *             loses to a row that names the one present; F3 and F2 win over 66. Rows of a feature
 *             that the processor lacks, and NO64/ONLY64 rows in the other mode, are passed over,
 *             so that e.g. TZCNT becomes BSF. Of several rows the most particular one is taken.
 *   operands  "ADD Eb Gb": the mnemonic and operand codes of SDM vol. 2, appendix A:
 *             E G M R  I J  O  S  C D  X Y  V W H L  P Q N U  B(VEX.vvvv GPR), and sizes
 *             b w d q  v (16/32/64)  z (16/32)  y (32/64)  p (far pointer)  dq qq x  ss sd ps pd
 *             s (GDTR image) a (BOUND pair) t (ten bytes); fixed registers spelled AL CL eAX rAX DX
 *             ES ... 1. Besides: Z the general register in the opcode's low bits ("40+r"), A a far
 *             pointer in the code (imm = selector << 32 | offset), L the vector register in
 *             imm8[7:4] (imm has the low nibble), ST and STi. "Rd/b" gives a register and a memory
 *             form of E, W, Q different sizes: register first ("Ed/b", "Wx/q").
 *             X and Y only carry a size; string instructions form their own addresses.
 *             Immediates are sign-extended from their encoded size.
 *
 * Rows are compiled to dispatch tables once when the module starts. A row that is not implemented
 * has no gen function: it raises #UD and shows in the coverage report.
 */
#ifndef TENON_X86_INSN_H
#define TENON_X86_INSN_H

#include "helpers.h"
#include "tenon/internal/ir.h"
#include "x86.h"

typedef struct X86Ctx X86Ctx;
typedef void (*X86GenFn)(X86Ctx *c);

enum {
    ROW_LOCK = 1u << 0,     /* LOCK is allowed when the destination is memory */
    ROW_NO64 = 1u << 1,     /* #UD in 64-bit mode */
    ROW_ONLY64 = 1u << 2,   /* #UD outside 64-bit mode */
    ROW_WIDE = 1u << 3,     /* set by rows.c: ROW_DEF64 or ROW_FORCE64; the place of REX.W */
    ROW_FORCE64 = 1u << 4,  /* operand size is 64 in 64-bit mode, 66 ignored */
    ROW_PROT = 1u << 5,     /* #UD in real and v8086 mode */
    ROW_CPL0 = 1u << 6,     /* #GP(0) unless CPL 0 */
    ROW_FPU = 1u << 7,      /* x87: #NM when EM or TS */
    ROW_MMX = 1u << 8,      /* #UD when EM, #NM when TS; enters MMX mode */
    ROW_SSE = 1u << 9,      /* #UD when EM or not OSFXSR, #NM when TS */
    ROW_AVX = 1u << 10,     /* #UD unless AVX is on, #NM when TS */
    ROW_ALIGN = 1u << 11,   /* legacy SSE memory operand: #GP when misaligned */
    ROW_FP = 1u << 12,      /* SIMD FP: depends on MXCSR, may raise #XM */
    ROW_NOVVVV = 1u << 13,  /* VEX.vvvv must be 1111b */
    ROW_REP = 1u << 14,     /* string instruction: F3/F2 are REP */
    ROW_END = 1u << 15,     /* ends the block */
    ROW_CHECKED = 1u << 16, /* set by rows.c: x86_gen_checks has something to look at */
    ROW_DEF64 = 1u << 17,   /* operand size defaults to 64 in 64-bit mode (near branches, stack) */
    ROW_ODD = 1u << 18,     /* set by rows.c: ROW_CHECKED, ROW_END or a feature */
};

typedef struct X86Row {
    const char *pattern;
    const char *operands;
    X86GenFn gen;           /* NULL: not implemented */
    uint32_t flags;         /* ROW_* */
    uint16_t feature;       /* X86_FEATURE_* (model.h) that must be there, 0 none */
    uint16_t helper;        /* free for gen: helper number, sub-operation... */
    uint32_t arg;           /* free for gen */
} X86Row;

/* Operand codes after decoding. */
typedef enum X86OperandKind {
    OPERAND_NONE,
    OPERAND_REG,  /* general register: number in .reg; high-byte registers: .high */
    OPERAND_MEM,
    OPERAND_IMM,
    OPERAND_LATE, /* an immediate that changes: .imm is what tn_ir_late gave */
    OPERAND_SEG,
    OPERAND_CR,
    OPERAND_DR,
    OPERAND_VEC,  /* XMM/YMM number */
    OPERAND_MMX,
    OPERAND_ST,   /* x87 stack register: .reg is relative to TOP */
} X86OperandKind;

typedef struct X86Operand {
    uint8_t kind;    /* X86OperandKind */
    uint8_t size;    /* bytes: 1, 2, 4, 6, 8, 10, 16, 32 */
    uint8_t reg;
    bool high;       /* AH CH DH BH: reg is 0..3 */
    uint8_t at;      /* an immediate's place in the instruction */
    int64_t imm;     /* sign-extended as the manual says */
} X86Operand;

/* The translation of one instruction in a block. */
struct X86Ctx {
    TnIrBuilder *b;
    const X86Row *row;
    uint64_t pc;          /* of this instruction */
    uint64_t next_pc;     /* after it, wrapped to the code size */
    const uint8_t *code;  /* the instruction's bytes */
    uint32_t ahead;       /* how many bytes are known to be there from `code` on; 0: to be asked */
    uint8_t length;

    /* From here to `code64`: the instruction's own, cleared before each. */
    /* Prefixes */
    bool lock, rep, repne, opsize_prefix, addrsize_prefix;
    uint8_t rex;          /* 0 none, else 0x40..0x4f; VEX sets the bits alike */
    bool vex;
    uint8_t vex_l, vex_vvvv, vex_pp;
    uint8_t map;          /* 0 one-byte, 1 0F, 2 0F 38, 3 0F 3A */
    uint8_t opcode;       /* last opcode byte */
    bool has_modrm;
    uint8_t modrm, mod, reg, rm; /* reg, rm with REX bits */
    uint8_t op_size;      /* bytes: 2, 4, 8 */
    uint8_t addr_size;    /* bytes: 2, 4, 8 */
    int8_t seg_override;  /* -1 none */

    /* Memory operand (valid when an operand is OPERAND_MEM) */
    uint8_t mem_seg;
    int8_t mem_base, mem_index; /* register numbers, -1 none */
    uint8_t mem_scale;
    uint8_t rest;         /* decoder: what is left to do, X86_REST_* */
    bool mem_plain;       /* the address is mem_base + mem_disp, as an access adds them */
    bool odd_operands;    /* there may be others than immediates, registers but AH to BH, and memory that
                           * is mem_plain */
    bool mem_checked;     /* mem_addr passed the segment checks for writing too */
    TnTemp mem_root;      /* the base register's value where one has been asked for; 0 before */
    TnTemp mem_addr;      /* linear address once x86_mem_addr made it; 0 before */
    int64_t mem_disp;     /* RIP-relative: already absolute, base -1 */

    X86Operand op[4];     /* as the row's operand codes say, in order */

    uint8_t code64;       /* 1 in 64-bit mode */
    uint8_t rex_mask;     /* the bits that make a byte a REX prefix; 0 where there are none */
    const uint16_t *common; /* X86Common.first of the mode */
    uint8_t stack_size;   /* bytes of a stack pointer: 2, 4, 8 */
    uint8_t plain_op_size;   /* bytes where neither prefix nor row says otherwise: 2, 4 */
    uint8_t wide_op_size;    /* the same where REX.W or the row asks for 64 bits: 8 where there are such */
    const uint8_t *bytes[2]; /* X86Common.bytes of the two */
    uint8_t plain_addr_size; /* the same of addresses: 2, 4, 8 */
    bool flat64;          /* linear addresses are 64-bit offsets, but for FS and GS; neither breakpoints
                           * nor alignment checks */
    bool odd_mode;        /* something may have to happen before each instruction */
    uint32_t mode;        /* MODE_* of the block */
    unsigned mmu;         /* MMU mode of data accesses */
    uint64_t pc_mask;     /* what pcs wrap to */
    uint64_t page_pc;     /* of the first byte of the block's page */
    uint64_t cs_base;

    bool ended;           /* an EXIT was emitted */
    bool leave;           /* the block key changes at this instruction: exits go to the main loop */
    bool sti;             /* STI went before: interrupts are looked at after this instruction */
    uint8_t n_jumps;      /* conditional exits of the block's present round so far */
    uint8_t n_rounds;     /* how often the block has gone back to its start (TnIrBuilder.rounds) */
    bool goes_back;       /* the next instruction is the block's first */

    TnCpu *cpu;
    X86State *s;
    uint8_t edge[40];     /* decoder: what the long way has read, n_edge bytes; zeros from the 16th on, with
                           * room for all that could be read there */
    uint8_t n_edge;
};

/* ---- Operands (operand.c) --------------------------------------------------------------- */

/* The effective address (offset) of the memory operand, wrapped to the address size. */
TnTemp x86_mem_offset(X86Ctx *c);
/* The linear address for an access of n bytes, with the segment checks that the mode needs. Made
 * once: the first call decides n. */
TnTemp x86_mem_addr(X86Ctx *c, unsigned n, bool write);
/* Any segment's linear address of an offset (I32, or I64 in 64-bit mode), checked likewise. */
TnTemp x86_linear(X86Ctx *c, unsigned seg, TnTemp offset, unsigned n, bool write);

/* Integer operand n: read zero-extended; write (32-bit register writes clear the upper half).
 * x86_read_any leaves the bits above the operand's size undefined, which saves an extension;
 * x86_read_rmw reads an operand that the instruction then writes (memory: write-probed). */
TnTemp x86_read(X86Ctx *c, unsigned n);
TnTemp x86_read_any(X86Ctx *c, unsigned n);
TnTemp x86_read_rmw(X86Ctx *c, unsigned n);
TnTemp x86_read_signed(X86Ctx *c, unsigned n);
void x86_write(X86Ctx *c, unsigned n, TnTemp value);
/* A general register or the flags as GET and PUT of a type have them; a value that is known is not
 * got again. Writes go through here, so that it stays known. */
static inline TnTemp x86_ir_get(X86Ctx *c, TnIrType t, unsigned reg);
void x86_ir_put(X86Ctx *c, TnIrType t, unsigned reg, TnTemp value);
/* General registers at a size in bytes; get is zero-extended. */
TnTemp x86_get_reg(X86Ctx *c, unsigned reg, unsigned size);
void x86_put_reg(X86Ctx *c, unsigned reg, unsigned size, TnTemp value);

/* Loads (zero-extended) and stores at linear addresses in the data MMU mode. */
TnTemp x86_load(X86Ctx *c, TnIrType t, TnTemp addr);
void x86_store(X86Ctx *c, TnIrType t, TnTemp addr, TnTemp value);
/* TN_MEM_* of data accesses of n bytes: the MMU mode, and alignment checks where due. */
static inline unsigned x86_mem_flags(const X86Ctx *c, unsigned n);

/* The packed condition flags. */
TnTemp x86_get_flags(X86Ctx *c);
void x86_put_flags(X86Ctx *c, TnTemp flags);

/* Vector operand n of up to 32 bytes as TN_V128 / TN_V256 (register or memory); memory narrower
 * than 16 bytes is zero-extended into TN_V128. MMX registers are read as 8 bytes. */
TnTemp x86_read_vec(X86Ctx *c, unsigned n, unsigned bytes);
/* Writes vector operand n, register or memory. Registers: legacy keeps bits above `bytes`, VEX
 * clears them; MMX registers take the low 8 bytes. */
void x86_write_vec(X86Ctx *c, unsigned n, unsigned bytes, TnTemp value);
/* Between integer temporaries (zero-extended) and the low 4 or 8 bytes of a TN_V128. */
TnTemp x86_vec_from_int(X86Ctx *c, TnTemp value, unsigned bytes);
TnTemp x86_vec_to_int(X86Ctx *c, TnTemp value, unsigned bytes);

/* ---- Stack (stack.c) -------------------------------------------------------------------- */

/* Pushes `size` bytes of a value. */
void x86_push(X86Ctx *c, unsigned size, TnTemp value);
/* Reads or writes at the stack pointer + offset; the pointer moves with x86_stack_release (by a
 * negative number of bytes for pushes). */
TnTemp x86_stack_peek(X86Ctx *c, unsigned size, int offset);
void x86_stack_poke(X86Ctx *c, unsigned size, int offset, TnTemp value);
void x86_stack_release(X86Ctx *c, int bytes);

/* ---- Leaving the block (gen.c) ---------------------------------------------------------- */

/* Raises an exception at this instruction and ends the block. */
void x86_gen_raise(X86Ctx *c, X86Vector vector);
void x86_gen_raise_error(X86Ctx *c, X86Vector vector, uint32_t error_code);
/* Ends the block after this instruction through the main loop (mode may have changed). */
void x86_gen_end(X86Ctx *c);
/* The same where a helper has put the next instruction's pc into the state. */
void x86_gen_end_state(X86Ctx *c);
/* Ends the block with a jump; pc is wrapped already. */
void x86_gen_jump(X86Ctx *c, uint64_t pc);
void x86_gen_jump_ind(X86Ctx *c, TnTemp pc);
/* Jumps where cond is nonzero, else goes on after the instruction. */
void x86_gen_jump_if(X86Ctx *c, TnTemp cond, uint64_t pc);
/* What comes behind a conditional exit to pc: the end of the block, or nothing. */
void x86_gen_jumped(X86Ctx *c, uint64_t pc);
/* The same under a condition on flags where the block goes on with one more round; false: it does not,
 * and nothing was done. */
bool x86_gen_round(X86Ctx *c, TnFlagCond cond, TnTemp flags, uint64_t pc);
/* The next pc wrapped as a branch of the operand size does: 16-bit ones cut it to 16 bits. */
static inline uint64_t x86_wrap_pc(const X86Ctx *c, uint64_t pc)
{
    if (c->code64 && c->op_size == 8)
        return pc;
    return c->op_size == 2 ? (uint16_t)pc : (uint32_t)pc;
}

_Static_assert((int)X86_REG_FLAGS < (int)TN_IR_KNOWN_REGS, "general registers and flags");

static inline TnTemp x86_ir_get(X86Ctx *c, TnIrType t, unsigned reg)
{
    TnTemp *known = &c->b->known[reg][t - TN_I32];

    if (!*known)
        *known = tn_ir_get(c->b, t, reg);
    return *known;
}

/* Where one of the two asks for alignment. */
unsigned x86_mem_flags_aligned(const X86Ctx *c, unsigned n);

static inline unsigned x86_mem_flags(const X86Ctx *c, unsigned n)
{
    if (TN_UNLIKELY(c->mode & MODE_AC || c->row->flags & ROW_ALIGN))
        return x86_mem_flags_aligned(c, n);
    return c->mmu << TN_MEM_MODE_SHIFT;
}

/* CALL with constants for arguments is common: I32 and I64 constants. */
static inline TnTemp x86_const(X86Ctx *c, uint64_t value)
{
    return tn_ir_const(c->b, TN_I64, value);
}

static inline unsigned x86_log2(unsigned bytes)
{
    return (unsigned)__builtin_ctz(bytes);
}

/* TN_I8..TN_I64 for 1, 2, 4, 8 bytes: as the type of loads and stores. */
static inline TnIrType x86_type(unsigned bytes)
{
    return (TnIrType)(TN_I8 + x86_log2(bytes));
}

/* The type to compute in for an operand size: TN_I32 up to 4 bytes, else TN_I64. */
static inline TnIrType x86_calc_type(unsigned bytes)
{
    return bytes == 8 ? TN_I64 : TN_I32;
}

/* Chapter tables; each ends with a NULL pattern. One file a chapter in insn/. */
extern const X86Row x86_rows_transfer[];   /* MOV, XCHG, stack, LEA, ... */
extern const X86Row x86_rows_arithmetic[]; /* binary arithmetic, decimal, logic, shift, bit */
extern const X86Row x86_rows_control[];    /* branches, calls, loops, INT, far transfers */
extern const X86Row x86_rows_string[];
extern const X86Row x86_rows_misc[];       /* flags, NOP, CPUID, RDTSC, fences, I/O, ... */
extern const X86Row x86_rows_system[];     /* LGDT, MOV CR, WRMSR, HLT, ... */
extern const X86Row x86_rows_bmi[];        /* BMI, ADX, MOVBE, CRC32, ... */
extern const X86Row x86_rows_x87[];
extern const X86Row x86_rows_mmx[];
extern const X86Row x86_rows_sse[];
extern const X86Row x86_rows_avx[];

/* All of them, NULL-terminated, for the decoder and the tests (rows.c). */
extern const X86Row *const x86_chapters[];

#endif
