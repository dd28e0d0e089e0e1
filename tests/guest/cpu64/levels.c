/* SPDX-License-Identifier: MIT */
/* Paging of four and of five levels: CR4.LA57 (SDM volume 3, sections 2.5, 3.3.7.1, 4.5). */
#include "guest.h"

#define CR4_LA57 (1ul << 12)

static uint64_t top[512] __attribute__((aligned(4096)));
word levels_stack;

CODE(write_cr4, "mov code_argument, %rax\n mov %rax, %cr4\n ret");

/* Long mode is left and entered again for other tables and another CR4. */
void enter_long_mode(word cr3, word cr4);
__asm__(".pushsection .text\n"
        "enter_long_mode: push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "mov %rsp, levels_stack\n push $0x08\n push $1f\n lretq\n"
        ".code32\n 1: mov %cr0, %eax\n btr $31, %eax\n mov %eax, %cr0\n"
        "mov %esi, %cr4\n mov %edi, %cr3\n bts $31, %eax\n mov %eax, %cr0\n ljmp $0x18, $2f\n"
        ".code64\n 2: mov levels_stack, %rsp\n"
        "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n.popsection\n");

/* Canonical with 57 bits only; the same code runs with either number of levels. */
CODE(jump_past_48, "movabs $0x800000000000, %rcx\n jump_past_48_here: jmp *%rcx");
CODE(return_past_48, "movabs $0x800000000000, %rcx\n push %rcx\n return_past_48_here: ret");
CODE(read_past_48, "movabs $0x800000000000, %rcx\n read_past_48_here: mov (%rcx), %al\n ret");
extern char jump_past_48_here[], return_past_48_here[], read_past_48_here[];

static bool has_five_levels(void)
{
    if (cpuid(7, 0).c >> 16 & 1)
        return true;
    skip("no five-level paging");
    return false;
}

static void four(void)
{
    expect(jump_past_48, GP, 0);
    expect_ip(jump_past_48_here);
    expect(return_past_48, GP, 0);
    expect_ip(return_past_48_here);
    expect(read_past_48, GP, 0);
}

static void five(void (*code)(void), const void *at)
{
    try_run(code);
    check(event.vector == PF, "vector", event.vector);
    check(event.cr2 == 0x800000000000, "cr2", event.cr2);
    check(event.ip == (word)at, "ip", event.ip);
}

CASE(levels, "levels/what-is-canonical-changes-with-the-number-of-levels")
{
    word cr3 = READ(cr3), cr4 = READ(cr4);

    if (!has_five_levels())
        return;
    top[0] = cr3 | PTE_U | PTE_W | PTE_P;
    for (unsigned round = 0; round < 2; round++) {
        four();
        enter_long_mode((word)top, cr4 | CR4_LA57);
        five(jump_past_48, (void *)0x800000000000);
        five(return_past_48, (void *)0x800000000000);
        five(read_past_48, read_past_48_here);
        enter_long_mode(cr3, cr4);
    }
    four();
}

CASE(levels_fixed, "levels/the-number-of-levels-does-not-change-in-long-mode")
{
    if (!has_five_levels())
        return;
    code_argument = READ(cr4) | CR4_LA57;
    expect(write_cr4, GP, 0);
}
