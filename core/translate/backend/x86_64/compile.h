/* SPDX-License-Identifier: MIT */
/*
 * The compilation of one block: what the passes share.
 *
 *   forward.c     forwards values through registers, folds constants, groups memory accesses
 *   backward.c    finds last uses, dead operations, and results that can be computed in place
 *   regalloc.c    gives temporaries host registers while the code is emitted, front to back
 *   loops.c       what a block that goes round need not do each time
 *   rounds.c      what a block of several rounds of a loop does before all of them
 *   lower-*.c     IR to code, by family
 *   vector-regs.c pinned vector registers
 *   stub.c        the out-of-line parts, emitted after the block
 *   slow.c        slow paths: their notes, and what is done about them
 */
#ifndef TN_X64_COMPILE_H
#define TN_X64_COMPILE_H

#include "emit.h"
#include "translate/ir-info.h"
#include "translate/ir-semantics.h"
#include "translate/translator.h"

/* What is known of a temporary. */
enum {
    X64_T_CONST = 1u << 0,
    X64_T_Z32 = 1u << 1,      /* bits 63..32 are zero */
    X64_T_VEC = 1u << 2,
    X64_T_WIDE = 1u << 3,     /* 256 bits */
    X64_T_VIRTUAL = 1u << 4,  /* not computed where it is defined but where it is used */
    X64_T_COND = 1u << 5,     /* 0 or 1, defined by SETCOND or FLAGCOND */
    X64_T_FLAGS = 1u << 6,    /* defined by FLAGS */
    X64_T_DEFINED = 1u << 7,  /* the code that defines it has been emitted */
    X64_T_VALUE = 1u << 8,    /* has a use that needs it in a register */
    X64_T_WHOLE = 1u << 9,    /* has a use that looks at bits 63..32 */
    X64_T_EXT32 = 1u << 10,   /* defined by EXT32U */
};

typedef struct X64Temp {
    uint64_t value;    /* constant */
    int32_t last;      /* operation that needs it last, -1 none */
    int32_t def;       /* operation that defines it, -1 none */
    uint16_t flags;    /* X64_T_* */
    TnTemp next;       /* in the list of its host register */
    TnTemp expire;     /* in the list of temporaries with the same last use */
    TnTemp partner;    /* FLAGS: the result of the operation that also computes these flags, or 0 */
    int16_t slot;      /* spill slot, -1 none */
    int16_t home;      /* declared register whose place in the state holds it, -1 none */
    int8_t reg;        /* host register (vectors: xmm number), X64_NONE */
    int8_t want;       /* pinned register it may be computed in, X64_NONE */
    uint8_t group;     /* the last group of accesses based on it, 0 none */
    int8_t held;       /* the last declared register that it became the value of, -1 none */
} X64Temp;

_Static_assert(sizeof(X64Temp) == 32, "two temporaries to a cache line");

/* What is known of an operation. */
typedef struct X64OpInfo {
    _Alignas(8) TnTemp expire; /* first temporary whose last use it is */
    uint16_t insn;     /* its guest instruction, in X64Ctx.insns */
    uint8_t flags;     /* X64_OP_* */
    uint8_t group;     /* that the access belongs to, 0 none */
} X64OpInfo;

typedef enum X64SrcKind { X64_SRC_REG, X64_SRC_IMM, X64_SRC_MEM } X64SrcKind;

/* An operand as an instruction may take it. */
typedef struct X64Src {
    uint8_t kind;    /* X64SrcKind */
    int8_t reg;
    bool narrow;     /* memory: only 32 bits are there */
    bool is_address; /* memory: its address is meant */
    union {
        uint64_t imm;
        X64Mem mem;
    };
} X64Src;

/* A number that no instruction of a size takes. */
static inline bool x64_is_wide_imm(const X64Src *s, unsigned size_log2)
{
    return s->kind == X64_SRC_IMM && size_log2 == 3 && !x64_fits32(s->imm);
}

/* The register as a bit, if it is one. */
static inline uint32_t x64_src_bit(const X64Src *s)
{
    return s->kind == X64_SRC_REG ? 1u << s->reg : 0;
}

_Static_assert(sizeof(X64Src) == 16, "operands are passed in two registers");

/* How packed flags are computed (or are there already), frozen at one place in the block. */
typedef struct X64Recipe {
    bool packed;       /* a is the packed value itself */
    bool from_result;  /* a is the result; the first operand is a - b (ADD) or a + b (SUB) */
    uint8_t fop;       /* TnFlagOp */
    uint8_t size_log2;
    X64Src a, b, c;
} X64Recipe;

/* Which vector temporaries a slow path keeps, and how much of them. */
typedef enum X64Keep { X64_KEEP_NONE, X64_KEEP_LOW, X64_KEEP_WHOLE, X64_N_KEEPS } X64Keep;

/* An out-of-line part. */
typedef struct X64Stub {
    enum { X64_STUB_LOAD, X64_STUB_STORE, X64_STUB_LOAD_VEC, X64_STUB_STORE_VEC, X64_STUB_RMW,
           X64_STUB_CAS, X64_STUB_X87_ENTER, X64_STUB_X87_SYNC, X64_STUB_X87_REFUSE,
           X64_STUB_X87_LOAD, X64_STUB_X87_STORE, X64_STUB_X87_PROBE,
           X64_STUB_DIVIDE, X64_STUB_REQUEST, X64_STUB_SITE, X64_STUB_VEC_STATE } kind;
    bool flags_pending;
    bool wide;
    bool vector;        /* LOAD, STORE: dst or value is the low part of an xmm register */
    uint8_t n_from;
    uint8_t *from[2];   /* displacements of the jumps to it */
    uint8_t *back;      /* where it returns to */
    uint64_t pc;
    uint32_t mem;       /* argument of tn_mmu_*; DIVIDE: the helper */
    uint32_t aop;       /* RMW: TnAtomicOp */
    X64Src addr, value, value2;
    int64_t disp;       /* added to addr */
    int dst;            /* host register, X64_NONE */
    int clear;          /* host register that becomes 0, X64_NONE */
    uint32_t live_vec;  /* xmm registers to keep */
    uint32_t wide_vec;  /* those of them with 256 bits */
    X64Recipe flags;
    TnHostX x87;        /* X87_LOAD, X87_STORE: the instruction */
} X64Stub;

/* The taken side of a conditional exit, out of line. */
typedef struct X64Side {
    uint8_t *from;
    uint64_t pc;
    bool flags_pending;
    bool host_live; /* the host's flags are the pending ones at the jump */
    bool early;     /* the jump is to be patched */
    X64Recipe flags;
} X64Side;

/* A direct exit. */
typedef struct X64Exit {
    uint64_t pc;
    uint8_t *patch;   /* displacement of the jump */
    uint8_t *request; /* displacement of the jump taken where exit_request is set, or NULL */
    uint8_t *early;   /* displacement of the jump past the storing of flags, or NULL */
    uint8_t *late;    /* where that begins */
    uint8_t *open;    /* displacement of the jump of one that may be open; NULL: a direct exit */
    bool flags_pending; /* at the request */
    bool noted;       /* TnBlockExit.noted: `early` is the jump, there is no `patch` yet */
    X64Recipe flags;
} X64Exit;

/* Accesses that share a probe (groups.c). */
typedef struct X64Group {
    unsigned mode;       /* MMU mode */
    bool write;          /* some of them are stores */
    int32_t first, last; /* bytes, from the base of the first access */
    int32_t offset;      /* of that base, from the root */
    unsigned n;
    int first_op, last_op;
    unsigned window;     /* its place in the frame, from 1 (loops.c); 0 none */
    int site;            /* the window of its own that it has (sites.c), -1 none */
    TnTemp addend;       /* what is added to a guest address, or 0; none where the group is one */
    bool probed;         /* the first access has been lowered */
    TnTemp base;
    uint8_t align;       /* bits that have to be clear in the base with align_at added (rounds.c) */
    int32_t align_at;
    bool hoisted;        /* probed before the first round (rounds.c): what is kept is the host address
                          * of the base, and no access can fail */
} X64Group;

enum { X64_MAX_GROUPS = 64 };

/* A probe, and where it stands out of line because a window serves mostly. */
typedef struct X64Refill {
    int addr, index, tag;     /* host registers; the last two are clobbered */
    int32_t first, last;      /* bytes, from the address */
    int32_t disp, align;      /* of the access; bits of the address that have to be clear */
    unsigned mode, window;
    int site;                 /* instead of the window, or -1 */
    bool write;
    uint32_t also;            /* bits of the tag that are to be set, too */
    guint stub;               /* the slow path */
    uint8_t *from, *back;
} X64Refill;

typedef struct X64Ctx {
    X64Emit e;
    TnBlock *block;
    TnIrOp *ops;           /* without INSN and what the first walk has no use for; from 1 */
    int n_ops, n_temps;
    uint64_t *insns;       /* pcs of guest instructions, from 1; at 0 the block's own */
    X64Temp *temps;
    X64OpInfo *info;       /* of each operation */
    int i;                 /* the operation being lowered */

    TnTemp gpr[16], xmm[16]; /* first temporary held by each host register, 0 free */
    uint32_t locked, locked_xmm; /* host registers in use by the operation being lowered */
    bool vectors;          /* some operation is of vectors */
    bool wide_used;        /* a 256-bit operation was emitted */
    uint8_t vec_need;      /* X64_VEC_* bit that the block's vector operations need */
    uint8_t vec_known;     /* bits that are known to be set here */
    bool vec_dirty;        /* vec_state is known to say that upper halves are in use */
    bool x87_live;         /* the guest's x87 is in the host's, seen to before in the block */

    uint32_t slots_used[TN_IR_MAX_TEMPS / 32 + 1], vec_slots_used[TN_IR_MAX_TEMPS / 32 + 1];
    TnTemp home_of[X64_MAX_REGS]; /* temporary that a declared register's place in the state holds */

    TnTemp pending_flags;  /* FLAGS whose PUT is not done yet, 0 none */
    TnTemp host_flags;     /* FLAGS or its partner that the host's flags are of while
                            * e.flags_at == e.p */

    bool reads_flags;      /* the block reads the flags it is entered with */
    bool flags_dead;       /* it overwrites them before anybody can see them */
    bool goes_round;       /* it has an exit to its own start */

    X64Group groups[X64_MAX_GROUPS];
    unsigned n_groups;     /* with 0, which is none */
    unsigned first_open, first_unsettled; /* groups.c */

    TnTemp *map;           /* what a temporary was replaced by, or itself */
    GArray *stubs;
    GArray *exits;         /* X64Exit */
    GArray *sides;         /* X64Side */
    GArray *refills;       /* X64Refill */
    GArray *misses;        /* uint8_t *: jumps of the guard */
    int loop_exit;         /* the exit to the block's own start, -1 none that counts */
    unsigned n_windows;
    int flags_until;       /* the last operation that may want the flags the block was entered
                            * with, -1: they may not be left as a mark */
    X64Recipe marked;      /* what a mark stands for */
} X64Ctx;

enum {
    X64_OP_DEAD = 1u << 0,
    X64_OP_SETS_FLAGS = 1u << 1, /* a FLAGS shares this operation's host flags */
    X64_OP_AS_SUB = 1u << 2,     /* ... and is a subtraction: ADDI is to be emitted as SUB */
    X64_OP_AS_STEP = 1u << 3,    /* ... and is INC or DEC, which keep the carry */
    X64_OP_VECTOR = 1u << 4,     /* LD to, ST from the low part of a vector register */
    X64_OP_FLAG_OPERANDS = 1u << 5, /* has FLAGS among its operands and needs their value */
    X64_OP_HOISTED = 1u << 6,    /* an access of a hoisted group */
};

/* TN_OPT_* that are on. */
extern uint32_t x64_opt;

/* ---- The target, digested once (regs.c) -------------------------------------------------- */

typedef struct X64Plan {
    const TnTargetInfo *target;
    int8_t pin[X64_MAX_REGS];  /* declared register -> host register, X64_NONE */
    int16_t pinned[16];        /* host register -> declared register, -1 */
    uint32_t pin_mask;         /* host registers that hold a pinned one */
    int n_pins;
    int8_t vpin[X64_MAX_REGS]; /* declared vector register -> host vector register, X64_NONE */
    int16_t vpinned[16];
    uint32_t vpin_mask;
    int flags_reg;             /* the declared register whose PUTs wait: the first of 32 bits, or -1 */
} X64Plan;

extern X64Plan x64_plan;
void x64_plan_init(const TnTargetInfo *target);
X64Mem x64_reg_home(int declared); /* its place in the state */

/* ---- forward.c, backward.c: in this order ------------------------------------------------ */

void x64_forwards(X64Ctx *cx, const TnIrOp *ops, int n_ops);
void x64_backwards(X64Ctx *cx);

/* The pc of the guest instruction that the operation being lowered is of. */
static inline uint64_t x64_insn_pc(const X64Ctx *cx)
{
    return cx->insns[cx->info[cx->i].insn];
}

static inline bool x64_is_const(const X64Ctx *cx, TnTemp t)
{
    return cx->temps[t].flags & X64_T_CONST;
}

/* How many of the first operands an operation looks at in their low 32 bits only. */
static inline unsigned x64_reads_low_half(const TnIrOp *op)
{
    if (op->opc >= TN_IR_EXT8U && op->opc <= TN_IR_EXT32S)
        return 1;
    if (op->opc == TN_IR_FLAGS)
        return op->aux >> 8 <= 2 ? 2 : 0;
    return op->type == TN_I32 && op->opc >= TN_IR_ADD && op->opc <= TN_IR_SETCOND ? 2 : 0;
}

/* Where a SETCOND asks whether its second operand is the sign extension of its low bits, how many
 * there are not among these; else 0. Its first operand is not needed then. */
static inline unsigned x64_tests_sign(const X64Ctx *cx, const TnIrOp *op)
{
    enum { MOST = 30 };

    if (op->opc != TN_IR_SETCOND || op->type != TN_I64 ||
        (op->aux != TN_COND_EQ && op->aux != TN_COND_NE))
        return 0;
    const TnIrOp *right = &cx->ops[MAX(cx->temps[op->a].def, 0)];
    const TnIrOp *left = &cx->ops[MAX(cx->temps[right->a].def, 0)];
    bool tests = right->dst == op->a && right->opc == TN_IR_SARI && right->type == TN_I64 &&
                 right->imm <= MOST && left->dst == right->a && left->opc == TN_IR_SHLI &&
                 left->type == TN_I64 && left->imm == right->imm && left->a == op->b;

    return tests ? (unsigned)right->imm : 0;
}

/* ---- groups.c ---------------------------------------------------------------------------- */

/* The same address as that of an access, without the constants that were added to it. */
typedef struct X64Root {
    TnTemp temp;
    int64_t disp;
} X64Root;

/* On the way forwards: a LD or ST, a helper's call, a conditional exit. */
void x64_join_group(X64Ctx *cx, int i, const TnIrOp *op, X64Root root);
void x64_groups_at_call(X64Ctx *cx, uint32_t helper_flags);
enum { X64_GROUP_SPAN = 128 }; /* bytes from the lowest to the highest of most groups */
void x64_groups_at_branch(X64Ctx *cx);
/* After both walks. */
void x64_finish_groups(X64Ctx *cx);

/* The group of the operation being lowered, or NULL. */
static inline X64Group *x64_group(X64Ctx *cx)
{
    unsigned group = cx->info[cx->i].group;

    return group && cx->groups[group].addend ? &cx->groups[group] : NULL;
}

/* ---- loops.c ----------------------------------------------------------------------------- */

void x64_find_loop(X64Ctx *cx);
/* The code that only an entry from elsewhere runs. */
void x64_enter_loop(X64Ctx *cx);

/* The group whose window the operation being lowered may go through, or NULL. */
static inline X64Group *x64_window(X64Ctx *cx)
{
    X64Group *g = &cx->groups[cx->info[cx->i].group];
    return cx->info[cx->i].group && g->window ? g : NULL;
}

/* Emits what stands for a probe; r says how to probe. Gives the operand for the host's access. */
X64Mem x64_through_window(X64Ctx *cx, const X64Group *g, X64Refill *r);
void x64_emit_refills(X64Ctx *cx); /* before the stubs */
/* Leaves a mark for flags r at the exit being lowered, where it may. */
bool x64_mark_flags(X64Ctx *cx, const X64Recipe *r);

/* ---- rounds.c ---------------------------------------------------------------------------- */

/* True where the block is one of several rounds. */
static inline bool x64_has_rounds(const X64Ctx *cx)
{
    return cx->block->asked == TN_BLOCK_ROUNDS;
}

/* Between the two walks: finds the groups whose bases are known when the block is entered. */
void x64_hoist_probes(X64Ctx *cx);
/* The probes, and where they lead when one fails. */
void x64_emit_guard(X64Ctx *cx);
void x64_emit_guard_exit(X64Ctx *cx);

/* The operand of an access of a hoisted group. */
X64Mem x64_hoisted(X64Ctx *cx, const TnIrOp *op);

/* ---- sites.c ----------------------------------------------------------------------------- */

/* Gives the accesses of a hot block windows of their own. */
void x64_give_sites(X64Ctx *cx);
/* The block's, which no vCPU runs any more. */
void x64_drop_sites(const TnBlock *block);
/* That of the operation being lowered, or -1. Where there is no temporary for what a group found, its
 * accesses have none. */
static inline int x64_site(X64Ctx *cx)
{
    const X64Group *g = &cx->groups[cx->info[cx->i].group];

    return cx->info[cx->i].group && (g->n == 1 || g->addend) ? g->site : -1;
}

X64Mem x64_through_site(X64Ctx *cx, X64Refill *r);
void x64_emit_site_refill(X64Ctx *cx, const X64Refill *r);

/* ---- regalloc.c -------------------------------------------------------------------------- */

/* The host register of t, loaded where needed; locked until the operation ends. */
int x64_in(X64Ctx *cx, TnTemp t);
/* t as an operand of an instruction of width w (0 or X64_W): register, immediate, or memory. Locked. */
X64Src x64_src(X64Ctx *cx, unsigned w, TnTemp t);
/* The same without a lock and with immediates of any size. */
X64Src x64_peek(const X64Ctx *cx, TnTemp t);
/* Operands that die with this operation leave their registers; the contents stay until something
 * else is put there, and slots stay taken until the operation ends. */
void x64_release(X64Ctx *cx);
/* A register for t, which this operation defines: the pinned one it wants, else `prefer` where that
 * is free now, else any; none of `avoid`. */
int x64_out(X64Ctx *cx, TnTemp t, int prefer, uint32_t avoid);
/* Says that t is now in `reg`, too. */
void x64_bind(X64Ctx *cx, TnTemp t, int reg);
/* Says that t is now in `reg` instead of where it was. */
void x64_rebind(X64Ctx *cx, TnTemp t, int reg);
/* A virtual FLAGS that has not been computed. */
bool x64_is_unmade(const X64Temp *t);
/* A free scratch register, locked until the operation ends. */
int x64_tmp(X64Ctx *cx);
/* Unlocks a register. */
void x64_unlock(X64Ctx *cx, int reg);
/* Makes a given scratch register free and locks it. */
void x64_claim(X64Ctx *cx, int reg);
/* Moves whatever lives in reg beyond this operation elsewhere. */
void x64_evict(X64Ctx *cx, int reg);
/* Puts every temporary in scratch and vector registers that lives on into its slot. */
void x64_spill_all(X64Ctx *cx);
/* Temporaries that live on and share a pinned register or a place in the state get their own. */
void x64_unshare_all(X64Ctx *cx);
void x64_unshare_home(X64Ctx *cx, int declared);
void x64_end_op(X64Ctx *cx);

int x64_vin(X64Ctx *cx, TnTemp t);
X64Src x64_vsrc(X64Ctx *cx, TnTemp t);
int x64_vout(X64Ctx *cx, TnTemp t, int prefer, uint32_t avoid);
int x64_vtmp(X64Ctx *cx);
void x64_vclaim(X64Ctx *cx, int reg);
void x64_vunlock(X64Ctx *cx, int reg);
/* Moves what lives in reg beyond this operation elsewhere, or only the 256-bit part of it. */
void x64_vevict(X64Ctx *cx, int reg, bool wide_only);
/* The same for temporaries of 256 bits in registers that are not pinned: to their slots. */
void x64_spill_wide(X64Ctx *cx);
/* Says that a declared register's place in the state holds t. */
void x64_set_home(X64Ctx *cx, TnTemp t, int declared);
uint32_t x64_vlive(const X64Ctx *cx, uint32_t *wide);
/* t's spill slot, given one where it has none (nothing is stored). */
X64Mem x64_slot(X64Ctx *cx, TnTemp t);

/* ---- lower-*.c --------------------------------------------------------------------------- */

/* All operations; false where there is no room. */
bool x64_lower(X64Ctx *cx);
/* Room for one more operation or stub. */
bool x64_room(const X64Ctx *cx);
void x64_lower_alu(X64Ctx *cx, const TnIrOp *op);
void x64_lower_bits(X64Ctx *cx, const TnIrOp *op);
void x64_lower_state(X64Ctx *cx, const TnIrOp *op);
void x64_lower_flags(X64Ctx *cx, const TnIrOp *op);
void x64_lower_condition(X64Ctx *cx, const TnIrOp *op);
void x64_lower_memory(X64Ctx *cx, const TnIrOp *op);
void x64_lower_atomic(X64Ctx *cx, const TnIrOp *op);
void x64_lower_call(X64Ctx *cx, const TnIrOp *op);
void x64_lower_hostv(X64Ctx *cx, const TnIrOp *op);
void x64_lower_hostx(X64Ctx *cx, const TnIrOp *op);
/* The instruction of a memory form on another place than the guest's memory: in stubs. */
void x64_hostx_memory(X64Emit *e, TnHostX x, X64Mem m);
void x64_lower_control(X64Ctx *cx, const TnIrOp *op);
void x64_emit_stubs(X64Ctx *cx);
void x64_emit_sides(X64Ctx *cx);
void x64_emit_exits(X64Ctx *cx);

/* ---- vector-regs.c ----------------------------------------------------------------------- */

/* True where an operation needs whole vector registers. */
bool x64_looks_at_upper(const TnIrOp *op);
/* Before a vector operation: the pinned vector registers are in host registers. */
void x64_vec_enter(X64Ctx *cx, const TnIrOp *op);
/* After code in C: they are in the state. */
void x64_vec_lost(X64Ctx *cx);
void x64_lower_vector_reg(X64Ctx *cx, const TnIrOp *op); /* GET, PUT, CLEAR_UPPER */
/* Whether a PUT of V128 may be computed in its register. */
bool x64_vec_in_place(const X64Ctx *cx, const TnIrOp *put);

/* A block that leaves upper halves in use where no vec_state tells of them has to clear them. */
static inline bool x64_must_clear_upper(const X64Ctx *cx)
{
    return cx->wide_used && !x64_plan.vpin_mask;
}

/* A slow path that freezes where things are now. */
X64Stub *x64_new_stub(X64Ctx *cx, const TnIrOp *op, int kind);
/* Emits the TLB probe of the access op at register addr: index and tag are clobbered. Gives the
 * operand for the host's access. */
X64Mem x64_probe(X64Ctx *cx, X64Stub *s, const TnIrOp *op, int addr, int index, int tag);
/* The same alone: r->index becomes the addend, r->tag the page. Returns the jump of a miss. */
uint8_t *x64_emit_probe(X64Emit *e, const X64Refill *r);

/* A call in three steps: what comes before the arguments are looked at, then the call with
 * everything spilled. */
void x64_before_call(X64Ctx *cx, uint32_t flags);
void x64_call_helper(X64Ctx *cx, void (*fn)(void), uint32_t flags, X64Src *args, int n);
X64Src x64_cpu_arg(void);
/* state or TnCpu field = pc; flags are kept. */
void x64_store_pc(X64Ctx *cx, int32_t env_ofs, uint64_t pc);

/* dst = src at w (0: zero-extended low half), whatever src is. */
void x64_mov_src(X64Ctx *cx, unsigned w, int dst, const X64Src *src);
/* op dst, src for X64_ADD ... X64_CMP at a size. */
void x64_alu_src(X64Emit *e, uint32_t op, unsigned size_log2, int dst, const X64Src *src);

/* Sets the host's flags so that the condition code returned is true where t is nonzero. */
unsigned x64_cond(X64Ctx *cx, TnTemp t);
/* Freezes how packed flags t are to be computed. */
X64Recipe x64_recipe(X64Ctx *cx, TnTemp t);
/* Leaves the pending flags to whoever comes next, on a path that leaves the block: temporaries may
 * be clobbered except those in `keep`. Does not change what the allocator knows. */
void x64_flush_flags_leaving(X64Ctx *cx, uint32_t keep);
/* The same for a recipe frozen before; host_live: the host's flags are already its. */
void x64_leave_recipe(X64Ctx *cx, const X64Recipe *r, bool host_live, uint32_t keep);
/* Whether that may also be emitted when the exit is linked, without the context, and doing so. */
bool x64_may_store_later(const X64Recipe *r);
void x64_store_later(X64Emit *e, const X64Recipe *r);
/* X64_LAZY_* of a recipe. */
int32_t x64_recipe_word(const X64Recipe *r);
/* Where the block reads the flags it was entered with: sees to it that they are in the state. */
void x64_enter_flags(X64Ctx *cx);
/* True where the host's flags are now those of t, but for the carry of INC and DEC. */
bool x64_host_has(const X64Ctx *cx, TnTemp t);
/* Makes them so from flags that are not packed; need_carry: of INC and DEC, too. */
void x64_make_host_flags(X64Ctx *cx, TnTemp t, bool need_carry);
/* Stores the pending flags to the state and goes on. */
void x64_flush_flags(X64Ctx *cx);
/* eax = packed flags (of them `bits`) from the host's. */
void x64_pack_rax(X64Ctx *cx, uint32_t bits);
/* eax = packed flags t from the host's, which have O clear and stand until something changes them. */
void x64_pack_rax_without_overflow(X64Ctx *cx, TnTemp t);
/* Computes a virtual FLAGS into a register. */
void x64_materialise_flags(X64Ctx *cx, TnTemp t);

/* ---- thunks.c ---------------------------------------------------------------------------- */

enum { X64_MISSED_PC = 17 }; /* bytes before its return address where the pc's 32 bits are */

typedef struct X64Thunks { /* addresses in the writable mapping */
    uint8_t *enter;
    uint8_t *leave;          /* rax: TnRunExit; rdx: the note of a direct exit */
    uint8_t *leave_direct;   /* called by an exit with a note behind it (notes.h) */
    uint8_t *leave_noted;    /* the same with the recipe of flags behind that (slow.h) */
    uint8_t *next;           /* the pc is in the state: to the next block */
    uint8_t *missed;         /* called where a lookup missed: X64_MISSED_PC */
    uint8_t *missed_rax;     /* jumped to where one did for the pc in RAX */
    uint8_t *next_after;     /* the same, called by an exit that may be open, with its note */
    uint8_t *save_pins;      /* all pinned registers to the state */
    uint8_t *load_pins;      /* and back */
    /* Where the guest's MXCSR is in force (mxcsr.c), else nothing: */
    uint8_t *mxcsr_leave;    /* guest's to the state, host's in force; uses eax */
    uint8_t *mxcsr_store;    /* guest's to the state; uses eax */
    uint8_t *mxcsr_enter;    /* the reverse; uses ecx */
    uint8_t *slow[X64_N_KEEPS]; /* slow paths, called with a note behind (slow.h) */
    uint8_t *vec_load[4];    /* by X64_VEC_* bit: makes it set; keeps all registers not pinned */
    uint8_t *vec_save;       /* pinned vector registers to the state; keeps integer registers */
    uint8_t *vec_restore;    /* and back to what vec_state was: eax */
    uint8_t *flags;          /* brings the flags into the state; keeps all integer registers */
} X64Thunks;

extern X64Thunks x64_thunks;
void x64_make_thunks(void);
/* Aligns the place for another thunk and gives it. */
uint8_t *x64_begin_thunk(X64Emit *e);

/* Emit the change of MXCSR: guest's flags to the state; the same, and the host's in force (both use
 * eax); the guest's in force (ecx). */
void x64_mxcsr_store(X64Emit *e);
void x64_mxcsr_leave(X64Emit *e);
void x64_mxcsr_enter(X64Emit *e);
/* What counts of the host's own. */
uint32_t x64_mxcsr_host(uint32_t mxcsr);
void x64_make_mxcsr_thunks(X64Emit *e);
/* Calls code in C, with the pinned vector registers in the state and no upper half in use. Clobbers
 * rax where fn is far. */
void x64_emit_call_c(X64Emit *e, void (*fn)(void));

/* ---- slow.c ------------------------------------------------------------------------------ */

/* Before code is left by a jump out of a helper: what slow paths leave of the flags goes to the
 * state. */
void x64_unwinding(TnCpu *cpu);

/* ---- run.c ------------------------------------------------------------------------------- */

TnRunResult x64_run(TnCpu *cpu, TnBlock *block);
/* After code was left by a jump out of a helper. */
void x64_unwound(TnCpu *cpu);
/* Puts the TLBs of cpu->tlb in force for translated code on this thread. */
void x64_tlb_moved(TnCpu *cpu);

/* ---- sample.c ---------------------------------------------------------------------------- */

void x64_sampling_init(void);
/* Before this thread runs code: has it looked at from time to time. */
void x64_sampling_start(TnCpu *cpu);
/* What TnBackend says of it. */
void x64_sampled(TnCpu *cpu);

/* ---- link.c ------------------------------------------------------------------------------ */

/* What TnBackend says of them. */
void x64_link(TnBlock *from, unsigned exit, TnBlock *to);
void x64_unlink(TnBlock *from, unsigned exit);
void x64_link_lookup(TnBlock *from, unsigned exit);
/* To the block for the pc that the state has. */
void x64_emit_next(X64Emit *e);
/* Emits, at an indirect exit to the pc in a register, what links it to the first one: gives the
 * place to patch, whose jump is to lead to x64_thunks.next_after. tmp is clobbered. */
uint8_t *x64_open_exit(X64Emit *e, const TnBlock *block, int pc, int tmp);
/* Whether that is what stands there. */
bool x64_is_open_exit(const uint8_t *place, const uint8_t *code);
/* What that thunk calls. */
const void *x64_next_after(TnCpu *cpu, const uint8_t *note);
/* To the block for pc, by the jump cache. `request`: a jump to be led past that, or NULL. */
void x64_emit_lookup(X64Emit *e, uint64_t pc, uint8_t *request);

/* ---- vector-thunks.c --------------------------------------------------------------------- */

X64Mem x64_vec_state(void);
/* Has the pinned vector registers stored where they are not in the state. Keeps integer registers. */
void x64_save_vectors(X64Emit *e);
void x64_make_vector_thunks(X64Emit *e);

#endif
