/* SPDX-License-Identifier: MIT */
/* Segment loads and segment limits in protected mode (SDM volume 3, chapters 3 and 5). */
#include "guest.h"

enum {
    DATA = 0x93, /* present, DPL 0, writable, accessed */
    DATA_READ_ONLY = 0x91,
    DATA_DOWN = 0x97, /* expand down */
    CODE_ACCESS = 0x9b,
    CODE_EXECUTE_ONLY = 0x99,
    CODE_CONFORMING = 0x9f,
    DPL3 = 0x60,
    PRESENT = 0x80,
    LDT_ACCESS = 0x82,
    BYTES_32 = 4,   /* D: 32-bit, limit in bytes */
    PAGES_32 = 0xc, /* G and D */
    BYTES_16 = 0,
};

/* FS gets the selector in code_argument, then the operand at code_offset is used. */
word code_offset;
CODE(fs_load, "mov code_argument, %eax\n mov %eax, %fs\n ret");
CODE(fs_read, "mov code_argument, %eax\n mov %eax, %fs\n mov code_offset, %edx\n fs_read_here: mov "
              "%fs:(%edx), %cl\n ret");
CODE(
    fs_read4,
    "mov code_argument, %eax\n mov %eax, %fs\n mov code_offset, %edx\n mov %fs:(%edx), %ecx\n ret");
CODE(fs_write,
     "mov code_argument, %eax\n mov %eax, %fs\n mov code_offset, %edx\n mov %fs:(%edx), %cl\n"
     "mov %cl, %fs:(%edx)\n ret");
CODE(ss_load, "mov code_argument, %eax\n mov %eax, %ss\n mov $0x10, %eax\n mov %eax, %ss\n ret");
CODE(user_ds_load, "mov %eax, %fs\n int $0x80");
CODE(user_ss_read, "mov %eax, %ss\n mov %ss:0x1000, %cl\n int $0x80");
CODE(user_ss_push, "mov %eax, %ss\n mov $0x1002, %esp\n push %eax\n int $0x80");
CODE(far_jump, "push code_argument\n pushl $1f\n lret\n 1: ret");
CODE(far_jump_direct, "ljmp *far_pointer\n ret");
CODE(lldt_load, "mov code_argument, %eax\n lldt %ax\n ret");
CODE(ltr_load, "mov code_argument, %eax\n ltr %ax\n ret");

extern char fs_read_here[];
struct {
    uint32_t offset;
    uint16_t selector;
} __attribute__((packed)) far_pointer;

static void expect_access(void (*code)(void), word selector, word offset, word vector, word error)
{
    code_argument = selector;
    code_offset = offset;
    expect(code, vector, error);
}

CASE(limit, "segments/access-beyond-the-limit-is-gp-0")
{
    set_descriptor(FREE_1, segment(0x1000, 0xff, DATA, BYTES_32));
    expect_access(fs_read, FREE_1, 0xff, NONE, 0);
    expect_access(fs_read, FREE_1, 0x100, GP, 0);
    expect_ip(fs_read_here);
    expect_access(fs_read4, FREE_1, 0xfc, NONE, 0);
    expect_access(fs_read4, FREE_1, 0xfd, GP, 0);
    expect_access(fs_write, FREE_1, 0x100, GP, 0);
}

CASE(pages, "segments/granular-limit-counts-whole-pages")
{
    set_descriptor(FREE_1, segment(0, 0, DATA, PAGES_32));
    expect_access(fs_read, FREE_1, 0xfff, NONE, 0);
    expect_access(fs_read, FREE_1, 0x1000, GP, 0);
}

CASE(base, "segments/base-is-added-and-wraps")
{
    static volatile uint32_t here = 0x12345678;
    word base = (word)&here - 0x100;

    set_descriptor(FREE_1, segment(base, 0xfffff, DATA, PAGES_32));
    __asm__ volatile("mov %0, %%fs" : : "r"(FREE_1));
    uint32_t found;
    __asm__ volatile("mov %%fs:0x100, %0" : "=r"(found));
    check(found == 0x12345678, "value through a base", found);
    set_descriptor(FREE_1, segment((word)&here + 0x100, 0xfffff, DATA, PAGES_32));
    __asm__ volatile("mov %1, %%fs; mov %%fs:-0x100, %0" : "=r"(found) : "r"(FREE_1));
    check(found == 0x12345678, "value through a wrapped offset", found);
}

CASE(expand_down, "segments/expand-down-allows-what-lies-above-the-limit")
{
    set_descriptor(FREE_1, segment(0, 0xfff, DATA_DOWN, BYTES_32));
    expect_access(fs_read, FREE_1, 0xfff, GP, 0);
    expect_access(fs_read, FREE_1, 0x1000, NONE, 0);
    expect_access(fs_read, FREE_1, 0x20000, NONE, 0);
    set_descriptor(FREE_1, segment(0, 0xfff, DATA_DOWN, BYTES_16));
    expect_access(fs_read, FREE_1, 0xffff, NONE, 0);
    expect_access(fs_read, FREE_1, 0x10000, GP, 0);
}

CASE(types, "segments/writing-read-only-and-reading-execute-only-is-gp-0")
{
    set_descriptor(FREE_1, segment(0, 0xfffff, DATA_READ_ONLY, PAGES_32));
    expect_access(fs_read, FREE_1, 0x1000, NONE, 0);
    expect_access(fs_write, FREE_1, 0x1000, GP, 0);
    set_descriptor(FREE_1, segment(0, 0xfffff, CODE_ACCESS, PAGES_32));
    expect_access(fs_read, FREE_1, 0x1000, NONE, 0);
    expect_access(fs_write, FREE_1, 0x1000, GP, 0);
    set_descriptor(FREE_1, segment(0, 0xfffff, CODE_EXECUTE_ONLY, PAGES_32));
    expect_access(fs_load, FREE_1, 0, GP, FREE_1);
}

CASE(null, "segments/null-selector-loads-but-does-not-serve")
{
    expect_access(fs_load, 0, 0, NONE, 0);
    expect_access(fs_load, 3, 0, NONE, 0);
    expect_access(fs_read, 0, 0x1000, GP, 0);
    expect_access(ss_load, 0, 0, GP, 0);
}

CASE(bad_loads, "segments/loading-what-is-no-data-segment-names-the-selector")
{
    expect_access(fs_load, GDT_BYTES, 0, GP, GDT_BYTES);
    expect_access(fs_load, MAIN_TSS, 0, GP, MAIN_TSS);
    set_descriptor(FREE_1, segment(0, 0xfffff, DATA & ~PRESENT, PAGES_32));
    expect_access(fs_load, FREE_1, 0, NP, FREE_1);
    expect_access(ss_load, FREE_1, 0, SS, FREE_1);
    expect_access(ss_load, KERNEL_DS | 1, 0, GP, KERNEL_DS);
    expect_access(ss_load, USER_DS, 0, GP, USER_DS & ~3ul);
    expect_access(ss_load, KERNEL_CS32, 0, GP, KERNEL_CS32);
    set_descriptor(FREE_1, segment(0, 0xfffff, DATA_READ_ONLY, PAGES_32));
    expect_access(ss_load, FREE_1, 0, GP, FREE_1);
}

CASE(user_loads, "segments/user-mode-cannot-load-dpl-0-data-but-conforming-code")
{
    code_argument = KERNEL_DS;
    expect_user(user_ds_load, GP, KERNEL_DS);
    code_argument = KERNEL_DS | 3;
    expect_user(user_ds_load, GP, KERNEL_DS);
    set_descriptor(FREE_1, segment(0, 0xfffff, CODE_CONFORMING, PAGES_32));
    code_argument = FREE_1 | 3;
    expect_user(user_ds_load, FINISHED, 0);
}

CASE(stack_limit, "segments/stack-segment-beyond-its-limit-is-ss-0")
{
    set_descriptor(FREE_1, segment(0, 0xfff, DATA | DPL3, BYTES_32));
    code_argument = FREE_1 | 3;
    expect_user(user_ss_read, SS, 0);
    expect_user(user_ss_push, SS, 0);
}

CASE(accessed, "segments/loading-sets-the-accessed-bit")
{
    set_descriptor(FREE_1, segment(0, 0xfffff, DATA & ~1, PAGES_32));
    expect_access(fs_load, FREE_1, 0, NONE, 0);
    check(get_descriptor(FREE_1) >> 40 & 1, "accessed bit", 0);
}

CASE(far_targets, "segments/far-transfer-checks-its-code-segment")
{
    code_argument = KERNEL_CS32;
    expect(far_jump, NONE, 0);
    code_argument = 0;
    expect(far_jump, GP, 0);
    code_argument = KERNEL_DS;
    expect(far_jump, GP, KERNEL_DS);
    set_descriptor(FREE_1, segment(0, 0xfffff, CODE_ACCESS & ~PRESENT, PAGES_32));
    code_argument = FREE_1;
    expect(far_jump, NP, FREE_1);
    far_pointer.selector = FREE_1;
    far_pointer.offset = 0x100000;
    expect(far_jump_direct, NP, FREE_1);
    set_descriptor(FREE_1, segment(0, 0xfff, CODE_ACCESS, BYTES_32));
    expect(far_jump_direct, GP, 0);
    far_pointer.selector = USER_CS32;
    expect(far_jump_direct, GP, USER_CS32 & ~3u);
}

static word lar(word selector, bool *valid)
{
    word value = 0;
    bool zero;
    __asm__ volatile("lar %2, %0; setz %1" : "+r"(value), "=q"(zero) : "r"(selector) : "cc");
    *valid = zero;
    return value & 0xf0ff00; /* bits 16 to 19 are undefined */
}

static bool verify(word selector, bool write)
{
    bool zero;
    if (write) {
        __asm__ volatile("verw %w1; setz %0" : "=q"(zero) : "r"(selector) : "cc");
    } else {
        __asm__ volatile("verr %w1; setz %0" : "=q"(zero) : "r"(selector) : "cc");
    }
    return zero;
}

CASE(rights, "segments/lar-lsl-verr-verw-tell-without-faulting")
{
    bool valid;
    word value = lar(KERNEL_DS, &valid), limit = 0;

    check(valid && value == 0xc09300, "lar of data", value);
    value = lar(MAIN_TSS, &valid);
    check(valid && (value & 0xff00) == 0x8b00, "lar of a busy task", value);
    lar(0, &valid);
    check(!valid, "lar of null", 0);
    lar(GDT_BYTES, &valid);
    check(!valid, "lar beyond the table", 0);
    set_gate(0x42, user_ds_load, KERNEL_CS, GATE_INTERRUPT, 0);
    set_descriptor(FREE_1, 0x00008e0000080000);
    lar(FREE_1, &valid);
    check(!valid, "lar of an interrupt gate", 0);
    reset_gate(0x42);
    __asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"(KERNEL_DS));
    check(limit == 0xffffffff, "lsl of data", limit);
    set_descriptor(FREE_1, segment(0, 0x123, DATA_READ_ONLY, BYTES_32));
    __asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"(FREE_1));
    check(limit == 0x123, "lsl in bytes", limit);
    check(verify(FREE_1, false) && !verify(FREE_1, true), "verr and verw of read-only data", 0);
    check(verify(KERNEL_CS32, false) && !verify(KERNEL_CS32, true), "verr and verw of code", 0);
    check(!verify(MAIN_TSS, false) && !verify(0, false), "verr of a task or null", 0);
}

CASE(ldt, "segments/local-table-serves-its-selectors")
{
    static uint64_t local[2];

    local[1] = segment(0x1000, 0xff, DATA, BYTES_32);
    expect_access(fs_load, 0xc, 0, GP, 0xc);
    set_descriptor(LDT, segment((word)local, sizeof(local) - 1, LDT_ACCESS, 0));
    code_argument = LDT;
    expect(lldt_load, NONE, 0);
    expect_access(fs_read, 0xc, 0xff, NONE, 0);
    expect_access(fs_read, 0xc, 0x100, GP, 0);
    expect_access(fs_load, 0x14, 0, GP, 0x14);
    word found;
    __asm__ volatile("xor %0, %0; sldt %w0" : "=r"(found));
    check(found == LDT, "sldt", found);
    code_argument = KERNEL_DS;
    expect(lldt_load, GP, KERNEL_DS);
    set_descriptor(LDT, segment((word)local, sizeof(local) - 1, LDT_ACCESS & ~PRESENT, 0));
    code_argument = LDT;
    expect(lldt_load, NP, LDT);
    code_argument = 0;
    expect(lldt_load, NONE, 0);
}

CASE(ltr, "segments/task-register-takes-an-available-task-only")
{
    code_argument = 0;
    expect(ltr_load, GP, 0);
    code_argument = MAIN_TSS; /* busy */
    expect(ltr_load, GP, MAIN_TSS);
    code_argument = KERNEL_DS;
    expect(ltr_load, GP, KERNEL_DS);
    restore_task_register();
}
