/* SPDX-License-Identifier: MIT */
/* The state table: what of a vCPU is saved. `mode` is saved too, being what the rest implies. */
#include "system.h"

static const TnStateField segment_fields[] = {
    TN_STATE(U32, X86Segment, selector), TN_STATE(U32, X86Segment, attrs),
    TN_STATE(U32, X86Segment, limit),    TN_STATE(U64, X86Segment, base),
    TN_STATE_LAST,
};

static const TnStateField fp80_fields[] = {
    TN_STATE(U64, X86Fp80, mantissa),
    TN_STATE(U16, X86Fp80, sign_exponent),
    TN_STATE_LAST,
};

static const TnStateField ymm_fields[] = {
    TN_STATE_ARRAY(U64, X86Ymm, u64),
    TN_STATE_LAST,
};

#define ARRAY2(field_) \
    { .name = #field_, .kind = TN_STATE_U64, .offset = offsetof(X86State, field_), \
      .count = sizeof(((X86State *)0)->field_) / sizeof(uint64_t), .stride = sizeof(uint64_t) }

const TnStateField x86_state_fields[] = {
    TN_STATE_ARRAY(U64, X86State, regs),
    TN_STATE(U32, X86State, flags),
    TN_STATE(U64, X86State, rip),
    TN_STATE(U32, X86State, eflags),
    TN_STATE(U32, X86State, df),
    TN_STATE(U32, X86State, mode),
    TN_STATE(U32, X86State, cpl),
    TN_STATE_SUB_ARRAY(X86State, seg, segment_fields),
    TN_STATE_SUB(X86State, ldtr, segment_fields),
    TN_STATE_SUB(X86State, tr, segment_fields),
    TN_STATE_SUB(X86State, gdtr, segment_fields),
    TN_STATE_SUB(X86State, idtr, segment_fields),
    TN_STATE(U64, X86State, cr0),
    TN_STATE(U64, X86State, cr2),
    TN_STATE(U64, X86State, cr3),
    TN_STATE(U64, X86State, cr4),
    TN_STATE(U64, X86State, cr8),
    TN_STATE(U64, X86State, xcr0),
    TN_STATE(U64, X86State, xss),
    TN_STATE_ARRAY(U64, X86State, dr),
    TN_STATE(U32, X86State, pkru),
    TN_STATE(U32, X86State, a20_mask),
    TN_STATE_SUB_ARRAY(X86State, st, fp80_fields),
    TN_STATE(U16, X86State, fcw),
    TN_STATE(U16, X86State, fsw),
    TN_STATE(U8, X86State, ftop),
    TN_STATE(U8, X86State, ftag_empty),
    TN_STATE(U16, X86State, fop),
    TN_STATE(U64, X86State, fip),
    TN_STATE(U64, X86State, fdp),
    TN_STATE(U16, X86State, fcs),
    TN_STATE(U16, X86State, fds),
    TN_STATE(U32, X86State, mxcsr),
    TN_STATE_SUB_ARRAY(X86State, ymm, ymm_fields),
    TN_STATE(U64, X86State, pending_dr6),
    TN_STATE(BOOL, X86State, nmi_blocked),
    TN_STATE(BOOL, X86State, smm),
    TN_STATE(BOOL, X86State, shadow),
    TN_STATE(BOOL, X86State, in_reset_wait),
    TN_STATE(BOOL, X86State, in_halt),
    TN_STATE(BOOL, X86State, in_shutdown),
    TN_STATE(U32, X86State, smbase),
    TN_STATE(U64, X86State, efer),
    TN_STATE(U64, X86State, star),
    TN_STATE(U64, X86State, lstar),
    TN_STATE(U64, X86State, cstar),
    TN_STATE(U64, X86State, fmask),
    TN_STATE(U64, X86State, kernel_gs_base),
    TN_STATE(U64, X86State, sysenter_cs),
    TN_STATE(U64, X86State, sysenter_esp),
    TN_STATE(U64, X86State, sysenter_eip),
    TN_STATE(U64, X86State, pat),
    TN_STATE(U64, X86State, tsc_offset),
    TN_STATE(U64, X86State, tsc_adjust),
    TN_STATE(U64, X86State, tsc_aux),
    TN_STATE(U64, X86State, misc_enable),
    TN_STATE(U64, X86State, spec_ctrl),
    TN_STATE(U64, X86State, mtrr_def_type),
    TN_STATE_ARRAY(U64, X86State, mtrr_fixed),
    ARRAY2(mtrr_var),
    TN_STATE(U64, X86State, mcg_status),
    TN_STATE(U64, X86State, mcg_ctl),
    ARRAY2(mc_bank),
    TN_STATE(U64, X86State, monitor_addr),
    TN_STATE(BOOL, X86State, monitor_armed),
    TN_STATE_ARRAY(U64, X86State, pdpte),
    TN_STATE_LAST,
};
