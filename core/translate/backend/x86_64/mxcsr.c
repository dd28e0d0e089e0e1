/* SPDX-License-Identifier: MIT */
/*
 * The guest's MXCSR, all exceptions masked, in force on the host.
 *
 * It is in force while pinned vector registers are in host registers (vec_state, vector-thunks.c): no
 * other code computes with it, and reading the host's MXCSR costs more than most helpers' work. Where
 * nothing is pinned it is in force in all translated code. Sticky flags go back to the state whenever
 * it is left.
 */
#include "compile.h"

enum { FLAGS = 0x3f, MASKS = 0x1f80, OR_TO_MEMORY = 0x09 };

static bool has_mxcsr(void)
{
    return x64_plan.target->mxcsr_offset >= 0;
}

static X64Mem guest_mxcsr(void)
{
    return x64_env(x64_state_ofs((uint64_t)x64_plan.target->mxcsr_offset));
}

/* Below the stack pointer, where no signal handler writes (System V AMD64 ABI, 3.2.2). */
static X64Mem scratch(void)
{
    return x64_mem(X64_RSP, -8);
}

/* eax = the MXCSR in force. */
static void read_mxcsr(X64Emit *e)
{
    x64_rm(e, X64_GRP15, X64_G15_STMXCSR, scratch());
    x64_load(e, 0, X64_RAX, scratch());
}

static void merge_flags(X64Emit *e)
{
    x64_g1_ri(e, X64_G1_AND, 2, X64_RAX, FLAGS);
    x64_rm(e, OR_TO_MEMORY, X64_RAX, guest_mxcsr());
}

static void store_flags(X64Emit *e)
{
    if (!has_mxcsr())
        return;
    read_mxcsr(e);
    merge_flags(e);
}

/* Nothing to do where the host's already is in force, as loading it is slow. */
void x64_mxcsr_leave(X64Emit *e)
{
    uint8_t *skip;

    if (!has_mxcsr())
        return;
    read_mxcsr(e);
    x64_rm(e, X64_CMP, X64_RAX, x64_env(X64_CPU_OFS(scratch_mxcsr)));
    skip = x64_jcc8(e, X64_Z);
    merge_flags(e);
    x64_rm(e, X64_GRP15, X64_G15_LDMXCSR, x64_env(X64_CPU_OFS(scratch_mxcsr)));
    x64_here8(e, skip);
}

/* With no sticky flags: those it had stay in the state and new ones are added when it is left. */
void x64_mxcsr_enter(X64Emit *e)
{
    uint8_t *skip;

    if (!has_mxcsr())
        return;
    x64_load(e, 0, X64_RCX, guest_mxcsr());
    x64_g1_ri(e, X64_G1_AND, 2, X64_RCX, ~FLAGS);
    x64_g1_ri(e, X64_G1_OR, 2, X64_RCX, MASKS);
    x64_rm(e, X64_GRP15, X64_G15_STMXCSR, scratch());
    x64_rm(e, X64_CMP, X64_RCX, scratch());
    skip = x64_jcc8(e, X64_Z);
    x64_store(e, 0, X64_RCX, scratch());
    x64_rm(e, X64_GRP15, X64_G15_LDMXCSR, scratch());
    x64_here8(e, skip);
}

uint32_t x64_mxcsr_host(uint32_t mxcsr)
{
    return mxcsr & ~(uint32_t)FLAGS;
}

/* A thunk that does nothing while no guest value is in force. */
static uint8_t *make_thunk(X64Emit *e, void (*emit)(X64Emit *e))
{
    uint8_t *start = x64_begin_thunk(e), *skip = NULL;

    if (x64_plan.vpin_mask) {
        x64_g1_mi(e, X64_G1_CMP, 0, x64_vec_state(), 0);
        skip = x64_jcc8(e, X64_Z);
    }
    emit(e);
    if (skip)
        x64_here8(e, skip);
    x64_ret(e);
    return start;
}

void x64_make_mxcsr_thunks(X64Emit *e)
{
    x64_thunks.mxcsr_leave = make_thunk(e, x64_mxcsr_leave);
    x64_thunks.mxcsr_store = make_thunk(e, store_flags);
    x64_thunks.mxcsr_enter = make_thunk(e, x64_mxcsr_enter);
}
