/* SPDX-License-Identifier: MIT */
/* What the passes over a block share: what they know of its temporaries, operations and groups. */
#ifndef TN_X64_CONTEXT_H
#define TN_X64_CONTEXT_H

#include "list.h"
#include "parts.h"
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
    union {
        struct {
            uint16_t flags;   /* X64_T_* */
            TnTemp next;      /* in the list of its host register */
            TnTemp next_slot; /* in the list of those that have a spill slot */
            TnTemp partner;   /* FLAGS: the result of the operation that also computes these flags */
        };
        uint64_t flags_alone; /* flags, the others 0 */
    };
    int16_t slot;      /* spill slot, -1 none */
    int16_t home;      /* declared register whose place in the state holds it, -1 none */
    int8_t reg;        /* host register (vectors: xmm number), X64_NONE */
    int8_t want;       /* pinned register it may be computed in, X64_NONE */
    uint8_t group;     /* the last group of accesses based on it, 0 none */
    int8_t held;       /* the last declared register that it became the value of, -1 none */
} X64Temp;

_Static_assert(sizeof(X64Temp) == 32, "two temporaries to a cache line");

/* One that nothing more is known of; the value is for who says that it is a constant. */
static inline void x64_new_temp(X64Temp *t, int def, int last, unsigned flags)
{
    t->last = last;
    t->def = def;
    t->flags_alone = flags;
    t->slot = t->home = -1;
    t->reg = t->want = X64_NONE;
    t->group = 0;
    t->held = -1;
}

/* What is known of an operation. */
typedef struct X64OpInfo {
    union {
        struct {
            uint16_t insn; /* its guest instruction, in X64Ctx.insns */
            uint8_t flags; /* X64_OP_* */
            uint8_t group; /* that the access belongs to, 0 none */
            uint8_t ahead; /* a guess: bytes of code behind one that may have a slow path (reach.c) */
        };
        uint64_t insn_alone; /* insn, the others 0 */
    };
} X64OpInfo;

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first field is the lowest");

/* Accesses that share a probe (groups.c). */
typedef struct X64Group {
    int32_t first, last; /* bytes, from the base of the first access */
    int32_t offset;      /* of that base, from the root */
    int32_t align_at;
    uint16_t first_op, last_op;
    TnTemp base;
    TnTemp addend;       /* what is added to a guest address, or 0; none where the group is one */
    uint8_t mode;        /* MMU mode */
    uint8_t align;       /* bits that have to be clear in the base with align_at added (rounds.c) */
    bool write;          /* some of them are stores */
    bool looks;          /* the others look whether it succeeded; else the block is left there */
    bool probed : 1;     /* the first access has been lowered */
    bool hoisted : 1;    /* probed before the first round (rounds.c): what is kept is the host address
                          * of the base, and no access can fail */
    uint8_t window;      /* its place in the frame, from 1 (loops.c); 0 none */
    int16_t site;        /* the window of its own that it has (sites.c), -1 none */
} X64Group;

_Static_assert(sizeof(X64Group) == 32 && TN_IR_MAX_OPS <= UINT16_MAX && TN_TLB_SITES <= INT16_MAX,
               "two groups to a cache line");

/* It is of more than one access. */
static inline bool x64_is_shared(const X64Group *g)
{
    return g->first_op != g->last_op;
}

enum { X64_MAX_GROUPS = 64, X64_NO_INSN = 1 << 16 /* the number of no guest instruction */ };

enum { X64_FIRST_XMM = 16 }; /* host vector registers come after the general ones */

typedef struct X64Ctx {
    X64Emit e;
    TnBlock *block;
    TnIrOp *ops;           /* without INSN and what the first walk has no use for; from 1 */
    int n_ops, n_temps;
    uint64_t *insns;       /* pcs of guest instructions, from 1; at 0 the block's own */
    X64Temp *temps;
    X64OpInfo *info;       /* of each operation */
    int i;                 /* the operation being lowered */
    int gone;              /* temporaries needed up to this operation are nowhere any more */
    bool settles_odd;      /* accesses that are not aligned may be left to code in C (sample.c) */
    bool tries_near;       /* jumps to slow paths are short where that seems to do (reach.c) */
    bool too_far;          /* it did not */
    unsigned n_near;       /* slow paths with short jumps, which are emitted first */

    /* Of each host register: the last operation that needs a temporary in it (one that is gone: the
     * register is free), and the first of the list of these, of which some may be gone. */
    _Alignas(16) int16_t until[X64_FIRST_XMM + 16];
    TnTemp held[X64_FIRST_XMM + 16];
    uint32_t preferred;    /* those to be taken first */
    uint32_t locked, locked_xmm; /* host registers in use by the operation being lowered */
    bool vectors;          /* some operation is of vectors */
    bool wide_used;        /* a 256-bit operation was emitted */
    uint8_t vec_need;      /* X64_VEC_* bit that the block's vector operations need */
    uint8_t vec_known;     /* bits that are known to be set here */
    bool vec_dirty;        /* vec_state is known to say that upper halves are in use */
    bool x87_live;         /* the guest's x87 is in the host's, seen to before in the block */

    TnTemp slotted;        /* the first temporary that has a spill slot */
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
    unsigned first_open, first_unsettled; /* groups.c, as what follows */
    int group_span;        /* bytes of a group, fewer than so many; 0: there are none */
    bool group_apart;      /* only accesses to the same bytes share a probe */
    bool group_looks;      /* all groups have looks */
    unsigned touched;      /* the last guest instruction that has accessed memory or changed something */
    unsigned changed;      /* the last one that has changed more than registers and memory */

    TnTemp *map;           /* what a temporary was replaced by, or itself */
    X64List stubs;         /* X64Stub */
    X64List exits;         /* TnBlockExit */
    X64List ways_out;      /* X64WayOut */
    X64List sides;         /* X64Side */
    X64List refills;       /* X64Refill */
    X64List misses;        /* uint8_t *: jumps of the guard */
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
    X64_OP_SILENT = 1u << 7,     /* its result is made where it is used, not here */
};

/* TN_OPT_* that are on. */
extern uint32_t x64_opt;

/* ---- The target, digested once (regs.c) -------------------------------------------------- */

typedef struct X64Plan {
    const TnTargetInfo *target;
    uint8_t type[X64_MAX_REGS]; /* of declared registers */
    int32_t home[X64_MAX_REGS]; /* their places in the state, from the env register */
    int8_t pin[X64_MAX_REGS];  /* declared register -> host register, X64_NONE */
    uint64_t pinnable;         /* the declared registers that are pinned to general ones, as bits */
    int16_t pinned[16];        /* host register -> declared register, -1 */
    uint32_t pin_mask;         /* host registers that hold a pinned one */
    int n_pins;
    int8_t vpin[X64_MAX_REGS]; /* declared vector register -> host vector register, X64_NONE */
    int16_t vpinned[16];
    uint32_t vpin_mask;
    uint32_t place[X64_MAX_REGS]; /* where it is pinned to in X64Ctx.held, a bit or 0 */
    int flags_reg;             /* the declared register whose PUTs wait: the first of 32 bits, or -1 */
} X64Plan;

extern X64Plan x64_plan;
void x64_plan_init(const TnTargetInfo *target);

/* Its place in the state. */
static inline X64Mem x64_reg_home(int declared)
{
    return x64_env(x64_plan.home[declared]);
}

#endif
