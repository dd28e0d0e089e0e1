/* SPDX-License-Identifier: MIT */
/*
 * What the files of the system side share: helpers' prototypes, events, descriptors, stacks.
 *
 * Rule of all of them: a function that can fault does its reads and checks first and changes the
 * state last. Memory already written by a partly done push is no state in that sense: the
 * instruction or the delivery is done again from its start.
 */
#ifndef TENON_X86_SYSTEM_H
#define TENON_X86_SYSTEM_H

#include "model.h"
#include "tenon/apic.h"
#include "x86.h"

/* Prototypes of the helpers, from their list. */
#define X86_T_VOID void
#define X86_T_I32 uint32_t
#define X86_T_I64 uint64_t
#define X86_T_PTR void *
#define X86_ARGS_0()
#define X86_ARGS_1(a) , X86_T_##a
#define X86_ARGS_2(a, b) , X86_T_##a, X86_T_##b
#define X86_ARGS_3(a, b, c) , X86_T_##a, X86_T_##b, X86_T_##c
#define X86_ARGS_4(a, b, c, d) , X86_T_##a, X86_T_##b, X86_T_##c, X86_T_##d
#define X86_HELPER(name, ret, flags, n, ...) \
    X86_T_##ret x86_helper_##name(TnCpu *cpu X86_ARGS_##n(__VA_ARGS__));
#include "system/helpers.def"
#undef X86_HELPER

/* ---- Modes ------------------------------------------------------------------------------- */

static inline bool x86_protected(const X86State *s)
{
    return s->cr0 & CR0_PE;
}

static inline bool x86_v8086(const X86State *s)
{
    return s->eflags & EFLAGS_VM;
}

/* Segment registers hold selectors of descriptors. */
static inline bool x86_segmented(const X86State *s)
{
    return x86_protected(s) && !x86_v8086(s);
}

static inline bool x86_long(const X86State *s)
{
    return s->efer & EFER_LMA;
}

static inline bool x86_code64(const X86State *s)
{
    return s->mode & MODE_CS64;
}

static inline unsigned x86_iopl(const X86State *s)
{
    return s->eflags >> EFLAGS_IOPL_SHIFT & 3;
}

/* Bits that decide how long a linear address may be. */
static inline unsigned x86_linear_bits(const X86State *s)
{
    return s->cr4 & CR4_LA57 ? 57 : 48;
}

static inline bool x86_canonical(const X86State *s, uint64_t address)
{
    unsigned shift = 64 - x86_linear_bits(s);
    return (uint64_t)((int64_t)(address << shift) >> shift) == address;
}

/* n bytes (2, 4, 8) of a value. */
static inline uint64_t x86_size_mask(unsigned n)
{
    return n >= 8 ? ~UINT64_C(0) : (UINT64_C(1) << n * 8) - 1;
}

static inline uint32_t x86_mem_attrs(const X86State *s)
{
    return s->smm ? TN_MEM_ATTR_SECURE : TN_MEM_ATTR_NONE;
}

/* Writes a register of an instruction's operand size. */
static inline void x86_set_reg32(X86State *s, unsigned reg, uint32_t value)
{
    s->regs[reg] = value;
}

/* ---- Raising (exceptions.c) --------------------------------------------------------------- */

/* Pseudo-vector of the shutdown that a third fault causes. */
enum { X86_SHUTDOWN = 256 };

enum { ERROR_EXT = 1u << 0, ERROR_IDT = 1u << 1, ERROR_TI = 1u << 2 };

/* Records an exception, combined with the one being delivered, without unwinding. */
void x86_record(TnCpu *cpu, X86Vector vector, bool has_error, uint32_t error);
/* An exception whose error code names a selector. */
TN_NORETURN void x86_raise_selector(TnCpu *cpu, X86Vector vector, uint32_t selector);
TN_NORETURN void x86_gp0(TnCpu *cpu);
TN_NORETURN void x86_ud(TnCpu *cpu);

/* #GP(0) unless at CPL 0. */
static inline void x86_need_cpl0(TnCpu *cpu)
{
    if (x86_state(cpu)->cpl)
        x86_gp0(cpu);
}

/* ---- Delivery of events (deliver.c, deliver64.c) ------------------------------------------- */

typedef enum X86EventKind {
    EVENT_FAULT,    /* exception of the fault class: RF is set in the image */
    EVENT_TRAP,     /* exception of the trap class, and INT1 */
    EVENT_EXTERNAL, /* interrupt from a pin or a message, NMI */
    EVENT_SOFT,     /* INT n, INT3, INTO: the gate's DPL counts */
} X86EventKind;

typedef struct X86Event {
    uint8_t vector;
    uint8_t kind;       /* X86EventKind */
    bool has_error;
    bool int_n;         /* EVENT_SOFT by INT n: IOPL and redirection in v8086 mode */
    uint32_t error;
    uint64_t return_rip;
} X86Event;

/* Transfers control to the event's handler; may fault. Leaves the mode up to date. */
void x86_deliver(TnCpu *cpu, const X86Event *event);
void x86_deliver_long(TnCpu *cpu, const X86Event *event);
/* The image of EFLAGS that an event pushes. */
uint64_t x86_event_flags(const X86State *s, const X86Event *event);

/* ---- Descriptors (descriptor.c) ------------------------------------------------------------ */

typedef struct X86Desc {
    uint64_t address;  /* linear, of the descriptor */
    uint32_t lo, hi;
    uint64_t high_base; /* bits 63:32 of the base, of 16-byte descriptors */
} X86Desc;

enum {
    SEL_RPL = 3, SEL_TI = 4, SEL_INDEX = 0xfff8,
};

/* System descriptor types (SDM vol. 3A, table 3-2). */
enum {
    SYS_TSS16 = 1, SYS_LDT = 2, SYS_TSS16_BUSY = 3, SYS_CALL16 = 4, SYS_TASK_GATE = 5,
    SYS_INT16 = 6, SYS_TRAP16 = 7, SYS_TSS32 = 9, SYS_TSS32_BUSY = 11, SYS_CALL32 = 12,
    SYS_INT32 = 14, SYS_TRAP32 = 15, SYS_BUSY = 2,
};

static inline bool x86_null_selector(uint32_t selector)
{
    return (selector & 0xfffc) == 0;
}

static inline unsigned desc_dpl(uint32_t hi)
{
    return hi >> DESC_DPL_SHIFT & 3;
}

static inline unsigned desc_type(uint32_t hi)
{
    return hi >> DESC_TYPE_SHIFT & 15;
}

static inline bool desc_is_code(uint32_t hi)
{
    return (hi & (DESC_S | DESC_CODE)) == (DESC_S | DESC_CODE);
}

static inline bool desc_is_data(uint32_t hi)
{
    return (hi & (DESC_S | DESC_CODE)) == DESC_S;
}

static inline bool desc_is_writable_data(uint32_t hi)
{
    return desc_is_data(hi) && (hi & DESC_W);
}

uint32_t x86_desc_limit(const X86Desc *d);
uint64_t x86_desc_base(const X86Desc *d);

/* Reads the descriptor of a selector; false when it lies outside its table. Page faults unwind. */
bool x86_desc_read(TnCpu *cpu, uint32_t selector, X86Desc *d);
/* The upper half of a 16-byte descriptor in long mode; false outside the table or not type 0. */
bool x86_desc_read_high(TnCpu *cpu, uint32_t selector, X86Desc *d);
/* Sets the accessed bit in memory and in *d when it is clear. */
void x86_desc_set_accessed(TnCpu *cpu, X86Desc *d);
/* Sets or clears the busy bit of a TSS descriptor in memory. */
void x86_desc_set_busy(TnCpu *cpu, const X86Desc *d, bool busy);
/* The cache that a descriptor makes. */
X86Segment x86_segment_of(uint32_t selector, const X86Desc *d);
/* An unusable segment register with this selector (null). */
X86Segment x86_segment_null(const X86State *s, uint32_t selector, unsigned dpl);
/* The one that real and v8086 mode make. */
X86Segment x86_segment_v8086(uint32_t selector);

/* Changes of privilege: sets CPL. x86_update_mode is still due. */
static inline void x86_set_cpl(X86State *s, unsigned cpl)
{
    s->cpl = cpl;
}

/*
 * The checks of a stack segment for privilege `cpl` (inner stacks, outer returns, task switches):
 * raises `vector` with the selector, #SS for not present. Sets the accessed bit.
 */
X86Segment x86_stack_segment(TnCpu *cpu, uint32_t selector, unsigned cpl, X86Vector vector);

/* True when [offset, offset + n) lies within the segment's limit. */
bool x86_within_limit(const X86Segment *seg, uint32_t offset, uint32_t n);

/* ---- Stacks (stack.c) ----------------------------------------------------------------------- */

/* A stack being pushed to or popped from; rsp is committed by x86_stack_commit. */
typedef struct X86Stack {
    TnCpu *cpu;
    const X86Segment *ss; /* borrowed */
    uint64_t sp;
    uint64_t mask;        /* of the stack pointer: 16, 32 or 64 bits */
    unsigned mmu;
    uint32_t error;       /* error code of #SS */
    bool flat64;
} X86Stack;

/* The current stack. */
X86Stack x86_stack(TnCpu *cpu);
/* Another one, used at privilege `cpl`. */
X86Stack x86_stack_at(TnCpu *cpu, const X86Segment *ss, uint64_t sp, unsigned cpl, bool code64);
void x86_stack_push(X86Stack *st, unsigned size, uint64_t value);
uint64_t x86_stack_pop(X86Stack *st, unsigned size);
/* RSP with the stack's pointer put in: what the register becomes. */
uint64_t x86_stack_rsp(const X86Stack *st, uint64_t old_rsp);
/* The MMU mode for explicit accesses at a privilege level. */
unsigned x86_mmu_at(const X86State *s, unsigned cpl);

/* ---- Tasks (task.c, task_image.c) ------------------------------------------------------------ */

typedef enum X86TaskCause { TASK_JMP, TASK_CALL, TASK_IRET, TASK_GATE } X86TaskCause;

/* Inner stack pointer for privilege `cpl` from the TSS: raises #TS. */
void x86_tss_stack(TnCpu *cpu, unsigned cpl, uint32_t *ss, uint32_t *esp);
/* RSPn (index 0..2) or ISTn (index 4 .. 10 for IST 1..7) of the 64-bit TSS. */
uint64_t x86_tss_rsp(TnCpu *cpu, unsigned index);
/* Switches to the task of a TSS selector whose descriptor was read; return_rip is saved. */
void x86_task_switch(TnCpu *cpu, uint32_t selector, X86Desc *d, X86TaskCause cause,
                     uint64_t return_rip, bool has_error, uint32_t error);
/* Checks a TSS selector (GDT, within limit, type) for JMP, CALL, task gates. */
void x86_task_gate(TnCpu *cpu, uint32_t selector, X86TaskCause cause, uint64_t return_rip,
                   bool has_error, uint32_t error);

/* ---- Code segments (far.c) ---- */

/* Loads CS and RIP at a privilege; the offset was checked. */
void x86_set_cs(X86State *s, uint32_t selector, const X86Desc *d, unsigned cpl, uint64_t rip);
/* #GP(0) unless the offset is within the new code segment (or canonical when it is 64-bit). */
void x86_check_target(TnCpu *cpu, const X86Desc *d, uint64_t offset);

/* ---- Rest ---- */

/* EFLAGS bits as instructions may write them: bits of `mask` come from `value`. */
void x86_write_eflags(X86State *s, uint32_t value, uint32_t mask);

/* Control registers (control.c): no checks; flushes and mode as they need. */
void x86_write_cr0(TnCpu *cpu, uint64_t value);
void x86_write_cr3(TnCpu *cpu, uint64_t value);
void x86_write_cr4(TnCpu *cpu, uint64_t value);
/* Puts the soft TLBs in force that CR3 and CR4 ask for. */
void x86_select_space(TnCpu *cpu);
uint32_t x86_space(const X86State *s);
/* Loads the PAE PDPTE registers from CR3's table; false when a reserved bit is set. */
bool x86_load_pdptes(TnCpu *cpu, uint64_t cr3, uint64_t pdpte[4]);
bool x86_uses_pdptes(const X86State *s);
/* Records a hit of an I/O breakpoint (debug.c). */
void x86_io_breakpoint(X86State *s, uint32_t port, uint32_t size);
void x86_write_pkru(TnCpu *cpu, uint32_t value);

/* CPUID leaf 0DH. */
void x86_cpuid_xsave(const X86State *s, uint32_t subleaf, uint32_t regs[4]);
/* XSAVE (xsave.c): the components that are not in their initial state. */
uint64_t x86_xinuse(const X86State *s);

/* MSRs (msr.c): false means #GP. */
bool x86_read_msr(TnCpu *cpu, uint32_t index, uint64_t *value);
bool x86_write_msr(TnCpu *cpu, uint32_t index, uint64_t value);

/* The local APIC's operations (requests.c), NULL for none; calls need the device lock. */
const TnApicOps *x86_apic(TnCpu *cpu, TnObject **apic);

uint64_t x86_tsc(TnCpu *cpu);

/* Sleeps as HLT does (requests.c). */
TN_NORETURN void x86_halt(TnCpu *cpu);

/* System management mode (smm.c). */
void x86_enter_smm(TnCpu *cpu);

/* Memory as seen in SMM. */
static inline TnAddressSpace *x86_smm_space(TnCpu *cpu)
{
    TnAddressSpace *as = tn_smm_memory();
    return as ? as : cpu->as;
}

/* INIT (reset.c). */
void x86_init_reset(TnCpu *cpu);

/* A real-mode segment's limit; also the highest offset of 16-bit code. */
#define X86_REAL_LIMIT 0xffffu

/* True when the instruction at fault_pc accesses the stack segment (canonical.c). [64-bit mode] */
bool x86_accesses_stack(TnCpu *cpu);

/* Hooks of the target (TnTargetOps) by file. */
bool x86_tlb_fill(TnCpu *cpu, uint64_t vaddr, TnAccess access, unsigned mmu_mode, bool probe,
                  TnTlbFill *fill);
bool x86_debug_translate(TnCpu *cpu, uint64_t vaddr, uint64_t *paddr);
void x86_deliver_exception(TnCpu *cpu);
void x86_unaligned(TnCpu *cpu, uint64_t vaddr, TnAccess access, unsigned mmu_mode);
bool x86_take_request(TnCpu *cpu, uint32_t requests);
bool x86_has_work(TnCpu *cpu, uint32_t requests);
void x86_irq(TnCpu *cpu, unsigned line, int level);
bool x86_cpu_init(TnCpu *cpu, const char *model, GError **error);
void x86_cpu_clear(TnCpu *cpu);
void x86_reset(TnCpu *cpu);
void x86_key(TnCpu *cpu, TnBlockKey *key);
void x86_set_pc(TnCpu *cpu, uint64_t pc);
uint64_t x86_pc(TnCpu *cpu);
void x86_dump(TnCpu *cpu, GString *out);
bool x86_gdb_read(TnCpu *cpu, unsigned reg, GByteArray *out);
bool x86_gdb_write(TnCpu *cpu, unsigned reg, const uint8_t *bytes, size_t n);
extern const TnStateField x86_state_fields[];

#endif
