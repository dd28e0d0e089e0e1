/* SPDX-License-Identifier: MIT */
/*
 * The bare-metal CPU suite's library: cases, checks, events (exceptions and interrupts that a case
 * provokes), descriptors, pages and ports. References to sections are to the Intel SDM, volume 3.
 */
#ifndef GUEST_H
#define GUEST_H

/* Selectors. The first six descriptors are fixed, the others are the cases' own. */
#define KERNEL_CS32 0x08
#define KERNEL_DS   0x10
#define KERNEL_CS64 0x18
#define USER_CS32   0x23
#define USER_DS     0x2b
#define USER_CS64   0x33
#define MAIN_TSS    0x40
#define FREE_1      0x50
#define FREE_2      0x58
#define FREE_3      0x60
#define FREE_4      0x68
#define OTHER_TSS   0x70
#define FAULT_TSS   0x78
#define LDT         0x80
#define GDT_BYTES   0x100

#ifdef __x86_64__
#define KERNEL_CS  KERNEL_CS64
#define USER_CS    USER_CS64
#define USER_ALIAS 0x80000000ul /* the first GiB once more, for user mode */
#define TEST_PAGES 0x40000000ul /* pages mapped by page_test[] */
#else
#define KERNEL_CS KERNEL_CS32
#define USER_CS   USER_CS32
#endif

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned long word;

enum vector {
    DE = 0,
    DB = 1,
    NMI = 2,
    BP = 3,
    OF = 4,
    BR = 5,
    UD = 6,
    NM = 7,
    DF = 8,
    TS = 10,
    NP = 11,
    SS = 12,
    GP = 13,
    PF = 14,
    MF = 16,
    AC = 17,
    XM = 19,
    FINISHED = 0x80,
    NONE = 0x100,
};

enum flag {
    CF = 1,
    ZF = 1 << 6,
    TF = 1 << 8,
    IF = 1 << 9,
    IOPL = 3 << 12,
    NT = 1 << 14,
    RF = 1 << 16,
    VM = 1 << 17,
    AC_FLAG = 1 << 18,
};

/* Error codes of page faults, section 4.7. */
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16, PF_PK = 32 };

/* Page-table bits, section 4.5. */
enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 32, PTE_D = 64, PTE_PS = 128, PTE_G = 256 };
#define PTE_NX (1ull << 63)

enum { CR0_PE = 1, CR0_TS = 8, CR0_WP = 1 << 16, CR0_AM = 1 << 18 };
#define CR0_PG 0x80000000ul
enum {
    CR4_VME = 1,
    CR4_TSD = 4,
    CR4_DE = 8,
    CR4_PSE = 16,
    CR4_PAE = 32,
    CR4_PGE = 128,
    CR4_UMIP = 1 << 11,
    CR4_FSGSBASE = 1 << 16,
    CR4_PCIDE = 1 << 17,
    CR4_OSXSAVE = 1 << 18,
    CR4_SMEP = 1 << 20,
    CR4_SMAP = 1 << 21,
    CR4_PKE = 1 << 22
};

/* What an exception or interrupt showed. */
struct event {
    word vector, error;
    word ip, cs, flags, sp, ss;
    word ax, cx, dx, bx, si, di, bp;
    word cr2;
    word handler_flags; /* as the handler was entered: IF, TF and NT tell of the gate */
    word handler_sp;
};
extern struct event event;

struct test {
    const char *name;
    void (*run)(void);
};

/* A case: CASE(function, "area/what-is-expected") { ... } */
#define CASE(function, title)                                                                      \
    static void function(void);                                                                    \
    static const struct test test_##function                                                       \
        __attribute__((used, aligned(sizeof(word)), section(".cases"))) = { title, function };     \
    static void function(void)

/* The mode's own names for assembly text. */
#ifdef __x86_64__
#define RAX   "%rax"
#define RCX   "%rcx"
#define RDX   "%rdx"
#define RSP   "%rsp"
#define PUSHF "pushfq"
#define POPF  "popfq"
#define IRET  "iretq"
#else
#define RAX   "%eax"
#define RCX   "%ecx"
#define RDX   "%edx"
#define RSP   "%esp"
#define PUSHF "pushfl"
#define POPF  "popfl"
#define IRET  "iret"
#endif

/* Code of a case in assembly: entered by a call, or in user mode, where it ends in INT 0x80. */
#define CODE(name, text)                                                                           \
    void name(void);                                                                               \
    __asm__(".pushsection .text\n.globl " #name "\n" #name ":\n" text "\n.popsection\n")

int try_run(void (*code)(void));
extern word recover_stack; /* not zero while try_run() runs */
void try_recover(void);
void run_user(void (*code)(void));

/* Run `code` and look at the event; NONE means that it returned. */
void expect(void (*code)(void), word vector, word error);
void expect_user(void (*code)(void), word vector, word error);
/* The next event must have come from this instruction. */
void expect_ip(const void *address);
void check(bool good, const char *what, word found);
void skip(const char *reason);

/* Argument of a CODE in user mode or not: it finds it in RAX. */
extern word code_argument;
/* Flags of user mode besides the reserved one. */
extern word user_flags;

void set_descriptor(unsigned selector, uint64_t value);
uint64_t get_descriptor(unsigned selector);
void set_gate(unsigned vector, void (*code)(void), unsigned selector, unsigned type, unsigned ist);
void reset_gate(unsigned vector);
void call_gate(unsigned selector, void (*code)(void), unsigned target, unsigned dpl,
               unsigned parameters);

/* Make MAIN_TSS the task again, whatever the register holds, and clear CR0.TS. */
void restore_task_register(void);

enum { GATE_INTERRUPT = 0x8e, GATE_TRAP = 0x8f, GATE_TASK = 0x85, GATE_DPL3 = 0x60 };

/* Segment descriptors: base, limit as stored, access byte, and the high nibble of flags (G D L
 * AVL). */
uint64_t segment(uint32_t base, uint32_t limit, unsigned access, unsigned flags);

#ifdef __x86_64__
struct tss {
    uint32_t reserved0;
    uint64_t rsp0, rsp1, rsp2, reserved1, ist[7], reserved2;
    uint16_t reserved3, iomap;
    uint8_t map[0x2000 / 8 * 8 + 1];
} __attribute__((packed));
#else
struct tss {
    uint32_t back, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp,
        esi, edi;
    uint32_t es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, iomap;
    uint8_t map[0x2000 + 1];
} __attribute__((packed));
extern struct tss other_tss, fault_tss;
#endif
extern struct tss main_tss;
enum { TSS_MAP_BYTES = 0x2000 };

extern uint64_t page_top[], page_pointers[], page_directory[], page_test_directory[], page_test[];
extern char exception_stack[];
extern uint8_t user_stack_top[];

void *memset(void *at, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);
void print(const char *text);
void print_hex(word value);

struct cpuid {
    uint32_t a, b, c, d;
};
struct cpuid cpuid(uint32_t leaf, uint32_t subleaf);

#define READ(register)                                                                             \
    ({                                                                                             \
        word value_;                                                                               \
        __asm__ volatile("mov %%" #register ", %0" : "=r"(value_));                                \
        value_;                                                                                    \
    })
#define WRITE(register, value)                                                                     \
    __asm__ volatile("mov %0, %%" #register : : "r"((word)(value)) : "memory")

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint64_t rdmsr(uint32_t index)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t index, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

/* The time-stamp counter. */
static inline uint64_t ticks(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline void invlpg(word address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

#endif
#endif
