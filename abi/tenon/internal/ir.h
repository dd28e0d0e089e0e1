/* SPDX-License-Identifier: MIT */
/*
 * The translator's intermediate representation (IR), internal tier.
 *
 * A block is a straight line of operations with one entry and any number of exits: there are no
 * labels and no joins. A conditional branch is a side exit (TN_IR_EXIT_IF) followed by what
 * happens when it is not taken; a loop is an exit to the block's own start. Because of that every
 * temporary is assigned exactly once and liveness is one backward walk.
 *
 * Values. A temporary holds 64 bits (integers) or a vector of 128 or 256 bits. An integer
 * operation has type TN_I32 or TN_I64. TN_I32 operations look at the low 32 bits of their operands
 * and zero-extend the result to 64 bits, so an I32 result may be used by an I64 operation as it is.
 * Narrower arithmetic is done in I32 and narrowed by DEPOSIT/EXT*; the FLAGS operations have a size
 * of their own and look at that many low bits only.
 *
 * Guest state. Registers that a target declares (TnRegInfo) are read by GET and written by PUT; a
 * back end may keep them in host registers. Everything else in the target's state is reached by
 * LDENV/STENV at a byte offset; those must never overlap a declared register.
 *
 * Vector registers are declared with 256 bits. GET and PUT of TN_V128 are about their low half; such
 * a PUT keeps the upper half, or clears it with TN_PUT_CLEAR_UPPER.
 *
 * Flags. Condition flags are ordinary values in packed form (TN_FLAG_*, the bit positions of x86
 * EFLAGS). A FLAGS operation is a pure function of its operands, so flags nobody reads cost nothing
 * and flags needed only by an exit or a fault can be computed there. FLAGCOND tests a packed value;
 * back ends fuse `FLAGCOND(FLAGS.sub a, b)` into one compare.
 *
 * Faults. LD, ST, ATOMIC_*, and CALL of a helper with TN_HELPER_FAULTS may leave the block. At that
 * moment every PUT and STENV before it (in program order) is in effect and none after it, and the
 * guest pc is that of the last INSN. A front end therefore writes registers after the last
 * operation of an instruction that can fault.
 */
#ifndef TENON_INTERNAL_IR_H
#define TENON_INTERNAL_IR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tenon/macros.h"

typedef struct TnIrBuilder TnIrBuilder;

/* Index of a temporary. 0 is "none". */
typedef uint16_t TnTemp;
#define TN_TEMP_NONE ((TnTemp)0)

typedef enum TnIrType {
    TN_I8, /* LD/ST/LDENV/STENV only */
    TN_I16, /* LD/ST/LDENV/STENV only */
    TN_I32,
    TN_I64,
    TN_V128,
    TN_V256,
} TnIrType;

/* Packed condition flags, at the bit positions of x86 EFLAGS (Intel SDM vol. 1, 3.4.3). */
enum {
    TN_FLAG_C = 1u << 0, /* carry out of an addition, borrow of a subtraction */
    TN_FLAG_P = 1u << 2, /* even parity of the low result byte */
    TN_FLAG_A = 1u << 4, /* carry out of bit 3 */
    TN_FLAG_Z = 1u << 6,
    TN_FLAG_S = 1u << 7, /* sign, "N" elsewhere */
    TN_FLAG_O = 1u << 11, /* signed overflow, "V" elsewhere */
    TN_FLAGS_ALL = TN_FLAG_C | TN_FLAG_P | TN_FLAG_A | TN_FLAG_Z | TN_FLAG_S | TN_FLAG_O,
};

/* Conditions over packed flags; the numbering is x86's condition code (SDM vol. 1, appendix B). */
typedef enum TnFlagCond {
    TN_FC_O, TN_FC_NO, TN_FC_B, TN_FC_AE, TN_FC_Z, TN_FC_NZ, TN_FC_BE, TN_FC_A,
    TN_FC_S, TN_FC_NS, TN_FC_P, TN_FC_NP, TN_FC_L, TN_FC_GE, TN_FC_LE, TN_FC_G,
} TnFlagCond;

/* Comparisons of two integers (SETCOND). XOR with 1 negates. */
typedef enum TnCond {
    TN_COND_EQ, TN_COND_NE, TN_COND_LTU, TN_COND_GEU, TN_COND_LEU, TN_COND_GTU,
    TN_COND_LT, TN_COND_GE, TN_COND_LE, TN_COND_GT,
} TnCond;

/*
 * What a FLAGS operation computes; `size` low bits (8, 16, 32, 64) of the operands count.
 * The result has all bits outside TN_FLAGS_ALL clear.
 */
typedef enum TnFlagOp {
    TN_FLAGS_ADD,   /* a + b */
    TN_FLAGS_ADC,   /* a + b + (c & 1) */
    TN_FLAGS_SUB,   /* a - b */
    TN_FLAGS_SBB,   /* a - b - (c & 1) */
    TN_FLAGS_LOGIC, /* a is the result; C = O = A = 0 */
    TN_FLAGS_INC,   /* a + 1, C taken from packed flags c */
    TN_FLAGS_DEC,   /* a - 1, C taken from packed flags c */
    /* Shifts and rotates of a by b; b is masked with 63 for size 64 and 31 otherwise; c holds the
     * old packed flags, kept whole where the masked count is 0, and A (all), and S Z P (rotates)
     * kept from it. Where the manual calls O undefined (count not 1) the result is the host's own
     * where the host is an x86 too, so that all back ends agree; elsewhere what Intel processors
     * give: O as a shift of the same operand by 1 would set it. */
    TN_FLAGS_SHL, TN_FLAGS_SHR, TN_FLAGS_SAR, TN_FLAGS_ROL, TN_FLAGS_ROR,
    TN_FLAGS_UMUL, /* a * b unsigned at size: C = O = (high half != 0); S Z P of the low half; A = 0 */
    TN_FLAGS_SMUL, /* a * b signed at size: C = O = (low half sign-extended != product); as above */
    TN_FLAGS_COUNT
} TnFlagOp;

typedef enum TnAtomicOp {
    TN_ATOMIC_ADD, TN_ATOMIC_AND, TN_ATOMIC_OR, TN_ATOMIC_XOR, TN_ATOMIC_XCHG,
} TnAtomicOp;

/*
 * A guest memory access (TnIrOp.aux of LD, ST, ATOMIC_*): how, and in which MMU mode.
 */
enum {
    TN_MEM_MODE_SHIFT = 0, /* bits 0..3: MMU mode, below TnTargetInfo.n_mmu_modes */
    TN_MEM_MODE_MASK = 0xf,
    TN_MEM_SIGN = 1u << 4, /* LD: sign-extend to 64 bits (TN_I64) or 32 (see dst32) */
    TN_MEM_DST32 = 1u << 5, /* LD with SIGN: extend to 32 bits, zero above */
    TN_MEM_BSWAP = 1u << 6, /* the bytes in memory are in the other order than the guest's default */
    TN_MEM_ALIGN = 1u << 7, /* misaligned to the access size: TnTargetOps.unaligned is called */
    TN_MEM_LOCKED = 1u << 8, /* part of a locked sequence run exclusively */
    TN_MEM_RMW = 1u << 9, /* LD: a store to the same address follows: write permission is probed here */
};

/* How a PUT of TN_V128 leaves the rest of its register (TnIrOp.imm). */
enum {
    TN_PUT_CLEAR_UPPER = 1u << 0,
};

/*
 * Operations. In the comments: T is the op's type; dst, a, b, c, d are temporaries; imm, aux are
 * the record's fields.
 */
typedef enum TnIrOpc {
    TN_IR_NOP,
    TN_IR_INSN,      /* a guest instruction starts: imm = guest pc, aux = its length in bytes */
    TN_IR_CONST,     /* dst = imm (I32: zero-extended low half) */
    TN_IR_MOV,       /* dst = a; all types */
    TN_IR_GET,       /* dst = declared register aux */
    TN_IR_PUT,       /* declared register aux = a; imm: TN_PUT_* */
    TN_IR_CLEAR_UPPER, /* bits 255..128 of the vector registers aux ... aux + imm - 1 become 0 */
    TN_IR_LDENV,     /* dst = state[imm], T-sized, zero-extended; all types */
    TN_IR_STENV,     /* state[imm] = a, T-sized; all types */
    TN_IR_ENVPTR,    /* dst = host address of state[imm] (helper arguments only) */
    TN_IR_LDCODE,    /* dst = the 4 bytes at host address imm, sign-extended: see tn_ir_late */

    TN_IR_ADD,       /* dst = a + b */
    TN_IR_SUB,
    TN_IR_MUL,       /* low half */
    TN_IR_MULHU,     /* high half of the unsigned product */
    TN_IR_MULHS,     /* high half of the signed product */
    TN_IR_AND,
    TN_IR_OR,
    TN_IR_XOR,
    TN_IR_ANDN,      /* dst = a & ~b */
    TN_IR_NOT,
    TN_IR_NEG,
    TN_IR_SHL,       /* count b is taken modulo the type's width (all five) */
    TN_IR_SHR,
    TN_IR_SAR,
    TN_IR_ROL,
    TN_IR_ROR,
    TN_IR_ADDI,      /* dst = a + imm (sign-extended) */
    TN_IR_ANDI,
    TN_IR_ORI,
    TN_IR_XORI,
    TN_IR_SHLI,      /* shift counts are 0..width-1 in imm */
    TN_IR_SHRI,
    TN_IR_SARI,
    TN_IR_ROLI,
    TN_IR_LEA,       /* dst = a + (b << aux) + imm; aux 0..3; a or b may be TN_TEMP_NONE */
    TN_IR_BSWAP,     /* reverse the bytes of T */
    TN_IR_CLZ,       /* T's width for 0 */
    TN_IR_CTZ,       /* T's width for 0 */
    TN_IR_POPCNT,
    TN_IR_EXT8U,     /* extensions read the low 8/16/32 bits and extend to T, zero above */
    TN_IR_EXT16U,
    TN_IR_EXT32U,
    TN_IR_EXT8S,
    TN_IR_EXT16S,
    TN_IR_EXT32S,
    TN_IR_DEPOSIT,   /* dst = a with bits [aux, aux + imm) replaced by the low imm bits of b */
    TN_IR_EXTRACT,   /* dst = bits [aux, aux + imm) of a, zero-extended */
    TN_IR_SETCOND,   /* dst = (a aux:TnCond b) ? 1 : 0, compared at T */
    TN_IR_SELECT,    /* dst = a != 0 ? b : c (a looked at whole) */

    TN_IR_FLAGS,     /* dst = packed flags of (aux & 255):TnFlagOp at size 8 << (aux >> 8) of a, b, c */
    TN_IR_FLAGCOND,  /* dst = packed flags a satisfy aux:TnFlagCond ? 1 : 0 */

    TN_IR_LD,        /* dst = guest memory at address a + imm; T-sized; aux: TN_MEM_* */
    TN_IR_ST,        /* guest memory at address a + imm = b; T-sized */
    TN_IR_ATOMIC_RMW,/* dst = old value at a; memory = old (imm:TnAtomicOp) b; T-sized, atomically */
    TN_IR_ATOMIC_CAS,/* dst = old value at a; where it equals b (T bits), memory = c; atomically */
    TN_IR_FENCE,     /* full memory barrier */

    TN_IR_CALL,      /* dst (or none) = helper aux (a, b, c, d); see TnHelperInfo */
    TN_IR_HOSTV,     /* a vector or FP operation with a host form; see TnHostForm */
    TN_IR_HOSTX,     /* an instruction of the host's x87; see TnHostX */

    TN_IR_EXIT,      /* leave to guest pc imm, same mode: chained directly */
    TN_IR_EXIT_IF,   /* where a != 0: leave to guest pc imm, same mode; chained directly */
    TN_IR_EXIT_IND,  /* leave to guest pc a, same mode: looked up inline. With aux != 0, where a is
                      * not the sign extension of its low bits: `extra` is taken off a declared
                      * register again, then leave to guest pc imm instead (tn_ir_exit_bits, _reg) */
    TN_IR_EXIT_LOOP, /* leave to guest pc imm through the main loop: pending work is done and the
                      * block key computed anew (mode changes, interrupt shadows, ...) */
    TN_IR_EXIT_LOOP_IND, /* the same with guest pc a */
    TN_IR_EXIT_STATE,/* the same; the pc is already in the state (a helper wrote it) */
    TN_IR_COUNT
} TnIrOpc;

/* One operation. Blocks are arrays of these in a per-thread arena. */
typedef struct TnIrOp {
    uint8_t opc;   /* TnIrOpc */
    uint8_t type;  /* TnIrType */
    uint16_t aux;
    TnTemp dst, a, b, c, d;
    uint16_t extra; /* EXIT_IND: see tn_ir_exit_ind_checked */
    uint64_t imm;
} TnIrOp;

_Static_assert(sizeof(TnIrOp) == 24, "IR records are 24 bytes");

/*
 * The host form of a vector or FP operation (TN_IR_HOSTV: imm). On an x86-64 host the operation is
 * that one instruction; other hosts and the interpreter call the helper `aux` instead:
 *
 *     void fn(TnCpu *cpu, void *dst, const void *a, const void *b, const void *c, uint32_t imm8);
 *
 * with pointers to 32-byte slots: vectors in memory order, integers as a zero-extended uint64_t in
 * the first 8 bytes, absent operands NULL; dst's slot is distinct from all others and holds zeros
 * on entry. The helper leaves exceptions in the guest's MXCSR (TnTargetInfo.mxcsr_offset).
 *
 * Operands: `a` is the first source (VEX.vvvv, or the destination operand of the legacy form), `b`
 * the second (ModRM.rm), `c` the implicit XMM0 or the /is4 register of blends, or, for FMA, the
 * third. For a one-source instruction only b is present. Roles say which operands are integers.
 * The integer destination is written as T says; with DST_FLAGS dst is packed flags (COMISS, PTEST).
 * The instruction's dst register is written whole by a legacy form: bits the form keeps come from a.
 */
typedef struct TnHostForm {
    uint8_t opcode;
    uint8_t map;    /* 1: 0F, 2: 0F 38, 3: 0F 3A */
    uint8_t pp;     /* mandatory prefix: 0 none, 1 66, 2 F3, 3 F2 */
    uint8_t imm8;
    uint16_t flags; /* TN_HF_* */
    uint8_t ext;    /* ModRM.reg of group opcodes (shifts by an immediate), with TN_HF_GROUP */
    uint8_t reserved;
} TnHostForm;

_Static_assert(sizeof(TnHostForm) == 8, "a host form fits TnIrOp.imm");

enum {
    TN_HF_VEX = 1u << 0,     /* encode with VEX (three operands); otherwise legacy SSE */
    TN_HF_L256 = 1u << 1,    /* VEX.L = 1 */
    TN_HF_W = 1u << 2,       /* REX.W or VEX.W */
    TN_HF_IMM8 = 1u << 3,    /* an imm8 follows */
    TN_HF_DST_INT = 1u << 4, /* dst is an integer temporary */
    TN_HF_A_INT = 1u << 5,
    TN_HF_B_INT = 1u << 6,
    TN_HF_DST_FLAGS = 1u << 7, /* no register destination: dst is the packed flags */
    TN_HF_FP = 1u << 8,      /* depends on and updates MXCSR */
    TN_HF_GROUP = 1u << 9,   /* ModRM.reg is `ext`; the destination is VEX.vvvv or ModRM.rm */
    TN_HF_IS4 = 1u << 10,    /* c is encoded in imm8[7:4] */
    TN_HF_RM_DST = 1u << 11, /* ModRM.rm is the destination and reg the source (PEXTRx, MOVD store) */
    TN_HF_FMA = 1u << 12,    /* three sources: a is also the destination's old value, b vvvv, c rm */
    /* PCMPxSTRx: a is ModRM.reg; c is absent or an integer with EAX in its low half and EDX in its high
     * one. The index forms, with DST_INT, give ECX in the low half and packed flags in the high one; the
     * mask forms give XMM0. */
    TN_HF_STRING = 1u << 13,
};

static inline uint64_t tn_host_form_pack(TnHostForm f)
{
    return (uint64_t)f.opcode | (uint64_t)f.map << 8 | (uint64_t)f.pp << 16 |
           (uint64_t)f.imm8 << 24 | (uint64_t)f.flags << 32 | (uint64_t)f.ext << 48;
}

static inline TnHostForm tn_host_form_unpack(uint64_t v)
{
    return (TnHostForm){ .opcode = (uint8_t)v, .map = (uint8_t)(v >> 8), .pp = (uint8_t)(v >> 16),
                         .imm8 = (uint8_t)(v >> 24), .flags = (uint16_t)(v >> 32),
                         .ext = (uint8_t)(v >> 48) };
}

/*
 * An instruction of the host's x87 (TN_IR_HOSTX: imm), emitted only where TnIrBuilder.host_x87 says
 * that the back end has the unit. The guest's register stack, status word and control word live in
 * the unit then, all exceptions masked, from the first such operation until somebody asks for them
 * in the state (TnX87Ops): an operation behaves as that instruction does, and a fault of its memory
 * operand leaves the unit as it was.
 */
typedef enum TnHostXKind {
    TN_HX_PLAIN,   /* registers only */
    TN_HX_LOAD,    /* reads T-sized memory at address a (V128: 10 bytes); aux: TN_MEM_* */
    TN_HX_STORE,   /* writes it */
    TN_HX_FLAGS,   /* dst = packed C, P, Z as the instruction sets them in EFLAGS (FCOMI) */
    TN_HX_COND,    /* FCMOVB: moves where a (0 or 1) is 1 */
    TN_HX_STATUS,  /* dst = the status word (FNSTSW AX) */
    TN_HX_CONTROL, /* FLDCW of the low 16 bits of a; one that unmasks exceptions calls
                    * TnX87Ops.refuse instead, which leaves the block */
    TN_HX_SYNC,    /* no instruction: what lived in the unit is in the state after it */
} TnHostXKind;

typedef struct TnHostX {
    uint8_t opcode; /* D8..DF */
    uint8_t modrm;  /* whole for register forms; of memory forms the reg field counts */
    uint8_t kind;   /* TnHostXKind */
} TnHostX;

static inline uint64_t tn_host_x_pack(TnHostX x)
{
    return (uint64_t)x.opcode | (uint64_t)x.modrm << 8 | (uint64_t)x.kind << 16;
}

static inline TnHostX tn_host_x_unpack(uint64_t v)
{
    return (TnHostX){ .opcode = (uint8_t)v, .modrm = (uint8_t)(v >> 8), .kind = (uint8_t)(v >> 16) };
}

/*
 * The builder. One per translating thread, owned by the core. Emission is inline. [vcpu]
 */
enum { TN_IR_KNOWN_REGS = 20 };

struct TnIrBuilder {
    TnIrOp *ops;       /* TN_IR_MAX_OPS, of which only those in use take memory; a page that cannot
                        * be written to follows */
    uint32_t n_ops;
    uint32_t n_temps;  /* the next free temporary; starts at 1 */
    uint32_t n_insns;  /* INSN operations so far */
    uint32_t max_insns;/* the block must end at or before this many instructions */
    uint32_t flags;    /* TN_BLOCK_* set by the front end */
    uint64_t pc;       /* the block's first guest pc */
    uint64_t end_pc;   /* set by the front end: first byte after the last instruction */
    void *core;        /* the translating core's context, for tn_ir_fetch */
    void *user;        /* the front end's own, per translation */
    bool host_x87;     /* set by the core: TN_IR_HOSTX may be used */
    uint8_t rounds;    /* set by the core: where a conditional jump leads back to the block's start, the
                        * front end goes on there, so often that the block has this many rounds;
                        * 0 and 1: it ends there */
    const uint64_t *heads; /* set by the core: bits of the page's bytes that blocks are to end before
                            * (tn_ir_at_head), or NULL */
    const uint8_t *code; /* set by the core: the bytes read so far, n_code from the linear address */
    uint64_t code_at;    /* code_at on; for tn_ir_code */
    uint32_t n_code;
    /* What holds the first declared registers as TN_I32 and as TN_I64; 0 where nothing is known to. It
     * is the front end's, but for CALL, which may change any of them. */
    TnTemp known[TN_IR_KNOWN_REGS][2];
};

enum {
    TN_IR_MAX_TEMPS = 4096,
    TN_IR_SPARE_TEMPS = 512, /* what one instruction can always have */
    TN_IR_MAX_INSNS = 256,
    TN_IR_MAX_OPS = 1 << 15, /* more than so many instructions and temporaries make */
};

static inline TnTemp tn_ir_temp(TnIrBuilder *b)
{
    return (TnTemp)b->n_temps++;
}

/* Out of temporaries: the front end ends the block at the next instruction. */
static inline bool tn_ir_is_full(const TnIrBuilder *b)
{
    return b->n_temps >= TN_IR_MAX_TEMPS - TN_IR_SPARE_TEMPS;
}

/* True where a block that did not begin at the linear address, on its first page, is to end before it. */
static inline bool tn_ir_at_head(const TnIrBuilder *b, uint64_t linear)
{
    enum { PAGE_BYTES = 4096, WORD = 64 };
    unsigned i = (unsigned)(linear % PAGE_BYTES);

    return b->heads && b->heads[i / WORD] >> (i % WORD) & 1;
}

/* Room for the next record, which is to be written whole. */
static inline TnIrOp *tn_ir_next(TnIrBuilder *b)
{
    return &b->ops[b->n_ops++];
}

/* Appends a record and returns it, to be filled at once (the pointer dies with the next append). */
static inline TnIrOp *tn_ir_append(TnIrBuilder *b, TnIrOpc opc, TnIrType type)
{
    TnIrOp *op = tn_ir_next(b);
    *op = (TnIrOp){ .opc = (uint8_t)opc, .type = (uint8_t)type };
    return op;
}

/* Writes a whole record. */
static inline void tn_ir_write(TnIrOp *op, TnIrOpc opc, TnIrType type, uint16_t aux, TnTemp dst,
                               TnTemp a, TnTemp x, TnTemp c, uint64_t imm)
{
    op->opc = (uint8_t)opc;
    op->type = (uint8_t)type;
    op->aux = aux;
    op->dst = dst;
    op->a = a;
    op->b = x;
    op->c = c;
    op->d = TN_TEMP_NONE;
    op->extra = 0;
    op->imm = imm;
}

/* Generic forms: name the operation and its operands, get the destination. */
static inline TnTemp tn_ir_op(TnIrBuilder *b, TnIrOpc opc, TnIrType type, TnTemp a, TnTemp x,
                              TnTemp c, uint16_t aux, uint64_t imm)
{
    TnTemp dst = tn_ir_temp(b);

    tn_ir_write(tn_ir_next(b), opc, type, aux, dst, a, x, c, imm);
    return dst;
}

static inline void tn_ir_insn(TnIrBuilder *b, uint64_t pc, unsigned length)
{
    tn_ir_write(tn_ir_next(b), TN_IR_INSN, TN_I64, (uint16_t)length, 0, 0, 0, 0, pc);
    b->n_insns++;
}

static inline TnTemp tn_ir_const(TnIrBuilder *b, TnIrType t, uint64_t value)
{
    return tn_ir_op(b, TN_IR_CONST, t, 0, 0, 0, 0, t == TN_I32 ? (uint32_t)value : value);
}

static inline TnTemp tn_ir_get(TnIrBuilder *b, TnIrType t, unsigned reg)
{
    return tn_ir_op(b, TN_IR_GET, t, 0, 0, 0, (uint16_t)reg, 0);
}

static inline void tn_ir_put(TnIrBuilder *b, TnIrType t, unsigned reg, TnTemp value)
{
    tn_ir_write(tn_ir_next(b), TN_IR_PUT, t, (uint16_t)reg, 0, value, 0, 0, 0);
}

/* PUT of a V128: the register's upper half is kept, or cleared. */
static inline void tn_ir_put_low(TnIrBuilder *b, unsigned reg, TnTemp value, bool clear_upper)
{
    tn_ir_put(b, TN_V128, reg, value);
    b->ops[b->n_ops - 1].imm = clear_upper ? TN_PUT_CLEAR_UPPER : 0;
}

static inline void tn_ir_clear_upper(TnIrBuilder *b, unsigned first, unsigned count)
{
    TnIrOp *op = tn_ir_append(b, TN_IR_CLEAR_UPPER, TN_V256);
    op->aux = (uint16_t)first;
    op->imm = count;
}

static inline TnTemp tn_ir_ldenv(TnIrBuilder *b, TnIrType t, size_t offset)
{
    return tn_ir_op(b, TN_IR_LDENV, t, 0, 0, 0, 0, offset);
}

/* The number whose bytes tn_ir_late has found at `host`, as it is when execution gets there. */
static inline TnTemp tn_ir_ldcode(TnIrBuilder *b, TnIrType t, uintptr_t host)
{
    return tn_ir_op(b, TN_IR_LDCODE, t, 0, 0, 0, 0, host);
}

static inline void tn_ir_stenv(TnIrBuilder *b, TnIrType t, size_t offset, TnTemp value)
{
    TnIrOp *op = tn_ir_append(b, TN_IR_STENV, t);
    op->imm = offset;
    op->a = value;
}

static inline TnTemp tn_ir_envptr(TnIrBuilder *b, size_t offset)
{
    return tn_ir_op(b, TN_IR_ENVPTR, TN_I64, 0, 0, 0, 0, offset);
}

/* dst = opc(a) */
static inline TnTemp tn_ir_1(TnIrBuilder *b, TnIrOpc opc, TnIrType t, TnTemp a)
{
    return tn_ir_op(b, opc, t, a, 0, 0, 0, 0);
}

/* dst = opc(a, x) */
static inline TnTemp tn_ir_2(TnIrBuilder *b, TnIrOpc opc, TnIrType t, TnTemp a, TnTemp x)
{
    return tn_ir_op(b, opc, t, a, x, 0, 0, 0);
}

/* dst = opc(a, imm), for ADDI ... ROLI */
static inline TnTemp tn_ir_i(TnIrBuilder *b, TnIrOpc opc, TnIrType t, TnTemp a, uint64_t imm)
{
    return tn_ir_op(b, opc, t, a, 0, 0, 0, imm);
}

static inline TnTemp tn_ir_lea(TnIrBuilder *b, TnIrType t, TnTemp base, TnTemp index,
                               unsigned shift, int64_t disp)
{
    return tn_ir_op(b, TN_IR_LEA, t, base, index, 0, (uint16_t)shift, (uint64_t)disp);
}

static inline TnTemp tn_ir_deposit(TnIrBuilder *b, TnIrType t, TnTemp base, TnTemp value,
                                   unsigned pos, unsigned len)
{
    return tn_ir_op(b, TN_IR_DEPOSIT, t, base, value, 0, (uint16_t)pos, len);
}

static inline TnTemp tn_ir_extract(TnIrBuilder *b, TnIrType t, TnTemp a, unsigned pos,
                                   unsigned len)
{
    return tn_ir_op(b, TN_IR_EXTRACT, t, a, 0, 0, (uint16_t)pos, len);
}

static inline TnTemp tn_ir_setcond(TnIrBuilder *b, TnIrType t, TnCond cond, TnTemp a, TnTemp x)
{
    return tn_ir_op(b, TN_IR_SETCOND, t, a, x, 0, (uint16_t)cond, 0);
}

static inline TnTemp tn_ir_select(TnIrBuilder *b, TnIrType t, TnTemp cond, TnTemp if_true,
                                  TnTemp if_false)
{
    return tn_ir_op(b, TN_IR_SELECT, t, cond, if_true, if_false, 0, 0);
}

/* size_log2: 0..3 for 8..64 bits */
static inline TnTemp tn_ir_flags(TnIrBuilder *b, TnFlagOp fop, unsigned size_log2, TnTemp a,
                                 TnTemp x, TnTemp c)
{
    return tn_ir_op(b, TN_IR_FLAGS, TN_I32, a, x, c, (uint16_t)(fop | size_log2 << 8), 0);
}

static inline TnTemp tn_ir_flagcond(TnIrBuilder *b, TnFlagCond cond, TnTemp flags)
{
    return tn_ir_op(b, TN_IR_FLAGCOND, TN_I32, flags, 0, 0, (uint16_t)cond, 0);
}

static inline TnTemp tn_ir_ld(TnIrBuilder *b, TnIrType t, TnTemp addr, int64_t disp, unsigned mem)
{
    return tn_ir_op(b, TN_IR_LD, t, addr, 0, 0, (uint16_t)mem, (uint64_t)disp);
}

static inline void tn_ir_st(TnIrBuilder *b, TnIrType t, TnTemp addr, int64_t disp, TnTemp value,
                            unsigned mem)
{
    tn_ir_write(tn_ir_next(b), TN_IR_ST, t, (uint16_t)mem, 0, addr, value, 0, (uint64_t)disp);
}

static inline TnTemp tn_ir_atomic_rmw(TnIrBuilder *b, TnIrType t, TnAtomicOp aop, TnTemp addr,
                                      TnTemp value, unsigned mem)
{
    return tn_ir_op(b, TN_IR_ATOMIC_RMW, t, addr, value, 0, (uint16_t)mem, aop);
}

static inline TnTemp tn_ir_atomic_cas(TnIrBuilder *b, TnIrType t, TnTemp addr, TnTemp expected,
                                      TnTemp value, unsigned mem)
{
    return tn_ir_op(b, TN_IR_ATOMIC_CAS, t, addr, expected, value, (uint16_t)mem, 0);
}

/* A helper may have changed declared registers. */
static inline void tn_ir_forget(TnIrBuilder *b)
{
    memset(b->known, 0, sizeof(b->known));
}

/* Calls helper number `helper`; pass TN_TEMP_NONE for absent arguments. */
static inline TnTemp tn_ir_call(TnIrBuilder *b, unsigned helper, TnTemp a, TnTemp x, TnTemp c,
                                TnTemp d)
{
    TnTemp dst = tn_ir_op(b, TN_IR_CALL, TN_I64, a, x, c, (uint16_t)helper, 0);
    b->ops[b->n_ops - 1].d = d;
    tn_ir_forget(b);
    return dst;
}

/* The same for a helper that returns nothing. */
static inline void tn_ir_call_void(TnIrBuilder *b, unsigned helper, TnTemp a, TnTemp x, TnTemp c,
                                   TnTemp d)
{
    TnIrOp *op = tn_ir_append(b, TN_IR_CALL, TN_I64);
    tn_ir_forget(b);
    op->aux = (uint16_t)helper;
    op->a = a;
    op->b = x;
    op->c = c;
    op->d = d;
}

/* t is dst's type (TN_V128, TN_V256, or the width of an integer destination). */
static inline TnTemp tn_ir_hostv(TnIrBuilder *b, TnIrType t, TnHostForm form, unsigned helper,
                                 TnTemp a, TnTemp x, TnTemp c)
{
    return tn_ir_op(b, TN_IR_HOSTV, t, a, x, c, (uint16_t)helper, tn_host_form_pack(form));
}

/* Returns dst for FLAGS and STATUS, else TN_TEMP_NONE. mem: TN_MEM_* of LOAD and STORE. */
static inline TnTemp tn_ir_hostx(TnIrBuilder *b, TnIrType t, TnHostX x, TnTemp a, unsigned mem)
{
    bool value = x.kind == TN_HX_FLAGS || x.kind == TN_HX_STATUS;
    TnTemp dst = value ? tn_ir_temp(b) : TN_TEMP_NONE;
    TnIrOp *op = tn_ir_append(b, TN_IR_HOSTX, t);

    op->dst = dst;
    op->a = a;
    op->aux = (uint16_t)mem;
    op->imm = tn_host_x_pack(x);
    return dst;
}

static inline void tn_ir_exit(TnIrBuilder *b, uint64_t pc)
{
    tn_ir_write(tn_ir_next(b), TN_IR_EXIT, TN_I64, 0, 0, 0, 0, 0, pc);
}

/* Leaves to `pc` when cond is nonzero. */
static inline void tn_ir_exit_if(TnIrBuilder *b, TnTemp cond, uint64_t pc)
{
    tn_ir_write(tn_ir_next(b), TN_IR_EXIT_IF, TN_I64, 0, 0, cond, 0, 0, pc);
}

static inline void tn_ir_exit_ind(TnIrBuilder *b, TnTemp pc)
{
    tn_ir_append(b, TN_IR_EXIT_IND, TN_I64)->a = pc;
}

/* The same where a pc of more than `bits` significant bits goes to `otherwise`, after the `added`
 * bytes were taken off the declared 64-bit register `reg` again. */
static inline void tn_ir_exit_ind_checked(TnIrBuilder *b, TnTemp pc, unsigned bits, unsigned reg,
                                          uint16_t added, uint64_t otherwise)
{
    TnIrOp *op = tn_ir_append(b, TN_IR_EXIT_IND, TN_I64);
    op->a = pc;
    op->aux = (uint16_t)(bits | reg << 8);
    op->extra = added;
    op->imm = otherwise;
}

/* Its parts: bits is 0 where nothing is checked. */
static inline unsigned tn_ir_exit_bits(const TnIrOp *op)
{
    return op->aux & 0xff;
}

static inline unsigned tn_ir_exit_reg(const TnIrOp *op)
{
    return op->aux >> 8;
}

static inline void tn_ir_exit_loop(TnIrBuilder *b, uint64_t pc)
{
    tn_ir_append(b, TN_IR_EXIT_LOOP, TN_I64)->imm = pc;
}

static inline void tn_ir_exit_loop_ind(TnIrBuilder *b, TnTemp pc)
{
    tn_ir_append(b, TN_IR_EXIT_LOOP_IND, TN_I64)->a = pc;
}

static inline void tn_ir_exit_state(TnIrBuilder *b)
{
    tn_ir_append(b, TN_IR_EXIT_STATE, TN_I64);
}

#endif
