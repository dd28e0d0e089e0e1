/* SPDX-License-Identifier: MIT */
/* The bare-metal half of the instruction suite in C: descriptor and page tables, faults, output. */
#include "suite.h"

enum {
    VECTOR_PF = 14,
    GATE_WRITE = 0x80,
    GATE_EXIT = 0x81,
    GATE_PRESENT_INTERRUPT = 0x8e00, /* with 32 or 64 bits, by the mode */
    GATE_USER = 0x6000,
    TSS_AVAILABLE = 0x89,
    TSS_LIMIT = 103,
    PAGE_PRESENT = 1,
    PAGE_WRITE = 2,
    PAGE_USER = 4,
    VECTOR_BP = 3,
    VECTOR_OF = 4,
    FAULT_ENTRY_SIZE = 16,
    FAULT_ENTRIES = 32,
    MULTIBOOT_COMMAND_LINE = 1u << 2,
};

#define PAGE_NO_EXECUTE (1ull << 63)

#ifdef __x86_64__
enum { KERNEL_CS = 0x10 };
struct gate {
    uint16_t low;
    uint16_t selector;
    uint16_t type;
    uint16_t middle;
    uint32_t high;
    uint32_t reserved;
};
struct frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rax, rcx, rdx, rbx, rbp, rsi, rdi;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
#else
enum { KERNEL_CS = 0x08 };
struct gate {
    uint16_t low;
    uint16_t selector;
    uint16_t type;
    uint16_t middle;
};
struct frame {
    uint32_t edi, esi, ebp, kernel_esp, ebx, edx, ecx, eax;
    uint32_t vector, error, rip, cs, rflags, rsp, ss;
};
#endif

struct multiboot_info {
    uint32_t flags;
    uint32_t memory[2];
    uint32_t boot_device;
    uint32_t command_line;
};

extern struct gate idt[256];
extern uint64_t arena_table[512];
extern uint32_t tss_descriptor[4];
extern uint8_t tss[], fault_entries[], write_gate[], exit_gate[];
extern uint32_t multiboot_info;

void metal_tables(void);
void metal_fault(struct frame *frame);
void metal_user(void);

static void set_gate(int vector, const uint8_t *entry, uint16_t privilege)
{
    uintptr_t address = (uintptr_t)entry;
    idt[vector].low = (uint16_t)address;
    idt[vector].selector = KERNEL_CS;
    idt[vector].type = GATE_PRESENT_INTERRUPT | privilege;
    idt[vector].middle = (uint16_t)(address >> 16);
}

static void map(uintptr_t address, size_t size, uint64_t bits)
{
    for (size_t at = 0; at < size; at += PAGE_SIZE) {
        arena_table[(address + at - ARENA_BASE) / PAGE_SIZE] =
            (address + at) | PAGE_PRESENT | PAGE_USER | PAGE_NO_EXECUTE | bits;
    }
}

/* Runs in kernel mode before the first table is used. */
void metal_tables(void)
{
    uint32_t base = (uint32_t)(uintptr_t)tss;

    for (int vector = 0; vector < FAULT_ENTRIES; vector++) {
        uint16_t privilege = vector == VECTOR_BP || vector == VECTOR_OF ? GATE_USER : 0;
        set_gate(vector, fault_entries + FAULT_ENTRY_SIZE * vector, privilege);
    }
    set_gate(GATE_WRITE, write_gate, GATE_USER);
    set_gate(GATE_EXIT, exit_gate, GATE_USER);

    tss_descriptor[0] = TSS_LIMIT | base << 16;
    tss_descriptor[1] = (base >> 16 & 0xff) | TSS_AVAILABLE << 8 | (base & 0xff000000);

    map(ARENA_BASE, ARENA_SIZE, PAGE_WRITE);
    map(STACK_BASE, STACK_SIZE, PAGE_WRITE);
    map(RDONLY_BASE, PAGE_SIZE, 0);
    map(EDGE_BASE, PAGE_SIZE, PAGE_WRITE);
}

#ifdef __x86_64__
static void keep_registers(const struct frame *frame)
{
    const uint64_t gpr[16] = {
        frame->rax, frame->rcx, frame->rdx, frame->rbx, frame->rsp, frame->rbp,
        frame->rsi, frame->rdi, frame->r8,  frame->r9,  frame->r10, frame->r11,
        frame->r12, frame->r13, frame->r14, frame->r15,
    };
    for (int i = 0; i < 16; i++) {
        outcome.gpr[i] = gpr[i];
    }
}
#else
static void keep_registers(const struct frame *frame)
{
    const uint32_t gpr[8] = { frame->eax, frame->ecx, frame->edx, frame->ebx,
                              frame->rsp, frame->ebp, frame->esi, frame->edi };
    for (int i = 0; i < 8; i++) {
        outcome.gpr[i] = gpr[i];
    }
}
#endif

/* Keep what the fault showed and resume in user mode at case_fault_exit. */
void metal_fault(struct frame *frame)
{
    uintptr_t cr2;

    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    keep_registers(frame);
    outcome.rip = frame->rip;
    outcome.rflags = frame->rflags;
    outcome.vector = frame->vector;
    outcome.error = frame->error;
    outcome.cr2 = frame->vector == VECTOR_PF ? cr2 : 0;
    frame->rip = (uintptr_t)case_fault_exit;
    frame->rsp = case_stack;
    frame->rflags = 0x202;
}

void platform_write(const void *data, size_t size)
{
    __asm__ volatile("int $0x80" : "+S"(data), "+c"(size) : : "edx", "memory");
}

void metal_user(void)
{
    const struct multiboot_info *info = (const void *)(uintptr_t)multiboot_info;
    bool given = info->flags & MULTIBOOT_COMMAND_LINE;
    suite_main(given ? (const char *)(uintptr_t)info->command_line : "");
}
