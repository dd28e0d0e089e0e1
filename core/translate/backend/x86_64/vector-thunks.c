/* SPDX-License-Identifier: MIT */
/*
 * Thunks that move the pinned vector registers between host registers and the state, and so from one
 * vec_state (target.h) to another. The guest's MXCSR is in force while they are in host registers.
 *
 * The upper halves are looked at whenever they come into host registers: mostly they are zero, and
 * then code of both encodings runs without another change.
 */
#include "compile.h"

enum { DEPTH = 8, UPPER = 16 };

X64Mem x64_vec_state(void)
{
    return x64_env(X64_CPU_OFS(vec_state));
}

void x64_save_vectors(X64Emit *e)
{
    uint8_t *skip;

    if (!x64_plan.vpin_mask)
        return;
    x64_g1_mi(e, X64_G1_CMP, 0, x64_vec_state(), 0);
    skip = x64_jcc8(e, X64_Z);
    x64_call(e, x64_thunks.vec_save);
    x64_here8(e, skip);
}

/* Keep rax and rcx. */
static void leave_mxcsr(X64Emit *e)
{
    x64_push(e, X64_RAX);
    x64_mxcsr_leave(e);
    x64_pop(e, X64_RAX);
}

static void enter_mxcsr(X64Emit *e)
{
    x64_push(e, X64_RCX);
    x64_mxcsr_enter(e);
    x64_pop(e, X64_RCX);
}

typedef enum Move { LOAD, STORE, LOAD_LOW, STORE_LOW, LOAD_UPPER, STORE_UPPER } Move;

static void move_one(X64Emit *e, Move move, int reg, X64Mem m)
{
    switch (move) {
    case LOAD:
    case LOAD_LOW:
        x64_vload(e, move == LOAD, reg, m);
        break;
    case STORE:
    case STORE_LOW:
        x64_vstore(e, move == STORE, reg, m);
        break;
    case LOAD_UPPER:
        m.disp += UPPER;
        x64_vex_rm(e, X64_VINSERTF128, 1, reg, reg, m);
        x64_byte(e, 1);
        break;
    case STORE_UPPER:
        m.disp += UPPER;
        x64_vex_rm(e, X64_VEXTRACTF128, 1, reg, X64_NONE, m);
        x64_byte(e, 1);
        break;
    }
}

static void move_all(X64Emit *e, Move move)
{
    for (int reg = 0; reg < 16; reg++)
        if (x64_plan.vpin_mask >> reg & 1)
            move_one(e, move, reg, x64_reg_home(x64_plan.vpinned[reg]));
}

static void set_state(X64Emit *e, unsigned state)
{
    x64_store_imm(e, 0, x64_vec_state(), (int32_t)state);
}

/* Sets ZF where all upper halves in host registers are zero. ymm0 is lost. */
static void test_upper(X64Emit *e)
{
    int first = __builtin_ctz(x64_plan.vpin_mask);

    x64_vmov_rr(e, true, 0, first);
    for (int reg = first + 1; reg < 16; reg++)
        if (x64_plan.vpin_mask >> reg & 1)
            x64_vex_rr(e, X64_ORPS, 1, 0, 0, reg);
    x64_vex_rr(e, X64_VEXTRACTF128, 1, 0, X64_NONE, 0);
    x64_byte(e, 1);
    x64_vex_rr(e, X64_PTEST, 0, 0, X64_NONE, 0);
}

static X64Mem kept_ymm0(void)
{
    return x64_frame(X64_F_VEC_TMP + DEPTH);
}

static void done(X64Emit *e, unsigned state)
{
    set_state(e, state);
    x64_vload(e, state != X64_VEC_LOW, 0, kept_ymm0());
    x64_ret(e);
}

/* From nothing or WHOLE. */
static void make_load_low(X64Emit *e)
{
    uint8_t *from_whole, *dirty, *loaded;

    x64_thunks.vec_load[X64_VEC_LOW] = x64_begin_thunk(e);
    x64_vstore(e, true, 0, kept_ymm0());
    x64_g1_mi(e, X64_G1_CMP, 0, x64_vec_state(), 0);
    from_whole = x64_jcc32(e, X64_NZ);
    enter_mxcsr(e);
    move_all(e, LOAD);
    x64_here32(e, from_whole);
    test_upper(e);
    dirty = x64_jcc8(e, X64_NZ);
    done(e, X64_VEC_LOW | X64_VEC_WHOLE);
    x64_here8(e, dirty);
    x64_g1_mi(e, X64_G1_CMP, 0, x64_vec_state(), 0);
    loaded = x64_jcc32(e, X64_Z);
    move_all(e, STORE_UPPER);
    x64_here32(e, loaded);
    x64_vzeroupper(e);
    done(e, X64_VEC_LOW);
}

/* From nothing or LOW. */
static void make_load_whole(X64Emit *e)
{
    uint8_t *from_low, *joined, *dirty;

    x64_thunks.vec_load[X64_VEC_WHOLE] = x64_begin_thunk(e);
    x64_vstore(e, true, 0, kept_ymm0());
    x64_g1_mi(e, X64_G1_CMP, 0, x64_vec_state(), 0);
    from_low = x64_jcc32(e, X64_NZ);
    enter_mxcsr(e);
    move_all(e, LOAD);
    joined = x64_jmp32(e);
    x64_here32(e, from_low);
    move_all(e, LOAD_UPPER);
    x64_here32(e, joined);
    test_upper(e);
    dirty = x64_jcc8(e, X64_NZ);
    done(e, X64_VEC_LOW | X64_VEC_WHOLE);
    x64_here8(e, dirty);
    done(e, X64_VEC_WHOLE);
}

static void make_save(X64Emit *e)
{
    uint8_t *low;

    x64_thunks.vec_save = x64_begin_thunk(e);
    leave_mxcsr(e);
    x64_g1_mi(e, X64_G1_CMP, 0, x64_vec_state(), X64_VEC_LOW);
    low = x64_jcc32(e, X64_Z);
    move_all(e, STORE);
    x64_vzeroupper(e);
    set_state(e, 0);
    x64_ret(e);
    x64_here32(e, low);
    move_all(e, STORE_LOW);
    set_state(e, 0);
    x64_ret(e);
}

static void make_restore(X64Emit *e)
{
    uint8_t *low;

    x64_thunks.vec_restore = x64_begin_thunk(e);
    enter_mxcsr(e);
    x64_store_sized(e, 0, X64_RAX, x64_vec_state());
    x64_g1_ri(e, X64_G1_CMP, 2, X64_RAX, X64_VEC_LOW);
    low = x64_jcc32(e, X64_Z);
    move_all(e, LOAD);
    x64_ret(e);
    x64_here32(e, low);
    move_all(e, LOAD_LOW);
    x64_ret(e);
}

void x64_make_vector_thunks(X64Emit *e)
{
    if (!x64_plan.vpin_mask)
        return;
    make_load_low(e);
    make_load_whole(e);
    make_save(e);
    make_restore(e);
}
