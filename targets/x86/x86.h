/* SPDX-License-Identifier: MIT */
/*
 * The state of an x86 processor, shared by every file of the target.
 *
 * Spellings follow the Intel SDM. Condition flags live packed in `flags` (the declared register
 * X86_REG_FLAGS); DF lives in `df`; every other EFLAGS bit in `eflags`. Use x86_eflags() and
 * x86_set_eflags() to see them whole.
 */
#ifndef TENON_X86_H
#define TENON_X86_H

#include "tenon/internal/target.h"

/* General registers in encoding order. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* Segment registers in encoding order, then the system ones. */
enum { ES, CS, SS, DS, FS, GS, X86_N_SEGS };

/* Declared registers (TnRegInfo index): 0..15 general, the packed condition flags, YMM0..15. */
enum { X86_REG_FLAGS = 16, X86_REG_YMM, X86_N_REGS = X86_REG_YMM + 16 };

enum {
    EFLAGS_CF = 1u << 0, EFLAGS_1 = 1u << 1, EFLAGS_PF = 1u << 2, EFLAGS_AF = 1u << 4,
    EFLAGS_ZF = 1u << 6, EFLAGS_SF = 1u << 7, EFLAGS_TF = 1u << 8, EFLAGS_IF = 1u << 9,
    EFLAGS_DF = 1u << 10, EFLAGS_OF = 1u << 11, EFLAGS_IOPL = 3u << 12, EFLAGS_NT = 1u << 14,
    EFLAGS_RF = 1u << 16, EFLAGS_VM = 1u << 17, EFLAGS_AC = 1u << 18, EFLAGS_VIF = 1u << 19,
    EFLAGS_VIP = 1u << 20, EFLAGS_ID = 1u << 21,
    EFLAGS_IOPL_SHIFT = 12,
};

enum {
    CR0_PE = 1u << 0, CR0_MP = 1u << 1, CR0_EM = 1u << 2, CR0_TS = 1u << 3, CR0_ET = 1u << 4,
    CR0_NE = 1u << 5, CR0_WP = 1u << 16, CR0_AM = 1u << 18, CR0_NW = 1u << 29, CR0_CD = 1u << 30,
    CR0_PG = 1u << 31,
};

enum {
    CR4_VME = 1u << 0, CR4_PVI = 1u << 1, CR4_TSD = 1u << 2, CR4_DE = 1u << 3, CR4_PSE = 1u << 4,
    CR4_PAE = 1u << 5, CR4_MCE = 1u << 6, CR4_PGE = 1u << 7, CR4_PCE = 1u << 8,
    CR4_OSFXSR = 1u << 9, CR4_OSXMMEXCPT = 1u << 10, CR4_UMIP = 1u << 11, CR4_LA57 = 1u << 12,
    CR4_FSGSBASE = 1u << 16, CR4_PCIDE = 1u << 17, CR4_OSXSAVE = 1u << 18, CR4_SMEP = 1u << 20,
    CR4_SMAP = 1u << 21, CR4_PKE = 1u << 22,
};

enum {
    EFER_SCE = 1u << 0, EFER_LME = 1u << 8, EFER_LMA = 1u << 10, EFER_NXE = 1u << 11,
    EFER_FFXSR = 1u << 14,
};

/* Exception vectors (SDM vol. 3A, table 6-1). */
typedef enum X86Vector {
    X86_DE = 0, X86_DB = 1, X86_NMI = 2, X86_BP = 3, X86_OF = 4, X86_BR = 5, X86_UD = 6,
    X86_NM = 7, X86_DF = 8, X86_TS = 10, X86_NP = 11, X86_SS = 12, X86_GP = 13, X86_PF = 14,
    X86_MF = 16, X86_AC = 17, X86_MC = 18, X86_XM = 19,
} X86Vector;

enum {
    PF_P = 1u << 0, PF_W = 1u << 1, PF_U = 1u << 2, PF_RSVD = 1u << 3, PF_I = 1u << 4,
    PF_PK = 1u << 5,
};

/*
 * A segment register with its cached descriptor. `attrs` are bits 8..23 of the descriptor's high
 * dword at their places (DESC_*); `limit` is in bytes, scaled.
 */
typedef struct X86Segment {
    uint32_t selector;
    uint32_t attrs;
    uint32_t limit;
    uint32_t reserved;
    uint64_t base;
} X86Segment;

enum {
    DESC_TYPE_SHIFT = 8, DESC_TYPE = 15u << 8, DESC_A = 1u << 8, DESC_W = 1u << 9 /* data */,
    DESC_R = 1u << 9 /* code */, DESC_E = 1u << 10 /* data: expand down */,
    DESC_C = 1u << 10 /* code: conforming */, DESC_CODE = 1u << 11, DESC_S = 1u << 12,
    DESC_DPL_SHIFT = 13, DESC_DPL = 3u << 13, DESC_P = 1u << 15, DESC_AVL = 1u << 20,
    DESC_L = 1u << 21, DESC_DB = 1u << 22, DESC_G = 1u << 23,
};

/*
 * Mode bits of the block key: what the translation of a block may assume. Recomputed by
 * x86_update_mode() after anything that changes them.
 */
enum {
    MODE_CPL_SHIFT = 0, MODE_CPL = 3u << 0,
    MODE_PE = 1u << 2,
    MODE_VM = 1u << 3,
    MODE_LMA = 1u << 4,
    MODE_CS64 = 1u << 5,
    MODE_CS32 = 1u << 6,       /* CS.D */
    MODE_SS32 = 1u << 7,       /* SS.B */
    MODE_FLAT = 1u << 8,       /* DS, ES, SS: base 0, writable, no limit check needed */
    MODE_TF = 1u << 9,
    MODE_SHADOW = 1u << 10,    /* interrupts are held off for one instruction (STI, MOV SS) */
    MODE_SMM = 1u << 11,
    MODE_EM = 1u << 12,        /* CR0.EM */
    MODE_TS = 1u << 13,        /* CR0.TS */
    MODE_MP = 1u << 14,
    MODE_OSFXSR = 1u << 15,
    MODE_AVX = 1u << 16,       /* CR4.OSXSAVE and XCR0 says that AVX state is on */
    MODE_XM = 1u << 17,        /* MXCSR unmasks an exception: FP instructions check after */
    MODE_SMAP_LIFTED = 1u << 18, /* EFLAGS.AC allows explicit supervisor accesses to user pages */
    MODE_AC = 1u << 19,        /* alignment checks are on */
    MODE_DR7 = 1u << 20,       /* an instruction breakpoint is enabled */
    MODE_IOPL_OK = 1u << 21,   /* CPL <= IOPL */
    MODE_CSLIM = 1u << 22,     /* the CS limit must be checked at every fetch */
    MODE_RF = 1u << 23,        /* EFLAGS.RF is set */
    MODE_FS_OK = 1u << 24,     /* FS: writable, no limit check needed (the base is added) */
    MODE_GS_OK = 1u << 25,     /* the same of GS */
    MODE_LA57 = 1u << 27,      /* 64-bit code: linear addresses of 57 bits, not 48 */
    MODE_X87_SOFT = 1u << 26,  /* an x87 exception is unmasked or pending: helpers run the x87 */
};

/*
 * A near branch to a non-canonical target faults at the branch, with nothing changed. Translated code
 * leaves for the branch's own pc with this bit turned over, which no branch can reach otherwise;
 * the fetch there raises #GP at the pc itself.
 */
#define X86_BRANCH_FAULT (UINT64_C(1) << 63)

/* MMU modes. That without SMAP is the kernel's where CR4 has SMAP and EFLAGS.AC lifts it: where CR4 has
 * none the kernel's own allows as much, and a change of CR4.SMAP empties the TLBs. */
enum { MMU_KERNEL = 0, MMU_USER = TN_MMU_USER, MMU_KERNEL_NOSMAP = 2, X86_N_MMU_MODES = 3 };

/* One x87 register as it lies in memory. */
typedef union X86Fp80 {
    struct {
        uint64_t mantissa;
        uint16_t sign_exponent;
    };
    uint64_t mmx; /* the MMX register is the mantissa */
    uint8_t bytes[16];
} X86Fp80;

typedef union X86Ymm {
    uint8_t u8[32];
    uint16_t u16[16];
    uint32_t u32[8];
    uint64_t u64[4];
    float f32[8];
    double f64[4];
} __attribute__((aligned(32))) X86Ymm;

typedef struct X86Model X86Model;     /* model.h: a CPU model and its features */

enum { X86_N_MTRR_VAR = 8, X86_N_FEATURE_WORDS = 16, X86_N_MC_BANKS = 10 };

typedef struct X86State {
    /* Declared registers. */
    uint64_t regs[16];
    uint32_t flags;      /* packed condition flags: TN_FLAGS_ALL bits, nothing else */
    uint32_t reserved0;

    uint64_t rip;        /* EIP in modes below 64-bit: zero-extended, already wrapped */
    uint32_t eflags;     /* all bits but the condition flags and DF; bit 1 set */
    int32_t df;          /* 1, or -1 when DF is set */
    uint32_t mode;       /* MODE_* */
    uint32_t cpl;

    X86Segment seg[X86_N_SEGS];
    X86Segment ldtr, tr, gdtr, idtr; /* gdtr, idtr: base and limit only */

    uint64_t cr0, cr2, cr3, cr4, cr8, xcr0, xss;
    uint64_t dr[8];
    uint32_t pkru;
    uint32_t a20_mask;   /* ~0, or ~(1 << 20) while A20 is masked */

    /* x87 and vectors */
    X86Fp80 st[8];       /* physical registers R0..R7 */
    uint16_t fcw, fsw;   /* fsw without TOP */
    uint8_t ftop;        /* 0..7 */
    uint8_t ftag_empty;  /* bit n: Rn is empty */
    uint16_t fop;
    uint64_t fip, fdp;
    uint16_t fcs, fds;
    uint32_t mxcsr;
    bool x87_unmasking;  /* a FLDCW that unmasks exceptions is to be translated */
    bool ignne;          /* IGNNE#: pending x87 exceptions are ignored while CR0.NE is clear */
    X86Ymm ymm[16];
    X86Ymm scratch[6];   /* operands of helpers */

    /* The exception or event being raised. */
    int32_t exception;   /* vector, or -1 */
    uint32_t error_code;
    bool has_error_code;
    bool delivering;        /* inside deliver_exception: contributory faults make #DF */
    uint8_t delivering_vector;
    uint64_t pending_dr6;   /* bits of DR6 that a #DB being raised sets */
    bool nmi_blocked;
    bool smm;
    bool shadow;            /* interrupt shadow in force for the next instruction */
    bool in_reset_wait;     /* application processor waiting for SIPI */
    bool step_armed;        /* TF was set when the instruction in flight began */
    bool in_halt;           /* HLT: an event ends it, a mere wake-up does not */
    bool in_shutdown;       /* after a third fault: only reset, INIT, NMI and SMI help */
    uint32_t smbase;

    /* MSRs */
    uint64_t efer, star, lstar, cstar, fmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, tsc_offset, tsc_adjust, tsc_aux, misc_enable, spec_ctrl;
    uint64_t mtrr_def_type, mtrr_fixed[11];
    uint64_t mtrr_var[X86_N_MTRR_VAR][2];
    uint64_t mcg_status, mcg_ctl, mc_bank[X86_N_MC_BANKS][4];

    /* MONITOR */
    uint64_t monitor_addr;
    bool monitor_armed;

    uint64_t pdpte[4];   /* PAE page-directory-pointer registers, loaded with CR3 */

    /* Not guest state. */
    X86Model *model;     /* owned */
    uint32_t features[X86_N_FEATURE_WORDS]; /* effective CPUID bits, by X86FeatureWord (model.h) */
    uint64_t tsc_hz;
    uint32_t apic_id;
} X86State;

static inline X86State *x86_state(TnCpu *cpu)
{
    return tn_cpu_state(cpu);
}

/* EFLAGS as PUSHF, exceptions and debuggers see it; x86_set_eflags takes all bits (no checks). */
static inline uint32_t x86_eflags(const X86State *s)
{
    return s->eflags | s->flags | (s->df < 0 ? EFLAGS_DF : 0) | EFLAGS_1;
}

void x86_set_eflags(X86State *s, uint32_t value);

/* ---- system/ (segmentation, exceptions, paging, control registers) ---------------------- */

/* Records an exception and unwinds; the faulting pc is cpu->fault_pc. [vcpu] */
TN_NORETURN void x86_raise(TnCpu *cpu, X86Vector vector);
TN_NORETURN void x86_raise_error(TnCpu *cpu, X86Vector vector, uint32_t error_code);
/* #DB with bits for DR6. */
TN_NORETURN void x86_raise_db(TnCpu *cpu, uint64_t dr6_bits);

/* Recomputes `mode` after a change of CPL, CRs, segments, EFLAGS, XCR0, MXCSR. */
void x86_update_mode(TnCpu *cpu);
/* The same after a change of CPL, EFLAGS, CS and SS alone; quick from 64-bit code to 64-bit code. */
void x86_update_level(TnCpu *cpu);

/*
 * The guest's x87 registers may live in the host's (vector/x87-live.c): C code that looks at st, fsw,
 * ftop or ftag_empty, or uses the host's unit, gets them into the state first.
 */
void x86_x87_save(TnCpu *cpu);

static inline void x86_x87_sync(TnCpu *cpu)
{
    if (cpu->x87_live)
        x86_x87_save(cpu);
}

extern const TnX87Ops x86_x87_ops; /* of x86-64 hosts */

/* Whether an x87 exception is unmasked, pending, or about to be (MODE_X87_SOFT). */
bool x86_x87_is_soft(const X86State *s);

/* The MMU mode for data accesses of the current CPL, and for implicit supervisor ones. */
static inline unsigned x86_mmu_mode(const X86State *s)
{
    return s->cpl == 3 ? MMU_USER : s->mode & MODE_SMAP_LIFTED ? MMU_KERNEL_NOSMAP : MMU_KERNEL;
}

/* Fills a segment register in real or v8086 mode (base = selector << 4). */
void x86_load_seg_real(TnCpu *cpu, unsigned seg, uint32_t selector);
/* MOV Sreg / POP Sreg / LDS...: all checks of the present mode; faults. */
void x86_load_seg(TnCpu *cpu, unsigned seg, uint32_t selector);

/* Checks an access of n bytes at a segment's offset (not 64-bit mode); faults (#GP, #SS). */
void x86_check_seg(TnCpu *cpu, unsigned seg, uint32_t offset, uint32_t n, bool write);

/* True when the processor has a CPUID feature (X86_FEATURE_* in model.h). */
bool x86_has(const X86State *s, unsigned feature);

#endif
