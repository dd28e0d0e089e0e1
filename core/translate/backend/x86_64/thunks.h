/* SPDX-License-Identifier: MIT */
/* The code beside all blocks, and how blocks are run, left and linked. */
#ifndef TN_X64_THUNKS_H
#define TN_X64_THUNKS_H

#include "context.h"
#include "put.h"

/* ---- thunks.c ---------------------------------------------------------------------------- */

enum { X64_MISSED_PC = 17 }; /* bytes before its return address where the pc's 32 bits are */

typedef struct X64Thunks { /* addresses in the writable mapping */
    uint8_t *enter;
    uint8_t *leave;          /* rax: TnRunExit; rdx: the note of a direct exit */
    uint8_t *leave_direct;   /* called by an exit, with the host's flags that it had, and by one to
                              * another page with flags to store: x64_leave_direct */
    uint8_t *next;           /* the pc is in the state: to the next block */
    uint8_t *missed;         /* called where a lookup missed: X64_MISSED_PC */
    uint8_t *missed_rax;     /* jumped to where one did for the pc in RAX */
    uint8_t *next_far;       /* called by an exit to another page, with a note: x64_next_far */
    uint8_t *next_after;     /* to the next block, called by an exit that may be open, with its note */
    uint8_t *next_indirect;  /* to the block for the pc in RDX; RCX: the note of the exit */
    uint8_t *look[16];       /* by the register that has the pc: called by an exit, with a note */
    uint8_t *look_missed[16]; /* likewise: where a look of an exit's own leads, with the note in a register */
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

/* Those that blocks call so often that the vCPU has their addresses (TnCpu.called): such a call takes
 * X64_CALL_SHORT bytes instead of X64_CALL. */
typedef enum X64Called {
    X64_CALLED_SLOW, /* slow[X64_KEEP_NONE] */
    X64_CALLED_LEAVE_DIRECT,
    X64_N_CALLED
} X64Called;

_Static_assert((int)X64_N_CALLED <= (int)TN_CPU_CALLED, "there is room for them");

enum { X64_CALL = 5, X64_CALL_SHORT = 3 };
static inline void x64_call_short(X64Emit *e, X64Called k)
{
    e->p = x64_put_env(e->p, X64_GRP4, X64_G4_CALL, X64_CPU_OFS(called[k]));
}

void x64_make_thunks(void);
/* Aligns the place for another thunk and gives it. */
uint8_t *x64_begin_thunk(X64Emit *e);

/* Emit the change of MXCSR: guest's flags to the state, and the host's in force (uses eax); the
 * guest's in force (ecx). */
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
/* Emits, at an indirect exit to the pc in a register, what links it to the first one: gives the
 * place to patch, whose jump is to lead to x64_thunks.next_after. tmp is clobbered. */
uint8_t *x64_open_exit(X64Emit *e, const TnBlock *block, int pc, int tmp);
/* Whether that is what stands there. */
bool x64_is_open_exit(const uint8_t *place, const uint8_t *code);
/* What that thunk calls. */
const void *x64_next_after(TnCpu *cpu, const uint8_t *note);
/* How long the call is by which the exit leaves where it is not linked. */
unsigned x64_way_out(const TnBlockExit *x);
/* Writes n bytes that lie in one aligned word of 8, which others may be executing. */
void x64_rewrite(uint8_t *place, const uint8_t *bytes, unsigned n);

/* ---- lookup.c ---------------------------------------------------------------------------- */

/* To the block for the pc that the state has. */
void x64_emit_next(X64Emit *e);
/* The host's flags: not zero where something wants the vCPU. */
void x64_compare_request(X64Emit *e);
/* To the block for pc, by the jump cache; `check`: with that look before. */
void x64_emit_lookup(X64Emit *e, uint64_t pc, bool check);
/* A block's exit to the block for pc, which is not to be linked. */
void x64_emit_far_exit(X64Emit *e, const TnBlock *block, uint64_t pc);
/* Whether that is a call which becomes a lookup. */
bool x64_looks_late(const TnBlock *block);
/* Then it may also store flags for which x64_may_store_later is true: their recipe follows. */
void x64_begin_far_exit(X64Emit *e, const TnBlock *block, uint64_t pc);
/* All code goes, what such calls lead to as well. */
void x64_forget_looks(void);
/* What that calls. */
const void *x64_next_far(TnCpu *cpu, const uint8_t *note);
/* The same with flags to store, out of x64_leave_direct: gives where to go on in any case. */
const void *x64_next_far_noted(TnCpu *cpu, uint8_t *frame, const uint8_t *note);
/* Makes a call a jump; it lies in one aligned word. With the lock held. */
void x64_become_jump(uint8_t *call, const uint8_t *to);
/* Begins what is made for an exit of a block that is there, false: there is no room; takes it. Both
 * with the lock held. */
bool x64_begin_beside(X64Emit *e);
void x64_take_beside(const X64Emit *e);

/* ---- indirect.c -------------------------------------------------------------------------- */

/* x64_thunks.look, which exits to a pc in a register share. */
void x64_make_looks(X64Emit *e);
/* What x64_thunks.next_indirect calls, with all registers in the state: gives where to go on, or NULL. */
const void *x64_next_indirect(TnCpu *cpu, const uint8_t *note, uint64_t pc);
/* Whether that is a call of such a look. */
bool x64_is_look_call(const uint8_t *call);
/* Whether the exits of a block that is compiled are such calls. */
bool x64_shares_look(const TnBlock *block);

/* ---- vector-thunks.c --------------------------------------------------------------------- */

X64Mem x64_vec_state(void);
/* Has the pinned vector registers stored where they are not in the state. Keeps integer registers. */
void x64_save_vectors(X64Emit *e);
void x64_make_vector_thunks(X64Emit *e);

#endif
